//! Units: parsed, hunted, written.
//!
//! In: the sealed items and the plan. Out: one record a unit. Workers parse and hunt blocks; the commits come in the order
//! of (item, block), so that equal runs write equal files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use piste_hunt::correlate::{CorrelateError, Gathered};
use piste_hunt::told::{Teller, Told};
use piste_hunt::yara::{FileScanner, Target};
use piste_hunt::{Engine, describe};
use piste_lake::copies::{self, Copy, Identity, Original, Seen};
use piste_lake::pipeline::{self, Change, Step};
use piste_lake::scan::text_at;
use piste_lake::stamp::Stamp;
use piste_lake::store::{Attachment, Coverage, Found, Standing, UnitRecord};
use piste_lake::{Batch, Block, FileTime, Format, Held, Item, Lake, LakeError, Parsed, Unit, file, page};
use piste_model::evidence::EvidenceState;
use piste_model::summary::ScanFigures;
use piste_model::{Damage, Instant, Issue, schema};
use serde::Serialize;

use super::Hunt;
use super::merged::written;
use crate::case::Case;
use crate::failure::Failure;
use crate::look::rows::int_at;
use crate::out;
use crate::progress::Progress;

/// (host, dataset) pairs that a unit's coverage names; a hostile log with more of them is counted under one name.
const COVERAGE_MAX: usize = 5_000;
/// Hosts that an item counts.
const HOSTS_MAX: usize = 1_000;

/// What a run reads.
pub(super) struct Reading<'a> {
    pub(super) items: &'a [Item],
    pub(super) units: &'a [Unit],
    pub(super) hunt: &'a Hunt,
    pub(super) passwords: &'a [Vec<u8>],
    pub(super) dedup: bool,
    pub(super) threads: usize,
    pub(super) time: FileTime,
    pub(super) stop: &'a AtomicBool,
    pub(super) shown: bool,
}

/// What a worker makes of one batch.
struct Hunted {
    batch: Batch,
    /// (row, detection), in the order of the rows.
    detections: Vec<(usize, Told)>,
    /// What the rows contribute to correlations.
    gathered: Gathered,
    /// Identities of the rows, where another log may hold the same records.
    identities: Vec<Option<Identity>>,
}

/// What YARA rules found in a file.
#[derive(Default)]
struct InFile {
    detections: Vec<Told>,
    figures: ScanFigures,
}

/// What a worker makes of one block.
struct Worked {
    hunted: Vec<Hunted>,
    records: u64,
    damage: Vec<Damage>,
    issues: Vec<Issue>,
    in_file: InFile,
}

/// Items whose bytes were not what was sealed when they were read, by their index.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// Other bytes than those sealed: no row of them is taken.
    pub(crate) left_out: BTreeSet<usize>,
    /// What was sealed is there, and more after it.
    pub(crate) grown: BTreeSet<usize>,
}

/// How the units stand in the lake; their files are compared on all threads.
fn standings(lake: &Lake, units: &[Unit], threads: usize) -> Result<Vec<Standing>, LakeError> {
    let part = units.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let all: Vec<_> = units
            .chunks(part)
            .map(|part| {
                scope.spawn(move || part.iter().map(|unit| lake.unit(unit)).collect::<Result<Vec<_>, _>>())
            })
            .collect();
        let mut standings = Vec::new();
        for part in all {
            standings.extend(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(standings)
    })
}

/// A unit being put together.
#[derive(Default)]
struct Open {
    batches: Held,
    detections: Vec<Told>,
    gathered: Gathered,
    copies: Vec<Copy>,
    scanned: Vec<Told>,
    record: UnitRecord,
}

