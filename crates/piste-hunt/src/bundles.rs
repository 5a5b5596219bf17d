//! Very many findings of one rule that are one act.
//!
//! In: the rule, host and source of each group of detections, as they come. Out: whether the group stands for itself or goes
//! into a bundle. Who scans with a million names, or writes a million names into a log, makes one finding and not a million;
//! what others did stands for itself beside it. Groups below the limits are never touched, so that ordinary cases have
//! the findings, keys and numbers that they had.

use std::fmt::Write;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use piste_model::Entities;
use std::hash::BuildHasher;

/// Groups of one rule on one host from one address that stand for themselves: with more they are one act of that address.
pub const OF_SOURCE_MAX: usize = 50;
/// Groups of one rule on one host that stand for themselves.
pub const OF_HOST_MAX: usize = 500;
/// Groups of one rule that stand for themselves.
pub const OF_RULE_MAX: usize = 2_000;
/// Of a bundle without one source so many of its earliest groups stand for themselves: first traces date an intrusion.
pub(crate) const EARLIEST_KEPT: usize = 20;
/// Different names that a bundle counts.
pub const NAMES_MAX: usize = 10_000;

/// What the groups of a bundle share: the rule, and host and source where all have the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Shared {
    pub(crate) rule: String,
    pub(crate) host: Option<String>,
    pub(crate) source: Option<String>,
}

impl Shared {
    /// Groups that share as much and stand for themselves at most.
    fn most(&self) -> usize {
        match (&self.host, &self.source) {
            (_, Some(_)) => OF_SOURCE_MAX,
            (Some(_), None) => OF_HOST_MAX,
            (None, None) => OF_RULE_MAX,
        }
    }

    /// From the closest to the widest that a group belongs to; one from nowhere shares no source.
    fn levels(rule: &str, host: &str, source: &str) -> impl Iterator<Item = Self> {
        let of = |host: Option<&str>, source: Option<&str>| Self {
            rule: rule.to_owned(),
            host: host.map(str::to_owned),
            source: source.map(str::to_owned),
        };
        let closest = (!source.is_empty()).then(|| of(Some(host), Some(source)));
        closest.into_iter().chain([of(Some(host), None), of(None, None)])
    }
}

/// Groups counted by what they share.
#[derive(Debug, Default)]
pub(crate) struct Counted(HashMap<Shared, usize, RandomState>);

impl Counted {
    /// Counts a further group; the bundle that it goes into, if it does not stand for itself.
    pub(crate) fn add(&mut self, rule: &str, host: &str, source: &str) -> Option<Shared> {
        let full = |shared: &Shared| self.0.get(shared).is_some_and(|count| *count >= shared.most());
        if let Some(bundle) = Shared::levels(rule, host, source).find(full) {
            return Some(bundle);
        }
        for shared in Shared::levels(rule, host, source) {
            *self.0.entry(shared).or_default() += 1;
        }
        None
    }
}

/// The address that detections come from, where they name one alone.
pub(crate) fn source_of(entities: &Entities) -> &str {
    match entities.address.as_slice() {
        [one] => one,
        _ => "",
    }
}

/// Different texts, counted up to [`NAMES_MAX`].
#[derive(Debug, Default)]
struct Names(HashSet<u64, RandomState>);

impl Names {
    fn add(&mut self, names: &[String]) {
        for name in names {
            if self.0.len() < NAMES_MAX {
                let hash = self.0.hasher().hash_one(name);
                self.0.insert(hash);
            }
        }
    }

    fn words(&self, one: &str, many: &str) -> String {
        match self.0.len() {
            1 => format!("1 {one}"),
            NAMES_MAX => format!("{NAMES_MAX} or more {many}"),
            count => format!("{count} {many}"),
        }
    }
}

/// Whom and what a bundle is about, counted.
#[derive(Debug, Default)]
pub(crate) struct About {
    accounts: Names,
    processes: Names,
    files: Names,
    addresses: Names,
}

impl About {
    pub(crate) fn add(&mut self, entities: &Entities) {
        self.accounts.add(&entities.account);
        self.processes.add(&entities.process);
        self.files.add(&entities.file);
        self.addresses.add(&entities.address);
    }

    /// `1000000 detections of 10000 or more accounts, 3 files or paths, from 198.51.100.7; 20 shown`.
    pub(crate) fn words(&self, count: u64, shown: usize, shared: &Shared) -> String {
        let mut text = format!("{count} detections");
        let mut between = " of ";
        for (names, one, many) in [
            (&self.accounts, "account", "accounts"),
            (&self.processes, "program", "programs"),
            (&self.files, "file or path", "files or paths"),
        ] {
            if !names.0.is_empty() {
                let _ = write!(text, "{between}{}", names.words(one, many)); // writing to a String cannot fail
                between = ", ";
            }
        }
        match &shared.source {
            Some(source) => drop(write!(text, ", from {source}")),
            None if !self.addresses.0.is_empty() => {
                let _ = write!(text, ", from {}", self.addresses.words("address", "addresses"));
            }
            None => {}
        }
        let _ = write!(text, "; {shown} shown");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_one_source_are_one_act_and_others_stand_for_themselves() {
        let mut counted = Counted::default();
        let apart = (0..300).filter(|_| counted.add("r", "h", "198.51.100.7").is_none()).count();
        assert_eq!(apart, OF_SOURCE_MAX);
        assert_eq!(counted.add("r", "h", "203.0.113.9"), None);
        assert_eq!(counted.add("r", "h", ""), None);
        assert_eq!(counted.add("other", "h", "198.51.100.7"), None);
        let without = |counted: &mut Counted, host: &str| counted.add("r", host, "").is_none();
        assert_eq!(
            (0..3_000).filter(|_| without(&mut counted, "h")).count(),
            OF_HOST_MAX - OF_SOURCE_MAX - 2
        );
        let hosts = (0..5_000).filter(|n| without(&mut counted, &format!("h{n}"))).count();
        assert_eq!(hosts, OF_RULE_MAX - OF_HOST_MAX);
    }

    #[test]
    fn a_bundle_says_what_it_holds() {
        let mut about = About::default();
        for n in 0..20_000 {
            about.add(&Entities {
                account: vec![format!("u{n}")],
                file: vec!["/a".into()],
                ..Entities::default()
            });
        }
        let shared = Shared { rule: "r".into(), host: Some("h".into()), source: Some("198.51.100.7".into()) };
        let words = about.words(20_000, 20, &shared);
        assert_eq!(
            words,
            "20000 detections of 10000 or more accounts, 1 file or path, from 198.51.100.7; 20 shown"
        );
    }
}
