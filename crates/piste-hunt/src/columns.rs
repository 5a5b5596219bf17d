//! A batch's fields as the hunt reads them.
//!
//! In: a record batch. Out: for a field, which rows have which values: that of its own column, those of the list `Data`, and
//! those among the row's `extra` fields, where a field that an event names twice has its further values. Common columns are
//! no fields.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, ListArray, MapArray, RecordBatch, StringArray};
use piste_model::schema::{self, Role};

use crate::bits::Bits;

/// One text column.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(crate) keys: &'a DictionaryArray<Int32Type>,
    pub(crate) values: &'a StringArray,
    pub(crate) role: Role,
}

impl<'a> Column<'a> {
    /// The place of a row's value among the distinct ones; `None` where it has none.
    pub(crate) fn key(&self, row: usize) -> Option<usize> {
        if row >= self.keys.len() || self.keys.is_null(row) {
            return None;
        }
        let key = usize::try_from(self.keys.keys().value(row)).ok()?;
        (key < self.values.len()).then_some(key)
    }

    pub(crate) fn text(&self, row: usize) -> Option<&'a str> {
        self.key(row).map(|key| self.values.value(key))
    }
}

/// A batch's columns by name.
pub(crate) struct Columns<'a> {
    pub(crate) rows: usize,
    all: Vec<Column<'a>>,
    by_name: HashMap<&'a str, usize, foldhash::fast::RandomState>,
    data: Option<&'a ListArray>,
    extra: Option<&'a MapArray>,
    /// The `extra` fields by name, each with row and value: rows of hundreds of fields are gone through once.
    extra_by_name: OnceCell<ByName<'a>>,
}

type ByName<'a> = HashMap<&'a str, Vec<(usize, &'a str)>, foldhash::fast::RandomState>;

impl<'a> Columns<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> Self {
        let mut view = Self {
            rows: batch.num_rows(),
            all: Vec::new(),
            by_name: HashMap::default(),
            data: None,
            extra: None,
            extra_by_name: OnceCell::new(),
        };
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name = field.name().as_str();
            if schema::COMMON.contains(&name) {
                continue;
            }
            if name == schema::DATA {
                view.data = column.as_list_opt().filter(|list: &&ListArray| list.null_count() < list.len());
            } else if name == schema::EXTRA {
                view.extra = column.as_map_opt().filter(|map| map.null_count() < map.len());
            } else if let Some(keys) = column.as_dictionary_opt::<Int32Type>()
                && let Some(values) = keys.values().as_string_opt()
            {
                let role = Role::parse(field.metadata().get(schema::ROLE_KEY).map(AsRef::as_ref));
                view.by_name.insert(name, view.all.len());
                view.all.push(Column { keys, values, role });
            }
        }
        view
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Column<'a>> {
        self.by_name.get(name).and_then(|at| self.all.get(*at))
    }

    pub(crate) fn text(&self, name: &str, row: usize) -> Option<&'a str> {
        self.named(name).and_then(|column| column.text(row))
    }

    pub(crate) fn of_role(&self, role: Role) -> impl Iterator<Item = &Column<'a>> {
        self.all.iter().filter(move |column| column.role == role)
    }

    /// The values of a field outside its own column, each with its row.
    pub(crate) fn elsewhere(&self, name: &str) -> Vec<(usize, Cow<'a, str>)> {
        let mut found = Vec::new();
        if name == schema::DATA && self.data.is_some() {
            for row in 0..self.rows {
                found.extend(self.data(row).into_iter().map(|text| (row, Cow::Owned(text))));
            }
        }
        found.extend(self.extra_named(name).iter().map(|&(row, text)| (row, Cow::Borrowed(text))));
        found
    }

    /// All values of a field in one row.
    pub(crate) fn all(&self, name: &str, row: usize) -> Vec<String> {
        let mut found: Vec<String> = self.text(name, row).map(str::to_owned).into_iter().collect();
        if name == schema::DATA {
            found.extend(self.data(row));
        }
        let extra = self.extra_named(name);
        let first = extra.partition_point(|(one, _)| *one < row);
        let here = extra.iter().skip(first).take_while(|(one, _)| *one == row);
        found.extend(here.map(|(_, text)| (*text).to_owned()));
        found
    }

    /// A field's values among `extra`, ascending by row.
    fn extra_named(&self, name: &str) -> &[(usize, &'a str)] {
        let Some(map) = self.extra else { return &[] };
        self.extra_by_name.get_or_init(|| by_name(map)).get(name).map_or(&[], Vec::as_slice)
    }

    /// The row's list `Data`.
    pub(crate) fn data(&self, row: usize) -> Vec<String> {
        let Some(list) = self.data.filter(|list| row < list.len() && !list.is_null(row)) else {
            return Vec::new();
        };
        let values: ArrayRef = list.value(row);
        let values: Option<&StringArray> = values.as_string_opt();
        values.into_iter().flatten().flatten().map(str::to_owned).collect()
    }

    /// The row's fields without a column.
    pub(crate) fn extra(&self, row: usize) -> Vec<(String, String)> {
        let Some(map) = self.extra.filter(|map| row < map.len() && !map.is_null(row)) else {
            return Vec::new();
        };
        let pairs = map.value(row);
        let keys: Option<&StringArray> = pairs.column(0).as_string_opt();
        let values: Option<&StringArray> = pairs.column(1).as_string_opt();
        let (Some(keys), Some(values)) = (keys, values) else { return Vec::new() };
        let pairs = keys.iter().zip(values.iter());
        pairs.filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect()
    }

    /// Rows that have `Data` or `extra`.
    pub(crate) fn rows_with_more(&self) -> impl Iterator<Item = usize> + '_ {
        let has = |row: usize| {
            self.data.is_some_and(|list| list.is_valid(row))
                || self.extra.is_some_and(|map| map.is_valid(row))
        };
        (0..self.rows).filter(move |row| (self.data.is_some() || self.extra.is_some()) && has(*row))
    }

    /// Rows whose record says something of the event, beside a message.
    pub(crate) fn with_data(&self) -> Bits {
        let mut says = Bits::none(self.rows);
        for column in self.of_role(Role::Data) {
            says.or(&Bits::valid(self.rows, column.keys.keys().nulls()));
        }
        self.rows_with_more()
            .filter(|row| self.further_texts(*row).next().is_some())
            .for_each(|row| says.set(row));
        says
    }

    /// What keywords look at in a row beside its columns.
    pub(crate) fn further_texts(&self, row: usize) -> impl Iterator<Item = String> {
        self.data(row).into_iter().chain(self.extra(row).into_iter().map(|(_, value)| value))
    }
}

fn by_name(map: &MapArray) -> ByName<'_> {
    let mut found = ByName::default();
    let keys: Option<&StringArray> = map.keys().as_string_opt();
    let values: Option<&StringArray> = map.values().as_string_opt();
    let (Some(keys), Some(values)) = (keys, values) else { return found };
    for (row, ends) in map.value_offsets().windows(2).enumerate() {
        let &[start, end] = ends else { continue };
        let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else { continue };
        for at in (start..end.min(keys.len()).min(values.len())).filter(|_| map.is_valid(row)) {
            if keys.is_valid(at) && values.is_valid(at) {
                found.entry(keys.value(at)).or_default().push((row, values.value(at)));
            }
        }
    }
    found
}
