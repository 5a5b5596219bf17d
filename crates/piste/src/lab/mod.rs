//! `piste lab`: invented evidence, to try Piste on and to measure it with.
//!
//! In: a scenario, or a number of rows, and a seed. Out: a folder of logs, and beside it the truth of the scenario
//! (`truth.json`) or what was counted while writing (`stats.json`); and how near a case comes to the truth.

mod campaign;
mod score;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use piste_lab::{AfterOutcome, DoorScenario, EVICTION, Form, LabError, Many, Scenario, Stats, Telling};

use crate::cli::Common;
use crate::failure::{Failure, chain};
use crate::out;

/// Makes invented evidence.
#[derive(Debug, Args)]
pub(crate) struct Lab {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(Generate),
    /// Names the built-in scenarios and their variants.
    Scenarios,
    Score(score::Score),
    Campaign(campaign::Campaign),
}

/// Writes invented logs: a small intrusion with its truth, or as many rows as are asked for.
///
/// The same arguments give the same bytes. All hosts, names and addresses are ones set aside for examples.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste lab generate --scenario ministry --out lab/evidence\n  piste lab generate --scenario proxylogon --variant hit-before-patch --zip --out lab/evidence\n  piste lab generate --rows 1000000 --format jsonl --out lab/evidence"
)]
struct Generate {
    /// A built-in scenario, as `piste lab scenarios` names them, or a file.
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// In place of the scenario's evidence a collection of after the eviction, with what it shows of each planted thing.
    #[arg(long, value_enum, value_name = "OUTCOME", conflicts_with_all = ["rows", "variant", "zip", "format"])]
    after: Option<After>,
    /// Variant of a scenario about one way in.
    #[arg(long, value_name = "NAME", conflicts_with = "rows")]
    variant: Option<String>,
    /// One zip a server, for a scenario about one way in.
    #[arg(long, conflicts_with = "rows")]
    zip: bool,
    /// So many Windows events of a dozen hosts over two years.
    #[arg(long, value_name = "N", required_unless_present = "scenario", conflicts_with = "scenario")]
    rows: Option<u64>,
    /// Folder for the evidence: new or empty.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Another seed gives other traffic.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Form of Windows events; evtx for rows and jsonl for a scenario if not given.
    #[arg(long, value_enum)]
    format: Option<RowFormat>,
    /// Make every command line and script unique.
    #[arg(long, conflicts_with = "scenario")]
    unique: bool,
    /// File for the counts of rows; stats.json beside FOLDER if not given.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    stats: Option<PathBuf>,
    /// File for the scenario's truth; truth.json beside FOLDER if not given.
    #[arg(long, value_name = "FILE", conflicts_with = "rows")]
    truth: Option<PathBuf>,
    /// Threads; all cores if not given.
    #[arg(long, value_name = "N", conflicts_with = "scenario")]
    threads: Option<usize>,
    /// Print the counts as JSON.
    #[arg(long, conflicts_with = "scenario")]
    json: bool,
}

/// How the eviction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum After {
    /// All is gone.
    Complete,
    /// Some of it is still there, and some of what would show it was not collected.
    Partial,
    /// Some of it came back two weeks later.
    Returned,
    /// The computers were installed anew.
    Reinstalled,
    /// The computers on which it was were not collected.
    NotCollected,
    /// The collection is of before the eviction.
    Older,
}

impl After {
    fn outcome(self) -> AfterOutcome {
        match self {
            Self::Complete => AfterOutcome::Complete,
            Self::Partial => AfterOutcome::Partial,
            Self::Returned => AfterOutcome::Returned,
            Self::Reinstalled => AfterOutcome::Reinstalled,
            Self::NotCollected => AfterOutcome::NotCollected,
            Self::Older => AfterOutcome::Older,
        }
    }
}

/// Forms of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// Windows' own logs.
    Evtx,
    /// One JSON object a line, flat.
    Jsonl,
}

/// Runs the command.
pub(crate) fn run(arguments: &Lab, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Generate(generate) => match (&generate.scenario, generate.rows) {
            (Some(name), _) if generate.after.is_some() || name == EVICTION => {
                eviction(generate, name, common)
            }
            (Some(name), _) => scenario(generate, name, common),
            (None, rows) => many(generate, rows.unwrap_or(0), common),
        },
        Command::Scenarios => {
            scenarios();
            Ok(0)
        }
        Command::Score(arguments) => score::run(arguments, common),
        Command::Campaign(arguments) => campaign::run(arguments, common),
    }
}

