//! `piste watchlist`: what the watch must look for, and for how long.
//!
//! In: the removal list, the last verification, doors, indicators that were seen. Out: one entry a name by which a thing is known again,
//! with the reason and the trace, as JSON that a watch loads or as a table. It lasts as long as the intruder stayed away at most, three
//! months at least and two years at most.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use piste_model::removal::{Measure, NameSort, RemovalItem, TraceKind, Verification, VerifyResult};
use piste_model::watchlist::{WatchEntry, WatchMatch, WatchReason, Watchlist};
use piste_model::{Instant, Sighting};
use piste_report::columns::Table;
use piste_report::escape::terminal;
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::removal::{CaseResults, lines};
use crate::response::write_file;
use crate::{clock, out, verify};

/// Days that a watch lasts, at least and at most.
const DAYS: (u64, u64) = (90, 730);
/// Characters of a value in the table.
const VALUE_CHARS: usize = 100;
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// Shows what the watch must look for after the eviction, and for how long.
///
/// Each entry names how its value is compared, the trace that it came from and what a hit would mean. --json and -o write it for a
/// machine. The watch lasts as long as the intruder's longest pause or dwell, three months at least.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  piste watchlist\n  piste watchlist -o watchlist.json")]
pub(crate) struct WatchlistOptions {
    /// Write it as JSON into this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Days that the watch lasts, in place of what the intrusion suggests.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3_650))]
    days: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &WatchlistOptions, common: &Common) -> Result<u8, Failure> {
    let list = of(&common.case, arguments.days, clock::now(common))?;
    if let Some(path) = &arguments.output {
        write_file(path, &(serde_json::to_string_pretty(&list).unwrap_or_default() + "\n"))?;
        out::note(&format!("{} entries written", list.entries.len()));
    }
    if arguments.json {
        out::data(&format!("{}\n", json!(list)));
    } else if arguments.output.is_none() {
        out::data(&shown(&list));
    }
    Ok(0)
}

/// Makes it.
fn of(case: &Path, days: Option<u64>, now: Instant) -> Result<Watchlist, Failure> {
    let results = CaseResults::of(case)?;
    let removal = results.removal()?;
    let verified: BTreeMap<String, VerifyResult> = last_verification(&results, case)
        .filter(|one| one.list_sha256 == removal.sha256)
        .map(|one| one.traces.into_iter().map(|trace| (trace.id, trace.result)).collect())
        .unwrap_or_default();
    let longest = removal.items.iter().map(|item| item.longest_pause / 86_400).max().unwrap_or_default();
    let dwell = results
        .trail
        .intrusions
        .iter()
        .map(|one| u64::try_from(one.dwell_days.min).unwrap_or_default())
        .max();
    let because_days = longest.max(dwell.unwrap_or_default());
    let days = days.unwrap_or_else(|| because_days.clamp(DAYS.0, DAYS.1));
    let nanos = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_NANOS);
    let until = now.checked_add_nanos(nanos);
    let mut made = Making { entries: BTreeMap::new(), now, until };
    for item in &removal.items {
        made.add_item(item, verified.get(&item.id).copied());
    }
    for door in results.doors.iter().filter(|door| door.let_somebody_in() && !door.is_daily()) {
        if door.place.starts_with('/') {
            made.add(
                WatchMatch::Url,
                &door.place.to_lowercase(),
                "door",
                &door.host,
                WatchReason::WayIn,
                std::slice::from_ref(&door.id),
            );
        }
    }
    for sighting in sightings(&results, case)? {
        made.add(
            WatchMatch::Indicator,
            &sighting.indicator,
            &sighting.kind,
            "",
            WatchReason::IndicatorSeen,
            &[],
        );
    }
    let mut entries: Vec<WatchEntry> = made.entries.into_values().collect();
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.id = format!("W-{}", at + 1);
    }
    Ok(Watchlist { version: Watchlist::VERSION, removal_sha256: removal.sha256, days, because_days, entries })
}

