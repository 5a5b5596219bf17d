//! What persons joined or cut, applied to the acts of this run.
//!
//! In: the last words of the ledger, and the steps that every act gives. Out: which acts each word is about, by the rows that both have in
//! common, and what became of it. A word about an act that is not here is told and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::{DecidedJoin, DecisionOutcome, NamedAct};

use super::fact::Place;
use super::graph::Key;

/// Two acts, the lesser first.
pub(crate) type KeyPair = [Key; 2];

fn pair(one: &Key, other: &Key) -> KeyPair {
    let mut pair = [one.clone(), other.clone()];
    pair.sort();
    pair
}

/// The acts that a word is about.
#[derive(Debug)]
enum Acts {
    /// One of them is not here.
    Missing,
    /// Both names mean one act: a process and what it did are not taken apart.
    One,
    Two(KeyPair),
}

/// Persons' words about the acts of this run.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    words: Vec<(DecidedJoin, Acts)>,
}

impl Decided {
    /// Finds the acts of each word; `acts` gives the rows of every act that is joined to something or begins something.
    pub(crate) fn find(decisions: &[DecidedJoin], acts: &BTreeMap<Place, BTreeSet<Key>>) -> Self {
        let act = |named: &NamedAct| {
            let mut shared: BTreeMap<&Key, usize> = BTreeMap::new();
            for key in named.rows.iter().filter_map(|row| acts.get(&place_of(*row))).flatten() {
                *shared.entry(key).or_default() += 1;
            }
            // Of two acts that share as many rows the lesser key is taken, in every run the same.
            shared.into_iter().rev().max_by_key(|(_, count)| *count).map(|(key, _)| key.clone())
        };
        let word = |told: &DecidedJoin| {
            let acts = match (act(&told.decision.one), act(&told.decision.other)) {
                (Some(one), Some(other)) if one == other => Acts::One,
                (Some(one), Some(other)) => Acts::Two(pair(&one, &other)),
                _ => Acts::Missing,
            };
            (told.clone(), acts)
        };
        Self { words: decisions.iter().map(word).collect() }
    }

    /// Pairs that a person joined, with the word.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (&KeyPair, &DecidedJoin)> {
        self.of(true)
    }

    /// Pairs whose direct edge a person cut, with the word.
    pub(crate) fn cut(&self) -> impl Iterator<Item = (&KeyPair, &DecidedJoin)> {
        self.of(false)
    }

    fn of(&self, joins: bool) -> impl Iterator<Item = (&KeyPair, &DecidedJoin)> {
        let words = self.words.iter().filter(move |(told, _)| told.decision.joins == joins);
        words.filter_map(|(told, acts)| match acts {
            Acts::Two(pair) => Some((pair, told)),
            Acts::Missing | Acts::One => None,
        })
    }

    /// Whether a person cut what joins two acts directly.
    pub(crate) fn is_cut(&self, one: &Key, other: &Key) -> bool {
        !self.words.is_empty() && {
            let wanted = pair(one, other);
            self.cut().any(|(acts, _)| *acts == wanted)
        }
    }

    /// The words with what became of them; `together` says whether two acts ended in one intrusion or lead.
    pub(crate) fn outcomes(&self, together: &dyn Fn(&Key, &Key) -> bool) -> Vec<DecidedJoin> {
        let outcome = |told: &DecidedJoin, acts: &Acts| match acts {
            Acts::Missing => DecisionOutcome::NotFound,
            Acts::One if !told.decision.joins => DecisionOutcome::StillJoined,
            Acts::Two([one, other]) if !told.decision.joins && together(one, other) => {
                DecisionOutcome::StillJoined
            }
            Acts::One | Acts::Two(_) => DecisionOutcome::Kept,
        };
        let words = self.words.iter();
        words.map(|(told, acts)| DecidedJoin { outcome: outcome(told, acts), ..told.clone() }).collect()
    }
}

/// Where a row lies.
pub(crate) fn place_of(row: piste_model::trail::ActRow) -> Place {
    Place { evidence: row.evidence_id.0, offset: row.offset, record: row.record }
}
