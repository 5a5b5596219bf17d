//! Sightings of one server to the builds in force, in the order of time.
//!
//! In: for each (build, source, day) the first and the last row. Out: one entry a build with the span in which it was seen.
//! Exchange is updated upwards: an older build after a newer one is a straggler for two days (processes that were not yet
//! restarted), and later a new beginning that says nothing of what came before. Paths in web logs are weaker than the rest:
//! clients keep old pages for weeks and strangers ask for any build, so that a path counts only where it led a day's
//! answered requests, and never takes a build back.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::exchange::{Version, catalog};

use super::seen::{At, Day, Source};

/// Nanoseconds for which processes of an older build may go on after an update.
const STRAGGLERS: i64 = 2 * 86_400_000_000_000;
/// A path counts where at least one in so many of the day's answered paths has its build.
const SHARE: u64 = 4;

/// A build and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: Version,
    pub(super) first: At,
    pub(super) last: At,
    pub(super) sources: BTreeSet<Source>,
    pub(super) count: u64,
    pub(super) older: bool,
    pub(super) perhaps_updated: bool,
}

/// The builds in force, in the order of time.
pub(super) fn entries(days: &[&Day]) -> Vec<Entry> {
    let counted = counted_paths(days);
    let mut epochs: Vec<Vec<Entry>> = vec![Vec::new()];
    for day in days {
        if day.source == Source::Path && !counted.contains(&(day.number, day.version)) {
            continue;
        }
        let Some(epoch) = epochs.last_mut() else { continue };
        match place(epoch, day) {
            Placed::Same(at) => {
                if let Some(entry) = epoch.get_mut(at) {
                    extend(entry, day);
                }
            }
            Placed::New => epoch.push(entry_of(day, false)),
            Placed::Stale => {}
            Placed::Older => epochs.push(vec![entry_of(day, true)]),
        }
    }
    let mut entries: Vec<Entry> = epochs.into_iter().flat_map(ended).collect();
    mark_unsure(&mut entries);
    entries
}

/// (day, build) of the paths that lead a day, or nearly. Three and four parts are counted apart.
fn counted_paths(days: &[&Day]) -> BTreeSet<(i64, Version)> {
    let mut all: BTreeMap<(i64, bool), u64> = BTreeMap::new();
    let mut each: BTreeMap<(i64, Version), u64> = BTreeMap::new();
    for day in days.iter().filter(|day| day.source == Source::Path) {
        *all.entry((day.number, day.version.revision.is_some())).or_default() += day.count;
        *each.entry((day.number, day.version)).or_default() += day.count;
    }
    let leads = |day: i64, version: Version, count: u64| {
        let of = all.get(&(day, version.revision.is_some())).copied().unwrap_or_default();
        // A line that the catalogue does not know is believed where nothing else was answered.
        let known = catalog().line(version).next().is_some();
        if known { count.saturating_mul(SHARE) >= of } else { count == of }
    };
    each.into_iter()
        .filter(|((day, version), count)| leads(*day, *version, *count))
        .map(|(key, _)| key)
        .collect()
}

enum Placed {
    Same(usize),
    New,
    Stale,
    Older,
}

/// Where a day's sighting belongs in the builds of one upward run.
fn place(epoch: &[Entry], day: &Day) -> Placed {
    let same = epoch.iter().position(|entry| entry.version == day.version);
    let newer: Vec<&Entry> = epoch.iter().filter(|entry| is_after(entry.version, day.version)).collect();
    let Some(since) = newer.iter().map(|entry| entry.first).min() else {
        return same.map_or(Placed::New, Placed::Same);
    };
    if day.last.time <= since.time {
        return same.map_or(Placed::New, Placed::Same);
    }
    let strong = day.source != Source::Path
        && newer.iter().any(|entry| entry.sources.iter().any(|one| *one != Source::Path));
    let late = day.first.time.nanos.saturating_sub(since.time.nanos) > STRAGGLERS;
    if strong && late { Placed::Older } else { Placed::Stale }
}

/// Whether `a` can only be installed after `b` was: a higher number, where three parts stand for every update of theirs.
fn is_after(a: Version, b: Version) -> bool {
    match (a.revision, b.revision) {
        (Some(_), Some(_)) => a > b,
        _ => a.line() > b.line(),
    }
}

fn entry_of(day: &Day, older: bool) -> Entry {
    let mut entry = Entry {
        version: day.version,
        first: day.first,
        last: day.last,
        sources: BTreeSet::new(),
        count: 0,
        older,
        perhaps_updated: false,
    };
    extend(&mut entry, day);
    entry
}

fn extend(entry: &mut Entry, day: &Day) {
    entry.first = entry.first.min(day.first);
    entry.last = entry.last.max(day.last);
    entry.sources.insert(day.source);
    entry.count += day.count;
}

/// An upward run in the order of time: a build ends at the latest where a newer one is first seen.
fn ended(mut epoch: Vec<Entry>) -> Vec<Entry> {
    epoch.sort_by_key(|entry| (entry.first, entry.version));
    let starts: Vec<(Version, At)> = epoch.iter().map(|entry| (entry.version, entry.first)).collect();
    for entry in &mut epoch {
        let next = starts.iter().filter(|(version, _)| is_after(*version, entry.version)).map(|(_, at)| *at);
        if let Some(next) = next.min().filter(|next| entry.last > *next) {
            entry.last = next.max(entry.first);
        }
    }
    if let Some(at) = epoch.iter().position(|entry| entry.older) {
        // The mark stands at the beginning of the run.
        for entry in &mut epoch {
            entry.older = false;
        }
        debug_assert!(at < epoch.len());
        if let Some(first) = epoch.first_mut() {
            first.older = true;
        }
    }
    epoch
}

/// A component that has only ever named the update's own revision may be blind to security updates.
fn mark_unsure(entries: &mut [Entry]) {
    let is_base = |version: Version| {
        version.revision.is_some()
            && catalog().line(version).next().is_some_and(|base| base.version == version)
    };
    let follows: BTreeSet<Source> = entries
        .iter()
        .filter(|entry| entry.version.revision.is_some() && !is_base(entry.version))
        .flat_map(|entry| entry.sources.iter().copied())
        .collect();
    for entry in entries.iter_mut().filter(|entry| is_base(entry.version) && entry.version.major == 15) {
        entry.perhaps_updated =
            entry.sources.iter().all(|source| source.is_component() && !follows.contains(source));
    }
}
