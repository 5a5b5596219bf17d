//! Small batches joined to larger ones.
//!
//! In: batches as the parsers make them, many of a row or two. Out: the same rows in fewer batches of the same datasets,
//! in an order that hangs on the input alone. A batch costs some hundred bytes a column however few rows it has: a hundred
//! thousand files of one line would cost gigabytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow_schema::{ArrowError, DataType};
use hashbrown::HashMap;
use piste_model::sources::Shape;
use piste_parse::Batch;
use piste_parse::rows::text_type;

use crate::store::{COLUMNS_MAX, united_schema};

/// A batch with as many rows is left as it is.
const ROWS_ENOUGH: usize = 8_192;
/// What a column of a batch costs beside its rows, about.
const COLUMN_BYTES: usize = 600;
/// What a row costs in a column, about: its dictionary key.
const CELL_BYTES: usize = 4;
/// Batches that are held before they are joined.
const HELD_MAX: usize = 512;

/// Batches of one unit, joined as they come in.
#[derive(Debug, Default)]
pub struct Held {
    batches: Vec<Batch>,
    /// Joined down to so many the last time.
    joined: usize,
}

impl Held {
    /// Takes in one more.
    pub fn push(&mut self, batch: Batch) {
        self.batches.push(batch);
        // Twice as many as could not be joined, so that each row is copied a few times only.
        if self.batches.len() >= HELD_MAX.max(2 * self.joined) {
            compact(&mut self.batches);
            self.joined = self.batches.len();
        }
    }

    /// All of them.
    pub fn into_batches(self) -> Vec<Batch> {
        self.batches
    }
}

/// Joins small batches of one dataset where the whole costs less than its parts. A batch joined of several shapes keeps
/// only the dataset of its shape; rows are sorted by dataset and columns, then as given.
pub fn compact(batches: &mut Vec<Batch>) {
    let mut small: BTreeMap<(String, Vec<String>), Vec<Batch>> = BTreeMap::new();
    let mut done = Vec::new();
    for batch in batches.drain(..) {
        if batch.rows.num_rows() >= ROWS_ENOUGH {
            done.push(batch);
        } else if batch.rows.num_rows() > 0 {
            let columns = batch.rows.schema_ref().fields().iter().map(|field| field.name().clone());
            small.entry((batch.shape.dataset.clone(), columns.collect())).or_default().push(batch);
        }
    }
    let mut group = Group::default();
    for ((dataset, columns), batches) in small {
        for batch in batches {
            if !group.takes(&dataset, &columns, batch.rows.num_rows()) {
                std::mem::take(&mut group).end(&mut done);
            }
            group.add(&columns, batch);
        }
    }
    group.end(&mut done);
    *batches = done;
}

/// Batches to be joined.
#[derive(Default)]
struct Group {
    columns: BTreeSet<String>,
    rows: usize,
    /// What they cost apart.
    apart: usize,
    batches: Vec<Batch>,
}

fn cost(rows: usize, columns: usize) -> usize {
    columns.saturating_mul(rows.saturating_mul(CELL_BYTES).saturating_add(COLUMN_BYTES))
}

impl Group {
    fn takes(&self, dataset: &str, columns: &[String], rows: usize) -> bool {
        let Some(first) = self.batches.first() else { return true };
        let new = columns.iter().filter(|name| !self.columns.contains(*name)).count();
        let all = self.columns.len() + new;
        first.shape.dataset == dataset
            && self.rows < ROWS_ENOUGH
            && all <= COLUMNS_MAX
            && cost(self.rows + rows, all) <= self.apart + cost(rows, columns.len())
    }

    fn add(&mut self, columns: &[String], batch: Batch) {
        self.rows += batch.rows.num_rows();
        self.apart += cost(batch.rows.num_rows(), columns.len());
        for name in columns {
            if !self.columns.contains(name) {
                self.columns.insert(name.clone());
            }
        }
        self.batches.push(batch);
    }

    fn end(self, done: &mut Vec<Batch>) {
        let Some(first) = self.batches.first().filter(|_| self.batches.len() > 1) else {
            return done.extend(self.batches);
        };
        let same = self.batches.iter().all(|batch| batch.shape == first.shape);
        let shape = if same {
            first.shape.clone()
        } else {
            let dataset = first.shape.dataset.clone();
            Shape { dataset, channel: String::new(), provider: String::new(), event_code: None }
        };
        let parts: Vec<RecordBatch> = self.batches.iter().map(|batch| batch.rows.clone()).collect();
        match join(&parts) {
            Ok(rows) => done.push(Batch { shape, further: Vec::new(), rows }),
            Err(_) => done.extend(self.batches), // more text than one column holds
        }
    }
}

fn join(batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let schema = united_schema(batches);
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let parts: Vec<Part<'_>> =
                batches.iter().map(|batch| (batch.column_by_name(field.name()), batch.num_rows())).collect();
            if *field.data_type() == text_type() {
                join_text(&parts)
            } else {
                join_any(&parts, field.data_type())
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns)
}

/// A batch's column, if it has it, and its rows.
type Part<'a> = (Option<&'a ArrayRef>, usize);

