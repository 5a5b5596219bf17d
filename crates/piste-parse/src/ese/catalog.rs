//! The catalogue of an ESE database, `MSysObjects`: its tables with their columns, indexes and long values.
//!
//! In: the leaves of the catalogue's tree. Out: the tables in the order of the catalogue. Where that tree is broken, what it
//! lacks is taken from its shadow, and from pages of the catalogue that no tree leads to any more.
//!
//! Source: libesedb's description ("Catalog"), Microsoft's ESE (MIT), `cat.hxx`. The catalogue's own columns never change
//! place: new ones were only added behind.

use std::collections::{BTreeMap, HashMap};

use piste_model::guard;
use piste_model::hash::{RecordHash, record_hash};

use super::bytes::u32_at;
use super::pages::{Page, Pager};
use super::record::{Column, Record, kind};
use super::tree::{self, Broken, Leaves, Met};

/// Objects that are read of a catalogue; the largest of an Exchange server have some hundred thousand.
const OBJECTS_MAX: usize = 1_000_000;
/// The tree of `MSysObjects` and that of its shadow.
const TREES: [Tree; 2] = [Tree { root: 4, object: 2 }, Tree { root: 24, object: 3 }];

struct Tree {
    root: u32,
    object: u32,
}

/// Where in the file an entry lies, and what a proof compares.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) record: i64,
    pub(super) hash: RecordHash,
}

impl Place {
    /// Nodes of a page; records are numbered by page and place on it, which is the same however the file is cut.
    const NODES_A_PAGE: i64 = 4_096;

    pub(super) fn of(page_offset: u64, page: u32, node: usize, at: usize, line: &[u8]) -> Self {
        Self {
            offset: page_offset + at as u64,
            record: i64::from(page) * Self::NODES_A_PAGE + i64::try_from(node).unwrap_or_default(),
            hash: record_hash(line),
        }
    }
}

/// An index of a table, for looking up rows.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) root: u32,
    pub(super) is_primary: bool,
    /// Numbers of the columns of its key.
    pub(super) columns: Vec<u16>,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) object: u32,
    pub(super) root: u32,
    /// Root of the tree of its long values.
    pub(super) long_values: Option<u32>,
    pub(super) columns: Vec<Column>,
    pub(super) indexes: Vec<Index>,
    template: String,
    /// The entry that says so.
    pub(super) place: Place,
}

impl Table {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// An index whose key begins with these columns.
    pub(super) fn index_by(&self, names: &[&str]) -> Option<&Index> {
        let ids: Option<Vec<u16>> =
            names.iter().map(|name| self.column(name).map(|column| column.id)).collect();
        let ids = ids?;
        let fits = |index: &&Index| index.columns.get(..ids.len()) == Some(ids.as_slice());
        self.indexes.iter().filter(fits).min_by_key(|index| (!index.is_primary, index.columns.len()))
    }
}

/// What the catalogue gave.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) tables: Vec<Table>,
    /// Where its tree was broken.
    pub(super) broken: Option<Broken>,
    /// Entries that cannot be read, with the place of the first.
    pub(super) bad: u64,
    pub(super) first_bad: u64,
    /// Entries beyond the most that are read.
    pub(super) left_out: u64,
    /// Entries that only the shadow or stray pages had.
    pub(super) recovered: u64,
}

/// What makes an entry unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    table: u32,
    kind: u16,
    id: u32,
}

#[derive(Debug)]
struct Entry {
    name: String,
    /// Kind of a column; else the root of a tree.
    kind_or_root: u32,
    size: u32,
    flags: u32,
    code_page: u32,
    offset: u16,
    template: String,
    default: Option<Box<[u8]>>,
    keys: Vec<u16>,
    place: Place,
}

/// Kinds of entries.
mod entry {
    pub(super) const TABLE: u16 = 1;
    pub(super) const COLUMN: u16 = 2;
    pub(super) const INDEX: u16 = 3;
    pub(super) const LONG_VALUE: u16 = 4;
}

