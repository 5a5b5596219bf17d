//! The two pictures, as inline SVG over one time axis.
//!
//! In: the tallies and the coverage. Out: detections over time by computer and level; days with events by computer and
//! dataset. A level has its own lane and letter, so that the picture reads without colour. Positions are whole tenths of
//! a unit, computed with integers: every machine draws the same.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;
use piste_model::{Instant, Level};

use super::headline::days_of;
use super::style::fill;
use super::words::{host, rest};
use super::{ReportView, put, section};
use crate::escape::{html, html_cut};
use crate::figures::{DAY, counted, minute_hand, thousands};
use crate::tallies::LevelCounts;
use crate::view::Coverage;

/// Left edge, width and right edge of the plot, in tenths of a unit; the picture is 960 units wide.
pub(super) const LEFT: i64 = 2_150;
const PLOT: i64 = 6_000;
pub(super) const RIGHT: i64 = LEFT + PLOT;
/// The narrowest mark of a detection.
const MARK: i64 = 50;
const HOSTS: usize = 15;
const BARS: usize = 40;
const HOUR: i64 = DAY / 24;

/// Time to horizontal position.
pub(super) struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    /// From the earliest to the latest time of coverage and detections, with some air; `None` if there is no time.
    fn of(view: &ReportView<'_>) -> Option<Self> {
        let covered = view.coverage.iter().flat_map(|one| [one.first.nanos, one.last.nanos]);
        let detected = view.run.tallies.span.into_iter().flat_map(|(first, last)| [first.nanos, last.nanos]);
        Self::over(covered.chain(detected))
    }

    /// From the earliest to the latest of these times, with some air; `None` if there is none.
    pub(super) fn over(times: impl Iterator<Item = i64>) -> Option<Self> {
        let times: Vec<i64> = times.collect();
        let (from, to) = (*times.iter().min()?, *times.iter().max()?);
        let air = ((i128::from(to) - i128::from(from)) / 80).max(i128::from(HOUR) / 2);
        let air = i64::try_from(air).unwrap_or(DAY);
        Some(Self { from: from.saturating_sub(air), to: to.saturating_add(air) })
    }

    /// Position in tenths, within the plot.
    pub(super) fn x(&self, nanos: i64) -> i64 {
        let span = (i128::from(self.to) - i128::from(self.from)).max(1);
        let at = (i128::from(nanos) - i128::from(self.from)).clamp(0, span);
        LEFT + i64::try_from(at * i128::from(PLOT) / span).unwrap_or(0)
    }

    /// Ticks as (position, label), at most nine.
    fn ticks(&self) -> Vec<(i64, String)> {
        const MOST: i128 = 8;
        const HOURS: [i64; 8] = [1, 3, 6, 12, 24, 48, 7 * 24, 14 * 24];
        const MONTHS: [i64; 8] = [1, 3, 6, 12, 24, 60, 120, 600];
        let span = i128::from(self.to) - i128::from(self.from);
        if let Some(step) =
            HOURS.map(|hours| hours * HOUR).into_iter().find(|step| span / i128::from(*step) < MOST)
        {
            let first = self.from.div_euclid(step) + 1;
            let times = (first..).map_while(|n| n.checked_mul(step)).take_while(|at| *at <= self.to);
            return times.map(|at| (self.x(at), label(at, step < DAY))).collect();
        }
        let month = i128::from(DAY) * 30;
        let step = MONTHS.into_iter().find(|step| span / (month * i128::from(*step)) < MOST).unwrap_or(600);
        let first = month_of(self.from).div_euclid(step) + 1;
        let times = (first..first + 20).filter_map(|n| month_start(n * step)).take_while(|at| *at <= self.to);
        times.map(|at| (self.x(at), label(at, false))).collect()
    }
}

fn label(nanos: i64, hours: bool) -> String {
    let text = minute_hand(Instant { nanos, digits: 0 });
    let part = if hours { text.get(5..16) } else { text.get(..10) };
    part.unwrap_or(&text).to_owned()
}

