//! Results of Velociraptor's artefacts, as collections, flows and hunts hold them: JSON lines or CSV, one row a line.
//!
//! In: the lines or records of one block. Out: a row each under the artefact's own column names (nested members dotted), with
//! copies under the names that rules use. An artefact of the table has a dataset and a time of its own; any other is
//! `velociraptor.result` and has a time only where one column plainly is one. A result is what the host said when it was asked:
//! a row without a time is a state, not an event. Times are UTC. Event logs and file listings have readers of their own.

mod artefacts;

use std::borrow::Cow;

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::csv::split;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed, jsonl, listing};

use artefacts::{Artefact, is_name, known, named_by};

const LINE_WORDS: Words = Words {
    slug: "velociraptor-line",
    unit: "line",
    wanted: "result of Velociraptor",
    hint: "look at the line: sed -n LINEp FILE; the collection was perhaps cut, so ask for it again",
};
const RECORD_WORDS: Words = Words { slug: "velociraptor-row", ..LINE_WORDS };

/// Dataset of artefacts that the table does not have.
const OTHER: &str = "velociraptor.result";
/// Columns that are plainly the time of a row, whatever the artefact.
const PLAIN_TIMES: [&str; 6] = ["EventTime", "event_time", "Timestamp", "TimeStamp", "TimeCreated", "Time"];
/// Columns that name the host.
const HOSTS: [&str; 5] = ["Fqdn", "_Fqdn", "ComputerName", "Hostname", "hostname"];
/// Column in which a flow's export says of which artefact a row is.
const SOURCE: &str = "_Source";
/// Times of one row that each are a row.
const TIMES_MAX: usize = 64;

/// Whether a file holds JSON lines of an artefact's results.
pub fn recognise_json(head: &[u8], name: &str) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let named = named_by(name).is_some() || first.contains("\"_Source\":\"Windows.");
    let event = ["\"EventID\"", "\"EventData\""].iter().any(|key| first.contains(key));
    named && first.starts_with('{') && !event && !listing::is_json_listing(first)
}

/// Whether a file is a table of an artefact's results.
pub fn recognise_csv(head: &[u8], name: &str) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let mut names = Vec::new();
    let listed = split(first, &mut names).is_ok() && names.iter().any(|name| !name.is_empty());
    let event = names.iter().any(|name| name == "EventID" || name == "EventData");
    let plain = !first.starts_with(['{', '[', '<']) && !head.iter().take(512).any(|byte| *byte == 0);
    named_by(name).is_some() && listed && plain && !event && !listing::is_csv_listing(&text)
}

/// Reads the rows of one file.
struct Reader<'c> {
    cx: &'c Context<'c>,
    named: Option<String>,
    rows: Rows<'c>,
    fields: Fields,
}

impl<'c> Reader<'c> {
    fn new(cx: &'c Context<'c>) -> Self {
        let (rows, fields) = (Rows::new(cx.sources, cx.evidence), Fields::default());
        Self { cx, named: named_by(cx.path), rows, fields }
    }

    /// Adds the rows of what `fields` hold: one, or one for each of several times; how many.
    fn push(&mut self, line: &Line<'_>) -> u64 {
        let of_row = self.fields.get(SOURCE).filter(|name| is_name(name)).map(str::to_owned);
        let name = of_row.or_else(|| self.named.clone()).unwrap_or_default();
        let artefact = known(&name);
        add_copies(artefact, &mut self.fields);
        if !name.is_empty() {
            self.fields.push("artefact", &name, Role::Copy);
        }
        let times = times_of(artefact, &self.fields);
        let host = HOSTS.iter().find_map(|column| self.fields.get(column)).unwrap_or_default();
        let head = Head {
            dataset: Some(artefact.map_or(OTHER, |artefact| artefact.dataset)),
            channel: "",
            provider: "",
            event_code: None,
            time: None,
            time_basis: "",
            host: self.cx.host_or_hint(host),
            record: i64::try_from(line.number).unwrap_or(i64::MAX),
            offset: line.offset,
            hash: record_hash(line.raw),
        };
        if times.is_empty() {
            self.rows.push(&head, &self.fields);
            return 1;
        }
        for (time, basis) in &times {
            self.rows.push(&Head { time: Some(*time), time_basis: basis, ..head }, &self.fields);
        }
        times.len() as u64
    }
}

/// Parses the lines of one block, an object each.
pub fn parse_json(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&LINE_WORDS);
    let mut reader = Reader::new(cx);
    parsed.note_too_long(cx, block, "line");
    for line in block.lines() {
        if line.text.trim().is_empty() {
            continue;
        }
        reader.fields.clear();
        match jsonl::flatten(&line.text, &mut reader.fields) {
            Ok(_) => parsed.records += reader.push(&line),
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, reader.rows);
    parsed
}

