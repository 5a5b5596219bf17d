//! Moments in UTC with the precision of the clock that wrote them.
//!
//! In: FILETIMEs, RFC 3339 and log text. Out: nanoseconds since 1970 and the count of digits that the source gave, so
//! that a second from IIS never looks like a measured `.000000000`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: nanoseconds since 1970-01-01 UTC, and how many fraction digits (0 to 9) the source wrote.
///
/// Range: years 1677 to 2262. A source's time outside it has no `Instant`; the row keeps its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instant {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Digits after the second that the source gave, 0 to 9.
    pub digits: u8,
}

impl Instant {
    /// Digits of a FILETIME: it counts 100 ns.
    pub const FILETIME_DIGITS: u8 = 7;

    /// Reads a FILETIME (100 ns since 1601-01-01 UTC); `None` outside 1677 to 2262.
    pub fn from_filetime(filetime: u64) -> Option<Self> {
        const UNIX_EPOCH_IN_FILETIME: i128 = 116_444_736_000_000_000;
        let nanos = (i128::from(filetime) - UNIX_EPOCH_IN_FILETIME) * 100;
        Some(Self { nanos: i64::try_from(nanos).ok()?, digits: Self::FILETIME_DIGITS })
    }

    /// Reads RFC 3339, or `YYYY-MM-DD[ T]hh:mm:ss[.fff]` which is then taken as UTC.
    ///
    /// Returns `None` for anything else. An offset (`+02:00`) is applied.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(plain) = plain(text) {
            return Some(plain);
        }
        if offset_hours(text) > OFFSET_HOURS_MAX {
            return None;
        }
        let digits = fraction_digits(text);
        let stamp = match text.parse::<Timestamp>() {
            Ok(stamp) => stamp,
            Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        };
        Some(Self { nanos: i64::try_from(stamp.as_nanosecond()).ok()?, digits })
    }

    /// The same moment moved by whole nanoseconds; `None` when it leaves the range.
    pub fn checked_add_nanos(self, nanos: i64) -> Option<Self> {
        Some(Self { nanos: self.nanos.checked_add(nanos)?, ..self })
    }

    /// Whole days since 1970-01-01 UTC, for counting by day.
    pub fn day(self) -> i64 {
        self.nanos.div_euclid(86_400_000_000_000)
    }

    /// `YYYY-MM-DD` in UTC.
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_nanos(self.nanos))
            .unwrap_or(Timestamp::UNIX_EPOCH) // unreachable: i64 ns lies inside jiff's range
    }
}

/// The form that nearly all logs write, `YYYY-MM-DD[ T]hh:mm:ss[.f…][Z]`: it is read many times as fast here as by the general
/// reader, to which everything else is left, also what it refuses.
fn plain(text: &str) -> Option<Instant> {
    let (head, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', h1, h2, b':', i1, i2, b':', s1, s2] = head
    else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[i1, i2])?, number(&[s1, s2])?);
    let of_day = hour < 24 && minute < 60 && second < 60;
    // The years that nanoseconds in 64 bits hold whole.
    if !of_day || !(1678..=2261).contains(&year) || day == 0 || day > days_of(year, month)? {
        return None;
    }
    let fraction = match rest.strip_suffix(b"Z").unwrap_or(rest) {
        [] => &[],
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => fraction,
        _ => return None,
    };
    let digits = u8::try_from(fraction.len()).ok()?;
    let nanos = number(fraction)? * 10_i64.pow(9 - u32::from(digits));
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Instant { nanos: seconds * 1_000_000_000 + nanos, digits })
}

/// At most nine ASCII digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn days_of(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(if leap { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar: years are counted from March, so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// No place on Earth is further from UTC.
const OFFSET_HOURS_MAX: u32 = 14;

/// Hours of the offset behind a time of day; 0 where there is none.
fn offset_hours(text: &str) -> u32 {
    let behind = text.get(11..).unwrap_or_default();
    let Some(at) = behind.find(['+', '-']) else { return 0 };
    let digits: String = behind.chars().skip(at + 1).take_while(char::is_ascii_digit).take(2).collect();
    digits.parse().unwrap_or(0)
}

/// Counts the digits between the last `.` or `,` after the seconds and what follows.
fn fraction_digits(text: &str) -> u8 {
    let Some(dot) = text.find(['.', ',']) else { return 0 };
    let digits = text.bytes().skip(dot + 1).take_while(u8::is_ascii_digit).count();
    u8::try_from(digits.min(9)).unwrap_or(9)
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = usize::from(self.digits.min(9));
        write!(f, "{:.precision$}", self.timestamp())
    }
}

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("`{text}` is not a time like 2021-03-14T01:40:12.987Z"))
    }
}

impl Ord for Instant {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos).then(self.digits.cmp(&other.digits))
    }
}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(Instant::parse(text).expect("parses").to_string(), shown);
    }

    #[test]
    fn keeps_the_precision_of_the_source() {
        check("2021-03-14T01:40:12.987Z", "2021-03-14T01:40:12.987Z");
        check("2021-03-14T01:40:12.000Z", "2021-03-14T01:40:12.000Z");
        check("2021-03-14 01:40:12", "2021-03-14T01:40:12Z");
        check("2021-03-14T03:40:12.5+02:00", "2021-03-14T01:40:12.5Z");
        check("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "2021-03-28T02:30:00+25:00",
            "2021-03-28T02:30-15:00",
            "",
            "-",
            "yesterday",
            "2021-13-01T00:00:00Z",
            "2021-02-29 00:00:00",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn filetime_has_seven_digits_and_a_range() {
        let filetime = 132_600_192_129_870_000;
        let instant = Instant::from_filetime(filetime).expect("in range");
        assert_eq!(instant.to_string(), "2021-03-12T10:40:12.9870000Z");
        assert_eq!(Instant::from_filetime(0), None);
        assert_eq!(Instant::from_filetime(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn the_plain_form_is_read_as_the_general_reader_reads_it(
            year in 1600_i32..2300, month in 0_u8..14, day in 0_u8..33, hour in 0_u8..26, minute in 0_u8..62,
            second in 0_u8..62, fraction in "(\\.[0-9]{1,9})?", zone in "Z?",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            if let Some(found) = plain(&text) {
                let general: DateTime = text.trim_end_matches('Z').parse().expect("the general reader takes it");
                let general = general.to_zoned(TimeZone::UTC).expect("in range").timestamp();
                prop_assert_eq!(i128::from(found.nanos), general.as_nanosecond(), "{}", text);
                prop_assert_eq!(found.digits, fraction_digits(&text));
            } else if (1678..=2261).contains(&year) {
                prop_assert!(text.trim_end_matches('Z').parse::<DateTime>().is_err() || second == 60, "{}", text);
            }
        }

        #[test]
        fn text_round_trips(nanos in any::<i64>()) {
            let instant = Instant { nanos, digits: 9 };
            prop_assert_eq!(Instant::parse(&instant.to_string()), Some(instant));
        }
    }
}
