//! A column's distinct values, each stored once.
//!
//! In: the values of one field, row by row. Out: an Arrow dictionary array. Logs repeat themselves, so a million rows hold
//! a few thousand values; the hash is keyed at random because the values were written by the intruder.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Stands for no value.
const NONE: i32 = -1;

/// One column under construction.
#[derive(Debug)]
pub(crate) struct Values {
    /// Per row, the number of its value, or [`NONE`].
    keys: Vec<i32>,
    texts: StringBuilder,
    table: HashTable<i32>,
    hasher: RandomState,
}

impl Default for Values {
    fn default() -> Self {
        let (table, hasher) = (HashTable::new(), RandomState::default());
        Self { keys: Vec::new(), texts: StringBuilder::with_capacity(0, 0), table, hasher }
    }
}

impl Values {
    /// Sets the value of row `row`; rows before it that were not set have none. A second value for a row is refused.
    pub(crate) fn set(&mut self, row: usize, value: &str) -> bool {
        if self.keys.len() > row {
            return false;
        }
        // Neighbours are often alike.
        let last = self.keys.last().copied().filter(|key| self.bytes(*key) == Some(value.as_bytes()));
        let key = last.or_else(|| self.intern(value)).unwrap_or(NONE);
        self.set_key(row, key)
    }

    /// Gives row `row` the value of this number; see [`Self::set`].
    pub(crate) fn set_key(&mut self, row: usize, key: i32) -> bool {
        if self.keys.len() > row {
            return false;
        }
        self.keys.resize(row, NONE);
        self.keys.push(key);
        true
    }

    /// The number of a row's value.
    pub(crate) fn key(&self, row: usize) -> Option<i32> {
        self.keys.get(row).copied().filter(|key| *key != NONE)
    }

    /// The value of this number.
    pub(crate) fn text(&self, key: i32) -> Option<&str> {
        std::str::from_utf8(self.bytes(key)?).ok()
    }

    fn bytes(&self, key: i32) -> Option<&[u8]> {
        bytes_at(&self.texts, key)
    }

    /// The array over `rows` rows.
    pub(crate) fn finish(mut self, rows: usize) -> ArrayRef {
        self.keys.resize(rows, NONE);
        let full = !self.keys.contains(&NONE);
        let nulls = (!full).then(|| self.keys.iter().map(|key| *key != NONE).collect::<NullBuffer>());
        let keys = if full { self.keys } else { self.keys.iter().map(|key| (*key).max(0)).collect() };
        let keys = Int32Array::new(ScalarBuffer::from(keys), nulls);
        Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(self.texts.finish())))
    }

    /// `None` only past 2 GiB of text in one column of one block, which the block's size rules out.
    fn intern(&mut self, value: &str) -> Option<i32> {
        let hash = self.hasher.hash_one(value.as_bytes());
        let texts = &self.texts;
        if let Some(&key) = self.table.find(hash, |&key| bytes_at(texts, key) == Some(value.as_bytes())) {
            return Some(key);
        }
        i32::try_from(self.texts.values_slice().len() + value.len()).ok()?;
        let key = i32::try_from(self.texts.offsets_slice().len() - 1).ok()?;
        self.texts.append_value(value);
        let (texts, hasher) = (&self.texts, &self.hasher);
        self.table.insert_unique(hash, key, |&key| hasher.hash_one(bytes_at(texts, key).unwrap_or_default()));
        Some(key)
    }
}

fn bytes_at(texts: &StringBuilder, key: i32) -> Option<&[u8]> {
    let at = usize::try_from(key).ok()?;
    let (start, end) = (texts.offsets_slice().get(at)?, texts.offsets_slice().get(at + 1)?);
    texts.values_slice().get(usize::try_from(*start).ok()?..usize::try_from(*end).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array, StringArray};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_reads_back_and_values_are_stored_once(
            rows in proptest::collection::vec(proptest::option::of("[a-cä]{0,2}"), 0..200)
        ) {
            let mut values = Values::default();
            for (row, value) in rows.iter().enumerate() {
                if let Some(value) = value {
                    prop_assert!(values.set(row, value));
                    prop_assert_eq!(values.key(row).and_then(|key| values.text(key)), Some(value.as_str()));
                }
            }
            let array = values.finish(rows.len());
            let array = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>().unwrap();
            let typed = array.downcast_dict::<StringArray>().unwrap();
            let back: Vec<_> = typed.into_iter().map(|value| value.map(str::to_owned)).collect();
            prop_assert_eq!(&back, &rows);
            let distinct: std::collections::BTreeSet<_> = rows.iter().flatten().collect();
            prop_assert_eq!(array.values().len(), distinct.len());
        }
    }
}
