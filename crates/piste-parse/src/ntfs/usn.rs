//! The change journal `$UsnJrnl:$J` to rows of `file.usn`, one a record.
//!
//! In: the journal, read at random in pieces of a MB; zeros, of which a sparse journal begins with gigabytes, are passed over
//! word by word. Out: rows with the columns of `MFTECmd`'s CSV, of records of version 2, 3 and 4 (which has neither time nor
//! name). A record belongs to the piece in which it starts. After damage the next place that can be a record is looked for, every
//! eight bytes. Where `$MFT` lies beside it, paths of folders are told as they were when that was collected.
//!
//! Source: Microsoft, `USN_RECORD_V2`, `USN_RECORD_V3`, `USN_RECORD_V4`.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use piste_model::hash::record_hash;
use piste_model::{Instant, Issue, guard};

use super::columns::Columns;
use super::folders::Paths;
use super::mft::Table;
use super::raw::{ATTRIBUTES, Flags, Reference, extension, push_flags, push_wide};
use super::{USN, mft};
use crate::artefact::{u16_at, u32_at, u64_at};
use crate::random_access::{Companion, OpenFile, Opened, ReadAt};
use crate::rows::{Head, OpenRow, Rows};
use crate::{Context, Parsed};

/// Bytes of a piece: some ten thousand records.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes of the longest record: none goes over a page of the journal.
const RECORD_BYTES_MAX: usize = 4_096;
/// Bytes before a piece that are read to find where its first record starts: records lie close to one another.
const BEFORE_BYTES: usize = 2 * RECORD_BYTES_MAX;
/// What a record's length is a multiple of.
const ALIGNMENT: usize = 8;

/// Reasons of a record.
const REASONS: Flags = &[
    (0x1, "DataOverwrite"),
    (0x2, "DataExtend"),
    (0x4, "DataTruncation"),
    (0x10, "NamedDataOverwrite"),
    (0x20, "NamedDataExtend"),
    (0x40, "NamedDataTruncation"),
    (0x100, "FileCreate"),
    (0x200, "FileDelete"),
    (0x400, "EaChange"),
    (0x800, "SecurityChange"),
    (0x1000, "RenameOldName"),
    (0x2000, "RenameNewName"),
    (0x4000, "IndexableChange"),
    (0x8000, "BasicInfoChange"),
    (0x1_0000, "HardLinkChange"),
    (0x2_0000, "CompressionChange"),
    (0x4_0000, "EncryptionChange"),
    (0x8_0000, "ObjectIdChange"),
    (0x10_0000, "ReparsePointChange"),
    (0x20_0000, "StreamChange"),
    (0x40_0000, "TransactedChange"),
    (0x80_0000, "IntegrityChange"),
    (0x100_0000, "DesiredStorageClassChange"),
    (0x8000_0000, "Close"),
];

/// Who made the change, where it was no program.
const SOURCES: Flags = &[
    (0x1, "DataManagement"),
    (0x2, "AuxiliaryData"),
    (0x4, "ReplicationManagement"),
    (0x8, "ClientReplicationManagement"),
];

/// The names of reasons, joined.
pub(crate) fn reasons(bits: u32) -> String {
    let mut text = String::new();
    push_flags(bits, REASONS, &mut text);
    text
}

/// The bits of reasons written as constants (`FILE_CREATE|CLOSE`); `None` where one is not known.
pub(crate) fn reason_bits(text: &str) -> Option<u32> {
    text.split(['|', '+', ',', ' ']).filter(|word| !word.is_empty()).try_fold(0, |bits, word| {
        let word = word.strip_prefix("USN_REASON_").unwrap_or(word);
        let is = |name: &str| {
            let letters = word.bytes().filter(|byte| *byte != b'_');
            letters
                .map(|byte| byte.to_ascii_lowercase())
                .eq(name.bytes().map(|byte| byte.to_ascii_lowercase()))
        };
        REASONS.iter().find(|(_, name)| is(name)).map(|(bit, _)| bits | bit)
    })
}

