//! Ways in: one object of `doors.json`.
//!
//! In: what exploitation rules, web shells, logons and configuration each show of one way in. Out: one door with its
//! verdict, its state, when it was opened and used, and the rows that say so. Several traces of one way in are one door.

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;
use crate::host::HostKnown;
use crate::reason::Reason;
use crate::time::Instant;

/// How far the use of a door went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DoorVerdict {
    /// Somebody looked whether it is there.
    Probed,
    /// An attempt that the evidence shows to have failed.
    Failed,
    /// The attempt did what it was meant to do.
    Succeeded,
    /// What it opened was used.
    Used,
}

/// Whether the door still opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DoorState {
    /// The latest evidence shows it open.
    Open,
    /// The latest evidence shows it closed.
    Closed,
    /// The evidence does not tell.
    Unknown,
}

/// When a door was opened. `None` is: the evidence gives no such bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Before this it was not there, and coverage proves it.
    pub not_before: Option<Instant>,
    /// At this time it was there, by the clock of the record's header.
    pub not_after: Option<Instant>,
    /// The same by the event's own clock, where the two were measured to differ; see [`crate::Clock`].
    #[serde(default)]
    pub not_after_corrected: Option<Instant>,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// `D-1`.
    pub id: String,
    /// Hash of (kind, host, place): the same over runs.
    pub key: String,
    /// `webshell`, `exploit`, `iis-module`, `oab-external-url`, `account`, `remote-access` and the like.
    pub kind: String,
    /// Flaws it goes through, `CVE-2021-26855`.
    pub cve: Vec<String>,
    /// Host that it leads into.
    pub host: String,
    /// How that host is known.
    #[serde(default)]
    pub host_known: HostKnown,
    /// File, URL path, account or service.
    pub place: String,
    /// How far its use went.
    pub verdict: DoorVerdict,
    /// Whether it still opens.
    pub state: DoorState,
    /// When it was opened.
    pub opened: Opened,
    /// Earliest use.
    pub first_used: Option<Instant>,
    /// Latest use.
    pub last_used: Option<Instant>,
    /// Addresses on the other side, sorted; at most [`Door::MAX_SOURCES`].
    pub sources: Vec<String>,
    /// Accounts that it acted as, sorted.
    pub accounts: Vec<String>,
    /// Why, as data: the steps of the ladder in the order of time, then what sums up, then what speaks against the verdict.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// What evidence would settle it, as data.
    #[serde(default)]
    pub settle: Vec<Reason>,
    /// The ladder of the verdict: one sentence a step, each with what it rests on; made of `reasons` where doors are written.
    pub why: Vec<String>,
    /// What speaks against the verdict, one sentence each.
    #[serde(default)]
    pub against: Vec<String>,
    /// What evidence would settle it: what is missing and what it would show.
    #[serde(default)]
    pub missing: Vec<String>,
    /// One step that closes it.
    pub close: String,
    /// Rows behind it, in the order of time; at most [`Door::MAX_ROWS`].
    pub rows: Vec<RowRef>,
    /// Rows, of which `rows` lists the most telling.
    #[serde(default)]
    pub count: u64,
}

impl Door {
    /// When it was there at the latest: by what opened it, or by its first use.
    pub fn since(&self) -> Option<Instant> {
        self.opened.not_after.into_iter().chain(self.first_used).min()
    }

    /// Rights that somebody inside gave and that nobody from outside used: administrators do so, and it says nothing of a break-in
    /// by itself.
    pub fn is_daily(&self) -> bool {
        self.kind == "account" && self.sources.is_empty() && self.verdict < DoorVerdict::Used
    }

    /// Whether somebody came in by it who had no business there. Of logons only those count that show it was not the owner:
    /// what is merely unusual dates no intrusion.
    pub fn let_somebody_in(&self) -> bool {
        let logon = matches!(self.kind.as_str(), "account" | "remote-access");
        self.verdict >= if logon { DoorVerdict::Used } else { DoorVerdict::Succeeded }
    }

    /// The most rows that a door lists.
    pub const MAX_ROWS: usize = 50;
    /// The most addresses that a door lists.
    pub const MAX_SOURCES: usize = 50;
}
