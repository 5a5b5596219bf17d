//! Dates as people's programs write them, whose order and zone the text does not tell.
//!
//! In: `03.04.2021 05:12`, `4/3/2021 5:12:31 AM`, `2021-04-03 05:12`. Out: the moment as if in UTC, by an order of day and
//! month that the caller has found with [`Order::shown_by`]. The caller says in the basis that the zone is unknown.

use piste_model::{Instant, Issue};

use crate::{Context, Parsed};

/// Which number of a date stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// `31.12.2021`, and where nothing tells.
    #[default]
    DayFirst,
    /// `12/31/2021`.
    MonthFirst,
}

/// The numbers of a date and what stood between them.
struct Numbers {
    parts: [u32; 3],
    /// Letters of the first part.
    first: usize,
    separator: char,
}

/// Why one of two orders was taken although every date of the file can be read in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// A date as written.
    sample: String,
    /// A clock of twelve hours stands beside slashes.
    american: bool,
}

/// What the dates of a file's beginning show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) order: Order,
    /// Set where no date is sure.
    pub(crate) doubt: Option<Doubt>,
}

impl Order {
    /// The order that dates of one file show: a number over 12 is a day; else separator and clock decide, and but for dots that
    /// is no proof.
    ///
    /// Dots put the day first everywhere. A twelve-hour clock with slashes is American; dashes and a full clock mostly put the day
    /// first.
    pub(crate) fn shown_by<'a>(dates: impl Iterator<Item = &'a str>) -> Shown {
        let mut guess = None;
        let sure = |order| Shown { order, doubt: None };
        for text in dates {
            let (date, time) = split_date(text);
            let Some(Numbers { parts, separator, .. }) = numbers(date).filter(|date| date.first < 4) else {
                continue;
            };
            match parts {
                [13..=31, 1..=12, _] => return sure(Self::DayFirst),
                [1..=12, 13..=31, _] => return sure(Self::MonthFirst),
                _ if separator == '.' => return sure(Self::DayFirst), // no country writes the month first with dots
                [one, other, _] if one == other => continue,          // the same day in either order
                [1..=12, 1..=12, _] => {}
                _ => continue,
            }
            let american = separator == '/' && half_day(time).is_some();
            guess.get_or_insert_with(|| Doubt { sample: date.to_owned(), american });
        }
        match guess {
            Some(doubt) => {
                let order = if doubt.american { Self::MonthFirst } else { Self::DayFirst };
                Shown { order, doubt: Some(doubt) }
            }
            None => Shown::default(),
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::DayFirst => Self::MonthFirst,
            Self::MonthFirst => Self::DayFirst,
        }
    }

    fn first(self) -> &'static str {
        match self {
            Self::DayFirst => "day",
            Self::MonthFirst => "month",
        }
    }
}

impl Shown {
    /// Says which order was taken and why, where nothing proves it.
    pub(crate) fn tell(&self, cx: &Context<'_>, parsed: &mut Parsed) {
        let Some(doubt) = &self.doubt else { return };
        let why = if doubt.american {
            "its clock of twelve hours beside slashes is how the United States write"
        } else {
            "most countries write so, and nothing in the file tells"
        };
        let what = format!(
            "its dates can be read with the day or with the month first (`{}`); the {} was taken as first, since {why}",
            doubt.sample,
            self.order.first()
        );
        parsed.issues.push(
            Issue::new(
                "date-order-assumed",
                cx.path,
                what,
                "if the other order is right, day and month of its times are exchanged, and so is all that rests on them",
                "ask in which language the host or the program that wrote it was set; compare one time with another source",
            )
            .of(cx.evidence),
        );
    }
}

/// Dates of a block that only the other order than the file's can read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Exchanged {
    count: u64,
}

impl Exchanged {
    /// Reads a date; one that is none in the file's order is read in the other, and counted.
    pub(crate) fn moment(&mut self, text: &str, order: Order) -> Option<Instant> {
        moment(text, order).or_else(|| {
            let other = moment(text, order.other())?;
            self.count += 1;
            Some(other)
        })
    }

    /// Says how many there were.
    pub(crate) fn tell(self, cx: &Context<'_>, order: Order, offset: u64, parsed: &mut Parsed) {
        if self.count == 0 {
            return;
        }
        let (count, taken) = (self.count, order.first());
        parsed.issues.push(
            Issue::new(
                "date-order-mixed",
                cx.path,
                format!("the {taken} stands first in its dates as far as they tell, and {count} of this block can only be read the other way"),
                "these were read the other way; day and month of the others may be exchanged",
                "look at the file: it was perhaps put together from two",
            )
            .of(cx.evidence)
            .at(offset),
        );
    }
}

/// Whether a date can be read in two ways.
pub(crate) fn is_ambiguous(text: &str) -> bool {
    let date = numbers(split_date(text).0).filter(|date| date.first < 4);
    date.is_some_and(|date| matches!(date.parts, [one @ 1..=12, other @ 1..=12, _] if one != other))
}

