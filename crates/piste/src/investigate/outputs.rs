//! `out/`: every file that scripts and people read, derived anew by each run.
//!
//! In: the joined records and the units' detections, each already in order. Out: the files of `docs/schemas/`, the report
//! and the timeline. The detections of all units are merged as streams, so that their number costs no memory. Each file is
//! made aside and takes its name when the ledger has its hash (`results.rs`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use piste_hunt::told::Told;
use piste_hunt::{Findings, Since};
use piste_lake::store::{Attachment, Coverage, Found, rename_durably};
use piste_lake::{Lake, LakeError, Unit};
use piste_model::coverage::{covered, is_log, together};
use piste_model::summary::{NewFigures, Summary};
use piste_model::{Evidence, EvidenceId, Finding, Level, New};
use piste_report::tallies::Counted;
use piste_report::view::Sought;
use piste_report::{RunView, Style, Tallies, TimelineCsv, html, terminal};
use serde::Serialize;
use serde_json::json;

use super::Hunt;
use super::correlated;
use super::doors::{Beside, Doors};
use super::following;
use super::join::Joined;
use super::lines::Lines;
use super::merged::{Merged, few_enough};
use super::places::{Places, hit_copies};
use super::trail::{self, Witnesses};
use crate::case::Case;
use crate::failure::Failure;
use crate::out;
use crate::plan::RunScope;
use crate::results::{Hashing, Next};
use crate::sightings::{FILE, Looking};

/// What was written.
pub(crate) struct Written {
    pub(crate) summary: Summary,
    /// The files, which take their places once the ledger has their hashes.
    pub(crate) next: Option<Next>,
    /// The summary for people.
    pub(crate) page: String,
    pub(crate) gravest: Option<Level>,
    /// What each host's datasets cover.
    pub(crate) coverage: Vec<Coverage>,
}

/// Logs of what was asked for over the web.
const WEB_LOGS: [&str; 2] = ["iis.access", "exchange.httpproxy"];

/// Writes `out/`.
#[expect(
    clippy::too_many_lines,
    reason = "one file after the other, each from what the ones before it found"
)]
pub(crate) fn write(
    case: &mut Case,
    units: &[Unit],
    hunt: &Hunt,
    mut joined: Joined,
    looking: &Looking<'_>,
) -> Result<Written, Failure> {
    joined.tell_indicators(&looking.known.indicators);
    let folder = Folder::open(&case.folder)?;
    let (found, in_files) = found_in(case, units, &hunt.key);
    let paths: BTreeMap<u32, &str> =
        joined.evidence.iter().map(|one| (one.id.0, one.path.as_str())).collect();
    let copies = hit_copies(case, units, &found)?;
    let mut places = Places::new(&joined.hosts, &joined.evidence, copies);
    let baseline = case.baseline(inputs(&joined.evidence, units, hunt, looking));
    let since = baseline.map(|baseline| baseline.since);
    let path_of = |id: EvidenceId| paths.get(&id.0).map(|path| (*path).to_owned()).unwrap_or_default();
    let correlated = correlated::detections(case, units, hunt, &path_of)?;
    let sources = found.into_iter().chain(in_files).chain(correlated.iter().cloned()).collect();
    let (sources, mut merged) = few_enough(sources, case.lake.tmp())?;
    merged.extend(correlated);
    let (streamed, beside, doors) =
        read_both(&case.lake, &joined, || stream(&folder, &sources, &mut places, since))?;
    let mut findings = streamed.findings;
    remove(&merged);
    let seen = looking.find(&case.lake, &joined, since.map(|since| since.evidence))?;
    let sought = seen.map(|seen| looking.sought(seen, &mut findings));
    folder.sightings(sought.as_ref())?;
    let findings = case.number_findings(|number| findings.finish(|key| number(key)))?;
    let by_persons = following::by_persons(case)?;
    let decisions = by_persons.joins.decisions();
    let said = trail::Said {
        witnesses: &streamed.witnesses,
        findings: &findings,
        doors: &doors,
        beside: &beside,
        decisions: &decisions,
    };
    let trail = said.trail(&case.lake, &joined)?;
    folder.object("trail.json", &trail)?;
    let not_visible: Vec<String> = doors.not_visible.iter().map(|one| one.why.clone()).collect();
    folder.beside(&beside)?;
    let Joined { evidence, issues, coverage, hosts: _, proxies: _, areas, not_run, mut summary } = joined;
    summary.detections = Some(streamed.tallies.total());
    summary.findings = Some(findings.len() as u64);
    summary.sightings = sought.as_ref().map(|sought| sought.sightings.len() as u64);
    summary.doors = Some(doors.doors.len() as u64);
    summary.intrusions = Some(trail.intrusions.len() as u64);
    tell_coverage(&mut summary, &coverage);
    summary.new = since.map(|_| new_figures(&findings));
    summary.judged_gone = case.judged_and_gone(&findings);
    folder.lines("evidence.jsonl", &evidence)?;
    folder.lines("issues.jsonl", &issues)?;
    folder.lines("findings.jsonl", &findings)?;
    folder.lines("rules_not_run.jsonl", &not_run)?;
    folder.object("summary.json", &summary)?;
    folder.object("doors.json", &doors)?;
    let found = RunScope {
        hosts: &summary.hosts,
        doors: &doors.doors,
        exposures: &beside.exposures,
        findings: &findings,
        trail: &trail,
    };
    let answers = following::answers(&by_persons, &found, &summary);
    let view = RunView {
        summary: &summary,
        evidence: &evidence,
        issues: &issues,
        findings: &findings,
        tallies: &streamed.tallies,
        areas: &areas,
        answers: &answers,
        since: baseline.map(|baseline| baseline.at),
        sought: sought.as_ref(),
        options: Style { colour: out::colour(), width: out::width() },
    };
    let shown: Vec<piste_report::Coverage> =
        coverage.iter().filter(|one| is_log(&one.dataset)).filter_map(shown_coverage).collect();
    // The page does not name the case's folder: equal runs in two folders give equal bytes.
    folder.file("report.html", |file| {
        let view = html::ReportView {
            case: "",
            run: view,
            coverage: &shown,
            doors: &doors.doors,
            exposures: &beside.exposures,
            not_visible: &not_visible,
            trail: &trail,
        };
        html::report(&view, file)
    })?;
    let page = terminal::summary(&view);
    let next = Some(folder.into_next());
    Ok(Written { page, gravest: gravest(&findings), next, summary, coverage })
}

