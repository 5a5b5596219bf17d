//! Which bytes a file of the lake had when it was written.
//!
//! In: bytes as they are written. Out: a [`Stamp`], the SHA-256 of every [`BLOCK_BYTES`] of them; and later a reader that hands out
//! no byte of a block before the block was compared. So what is compared is what is parsed: a file that is changed between two
//! reads is noticed at the second, and who reads one column pays for the blocks of that column alone.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use piste_model::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::LakeError;

/// Bytes that are hashed together.
const BLOCK_BYTES: usize = 64 << 10;
/// Hex digits of a block's hash.
const DIGITS: usize = 64;
/// Blocks that an open file holds: the header of a page and its values lie side by side.
const HELD: usize = 4;

/// What a file held when it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of each block, one after another.
    pub blocks: String,
}

impl Stamp {
    /// Of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let blocks = bytes.chunks(BLOCK_BYTES).map(|block| hex(&Sha256::digest(block))).collect();
        Self { bytes: bytes.len() as u64, blocks }
    }

    /// Of a file as it is now.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut stamping = Stamping::new(io::sink());
        io::copy(&mut File::open(path)?, &mut stamping)?;
        Ok(stamping.finish())
    }

    fn block(&self, index: usize) -> Option<&str> {
        self.blocks.get(index * DIGITS..(index + 1) * DIGITS)
    }
}

/// Hashes what passes through it.
#[derive(Debug)]
pub(crate) struct Stamping<W> {
    inner: W,
    block: Sha256,
    in_block: usize,
    stamp: Stamp,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl<W: Write> Stamping<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, block: Sha256::new(), in_block: 0, stamp: Stamp::default(), failed: Arc::default() }
    }

    /// Where the first error of the disk is kept: who writes through a library may be told of it in other words.
    pub(crate) fn failure(&self) -> Arc<Mutex<Option<io::Error>>> {
        Arc::clone(&self.failed)
    }

    pub(crate) fn get_ref(&self) -> &W {
        &self.inner
    }

    pub(crate) fn finish(mut self) -> Stamp {
        self.end_block();
        self.stamp
    }

    fn end_block(&mut self) {
        if self.in_block > 0 {
            self.stamp.blocks.push_str(&hex(&self.block.finalize_reset()));
            self.in_block = 0;
        }
    }

    fn see(&mut self, mut bytes: &[u8]) {
        self.stamp.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.in_block));
            self.block.update(now);
            self.in_block += now.len();
            if self.in_block == BLOCK_BYTES {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let copy = match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            };
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(copy);
        }
        result
    }
}

impl<W: Write> Write for Stamping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        let written = self.keep(written)?;
        self.see(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.keep(flushed)
    }
}

/// A file of the lake and what it held when it was written.
#[derive(Debug, Clone)]
pub struct LakeFile {
    path: PathBuf,
    stamp: Arc<Stamp>,
}

impl Deref for LakeFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl LakeFile {
    pub(crate) fn new(path: PathBuf, stamp: Arc<Stamp>) -> Self {
        Self { path, stamp }
    }

    /// All of its bytes, compared.
    ///
    /// # Errors
    /// [`LakeError::Changed`] where they are not what was written.
    pub fn bytes(&self) -> Result<Vec<u8>, LakeError> {
        let bytes = std::fs::read(&self.path).map_err(|error| gone(&self.path, error))?;
        if Stamp::of(&bytes) == *self.stamp { Ok(bytes) } else { Err(changed(&self.path)) }
    }

    /// Whether it holds what was written, all of it.
    pub(crate) fn is_whole(&self) -> bool {
        Stamp::of_file(&self.path).is_ok_and(|now| now == *self.stamp)
    }

    pub(crate) fn open(&self) -> Result<Checked, LakeError> {
        let file = File::open(&self.path).map_err(|error| gone(&self.path, error))?;
        let length = file.metadata().map_err(LakeError::read(&self.path))?.len();
        if length != self.stamp.bytes {
            return Err(changed(&self.path));
        }
        let held = Mutex::new(Held { file, blocks: Vec::new() });
        let inner = Inner { stamp: Arc::clone(&self.stamp), held, changed: AtomicBool::new(false) };
        Ok(Checked(Arc::new(inner)))
    }
}

pub(crate) fn changed(path: &Path) -> LakeError {
    LakeError::Changed { path: path.to_owned(), what: "holds other bytes than when it was written" }
}

/// A file that was written and is not there was taken away.
pub(crate) fn gone(path: &Path, error: io::Error) -> LakeError {
    if error.kind() == io::ErrorKind::NotFound {
        return LakeError::Changed { path: path.to_owned(), what: "was written and is no longer there" };
    }
    LakeError::read(path)(error)
}

/// An open file of the lake whose bytes are compared as they are read.
#[derive(Debug, Clone)]
pub(crate) struct Checked(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stamp: Arc<Stamp>,
    held: Mutex<Held>,
    changed: AtomicBool,
}

#[derive(Debug)]
struct Held {
    file: File,
    /// Number and bytes, the last used at the end.
    blocks: Vec<(usize, Bytes)>,
}

