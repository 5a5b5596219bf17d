//! Logons from outside, the doors that need no flaw.
//!
//! In: Remote Desktop logons and refusals of Windows, granted and refused accesses of a network policy server, logons that web
//! workers asked for. Out: facts by service, where the other side is an address of the Internet.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::address;

use super::fact::{Fact, Rung, Store, Topic, quoted};
use super::mail::{Refusals, SIGN_IN, Sessions};
use super::processes::scan;
use super::rows::Row;
use super::vpn::{self, Attempt, Visits};

/// Service name of Remote Desktop.
pub(crate) const REMOTE_DESKTOP: &str = "Remote Desktop";

/// Refusals of one account from one address on one day that are more than the Internet's noise.
const TARGETED: u64 = 5;
/// Accounts that one address tried, from which on it was guessing.
const SPRAYED: usize = 3;
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;
/// Refusals kept by account and address.
const GUESSES_MAX: usize = 100_000;

/// Host, service, address, account, day.
type Guess = (String, String, String, String, i64);

/// How many refusals each log has of one guess, and the earliest. Two logs of one logon are no two guesses.
#[derive(Debug, Default)]
struct Refused {
    by_log: BTreeMap<&'static str, u64>,
    facts: BTreeSet<Fact>,
}

impl Refused {
    fn count(&self) -> u64 {
        self.by_log.values().copied().max().unwrap_or_default()
    }

    fn first(&self) -> Option<&Fact> {
        self.facts.first()
    }
}

/// Refused logons from outside.
#[derive(Debug, Default)]
pub(crate) struct Guesses(BTreeMap<Guess, Refused>);

impl Guesses {
    pub(crate) fn add(&mut self, host: &str, service: &str, account: &str, fact: Fact) {
        let day = fact.nanos() / DAY;
        let key = (host.to_owned(), service.to_owned(), fact.source.clone(), plain(account), day);
        if self.0.len() >= GUESSES_MAX && !self.0.contains_key(&key) {
            return;
        }
        let refused = self.0.entry(key).or_default();
        *refused.by_log.entry(fact.log).or_default() += 1;
        refused.facts.insert(fact);
        if refused.facts.len() > FACTS_MAX {
            refused.facts.pop_last();
        }
    }

    /// Whether the address of a logon had guessed before: at this account again and again, or at several.
    pub(crate) fn guessed(&self, host: &str, service: &str, account: &str, logon: &Fact) -> bool {
        let source = logon.source.as_str();
        let from = (host.to_owned(), service.to_owned(), source.to_owned(), String::new(), i64::MIN);
        let mut names = BTreeSet::new();
        for ((_, _, _, name, _), refused) in
            self.0.range(from..).take_while(|((one, other, address, _, _), _)| {
                one == host && other == service && address == source
            })
        {
            if refused.first().is_none_or(|first| first.nanos() > logon.nanos()) {
                continue;
            }
            names.insert(name);
            if name == account && refused.count() >= TARGETED {
                return true;
            }
        }
        names.len() >= SPRAYED
    }

    /// Whether a stranger was refused before that time; `own` tells addresses of those who are let in.
    pub(crate) fn seen_before(
        &self,
        host: &str,
        service: &str,
        nanos: i64,
        own: &dyn Fn(&str) -> bool,
    ) -> bool {
        self.0.iter().any(|((one, other, source, _, _), refused)| {
            one == host
                && other == service
                && refused.first().is_some_and(|first| first.nanos() < nanos)
                && !own(source)
        })
    }

    /// Whether somebody at an address went on at this account before that time.
    pub(crate) fn tried(&self, host: &str, service: &str, account: &str, nanos: i64) -> bool {
        self.0.iter().any(|((one, other, _, name, _), refused)| {
            one == host
                && other == service
                && name == account
                && refused.count() >= TARGETED
                && refused.first().is_some_and(|first| first.nanos() < nanos)
        })
    }

