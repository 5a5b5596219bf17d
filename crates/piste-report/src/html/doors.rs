//! Ways in: the picture of doors against exposure and coverage, and the table of verdicts.
//!
//! In: doors, exposure and coverage. Out: for each computer one bar of what its web logs cover, bars of the spans in which
//! flaws were open (a bar's end is the patch), and a mark for each door from when it was open to its last use. A verdict has
//! its own shape and its word, so that the picture reads without colour.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::coverage::Days;
use piste_model::exchange::{in_words, named};
use piste_model::summary::Summary;
use piste_model::{Door, DoorState, DoorVerdict, Instant};

use super::pictures::{Axis, LEFT, RIGHT, short, start, tenths};
use super::words::{host, rest};
use super::{ReportView, put, section};
use crate::escape::{html, html_cut};
use crate::figures::minute_hand;

/// Computers, and lines of each, in the picture.
const HOSTS: usize = 12;
const LINES: usize = 12;
/// Doors in the table.
const DOORS: usize = 60;
/// Sentences of a door in the table.
const SENTENCES: usize = 24;
/// Names of chains beside a bar.
const CHAINS: usize = 2;
/// Tenths of a point below which a gap cannot be seen.
const NARROWEST_GAP: i64 = 10;
/// Height of a line.
const ROW: i64 = 17;

/// One line of the picture.
enum Line<'a> {
    Covered(Days),
    Open { names: String, from: Option<Instant>, to: Option<Instant> },
    Door(&'a Door),
}

/// Doors that the page shows.
pub(super) fn shown<'a>(view: &ReportView<'a>) -> impl Iterator<Item = &'a Door> + use<'a> {
    view.doors.iter().take(DOORS)
}

/// Writes the section.
pub(super) fn write(view: &ReportView<'_>, out: &mut String) {
    if view.run.summary.doors.is_none() {
        out.push_str("<p>Ways in have not been looked for in this evidence.</p>\n");
        return;
    }
    picture(view, out);
    if view.doors.is_empty() {
        let summary = view.run.summary;
        let days = summary
            .covered
            .map_or_else(|| "in rows that have no time".to_owned(), |covered| covered.in_words());
        put!(
            out,
            "<p>No way in was seen {}. That says something only of these days and of the logs of {}: outside them \
             nothing can be seen.</p>\n",
            html(&days),
            section("coverage")
        );
        web_logs(summary, out);
    } else {
        table(view.doors, out);
    }
    if !view.not_visible.is_empty() {
        out.push_str("<h3>What the logs cannot show</h3>\n<ul>\n");
        for text in view.not_visible.iter().take(DOORS) {
            put!(out, "<li>{}</li>\n", html_cut(text, 600));
        }
        out.push_str("</ul>\n");
        rest(out, view.not_visible.len().saturating_sub(DOORS), "such spans", "doors.json");
    }
}

/// Of which days the web logs of each computer have rows: most ways in would be seen in them.
fn web_logs(summary: &Summary, out: &mut String) {
    if summary.web_logs.is_empty() {
        out.push_str("<p>No web log is here: whether anybody came in over the web cannot be seen.</p>\n");
        return;
    }
    out.push_str("<ul>\n");
    for (name, covered) in summary.web_logs.iter().take(HOSTS) {
        put!(out, "<li>Web logs of {}: {}.</li>\n", host(name), html(&covered.in_words()));
    }
    out.push_str("</ul>\n");
    rest(out, summary.web_logs.len().saturating_sub(HOSTS), "computers with web logs", "summary.json");
}

