//! The trail: what somebody did, step by step: the object of `trail.json`.
//!
//! In: findings, doors and rows of the lake, joined by edges that say why. Out: intrusions with their steps, what is near them
//! and was kept apart, what could not be seen, and which hosts they reach. A step cites rows; an edge says by what identity two
//! steps belong together; nothing is joined by time alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::EvidenceId;
use crate::time::Instant;
use crate::visibility::Visibility;

/// `trail.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Intrusions in the order of their first trace.
    pub intrusions: Vec<Intrusion>,
    /// What was joined and is too little for an intrusion.
    #[serde(default)]
    pub leads: Vec<TrailLead>,
    /// Which spans of which logs are here, and why others are not.
    #[serde(default)]
    pub visibility: Vec<Visibility>,
    /// Which hosts the intrusions reach.
    pub scope: Scope,
    /// What persons joined or cut, and what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<DecidedJoin>,
    /// Where the join stopped before it was done, and what that leaves out; empty where it was done.
    #[serde(default)]
    pub stopped: Vec<String>,
}

/// One intrusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intrusion {
    /// `I-1`.
    pub id: String,
    /// Who: addresses, the name of a workstation; no names of groups.
    pub actor: String,
    /// When it began at the latest.
    pub first_trace: FirstTraceBound,
    /// The latest step.
    pub last_trace: Instant,
    /// How long, as bounds: from the first to the last trace; the other bound is not known.
    pub dwell_days: DwellDays,
    /// `high` or `medium`.
    pub confidence: String,
    /// Doors that are steps of it.
    pub doors: Vec<String>,
    /// Hosts on which it acted.
    pub hosts: Vec<String>,
    /// Accounts that it acted as.
    pub accounts: Vec<String>,
    /// Addresses on the other side that its processes and logons had to do with.
    pub addresses: Vec<String>,
    /// What was done, in the order of time.
    pub steps: Vec<Step>,
    /// What is near it and is not it.
    pub separate_from: Vec<Separate>,
    /// Why it is called an intrusion.
    pub because: Vec<String>,
    /// What it leaves open.
    pub reserves: Vec<String>,
}

/// When an intrusion was there at the latest. It is a bound, never a beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstTraceBound {
    /// Somebody was in no later than this.
    pub no_later_than: Instant,
    /// From when on the source of that row is here; `None` where that is not known.
    pub visible_from: Option<Instant>,
    /// Never known from silence.
    pub lower_bound: Option<Instant>,
    /// The row that shows it.
    pub row: StepRow,
    /// The step.
    pub step: String,
    /// The source begins so shortly before that the intruder may have been there already.
    pub left_censored: bool,
}

/// Days between first and last trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DwellDays {
    /// At least so many.
    pub min: i64,
    /// At most so many; `None`: no bound is known.
    pub max: Option<i64>,
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `S-1`, in the order of time over all intrusions.
    pub id: String,
    /// When, after correction of the source's clock.
    pub time: TimeSpan,
    /// ATT&CK tactic, `execution`.
    pub tactic: String,
    /// ATT&CK technique, `T1059.001`.
    pub technique: String,
    /// Host on which it happened.
    pub host: String,
    /// Account that did it; empty where no row names one.
    pub account: String,
    /// What the rows show.
    pub text: String,
    /// `S` supported by a source of the host itself, `I` indicated.
    pub class: String,
    /// Findings that speak of it.
    pub findings: Vec<String>,
    /// Door that it is, `D-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// Rows behind it, in the order of time; at most [`Step::MAX_ROWS`].
    pub rows: Vec<StepRow>,
    /// Rows in all.
    pub count: u64,
    /// What joins it to others.
    pub edges: Vec<Edge>,
}

impl Step {
    /// The most rows that a step lists.
    pub const MAX_ROWS: usize = 40;
    /// The most edges that a step lists.
    pub const MAX_EDGES: usize = 20;
}

/// From when to when; the two are equal where the source says one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// Not before.
    pub from: Instant,
    /// Not after.
    pub to: Instant,
}

