//! Records to rows straight from their binary form.
//!
//! In: a chunk's bytes and the place of a record in it. Out: a row, field by field the one that the rendering as JSON gives
//! (`record`), without the rendering. A template is read once a block; a record is then a list of values with known
//! places. Whatever is not of the usual shape (a float, an array, a repeated name, a length that does not fit) is not
//! taken: the caller renders that record. Nothing is taken in part.
//!
//! Bounded: definitions are read for so many bytes a chunk, values are those within the record.

mod definition;
mod layout;
mod templates;
pub(crate) mod value;

use std::ops::Range;

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::{DATA, Role};

use super::places::CHUNK_HEADER_BYTES;
use super::record::{event_code, header_time};
use super::stored_record;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use layout::{Empty, Field, HEADS, Layout, Root, Source};
use templates::{Instance, Span, Templates, u32_at};
use value::Value;

/// Places of the first names in a chunk's header.
const NAMES_AT: Range<usize> = 128..384;
/// Names that are followed a chunk.
const NAMES_MAX: usize = 4_096;
/// Times in a record's header, up to the year 9999.
const TIME_MAX: u64 = 2_650_466_807_999_999_999;

/// Where the records of a chunk end, as its header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// First byte that holds none.
    pub(super) end: usize,
    /// Id of the last one.
    pub(super) last_id: u64,
}

/// How far the records of a chunk were taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) records: u64,
    /// End of the last one.
    pub(super) end: usize,
    /// These were all.
    pub(super) whole: bool,
}

/// One field of the record at hand.
#[derive(Debug, Clone)]
struct Cell {
    /// Within the fragment, or beside it.
    inner: bool,
    field: usize,
    /// Place in the text; unused where the template has the text itself.
    text: Range<usize>,
}

/// Reads records one after another, with the memory of one and the templates of a block.
#[derive(Debug, Default)]
pub(super) struct BinXml {
    templates: Templates,
    /// Names of the chunk at hand are in order.
    sound: bool,
    values: Vec<Span>,
    record: Record,
}

impl Default for Taken {
    fn default() -> Self {
        Self { records: 0, end: CHUNK_HEADER_BYTES, whole: false }
    }
}

impl BinXml {
    /// Begins a chunk.
    fn begin(&mut self, chunk: &[u8]) {
        self.templates.begin_chunk();
        self.sound = names_in_order(chunk).is_some();
    }

    /// Takes the chunk's records up to the first that is to be rendered. `base` is the chunk's offset in the file.
    pub(super) fn take_all(&mut self, chunk: &[u8], bounds: Bounds, base: u64, rows: &mut Rows<'_>) -> Taken {
        self.begin(chunk);
        let mut taken = Taken::default();
        while taken.end < bounds.end.min(chunk.len()) {
            let Some((size, id)) = self.take(chunk, taken.end, base, rows) else { return taken };
            taken.records += 1;
            taken.end += size;
            if id == bounds.last_id {
                break;
            }
        }
        taken.whole = self.sound;
        taken
    }

