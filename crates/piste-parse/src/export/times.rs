//! When an exported record happened.
//!
//! In: a record's fields and the names under which its tool writes the time, the surest first. Out: the moment and the words
//! for where it is from. A time without a zone is UTC where the service writes only UTC; else the basis says that its zone is
//! unknown.

use jiff::Timestamp;
use piste_model::Instant;

use crate::dates::{Order, moment};
use crate::fields::Fields;

/// How the dates of a file are written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    /// Which number of a date stands first.
    pub(crate) order: Order,
    /// The column of the time says that it is in somebody's local zone.
    pub(crate) local: bool,
}

/// A field that may hold the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeField {
    pub(crate) name: &'static str,
    /// What is said of a time in UTC.
    pub(crate) basis: &'static str,
    /// What is said of one whose text names no zone, where the tool writes local times; empty where it writes UTC.
    pub(crate) unzoned: &'static str,
}

impl TimeField {
    /// A field that its tool writes in UTC.
    pub(crate) const fn utc(name: &'static str, basis: &'static str) -> Self {
        Self { name, basis, unzoned: "" }
    }

    /// A field that its tool writes in the zone of the machine at hand.
    pub(crate) const fn local(name: &'static str, unzoned: &'static str) -> Self {
        Self { name, basis: name, unzoned }
    }
}

/// The first of these that is a time.
pub(crate) fn first(
    fields: &Fields,
    names: &[TimeField],
    written: Written,
) -> Option<(Instant, &'static str)> {
    names.iter().find_map(|one| {
        let text = fields.get(one.name)?;
        let (time, zoned) = read(text, written.order)?;
        let unknown = match one.unzoned {
            _ if zoned => None,
            "" if written.local => Some("export's local time, zone unknown"),
            "" => None,
            unzoned => Some(unzoned),
        };
        Some((time, unknown.unwrap_or(one.basis)))
    })
}

/// Reads a time in any of the forms that exports have; also tells whether the text itself says its zone.
pub(crate) fn read(text: &str, order: Order) -> Option<(Instant, bool)> {
    let text = text.trim();
    if let Some(time) = dotnet(text) {
        return Some((time, true));
    }
    if let Some(time) = Instant::parse(text) {
        return Some((time, text.parse::<Timestamp>().is_ok()));
    }
    if let Some(time) = crate::jsonl::since_1970(text) {
        return Some((time, true));
    }
    if let Some(time) = offset_without_colon(text) {
        return Some((time, true));
    }
    if let Some(time) = moment(text, order) {
        return Some((time, false));
    }
    named_month(text).map(|time| (time, false))
}

/// `/Date(1614848452123)/`, as .NET's older JSON writes a moment in UTC; an offset says only how it was shown.
fn dotnet(text: &str) -> Option<Instant> {
    let inner = text.trim_matches(['\\', '/']).strip_prefix("Date(")?.strip_suffix(')')?;
    let sign = inner.get(1..).and_then(|rest| rest.find(['+', '-'])).map(|at| at + 1);
    let millis: i64 = inner.get(..sign.unwrap_or(inner.len()))?.parse().ok()?;
    Some(Instant { nanos: millis.checked_mul(1_000_000)?, digits: 3 })
}

/// `2023-06-05T10:00:00.000+0700`.
fn offset_without_colon(text: &str) -> Option<Instant> {
    let at = text.len().checked_sub(5)?;
    let (head, offset) = (text.get(..at)?, text.get(at..)?);
    let digits = offset.get(1..)?;
    if !offset.starts_with(['+', '-']) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Instant::parse(&format!("{head}{}:{}", offset.get(..3)?, offset.get(3..)?))
}

/// `Mar 3, 2021 4:11:02 AM`.
fn named_month(text: &str) -> Option<Instant> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut words = text.splitn(4, ' ');
    let (month, day, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let short = month.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|one| *one == short)? + 1;
    let number = |text: &str| text.trim_end_matches([',', '@']).parse::<u32>().ok();
    let (day, year) = (number(day)?, number(year)?);
    let time = time.trim_start_matches(['@', ' ']);
    moment(&format!("{year:04}-{month:02}-{day:02} {time}"), Order::DayFirst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str, zoned: bool) {
        let found = read(text, Order::MonthFirst).map(|(time, zoned)| (time.to_string(), zoned));
        assert_eq!(found, Some((shown.to_owned(), zoned)), "{text}");
    }

    #[test]
    fn times_of_every_export_are_read() {
        check("/Date(1614848452123)/", "2021-03-04T09:00:52.123Z", true);
        check("\\/Date(1614848452123+0100)\\/", "2021-03-04T09:00:52.123Z", true);
        check("2021-03-03 04:11:02.1234567", "2021-03-03T04:11:02.1234567Z", false);
        check("2021-03-03T04:11:02.1234567+01:00", "2021-03-03T03:11:02.1234567Z", true);
        check("2023-06-05T10:00:00.000+0700", "2023-06-05T03:00:00.000Z", true);
        check("3/4/2021, 4:11:02.123 PM", "2021-03-04T16:11:02.123Z", false);
        check("Mar 3, 2021 4:11:02 AM", "2021-03-03T04:11:02Z", false);
        check("Mar 3, 2021 @ 04:11:02.123", "2021-03-03T04:11:02.123Z", false);
        check("1614848452.5", "2021-03-04T09:00:52.5Z", true);
        for text in ["", "soon", "/Date(x)/", "Date()", "Mar", "é", "+0100"] {
            assert_eq!(read(text, Order::DayFirst), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9/:,. aAPMDte()+\\\\é-]{0,30}") {
            read(&text, Order::MonthFirst);
        }
    }
}
