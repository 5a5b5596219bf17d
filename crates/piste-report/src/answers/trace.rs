//! Were we entered, since when, by which ways, and what was done: what rows show of it, and how far.
//!
//! In: trail, doors, findings, figures. Out: sentences. A date is a bound and never a beginning.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::{Intrusion, Step};
use piste_model::{Door, DoorState, DoorVerdict, Finding, Instant, Level, first_trace};

use super::{AnswerSources, NAMED, Sentence, named};
use crate::figures::{counted, minute_hand};
use crate::reading;

/// Characters of what a step says.
const STEP_CHARS: usize = 160;

/// Were we entered?
pub(super) fn entered(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let (summary, intrusions) = (sources.summary, &sources.trail.intrusions);
    if summary.detections.is_none() {
        return vec![Sentence::of("Not known: the rules have not been run over this evidence.")];
    }
    let mut told = Vec::new();
    if intrusions.is_empty() {
        told.push(Sentence::of(format!(
            "No intrusion is shown by what is here ({}). That is no proof that nobody was in.",
            days(sources)
        )));
    } else {
        told.push(yes(sources, intrusions));
    }
    told.extend(single_signs(sources));
    if let Some(beside) = reading::beside_nothing_found(summary) {
        told.push(Sentence::of(beside));
    }
    told
}

fn yes(sources: &AnswerSources<'_>, intrusions: &[Intrusion]) -> Sentence {
    let hosts: BTreeSet<&str> = intrusions.iter().flat_map(|one| &one.hosts).map(String::as_str).collect();
    let accounts: BTreeSet<&str> =
        intrusions.iter().flat_map(|one| &one.accounts).map(String::as_str).collect();
    let many = intrusions.len() > 1;
    let mut sentence = Sentence::of(format!(
        "Yes: rows show {}",
        counted(intrusions.len() as u64, "intrusion", "intrusions")
    ));
    for (at, one) in intrusions.iter().take(NAMED).enumerate() {
        sentence = sentence.words(if at == 0 { " (" } else { ", " }).leads(one.id.clone());
        sentence = sentence.words(format!(": confidence {}", one.confidence));
    }
    let more = intrusions.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let on = counted(hosts.len() as u64, "computer", "computers");
    let by = if accounts.is_empty() {
        String::new()
    } else {
        format!(
            ", under {} ({})",
            counted(accounts.len() as u64, "account", "accounts"),
            named(accounts, NAMED)
        )
    };
    let apart = if many {
        "; whether they are one party or several is not known, and what keeps them apart stands with each"
    } else {
        ""
    };
    let judged = sources.findings.iter().any(|one| one.verdict == "confirmed");
    let judged = if judged { "" } else { ". No person has confirmed it yet" };
    sentence.words(format!("{more}) on {on} ({}){by}{apart}{judged}.", named(hosts, NAMED)))
}

