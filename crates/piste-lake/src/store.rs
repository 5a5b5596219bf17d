//! The lake's files: one Parquet file a dataset and unit, and one sidecar a unit.
//!
//! In: a unit's batches and counts. Out: `lake/<dataset>/<unit>.parquet` with the columns that the unit's rows have, then
//! `lake/units/<unit>.json`. Each file is written as `*.tmp`, synced and renamed; the sidecar comes last, so that a unit
//! without one was never done. It holds the stamps of the unit's files, and its own hash is in the case's ledger: what is read
//! later is compared with them. All of it is derived and can be deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use piste_model::hash::sha256_hex;
use piste_model::schema;
use piste_model::sources::Shape;
use piste_model::summary::ScanFigures;
use piste_model::{Damage, EvidenceId, Instant, Issue};
use piste_parse::Batch;
use piste_parse::rows::common_fields;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::LakeError;
use crate::compact::compact;
use crate::plan::Unit;
use crate::stamp::{self, LakeFile, Stamp, Stamping};

/// Columns of one file; a unit whose rows have more is written as several.
pub(crate) const COLUMNS_MAX: usize = 1_000;

/// Digits of a rule set's hash that name its files.
const HUNT_DIGITS: usize = 16;

/// What one unit holds of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemCounts {
    /// Records as stored, copies included.
    pub records: u64,
    /// Rows written.
    pub rows: u64,
    /// Copies left out.
    pub duplicates: u64,
    /// Earliest row.
    pub first: Option<Instant>,
    /// Latest row.
    pub last: Option<Instant>,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// Rows by host.
    pub hosts: BTreeMap<String, u64>,
    /// The file could not be read on.
    pub failed: bool,
}

/// What one unit holds of one dataset of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Host.
    pub host: String,
    /// Dataset.
    pub dataset: String,
    /// Rows.
    pub rows: u64,
    /// Earliest row.
    pub first: Option<Instant>,
    /// Latest row.
    pub last: Option<Instant>,
    /// Rows by day since 1970.
    pub days: BTreeMap<i64, u64>,
}

/// A unit's sidecar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// By item.
    pub items: BTreeMap<u32, ItemCounts>,
    /// Problems met.
    pub issues: Vec<Issue>,
    /// By host and dataset, sorted.
    pub coverage: Vec<Coverage>,
    /// Shapes of its rows, at most [`UnitRecord::SHAPES_MAX`].
    pub shapes: BTreeSet<Shape>,
    /// Rows by dataset.
    pub datasets: BTreeMap<String, u64>,
    /// Files that YARA rules looked at.
    #[serde(default)]
    pub scanned: ScanFigures,
    /// What the unit's files held when they were written, by their names within the lake.
    #[serde(default)]
    pub files: Files,
}

/// Stamps of files, by their names within the lake: `iis.access/00001-5f2c.parquet`.
pub type Files = BTreeMap<String, Arc<Stamp>>;

/// The part of a sidecar that names its files.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    files: Files,
}

/// Kind of the ledger's entry that a unit is in the lake, with the hash of its sidecar.
pub const UNIT_STORED: &str = "unit.stored";
/// Kind of the entry that units are no longer in the lake.
pub const UNITS_DROPPED: &str = "units.dropped";
/// Kind of the entry that a rule set's detections are in the lake, with a hash over their stamps.
pub const HUNT_STORED: &str = "hunt.stored";

/// What a case's ledger says of its lake.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// A unit's key to the SHA-256 of its sidecar.
    units: BTreeMap<String, String>,
    /// A rule set's hash to that over its files.
    hunts: BTreeMap<String, String>,
}

impl Stored {
    /// Takes in one entry of the ledger.
    pub fn observe(&mut self, kind: &str, body: &Value) {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        match kind {
            UNIT_STORED => self.units.extend(text("unit").zip(text("sha256"))),
            HUNT_STORED => self.hunts.extend(text("hunt").zip(text("sha256"))),
            UNITS_DROPPED => {
                let keys = body.get("units").and_then(Value::as_array).into_iter().flatten();
                for key in keys.filter_map(Value::as_str) {
                    self.units.remove(key);
                }
            }
            _ => {}
        }
    }
}

