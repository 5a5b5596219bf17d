//! Where the chunks of an EVTX file lie, and what its header says of their number.
//!
//! In: the file's first bytes, then its bytes block by block. Out: how many bytes of a block are chunks at their places,
//! how many to pass over where chunks are displaced, and at the end what the header counts and the file does not hold.

use crate::block::{EVTX_BLOCK_BYTES, EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES};

pub(crate) const CHUNK_MAGIC: &[u8; 8] = b"ElfChnk\0";
pub(crate) const RECORD_MAGIC: &[u8; 4] = b"**\0\0";
pub(crate) const CHUNK_HEADER_BYTES: usize = 512;
const FILE_MAGIC: &[u8; 8] = b"ElfFile\0";
/// Offset of the chunk count (u16) in the file's header. It wraps in logs of more than 65,535 chunks.
const COUNT_AT: usize = 42;
const COUNT_MAX: u64 = 65_535;
/// What a chunk's header says of its own size (u32), and where: two facts that a magic in a record's text does not have.
const SIZE_AT: usize = 40;
const SIZE: [u8; 4] = 128_u32.to_le_bytes();

/// What is wrong with the file as a whole, told by a block without bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// The file ends within its header, after this many bytes.
    HeaderTruncated(u64),
    /// The file has chunks and no header that could tell how many there should be.
    HeaderMissing,
    /// The header counts `named` chunks; `present` are there.
    ChunksMissing { named: u64, present: u64 },
    /// So many bytes before the next chunk are none.
    Displaced(u64),
}

/// What the next bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Chunks, to be handed out.
    Chunks(usize),
    /// No chunk; one follows after them.
    Gap(usize),
}

/// Follows one file.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Chunks that the file's header counts, if it has one.
    named: Option<u64>,
    /// Set where the header is cut short: its bytes.
    short: Option<u64>,
    /// Places with something in them.
    present: u64,
    told: bool,
}

impl Places {
    /// Looks at the file's first bytes, and tells how many of them are its header.
    pub(crate) fn begin(&mut self, head: &[u8]) -> usize {
        if head.starts_with(CHUNK_MAGIC) {
            return 0;
        }
        if head.starts_with(FILE_MAGIC) {
            self.short = (head.len() < EVTX_HEADER_BYTES).then_some(head.len() as u64);
            let count = head.get(COUNT_AT..).and_then(|rest| rest.first_chunk::<2>());
            self.named = count.map(|count| u64::from(u16::from_le_bytes(*count)));
        }
        head.len().min(EVTX_HEADER_BYTES)
    }

    /// What `rest`, which begins where a chunk should, holds.
    pub(crate) fn next(&mut self, rest: &[u8]) -> Next {
        let mut at = 0;
        while at < EVTX_BLOCK_BYTES
            && let Some(from) = rest.get(at..).filter(|from| !from.is_empty())
        {
            let chunk = from.get(..EVTX_CHUNK_BYTES).unwrap_or(from);
            let whole = chunk.len() == EVTX_CHUNK_BYTES;
            let empty = !chunk.starts_with(CHUNK_MAGIC) && chunk.iter().all(|byte| *byte == 0);
            if let Some(gap) = gap(from).filter(|_| !empty) {
                return if at == 0 { Next::Gap(gap) } else { Next::Chunks(at) };
            }
            self.present += u64::from(!empty && (whole || chunk.starts_with(CHUNK_MAGIC)));
            at += chunk.len();
        }
        Next::Chunks(at)
    }

    /// What the end of the file shows; told once.
    pub(crate) fn end(&mut self) -> Option<Note> {
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let present = self.present;
        match (self.short, self.named) {
            (Some(bytes), _) => Some(Note::HeaderTruncated(bytes)),
            // A log that was not closed may count fewer than are there, never more.
            (None, Some(named)) if present <= COUNT_MAX && present < named => {
                Some(Note::ChunksMissing { named, present })
            }
            (None, None) if present > 0 => Some(Note::HeaderMissing),
            _ => None,
        }
    }
}

/// Bytes before the next chunk, where `from` begins with none and one begins before the next place for one.
///
/// A chunk whose magic alone is overwritten stays at its place.
fn gap(from: &[u8]) -> Option<usize> {
    let mended = from.get(CHUNK_HEADER_BYTES..).is_some_and(|rest| rest.starts_with(RECORD_MAGIC));
    if from.starts_with(CHUNK_MAGIC) || mended {
        return None;
    }
    let within = from.get(..EVTX_CHUNK_BYTES + CHUNK_MAGIC.len() - 1).unwrap_or(from);
    memchr::memmem::find_iter(within, CHUNK_MAGIC)
        .find(|at| from.get(at + SIZE_AT..).is_some_and(|rest| rest.starts_with(&SIZE)))
}
