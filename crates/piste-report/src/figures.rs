//! Numbers as people read them: `19,830`, `57.35%`, `3.2 GiB`, `2021-03-14 01:40:12`.
//!
//! In: integers and moments. Out: text, computed with integers only so that every machine writes the same.

use piste_model::Instant;
use piste_model::summary::Summary;

/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000_000;

/// `19,830`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 file`, `2,000 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// Of which computers something is; files that nothing names the computer of count as none.
pub(crate) fn computers_of(summary: &Summary) -> String {
    let named = counted(summary.hosts.len() as u64, "computer", "computers");
    match (summary.hosts.len(), summary.unknown_hosts) {
        (_, 0) => named,
        (0, _) => "computers that nothing names".to_owned(),
        _ => format!("{named} and of files whose computer nothing names"),
    }
}

/// `57.35%` of `whole`, halves rounded up; `0.00%` of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0.00%".to_owned();
    }
    let hundredths = (u128::from(part) * 10_000 + u128::from(whole) / 2) / u128::from(whole);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// `512 bytes`, `370.0 KiB`, `3.2 GiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return counted(number, "byte", "bytes");
    }
    let mut tenths = u128::from(number) * 10 / 1024;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while tenths >= 10_240 {
        let Some(next) = units.next() else { break };
        tenths /= 1024;
        unit = next;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `2021-03-14 01:40:12`, UTC, to the second: for reading; the outputs keep the source's precision.
pub(crate) fn minute_hand(instant: Instant) -> String {
    Instant { digits: 0, ..instant }.to_string().replace('T', " ").replace('Z', "")
}

/// The date of a day counted from 1970-01-01.
pub(crate) fn date_of_day(day: i64) -> String {
    let nanos = i128::from(day) * i128::from(DAY);
    let nanos = i64::try_from(nanos).unwrap_or(if day < 0 { i64::MIN } else { i64::MAX });
    Instant { nanos, digits: 0 }.date()
}

/// How many `rest` of something are not shown, and where they all are; empty where none is missing.
pub(crate) fn more(rest: usize, what: &str, place: &str) -> String {
    if rest == 0 { String::new() } else { format!("and {} more {what}: see {place}", thousands(rest as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")]
        {
            assert_eq!(thousands(number), text);
        }
        for (number, text) in [
            (1, "1 byte"),
            (1023, "1,023 bytes"),
            (1024, "1.0 KiB"),
            (378_892, "370.0 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (1 << 20, "1.0 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(percent(26_665, 46_495), "57.35%");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.00%");
        assert_eq!(percent(0, 0), "0.00%");
    }

    #[test]
    fn days_outside_the_range_do_not_wrap() {
        assert_eq!(date_of_day(18_700), "2021-03-14");
        assert_eq!(date_of_day(-1), "1969-12-31");
        assert_eq!(date_of_day(i64::MAX), "2262-04-11");
        assert_eq!(date_of_day(i64::MIN), "1677-09-21");
    }
}