/// Months since year 0.
fn month_of(nanos: i64) -> i64 {
    let date: Option<Date> = Instant { nanos, digits: 0 }.date().parse().ok();
    date.map_or(0, |date| i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
}

fn month_start(months: i64) -> Option<i64> {
    let year = i16::try_from(months.div_euclid(12)).ok()?;
    let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
    let date = Date::new(year, month, 1).ok()?;
    Instant::parse(&format!("{date} 00:00:00")).map(|at| at.nanos)
}

/// Tenths as a number: `12.5`.
pub(super) fn tenths(value: i64) -> String {
    if value % 10 == 0 { (value / 10).to_string() } else { format!("{}.{}", value / 10, (value % 10).abs()) }
}

/// Starts a picture: its title for screen readers, grid and tick labels. Heights are whole units.
pub(super) fn start(out: &mut String, axis: &Axis, name: &str, title: &str, desc: &str, height: i64) {
    put!(
        out,
        "<svg viewBox=\"0 0 960 {height}\" role=\"img\" aria-labelledby=\"{name}-title {name}-desc\" \
         font-family=\"Segoe UI,Helvetica Neue,Arial,Liberation Sans,sans-serif\" font-size=\"12\" fill=\"#1a1d21\">\n\
         <title id=\"{name}-title\">{title}</title><desc id=\"{name}-desc\">{desc}</desc>\n"
    );
    let bottom = height - 22;
    for (x, label) in axis.ticks() {
        let x = x.clamp(LEFT, RIGHT);
        put!(
            out,
            "<path d=\"M{at} 6V{bottom}\" stroke=\"#dfe3e7\"/><text x=\"{at}\" y=\"{}\" font-size=\"11\" \
             fill=\"#383f47\" text-anchor=\"middle\">{label}</text>\n",
            height - 6,
            at = tenths(x)
        );
    }
    let (left, right) = (tenths(LEFT), tenths(RIGHT));
    put!(out, "<path d=\"M{left} {bottom}H{right}\" stroke=\"#6a737d\"/>\n");
}

/// Detections over time by computer (rows) and level (lanes).
pub(super) fn detections(view: &ReportView<'_>, out: &mut String) {
    const LANE: i64 = 10;
    let tallies = view.run.tallies;
    let mut hosts: Vec<_> = tallies.picture.cells.iter().collect();
    let (Some(axis), false) = (Axis::of(view), hosts.is_empty()) else {
        let text = if view.run.summary.detections.is_some() {
            format!(
                "No rule matched an event that has a time, in the span that {} shows.",
                section("coverage")
            )
        } else {
            "The rules have not been run over this evidence.".to_owned()
        };
        put!(out, "<p>{text}</p>\n");
        return;
    };
    hosts.sort_by_key(|(name, _)| (Reverse(tallies.hosts.get(*name).map(LevelCounts::by_gravity)), *name));
    let lanes: Vec<Level> =
        Level::DESCENDING.into_iter().filter(|level| tallies.levels.get(*level) > 0).collect();
    let shown = hosts.len().min(HOSTS);
    let row = LANE * i64::try_from(lanes.len()).unwrap_or(5) + 10;
    let height = row * i64::try_from(shown).unwrap_or(0) + 34;
    let letters: Vec<_> = lanes.iter().map(|level| format!("{} {level}", letter(*level))).collect();
    put!(
        out,
        "<figure><figcaption><b>Picture 3.</b> Matches of rules over time. Each computer has one lane a level ({}); below \
         level high a mark is paler where it stands for fewer than ten matches. The number at the right counts them \
         all.</figcaption>\n",
        letters.join(", ")
    );
    let desc = tallies.span.map_or_else(String::new, |(first, last)| {
        let total = counted(tallies.total(), "match", "matches");
        format!("{total} from {} to {} UTC.", minute_hand(first), minute_hand(last))
    });
    start(out, &axis, "p1", "Matches of rules over time, by computer and level", &desc, height);
    for (top, (name, slots)) in (0..).map(|n| n * row + 6).zip(hosts.iter().take(HOSTS)) {
        let counts = tallies.hosts.get(*name).copied().unwrap_or_default();
        let middle = top + row / 2;
        put!(
            out,
            "<g><title>{}</title><text x=\"0\" y=\"{}\">{}</text><text x=\"826\" y=\"{}\" \
             fill=\"#383f47\">{}</text>\n",
            host(name),
            middle + 1,
            short(name, 28),
            middle + 1,
            thousands(counts.total())
        );
        for (y, level) in (0..).map(|n| top + 2 + n * LANE).zip(&lanes) {
            put!(
                out,
                "<text x=\"204\" y=\"{}\" font-size=\"9\" fill=\"#4a525b\">{}</text>",
                y + LANE - 2,
                letter(*level)
            );
            marks(out, &axis, slots, tallies.picture.slot, *level, y, LANE - 1);
        }
        put!(out, "<path d=\"M0 {0}H960\" stroke=\"#eceff2\"/></g>\n", top + row - 3);
    }
    out.push_str("</svg></figure>\n");
    rest(out, hosts.len() - shown, "computers with matches", "detections.jsonl");
}

fn letter(level: Level) -> char {
    match level {
        Level::Critical => 'C',
        Level::High => 'H',
        Level::Medium => 'M',
        Level::Low => 'L',
        Level::Informational => 'I',
    }
}

/// A name cut from its end to fit the label column.
pub(super) fn short(name: &str, most: usize) -> String {
    if name.is_empty() { host(name) } else { html(&crate::escape::terminal(name, most)) }
}

/// The marks of one lane. Slots narrower than a mark are drawn together, so that a lane has at most 120 marks.
fn marks(
    out: &mut String,
    axis: &Axis,
    slots: &BTreeMap<i64, LevelCounts>,
    slot: i64,
    level: Level,
    y: i64,
    height: i64,
) {
    let mut drawn: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    for (at, counts) in slots {
        let count = counts.get(level);
        if count == 0 {
            continue;
        }
        let (x, end) = (axis.x(at.saturating_mul(slot)), axis.x(at.saturating_add(1).saturating_mul(slot)));
        let place = if end - x > MARK { (x, end - x) } else { (LEFT + (x - LEFT) / MARK * MARK, MARK) };
        *drawn.entry(place).or_default() += count;
    }
    for ((x, width), count) in drawn {
        let opacity = match count {
            _ if level >= Level::High => "1", // a single one must not be overlooked
            1 => ".55",
            2..=9 => ".75",
            _ => "1",
        };
        put!(
            out,
            "<rect x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{height}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
            tenths(x.min(RIGHT - MARK)),
            tenths(width - 5),
            fill(level)
        );
    }
    out.push('\n');
}

/// What the evidence covers, by computer and dataset.
pub(super) fn coverage(view: &ReportView<'_>, out: &mut String) {
    const ROW: i64 = 17;
    let Some(axis) = Axis::of(view).filter(|_| !view.coverage.is_empty()) else {
        out.push_str("<p>No event of this evidence has a time.</p>\n");
        return;
    };
    let sorted = sorted(view);
    let shown: Vec<_> = sorted.iter().take(BARS).collect();
    let groups: Vec<_> = shown.chunk_by(|a, b| a.host == b.host).collect();
    let rows = shown.len() + groups.len();
    let height = ROW * i64::try_from(rows).unwrap_or(0) + 6 * i64::try_from(groups.len()).unwrap_or(0) + 34;
    out.push_str(
        "<figure><figcaption><b>Picture 4.</b> Days with events. A bar reaches from the first to the last event of a \
         kind; it is dark on days that have events and empty on days that have none. Outside the bars nothing can be \
         seen, so nothing can be excluded.</figcaption>\n",
    );
    let desc = format!(
        "{} over {} computers; the table below has the same as text.",
        counted(sorted.len() as u64, "log", "logs"),
        groups.len()
    );
    start(out, &axis, "p2", "What the evidence covers, by computer and dataset", &desc, height);
    let mut y = 6;
    for group in groups {
        let name = group.first().map_or("", |one| one.host.as_str());
        put!(
            out,
            "<g><title>{}</title><text x=\"0\" y=\"{}\" font-weight=\"600\">{}</text>\n",
            host(name),
            y + 13,
            short(name, 60)
        );
        for one in group {
            y += ROW;
            bar(out, &axis, one, y);
        }
        y += ROW + 6;
        out.push_str("</g>\n");
    }
    out.push_str("</svg></figure>\n");
    rest(out, sorted.len() - shown.len(), "logs", "evidence.jsonl");
}

/// One bar with its label and day count.
fn bar(out: &mut String, axis: &Axis, one: &Coverage, y: i64) {
    let (x, end) = (axis.x(one.first.nanos), axis.x(one.last.nanos));
    let (filled, of) = days_of(one);
    put!(
        out,
        "<text x=\"12\" y=\"{base}\" font-size=\"11\" fill=\"#383f47\">{}</text><rect x=\"{}\" y=\"{}\" width=\"{}\" \
         height=\"10\" fill=\"#fff\" stroke=\"#8b949e\" stroke-width=\".8\"/><text x=\"826\" y=\"{base}\" \
         font-size=\"11\" fill=\"#383f47\">{} of {}</text>",
        short(&one.dataset, 30),
        tenths(x),
        y + 3,
        tenths((end - x).max(15)),
        thousands(filled),
        counted(of, "day", "days"),
        base = y + 12
    );
    for (from, to) in runs(axis, one) {
        let width = tenths((to - from).max(10));
        put!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"10\" fill=\"#3b6a99\"/>",
            tenths(from),
            y + 3
        );
    }
    out.push('\n');
}

/// Days with rows as spans of positions; those less than half a unit apart are one, so there are at most 1,200.
fn runs(axis: &Axis, one: &Coverage) -> Vec<(i64, i64)> {
    const APART: i64 = 5;
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for (day, _) in &one.days {
        let start = day.saturating_mul(DAY);
        let from = axis.x(start.max(one.first.nanos));
        let to = axis.x(start.saturating_add(DAY).min(one.last.nanos)).max(from);
        match runs.last_mut() {
            Some(last) if from - last.1 < APART => last.1 = last.1.max(to),
            _ => runs.push((from, to)),
        }
    }
    runs
}

/// Coverage in the order of the picture: computers with the gravest detections first, then by name and dataset.
pub(super) fn sorted<'a>(view: &ReportView<'a>) -> Vec<&'a Coverage> {
    let mut sorted: Vec<_> = view.coverage.iter().collect();
    sorted.sort_by_key(|one| {
        let gravity = view.run.tallies.hosts.get(&one.host).map(LevelCounts::by_gravity);
        (Reverse(gravity), &one.host, &one.dataset, one.first)
    });
    sorted
}

/// A path cut for a table cell.
pub(super) fn path(text: &str) -> String {
    html_cut(text, 400)
}
