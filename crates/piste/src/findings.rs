//! `piste findings`: the findings of a case to work through, and the detections behind them.
//!
//! In: a case. Out: the findings, the gravest first or by day; one finding opened to its rows, each with the command that
//! shows its bytes; or the detections in the form of another tool. Nothing is written into the case.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::BufRead;
use std::path::Path;

use clap::{Args, ValueEnum};
use piste_case::verdicts::{Judged, Verdict};
use piste_hunt::key_of;
use piste_lake::LakeError;
use piste_model::{Detection, Finding, Level, New, RowRef};
use piste_report::columns::wrapped;
use piste_report::escape::{terminal, visible};
use serde_json::json;

use crate::cli::Common;
use crate::export::rules::rules_of_last_run;
use crate::export::{ExportOptions, export};
use crate::failure::Failure;
use crate::look::{Seen, is_host, note_not_examined, refuse_unknown_hosts, seen};
use crate::out;

/// Blanks before what stands under a finding's first line.
const HANG: usize = 7;
/// Characters of a title, a place or a field's value.
const SHOWN_CHARS: usize = 300;
/// Days of an opened finding; `--by day` has them all.
const DAYS_SHOWN: usize = 31;

/// Lists the findings, opens one to its rows, or writes the detections for another tool.
///
/// A finding groups equal detections: the same rule, host, account and executable. With --output, --profile or --format the
/// detections themselves are written, in the form of Hayabusa, Chainsaw, Timeline Explorer or Timesketch.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste findings --level high --by day\n  piste findings F-12\n  piste findings --profile verbose -o hits.csv"
)]
pub(crate) struct Findings {
    /// One finding, by its number (F-12) or its key.
    #[arg(value_name = "FINDING")]
    pub(crate) finding: Option<String>,
    /// Only findings of this level or above.
    #[arg(long, short = 'm', alias = "min-level", value_name = "LEVEL", value_parser = crate::cli::level)]
    pub(crate) level: Option<Level>,
    /// Only this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Only what is new since an earlier run over other evidence or rules.
    #[arg(long)]
    pub(crate) new: bool,
    /// Divide the findings by day (UTC).
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    /// Print at most so many findings, or rows of one.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Print JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) export: ExportOptions,
}

/// What findings are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Day in UTC.
    Day,
}

/// Runs the command.
pub(crate) fn run(arguments: &Findings, common: &Common) -> Result<u8, Failure> {
    let seen = seen(&common.case)?;
    refuse_unknown_hosts(&common.case, &arguments.host)?;
    if arguments.export.wanted() {
        arguments.export.zone()?;
        arguments.export.target(&common.case)?;
    }
    let all = seen.findings(&common.case)?;
    tell_gone(&seen.judged_and_gone(&all));
    let found = selected(arguments, all)?;
    if arguments.export.wanted() {
        let keys: BTreeSet<String> = found.into_iter().map(|finding| finding.key).collect();
        write_hits(&seen, &arguments.export, common, move |detection| keys.contains(&key_of(detection)))?;
        return Ok(0);
    }
    if found.is_empty() && !arguments.json {
        note_not_examined(&common.case);
    }
    match (&arguments.finding, found.first()) {
        (Some(_), Some(finding)) => open(arguments, (&seen, &common.case), finding)?,
        _ if arguments.by == Some(By::Day) => by_day(arguments, &found),
        _ => list(arguments, &found),
    }
    Ok(0)
}

/// Names what somebody judged and the last run did not find again.
fn tell_gone(gone: &[&Verdict]) {
    for verdict in gone {
        let Judged { id, key, verdict, why, .. } = &verdict.judged;
        let line = format!(
            "warning: {id} was judged {verdict} ({why}) and is no longer among the findings: its rows or its rule are gone; key {key}"
        );
        out::note(&terminal(&line, 2 * SHOWN_CHARS));
    }
}

