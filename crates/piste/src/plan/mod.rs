//! `piste plan`: what is to be done about the intruder, on what, in which order, and how far it is.
//!
//! In: `out/` of the last run, the ledger. Out: the plan, `out/plan.json`, the plan of approach as a document; and in the ledger who
//! took, did or left out an action. Nothing is carried out.

mod act;
mod document;
mod export;
mod scope;
mod show;

use std::fs;
use std::path::Path;

use clap::{Args, Subcommand};
use piste_case::plan::{Plan, PlanProgress, action_catalog, plan};
use piste_model::Instant;
use serde::Serialize;
use serde_json::json;

pub(crate) use self::scope::RunScope;
use crate::cli::Common;
use crate::clock;
use crate::failure::Failure;
use crate::look::seen;
use crate::out;
use crate::response::read;

/// Shows what is to be done, in waves: preparation that the intruder does not see, one eviction window, follow-up, monitoring,
/// modernisation.
///
/// Each action names its targets in this case and what it waits for. A person's word makes it claimed; done it is by evidence that
/// was collected afterwards. Nothing is carried out by Piste.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  piste plan\n  piste plan why A-25\n  piste plan assign A-4 --to 'J. Peeters' --by 'A. Dubois'\n  piste plan claim A-4 --why 'image of MX01, form 12' --by 'J. Peeters'\n  piste plan document -o plan.md"
)]
pub(crate) struct PlanOptions {
    #[command(subcommand)]
    command: Option<PlanCommand>,
    /// One action in full, as A-25 or EV-06.
    #[arg(value_name = "ACTION")]
    action: Option<String>,
    /// All targets of each action.
    #[arg(long)]
    all: bool,
    /// Print JSON, as in out/plan.json.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum PlanCommand {
    Why(show::Why),
    Assign(act::Assign),
    Claim(act::Claim),
    Waive(act::Waive),
    Reopen(act::Reopen),
    Document(document::Document),
    Removal(crate::removal::Removal),
    Export(export::Export),
}

/// `out/plan.json`.
#[derive(Serialize)]
struct Answer<'p> {
    at: Instant,
    #[serde(flatten)]
    plan: &'p Plan,
}

/// Runs the command.
pub(crate) fn run(arguments: &PlanOptions, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        None => list(arguments, common)?,
        Some(PlanCommand::Why(arguments)) => show::why(arguments, common)?,
        Some(PlanCommand::Assign(arguments)) => act::assign(arguments, common)?,
        Some(PlanCommand::Claim(arguments)) => act::claim(arguments, common)?,
        Some(PlanCommand::Waive(arguments)) => act::waive(arguments, common)?,
        Some(PlanCommand::Reopen(arguments)) => act::reopen(arguments, common)?,
        Some(PlanCommand::Document(arguments)) => document::write(arguments, common)?,
        Some(PlanCommand::Export(arguments)) => export::run(arguments, common)?,
        Some(PlanCommand::Removal(arguments)) => crate::removal::run(arguments, common)?,
    }
    Ok(0)
}

fn list(arguments: &PlanOptions, common: &Common) -> Result<(), Failure> {
    let plan = of(&common.case)?;
    let answer = Answer { at: clock::now(common), plan: &plan };
    if let Err(failure) = write_answer(&common.case, &answer) {
        out::note(&format!("warning: {failure}")); // what is shown below does not rest on that file
    }
    if arguments.json {
        out::data(&format!("{}\n", json!(answer)));
    } else if let Some(name) = &arguments.action {
        out::data(&show::whole(&plan, named(name)?)?);
    } else {
        out::data(&show::waves(&plan, arguments.all));
    }
    Ok(())
}

/// The plan of a case, as its evidence and its ledger stand.
fn of(case: &Path) -> Result<Plan, Failure> {
    let progress = read(case)?.plan;
    let scope = scope::of(&seen(case)?, case)?;
    let catalog = action_catalog().map_err(broken_catalog)?;
    plan(catalog, &scope, &progress).map_err(|circle| {
        let what = format!("the rules of order go round in a circle over {}", circle.join(", "));
        broken_catalog(&what)
    })
}

/// The plan of a run whose outputs are being written; `None` where the catalogue does not let one be made.
pub(crate) fn of_run(run: &RunScope<'_>, progress: &PlanProgress) -> Option<Plan> {
    plan(action_catalog().ok()?, &scope::of_run(run), progress).ok()
}

fn broken_catalog(what: &str) -> Failure {
    Failure::environment("catalogue", what, "no plan was made", "report this as a bug")
}

/// Id of an action that a person named by it or by its number.
fn named(name: &str) -> Result<&'static str, Failure> {
    let catalog = action_catalog().map_err(broken_catalog)?;
    let found = catalog.action(name).map(|(_, action)| action.id.as_str());
    found.ok_or_else(|| {
        Failure::usage(
            "action-unknown",
            format!("there is no action `{name}`"),
            "nothing was shown or recorded",
            "piste plan --all lists them, as A-25 or EV-06",
        )
    })
}

/// Writes `out/plan.json`, whole or not at all. It follows from the ledger and `out/`: no hash of it is kept.
fn write_answer(case: &Path, answer: &Answer<'_>) -> Result<(), Failure> {
    let (folder, aside) = (case.join("out"), case.join("tmp"));
    let (path, part) = (folder.join("plan.json"), aside.join(format!("plan-{}.json", std::process::id())));
    let text = serde_json::to_string_pretty(answer).unwrap_or_default() + "\n";
    let written = fs::create_dir_all(&aside)
        .and_then(|()| fs::write(&part, text))
        .and_then(|()| fs::rename(&part, &path));
    written.map_err(|error| {
        Failure::environment(
            "plan-not-written",
            format!("`{}` cannot be written: {error}", path.display()),
            "the plan is shown and not kept",
            "see that the case's folder can be written",
        )
    })
}
