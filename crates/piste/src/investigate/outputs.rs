//! `out/`: every file that scripts and people read, derived anew by each run.
//!
//! In: the joined records and the units' detections, each already in order. Out: the files of `docs/schemas/`, the report
//! and the timeline. The detections of all units are merged as streams, so that their number costs no memory. Each file is
//! written aside, synced and renamed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::path::{Path, PathBuf};

use piste_hunt::{Findings, Since};
use piste_lake::copies::Copy;
use piste_lake::store::{Attachment, Found, rename_durably, tmp_name, write_durably};
use piste_lake::{LakeError, Unit};
use piste_model::summary::{NewFigures, Summary};
use piste_model::{Detection, Evidence, EvidenceId, Finding, Level, New};
use piste_report::{RunView, Style, Tallies, TimelineCsv, html, terminal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Hunt;
use super::correlated;
use super::hosts::Hosts;
use super::join::Joined;
use super::read::order;
use crate::case::Case;
use crate::failure::Failure;
use crate::out;

/// Files merged at once; more are merged in rounds.
const MERGED_AT_ONCE: usize = 256;

/// What was written.
pub(crate) struct Written {
    pub(crate) summary: Summary,
    /// File name in `out/` to SHA-256.
    pub(crate) hashes: BTreeMap<String, String>,
    /// The summary for people.
    pub(crate) page: String,
    pub(crate) gravest: Option<Level>,
    pub(crate) incomplete: bool,
}

/// Writes `out/`.
pub(crate) fn write(
    case: &mut Case,
    units: &[Unit],
    hunt: &Hunt,
    joined: Joined,
) -> Result<Written, Failure> {
    let folder = Folder::open(&case.folder.join("out"))?;
    let hash = &hunt.key;
    let found: Vec<PathBuf> =
        units.iter().map(|unit| case.lake.found(unit, hash, Found::Detections)).collect();
    let sha256: BTreeMap<u32, &str> =
        joined.evidence.iter().map(|one| (one.id.0, one.sha256.as_str())).collect();
    let paths: BTreeMap<u32, &str> =
        joined.evidence.iter().map(|one| (one.id.0, one.path.as_str())).collect();
    let paths_owned: BTreeMap<u32, String> =
        joined.evidence.iter().map(|one| (one.id.0, one.path.clone())).collect();
    let places = Places {
        hosts: &joined.hosts,
        same: same_files(&joined.evidence),
        paths,
        copies: hit_copies(case, units, &found)?,
    };
    let baseline = case.baseline(inputs(&joined.evidence, units, hunt));
    let since = baseline.map(|baseline| baseline.since);
    let path_of = |id: EvidenceId| paths_owned.get(&id.0).cloned().unwrap_or_default();
    let correlated = correlated::detections(case, units, hunt, &path_of)?;
    let sources = found.into_iter().chain(correlated.iter().cloned()).collect();
    let (sources, mut merged) = few_enough(sources, case.lake.tmp())?;
    merged.extend(correlated);
    let streamed = stream(&folder, &sources, &sha256, &places, since)?;
    let findings = streamed.findings;
    for path in &merged {
        let _ = fs::remove_file(path); // what stays is removed when the case is next opened
    }
    let findings = case.number_findings(|number| findings.finish(|key| number(key)))?;
    let beside = super::doors::Beside::read(&case.lake, &joined)?;
    let doors = super::doors::of(&case.lake, &joined, &beside)?;
    let not_visible: Vec<String> = doors.not_visible.iter().map(|one| one.why.clone()).collect();

    folder.object("exposure.json", &json!({ "servers": beside.exposures }))?;
    folder.object("clocks.json", &json!({ "clocks": beside.clocks }))?;
    let Joined { evidence, issues, coverage, hosts: _, areas, not_run, mut summary, incomplete } = joined;
    summary.detections = Some(streamed.tallies.total());
    summary.findings = Some(findings.len() as u64);
    summary.doors = Some(doors.doors.len() as u64);
    summary.new = since.map(|_| new_figures(&findings));
    folder.lines("evidence.jsonl", &evidence)?;
    folder.lines("issues.jsonl", &issues)?;
    folder.lines("findings.jsonl", &findings)?;
    folder.lines("rules_not_run.jsonl", &not_run)?;
    folder.object("summary.json", &summary)?;
    folder.object("doors.json", &doors)?;
    let view = RunView {
        summary: &summary,
        evidence: &evidence,
        issues: &issues,
        findings: &findings,
        tallies: &streamed.tallies,
        areas: &areas,
        since: baseline.map(|baseline| baseline.at),
        options: Style { colour: out::colour(), width: out::width() },
    };
    let shown: Vec<piste_report::Coverage> = coverage.iter().filter_map(shown_coverage).collect();
    // The page does not name the case's folder: equal runs in two folders give equal bytes.
    folder.file("report.html", |file| {
        let view = html::ReportView {
            case: "",
            run: view,
            coverage: &shown,
            doors: &doors.doors,
            exposures: &beside.exposures,
            not_visible: &not_visible,
        };
        html::report(&view, file)
    })?;
    let page = terminal::summary(&view);
    Ok(Written { page, gravest: gravest(&findings), incomplete, hashes: folder.hashes()?, summary })
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
    write_durably(&case.join("out").join("run.json"), format!("{run}\n").as_bytes())?;
    Ok(())
}

/// Digest of what decides on the findings: the evidence, how it is read, the rules and the version.
fn inputs(evidence: &[Evidence], units: &[Unit], hunt: &Hunt) -> String {
    let mut ids: Vec<u32> = evidence.iter().map(|one| one.id.0).collect();
    ids.sort_unstable();
    let units: Vec<&str> = units.iter().map(|unit| unit.key.as_str()).collect();
    let text = json!([env!("CARGO_PKG_VERSION"), hunt.key, ids, units]).to_string();
    piste_model::hash::sha256_hex(text.as_bytes())
}

fn new_figures(findings: &[Finding]) -> NewFigures {
    let count = |what| findings.iter().filter(|finding| finding.new == Some(what)).count() as u64;
    NewFigures { findings: count(New::Finding), with_new_rows: count(New::Rows) }
}

fn gravest(findings: &[Finding]) -> Option<Level> {
    findings.iter().map(|finding| finding.level).max()
}

fn shown_coverage(one: &piste_lake::store::Coverage) -> Option<piste_report::Coverage> {
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
}

fn stream(
    folder: &Folder,
    sources: &[PathBuf],
    sha256: &BTreeMap<u32, &str>,
    places: &Places<'_>,
    since: Option<Since>,
) -> Result<Streamed, Failure> {
    let mut streamed = Streamed { tallies: Tallies::default(), findings: Findings::since(since) };
    let mut timeline =
        TimelineCsv::new(folder.writer("timeline.csv")?).map_err(folder.failed("timeline.csv"))?;
    let mut lines = folder.writer("detections.jsonl")?;
    let mut merged = Merged::open(sources)?;
    while let Some(mut detection) = merged.next()? {
        places.fill(&mut detection);
        write_line(&mut lines, &detection).map_err(folder.failed("detections.jsonl"))?;
        timeline.add(&detection).map_err(folder.failed("timeline.csv"))?;
        streamed.tallies.add(&detection);
        streamed.findings.add(&detection, sha256.get(&detection.evidence_id.0).copied().unwrap_or_default());
    }
    folder.finish("detections.jsonl", lines)?;
    let file = timeline.finish().map_err(folder.failed("timeline.csv"))?;
    folder.finish("timeline.csv", file)?;
    Ok(streamed)
}

/// What only the whole run knows of a detection: its host's full name, and every place of its record: the row's own, copies of its file, copies of the record in other logs.
struct Places<'a> {
    hosts: &'a Hosts,
    /// Files with the same content as a parsed one.
    same: BTreeMap<u32, Vec<u32>>,
    paths: BTreeMap<u32, &'a str>,
    /// (evidence, offset) of a row with a detection to the evidence that holds copies of it.
    copies: BTreeMap<(u32, u64), Vec<u32>>,
}

