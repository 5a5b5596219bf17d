//! A row of the lake as names and values.
//!
//! In: a batch and a row. Out: its fields in the order of the columns, absent ones left out; as JSON or as one line of
//! text that is safe on a terminal.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, StringArray};
use piste_hunt::describe;
use piste_lake::scan::text_at;
use piste_model::schema::{self, Role};
use piste_report::escape;
use serde_json::{Map, Value, json};

/// The number in a column of 32 or 64 bits.
pub(crate) fn int_at(batch: &RecordBatch, name: &str, row: usize) -> Option<i64> {
    let column = batch.column_by_name(name)?;
    if row >= column.len() || column.is_null(row) {
        return None;
    }
    match column.as_primitive_opt::<Int64Type>() {
        Some(column) => Some(column.value(row)),
        None => column.as_primitive_opt::<Int32Type>().map(|column| i64::from(column.value(row))),
    }
}

/// Column names and values of a row.
pub(crate) fn fields(batch: &RecordBatch, row: usize) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let name = field.name();
        let value = match name.as_str() {
            schema::EVENT_TIME => describe::time_of(batch, row).map(|time| json!(time)),
            schema::RECORD_HASH => Some(json!(describe::hash_of(batch, row))),
            schema::EVENT_TIME_CORRECTED | schema::TIME_DIGITS => None,
            schema::DATA => list(column, row).map(|list| json!(list)),
            schema::EXTRA => pairs(column, row).map(Value::Object),
            _ => text_at(column, row)
                .map(|text| json!(text))
                .or_else(|| int_at(batch, name, row).map(|number| json!(number))),
        };
        fields.extend(value.map(|value| (name.clone(), value)));
    }
    fields
}

/// What the record itself says, on one line: `Image: … ¦ CommandLine: …`.
pub(crate) fn line(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema_ref();
    let mut line = String::new();
    for (name, value) in fields(batch, row) {
        let role = schema
            .field_with_name(&name)
            .ok()
            .and_then(|field| field.metadata().get(schema::ROLE_KEY).map(|role| Role::parse(Some(role))));
        if !matches!(role, Some(Role::Data)) && name != schema::DATA && name != schema::EXTRA {
            continue;
        }
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let separator = if line.is_empty() { "" } else { " ¦ " };
        let _ = write!(line, "{separator}{}: {}", escape::visible(&name), escape::visible(&value));
    }
    if line.is_empty() {
        let message = batch.column_by_name(schema::MESSAGE).and_then(|column| text_at(column, row));
        line.push_str(&escape::visible(message.unwrap_or_default()));
    }
    line
}

/// The list `Data` of a row.
pub(crate) fn list(column: &dyn Array, row: usize) -> Option<Vec<String>> {
    let list = column.as_list_opt::<i32>().filter(|list| row < list.len() && !list.is_null(row))?;
    let values = list.value(row);
    let values: &StringArray = values.as_string_opt()?;
    Some(values.iter().flatten().map(str::to_owned).collect())
}

/// The map `extra` of a row.
pub(crate) fn pairs(column: &dyn Array, row: usize) -> Option<Map<String, Value>> {
    let map = column.as_map_opt().filter(|map| row < map.len() && !map.is_null(row))?;
    let pairs = map.value(row);
    let keys: &StringArray = pairs.column(0).as_string_opt()?;
    let values: &StringArray = pairs.column(1).as_string_opt()?;
    Some(keys.iter().zip(values).filter_map(|(key, value)| Some((key?.to_owned(), json!(value?)))).collect())
}
