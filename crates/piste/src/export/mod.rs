//! Detections in the forms of other tools: Hayabusa's profiles, Chainsaw's JSON and CSV, Timesketch's lines.
//!
//! In: detections, what their rules say, the lake. Out: one hit a line in the order of time, each with all fields of its
//! row. Rows and detections meet in one external sort by (time, evidence, offset), so that neither their number nor the
//! lake's size costs memory.

mod rows;
pub(crate) mod rules;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::tz::TimeZone;
use piste_lake::{Lake, LakeError};
use piste_model::{Detection, EvidenceId};
use piste_report::escape::Written;
use piste_report::profiles::{Format, HitRow, HitWriter, Profile, RuleText};

use crate::failure::{Failure, OUTPUT};
use crate::look::sorted::Sorted;
use crate::out;
use rows::{RowText, Wanted};

/// How to write hits.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportOptions {
    /// File to write; stdout if not given.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, short = 'C', requires = "output")]
    pub(crate) force: bool,
    /// Columns, by Hayabusa's names: minimal, standard, verbose, all-field-info, all-field-info-verbose, super-verbose,
    /// timesketch-minimal, timesketch-verbose; standard if not given.
    #[arg(long, short, value_name = "NAME", value_parser = Profile::parse)]
    pub(crate) profile: Option<Profile>,
    /// Form: csv, json, jsonl, tle-csv (Timeline Explorer), chainsaw-json, chainsaw-csv, timesketch-jsonl; csv if not
    /// given.
    #[arg(long, value_name = "NAME", value_parser = Format::parse)]
    pub(crate) format: Option<Format>,
    /// Zone in which times are shown, as Europe/Brussels; UTC if not given, and always for Timesketch.
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
}

/// How many hits were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exported {
    pub(crate) written: u64,
    /// Left out, since Timesketch asks for a time.
    pub(crate) undated: u64,
}

impl ExportOptions {
    /// Whether any of them was given: detections are to be written.
    pub(crate) fn wanted(&self) -> bool {
        self.output.is_some() || self.profile.is_some() || self.format.is_some()
    }

    /// Checks that they go together, and reads the zone; to be called before any work.
    pub(crate) fn zone(&self) -> Result<TimeZone, Failure> {
        let format = self.format.unwrap_or_default();
        if let Some(profile) = self.profile.filter(|_| !format.has_profile()) {
            return Err(Failure::usage(
                "profile-format",
                format!(
                    "the form {} has its own fields and takes no profile {}",
                    format.name(),
                    profile.name()
                ),
                "nothing was written",
                "leave out --profile, or choose csv, json, jsonl or tle-csv",
            ));
        }
        crate::timeline::zone(self.timezone.as_deref())
    }

    /// Refuses a file that is there and not to be replaced; to be called before any work. The case's own files are never
    /// replaced: the ledger would be lost.
    pub(crate) fn target(&self, case: &Path) -> Result<(), Failure> {
        let Some(path) = &self.output else { return Ok(()) };
        if !path.exists() {
            return crate::output::refuse_no_folder(path);
        }
        if path.is_dir() {
            return Err(crate::output::is_folder(path));
        }
        if !self.force {
            return Err(exists(path));
        }
        let within = path
            .canonicalize()
            .is_ok_and(|path| case.canonicalize().is_ok_and(|case| path.is_file() && path.starts_with(case)));
        if !within {
            return Ok(());
        }
        Err(Failure::usage(
            "output-in-case",
            format!("`{}` is a file of the case", path.display()),
            "nothing was written",
            "name a file outside the case's folder",
        ))
    }

