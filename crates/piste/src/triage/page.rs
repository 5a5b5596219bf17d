//! A triage for people: a table on the terminal, CSV, and one page of HTML.
//!
//! In: the lines. Out: text, escaped for where it is shown. The page loads nothing.

use std::fmt::Write;

use piste_model::Instant;
use piste_report::columns::wrapped;
use piste_report::escape;

use super::line::{Line, NONE_IN_PART, NotRead};

const COLUMNS: [&str; 22] = [
    "collection",
    "status",
    "not_read",
    "host",
    "role",
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
    "collect",
];

fn time(time: Option<Instant>) -> String {
    time.map(|time| Instant { digits: 0, ..time }.to_string()).unwrap_or_default()
}

fn cells(line: &Line) -> [String; 22] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let open = line.flaw.is_some() && line.exposed_to.is_none();
    let to = if open { "end of evidence".to_owned() } else { time(line.exposed_to) };
    [
        line.collection.clone(),
        line.status.clone(),
        line.not_read.iter().map(|one| format!("{}: {}", one.what, one.step)).collect::<Vec<_>>().join("; "),
        line.host.clone(),
        line.role.join(", "),
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
        line.collect.join("; "),
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

/// Style of the page: a column is as wide as its longest word, so that none is broken.
const CSS: &str = "body{font:14px/1.4 'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif;margin:1rem;color:#1a1d21}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #bbb;padding:.3rem .5rem;text-align:left;vertical-align:top;\
overflow-wrap:break-word}td small{display:block;color:#4a525b}td ul{margin:0;padding-left:1rem}td.t{white-space:nowrap}\
.hit{background:#fdd}.failed{background:#eee}.part{background:#fff6dd}@media print{body{font-size:9pt}tr{break-inside:avoid}}";
/// Headings of the page's columns.
const HEADINGS: [&str; 6] = [
    "Host and collection",
    "Read, and what was not",
    "Build and gravest exposure",
    "Doors",
    "Logs and findings",
    "Unknown, and what to collect",
];

/// One page that stands alone.
pub(super) fn html(lines: &[Line]) -> String {
    let head = HEADINGS.map(|name| format!("<th>{name}</th>")).concat();
    let rows = lines.iter().map(row).collect::<Vec<String>>().concat();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Triage</title>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<style>{CSS}</style></head>\n<body><h1>Triage</h1><p>{} lines. Times in UTC. A build that is not known is never taken for patched. Where not all was read, what is not found is not known.</p>\n<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></body></html>\n",
        lines.len()
    )
}

/// One line of the page.
fn row(line: &Line) -> String {
    let class = match (line.status.as_str(), line.verdict.as_deref()) {
        (_, Some("used" | "succeeded")) => "hit",
        ("failed" | "not read", _) => "failed",
        ("partly read", _) => "part",
        _ => "",
    };
    let safe = |text: &str| escape::html(text);
    let small =
        |text: &str| if text.is_empty() { String::new() } else { format!("<small>{}</small>", safe(text)) };
    let list = |items: Vec<String>| {
        let items: Vec<String> = items.iter().map(|item| format!("<li>{}</li>", safe(item))).collect();
        if items.is_empty() { String::new() } else { format!("<ul>{}</ul>", items.concat()) }
    };
    let [
        collection,
        status,
        _,
        host,
        role,
        product,
        cu,
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
        findings,
        ..,
    ] = cells(line);
    let not_read = line.not_read.iter().map(|one| format!("{}: {}", one.what, one.step)).collect();
    let came = if came.is_empty() { came } else { format!(" ({came})") };
    let exposed = if flaw.is_empty() { String::new() } else { format!("{flaw}{came}: {from} to {to}") };
    let trace = if trace.is_empty() { trace } else { format!("first trace no later than {trace}") };
    let days = if days.is_empty() { days } else { format!("web logs on {days} days") };
    let used = if first.is_empty() { String::new() } else { format!("{first} to {last}") };
    let verdict = if verdict.is_empty() { "not examined" } else { verdict.as_str() };
    let log = if log.is_empty() { "no dated log".to_owned() } else { format!("logs to {log}") };
    let asked = line.unknown.iter().cloned().chain(line.collect.iter().map(|one| format!("collect: {one}")));
    let cells = [
        format!("<b>{}</b>{}{}", safe(&host), small(&role), small(&collection)),
        format!("<b>{}</b>{}", safe(&status), list(not_read)),
        format!("{} {} {}{}", safe(&product), safe(&cu), safe(&build), small(&exposed)),
        format!("<b>{}</b>{}{}{}", safe(verdict), small(&door), small(&used), small(&trace)),
        format!("{}{}{}", safe(&log), small(&days), small(&format!("{findings} findings in the collection"))),
        list(asked.collect()),
    ];
    let cells = cells.map(|cell| format!("<td>{cell}</td>")).concat();
    format!("<tr class=\"{class}\">{cells}</tr>\n")
}

