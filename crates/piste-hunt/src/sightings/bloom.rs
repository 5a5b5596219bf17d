//! Which hashes are surely not among the indicators'.
//!
//! In: the hashes of all that is looked for. Out: for another hash, whether it may be one of them. Nearly all tokens of ordinary
//! logs are none, and this table stays in the processor's cache where those of a million indicators do not.

/// Bits of a table for so many hashes.
const BITS_EACH: usize = 12;
/// The largest table: 16 MB.
const WORDS_MAX: usize = 1 << 21;

/// A Bloom filter with two probes.
#[derive(Debug, Clone)]
pub(super) struct Bloom {
    words: Vec<u64>,
}

impl Bloom {
    pub(super) fn for_count(count: usize) -> Self {
        let words = (count.saturating_mul(BITS_EACH) / 64).next_power_of_two().clamp(1_024, WORDS_MAX);
        Self { words: vec![0; words] }
    }

    fn places(&self, hash: u64) -> [(usize, u64); 2] {
        let mask = self.words.len() as u64 - 1;
        let place =
            |half: u64| (usize::try_from((half >> 6) & mask).unwrap_or_default(), 1_u64 << (half & 63));
        [place(hash), place(hash.rotate_right(32))]
    }

    pub(super) fn insert(&mut self, hash: u64) {
        for (word, bit) in self.places(hash) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.places(hash).iter().all(|(word, bit)| self.words.get(*word).is_some_and(|word| word & bit != 0))
    }
}
