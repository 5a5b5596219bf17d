//! Accounts made, and accounts put into groups that rule: doors that stay when every hole is mended.
//!
//! In: events of the Security log (account made, enabled, disabled, deleted; member added, removed), commands that ask for the
//! same (`net user /add`, `New-ADUser`, `Add-ADGroupMember`, `dsadd`), logons. Out: a candidate door for each account that got
//! rights of that kind, with who gave them and whether they were taken back. Administrators do the same: what tells them
//! apart is where the command came from.
//!
//! Source: Microsoft, "Audit User Account Management" and "Audit Security Group Management"; well-known SIDs of groups.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::reason::{AccountChange, AccountSign, Would};
use piste_model::{Door, DoorState, DoorVerdict, ReasonKind};

use super::account_names::plain;
use super::fact::Fact;
use super::known::{Known, MissingLog};
use super::ladder::Draft;
use super::paths::file_name;
use super::rows::Row;
use super::scan::scan;
use super::words::quoted;

/// Columns of the Security log that they are read from.
pub(crate) const SECURITY: [&str; 11] = [
    "TargetUserName",
    "TargetSid",
    "TargetDomainName",
    "MemberName",
    "MemberSid",
    "SubjectUserName",
    "LogonType",
    "IpAddress",
    "CommandLine",
    "NewProcessName",
    "ParentProcessName",
];
/// Accounts and events kept; a hostile log could have more.
const ACCOUNTS_MAX: usize = 20_000;
const EVENTS_MAX: usize = 60;
/// Logons kept of one account.
const LOGONS_MAX: usize = 4;
/// How far a command and the event that it brings about are apart.
const SOON: i64 = 300_000_000_000;
/// Rights that are taken back so soon were given for something that was to stay unseen.
const BRIEF: i64 = 86_400_000_000_000;

/// What was done to an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Made,
    Enabled,
    /// Put into a group that rules.
    Given(String),
    Disabled,
    Deleted,
    Taken(String),
}

impl Deed {
    fn opens(&self) -> bool {
        matches!(self, Self::Made | Self::Enabled | Self::Given(_))
    }

    /// The change that it is, and the group that it concerns.
    fn change(&self) -> (AccountChange, Option<String>) {
        match self {
            Self::Made => (AccountChange::Made, None),
            Self::Enabled => (AccountChange::Enabled, None),
            Self::Disabled => (AccountChange::Disabled, None),
            Self::Deleted => (AccountChange::Deleted, None),
            Self::Given(group) => (AccountChange::PutIntoGroup, Some(quoted(group))),
            Self::Taken(group) => (AccountChange::TakenOutOfGroup, Some(quoted(group))),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    fact: Fact,
    deed: Deed,
    /// Whether the server says that it was done, not only that it was asked for.
    done: bool,
    /// Why it is no administrator's work.
    sign: Option<AccountSign>,
}

/// What is known of accounts while logs are read.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    events: BTreeMap<(String, String), BTreeSet<Event>>,
    /// Names by SID, from events that name the account itself, and from the directory's paths of members.
    names: BTreeMap<String, String>,
    common: BTreeMap<String, String>,
    /// By SID, until all names are known.
    members: BTreeMap<(String, String), BTreeSet<Event>>,
    logons: BTreeMap<String, BTreeSet<Fact>>,
}

impl Accounts {
    /// Takes an event of account or group management.
    pub(crate) fn of_security(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String) {
        let (target, by) = (row.text("TargetUserName"), row.text("SubjectUserName"));
        let deed = match row.code() {
            Some(4720) => Deed::Made,
            Some(4722) => Deed::Enabled,
            Some(4725) => Deed::Disabled,
            Some(4726) => Deed::Deleted,
            Some(4728 | 4732 | 4756) => Deed::Given(target.to_owned()),
            Some(4729 | 4733 | 4757) => Deed::Taken(target.to_owned()),
            _ => return,
        };
        let of_group = matches!(deed, Deed::Given(_) | Deed::Taken(_));
        if of_group && !rules(target, row.text("TargetSid")) {
            return;
        }
        let member = member_name(row.text("MemberName"));
        let (name, sid) = if of_group {
            (member, row.text("MemberSid"))
        } else {
            (target.to_owned(), row.text("TargetSid"))
        };
        // Set-up makes the first account of a machine in the machine's own name.
        let first = sid.starts_with("S-1-5-21-") && sid.ends_with("-1000") && by.ends_with('$');
        if is_systems(&name) || first {
            return;
        }
        let log = LOGS.iter().find(|(code, _)| Some(*code) == row.code()).map_or("Security", |(_, log)| *log);
        let account = quoted(if name.is_empty() { sid } else { &name });
        let (change, group) = deed.change();
        let said = ReasonKind::AccountChanged { change, account, group, by: quoted(by) };
        let fact = Fact::new(log, row.time(), row.place(), said);
        let sign = (deed == Deed::Made && name.ends_with('$')).then_some(AccountSign::MachineName);
        let event = Event { fact, deed, done: true, sign };
        let host = host(row.host());
        if of_group {
            // Names of groups' members are paths in the directory, or missing: the SID tells the account.
            let key = if sid.is_empty() || sid == "-" { plain(&name) } else { sid.to_uppercase() };
            if !name.is_empty() {
                keep_name(&mut self.common, &key, &name);
            }
            insert(&mut self.members, (host, key), event);
        } else {
            keep_name(&mut self.names, &sid.to_uppercase(), &name);
            insert(&mut self.events, (host, plain(&name)), event);
        }
    }

