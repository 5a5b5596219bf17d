//! Evidence of after an eviction, and the truth about what it shows.
//!
//! In: a story, an outcome, a seed. Out: a collection a computer, as a triage tool packs it (hives, a table of files, IIS's configuration,
//! WMI's consumers, events of the weeks since), and beside it `truth.json`: of each planted thing whether it is gone, still there, back, or
//! whether nothing here shows it. For the story `eviction` the evidence of before is written too: it has one thing of each kind.

mod before;
mod collected;
mod hive;
mod planted;

use std::path::{Path, PathBuf};

use piste_model::removal::{TraceKind, VerifyResult};
use serde::Serialize;

use crate::moment::Moment;
use crate::random::Random;
use crate::shelf::{Shelf, write_file};
use crate::{LabError, Scenario};

pub use planted::Planted;

/// How the eviction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AfterOutcome {
    /// All is gone.
    Complete,
    /// Some of it is still there, and some of what would show it was not collected.
    Partial,
    /// Some of it came back two weeks later.
    Returned,
    /// The computers were installed anew.
    Reinstalled,
    /// The computers on which it was were not collected.
    NotCollected,
    /// The collection is of before the eviction.
    Older,
}

impl AfterOutcome {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Complete, Self::Partial, Self::Returned, Self::Reinstalled, Self::NotCollected, Self::Older];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Returned => "returned",
            Self::Reinstalled => "reinstalled",
            Self::NotCollected => "not-collected",
            Self::Older => "older",
        }
    }
}

/// One planted thing, and what is true of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AfterTruth {
    /// What it is.
    pub kind: TraceKind,
    /// Its computer.
    pub host: String,
    /// A part of its place, in lower case.
    pub place: String,
    /// What the evidence shows of it.
    pub result: VerifyResult,
}

/// `truth.json` of a collection of after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AfterTruths {
    /// `returned`.
    pub outcome: &'static str,
    /// The seed.
    pub seed: u64,
    /// When the intruder was thrown out.
    pub evicted_at: piste_model::Instant,
    /// The things.
    pub items: Vec<AfterTruth>,
}

/// Name of the story that has one thing of each kind.
pub const EVICTION: &str = "eviction";

/// When things happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The eviction.
    pub(super) evicted: Moment,
    /// What came back came back then.
    pub(super) returned: Moment,
    /// The collection.
    pub(super) collected: Moment,
}

impl Times {
    fn of(evicted: Moment) -> Self {
        let days = |days: u32| evicted.plus_seconds(days * 86_400);
        Self { evicted, returned: days(15).plus_seconds(3_600), collected: days(36) }
    }
}

/// What became of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Gone,
    There,
    Back,
}

/// Writes the evidence of before of the story `eviction` into `folder`.
///
/// # Errors
/// Where a file cannot be written.
pub fn generate_before(seed: u64, folder: &Path) -> Result<(), LabError> {
    refuse_full(folder)?;
    let mut shelf = Shelf::default();
    before::tell(&planted::of_eviction(), seed, &mut shelf);
    shelf.write(folder).map(|_| ())
}

/// Writes a collection of after into `folder`, and the truth to the file `truth` beside it. Without a scenario it is of the story
/// `eviction`.
///
/// # Errors
/// Where a file cannot be written, or the folder is not empty.
pub fn generate_after(
    scenario: Option<&Scenario>,
    outcome: AfterOutcome,
    seed: u64,
    folder: &Path,
    truth: &Path,
) -> Result<AfterTruths, LabError> {
    refuse_full(folder)?;
    if truth.starts_with(folder) {
        return Err(LabError::TruthInEvidence(PathBuf::from(truth)));
    }
    let things = scenario.map_or_else(planted::of_eviction, planted::of_scenario);
    let evicted = scenario.map_or_else(planted::eviction_time, planted::eviction_of);
    let times = Times::of(evicted);
    let mut random = Random::new(seed, &["after", outcome.as_str()]);
    let fates: Vec<Fate> = things.iter().map(|_| fate(outcome, &mut random)).collect();
    let mut shelf = Shelf::default();
    let collection = collected::Collection { things: &things, fates: &fates, times, outcome, seed };
    let items = collection.tell(&mut shelf);
    shelf.write(folder)?;
    let told = AfterTruths { outcome: outcome.as_str(), seed, evicted_at: times.evicted.instant(0), items };
    let text = serde_json::to_string_pretty(&told).unwrap_or_default() + "\n";
    write_file(truth, text.as_bytes())?;
    Ok(told)
}

fn fate(outcome: AfterOutcome, random: &mut Random) -> Fate {
    match outcome {
        AfterOutcome::Partial if random.chance(50) => Fate::There,
        AfterOutcome::Returned if random.chance(60) => Fate::Back,
        _ => Fate::Gone,
    }
}

fn refuse_full(folder: &Path) -> Result<(), LabError> {
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(LabError::NotEmpty(folder.to_owned()));
    }
    Ok(())
}
