//! Differences counted by their size.
//!
//! In: differences in milliseconds. Out: their median, and within how far of it half of them lie. Memory is bounded.

use std::collections::BTreeMap;

/// Distinct differences kept; later ones that are new are counted out.
const DISTINCT_MAX: usize = 100_000;

/// One pair's differences.
#[derive(Debug, Default)]
pub(super) struct Tally {
    by_size: BTreeMap<i64, u64>,
    count: u64,
}

impl Tally {
    pub(super) fn add(&mut self, difference_ms: i64) {
        if self.by_size.len() < DISTINCT_MAX || self.by_size.contains_key(&difference_ms) {
            *self.by_size.entry(difference_ms).or_default() += 1;
            self.count += 1;
        }
    }

    /// Pairs measured.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The lower median, and within how many milliseconds of it half of the pairs lie.
    pub(super) fn median_and_spread(&self) -> Option<(i64, i64)> {
        let median = middle(&self.by_size, self.count)?;
        let mut distances: BTreeMap<i64, u64> = BTreeMap::new();
        for (size, count) in &self.by_size {
            *distances.entry(size.saturating_sub(median).saturating_abs()).or_default() += count;
        }
        Some((median, middle(&distances, self.count)?))
    }
}

fn middle(by_size: &BTreeMap<i64, u64>, count: u64) -> Option<i64> {
    let mut left = count.div_ceil(2);
    for (size, many) in by_size {
        if *many >= left {
            return Some(*size);
        }
        left -= many;
    }
    None
}
