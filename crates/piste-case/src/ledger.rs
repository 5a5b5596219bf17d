//! The ledger: what was done in a case, in order, one line an entry, each bound to the one before by its hash.
//!
//! In: a kind, a body and a moment, all given by the caller. Out: `ledger.jsonl`, readable by anyone with a text editor
//! and `sha256sum`. Every line is canonical JSON (keys sorted, no spaces, UTF-8):
//!
//! ```text
//! {"at":"2021-03-14T01:40:12Z","body":{..},"hash":"..","kind":"evidence.sealed","prev":"..","seq":1}
//! ```
//!
//! `hash` is the SHA-256 of the same line without `"hash":"..",` and without the line's end; `prev` is the `hash` of the
//! entry before, 64 zeros for the first. So any change inside the chain shows. What the chain alone cannot show is that
//! whole entries were taken off its end: for that, note the head's hash (as the report of a run does) somewhere else.
//!
//! A crash in the middle of a write leaves a torn last line. Opening the ledger cuts it off and says so: no step counts
//! as done before its entry is on disk. Everything else that is wrong stops the case, for a person to look at.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use piste_model::Instant;
use piste_model::hash::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::append::append_or_restore;
use crate::canonical;
use crate::person::{self, Origin, Person};

/// Kinds of entry that Piste writes; a ledger may hold others, of later versions.
pub mod kind {
    /// The case folder was made.
    pub const CASE_CREATED: &str = "case.created";
    /// A run began, with its arguments and version.
    pub const RUN_STARTED: &str = "run.started";
    /// A file of evidence was hashed, with its `E-n`.
    pub const EVIDENCE_SEALED: &str = "evidence.sealed";
    /// A part of the lake is complete on disk.
    pub const UNIT_STORED: &str = "unit.stored";
    /// A finding's key was given its `F-n`.
    pub const FINDING_NUMBERED: &str = "finding.numbered";
    /// A run ended, with its figures.
    pub const RUN_FINISHED: &str = "run.finished";
    /// A person stated a fact.
    pub const FACT_SET: &str = "fact.set";
    /// A person took a fact back.
    pub const FACT_UNSET: &str = "fact.unset";
    /// A notification was sent.
    pub const DUTY_SENT: &str = "duty.sent";
    /// Its recipient acknowledged it.
    pub const DUTY_ACKNOWLEDGED: &str = "duty.acknowledged";
    /// A person decided that a duty is not to be met, and why.
    pub const DUTY_WAIVED: &str = "duty.waived";
    /// A person took such a decision back.
    pub const DUTY_RESUMED: &str = "duty.resumed";
    /// An action of the plan was given to somebody.
    pub const PLAN_ASSIGNED: &str = "plan.assigned";
    /// A person says that an action is done.
    pub const PLAN_CLAIMED: &str = "plan.claimed";
    /// A person decided against an action, and why.
    pub const PLAN_WAIVED: &str = "plan.waived";
    /// An action is to be done again.
    pub const PLAN_REOPENED: &str = "plan.reopened";
    /// A person joined two acts of the trail, and why.
    pub const TRAIL_LINKED: &str = "trail.linked";
    /// A person cut what joins two acts of the trail, and why.
    pub const TRAIL_UNLINKED: &str = "trail.unlinked";
    /// A person released the removal list, by its hash.
    pub const REMOVAL_RELEASED: &str = "removal.released";
    /// Evidence that was collected afterwards was judged: what is gone, what is back.
    pub const VERIFY_JUDGED: &str = "verify.judged";
}

/// Bytes that one line may have; a longer one is refused when written and when read, so that memory stays flat.
pub const MAX_LINE: usize = 16 << 20;