impl Places<'_> {
    fn fill(&self, detection: &mut Detection) {
        detection.host = self.hosts.full(&detection.host).to_owned();
        let id = detection.evidence_id;
        let copies = self.copies.get(&(id.0, detection.offset)).into_iter().flatten();
        let holders: Vec<u32> = std::iter::once(id.0).chain(copies.copied()).collect();
        let same = holders.iter().filter_map(|id| self.same.get(id)).flatten();
        let holders: Vec<u32> = holders.iter().chain(same).copied().collect();
        let own = detection.path.clone();
        let mut others: Vec<&str> =
            holders.iter().filter_map(|id| self.paths.get(id).copied()).filter(|path| *path != own).collect();
        others.sort_unstable();
        others.dedup();
        detection.places =
            std::iter::once(own.clone()).chain(others.into_iter().map(str::to_owned)).collect();
    }
}

fn same_files(evidence: &[Evidence]) -> BTreeMap<u32, Vec<u32>> {
    let mut same: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (of, one) in evidence.iter().filter_map(|one| Some((one.same_as?, one))) {
        same.entry(of.0).or_default().push(one.id.0);
    }
    same
}

/// What is told of a detection where only its place counts.
#[derive(Deserialize)]
struct PlaceOnly {
    evidence_id: EvidenceId,
    offset: u64,
}

