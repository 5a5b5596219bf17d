//! Which flaws a server had, and from when to when: one server of `exposure.json`.
//!
//! In: what logs, setup logs and listings say of the builds in force. Out: spans in which a flaw was open. `None` as an end
//! is: the evidence does not say when it began, or it was still open where the evidence ends.

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;
use crate::time::Instant;

/// One flaw's span on one server.
///
/// A flaw is open as soon as a build that has it is installed, so that a span may begin before the flaw was published: who
/// knew it then could use it. `published` and `fix_released` stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSpan {
    /// `CVE-2021-26855`.
    pub cve: String,
    /// The earliest time at which it is known to be open: the first sighting of a build that has it. It may have been open
    /// before: back to `from_not_before`.
    pub from: Option<Instant>,
    /// The first sighting of a build that has the fix; `None` where it is open at the end of the evidence.
    pub to: Option<Instant>,
    /// `true` where the build is known for the whole span; `false` where part of it is inferred between two sightings.
    pub proven: bool,
    /// Before this it was not open: the latest sighting of a build without it; `None` where there is none.
    #[serde(default)]
    pub from_not_before: Option<Instant>,
    /// The latest time at which it is known to be open: the fix came between this and `to`.
    #[serde(default)]
    pub to_not_before: Option<Instant>,
    /// What the chain is called: `ProxyLogon`.
    #[serde(default)]
    pub name: String,
    /// Day on which the flaw became public, `2021-03-02`.
    #[serde(default)]
    pub published: Option<String>,
    /// Day on which a fix for this cumulative update came out; `None` where it never had one.
    #[serde(default)]
    pub fix_released: Option<String>,
    /// What a build number cannot show.
    #[serde(default)]
    pub caveat: Option<String>,
}

/// One build seen on a server: in force at least from `first` to `last`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSeen {
    /// `15.1.2176.2`; three parts where the source names the cumulative update only.
    pub build: String,
    /// Earliest sighting.
    pub first: Option<Instant>,
    /// Latest sighting before a newer build.
    pub last: Option<Instant>,
    /// What said so: `HttpProxy`, `IIS path`, `ExchangeSetup.log`, `HealthChecker`, `listing`; several with a comma.
    pub source: String,
    /// Row behind the earliest sighting.
    pub row: Option<RowRef>,
    /// Row behind the latest sighting.
    #[serde(default)]
    pub last_row: Option<RowRef>,
    /// Rows that say so.
    #[serde(default)]
    pub count: u64,
    /// `CU19 Mar21SU`; `None` where no release has this number.
    #[serde(default)]
    pub release: Option<String>,
    /// An older build than one seen before it: an update was taken back, the server was set up anew, or two servers share
    /// the name. What came before says nothing of what comes after.
    #[serde(default)]
    pub older: bool,
    /// The source names the cumulative update's own revision and never named another on this server: it may be blind to
    /// security updates, which do not replace every file.
    #[serde(default)]
    pub perhaps_updated: bool,
}

/// One server's exposure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The server.
    pub host: String,
    /// `Exchange Server 2016`.
    pub product: String,
    /// Cumulative update in force at the end; `None` where unknown.
    pub cu: Option<String>,
    /// Build in force at the end; `None` where unknown.
    pub build: Option<String>,
    /// Flaws and their spans, sorted by flaw and time.
    pub open: Vec<OpenSpan>,
    /// Spans in which the evidence leaves it open whether the flaw was there: the cumulative update is known and its security
    /// update is not, or the catalogue cannot tell. Never read them as patched.
    #[serde(default)]
    pub unknown_spans: Vec<OpenSpan>,
    /// Builds seen, in the order of time.
    #[serde(default)]
    pub builds: Vec<BuildSeen>,
    /// Mitigations seen that are no patch, with when and what said so.
    #[serde(default)]
    pub mitigations: Vec<String>,
    /// What is not known and why, one sentence each.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// What it rests on.
    pub evidence: Vec<RowRef>,
}
