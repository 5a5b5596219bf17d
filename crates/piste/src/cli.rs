//! The command line: every flag with its help.
//!
//! In: what the user typed. Out: one struct a command. What needs a look at the world (does the path exist?) is checked
//! by the command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use ipnet::IpNet;
use piste_lake::FileTime;
use piste_model::{Instant, Level};

use crate::place::{Chosen, Place, place};
use crate::rules::arguments::{RuleOptions, Rules};

/// Reads evidence of an intrusion offline: finds, dates and explains what happened, and which ways in are open.
#[derive(Debug, Parser)]
#[command(name = "piste", version, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Common {
    /// Folder of the case; if not given `PISTE_CASE`, the case around the working folder, or ./piste-case.
    #[arg(long = "case", global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) case_named: Option<PathBuf>,
    /// The case's folder, once it is chosen.
    #[arg(skip)]
    pub(crate) case: PathBuf,
    /// How it was chosen.
    #[arg(skip)]
    pub(crate) chosen: Chosen,
    /// Time to use in place of the clock, as 2021-03-27T09:00:00Z or 2021-03-27T10:00[Europe/Brussels]; a date is its first
    /// instant in UTC.
    #[arg(long, global = true, value_name = "TIME", value_parser = crate::clock::at)]
    pub(crate) at: Option<Instant>,
    /// No progress and no summary; errors and warnings stay.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// No colours, as `NO_COLOR` asks for.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

impl Common {
    /// The same for a case that a command chooses itself.
    pub(crate) fn of_case(&self, case: PathBuf) -> Self {
        Self { case, chosen: Chosen::Named, ..self.clone() }
    }
}

