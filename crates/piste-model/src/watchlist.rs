//! What the watch must look for, and for how long: the object of `piste watchlist`.
//!
//! In: the removal list, doors, findings, indicators that were seen. Out: entries that a machine compares with new rows, each with the
//! trace that it came from. A watch loads the JSON of it and matches an entry where the row has the field's value, compared as
//! [`WatchMatch`] says.

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// How an entry's value is compared with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchMatch {
    /// An address on either side of a connection, request or logon.
    Address,
    /// A path of a file, from the volume's root on, without case.
    Path,
    /// The path of a request's address, without case and query.
    Url,
    /// SHA-256 of a file.
    Sha256,
    /// Name of an account, without its domain and case.
    Account,
    /// SID.
    Sid,
    /// Name of a service, task, module or consumer, without case.
    Name,
    /// Key and value of the registry, as Sysmon writes them, without case.
    RegistryValue,
    /// SHA-1 of a certificate.
    Thumbprint,
    /// A member of a group or holder of a role, `GROUP <- MEMBER`, without case.
    Right,
    /// A value of an indicator, in the form of its type.
    Indicator,
}

/// One thing to watch for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchEntry {
    /// `W-1`.
    pub id: String,
    /// How it is compared.
    pub matches: WatchMatch,
    /// What is compared.
    pub value: String,
    /// Kind of the item of the removal list, or `indicator`, `door`.
    pub what: String,
    /// Only on this computer; empty for everywhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Why: what it would mean.
    pub reason: WatchReason,
    /// Items, steps, findings, doors that it came from.
    pub traces: Vec<String>,
    /// From when on.
    pub from: Option<Instant>,
    /// Until when; it is looked at again then.
    pub until: Option<Instant>,
}

/// Why something is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchReason {
    /// It was taken away: that it is made or used again means that he is back.
    Removed,
    /// It is not known to be gone: any use of it is his.
    NotKnownGone,
    /// He came in by it.
    WayIn,
    /// His address.
    HisAddress,
    /// An account that he used: a use from elsewhere than its owner's places.
    HisAccount,
    /// An indicator that was seen here.
    IndicatorSeen,
}

impl WatchReason {
    /// In words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Removed => "it was taken away: made or used again, he is back",
            Self::NotKnownGone => "it is not known to be gone",
            Self::WayIn => "he came in by it",
            Self::HisAddress => "his address",
            Self::HisAccount => "an account that he used",
            Self::IndicatorSeen => "an indicator that was seen here",
        }
    }
}

/// The list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchlist {
    /// Version of this form.
    pub version: u32,
    /// SHA-256 of the removal list that it was made from.
    pub removal_sha256: String,
    /// Days that the watch lasts, and why so many.
    pub days: u64,
    /// The dwell time, or the longest pause of the intruder, that decided on the days.
    pub because_days: u64,
    /// The entries.
    pub entries: Vec<WatchEntry>,
}

impl Watchlist {
    /// Version of the form that this writes.
    pub const VERSION: u32 = 1;
}
