//! What the last run of a case found, for the commands that propose or tell it.
//!
//! In: the files of `out/` that the ledger vouches for, as far as they are there. Out: grave findings, ways in, exposure, sightings and
//! the sealed files behind them. A file that no run wrote tells nothing; one that is not what Piste wrote says so and tells nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::Path;

use piste_model::first_trace::is_grave;
use piste_model::{CoveredFigures, Door, Evidence, EvidenceId, Exposure, Finding, RowRef, Sighting};
use serde::Deserialize;

use crate::failure::Failure;
use crate::look::{self, FINDINGS, Seen};
use crate::{out, sightings};

/// In `out/`.
const EVIDENCE: &str = "evidence.jsonl";

/// What the last run found.
#[derive(Default)]
pub(crate) struct Found {
    /// Findings that an intrusion is dated by, with the verdicts in force.
    pub(crate) findings: Vec<Finding>,
    pub(crate) doors: Vec<Door>,
    pub(crate) servers: Vec<Exposure>,
    pub(crate) summary: Summary,
    pub(crate) sightings: Vec<Sighting>,
    /// All sealed files.
    pub(crate) sealed: u64,
    /// Sealed files behind the findings and doors.
    pub(crate) exhibits: BTreeMap<EvidenceId, Evidence>,
}

/// Of which days the evidence has rows, as `summary.json` has it.
#[derive(Default, Deserialize)]
pub(crate) struct Summary {
    #[serde(default)]
    pub(crate) covered: Option<CoveredFigures>,
    #[serde(default)]
    pub(crate) web_logs: BTreeMap<String, CoveredFigures>,
}

#[derive(Deserialize)]
struct Doors {
    doors: Vec<Door>,
}

#[derive(Deserialize)]
struct Servers {
    servers: Vec<Exposure>,
}

impl Found {
    /// Reads what is there.
    pub(crate) fn of(case: &Path) -> Self {
        let mut found = Self::default();
        let Ok(seen) = look::seen(case) else { return found };
        found.sealed = seen.seals.len() as u64;
        match seen.results.hash(FINDINGS).map(|_| seen.findings(case)) {
            Some(Ok(all)) => found.findings.extend(all.into_iter().filter(is_grave)),
            Some(Err(failure)) => tells_nothing(FINDINGS, &failure),
            None => {}
        }
        let (summary, doors, exposure) = ("summary.json", "doors.json", "exposure.json");
        found.summary = object::<Summary>(&seen, case, summary).unwrap_or_default();
        found.doors = object::<Doors>(&seen, case, doors).map_or_else(Vec::new, |doors| doors.doors);
        found.servers = object::<Servers>(&seen, case, exposure).map_or_else(Vec::new, |one| one.servers);
        found.sightings = lines(&seen, case, sightings::FILE, |_| true);
        let rows = found.doors.iter().filter(|door| door.let_somebody_in()).flat_map(|door| &door.rows);
        let rows = rows.chain(found.findings.iter().flat_map(|finding| &finding.rows));
        let behind: BTreeSet<EvidenceId> = rows.map(|row: &RowRef| row.evidence_id).collect();
        let exhibits: Vec<Evidence> =
            lines(&seen, case, EVIDENCE, |file: &Evidence| behind.contains(&file.id));
        found.exhibits = exhibits.into_iter().map(|file| (file.id, file)).collect();
        found
    }
}

/// Those lines of a file of JSON lines that are wanted.
fn lines<T: for<'de> Deserialize<'de>>(
    seen: &Seen,
    case: &Path,
    name: &str,
    wanted: impl Fn(&T) -> bool,
) -> Vec<T> {
    if seen.results.hash(name).is_none() {
        return Vec::new();
    }
    let mut all = Vec::new();
    let file = match seen.results.file(case, name) {
        Ok(file) => file,
        Err(failure) => {
            tells_nothing(name, &failure);
            return Vec::new();
        }
    };
    for line in file.lines() {
        let read = line.map_err(serde_json::Error::io).and_then(|line| serde_json::from_str::<T>(&line));
        match read {
            Ok(one) => all.extend(Some(one).filter(&wanted)),
            Err(error) => {
                tells_nothing(name, &look::unreadable(name, &error));
                return Vec::new();
            }
        }
    }
    all
}

/// A file that no run wrote tells nothing; one that cannot be read, or that is not what Piste wrote, says so.
fn object<T: for<'de> Deserialize<'de>>(seen: &Seen, case: &Path, name: &str) -> Option<T> {
    seen.results.hash(name)?;
    let text = seen.results.text(case, name);
    let read =
        text.and_then(|text| serde_json::from_str(&text).map_err(|error| look::unreadable(name, &error)));
    read.map_err(|failure| tells_nothing(name, &failure)).ok()
}

fn tells_nothing(name: &str, failure: &Failure) {
    out::note(&format!(
        "warning: `out/{name}` tells nothing: {}",
        piste_report::escape::visible(failure.what())
    ));
}
