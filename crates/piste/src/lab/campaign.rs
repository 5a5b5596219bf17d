//! `piste lab campaign`: many small investigations of invented evidence, scored, as one table.
//!
//! In: scenarios, variants and a number of seeds. Out: for each scenario and variant how many verdicts were right, first
//! times, doors said to be invisible, and apart from those the gravest error: a door said to have been opened that was not.
//! Each investigation is a run of this same program, as a user would start it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use piste_lab::{DoorScenario, DoorScore, Telling};
use serde::Serialize;

use super::score;
use crate::cli::Common;
use crate::failure::{Failure, chain};
use crate::out;

/// Generates, investigates and scores scenarios about one way in, many times over.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste lab campaign --seeds 10 --scenario proxylogon --variant hit-failed --work lab/campaign"
)]
pub(super) struct Campaign {
    /// Runs of each scenario and variant, with seeds from 1 on.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Only these scenarios.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Only these variants.
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// Folder for evidence and cases while they are needed.
    #[arg(long, value_name = "FOLDER", default_value = "piste-campaign")]
    work: PathBuf,
    /// Keep the evidence and the case of every run in which something was wrong.
    #[arg(long)]
    keep_wrong: bool,
    /// Windows events as `.evtx` files.
    #[arg(long)]
    evtx: bool,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
}

/// One line of the table.
#[derive(Debug, Default, Serialize)]
struct Line {
    scenario: String,
    variant: String,
    runs: usize,
    /// Runs in which every verdict was right and nothing was invented.
    all_right: usize,
    right: usize,
    judged: usize,
    grave: usize,
    first_right: usize,
    first_of: usize,
    said_invisible: usize,
    invisible: usize,
    exposure_right: usize,
    exposure_of: usize,
    /// What was wrong, with the seed.
    wrong: Vec<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Campaign, common: &Common) -> Result<u8, Failure> {
    let mut lines = Vec::new();
    for name in names(arguments)? {
        let Some(story) = piste_lab::door_scenario(&name) else { continue };
        let variants: Vec<String> = story.variants().map(|(variant, _)| variant.to_owned()).collect();
        for variant in variants {
            if !arguments.variant.is_empty() && !arguments.variant.contains(&variant) {
                continue;
            }
            lines.push(many(arguments, &story, &variant)?);
            if !common.quiet
                && let Some(line) = lines.last()
            {
                out::note(&format!("{name} {variant}: {} of {} verdicts right", line.right, line.judged));
            }
        }
    }
    if lines.is_empty() {
        return Err(unknown(arguments.variant.first().map_or("", String::as_str)));
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&lines)
            .map_err(|error| broken(&arguments.work, &error.to_string()))?;
        out::data(&(json + "\n"));
    } else {
        out::data(&table(&lines));
    }
    Ok(0)
}

fn names(arguments: &Campaign) -> Result<Vec<String>, Failure> {
    let all: Vec<String> = piste_lab::door_scenario_names().map(str::to_owned).collect();
    if let Some(bad) = arguments.scenario.iter().find(|name| !all.contains(name)) {
        return Err(unknown(bad));
    }
    Ok(if arguments.scenario.is_empty() { all } else { arguments.scenario.clone() })
}

fn unknown(name: &str) -> Failure {
    Failure::usage(
        "lab-scenario",
        format!("there is no scenario or variant `{name}` about one way in"),
        "nothing was run",
        "`piste lab scenarios` names them",
    )
}

/// All seeds of one variant.
fn many(arguments: &Campaign, story: &DoorScenario, variant: &str) -> Result<Line, Failure> {
    let mut line = Line { scenario: story.name.clone(), variant: variant.to_owned(), ..Line::default() };
    for seed in 1..=arguments.seeds {
        let folder = arguments.work.join(format!("{}-{variant}-{seed}", story.name));
        remove(&folder)?;
        let (evidence, truth) = (folder.join("evidence"), folder.join("truth.json"));
        let case = folder.join("case");
        let telling = Telling { variant, seed, evtx: arguments.evtx, zip: false };
        piste_lab::generate_doors(story, telling, &evidence, &truth)
            .map_err(|error| broken(&folder, &chain(&error)))?;
        investigate(&evidence, &case)?;
        let scored = score::score(&truth, &case)?;
        line.add(seed, &scored);
        let right = is_all_right(&scored.doors);
        if right || !arguments.keep_wrong {
            remove(&folder)?;
        }
    }
    Ok(line)
}

