//! The class of the incident, criterion by criterion: met, not met, unknown.
//!
//! In: what is known. Out: significance under NIS2 and the national levels. Piste proposes; persons and authorities decide.

use serde::{Deserialize, Serialize};

use super::catalog::{Certainty, Class, duty_catalog};
use super::condition::{Tested, Truth};
use super::known::{Known, Origin};
use crate::facts::Value;

/// Whether a criterion is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Met {
    Met,
    NotMet,
    Unknown,
}

impl From<Truth> for Met {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::True => Self::Met,
            Truth::False => Self::NotMet,
            Truth::Unknown => Self::Unknown,
        }
    }
}

/// One criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionState {
    /// Short name.
    pub id: String,
    /// In words.
    pub title: String,
    /// Whether it is met.
    pub result: Met,
    /// It decides the class; others are aids.
    pub decides: bool,
    /// How sure the criterion is.
    pub certainty: Certainty,
    /// The tests behind it.
    pub why: Vec<Tested>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassState {
    /// Short name.
    pub id: String,
    /// In words.
    pub title: String,
    /// What the criteria say.
    pub by_criteria: Met,
    /// What counts: a person's word where there is one, otherwise the criteria's.
    pub result: Met,
    /// Who decided otherwise, or that the authorities have declared it.
    pub note: Option<String>,
    /// What it rests on.
    pub basis: String,
    /// How sure that is.
    pub certainty: Certainty,
    /// The criteria.
    pub criteria: Vec<CriterionState>,
}

/// Every class of the catalogue.
pub fn classes(known: &Known<'_>) -> Vec<ClassState> {
    duty_catalog().classes().iter().map(|class| state(known, class)).collect()
}

fn state(known: &Known<'_>, class: &Class) -> ClassState {
    let criteria = class.criteria.iter().map(|criterion| {
        let mut why = Vec::new();
        let result = known.evaluate(&criterion.when, &mut why).into();
        CriterionState {
            id: criterion.id.clone(),
            title: criterion.title.clone(),
            result,
            decides: criterion.decides,
            certainty: criterion.certainty,
            why,
        }
    });
    let criteria: Vec<CriterionState> = criteria.collect();
    let by_criteria = decide(&criteria, class.all);
    let (result, note) = decided(known, class, by_criteria);
    ClassState {
        id: class.id.clone(),
        title: class.title.clone(),
        by_criteria,
        result,
        note,
        basis: class.basis.clone(),
        certainty: class.certainty,
        criteria,
    }
}

/// All or one of the deciding criteria, in three values.
fn decide(criteria: &[CriterionState], all: bool) -> Met {
    let deciding: Vec<Met> = criteria.iter().filter(|one| one.decides).map(|one| one.result).collect();
    let (strong, weak) = if all { (Met::NotMet, Met::Met) } else { (Met::Met, Met::NotMet) };
    if deciding.contains(&strong) {
        strong
    } else if deciding.contains(&Met::Unknown) {
        Met::Unknown
    } else {
        weak
    }
}

fn decided(known: &Known<'_>, class: &Class, by_criteria: Met) -> (Met, Option<String>) {
    if let Some(name) = &class.fact
        && known.origin(name) == Origin::Stated
        && let Some(stated) = known.response.facts.stated(name)
        && let Some(Value::Bool(is)) = stated.value
    {
        let result = Met::from(Truth::of(is));
        let note = format!("decided by {}: {}", stated.by, stated.why);
        return (result, Some(note));
    }
    let level = known.value("crisis.level").map(|level| level.to_string());
    match level.filter(|level| class.declared.contains(level)) {
        Some(level) => {
            (Met::Met, Some(format!("`crisis.level` says that the authorities have declared it: {level}")))
        }
        None => (by_criteria, None),
    }
}
