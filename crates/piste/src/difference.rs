//! Two hunts of one case compared.
//!
//! In: the units' detections under two rule sets, each sorted alike. Out: for each rule how many detections came and went.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};

use piste_lake::store::Found;
use piste_lake::{Lake, LakeError, Unit};
use piste_model::{Detection, Level};

use crate::investigate::read::order;

/// What became of a rule's detections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) level: Level,
    /// Only in the later hunt.
    pub(crate) more: u64,
    /// Only in the earlier.
    pub(crate) fewer: u64,
}

/// By the rule's title; `None` where the earlier hunt did not see every unit.
pub(crate) fn between(
    lake: &Lake,
    units: &[Unit],
    earlier: &str,
    later: &str,
) -> Result<Option<BTreeMap<String, Difference>>, LakeError> {
    let mut found = BTreeMap::new();
    for unit in units {
        let (one, other) =
            (lake.found(unit, earlier, Found::Detections), lake.found(unit, later, Found::Detections));
        if !one.exists() {
            return Ok(None);
        }
        let (mut one, mut other) = (Stream::open(one)?, Stream::open(other)?);
        loop {
            let ordering = match (&one.head, &other.head) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => order(a).cmp(&order(b)),
            };
            if ordering.is_le()
                && let Some(gone) = one.next()?
                && ordering.is_lt()
            {
                entry(&mut found, &gone).fewer += 1;
            }
            if ordering.is_ge()
                && let Some(come) = other.next()?
                && ordering.is_gt()
            {
                entry(&mut found, &come).more += 1;
            }
        }
    }
    Ok(Some(found))
}

fn entry<'a>(found: &'a mut BTreeMap<String, Difference>, detection: &Detection) -> &'a mut Difference {
    let none = Difference { level: detection.level, more: 0, fewer: 0 };
    found.entry(detection.rule_title.clone()).or_insert(none)
}

/// Sorted detections, one at a time.
struct Stream {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    head: Option<Detection>,
}

impl Stream {
    fn open(path: PathBuf) -> Result<Self, LakeError> {
        let file = File::open(&path).map_err(LakeError::read(&path))?;
        let mut stream = Self { path, lines: BufReader::new(file).lines(), head: None };
        stream.next()?;
        Ok(stream)
    }

    fn next(&mut self) -> Result<Option<Detection>, LakeError> {
        let head = self.head.take();
        if let Some(line) = self.lines.next() {
            let line = line.map_err(LakeError::read(&self.path))?;
            self.head = Some(read(&self.path, &line)?);
        }
        Ok(head)
    }
}

fn read(path: &Path, line: &str) -> Result<Detection, LakeError> {
    serde_json::from_str(line).map_err(|source| LakeError::Sidecar { path: path.to_owned(), source })
}