/// Writes the detections of the last run in the form of another tool.
pub(crate) fn write_hits(
    seen: &Seen,
    options: &ExportOptions,
    common: &Common,
    wanted: impl Fn(&Detection) -> bool + 'static,
) -> Result<(), Failure> {
    options.zone()?;
    let mut hits = hits((seen, &common.case), wanted)?;
    let rules = rules_of_last_run(&seen.run);
    let mut out = options.open(&common.case)?;
    let done = export(&seen.lake, &mut hits, &rules, options, &mut out)?;
    if !common.quiet {
        let left_out = match done.undated {
            0 => String::new(),
            undated => format!("; {undated} without a time were left out"),
        };
        out::note(&format!("{} detections{left_out}", done.written));
    }
    Ok(())
}

/// The findings asked for, the gravest first, as they stand in the file.
fn selected(arguments: &Findings, all: Vec<Finding>) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for finding in all {
        let named = arguments
            .finding
            .as_ref()
            .is_none_or(|name| finding.id.to_string().eq_ignore_ascii_case(name) || finding.key == *name);
        let level = arguments.level.is_none_or(|level| finding.level >= level);
        let host = arguments.host.is_empty()
            || finding.hosts.iter().any(|host| arguments.host.iter().any(|wanted| is_host(wanted, host)));
        if named && level && host && (!arguments.new || finding.new.is_some()) {
            found.push(finding);
        }
    }
    if let Some(name) = arguments.finding.as_ref().filter(|_| found.is_empty()) {
        return Err(Failure::usage(
            "finding-unknown",
            format!("there is no finding `{name}` among those asked for"),
            "nothing was shown",
            "`piste findings` lists them; name one as F-12",
        ));
    }
    Ok(found)
}

/// The detections that `wanted` picks, one at a time.
fn hits(
    (seen, case): (&Seen, &Path),
    wanted: impl Fn(&Detection) -> bool,
) -> Result<impl Iterator<Item = Result<Detection, Failure>>, Failure> {
    let path = case.join("out").join("detections.jsonl");
    let file = seen.results.file(case, "detections.jsonl")?;
    let read = move |line: std::io::Result<String>| -> Result<Detection, Failure> {
        let line = line.map_err(LakeError::read(&path))?;
        let detection = serde_json::from_str(&line)
            .map_err(|source| LakeError::Sidecar { path: path.clone(), source })?;
        Ok(detection)
    };
    let all = file.lines().map(read);
    Ok(all.filter(move |one| one.as_ref().map_or(true, &wanted)))
}

fn list(arguments: &Findings, found: &[Finding]) {
    let shown = arguments.limit.unwrap_or(usize::MAX);
    for finding in found.iter().take(shown) {
        if arguments.json {
            out::data(&format!("{}\n", serde_json::to_string(finding).unwrap_or_default()));
        } else {
            out::data(&in_words(finding, finding.count));
        }
    }
    if !arguments.json {
        out::note(&format!("{} of {} findings", found.len().min(shown), found.len()));
    }
}

/// One finding on two lines.
fn in_words(finding: &Finding, count: u64) -> String {
    let time =
        |time: Option<piste_model::Instant>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let new = match finding.new {
        Some(New::Finding) => ", new".to_owned(),
        Some(New::Rows) => format!(", {} rows new", finding.new_rows),
        None => String::new(),
    };
    let whose = [&finding.actor, &finding.acting_process];
    let whose: Vec<String> = whose.into_iter().flatten().map(|name| terminal(name, SHOWN_CHARS)).collect();
    let head = format!(
        "{:<6} {:<13} {} .. {}  {}",
        finding.id.to_string(),
        finding.level.as_str(),
        time(finding.first),
        time(finding.last),
        terminal(&finding.hosts.join(", "), SHOWN_CHARS),
    );
    let what =
        format!("       {} (x{count}{new}) {}", terminal(&finding.title, SHOWN_CHARS), whose.join(" · "));
    let width = out::table_width();
    // Without a terminal to fit the columns stay where they are.
    let head = if width.is_some() { wrapped(&head, width, HANG) } else { format!("{head}\n") };
    format!("{head}{}", wrapped(&what, width, HANG))
}

