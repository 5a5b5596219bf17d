//! Rows of `file.mft`.
//!
//! In: what the attributes of one file said. Out: a row a long name, 8.3 names folded into it, and a row a named stream.

use std::fmt::Write as _;

use piste_model::Instant;
use piste_model::Issue;
use piste_model::hash::RecordHash;

use crate::ntfs::MFT;
use crate::ntfs::columns::Columns;
use crate::ntfs::folders::{Folders, Paths, Place};
use crate::ntfs::raw::{ATTRIBUTES, Reference, extension, name_type, push_flags, push_guid};
use crate::ntfs::record::{DOS, Found, Header, Name, Stream, Times, tag_name};
use crate::rows::{Head, OpenRow, Rows};
use crate::{Context, Parsed};

/// Number of columns.
const COLUMNS: usize = At::IsFolder as usize + 1;
/// The columns, in the order in which they are filled.
const NAMES: [&str; COLUMNS] = [
    "EntryNumber",
    "SequenceNumber",
    "InUse",
    "ParentEntryNumber",
    "ParentSequenceNumber",
    "ParentPath",
    "FileName",
    "Extension",
    "FileSize",
    "ReferenceCount",
    "ReparseTarget",
    "IsDirectory",
    "HasAds",
    "IsAds",
    "SI<FN",
    "uSecZeros",
    "Copied",
    "SiFlags",
    "NameType",
    "Created0x10",
    "Created0x30",
    "LastModified0x10",
    "LastModified0x30",
    "LastRecordChange0x10",
    "LastRecordChange0x30",
    "LastAccess0x10",
    "LastAccess0x30",
    "UpdateSequenceNumber",
    "LogfileSequenceNumber",
    "SecurityId",
    "ObjectIdFileDroid",
    "LoggedUtilStream",
    "ZoneIdContents",
    "Path",
    "ShortName",
    "Orphan",
    "ReparseTag",
    "BaseEntryNumber",
    "FixupMismatch",
    "deleted",
    "is_directory",
];

/// Columns by the places of [`NAMES`].
#[derive(Debug, Clone, Copy)]
enum At {
    Entry,
    Sequence,
    InUse,
    ParentEntry,
    ParentSequence,
    ParentPath,
    FileName,
    Extension,
    Size,
    References,
    ReparseTarget,
    IsDirectory,
    HasAds,
    IsAds,
    Stomped,
    Rounded,
    Copied,
    Flags,
    NameType,
    Created,
    FnCreated,
    Modified,
    FnModified,
    Changed,
    FnChanged,
    Accessed,
    FnAccessed,
    Usn,
    Lsn,
    SecurityId,
    Droid,
    Logged,
    Zone,
    Path,
    ShortName,
    Orphan,
    ReparseTag,
    Base,
    Torn,
    Deleted,
    IsFolder,
}

/// What listings call these columns.
const REPEATS: [(&str, &str); 10] = [
    ("TargetFilename", "Path"),
    ("size", "FileSize"),
    ("created", "Created0x10"),
    ("modified", "LastModified0x10"),
    ("changed", "LastRecordChange0x10"),
    ("accessed", "LastAccess0x10"),
    ("fn_created", "Created0x30"),
    ("fn_modified", "LastModified0x30"),
    ("fn_changed", "LastRecordChange0x30"),
    ("fn_accessed", "LastAccess0x30"),
];

/// Bytes that the paths of one piece may take: those of real ones take a tenth.
const PATHS_BYTES_MAX: usize = 128 << 20;

/// One record of the table with what extends it.
pub(super) struct File<'f> {
    pub(super) entry: u32,
    pub(super) offset: u64,
    pub(super) hash: RecordHash,
    pub(super) header: Header,
    /// Some sector of it is of another time.
    pub(super) torn: bool,
    pub(super) found: &'f Found,
}

impl File<'_> {
    /// Times of `$STANDARD_INFORMATION`.
    fn times(&self) -> Option<Times> {
        self.found.standard.map(|standard| standard.times)
    }

    /// When it was created, and who says so.
    fn created(&self, name: Option<&Name>) -> (Option<Instant>, &'static str) {
        let own = self.times().and_then(|times| Instant::from_filetime(times.created));
        if let Some(time) = own {
            (Some(time), "file created")
        } else {
            let time = name.and_then(|name| Instant::from_filetime(name.times.created));
            (time, if time.is_some() { "file created by $FILE_NAME" } else { "" })
        }
    }
}

/// What one row is about.
#[derive(Clone, Copy)]
struct Subject<'s> {
    name: Option<&'s Name>,
    /// The 8.3 name beside it.
    short: Option<&'s Name>,
    stream: Option<&'s Stream>,
}

