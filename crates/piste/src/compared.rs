//! A row of the lake held against its bytes, field by field.
//!
//! In: a row and the rows that its record's bytes give when they are parsed again. Out: how many fields were compared, and those
//! that differ. A row carries the hash of its bytes, and so do its bytes: that says nothing of what stands in its other columns.

use std::collections::BTreeSet;

use arrow_array::{Array, RecordBatch};
use piste_hunt::describe;
use piste_lake::reparse::{Row, reparse};
use piste_lake::scan::{nanos_at, text_at};
use piste_lake::{Batch, Sealed};
use piste_model::schema;
use serde_json::{Value, json};

use crate::look::rows::{int_at, list, pairs};

/// What the comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Fields that were compared.
    pub(crate) fields: usize,
    /// Those that differ.
    pub(crate) different: Vec<Different>,
}

/// A field that is not what its bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Different {
    pub(crate) name: String,
    /// In the lake; `None` where the row has none.
    pub(crate) row: Option<String>,
    /// By the bytes.
    pub(crate) bytes: Option<String>,
}

impl Different {
    /// As an object.
    pub(crate) fn json(&self) -> Value {
        json!({"field": self.name, "row": self.row, "bytes": self.bytes})
    }
}

/// Compares the one row of `row` with what its record says.
pub(crate) fn compare(
    row: &RecordBatch,
    sealed: &Sealed,
    beside: &[&Sealed],
    tmp: &std::path::Path,
    passwords: &[Vec<u8>],
) -> Result<Compared, String> {
    let text =
        |name: &str| row.column_by_name(name).and_then(|column| text_at(column, 0)).unwrap_or_default();
    let offset = int_at(row, schema::OFFSET, 0).unwrap_or_default();
    let place = Row {
        dataset: text(schema::DATASET),
        offset: u64::try_from(offset).unwrap_or_default(),
        evidence: text(schema::EVIDENCE_ID).parse().unwrap_or(sealed.id),
        host: text(schema::HOST),
        modified: text("FileModified"),
        older: !text("MD5").is_empty(),
    };
    let sources = crate::rules::sources().map_err(|failure| failure.what().to_owned())?;
    let again = reparse(sealed, beside, place, &sources, tmp, passwords.to_vec())
        .map_err(|error| error.to_string())?;
    let best = again.iter().flat_map(|batch| candidates(batch, row)).min_by_key(|one| one.different.len());
    best.ok_or_else(|| "its bytes give no such row".to_owned())
}

/// The comparison with each row of the batch that stands for the same record.
fn candidates(batch: &Batch, row: &RecordBatch) -> Vec<Compared> {
    let same = |name: &str, at: usize| int_at(&batch.rows, name, at) == int_at(row, name, 0);
    let rows = (0..batch.rows.num_rows()).filter(|at| same(schema::OFFSET, *at) && same(schema::RECORD, *at));
    rows.map(|at| compared(row, &batch.rows, at)).collect()
}

fn compared(row: &RecordBatch, again: &RecordBatch, at: usize) -> Compared {
    let (stored, parsed) = (row.schema(), again.schema());
    let names = stored.fields().iter().chain(parsed.fields()).map(|field| field.name().as_str());
    let mut compared = Compared { fields: 0, different: Vec::new() };
    for name in names.collect::<BTreeSet<_>>() {
        let (one, other) = (cell(row, name, 0), cell(again, name, at));
        compared.fields += usize::from(one.is_some() || other.is_some());
        if one != other {
            compared.different.push(Different { name: name.to_owned(), row: one, bytes: other });
        }
    }
    compared
}

/// A cell as text, whatever its type; an empty list or map is none.
fn cell(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(name)?;
    if column.is_null(row) {
        return None;
    }
    match name {
        schema::DATA => {
            return list(column, row).filter(|list| !list.is_empty()).map(|list| json!(list).to_string());
        }
        schema::EXTRA => {
            return pairs(column, row)
                .filter(|pairs| !pairs.is_empty())
                .map(|pairs| json!(pairs).to_string());
        }
        schema::RECORD_HASH => return Some(describe::hash_of(batch, row)),
        _ => {}
    }
    text_at(column, row)
        .map(str::to_owned)
        .or_else(|| nanos_at(column, row).map(|nanos| nanos.to_string()))
        .or_else(|| int_at(batch, name, row).map(|number| number.to_string()))
        .or_else(|| Some(format!("{:?}", column.slice(row, 1))))
}
