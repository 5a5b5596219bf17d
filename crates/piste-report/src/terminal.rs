//! The summary after a run, in the manner of Hayabusa's, so that its users find their figures where they look.
//!
//! In: a [`RunView`]. Out: text for a terminal of any width, coloured or not: results, what matters most, what was read,
//! what could not be read and what that costs, which rules ran and where they had nothing to run over. A sentence that
//! says nothing was found names the span in which it would have been found.

use std::collections::BTreeMap;
use std::fmt::Write;

use piste_model::{Evidence, Finding, Level, New};

use crate::figures::{bytes, computers_of, counted, date_of_day, minute_hand, more, percent, thousands};
use crate::view::{RunView, Style, counted_matches, telling_detail};
use crate::{escape, reading};

/// Findings shown.
const FINDINGS: usize = 10;
/// Computers and rules shown a level.
const TOP: usize = 5;
/// Kinds of issue, rule sets and areas shown.
const LINES: usize = 20;

/// Sentences of an answer.
const SENTENCES: usize = 7;

/// Characters of an issue's text; what stands in issues.jsonl is whole.
const ISSUE_TEXT: usize = 600;

/// Red, green, blue.
type Colour = (u8, u8, u8);
const GREEN: Colour = (0, 255, 0);

fn colour_of(level: Level) -> Option<Colour> {
    match level {
        Level::Critical => Some((255, 0, 0)),
        Level::High => Some((255, 193, 0)),
        Level::Medium => Some((255, 255, 0)),
        Level::Low => Some((0, 255, 0)),
        Level::Informational => None,
    }
}

/// Renders the summary of a run; ends with a line end.
pub fn summary(view: &RunView<'_>) -> String {
    let mut page = Page::new(view.options);
    answers(&mut page, view);
    if view.summary.detections.is_some() {
        results(&mut page, view);
        if view.tallies.total() > 0 {
            dates(&mut page, view);
            computers(&mut page, view);
            rules(&mut page, view);
        }
        judged_gone(&mut page, view);
        new_findings(&mut page, view);
        findings(&mut page, view);
        sightings(&mut page, view);
    } else {
        page.heading("Results Summary");
        page.text(0, "The rules have not been run over this evidence.");
    }
    read(&mut page, view);
    not_examined(&mut page, view);
    unread(&mut page, view);
    rule_sets(&mut page, view);
    page.out
}

/// The answers before any figure; what each rests on is named by its id.
fn answers(page: &mut Page, view: &RunView<'_>) {
    if view.answers.is_empty() {
        return;
    }
    page.heading("The answers (times in UTC where nothing else is said)");
    for answer in view.answers {
        page.line(0, &[(colour_of(Level::High), answer.question.words().to_owned())]);
        for sentence in answer.sentences.iter().take(SENTENCES) {
            page.text(4, &format!("  - {}", escape::terminal(&sentence.text(), ISSUE_TEXT)));
        }
        let rest = answer.sentences.len().saturating_sub(SENTENCES);
        page.text(4, &more(rest, "sentences", "report.html"));
    }
}

fn results(page: &mut Page, view: &RunView<'_>) {
    let RunView { tallies, summary, .. } = view;
    page.heading("Results Summary");
    let total = tallies.total();
    if total == 0 {
        let span = match (summary.covered, view.span()) {
            (Some(covered), _) => covered.in_words(),
            (None, Some((first, last))) => {
                format!("between {} and {} UTC", minute_hand(first), minute_hand(last))
            }
            (None, None) => "and no event has a time".to_owned(),
        };
        if summary.events == 0 {
            page.text(0, "No event was read: there was nothing for the rules to match.");
        } else {
            let events = counted(summary.events, "event", "events");
            page.text(0, &format!("No rule matched in this evidence: {events} {span}."));
        }
        page.text(
            0,
            "That says nothing of other times, nor of what is named below as not read or without events.",
        );
        if let Some(beside) = reading::beside_nothing_found(summary) {
            page.line(0, &[(colour_of(Level::High), beside)]);
        }
        return;
    }
    if let Some(beside) = reading::beside_nothing_found(summary) {
        page.line(0, &[(colour_of(Level::High), format!("Not all of the evidence was examined. {beside}"))]);
    }
    if let Some((first, last)) = tallies.span {
        page.text(0, &format!("First detection: {first}"));
        page.text(0, &format!("Last detection:  {last}"));
    }
    if tallies.undated > 0 {
        page.text(0, &format!("Detections without a time: {}", thousands(tallies.undated)));
    }
    page.line(0, &[]);
    let (hits, events) = (tallies.events_with_hits, summary.events);
    let rest = events.saturating_sub(hits);
    page.text(
        0,
        &format!(
            "Events with hits / Total events: {} / {} (Data reduction: {} events ({}))",
            thousands(hits),
            thousands(events),
            thousands(rest),
            percent(rest, events)
        ),
    );
    page.line(0, &[]);
    let unique = tallies.unique_total();
    page.text(0, &format!("Total | Unique detections: {} | {}", thousands(total), thousands(unique)));
    for level in Level::DESCENDING {
        let (count, rules) = (tallies.levels.get(level), tallies.unique(level));
        let figures = format!(
            "Total | Unique {level} detections: {} ({}) | {} ({})",
            thousands(count),
            percent(count, total),
            thousands(rules),
            percent(rules, unique)
        );
        page.line(0, &[(colour_of(level), figures)]);
    }
}