/// A row of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    /// Host that it is about.
    pub host: String,
    /// Its dataset.
    pub dataset: String,
    /// Record id or line number.
    pub record: i64,
    /// The number that the host's own log gave it, where an export keeps that beside the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_record: Option<i64>,
    /// Event id, for sources that have one.
    pub event_code: Option<i32>,
    /// The sealed file.
    pub evidence_id: EvidenceId,
    /// Its locator.
    pub path: String,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// First 16 bytes of the SHA-256 of the record's bytes.
    pub record_hash: String,
    /// When, after correction.
    pub time: Option<Instant>,
    /// What the record's header says, where that is another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_as_recorded: Option<Instant>,
}

/// By what two steps belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EdgeClass {
    /// One identity: a process, a logon, a service, a file, a record.
    C1,
    /// Two ends of one exchange between hosts.
    C2,
    /// A rare thing that both had to do with.
    C3,
    /// A person joined them.
    #[serde(rename = "P")]
    Person,
}

impl EdgeClass {
    /// The word in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::C3 => "C3",
            Self::Person => "P",
        }
    }

    /// What the class means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::C1 => "one identity",
            Self::C2 => "two ends of one exchange",
            Self::C3 => "a rare thing in common",
            Self::Person => "a person's word",
        }
    }
}

impl fmt::Display for EdgeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The other step.
    pub to: String,
    /// By what.
    pub class: EdgeClass,
    /// Why, in words.
    pub reason: String,
    /// Rows that show it.
    pub rows: Vec<StepRow>,
}

/// Something near an intrusion that was not joined to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Separate {
    /// The other intrusion; `None` where the other party is none.
    pub intrusion: Option<String>,
    /// What it is.
    pub what: String,
    /// Why the two are not one.
    pub because: String,
    /// Addresses of the other party.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Rows of the other party; at most [`Step::MAX_ROWS`].
    pub rows: Vec<StepRow>,
}

/// Joined findings that are too little for an intrusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailLead {
    /// Hosts.
    pub hosts: Vec<String>,
    /// Earliest row.
    pub first: Instant,
    /// What it is about.
    pub text: String,
    /// Why it is no intrusion.
    pub because: String,
    /// Findings that speak of it.
    pub findings: Vec<String>,
}

/// Which hosts the intrusions reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// An intruder acted there.
    pub compromised: Vec<ScopeHost>,
    /// Something points to it, and no act of his is shown.
    pub suspected: Vec<ScopeHost>,
    /// Logs are here and show no sign, for the span that they cover.
    pub no_sign: Vec<ScopeHost>,
    /// Named by what is here, and no log of it was examined.
    pub not_examined: Vec<ScopeHost>,
}

/// A host with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeHost {
    /// Its name or address.
    pub host: String,
    /// Why it stands in this list.
    pub because: String,
    /// For `no_sign`: from when the logs cover; for others the earliest row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// Likewise to when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
}

/// A row of an act that a person named: numbers of evidence stay the same over the runs of a case, numbers of steps do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActRow {
    /// The sealed file.
    pub evidence_id: EvidenceId,
    /// Record id or line number.
    pub record: i64,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
}

/// An act as a person named it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedAct {
    /// `S-4` or `F-3`, as it was called then.
    pub name: String,
    /// What it was.
    pub text: String,
    /// Its rows.
    pub rows: Vec<ActRow>,
}

/// What a person says of two acts: the body of an entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinDecision {
    /// They belong together; otherwise what joins the two directly is not to.
    pub joins: bool,
    /// One.
    pub one: NamedAct,
    /// The other.
    pub other: NamedAct,
    /// Who says so.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What became of a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionOutcome {
    /// The trail is so.
    Kept,
    /// Other edges, over other steps, still join what was cut.
    StillJoined,
    /// One of the acts is not in this run: its rows or its rules are gone, or the join does not look at them.
    NotFound,
}

/// A person's word in the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedJoin {
    /// What was said.
    #[serde(flatten)]
    pub decision: JoinDecision,
    /// When.
    pub at: Instant,
    /// Whether it is signed.
    pub signed: bool,
    /// What became of it in this run.
    pub outcome: DecisionOutcome,
}

impl DecidedJoin {
    /// `Ann Peeters (signed) joined S-1 and S-9: why`.
    pub fn in_words(&self) -> String {
        let said = &self.decision;
        let signed = if self.signed { "signed" } else { "not signed" };
        let (did, and) = if said.joins { ("joined", "and") } else { ("cut", "from") };
        let (one, other) = (&said.one, &said.other);
        format!("{} ({signed}) {did} {} {and} {}: {}", said.by, one.name, other.name, said.why)
    }
}
