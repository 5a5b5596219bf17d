//! Rows by shape, ready for the lake and the hunt.
//!
//! In: a record's head and fields. Out: one Arrow batch a shape (dataset, channel, provider, event id), with the common
//! columns of `piste_model::schema` first and then only the fields that this shape has, sorted by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int8Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use piste_model::guard;
use piste_model::hash::RecordHash;
use piste_model::schema::{self, Role};
use piste_model::sources::{Shape, Sources};
use piste_model::{EvidenceId, Instant};

use crate::doubts::Doubts;
use crate::fields::Fields;
use crate::values::Values;

/// Columns that one shape may have; further fields go to `extra`.
const COLUMNS_MAX: usize = 512;
/// Bytes of a column's name; a field with a longer one goes to `extra`.
const NAME_BYTES_MAX: usize = 256;

/// Basis of a time that may be in any zone.
pub(crate) const ZONE_UNKNOWN: &str = "EventTime, zone unknown";

/// Shapes of one block that are told apart. A batch costs some kilobytes however few rows it has: a file that gives every
/// record another channel would cost gigabytes.
pub const SHAPES_APART_MAX: usize = 1_000;

/// Rows that share dataset, channel, provider and event id.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What they share.
    pub shape: Shape,
    /// The shapes of rows that are not told apart, where a block has too many: then `shape` names their dataset alone, and
    /// each row's own columns say what it is. Empty for all others.
    pub further: Vec<Shape>,
    /// The rows, in the order of the records.
    pub rows: RecordBatch,
}

/// What every row has, whatever its source.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// `iis.access`; `None` for a Windows event, whose channel decides.
    pub dataset: Option<&'a str>,
    /// Windows channel; empty elsewhere.
    pub channel: &'a str,
    /// Windows provider; empty elsewhere.
    pub provider: &'a str,
    /// Event id.
    pub event_code: Option<i32>,
    /// When, if the source's time can be read.
    pub time: Option<Instant>,
    /// Which clock and field said so.
    pub time_basis: &'a str,
    /// Computer that the record names; empty if none.
    pub host: &'a str,
    /// Record id or line number.
    pub record: i64,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// Hash of the record's bytes.
    pub hash: RecordHash,
}

/// Collects the rows of one block.
#[derive(Debug)]
pub struct Rows<'s> {
    sources: &'s Sources,
    evidence: EvidenceId,
    groups: Vec<Group>,
    by_shape: HashMap<Shape, usize, RandomState>,
    /// The groups of all further shapes, by dataset.
    mixed: BTreeMap<String, usize>,
    /// The same by what a head says, so that looking costs no copies.
    by_head: HashTable<usize>,
    hasher: RandomState,
    last: usize,
    /// Columns that stand under a second name, and that name first.
    repeats: &'static [(&'static str, &'static str)],
    /// What is doubtful about the rows so far.
    pub(crate) doubts: Doubts,
}

impl<'s> Rows<'s> {
    /// An empty collection for one sealed file.
    pub fn new(sources: &'s Sources, evidence: EvidenceId) -> Self {
        Self {
            sources,
            evidence,
            groups: Vec::new(),
            by_shape: HashMap::default(),
            mixed: BTreeMap::new(),
            by_head: HashTable::new(),
            hasher: RandomState::default(),
            last: 0,
            repeats: &[],
            doubts: Doubts::default(),
        }
    }

    /// Lets columns stand under a second name as well, which comes first in a pair: the same values, stored once in memory.
    /// For rows that bring no column of that name themselves.
    pub(crate) fn repeat(&mut self, repeats: &'static [(&'static str, &'static str)]) {
        self.repeats = repeats;
    }

    /// Adds one row.
    pub fn push(&mut self, head: &Head<'_>, fields: &Fields) {
        let Some(mut row) = self.open(head, fields.left_out()) else { return };
        for (position, (name, value, role)) in fields.iter().enumerate() {
            row.field(position, name, value, role);
        }
        for value in fields.data() {
            row.list(value);
        }
        row.close();
    }

