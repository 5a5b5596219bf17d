//! Tables of events in CSV: `EvtxECmd` as KAPE runs it, `Export-Csv`, Log Analytics, Defender, the audit log, Splunk, Kibana.
//!
//! In: records whose values may go on over lines, and the column list that stands first (after `#TYPE` or `sep=`). Out: a row
//! a record. A value that is empty is absent: a table has a cell for every column. How a date is written is told by the
//! file's own dates; where they leave it open an issue says what was taken.

use std::borrow::Cow;

use piste_model::Issue;
use piste_model::schema::{DATA, MESSAGE, Role};

use super::{Kind, Record, Written, push};
use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Encoding, Line};
use crate::csv::split_at;
use crate::dates::Order;
use crate::fields::Fields;
use crate::records::{self, Length};
use crate::rows::Rows;
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "event-row",
    unit: "line",
    wanted: "record of this table",
    hint: "look at the lines there: sed -n 'LINE,+5p' FILE; the table was perhaps cut or edited after it was made",
};

/// What Log Analytics and Defender put behind a time column's name.
const ZONES: [(&str, bool); 2] = [(" [UTC]", false), (" [Local Time]", true)];

/// The columns of a table.
#[derive(Debug)]
struct Columns {
    names: Vec<String>,
    kind: Kind,
    delimiter: char,
    local: bool,
}

impl Columns {
    fn of(list: &str) -> Result<Self, &'static str> {
        let list = list.trim_start_matches('\u{feff}');
        let delimiter = delimiter_of(list);
        let mut values = Vec::new();
        split_at(list, delimiter, &mut values)?;
        let mut local = false;
        let names: Vec<String> = values
            .iter()
            .map(|name| {
                let name = name.trim();
                let zone = ZONES.iter().find_map(|(end, local)| Some((name.strip_suffix(end)?, *local)));
                local |= zone.is_some_and(|(_, local)| local);
                zone.map_or(name, |(name, _)| name).to_owned()
            })
            .collect();
        let kind = Kind::of(&|name| names.iter().any(|one| one == name));
        Ok(Self { names, kind, delimiter, local })
    }
}

/// The delimiter of a column list: the one that it has most of.
fn delimiter_of(list: &str) -> char {
    let count = |one: char| list.matches(one).count();
    [';', '\t'].into_iter().fold(',', |best, one| if count(one) > count(best) { one } else { best })
}

/// Whether a line stands before the column list and says nothing of it.
pub(crate) fn is_remark(line: &str) -> bool {
    let line = line.trim().trim_start_matches('\u{feff}');
    let separator = line.trim_matches('"').get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep="));
    line.is_empty() || line.starts_with("#TYPE ") || (separator && line.len() <= 8)
}

/// Whether a file that begins so is a table of events.
pub(crate) fn is_table(head: &str) -> bool {
    let Some(list) = head.lines().find(|line| !is_remark(line)) else { return false };
    if list.starts_with(['{', '[', '<']) {
        return false;
    }
    Columns::of(list).is_ok_and(|columns| columns.names.len() > 2 && Kind::is_table(&columns.names))
}

