//! `piste finding`: what an analyst says of a finding.
//!
//! In: a finding and a verdict with its reason. Out: an entry of the ledger, which binds to the finding's key and so holds for
//! later runs and for another team's case; and the finding in `out/findings.jsonl` with its new verdict.

use std::fmt::Write as _;

use clap::Args;
use piste_case::verdicts::{JUDGED, Judged, UNREVIEWED, VERDICTS, Verdict, Verdicts};
use piste_model::Finding;
use piste_report::escape;
use serde_json::json;

use crate::cli::Common;
use crate::custody::recorded_by;
use crate::failure::Failure;
use crate::look::{self, FINDINGS};
use crate::person::{Who, open_ledger, or_set_aside};
use crate::results::{Next, Results, with_hashes};
use crate::{clock, out};

/// Shows what was said of a finding, and records a verdict on it.
///
/// A verdict binds to the finding's key, not to its number: it holds for later runs too. The page `report.html` has it from
/// the next run on.
#[derive(Debug, Args)]
#[command(
    name = "finding",
    after_help = "Example:\n  piste finding F-3 --verdict confirmed --why \"shell found on disk\" --by \"Ann Peeters\""
)]
pub(crate) struct FindingCommand {
    /// F-3.
    #[arg(value_name = "FINDING")]
    id: String,
    /// confirmed, suspicious, benign or false-positive; unreviewed takes a verdict back.
    #[arg(long, value_name = "VERDICT", requires = "why", value_parser = verdict)]
    verdict: Option<String>,
    /// The reason.
    #[arg(long, value_name = "TEXT", requires = "verdict")]
    why: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

fn verdict(text: &str) -> Result<String, String> {
    if VERDICTS.contains(&text) || text == UNREVIEWED {
        return Ok(text.to_owned());
    }
    Err(format!("the verdicts are {} and {UNREVIEWED}", VERDICTS.join(", ")))
}

/// Runs the command.
pub(crate) fn run(arguments: &FindingCommand, common: &Common) -> Result<u8, Failure> {
    if let (Some(verdict), Some(why)) = (&arguments.verdict, &arguments.why) {
        return judge(arguments, verdict, why.trim(), common);
    }
    let seen = look::seen(&common.case)?;
    let findings = seen.findings(&common.case)?;
    let finding = findings.iter().find(|finding| finding.id.to_string() == arguments.id);
    tell(arguments, finding.ok_or_else(|| unknown(&arguments.id))?, &seen.verdicts);
    Ok(0)
}

/// Records a verdict. The ledger is held first: whoever judges at the same time has then been read.
fn judge(arguments: &FindingCommand, verdict: &str, why: &str, common: &Common) -> Result<u8, Failure> {
    let person = arguments.who.person()?;
    let (mut verdicts, mut results) = (Verdicts::default(), Results::default());
    let mut ledger = open_ledger(common, |entry| {
        results.observe(entry);
        or_set_aside(verdicts.observe(entry))
    })?;
    let mut findings = look::parse_findings(&results.text(&common.case, FINDINGS)?, &verdicts)?;
    let at = findings.iter().position(|finding| finding.id.to_string() == arguments.id);
    let finding = at.and_then(|at| findings.get_mut(at)).ok_or_else(|| unknown(&arguments.id))?;
    verdict.clone_into(&mut finding.verdict);
    let finding = finding.clone();
    let judged = Judged {
        key: finding.key.clone(),
        id: finding.id,
        verdict: verdict.to_owned(),
        why: why.to_owned(),
        title: finding.title.clone(),
    };
    // A proof binds the finding's line to the ledger by the file's hash.
    let mut next = Next::begin(&common.case)?;
    next.write(FINDINGS, look::finding_lines(&findings).as_bytes())?;
    let body = with_hashes(json!(judged), Some(&next));
    let entry = ledger.append_by(JUDGED, body, clock::now(common), &person)?;
    verdicts.observe(&entry)?;
    next.commit()?;
    tell(arguments, &finding, &verdicts);
    Ok(0)
}

fn unknown(id: &str) -> Failure {
    Failure::usage(
        "finding-unknown",
        format!("there is no finding {id}"),
        "nothing was recorded",
        "piste findings lists them",
    )
}

fn tell(arguments: &FindingCommand, finding: &Finding, verdicts: &Verdicts) {
    let history = verdicts.history(&finding.key);
    if arguments.json {
        let said: Vec<_> = history
            .iter()
            .map(|Verdict { judged, at, seq, by, taken_from }| {
                json!({
                    "verdict": judged.verdict, "why": judged.why, "at": at, "entry": seq, "by": recorded_by(by),
                    "taken_from": taken_from,
                })
            })
            .collect();
        out::data(&format!("{}\n", json!({"finding": finding, "verdicts": said})));
        return;
    }
    let mut text = format!(
        "{}  {}  {}  {}\n  key {}\n",
        finding.id,
        finding.level.as_str(),
        escape::visible(&finding.title),
        finding.verdict,
        finding.key
    );
    for Verdict { judged, at, seq, by, taken_from } in history {
        let taken = taken_from.as_ref().map_or_else(String::new, |from| format!("; taken over from {from}"));
        let line =
            format!("{at}  {}: {}  (entry {seq}, {}{taken})", judged.verdict, judged.why, recorded_by(by));
        let _ = writeln!(text, "  {}", escape::visible(&line)); // writing to a String cannot fail
    }
    if history.is_empty() {
        text.push_str("  nobody has judged it yet\n");
    }
    out::data(&text);
}