/// How a unit that a run plans stands in the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is not there, or met evidence that could not be read: the medium may be back.
    Absent,
    /// All of its files are what was written.
    Whole(Box<UnitRecord>),
    /// The ledger knows it, and this file is not what was written, or not there.
    Unfit(String),
}

/// What is known of a lake while a case is open.
#[derive(Debug, Default)]
struct Known {
    stored: Stored,
    /// Stamps of the units whose sidecars were read.
    files: BTreeMap<String, Arc<Files>>,
    /// Units that this process has written.
    fresh: BTreeSet<String>,
}

impl UnitRecord {
    /// The most shapes that a unit remembers, for telling which rules had rows to look at.
    pub const SHAPES_MAX: usize = 20_000;

    /// The counts of one item.
    pub fn item(&mut self, id: EvidenceId) -> &mut ItemCounts {
        self.items.entry(id.0).or_default()
    }
}

/// Files beside a unit's sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// Its copies of earlier rows, one JSON object a line: the side table of places.
    Copies,
    /// What tells its records from others, for units that come later: see `copies::Seen`.
    Identities,
    /// What YARA rules found in its files, sorted, as a hunt keeps detections. The unit's key names the rules.
    Scanned,
}

impl Attachment {
    fn suffix(self) -> &'static str {
        match self {
            Self::Copies => "copies.jsonl",
            Self::Identities => "identities",
            Self::Scanned => "scanned",
        }
    }
}

/// Files that one rule set's hunt leaves beside a unit's sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The unit's detections, sorted by time, as the hunt keeps them. With this file the unit is hunted.
    Detections,
    /// Rows that correlations look at.
    Contributions,
}

/// A case's lake.
#[derive(Debug, Clone)]
pub struct Lake {
    root: PathBuf,
    tmp: PathBuf,
    /// What the ledger says; `None` where nobody asked it, and sidecars are believed.
    known: Option<Arc<Mutex<Known>>>,
}

impl Lake {
    /// The lake of a case folder, for reading: nothing is made or cleared.
    pub fn at(case: &Path) -> Self {
        Self { root: case.join("lake"), tmp: case.join("tmp"), known: None }
    }