/// Writes the rows of one piece.
pub(super) struct Writer<'w> {
    rows: Rows<'w>,
    columns: Columns<COLUMNS>,
    cx: &'w Context<'w>,
    folders: &'w Folders,
    paths: Paths,
    path: String,
    /// Bytes of paths so far.
    path_bytes: usize,
    /// Rows that have no path since there were too many bytes of them.
    without: u64,
}

impl<'w> Writer<'w> {
    pub(super) fn new(folders: &'w Folders, cx: &'w Context<'w>) -> Self {
        let mut rows = Rows::new(cx.sources, cx.evidence);
        rows.repeat(&REPEATS);
        Self {
            rows,
            columns: Columns::of(&NAMES),
            cx,
            folders,
            paths: Paths::default(),
            path: String::new(),
            path_bytes: 0,
            without: 0,
        }
    }

    /// The rows of one file.
    pub(super) fn push(&mut self, file: &File<'_>) {
        let names = &file.found.names;
        // One link of a file has an 8.3 name; it belongs to the long one of the same folder.
        let short = names.iter().find(|name| name.kind == DOS);
        let folded = short.filter(|short| names.iter().any(|name| is_long_of(name, short)));
        let mut is_first = true;
        for name in names.iter().filter(|name| !folded.is_some_and(|folded| std::ptr::eq(folded, *name))) {
            let short = folded.filter(|short| is_first && is_long_of(name, short));
            is_first &= short.is_none();
            self.row(file, Subject { name: Some(name), short, stream: None });
        }
        if names.is_empty() {
            self.row(file, Subject { name: None, short: None, stream: None });
        }
        let name = names.iter().find(|name| name.kind != DOS).or_else(|| names.first());
        for stream in &file.found.streams {
            self.row(file, Subject { name, short: None, stream: Some(stream) });
        }
    }

    fn row(&mut self, file: &File<'_>, subject: Subject<'_>) {
        let (time, time_basis) = file.created(subject.name);
        let head = Head {
            dataset: Some(MFT),
            channel: "",
            provider: "",
            event_code: None,
            time,
            time_basis,
            host: self.cx.host_or_hint(""),
            record: i64::from(file.entry),
            offset: file.offset,
            hash: file.hash,
        };
        let Some(mut row) = self.rows.open(&head, 0) else { return };
        let columns = &mut self.columns;
        fill_record(columns, &mut row, file, subject);
        fill_times(columns, &mut row, file, subject.name);
        if let Some(name) = subject.name {
            let (folder, place) = self.paths.of(name.parent, self.folders);
            self.path.clear();
            self.path.push_str(folder);
            let folder_bytes = self.path.len();
            let text = file.found.text(&name.text);
            // The root is named `.` and lies in itself.
            self.path.push('\\');
            self.path.push_str(if u64::from(file.entry) == Reference::ROOT && text == "." {
                ""
            } else {
                text
            });
            if let Some(stream) = subject.stream {
                self.path.push(':');
                self.path.push_str(file.found.text(&stream.name));
            }
            self.path_bytes += 2 * self.path.len();
            if self.path_bytes > PATHS_BYTES_MAX {
                self.without += 1;
            } else {
                columns.text(&mut row, At::Path as usize, &self.path);
                columns.with(&mut row, At::ParentPath as usize, |out| {
                    out.push('.');
                    out.push_str(self.path.get(..folder_bytes).unwrap_or_default());
                });
            }
            if place == Place::Orphan {
                columns.truth(&mut row, At::Orphan as usize, true);
            }
        }
        row.close();
    }

    pub(super) fn finish(self, offset: u64, parsed: &mut Parsed) {
        if self.without > 0 {
            let what = format!("the paths of {} rows of this piece take more than 128 MB", self.without);
            let effect = "these rows have names and parents, but no path; no record is lost";
            let hint = "look at the folders that the rows before them name: a real volume has none so deep";
            let issue = Issue::new("mft-paths-too-long", self.cx.path, what, effect, hint);
            parsed.issues.push(issue.of(self.cx.evidence).at(offset));
        }
        parsed.take_rows(self.cx, offset, self.rows);
    }
}

fn is_long_of(name: &Name, short: &Name) -> bool {
    name.kind != DOS && name.kind != 3 && name.parent == short.parent
}

type Cells = Columns<COLUMNS>;

