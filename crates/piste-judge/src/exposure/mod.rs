//! Which flaws each Exchange server had, and from when to when.
//!
//! In: the lake, whose rows name builds. Out: one [`Exposure`] a server, and [`state`]: was this flaw open at this moment?

mod mitigations;
mod seen;
mod spans;
mod state;
mod stem;
mod timeline;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::exchange::{Release, Version, catalog};
use piste_model::{BuildSeen, EvidenceId, Exposure, RowRef};

use self::seen::{At, Seen};
use self::timeline::Entry;

pub use state::{Exposed, State, any_state, state};

/// What the reading needs to know of the case.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// A host's one name.
    pub host: &'a dyn Fn(&str) -> String,
    /// Path and SHA-256 of a sealed file.
    pub file: &'a dyn Fn(EvidenceId) -> (String, String),
}

/// Reads every server's builds from the lake; servers are sorted by name.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn read(lake: &Lake, names: Names<'_>) -> Result<Vec<Exposure>, LakeError> {
    let seen = Seen::read(lake, names.host)?;
    let hosts: Vec<(String, Vec<Entry>)> = seen
        .by_host()
        .into_iter()
        .map(|(host, days)| (host.to_owned(), timeline::entries(&days)))
        .filter(|(_, entries)| !entries.is_empty())
        .collect();
    let wanted = hosts.iter().flat_map(|(_, entries)| entries.iter().flat_map(|one| [one.first, one.last]));
    let rows = seen.rows(wanted, names.file)?;
    let mut mitigations = mitigations::read(lake, names.host)?;
    let servers = hosts.into_iter().map(|(host, entries)| {
        let found = mitigations.remove(&host).unwrap_or_default();
        Exposure { mitigations: found, ..server(host, &entries, &rows, seen.cut) }
    });
    Ok(servers.collect())
}

fn server(host: String, entries: &[Entry], rows: &BTreeMap<At, RowRef>, cut: bool) -> Exposure {
    let builds: Vec<BuildSeen> = entries.iter().map(|entry| build_seen(entry, rows)).collect();
    let last = latest(entries);
    let known = catalog();
    let evidence: Vec<RowRef> =
        builds.iter().flat_map(|seen| [&seen.row, &seen.last_row]).flatten().cloned().collect();
    let mut server = Exposure {
        host,
        product: last.map_or("", |version| known.product(version)).replacen("Exchange", "Exchange Server", 1),
        cu: last.and_then(|version| known.nearest(version)).map(|release| release.update.line.clone()),
        build: last.map(|version| version.to_string()),
        open: Vec::new(),
        unknown_spans: Vec::new(),
        builds,
        mitigations: Vec::new(),
        unknown: Vec::new(),
        evidence,
    };
    server.evidence.dedup();
    spans::fill(&mut server);
    if cut {
        server.unknown.push("more builds were named than are kept: the rest was passed over".to_owned());
    }
    server
}

/// The build in force at the end: of the builds seen last, the one that says most.
fn latest(entries: &[Entry]) -> Option<Version> {
    let newest = entries.iter().rposition(|entry| entry.older).unwrap_or(0);
    let epoch = entries.get(newest..)?;
    let line = epoch.iter().map(|entry| entry.version.line()).max()?;
    let of_line = epoch.iter().filter(|entry| entry.version.line() == line);
    of_line.map(|entry| entry.version).max()
}

fn build_seen(entry: &Entry, rows: &BTreeMap<At, RowRef>) -> BuildSeen {
    let known = catalog();
    let release = match entry.version.revision {
        Some(_) => known.release(entry.version).map(Release::name),
        None => known
            .line(entry.version)
            .next()
            .map(|base| format!("{}, security update unknown", base.update.line)),
    };
    let sources: BTreeSet<&str> = entry.sources.iter().map(|source| source.label()).collect();
    BuildSeen {
        build: entry.version.to_string(),
        first: Some(entry.first.time),
        last: Some(entry.last.time),
        source: sources.into_iter().collect::<Vec<_>>().join(", "),
        row: rows.get(&entry.first).cloned(),
        last_row: rows.get(&entry.last).cloned(),
        count: entry.count,
        release,
        older: entry.older,
        perhaps_updated: entry.perhaps_updated,
    }
}

#[cfg(test)]
mod tests;