/// The lines of each computer that has a door or an open flaw; those with the gravest door first.
fn lines<'a>(view: &ReportView<'a>) -> Vec<(&'a str, Vec<Line<'a>>)> {
    let names: BTreeSet<&str> = view
        .doors
        .iter()
        .map(|door| door.host.as_str())
        .chain(view.exposures.iter().filter(|one| !one.open.is_empty()).map(|one| one.host.as_str()))
        .collect();
    let mut all: Vec<(&str, Vec<Line<'_>>)> =
        names.into_iter().map(|name| (name, of_host(view, name))).collect();
    let gravest =
        |name: &str| view.doors.iter().filter(|door| door.host == name).map(|door| door.verdict).max();
    all.sort_by(|a, b| gravest(b.0).cmp(&gravest(a.0)).then_with(|| a.0.cmp(b.0)));
    all
}

fn of_host<'a>(view: &ReportView<'a>, name: &str) -> Vec<Line<'a>> {
    let web = ["iis.access", "exchange.httpproxy"];
    let covers = view
        .coverage
        .iter()
        .filter(|one| one.host.eq_ignore_ascii_case(name) && web.contains(&one.dataset.as_str()));
    let days: Days = covers.flat_map(|one| &one.days).map(|(day, _)| *day).collect();
    let mut found = Vec::new();
    if !days.runs().is_empty() {
        found.push(Line::Covered(days));
    }
    let mut open: BTreeMap<(Option<Instant>, Option<Instant>), BTreeSet<&str>> = BTreeMap::new();
    for span in view.exposures.iter().filter(|one| one.host == name).flat_map(|one| &one.open) {
        open.entry((span.from, span.to)).or_default().insert(&span.cve);
    }
    for ((from, to), cve) in open {
        let names = chains(cve);
        found.push(Line::Open { names, from, to });
    }
    found.extend(view.doors.iter().filter(|door| door.host == name).map(Line::Door));
    found
}

fn picture(view: &ReportView<'_>, out: &mut String) {
    let all = lines(view);
    let of_doors = view
        .doors
        .iter()
        .flat_map(|door| [door.opened.not_before, door.opened.not_after, door.first_used, door.last_used]);
    let of_flaws = view.exposures.iter().flat_map(|one| &one.open).flat_map(|span| [span.from, span.to]);
    let of_logs = view.coverage.iter().flat_map(|one| [Some(one.first), Some(one.last)]);
    let times = of_doors.chain(of_flaws).chain(of_logs).flatten().map(|at| at.nanos);
    let Some(axis) = Axis::over(times).filter(|_| !all.is_empty()) else { return };
    let shown: Vec<_> = all.iter().take(HOSTS).collect();
    let rows: usize = shown.iter().map(|(_, lines)| lines.len().min(LINES) + 1).sum();
    let height = ROW * i64::try_from(rows).unwrap_or(0) + 6 * i64::try_from(shown.len()).unwrap_or(0) + 34;
    out.push_str(
        "<figure><figcaption><b>Picture 2.</b> Ways in against what was open and what the logs cover. The outlined bars are the \
         days of the web logs: before, after and between them they show nothing. A hatched bar is a flaw that was open; where it ends, \
         the patch was in. A door's line reaches from when it was open at the latest to its last use: filled circle used, \
         half circle succeeded, cross failed, empty circle probed (doors without a time have their word alone).\
         </figcaption>\n",
    );
    let desc = format!(
        "{} ways in on {} computers; the table below has the same as text.",
        view.doors.len(),
        all.len()
    );
    start(out, &axis, "p3", "Ways in, open flaws and covered spans by computer", &desc, height);
    out.push_str(
        "<defs><pattern id=\"p3-open\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 5L5 0\" \
         stroke=\"#c2540a\" stroke-width=\"1.2\"/></pattern></defs>\n",
    );
    let mut y = 6;
    for (name, lines) in shown {
        put!(
            out,
            "<g><title>{}</title><text x=\"0\" y=\"{}\" font-weight=\"600\">{}</text>\n",
            host(name),
            y + 13,
            short(name, 60)
        );
        for line in lines.iter().take(LINES) {
            y += ROW;
            draw(out, &axis, line, y);
        }
        y += ROW + 6;
        out.push_str("</g>\n");
    }
    out.push_str("</svg></figure>\n");
    rest(out, all.len().saturating_sub(HOSTS), "computers with ways in or open flaws", "doors.json");
    let longer = all.iter().take(HOSTS).map(|(_, lines)| lines.len().saturating_sub(LINES)).sum();
    rest(out, longer, "lines of these computers", "doors.json and exposure.json");
}

