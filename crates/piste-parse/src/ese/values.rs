//! The values behind stored bytes: long values from their tree, compressed ones unpacked, several ones apart.
//!
//! In: what a row has for a column. Out: plain bytes. A long value is read up to 4 MB; what is longer, lacks or is damaged is
//! counted for one issue of the piece.
//!
//! Sources: libesedb's description ("Long Values", "Multi values"); Microsoft's ESE (MIT), `lv.cxx`: a part whose stored
//! length is not the one that the next part's offset leaves room for is compressed.

use super::bytes::{u16_at, u32_at};
use super::catalog::Table;
use super::compress::{Refused, decompress};
use super::pages::{Page, Pager};
use super::record::{Column, Stored, kind};
use super::tree;

/// Bytes of a long value that are read.
const LONG_BYTES_MAX: usize = 4 << 20;
/// Values of one column and row, and the bytes of all of them.
const VALUES_MAX: usize = 4_096;
const VALUES_BYTES_MAX: usize = 2 * LONG_BYTES_MAX;

/// What could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lack {
    /// A long value that its tree has not.
    LongValue,
    /// A value whose compression breaks off.
    Damaged,
    /// A value in a form that is not read.
    Form,
    /// A value that is longer than what is read of one.
    Cut,
    /// A leaf of the tree that is damaged or lacks.
    Leaf,
    /// A row whose own numbers do not fit.
    Record,
    /// A page whose checksum is wrong.
    Checksum,
    /// A row in the form of Windows NT.
    OldForm,
    /// A row that was deleted and not cleaned away yet.
    Deleted,
}

/// Lacks of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lacking {
    pub(super) what: Lack,
    pub(super) count: u64,
    /// Where in the file the first was met.
    pub(super) first: u64,
}

/// Reads values; each thread has its own.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) pager: Pager,
    page: Page,
    part: Vec<u8>,
    pub(super) lacks: Vec<Lacking>,
    /// The row at hand, for what is lacking.
    pub(super) at: u64,
}

impl Values {
    pub(super) fn new(pager: Pager) -> Self {
        Self { pager, page: Page::default(), part: Vec::new(), lacks: Vec::new(), at: 0 }
    }

    /// Counts what could not be had.
    pub(super) fn lack(&mut self, what: Lack) {
        let first = self.at;
        match self.lacks.iter_mut().find(|lack| lack.what == what) {
            Some(lack) => lack.count += 1,
            None => self.lacks.push(Lacking { what, count: 1, first }),
        }
    }

    /// Puts the value into `out`; of several the first. False where there is none.
    pub(super) fn one(&mut self, table: &Table, stored: Stored<'_>, out: &mut Vec<u8>) -> bool {
        out.clear();
        if stored.has_many() {
            let mut all = Vec::new();
            self.all(table, stored, &mut all);
            return all.into_iter().next().map(|first| *out = first).is_some();
        }
        if stored.is_encrypted() {
            self.lack(Lack::Form);
            return false;
        }
        if stored.is_elsewhere() {
            return self.long_value(table, stored.bytes, out);
        }
        if stored.is_compressed() {
            return self.unpack(stored.bytes, out);
        }
        out.extend_from_slice(stored.bytes);
        true
    }

    /// Puts each of the values into `out`.
    pub(super) fn all(&mut self, table: &Table, stored: Stored<'_>, out: &mut Vec<Vec<u8>>) {
        out.clear();
        let bytes = stored.bytes;
        if !stored.has_many() {
            let mut value = Vec::new();
            if self.one(table, stored, &mut value) {
                out.push(value);
            }
            return;
        }
        if stored.is_encrypted() {
            return self.lack(Lack::Form);
        }
        if stored.is_pair() {
            let Some((&first, rest)) = bytes.split_first() else { return };
            let (first, second) = rest.split_at_checked(usize::from(first)).unwrap_or((rest, &[]));
            self.push(table, first, stored.is_compressed(), false, out);
            return self.push(table, second, false, false, out);
        }
        let count = usize::from(u16_at(bytes, 0).unwrap_or_default() & 0x7fff) / 2;
        for at in 0..count.min(VALUES_MAX) {
            let Some(entry) = u16_at(bytes, at * 2) else { break };
            // Many may be the same long value.
            if out.iter().map(Vec::len).sum::<usize>() > VALUES_BYTES_MAX {
                return self.lack(Lack::Cut);
            }
            let from = usize::from(entry & 0x7fff);
            let next = u16_at(bytes, at * 2 + 2).filter(|_| at + 1 < count);
            let to = next.map_or(bytes.len(), |next| usize::from(next & 0x7fff));
            match bytes.get(from..to) {
                // Only the first of several is ever compressed.
                Some(value) => {
                    self.push(table, value, at == 0 && stored.is_compressed(), entry & 0x8000 != 0, out);
                }
                None => self.lack(Lack::Damaged),
            }
        }
    }

