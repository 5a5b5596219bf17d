//! ESE databases: what Windows keeps in tables (SRUM, user access logging, the directory, BITS, browsing).
//!
//! In: the file, read at random, and files that belong to it. Out: rows of the tables that an investigation asks for, and
//! the number of records of all tables. A database that was not closed is read as it lies; damage costs the page or row that
//! it hit, and where a table's tree is broken its leaves are looked for in the whole file.
//!
//! **What a row's offset and hash stand for**: the line of the node in its leaf page, from the offset that the page's tag
//! gives, for the tag's length: lengths, key and data as stored. Long values, which lie on other pages, are not covered.
//! The record number is the page's number × 4096 + the node's place on it, the same however the file is cut. Memory: the
//! catalogue, four bytes for each leaf, and 4 MB for each thread.
//!
//! Sources: libesedb's description of the format; Microsoft's Extensible Storage Engine (MIT).

mod bits;
mod bytes;
mod catalog;
mod compress;
mod directory;
mod pages;
mod record;
mod sink;
mod srum;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod ual;
mod values;
mod webcache;

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use piste_model::{Issue, guard};

use self::catalog::{Catalog, Place, Table};
use self::pages::{Header, Page, Pager, State};
use self::record::Record;
use self::sink::Sink;
pub(crate) use self::tables::DATASET as TABLES;
use self::tree::{Broken, Met};
use self::values::{Lack, Lacking, Values};
use crate::random_access::{Companion, OpenFile, Opened, ReadAt};
use crate::{Context, Parsed};

/// Bytes of leaves that make one piece, where they become rows.
const PIECE_BYTES: usize = 1 << 20;
/// How much less a leaf weighs whose rows are only counted.
const COUNTED_WEIGHT: usize = 16;
/// Tables with broken trees that are named each.
const TREES_TOLD_MAX: usize = 20;
/// Leaves that are followed from one that the tree does not name.
const UNNAMED_MAX: usize = 64;

/// Whether the first bytes are those of an ESE database.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    bytes::u32_at(head, 4) == Some(0x89ab_cdef)
}

/// An open database.
#[derive(Debug)]
struct Database {
    content: Arc<dyn ReadAt>,
    header: Header,
    catalog: Catalog,
    met: Met,
}

impl Database {
    fn open(content: Arc<dyn ReadAt>) -> io::Result<Self> {
        let header = Header::read(content.as_ref())?;
        let mut pager = Pager::new(Arc::clone(&content), header.page_bytes);
        let mut met = Met::new(pager.pages());
        let catalog = catalog::read(&mut pager, &mut met);
        Ok(Self { content, header, catalog, met })
    }

    fn pager(&self) -> Pager {
        Pager::new(Arc::clone(&self.content), self.header.page_bytes)
    }

    fn table(&self, name: &str) -> Option<&Table> {
        self.catalog.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// Each row of a small table, for what other rows refer to.
    fn each_row(&self, table: &Table, mut take: impl FnMut(&Record<'_>, &mut Values)) {
        let mut values = Values::new(self.pager());
        let mut page = Page::default();
        let mut met = Met::new(values.pager.pages());
        let leaves = tree::leaves(&mut values.pager, table.root, table.object, &mut met);
        for number in leaves.pages {
            guard::check();
            if values.pager.load(number, &mut page).is_err() || !page.is_leaf() || page.object != table.object
            {
                continue;
            }
            for place in 0..page.nodes() {
                let node = page.node(place).filter(|node| !node.is_deleted);
                if let Some(record) = node.and_then(|node| Record::of(node.data, &page)) {
                    take(&record, &mut values);
                }
            }
        }
    }
}

/// Makes rows of the records of one table.
trait Maker {
    /// Makes the rows of one record; its place is set.
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>);
}

/// What kind of database it is, with what its rows refer to.
trait Meaning: Send + Sync + Debug {
    /// How rows of this table are made; none where they are only counted.
    fn maker<'d>(&'d self, database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>>;

