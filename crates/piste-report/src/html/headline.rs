//! What was examined, what rules found and what cannot be said, in words for those who decide.
//!
//! In: the run and its coverage. Out: three paragraphs and the key figures. No sentence says that something is clean:
//! where nothing was found, it names the span and the events in which it would have been seen.

use piste_model::{Door, DoorVerdict, Finding, Level, first_trace};

use super::words::host;
use super::{ReportView, put, section};
use crate::escape::{html, html_cut};
use crate::figures::{bytes, computers_of, counted, minute_hand, thousands};
use crate::reading;

/// Kinds of files that were not examined and are named here.
const KINDS_NAMED: usize = 6;
/// Ways in that are named here.
const WAYS_NAMED: usize = 3;
/// Characters of a place.
const PLACE_CHARS: usize = 160;

pub(super) fn write(view: &ReportView<'_>, out: &mut String) {
    out.push_str("<dl class=\"result\">\n<dt>Examined</dt><dd>");
    examined(view, out);
    out.push_str("</dd>\n<dt>Found</dt><dd>");
    found(view, out);
    out.push_str("</dd>\n");
    ways_in(view, out);
    first(view, out);
    out.push_str("<dt>Cannot be said</dt><dd>");
    not_said(view, out);
    out.push_str("</dd>\n</dl>\n");
    figures(view, out);
}

