//! A sealed file and what became of it: one line of `evidence.jsonl`.
//!
//! In: what intake sealed and parsing counted. Out: the custody entry that a report cites. The locator names a file
//! inside containers: `collection.zip!logs.zip!Security.evtx`.

use serde::{Deserialize, Serialize};

use crate::host::{HostByPlace, HostKnown};
use crate::id::EvidenceId;
use crate::time::Instant;

/// Separates the container from the member in a locator.
pub const LOCATOR_SEPARATOR: char = '!';

/// Joins a container's locator and its member's name.
pub fn member_locator(container: &str, member: &str) -> String {
    format!("{container}{LOCATOR_SEPARATOR}{member}")
}

/// One part of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Damage {
    /// The slug: `evtx-chunk-damaged`.
    pub kind: String,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// Records lost; `null` where the damage hides how many.
    pub lost: Option<u64>,
}

/// One file of evidence, as sealed and as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `E-1`.
    pub id: EvidenceId,
    /// Locator.
    pub path: String,
    /// What the content is, by its bytes: `evtx`, `jsonl`, `zip`, `unknown`.
    pub format: String,
    /// Size of the decompressed content.
    pub bytes: u64,
    /// SHA-256 of those bytes, 64 lower-case hex digits; empty where they could not be read.
    pub sha256: String,
    /// The host that most of its records name, else that of its collection; `null` where neither tells.
    pub host: Option<String>,
    /// How that is known.
    #[serde(default)]
    pub host_known: HostKnown,
    /// The collection, or the logs of one kind in one folder, that it is of: all of one computer.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub collection: String,
    /// What its place says, which its rows carry where their records name no host.
    #[serde(default)]
    pub host_by_place: HostByPlace,
    /// The shadow copy that it was taken from: an earlier state of the same computer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shadow_copy: Option<String>,
    /// Records as stored, copies included.
    pub records_read: u64,
    /// Rows in the lake.
    pub rows: u64,
    /// Records that are copies of a record of another file.
    pub duplicates: u64,
    /// Time of the earliest row.
    pub first: Option<Instant>,
    /// Time of the latest row.
    pub last: Option<Instant>,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// `read`, `container`, `same` (as another), `not-parsed` (no parser for this kind), `unread` (it should have been).
    pub state: EvidenceState,
    /// The file with the same content that was parsed in this one's place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub same_as: Option<EvidenceId>,
    /// Who made the container, by its paths: `kape`, `velociraptor`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
    /// MD5 of the content, where indicators asked for such hashes when it was sealed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub md5: Option<String>,
    /// SHA-1, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha1: Option<String>,
}

/// What became of a sealed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceState {
    /// Its records are in the lake, save those named as damaged.
    Read,
    /// A zip, gz or zst; its members stand on their own lines.
    Container,
    /// The same bytes as another file, which was parsed.
    Same,
    /// Sealed; Piste has no parser for this kind.
    NotParsed,
    /// Could not be read though it should have been: an issue says why.
    Unread,
}
