//! The typed values of a record.
//!
//! In: numbers, texts, GUIDs, SIDs, times. Out: their bytes in `BinXml`, and the text as which parsers show them.

use std::fmt::{self, Write as _};

/// Type of a value, with its code in `BinXml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ValueType {
    /// UTF-16 text.
    Text = 0x01,
    /// Unsigned byte.
    U8 = 0x04,
    /// Unsigned 16 bits.
    U16 = 0x06,
    /// Unsigned 32 bits.
    U32 = 0x08,
    /// Unsigned 64 bits.
    U64 = 0x0a,
    /// Truth, in 32 bits.
    Bool = 0x0d,
    /// A GUID.
    Guid = 0x0f,
    /// A FILETIME.
    Time = 0x11,
    /// A SID.
    Sid = 0x13,
    /// 32 bits, shown in hexadecimal.
    Hex32 = 0x14,
    /// 64 bits, shown in hexadecimal.
    Hex64 = 0x15,
}

/// A value of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Text; at most 32,767 UTF-16 units.
    Text(&'a str),
    /// Unsigned byte.
    U8(u8),
    /// Unsigned 16 bits.
    U16(u16),
    /// Unsigned 32 bits.
    U32(u32),
    /// Unsigned 64 bits.
    U64(u64),
    /// Truth.
    Bool(bool),
    /// A GUID.
    Guid(Guid),
    /// A time.
    Time(FileTime),
    /// A SID.
    Sid(Sid),
    /// Shown in hexadecimal.
    Hex32(u32),
    /// Shown in hexadecimal.
    Hex64(u64),
}

impl Value<'_> {
    /// The type's code; 0 for nothing.
    pub(super) fn code(&self) -> u8 {
        let of = match self {
            Self::Null => return 0,
            Self::Text(_) => ValueType::Text,
            Self::U8(_) => ValueType::U8,
            Self::U16(_) => ValueType::U16,
            Self::U32(_) => ValueType::U32,
            Self::U64(_) => ValueType::U64,
            Self::Bool(_) => ValueType::Bool,
            Self::Guid(_) => ValueType::Guid,
            Self::Time(_) => ValueType::Time,
            Self::Sid(_) => ValueType::Sid,
            Self::Hex32(_) => ValueType::Hex32,
            Self::Hex64(_) => ValueType::Hex64,
        };
        of as u8
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Text(text) => utf16(text, out),
            Self::U8(number) => out.push(*number),
            Self::U16(number) => out.extend_from_slice(&number.to_le_bytes()),
            Self::U32(number) | Self::Hex32(number) => out.extend_from_slice(&number.to_le_bytes()),
            Self::U64(number) | Self::Hex64(number) => out.extend_from_slice(&number.to_le_bytes()),
            Self::Bool(truth) => out.extend_from_slice(&u32::from(*truth).to_le_bytes()),
            Self::Guid(guid) => out.extend_from_slice(&guid.bytes()),
            Self::Time(time) => out.extend_from_slice(&time.0.to_le_bytes()),
            Self::Sid(sid) => sid.write(out),
        }
    }

    /// Appends the value as parsers show it; nothing for nothing.
    pub fn show(&self, out: &mut String) {
        let shown = match self {
            Self::Null => Ok(()),
            Self::Text(text) => {
                out.push_str(text);
                Ok(())
            }
            Self::U8(number) => write!(out, "{number}"),
            Self::U16(number) => write!(out, "{number}"),
            Self::U32(number) => write!(out, "{number}"),
            Self::U64(number) => write!(out, "{number}"),
            Self::Bool(truth) => write!(out, "{truth}"),
            Self::Guid(guid) => write!(out, "{guid}"),
            Self::Time(time) => {
                time.show(out);
                Ok(())
            }
            Self::Sid(sid) => write!(out, "{sid}"),
            Self::Hex32(number) => write!(out, "{number:#x}"),
            Self::Hex64(number) => write!(out, "{number:#x}"),
        };
        debug_assert!(shown.is_ok(), "a string takes all text");
    }
}

/// Appends text as UTF-16, little-endian, without its length or an end.
pub(super) fn utf16(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = out.len();
        out.resize(start + text.len() * 2, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        for (unit, byte) in room.chunks_exact_mut(2).zip(text.bytes()) {
            if let Some(low) = unit.first_mut() {
                *low = byte;
            }
        }
    } else {
        out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }
}

/// A GUID by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guid(pub u32, pub u16, pub u16, pub [u8; 8]);

impl Guid {
    /// The GUID whose text without braces has these digits, `0x5770385f_c22a_43e0_bf4c_06f5698ffbd9`.
    pub const fn of(digits: u128) -> Self {
        let [a0, a1, a2, a3, b0, b1, c0, c1, last @ ..] = digits.to_be_bytes();
        Self(
            u32::from_be_bytes([a0, a1, a2, a3]),
            u16::from_be_bytes([b0, b1]),
            u16::from_be_bytes([c0, c1]),
            last,
        )
    }

    /// As Windows stores it.
    pub(super) fn bytes(self) -> [u8; 16] {
        let first = u128::from(self.0) | u128::from(self.1) << 32 | u128::from(self.2) << 48;
        (first | u128::from(u64::from_le_bytes(self.3)) << 64).to_le_bytes()
    }
}

/// In braces and in lower case, as event logs show it.
impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = u64::from_be_bytes(self.3);
        let (group, node) = (last >> 48, last & 0xffff_ffff_ffff);
        write!(f, "{{{:08x}-{:04x}-{:04x}-{group:04x}-{node:012x}}}", self.0, self.1, self.2)
    }
}

