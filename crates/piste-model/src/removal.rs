//! What is to be removed, and whether it is gone: the objects of `removal.json` and `verify.json`.
//!
//! In: the rows behind an intrusion, and rows that were collected after it was thrown out. Out: one item a thing that it left, with the
//! trace that it came from; and of each item a result with the rows and the span in which it would have shown. Silence is no result:
//! an item is gone only where evidence is there that would show it.

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;
use crate::time::Instant;

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceKind {
    /// A file.
    File,
    /// A page that a web server runs.
    Page,
    /// A module of a web server.
    Module,
    /// A service or driver.
    Service,
    /// A scheduled task.
    Task,
    /// A value of the registry by which something starts.
    RunValue,
    /// A permanent consumer of WMI events, with its filter.
    WmiConsumer,
    /// An account.
    Account,
    /// A membership or role.
    GroupRight,
    /// A right to a mailbox.
    MailboxRight,
    /// A rule or forwarding of a mailbox.
    MailboxRule,
    /// A certificate or key.
    Certificate,
    /// An address on the other side.
    Connection,
}

impl TraceKind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::Page,
        Self::File,
        Self::Module,
        Self::Service,
        Self::Task,
        Self::RunValue,
        Self::WmiConsumer,
        Self::Account,
        Self::GroupRight,
        Self::MailboxRight,
        Self::MailboxRule,
        Self::Certificate,
        Self::Connection,
    ];

    /// The word in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Page => "page",
            Self::Module => "module",
            Self::Service => "service",
            Self::Task => "task",
            Self::RunValue => "run-value",
            Self::WmiConsumer => "wmi-consumer",
            Self::Account => "account",
            Self::GroupRight => "group-right",
            Self::MailboxRight => "mailbox-right",
            Self::MailboxRule => "mailbox-rule",
            Self::Certificate => "certificate",
            Self::Connection => "connection",
        }
    }
}

/// What a name of a thing is: things of one kind that share a name of one sort are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameSort {
    /// Path of a file from the volume's root on, in lower case.
    Path,
    /// SHA-256 of its content.
    Sha256,
    /// Path of a page's address, in lower case.
    Url,
    /// Name of a service, task, module, consumer, account, mailbox rule …
    Name,
    /// What it runs, as a path.
    Runs,
    /// Key and value of the registry.
    RegistryValue,
    /// SID.
    Sid,
    /// SHA-1 of a certificate.
    Thumbprint,
    /// IP address or host name.
    Address,
}

/// A name by which a thing is known again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TraceName {
    /// What sort of name.
    pub sort: NameSort,
    /// The name, in the form in which two are compared.
    pub value: String,
}

/// What is to be done about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// It was made by the intruder and is taken away.
    Remove,
    /// It is somebody's, and he had its secret: the secret is changed.
    Reset,
    /// It is on the other side: traffic with it is blocked.
    Block,
}

impl Measure {
    /// The word in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Reset => "reset",
            Self::Block => "block",
        }
    }
}

/// One thing that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalItem {
    /// `R-1`, in the order of the list.
    pub id: String,
    /// Hash of (kind, host, names): the same over runs.
    pub key: String,
    /// What it is.
    pub kind: TraceKind,
    /// The computer that it is on; for accounts of a domain and mailboxes the computer whose log names it.
    pub host: String,
    /// Where it is, as the evidence writes it: path, name of the service, `GROUP <- MEMBER`.
    pub place: String,
    /// Names by which it is known again.
    pub names: Vec<TraceName>,
    /// What is to be done.
    pub measure: Measure,
    /// Steps, findings and doors that it came from: `S-4`, `F-3`, `D-1`.
    pub traces: Vec<String>,
    /// Earliest row.
    pub first: Option<Instant>,
    /// Latest row.
    pub last: Option<Instant>,
    /// The longest pause between two of its rows, in seconds: so long may it be silent and be there.
    #[serde(default)]
    pub longest_pause: u64,
    /// Datasets in which it was seen.
    #[serde(default)]
    pub seen_in: Vec<String>,
    /// Rows behind it; at most [`RemovalItem::MAX_ROWS`].
    pub rows: Vec<RowRef>,
}

