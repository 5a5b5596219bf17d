//! `piste case import`: another team's facts and verdicts.
//!
//! In: their package. Out: entries in our ledger, each with its origin, for what only they decided; a list of what
//! contradicts; and their ledger kept beside ours, so that each origin can be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use piste_case::merge::{Decisions, IMPORTED, Outcome, Subject, objection, taken_body, value_of};
use piste_case::verdicts::{JUDGED, Verdicts};
use piste_case::{Entry, Ledger, LedgerError, Person, Verified, read_with};
use piste_model::Instant;
use piste_report::escape;
use serde_json::{Value, json};

use super::package::{Package, no_package};
use crate::cli::Common;
use crate::failure::{Failure, chain};
use crate::look::{FINDINGS, finding_lines, parse_findings};
use crate::person::{Past, Who, lock_ledger, or_set_aside, read_ledger};
use crate::results::{Next, Results, with_hashes};
use crate::{clock, out};

/// Facts and verdicts that one package may hold: far more than people state, and few enough for memory.
const ENTRIES_MAX: usize = 200_000;

/// Takes in the facts and verdicts of a package that another team made.
///
/// Facts merge by name, verdicts by finding. What only they decided is taken, with its origin; what contradicts yours is listed and
/// changes nothing until you decide anew. Their chain and every signature are checked first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste case import from-ministry.zip --by \"Bo Claes\"")]
pub(super) struct Import {
    /// The package.
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

/// Lists what another team decided otherwise and nobody has decided anew since.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste case conflicts")]
pub(super) struct Conflicts {
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Import, common: &Common) -> Result<u8, Failure> {
    let person = arguments.who.person()?;
    let mut package = Package::open(&arguments.package)?;
    let at = clock::now(common);
    let mut us = Us::open(common, at)?;
    let kept = kept(&common.case, &package.manifest.head)?;
    package.check_others()?;
    package.ledger(&kept.aside)?;
    let (theirs, state) = read_theirs(&arguments.package, &kept.aside)?;
    if state.head != package.manifest.head || theirs.case() != package.manifest.case {
        return Err(no_package(&arguments.package, "its manifest names another ledger than it holds"));
    }
    let mut merged = us.decisions.merge(&theirs);
    for (_, outcome) in &mut merged {
        // It was listed before, and we decided since: the same word of theirs is no news.
        if let Outcome::Conflict { ours, theirs } = outcome
            && us.listed.get(&theirs.hash).is_some_and(|seq| *seq < ours.seq)
        {
            *outcome = Outcome::Kept;
        }
    }
    // What nobody could read here again is not taken: the ledger keeps what it was given for ever.
    let foreign = foreign(&mut merged, theirs.case(), &person, at);
    // Their ledger is kept first: an entry that names it must find it.
    fs::rename(&kept.aside, &kept.path).map_err(|error| unwritable(&kept.path, &error))?;
    let next = us.findings_with(&common.case, &merged)?;
    let merging =
        Merging { merged: &merged, foreign: &foreign, package: &package, state: &state, case: theirs.case() };
    let (counts, entries) = merging.entries(next.as_ref());
    us.ledger.append_all_by(entries, at, &person)?;
    if let Some(next) = next {
        next.commit()?;
    }
    tell(arguments, &merged, (&counts, &foreign), us.decisions.case() == theirs.case());
    Ok(0)
}

/// Our side of an import: the ledger, held, and what it says.
struct Us {
    ledger: Ledger,
    decisions: Decisions,
    listed: Listed,
    results: Results,
    verdicts: Verdicts,
}

impl Us {
    /// Opens the case, or begins one: what another team decided may be the first that is known.
    fn open(common: &Common, at: Instant) -> Result<Self, Failure> {
        fs::create_dir_all(&common.case).map_err(|error| unwritable(&common.case, &error))?;
        let (mut decisions, mut listed) = (Decisions::default(), Listed::new());
        let (mut results, mut verdicts, mut past) =
            (Results::default(), Verdicts::default(), Past::default());
        let (mut ledger, opened) = lock_ledger(&common.case.join("ledger.jsonl"), &mut |entry| {
            past.observe(entry);
            results.observe(entry);
            decisions.observe(entry);
            for conflict in conflicts_of(entry) {
                if let Some(hash) = theirs_of(conflict) {
                    listed.entry(hash.to_owned()).or_insert(entry.seq);
                }
            }
            or_set_aside(verdicts.observe(entry))
        })?;
        past.go_on(&common.case, &mut ledger, opened, at)?;
        if opened.entries == 0 && !common.quiet {
            out::note(&format!(
                "There was no case in `{}`: one was begun there. It holds their facts and verdicts; the findings that these are of \
                 come with the evidence: piste investigate EVIDENCE",
                escape::visible(&common.case.display().to_string())
            ));
        }
        Ok(Self { ledger, decisions, listed, results, verdicts })
    }

