//! `piste doors` and `piste why`: the ways in, and what the verdict on one rests on.
//!
//! In: `out/doors.json`. Out: one line a door; or one door's ladder, what speaks against it, what would settle it, and the
//! rows behind it, each with the command that shows its bytes. What comes from evidence is escaped before it is printed.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use piste_model::exchange::in_words;
use piste_model::summary::Summary;
use piste_model::{Door, DoorState, DoorVerdict, Instant};
use piste_report::columns::{Table, wrapped};
use piste_report::escape::{terminal, visible};

use crate::cli::Common;
use crate::failure::Failure;
use crate::investigate::doors::Doors as Written;
use crate::look::{is_host, note_not_examined, refuse_unknown_hosts, seen, unreadable};
use crate::out;
use crate::results::Results;

/// Characters of a place in the table.
const PLACE_CHARS: usize = 60;
/// Hosts whose web logs are named where no door was seen.
const HOSTS: usize = 3;
/// Characters of a sentence.
const SENTENCE_CHARS: usize = 600;
/// Flaws of one span that are named.
const FLAWS_NAMED: usize = 6;

/// Lists the ways in: which were probed, hit or used, from when to when.
///
/// A verdict is probed, failed, succeeded or used; `piste why D-1` shows what it rests on.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste doors --verdict succeeded\n  piste doors --host MX01 --json")]
pub(crate) struct Doors {
    /// Only doors with this verdict or a graver one: probed, failed, succeeded or used.
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    pub(crate) verdict: Option<DoorVerdict>,
    /// Only this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows what the verdict on a door rests on, what speaks against it and what evidence would settle it; or what joins a step of the trail to others.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste why D-1\n  piste why S-4")]
pub(crate) struct Why {
    /// A door, as D-1, or a step, as S-4.
    #[arg(value_name = "DOOR")]
    pub(crate) door: String,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn verdict(text: &str) -> Result<DoorVerdict, String> {
    match text {
        "probed" => Ok(DoorVerdict::Probed),
        "failed" => Ok(DoorVerdict::Failed),
        "succeeded" => Ok(DoorVerdict::Succeeded),
        "used" => Ok(DoorVerdict::Used),
        _ => Err("the verdicts are probed, failed, succeeded and used".to_owned()),
    }
}

fn verdict_word(verdict: DoorVerdict) -> &'static str {
    match verdict {
        DoorVerdict::Probed => "probed",
        DoorVerdict::Failed => "failed",
        DoorVerdict::Succeeded => "succeeded",
        DoorVerdict::Used => "used",
    }
}

fn state_word(state: DoorState) -> &'static str {
    match state {
        DoorState::Open => "open",
        DoorState::Closed => "closed",
        DoorState::Unknown => "unknown",
    }
}

fn written(case: &Path) -> Result<Written, Failure> {
    const FILE: &str = "doors.json";
    let text = seen(case)?.results.text(case, FILE)?;
    serde_json::from_str(&text).map_err(|error| unreadable(FILE, &error))
}

/// Runs `piste doors`.
pub(crate) fn run(arguments: &Doors, common: &Common) -> Result<u8, Failure> {
    let mut found = written(&common.case)?;
    refuse_unknown_hosts(&common.case, &arguments.host)?;
    let of_host =
        |host: &str| arguments.host.is_empty() || arguments.host.iter().any(|wanted| is_host(wanted, host));
    let all = found.doors.len();
    found
        .doors
        .retain(|door| of_host(&door.host) && arguments.verdict.is_none_or(|least| door.verdict >= least));
    found.not_visible.retain(|one| of_host(&one.host));
    if arguments.json {
        let text = serde_json::to_string(&found).unwrap_or_default();
        out::data(&format!("{text}\n"));
        return Ok(0);
    }
    if found.doors.is_empty() {
        out::data(&none_seen(&common.case));
    } else {
        out::data(&table(&found.doors));
    }
    for one in &found.not_visible {
        let cve = flaws_in_words(&one.cve);
        let cve = if cve.is_empty() { cve } else { format!(": {cve}") };
        let line =
            format!("not visible  {}{}", terminal(&one.why, SENTENCE_CHARS), terminal(&cve, SENTENCE_CHARS));
        out::data(&wrapped(&line, out::table_width(), 13));
    }
    out::note(&format!(
        "{} of {all} doors; `piste why D-1` shows what a verdict rests on",
        found.doors.len()
    ));
    note_not_examined(&common.case);
    Ok(0)
}

/// That no door was seen, with the days that this holds for.
fn none_seen(case: &Path) -> String {
    let summary = Results::of(case).and_then(|results| results.text(case, "summary.json")).ok();
    let summary = summary.and_then(|text| serde_json::from_str::<Summary>(&text).ok()).unwrap_or_default();
    let Some(covered) = summary.covered else {
        return "No such door was seen; of which days the evidence has rows is not known.\n".to_owned();
    };
    let web = if summary.web_logs.is_empty() {
        "; no web log is here".to_owned()
    } else {
        let each = summary.web_logs.iter().take(HOSTS);
        let all = covered.in_words();
        let days = |words: String| if words == all { "the same days".to_owned() } else { words };
        let each: Vec<String> =
            each.map(|(host, logs)| format!("web logs of {host}: {}", days(logs.in_words()))).collect();
        format!("; {}", each.join("; "))
    };
    let told = format!("No such door was seen {}{web}. That says nothing of other days.", covered.in_words());
    format!("{}\n", terminal(&told, SENTENCE_CHARS))
}