    /// Takes a process start.
    pub(crate) fn of_command(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String) {
        let sysmon = row.code() == Some(1);
        let (parent, user) = if sysmon {
            (row.text("ParentImage"), row.text("User"))
        } else {
            (row.text("ParentProcessName"), row.text("SubjectUserName"))
        };
        let log = if sysmon { "Sysmon 1" } else { "Security 4688" };
        self.of_text(row, host, log, (row.text("CommandLine"), parent, user));
    }

    fn of_text(
        &mut self,
        row: Row<'_, '_>,
        host: &dyn Fn(&str) -> String,
        log: &'static str,
        (text, parent, user): (&str, &str, &str),
    ) {
        if !may_ask(text) {
            return;
        }
        let sign = if file_name(parent) == "w3wp.exe" {
            Some(AccountSign::WebWorker)
        } else if user.to_lowercase().contains("iis apppool") || plain(user) == "defaultapppool" {
            Some(AccountSign::WebAccount)
        } else {
            None
        };
        for (name, deed) in asked(text).into_iter().filter(|(name, _)| !is_systems(name)) {
            let (change, group) = deed.change();
            let (account, command) = (quoted(&name), quoted(text));
            let said = ReasonKind::AccountChangeAsked { change, account, group, command };
            let fact = Fact::new(log, row.time(), row.place(), said).by(user);
            let event = Event { fact, deed, done: false, sign };
            insert(&mut self.events, (host(row.host()), plain(&name)), event);
        }
    }

    /// Takes a logon.
    pub(crate) fn of_logon(&mut self, row: Row<'_, '_>, _host: &dyn Fn(&str) -> String) {
        let user = plain(row.text("TargetUserName"));
        if user.ends_with('$') || matches!(user.as_str(), "" | "-" | "system" | "anonymous logon") {
            return;
        }
        if !self.logons.contains_key(&user) && self.logons.len() >= ACCOUNTS_MAX {
            return;
        }
        let logons = self.logons.entry(user.clone()).or_default();
        // Most rows are later than those that are kept: they cost no more than this look.
        let late = row.time().map_or(i64::MAX, |time| time.nanos);
        if logons.len() >= LOGONS_MAX && logons.last().is_some_and(|last| last.nanos() < late) {
            return;
        }
        let (logon_type, account) = (quoted(row.text("LogonType")), quoted(&user));
        let said = ReasonKind::AccountLoggedOn { logon_type, account };
        let fact =
            Fact::new("Security 4624", row.time(), row.place(), said).from(row.text("IpAddress")).by(&user);
        logons.insert(fact);
        if logons.len() > LOGONS_MAX {
            logons.pop_last();
        }
    }

