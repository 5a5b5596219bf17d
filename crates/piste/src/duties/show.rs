//! Duties and classes in words, for a terminal.
//!
//! In: the answer. Out: text. What the law does not set is called internal; what is not confirmed says so.

use std::collections::BTreeMap;
use std::fmt::Write;

use piste_case::duties::{Certainty, ClassState, Duty, Met, State, Tested, Truth, duty_catalog};
use piste_model::Instant;
use piste_report::escape::{terminal, visible};

use crate::response::{Answer, signed};

/// Characters of a text that a person wrote.
const SHOWN_CHARS: usize = 300;
/// Missing facts named in the list; one duty in full names all.
const MISSING_SHOWN: usize = 6;

const ORDER: [(State, &str); 8] = [
    (State::Overdue, "OVERDUE"),
    (State::Due, "DUE"),
    (State::SupplementDue, "SUPPLEMENT DUE"),
    (State::Assess, "TO BE ASSESSED (the facts do not decide; unknown is not no)"),
    (State::Sent, "SENT"),
    (State::Acknowledged, "ACKNOWLEDGED"),
    (State::Waived, "WAIVED"),
    (State::NotApplicable, "NOT APPLICABLE"),
];

/// All duties, by state and time.
pub(super) fn list(answer: &Answer, all: bool) -> String {
    let mut text = String::new();
    let profile = duty_catalog().profiles().iter().find(|profile| profile.id == answer.profile);
    let title = profile.map_or(answer.profile.as_str(), |profile| &profile.title);
    let assumes = profile.map(|profile| profile.certainty).filter(|certainty| *certainty != Certainty::Sure);
    let assumes = assumes
        .map_or("", |_| "; what it assumes of the entity is likely, not sure: set the facts to confirm");
    put(&mut text, &format!("Profile: {title} ({}{assumes})", answer.profile));
    put(&mut text, &format!("At {}. Engineering aid, not legal advice.", local(answer.at)));
    let shared = shared_warnings(answer);
    for (warning, duties) in &shared {
        put(&mut text, &format!("Holds for {}: {}", duties.join(", "), visible(warning)));
    }
    for (state, heading) in ORDER {
        let mut duties: Vec<&Duty> = answer.duties.iter().filter(|duty| duty.state == state).collect();
        if duties.is_empty() {
            continue;
        }
        duties.sort_by_key(|duty| due_of(duty).map_or(i64::MAX, |due| due.nanos));
        put(&mut text, "");
        if state == State::NotApplicable && !all {
            put(
                &mut text,
                &format!("{} duties do not apply; --all lists them with the reason", duties.len()),
            );
            continue;
        }
        put(&mut text, heading);
        for duty in duties {
            brief(&mut text, duty, &shared);
        }
    }
    text
}

fn due_of(duty: &Duty) -> Option<Instant> {
    let target = duty.target.as_ref().and_then(|target| target.at);
    duty.due_strict.or(duty.provisional.as_ref().map(|one| one.due_strict)).or(target)
}

/// Whether a duty's warnings are read before it is acted on.
fn is_open(duty: &Duty) -> bool {
    matches!(duty.state, State::Due | State::Assess | State::Overdue | State::SupplementDue)
}

/// What several open duties warn of is said once, with the duties.
fn shared_warnings(answer: &Answer) -> BTreeMap<&str, Vec<&str>> {
    let mut by_warning: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for duty in answer.duties.iter().filter(|duty| is_open(duty)) {
        // What the state itself says stands with each.
        for warning in duty.warnings.iter().filter(|warning| !duty.because.contains(warning.as_str())) {
            by_warning.entry(warning).or_default().push(&duty.id);
        }
    }
    by_warning.retain(|_, duties| duties.len() > 1);
    by_warning
}

fn brief(text: &mut String, duty: &Duty, shared: &BTreeMap<&str, Vec<&str>>) {
    let mark = if duty.unconfirmed.is_empty() { "" } else { "  [not all confirmed]" };
    put(text, &format!("{:<5} {}: {}{mark}", duty.id, duty.row, duty.title));
    put(text, &format!("      to {}", addressees(duty)));
    let silent = matches!(duty.state, State::NotApplicable | State::Waived);
    if silent {
        put(text, &format!("      {}", terminal(&duty.because, SHOWN_CHARS)));
        return;
    }
    put(text, &format!("      {}", when(duty)));
    if !matches!(duty.state, State::Due | State::Assess) || duty.because.starts_with("still") {
        put(text, &format!("      {}", terminal(&duty.because, SHOWN_CHARS)));
    }
    let said = |warning: &str| shared.contains_key(warning) || duty.because.contains(warning);
    let own = duty.warnings.iter().filter(|warning| !said(warning));
    for warning in own.filter(|_| is_open(duty)) {
        put(text, &format!("      {}", terminal(warning, SHOWN_CHARS)));
    }
    if !duty.undecided.is_empty() {
        put(text, &format!("      decided by {}", cut(&duty.undecided)));
    }
    let contents: Vec<String> =
        duty.missing.iter().filter(|name| !duty.undecided.contains(name)).cloned().collect();
    if !contents.is_empty() && !matches!(duty.state, State::Sent | State::Acknowledged) {
        put(text, &format!("      missing {}", cut(&contents)));
    }
}

