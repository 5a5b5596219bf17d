//! What the case knows beside the rows of doors: evidence files, covered spans, exposure, clocks.
//!
//! In: the case's own figures. Out: answers to the questions that a verdict asks: was the flaw open then, did a log cover
//! that time, whose bytes are these.

use std::collections::BTreeMap;

use piste_lake::Lake;
use piste_model::hash::hex;
use piste_model::{Clock, DoorState, EvidenceId, Exposure, Instant, RowRef};
use serde::{Deserialize, Serialize};

use super::fact::Place;
use crate::exposure::{Exposed, any_state};

/// A span that a dataset covers on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The host.
    pub host: String,
    /// The dataset.
    pub dataset: String,
    /// Its earliest row.
    pub first: Instant,
    /// Its latest row.
    pub last: Instant,
}

/// A sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its locator.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// What doors are sought in and judged by.
pub struct Known<'a> {
    /// The rows.
    pub lake: &'a Lake,
    /// A host's one name.
    pub host: &'a dyn Fn(&str) -> String,
    /// Files by the number of their evidence id.
    pub evidence: &'a BTreeMap<u32, Sealed>,
    /// What the logs cover.
    pub coverage: &'a [Span],
    /// Which flaws were open when; empty where that was not looked into.
    pub exposures: &'a [Exposure],
    /// Measured differences of clocks; empty where that was not looked into.
    pub clocks: &'a [Clock],
}

impl Known<'_> {
    pub(crate) fn row(&self, place: &Place) -> RowRef {
        let file = self.evidence.get(&place.evidence);
        RowRef {
            evidence_id: EvidenceId(place.evidence),
            path: file.map(|file| file.path.clone()).unwrap_or_default(),
            record: place.record,
            offset: place.offset,
            file_sha256: file.map(|file| file.sha256.clone()).unwrap_or_default(),
            record_hash: hex(&place.hash),
        }
    }

    /// Whether any of the flaws was open on the host at the time, with the sentence that says what that rests on.
    pub(crate) fn exposed(&self, host: &str, cve: &[&str], time: Option<Instant>) -> (Exposed, String) {
        let (Some(server), Some(time)) = (self.server(host), time) else {
            return (Exposed::Unknown, String::new());
        };
        let state = any_state(server, cve, time);
        (state.exposed, state.why)
    }

    /// Whether a flaw is open where the evidence ends.
    pub(crate) fn at_the_end(&self, host: &str, cve: &[&str]) -> DoorState {
        let Some(server) = self.server(host) else { return DoorState::Unknown };
        let is = |span: &&piste_model::OpenSpan| cve.contains(&span.cve.as_str());
        let spans: Vec<_> = server.open.iter().filter(is).collect();
        if spans.iter().any(|span| span.to.is_none()) {
            DoorState::Open
        } else if spans.is_empty() || server.unknown_spans.iter().any(|span| is(&span) && span.to.is_none()) {
            DoorState::Unknown
        } else {
            DoorState::Closed
        }
    }

    fn server(&self, host: &str) -> Option<&Exposure> {
        self.exposures.iter().find(|server| server.host.eq_ignore_ascii_case(host))
    }

    /// What a log of the host would have shown, where it does not cover the time; `None` where it does.
    pub(crate) fn lacks(
        &self,
        host: &str,
        dataset: &[&str],
        name: &str,
        would: &str,
        time: Option<Instant>,
    ) -> Option<String> {
        let spans: Vec<&Span> = self
            .coverage
            .iter()
            .filter(|span| span.host.eq_ignore_ascii_case(host) && dataset.contains(&span.dataset.as_str()))
            .collect();
        let (first, last) =
            (spans.iter().map(|span| span.first).min(), spans.iter().map(|span| span.last).max());
        match (first, last, time) {
            (Some(first), Some(last), Some(time)) if time < first || time > last => Some(format!(
                "{name} of {host} cover {first} to {last} and not {time}: they would show {would}"
            )),
            (Some(_), Some(_), _) => None,
            _ => Some(format!("no {name} of {host} were read: they would show {would}")),
        }
    }

    /// From when to when these logs of a host reach, all together; `None` where there are none.
    pub(crate) fn covers(&self, host: &str, dataset: &[&str]) -> Option<(Instant, Instant)> {
        let of_host =
            |span: &&Span| span.host.eq_ignore_ascii_case(host) && dataset.contains(&span.dataset.as_str());
        let spans = || self.coverage.iter().filter(of_host);
        Some((spans().map(|span| span.first).min()?, spans().map(|span| span.last).max()?))
    }

    /// The two clocks of this host's records, in words, where they differ by a second or more.
    pub(crate) fn clock_words(&self, host: &str) -> Vec<String> {
        self.clocks
            .iter()
            .filter(|clock| clock.host.eq_ignore_ascii_case(host) && clock.offset_ms.abs() >= 1_000)
            .map(|clock| {
                format!(
                    "two clocks: {} is {:+} s on {} ({} pairs); the times here are those of the records' headers",
                    clock.between,
                    clock.offset_ms / 1_000,
                    clock.dataset,
                    clock.samples
                )
            })
            .collect()
    }
}

