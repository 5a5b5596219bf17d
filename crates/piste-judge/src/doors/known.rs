//! What the case knows beside the rows of doors: evidence files, covered spans, exposure, clocks.
//!
//! In: the case's own figures. Out: answers to the questions that a verdict asks: was the flaw open then, did a log cover
//! that time, whose bytes are these.

use std::collections::BTreeMap;

use ipnet::IpNet;
use piste_lake::Lake;
use piste_model::coverage::{covered, date};
use piste_model::hash::hex;
use piste_model::reason::{BuildBasis, LogLooked, LogName, Would};
use piste_model::{Clock, Coverage, Covered, DoorState, EvidenceId, Exposure, Instant, ReasonKind, RowRef};
use serde::{Deserialize, Serialize};

use super::rows::Place;
use crate::exposure::{Exposed, any_state};

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
    /// Networks of proxies whose word on the client is taken, besides those that are none of the Internet.
    pub proxies: &'a [IpNet],
    /// Files by the number of their evidence id.
    pub evidence: &'a BTreeMap<u32, Sealed>,
    /// What the logs cover.
    pub coverage: &'a [Coverage],
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

    /// Whether any of the flaws was open on the host at the time, with what that rests on.
    pub(crate) fn exposed(
        &self,
        host: &str,
        cve: &[&str],
        time: Option<Instant>,
    ) -> (Exposed, Option<BuildBasis>) {
        let (Some(server), Some(time)) = (self.server(host), time) else {
            return (Exposed::Unknown, None);
        };
        let state = any_state(server, cve, time);
        (state.exposed, Some(state.basis))
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
        wanted: &MissingLog,
        would: Would,
        time: Option<Instant>,
    ) -> Option<ReasonKind> {
        let (log, host_name) = (wanted.log, host.to_owned());
        match (self.covers(host, wanted.datasets), time) {
            (Some(covered), Some(time)) if time < covered.first || time > covered.last => {
                let (first, last) = (covered.first, covered.last);
                Some(ReasonKind::SettleLogElsewhere { log, host: host_name, first, last, time, would })
            }
            (Some(covered), Some(time)) if !covered.has(time) => {
                let (day, days) = (date(time.day()), covered.log_days());
                Some(ReasonKind::SettleLogGap { log, host: host_name, day, days, would })
            }
            (Some(_), _) => None,
            (None, _) => Some(ReasonKind::SettleLogAbsent { log, host: host_name, would }),
        }
    }

    /// What these logs of a host cover, all together; `None` where there are none.
    pub(crate) fn covers(&self, host: &str, dataset: &[&str]) -> Option<Covered> {
        covered(self.coverage, host, dataset)
    }

    /// What a negative reason about a host rests on: each log that would have shown it, with its days.
    pub(crate) fn looked_through(&self, host: &str, logs: &[Log]) -> ReasonKind {
        let look = |log: &Log| LogLooked {
            log: log.slug.to_owned(),
            days: self.covers(host, log.datasets).map(|covered| covered.log_days()),
        };
        ReasonKind::LookedThrough { host: host.to_owned(), logs: logs.iter().map(look).collect() }
    }

    /// The two clocks of this host's records, where they differ by a second or more.
    pub(crate) fn two_clocks(&self, host: &str) -> Vec<ReasonKind> {
        self.clocks
            .iter()
            .filter(|clock| clock.host.eq_ignore_ascii_case(host) && clock.offset_ms.abs() >= 1_000)
            .map(|clock| ReasonKind::TwoClocks {
                between: clock.between.clone(),
                seconds: clock.offset_ms / 1_000,
                dataset: clock.dataset.clone(),
                samples: clock.samples,
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

/// Datasets that people know under one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log {
    /// Its name in reasons.
    slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) datasets: &'static [&'static str],
}

/// A log that would settle something, with the datasets that it is read into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MissingLog {
    log: LogName,
    datasets: &'static [&'static str],
}

