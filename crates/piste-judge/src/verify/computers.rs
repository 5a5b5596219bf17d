//! Whether a computer is the one that it was.
//!
//! In: SAM and the hive SOFTWARE of before and after. Out: a computer that has another machine SID was installed anew; one of a new name
//! with a known SID was renamed. A name alone says neither.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::removal::{HostState, RemovalList, VerifiedHost};

use super::names::registry;
use super::rows::each_row;
use super::scan::is_same_host;

/// What tells one installation of Windows from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// SIDs of the machine.
    pub machine_sids: BTreeSet<String>,
    /// When it was installed, as the hive has it.
    pub installed: BTreeSet<String>,
}

/// The computers of a lake, by name.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn identities(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
) -> Result<BTreeMap<String, Identity>, LakeError> {
    let mut found: BTreeMap<String, Identity> = BTreeMap::new();
    let wanted = |dataset: &str| matches!(dataset, "registry.account" | "registry.value");
    each_row(lake, &wanted, &mut |row| {
        let name = host(row.host());
        if name.is_empty() || name.contains(' ') {
            return;
        }
        if row.dataset == "registry.account" {
            let sid = row.text("UserSid");
            if let Some((machine, _)) =
                sid.rsplit_once('-').filter(|(front, _)| front.starts_with("S-1-5-21-"))
            {
                found.entry(name).or_default().machine_sids.insert(machine.to_owned());
            }
        } else if registry(row.text("TargetObject"))
            .ends_with(r"\microsoft\windows nt\currentversion\installdate")
        {
            found.entry(name).or_default().installed.insert(row.text("Details").to_owned());
        }
    })?;
    Ok(found)
}

/// Computers of the case before, and of each collection after.
pub(super) struct Computers<'a> {
    pub(super) before: &'a BTreeMap<String, Identity>,
    pub(super) after: &'a [BTreeMap<String, Identity>],
    /// Names of computers that evidence of after is of.
    pub(super) named_after: &'a BTreeSet<String>,
    /// Names of computers of the case.
    pub(super) named_before: &'a BTreeSet<String>,
}

impl Computers<'_> {
    /// The name in the case of a computer that bears another one now.
    pub(super) fn renamed(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (now, identity) in self.after.iter().flatten() {
            if self.named_before.iter().any(|name| is_same_host(name, now)) {
                continue;
            }
            let same = |one: &Identity| {
                one.machine_sids.intersection(&identity.machine_sids).next().is_some()
                    && (one.installed.is_empty()
                        || identity.installed.is_empty()
                        || one.installed == identity.installed)
            };
            let was: Vec<&String> =
                self.before.iter().filter(|(_, one)| same(one)).map(|(name, _)| name).collect();
            // Computers that were copied share their SID: then none is known to be the other.
            if let [was] = was.as_slice()
                && !self.named_after.iter().any(|name| is_same_host(name, was))
            {
                found.insert(now.clone(), (*was).clone());
            }
        }
        found
    }

    /// What is said of each computer of the list, and of those that only the evidence of after has.
    pub(super) fn told(&self, list: &RemovalList, renamed: &BTreeMap<String, String>) -> Vec<VerifiedHost> {
        let mut names: BTreeSet<&String> =
            list.items.iter().map(|item| &item.host).filter(|host| !host.is_empty()).collect();
        let of_list = names.clone();
        names.retain(|name| {
            !of_list.iter().any(|other| other.len() > name.len() && is_same_host(other, name))
        });
        let mut hosts: Vec<VerifiedHost> = names.iter().map(|name| self.of_list(name, renamed)).collect();
        let is_known = |name: &String| {
            self.named_before.iter().any(|known| is_same_host(known, name)) || renamed.contains_key(name)
        };
        let new = self.named_after.iter().filter(|name| !is_known(name));
        hosts.extend(
            new.map(|name| said(name, HostState::New, "", "nothing of it is in the case".to_owned())),
        );
        hosts
    }

    fn of_list(&self, name: &str, renamed: &BTreeMap<String, String>) -> VerifiedHost {
        if let Some((now, _)) = renamed.iter().find(|(_, was)| is_same_host(was, name)) {
            return said(name, HostState::Renamed, now, "its machine SID is the same".to_owned());
        }
        if !self.named_after.iter().any(|after| is_same_host(after, name)) {
            return said(name, HostState::NotCollected, "", String::new());
        }
        let before = self.before.iter().find(|(known, _)| is_same_host(known, name)).map(|(_, one)| one);
        let after =
            self.after.iter().flatten().filter(|(known, _)| is_same_host(known, name)).map(|(_, one)| one);
        for (before, after) in
            before.into_iter().flat_map(|before| after.clone().map(move |after| (before, after)))
        {
            let joined = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(", ");
            let other = |one: &BTreeSet<String>, two: &BTreeSet<String>| {
                !one.is_empty() && !two.is_empty() && one.intersection(two).next().is_none()
            };
            if other(&before.machine_sids, &after.machine_sids) {
                let because = format!(
                    "machine SID {} was {}",
                    joined(&after.machine_sids),
                    joined(&before.machine_sids)
                );
                return said(name, HostState::Reinstalled, "", because);
            }
            if other(&before.installed, &after.installed) {
                let because = format!(
                    "installed {} where it was {}",
                    joined(&after.installed),
                    joined(&before.installed)
                );
                return said(name, HostState::UpgradedOrReinstalled, "", because);
            }
        }
        said(name, HostState::Same, "", String::new())
    }
}

fn said(host: &str, state: HostState, now: &str, because: String) -> VerifiedHost {
    VerifiedHost { host: host.to_owned(), state, now: now.to_owned(), because }
}
