//! What one reading of a file to its end tells.
//!
//! In: a reader. Out: size, hash, the first bytes, for EVTX the record ids and for what is no log the older hashes that
//! indicators use, all in one pass. A stream that breaks off gives what came before.

use std::cell::RefCell;
use std::io::{self, Read};

use md5::Md5;
use piste_model::guard;
use piste_model::hash::hex;
use piste_parse::block::{EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES};
use piste_parse::file::SCANNED_BYTES_MAX;
use piste_parse::sniff::HEAD_BYTES;
use piste_parse::{Format, Treatment, sniff};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::copies::FIRST_CHUNK_BYTES;

/// Bytes of a file's end that are looked at for a zip's end: behind it a signature may stand.
const TAIL_BYTES: usize = 16 * 1024;

/// What one reading to the end tells.
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// SHA-256 of the first [`SCANNED_BYTES_MAX`] bytes of a longer one: as much of a file as is looked at.
    pub(crate) beginning: Option<String>,
    /// MD5 and SHA-1: of a file that is neither a log nor an archive, of any where asked for.
    pub(crate) older: Option<Older>,
    pub(crate) head: Vec<u8>,
    pub(crate) record_ids: Option<(u64, u64)>,
    pub(crate) over_budget: bool,
    /// The last bytes, where a zip behind a program ends.
    pub(crate) tail: Vec<u8>,
    /// The end was not reached; all else is of the part before.
    pub(crate) failure: Option<io::Error>,
}

/// Hashes by which older indicators name files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    /// 32 hex digits.
    pub md5: String,
    /// 40 hex digits.
    pub sha1: String,
}

impl Content {
    /// Keeps the last bytes.
    fn add_to_tail(&mut self, bytes: &[u8]) {
        if bytes.len() >= TAIL_BYTES {
            self.tail.clear();
        }
        self.tail.extend(bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default());
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
    }

    /// Whether it ends as a zip does: with the record that says where the list of members lies.
    pub(crate) fn ends_as_zip(&self) -> bool {
        const RECORD_BYTES: usize = 22;
        let comment =
            |record: &[u8]| Some(usize::from(u16::from_le_bytes(*record.get(20..)?.first_chunk()?)));
        self.tail.windows(RECORD_BYTES).any(|record| {
            record.starts_with(b"PK\x05\x06") && comment(record).is_some_and(|bytes| bytes < TAIL_BYTES)
        })
    }

    /// Keeps the first bytes: of an EVTX file the first chunk too, which tells which log it is.
    fn add_to_head(&mut self, bytes: &[u8]) {
        let known = self.head.len().min(HEAD_BYTES);
        self.head.extend(bytes.iter().take(HEAD_BYTES - known));
        if self.head.starts_with(b"ElfFile\0") {
            let added = self.head.len().min(HEAD_BYTES).saturating_sub(known);
            let rest = bytes.get(added..).unwrap_or_default();
            let wanted = FIRST_CHUNK_BYTES.saturating_sub(self.head.len());
            self.head.extend(rest.iter().take(wanted));
        }
    }
}

/// MD5 and SHA-1, begun for every file and given up once its head tells that it is a log or an archive, unless asked for of all.
struct OlderHashes<'n> {
    name: &'n str,
    hashers: Option<(Md5, Sha1)>,
    decided: bool,
}

impl<'n> OlderHashes<'n> {
    fn new(name: &'n str, of_all: bool) -> Self {
        Self { name, hashers: Some((Md5::new(), Sha1::new())), decided: of_all }
    }

    fn see(&mut self, bytes: &[u8], head: &[u8]) {
        if !self.decided && head.len() >= HEAD_BYTES {
            self.decide(head);
        }
        if let Some((md5, sha1)) = &mut self.hashers {
            md5.update(bytes);
            sha1.update(bytes);
        }
    }

    fn decide(&mut self, head: &[u8]) {
        self.decided = true;
        let format = sniff(head.get(..HEAD_BYTES).unwrap_or(head), self.name);
        if format != Format::WebPage && !format.is_artefact() && format.treatment() != Treatment::Seal {
            self.hashers = None;
        }
    }

    fn finish(mut self, head: &[u8]) -> Option<Older> {
        if !self.decided {
            self.decide(head);
        }
        self.hashers.map(|(md5, sha1)| Older { md5: hex(&md5.finalize()), sha1: hex(&sha1.finalize()) })
    }
}