fn dates(page: &mut Page, view: &RunView<'_>) {
    page.heading("Dates with most total detections");
    let mut spans = Vec::new();
    for level in Level::DESCENDING {
        let day = view.tallies.top_day(level).map_or_else(
            || "n/a".to_owned(),
            |(day, count)| format!("{} ({})", date_of_day(day), thousands(count)),
        );
        let comma = if spans.is_empty() { "" } else { ", " };
        spans.push((None, comma.to_owned()));
        spans.push((colour_of(level), format!("{level}: {day}")));
    }
    page.line(0, &spans);
}

fn computers(page: &mut Page, view: &RunView<'_>) {
    page.heading("Top 5 computers with most detections");
    for level in Level::DESCENDING {
        let top = view.tallies.top_hosts(level, TOP);
        let names: Vec<_> = top
            .into_iter()
            .map(|(host, count)| format!("{} ({})", page.evidence(named(host), 64), thousands(count)))
            .collect();
        let names = if names.is_empty() { "n/a".to_owned() } else { names.join(", ") };
        page.line(2, &[(colour_of(level), format!("{level}: ")), (None, names)]);
    }
    let others = view.tallies.other_hosts.total();
    if others > 0 {
        page.text(0, &format!("On further computers, not counted by name: {}", thousands(others)));
    }
}

fn rules(page: &mut Page, view: &RunView<'_>) {
    page.heading("Top 5 rules by level");
    for level in Level::DESCENDING {
        for rule in view.tallies.top_rules(level, TOP) {
            let title = page.evidence(&rule.title, 200);
            let label = format!("{:<5}", level.short());
            page.line(
                6,
                &[(colour_of(level), label), (None, format!(" {title} ({})", thousands(rule.count)))],
            );
        }
    }
}

/// What a person judged and this run did not find: it may matter more than all that it found.
fn judged_gone(page: &mut Page, view: &RunView<'_>) {
    let gone = &view.summary.judged_gone;
    if gone.is_empty() {
        return;
    }
    let found = counted(gone.len() as u64, "judged finding is", "judged findings are");
    page.heading(&format!("{found} no longer there: their rows or their rules are gone"));
    for one in gone.iter().take(FINDINGS) {
        let title = page.evidence(&one.title, 200);
        page.text(2, &format!("{} {}  {title}", one.id, one.verdict));
    }
    page.text(0, &more(gone.len().saturating_sub(FINDINGS), "such findings", "summary.json"));
}

/// What an earlier run of the case did not have.
fn new_findings(page: &mut Page, view: &RunView<'_>) {
    let Some(new) = view.summary.new else { return };
    let since = view.since.map_or_else(String::new, |at| format!(" of {}", minute_hand(at)));
    let more_rows = format!("{} with more rows", thousands(new.with_new_rows));
    let found = counted(new.findings, "finding", "findings");
    page.heading(&format!("New since the run{since}: {found}, {more_rows}"));
    let listed = view.new_first();
    for finding in listed.iter().take(FINDINGS) {
        one_finding(page, finding);
    }
    page.text(0, &more(listed.len().saturating_sub(FINDINGS), "new ones", "findings.jsonl"));
}

fn findings(page: &mut Page, view: &RunView<'_>) {
    let sorted = view.gravest_first();
    if sorted.is_empty() {
        return; // the results have said so, with the span
    }
    let heading =
        if sorted.len() > FINDINGS { "The ten that matter most" } else { "Findings, the gravest first" };
    page.heading(&format!("{heading} (times in UTC)"));
    for finding in sorted.iter().take(FINDINGS) {
        one_finding(page, finding);
    }
    page.text(0, &more(sorted.len().saturating_sub(FINDINGS), "findings", "findings.jsonl"));
}

