//! What the logs that are here cover: which days have rows, by host and dataset.
//!
//! In: the days on which rows were counted while the evidence was read. Out: the words without which no negative sentence is
//! true: on how many days of how many it would have been seen, from when to when, and the longest gaps. Days are those of UTC
//! and kept as runs, so that memory grows with the gaps and not with the days.

use serde::{Deserialize, Serialize};

use crate::reason::{LogDays, MissingDays};
use crate::time::Instant;

/// Gaps that words name, the longest ones.
const GAPS_NAMED: usize = 3;
/// Days of a gap from which on it is named: two are a weekend.
const GAP_DAYS: u64 = 3;

/// Beginnings of the datasets whose rows are no log: tables of what is or was there. Their times reach far back and cover
/// nothing: that a file was made in 2006 does not mean that anything was being watched then.
const NO_LOGS: [&str; 14] = [
    "registry.",
    "file.",
    "execution.",
    "task.",
    "ese.",
    "device.",
    "bits.",
    "wmi.",
    "directory.",
    "powershell.",
    "velociraptor.",
    "defender.detection",
    "defender.quarantine",
    "web.visit",
];

/// Whether a dataset is a log that was written as things happened: only such a one covers a time.
pub fn is_log(dataset: &str) -> bool {
    !NO_LOGS.iter().any(|start| dataset.starts_with(start))
}

/// Days without a row between days with some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Its first day, since 1970.
    pub from: i64,
    /// Its last day.
    pub to: i64,
}

impl Gap {
    /// How many days it has.
    pub fn days(self) -> u64 {
        u64::try_from(self.to.saturating_sub(self.from)).unwrap_or(0).saturating_add(1)
    }
}

/// Days with rows, since 1970, as runs of days that follow each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days(Vec<(i64, i64)>);

impl FromIterator<i64> for Days {
    fn from_iter<T: IntoIterator<Item = i64>>(days: T) -> Self {
        Self(days.into_iter().map(|day| (day, day)).collect()).tidy()
    }
}

impl Days {
    /// Runs in order, those that touch as one.
    fn tidy(mut self) -> Self {
        self.0.sort_unstable();
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for (from, to) in self.0 {
            match runs.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => runs.push((from, to)),
            }
        }
        Self(runs)
    }

    /// The days of both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).copied().collect()).tidy()
    }

    /// The days from one to another.
    #[must_use]
    pub fn within(&self, from: i64, to: i64) -> Self {
        let cut = |(first, last): &(i64, i64)| (*first.max(&from), *last.min(&to));
        Self(self.0.iter().map(cut).filter(|(first, last)| first <= last).collect())
    }

    /// Runs of days, first and last of each.
    pub fn runs(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// How many days have rows.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(from, to)| Gap { from: *from, to: *to }.days()).sum()
    }

    /// How many days there are from the first to the last.
    pub fn of(&self) -> u64 {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) => Gap { from: first.0, to: last.1 }.days(),
            _ => 0,
        }
    }

    /// Whether a day has rows.
    pub fn has(&self, day: i64) -> bool {
        let at = self.0.partition_point(|(from, _)| *from <= day);
        at.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, to)| day <= *to)
    }

    /// The gaps between the first and the last day, in the order of time.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        let next = self.0.iter().skip(1);
        self.0.iter().zip(next).map(|(run, next)| Gap { from: run.1.saturating_add(1), to: next.0 - 1 })
    }

    /// The longest gaps that are long enough to be told one by one, in the order of time.
    pub fn long_gaps(&self, most: usize) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self.gaps().filter(|gap| gap.days() >= GAP_DAYS).collect();
        gaps.sort_by_key(|gap| (std::cmp::Reverse(gap.days()), gap.from));
        gaps.truncate(most);
        gaps.sort_unstable();
        gaps
    }
}

/// What one host's rows of one dataset cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Host.
    pub host: String,
    /// Dataset.
    pub dataset: String,
    /// Time of the earliest row, time of the latest, and the days that have rows.
    pub covered: Covered,
}

