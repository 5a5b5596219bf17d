//! Known indicators in the rows of the lake and among the sealed files.
//!
//! In: [`Indicators`], the lake, and the sealed files with their hashes. Out: one [`Sighting`] an indicator that was seen, and
//! the finding that says so. Files of the lake are looked through side by side; the answer does not depend on how many threads
//! do so.

mod bloom;
mod index;
mod matcher;
mod patterns;
mod phrases;
mod rows;
mod seen;
mod tokens;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use piste_lake::{Lake, LakeError, LakeFile};
use piste_model::hash::{RecordHash, sha256_hex};
use piste_model::locator::path_on_host;
use piste_model::{Entities, Evidence, EvidenceId, Finding, FindingId, FindingKind, Level, Sighting};
use piste_rules::indicators::fields::{self, Carries};
use piste_rules::indicators::{Indicator, Indicators, Kind};

use self::index::Index;
use self::matcher::Scratch;
use self::rows::Worker;
use self::seen::{AllSeen, Place, Seen};

/// Time spent, of all threads together, in nanoseconds.
#[derive(Debug, Default)]
pub struct Spent {
    /// Reading distinct values and looking them up.
    pub values: AtomicU64,
    /// Reading the rows that have them.
    pub rows: AtomicU64,
}

/// Where and how to look.
pub struct Search<'a> {
    /// The rows.
    pub lake: &'a Lake,
    /// The sealed files.
    pub evidence: &'a [Evidence],
    /// The one name of a host.
    pub host: &'a dyn Fn(&str) -> String,
    /// At least one is used.
    pub threads: usize,
    /// Whether the user asked to stop.
    pub stop: &'a AtomicBool,
    /// The highest evidence id that the run knew which this one is compared with.
    pub since: Option<u32>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Found {
    /// The most telling first: by level, then time, then value.
    pub sightings: Vec<Sighting>,
    /// One for each sighting, in the same order; without number.
    pub findings: Vec<Finding>,
    /// Rows looked at.
    pub rows: u64,
    /// Values looked up.
    pub values: u64,
    /// Where the time went.
    pub spent: Spent,
}

/// Looks for indicators.
///
/// # Errors
/// Where a file of the lake cannot be read, or the user asked to stop.
pub fn find(indicators: &Indicators, search: &Search<'_>) -> Result<Found, LakeError> {
    let mut found = Found::default();
    if indicators.is_empty() {
        return Ok(found);
    }
    let index = Index::new(indicators);
    let files = search.lake.files(&|_| true)?;
    let mut seen = in_rows(&index, &files, search, &mut found)?;
    in_files(&index, search, &mut seen);
    let mut order: Vec<(u32, Seen)> = seen.into_iter().collect();
    order.sort_by_key(|(at, _)| *at);
    let evidence: BTreeMap<u32, &Evidence> = search.evidence.iter().map(|one| (one.id.0, one)).collect();
    let file = |id: EvidenceId| {
        evidence.get(&id.0).map(|one| (one.path.clone(), one.sha256.clone())).unwrap_or_default()
    };
    let mut told: Vec<(Sighting, Finding)> = Vec::new();
    for (at, seen) in order {
        let Some(indicator) = usize::try_from(at).ok().and_then(|at| indicators.all.get(at)) else {
            continue;
        };
        let mut sighting = blank(indicators, indicator);
        seen.tell(&mut sighting, search.host, &file);
        let finding = finding_of(indicator, &sighting, &seen);
        told.push((sighting, finding));
    }
    told.sort_by(|(a, one), (b, other)| {
        (other.level.cmp(&one.level))
            .then_with(|| a.first.is_none().cmp(&b.first.is_none()))
            .then_with(|| a.first.cmp(&b.first))
            .then_with(|| (&a.kind, &a.indicator).cmp(&(&b.kind, &b.indicator)))
    });
    (found.sightings, found.findings) = told.into_iter().unzip();
    Ok(found)
}

/// The indicators, by their places in the list, that one value of a field shows; of several things that must stand in one row
/// none.
pub fn shown_by(indicators: &Indicators, field: &str, value: &str) -> Vec<u32> {
    let index = Index::new(indicators);
    let (mut scratch, mut slots) = (Scratch::default(), Vec::new());
    index.matches(value, fields::carries(field), &mut scratch, &mut slots);
    let alone = |slot: &u32| usize::try_from(*slot).ok().and_then(|slot| index.asked.get(slot)?.alone);
    slots.iter().filter_map(alone).collect()
}

