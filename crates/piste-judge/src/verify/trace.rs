//! What one row says of things that an intruder leaves.
//!
//! In: a row, of evidence from before or after. Out: the things that it speaks of, each with what it says happened to it. The same
//! readers find what is to be removed and what is there afterwards, so that both sides speak of one thing in the same words.

use piste_model::Instant;
use piste_model::removal::{NameSort, TraceKind, TraceName};

use super::rows::Row;
use super::{accounts, autostart, commands, files, mail, network};

/// What a row says happened to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It stands in a list of what is there.
    Listed {
        /// When it was made, where the list tells.
        made: Option<Instant>,
        /// It is switched off.
        disabled: bool,
    },
    /// It was made.
    Made,
    /// It was taken away.
    Removed,
    /// It was used, or acted.
    Used,
    /// Its secret was set.
    SecretSet,
}

/// A thing that a row speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) kind: TraceKind,
    pub(crate) act: Act,
    /// As the row writes it.
    pub(crate) place: String,
    pub(crate) names: Vec<TraceName>,
    /// When the row says that it happened, where that is not the row's own time.
    pub(crate) at: Option<Instant>,
}

impl Trace {
    pub(crate) fn new(kind: TraceKind, act: Act, place: &str) -> Self {
        Self { kind, act, place: place.trim().to_owned(), names: Vec::new(), at: None }
    }

    /// Adds a name; an empty one is none.
    pub(crate) fn named(mut self, sort: NameSort, value: String) -> Self {
        if !value.is_empty() {
            let name = TraceName { sort, value };
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        self
    }

    pub(crate) fn at(mut self, at: Option<Instant>) -> Self {
        self.at = at;
        self
    }
}

/// Things that a list has and that are there.
pub(crate) const LISTED: Act = Act::Listed { made: None, disabled: false };

/// Datasets that say something of such things.
pub(crate) fn is_telling(dataset: &str) -> bool {
    const EXACT: [&str; 25] = [
        "windows.sysmon",
        "windows.security",
        "windows.system",
        "windows.taskscheduler",
        "windows.wmi-activity",
        "windows.wmi",
        "windows.msexchange-management",
        "exchange.rps-cmdlet",
        "exchange.admin-audit",
        "m365.audit",
        "iis.access",
        "iis.configuration",
        "task.definition",
        "wmi.filter",
        "wmi.consumer",
        "directory.object",
        "directory.change",
        "windows.terminalservices-localsessionmanager",
        "zeek.conn",
        "defender.file",
        "defender.network",
        "defender.process",
        "defender.registry",
        "exchange.httpproxy",
        "windows.firewall",
    ];
    EXACT.contains(&dataset)
        || matches!(dataset, "file.mft" | "file.listing" | "file.index" | "file.usn" | "file.content")
        || ["registry.", "velociraptor.", "remote-access."].iter().any(|front| dataset.starts_with(front))
}

/// Reads a row.
pub(crate) fn traces(row: &Row<'_>) -> Vec<Trace> {
    let mut found = Vec::new();
    files::read(row, &mut found);
    autostart::read(row, &mut found);
    accounts::read(row, &mut found);
    commands::read(row, &mut found);
    mail::read(row, &mut found);
    network::read(row, &mut found);
    found.retain(|trace| !trace.names.is_empty());
    found
}
