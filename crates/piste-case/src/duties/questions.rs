//! What to ask next: the unknown facts, those that decide most first.
//!
//! In: the duties at one moment. Out: [`Question`]s in order: facts that decide whether duties apply, then those that start
//! a clock of a duty that is due, then those that a notification must contain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::assess::{Duty, State};
use super::known::Known;
use crate::facts::{FactType, fact_catalog};

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The fact.
    pub fact: String,
    /// The question in words.
    pub ask: String,
    /// What the answer may be.
    #[serde(rename = "type")]
    pub kind: FactType,
    /// The words to choose from, if it is one of some.
    pub values: Vec<String>,
    /// Duties that cannot be decided without it.
    pub decides: Vec<String>,
    /// Duties whose clock starts with it.
    pub starts: Vec<String>,
    /// Duties whose notification must contain it.
    pub contained_in: Vec<String>,
}

/// The questions that the duties leave open. A fact that only follows from others is asked through those.
pub fn questions(known: &Known<'_>, duties: &[Duty]) -> Vec<Question> {
    let mut found: BTreeMap<&str, Question> = BTreeMap::new();
    for duty in duties {
        let open = matches!(duty.state, State::Due | State::Overdue | State::Assess | State::SupplementDue);
        if !open {
            continue;
        }
        for name in &duty.missing {
            let Some(fact) = fact_catalog().fact(name) else { continue };
            // What was stated to be unknown was asked already.
            if known.response.facts.stated(name).is_some() {
                continue;
            }
            let question = found.entry(&fact.id).or_insert_with(|| Question {
                fact: fact.id.clone(),
                ask: fact.ask.clone(),
                kind: fact.kind,
                values: fact.values.clone(),
                decides: Vec::new(),
                starts: Vec::new(),
                contained_in: Vec::new(),
            });
            let list = if duty.undecided.contains(name) {
                &mut question.decides
            } else if duty.clock.from.as_ref() == Some(name) {
                &mut question.starts
            } else {
                &mut question.contained_in
            };
            list.push(duty.id.clone());
        }
    }
    let place = |name: &str| fact_catalog().facts().iter().position(|fact| fact.id == name);
    let mut questions: Vec<Question> = found.into_values().collect();
    questions.sort_by_cached_key(|one| {
        let weight = (one.decides.len(), one.starts.len(), one.contained_in.len());
        (std::cmp::Reverse(weight), place(&one.fact))
    });
    questions
}