/// Reads the catalogue; pages that it reads are noted in `met`.
pub(super) fn read(pager: &mut Pager, met: &mut Met) -> Catalog {
    let mut catalog = Catalog::default();
    let mut entries = BTreeMap::new();
    let columns = Columns::new();
    let [own, shadow] = &TREES;
    let leaves = tree::leaves(pager, own.root, own.object, met);
    catalog.broken = leaves.broken;
    take_leaves(pager, &leaves, &columns, &mut entries, &mut catalog);
    if catalog.broken.is_some() || catalog.bad > 0 || entries.is_empty() {
        let before = entries.len();
        let leaves = tree::leaves(pager, shadow.root, shadow.object, &mut Met::new(pager.pages()));
        let is_whole = leaves.broken.is_none();
        take_leaves(pager, &leaves, &columns, &mut entries, &mut catalog);
        if !is_whole || entries.is_empty() {
            let stray = stray_leaves(pager, |object| TREES.iter().any(|tree| tree.object == object), met);
            let leaves = Leaves { pages: stray.into_iter().map(|leaf| leaf.page).collect(), broken: None };
            take_leaves(pager, &leaves, &columns, &mut entries, &mut catalog);
        }
        catalog.recovered = (entries.len() - before) as u64;
    }
    catalog.tables = tables_of(entries);
    catalog
}

/// A leaf that no tree leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stray {
    pub(super) object: u32,
    pub(super) page: u32,
}

/// Goes through the whole file for leaves of these trees that were not met.
pub(super) fn stray_leaves(pager: &mut Pager, is_meant: impl Fn(u32) -> bool, met: &mut Met) -> Vec<Stray> {
    let mut page = Page::default();
    let mut found = Vec::new();
    for number in 1..=pager.pages() {
        guard::check();
        if !met.has(number)
            && pager.load(number, &mut page).is_ok()
            && page.holds_rows()
            && is_meant(page.object)
        {
            met.first(number);
            found.push(Stray { object: page.object, page: number });
        }
    }
    found
}

fn take_leaves(
    pager: &mut Pager,
    leaves: &Leaves,
    columns: &Columns,
    entries: &mut BTreeMap<Identity, Entry>,
    catalog: &mut Catalog,
) {
    let mut page = Page::default();
    for &number in &leaves.pages {
        guard::check();
        let offset = pager.offset_of(number);
        if let Err(why) = pager.load(number, &mut page) {
            catalog.broken.get_or_insert(Broken { page: number, why });
            continue;
        }
        for place in 0..page.nodes() {
            let node = page.node(place);
            if node.is_some_and(|node| node.is_deleted) {
                continue;
            }
            let read = node.and_then(|node| {
                let place = Place::of(offset, number, place, node.place, node.line);
                columns.entry(&Record::of(node.data, &page)?, place)
            });
            let Some((identity, entry)) = read else {
                catalog.bad += 1;
                if catalog.bad == 1 {
                    catalog.first_bad = offset;
                }
                continue;
            };
            if entries.len() < OBJECTS_MAX {
                entries.entry(identity).or_insert(entry);
            } else {
                catalog.left_out += 1;
            }
        }
    }
}

/// The catalogue's own columns that are read.
struct Columns {
    table: Column,
    kind: Column,
    id: Column,
    kind_or_root: Column,
    size: Column,
    flags: Column,
    code_page: Column,
    offset: Column,
    name: Column,
    template: Column,
    default: Column,
    keys: Column,
}

impl Columns {
    fn new() -> Self {
        let column = |id: u16, place: usize, size: usize| Column {
            id,
            name: String::new(),
            kind: kind::LONG,
            code_page: 0,
            is_derived: false,
            place,
            size,
            default: None,
        };
        Self {
            table: column(1, 4, 4),
            kind: column(2, 8, 2),
            id: column(3, 10, 4),
            kind_or_root: column(4, 14, 4),
            size: column(5, 18, 4),
            flags: column(6, 22, 4),
            code_page: column(7, 26, 4),
            offset: column(9, 31, 2),
            name: column(128, 0, 0),
            template: column(130, 0, 0),
            default: column(131, 0, 0),
            keys: column(132, 0, 0),
        }
    }

