//! What a row says, for a correlation.
//!
//! In: a row of a batch. Out: a field's text by the name that a rule uses, its place, and the measure of its values.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, StringArray};
use piste_lake::scan::{nanos_at, text_at};
use piste_model::{EvidenceId, schema};
use piste_rules::correlation::Kind;
use sha2::{Digest, Sha256};

use super::contribution::{Measure, Place, bounded, number, number_key};
use crate::describe::time_of;

/// Names under which rules ask for the computer that a record names.
const HOST_NAMES: [&str; 5] = ["Computer", "ComputerName", "Hostname", "host.name", schema::HOST];

/// A field's text: its column, else what has no column of its own, else what every row has.
pub(super) fn field(rows: &RecordBatch, row: usize, name: &str) -> Option<String> {
    let column = rows.column_by_name(name).and_then(|column| text_at(column, row));
    if let Some(text) = column.map(bounded).or_else(|| extra(rows, row, name)) {
        return Some(text);
    }
    if HOST_NAMES.contains(&name) {
        let host = rows.column_by_name(schema::HOST).and_then(|column| text_at(column, row));
        return host.filter(|host| !host.is_empty()).map(bounded);
    }
    if name == "EventID" { event_code(rows, row).map(|code| code.to_string()) } else { None }
}

fn extra(rows: &RecordBatch, row: usize, name: &str) -> Option<String> {
    let map = rows.column_by_name(schema::EXTRA)?.as_map_opt()?;
    if row >= map.len() || map.is_null(row) {
        return None;
    }
    let pairs = map.value(row);
    let keys: &StringArray = pairs.columns().first()?.as_string_opt()?;
    let values: &StringArray = pairs.columns().get(1)?.as_string_opt()?;
    keys.iter().zip(values).find(|(key, _)| *key == Some(name)).and_then(|(_, value)| value.map(bounded))
}

fn event_code(rows: &RecordBatch, row: usize) -> Option<i32> {
    let column = rows.column_by_name(schema::EVENT_CODE)?.as_primitive_opt::<Int32Type>()?;
    (row < column.len() && !column.is_null(row)).then(|| column.value(row))
}

fn int64(rows: &RecordBatch, row: usize, name: &str) -> Option<i64> {
    let column = rows.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
    (row < column.len() && !column.is_null(row)).then(|| column.value(row))
}

/// The row's time for the order, and its place; `None` for a row without a time.
pub(super) fn place(rows: &RecordBatch, row: usize, evidence: EvidenceId) -> Option<(i64, Place)> {
    let said = time_of(rows, row)?;
    let corrected =
        rows.column_by_name(schema::EVENT_TIME_CORRECTED).and_then(|column| nanos_at(column, row));
    let text =
        |name: &str| rows.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default();
    let hash = rows.column_by_name(schema::RECORD_HASH).and_then(|column| column.as_fixed_size_binary_opt());
    let hash = hash.filter(|hash| row < hash.len() && !hash.is_null(row));
    let place = Place {
        evidence,
        offset: int64(rows, row, schema::OFFSET).and_then(|at| u64::try_from(at).ok()).unwrap_or_default(),
        record: int64(rows, row, schema::RECORD).unwrap_or_default(),
        hash: hash.map(|hash| hash.value(row).to_vec()).unwrap_or_default(),
        nanos: said.nanos,
        digits: said.digits,
        host: bounded(text(schema::HOST)),
        dataset: bounded(text(schema::DATASET)),
        channel: bounded(text("Channel")),
        event_code: event_code(rows, row),
    };
    Some((corrected.unwrap_or(said.nanos), place))
}

/// The measure of an event with these values; `None` where a number is asked for and there is none.
pub(super) fn measure(kind: Kind, texts: &[String]) -> Option<Measure> {
    if kind.is_numeric() {
        return texts.first().and_then(|text| number(text)).map(|value| Measure::Number(number_key(value)));
    }
    if kind != Kind::ValueCount {
        return Some(Measure::Event);
    }
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    let mut digest = [0; 16];
    for (to, from) in digest.iter_mut().zip(hash.finalize().iter()) {
        *to = *from;
    }
    Some(Measure::Value(digest))
}
