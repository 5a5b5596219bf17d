//! `piste tree`: what started what, with times, accounts, command lines and what rules say.
//!
//! In: the lake and `out/` of the last run. Out: process trees as text or JSON lines. Of a host, what rules speak of is shown with what is
//! around it; `--all` shows everything. What comes from evidence is escaped before it is printed.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;

use clap::Args;
use piste_judge::trail::{ProcessTrees, TreeInputs, TreeMark, TreeProcess, TreeQuery, process_trees};
use piste_model::summary::Summary;
use piste_model::trail::{ActRow, Trail};
use piste_model::{Clock, EvidenceId, Instant, Level};
use piste_report::escape::terminal;
use serde::Deserialize;

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::{HostNames, Seen, bound, is_host, note_not_examined, seen, unreadable};
use crate::out;

/// Processes that are shown without `--most`.
const MOST: usize = 400;
/// Detections that are looked at.
const MARKS_MAX: usize = 200_000;
/// Characters of a command line, of what a rule says.
const LINE_CHARS: usize = 240;
const MARK_CHARS: usize = 120;

/// Shows process trees: what started what, when, as whom, with which command line, and what rules say of it.
///
/// WHAT is a host, a step of the trail (S-4), a row (E-1:4711), a program (cmd.exe), a process number or Sysmon's GUID. Of a host only
/// the trees that rules speak of are shown, unless --all is given.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste tree MX01\n  piste tree S-4\n  piste tree cmd.exe --host MX01 --from 2021-03-14\n  piste tree MX01 --all --json"
)]
pub(crate) struct TreeOptions {
    /// Host, step, row, program, number or GUID.
    #[arg(value_name = "WHAT")]
    what: String,
    /// Only on this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// Only processes that started at this date or time or later, in UTC.
    #[arg(long, value_name = "TIME", value_parser = bound)]
    from: Option<Instant>,
    /// Only processes that started before, in UTC.
    #[arg(long, value_name = "TIME", value_parser = bound)]
    to: Option<Instant>,
    /// Of a host all processes, not only those that rules speak of.
    #[arg(long)]
    all: bool,
    /// Show at most so many processes.
    #[arg(long, value_name = "N", default_value_t = MOST)]
    most: usize,
    /// Print a JSON object a process.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &TreeOptions, common: &Common) -> Result<u8, Failure> {
    let case = &common.case;
    let seen = seen(case)?;
    let names = HostNames::of(case, &seen)?;
    let chosen = Chosen::of(arguments, &seen, case)?;
    let marks = marks(&seen, case, &chosen.hosts)?;
    let clocks = clocks(&seen, case)?;
    let inputs = TreeInputs {
        lake: &seen.lake,
        clocks: &clocks,
        host: &|name| names.full(name).to_owned(),
        hosts: &chosen.hosts,
        marks: &marks,
        query: &chosen.query,
        from: arguments.from,
        to: arguments.to,
        most: arguments.most,
    };
    let trees = process_trees(&inputs)?;
    print(arguments, &trees, &chosen);
    note_not_examined(case);
    Ok(0)
}

/// What is looked for, and where.
struct Chosen {
    hosts: Vec<String>,
    query: TreeQuery,
}

impl Chosen {
    fn of(arguments: &TreeOptions, seen: &Seen, case: &Path) -> Result<Self, Failure> {
        let text = seen.results.text(case, "summary.json")?;
        let summary: Summary =
            serde_json::from_str(&text).map_err(|error| unreadable("summary.json", &error))?;
        let all = &summary.hosts;
        let named =
            |wanted: &str| all.iter().filter(|host| is_host(wanted, host)).cloned().collect::<Vec<_>>();
        let mut within: Vec<String> = arguments.host.iter().flat_map(|wanted| named(wanted)).collect();
        if within.is_empty() && !arguments.host.is_empty() {
            return Err(unknown(&arguments.host.join(", "), all));
        }
        within.sort();
        within.dedup();
        let what = arguments.what.as_str();
        if let Some(rows) = rows_of(what, seen, case)? {
            // Rows say which host they are of; that of a step is known before any row is read.
            let hosts = if rows.hosts.is_empty() { all.clone() } else { rows.hosts };
            return Ok(Self { hosts, query: TreeQuery::Rows(rows.rows) });
        }
        let hosts = named(what);
        if !hosts.is_empty() {
            return Ok(Self { hosts, query: TreeQuery::Host { all: arguments.all } });
        }
        let is_process = what.to_ascii_lowercase().ends_with(".exe")
            || what.contains('\\')
            || what.contains('{')
            || what.bytes().all(|byte| byte.is_ascii_digit());
        if !is_process {
            return Err(unknown(what, all));
        }
        let hosts = if within.is_empty() { all.clone() } else { within };
        Ok(Self { hosts, query: TreeQuery::Process(what.to_owned()) })
    }
}