fn one_finding(page: &mut Page, finding: &Finding) {
    let times = match (finding.first, finding.last) {
        (Some(first), Some(last)) if first != last => {
            format!("{} .. {}", minute_hand(first), minute_hand(last))
        }
        (Some(one), _) | (None, Some(one)) => minute_hand(one),
        (None, None) => "no time".to_owned(),
    };
    let host = page.evidence(named(finding.hosts.first().map_or("", String::as_str)), 64);
    let others = match finding.hosts.len() {
        0 | 1 => String::new(),
        many => format!(" and {}", counted(many as u64 - 1, "other", "others")),
    };
    let id = format!("{:<6}", finding.id.to_string());
    let level = format!("{:<8}", finding.level.as_str());
    page.line(
        7,
        &[(None, id + " "), (colour_of(finding.level), level), (None, format!(" {times}  {host}{others}"))],
    );
    let title = page.evidence(&finding.title, 300);
    let count = counted_matches(finding);
    let word = |text: &str| escape::terminal(text, 20);
    let mut verdict = String::new();
    if finding.verdict != "unreviewed" {
        let _ = write!(verdict, ", verdict {}", word(&finding.verdict)); // writing to a String cannot fail
    }
    let new = match finding.new {
        Some(New::Finding) => ", new".to_owned(),
        Some(New::Rows) => format!(", {} new", thousands(finding.new_rows)),
        None => String::new(),
    };
    let judged = format!("({count}{new}, confidence {}{verdict})", word(&finding.confidence));
    page.line(7, &[(None, format!("       {title} {judged}"))]);
    if let Some((name, value)) = telling_detail(finding) {
        let room = page.width.saturating_sub(7);
        let detail = escape::terminal(
            &format!("{}: {}", escape::terminal(name, 40), escape::terminal(value, room)),
            room,
        );
        page.line(7, &[(None, format!("       {detail}"))]);
    }
}

/// Known indicators: how many were looked for, which were seen.
fn sightings(page: &mut Page, view: &RunView<'_>) {
    let Some(sought) = view.sought else { return };
    let left_out: u64 = sought.files.iter().map(|file| file.left_out).sum();
    page.heading("Known indicators");
    let seen = sought.sightings.len() as u64;
    page.text(
        2,
        &format!(
            "{} of {} seen, from {}; {} left out (issues.jsonl says why)",
            thousands(seen),
            counted(sought.indicators, "indicator", "indicators"),
            counted(sought.files.len() as u64, "file", "files"),
            thousands(left_out),
        ),
    );
    if let Some(sentence) = reading::not_searched(view.summary) {
        page.text(2, &sentence);
    }
    for one in sought.sightings.iter().take(FINDINGS) {
        let value = page.evidence(&one.indicator, 120);
        let kind = page.evidence(&one.kind, 24);
        let times = match (one.first, one.last) {
            (Some(first), Some(last)) if first != last => {
                format!(", {} .. {}", minute_hand(first), minute_hand(last))
            }
            (Some(at), _) | (None, Some(at)) => format!(", {}", minute_hand(at)),
            (None, None) => String::new(),
        };
        let tlp = one.tlp.as_ref().map_or_else(String::new, |tlp| format!(", {}", page.evidence(tlp, 20)));
        let rows = counted(one.count, "row or file", "rows or files");
        page.text(4, &format!("  {kind} {value}: {rows}{times}{tlp}"));
    }
    page.text(2, &more(sought.sightings.len().saturating_sub(FINDINGS), "indicators", "sightings.jsonl"));
}

/// One format's files.
#[derive(Default)]
struct FormatFigures {
    files: u64,
    records: u64,
    rows: u64,
    copies: u64,
    bytes: u64,
}

fn by_format(evidence: &[Evidence]) -> BTreeMap<&str, FormatFigures> {
    let mut formats: BTreeMap<&str, FormatFigures> = BTreeMap::new();
    for file in evidence {
        let figures = formats.entry(&file.format).or_default();
        figures.files += 1;
        figures.records = figures.records.saturating_add(file.records_read);
        figures.rows = figures.rows.saturating_add(file.rows);
        figures.copies = figures.copies.saturating_add(file.duplicates);
        figures.bytes = figures.bytes.saturating_add(file.bytes);
    }
    formats
}

