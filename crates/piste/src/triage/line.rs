//! One line of a triage.
//!
//! In: the `out/` of a collection's case, and what its hosts have rows of. Out: for each host first what was not read, then
//! its role, the build, the gravest exposure, how far doors were used, what is unknown and what to collect.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use piste_lake::store::Coverage;
use piste_model::exchange::named;
use piste_model::first_trace::is_grave;
use piste_model::summary::Summary;
use piste_model::{
    CoveredFigures, Door, DoorVerdict, Evidence, Exposure, Finding, Instant, OpenSpan, first_trace,
};
use piste_report::reading::beside_nothing_found;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::role::{Holds, HostRole, Role, role};
use crate::exposure::{Servers, is_important};
use crate::investigate::doors::Doors;
use crate::look::is_host;

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
    /// `read`, `partly read`, `not read` or `failed`.
    pub(crate) status: String,
    /// What was not read of the collection, by kind, and why or how it becomes readable.
    #[serde(default)]
    pub(crate) not_read: Vec<NotRead>,
    pub(crate) host: String,
    /// `domain controller`; several where several fit.
    #[serde(default)]
    pub(crate) role: Vec<String>,
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
    /// `used`, `succeeded`, `failed`, `probed`; `none` where all was read, `none in what was read` where not all was; null
    /// where nothing was read or doors were not looked for.
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
    /// What to ask for of a host of this role.
    #[serde(default)]
    pub(crate) collect: Vec<String>,
}

/// What was not read of a collection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct NotRead {
    /// `registry hive × 3`.
    pub(crate) what: String,
    /// Why, or how it becomes readable.
    pub(crate) step: String,
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

/// Hosts of one collection that have a line each; what is beyond shares one.
const HOSTS_MAX: usize = 50;
/// Verdict where no door was found and not all was read.
pub(super) const NONE_IN_PART: &str = "none in what was read";
/// Kinds of what was not read that a line names.
const KINDS_MAX: usize = 4;

/// A case that was written, as far as lines are made from it.
pub(super) struct Investigated<'a> {
    pub(super) case: &'a Path,
    pub(super) collection: &'a str,
    pub(super) summary: &'a Summary,
    pub(super) coverage: &'a [Coverage],
    /// Host to the event ids of its Security log that tell a role.
    pub(super) security_events: BTreeMap<String, BTreeSet<i32>>,
    pub(super) roles: &'a [HostRole],
}

/// The lines of a case that was written.
pub(super) fn lines(from: &Investigated<'_>) -> Vec<Line> {
    let results = crate::results::Results::of(from.case).unwrap_or_default();
    let text = |name: &str| results.text(from.case, name).unwrap_or_default();
    let servers: Servers =
        serde_json::from_str(&text("exposure.json")).unwrap_or(Servers { servers: Vec::new() });
    let doors: Option<Doors> = serde_json::from_str(&text("doors.json")).ok();
    let doors = doors.as_ref().map(|doors| doors.doors.as_slice());
    let evidence = text("evidence.jsonl");
    let evidence: Vec<Evidence> =
        evidence.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let findings = text("findings.jsonl");
    let findings: Vec<Finding> =
        findings.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_grave).collect();
    let mut hosts = hosts_of(&servers.servers, doors, from.coverage);
    let rest = hosts.split_off(hosts.len().min(HOSTS_MAX));
    if hosts.is_empty() {
        hosts.push(String::new());
    }
    let only = hosts.len() == 1;
    let mut lines: Vec<Line> = hosts
        .iter()
        .map(|host| {
            let mut line = from.line(host, &evidence, only);
            if let Some(server) = servers.servers.iter().find(|server| is_same(&server.host, host)) {
                tell_exposure(&mut line, server);
            }
            let host = (!only).then_some(host.as_str());
            if let Some(doors) = doors {
                tell_doors(&mut line, doors, from.summary, host);
            }
            line.first_trace = first_trace_on(&findings, doors.unwrap_or_default(), host);
            line.web_logs = web_logs(from.summary, host);
            line
        })
        .collect();
    if !rest.is_empty() {
        let names = rest.iter().take(5).cloned().collect::<Vec<_>>().join(" ");
        let mut line = Line { host: format!("{} further hosts: {names} …", rest.len()), ..from.base() };
        line.unknown.push("too many hosts for a line each: investigate the collection by itself".to_owned());
        lines.push(line);
    }
    lines
}

