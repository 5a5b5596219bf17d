//! Many rows: Windows logs of a fleet, as many events as are asked for.
//!
//! In: a number of rows and a seed. Out: a folder with one log a host and channel, as EVTX or as JSON lines, with the same
//! events in both forms, and counts of what was written. Values repeat themselves as in a real fleet, or hardly at all.
//! Each host has streams of chance of its own and is written from its first event to its last; what is held does not
//! depend on the number of rows, but for the hashes by which distinct values are counted.

mod draft;
mod files;
mod fleet;
mod host;
mod kinds;
mod planted;
mod tally;
mod text;
mod words;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use tally::{Repetition, Stats};

use crate::LabError;
use crate::evtx::{FileTime, Head, Kind};
use crate::random::Random;
use draft::Draft;
use files::Files;
use fleet::{Fleet, HOSTS};
use host::Host;
use kinds::MIX;
use planted::PLANTED;
use tally::Tally;

/// In which form the events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Windows' own.
    Evtx,
    /// Flat JSON, one event a line.
    Jsonl,
}

impl Form {
    /// As file names and statistics have it.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Evtx => "evtx",
            Self::Jsonl => "jsonl",
        }
    }
}

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub struct Many {
    /// Events.
    pub rows: u64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// EVTX or JSON.
    pub form: Form,
    /// Makes every command line, parent's command line and script unique.
    pub unique: bool,
    /// Threads; at least one is used.
    pub threads: usize,
}

/// 2023-01-02, in milliseconds since 1970.
const START_MS: i64 = 1_672_617_600_000;
/// Two years in steps of 100 ns.
const SPAN: u64 = 730 * 86_400 * 10_000_000;
/// One event of so many is planted.
const PLANT_EVERY: u64 = 2_500;

/// Writes the logs into the folder `evidence`, which must be new or empty, and counts them.
pub fn generate_many(many: &Many, evidence: &Path) -> Result<Stats, LabError> {
    if fs::read_dir(evidence).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(LabError::NotEmpty(evidence.to_owned()));
    }
    let fleet = Fleet::new(many.seed);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Tally, LabError> {
        let mut tally = Tally::new();
        while let Some(at) = HOSTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            write_host(many, &fleet, *at, evidence, &mut tally)?;
        }
        Ok(tally)
    };
    let threads = many.threads.clamp(1, HOSTS.len());
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = Tally::new();
    for outcome in outcomes {
        match outcome {
            Ok(tally) => all.join(tally?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    Ok(all.stats(many.seed, many.form.ending(), many.unique, HOSTS.len() as u64))
}

/// Rows of a host; the first has what the shares leave over.
fn rows_of(rows: u64, host: &str) -> u64 {
    let of = |share: u64| rows / 100 * share + rows % 100 * share / 100;
    let own = HOSTS.iter().find(|(name, _, _)| *name == host).map_or(0, |(_, share, _)| of(*share));
    let first = HOSTS.first().is_some_and(|(name, _, _)| *name == host);
    let all: u64 = HOSTS.iter().map(|(_, share, _)| of(*share)).sum();
    if first { own + rows - all } else { own }
}

fn write_host(
    many: &Many,
    fleet: &Fleet,
    (name, _, address): (&'static str, u64, &'static str),
    evidence: &Path,
    tally: &mut Tally,
) -> Result<(), LabError> {
    let rows = rows_of(many.rows, name);
    let start = FileTime::of_unix_ms(START_MS);
    let mut host = Host::new(fleet, name, address, many.unique, start);
    let mut files = Files::new(evidence.join(name), many.form)?;
    let computer = format!("{name}.min.example");
    let mut draft = Draft::new(kinds::PROCESS);
    let mut chance = Random::new(many.seed, &["many", "mix", name]);
    let step = SPAN / rows.max(1);
    // The first host has each planted event however few rows there are.
    let first = HOSTS.first().is_some_and(|(first, _, _)| *first == name);
    let plants = PLANTED.len() as u64;
    let every = if first { PLANT_EVERY.min(rows / plants).max(1) } else { PLANT_EVERY };
    for row in 0..rows {
        let jitter = chance.bits() % step.max(1);
        let time = FileTime(start.0 + row * step + jitter);
        let plant = (row % every == every - 1)
            .then(|| PLANTED.iter().cycle().nth(usize::try_from(row / every % plants).unwrap_or(0)))
            .flatten();
        match plant {
            Some((_, planted)) => host.plant(&mut draft, planted, time),
            None => host.tell(&mut draft, kind(&mut chance), time),
        }
        let (process_id, thread_id, user) = Host::writer(&draft.kind);
        let head = Head { time, process_id, thread_id, user, computer: &computer };
        files.write(&draft, &head)?;
        tally.count(&draft, plant.map(|(name, _)| *name));
    }
    files.finish()?;
    tally.bytes += files.bytes;
    tally.files += files.count;
    Ok(())
}

/// A kind by the mix.
fn kind(chance: &mut Random) -> Kind {
    let mut left = chance.below(1_000);
    for (kind, share) in MIX {
        if left < share {
            return kind;
        }
        left -= share;
    }
    kinds::PROCESS
}