fn in_rows(
    index: &Index<'_>,
    files: &[LakeFile],
    search: &Search<'_>,
    found: &mut Found,
) -> Result<AllSeen, LakeError> {
    let next = AtomicUsize::new(0);
    let (rows, values) = (AtomicU64::new(0), AtomicU64::new(0));
    let spent = std::mem::take(&mut found.spent);
    let outcome: Mutex<(AllSeen, Option<LakeError>)> = Mutex::default();
    let (stop, since) = (search.stop, search.since);
    let work = || {
        let mut worker = Worker {
            index,
            since,
            spent: &spent,
            scratch: Scratch::default(),
            seen: AllSeen::default(),
            values: 0,
        };
        let mut failed = None;
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match worker.table(path) {
                Ok(more) => {
                    rows.fetch_add(more, Ordering::Relaxed);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        values.fetch_add(worker.values, Ordering::Relaxed);
        let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        seen::join(&mut outcome.0, worker.seen);
        outcome.1 = outcome.1.take().or(failed);
    };
    std::thread::scope(|scope| {
        for _ in 1..search.threads.min(files.len()).max(1) {
            scope.spawn(work);
        }
        work();
    });
    let (seen, failed) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    (found.rows, found.values) = (rows.into_inner(), values.into_inner());
    found.spent = spent;
    match failed {
        Some(error) => Err(error),
        None if stop.load(Ordering::Relaxed) => Err(LakeError::Stopped),
        None => Ok(seen),
    }
}

/// Sealed files by their hashes, by the path within their container and by the one that they had on their host.
fn in_files(index: &Index<'_>, search: &Search<'_>, seen: &mut AllSeen) {
    let mut scratch = Scratch::default();
    for one in search.evidence {
        let mut slots = Vec::new();
        for hash in [Some(&one.sha256), one.md5.as_ref(), one.sha1.as_ref()].into_iter().flatten() {
            index.matches(hash, Carries::HASH, &mut scratch, &mut slots);
        }
        let path = one.path.rsplit('!').next().unwrap_or_default();
        index.matches(path, Carries::PATH, &mut scratch, &mut slots);
        // An indicator names the path on the server, drive and all.
        if let Some(path) = path_on_host(&one.path) {
            index.matches(&path, Carries::PATH, &mut scratch, &mut slots);
        }
        slots.sort_unstable();
        slots.dedup();
        let alone = |slot: &u32| usize::try_from(*slot).ok().and_then(|slot| index.asked.get(slot)?.alone);
        let mut all: Vec<u32> = slots.iter().filter_map(alone).collect();
        all.sort_unstable();
        all.dedup();
        let place = Place {
            undated: true,
            time: None,
            evidence: one.id.0,
            offset: 0,
            record: 0,
            hash: head_of(&one.sha256),
        };
        let new = search.since.is_some_and(|since| one.id.0 > since);
        for at in all {
            let host = one.host.as_deref().unwrap_or_default();
            seen.entry(at).or_default().add(&place, host, new, false);
        }
    }
}

/// The whole file is the record: its hash is the head of the file's.
fn head_of(sha256: &str) -> RecordHash {
    let mut hash = RecordHash::default();
    for (byte, digits) in hash.iter_mut().zip(sha256.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    hash
}

/// What is known of an indicator before it is seen.
fn blank(indicators: &Indicators, indicator: &Indicator) -> Sighting {
    Sighting {
        indicator: indicator.value(),
        kind: indicator.kind.as_str().to_owned(),
        source: indicators.source_of(indicator),
        count: 0,
        first: None,
        last: None,
        hosts: Vec::new(),
        rows: Vec::new(),
        tlp: indicator.tlp().map(|tlp| tlp.as_str().to_owned()),
        valid_from: indicator.valid_from(),
        valid_until: indicator.valid_until(),
        outside_validity: 0,
        confidence: indicator.confidence(),
        description: indicator.description().map(str::to_owned),
        sources: indicators.said_of(indicator),
    }
}

/// How much it says that this was seen.
fn level_of(indicator: &Indicator) -> Level {
    match indicator.kind {
        Kind::FileHash | Kind::Mutex | Kind::NamedPipe | Kind::Pattern => Level::Critical,
        Kind::FileName | Kind::UserAgent | Kind::Network | Kind::EmailAddr => Level::Medium,
        Kind::Ipv4Addr
        | Kind::Ipv6Addr
        | Kind::DomainName
        | Kind::Url
        | Kind::FilePath
        | Kind::WindowsRegistryKey
        | Kind::ProcessCommandLine => Level::High,
    }
}

fn finding_of(indicator: &Indicator, sighting: &Sighting, seen: &Seen) -> Finding {
    let key = ["sighting", &sighting.kind, &sighting.indicator].join("\u{1f}");
    let confidence = match indicator.confidence() {
        Some(70..) => "high",
        Some(0..30) => "low",
        _ => "medium",
    };
    let value = || vec![sighting.indicator.clone()];
    let mut entities = Entities::default();
    match indicator.kind {
        Kind::Ipv4Addr | Kind::Ipv6Addr | Kind::Network | Kind::DomainName | Kind::Url => {
            entities.address = value();
        }
        Kind::FilePath | Kind::FileName => entities.file = value(),
        Kind::EmailAddr => entities.account = value(),
        _ => {}
    }
    let mut details = BTreeMap::from([("Source".to_owned(), sighting.source.clone())]);
    let time = |time: Option<piste_model::Instant>| time.map(|time| time.to_string());
    for (name, value) in [
        ("TLP", sighting.tlp.clone()),
        ("ValidFrom", time(sighting.valid_from)),
        ("ValidUntil", time(sighting.valid_until)),
        ("Description", sighting.description.clone()),
    ] {
        details.extend(value.map(|value| (name.to_owned(), value)));
    }
    Finding {
        id: FindingId(0),
        key: sha256_hex(key.as_bytes()).chars().take(32).collect(),
        kind: FindingKind::Sighting,
        title: format!("Known indicator seen: {} {}", sighting.kind, sighting.indicator),
        level: level_of(indicator),
        confidence: confidence.to_owned(),
        verdict: "unreviewed".to_owned(),
        first: sighting.first,
        last: sighting.last,
        count: sighting.count,
        hosts: sighting.hosts.clone(),
        entities,
        attack: Vec::new(),
        rows: sighting.rows.clone(),
        rule_id: None,
        details,
        actor: None,
        acting_process: None,
        days: seen.days(),
        new: None,
        new_rows: seen.new_rows,
    }
}
