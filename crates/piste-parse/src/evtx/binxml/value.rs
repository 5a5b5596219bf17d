//! One substitution value to text.
//!
//! In: a value's type and bytes as a record stores them. Out: the text that the rendering as JSON gives for it. What this
//! does not take (floats, ANSI text, arrays, broken text) is left to the rendering: see `binxml`.
//!
//! Source: MS-EVEN6 2.2.12, types of values.

const NULL: u8 = 0x00;
const TEXT: u8 = 0x01;
const BINARY: u8 = 0x0e;
const TIME: u8 = 0x11;
const SID: u8 = 0x13;
/// A fragment: an event's own part.
pub(super) const BINXML: u8 = 0x21;
/// Texts one after another, each with a zero at its end.
pub(super) const TEXTS: u8 = 0x81;

/// Ticks of 100 ns in a second.
const TICKS: u64 = 10_000_000;
/// The last tick of the year 9999; later times are left to the rendering.
const TIME_MAX: u64 = 2_650_467_743_999_999_999;

/// A value as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'d> {
    pub(super) kind: u8,
    pub(super) bytes: &'d [u8],
}

impl<'d> Value<'d> {
    /// A value of a type and length that go together; `None` for what is left to the rendering.
    pub(super) fn admit(kind: u8, bytes: &'d [u8]) -> Option<Self> {
        let right = match kind {
            NULL | BINARY | BINXML => true,
            TEXT => bytes.len().is_multiple_of(2),
            0x02 => bytes.is_empty(),
            0x03 | 0x04 => bytes.len() == 1,
            0x05 | 0x06 => bytes.len() == 2,
            0x07 | 0x08 | 0x0d | 0x14 => bytes.len() == 4,
            0x09 | 0x0a | TIME | 0x15 => bytes.len() == 8,
            0x0f => bytes.len() == 16,
            0x10 => matches!(bytes.len(), 4 | 8),
            SID => bytes.get(1).is_some_and(|subs| bytes.len() == 8 + 4 * usize::from(*subs)),
            TEXTS => bytes.len().is_multiple_of(2) && bytes.ends_with(&[0, 0]),
            _ => false,
        };
        right.then_some(Self { kind, bytes })
    }

    pub(super) fn is_null(self) -> bool {
        self.kind == NULL
    }

    /// Nothing to show: the element is then empty, or the attribute not there.
    pub(super) fn is_empty(self) -> bool {
        match self.kind {
            NULL | 0x02 => true,
            TEXT => self.bytes.is_empty() || self.bytes.starts_with(&[0, 0]),
            BINARY | BINXML => self.bytes.is_empty(),
            _ => false,
        }
    }

    /// The FILETIME, if it is one.
    pub(super) fn filetime(self) -> Option<u64> {
        (self.kind == TIME).then(|| number::<8>(self.bytes))
    }

    /// Appends the text; `None` where only the rendering knows it.
    pub(super) fn show(self, out: &mut String) -> Option<()> {
        let bytes = self.bytes;
        match self.kind {
            NULL | 0x02 => {}
            TEXT => return utf16(bytes, out),
            0x03 => signed(i64::from(i8::from_le_bytes(exact(bytes))), out),
            0x05 => signed(i64::from(i16::from_le_bytes(exact(bytes))), out),
            0x07 => signed(i64::from(i32::from_le_bytes(exact(bytes))), out),
            0x09 => signed(i64::from_le_bytes(exact(bytes)), out),
            0x04 => decimal(number::<1>(bytes), out),
            0x06 => decimal(number::<2>(bytes), out),
            0x08 => decimal(number::<4>(bytes), out),
            0x0a => decimal(number::<8>(bytes), out),
            0x0d => match i32::from_le_bytes(exact(bytes)) {
                0 => out.push_str("false"),
                1 => out.push_str("true"),
                other => signed(i64::from(other), out),
            },
            BINARY => hex(bytes, b"0123456789ABCDEF", out),
            0x0f => guid(exact(bytes), out),
            0x10 if bytes.len() == 4 => hex_number(number::<4>(bytes), out),
            0x14 => hex_number(number::<4>(bytes), out),
            0x10 | 0x15 => hex_number(number::<8>(bytes), out),
            TIME => return filetime(number::<8>(bytes), out),
            SID => sid(bytes, out),
            _ => return None,
        }
        Some(())
    }
}

/// The texts of a list, without the zeros at their ends.
pub(super) fn texts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let end = rest.chunks_exact(2).position(|unit| unit == [0, 0])?;
        let text = rest.get(..end * 2)?;
        rest = rest.get(end * 2 + 2..)?;
        Some(text)
    })
}

/// The first bytes as an array; the length was looked at by [`Value::admit`].
fn exact<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

