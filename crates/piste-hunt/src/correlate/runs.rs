//! Sorted contributions on disk.
//!
//! In: contributions. Out: run files, each sorted, and merges of them. A frame is length, checksum, bytes; the last frame
//! counts the others. What does not fit (a bit that flipped, a file cut short, an order that is none) is an error with its
//! place, never a panic and never a silent loss. At most [`WAYS`] files and the one written are open at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::contribution::{Contribution, decode, encode};
use super::error::CorrelateError;

/// Run files read at once.
const WAYS: usize = 63;
/// First bytes of a run file.
const MAGIC: &[u8; 8] = b"PISTECR1";
/// Length that marks the last frame.
const END: u32 = u32::MAX;
/// Bytes of one frame: fields are bounded, so that more is damage.
const FRAME_BYTES_MAX: u32 = 64 << 20;

/// A stretch of a run file, all of one correlation or a whole file.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) path: PathBuf,
    pub(super) start: u64,
    /// Where it ends; `None` for a whole file, which ends with its last frame.
    pub(super) end: Option<u64>,
}

impl Section {
    pub(super) fn whole(path: &Path) -> Self {
        Self { path: path.to_owned(), start: 0, end: None }
    }
}

/// FNV-1a, folded: against damage, not against a forger, who could write a run file of his own.
fn checksum(bytes: &[u8]) -> u32 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u32::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0)
}

/// Writes one run file.
pub(super) struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    count: u64,
    buffer: Vec<u8>,
    sections: BTreeMap<u32, (u64, u64)>,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, CorrelateError> {
        let failed = CorrelateError::write(path);
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path).map_err(&failed)?);
        file.write_all(MAGIC).map_err(&failed)?;
        let at = MAGIC.len() as u64;
        Ok(Self { path: path.to_owned(), file, at, count: 0, buffer: Vec::new(), sections: BTreeMap::new() })
    }

    pub(super) fn push(&mut self, one: &Contribution) -> Result<(), CorrelateError> {
        self.buffer.clear();
        encode(one, &mut self.buffer);
        let length = u32::try_from(self.buffer.len()).unwrap_or(END);
        let start = self.at;
        self.frame(length)?;
        self.count += 1;
        self.sections.entry(one.correlation).or_insert((start, start)).1 = self.at;
        Ok(())
    }

    fn frame(&mut self, length: u32) -> Result<(), CorrelateError> {
        let failed = CorrelateError::write(&self.path);
        self.file.write_all(&length.to_le_bytes()).map_err(&failed)?;
        self.file.write_all(&checksum(&self.buffer).to_le_bytes()).map_err(&failed)?;
        self.file.write_all(&self.buffer).map_err(&failed)?;
        self.at += 8 + self.buffer.len() as u64;
        Ok(())
    }

    /// Closes the file; answers where each correlation's contributions lie.
    pub(super) fn finish(mut self, sync: bool) -> Result<BTreeMap<u32, Section>, CorrelateError> {
        self.buffer = self.count.to_le_bytes().to_vec();
        self.frame(END)?;
        let failed = CorrelateError::write(&self.path);
        self.file.flush().map_err(&failed)?;
        if sync {
            self.file.get_ref().sync_all().map_err(&failed)?;
        }
        let path = &self.path;
        let section = |(start, end)| Section { path: path.clone(), start, end: Some(end) };
        Ok(self.sections.into_iter().map(|(number, span)| (number, section(span))).collect())
    }
}

/// Reads a section.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    end: Option<u64>,
    count: u64,
    last: Option<Contribution>,
    checks_order: bool,
    buffer: Vec<u8>,
}

impl Reader {
    /// Opens a section; `buffer` is the bytes read at once.
    pub(super) fn open(section: &Section, buffer: usize) -> Result<Self, CorrelateError> {
        let path = &section.path;
        let failed = CorrelateError::read(path);
        let mut file = File::open(path).map_err(&failed)?;
        file.seek(SeekFrom::Start(section.start)).map_err(&failed)?;
        let mut reader = Self {
            path: path.clone(),
            file: BufReader::with_capacity(buffer, file),
            at: section.start,
            end: section.end,
            count: 0,
            last: None,
            checks_order: section.end.is_none(),
            buffer: Vec::new(),
        };
        if section.end.is_none() {
            let magic = reader.exactly::<8>()?;
            if magic != *MAGIC {
                return Err(reader.damaged(0, "it is no run file of this version"));
            }
        }
        Ok(reader)
    }