impl Reading<'_> {
    /// Does all units that are not done; returns every unit's record in the order of the plan.
    pub(super) fn run(&self, case: &mut Case) -> Result<Vec<UnitRecord>, Failure> {
        let mut records = self.done_before(case)?;
        // What was changed between sealing and reading is left out, and what it had a part in is read once more without it.
        let mut changed = Met::default();
        loop {
            let found = self.pass(case, &mut records, &changed)?;
            if found.left_out.is_empty() {
                changed.grown.extend(found.grown);
                break;
            }
            let again = self.touched(&found.left_out);
            let keys: Vec<String> = self
                .units
                .iter()
                .zip(&again)
                .filter(|(_, again)| **again)
                .map(|(unit, _)| unit.key.clone())
                .collect();
            case.drop_units(&keys)?;
            for (record, again) in records.iter_mut().zip(&again) {
                if *again {
                    *record = None;
                }
            }
            changed.left_out.extend(found.left_out);
        }
        case.record_changes(self.items, &changed)?;
        Ok(records.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The units that earlier runs have done and whose files are what they wrote; what no longer fits goes, and is told.
    fn done_before(&self, case: &mut Case) -> Result<Vec<Option<UnitRecord>>, Failure> {
        let standings = standings(&case.lake, self.units, self.threads)?;
        let (mut records, mut gone) = (Vec::new(), case.lake.others(self.units));
        for (unit, standing) in self.units.iter().zip(standings) {
            records.push(match standing {
                Standing::Whole(record) => Some(*record),
                Standing::Absent => None,
                Standing::Unfit(name) => {
                    let line = format!(
                        "warning: `lake/{name}` is not what was written, or was taken away: what it is made of is read anew from the evidence"
                    );
                    out::note(&piste_report::escape::visible(&line));
                    gone.push(unit.key.clone());
                    None
                }
            });
        }
        case.drop_units(&gone)?;
        case.lake.keep_only(self.units)?;
        Ok(records)
    }

    /// Units that hold rows of these items, or whose rows were compared with theirs for copies.
    fn touched(&self, left_out: &BTreeSet<usize>) -> Vec<bool> {
        let suspects = if self.dedup { copies::suspects(self.items) } else { vec![false; self.items.len()] };
        let suspect = |item: usize| suspects.get(item) == Some(&true);
        let copied = left_out.iter().any(|item| suspect(*item));
        let parts = self.units.iter().map(|unit| {
            unit.parts.iter().any(|part| left_out.contains(&part.item) || (copied && suspect(part.item)))
        });
        parts.collect()
    }

    /// Reads what `records` lack, save the items left out; answers what was found to have changed.
    fn pass(
        &self,
        case: &mut Case,
        records: &mut [Option<UnitRecord>],
        changed: &Met,
    ) -> Result<Met, Failure> {
        let done: Vec<bool> = records.iter().map(Option::is_some).collect();
        let bytes = self.items.iter().filter(|item| item.same_as.is_none()).map(Item::bytes_read).sum();
        let progress = Progress::new("Reading", bytes, self.shown);
        let tmp = case.lake.tmp().to_owned();
        let input = pipeline::Input {
            items: self.items,
            units: self.units,
            done: &done,
            left_out: &changed.left_out,
            tmp: &tmp,
            passwords: self.passwords,
            sources: &self.hunt.sources,
            threads: self.threads,
            time: self.time,
            stop: self.stop,
            progress: &|bytes| progress.done(bytes),
        };
        let suspects = if self.dedup { copies::suspects(self.items) } else { vec![false; self.items.len()] };
        let suspects: BTreeSet<u32> = self
            .items
            .iter()
            .zip(suspects)
            .filter(|(_, suspect)| *suspect)
            .map(|(item, _)| item.id.0)
            .collect();
        let mut seen = self.seen_before(case, &done)?;
        let (mut open, mut found) = (Open::default(), Met::default());
        let worker = || -> pipeline::Worker<'_, Worked> {
            let mut scanner = FileScanner::new(&self.hunt.yara, self.hunt.yara_seconds);
            let suspects = &suspects;
            Box::new(move |item, as_file, parsed| {
                let mut worked = self.work(item, parsed, suspects.contains(&item.id.0));
                if let Some(beginning) = as_file {
                    look_into(&mut scanner, item, beginning, &mut worked);
                }
                worked
            })
        };
        pipeline::run_with(&input, &worker, &mut |step| match step {
            Step::Block(item, worked) => match self.items.get(item) {
                Some(item) => open.take(item, worked, &mut seen),
                None => Ok(()),
            },
            Step::Failed(item, issue) => {
                if let Some(item) = self.items.get(item) {
                    open.record.item(item.id).failed = true;
                }
                open.record.issues.push(issue);
                Ok(())
            }
            Step::Changed(item, Change::Grew) => {
                found.grown.insert(item);
                Ok(())
            }
            Step::Changed(item, Change::Differs) => {
                found.left_out.insert(item);
                Ok(())
            }
            Step::UnitEnd(at) => {
                let open = std::mem::take(&mut open);
                let hash = &self.hunt.key;
                let record = open.write(case, self.units.get(at), hash, &seen.take_unit())?;
                if let Some(slot) = records.get_mut(at) {
                    *slot = Some(record);
                }
                Ok(())
            }
        })?;
        progress.finish();
        Ok(found)
    }

    /// Identities of the units that an earlier, cut-off run has done.
    fn seen_before(&self, case: &Case, done: &[bool]) -> Result<Seen, LakeError> {
        let mut seen = Seen::default();
        for (unit, _) in self.units.iter().zip(done).filter(|(_, done)| **done) {
            let path = case.lake.attachment(unit, Attachment::Identities);
            seen.load(&std::fs::read(&path).map_err(LakeError::read(&path))?);
        }
        Ok(seen)
    }

    fn work(&self, item: &Item, parsed: Parsed, suspect: bool) -> Worked {
        let Parsed { batches, records, damage, issues } = parsed;
        let hunted = batches
            .into_iter()
            .map(|batch| {
                let hits = self.hunt.engine.hits(&batch);
                let mut detections = Vec::new();
                if !hits.is_empty() {
                    let mut teller = Teller::new(&batch.rows);
                    for hit in &hits {
                        if let Some(Some(rule)) = self.hunt.told.get(hit.rule) {
                            detections.push((hit.row, teller.tell(rule, item.id, hit.row)));
                        }
                    }
                }
                let mut gathered = Gathered::default();
                for hit in hits.iter().filter(|hit| self.hunt.correlator.wants(hit.rule)) {
                    self.hunt.correlator.contribute(hit.rule, &batch.rows, hit.row, item.id, &mut gathered);
                }
                let identities = if suspect { copies::identities(&batch) } else { Vec::new() };
                Hunted { batch, detections, gathered, identities }
            })
            .collect();
        Worked { hunted, records, damage, issues, in_file: InFile::default() }
    }
}