/// `prev` of the first entry.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One entry, as read or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When it happened, by the caller's clock.
    pub at: Instant,
    /// What happened; its shape hangs on `kind`.
    pub body: Value,
    /// SHA-256 over the canonical JSON of the other five, 64 lower-case hex digits.
    pub hash: String,
    /// `evidence.sealed`, see [`kind`].
    pub kind: String,
    /// `hash` of the entry before, 64 zeros for the first.
    pub prev: String,
    /// 1, 2, 3 ...
    pub seq: u64,
    /// What the check of its signature found, where it was read from a ledger.
    #[serde(skip)]
    pub(crate) checked: Checked,
}

/// Who made an entry, once that was checked. It says nothing of the entry's content, so all are equal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked(pub(crate) Option<Origin>);

impl PartialEq for Checked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Checked {}

impl Entry {
    /// The entry's line, as it stands in the ledger, with its end.
    ///
    /// Empty where the entry could not have been written; one that was read could.
    pub fn to_line(&self) -> String {
        EntryText::of(self).map(|text| text.line(&self.hash)).unwrap_or_default()
    }
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whole entries.
    pub entries: u64,
    /// Bytes of a torn last line that were cut off; 0 where the ledger was whole.
    pub torn_bytes: u64,
}

/// A ledger whose chain holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// Hash of the last one; 64 zeros where there is none.
    pub head: String,
}

/// Why a ledger cannot be opened, trusted or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system said no.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `open`, `read`, ...
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process holds this case.
    #[error("another process is writing this case ({} is locked)", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The chain does not hold: the first entry that is wrong.
    #[error("{}: line {line}, where entry {seq} should stand: {what}", path.display())]
    Broken {
        /// The ledger.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Sequence number that this line should have.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// A person's signature does not hold: the entry was changed after it was signed, or signed for another place.
    #[error(
        "entry {seq} (`{kind}`) is forged: the signature of {name:?} does not hold: it was made for another entry, or the entry was \
         changed after it was signed"
    )]
    Forged {
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: String,
        /// Who is said to have made it.
        name: String,
    },
    /// The entry cannot be written as canonical JSON; nothing was written.
    #[error("an entry of kind `{kind}` cannot be recorded: {what}")]
    Refused {
        /// Its kind.
        kind: String,
        /// Why.
        what: String,
    },
    /// Writing failed, for instance because the disk is full.
    #[error("cannot append to {} ({})", path.display(),
        if *restored { "the ledger is as it was before" } else { "a torn line may remain; the next run cuts it off" })]
    Append {
        /// The ledger.
        path: PathBuf,
        /// Whether the ledger was cut back to its last whole entry.
        restored: bool,
        /// What the file system said.
        source: io::Error,
    },
    /// An earlier append failed and could not be undone; open the case anew.
    #[error("{} is in an unknown state after a failed write; run the command again", path.display())]
    Unknown {
        /// The ledger.
        path: PathBuf,
    },
    /// An entry's body does not have the shape that its kind promises.
    #[error("entry {seq} (`{kind}`): {what}")]
    Body {
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: String,
        /// What is wrong.
        what: String,
    },
}

/// A ledger open for writing. One process at a time; the lock goes when this is dropped.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    chain: Chain,
    /// Bytes of whole entries.
    bytes: u64,
    /// Set when a failed write could not be undone.
    unknown: bool,
    /// Held open: closing it frees the lock.
    _lock: File,
}

impl Ledger {
    /// Opens or creates the ledger at `path`, checks its chain and every signature, and cuts off a torn last line.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] where another process holds it, [`LedgerError::Broken`] with the first wrong entry.
    pub fn open(path: &Path) -> Result<(Self, Opened), LedgerError> {
        Self::open_with(path, |_| Ok(()))
    }

