//! Indicators over one file of the lake.
//!
//! In: a row group. Out: what was seen in it. First the distinct values of every text column are held against the indicators,
//! without the rows; where none matches, which is nearly always, the group is done. Else the columns with matching values
//! are read to find the rows, and of those rows alone the time, the host and the way back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant as Stopwatch;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use piste_lake::LakeError;
use piste_lake::distinct::TextColumn;
use piste_lake::scan::{Table, text_at};
use piste_model::hash::RecordHash;
use piste_model::{EvidenceId, Instant, schema};
use piste_rules::indicators::fields::{Carries, carries};
use piste_rules::indicators::{Indicator, Test};

use super::Spent;
use super::index::{Index, Slot};
use super::matcher::Scratch;
use super::seen::{AllSeen, Place};
use crate::describe;

/// Values of a column to the tests that they meet.
type Matched = HashMap<Box<str>, Arc<[Slot]>, FixedState>;

/// Columns of `file.content` that say what is known of the sealed file itself, which is looked at apart: it counts once.
const OF_SEALED_FILES: [&str; 6] = ["Path", "ServerPath", "FileName", "SHA256", "SHA1", "MD5"];

/// One thread's work.
pub(super) struct Worker<'w> {
    pub(super) index: &'w Index<'w>,
    /// Evidence up to this id was known to the run that this one is compared with.
    pub(super) since: Option<u32>,
    pub(super) spent: &'w Spent,
    pub(super) scratch: Scratch,
    pub(super) seen: AllSeen,
    /// Values looked up.
    pub(super) values: u64,
}

