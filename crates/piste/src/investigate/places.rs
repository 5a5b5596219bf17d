//! What only the whole run knows of a detection: its host's full name, and every place of its record.
//!
//! In: the sealed files, the names of hosts, the copies that units left out. Out: for each detection its file's locator and
//! then those of copies: of its file, and of the record in other logs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use piste_hunt::told::{Interner, Told};
use piste_lake::copies::Copy;
use piste_lake::store::Attachment;
use piste_lake::{LakeError, Unit};
use piste_model::Evidence;
use piste_model::evidence::EvidenceState;

use super::hosts::Hosts;
use super::merged::Source;
use crate::case::Case;

/// Names of hosts that are kept.
const KEPT_MAX: usize = 10_000;

/// What only the whole run knows of a detection.
pub(super) struct Places<'a> {
    hosts: &'a Hosts,
    full: BTreeMap<String, Arc<str>>,
    /// Files with the same content as a parsed one.
    same: BTreeMap<u32, Vec<u32>>,
    files: BTreeMap<u32, &'a Evidence>,
    /// (evidence, offset) of a row with a detection to the evidence that holds copies of it.
    copies: BTreeMap<(u32, u64), Vec<u32>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(
        hosts: &'a Hosts,
        evidence: &'a [Evidence],
        copies: BTreeMap<(u32, u64), Vec<u32>>,
    ) -> Self {
        Self {
            hosts,
            full: BTreeMap::new(),
            same: same_files(evidence),
            files: evidence.iter().map(|one| (one.id.0, one)).collect(),
            copies,
        }
    }

    /// The one name of the host.
    pub(super) fn host(&mut self, name: &str) -> Arc<str> {
        if let Some(full) = self.full.get(name) {
            return Arc::clone(full);
        }
        if self.full.len() >= KEPT_MAX {
            self.full.clear();
        }
        let full: Arc<str> = self.hosts.full(name).into();
        self.full.insert(name.to_owned(), Arc::clone(&full));
        full
    }

    /// Locator and SHA-256 of a sealed file.
    pub(super) fn file(&self, evidence: u32) -> (&'a str, &'a str) {
        self.files.get(&evidence).map_or(("", ""), |one| (&one.path, &one.sha256))
    }

    /// Whether a row of this file is an event: the row of a file without records only says what it is.
    pub(super) fn is_event(&self, evidence: u32) -> bool {
        self.files.get(&evidence).is_none_or(|one| one.state != EvidenceState::NotParsed)
    }

    /// Whether the record itself stands in other logs too; else its places are those of its file.
    pub(super) fn has_copies(&self, told: &Told) -> bool {
        !self.copies.is_empty()
            && self.copies.get(&(told.evidence.0, told.offset)).is_some_and(|all| !all.is_empty())
    }

    /// Every place, the record's own first.
    pub(super) fn of(&self, told: &Told) -> Vec<&'a str> {
        let id = told.evidence.0;
        let copies = self.copies.get(&(id, told.offset)).into_iter().flatten();
        let holders: Vec<u32> = std::iter::once(id).chain(copies.copied()).collect();
        let same = holders.iter().filter_map(|id| self.same.get(id)).flatten();
        let (own, _) = self.file(id);
        let paths = holders.iter().chain(same).filter_map(|id| self.files.get(id));
        let mut others: Vec<&str> = paths.map(|one| one.path.as_str()).filter(|path| *path != own).collect();
        others.sort_unstable();
        others.dedup();
        std::iter::once(own).chain(others).collect()
    }
}

fn same_files(evidence: &[Evidence]) -> BTreeMap<u32, Vec<u32>> {
    let mut same: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (of, one) in evidence.iter().filter_map(|one| Some((one.same_as?, one))) {
        same.entry(of.0).or_default().push(one.id.0);
    }
    same
}

/// The copies of rows that a rule matched: as few as the detections are.
pub(super) fn hit_copies(
    case: &Case,
    units: &[Unit],
    detections: &[PathBuf],
) -> Result<BTreeMap<(u32, u64), Vec<u32>>, LakeError> {
    let copied: Vec<PathBuf> =
        units.iter().map(|unit| case.lake.attachment(unit, Attachment::Copies)).collect();
    let mut copies: BTreeMap<(u32, u64), Vec<u32>> = BTreeMap::new();
    if copied.iter().all(|path| fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)) {
        return Ok(copies); // most cases hold no copies
    }
    let mut interner = Interner::default();
    for path in detections {
        let mut source = Source::open(path)?;
        while let Some(told) = source.next(&mut interner)? {
            copies.entry((told.evidence.0, told.offset)).or_default();
        }
    }
    for path in &copied {
        each_copy(path, &mut |copy: Copy| {
            if let Some(holders) = copies.get_mut(&(copy.of.evidence.0, copy.of.offset)) {
                holders.push(copy.evidence_id.0);
            }
        })?;
    }
    Ok(copies)
}

fn each_copy(path: &Path, each: &mut dyn FnMut(Copy)) -> Result<(), LakeError> {
    let file = File::open(path).map_err(LakeError::read(path))?;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(LakeError::read(path))?;
        let copy = serde_json::from_str(&line)
            .map_err(|source| LakeError::Sidecar { path: path.to_owned(), source })?;
        each(copy);
    }
    Ok(())
}
