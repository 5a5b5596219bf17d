//! The facts of a case by way in, kept within bounds.
//!
//! In: facts, in any order. Out: for each (host, way in, rung) how many there were, from when to when, from where, and the
//! earliest of them. Memory is bounded by the number of ways in, not by that of rows; the result does not depend on the
//! order in which facts came.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Instant;

use super::collected::Collected;
use super::fact::Fact;
use super::flaw::Flaw;
use super::proxies::Proxies;
use super::rung::Rung;
use super::visits::{Visit, Visits};
use super::words::earliest;

/// Facts that one place keeps in full.
const FACTS_MAX: usize = 200;
/// Names that one place keeps.
const NAMES_MAX: usize = 500;
/// Places in all; a hostile log could name more.
const PLACES_MAX: usize = 20_000;
/// Times kept at which one page did not answer.
const GONE_MAX: usize = 64;

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Topic {
    /// A flaw.
    Exploit(Flaw),
    /// A page of a web server, by its URL path or file path in lower case.
    Page(String),
    /// A virtual directory of Exchange.
    Directory(String),
    /// A URL that leads to a folder where no product serves pages.
    Mapped(String),
    /// A module of IIS.
    Module(String),
    /// Rights or an account given.
    Grant(String),
    /// Mailboxes exported, by the account that asked for it, in its short form; empty where no record names it.
    Export(String),
    /// Logons from outside, by service.
    Remote(String),
    /// What web workers started.
    Worker,
    /// Remote PowerShell of Exchange used by a client that is not Exchange's or Windows' own.
    ForeignShell,
}

/// The facts of one (host, topic, rung).
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) count: u64,
    pub(crate) first: Option<Instant>,
    pub(crate) last: Option<Instant>,
    pub(crate) sources: BTreeSet<String>,
    pub(crate) accounts: BTreeSet<String>,
    /// The earliest.
    pub(crate) kept: BTreeSet<Fact>,
}

impl Facts {
    fn add(&mut self, fact: Fact) {
        self.count += 1;
        self.first = earliest(self.first, fact.time);
        self.last = self.last.max(fact.time);
        keep(&mut self.sources, &fact.source);
        keep(&mut self.accounts, &fact.account);
        self.kept.insert(fact);
        if self.kept.len() > FACTS_MAX {
            self.kept.pop_last();
        }
    }
}

/// Keeps the least names, so that the order of rows does not matter.
fn keep(names: &mut BTreeSet<String>, name: &str) {
    if name.is_empty() || names.contains(name) {
        return;
    }
    names.insert(name.to_owned());
    if names.len() > NAMES_MAX {
        names.pop_last();
    }
}

/// A site said that there is no such file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Absence {
    nanos: i64,
    evidence: u32,
}

/// All facts of a case.
#[derive(Debug, Default)]
pub(crate) struct Store {
    places: BTreeMap<(String, Topic), BTreeMap<Rung, Facts>>,
    /// Requests for pages, by host and key.
    visits: BTreeMap<(String, String), Visits>,
    /// When a site said of pages that are none of the server's that there is no such file, by host and key: the latest times.
    gone: BTreeMap<(String, String), BTreeSet<Absence>>,
    /// The web site that a file is the log of, by the number of its evidence id.
    pub(crate) sites: BTreeMap<u32, String>,
    /// Pages that lie in the collection.
    pub(crate) collected: Collected,
    /// Who may hand on whom they spoke with.
    pub(crate) proxies: Proxies,
}

impl Store {
    pub(crate) fn add(&mut self, host: &str, topic: Topic, rung: Rung, fact: Fact) {
        let key = (host.to_owned(), topic);
        if self.places.len() >= PLACES_MAX && !self.places.contains_key(&key) {
            return;
        }
        self.places.entry(key).or_default().entry(rung).or_default().add(fact);
    }

    /// Counts a request for a page. What the front end noted of a request that IIS has too is not counted again.
    pub(crate) fn visit(&mut self, host: &str, key: &str, front_end: bool, visit: Visit<'_>) {
        let place = (host.to_owned(), key.to_owned());
        if self.visits.len() >= PLACES_MAX && !self.visits.contains_key(&place) {
            return;
        }
        let visits = self.visits.entry(place).or_default();
        if !(front_end && visits.has_of_iis(visit.nanos)) {
            visits.add(visit, front_end);
        }
    }

