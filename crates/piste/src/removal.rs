//! `piste plan removal`: what is to be removed, and its release by a signature; and the list as other commands take it.
//!
//! In: `out/` of the last run, the lake, the ledger. Out: the list, `out/removal.json`, and a release in the ledger that names the list's
//! hash. A list that was changed since is another list, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use piste_case::kind;
use piste_case::removal::{ReleaseState, Released, RemovalRecord};
use piste_judge::verify::{FileName, Ground, removal_list};
use piste_model::removal::RemovalList;
use piste_model::{Door, Evidence, EvidenceId, Exposure, Finding, Trail};
use piste_report::columns::Table;
use piste_report::escape::terminal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::{HostNames, Seen, seen, unreadable};
use crate::person::{Who, open_ledger, or_set_aside, read_ledger};
use crate::{clock, out};

/// Characters of a place in a table.
const PLACE_CHARS: usize = 110;

#[derive(Deserialize)]
struct Doors {
    doors: Vec<Door>,
}

#[derive(Deserialize)]
struct Servers {
    servers: Vec<Exposure>,
}

/// A case as its last run left it.
pub(crate) struct CaseResults {
    pub(crate) seen: Seen,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) doors: Vec<Door>,
    pub(crate) exposures: Vec<Exposure>,
    pub(crate) trail: Trail,
    pub(crate) names: HostNames,
}

impl CaseResults {
    /// Reads it.
    pub(crate) fn of(case: &Path) -> Result<Self, Failure> {
        let seen = seen(case)?;
        let doors: Doors = object(&seen, case, "doors.json")?;
        let servers: Servers = object(&seen, case, "exposure.json")?;
        Ok(Self {
            evidence: lines(&seen, case, "evidence.jsonl")?,
            findings: seen.findings(case)?,
            doors: doors.doors,
            exposures: servers.servers,
            trail: object(&seen, case, "trail.json")?,
            names: HostNames::of(case, &seen)?,
            seen,
        })
    }

    /// Names of its computers.
    pub(crate) fn hosts(&self) -> BTreeSet<String> {
        let known = self.evidence.iter().filter(|one| one.host_known.joins());
        let of_files =
            known.filter_map(|one| one.host.as_deref()).map(|host| self.names.full(host).to_owned());
        let of_trail = self.trail.intrusions.iter().flat_map(|one| one.hosts.iter().cloned());
        of_files.chain(of_trail).filter(|host| !host.is_empty()).collect()
    }

    /// The removal list.
    pub(crate) fn removal(&self) -> Result<RemovalList, Failure> {
        let files: BTreeMap<EvidenceId, FileName> = self
            .evidence
            .iter()
            .map(|one| (one.id, FileName { path: one.path.clone(), sha256: one.sha256.clone() }))
            .collect();
        let ground = Ground {
            trail: &self.trail,
            doors: &self.doors,
            findings: &self.findings,
            lake: &self.seen.lake,
            host: &|name| self.names.full(name).to_owned(),
            file: &|id| files.get(&id).cloned().unwrap_or_default(),
        };
        Ok(removal_list(&ground)?)
    }
}

fn object<T: DeserializeOwned>(seen: &Seen, case: &Path, name: &str) -> Result<T, Failure> {
    let text = seen.results.text(case, name)?;
    serde_json::from_str(&text).map_err(|error| unreadable(name, &error))
}

/// The objects of a file that has one a line.
pub(crate) fn lines<T: DeserializeOwned>(seen: &Seen, case: &Path, name: &str) -> Result<Vec<T>, Failure> {
    let text = seen.results.text(case, name)?;
    let read = text.lines().map(serde_json::from_str).collect::<Result<Vec<T>, _>>();
    read.map_err(|error| unreadable(name, &error))
}

/// What the ledger says of the list.
pub(crate) fn record(case: &Path) -> Result<RemovalRecord, Failure> {
    let mut record = RemovalRecord::default();
    read_ledger(case, |entry| or_set_aside(record.observe(entry)))?;
    Ok(record)
}

/// Shows what is to be removed, and releases the list.
///
/// An item is on the list by a step of an intrusion, by a door that let somebody in, or by a finding that a person confirmed. What a rule
/// alone points to stands apart: judge it first. A release is a signature over the list's hash: a list that changes after it must be
/// released again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste plan removal\n  piste plan removal --release --why 'agreed on in the meeting of 27 March' --key ann.key"
)]
pub(crate) struct Removal {
    /// Release the list as it is.
    #[arg(long, requires = "why")]
    release: bool,
    /// On what ground.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    who: Who,
    /// Print JSON, as in out/removal.json.
    #[arg(long)]
    json: bool,
}

