//! Many literals looked for in one value at once.
//!
//! In: literals. Out: every place of each in a value. Of each literal the four bytes that are rarest among all of them are kept
//! in a table of bits; a value is gone through once, and only where its bytes are in the table is a literal compared. The
//! cost is about one step a byte, however many literals there are; an automaton over thousands takes several, since its
//! states do not fit the processor's nearest memory.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Bytes of a gram; shorter literals are their own.
const GRAM: usize = 4;
/// Bits of the largest table: 16 KB.
const BITS_MAX: u32 = 17;
/// Bits of the smallest: 1 KB.
const BITS_MIN: u32 = 13;
/// Literals that a sieve holds.
const SIEVED_MAX: usize = 1_000;
/// Set in a lower case letter, not in an upper case one. Set in all bytes it makes some others the same too (`@` and a grave
/// accent), which lets a value pass that need not.
const CASE: u8 = 0x20;
const CASES: u32 = u32::from_le_bytes([CASE; GRAM]);

/// Where a literal's gram lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u32,
    literal: u32,
    offset: u32,
}

/// The grams of one length.
#[derive(Debug)]
struct Table {
    length: usize,
    shift: u32,
    bits: Box<[u64]>,
    /// By word of `bits`: bits set in the words before.
    ranks: Box<[u32]>,
    /// By bit set: its first place; one more for the end.
    starts: Vec<u32>,
    /// Sorted by hash.
    places: Vec<Place>,
}

impl Table {
    fn new(length: usize, grams: &[(u32, u32, u32)]) -> Self {
        let wanted = grams.len().saturating_mul(32).next_power_of_two().trailing_zeros();
        let shift = 32 - wanted.clamp(BITS_MIN, BITS_MAX);
        let hashed = |gram: u32| hash(gram) >> shift;
        let mut bits = vec![0_u64; 1 << (32 - shift - 6)];
        let mut places: Vec<Place> = grams
            .iter()
            .map(|&(gram, literal, offset)| Place { hash: hashed(gram), literal, offset })
            .collect();
        places.sort_by_key(|place| (place.hash, place.literal));
        for place in &places {
            if let Some(word) = bits.get_mut(index(place.hash >> 6)) {
                *word |= 1 << (place.hash & 63);
            }
        }
        let mut ranks = Vec::new();
        let mut set = 0;
        for word in &bits {
            ranks.push(set);
            set += word.count_ones();
        }
        let mut starts = vec![0];
        let mut start = 0;
        for same in places.chunk_by(|one, other| one.hash == other.hash) {
            start += u32::try_from(same.len()).unwrap_or(u32::MAX); // literals are numbered in 32 bits
            starts.push(start);
        }
        Self { length, shift, bits: bits.into(), ranks: ranks.into(), starts, places }
    }

    /// The literals whose gram may be here.
    #[inline]
    fn at(&self, gram: u32) -> &[Place] {
        let hash = hash(gram) >> self.shift;
        let word = self.bits.get(index(hash >> 6)).copied().unwrap_or(0);
        if word >> (hash & 63) & 1 == 1 { self.of(hash, word) } else { &[] }
    }

    /// Calls `known` with each place whose gram, in lower case, may be one of the table's, and with the literals that have it;
    /// ascending.
    fn each_known(&self, bytes: &[u8], known: &mut dyn FnMut(usize, &[Place])) {
        let fold = CASES >> (8 * (GRAM - self.length));
        let mut look = |at: usize, gram: u32| {
            let places = self.at(gram | fold);
            if !places.is_empty() {
                known(at, places);
            }
        };
        if self.length == GRAM {
            for (at, window) in bytes.array_windows::<GRAM>().enumerate() {
                look(at, u32::from_le_bytes(*window));
            }
        } else {
            for (at, window) in bytes.windows(self.length).enumerate() {
                look(at, gram(window));
            }
        }
    }