fn read(page: &mut Page, view: &RunView<'_>) {
    let RunView { summary, evidence, .. } = view;
    page.heading("What was read");
    let figures = &summary.evidence;
    page.text(
        2,
        &format!(
            "{} given ({}), {} sealed with their members, of {}",
            counted(figures.files, "file", "files"),
            bytes(figures.bytes),
            thousands(evidence.len() as u64),
            computers_of(summary),
        ),
    );
    let counts = |records, rows, copies| {
        let copies = counted(copies, "copy", "copies");
        format!("{}, {}, {copies}", counted(records, "record", "records"), counted(rows, "row", "rows"))
    };
    page.text(2, &counts(summary.records_read, summary.events, summary.duplicates));
    if let Some((first, last)) = view.span() {
        page.text(2, &format!("Events from {} to {} UTC", minute_hand(first), minute_hand(last)));
    }
    for (format, figures) in by_format(evidence) {
        let name = format!("{:<8}", page.evidence(format, 16));
        let files = counted(figures.files, "file", "files");
        let content = if figures.records > 0 {
            counts(figures.records, figures.rows, figures.copies)
        } else {
            "no records".to_owned()
        };
        page.text(4, &format!("  {name} {files} ({}): {content}", bytes(figures.bytes)));
    }
}

/// What was sealed and not read, by kind: what it would answer, and how it becomes readable.
fn not_examined(page: &mut Page, view: &RunView<'_>) {
    let kinds = &view.summary.reading.not_examined;
    if kinds.is_empty() {
        return;
    }
    page.heading("What was not examined");
    for one in kinds {
        let colour = if one.records { colour_of(Level::High) } else { None };
        let figures = reading::kind_and_figures(one);
        page.line(2, &[(colour, page.evidence(&figures, 200))]);
        page.text(4, &format!("    would answer: {}", escape::visible(&one.would_answer)));
        page.text(4, &format!("    hint: {}", escape::visible(&one.hint)));
    }
    page.text(0, "evidence.jsonl has each file.");
}

fn unread(page: &mut Page, view: &RunView<'_>) {
    page.heading("What could not be read");
    let colour = if view.summary.reading.is_whole() { None } else { colour_of(Level::High) };
    for sentence in reading::sentences(view.summary) {
        page.line(0, &[(colour, sentence)]);
    }
    let groups = view.issue_groups();
    let most = groups.len().saturating_sub(LINES);
    for (slug, group) in groups.into_iter().take(LINES) {
        let issue = group.example;
        let slug = page.evidence(slug, 60);
        page.line(2, &[(colour_of(Level::Medium), slug), (None, format!(" × {}", thousands(group.count)))]);
        let offset = issue.offset.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let what = escape::terminal(&issue.what, ISSUE_TEXT);
        let place = page.evidence(&issue.path, 120);
        let example = if group.count > 1 { "for example " } else { "" };
        page.text(4, &format!("    {example}{place}{offset}: {what}"));
        for (name, text) in [("effect", &issue.effect), ("hint", &issue.hint)] {
            if !text.is_empty() {
                page.text(4, &format!("    {name}: {}", escape::terminal(text, ISSUE_TEXT)));
            }
        }
    }
    page.text(0, &more(most, "kinds of issue", "issues.jsonl"));
}

fn rule_sets(page: &mut Page, view: &RunView<'_>) {
    let rules = &view.summary.rules;
    page.heading("Rules");
    page.text(2, &format!("{} loaded, {} not loaded", thousands(rules.loaded), thousands(rules.not_loaded)));
    if rules.not_loaded > 0 {
        page.text(2, "rules_not_run.jsonl names each rule that did not load, and why");
    }
    for set in rules.sets.iter().take(LINES) {
        let path = page.evidence(&set.path, 120);
        let hash: String = set.sha256.chars().take(12).collect();
        let hash = escape::visible(&hash).into_owned();
        page.text(4, &format!("  {path}: {} (sha256 {hash}…)", counted(set.rules, "rule", "rules")));
    }
    page.text(2, &more(rules.sets.len().saturating_sub(LINES), "rule sets", "summary.json"));
    yara(page, view);
    if !view.areas.ran.is_empty() {
        let ran: u64 = view.areas.ran.iter().map(|area| area.rules).sum();
        let areas = counted(view.areas.ran.len() as u64, "area", "areas");
        page.text(2, &format!("{} had events to run over, in {areas}", counted(ran, "rule", "rules")));
    }
    let unseen = view.areas.unseen_sorted();
    if unseen.is_empty() {
        return;
    }
    page.heading("Areas without any event in this evidence: silence there proves nothing");
    for area in unseen.iter().take(LINES) {
        let label = page.evidence(&area.label, 80);
        let rules = counted(area.rules, "rule", "rules");
        page.text(4, &format!("  {label} {rules}: no such events in this evidence"));
    }
    page.text(2, &more(unseen.len().saturating_sub(LINES), "areas", "report.html"));
}

