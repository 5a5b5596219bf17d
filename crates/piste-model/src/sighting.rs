//! Known indicators seen in the evidence: one line of `sightings.jsonl`.
//!
//! In: an indicator with its source, and the rows or files that carry its value. Out: one line an indicator that was seen.

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;
use crate::time::Instant;

/// An indicator that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The value as normalised: `203.0.113.7`, `evil.example`.
    pub indicator: String,
    /// `ipv4-addr`, `domain-name`, `url`, `file-hash`, `file-path`, `email-addr`, `user-agent`, `mutex`, `named-pipe`…
    #[serde(rename = "type")]
    pub kind: String,
    /// File and identifier that the indicator comes from.
    pub source: String,
    /// Rows and files.
    pub count: u64,
    /// Earliest row.
    pub first: Option<Instant>,
    /// Latest row.
    pub last: Option<Instant>,
    /// Hosts, sorted.
    pub hosts: Vec<String>,
    /// The earliest rows; at most [`Sighting::MAX_ROWS`].
    pub rows: Vec<RowRef>,
    /// The strictest marking of any source: `TLP:AMBER`.
    #[serde(default)]
    pub tlp: Option<String>,
    /// From when the first source holds it valid; null where one names no beginning.
    #[serde(default)]
    pub valid_from: Option<Instant>,
    /// Until when the last does; null where one names no end.
    #[serde(default)]
    pub valid_until: Option<Instant>,
    /// Rows at a time for which no source holds it valid; they count all the same.
    #[serde(default)]
    pub outside_validity: u64,
    /// How sure its source is, 0 to 100.
    #[serde(default)]
    pub confidence: Option<u8>,
    /// What its source says of it.
    #[serde(default)]
    pub description: Option<String>,
    /// What each source says, in the order given; at most [`Sighting::MAX_SOURCES`].
    #[serde(default)]
    pub sources: Vec<Source>,
}

/// What one source says of an indicator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `feed.csv:17`, or the file with the source's identifier.
    pub source: String,
    /// `TLP:AMBER` as it marks it.
    pub tlp: Option<String>,
    /// From when it holds it valid.
    pub valid_from: Option<Instant>,
    /// Until when.
    pub valid_until: Option<Instant>,
    /// How sure it is, 0 to 100.
    pub confidence: Option<u8>,
    /// What it says.
    pub description: Option<String>,
}

impl Sighting {
    /// The most sources that a sighting lists.
    pub const MAX_SOURCES: usize = 20;
    /// The most rows that a sighting lists.
    pub const MAX_ROWS: usize = 20;
}