/// Has the YARA rules look at a file; what they find binds to the row that was made of it.
fn look_into(scanner: &mut FileScanner<'_>, item: &Item, block: &Block, worked: &mut Worked) {
    if !scanner.has_rules() {
        return;
    }
    let row =
        worked.hunted.first().map(|hunted| describe::hash_of(&hunted.batch.rows, 0)).unwrap_or_default();
    let scanned = scanner.scan(&Target {
        evidence: item.id,
        path: &item.path,
        format: item.format,
        size: item.bytes,
        sha256: &item.sha256,
        bytes: &block.bytes,
        host: &item.computer.by_place.host,
        record_hash: &row,
    });
    let bytes = block.bytes.len().min(file::SCANNED_BYTES_MAX) as u64;
    worked.in_file.figures = ScanFigures {
        scanned: 1,
        bytes,
        in_part: u64::from(item.bytes > bytes),
        timed_out: u64::from(scanned.timed_out),
    };
    worked.in_file.detections = scanned.detections.into_iter().map(Told::of).collect();
    worked.issues.extend(scanned.issues);
}

impl Open {
    fn take(&mut self, item: &Item, worked: Worked, seen: &mut Seen) -> Result<(), LakeError> {
        let counts = self.record.item(item.id);
        counts.records += worked.records;
        counts.damage.extend(worked.damage);
        self.record.issues.extend(worked.issues);
        self.record.scanned.add(&worked.in_file.figures);
        self.scanned.extend(worked.in_file.detections);
        for hunted in worked.hunted {
            let hunted = self.leave_out_copies(item, hunted, seen)?;
            count(&hunted.batch, item, &mut self.record);
            self.batches.push(hunted.batch);
            self.detections.extend(hunted.detections.into_iter().map(|(_, detection)| detection));
            self.gathered.append(hunted.gathered);
        }
        Ok(())
    }

