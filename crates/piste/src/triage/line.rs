//! One line of a triage.
//!
//! In: the `out/` of a collection's case. Out: for each Exchange server in it the build, the gravest exposure, how far doors
//! were used, and what is unknown; for a collection without one a line that says so.

use std::cmp::Reverse;
use std::path::Path;

use piste_model::exchange::named;
use piste_model::first_trace::is_grave;
use piste_model::summary::Summary;
use piste_model::{
    CoveredFigures, Door, DoorVerdict, Evidence, Exposure, Finding, Instant, OpenSpan, first_trace,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exposure::{Servers, is_important};
use crate::investigate::doors::Doors;

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
    /// How far anybody came through that chain; null where no door is one of it.
    #[serde(default)]
    pub(crate) flaw_verdict: Option<String>,
    /// `used`, `succeeded`, `failed`, `probed`, `none`; null where doors were not looked for.
    pub(crate) verdict: Option<String>,
    /// The door that has this verdict, and its uses.
    #[serde(default)]
    pub(crate) door: Option<String>,
    pub(crate) first: Option<Instant>,
    pub(crate) last: Option<Instant>,
    /// The first trace on this server, by the rule that the report's is made by.
    #[serde(default)]
    pub(crate) first_trace: Option<Instant>,
    /// Of which days its web logs are here: where nothing is told of other days nothing was seen of them.
    #[serde(default)]
    pub(crate) web_logs: Option<CoveredFigures>,
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
    let doors: Option<Doors> = serde_json::from_str(&text("doors.json")).ok();
    let evidence = text("evidence.jsonl");
    let evidence: Vec<Evidence> =
        evidence.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let summary: Summary = serde_json::from_str(&text("summary.json")).unwrap_or_default();
    let findings = text("findings.jsonl");
    let findings: Vec<Finding> =
        findings.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_grave).collect();
    let all_doors = doors.as_ref().map_or(&[][..], |doors| &doors.doors);
    // A server's line is dated by what is about that server.
    let trace_on = |host: Option<&str>| {
        let is = |name: &str| host.is_none_or(|host| name.eq_ignore_ascii_case(host));
        let findings = findings.iter().filter(|one| host.is_none() || one.hosts.iter().any(|name| is(name)));
        let doors = all_doors.iter().filter(|door| is(&door.host));
        first_trace(findings, doors).map(|trace| trace.no_later_than)
    };
    let status = if incomplete { "partly read" } else { "read" };
    let base = Line {
        collection: collection.to_owned(),
        status: status.to_owned(),
        findings: summary.findings.unwrap_or_default(),
        ..Line::default()
    };
    if servers.servers.is_empty() {
        let names: Vec<&str> = summary.hosts.iter().map(String::as_str).take(5).collect();
        let last_log = evidence.iter().filter_map(|one| one.last).max();
        let unknown = vec!["no build of Exchange was seen: ask for HttpProxy and IIS logs".to_owned()];
        let web_logs = summary.web_logs.values().copied().next().filter(|_| summary.web_logs.len() == 1);
        let first_trace = trace_on(None);
        let mut line = Line { host: names.join(" "), last_log, unknown, web_logs, first_trace, ..base };
        if let Some(doors) = &doors {
            tell_doors(&mut line, &doors.doors, None);
        }
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
            web_logs: web_logs(&summary, &server.host),
            first_trace: trace_on(Some(&server.host)),
            unknown: server.unknown.clone(),
            ..base.clone()
        };
        if let Some(doors) = &doors {
            tell_doors(&mut line, &doors.doors, Some(&server.host));
        }
        line
    };
    servers.servers.iter().map(one).collect()
}

/// The web logs of a host, whose name is written alike but for its letters' case.
fn web_logs(summary: &Summary, host: &str) -> Option<CoveredFigures> {
    summary.web_logs.iter().find(|(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, covered)| *covered)
}

/// The gravest span: by chain, then the longest open one.
fn worst(spans: &[OpenSpan]) -> Option<&OpenSpan> {
    let rank = |span: &OpenSpan| GRAVEST.iter().position(|name| *name == span.name).unwrap_or(GRAVEST.len());
    let important = spans.iter().filter(|span| is_important(&span.cve));
    important.min_by_key(|span| (rank(span), span.to.is_some(), span.from, span.cve.clone()))
}

/// The furthest verdict of the host's doors (of all if `None`), whose it is and when that door was used; and how far anybody came
/// through the gravest flaw. A verdict is dated by its own door's rows.
fn tell_doors(line: &mut Line, doors: &[Door], host: Option<&str>) {
    let of_host = |door: &&Door| host.is_none_or(|host| door.host.eq_ignore_ascii_case(host));
    let there: Vec<&Door> = doors.iter().filter(of_host).filter(|door| !door.is_daily()).collect();
    // The furthest, of those the earliest; a door without a time comes last.
    let furthest = there.iter().min_by_key(|door| {
        (Reverse(door.verdict), door.since().map_or((true, i64::MAX), |at| (false, at.nanos)))
    });
    line.verdict = Some(furthest.map_or("none", |door| word(door.verdict)).to_owned());
    if let Some(door) = furthest {
        (line.first, line.last) = (door.first_used, door.last_used);
        line.door = Some(format!("{} {} at {}", door.id, door.kind, door.place));
    }
    let flaw = line.flaw.as_deref();
    let through = |door: &&&Door| {
        let cve = door.cve.iter().map(String::as_str);
        flaw.is_some_and(|flaw| named(cve).iter().any(|chain| chain.name == flaw))
    };
    let tried = there.iter().filter(through).map(|door| door.verdict).max();
    line.flaw_verdict = tried.map(|verdict| word(verdict).to_owned());
}

fn word(verdict: DoorVerdict) -> &'static str {
    match verdict {
        DoorVerdict::Probed => "probed",
        DoorVerdict::Failed => "failed",
        DoorVerdict::Succeeded => "succeeded",
        DoorVerdict::Used => "used",
    }
}