/// A SID with up to five parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sid {
    authority: u8,
    parts: [u32; 5],
    count: u8,
}

impl Sid {
    /// Nobody.
    pub const NULL: Self = Self { authority: 0, parts: [0; 5], count: 1 };
    /// The computer itself.
    pub const SYSTEM: Self = Self::service(18);
    /// `LOCAL SERVICE`
    pub const LOCAL_SERVICE: Self = Self::service(19);
    /// `NETWORK SERVICE`
    pub const NETWORK_SERVICE: Self = Self::service(20);

    const fn service(number: u32) -> Self {
        Self { authority: 5, parts: [number, 0, 0, 0, 0], count: 1 }
    }

    /// An account of a domain: `S-1-5-21-a-b-c-rid`.
    pub const fn account(domain: [u32; 3], rid: u32) -> Self {
        let [a, b, c] = domain;
        Self { authority: 5, parts: [21, a, b, c, rid], count: 5 }
    }

    /// A mandatory label: `S-1-16-8192`.
    pub const fn label(level: u32) -> Self {
        Self { authority: 16, parts: [level, 0, 0, 0, 0], count: 1 }
    }

    fn parts(&self) -> impl Iterator<Item = u32> {
        self.parts.into_iter().take(usize::from(self.count))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[1, self.count, 0, 0, 0, 0, 0, self.authority]);
        for part in self.parts() {
            out.extend_from_slice(&part.to_le_bytes());
        }
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-1-{}", self.authority)?;
        self.parts().try_for_each(|part| write!(f, "-{part}"))
    }
}

/// A FILETIME: steps of 100 ns since 1601.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime(pub u64);

/// Steps of a second.
const SECOND: u64 = 10_000_000;
/// Steps from 1601 to 1970.
const UNIX: u64 = 11_644_473_600 * SECOND;

impl FileTime {
    /// Of milliseconds since 1970; what lies before 1601 becomes 1601.
    pub fn of_unix_ms(ms: i64) -> Self {
        Self(
            ms.saturating_mul(10_000)
                .checked_add_unsigned(UNIX)
                .map_or(0, |steps| steps.max(0).unsigned_abs()),
        )
    }

    /// Whole seconds since 1970.
    pub fn unix_seconds(self) -> u64 {
        self.0.saturating_sub(UNIX) / SECOND
    }

    /// Steps within the second.
    fn fraction(self) -> u64 {
        self.0 % SECOND
    }

    /// Year, month, day, hour, minute, second.
    fn civil(self) -> [u64; 6] {
        let seconds = self.0 / SECOND;
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let [year, month, day] = date(days);
        [year, month, day, of_day / 3_600, of_day / 60 % 60, of_day % 60]
    }

    /// Appends `2021-03-03T05:12:31.4170000Z`.
    pub fn show(self, out: &mut String) {
        self.show_parts(out, 'T');
        let _ = write!(out, ".{:07}Z", self.fraction()); // a string takes all text
    }

    /// Appends `2021-03-03 05:12:31.417`, as Sysmon's own fields have it.
    pub fn show_sysmon(self, out: &mut String) {
        self.show_parts(out, ' ');
        let _ = write!(out, ".{:03}", self.fraction() / 10_000); // as above
    }

    fn show_parts(self, out: &mut String, between: char) {
        let [year, month, day, hour, minute, second] = self.civil();
        let _ = write!(out, "{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}"); // as above
    }
}

/// The date so many days after 1601-01-01, where a cycle of 400 years begins.
fn date(days: u64) -> [u64; 3] {
    let (cycle, rest) = (days / 146_097, days % 146_097);
    let century = (rest / 36_524).min(3);
    let rest = rest - century * 36_524;
    let (four, rest) = (rest / 1_461, rest % 1_461);
    let one = (rest / 365).min(3);
    let mut day = rest - one * 365;
    let year = 1601 + cycle * 400 + century * 100 + four * 4 + one;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut month = 1;
    for length in [31, 28 + u64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    [year, month, day + 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: Value<'_>) -> String {
        let mut text = String::new();
        value.show(&mut text);
        text
    }

    #[test]
    fn values_show_as_windows_shows_them() {
        let guid = Guid::of(0x5770385f_c22a_43e0_bf4c_06f5698ffbd9);
        assert_eq!(shown(Value::Guid(guid)), "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}");
        assert_eq!(guid.bytes()[..8], [0x5f, 0x38, 0x70, 0x57, 0x2a, 0xc2, 0xe0, 0x43]);
        assert_eq!(shown(Value::Sid(Sid::SYSTEM)), "S-1-5-18");
        assert_eq!(shown(Value::Sid(Sid::account([1, 2, 3], 1104))), "S-1-5-21-1-2-3-1104");
        assert_eq!(shown(Value::Hex64(0x3e7)), "0x3e7");
    }

    /// Against another implementation of the calendar, over leap days and turns of centuries.
    #[test]
    fn times_have_the_civil_calendar() {
        for (ms, day) in (0..2_000).map(|step| (step * 37 * 86_400_000_i64 + 45_296_789, step)) {
            let stamp = jiff::Timestamp::from_millisecond(ms).expect("in range");
            let expected = format!("{}Z", stamp.strftime("%Y-%m-%dT%H:%M:%S.%3f0000"));
            assert_eq!(shown(Value::Time(FileTime::of_unix_ms(ms))), expected, "{day}");
        }
        let mut text = String::new();
        FileTime::of_unix_ms(1_614_748_351_417).show_sysmon(&mut text);
        assert_eq!(text, "2021-03-03 05:12:31.417");
    }
}