/// Whether a file is a change journal; where it begins with zeros, its name decides.
pub(crate) fn recognise(head: &[u8], name: &str) -> bool {
    let Some(first) = head.iter().position(|byte| *byte != 0) else {
        return !head.is_empty() && is_journal_name(name);
    };
    let rest = head.get(first & !(ALIGNMENT - 1)..).unwrap_or_default();
    // Where its first record is damaged, or cut off where the head ends, the name decides, save for text.
    let binary = || first >= ALIGNMENT || (head.contains(&0) && piste_page::charset::width(head).is_none());
    Record::read(rest).is_some() || (is_journal_name(name) && binary())
}

/// Names under which collectors keep the journal: `$J`, `$UsnJrnl%3A$J`, `UsnJrnl-$J`, `%24UsnJrnl_%24J`.
fn is_journal_name(name: &str) -> bool {
    let name = crate::file::name_of(name).to_ascii_lowercase().replace("%24", "$").replace("%3a", ":");
    let stem = name.strip_suffix(".bin").or_else(|| name.strip_suffix(".dat")).unwrap_or(&name);
    stem == "$j" || stem.ends_with("$j") || stem.contains("usnjrnl")
}

/// Number of a file in 128 bits; on NTFS the upper half is zero.
#[derive(Debug, Clone, Copy)]
struct FileId {
    low: u64,
    high: u64,
}

/// One record whose lengths agree.
#[derive(Debug, Clone, Copy)]
struct Record<'b> {
    bytes: &'b [u8],
    version: u16,
}

/// Where the values of a version lie: its references are of 64 or of 128 bits.
struct Layout {
    reference_bytes: usize,
    usn: usize,
    /// `None` for version 4, which has none; the security id and attributes are only there where a time is.
    time: Option<usize>,
    reason: usize,
}

impl Layout {
    fn of(version: u16) -> Self {
        let (reference_bytes, usn) = if version == 2 { (8, 24) } else { (16, 40) };
        let time = (version != 4).then_some(usn + 8);
        Self { reference_bytes, usn, time, reason: if time.is_some() { usn + 16 } else { usn + 8 } }
    }
}

impl<'b> Record<'b> {
    /// The record that `bytes` begin with, if they do.
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let (version, minor) = (u16_at(bytes, 4)?, u16_at(bytes, 6)?);
        if !(60..=RECORD_BYTES_MAX).contains(&length) || length % ALIGNMENT != 0 || minor != 0 {
            return None;
        }
        let record = Self { bytes: bytes.get(..length)?, version };
        record.agrees().then_some(record)
    }

    /// Whether what it says of its parts fits its length.
    fn agrees(&self) -> bool {
        let ends = |at: usize| at <= self.bytes.len() && self.bytes.len() - at < ALIGNMENT;
        match self.version {
            2 | 3 => {
                let (at, length) = self.name_place();
                let lengths = length > 0 && length % 2 == 0 && ends(at + length);
                lengths && u16_at(self.bytes, at - 2).map(usize::from) == Some(at) && self.time() < TIME_MAX
            }
            4 => {
                let extents = u16_at(self.bytes, 60).map_or(0, usize::from);
                extents > 0 && u16_at(self.bytes, 62) == Some(16) && ends(64 + 16 * extents)
            }
            _ => false,
        }
    }

    fn layout(&self) -> Layout {
        Layout::of(self.version)
    }

    /// Where the name begins, and its bytes.
    fn name_place(&self) -> (usize, usize) {
        let at = if self.version == 2 { 60 } else { 76 };
        (at, u16_at(self.bytes, at - 4).map_or(0, usize::from))
    }

    fn name(&self) -> &'b [u8] {
        let (at, length) = self.name_place();
        self.bytes.get(at..at + length).filter(|_| self.version != 4).unwrap_or_default()
    }

    fn time(&self) -> u64 {
        self.layout().time.and_then(|at| u64_at(self.bytes, at)).unwrap_or(0)
    }

    fn usn(&self) -> u64 {
        u64_at(self.bytes, self.layout().usn).unwrap_or(0)
    }

    fn reason(&self) -> u32 {
        u32_at(self.bytes, self.layout().reason).unwrap_or(0)
    }

    fn source(&self) -> u32 {
        u32_at(self.bytes, self.layout().reason + 4).unwrap_or(0)
    }

    /// Version 2 and 3.
    fn attributes(&self) -> Option<u32> {
        self.layout().time?;
        u32_at(self.bytes, self.layout().reason + 12)
    }

    /// The file, or its folder.
    fn reference(&self, of_parent: bool) -> FileId {
        let bytes = self.layout().reference_bytes;
        let at = if of_parent { 8 + bytes } else { 8 };
        let low = u64_at(self.bytes, at).unwrap_or(0);
        FileId { low, high: if bytes == 16 { u64_at(self.bytes, at + 8).unwrap_or(0) } else { 0 } }
    }
}

