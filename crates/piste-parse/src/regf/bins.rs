//! The cells of a hive one after the other: what is free, and which keys no list names.
//!
//! In: a hive, and the cells that live keys take. Out: the free places in order, keys that are allocated and hang nowhere,
//! and bins whose cells do not add up. Windows takes a deleted key from its list and frees its cells; what they held stays
//! until it is overwritten. Source of the facts: Maxim Suhanov, "Windows registry file format specification".

use std::ops::Range;

use piste_model::guard;

use super::base::BASE_BYTES;
use super::hive::Hive;
use super::le::{place, u32_at};
use super::tree::{Cells, Tally};

/// Bytes of a bin's header.
const BIN_HEAD: usize = 32;
/// Bytes of the smallest cell.
const CELL_MIN: u32 = 8;

/// What lies between the live keys.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Free cells, by offset from the first bin, in order.
    pub(super) free: Vec<Range<u32>>,
    /// Allocated keys that the tree does not reach.
    pub(super) unlinked: Vec<u32>,
    /// Bins without a header, or with cells that do not add up.
    pub(super) damaged: Tally,
}

impl Spare {
    /// Looks at every cell.
    pub(super) fn find(hive: &Hive, taken: &Cells) -> Self {
        let mut spare = Self::default();
        let bins = hive.bins();
        let mut at = 0;
        while at + BASE_BYTES <= bins.len() {
            guard::check();
            let size = bin_bytes(bins, at);
            let Some(size) = size else {
                // A bin is as long as its header says; without one, the next page may have one. Behind the last bin
                // that the hive claims, a file may hold anything.
                if at < place(hive.base.bins_bytes) {
                    spare.damaged.add(number(at));
                }
                at += BASE_BYTES;
                continue;
            };
            let end = (at + size).min(bins.len());
            spare.see_bin(bins, at..end, taken);
            at = end.next_multiple_of(BASE_BYTES);
        }
        spare
    }

    fn see_bin(&mut self, bins: &[u8], bin: Range<usize>, taken: &Cells) {
        let mut at = bin.start + BIN_HEAD;
        while at + 4 <= bin.end {
            let size = u32_at(bins, at).unwrap_or_default().cast_signed();
            let length = size.unsigned_abs();
            if length < CELL_MIN || !length.is_multiple_of(CELL_MIN) || at + place(length) > bin.end {
                self.damaged.add(number(bin.start));
                return;
            }
            let next = at + place(length);
            if size > 0 {
                match self.free.last_mut() {
                    Some(last) if last.end == number(at) => last.end = number(next),
                    _ => self.free.push(number(at)..number(next)),
                }
            } else if bins.get(at + 4..at + 6) == Some(b"nk") && !taken.has(number(at)) {
                self.unlinked.push(number(at));
            }
            at = next;
        }
    }
}

/// Bytes of the bin that begins there, if one does.
fn bin_bytes(bins: &[u8], at: usize) -> Option<usize> {
    let head = bins.get(at..)?;
    let own = u32_at(head, 4)?;
    let size = place(u32_at(head, 8)?);
    let holds = head.starts_with(b"hbin")
        && place(own) == at
        && size >= BASE_BYTES
        && size.is_multiple_of(BASE_BYTES);
    holds.then_some(size)
}

/// An offset: hives are held to 512 MB.
pub(super) fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
