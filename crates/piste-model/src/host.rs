//! How the name of a host is known.
//!
//! In: what told it. Out: a type that goes with every host, since what rests on a guess must not join two files: a web shell of
//! one computer and a request to another are no intrusion of either.

use serde::{Deserialize, Serialize};

/// What tells which computer something is of, the strongest last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKnown {
    /// Nothing does: its name says where it was found, and no other file is joined with it.
    #[default]
    Unknown,
    /// A folder's name looks like a host's: a guess.
    Folder,
    /// A person said so, and nothing in the evidence does.
    Stated,
    /// The collection: its own name, or what the collector wrote of the computer.
    Collection,
    /// A record names it.
    Record,
}

impl HostKnown {
    /// Whether files of two places may be joined by this name.
    pub fn joins(self) -> bool {
        self >= Self::Stated
    }
}

/// What the place of a file in the evidence says of its computer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostByPlace {
    /// The host's name, or words that say where the file was found; rows whose records name no host carry it.
    pub host: String,
    /// How that is known.
    pub known: HostKnown,
    /// What whoever gave the file said of it, for where nothing in it names its computer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stated: Option<String>,
}