/// FILETIMEs from the year 2514 on are none that a journal has.
const TIME_MAX: u64 = 0x0400_0000_0000_0000;

/// A journal that was opened.
struct Journal {
    content: Arc<dyn ReadAt>,
    /// The volume's table, if it lies beside it.
    table: Option<Table>,
}

/// Opens a journal; a companion that is the volume's `$MFT` gives the paths of folders.
///
/// # Errors
/// What the medium answers.
pub fn open(content: Arc<dyn ReadAt>, companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let mut issues = Vec::new();
    let mut table = None;
    for companion in companions {
        if table.is_none() && mft::is_table(&mft::head_of(&*companion.content)?) {
            table = Some(Table::open(Arc::clone(&companion.content), cx, &mut Vec::new())?);
        }
    }
    let over = content.bytes() % ALIGNMENT as u64;
    if over != 0 {
        let what = format!("the journal ends {over} bytes after the last place at which a record may begin");
        let hint = "compare its size with that of the volume's journal";
        let issue = Issue::new("usn-truncated", cx.path, what, "its last record may be lost", hint);
        issues.push(issue.of(cx.evidence));
    }
    Ok(Opened { file: Box::new(Journal { content, table }), issues })
}

impl OpenFile for Journal {
    fn pieces(&self) -> usize {
        usize::try_from(self.content.bytes().div_ceil(PIECE_BYTES as u64)).unwrap_or(usize::MAX)
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let start = piece as u64 * PIECE_BYTES as u64;
        let from = start.saturating_sub(BEFORE_BYTES as u64);
        let before = usize::try_from(start - from).unwrap_or(0);
        let most = before + PIECE_BYTES + RECORD_BYTES_MAX;
        let rest = self.content.bytes().saturating_sub(from);
        let mut bytes = vec![0; usize::try_from(rest).unwrap_or(most).min(most)];
        match self.content.read_at(from, &mut bytes) {
            Ok(length) => bytes.truncate(length),
            Err(error) => {
                let what = format!("a MB of the journal cannot be read: {error}");
                parsed.damaged(cx, "usn-unreadable", start, None, what, "copy the file again");
                return parsed;
            }
        }
        let mut writer = Writer::new(self.table.as_ref(), cx);
        let mut runs = Runs::default();
        let mut walk = Walk { bytes: &bytes, at: 0, end: bytes.len().min(before + PIECE_BYTES) };
        while let Some(step) = walk.next_step() {
            guard::check();
            match step {
                Step::Record(at, record) if at >= before => writer.push(from + at as u64, &record),
                Step::Junk(at, length) if at >= before => runs.see(from + at as u64, length as u64),
                _ => {} // of the piece before
            }
        }
        runs.tell(cx, &mut parsed);
        parsed.records = writer.count;
        parsed.take_rows(cx, start, writer.rows);
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; RECORD_BYTES_MAX];
        let length = self.content.read_at(offset, &mut bytes)?;
        bytes.truncate(length);
        let none =
            || io::Error::new(io::ErrorKind::InvalidData, "no record of a change journal starts there");
        Record::read(&bytes).map(|record| record.bytes.to_vec()).ok_or_else(none)
    }
}

