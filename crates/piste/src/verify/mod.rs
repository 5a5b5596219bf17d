//! `piste verify`: whether what the intruder left is gone, by evidence that was collected afterwards.
//!
//! In: the case, and collections of after the eviction. Out: each collection investigated in a case of its own below `after/`; each item of
//! the removal list and each door gone, still there, back or not visible, with rows and the span in which it would have shown;
//! `out/verify.json`, an entry in the ledger that opens again what came back, and a sheet to sign.

mod collections;
mod show;

use std::path::PathBuf;

use clap::Args;
use piste_case::kind;
use piste_case::plan::{Wave, action_catalog};
use piste_case::removal::{Judged, ReleaseState, actions_after, facts_after, findings_after};
use piste_judge::verify::{Question, identities, verify};
use piste_model::Instant;
use piste_model::removal::{EvictionKnown, RemovalList, Verification, VerifyFigures};
use piste_report::verify_sheet;
use serde_json::json;

use crate::cli::Common;
use crate::failure::{self, Failure};
use crate::person::{Who, open_ledger};
use crate::removal::{CaseResults, record, release_in_words};
use crate::response::{read, write_file};
use crate::results::{Next, with_hashes};
use crate::rules::arguments::RuleOptions;
use crate::{clock, out};

/// In `out/`.
pub(crate) const FILE: &str = "verify.json";

/// Judges by evidence collected afterwards whether what the intruder left is gone.
///
/// Each collection is investigated in a case of its own, CASE/after/NAME, so that every row leads to bytes. Each item of the removal list
/// and each door is then gone, still there, back or not visible. Gone it is only where evidence of its computer, younger than the
/// eviction and read whole, would show it. What came back opens findings and actions of the plan again. Without --after the collections
/// that were given before are judged anew.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste verify --after MX01-after.zip --after DC01-after.zip --evicted-at 2021-04-10T20:00:00Z\n  piste verify -o sheet.html --key ann.key\n  piste verify --json"
)]
pub(crate) struct VerifyOptions {
    /// A collection of after the eviction: a file, archive or folder; may be given several times.
    #[arg(long, value_name = "EVIDENCE")]
    after: Vec<PathBuf>,
    /// The computer that the collections are of, for files of which nothing in them names one.
    #[arg(long, value_name = "NAME", value_parser = crate::investigate::stated::host_name)]
    as_host: Option<String>,
    /// When the intruder was thrown out; if not given what the plan's actions say, else the case's last trace.
    #[arg(long, value_name = "TIME", value_parser = crate::look::bound)]
    evicted_at: Option<Instant>,
    /// Passwords for encrypted archives, one a line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Write a sheet to print and to sign.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON, as in out/verify.json.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: RuleOptions,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(arguments: &VerifyOptions, common: &Common) -> Result<u8, Failure> {
    if let Some(path) = &arguments.output {
        crate::output::refuse_precious(path)?;
        crate::output::refuse_no_folder(path)?;
    }
    let case = CaseResults::of(&common.case)?;
    let list = case.removal()?;
    let collected = collections::gather(arguments, common)?;
    if collected.is_empty() {
        return Err(Failure::usage(
            "verify-nothing-after",
            "no evidence of after the eviction was given",
            "nothing was judged",
            "collect the computers of the list again and name the collections: piste verify --after MX01-after.zip",
        ));
    }
    let mut verification = judged(arguments, common, &case, &list, &collected)?;
    write(arguments, common, &mut verification, &list)?;
    if let Some(path) = &arguments.output {
        let page = verify_sheet::html(&sheet(common, &verification, &list)?);
        write_file(path, &page)?;
    }
    if arguments.json {
        out::data(&format!("{}\n", json!(verification)));
    } else {
        out::data(&show::page(&verification, &list));
        out::note(&release_in_words(&record(&common.case)?, &list));
    }
    let whole = verification.collections.iter().all(|one| one.whole);
    Ok(if whole { 0 } else { failure::UNREAD })
}

/// When the intruder was thrown out, and where that is from.
fn eviction(
    arguments: &VerifyOptions,
    common: &Common,
    last_trace: Option<Instant>,
) -> Result<(Option<Instant>, EvictionKnown), Failure> {
    if let Some(at) = arguments.evicted_at {
        return Ok((Some(at), EvictionKnown::Given));
    }
    let before = record(&common.case)?.judged().and_then(|(judged, _)| judged.evicted_at);
    if let Some(at) = before {
        return Ok((Some(at), EvictionKnown::Given));
    }
    let catalog = action_catalog().ok();
    let of_window = |action: &str| {
        let found = catalog.and_then(|catalog| catalog.action(action));
        found.is_some_and(|(_, action)| action.wave == Wave::W1 && action.id.starts_with("EV-"))
    };
    let claimed = read(&common.case)?.plan.evicted_at(of_window);
    Ok(match claimed {
        Some(at) => (Some(at), EvictionKnown::Claimed),
        None => (last_trace, EvictionKnown::LastTrace),
    })
}

