//! Two hunts of one case compared.
//!
//! In: the units' detections under two rule sets, each sorted alike. Out: for each rule how many detections came and went.

use std::collections::BTreeMap;
use std::path::Path;

use piste_hunt::told::{Interner, Told};
use piste_lake::store::Found;
use piste_lake::{Lake, LakeError, Unit};
use piste_model::Level;

use crate::investigate::merged::Source;

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
        let (mut one, mut other) = (Stream::open(&one)?, Stream::open(&other)?);
        loop {
            let ordering = match (&one.head, &other.head) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.order().cmp(&b.order()),
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

fn entry<'a>(found: &'a mut BTreeMap<String, Difference>, told: &Told) -> &'a mut Difference {
    let none = Difference { level: told.rule.level, more: 0, fewer: 0 };
    found.entry(told.rule.title.clone()).or_insert(none)
}

/// Sorted detections, one at a time.
struct Stream {
    source: Source,
    interner: Interner,
    head: Option<Told>,
}

impl Stream {
    fn open(path: &Path) -> Result<Self, LakeError> {
        let mut stream = Self { source: Source::open(path)?, interner: Interner::default(), head: None };
        stream.next()?;
        Ok(stream)
    }

    fn next(&mut self) -> Result<Option<Told>, LakeError> {
        let next = self.source.next(&mut self.interner)?;
        Ok(std::mem::replace(&mut self.head, next))
    }
}
