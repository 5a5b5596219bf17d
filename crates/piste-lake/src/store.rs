//! The lake's files: one Parquet file a dataset and unit, and one sidecar a unit.
//!
//! In: a unit's batches and counts. Out: `lake/<dataset>/<unit>.parquet` with the columns that the unit's rows have, then
//! `lake/units/<unit>.json`. Each file is written as `*.tmp`, synced and renamed; the sidecar comes last, so that a unit
//! without one was never done. All of it is derived and can be deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use piste_model::schema;
use piste_model::sources::Shape;
use piste_model::summary::ScanFigures;
use piste_model::{Damage, EvidenceId, Instant, Issue};
use piste_parse::Batch;
use piste_parse::rows::common_fields;
use serde::{Deserialize, Serialize};

use crate::LakeError;
use crate::compact::compact;
use crate::plan::Unit;

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
}

impl Lake {
    /// The lake of a case folder, for reading: nothing is made or cleared.
    pub fn at(case: &Path) -> Self {
        Self { root: case.join("lake"), tmp: case.join("tmp") }
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

    /// The unit's sidecar, if the unit is done. One that met evidence which could no longer be read is not: the medium may
    /// be back.
    ///
    /// # Errors
    /// Where the sidecar is there and cannot be read.
    pub fn unit(&self, unit: &Unit) -> Result<Option<UnitRecord>, LakeError> {
        let record = self.record(unit)?;
        Ok(record.filter(|record| !record.items.values().any(|item| item.failed)))
    }

    /// The unit's sidecar, if it is there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn record(&self, unit: &Unit) -> Result<Option<UnitRecord>, LakeError> {
        let path = self.units().join(format!("{}.json", unit.key));
        if !path.exists() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(LakeError::read(&path))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|source| LakeError::Sidecar { path, source })
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

    /// The units that are done, in their order.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn done_units(&self) -> Result<Vec<Unit>, LakeError> {
        let sidecars =
            list(&self.units())?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        let keys = sidecars.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        Ok(keys.map(|key| Unit { key, parts: Vec::new() }).collect())
    }

    /// The Parquet files of one unit with their datasets, sorted.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn tables(&self, unit: &Unit) -> Result<Vec<(String, PathBuf)>, LakeError> {
        let mut tables = Vec::new();
        for folder in list(&self.root)?.into_iter().filter(|path| path.is_dir()) {
            let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
            let dataset = name(&folder).unwrap_or_default();
            for part in 0.. {
                let file = if part == 0 {
                    format!("{}.parquet", unit.key)
                } else {
                    format!("{}.{part}.parquet", unit.key)
                };
                let path = folder.join(file);
                if dataset == "units" || !path.exists() {
                    break;
                }
                tables.push((dataset.clone(), path));
            }
        }
        Ok(tables)
    }

    /// The attachments of this name of all units, sorted.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn attachments(&self, name: Attachment) -> Result<Vec<PathBuf>, LakeError> {
        let wanted = |path: &PathBuf| path.to_string_lossy().ends_with(name.suffix());
        Ok(list(&self.units())?.into_iter().filter(wanted).collect())
    }

    /// Removes the files of every other unit.
    ///
    /// # Errors
    /// Where a file cannot be removed.
    pub fn keep_only(&self, units: &[Unit]) -> Result<(), LakeError> {
        let keys: BTreeSet<&str> = units.iter().map(|unit| unit.key.as_str()).collect();
        for folder in list(&self.root)?.into_iter().filter(|path| path.is_dir()) {
            for file in list(&folder)? {
                let name =
                    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let key = name.split('.').next().unwrap_or_default();
                if !keys.contains(key) || file.extension().is_some_and(|end| end == "tmp") {
                    fs::remove_file(&file).map_err(LakeError::write(&file))?;
                }
            }
        }
        Ok(())
    }

    /// Writes one unit: its rows, its attachments, and last its sidecar.
    ///
    /// # Errors
    /// Where a file cannot be written; the unit is then not done.
    pub fn write_unit(
        &self,
        unit: &Unit,
        mut batches: Vec<Batch>,
        record: &UnitRecord,
        attachments: &[(PathBuf, &[u8])],
    ) -> Result<(), LakeError> {
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
                write_parquet(&folder.join(format!("{name}.parquet")), &dataset, &group)?;
            }
        }
        for (path, bytes) in attachments {
            write_durably(path, bytes)?;
        }
        let sidecar = self.units().join(format!("{}.json", unit.key));
        let json = serde_json::to_vec(record)
            .map_err(|source| LakeError::Sidecar { path: sidecar.clone(), source })?;
        write_durably(&sidecar, &json)
    }

    /// The Parquet files of the datasets that `wanted` accepts, sorted.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>, LakeError> {
        let mut files = Vec::new();
        for folder in list(&self.root)? {
            let dataset =
                folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if folder.is_dir() && dataset != "units" && wanted(&dataset) {
                files.extend(
                    list(&folder)?
                        .into_iter()
                        .filter(|file| file.extension().is_some_and(|end| end == "parquet")),
                );
            }
        }
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

fn write_parquet(path: &Path, dataset: &str, batches: &[RecordBatch]) -> Result<(), LakeError> {
    let columns = |source| LakeError::Columns { dataset: dataset.to_owned(), source };
    let parquet = LakeError::parquet_write(path);
    let schema = united_schema(batches);
    let tmp = tmp_name(path);
    let file = File::create(&tmp).map_err(LakeError::write(&tmp))?;
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties())).map_err(&parquet)?;
    for batch in batches {
        writer.write(&widen(batch, &schema).map_err(columns)?).map_err(&parquet)?;
    }
    let file = writer.into_inner().map_err(&parquet)?;
    file.sync_all().map_err(LakeError::write(&tmp))?;
    rename_durably(&tmp, path)
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