/// Grave findings and leads that belong to no intrusion.
fn single_signs(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let of_steps: BTreeSet<&str> = sources
        .trail
        .intrusions
        .iter()
        .flat_map(|one| &one.steps)
        .flat_map(|step| &step.findings)
        .map(String::as_str)
        .collect();
    let single = |one: &&Finding| {
        one.level >= Level::High
            && !["false-positive", "benign"].contains(&one.verdict.as_str())
            && !of_steps.contains(one.id.to_string().as_str())
    };
    let ids: Vec<String> = sources.findings.iter().filter(single).map(|one| one.id.to_string()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let (finding, is) = if ids.len() == 1 { ("finding", "is") } else { ("findings", "are") };
    let part = if sources.trail.intrusions.is_empty() { "joined to nothing" } else { "part of none" };
    let mut sentence = Sentence::of(format!(
        "{} {finding} of level high or critical {is} {part} and must be judged: ",
        ids.len()
    ));
    for (at, id) in ids.iter().take(NAMED).enumerate() {
        sentence = sentence.words(if at == 0 { "" } else { ", " }).leads(id.clone());
    }
    let more = ids.len().saturating_sub(NAMED);
    vec![sentence.words(if more > 0 { format!(" and {more} more.") } else { ".".to_owned() })]
}

fn days(sources: &AnswerSources<'_>) -> String {
    let covered = sources.summary.covered;
    covered.map_or_else(|| "no row has a time".to_owned(), |covered| covered.in_words())
}

/// Since when?
pub(super) fn since_when(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let intrusions = &sources.trail.intrusions;
    let single = first_trace(sources.findings, sources.doors);
    let mut told: Vec<Sentence> = intrusions.iter().take(NAMED).map(bound).collect();
    let earliest = intrusions.iter().map(|one| one.first_trace.no_later_than.nanos).min();
    if let Some(trace) = single.filter(|trace| earliest.is_none_or(|at| trace.no_later_than.nanos < at)) {
        let what = if intrusions.is_empty() {
            "No intrusion dates it. The earliest single sign"
        } else {
            "An earlier sign that is joined to none"
        };
        told.push(
            Sentence::of(format!("{what}: {} (", trace.no_later_than))
                .leads(trace.id)
                .words(format!(": {}); if it is his, he was in by then.", trace.what)),
        );
    }
    if told.is_empty() {
        return vec![Sentence::of(format!(
            "No date: nothing that is here shows that somebody came in. The rows are of {}; of other times nothing is said.",
            days(sources)
        ))];
    }
    told.push(Sentence::of(format!(
        "Each is a bound and no beginning: an earlier entry is not excluded. Rows of any kind are here {}.",
        days(sources)
    )));
    told
}

fn bound(intrusion: &Intrusion) -> Sentence {
    let first = &intrusion.first_trace;
    let step = intrusion.steps.iter().find(|step| step.id == first.step);
    let on = step.map(|step| format!(" on {}", step.host)).filter(|on| on.len() > 4).unwrap_or_default();
    let begins = match first.visible_from {
        Some(from) if first.left_censored => format!(
            "; the log of that row begins at {from}, shortly before it: he may have been there already"
        ),
        Some(from) => format!("; the log of that row is here from {from} on"),
        None => "; from when on the log of that row is here is not known".to_owned(),
    };
    Sentence::default()
        .leads(intrusion.id.clone())
        .words(format!(" was in no later than {} (", first.no_later_than))
        .leads(first.step.clone())
        .words(format!("{on}), and was there until {} at least{begins}.", intrusion.last_trace))
}

/// By which ways in, and which are open?
pub(super) fn ways_in(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let (inside, tried): (Vec<&Door>, Vec<&Door>) =
        sources.doors.iter().partition(|door| door.let_somebody_in());
    let mut told: Vec<Sentence> = inside.iter().take(NAMED).map(|door| way(door)).collect();
    if inside.len() > NAMED {
        told.push(
            Sentence::of(format!("{} more such ways in: ", inside.len() - NAMED))
                .section("doors", "piste doors")
                .words("."),
        );
    }
    if inside.is_empty() {
        told.push(Sentence::of(if sources.trail.intrusions.is_empty() {
            "No way in that let somebody in was seen."
        } else {
            "Not known: no way in that let somebody in was seen, so how he came in is not shown here."
        }));
    } else {
        let open = inside.iter().filter(|door| door.state == DoorState::Open).count();
        let unknown = inside.iter().filter(|door| door.state == DoorState::Unknown).count();
        let shut = inside.len() - open - unknown;
        told.insert(
            0,
            Sentence::of(format!(
                "{} let somebody in: {open} still open by the latest evidence, {unknown} of which the evidence does not tell, {shut} closed.",
                counted(inside.len() as u64, "way in", "ways in")
            )),
        );
    }
    if !tried.is_empty() {
        let (verb, probed) = if tried.len() == 1 { ("was", "way") } else { ("were", "ways") };
        told.push(
            Sentence::of(format!(
                "{} further {probed} {verb} tried, or used as by their owner: ",
                tried.len()
            ))
            .section("doors", "piste doors")
            .words("."),
        );
    }
    told
}

fn way(door: &Door) -> Sentence {
    let verdict = if door.verdict == DoorVerdict::Used { "used" } else { "succeeded" };
    let state = match door.state {
        DoorState::Open => "STILL OPEN",
        DoorState::Closed => "closed",
        DoorState::Unknown => "open or closed: not known",
    };
    let since =
        door.since().map_or_else(|| "at an unknown time".to_owned(), |at| format!("no later than {at}"));
    let cve = if door.cve.is_empty() {
        String::new()
    } else {
        format!(" ({})", piste_model::exchange::in_words(door.cve.iter().map(String::as_str)))
    };
    Sentence::default().leads(door.id.clone()).words(format!(
        ": {} at {} on {}{cve}, {verdict}, {since}; {state}.",
        door.kind,
        cut(&door.place),
        host(&door.host)
    ))
}

/// What did he do?
pub(super) fn deeds(sources: &AnswerSources<'_>) -> Vec<Sentence> {
    let intrusions = &sources.trail.intrusions;
    if intrusions.is_empty() {
        let leads = sources.trail.leads.len() as u64;
        let leads = if leads == 0 {
            String::new()
        } else {
            format!(" {} too little for one: ", counted(leads, "sign is", "signs are"))
        };
        let sentence = Sentence::of(format!("No act is joined to an intrusion.{leads}"));
        return vec![if leads.is_empty() {
            sentence
        } else {
            sentence.section("story", "piste trail").words(".")
        }];
    }
    let mut told: Vec<Sentence> = intrusions.iter().take(NAMED).map(of_intrusion).collect();
    let steps = || intrusions.iter().flat_map(|one| &one.steps);
    if !steps().any(|step| step.tactic == "exfiltration") {
        told.push(Sentence::of(
            "No step shows that data left. That is not a no: what these logs do not record cannot be seen in them.",
        ));
    }
    if intrusions.len() > NAMED {
        told.push(
            Sentence::of(format!("{} more intrusions: ", intrusions.len() - NAMED))
                .section("story", "piste trail")
                .words("."),
        );
    }
    told
}

fn of_intrusion(intrusion: &Intrusion) -> Sentence {
    let mut by_tactic: BTreeMap<u8, (&str, Vec<&Step>)> = BTreeMap::new();
    for step in &intrusion.steps {
        let (order, name) = tactic(&step.tactic);
        by_tactic.entry(order).or_insert((name, Vec::new())).1.push(step);
    }
    let mut sentence = Sentence::default().leads(intrusion.id.clone()).words(format!(
        " on {}: {}",
        named(intrusion.hosts.iter().map(String::as_str), NAMED),
        counted(intrusion.steps.len() as u64, "step", "steps")
    ));
    for (at, (name, steps)) in by_tactic.into_values().enumerate() {
        let Some(first) = steps.first() else { continue };
        let more = steps.len() - 1;
        sentence =
            sentence.words(format!("{} {name} (", if at == 0 { ":" } else { "," })).leads(first.id.clone());
        sentence = sentence.words(if more > 0 { format!(" and {more} more)") } else { ")".to_owned() });
    }
    sentence.words(". The steps: ").section("story", "piste trail").words(".")
}

/// Place in the order of ATT&CK's matrix, and the tactic as a person reads it.
pub(crate) fn tactic(name: &str) -> (u8, &str) {
    const ORDER: [(&str, &str); 14] = [
        ("reconnaissance", "looking from outside"),
        ("resource-development", "preparing"),
        ("initial-access", "coming in"),
        ("execution", "running programs"),
        ("persistence", "staying"),
        ("privilege-escalation", "gaining rights"),
        ("defense-evasion", "hiding"),
        ("credential-access", "taking credentials"),
        ("discovery", "looking around"),
        ("lateral-movement", "moving to other computers"),
        ("collection", "gathering data"),
        ("command-and-control", "connecting out"),
        ("exfiltration", "taking data out"),
        ("impact", "destroying or encrypting"),
    ];
    let found = (0u8..).zip(ORDER).find(|(_, (key, _))| *key == name);
    found.map_or((u8::MAX, name), |(at, (_, words))| (at, words))
}

/// A host's name, or the words for none.
pub(super) fn host(name: &str) -> &str {
    if name.is_empty() { "a computer that no row names" } else { name }
}

/// A text for a sentence.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= STEP_CHARS {
        return text.to_owned();
    }
    let begin: String = text.chars().take(STEP_CHARS).collect();
    format!("{begin}…")
}

/// A moment for a sentence about times that are no bounds.
pub(super) fn moment(at: Instant) -> String {
    minute_hand(at)
}