fn by_day(arguments: &Findings, found: &[Finding]) {
    let mut days: BTreeMap<&str, Vec<(&Finding, u64)>> = BTreeMap::new();
    for finding in found {
        for day in &finding.days {
            days.entry(&day.day).or_default().push((finding, day.count));
        }
    }
    for (day, findings) in &days {
        let shown = findings.iter().take(arguments.limit.unwrap_or(usize::MAX));
        if arguments.json {
            for (finding, count) in shown {
                let Finding { id, key, title, level, hosts, rule_id, actor, acting_process, .. } = finding;
                let line = json!({
                    "day": day, "count": count, "id": id, "key": key, "title": title, "level": level,
                    "hosts": hosts, "rule_id": rule_id, "actor": actor, "acting_process": acting_process,
                });
                out::data(&format!("{line}\n"));
            }
            continue;
        }
        let total: u64 = findings.iter().map(|(_, count)| count).sum();
        out::data(&format!("{day}: {} findings, {total} detections\n", findings.len()));
        for (finding, count) in shown {
            out::data(&in_words(finding, *count));
        }
    }
    let undated: u64 = found.iter().map(undated).sum();
    if undated > 0 && !arguments.json {
        out::note(&format!(
            "{undated} detections stand under no day: they have no time, or lie past a finding's 1,000 days"
        ));
    }
}

/// Detections that no day counts.
fn undated(finding: &Finding) -> u64 {
    finding.count.saturating_sub(finding.days.iter().map(|day| day.count).sum())
}

/// Shows the finding and each of its rows.
fn open(arguments: &Findings, (seen, case): (&Seen, &Path), finding: &Finding) -> Result<(), Failure> {
    if !arguments.json {
        out::data(&in_words(finding, finding.count));
        let days = finding.days.iter().take(DAYS_SHOWN).map(|day| format!("{} x{}", day.day, day.count));
        let more = finding.days.len().saturating_sub(DAYS_SHOWN);
        let more = if more > 0 { format!(" and {more} more days") } else { String::new() };
        out::data(&format!("       {}{more}\n\n", days.collect::<Vec<_>>().join(", ")));
    }
    let mut shown = 0;
    let limit = arguments.limit.unwrap_or(usize::MAX);
    for hit in hits((seen, case), |detection| key_of(detection) == finding.key)? {
        let hit = hit?;
        if shown >= limit {
            break;
        }
        shown += 1;
        if arguments.json {
            out::data(&format!("{}\n", serde_json::to_string(&hit).unwrap_or_default()));
        } else {
            out::data(&row(&hit, case));
        }
    }
    if shown == 0 {
        // A finding of another kind has no detections of its own; it lists its rows.
        for row in finding.rows.iter().take(limit) {
            out::data(&if arguments.json { format!("{}\n", json!(row)) } else { place(row, case) });
        }
    }
    Ok(())
}

fn row(hit: &Detection, case: &Path) -> String {
    let time = hit.time.map_or_else(|| "no time".to_owned(), |time| time.to_string());
    let mut text = format!("{time}  {}\n", terminal(&hit.path, SHOWN_CHARS));
    let _ = writeln!(text, "    record {} at byte {}", hit.record, hit.offset); // to a String: cannot fail
    for (name, value) in &hit.details {
        let _ = writeln!(text, "    {}: {}", terminal(name, SHOWN_CHARS), terminal(value, SHOWN_CHARS));
    }
    let _ = writeln!(text, "    {}", command(&format!("{}:{}", hit.evidence_id, hit.record), case));
    text
}

fn place(row: &RowRef, case: &Path) -> String {
    let command = command(&format!("{}:{}", row.evidence_id, row.record), case);
    format!(
        "{}\n    record {} at byte {}\n    {command}\n",
        terminal(&row.path, SHOWN_CHARS),
        row.record,
        row.offset
    )
}

/// What shows the record's bytes.
fn command(record: &str, case: &Path) -> String {
    let case = case.display().to_string();
    let quote = if case.contains([' ', '\'', '"', '$', '`', '\\']) { "'" } else { "" };
    let case = case.replace('\'', "'\\''");
    format!("piste show {record} --case {quote}{}{quote}", visible(&case))
}
