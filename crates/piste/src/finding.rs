//! `piste finding`: what an analyst says of a finding.
//!
//! In: a finding and a verdict with its reason. Out: an entry of the ledger, which binds to the finding's key and so holds for
//! later runs and for another team's case; and the finding in `out/findings.jsonl` with its new verdict.

use std::fmt::Write as _;

use clap::Args;
use piste_case::verdicts::{JUDGED, Judged, UNREVIEWED, VERDICTS, Verdict, Verdicts};
use piste_lake::store::write_durably;
use piste_model::Finding;
use piste_model::hash::sha256_hex;
use piste_report::escape;
use serde_json::json;

use crate::cli::Common;
use crate::custody::recorded_by;
use crate::failure::Failure;
use crate::look::not_written;
use crate::person::{Who, open_ledger};
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
    let path = common.case.join("out").join("findings.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|error| not_written(&path, &error))?;
    let mut findings =
        text.lines().map(serde_json::from_str::<Finding>).collect::<Result<Vec<_>, _>>().map_err(
            |error| {
                Failure::environment(
                    "out-damaged",
                    format!("`{}` cannot be read: {error}", path.display()),
                    "nothing was recorded",
                    "run `piste investigate` again: it is derived, and a run writes it anew",
                )
            },
        )?;
    let at = findings.iter().position(|finding| finding.id.to_string() == arguments.id);
    let Some(finding) = at.and_then(|at| findings.get_mut(at)) else {
        return Err(Failure::usage(
            "finding-unknown",
            format!("there is no finding {}", arguments.id),
            "nothing was recorded",
            "piste findings lists them",
        ));
    };
    let mut verdicts = Verdicts::default();
    if let (Some(verdict), Some(why)) = (&arguments.verdict, &arguments.why) {
        let person = arguments.who.person()?;
        finding.verdict.clone_from(verdict);
        let (key, id) = (finding.key.clone(), finding.id);
        let finding = finding.clone();
        let lines: Result<Vec<String>, _> = findings.iter().map(serde_json::to_string).collect();
        let lines =
            lines.unwrap_or_default().into_iter().fold(String::new(), |text, line| text + &line + "\n");
        let judged = Judged { key, id, verdict: verdict.clone(), why: why.trim().to_owned() };
        let mut body = json!(judged);
        if let Some(body) = body.as_object_mut() {
            // A proof binds the finding's line to the ledger by this hash.
            body.insert("out".to_owned(), json!({"findings.jsonl": sha256_hex(lines.as_bytes())}));
        }
        let mut ledger = open_ledger(common, |entry| verdicts.observe(entry))?;
        let entry = ledger.append_by(JUDGED, body, clock::now(common), &person)?;
        verdicts.observe(&entry)?;
        write_durably(&path, lines.as_bytes())?;
        tell(arguments, &finding, &verdicts);
    } else {
        piste_case::read_with(&crate::person::ledger_path(common)?, |entry| verdicts.observe(entry))?;
        tell(arguments, finding, &verdicts);
    }
    Ok(0)
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