    /// The doors.
    pub(crate) fn doors(mut self, known: &Known<'_>) -> Vec<Door> {
        for ((host, key), events) in std::mem::take(&mut self.members) {
            let known = self.names.get(&key).or(self.common.get(&key));
            let name = known.map_or(key.clone(), |name| plain(name));
            let named = events.into_iter().map(|mut event| {
                // The event names its member by the SID alone; other events tell whose it is.
                if let (Some(_), ReasonKind::AccountChanged { account, .. }) = (known, &mut event.fact.said)
                    && account.eq_ignore_ascii_case(&quoted(&key))
                {
                    *account = quoted(&name);
                }
                event
            });
            let named: Vec<Event> = named.collect();
            self.events.entry((host, name)).or_default().extend(named);
        }
        self.join_commands();
        let events = std::mem::take(&mut self.events);
        events.iter().filter_map(|((host, name), events)| self.door(known, (host, name), events)).collect()
    }

    /// A command given on one host and carried out on another, as on a domain controller, is one deed.
    fn join_commands(&mut self) {
        let mut done: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
        for ((host, name), events) in &self.events {
            for event in events.iter().filter(|event| event.done) {
                done.entry(name.clone()).or_default().push((event.fact.nanos(), host.clone()));
            }
        }
        let mut moved: Vec<((String, String), Event)> = Vec::new();
        for ((host, name), events) in &mut self.events {
            let Some(places) = done.get(name) else { continue };
            let place = |event: &Event| {
                let near = places.iter().filter(|(at, other)| {
                    other != host && at.abs_diff(event.fact.nanos()) <= SOON.unsigned_abs()
                });
                near.map(|(_, other)| other.clone()).next()
            };
            let away: Vec<Event> =
                events.iter().filter(|one| !one.done && place(one).is_some()).cloned().collect();
            for event in away {
                events.remove(&event);
                if let Some(other) = place(&event) {
                    moved.push(((other, name.clone()), event));
                }
            }
        }
        for (key, event) in moved {
            insert(&mut self.events, key, event);
        }
        self.events.retain(|_, events| !events.is_empty());
    }