/// What lies at a place.
enum Step<'b> {
    Record(usize, Record<'b>),
    /// Bytes that are no record, and how many.
    Junk(usize, usize),
}

/// Goes through the bytes of a piece.
struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
    /// No record that begins here or after it is of this piece.
    end: usize,
}

impl<'b> Walk<'b> {
    fn next_step(&mut self) -> Option<Step<'b>> {
        self.at += zeros(self.bytes.get(self.at..self.end)?) / ALIGNMENT * ALIGNMENT;
        let start = self.at;
        if start >= self.end {
            return None;
        }
        if let Some(record) = Record::read(self.bytes.get(start..)?) {
            self.at += record.bytes.len();
            return Some(Step::Record(start, record));
        }
        loop {
            self.at += ALIGNMENT;
            let rest = self.bytes.get(self.at..).filter(|_| self.at < self.end).unwrap_or_default();
            let ends = rest.is_empty() || Record::read(rest).is_some();
            if ends || rest.get(..ALIGNMENT).is_some_and(|word| word.iter().all(|byte| *byte == 0)) {
                return Some(Step::Junk(start, self.at.min(self.bytes.len()) - start));
            }
        }
    }
}

/// How many zeros bytes begin with.
fn zeros(bytes: &[u8]) -> usize {
    let is_zero = |block: &&[u8]| block.iter().fold(0, |any, byte| any | byte) == 0;
    let blocks = bytes.chunks_exact(256).take_while(is_zero).count() * 256;
    blocks + bytes.iter().skip(blocks).take_while(|byte| **byte == 0).count()
}

/// Stretches of a piece that are no records.
#[derive(Default)]
struct Runs {
    named: Vec<(u64, u64)>,
    further: u64,
    further_bytes: u64,
    first_further: u64,
}

impl Runs {
    /// Those of one piece that are named one by one.
    const NAMED_MAX: usize = 3;

    fn see(&mut self, offset: u64, bytes: u64) {
        if self.named.len() < Self::NAMED_MAX {
            self.named.push((offset, bytes));
            return;
        }
        if self.further == 0 {
            self.first_further = offset;
        }
        self.further += 1;
        self.further_bytes += bytes;
    }

    fn tell(self, cx: &Context<'_>, parsed: &mut Parsed) {
        let hint = |offset: u64| {
            format!("look at it: tail -c +{} FILE | head -c 512 | xxd", offset.saturating_add(1))
        };
        for (offset, bytes) in self.named {
            let what = format!("{bytes} bytes are no records of a change journal");
            parsed.damaged(cx, "usn-damaged", offset, None, what, &hint(offset));
        }
        if self.further > 0 {
            let what = format!(
                "{} further stretches of this piece, {} bytes, are no records of a change journal",
                self.further, self.further_bytes
            );
            parsed.damaged(cx, "usn-damaged", self.first_further, None, what, &hint(self.first_further));
        }
    }
}

/// The columns, in the order in which they are filled.
const NAMES: [&str; 14] = [
    "UpdateTimestamp",
    "Name",
    "Extension",
    "EntryNumber",
    "SequenceNumber",
    "ParentEntryNumber",
    "ParentSequenceNumber",
    "ParentPath",
    "UpdateSequenceNumber",
    "UpdateReasons",
    "SourceInfo",
    "FileAttributes",
    "Extents",
    "TargetFilename",
];

/// Columns by the places of [`NAMES`].
#[derive(Debug, Clone, Copy)]
enum At {
    Time,
    Name,
    Extension,
    Entry,
    Sequence,
    ParentEntry,
    ParentSequence,
    ParentPath,
    Usn,
    Reasons,
    Source,
    Attributes,
    Extents,
    Target,
}

/// Writes the rows of one piece.
struct Writer<'w> {
    rows: Rows<'w>,
    columns: Columns<14>,
    cx: &'w Context<'w>,
    table: Option<&'w Table>,
    paths: Paths,
    /// Name of the record before, as stored and as text.
    stored: Vec<u8>,
    name: String,
    target: String,
    count: u64,
}