/// Parses the records of one block of a table, whose first names the columns.
pub fn parse_csv(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&RECORD_WORDS);
    let mut reader = Reader::new(cx);
    let mut list = block.header.as_deref().and_then(|header| header.fields.clone());
    let mut columns = list.as_deref().map(column_names).unwrap_or_default();
    parsed.note_too_long(cx, block, "record");
    for line in block.records() {
        if line.text.trim().is_empty() || list.as_deref() == Some(&*line.text) {
            continue;
        }
        if list.is_none() {
            columns = column_names(&line.text);
            list = Some(line.text.clone().into_owned());
            continue;
        }
        match read_record(&line, &columns, &mut reader.fields) {
            Ok(()) => parsed.records += reader.push(&line),
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, reader.rows);
    parsed
}

fn column_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let _ = split(list.trim_start_matches('\u{feff}'), &mut names); // what stands before a fault are columns
    names.iter().map(|name| name.trim().to_owned()).collect()
}

/// A table has what is nested as JSON in its cell.
fn read_record(line: &Line<'_>, columns: &[String], fields: &mut Fields) -> Result<(), String> {
    let mut values: Vec<Cow<'_, str>> = Vec::with_capacity(columns.len());
    split(&line.text, &mut values)?;
    if values.len() != columns.len() {
        return Err(format!("the header names {} values, it has {}", columns.len(), values.len()));
    }
    fields.clear();
    for (name, value) in columns.iter().zip(&values).filter(|(_, value)| !value.is_empty()) {
        let nested = value.starts_with(['{', '[']) && value.ends_with(['}', ']']);
        let quoted = || serde_json::to_string(name).unwrap_or_default();
        if !nested || jsonl::flatten(&format!("{{{}:{value}}}", quoted()), fields).is_err() {
            fields.push(name, value, Role::Data);
        }
    }
    Ok(())
}

/// Adds what rules call the same facts; of two columns for one name the first of the table is taken.
fn add_copies(artefact: Option<&Artefact>, fields: &mut Fields) {
    let get = |name: &str| fields.get(name).filter(|value| !value.is_empty());
    let mut copies: Vec<(&str, String)> = Vec::new();
    for copied in artefact.into_iter().flat_map(|artefact| &artefact.copies) {
        if copies.iter().any(|(name, _)| *name == copied.to) {
            continue;
        }
        let Some(value) = get(copied.from) else { continue };
        let value = match copied.and.and_then(get) {
            Some(more) => format!("{value} {more}"),
            None if copied.bare && !value.contains('\\') => format!("\\{value}"),
            None => value.to_owned(),
        };
        copies.push((copied.to, value));
    }
    let hashes: Vec<String> = [("MD5", "md5"), ("SHA1", "sha1"), ("SHA256", "sha256")]
        .iter()
        .filter_map(|(word, own)| {
            let copied = copies.iter().find(|(name, _)| name == own).map(|(_, value)| value.as_str());
            Some(format!("{word}={}", get(&format!("Hash.{word}")).or(copied)?))
        })
        .collect();
    if !hashes.is_empty() {
        copies.push(("Hashes", hashes.join(",")));
    }
    copies.retain(|(name, _)| fields.get(name).is_none());
    for (name, value) in copies {
        fields.push(name, &value, Role::Copy);
    }
}

/// The times of a row, each with what happened then.
fn times_of(artefact: Option<&Artefact>, fields: &Fields) -> Vec<(Instant, &'static str)> {
    let in_column = |column: &str| {
        let cells = fields.iter().filter(|(name, _, _)| *name == column);
        let mut times: Vec<Instant> = cells.filter_map(|(_, value, _)| time(value)).take(TIMES_MAX).collect();
        times.dedup();
        times
    };
    let (columns, basis) = match artefact {
        Some(artefact) => (artefact.times.as_slice(), Some(artefact.basis)),
        None => (PLAIN_TIMES.as_slice(), None),
    };
    for column in columns {
        let times = in_column(column);
        if !times.is_empty() {
            return times.into_iter().map(|time| (time, basis.unwrap_or(column))).collect();
        }
    }
    Vec::new()
}

/// A moment in UTC; the zero of a clock is no time.
fn time(text: &str) -> Option<Instant> {
    let time = Instant::parse(text).or_else(|| jsonl::since_1970(text))?;
    let zero =
        ["0001-", "1600-", "1601-01-01", "1970-01-01T00:00:00"].iter().any(|zero| text.starts_with(zero));
    (!zero && time.nanos != 0).then_some(time)
}

#[cfg(test)]
mod tests;
