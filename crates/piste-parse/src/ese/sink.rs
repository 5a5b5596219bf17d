//! Rows of an ESE database on their way to the lake.
//!
//! In: what a row of a table says, field by field. Out: rows with the place and the hash of the node that they stand for;
//! times in UTC with the digits that their source has.

use std::fmt::Write;

use piste_model::Instant;
use piste_model::schema::Role;

use super::bytes::{LastNumber, push_guid, push_hex, push_sid, u64_at};
use super::catalog::Place;
use super::record::{Column, kind};
use super::values::{number, push_text};
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Bytes of a value in hex that are shown.
const HEX_BYTES_MAX: usize = 256;
/// Bytes of text that one field takes in.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all fields of a piece; after these, fields are cut short: some bytes of a file may stand for much text.
const PIECE_TEXT_MAX: usize = 128 << 20;
const SHORT_BYTES_MAX: usize = 512;

/// Collects the rows of one piece.
pub(super) struct Sink<'c> {
    cx: &'c Context<'c>,
    rows: Rows<'c>,
    fields: Fields,
    place: Place,
    /// The row was found on a page that no tree leads to.
    is_stray: bool,
    /// Bytes of fields so far, and fields that were cut.
    bytes: usize,
    cut: u64,
}

impl<'c> Sink<'c> {
    pub(super) fn new(cx: &'c Context<'c>) -> Self {
        let rows = Rows::new(cx.sources, cx.evidence);
        Self {
            cx,
            rows,
            fields: Fields::default(),
            place: Place::default(),
            is_stray: false,
            bytes: 0,
            cut: 0,
        }
    }

    /// Begins with the rows of one node.
    pub(super) fn at(&mut self, place: Place, is_stray: bool) {
        (self.place, self.is_stray) = (place, is_stray);
        self.fields.clear();
    }

    /// Adds a field, if it has a value.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.put(name, value, Role::Data);
    }

    /// Adds a copy of a field under the name that rules and indicators know.
    pub(super) fn copy(&mut self, name: &str, value: &str) {
        self.put(name, value, Role::Copy);
    }

    fn put(&mut self, name: &str, value: &str, role: Role) {
        if value.is_empty() {
            return;
        }
        let most = if self.bytes > PIECE_TEXT_MAX { SHORT_BYTES_MAX } else { TEXT_BYTES_MAX };
        let end = value.floor_char_boundary(most);
        self.cut += u64::from(end < value.len());
        self.bytes += end;
        self.fields.push(name, value.get(..end).unwrap_or(value), role);
    }

    /// Adds a number.
    pub(super) fn number(&mut self, name: &str, value: impl Into<i128>) {
        self.put(name, &value.into().to_string(), Role::Data);
    }

    /// Adds a time, if it is one.
    pub(super) fn time(&mut self, name: &str, time: Option<Instant>) {
        if let Some(time) = time {
            self.put(name, &time.to_string(), Role::Data);
        }
    }

    /// Ends a row. Its fields go; another of the same node may follow.
    pub(super) fn push(&mut self, dataset: &str, time: Option<Instant>, time_basis: &str, host: &str) {
        self.push_keeping(dataset, time, time_basis, host);
        self.fields.clear();
    }

    /// Ends a row whose fields the next one has too.
    pub(super) fn push_keeping(
        &mut self,
        dataset: &str,
        time: Option<Instant>,
        time_basis: &str,
        host: &str,
    ) {
        if self.is_stray && self.fields.get(STRAY).is_none() {
            self.put(STRAY, "true", Role::Data);
        }
        let head = Head {
            dataset: Some(dataset),
            channel: "",
            provider: "",
            event_code: None,
            time,
            time_basis: if time.is_some() { time_basis } else { "" },
            host: self.cx.host_or_hint(host),
            record: self.place.record,
            offset: self.place.offset,
            hash: self.place.hash,
        };
        self.rows.push(&head, &self.fields);
    }

    /// Takes fields of this name out again.
    pub(super) fn forget(&mut self, names: &[&str]) {
        self.fields.drop_where(|name, _| names.contains(&name));
    }

    /// Hands the rows over.
    pub(super) fn finish(self, offset: u64, parsed: &mut Parsed) {
        if self.cut > 0 {
            parsed.damaged(
                self.cx,
                "ese-value-too-long",
                offset,
                Some(0),
                format!("{} values are too long to be shown whole; their beginning is", self.cut),
                "look at the row with another reader of ESE databases",
            );
        }
        parsed.take_rows(self.cx, offset, self.rows);
    }
}

