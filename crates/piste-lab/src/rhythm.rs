//! When people and machines are at work.
//!
//! In: a day and a count on a full working day. Out: moments of that day. People keep office hours, rest at weekends and
//! on the days that the scenario calls quiet; machines keep the clock. An intruder in the evening stands out for nobody
//! who does not look, and that is the point.

use jiff::civil::{Date, Weekday};

use crate::moment::{DAY_MS, Moment};
use crate::random::Random;

/// Share of a working day's doings on a weekend or a holiday, in percent.
const QUIET_PERCENT: u32 = 14;
/// How busy each hour of a working day is, midnight first (UTC; the office lies an hour or two east).
const BUSY_BY_HOUR: [u32; 24] =
    [0, 0, 0, 0, 1, 3, 12, 30, 34, 30, 26, 18, 24, 30, 28, 20, 9, 5, 4, 4, 3, 2, 1, 0];

/// Moments of people at work: about `count` on a working day, few on others, in order.
pub(crate) fn people(random: &mut Random, day: Date, quiet: bool, count: u32) -> Vec<Moment> {
    let resting = quiet || matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let expected_percent = count * if resting { QUIET_PERCENT } else { random.between(80, 120) };
    let count = expected_percent / 100 + u32::from(random.chance(expected_percent % 100));
    let mut moments: Vec<_> = (0..count)
        .map(|_| {
            let hour = busy_hour(random);
            Moment::midnight(day).plus_seconds(hour * 3600).plus_ms(i64::from(random.below(3_600_000)))
        })
        .collect();
    moments.sort_unstable();
    moments
}

fn busy_hour(random: &mut Random) -> u32 {
    let mut left = random.below(BUSY_BY_HOUR.iter().sum());
    for (hour, busy) in (0..).zip(BUSY_BY_HOUR) {
        if left < busy {
            return hour;
        }
        left -= busy;
    }
    12 // unreachable: `left` is below the sum
}

/// Moments of a machine: `count` a day, evenly, each late by up to `jitter_ms`.
pub(crate) fn clockwork(random: &mut Random, day: Date, count: u32, jitter_ms: u32) -> Vec<Moment> {
    let stride = DAY_MS / i64::from(count.max(1));
    let offset = i64::from(random.below(u32::try_from(stride).unwrap_or(u32::MAX).min(600_000)));
    let mut moments: Vec<_> = (0..i64::from(count))
        .map(|index| {
            let at = index * stride + offset + i64::from(random.below(jitter_ms.max(1)));
            Moment::midnight(day).plus_ms(at.min(DAY_MS - 1))
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// Moments at any hour, in order: what comes from the Internet.
pub(crate) fn scattered(random: &mut Random, day: Date, count: u32) -> Vec<Moment> {
    let mut moments: Vec<_> =
        (0..count).map(|_| Moment::midnight(day).plus_ms(i64::from(random.below(86_400_000)))).collect();
    moments.sort_unstable();
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_rest_at_weekends_and_machines_do_not() {
        let (monday, sunday) = (Date::constant(2020, 9, 14), Date::constant(2020, 9, 20));
        let mut random = Random::new(3, &["rhythm"]);
        let (work, rest) =
            (people(&mut random, monday, false, 200).len(), people(&mut random, sunday, false, 200).len());
        assert!((160..=240).contains(&work), "{work}");
        assert!((20..=40).contains(&rest), "{rest}");
        assert!(people(&mut random, monday, true, 200).len() < 40, "a holiday is quiet");
        assert_eq!(clockwork(&mut random, sunday, 24, 1000).len(), 24);
    }

    #[test]
    fn every_moment_lies_in_its_day() {
        let day = Date::constant(2021, 3, 3);
        let mut random = Random::new(4, &["rhythm"]);
        let mut moments = people(&mut random, day, false, 300);
        moments.extend(clockwork(&mut random, day, 96, 60_000));
        moments.extend(scattered(&mut random, day, 50));
        assert!(moments.iter().all(|moment| moment.date() == day));
    }
}