    /// Of a bit that is set in `word`.
    fn of(&self, hash: u32, word: u64) -> &[Place] {
        let before = (word & ((1 << (hash & 63)) - 1)).count_ones();
        let rank = index(self.ranks.get(index(hash >> 6)).copied().unwrap_or(0) + before);
        let bound = |at: usize| self.starts.get(at).copied().map_or(0, index);
        self.places.get(bound(rank)..bound(rank + 1)).unwrap_or_default()
    }
}

/// Literals that are looked for together; none is empty.
#[derive(Debug)]
pub(super) struct Grams {
    literals: Vec<Box<[u8]>>,
    tables: Vec<Table>,
}

impl Grams {
    pub(super) fn new<'a>(literals: impl Iterator<Item = &'a str>) -> Self {
        Self::of(literals.map(|text| text.as_bytes().into()).collect())
    }

    fn of(literals: Vec<Box<[u8]>>) -> Self {
        // A gram that many literals hold is likely one that many values hold.
        let mut common: HashMap<u32, u32, RandomState> = HashMap::default();
        for window in literals.iter().flat_map(|literal| literal.windows(GRAM)) {
            *common.entry(gram(window)).or_default() += 1;
        }
        let mut by_length: [Vec<(u32, u32, u32)>; GRAM + 1] = Default::default();
        for (number, literal) in (0_u32..).zip(&literals) {
            let length = literal.len().min(GRAM);
            let windows = (0_u32..).zip(literal.windows(length.max(1)));
            let rarest = windows
                .map(|(offset, window)| {
                    (common.get(&gram(window)).copied().unwrap_or(0), offset, gram(window))
                })
                .min_by_key(|(count, offset, _)| (*count, *offset));
            if let (Some((_, offset, gram)), Some(of)) = (rarest, by_length.get_mut(length)) {
                of.push((gram, number, offset));
            }
        }
        let tables = by_length.iter().enumerate().rev().filter(|(_, grams)| !grams.is_empty());
        let tables = tables.map(|(length, grams)| Table::new(length, grams)).collect();
        Self { literals, tables }
    }

    /// The literals.
    pub(super) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.literals.iter().map(AsRef::as_ref)
    }

    /// Calls `found` with each literal and where it begins and ends. `passed` answers for a literal whether it need not be
    /// looked for any more.
    pub(super) fn find(
        &self,
        value: &[u8],
        passed: &mut dyn FnMut(usize) -> bool,
        found: &mut dyn FnMut(usize, usize, usize),
    ) {
        for table in &self.tables {
            let mut check = |at: usize, places: &[Place]| {
                for place in places {
                    let number = index(place.literal);
                    let Some(literal) = self.literals.get(number) else { continue };
                    let Some(start) = at.checked_sub(index(place.offset)) else { continue };
                    if passed(number) {
                        continue;
                    }
                    let end = start + literal.len();
                    if value.get(start..end) == Some(literal) {
                        found(number, start, end);
                    }
                }
            };
            if table.length == GRAM {
                for (at, window) in value.array_windows::<GRAM>().enumerate() {
                    let places = table.at(u32::from_le_bytes(*window));
                    if !places.is_empty() {
                        check(at, places);
                    }
                }
            } else {
                for (at, window) in value.windows(table.length).enumerate() {
                    let places = table.at(gram(window));
                    if !places.is_empty() {
                        check(at, places);
                    }
                }
            }
        }
    }
}

/// Which of many values that lie one after the other hold any of some literals: one pass over all their bytes, without a step
/// for each value. What it lets pass is asked in full; what it holds back has none.
#[derive(Debug)]
pub(crate) struct Sieve(Grams);

