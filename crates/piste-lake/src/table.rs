//! One Parquet file outside the lake, for other tools.
//!
//! In: rows of text as they come. Out: a file with one timestamp column and text columns, written in batches, so that its
//! length costs no memory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;

use crate::LakeError;
use crate::stamp::Stamping;
use crate::store::{properties, rename_durably, tmp_name};

/// Rows of one batch.
const BATCH_ROWS: usize = 10_000;

/// Writes a table: the first column is the time, the others are text.
pub struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<Stamping<File>>,
    failure: Arc<Mutex<Option<io::Error>>>,
    times: Vec<Option<i64>>,
    columns: Vec<Vec<Option<String>>>,
}

impl TableWriter {
    /// Begins the file with these column names; `time` names the first.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path, time: &str, names: &[&str]) -> Result<Self, LakeError> {
        let stamp = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let mut fields = vec![Field::new(time, stamp, true)];
        fields.extend(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
        let schema = Arc::new(Schema::new(fields));
        let tmp = tmp_name(path);
        let file = Stamping::new(File::create(&tmp).map_err(LakeError::write(&tmp))?);
        let failure = file.failure();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties()))
            .map_err(LakeError::parquet_write(path, &failure))?;
        Ok(Self {
            path: path.to_owned(),
            schema,
            writer,
            failure,
            times: Vec::new(),
            columns: vec![Vec::new(); names.len()],
        })
    }

    /// Adds a row; `values` are in the order of the names.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn push(&mut self, nanos: Option<i64>, values: Vec<Option<String>>) -> Result<(), LakeError> {
        self.times.push(nanos);
        let mut values = values.into_iter();
        for column in &mut self.columns {
            column.push(values.next().flatten());
        }
        if self.times.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn finish(mut self) -> Result<(), LakeError> {
        self.flush()?;
        let Self { path, writer, failure, .. } = self;
        let file = writer.into_inner().map_err(LakeError::parquet_write(&path, &failure))?;
        file.get_ref().sync_all().map_err(LakeError::write(&path))?;
        rename_durably(&tmp_name(&path), &path)
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        let times = std::mem::take(&mut self.times);
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))];
        for column in &mut self.columns {
            arrays.push(Arc::new(StringArray::from(std::mem::take(column))));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|source| LakeError::Columns { dataset: self.path.display().to_string(), source })?;
        self.writer.write(&batch).map_err(LakeError::parquet_write(&self.path, &self.failure))
    }
}
