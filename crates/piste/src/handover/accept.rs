//! `piste case accept-change`: a person's answer to evidence that is no longer what was sealed.
//!
//! In: the evidence and the reason. Out: an entry of the ledger; the runs after it no longer raise the issue.

use clap::Args;
use piste_model::EvidenceId;
use piste_report::escape;
use serde_json::json;

use crate::changes::{ACCEPTED, Accepted, Changes};
use crate::cli::Common;
use crate::failure::Failure;
use crate::person::{Who, open_ledger, read_ledger};
use crate::{clock, out};

/// Answers for evidence that is no longer what was sealed: who changed it is known, and the case goes on with what it is now.
///
/// Until then every run raises the change as an issue. Without an id, lists what waits for an answer.
#[derive(Debug, Args)]
#[command(
    name = "accept-change",
    after_help = "Example:\n  piste case accept-change\n  piste case accept-change E-2 --why \"collected again after the log was rotated\" --by \"Ann Peeters\""
)]
pub(super) struct AcceptChange {
    /// The evidence, as E-2: as it was or as it is now; may be several.
    #[arg(value_name = "EVIDENCE")]
    ids: Vec<EvidenceId>,
    /// Who changed it, and why that is in order.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// Print what waits for an answer as JSON lines.
    #[arg(long, conflicts_with = "ids")]
    json: bool,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(super) fn run(arguments: &AcceptChange, common: &Common) -> Result<u8, Failure> {
    let mut changes = Changes::default();
    if arguments.ids.is_empty() {
        read_ledger(&common.case, |entry| {
            crate::case::observe_change(&mut changes, entry);
            Ok(())
        })?;
        list(arguments, &changes);
        return Ok(0);
    }
    if arguments.why.trim().is_empty() {
        return Err(refused(
            "the reason is empty".to_owned(),
            "say in a sentence who changed it and why that is in order: --why …",
        ));
    }
    let person = arguments.who.person()?;
    let mut ledger = open_ledger(common, |entry| {
        crate::case::observe_change(&mut changes, entry);
        Ok(())
    })?;
    for id in &arguments.ids {
        match changes.is_open(*id) {
            Some(true) => {}
            Some(false) => {
                return Err(refused(
                    format!("nothing about {id} waits for an answer"),
                    "piste case accept-change lists what does",
                ));
            }
            None => {
                return Err(refused(
                    format!("no evidence of this case is {id}"),
                    "piste case accept-change lists what waits",
                ));
            }
        }
    }
    let body = Accepted { ids: arguments.ids.clone(), why: arguments.why.trim().to_owned() };
    ledger.append_by(ACCEPTED, json!(body), clock::now(common), &person)?;
    if !common.quiet {
        out::note("Recorded: the next run no longer raises it");
    }
    Ok(0)
}

fn refused(what: String, hint: &str) -> Failure {
    Failure::usage("change-not-accepted", what, "nothing was recorded", hint)
}

fn list(arguments: &AcceptChange, changes: &Changes) {
    let mut text = String::new();
    for issue in changes.waiting() {
        let id = issue.evidence_id.map_or_else(String::new, |id| id.to_string());
        text.push_str(&if arguments.json {
            json!(issue).to_string()
        } else {
            escape::visible(&format!("{id}  {}: {}", issue.path, issue.what)).into_owned()
        });
        text.push('\n');
    }
    if text.is_empty() && !arguments.json {
        "No change of evidence waits for an answer\n".clone_into(&mut text);
    }
    out::data(&text);
}