    /// Hands over the refusals; `mistyped` tells (host, address, account) of owners.
    pub(crate) fn tell(self, store: &mut Store, mistyped: &dyn Fn(&str, &str, &str) -> bool) {
        for ((host, service, source, account, _), Refused { by_log, facts }) in self.0 {
            let count = by_log.values().copied().max().unwrap_or_default();
            if mistyped(&host, &source, &account) {
                continue;
            }
            let topic = || Topic::Remote(service.clone());
            if let Some(first) = facts.first().filter(|_| count >= TARGETED && !account.is_empty()) {
                let mut first = first.clone();
                first.what = format!(
                    "{count} logons of {} from {} were refused that day",
                    quoted(&account),
                    quoted(&source)
                );
                store.add(&host, topic(), Rung::Refused, first);
            }
            for fact in facts {
                store.add(&host, topic(), Rung::Looked, fact);
            }
        }
    }
}

/// Facts of one account from one address on one day.
const FACTS_MAX: usize = 20;

/// An account's name without its domain or folder, in lower case: of `MIN\anna`, `anna@min.example`, `min.example/Users/anna`.
pub(crate) fn plain(account: &str) -> String {
    let name = account.rsplit(['\\', '/']).next().unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_lowercase()
}

/// Columns of the Security log that logons are read from.
pub(crate) const SECURITY: [&str; 10] = [
    "LogonType",
    "IpAddress",
    "IpPort",
    "AuthenticationPackageName",
    "TargetUserName",
    "TargetDomainName",
    "ProcessName",
    "CallingStationID",
    "SubjectUserName",
    "FullyQualifiedSubjectUserName",
];

/// What is known of logons from outside while logs are read.
#[derive(Debug, Default)]
pub(crate) struct Logons {
    pub(crate) guesses: Guesses,
    pub(crate) visits: Visits,
    pub(crate) sessions: Sessions,
    pub(crate) refusals: Refusals,
}

impl Logons {
    /// Takes a row of the Security log.
    pub(crate) fn of_security(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
        match row.code() {
            Some(4624) if is_web_logon(row) => {
                let (user, address) = (row.text("TargetUserName"), row.text("IpAddress"));
                self.sessions.web_logon(row, host(row.host()), user, address);
            }
            Some(4624) => granted(row, host, store),
            Some(4625) => refused(row, host, &mut self.guesses),
            Some(code @ (6272 | 6273)) => {
                let log = if code == 6272 { "Security 6272" } else { "Security 6273" };
                let (source, account) = (row.text("CallingStationID"), row.text("SubjectUserName"));
                let granted = code == 6272;
                self.visits.add(row, &Attempt { log, host: host(row.host()), source, account, granted });
            }
            _ => {}
        }
    }
}

/// Reads the datasets beside the Security log.
pub(crate) fn read(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
    logons: &mut Logons,
    store: &mut Store,
) -> Result<(), LakeError> {
    let core = "windows.remotedesktopservices-rdpcorets";
    scan(lake, core, &["IPString", "ClientIP"], &[131, 140], &mut |row| connection(row, host, store))?;
    terminal(lake, host, store)?;
    vpn::read(lake, host, &mut logons.visits)
}

/// Sessions of Remote Desktop.
fn terminal(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let session = ["Address", "User"];
    let sessions = "windows.terminalservices-localsessionmanager";
    scan(lake, sessions, &session, &[21, 25], &mut |row| {
        let (address, user) = (row.text("Address"), row.text("User"));
        let what = format!("session of {} from {}", quoted(user), quoted(address));
        desktop(row, Rung::Used, address, user, what, "TerminalServices 21/25", host, store);
    })?;
    let connection = ["Param1", "Param2", "Param3"];
    let connections = "windows.terminalservices-remoteconnectionmanager";
    scan(lake, connections, &connection, &[1149], &mut |row| {
        let user = account(row.text("Param2"), row.text("Param1"));
        let address = row.text("Param3");
        let what = format!(
            "connection accepted for {} from {}; a logon need not have followed",
            quoted(&user),
            quoted(address)
        );
        desktop(row, Rung::Passed, address, &user, what, "TerminalServices 1149", host, store);
    })
}

