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
    /// Learns the names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_filled_in_only_where_one_host_has_it() {
        let hosts = Hosts::of(
            ["MX01.min.example", "mx01.MIN.example", "DC01.a.example", "DC01.b.example", "10.0.0.1"]
                .into_iter(),
        );
        assert_eq!(hosts.full("mx01"), "MX01.min.example");
        assert_eq!(hosts.full("mx01.MIN.example"), "MX01.min.example");
        assert_eq!(hosts.full("DC01"), "DC01");
        assert_eq!(hosts.full("10"), "10");
        assert_eq!(hosts.full(""), "");
        assert_eq!(hosts.of_server(""), "", "it may be any of them");
        let one = Hosts::of(["", "mx01", "MX01.min.example"].into_iter());
        assert_eq!(one.of_server(""), "MX01.min.example");
        assert_eq!(one.of_server("mx01"), "MX01.min.example");
        assert_eq!(one.full(""), "");
    }
}
