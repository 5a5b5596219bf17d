//! BITS, background transfers (`qmgr.db`): what was fetched from where to which file.
//!
//! In: tables `Jobs` and `Files`, a GUID and a blob a record. Out: `bits.job` a row for each file of a job, with owner,
//! program, times, address and name, and `bits.file` for each file by itself. Both blobs are read as far as their layout is known from those of Windows 10 and
//! 11; where that does not fit, only their text is given.
//!
//! Source: the layout of blobs as `BitsParser` (`FireEye`, Apache-2.0) describes it, compared with real ones.

use std::collections::HashMap;

use piste_model::Instant;

use super::bytes::{u32_at, u64_at};
use super::catalog::Table;
use super::record::{Column, Record};
use super::sink::{Sink, filetime, guid};
use super::values::Values;
use super::{Database, Maker, Meaning};

/// Units of UTF-16 that one text may have.
const TEXT_UNITS_MAX: usize = 32_768;
/// Texts of a blob that are listed where its layout is not known.
const TEXTS_MAX: usize = 64;
/// Begins the list of a job's files and ends it.
const FILE_LIST: [u8; 16] =
    [0x36, 0xda, 0x56, 0x77, 0x6f, 0x51, 0x5a, 0x43, 0xac, 0xac, 0x44, 0xa2, 0x48, 0xff, 0xf3, 0x4d];
/// Files of a job that are named.
const FILES_MAX: usize = 256;
const KINDS: [&str; 3] = ["download", "upload", "upload with reply"];
const PRIORITIES: [&str; 4] = ["foreground", "high", "normal", "low"];
const STATES: [&str; 9] = [
    "queued",
    "connecting",
    "transferring",
    "suspended",
    "error",
    "transient error",
    "transferred",
    "acknowledged",
    "cancelled",
];

/// Jobs and files that are kept for looking up.
const KEPT_MAX: usize = 20_000;

/// The database of BITS, with what jobs and files say of each other.
#[derive(Debug, Default)]
pub(super) struct Bits {
    files: HashMap<String, File>,
    /// When the job of a file was made.
    created: HashMap<String, Instant>,
}

impl Bits {
    pub(super) fn read(database: &Database) -> Self {
        let mut bits = Self::default();
        each_blob(database, "Files", |id, blob| {
            if bits.files.len() < KEPT_MAX {
                bits.files.insert(id, File::of(blob));
            }
        });
        each_blob(database, "Jobs", |_, blob| {
            let job = Job::of(blob);
            for id in job.files {
                if let Some(created) = job.created.filter(|_| bits.created.len() < KEPT_MAX) {
                    bits.created.insert(id, created);
                }
            }
        });
        bits
    }
}

fn each_blob(database: &Database, table: &str, mut take: impl FnMut(String, &[u8])) {
    let columns =
        database.table(table).and_then(|table| Some((table, table.column("Id")?, table.column("Blob")?)));
    let Some((table, id, blob)) = columns else { return };
    let mut value = Vec::new();
    database.each_row(table, |record, values| {
        let id = record.get(id).map(|stored| guid(stored.bytes)).unwrap_or_default();
        if record.get(blob).is_some_and(|stored| values.one(table, stored, &mut value)) {
            take(id, &value);
        }
    });
}

impl Meaning for Bits {
    fn maker<'d>(&'d self, _database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        let is_jobs = table.name == "Jobs";
        let (id, blob) = (table.column("Id")?, table.column("Blob")?);
        let maker = BitsMaker { bits: self, table, id, blob, is_jobs, value: Vec::new() };
        (is_jobs || table.name == "Files").then(|| Box::new(maker) as Box<dyn Maker>)
    }
}

struct BitsMaker<'d> {
    bits: &'d Bits,
    table: &'d Table,
    id: &'d Column,
    blob: &'d Column,
    is_jobs: bool,
    value: Vec<u8>,
}

impl Maker for BitsMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let id = record.get(self.id).map(|stored| guid(stored.bytes)).unwrap_or_default();
        let has = record.get(self.blob).is_some_and(|stored| values.one(self.table, stored, &mut self.value));
        let blob = if has { self.value.as_slice() } else { &[] };
        if !self.is_jobs {
            sink.field("FileId", &id);
            File::of(blob).show(sink);
            return sink.push(
                "bits.file",
                self.bits.created.get(&id).copied(),
                "CreationTime of its job",
                "",
            );
        }
        sink.field("JobId", &id);
        let job = Job::of(blob);
        job.show(sink);
        if job.files.is_empty() {
            sink.push_keeping("bits.job", job.created, "CreationTime", "");
        }
        for id in &job.files {
            sink.field("FileId", id);
            if let Some(file) = self.bits.files.get(id) {
                file.show(sink);
            }
            sink.push_keeping("bits.job", job.created, "CreationTime", "");
            sink.forget(&File::FIELDS);
        }
    }
}

/// What a job's blob says.
#[derive(Debug, Default)]
struct Job {
    kind: &'static str,
    priority: &'static str,
    state: &'static str,
    /// As [`Job::TEXTS`]; empty where the layout is not the known one.
    texts: Vec<String>,
    files: Vec<String>,
    image: String,
    created: Option<Instant>,
    modified: Option<Instant>,
    /// All texts, where the layout is not the known one.
    loose: Vec<String>,
}

