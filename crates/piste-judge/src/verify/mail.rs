//! Rights to mailboxes, rules and forwardings, and Exchange's roles.
//!
//! In: cmdlets as Exchange's event log, its remote PowerShell log, its audit log and Microsoft 365 write them. Out: a right by mailbox,
//! trustee and right, a rule by mailbox and name, a role by role and assignee. Source: Microsoft, "Exchange PowerShell", parameters of
//! the cmdlets named.

use std::collections::BTreeMap;

use piste_model::removal::{NameSort, TraceKind};

use super::names::account;
use super::rows::Row;
use super::trace::{Act, Trace};

/// Cmdlets that are read, in lower case.
const KNOWN: [&str; 20] = [
    "add-mailboxpermission",
    "add-recipientpermission",
    "add-adpermission",
    "remove-mailboxpermission",
    "remove-recipientpermission",
    "remove-adpermission",
    "add-mailboxfolderpermission",
    "set-mailboxfolderpermission",
    "remove-mailboxfolderpermission",
    "new-inboxrule",
    "remove-inboxrule",
    "new-transportrule",
    "enable-transportrule",
    "remove-transportrule",
    "disable-transportrule",
    "set-mailbox",
    "new-managementroleassignment",
    "remove-managementroleassignment",
    "add-rolegroupmember",
    "remove-rolegroupmember",
];

pub(super) fn read(row: &Row<'_>, found: &mut Vec<Trace>) {
    let Some(cmdlet) = Cmdlet::of(row) else { return };
    let given = |names: &[&str]| {
        names.iter().find_map(|name| cmdlet.parameters.get(*name)).map_or("", String::as_str)
    };
    let mailbox = given(&["identity", "mailbox"]);
    match cmdlet.name.as_str() {
        "add-mailboxpermission" | "add-recipientpermission" | "add-adpermission" => {
            right(Act::Made, mailbox, given(&["user", "trustee"]), found);
        }
        "remove-mailboxpermission" | "remove-recipientpermission" | "remove-adpermission" => {
            right(Act::Removed, mailbox, given(&["user", "trustee"]), found);
        }
        "add-mailboxfolderpermission" | "set-mailboxfolderpermission" => {
            right(Act::Made, mailbox, given(&["user"]), found);
        }
        "remove-mailboxfolderpermission" => right(Act::Removed, mailbox, given(&["user"]), found),
        "new-inboxrule" => rule(Act::Made, given(&["mailbox"]), given(&["name"]), found),
        "remove-inboxrule" => rule(Act::Removed, given(&["mailbox"]), given(&["identity"]), found),
        "new-transportrule" | "enable-transportrule" => {
            rule(Act::Made, "transport", given(&["name", "identity"]), found);
        }
        "remove-transportrule" | "disable-transportrule" => {
            rule(Act::Removed, "transport", given(&["identity", "name"]), found);
        }
        "set-mailbox" => forwarding(&cmdlet, mailbox, found),
        "new-managementroleassignment" => {
            role(
                Act::Made,
                given(&["role"]),
                given(&["user", "securitygroup", "policy"]),
                given(&["name"]),
                found,
            );
        }
        "remove-managementroleassignment" => removed_role(mailbox, found),
        "add-rolegroupmember" => role(Act::Made, mailbox, given(&["member"]), "", found),
        "remove-rolegroupmember" => role(Act::Removed, mailbox, given(&["member"]), "", found),
        _ => {}
    }
}

/// A cmdlet that was carried out.
struct Cmdlet {
    name: String,
    parameters: BTreeMap<String, String>,
}

impl Cmdlet {
    fn of(row: &Row<'_>) -> Option<Self> {
        match row.dataset {
            "windows.msexchange-management" if row.code() == 1 => {
                let name = row.first(&["CmdletName", "Cmdlet"]);
                if !name.is_empty() {
                    return Some(Self::parsed(name, row.first(&["CmdletParameters", "Parameters"])));
                }
                // Without names of fields: the cmdlet stands first, or somewhere in the text that an exporter made.
                let data = row.data();
                let text = if data.is_empty() { row.text("Message").to_owned() } else { data.join(" ") };
                Self::found_in(&text)
            }
            "exchange.rps-cmdlet" if row.text("ExecutionResult") != "Error" => {
                let parameters = [row.text("Parameters"), row.text("NonPiiParameters")].join(" ");
                Some(Self::parsed(row.text("Cmdlet"), &parameters))
            }
            "exchange.admin-audit" => Some(Self::parsed(
                row.first(&["CmdletName", "Operation"]),
                row.first(&["CmdletParameters", "Parameters"]),
            )),
            "m365.audit" => Some(Self::of_cloud(row)),
            _ => None,
        }
    }

