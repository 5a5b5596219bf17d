//! What analysts say of findings.
//!
//! In: entries of kind `finding.judged`. Out: the last verdict on each finding key. It binds to the key, which is the same over
//! runs and over two teams' cases, not to the short `F-n`.

use std::collections::BTreeMap;

use piste_model::{FindingId, Instant};
use serde::{Deserialize, Serialize};

use crate::ledger::{Entry, LedgerError};
use crate::merge;
use crate::person::{self, Origin};

/// Kind of the entry that records a verdict.
pub const JUDGED: &str = "finding.judged";
/// What a finding's `verdict` says until somebody judged it.
pub const UNREVIEWED: &str = "unreviewed";
/// The verdicts that there are.
pub const VERDICTS: [&str; 4] = ["confirmed", "suspicious", "benign", "false-positive"];

/// Body of an entry of kind `finding.judged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Of the finding.
    pub key: String,
    /// Its short name in this case.
    pub id: FindingId,
    /// One of [`VERDICTS`], or [`UNREVIEWED`] to take one back.
    pub verdict: String,
    /// The reason.
    pub why: String,
    /// What the finding was called: it may be gone when somebody asks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

/// A verdict as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was said.
    pub judged: Judged,
    /// When.
    pub at: Instant,
    /// Entry of the ledger.
    pub seq: u64,
    /// By whom.
    pub by: Origin,
    /// Whom that person took it from, where it was imported.
    pub taken_from: Option<String>,
}

/// All verdicts of a case by finding key, of each finding the last first.
#[derive(Debug, Clone, Default)]
pub struct Verdicts {
    by_key: BTreeMap<String, Vec<Verdict>>,
}

impl Verdicts {
    /// Takes in one entry of the ledger; entries of other kinds are passed over.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where the body is no verdict.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if entry.kind != JUDGED {
            return Ok(());
        }
        let judged: Judged = serde_json::from_value(entry.body.clone()).map_err(|error| {
            LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what: error.to_string() }
        })?;
        let by = person::origin(entry);
        let verdicts = self.by_key.entry(judged.key.clone()).or_default();
        verdicts.insert(
            0,
            Verdict { judged, at: entry.at, seq: entry.seq, by, taken_from: merge::taken_from(&entry.body) },
        );
        Ok(())
    }

    /// The verdict in force; `None` where nobody judged.
    pub fn of(&self, key: &str) -> Option<&str> {
        Some(self.history(key).first()?.judged.verdict.as_str())
    }

    /// The last verdict on each finding that is judged, by its key; those that were taken back are left out.
    pub fn in_force(&self) -> impl Iterator<Item = &Verdict> {
        let last = self.by_key.values().filter_map(|history| history.first());
        last.filter(|verdict| verdict.judged.verdict != UNREVIEWED)
    }

    /// All verdicts on a finding, the last first.
    pub fn history(&self, key: &str) -> &[Verdict] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }
}
