//! A hive in memory: cells, keys, lists of subkeys, values and their data.
//!
//! In: the recovered bytes. Out: views of single cells, none of which trusts a length or an offset. Nothing here depends on
//! the headers of bins: a cell is found by its offset alone, so that a damaged header costs no cell. Source of the facts:
//! Maxim Suhanov, "Windows registry file format specification".

use std::borrow::Cow;
use std::ops::ControlFlow;

use piste_model::guard;

use super::base::{BASE_BYTES, Base};
use super::le::{filetime_at, place, push_latin1, push_utf16, u16_at, u32_at, u64_at};

/// Stands for no cell.
pub(super) const NONE: u32 = u32::MAX;
/// Bytes of a key before its name.
const KEY_HEAD: usize = 76;
/// Bytes of a value before its name.
const VALUE_HEAD: usize = 20;
/// Bytes of one segment of long data.
const SEGMENT: usize = 16_344;
/// Depth of lists of lists; one is what Windows writes.
const LISTS_DEEP: u8 = 3;
/// Bytes of one record that its hash covers; longer data is proven by its beginning.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// Bits of a key's flags.
pub(super) const HIVE_ENTRY: u16 = 0x4;
const COMPRESSED: u16 = 0x20;
const PREDEFINED: u16 = 0x40;

/// The recovered bytes of a hive.
#[derive(Debug)]
pub(super) struct Hive {
    pub(super) image: Vec<u8>,
    pub(super) base: Base,
}

/// A key node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'h> {
    pub(super) at: u32,
    pub(super) bytes: &'h [u8],
}

/// A value, without its data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'h> {
    pub(super) at: u32,
    pub(super) bytes: &'h [u8],
    pub(super) kind: u32,
    /// Bytes of the data, as the value claims.
    pub(super) size: usize,
}

impl Hive {
    /// What follows the base block.
    pub(super) fn bins(&self) -> &[u8] {
        self.image.get(BASE_BYTES..).unwrap_or_default()
    }

    /// What a cell holds, as far as there are bytes.
    pub(super) fn cell(&self, at: u32) -> Option<&[u8]> {
        let bins = self.bins();
        let start = place(at);
        if !start.is_multiple_of(8) {
            return None;
        }
        let size = u32_at(bins, start)?.cast_signed().unsigned_abs();
        let rest = bins.get(start + 4..)?;
        let length = place(size).checked_sub(4)?;
        Some(rest.get(..length).unwrap_or(rest))
    }

