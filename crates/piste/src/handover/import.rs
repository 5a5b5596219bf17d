//! `piste case import`: another team's facts and verdicts.
//!
//! In: their package. Out: entries in our ledger, each with its origin, for what only they decided; a list of what
//! contradicts; and their ledger kept beside ours, so that each origin can be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use piste_case::merge::{Decisions, IMPORTED, Outcome, Subject, taken_body, value_of};
use piste_case::verdicts::JUDGED;
use piste_case::{Entry, Ledger, Person, Verified, read_signed, read_with};
use piste_lake::store::write_durably;
use piste_model::hash::sha256_hex;
use piste_model::{Finding, Instant};
use piste_report::escape;
use serde_json::{Value, json};

use super::package::{Package, no_package};
use crate::cli::Common;
use crate::failure::{Failure, chain};
use crate::person::{Who, ledger_path, open_ledger};
use crate::{clock, out};

/// In the case's folder.
const FINDINGS: &str = "out/findings.jsonl";

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
    let mut ours = Decisions::default();
    let mut listed = Listed::new();
    let mut ledger = open_ledger(common, |entry| {
        ours.observe(entry);
        for conflict in conflicts_of(entry) {
            if let Some(hash) = theirs_of(conflict) {
                listed.entry(hash.to_owned()).or_insert(entry.seq);
            }
        }
        Ok(())
    })?;
    let mut package = Package::open(&arguments.package)?;
    let kept = kept(&common.case, &package.manifest.head)?;
    package.others()?;
    package.ledger(&kept.aside)?;
    let (theirs, state) = read_theirs(&arguments.package, &kept.aside)?;
    if state.head != package.manifest.head || theirs.case() != package.manifest.case {
        return Err(no_package(&arguments.package, "its manifest names another ledger than it holds"));
    }
    let mut merged = ours.merge(&theirs);
    for (_, outcome) in &mut merged {
        // It was listed before, and we decided since: the same word of theirs is no news.
        if let Outcome::Conflict { ours, theirs } = outcome
            && listed.get(&theirs.hash).is_some_and(|seq| *seq < ours.seq)
        {
            *outcome = Outcome::Kept;
        }
    }
    // Their ledger is kept first: an entry that names it must find it.
    fs::rename(&kept.aside, &kept.path).map_err(|error| unwritable(&kept.path, &error))?;
    let at = clock::now(common);
    let judged = findings_with(&common.case, &merged)?;
    let counts =
        record(&mut ledger, &merged, &package, (&state, judged.as_deref()), (theirs.case(), &person, at))?;
    if let Some(lines) = &judged {
        write_durably(&common.case.join(FINDINGS), lines.as_bytes())?;
    }
    tell(arguments, &merged, &counts, ours.case() == theirs.case());
    Ok(0)
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

/// Where their ledger is kept.
struct Kept {
    aside: PathBuf,
    path: PathBuf,
}

fn kept(case: &Path, head: &str) -> Result<Kept, Failure> {
    let folder = case.join("imported");
    fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    // The head was named by another team: only its hex digits become a name.
    let name: String = head.chars().filter(char::is_ascii_hexdigit).take(64).collect();
    let path = folder.join(format!("{name}.jsonl"));
    Ok(Kept { aside: folder.join(format!("{name}.tmp")), path })
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
    let state = read_signed(ledger, |entry, _| {
        theirs.observe(entry);
        Ok(())
    });
    let state = state.map_err(|error| {
        let _ = fs::remove_file(ledger); // it is not kept as if it could be trusted
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

fn record(
    ledger: &mut Ledger,
    merged: &[(Subject, Outcome)],
    package: &Package,
    (state, judged): (&Verified, Option<&str>),
    (case, person, at): (&str, &Person, Instant),
) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    for (subject, outcome) in merged {
        match outcome {
            Outcome::Same => counts.same += 1,
            Outcome::Kept => counts.kept += 1,
            Outcome::Taken(theirs) => {
                counts.taken += 1;
                ledger.append_by(&theirs.kind, taken_body(theirs, case), at, person)?;
            }
            Outcome::Conflict { ours, theirs } => counts.conflicts.push(json!({
                "group": subject.group, "key": subject.key,
                "ours": {"seq": ours.seq, "value": value_of(ours), "why": why(ours)},
                "theirs": {"seq": theirs.seq, "hash": theirs.hash, "value": value_of(theirs), "why": why(theirs)},
            })),
        }
    }
    let mut body = json!({
        "case": case, "entries": state.entries, "head": state.head, "package_sha256": package.sha256,
        "from": package.manifest.by, "taken": counts.taken, "same": counts.same, "conflicts": counts.conflicts,
    });
    if let (Some(lines), Some(body)) = (judged, body.as_object_mut()) {
        // A proof binds a finding's line to the ledger by this hash.
        body.insert("out".to_owned(), json!({"findings.jsonl": sha256_hex(lines.as_bytes())}));
    }
    ledger.append_by(IMPORTED, body, at, person)?;
    Ok(counts)
}

/// `findings.jsonl` with the verdicts that were taken; `None` where that changes nothing, or no run wrote it yet.
fn findings_with(case: &Path, merged: &[(Subject, Outcome)]) -> Result<Option<String>, Failure> {
    let verdicts: BTreeMap<&str, &str> = merged
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Taken(theirs) if theirs.kind == JUDGED => {
                Some((theirs.body.get("key")?.as_str()?, theirs.body.get("verdict")?.as_str()?))
            }
            _ => None,
        })
        .collect();
    let path = case.join(FINDINGS);
    if verdicts.is_empty() || !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(|error| unwritable(&path, &error))?;
    let mut lines = String::new();
    for line in text.lines() {
        // A line that does not read is left as it is: the next run writes the file anew.
        let judged = serde_json::from_str::<Finding>(line).ok().and_then(|mut finding| {
            (*verdicts.get(finding.key.as_str())?).clone_into(&mut finding.verdict);
            serde_json::to_string(&finding).ok()
        });
        lines.push_str(judged.as_deref().unwrap_or(line));
        lines.push('\n');
    }
    Ok((lines != text).then_some(lines))
}

fn why(entry: &Entry) -> &str {
    entry.body.get("why").and_then(Value::as_str).unwrap_or_default()
}

fn tell(arguments: &Import, merged: &[(Subject, Outcome)], counts: &Counts, copy: bool) {
    if arguments.json {
        let taken: Vec<_> = merged
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Taken(_)))
            .map(|(subject, _)| json!({"group": subject.group, "key": subject.key}))
            .collect();
        let all =
            json!({"taken": taken, "same": counts.same, "kept": counts.kept, "conflicts": counts.conflicts});
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
    read_with(&ledger_path(common)?, |entry| {
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
