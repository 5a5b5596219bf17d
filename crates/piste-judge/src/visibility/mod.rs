//! Which spans of which logs are here, and which are not, and why.
//!
//! In: the days on which rows were counted, the record ids of Windows's logs, the events that say that a log was cleared, the audit
//! policy out of hives, and differences of clocks. Out: spans by host and dataset, in the order of time. Ids that follow each other prove that nothing is
//! missing between two quiet days; ids of an export that was filtered prove nothing, and neither do days of a text log.
//! Source: docs/formats/evtx.md on record ids; gaps of 511 raw files of six machines were none.

mod audit_policy;
mod clears;
mod record_ids;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::exposure::Names;
use piste_lake::{Lake, LakeError};
use piste_model::coverage::Coverage;
use piste_model::visibility::{Because, Visibility, VisibilityKind};
use piste_model::{Clock, Instant};

use self::clears::Clear;
use self::record_ids::RecordIds;

/// Spans of one log that are told one by one; of more the shortest gaps are not told apart from what covers.
const SPANS_MAX: usize = 400;
/// Clocks that differ by less are not worth a word: hosts of a domain may.
const SKEWED_FROM_MS: i64 = 300_000;
const NANOS_A_DAY: i64 = 86_400 * 1_000_000_000;

/// What the spans are made of.
pub struct Sources<'a> {
    /// The rows.
    pub lake: &'a Lake,
    /// Names of hosts, and files.
    pub names: Names<'a>,
    /// Whether a file is a log as Windows keeps it, by the number of its evidence id: only there ids are never left out.
    pub is_raw_log: &'a dyn Fn(u32) -> bool,
    /// The dataset that a channel's events are in.
    pub dataset_of: &'a dyn Fn(&str) -> String,
    /// Days with rows.
    pub coverage: &'a [Coverage],
    /// Differences of clocks.
    pub clocks: &'a [Clock],
}

/// Finds the spans; sorted by host, dataset and time.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn find(sources: &Sources<'_>) -> Result<Vec<Visibility>, LakeError> {
    let ids = record_ids::read(sources)?;
    let clears = clears::read(sources)?;
    let begins_with_clear = |host: &str, dataset: &str, channel: &str, time: Instant| {
        let of = |clear: &Clear| {
            clear.host == host && clear.dataset == dataset && clear.channel.eq_ignore_ascii_case(channel)
        };
        clears.iter().any(|clear| of(clear) && clear.time <= time)
    };
    let mut spans = Vec::new();
    for one in sources.coverage {
        let logs = ids.range((one.host.clone(), one.dataset.clone(), String::new())..);
        let logs = logs.take_while(|((host, dataset, _), _)| *host == one.host && *dataset == one.dataset);
        let before = spans.len();
        for ((_, _, channel), ids) in logs {
            let from = spans.len();
            let begins = ids.runs().first().map_or(one.covered.first, |run| run.first);
            let cleared = begins_with_clear(&one.host, &one.dataset, channel, begins);
            by_record_ids(one, ids, cleared, &mut spans);
            spans.iter_mut().skip(from).for_each(|span| span.channel.clone_from(channel));
        }
        if spans.len() == before {
            by_days(one, &mut spans);
        }
    }
    spans.extend(clears.into_iter().map(cleared));
    spans.extend(audit_policy::read(sources)?);
    spans.extend(sources.clocks.iter().filter_map(|clock| skewed(clock, sources.coverage)));
    spans.extend(not_collected(sources.coverage));
    spans.sort_by(|a, b| {
        let key = |one: &Visibility| (one.from, one.to, one.kind);
        (&a.host, &a.dataset, &a.channel)
            .cmp(&(&b.host, &b.dataset, &b.channel))
            .then_with(|| key(a).cmp(&key(b)))
    });
    Ok(spans)
}

fn span(one: &Coverage, from: Option<Instant>, to: Option<Instant>, because: Because) -> Visibility {
    Visibility {
        host: one.host.clone(),
        dataset: one.dataset.clone(),
        channel: String::new(),
        from,
        to,
        kind: kind_of(&because),
        because,
        rows: Vec::new(),
    }
}

fn kind_of(because: &Because) -> VisibilityKind {
    match because {
        Because::RecordsFollow { .. } | Because::DaysFollow { .. } => VisibilityKind::Covered,
        Because::RecordsMissing { .. } | Because::DaysWithout { .. } => VisibilityKind::Gap,
        Because::ClearEvent { .. } => VisibilityKind::Cleared,
        Because::FirstRecord { .. } => VisibilityKind::RolledOver,
        Because::LogBegins | Because::AuditPolicy { .. } => VisibilityKind::NotLogged,
        Because::Filtered { .. } => VisibilityKind::Exported,
        Because::ClockDiffers { .. } => VisibilityKind::Skewed,
        Because::NoFile => VisibilityKind::NotCollected,
    }
}