/// From when to when logs reach, and on which days they have rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The earliest row.
    pub first: Instant,
    /// The latest row.
    pub last: Instant,
    /// Days with rows; empty where they were not counted.
    pub days: Days,
}

/// The figures of [`Covered`], as `summary.json` keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoveredFigures {
    /// The earliest row.
    pub first: Instant,
    /// The latest row.
    pub last: Instant,
    /// Days with rows.
    pub days: u64,
    /// Days from the first to the last row.
    pub of: u64,
}

/// What all these logs of a host cover together; `None` where none is here.
pub fn covered(coverage: &[Coverage], host: &str, datasets: &[&str]) -> Option<Covered> {
    let of_host =
        |one: &&Coverage| one.host.eq_ignore_ascii_case(host) && datasets.contains(&one.dataset.as_str());
    together(coverage.iter().filter(of_host).map(|one| &one.covered))
}

/// What several logs cover together.
pub fn together<'a>(all: impl IntoIterator<Item = &'a Covered>) -> Option<Covered> {
    let mut all = all.into_iter();
    let first = all.next()?.clone();
    let mut runs = first.days.0;
    let (mut from, mut to) = (first.first, first.last);
    for one in all {
        from = from.min(one.first);
        to = to.max(one.last);
        runs.extend_from_slice(&one.days.0);
    }
    Some(Covered { first: from, last: to, days: Days(runs).tidy() })
}

impl Covered {
    /// Whether there are rows of the day of a moment, and it lies between the first and the last.
    pub fn has(&self, time: Instant) -> bool {
        let spans = self.first <= time && time <= self.last;
        spans && (self.days.0.is_empty() || self.days.has(time.day()))
    }

    /// The figures.
    pub fn figures(&self) -> CoveredFigures {
        CoveredFigures { first: self.first, last: self.last, days: self.days.count(), of: self.days.of() }
    }

    /// What a negative sentence rests on, as data.
    pub fn log_days(&self) -> LogDays {
        let long = self.days.long_gaps(GAPS_NAMED);
        let more = self.days.gaps().count() - long.len();
        let gap = |gap: &Gap| MissingDays { from: date(gap.from), to: date(gap.to), days: gap.days() };
        LogDays {
            first: self.first,
            last: self.last,
            days: self.days.count(),
            of: self.days.of(),
            gaps: long.iter().map(gap).collect(),
            more_gaps: more as u64,
        }
    }

    /// The days that a negative sentence holds for: `on each of the 31 days from … to …`, or `on the 24 days of 2,776 whose logs
    /// are here (from … to …; no row from 2019-04-01 to 2019-12-01, 245 days)`.
    pub fn in_words(&self) -> String {
        let words = self.figures().in_words();
        let gaps = self.days.long_gaps(GAPS_NAMED);
        let rest = self.days.gaps().count() - gaps.len();
        let mut named: Vec<String> = gaps
            .iter()
            .map(|gap| {
                format!("no row from {} to {}, {} days", date(gap.from), date(gap.to), grouped(gap.days()))
            })
            .collect();
        match (named.is_empty(), rest) {
            (_, 0) => {}
            (true, _) => named.push(format!("{} gap{} of one or two days", grouped(rest as u64), s(rest))),
            (false, _) => named.push(format!("and {} shorter gap{}", grouped(rest as u64), s(rest))),
        }
        match words.strip_suffix(')') {
            Some(open) if !named.is_empty() => format!("{open}; {})", named.join("; ")),
            _ => words,
        }
    }
}

impl CoveredFigures {
    /// As [`Covered::in_words`], without the gaps.
    pub fn in_words(&self) -> String {
        let span = if self.first == self.last {
            format!("at {}", self.first)
        } else {
            format!("from {} to {}", self.first, self.last)
        };
        match (self.days, self.of) {
            (_, 0 | 1) => span,
            (days, of) if days >= of => format!("on each of the {} days {span}", grouped(of)),
            (1, of) => format!("on the one day of {} whose logs are here ({span})", grouped(of)),
            (days, of) => {
                format!("on the {} days of {} whose logs are here ({span})", grouped(days), grouped(of))
            }
        }
    }
}

fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `2021-03-03` of a day since 1970.
pub fn date(day: i64) -> String {
    let nanos = i128::from(day) * 86_400_000_000_000;
    let nanos = i64::try_from(nanos).unwrap_or(if day < 0 { i64::MIN } else { i64::MAX });
    Instant { nanos, digits: 0 }.date()
}

/// `2,776`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered_by(days: &[i64]) -> Covered {
        let at = |day: i64| Instant { nanos: day * 86_400_000_000_000, digits: 0 };
        let (first, last) = (days.iter().min().copied(), days.iter().max().copied());
        Covered {
            first: at(first.unwrap_or(0)),
            last: at(last.unwrap_or(0)),
            days: days.iter().copied().collect(),
        }
    }

    #[track_caller]
    fn check(days: &[i64], expected: &str) {
        assert_eq!(covered_by(days).in_words(), expected);
    }

    #[test]
    fn words_name_the_days_and_the_gaps() {
        check(&[18_000], "at 2019-04-14T00:00:00Z");
        check(
            &[18_000, 18_001, 18_002],
            "on each of the 3 days from 2019-04-14T00:00:00Z to 2019-04-16T00:00:00Z",
        );
        check(
            &[18_000, 18_001, 18_247],
            "on the 3 days of 248 whose logs are here (from 2019-04-14T00:00:00Z to 2019-12-17T00:00:00Z; no row from 2019-04-16 to 2019-12-16, 245 days)",
        );
        check(
            &[18_000, 18_002, 18_010, 18_013],
            "on the 4 days of 14 whose logs are here (from 2019-04-14T00:00:00Z to 2019-04-27T00:00:00Z; no row from 2019-04-17 to 2019-04-23, 7 days; and 2 shorter gaps)",
        );
        check(
            &[18_000, 18_002],
            "on the 2 days of 3 whose logs are here (from 2019-04-14T00:00:00Z to 2019-04-16T00:00:00Z; 1 gap of one or two days)",
        );
    }

    #[test]
    fn days_are_runs_in_any_order() {
        let days: Days = [5, 1, 2, 3, 5].into_iter().collect();
        assert_eq!(days.runs(), [(1, 3), (5, 5)]);
        assert_eq!((days.count(), days.of()), (4, 5));
        assert!(days.has(2) && days.has(5) && !days.has(4) && !days.has(0) && !days.has(6));
        assert_eq!(days.with(&[4].into_iter().collect()).runs(), [(1, 5)]);
        assert_eq!(days.within(3, 9).runs(), [(3, 3), (5, 5)]);
        assert_eq!(days.gaps().collect::<Vec<_>>(), [Gap { from: 4, to: 4 }]);
        assert_eq!(Days::default().of(), 0);
        let ends: Days = [i64::MIN, i64::MAX].into_iter().collect();
        assert!(ends.has(i64::MIN) && !ends.has(0));
    }

    #[test]
    fn logs_of_one_host_count_together() {
        let one = |host: &str, dataset: &str, days: &[i64]| Coverage {
            host: host.to_owned(),
            dataset: dataset.to_owned(),
            covered: covered_by(days),
        };
        let all = [
            one("MX01", "iis.access", &[1, 2]),
            one("mx01", "exchange.httpproxy", &[4]),
            one("MX02", "iis.access", &[3]),
        ];
        let both = covered(&all, "MX01", &["iis.access", "exchange.httpproxy"]).expect("logs");
        assert_eq!(both.days.runs(), [(1, 2), (4, 4)]);
        assert!(both.has(both.first) && both.has(both.last));
        assert!(!both.has(Instant { nanos: 3 * 86_400_000_000_000, digits: 0 }), "a gap");
        assert_eq!(covered(&all, "MX03", &["iis.access"]), None);
    }
}
