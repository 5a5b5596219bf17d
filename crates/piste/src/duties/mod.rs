//! `piste duties`: whom to tell, by when, and what each of them must be told.
//!
//! In: the facts of the case, a profile and the moment. Out: every duty with its state, deadline and what is missing; the
//! incident's class; drafts, a calendar, and in the ledger what was sent, acknowledged or waived.

mod act;
mod draft;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use piste_case::duties::duty_catalog;
use piste_case::facts::{Statement, fact_catalog};
use piste_case::kind;
use serde_json::json;

use crate::cli::Common;
use crate::clock;
use crate::failure::Failure;
use crate::out;
use crate::person::Who;
use crate::response::{Writing, answer, read, row, write_answer};

/// Shows whom to tell by when, drafts what to tell, and records what was told.
///
/// The states are overdue, due, supplement-due, assess, sent, acknowledged, waived and not-applicable. A deadline shows how
/// it was computed; plan on the strict one. Rows that are not confirmed law say so. Engineering aid, not legal advice.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  piste duties --at 2021-03-27\n  piste duties O-13\n  piste duties draft O-13 --lang fr -o apd.txt\n  piste duties sent O-13 --ref DBN-2021-0412 --at-time 2021-03-28T10:00+02:00 --key ann.key\n  piste duties calendar -o duties.ics"
)]
pub(crate) struct Duties {
    #[command(subcommand)]
    command: Option<DutiesCommand>,
    /// One duty in full, as O-13 or GDPR-33.
    #[arg(value_name = "DUTY")]
    duty: Option<String>,
    /// Follow this profile from now on; it is kept as the fact `case.profile`.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    #[command(flatten)]
    who: Who,
    /// Show the class of the incident, criterion by criterion.
    #[arg(long)]
    class: bool,
    /// Also list what does not apply.
    #[arg(long)]
    all: bool,
    /// Print JSON, as in out/duties.json.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum DutiesCommand {
    Draft(draft::Draft),
    Sent(act::Sent),
    Ack(act::Ack),
    Waive(act::Waive),
    Resume(act::Resume),
    Calendar(draft::Calendar),
}

/// A language of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// French, whole sentences.
    Fr,
    /// Dutch, whole sentences.
    Nl,
    /// German, headings and field names.
    De,
    /// English, headings and field names.
    En,
}

/// Runs the command.
pub(crate) fn run(arguments: &Duties, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        None => list(arguments, common)?,
        Some(DutiesCommand::Draft(arguments)) => draft::draft(arguments, common)?,
        Some(DutiesCommand::Calendar(arguments)) => draft::calendar(arguments, common)?,
        Some(DutiesCommand::Sent(arguments)) => act::sent(arguments, common)?,
        Some(DutiesCommand::Ack(arguments)) => act::ack(arguments, common)?,
        Some(DutiesCommand::Waive(arguments)) => act::waive(arguments, common)?,
        Some(DutiesCommand::Resume(arguments)) => act::resume(arguments, common)?,
    }
    Ok(0)
}

fn list(arguments: &Duties, common: &Common) -> Result<(), Failure> {
    if let Some(profile) = &arguments.profile {
        choose(profile, &arguments.who, common)?;
    }
    let response = read(&common.case)?;
    let mut answer = answer(&response, clock::now(common))?;
    if let Err(failure) = write_answer(&common.case, &answer) {
        out::note(&format!("warning: {failure}")); // what is shown below does not rest on that file
    }
    if let Some(name) = &arguments.duty {
        let wanted = row(name)?;
        answer.duties.retain(|duty| duty.row == wanted.id);
        if answer.duties.is_empty() {
            return Err(Failure::usage(
                "duty-profile",
                format!("the profile `{}` does not look at {}", answer.profile, wanted.id),
                "nothing was shown",
                "choose another with --profile",
            ));
        }
    }
    if arguments.json {
        out::data(&format!("{}\n", json!(answer)));
    } else if arguments.class {
        out::data(&show::classes(&answer.classes));
    } else if arguments.duty.is_some() {
        answer.duties.iter().for_each(|duty| out::data(&show::whole(duty)));
    } else {
        out::data(&show::list(&answer, arguments.all));
    }
    Ok(())
}

/// Keeps the profile as a fact, unless it is the one in force.
fn choose(profile: &str, who: &Who, common: &Common) -> Result<(), Failure> {
    let known: Vec<&str> = duty_catalog().profiles().iter().map(|one| one.id.as_str()).collect();
    if !known.contains(&profile) {
        return Err(Failure::usage(
            "profile-unknown",
            format!("there is no profile `{profile}`"),
            "nothing was recorded",
            format!("the profiles are {}", known.join(", ")),
        ));
    }
    let mut case = Writing::open(common)?;
    let name = "case.profile";
    let kept = case.response.facts.value(name).map(ToString::to_string);
    if kept.as_deref() == Some(profile) || fact_catalog().fact(name).is_none() {
        return Ok(());
    }
    let by = case.who(who)?;
    let why = "chosen with --profile".to_owned();
    let statement = Statement { name: name.to_owned(), value: json!(profile), by, why, rows: Vec::new() };
    case.append(kind::FACT_SET, statement.body())
}