fn last_verification(results: &CaseResults, case: &Path) -> Option<Verification> {
    results.seen.results.hash(verify::FILE)?;
    let text = results.seen.results.text(case, verify::FILE).ok()?;
    serde_json::from_str(&text).ok()
}

fn sightings(results: &CaseResults, case: &Path) -> Result<Vec<Sighting>, Failure> {
    if results.seen.results.hash(crate::sightings::FILE).is_none() {
        return Ok(Vec::new());
    }
    lines(&results.seen, case, crate::sightings::FILE)
}

/// Entries as they grow: one a (comparison, value, computer).
struct Making {
    entries: BTreeMap<(WatchMatch, String, String), WatchEntry>,
    now: Instant,
    until: Option<Instant>,
}

impl Making {
    fn add(
        &mut self,
        matches: WatchMatch,
        value: &str,
        what: &str,
        host: &str,
        reason: WatchReason,
        traces: &[String],
    ) {
        if value.is_empty() {
            return;
        }
        let key = (matches, value.to_owned(), host.to_lowercase());
        let entry = self.entries.entry(key).or_insert_with(|| WatchEntry {
            id: String::new(),
            matches,
            value: value.to_owned(),
            what: what.to_owned(),
            host: host.to_owned(),
            reason,
            traces: Vec::new(),
            from: Some(self.now),
            until: self.until,
        });
        let known: BTreeSet<String> = entry.traces.iter().cloned().collect();
        entry.traces.extend(traces.iter().filter(|one| !known.contains(*one)).cloned());
    }

    fn add_item(&mut self, item: &RemovalItem, result: Option<VerifyResult>) {
        let reason = match (item.measure, result) {
            (Measure::Block, _) => WatchReason::HisAddress,
            (Measure::Reset, _) => WatchReason::HisAccount,
            (Measure::Remove, Some(VerifyResult::Gone)) => WatchReason::Removed,
            (Measure::Remove, _) => WatchReason::NotKnownGone,
        };
        // What spreads is looked for everywhere; a name that may be chosen by anybody, on its own computer.
        for name in &item.names {
            let (matches, host) = match name.sort {
                NameSort::Path => (WatchMatch::Path, item.host.as_str()),
                NameSort::Url => (WatchMatch::Url, item.host.as_str()),
                NameSort::Sha256 => (WatchMatch::Sha256, ""),
                NameSort::Runs => (WatchMatch::Path, item.host.as_str()),
                NameSort::RegistryValue => (WatchMatch::RegistryValue, item.host.as_str()),
                NameSort::Thumbprint => (WatchMatch::Thumbprint, ""),
                NameSort::Address => (WatchMatch::Address, ""),
                NameSort::Sid if item.kind == TraceKind::Account => (WatchMatch::Sid, ""),
                NameSort::Name if item.kind == TraceKind::Account => (WatchMatch::Account, ""),
                NameSort::Name | NameSort::Sid => match item.kind {
                    TraceKind::GroupRight | TraceKind::MailboxRight | TraceKind::MailboxRule => {
                        (WatchMatch::Right, "")
                    }
                    _ => (WatchMatch::Name, item.host.as_str()),
                },
            };
            let mut traces = vec![item.id.clone()];
            traces.extend(item.traces.iter().cloned());
            self.add(matches, &name.value, item.kind.as_str(), host, reason, &traces);
        }
    }
}

fn shown(list: &Watchlist) -> String {
    if list.entries.is_empty() {
        return "Nothing is known by which he would be known again: the removal list is empty.\n".to_owned();
    }
    let mut table = Table::new(&["id", "compare", "value", "host", "why", "by"]);
    for entry in &list.entries {
        let compare = json!(entry.matches).as_str().unwrap_or_default().to_owned();
        table.rows.push(vec![
            entry.id.clone(),
            compare,
            terminal(&entry.value, VALUE_CHARS),
            terminal(&entry.host, VALUE_CHARS),
            entry.reason.in_words().to_owned(),
            entry.traces.join(", "),
        ]);
    }
    format!(
        "{}\nFor {} days: the intruder's dwell and longest pause come to {} days.\n",
        table.text(out::table_width()),
        list.days,
        list.because_days
    )
}
