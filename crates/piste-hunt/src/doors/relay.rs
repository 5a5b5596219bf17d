//! A server's own logon, relayed to a domain controller and used there (CVE-2018-8581).
//!
//! In: network logons of machine accounts by NTLM (Security 4624), changes of the domain's security descriptor (5136). Out:
//! facts, where one logon session did both: the session's id joins them, not nearness in time.

use std::collections::BTreeMap;

use piste_lake::{Lake, LakeError};

use super::fact::{Fact, Rung, Store, Topic, quoted};
use super::flaw::Flaw;
use super::processes::scan;
use super::rows::Row;

/// Sessions and changes that are kept; the least keys, so that the order of rows does not matter.
const KEPT_MAX: usize = 20_000;

type Key = (String, String);

/// Reads the dataset.
pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let columns = [
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
    let mut sessions: BTreeMap<Key, Fact> = BTreeMap::new();
    let mut changes: BTreeMap<Key, Fact> = BTreeMap::new();
    scan(lake, "windows.security", &columns, &[4624, 5136], &mut |row| {
        if let Some((id, fact)) = session(row) {
            keep(&mut sessions, (host(row.host()), id), fact);
        } else if let Some((id, fact)) = change(row) {
            keep(&mut changes, (host(row.host()), id), fact);
        }
    })?;
    for (key, change) in changes {
        let Some(session) = sessions.remove(&key) else { continue };
        let topic = Topic::Exploit(Flaw::PushSubscription);
        store.add(&key.0, topic.clone(), Rung::Passed, session);
        store.add(&key.0, topic, Rung::Effect, change);
    }
    Ok(())
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
    let what = format!(
        "network logon of the machine account {} by NTLM, which names its workstation {}",
        quoted(user),
        quoted(row.text("WorkstationName"))
    );
    let fact = Fact::new("Security 4624", row.time(), row.place(), what).from(address).by(user);
    network.then(|| (row.text("TargetLogonId").to_lowercase(), fact))
}

fn change(row: Row<'_, '_>) -> Option<(String, Fact)> {
    let of_domain = row.code() == Some(5136)
        && row.text("AttributeLDAPDisplayName").eq_ignore_ascii_case("nTSecurityDescriptor")
        && row.text("ObjectClass").eq_ignore_ascii_case("domainDNS");
    let user = row.text("SubjectUserName");
    let what = format!("the same session changed who may do what with {}", quoted(row.text("ObjectDN")));
    let fact = Fact::new("Security 5136", row.time(), row.place(), what).by(user);
    of_domain.then(|| (row.text("SubjectLogonId").to_lowercase(), fact))
}