    /// The file to write, or stdout.
    pub(crate) fn open(&self, case: &Path) -> Result<Box<dyn Write>, Failure> {
        self.target(case)?;
        let Some(path) = &self.output else {
            return Ok(out::lines(match self.format.unwrap_or_default() {
                Format::Csv | Format::TleCsv | Format::ChainsawCsv => Written::Lines,
                Format::Json | Format::Jsonl | Format::ChainsawJson | Format::TimesketchJsonl => {
                    Written::Json
                }
            }));
        };
        let mut options = OpenOptions::new();
        options.write(true);
        if self.force {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        match options.open(path) {
            Ok(file) => Ok(Box::new(BufWriter::new(file))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(path)),
            Err(error) => Err(Failure::environment(
                "output-write",
                format!("`{}` cannot be written: {error}", path.display()),
                "nothing was written",
                "check the folder and its permissions",
            )),
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::usage(
        "output-exists",
        format!("`{}` is there already", path.display()),
        "nothing was written",
        "name another file, or replace it with --force (-C)",
    )
}

/// Writes the detections, which may come in any order, with their rows. A rule that is not among `rules` is written as
/// its detections tell of it; so is a row that the lake does not hold.
pub(crate) fn export(
    lake: &Lake,
    detections: &mut dyn Iterator<Item = Result<Detection, Failure>>,
    rules: &BTreeMap<String, RuleText>,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> Result<Exported, Failure> {
    let zone = options.zone()?;
    let mut sorted = Sorted::new(lake.tmp());
    let mut wanted = Wanted::new();
    let mut number = 0;
    for detection in detections {
        let detection = detection?;
        number += 1;
        wanted.insert(detection.evidence_id.0, detection.offset);
        let (time, id) = (detection.time.map(|time| time.nanos), detection.evidence_id.0);
        let offset = i64::try_from(detection.offset).unwrap_or(i64::MAX);
        let text = serde_json::to_string(&detection).unwrap_or_default();
        sorted.push((time, id, offset, number), format!("D{text}"))?;
    }
    // A row has the number 0: it comes before its detections.
    rows::scan(lake, &wanted, &mut |row| {
        let text = serde_json::to_string(&row.text).unwrap_or_default();
        sorted
            .push((row.time, row.evidence, row.offset, 0), format!("R{} {} {text}", row.evidence, row.offset))
    })?;
    let writer = HitWriter::new(
        Open { out, closed: false },
        options.profile.unwrap_or_default(),
        options.format.unwrap_or_default(),
        zone,
    );
    let mut joining = Joining { writer: writer.map_err(failed)?, rules, row: None };
    sorted.finish(&mut |line| joining.take(line))?;
    let Joining { writer, .. } = joining;
    let exported = Exported { written: writer.written(), undated: writer.undated() };
    writer.finish().map_err(failed)?;
    Ok(exported)
}

fn failed(error: io::Error) -> LakeError {
    LakeError::write(OUTPUT)(error)
}

/// A sink whose reader may go away: that is the reader's choice.
struct Open<'a> {
    out: &'a mut dyn Write,
    closed: bool,
}

impl Open<'_> {
    fn unless_closed<T>(&mut self, result: io::Result<T>, gone: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(gone)
            }
            other => other,
        }
    }
}

impl Write for Open<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.unless_closed(flushed, ())
    }
}

/// Lines in the order of time: a row, then its detections.
struct Joining<'a> {
    writer: HitWriter<Open<'a>>,
    rules: &'a BTreeMap<String, RuleText>,
    row: Option<(EvidenceId, u64, RowText)>,
}

impl Joining<'_> {
    fn take(&mut self, line: &str) -> Result<bool, LakeError> {
        if let Some(text) = line.strip_prefix('R') {
            self.row = parse_row(text);
            return Ok(true);
        }
        let detection = line.strip_prefix('D').and_then(|text| serde_json::from_str::<Detection>(text).ok());
        let Some(detection) = detection else { return Ok(true) }; // never: `export` wrote the line
        let row = self.row.as_ref().filter(|(evidence, offset, _)| {
            (*evidence, *offset) == (detection.evidence_id, detection.offset)
        });
        let nothing = RowText::default();
        let text = row.map_or(&nothing, |(_, _, text)| text);
        let own = match self.rules.get(&detection.rule_id) {
            Some(_) => None,
            None => Some(RuleText::of(&detection)),
        };
        let Some(about) = own.as_ref().or_else(|| self.rules.get(&detection.rule_id)) else {
            return Ok(true);
        };
        let hit = HitRow {
            detection: &detection,
            about,
            provider: text.provider(),
            fields: &text.fields,
            system: &text.system,
            message: &text.message,
        };
        self.writer.add(&hit).map_err(failed)?;
        Ok(true)
    }
}

/// `None` never happens for what `export` wrote.
fn parse_row(text: &str) -> Option<(EvidenceId, u64, RowText)> {
    let mut parts = text.splitn(3, ' ');
    let evidence = EvidenceId(parts.next()?.parse().ok()?);
    let offset = parts.next()?.parse().ok()?;
    Some((evidence, offset, serde_json::from_str(parts.next()?).ok()?))
}
