//! One row of a batch as the event that a rule is tried on.
//!
//! In: a batch's columns. Out: a field's value by name; the texts that keywords look at, which are what the record says of
//! the event: never its path, host, header or the copies under other names, and the rendered message only where the record
//! carries nothing else.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, ListArray, MapArray, RecordBatch, StringArray};
use piste_model::schema::{self, Role};
use rsigma_eval::event::{Event, EventValue};
use serde_json::Value;

/// One text column, ready to be read.
struct TextColumn<'a> {
    keys: &'a DictionaryArray<Int32Type>,
    values: &'a StringArray,
    role: Role,
}

impl<'a> TextColumn<'a> {
    fn at(&self, row: usize) -> Option<&'a str> {
        if row >= self.keys.len() || self.keys.is_null(row) {
            return None;
        }
        let key = usize::try_from(self.keys.keys().value(row)).ok()?;
        (key < self.values.len()).then(|| self.values.value(key))
    }
}

/// A batch's columns by name.
pub(crate) struct BatchView<'a> {
    columns: Vec<(&'a str, TextColumn<'a>)>,
    by_name: HashMap<&'a str, usize, foldhash::fast::RandomState>,
    data: Option<&'a ListArray>,
    extra: Option<&'a MapArray>,
}

impl<'a> BatchView<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> Self {
        let mut view = Self { columns: Vec::new(), by_name: HashMap::default(), data: None, extra: None };
        let fields = batch.schema_ref().fields();
        for (field, column) in fields.iter().zip(batch.columns()).skip(schema::COMMON.len()) {
            let name = field.name().as_str();
            if name == schema::DATA {
                view.data = column.as_list_opt();
            } else if name == schema::EXTRA {
                view.extra = column.as_map_opt();
            } else if let Some(keys) = column.as_dictionary_opt::<Int32Type>()
                && let Some(values) = keys.values().as_string_opt()
            {
                let role = Role::parse(field.metadata().get(schema::ROLE_KEY).map(AsRef::as_ref));
                view.by_name.insert(name, view.columns.len());
                view.columns.push((name, TextColumn { keys, values, role }));
            }
        }
        view
    }

    fn text(&self, name: &str, row: usize) -> Option<&'a str> {
        self.by_name.get(name).and_then(|at| self.columns.get(*at)).and_then(|(_, column)| column.at(row))
    }
}

/// One row.
pub(crate) struct RowEvent<'b, 'a> {
    view: &'b BatchView<'a>,
    row: usize,
}

impl<'b, 'a> RowEvent<'b, 'a> {
    pub(crate) fn new(view: &'b BatchView<'a>, row: usize) -> Self {
        Self { view, row }
    }

    /// The text of a field that has a column.
    pub(crate) fn text(&self, field: &str) -> Option<&'a str> {
        self.view.text(field, self.row)
    }

    fn data(&self) -> Vec<String> {
        let Some(list) = self.view.data.filter(|list| self.row < list.len() && !list.is_null(self.row))
        else {
            return Vec::new();
        };
        let values = list.value(self.row);
        let values: Option<&StringArray> = values.as_string_opt();
        values.into_iter().flatten().flatten().map(str::to_owned).collect()
    }

    fn extra(&self) -> Vec<(String, String)> {
        let Some(map) = self.view.extra.filter(|map| self.row < map.len() && !map.is_null(self.row)) else {
            return Vec::new();
        };
        let pairs = map.value(self.row);
        let keys: Option<&StringArray> = pairs.column(0).as_string_opt();
        let values: Option<&StringArray> = pairs.column(1).as_string_opt();
        let (Some(keys), Some(values)) = (keys, values) else { return Vec::new() };
        let pairs = keys.iter().zip(values.iter());
        pairs.filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect()
    }

    /// The texts of one role, in the order of the columns.
    fn texts(&self, role: Role) -> impl Iterator<Item = &'a str> {
        self.view
            .columns
            .iter()
            .filter(move |(_, column)| column.role == role)
            .filter_map(|(_, column)| column.at(self.row))
    }
}

impl Event for RowEvent<'_, '_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let mut all: Vec<Cow<'_, str>> =
            self.view.text(path, self.row).map(Cow::Borrowed).into_iter().collect();
        if path == schema::DATA {
            all.extend(self.data().into_iter().map(Cow::Owned));
        }
        let extra = self.extra().into_iter().filter(|(name, _)| name == path);
        all.extend(extra.map(|(_, value)| Cow::Owned(value)));
        if all.len() > 1 {
            return Some(EventValue::Array(all.into_iter().map(EventValue::Str).collect()));
        }
        all.pop().map(EventValue::Str)
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.all_string_values().iter().any(|text| pred(text))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut texts: Vec<Cow<'_, str>> = self.texts(Role::Data).map(Cow::Borrowed).collect();
        texts.extend(self.data().into_iter().map(Cow::Owned));
        texts.extend(self.extra().into_iter().map(|(_, value)| Cow::Owned(value)));
        if texts.is_empty() {
            texts.extend(self.texts(Role::Message).map(Cow::Borrowed));
        }
        texts
    }

    fn to_json(&self) -> Value {
        let fields = self.view.columns.iter();
        let fields =
            fields.filter_map(|(name, column)| Some(((*name).to_owned(), Value::from(column.at(self.row)?))));
        Value::Object(fields.collect())
    }
}
