//! One name a host.
//!
//! In: the names that rows give: `MX01.min.example` in its event logs, `MX01` in its web logs. Out: the full name for the
//! short one, where exactly one host of the evidence has it; one spelling for names that differ in case. Rows keep the name
//! that their record gives.

use std::collections::{BTreeMap, BTreeSet};

/// The names of a case's hosts.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Names in lower case with the name they stand for.
    names: BTreeMap<String, String>,
    /// The one host of the evidence, where it names no other.
    only: Option<String>,
}

impl Hosts {
    /// Learns the names. `given` are the paths of the evidence: the folder that the user gave names a host only where no record
    /// does, or where it looks like a host's name.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>, given: impl Iterator<Item = &'a str>) -> Self {
        let mut spelling: BTreeMap<String, String> = BTreeMap::new();
        let mut by_short: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        for name in names {
            let lower = name.to_lowercase();
            if let Some((short, _)) = lower.split_once('.')
                && !name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            {
                by_short.entry(short.to_owned()).or_default().insert(lower.clone());
            }
            spelling.entry(lower).or_insert_with(|| name.to_owned());
        }
        for (short, full) in by_short {
            if let (1, Some(full)) = (full.len(), full.first().and_then(|full| spelling.get(full))) {
                spelling.insert(short, full.clone());
            }
        }
        if let Some(folder) = one_folder(given).filter(|folder| !is_like_a_host(folder)) {
            let folder = folder.to_lowercase();
            let others: BTreeSet<&String> = spelling
                .iter()
                .filter(|(name, _)| !name.is_empty() && **name != folder)
                .map(|(_, name)| name)
                .collect();
            if let (1, Some(only)) = (others.len(), others.first().map(|only| (*only).clone()))
                && let Some(name) = spelling.get_mut(&folder)
            {
                *name = only;
            }
        }
        let all: BTreeSet<&String> = spelling.values().filter(|name| !name.is_empty()).collect();
        let only = all.first().filter(|_| all.len() == 1).map(|name| (*name).clone());
        Self { names: spelling, only }
    }

    /// Which server rows tell of: rows that name no host are those of the one host that the evidence names, if it is one. Web
    /// logs and set-up logs of a collection name none.
    pub(crate) fn of_server<'a>(&'a self, name: &'a str) -> &'a str {
        match &self.only {
            Some(only) if name.is_empty() => only,
            _ => self.full(name),
        }
    }

    /// The one name of a host; a name that was not learnt stays as it is.
    pub(crate) fn full<'a>(&'a self, name: &'a str) -> &'a str {
        self.names.get(&name.to_lowercase()).map_or(name, String::as_str)
    }
}

/// The folder that all paths begin with, where there is one such.
fn one_folder<'a>(paths: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut folders = paths.filter_map(|path| path.split_once('/')).map(|(first, _)| first);
    let first = folders.find(|first| !first.contains('!'))?;
    folders.all(|other| other == first).then_some(first)
}

/// `MX01`, `srv-ex1`, `mx01.min.example`: what people call servers and seldom folders.
fn is_like_a_host(name: &str) -> bool {
    let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    let digit = name.bytes().any(|byte| byte.is_ascii_digit());
    (upper && digit) || name.contains(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_that_was_given_is_a_host_only_for_want_of_another() {
        let full = |names: &[&str], given: &[&str], name: &str| {
            Hosts::of(names.iter().copied(), given.iter().copied()).full(name).to_owned()
        };
        let both = ["d3", "MX01.corp.example"];
        assert_eq!(full(&both, &["d3/C/inetpub/x.aspx", "d3/a.evtx"], "d3"), "MX01.corp.example");
        assert_eq!(full(&both, &["d3/C/inetpub/x.aspx", "d4/a.evtx"], "d3"), "d3", "two were given");
        assert_eq!(full(&["MX02", "DC01.corp.example"], &["MX02/C/inetpub/x.aspx"], "MX02"), "MX02");
        assert_eq!(full(&["d3"], &["d3/C/inetpub/x.aspx"], "d3"), "d3", "nothing else tells");
        assert_eq!(full(&["d3", "A", "B"], &["d3/x"], "d3"), "d3", "it may be either");
    }

    #[test]
    fn a_short_name_is_filled_in_only_where_one_host_has_it() {
        let hosts = Hosts::of(
            ["MX01.min.example", "mx01.MIN.example", "DC01.a.example", "DC01.b.example", "10.0.0.1"]
                .into_iter(),
            std::iter::empty(),
        );
        assert_eq!(hosts.full("mx01"), "MX01.min.example");
        assert_eq!(hosts.full("mx01.MIN.example"), "MX01.min.example");
        assert_eq!(hosts.full("DC01"), "DC01");
        assert_eq!(hosts.full("10"), "10");
        assert_eq!(hosts.full(""), "");
        assert_eq!(hosts.of_server(""), "", "it may be any of them");
        let one = Hosts::of(["", "mx01", "MX01.min.example"].into_iter(), std::iter::empty());
        assert_eq!(one.of_server(""), "MX01.min.example");
        assert_eq!(one.of_server("mx01"), "MX01.min.example");
        assert_eq!(one.full(""), "");
    }
}