/// A log of Windows: each of its records has the number after that of the one before. One that begins with the event that it was
/// cleared tells by that why it begins there.
fn by_record_ids(one: &Coverage, ids: &RecordIds, cleared: bool, spans: &mut Vec<Visibility>) {
    if let Some(because) = ids.filtered() {
        spans.push(span(one, Some(one.covered.first), Some(one.covered.last), because));
        return;
    }
    let runs = ids.runs();
    if let Some(first) = runs.first().filter(|_| !cleared) {
        let because = match first.first_id {
            0 | 1 => Because::LogBegins,
            record => Because::FirstRecord { record },
        };
        spans.push(span(one, None, Some(first.first), because));
    }
    let mut before: Option<&record_ids::Run> = None;
    for run in runs {
        if let Some(before) = before {
            let records = run.first_id.saturating_sub(before.last_id).saturating_sub(1);
            let because = Because::RecordsMissing { records };
            spans.push(span(one, Some(before.last), Some(run.first.max(before.last)), because));
        }
        let records = run.last_id.saturating_sub(run.first_id).saturating_add(1);
        spans.push(span(one, Some(run.first), Some(run.last), Because::RecordsFollow { records }));
        before = Some(run);
    }
}

/// Any other log: its days have rows or not.
fn by_days(one: &Coverage, spans: &mut Vec<Visibility>) {
    let covered = &one.covered;
    let runs = covered.days.runs();
    let begin = |day: i64| Instant { nanos: day.saturating_mul(NANOS_A_DAY), digits: 0 };
    let end = |day: i64| begin(day.saturating_add(1));
    let longest = longest_gaps(runs);
    let mut from: Option<(i64, i64)> = None;
    let cover = |first: i64, last: i64, spans: &mut Vec<Visibility>| {
        let days = u64::try_from(last - first).unwrap_or_default() + 1;
        let (from, to) = (begin(first).max(covered.first), end(last).min(covered.last));
        spans.push(span(one, Some(from), Some(to), Because::DaysFollow { days }));
    };
    for (first, last) in runs {
        match from {
            None => from = Some((*first, *last)),
            Some((start, before)) if longest.contains(&before) => {
                cover(start, before, spans);
                let days = u64::try_from(first - before).unwrap_or_default().saturating_sub(1);
                let because = Because::DaysWithout { days };
                spans.push(span(one, Some(end(before)), Some(begin(*first)), because));
                from = Some((*first, *last));
            }
            Some((start, _)) => from = Some((start, *last)),
        }
    }
    if let Some((start, last)) = from {
        cover(start, last, spans);
    }
}

/// Last days before the gaps that are told, the longest ones.
fn longest_gaps(runs: &[(i64, i64)]) -> std::collections::BTreeSet<i64> {
    let next = runs.iter().skip(1);
    let mut gaps: Vec<(i64, i64)> =
        runs.iter().zip(next).map(|((_, last), (first, _))| (first.saturating_sub(*last), *last)).collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    gaps.into_iter().take(SPANS_MAX).map(|(_, last)| last).collect()
}

/// What was there before a log was cleared is gone, save copies that stand elsewhere.
fn cleared(clear: Clear) -> Visibility {
    Visibility {
        host: clear.host,
        dataset: clear.dataset,
        channel: clear.channel,
        from: None,
        to: Some(clear.time),
        kind: VisibilityKind::Cleared,
        because: Because::ClearEvent { event_code: clear.event_code, account: clear.account },
        rows: clear.row.into_iter().collect(),
    }
}

fn skewed(clock: &Clock, coverage: &[Coverage]) -> Option<Visibility> {
    let of = |one: &&Coverage| one.dataset == clock.dataset && one.host.eq_ignore_ascii_case(&clock.host);
    let one = coverage.iter().find(of).filter(|_| clock.offset_ms.abs() >= SKEWED_FROM_MS)?;
    let because = Because::ClockDiffers { offset_ms: clock.offset_ms };
    let found = span(one, Some(one.covered.first), Some(one.covered.last), because);
    Some(Visibility { rows: clock.row.clone().into_iter().collect(), ..found })
}

/// A log that every such host writes.
struct Expected {
    dataset: &'static str,
    /// Written where a host has rows of a dataset that begins so.
    beside: &'static str,
}

/// Logs whose absence leaves questions open. Windows writes the first four on each host, Exchange the others on each server.
const EXPECTED: [Expected; 6] = [
    Expected { dataset: "windows.security", beside: "windows." },
    Expected { dataset: "windows.system", beside: "windows." },
    Expected { dataset: "windows.powershell", beside: "windows." },
    Expected { dataset: "windows.terminalservices-localsessionmanager", beside: "windows." },
    Expected { dataset: "iis.access", beside: "exchange." },
    Expected { dataset: "exchange.httpproxy", beside: "exchange." },
];

fn not_collected(coverage: &[Coverage]) -> Vec<Visibility> {
    let mut hosts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in coverage.iter().filter(|one| !one.host.is_empty()) {
        hosts.entry(&one.host).or_default().push(&one.dataset);
    }
    let mut lacking = Vec::new();
    for (host, datasets) in hosts {
        let lacks = |expected: &&Expected| {
            !datasets.contains(&expected.dataset)
                && datasets.iter().any(|dataset| dataset.starts_with(expected.beside))
        };
        lacking.extend(EXPECTED.iter().filter(lacks).map(|expected| Visibility {
            host: host.to_owned(),
            dataset: expected.dataset.to_owned(),
            channel: String::new(),
            from: None,
            to: None,
            kind: VisibilityKind::NotCollected,
            because: Because::NoFile,
            rows: Vec::new(),
        }));
    }
    lacking
}
