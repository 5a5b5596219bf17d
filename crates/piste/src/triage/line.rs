//! One line of a triage.
//!
//! In: the `out/` of a collection's case. Out: for each Exchange server in it the build, the gravest exposure, how far doors
//! were used, and what is unknown; for a collection without one a line that says so.

use std::path::Path;

use piste_model::{DoorVerdict, Evidence, Exposure, Instant, OpenSpan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exposure::{Servers, is_important};

/// Chains by how gravely they open a server, the gravest first.
const GRAVEST: [&str; 8] = [
    "ProxyLogon",
    "ProxyShell",
    "ProxyNotShell",
    "OWASSRF",
    "ViewState key",
    "ProxyToken",
    "Exchange 2010 inbox rule",
    "Deserialization (Nov21SU)",
];

/// A server of a collection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) collection: String,
    /// `read`, `partly read` or `failed`.
    pub(crate) status: String,
    pub(crate) host: String,
    pub(crate) product: String,
    pub(crate) cu: Option<String>,
    pub(crate) build: Option<String>,
    /// The gravest chain that was open.
    pub(crate) flaw: Option<String>,
    pub(crate) exposed_from: Option<Instant>,
    pub(crate) exposed_to: Option<Instant>,
    /// `used`, `succeeded`, `failed`, `probed`, `none`; null where doors were not looked for.
    pub(crate) verdict: Option<String>,
    pub(crate) first: Option<Instant>,
    pub(crate) last: Option<Instant>,
    /// Latest row of this host's logs.
    pub(crate) last_log: Option<Instant>,
    pub(crate) findings: u64,
    pub(crate) unknown: Vec<String>,
}

/// What an earlier run recorded.
#[derive(Deserialize)]
pub(super) struct Done {
    state: Value,
    pub(super) lines: Vec<Line>,
}

impl Done {
    /// The record, if it is of the same content and hunt.
    pub(super) fn parse(text: &str, state: &Value) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|done| done.state == *state)
    }
}

/// What decides whether a collection must be read again: its size and time, the rules and the version.
pub(super) fn state_of(path: &Path, hunt: &str) -> Value {
    let metadata = path.metadata().ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    json!({
        "bytes": metadata.as_ref().map(std::fs::Metadata::len),
        "modified": since.map(|since| since.as_secs()),
        "folder": metadata.is_some_and(|metadata| metadata.is_dir()),
        "hunt": hunt,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

impl Line {
    pub(super) fn failed(collection: &str, what: &str) -> Self {
        Self {
            collection: collection.to_owned(),
            status: "failed".to_owned(),
            unknown: vec![what.to_owned()],
            ..Self::default()
        }
    }
}

/// The lines of a case that was written.
pub(super) fn lines(case: &Path, collection: &str, incomplete: bool) -> Vec<Line> {
    let out = case.join("out");
    let text = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_default();
    let servers: Servers =
        serde_json::from_str(&text("exposure.json")).unwrap_or(Servers { servers: Vec::new() });
    let doors: Option<Value> = serde_json::from_str(&text("doors.json")).ok();
    let evidence = text("evidence.jsonl");
    let evidence: Vec<Evidence> =
        evidence.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let summary: Value = serde_json::from_str(&text("summary.json")).unwrap_or_default();
    let status = if incomplete { "partly read" } else { "read" };
    let base = Line {
        collection: collection.to_owned(),
        status: status.to_owned(),
        findings: summary.get("findings").and_then(Value::as_u64).unwrap_or_default(),
        ..Line::default()
    };
    if servers.servers.is_empty() {
        let names = summary.get("hosts").and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> = names.filter_map(Value::as_str).take(5).collect();
        let last_log = evidence.iter().filter_map(|one| one.last).max();
        let unknown = vec!["no build of Exchange was seen: ask for HttpProxy and IIS logs".to_owned()];
        let mut line = Line { host: names.join(" "), last_log, unknown, ..base };
        tell_doors(&mut line, doors.as_ref(), None);
        return vec![line];
    }
    let one = |server: &Exposure| {
        let of_host = evidence.iter().filter(|one| one.host.as_deref() == Some(server.host.as_str()));
        let worst = worst(&server.open);
        let mut line = Line {
            host: server.host.clone(),
            product: server.product.clone(),
            cu: server.cu.clone(),
            build: server.build.clone(),
            flaw: worst.map(|span| span.name.clone()),
            exposed_from: worst.and_then(|span| span.from),
            exposed_to: worst.and_then(|span| span.to),
            last_log: of_host.filter_map(|one| one.last).max(),
            unknown: server.unknown.clone(),
            ..base.clone()
        };
        tell_doors(&mut line, doors.as_ref(), Some(&server.host));
        line
    };
    servers.servers.iter().map(one).collect()
}

/// The gravest span: by chain, then the longest open one.
fn worst(spans: &[OpenSpan]) -> Option<&OpenSpan> {
    let rank = |span: &OpenSpan| GRAVEST.iter().position(|name| *name == span.name).unwrap_or(GRAVEST.len());
    let important = spans.iter().filter(|span| is_important(&span.cve));
    important.min_by_key(|span| (rank(span), span.to.is_some(), span.from, span.cve.clone()))
}

/// Rights that somebody inside gave and that nobody from outside used: administrators do so, and it says nothing of a break-in by
/// itself.
fn is_daily(door: &Value, verdict: Option<DoorVerdict>) -> bool {
    let account = door.get("kind").and_then(Value::as_str) == Some("account");
    let sources = door.get("sources").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    account && !sources && verdict < Some(DoorVerdict::Used)
}

/// The furthest verdict of the host's doors (of all if `None`), and when they were used.
fn tell_doors(line: &mut Line, doors: Option<&Value>, host: Option<&str>) {
    let Some(doors) = doors.and_then(|doors| doors.get("doors")).and_then(Value::as_array) else { return };
    let of_host = doors.iter().filter(|door| {
        let named = door.get("host").and_then(Value::as_str).unwrap_or_default();
        host.is_none_or(|host| named.eq_ignore_ascii_case(host))
    });
    let mut furthest: Option<DoorVerdict> = None;
    for door in of_host {
        let verdict = door.get("verdict").cloned().and_then(|word| serde_json::from_value(word).ok());
        if is_daily(door, verdict) {
            continue;
        }
        let time = |name: &str| door.get(name).and_then(Value::as_str).and_then(Instant::parse);
        if verdict > furthest {
            (furthest, line.first, line.last) = (verdict, None, None);
        }
        if verdict == furthest {
            let first = time("first_used");
            line.first = line.first.into_iter().chain(first).min();
            line.last = line.last.max(time("last_used"));
        }
    }
    let word = furthest.and_then(|verdict| serde_json::to_value(verdict).ok());
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    line.verdict = Some(word.unwrap_or_else(|| "none".to_owned()));
}
