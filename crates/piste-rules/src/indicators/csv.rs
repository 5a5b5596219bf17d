//! Columns: what feeds and spreadsheets export.
//!
//! In: text with commas, semicolons, tabs or bars. Out: the values with their type, TLP, dates and words. The header's names
//! say which column is what; several columns may hold values (`md5`, `sha256`, `ip`). Without a header the first cell of a
//! line that is a value counts. A remark may be the header, as in the feeds of abuse.ch. Of MISP's own export only what it
//! means for detection (`to_ids`) is taken, and composite types (`ip-dst|port`) are read as in its JSON.

use std::borrow::Cow;
use std::sync::Arc;

use super::Kind;
use super::about::{About, Tlp, moment};
use super::kind::Hint;
use super::misp;
use super::sink::{Fault, Place, Sink};
use super::value;

/// Lines that one quoted field may reach over, and bytes of them.
const FIELD_LINES_MAX: usize = 50;
const FIELD_BYTES_MAX: usize = 65_536;
/// Lines in which a header is looked for.
const HEADER_LINES_MAX: usize = 100;
/// Columns that are read.
const COLUMNS_MAX: usize = 256;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Values whose type another column tells.
    Value,
    /// Values of the type that its own name tells.
    Typed(Hint),
    Type,
    /// A broad word; the type only where no other column tells it.
    Category,
    Tlp,
    /// Several tags, one of which may be the marking.
    Tags,
    /// Whether the source means the value for detection.
    ToIds,
    From,
    Until,
    Confidence,
    Text,
    Id,
    Other,
}

fn column(name: &str) -> Column {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "indicator" | "value" | "ioc" | "indicatorvalue" | "iocvalue" | "observable" | "observablevalue"
        | "pattern" | "attributevalue" | "artifact" | "iocs" | "indicators" => Column::Value,
        "type" | "indicatortype" | "ioctype" | "kind" | "observabletype" | "datatype" | "attributetype" => {
            Column::Type
        }
        "category" | "attributecategory" => Column::Category,
        "toids" | "ids" | "idsflag" => Column::ToIds,
        "attributetag" | "attributetags" | "eventtag" | "eventtags" | "tag" | "tags" => Column::Tags,
        "tlp" | "marking" | "sharing" | "classification" => Column::Tlp,
        "validfrom" | "firstseen" | "firstseenutc" | "date" | "created" | "dateadded" | "start" => {
            Column::From
        }
        "validuntil" | "expires" | "expiration" | "expirationdate" | "end" | "validto" => Column::Until,
        "confidence" | "confidencelevel" | "score" => Column::Confidence,
        "description" | "comment" | "comments" | "note" | "notes" | "context" | "malware"
        | "malwareprintable" | "threat" | "title" | "info" => Column::Text,
        "id" | "uuid" | "iocid" | "stixid" => Column::Id,
        "name" | "file" | "link" | "reference" | "source" | "host" | "other" | "unknown" | "" => {
            Column::Other
        }
        _ => match Hint::of(&plain) {
            Hint::Not | Hint::Any => Column::Other,
            hint => Column::Typed(hint),
        },
    }
}

