//! What persons joined or cut in the trail, as a fold over the ledger.
//!
//! In: entries of the kinds `trail.linked` and `trail.unlinked`, in order. Out: of each pair of acts the last word. An act is known by
//! its rows and not by its number, which another run may give to another one.

use std::collections::BTreeMap;

use piste_model::trail::{ActRow, DecidedJoin, DecisionOutcome, JoinDecision};
use serde::Deserialize;

use crate::ledger::{Entry, LedgerError, kind};
use crate::person;

/// The first row of each of two acts, the lesser first.
type ActPair = [Option<ActRow>; 2];

/// The last word on each pair of acts.
#[derive(Debug, Clone, Default)]
pub struct TrailJoins {
    by_pair: BTreeMap<ActPair, DecidedJoin>,
}

impl TrailJoins {
    /// Takes in one entry of the ledger; other kinds pass.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where an entry about the trail has not the shape of one.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if !matches!(entry.kind.as_str(), kind::TRAIL_LINKED | kind::TRAIL_UNLINKED) {
            return Ok(());
        }
        let decision = JoinDecision::deserialize(person::named(&entry.body)).map_err(|error| {
            LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what: error.to_string() }
        })?;
        let mut pair = [decision.one.rows.first().copied(), decision.other.rows.first().copied()];
        pair.sort();
        // What becomes of it, the run says.
        let told = DecidedJoin {
            decision,
            at: entry.at,
            signed: person::is_signed(entry),
            outcome: DecisionOutcome::NotFound,
        };
        self.by_pair.insert(pair, told);
        Ok(())
    }

    /// The last words, in the order of time.
    pub fn decisions(&self) -> Vec<DecidedJoin> {
        let mut all: Vec<DecidedJoin> = self.by_pair.values().cloned().collect();
        all.sort_by_key(|one| one.at.nanos);
        all
    }
}