    fn door(&self, known: &Known<'_>, (host, name): (&str, &str), events: &BTreeSet<Event>) -> Option<Door> {
        let signs: BTreeSet<AccountSign> = events.iter().filter_map(|event| event.sign).collect();
        let ruling = events.iter().any(|event| matches!(event.deed, Deed::Given(_)));
        let made: Option<&Event> = events.iter().find(|event| event.deed == Deed::Made);
        let asked = made.is_some_and(|made| !made.done);
        let opened = events.iter().find(|event| event.deed.opens())?;
        if !(ruling || asked || (made.is_some() && !signs.is_empty())) {
            return None; // an account as administrators make every day
        }
        let mut draft = Draft::new(known, "account", host, name);
        draft.steps(events.iter().map(|event| &event.fact), 0);
        let start = opened.fact.nanos();
        let logons: Vec<&Fact> = self
            .logons
            .get(name)
            .into_iter()
            .flatten()
            .filter(|fact| made.is_some() && fact.nanos() >= start)
            .collect();
        draft.steps(logons.iter().copied(), 0);
        let done = events.iter().any(|event| event.done && event.deed.opens());
        let verdict = match (done, signs.is_empty(), logons.is_empty()) {
            (_, false, false) => DoorVerdict::Used,
            (true, ..) => DoorVerdict::Succeeded,
            (false, ..) => DoorVerdict::Probed,
        };
        for sign in &signs {
            draft.sum(ReasonKind::NoAdministratorsWork { sign: *sign });
        }
        if is_brief(events) {
            draft.sum(ReasonKind::RightsBrief {});
        }
        draft.verdict(verdict);
        draft.sum(match verdict {
            DoorVerdict::Used => ReasonKind::AccountUsed {},
            DoorVerdict::Succeeded => ReasonKind::AccountGiven {},
            _ => ReasonKind::AccountAsked {},
        });
        draft.state(state(events));
        if signs.is_empty() {
            draft.against(ReasonKind::AdministratorsToo {});
        }
        if !done {
            let time = opened.fact.time;
            draft.missing(known.lacks(host, &MissingLog::SECURITY, Would::AccountMade, time));
        }
        if done {
            draft.opened_by([&opened.fact]);
        }
        if verdict == DoorVerdict::Used {
            draft.used_by(logons.iter().copied());
        }
        draft.people(logons.iter().copied());
        draft.close(
            "ask who wanted it; else disable the account, take it out of its groups and look at what it did",
        );
        Some(draft.finish())
    }
}

/// Commands of Sysmon and of PowerShell's own log.
pub(crate) fn read(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
    accounts: &mut Accounts,
) -> Result<(), LakeError> {
    scan(lake, "windows.powershell", &["ScriptBlockText"], &[4104], &mut |row| {
        accounts.of_text(row, host, "PowerShell 4104", (row.text("ScriptBlockText"), "", ""));
    })
}

const LOGS: [(i32, &str); 10] = [
    (4720, "Security 4720"),
    (4722, "Security 4722"),
    (4725, "Security 4725"),
    (4726, "Security 4726"),
    (4728, "Security 4728"),
    (4729, "Security 4729"),
    (4732, "Security 4732"),
    (4733, "Security 4733"),
    (4756, "Security 4756"),
    (4757, "Security 4757"),
];

fn keep_name(names: &mut BTreeMap<String, String>, key: &str, name: &str) {
    if names.len() < ACCOUNTS_MAX && !matches!(key, "" | "-") {
        names.entry(key.to_owned()).or_insert_with(|| name.to_owned());
    }
}

fn insert(events: &mut BTreeMap<(String, String), BTreeSet<Event>>, key: (String, String), event: Event) {
    if events.len() >= ACCOUNTS_MAX && !events.contains_key(&key) {
        return;
    }
    let all = events.entry(key).or_default();
    all.insert(event);
    // The first ones say since when, the last ones how it stands now: what lies between is let go.
    if all.len() > EVENTS_MAX
        && let Some(middle) = all.iter().nth(EVENTS_MAX / 2).cloned()
    {
        all.remove(&middle);
    }
}

/// Where the last events leave the account.
fn state(events: &BTreeSet<Event>) -> DoorState {
    let (mut usable, mut groups, mut was_given) = (true, BTreeSet::new(), false);
    for event in events {
        match &event.deed {
            Deed::Made | Deed::Enabled => usable = true,
            Deed::Disabled | Deed::Deleted => usable = false,
            Deed::Given(group) => {
                was_given = true;
                groups.insert(group.to_lowercase());
            }
            Deed::Taken(group) => _ = groups.remove(&group.to_lowercase()),
        }
    }
    let made = events.iter().any(|event| event.deed == Deed::Made);
    let without_groups = was_given && groups.is_empty() && !made;
    match (usable, without_groups) {
        (false, _) => DoorState::Closed,
        // Of so many events some were let go: a group may have been among them.
        (true, true) if events.len() >= EVENTS_MAX => DoorState::Unknown,
        (true, true) => DoorState::Closed,
        (true, false) => DoorState::Open,
    }
}

fn is_brief(events: &BTreeSet<Event>) -> bool {
    events.iter().any(|one| {
        let Deed::Given(group) = &one.deed else { return false };
        let taken = |other: &Event| {
            other.deed == Deed::Taken(group.clone())
                && other.fact.nanos() >= one.fact.nanos()
                && other.fact.nanos().saturating_sub(one.fact.nanos()) <= BRIEF
        };
        events.iter().any(taken)
    })
}

/// The common name of `CN=svc-x,CN=Users,DC=min,DC=example`; as it is where it is none.
fn member_name(member: &str) -> String {
    if matches!(member, "" | "-") {
        return String::new();
    }
    let first =
        member.get(..3).filter(|front| front.eq_ignore_ascii_case("cn=")).and_then(|_| member.get(3..));
    first.map_or(member, |rest| rest.split(',').next().unwrap_or(rest)).to_owned()
}

/// Accounts that Windows and Exchange make for themselves.
fn is_systems(name: &str) -> bool {
    let lower = plain(name);
    ["healthmailbox", "systemmailbox", "sm_", "defaultaccount", "wdagutilityaccount", "msol_"]
        .iter()
        .any(|front| lower.starts_with(front))
}

/// Groups whose members rule, or come in from afar: by the end of their SID, else by name in several languages.
fn rules(group: &str, sid: &str) -> bool {
    let domain = ["-512", "-518", "-519", "-520"];
    let built_in = ["S-1-5-32-544", "S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-551", "S-1-5-32-555"];
    let by_sid = (sid.starts_with("S-1-5-21-") && domain.iter().any(|end| sid.ends_with(end)))
        || built_in.iter().any(|one| sid.eq_ignore_ascii_case(one));
    let lower = plain(group);
    let names = [
        "domain admins",
        "enterprise admins",
        "schema admins",
        "administrators",
        "administrateurs",
        "admins du domaine",
        "administratoren",
        "domänen-admins",
        "account operators",
        "backup operators",
        "server operators",
        "dnsadmins",
        "remote desktop users",
        "utilisateurs du bureau à distance",
        "organization management",
        "exchange trusted subsystem",
        "exchange windows permissions",
    ];
    by_sid || names.contains(&lower.as_str())
}

/// A cheap look before a command is taken apart.
fn may_ask(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    (lower.contains("net") && (lower.contains("/add") || lower.contains("/del") || lower.contains("/active")))
        || ["new-localuser", "new-aduser", "add-localgroupmember", "add-adgroupmember", "dsadd", "dsmod"]
            .iter()
            .any(|word| lower.contains(word))
}

/// Accounts and what a command asks to be done to them.
fn asked(text: &str) -> Vec<(String, Deed)> {
    let words = words(text);
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let rest = words.get(at + 1..).unwrap_or_default();
        match file_name(word).trim_end_matches(".exe") {
            "net" | "net1" => net(rest, &mut found),
            "new-localuser" => found.extend(value(rest, &["-name"]).map(|name| (name, Deed::Made))),
            "new-aduser" => {
                found.extend(value(rest, &["-samaccountname", "-name"]).map(|name| (name, Deed::Made)));
            }
            "add-localgroupmember" | "add-adgroupmember" => {
                let group = value(rest, &["-group", "-identity", "-name"]);
                let member = value_named(rest, &["-member", "-members"]).or_else(|| positional(rest, 1));
                if let (Some(group), Some(member)) = (group, member)
                    && rules(&group, "")
                {
                    found.push((member, Deed::Given(group)));
                }
            }
            "dsadd" if rest.first().is_some_and(|one| one.eq_ignore_ascii_case("user")) => {
                let path = rest.get(1).map(|path| member_name(path));
                found.extend(value_named(rest, &["-samid"]).or(path).map(|name| (name, Deed::Made)));
            }
            "dsmod" if rest.first().is_some_and(|one| one.eq_ignore_ascii_case("group")) => {
                let group = rest.get(1).map(|path| member_name(path)).unwrap_or_default();
                if let Some(member) = value_named(rest, &["-addmbr"]).filter(|_| rules(&group, "")) {
                    found.push((member_name(&member), Deed::Given(group)));
                }
            }
            _ => {}
        }
    }
    found
}

