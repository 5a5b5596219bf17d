//! Chance that repeats itself: one stream of numbers for each seed and purpose.
//!
//! In: a seed and a few words of purpose. Out: numbers, choices, GUIDs. The generator is splitmix64 (Steele, Lea and
//! Flood 2014): a counter with a fixed stride, mixed by two multiplications. It is no secret-keeper; it is short, it is
//! the same on every machine, and a stream of its own for each day and step means that a change to one part of the
//! evidence does not shift all the rest.

/// The stride of splitmix64: 2^64 divided by the golden ratio, made odd.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;
/// Start and multiplier of 64-bit FNV-1a, which folds the words of purpose into the seed.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// One stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream of this seed for this purpose; the words are kept apart, so that `ab, c` is not `a, bc`.
    pub(crate) fn new(seed: u64, purpose: &[&str]) -> Self {
        let mut hash = FNV_START ^ seed;
        for word in purpose {
            for byte in word.bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
            }
        }
        Self { state: hash }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STRIDE);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit` - 1; 0 if `limit` is 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let product = (self.bits() >> 32) * u64::from(limit);
        u32::try_from(product >> 32).unwrap_or(0) // a 32-bit fraction times a u32, shifted: always fits
    }

    /// A number from `low` to `high`, both included; `low` if they are the wrong way round.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of these. The list must not be empty; what comes from a scenario was checked for that.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(u32::try_from(from.len()).unwrap_or(u32::MAX));
        from.get(index as usize).expect("the list is a constant or was checked not to be empty")
    }

    /// `count` hexadecimal digits in lower case.
    pub(crate) fn hex(&mut self, count: usize) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        (0..count).map(|_| char::from(*self.pick(DIGITS))).collect()
    }

    /// A version 4 GUID in lower case, without braces.
    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            ((low >> 48) & 0x3fff) | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// `count` characters of base64 without padding.
    pub(crate) fn base64(&mut self, count: usize) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..count).map(|_| char::from(*self.pick(ALPHABET))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_seed_and_purpose() {
        let draw = |seed, purpose: &[&str]| Random::new(seed, purpose).hex(32);
        assert_eq!(draw(1, &["iis", "2019-04-01"]), draw(1, &["iis", "2019-04-01"]));
        assert_ne!(draw(1, &["iis", "2019-04-01"]), draw(2, &["iis", "2019-04-01"]));
        assert_ne!(draw(1, &["ab", "c"]), draw(1, &["a", "bc"]));
    }

    /// The published first outputs of splitmix64 for state 1234567.
    #[test]
    fn it_is_splitmix64() {
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut random = Random::new(7, &["bounds"]);
        for _ in 0..10_000 {
            assert!((3..=5).contains(&random.between(3, 5)));
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(5, 3), 5);
        let guid = random.guid();
        assert_eq!((guid.len(), guid.chars().nth(14)), (36, Some('4')), "{guid}");
    }
}