/// Hosts with a known build first, then those of doors, then all that have rows.
fn hosts_of(servers: &[Exposure], doors: Option<&[Door]>, coverage: &[Coverage]) -> Vec<String> {
    let of_doors = doors.into_iter().flatten().map(|door| door.host.as_str());
    let all = servers.iter().map(|server| server.host.as_str()).chain(of_doors);
    let mut hosts: Vec<String> = Vec::new();
    for host in all.chain(coverage.iter().map(|one| one.host.as_str())) {
        if !host.is_empty() && !hosts.iter().any(|known| is_same(known, host)) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// Whether two names are one host's, one of them perhaps without its domain.
fn is_same(one: &str, other: &str) -> bool {
    is_host(one, other) || is_host(other, one)
}

impl Investigated<'_> {
    /// What every line of the collection says.
    fn base(&self) -> Line {
        let reading = &self.summary.reading;
        let status = if reading.is_whole() {
            "read"
        } else if self.summary.records_read == 0 {
            "not read"
        } else {
            "partly read"
        };
        Line {
            collection: self.collection.to_owned(),
            status: status.to_owned(),
            not_read: not_read(self.summary),
            findings: self.summary.findings.unwrap_or_default(),
            ..Line::default()
        }
    }

    /// The line of one host, or of all evidence where it is the only one.
    fn line(&self, host: &str, evidence: &[Evidence], only: bool) -> Line {
        let of_host = |name: Option<&str>| only || name.is_some_and(|name| is_same(name, host));
        let files: Vec<&Evidence> = evidence.iter().filter(|one| of_host(one.host.as_deref())).collect();
        let covered = self.coverage.iter().filter(|one| of_host(Some(&one.host)));
        let holds = Holds {
            datasets: covered.map(|one| one.dataset.as_str()).collect(),
            security_events: self
                .security_events
                .iter()
                .filter(|(name, _)| of_host(Some(name)))
                .flat_map(|(_, codes)| codes.iter().copied())
                .collect(),
            paths: files.iter().map(|one| one.path.as_str()).collect(),
        };
        let Role { names, collect } = role(self.roles, &holds);
        let last_log = files.iter().filter_map(|one| one.last).max();
        Line { host: host.to_owned(), role: names, collect, last_log, ..self.base() }
    }
}

/// What was not read, the first kinds by name, each with the step to take.
fn not_read(summary: &Summary) -> Vec<NotRead> {
    let reading = &summary.reading;
    let kinds = reading.not_examined.iter().filter(|one| one.records);
    let mut told: Vec<NotRead> = kinds
        .clone()
        .take(KINDS_MAX)
        .map(|one| NotRead { what: format!("{} × {}", one.kind, one.files), step: one.hint.clone() })
        .collect();
    let more = kinds.count().saturating_sub(KINDS_MAX);
    if more > 0 {
        let step = "the case's report lists them".to_owned();
        told.push(NotRead { what: format!("{more} more kinds"), step });
    }
    if told.is_empty() {
        let sentence = beside_nothing_found(summary).into_iter();
        told.extend(sentence.map(|what| NotRead { what, step: String::new() }));
    }
    told
}

fn tell_exposure(line: &mut Line, server: &Exposure) {
    let worst = worst(&server.open);
    line.product.clone_from(&server.product);
    line.cu.clone_from(&server.cu);
    line.build.clone_from(&server.build);
    line.flaw = worst.map(|span| span.name.clone());
    line.exposed_from = worst.and_then(|span| span.from);
    line.exposed_to = worst.and_then(|span| span.to);
    line.unknown.extend(server.unknown.iter().cloned());
}

/// The first trace on a host, or on any: a line is dated by what is about its server.
fn first_trace_on(findings: &[Finding], doors: &[Door], host: Option<&str>) -> Option<Instant> {
    let is = |name: &str| host.is_none_or(|host| is_same(host, name));
    let findings = findings.iter().filter(|one| host.is_none() || one.hosts.iter().any(|name| is(name)));
    first_trace(findings, doors.iter().filter(|door| is(&door.host))).map(|trace| trace.no_later_than)
}

/// The web logs of a host; of the only one if none is named.
fn web_logs(summary: &Summary, host: Option<&str>) -> Option<CoveredFigures> {
    let Some(host) = host else {
        return summary.web_logs.values().copied().next().filter(|_| summary.web_logs.len() == 1);
    };
    summary.web_logs.iter().find(|(name, _)| is_same(name, host)).map(|(_, covered)| *covered)
}

/// The gravest span: by chain, then the longest open one.
fn worst(spans: &[OpenSpan]) -> Option<&OpenSpan> {
    let rank = |span: &OpenSpan| GRAVEST.iter().position(|name| *name == span.name).unwrap_or(GRAVEST.len());
    let important = spans.iter().filter(|span| is_important(&span.cve));
    important.min_by_key(|span| (rank(span), span.to.is_some(), span.from, span.cve.clone()))
}

/// The furthest verdict of the host's doors (of all if `None`), whose it is and when that door was used; and how far anybody came
/// through the gravest flaw. A verdict is dated by its own door's rows.
fn tell_doors(line: &mut Line, doors: &[Door], summary: &Summary, host: Option<&str>) {
    let of_host = |door: &&Door| host.is_none_or(|host| is_same(host, &door.host));
    let there: Vec<&Door> = doors.iter().filter(of_host).filter(|door| !door.is_daily()).collect();
    // The furthest, of those the earliest; a door without a time comes last.
    let furthest = there.iter().min_by_key(|door| {
        (Reverse(door.verdict), door.since().map_or((true, i64::MAX), |at| (false, at.nanos)))
    });
    // That there is no door can be said only of what was read.
    let none = match (summary.reading.is_whole(), summary.records_read) {
        (true, _) => Some("none"),
        (false, 0) => None,
        (false, _) => Some(NONE_IN_PART),
    };
    line.verdict = furthest.map(|door| word(door.verdict)).or(none).map(str::to_owned);
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