/// A story of either kind.
enum Story {
    Intrusions(Box<Scenario>),
    Door(Box<DoorScenario>),
}

/// Names what is built in.
fn scenarios() {
    let mut lines = Vec::new();
    for scenario in piste_lab::built_in_names().filter_map(piste_lab::built_in) {
        lines.push(format!("{}\n    {}", scenario.name, scenario.summary));
    }
    for story in piste_lab::door_scenario_names().filter_map(piste_lab::door_scenario) {
        lines.push(format!("{}\n    {}", story.name, story.summary));
        lines.extend(story.variants().map(|(name, summary)| format!("    --variant {name}: {summary}")));
    }
    lines.push(format!("{EVICTION}\n    One thing of each kind that stays, to be verified with --after"));
    out::data(&(lines.join("\n") + "\n"));
}

/// The built-in story of this name, or the one in the file.
fn story(name: &str) -> Result<Story, Failure> {
    if let Some(scenario) = piste_lab::built_in(name) {
        return Ok(Story::Intrusions(Box::new(scenario)));
    }
    if let Some(story) = piste_lab::door_scenario(name) {
        return Ok(Story::Door(Box::new(story)));
    }
    let nothing = "nothing was written";
    if !Path::new(name).is_file() {
        return Err(Failure::usage(
            "lab-scenario",
            format!("there is no scenario and no file `{name}`"),
            nothing,
            "`piste lab scenarios` names those that are built in",
        ));
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        Failure::usage(
            "lab-scenario",
            format!("`{name}` cannot be read: {error}"),
            nothing,
            "give a text file",
        )
    })?;
    // Only a story about one way in has a `flaw`; its own faults are the ones to name then.
    let about_a_door = text.lines().any(|line| line.starts_with("flaw:"));
    let read = if about_a_door {
        DoorScenario::from_yaml(&text).map(|story| Story::Door(Box::new(story)))
    } else {
        Scenario::from_yaml(&text).map(|scenario| Story::Intrusions(Box::new(scenario)))
    };
    read.map_err(|error| {
        Failure::usage("lab-scenario", format!("`{name}`: {}", chain(&error)), nothing, "mend the file")
    })
}

/// Evidence of after an eviction, or that of before of the story that has one thing of each kind.
fn eviction(arguments: &Generate, name: &str, common: &Common) -> Result<u8, Failure> {
    let truth = beside(&arguments.out, arguments.truth.as_deref(), "truth.json");
    let scenario = match story(name) {
        _ if name == EVICTION => None,
        Ok(Story::Intrusions(scenario)) => Some(*scenario),
        Ok(Story::Door(_)) => {
            return Err(Failure::usage(
                "lab-after",
                format!("`{name}` plants nothing that stays"),
                "nothing was written",
                format!("--after takes ministry, {EVICTION} or a scenario of that kind"),
            ));
        }
        Err(failure) => return Err(failure),
    };
    let Some(after) = arguments.after else {
        piste_lab::generate_before(arguments.seed, &arguments.out).map_err(|error| failed(&error))?;
        if !common.quiet {
            out::note(&format!(
                "Wrote {}; --after writes a collection of after the eviction",
                arguments.out.display()
            ));
        }
        return Ok(0);
    };
    let told =
        piste_lab::generate_after(scenario.as_ref(), after.outcome(), arguments.seed, &arguments.out, &truth)
            .map_err(|error| failed(&error))?;
    if !common.quiet {
        out::note(&format!(
            "Wrote {}; the eviction was {}; what it shows stands in {}",
            arguments.out.display(),
            told.evicted_at,
            truth.display()
        ));
    }
    Ok(0)
}

