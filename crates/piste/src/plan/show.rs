//! The plan on the terminal.
//!
//! In: a plan. Out: its waves with targets and states, one action in full, or why it stands where it stands.

use std::fmt::Write;

use clap::Args;
use piste_case::plan::{AssetKind, Plan, PlannedAction, WaitReason, Wave, action_catalog};
use piste_report::escape::terminal;

use super::{broken_catalog, named, of};
use crate::cli::Common;
use crate::failure::Failure;
use crate::out;

/// Targets that the list names.
const TARGETS: usize = 3;
/// Characters of a name.
const NAME_CHARS: usize = 80;
/// Characters of a sentence.
const SENTENCE_CHARS: usize = 400;
const WAVES: [Wave; 5] = [Wave::W0, Wave::W1, Wave::W2, Wave::Continuous, Wave::Later];

/// Says what an action waits for, what waits for it, and by which rule.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// The action, as A-25 or EV-06.
    action: String,
}

/// `piste plan why`.
pub(super) fn why(arguments: &Why, common: &Common) -> Result<(), Failure> {
    let plan = of(&common.case)?;
    let id = named(&arguments.action)?;
    out::data(&reasons(&plan, id)?);
    Ok(())
}

/// Every wave with its actions.
pub(super) fn waves(plan: &Plan, all: bool) -> String {
    let mut text = String::new();
    for wave in WAVES {
        let actions: Vec<&PlannedAction> = plan.actions.iter().filter(|action| action.wave == wave).collect();
        if actions.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}", heading(plan, wave));
        for action in actions {
            let _ = writeln!(text, "  {:<5} {:<8} {}", action.id, action.state.as_str(), action.title);
            for target in targets(action, if all { usize::MAX } else { TARGETS }) {
                let _ = writeln!(text, "                 {target}");
            }
        }
        text.push('\n');
    }
    if !plan.unanswered.is_empty() {
        let list = plan.unanswered.join(", ");
        let _ = writeln!(
            text,
            "Techniques of this case that no action answers: {}",
            terminal(&list, SENTENCE_CHARS)
        );
    }
    text
}

fn heading(plan: &Plan, wave: Wave) -> String {
    let name = wave.as_str();
    let name = name.get(..1).unwrap_or_default().to_uppercase() + name.get(1..).unwrap_or_default();
    if wave == Wave::W1 && plan.window.minutes > 0 {
        return format!("{name} (likely {}, one target after another)", duration(plan.window.minutes));
    }
    name
}

/// `7 h 40`.
pub(super) fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02}"),
    }
}

/// The targets of an action, a line each.
pub(super) fn targets(action: &PlannedAction, most: usize) -> Vec<String> {
    let things: Vec<_> = action.targets.iter().filter(|one| one.kind != AssetKind::Organisation).collect();
    let mut lines: Vec<String> = things
        .iter()
        .take(most)
        .map(|target| {
            let on = if target.host.is_empty() { String::new() } else { format!(" on {}", target.host) };
            let because = format!(" ({})", target.because.join(", "));
            terminal(&format!("{}{on}{because}", target.name), NAME_CHARS)
        })
        .collect();
    if things.len() > most {
        lines.push(format!("and {} more", things.len() - most));
    }
    lines
}

fn find<'p>(plan: &'p Plan, id: &str) -> Result<&'p PlannedAction, Failure> {
    plan.actions.iter().find(|action| action.action == id).ok_or_else(|| {
        Failure::usage(
            "action-without-target",
            format!("nothing in this case is a target of {id}"),
            "nothing was shown",
            "the plan names what was used, judged true or joined to an intrusion: judge the findings, or collect more",
        )
    })
}

/// One action in full.
pub(super) fn whole(plan: &Plan, id: &str) -> Result<String, Failure> {
    let action = find(plan, id)?;
    let (_, row) = action_catalog().map_err(broken_catalog)?.action(id).ok_or_else(|| broken_catalog(id))?;
    let mut text = format!("{} {}  {}\n", action.id, action.action, action.title);
    let owner = if action.owner.is_empty() {
        String::new()
    } else {
        format!(", {}", terminal(&action.owner, NAME_CHARS))
    };
    let _ = writeln!(text, "  state       {}{owner}", action.state.as_str());
    let _ = writeln!(text, "  wave        {}", action.wave.as_str());
    let seen = if action.overt { "the intruder may notice it" } else { "the intruder does not see it" };
    let back = if action.reversible { "can be taken back" } else { "cannot be taken back" };
    let _ = writeln!(text, "  effect      {seen}; it {back}");
    let _ = writeln!(text, "  likely      {}", duration(action.minutes));
    for (name, line) in [("more", &row.what), ("risk", &row.risk)] {
        if !line.is_empty() {
            let _ = writeln!(text, "  {name:<10}  {line}");
        }
    }
    for (name, lines) in
        [("targets", targets(action, usize::MAX)), ("must hold", action.preconditions.clone())]
    {
        for (at, line) in lines.iter().enumerate() {
            let _ = writeln!(text, "  {:<10}  {line}", if at == 0 { name } else { "" });
        }
    }
    for check in &row.verify {
        let _ = writeln!(text, "  done when   {}: {}: {}", check.artefact, check.check, check.pass_when);
    }
    if !action.countermeasures.is_empty() {
        let _ = writeln!(text, "  COUN7ER     {}", action.countermeasures.join(", "));
    }
    text.push_str(&reasons(plan, id)?);
    Ok(text)
}

fn reasons(plan: &Plan, id: &str) -> Result<String, Failure> {
    let catalog = action_catalog().map_err(broken_catalog)?;
    let action = find(plan, id)?;
    let said = |reason: &WaitReason| match reason {
        WaitReason::Catalogue => "its own row".to_owned(),
        WaitReason::Rule(rule) => format!("{rule}: {}", catalog.rule(rule)),
    };
    let state =
        |id: &str| plan.actions.iter().find(|one| one.action == id).map_or("", |one| one.state.as_str());
    let mut text = String::new();
    for wait in &action.waits {
        let _ = writeln!(
            text,
            "  waits for   {:<6} {:<8} {}",
            wait.action,
            state(&wait.action),
            said(&wait.reason)
        );
    }
    for other in &plan.actions {
        for wait in other.waits.iter().filter(|wait| wait.action == id) {
            let _ = writeln!(
                text,
                "  holds up    {:<6} {:<8} {}",
                other.action,
                other.state.as_str(),
                said(&wait.reason)
            );
        }
    }
    Ok(text)
}
