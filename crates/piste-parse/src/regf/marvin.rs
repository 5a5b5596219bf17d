//! Marvin32, the hash that guards the entries of a transaction log.
//!
//! In: bytes. Out: 64 bits, with the seed that the registry uses. Sources: Maxim Suhanov's specification for the seed and
//! what is hashed; Microsoft's published algorithm (US patent 8,555,021, which .NET's runtime implements).

const SEED: u64 = 0x82EF_4D88_7A4E_55C5;

/// Hash of `bytes`.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut state = State { low: (SEED & 0xFFFF_FFFF) as u32, high: (SEED >> 32) as u32 };
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        state.mix(u32::from_le_bytes(*word));
    }
    let last = rest.iter().rev().fold(0x80, |last, byte| (last << 8) | u32::from(*byte));
    state.mix(last);
    state.mix(0);
    (u64::from(state.high) << 32) | u64::from(state.low)
}

struct State {
    low: u32,
    high: u32,
}

impl State {
    fn mix(&mut self, word: u32) {
        self.low = self.low.wrapping_add(word);
        self.high ^= self.low;
        self.low = self.low.rotate_left(20).wrapping_add(self.high);
        self.high = self.high.rotate_left(9) ^ self.low;
        self.low = self.low.rotate_left(27).wrapping_add(self.high);
        self.high = self.high.rotate_left(19);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_more_or_a_bit_else_is_another_hash() {
        let hashes = [hash(b""), hash(b"\0"), hash(b"\0\0\0\0"), hash(b"\x01\0\0\0")];
        for (at, one) in hashes.iter().enumerate() {
            assert!(hashes.iter().skip(at + 1).all(|other| other != one));
        }
    }
}