    /// `findings.jsonl` with all verdicts that then stand in the ledger; `None` where that changes nothing, or no run wrote it yet.
    fn findings_with(&self, case: &Path, merged: &[(Subject, Outcome)]) -> Result<Option<Next>, Failure> {
        if self.results.hash(FINDINGS).is_none() {
            return Ok(None);
        }
        let taken: BTreeMap<&str, &str> = merged
            .iter()
            .filter_map(|(_, outcome)| match outcome {
                Outcome::Taken(theirs) if theirs.kind == JUDGED => {
                    Some((theirs.body.get("key")?.as_str()?, theirs.body.get("verdict")?.as_str()?))
                }
                _ => None,
            })
            .collect();
        let text = self.results.text(case, FINDINGS)?;
        let mut findings = parse_findings(&text, &self.verdicts)?;
        for finding in &mut findings {
            if let Some(verdict) = taken.get(finding.key.as_str()) {
                (*verdict).clone_into(&mut finding.verdict);
            }
        }
        let lines = finding_lines(&findings);
        if lines == text {
            return Ok(None);
        }
        let mut next = Next::begin(case)?;
        next.write(FINDINGS, lines.as_bytes())?;
        Ok(Some(next))
    }
}

/// An entry of theirs that is not taken, since no command here could read it.
struct Foreign {
    seq: u64,
    kind: String,
    why: String,
}

/// Sorts out what could not be read again; it stays in their ledger, which is kept, for a later version.
fn foreign(merged: &mut Vec<(Subject, Outcome)>, case: &str, person: &Person, at: Instant) -> Vec<Foreign> {
    let mut foreign = Vec::new();
    merged.retain(|(_, outcome)| {
        let Outcome::Taken(theirs) = outcome else { return true };
        let Some(why) = objection(theirs, case, &person.name, at) else { return true };
        foreign.push(Foreign { seq: theirs.seq, kind: theirs.kind.clone(), why });
        false
    });
    foreign
}

/// Hash of an entry of theirs to the entry of ours that first listed its contradiction.
type Listed = BTreeMap<String, u64>;

/// The contradictions that an import listed.
fn conflicts_of(entry: &Entry) -> impl Iterator<Item = &Value> {
    let all = entry.body.get("conflicts").filter(|_| entry.kind == IMPORTED);
    all.and_then(Value::as_array).into_iter().flatten()
}

fn theirs_of(conflict: &Value) -> Option<&str> {
    conflict.get("theirs")?.get("hash")?.as_str()
}

/// Where their ledger is kept. What was copied aside goes when this does, whatever came in between.
struct Kept {
    aside: PathBuf,
    path: PathBuf,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.aside); // after a successful import it has its name already
    }
}

fn kept(case: &Path, head: &str) -> Result<Kept, Failure> {
    let (folder, tmp) = (case.join("imported"), case.join("tmp"));
    for folder in [&folder, &tmp] {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    // The head was named by another team: only its hex digits become a name.
    let name: String = head.chars().filter(char::is_ascii_hexdigit).take(64).collect();
    let path = folder.join(format!("{name}.jsonl"));
    // A kill leaves it in `tmp`, which the next run clears.
    Ok(Kept { aside: tmp.join(format!("import-{}", std::process::id())), path })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "case-write",
        format!("`{}` cannot be written: {error}", path.display()),
        "nothing was imported",
        "make room or mend the permissions, then import again",
    )
}

fn read_theirs(package: &Path, ledger: &Path) -> Result<(Decisions, Verified), Failure> {
    let mut theirs = Decisions::default();
    let state = read_with(ledger, |entry| {
        theirs.observe(entry);
        if theirs.len() > ENTRIES_MAX {
            let what = format!("more than {ENTRIES_MAX} facts and verdicts");
            return Err(LedgerError::Body { seq: entry.seq, kind: entry.kind.clone(), what });
        }
        Ok(())
    });
    let state = state.map_err(|error| {
        Failure::environment(
            "package-not-whole",
            format!("the ledger in `{}` cannot be trusted: {}", package.display(), chain(&error)),
            "nothing was imported",
            "ask the other team to check their ledger: piste ledger verify",
        )
    })?;
    Ok((theirs, state))
}

/// How many of each outcome.
#[derive(Default)]
struct Counts {
    taken: u64,
    same: u64,
    kept: u64,
    conflicts: Vec<Value>,
}

/// Both sides brought together, ready to be recorded.
struct Merging<'a> {
    merged: &'a [(Subject, Outcome)],
    foreign: &'a [Foreign],
    package: &'a Package,
    state: &'a Verified,
    case: &'a str,
}