    /// Opens or makes the lake of a case folder, and clears what a cut-off run left.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn open(case: &Path) -> Result<Self, LakeError> {
        let lake = Self::at(case);
        for folder in [&lake.tmp, &lake.units()] {
            fs::create_dir_all(folder).map_err(LakeError::write(folder))?;
        }
        for orphan in list(&lake.tmp)? {
            let _ = fs::remove_file(orphan); // a folder put there by hand is left alone
        }
        Ok(lake)
    }

    /// Folder for files that live during a run.
    pub fn tmp(&self) -> &Path {
        &self.tmp
    }

    fn units(&self) -> PathBuf {
        self.root.join("units")
    }

    /// The same lake, held against what the case's ledger says of it.
    #[must_use]
    pub fn with_stored(self, stored: Stored) -> Self {
        let known = Known { stored, ..Known::default() };
        Self { known: Some(Arc::new(Mutex::new(known))), ..self }
    }

    fn known(&self) -> Option<MutexGuard<'_, Known>> {
        self.known.as_ref().map(|known| known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the unit stands. Every byte of its files is compared: they will be taken for what the evidence says.
    ///
    /// # Errors
    /// Where a file is there and cannot be read.
    pub fn unit(&self, unit: &Unit) -> Result<Standing, LakeError> {
        let record = match self.record(unit) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Standing::Absent),
            Err(LakeError::Changed { path, .. } | LakeError::Sidecar { path, .. }) => {
                return Ok(Standing::Unfit(self.name_of(&path)));
            }
            Err(error) => return Err(error),
        };
        if record.items.values().any(|item| item.failed) {
            return Ok(Standing::Absent);
        }
        // Detections are looked at apart: they are found anew from the rows.
        let hunted = |name: &str| name.ends_with(".detections") || name.ends_with(".contributions");
        let unfit = record.files.iter().find(|(name, stamp)| {
            !hunted(name) && !LakeFile::new(self.root.join(name), Arc::clone(stamp)).is_whole()
        });
        Ok(match unfit {
            Some((name, _)) => Standing::Unfit(name.clone()),
            None => Standing::Whole(Box::new(record)),
        })
    }

    /// A file's name within the lake.
    pub fn name_of(&self, path: &Path) -> String {
        let name = path.strip_prefix(&self.root).unwrap_or(path);
        name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    /// The unit's sidecar, if it is there.
    ///
    /// # Errors
    /// [`LakeError::Changed`] where the ledger knows another; else where it cannot be read.
    pub fn record(&self, unit: &Unit) -> Result<Option<UnitRecord>, LakeError> {
        let Some(bytes) = self.sidecar(&unit.key)? else { return Ok(None) };
        let path = self.sidecar_path(&unit.key);
        serde_json::from_slice(&bytes).map(Some).map_err(|source| LakeError::Sidecar { path, source })
    }

    fn sidecar_path(&self, key: &str) -> PathBuf {
        self.units().join(format!("{key}.json"))
    }

    /// A sidecar's bytes, if they are what the ledger knows.
    fn sidecar(&self, key: &str) -> Result<Option<Vec<u8>>, LakeError> {
        let path = self.sidecar_path(key);
        let wanted = match self.known() {
            Some(known) => match known.stored.units.get(key) {
                Some(sha256) => Some(sha256.clone()),
                None => return Ok(None), // a run that was cut off left it, or another version of Piste
            },
            None => None,
        };
        let bytes = match fs::read(&path) {
            Err(error) if wanted.is_none() && error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| stamp::gone(&path, error))?,
        };
        if wanted.is_some_and(|wanted| wanted != sha256_hex(&bytes)) {
            return Err(stamp::changed(&path));
        }
        Ok(Some(bytes))
    }

    /// The stamps of a unit's files; none where the unit is not in the lake.
    ///
    /// # Errors
    /// As for [`Lake::record`].
    pub fn stamps(&self, unit: &Unit) -> Result<Arc<Files>, LakeError> {
        if let Some(files) = self.known().and_then(|known| known.files.get(&unit.key).cloned()) {
            return Ok(files);
        }
        let files = match self.sidecar(&unit.key)? {
            None => Files::new(),
            Some(bytes) => {
                let path = self.sidecar_path(&unit.key);
                let named: Named =
                    serde_json::from_slice(&bytes).map_err(|source| LakeError::Sidecar { path, source })?;
                named.files
            }
        };
        let files = Arc::new(files);
        if let Some(mut known) = self.known() {
            known.files.insert(unit.key.clone(), Arc::clone(&files));
        }
        Ok(files)
    }

    /// Whether this process has written the unit.
    pub fn is_fresh(&self, unit: &Unit) -> bool {
        self.known().is_some_and(|known| known.fresh.contains(&unit.key))
    }

    /// What the ledger has for the files of a rule set's hunt.
    pub fn hunt_stored(&self, hunt: &str) -> Option<String> {
        self.known()?.stored.hunts.get(hunt).cloned()
    }

    /// Keys of units that the ledger has in the lake and that are not among `units`.
    pub fn others(&self, units: &[Unit]) -> Vec<String> {
        let keys: BTreeSet<&str> = units.iter().map(|unit| unit.key.as_str()).collect();
        let Some(known) = self.known() else { return Vec::new() };
        known.stored.units.keys().filter(|key| !keys.contains(key.as_str())).cloned().collect()
    }

    /// Forgets units, and removes their files. The ledger is to be told first.
    ///
    /// # Errors
    /// Where a file cannot be removed.
    pub fn forget(&self, keys: &[String]) -> Result<(), LakeError> {
        if let Some(mut known) = self.known() {
            for key in keys {
                known.stored.units.remove(key);
                known.files.remove(key);
                known.fresh.remove(key);
            }
        }
        let gone: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        self.remove_files(&|key| gone.contains(key))
    }

    /// Compares the files beside the sidecars that say where copies lie and what was found in files.
    ///
    /// # Errors
    /// [`LakeError::Changed`] at the first that is not what was written.
    pub fn check_attachments(&self, units: &[Unit]) -> Result<(), LakeError> {
        for unit in units {
            for name in [Attachment::Copies, Attachment::Scanned] {
                for file in self.own(unit, |file| file.ends_with(name.suffix()))? {
                    file.bytes()?;
                }
            }
        }
        Ok(())
    }

    /// The unit's files whose names `wanted` accepts.
    fn own(&self, unit: &Unit, wanted: impl Fn(&str) -> bool) -> Result<Vec<LakeFile>, LakeError> {
        let files = self.stamps(unit)?;
        let wanted = files.iter().filter(|(name, _)| wanted(name));
        Ok(wanted.map(|(name, stamp)| LakeFile::new(self.root.join(name), Arc::clone(stamp))).collect())
    }

    /// A file that stands beside a done unit's sidecar.
    pub fn attachment(&self, unit: &Unit, name: Attachment) -> PathBuf {
        self.units().join(format!("{}.{}", unit.key, name.suffix()))
    }

    /// A file that the hunt with this rule set leaves for a unit; `hunt` is the hash over rules and engine.
    pub fn found(&self, unit: &Unit, hunt: &str, name: Found) -> PathBuf {
        let suffix = match name {
            Found::Detections => "detections",
            Found::Contributions => "contributions",
        };
        let hunt = hunt.get(..HUNT_DIGITS).unwrap_or(hunt);
        self.units().join(format!("{}.{hunt}.{suffix}", unit.key))
    }

    /// The units that are done, in their order: those that the ledger knows.
    ///
    /// # Errors
    /// Where the folder cannot be listed; [`LakeError::Unvouched`] where units are there and the ledger knows none.
    pub fn done_units(&self) -> Result<Vec<Unit>, LakeError> {
        let vouched = self.known().map(|known| known.stored.units.keys().cloned().collect::<Vec<_>>());
        let keys = match vouched {
            Some(keys) if !keys.is_empty() => keys,
            vouched => {
                let sidecars = list(&self.units())?;
                let sidecars =
                    sidecars.into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
                let keys: Vec<String> = sidecars
                    .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
                    .collect();
                // Nothing is there, the ledger says: an empty answer would be a false one.
                if vouched.is_some() && !keys.is_empty() {
                    return Err(LakeError::Unvouched(self.root.clone()));
                }
                keys
            }
        };
        Ok(keys.into_iter().map(|key| Unit { key, parts: Vec::new() }).collect())
    }

    /// The Parquet files of one unit with their datasets, sorted.
    ///
    /// # Errors
    /// Where its sidecar cannot be read, or a file is no longer there.
    pub fn tables(&self, unit: &Unit) -> Result<Vec<(String, LakeFile)>, LakeError> {
        let mut tables = Vec::new();
        for file in self.own(unit, |name| name.ends_with(".parquet"))? {
            if !file.exists() {
                return Err(stamp::gone(&file, io::ErrorKind::NotFound.into()));
            }
            let name = self.name_of(&file);
            let (dataset, file_name) = name.split_once('/').unwrap_or_default();
            let part: u32 = file_name.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap_or(0);
            tables.push((dataset.to_owned(), part, file));
        }
        tables.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        Ok(tables.into_iter().map(|(dataset, _, file)| (dataset, file)).collect())
    }

    /// The attachments of this name of all units, in their order.
    ///
    /// # Errors
    /// Where a sidecar cannot be read.
    pub fn attachments(&self, name: Attachment) -> Result<Vec<LakeFile>, LakeError> {
        let mut files = Vec::new();
        for unit in self.done_units()? {
            files.extend(self.own(&unit, |file| file.ends_with(name.suffix()))?);
        }
        Ok(files)
    }

    /// Removes the files of every other unit.
    ///
    /// # Errors
    /// Where a file cannot be removed.
    pub fn keep_only(&self, units: &[Unit]) -> Result<(), LakeError> {
        let keys: BTreeSet<&str> = units.iter().map(|unit| unit.key.as_str()).collect();
        if let Some(mut known) = self.known() {
            known.stored.units.retain(|key, _| keys.contains(key.as_str()));
            known.files.retain(|key, _| keys.contains(key.as_str()));
        }
        self.remove_files(&|key| !keys.contains(key))
    }

    /// Removes the files of the units whose keys `goes` names, and what writing left half done.
    fn remove_files(&self, goes: &dyn Fn(&str) -> bool) -> Result<(), LakeError> {
        for folder in list(&self.root)?.into_iter().filter(|path| path.is_dir()) {
            for file in list(&folder)? {
                let name =
                    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let key = name.split('.').next().unwrap_or_default();
                if goes(key) || file.extension().is_some_and(|end| end == "tmp") {
                    fs::remove_file(&file).map_err(LakeError::write(&file))?;
                }
            }
        }
        Ok(())
    }

    /// Writes one unit: its rows, its attachments, and last its sidecar, with the stamps of all of them beside those that
    /// `record` has already. Answers the body of the ledger's entry, [`UNIT_STORED`], that makes the unit a part of the lake.
    ///
    /// # Errors
    /// Where a file cannot be written; the unit is then not done.
    pub fn write_unit(
        &self,
        unit: &Unit,
        mut batches: Vec<Batch>,
        record: &mut UnitRecord,
        attachments: &[(PathBuf, &[u8])],
    ) -> Result<Value, LakeError> {
        compact(&mut batches);
        let mut by_dataset: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
        for batch in batches.into_iter().filter(|batch| batch.rows.num_rows() > 0) {
            by_dataset.entry(batch.shape.dataset).or_default().push(batch.rows);
        }
        for (dataset, batches) in by_dataset {
            let folder = self.root.join(&dataset);
            fs::create_dir_all(&folder).map_err(LakeError::write(&folder))?;
            for (part, group) in group_by_width(batches).into_iter().enumerate() {
                let name = if part == 0 { unit.key.clone() } else { format!("{}.{part}", unit.key) };
                let path = folder.join(format!("{name}.parquet"));
                let stamp = write_parquet(&path, &dataset, &group)?;
                record.files.insert(self.name_of(&path), Arc::new(stamp));
            }
        }
        for (path, bytes) in attachments {
            write_durably(path, bytes)?;
            record.files.insert(self.name_of(path), Arc::new(Stamp::of(bytes)));
        }
        let sidecar = self.sidecar_path(&unit.key);
        let json = serde_json::to_vec(record)
            .map_err(|source| LakeError::Sidecar { path: sidecar.clone(), source })?;
        write_durably(&sidecar, &json)?;
        let sha256 = sha256_hex(&json);
        let body = json!({"unit": unit.key, "sha256": sha256});
        if let Some(mut known) = self.known() {
            known.stored.units.insert(unit.key.clone(), sha256);
            known.files.insert(unit.key.clone(), Arc::new(record.files.clone()));
            known.fresh.insert(unit.key.clone());
        }
        Ok(body)
    }

    /// The Parquet files of the datasets that `wanted` accepts, sorted.
    ///
    /// # Errors
    /// Where a sidecar cannot be read, or a file that was written is no longer there.
    pub fn files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LakeFile>, LakeError> {
        let mut files = Vec::new();
        for unit in self.done_units()? {
            let tables = self.tables(&unit)?.into_iter();
            files.extend(tables.filter(|(dataset, _)| wanted(dataset)).map(|(_, file)| file));
        }
        files.sort_by_cached_key(|file| file.to_path_buf());
        Ok(files)
    }
}

