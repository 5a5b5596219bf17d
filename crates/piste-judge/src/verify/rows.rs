//! Rows of the lake, read for what they say of things that an intruder leaves.
//!
//! In: the lake and which datasets, or which single rows. Out: each row by the names of its columns.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use piste_lake::scan::{Table, nanos_at, text_at};
use piste_lake::{Lake, LakeError, LakeFile};
use piste_model::hash::hex;
use piste_model::{EvidenceId, Instant, RowRef, schema};

/// A batch whose columns are found by name.
pub(crate) struct Batch<'b> {
    columns: HashMap<&'b str, &'b ArrayRef>,
    rows: usize,
}

impl<'b> Batch<'b> {
    pub(crate) fn new(batch: &'b RecordBatch) -> Self {
        let names = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
        Self { columns: names.zip(batch.columns()).collect(), rows: batch.num_rows() }
    }

    pub(crate) fn rows<'r>(&'r self, dataset: &'r str) -> impl Iterator<Item = Row<'r>> {
        (0..self.rows).map(move |row| Row { batch: self, row, dataset })
    }
}

/// A row.
#[derive(Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the number of a row is called so")]
pub(crate) struct Row<'r> {
    batch: &'r Batch<'r>,
    row: usize,
    pub(crate) dataset: &'r str,
}

impl<'r> Row<'r> {
    /// A column's text; empty where the row has none.
    pub(crate) fn text(&self, name: &str) -> &'r str {
        self.batch.columns.get(name).and_then(|column| text_at(*column, self.row)).unwrap_or_default().trim()
    }

    /// The first of these columns that says something.
    pub(crate) fn first(&self, names: &[&str]) -> &'r str {
        names.iter().map(|name| self.text(name)).find(|text| !matches!(*text, "" | "-")).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> i32 {
        let codes = self
            .batch
            .columns
            .get(schema::EVENT_CODE)
            .and_then(|column| column.as_primitive_opt::<Int32Type>());
        codes
            .filter(|codes| self.row < codes.len() && codes.is_valid(self.row))
            .map_or(0, |codes| codes.value(self.row))
    }

    pub(crate) fn host(&self) -> &'r str {
        self.text(schema::HOST)
    }

    pub(crate) fn time(&self) -> Option<Instant> {
        let nanos = nanos_at(*self.batch.columns.get(schema::EVENT_TIME)?, self.row)?;
        let digits = self
            .batch
            .columns
            .get(schema::TIME_DIGITS)
            .and_then(|column| column.as_primitive_opt::<Int8Type>());
        let digits = digits.map_or(9, |digits| u8::try_from(digits.value(self.row)).unwrap_or(9));
        Some(Instant { nanos, digits })
    }

    /// A column that holds a time as text.
    pub(crate) fn time_in(&self, name: &str) -> Option<Instant> {
        Instant::parse(self.text(name))
    }

    fn number(&self, name: &str) -> i64 {
        let column = self.batch.columns.get(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
        column.filter(|column| self.row < column.len()).map_or(0, |column| column.value(self.row))
    }

    pub(crate) fn evidence(&self) -> EvidenceId {
        EvidenceId(
            self.text(schema::EVIDENCE_ID).strip_prefix("E-").and_then(|id| id.parse().ok()).unwrap_or(0),
        )
    }

    pub(crate) fn place(&self) -> RowPlace {
        RowPlace {
            evidence: self.evidence().0,
            offset: u64::try_from(self.number(schema::OFFSET)).unwrap_or_default(),
            record: self.number(schema::RECORD),
        }
    }

    /// The unnamed texts of an event, or the list of a key.
    pub(crate) fn data(&self) -> Vec<String> {
        let list = self.batch.columns.get(schema::DATA).and_then(|column| column.as_list_opt::<i32>());
        let Some(list) = list.filter(|list| self.row < list.len() && list.is_valid(self.row)) else {
            let one = self.text(schema::DATA);
            return if one.is_empty() { Vec::new() } else { vec![one.to_owned()] };
        };
        let values = list.value(self.row);
        let values: Option<&StringArray> = values.as_string_opt();
        values.into_iter().flatten().map(|text| text.unwrap_or_default().to_owned()).collect()
    }

    /// The way back to its bytes.
    pub(crate) fn reference(&self, files: &dyn Fn(EvidenceId) -> FileName) -> RowRef {
        let place = self.place();
        let hashes =
            self.batch.columns.get(schema::RECORD_HASH).and_then(|column| column.as_fixed_size_binary_opt());
        let hash = hashes.filter(|hashes| self.row < hashes.len()).map(|hashes| hex(hashes.value(self.row)));
        let file = files(EvidenceId(place.evidence));
        RowRef {
            evidence_id: EvidenceId(place.evidence),
            path: file.path,
            record: place.record,
            offset: place.offset,
            file_sha256: file.sha256,
            record_hash: hash.unwrap_or_default(),
        }
    }
}

/// A sealed file as rows name it.
#[derive(Debug, Clone, Default)]
pub struct FileName {
    /// Its locator.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowPlace {
    pub(crate) evidence: u32,
    pub(crate) offset: u64,
    pub(crate) record: i64,
}

impl RowPlace {
    pub(crate) fn of(row: &RowRef) -> Self {
        Self { evidence: row.evidence_id.0, offset: row.offset, record: row.record }
    }
}

fn dataset_of(file: &LakeFile) -> String {
    let folder = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// Hands every row of the datasets to `visit`.
pub(crate) fn each_row(
    lake: &Lake,
    wanted: &dyn Fn(&str) -> bool,
    visit: &mut dyn FnMut(Row<'_>),
) -> Result<(), LakeError> {
    for file in lake.files(wanted)? {
        let dataset = dataset_of(&file);
        piste_lake::scan::scan_file(&file, None, &mut |batch| {
            let batch = Batch::new(batch);
            batch.rows(&dataset).for_each(&mut *visit);
            Ok(true)
        })?;
    }
    Ok(())
}

/// Columns by which a row is found.
const PLACE: [&str; 3] = [schema::EVIDENCE_ID, schema::OFFSET, schema::RECORD];

/// Hands the rows at these places to `visit`, whatever their dataset: three columns are read of all rows, the others of those alone.
pub(crate) fn rows_at(
    lake: &Lake,
    places: &BTreeMap<RowPlace, BTreeSet<usize>>,
    visit: &mut dyn FnMut(Row<'_>),
) -> Result<(), LakeError> {
    if places.is_empty() {
        return Ok(());
    }
    for file in lake.files(&|_| true)? {
        let dataset = dataset_of(&file);
        let table = Table::open(&file)?;
        for group in 0..table.groups() {
            let (mut found, mut start) = (Vec::new(), 0);
            table.read(group, &|name| PLACE.contains(&name), None, &mut |batch| {
                let batch = Batch::new(batch);
                let hits =
                    batch.rows(&dataset).enumerate().filter(|(_, row)| places.contains_key(&row.place()));
                found.extend(hits.map(|(at, _)| start + at));
                start += batch.rows;
                Ok(())
            })?;
            if found.is_empty() {
                continue;
            }
            table.read(group, &|_| true, Some(&found), &mut |batch| {
                let batch = Batch::new(batch);
                batch.rows(&dataset).for_each(&mut *visit);
                Ok(())
            })?;
        }
    }
    Ok(())
}