impl Merging<'_> {
    /// The entries to write, which are all written or none: those that are taken, then the one that says so.
    fn entries(&self, next: Option<&Next>) -> (Counts, Vec<(String, Value)>) {
        let mut counts = Counts::default();
        let mut entries = Vec::new();
        for (subject, outcome) in self.merged {
            match outcome {
                Outcome::Same => counts.same += 1,
                Outcome::Kept => counts.kept += 1,
                Outcome::Taken(theirs) => {
                    counts.taken += 1;
                    entries.push((theirs.kind.clone(), taken_body(theirs, self.case)));
                }
                Outcome::Conflict { ours, theirs } => counts.conflicts.push(json!({
                    "group": subject.group, "key": subject.key,
                    "ours": {"seq": ours.seq, "value": value_of(ours), "why": why(ours)},
                    "theirs": {"seq": theirs.seq, "hash": theirs.hash, "value": value_of(theirs), "why": why(theirs)},
                })),
            }
        }
        let foreign: Vec<Value> = self.foreign.iter().map(Foreign::json).collect();
        let body = json!({
            "case": self.case, "entries": self.state.entries, "head": self.state.head,
            "package_sha256": self.package.sha256, "from": self.package.manifest.by, "taken": counts.taken,
            "same": counts.same, "conflicts": counts.conflicts, "foreign": foreign,
        });
        // A proof binds a finding's line to the ledger by the hash of its file.
        entries.push((IMPORTED.to_owned(), with_hashes(body, next)));
        (counts, entries)
    }
}

impl Foreign {
    fn json(&self) -> Value {
        json!({"seq": self.seq, "kind": self.kind, "why": self.why})
    }
}

fn why(entry: &Entry) -> &str {
    entry.body.get("why").and_then(Value::as_str).unwrap_or_default()
}

fn tell(
    arguments: &Import,
    merged: &[(Subject, Outcome)],
    (counts, foreign): (&Counts, &[Foreign]),
    copy: bool,
) {
    if arguments.json {
        let taken: Vec<_> = merged
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Taken(_)))
            .map(|(subject, _)| json!({"group": subject.group, "key": subject.key}))
            .collect();
        let foreign: Vec<Value> = foreign.iter().map(Foreign::json).collect();
        let all = json!({"taken": taken, "same": counts.same, "kept": counts.kept, "conflicts": counts.conflicts, "foreign": foreign});
        out::data(&format!("{all}\n"));
        return;
    }
    let mut text = String::new();
    if copy {
        text.push_str("The package comes from a copy of this case\n");
    }
    let _ = writeln!(
        text,
        "Taken: {}; the same on both sides: {}; known before: {}; contradictions: {}",
        counts.taken,
        counts.same,
        counts.kept,
        counts.conflicts.len()
    );
    for Foreign { seq, kind, why } in foreign {
        let line =
            format!("  not taken, since it cannot be read here: entry {seq} (`{kind}`) of theirs: {why}");
        text.push_str(&escape::visible(&line));
        text.push('\n');
    }
    for conflict in &counts.conflicts {
        text.push_str(&conflict_line(conflict));
    }
    if !counts.conflicts.is_empty() {
        text.push_str("Nothing of yours was changed. Decide anew where they are right: piste fact set …, piste finding …\n");
    }
    out::data(&text);
}

fn conflict_line(conflict: &Value) -> String {
    let part = |side: &str, field: &str| {
        let value = conflict.get(side).and_then(|side| side.get(field)).cloned().unwrap_or_default();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let text = |field: &str| conflict.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let line = format!(
        "  {} {}: here {} ({}), there {} ({})",
        text("group"),
        text("key"),
        part("ours", "value"),
        part("ours", "why"),
        part("theirs", "value"),
        part("theirs", "why")
    );
    format!("{}\n", escape::visible(&line))
}

/// Lists the contradictions that are still open: nobody decided anew since they were seen.
pub(super) fn conflicts(arguments: &Conflicts, common: &Common) -> Result<u8, Failure> {
    let mut ours = Decisions::default();
    let mut seen: Vec<(u64, Value)> = Vec::new();
    read_ledger(&common.case, |entry| {
        ours.observe(entry);
        seen.extend(conflicts_of(entry).map(|conflict| (entry.seq, conflict.clone())));
        Ok(())
    })?;
    let (mut text, mut listed) = (String::new(), BTreeSet::new());
    // A package that is imported twice brings a contradiction twice: its last word counts.
    for (seq, conflict) in seen.into_iter().rev() {
        let field = |name: &str| conflict.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let subject = Subject { group: field("group"), key: field("key") };
        let first = listed.insert((subject.group.clone(), subject.key.clone()));
        if first && ours.last(&subject).is_none_or(|last| last.seq < seq) {
            let line = if arguments.json { conflict.to_string() + "\n" } else { conflict_line(&conflict) };
            text.push_str(&line);
        }
    }
    if text.is_empty() && !arguments.json {
        "No contradiction is open\n".clone_into(&mut text);
    }
    out::data(&text);
    Ok(0)
}
