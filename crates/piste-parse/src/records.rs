//! Where one record of a table ends and the next begins, when values in quotes go on over lines.
//!
//! In: the bytes of a CSV from the start of a record. Out: the record's length. A quote opens a value only at its start and
//! closes it only before a delimiter or a line's end, so that a stray one inside does no harm. A value that does not close
//! within [`RECORD_BYTES_MAX`] is damage: the lines there are then read one by one, and the rest of the file is not lost.

use crate::block::Encoding;

/// Bytes of the longest record that is looked for.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// What the bytes begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// A record of so many bytes, its line's end with it.
    Record(usize),
    /// A record whose quotes do not close.
    Open,
    /// A line without an end.
    Endless,
}

/// Text by its units.
struct Units<'b> {
    encoding: Encoding,
    bytes: &'b [u8],
    width: usize,
}

impl Units<'_> {
    fn get(&self, at: usize) -> Option<u16> {
        self.encoding.unit(self.bytes.get(at..)?).map(|(unit, _)| unit)
    }

    fn find(&self, wanted: [u8; 2], from: usize) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        let [one, other] = wanted;
        match self.encoding {
            Encoding::Utf8 => memchr::memchr2(one, other, rest).map(|at| from + at),
            Encoding::Utf16Le => rest
                .chunks_exact(2)
                .position(|pair| matches!(pair, [low, 0] if wanted.contains(low)))
                .map(|pair| from + pair * 2),
            Encoding::Utf16Be => rest
                .chunks_exact(2)
                .position(|pair| matches!(pair, [0, low] if wanted.contains(low)))
                .map(|pair| from + pair * 2),
        }
    }
}

/// Whether a value may begin after this, or end before it.
fn divides(unit: u16) -> bool {
    matches!(u8::try_from(unit), Ok(b',' | b';' | b'\t' | b'\n' | b'\r'))
}

/// Measures the record at the start of `bytes`, which hold [`RECORD_BYTES_MAX`] or reach to the file's end.
pub(crate) fn length(encoding: Encoding, bytes: &[u8]) -> Length {
    let cut = bytes.len() > RECORD_BYTES_MAX;
    let bytes = bytes.get(..RECORD_BYTES_MAX).unwrap_or(bytes);
    let width = if encoding == Encoding::Utf8 { 1 } else { 2 };
    let units = Units { encoding, bytes, width };
    let mut at = 0;
    while let Some(found) = units.find([b'"', b'\n'], at) {
        let after = found + units.width;
        if units.get(found) != Some(u16::from(b'"')) {
            return Length::Record(after);
        }
        let opens = found == 0 || units.get(found - units.width).is_some_and(divides);
        at = after;
        if opens {
            let Some(end) = closed(&units, after) else { return Length::Open };
            at = end;
        }
    }
    if cut { Length::Endless } else { Length::Record(bytes.len()) }
}

/// Length of the record of a table that `bytes` begin with, without its line's end; `None` where its quotes do not close.
///
/// UTF-16 (little endian) is recognised by the second byte.
pub fn table_record_bytes(bytes: &[u8]) -> Option<usize> {
    let wide = bytes.get(1) == Some(&0);
    let encoding = if wide { Encoding::Utf16Le } else { Encoding::Utf8 };
    let Length::Record(length) = length(encoding, bytes) else { return None };
    let ends: [&[u8]; 2] = if wide { [b"\n\0", b"\r\0"] } else { [b"\n", b"\r"] };
    let record = bytes.get(..length)?;
    Some(ends.iter().fold(record, |record, end| record.strip_suffix(*end).unwrap_or(record)).len())
}

/// Offset after the quote that closes the value that begins at `at`.
fn closed(units: &Units<'_>, mut at: usize) -> Option<usize> {
    const QUOTE: u16 = 0x22;
    loop {
        let found = units.find([b'"', b'"'], at)?;
        let after = found + units.width;
        match units.get(after) {
            Some(QUOTE) => at = after + units.width, // stands for one quote
            Some(unit) if !divides(unit) => at = after,
            _ => return Some(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Length) {
        assert_eq!(length(Encoding::Utf8, text.as_bytes()), expected, "{text:?}");
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let twice = match expected {
            Length::Record(length) if text.is_ascii() => Length::Record(length * 2),
            other => other,
        };
        assert_eq!(length(Encoding::Utf16Le, &wide), twice, "{text:?}");
    }

    #[test]
    fn a_record_ends_at_the_first_line_end_outside_quotes() {
        check("a,b\nc", Length::Record(4));
        check("a,b", Length::Record(3));
        check("\"a\nb\",c\r\nd", Length::Record(9));
        check("a,\"say \"\"x\"\"\n\"\nd", Length::Record(15));
        check("a,\"\"\nb", Length::Record(5));
        check("5\" disk,b\nc", Length::Record(10));
        check("\"a\"b\",c\nd", Length::Record(8));
        check("a,\"never\nclosed\n", Length::Open);
        check("", Length::Record(0));
    }

    #[test]
    fn what_has_no_end_is_told() {
        let long = "x".repeat(RECORD_BYTES_MAX + 1);
        assert_eq!(length(Encoding::Utf8, long.as_bytes()), Length::Endless);
        assert_eq!(length(Encoding::Utf8, format!("\"{long}").as_bytes()), Length::Open);
    }

    proptest! {
        #[test]
        fn records_cover_every_byte(text in "[a\",;\n\r]{0,60}") {
            let (mut at, bytes) = (0, text.as_bytes());
            while at < bytes.len() {
                match length(Encoding::Utf8, &bytes[at..]) {
                    Length::Record(length) => {
                        prop_assert!(length > 0);
                        at += length;
                    }
                    Length::Open => break,
                    Length::Endless => prop_assert!(false, "it is short"),
                }
            }
            prop_assert!(at <= bytes.len());
        }
    }
}
