//! A column's distinct values, each stored once.
//!
//! In: the values of one field, row by row. Out: an Arrow dictionary array. Logs repeat themselves, so a million rows hold
//! a few thousand values; the hash is keyed at random because the values were written by the intruder.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// One column under construction.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Per row, the index of its value; `None` where the row has none.
    keys: Vec<Option<i32>>,
    text: String,
    /// End of value i.
    ends: Vec<i32>,
    table: HashTable<i32>,
    hasher: RandomState,
}

impl Values {
    /// Sets the value of row `row`; rows before it that were not set have none. A second value for a row is refused.
    pub(crate) fn set(&mut self, row: usize, value: &str) -> bool {
        if self.keys.len() > row {
            return false;
        }
        self.keys.resize(row, None);
        let key = self.intern(value);
        self.keys.push(key);
        true
    }

    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        self.keys.get(row).copied().flatten().and_then(|key| slice_at(&self.text, &self.ends, key))
    }

    /// The array over `rows` rows.
    pub(crate) fn finish(mut self, rows: usize) -> ArrayRef {
        self.keys.resize(rows, None);
        let offsets = std::iter::once(0).chain(self.ends).collect::<Vec<_>>();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let values = StringArray::new(offsets, Buffer::from(self.text.into_bytes()), None);
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(self.keys), Arc::new(values)))
    }

    /// `None` only past 2 GiB of text in one column of one block, which the block's size rules out.
    fn intern(&mut self, value: &str) -> Option<i32> {
        let hash = self.hasher.hash_one(value.as_bytes());
        let (text, ends) = (&self.text, &self.ends);
        if let Some(&key) = self.table.find(hash, |&key| slice_at(text, ends, key) == Some(value)) {
            return Some(key);
        }
        let end = i32::try_from(self.text.len() + value.len()).ok()?;
        let key = i32::try_from(self.ends.len()).ok()?;
        self.text.push_str(value);
        self.ends.push(end);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.table.insert_unique(hash, key, |&key| {
            hasher.hash_one(slice_at(text, ends, key).unwrap_or_default().as_bytes())
        });
        Some(key)
    }
}

fn slice_at<'a>(text: &'a str, ends: &[i32], key: i32) -> Option<&'a str> {
    let at = usize::try_from(key).ok()?;
    let start = match at.checked_sub(1) {
        Some(before) => usize::try_from(*ends.get(before)?).ok()?,
        None => 0,
    };
    text.get(start..usize::try_from(*ends.get(at)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
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
                    prop_assert_eq!(values.get(row), Some(value.as_str()));
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
