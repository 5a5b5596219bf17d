//! Listings in CSV: `MFTECmd`, PowerShell's `Export-Csv`, Velociraptor, DFIR-ORC; and tables of NTFS's change journal and indexes.
//!
//! In: lines, and the column list that stands first (after PowerShell's `#TYPE`). Out: a row a file. A value may go on over
//! lines (a mark of the web's `ZoneIdContents` does): the row is what its first line says, and each further line is a row
//! with the file's name and time, so that nothing is lost and no row depends on where the file is cut.

use std::borrow::Cow;

use piste_model::schema::Role;

use super::facts::{Facts, Meaning};
use super::ntfs_tables::{Placed, Table};
use super::{WORDS, push_row, push_row_in};
use crate::bad_records::BadRecords;
use crate::block::{Block, Line};
use crate::csv::{OPEN_QUOTE, split_at};
use crate::fields::Fields;
use crate::header::{Header, OpenValue};
use crate::rows::Rows;
use crate::{Context, Parsed};

/// Lines that one value may have.
const VALUE_LINES_MAX: u32 = 64;

/// Whether a file that begins so is a listing: it names files and has times of theirs, or hashes with their kind.
pub(crate) fn is_listing(head: &str) -> bool {
    let Some(list) = head.lines().find(|line| !is_remark(line)) else { return false };
    let mut names = Vec::new();
    if split_at(list, delimiter_of(list), &mut names).is_err() || names.len() < 2 {
        return false;
    }
    let table = Table::of(&names);
    if table.is_sure() {
        return true;
    }
    let has = |wanted: Meaning| {
        names.iter().any(|name| table.meaning(name.trim()).is_some_and(|(one, _)| one == wanted))
    };
    let named = has(Meaning::Path) || (has(Meaning::Folder) && has(Meaning::Name));
    let timed = has(Meaning::Created) || has(Meaning::Modified);
    let hashed = has(Meaning::Hash) && has(Meaning::Algorithm) && has(Meaning::Path);
    // Other tools' tables have a path and a last time of something else; these columns are the listing tools' own.
    named && (timed || hashed)
}

fn is_remark(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with("#TYPE ")
}

/// The delimiter of a column list: the one that it has most of.
fn delimiter_of(list: &str) -> char {
    let count = |one: char| list.matches(one).count();
    [';', '\t'].into_iter().fold(',', |best, one| if count(one) > count(best) { one } else { best })
}

/// Columns of the list in force.
struct Columns {
    names: Vec<String>,
    meanings: Vec<Option<(Meaning, bool)>>,
    delimiter: char,
    table: Table,
}

impl Columns {
    fn of(list: &str) -> Result<Self, &'static str> {
        let delimiter = delimiter_of(list);
        let mut names = Vec::new();
        split_at(list, delimiter, &mut names)?;
        let table = Table::of(&names);
        let meanings = names.iter().map(|name| table.meaning(name.trim())).collect();
        let names = names.iter().map(|name| table.column(name.trim()).to_owned()).collect();
        Ok(Self { names, meanings, delimiter, table })
    }
}

/// What a line is.
enum Kind {
    Remark,
    List,
    Row,
    /// A value of the row before goes on.
    Further,
}

/// Takes in one line for the blocks after it.
pub(crate) fn follow(header: &mut Header, line: &str) {
    let quotes = || memchr::memchr_iter(b'"', line.as_bytes()).count();
    if header.fields.is_some() && header.open.is_none() && quotes() % 2 == 0 {
        return; // nearly every line
    }
    let columns = header.fields.as_deref().map(Columns::of);
    see(header, line, columns.as_ref().and_then(|columns| columns.as_ref().ok()), &mut Facts::default());
}

/// Moves the state on over one line and tells what the line is.
fn see(header: &mut Header, line: &str, columns: Option<&Columns>, facts: &mut Facts) -> Kind {
    let Some(list) = header.fields.as_deref() else {
        if is_remark(line) {
            return Kind::Remark;
        }
        header.set_list(line);
        return Kind::List;
    };
    let Some(columns) = columns else { return Kind::Row };
    if line == list {
        header.open = None;
        return Kind::List;
    }
    let odd = memchr::memchr_iter(b'"', line.as_bytes()).count() % 2 == 1;
    if let Some(open) = header.open.as_mut() {
        let mut values = Vec::new();
        let whole =
            split_at(line, columns.delimiter, &mut values).is_ok() && values.len() == columns.names.len();
        open.lines += 1;
        if !whole && open.lines <= VALUE_LINES_MAX {
            if odd {
                header.open = None;
            }
            return Kind::Further;
        }
        header.open = None; // a stray quote: this line is a row
    }
    if is_remark(line) {
        return Kind::Remark;
    }
    if odd {
        let mut values = Vec::new();
        if split_at(line, columns.delimiter, &mut values) == Err(OPEN_QUOTE) {
            take_facts(&values, columns, facts);
            header.open = Some(OpenValue { path: facts.path(), column: values.len(), lines: 1 });
        }
    }
    Kind::Row
}