    fn parsed(name: &str, parameters: &str) -> Self {
        Self { name: name.trim().to_lowercase(), parameters: parameters_of(parameters) }
    }

    /// The first known cmdlet in a text, with what follows it.
    fn found_in(text: &str) -> Option<Self> {
        let is_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
        let word = text
            .split(|sign: char| !is_name(sign))
            .find(|word| KNOWN.contains(&word.to_lowercase().as_str()))?;
        let (_, rest) = text.split_once(word)?;
        Some(Self::parsed(word, rest.trim_end_matches('.')))
    }

    /// The audit log of Microsoft 365 has a column a parameter.
    fn of_cloud(row: &Row<'_>) -> Self {
        const NAMES: [&str; 10] = [
            "Identity",
            "Mailbox",
            "User",
            "Trustee",
            "Name",
            "ForwardingSmtpAddress",
            "ForwardingAddress",
            "Role",
            "Member",
            "AccessRights",
        ];
        let mut parameters = BTreeMap::new();
        for name in NAMES {
            let text = row.text(&format!("Parameters.{name}"));
            if !text.is_empty() {
                parameters.insert(name.to_lowercase(), text.to_owned());
            }
        }
        // A rule that its owner makes names no mailbox: it is his.
        if !parameters.contains_key("mailbox") && !row.text("UserId").is_empty() {
            parameters.insert("mailbox".to_owned(), row.text("UserId").to_owned());
        }
        Self { name: row.text("Operation").to_lowercase(), parameters }
    }
}

/// `-Name "value"`, `-Name value`, `-Name:value`; quotes doubled inside stand for one.
fn parameters_of(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name: Option<String> = None;
    for word in words(text) {
        let is_name = !word.quoted && word.text.len() > 1 && word.text.starts_with('-');
        if is_name && word.text.chars().nth(1).is_some_and(|letter| letter.is_ascii_alphabetic()) {
            let (before, value) = word.text.split_once(':').unwrap_or((&word.text, ""));
            let plain = before.trim_start_matches('-').to_lowercase();
            if value.is_empty() {
                found.entry(plain.clone()).or_insert_with(String::new);
                name = Some(plain);
            } else {
                found.insert(plain, value.trim_matches(['"', '\'']).to_owned());
                name = None;
            }
        } else if let Some(name) = name.take() {
            found.insert(name, word.text);
        }
    }
    found
}

struct Word {
    text: String,
    quoted: bool,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut signs = text.chars().peekable();
    while let Some(first) = signs.next() {
        if first.is_whitespace() {
            continue;
        }
        let quote = Some(first).filter(|first| matches!(first, '"' | '\''));
        let mut word = if quote.is_some() { String::new() } else { first.to_string() };
        while let Some(sign) = signs.next() {
            match quote {
                Some(quote) if sign == quote => {
                    if signs.peek() == Some(&quote) {
                        signs.next();
                        word.push(quote);
                        continue;
                    }
                    break;
                }
                None if sign.is_whitespace() => break,
                _ => word.push(sign),
            }
        }
        words.push(Word { text: word, quoted: quote.is_some() });
    }
    words
}

fn right(act: Act, mailbox: &str, user: &str, found: &mut Vec<Trace>) {
    let (box_name, who) = (mailbox_name(mailbox), account(user));
    if box_name.is_empty() || who.is_empty() {
        return;
    }
    let trace = Trace::new(TraceKind::MailboxRight, act, &format!("{mailbox} <- {user}"));
    found.push(trace.named(NameSort::Name, format!("{box_name} <- {who}")));
}

/// `min.example/Users/kabinet`, `kabinet@min.example:\Inbox`, `MIN\kabinet`: the mailbox's short name.
fn mailbox_name(text: &str) -> String {
    let front = text.split(":\\").next().unwrap_or_default();
    account(front)
}