impl Worker<'_> {
    /// Looks through a file; answers its rows.
    pub(super) fn table(&mut self, path: &piste_lake::LakeFile) -> Result<u64, LakeError> {
        let table = Table::open(path)?;
        let of_files = path.parent().is_some_and(|folder| folder.ends_with("file.content"));
        let columns: Vec<(TextColumn, Carries)> = table
            .text_columns()
            .into_iter()
            .map(|column| {
                let carries = carries(&column.name);
                (column, carries)
            })
            .filter(|(column, carries)| {
                let told = of_files && OF_SEALED_FILES.contains(&column.name.as_str());
                *carries != Carries::NONE && *carries != Carries::PORT && !told
            })
            .collect();
        let mut rows = 0;
        for group in 0..table.groups() {
            let begun = Stopwatch::now();
            let matched = self.values(&table, group, &columns)?;
            let begun = Spent::add(&self.spent.values, begun);
            rows += table.rows_in(group);
            if !matched.is_empty() {
                self.rows(&table, group, &matched)?;
                Spent::add(&self.spent.rows, begun);
            }
        }
        Ok(rows)
    }

    /// The columns that have matching values, with these.
    fn values(
        &mut self,
        table: &Table,
        group: usize,
        columns: &[(TextColumn, Carries)],
    ) -> Result<BTreeMap<String, Matched>, LakeError> {
        let open = table.values()?;
        let mut all: BTreeMap<String, Matched> = BTreeMap::new();
        let mut found = Vec::new();
        for (column, carries) in columns {
            let mut matched = Matched::default();
            open.each(group, column, &mut |value| {
                self.values += 1;
                found.clear();
                self.index.matches(value, *carries, &mut self.scratch, &mut found);
                if !found.is_empty() && !matched.contains_key(value) {
                    matched.insert(value.into(), found.as_slice().into());
                }
            })?;
            if !matched.is_empty() {
                all.entry(column.name.clone()).or_default().extend(matched);
            }
        }
        Ok(all)
    }

    /// Finds the rows and takes them in.
    fn rows(
        &mut self,
        table: &Table,
        group: usize,
        matched: &BTreeMap<String, Matched>,
    ) -> Result<(), LakeError> {
        let mut hits: Vec<(usize, Slot)> = Vec::new();
        let mut before = 0;
        table.read(group, &|name| matched.contains_key(name), None, &mut |batch| {
            for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                if let Some(matched) = matched.get(field.name()) {
                    each_hit(column, matched, &mut |row, slots| {
                        hits.extend(slots.iter().map(|slot| (before + row, *slot)));
                    });
                }
            }
            before += batch.num_rows();
            Ok(())
        })?;
        hits.sort_unstable();
        hits.dedup();
        let rows: Vec<(usize, Vec<u32>)> = hits
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|hits| {
                let row = hits.first()?.0;
                let wanted = self.candidates(hits);
                (!wanted.is_empty()).then_some((row, wanted))
            })
            .collect();
        let numbers: Vec<usize> = rows.iter().map(|(row, _)| *row).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let ports = rows.iter().flat_map(|(_, wanted)| wanted).any(|at| self.port(*at).is_some());
        let mut rows = rows.iter();
        let wanted = |name: &str| is_told(name) || (ports && carries(name).any(Carries::PORT));
        table.read(group, &wanted, Some(&numbers), &mut |batch| {
            for row in 0..batch.num_rows() {
                if let Some((_, indicators)) = rows.next() {
                    self.take(batch, row, indicators);
                }
            }
            Ok(())
        })
    }

    fn indicator(&self, at: u32) -> Option<&Indicator> {
        self.index.indicators.all.get(usize::try_from(at).ok()?)
    }

    /// The port that must not be contradicted.
    fn port(&self, at: u32) -> Option<u16> {
        let tests = self.indicator(at)?.tests.all();
        tests.iter().find_map(|test| if let Test::Port(port) = test { Some(*port) } else { None })
    }

    /// The indicators all of whose tests, ports aside, are among those that a row meets.
    fn candidates(&self, hits: &[(usize, Slot)]) -> Vec<u32> {
        let asked = |slot: Slot| usize::try_from(slot).ok().and_then(|slot| self.index.asked.get(slot));
        let mut wanted = Vec::new();
        let mut parts: Vec<u32> = Vec::new();
        for asked in hits.iter().filter_map(|(_, slot)| asked(*slot)) {
            wanted.extend(asked.alone);
            parts.extend(&asked.part_of);
        }
        parts.sort_unstable();
        for same in parts.chunk_by(|a, b| a == b) {
            let Some(at) = same.first() else { continue };
            let tests = self.indicator(*at).map_or(&[][..], |one| one.tests.all());
            let needed = tests.iter().filter(|test| !matches!(test, Test::Port(_))).count();
            if same.len() >= needed {
                wanted.push(*at);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn take(&mut self, batch: &RecordBatch, row: usize, indicators: &[u32]) {
        let Some((place, host)) = place(batch, row) else { return };
        let new = self.since.is_some_and(|since| place.evidence > since);
        for at in indicators {
            if self.port(*at).is_some_and(|port| contradicts(batch, row, port)) {
                continue;
            }
            let outside = self.indicator(*at).is_some_and(|one| is_outside(one, place.time));
            self.seen.entry(*at).or_default().add(&place, host, new, outside);
        }
    }
}

/// Whether no source holds the indicator valid at this time; a row without a time contradicts none.
pub(super) fn is_outside(indicator: &Indicator, time: Option<Instant>) -> bool {
    let Some(time) = time else { return false };
    indicator.origins().all(|origin| {
        let about = &origin.about;
        about.valid_from.is_some_and(|from| time.nanos < from.nanos)
            || about.valid_until.is_some_and(|until| time.nanos >= until.nanos)
    })
}

/// What is read of a row beside the matching columns.
fn is_told(name: &str) -> bool {
    matches!(name, schema::EVENT_TIME | schema::TIME_DIGITS | schema::HOST) || describe::is_place(name)
}

/// Hands each row with a matching value to `hit`.
fn each_hit(column: &ArrayRef, matched: &Matched, hit: &mut dyn FnMut(usize, &[Slot])) {
    if let Some(keys) = column.as_dictionary_opt::<Int32Type>() {
        let Some(values): Option<&StringArray> = keys.values().as_string_opt() else { return };
        let slots: Vec<Option<&Arc<[Slot]>>> = (0..values.len())
            .map(|at| if values.is_null(at) { None } else { matched.get(values.value(at)) })
            .collect();
        if slots.iter().all(Option::is_none) {
            return;
        }
        for (row, key) in keys.keys().iter().enumerate() {
            let key = key.and_then(|key| usize::try_from(key).ok());
            if let Some(Some(slots)) = key.and_then(|key| slots.get(key)) {
                hit(row, slots);
            }
        }
    } else if let Some(list) = column.as_list_opt::<i32>() {
        in_runs(list.value_offsets(), list.values(), &|row| list.is_valid(row), matched, hit);
    } else if let Some(map) = column.as_map_opt() {
        in_runs(map.value_offsets(), map.values(), &|row| map.is_valid(row), matched, hit);
    }
}

/// Values of lists and maps: those of a row lie between two offsets.
fn in_runs(
    offsets: &[i32],
    values: &ArrayRef,
    valid: &dyn Fn(usize) -> bool,
    matched: &Matched,
    hit: &mut dyn FnMut(usize, &[Slot]),
) {
    let Some(values): Option<&StringArray> = values.as_string_opt() else { return };
    for (row, ends) in offsets.windows(2).enumerate() {
        let &[start, end] = ends else { continue };
        let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else { continue };
        for at in (start..end.min(values.len())).filter(|at| valid(row) && values.is_valid(*at)) {
            if let Some(slots) = matched.get(values.value(at)) {
                hit(row, slots);
            }
        }
    }
}

/// The way back to a row, and the host that it names.
fn place(batch: &RecordBatch, row: usize) -> Option<(Place, &str)> {
    let text = |name: &str| batch.column_by_name(name).and_then(|column| text_at(column, row));
    let number = |name: &str| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let evidence: EvidenceId = text(schema::EVIDENCE_ID)?.parse().ok()?;
    let time = describe::time_of(batch, row);
    let hashes =
        batch.column_by_name(schema::RECORD_HASH).and_then(|column| column.as_fixed_size_binary_opt());
    let hash = hashes.and_then(|hashes| RecordHash::try_from(hashes.value(row)).ok()).unwrap_or_default();
    let place = Place {
        undated: time.is_none(),
        time,
        evidence: evidence.0,
        offset: number(schema::OFFSET).and_then(|offset| u64::try_from(offset).ok()).unwrap_or_default(),
        record: number(schema::RECORD).unwrap_or_default(),
        hash,
    };
    Some((place, text(schema::HOST).unwrap_or_default()))
}

/// Whether the row names ports, and this one is not among them.
fn contradicts(batch: &RecordBatch, row: usize, port: u16) -> bool {
    let wanted = port.to_string();
    let mut named = false;
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if carries(field.name()).any(Carries::PORT)
            && let Some(text) =
                text_at(column, row).map(str::trim).filter(|text| !matches!(*text, "" | "-" | "0"))
        {
            if text == wanted {
                return false;
            }
            named = true;
        }
    }
    named
}

/// Adds the time since `begun`; answers the time now.
impl Spent {
    fn add(to: &AtomicU64, begun: Stopwatch) -> Stopwatch {
        let now = Stopwatch::now();
        to.fetch_add(u64::try_from((now - begun).as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        now
    }
}
