//! A verification as a person reads it on a terminal.
//!
//! In: the verification. Out: what it rests on, the figures, then a table by result, the gravest first. What comes from evidence is escaped.

use std::fmt::Write as _;

use piste_model::removal::{
    EvictionKnown, HostState, RemovalList, Verification, VerifiedTrace, VerifyResult,
};
use piste_report::columns::{Table, wrapped};
use piste_report::escape::terminal;

use crate::out;

/// Characters of a cell.
const CELL_CHARS: usize = 110;
/// Characters of a sentence.
const SENTENCE_CHARS: usize = 600;

/// The page.
pub(super) fn page(verification: &Verification, list: &RemovalList) -> String {
    let mut text = ground(verification);
    let figures = verification.figures;
    let _ = writeln!(
        text,
        "\n{} items: {} back, {} still there, {} not visible, {} gone",
        verification.traces.len(),
        figures.back,
        figures.still_there,
        figures.not_visible,
        figures.gone
    );
    for (result, title) in [
        (VerifyResult::Back, "Back"),
        (VerifyResult::StillThere, "Still there"),
        (VerifyResult::NotVisible, "Not visible: nothing collected would show it"),
        (VerifyResult::Gone, "Gone, as of the moment that the evidence is of"),
    ] {
        section(verification, result, title, &mut text);
    }
    doors(verification, &mut text);
    after(verification, &mut text);
    if !list.undecided.is_empty() {
        let _ = writeln!(
            text,
            "\n{} things to which a rule alone points are not on the list and were not looked for: piste plan removal",
            list.undecided.len()
        );
    }
    text
}

/// What it rests on.
fn ground(verification: &Verification) -> String {
    let mut text = String::new();
    let known = match (verification.evicted_at, verification.eviction_known) {
        (Some(at), EvictionKnown::Given) => format!("Thrown out {at}, as it was given."),
        (Some(at), EvictionKnown::Claimed) => {
            format!("Thrown out {at}, by the plan's actions that are claimed to be done.")
        }
        (Some(at), EvictionKnown::LastTrace) => {
            format!(
                "Nobody said when he was thrown out: the case's last trace, {at}, stands in for it (--evicted-at gives it)."
            )
        }
        (None, _) => {
            "Nobody said when he was thrown out, and no trace has a time: nothing can be called gone."
                .to_owned()
        }
    };
    line(&mut text, &known);
    for one in &verification.collections {
        let older = if one.older { "; OLDER than that: nothing is gone by it" } else { "" };
        let whole = if one.whole { "" } else { "; not all of it could be read" };
        let last = one.last.map_or_else(|| "no time".to_owned(), |last| format!("last row {last}"));
        line(&mut text, &format!("{}: {} files, {last}{older}{whole}", one.name, one.files));
    }
    for host in verification.hosts.iter().filter(|host| host.state != HostState::Same) {
        let now = if host.now.is_empty() { String::new() } else { format!(", now {}", host.now) };
        let because = if host.because.is_empty() { String::new() } else { format!(": {}", host.because) };
        line(&mut text, &format!("{}: {}{now}{because}", host.host, host.state.as_str()));
    }
    text
}

fn line(text: &mut String, sentence: &str) {
    text.push_str(&wrapped(&terminal(sentence, SENTENCE_CHARS), out::table_width(), 2));
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

fn section(verification: &Verification, result: VerifyResult, title: &str, text: &mut String) {
    let its: Vec<&VerifiedTrace> = verification.traces.iter().filter(|one| one.result == result).collect();
    if its.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    let last = if result == VerifyResult::NotVisible { "to collect" } else { "shown by" };
    let mut table = Table::new(&["id", "what", "host", "place", "visible", "because", last]);
    for one in its {
        let visible = one.visible.map_or_else(String::new, |span| {
            if span.from == span.to { span.to.to_string() } else { format!("{} to {}", span.from, span.to) }
        });
        let because: Vec<String> =
            one.because.iter().map(piste_model::removal::VerifyReason::in_words).collect();
        let shown = if result == VerifyResult::NotVisible {
            one.collect.join("; ")
        } else {
            let rows = one.rows.iter().take(2);
            let named =
                rows.map(|row| format!("{} {}:{}", row.collection, row.row.evidence_id, row.row.record));
            named.collect::<Vec<_>>().join(", ")
        };
        table.rows.push(vec![
            one.id.clone(),
            one.kind.as_str().to_owned(),
            terminal(&one.host, CELL_CHARS),
            terminal(&one.place, CELL_CHARS),
            visible,
            terminal(&because.join("; "), 3 * CELL_CHARS),
            terminal(&shown, 2 * CELL_CHARS),
        ]);
    }
    text.push_str(&table.text(out::table_width()));
}

fn doors(verification: &Verification, text: &mut String) {
    if verification.doors.is_empty() {
        return;
    }
    text.push_str("\nWays in\n");
    let mut table = Table::new(&["id", "kind", "host", "place", "result", "items", "flaws", "to collect"]);
    for door in &verification.doors {
        let flaws: Vec<String> = door
            .flaws
            .iter()
            .map(|flaw| {
                let state = match flaw.open {
                    Some(true) => "open",
                    Some(false) => "closed",
                    None => "not known",
                };
                format!("{} {state}", flaw.cve)
            })
            .collect();
        let seen = if door.seen_as.is_empty() {
            String::new()
        } else {
            format!(" (used: {})", door.seen_as.join(", "))
        };
        table.rows.push(vec![
            door.id.clone(),
            door.kind.clone(),
            terminal(&door.host, CELL_CHARS),
            terminal(&door.place, CELL_CHARS),
            format!("{}{seen}", door.result.as_str()),
            door.items.join(", "),
            terminal(&flaws.join(", "), CELL_CHARS),
            terminal(&door.collect.join("; "), 2 * CELL_CHARS),
        ]);
    }
    text.push_str(&table.text(out::table_width()));
}

/// What follows.
fn after(verification: &Verification, text: &mut String) {
    text.push('\n');
    let lists = [
        ("Actions of the plan that are open again", &verification.reopened_actions),
        ("Actions that the evidence shows to be done", &verification.done_actions),
        ("Findings to be judged again", &verification.reopened_findings),
    ];
    for (title, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        line(text, &format!("{title}: {}", ids.join(", ")));
    }
    for fact in &verification.proposed_facts {
        line(
            text,
            &format!(
                "Proposed, by {}: piste fact set {} {} --why '...' (duties follow from it)",
                fact.because.join(", "),
                fact.fact,
                fact.value
            ),
        );
    }
    for one in verification.traces.iter().filter(|one| one.result.is_open()).take(1) {
        if let Some(row) = one.rows.first() {
            line(
                text,
                &format!(
                    "A row down to its bytes: piste show {}:{} --case CASE/after/{}",
                    row.row.evidence_id, row.row.record, row.collection
                ),
            );
        }
    }
}
