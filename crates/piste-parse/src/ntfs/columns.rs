//! The columns of one kind of row, each remembering where it was put and what it held.
//!
//! In: a row under construction and values by column. Out: cells. Rows of one kind fill the same columns of one batch, so that
//! none is looked for by its name; numbers, times and flags that a column had a short while ago are neither written out nor
//! looked up again: tables repeat themselves.

use piste_model::schema::Role;

use crate::evtx::binxml::value::decimal;
use crate::ntfs::raw;
use crate::rows::OpenRow;

/// Numbers that are remembered for a column.
const SLOTS: usize = 256;

/// A number and that of its text in the column.
#[derive(Debug, Clone, Copy)]
struct Known {
    number: u64,
    key: i32,
}

/// Stands for nothing.
const NOTHING: Known = Known { number: 0, key: -1 };

/// One column.
#[derive(Debug, Clone)]
struct Column {
    place: usize,
    /// Number of the value that was set last.
    last: Option<i32>,
    known: Vec<Known>,
}

/// `N` columns of the rows of one shape, by their numbers.
#[expect(clippy::struct_field_names, reason = "its names and its columns are two things")]
pub(super) struct Columns<const N: usize> {
    names: &'static [&'static str; N],
    columns: Vec<Column>,
    scratch: String,
}

impl<const N: usize> Columns<N> {
    pub(super) fn of(names: &'static [&'static str; N]) -> Self {
        let column = Column { place: usize::MAX, last: None, known: Vec::new() };
        Self { names, columns: vec![column; N], scratch: String::new() }
    }

    /// Sets a cell; an empty value is none.
    pub(super) fn text(&mut self, row: &mut OpenRow<'_>, at: usize, value: &str) {
        self.set(row, at, value, Role::Data);
    }

    /// Sets a cell that repeats another under the taxonomy's name.
    pub(super) fn copy(&mut self, row: &mut OpenRow<'_>, at: usize, value: &str) {
        self.set(row, at, value, Role::Copy);
    }

    /// Sets a cell to what the last row that had one has there.
    pub(super) fn again(&mut self, row: &mut OpenRow<'_>, at: usize) {
        if let Some(Column { place, last: Some(key), .. }) = self.columns.get(at) {
            row.repeat_at(*place, *key);
        }
    }

    fn set(&mut self, row: &mut OpenRow<'_>, at: usize, value: &str, role: Role) -> Option<i32> {
        let column = self.columns.get_mut(at)?;
        column.last = None;
        if value.is_empty() {
            return None;
        }
        if column.place == usize::MAX {
            column.place = row.field(usize::MAX, self.names.get(at)?, value, role).unwrap_or(usize::MAX);
            column.last = row.key_at(column.place);
        } else {
            column.last = row.set_at(column.place, value);
        }
        column.last
    }

    pub(super) fn number(&mut self, row: &mut OpenRow<'_>, at: usize, value: u64) {
        self.number_as(row, at, value, |out| decimal(value, out));
    }

    /// As .NET writes it.
    pub(super) fn truth(&mut self, row: &mut OpenRow<'_>, at: usize, value: bool) {
        self.number_as(row, at, u64::from(value), |out| out.push_str(if value { "True" } else { "False" }));
    }

    pub(super) fn time(&mut self, row: &mut OpenRow<'_>, at: usize, ticks: u64) {
        self.number_as(row, at, ticks, |out| raw::push_time(ticks, out));
    }

    /// Sets a cell to what `fill` writes, which depends on `number` alone.
    pub(super) fn number_as(
        &mut self,
        row: &mut OpenRow<'_>,
        at: usize,
        number: u64,
        fill: impl FnOnce(&mut String),
    ) {
        let Some(column) = self.columns.get_mut(at) else { return };
        // The high bits of a product by an odd number are spread well (Fibonacci hashing).
        let slot = usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).unwrap_or(0) % SLOTS;
        if let Some(known) = column.known.get(slot)
            && known.number == number
            && known.key >= 0
        {
            column.last = Some(known.key);
            row.repeat_at(column.place, known.key);
            return;
        }
        let key = self.with(row, at, fill);
        if let (Some(key), Some(column)) = (key, self.columns.get_mut(at)) {
            column.known.resize(SLOTS, NOTHING);
            if let Some(known) = column.known.get_mut(slot) {
                *known = Known { number, key };
            }
        }
    }

    /// Sets a cell to what `fill` writes.
    pub(super) fn with(
        &mut self,
        row: &mut OpenRow<'_>,
        at: usize,
        fill: impl FnOnce(&mut String),
    ) -> Option<i32> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        fill(&mut scratch);
        let key = self.set(row, at, &scratch, Role::Data);
        self.scratch = scratch;
        key
    }
}
