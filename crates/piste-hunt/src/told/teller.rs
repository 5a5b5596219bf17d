//! A batch's matches told.
//!
//! In: matches and the batch. Out: one [`Told`] each. Rows of which every telling column holds the same values are described
//! once.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, DictionaryArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use piste_lake::scan::text_at;
use piste_model::{EvidenceId, Instant, schema};
use piste_rules::Rule;

use super::file::Interner;
use super::{Origin, RuleText, Told};
use crate::describe::{self, Named};

/// Distinct rows of one batch that are remembered.
const REMEMBERED_MAX: usize = 100_000;

/// Tells matches of one batch.
pub struct Teller<'a> {
    rows: &'a RecordBatch,
    named: Named<'a>,
    times: Option<&'a PrimitiveArray<TimestampNanosecondType>>,
    digits: Option<&'a PrimitiveArray<Int8Type>>,
    codes: Option<&'a PrimitiveArray<Int32Type>>,
    records: Option<&'a PrimitiveArray<Int64Type>>,
    offsets: Option<&'a PrimitiveArray<Int64Type>>,
    hashes: Option<&'a FixedSizeBinaryArray>,
    /// The columns that a row is described from, and those that name its log.
    telling: Vec<&'a DictionaryArray<Int32Type>>,
    origin: Vec<Option<&'a DictionaryArray<Int32Type>>>,
    /// Rows with this list, or that say little else, are described each on its own.
    lists: bool,
    tales: HashMap<Box<[i32]>, Arc<super::Tale>, RandomState>,
    origins: HashMap<[i32; 3], Arc<Origin>, RandomState>,
    key: Vec<i32>,
    interner: Interner,
}

impl<'a> Teller<'a> {
    /// Of a batch that has [`describe::columns`].
    pub fn new(rows: &'a RecordBatch) -> Self {
        let named = Named::new(rows);
        let text = |name: &str| named.of(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let telling = describe::told_columns().filter_map(text).collect();
        let origin = [schema::HOST, schema::DATASET, "Channel"].into_iter().map(text).collect();
        let column = |name: &str| named.of(name);
        Self {
            times: column(schema::EVENT_TIME).and_then(|column| column.as_primitive_opt()),
            digits: column(schema::TIME_DIGITS).and_then(|column| column.as_primitive_opt()),
            codes: column(schema::EVENT_CODE).and_then(|column| column.as_primitive_opt()),
            records: column(schema::RECORD).and_then(|column| column.as_primitive_opt()),
            offsets: column(schema::OFFSET).and_then(|column| column.as_primitive_opt()),
            hashes: column(schema::RECORD_HASH).and_then(|column| column.as_fixed_size_binary_opt()),
            telling,
            origin,
            lists: column(schema::DATA).is_some_and(|column| column.null_count() < column.len()),
            tales: HashMap::default(),
            origins: HashMap::default(),
            key: Vec::new(),
            interner: Interner::default(),
            rows,
            named,
        }
    }

    /// The evidence that a row says it is of.
    pub fn evidence(&self, row: usize) -> Option<EvidenceId> {
        let id = text_at(self.named.of(schema::EVIDENCE_ID)?, row)?;
        id.strip_prefix("E-")?.parse().ok().map(EvidenceId)
    }

    /// Tells of a rule's match on a row.
    pub fn tell(&mut self, rule: &Arc<RuleText>, evidence: EvidenceId, row: usize) -> Told {
        let time = self.times.zip(self.digits).and_then(|(times, digits)| {
            let nanos = value(times, row)?;
            let digits = if row < digits.len() { u8::try_from(digits.value(row)).unwrap_or(9) } else { 9 };
            Some(Instant { nanos, digits })
        });
        let hash = self.hashes.filter(|hashes| row < hashes.len());
        Told {
            rule: Arc::clone(rule),
            origin: self.origin(row),
            tale: self.tale(row),
            time,
            event_code: self.codes.and_then(|codes| value(codes, row)),
            record: self.records.and_then(|records| value(records, row)).unwrap_or_default(),
            evidence,
            offset: (self.offsets.and_then(|offsets| value(offsets, row)))
                .and_then(|offset| u64::try_from(offset).ok())
                .unwrap_or_default(),
            record_hash: hash.and_then(|hashes| hashes.value(row).try_into().ok()),
        }
    }

    fn origin(&mut self, row: usize) -> Arc<Origin> {
        let mut key = [-1; 3];
        for (key, column) in key.iter_mut().zip(&self.origin) {
            *key = column.map_or(-1, |column| place(column, row));
        }
        let made = || {
            let text =
                |name: &str| self.named.of(name).and_then(|column| text_at(column, row)).unwrap_or_default();
            Arc::new(Origin {
                host: text(schema::HOST).to_owned(),
                dataset: text(schema::DATASET).to_owned(),
                channel: text("Channel").to_owned(),
            })
        };
        Arc::clone(self.origins.entry(key).or_insert_with(made))
    }

    fn tale(&mut self, row: usize) -> Arc<super::Tale> {
        self.key.clear();
        self.key.extend(self.telling.iter().map(|column| place(column, row)));
        if !self.lists
            && let Some(known) = self.tales.get(self.key.as_slice())
        {
            return Arc::clone(known);
        }
        let telling = describe::telling(&self.named, row);
        let json = serde_json::to_string(&telling).unwrap_or_else(|_| "{}".to_owned());
        let tale = self.interner.tale(&json);
        if !self.lists && self.tales.len() < REMEMBERED_MAX {
            self.tales.insert(self.key.as_slice().into(), Arc::clone(&tale));
        }
        tale
    }

    /// The batch.
    pub fn rows(&self) -> &'a RecordBatch {
        self.rows
    }
}

fn place(column: &DictionaryArray<Int32Type>, row: usize) -> i32 {
    if row >= column.len() || column.is_null(row) { -1 } else { column.keys().value(row) }
}

fn value<T: arrow_array::ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    (row < column.len() && !column.is_null(row)).then(|| column.value(row))
}

impl RuleText {
    /// Of a loaded rule.
    pub fn of(rule: &Rule) -> Self {
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            level: rule.level,
            attack: rule.attack.clone(),
            status: rule.status.clone(),
        }
    }
}