/// What the record says whatever its name is.
fn fill_record(columns: &mut Cells, row: &mut OpenRow<'_>, file: &File<'_>, subject: Subject<'_>) {
    let (header, found) = (&file.header, file.found);
    columns.number(row, At::Entry as usize, u64::from(file.entry));
    columns.number(row, At::Sequence as usize, u64::from(header.sequence));
    columns.truth(row, At::InUse as usize, header.in_use);
    let is_directory = header.is_directory && subject.stream.is_none();
    columns.truth(row, At::IsDirectory as usize, is_directory);
    columns.copy(row, At::Deleted as usize, if header.in_use { "false" } else { "true" });
    columns.copy(row, At::IsFolder as usize, if is_directory { "true" } else { "false" });
    columns.truth(row, At::HasAds as usize, subject.stream.is_none() && !found.streams.is_empty());
    columns.truth(row, At::IsAds as usize, subject.stream.is_some());
    if let Some(name) = subject.name {
        fill_name(columns, row, file, name, subject);
    }
    let size = subject.stream.map_or(found.size.unwrap_or(0), |stream| stream.size);
    columns.number(row, At::Size as usize, size);
    columns.number(row, At::Lsn as usize, header.lsn);
    let links = found.names.iter().filter(|name| name.kind != DOS).count();
    columns.number(row, At::References as usize, links as u64);
    if let Some(standard) = found.standard {
        let flags = standard.flags;
        columns
            .number_as(row, At::Flags as usize, u64::from(flags), |out| push_flags(flags, ATTRIBUTES, out));
        if let Some(id) = standard.security_id {
            columns.number(row, At::SecurityId as usize, u64::from(id));
        }
        if let Some(usn) = standard.usn {
            columns.number(row, At::Usn as usize, usn);
        }
    }
    if let Some(droid) = &found.droid {
        columns.with(row, At::Droid as usize, |out| push_guid(droid, out));
    }
    columns.text(row, At::Logged as usize, found.text(&found.logged));
    if let Some(reparse) = &found.reparse {
        columns.text(row, At::ReparseTarget as usize, found.text(&reparse.target));
        columns.with(row, At::ReparseTag as usize, |out| match tag_name(reparse.tag) {
            Some(name) => out.push_str(name),
            None => {
                let _ = write!(out, "0x{:08x}", reparse.tag);
            }
        });
    }
    if let Some(base) = header.base {
        columns.number(row, At::Base as usize, base.entry);
    }
    if file.torn {
        columns.truth(row, At::Torn as usize, true);
    }
}

/// The name and its parent.
fn fill_name(columns: &mut Cells, row: &mut OpenRow<'_>, file: &File<'_>, name: &Name, subject: Subject<'_>) {
    let found = file.found;
    let text = found.text(&name.text);
    columns.number(row, At::ParentEntry as usize, name.parent.entry);
    columns.number(row, At::ParentSequence as usize, u64::from(name.parent.sequence));
    columns.text(row, At::NameType as usize, name_type(name.kind));
    if let Some(stream) = subject.stream {
        let own = found.text(&stream.name);
        columns.with(row, At::FileName as usize, |out| out.extend([text, ":", own]));
        columns.text(row, At::Extension as usize, extension(own));
        columns.text(row, At::Zone as usize, found.text(&stream.zone));
    } else {
        columns.text(row, At::FileName as usize, text);
        if !file.header.is_directory {
            columns.text(row, At::Extension as usize, extension(text));
        }
    }
    if let Some(short) = subject.short {
        columns.text(row, At::ShortName as usize, found.text(&short.text));
    }
}

/// Columns of one time of a file, and which of its times that is.
type Kind = (At, At, fn(&Times) -> u64);

/// All times, and what they say of each other.
fn fill_times(columns: &mut Cells, row: &mut OpenRow<'_>, file: &File<'_>, name: Option<&Name>) {
    let own = file.times();
    let of_name = name.map(|name| name.times);
    let kinds: [Kind; 4] = [
        (At::Created, At::FnCreated, |times| times.created),
        (At::Modified, At::FnModified, |times| times.modified),
        (At::Changed, At::FnChanged, |times| times.changed),
        (At::Accessed, At::FnAccessed, |times| times.accessed),
    ];
    for (at, at_name, get) in kinds {
        let (one, other) = (own.as_ref().map(get), of_name.as_ref().map(get));
        if let Some(ticks) = one {
            columns.time(row, at as usize, ticks);
        }
        if let Some(ticks) = other.filter(|_| one != other) {
            columns.time(row, at_name as usize, ticks);
        }
    }
    let Some(own) = own else { return };
    let stomped = of_name.is_some_and(|of_name| own.created < of_name.created);
    // As MFTECmd has it: no milliseconds.
    let rounded = |ticks: u64| (ticks / 10_000).is_multiple_of(1_000);
    columns.truth(row, At::Stomped as usize, stomped);
    columns.truth(row, At::Rounded as usize, rounded(own.created) || rounded(own.modified));
    columns.truth(row, At::Copied as usize, own.modified < own.created);
}
