//! A triage for people: a table on the terminal, CSV, and one page of HTML.
//!
//! In: the lines. Out: text, escaped for where it is shown. The page loads nothing.

use std::fmt::Write;

use piste_model::Instant;
use piste_report::escape;

use super::line::Line;

const COLUMNS: [&str; 19] = [
    "collection",
    "status",
    "host",
    "product",
    "cu",
    "build",
    "flaw",
    "exposed_from",
    "exposed_to",
    "flaw_verdict",
    "verdict",
    "door",
    "first",
    "last",
    "first_trace",
    "web_log_days",
    "last_log",
    "findings",
    "unknown",
];

fn time(time: Option<Instant>) -> String {
    time.map(|time| Instant { digits: 0, ..time }.to_string()).unwrap_or_default()
}

fn cells(line: &Line) -> [String; 19] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let open = line.flaw.is_some() && line.exposed_to.is_none();
    let to = if open { "end of evidence".to_owned() } else { time(line.exposed_to) };
    [
        line.collection.clone(),
        line.status.clone(),
        line.host.clone(),
        line.product.clone(),
        or_empty(&line.cu),
        or_empty(&line.build),
        or_empty(&line.flaw),
        time(line.exposed_from),
        to,
        or_empty(&line.flaw_verdict),
        or_empty(&line.verdict),
        or_empty(&line.door),
        time(line.first),
        time(line.last),
        // A bound keeps its digits: cut, it would be too early.
        line.first_trace.map(|time| time.to_string()).unwrap_or_default(),
        line.web_logs.map(|logs| format!("{} of {}", logs.days, logs.of)).unwrap_or_default(),
        time(line.last_log),
        line.findings.to_string(),
        line.unknown.join("; "),
    ]
}

/// Comma-separated, a head line first.
pub(super) fn csv(lines: &[Line]) -> String {
    let mut text = format!("{}\n", COLUMNS.join(","));
    for line in lines {
        let cells: Vec<String> = cells(line).iter().map(|cell| escape::csv(cell).into_owned()).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}

/// One page that stands alone.
pub(super) fn html(lines: &[Line]) -> String {
    let head: Vec<String> =
        COLUMNS.iter().map(|name| format!("<th>{}</th>", name.replace('_', " "))).collect();
    let head = head.concat();
    let row = |line: &Line| {
        let class = match (line.status.as_str(), line.verdict.as_deref()) {
            ("failed", _) => "failed",
            (_, Some("used" | "succeeded")) => "hit",
            _ => "",
        };
        let cells = cells(line).map(|cell| format!("<td>{}</td>", escape::html(&cell))).concat();
        format!("<tr class=\"{class}\">{cells}</tr>\n")
    };
    let rows = lines.iter().map(row).collect::<Vec<String>>().concat();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Triage</title>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<style>body{{font:14px sans-serif;margin:1rem}}table{{border-collapse:collapse}}th,td{{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}}.hit{{background:#fdd}}.failed{{background:#eee;font-style:italic}}</style></head>\n<body><h1>Triage</h1><p>{} lines. Times in UTC. A build that is not known is never taken for patched.</p>\n<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></body></html>\n",
        lines.len()
    )
}

/// One line a server on the terminal.
pub(super) fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let [
            collection,
            status,
            host,
            _,
            _,
            build,
            flaw,
            from,
            to,
            came,
            verdict,
            door,
            first,
            last,
            trace,
            days,
            log,
            ..,
        ] = cells(line);
        let host = if host.is_empty() { collection.clone() } else { host };
        let came = if came.is_empty() { came } else { format!(" ({came})") };
        let exposed = if flaw.is_empty() {
            "no exposure seen".to_owned()
        } else {
            format!("{flaw}{came} {from} to {to}")
        };
        let door = if door.is_empty() { door } else { format!(" by {door}") };
        let used = if first.is_empty() { String::new() } else { format!(", {first} to {last}") };
        let build = if build.is_empty() { "build unknown".to_owned() } else { build };
        let days =
            if days.is_empty() { "no web logs".to_owned() } else { format!("web logs on {days} days") };
        let verdict = match verdict.as_str() {
            "" => "doors not examined".to_owned(),
            "none" => "no door seen".to_owned(),
            _ => format!("{verdict}{door}{used}"),
        };
        let trace = if trace.is_empty() { trace } else { format!("  first trace no later than {trace}") };
        let note = match line.status.as_str() {
            "read" => String::new(),
            _ => format!("  [{status}: {}]", line.unknown.first().cloned().unwrap_or_default()),
        };
        let shown = format!("{host}  {build}  {exposed}  {verdict}{trace}  {days}, logs to {log}{note}");
        let _ = writeln!(text, "{}", escape::visible(&shown));
    }
    text
}
