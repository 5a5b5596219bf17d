//! What is known of the events in the window of one group.
//!
//! In: events as they enter and leave. Out: the measured value, and whether the correlation's condition holds. The events
//! themselves are not kept: those that leave are read again from the file. Distinct values and numbers are kept as counts
//! (about 40 bytes each), a count of events as a number, rules as one counter each.

use std::collections::BTreeMap;

use piste_rules::correlation::{Correlation, Kind};

use super::contribution::{Contribution, Measure, Place, number_of};
use super::exact::ExactSum;

/// The window.
pub(super) struct Window<'a> {
    correlation: &'a Correlation,
    /// Events in it.
    pub(super) events: u64,
    measured: Measured,
}

enum Measured {
    Events,
    Distinct(BTreeMap<[u8; 16], u64>),
    Sum { sum: Box<ExactSum>, numbers: u64 },
    Rank(Ranked),
    Rules { occurs: Vec<Occurs>, chains: Vec<Chain> },
}

/// One reference of a temporal correlation.
#[derive(Clone, Default)]
struct Occurs {
    /// Events of it in the window.
    count: u64,
    /// The latest of them.
    latest: Option<Place>,
    /// Whether one is of the present instant.
    now: bool,
}

/// One way to meet an ordered correlation: for each step the latest beginning of a chain that has come so far.
struct Chain {
    steps: Vec<usize>,
    absent: Vec<usize>,
    begun: Vec<Option<i64>>,
}

impl<'a> Window<'a> {
    pub(super) fn new(correlation: &'a Correlation) -> Self {
        let measured = match correlation.kind {
            Kind::EventCount => Measured::Events,
            Kind::ValueCount => Measured::Distinct(BTreeMap::new()),
            Kind::ValueSum | Kind::ValueAvg => Measured::Sum { sum: Box::new(ExactSum::new()), numbers: 0 },
            Kind::ValueMedian => Measured::Rank(Ranked::new(50)),
            Kind::ValuePercentile => Measured::Rank(Ranked::new(correlation.percentile)),
            Kind::Temporal | Kind::TemporalOrdered => Measured::Rules {
                occurs: vec![Occurs::default(); correlation.references.len()],
                chains: chains(correlation),
            },
        };
        Self { correlation, events: 0, measured }
    }

    /// An event enters. `is_new` is false where the event is there already and another rule matched it too.
    pub(super) fn add(&mut self, one: &Contribution, is_new: bool) {
        self.events += u64::from(is_new);
        match (&mut self.measured, one.measure) {
            (Measured::Rules { occurs, .. }, _) => {
                if let Some(occurs) = occurs.get_mut(one.reference as usize) {
                    occurs.count += 1;
                    occurs.latest = Some(one.place.clone());
                    occurs.now = true;
                }
            }
            (Measured::Distinct(values), Measure::Value(digest)) if is_new => {
                *values.entry(digest).or_default() += 1;
            }
            (Measured::Sum { sum, numbers }, Measure::Number(key)) if is_new => {
                sum.add(number_of(key));
                *numbers += 1;
            }
            (Measured::Rank(ranked), Measure::Number(key)) if is_new => ranked.add(key),
            _ => {}
        }
    }

    /// An event that entered leaves.
    pub(super) fn remove(&mut self, one: &Contribution, was_new: bool) {
        self.events -= u64::from(was_new);
        match (&mut self.measured, one.measure) {
            (Measured::Rules { occurs, .. }, _) => {
                if let Some(occurs) = occurs.get_mut(one.reference as usize) {
                    occurs.count -= 1;
                }
            }
            (Measured::Distinct(values), Measure::Value(digest)) if was_new => lessen(values, &digest),
            (Measured::Sum { sum, numbers }, Measure::Number(key)) if was_new => {
                sum.remove(number_of(key));
                *numbers -= 1;
            }
            (Measured::Rank(ranked), Measure::Number(key)) if was_new => ranked.remove(key),
            _ => {}
        }
    }

    /// All events of the instant `time` are in, and those that are too old are out. Answers the value if the condition
    /// holds.
    pub(super) fn judge(&mut self, time: i64) -> Option<f64> {
        let predicates = &self.correlation.predicates;
        let value = match &mut self.measured {
            Measured::Rules { occurs, chains } => {
                let oldest = time.saturating_sub(self.correlation.timespan);
                return judge_rules(self.correlation, occurs, chains, time, oldest);
            }
            Measured::Events => count(self.events),
            Measured::Distinct(values) => count(values.len() as u64),
            Measured::Sum { numbers: 0, .. } => return None,
            Measured::Sum { sum, numbers } if self.correlation.kind == Kind::ValueAvg => {
                sum.value() / count(*numbers)
            }
            Measured::Sum { sum, .. } => sum.value(),
            Measured::Rank(ranked) if self.correlation.kind == Kind::ValueMedian => ranked.median()?,
            Measured::Rank(ranked) => ranked.percentile()?,
        };
        predicates.iter().all(|predicate| predicate.holds(value)).then_some(value)
    }

    /// The latest event of each rule that occurs, for a temporal correlation.
    pub(super) fn witnesses(&self) -> Vec<Place> {
        let Measured::Rules { occurs, .. } = &self.measured else { return Vec::new() };
        occurs.iter().filter(|one| one.count > 0).filter_map(|one| one.latest.clone()).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "no window holds 2^53 events")]
fn count(events: u64) -> f64 {
    events as f64
}

