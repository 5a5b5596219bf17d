//! `piste plan document`: the plan of approach, to be agreed on and signed.
//!
//! In: the plan. Out: Markdown: what it rests on, the waves with their targets, the window by the minute, what decides, who does it.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use piste_case::plan::{Plan, PlannedAction, Wave};
use piste_report::escape::visible;

use super::of;
use super::show::{duration, targets};
use crate::cli::Common;
use crate::clock;
use crate::failure::Failure;
use crate::out;
use crate::response::write_file;

/// Writes the plan of approach as a document.
#[derive(Debug, Args)]
pub(super) struct Document {
    /// Where it is written to; printed if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `piste plan document`.
pub(super) fn write(arguments: &Document, common: &Common) -> Result<(), Failure> {
    let plan = of(&common.case)?;
    let at = clock::now(common);
    let text = markdown(&plan, &at.to_string());
    match &arguments.output {
        None => out::data(&text),
        Some(path) => write_file(path, &text)?,
    }
    Ok(())
}

fn markdown(plan: &Plan, at: &str) -> String {
    let mut text = format!(
        "# Plan of approach\n\nMade {at} from the evidence and the ledger of this case. It proposes; nothing of it was carried out by Piste. \
         Targets name the finding, door or intrusion that brought them in. Durations are planning figures.\n"
    );
    for (wave, intent) in [
        (Wave::W0, "Nothing here may be seen by the intruder: no query, no upload, no visible change."),
        (Wave::W1, "One window, from the decision to go. What is visible begins here and not before."),
        (Wave::W2, "Once the window is closed and verified."),
        (Wave::Continuous, "From the first blocking on, until the case is closed."),
        (Wave::Later, "What makes the next intruder's work harder."),
    ] {
        section(plan, wave, intent, &mut text);
    }
    by_the_minute(plan, &mut text);
    if !plan.unanswered.is_empty() {
        let _ = writeln!(
            text,
            "\n## Not answered\n\nTechniques of this case that no action answers: {}.",
            plan.unanswered.join(", ")
        );
    }
    text.push_str(
        "\n## Agreed\n\n| name | office | date | signature |\n|---|---|---|---|\n| | | | |\n| | | | |\n",
    );
    text
}

fn section(plan: &Plan, wave: Wave, intent: &str, text: &mut String) {
    let actions: Vec<&PlannedAction> = plan.actions.iter().filter(|action| action.wave == wave).collect();
    if actions.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## {}\n\n{intent}\n", wave.as_str());
    text.push_str("| no. | action | on | after | state | who |\n|---|---|---|---|---|---|\n");
    for action in actions {
        let on = targets(action, 12).join("<br>");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            action.id,
            cell(&action.title),
            cell(&on),
            action.after.join(", "),
            action.state.as_str(),
            cell(&action.owner)
        );
    }
}

fn by_the_minute(plan: &Plan, text: &mut String) {
    if plan.window.steps.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n## The window by the minute\n\nLikely {} in all. Rows in bold decide how long it takes.\n\n| from | to | action |\n|---|---|---|",
        duration(plan.window.minutes)
    );
    for step in &plan.window.steps {
        let title = plan.actions.iter().find(|one| one.id == step.id).map_or("", |one| one.title.as_str());
        let bold = if step.critical { "**" } else { "" };
        let _ = writeln!(
            text,
            "| T + {} | T + {} | {bold}{} {}{bold} |",
            duration(step.begins),
            duration(step.ends),
            step.id,
            cell(title)
        );
    }
}

/// A value in a cell of a table: what comes from evidence must not end it, nor be taken for a mark.
fn cell(value: &str) -> String {
    let mut text = String::new();
    for sign in visible(value).chars() {
        if matches!(sign, '|' | '*' | '_' | '`' | '[' | ']' | '\\') {
            text.push('\\');
        }
        text.push(sign);
    }
    text
}