impl Sieve {
    /// For literals in ASCII, none empty; `None` where they are so many that most values would pass.
    pub(super) fn new<'a>(literals: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let literals: Vec<Box<[u8]>> =
            literals.map(|literal| literal.iter().map(|byte| byte | CASE).collect()).collect();
        (literals.len() <= SIEVED_MAX).then(|| Self(Grams::of(literals)))
    }

    /// Which values may hold a literal. Value n is `bytes[offsets[n]..offsets[n + 1]]`.
    pub(crate) fn may_hold(&self, bytes: &[u8], offsets: &[i32]) -> Vec<bool> {
        let base = offsets.first().copied().map_or(0, place);
        let bytes = bytes.get(base..offsets.last().copied().map_or(0, place)).unwrap_or_default();
        let bounds: Vec<usize> = offsets.iter().map(|offset| place(*offset) - base).collect();
        let mut marks = vec![false; bounds.len().saturating_sub(1)];
        for table in &self.0.tables {
            let mut value = 0;
            table.each_known(bytes, &mut |at, places| {
                if !places.iter().any(|place| self.stands(bytes, at, *place)) {
                    return;
                }
                // Places come in ascending order, so the value is the same as before or a later one.
                while bounds.get(value + 1).is_some_and(|end| *end <= at) {
                    value += 1;
                }
                if let Some(mark) = marks.get_mut(value) {
                    *mark = true;
                }
            });
        }
        if !bytes.is_ascii() {
            // Folding such a value may make a literal of what is none.
            for (mark, bounds) in marks.iter_mut().zip(bounds.array_windows()) {
                let [start, end] = *bounds;
                *mark |= !bytes.get(start..end).unwrap_or_default().is_ascii();
            }
        }
        marks
    }

    /// Whether a literal stands at its place around a gram, in any case.
    fn stands(&self, bytes: &[u8], at: usize, place: Place) -> bool {
        let Some(literal) = self.0.literals.get(index(place.literal)) else { return false };
        let Some(start) = at.checked_sub(index(place.offset)) else { return false };
        let here = bytes.get(start..start + literal.len()).unwrap_or_default();
        here.len() == literal.len() && here.iter().zip(literal).all(|(byte, literal)| byte | CASE == *literal)
    }
}

/// Up to four bytes as a number.
#[inline]
fn gram(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |gram, byte| gram << 8 | u32::from(*byte))
}

/// Spreads a gram over all bits; the upper ones are used.
#[inline]
fn hash(gram: u32) -> u32 {
    (gram ^ gram >> 15).wrapping_mul(0x9e37_79b1)
}

fn place(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default() // an offset is never negative
}

#[inline]
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_value_with_a_literal_is_held_back(
            literals in proptest::collection::btree_set("[abc@\\[\\\\.]{1,7}", 1..20),
            values in proptest::collection::vec("[aAbBcCdé@`\\[{\\\\.]{0,30}", 1..20),
            before in 0_usize..3,
        ) {
            let sieve = Sieve::new(literals.iter().map(String::as_bytes)).expect("few literals");
            let mut bytes = vec![b'a'; before];
            let mut offsets = vec![i32::try_from(before).expect("small")];
            for value in &values {
                bytes.extend_from_slice(value.as_bytes());
                offsets.push(i32::try_from(bytes.len()).expect("small"));
            }
            bytes.extend_from_slice(b"abcabc");
            let marks = sieve.may_hold(&bytes, &offsets);
            for (value, mark) in values.iter().zip(marks) {
                let folded = value.to_ascii_lowercase();
                let holds = literals.iter().any(|literal| folded.contains(literal.as_str()));
                prop_assert!(mark || !holds, "{value:?}");
            }
        }

        #[test]
        fn every_place_of_every_literal_is_found(
            literals in proptest::collection::btree_set("[abcé\\\\.]{1,7}", 1..40),
            value in "[abcdé\\\\.]{0,60}",
        ) {
            let literals: Vec<String> = literals.into_iter().collect();
            let grams = Grams::new(literals.iter().map(String::as_str));
            let mut found = Vec::new();
            grams.find(value.as_bytes(), &mut |_| false, &mut |literal, start, end| {
                found.push((literal, start, end));
            });
            found.sort_unstable();
            let mut expected = Vec::new();
            for (number, literal) in literals.iter().enumerate() {
                let windows = value.as_bytes().windows(literal.len()).enumerate();
                expected.extend(
                    windows
                        .filter(|(_, window)| *window == literal.as_bytes())
                        .map(|(start, window)| (number, start, start + window.len())),
                );
            }
            prop_assert_eq!(found, expected);
        }
    }
}
