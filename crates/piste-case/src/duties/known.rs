//! What is known of a case: what persons stated, what follows from it, what the profile assumes, in this order.
//!
//! In: the fold of the ledger and a profile. Out: the value of every fact and where it comes from.

use std::collections::BTreeSet;

use piste_model::{EvidenceId, Instant};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::catalog::{ContentRef, Derived, Profile, Row, duty_catalog};
use super::condition::{Condition, Tested, Truth};
use super::filing::Filings;
use crate::facts::{Facts, Moment, Value, fact_catalog};
use crate::joins::TrailJoins;
use crate::ledger::{Entry, LedgerError, kind};
use crate::plan::PlanProgress;

/// Facts that derive from facts that derive from facts ...
const DEPTH_MAX: u8 = 8;

/// The part of a case that persons write: facts and filings, and which evidence there is to point to.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// What was stated.
    pub facts: Facts,
    /// What was sent.
    pub filings: Filings,
    /// What was done about the plan.
    pub plan: PlanProgress,
    /// What was joined or cut in the trail.
    pub joins: TrailJoins,
    /// Sealed files.
    pub evidence: BTreeSet<EvidenceId>,
}

impl Response {
    /// Takes in one entry of the ledger; other kinds pass.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where an entry has not the shape that its kind promises.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if entry.kind == kind::EVIDENCE_SEALED
            && let Some(id) = entry.body.get("id").and_then(Json::as_str).and_then(|id| id.parse().ok())
        {
            self.evidence.insert(id);
        }
        self.facts.observe(entry)?;
        self.plan.observe(entry)?;
        self.joins.observe(entry)?;
        self.filings.observe(entry)
    }

    /// The profile in force: the one that `case.profile` names, or the first of the catalogue.
    pub fn profile(&self) -> Option<&'static Profile> {
        let named = self.facts.value("case.profile").map(ToString::to_string);
        let profiles = duty_catalog().profiles();
        profiles.iter().find(|profile| named.as_deref() == Some(&profile.id)).or_else(|| profiles.first())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A person stated it.
    Stated,
    /// It follows from other facts or from what was sent.
    Derived,
    /// The profile assumes it until a person states it.
    Assumed,
    /// Nothing is known.
    Unknown,
}

/// A case seen through a profile.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Facts and filings.
    pub response: &'a Response,
    /// What is assumed.
    pub profile: &'a Profile,
}

impl Known<'_> {
    /// What is known of a fact.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.value_at(name, 0)
    }

    /// Where it comes from.
    pub fn origin(&self, name: &str) -> Origin {
        match self.response.facts.stated(name) {
            Some(stated) if stated.value.is_some() => Origin::Stated,
            None if self.derived(name, 0).is_some() => Origin::Derived,
            None if self.assumed(name).is_some() => Origin::Assumed,
            _ => Origin::Unknown,
        }
    }

    /// The instant of a time.
    pub fn instant(&self, name: &str) -> Option<Instant> {
        self.value(name)?.instant()
    }

    /// A condition's truth, with the trace of its tests.
    pub fn evaluate(&self, condition: &Condition, trace: &mut Vec<Tested>) -> Truth {
        condition.evaluate(&mut |name| self.value(name), trace)
    }

    /// The facts that would have to be known where `name` is not: itself, and those it derives from.
    pub fn unknown_below(&self, name: &str) -> Vec<String> {
        let derivations = duty_catalog().derived().iter().filter(|derived| derived.fact == name);
        let mut below = Vec::new();
        for condition in
            derivations.filter(|derived| derived.value.is_none()).filter_map(|derived| derived.when.as_ref())
        {
            let mut trace = Vec::new();
            self.evaluate(condition, &mut trace);
            let open = trace.into_iter().filter(|tested| tested.result == Truth::Unknown);
            below.extend(open.flat_map(|tested| self.unknown_below(&tested.fact)));
        }
        if below.is_empty() { vec![name.to_owned()] } else { below }
    }

    fn value_at(&self, name: &str, depth: u8) -> Option<Value> {
        if let Some(stated) = self.response.facts.stated(name) {
            return stated.value.clone();
        }
        self.derived(name, depth).or_else(|| self.assumed(name))
    }

    fn assumed(&self, name: &str) -> Option<Value> {
        let text = self.profile.assumes.get(name)?;
        Value::parse(fact_catalog().fact(name)?, text).ok()?
    }

    fn derived(&self, name: &str, depth: u8) -> Option<Value> {
        if depth >= DEPTH_MAX {
            return None;
        }
        let mut rules = duty_catalog().derived().iter().filter(|derived| derived.fact == name);
        rules.find_map(|derived| self.derive(derived, depth))
    }

    fn derive(&self, derived: &Derived, depth: u8) -> Option<Value> {
        let filings = &self.response.filings;
        if let Some(when) = &derived.when {
            let mut look = |name: &str| self.value_at(name, depth + 1);
            let truth = when.evaluate(&mut look, &mut Vec::new());
            return match (&derived.value, truth) {
                (_, Truth::Unknown) | (Some(_), Truth::False) => None,
                (Some(value), Truth::True) => {
                    Value::parse(fact_catalog().fact(&derived.fact)?, value).ok()?
                }
                (None, truth) => Some(Value::Bool(truth == Truth::True)),
            };
        }
        if !derived.is_sent.is_empty() {
            let sent = derived.is_sent.iter().any(|row| !filings.sent(row).is_empty());
            return Some(Value::Bool(sent));
        }
        if !derived.sent_incomplete.is_empty() {
            let incomplete = derived
                .sent_incomplete
                .iter()
                .any(|row| filings.sent(row).last().is_some_and(|(_, sending)| !sending.missing.is_empty()));
            return Some(Value::Bool(incomplete));
        }
        let sent =
            derived.sent.iter().filter_map(|row| filings.sent(row).first().map(|(_, one)| one.at_time));
        let news = derived.news_since.iter().filter_map(|row| self.news_since(duty_catalog().row(row)?));
        sent.chain(news).min().map(moment)
    }

    /// When the first fact of a row's contents was learned or changed after the row was last sent.
    pub fn news_since(&self, row: &Row) -> Option<Instant> {
        let (sent, _) = *self.response.filings.sent(&row.id).last()?;
        let contents = row.content.iter().filter_map(|content| match content {
            ContentRef::Named(name) => fact_catalog().content(name),
            ContentRef::Words(_) => None,
        });
        let names = contents.flat_map(|content| content.facts.iter());
        let news = names.filter_map(|name| {
            self.response.facts.history(name).iter().find(|stated| stated.seq > sent).map(|stated| stated.at)
        });
        news.min()
    }
}

fn moment(instant: Instant) -> Value {
    Value::Time(Moment { instant, written: duty_catalog().calendar().local(instant) })
}
