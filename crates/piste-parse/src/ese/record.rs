//! A row of a table, as it lies in a node.
//!
//! In: a node's data. Out: the stored bytes of a column, with what is said of how they are stored. Columns up to 127 have a
//! fixed place, those up to 255 an entry in an array of ends, all others an entry with their number.
//!
//! Sources: libesedb's description ("data definition"); Microsoft's ESE (MIT), `daedef.hxx` (`REC`) and `tagfld.hxx`.

use super::bytes::u16_at;
use super::pages::Page;

/// Kinds of columns, as the catalogue numbers them.
pub(super) mod kind {
    pub(in crate::ese) const BIT: u32 = 1;
    pub(in crate::ese) const UNSIGNED_BYTE: u32 = 2;
    pub(in crate::ese) const SHORT: u32 = 3;
    pub(in crate::ese) const LONG: u32 = 4;
    pub(in crate::ese) const CURRENCY: u32 = 5;
    pub(in crate::ese) const SINGLE: u32 = 6;
    pub(in crate::ese) const DOUBLE: u32 = 7;
    pub(in crate::ese) const DATE_TIME: u32 = 8;
    pub(in crate::ese) const BINARY: u32 = 9;
    pub(in crate::ese) const TEXT: u32 = 10;
    pub(in crate::ese) const LONG_BINARY: u32 = 11;
    pub(in crate::ese) const LONG_TEXT: u32 = 12;
    pub(in crate::ese) const UNSIGNED_LONG: u32 = 14;
    pub(in crate::ese) const LONG_LONG: u32 = 15;
    pub(in crate::ese) const GUID: u32 = 16;
    pub(in crate::ese) const UNSIGNED_SHORT: u32 = 17;
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its number; with `is_derived` what a row knows it by.
    pub(super) id: u16,
    /// Its name.
    pub(super) name: String,
    /// See [`kind`].
    pub(super) kind: u32,
    /// 1200 where its text is UTF-16.
    pub(super) code_page: u32,
    /// It came from the template of the table.
    pub(super) is_derived: bool,
    /// Where it lies in a row, if it has a fixed place.
    pub(super) place: usize,
    /// Bytes that it has there.
    pub(super) size: usize,
    /// What it is where a row does not say.
    pub(super) default: Option<Box<[u8]>>,
}

impl Column {
    /// The last number of a column with a fixed place.
    pub(super) const FIXED_MAX: u16 = 127;
    const VARIABLE_MAX: u16 = 255;

    /// Bytes of a fixed column of this kind.
    pub(super) fn size_of(kind: u32) -> Option<usize> {
        Some(match kind {
            kind::BIT | kind::UNSIGNED_BYTE => 1,
            kind::SHORT | kind::UNSIGNED_SHORT => 2,
            kind::LONG | kind::SINGLE | kind::UNSIGNED_LONG => 4,
            kind::CURRENCY | kind::DOUBLE | kind::DATE_TIME | kind::LONG_LONG => 8,
            kind::GUID => 16,
            _ => return None,
        })
    }
}

/// Bytes as a row has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored<'r> {
    /// The value, or where it lies.
    pub(super) bytes: &'r [u8],
    flags: u8,
}

impl<'r> Stored<'r> {
    pub(super) fn plain(bytes: &'r [u8]) -> Self {
        Self { bytes, flags: 0 }
    }

    pub(super) fn is_compressed(self) -> bool {
        self.flags & 0x02 != 0
    }

    /// The bytes are the number of a long value.
    pub(super) fn is_elsewhere(self) -> bool {
        self.flags & 0x04 != 0
    }

    pub(super) fn has_many(self) -> bool {
        self.flags & 0x08 != 0
    }

    /// Of many values there are two, and the first one's length stands before them.
    pub(super) fn is_pair(self) -> bool {
        self.flags & 0x10 != 0
    }

    pub(super) fn is_encrypted(self) -> bool {
        self.flags & 0x40 != 0
    }
}

/// A column that a row has an entry for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tagged<'r> {
    pub(super) id: u16,
    pub(super) is_derived: bool,
    /// None: the row says that there is no value.
    pub(super) stored: Option<Stored<'r>>,
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'r> {
    data: &'r [u8],
    last_fixed: u16,
    /// Where the array of ends begins.
    ends: usize,
    variable: usize,
    /// Where tagged columns begin, and how many there are.
    tagged: usize,
    tags: usize,
    has_small_offsets: bool,
}

