//! `piste lab score`: how near a case comes to the truth about invented evidence.
//!
//! In: `truth.json` and the case's `out/doors.json` and `out/exposure.json`. Out: shares and counts, for people or as the
//! object that `docs/schemas` promises.

use std::path::{Path, PathBuf};

use clap::Args;
use piste_lab::Truth;
use serde_json::Value;

use crate::cli::Common;
use crate::failure::Failure;
use crate::out;

/// Scores a case against the truth about its evidence.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste lab score --truth lab/truth.json --case lab/case --json")]
pub(super) struct Score {
    /// What `piste lab generate` wrote beside the evidence.
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Print the score as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Score, common: &Common) -> Result<u8, Failure> {
    let scored = score(&arguments.truth, &common.case)?;
    if arguments.json {
        out::data(
            &(serde_json::to_string_pretty(&scored).map_err(|error| unread(&arguments.truth, &error))?
                + "\n"),
        );
    } else {
        out::data(&shown(&scored));
    }
    Ok(0)
}

/// Scores the case in the folder.
pub(super) fn score(truth: &Path, case: &Path) -> Result<piste_lab::Score, Failure> {
    let truth_told: Truth = read(truth)?;
    let doors = case.join("out").join("doors.json");
    if !doors.is_file() {
        return Err(Failure::environment(
            "lab-no-doors",
            format!("`{}` is not there: this case tells no doors", doors.display()),
            "nothing was scored",
            "run `piste investigate` on the evidence with this case, then score it again",
        ));
    }
    let told: Value = read(&doors)?;
    let exposure = case.join("out").join("exposure.json");
    let exposure: Option<Value> = if exposure.is_file() { Some(read(&exposure)?) } else { None };
    piste_lab::score(&truth_told, &told, exposure.as_ref()).map_err(|error| unread(&doors, &error))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read(path).map_err(|error| {
        Failure::usage(
            "lab-truth",
            format!("`{}` cannot be read: {error}", path.display()),
            "nothing was scored",
            "give the file that `piste lab generate` wrote",
        )
    })?;
    serde_json::from_slice(&text).map_err(|error| unread(path, &error))
}

fn unread(path: &Path, error: &serde_json::Error) -> Failure {
    Failure::usage(
        "lab-truth",
        format!("`{}` is not as expected: {error}", path.display()),
        "nothing was scored",
        "generate the evidence, or investigate it, with this version of Piste",
    )
}

/// The score for people.
fn shown(score: &piste_lab::Score) -> String {
    let doors = &score.doors;
    let mut lines = vec![
        format!("doors: recall {:.2}, precision {:.2}", doors.recall, doors.precision),
        format!("verdicts: {} of {} right, {} grave", doors.right, doors.judged, doors.grave),
        format!("first times: {} of {} right", doors.first_times.right, doors.first_times.of),
        format!("invisible: {} of {} said to be so", doors.said_invisible, doors.invisible),
    ];
    if let Some(exposure) = score.exposure {
        lines.push(format!("exposure: {} of {} spans right", exposure.right, exposure.of));
    }
    lines.extend(doors.wrong.iter().map(|wrong| format!("wrong: {wrong}")));
    lines.join("\n") + "\n"
}
