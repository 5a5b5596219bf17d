//! Exchange's text logs to rows: `HttpProxy`, the control panel's server log, message tracking and their like.
//!
//! In: the lines of one block and the column list in force before it, from either header layout. Out: one row a line, its
//! columns by name, since their set differs by version. The ECP log's `EventData` stays, and its items become columns
//! beside it. All times are UTC.

mod csv;
mod datasets;
mod event_data;

use std::borrow::Cow;

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::fields::Fields;
use crate::header::{Header, LineKind, TIME_COLUMNS};
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "exchange-line",
    unit: "line",
    wanted: "Exchange row",
    hint: "look at the line: sed -n LINEp FILE; ask whether the log was edited or copied while being written",
};

/// Columns that name the server, the surest first.
const HOST_COLUMNS: [&str; 4] = ["ServerHostName", "ServerName", "server-hostname", "Server"];

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut header = block.header.as_deref().cloned().unwrap_or_default();
    let mut columns = Columns::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim_end_matches('\0');
        if text.trim().is_empty() || header.see(text) != LineKind::Row {
            continue;
        }
        match read_row(&line, text, &header, &mut columns, &mut fields) {
            Ok(()) => {
                parsed.records += 1;
                push_row(&line, &header, &columns, &fields, cx, &mut rows);
            }
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Columns of the list in force.
#[derive(Default)]
struct Columns {
    /// The list and the log type as written, to see when they change.
    list: Option<(String, Option<String>)>,
    names: Vec<String>,
    dataset: &'static str,
}

impl Columns {
    fn follow(&mut self, list: &str, log_type: Option<&str>) -> Result<(), &'static str> {
        if self.list.as_ref().is_some_and(|(known, of)| known == list && of.as_deref() == log_type) {
            return Ok(());
        }
        let mut names = Vec::new();
        csv::split(list, &mut names)?;
        // Exchange 2013 left a column's name empty.
        let filled = names.iter().enumerate().map(|(at, name)| match name.trim() {
            "" => format!("column-{}", at + 1),
            name => name.to_owned(),
        });
        self.names = filled.collect();
        self.dataset = datasets::dataset_of(log_type, &self.names);
        self.list = Some((list.to_owned(), log_type.map(str::to_owned)));
        Ok(())
    }
}

fn read_row(
    line: &Line<'_>,
    text: &str,
    header: &Header,
    columns: &mut Columns,
    fields: &mut Fields,
) -> Result<(), String> {
    let list = header
        .fields
        .as_deref()
        .ok_or_else(|| format!("no column list stands before line {}", line.number))?;
    columns.follow(list, header.log_type.as_deref())?;
    let mut values: Vec<Cow<'_, str>> = Vec::with_capacity(columns.names.len());
    csv::split(text, &mut values)?;
    if values.len() != columns.names.len() {
        return Err(format!("the header names {} values, it has {}", columns.names.len(), values.len()));
    }
    fields.clear();
    for (name, value) in columns.names.iter().zip(&values) {
        let role = if TIME_COLUMNS.contains(&name.as_str()) { Role::System } else { Role::Data };
        fields.push(name, value, role);
    }
    if matches!(columns.dataset, "exchange.ecp-server" | "exchange.ecp-activity") {
        let at = columns.names.iter().position(|name| name == "EventData");
        if let Some(data) = at.and_then(|at| values.get(at)) {
            for (name, value) in event_data::items(data) {
                fields.push(&name, &value, Role::Data);
            }
        }
    }
    Ok(())
}

fn push_row(
    line: &Line<'_>,
    header: &Header,
    columns: &Columns,
    fields: &Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    let column = TIME_COLUMNS.iter().find(|name| columns.names.iter().any(|column| column == *name));
    let time = match column {
        Some(column) => fields.get(column).and_then(Instant::parse).map(|time| (time, *column)),
        None => header.date.map(|date| (date, "#Date of the header above it")),
    };
    // Only what the header names: an item of EventData was perhaps written by the intruder.
    let own = HOST_COLUMNS.iter().filter(|name| columns.names.iter().any(|column| column == *name));
    let host = own.filter_map(|name| fields.get(name)).find(|host| !host.is_empty());
    let head = Head {
        dataset: Some(columns.dataset),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(host.unwrap_or_default()),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
}

#[cfg(test)]
mod tests;