fn take_facts(values: &[Cow<'_, str>], columns: &Columns, facts: &mut Facts) {
    facts.clear();
    for (value, meaning) in values.iter().zip(&columns.meanings) {
        if let Some((meaning, utc)) = meaning {
            facts.set(*meaning, value.trim(), *utc);
        }
    }
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut header = block.header.as_deref().cloned().unwrap_or_default();
    let mut columns = header.fields.as_deref().and_then(|list| Columns::of(list).ok());
    let mut facts = Facts::written(header.dates.order);
    let mut fields = Fields::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    parsed.note_too_long(cx, block, "line");
    for line in block.lines() {
        let before = header.open.clone();
        match see(&mut header, &line.text, columns.as_ref(), &mut facts) {
            Kind::Remark => {}
            Kind::List => {
                let list = header.fields.as_deref().unwrap_or_default();
                match Columns::of(list) {
                    Ok(list) => columns = Some(list),
                    Err(what) => bad.note(&line, what),
                }
            }
            Kind::Further => {
                let (Some(open), Some(columns)) = (before, columns.as_ref()) else { continue };
                push_further(&line, &open, columns, cx, &mut fields, &mut rows);
                parsed.records += 1;
            }
            Kind::Row => {
                let Some(columns) = columns.as_ref() else {
                    bad.note(&line, "the column list above it cannot be read");
                    continue;
                };
                match read_row(&line, columns, &mut facts, &mut fields) {
                    Ok(()) => {
                        let Placed { dataset, time } = columns.table.place(&mut facts, &mut fields);
                        push_row_in(dataset, &line, time, facts.get(Meaning::Host), &fields, cx, &mut rows);
                        parsed.records += 1;
                    }
                    Err(what) => bad.note(&line, what),
                }
            }
        }
    }
    bad.tell(cx, &mut parsed);
    if block.offset == 0 {
        header.dates.tell(cx, &mut parsed);
    }
    facts.exchanged.tell(cx, header.dates.order, block.offset, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn read_row(
    line: &Line<'_>,
    columns: &Columns,
    facts: &mut Facts,
    fields: &mut Fields,
) -> Result<(), String> {
    let mut values = Vec::with_capacity(columns.names.len());
    let outcome = split_at(&line.text, columns.delimiter, &mut values);
    if outcome == Err(OPEN_QUOTE) {
        // The last value goes on in the next line; what this line has of it is kept.
        if let Some((_, open)) = line.text.rsplit_once('"') {
            values.push(Cow::Borrowed(open));
        }
    } else {
        outcome?;
        if values.len() != columns.names.len() {
            return Err(format!("the header names {} values, it has {}", columns.names.len(), values.len()));
        }
    }
    take_facts(&values, columns, facts);
    if facts.get(Meaning::Path).is_empty() && facts.get(Meaning::Name).is_empty() {
        return Err("it names no file".to_owned());
    }
    fields.clear();
    for (name, value) in columns.names.iter().zip(&values) {
        fields.push(name, &columns.table.value(name, value), Role::Data);
    }
    Ok(())
}

/// A line that goes on with a value: the file, and the value's line under its column's name.
fn push_further(
    line: &Line<'_>,
    open: &OpenValue,
    columns: &Columns,
    cx: &Context<'_>,
    fields: &mut Fields,
    rows: &mut Rows<'_>,
) {
    fields.clear();
    let column = columns.names.get(open.column).map_or("value", String::as_str);
    fields.push(column, line.text.trim_end_matches([',', '"', ';']), Role::Data);
    fields.push("TargetFilename", &open.path, Role::Copy);
    fields.push("continued", "true", Role::Copy);
    push_row(line, None, "", fields, cx, rows);
}