/// The first flaws by name, and how many more.
fn flaws_in_words(cve: &[String]) -> String {
    let rest = cve.len().saturating_sub(FLAWS_NAMED);
    let named = in_words(cve.iter().take(FLAWS_NAMED).map(String::as_str));
    if rest == 0 { named } else { format!("{named} and {rest} more (--json lists them)") }
}

fn moment(time: Option<Instant>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

/// A line a door.
fn table(doors: &[Door]) -> String {
    let mut table =
        Table::new(&["id", "verdict", "state", "kind", "host", "first use", "last use", "sources", "place"]);
    for door in doors {
        let cve = in_words(door.cve.iter().map(String::as_str));
        let cve = if cve.is_empty() { cve } else { format!(", {cve}") };
        let sources = match door.sources.as_slice() {
            [] => "-".to_owned(),
            [one] => one.clone(),
            [one, rest @ ..] => format!("{one} +{}", rest.len()),
        };
        table.rows.push(vec![
            door.id.clone(),
            verdict_word(door.verdict).to_owned(),
            state_word(door.state).to_owned(),
            terminal(&door.kind, PLACE_CHARS),
            terminal(&door.host, PLACE_CHARS),
            moment(door.first_used),
            moment(door.last_used),
            terminal(&sources, PLACE_CHARS),
            format!("{}{}", terminal(&ending(&door.place), PLACE_CHARS), terminal(&cve, SENTENCE_CHARS)),
        ]);
    }
    table.text(out::table_width())
}

/// The end of a long path says more than its beginning.
fn ending(place: &str) -> String {
    let count = place.chars().count();
    if count <= PLACE_CHARS {
        return place.to_owned();
    }
    let tail: String = place.chars().skip(count - PLACE_CHARS + 1).collect();
    format!("…{tail}")
}

/// Runs `piste why`.
pub(crate) fn why(arguments: &Why, common: &Common) -> Result<u8, Failure> {
    if crate::trail::is_step(&arguments.door) {
        return crate::trail::why(&arguments.door, arguments.json, common);
    }
    let found = written(&common.case)?;
    let named = |door: &&Door| door.id.eq_ignore_ascii_case(&arguments.door) || door.key == arguments.door;
    let Some(door) = found.doors.iter().find(named) else {
        return Err(Failure::usage(
            "door-unknown",
            format!("there is no door `{}`", arguments.door),
            "nothing was shown",
            "`piste doors` lists them; name one as D-1",
        ));
    };
    if arguments.json {
        out::data(&format!("{}\n", serde_json::to_string(door).unwrap_or_default()));
    } else {
        out::data(&ladder(door, &common.case));
    }
    Ok(0)
}

fn ladder(door: &Door, case: &Path) -> String {
    let shown = |text: &str| terminal(text, SENTENCE_CHARS);
    let mut text = format!(
        "{}  {}, {}  {} on {}\n      {}\n",
        door.id,
        verdict_word(door.verdict),
        state_word(door.state),
        shown(&door.kind),
        shown(&door.host),
        shown(&door.place)
    );
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "      {name:<9} {value}"); // to a String: cannot fail
        }
    };
    line("flaws", shown(&in_words(door.cve.iter().map(String::as_str))));
    let opened = match (door.opened.not_before, door.opened.not_after) {
        (None, None) => "not known".to_owned(),
        (None, Some(at)) => format!("no later than {at}"),
        (Some(at), None) => format!("not before {at}"),
        (Some(from), Some(to)) => format!("between {from} and {to}"),
    };
    let opened = match door.opened.not_after_corrected {
        Some(corrected) => format!("{opened} ({corrected} by the event's own clock)"),
        None => opened,
    };
    line("opened", opened);
    line("used", format!("{} .. {}", moment(door.first_used), moment(door.last_used)));
    line("sources", shown(&door.sources.join(", ")));
    line("accounts", shown(&door.accounts.join(", ")));
    line("to close", shown(&door.close));
    for (title, sentences) in
        [("For it", &door.why), ("Against it", &door.against), ("What would settle it", &door.missing)]
    {
        let _ = writeln!(text, "\n{title}"); // to a String: cannot fail
        if sentences.is_empty() {
            text.push_str("  nothing\n");
        }
        for sentence in sentences {
            let _ = writeln!(text, "  - {}", shown(sentence));
        }
    }
    let _ = writeln!(text, "\nRows ({} of {})", door.rows.len(), door.count);
    for row in &door.rows {
        let _ = writeln!(
            text,
            "  {} record {} at byte {}\n    {}",
            shown(&row.path),
            row.record,
            row.offset,
            show(&format!("{}:{}", row.evidence_id, row.record), case)
        );
    }
    text
}

/// What shows the record's bytes.
fn show(record: &str, case: &Path) -> String {
    let case = case.display().to_string();
    let quote = if case.contains([' ', '\'', '"', '$', '`', '\\']) { "'" } else { "" };
    let case = case.replace('\'', "'\\''");
    format!("piste show {record} --case {quote}{}{quote}", visible(&case))
}
