//! Names and links of the directory's objects, looked up by their numbers.
//!
//! In: an object's number (DNT). Out: its distinguished name, from its own name and that of each parent; the groups that it
//! is a member of. Both go down the trees of the tables, so that no list of all objects is kept; some thousand names are.
//!
//! Source: ESE's keys (a `Long` is the byte 7f and the number with its sign turned, highest byte first); the indexes that
//! the catalogue names.

use std::collections::HashMap;

use super::super::catalog::{Index, Table};
use super::super::pages::Page;
use super::super::record::{Column, Record, kind};
use super::super::tree;
use super::super::values::{Values, number, push_text};
use super::attributes::name_kind;

/// Names that one thread keeps.
const NAMES_KEPT: usize = 20_000;
/// Parents that a name may have.
const DEPTH_MAX: usize = 64;
/// Links of one object that are gone through.
const LINKS_MAX: usize = 20_000;
/// The object at the top has no part in a name.
const ROOT: i64 = 2;

/// The number of a row's column.
pub(super) fn number_of(record: &Record<'_>, column: Option<&Column>) -> Option<i64> {
    let column = column?;
    number(column, record.get(column)?.bytes)
}

/// A number as an index's key has it.
fn push_key(column: &Column, value: i64, out: &mut Vec<u8>) {
    let low = u32::try_from(value & 0xffff_ffff).unwrap_or_default();
    let turned = if column.kind == kind::UNSIGNED_LONG { low } else { low ^ 0x8000_0000 };
    out.push(0x7f);
    out.extend_from_slice(&turned.to_be_bytes());
}

/// What the directory's objects are called.
pub(super) struct Names<'d> {
    table: &'d Table,
    number: Option<&'d Column>,
    parent: Option<&'d Column>,
    name: Option<&'d Column>,
    kind: Option<&'d Column>,
    known: HashMap<i64, String>,
    page: Page,
    value: Vec<u8>,
}

/// An object's own part of its name, and where it hangs.
struct Part {
    own: String,
    parent: i64,
}

impl<'d> Names<'d> {
    pub(super) fn of(table: &'d Table) -> Self {
        Self {
            table,
            number: table.column("DNT_col"),
            parent: table.column("PDNT_col"),
            name: table.column("ATTm589825"),
            kind: table.column("RDNtyp_col"),
            known: HashMap::new(),
            page: Page::default(),
            value: Vec::new(),
        }
    }

    /// Whether objects can be looked up by their number.
    pub(super) fn can_look_up(table: &Table) -> bool {
        table.index_by(&["DNT_col"]).is_some_and(|index| index.is_primary)
    }

    /// The number of the object that a row is.
    pub(super) fn number(&self, record: &Record<'_>) -> Option<i64> {
        number_of(record, self.number)
    }

    /// The whole name of the object that a row is; none where a parent is missing.
    pub(super) fn of_row(&mut self, record: &Record<'_>, values: &mut Values) -> Option<String> {
        let part = self.part(record, values)?;
        self.whole(part, values)
    }

    /// The whole name of the object of this number.
    pub(super) fn of_number(&mut self, number: i64, values: &mut Values) -> Option<String> {
        if let Some(name) = self.known.get(&number) {
            return Some(name.clone());
        }
        let part = self.look_up(number, values)?;
        let name = self.whole(part, values)?;
        self.keep(number, &name);
        Some(name)
    }

    fn keep(&mut self, number: i64, name: &str) {
        if self.known.len() >= NAMES_KEPT {
            self.known.clear();
        }
        self.known.insert(number, name.to_owned());
    }

    fn whole(&mut self, part: Part, values: &mut Values) -> Option<String> {
        let (mut name, mut parent) = (part.own, part.parent);
        let mut passed = Vec::new();
        for _ in 0..DEPTH_MAX {
            if parent <= ROOT {
                return Some(self.keep_passed(name, &passed));
            }
            if let Some(known) = self.known.get(&parent) {
                name.push(',');
                name.push_str(known);
                return Some(self.keep_passed(name, &passed));
            }
            let above = self.look_up(parent, values)?;
            name.push(',');
            passed.push((parent, name.len()));
            name.push_str(&above.own);
            parent = above.parent;
        }
        None
    }

    fn keep_passed(&mut self, name: String, passed: &[(i64, usize)]) -> String {
        for (number, from) in passed {
            if let Some(rest) = name.get(*from..) {
                self.keep(*number, rest);
            }
        }
        name
    }

