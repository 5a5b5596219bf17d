//! The evidence while it is being written: files with their lines, in any order.
//!
//! In: lines with a time and perhaps the step that they betray. Out: files on disk with their lines in order of time,
//! and for each step where its lines came to stand. A path with `!` is a member of a zip.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;

use crate::LabError;
use crate::moment::Moment;
use crate::truth::Leaf;

/// Index of a step among all steps of the scenario.
pub(crate) type StepIndex = usize;

/// How a file begins and ends its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// W3C of IIS: CRLF, a header with the time of the first row.
    Iis,
    /// The same of `http.sys`, which notes what never reached IIS.
    HttpErr,
    /// Text log of Exchange: CRLF, a header with the time of the first row.
    Exchange {
        /// `#Software:`
        software: &'static str,
        /// `#Version:`
        version: Cow<'static, str>,
        /// `#Log-type:`
        log_type: &'static str,
        /// `#Fields:`
        fields: &'static str,
        /// Where the columns stand.
        head: Head,
    },
    /// One JSON object a line: LF, no header.
    JsonLines,
    /// Lines with CRLF below one line that names the columns.
    Csv(&'static str),
    /// Lines with CRLF and no header.
    Text,
}

/// How an Exchange log begins. Both forms occur, on servers of one version too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// With `#Software:`.
    Plain,
    /// With a mark of UTF-8 and a line of bare columns, then as the plain one.
    Columns,
}

/// Fields of IIS's default W3C log.
pub(crate) const IIS_FIELDS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
    cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";

/// Fields of `http.sys` from Server 2016 on.
const HTTPERR_FIELDS: &str = "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status \
    s-siteid s-reason s-queuename";

impl Layout {
    fn newline(&self) -> &'static str {
        if *self == Self::JsonLines { "\n" } else { "\r\n" }
    }

    /// Digits after the second that its lines have.
    fn digits(&self) -> u8 {
        match self {
            Self::Iis | Self::HttpErr => 0,
            Self::Exchange { .. } | Self::JsonLines | Self::Csv(_) | Self::Text => 3,
        }
    }

    /// The header lines of a file, or of a restart inside one.
    pub(crate) fn header(&self, first: Moment) -> Vec<String> {
        match self {
            Self::HttpErr => vec![
                "#Software: Microsoft HTTP API 2.0".to_owned(),
                "#Version: 1.0".to_owned(),
                format!("#Date: {}", first.iis()),
                format!("#Fields: {HTTPERR_FIELDS}"),
            ],
            Self::Iis => vec![
                "#Software: Microsoft Internet Information Services 10.0".to_owned(),
                "#Version: 1.0".to_owned(),
                format!("#Date: {}", first.iis()),
                format!("#Fields: {IIS_FIELDS}"),
            ],
            Self::Exchange { software, version, log_type, fields, head } => {
                let bare = (*head == Head::Columns).then(|| format!("\u{feff}{fields}"));
                let named = [
                    format!("#Software: {software}"),
                    format!("#Version: {version}"),
                    format!("#Log-type: {log_type}"),
                    format!("#Date: {}", first.rfc3339()),
                    format!("#Fields: {fields}"),
                ];
                bare.into_iter().chain(named).collect()
            }
            Self::Csv(columns) => vec![(*columns).to_owned()],
            Self::JsonLines | Self::Text => Vec::new(),
        }
    }
}

struct Line {
    time: Moment,
    text: String,
    step: Option<StepIndex>,
}

struct LogFile {
    layout: Layout,
    lines: Vec<Line>,
}

/// A line that betrays a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Betrayal {
    /// The step.
    pub(crate) step: StepIndex,
    /// The line's time, to the log's precision.
    pub(crate) time: piste_model::Instant,
    /// Where it stands.
    pub(crate) leaf: Leaf,
}

/// Files by path, `/` between folders.
#[derive(Default)]
pub(crate) struct Shelf {
    files: BTreeMap<String, LogFile>,
    blobs: BTreeMap<String, Vec<u8>>,
    betrayals: Vec<Betrayal>,
}

impl Shelf {
    /// Adds a line; the file is begun if it is new.
    pub(crate) fn put(
        &mut self,
        path: String,
        layout: Layout,
        time: Moment,
        text: String,
        step: Option<StepIndex>,
    ) {
        let file = self.files.entry(path).or_insert_with(|| LogFile { layout, lines: Vec::new() });
        file.lines.push(Line { time, text, step });
    }

    /// Adds a file that is not lines, with the records in it that betray steps.
    pub(crate) fn put_whole(&mut self, path: String, bytes: Vec<u8>, betrayals: Vec<Betrayal>) {
        self.blobs.insert(path, bytes);
        self.betrayals.extend(betrayals);
    }

    /// Adds a header again inside a file, as IIS does after a restart; nothing if the file has no line yet.
    pub(crate) fn restart(&mut self, path: &str, time: Moment) {
        if let Some(file) = self.files.get_mut(path) {
            let text = file.layout.header(time).join(file.layout.newline());
            file.lines.push(Line { time, text, step: None });
        }
    }

    /// Writes all files below `folder` and tells where the steps show, in order of path and line.
    pub(crate) fn write(self, folder: &Path) -> Result<Vec<Betrayal>, LabError> {
        let mut betrayals = self.betrayals;
        let mut zips: BTreeMap<PathBuf, Vec<(String, Vec<u8>)>> = BTreeMap::new();
        let mut all = self.blobs;
        for (path, file) in self.files {
            let text = file.render(&path, &mut betrayals);
            all.insert(path, text.into_bytes());
        }
        for (path, bytes) in all {
            match path.split_once('!') {
                Some((zip, member)) => {
                    zips.entry(folder.join(zip)).or_default().push((member.to_owned(), bytes));
                }
                None => write_file(&folder.join(&path), &bytes)?,
            }
        }
        for (path, members) in zips {
            write_zip(&path, &members)?;
        }
        Ok(betrayals)
    }
}

impl LogFile {
    fn render(mut self, path: &str, betrayals: &mut Vec<Betrayal>) -> String {
        self.lines.sort_by_key(|line| line.time); // stable: lines of one millisecond keep the order they were told in
        let newline = self.layout.newline();
        let mut text = String::with_capacity(self.lines.iter().map(|line| line.text.len() + 2).sum());
        let mut number = 1;
        let first = self.lines.first().map_or(Moment::EPOCH, |line| line.time);
        for line in self.layout.header(first) {
            text.push_str(&line);
            text.push_str(newline);
            number += 1;
        }
        for line in &self.lines {
            if let Some(step) = line.step {
                let digits = self.layout.digits();
                let time = if digits == 0 { line.time.whole_second() } else { line.time }.instant(digits);
                betrayals.push(Betrayal { step, time, leaf: Leaf { path: path.to_owned(), record: number } });
            }
            text.push_str(&line.text);
            text.push_str(newline);
            number += 1 + line.text.matches('\n').count() as u64;
        }
        text
    }
}

pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    let failed = |source| LabError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, bytes).map_err(failed)
}

/// Members get the zip format's first date, so that the same scenario gives the same bytes.
fn write_zip(path: &Path, members: &[(String, Vec<u8>)]) -> Result<(), LabError> {
    let failed = |source: std::io::Error| LabError::Write { path: path.to_owned(), source };
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(name, options).map_err(|error| failed(error.into()))?;
        archive.write_all(bytes).map_err(failed)?;
    }
    let bytes = archive.finish().map_err(|error| failed(error.into()))?.into_inner();
    write_file(path, &bytes)
}