    fn entry(&self, record: &Record<'_>, place: Place) -> Option<(Identity, Entry)> {
        let number = |column| {
            let stored = record.get(column)?;
            let mut wide = [0; 4];
            wide.get_mut(..stored.bytes.len())?.copy_from_slice(stored.bytes);
            Some(u32::from_le_bytes(wide))
        };
        let bytes = |column| record.get(column).map(|stored| stored.bytes);
        let text = |column| {
            bytes(column).map(|bytes| encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0)
        };
        let identity = Identity {
            table: number(&self.table)?,
            kind: u16::try_from(number(&self.kind)?).ok()?,
            id: number(&self.id)?,
        };
        let entry = Entry {
            name: text(&self.name)?.into_owned(),
            kind_or_root: number(&self.kind_or_root)?,
            size: number(&self.size).unwrap_or_default(),
            flags: number(&self.flags).unwrap_or_default(),
            code_page: number(&self.code_page).unwrap_or_default(),
            offset: u16::try_from(number(&self.offset).unwrap_or_default()).unwrap_or_default(),
            template: text(&self.template).unwrap_or_default().into_owned(),
            default: bytes(&self.default).map(Box::from),
            keys: bytes(&self.keys).map(key_columns).unwrap_or_default(),
            place,
        };
        Some((identity, entry))
    }
}

/// Each segment of a key is four bytes: flags, then the column's number.
fn key_columns(segments: &[u8]) -> Vec<u16> {
    let numbers = (0..segments.len() / 4).filter_map(|at| u32_at(segments, at * 4));
    numbers.filter_map(|segment| u16::try_from(segment >> 16).ok()).collect()
}

fn tables_of(entries: BTreeMap<Identity, Entry>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for (identity, entry) in entries {
        if identity.kind == entry::TABLE {
            tables.push(Table {
                name: entry.name,
                object: identity.table,
                root: entry.kind_or_root,
                template: entry.template,
                place: entry.place,
                ..Table::default()
            });
            continue;
        }
        let Some(table) = tables.last_mut().filter(|table| table.object == identity.table) else { continue };
        match identity.kind {
            entry::COLUMN => table.columns.extend(column_of(identity, entry)),
            entry::INDEX => table.indexes.push(Index {
                root: entry.kind_or_root,
                is_primary: entry.flags & PRIMARY != 0,
                columns: entry.keys,
            }),
            entry::LONG_VALUE => table.long_values = Some(entry.kind_or_root),
            _ => {}
        }
    }
    for table in &mut tables {
        lay_out(&mut table.columns, table.object);
    }
    take_over_templates(&mut tables);
    tables
}

/// The flag of an index that is the table itself.
const PRIMARY: u32 = 0x20;
/// The flag of a column whose default is a function.
const DEFAULT_IS_FUNCTION: u32 = 0x80;

fn column_of(identity: Identity, entry: Entry) -> Option<Column> {
    let kind = entry.kind_or_root;
    Some(Column {
        id: u16::try_from(identity.id).ok()?,
        name: entry.name,
        kind,
        code_page: entry.code_page,
        is_derived: false,
        place: usize::from(entry.offset),
        size: Column::size_of(kind).or_else(|| usize::try_from(entry.size).ok())?,
        default: entry.default.filter(|_| entry.flags & DEFAULT_IS_FUNCTION == 0),
    })
}

/// Fixed columns lie one behind the other; the catalogue tells the place of most, not that of its own.
fn lay_out(columns: &mut [Column], object: u32) {
    let is_own = TREES.iter().any(|tree| tree.object == object);
    let mut end = 4;
    for column in columns.iter_mut().filter(|column| column.id <= Column::FIXED_MAX) {
        if is_own || column.place < end {
            column.place = end;
        }
        end = column.place.saturating_add(column.size);
    }
}

/// A table made from a template has the template's columns before its own.
fn take_over_templates(tables: &mut [Table]) {
    if tables.iter().all(|table| table.template.is_empty()) {
        return;
    }
    let mut columns: HashMap<String, Vec<Column>> = HashMap::new();
    for table in tables.iter().filter(|table| table.template.is_empty()) {
        columns.insert(table.name.clone(), table.columns.clone());
    }
    let mut left = OBJECTS_MAX;
    for table in tables.iter_mut().filter(|table| !table.template.is_empty()) {
        let Some(template) = columns.get(&table.template).filter(|template| template.len() <= left) else {
            continue;
        };
        left -= template.len();
        let own = std::mem::take(&mut table.columns);
        table.columns.extend(template.iter().cloned().map(|column| Column { is_derived: true, ..column }));
        table.columns.extend(own);
    }
}