/// How many ways in of each verdict, and the gravest that let somebody in. Nothing where none was found: the section says what that
/// means.
fn ways_in(view: &ReportView<'_>, out: &mut String) {
    if view.doors.is_empty() {
        return;
    }
    let words = [
        (DoorVerdict::Used, "used"),
        (DoorVerdict::Succeeded, "opened"),
        (DoorVerdict::Failed, "tried in vain"),
        (DoorVerdict::Probed, "only probed"),
    ];
    let counts = words.into_iter().filter_map(|(verdict, word)| {
        let count = view.doors.iter().filter(|door| door.verdict == verdict).count();
        (count > 0).then(|| format!("{} {word}", thousands(count as u64)))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    put!(out, "<dt>Ways in</dt><dd><p>{counts} (<a href=\"#doors\">Ways in</a>).</p>");
    let open = view.doors.iter().filter(|door| door.verdict >= DoorVerdict::Succeeded);
    let named: Vec<&Door> = open.take(WAYS_NAMED).collect();
    if !named.is_empty() {
        out.push_str("<ul>");
        for door in named {
            let since = door.opened.not_after.or(door.first_used);
            // All digits: a bound that is cut would be too early.
            let since = since.map_or_else(String::new, |at| format!(", no later than {at}"));
            let place = html_cut(&door.place, PLACE_CHARS);
            put!(out, "<li>{}: {place} on {}{since}</li>", html_cut(&door.id, PLACE_CHARS), host(&door.host));
        }
        out.push_str("</ul>");
    }
    out.push_str("</dd>\n");
}

/// The first trace, with the reserve that always goes with it. All digits: a bound that is cut would be too early.
fn first(view: &ReportView<'_>, out: &mut String) {
    let Some(trace) = first_trace(view.run.findings, view.doors) else { return };
    let summary = view.run.summary;
    put!(
        out,
        "<dt>First trace</dt><dd><p>No later than {} ({}: {}); {}.</p></dd>\n",
        trace.no_later_than,
        html_cut(&trace.id, PLACE_CHARS),
        html_cut(&trace.what, PLACE_CHARS),
        html(&trace.reserve(summary.covered.as_ref(), &summary.web_logs))
    );
}

/// `between A and B`, or that no event has a time.
fn between(view: &ReportView<'_>) -> String {
    view.run.span().map_or_else(
        || "none of which has a time".to_owned(),
        |(first, last)| format!("between {} and {} UTC", minute_hand(first), minute_hand(last)),
    )
}

fn examined(view: &ReportView<'_>, out: &mut String) {
    let summary = view.run.summary;
    put!(
        out,
        "<p>{} ({}) with events of {}: {} {}.",
        counted(summary.evidence.files, "file", "files"),
        bytes(summary.evidence.bytes),
        computers_of(summary),
        counted(summary.events, "event", "events"),
        between(view)
    );
    if summary.detections.is_some() {
        put!(out, " They were searched with {}.", counted(summary.rules.loaded, "rule", "rules"));
    }
    out.push_str("</p>");
    beside(view, out);
}

fn found(view: &ReportView<'_>, out: &mut String) {
    let (summary, tallies) = (view.run.summary, view.run.tallies);
    if summary.detections.is_none() {
        out.push_str("<p>Nothing was searched for yet: the rules have not been run over this evidence.</p>");
        return;
    }
    let findings = view.run.gravest_first();
    let Some(gravest) = findings.first() else {
        if tallies.total() > 0 {
            let matches = counted(tallies.total(), "match of a rule", "matches of rules");
            put!(out, "<p>No finding was made of the {matches} that {} counts.</p>", section("numbers"));
            return;
        }
        if summary.events == 0 {
            out.push_str("<p>No event was read: there was nothing for the rules to match.</p>");
            return;
        }
        put!(
            out,
            "<p>No finding: no rule matched any of the {} {}. This holds for these days and events only.</p>",
            counted(summary.events, "event", "events"),
            html(&days(view))
        );
        return;
    };
    let by_level: Vec<_> = Level::DESCENDING
        .into_iter()
        .map(|level| (level, findings.iter().filter(|one| one.level == level).count() as u64))
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{} {level}", thousands(count)))
        .collect();
    put!(
        out,
        "<p><b>{}</b> ({}), resting on {} in {}, by {}.</p>",
        counted(findings.len() as u64, "finding", "findings"),
        by_level.join(", "),
        counted(tallies.total(), "match of a rule", "matches of rules"),
        counted(tallies.events_with_hits, "event", "events"),
        counted(tallies.unique_total(), "rule", "different rules"),
    );
    put!(out, "<p>The gravest: {}.</p>", sentence(gravest));
    let unreviewed = findings.iter().filter(|one| one.verdict == "unreviewed").count() as u64;
    if unreviewed > 0 {
        put!(
            out,
            "<p>A finding is what rules and their repetition suggest, not yet a proven act: an analyst has not yet judged \
             {} of {}.</p>",
            thousands(unreviewed),
            thousands(findings.len() as u64)
        );
    }
}

/// `on each of the 31 days from A to B`, or that no event has a time.
fn days(view: &ReportView<'_>) -> String {
    view.run.summary.covered.map_or_else(|| between(view), |covered| covered.in_words())
}

/// What was not looked at, where anything was not.
fn beside(view: &ReportView<'_>, out: &mut String) {
    if let Some(sentence) = reading::beside_nothing_found(view.run.summary) {
        put!(out, "<p><b>{}</b></p>", html_cut(&sentence, 1_000));
    }
}

/// `F-1, “title”, on HOST, first seen T UTC`, with the id as a link.
fn sentence(finding: &Finding) -> String {
    let first =
        finding.first.map(|time| format!(", first seen {} UTC", minute_hand(time))).unwrap_or_default();
    let others = match finding.hosts.len() {
        0 | 1 => String::new(),
        many => format!(" and {}", counted(many as u64 - 1, "other computer", "other computers")),
    };
    format!(
        "<a href=\"#{id}\">{id}</a> ({level}), “{title}”, on {host}{others}{first}",
        id = finding.id,
        level = finding.level,
        title = html_cut(&finding.title, 200),
        host = host(finding.hosts.first().map_or("", String::as_str)),
    )
}

fn not_said(view: &ReportView<'_>, out: &mut String) {
    let (summary, run) = (view.run.summary, &view.run);
    out.push_str("<ul>\n");
    if let Some((first, last)) = run.span() {
        put!(
            out,
            "<li>What happened before {} or after {} UTC: this evidence has no events of those times.</li>\n",
            minute_hand(first),
            minute_hand(last)
        );
    }
    if summary.hosts.is_empty() {
        out.push_str("<li>What happened on which computer: no event names one.</li>\n");
    } else {
        let named = counted(summary.hosts.len() as u64, "computer", "computers");
        put!(out, "<li>What happened on other computers than the {named} that these events name.</li>\n");
    }
    let gaps = view.coverage.iter().filter(|one| days_without(one) > 0).count() as u64;
    if gaps > 0 {
        put!(
            out,
            "<li>What happened on days without any event, which {} of {} show ({}). An \
             empty day may be a quiet one, a lost one or a deleted one.</li>\n",
            thousands(gaps),
            counted(view.coverage.len() as u64, "log", "logs"),
            section("coverage")
        );
    }
    let kinds = || summary.reading.not_examined.iter().filter(|one| one.records);
    for one in kinds().take(KINDS_NAMED) {
        put!(
            out,
            "<li>What {} would answer: {} ({}).</li>\n",
            html_cut(&reading::kind_and_figures(one), 200),
            html_cut(&one.would_answer, 400),
            section("unread")
        );
    }
    let more = kinds().count().saturating_sub(KINDS_NAMED) as u64;
    if more > 0 {
        let kinds = counted(more, "further kind of file", "further kinds of files");
        put!(out, "<li>What {kinds} would answer ({}).</li>\n", section("unread"));
    }
    if summary.issues > 0 {
        let issues = counted(summary.issues, "problem hides", "problems hide");
        put!(out, "<li>What {issues} that were met while reading ({}).</li>\n", section("unread"));
    }
    let unseen: u64 = run.areas.unseen.iter().map(|area| area.rules).sum();
    if unseen > 0 {
        put!(
            out,
            "<li>What {} would have shown: this evidence has no events for them to look at ({}).</li>\n",
            counted(unseen, "rule", "rules"),
            section("unseen")
        );
    }
    if run.tallies.undated > 0 {
        let undated = counted(run.tallies.undated, "match of a rule", "matches of rules");
        put!(out, "<li>When {undated} happened: the records have no time.</li>\n");
    }
    out.push_str("</ul>");
}

/// Days between the first and the last row that have none.
pub(super) fn days_without(one: &crate::view::Coverage) -> u64 {
    let (with, of) = days_of(one);
    of.saturating_sub(with)
}

/// (days with rows, days from the first to the last row).
pub(super) fn days_of(one: &crate::view::Coverage) -> (u64, u64) {
    let of = one.last.day().saturating_sub(one.first.day()).saturating_add(1);
    (one.days.len() as u64, u64::try_from(of).unwrap_or(0))
}

fn figures(view: &ReportView<'_>, out: &mut String) {
    let (run, summary) = (&view.run, view.run.summary);
    let grave = run.findings.iter().filter(|one| one.level >= Level::High).count() as u64;
    let searched =
        |number: u64| if summary.detections.is_some() { thousands(number) } else { "–".to_owned() };
    let figures = [
        (searched(grave), "findings of level high or critical"),
        (searched(run.findings.len() as u64), "findings in all"),
        (searched(run.tallies.total()), "matches of rules"),
        (thousands(summary.events), "events"),
        (thousands(summary.hosts.len() as u64), "computers"),
        (thousands(run.evidence.len() as u64), "sealed files, members included"),
        (
            thousands(
                summary.reading.not_examined.iter().filter(|one| one.records).map(|one| one.files).sum(),
            ),
            "files with records that were not examined",
        ),
    ];
    out.push_str("<ul class=\"figures\">");
    for (number, name) in figures {
        put!(out, "<li><b>{number}</b> <span>{name}</span></li>");
    }
    out.push_str("</ul>\n");
}