fn unknown(what: &str, hosts: &[String]) -> Failure {
    let some: Vec<&str> = hosts.iter().take(5).map(String::as_str).collect();
    Failure::usage(
        "tree-unknown",
        format!("`{what}` is no host of this case, no step, no row and no program"),
        "nothing was shown",
        format!(
            "hosts are {}{}; a program is named as cmd.exe, a step as S-4, a row as E-1:4711",
            some.join(", "),
            if hosts.len() > some.len() { " and more (`piste metrics hosts`)" } else { "" }
        ),
    )
}

/// Rows that are looked for, with the hosts that are known for them.
struct NamedRows {
    rows: Vec<ActRow>,
    hosts: Vec<String>,
}

/// The rows of a step, or a row by its own name; `None` where it is neither.
fn rows_of(what: &str, seen: &Seen, case: &Path) -> Result<Option<NamedRows>, Failure> {
    if crate::trail::is_step(what) {
        let text = seen.results.text(case, "trail.json")?;
        let trail: Trail = serde_json::from_str(&text).map_err(|error| unreadable("trail.json", &error))?;
        let mut steps = trail.intrusions.iter().flat_map(|one| &one.steps);
        let step = steps.find(|step| step.id.eq_ignore_ascii_case(what)).ok_or_else(|| {
            Failure::usage(
                "step-unknown",
                format!("there is no step `{what}`"),
                "nothing was shown",
                "`piste trail` lists them; name one as S-4",
            )
        })?;
        let row = |row: &piste_model::trail::StepRow| ActRow {
            evidence_id: row.evidence_id,
            record: row.record,
            offset: row.offset,
        };
        let hosts: BTreeSet<String> = step.rows.iter().map(|row| row.host.clone()).collect();
        return Ok(Some(NamedRows {
            rows: step.rows.iter().map(row).collect(),
            hosts: hosts.into_iter().collect(),
        }));
    }
    let Some((evidence, record)) = what.split_once(':') else { return Ok(None) };
    let (Ok(evidence), Ok(record)) = (evidence.parse::<EvidenceId>(), record.parse::<i64>()) else {
        return Ok(None);
    };
    // Detections and findings name a row by its offset too; by record alone it is looked for among them.
    let text = seen.results.text(case, "trail.json")?;
    let trail: Trail = serde_json::from_str(&text).map_err(|error| unreadable("trail.json", &error))?;
    let of_steps = trail.intrusions.iter().flat_map(|one| &one.steps).flat_map(|step| &step.rows);
    let of_steps =
        of_steps.map(|row| ActRow { evidence_id: row.evidence_id, record: row.record, offset: row.offset });
    let findings = seen.findings(case)?;
    let of_findings = findings.iter().flat_map(|one| &one.rows);
    let of_findings = of_findings.map(|row| ActRow {
        evidence_id: row.evidence_id,
        record: row.record,
        offset: row.offset,
    });
    let rows: BTreeSet<ActRow> = of_steps
        .chain(of_findings)
        .filter(|row| row.evidence_id == evidence && row.record == record)
        .collect();
    if rows.is_empty() {
        return Err(Failure::usage(
            "tree-row-unknown",
            format!("no step and no finding names the row `{what}`"),
            "nothing was shown",
            "name a row that `piste trail` or `piste findings` shows, or look by program: piste tree cmd.exe --host HOST",
        ));
    }
    Ok(Some(NamedRows { rows: rows.into_iter().collect(), hosts: Vec::new() }))
}

