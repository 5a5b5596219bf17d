//! What every row of the lake has: its time, its hash and the way back to its bytes.
//!
//! In: a batch of the lake and the number of a row. Out: the row's time with the precision of its source, its hash, and a
//! [`RowRef`], from which `piste show` reads the same bytes again.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use piste_model::hash::hex;
use piste_model::{EvidenceId, Instant, RowRef, schema};

use crate::LakeError;
use crate::scan::{Table, nanos_at, text_at};
use crate::stamp::LakeFile;

/// The row's time with the precision of its source.
pub fn time_of(rows: &RecordBatch, row: usize) -> Option<Instant> {
    time(rows.column_by_name(schema::EVENT_TIME)?, rows.column_by_name(schema::TIME_DIGITS)?, row)
}

/// The times of a batch's rows, with the columns looked up once.
pub struct Times<'a>(Option<(&'a ArrayRef, &'a ArrayRef)>);

impl<'a> Times<'a> {
    /// Of a batch.
    pub fn of(rows: &'a RecordBatch) -> Self {
        Self(rows.column_by_name(schema::EVENT_TIME).zip(rows.column_by_name(schema::TIME_DIGITS)))
    }

    /// The time of a row, where it has one.
    pub fn at(&self, row: usize) -> Option<Instant> {
        self.0.and_then(|(times, digits)| time(times, digits, row))
    }
}

fn time(times: &ArrayRef, digits: &ArrayRef, row: usize) -> Option<Instant> {
    let nanos = nanos_at(times, row)?;
    let digits = digits.as_primitive_opt::<Int8Type>()?;
    let digits = if row < digits.len() { u8::try_from(digits.value(row)).unwrap_or(9) } else { 9 };
    Some(Instant { nanos, digits })
}

/// The row's hash as 32 hex digits; empty where the column is missing.
pub fn hash_of(rows: &RecordBatch, row: usize) -> String {
    rows.column_by_name(schema::RECORD_HASH).map(|hashes| hash(hashes, row)).unwrap_or_default()
}

fn hash(hashes: &ArrayRef, row: usize) -> String {
    let hashes = hashes.as_fixed_size_binary_opt().filter(|hashes| row < hashes.len());
    hashes.map(|hashes| hex(hashes.value(row))).unwrap_or_default()
}

fn int64(rows: &RecordBatch, name: &str, row: usize) -> Option<i64> {
    let column = rows.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
    (row < column.len() && !column.is_null(row)).then(|| column.value(row))
}

/// Whether a column is one that [`place_of`] reads.
pub fn is_place(name: &str) -> bool {
    matches!(name, schema::EVIDENCE_ID | schema::RECORD | schema::OFFSET | schema::RECORD_HASH)
}

/// The way back to a row's bytes; `file` gives the path and the SHA-256 of a sealed file.
pub fn place_of(
    rows: &RecordBatch,
    row: usize,
    file: &dyn Fn(EvidenceId) -> (String, String),
) -> Option<RowRef> {
    let evidence_id: EvidenceId = text_at(rows.column_by_name(schema::EVIDENCE_ID)?, row)?.parse().ok()?;
    let (path, file_sha256) = file(evidence_id);
    Some(RowRef {
        evidence_id,
        path,
        record: int64(rows, schema::RECORD, row).unwrap_or_default(),
        offset: int64(rows, schema::OFFSET, row)
            .and_then(|offset| u64::try_from(offset).ok())
            .unwrap_or_default(),
        file_sha256,
        record_hash: hash_of(rows, row),
    })
}

/// The way back to the bytes of one row of a file of the lake.
///
/// # Errors
/// Where the file cannot be read.
pub fn place_in(
    table: &LakeFile,
    group: usize,
    row: usize,
    file: &dyn Fn(EvidenceId) -> (String, String),
) -> Result<Option<RowRef>, LakeError> {
    let mut place = None;
    Table::open(table)?.read(group, &is_place, Some(&[row]), &mut |batch| {
        place = place.take().or_else(|| place_of(batch, 0, file));
        Ok(())
    })?;
    Ok(place)
}