impl Checked {
    /// Whether a block was met that holds other bytes: then this is why reading failed, whatever the library says.
    pub(crate) fn is_changed(&self) -> bool {
        self.0.changed.load(Ordering::Relaxed)
    }

    /// The bytes of a block, compared.
    fn block(&self, index: usize) -> io::Result<Bytes> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = held.blocks.iter().position(|(number, _)| *number == index) {
            let used = held.blocks.remove(at);
            let bytes = used.1.clone();
            held.blocks.push(used);
            return Ok(bytes);
        }
        let start = (index * BLOCK_BYTES) as u64;
        let length = (self.0.stamp.bytes.saturating_sub(start)).min(BLOCK_BYTES as u64);
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        held.file.seek(SeekFrom::Start(start))?;
        (&mut held.file).take(length).read_to_end(&mut bytes)?;
        let found = hex(&Sha256::digest(&bytes));
        if self.0.stamp.block(index) != Some(found.as_str()) {
            self.0.changed.store(true, Ordering::Relaxed);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it holds other bytes than when it was written",
            ));
        }
        let bytes = Bytes::from(bytes);
        if held.blocks.len() >= HELD {
            held.blocks.remove(0);
        }
        held.blocks.push((index, bytes.clone()));
        Ok(bytes)
    }

    /// What of a block follows `at`; empty at the end of the file.
    fn rest_of_block(&self, at: u64) -> io::Result<Bytes> {
        if at >= self.0.stamp.bytes {
            return Ok(Bytes::new());
        }
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let block = self.block(at / BLOCK_BYTES)?;
        Ok(block.slice((at % BLOCK_BYTES).min(block.len())..))
    }
}

impl Length for Checked {
    fn len(&self) -> u64 {
        self.0.stamp.bytes
    }
}

impl ChunkReader for Checked {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(CheckedRead { file: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let first = self.rest_of_block(start)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let left = usize::try_from(self.0.stamp.bytes.saturating_sub(start)).unwrap_or(usize::MAX);
        if length > left {
            return Err(ParquetError::EOF(format!("{length} bytes are wanted at {start}, {left} are there")));
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&first);
        while bytes.len() < length {
            let more = self.rest_of_block(start + bytes.len() as u64)?;
            let wanted = (length - bytes.len()).min(more.len());
            bytes.extend_from_slice(more.get(..wanted).unwrap_or_default());
        }
        Ok(Bytes::from(bytes))
    }
}

/// Bytes of a file of the lake from a place on.
#[derive(Debug)]
pub(crate) struct CheckedRead {
    file: Checked,
    at: u64,
}

impl Read for CheckedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.rest_of_block(self.at)?;
        let read = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..read), bytes.get(..read)) {
            to.copy_from_slice(from);
        }
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of somewhat more than three blocks, and its stamp.
    fn stamped() -> (tempfile::TempDir, LakeFile, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let bytes: Vec<u8> =
            (0..3 * BLOCK_BYTES + 100).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let mut stamping = Stamping::new(File::create(&path).expect("it is made"));
        for part in bytes.chunks(1_000) {
            stamping.write_all(part).expect("it is written");
        }
        (folder, LakeFile::new(path, Arc::new(stamping.finish())), bytes)
    }

    #[test]
    fn what_was_written_is_read_however_it_is_cut() {
        let (_folder, file, bytes) = stamped();
        assert_eq!(file.bytes().expect("it is whole"), bytes);
        assert_eq!(*file.stamp, Stamp::of(&bytes));
        assert!(file.is_whole());
        let open = file.open().expect("it opens");
        for (start, length) in
            [(0, 1), (0, bytes.len()), (BLOCK_BYTES - 1, 2), (3 * BLOCK_BYTES + 99, 1), (7, 0)]
        {
            let got = open.get_bytes(start as u64, length).expect("it is there");
            assert_eq!(got, bytes[start..start + length], "{start} {length}");
        }
        let mut rest = Vec::new();
        open.get_read(100).expect("it is there").read_to_end(&mut rest).expect("it reads");
        assert_eq!(rest, bytes[100..]);
        assert!(open.get_bytes(bytes.len() as u64 - 1, 2).is_err());
    }

    #[test]
    fn a_byte_changed_in_an_open_file_is_noticed_where_it_is_read_and_nowhere_else() {
        let (_folder, file, mut bytes) = stamped();
        let open = file.open().expect("it opens");
        bytes[2 * BLOCK_BYTES + 5] ^= 1;
        std::fs::write(&*file, &bytes).expect("it is changed");
        assert!(open.get_bytes(0, 10).is_ok() && !open.is_changed());
        assert!(open.get_bytes((2 * BLOCK_BYTES) as u64, 10).is_err() && open.is_changed());
        assert!(matches!(file.bytes(), Err(LakeError::Changed { .. })));
        assert!(!file.is_whole());
        std::fs::write(&*file, &bytes[..100]).expect("it is cut");
        assert!(matches!(file.open(), Err(LakeError::Changed { .. })));
        std::fs::remove_file(&*file).expect("it goes");
        assert!(matches!(file.open(), Err(LakeError::Changed { .. })));
    }
}