    /// Whether rows show that a page of this key was written or asked for.
    pub(crate) fn has_page(&self, host: &str, key: &str) -> bool {
        self.places.contains_key(&(host.to_owned(), Topic::Page(key.to_owned())))
    }

    /// The site whose log a row stands in; empty where that is not known.
    pub(crate) fn site(&self, evidence: u32) -> &str {
        self.sites.get(&evidence).map_or("", String::as_str)
    }

    /// Notes that there was no such page; strangers ask for thousands that never were.
    pub(crate) fn was_gone(&mut self, host: &str, key: &str, nanos: i64, evidence: u32) {
        let place = (host.to_owned(), key.to_owned());
        if self.gone.len() < PLACES_MAX || self.gone.contains_key(&place) {
            let times = self.gone.entry(place).or_default();
            times.insert(Absence { nanos, evidence });
            if times.len() > GONE_MAX {
                times.pop_first();
            }
        }
    }

    /// When one of these sites first said that there is no such page, after it had last answered or been written, at `last`:
    /// another site of the server has other files under the same path.
    pub(crate) fn gone_since(&self, host: &str, key: &str, last: i64, sites: &BTreeSet<&str>) -> Option<i64> {
        let after = Absence { nanos: last.saturating_add(1), evidence: 0 };
        let mut later = self.gone.get(&(host.to_owned(), key.to_owned()))?.range(after..);
        later.find(|absence| sites.contains(self.site(absence.evidence))).map(|absence| absence.nanos)
    }

    /// The requests for a page.
    pub(crate) fn visits(&self, host: &str, key: &str) -> Option<&Visits> {
        self.visits.get(&(host.to_owned(), key.to_owned()))
    }

    /// Whether a page of this key lies in the collection and reads as a shell, or nearly.
    pub(crate) fn is_collected(&self, key: &str) -> bool {
        self.collected.is_shell(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Topic, &BTreeMap<Rung, Facts>)> {
        self.places.iter().map(|((host, topic), rungs)| (host.as_str(), topic, rungs))
    }

    /// The facts of one topic on one host.
    pub(crate) fn of(&self, host: &str, topic: &Topic) -> Option<&BTreeMap<Rung, Facts>> {
        self.places.get(&(host.to_owned(), topic.clone()))
    }

    /// Every fact kept of a host's topics that `wanted` names, with its topic and rung.
    pub(crate) fn kept<'a>(
        &'a self,
        host: &'a str,
        wanted: impl Fn(&Topic) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Topic, Rung, &'a Fact)> {
        self.places.iter().filter(move |((name, topic), _)| name == host && wanted(topic)).flat_map(
            |((_, topic), rungs)| {
                rungs.iter().flat_map(move |(rung, facts)| facts.kept.iter().map(move |f| (topic, *rung, f)))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::rows::Place;
    use piste_model::ReasonKind;

    fn fact(number: i64) -> Fact {
        let place = Place { evidence: 1, offset: 0, record: number, hash: [0; 16] };
        let time = Instant { nanos: number, digits: 0 };
        Fact::new("IIS", Some(time), place, ReasonKind::WorkerLoggedOn {}).from(&format!("s{number:05}"))
    }

    #[test]
    fn what_is_kept_is_bounded_and_does_not_depend_on_the_order() {
        let collect = |numbers: &mut dyn Iterator<Item = i64>| {
            let mut store = Store::default();
            for number in numbers {
                store.add("MX01", Topic::Exploit(Flaw::ProxyShell), Rung::Looked, fact(number));
            }
            let facts = store.of("MX01", &Topic::Exploit(Flaw::ProxyShell)).expect("kept").clone();
            let facts = facts.get(&Rung::Looked).expect("kept").clone();
            (facts.count, facts.kept.len(), facts.sources.len(), facts.first, facts.last, facts.kept)
        };
        let up = collect(&mut (0..3_000));
        assert_eq!((up.0, up.1, up.2), (3_000, FACTS_MAX, NAMES_MAX));
        assert_eq!(up, collect(&mut (0..3_000).rev()));
    }
}
