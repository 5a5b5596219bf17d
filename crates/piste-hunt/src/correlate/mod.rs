//! Sigma correlations over evidence that is all there.
//!
//! In: rows that rules matched, unit by unit, in any order. Out: one hit for each group and stretch of time in which a
//! correlation's condition holds. Each unit writes what its rows contribute as a sorted run file; at the end the files are
//! merged in the order of (correlation, group, time, place) and each group is swept once. Nothing depends on the order of
//! files, batches or threads, and nothing is evicted: what does not fit into memory is on disk.
//!
//! # What the specification says, and what is chosen where it is silent
//!
//! (Sigma Correlation Rules Specification 2.0.2, and the numeric types of its later drafts.)
//!
//! - **Window.** "A time period in which the correlation should be applied", not "restricted to boundaries": for each event
//!   of a group the window that ends at it. *Chosen*: events exactly `timespan` apart share a window, and all events of one
//!   instant come before the window is looked at, since their order is not known.
//! - **Hit.** One for each greatest run of windows in which the condition holds, so that a burst of a hundred events over the
//!   threshold is one hit. A run ends where the condition fails, or where the next window shares no event with the last. It
//!   has the first event of its first window, the event at which the condition first held, its last event, the number of
//!   events between, and the greatest value.
//! - **Few.** A window ends at an event: `lt`, `lte`, `eq` and `neq` are asked as events come, so that an upper bound holds
//!   while a burst begins, and "no event at all" cannot be seen.
//! - **Groups.** "The values of fields defined in group-by must all have the same value." Texts are compared as written.
//!   *Chosen*: a row that lacks one of the fields has no value to share and is in no group; such rows are counted. An empty
//!   text and `-` are values. Without group-by all events are one group. `Computer`, `ComputerName` and `Hostname` mean
//!   the computer that the record names where there is no such field.
//! - **`event_count`** counts events: a row that several of the rules matched is one.
//! - **`value_count`** counts distinct values; several fields count as one tuple; a row without a value is not looked at.
//! - **`temporal`**: all of the rules occur in the window, or its own condition holds there, or the number of different rules
//!   meets its count. A condition of `gte: 1` means the same as none.
//! - **`temporal_ordered`**: besides, in the order of `rules`. Events of one instant may be in any order. With a condition in
//!   words, those rules that meet it occur in order.
//! - **`value_sum`, `value_avg`, `value_percentile`, `value_median`**: over the numbers of one field; a text that is no number
//!   is not looked at. Sums are exact and rounded once. A percentile is the nearest rank (the smallest value that at least
//!   so many percent do not exceed), the 50th if none is given; the median of an even number is the mean of the two middle
//!   values.
//! - **Nesting.** A hit of an inner correlation is one event for an outer one that counts, at the time it first held. For a
//!   temporal one every moment counts at which the inner condition holds. "The correlation rule only uses its own group-by":
//!   its fields are taken from the inner one's group, else from the row at which the inner condition held.
//! - **`generate`**: an inner correlation gives no hits of its own unless one that refers to it says so.
//! - A row without a time cannot be placed and contributes nothing; such rows are counted. Where a row has a corrected time,
//!   that is the one.

mod contribution;
mod describe;
mod error;
mod exact;
mod nested;
mod row;
mod runs;
mod sweep;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use piste_model::{EvidenceId, Instant};
use piste_rules::correlation::{Correlation, GroupField, Reference, silent};
use serde::{Deserialize, Serialize};

pub use contribution::{Contribution, Measure, Place};
pub use describe::correlation_detection;
pub use error::CorrelateError;

use nested::{Nested, Outer, Slot};
use runs::{Scratch, Section, Writer, merge};
use sweep::Sweep;

/// A stretch of time in which a correlation's condition holds for a group.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationHit {
    /// Index of the correlation.
    pub correlation: usize,
    /// Index among its references of what matched the row below.
    pub reference: usize,
    /// The group's values by the names of its fields.
    pub group: Vec<(String, String)>,
    /// When the condition first held, as the source of that row says.
    pub time: Instant,
    /// Time of the first event.
    pub first: Instant,
    /// Time of the last event.
    pub last: Instant,
    /// Events from the first to the last.
    pub count: u64,
    /// The greatest value measured in one of the windows.
    pub value: f64,
    /// The row at which the condition first held.
    pub place: Place,
    /// Up to 100 of the rows, in the order of time: those that bear witness, then the first.
    pub rows: Vec<Place>,
}

