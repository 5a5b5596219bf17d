//! Web logs that are not W3C: NCSA's form (Apache, nginx, IIS where it is set so) and IIS's own.
//!
//! In: the lines of one block. Out: a row a request, dataset `iis.access`, under the column names of IIS's W3C log, so that rules and
//! doors read a request alike whoever wrote it down. NCSA's times have their zone; IIS's own form is in the server's local time.
//! Sources: Apache's `mod_log_config` (common, combined), Microsoft's description of the NCSA and IIS log file formats.

mod native;
mod ncsa;

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::bad_records::{BadRecords, Words};
use crate::block::Block;
use crate::fields::Fields;
use crate::iis::decoded;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "web-log-line",
    unit: "line",
    wanted: "request",
    hint: "look at the line: sed -n LINEp FILE; the log was perhaps cut while it was written",
};
/// Lines of a file's beginning that decide what it is.
const LINES_SEEN: usize = 20;
/// Bytes of it.
const BYTES_SEEN: usize = 16_384;

/// One request, as its line has it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request<'a> {
    time: Option<Instant>,
    client: &'a str,
    user: &'a str,
    site: &'a str,
    server: &'a str,
    method: &'a str,
    target: &'a str,
    query: &'a str,
    version: &'a str,
    status: &'a str,
    win32: &'a str,
    sent: &'a str,
    received: &'a str,
    taken: &'a str,
    referer: &'a str,
    agent: &'a str,
}

/// Whether a file that begins so is a log in NCSA's form.
pub fn recognise_ncsa(head: &[u8], _name: &str) -> bool {
    is_made_of(head, &|line| ncsa::request(line).is_some())
}

/// Whether a file that begins so is a log in IIS's own form.
pub fn recognise_native(head: &[u8], _name: &str) -> bool {
    is_made_of(head, &|line| native::request(line).is_some())
}

/// Parses the lines of one block of NCSA's form.
pub fn parse_ncsa(block: &Block, cx: &Context<'_>) -> Parsed {
    parse(block, cx, "NCSA log", &|line| ncsa::request(line))
}

/// Parses the lines of one block of IIS's own form.
pub fn parse_native(block: &Block, cx: &Context<'_>) -> Parsed {
    parse(block, cx, "IIS log, zone unknown", &|line| native::request(line))
}

/// Whether the first lines are requests; the last one may be cut off where the look at the file ended.
fn is_made_of(head: &[u8], is_request: &dyn Fn(&str) -> bool) -> bool {
    let text = crate::whole::text_of(head.get(..head.len().min(BYTES_SEEN)).unwrap_or_default());
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES_SEEN).collect();
    let requests = lines.iter().filter(|line| is_request(line)).count();
    requests > 0 && requests + 1 >= lines.len()
}

fn parse(
    block: &Block,
    cx: &Context<'_>,
    basis: &'static str,
    request_of: &dyn for<'a> Fn(&'a str) -> Option<Request<'a>>,
) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let mut bad = BadRecords::new(&WORDS);
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim();
        if text.is_empty() {
            continue;
        }
        let Some(request) = request_of(text) else {
            bad.note(&line, "it is no request in the form of the lines before it".to_owned());
            continue;
        };
        fields.clear();
        push(&request, &mut fields);
        let head = Head {
            dataset: Some("iis.access"),
            channel: "",
            provider: "",
            event_code: None,
            time: request.time,
            time_basis: basis,
            host: cx.host_or_hint(request.server),
            record: i64::try_from(line.number).unwrap_or(i64::MAX),
            offset: line.offset,
            hash: record_hash(line.raw),
        };
        rows.push(&head, &fields);
        parsed.records += 1;
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn push(request: &Request<'_>, fields: &mut Fields) {
    let (stem, query) = match request.target.split_once('?') {
        Some((stem, query)) => (stem, query),
        None => (request.target, request.query),
    };
    for (name, value) in [
        ("c-ip", request.client),
        ("cs-username", request.user),
        ("s-sitename", request.site),
        ("cs-method", request.method),
        ("cs-uri-stem", stem),
        ("cs-uri-query", query),
        ("cs-version", request.version),
        ("sc-status", request.status),
        ("sc-win32-status", request.win32),
        ("sc-bytes", request.sent),
        ("cs-bytes", request.received),
        ("time-taken", request.taken),
        ("cs-referer", request.referer),
        ("cs-user-agent", request.agent),
    ] {
        if !matches!(value, "" | "-") {
            fields.push(name, value, Role::Data);
        }
    }
    let uri = if matches!(query, "" | "-") { stem.to_owned() } else { format!("{stem}?{query}") };
    fields.push("cs-uri", &uri, Role::Copy);
    if let Some(decoded) = decoded(&uri) {
        fields.push("cs-uri-decoded", &decoded, Role::Copy);
    }
}

#[cfg(test)]
mod tests;