/// Chains by name, those that fit beside a bar.
fn chains(cve: BTreeSet<&str>) -> String {
    let groups = named(cve);
    let name = |group: &piste_model::exchange::Named<'_>| match group.name {
        "" => group.cve.first().copied().unwrap_or_default().to_owned(),
        name => name.to_owned(),
    };
    let shown: Vec<String> = groups.iter().take(CHAINS).map(name).collect();
    match groups.len().saturating_sub(CHAINS) {
        0 => shown.join(", "),
        more => format!("{} +{more}", shown.join(", ")),
    }
}

/// Bars of the days with rows; those between which no gap could be drawn are one.
fn joined(axis: &Axis, days: &Days) -> Vec<(i64, i64)> {
    let at = |day: i64| axis.x(day.saturating_mul(86_400_000_000_000));
    let mut bars: Vec<(i64, i64)> = Vec::new();
    for (from, to) in days.runs() {
        let (from, to) = (at(*from), at(to.saturating_add(1)));
        match bars.last_mut() {
            Some(last) if from - last.1 < NARROWEST_GAP => last.1 = to,
            _ => bars.push((from, to)),
        }
    }
    bars
}

fn draw(out: &mut String, axis: &Axis, line: &Line<'_>, y: i64) {
    let base = y + 12;
    let label = |out: &mut String, text: &str| {
        put!(out, "<text x=\"12\" y=\"{base}\" font-size=\"11\" fill=\"#383f47\">{}</text>", short(text, 32));
    };
    match line {
        Line::Covered(days) => {
            label(out, "web logs");
            for (from, to) in joined(axis, days) {
                put!(
                    out,
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"10\" fill=\"#fff\" stroke=\"#3b6a99\"/>\n",
                    tenths(from),
                    y + 3,
                    tenths((to - from).max(15))
                );
            }
        }
        Line::Open { names, from, to } => {
            let x = from.map_or(LEFT, |at| axis.x(at.nanos));
            let end = to.map_or(RIGHT, |at| axis.x(at.nanos));
            label(out, names);
            put!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"10\" fill=\"url(#p3-open)\" stroke=\"#c2540a\" \
                 stroke-width=\".8\"/>",
                tenths(x),
                y + 3,
                tenths((end - x).max(15))
            );
            if to.is_some() {
                put!(
                    out,
                    "<path d=\"M{0} {1}V{2}\" stroke=\"#1a1d21\" stroke-width=\"2\"/>",
                    tenths(end),
                    y + 1,
                    y + 15
                );
            }
            let said = to.map_or_else(|| "still open".to_owned(), |at| format!("to {}", date(at)));
            put!(
                out,
                "<text x=\"826\" y=\"{base}\" font-size=\"11\" fill=\"#383f47\">{}</text>\n",
                html(&said)
            );
        }
        Line::Door(door) => {
            label(out, &format!("{} {}", door.id, door.kind));
            mark(out, axis, door, y);
            put!(
                out,
                "<text x=\"826\" y=\"{base}\" font-size=\"11\" fill=\"#1a1d21\">{}</text>\n",
                verdict(door.verdict)
            );
        }
    }
}

fn date(at: Instant) -> String {
    minute_hand(at).chars().take(10).collect()
}