impl RemovalItem {
    /// The most rows that an item lists.
    pub const MAX_ROWS: usize = 10;

    /// The first name of a sort.
    pub fn name(&self, sort: NameSort) -> Option<&str> {
        self.names.iter().find(|name| name.sort == sort).map(|name| name.value.as_str())
    }
}

/// Something that a rule alone points to: not on the list before somebody judged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// What it is.
    pub kind: TraceKind,
    /// Its computer.
    pub host: String,
    /// Where it is.
    pub place: String,
    /// Findings that point to it.
    pub traces: Vec<String>,
}

/// `removal.json`: what is to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalList {
    /// The items.
    pub items: Vec<RemovalItem>,
    /// What a rule alone points to.
    #[serde(default)]
    pub undecided: Vec<Undecided>,
    /// SHA-256 over the items: what a release binds to.
    pub sha256: String,
}

/// Whether a thing is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyResult {
    /// Evidence that would show it does not.
    Gone,
    /// It is there.
    StillThere,
    /// It was away, and is there or was used again.
    Back,
    /// No evidence is here that would show it.
    NotVisible,
}

impl VerifyResult {
    /// The word in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::StillThere => "still-there",
            Self::Back => "back",
            Self::NotVisible => "not-visible",
        }
    }

    /// Whether the intruder still has it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::StillThere | Self::Back)
    }
}

/// From when to when a thing would have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisibleSpan {
    /// Not before.
    pub from: Instant,
    /// Not after.
    pub to: Instant,
}

/// Why a result is what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum VerifyReason {
    /// A whole list of such things does not have it.
    ListLacksIt {
        /// What was read: `SYSTEM`, `$MFT`, `SAM`.
        artefact: String,
        /// The file.
        path: String,
    },
    /// An event says that it was removed, and the log that would show it made anew goes on without it.
    RemovedAndNotMadeAgain {
        /// The log.
        dataset: String,
    },
    /// The log that would show it has no row of it.
    LogLacksIt {
        /// The log.
        dataset: String,
    },
    /// The password was set after the eviction.
    SecretChanged,
    /// The password was last set before the eviction.
    SecretUnchanged,
    /// A list has it.
    Listed {
        /// What was read.
        artefact: String,
        /// It is there under another name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        under: String,
        /// It is switched off and there.
        #[serde(default)]
        disabled: bool,
    },
    /// It was made after the eviction.
    MadeAfterEviction,
    /// It was used after the eviction.
    UsedAfterEviction,
    /// It went on as before the eviction.
    WentOn,
    /// An earlier collection shows that it was away.
    WasAway {
        /// The collection.
        collection: String,
    },
    /// No file of the host is there.
    HostNotCollected,
    /// The artefact that would show it is not there.
    ArtefactLacks {
        /// What would show it.
        artefact: String,
    },
    /// The log that would show it is there, for less time than it was silent before.
    LogTooShort {
        /// The log.
        dataset: String,
        /// Hours that it covers.
        hours: u64,
        /// Hours that would do.
        needed: u64,
    },
    /// The artefact is there and was not read whole.
    ArtefactNotWhole {
        /// What would show it.
        artefact: String,
        /// The file.
        path: String,
        /// The issue's slug.
        issue: String,
    },
    /// The artefact is no younger than the eviction or the case's last trace.
    ArtefactOlder {
        /// What would show it.
        artefact: String,
        /// The file.
        path: String,
        /// The latest moment that it knows of.
        as_of: Option<Instant>,
    },
    /// Whose computer it is is not known well enough to join it.
    HostUnknown,
    /// It is not known on which computer or in which list to look.
    PlaceUnknown,
}

