//! The part of a case that persons write: opening it, who writes, and `out/duties.json`, which follows from it.
//!
//! In: `--case`, `--by`. Out: the facts and filings of the ledger, and new entries in it. The same command line, at the same
//! `--at`, gives the same bytes.

use std::fs;
use std::path::Path;

use piste_case::duties::{ClassState, Duty, Known, Profile, Response, classes, duties, duty_catalog};
use piste_case::{Ledger, Person};
use piste_model::Instant;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Common;
use crate::clock;
use crate::failure::Failure;
use crate::out;
use crate::person::{Past, Who, lock_ledger, or_set_aside, read_ledger};

/// Characters of a person's name.
const NAME_MAX: usize = 200;

/// A case open for writing facts and filings.
pub(crate) struct Writing {
    pub(crate) response: Response,
    ledger: Ledger,
    at: Instant,
    person: Option<Person>,
}

/// `out/duties.json`.
#[derive(Serialize)]
pub(crate) struct Answer {
    pub(crate) at: Instant,
    pub(crate) profile: String,
    pub(crate) duties: Vec<Duty>,
    pub(crate) classes: Vec<ClassState>,
}

/// Reads a case that is there; nothing is written or locked.
pub(crate) fn read(case: &Path) -> Result<Response, Failure> {
    let mut response = Response::default();
    read_ledger(case, |entry| or_set_aside(response.observe(entry)))?;
    Ok(response)
}

/// The hash of the first entry: it tells cases apart and never changes.
pub(crate) fn first_hash(case: &Path) -> Result<String, Failure> {
    let mut first = None;
    read_ledger(case, |entry| {
        first.get_or_insert_with(|| entry.hash.clone());
        Ok(())
    })?;
    Ok(first.unwrap_or_default())
}

/// Whether an entry is signed, in a word.
pub(crate) fn signed(is: bool) -> &'static str {
    if is { "signed" } else { "not signed" }
}

impl Writing {
    /// Opens the case, or begins one: a person may know facts before any evidence is there.
    pub(crate) fn open(common: &Common) -> Result<Self, Failure> {
        let at = clock::now(common);
        fs::create_dir_all(&common.case).map_err(|error| cannot_write(&common.case, &error))?;
        let (mut response, mut past) = (Response::default(), Past::default());
        let (mut ledger, opened) = lock_ledger(&common.case.join("ledger.jsonl"), &mut |entry| {
            past.observe(entry);
            or_set_aside(response.observe(entry))
        })?;
        past.go_on(&common.case, &mut ledger, opened, at)?;
        if opened.entries == 0 && !common.quiet {
            out::note(&format!("a new case was begun in {}", common.case.display()));
        }
        Ok(Self { response, ledger, at, person: None })
    }

    /// Appends one entry and takes it in.
    pub(crate) fn append(&mut self, kind: &str, body: Value) -> Result<(), Failure> {
        let entry = match &self.person {
            Some(person) => self.ledger.append_by(kind, body, self.at, person)?,
            None => self.ledger.append(kind, body, self.at)?,
        };
        self.response.observe(&entry)?;
        Ok(())
    }

    /// Who writes: `--by` or `--key`, their variables, else the one person that the case knows. Later entries are signed with
    /// the key.
    pub(crate) fn who(&mut self, who: &Who) -> Result<String, Failure> {
        let mut known = self.response.facts.persons().iter();
        let only = known.next().filter(|_| known.next().is_none()).map(String::as_str);
        let person = who.person_or(only)?;
        if person.name.chars().count() > NAME_MAX {
            return Err(Failure::usage(
                "person-name",
                format!("the name has more than {NAME_MAX} characters"),
                "nothing was recorded",
                "give the name and the office only",
            ));
        }
        let name = person.name.clone();
        self.person = Some(person);
        Ok(name)
    }

    /// Whether this person's entries are signed.
    pub(crate) fn is_signing(&self) -> bool {
        self.person.as_ref().is_some_and(|person| person.key.is_some())
    }

    /// The same in a word.
    pub(crate) fn signs(&self) -> &'static str {
        signed(self.is_signing())
    }

    /// Writes `out/duties.json` anew.
    pub(crate) fn refresh(&self, case: &Path) -> Result<(), Failure> {
        write_answer(case, &answer(&self.response, self.at)?)
    }
}

/// The profile in force.
pub(crate) fn profile(response: &Response) -> Result<&'static Profile, Failure> {
    response.profile().ok_or_else(|| {
        Failure::environment(
            "catalogue",
            "the catalogue has no profile",
            "nothing was shown",
            "report this as a bug",
        )
    })
}

/// Every duty and class at `at`.
pub(crate) fn answer(response: &Response, at: Instant) -> Result<Answer, Failure> {
    let known = Known { response, profile: profile(response)? };
    Ok(Answer { at, profile: known.profile.id.clone(), duties: duties(&known, at), classes: classes(&known) })
}

/// Writes `out/duties.json`, whole or not at all. It follows from the ledger and the moment: no hash of it is kept.
pub(crate) fn write_answer(case: &Path, answer: &Answer) -> Result<(), Failure> {
    let (folder, aside) = (case.join("out"), case.join("tmp"));
    let (path, part) =
        (folder.join("duties.json"), aside.join(format!("duties-{}.json", std::process::id())));
    let text = serde_json::to_string_pretty(answer).unwrap_or_default() + "\n";
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::create_dir_all(&aside))
        .and_then(|()| fs::write(&part, text))
        .and_then(|()| fs::rename(&part, &path));
    written.map_err(|error| cannot_write(&path, &error))
}

/// Writes a file that the user named.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    crate::output::refuse_precious(path)?;
    fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "case-write",
        format!("`{}` cannot be written: {error}", path.display()),
        "what was recorded before is kept",
        "make room, or give a place that can be written",
    )
}

/// The row of `O-13` or `GDPR-33`. A duty was `D-13` once, which is what doors are called: it is said, and nothing is guessed.
pub(crate) fn row(name: &str) -> Result<&'static piste_case::duties::Row, Failure> {
    duty_catalog().row(name).ok_or_else(|| {
        if let Some(number) = door_number(name) {
            return Failure::usage(
                "duty-unknown",
                format!("`{name}` is a door: duties are O-1, O-2, ..."),
                "nothing was recorded or written",
                format!("`piste duties O-{number}` for the obligation that had this number before, `piste why D-{number}` for the door"),
            );
        }
        Failure::usage(
            "duty-unknown",
            format!("there is no duty `{name}`"),
            "nothing was recorded or written",
            "`piste duties --all` lists them; name one as O-13 or GDPR-33",
        )
    })
}

/// The number in `D-13`.
fn door_number(name: &str) -> Option<u32> {
    name.strip_prefix("D-").or_else(|| name.strip_prefix("d-"))?.parse().ok()
}