/// Columns of a header; `None` where the cells name no column that holds values.
fn header(cells: &[Cow<'_, str>]) -> Option<Vec<Column>> {
    let mut columns: Vec<Column> = cells.iter().take(COLUMNS_MAX).map(|cell| column(cell)).collect();
    let typed = columns.contains(&Column::Type);
    let misp = columns.contains(&Column::ToIds);
    for (column, cell) in columns.iter_mut().zip(cells) {
        match column {
            Column::Category if typed => *column = Column::Other,
            Column::Category => *column = Column::Type,
            // MISP's `date` is when the attribute was last changed.
            Column::From if misp && cell.trim().eq_ignore_ascii_case("date") => *column = Column::Other,
            _ => {}
        }
    }
    let named = columns.iter().any(|one| matches!(one, Column::Value | Column::Typed(_)));
    // A header says names, not values.
    let values = cells.iter().any(|cell| value::read(cell, Hint::Any).is_ok());
    (named && !values).then_some(columns)
}

/// Whether one of the first lines is a header of several columns, or of one with a telling name.
pub(super) fn has_header(text: &str) -> bool {
    first_header(text).is_some()
}

fn first_header(text: &str) -> Option<(usize, char, Vec<Column>)> {
    for (at, line) in text.lines().enumerate().take(HEADER_LINES_MAX) {
        let remark = line.trim_start().starts_with('#');
        let line = line.trim_start_matches(['#', ' ']).trim_end();
        if line.is_empty() || is_separator(line) {
            continue;
        }
        let delimiter = delimiter_of(line).unwrap_or(',');
        if let Some(columns) = header(&cells(line, delimiter)).filter(|columns| !remark || columns.len() > 1)
        {
            return Some((at, delimiter, columns));
        }
        if !remark {
            return None;
        }
    }
    None
}

/// What spreadsheets write before the table to say what divides it: `sep=;`.
fn is_separator(line: &str) -> bool {
    let line = line.trim().trim_start_matches('\u{feff}').trim_matches('"');
    line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep=")) && line.len() <= 5
}

/// Names of columns of which none is known: words, several, and no value among them.
fn is_unknown_header(cells: &[Cow<'_, str>]) -> bool {
    let word = |cell: &Cow<'_, str>| {
        let letters = |sign: char| sign.is_alphanumeric() || " _-#/()".contains(sign);
        cell.starts_with(char::is_alphabetic) && cell.chars().all(letters)
    };
    cells.len() > 1 && cells.iter().all(word)
}

/// The character that divides most.
pub(super) fn delimiter_of(line: &str) -> Option<char> {
    let counted = [',', ';', '\t', '|'].map(|one| (line.matches(one).count(), one));
    let most = counted.iter().map(|(count, _)| *count).max().filter(|most| *most > 0)?;
    counted.iter().find(|(count, _)| *count == most).map(|(_, one)| *one)
}

/// Reads a table.
pub(super) fn read(text: &str, sink: &mut Sink) {
    let found = first_header(text);
    let delimiter = found
        .as_ref()
        .map_or_else(|| text.lines().find_map(delimiter_of).unwrap_or(','), |(_, delimiter, _)| *delimiter);
    let columns = found.as_ref().map(|(_, _, columns)| columns.as_slice());
    let skipped = found.as_ref().map_or(0, |(at, _, _)| at + 1);
    let mut last = Arc::new(About::default());
    let mut first = true;
    let mut misp_columns = None;
    for (line, record) in Records::new(text, skipped) {
        if record.trim().is_empty() || record.trim_start().starts_with('#') || is_separator(&record) {
            continue;
        }
        let cells = cells(&record, delimiter);
        if std::mem::take(&mut first) && columns.is_none() {
            if is_unknown_header(&cells) {
                continue;
            }
            misp_columns = misp_without_header(&cells);
        }
        match columns.or(misp_columns) {
            Some(columns) => row(&cells, columns, line, &mut last, sink),
            None => headless(&cells, line, sink),
        }
    }
}

/// Columns of MISP's export where it was made without a header, with and without the category.
fn misp_without_header(cells: &[Cow<'_, str>]) -> Option<&'static [Column]> {
    use Column::{Id, Other, Text, ToIds, Type, Value};
    const ALL: [Column; 7] = [Id, Other, Other, Type, Value, Text, ToIds];
    const NO_CATEGORY: [Column; 6] = [Id, Other, Type, Value, Text, ToIds];
    let uuid = cells.first().is_some_and(|cell| {
        let groups: Vec<usize> = cell.split('-').map(str::len).collect();
        groups == [8, 4, 4, 4, 12] && cell.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    });
    let flag = |at: usize| cells.get(at).is_some_and(|cell| matches!(cell.trim(), "0" | "1"));
    let typed = |at: usize| {
        let kind = cells.get(at).map(|cell| cell.split('|').next().unwrap_or_default().trim());
        kind.is_some_and(|kind| !kind.is_empty() && !kind.contains(' '))
    };
    match () {
        () if uuid && typed(3) && flag(6) => Some(&ALL),
        () if uuid && typed(2) && flag(5) => Some(&NO_CATEGORY),
        () => None,
    }
}

fn headless(cells: &[Cow<'_, str>], line: u32, sink: &mut Sink) {
    let about = About { tlp: cells.iter().find_map(|cell| Tlp::parse(cell)), ..About::default() };
    let place = Place { line, id: None, about: Arc::new(about) };
    match cells.iter().find_map(|cell| value::read(cell, Hint::Any).ok()) {
        Some(value) => sink.add(value, &place),
        None => {
            sink.fault(Fault::NotUnderstood, &place, "no cell of the line is a value; give a header line");
        }
    }
}

fn row(cells: &[Cow<'_, str>], columns: &[Column], line: u32, last: &mut Arc<About>, sink: &mut Sink) {
    let of = |wanted: Column| {
        columns.iter().zip(cells).find(|(column, _)| **column == wanted).map(|(_, cell)| cell.trim())
    };
    let date = |wanted| of(wanted).filter(|text| !text.is_empty()).and_then(moment);
    let lost = not_read(&of);
    let mut about = About {
        tlp: of(Column::Tlp).and_then(Tlp::parse).or_else(|| tagged(columns, cells)),
        valid_from: date(Column::From),
        valid_until: date(Column::Until),
        confidence: of(Column::Confidence).and_then(confidence),
        text: None,
    };
    about.say(of(Column::Text).unwrap_or_default());
    if **last != about {
        *last = Arc::new(about);
    }
    let place = Place { line, id: of(Column::Id).filter(|id| !id.is_empty()), about: Arc::clone(last) };
    let kind = of(Column::Type).unwrap_or_default();
    if of(Column::ToIds).is_some_and(|flag| !flag.is_empty() && !misp::yes(flag)) {
        return misp::not_meant(kind, of(Column::Value).unwrap_or_default(), &place, sink);
    }
    for what in lost {
        sink.remark(&place, &what);
    }
    // A name beside a hash only says what the file was called.
    let hashed = columns
        .iter()
        .zip(cells)
        .any(|(column, cell)| *column == Column::Typed(Hint::Is(Kind::FileHash)) && !cell.trim().is_empty());
    let mut seen = false;
    for (column, cell) in columns.iter().zip(cells) {
        let cell = cell.trim();
        let hint = match column {
            Column::Value => of(Column::Type).map_or(Hint::Any, Hint::of),
            Column::Typed(Hint::Is(Kind::FileName)) if hashed => continue,
            Column::Typed(hint) => *hint,
            _ => continue,
        };
        if !matches!(cell, "" | "-" | "n/a" | "N/A" | "null" | "None") {
            seen = true;
            if *column == Column::Value && kind.contains('|') && cell.contains('|') {
                misp::one(kind, cell, &place, sink);
            } else {
                sink.value(cell, hint, &place);
            }
        }
    }
    if !seen {
        sink.fault(Fault::NotUnderstood, &place, "the line has nothing in the columns that hold values");
    }
}

/// The strictest marking among a row's tags.
fn tagged(columns: &[Column], cells: &[Cow<'_, str>]) -> Option<Tlp> {
    let tags = columns.iter().zip(cells).filter(|(column, _)| **column == Column::Tags);
    let words = tags.flat_map(|(_, cell)| cell.split([',', ';', ' ']));
    words
        .filter(|word| word.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("tlp:")))
        .filter_map(Tlp::parse)
        .max()
}

/// Dates and markings of a row that are none.
fn not_read<'c>(of: &dyn Fn(Column) -> Option<&'c str>) -> Vec<String> {
    let given =
        |column| of(column).filter(|text| !matches!(*text, "" | "-" | "n/a" | "N/A" | "null" | "None"));
    let mut lost = Vec::new();
    for column in [Column::From, Column::Until] {
        if let Some(text) = given(column).filter(|text| moment(text).is_none()) {
            lost.push(format!("`{}` is not read as a date", text.chars().take(40).collect::<String>()));
        }
    }
    if let Some(text) = given(Column::Tlp).filter(|text| Tlp::parse(text).is_none()) {
        lost.push(format!("`{}` is no marking of TLP", text.chars().take(40).collect::<String>()));
    }
    lost
}

/// 0 to 100, or a word for it.
fn confidence(text: &str) -> Option<u8> {
    match text.trim_end_matches('%').trim().to_ascii_lowercase().as_str() {
        "high" => Some(85),
        "medium" | "moderate" => Some(50),
        "low" => Some(15),
        number => number.parse().ok().filter(|value| *value <= 100),
    }
}

/// The cells of a record, quotes taken off.
pub(super) fn cells(record: &str, delimiter: char) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = record;
    loop {
        let trimmed = rest.trim_start_matches(' ');
        let (cell, after) = match trimmed.strip_prefix('"').and_then(quoted) {
            Some((cell, after)) => {
                let end = after.find(delimiter);
                (cell, end.and_then(|end| after.get(end + delimiter.len_utf8()..)))
            }
            None => match rest.split_once(delimiter) {
                Some((cell, after)) => (Cow::Borrowed(cell.trim()), Some(after)),
                None => (Cow::Borrowed(rest.trim()), None),
            },
        };
        cells.push(cell);
        match after {
            Some(after) if cells.len() < COLUMNS_MAX => rest = after,
            _ => return cells,
        }
    }
}

/// What stands before the closing quote, and after it.
fn quoted(rest: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let at = from + rest.get(from..)?.find('"')?;
        if rest.get(at + 1..)?.starts_with('"') {
            from = at + 2;
            continue;
        }
        let inner = rest.get(..at)?;
        let cell = if inner.contains("\"\"") {
            Cow::Owned(inner.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(inner)
        };
        return Some((cell, rest.get(at + 1..)?));
    }
}

/// Lines, or several where a quoted field reaches over them, with the number of the first.
struct Records<'t> {
    lines: std::iter::Enumerate<std::str::Lines<'t>>,
}

impl<'t> Records<'t> {
    fn new(text: &'t str, skipped: usize) -> Self {
        let mut lines = text.lines().enumerate();
        if let Some(last) = skipped.checked_sub(1) {
            lines.nth(last);
        }
        Self { lines }
    }
}

impl<'t> Iterator for Records<'t> {
    type Item = (u32, Cow<'t, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (at, first) = self.lines.next()?;
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let odd = |text: &str| text.matches('"').count() % 2 == 1;
        if !odd(first) {
            return Some((line, Cow::Borrowed(first)));
        }
        let mut ahead = self.lines.clone();
        let mut record = first.to_owned();
        for _ in 0..FIELD_LINES_MAX {
            let Some((_, more)) = ahead.next() else { break };
            record.push(' ');
            record.push_str(more);
            if record.len() > FIELD_BYTES_MAX {
                break;
            }
            if odd(more) {
                self.lines = ahead;
                return Some((line, Cow::Owned(record)));
            }
        }
        Some((line, Cow::Borrowed(first))) // the quote was no quote
    }
}
