//! What a host is, and so what to collect from it.
//!
//! In: `catalog/host-roles.yaml`, which datasets a host has rows of, which event ids its Security log, and the paths of its
//! files. Out: its roles, and what is missing of each. A mail server is asked for other logs than a domain controller.

use std::collections::BTreeSet;

use piste_model::reading::{fits_stars, is_named};
use serde::Deserialize;

use crate::failure::Failure;
use crate::failure::chain;

/// One role, as the catalogue has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostRole {
    role: String,
    #[serde(default)]
    datasets: Vec<String>,
    #[serde(default)]
    security_events: Vec<i32>,
    #[serde(default)]
    paths: Vec<String>,
    collect: Vec<Collect>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Collect {
    has: Vec<String>,
    ask: String,
}

/// What the evidence of one host holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds<'a> {
    pub(crate) datasets: BTreeSet<&'a str>,
    /// Event ids of windows.security.
    pub(crate) security_events: BTreeSet<i32>,
    pub(crate) paths: Vec<&'a str>,
}

/// The roles that a host has, and what to ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) names: Vec<String>,
    pub(crate) collect: Vec<String>,
}

/// Reads the catalogue.
pub(crate) fn catalogue() -> Result<Vec<HostRole>, Failure> {
    yaml_serde::from_str(include_str!("../../../../catalog/host-roles.yaml")).map_err(|error| {
        Failure::environment("catalogue", chain(&error), "nothing was read", "report this as a bug")
    })
}

/// Event ids of windows.security that tell a role.
pub(super) fn telling_events(roles: &[HostRole]) -> BTreeSet<i32> {
    roles.iter().flat_map(|role| role.security_events.iter().copied()).collect()
}

/// What this host is. Roles that say more go before those that any host has.
pub(crate) fn role(roles: &[HostRole], holds: &Holds<'_>) -> Role {
    let general = roles.len().saturating_sub(GENERAL);
    let (special, general) = roles.split_at(general);
    let mut fitting: Vec<&HostRole> = special.iter().filter(|role| role.fits(holds)).collect();
    if fitting.is_empty() {
        fitting.extend(general.iter().find(|role| role.fits(holds)));
    }
    let mut found = Role::default();
    for role in fitting {
        found.names.push(role.role.clone());
        for one in role.collect.iter().filter(|one| !one.is_there(holds)) {
            if !found.collect.contains(&one.ask) {
                found.collect.push(one.ask.clone());
            }
        }
    }
    found
}

/// Roles at the catalogue's end that are taken only where no other fits.
const GENERAL: usize = 2;

impl HostRole {
    fn fits(&self, holds: &Holds<'_>) -> bool {
        let unmarked = self.datasets.is_empty() && self.security_events.is_empty() && self.paths.is_empty();
        unmarked
            || has(&self.datasets, holds)
            || self.security_events.iter().any(|code| holds.security_events.contains(code))
            || self.paths.iter().any(|name| holds.paths.iter().any(|path| is_in_path(path, name)))
    }
}

impl Collect {
    fn is_there(&self, holds: &Holds<'_>) -> bool {
        has(&self.has, holds)
    }
}

fn has(patterns: &[String], holds: &Holds<'_>) -> bool {
    patterns.iter().any(|pattern| holds.datasets.iter().any(|dataset| fits_stars(dataset, pattern)))
}

/// Whether a path ends in a name, or has folders that the pattern names.
fn is_in_path(path: &str, pattern: &str) -> bool {
    is_named(path, pattern)
        || fits_stars(&format!("/{}", path.replace(['\\', '!'], "/").to_ascii_lowercase()), pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        datasets: &[&str],
        events: &[i32],
        paths: &[&str],
        roles: &[&str],
        asked: &str,
        not_asked: &str,
    ) {
        let holds = Holds {
            datasets: datasets.iter().copied().collect(),
            security_events: events.iter().copied().collect(),
            paths: paths.to_vec(),
        };
        let found = role(&catalogue().expect("the catalogue reads"), &holds);
        assert_eq!(found.names, roles);
        let collect = found.collect.join("\n");
        assert!(collect.contains(asked), "{asked} in {collect}");
        assert!(!collect.contains(not_asked), "{not_asked} in {collect}");
    }

    #[test]
    fn what_is_asked_for_depends_on_what_the_host_is() {
        let dc = "domain controller";
        check(&["windows.security"], &[4624, 4769], &[], &[dc], "Directory Service", "HttpProxy");
        check(&["windows.directory-service"], &[], &[], &[dc], "the Security log", "HttpProxy");
        check(&[], &[], &["DC01.zip!C/Windows/NTDS/ntds.dit"], &[dc], "the Security log", "IIS");
        check(
            &["exchange.ews", "iis.access"],
            &[],
            &[],
            &["Exchange server", "web server"],
            "HttpProxy",
            "IIS logs",
        );
        check(&["iis.access"], &[], &[], &["web server"], "inetpub/wwwroot", "HttpProxy");
        let outlook = "C/Users/ann/AppData/Local/Microsoft/Outlook/ann.ost";
        check(&[], &[], &[outlook], &["workstation"], "PowerShell", "HttpProxy");
        check(
            &["windows.system"],
            &[4624],
            &[],
            &["member server or workstation"],
            "the Security log",
            "System log",
        );
        check(&[], &[], &["notes.txt"], &["unknown"], "what this host is", "HttpProxy");
    }
}