    /// Begins one row, to be filled field by field; `left_out` values of its record are not taken in.
    pub(crate) fn open(&mut self, head: &Head<'_>, left_out: u64) -> Option<OpenRow<'_>> {
        self.doubts.see(head, left_out);
        guard::check();
        let at = self.group_for(head);
        let group = self.groups.get_mut(at)?;
        let row = group.begin(head);
        if group.is_mixed {
            group.note_shape(head, self.sources);
        }
        Some(OpenRow { group, row })
    }

    /// The batches, in the order in which their shapes were first met.
    ///
    /// # Errors
    /// Never for columns built here; Arrow's own checks are passed on rather than trusted.
    pub fn finish(self) -> Result<Vec<Batch>, ArrowError> {
        let evidence = self.evidence.to_string();
        self.groups.into_iter().map(|group| group.finish(&evidence, self.repeats)).collect()
    }

    fn group_for(&mut self, head: &Head<'_>) -> usize {
        if self.groups.get(self.last).is_some_and(|group| group.is_for(head)) {
            return self.last;
        }
        let hash = self.hasher.hash_one((head.channel, head.provider, head.event_code));
        let known = self.by_head.find(hash, |at| {
            self.groups
                .get(*at)
                .is_some_and(|group| group.given == head.dataset.is_some() && group.is_for(head))
        });
        if let Some(&at) = known {
            self.last = at;
            return at;
        }
        self.last = self.group_of_shape(head);
        let apart = |group: &Group| !group.is_mixed && group.given == head.dataset.is_some();
        if self.groups.get(self.last).is_some_and(apart) {
            let (groups, hasher) = (&self.groups, &self.hasher);
            self.by_head.insert_unique(hash, self.last, |at| {
                let shape = groups.get(*at).map(|group| &group.shape);
                shape
                    .map_or(0, |shape| hasher.hash_one((&*shape.channel, &*shape.provider, shape.event_code)))
            });
        }
        self.last
    }

    /// The group of a shape that was not met yet, or is known by another kind of head.
    fn group_of_shape(&mut self, head: &Head<'_>) -> usize {
        let shape = Shape {
            dataset: head.dataset.unwrap_or_else(|| self.sources.dataset_of_channel(head.channel)).to_owned(),
            channel: head.channel.to_owned(),
            provider: head.provider.to_owned(),
            event_code: head.event_code,
        };
        if let Some(&at) = self.by_shape.get(&shape) {
            return at;
        }
        let is_mixed = self.groups.len() >= SHAPES_APART_MAX;
        let shape = if is_mixed {
            Shape { channel: String::new(), provider: String::new(), event_code: None, ..shape }
        } else {
            shape
        };
        if is_mixed && let Some(&at) = self.mixed.get(&shape.dataset) {
            return at;
        }
        let at = self.groups.len();
        let group = Group::new(shape.clone(), head.dataset.is_some(), self.sources);
        if is_mixed {
            self.groups.push(Group { is_mixed, copies: Vec::new(), ..group });
            self.mixed.insert(shape.dataset, at);
        } else {
            self.groups.push(group);
            self.by_shape.insert(shape, at);
        }
        at
    }
}

/// A row that is being filled.
pub(crate) struct OpenRow<'r> {
    group: &'r mut Group,
    row: usize,
}

impl OpenRow<'_> {
    /// Adds a field. `hint` is where its column may be; where it is comes back, for the next row.
    pub(crate) fn field(&mut self, hint: usize, name: &str, value: &str, role: Role) -> Option<usize> {
        self.group.set(self.row, hint, name, value, role)
    }

    /// Sets a cell of the column that an earlier row of this very shape was told the place of; its value's number comes back.
    pub(crate) fn set_at(&mut self, place: usize, value: &str) -> Option<i32> {
        let values = &mut self.group.columns.get_mut(place)?.values;
        if values.set(self.row, value) { values.key(self.row) } else { None }
    }

    /// Number of the value that this row has in the column at a place.
    pub(crate) fn key_at(&self, place: usize) -> Option<i32> {
        self.group.columns.get(place)?.values.key(self.row)
    }

    /// Sets a cell to the value of this number, which [`Self::set_at`] gave.
    pub(crate) fn repeat_at(&mut self, place: usize, key: i32) {
        if let Some(column) = self.group.columns.get_mut(place) {
            column.values.set_key(self.row, key);
        }
    }

    /// Adds one element of the list `Data`.
    pub(crate) fn list(&mut self, value: &str) {
        self.group.list(self.row, value);
    }

    /// Ends the row.
    pub(crate) fn close(self) {
        self.group.fill_copies(self.row);
    }
}