impl Cli {
    /// What was typed, with the case chosen and inputs of either spelling in one list.
    pub(crate) fn settled(mut self) -> Self {
        let Place { case, chosen } = place(self.common.case_named.as_deref());
        (self.common.case, self.common.chosen) = (case, chosen);
        match &mut self.command {
            Command::Investigate(arguments) => arguments.what.gather(),
            Command::Hunt(arguments) => arguments.hunt.gather(),
            _ => {}
        }
        self
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Investigate(InvestigateCommand),
    Hunt(Hunt),
    Demo(Demo),
    Findings(crate::findings::Findings),
    Sightings(crate::sightings::Sightings),
    Indicators(crate::sightings::check::IndicatorsCommand),
    Doors(crate::doors::Doors),
    Why(crate::doors::Why),
    Trail(crate::trail::TrailOptions),
    Tree(crate::tree::TreeOptions),
    Logons(crate::logons::LogonsOptions),
    Show(Show),
    Search(Search),
    Timeline(Timeline),
    Metrics(Metrics),
    Finding(crate::finding::FindingCommand),
    Custody(crate::custody::CustodyCommand),
    Ledger(crate::ledger::LedgerCommand),
    Case(crate::handover::CaseCommand),
    Key(crate::key::Key),
    Exposure(crate::exposure::ExposureOptions),
    Visibility(crate::visibility::VisibilityOptions),
    Triage(crate::triage::Triage),
    Rules(Rules),
    Schema(Schema),
    Lab(crate::lab::Lab),
    Fact(crate::fact::Fact),
    Duties(crate::duties::Duties),
    Plan(crate::plan::PlanOptions),
    Verify(crate::verify::VerifyOptions),
    Watchlist(crate::watchlist::WatchlistOptions),
    Completions(crate::completions::Completions),
    Man(crate::completions::Man),
}

/// Seals, reads and hunts through evidence, and writes the findings.
///
/// EVIDENCE may be files, folders and archives in any mix: EVTX, JSON lines of Windows events, zip (KAPE, Velociraptor),
/// gz, zst. What a file is, its content decides. All output is written to CASE/out; running the same command again
/// finishes a run that was cut off.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste investigate MX01.zip DC01/ --rules sigma/rules --case ministry")]
pub(crate) struct InvestigateCommand {
    #[command(flatten)]
    pub(crate) what: Investigate,
    #[command(flatten)]
    pub(crate) export: crate::export::ExportOptions,
}

/// What is investigated, and how.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Investigate {
    /// Files, folders and archives.
    #[arg(value_name = "EVIDENCE")]
    pub(crate) evidence: Vec<PathBuf>,
    /// A folder of evidence, as Hayabusa names it; the same as EVIDENCE.
    #[arg(short = 'd', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: Vec<PathBuf>,
    /// A file of evidence, as Hayabusa names it; the same as EVIDENCE.
    #[arg(short = 'f', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Vec<PathBuf>,
    /// The computer that EVIDENCE is of, for files of which nothing in it names one; what names one goes by that. Later runs of
    /// the case keep it; a page and the requests for it are joined on this word.
    #[arg(long, value_name = "NAME", value_parser = crate::investigate::stated::host_name)]
    pub(crate) as_host: Option<String>,
    /// Leave out a path that an earlier run of the case was given; may be given several times.
    #[arg(long, value_name = "PATH")]
    pub(crate) withdraw: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) which: RuleOptions,
    /// Known indicators to look for: STIX, MISP, OpenIOC, CSV or a list; may be given several times. Later runs of the case
    /// look for them again.
    #[arg(long, value_name = "FILE")]
    pub(crate) indicators: Vec<PathBuf>,
    /// Leave out the indicators that earlier runs of the case were given.
    #[arg(long)]
    pub(crate) no_earlier_indicators: bool,
    /// Keep every copy of a record that lies in several logs as a row of its own.
    #[arg(long)]
    pub(crate) no_dedup: bool,
    /// Seconds that the YARA rules have for one file.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) yara_timeout: u64,
    /// Seconds that one file may take, and one more for every 2 MiB of it; 0 for no limit.
    #[arg(long, value_name = "SECONDS", default_value_t = FileTime::USUAL_SECONDS)]
    pub(crate) file_timeout: u32,
    /// Passwords for encrypted archives, one a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// A proxy whose word on who spoke with it is taken, as an address or a network; those that are none of the Internet are.
    /// Later runs of the case keep it.
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// Leave out the proxies that earlier runs of the case were given.
    #[arg(long)]
    pub(crate) no_earlier_proxies: bool,
    /// Exit with 1 if there is a finding of this level or above.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub(crate) fail_on: Option<Level>,
    /// Threads; all cores if not given.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print summary.json to stdout in place of the summary for people.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Investigate {
    /// Puts what `-d` and `-f` name among the evidence.
    fn gather(&mut self) {
        self.evidence.append(&mut self.directory);
        self.evidence.append(&mut self.file);
    }

    /// With one piece of evidence and no other flag.
    pub(crate) fn of(evidence: PathBuf, json: bool) -> Self {
        Self {
            evidence: vec![evidence],
            directory: Vec::new(),
            file: Vec::new(),
            as_host: None,
            withdraw: Vec::new(),
            which: RuleOptions::default(),
            indicators: Vec::new(),
            no_earlier_indicators: false,
            no_dedup: false,
            yara_timeout: 60,
            file_timeout: FileTime::USUAL_SECONDS,
            password_file: None,
            trusted_proxy: Vec::new(),
            no_earlier_proxies: false,
            fail_on: None,
            threads: None,
            json,
        }
    }

    /// What one file may take.
    pub(crate) fn file_time(&self) -> FileTime {
        FileTime { seconds: Some(self.file_timeout).filter(|seconds| *seconds > 0) }
    }

    /// Without evidence: what was read before is looked through.
    pub(crate) fn over_the_lake() -> Self {
        Self { evidence: Vec::new(), ..Self::of(PathBuf::new(), false) }
    }
}

