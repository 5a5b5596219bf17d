//! When a row was written.
//!
//! In: a row's date and time columns, or its time and what the header or the file's name says of the day. Out: the moment
//! in UTC and the words for where it is from. IIS counts whole seconds.

use piste_model::Instant;

use crate::fields::Fields;
use crate::header::{Header, second_of_day, seconds};

const DAY: i64 = 86_400;
/// Seconds by which the first row may miss a whole number of hours from the header's date.
const SLACK: i64 = 60;
/// The farthest time zones from UTC, in hours.
const ZONE_HOURS_MAX: i64 = 14;

/// Basis of a time of IIS Advanced Logging where its columns in UTC were left out.
const LOCAL_BASIS: &str = "IIS date-local time-local, zone unknown";

/// Reads the times of one file.
pub(super) struct Clock {
    /// Day that the file's name tells, in days since 1970.
    named_day: Option<i64>,
    bases: [&'static str; 3],
}

impl Clock {
    pub(super) fn new(path: &str, errors: bool) -> Self {
        let bases = if errors {
            ["HTTPERR date time (UTC)", "HTTPERR time, date from #Date", "HTTPERR time, date from file name"]
        } else {
            ["IIS date time (UTC)", "IIS time, date from #Date", "IIS time, date from file name"]
        };
        Self { named_day: day_in_name(path), bases }
    }

    /// The row's moment and its basis; `None` where nothing tells the day, or the row's time is no time.
    pub(super) fn moment(&self, header: &Header, fields: &Fields) -> Option<(Instant, &'static str)> {
        let [dated_basis, header_basis, name_basis] = self.bases;
        if fields.get("date").is_some() {
            return dated(fields).map(|time| (time, dated_basis));
        }
        if fields.get("date-local").is_some() {
            return local(fields).map(|time| (time, LOCAL_BASIS));
        }
        let second = second_of_day(fields.get("time")?)?;
        let (day, basis) = match header.date {
            Some(date) => (seconds(date).div_euclid(DAY), header_basis),
            None => (self.named_day?, name_basis),
        };
        let seconds = (day + i64::from(header.days)).checked_mul(DAY)?.checked_add(i64::from(second))?;
        Some((Instant { nanos: seconds.checked_mul(1_000_000_000)?, digits: 0 }, basis))
    }
}

/// The moment of a row with date and time columns.
pub(super) fn dated(fields: &Fields) -> Option<Instant> {
    moment_of(fields.get("date")?, fields.get("time")?)
}

fn moment_of(date: &str, time: &str) -> Option<Instant> {
    // Both are checked here: the reader of times accepts more than a log may write.
    second_of_day(time.get(..8)?)?;
    let plain = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    if date.len() != 10 || !plain {
        return None;
    }
    Instant::parse(&format!("{date}T{time}Z"))
}

/// The moment of a row that has only the server's own date and time, as if in UTC.
fn local(fields: &Fields) -> Option<Instant> {
    moment_of(fields.get("date-local")?, fields.get("time-local")?)
}

/// The hours between the header's date and the first row, if they are whole and not zero.
pub(super) fn whole_hours(header: Instant, row: Instant) -> Option<i64> {
    let difference = seconds(row).checked_sub(seconds(header))?;
    let hours = difference.checked_add(1_800)?.div_euclid(3_600);
    let whole = (difference - hours * 3_600).abs() <= SLACK;
    (whole && hours != 0 && hours.abs() <= ZONE_HOURS_MAX).then_some(hours)
}

/// Days since 1970 of the day in `u_ex210303.log`, `ex210303.log`, `u_ex21030314_x.log`.
fn day_in_name(path: &str) -> Option<i64> {
    let name = path.rsplit(['/', '\\', '!']).next()?.to_ascii_lowercase();
    let name = name.strip_prefix("u_").unwrap_or(&name);
    let digits = name.strip_prefix("ex")?.get(..6)?;
    let (year, month, day) = (digits.get(..2)?, digits.get(2..4)?, digits.get(4..)?);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // IIS names files so since 1996.
    let century = if year >= "90" { "19" } else { "20" };
    let moment = Instant::parse(&format!("{century}{year}-{month}-{day}T00:00:00Z"))?;
    Some(moment.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_day() {
        let day = Instant::parse("2021-03-03T00:00:00Z").map(Instant::day);
        for path in ["a.zip!W3SVC1/u_ex210303.log", "ex210303.log", "C:\\x\\U_EX21030314_x.log"] {
            assert_eq!(day_in_name(path), day, "{path}");
        }
        for path in
            ["u_extend1.log", "u_ex2103.log", "u_ex219903.log", "httperr1.log", "ex\u{e4}1\u{e4}2\u{e4}.log"]
        {
            assert_eq!(day_in_name(path), None, "{path}");
        }
    }

    #[test]
    fn only_whole_hours_speak_of_a_zone() {
        let at = |text: &str| Instant::parse(text).expect("a time");
        let header = at("2021-03-03T00:04:20Z");
        let check = |row: &str, hours: Option<i64>| assert_eq!(whole_hours(header, at(row)), hours, "{row}");
        check("2021-03-03T00:04:20Z", None);
        check("2021-03-03T01:04:21Z", Some(1));
        check("2021-03-02T23:04:19Z", Some(-1));
        check("2021-03-03T00:34:20Z", None);
        check("2021-03-03T02:14:20Z", None);
        check("2021-03-05T00:04:20Z", None);
    }
}
