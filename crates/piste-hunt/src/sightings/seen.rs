//! What was seen of each indicator.
//!
//! In: rows that show it, in any order. Out: count, first, last, hosts, days and the earliest rows. Adding is commutative, so
//! that the number of threads changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use piste_model::finding::DayCount;
use piste_model::hash::{RecordHash, hex};
use piste_model::{EvidenceId, Finding, Instant, RowRef, Sighting};

/// Hosts that one indicator names.
const HOSTS_MAX: usize = 1_000;

/// One row, or a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Rows without a time come last.
    pub(super) undated: bool,
    pub(super) time: Option<Instant>,
    pub(super) evidence: u32,
    pub(super) offset: u64,
    pub(super) record: i64,
    pub(super) hash: RecordHash,
}

/// What was seen of one indicator.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) count: u64,
    /// Rows in evidence that was sealed since the run that this one is compared with.
    pub(super) new_rows: u64,
    /// Rows at a time for which no source holds it valid.
    pub(super) outside: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    hosts: BTreeSet<String>,
    days: BTreeMap<i64, (Instant, u64)>,
    rows: BTreeSet<Place>,
}

impl Seen {
    pub(super) fn add(&mut self, place: &Place, host: &str, new: bool, outside: bool) {
        self.count += 1;
        self.new_rows += u64::from(new);
        self.outside += u64::from(outside);
        if let Some(time) = place.time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = self.last.max(Some(time));
            let day = self.days.entry(time.day()).or_insert((time, 0));
            day.1 += 1;
            day.0 = day.0.min(time);
        }
        if !host.is_empty() && !self.hosts.contains(host) {
            self.hosts.insert(host.to_owned());
        }
        if self.rows.len() < Sighting::MAX_ROWS || self.rows.last().is_some_and(|last| place < last) {
            self.rows.insert(place.clone());
        }
        self.bound();
    }

    pub(super) fn join(&mut self, other: Self) {
        self.count += other.count;
        self.new_rows += other.new_rows;
        self.outside += other.outside;
        self.first = match (self.first, other.first) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.last = self.last.max(other.last);
        self.hosts.extend(other.hosts);
        for (day, (time, count)) in other.days {
            let mine = self.days.entry(day).or_insert((time, 0));
            mine.1 += count;
            mine.0 = mine.0.min(time);
        }
        self.rows.extend(other.rows);
        self.bound();
    }

    /// The least are kept, whatever the order in which they came.
    fn bound(&mut self) {
        while self.rows.len() > Sighting::MAX_ROWS {
            self.rows.pop_last();
        }
        while self.hosts.len() > HOSTS_MAX {
            self.hosts.pop_last();
        }
        while self.days.len() > Finding::MAX_DAYS {
            self.days.pop_last();
        }
    }

    /// The rows by day.
    pub(super) fn days(&self) -> Vec<DayCount> {
        self.days.values().map(|(time, count)| DayCount { day: time.date(), count: *count }).collect()
    }

    /// Fills in what was seen.
    pub(super) fn tell(
        &self,
        sighting: &mut Sighting,
        host: &dyn Fn(&str) -> String,
        file: &dyn Fn(EvidenceId) -> (String, String),
    ) {
        sighting.count = self.count;
        sighting.first = self.first;
        sighting.last = self.last;
        sighting.outside_validity = self.outside;
        let hosts: BTreeSet<String> = self.hosts.iter().map(|name| host(name)).collect();
        sighting.hosts = hosts.into_iter().collect();
        sighting.rows = self.rows.iter().map(|place| row(place, file)).collect();
    }
}

fn row(place: &Place, file: &dyn Fn(EvidenceId) -> (String, String)) -> RowRef {
    let evidence_id = EvidenceId(place.evidence);
    let (path, file_sha256) = file(evidence_id);
    RowRef {
        evidence_id,
        path,
        record: place.record,
        offset: place.offset,
        file_sha256,
        record_hash: hex(&place.hash),
    }
}

/// By indicator.
pub(super) type AllSeen = HashMap<u32, Seen, FixedState>;

pub(super) fn join(into: &mut AllSeen, from: AllSeen) {
    for (indicator, seen) in from {
        into.entry(indicator).or_default().join(seen);
    }
}
