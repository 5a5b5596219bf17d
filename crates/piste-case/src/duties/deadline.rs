//! Deadlines by Regulation (EEC, Euratom) 1182/71: hours, days, working days, months, holidays, summer time, leap years.
//!
//! In: the instant from which a period runs. Out: the strict end, on which a plan may rest, and the legal maximum of the
//! Regulation, on which none should. Hours run on the UTC line, so that a change to summer time neither shortens nor
//! stretches them; days and months run on the calendar of the zone. Time zones come with the binary, never from the host.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use piste_model::Instant;
use serde::{Deserialize, Serialize};

/// Public holidays: days of the year `MM-DD`, and days after Easter Sunday.
#[derive(Debug, Clone, Deserialize)]
pub struct Holidays {
    fixed: Vec<String>,
    easter_offset_days: Vec<i64>,
}

/// The calendar by which deadlines are computed.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    holidays: Holidays,
}

/// A computed end of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Plan on this.
    pub strict: Instant,
    /// The legal maximum; never plan on it.
    pub legal_max: Instant,
    /// How it was computed, in words.
    pub computation: String,
}

/// Largest count of hours, days or months that a rule may have: keeps arithmetic inside the calendar.
const COUNT_MAX: u32 = 100_000;

impl Calendar {
    /// A calendar of the time zone `zone`, by its IANA name; `None` if there is no such zone.
    pub fn new(zone: &str, holidays: Holidays) -> Option<Self> {
        Some(Self { zone: TimeZone::get(zone).ok()?, holidays })
    }

    /// The instant in the calendar's zone, RFC 3339 with its offset.
    pub fn local(&self, instant: Instant) -> String {
        self.zoned(instant).map_or_else(|| instant.to_string(), |zoned| written(&zoned))
    }

    /// The instant in the calendar's zone.
    pub fn zoned(&self, instant: Instant) -> Option<Zoned> {
        let stamp = Timestamp::from_nanosecond(i128::from(instant.nanos)).ok()?;
        Some(stamp.to_zoned(self.zone.clone()))
    }

    /// The first instant of `date` (`2024-10-18`) in the zone; `None` if it is no date.
    pub fn start_of(&self, date: &str) -> Option<Instant> {
        let date: Date = date.parse().ok()?;
        Self::instant(&date.to_zoned(self.zone.clone()).ok()?)
    }

    fn instant(zoned: &Zoned) -> Option<Instant> {
        let nanos = i64::try_from(zoned.timestamp().as_nanosecond()).ok()?;
        Some(Instant { nanos, digits: 0 })
    }

    /// `count` hours: strict on the UTC line; the legal maximum does not count the hour of the event (art. 3(1)), and is
    /// not extended over weekends and holidays (art. 3(4) does not apply to hours).
    pub fn elapsed_hours(&self, from: Instant, count: u32) -> Option<Due> {
        let hours = SignedDuration::from_hours(i64::from(limited(count)?));
        let from = self.zoned(from)?;
        let strict = from.checked_add(hours).ok()?;
        let next_hour =
            Timestamp::from_second(from.timestamp().as_second().div_euclid(3600) * 3600 + 3600).ok()?;
        let legal = next_hour.checked_add(hours).ok()?.to_zoned(self.zone.clone());
        let shift = if from.offset() == strict.offset() {
            ""
        } else {
            "; the clock changes in between, the hours do not"
        };
        let computation = format!(
            "{} + {count} h on the UTC line = {}{shift}; weekends and holidays count. Not to be planned on: {}, as Regulation 1182/71 art. 3(1) does not count the hour of the event",
            written(&from),
            written(&strict),
            written(&legal)
        );
        Self::due(&strict, &legal, computation)
    }

