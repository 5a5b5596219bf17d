//! The hunt over the lake: rules on rows that are stored already.
//!
//! In: units that were read with other rules. Out: their detections under this rule set, the same as if the evidence were
//! read again. Only the columns that the rules name are read, files and row groups whose events no rule looks at are passed
//! over; the rows that matched are then read once more, for what a person wants to see of them.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow_array::RecordBatch;
use piste_hunt::correlate::Gathered;
use piste_hunt::told::{Teller, Told};
use piste_hunt::{Hit, Needs, describe};
use piste_lake::scan::{Table, side_by_side, take_rows};
use piste_lake::stamp::Stamp;
use piste_lake::store::{Files, Found, UnitRecord, write_durably};
use piste_lake::{Lake, LakeError, LakeFile, Unit};
use piste_model::hash::sha256_hex;
use piste_model::schema;
use piste_model::sources::Shape;

use super::Hunt;
use super::merged::written;
use super::read::correlate;

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

/// What a hunt did.
pub(crate) struct Ran {
    /// Units that were hunted.
    pub(crate) hunted: usize,
    /// Over the stamps of the hunt's files of all units.
    pub(crate) sha256: String,
}

/// One hash over the stamps of a hunt's files.
fn digest(stamps: &[Files]) -> String {
    let lines = stamps.iter().flatten();
    let text = lines.fold(String::new(), |text, (name, stamp)| {
        text + name + " " + &stamp.bytes.to_string() + " " + &stamp.blocks + "\n"
    });
    sha256_hex(text.as_bytes())
}

/// Whether the files that an earlier hunt left are what the ledger knows.
pub(crate) fn is_whole(lake: &Lake, units: &[Unit], hunt: &str) -> bool {
    let mut all = Vec::new();
    for unit in units {
        let mut files = Files::new();
        for found in [Found::Detections, Found::Contributions] {
            let path = lake.found(unit, hunt, found);
            if let Ok(stamp) = Stamp::of_file(&path) {
                files.insert(lake.name_of(&path), Arc::new(stamp));
            }
        }
        all.push(files);
    }
    lake.hunt_stored(hunt) == Some(digest(&all))
}

/// Hunts units anew.
pub(crate) struct Rehunt<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) hunt: &'a Hunt,
    pub(crate) threads: usize,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) spent: Spent,
}