    /// Takes one record; gives its bytes and its id, or `None` where it is to be rendered.
    pub(super) fn take(
        &mut self,
        chunk: &[u8],
        start: usize,
        base: u64,
        rows: &mut Rows<'_>,
    ) -> Option<(usize, u64)> {
        let bytes = stored_record(chunk, start).ok().filter(|_| self.sound)?;
        let id = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
        let filetime = u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?);
        if filetime > TIME_MAX {
            return None;
        }
        self.values.clear();
        let place = start + 24..start + bytes.len().checked_sub(4)?;
        let event = self.templates.fragment(chunk, place, Root::Event, &mut self.values)?;
        let inner = self.inner(chunk, &event).ok()?;
        let layouts = Layouts {
            event: self.templates.layout(&event)?,
            inner: inner.as_ref().and_then(|inner| self.templates.layout(inner)),
        };
        self.record.clear();
        self.record.read(chunk, layouts.event, self.values.get(event.values)?, false)?;
        if let Some((layout, inner)) = layouts.inner.zip(inner) {
            self.record.read(chunk, layout, self.values.get(inner.values)?, true)?;
        }
        let offset = base + start as u64;
        let basis = Basis { id, filetime, offset, bytes };
        self.record.write(&layouts, &basis, rows)?;
        Some((bytes.len(), id))
    }

    /// The fragment within the event, if it has one.
    fn inner(&mut self, chunk: &[u8], event: &Instance) -> Result<Option<Instance>, Rendered> {
        let outer = self.templates.layout(event).ok_or(Rendered)?;
        let number = outer.inner.map(|(number, _)| usize::from(number));
        let mut place = None;
        for (at, span) in self.values.get(event.values.clone()).ok_or(Rendered)?.iter().enumerate() {
            let here = Some(at) == number;
            let empty = value(chunk, *span).ok_or(Rendered)?.is_empty();
            match (here, span.kind == value::BINXML) {
                (true, true) if !empty => place = Some(span.start..span.end),
                (true, false) if !empty => return Err(Rendered),
                (false, true) => return Err(Rendered),
                _ => {}
            }
        }
        let (Some(place), Some((_, root))) = (place, outer.inner) else { return Ok(None) };
        let inner = self.templates.fragment(chunk, place, root, &mut self.values).ok_or(Rendered)?;
        let layouts = self.templates.layout(event).zip(self.templates.layout(&inner));
        // A second part of one name would be renamed; a fragment within the fragment is rendered.
        let alone =
            root == Root::Child || layouts.is_some_and(|(outer, part)| !outer.beside.contains(&part.root));
        let values = self.values.get(inner.values.clone()).unwrap_or_default();
        let flat = values.iter().all(|span| span.kind != value::BINXML);
        if alone && flat { Ok(Some(inner)) } else { Err(Rendered) }
    }
}

/// The record is not taken.
struct Rendered;

fn value(chunk: &[u8], span: Span) -> Option<Value<'_>> {
    Some(Value { kind: span.kind, bytes: chunk.get(span.start..span.end)? })
}

struct Layouts<'l> {
    event: &'l Layout,
    inner: Option<&'l Layout>,
}

impl<'l> Layouts<'l> {
    fn field(&self, cell: &Cell) -> Option<&'l Field> {
        let layout = if cell.inner { self.inner? } else { self.event };
        layout.fields.get(cell.field)
    }
}

/// What a row says of its record beside the fields.
struct Basis<'d> {
    id: u64,
    filetime: u64,
    offset: u64,
    bytes: &'d [u8],
}

/// The fields of one record, before any of them is written.
#[derive(Debug, Default)]
struct Record {
    text: String,
    cells: Vec<Cell>,
    /// For each of [`HEADS`], the first cell of this name.
    heads: [Option<usize>; HEADS.len()],
    /// The event's time, where it is a FILETIME.
    time: Option<u64>,
}

