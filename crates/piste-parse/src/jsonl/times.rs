//! When an exported event happened.
//!
//! In: the fields under which exporters write the time. Out: the moment and the words for where it is from. A time without
//! a zone is taken as UTC; only where the exporter is known to write the host's own zone does the basis say so.

use jiff::Timestamp;
use piste_model::Instant;

use crate::fields::Fields;
use crate::rows::ZONE_UNKNOWN;

/// Names under which exporters write the time, the surest first: field, basis, and basis where the text names no zone.
/// `EventTime` is NXLog's and in the host's own zone.
const TIME_FIELDS: [(&str, &str); 5] = [
    ("TimeCreated", "TimeCreated"),
    ("SystemTime", "SystemTime"),
    ("@timestamp", "@timestamp"),
    ("UtcTime", "UtcTime"),
    (LOCAL_FIELD, ZONE_UNKNOWN),
];
const LOCAL_FIELD: &str = "EventTime";

/// The first of these fields that is a time.
pub(super) fn first(fields: &Fields) -> Option<(Instant, &'static str)> {
    TIME_FIELDS.iter().find_map(|(name, basis)| {
        let text = fields.get(name)?;
        if let Some(time) = Instant::parse(text) {
            let zoned = *name == LOCAL_FIELD && text.trim().parse::<Timestamp>().is_ok();
            return Some((time, if zoned { LOCAL_FIELD } else { *basis }));
        }
        Some((since_1970(text)?, *name))
    })
}

/// Reads a count since 1970, with or without a fraction: seconds, ms, us or ns, whichever puts it between 1990 and 2100.
pub(crate) fn since_1970(text: &str) -> Option<Instant> {
    const RANGE: std::ops::Range<i64> = 631_152_000..4_102_444_800;
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = whole.parse::<i64>().ok()?;
    let unit_digits =
        [0_u32, 3, 6, 9].into_iter().find(|digits| RANGE.contains(&(count / 10_i64.pow(*digits))))?;
    // Digits of the second beyond nine are cut off: the lake counts nanoseconds.
    let fraction = fraction.get(..fraction.len().min(9 - unit_digits as usize))?;
    let digits = u8::try_from(unit_digits as usize + fraction.len()).ok()?;
    let nanos =
        format!("{whole}{fraction}").parse::<i64>().ok()?.checked_mul(10_i64.pow(9 - u32::from(digits)))?;
    Some(Instant { nanos, digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: Option<&str>) {
        assert_eq!(since_1970(text).map(|time| time.to_string()).as_deref(), shown, "{text}");
    }

    #[test]
    fn counts_since_1970_are_read_by_their_size() {
        check("1615686015", Some("2021-03-14T01:40:15Z"));
        check("1615686015.417", Some("2021-03-14T01:40:15.417Z"));
        check("1615686015.12345678987", Some("2021-03-14T01:40:15.123456789Z"));
        check("1615686015000", Some("2021-03-14T01:40:15.000Z"));
        check("1615686015000.5", Some("2021-03-14T01:40:15.0005Z"));
        check("1615686015000001", Some("2021-03-14T01:40:15.000001Z"));
        check("1615686015000000001", Some("2021-03-14T01:40:15.000000001Z"));
        for text in
            ["", "0", "20210314", "-1615686015", "631151999", "4102444800", "16156860150000000010", "1e9"]
        {
            check(text, None);
        }
    }
}