fn scenario(arguments: &Generate, name: &str, common: &Common) -> Result<u8, Failure> {
    let truth = beside(&arguments.out, arguments.truth.as_deref(), "truth.json");
    match story(name)? {
        Story::Intrusions(scenario) => {
            if arguments.variant.is_some() || arguments.zip || arguments.format == Some(RowFormat::Evtx) {
                return Err(Failure::usage(
                    "lab-variant",
                    format!("`{name}` has no variants, and its files have one form"),
                    "nothing was written",
                    "leave out --variant, --zip and --format, or take a scenario about one way in",
                ));
            }
            piste_lab::generate(&scenario, arguments.seed, &arguments.out, &truth)
        }
        Story::Door(story) => {
            let Some(variant) = arguments.variant.as_deref() else {
                let names: Vec<_> = story.variants().map(|(name, _)| name).collect();
                return Err(Failure::usage(
                    "lab-variant",
                    format!("`{name}` has variants, and none was chosen"),
                    "nothing was written",
                    format!("choose one with --variant: {}", names.join(", ")),
                ));
            };
            let evtx = arguments.format == Some(RowFormat::Evtx);
            let telling = Telling { variant, seed: arguments.seed, evtx, zip: arguments.zip };
            piste_lab::generate_doors(&story, telling, &arguments.out, &truth)
        }
    }
    .map_err(|error| failed(&error))?;
    if !common.quiet {
        out::note(&format!(
            "Wrote {}\nWhat really happened stands in {}",
            arguments.out.display(),
            truth.display()
        ));
    }
    Ok(0)
}

fn many(arguments: &Generate, rows: u64, common: &Common) -> Result<u8, Failure> {
    let file = beside(&arguments.out, arguments.stats.as_deref(), "stats.json");
    if file.starts_with(&arguments.out) {
        return Err(Failure::usage(
            "lab-stats",
            format!("the counts `{}` would lie inside the evidence", file.display()),
            "nothing was written",
            "give a path beside it with --stats",
        ));
    }
    let many = Many {
        rows,
        seed: arguments.seed,
        form: match arguments.format {
            Some(RowFormat::Jsonl) => Form::Jsonl,
            Some(RowFormat::Evtx) | None => Form::Evtx,
        },
        unique: arguments.unique,
        threads: arguments
            .threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into)),
    };
    let stats = piste_lab::generate_many(&many, &arguments.out).map_err(|error| failed(&error))?;
    let mut json = serde_json::to_string_pretty(&stats).map_err(|error| unwritten(&file, &error.into()))?;
    json.push('\n');
    std::fs::write(&file, &json).map_err(|error| unwritten(&file, &error))?;
    out::data(&if arguments.json { json } else { shown(&stats) });
    if !common.quiet {
        out::note(&format!("Wrote {}; the counts stand in {}", arguments.out.display(), file.display()));
    }
    Ok(0)
}

/// The file that was asked for, or this one beside the evidence.
fn beside(evidence: &Path, asked: Option<&Path>, name: &str) -> PathBuf {
    asked.map_or_else(|| evidence.parent().unwrap_or(Path::new("")).join(name), Path::to_owned)
}

/// The counts for people.
fn shown(stats: &Stats) -> String {
    let mut lines = vec![
        format!("{} rows, {} bytes, {} files\n", stats.rows, stats.bytes, stats.files),
        format!("{:<20} {:>12} {:>12} {:>9}", "column", "values", "distinct", "ratio"),
    ];
    lines.extend(stats.columns.iter().map(|(name, column)| {
        let percent = column.ratio * 100.0;
        format!("{name:<20} {:>12} {:>12} {percent:>8.3}%", column.values, column.distinct)
    }));
    lines.join("\n") + "\n"
}

fn failed(error: &LabError) -> Failure {
    let what = chain(error);
    match error {
        LabError::NotEmpty(_) | LabError::TruthInEvidence(_) => {
            Failure::usage("lab-folder", what, "nothing was written", "give another path")
        }
        LabError::Scenario(_) => {
            let hint = "`piste lab scenarios` names scenarios and variants";
            Failure::usage("lab-scenario", what, "nothing was written", hint)
        }
        LabError::Write { .. } => Failure::environment(
            "lab-write",
            what,
            "the evidence is not whole",
            "make room, remove the folder and run the same command again",
        ),
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "lab-write",
        format!("`{}` cannot be written: {error}", path.display()),
        "the evidence is there, its counts are not",
        "mend the permissions or give another path with --stats",
    )
}