    /// Leaves out the rows that stand in the lake already, and notes where they lie.
    fn leave_out_copies(
        &mut self,
        item: &Item,
        mut hunted: Hunted,
        seen: &mut Seen,
    ) -> Result<Hunted, LakeError> {
        if hunted.identities.is_empty() {
            return Ok(hunted);
        }
        let rows = &hunted.batch.rows;
        let offsets: Vec<u64> = (0..rows.num_rows())
            .map(|row| {
                int_at(rows, schema::OFFSET, row).and_then(|at| u64::try_from(at).ok()).unwrap_or_default()
            })
            .collect();
        let offset = |row: usize| offsets.get(row).copied().unwrap_or_default();
        let mut keep = vec![true; rows.num_rows()];
        for ((row, identity), keep) in hunted.identities.iter().enumerate().zip(&mut keep) {
            let Some(identity) = identity else { continue };
            let place = Original { evidence: item.id, offset: offset(row) };
            if let Some(of) = seen.original(*identity, place) {
                *keep = false;
                let record = int_at(rows, schema::RECORD, row).unwrap_or_default();
                self.copies.push(Copy { evidence_id: item.id, offset: place.offset, record, of });
            }
        }
        let copies = keep.iter().filter(|keep| !**keep).count();
        if copies > 0 {
            let counts = self.record.item(item.id);
            counts.duplicates += copies as u64;
            // The file's own span holds its copies too, though their rows stand under another file.
            for time in (0..rows.num_rows()).filter_map(|row| describe::time_of(rows, row)) {
                counts.first = earliest(counts.first, Some(time));
                counts.last = counts.last.max(Some(time));
            }
            hunted.batch.rows = copies::keep_rows(rows, &keep).map_err(|source| LakeError::Columns {
                dataset: hunted.batch.shape.dataset.clone(),
                source,
            })?;
            hunted.detections.retain(|(row, _)| keep.get(*row).copied().unwrap_or(true));
            let left_out: BTreeSet<u64> =
                (0..keep.len()).filter(|row| keep.get(*row) == Some(&false)).map(offset).collect();
            hunted.gathered.leave_out(&|place| left_out.contains(&place.offset));
        }
        Ok(hunted)
    }

    fn write(
        mut self,
        case: &mut Case,
        unit: Option<&Unit>,
        hunt: &str,
        identities: &[u8],
    ) -> Result<UnitRecord, LakeError> {
        let Some(unit) = unit else { return Ok(self.record) };
        let found = case.lake.found(unit, hunt, Found::Detections);
        let copied = case.lake.attachment(unit, Attachment::Copies);
        let detections = written(&mut self.detections).map_err(LakeError::write(&found))?;
        let copies = lines(&self.copies, &copied)?;
        if !self.gathered.is_empty() {
            let path = case.lake.found(unit, hunt, Found::Contributions);
            self.gathered.write(&path).map_err(correlate)?;
            let stamp = Stamp::of_file(&path).map_err(LakeError::read(&path))?;
            self.record.files.insert(case.lake.name_of(&path), Arc::new(stamp));
        }
        let in_files = case.lake.attachment(unit, Attachment::Scanned);
        let scanned = written(&mut self.scanned).map_err(LakeError::write(&in_files))?;
        drop((self.detections, self.copies, self.scanned));
        let attachments = [
            (found, detections.as_slice()),
            (in_files, scanned.as_slice()),
            (copied, copies.as_slice()),
            (case.lake.attachment(unit, Attachment::Identities), identities),
        ];
        let stored =
            case.lake.write_unit(unit, self.batches.into_batches(), &mut self.record, &attachments)?;
        case.unit_stored(stored)?;
        Ok(self.record)
    }
}

/// A correlation's files are files of the case.
pub(super) fn correlate(error: CorrelateError) -> LakeError {
    LakeError::Correlations(Box::new(error))
}

