//! Times as other tools write them.
//!
//! In: a moment and the zone to show it in. Out: Hayabusa's form with three digits, or RFC 3339 with an offset.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use piste_model::Instant;

/// `2016-08-19 08:06:57.658 +00:00`.
pub(super) fn shown(time: Instant, zone: &TimeZone) -> String {
    zoned(time, zone).strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// `2016-08-19T08:06:57.658+00:00`, with 0, 3, 6 or 9 digits: the fewest that say it all.
pub(super) fn rfc3339(time: Instant, zone: &TimeZone) -> String {
    let form = match time.nanos {
        nanos if nanos % 1_000_000_000 == 0 => "%Y-%m-%dT%H:%M:%S%:z",
        nanos if nanos % 1_000_000 == 0 => "%Y-%m-%dT%H:%M:%S%.3f%:z",
        nanos if nanos % 1_000 == 0 => "%Y-%m-%dT%H:%M:%S%.6f%:z",
        _ => "%Y-%m-%dT%H:%M:%S%.9f%:z",
    };
    zoned(time, zone).strftime(form).to_string()
}

fn zoned(time: Instant, zone: &TimeZone) -> Zoned {
    let since = SignedDuration::from_nanos(time.nanos);
    // i64 nanoseconds lie inside jiff's range.
    Timestamp::UNIX_EPOCH.checked_add(since).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}
