//! Is he out, what comes first, whom to tell, and what was not looked at.
//!
//! In: trail, plan, duties, figures, visibility. Out: sentences. Out is said by nobody here; a duty that the facts do not decide is to
//! be assessed; a span that the logs do not cover is named.

use std::collections::BTreeMap;

use piste_case::duties::{Duty, State, duty_catalog};
use piste_case::plan::ActionState;
use piste_model::{DoorState, VisibilityKind};

use super::trace::{cut, moment};
use super::{AnswerSources, NAMED, Sentence, named};
use crate::figures::counted;
use crate::reading;

/// Actions that are named.
const ACTIONS: usize = 5;
/// Duties that are named.
const DUTIES: usize = 5;

/// Is he out?
pub(super) fn out(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let intrusions = &sources.trail.intrusions;
    if intrusions.is_empty() {
        return vec![Sentence::of(
            "No intruder is shown, so whether one is out cannot be asked of this evidence.",
        )];
    }
    let mut told = vec![Sentence::of(
        "Not known. Only evidence collected after a clean-up shows that each trace is gone, and none was compared here.",
    )];
    let last = intrusions.iter().max_by_key(|one| one.last_trace.nanos);
    if let Some(last) = last {
        let ends = sources.summary.covered.map(|covered| covered.in_words());
        let ends = ends.map_or_else(String::new, |days| format!("; rows are here {days}"));
        told.push(
            Sentence::of(format!("His last trace that is joined is of {} (", last.last_trace))
                .leads(last.id.clone())
                .words(format!("){ends}. Silence after it does not show that he left.")),
        );
    }
    let open: Vec<&str> = sources
        .doors
        .iter()
        .filter(|door| door.let_somebody_in() && door.state != DoorState::Closed)
        .map(|door| door.id.as_str())
        .collect();
    if !open.is_empty() {
        let mut sentence = Sentence::of("He can come back by what is open, or not known to be closed: ");
        for (at, id) in open.iter().take(NAMED).enumerate() {
            sentence = sentence.words(if at == 0 { "" } else { ", " }).leads(*id);
        }
        told.push(sentence.words("."));
    }
    told
}

/// What must be done first?
pub(super) fn first(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let Some(actions) = sources.actions else {
        return vec![Sentence::of("Not computed here: `piste plan` says it.")];
    };
    let open = |state| matches!(state, ActionState::Ready | ActionState::Running | ActionState::Failed);
    let ready: Vec<_> =
        actions.iter().filter(|one| open(one.state) && one.blocked_by.is_empty()).take(ACTIONS).collect();
    if ready.is_empty() {
        return vec![Sentence::of("No action is ready: `piste plan` says what each waits for.")];
    }
    let mut told = vec![Sentence::of(
        "Nothing that he would notice, before it is decided to throw him out. Ready now, in this order (`piste plan` has all):",
    )];
    for action in ready {
        let targets = match action.targets.as_slice() {
            [] => String::new(),
            some => format!(" ({})", named(some.iter().map(|one| one.name.as_str()), 3)),
        };
        let overt = if action.overt { " He may notice it." } else { "" };
        told.push(Sentence::of(format!("{} {}{}.{overt}", action.id, action.title, cut(&targets))));
    }
    told
}

/// Whom must we tell, and by when?
pub(super) fn tell(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let Some(duties) = sources.duties else {
        return vec![Sentence::of("Not computed here: `piste duties` says it.")];
    };
    let is = |states: &'static [State]| duties.iter().filter(move |duty| states.contains(&duty.state));
    let mut due: Vec<&Duty> = is(&[State::Overdue, State::Due, State::SupplementDue]).collect();
    due.sort_by_key(|duty| (due_at(duty), duty.id.clone()));
    let mut told: Vec<Sentence> = due.iter().take(DUTIES).map(|duty| one_duty(duty, "")).collect();
    if due.len() > DUTIES {
        told.push(Sentence::of(format!("{} more are due.", due.len() - DUTIES)));
    }
    let mut assess: Vec<&Duty> = is(&[State::Assess]).collect();
    assess.sort_by_key(|duty| (due_at(duty), duty.id.clone()));
    if !assess.is_empty() {
        let what = counted(assess.len() as u64, "further duty is", "further duties are");
        let what = if told.is_empty() { what.replace("further ", "") } else { what };
        told.push(Sentence::of(format!(
            "{what} to be assessed: the facts that decide are not recorded, and unknown is not no. `piste fact ask` asks for them; the first:"
        )));
        told.extend(assess.iter().take(DUTIES).map(|duty| one_duty(duty, " if it applies")));
    }
    if told.is_empty() {
        told.push(Sentence::of("No duty is open by the facts that are recorded."));
    }
    told.push(Sentence::of(
        "By the day on which the evidence ends; `piste duties` has the state now and every computation. Engineering aid, not legal advice.",
    ));
    told
}

