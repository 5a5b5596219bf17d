//! Paths, pipes, mutexes and keys: what has blanks and separators of its own.
//!
//! In: phrases in their normal form. Out: for a text in the same form, the phrases in it that begin and end at a boundary. Each
//! phrase is known by its rarest word; a text is cut into words once, and only where such a word stands is the phrase compared.
//! So the number of phrases costs nothing, as an automaton of a million paths would.

use hashbrown::HashMap;

use foldhash::fast::FixedState;

use super::index::{Slot, Tag, hash_of};
use super::tokens::is_break;

/// The phrases by their rarest word.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    /// Hash of each word to how many phrases have it; only while they are gathered.
    counts: HashMap<u64, u32, FixedState>,
    slots: Vec<Slot>,
    /// Hash of the word to the phrases, each with where the word begins in it.
    by_word: HashMap<u64, Vec<(Slot, u32)>, FixedState>,
}

/// Words with their places.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.iter().position(|byte| !is_break(*byte))?;
        let word = text.get(start..)?;
        let length = word.iter().position(|byte| is_break(*byte)).unwrap_or(word.len());
        at = start + length;
        Some((start, word.get(..length)?))
    })
}

impl Phrases {
    pub(super) fn push(&mut self, slot: Slot, text: &str) {
        self.slots.push(slot);
        for (_, word) in words(text.as_bytes()) {
            *self.counts.entry(hash_of(Tag::Path, word)).or_default() += 1;
        }
    }

    /// Chooses each phrase's word; `phrase` gives its text.
    pub(super) fn finish<'t>(&mut self, phrase: &dyn Fn(Slot) -> Option<(Tag, &'t str)>) {
        let counts = std::mem::take(&mut self.counts);
        for slot in std::mem::take(&mut self.slots) {
            let Some((_, text)) = phrase(slot) else { continue };
            let count = |word: &[u8]| counts.get(&hash_of(Tag::Path, word)).copied().unwrap_or_default();
            // The rarest; of equally rare ones the longest, of equally long ones the last.
            let chosen = words(text.as_bytes())
                .max_by_key(|(at, word)| (std::cmp::Reverse(count(word)), word.len(), *at));
            let Some((at, word)) = chosen else { continue };
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            self.by_word.entry(hash_of(Tag::Path, word)).or_default().push((slot, at));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_word.is_empty()
    }

    /// Phrases that one of these words may stand for, each with where it would begin in the text.
    pub(super) fn candidates<'p>(&'p self, text: &'p [u8]) -> impl Iterator<Item = (Slot, usize)> + 'p {
        words(text).flat_map(move |(at, word)| {
            let known = self.by_word.get(&hash_of(Tag::Path, word)).map_or(&[][..], Vec::as_slice);
            known.iter().filter_map(move |(slot, offset)| {
                Some((*slot, at.checked_sub(usize::try_from(*offset).ok()?)?))
            })
        })
    }
}