fn account(domain: &str, user: &str) -> String {
    if matches!(domain, "" | "-") { user.to_owned() } else { format!("{domain}\\{user}") }
}

fn granted(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    if row.text("LogonType") != "10" {
        return;
    }
    let (address, user) =
        (row.text("IpAddress"), account(row.text("TargetDomainName"), row.text("TargetUserName")));
    let what = format!("logon of {} from {}", quoted(&user), quoted(address));
    desktop(row, Rung::Used, address, &user, what, "Security 4624", host, store);
}

/// A refused logon of Remote Desktop. Where the network asks first (NLA), it is of type 3 by NTLM and names no port; those of
/// web sites and shares name one.
fn refused(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, guesses: &mut Guesses) {
    let web = is_web_logon(row);
    let network_first = row.text("LogonType") == "3"
        && matches!(row.text("IpPort"), "0" | "-")
        && row.text("AuthenticationPackageName").eq_ignore_ascii_case("NTLM");
    let address = row.text("IpAddress");
    if !(web || row.text("LogonType") == "10" || network_first) || !is_public(address) {
        return;
    }
    let user = row.text("TargetUserName");
    let what = format!("logon of {} from {} was refused", quoted(user), quoted(address));
    // Guessed names are no accounts that the door acted as.
    let fact = Fact::new("Security 4625", row.time(), row.place(), what).from(address);
    guesses.add(&host(row.host()), if web { SIGN_IN } else { REMOTE_DESKTOP }, user, fact);
}

/// A logon that a web server's worker asked for: of type 8 where somebody filled in a form or sent the password by HTTP.
fn is_web_logon(row: Row<'_, '_>) -> bool {
    let process = row.text("ProcessName").rsplit('\\').next().unwrap_or_default();
    process.eq_ignore_ascii_case("w3wp.exe") && matches!(row.text("LogonType"), "3" | "8")
}

/// What the transport of Remote Desktop says: 131 somebody connected, 140 name or password were wrong.
fn connection(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let failed = row.code() == Some(140);
    let address = if failed { row.text("IPString") } else { row.text("ClientIP") };
    let told = if failed { "sent a wrong name or password" } else { "connected" };
    let what = format!("{} {told}", quoted(address));
    let log = if failed { "RdpCoreTS 140" } else { "RdpCoreTS 131" };
    desktop(row, Rung::Looked, address, "", what, log, host, store);
}

#[expect(clippy::too_many_arguments, reason = "the parts of one fact, each of its own source")]
fn desktop(
    row: Row<'_, '_>,
    rung: Rung,
    address: &str,
    user: &str,
    what: String,
    log: &'static str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    if !is_public(address) {
        return;
    }
    let fact = Fact::new(log, row.time(), row.place(), what).from(address).by(user);
    store.add(&host(row.host()), Topic::Remote(REMOTE_DESKTOP.to_owned()), rung, fact);
}

/// Whether the address is one of the Internet.
pub(crate) fn is_public(text: &str) -> bool {
    address::parse(text).is_some_and(address::is_public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_left_out() {
        assert_eq!((plain("MIN\\Anna"), plain("anna@min.example")), ("anna".to_owned(), "anna".to_owned()));
        assert_eq!(plain("min.example/Users/anna"), "anna");
    }

    #[test]
    fn addresses_of_the_internet() {
        for inside in [
            "10.0.0.1",
            "192.168.2.5",
            "172.16.9.9",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "-",
            "",
            "LOCAL",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(inside), "{inside}");
        }
        for outside in ["203.0.113.7", "8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(is_public(outside), "{outside}");
        }
    }
}