/// Rows that a rule matched and that could not contribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// They have no time.
    pub without_time: u64,
    /// They lack a group-by field.
    pub without_group: u64,
    /// They lack a value, or it is no number.
    pub without_value: u64,
}

impl Skipped {
    fn count_group(&mut self) {
        self.without_group += 1;
    }

    fn count_value(&mut self) {
        self.without_value += 1;
    }

    /// Adds what `other` counted.
    pub fn add(&mut self, other: Self) {
        self.without_time += other.without_time;
        self.without_group += other.without_group;
        self.without_value += other.without_value;
    }
}

/// A correlation, and what others ask of it.
#[derive(Debug, Clone)]
struct Plan {
    correlation: Correlation,
    silent: bool,
    /// Fields of its rows that outer correlations ask for.
    carries: Vec<String>,
    outers: Vec<Outer>,
}

/// Computes correlations.
#[derive(Debug, Clone)]
pub struct Correlator {
    plans: Vec<Plan>,
    /// By rule: (correlation, reference).
    by_rule: BTreeMap<usize, Vec<(usize, usize)>>,
}

/// Contributions of one unit of evidence.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    contributions: Vec<Contribution>,
    /// What could not contribute.
    pub skipped: Skipped,
}

impl Gathered {
    /// Whether there are no contributions.
    pub fn is_empty(&self) -> bool {
        self.contributions.is_empty()
    }

    /// Contributions held, each of some hundred bytes: a unit with very many may write several runs.
    pub fn len(&self) -> usize {
        self.contributions.len()
    }

    /// Takes over what another thread gathered.
    pub fn append(&mut self, other: Self) {
        self.contributions.extend(other.contributions);
        self.skipped.add(other.skipped);
    }

    /// Leaves out the rows that turn out to be copies of others, which must not be counted twice.
    pub fn leave_out(&mut self, is_copy: &dyn Fn(&Place) -> bool) {
        self.contributions.retain(|one| !is_copy(&one.place));
    }

    /// Writes them, sorted, as the run file `path`, syncs it, and holds none any more. What was skipped stays counted.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<(), CorrelateError> {
        self.contributions.sort_unstable();
        let mut writer = Writer::create(path)?;
        for one in self.contributions.drain(..) {
            writer.push(&one)?;
        }
        writer.finish(true).map(|_| ())
    }
}

impl Correlator {
    /// Prepares correlations as `piste_rules::correlation::resolve_all` gives them: inner ones before outer ones.
    pub fn new(correlations: &[Correlation]) -> Self {
        let silent = silent(correlations);
        let mut by_rule: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        let mut plans: Vec<Plan> = correlations
            .iter()
            .enumerate()
            .map(|(number, correlation)| Plan {
                correlation: correlation.clone(),
                silent: silent.contains(&Reference::Correlation(number)),
                carries: Vec::new(),
                outers: Vec::new(),
            })
            .collect();
        for (number, correlation) in correlations.iter().enumerate() {
            for (at, reference) in correlation.references.iter().enumerate() {
                if let Reference::Rule(rule) = reference {
                    by_rule.entry(*rule).or_default().push((number, at));
                }
            }
        }
        // From the outermost inwards: what one carries, its inner ones must carry too.
        for (number, correlation) in correlations.iter().enumerate().rev() {
            let carries = plans.get(number).map(|plan| plan.carries.clone()).unwrap_or_default();
            for (at, reference) in correlation.references.iter().enumerate() {
                let Reference::Correlation(inner) = reference else { continue };
                let Some(plan) = plans.get_mut(*inner).filter(|_| *inner < number) else { continue };
                let fields = |list: &[GroupField]| -> Vec<String> {
                    list.iter().filter_map(|field| field.fields.get(at).cloned()).collect()
                };
                let outer = Outer {
                    correlation: number,
                    reference: at,
                    group: plan.slots(&fields(&correlation.group_by)),
                    values: plan.slots(&fields(&correlation.values)),
                    carried: plan.slots(&carries),
                };
                plan.outers.push(outer);
            }
        }
        Self { plans, by_rule }
    }

