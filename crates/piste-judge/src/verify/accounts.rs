//! Accounts and their rights.
//!
//! In: the Security log's account management, SAM, exports of a directory, Exchange's roles. Out: accounts by name and SID, memberships by
//! group and member: `GROUP <- MEMBER`.

use piste_model::removal::{NameSort, TraceKind};

use super::names::{account, is_of_somebody};
use super::rows::Row;
use super::trace::{Act, LISTED, Trace};

pub(super) fn read(row: &Row<'_>, found: &mut Vec<Trace>) {
    match (row.dataset, row.code()) {
        ("windows.security", 4720) => of_event(row, Act::Made, found),
        ("windows.security", 4726) => of_event(row, Act::Removed, found),
        ("windows.security", 4723 | 4724) => of_event(row, Act::SecretSet, found),
        ("windows.security", 4728 | 4732 | 4756) => membership(row, Act::Made, found),
        ("windows.security", 4729 | 4733 | 4757) => membership(row, Act::Removed, found),
        ("registry.account", _) => sam(row, found),
        ("velociraptor.users", _) => {
            let name = row.first(&["User", "Name"]);
            found.push(of_name(Act::Listed { made: None, disabled: false }, name, row.first(&["UserSid"])));
        }
        ("directory.object", _) => object(row, found),
        ("directory.change", _) => change(row, found),
        _ => {}
    }
}

fn of_name(act: Act, name: &str, sid: &str) -> Trace {
    let plain = account(name);
    let trace = Trace::new(TraceKind::Account, act, name);
    if !is_of_somebody(&plain) {
        return trace; // without a name it is no thing
    }
    trace.named(NameSort::Name, plain).named(NameSort::Sid, sid_of(sid))
}

/// A SID, in upper case; empty for what is none.
fn sid_of(text: &str) -> String {
    let plain = text.trim().trim_start_matches("%{").trim_end_matches('}').to_uppercase();
    if plain.starts_with("S-1-5-21-") { plain } else { String::new() }
}

fn of_event(row: &Row<'_>, act: Act, found: &mut Vec<Trace>) {
    let name = row.first(&["TargetUserName", "SamAccountName"]);
    let mut trace = of_name(act, name, row.first(&["TargetSid", "TargetUserSid"]));
    let domain = row.first(&["TargetDomainName"]);
    if !domain.is_empty() {
        trace.place = format!(r"{domain}\{name}");
    }
    found.push(trace);
}

/// A member of a group, by each of its names.
fn right(act: Act, group: &str, member: &str, names: &[&str]) -> Trace {
    let mut trace = Trace::new(TraceKind::GroupRight, act, &format!("{group} <- {member}"));
    let group = account(group);
    if group.is_empty() {
        return trace;
    }
    for name in names {
        let sid = sid_of(name);
        let plain = account(name);
        if !sid.is_empty() {
            trace = trace.named(NameSort::Sid, format!("{group} <- {sid}"));
        } else if is_of_somebody(&plain) && !plain.starts_with("s-1-") {
            trace = trace.named(NameSort::Name, format!("{group} <- {plain}"));
        }
    }
    trace
}

fn membership(row: &Row<'_>, act: Act, found: &mut Vec<Trace>) {
    let (name, sid) = (row.first(&["MemberName"]), row.first(&["MemberSid"]));
    let shown = if name.is_empty() { sid } else { name };
    found.push(right(act, row.text("TargetUserName"), shown, &[name, sid]));
}