impl VerifyReason {
    /// In words.
    pub fn in_words(&self) -> String {
        match self {
            Self::ListLacksIt { artefact, path } => {
                format!("{artefact} was read whole and lacks it ({path})")
            }
            Self::RemovedAndNotMadeAgain { dataset } => {
                format!(
                    "an event says that it was removed, and {dataset} goes on without its being made again"
                )
            }
            Self::LogLacksIt { dataset } => format!("{dataset} would show it and has no row of it"),
            Self::SecretChanged => "its password was set after the eviction".to_owned(),
            Self::SecretUnchanged => "its password was last set before the eviction".to_owned(),
            Self::Listed { artefact, under, disabled } => {
                let off = if *disabled { ", switched off" } else { "" };
                match under.as_str() {
                    "" => format!("{artefact} lists it{off}"),
                    under => format!("{artefact} lists what it runs or holds as {under}{off}"),
                }
            }
            Self::MadeAfterEviction => "it was made again".to_owned(),
            Self::UsedAfterEviction => "it was used again".to_owned(),
            Self::WentOn => "it went on after the eviction as before".to_owned(),
            Self::WasAway { collection } => format!("the collection {collection} shows that it was away"),
            Self::HostNotCollected => "no evidence of this computer was collected afterwards".to_owned(),
            Self::ArtefactLacks { artefact } => format!("{artefact} was not collected"),
            Self::LogTooShort { dataset, hours, needed } => format!(
                "{dataset} has no row of it in {hours} hours; it was silent for longer before, and {needed} hours would do"
            ),
            Self::ArtefactNotWhole { artefact, path, issue } => {
                format!("{artefact} was not read whole ({issue}): {path}")
            }
            Self::ArtefactOlder { artefact, path, as_of: Some(as_of) } => {
                format!("{artefact} knows of nothing after {as_of} and so says nothing of now ({path})")
            }
            Self::ArtefactOlder { artefact, path, as_of: None } => {
                format!("{artefact} does not tell of when it is ({path})")
            }
            Self::HostUnknown => "whose computer the evidence is of is not known".to_owned(),
            Self::PlaceUnknown => "where it would show is not known".to_owned(),
        }
    }
}

/// A row of the evidence collected afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRow {
    /// The collection's case below `after/` that the row is in: `piste show E-1:57 --case CASE/after/NAME`.
    pub collection: String,
    /// Its dataset.
    pub dataset: String,
    /// When; for a list, the moment that it tells of.
    pub time: Option<Instant>,
    /// The row.
    #[serde(flatten)]
    pub row: RowRef,
}

/// One item and whether it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedTrace {
    /// `R-1`.
    pub id: String,
    /// What it is.
    pub kind: TraceKind,
    /// Its computer.
    pub host: String,
    /// Where it is.
    pub place: String,
    /// What was to be done.
    pub measure: Measure,
    /// Steps, findings and doors that it came from.
    pub traces: Vec<String>,
    /// Whether it is gone.
    pub result: VerifyResult,
    /// From when to when it would have shown; `None` where it would not.
    pub visible: Option<VisibleSpan>,
    /// Why.
    pub because: Vec<VerifyReason>,
    /// What to collect so that it would show; empty where it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collect: Vec<String>,
    /// Rows that show it.
    pub rows: Vec<VerifyRow>,
}

/// One door and whether it is closed: by the items that it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedDoor {
    /// `D-1`.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its computer.
    pub host: String,
    /// Its place.
    pub place: String,
    /// The worst of its items' results; `not-visible` where it has none that can be looked for.
    pub result: VerifyResult,
    /// From when to when it would have shown.
    pub visible: Option<VisibleSpan>,
    /// Items of the list, `R-1`.
    pub items: Vec<String>,
    /// The same door as the evidence collected afterwards shows it: `NAME/D-1`.
    pub seen_as: Vec<String>,
    /// Flaws that it goes through and that the evidence collected afterwards shows open, closed or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaws: Vec<VerifiedFlaw>,
    /// What to collect so that it would show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collect: Vec<String>,
}

