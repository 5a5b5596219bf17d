//! Runs of record ids that follow each other, by host and dataset.
//!
//! In: rows of Windows's logs with the id of their record. Out: runs with the times of their first and last record, or that the
//! log was filtered when it was exported: then its records were numbered anew, or most of its ids are missing.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use piste_lake::LakeError;
use piste_lake::row_view::Times;
use piste_lake::scan::{Scan, text_at};
use piste_model::visibility::Because;
use piste_model::{EvidenceId, Instant, schema};

use super::Sources;

/// Id of the record in the log that it was written to.
const RECORD_ID: &str = "EventRecordID";
/// The channel that an event was written to.
const CHANNEL: &str = "Channel";
/// Runs of one log that are kept; a log with more holes was filtered.
const RUNS_MAX: usize = 20_000;
/// Of a log with fewer ids than one in so many, a filter chose them.
const ONE_IN: u64 = 2;

/// Host, dataset and channel.
pub(super) type LogName = (String, String, String);

/// Ids that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) first: Instant,
    pub(super) last: Instant,
}

/// What the ids of one log tell.
#[derive(Debug, Default)]
pub(super) struct RecordIds {
    runs: Vec<Run>,
    rows: u64,
    /// Its records were numbered anew, it is no log as Windows keeps it, or it has too many holes.
    is_filtered: bool,
}

impl RecordIds {
    pub(super) fn add(&mut self, id: u64, time: Instant) {
        self.rows += 1;
        if let Some(run) = self.runs.last_mut()
            && (run.first_id..=run.last_id.saturating_add(1)).contains(&id)
        {
            run.last_id = run.last_id.max(id);
            run.first = run.first.min(time);
            run.last = run.last.max(time);
            return;
        }
        if self.runs.len() >= RUNS_MAX {
            self.tidy();
            self.is_filtered |= self.runs.len() >= RUNS_MAX / 2;
        }
        if !self.is_filtered {
            self.runs.push(Run { first_id: id, last_id: id, first: time, last: time });
        }
    }

    /// Runs in order, those that touch as one: a log is spread over units, and over files.
    fn tidy(&mut self) {
        self.runs.sort_unstable_by_key(|run| (run.first_id, run.last_id));
        let mut tidy: Vec<Run> = Vec::new();
        for run in self.runs.drain(..) {
            match tidy.last_mut() {
                Some(last) if run.first_id <= last.last_id.saturating_add(1) => {
                    last.last_id = last.last_id.max(run.last_id);
                    last.first = last.first.min(run.first);
                    last.last = last.last.max(run.last);
                }
                _ => tidy.push(run),
            }
        }
        self.runs = tidy;
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// That a filter chose its rows, where one did.
    pub(super) fn filtered(&self) -> Option<Because> {
        let span = match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => last.last_id.saturating_sub(first.first_id).saturating_add(1),
            _ => self.rows,
        };
        let sparse = self.rows < span / ONE_IN && self.runs.len() > 2;
        (self.is_filtered || sparse)
            .then_some(Because::Filtered { records: self.rows, of: span.max(self.rows) })
    }
}

/// Reads the ids of all logs that have some.
pub(super) fn read(sources: &Sources<'_>) -> Result<BTreeMap<LogName, RecordIds>, LakeError> {
    let mut found: BTreeMap<LogName, RecordIds> = BTreeMap::new();
    let columns = [
        schema::EVIDENCE_ID,
        schema::DATASET,
        schema::HOST,
        schema::RECORD,
        schema::EVENT_TIME,
        schema::TIME_DIGITS,
        RECORD_ID,
        CHANNEL,
    ];
    let scan = Scan { datasets: &|dataset| dataset.starts_with("windows."), columns: Some(&columns) };
    sources.lake.scan(scan, &mut |batch| {
        take(sources, batch, &mut found);
        Ok(true)
    })?;
    found.values_mut().for_each(RecordIds::tidy);
    Ok(found)
}

/// Takes in the ids of a batch. Its hosts, datasets and files are few: each is looked up once a run of rows that share them.
fn take(sources: &Sources<'_>, batch: &RecordBatch, found: &mut BTreeMap<LogName, RecordIds>) {
    let column = |name: &str| batch.column_by_name(name);
    let (Some(ids), Some(evidence), Some(hosts), Some(datasets)) =
        (column(RECORD_ID), column(schema::EVIDENCE_ID), column(schema::HOST), column(schema::DATASET))
    else {
        return;
    };
    let channels = column(CHANNEL);
    let records = column(schema::RECORD).and_then(|records| records.as_primitive_opt::<Int64Type>());
    let times = Times::of(batch);
    let mut row = 0;
    while row < batch.num_rows() {
        let channel = |row: usize| channels.and_then(|channels| text_at(channels, row)).unwrap_or_default();
        let of =
            |row: usize| (text_at(evidence, row), text_at(hosts, row), text_at(datasets, row), channel(row));
        let shared = of(row);
        let end = (row..batch.num_rows()).find(|next| of(*next) != shared).unwrap_or(batch.num_rows());
        let (Some(file), Some(host), Some(dataset), channel) = shared else {
            row = end;
            continue;
        };
        let is_raw = file.parse::<EvidenceId>().is_ok_and(|id| (sources.is_raw_log)(id.0));
        let name = ((sources.names.host)(host), dataset.to_owned(), channel.to_owned());
        let log = found.entry(name).or_default();
        for at in row..end {
            let id = text_at(ids, at).and_then(|id| id.parse::<u64>().ok());
            let (Some(id), Some(time)) = (id, times.at(at)) else { continue };
            let stored = records.map(|records| records.value(at));
            // In a log as Windows keeps it both numbers are one; an export by a query numbers its records anew.
            log.is_filtered |= !is_raw || stored.is_some_and(|stored| u64::try_from(stored) != Ok(id));
            log.add(id, time);
        }
        row = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[u64]) -> RecordIds {
        let mut found = RecordIds::default();
        for id in ids {
            found.add(*id, Instant { nanos: i64::try_from(*id).expect("small"), digits: 9 });
        }
        found.tidy();
        found
    }

    #[test]
    fn ids_that_follow_each_other_are_one_run_whatever_their_order() {
        let runs =
            |ids: &[u64]| of(ids).runs().iter().map(|run| (run.first_id, run.last_id)).collect::<Vec<_>>();
        assert_eq!(runs(&[1, 2, 3]), [(1, 3)]);
        assert_eq!(runs(&[4, 5, 1, 2, 3]), [(1, 5)], "two files of one log");
        assert_eq!(runs(&[1, 2, 7, 8]), [(1, 2), (7, 8)]);
        assert_eq!(of(&[1, 2, 7, 8]).filtered(), None);
    }

    #[test]
    fn a_log_with_few_of_its_ids_was_filtered() {
        let few = of(&[10, 200, 3_000, 40_000]);
        assert_eq!(few.filtered(), Some(Because::Filtered { records: 4, of: 39_991 }));
    }

    #[test]
    fn holes_without_end_cost_bounded_memory() {
        let mut found = RecordIds::default();
        for id in 0..200_000_u64 {
            found.add(id * 2, Instant { nanos: 0, digits: 0 });
        }
        found.tidy();
        assert!(found.runs.len() <= RUNS_MAX);
        assert!(found.filtered().is_some());
    }
}