    fn push(&mut self, table: &Table, bytes: &[u8], packed: bool, elsewhere: bool, out: &mut Vec<Vec<u8>>) {
        let mut value = Vec::new();
        let has = if elsewhere {
            self.long_value(table, bytes, &mut value)
        } else if packed {
            self.unpack(bytes, &mut value)
        } else {
            value.extend_from_slice(bytes);
            true
        };
        if has {
            out.push(value);
        }
    }

    fn unpack(&mut self, stored: &[u8], out: &mut Vec<u8>) -> bool {
        match decompress(stored, out) {
            Ok(()) => true,
            Err(why) => {
                out.clear();
                self.lack(if why == Refused::Scheme { Lack::Form } else { Lack::Damaged });
                false
            }
        }
    }

    fn long_value(&mut self, table: &Table, number: &[u8], out: &mut Vec<u8>) -> bool {
        // Its key is the number with the highest byte first; old databases leave zeros away.
        let mut key: Vec<u8> = number.iter().rev().copied().collect();
        let root = table.long_values.filter(|_| matches!(key.len(), 4 | 8));
        let found = root.is_some_and(|root| {
            self.read_long(root, &key, out) || {
                key = key.iter().copied().skip_while(|byte| *byte == 0).collect();
                key.len() < number.len() && !key.is_empty() && self.read_long(root, &key, out)
            }
        });
        if !found {
            self.lack(Lack::LongValue);
        }
        found
    }

    fn read_long(&mut self, root: u32, key: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        let mut page = std::mem::take(&mut self.page);
        let read = self.read_parts(&mut page, root, key, out);
        self.page = page;
        read.is_some()
    }

    fn read_parts(&mut self, page: &mut Page, root: u32, key: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut place = tree::seek(&mut self.pager, page, root, key)?;
        let head = page.node(place).filter(|node| node.compare(key).is_eq() && !node.is_deleted)?;
        let total = usize::try_from(u32_at(head.data, 4)?).ok()?;
        if head.data.get(8).is_some_and(|flags| flags & 1 != 0) {
            self.lack(Lack::Form); // encrypted
            return Some(());
        }
        let mut from = None::<usize>;
        let mut node_key = Vec::new();
        while out.len() < LONG_BYTES_MAX && tree::step(&mut self.pager, page, &mut place) {
            piste_model::guard::check();
            let Some(node) = page.node(place) else { break };
            node.key_into(&mut node_key);
            let Some(offset) = node_key.strip_prefix(key).and_then(|tail| tail.first_chunk()) else { break };
            let offset = usize::try_from(u32::from_be_bytes(*offset)).ok()?;
            if let Some(from) = from {
                self.add_part(offset.checked_sub(from), out);
            }
            self.part.clear();
            if !node.is_deleted {
                self.part.extend_from_slice(node.data);
            }
            from = Some(offset);
        }
        if let Some(from) = from {
            self.add_part(total.checked_sub(from), out);
        }
        if out.len() > LONG_BYTES_MAX || (out.len() == LONG_BYTES_MAX && total > out.len()) {
            out.truncate(LONG_BYTES_MAX);
            self.lack(Lack::Cut);
        } else if out.len() < total {
            self.lack(Lack::LongValue);
        }
        Some(())
    }

    /// Adds the part at hand, which should be `room` bytes long.
    fn add_part(&mut self, room: Option<usize>, out: &mut Vec<u8>) {
        if room == Some(self.part.len()) {
            out.extend_from_slice(&self.part);
        } else if let Err(why) = decompress(&self.part, out) {
            self.lack(if why == Refused::Scheme { Lack::Form } else { Lack::Damaged });
        }
    }
}

/// Text of a column.
pub(super) fn push_text(column: &Column, bytes: &[u8], out: &mut String) {
    let is_wide = column.code_page == 1_200;
    let text = if is_wide {
        encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0
    } else {
        encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0
    };
    out.push_str(text.trim_end_matches('\0'));
}

/// A whole number of any width.
pub(super) fn number(column: &Column, bytes: &[u8]) -> Option<i64> {
    let mut wide = [0; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(wide);
    let narrow = |shift: u32| unsigned.cast_signed() << shift >> shift;
    Some(match (column.kind, bytes.len()) {
        (kind::SHORT, 2) => narrow(48),
        (kind::LONG, 4) => narrow(32),
        _ => unsigned.cast_signed(),
    })
}