/// A flaw of a door, by the builds that were in force afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedFlaw {
    /// `CVE-2021-26855`.
    pub cve: String,
    /// `true` open, `false` closed, `None` not known.
    pub open: Option<bool>,
}

/// What is known of a computer afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostState {
    /// Nothing says that it is another.
    Same,
    /// It has another machine SID than before: it was installed anew.
    Reinstalled,
    /// It has another installation date: it was upgraded or installed anew.
    UpgradedOrReinstalled,
    /// A computer of another name has its machine SID.
    Renamed,
    /// Nothing of it was collected afterwards.
    NotCollected,
    /// Only afterwards there is evidence of it.
    New,
}

impl HostState {
    /// As a person reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "as before",
            Self::Reinstalled => "installed anew",
            Self::UpgradedOrReinstalled => "upgraded or installed anew",
            Self::Renamed => "renamed",
            Self::NotCollected => "not collected",
            Self::New => "not seen before",
        }
    }
}

/// A computer of the list, or of the evidence collected afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedHost {
    /// Its name in the case.
    pub host: String,
    /// What is known of it.
    pub state: HostState,
    /// Its name afterwards, where that is another.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub now: String,
    /// What says so: `machine SID S-1-5-21-… was S-1-5-21-…`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// Evidence that was collected afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedCollection {
    /// Its case below `after/`.
    pub name: String,
    /// As it was given.
    pub given: Vec<String>,
    /// Files.
    pub files: u64,
    /// The latest row.
    pub last: Option<Instant>,
    /// It is no younger than the eviction or the case's last trace: nothing is gone by it.
    pub older: bool,
    /// Whether all of it could be read.
    pub whole: bool,
}

/// How many items have which result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VerifyFigures {
    /// Gone.
    pub gone: u64,
    /// Still there.
    pub still_there: u64,
    /// Back.
    pub back: u64,
    /// Not visible.
    pub not_visible: u64,
}

impl VerifyFigures {
    /// Counts results.
    pub fn of(results: impl Iterator<Item = VerifyResult>) -> Self {
        let mut figures = Self::default();
        for result in results {
            match result {
                VerifyResult::Gone => figures.gone += 1,
                VerifyResult::StillThere => figures.still_there += 1,
                VerifyResult::Back => figures.back += 1,
                VerifyResult::NotVisible => figures.not_visible += 1,
            }
        }
        figures
    }
}

/// Where the moment of the eviction is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvictionKnown {
    /// `--evicted-at`.
    Given,
    /// The ledger: when the eviction's actions were claimed to be done.
    Claimed,
    /// Nobody said when: the case's last trace stands in for it.
    LastTrace,
}

/// `verify.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// When it was judged.
    pub at: Instant,
    /// When the intruder was thrown out; what was seen before then was expected.
    pub evicted_at: Option<Instant>,
    /// Where that is from.
    pub eviction_known: EvictionKnown,
    /// Latest row of what is on the list.
    pub last_trace: Option<Instant>,
    /// SHA-256 of the list that was judged.
    pub list_sha256: String,
    /// Whether that list was released by a signature, and is the one that was.
    pub released: bool,
    /// What was collected.
    pub collections: Vec<VerifiedCollection>,
    /// Computers.
    pub hosts: Vec<VerifiedHost>,
    /// Figures of the items.
    pub figures: VerifyFigures,
    /// The items.
    pub traces: Vec<VerifiedTrace>,
    /// The doors.
    pub doors: Vec<VerifiedDoor>,
    /// Actions of the plan that are open again: `A-25`.
    pub reopened_actions: Vec<String>,
    /// Actions that the evidence shows to be done.
    pub done_actions: Vec<String>,
    /// Findings that somebody must judge again.
    pub reopened_findings: Vec<String>,
    /// Facts that would decide on duties and that what came back proposes.
    pub proposed_facts: Vec<ProposedFact>,
}

/// A fact that what came back proposes; a person states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedFact {
    /// The fact's name.
    pub fact: String,
    /// The value proposed.
    pub value: String,
    /// Items that it rests on.
    pub because: Vec<String>,
}
