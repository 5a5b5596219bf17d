//! The sections that are tables: findings, numbers, evidence, what could not be read, rules.
//!
//! In: the run. Out: HTML tables with header cells. Long lists are cut; a line says how many more there are and which
//! output has them all.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use piste_model::evidence::EvidenceState;
use piste_model::{Evidence, EvidenceId, Finding, FindingKind, Level, New};

use super::headline::days_of;
use super::pictures::{path, sorted};
use super::words::{badge, host, list, rest, span, thead};
use super::{ReportView, put, section, story};
use crate::escape::html_cut;
use crate::figures::{bytes, counted, date_of_day, percent, thousands};
use crate::reading;
use crate::tallies::LevelCounts;
use crate::view::{Coverage, counted_matches};

const FINDINGS: usize = 100;
const ROWS_OF_FINDING: usize = 5;
const DETAILS: usize = 6;
const HOSTS: usize = 25;
const DAYS: usize = 31;
const RULES: usize = 25;
const EVIDENCE: usize = 200;
const COVERAGE: usize = 60;
const KINDS: usize = 50;
/// Characters of a sentence of Piste's own.
const SENTENCE: usize = 600;

/// What a person judged and this run did not find.
fn judged_gone(view: &ReportView<'_>, out: &mut String) {
    let gone = &view.run.summary.judged_gone;
    if gone.is_empty() {
        return;
    }
    put!(
        out,
        "<p><b>{} no longer there</b>: their rows or their rules are gone.</p>\n<ul>\n",
        counted(gone.len() as u64, "judged finding is", "judged findings are"),
    );
    for one in gone.iter().take(FINDINGS) {
        put!(out, "<li>{} {}: {}</li>\n", one.id, html_cut(&one.verdict, 40), html_cut(&one.title, 200));
    }
    out.push_str("</ul>\n");
    rest(out, gone.len().saturating_sub(FINDINGS), "such findings", "summary.json");
}

/// Findings that the page shows.
pub(super) fn shown_findings<'a>(view: &ReportView<'a>) -> impl Iterator<Item = &'a Finding> + use<'a> {
    view.run.gravest_first().into_iter().take(FINDINGS)
}

/// Findings, the gravest first.
pub(super) fn findings(view: &ReportView<'_>, out: &mut String) {
    let findings = view.run.gravest_first();
    judged_gone(view, out);
    if findings.is_empty() {
        let text = if view.run.summary.detections.is_some() {
            format!("No finding in the events and the span that {} names.", section("result"))
        } else {
            "The rules have not been run over this evidence.".to_owned()
        };
        put!(out, "<p>{text}</p>\n");
        return;
    }
    if let Some(new) = view.run.summary.new {
        put!(
            out,
            "<p>Since an earlier run of this case over other evidence or rules, <b>{}</b> came up and {} got more rows; \
             they are marked as new.</p>\n",
            counted(new.findings, "new finding", "new findings"),
            counted(new.with_new_rows, "earlier one", "earlier ones"),
        );
    }
    put!(
        out,
        "<p class=\"note\">Each row reference names the sealed file, the record in it and the record's hash; {} has the \
         files' SHA-256, {} says how to look the record up.</p>\n<table>\n",
        section("evidence"),
        section("check")
    );
    thead(out, &["Finding", "When (UTC) and where", "What"]);
    for finding in findings.iter().take(FINDINGS) {
        one_finding(finding, out);
    }
    out.push_str("</table>\n");
    rest(out, findings.len().saturating_sub(FINDINGS), "findings", "findings.jsonl");
}

