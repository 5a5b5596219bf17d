//! The figures of one run: `summary.json`. `null` means that the step has not run; 0 means looked and found none.
//!
//! In: counts of every step. Out: the object that scripts read first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::coverage::CoveredFigures;
use crate::id::FindingId;
use crate::reading::ReadingCompleteness;

/// Files as given, containers counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFigures {
    /// Files that the user gave; members of a container are not counted here.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Files, members included, that should have been read and were not.
    pub unread: u64,
}

/// One set of rules: a folder, a file or the built-in ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSetFigures {
    /// As given; `built-in` for Piste's own.
    pub path: String,
    /// SHA-256 over the rule files' names and contents.
    pub sha256: String,
    /// Rules loaded from it.
    pub rules: u64,
}

/// What was loaded to hunt with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFigures {
    /// Rules that loaded.
    pub loaded: u64,
    /// Rules that did not; `rules_not_run.jsonl` says why.
    pub not_loaded: u64,
    /// The sets, in the order given.
    pub sets: Vec<RuleSetFigures>,
}

/// YARA rules and the files that they looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YaraFigures {
    /// Rules that loaded.
    pub loaded: u64,
    /// Rules and files that did not; `rules_not_run.jsonl` says why.
    pub not_loaded: u64,
    /// The sets, in the order given.
    pub sets: Vec<RuleSetFigures>,
    /// The files.
    pub files: ScanFigures,
}

/// Files that YARA rules looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFigures {
    /// Files of different content that were looked at.
    pub scanned: u64,
    /// Their bytes that were looked at.
    pub bytes: u64,
    /// Those of them that were too large to be looked at as a whole.
    pub in_part: u64,
    /// Those on which the rules did not end in time.
    pub timed_out: u64,
}

impl ScanFigures {
    /// Adds what another part of the work looked at.
    pub fn add(&mut self, more: &Self) {
        self.scanned += more.scanned;
        self.bytes += more.bytes;
        self.in_part += more.in_part;
        self.timed_out += more.timed_out;
    }
}

/// What is new since the baseline: the last finished run of the case over other evidence, rules or version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFigures {
    /// Findings that the baseline did not have.
    pub findings: u64,
    /// Other findings with rows in evidence that was sealed since.
    pub with_new_rows: u64,
}

/// A finding that a person judged and that a run did not find again: its rows or its rule are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedGone {
    /// Its number in this case.
    pub id: FindingId,
    /// Its key, to which the verdict binds.
    pub key: String,
    /// What was said of it.
    pub verdict: String,
    /// What it was called; empty where an older version recorded the verdict.
    pub title: String,
}

/// The figures of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What was given.
    pub evidence: EvidenceFigures,
    /// Lines of `issues.jsonl`.
    pub issues: u64,
    /// Rows in the lake.
    pub events: u64,
    /// Records read, copies included.
    pub records_read: u64,
    /// Copies left out.
    pub duplicates: u64,
    /// Rows by dataset.
    pub events_by_dataset: BTreeMap<String, u64>,
    /// Hosts that rows name, sorted.
    pub hosts: Vec<String>,
    /// Places in the evidence whose rows are of no known host.
    #[serde(default)]
    pub unknown_hosts: u64,
    /// Lines of `detections.jsonl`.
    pub detections: Option<u64>,
    /// What was hunted with.
    pub rules: RuleFigures,
    /// What looked at files, and at how many; `null` where an older run did not.
    #[serde(default)]
    pub yara: Option<YaraFigures>,
    /// Lines of `findings.jsonl`.
    pub findings: Option<u64>,
    /// What is new; `null` where there is no earlier run to compare with.
    #[serde(default)]
    pub new: Option<NewFigures>,
    /// Findings that somebody judged and that this run did not find.
    #[serde(default)]
    pub judged_gone: Vec<JudgedGone>,
    /// Indicators seen; `null` where none were given.
    #[serde(default)]
    pub sightings: Option<u64>,
    /// Doors found.
    pub doors: Option<u64>,
    /// Of which days this evidence has rows; `null` where no row has a time, or an older run did not count them.
    #[serde(default)]
    pub covered: Option<CoveredFigures>,
    /// The same of each host's web logs.
    #[serde(default)]
    pub web_logs: BTreeMap<String, CoveredFigures>,
    /// Intrusions found.
    pub intrusions: Option<u64>,
    /// How completely the evidence was read, and what was not examined.
    #[serde(flatten)]
    pub reading: ReadingCompleteness,
}