/// Removes files of `tmp/`; what stays is removed when the case is next opened.
fn remove(paths: &[PathBuf]) {
    for path in paths {
        let _ = fs::remove_file(path);
    }
}

/// Detections of the units' rows under this hunt, and those in their files.
fn found_in(case: &Case, units: &[Unit], hunt: &str) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let found = units.iter().map(|unit| case.lake.found(unit, hunt, Found::Detections)).collect();
    let in_files = units.iter().map(|unit| case.lake.attachment(unit, Attachment::Scanned));
    (found, in_files.filter(|path| path.exists()).collect())
}

/// Two readings that need nothing of each other: what rules matched, and what the rows say of doors and clocks.
fn read_both(
    lake: &Lake,
    joined: &Joined,
    stream: impl FnOnce() -> Result<Streamed, Failure>,
) -> Result<(Streamed, Beside, Doors), Failure> {
    let (streamed, read) = std::thread::scope(|scope| {
        let read = scope.spawn(move || {
            let beside = Beside::read(lake, joined)?;
            let doors = super::doors::of(lake, joined, &beside)?;
            Ok::<_, Failure>((beside, doors))
        });
        (stream(), read.join())
    });
    let (beside, doors) = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok((streamed?, beside, doors))
}

/// Writes the one file that differs between equal runs.
pub(super) fn write_run(
    case: &Path,
    seconds: f64,
    peak: Option<u64>,
    summary: &Summary,
) -> Result<(), Failure> {
    let run = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "seconds": seconds,
        "peak_memory_bytes": peak,
        "events_per_second": super::rate(summary.events, seconds),
    });
    let aside = case.join("tmp").join("run.json");
    fs::write(&aside, format!("{run}\n")).map_err(LakeError::write(&aside))?;
    rename_durably(&aside, &case.join("out").join("run.json"))?;
    Ok(())
}

/// Digest of what decides on the findings: the evidence, how it is read, the rules, the indicators and the version.
fn inputs(evidence: &[Evidence], units: &[Unit], hunt: &Hunt, looking: &Looking<'_>) -> String {
    let mut ids: Vec<u32> = evidence.iter().map(|one| one.id.0).collect();
    ids.sort_unstable();
    let units: Vec<&str> = units.iter().map(|unit| unit.key.as_str()).collect();
    let mut text = json!([env!("CARGO_PKG_VERSION"), hunt.key, ids, units]).to_string();
    if !looking.known.indicators.is_empty() {
        text += &looking.known.indicators.digest();
    }
    piste_model::hash::sha256_hex(text.as_bytes())
}

fn new_figures(findings: &[Finding]) -> NewFigures {
    let count = |what| findings.iter().filter(|finding| finding.new == Some(what)).count() as u64;
    NewFigures { findings: count(New::Finding), with_new_rows: count(New::Rows) }
}

fn gravest(findings: &[Finding]) -> Option<Level> {
    findings.iter().map(|finding| finding.level).max()
}