/// A door's line and its mark.
fn mark(out: &mut String, axis: &Axis, door: &Door, y: i64) {
    let first = door.opened.not_after.into_iter().chain(door.first_used).min();
    let Some(first) = first else { return };
    let last = door.last_used.unwrap_or(first);
    let (x, end) = (axis.x(first.nanos), axis.x(last.nanos));
    let middle = y + 8;
    if end > x {
        put!(
            out,
            "<path d=\"M{} {middle}H{}\" stroke=\"#8f1313\" stroke-width=\"2\"/>",
            tenths(x),
            tenths(end)
        );
    }
    for at in BTreeSet::from([x, end]) {
        let x = tenths(at);
        match door.verdict {
            DoorVerdict::Used => put!(out, "<circle cx=\"{x}\" cy=\"{middle}\" r=\"4\" fill=\"#8f1313\"/>"),
            DoorVerdict::Succeeded => put!(
                out,
                "<circle cx=\"{x}\" cy=\"{middle}\" r=\"4\" fill=\"#fff\" stroke=\"#8f1313\"/>\
                 <path d=\"M{x} {}A4 4 0 0 0 {x} {}Z\" fill=\"#8f1313\"/>",
                middle - 4,
                middle + 4
            ),
            DoorVerdict::Failed => put!(
                out,
                "<path d=\"M{0} {2}L{1} {3}M{0} {3}L{1} {2}\" stroke=\"#4a525b\" stroke-width=\"1.6\"/>",
                tenths(at - 40),
                tenths(at + 40),
                middle - 4,
                middle + 4
            ),
            DoorVerdict::Probed => {
                put!(out, "<circle cx=\"{x}\" cy=\"{middle}\" r=\"4\" fill=\"#fff\" stroke=\"#4a525b\"/>");
            }
        }
    }
}

fn verdict(verdict: DoorVerdict) -> &'static str {
    match verdict {
        DoorVerdict::Probed => "probed",
        DoorVerdict::Failed => "failed",
        DoorVerdict::Succeeded => "succeeded",
        DoorVerdict::Used => "used",
    }
}

fn state(state: DoorState) -> &'static str {
    match state {
        DoorState::Open => "open",
        DoorState::Closed => "closed",
        DoorState::Unknown => "not known",
    }
}

fn table(doors: &[Door], out: &mut String) {
    out.push_str(
        "<table><caption>Ways in, the gravest verdict first</caption><thead><tr><th>No.</th><th>Verdict</th><th>Way in</th>\
         <th>First and last use</th><th>From</th></tr></thead>\n",
    );
    for door in doors.iter().take(DOORS) {
        let time = |at: Option<Instant>| at.map_or_else(|| "–".to_owned(), |at| at.to_string());
        let cve = if door.cve.is_empty() {
            String::new()
        } else {
            format!("<br>{}", html_cut(&in_words(door.cve.iter().map(String::as_str)), 300))
        };
        put!(
            out,
            "<tbody class=\"finding\"><tr id=\"{id}\"><td class=\"id\">{id}</td><td>{}<br>now: {}</td><td><span class=\"what\">{} on \
             {}</span><br><code>{}</code>{cve}</td><td class=\"t\"><span>{}</span><br><span>{}</span></td><td>{}</td></tr>\n",
            verdict(door.verdict),
            state(door.state),
            html_cut(&door.kind, 40),
            host(&door.host),
            html_cut(&door.place, 300),
            html(&time(door.first_used)),
            html(&time(door.last_used)),
            html_cut(&door.sources.iter().take(5).cloned().collect::<Vec<_>>().join(", "), 200),
            id = html_cut(&door.id, 20),
        );
        put!(out, "<tr><td colspan=\"5\" class=\"rows\"><dl>");
        for (name, texts) in
            [("For it", &door.why), ("Against it", &door.against), ("Would settle it", &door.missing)]
        {
            for (number, text) in texts.iter().take(SENTENCES).enumerate() {
                let name = if number == 0 { name } else { "" };
                put!(out, "<dt>{name}</dt><dd>{}</dd>", html_cut(text, 500));
            }
        }
        put!(out, "<dt>To close</dt><dd>{}</dd></dl></td></tr></tbody>\n", html_cut(&door.close, 300));
    }
    out.push_str("</table>\n");
    rest(out, doors.len().saturating_sub(DOORS), "ways in", "doors.json");
}