/// The field of rows that no tree leads to.
const STRAY: &str = "OutsideOfTree";

/// A FILETIME; zero and the largest number stand for none.
pub(super) fn filetime(ticks: i64) -> Option<Instant> {
    let ticks = u64::try_from(ticks).ok().filter(|ticks| *ticks != 0)?;
    Instant::from_filetime(ticks)
}

/// A time of a column that is one: a FILETIME, or a fraction of days since 1899-12-30 as JET has it.
///
/// No FILETIME of this age reads as a sensible number of days, and the other way round.
pub(super) fn jet_time(bytes: &[u8]) -> Option<Instant> {
    const DAYS: std::ops::Range<f64> = 1.0..100_000.0;
    const DAY_OF_1970: f64 = 25_569.0;
    let bits = u64_at(bytes, 0)?;
    let days = f64::from_bits(bits);
    if !DAYS.contains(&days) {
        return Instant::from_filetime(bits).filter(|_| bits != 0);
    }
    // A double of this size is exact to a microsecond; who writes it counts seconds or milliseconds.
    #[expect(clippy::cast_possible_truncation, reason = "within a hundred thousand days")]
    let millis = ((days - DAY_OF_1970) * 86_400_000.0).round() as i64;
    let digits = if millis % 1_000 == 0 { 0 } else { 3 };
    Some(Instant { nanos: millis.checked_mul(1_000_000)?, digits })
}

/// A column's value in words.
pub(super) fn describe(column: &Column, bytes: &[u8], out: &mut String) {
    match column.kind {
        kind::TEXT | kind::LONG_TEXT => push_text(column, bytes, out),
        kind::GUID => {
            let _ = push_guid(bytes, out);
        }
        kind::DATE_TIME => match jet_time(bytes) {
            Some(time) => push(out, &time),
            None => push(out, &u64_at(bytes, 0).unwrap_or_default()),
        },
        kind::BIT => {
            out.push_str(if bytes.first().is_some_and(|byte| *byte != 0) { "true" } else { "false" });
        }
        kind::SINGLE => {
            if let Some(four) = bytes.first_chunk() {
                push(out, &f32::from_le_bytes(*four));
            }
        }
        kind::DOUBLE => push(out, &f64::from_bits(u64_at(bytes, 0).unwrap_or_default())),
        kind::BINARY | kind::LONG_BINARY => push_hex(bytes.get(..HEX_BYTES_MAX).unwrap_or(bytes), out),
        _ => match number(column, bytes) {
            Some(number) => push(out, &number),
            None => push_hex(bytes.get(..HEX_BYTES_MAX).unwrap_or(bytes), out),
        },
    }
}

fn push(out: &mut String, value: &impl std::fmt::Display) {
    let _ = write!(out, "{value}"); // writing to a String cannot fail
}

/// A security identifier, or nothing.
pub(super) fn sid(bytes: &[u8], last: LastNumber) -> String {
    let mut out = String::new();
    let _ = push_sid(bytes, last, &mut out);
    out
}

/// A GUID, or nothing.
pub(super) fn guid(bytes: &[u8]) -> String {
    let mut out = String::new();
    let _ = push_guid(bytes, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time_are_told_apart() {
        let shown = |bits: u64| jet_time(&bits.to_le_bytes()).map(|time| time.to_string());
        assert_eq!(shown(132_600_192_129_870_000).as_deref(), Some("2021-03-12T10:40:12.9870000Z"));
        assert_eq!(shown(44_267.5_f64.to_bits()).as_deref(), Some("2021-03-12T12:00:00Z"));
        assert_eq!(
            shown((44_267.0 + 1.0 / 86_400.0 / 4.0_f64).to_bits()).as_deref(),
            Some("2021-03-12T00:00:00.250Z")
        );
        assert_eq!(shown(0), None);
    }
}
