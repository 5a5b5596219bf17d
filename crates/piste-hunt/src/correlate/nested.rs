//! What the hits of an inner correlation give to outer ones.
//!
//! In: the moments at which an inner correlation's condition holds. Out: contributions to the correlations that refer to
//! it, spilled to run files when they grow. A count gets one event a hit, at the time it first held; a temporal
//! correlation gets every moment, since what follows the last of many failed logons is as near as what follows the tenth.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::contribution::{Contribution, Measure};
use super::error::CorrelateError;
use super::row::measure;
use super::runs::{Scratch, Section, Writer};
use super::{Plan, Skipped};

/// Contributions kept before they are written.
const HELD_MAX: usize = 50_000;

/// Where an outer correlation finds a field in an inner one's hit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// Among the values that it groups by.
    Group(usize),
    /// Among the fields that its rows carry.
    Carried(usize),
}

/// One outer correlation of an inner one.
#[derive(Debug, Clone)]
pub(super) struct Outer {
    pub(super) correlation: usize,
    pub(super) reference: usize,
    pub(super) group: Vec<Slot>,
    pub(super) values: Vec<Slot>,
    pub(super) carried: Vec<Slot>,
}

/// Gathers them.
pub(super) struct Nested<'a> {
    plans: &'a [Plan],
    held: Vec<Contribution>,
    sections: BTreeMap<u32, Vec<Section>>,
    spill: PathBuf,
    spilled: Vec<PathBuf>,
    pub(super) skipped: Skipped,
}

impl<'a> Nested<'a> {
    /// `spill` is a name that no other file of the scratch folder has.
    pub(super) fn new(plans: &'a [Plan], spill: PathBuf) -> Self {
        let (held, sections, spilled) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { plans, held, sections, spill, spilled, skipped: Skipped::default() }
    }

    /// The condition of an inner correlation holds at this event.
    pub(super) fn moment(&mut self, inner: usize, at: &Contribution) -> Result<(), CorrelateError> {
        self.give(inner, at, true)
    }

    /// A hit of an inner correlation, first held at this event.
    pub(super) fn hit(&mut self, inner: usize, at: &Contribution) -> Result<(), CorrelateError> {
        self.give(inner, at, false)
    }

    fn give(&mut self, inner: usize, at: &Contribution, temporal: bool) -> Result<(), CorrelateError> {
        for outer in self.plans.get(inner).map(|plan| plan.outers.as_slice()).unwrap_or_default() {
            let Some(plan) = self.plans.get(outer.correlation) else { continue };
            if plan.correlation.kind.is_temporal() != temporal {
                continue;
            }
            match contribution(inner, at, outer, plan) {
                Ok(one) => self.held.push(one),
                Err(count) => count(&mut self.skipped),
            }
        }
        if self.held.len() >= HELD_MAX { self.flush() } else { Ok(()) }
    }

    /// What has been gathered for a correlation; all inner ones have been swept.
    pub(super) fn sections(&mut self, correlation: usize) -> Result<Vec<Section>, CorrelateError> {
        self.flush()?;
        let number = u32::try_from(correlation).unwrap_or(u32::MAX);
        Ok(self.sections.remove(&number).unwrap_or_default())
    }

    fn flush(&mut self) -> Result<(), CorrelateError> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.held.sort_unstable();
        let path = self.spill.with_extension(format!("{}.nested", self.spilled.len()));
        self.spilled.push(path.clone());
        let mut writer = Writer::create(&path)?;
        for one in &self.held {
            writer.push(one)?;
        }
        self.held.clear();
        for (correlation, section) in writer.finish(false)? {
            self.sections.entry(correlation).or_default().push(section);
        }
        Ok(())
    }
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        for path in &self.spilled {
            Scratch::remove(path);
        }
    }
}

/// Why nothing was given, to be counted.
type Count = fn(&mut Skipped);

fn contribution(inner: usize, at: &Contribution, outer: &Outer, plan: &Plan) -> Result<Contribution, Count> {
    let find = |slot: &Slot| match slot {
        Slot::Group(place) => at.group.get(*place).cloned(),
        Slot::Carried(place) => at.carried.get(*place).cloned().flatten(),
    };
    let group = outer.group.iter().map(find).collect::<Option<Vec<_>>>();
    let group = group.ok_or(Skipped::count_group as Count)?;
    let texts: Option<Vec<String>> = outer.values.iter().map(find).collect();
    let texts = texts.ok_or(Skipped::count_value as Count)?;
    let measure: Measure = measure(plan.correlation.kind, &texts).ok_or(Skipped::count_value as Count)?;
    Ok(Contribution {
        correlation: u32::try_from(outer.correlation).unwrap_or(u32::MAX),
        group,
        time: at.time,
        place: at.place.clone(),
        measure,
        origin: format!("{inner} {:?}", at.group),
        reference: u32::try_from(outer.reference).unwrap_or(u32::MAX),
        carried: outer.carried.iter().map(find).collect(),
    })
}