fn one_finding(finding: &Finding, out: &mut String) {
    put!(
        out,
        "<tbody class=\"finding\" id=\"{id}\"><tr><th scope=\"row\" class=\"id\">{id}<br>{}</th><td \
         class=\"t\">{}<br>{}</td><td><span class=\"what\">{}</span><br>{}, confidence {}, {}<dl>",
        badge(finding.level),
        span(finding.first, finding.last),
        if finding.hosts.is_empty() { host("") } else { list(&finding.hosts, 5, 64) },
        html_cut(&finding.title, 300),
        events(finding),
        html_cut(&finding.confidence, 20),
        html_cut(&finding.verdict, 40),
        id = finding.id
    );
    let entities = &finding.entities;
    for (name, values) in [
        ("Account", &entities.account),
        ("Process", &entities.process),
        ("File", &entities.file),
        ("Other side", &entities.address),
        ("ATT&amp;CK", &finding.attack),
    ] {
        if !values.is_empty() {
            put!(out, "<dt>{name}</dt><dd>{}</dd>", list(values, 5, 200));
        }
    }
    for (name, value) in finding.details.iter().take(DETAILS) {
        put!(out, "<dt>{}</dt><dd><code>{}</code></dd>", html_cut(name, 40), html_cut(value, 400));
    }
    if finding.details.len() > DETAILS {
        put!(
            out,
            "<dt></dt><dd>and {} more fields: see findings.jsonl</dd>",
            finding.details.len() - DETAILS
        );
    }
    out.push_str("</dl></td></tr>\n<tr><td colspan=\"3\" class=\"rows\">");
    rows(finding, out);
    out.push_str("</td></tr></tbody>\n");
}

/// How many events, and what of it is new.
fn events(finding: &Finding) -> String {
    let count = counted_matches(finding);
    match finding.new {
        Some(New::Finding) => format!("<span class=\"new\">new</span> {count}"),
        Some(New::Rows) => {
            format!("{count}, <span class=\"new\">{} new</span>", thousands(finding.new_rows))
        }
        None => count,
    }
}

/// One line a row: the file as a link into the list of evidence, the record, its place and hash.
fn rows(finding: &Finding, out: &mut String) {
    if finding.rows.is_empty() {
        out.push_str("No row is listed.");
        return;
    }
    out.push_str("<ul>");
    for row in finding.rows.iter().take(ROWS_OF_FINDING) {
        put!(
            out,
            "<li><span class=\"ref\"><a href=\"#{id}\">{id}</a>:{}</span> at byte {}, record hash <code>{}</code></li>",
            row.record,
            row.offset,
            html_cut(&row.record_hash, 64),
            id = row.evidence_id
        );
    }
    let shown = finding.rows.len().min(ROWS_OF_FINDING) as u64;
    if finding.count > shown {
        let all = match finding.kind {
            _ if finding.count <= Finding::MAX_ROWS as u64 => "findings.jsonl",
            FindingKind::Sighting => "piste search",
            _ => "detections.jsonl",
        };
        put!(out, "<li>and {} more rows: see {all}</li>", thousands(finding.count - shown));
    }
    out.push_str("</ul>");
}

/// Detections by level, computer and day.
pub(super) fn numbers(view: &ReportView<'_>, out: &mut String) {
    let tallies = view.run.tallies;
    let total = tallies.total();
    if total == 0 {
        put!(
            out,
            "<p>No matches to count in the events and the span that {} names.</p>\n",
            section("result")
        );
        return;
    }
    out.push_str("<table class=\"narrow\"><caption>By level</caption>");
    thead(out, &["Level", "#Matches", "#Share", "#Different rules"]);
    out.push_str("<tbody>");
    for level in Level::DESCENDING {
        let count = tallies.levels.get(level);
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            badge(level),
            thousands(count),
            percent(count, total),
            thousands(tallies.unique(level))
        );
    }
    out.push_str("</tbody></table>\n");
    by_host(view, out);
    by_day(view, out);
    by_rule(view, out);
}

fn level_table(out: &mut String, caption: &str, first: &str) {
    put!(out, "<table><caption>{caption}</caption>");
    thead(out, &[first, "#Critical", "#High", "#Medium", "#Low", "#Informational", "#All"]);
    out.push_str("<tbody>");
}