/// `net user NAME PASSWORD /add`, `net localgroup GROUP NAME /add`.
fn net(rest: &[String], found: &mut Vec<(String, Deed)>) {
    let end =
        rest.iter().position(|word| matches!(word.as_str(), "&" | "&&" | "|" | ";")).unwrap_or(rest.len());
    let rest = rest.get(..end).unwrap_or_default();
    let has = |switch: &str| rest.iter().any(|word| word.eq_ignore_ascii_case(switch));
    let Some((kind, more)) = rest.split_first() else { return };
    let plain_words: Vec<&String> = more.iter().filter(|word| !word.starts_with('/')).collect();
    let Some((first, others)) = plain_words.split_first() else { return };
    match kind.to_ascii_lowercase().as_str() {
        "user" | "users" if has("/add") => found.push(((*first).clone(), Deed::Made)),
        "user" | "users" if has("/del") || has("/delete") => found.push(((*first).clone(), Deed::Deleted)),
        "user" | "users" if has("/active:yes") => found.push(((*first).clone(), Deed::Enabled)),
        "user" | "users" if has("/active:no") => found.push(((*first).clone(), Deed::Disabled)),
        "group" | "localgroup" if rules(first, "") => {
            let given = has("/add");
            if given || has("/del") || has("/delete") {
                let deed = |group: &str| {
                    if given { Deed::Given(group.to_owned()) } else { Deed::Taken(group.to_owned()) }
                };
                found.extend(others.iter().map(|name| ((*name).clone(), deed(first))));
            }
        }
        _ => {}
    }
}