#[derive(Debug)]
struct Column {
    name: String,
    role: Role,
    values: Values,
}

/// A column that repeats another under the taxonomy's name.
#[derive(Debug)]
struct Copied {
    to: String,
    from: String,
    to_at: Option<usize>,
    from_at: Option<usize>,
    /// For each value of the one column, its number in the other.
    keys: Vec<Option<i32>>,
}

impl Copied {
    fn new(to: &str, from: &str) -> Self {
        Self { to: to.to_owned(), from: from.to_owned(), to_at: None, from_at: None, keys: Vec::new() }
    }
}

/// The list of a row; lists before it that were not begun are empty.
fn at_row<T>(lists: &mut Vec<Vec<T>>, row: usize) -> Option<&mut Vec<T>> {
    lists.resize_with(lists.len().max(row + 1), Vec::new);
    lists.last_mut()
}

/// The rows of one shape under construction.
#[derive(Debug)]
struct Group {
    shape: Shape,
    /// Its rows name their dataset; for others the channel decides.
    given: bool,
    /// Its rows are of many shapes.
    is_mixed: bool,
    further: BTreeSet<Shape>,
    /// Event ids of its rows, where these differ.
    codes: Vec<Option<i32>>,
    copies: Vec<Copied>,
    /// Copies that columns of this row have brought, to be made from this row on.
    fresh_copies: Vec<Copied>,
    rows: usize,
    times: Vec<Option<i64>>,
    digits: Vec<i8>,
    bases: Values,
    hosts: Values,
    records: Vec<i64>,
    offsets: Vec<i64>,
    hashes: Vec<RecordHash>,
    columns: Vec<Column>,
    by_name: HashMap<String, usize, RandomState>,
    data: Vec<Vec<String>>,
    extra: Vec<Vec<(String, String)>>,
}

impl Group {
    fn new(shape: Shape, given: bool, sources: &Sources) -> Self {
        let copies = sources.copies_for(&shape).into_iter().map(|(to, from)| Copied::new(to, from)).collect();
        Self {
            shape,
            given,
            is_mixed: false,
            further: BTreeSet::new(),
            codes: Vec::new(),
            copies,
            fresh_copies: Vec::new(),
            rows: 0,
            times: Vec::new(),
            digits: Vec::new(),
            bases: Values::default(),
            hosts: Values::default(),
            records: Vec::new(),
            offsets: Vec::new(),
            hashes: Vec::new(),
            columns: Vec::new(),
            by_name: HashMap::default(),
            data: Vec::new(),
            extra: Vec::new(),
        }
    }

    fn is_for(&self, head: &Head<'_>) -> bool {
        !self.is_mixed
            && self.shape.event_code == head.event_code
            && self.shape.channel == head.channel
            && self.shape.provider == head.provider
            && head.dataset.is_none_or(|dataset| self.shape.dataset == dataset)
    }

    /// Begins a row with what it has beside its fields.
    fn begin(&mut self, head: &Head<'_>) -> usize {
        let row = self.rows;
        self.rows += 1;
        self.times.push(head.time.map(|time| time.nanos));
        self.digits.push(head.time.map_or(0, |time| i8::try_from(time.digits).unwrap_or(9)));
        self.bases.set(row, head.time_basis);
        self.hosts.set(row, head.host);
        self.records.push(head.record);
        self.offsets.push(i64::try_from(head.offset).unwrap_or(i64::MAX));
        self.hashes.push(head.hash);
        row
    }

