//! BITS, background transfers (`qmgr.db`): what was fetched from where to which file.
//!
//! In: tables `Jobs` and `Files`, a GUID and a blob a record. Out: `bits.job` a job, with its owner, program and times, and
//! `bits.file` a file with its address. Both blobs are read as far as their layout is known from those of Windows 10 and
//! 11; what lies behind, or where it does not fit, only their text is given.
//!
//! Source: the layout of blobs as BitsParser (FireEye, Apache-2.0) describes it, compared with real ones.

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

/// The database of BITS.
#[derive(Debug)]
pub(super) struct Bits;

impl Meaning for Bits {
    fn maker<'d>(&'d self, _database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        let is_jobs = table.name == "Jobs";
        let (id, blob) = (table.column("Id")?, table.column("Blob")?);
        let is_meant = is_jobs || table.name == "Files";
        is_meant.then(|| Box::new(BitsMaker { table, id, blob, is_jobs, value: Vec::new() }) as Box<dyn Maker>)
    }
}

struct BitsMaker<'d> {
    table: &'d Table,
    id: &'d Column,
    blob: &'d Column,
    is_jobs: bool,
    value: Vec<u8>,
}

impl Maker for BitsMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let id = record.get(self.id).map(|stored| guid(stored.bytes)).unwrap_or_default();
        sink.field(if self.is_jobs { "JobId" } else { "FileId" }, &id);
        let has = record.get(self.blob).is_some_and(|stored| values.one(self.table, stored, &mut self.value));
        let blob = if has { self.value.as_slice() } else { &[] };
        if self.is_jobs {
            let created = push_job(blob, sink);
            sink.push("bits.job", created, "CreationTime", "");
        } else {
            push_file(blob, sink);
            sink.push("bits.file", None, "", "");
        }
    }
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

fn push_job(blob: &[u8], sink: &mut Sink<'_>) -> Option<Instant> {
    const TEXTS: [&str; 5] = ["DisplayName", "Description", "NotifyCommandLine", "NotifyArguments", "Owner"];
    // A mark of 16 bytes; type, priority, state and one unknown number; the job's GUID.
    let mut at = 16 + 16 + 16;
    let texts: Option<Vec<String>> = TEXTS.iter().map(|_| text_at(blob, &mut at)).collect();
    let Some(texts) = texts.filter(|texts| texts.last().is_some_and(|owner| owner.starts_with("S-1-"))) else {
        push_texts(blob, sink);
        return None;
    };
    sink.field("JobType", word_at(blob, 16, &KINDS));
    sink.field("Priority", word_at(blob, 20, &PRIORITIES));
    sink.field("State", word_at(blob, 24, &STATES));
    for (name, text) in TEXTS.iter().zip(&texts) {
        sink.field(name, text);
    }
    sink.copy("Sid", texts.last().map_or("", String::as_str));
    let found = memchr::memmem::find(blob.get(at..)?, &FILE_LIST)?;
    let list = at + found + FILE_LIST.len();
    let files = usize::try_from(u32_at(blob, list)?).ok().filter(|files| *files <= FILES_MAX)?;
    let end = list + 4 + files * 16;
    let ids: Vec<String> = blob.get(list + 4..end)?.chunks_exact(16).map(guid).collect();
    sink.field("FileIds", &ids.join(", "));
    push_after_files(blob.get(end..)?, sink)
}

/// What stands behind the list of files: errors, retry delay, time-out, times, and far behind the program.
fn push_after_files(rest: &[u8], sink: &mut Sink<'_>) -> Option<Instant> {
    let rest = rest.strip_prefix(&FILE_LIST)?;
    let programs = texts_of(rest);
    if let Some(program) = programs.iter().find(|text| text.get(1..3) == Some(":\\")) {
        sink.field("Image", program);
    }
    // An error is told at length before the times; then their place is not known.
    if u32_at(rest, 0)? != 0 {
        return None;
    }
    let time = |at| u64_at(rest, at).and_then(|ticks| filetime(ticks.cast_signed()));
    let (created, modified) = (time(16)?, time(24)?);
    if created > modified || !(2_000..2_100).contains(&year(created)) {
        return None;
    }
    sink.time("CreationTime", Some(created));
    sink.time("ModificationTime", Some(modified));
    Some(created)
}

fn year(time: Instant) -> i32 {
    time.date().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default()
}

fn push_file(blob: &[u8], sink: &mut Sink<'_>) {
    // A mark of 16 bytes; the file here, its address, the file while it is fetched; its bytes and those that came.
    let mut at = 16;
    let texts: Option<Vec<String>> = (0..3).map(|_| text_at(blob, &mut at)).collect();
    let Some([local, url, part]) = texts.as_deref() else { return push_texts(blob, sink) };
    sink.field("LocalName", local);
    sink.field("Url", url);
    sink.field("TemporaryName", part);
    for (name, place) in [("FileSize", at), ("TransferredSize", at + 8)] {
        if let Some(bytes) = u64_at(blob, place).filter(|bytes| *bytes != u64::MAX) {
            sink.number(name, bytes);
        }
    }
    sink.copy("TargetFilename", local);
}

/// All texts of a blob whose layout is not known.
fn push_texts(blob: &[u8], sink: &mut Sink<'_>) {
    let texts = texts_of(blob);
    let url = texts.iter().find(|text| text.contains("://"));
    sink.field("Url", url.map_or("", String::as_str));
    sink.field("Texts", &texts.join(" | "));
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
