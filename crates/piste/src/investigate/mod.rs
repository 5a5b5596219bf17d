//! `piste investigate`: evidence to answer.
//!
//! In: evidence and rules. Out: the case's ledger, lake and `out/`, and a summary on the terminal. The order is the data's:
//! rules are loaded first, so that a wrong path costs nothing; then all evidence is sealed, read and hunted in units, and
//! the units' results are put together.

mod correlated;
pub(crate) mod doors;
mod exposed;
mod following;
mod hosts;
pub(crate) mod join;
mod lines;
pub(crate) mod merged;
pub(crate) mod outputs;
mod places;
pub(crate) mod proxies;
pub(crate) mod read;
pub(crate) mod rehunt;
pub(crate) mod stated;
pub(crate) mod trail;
mod visible;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant as Stopwatch;

use piste_hunt::VectorEngine;
use piste_hunt::correlate::Correlator;
use piste_hunt::told::RuleText;
use piste_lake::seal::Intake;
use piste_lake::{FileTime, Item, Sealer, StoredPath, path_text};
use piste_model::ArtefactKind;
use piste_model::evidence::EvidenceState;
use piste_model::guard;
use piste_model::hash::sha256_hex;
use piste_model::sources::Sources;
use piste_rules::correlation::Correlation;
use piste_rules::yara::YaraSet;
use piste_rules::{NotRun, RuleSet};
use serde_json::json;

use self::rehunt::Rehunt;
use crate::case::Case;
use crate::cli::{Common, Investigate};
use crate::failure::{self, Failure};
use crate::progress::Progress;
use crate::rules::prepared::{Prepared, drop_used_exclusions};
use crate::sightings::{Given, Looking};
use crate::{clock, out, place};

/// Everything that a run hunts with.
pub(crate) struct Hunt {
    pub(crate) rules: RuleSet,
    /// Hash over the rules and the engine: what one engine found is not taken for what another would.
    pub(crate) key: String,
    pub(crate) engine: VectorEngine,
    /// By rule: what its detections say of it; `None` where only correlations want its hits.
    pub(crate) told: Vec<Option<Arc<RuleText>>>,
    pub(crate) correlations: Vec<Correlation>,
    pub(crate) correlator: Correlator,
    pub(crate) not_compiled: Vec<NotRun>,
    pub(crate) sources: Sources,
    /// Kinds of files that are sealed and not read.
    pub(crate) artefacts: Vec<ArtefactKind>,
    pub(crate) yara: YaraSet,
    /// Seconds that the YARA rules have for one file.
    pub(crate) yara_seconds: u64,
}