fn rule(act: Act, mailbox: &str, name: &str, found: &mut Vec<Trace>) {
    // What is removed may be named `MAILBOX\NAME`.
    let (mailbox, name) = match name.split_once('\\') {
        Some((front, tail)) if mailbox.is_empty() => (front, tail),
        _ => (mailbox, name.rsplit('\\').next().unwrap_or(name)),
    };
    if name.is_empty() {
        return;
    }
    let trace = Trace::new(TraceKind::MailboxRule, act, &format!("{mailbox}: {name}"));
    found.push(
        trace.named(NameSort::Name, format!("{}: {}", mailbox_name(mailbox), name.trim().to_lowercase())),
    );
}

/// Mail that is handed on to somebody: set, or taken back with nothing in its place.
fn forwarding(cmdlet: &Cmdlet, mailbox: &str, found: &mut Vec<Trace>) {
    for name in ["forwardingsmtpaddress", "forwardingaddress"] {
        let Some(to) = cmdlet.parameters.get(name) else { continue };
        let off = matches!(to.to_lowercase().as_str(), "" | "$null" | "null");
        let act = if off { Act::Removed } else { Act::Made };
        let trace = Trace::new(TraceKind::MailboxRule, act, &format!("{mailbox}: forwarding"));
        found.push(trace.named(NameSort::Name, format!("{}: forwarding", mailbox_name(mailbox))));
    }
}

fn role(act: Act, role: &str, who: &str, name: &str, found: &mut Vec<Trace>) {
    let (plain, member) = (role.trim().to_lowercase(), account(who));
    if plain.is_empty() || member.is_empty() {
        return;
    }
    let mut trace = Trace::new(TraceKind::GroupRight, act, &format!("{role} <- {who}"));
    trace = trace.named(NameSort::Name, format!("{plain} <- {member}"));
    if !name.is_empty() {
        trace = trace.named(NameSort::Name, format!("{} <-", name.trim().to_lowercase()));
    }
    found.push(trace);
}

/// An assignment is removed by its name, which is `ROLE-ASSIGNEE` unless somebody chose another.
fn removed_role(identity: &str, found: &mut Vec<Trace>) {
    let plain = identity.trim().rsplit(['\\', '/']).next().unwrap_or_default().to_lowercase();
    let mut trace = Trace::new(TraceKind::GroupRight, Act::Removed, identity);
    trace = trace.named(NameSort::Name, format!("{plain} <-"));
    if let Some((role, who)) = plain.rsplit_once('-').filter(|(_, who)| !who.is_empty()) {
        trace = trace.named(NameSort::Name, format!("{role} <- {who}"));
    }
    // An assignee's own name may have a dash.
    for (at, _) in plain.match_indices('-') {
        if let (Some(role), Some(who)) = (plain.get(..at), plain.get(at + 1..)) {
            trace = trace.named(NameSort::Name, format!("{role} <- {who}"));
        }
    }
    found.push(trace);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_every_form() {
        let text = r#"-Identity "Kabinet" -User:MIN\svc-x -AccessRights 'Full''Access' -Confirm "False" -AutoMapping"#;
        let read = parameters_of(text);
        let value = |name: &str| read.get(name).map(String::as_str);
        assert_eq!(value("identity"), Some("Kabinet"));
        assert_eq!(value("user"), Some(r"MIN\svc-x"));
        assert_eq!(value("accessrights"), Some("Full'Access"));
        assert_eq!(value("automapping"), Some(""));
    }

    #[test]
    fn what_is_given_and_what_is_taken_meet() {
        let mut found = Vec::new();
        role(Act::Made, "Mailbox Import Export", r"MIN\svc-backup", "", &mut found);
        removed_role("Mailbox Import Export-svc-backup", &mut found);
        rule(Act::Made, "kabinet@min.example", "Junk", &mut found);
        rule(Act::Removed, "", r"kabinet\Junk", &mut found);
        right(Act::Made, "min.example/Users/kabinet", r"MIN\svc-x", &mut found);
        right(Act::Removed, "kabinet@min.example", "svc-x", &mut found);
        for pair in found.chunks(2) {
            assert!(pair[0].names.iter().any(|name| pair[1].names.contains(name)), "{pair:?}");
        }
    }
}