thread_local! {
    /// What [`read_all`] reads into.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads to the end; `name` helps to tell what the file is, `older` asks for the older hashes whatever it is.
pub(crate) fn read_all(
    reader: &mut dyn Read,
    name: &str,
    budget: u64,
    read_bytes: usize,
    older: bool,
) -> Content {
    let mut hasher = Sha256::new();
    let mut older = OlderHashes::new(name, older);
    let mut content = Content {
        bytes: 0,
        sha256: String::new(),
        beginning: None,
        older: None,
        head: Vec::new(),
        record_ids: None,
        over_budget: false,
        tail: Vec::new(),
        failure: None,
    };
    let mut ids = RecordIds::default();
    // One buffer a thread: tens of thousands of small files would each leave a hole of its size in the heap.
    let mut buffer = BUFFER.take();
    buffer.resize(buffer.len().max(read_bytes), 0);
    loop {
        guard::check();
        let read = match reader.read(buffer.get_mut(..read_bytes).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                content.failure = Some(error);
                break;
            }
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        let before = SCANNED_BYTES_MAX.saturating_sub(usize::try_from(content.bytes).unwrap_or(usize::MAX));
        if before > 0 && before < bytes.len() {
            let (first, rest) = bytes.split_at(before);
            hasher.update(first);
            content.beginning = Some(hex(&hasher.clone().finalize()));
            hasher.update(rest);
        } else {
            if before == 0 && content.beginning.is_none() {
                content.beginning = Some(hex(&hasher.clone().finalize()));
            }
            hasher.update(bytes);
        }
        content.add_to_head(bytes);
        older.see(bytes, &content.head);
        ids.see(bytes);
        content.add_to_tail(bytes);
        content.bytes += read as u64;
        if content.bytes > budget {
            content.over_budget = true;
            break;
        }
    }
    BUFFER.set(buffer);
    content.sha256 = hex(&hasher.finalize());
    content.older = older.finish(&content.head);
    content.record_ids = ids.range;
    content
}

/// Takes the record ids from the headers of an EVTX file's chunks as the bytes pass by.
#[derive(Default)]
struct RecordIds {
    offset: usize,
    header: Vec<u8>,
    range: Option<(u64, u64)>,
    other: bool,
}

impl RecordIds {
    /// Bytes of a chunk's header that hold the ids.
    const HEADER: usize = 48;

    fn see(&mut self, mut bytes: &[u8]) {
        if self.offset == 0 && !bytes.starts_with(b"ElfFile\0") {
            self.other = true;
        }
        while !self.other && !bytes.is_empty() {
            let in_chunk = match self.offset.checked_sub(EVTX_HEADER_BYTES) {
                Some(after) => after % EVTX_CHUNK_BYTES,
                None => EVTX_CHUNK_BYTES - (EVTX_HEADER_BYTES - self.offset),
            };
            let step = if in_chunk < Self::HEADER {
                let step = bytes.len().min(Self::HEADER - in_chunk);
                self.header.extend(bytes.iter().take(step));
                step
            } else {
                bytes.len().min(EVTX_CHUNK_BYTES - in_chunk)
            };
            self.offset += step;
            bytes = bytes.get(step..).unwrap_or_default();
            if self.header.len() >= Self::HEADER {
                if let Some((first, last)) = piste_parse::evtx::chunk_record_ids(&self.header) {
                    let (low, high) = self.range.unwrap_or((first, last));
                    self.range = Some((low.min(first), high.max(last)));
                }
                self.header.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_log_have_the_older_hashes_however_they_are_read() {
        let mut long = b"MZ".to_vec();
        long.resize(3 * HEAD_BYTES, 7);
        let both = |bytes: &[u8], step| read_all(&mut &bytes[..], "x", u64::MAX, step, false).older;
        let older = both(b"abc", 2).expect("it is no log");
        assert_eq!(older.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(older.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(both(&long, 100), both(&long, 256 * 1024));
        assert!(both(&long, 100).is_some());
        let mut log = b"ElfFile\0".to_vec();
        log.resize(3 * HEAD_BYTES, 7);
        assert_eq!(both(&log, 100), None, "a log is known by its records");
        assert!(read_all(&mut &log[..], "x", u64::MAX, 100, true).older.is_some(), "unless it is asked for");
    }

    #[test]
    fn the_head_is_the_files_beginning_however_it_is_read() {
        let mut log = b"ElfFile\0".to_vec();
        log.extend((0..2 * FIRST_CHUNK_BYTES).map(|at| u8::try_from(at % 251).expect("small")));
        let text = vec![b'x'; 2 * FIRST_CHUNK_BYTES];
        for read_bytes in [7, 512, HEAD_BYTES, HEAD_BYTES + 1, 256 * 1024] {
            let head = |bytes: &[u8]| read_all(&mut &bytes[..], "x", u64::MAX, read_bytes, false).head;
            assert_eq!(head(&log), log[..FIRST_CHUNK_BYTES], "{read_bytes}");
            assert_eq!(head(&text), text[..HEAD_BYTES], "{read_bytes}");
            assert_eq!(head(&log[..100]), log[..100]);
        }
    }
}