fn clocks(seen: &Seen, case: &Path) -> Result<Vec<Clock>, Failure> {
    #[derive(Deserialize)]
    struct Clocks {
        clocks: Vec<Clock>,
    }
    const FILE: &str = "clocks.json";
    let text = seen.results.text(case, FILE)?;
    let read: Clocks = serde_json::from_str(&text).map_err(|error| unreadable(FILE, &error))?;
    Ok(read.clocks)
}

/// What of a line of `detections.jsonl` is looked at.
#[derive(Deserialize)]
struct Marked {
    rule_title: String,
    level: Level,
    host: String,
    dataset: String,
    evidence_id: EvidenceId,
    record: i64,
    offset: u64,
}

/// Detections of level medium and above on these hosts, the file read line by line.
fn marks(seen: &Seen, case: &Path, hosts: &[String]) -> Result<Vec<TreeMark>, Failure> {
    const FILE: &str = "detections.jsonl";
    let hosts: BTreeSet<&str> = hosts.iter().map(String::as_str).collect();
    let mut marks = BTreeSet::new();
    for line in seen.results.file(case, FILE)?.lines() {
        let line = line.map_err(|error| crate::look::not_written(&case.join("out").join(FILE), &error))?;
        let marked: Marked = serde_json::from_str(&line).map_err(|error| unreadable(FILE, &error))?;
        let wanted = marked.level >= Level::Medium
            && marked.dataset.starts_with("windows.")
            && hosts.contains(marked.host.as_str());
        if wanted && marks.len() < MARKS_MAX {
            let row =
                ActRow { evidence_id: marked.evidence_id, record: marked.record, offset: marked.offset };
            marks.insert(TreeMark { row, text: format!("{}: {}", marked.level, marked.rule_title) });
        }
    }
    Ok(marks.into_iter().collect())
}

fn print(arguments: &TreeOptions, trees: &ProcessTrees, chosen: &Chosen) {
    if arguments.json {
        for process in &trees.processes {
            out::data(&format!("{}\n", serde_json::to_string(process).unwrap_or_default()));
        }
    } else {
        let mut host = "";
        for process in &trees.processes {
            if process.host != host {
                host = &process.host;
                out::data(&format!("{}\n", terminal(host, LINE_CHARS)));
            }
            out::data(&line(process));
        }
    }
    if trees.processes.is_empty() {
        let why = match chosen.query {
            TreeQuery::Host { all: false } => "no rule speaks of a process there; --all shows every process",
            _ => "no start of such a process is in the logs, or none in that time",
        };
        out::note(&format!(
            "nothing to show: {why}. {} starts of processes are in the logs of {}",
            trees.of,
            chosen.hosts.len()
        ));
    }
    if trees.left_out > 0 {
        out::note(&format!(
            "{} more processes; --most N shows more, --from and --to narrow it down",
            trees.left_out
        ));
    }
    if trees.cut {
        out::note("warning: more processes are in the logs than are kept: later ones are missing here");
    }
}

/// A process: its time, number and account, then its command line; what rules say under it.
fn line(process: &TreeProcess) -> String {
    let started = process.started.map_or_else(|| "start not logged".to_owned(), |at| at.to_string());
    let number = process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let account = if process.account.is_empty() { "-" } else { &process.account };
    let what = if process.command_line.is_empty() { &process.image } else { &process.command_line };
    let what = if what.is_empty() { "(program not named)" } else { what };
    let indent = "  ".repeat(process.depth);
    let mark = if process.looked_for { "*" } else { " " };
    let mut text = format!(
        "{started:<30} {mark}{indent}{}  [{number}, {}]\n",
        terminal(what, LINE_CHARS),
        terminal(account, MARK_CHARS)
    );
    for told in &process.marks {
        text.push_str(&format!("{:<30}  {indent}  ! {}\n", "", terminal(told, MARK_CHARS)));
    }
    text
}