fn level_row(out: &mut String, name: &str, counts: &LevelCounts) {
    put!(out, "<tr><th scope=\"row\" class=\"h\">{name}</th>");
    for count in counts.by_gravity().into_iter().chain([counts.total()]) {
        put!(out, "<td class=\"n\">{}</td>", thousands(count));
    }
    out.push_str("</tr>\n");
}

fn by_host(view: &ReportView<'_>, out: &mut String) {
    let tallies = view.run.tallies;
    let mut hosts: Vec<_> = tallies.hosts.iter().collect();
    hosts.sort_by_key(|(name, counts)| (Reverse(counts.by_gravity()), *name));
    level_table(out, "By computer, the gravest first", "Computer");
    for (name, counts) in hosts.iter().take(HOSTS) {
        level_row(out, &host(name), counts);
    }
    if tallies.other_hosts.total() > 0 {
        level_row(out, "further computers, not counted by name", &tallies.other_hosts);
    }
    out.push_str("</tbody></table>\n");
    rest(out, hosts.len().saturating_sub(HOSTS), "computers", "detections.jsonl");
}

/// The days with the gravest matches, in order of time.
fn by_day(view: &ReportView<'_>, out: &mut String) {
    let mut days: Vec<_> = view.run.tallies.days.iter().collect();
    days.sort_by_key(|(day, counts)| (Reverse(counts.by_gravity()), **day));
    let more = days.len().saturating_sub(DAYS);
    days.truncate(DAYS);
    days.sort_by_key(|(day, _)| **day);
    let caption = if more > 0 {
        "By day (UTC), the days with the gravest matches"
    } else {
        "By day (UTC), days with matches"
    };
    level_table(out, caption, "Day");
    for (day, counts) in days {
        level_row(out, &date_of_day(*day), counts);
    }
    out.push_str("</tbody></table>\n");
    rest(out, more, "days with matches", "detections.jsonl");
    if view.run.tallies.undated > 0 {
        let undated = counted(view.run.tallies.undated, "match has", "matches have");
        put!(out, "<p class=\"note\">{undated} no time and stand under no day.</p>\n");
    }
}

fn by_rule(view: &ReportView<'_>, out: &mut String) {
    let tallies = view.run.tallies;
    out.push_str("<table><caption>Rules that matched, the gravest first</caption>");
    thead(out, &["Level", "Rule", "#Matches"]);
    out.push_str("<tbody>");
    let all = Level::DESCENDING
        .into_iter()
        .flat_map(|level| tallies.top_rules(level, RULES).into_iter().map(move |rule| (level, rule)));
    for (level, rule) in all.take(RULES) {
        put!(
            out,
            "<tr><td>{}</td><th scope=\"row\">{}</th><td class=\"n\">{}</td></tr>\n",
            badge(level),
            html_cut(&rule.title, 200),
            thousands(rule.count)
        );
    }
    out.push_str("</tbody></table>\n");
    let unique = usize::try_from(tallies.unique_total()).unwrap_or(usize::MAX);
    rest(out, unique.saturating_sub(RULES), "rules", "detections.jsonl");
}

/// What is covered, under the picture.
pub(super) fn coverage(view: &ReportView<'_>, out: &mut String) {
    let sorted = sorted(view);
    if sorted.is_empty() {
        return;
    }
    out.push_str("<table><caption>The same as text</caption>");
    thead(
        out,
        &["Computer", "Dataset", "First and last event (UTC)", "#Events", "#Days with events", "Longest gap"],
    );
    out.push_str("<tbody>");
    for one in sorted.iter().take(COVERAGE) {
        let (with, of) = days_of(one);
        put!(
            out,
            "<tr><th scope=\"row\" class=\"h\">{}</th><td>{}</td><td class=\"t\">{}</td><td class=\"n\">{}</td><td class=\"n\">{} of \
             {}</td><td>{}</td></tr>\n",
            host(&one.host),
            html_cut(&one.dataset, 64),
            span(Some(one.first), Some(one.last)),
            thousands(one.rows),
            thousands(with),
            thousands(of),
            longest_gap(one)
        );
    }
    out.push_str("</tbody></table>\n");
    rest(out, sorted.len().saturating_sub(COVERAGE), "logs", "evidence.jsonl");
}