/// The copies of rows that a rule matched: as few as the detections are.
fn hit_copies(
    case: &Case,
    units: &[Unit],
    detections: &[PathBuf],
) -> Result<BTreeMap<(u32, u64), Vec<u32>>, LakeError> {
    let copied: Vec<PathBuf> =
        units.iter().map(|unit| case.lake.attachment(unit, Attachment::Copies)).collect();
    let mut copies: BTreeMap<(u32, u64), Vec<u32>> = BTreeMap::new();
    if copied.iter().all(|path| fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)) {
        return Ok(copies); // most cases hold no copies
    }
    for path in detections {
        each_line(path, &mut |one: PlaceOnly| {
            copies.entry((one.evidence_id.0, one.offset)).or_default();
        })?;
    }
    for path in &copied {
        each_line(path, &mut |copy: Copy| {
            if let Some(holders) = copies.get_mut(&(copy.of.evidence.0, copy.of.offset)) {
                holders.push(copy.evidence_id.0);
            }
        })?;
    }
    Ok(copies)
}

fn each_line<T: DeserializeOwned>(path: &Path, each: &mut dyn FnMut(T)) -> Result<(), LakeError> {
    let file = File::open(path).map_err(LakeError::read(path))?;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(LakeError::read(path))?;
        let one = serde_json::from_str(&line)
            .map_err(|source| LakeError::Sidecar { path: path.to_owned(), source })?;
        each(one);
    }
    Ok(())
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// So few sorted files that they can be merged at once, and those of them that are to be removed afterwards.
fn few_enough(mut sources: Vec<PathBuf>, tmp: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), LakeError> {
    let mut round = 0;
    while sources.len() > MERGED_AT_ONCE {
        sources = merge_round(&sources, tmp, round)?;
        round += 1;
    }
    let merged = if round > 0 { sources.clone() } else { Vec::new() };
    Ok((sources, merged))
}

/// Merges groups of sorted files into fewer sorted files.
fn merge_round(sources: &[PathBuf], tmp: &Path, round: usize) -> Result<Vec<PathBuf>, LakeError> {
    let mut merged = Vec::new();
    for (number, group) in sources.chunks(MERGED_AT_ONCE).enumerate() {
        let path = tmp.join(format!("merge-{round}-{number}.jsonl"));
        let mut file = BufWriter::new(File::create(&path).map_err(LakeError::write(&path))?);
        let mut stream = Merged::open(group)?;
        while let Some(detection) = stream.next()? {
            write_line(&mut file, &detection).map_err(LakeError::write(&path))?;
        }
        file.flush().map_err(LakeError::write(&path))?;
        merged.push(path);
    }
    Ok(merged)
}

/// Key of the order, and which source it came from.
type Head = (Option<piste_model::Instant>, u32, u64, i64, String, usize);

/// Several sorted files of detections as one sorted stream.
struct Merged {
    sources: Vec<(PathBuf, Lines<BufReader<File>>)>,
    heads: BinaryHeap<Reverse<Head>>,
    waiting: Vec<Option<Detection>>,
}

