//! Exchange's text logs to rows: `HttpProxy`, the control panel's server log, message tracking and their like.
//!
//! In: the lines of one block and the column list in force before it, from either header layout. Out: one row a line, its
//! columns by name, since their set differs by version. The ECP log's `EventData` and the audit log's `Data` stay, and
//! their items become columns beside them. All times are UTC, save where a row is written in a country's own form.
//!
//! `event_time` is when the row was written, which for requests is their end; where the row tells their begin, it is in
//! `event.start`, as ECS calls it.

mod audit;
mod datasets;
mod event_data;
pub(crate) mod setup;

use std::borrow::Cow;

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::dates::{Exchanged, Order, Shown};
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
    let mut exchanged = Exchanged::default();
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim_end_matches('\0');
        if text.trim().is_empty() || header.see(text) != LineKind::Row {
            continue;
        }
        match read_row(&line, text, &header, cx.path, &mut columns, &mut fields) {
            Ok(()) => {
                parsed.records += 1;
                let time = time_of(&header, &columns, &fields, &mut exchanged);
                push_row(&line, time, &columns, &fields, cx, &mut rows);
            }
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    if block.offset == 0 {
        header.dates.tell(cx, &mut parsed);
    }
    exchanged.tell(cx, header.dates.order, block.offset, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// The order of day and month that the first column of a log's beginning shows; nearly all write years first.
pub(crate) fn order_in(head: &str) -> Shown {
    let cells = head.lines().map(|line| line.split(',').next().unwrap_or_default().trim_matches('"'));
    Order::shown_by(cells.filter(|cell| cell.starts_with(|letter: char| letter.is_ascii_digit())))
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
    fn follow(&mut self, list: &str, log_type: Option<&str>, path: &str) -> Result<(), &'static str> {
        if self.list.as_ref().is_some_and(|(known, of)| known == list && of.as_deref() == log_type) {
            return Ok(());
        }
        let mut names = Vec::new();
        crate::csv::split(list, &mut names)?;
        // Exchange 2013 left a column's name empty.
        let filled = names.iter().enumerate().map(|(at, name)| match name.trim() {
            "" => format!("column-{}", at + 1),
            name => name.to_owned(),
        });
        self.names = filled.collect();
        self.dataset = datasets::dataset_of(log_type, &self.names, path);
        self.list = Some((list.to_owned(), log_type.map(str::to_owned)));
        Ok(())
    }
}

fn read_row(
    line: &Line<'_>,
    text: &str,
    header: &Header,
    path: &str,
    columns: &mut Columns,
    fields: &mut Fields,
) -> Result<(), String> {
    let log_type = header.log_type.as_deref();
    match header.fields.as_deref() {
        Some(list) => columns.follow(list, log_type, path)?,
        None if datasets::is_free_text(log_type, path) => columns.follow("DateTime", log_type, path)?,
        None => return Err(format!("no column list stands before line {}", line.number)),
    }
    fields.clear();
    let mut values: Vec<Cow<'_, str>> = Vec::with_capacity(columns.names.len());
    let outcome = crate::csv::split(text, &mut values).map_err(str::to_owned).and_then(|()| {
        let (wanted, found) = (columns.names.len(), values.len());
        if wanted == found {
            Ok(())
        } else {
            Err(format!("the header names {wanted} values, it has {found}"))
        }
    });
    if let Err(what) = outcome {
        if !datasets::is_free_text(log_type, path) {
            return Err(what);
        }
        read_free_text(text, fields);
        return Ok(());
    }
    for (name, value) in columns.names.iter().zip(&values) {
        let role = if TIME_COLUMNS.contains(&name.as_str()) { Role::System } else { Role::Data };
        fields.push(name, value, role);
    }
    let value_of = |wanted: &str| {
        columns.names.iter().position(|name| name == wanted).and_then(|at| values.get(at)).map(AsRef::as_ref)
    };
    match columns.dataset {
        "exchange.ecp-server" | "exchange.ecp-activity" => {
            for (name, value) in event_data::items(value_of("EventData").unwrap_or_default()) {
                fields.push(&name, &value, Role::Data);
            }
        }
        "exchange.admin-audit" => audit::unpack(value_of("Data").unwrap_or_default(), fields),
        _ => {}
    }
    let begin = value_of("StartTime").or_else(|| value_of("GenericInfo").and_then(begin_request));
    if let Some(begin) = begin.and_then(Instant::parse) {
        fields.push("event.start", &begin.to_string(), Role::Copy);
    }
    Ok(())
}

/// A line of a log that is written for people: its time, if it begins with one, and its text.
fn read_free_text(text: &str, fields: &mut Fields) {
    let (first, rest) = text.split_once([',', '\t']).unwrap_or((text, ""));
    match Instant::parse(first) {
        Some(_) => {
            fields.push("DateTime", first, Role::System);
            fields.push("Text", rest, Role::Data);
        }
        None => {
            fields.push("Text", text, Role::Data);
        }
    }
}

/// `BeginRequest=2021-03-03T05:12:31.417Z;` among the items of `GenericInfo`.
fn begin_request(info: &str) -> Option<&str> {
    let (_, after) = info.split_once("BeginRequest=")?;
    after.split(';').next()
}

/// Basis of a time that a server wrote in its country's form.
const LOCAL_FORM: &str = "DateTime in the server's own form, zone unknown";

fn time_of(
    header: &Header,
    columns: &Columns,
    fields: &Fields,
    exchanged: &mut Exchanged,
) -> Option<(Instant, &'static str)> {
    let listed = |name: &&&str| columns.names.iter().any(|column| column == *name);
    let Some(column) = TIME_COLUMNS.iter().find(listed) else {
        return header.date.map(|date| (date, "#Date of the header above it"));
    };
    let text = fields.get(column)?;
    match Instant::parse(text) {
        Some(time) => Some((time, *column)),
        None => exchanged.moment(text, header.dates.order).map(|time| (time, LOCAL_FORM)),
    }
}

/// The server that the header's columns name; `MX01\Default Frontend MX01` is a receive connector of MX01.
///
/// Only what the header names: an item of `EventData` was perhaps written by the intruder.
fn host_of<'f>(columns: &Columns, fields: &'f Fields) -> Option<&'f str> {
    let listed = |name: &str| columns.names.iter().any(|column| column == name);
    let own = HOST_COLUMNS.iter().filter(|name| listed(name)).filter_map(|name| fields.get(name));
    own.map(str::trim).find(|host| !host.is_empty()).or_else(|| {
        let connector = fields.get("connector-id").filter(|_| columns.dataset == "exchange.smtp-receive")?;
        connector.split_once('\\').map(|(server, _)| server)
    })
}

fn push_row(
    line: &Line<'_>,
    time: Option<(Instant, &'static str)>,
    columns: &Columns,
    fields: &Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    let head = Head {
        dataset: Some(columns.dataset),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(host_of(columns, fields).unwrap_or_default()),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
}

#[cfg(test)]
mod tests;