fn cut(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MISSING_SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(MISSING_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn addressees(duty: &Duty) -> String {
    let others = duty.recipients.iter().filter(|one| **one != duty.recipient);
    let name =
        |id: &String| duty_catalog().recipient(id).map_or_else(|| id.clone(), |known| known.en.clone());
    let others: Vec<String> = others.map(&name).collect();
    if !duty.copies.is_empty() {
        let copies = duty.copies.iter().filter(|one| **one != duty.recipient).map(name);
        return format!("{}, copy to {}", duty.recipient_name, copies.collect::<Vec<_>>().join(" and "));
    }
    match (others.is_empty(), duty.each_recipient) {
        (true, _) => duty.recipient_name.clone(),
        (false, true) => format!("{} and {}", duty.recipient_name, others.join(" and ")),
        (false, false) => format!("{} (or {})", duty.recipient_name, others.join(", ")),
    }
}

/// The deadline on one line.
fn when(duty: &Duty) -> String {
    let mut words = match (duty.due_strict, &duty.provisional) {
        (Some(due), _) if duty.state == State::Assess => format!("by {} if it applies", local(due)),
        (Some(due), _) => format!("by {}", local(due)),
        (None, Some(one)) => format!(
            "by {} if counted from `{}`: the start of its own clock is not known",
            local(one.due_strict),
            one.from
        ),
        (None, None) => duty.clock.computation.clone(),
    };
    if let Some(target) = &duty.target {
        let at = target.at.map_or_else(|| format!("{} h after it starts", target.hours), local);
        let _ = write!(words, "; {at} is Piste's {}, not law", target.target_is); // to a String: cannot fail
    }
    words
}

/// One duty with everything.
pub(super) fn whole(duty: &Duty) -> String {
    let mut text = String::new();
    put(&mut text, &format!("{} {}: {}", duty.id, duty.row, duty.title));
    put(
        &mut text,
        &format!("  state      {}: {}", duty.state.as_str(), terminal(&duty.because, SHOWN_CHARS)),
    );
    put(&mut text, &format!("  to         {}", addressees(duty)));
    put(&mut text, &format!("  stage      {} ({})", duty.stage, duty.regime));
    let qualifier = duty.clock.qualifier.as_deref().map(|words| format!(" ({words})")).unwrap_or_default();
    put(&mut text, &format!("  deadline   {}{qualifier}", when(duty)));
    put(&mut text, &format!("  computed   {}", duty.clock.computation));
    put(&mut text, &format!("  marking    {}", duty.marking));
    put(&mut text, "  because");
    for tested in &duty.why {
        put(&mut text, &format!("    {}", test(tested, duty)));
    }
    put(&mut text, "  contents");
    for content in &duty.content {
        let optional = if content.required { "" } else { " (where available, or where late)" };
        put(&mut text, &format!("    {}{optional}", content.title));
        for fact in &content.facts {
            let value = fact
                .value
                .as_deref()
                .map_or_else(|| "not yet known".to_owned(), |value| terminal(value, SHOWN_CHARS));
            put(&mut text, &format!("      {}: {value}", fact.fact));
        }
        if content.id.is_empty() {
            put(&mut text, "      no fact carries it: to be written by hand");
        }
    }
    for sending in &duty.sent {
        let reference = terminal(&sending.reference, SHOWN_CHARS);
        let by = terminal(&sending.by, SHOWN_CHARS);
        put(
            &mut text,
            &format!(
                "  sent       {} to {}, reference {reference}, by {by} ({})",
                sending.at_time,
                sending.recipient,
                signed(sending.signed)
            ),
        );
    }
    put(&mut text, &format!("  basis      {}", duty.legal_basis.join("; ")));
    put(&mut text, &format!("  source     {}", duty.source));
    put(&mut text, &format!("  certainty  {}", duty.certainty.as_str()));
    for words in &duty.unconfirmed {
        put(&mut text, &format!("  TO CONFIRM {words}"));
    }
    for words in duty.notes.iter().chain(&duty.lawful_delay) {
        put(&mut text, &format!("  note       {words}"));
    }
    for warning in &duty.warnings {
        put(&mut text, &format!("  warning    {warning}"));
    }
    text
}

fn test(tested: &Tested, duty: &Duty) -> String {
    let value =
        tested.value.as_deref().map_or_else(|| "unknown".to_owned(), |value| terminal(value, SHOWN_CHARS));
    let result = match tested.result {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    };
    let with = tested.with.join(", ");
    let op = serde_json::to_value(tested.op)
        .ok()
        .and_then(|op| op.as_str().map(str::to_owned))
        .unwrap_or_default();
    let assumed = if duty.assumed.contains(&tested.fact) { " (assumed by the profile)" } else { "" };
    format!("{} {op} {with}: {result}; it is {value}{assumed}", tested.fact).replace(" :", ":")
}

/// The classes, criterion by criterion.
pub(super) fn classes(classes: &[ClassState]) -> String {
    let mut text = String::new();
    for class in classes {
        put(&mut text, &format!("{}: {}", class.title, met(class.result)));
        if let Some(note) = &class.note {
            put(
                &mut text,
                &format!("  {}; the criteria say: {}", terminal(note, SHOWN_CHARS), met(class.by_criteria)),
            );
        }
        for one in &class.criteria {
            let kind = if one.decides { "" } else { " (aid)" };
            let sure = if one.certainty == Certainty::ToConfirm { "  [to confirm]" } else { "" };
            put(&mut text, &format!("  {:<8} {}{kind}{sure}", met(one.result), one.title));
        }
        put(&mut text, &format!("  basis: {} ({})", class.basis, class.certainty.as_str()));
        put(&mut text, "");
    }
    put(
        &mut text,
        "Piste proposes; the entity decides on significance, and the authorities on the national levels.",
    );
    text
}

fn met(met: Met) -> &'static str {
    match met {
        Met::Met => "met",
        Met::NotMet => "not met",
        Met::Unknown => "unknown",
    }
}

fn local(instant: Instant) -> String {
    duty_catalog().calendar().local(instant)
}

fn put(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