fn chains(correlation: &Correlation) -> Vec<Chain> {
    if correlation.kind != Kind::TemporalOrdered {
        return Vec::new();
    }
    let alternatives = correlation.alternatives().into_iter();
    alternatives
        .map(|one| Chain {
            begun: vec![None; one.steps.len()],
            steps: one.steps.into_iter().collect(),
            absent: one.absent.into_iter().collect(),
        })
        .collect()
}

fn judge_rules(
    correlation: &Correlation,
    occurs: &mut [Occurs],
    chains: &mut [Chain],
    time: i64,
    oldest: i64,
) -> Option<f64> {
    let there = |at: usize| occurs.get(at).is_some_and(|one| one.count > 0);
    let present = occurs.iter().filter(|one| one.count > 0).count();
    let value = if correlation.kind == Kind::TemporalOrdered {
        let mut value = None;
        for chain in chains {
            chain.go_on(time, |step| occurs.get(step).is_some_and(|one| one.now));
            let begun = chain.begun.last().map_or(Some(time), |begun| *begun);
            if begun.is_some_and(|begun| begun >= oldest) && !chain.absent.iter().any(|at| there(*at)) {
                value = value.max(Some(chain.steps.len() as u64));
            }
        }
        value.map(count)
    } else {
        let value = count(present as u64);
        let holds = match &correlation.condition {
            Some(condition) => condition.holds(&there),
            None if correlation.predicates.is_empty() => present == occurs.len(),
            None => correlation.predicates.iter().all(|predicate| predicate.holds(value)),
        };
        holds.then_some(value)
    };
    for one in occurs {
        one.now = false;
    }
    value
}

impl Chain {
    /// The instant `time` has come. Events of one instant may be in any order.
    fn go_on(&mut self, time: i64, now: impl Fn(usize) -> bool) {
        let mut before = Some(time);
        for (step, begun) in self.steps.iter().zip(&mut self.begun) {
            if now(*step) {
                *begun = (*begun).max(before);
            }
            before = *begun;
        }
    }
}

fn lessen<K: Ord>(values: &mut BTreeMap<K, u64>, key: &K) {
    if let Some(count) = values.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            values.remove(key);
        }
    }
}

/// Numbers in two halves, so that the one at a rank is at hand: `low` holds as many as the rank says.
struct Ranked {
    percentile: u64,
    low: BTreeMap<u64, u64>,
    high: BTreeMap<u64, u64>,
    low_count: u64,
    count: u64,
}

impl Ranked {
    fn new(percentile: u8) -> Self {
        let (low, high) = (BTreeMap::new(), BTreeMap::new());
        Self { percentile: u64::from(percentile), low, high, low_count: 0, count: 0 }
    }

    fn add(&mut self, key: u64) {
        self.count += 1;
        if self.low.last_key_value().is_some_and(|(highest, _)| key <= *highest) {
            *self.low.entry(key).or_default() += 1;
            self.low_count += 1;
        } else {
            *self.high.entry(key).or_default() += 1;
        }
        self.balance();
    }

    fn remove(&mut self, key: u64) {
        self.count -= 1;
        if self.low.contains_key(&key) {
            lessen(&mut self.low, &key);
            self.low_count -= 1;
        } else {
            lessen(&mut self.high, &key);
        }
        self.balance();
    }

    /// Nearest rank: the smallest number that at least so many percent of them do not exceed.
    fn rank(&self) -> u64 {
        self.count.saturating_mul(self.percentile).div_ceil(100).max(1).min(self.count)
    }

    fn balance(&mut self) {
        let rank = self.rank();
        while self.low_count < rank {
            let Some(key) = self.high.first_key_value().map(|(key, _)| *key) else { break };
            lessen(&mut self.high, &key);
            *self.low.entry(key).or_default() += 1;
            self.low_count += 1;
        }
        while self.low_count > rank {
            let Some(key) = self.low.last_key_value().map(|(key, _)| *key) else { break };
            lessen(&mut self.low, &key);
            *self.high.entry(key).or_default() += 1;
            self.low_count -= 1;
        }
    }

    fn percentile(&self) -> Option<f64> {
        self.low.last_key_value().map(|(key, _)| number_of(*key))
    }

    /// The middle one, or the mean of the two in the middle.
    fn median(&self) -> Option<f64> {
        let lower = self.percentile()?;
        if !self.count.is_multiple_of(2) {
            return Some(lower);
        }
        let upper = self.high.first_key_value().map_or(lower, |(key, _)| number_of(*key));
        Some(lower.midpoint(upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::contribution::number_key;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_are_those_of_the_sorted_list(
            steps in proptest::collection::vec((0..6_i32, any::<bool>()), 1..60),
            percentile in 0..=100_u8,
        ) {
            let (mut ranked, mut middle, mut list) = (Ranked::new(percentile), Ranked::new(50), Vec::new());
            for (number, leaves) in steps {
                if leaves && !list.is_empty() {
                    let gone: f64 = list.remove(0);
                    ranked.remove(number_key(gone));
                    middle.remove(number_key(gone));
                } else {
                    list.push(f64::from(number) - 2.5);
                    ranked.add(number_key(f64::from(number) - 2.5));
                    middle.add(number_key(f64::from(number) - 2.5));
                }
                let mut sorted = list.clone();
                sorted.sort_by(f64::total_cmp);
                let covers = |value: f64| {
                    let below = sorted.iter().filter(|one| **one <= value).count();
                    below * 100 >= usize::from(percentile) * sorted.len()
                };
                prop_assert_eq!(ranked.percentile(), sorted.iter().copied().find(|one| covers(*one)));
                let half = sorted.len() / 2;
                let expected = (!sorted.is_empty()).then(|| {
                    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
                });
                prop_assert_eq!(middle.median(), expected);
            }
        }
    }
}
