//! Reading the lake.
//!
//! In: which datasets and columns. Out: record batches, file after file in a fixed order, with only the columns asked for.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::LakeError;
use crate::store::Lake;

/// Rows of one batch that a scan hands out.
const BATCH_ROWS: usize = 8_192;

/// What to read.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    /// Which datasets.
    pub datasets: &'a dyn Fn(&str) -> bool,
    /// Which columns; all if `None`. A file that lacks one is read without it.
    pub columns: Option<&'a [&'a str]>,
}

impl Lake {
    /// Hands every batch of the scan to `visit`; `visit` answers whether to go on.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read, or what `visit` answers.
    pub fn scan(
        &self,
        scan: Scan<'_>,
        visit: &mut dyn FnMut(&RecordBatch) -> Result<bool, LakeError>,
    ) -> Result<(), LakeError> {
        for path in self.files(scan.datasets)? {
            if !scan_file(&path, scan.columns, visit)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Hands every batch of one file of the lake to `visit`; answers whether to go on.
///
/// # Errors
/// As for [`Lake::scan`].
pub fn scan_file(
    path: &Path,
    columns: Option<&[&str]>,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<bool, LakeError>,
) -> Result<bool, LakeError> {
    for batch in open(path, columns)? {
        let batch = batch.map_err(|error| LakeError::Parquet {
            path: path.to_owned(),
            verb: "read",
            source: parquet::errors::ParquetError::ArrowError(error.to_string()),
        })?;
        if !visit(&batch)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn open(path: &Path, columns: Option<&[&str]>) -> Result<ParquetRecordBatchReader, LakeError> {
    let parquet = |source| LakeError::Parquet { path: path.to_owned(), verb: "read", source };
    let file = File::open(path).map_err(LakeError::read(path))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet)?.with_batch_size(BATCH_ROWS);
    let mask = match columns {
        Some(wanted) => {
            let schema = builder.schema();
            let roots = schema.fields().iter().enumerate();
            let roots = roots.filter(|(_, field)| wanted.contains(&field.name().as_str())).map(|(at, _)| at);
            ProjectionMask::roots(builder.parquet_schema(), roots.collect::<Vec<_>>())
        }
        None => ProjectionMask::all(),
    };
    builder.with_projection(mask).build().map_err(parquet)
}

/// The text of a dictionary column's row; `None` where it is null or the column is of another type.
pub fn text_at(column: &dyn Array, row: usize) -> Option<&str> {
    let column = column.as_dictionary_opt::<Int32Type>()?;
    if row >= column.len() || column.is_null(row) {
        return None;
    }
    let key = usize::try_from(column.keys().value(row)).ok()?;
    let values: &StringArray = column.values().as_string_opt()?;
    (key < values.len()).then(|| values.value(key))
}

/// The nanoseconds of a time column's row.
pub fn nanos_at(column: &dyn Array, row: usize) -> Option<i64> {
    let column = column.as_primitive_opt::<TimestampNanosecondType>()?;
    (row < column.len() && !column.is_null(row)).then(|| column.value(row))
}
