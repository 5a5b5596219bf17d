//! Sets of rows.
//!
//! In: row numbers of one batch. Out: unions, intersections and what is left, 64 rows at a time.

use arrow_buffer::NullBuffer;

/// A set of rows of a batch of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    pub(crate) fn none(rows: usize) -> Self {
        Self { words: vec![0; rows.div_ceil(64)], rows }
    }

    pub(crate) fn all(rows: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; rows.div_ceil(64)], rows };
        if let Some(last) = bits.words.last_mut()
            && !rows.is_multiple_of(64)
        {
            *last = (1 << (rows % 64)) - 1;
        }
        bits
    }

    /// The rows for which `holds`.
    pub(crate) fn of(rows: usize, mut holds: impl FnMut(usize) -> bool) -> Self {
        let mut bits = Self::none(rows);
        for (at, word) in bits.words.iter_mut().enumerate() {
            let start = at * 64;
            for bit in 0..64.min(rows - start) {
                *word |= u64::from(holds(start + bit)) << bit;
            }
        }
        bits
    }

    /// The rows that a column has; all where nothing is missing.
    pub(crate) fn valid(rows: usize, nulls: Option<&NullBuffer>) -> Self {
        let Some(nulls) = nulls else { return Self::all(rows) };
        let chunks = nulls.inner().bit_chunks();
        let mut words: Vec<u64> = chunks.iter().collect();
        if chunks.remainder_len() > 0 {
            words.push(chunks.remainder_bits());
        }
        words.resize(rows.div_ceil(64), 0);
        Self { words, rows }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn set(&mut self, row: usize) {
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub(crate) fn has(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(crate) fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    pub(crate) fn without(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// The rows, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = usize::try_from(word.trailing_zeros()).unwrap_or(64);
                word &= word.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_not_valid() {
        for rows in [0, 1, 63, 64, 65, 200] {
            let nulls: NullBuffer = (0..rows + 3).map(|row| row % 3 != 0).collect();
            let nulls = nulls.slice(3, rows);
            assert_eq!(Bits::valid(rows, Some(&nulls)), Bits::of(rows, |row| nulls.is_valid(row)));
            assert_eq!(Bits::valid(rows, None), Bits::all(rows));
        }
    }

    #[test]
    fn rows_are_kept_and_listed() {
        for rows in [0, 1, 63, 64, 65, 200] {
            assert_eq!(Bits::all(rows).iter().collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
            let even = Bits::of(rows, |row| row % 2 == 0);
            let mut odd = Bits::all(rows);
            odd.without(&even);
            assert_eq!(
                odd.iter().collect::<Vec<_>>(),
                (0..rows).filter(|row| row % 2 == 1).collect::<Vec<_>>()
            );
            let mut both = odd.clone();
            both.and(&even);
            assert!(both.is_empty());
            both.or(&odd);
            both.or(&even);
            assert_eq!(both, Bits::all(rows));
        }
    }
}