impl Job {
    const TEXTS: [&'static str; 5] =
        ["DisplayName", "Description", "NotifyCommandLine", "NotifyArguments", "Owner"];

    fn of(blob: &[u8]) -> Self {
        // A mark of 16 bytes; type, priority, state and one unknown number; the job's GUID.
        let mut at = 16 + 16 + 16;
        let texts: Option<Vec<String>> = Self::TEXTS.iter().map(|_| text_at(blob, &mut at)).collect();
        let Some(texts) = texts.filter(|texts| texts.last().is_some_and(|owner| owner.starts_with("S-1-")))
        else {
            return Self { loose: texts_of(blob), ..Self::default() };
        };
        let mut job = Self {
            kind: word_at(blob, 16, &KINDS),
            priority: word_at(blob, 20, &PRIORITIES),
            state: word_at(blob, 24, &STATES),
            texts,
            ..Self::default()
        };
        let _ = job.take_files(blob.get(at..).unwrap_or_default());
        job
    }

    fn take_files(&mut self, rest: &[u8]) -> Option<()> {
        let list = memchr::memmem::find(rest, &FILE_LIST)? + FILE_LIST.len();
        let count = usize::try_from(u32_at(rest, list)?).ok().filter(|files| *files <= FILES_MAX)?;
        let end = list + 4 + count * 16;
        self.files = rest.get(list + 4..end)?.chunks_exact(16).map(guid).collect();
        let rest = rest.get(end..)?.strip_prefix(&FILE_LIST)?;
        let image = texts_of(rest).into_iter().find(|text| text.get(1..3) == Some(":\\"));
        self.image = image.unwrap_or_default();
        // Errors, retry delay, time-out, times. An error is told at length before the times; then their place is unknown.
        if u32_at(rest, 0)? != 0 {
            return None;
        }
        let time = |at| u64_at(rest, at).and_then(|ticks| filetime(ticks.cast_signed()));
        let (created, modified) = (time(16)?, time(24)?);
        let is_sound = created <= modified && (2_000..2_100).contains(&year(created));
        (self.created, self.modified) =
            (Some(created).filter(|_| is_sound), Some(modified).filter(|_| is_sound));
        Some(())
    }

    fn show(&self, sink: &mut Sink<'_>) {
        sink.field("JobType", self.kind);
        sink.field("Priority", self.priority);
        sink.field("State", self.state);
        for (name, text) in Self::TEXTS.iter().zip(&self.texts) {
            sink.field(name, text);
        }
        sink.copy("Sid", self.texts.last().map_or("", String::as_str));
        sink.field("Image", &self.image);
        sink.time("CreationTime", self.created);
        sink.time("ModificationTime", self.modified);
        show_loose(&self.loose, sink);
    }
}

/// What a file's blob says.
#[derive(Debug, Default)]
struct File {
    local: String,
    url: String,
    part: String,
    size: Option<u64>,
    transferred: Option<u64>,
    loose: Vec<String>,
}

impl File {
    const FIELDS: [&'static str; 7] =
        ["FileId", "LocalName", "Url", "TemporaryName", "FileSize", "TransferredSize", "TargetFilename"];

    fn of(blob: &[u8]) -> Self {
        // A mark of 16 bytes; the file here, its address, the file while it is fetched; its bytes and those that came.
        let mut at = 16;
        let mut next = || text_at(blob, &mut at);
        let (Some(local), Some(url), Some(part)) = (next(), next(), next()) else {
            return Self { loose: texts_of(blob), ..Self::default() };
        };
        let size = |at| u64_at(blob, at).filter(|bytes| *bytes != u64::MAX);
        Self { local, url, part, size: size(at), transferred: size(at + 8), loose: Vec::new() }
    }

    fn show(&self, sink: &mut Sink<'_>) {
        sink.field("LocalName", &self.local);
        sink.field("Url", &self.url);
        sink.field("TemporaryName", &self.part);
        for (name, bytes) in [("FileSize", self.size), ("TransferredSize", self.transferred)] {
            if let Some(bytes) = bytes {
                sink.number(name, bytes);
            }
        }
        sink.copy("TargetFilename", &self.local);
        show_loose(&self.loose, sink);
    }
}

/// All texts of a blob whose layout is not known.
fn show_loose(texts: &[String], sink: &mut Sink<'_>) {
    let url = texts.iter().find(|text| text.contains("://"));
    sink.field("Url", url.map_or("", String::as_str));
    sink.field("Texts", &texts.join(" | "));
}

/// A text behind its length in units, the closing zero counted.
fn text_at(blob: &[u8], at: &mut usize) -> Option<String> {
    let units = usize::try_from(u32_at(blob, *at)?).ok().filter(|units| *units <= TEXT_UNITS_MAX)?;
    let bytes = blob.get(*at + 4..*at + 4 + units * 2)?;
    let (text, had_errors) = encoding_rs::UTF_16LE.decode_without_bom_handling(bytes);
    let text = text.trim_end_matches('\0');
    if had_errors || text.chars().any(char::is_control) {
        return None;
    }
    *at += 4 + units * 2;
    Some(text.to_owned())
}

/// Fills in what the words of a list stand for.
fn word_at(blob: &[u8], at: usize, words: &[&'static str]) -> &'static str {
    let number = u32_at(blob, at).and_then(|number| usize::try_from(number).ok());
    number.and_then(|number| words.get(number).copied()).unwrap_or_default()
}

fn year(time: Instant) -> i32 {
    time.date().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default()
}

fn texts_of(blob: &[u8]) -> Vec<String> {
    let (mut texts, mut at) = (Vec::new(), 0);
    while at + 4 < blob.len() && texts.len() < TEXTS_MAX {
        match text_at(blob, &mut at) {
            Some(text) if text.chars().count() >= 4 => texts.push(text),
            Some(_) | None => at += 1,
        }
    }
    texts
}