    /// Makes a row of the table itself, when all of it was read.
    fn tell_table(&self, _table: &Table, _records: u64, _sink: &mut Sink<'_>) {}

    /// Whether a table is told as a whole, so that one piece must hold all of it.
    fn tells_tables(&self) -> bool {
        false
    }
}

/// The leaves of a table.
#[derive(Debug)]
struct TableLeaves {
    pages: Vec<u32>,
    /// Those from here on were found in the file, not through the tree.
    strays_from: usize,
    is_read: bool,
}

/// Some of a table's leaves.
#[derive(Debug, Clone)]
struct Part {
    table: usize,
    leaves: Range<usize>,
}

#[derive(Debug)]
struct EseFile {
    database: Database,
    meaning: Box<dyn Meaning>,
    leaves: Vec<TableLeaves>,
    pieces: Vec<Vec<Part>>,
}

/// Opens a database: reads its catalogue and the way to all leaves.
///
/// # Errors
/// Where neither of its two heads can be read, or what the medium answers.
pub fn open(content: Arc<dyn ReadAt>, companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let mut database = Database::open(content)?;
    let mut issues = Vec::new();
    tell_state(&database, cx, &mut issues);
    let meaning = meaning_of(&database, companions, cx, &mut issues);
    let leaves = collect_leaves(&mut database, meaning.as_ref(), cx, &mut issues);
    let pieces = cut(&leaves, database.header.page_bytes, meaning.tells_tables());
    Ok(Opened { file: Box::new(EseFile { database, meaning, leaves, pieces }), issues })
}

fn meaning_of(
    database: &Database,
    companions: &[Companion],
    cx: &Context<'_>,
    issues: &mut Vec<Issue>,
) -> Box<dyn Meaning> {
    // A table of this name with this column: others call their tables so too.
    let has = |name, column| database.table(name).is_some_and(|table| table.column(column).is_some());
    if has("SruDbIdMapTable", "IdBlob") {
        Box::new(srum::Srum::read(database))
    } else if has("CLIENTS", "RoleGuid")
        || has("ROLE_ACCESS", "RoleGuid")
        || has("SYSTEM_IDENTITY", "CreationTime")
    {
        Box::new(ual::Ual::read(database, companions, cx))
    } else if has("datatable", "DNT_col") && has("link_table", "link_DNT") {
        Box::new(directory::Directory::of(database, cx, issues))
    } else if has("Jobs", "Blob") && has("Files", "Blob") {
        Box::new(bits::Bits::read(database))
    } else if has("Containers", "ContainerId") {
        Box::new(webcache::WebCache::read(database))
    } else {
        Box::new(tables::Tables::of(database, cx, issues))
    }
}

fn tell_state(database: &Database, cx: &Context<'_>, issues: &mut Vec<Issue>) {
    let mut tell = |slug, what: String, effect: &str, hint: &str| {
        issues.push(Issue::new(slug, cx.path, what, effect, hint).of(cx.evidence));
    };
    if let State::Dirty(state) = database.header.state {
        tell(
            "ese-not-closed",
            format!("the database was not closed (state {state}) and its transaction logs are not replayed"),
            "it was read as it lies: changes that only its logs hold are missing, and a change may be there by half",
            "collect the folder's *.log, *.jrs and *.chk too, run `esentutl /r` over a copy, and give the result",
        );
    }
    if database.header.is_second {
        tell(
            "ese-head-damaged",
            "the first of the two heads of the database is damaged".to_owned(),
            "the second was read; no record is lost by this",
            "compare the file with another copy of it",
        );
    }
    let catalog = &database.catalog;
    if let Some(Broken { page, why }) = catalog.broken {
        tell(
            "ese-catalog-damaged",
            format!(
                "page {page} of the catalogue {}; {} of its entries were found in its shadow or on stray pages",
                why.words(),
                catalog.recovered
            ),
            "tables or columns that the catalogue no longer names are not read",
            "compare the file with another copy of it, or run `esentutl /g` over a copy",
        );
    }
    if catalog.bad + catalog.left_out > 0 {
        tell(
            "ese-catalog-entries",
            format!(
                "{} entries of the catalogue are damaged, the first on the page at byte {}; {} are beyond the most that are read",
                catalog.bad, catalog.first_bad, catalog.left_out
            ),
            "their tables or columns are not read",
            "compare the file with another copy of it",
        );
    }
}

/// Finds the leaves of all tables; what no tree leads to is looked for in the whole file.
fn collect_leaves(
    database: &mut Database,
    meaning: &dyn Meaning,
    cx: &Context<'_>,
    issues: &mut Vec<Issue>,
) -> Vec<TableLeaves> {
    let mut pager = database.pager();
    let mut met = Met::new(pager.pages());
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for (at, table) in database.catalog.tables.iter().enumerate() {
        let leaves = tree::leaves(&mut pager, table.root, table.object, &mut met);
        broken.extend(leaves.broken.map(|broken| (at, broken)));
        let strays_from = leaves.pages.len();
        let is_read = meaning.maker(database, table).is_some();
        found.push(TableLeaves { pages: leaves.pages, strays_from, is_read });
    }
    if !broken.is_empty() {
        let tables = &database.catalog.tables;
        let by_object: HashMap<u32, usize> =
            broken.iter().filter_map(|(at, _)| Some((tables.get(*at)?.object, *at))).collect();
        for stray in catalog::stray_leaves(&mut pager, |object| by_object.contains_key(&object), &mut met) {
            if let Some(table) = by_object.get(&stray.object).and_then(|at| found.get_mut(*at)) {
                table.pages.push(stray.page);
            }
        }
        tell_trees(&database.catalog, &found, &broken, &pager, cx, issues);
    }
    database.met = met;
    found
}

/// Names the tables whose trees are broken; of many the first.
fn tell_trees(
    catalog: &Catalog,
    found: &[TableLeaves],
    broken: &[(usize, Broken)],
    pager: &Pager,
    cx: &Context<'_>,
    issues: &mut Vec<Issue>,
) {
    for (at, Broken { page, why }) in broken.iter().take(TREES_TOLD_MAX) {
        let (Some(table), Some(leaves)) = (catalog.tables.get(*at), found.get(*at)) else { continue };
        let strays = leaves.pages.len() - leaves.strays_from;
        issues.push(
            Issue::new(
                "ese-tree-damaged",
                cx.path,
                format!("the tree of table `{}` is broken: page {page} {}", table.name, why.words()),
                format!("{strays} of its pages were found without it; rows of them are marked `OutsideOfTree` and may be older ones or doubled"),
                "compare the file with another copy of it",
            )
            .of(cx.evidence)
            .at(pager.offset_of(*page)),
        );
    }
    if let Some(more) = broken.len().checked_sub(TREES_TOLD_MAX).filter(|more| *more > 0) {
        issues.push(
            Issue::new(
                "ese-tree-damaged",
                cx.path,
                format!("the trees of {more} further tables are broken"),
                "their pages were looked for in the whole file; those found are marked `OutsideOfTree`",
                "compare the file with another copy of it",
            )
            .of(cx.evidence),
        );
    }
}

/// Cuts the leaves into pieces of about the same work.
fn cut(leaves: &[TableLeaves], page_bytes: usize, whole_tables: bool) -> Vec<Vec<Part>> {
    let room = PIECE_BYTES / page_bytes * COUNTED_WEIGHT;
    let mut pieces = Vec::new();
    let (mut piece, mut weight) = (Vec::new(), 0);
    for (table, leaves) in leaves.iter().enumerate() {
        let each = if leaves.is_read { COUNTED_WEIGHT } else { 1 };
        let mut from = 0;
        while from < leaves.pages.len() || (from == 0 && whole_tables) {
            let most =
                if whole_tables { usize::MAX } else { (room - weight.min(room)).div_ceil(each).max(1) };
            let to = leaves.pages.len().min(from.saturating_add(most));
            piece.push(Part { table, leaves: from..to });
            weight += (to - from) * each + 1;
            if weight >= room {
                pieces.push(std::mem::take(&mut piece));
                weight = 0;
            }
            if to == 0 {
                break;
            }
            from = to;
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

impl OpenFile for EseFile {
    fn pieces(&self) -> usize {
        self.pieces.len()
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let mut sink = Sink::new(cx);
        let mut values = Values::new(self.database.pager());
        let mut begin = None;
        for part in self.pieces.get(piece).into_iter().flatten() {
            let first = self.leaves.get(part.table).and_then(|leaves| leaves.pages.get(part.leaves.start));
            begin = begin.or(first.map(|page| values.pager.offset_of(*page)));
            let records = self.read_part(part, &mut sink, &mut values);
            parsed.records += records;
            if let Some(table) = self.database.catalog.tables.get(part.table) {
                sink.at(table.place, false);
                self.meaning.tell_table(table, records, &mut sink);
            }
        }
        for lacking in std::mem::take(&mut values.lacks) {
            tell_lack(lacking, cx, &mut parsed);
        }
        sink.finish(begin.unwrap_or_default(), &mut parsed);
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let mut pager = self.database.pager();
        let mut page = Page::default();
        let node = pager.page_at(offset).and_then(|number| {
            pager.load(number, &mut page).ok()?;
            page.node_at(usize::try_from(offset - pager.offset_of(number)).ok()?)
        });
        node.map(|node| node.line.to_vec())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no record of the database begins there"))
    }
}

impl EseFile {
    /// Reads some leaves of a table and says how many records they hold.
    fn read_part(&self, part: &Part, sink: &mut Sink<'_>, values: &mut Values) -> u64 {
        let table = self.database.catalog.tables.get(part.table);
        let (Some(table), Some(leaves)) = (table, self.leaves.get(part.table)) else { return 0 };
        let mut maker = self.meaning.maker(&self.database, table);
        let mut page = Page::default();
        let mut records = 0;
        for at in part.leaves.clone() {
            let Some(&number) = leaves.pages.get(at) else { break };
            let is_stray = at >= leaves.strays_from;
            records += read_leaf(table, number, is_stray, &mut maker, &mut page, values, sink);
            // Where a split was cut off, a leaf is named by the one before it alone.
            let expected = leaves.pages.get(at + 1).copied().unwrap_or_default();
            for _ in 0..UNNAMED_MAX {
                let next = page.next;
                let unnamed = next != expected && next != 0 && !is_stray && !self.database.met.has(next);
                let loads = unnamed && values.pager.load(next, &mut page).is_ok();
                if !loads || page.object != table.object || !page.holds_rows() {
                    break;
                }
                records += read_leaf(table, next, true, &mut maker, &mut page, values, sink);
            }
        }
        records
    }
}

fn read_leaf(
    table: &Table,
    number: u32,
    is_stray: bool,
    maker: &mut Option<Box<dyn Maker + '_>>,
    page: &mut Page,
    values: &mut Values,
    sink: &mut Sink<'_>,
) -> u64 {
    guard::check();
    let offset = values.pager.offset_of(number);
    values.at = offset;
    let loaded = values.pager.load(number, page).is_ok();
    if !loaded || !page.is_leaf() || page.object != table.object {
        page.next = 0;
        values.lack(Lack::Leaf);
        return 0;
    }
    if !page.is_whole() {
        values.lack(Lack::Checksum);
    }
    let mut records = 0;
    for place in 0..page.nodes() {
        let Some(node) = page.node(place) else {
            values.at = offset;
            values.lack(Lack::Record);
            continue;
        };
        values.at = offset + node.place as u64;
        if node.is_deleted {
            if maker.is_some() {
                values.lack(Lack::Deleted);
            }
            continue;
        }
        records += 1;
        let Some(maker) = maker.as_deref_mut() else { continue };
        let Some(record) = Record::of(node.data, page) else {
            values.lack(Lack::Record);
            continue;
        };
        if record.has_old_tags() && !page.has_new_records() {
            values.lack(Lack::OldForm);
        }
        sink.at(Place::of(offset, number, place, node.place, node.line), is_stray);
        maker.make(&record, values, sink);
    }
    records
}

/// Names what a piece could not have.
fn tell_lack(lacking: Lacking, cx: &Context<'_>, parsed: &mut Parsed) {
    let Lacking { what, count, first } = lacking;
    let look = "compare the file with another copy of it";
    if what == Lack::Deleted {
        let effect =
            "they are no longer part of the database and are not read; other traces may tell of them";
        let text = format!("{count} rows were deleted and are not cleaned away yet");
        let hint = "look at the page at this offset with a hex viewer";
        parsed
            .issues
            .push(Issue::new("ese-rows-deleted", cx.path, text, effect, hint).of(cx.evidence).at(first));
        return;
    }
    let (slug, text, lost, hint) = match what {
        Lack::Leaf => ("ese-page-damaged", format!("{count} pages of rows cannot be read"), None, look),
        Lack::Record => {
            ("ese-row-damaged", format!("{count} rows have lengths that do not fit"), Some(count), look)
        }
        Lack::Checksum => (
            "ese-checksum-wrong",
            format!("{count} pages have a wrong checksum; they were read all the same"),
            Some(0),
            "take their rows as what the page says now, and compare the file with another copy of it",
        ),
        Lack::LongValue => {
            ("ese-value-missing", format!("{count} long values are missing or incomplete"), Some(0), look)
        }
        Lack::Damaged => ("ese-value-damaged", format!("{count} values cannot be unpacked"), Some(0), look),
        Lack::Cut => (
            "ese-value-too-long",
            format!("{count} values are longer than 4 MB; the rest of them is not read"),
            Some(0),
            "look at the row with another reader of ESE databases",
        ),
        Lack::Form => (
            "ese-value-form",
            format!("{count} values are encrypted or compressed in a form that is not read"),
            Some(0),
            "look at the row with another reader of ESE databases",
        ),
        Lack::OldForm | Lack::Deleted => (
            "ese-rows-of-nt",
            format!("{count} rows have columns in the form of Windows NT, which is not read"),
            Some(0),
            "run `esentutl /d` over a copy, which rewrites them",
        ),
    };
    parsed.damaged(cx, slug, first, lost, text, hint);
}