/// Runs `piste plan removal`.
pub(crate) fn run(arguments: &Removal, common: &Common) -> Result<(), Failure> {
    let list = CaseResults::of(&common.case)?.removal()?;
    let path = common.case.join("out").join("removal.json");
    if let Err(failure) = write_aside(&common.case, "removal.json", &json_of(&list)) {
        out::note(&format!("warning: {failure}"));
    }
    if arguments.release {
        release(arguments, &list, common)?;
    }
    let record = record(&common.case)?;
    if arguments.json {
        let state = record.state(&list);
        let released = record
            .released()
            .map(|(one, at, signed)| json!({"by": one.by, "at": at, "signed": signed, "sha256": one.sha256}));
        let mut object = json!(list);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("release".to_owned(), json!({"state": state, "released": released}));
        }
        out::data(&format!("{object}\n"));
        return Ok(());
    }
    out::data(&shown(&list));
    out::note(&release_in_words(&record, &list));
    if !common.quiet {
        out::note(&format!("written to {}", piste_report::escape::visible(&path.display().to_string())));
    }
    Ok(())
}

fn json_of(list: &RemovalList) -> String {
    serde_json::to_string_pretty(list).unwrap_or_default() + "\n"
}

fn release(arguments: &Removal, list: &RemovalList, common: &Common) -> Result<(), Failure> {
    if list.items.is_empty() {
        return Err(Failure::usage(
            "removal-empty",
            "there is nothing on the list",
            "nothing was released",
            "confirm what is the intruder's: piste finding F-3 --verdict confirmed --why '...'",
        ));
    }
    let person = arguments.who.person()?;
    let mut ledger = open_ledger(common, |_| Ok(()))?;
    let released = Released {
        sha256: list.sha256.clone(),
        items: list.items.len() as u64,
        by: person.name.clone(),
        why: arguments.why.clone().unwrap_or_default(),
    };
    ledger.append_by(kind::REMOVAL_RELEASED, json!(released), clock::now(common), &person)?;
    Ok(())
}

/// How the list stands to its release, in a sentence.
pub(crate) fn release_in_words(record: &RemovalRecord, list: &RemovalList) -> String {
    let who = |what: &str| {
        record.released().map_or_else(String::new, |(one, at, _)| {
            format!("{what} {at} by {}", piste_report::escape::visible(&one.by))
        })
    };
    match record.state(list) {
        ReleaseState::NotReleased => {
            "This list is not released: piste plan removal --release --why '...' --key ann.key".to_owned()
        }
        ReleaseState::Unsigned => {
            format!("{}, and not signed: release it with --key", who("This list was released"))
        }
        ReleaseState::Changed => {
            format!(
                "This list is not the one that was {}: it was changed since. Look at it and release it again",
                who("released")
            )
        }
        ReleaseState::Released => format!("{}, signed", who("This list was released")),
    }
}

fn shown(list: &RemovalList) -> String {
    if list.items.is_empty() && list.undecided.is_empty() {
        return "No thing is known by a trace that is the intruder's. That says nothing of what left no trace, or was not collected.\n".to_owned();
    }
    let mut table = Table::new(&["id", "what", "to do", "host", "place", "by"]);
    for item in &list.items {
        table.rows.push(vec![
            item.id.clone(),
            item.kind.as_str().to_owned(),
            item.measure.as_str().to_owned(),
            terminal(&item.host, PLACE_CHARS),
            terminal(&item.place, PLACE_CHARS),
            item.traces.join(", "),
        ]);
    }
    let mut text = table.text(out::table_width());
    if !list.undecided.is_empty() {
        text.push_str("\nNot on the list, since a rule alone points to it: judge it first (piste finding F-3 --verdict confirmed|false-positive)\n");
        let mut table = Table::new(&["what", "host", "place", "by"]);
        for one in &list.undecided {
            table.rows.push(vec![
                one.kind.as_str().to_owned(),
                terminal(&one.host, PLACE_CHARS),
                terminal(&one.place, PLACE_CHARS),
                one.traces.join(", "),
            ]);
        }
        text.push_str(&table.text(out::table_width()));
    }
    text
}

/// Writes a file of `out/` that follows from what is there: whole or not at all, and no hash of it is kept.
pub(crate) fn write_aside(case: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let (folder, aside) = (case.join("out"), case.join("tmp"));
    let (path, part) = (folder.join(name), aside.join(format!("{}-{name}", std::process::id())));
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::create_dir_all(&aside))
        .and_then(|()| fs::write(&part, text))
        .and_then(|()| fs::rename(&part, &path));
    written.map(|()| path.clone()).map_err(|error| {
        Failure::environment(
            "out-not-written",
            format!("`{}` cannot be written: {error}", path.display()),
            "what is shown is not kept",
            "see that the case's folder can be written",
        )
    })
}