    fn look_up(&mut self, number: i64, values: &mut Values) -> Option<Part> {
        let mut key = Vec::new();
        push_key(self.number?, number, &mut key);
        let mut page = std::mem::take(&mut self.page);
        let part = tree::seek(&mut values.pager, &mut page, self.table.root, &key).and_then(|place| {
            let node = page.node(place).filter(|node| node.compare(&key).is_eq() && !node.is_deleted)?;
            self.part(&Record::of(node.data, &page)?, values)
        });
        self.page = page;
        part
    }

    fn part(&mut self, record: &Record<'_>, values: &mut Values) -> Option<Part> {
        let parent = number_of(record, self.parent)?;
        let name = self.name?;
        let mut text = String::new();
        let has = values.one(self.table, record.get(name)?, &mut self.value);
        push_text(name, has.then_some(&self.value)?, &mut text);
        let mut own = String::with_capacity(text.len() + 4);
        own.push_str(name_kind(number_of(record, self.kind).unwrap_or_default()));
        own.push('=');
        for letter in text.chars() {
            match letter {
                ',' | '+' | '"' | '\\' | '<' | '>' | ';' => own.extend(['\\', letter]),
                // The names of deleted objects have a line's end in them.
                '\n' => own.push_str("\\0A"),
                letter => own.push(letter),
            }
        }
        Some(Part { own, parent })
    }
}

/// Links between objects.
pub(super) struct Links<'d> {
    table: &'d Table,
    link: &'d Column,
    backlink: &'d Column,
    base: &'d Column,
    gone: [Option<&'d Column>; 2],
    page: Page,
    row: Page,
}

impl<'d> Links<'d> {
    pub(super) fn of(table: &'d Table) -> Option<Self> {
        Some(Self {
            table,
            link: table.column("link_DNT")?,
            backlink: table.column("backlink_DNT")?,
            base: table.column("link_base")?,
            gone: [table.column("link_deltime"), table.column("link_deactivetime")],
            page: Page::default(),
            row: Page::default(),
        })
    }

    /// Objects that name this one by links of this kind, as a group does its members.
    pub(super) fn to(&mut self, number: i64, base: i64, values: &mut Values) -> Vec<i64> {
        let mut found = Vec::new();
        if let Some(index) = self.table.index_by(&["backlink_DNT", "link_base", "link_DNT"]) {
            self.each(index, [(self.backlink, number), (self.base, base)], values, |record, links| {
                found.extend(number_of(record, Some(links.link)));
            });
        }
        found
    }

    /// Whether this object has a link of this kind.
    pub(super) fn has_from(&mut self, number: i64, base: i64, values: &mut Values) -> bool {
        let mut found = false;
        if let Some(index) = self.table.index_by(&["link_DNT", "link_base"]) {
            self.each(index, [(self.link, number), (self.base, base)], values, |_, _| found = true);
        }
        found
    }

    /// Each link, of those that are there still, whose index begins with these numbers.
    fn each(
        &mut self,
        index: &Index,
        numbers: [(&Column, i64); 2],
        values: &mut Values,
        mut take: impl FnMut(&Record<'_>, &Self),
    ) {
        let mut key = Vec::new();
        for (column, value) in numbers {
            push_key(column, value, &mut key);
        }
        let (mut page, mut row) = (std::mem::take(&mut self.page), std::mem::take(&mut self.row));
        let mut node_key = Vec::new();
        let mut place = tree::seek(&mut values.pager, &mut page, index.root, &key);
        for _ in 0..LINKS_MAX {
            let Some(at) = place.as_mut() else { break };
            let Some(node) = page.node(*at) else { break };
            node.key_into(&mut node_key);
            if !node_key.starts_with(&key) {
                break;
            }
            if !node.is_deleted {
                // An index leads to the key of the row; the first one is the rows themselves.
                let record = if index.is_primary {
                    Record::of(node.data, &page)
                } else {
                    let found = tree::seek(&mut values.pager, &mut row, self.table.root, node.data);
                    let of_key =
                        found.and_then(|at| row.node(at)).filter(|found| found.compare(node.data).is_eq());
                    of_key.filter(|found| !found.is_deleted).and_then(|found| Record::of(found.data, &row))
                };
                if let Some(record) = record.filter(|record| !self.is_gone(record)) {
                    take(&record, self);
                }
            }
            if !tree::step(&mut values.pager, &mut page, at) {
                break;
            }
        }
        (self.page, self.row) = (page, row);
    }

    fn is_gone(&self, record: &Record<'_>) -> bool {
        self.gone.iter().any(|column| number_of(record, *column).is_some_and(|time| time != 0))
    }
}