    /// What the row's own shape asks for, in a group of many.
    fn note_shape(&mut self, head: &Head<'_>, sources: &Sources) {
        let shape = Shape {
            dataset: self.shape.dataset.clone(),
            channel: head.channel.to_owned(),
            provider: head.provider.to_owned(),
            event_code: head.event_code,
        };
        self.codes.push(head.event_code);
        self.copies =
            sources.copies_for(&shape).into_iter().map(|(to, from)| Copied::new(to, from)).collect();
        self.further.insert(shape);
    }

    fn list(&mut self, row: usize, value: &str) {
        if let Some(list) = at_row(&mut self.data, row) {
            list.push(value.to_owned());
        }
    }

    fn set(&mut self, row: usize, hint: usize, name: &str, value: &str, role: Role) -> Option<usize> {
        let column = self.column_at(hint, name, role);
        let stored = column
            .and_then(|at| self.columns.get_mut(at))
            .is_some_and(|column| column.values.set(row, value));
        if !stored && let Some(extra) = at_row(&mut self.extra, row) {
            extra.push((name.to_owned(), value.to_owned()));
        }
        column
    }

    /// The column of this name; rows of one shape list their fields in one order, so the position is tried first.
    fn column_at(&mut self, position: usize, name: &str, role: Role) -> Option<usize> {
        if self.columns.get(position).is_some_and(|column| column.name == name) {
            return Some(position);
        }
        if let Some(&at) = self.by_name.get(name) {
            return Some(at);
        }
        let reserved = schema::COMMON.contains(&name) || name == schema::DATA || name == schema::EXTRA;
        if reserved || self.columns.len() >= COLUMNS_MAX || name.len() > NAME_BYTES_MAX {
            return None;
        }
        self.columns.push(Column { name: name.to_owned(), role, values: Values::default() });
        self.by_name.insert(name.to_owned(), self.columns.len() - 1);
        self.copy_without_blanks(name, role);
        Some(self.columns.len() - 1)
    }

    /// Rules write `SourceName` for the event's own field `Source Name`. Asked once a column, so that rows pay for it only
    /// where a name has blanks.
    fn copy_without_blanks(&mut self, name: &str, role: Role) {
        if role != Role::Data || !name.contains(' ') {
            return;
        }
        let plain: String = name.split(' ').collect();
        if !plain.is_empty() {
            self.fresh_copies.push(Copied::new(&plain, name));
        }
    }

    fn fill_copies(&mut self, row: usize) {
        // The event's own field is meant before anything that is only called so.
        if !self.fresh_copies.is_empty() {
            self.copies.splice(0..0, self.fresh_copies.drain(..));
        }

        let mut copies = std::mem::take(&mut self.copies);
        for copy in &mut copies {
            self.fill_copy(row, copy);
        }
        self.copies = copies;
    }

    fn fill_copy(&mut self, row: usize, copy: &mut Copied) -> Option<()> {
        let from = *copy.from_at.get_or_insert(*self.by_name.get(&copy.from)?);
        let key = self.columns.get(from)?.values.key(row)?;
        let to = match copy.to_at {
            Some(at) => at,
            None => *copy.to_at.insert(self.column_at(usize::MAX, &copy.to, Role::Copy)?),
        };
        let place = usize::try_from(key).ok()?;
        let known = copy.keys.get(place).copied().flatten();
        // Refused where the row has the taxonomy's name itself.
        if let Some(known) = known {
            self.columns.get_mut(to)?.values.set_key(row, known);
            return Some(());
        }
        let value = self.columns.get(from)?.values.text(key)?.to_owned();
        let values = &mut self.columns.get_mut(to)?.values;
        if values.set(row, &value) {
            copy.keys.resize(copy.keys.len().max(place + 1), None);
            *copy.keys.get_mut(place)? = values.key(row);
        }
        Some(())
    }

