//! Folder indexes (`$I30`, the attribute `$INDEX_ALLOCATION` of a folder) to rows of `file.index`, one an entry.
//!
//! In: `INDX` blocks, read at random. Out: the entries in force, and those that lie in the slack behind them, marked so: names
//! that the folder held and that were removed or moved within it. Columns are those of `MFTECmd`, and what listings call
//! them. An entry's bytes are hashed as stored; the fixups of its block are applied before its values are read.

use std::io;
use std::sync::Arc;

use piste_model::hash::record_hash;
use piste_model::{Instant, guard};

use super::INDEX;
use super::columns::Columns;
use super::raw::{ATTRIBUTES, Fixups, Reference, apply_fixups, extension, name_type, push_flags};
use super::record::Name;
use crate::artefact::{u16_at, u32_at, u64_at};
use crate::random_access::{Companion, OpenFile, Opened, ReadAt};
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Sizes that blocks have; the first is the usual one.
const BLOCK_BYTES: [usize; 6] = [4_096, 8_192, 16_384, 32_768, 65_536, 2_048];
/// Bytes of one piece, a multiple of each.
const PIECE_BYTES: usize = 4 << 20;
/// Bytes before the header of the entries, from which their places count.
const NODE_AT: usize = 24;
/// Bytes of an entry before its `$FILE_NAME`.
const ENTRY_HEAD_BYTES: usize = 16;
/// Bytes of an entry that are hashed, before its name's own.
const FIXED_BYTES: usize = ENTRY_HEAD_BYTES + Name::HEAD_BYTES;
/// FILETIMEs of 1980 and 2108: what lies between may be a file's time.
const TIMES: std::ops::RangeInclusive<u64> = 0x01a8_e79f_e1d5_8000..=0x0240_0000_0000_0000;

/// An index that was opened.
struct Index {
    content: Arc<dyn ReadAt>,
    block_bytes: usize,
}

/// Opens an index.
///
/// # Errors
/// What the medium answers.
pub fn open(content: Arc<dyn ReadAt>, _companions: &[Companion], _cx: &Context<'_>) -> io::Result<Opened> {
    let block_bytes = block_bytes(&super::mft::head_of(&*content)?);
    Ok(Opened { file: Box::new(Index { content, block_bytes }), issues: Vec::new() })
}

/// Bytes of one block: its entries' space and what stands before it.
fn block_bytes(head: &[u8]) -> usize {
    let said = |size: usize| {
        let blocks = head.chunks_exact(size).filter(|block| block.starts_with(b"INDX"));
        let whole = |block: &&[u8]| u32_at(block, 32).map(u64::from) == Some((size - NODE_AT) as u64);
        blocks.filter(whole).count()
    };
    let [usual, ..] = BLOCK_BYTES;
    let best = |best: (usize, usize), size| {
        let count = said(size);
        if count > best.1 { (size, count) } else { best }
    };
    BLOCK_BYTES.into_iter().fold((usual, 0), best).0
}

impl OpenFile for Index {
    fn pieces(&self) -> usize {
        usize::try_from(self.content.bytes().div_ceil(PIECE_BYTES as u64)).unwrap_or(usize::MAX)
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let start = piece as u64 * PIECE_BYTES as u64;
        let rest = self.content.bytes().saturating_sub(start);
        let mut bytes = vec![0; usize::try_from(rest).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)];
        match self.content.read_at(start, &mut bytes) {
            Ok(length) => bytes.truncate(length),
            Err(error) => {
                let what = format!("4 MB of the index cannot be read: {error}");
                parsed.damaged(cx, "index-unreadable", start, None, what, "copy the file again");
                return parsed;
            }
        }
        let mut writer = Writer::new(cx);
        let mut fixed = vec![0; self.block_bytes];
        for (number, stored) in bytes.chunks(self.block_bytes).enumerate() {
            guard::check();
            let offset = start + (number * self.block_bytes) as u64;
            if stored.iter().all(|byte| *byte == 0) {
                continue;
            }
            let Some(scratch) = fixed.get_mut(..stored.len()) else { continue };
            scratch.copy_from_slice(stored);
            let whole = stored.starts_with(b"INDX") && apply_fixups(scratch) != Fixups::Impossible;
            let Some(node) = Node::read(scratch).filter(|_| whole) else {
                let hint = format!("look at it: tail -c +{} FILE | head -c 4096 | xxd", offset + 1);
                let what = format!("block {number} of this piece is no INDX block");
                parsed.damaged(cx, "index-block", offset, None, what, &hint);
                continue;
            };
            if !node.walk(|entry| writer.push(offset, stored, &entry)) {
                let what = format!("the entries of block {number} of this piece break off");
                let hint =
                    "look among the entries that are marked FromSlack: what follows is searched as slack is";
                parsed.damaged(cx, "index-entries", offset, Some(0), what, hint);
            }
        }
        parsed.records = writer.count;
        parsed.take_rows(cx, start, writer.rows);
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let none = || io::Error::new(io::ErrorKind::InvalidData, "no entry of an index starts there");
        let within = usize::try_from(offset % self.block_bytes as u64).map_err(|_| none())?;
        let mut stored = vec![0; self.block_bytes];
        let length = self.content.read_at(offset - within as u64, &mut stored)?;
        stored.truncate(length);
        let mut fixed = stored.clone();
        apply_fixups(&mut fixed);
        let units =
            fixed.get(within..).and_then(|entry| entry.get(ENTRY_HEAD_BYTES + 64)).ok_or_else(none)?;
        let end = within + FIXED_BYTES + 2 * usize::from(*units);
        stored.get(within..end).map(<[u8]>::to_vec).ok_or_else(none)
    }
}

