//! `piste duties draft | calendar`: what to send, and when.
//!
//! In: the facts of the case. Out: the text of one notification, or an `.ics` of the open deadlines, to a file or stdout.
//! What a person must still look at goes to stderr, never into the text.

use std::path::{Path, PathBuf};

use clap::Args;
use piste_case::duties::{Known, State};
use piste_case::facts::{FactType, Lang, fact_catalog};
use piste_model::Sighting;
use piste_report::notice::{Asked, Notice, Traces, notice};
use piste_rules::indicators::Tlp;

use super::{Language, act};
use crate::cli::Common;
use crate::clock;
use crate::fact::found::Found;
use crate::fact::proposals::proposals_of;
use crate::failure::Failure;
use crate::out;
use crate::response::{answer, first_hash, profile, read, row, write_file};

/// Characters of the case in a calendar's UIDs.
const CASE_CHARS: usize = 16;

/// Writes a notification from what was stated and from what the evidence shows, and from nothing else.
///
/// What no person has stated is taken from the last run, with the findings, ways in and rows behind it; where the run shows
/// nothing it is said to be not yet known. What is to be decided is never taken from a run. French and Dutch have whole sentences; German and English have
/// headings and field names.
#[derive(Debug, Args)]
pub(super) struct Draft {
    /// The duty, as O-13 or GDPR-33.
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
    let traces = traces(&common.case, &row.default_marking);
    let asked = Asked { row, duty: &duty, recipient: &recipient, lang: arguments.lang.into(), at };
    let written = notice(&known, &traces, asked);
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

/// What the last run found, as far as a notification with this marking may say it.
fn traces(case: &Path, marking: &str) -> Traces {
    let found = Found::of(case);
    let limit = Tlp::parse(marking).unwrap_or(Tlp::Clear);
    // A marking that cannot be read is taken for the strictest.
    let passes =
        |one: &Sighting| one.tlp.as_deref().is_none_or(|tlp| Tlp::parse(tlp).is_some_and(|tlp| tlp <= limit));
    let decided = proposals_of(&found).into_iter().filter(|(fact, _)| {
        fact_catalog().fact(fact).is_some_and(|fact| matches!(fact.kind, FactType::Bool | FactType::Enum))
    });
    let pointers = decided.map(|(fact, proposal)| (fact.to_owned(), proposal.rows)).collect();
    let (sightings, stricter): (Vec<Sighting>, Vec<Sighting>) = found.sightings.into_iter().partition(passes);
    Traces {
        findings: found.findings,
        doors: found.doors,
        servers: found.servers,
        sightings,
        exhibits: found.exhibits,
        sealed: found.sealed,
        covered: found.summary.covered,
        withheld: stricter.into_iter().map(|one| one.indicator).collect(),
        pointers,
    }
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
    list(
        "told from the evidence, stated by nobody: check them, or state them with `piste fact set`",
        &written.from_case,
    );
    list("as a person wrote them, check the language", &written.as_written);
    list("to be written by hand", &written.by_hand);
    if written.withheld > 0 {
        out::note(&format!(
            "left out: values that their source marks more strictly than {}; ask the source, or tell them another way",
            duty.marking
        ));
    }
    if written.marked_in_text {
        out::note(&format!(
            "warning: a text that a person wrote holds an indicator that its source marks more strictly than {}: take it out or ask the source",
            duty.marking
        ));
    }
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