fn number<const N: usize>(bytes: &[u8]) -> u64 {
    exact::<N>(bytes).iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn signed(number: i64, out: &mut String) {
    if number < 0 {
        out.push('-');
    }
    decimal(number.unsigned_abs(), out);
}

pub(crate) fn decimal(mut number: u64, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    push(digits.get(digits.len() - used..), out);
}

/// Appends bytes that are ASCII.
fn push(bytes: Option<&[u8]>, out: &mut String) {
    out.push_str(bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default());
}

fn hex(bytes: &[u8], digits: &[u8; 16], out: &mut String) {
    let digit = |nibble: u8| char::from(digits.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
}

fn hex_number(number: u64, out: &mut String) {
    out.push_str("0x");
    let nibbles = (67 - (number | 1).leading_zeros()) / 4;
    for at in (0..nibbles).rev() {
        let nibble = u32::try_from((number >> (4 * at)) & 15).unwrap_or(0);
        out.push(char::from_digit(nibble, 16).unwrap_or('0'));
    }
}

/// The first three groups are numbers, with their lowest byte first.
fn guid(bytes: [u8; 16], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut rest = bytes.as_slice();
    out.push('{');
    for (length, number) in [(4, true), (2, true), (2, true), (2, false), (6, false)] {
        let (group, after) = rest.split_at_checked(length).unwrap_or_default();
        rest = after;
        for at in 0..length {
            let at = if number { length - 1 - at } else { at };
            hex(group.get(at..=at).unwrap_or_default(), DIGITS, out);
        }
        out.push(if rest.is_empty() { '}' } else { '-' });
    }
}

fn sid(bytes: &[u8], out: &mut String) {
    let Some((&[revision, _, authority @ ..], subs)) = bytes.split_first_chunk::<8>() else { return };
    let authority = authority.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    out.push_str("S-");
    decimal(u64::from(revision), out);
    out.push('-');
    decimal(authority, out);
    for sub in subs.chunks_exact(4) {
        out.push('-');
        decimal(number::<4>(sub), out);
    }
}

/// `2021-03-27T09:00:00.1234567Z`, with the days counted in eras of 400 years that begin in March.
pub(crate) fn filetime(ticks: u64, out: &mut String) -> Option<()> {
    if ticks > TIME_MAX {
        return None;
    }
    let (days, rest) = (ticks / (86_400 * TICKS), ticks % (86_400 * TICKS));
    let from_march = days + 584_694; // since 0000-03-01
    let (era, day) = (from_march / 146_097, from_march % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let second = rest / TICKS;
    let mut text = *b"0000-00-00T00:00:00.0000000Z";
    let parts = [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, second / 3_600),
        (14, 2, second / 60 % 60),
        (17, 2, second % 60),
        (20, 7, rest % TICKS),
    ];
    for (at, width, mut number) in parts {
        for digit in text.iter_mut().skip(at).take(width).rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    }
    push(Some(&text), out);
    Some(())
}

/// Units that are turned into bytes in one go where all are ASCII.
const STRIDE: usize = 32;

/// Appends UTF-16 text up to its first zero; `None` where a half of a pair stands alone.
pub(super) fn utf16(bytes: &[u8], out: &mut String) -> Option<()> {
    let mut rest = bytes;
    let mut narrow = [0_u8; STRIDE];
    while let Some((block, after)) = rest.split_first_chunk::<{ 2 * STRIDE }>() {
        let (mut high, mut zero) = (0_u8, false);
        for (to, unit) in narrow.iter_mut().zip(block.chunks_exact(2)) {
            let (&[low, above] | &[low, above, ..]) = unit else { return None };
            *to = low;
            high |= above | (low & 0x80);
            zero |= low == 0;
        }
        if high != 0 || zero {
            break;
        }
        push(Some(&narrow), out);
        rest = after;
    }
    let units =
        rest.chunks_exact(2).map(|unit| u16::from_le_bytes(exact(unit))).take_while(|unit| *unit != 0);
    for text in char::decode_utf16(units) {
        out.push(text.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u8, bytes: &[u8], expected: &str) {
        let mut text = String::new();
        Value::admit(kind, bytes).expect("admitted").show(&mut text).expect("shown");
        assert_eq!(text, expected);
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn values_are_shown_as_windows_does() {
        check(0x03, &[0x80], "-128");
        check(0x05, &(-2_i16).to_le_bytes(), "-2");
        check(0x07, &i32::MIN.to_le_bytes(), "-2147483648");
        check(0x09, &i64::MIN.to_le_bytes(), "-9223372036854775808");
        check(0x04, &[0], "0");
        check(0x06, &10_u16.to_le_bytes(), "10");
        check(0x0a, &u64::MAX.to_le_bytes(), "18446744073709551615");
        check(0x0d, &1_u32.to_le_bytes(), "true");
        check(0x0d, &7_u32.to_le_bytes(), "7");
        check(BINARY, &[0x0a, 0xff], "0AFF");
        check(0x14, &0_u32.to_le_bytes(), "0x0");
        check(0x14, &0x1f4_u32.to_le_bytes(), "0x1f4");
        check(0x15, &u64::MAX.to_le_bytes(), "0xffffffffffffffff");
        check(0x10, &0x10_u32.to_le_bytes(), "0x10");
        check(SID, &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0], "S-1-5-32-544");
        let guid: Vec<u8> = (1..=16).collect();
        check(0x0f, &guid, "{04030201-0605-0807-090a-0b0c0d0e0f10}");
        check(TIME, &0_u64.to_le_bytes(), "1601-01-01T00:00:00.0000000Z");
        check(TIME, &132_000_000_012_345_678_u64.to_le_bytes(), "2019-04-17T18:40:01.2345678Z");
        check(TIME, &TIME_MAX.to_le_bytes(), "9999-12-31T23:59:59.9999999Z");
        check(TEXT, &wide("päth\u{1f600}"), "päth\u{1f600}");
        let long = "x".repeat(70);
        check(TEXT, &wide(&format!("{long}\0hidden")), &long);
        check(TEXT, &wide(&format!("{long}ä{long}")), &format!("{long}ä{long}"));
    }

    #[test]
    fn what_does_not_fit_is_left_to_the_rendering() {
        assert!(Value::admit(0x04, &[1, 2]).is_none());
        assert!(Value::admit(TEXT, &[1]).is_none());
        assert!(Value::admit(0x0c, &[0; 8]).is_none());
        assert!(Value::admit(SID, &[1, 9, 0]).is_none());
        let alone = Value::admit(TEXT, &[0x00, 0xd8]).expect("even length");
        assert!(alone.show(&mut String::new()).is_none());
    }
}