/// `3 days from 2021-03-05`, the longest run of days without rows; `none` where there is no such day.
fn longest_gap(one: &Coverage) -> String {
    let mut longest: Option<(i64, i64)> = None;
    for ((before, _), (after, _)) in one.days.iter().zip(one.days.iter().skip(1)) {
        let empty = after.saturating_sub(*before) - 1;
        if empty > longest.map_or(0, |(days, _)| days) {
            longest = Some((empty, before + 1));
        }
    }
    longest.map_or_else(
        || "none".to_owned(),
        |(days, from)| {
            format!("{} from {}", counted(u64::try_from(days).unwrap_or(0), "day", "days"), date_of_day(from))
        },
    )
}

/// What could not be read.
pub(super) fn unread(view: &ReportView<'_>, out: &mut String) {
    let groups = view.run.issue_groups();
    let whole = view.run.summary.reading.is_whole();
    for sentence in reading::sentences(view.run.summary) {
        let sentence = html_cut(&sentence, SENTENCE);
        put!(
            out,
            "{}",
            if whole { format!("<p>{sentence}</p>\n") } else { format!("<p><b>{sentence}</b></p>\n") }
        );
    }
    not_examined(view, out);
    if groups.is_empty() {
        return;
    }
    out.push_str("<table>");
    thead(out, &["Kind", "#Times", "What, with the first place", "Effect on this examination"]);
    out.push_str("<tbody>");
    let more = groups.len().saturating_sub(KINDS);
    for (slug, group) in groups.into_iter().take(KINDS) {
        let issue = group.example;
        let offset = issue.offset.map(|at| format!(", byte {}", thousands(at))).unwrap_or_default();
        let id = issue.evidence_id.map(|id| format!("{id}, ")).unwrap_or_default();
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td>{}<br><span class=\"mono\">{id}{}{offset}</span></td>\
             <td>{}<br>{}</td></tr>\n",
            html_cut(slug, 60),
            thousands(group.count),
            html_cut(&issue.what, 400),
            path(&issue.path),
            html_cut(&issue.effect, SENTENCE),
            html_cut(&issue.hint, SENTENCE)
        );
    }
    out.push_str("</tbody></table>\n");
    rest(out, more, "kinds of issue", "issues.jsonl");
}

/// What was sealed and not read, by kind.
fn not_examined(view: &ReportView<'_>, out: &mut String) {
    let kinds = &view.run.summary.reading.not_examined;
    if kinds.is_empty() {
        return;
    }
    out.push_str("<table><caption>Not examined</caption>");
    thead(out, &["Kind", "#Files", "#Size", "What it would answer", "What makes it readable"]);
    out.push_str("<tbody>");
    for one in kinds {
        let kind = html_cut(&one.kind, 80);
        let kind = if one.records { format!("<b>{kind}</b>") } else { kind };
        put!(
            out,
            "<tr><th scope=\"row\" class=\"h\">{kind}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
            thousands(one.files),
            bytes(one.bytes),
            html_cut(&one.would_answer, SENTENCE),
            html_cut(&one.hint, SENTENCE)
        );
    }
    out.push_str("</tbody></table>\n");
}

/// Areas without events.
pub(super) fn unseen(view: &ReportView<'_>, out: &mut String) {
    let unseen = view.run.areas.unseen_sorted();
    if unseen.is_empty() {
        out.push_str(
            "<p>None is known: each area that a loaded rule asks for has events in this evidence.</p>\n",
        );
        return;
    }
    out.push_str(
        "<p>Rules were loaded for these areas, but the evidence has no event of them, at any time. Their silence proves \
         nothing: such logs may not have been kept, not been collected, or have been deleted.</p>\n\
         <table class=\"narrow\">",
    );
    thead(out, &["Area", "#Rules that could not match"]);
    out.push_str("<tbody>");
    for area in unseen.iter().take(KINDS) {
        let (label, rules) = (html_cut(&area.label, 80), thousands(area.rules));
        put!(out, "<tr><th scope=\"row\">{label}</th><td class=\"n\">{rules}</td></tr>\n");
    }
    out.push_str("</tbody></table>\n");
    let rules: u64 = unseen.iter().skip(KINDS).map(|area| area.rules).sum();
    if rules > 0 {
        let areas = thousands(unseen.len().saturating_sub(KINDS) as u64);
        put!(
            out,
            "<p class=\"rest\">and {areas} more areas with {} together.</p>\n",
            counted(rules, "rule", "rules")
        );
    }
}