    fn finish(self, evidence: &str, repeats: &[(&str, &str)]) -> Result<Batch, ArrowError> {
        let rows = self.rows;
        let mut fields: Vec<Field> = common_fields();
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(TimestampNanosecondArray::from(self.times).with_timezone("UTC")),
            Arc::new(TimestampNanosecondArray::new_null(rows).with_timezone("UTC")),
            Arc::new(Int8Array::from(self.digits)),
            self.bases.finish(rows),
            self.hosts.finish(rows),
            constant(&self.shape.dataset, rows),
            Arc::new(if self.is_mixed {
                Int32Array::from(self.codes)
            } else {
                Int32Array::from(vec![self.shape.event_code; rows])
            }),
            constant(evidence, rows),
            Arc::new(Int64Array::from(self.records)),
            Arc::new(Int64Array::from(self.offsets)),
            hash_array(&self.hashes)?,
        ];
        let mut by_name: BTreeMap<String, (Role, ArrayRef)> = BTreeMap::new();
        for column in self.columns {
            by_name.insert(column.name, (column.role, column.values.finish(rows)));
        }
        for (to, from) in repeats {
            if let Some((_, array)) = by_name.get(*from) {
                let array = Arc::clone(array);
                by_name.entry((*to).to_owned()).or_insert((Role::Copy, array));
            }
        }
        for (name, (role, array)) in by_name {
            fields.push(text_field(&name, role));
            arrays.push(array);
        }
        if !self.data.is_empty() {
            arrays.push(list_array(&self.data, rows));
            fields.push(Field::new(schema::DATA, list_type(), true));
        }
        if !self.extra.is_empty() {
            let extra = map_array(&self.extra, rows)?;
            fields.push(Field::new(schema::EXTRA, extra.data_type().clone(), true));
            arrays.push(extra);
        }
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        Ok(Batch { shape: self.shape, further: self.further.into_iter().collect(), rows })
    }
}

/// The type of text columns: `dictionary<int32, utf8>`.
pub fn text_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn text_field(name: &str, role: Role) -> Field {
    let role = (schema::ROLE_KEY.to_owned(), role.as_str().to_owned());
    Field::new(name, text_type(), true).with_metadata(HashMap::<_, _>::from([role]))
}

fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

/// The common columns' Arrow fields, in the order of [`schema::COMMON`].
pub fn common_fields() -> Vec<Field> {
    let time = DataType::Timestamp(arrow_schema::TimeUnit::Nanosecond, Some("UTC".into()));
    vec![
        Field::new(schema::EVENT_TIME, time.clone(), true),
        Field::new(schema::EVENT_TIME_CORRECTED, time, true),
        Field::new(schema::TIME_DIGITS, DataType::Int8, false),
        Field::new(schema::TIME_BASIS, text_type(), true),
        Field::new(schema::HOST, text_type(), true),
        Field::new(schema::DATASET, text_type(), false),
        Field::new(schema::EVENT_CODE, DataType::Int32, true),
        Field::new(schema::EVIDENCE_ID, text_type(), false),
        Field::new(schema::RECORD, DataType::Int64, false),
        Field::new(schema::OFFSET, DataType::Int64, false),
        Field::new(schema::RECORD_HASH, DataType::FixedSizeBinary(16), false),
    ]
}

fn constant(value: &str, rows: usize) -> ArrayRef {
    let keys = Int32Array::from(vec![0; rows]);
    Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(vec![value]))))
}

fn hash_array(hashes: &[RecordHash]) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(hashes.len(), 16);
    for hash in hashes {
        builder.append_value(hash)?;
    }
    Ok(Arc::new(builder.finish()))
}

fn list_array(data: &[Vec<String>], rows: usize) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in 0..rows {
        let values = data.get(row).filter(|values| !values.is_empty());
        for value in values.into_iter().flatten() {
            builder.values().append_value(value);
        }
        builder.append(values.is_some());
    }
    Arc::new(builder.finish())
}

fn map_array(extra: &[Vec<(String, String)>], rows: usize) -> Result<ArrayRef, ArrowError> {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..rows {
        let pairs = extra.get(row).filter(|pairs| !pairs.is_empty());
        for (name, value) in pairs.into_iter().flatten() {
            builder.keys().append_value(name);
            builder.values().append_value(value);
        }
        builder.append(pairs.is_some())?;
    }
    Ok(Arc::new(builder.finish()))
}