    /// `count` months: the same day and clock time, the last day of a month that lacks it. Legal maximum: 24:00 of that
    /// day (art. 3(2)(c)), or of the next working day (art. 3(4)).
    pub fn calendar_months(&self, from: Instant, count: u32) -> Option<Due> {
        let from = self.zoned(from)?;
        let strict = from.checked_add(Span::new().try_months(limited(count)?).ok()?).ok()?;
        let clipped = if strict.day() == from.day() { "" } else { " (the last day of the month)" };
        self.to_end_of_day(&from, &strict, &format!("{count} month(s){clipped}"))
    }

    /// `count` days: the day of the event is not counted; legal maximum as for months.
    pub fn calendar_days(&self, from: Instant, count: u32) -> Option<Due> {
        let from = self.zoned(from)?;
        let strict = from.checked_add(Span::new().try_days(limited(count)?).ok()?).ok()?;
        self.to_end_of_day(&from, &strict, &format!("{count} day(s)"))
    }

    /// `count` working days after the day of the event; legal maximum: 24:00 of the last of them.
    pub fn working_days(&self, from: Instant, count: u32) -> Option<Due> {
        let from = self.zoned(from)?;
        let mut day = from.date();
        for _ in 0..count.min(2_000) {
            day = self.next_working_day(day)?;
        }
        let strict = day.to_datetime(from.time()).to_zoned(self.zone.clone()).ok()?;
        self.to_end_of_day(&from, &strict, &format!("{count} working day(s)"))
    }

    /// The same instant; it may be put off to noon of the next working day (DORA, Delegated Regulation 2025/301
    /// art. 5(4)), if it falls on a day that is none.
    pub fn noon_next_working_day(&self, from: Instant) -> Option<Due> {
        let strict = self.zoned(from)?;
        let (legal, how) = if self.is_working_day(strict.date()) {
            (strict.clone(), "a working day: no relief")
        } else {
            let day = self.next_working_day(strict.date())?;
            (day.to_datetime(Time::midnight()).to_zoned(self.zone.clone()).ok()?, "not a working day")
        };
        let legal = if legal == strict {
            legal
        } else {
            legal.date().at(12, 0, 0, 0).to_zoned(self.zone.clone()).ok()?
        };
        let computation = format!(
            "{} is {how}. Not to be planned on: {}, noon of the next working day (Delegated Regulation 2025/301 art. 5(4))",
            written(&strict),
            written(&legal)
        );
        Self::due(&strict, &legal, computation)
    }

    fn to_end_of_day(&self, from: &Zoned, strict: &Zoned, period: &str) -> Option<Due> {
        let mut day = strict.date();
        if !self.is_working_day(day) {
            day = self.next_working_day(day)?;
        }
        let rolled = if day == strict.date() {
            "the end of that day, art. 3(2)".to_owned()
        } else {
            format!("{} is no working day, so the end of the next one, art. 3(4)", strict.date())
        };
        let legal = day.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        let computation = format!(
            "{} + {period} = {}. Not to be planned on: {} ({rolled} of Regulation 1182/71)",
            written(from),
            written(strict),
            written(&legal)
        );
        Self::due(strict, &legal, computation)
    }

    fn due(strict: &Zoned, legal: &Zoned, computation: String) -> Option<Due> {
        Some(Due { strict: Self::instant(strict)?, legal_max: Self::instant(legal)?, computation })
    }

    /// Monday to Friday, and no public holiday.
    pub fn is_working_day(&self, date: Date) -> bool {
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.is_holiday(date)
    }

    fn is_holiday(&self, date: Date) -> bool {
        let day = format!("{:02}-{:02}", date.month(), date.day());
        let after_easter = easter(date.year())
            .and_then(|easter| date.since(easter).ok())
            .map(|span| i64::from(span.get_days()));
        self.holidays.fixed.contains(&day)
            || after_easter.is_some_and(|days| self.holidays.easter_offset_days.contains(&days))
    }

