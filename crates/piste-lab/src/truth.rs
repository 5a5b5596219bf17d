//! What was planted: the answers to an investigation of the evidence.
//!
//! In: the scenario's steps and the lines that each left. Out: `truth.json`. A step whose logs were rolled over leaves
//! nothing, so an intrusion's first trace may be later than its first step.

use piste_model::{DoorVerdict, Instant};
use serde::{Deserialize, Serialize};

/// `truth.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Every way in that somebody tried, those that stayed shut too; empty where the story does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<DoorTruth>,
    /// What was installed, by server; empty where the story does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerTruth>,
}

/// One way in, and what may be found out about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorTruth {
    /// `TD-1`.
    pub id: String,
    /// `exploit`, `webshell`, `account`, `remote-access`: the words of `doors.json`.
    pub kind: String,
    /// Flaws that it goes through; empty for none.
    pub cve: Vec<String>,
    /// Host that it leads into, by its short name.
    pub host: String,
    /// File, URL path, account or service.
    pub place: String,
    /// How far its use went.
    pub verdict: DoorVerdict,
    /// Verdicts that are as right, where words draw the line and not facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<DoorVerdict>,
    /// Another door implies it: right if named, not wrong if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// When it was opened; null if it was not, or if it is not known when.
    pub opened: Option<Instant>,
    /// First use, of the intruder's if there was one.
    pub first_used: Option<Instant>,
    /// Last use.
    pub last_used: Option<Instant>,
    /// Whether anything is left that shows it.
    pub visible: bool,
    /// The earliest line that is left of it, to the precision of its log.
    pub first_visible: Option<Instant>,
    /// Addresses that it was used or looked at from, sorted.
    pub sources: Vec<String>,
    /// Accounts that it acted as, sorted.
    pub accounts: Vec<String>,
    /// The lines that are left, sorted.
    pub leaves: Vec<Leaf>,
}

/// One server's builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTruth {
    /// Short name.
    pub host: String,
    /// `Exchange 2016`
    pub product: String,
    /// In the order of time.
    pub builds: Vec<BuildSpan>,
    /// Flaws that the first build has and the last has not, by which exposure is scored.
    pub cve: Vec<String>,
}

/// A build while it was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpan {
    /// `15.1.2176.2`
    pub build: String,
    /// When it was installed; null if before the story.
    pub from: Option<Instant>,
    /// When the next was; null if it still is.
    pub to: Option<Instant>,
}

/// One intruder's doings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leaf {
    /// Below the evidence folder, with `/`; `!` goes into a zip.
    pub path: String,
    /// Line, the first is 1; headers count.
    pub record: u64,
}