    /// As [`Ledger::open`], and hands each entry in turn to `each`; memory does not grow with the ledger.
    ///
    /// # Errors
    /// As [`Ledger::open`], or what `each` returned.
    pub fn open_with(
        path: &Path,
        mut each: impl FnMut(&Entry) -> Result<(), LedgerError>,
    ) -> Result<(Self, Opened), LedgerError> {
        let lock = lock(&path.with_extension("lock"))?;
        let new = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|source| io_error("open", path, source))?;
        if new {
            sync_folder(path)?;
        }
        let Walked { chain, bytes, torn } = walk(path, &file, Forged::Stops, &mut each)?;
        let torn_bytes = torn.map_or(0, |torn| torn.bytes);
        if torn_bytes > 0 {
            keep_torn(path, bytes)?;
            file.set_len(bytes)
                .and_then(|()| file.sync_data())
                .map_err(|source| io_error("cut the torn last line of", path, source))?;
        }
        let opened = Opened { entries: chain.entries, torn_bytes };
        Ok((Self { path: path.to_owned(), file, chain, bytes, unknown: false, _lock: lock }, opened))
    }

    /// Appends one entry and waits until it is on disk.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] for a body with fractions, too deep or too long; [`LedgerError::Append`] where the disk
    /// does not take it. In both cases the ledger is as it was, unless the error says otherwise.
    pub fn append(&mut self, kind: &str, body: Value, at: Instant) -> Result<Entry, LedgerError> {
        let mut chain = self.chain.clone();
        let mut lines = String::new();
        let entry = chain.extend(kind, body, at, &mut lines)?;
        self.write(&lines, chain)?;
        Ok(entry)
    }

    /// Appends one entry that `person` makes, signed where the person has a key.
    ///
    /// # Errors
    /// As [`Ledger::append`]; also for a body that is no object.
    pub fn append_by(
        &mut self,
        kind: &str,
        body: Value,
        at: Instant,
        person: &Person,
    ) -> Result<Entry, LedgerError> {
        let at = shown(at);
        let place = (self.chain.head.as_str(), self.chain.entries + 1);
        let body = person::sign(body, person, kind, at, place)
            .map_err(|what| LedgerError::Refused { kind: kind.to_owned(), what })?;
        self.append(kind, body, at)
    }

    /// Appends entries `(kind, body)` that `person` makes, each signed, with one write: all of them or, where one is refused
    /// or the disk does not take them, none.
    ///
    /// # Errors
    /// As [`Ledger::append_by`].
    pub fn append_all_by<K: AsRef<str>>(
        &mut self,
        entries: impl IntoIterator<Item = (K, Value)>,
        at: Instant,
        person: &Person,
    ) -> Result<(), LedgerError> {
        let at = shown(at);
        let mut chain = self.chain.clone();
        let mut lines = String::new();
        for (kind, body) in entries {
            let kind = kind.as_ref();
            let place = (chain.head.as_str(), chain.entries + 1);
            let body = person::sign(body, person, kind, at, place)
                .map_err(|what| LedgerError::Refused { kind: kind.to_owned(), what })?;
            chain.extend(kind, body, at, &mut lines)?;
        }
        self.write(&lines, chain)
    }

    /// Appends entries `(kind, body, at)` with one write and one wait for the disk; returns how many.
    ///
    /// They are held in memory until written. If one is refused or the write fails, none is recorded; a power cut in the
    /// middle may leave the first of them, each whole.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn append_all<K: AsRef<str>>(
        &mut self,
        entries: impl IntoIterator<Item = (K, Value, Instant)>,
    ) -> Result<u64, LedgerError> {
        let mut chain = self.chain.clone();
        let mut lines = String::new();
        for (kind, body, at) in entries {
            chain.extend(kind.as_ref(), body, at, &mut lines)?;
        }
        let added = chain.entries - self.chain.entries;
        if added > 0 {
            self.write(&lines, chain)?;
        }
        Ok(added)
    }

    /// Number of entries and hash of the last one, as far as written.
    pub fn state(&self) -> Verified {
        Verified { entries: self.chain.entries, head: self.chain.head.clone() }
    }

    fn write(&mut self, lines: &str, chain: Chain) -> Result<(), LedgerError> {
        if self.unknown {
            return Err(LedgerError::Unknown { path: self.path.clone() });
        }
        match append_or_restore(&mut self.file, self.bytes, lines.as_bytes()) {
            Ok(()) => {
                self.bytes += lines.len() as u64;
                self.chain = chain;
                Ok(())
            }
            Err((source, restored)) => {
                self.unknown = !restored;
                Err(LedgerError::Append { path: self.path.clone(), restored, source })
            }
        }
    }
}