/// Entries of a folder, sorted; none where it does not exist.
fn list(folder: &Path) -> Result<Vec<PathBuf>, LakeError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(LakeError::read(folder))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(LakeError::read(folder)))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// Writes a file that is there wholly or not at all.
///
/// # Errors
/// Where it cannot be written, as on a full disk; an older file of the name stays.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), LakeError> {
    let tmp = tmp_name(path);
    let mut file = File::create(&tmp).map_err(LakeError::write(&tmp))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(LakeError::write(&tmp))?;
    rename_durably(&tmp, path)
}

/// `x.json` to `x.json.tmp`.
pub fn tmp_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// Gives a synced file its name.
///
/// # Errors
/// Where it cannot be renamed.
pub fn rename_durably(tmp: &Path, path: &Path) -> Result<(), LakeError> {
    fs::rename(tmp, path).map_err(LakeError::write(path))?;
    sync_folder(path)
}

/// The name itself is on the disk only once its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), LakeError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(LakeError::write(folder))
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> Result<(), LakeError> {
    Ok(()) // a folder cannot be opened as a file there
}

/// Groups batches so that no group has more than [`COLUMNS_MAX`] columns.
fn group_by_width(batches: Vec<RecordBatch>) -> Vec<Vec<RecordBatch>> {
    let mut groups: Vec<(BTreeSet<String>, Vec<RecordBatch>)> = Vec::new();
    for batch in batches {
        let names: BTreeSet<String> =
            batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let fits = groups.last().is_some_and(|(have, _)| have.union(&names).count() <= COLUMNS_MAX);
        if !fits {
            groups.push((BTreeSet::new(), Vec::new()));
        }
        if let Some((have, group)) = groups.last_mut() {
            have.extend(names);
            group.push(batch);
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn write_parquet(path: &Path, dataset: &str, batches: &[RecordBatch]) -> Result<Stamp, LakeError> {
    let columns = |source| LakeError::Columns { dataset: dataset.to_owned(), source };
    let schema = united_schema(batches);
    let tmp = tmp_name(path);
    let file = Stamping::new(File::create(&tmp).map_err(LakeError::write(&tmp))?);
    let parquet = LakeError::parquet_write(path, &file.failure());
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties())).map_err(&parquet)?;
    for batch in batches {
        writer.write(&widen(batch, &schema).map_err(columns)?).map_err(&parquet)?;
    }
    let file = writer.into_inner().map_err(&parquet)?;
    file.get_ref().sync_all().map_err(LakeError::write(&tmp))?;
    let stamp = file.finish();
    rename_durably(&tmp, path)?;
    Ok(stamp)
}

/// How the lake's files are written.
pub(crate) fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(level)).set_key_value_metadata(Some(
            vec![KeyValue::new(schema::SCHEMA_VERSION_KEY.to_owned(), schema::SCHEMA_VERSION.to_owned())],
        ));
    for column in [schema::EVENT_TIME, schema::RECORD, schema::OFFSET] {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(column), false)
            .set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
    }
    properties.set_column_dictionary_enabled(ColumnPath::from(schema::RECORD_HASH), false).build()
}

/// The common columns, then every other column of any batch by name.
pub(crate) fn united_schema(batches: &[RecordBatch]) -> SchemaRef {
    let common = common_fields();
    let mut others: BTreeMap<String, Field> = BTreeMap::new();
    for batch in batches {
        for field in batch.schema().fields().iter().skip(common.len()) {
            others.entry(field.name().clone()).or_insert_with(|| field.as_ref().clone().with_nullable(true));
        }
    }
    Arc::new(Schema::new(common.into_iter().chain(others.into_values()).collect::<Vec<_>>()))
}

/// The batch under a wider schema: missing columns are null.
fn widen(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns)
}
