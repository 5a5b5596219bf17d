//! `piste lab`: invented evidence, to try Piste on and to measure it with.
//!
//! In: a scenario, or a number of rows, and a seed. Out: a folder of logs, and beside it the truth of the scenario
//! (`truth.json`) or what was counted while writing (`stats.json`).

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use piste_lab::{Form, LabError, Many, Stats};

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
}

/// Writes invented logs: a small intrusion with its truth, or as many rows as are asked for.
///
/// The same arguments give the same bytes. All hosts, names and addresses are ones set aside for examples.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste lab generate --scenario ministry --out lab/evidence\n  piste lab generate --rows 1000000 --format jsonl --out lab/evidence"
)]
struct Generate {
    /// A built-in scenario: `ministry`.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// So many Windows events of a dozen hosts over two years.
    #[arg(long, value_name = "N", required_unless_present = "scenario", conflicts_with = "scenario")]
    rows: Option<u64>,
    /// Folder for the evidence: new or empty.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Another seed gives other traffic.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Form of the rows.
    #[arg(long, value_enum, default_value_t = RowFormat::Evtx, conflicts_with = "scenario")]
    format: RowFormat,
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
    let Command::Generate(generate) = &arguments.command;
    match (&generate.scenario, generate.rows) {
        (Some(name), _) => scenario(generate, name, common),
        (None, rows) => many(generate, rows.unwrap_or(0), common),
    }
}

fn scenario(arguments: &Generate, name: &str, common: &Common) -> Result<u8, Failure> {
    let scenario = piste_lab::built_in(name).ok_or_else(|| {
        let names: Vec<_> = piste_lab::built_in_names().collect();
        Failure::usage(
            "lab-scenario",
            format!("there is no scenario `{name}`"),
            "nothing was written",
            format!("the built-in scenarios are: {}", names.join(", ")),
        )
    })?;
    let truth = beside(&arguments.out, arguments.truth.as_deref(), "truth.json");
    piste_lab::generate(&scenario, arguments.seed, &arguments.out, &truth).map_err(|error| failed(&error))?;
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
            RowFormat::Evtx => Form::Evtx,
            RowFormat::Jsonl => Form::Jsonl,
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
        _ => Failure::environment(
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