/// What was hunted with.
pub(super) fn rule_sets(view: &ReportView<'_>, out: &mut String) {
    let rules = &view.run.summary.rules;
    let loaded = counted(rules.loaded, "rule was", "rules were");
    put!(out, "<p>{loaded} loaded, {} could not be", thousands(rules.not_loaded));
    out.push_str(if rules.not_loaded > 0 { " (rules_not_run.jsonl says why).</p>\n" } else { ".</p>\n" });
    let sets: Vec<_> =
        rules.sets.iter().chain(view.run.summary.yara.iter().flat_map(|yara| &yara.sets)).collect();
    yara(view, out);
    if !sets.is_empty() {
        out.push_str("<table>");
        thead(out, &["Set", "#Rules", "SHA-256"]);
        out.push_str("<tbody>");
        for set in sets.iter().take(KINDS) {
            put!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"mono sha\">{}</td></tr>\n",
                path(&set.path),
                thousands(set.rules),
                html_cut(&set.sha256, 64)
            );
        }
        out.push_str("</tbody></table>\n");
        rest(out, sets.len().saturating_sub(KINDS), "sets of rules", "summary.json");
    }
    let mut ran: Vec<_> = view.run.areas.ran.iter().collect();
    if ran.is_empty() {
        return;
    }
    ran.sort_by_key(|area| (Reverse(area.rules), &area.label));
    out.push_str("<table class=\"narrow\"><caption>Areas that had events</caption>");
    thead(out, &["Area", "#Rules"]);
    out.push_str("<tbody>");
    for area in ran.iter().take(KINDS) {
        let (label, rules) = (html_cut(&area.label, 80), thousands(area.rules));
        put!(out, "<tr><th scope=\"row\">{label}</th><td class=\"n\">{rules}</td></tr>\n");
    }
    out.push_str("</tbody></table>\n");
    rest(out, ran.len().saturating_sub(KINDS), "areas", "summary.json");
}

/// The YARA rules, and the files that they looked at.
fn yara(view: &ReportView<'_>, out: &mut String) {
    let asked = view.run.summary.yara.as_ref().filter(|yara| !yara.sets.is_empty());
    let Some(figures) = asked else { return };
    let loaded = counted(figures.loaded, "YARA rule was", "YARA rules were");
    put!(out, "<p>{loaded} loaded, {} could not be", thousands(figures.not_loaded));
    out.push_str(if figures.not_loaded > 0 { " (rules_not_run.jsonl says why)" } else { "" });
    let files = figures.files;
    put!(
        out,
        ". They looked at {}, {} bytes",
        counted(files.scanned, "file that is no log", "files that are no logs"),
        thousands(files.bytes)
    );
    for (count, words) in
        [(files.in_part, "of them in part"), (files.timed_out, "of them without an end in time")]
    {
        if count > 0 {
            put!(out, ", {} {words}", thousands(count));
        }
    }
    put!(
        out,
        "; {} names what they could not look at. Logs and archives are not scanned: the rows of the former are hunted, the \
         members of the latter are files of their own.</p>\n",
        section("unread")
    );
}

