//! The short names of findings, given once and for good.
//!
//! In: entries of kind `finding.numbered` as the ledger is opened. Out: the number that a key has, or the next free one
//! with the body of the entry that records it. A number is never given twice, even if its finding is gone from a later run.

use std::collections::BTreeMap;

use piste_model::FindingId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ledger::{Entry, LedgerError, kind};

/// Body of an entry of kind `finding.numbered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Numbered {
    key: String,
    id: FindingId,
}

/// Which finding key has which `F-n`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingNumbers {
    by_key: BTreeMap<String, FindingId>,
    highest: u32,
}

impl FindingNumbers {
    /// Takes in one entry of the ledger; entries of other kinds are passed over.
    ///
    /// # Errors
    /// [`LedgerError::Body`] where the body is not `{"key","id"}`, or gives a key or a number a second time.
    pub fn observe(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if entry.kind != kind::FINDING_NUMBERED {
            return Ok(());
        }
        let wrong = |what: String| LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what };
        let Numbered { key, id } =
            serde_json::from_value(entry.body.clone()).map_err(|e| wrong(e.to_string()))?;
        if id.0 <= self.highest {
            return Err(wrong(format!("{id} does not follow F-{}", self.highest)));
        }
        if let Some(earlier) = self.by_key.get(&key) {
            return Err(wrong(format!("the key of {id} already has {earlier}")));
        }
        self.by_key.insert(key, id);
        self.highest = id.0;
        Ok(())
    }

    /// The number of `key`, and for a key not seen before the body to append with [`kind::FINDING_NUMBERED`].
    ///
    /// Append that body before the number is shown to anyone: only then is it given.
    pub fn number(&mut self, key: &str) -> (FindingId, Option<Value>) {
        if let Some(&id) = self.by_key.get(key) {
            return (id, None);
        }
        self.highest = self.highest.saturating_add(1);
        let id = FindingId(self.highest);
        self.by_key.insert(key.to_owned(), id);
        (id, Some(json!({"id": id.to_string(), "key": key})))
    }

    /// The highest number given; 0 if none is.
    pub fn highest(&self) -> u32 {
        self.highest
    }

    /// How many numbers are given.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}