impl Hunt {
    /// What the results of files depend on besides what those of logs do.
    fn files_key(&self) -> String {
        format!("yara {} {} s", self.yara.sha256, self.yara_seconds)
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Investigate, common: &Common) -> Result<u8, Failure> {
    let stopwatch = Stopwatch::now();
    refuse_no_evidence(arguments)?;
    let hunt = load_rules(arguments)?;
    let stop = stop_on_ctrl_c();
    let (case, written) = into_case(arguments, common, &hunt, &stop)?;
    tell(arguments, common, &written, &stopwatch, &case)
}

/// Whether the user asked to stop.
pub(crate) type Stop = Arc<AtomicBool>;

/// Investigates into the case of `common`, with rules that are loaded.
#[expect(clippy::too_many_lines, reason = "the path of the data, one step a line")]
pub(crate) fn into_case(
    arguments: &Investigate,
    common: &Common,
    hunt: &Hunt,
    stop: &Stop,
) -> Result<(Case, outputs::Written), Failure> {
    let binary = crate::binary::Hashing::begin();
    let passwords = passwords(arguments.password_file.as_deref())?;
    let given_indicators = Given::read(&arguments.indicators, arguments.no_earlier_indicators)?;
    let evidence = full_paths(&arguments.evidence)?;
    refuse_withdrawal(&common.case, &arguments.withdraw)?;
    // What can be refused was refused before: a wrong command leaves no case behind.
    let mut case = Case::open(&common.case, clock::now(common))?;
    place::refuse_others(&case, common.chosen, &evidence)?;
    if !common.quiet {
        place::announce_default(&common.case, common.chosen);
    }
    for path in &arguments.withdraw {
        case.withdraw(path)?;
    }
    let given = all_given(&case, evidence.clone())?;
    if given.len() > arguments.evidence.len() && !common.quiet {
        out::note(
            "Also reading what earlier runs of this case were given; --withdraw PATH leaves a path out",
        );
    }
    let known = given_indicators.with_earlier(&case)?;
    let mut body = json!({
        "evidence": given.iter().cloned().map(StoredPath).collect::<Vec<_>>(),
        "version": env!("CARGO_PKG_VERSION"),
        "binary_sha256": binary.sha256(),
        "rule_options": arguments.which.anywhere(),
    });
    hunt.tell(&mut body);
    known.tell(&mut body);
    let said = stated::with_earlier(case.stated(), arguments.as_host.as_deref(), &evidence);
    stated::tell(&said, &mut body);
    let trusted =
        proxies::with_earlier(case.proxies(), &arguments.trusted_proxy, arguments.no_earlier_proxies);
    proxies::tell(&trusted, &mut body);
    case.begin_run(body)?;
    let shown = out::progress_wanted() && !common.quiet;
    let sealing = Sealing {
        passwords: &passwords,
        older_hashes: known.asks_older_hashes(),
        time: arguments.file_time(),
        shown,
    };
    let mut intake = sealing.run(&case, &given)?;
    case.number_evidence(&mut intake.items, &mut intake.issues, &given)?;
    mark_same(&mut intake.items);
    stated::apply(&said, &mut intake.items);
    let dedup = if arguments.no_dedup { "all copies" } else { "one row a record" };
    let version = format!("{} {dedup}", env!("CARGO_PKG_VERSION"));
    let units = piste_lake::plan::plan(&intake.items, &version, &hunt.files_key());
    let reading = read::Reading {
        items: &intake.items,
        units: &units,
        hunt,
        passwords: &passwords,
        dedup: !arguments.no_dedup,
        threads: rehunt::threads(arguments.threads),
        time: arguments.file_time(),
        stop,
        shown,
    };
    let records = reading.run(&mut case)?;
    intake.issues.extend(case.change_issues(&given));
    let lake = case.lake.clone();
    let rehunt =
        Rehunt { lake: &lake, hunt, threads: reading.threads, stop, spent: rehunt::Spent::default() };
    case.hunt_stored(&hunt.key, &rehunt.run(&units)?.sha256)?;
    let mut joined = join::join(&intake, &units, &records, hunt);
    joined.proxies = trusted;
    let looking = Looking { known: &known, threads: reading.threads, stop, quiet: common.quiet };
    let mut written = outputs::write(&mut case, &units, hunt, joined, &looking)?;
    case.end_run(json!({"summary": written.summary}), written.next.take())?;
    Ok((case, written))
}

pub(crate) fn load_rules(arguments: &Investigate) -> Result<Hunt, Failure> {
    let sources = crate::rules::sources()?;
    let artefacts = crate::rules::artefacts()?;
    let yara = YaraSet::load(&arguments.which.yara_options(&[]))?;
    let options = arguments.which.load_options();
    let only_yara = options.paths.is_empty() && !options.built_in && !yara.is_empty();
    let Prepared { mut rules, plan, correlations, not_compiled } =
        Prepared::load(&options, &sources, only_yara)?;
    drop_used_exclusions(&mut rules, &yara);
    let engine = VectorEngine::new(&rules, plan);
    let told = rules.rules.iter().map(|rule| rule.reports.then(|| Arc::new(RuleText::of(rule)))).collect();
    let correlator = Correlator::new(&correlations);
    let version = env!("CARGO_PKG_VERSION");
    let key = sha256_hex(format!("{version} {} {}", piste_hunt::ENGINE, rules.sha256).as_bytes());
    let yara_seconds = arguments.yara_timeout;
    Ok(Hunt {
        rules,
        key,
        engine,
        told,
        correlations,
        correlator,
        not_compiled,
        sources,
        artefacts,
        yara,
        yara_seconds,
    })
}

/// Passwords, one a line, as bytes: archives know no encoding.
pub(crate) fn passwords(file: Option<&Path>) -> Result<Vec<Vec<u8>>, Failure> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::usage(
            "password-file",
            format!("the password file `{}` cannot be read: {error}", file.display()),
            "nothing was read",
            "check the path and the permissions",
        )
    })?;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    Ok(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Absolute paths of evidence that is there.
fn full_paths(evidence: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let full = |path: &PathBuf| {
        path.canonicalize().map_err(|_| Failure::from(piste_lake::LakeError::Missing(path.clone())))
    };
    evidence.iter().map(full).collect()
}

/// A run without evidence has nothing to do.
fn refuse_no_evidence(arguments: &Investigate) -> Result<(), Failure> {
    if !arguments.evidence.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(
        "evidence-none",
        "no evidence was given",
        "nothing was read",
        "name files, folders or archives: piste investigate MX01.zip DC01/ --case NAME",
    ))
}

/// Nothing can be taken back from a case that is not there.
fn refuse_withdrawal(case: &Path, withdraw: &[PathBuf]) -> Result<(), Failure> {
    let Some(path) = withdraw.first().filter(|_| !case.join("ledger.jsonl").exists()) else { return Ok(()) };
    Err(Failure::usage(
        "withdraw-unknown",
        format!("`{}` cannot be taken back: there is no case in `{}`", path_text(path), case.display()),
        "nothing was read",
        "leave out --withdraw, or name the case with --case",
    ))
}