/// A flaw that was open while no web log of the server was being written that is in the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotVisible {
    /// The server.
    pub host: String,
    /// Identifiers of the flaws with this span, sorted.
    pub cve: Vec<String>,
    /// From when; `None` where the evidence does not reach the beginning.
    pub from: Option<Instant>,
    /// Until when.
    pub to: Option<Instant>,
    /// What that means, in a sentence.
    pub why: String,
}

/// The spans in which flaws were open and no web log shows what was done with them.
pub fn not_visible(known: &Known<'_>) -> Vec<NotVisible> {
    let mut found: BTreeMap<(String, Option<i64>, Option<i64>), NotVisible> = BTreeMap::new();
    for server in known.exposures {
        let web = ["iis.access", "exchange.httpproxy"];
        let of_host = |span: &&Span| {
            span.host.eq_ignore_ascii_case(&server.host) && web.contains(&span.dataset.as_str())
        };
        let spans: Vec<&Span> = known.coverage.iter().filter(of_host).collect();
        let begins = spans.iter().map(|span| span.first).min();
        for open in &server.open {
            // Logs that begin before the flaw was open show its whole span, or what gaps they have is told elsewhere.
            if begins.is_some_and(|begins| open.from.is_some_and(|from| begins <= from)) {
                continue;
            }
            let to = match (begins, open.to) {
                (Some(begins), Some(to)) => Some(begins.min(to)),
                (begins, to) => begins.or(to),
            };
            let key = (server.host.clone(), open.from.map(|at| at.nanos), to.map(|at| at.nanos));
            let one = found.entry(key).or_insert_with(|| NotVisible {
                host: server.host.clone(),
                cve: Vec::new(),
                from: open.from,
                to,
                why: why_not_visible(&server.host, open.from, to, begins),
            });
            one.cve.push(open.cve.clone());
        }
    }
    let mut found: Vec<NotVisible> = found.into_values().chain(logons_not_visible(known)).collect();
    for one in &mut found {
        one.cve.sort_unstable();
        one.cve.dedup();
    }
    found
}

/// Logs of logons, by the way in that they show.
const LOGONS: [(&str, &[&str]); 3] = [
    ("VPN logons", &["nps.accounting", "network.vpn"]),
    (
        "Remote Desktop sessions",
        &["windows.terminalservices-localsessionmanager", "windows.terminalservices-remoteconnectionmanager"],
    ),
    (
        "sign-ins to mailboxes, and all else that is asked for over the web,",
        &["iis.access", "exchange.httpproxy"],
    ),
];

/// For each host that people log on to from outside the time before its logs of that. A password has no day on which it
/// was open: whoever had it came when he wanted.
fn logons_not_visible(known: &Known<'_>) -> Vec<NotVisible> {
    let mut hosts: Vec<&str> = known.coverage.iter().map(|span| span.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut found = Vec::new();
    for host in hosts.into_iter().filter(|host| !host.is_empty()) {
        let mail = known.server(host).is_some();
        let begins: Vec<(&str, Instant)> = LOGONS
            .iter()
            .filter(|(name, _)| mail || !name.contains("mailboxes"))
            .filter_map(|(name, datasets)| Some((*name, known.covers(host, datasets)?.0)))
            .collect();
        let Some(to) = begins.iter().map(|(_, first)| *first).max() else { continue };
        let told: Vec<String> =
            begins.iter().map(|(name, first)| format!("{name} are logged from {first} on")).collect();
        let why = format!(
            "on {host} {}: who tried what before, or came in with a password, cannot be seen",
            told.join(", ")
        );
        found.push(NotVisible { host: host.to_owned(), cve: Vec::new(), from: None, to: Some(to), why });
    }
    found
}

fn why_not_visible(
    host: &str,
    from: Option<Instant>,
    to: Option<Instant>,
    begins: Option<Instant>,
) -> String {
    let from = from.map_or_else(|| "a time before the evidence".to_owned(), |at| at.to_string());
    let to = to.map_or_else(|| "the end of the evidence".to_owned(), |at| at.to_string());
    match begins {
        Some(begins) => format!(
            "the web logs of {host} that are here begin at {begins}: whether anybody came in from {from} to {to} cannot be seen in them"
        ),
        None => format!(
            "no web log of {host} is here: whether anybody came in from {from} to {to} cannot be seen"
        ),
    }
}
