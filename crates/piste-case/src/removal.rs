//! The removal list and its verification, as the ledger has them.
//!
//! In: entries of the kinds `removal.released` and `verify.judged`. Out: which list was released by whom, whether a list is still that one;
//! what evidence collected afterwards showed, which actions of the plan that opens again and which it shows to be done.

use std::collections::BTreeSet;

use piste_model::Instant;
use piste_model::removal::{ProposedFact, RemovalList, VerifiedTrace, VerifyResult};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::ledger::{Entry, LedgerError, kind};
use crate::person;
use crate::plan::ActionCatalog;

/// A release of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// SHA-256 of the list.
    pub sha256: String,
    /// Items on it.
    pub items: u64,
    /// Who released it.
    pub by: String,
    /// Why, or on what ground.
    #[serde(default)]
    pub why: String,
}

/// What a verification showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Who had it judged.
    #[serde(default)]
    pub by: String,
    /// SHA-256 of the list.
    pub list_sha256: String,
    /// Collections, by name.
    pub collections: Vec<String>,
    /// When the intruder was thrown out, where somebody said so with it.
    #[serde(default)]
    pub evicted_at: Option<Instant>,
    /// Keys of items that are there or back.
    pub open: Vec<String>,
    /// Actions that are open again.
    pub reopened_actions: Vec<String>,
    /// Actions that are done.
    pub done_actions: Vec<String>,
    /// Findings to be judged again.
    pub reopened_findings: Vec<String>,
}

impl Judged {
    /// Reads the body of its entry.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where it has not that shape.
    pub fn of(entry: &Entry) -> Result<Self, LedgerError> {
        Self::deserialize(person::named(&entry.body)).map_err(|error| body_error(entry, &error))
    }

    /// The body of its entry.
    pub fn body(&self) -> Json {
        json!(self)
    }
}

fn body_error(entry: &Entry, error: &serde_json::Error) -> LedgerError {
    LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what: error.to_string() }
}

/// What the ledger says of the list.
#[derive(Debug, Clone, Default)]
pub struct RemovalRecord {
    released: Option<(Released, Instant, bool)>,
    judged: Option<(Judged, Instant)>,
}

/// How a list stands to its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseState {
    /// Nobody released a list.
    NotReleased,
    /// It was released without a signature.
    Unsigned,
    /// Another list was released: this one was changed since.
    Changed,
    /// This list was released by a signature.
    Released,
}

impl RemovalRecord {
    /// Takes in one entry of the ledger; other kinds pass.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where an entry has not the shape that its kind promises.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        match entry.kind.as_str() {
            kind::REMOVAL_RELEASED => {
                let released = Released::deserialize(person::named(&entry.body))
                    .map_err(|error| body_error(entry, &error))?;
                self.released = Some((released, entry.at, person::is_signed(entry)));
            }
            kind::VERIFY_JUDGED => self.judged = Some((Judged::of(entry)?, entry.at)),
            _ => {}
        }
        Ok(())
    }

    /// The last release, when it was, and whether it is signed.
    pub fn released(&self) -> Option<&(Released, Instant, bool)> {
        self.released.as_ref()
    }

    /// The last verification.
    pub fn judged(&self) -> Option<&(Judged, Instant)> {
        self.judged.as_ref()
    }

    /// How this list stands.
    pub fn state(&self, list: &RemovalList) -> ReleaseState {
        match &self.released {
            None => ReleaseState::NotReleased,
            Some((released, ..)) if released.sha256 != list.sha256 => ReleaseState::Changed,
            Some((_, _, false)) => ReleaseState::Unsigned,
            Some(_) => ReleaseState::Released,
        }
    }
}

/// What a verification does to the plan: actions that are open again, and actions that are done. Both by the catalogue's id, `ER-04`.
///
/// Something that is back opens every action that is to take such things away. An action is done only if it had something on the list
/// and all of that is gone.
pub fn actions_after(catalog: &ActionCatalog, traces: &[VerifiedTrace]) -> (Vec<String>, Vec<String>) {
    let (mut reopened, mut done) = (Vec::new(), Vec::new());
    for action in &catalog.actions {
        let its: Vec<&VerifiedTrace> =
            traces.iter().filter(|trace| action.removes.contains(&trace.kind)).collect();
        if its.iter().any(|trace| trace.result.is_open()) {
            reopened.push(action.id.clone());
        } else if action.done_when_gone
            && !its.is_empty()
            && its.iter().all(|trace| trace.result == VerifyResult::Gone)
        {
            done.push(action.id.clone());
        }
    }
    (reopened, done)
}