/// The order of day and month that a table's beginning shows; `None` where its dates can be read either way.
pub(crate) fn order_in(head: &str) -> Option<Order> {
    let mut cells = Vec::new();
    let mut guess = None;
    let list = head.lines().find(|line| !is_remark(line)).unwrap_or_default();
    let delimiter = delimiter_of(list);
    let (mut rest, mut whole) = (head, true);
    while !rest.is_empty() {
        let length = if whole { records::length(Encoding::Utf8, rest.as_bytes()) } else { Length::Open };
        let end = if let Length::Record(end) = length {
            end
        } else {
            whole = false;
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        };
        let (record, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        // One whose quotes are wrong gives the cells before the fault.
        let _ = split_at(record.trim_end_matches(['\r', '\n']), delimiter, &mut cells);
        for cell in cells.iter().map(|cell| cell.trim()) {
            match day_place(cell) {
                Some(Place::Sure(order)) => return Some(order),
                Some(Place::Custom(order)) => {
                    guess.get_or_insert(order);
                }
                None => {}
            }
        }
    }
    guess
}

/// What a date says of the order of its parts.
enum Place {
    /// A number over 12 is a day.
    Sure(Order),
    /// A clock of twelve hours behind slashes is American.
    Custom(Order),
}

fn day_place(cell: &str) -> Option<Place> {
    let (date, time) = cell.split_once([' ', ','])?;
    let separator =
        date.chars().find(|letter| !letter.is_ascii_digit()).filter(|one| "/.-".contains(*one))?;
    let parts: Vec<u32> = date.split(separator).map(str::parse).collect::<Result<_, _>>().ok()?;
    if !time.contains(':') {
        return None;
    }
    match parts.as_slice() {
        [13..=31, 1..=12, 1_000..=9_999] => Some(Place::Sure(Order::DayFirst)),
        [1..=12, 13..=31, 1_000..=9_999] => Some(Place::Sure(Order::MonthFirst)),
        [1..=12, 1..=12, 1_000..=9_999] if separator == '.' => Some(Place::Custom(Order::DayFirst)),
        [1..=12, 1..=12, 1_000..=9_999] => {
            let upper = time.trim_end().to_ascii_uppercase();
            (separator == '/' && upper.ends_with('M')).then_some(Place::Custom(Order::MonthFirst))
        }
        _ => None,
    }
}

/// Parses the records of one block.
pub(crate) fn parse_records(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut fields, mut spare) = (Fields::default(), Fields::default());
    let header = block.header.as_deref();
    let mut list = header.and_then(|header| header.fields.clone());
    let mut columns = list.as_deref().and_then(|list| Columns::of(list).ok());
    let order = header.and_then(|header| header.table_order);
    let mut guessed = 0_u64;
    parsed.note_too_long(cx, block, "record");
    for line in block.records() {
        if is_remark(&line.text) {
            continue;
        }
        if list.is_none() {
            columns = Columns::of(&line.text).map_err(|what| bad.note(&line, what)).ok();
            list = Some(line.text.clone().into_owned());
            continue;
        }
        if list.as_deref() == Some(&*line.text) {
            continue; // tables put one after another
        }
        let Some(columns) = columns.as_ref() else {
            bad.note(&line, "the column list above it cannot be read");
            continue;
        };
        let outcome = read_row(&line, columns, &mut fields).and_then(|()| {
            let written = Written { order: order.unwrap_or_default(), local: columns.local };
            let record = Record { line: &line, kind: columns.kind, written, path: cx.path };
            guessed += u64::from(order.is_none() && fields.iter().any(|(_, value, _)| is_open(value)));
            push(&record, &mut fields, &mut spare, cx, &mut rows)
        });
        match outcome {
            Ok(()) => parsed.records += 1,
            Err(what) => bad.note(&line, what),
        }
    }
    tell_guessed(guessed, block, cx, &mut parsed);
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Whether a value is a date that reads either way.
fn is_open(value: &str) -> bool {
    value.len() <= 30
        && value.starts_with(|letter: char| letter.is_ascii_digit())
        && value.contains(':')
        && value.split_once([' ', ',']).is_some_and(|(date, _)| {
            let parts: Vec<Option<u32>> = date.split(['/', '-']).map(|part| part.parse().ok()).collect();
            matches!(parts.as_slice(), [Some(1..=12), Some(1..=12), Some(1_000..)])
        })
}

fn tell_guessed(rows: u64, block: &Block, cx: &Context<'_>, parsed: &mut Parsed) {
    if rows == 0 {
        return;
    }
    let issue = Issue::new(
        "date-order-unknown",
        cx.path,
        format!(
            "{rows} rows have dates that read as day and month or as month and day; the file does not tell which"
        ),
        "the day was taken to stand first: their times may be off by months",
        "ask where it was exported, or export it again with times such as 2021-03-04T05:12:31Z",
    );
    parsed.issues.push(issue.of(cx.evidence).at(block.offset));
}

fn read_row(line: &Line<'_>, columns: &Columns, fields: &mut Fields) -> Result<(), String> {
    let mut values: Vec<Cow<'_, str>> = Vec::with_capacity(columns.names.len());
    split_at(&line.text, columns.delimiter, &mut values)?;
    if values.len() != columns.names.len() {
        return Err(format!("the header names {} values, it has {}", columns.names.len(), values.len()));
    }
    fields.clear();
    for (name, value) in columns.names.iter().zip(&values).filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            DATA => fields.push_data(value),
            MESSAGE => fields.push(name, value, Role::Message),
            "" => fields.push("unnamed", value, Role::Data),
            name => fields.push(name, value, Role::Data),
        };
    }
    Ok(())
}