impl MissingLog {
    pub(crate) const IIS: Self = Self { log: LogName::Iis, datasets: &["iis.access"] };
    pub(crate) const HTTP_PROXY: Self = Self { log: LogName::HttpProxy, datasets: &["exchange.httpproxy"] };
    pub(crate) const CONTROL_PANEL: Self = Self {
        log: LogName::ControlPanel,
        datasets: &["exchange.ecp-server", "windows.msexchange-management"],
    };
    pub(crate) const REMOTE_POWERSHELL: Self =
        Self { log: LogName::RemotePowerShell, datasets: &["exchange.rps-http", "exchange.rps-cmdlet"] };
    pub(crate) const REMOTE_CMDLETS: Self =
        Self { log: LogName::RemoteCmdlets, datasets: &["exchange.rps-cmdlet"] };
    pub(crate) const PROCESSES: Self = Self { log: LogName::Processes, datasets: PROCESSES.datasets };
    pub(crate) const SECURITY: Self = Self { log: LogName::Security, datasets: &["windows.security"] };
    pub(crate) const EWS: Self = Self { log: LogName::Ews, datasets: &["exchange.ews"] };
    pub(crate) const EWS_AND_MAPI: Self =
        Self { log: LogName::EwsAndMapi, datasets: &["exchange.ews", "exchange.mapi-http"] };
}

/// Logs of what was asked for over the web.
pub(crate) const WEB: Log =
    Log { slug: "web", name: "web logs", datasets: &["iis.access", "exchange.httpproxy"] };
/// Events of processes.
pub(crate) const PROCESSES: Log = Log {
    slug: "processes",
    name: "Sysmon and Security logs",
    datasets: &["windows.sysmon", "windows.security"],
};
/// VPN gateways and network policy servers.
pub(crate) const VPN: Log =
    Log { slug: "vpn", name: "VPN logons", datasets: &["nps.accounting", "network.vpn"] };
/// Remote Desktop.
pub(crate) const REMOTE_DESKTOP: Log = Log {
    slug: "remote-desktop",
    name: "Remote Desktop sessions",
    datasets: &[
        "windows.terminalservices-localsessionmanager",
        "windows.terminalservices-remoteconnectionmanager",
    ],
};

/// Gaps of one server's web logs that are told one by one.
const GAPS_TOLD: usize = 12;

/// The spans in which flaws were open and no web log shows what was done with them.
pub fn not_visible(known: &Known<'_>) -> Vec<NotVisible> {
    let mut found: BTreeMap<(String, Option<i64>, Option<i64>), NotVisible> = BTreeMap::new();
    for server in known.exposures {
        let logs = known.covers(&server.host, WEB.datasets);
        let begins = logs.as_ref().map(|logs| logs.first);
        let gaps = logs.as_ref().map(|logs| logs.days.long_gaps(GAPS_TOLD)).unwrap_or_default();
        for open in &server.open {
            for gap in &gaps {
                let (from, to) = (start_of(gap.from), start_of(gap.to.saturating_add(1)));
                if open.from.is_some_and(|open| open >= to) || open.to.is_some_and(|open| open <= from) {
                    continue;
                }
                let key = (server.host.clone(), Some(from.nanos), Some(to.nanos));
                let one = found.entry(key).or_insert_with(|| NotVisible {
                    host: server.host.clone(),
                    cve: Vec::new(),
                    from: Some(from),
                    to: Some(to),
                    why: format!(
                        "the web logs of {} that are here have no row from {} to {}, {} days: whether anybody came in then cannot be seen in them",
                        server.host,
                        date(gap.from),
                        date(gap.to),
                        gap.days()
                    ),
                });
                one.cve.push(open.cve.clone());
            }
            // Logs that begin before the flaw was open show its span, but for their gaps.
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

/// The first moment of a day since 1970.
fn start_of(day: i64) -> Instant {
    Instant { nanos: day.saturating_mul(86_400_000_000_000), digits: 0 }
}

/// For each host that people log on to from outside the time before its logs of that. A password has no day on which it
/// was open: whoever had it came when he wanted.
fn logons_not_visible(known: &Known<'_>) -> Vec<NotVisible> {
    let mut hosts: Vec<&str> = known.coverage.iter().map(|one| one.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let sign_ins = Log {
        slug: "web",
        name: "sign-ins to mailboxes, and all else that is asked for over the web,",
        datasets: WEB.datasets,
    };
    let mut found = Vec::new();
    for host in hosts.into_iter().filter(|host| !host.is_empty()) {
        let mail = known.server(host).is_some().then_some(sign_ins);
        let logs: Vec<(&str, Covered)> = [VPN, REMOTE_DESKTOP]
            .into_iter()
            .chain(mail)
            .filter_map(|log| Some((log.name, known.covers(host, log.datasets)?)))
            .collect();
        let Some(to) = logs.iter().map(|(_, covered)| covered.first).max() else { continue };
        let told: Vec<String> =
            logs.iter().map(|(name, covered)| format!("{name} are logged {}", covered.in_words())).collect();
        let why = format!(
            "on {host} {}: who tried what at other times, or came in with a password, cannot be seen",
            told.join("; ")
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