    /// Goes to the frame at `offset`.
    pub(super) fn seek(&mut self, offset: u64) -> Result<(), CorrelateError> {
        self.file.seek(SeekFrom::Start(offset)).map_err(CorrelateError::read(&self.path))?;
        self.at = offset;
        Ok(())
    }

    fn damaged(&self, offset: u64, what: &'static str) -> CorrelateError {
        CorrelateError::Damaged { path: self.path.clone(), offset, what }
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], CorrelateError> {
        let mut bytes = [0; N];
        let start = self.at;
        match self.file.read_exact(&mut bytes) {
            Ok(()) => {
                self.at += N as u64;
                Ok(bytes)
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(start, "it ends too early"))
            }
            Err(error) => Err(CorrelateError::read(&self.path)(error)),
        }
    }

    /// The next contribution with its offset; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Contribution)>, CorrelateError> {
        if self.end.is_some_and(|end| self.at >= end) {
            return Ok(None);
        }
        let start = self.at;
        let length = u32::from_le_bytes(self.exactly()?);
        let expected = u32::from_le_bytes(self.exactly()?);
        if length != END && length > FRAME_BYTES_MAX {
            return Err(self.damaged(start, "a frame is longer than any that is written"));
        }
        let length_read = if length == END { 8 } else { length };
        self.buffer.clear();
        let read = (&mut self.file).take(u64::from(length_read)).read_to_end(&mut self.buffer);
        let read = read.map_err(CorrelateError::read(&self.path))?;
        self.at += read as u64;
        if read as u64 != u64::from(length_read) {
            return Err(self.damaged(start, "it ends too early"));
        }
        if checksum(&self.buffer) != expected {
            return Err(self.damaged(start, "its checksum is another"));
        }
        if length == END {
            let count = self.buffer.as_slice().try_into().map(u64::from_le_bytes).ok();
            let complete = count == Some(self.count) && self.end.is_none();
            return if complete { Ok(None) } else { Err(self.damaged(start, "its count is another")) };
        }
        let one = decode(&self.buffer).ok_or_else(|| self.damaged(start, "a frame cannot be read"))?;
        self.count += 1;
        if self.checks_order {
            if self.last.as_ref().is_some_and(|last| *last > one) {
                return Err(self.damaged(start, "it is not in order"));
            }
            self.last = Some(one.clone());
        }
        Ok(Some((start, one)))
    }
}

/// Files of a sweep, removed when it ends.
pub(super) struct Scratch {
    folder: PathBuf,
    made: Vec<PathBuf>,
}

impl Scratch {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), made: Vec::new() }
    }

    pub(super) fn next(&mut self) -> PathBuf {
        let path = self.folder.join(format!("correlate-{:06}.run", self.made.len()));
        self.made.push(path.clone());
        path
    }

    /// Gives room back early; what cannot be removed is tried again at the end.
    pub(super) fn remove(path: &Path) {
        let _ = fs::remove_file(path);
    }
}

fn remove_all(paths: &[PathBuf]) {
    for path in paths {
        Scratch::remove(path);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_all(&self.made);
    }
}

/// Merges sections into one sorted file; answers where each correlation's contributions lie in it.
pub(super) fn merge(
    sections: &[Section],
    scratch: &mut Scratch,
) -> Result<BTreeMap<u32, Section>, CorrelateError> {
    let mut sections = sections.to_vec();
    let mut passing: Vec<PathBuf> = Vec::new();
    while sections.len() > WAYS {
        let mut merged = Vec::new();
        for some in sections.chunks(WAYS) {
            let path = scratch.next();
            merge_into(&path, some)?;
            merged.push(Section::whole(&path));
        }
        remove_all(&passing);
        passing = merged.iter().map(|section| section.path.clone()).collect();
        sections = merged;
    }
    let merged = merge_into(&scratch.next(), &sections)?;
    remove_all(&passing);
    Ok(merged)
}

fn merge_into(path: &Path, sections: &[Section]) -> Result<BTreeMap<u32, Section>, CorrelateError> {
    let mut readers = Vec::new();
    let mut heap = BinaryHeap::new();
    for (number, section) in sections.iter().enumerate() {
        let mut reader = Reader::open(section, 1 << 16)?;
        if let Some((_, one)) = reader.next()? {
            heap.push(Reverse((one, number)));
        }
        readers.push(reader);
    }
    let mut writer = Writer::create(path)?;
    while let Some(Reverse((one, number))) = heap.pop() {
        writer.push(&one)?;
        if let Some(reader) = readers.get_mut(number)
            && let Some((_, next)) = reader.next()?
        {
            heap.push(Reverse((next, number)));
        }
    }
    writer.finish(false)
}
