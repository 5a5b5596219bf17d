//! What was generated, counted: rows, bytes, and how much the hot columns repeat themselves.
//!
//! In: events as they are written. Out: values and distinct values of each column that rules ask for much. Distinct values
//! are counted by their 64-bit hashes: among ten million, two of them share one in fewer than one run of 100,000.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashSet;
use serde::Serialize;

use super::draft::Draft;
use crate::evtx::Value;

/// Columns that are counted.
const HOT: [&str; 16] = [
    "CommandLine",
    "DestinationIp",
    "Details",
    "Hashes",
    "Image",
    "ImageLoaded",
    "ImagePath",
    "NewProcessName",
    "ParentCommandLine",
    "ParentImage",
    "ProcessName",
    "QueryName",
    "ScriptBlockText",
    "TargetFilename",
    "TargetObject",
    "User",
];

/// How much a column repeats itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repetition {
    /// Values.
    pub values: u64,
    /// Distinct values.
    pub distinct: u64,
    /// Distinct of all, 0 to 1.
    pub ratio: f64,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The seed.
    pub seed: u64,
    /// `evtx` or `jsonl`
    pub format: &'static str,
    /// Whether every command line and script is unique.
    pub unique: bool,
    /// Events.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// Hosts.
    pub hosts: u64,
    /// Events by channel and id, `Security 4624`.
    pub events: BTreeMap<String, u64>,
    /// Planted events by name.
    pub planted: BTreeMap<&'static str, u64>,
    /// The hot columns.
    pub columns: BTreeMap<&'static str, Repetition>,
}

#[derive(Debug, Clone, Default)]
struct Column {
    values: u64,
    hashes: HashSet<u64, FixedState>,
}

/// Counts of one host, or of several put together.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    rows: u64,
    pub(super) bytes: u64,
    pub(super) files: u64,
    events: BTreeMap<(&'static str, u16), u64>,
    planted: BTreeMap<&'static str, u64>,
    columns: [Column; HOT.len()],
    hasher: FixedState,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            rows: 0,
            bytes: 0,
            files: 0,
            events: BTreeMap::new(),
            planted: BTreeMap::new(),
            columns: std::array::from_fn(|_| Column::default()),
            hasher: FixedState::default(),
        }
    }

    pub(super) fn count(&mut self, draft: &Draft, planted: Option<&'static str>) {
        self.rows += 1;
        *self.events.entry((draft.kind.source.channel, draft.kind.id)).or_default() += 1;
        if let Some(name) = planted {
            *self.planted.entry(name).or_default() += 1;
        }
        for ((name, _), value) in draft.kind.fields.iter().zip(draft.values()) {
            if let Value::Text(text) = value
                && let Ok(at) = HOT.binary_search(name)
                && let Some(column) = self.columns.get_mut(at)
            {
                column.values += 1;
                column.hashes.insert(self.hasher.hash_one(text));
            }
        }
    }

    /// Takes in the counts of another.
    pub(super) fn join(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.files += other.files;
        for (event, count) in other.events {
            *self.events.entry(event).or_default() += count;
        }
        for (name, count) in other.planted {
            *self.planted.entry(name).or_default() += count;
        }
        for (column, theirs) in self.columns.iter_mut().zip(other.columns) {
            column.values += theirs.values;
            column.hashes.extend(theirs.hashes);
        }
    }

    pub(super) fn stats(&self, seed: u64, format: &'static str, unique: bool, hosts: u64) -> Stats {
        let columns = HOT.iter().zip(&self.columns).filter(|(_, column)| column.values > 0);
        Stats {
            seed,
            format,
            unique,
            rows: self.rows,
            bytes: self.bytes,
            files: self.files,
            hosts,
            events: self
                .events
                .iter()
                .map(|((channel, id), count)| (format!("{channel} {id}"), *count))
                .collect(),
            planted: self.planted.clone(),
            columns: columns.map(|(name, column)| (*name, column.repetition())).collect(),
        }
    }
}

impl Column {
    fn repetition(&self) -> Repetition {
        let distinct = self.hashes.len() as u64;
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people, of counts far below 2^52")]
        let ratio = distinct as f64 / self.values as f64;
        Repetition { values: self.values, distinct, ratio: (ratio * 1e6).round() / 1e6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hot_columns_are_sorted_for_the_search() {
        assert!(HOT.is_sorted());
    }
}