fn is_all_right(doors: &DoorScore) -> bool {
    doors.right == doors.judged && doors.grave == 0 && doors.invented == 0
}

impl Line {
    fn add(&mut self, seed: u64, score: &piste_lab::Score) {
        let doors = &score.doors;
        self.runs += 1;
        self.all_right += usize::from(is_all_right(doors));
        self.right += doors.right;
        self.judged += doors.judged;
        self.grave += doors.grave;
        self.first_right += doors.first_times.right;
        self.first_of += doors.first_times.of;
        self.said_invisible += doors.said_invisible;
        self.invisible += doors.invisible;
        if let Some(exposure) = score.exposure {
            self.exposure_right += exposure.right;
            self.exposure_of += exposure.of;
        }
        self.wrong.extend(doors.wrong.iter().map(|wrong| format!("seed {seed}: {wrong}")));
    }
}

/// Runs this program on the evidence. Exit codes of findings and of evidence that nothing reads are no failures here.
fn investigate(evidence: &Path, case: &Path) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(|error| broken(evidence, &error.to_string()))?;
    let mut command = Command::new(program);
    command.arg("investigate").arg(evidence).arg("--case").arg(case).arg("--quiet");
    let ended = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| broken(evidence, &error.to_string()))?;
    match ended.status.code() {
        Some(0 | 1 | 3) => Ok(()),
        _ => Err(broken(evidence, String::from_utf8_lossy(&ended.stderr).trim())),
    }
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(broken(folder, &format!("cannot be removed: {error}")))
        }
        _ => Ok(()),
    }
}

fn broken(folder: &Path, why: &str) -> Failure {
    Failure::environment(
        "lab-campaign",
        format!("`{}`: {why}", folder.display()),
        "the campaign ended here",
        "make room or mend what it says, and run it again",
    )
}

fn table(lines: &[Line]) -> String {
    let mut rows = vec![format!(
        "{:<14} {:<17} {:>4} {:>9} {:>12} {:>6} {:>11} {:>10} {:>10}",
        "scenario",
        "variant",
        "runs",
        "all right",
        "verdicts",
        "grave",
        "first times",
        "invisible",
        "exposure"
    )];
    let mut sum = Line::default();
    for line in lines {
        rows.push(row(line, &line.scenario, &line.variant));
        sum.runs += line.runs;
        sum.all_right += line.all_right;
        sum.right += line.right;
        sum.judged += line.judged;
        sum.grave += line.grave;
        sum.first_right += line.first_right;
        sum.first_of += line.first_of;
        sum.said_invisible += line.said_invisible;
        sum.invisible += line.invisible;
        sum.exposure_right += line.exposure_right;
        sum.exposure_of += line.exposure_of;
    }
    rows.push(row(&sum, "all", ""));
    let percent = sum.right * 100 / sum.judged.max(1);
    rows.push(format!("{percent} % of verdicts right, {} grave", sum.grave));
    for line in lines {
        let wrong = line.wrong.iter().map(|one| format!("wrong: {} {} {one}", line.scenario, line.variant));
        rows.extend(wrong);
    }
    rows.join("\n") + "\n"
}

fn row(line: &Line, scenario: &str, variant: &str) -> String {
    let of = |part: usize, whole: usize| format!("{part}/{whole}");
    format!(
        "{scenario:<14} {variant:<17} {:>4} {:>9} {:>12} {:>6} {:>11} {:>10} {:>10}",
        line.runs,
        of(line.all_right, line.runs),
        of(line.right, line.judged),
        line.grave,
        of(line.first_right, line.first_of),
        of(line.said_invisible, line.invisible),
        of(line.exposure_right, line.exposure_of),
    )
}
