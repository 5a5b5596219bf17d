//! The hunt over the lake: rules on rows that are stored already.
//!
//! In: units that were read with other rules. Out: their detections under this rule set, the same as if the evidence were
//! read again. Only the columns that the rules name are read, files and row groups whose events no rule looks at are passed
//! over; the rows that matched are then read once more, for what a person wants to see of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use arrow_array::RecordBatch;
use piste_hunt::correlate::Gathered;
use piste_hunt::describe::Named;
use piste_hunt::{Hit, Needs, describe};
use piste_lake::scan::{Table, text_at};
use piste_lake::store::{Found, UnitRecord, write_durably};
use piste_lake::{Lake, LakeError, Unit};
use piste_model::sources::Shape;
use piste_model::{Detection, EvidenceId, schema};

use super::Hunt;
use super::read::{correlate, lines, order};

/// Time spent on each part, of all threads together, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Reading the columns that rules name.
    pub(crate) reading: AtomicU64,
    /// Finding the rows that match.
    pub(crate) matching: AtomicU64,
    /// Reading those again and writing what they say.
    pub(crate) telling: AtomicU64,
}

impl Spent {
    fn add(to: &AtomicU64, since: Instant) -> Instant {
        let now = Instant::now();
        let spent = u64::try_from((now - since).as_nanos()).unwrap_or(u64::MAX);
        to.fetch_add(spent, Ordering::Relaxed);
        now
    }

    /// Seconds.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn seconds(of: &AtomicU64) -> f64 {
        of.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// Hunts units anew.
pub(crate) struct Rehunt<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) hunt: &'a Hunt,
    /// Locators by evidence id.
    pub(crate) paths: &'a BTreeMap<u32, String>,
    pub(crate) threads: usize,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) spent: Spent,
}

impl Rehunt<'_> {
    /// Hunts every unit that this rule set has not seen; answers how many those were.
    pub(crate) fn run(&self, units: &[Unit]) -> Result<usize, LakeError> {
        let hash = &self.hunt.key;
        let unseen: Vec<&Unit> =
            units.iter().filter(|unit| !self.lake.found(unit, hash, Found::Detections).exists()).collect();
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<LakeError>> = Mutex::default();
        let work = || {
            while let Some(unit) = unseen.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = self.unit(unit) {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(unseen.len()).max(1) {
                scope.spawn(work);
            }
            work();
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        if self.stop.load(Ordering::Relaxed) { Err(LakeError::Stopped) } else { Ok(unseen.len()) }
    }

    fn unit(&self, unit: &Unit) -> Result<(), LakeError> {
        let record = self.lake.record(unit)?.unwrap_or_default();
        let mut found = UnitFound::default();
        for (dataset, path) in self.lake.tables(unit)? {
            self.table(&dataset, &path, &record, &mut found)?;
        }
        let since = Instant::now();
        let UnitFound { mut detections, mut gathered } = found;
        if !gathered.is_empty() {
            let path = self.lake.found(unit, &self.hunt.key, Found::Contributions);
            gathered.write(&path).map_err(correlate)?;
        }
        detections.sort_by(|a, b| order(a).cmp(&order(b)));
        let path = self.lake.found(unit, &self.hunt.key, Found::Detections);
        write_durably(&path, &lines(&detections, &path)?)?;
        Spent::add(&self.spent.telling, since);
        Ok(())
    }

    fn table(
        &self,
        dataset: &str,
        path: &Path,
        record: &UnitRecord,
        found: &mut UnitFound,
    ) -> Result<(), LakeError> {
        // A unit of very many shapes names some of them only: then nothing is passed over.
        let all_known = record.shapes.len() < UnitRecord::SHAPES_MAX;
        let shapes: Vec<&Shape> = record.shapes.iter().filter(|shape| shape.dataset == dataset).collect();
        let everything = Needs { all: true, ..Needs::default() };
        let needs = self.hunt.engine.needs(shapes.iter().copied());
        let Some(needs) = needs.or_else(|| (!all_known).then_some(everything)) else { return Ok(()) };
        let table = Table::open(path)?;
        for group in 0..table.groups() {
            let codes = table.range(group, schema::EVENT_CODE);
            let within = |shape: &&&Shape| match (codes, shape.event_code) {
                (Some((least, greatest)), Some(code)) => (least..=greatest).contains(&code),
                (Some(_), None) => false, // every row of the group has a code
                (None, _) => true,
            };
            let here = shapes.iter().filter(within).copied();
            if all_known && self.hunt.engine.needs(here).is_none() {
                continue;
            }
            let mut hits: Vec<Hit> = Vec::new();
            let mut before = 0;
            let mut since = Instant::now();
            table.read(group, &|name| needs.column(name), None, &mut |rows| {
                since = Spent::add(&self.spent.reading, since);
                let here = self.hunt.engine.hits_in(dataset, rows).into_iter();
                hits.extend(here.map(|hit| Hit { row: before + hit.row, rule: hit.rule }));
                since = Spent::add(&self.spent.matching, since);
                before += rows.num_rows();
                Ok(())
            })?;
            let since = Instant::now();
            self.describe(&table, group, &hits, found)?;
            Spent::add(&self.spent.telling, since);
        }
        Ok(())
    }

    fn describe(
        &self,
        table: &Table,
        group: usize,
        hits: &[Hit],
        found: &mut UnitFound,
    ) -> Result<(), LakeError> {
        let numbers: BTreeSet<usize> = hits.iter().map(|hit| hit.row).collect();
        let numbers: Vec<usize> = numbers.into_iter().collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let mut columns = describe::columns();
        columns.extend(self.hunt.correlator.fields());
        columns.extend([schema::EXTRA]);
        let (mut hits, mut before) = (hits.iter().peekable(), 0);
        table.read(group, &|name| columns.contains(name), Some(&numbers), &mut |rows| {
            let here = numbers.get(before..before + rows.num_rows()).unwrap_or_default();
            before += rows.num_rows();
            let named = Named::new(rows);
            for (at, row) in here.iter().enumerate() {
                while let Some(hit) = hits.next_if(|hit| hit.row == *row) {
                    self.found(rows, &named, at, hit.rule, found);
                }
            }
            Ok(())
        })
    }

    fn found(&self, rows: &RecordBatch, named: &Named<'_>, row: usize, number: usize, found: &mut UnitFound) {
        let id = rows.column_by_name(schema::EVIDENCE_ID).and_then(|ids| text_at(ids, row));
        let id = id.and_then(|id| id.strip_prefix("E-")?.parse().ok()).map(EvidenceId);
        let (Some(id), Some(rule)) = (id, self.hunt.rules.rules.get(number)) else { return };
        if rule.reports {
            let path = self.paths.get(&id.0).map_or("", String::as_str);
            found.detections.push(describe::detection(rule, id, path, named, row));
        }
        if self.hunt.correlator.wants(number) {
            self.hunt.correlator.contribute(number, rows, row, id, &mut found.gathered);
        }
    }
}

/// What a unit's hunt found so far.
#[derive(Default)]
struct UnitFound {
    detections: Vec<Detection>,
    gathered: Gathered,
}

/// Threads that the machine has, or as many as asked.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get)).clamp(1, 256)
}