/// Files that a finding or a step cites are always shown.
pub(super) fn evidence(view: &ReportView<'_>, out: &mut String) {
    if view.run.evidence.is_empty() {
        out.push_str("<p>No file was given.</p>\n");
        return;
    }
    let of_findings = shown_findings(view)
        .flat_map(|finding| finding.rows.iter().take(ROWS_OF_FINDING).map(|row| row.evidence_id));
    let of_steps = story::shown_intrusions(view)
        .flat_map(story::shown_steps)
        .flat_map(story::shown_rows)
        .map(|row| row.evidence_id);
    let cited: BTreeSet<EvidenceId> = of_findings.chain(of_steps).collect();
    let mut files: Vec<_> = view.run.evidence.iter().collect();
    files.sort_by_key(|file| (!cited.contains(&file.id), file.state != EvidenceState::Unread, file.id));
    let shown = EVIDENCE.max(cited.len());
    let more = files.len().saturating_sub(shown);
    files.truncate(shown);
    files.sort_by_key(|file| file.id);
    out.push_str("<table>");
    thead(out, &["File", "Path and SHA-256 of the content", "Content", "First and last event (UTC)"]);
    out.push_str("<tbody>");
    for file in files {
        one_file(file, out);
    }
    out.push_str("</tbody></table>\n");
    rest(out, more, "files", "evidence.jsonl");
}

fn one_file(file: &Evidence, out: &mut String) {
    let state = match (file.state, file.same_as) {
        (EvidenceState::Read, _) => String::new(),
        (EvidenceState::Container, _) => "container".to_owned(),
        (EvidenceState::Same, Some(other)) => format!("same content as {other}"),
        (EvidenceState::Same, None) => "same content as another".to_owned(),
        (EvidenceState::NotParsed, _) => "sealed and hashed; no records were taken from it".to_owned(),
        (EvidenceState::Unread, _) => "<b>could not be read</b>".to_owned(),
    };
    let mut content = format!("{}, {}", html_cut(&file.format, 20), bytes(file.bytes));
    if file.records_read > 0 {
        put!(content, "<br>{}", counted(file.records_read, "record", "records"));
    }
    if file.duplicates > 0 {
        put!(
            content,
            ", {}",
            counted(file.duplicates, "copy of a record elsewhere", "copies of records elsewhere")
        );
    }
    if !state.is_empty() {
        put!(content, "<br>{state}");
    }
    if !file.damage.is_empty() {
        put!(content, "<br><b>{}</b>", counted(file.damage.len() as u64, "damaged place", "damaged places"));
    }
    let sha256 = if file.sha256.is_empty() { "no hash".to_owned() } else { html_cut(&file.sha256, 64) };
    put!(
        out,
        "<tr id=\"{id}\"><th scope=\"row\">{id}</th><td>{}<br><span class=\"mono sha\">{sha256}</span></td><td>{content}\
         </td><td class=\"t\">{}</td></tr>\n",
        path(&file.path),
        if file.first.is_none() && file.last.is_none() {
            "–".to_owned()
        } else {
            span(file.first, file.last)
        },
        id = file.id
    );
}

/// How a statement is checked.
pub(super) fn how_to_check(view: &ReportView<'_>, out: &mut String) {
    let example = view.run.gravest_first().into_iter().find_map(|finding| finding.rows.first());
    let (id, record) = example.map_or((EvidenceId(1), 1), |row| (row.evidence_id, row.record));
    put!(
        out,
        "<p>With the case folder at hand, this reads one record again from the sealed file and compares its hash with the \
         one that this report gives:</p>\n<pre>piste show {id}:{record}</pre>\n<p>With <code>--proof</code> it also \
         computes the file's SHA-256 again. Without Piste: <code>sha256sum</code> of the file (inside containers, of the \
         member that the path names after each <code>!</code>) must give the value of {}; the record's hash is the \
         first 16 bytes of the SHA-256 of its bytes at the offset given.</p>\n",
        section("evidence")
    );
    out.push_str(
        "<p>The complete lists stand beside this page: <code>findings.jsonl</code>, <code>detections.jsonl</code>, \
         <code>evidence.jsonl</code>, <code>issues.jsonl</code>.</p>\n",
    );
}