impl Rehunt<'_> {
    /// Hunts every unit that this rule set has not seen, or whose detections are not what was written.
    pub(crate) fn run(&self, units: &[Unit]) -> Result<Ran, LakeError> {
        let mut stamps = Vec::new();
        for unit in units {
            stamps.push(self.stamps(unit)?);
        }
        // The ledger vouches for all files of the hunt together, or each unit for those that were made with it.
        let vouched = self.lake.hunt_stored(&self.hunt.key) == Some(digest(&stamps));
        let mut unseen: Vec<&Unit> = Vec::new();
        for (unit, now) in units.iter().zip(&stamps) {
            let made = self.lake.stamps(unit)?;
            let as_made = self.names(unit).iter().all(|name| made.get(name) == now.get(name));
            let detections = self.lake.name_of(&self.lake.found(unit, &self.hunt.key, Found::Detections));
            if !now.contains_key(&detections) || !(vouched || as_made) {
                unseen.push(unit);
            }
        }
        self.hunt_all(&unseen)?;
        for (unit, stamps) in units.iter().zip(&mut stamps) {
            if unseen.iter().any(|one| one.key == unit.key) {
                *stamps = self.on_disk(unit)?;
            }
        }
        Ok(Ran { hunted: unseen.len(), sha256: digest(&stamps) })
    }

    /// Names of the files that the hunt leaves for a unit.
    fn names(&self, unit: &Unit) -> [String; 2] {
        [Found::Detections, Found::Contributions]
            .map(|found| self.lake.name_of(&self.lake.found(unit, &self.hunt.key, found)))
    }

    /// What these files hold: those that this process has just written with the unit are known.
    fn stamps(&self, unit: &Unit) -> Result<Files, LakeError> {
        if self.lake.is_fresh(unit) {
            let made = self.lake.stamps(unit)?;
            let names = self.names(unit).into_iter();
            let known = names.filter_map(|name| made.get(&name).map(|stamp| (name, Arc::clone(stamp))));
            return Ok(known.collect());
        }
        self.on_disk(unit)
    }

    fn on_disk(&self, unit: &Unit) -> Result<Files, LakeError> {
        let mut files = Files::new();
        for found in [Found::Detections, Found::Contributions] {
            let path = self.lake.found(unit, &self.hunt.key, found);
            match Stamp::of_file(&path) {
                Ok(stamp) => drop(files.insert(self.lake.name_of(&path), Arc::new(stamp))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(LakeError::read(path)(error)),
            }
        }
        Ok(files)
    }

    fn hunt_all(&self, unseen: &[&Unit]) -> Result<(), LakeError> {
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
        if self.stop.load(Ordering::Relaxed) { Err(LakeError::Stopped) } else { Ok(()) }
    }

    fn unit(&self, unit: &Unit) -> Result<(), LakeError> {
        let record = self.lake.record(unit)?.unwrap_or_default();
        let mut found = UnitFound::default();
        for (dataset, path) in self.lake.tables(unit)? {
            self.table(&dataset, &path, &record, &mut found)?;
        }
        let since = Instant::now();
        let UnitFound { mut detections, mut gathered } = found;
        let path = self.lake.found(unit, &self.hunt.key, Found::Contributions);
        if !gathered.is_empty() {
            gathered.write(&path).map_err(correlate)?;
        } else if path.exists() {
            std::fs::remove_file(&path).map_err(LakeError::write(&path))?;
        }
        let path = self.lake.found(unit, &self.hunt.key, Found::Detections);
        write_durably(&path, &written(&mut detections).map_err(LakeError::write(&path))?)?;
        Spent::add(&self.spent.telling, since);
        Ok(())
    }

    fn table(
        &self,
        dataset: &str,
        path: &LakeFile,
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
            let mut before = 0;
            let mut since = Instant::now();
            table.read(group, &|name| needs.column(name), None, &mut |rows| {
                since = Spent::add(&self.spent.reading, since);
                let hits = self.hunt.engine.hits_in(dataset, rows);
                since = Spent::add(&self.spent.matching, since);
                self.tell((&table, dataset, group), before, rows, &hits, found)?;
                since = Spent::add(&self.spent.telling, since);
                before += rows.num_rows();
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Tells what matched among these rows of a row group, `before` of which went before them: of what is told, only the
    /// columns that were not read for matching are read, of these rows alone.
    fn tell(
        &self,
        (table, dataset, group): (&Table, &str, usize),
        before: usize,
        rows: &RecordBatch,
        hits: &[Hit],
        found: &mut UnitFound,
    ) -> Result<(), LakeError> {
        let mut numbers: Vec<usize> = hits.iter().map(|hit| hit.row).collect();
        numbers.dedup(); // hits come in the order of rows
        if numbers.is_empty() {
            return Ok(());
        }
        let mut columns = describe::columns();
        columns.extend(self.hunt.correlator.fields());
        columns.extend([schema::EXTRA]);
        let known: BTreeSet<&str> =
            rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        let failed = |source| LakeError::Columns { dataset: dataset.to_owned(), source };
        let taken = take_rows(rows, &numbers, &|name| columns.contains(name)).map_err(failed)?;
        let wanted = |name: &str| columns.contains(name) && !known.contains(name);
        let there: Vec<usize> = numbers.iter().map(|number| before + number).collect();
        let (mut hits, mut done) = (hits.iter().peekable(), 0);
        table.read(group, &wanted, Some(&there), &mut |more| {
            let here = numbers.get(done..done + more.num_rows()).unwrap_or_default();
            let rows = side_by_side(&taken.slice(done, more.num_rows()), more).map_err(failed)?;
            done += more.num_rows();
            let mut teller = Teller::new(&rows);
            for (at, row) in here.iter().enumerate() {
                while let Some(hit) = hits.next_if(|hit| hit.row == *row) {
                    self.found(&mut teller, at, hit.rule, found);
                }
            }
            Ok(())
        })
    }

    fn found(&self, teller: &mut Teller<'_>, row: usize, number: usize, found: &mut UnitFound) {
        let Some(id) = teller.evidence(row) else { return };
        if let Some(Some(rule)) = self.hunt.told.get(number) {
            found.detections.push(teller.tell(rule, id, row));
        }
        if self.hunt.correlator.wants(number) {
            self.hunt.correlator.contribute(number, teller.rows(), row, id, &mut found.gathered);
        }
    }
}

/// What a unit's hunt found so far.
#[derive(Default)]
struct UnitFound {
    detections: Vec<Told>,
    gathered: Gathered,
}

/// Threads that the machine has, or as many as asked.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get)).clamp(1, 256)
}
