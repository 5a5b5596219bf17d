//! What could have been seen where and when: the only ground of a negative sentence.
//!
//! In: what the judge found of a host's logs. Out: the nouns, and their words. A span says what kind of light there was: rows
//! without a hole, a hole and its reason, or a log about which nothing can be said.

use serde::{Deserialize, Serialize};

use crate::coverage::date;
use crate::finding::RowRef;
use crate::time::Instant;

/// What a span of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisibilityKind {
    /// Its rows are here without a hole.
    Covered,
    /// No row of it is here.
    Gap,
    /// It was cleared.
    Cleared,
    /// Its older records were overwritten by newer ones.
    RolledOver,
    /// It was not being written.
    NotLogged,
    /// A filter chose what was exported: what is missing was perhaps there.
    Exported,
    /// Its clock was wrong.
    Skewed,
    /// Nothing of it is here.
    NotCollected,
}

impl VisibilityKind {
    /// As a person reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Gap => "gap",
            Self::Cleared => "cleared",
            Self::RolledOver => "rolled over",
            Self::NotLogged => "not logged",
            Self::Exported => "exported",
            Self::Skewed => "clock wrong",
            Self::NotCollected => "not collected",
        }
    }
}

/// Why a span is what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Because {
    /// Its record ids follow each other.
    RecordsFollow {
        /// Records.
        records: u64,
    },
    /// Each of its days has rows.
    DaysFollow {
        /// Days.
        days: u64,
    },
    /// Record ids are missing in the midst of a log that was copied as it is.
    RecordsMissing {
        /// How many.
        records: u64,
    },
    /// Days without a row.
    DaysWithout {
        /// How many.
        days: u64,
    },
    /// An event says that the log was cleared.
    ClearEvent {
        /// 1102, 104 or 517.
        event_code: i32,
        /// Who cleared it, as the event says; empty where it does not.
        account: String,
    },
    /// The log begins with a record that is not its first.
    FirstRecord {
        /// Its id.
        record: u64,
    },
    /// The log begins with its first record.
    LogBegins,
    /// Its records were numbered anew when it was exported, or most of its ids are missing.
    Filtered {
        /// Records that are here.
        records: u64,
        /// Ids from the first to the last.
        of: u64,
    },
    /// Its clock and another differ.
    ClockDiffers {
        /// By how much, in milliseconds.
        offset_ms: i64,
    },
    /// The audit policy of the host keeps some events out.
    AuditPolicy {
        /// `Process Creation`.
        subcategory: String,
        /// `No Auditing`, or of which outcome alone it writes.
        setting: String,
        /// Numbers of the events that are not written.
        events: String,
    },
    /// No file of it is among the evidence.
    NoFile,
}

/// A span of one host's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visibility {
    /// Host.
    pub host: String,
    /// Dataset.
    pub dataset: String,
    /// Channel, of a log of Windows: a dataset may have several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// From when; `None` for as long as the host was there before.
    pub from: Option<Instant>,
    /// Until when; `None` for as long as the host was there after.
    pub to: Option<Instant>,
    /// What the span is.
    pub kind: VisibilityKind,
    /// Why.
    #[serde(flatten)]
    pub because: Because,
    /// Rows that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowRef>,
}

impl Because {
    /// In words.
    pub fn in_words(&self) -> String {
        match self {
            Self::RecordsFollow { records: 1 } => "1 record".to_owned(),
            Self::RecordsFollow { records } => format!("{records} records whose ids follow each other"),
            Self::DaysFollow { days: 1 } => "rows on that day".to_owned(),
            Self::DaysFollow { days } => format!("rows on each of {days} days"),
            Self::RecordsMissing { records: 1 } => {
                "1 record is missing in the log as it was copied".to_owned()
            }
            Self::RecordsMissing { records } => {
                format!("{records} records are missing in the log as it was copied")
            }
            Self::DaysWithout { days: 1 } => "1 day without a row".to_owned(),
            Self::DaysWithout { days } => format!("{days} days without a row"),
            Self::ClearEvent { event_code, account } if account.is_empty() => {
                format!("event {event_code} says that it was cleared")
            }
            Self::ClearEvent { event_code, account } => {
                format!("event {event_code} says that {account} cleared it")
            }
            Self::FirstRecord { record } => {
                format!(
                    "the log begins with record {record}: older ones were overwritten, cleared or left out"
                )
            }
            Self::LogBegins => "the log begins here with its first record".to_owned(),
            Self::Filtered { records, of } => {
                format!(
                    "an export with {records} of {of} records: a filter may have chosen them, so nothing follows from what is missing"
                )
            }
            Self::ClockDiffers { offset_ms } => {
                format!("two clocks of its records differ by {:+.1} s", seconds(*offset_ms))
            }
            Self::AuditPolicy { subcategory, setting, events } => format!(
                "the audit policy has {subcategory} at `{setting}`: not written: {events}; what it was before is not known"
            ),
            Self::NoFile => "no file of it is here".to_owned(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "differences of clocks are shown to a tenth of a second")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

impl Visibility {
    /// `from … to …`, by day where it is long.
    pub fn span_in_words(&self) -> String {
        let day = |at: Instant| date(at.day());
        match (self.from, self.to) {
            (Some(from), Some(to)) if day(from) == day(to) => format!("{from} to {to}"),
            (Some(from), Some(to)) => format!("{} to {}", day(from), day(to)),
            (None, Some(to)) => format!("before {to}"),
            (Some(from), None) => format!("after {from}"),
            (None, None) => "at all times".to_owned(),
        }
    }
}