/// The value of the first of these parameters, else the first word that is none.
fn value(rest: &[String], names: &[&str]) -> Option<String> {
    value_named(rest, names).or_else(|| positional(rest, 0))
}

fn value_named(rest: &[String], names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let at = rest.iter().position(|word| word.eq_ignore_ascii_case(name))?;
        rest.get(at + 1).filter(|value| !value.starts_with('-')).cloned()
    })
}

/// The words before the first parameter.
fn positional(rest: &[String], number: usize) -> Option<String> {
    rest.iter().take_while(|word| !word.starts_with('-')).nth(number).cloned()
}

/// Words of a command, quotes undone; `&`, `|` and `;` stand alone.
fn words(text: &str) -> Vec<String> {
    const CHARS_MAX: usize = 16_384;
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let end = |words: &mut Vec<String>, word: &mut String| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    for letter in text.chars().take(CHARS_MAX) {
        match (quote, letter) {
            (Some(mark), _) if letter == mark => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '&' | '|' | ';') => {
                end(&mut words, &mut word);
                words.push(letter.to_string());
            }
            (None, ' ' | '\t' | '\r' | '\n' | ',') => end(&mut words, &mut word),
            _ => word.push(letter),
        }
    }
    end(&mut words, &mut word);
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, Deed)]) {
        let expected: Vec<(String, Deed)> =
            expected.iter().map(|(name, deed)| ((*name).to_owned(), deed.clone())).collect();
        let found = if may_ask(text) { asked(text) } else { Vec::new() };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn commands_that_make_accounts_and_give_rights() {
        let given = |group: &str| Deed::Given(group.to_owned());
        check("cmd /c net user helpdesk P@ss1 /add&echo [S]", &[("helpdesk", Deed::Made)]);
        check(r"net user helpdesk P@ss1 /add", &[("helpdesk", Deed::Made)]);
        check(
            r#"C:\Windows\System32\net1.exe localgroup "Administrators" helpdesk /add"#,
            &[("helpdesk", given("Administrators"))],
        );
        check(r#"net group "Domain Admins" svc-x /add /domain"#, &[("svc-x", given("Domain Admins"))]);
        check(r#"net group "Readers" svc-x /add /domain"#, &[]);
        check("net user /domain", &[]);
        check("net user anna /active:no", &[("anna", Deed::Disabled)]);
        check("New-ADUser -Name 'Svc X' -SamAccountName svc-x -Enabled $true", &[("svc-x", Deed::Made)]);
        check(
            "Add-ADGroupMember -Identity 'Domain Admins' -Members svc-x",
            &[("svc-x", given("Domain Admins"))],
        );
        check("Add-LocalGroupMember Administrators helpdesk", &[("helpdesk", given("Administrators"))]);
        check(
            r#"dsadd user "CN=Svc X,CN=Users,DC=min,DC=example" -samid svc-x -pwd x"#,
            &[("svc-x", Deed::Made)],
        );
    }

    #[test]
    fn groups_by_sid_and_by_name() {
        assert!(rules("Admins du domaine", ""));
        assert!(rules("Beheerders", "S-1-5-32-544"));
        assert!(rules("x", "S-1-5-21-1-2-3-512"));
        assert!(!rules("Domain Users", "S-1-5-21-1-2-3-513"));
        assert_eq!(member_name("CN=svc-x,CN=Users,DC=min,DC=example"), "svc-x");
    }

    proptest! {
        #[test]
        fn no_command_makes_it_panic(text in "(net |user |/add |\"|'|,|-|New-ADUser |dsadd |group |\\PC){0,30}") {
            let _ = asked(&text);
        }
    }
}