    fn next_working_day(&self, date: Date) -> Option<Date> {
        let mut day = date.tomorrow().ok()?;
        // No run of free days is longer than two weeks.
        for _ in 0..14 {
            if self.is_working_day(day) {
                return Some(day);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }
}

fn limited(count: u32) -> Option<u32> {
    (count <= COUNT_MAX).then_some(count)
}

fn written(zoned: &Zoned) -> String {
    zoned.timestamp().display_with_offset(zoned.offset()).to_string()
}

/// Easter Sunday by the Gregorian computus (Meeus, Jones, Butcher).
fn easter(year: i16) -> Option<Date> {
    let year_number = i32::from(year);
    let (golden, century, rest) = (year_number % 19, year_number / 100, year_number % 100);
    let moon_shift = (8 * century + 13) / 25;
    let epact = (19 * golden + century - century / 4 - moon_shift + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 19 * weekday) / 433;
    let month = (epact + weekday - 7 * late + 90) / 25;
    let day = (epact + weekday - 7 * late + 33 * month + 19) % 32;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duties::duty_catalog;

    fn calendar() -> &'static Calendar {
        duty_catalog().calendar()
    }

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn every_vector_of_the_catalogue() {
        let vectors = duty_catalog().vectors();
        assert_eq!(vectors.len(), 12);
        for vector in vectors {
            let from = at(&vector.from);
            let count = vector.value.unwrap_or(0);
            let due = match vector.rule.as_str() {
                "elapsed_hours" => calendar().elapsed_hours(from, count),
                "calendar_months" => calendar().calendar_months(from, count),
                "noon_next_working_day" => calendar().noon_next_working_day(from),
                other => panic!("the vectors know no rule {other}"),
            };
            let due = due.expect("it can be computed");
            assert_eq!(calendar().local(due.strict), vector.due_strict, "strict, {}", vector.why);
            assert_eq!(calendar().local(due.legal_max), vector.due_legal_max, "legal, {}", vector.why);
            assert!(due.computation.contains(&vector.due_strict), "{}", due.computation);
        }
    }

    #[test]
    fn days_and_working_days() {
        // Thursday 1 April 2021; Easter Monday is the 5th.
        let from = at("2021-04-01T10:00:00+02:00");
        let days = calendar().calendar_days(from, 2).expect("computed");
        assert_eq!(calendar().local(days.strict), "2021-04-03T10:00:00+02:00");
        assert_eq!(calendar().local(days.legal_max), "2021-04-07T00:00:00+02:00", "over Easter Monday");
        let working = calendar().working_days(from, 2).expect("computed");
        assert_eq!(calendar().local(working.strict), "2021-04-06T10:00:00+02:00");
        assert_eq!(calendar().local(working.legal_max), "2021-04-07T00:00:00+02:00");
        // Days keep the clock time over a change of the clock; hours do not.
        let spring = calendar().calendar_days(at("2021-03-26T14:20:00+01:00"), 3).expect("computed");
        assert_eq!(calendar().local(spring.strict), "2021-03-29T14:20:00+02:00");
    }

    #[test]
    fn holidays_of_a_year() {
        let is = |text: &str| calendar().is_holiday(text.parse().expect("a date"));
        for day in ["2021-04-05", "2021-05-13", "2021-05-24", "2026-04-06", "2026-05-14", "2026-07-21"] {
            assert!(is(day), "{day}");
        }
        assert!(!is("2021-04-04"), "Easter Sunday is no legal holiday; it is a Sunday");
        assert_eq!(easter(2000), Date::new(2000, 4, 23).ok());
        assert_eq!(easter(2038), Date::new(2038, 4, 25).ok(), "the latest possible Easter");
    }

    #[test]
    fn absurd_periods_have_no_end() {
        assert_eq!(calendar().elapsed_hours(at("2021-04-01T10:00:00Z"), u32::MAX), None);
        assert_eq!(calendar().calendar_months(Instant { nanos: i64::MAX, digits: 0 }, 12_000), None);
    }
}