/// Reads a date with a time; RFC 3339 too.
pub(crate) fn moment(text: &str, order: Order) -> Option<Instant> {
    let text = text.trim();
    let (date, time) = split_date(text);
    let Numbers { parts, first, .. } = numbers(date)?;
    let [year, month, day] = match (first, order) {
        (4, _) => parts,
        (_, Order::DayFirst) => [parts[2], parts[1], parts[0]],
        (_, Order::MonthFirst) => [parts[2], parts[0], parts[1]],
    };
    if first == 4
        && let Some(moment) = Instant::parse(text)
    {
        return Some(moment);
    }
    if !(1_600..=9_999).contains(&year) {
        return None;
    }
    let afternoon = half_day(time);
    let clock = time.trim_start().split([' ', '\u{a0}', '\u{202f}']).next().unwrap_or_default();
    let clock = clock.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<u32>().ok().filter(|_| part.len() <= 2));
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |second| second)?;
    let hour = match afternoon {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    Instant::parse(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{dot}{fraction}Z"
    ))
}

/// The date and what follows it.
fn split_date(text: &str) -> (&str, &str) {
    text.trim().split_once([' ', 'T', '\t', '\u{a0}']).unwrap_or((text.trim(), ""))
}

fn numbers(date: &str) -> Option<Numbers> {
    let separator =
        date.chars().find(|letter| !letter.is_ascii_digit()).filter(|one| "./-".contains(*one))?;
    let mut parts = date.trim_end_matches(['.', ',']).split(separator);
    let mut next = || {
        let part = parts.next()?;
        let plain = !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| plain).map(|number| (number, part.len()))
    };
    let (one, two, three) = (next()?, next()?, next()?);
    let years = [one.1, three.1].into_iter().filter(|length| *length == 4).count();
    if parts.next().is_some() || years != 1 {
        return None;
    }
    Some(Numbers { parts: [one.0, two.0, three.0], first: one.1, separator })
}

/// Whether a clock of twelve hours is past noon; `None` for a clock of 24.
fn half_day(time: &str) -> Option<bool> {
    let mark: String =
        time.chars().filter(char::is_ascii_alphabetic).map(|one| one.to_ascii_lowercase()).collect();
    match mark.as_str() {
        "a" | "am" => Some(false),
        "p" | "pm" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, order: Order, shown: Option<&str>) {
        assert_eq!(moment(text, order).map(|moment| moment.to_string()).as_deref(), shown, "{text}");
    }

    #[test]
    fn dates_of_many_countries_are_read() {
        check("03.04.2021 05:12", Order::DayFirst, Some("2021-04-03T05:12:00Z"));
        check("3/4/2021 5:12:31 PM", Order::MonthFirst, Some("2021-03-04T17:12:31Z"));
        check("03/04/2021  12:00 AM", Order::MonthFirst, Some("2021-03-04T00:00:00Z"));
        check("03/04/2021  05:12 p. m.", Order::DayFirst, Some("2021-04-03T17:12:00Z"));
        check("03/04/2021  05:12a", Order::MonthFirst, Some("2021-03-04T05:12:00Z"));
        check("2021-03-04 05:12:31.4170000", Order::DayFirst, Some("2021-03-04T05:12:31.4170000Z"));
        check("2021/03/04  05:12", Order::MonthFirst, Some("2021-03-04T05:12:00Z"));
        check("04-03-2021  05:12", Order::DayFirst, Some("2021-03-04T05:12:00Z"));
        check("03/03/2021 05:12:31.417", Order::MonthFirst, Some("2021-03-03T05:12:31.417Z"));
        for text in
            ["", "31.02.2021 05:12", "1.2.3 05:12", "03.04.2021", "03.04.2021 25:00", "aa.bb.cccc 1:1"]
        {
            check(text, Order::DayFirst, None);
        }
    }

    #[test]
    fn one_day_over_twelve_tells_the_order_of_all() {
        let shown = |dates: &[&str]| Order::shown_by(dates.iter().copied());
        let order = |dates: &[&str]| shown(dates).order;
        assert_eq!(shown(&["03/04/2021 05:12", "03/14/2021 05:12"]).doubt, None);
        assert_eq!(shown(&["03/03/2021 05:12"]).doubt, None, "the same day in either order");
        let doubt = shown(&["03/03/2021 05:12", "03/04/2021 05:12"]).doubt.expect("nothing tells");
        assert_eq!((doubt.sample.as_str(), doubt.american), ("03/04/2021", false));
        assert_eq!(order(&["03/04/2021 05:12", "03/14/2021 05:12"]), Order::MonthFirst);
        assert_eq!(order(&["03/04/2021 05:12 AM", "14/03/2021 05:12"]), Order::DayFirst);
        assert_eq!(order(&["03/04/2021 05:12 AM"]), Order::MonthFirst);
        assert_eq!(order(&["x", "03/04/2021 05:12"]), Order::DayFirst);
        assert_eq!(order(&[]), Order::DayFirst);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9./: apAPTm,é-]{0,30}") {
            moment(&text, Order::MonthFirst);
            moment(&text, Order::DayFirst);
            Order::shown_by([text.as_str()].into_iter());
        }
    }
}