impl<'r> Record<'r> {
    /// Takes a node's data; none where its own numbers do not fit.
    pub(super) fn of(data: &'r [u8], page: &Page) -> Option<Self> {
        let &[last_fixed, last_variable, ..] = data else { return None };
        let ends = usize::from(u16_at(data, 2)?);
        let variable = usize::from(last_variable).saturating_sub(usize::from(Column::FIXED_MAX));
        let values = ends + variable * 2;
        let used = match variable {
            0 => 0,
            _ => usize::from(u16_at(data, values.checked_sub(2)?)? & 0x7fff),
        };
        let tagged = values + used;
        if ends < 4 + usize::from(last_fixed).div_ceil(8) || tagged > data.len() {
            return None;
        }
        let mut record = Self {
            data,
            last_fixed: u16::from(last_fixed),
            ends,
            variable,
            tagged,
            tags: 0,
            has_small_offsets: page.has_small_offsets(),
        };
        if page.has_new_records() && data.len() >= tagged + 4 {
            record.tags = record.tag_offset(0)? / 4;
            if tagged + record.tags * 4 > data.len() {
                return None;
            }
        }
        Some(record)
    }

    /// Whether it has columns in the form of Windows NT, which is not read.
    pub(super) fn has_old_tags(&self) -> bool {
        self.tags == 0 && self.data.len() >= self.tagged + 4
    }

    fn tag_offset(&self, at: usize) -> Option<usize> {
        let mask = if self.has_small_offsets { 0x1fff } else { 0x7fff };
        Some(usize::from(u16_at(self.data, self.tagged + at * 4 + 2)? & mask))
    }

    /// The columns that the row has an entry for, in the order of their numbers.
    pub(super) fn tagged(&self) -> impl Iterator<Item = Tagged<'r>> + '_ {
        (0..self.tags).filter_map(|at| self.tag(at))
    }

    fn tag(&self, at: usize) -> Option<Tagged<'r>> {
        let entry = self.tagged + at * 4;
        let (id, bits) = (u16_at(self.data, entry)?, u16_at(self.data, entry + 2)?);
        let from = self.tagged + self.tag_offset(at)?;
        let to = if at + 1 < self.tags { self.tagged + self.tag_offset(at + 1)? } else { self.data.len() };
        let bytes = self.data.get(from..to)?;
        let has_flags = !self.has_small_offsets || bits & 0x4000 != 0;
        let (flags, bytes) = match bytes {
            [flags, rest @ ..] if has_flags => (*flags, rest),
            bytes => (0, bytes),
        };
        let is_null = if self.has_small_offsets { bits & 0x2000 != 0 } else { flags & 0x20 != 0 };
        let stored = (!is_null).then_some(Stored { bytes, flags });
        Some(Tagged { id, is_derived: bits & 0x8000 != 0, stored })
    }

    /// What the row, or the table for it, has for a column.
    pub(super) fn get<'c>(&self, column: &'c Column) -> Option<Stored<'c>>
    where
        'r: 'c,
    {
        let default = || column.default.as_deref().map(Stored::plain);
        if column.id <= Column::FIXED_MAX {
            return if column.id <= self.last_fixed {
                self.fixed(column).map(Stored::plain)
            } else {
                default()
            };
        }
        if column.id <= Column::VARIABLE_MAX {
            let at = usize::from(column.id - Column::FIXED_MAX - 1);
            return if at < self.variable { self.variable(at).map(Stored::plain) } else { default() };
        }
        match self.tagged().find(|tag| tag.id == column.id && tag.is_derived == column.is_derived) {
            Some(tag) => tag.stored,
            None => default(),
        }
    }

    fn fixed(&self, column: &Column) -> Option<&'r [u8]> {
        let bit = usize::from(column.id.checked_sub(1)?);
        let nulls = self.ends - usize::from(self.last_fixed).div_ceil(8);
        if self.data.get(nulls + bit / 8)? & (1 << (bit % 8)) != 0 {
            return None;
        }
        let value = self.data.get(column.place..column.place.checked_add(column.size)?)?;
        (column.place + column.size <= nulls).then_some(value)
    }

    fn variable(&self, at: usize) -> Option<&'r [u8]> {
        let end = u16_at(self.data, self.ends + at * 2)?;
        let begin = match at.checked_sub(1) {
            Some(before) => u16_at(self.data, self.ends + before * 2)? & 0x7fff,
            None => 0,
        };
        let values = self.ends + self.variable * 2;
        let range = values + usize::from(begin)..values + usize::from(end & 0x7fff);
        (end & 0x8000 == 0).then(|| self.data.get(range)).flatten()
    }
}
