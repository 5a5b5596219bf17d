//! `piste duties draft | calendar`: what to send, and when.
//!
//! In: the facts of the case. Out: the text of one notification, or an `.ics` of the open deadlines, to a file or stdout.
//! What a person must still look at goes to stderr, never into the text.

use std::path::PathBuf;

use clap::Args;
use piste_case::duties::{Known, State};
use piste_case::facts::Lang;
use piste_report::notice::{Notice, notice};

use super::{Language, act};
use crate::cli::Common;
use crate::clock;
use crate::failure::Failure;
use crate::out;
use crate::response::{answer, first_hash, profile, read, row, write_file};

/// Characters of the case in a calendar's UIDs.
const CASE_CHARS: usize = 16;

/// Writes a notification from the facts of the case, and from nothing else.
///
/// What no person has stated is said to be not yet known. French and Dutch have whole sentences; German and English have
/// headings and field names.
#[derive(Debug, Args)]
pub(super) struct Draft {
    /// The duty, as D-13 or GDPR-33.
    duty: String,
    /// Language.
    #[arg(long, value_enum)]
    lang: Language,
    /// To whom, where the duty names several.
    #[arg(long, value_name = "RECIPIENT")]
    to: Option<String>,
    /// File to write; stdout if not given. A file that was changed is not written over.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

/// Writes the open deadlines as an iCalendar file.
#[derive(Debug, Args)]
pub(super) struct Calendar {
    /// File to write; stdout if not given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Fr => Self::Fr,
            Language::Nl => Self::Nl,
            Language::De => Self::De,
            Language::En => Self::En,
        }
    }
}

/// `piste duties draft`.
pub(super) fn draft(arguments: &Draft, common: &Common) -> Result<(), Failure> {
    let row = row(&arguments.duty)?;
    let response = read(&common.case)?;
    let at = clock::now(common);
    let duty = answer(&response, at)?.duties.into_iter().find(|duty| duty.row == row.id);
    let Some(duty) = duty.filter(|duty| duty.state != State::NotApplicable) else {
        return Err(Failure::usage(
            "duty-not-applicable",
            format!("{} ({}) does not apply to this case as its facts stand", row.duty_id(), row.id),
            "nothing was written",
            format!("`piste duties {} --all` shows why", row.duty_id()),
        ));
    };
    let recipient = act::recipient(row, Some(&duty), arguments.to.as_deref())?;
    let known = Known { response: &response, profile: profile(&response)? };
    let written = notice(&known, row, &duty, &recipient, arguments.lang.into(), at);
    match &arguments.output {
        None => out::data(&written.text),
        Some(path) => {
            let other = std::fs::read_to_string(path).is_ok_and(|text| text != written.text);
            if other && !arguments.force {
                return Err(Failure::usage(
                    "draft-there",
                    format!("`{}` is there and holds another text", path.display()),
                    "nothing was written",
                    "give another name, or --force to write over it",
                ));
            }
            write_file(path, &written.text)?;
        }
    }
    if !common.quiet {
        look_at(&written, &duty);
    }
    Ok(())
}

/// What a person must look at before it is sent.
fn look_at(written: &Notice, duty: &piste_case::duties::Duty) {
    let list = |what: &str, names: &[String]| {
        if !names.is_empty() {
            out::note(&format!("{what}: {}", names.join(", ")));
        }
    };
    if duty.state == State::Assess {
        list("it is not decided yet that this duty applies; open are", &duty.undecided);
    }
    list("said to be not yet known", &written.unknown);
    list("as a person wrote them, check the language", &written.as_written);
    list("to be written by hand", &written.by_hand);
    for warning in &duty.warnings {
        out::note(&format!("warning: {warning}"));
    }
    for words in &duty.unconfirmed {
        out::note(&format!("to confirm: {words}"));
    }
}

/// `piste duties calendar`.
pub(super) fn calendar(arguments: &Calendar, common: &Common) -> Result<(), Failure> {
    let response = read(&common.case)?;
    let at = clock::now(common);
    let case: String = first_hash(&common.case)?.chars().take(CASE_CHARS).collect();
    let text = piste_report::calendar::calendar(&answer(&response, at)?.duties, &case, at);
    match &arguments.output {
        None => out::data(&text),
        Some(path) => write_file(path, &text)?,
    }
    Ok(())
}
