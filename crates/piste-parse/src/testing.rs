//! What tests of all formats share: a file's bytes to plain rows.
//!
//! In: bytes, a format and a block size. Out: rows as maps of column to text, in the order of their offsets, and what was
//! told of damage.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use piste_model::hash::hex;
use piste_model::sources::Sources;
use piste_model::{Damage, EvidenceId, Instant};

use crate::block::Splitter;
use crate::{Context, Format, parse_block};

/// A row's columns that are not null.
pub(crate) type Row = BTreeMap<String, String>;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    pub(crate) rows: Vec<Row>,
    pub(crate) damage: Vec<Damage>,
    /// `slug: what; effect`
    pub(crate) issues: Vec<String>,
}

impl Read {
    /// These columns of each row, absent ones as `~`.
    pub(crate) fn columns(&self, names: &[&str]) -> Vec<String> {
        let show = |row: &Row| {
            let values = names.iter().map(|name| row.get(*name).map_or("~", String::as_str));
            values.collect::<Vec<_>>().join(" | ")
        };
        self.rows.iter().map(show).collect()
    }
}

/// Reads a file in one go.
pub(crate) fn read(format: Format, bytes: &[u8]) -> Read {
    read_at(format, bytes, "sample", 1 << 20)
}

/// Reads a file of this name in blocks of about this size.
pub(crate) fn read_at(format: Format, bytes: &[u8], path: &str, block_bytes: usize) -> Read {
    read_with(&Sources::default(), format, bytes, path, block_bytes)
}

/// Reads a file with a catalogue.
pub(crate) fn read_with(
    sources: &Sources,
    format: Format,
    mut bytes: &[u8],
    path: &str,
    block_bytes: usize,
) -> Read {
    let cx = Context { evidence: EvidenceId(1), path, sources, host_hint: Some("HINT") };
    let mut splitter = Splitter::with_block_bytes(format, block_bytes);
    let mut all = Read::default();
    let mut records = 0;
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = parse_block(format, &block, &cx);
        records += parsed.records;
        for batch in &parsed.batches {
            all.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        all.damage.extend(parsed.damage);
        all.issues.extend(
            parsed.issues.iter().map(|issue| format!("{}: {}; {}", issue.slug, issue.what, issue.effect)),
        );
    }
    assert_eq!(records, all.rows.len() as u64, "every record read is a row");
    all.rows.sort_by_key(|row| row["offset"].parse::<u64>().expect("a number"));
    all
}

/// One row's columns that are not null.
pub(crate) fn row_of(rows: &arrow_array::RecordBatch, at: usize) -> Row {
    let schema = rows.schema();
    let cells = schema.fields().iter().zip(rows.columns());
    cells.filter_map(|(field, array)| Some((field.name().clone(), cell(array, at)?))).collect()
}

fn cell(array: &ArrayRef, at: usize) -> Option<String> {
    if array.is_null(at) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Dictionary(_, _) => {
            let array = array.as_dictionary::<Int32Type>();
            array.values().as_string::<i32>().value(usize::try_from(array.keys().value(at)).ok()?).to_owned()
        }
        DataType::Timestamp(_, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(at);
            Instant { nanos, digits: if nanos % 1_000_000_000 == 0 { 0 } else { 9 } }.to_string()
        }
        DataType::Int8 => array.as_primitive::<Int8Type>().value(at).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).to_string(),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(at)),
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(at);
            values.as_string::<i32>().iter().flatten().collect::<Vec<_>>().join("|")
        }
        DataType::Map(_, _) => {
            let pairs = array.as_map().value(at);
            let (names, values) = (pairs.column(0).as_string::<i32>(), pairs.column(1).as_string::<i32>());
            names
                .iter()
                .flatten()
                .zip(values.iter().flatten())
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(";")
        }
        other => format!("{other:?}"),
    })
}