/// The latest row of the list or of an intrusion.
fn last_trace(case: &CaseResults, list: &RemovalList) -> Option<Instant> {
    let of_list = list.items.iter().filter_map(|item| item.last);
    of_list.chain(case.trail.intrusions.iter().map(|one| one.last_trace)).max()
}

fn judged(
    arguments: &VerifyOptions,
    common: &Common,
    case: &CaseResults,
    list: &RemovalList,
    collected: &[collections::Collected],
) -> Result<Verification, Failure> {
    let last_trace = last_trace(case, list);
    let (evicted_at, eviction_known) = eviction(arguments, common, last_trace)?;
    // What is younger than an eviction and older than the last trace says nothing either: he was there.
    let cutoff = evicted_at.max(last_trace.filter(|_| eviction_known == EvictionKnown::LastTrace));
    let names = |name: &str| case.names.full(name).to_owned();
    let before = identities(&case.seen.lake, &names)?;
    let host_names: Vec<_> = collected.iter().map(collections::Collected::host_names).collect();
    let afterwards: Vec<_> =
        collected.iter().zip(&host_names).map(|(one, host)| one.afterwards(host)).collect();
    let at = clock::now(common);
    let answer = verify(&Question {
        list,
        doors: &case.doors,
        cutoff,
        before: &before,
        hosts: &case.hosts(),
        afterwards: &afterwards,
        now: at,
    })?;
    let catalog = action_catalog().map_err(|what| {
        Failure::environment("catalogue", what, "nothing was judged", "report this as a bug")
    })?;
    let (reopened, done) = actions_after(catalog, &answer.traces);
    let number =
        |id: &String| catalog.action(id).map_or_else(|| id.clone(), |(at, _)| format!("A-{}", at + 1));
    Ok(Verification {
        at,
        evicted_at,
        eviction_known,
        last_trace,
        list_sha256: list.sha256.clone(),
        released: record(&common.case)?.state(list) == ReleaseState::Released,
        figures: VerifyFigures::of(answer.traces.iter().map(|trace| trace.result)),
        reopened_findings: findings_after(&answer.traces),
        proposed_facts: facts_after(&answer.traces, at),
        collections: answer.collections,
        hosts: answer.hosts,
        traces: answer.traces,
        doors: answer.doors,
        reopened_actions: reopened.iter().map(number).collect(),
        done_actions: done.iter().map(number).collect(),
    })
}

/// Writes `out/verify.json`, and the entry that opens again what came back.
fn write(
    arguments: &VerifyOptions,
    common: &Common,
    verification: &mut Verification,
    list: &RemovalList,
) -> Result<(), Failure> {
    let person = arguments.who.person().ok();
    if arguments.who.by.is_some() || arguments.who.key.is_some() {
        arguments.who.person()?; // whoever names himself is told why that does not do
    }
    let mut ledger = open_ledger(common, |_| Ok(()))?;
    let mut next = Next::begin(&common.case)?;
    let text = serde_json::to_string_pretty(verification).unwrap_or_default() + "\n";
    next.write(FILE, text.as_bytes())?;
    let key = |id: &str| list.items.iter().find(|item| item.id == id).map(|item| item.key.clone());
    let plain = |ids: &[String]| {
        let catalog = action_catalog().ok();
        let known = ids.iter().filter_map(|id| catalog.and_then(|catalog| catalog.action(id)));
        known.map(|(_, action)| action.id.clone()).collect()
    };
    let entry = Judged {
        by: person
            .as_ref()
            .map_or_else(|| "evidence collected afterwards".to_owned(), |one| one.name.clone()),
        list_sha256: verification.list_sha256.clone(),
        collections: verification.collections.iter().map(|one| one.name.clone()).collect(),
        evicted_at: verification.evicted_at.filter(|_| verification.eviction_known == EvictionKnown::Given),
        open: verification
            .traces
            .iter()
            .filter(|one| one.result.is_open())
            .filter_map(|one| key(&one.id))
            .collect(),
        reopened_actions: plain(&verification.reopened_actions),
        done_actions: plain(&verification.done_actions),
        reopened_findings: verification.reopened_findings.clone(),
    };
    let body = with_hashes(entry.body(), Some(&next));
    let at = clock::now(common);
    match &person {
        Some(person) => ledger.append_by(kind::VERIFY_JUDGED, body, at, person)?,
        None => ledger.append(kind::VERIFY_JUDGED, body, at)?,
    };
    next.commit()?;
    Ok(())
}

fn sheet<'v>(
    common: &Common,
    verification: &'v Verification,
    list: &'v RemovalList,
) -> Result<verify_sheet::Sheet<'v>, Failure> {
    let (mut entries, mut head) = (0, String::new());
    crate::person::read_ledger(&common.case, |entry| {
        entries = entry.seq;
        head.clone_from(&entry.hash);
        Ok(())
    })?;
    let release = release_in_words(&record(&common.case)?, list);
    Ok(verify_sheet::Sheet { verification, list, release, entries, head })
}
