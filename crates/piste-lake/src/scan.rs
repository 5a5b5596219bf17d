//! Reading the lake.
//!
//! In: which datasets and columns. Out: record batches, file after file in a fixed order, with only the columns asked for.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt64Array};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use crate::LakeError;
use crate::stamp::{self, Checked, LakeFile};
use crate::store::Lake;

/// Rows of one batch that a scan hands out.
const BATCH_ROWS: usize = 8_192;
/// Rows of one batch of a row group.
pub const GROUP_BATCH_ROWS: usize = 65_536;

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
    file: &LakeFile,
    columns: Option<&[&str]>,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<bool, LakeError>,
) -> Result<bool, LakeError> {
    let open = file.open()?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(open.clone()).map_err(unread(file, &open))?;
    let mask = mask(&builder, |name| columns.is_none_or(|wanted| wanted.contains(&name)));
    let builder = builder.with_batch_size(BATCH_ROWS).with_projection(mask);
    for batch in builder.build().map_err(unread(file, &open))? {
        let batch =
            batch.map_err(|error| unread(file, &open)(ParquetError::ArrowError(error.to_string())))?;
        if !visit(&batch)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Why a file cannot be read: that its bytes are others comes before what the library makes of it.
pub(crate) fn unread<'f>(
    file: &'f LakeFile,
    open: &'f Checked,
) -> impl Fn(ParquetError) -> LakeError + use<'f> {
    |source| {
        if open.is_changed() {
            return stamp::changed(file);
        }
        LakeError::Parquet { path: file.to_path_buf(), verb: "read", source }
    }
}

fn mask(builder: &ParquetRecordBatchReaderBuilder<Checked>, wanted: impl Fn(&str) -> bool) -> ProjectionMask {
    let roots = builder.schema().fields().iter().enumerate();
    let roots = roots.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at);
    ProjectionMask::roots(builder.parquet_schema(), roots.collect::<Vec<_>>())
}

/// One Parquet file of the lake, read by row group.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) file: LakeFile,
    pub(crate) metadata: ArrowReaderMetadata,
}

impl Table {
    /// Reads the file's metadata.
    ///
    /// # Errors
    /// Where it cannot be read or is no Parquet file.
    pub fn open(file: &LakeFile) -> Result<Self, LakeError> {
        let open = file.open()?;
        let metadata =
            ArrowReaderMetadata::load(&open, ArrowReaderOptions::default()).map_err(unread(file, &open))?;
        Ok(Self { file: file.clone(), metadata })
    }

    /// Row groups.
    pub fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.metadata.schema().fields().iter().map(|field| field.name().as_str())
    }

    /// Least and greatest value of an integer column in a row group, where the file says so and no row lacks one.
    pub fn range(&self, group: usize, column: &str) -> Option<(i32, i32)> {
        let metadata = self.metadata.metadata();
        let group = metadata.row_groups().get(group)?;
        let chunk = group.columns().iter().find(|chunk| chunk.column_path().string() == column)?;
        match chunk.statistics()? {
            Statistics::Int32(values) if values.null_count_opt() == Some(0) => {
                Some((*values.min_opt()?, *values.max_opt()?))
            }
            _ => None,
        }
    }

    /// Hands the rows of a row group to `visit`, in batches of at most [`GROUP_BATCH_ROWS`]: those numbered in `rows` (all if
    /// `None`, else ascending), with the columns that `wanted` accepts.
    ///
    /// # Errors
    /// Where the file cannot be read, or what `visit` answers.
    pub fn read(
        &self,
        group: usize,
        wanted: &dyn Fn(&str) -> bool,
        rows: Option<&[usize]>,
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let open = self.file.open()?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open.clone(), self.metadata.clone());
        let mask = mask(&builder, wanted);
        let mut builder =
            builder.with_projection(mask).with_batch_size(GROUP_BATCH_ROWS).with_row_groups(vec![group]);
        if let Some(rows) = rows {
            let total =
                self.metadata.metadata().row_groups().get(group).map_or(0, RowGroupMetaData::num_rows);
            let total = usize::try_from(total).unwrap_or_default();
            let ranges = rows.iter().map(|row| *row..row + 1);
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges, total));
        }
        for batch in builder.build().map_err(unread(&self.file, &open))? {
            let batch = batch
                .map_err(|error| unread(&self.file, &open)(ParquetError::ArrowError(error.to_string())))?;
            visit(&batch)?;
        }
        Ok(())
    }
}

/// The rows numbered, of the columns that `wanted` accepts; dictionaries are shared, not copied.
///
/// # Errors
/// Where a number is none of a row.
pub fn take_rows(
    batch: &RecordBatch,
    rows: &[usize],
    wanted: &dyn Fn(&str) -> bool,
) -> Result<RecordBatch, ArrowError> {
    let fields = batch.schema_ref().fields().iter().enumerate();
    let columns: Vec<usize> = fields.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at).collect();
    let rows: UInt64Array = rows.iter().map(|row| *row as u64).collect();
    let batch = batch.project(&columns)?;
    let taken = batch.columns().iter().map(|column| take(column, &rows, None));
    with_columns(batch.schema(), taken.collect::<Result<_, _>>()?, rows.len())
}

/// The columns of both; they have equally many rows.
///
/// # Errors
/// Where they have not.
pub fn side_by_side(one: &RecordBatch, other: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let fields = one.schema_ref().fields().iter().chain(other.schema_ref().fields()).cloned();
    let columns = one.columns().iter().chain(other.columns()).cloned();
    with_columns(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns.collect(), one.num_rows())
}

fn with_columns(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
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
