//! What was planted: the answers to an investigation of the evidence.
//!
//! In: the scenario's steps and the lines that each left. Out: `truth.json`. A step whose logs were rolled over leaves
//! nothing, so an intrusion's first trace may be later than its first step.

use piste_model::Instant;
use serde::Serialize;

/// `truth.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of the ordinary traffic.
    pub seed: u64,
    /// Start of the story.
    pub from: Instant,
    /// When the evidence was collected.
    pub to: Instant,
    /// In the scenario's order.
    pub intrusions: Vec<TrueIntrusion>,
}

/// One intruder's doings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrueIntrusion {
    /// As the scenario names it.
    pub id: String,
    /// When his first step was, traced or not.
    pub first_step: Instant,
    /// The earliest line that he left, to the precision of its log; null if he left none.
    pub first_trace: Option<Instant>,
    /// When his last step began.
    pub last_step: Instant,
    /// Who he is in the story.
    pub actor: String,
    /// The ways in that he had.
    pub doors: Vec<TrueDoor>,
    /// Hosts that he was on, sorted.
    pub hosts: Vec<String>,
    /// Accounts that he used, sorted.
    pub accounts: Vec<String>,
    /// In order of time.
    pub steps: Vec<TrueStep>,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrueDoor {
    /// `webshell`, `exploit`, `account`: the words of `doors.json`.
    pub kind: String,
    /// The host that it opens.
    pub host: String,
    /// Path, account or URL.
    pub place: String,
    /// Empty if it is no flaw of a product.
    pub cve: Vec<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrueStep {
    /// As the scenario names it.
    pub id: String,
    /// When it began.
    pub time: Instant,
    /// ATT&CK tactic: `initial-access`.
    pub tactic: String,
    /// ATT&CK technique: `T1078.002`.
    pub technique: String,
    /// Where; null if on no host of the institution.
    pub host: Option<String>,
    /// As whom; null if as nobody.
    pub account: Option<String>,
    /// What he did, for a person.
    pub text: String,
    /// The lines that are left of it, sorted; empty if none is.
    pub leaves: Vec<Leaf>,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Leaf {
    /// Below the evidence folder, with `/`; `!` goes into a zip.
    pub path: String,
    /// Line, the first is 1; headers count.
    pub record: u64,
}
