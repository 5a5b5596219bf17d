//! A batch of the lake as the readers of doors see it.
//!
//! In: a record batch with the columns asked for. Out: a row's text by column, its time, host and place.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, ListArray, RecordBatch, StringArray};
use piste_lake::scan::{Scan, nanos_at, text_at};
use piste_lake::{Lake, LakeError};
use piste_model::{Instant, schema};

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) evidence: u32,
    pub(crate) offset: u64,
    pub(crate) record: i64,
    pub(crate) hash: [u8; 16],
}

/// Columns of every row that the readers need.
pub(crate) const COMMON: [&str; 8] = [
    schema::EVENT_TIME,
    schema::TIME_DIGITS,
    schema::HOST,
    schema::EVENT_CODE,
    schema::EVIDENCE_ID,
    schema::RECORD,
    schema::OFFSET,
    schema::RECORD_HASH,
];

/// Hands every row of a dataset to `each`, with these columns and the common ones.
pub(crate) fn scan(
    lake: &Lake,
    dataset: &str,
    columns: &[&str],
    each: &mut dyn FnMut(Row<'_, '_>),
) -> Result<(), LakeError> {
    let columns: Vec<&str> = COMMON.iter().chain(columns).copied().collect();
    let wanted = |name: &str| name == dataset;
    lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        Rows::new(batch).iter().for_each(&mut *each);
        Ok(true)
    })
}

/// A batch's columns by name.
pub(crate) struct Rows<'a> {
    by_name: HashMap<&'a str, &'a ArrayRef>,
    rows: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> Self {
        let names = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
        Self { by_name: names.zip(batch.columns()).collect(), rows: batch.num_rows() }
    }

    pub(crate) fn iter<'r>(&'r self) -> impl Iterator<Item = Row<'a, 'r>> {
        (0..self.rows).map(move |row| Row { rows: self, row })
    }

    /// One row by its number.
    pub(crate) fn row<'r>(&'r self, row: usize) -> Row<'a, 'r> {
        Row { rows: self, row }
    }

    /// For each row, whether the text of a column meets the test, which is asked once a distinct value. `absent` is the
    /// answer where the row has none.
    pub(crate) fn ask(&self, name: &str, absent: bool, test: impl Fn(&str) -> bool) -> Vec<bool> {
        let column = self.by_name.get(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let Some((keys, values)) =
            column.and_then(|column| Some((column.keys(), column.values().as_string_opt::<i32>()?)))
        else {
            return vec![absent; self.rows];
        };
        let met: Vec<bool> = values.iter().map(|value| value.map_or(absent, &test)).collect();
        let key = |key: Option<i32>| key.and_then(|key| usize::try_from(key).ok());
        keys.iter().map(|one| key(one).and_then(|key| met.get(key).copied()).unwrap_or(absent)).collect()
    }

    /// A column whose distinct values are looked at once.
    pub(crate) fn coded<T: Clone>(&self, name: &str, of: impl Fn(&str) -> T) -> Coded<'a, T> {
        let column: Option<&'a DictionaryArray<Int32Type>> =
            self.by_name.get(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let values = column.and_then(|column| column.values().as_string_opt::<i32>());
        let values =
            values.map(|values| values.iter().map(|value| value.map(&of)).collect()).unwrap_or_default();
        Coded { column, values }
    }
}

/// A column's distinct values, each as what it means.
pub(crate) struct Coded<'a, T> {
    column: Option<&'a DictionaryArray<Int32Type>>,
    values: Vec<Option<T>>,
}

impl<T: Clone> Coded<'_, T> {
    /// The number of the row's value; `None` where the row has none.
    pub(crate) fn key(&self, row: usize) -> Option<usize> {
        let column = self.column?;
        (row < column.len() && column.is_valid(row))
            .then(|| usize::try_from(column.keys().value(row)).ok())
            .flatten()
    }

    /// What a value means.
    pub(crate) fn value(&self, key: Option<usize>) -> Option<&T> {
        self.values.get(key?)?.as_ref()
    }

    /// What the row's value means.
    pub(crate) fn of(&self, row: usize) -> Option<&T> {
        self.value(self.key(row))
    }
}

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, 'r> {
    rows: &'r Rows<'a>,
    row: usize,
}

impl<'a> Row<'a, '_> {
    pub(crate) fn number(&self) -> usize {
        self.row
    }

    /// A column's text; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.rows.by_name.get(name).and_then(|column| text_at(*column, self.row)).unwrap_or_default()
    }

    pub(crate) fn host(&self) -> &'a str {
        self.text(schema::HOST)
    }

    pub(crate) fn code(&self) -> Option<i32> {
        let column = self.rows.by_name.get(schema::EVENT_CODE)?.as_primitive_opt::<Int32Type>()?;
        (self.row < column.len() && column.is_valid(self.row)).then(|| column.value(self.row))
    }

    pub(crate) fn time(&self) -> Option<Instant> {
        let nanos = nanos_at(*self.rows.by_name.get(schema::EVENT_TIME)?, self.row)?;
        let digits = self
            .rows
            .by_name
            .get(schema::TIME_DIGITS)
            .and_then(|column| column.as_primitive_opt::<Int8Type>())
            .map_or(9, |digits| u8::try_from(digits.value(self.row)).unwrap_or(9));
        Some(Instant { nanos, digits })
    }

    pub(crate) fn place(&self) -> Place {
        let number = |name: &str| {
            let column =
                self.rows.by_name.get(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.map_or(0, |column| column.value(self.row))
        };
        let evidence = self.text(schema::EVIDENCE_ID);
        let hash =
            self.rows.by_name.get(schema::RECORD_HASH).and_then(|column| column.as_fixed_size_binary_opt());
        let hash =
            hash.and_then(|column| <[u8; 16]>::try_from(column.value(self.row)).ok()).unwrap_or_default();
        Place {
            evidence: evidence.strip_prefix("E-").and_then(|id| id.parse().ok()).unwrap_or_default(),
            offset: u64::try_from(number(schema::OFFSET)).unwrap_or_default(),
            record: number(schema::RECORD),
            hash,
        }
    }

    /// The unnamed texts of a Windows event, in order.
    pub(crate) fn data(&self) -> Vec<String> {
        let list: Option<&ListArray> =
            self.rows.by_name.get(schema::DATA).and_then(|column| column.as_list_opt());
        let Some(list) = list.filter(|list| self.row < list.len() && list.is_valid(self.row)) else {
            let one = self.text(schema::DATA);
            return if one.is_empty() { Vec::new() } else { vec![one.to_owned()] };
        };
        let values = list.value(self.row);
        let values: Option<&StringArray> = values.as_string_opt();
        values.into_iter().flatten().map(|text| text.unwrap_or_default().to_owned()).collect()
    }
}
