//! `piste trail --link S-1 S-9 --why …` and `--unlink`: a person's word on what belongs together.
//!
//! In: two steps or findings of the last run, a reason, a person. Out: an entry in the ledger, signed where a key is given, that names
//! both by their rows. Every later run makes its trail with it and tells it; nothing that was read is changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use piste_case::kind;
use piste_model::trail::{ActRow, JoinDecision, NamedAct, Step, Trail};
use piste_report::escape::visible;

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::seen;
use crate::out;
use crate::person::Who;
use crate::response::Writing;

/// Characters of what an act was.
const TEXT_CHARS: usize = 300;
/// Steps of a way that is told.
const WAY_MAX: usize = 12;

/// What a person says.
pub(crate) struct JoinWord<'a> {
    /// They belong together; otherwise what joins them directly is cut.
    pub(crate) joins: bool,
    /// `S-4` or `F-3`.
    pub(crate) names: [&'a str; 2],
    /// Why.
    pub(crate) why: &'a str,
    /// Who.
    pub(crate) who: &'a Who,
}

/// Records it.
pub(crate) fn record(word: &JoinWord<'_>, trail: &Trail, common: &Common) -> Result<(), Failure> {
    let [one, other] = word.names;
    let acts = [act(one, trail, &common.case)?, act(other, trail, &common.case)?];
    if acts.iter().map(|act| act.rows.first()).collect::<BTreeSet<_>>().len() < 2 {
        return Err(Failure::usage(
            "trail-same-act",
            format!("`{one}` and `{other}` are one act: their first row is the same"),
            "nothing was recorded",
            "name two acts, as S-4 and S-9",
        ));
    }
    refuse_idle(word, trail)?;
    let mut case = Writing::open(common)?;
    let by = case.who(word.who)?;
    let [one, other] = acts;
    let names = [one.name.clone(), other.name.clone()];
    let decision = JoinDecision { joins: word.joins, one, other, by, why: word.why.to_owned() };
    let kind = if word.joins { kind::TRAIL_LINKED } else { kind::TRAIL_UNLINKED };
    case.append(kind, serde_json::json!(decision))?;
    if !common.quiet {
        let did = if word.joins { "joined" } else { "cut" };
        out::note(&format!(
            "{} and {}: {did}, recorded, {}; the next `piste investigate` or `piste hunt` makes the trail with it",
            visible(&names[0]),
            visible(&names[1]),
            case.signs()
        ));
    }
    Ok(())
}

/// A step or a finding of the last run.
fn act(name: &str, trail: &Trail, case: &Path) -> Result<NamedAct, Failure> {
    let mut steps = trail.intrusions.iter().flat_map(|one| &one.steps);
    if let Some(step) = steps.find(|step| step.id.eq_ignore_ascii_case(name)) {
        let row = |row: &piste_model::trail::StepRow| ActRow {
            evidence_id: row.evidence_id,
            record: row.record,
            offset: row.offset,
        };
        return Ok(NamedAct {
            name: step.id.clone(),
            text: step.text.chars().take(TEXT_CHARS).collect(),
            rows: step.rows.iter().map(row).collect(),
        });
    }
    let findings = seen(case)?.findings(case)?;
    let finding = findings.into_iter().find(|one| one.id.to_string().eq_ignore_ascii_case(name));
    let finding = finding.ok_or_else(|| {
        Failure::usage(
            "trail-act-unknown",
            format!("there is no step and no finding `{name}` in the last run"),
            "nothing was recorded",
            "`piste trail` lists the steps, `piste findings` the findings; name them as S-4 or F-3",
        )
    })?;
    let row = |row: &piste_model::RowRef| ActRow {
        evidence_id: row.evidence_id,
        record: row.record,
        offset: row.offset,
    };
    let rows: Vec<ActRow> = finding.rows.iter().map(row).collect();
    if rows.is_empty() {
        return Err(Failure::usage(
            "trail-act-rowless",
            format!("`{name}` names no row by which it would be known again"),
            "nothing was recorded",
            "join a step or a finding that has rows",
        ));
    }
    Ok(NamedAct {
        name: finding.id.to_string(),
        text: finding.title.chars().take(TEXT_CHARS).collect(),
        rows,
    })
}

/// A word that changes nothing is a mistake: it is refused, with what there is instead.
fn refuse_idle(word: &JoinWord<'_>, trail: &Trail) -> Result<(), Failure> {
    let [one, other] = word.names;
    let found = |name: &str| {
        let mut all = trail.intrusions.iter().flat_map(|intrusion| &intrusion.steps);
        all.find(|step| step.id.eq_ignore_ascii_case(name))
    };
    let direct = |from: &Step, to: &str| from.edges.iter().any(|edge| edge.to.eq_ignore_ascii_case(to));
    let is_direct = found(one).is_some_and(|step| direct(step, other))
        || found(other).is_some_and(|step| direct(step, one));
    if word.joins && is_direct {
        return Err(Failure::usage(
            "trail-joined",
            format!("`{one}` and `{other}` are joined already"),
            "nothing was recorded",
            format!("`piste why {one}` shows by what"),
        ));
    }
    if word.joins || is_direct {
        return Ok(());
    }
    let hint = way(trail, one, other).map_or_else(
        || format!("they are in no intrusion together; `piste why {one}` shows what `{one}` is joined to"),
        |way| format!("the way between them is {}: cut two that follow each other", way.join(" – ")),
    );
    Err(Failure::usage(
        "trail-not-joined",
        format!("nothing joins `{one}` and `{other}` directly"),
        "nothing was recorded",
        hint,
    ))
}

/// The shortest way of edges between two steps.
fn way(trail: &Trail, from: &str, to: &str) -> Option<Vec<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in trail.intrusions.iter().flat_map(|one| &one.steps) {
        for edge in &step.edges {
            next.entry(&step.id).or_default().insert(&edge.to);
            next.entry(&edge.to).or_default().insert(&step.id);
        }
    }
    let begin = next.keys().copied().find(|id| id.eq_ignore_ascii_case(from))?;
    let (mut before, mut open) = (BTreeMap::from([(begin, begin)]), VecDeque::from([begin]));
    while let Some(at) = open.pop_front() {
        if at.eq_ignore_ascii_case(to) {
            let mut way = vec![at.to_owned()];
            let mut here = at;
            while let Some(earlier) = before.get(here).filter(|earlier| **earlier != here) {
                way.push((*earlier).to_owned());
                here = earlier;
            }
            way.reverse();
            return Some(way).filter(|way| way.len() <= WAY_MAX);
        }
        for other in next.get(at).into_iter().flatten() {
            if !before.contains_key(other) {
                before.insert(other, at);
                open.push_back(other);
            }
        }
    }
    None
}

/// What was decided after the last run, a line each.
pub(crate) fn pending(trail: &Trail, case: &Path) -> Result<Vec<String>, Failure> {
    let ledger = crate::response::read(case)?;
    let known = |told: &piste_model::trail::DecidedJoin| {
        trail.decisions.iter().any(|one| one.decision == told.decision && one.at == told.at)
    };
    Ok(ledger
        .joins
        .decisions()
        .iter()
        .filter(|told| !known(told))
        .map(piste_model::trail::DecidedJoin::in_words)
        .collect())
}