/// The entries of one block.
struct Node<'b> {
    block: &'b [u8],
    /// Where the entries in force begin and end.
    first: usize,
    end: usize,
}

/// One entry.
struct Entry<'b> {
    at: usize,
    /// The record of the file, where the entry's own head is whole.
    file: Option<Reference>,
    content: &'b [u8],
    from_slack: bool,
}

impl<'b> Node<'b> {
    fn read(block: &'b [u8]) -> Option<Self> {
        let place = |at: usize| usize::try_from(u32_at(block, at)?).ok();
        let first = NODE_AT.checked_add(place(NODE_AT)?)?;
        let end = NODE_AT.checked_add(place(NODE_AT + 4)?)?;
        (first <= end && end <= block.len() && first >= NODE_AT + ENTRY_HEAD_BYTES).then_some(Self {
            block,
            first,
            end,
        })
    }

    /// Gives each entry; false where those in force break off before their end.
    fn walk(&self, mut give: impl FnMut(Entry<'b>)) -> bool {
        let (mut at, mut whole) = (self.first, false);
        while let Some(entry) = self.block.get(at..self.end).filter(|entry| entry.len() >= ENTRY_HEAD_BYTES) {
            if u16_at(entry, 12).is_some_and(|flags| flags & 2 != 0) {
                whole = true; // the last one has no name; it may stand where another's head stood
                break;
            }
            let length = u16_at(entry, 8).map_or(0, usize::from);
            let content = entry.get(ENTRY_HEAD_BYTES..length).filter(|_| length.is_multiple_of(8));
            let Some(content) = content.filter(|content| is_name(content)) else { break };
            give(Entry { at, file: Reference::at(entry, 0), content, from_slack: false });
            at += length;
        }
        self.walk_slack(at.next_multiple_of(8), give);
        whole
    }

    /// What lies behind may begin anywhere, its head written over by the mark that ends the entries.
    fn walk_slack(&self, from: usize, mut give: impl FnMut(Entry<'b>)) {
        let mut at = from;
        while let Some(content) =
            self.block.get(at + ENTRY_HEAD_BYTES..).filter(|rest| rest.len() > Name::HEAD_BYTES)
        {
            if !is_plausible(content) {
                at += 8;
                continue;
            }
            let bytes = Name::HEAD_BYTES + 2 * content.get(64).copied().map_or(0, usize::from);
            let length = (ENTRY_HEAD_BYTES + bytes).next_multiple_of(8);
            let said = self.block.get(at + 8..).and_then(|head| u16_at(head, 0)).map(usize::from);
            let intact = said.is_some_and(|said| said == length || said == length + 8);
            let file = self.block.get(at..).and_then(|entry| Reference::at(entry, 0)).filter(|_| intact);
            give(Entry { at, file, content, from_slack: true });
            at += length;
        }
    }
}

/// Whether bytes are a `$FILE_NAME` whose name ends within them.
fn is_name(content: &[u8]) -> bool {
    content.get(64).is_some_and(|units| content.len() >= Name::HEAD_BYTES + 2 * usize::from(*units))
}

/// Whether bytes that may be anything are one: its parent, times and name are such as a file has.
fn is_plausible(content: &[u8]) -> bool {
    let times =
        [8, 16, 24, 32].iter().all(|at| u64_at(content, *at).is_some_and(|time| TIMES.contains(&time)));
    let kind = content.get(65).copied().unwrap_or(u8::MAX);
    let parent = Reference::at(content, 0).unwrap_or_default();
    let parent = parent.sequence != 0 && parent.entry != 0 && u32::try_from(parent.entry).is_ok();
    let mut text = String::new();
    if !times || !parent || kind > 3 || !is_name(content) || Name::read(content, &mut text).is_none() {
        return false;
    }
    let plain = |letter: char| {
        letter >= ' '
            && letter != char::REPLACEMENT_CHARACTER
            && (kind == 0 || !r#"/\:*?"<>|"#.contains(letter))
    };
    !text.is_empty() && text.chars().all(plain)
}

/// The columns, in the order in which they are filled.
const NAMES: [&str; 17] = [
    "Offset",
    "FromSlack",
    "SelfMftEntry",
    "SelfMftSequence",
    "FileName",
    "Extension",
    "Flags",
    "NameType",
    "ParentMftEntry",
    "ParentMftSequence",
    "CreatedOn",
    "ContentModifiedOn",
    "RecordModifiedOn",
    "LastAccessedOn",
    "PhysicalSize",
    "LogicalSize",
    "is_directory",
];

/// Columns by the places of [`NAMES`].
#[derive(Debug, Clone, Copy)]
enum At {
    Offset,
    FromSlack,
    Entry,
    Sequence,
    FileName,
    Extension,
    Flags,
    NameType,
    ParentEntry,
    ParentSequence,
    Created,
    Modified,
    Changed,
    Accessed,
    Allocated,
    Size,
    IsFolder,
}

/// What other tables of NTFS and listings call these columns.
const REPEATS: [(&str, &str); 9] = [
    ("size", "LogicalSize"),
    ("created", "CreatedOn"),
    ("modified", "ContentModifiedOn"),
    ("changed", "RecordModifiedOn"),
    ("accessed", "LastAccessedOn"),
    ("EntryNumber", "SelfMftEntry"),
    ("SequenceNumber", "SelfMftSequence"),
    ("ParentEntryNumber", "ParentMftEntry"),
    ("ParentSequenceNumber", "ParentMftSequence"),
];

/// Writes the rows of one piece.
struct Writer<'w> {
    rows: Rows<'w>,
    columns: Columns<17>,
    cx: &'w Context<'w>,
    name: String,
    count: u64,
}

impl<'w> Writer<'w> {
    fn new(cx: &'w Context<'w>) -> Self {
        let mut rows = Rows::new(cx.sources, cx.evidence);
        rows.repeat(&REPEATS);
        Self { rows, columns: Columns::of(&NAMES), cx, name: String::new(), count: 0 }
    }

    /// An entry of the block at `block_at`, whose bytes as stored are `stored`.
    fn push(&mut self, block_at: u64, stored: &[u8], entry: &Entry<'_>) {
        self.name.clear();
        let Some(name) = Name::read(entry.content, &mut self.name) else { return };
        let bytes = FIXED_BYTES + 2 * entry.content.get(64).copied().map_or(0, usize::from);
        let Some(raw) = stored.get(entry.at..entry.at + bytes) else { return };
        let offset = block_at + entry.at as u64;
        let time = Instant::from_filetime(name.times.created);
        let head = Head {
            dataset: Some(INDEX),
            channel: "",
            provider: "",
            event_code: None,
            time,
            time_basis: if time.is_some() { "CreatedOn" } else { "" },
            host: self.cx.host_or_hint(""),
            record: i64::try_from(offset).unwrap_or(i64::MAX),
            offset,
            hash: record_hash(raw),
        };
        let Some(mut row) = self.rows.open(&head, 0) else { return };
        self.count += 1;
        let columns = &mut self.columns;
        columns.number(&mut row, At::Offset as usize, offset);
        columns.truth(&mut row, At::FromSlack as usize, entry.from_slack);
        if let Some(file) = entry.file {
            columns.number(&mut row, At::Entry as usize, file.entry);
            columns.number(&mut row, At::Sequence as usize, u64::from(file.sequence));
        }
        let is_directory = name.flags & 0x1000_0000 != 0;
        columns.text(&mut row, At::FileName as usize, &self.name);
        columns.text(&mut row, At::Extension as usize, if is_directory { "" } else { extension(&self.name) });
        let flags = name.flags;
        columns.number_as(&mut row, At::Flags as usize, u64::from(flags), |out| {
            push_flags(flags, ATTRIBUTES, out);
        });
        columns.text(&mut row, At::NameType as usize, name_type(name.kind));
        columns.number(&mut row, At::ParentEntry as usize, name.parent.entry);
        columns.number(&mut row, At::ParentSequence as usize, u64::from(name.parent.sequence));
        columns.time(&mut row, At::Created as usize, name.times.created);
        columns.time(&mut row, At::Modified as usize, name.times.modified);
        columns.time(&mut row, At::Changed as usize, name.times.changed);
        columns.time(&mut row, At::Accessed as usize, name.times.accessed);
        columns.number(&mut row, At::Allocated as usize, name.allocated);
        columns.number(&mut row, At::Size as usize, name.size);
        columns.copy(&mut row, At::IsFolder as usize, if is_directory { "true" } else { "false" });
        row.close();
    }
}
