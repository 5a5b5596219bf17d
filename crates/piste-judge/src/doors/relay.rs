//! A server's own logon, relayed to a domain controller and used there (CVE-2018-8581).
//!
//! In: network logons of machine accounts by NTLM (Security 4624), changes of the domain's security descriptor (5136). Out:
//! facts, where one logon session did both: the session's id joins them, not nearness in time.

use std::collections::BTreeMap;

use piste_model::ReasonKind;

use super::fact::Fact;
use super::flaw::Flaw;
use super::rows::Row;
use super::rung::Rung;
use super::store::{Store, Topic};
use super::words::quoted;

/// Sessions and changes that are kept; the least keys, so that the order of rows does not matter.
const KEPT_MAX: usize = 20_000;

type Key = (String, String);

/// Columns of the Security log that it is read from.
pub(crate) const SECURITY: [&str; 11] = [
    "LogonType",
    "AuthenticationPackageName",
    "TargetUserName",
    "TargetLogonId",
    "IpAddress",
    "WorkstationName",
    "SubjectUserName",
    "SubjectLogonId",
    "AttributeLDAPDisplayName",
    "ObjectClass",
    "ObjectDN",
];

/// Logons and changes, until they are joined.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    sessions: BTreeMap<Key, Fact>,
    changes: BTreeMap<Key, Fact>,
}

impl Relay {
    /// Takes a row of the Security log.
    pub(crate) fn of_security(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String) {
        if let Some((id, fact)) = session(row) {
            keep(&mut self.sessions, (host(row.host()), id), fact);
        } else if let Some((id, fact)) = change(row) {
            keep(&mut self.changes, (host(row.host()), id), fact);
        }
    }

    /// Hands over the sessions that changed the domain.
    pub(crate) fn tell(mut self, store: &mut Store) {
        for (key, change) in self.changes {
            let Some(session) = self.sessions.remove(&key) else { continue };
            let topic = Topic::Exploit(Flaw::PushSubscription);
            store.add(&key.0, topic.clone(), Rung::Passed, session);
            store.add(&key.0, topic, Rung::Effect, change);
        }
    }
}

fn keep(known: &mut BTreeMap<Key, Fact>, key: Key, fact: Fact) {
    match known.get(&key) {
        Some(earlier) if *earlier <= fact => {}
        _ => _ = known.insert(key, fact),
    }
    if known.len() > KEPT_MAX {
        known.pop_last();
    }
}

fn session(row: Row<'_, '_>) -> Option<(String, Fact)> {
    let (user, address) = (row.text("TargetUserName"), row.text("IpAddress"));
    let network = row.code() == Some(4624)
        && row.text("LogonType") == "3"
        && row.text("AuthenticationPackageName").eq_ignore_ascii_case("NTLM")
        && user.ends_with('$');
    let workstation = quoted(row.text("WorkstationName"));
    let said = ReasonKind::MachineLoggedOn { account: quoted(user), workstation };
    let fact = Fact::new("Security 4624", row.time(), row.place(), said).from(address).by(user);
    network.then(|| (row.text("TargetLogonId").to_lowercase(), fact))
}

fn change(row: Row<'_, '_>) -> Option<(String, Fact)> {
    let of_domain = row.code() == Some(5136)
        && row.text("AttributeLDAPDisplayName").eq_ignore_ascii_case("nTSecurityDescriptor")
        && row.text("ObjectClass").eq_ignore_ascii_case("domainDNS");
    let user = row.text("SubjectUserName");
    let said = ReasonKind::DirectoryRightsChanged { object: quoted(row.text("ObjectDN")) };
    let fact = Fact::new("Security 5136", row.time(), row.place(), said).by(user);
    of_domain.then(|| (row.text("SubjectLogonId").to_lowercase(), fact))
}