    pub(super) fn key(&self, at: u32) -> Option<Key<'_>> {
        let bytes = self.cell(at)?;
        (bytes.starts_with(b"nk") && bytes.len() >= KEY_HEAD).then_some(Key { at, bytes })
    }

    pub(super) fn value(&self, at: u32) -> Option<Value<'_>> {
        let bytes = self.cell(at)?;
        if !bytes.starts_with(b"vk") || bytes.len() < VALUE_HEAD {
            return None;
        }
        let size = place(u32_at(bytes, 4)? & 0x7FFF_FFFF);
        Some(Value { at, bytes, kind: u32_at(bytes, 12)?, size })
    }

    /// Offset of a cell in the file.
    pub(super) fn offset(at: u32) -> u64 {
        BASE_BYTES as u64 + u64::from(at)
    }

    /// Calls `visit` for each cell that a key's list of subkeys names, until it breaks; breaking at a list leaves that list out.
    pub(super) fn each_child(&self, key: Key<'_>, visit: &mut dyn FnMut(Listed) -> ControlFlow<()>) {
        // No honest lists hold more elements than there are bytes for.
        let mut left = self.image.len() / 4;
        if key.subkeys() > 0 {
            let _ = self.each_listed(key.list(), 0, &mut left, visit);
        }
    }

    fn each_listed(
        &self,
        list: u32,
        deep: u8,
        left: &mut usize,
        visit: &mut dyn FnMut(Listed) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if visit(Listed::List(list)).is_break() {
            return ControlFlow::Continue(());
        }
        let Some(bytes) = self.cell(list) else { return visit(Listed::Lost(list)) };
        let count = usize::from(u16_at(bytes, 2).unwrap_or_default());
        let elements = bytes.get(4..).unwrap_or_default();
        let width = match bytes.get(..2) {
            Some(b"lf" | b"lh") => 8,
            Some(b"li" | b"ri") => 4,
            _ => return visit(Listed::Lost(list)),
        };
        let of_lists = bytes.starts_with(b"ri");
        for element in elements.chunks_exact(width).take(count) {
            let at = u32_at(element, 0).unwrap_or(NONE);
            guard::check();
            *left = left.saturating_sub(1);
            if *left == 0 {
                return ControlFlow::Break(());
            }
            if !of_lists {
                visit(Listed::Key(at))?;
            } else if deep < LISTS_DEEP {
                self.each_listed(at, deep + 1, left, visit)?;
            }
        }
        if elements.len() / width < count { visit(Listed::Lost(list)) } else { ControlFlow::Continue(()) }
    }

    /// The subkey of this name, compared without case.
    pub(super) fn child(&self, key: Key<'_>, name: &str) -> Option<Key<'_>> {
        let mut found = None;
        let mut own = String::new();
        self.each_child(key, &mut |listed| {
            let Listed::Key(at) = listed else { return ControlFlow::Continue(()) };
            let Some(child) = self.key(at) else { return ControlFlow::Continue(()) };
            own.clear();
            child.push_name(&mut own);
            if !is_same_name(&own, name) {
                return ControlFlow::Continue(());
            }
            found = Some(child);
            ControlFlow::Break(())
        });
        found
    }

    /// The key below `from` of this path.
    pub(super) fn below<'h>(&'h self, from: Key<'h>, path: &str) -> Option<Key<'h>> {
        path.split('\\').filter(|part| !part.is_empty()).try_fold(from, |key, part| self.child(key, part))
    }

    /// The subkeys of a key, each once, at most `most`.
    pub(super) fn children(&self, key: Key<'_>, most: usize) -> Vec<Key<'_>> {
        let mut found = Vec::new();
        self.each_child(key, &mut |listed| {
            if let Listed::Key(at) = listed {
                found.extend(self.key(at));
            }
            if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        found
    }

    /// Offsets of a key's values: as many as it claims and as its list has room for.
    pub(super) fn value_cells(&self, key: Key<'_>) -> impl Iterator<Item = u32> + '_ {
        let list = self.cell(key.value_list()).filter(|_| key.values() > 0).unwrap_or_default();
        list.as_chunks::<4>().0.iter().take(place(key.values())).map(|cell| u32::from_le_bytes(*cell))
    }

    /// The values of a key that can be read.
    pub(super) fn values<'h>(&'h self, key: Key<'h>) -> impl Iterator<Item = Value<'h>> + 'h {
        self.value_cells(key).filter_map(|at| {
            guard::check();
            self.value(at)
        })
    }

    /// A key's value of this name, compared without case; the empty name is the default value.
    pub(super) fn named(&self, key: Key<'_>, name: &str) -> Option<Value<'_>> {
        let mut own = String::new();
        self.value_cells(key).filter_map(|at| self.value(at)).find(|value| {
            own.clear();
            value.push_name(&mut own);
            is_same_name(&own, name)
        })
    }

    /// Data of a value, at most `most` bytes of it; `None` where its cell cannot be read.
    pub(super) fn data<'h>(&'h self, value: Value<'h>, most: usize) -> Option<Cow<'h, [u8]>> {
        let claimed = u32_at(value.bytes, 4)?;
        if claimed & 0x8000_0000 != 0 {
            return value.bytes.get(8..8 + value.size.min(4)).map(Cow::Borrowed);
        }
        if value.size == 0 {
            return Some(Cow::Borrowed(&[]));
        }
        let cell = self.cell(u32_at(value.bytes, 8)?)?;
        if value.size > SEGMENT && self.base.minor > 3 && cell.starts_with(b"db") {
            return self.segments(cell, value.size.min(most)).map(Cow::Owned);
        }
        let length = value.size.min(most).min(cell.len());
        cell.get(..length).map(Cow::Borrowed)
    }

    /// Long data, put together of its segments.
    fn segments(&self, cell: &[u8], most: usize) -> Option<Vec<u8>> {
        let count = usize::from(u16_at(cell, 2)?);
        let list = self.cell(u32_at(cell, 4)?)?;
        let mut data = Vec::new();
        for segment in list.as_chunks::<4>().0.iter().take(count) {
            let room = most.saturating_sub(data.len()).min(SEGMENT);
            if room == 0 {
                break;
            }
            let Some(bytes) = self.cell(u32::from_le_bytes(*segment)) else { break };
            data.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
        Some(data)
    }

    /// The class name of a key, which only a program gives it.
    pub(super) fn class(&self, key: Key<'_>) -> Option<String> {
        let length = usize::from(u16_at(key.bytes, 74)?);
        let at = u32_at(key.bytes, 48)?;
        if length == 0 || at == NONE {
            return None;
        }
        let bytes = self.cell(at)?;
        let mut text = String::new();
        push_utf16(bytes.get(..length).unwrap_or(bytes), &mut text);
        Some(text)
    }

    /// The security descriptor of a key.
    pub(super) fn security(&self, key: Key<'_>) -> Option<&[u8]> {
        let cell = self.cell(u32_at(key.bytes, 44)?).filter(|cell| cell.starts_with(b"sk"))?;
        let length = place(u32_at(cell, 16)?);
        let descriptor = cell.get(20..)?;
        Some(descriptor.get(..length).unwrap_or(descriptor))
    }

    /// The bytes that a row at this cell stands for: a key with its values and their data, or a value with its data.
    pub(super) fn record(&self, at: u32, to: &mut Vec<u8>) {
        to.clear();
        if let Some(key) = self.key(at) {
            self.push_cell(at, key.bytes.len().min(key.length()), to);
            for value in self.values(key) {
                if to.len() >= RECORD_BYTES_MAX {
                    break;
                }
                self.push_value(value, to);
            }
        } else if let Some(value) = self.value(at) {
            self.push_value(value, to);
        } else {
            self.push_cell(at, 0, to);
        }
    }

    fn push_value(&self, value: Value<'_>, to: &mut Vec<u8>) {
        self.push_cell(value.at, value.bytes.len().min(VALUE_HEAD + value.name_bytes()), to);
        let room = RECORD_BYTES_MAX.saturating_sub(to.len());
        if u32_at(value.bytes, 4).is_some_and(|size| size & 0x8000_0000 == 0)
            && let Some(data) = self.data(value, room)
        {
            to.extend_from_slice(&data);
        }
    }

    /// A cell with the four bytes of its size.
    fn push_cell(&self, at: u32, length: usize, to: &mut Vec<u8>) {
        let start = place(at);
        let cell = self.bins().get(start..).unwrap_or_default();
        to.extend_from_slice(cell.get(..4 + length).unwrap_or(cell));
    }
}

/// What a list of subkeys names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// A list, before its elements.
    List(u32),
    /// A subkey.
    Key(u32),
    /// A list that cannot be read, or ends too early.
    Lost(u32),
}

/// As the registry compares names: without case.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!one.is_ascii() && one.to_uppercase() == other.to_uppercase())
}

impl Key<'_> {
    pub(super) fn flags(self) -> u16 {
        u16_at(self.bytes, 2).unwrap_or_default()
    }

    pub(super) fn written(self) -> Option<piste_model::Instant> {
        filetime_at(self.bytes, 4)
    }

    pub(super) fn written_number(self) -> u64 {
        u64_at(self.bytes, 4).unwrap_or_default()
    }

    pub(super) fn parent(self) -> u32 {
        u32_at(self.bytes, 16).unwrap_or(NONE)
    }

    /// Subkeys, as the key claims.
    pub(super) fn subkeys(self) -> u32 {
        u32_at(self.bytes, 20).unwrap_or_default()
    }

    fn list(self) -> u32 {
        u32_at(self.bytes, 28).unwrap_or(NONE)
    }

    /// Values, as the key claims; one with a predefined handle keeps that there instead.
    pub(super) fn values(self) -> u32 {
        if self.flags() & PREDEFINED != 0 {
            return 0;
        }
        u32_at(self.bytes, 36).unwrap_or_default()
    }

    pub(super) fn value_list(self) -> u32 {
        u32_at(self.bytes, 40).unwrap_or(NONE)
    }

    pub(super) fn name_bytes(self) -> usize {
        usize::from(u16_at(self.bytes, 72).unwrap_or_default())
    }

    /// Bytes of the node with its name.
    pub(super) fn length(self) -> usize {
        KEY_HEAD + self.name_bytes()
    }

    pub(super) fn push_name(self, to: &mut String) {
        let rest = self.bytes.get(KEY_HEAD..).unwrap_or_default();
        let name = rest.get(..self.name_bytes()).unwrap_or(rest);
        if self.flags() & COMPRESSED != 0 { push_latin1(name, to) } else { push_utf16(name, to) }
    }

    pub(super) fn name(self) -> String {
        let mut name = String::new();
        self.push_name(&mut name);
        name
    }
}

impl Value<'_> {
    fn name_bytes(self) -> usize {
        usize::from(u16_at(self.bytes, 2).unwrap_or_default())
    }

    pub(super) fn push_name(self, to: &mut String) {
        let rest = self.bytes.get(VALUE_HEAD..).unwrap_or_default();
        let name = rest.get(..self.name_bytes()).unwrap_or(rest);
        let compressed = u16_at(self.bytes, 16).is_some_and(|flags| flags & 1 != 0);
        if compressed { push_latin1(name, to) } else { push_utf16(name, to) }
    }

    pub(super) fn name(self) -> String {
        let mut name = String::new();
        self.push_name(&mut name);
        name
    }
}