impl Record {
    fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.heads = [None; HEADS.len()];
        self.time = None;
    }

    fn read(&mut self, chunk: &[u8], layout: &Layout, values: &[Span], inner: bool) -> Option<()> {
        if let Some(needed) = layout.needs {
            (!value(chunk, *values.get(usize::from(needed))?)?.is_null()).then_some(())?;
        }
        for (at, field) in layout.fields.iter().enumerate() {
            if let Some(needed) = field.needs.and_then(|number| values.get(usize::from(number))) {
                (needed.kind != value::BINXML).then_some(())?;
                if value(chunk, *needed)?.is_null() {
                    continue;
                }
            }
            let start = self.text.len();
            if let Source::Value(number) = field.source {
                let found = values.get(usize::from(number));
                let found = match found {
                    Some(span) => Some(value(chunk, *span)?).filter(|value| !value.is_empty()),
                    None => None,
                };
                match found {
                    Some(found) if found.kind == value::TEXTS => {
                        self.spread(field, found, at, inner)?;
                        continue;
                    }
                    Some(found) => {
                        found.show(&mut self.text)?;
                        if field.head == Some(TIME) && self.heads.get(TIME) == Some(&None) {
                            self.time = found.filetime();
                        }
                    }
                    None if absent(chunk, field, values)? => continue,
                    None => {}
                }
            } else if matches!(&field.source, Source::Text(text) if text.is_empty())
                && absent(chunk, field, values)?
            {
                continue;
            }
            self.push(field, Cell { inner, field: at, text: start..self.text.len() });
        }
        (self.cells.len() <= Fields::MAX).then_some(())
    }

    /// A list of texts where one value is expected.
    fn spread(&mut self, field: &Field, list: Value<'_>, at: usize, inner: bool) -> Option<()> {
        field.spreads.then_some(())?;
        for text in value::texts(list.bytes) {
            let start = self.text.len();
            value::utf16(text, &mut self.text)?;
            self.push(field, Cell { inner, field: at, text: start..self.text.len() });
        }
        Some(())
    }

    fn push(&mut self, field: &Field, cell: Cell) {
        if let Some(slot) = field.head.and_then(|head| self.heads.get_mut(head)) {
            slot.get_or_insert(self.cells.len());
        }
        self.cells.push(cell);
    }

    fn shown<'r>(&'r self, layouts: &Layouts<'r>, cell: &Cell) -> &'r str {
        match layouts.field(cell).map(|field| &field.source) {
            Some(Source::Text(text)) => text,
            _ => self.text.get(cell.text.clone()).unwrap_or_default(),
        }
    }

    fn head<'r>(&'r self, layouts: &Layouts<'r>, head: usize) -> &'r str {
        let cell = self.heads.get(head).copied().flatten().and_then(|cell| self.cells.get(cell));
        cell.map_or("", |cell| self.shown(layouts, cell))
    }

    fn write(&self, layouts: &Layouts<'_>, basis: &Basis<'_>, rows: &mut Rows<'_>) -> Option<()> {
        let time = match self.time {
            Some(time) => Instant::from_filetime(time),
            None => Instant::parse(self.head(layouts, TIME)),
        };
        let time = time.map(|time| (time, "System.TimeCreated"));
        let time = time.or_else(|| header_time(Instant::from_filetime(basis.filetime)));
        let record = self.head(layouts, RECORD).parse().ok();
        let head = Head {
            dataset: None,
            channel: self.head(layouts, CHANNEL),
            provider: self.head(layouts, PROVIDER),
            event_code: event_code(self.head(layouts, CODE)),
            time: time.map(|(time, _)| time),
            time_basis: time.map_or("", |(_, basis)| basis),
            host: self.head(layouts, HOST),
            record: record.unwrap_or_else(|| i64::try_from(basis.id).unwrap_or(i64::MAX)),
            offset: basis.offset,
            hash: record_hash(basis.bytes),
        };
        let mut row = rows.open(&head, 0)?;
        for cell in &self.cells {
            let field = layouts.field(cell)?;
            let text = self.shown(layouts, cell);
            if field.name == DATA && field.role != Role::System {
                row.list(text);
            } else {
                let column = row.field(field.column.get(), &field.name, text, field.role);
                field.column.set(column.unwrap_or(usize::MAX));
            }
        }
        row.close();
        Some(())
    }
}

/// Whether a field without content is no field at all.
fn absent(chunk: &[u8], field: &Field, values: &[Span]) -> Option<bool> {
    Some(match &field.empty {
        Empty::Nothing => true,
        Empty::Field => false,
        Empty::FieldUnless(numbers) => {
            for span in numbers.iter().filter_map(|number| values.get(usize::from(*number))) {
                if !value(chunk, *span)?.is_empty() {
                    return Some(true);
                }
            }
            false
        }
    })
}

/// Follows the names that the chunk's header points to. Where one does not lie in the chunk, or is not plain, no record is
/// taken: the rendering may refuse the chunk.
fn names_in_order(chunk: &[u8]) -> Option<()> {
    let mut steps = 0;
    for first in chunk.get(NAMES_AT)?.chunks_exact(4) {
        let mut at = usize::try_from(u32_at(first, 0)?).ok()?;
        while at != 0 {
            steps += 1;
            (steps <= NAMES_MAX).then_some(())?;
            let count = chunk.get(at + 6..)?.first_chunk::<2>()?;
            let end = at + 8 + 2 * usize::from(u16::from_le_bytes(*count));
            let plain =
                chunk.get(at + 8..end)?.chunks_exact(2).all(|unit| matches!(unit, [low, 0] if *low < 0x80));
            let _zero = chunk.get(end..end + 2).filter(|_| plain)?;
            at = usize::try_from(u32_at(chunk, at)?).ok()?;
        }
    }
    Some(())
}

const CHANNEL: usize = 0;
const PROVIDER: usize = 1;
const CODE: usize = 2;
const TIME: usize = 3;
const HOST: usize = 4;
const RECORD: usize = 5;