fn join_any(parts: &[Part<'_>], kind: &DataType) -> Result<ArrayRef, ArrowError> {
    let whole: Vec<ArrayRef> = parts
        .iter()
        .map(|(column, rows)| column.map_or_else(|| new_null_array(kind, *rows), Arc::clone))
        .collect();
    arrow_select::concat::concat(&whole.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// Each value once: Arrow's own joining keeps every part's values. A value is looked up once a part, not once a row.
fn join_text(parts: &[Part<'_>]) -> Result<ArrayRef, ArrowError> {
    let mut joined = JoinedText::default();
    let mut keys: Vec<Option<i32>> = Vec::with_capacity(parts.iter().map(|(_, rows)| rows).sum());
    for (column, rows) in parts {
        let Some(column) = column else {
            keys.resize(keys.len() + rows, None);
            continue;
        };
        let wrong = || ArrowError::SchemaError("a text column is no dictionary".to_owned());
        let column = column.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
        let texts: &StringArray = column.values().as_string_opt().ok_or_else(wrong)?;
        // What no row has is not carried on.
        let mut known: Vec<Option<i32>> = vec![None; texts.len()];
        for key in column.keys() {
            let at = key.and_then(|key| usize::try_from(key).ok());
            let place = at.and_then(|at| Some((at, known.get_mut(at)?)));
            keys.push(
                place
                    .filter(|(at, _)| texts.is_valid(*at))
                    .map(|(at, known)| *known.get_or_insert_with(|| joined.key(texts.value(at)))),
            );
        }
    }
    if i32::try_from(joined.bytes).is_err() {
        return Err(ArrowError::InvalidArgumentError("more text than one column holds".to_owned()));
    }
    let values = StringArray::from_iter_values(joined.values);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), Arc::new(values))?))
}

/// The distinct values of a column that is being joined.
#[derive(Default)]
struct JoinedText<'a> {
    known: HashMap<&'a str, i32, foldhash::fast::RandomState>,
    values: Vec<&'a str>,
    bytes: usize,
}

impl<'a> JoinedText<'a> {
    fn key(&mut self, text: &'a str) -> i32 {
        *self.known.entry(text).or_insert_with(|| {
            self.bytes += text.len();
            self.values.push(text);
            i32::try_from(self.values.len() - 1).unwrap_or(i32::MAX) // rows are bounded far below
        })
    }
}

#[cfg(test)]
mod tests {
    use piste_model::EvidenceId;
    use piste_model::sources::Sources;
    use piste_parse::block::Encoding;
    use piste_parse::{Block, Context, Format, parse_block};
    use proptest::prelude::*;

    use super::*;
    use crate::scan::text_at;

    /// The batches of one line each, as a run over as many files makes them.
    fn batches(lines: &[String]) -> Vec<Batch> {
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: "a.jsonl", sources: &sources, host_hint: None };
        let parse = |line: &String| {
            let bytes = line.clone().into_bytes();
            let (header, too_long) = (None, None);
            let block = Block { offset: 0, first_line: 1, bytes, encoding: Encoding::Utf8, header, too_long };
            parse_block(Format::JsonLines, &block, &cx).batches
        };
        lines.iter().flat_map(parse).collect()
    }

    /// All rows as text, sorted.
    fn rows(batches: &[Batch]) -> Vec<String> {
        let mut all = Vec::new();
        for batch in batches {
            for row in 0..batch.rows.num_rows() {
                let mut cells = vec![format!("dataset={}", batch.shape.dataset)];
                for (field, column) in batch.rows.schema_ref().fields().iter().zip(batch.rows.columns()) {
                    if column.is_valid(row) {
                        let text = text_at(column, row)
                            .map_or_else(|| format!("{:?}", column.slice(row, 1)), str::to_owned);
                        cells.push(format!("{}={text}", field.name()));
                    }
                }
                cells.sort();
                all.push(cells.join(" "));
            }
        }
        all.sort();
        all
    }

    fn event(channel: &str, more: &str) -> String {
        format!("{{\"EventID\":1,\"Channel\":\"{channel}\",\"Hostname\":\"MX01\"{more}}}\n")
    }

    #[test]
    fn many_small_batches_become_few_whatever_their_shape() {
        let lines: Vec<String> = (0..3_000).map(|n| event(&format!("C{n}"), ",\"User\":\"a\"")).collect();
        let before = batches(&lines);
        assert_eq!(before.len(), 3_000);
        let mut held = Held::default();
        before.iter().cloned().for_each(|batch| held.push(batch));
        assert!(held.batches.len() < HELD_MAX + 8, "{}", held.batches.len());
        let mut after = held.into_batches();
        compact(&mut after);
        assert!(after.len() <= 3, "{}", after.len());
        assert_eq!(rows(&after), rows(&before));
        let user = after[0].rows.column_by_name("User").expect("the column is there");
        assert_eq!(user.as_dictionary::<Int32Type>().values().len(), 1, "each value is held once");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_row_and_no_value_is_lost(
            lines in proptest::collection::vec(("[ab]{1,2}", proptest::option::of("[x-z]"), "[p-s]", "[0-9]{0,2}"), 1..40)
        ) {
            let lines: Vec<String> = lines
                .iter()
                .map(|(channel, also, name, value)| {
                    let also = also.as_ref().map_or_else(String::new, |also| format!(",\"{also}\":\"{value}\""));
                    event(channel, &format!(",\"{name}\":\"{value}\"{also}"))
                })
                .collect();
            let before = batches(&lines);
            let mut after = before.clone();
            compact(&mut after);
            prop_assert!(after.len() <= before.len());
            prop_assert_eq!(rows(&after), rows(&before));
        }
    }
}