/// What looked at files, and at how many.
fn yara(page: &mut Page, view: &RunView<'_>) {
    let Some(figures) = view.summary.yara.as_ref().filter(|yara| !yara.sets.is_empty()) else { return };
    let not_loaded = match figures.not_loaded {
        0 => String::new(),
        some => format!(", {} not loaded: see rules_not_run.jsonl", thousands(some)),
    };
    let files = figures.files;
    let mut looked_at = format!(
        "{} ({})",
        counted(files.scanned, "file that is no log", "files that are no logs"),
        bytes(files.bytes)
    );
    for (count, words) in [(files.in_part, "in part"), (files.timed_out, "without an end in time")] {
        if count > 0 {
            let _ = write!(looked_at, ", {} {words}", thousands(count)); // writing to a String cannot fail
        }
    }
    let rules = counted(figures.loaded, "YARA rule", "YARA rules");
    page.text(2, &format!("{rules}{not_loaded}; looked at {looked_at}"));
    for set in figures.sets.iter().take(LINES) {
        let path = page.evidence(&set.path, 120);
        let hash: String = set.sha256.chars().take(12).collect();
        let hash = escape::visible(&hash).into_owned();
        page.text(4, &format!("  {path}: {} (sha256 {hash}…)", counted(set.rules, "rule", "rules")));
    }
}

fn named(host: &str) -> &str {
    if host.is_empty() { "(no host named)" } else { host }
}

/// Lines of text, wrapped to the width and coloured if wished.
struct Page {
    out: String,
    colour: bool,
    width: usize,
}

impl Page {
    fn new(style: Style) -> Self {
        Self { out: String::new(), colour: style.colour, width: style.width.max(Style::NARROWEST) }
    }

    /// Text from evidence: escaped, at most `most` characters and at most a line.
    fn evidence(&self, text: &str, most: usize) -> String {
        escape::terminal(text, most.min(self.width))
    }

    fn heading(&mut self, text: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.line(0, &[(Some(GREEN), format!("{text}:"))]);
    }

    /// A paragraph; nothing at all if `text` is empty.
    fn text(&mut self, hang: usize, text: &str) {
        if !text.is_empty() {
            self.line(hang, &[(None, text.to_owned())]);
        }
    }

    /// Writes spans, breaking at spaces where the width ends; lines after the first are indented by `hang`.
    fn line(&mut self, hang: usize, spans: &[(Option<Colour>, String)]) {
        let cells: Vec<(char, Option<Colour>)> =
            spans.iter().flat_map(|(colour, text)| text.chars().map(|c| (c, *colour))).collect();
        let hang = hang.min(self.width / 3);
        let mut rest = cells.as_slice();
        let mut indent = 0;
        loop {
            let (head, tail) = break_line(rest, self.width - indent);
            self.out.extend(std::iter::repeat_n(' ', if head.is_empty() { 0 } else { indent }));
            self.cells(head);
            self.out.push('\n');
            if tail.is_empty() {
                return;
            }
            rest = tail;
            indent = hang;
        }
    }

    fn cells(&mut self, cells: &[(char, Option<Colour>)]) {
        for run in cells.chunk_by(|a, b| a.1 == b.1) {
            let colour = run.first().and_then(|cell| cell.1).filter(|_| self.colour);
            if let Some((red, green, blue)) = colour {
                let _ = write!(self.out, "\x1b[38;2;{red};{green};{blue}m"); // writing to a String cannot fail
            }
            self.out.extend(run.iter().map(|cell| cell.0));
            if colour.is_some() {
                self.out.push_str("\x1b[0m");
            }
        }
    }
}

type Cells<'a> = &'a [(char, Option<Colour>)];

/// Splits off at most `width` cells, at the last space if there is one past the indentation; drops spaces at the break.
fn break_line(cells: Cells<'_>, width: usize) -> (Cells<'_>, Cells<'_>) {
    let is_space = |cell: &(char, Option<Colour>)| cell.0 == ' ';
    let Some((window, _)) = cells.split_at_checked(width + 1) else { return (cells, &[]) };
    let lead = window.iter().take_while(|cell| is_space(cell)).count();
    let at = window.iter().rposition(is_space).filter(|&at| at > lead).unwrap_or(width);
    let (head, tail) = cells.split_at_checked(at).unwrap_or((cells, &[]));
    let kept = head.len() - head.iter().rev().take_while(|cell| is_space(cell)).count();
    let dropped = tail.iter().take_while(|cell| is_space(cell)).count();
    (head.get(..kept).unwrap_or(head), tail.get(dropped..).unwrap_or_default())
}