/// What is given now and what earlier runs of the case were given, as absolute paths, sorted.
fn all_given(case: &Case, mut given: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    for path in case.given() {
        if !path.exists() {
            return Err(Failure::environment(
                "evidence-gone",
                format!("`{}` was given in an earlier run and is no longer there", path_text(path)),
                "nothing was changed; its rows stay in the lake",
                "attach the medium again, or take the path back: --withdraw PATH",
            ));
        }
        given.push(path.clone());
    }
    given.sort();
    given.dedup();
    Ok(given)
}

/// How evidence is sealed.
struct Sealing<'a> {
    passwords: &'a [Vec<u8>],
    older_hashes: bool,
    time: FileTime,
    shown: bool,
}

impl Sealing<'_> {
    fn run(&self, case: &Case, given: &[PathBuf]) -> Result<Intake, Failure> {
        let bytes = given.iter().map(|path| bytes_under(path)).sum();
        let progress = Progress::new("Sealing", bytes, self.shown);
        let done = |bytes| progress.done(bytes);
        let sealer = Sealer::new(case.lake.tmp(), self.passwords.to_vec(), &done)
            .with_older_hashes(self.older_hashes)
            .with_time(self.time);
        let intake = sealer.seal(given)?;
        progress.finish();
        Ok(intake)
    }
}

impl Hunt {
    /// What the ledger is to know of it.
    fn tell(&self, body: &mut serde_json::Value) {
        let of_run = [
            ("rules", json!(self.rules.figures.sets)),
            ("rules_sha256", json!(self.rules.sha256)),
            ("hunt", json!(self.key)),
            (
                "yara",
                json!({"sets": self.yara.sets, "sha256": self.yara.sha256, "seconds": self.yara_seconds}),
            ),
        ];
        if let Some(body) = body.as_object_mut() {
            body.extend(of_run.map(|(name, value)| (name.to_owned(), value)));
        }
    }
}

/// For the bar only: what cannot be looked at counts nothing here and is named when it is sealed.
fn bytes_under(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes_under(&entry.path())).sum()
}

/// The same log twice is parsed once: the item with the lowest id stands for the others. A file that is no log is looked at
/// wherever it lies: the same page on two servers is two ways in.
fn mark_same(items: &mut [Item]) {
    let mut first = std::collections::BTreeMap::new();
    let mut order: Vec<&mut Item> = items.iter_mut().filter(|item| item.is_log()).collect();
    order.sort_by_key(|item| item.id);
    for item in order {
        if let Some(id) = first.get(&item.sha256) {
            item.same_as = Some(*id);
            item.state = EvidenceState::Same;
        } else {
            first.insert(item.sha256.clone(), item.id);
        }
    }
}

/// Ctrl-C ends the run between two blocks, and the work on a block that takes long; a second one ends it at once. From here
/// on time is counted too.
pub(crate) fn stop_on_ctrl_c() -> Arc<AtomicBool> {
    clock::begin_ticks();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let handler = move || {
        guard::ask_to_stop();
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(failure::ENVIRONMENT));
        }
    };
    let _ = ctrlc::set_handler(handler); // without it Ctrl-C ends the run at once, which the next run mends
    stop
}

/// Prints the summary and says with which code to exit.
pub(crate) fn tell(
    arguments: &Investigate,
    common: &Common,
    written: &outputs::Written,
    stopwatch: &Stopwatch,
    case: &Case,
) -> Result<u8, Failure> {
    if arguments.json {
        let text = serde_json::to_string(&written.summary).unwrap_or_default();
        out::data(&format!("{text}\n"));
    } else if !common.quiet {
        out::data(&written.page);
    }
    let seconds = stopwatch.elapsed().as_secs_f64();
    let peak = peak_memory_bytes();
    outputs::write_run(&case.folder, seconds, peak, &written.summary)?;
    if !common.quiet {
        let rate = rate(written.summary.events, seconds);
        let peak = peak.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
        let out_folder = case.folder.join("out");
        out::note(&format!(
            "{seconds:.1} s, {rate:.0} events a second, peak memory {peak}; written to {}",
            piste_report::escape::visible(&out_folder.display().to_string())
        ));
        if !written.summary.reading.is_whole() {
            out::note(
                "Not all of the evidence was examined (exit code 3): `What was not examined` and `What could not be read` name it",
            );
        }
    }
    let found =
        arguments.fail_on.is_some_and(|level| written.gravest.is_some_and(|gravest| gravest >= level));
    Ok(if !written.summary.reading.is_whole() {
        failure::UNREAD
    } else if found {
        failure::FOUND
    } else {
        0
    })
}

/// Events a second.
#[expect(clippy::cast_precision_loss, reason = "a figure for people, shown without a fraction")]
fn rate(events: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { events as f64 / seconds } else { 0.0 }
}

/// The kernel's own count; `None` where the system does not tell.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1_024)
}