/// Local accounts and groups. The members of a group are SIDs; a user's row says in which groups he is.
fn sam(row: &Row<'_>, found: &mut Vec<Trace>) {
    let name = row.text("User");
    if row.text("AccountType") == "group" {
        found.extend(row.data().iter().map(|member| right(LISTED, name, member, &[member])));
        return;
    }
    let disabled = row.text("Flags").split(", ").any(|flag| flag == "disabled");
    let act = Act::Listed { made: row.time_in("NameWritten"), disabled };
    found.push(of_name(act, name, row.text("UserSid")));
    if let Some(set) = row.time_in("PasswordSet") {
        found.push(of_name(Act::SecretSet, name, row.text("UserSid")).at(Some(set)));
    }
    for group in row.text("Groups").split("; ").filter(|group| !group.is_empty()) {
        found.push(right(LISTED, group, name, &[name, row.text("UserSid")]));
    }
}

/// An object of the directory: an account with its password's time, a group with its members.
fn object(row: &Row<'_>, found: &mut Vec<Trace>) {
    let name = row.first(&["sAMAccountName", "SamAccountName"]);
    let members = row.first(&["member", "Members"]);
    for member in split_names(members) {
        found.push(right(LISTED, name, member, &[member]));
    }
    for group in split_names(row.first(&["memberOf", "MemberOf"])) {
        found.push(right(LISTED, group, name, &[name, row.text("objectSid")]));
    }
    if name.is_empty() || !is_a_person(row) {
        return;
    }
    let flags = row.text("UserAccountControlFlags").to_lowercase();
    let disabled = flags.contains("accountdisable") || row.text("Enabled").eq_ignore_ascii_case("false");
    let act = Act::Listed { made: row.time_in("whenCreated").or(row.time()), disabled };
    found.push(of_name(act, name, row.text("objectSid")));
    if let Some(set) = row.time_in("pwdLastSet").or(row.time_in("PasswordLastSet")) {
        found.push(of_name(Act::SecretSet, name, row.text("objectSid")).at(Some(set)));
    }
}

fn is_a_person(row: &Row<'_>) -> bool {
    let class = row.text("objectClass").to_lowercase();
    let last = class.rsplit(';').next().unwrap_or_default().trim();
    class.is_empty() && row.text("member").is_empty()
        || matches!(last, "user" | "inetorgperson" | "msds-groupmanagedserviceaccount")
}

/// Several distinguished names in one value.
fn split_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|name| !name.is_empty())
}

/// Metadata of replication: when a password was set, when a member was put in or taken out.
fn change(row: &Row<'_>, found: &mut Vec<Trace>) {
    let (name, at) = (row.text("DistinguishedName"), row.time_in("OriginatingTime").or(row.time()));
    match row.text("Attribute").to_lowercase().as_str() {
        "pwdlastset" | "unicodepwd" => found.push(of_name(Act::SecretSet, name, "").at(at)),
        "member" => {
            let gone = row.time_in("LinkDeleted").is_some_and(|deleted| deleted.nanos > 0)
                || row.text("LinkState").eq_ignore_ascii_case("absent");
            let act = if gone { Act::Removed } else { LISTED };
            found.push(right(act, name, row.text("Member"), &[row.text("Member")]).at(at));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_the_same_by_name_and_by_sid() {
        let event =
            right(Act::Made, "Domain Admins", "CN=svc-x,DC=min", &["CN=svc-x,DC=min", "S-1-5-21-1-2-3-1104"]);
        let listed = right(LISTED, "domain admins", "S-1-5-21-1-2-3-1104", &["S-1-5-21-1-2-3-1104"]);
        assert!(event.names.iter().any(|name| listed.names.contains(name)));
        let other = right(LISTED, "Administrators", "S-1-5-21-1-2-3-1104", &["S-1-5-21-1-2-3-1104"]);
        assert!(!event.names.iter().any(|name| other.names.contains(name)));
    }

    #[test]
    fn accounts_of_the_system_are_no_things() {
        assert!(of_name(LISTED, "MX01$", "").names.is_empty());
        assert!(of_name(LISTED, r"NT AUTHORITY\SYSTEM", "").names.is_empty());
        assert_eq!(of_name(LISTED, r"MIN\Helper", "S-1-5-21-1-2-3-1104").names.len(), 2);
    }
}
