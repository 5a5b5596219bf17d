//! Parts of times that stand in a text.
//!
//! In: a value as logs write times (RFC 3339, Sysmon's `2021-03-14 01:40:12.987`, seconds or milliseconds since 1970). Out:
//! minute, hour, day, week, month or year, in UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::plan::TimePart;

/// Seconds since 1970 above which a number counts milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// See the module.
pub(super) fn part_of(value: &str, part: TimePart) -> Option<i16> {
    let time = read(value.trim())?.datetime();
    Some(match part {
        TimePart::Minute => i16::from(time.minute()),
        TimePart::Hour => i16::from(time.hour()),
        TimePart::Day => i16::from(time.day()),
        TimePart::Week => i16::from(time.date().iso_week_date().week()),
        TimePart::Month => i16::from(time.month()),
        TimePart::Year => time.year(),
    })
}

fn read(text: &str) -> Option<Zoned> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.to_zoned(TimeZone::UTC));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let time = if number >= MILLISECONDS_FROM {
            Timestamp::from_millisecond(number)
        } else if text.len() >= 9 {
            Timestamp::from_second(number)
        } else {
            return None; // a small number is no time
        };
        return time.ok().map(|time| time.to_zoned(TimeZone::UTC));
    }
    text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()
}