/// One line a server on the terminal: first what was not read.
pub(super) fn table(lines: &[Line], width: Option<usize>) -> String {
    let mut text = String::new();
    for line in lines {
        let [
            collection,
            status,
            _,
            host,
            role,
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
        let host = if host.is_empty() { collection } else { host };
        let reason = if line.status == "failed" { line.unknown.join("; ") } else { reason(&line.not_read) };
        let reading = if line.status == "read" { String::new() } else { format!("  [{status}: {reason}]") };
        // Of a host that has no Exchange, no build is missing.
        let mail = !build.is_empty() || line.role.iter().any(|role| role == "Exchange server");
        let came = if came.is_empty() { came } else { format!(" ({came})") };
        let exposed = match (flaw.is_empty(), mail) {
            (false, _) => format!("{flaw}{came} {from} to {to}"),
            (true, true) => "no exposure seen".to_owned(),
            (true, false) => String::new(),
        };
        let door = if door.is_empty() { door } else { format!(" by {door}") };
        let used = if first.is_empty() { String::new() } else { format!(", {first} to {last}") };
        let build = if mail && build.is_empty() { "build unknown".to_owned() } else { build };
        let days = match (days.is_empty(), mail) {
            (false, _) => format!("web logs on {days} days"),
            (true, true) => "no web logs".to_owned(),
            (true, false) => String::new(),
        };
        let verdict = match verdict.as_str() {
            "" => "doors not examined".to_owned(),
            "none" => "no door seen".to_owned(),
            NONE_IN_PART => "no door seen in what was read".to_owned(),
            _ => format!("{verdict}{door}{used}"),
        };
        let trace = if trace.is_empty() { trace } else { format!("first trace no later than {trace}") };
        let log = if log.is_empty() { "no dated log".to_owned() } else { format!("logs to {log}") };
        let logs = if days.is_empty() { log } else { format!("{days}, {log}") };
        let role = if role.is_empty() { role } else { format!("role: {role}") };
        let parts = [format!("{host}{reading}"), build, exposed, verdict, trace, logs, role];
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let shown = escape::visible(&parts.join("  ")).into_owned();
        text.push_str(&wrapped(&shown, width, 4));
        for (name, list) in [("unknown", &line.unknown), ("collect", &line.collect)] {
            if !list.is_empty() && line.status != "failed" {
                let shown = format!("    {name}: {}", escape::visible(&list.join("; ")));
                text.push_str(&wrapped(&shown, width, 6));
            }
        }
    }
    text
}

/// What was not read, with the step to take for the first: the page and the table of figures have the others.
fn reason(not_read: &[NotRead]) -> String {
    let mut told = Vec::new();
    for one in not_read {
        let step = Some(&one.step).filter(|step| told.is_empty() && !step.is_empty());
        told.push(step.map_or_else(|| one.what.clone(), |step| format!("{} ({step})", one.what)));
    }
    told.join("; ")
}
