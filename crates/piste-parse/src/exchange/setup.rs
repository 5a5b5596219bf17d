//! `ExchangeSetup.log` and the logs of Microsoft's mitigation tools: when which build came, and what was switched off.
//!
//! In: lines `[03/03/2021 10:12:13.0123] [0] text` and `2021-03-15 10:12:13 Info: text`. Out: a row a line; `setup_event` says
//! of those that matter what they are, `build` the version that they name. Setup writes UTC by all accounts (Microsoft does not
//! say so), with four digits after the second of which the first is a filler; the tools write local time.
//!
//! A line without brackets goes on with the one above it and has its time.

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::block::{Block, Line};
use crate::dates::{self, Order};
use crate::fields::Fields;
use crate::header::Header;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    /// `ExchangeSetup.log`: `exchange.setup`.
    Setup,
    /// `EOMT.log`, `EOMTv2.log`: `exchange.eomt`.
    Mitigation,
}

const SETUP_BASIS: &str = "ExchangeSetup.log, taken as UTC";
const TOOL_BASIS: &str = "mitigation tool's log, zone unknown";

/// Words of a line and what it is.
const EVENTS: [(&str, &str); 14] = [
    ("Starting Microsoft Exchange Server", "start"),
    ("End of Setup", "end"),
    ("setup operation completed successfully", "completed"),
    ("setup operation didn't complete", "failed"),
    ("Setup version:", "version"),
    ("[ERROR]", "error"),
    ("Command Line Parameter Name=", "parameter"),
    ("RuntimeAssembly was started with the following command:", "command"),
    ("Local time zone:", "time-zone"),
    ("Logged on user:", "user"),
    ("Operating system version:", "system"),
    ("installed roles", "roles"),
    ("Mitigation complete", "mitigated"),
    ("Rollback", "rolled-back"),
];

/// Whether the first lines are Setup's.
pub(crate) fn is_setup(head: &str) -> bool {
    let lines = head.lines().filter(|line| !line.trim().is_empty()).take(3);
    lines.filter(|line| bracketed(line).is_some()).count() >= 1 && head.contains("Setup")
}

/// Whether the first line is a mitigation tool's.
pub(crate) fn is_mitigation(head: &str, name: &str) -> bool {
    let named = name.to_ascii_lowercase().contains("eomt");
    let words = ["EOMT", "itigation", "MSERT", "KB5000871"];
    let first = head.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    tool_line(first).is_some() && (named || words.iter().any(|word| head.contains(word)))
}

/// Time, level and text of Setup's line.
fn bracketed(line: &str) -> Option<(&str, &str, &str)> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once(']')?;
    let (level, text) = rest.trim_start().strip_prefix('[')?.split_once(']')?;
    let plain =
        |text: &str, others: &[u8]| text.bytes().all(|byte| byte.is_ascii_digit() || others.contains(&byte));
    let right = stamp.len() >= 19 && plain(stamp, b"/:. ") && level.len() < 4 && plain(level, b"");
    right.then_some((stamp, level, text.strip_prefix(' ').unwrap_or(text)))
}

/// Time, level and text of a tool's line.
fn tool_line(line: &str) -> Option<(&str, &str, &str)> {
    let stamp = line.get(..19)?;
    let (level, text) = line.get(19..)?.strip_prefix(' ')?.split_once(": ")?;
    (matches!(level, "Info" | "Notice" | "Error" | "Warning") && Instant::parse(stamp).is_some())
        .then_some((stamp, level, text))
}

fn setup_time(stamp: &str) -> Option<Instant> {
    // `.0123` is 123 thousandths.
    let (whole, fraction) = stamp.split_once('.').unwrap_or((stamp, ""));
    let fraction =
        if fraction.len() == 4 { fraction.strip_prefix('0').unwrap_or(fraction) } else { fraction };
    let dot = if fraction.is_empty() { "" } else { "." };
    dates::moment(&format!("{whole}{dot}{fraction}"), Order::MonthFirst)
}

/// Takes in one line for the blocks after it: the time of the last line that has one.
pub(crate) fn follow(header: &mut Header, line: &str) {
    if let Some((stamp, _, _)) = bracketed(line).or_else(|| tool_line(line)) {
        header.set_list(stamp);
    }
}

/// Parses the lines of one block.
pub(crate) fn parse_lines(block: &Block, cx: &Context<'_>, log: Log) -> Parsed {
    let mut parsed = Parsed::default();
    let mut header = block.header.as_deref().cloned().unwrap_or_default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim_end_matches('\0');
        if text.trim().is_empty() {
            continue;
        }
        follow(&mut header, text);
        fields.clear();
        let found = match log {
            Log::Setup => bracketed(text),
            Log::Mitigation => tool_line(text),
        };
        let (_, level, text) = found.unwrap_or(("", "", text));
        if !level.is_empty() {
            fields.push("Level", level, Role::System);
        }
        fields.push("Text", text, Role::Data);
        push_facts(text, &mut fields);
        push_row(&line, &header, log, &fields, cx, &mut rows);
        parsed.records += 1;
    }
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn push_facts(text: &str, fields: &mut Fields) {
    if let Some((_, event)) = EVENTS.iter().find(|(words, _)| text.contains(words)) {
        fields.push("setup_event", event, Role::Copy);
    }
    if let Some(build) = build_in(text) {
        fields.push("build", build, Role::Copy);
    }
    // `Mitigation complete on MX01 :: Default Web Site`
    if let Some((before, _)) = text.split_once(" :: ")
        && let Some((_, server)) = before.rsplit_once(" on ")
    {
        fields.push("server", server, Role::Copy);
    }
}

/// The first Exchange build that a text names: `15.1.2375.7`, `15.01.2375.007`.
pub(crate) fn build_in(text: &str) -> Option<&str> {
    let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    text.split(|letter: char| !letter.is_ascii() || !is_part(letter as u8)).find_map(|word| {
        let word = word.trim_matches('.');
        let parts: Vec<&str> = word.split('.').collect();
        let numeric = parts.iter().all(|part| !part.is_empty() && part.len() <= 5);
        (parts.len() == 4 && numeric && matches!(parts.first(), Some(&("14" | "15" | "08" | "8"))))
            .then_some(word)
    })
}

fn push_row(
    line: &Line<'_>,
    header: &Header,
    log: Log,
    fields: &Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    let stamp = header.fields.as_deref();
    let (dataset, basis, time) = match log {
        Log::Setup => ("exchange.setup", SETUP_BASIS, stamp.and_then(setup_time)),
        Log::Mitigation => ("exchange.eomt", TOOL_BASIS, stamp.and_then(Instant::parse)),
    };
    let head = Head {
        dataset: Some(dataset),
        channel: "",
        provider: "",
        event_code: None,
        time,
        time_basis: if time.is_some() { basis } else { "" },
        host: cx.host_or_hint(fields.get("server").unwrap_or_default()),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