impl<'w> Writer<'w> {
    fn new(table: Option<&'w Table>, cx: &'w Context<'w>) -> Self {
        Self {
            rows: Rows::new(cx.sources, cx.evidence),
            columns: Columns::of(&NAMES),
            cx,
            table,
            paths: Paths::default(),
            stored: Vec::new(),
            name: String::new(),
            target: String::new(),
            count: 0,
        }
    }

    fn push(&mut self, offset: u64, record: &Record<'_>) {
        let time = record.time();
        let head = Head {
            dataset: Some(USN),
            channel: "",
            provider: "",
            event_code: None,
            time: Some(time).filter(|time| *time != 0).and_then(Instant::from_filetime),
            time_basis: if time == 0 { "" } else { "UpdateTimestamp" },
            host: self.cx.host_or_hint(""),
            record: i64::try_from(record.usn()).unwrap_or(i64::MAX),
            offset,
            hash: record_hash(record.bytes),
        };
        let Some(mut row) = self.rows.open(&head, 0) else { return };
        self.count += 1;
        let columns = &mut self.columns;
        columns.time(&mut row, At::Time as usize, time);
        if record.name() == self.stored {
            columns.again(&mut row, At::Name as usize); // a change comes seldom alone
            columns.again(&mut row, At::Extension as usize);
        } else {
            self.stored.clear();
            self.stored.extend(record.name());
            self.name.clear();
            push_wide(record.name(), &mut self.name);
            columns.text(&mut row, At::Name as usize, &self.name);
            columns.text(&mut row, At::Extension as usize, extension(&self.name));
        }
        put_reference(columns, &mut row, record.reference(false), At::Entry, At::Sequence);
        let parent = record.reference(true);
        put_reference(columns, &mut row, parent, At::ParentEntry, At::ParentSequence);
        if let Some(table) = self.table.filter(|_| parent.high == 0) {
            let (path, _) = self.paths.of(Reference::of(parent.low), table.folders());
            columns.number_as(&mut row, At::ParentPath as usize, parent.low, |out| out.extend([".", path]));
            self.target.clear();
            self.target.extend([path, "\\", &self.name]);
            columns.copy(&mut row, At::Target as usize, if self.name.is_empty() { "" } else { &self.target });
        }
        columns.number(&mut row, At::Usn as usize, record.usn());
        put_flags(columns, &mut row, At::Reasons, record.reason(), REASONS);
        put_flags(columns, &mut row, At::Source, record.source(), SOURCES);
        if let Some(attributes) = record.attributes() {
            put_flags(columns, &mut row, At::Attributes, attributes, ATTRIBUTES);
        }
        if record.version == 4 {
            columns.with(&mut row, At::Extents as usize, |out| push_extents(record.bytes, out));
        }
        row.close();
    }
}

fn put_flags(columns: &mut Columns<14>, row: &mut OpenRow<'_>, at: At, bits: u32, names: Flags) {
    columns.number_as(row, at as usize, u64::from(bits), |out| push_flags(bits, names, out));
}

/// A number and its sequence; one of 128 bits (`ReFS`) stands as one, in hex.
fn put_reference(columns: &mut Columns<14>, row: &mut OpenRow<'_>, number: FileId, entry: At, sequence: At) {
    let FileId { low, high } = number;
    if high != 0 {
        columns.with(row, entry as usize, |out| {
            let _ = write!(out, "0x{high:016x}{low:016x}");
        });
        return;
    }
    let reference = Reference::of(low);
    columns.number(row, entry as usize, reference.entry);
    columns.number(row, sequence as usize, u64::from(reference.sequence));
}

/// `offset+length` of each range of the file that was written.
fn push_extents(record: &[u8], out: &mut String) {
    let extents = record.get(64..).unwrap_or_default().chunks_exact(16);
    for (at, extent) in extents.enumerate() {
        let bar = if at > 0 { "|" } else { "" };
        let value = |at: usize| u64_at(extent, at).unwrap_or(0);
        let _ = write!(out, "{bar}{}+{}", value(0), value(8));
    }
}