impl Merged {
    fn open(paths: &[PathBuf]) -> Result<Self, LakeError> {
        let mut merged = Self { sources: Vec::new(), heads: BinaryHeap::new(), waiting: Vec::new() };
        for path in paths {
            let file = File::open(path).map_err(LakeError::read(path))?;
            merged.sources.push((path.clone(), BufReader::new(file).lines()));
            merged.waiting.push(None);
            merged.advance(merged.sources.len() - 1)?;
        }
        Ok(merged)
    }

    fn next(&mut self) -> Result<Option<Detection>, LakeError> {
        let Some(Reverse(head)) = self.heads.pop() else { return Ok(None) };
        let source = head.5;
        let detection = self.waiting.get_mut(source).and_then(Option::take);
        self.advance(source)?;
        Ok(detection)
    }

    fn advance(&mut self, source: usize) -> Result<(), LakeError> {
        let Some((path, lines)) = self.sources.get_mut(source) else { return Ok(()) };
        let Some(line) = lines.next() else { return Ok(()) };
        let line = line.map_err(LakeError::read(&*path))?;
        let detection: Detection = serde_json::from_str(&line)
            .map_err(|error| LakeError::Sidecar { path: path.clone(), source: error })?;
        let (time, evidence, offset, record, rule) = order(&detection);
        self.heads.push(Reverse((time, evidence, offset, record, rule.to_owned(), source)));
        if let Some(slot) = self.waiting.get_mut(source) {
            *slot = Some(detection);
        }
        Ok(())
    }
}

/// `out/`, whose files appear whole.
struct Folder(PathBuf);

impl Folder {
    fn open(path: &Path) -> Result<Self, LakeError> {
        fs::create_dir_all(path).map_err(LakeError::write(path))?;
        Ok(Self(path.to_owned()))
    }

    fn failed(&self, name: &str) -> impl FnOnce(std::io::Error) -> LakeError + use<> {
        LakeError::write(self.0.join(name))
    }

    fn writer(&self, name: &str) -> Result<BufWriter<File>, LakeError> {
        let tmp = tmp_name(&self.0.join(name));
        Ok(BufWriter::new(File::create(&tmp).map_err(LakeError::write(&tmp))?))
    }

    fn finish(&self, name: &str, writer: BufWriter<File>) -> Result<(), LakeError> {
        let path = self.0.join(name);
        let file = writer.into_inner().map_err(|error| LakeError::write(&path)(error.into_error()))?;
        file.sync_all().map_err(LakeError::write(&path))?;
        rename_durably(&tmp_name(&path), &path)
    }

    fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), LakeError> {
        let mut writer = self.writer(name)?;
        write(&mut writer).map_err(self.failed(name))?;
        self.finish(name, writer)
    }

    fn lines<T: Serialize>(&self, name: &str, values: &[T]) -> Result<(), LakeError> {
        self.file(name, |mut file| values.iter().try_for_each(|value| write_line(&mut file, value)))
    }

    fn object(&self, name: &str, value: &impl Serialize) -> Result<(), LakeError> {
        self.file(name, |file| {
            serde_json::to_writer_pretty(&mut *file, value)?;
            file.write_all(b"\n")
        })
    }

    /// SHA-256 of every file written, for the ledger.
    fn hashes(&self) -> Result<BTreeMap<String, String>, LakeError> {
        let mut hashes = BTreeMap::new();
        for entry in fs::read_dir(&self.0).map_err(LakeError::read(&self.0))? {
            let path = entry.map_err(LakeError::read(&self.0))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // Differs between equal runs, or is no run's: duties follow from what persons state.
            if matches!(name.as_str(), "run.json" | "duties.json")
                || path.extension().is_some_and(|end| end == "tmp")
            {
                continue;
            }
            let mut digest = Sha256::new();
            let mut reader = BufReader::new(File::open(&path).map_err(LakeError::read(&path))?);
            loop {
                let bytes = reader.fill_buf().map_err(LakeError::read(&path))?;
                if bytes.is_empty() {
                    break;
                }
                digest.update(bytes);
                let read = bytes.len();
                reader.consume(read);
            }
            hashes.insert(name, piste_model::hash::hex(&digest.finalize()));
        }
        Ok(hashes)
    }
}