/// Of which days there are rows: of all, and of each host's web logs. A negative sentence holds for those days.
fn tell_coverage(summary: &mut Summary, all: &[Coverage]) {
    let all = super::doors::covered(all);
    summary.covered = together(all.iter().map(|one| &one.covered)).map(|covered| covered.figures());
    let hosts = all.iter().map(|one| one.host.as_str()).filter(|host| !host.is_empty());
    for host in hosts.collect::<BTreeSet<&str>>() {
        if let Some(covered) = covered(&all, host, &WEB_LOGS) {
            summary.web_logs.insert(host.to_owned(), covered.figures());
        }
    }
}

fn shown_coverage(one: &Coverage) -> Option<piste_report::Coverage> {
    Some(piste_report::Coverage {
        host: one.host.clone(),
        dataset: one.dataset.clone(),
        first: one.first?,
        last: one.last?,
        rows: one.rows,
        days: one.days.iter().map(|(day, rows)| (*day, *rows)).collect(),
    })
}

/// What passes by once, in the order of time.
struct Streamed {
    tallies: Tallies,
    findings: Findings,
    witnesses: Witnesses,
}

fn stream(
    folder: &Folder,
    sources: &[PathBuf],
    places: &mut Places<'_>,
    since: Option<Since>,
) -> Result<Streamed, Failure> {
    let mut streamed = Streamed {
        tallies: Tallies::default(),
        findings: Findings::since(since),
        witnesses: Witnesses::default(),
    };
    let mut timeline = TimelineCsv::new(folder.writer("timeline.csv")?).map_err(failed("timeline.csv"))?;
    let mut file = folder.writer("detections.jsonl")?;
    let (mut merged, mut lines) = (Merged::open(sources)?, Lines::default());
    while let Some(told) = merged.next()? {
        let host = lines.json(&told, places, &mut file).map_err(failed("detections.jsonl"))?;
        timeline.line(&lines.timeline(&told, places)).map_err(failed("timeline.csv"))?;
        let (path, sha256) = places.file(told.evidence.0);
        streamed.tallies.count(&counted(&told, &host, places.is_event(told.evidence.0)));
        streamed.findings.add_told(&told, &host, path, sha256);
        streamed.witnesses.add(&told);
    }
    folder.finish("detections.jsonl", file)?;
    let file = timeline.finish().map_err(failed("timeline.csv"))?;
    folder.finish("timeline.csv", file)?;
    Ok(streamed)
}

fn counted<'a>(told: &'a Told, host: &'a str, event: bool) -> Counted<'a> {
    Counted {
        rule_id: &told.rule.id,
        rule_title: &told.rule.title,
        level: told.rule.level,
        time: told.time,
        host,
        evidence: told.evidence,
        record: told.record,
        // What was found in a page stands for the page, wherever in it that was.
        offset: if told.origin.dataset == "file.content" { 0 } else { told.offset },
        event,
    }
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn failed(name: &str) -> impl FnOnce(std::io::Error) -> LakeError + use<> {
    LakeError::write(Path::new("out").join(name))
}

/// The new `out/`, whose files appear whole, and together.
struct Folder(RefCell<Next>);

impl Folder {
    /// Which flaws were open when, and how far clocks are apart.
    fn beside(&self, beside: &Beside) -> Result<(), LakeError> {
        self.object("exposure.json", &json!({ "servers": beside.exposures }))?;
        self.object("clocks.json", &json!({ "clocks": beside.clocks }))
    }

    fn open(case: &Path) -> Result<Self, LakeError> {
        Next::begin(case).map(|next| Self(RefCell::new(next)))
    }

    fn writer(&self, name: &str) -> Result<BufWriter<Hashing>, LakeError> {
        self.0.borrow().create(name).map(BufWriter::new)
    }

    fn finish(&self, name: &str, writer: BufWriter<Hashing>) -> Result<(), LakeError> {
        let file = writer.into_inner().map_err(|error| failed(name)(error.into_error()))?;
        self.0.borrow_mut().finish(file)
    }

    fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), LakeError> {
        let mut writer = self.writer(name)?;
        write(&mut writer).map_err(failed(name))?;
        self.finish(name, writer)
    }

    fn lines<T: Serialize>(&self, name: &str, values: &[T]) -> Result<(), LakeError> {
        self.file(name, |mut file| values.iter().try_for_each(|value| write_line(&mut file, value)))
    }

    /// Writes what was seen of indicators; where none were given, what an earlier run wrote goes with the end of this one.
    fn sightings(&self, sought: Option<&Sought>) -> Result<(), LakeError> {
        sought.map_or(Ok(()), |sought| self.lines(FILE, &sought.sightings))
    }

    fn object(&self, name: &str, value: &impl Serialize) -> Result<(), LakeError> {
        self.file(name, |file| {
            serde_json::to_writer_pretty(&mut *file, value)?;
            file.write_all(b"\n")
        })
    }

    fn into_next(self) -> Next {
        self.0.into_inner()
    }
}
