//! A row of the lake as names and values.
//!
//! In: a batch and a row. Out: its fields in the order of the columns, absent ones left out; as JSON or as one line of
//! text that is safe on a terminal.

use std::borrow::Cow;
use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, StringArray};
use piste_hunt::describe;
use piste_lake::scan::text_at;
use piste_model::Instant;
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

/// A batch whose columns are looked up once, for writing very many of its rows as text. Gives what [`fields`] and [`line`]
/// give of each row.
pub(crate) struct RowTexts<'b> {
    batch: &'b RecordBatch,
    times: describe::Times<'b>,
    columns: Vec<Column<'b>>,
}

struct Column<'b> {
    name: &'b str,
    /// `"name":`
    member: String,
    /// `name: `, safe on a terminal.
    shown: String,
    is_data: bool,
    array: &'b ArrayRef,
    values: Values<'b>,
}

/// What a column's values are.
enum Values<'b> {
    Time,
    Hash,
    List,
    Pairs,
    Text(&'b DictionaryArray<Int32Type>, &'b StringArray),
    Other,
}

impl<'b> RowTexts<'b> {
    pub(crate) fn of(batch: &'b RecordBatch) -> Self {
        let mut columns = Vec::new();
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name = field.name().as_str();
            let values = match name {
                schema::EVENT_TIME => Values::Time,
                schema::RECORD_HASH => Values::Hash,
                schema::EVENT_TIME_CORRECTED | schema::TIME_DIGITS => continue,
                schema::DATA => Values::List,
                schema::EXTRA => Values::Pairs,
                _ => match array.as_dictionary_opt::<Int32Type>() {
                    Some(keys) => match keys.values().as_string_opt() {
                        Some(texts) => Values::Text(keys, texts),
                        None => Values::Other,
                    },
                    None => Values::Other,
                },
            };
            let role = field.metadata().get(schema::ROLE_KEY).map(|role| Role::parse(Some(role)));
            let is_data = matches!(role, Some(Role::Data)) || matches!(name, schema::DATA | schema::EXTRA);
            columns.push(Column {
                name,
                member: format!("{}:", json!(name)),
                shown: format!("{}: ", escape::visible(name)),
                is_data,
                array,
                values,
            });
        }
        Self { batch, times: describe::Times::of(batch), columns }
    }

    /// The row's time.
    pub(crate) fn time(&self, row: usize) -> Option<Instant> {
        self.times.at(row)
    }

    /// A field as plain text; empty where the row has none.
    pub(crate) fn text(&self, name: &str, row: usize) -> Cow<'b, str> {
        let Some(column) = self.columns.iter().find(|column| column.name == name) else { return "".into() };
        match column.text(row) {
            Some(text) => text.into(),
            None => int_at(self.batch, name, row).map_or("".into(), |number| number.to_string().into()),
        }
    }

    /// Writes the row as a JSON object in the order of the columns. Members of `instead` are written in the place of the row's
    /// own, or at the end; `None` leaves one out.
    pub(crate) fn json(&self, row: usize, instead: &[(&str, Option<String>)], out: &mut String) {
        let mut between = '{';
        let mut put = |member: &str, value: &str, out: &mut String| {
            out.push(between);
            between = ',';
            out.push_str(member);
            out.push_str(value);
        };
        let mut value = String::new();
        for column in &self.columns {
            if let Some((_, text)) = instead.iter().find(|(name, _)| *name == column.name) {
                if let Some(text) = text {
                    put(&column.member, text, out);
                }
                continue;
            }
            value.clear();
            if column.json(self, row, &mut value) {
                put(&column.member, &value, out);
            }
        }
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        for (name, text) in instead.iter().filter(|(name, _)| !has(name)) {
            if let Some(text) = text {
                put(&format!("{}:", json!(name)), text, out);
            }
        }
        out.push_str(if between == '{' { "{}" } else { "}" });
    }

    /// What the record itself says, on one line.
    pub(crate) fn line(&self, row: usize, out: &mut String) {
        let start = out.len();
        for column in self.columns.iter().filter(|column| column.is_data) {
            let before = out.len();
            if before > start {
                out.push_str(" ¦ ");
            }
            out.push_str(&column.shown);
            if let Some(text) = column.text(row) {
                out.push_str(&escape::visible(text));
                continue;
            }
            let mut value = String::new();
            if column.json(self, row, &mut value) {
                out.push_str(&escape::visible(&value));
            } else {
                out.truncate(before);
            }
        }
        if out.len() == start {
            out.push_str(&escape::visible(&self.text(schema::MESSAGE, row)));
        }
    }
}

impl<'b> Column<'b> {
    fn text(&self, row: usize) -> Option<&'b str> {
        let Values::Text(keys, texts) = &self.values else { return text_at(self.array, row) };
        if row >= keys.len() || keys.is_null(row) {
            return None;
        }
        let key = usize::try_from(keys.keys().value(row)).ok().filter(|key| *key < texts.len())?;
        texts.is_valid(key).then(|| texts.value(key))
    }

    /// Writes the row's value; false where it has none.
    fn json(&self, rows: &RowTexts<'_>, row: usize, out: &mut String) -> bool {
        let value = match &self.values {
            Values::Time => return rows.time(row).is_some_and(|time| write!(out, "\"{time}\"").is_ok()),
            Values::Hash => Some(json!(describe::hash_of(rows.batch, row))),
            Values::List => list(self.array, row).map(|list| json!(list)),
            Values::Pairs => pairs(self.array, row).map(Value::Object),
            Values::Text(..) | Values::Other => {
                if let Some(text) = self.text(row) {
                    let quoted = serde_json::to_string(text);
                    return quoted.is_ok_and(|quoted| write!(out, "{quoted}").is_ok());
                }
                int_at(rows.batch, self.name, row).map(|number| json!(number))
            }
        };
        value.is_some_and(|value| write!(out, "{value}").is_ok())
    }
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

#[cfg(test)]
mod tests {
    use piste_lake::{Block, Context, Format};
    use piste_model::EvidenceId;
    use piste_model::sources::Sources;
    use piste_parse::{Splitter, parse_block};

    use super::*;

    #[test]
    fn rows_written_in_bulk_are_as_rows_written_one_by_one() {
        let lines = concat!(
            r#"{"EventID":1,"Channel":"Security","Hostname":"a\u009bb","TimeCreated":"2021-03-03T01:02:03Z","X":"1\n2"}"#,
            "\n",
            r#"{"EventID":1,"Channel":"Security","Y":"\u202e\"","Data":["p","q"]}"#,
            "\n",
            r#"{"EventID":1,"Channel":"Security","Message":"only this"}"#,
            "\n",
        );
        let (sources, mut input) = (Sources::default(), lines.as_bytes());
        let cx = Context { evidence: EvidenceId(1), path: "a.jsonl", sources: &sources, host_hint: None };
        let block: Option<Block> =
            Splitter::new(Format::JsonLines).next_block(&mut input).expect("a slice reads");
        let parsed = parse_block(Format::JsonLines, &block.expect("a block"), &cx);
        let mut seen = 0;
        for batch in &parsed.batches {
            let texts = RowTexts::of(&batch.rows);
            for row in 0..batch.rows.num_rows() {
                let object: Map<String, Value> = fields(&batch.rows, row).into_iter().collect();
                let (mut json, mut shown) = (String::new(), String::new());
                texts.json(row, &[], &mut json);
                assert_eq!(json, Value::Object(object).to_string());
                texts.line(row, &mut shown);
                assert_eq!(shown, line(&batch.rows, row));
                seen += 1;
            }
        }
        assert_eq!(seen, 3);
    }
}