fn lines<T: Serialize>(values: &[T], path: &std::path::Path) -> Result<Vec<u8>, LakeError> {
    let mut lines = Vec::new();
    for value in values {
        serde_json::to_writer(&mut lines, value)
            .map_err(|source| LakeError::Sidecar { path: path.to_owned(), source })?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Counts a batch's rows by host, dataset and day.
fn count(batch: &Batch, item: &Item, record: &mut UnitRecord) {
    let rows: &RecordBatch = &batch.rows;
    let Some(hosts) = rows.column_by_name(schema::HOST) else { return };
    let total = rows.num_rows() as u64;
    if total == 0 {
        return;
    }
    let shapes = if batch.further.is_empty() { std::slice::from_ref(&batch.shape) } else { &batch.further };
    for shape in shapes {
        if record.shapes.len() < UnitRecord::SHAPES_MAX {
            record.shapes.insert(shape.clone());
        }
    }
    let of_file = batch.shape.dataset == page::DATASET && item.format != Format::WebPage;
    if item.state == EvidenceState::NotParsed || of_file || batch.shape.dataset == piste_lake::text::DATASET {
        return; // rows that say what a file is, or what stands in its lines, are no events, and no record was read
    }
    *record.datasets.entry(batch.shape.dataset.clone()).or_default() += total;
    let by_host = by_host(rows, hosts);
    let UnitRecord { items, coverage: all, .. } = record;
    let mut here = Vec::new();
    let counts = items.entry(item.id.0).or_default();
    counts.rows += total;
    for (host, coverage) in by_host {
        counts.first = earliest(counts.first, coverage.first);
        counts.last = counts.last.max(coverage.last);
        if counts.hosts.len() < HOSTS_MAX || counts.hosts.contains_key(host) {
            *counts.hosts.entry(host.to_owned()).or_default() += coverage.rows;
        }
        here.push(Coverage { host: host.to_owned(), dataset: batch.shape.dataset.clone(), ..coverage });
    }
    merge_coverage(all, here);
}

/// What each host's rows cover. Rows of one host and day are counted together.
fn by_host<'r>(rows: &RecordBatch, hosts: &'r ArrayRef) -> BTreeMap<&'r str, Coverage> {
    let times = describe::Times::of(rows);
    let mut by_host: BTreeMap<&str, Coverage> = BTreeMap::new();
    let mut row = 0;
    while row < rows.num_rows() {
        let host = text_at(hosts, row).unwrap_or_default();
        let key = hosts.as_dictionary_opt::<Int32Type>().and_then(|hosts| hosts.key(row));
        let same = |other: usize| {
            key.is_some() && hosts.as_dictionary_opt::<Int32Type>().and_then(|hosts| hosts.key(other)) == key
        };
        let coverage = by_host.entry(host).or_default();
        let mut day = (0, 0);
        loop {
            coverage.rows += 1;
            if let Some(time) = times.at(row) {
                coverage.first = Some(coverage.first.map_or(time, |first| first.min(time)));
                coverage.last = coverage.last.max(Some(time));
                if day.1 > 0 && day.0 != time.day() {
                    *coverage.days.entry(day.0).or_default() += day.1;
                    day.1 = 0;
                }
                day = (time.day(), day.1 + 1);
            }
            row += 1;
            if row >= rows.num_rows() || !same(row) {
                break;
            }
        }
        if day.1 > 0 {
            *coverage.days.entry(day.0).or_default() += day.1;
        }
    }
    by_host
}

/// Adds coverage by (host, dataset); the list stays sorted.
pub(super) fn merge_coverage(into: &mut Vec<Coverage>, from: Vec<Coverage>) {
    for mut one in from {
        let key = |coverage: &Coverage| (coverage.host.clone(), coverage.dataset.clone());
        let mut place = into.binary_search_by_key(&key(&one), key);
        if place.is_err() && into.len() >= COVERAGE_MAX {
            "(further hosts)".clone_into(&mut one.host);
            place = into.binary_search_by_key(&key(&one), key);
        }
        match place.map(|at| into.get_mut(at)) {
            Ok(Some(to)) => {
                to.rows += one.rows;
                to.first = earliest(to.first, one.first);
                to.last = to.last.max(one.last);
                for (day, rows) in one.days {
                    *to.days.entry(day).or_default() += rows;
                }
            }
            Ok(None) => {}
            Err(at) => into.insert(at, one),
        }
    }
}

/// The earlier of two times, where there is one.
pub(super) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
