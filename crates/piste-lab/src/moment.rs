//! A millisecond in UTC, and the ways in which logs write it.
//!
//! In: civil dates and times of day. Out: text as IIS, Exchange and Windows write it. Milliseconds are as fine as any of
//! the logs that the lab writes.

use jiff::{Timestamp, ToSpan, civil, civil::Date, tz::TimeZone};
use piste_model::Instant;
use serde::{Deserialize, Deserializer};

/// Milliseconds of one day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(i64);

impl Moment {
    /// The start of 1970, for what has no time.
    pub(crate) const EPOCH: Self = Self(0);

    /// Midnight at the start of a day.
    pub(crate) fn midnight(date: Date) -> Self {
        let days = (date - Date::constant(1970, 1, 1)).get_days();
        Self(i64::from(days) * DAY_MS)
    }

    pub(crate) fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    pub(crate) fn plus_seconds(self, seconds: u32) -> Self {
        self.plus_ms(i64::from(seconds) * 1000)
    }

    /// Whole seconds since 1970, as Sysmon puts them in a process's GUID.
    pub(crate) fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub(crate) fn date(self) -> Date {
        self.civil().date()
    }

    /// Without its milliseconds: what a log with a resolution of a second says.
    pub(crate) fn whole_second(self) -> Self {
        Self(self.unix_seconds() * 1000)
    }

    pub(crate) fn civil(self) -> civil::DateTime {
        let stamp = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        TimeZone::UTC.to_datetime(stamp)
    }

    /// `2021-03-03 05:12:31`
    pub(crate) fn iis(self) -> String {
        let at = self.civil();
        let (date, time) = (at.date(), at.time());
        format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }

    /// `2021-03-03 05:12:31.417`
    pub(crate) fn sysmon(self) -> String {
        format!("{}.{:03}", self.iis(), self.0.rem_euclid(1000))
    }

    /// `2021-03-03T05:12:31.417Z`
    pub(crate) fn rfc3339(self) -> String {
        format!("{}Z", self.sysmon().replacen(' ', "T", 1))
    }

    /// The model's instant with this many digits after the second.
    pub(crate) fn instant(self, digits: u8) -> Instant {
        Instant { nanos: self.0.saturating_mul(1_000_000), digits }
    }
}

/// As RFC 3339; what is finer than a millisecond is cut off.
impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Self(Instant::deserialize(input)?.nanos.div_euclid(1_000_000)))
    }
}

/// The days from the one of `from` to the one of `to`, both included.
pub(crate) fn days(from: Moment, to: Moment) -> impl Iterator<Item = Date> {
    let last = to.date();
    from.date().series(1.day()).take_while(move |day| *day <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_has_its_own_way_of_writing_time() {
        let moment = Moment::midnight(Date::constant(2021, 3, 3)).plus_ms(18_751_417);
        assert_eq!(moment.iis(), "2021-03-03 05:12:31");
        assert_eq!(moment.sysmon(), "2021-03-03 05:12:31.417");
        assert_eq!(moment.rfc3339(), "2021-03-03T05:12:31.417Z");
        assert_eq!(moment.instant(3).to_string(), "2021-03-03T05:12:31.417Z");
        assert_eq!(moment.whole_second().instant(0).to_string(), "2021-03-03T05:12:31Z");
        assert_eq!(moment.unix_seconds(), 1_614_748_351);
    }

    #[test]
    fn days_include_both_ends() {
        let from = Moment::midnight(Date::constant(2020, 2, 28)).plus_seconds(3600);
        let to = Moment::midnight(Date::constant(2020, 3, 1));
        let listed: Vec<_> = days(from, to).map(|day| day.to_string()).collect();
        assert_eq!(listed, ["2020-02-28", "2020-02-29", "2020-03-01"]);
    }
}