/// Hunts with other rules through what was read before.
///
/// Without EVIDENCE the case's stored rows are hunted; the evidence itself is not touched. The detections of each rule set
/// are kept, and what they add to or lack of the last hunt is shown. With EVIDENCE it is investigated first. With --output,
/// --profile or --format the detections are written in the form of another tool.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste hunt --rules new-rules/ --case ministry")]
pub(crate) struct Hunt {
    #[command(flatten)]
    pub(crate) hunt: Investigate,
    #[command(flatten)]
    pub(crate) export: crate::export::ExportOptions,
}

/// Plants a small intrusion in invented evidence and investigates it, under ./piste-demo.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste demo")]
pub(crate) struct Demo {
    /// Print summary.json to stdout in place of the summary for people.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows a record down to its bytes, read again from the sealed file.
///
/// RECORD is E-1:57 (evidence and record), or a finding F-3, whose first rows are shown.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste show E-1:571146\n  piste show F-3 --proof --bundle f3.proof.json")]
pub(crate) struct Show {
    /// E-1:57 or F-3.
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
    /// Passwords for encrypted archives, one a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Also hash the whole file and compare it with its seal, and say what read and judged it.
    #[arg(long)]
    pub(crate) proof: bool,
    /// Write the proof into one file that `docs/check_proof.py` checks without Piste.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which rows.
#[derive(Debug, Args)]
pub(crate) struct Range {
    /// Earliest time, a date or a time in UTC.
    #[arg(long, value_name = "TIME", value_parser = crate::look::bound)]
    pub(crate) from: Option<Instant>,
    /// Time before which rows must lie.
    #[arg(long, value_name = "TIME", value_parser = crate::look::bound)]
    pub(crate) to: Option<Instant>,
    /// Only this host, with or without its domain; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Only this dataset, as windows.security; may be given several times.
    #[arg(long, value_name = "DATASET")]
    pub(crate) dataset: Vec<String>,
}

/// Searches all rows of the case.
///
/// PATTERN is text (anywhere, case does not count), field=value (whole value, with * and ?), or /regex/. A row must have
/// all patterns.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste search whoami ParentImage=*w3wp.exe --host MX01 --from 2021-03-01")]
pub(crate) struct Search {
    /// Text, field=value or /regex/.
    #[arg(required = true, value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Print at most so many rows, the earliest first.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Print whole rows as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Writes the detections, or all events, in the order of time.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste timeline --format timesketch --output mx01.jsonl --host MX01")]
pub(crate) struct Timeline {
    /// All events in place of the detections.
    #[arg(long)]
    pub(crate) events: bool,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
    /// File to write; stdout if not given.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Zone in which CSV shows times, as Europe/Brussels; UTC if not given.
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
}

/// Forms of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated, with Hayabusa's column names.
    Csv,
    /// One JSON object a line, all fields.
    Jsonl,
    /// JSON lines with `message`, `datetime` and `timestamp_desc`.
    Timesketch,
    /// Parquet, with the columns of CSV.
    Parquet,
}

/// Counts the case's rows.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste metrics hosts --from 2021-03-01\n  piste metrics failed-logons --host DC01"
)]
pub(crate) struct Metrics {
    /// By what.
    #[arg(value_enum, default_value_t = By::Events)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Print JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What rows are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Channel, provider and event id.
    Events,
    /// Host.
    Hosts,
    /// Evidence file.
    Files,
    /// Logons that succeeded: account, host, logon type and source.
    Logons,
    /// Logons that failed, likewise.
    FailedLogons,
    /// Accounts on each host: how often they logged on, and how often in vain.
    Users,
}

/// Prints the JSON schema of an output file.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste schema findings")]
pub(crate) struct Schema {
    /// Such as summary, evidence or findings; all names are printed if not given.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

pub(crate) fn level(text: &str) -> Result<Level, String> {
    Level::parse(text)
        .ok_or_else(|| "the levels are critical, high, medium, low and informational".to_owned())
}

/// A network, or one address of its own.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| one()).map_err(|_| {
        format!("`{text}` is neither an address like 198.51.100.7 nor a network like 198.51.100.0/24")
    })
}