/// Findings behind what is there or back.
pub fn findings_after(traces: &[VerifiedTrace]) -> Vec<String> {
    let open = traces.iter().filter(|trace| trace.result.is_open());
    let findings: BTreeSet<&String> =
        open.flat_map(|trace| &trace.traces).filter(|id| id.starts_with("F-")).collect();
    findings.into_iter().cloned().collect()
}

/// Facts that decide on duties and that what is back proposes; a person states them.
pub fn facts_after(traces: &[VerifiedTrace], at: Instant) -> Vec<ProposedFact> {
    let back: Vec<String> = traces
        .iter()
        .filter(|trace| trace.result == VerifyResult::Back)
        .map(|trace| trace.id.clone())
        .collect();
    let open: Vec<String> =
        traces.iter().filter(|trace| trace.result.is_open()).map(|trace| trace.id.clone()).collect();
    let mut facts = Vec::new();
    if !open.is_empty() {
        let fact =
            ProposedFact { fact: "incident.ongoing".to_owned(), value: "true".to_owned(), because: open };
        facts.push(fact);
    }
    if !back.is_empty() {
        facts.push(ProposedFact {
            fact: "t.new_information".to_owned(),
            value: at.to_string(),
            because: back,
        });
    }
    facts
}

#[cfg(test)]
mod tests {
    use piste_model::removal::{Measure, TraceKind};

    use super::*;
    use crate::plan::action_catalog;

    fn trace(kind: TraceKind, result: VerifyResult) -> VerifiedTrace {
        VerifiedTrace {
            id: "R-1".to_owned(),
            kind,
            host: "MX01".to_owned(),
            place: "x".to_owned(),
            measure: Measure::Remove,
            traces: vec!["F-2".to_owned(), "S-1".to_owned()],
            result,
            visible: None,
            because: Vec::new(),
            collect: Vec::new(),
            rows: Vec::new(),
        }
    }

    #[test]
    fn an_action_is_done_only_when_all_of_its_items_are_gone() {
        let catalog = action_catalog().expect("the catalogue reads");
        let of = |results: &[(TraceKind, VerifyResult)]| {
            actions_after(
                catalog,
                &results.iter().map(|(kind, result)| trace(*kind, *result)).collect::<Vec<_>>(),
            )
        };
        let (service, task) = (TraceKind::Service, TraceKind::Task);
        let (reopened, done) = of(&[(service, VerifyResult::Gone), (task, VerifyResult::Gone)]);
        assert_eq!((reopened.len(), done), (0, vec!["ER-04".to_owned()]));
        let (reopened, done) = of(&[(service, VerifyResult::Gone), (task, VerifyResult::NotVisible)]);
        assert_eq!((reopened.len(), done.len()), (0, 0), "what is not visible is not done");
        let (reopened, done) = of(&[(service, VerifyResult::Gone), (task, VerifyResult::Back)]);
        assert_eq!((reopened, done.len()), (vec!["ER-04".to_owned()], 0));
        assert_eq!(of(&[]), (Vec::new(), Vec::new()), "an empty list shows nothing");
    }

    #[test]
    fn what_is_back_proposes_facts_and_reopens_findings() {
        let traces = [trace(TraceKind::Page, VerifyResult::Back)];
        let at = Instant::parse("2021-05-01T00:00:00Z").expect("a time");
        let facts: Vec<String> = facts_after(&traces, at).into_iter().map(|fact| fact.fact).collect();
        assert_eq!(facts, ["incident.ongoing", "t.new_information"]);
        assert_eq!(findings_after(&traces), ["F-2"]);
        assert!(facts_after(&[trace(TraceKind::Page, VerifyResult::NotVisible)], at).is_empty());
    }
}
