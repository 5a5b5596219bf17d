//! Detections grouped and judged: one line of `findings.jsonl`.
//!
//! In: detections over the same host and entities. Out: one statement with its level, confidence, span and rows.

use serde::{Deserialize, Serialize};

use crate::id::{EvidenceId, FindingId};
use crate::level::Level;
use crate::time::Instant;

/// What a finding is about. Each list is sorted, without doubles, and bounded by [`Entities::MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entities {
    /// Accounts as the log writes them, `DOMAIN\user`.
    pub account: Vec<String>,
    /// Paths of executables.
    pub process: Vec<String>,
    /// Paths of files.
    pub file: Vec<String>,
    /// IP addresses and host names on the other side.
    pub address: Vec<String>,
}

impl Entities {
    /// The most values that one list keeps.
    pub const MAX: usize = 50;

    /// Adds what `other` names.
    pub fn merge(&mut self, other: &Self) {
        for (list, more) in [
            (&mut self.account, &other.account),
            (&mut self.process, &other.process),
            (&mut self.file, &other.file),
            (&mut self.address, &other.address),
        ] {
            for value in more {
                if let Err(at) = list.binary_search(value)
                    && list.len() < Self::MAX
                {
                    list.insert(at, value.clone());
                }
            }
        }
    }
}

/// The way back to one record's bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// The sealed file.
    pub evidence_id: EvidenceId,
    /// Its locator.
    pub path: String,
    /// Record id or line number.
    pub record: i64,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// SHA-256 of the sealed file.
    pub file_sha256: String,
    /// First 16 bytes of the SHA-256 of the record's bytes.
    pub record_hash: String,
}

/// Where a finding comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// A rule matched.
    Detection,
    /// A way in.
    Door,
    /// A known indicator was seen.
    Sighting,
    /// Rare and unproven.
    Lead,
}

/// The detections of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// `2021-03-14`, in UTC.
    pub day: String,
    /// Detections of that day.
    pub count: u64,
}

/// What an earlier run of the case, over other evidence or rules, did not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum New {
    /// The finding itself.
    Finding,
    /// Rows of it: they stand in evidence that was sealed since.
    Rows,
}

/// One judged statement over one or many rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `F-1`.
    pub id: FindingId,
    /// Hash of (kind, rule or door, host, entities): the same over runs; verdicts bind to it.
    pub key: String,
    /// Where it comes from.
    pub kind: FindingKind,
    /// One line.
    pub title: String,
    /// The gravest level of its detections.
    pub level: Level,
    /// `high`, `medium` or `low`: how far the rule's status and the repetition on this host support it.
    pub confidence: String,
    /// The analyst's word; `unreviewed` until then.
    pub verdict: String,
    /// Earliest row.
    pub first: Option<Instant>,
    /// Latest row.
    pub last: Option<Instant>,
    /// Rows matched, of which `rows` lists at most [`Finding::MAX_ROWS`].
    pub count: u64,
    /// Hosts it was seen on.
    pub hosts: Vec<String>,
    /// Who and what it is about.
    pub entities: Entities,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// The earliest rows.
    pub rows: Vec<RowRef>,
    /// The rule behind it, for kind `detection`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule_id: Option<String>,
    /// The telling fields of its earliest row.
    #[serde(default)]
    pub details: std::collections::BTreeMap<String, String>,
    /// The account that acted, which its detections share; `None` where they name none.
    #[serde(default)]
    pub actor: Option<String>,
    /// The executable that acted, likewise.
    #[serde(default)]
    pub acting_process: Option<String>,
    /// The detections by day, the earliest [`Finding::MAX_DAYS`] days; those without a time stand under none.
    #[serde(default)]
    pub days: Vec<DayCount>,
    /// What is new since the baseline: the last finished run of the case over other evidence, rules or version. `None`
    /// where nothing is, and where there is no such run.
    #[serde(default)]
    pub new: Option<New>,
    /// Rows in evidence that was sealed since the baseline; 0 where there is none.
    #[serde(default)]
    pub new_rows: u64,
}

impl Finding {
    /// The most rows that a finding lists; `detections.jsonl` has them all.
    pub const MAX_ROWS: usize = 20;
    /// The most days that a finding counts by.
    pub const MAX_DAYS: usize = 1_000;

    /// Counts one detection under its day.
    pub fn count_day(&mut self, time: Instant) {
        let day = time.date();
        match self.days.binary_search_by(|known| known.day.cmp(&day)) {
            Ok(at) => {
                if let Some(known) = self.days.get_mut(at) {
                    known.count += 1;
                }
            }
            Err(at) => {
                self.days.insert(at, DayCount { day, count: 1 });
                self.days.truncate(Self::MAX_DAYS);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_lists_sorted_single_and_bounded() {
        let mut entities = Entities::default();
        for n in (0..200).rev() {
            let one = Entities { account: vec![format!("user{n:03}")], ..Entities::default() };
            entities.merge(&one);
            entities.merge(&one);
        }
        assert_eq!(entities.account.len(), Entities::MAX);
        assert!(entities.account.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
