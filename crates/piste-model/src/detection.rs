//! A rule matched a row: one line of `detections.jsonl`. Nothing is judged here.
//!
//! In: a rule and a row of the lake. Out: what a person needs to read the match, and the way back to the bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Entities, RowRef};
use crate::id::EvidenceId;
use crate::level::Level;
use crate::time::Instant;

/// One (rule, event) match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// The rule's UUID, else its title.
    pub rule_id: String,
    /// The rule's title.
    pub rule_title: String,
    /// The rule's level.
    pub level: Level,
    /// When the source says it happened; `null` where its time cannot be read.
    pub time: Option<Instant>,
    /// Computer that the record names; empty if it names none.
    pub host: String,
    /// Dataset of the row, `windows.security`.
    pub dataset: String,
    /// Windows channel; empty elsewhere.
    #[serde(default)]
    pub channel: String,
    /// Event id, for sources that have one.
    pub event_code: Option<i32>,
    /// Record id or line number.
    pub record: i64,
    /// The sealed file.
    pub evidence_id: EvidenceId,
    /// Its locator.
    pub path: String,
    /// Every place that holds this record, the one above first.
    pub places: Vec<String>,
    /// ATT&CK technique ids, `T1505.003`.
    pub attack: Vec<String>,
    /// Status of the rule, `stable`, `test`, `experimental`.
    pub status: String,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// Hash of the record's bytes, 32 hex digits.
    pub record_hash: String,
    /// The account that acted, as the row names it first.
    #[serde(default)]
    pub actor: Option<String>,
    /// The executable that acted.
    #[serde(default)]
    pub acting_process: Option<String>,
    /// Who and what the row is about.
    pub entities: Entities,
    /// The row's telling fields, cut at 1,000 characters each.
    pub details: BTreeMap<String, String>,
}

impl Detection {
    /// The way back to the record; `file_sha256` is the sealed file's.
    pub fn row(&self, file_sha256: &str) -> RowRef {
        RowRef {
            evidence_id: self.evidence_id,
            path: self.path.clone(),
            record: self.record,
            offset: self.offset,
            file_sha256: file_sha256.to_owned(),
            record_hash: self.record_hash.clone(),
        }
    }
}
