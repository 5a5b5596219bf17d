//! Known indicators: what was looked for, from whom, and what of it was seen.
//!
//! In: the files of indicators and the sightings. Out: two tables. The marking of each source stands beside its value, since
//! this page is handed on; what lies outside of the dates that a source gives is said, not hidden.

use piste_model::{Instant, Sighting};

use super::words::{host, list, rest, span, thead};
use super::{ReportView, put, section};
use crate::escape::html_cut;
use crate::figures::{counted, minute_hand, thousands};
use crate::reading;

/// Sightings, and files, that are shown.
const SIGHTINGS: usize = 200;
const FILES: usize = 50;
/// Rows named for one sighting.
const ROWS: usize = 3;
/// Sources named for one sighting.
const SOURCES: usize = 5;

/// Writes the section.
pub(super) fn write(view: &ReportView<'_>, out: &mut String) {
    let Some(sought) = view.run.sought else {
        out.push_str("<p>No known indicators were given to look for.</p>\n");
        return;
    };
    put!(
        out,
        "<p>{} looked for in the rows and among the files of this evidence; <b>{}</b> seen. An indicator that was not seen was not \
         seen in the spans of {}, and says nothing of others.</p>\n",
        counted(sought.indicators, "known indicator was", "known indicators were"),
        thousands(sought.sightings.len() as u64),
        section("coverage"),
    );
    if let Some(sentence) = reading::not_searched(view.run.summary) {
        put!(out, "<p>{}</p>\n", html_cut(&sentence, 1_000));
    }
    let mut strict: Vec<&str> = sought.sightings.iter().filter_map(|one| one.tlp.as_deref()).collect();
    strict.sort_unstable();
    strict.dedup();
    if !strict.is_empty() {
        let marks: Vec<String> = strict.iter().map(|mark| html_cut(mark, 30)).collect();
        put!(
            out,
            "<p><b>Values below are marked {}.</b> Hand this page on only to whom their sources allow.</p>\n",
            marks.join(", ")
        );
    }
    table(&sought.sightings, out);
    out.push_str("<table><caption>Files of indicators</caption>");
    thead(out, &["File", "Form", "#Looked for", "#Left out", "SHA-256"]);
    out.push_str("<tbody>");
    for file in sought.files.iter().take(FILES) {
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><code>{}</code></td></tr>\n",
            html_cut(&file.path, 200),
            html_cut(&file.format, 20),
            thousands(file.understood),
            thousands(file.left_out),
            html_cut(&file.sha256, 64),
        );
    }
    out.push_str("</tbody></table>\n");
    rest(out, sought.files.len().saturating_sub(FILES), "files", "ledger.jsonl");
}

fn table(sightings: &[Sighting], out: &mut String) {
    if sightings.is_empty() {
        return;
    }
    out.push_str("<table><caption>Seen</caption>");
    thead(out, &["Indicator", "When (UTC) and where", "#Rows and files", "Source, marking, dates"]);
    out.push_str("<tbody>");
    for one in sightings.iter().take(SIGHTINGS) {
        put!(
            out,
            "<tr><th scope=\"row\">{}<br><code>{}</code></th><td class=\"t\">{}<br>{}</td><td class=\"n\">{}</td><td>",
            html_cut(&one.kind, 30),
            html_cut(&one.indicator, 200),
            span(one.first, one.last),
            if one.hosts.is_empty() { host("") } else { list(&one.hosts, 5, 64) },
            thousands(one.count),
        );
        said(one, out);
        out.push_str("</td></tr>\n");
    }
    out.push_str("</tbody></table>\n");
    rest(out, sightings.len().saturating_sub(SIGHTINGS), "sightings", "sightings.jsonl");
}

/// What the source says, and the earliest rows.
fn said(one: &Sighting, out: &mut String) {
    if let Some(tlp) = &one.tlp {
        put!(out, "<b>{}</b> ", html_cut(tlp, 30));
    }
    put!(out, "{}", html_cut(&one.source, 300));
    if let Some(words) = &one.description {
        put!(out, "<br>{}", html_cut(words, 300));
    }
    if one.valid_from.is_some() || one.valid_until.is_some() {
        let time = |time: Option<Instant>| time.map_or_else(|| "no date".to_owned(), minute_hand);
        put!(out, "<br>valid from {} to {}", time(one.valid_from), time(one.valid_until));
        if one.outside_validity > 0 {
            put!(out, ": <b>{} outside</b>", counted(one.outside_validity, "row", "rows"));
        }
    }
    if one.sources.len() > 1 {
        let time = |time: Option<Instant>| time.map_or_else(|| "no date".to_owned(), minute_hand);
        for source in one.sources.iter().take(SOURCES) {
            put!(
                out,
                "<br>by {}: {}, valid from {} to {}",
                html_cut(&source.source, 120),
                html_cut(source.tlp.as_deref().unwrap_or("no TLP"), 30),
                time(source.valid_from),
                time(source.valid_until),
            );
        }
    }
    let rows: Vec<String> = one
        .rows
        .iter()
        .take(ROWS)
        .map(|row| {
            let record = if row.record == 0 { String::new() } else { format!(":{}", row.record) };
            format!("<span class=\"ref\"><a href=\"#{id}\">{id}</a>{record}</span>", id = row.evidence_id)
        })
        .collect();
    put!(out, "<br>{}", rows.join(", "));
}
