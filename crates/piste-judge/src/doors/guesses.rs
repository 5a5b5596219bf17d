//! Refused logons from outside: whether somebody guessed.
//!
//! In: refusals by service, address, account and day. Out: whether an address had guessed before a logon, and the refusals
//! as facts. What two logs say of one refusal counts once.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::ReasonKind;

use super::account_names::plain;
use super::fact::Fact;
use super::rung::Rung;
use super::store::{Store, Topic};
use super::words::quoted;

/// Refusals of one account from one address on one day that are more than the Internet's noise.
const TARGETED: u64 = 5;
/// Accounts that one address tried, from which on it was guessing.
const SPRAYED: usize = 3;
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;
/// Refusals kept by account and address.
const GUESSES_MAX: usize = 100_000;
/// Facts of one account from one address on one day.
const FACTS_MAX: usize = 20;

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
                let (account, address) = (quoted(&account), quoted(&source));
                first.said = ReasonKind::RefusedThatDay { count, account, address };
                store.add(&host, topic(), Rung::Refused, first);
            }
            for fact in facts {
                store.add(&host, topic(), Rung::Looked, fact);
            }
        }
    }
}