fn due_at(duty: &Duty) -> i64 {
    let provisional = duty.provisional.as_ref().map(|one| one.due_strict);
    duty.due_strict.or(provisional).map_or(i64::MAX, |at| at.nanos)
}

fn one_duty(duty: &Duty, condition: &str) -> Sentence {
    let local = |at| duty_catalog().calendar().local(at);
    let when = match (duty.due_strict, &duty.provisional) {
        (Some(at), _) => format!("by {}{condition}", local(at)),
        (None, Some(one)) => format!(
            "by {}{condition}, counted from `{}`, for the start of its own clock is not known",
            local(one.due_strict),
            one.from
        ),
        (None, None) => format!("{}{condition}", duty.clock.computation),
    };
    Sentence::of(format!("{}, {} ({}): {when}.", duty.recipient_name, duty.title, duty.id))
}

/// What was not looked at?
pub(super) fn not_seen(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let mut told = Vec::new();
    let scope = &sources.trail.scope;
    if !scope.not_examined.is_empty() {
        let names = named(scope.not_examined.iter().map(|one| one.host.as_str()), NAMED);
        let what = counted(
            scope.not_examined.len() as u64,
            "computer or address that his traces name and of which no log is here",
            "computers or addresses that his traces name and of which no log is here",
        );
        told.push(Sentence::of(format!("{what}: {names}.")));
    }
    if let Some(beside) = reading::beside_nothing_found(sources.summary) {
        told.push(Sentence::of(format!("{beside} ")).section("unread", "issues.jsonl").words("."));
    }
    told.extend(dark(sources));
    told.extend(sources.trail.stopped.iter().map(|why| Sentence::of(format!("The join stopped: {why}."))));
    told.push(
        Sentence::of(format!(
            "All computers but the {} that rows name, and all times but those that the logs cover: ",
            sources.summary.hosts.len()
        ))
        .section("coverage", "piste visibility")
        .words("."),
    );
    told
}

/// Spans of logs that do not show, by kind.
fn dark(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let mut kinds: BTreeMap<VisibilityKind, Vec<&str>> = BTreeMap::new();
    for span in &sources.trail.visibility {
        if span.kind != VisibilityKind::Covered {
            kinds.entry(span.kind).or_default().push(&span.host);
        }
    }
    let cleared = sources.trail.visibility.iter().filter(|span| span.kind == VisibilityKind::Cleared);
    let mut told: Vec<Sentence> = Vec::new();
    if let Some(last) = cleared.clone().filter_map(|span| span.to).max_by_key(|at| at.nanos) {
        let what = counted(cleared.count() as u64, "log was cleared, at", "logs were cleared, the last at");
        told.push(
            Sentence::of(format!("{what} {} UTC: ", moment(last)))
                .section("coverage", "piste visibility --holes")
                .words("."),
        );
    }
    let words: Vec<String> = kinds
        .into_iter()
        .filter(|(kind, _)| *kind != VisibilityKind::Cleared)
        .map(|(kind, hosts)| format!("{} {}", hosts.len(), kind.as_str()))
        .collect();
    if !words.is_empty() {
        told.push(
            Sentence::of(format!("Spans of logs from which nothing follows: {} (", words.join(", ")))
                .section("coverage", "piste visibility --holes")
                .words(")."),
        );
    }
    told
}