    /// Fields that contributions are made from, by the names that rows give them.
    pub fn fields(&self) -> BTreeSet<&str> {
        let named = self
            .plans
            .iter()
            .flat_map(|plan| plan.correlation.group_by.iter().chain(&plan.correlation.values));
        named
            .flat_map(|field| field.fields.iter())
            .chain(self.plans.iter().flat_map(|plan| plan.carries.iter()))
            .map(String::as_str)
            .collect()
    }

    /// Whether there is any correlation.
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Whether a correlation refers to the rule.
    pub fn wants(&self, rule: usize) -> bool {
        self.by_rule.contains_key(&rule)
    }

    /// Adds what a matched row contributes: one contribution for each correlation that refers to the rule.
    pub fn contribute(
        &self,
        rule: usize,
        rows: &RecordBatch,
        row: usize,
        evidence: EvidenceId,
        to: &mut Gathered,
    ) {
        let Some(wanted) = self.by_rule.get(&rule) else { return };
        let Some((time, place)) = row::place(rows, row, evidence) else {
            to.skipped.without_time += 1;
            return;
        };
        for (number, reference) in wanted {
            let Some(plan) = self.plans.get(*number) else { continue };
            let find = |field: &GroupField| row::field(rows, row, field.fields.get(*reference)?);
            let group = plan.correlation.group_by.iter().map(find).collect::<Option<Vec<_>>>();
            let Some(group) = group else {
                to.skipped.without_group += 1;
                continue;
            };
            let values = plan.correlation.values.iter().map(find).collect::<Option<Vec<_>>>();
            let Some(measure) = values.and_then(|values| row::measure(plan.correlation.kind, &values)) else {
                to.skipped.without_value += 1;
                continue;
            };
            to.contributions.push(Contribution {
                correlation: u32::try_from(*number).unwrap_or(u32::MAX),
                group,
                time,
                place: place.clone(),
                measure,
                origin: String::new(),
                reference: u32::try_from(*reference).unwrap_or(u32::MAX),
                carried: plan.carries.iter().map(|name| row::field(rows, row, name)).collect(),
            });
        }
    }

    /// Merges run files and hands out every hit, in the order of (correlation, group, time). `tmp` is a folder for files
    /// that are removed again; no other sweep may use it at the same time. Answers which inner hits outer correlations
    /// could not use.
    ///
    /// # Errors
    /// Where a file cannot be written or read, is damaged, or `emit` fails.
    pub fn sweep(
        &self,
        runs: &[PathBuf],
        tmp: &Path,
        emit: &mut dyn FnMut(CorrelationHit) -> Result<(), CorrelateError>,
    ) -> Result<Skipped, CorrelateError> {
        let mut scratch = Scratch::new(tmp);
        let whole: Vec<Section> = runs.iter().map(|path| Section::whole(path)).collect();
        let base = merge(&whole, &mut scratch)?;
        let mut nested = Nested::new(&self.plans, tmp.join("correlate-inner"));
        for (number, plan) in self.plans.iter().enumerate() {
            let key = u32::try_from(number).unwrap_or(u32::MAX);
            let mut sections: Vec<Section> = base.get(&key).cloned().into_iter().collect();
            let is_outer =
                plan.correlation.references.iter().any(|one| matches!(one, Reference::Correlation(_)));
            if is_outer {
                sections.extend(nested.sections(number)?);
                if !sections.is_empty() {
                    sections = merge(&sections, &mut scratch)?.remove(&key).into_iter().collect();
                }
            }
            for section in &sections {
                Sweep::open(number, plan, section)?.go(&mut nested, emit)?;
                if is_outer {
                    Scratch::remove(&section.path);
                }
            }
        }
        Ok(nested.skipped)
    }
}

impl Plan {
    /// Where hits have these fields; what the group lacks is carried from now on.
    fn slots(&mut self, names: &[String]) -> Vec<Slot> {
        names
            .iter()
            .map(|name| {
                if let Some(at) = self.correlation.group_by.iter().position(|field| field.name == *name) {
                    return Slot::Group(at);
                }
                let at = self.carries.iter().position(|carried| carried == name).unwrap_or_else(|| {
                    self.carries.push(name.clone());
                    self.carries.len() - 1
                });
                Slot::Carried(at)
            })
            .collect()
    }
}