/// Checks the chain of the ledger at `path` without changing or locking it. Signatures are not looked at.
///
/// # Errors
/// [`LedgerError::Broken`] with the first wrong entry; a torn last line is one too.
pub fn verify(path: &Path) -> Result<Verified, LedgerError> {
    read_any(path, |_| Ok(()))
}

/// As [`verify`], and hands each entry in turn to `each`, which therefore sees only entries whose chain holds so far and whose
/// signature, if it has one, holds.
///
/// # Errors
/// As [`verify`], [`LedgerError::Forged`] at the first signature that does not hold, or what `each` returned.
pub fn read_with(
    path: &Path,
    mut each: impl FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<Verified, LedgerError> {
    read(path, Forged::Stops, &mut each)
}

/// As [`read_with`], for who shows the ledger itself: entries whose signature does not hold are handed on, and say so.
///
/// # Errors
/// As [`verify`], or what `each` returned.
pub fn read_any(
    path: &Path,
    mut each: impl FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<Verified, LedgerError> {
    read(path, Forged::Passes, &mut each)
}

/// As [`read_with`], with who made each entry.
///
/// # Errors
/// As [`read_with`].
pub fn read_signed(
    path: &Path,
    mut each: impl FnMut(&Entry, &Origin) -> Result<(), LedgerError>,
) -> Result<Verified, LedgerError> {
    read_with(path, |entry| each(entry, &person::origin(entry)))
}

fn read(
    path: &Path,
    forged: Forged,
    each: &mut dyn FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<Verified, LedgerError> {
    let file = File::open(path).map_err(|source| io_error("open", path, source))?;
    let Walked { chain, torn, .. } = walk(path, &file, forged, each)?;
    match torn {
        None => Ok(Verified { entries: chain.entries, head: chain.head }),
        Some(Torn { bytes, what }) => {
            let what = format!("the last line is torn ({bytes} bytes): {what}");
            Err(broken(path, &chain, what))
        }
    }
}

/// The end of the chain so far.
#[derive(Debug, Clone)]
struct Chain {
    entries: u64,
    head: String,
}

impl Chain {
    fn start() -> Self {
        Self { entries: 0, head: NO_HASH.to_owned() }
    }

    /// Makes the next entry, appends its line to `lines` and moves on to it.
    fn extend(
        &mut self,
        kind: &str,
        body: Value,
        at: Instant,
        lines: &mut String,
    ) -> Result<Entry, LedgerError> {
        let refused = |what: String| LedgerError::Refused { kind: kind.to_owned(), what };
        if kind.is_empty() || !kind.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')) {
            return Err(refused("a kind is lower-case letters, digits, `.` and `-`".to_owned()));
        }
        let at = shown(at);
        let seq = self.entries + 1;
        let mut entry = Entry {
            at,
            body,
            hash: String::new(),
            kind: kind.to_owned(),
            prev: self.head.clone(),
            seq,
            checked: Checked::default(),
        };
        let text = EntryText::of(&entry).map_err(refused)?;
        entry.hash = text.hash();
        let line = text.line(&entry.hash);
        if line.len() > MAX_LINE {
            return Err(refused(format!("{} bytes, more than {MAX_LINE}", line.len())));
        }
        lines.push_str(&line);
        self.entries = seq;
        self.head.clone_from(&entry.hash);
        Ok(entry)
    }

    /// Checks that `entry` is the next one, and moves on to it; `content` is what a look at the entry alone found.
    fn follow(&mut self, entry: &Entry, content: Result<(), String>) -> Result<(), String> {
        let seq = self.entries + 1;
        if entry.seq != seq {
            return Err(format!("its number is {}, entries are missing or out of order", entry.seq));
        }
        if entry.prev != self.head {
            return Err("it does not follow the entry before it (`prev` is another hash)".to_owned());
        }
        content?;
        self.entries = seq;
        self.head.clone_from(&entry.hash);
        Ok(())
    }
}

/// The moment as it will be read again: digits beyond those shown would be lost on disk.
fn shown(at: Instant) -> Instant {
    Instant::parse(&at.to_string()).unwrap_or(at)
}

/// Canonical text of an entry, in the parts before and after its hash.
struct EntryText {
    before: String,
    after: String,
}

impl EntryText {
    fn of(entry: &Entry) -> Result<Self, String> {
        let mut before = String::from("{\"at\":");
        canonical::write_text(&entry.at.to_string(), &mut before);
        before.push_str(",\"body\":");
        canonical::write(&entry.body, &mut before)?;
        before.push(',');
        let mut after = String::from("\"kind\":");
        canonical::write_text(&entry.kind, &mut after);
        after.push_str(",\"prev\":");
        canonical::write_text(&entry.prev, &mut after);
        after.push_str(",\"seq\":");
        after.push_str(&entry.seq.to_string());
        after.push('}');
        Ok(Self { before, after })
    }

    fn hash(&self) -> String {
        sha256_hex([self.before.as_str(), self.after.as_str()].concat().as_bytes())
    }

    fn line(&self, hash: &str) -> String {
        format!("{}\"hash\":\"{hash}\",{}\n", self.before, self.after)
    }
}

/// What one pass over the file found.
struct Walked {
    chain: Chain,
    /// Bytes of whole entries.
    bytes: u64,
    torn: Option<Torn>,
}

/// A last line that a crash left.
struct Torn {
    bytes: u64,
    what: &'static str,
}

/// Keeps what is cut off beside the ledger, as `ledger.torn-OFFSET`: it may be all that is left of what somebody recorded.
fn keep_torn(path: &Path, from: u64) -> Result<(), LedgerError> {
    let aside = path.with_extension(format!("torn-{from}"));
    let kept = (|| {
        let mut whole = File::open(path)?;
        whole.seek(SeekFrom::Start(from))?;
        let mut to = File::create(&aside)?;
        io::copy(&mut whole.take(MAX_LINE as u64 + 1), &mut to)?;
        to.sync_all()
    })();
    kept.map_err(|source| io_error("keep the torn last line of", path, source))
}

/// What becomes of an entry whose signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forged {
    /// Reading ends there.
    Stops,
    /// It is handed on, and says so.
    Passes,
}

/// Bytes of lines that are looked at together.
const BATCH_BYTES: usize = 256 << 10;
/// Lines that are worth a thread.
const LINES_PER_THREAD: usize = 32;

/// A line, and what a look at it alone found.
struct Line {
    bytes: Vec<u8>,
    entry: Option<Result<Entry, serde_json::Error>>,
    content: Result<(), String>,
}

impl Line {
    /// Parses the line, computes its hash and checks its signature: all that needs no other line.
    fn look(&mut self) {
        if self.bytes.last() != Some(&b'\n') {
            return;
        }
        let mut entry = serde_json::from_slice::<Entry>(&self.bytes);
        if let Ok(entry) = &mut entry {
            self.content = self.content_of(entry);
            entry.checked = Checked(Some(person::origin(entry)));
        }
        self.entry = Some(entry);
    }

    fn content_of(&self, entry: &Entry) -> Result<(), String> {
        let text = EntryText::of(entry)?;
        if entry.hash != text.hash() {
            return Err("its content was changed (`hash` is not the hash of the rest)".to_owned());
        }
        // The hash covers the value; this covers its bytes, so that not even a space can be added.
        if text.line(&entry.hash).as_bytes() != self.bytes {
            return Err("it is not written as canonical JSON".to_owned());
        }
        Ok(())
    }
}

/// Looks at each line, on as many cores as that is worth: a signature takes some fifty microseconds, and a long case has many.
fn look_at(lines: &mut [Line]) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(lines.len() / LINES_PER_THREAD).max(1);
    if threads == 1 {
        lines.iter_mut().for_each(Line::look);
        return;
    }
    std::thread::scope(|scope| {
        for part in lines.chunks_mut(lines.len().div_ceil(threads)) {
            scope.spawn(move || part.iter_mut().for_each(Line::look));
        }
    });
}

