//! Which flaws a server had, and from when to when: one server of `exposure.json`.
//!
//! In: what logs, setup logs and listings say of the builds in force. Out: spans in which a flaw was open. `None` as an end
//! is: the evidence does not say when it began, or it was still open where the evidence ends.

use serde::{Deserialize, Serialize};

use crate::finding::RowRef;
use crate::time::Instant;

/// One flaw's span on one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSpan {
    /// `CVE-2021-26855`.
    pub cve: String,
    /// From when it was open; `None` where the evidence does not reach its beginning.
    pub from: Option<Instant>,
    /// Until when; `None` where it is open at the end of the evidence.
    pub to: Option<Instant>,
    /// `true` where the build is known for the whole span; `false` where part of it is inferred between two sightings.
    pub proven: bool,
}

/// One build seen on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSeen {
    /// As the source writes it: `15.1.2176.2`, or three parts where the source says no more.
    pub build: String,
    /// Earliest sighting.
    pub first: Option<Instant>,
    /// Latest sighting.
    pub last: Option<Instant>,
    /// What said so: `HttpProxy`, `IIS /owa/auth/`, `ExchangeSetup.log`, `HealthChecker`, `listing`.
    pub source: String,
    /// Row behind the earliest sighting.
    pub row: Option<RowRef>,
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