/// Reads the file from its start, a few lines in memory at a time.
fn walk(
    path: &Path,
    file: &File,
    forged: Forged,
    each: &mut dyn FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<Walked, LedgerError> {
    let mut reader = BufReader::new(file);
    let mut walked = Walked { chain: Chain::start(), bytes: 0, torn: None };
    loop {
        let mut lines = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let mut line = Vec::new();
            read_line(&mut reader, &mut line).map_err(|source| io_error("read", path, source))?;
            if line.is_empty() {
                break;
            }
            bytes += line.len();
            let too_long = line.len() > MAX_LINE;
            lines.push(Line { bytes: line, entry: None, content: Ok(()) });
            if too_long {
                break;
            }
        }
        if lines.is_empty() {
            return Ok(walked);
        }
        look_at(&mut lines);
        let ends = reader.fill_buf().map_err(|source| io_error("read", path, source))?.is_empty();
        let last = lines.len() - 1;
        for (at, line) in lines.into_iter().enumerate() {
            if !walked.take(path, line, ends && at == last, forged, each)? {
                return Ok(walked);
            }
        }
    }
}

impl Walked {
    /// Takes in the next line; false where it is torn, and so the last.
    fn take(
        &mut self,
        path: &Path,
        line: Line,
        is_last: bool,
        forged: Forged,
        each: &mut dyn FnMut(&Entry) -> Result<(), LedgerError>,
    ) -> Result<bool, LedgerError> {
        let bytes = line.bytes.len() as u64;
        if line.bytes.len() > MAX_LINE {
            return Err(broken(path, &self.chain, format!("a line of more than {MAX_LINE} bytes")));
        }
        let entry = match line.entry {
            None => {
                self.torn = Some(Torn { bytes, what: "its end is missing" });
                return Ok(false);
            }
            Some(Err(error)) if is_last && !error.is_data() => {
                self.torn = Some(Torn { bytes, what: "it is not JSON" });
                return Ok(false);
            }
            Some(Err(error)) => {
                return Err(broken(path, &self.chain, format!("it is not an entry: {error}")));
            }
            Some(Ok(entry)) => entry,
        };
        self.chain.follow(&entry, line.content).map_err(|what| broken(path, &self.chain, what))?;
        if let (Forged::Stops, Some(Origin::Wrong { name })) = (forged, &entry.checked.0) {
            return Err(LedgerError::Forged { seq: entry.seq, kind: entry.kind, name: name.clone() });
        }
        self.bytes += bytes;
        each(&entry)?;
        Ok(true)
    }
}

/// Reads up to and with the next line end, but not much more than [`MAX_LINE`].
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    reader.take(MAX_LINE as u64 + 1).read_until(b'\n', line).map(|read| read as u64)
}

/// Takes the exclusive lock, or says that another process has it.
fn lock(path: &Path) -> Result<File, LedgerError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| io_error("open", path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", path, source)),
    }
}

/// Makes the new file's name durable too; Windows has no such call and needs none.
fn sync_folder(path: &Path) -> Result<(), LedgerError> {
    #[cfg(unix)]
    {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| io_error("sync the folder of", path, source))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Io { doing, path: path.to_owned(), source }
}

/// An error at the line after the chain's last entry.
fn broken(path: &Path, chain: &Chain, what: String) -> LedgerError {
    let next = chain.entries + 1; // one entry a line, so line and number agree
    LedgerError::Broken { path: path.to_owned(), line: next, seq: next, what }
}
