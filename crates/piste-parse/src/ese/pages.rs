//! The pages of an ESE database: where they lie, whether they are whole, and their nodes.
//!
//! In: bytes asked for by offset. Out: pages by number, of each its head and nodes. A page whose checksum is wrong is read
//! all the same; what it holds is doubted by the caller. Pages are read in pieces of 128 KB, of which a reader keeps a few,
//! so that memory does not grow with the database.
//!
//! Sources: libesedb's description of the format; Microsoft's Extensible Storage Engine (MIT), `cpage.hxx` for the head and
//! the tags (since 2024 `itagState` holds the count of tags in its low 12 bits and that of reserved tags above), and
//! `checksum.cxx`.

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;

use super::bytes::{u16_at, u32_at};
use crate::random_access::ReadAt;

/// Bytes 4 to 8 of the file.
const MAGIC: u32 = 0x89ab_cdef;
/// Sizes that a page may have.
const PAGE_SIZES: [usize; 5] = [4_096, 8_192, 32_768, 16_384, 2_048];
/// What one read asks for.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks that one reader keeps.
const CHUNKS_KEPT: usize = 32;

/// How a database was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// All changes are in the file.
    Clean,
    /// Changes may be in its transaction logs alone; holds the state as the header has it.
    Dirty(u32),
}

/// What the file's head says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Bytes of a page.
    pub(super) page_bytes: usize,
    /// Clean or dirty.
    pub(super) state: State,
    /// The first copy of the head is damaged, so the second was read.
    pub(super) is_second: bool,
}

impl Header {
    const STATE: usize = 52;
    const PAGE_BYTES: usize = 236;

    /// Reads the head, or its copy on the second page.
    pub(super) fn read(content: &dyn ReadAt) -> io::Result<Self> {
        let mut head = [0; 512];
        read_full(content, 0, &mut head)?;
        if let Some(header) = Self::of(&head) {
            return Ok(header);
        }
        for size in PAGE_SIZES {
            read_full(content, size as u64, &mut head)?;
            if let Some(header) = Self::of(&head).filter(|header| header.page_bytes == size) {
                return Ok(Self { is_second: true, ..header });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "neither of the two heads of this ESE database can be read",
        ))
    }

    fn of(head: &[u8]) -> Option<Self> {
        let size = usize::try_from(u32_at(head, Self::PAGE_BYTES)?).ok()?;
        let page_bytes = if size == 0 { 4_096 } else { size };
        let right = u32_at(head, 4)? == MAGIC && PAGE_SIZES.contains(&page_bytes);
        let state = match u32_at(head, Self::STATE)? {
            3 => State::Clean,
            other => State::Dirty(other),
        };
        right.then_some(Self { page_bytes, state, is_second: false })
    }
}

/// Fills as much as there is; the rest is zero.
fn read_full(content: &dyn ReadAt, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match content.read_at(offset + done as u64, rest)? {
            0 => {
                rest.fill(0);
                break;
            }
            more => done += more.min(rest.len()),
        }
    }
    Ok(done)
}

/// Why there is no page of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadPage {
    /// The file ends before it.
    Beyond,
    /// It holds nothing but zeros, or says that it is empty.
    Blank,
    /// Its count of tags does not fit into it.
    Tags,
    /// It belongs to another tree.
    OtherTree,
    /// A page that was met before: the tree bites its tail.
    Again,
    /// The medium answered with an error.
    Unreadable,
}

impl BadPage {
    /// In the words of an issue.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Beyond => "lies beyond the end of the file",
            Self::Blank => "is empty",
            Self::Tags => "has a damaged head",
            Self::OtherTree => "belongs to another table",
            Self::Again => "is named twice",
            Self::Unreadable => "cannot be read from its medium",
        }
    }
}

#[derive(Debug)]
struct Chunk {
    index: u64,
    used: u64,
    bytes: Vec<u8>,
}

/// Reads pages; each thread has its own.
#[derive(Debug)]
pub(super) struct Pager {
    content: Arc<dyn ReadAt>,
    page_bytes: usize,
    chunks: Vec<Chunk>,
    clock: u64,
}

impl Pager {
    pub(super) fn new(content: Arc<dyn ReadAt>, page_bytes: usize) -> Self {
        Self { content, page_bytes, chunks: Vec::new(), clock: 0 }
    }

    /// Pages that the file has room for; a cut one at its end counts.
    pub(super) fn pages(&self) -> u32 {
        let whole = self.content.bytes().div_ceil(self.page_bytes as u64).saturating_sub(2);
        u32::try_from(whole).unwrap_or(u32::MAX)
    }

    /// Where a page lies in the file: two heads come first.
    pub(super) fn offset_of(&self, number: u32) -> u64 {
        (u64::from(number) + 1) * self.page_bytes as u64
    }

    /// The page in which a byte of the file lies.
    pub(super) fn page_at(&self, offset: u64) -> Option<u32> {
        u32::try_from((offset / self.page_bytes as u64).checked_sub(1)?).ok().filter(|number| *number > 0)
    }

    /// Reads a page into `page`.
    pub(super) fn load(&mut self, number: u32, page: &mut Page) -> Result<(), BadPage> {
        let offset = self.offset_of(number);
        if number == 0 || offset >= self.content.bytes() {
            return Err(BadPage::Beyond);
        }
        let (index, within) = (offset / CHUNK_BYTES as u64, offset % CHUNK_BYTES as u64);
        let from = usize::try_from(within).unwrap_or(usize::MAX);
        let page_bytes = self.page_bytes;
        let chunk = self.chunk(index).map_err(|_| BadPage::Unreadable)?;
        let bytes = chunk.get(from..from.saturating_add(page_bytes)).ok_or(BadPage::Beyond)?;
        page.take(number, bytes)
    }

    fn chunk(&mut self, index: u64) -> io::Result<&[u8]> {
        self.clock += 1;
        let clock = self.clock;
        let known = self.chunks.iter().position(|chunk| chunk.index == index);
        let at = match known {
            Some(at) => at,
            None => self.fill(index)?,
        };
        let chunk = self.chunks.get_mut(at).ok_or(io::ErrorKind::NotFound)?;
        chunk.used = clock;
        Ok(&chunk.bytes)
    }

    fn fill(&mut self, index: u64) -> io::Result<usize> {
        let oldest = self.chunks.iter().enumerate().min_by_key(|(_, chunk)| chunk.used).map(|(at, _)| at);
        let at = if self.chunks.len() < CHUNKS_KEPT {
            self.chunks.push(Chunk { index: u64::MAX, used: 0, bytes: vec![0; CHUNK_BYTES] });
            self.chunks.len() - 1
        } else {
            oldest.unwrap_or(0)
        };
        let chunk = self.chunks.get_mut(at).ok_or(io::ErrorKind::NotFound)?;
        chunk.index = u64::MAX; // until it is whole
        read_full(self.content.as_ref(), index * CHUNK_BYTES as u64, &mut chunk.bytes)?;
        chunk.index = index;
        Ok(at)
    }
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Its number; the first behind the heads is 1.
    pub(super) number: u32,
    bytes: Vec<u8>,
    /// The leaf after it.
    pub(super) next: u32,
    /// The tree that it belongs to.
    pub(super) object: u32,
    flags: u32,
    tags: usize,
    reserved: usize,
    /// Where its lines begin.
    start: usize,
}

/// A node as it lies in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'p> {
    /// Where its line begins, in the page.
    pub(super) place: usize,
    /// The whole line: lengths, key, data.
    pub(super) line: &'p [u8],
    /// Deleted, and not cleaned away yet.
    pub(super) is_deleted: bool,
    prefix: &'p [u8],
    suffix: &'p [u8],
    /// What the key leads to.
    pub(super) data: &'p [u8],
}

impl Node<'_> {
    /// How the node's key stands to `key`.
    pub(super) fn compare(&self, key: &[u8]) -> Ordering {
        let (head, tail) = key.split_at_checked(self.prefix.len()).unwrap_or((key, &[]));
        let by_prefix = self.prefix.cmp(head);
        if head.len() < self.prefix.len() {
            return by_prefix;
        }
        by_prefix.then_with(|| self.suffix.cmp(tail))
    }

    /// Writes the whole key.
    pub(super) fn key_into(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(self.suffix);
    }

    /// The child that a node of a branch names.
    pub(super) fn child(&self) -> Option<u32> {
        u32_at(self.data, 0).filter(|child| *child != 0)
    }
}

impl Page {
    const ROOT: u32 = 0x1;
    const LEAF: u32 = 0x2;
    const PARENT_OF_LEAF: u32 = 0x4;
    const EMPTY: u32 = 0x8;
    const SPACE: u32 = 0x20;
    const INDEX: u32 = 0x40;
    const LONG_VALUE: u32 = 0x80;
    const NEW_RECORDS: u32 = 0x800;
    const NEW_CHECKSUM: u32 = 0x2000;
    const DELETED: u8 = 2;
    const COMPRESSED: u8 = 4;
    /// Larger pages have a second head, and offsets of 15 bits.
    const SMALL_MAX: usize = 8_192;

    fn take(&mut self, number: u32, bytes: &[u8]) -> Result<(), BadPage> {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.number = number;
        let head = |at| u32_at(bytes, at).unwrap_or_default();
        self.next = head(20);
        self.object = head(24);
        self.flags = head(36);
        let state = usize::from(u16_at(bytes, 34).unwrap_or_default());
        self.tags = state & 0xfff;
        self.reserved = (state >> 12).max(1);
        self.start = if self.is_small() { 40 } else { 80 };
        if (self.object == 0 && self.flags == 0) || self.flags & Self::EMPTY != 0 {
            return Err(BadPage::Blank);
        }
        if self.start + self.tags * 4 > bytes.len() || self.reserved > self.tags {
            return Err(BadPage::Tags);
        }
        Ok(())
    }

    fn is_small(&self) -> bool {
        self.bytes.len() <= Self::SMALL_MAX
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.flags & Self::LEAF != 0
    }

    /// Its children are leaves.
    pub(super) fn is_above_leaves(&self) -> bool {
        self.flags & Self::PARENT_OF_LEAF != 0
    }

    /// It holds rows of a table, not an index's keys, parts of long values or free space.
    pub(super) fn holds_rows(&self) -> bool {
        self.is_leaf() && self.flags & (Self::SPACE | Self::INDEX | Self::LONG_VALUE) == 0
    }

    /// Tagged columns lie as they do since Windows 2000.
    pub(super) fn has_new_records(&self) -> bool {
        self.flags & Self::NEW_RECORDS != 0
    }

    /// Whether tagged columns have offsets of 13 bits.
    pub(super) fn has_small_offsets(&self) -> bool {
        self.is_small()
    }

    /// Nodes, deleted ones among them.
    pub(super) fn nodes(&self) -> usize {
        self.tags - self.reserved
    }

    /// A node by its place; none where its tag leads nowhere.
    pub(super) fn node(&self, place: usize) -> Option<Node<'_>> {
        let (at, line, flags) =
            self.line(place.checked_add(self.reserved)?).filter(|(_, line, _)| line.len() >= 2)?;
        let length = |at| u16_at(line, at).map(|length| usize::from(length & 0x1fff));
        let (prefix, rest): (&[u8], usize) = if flags & Self::COMPRESSED != 0 {
            let header = if self.flags & Self::ROOT != 0 { &[] } else { self.line(0)?.1 };
            (header.get(..length(0)?)?, 2)
        } else {
            (&[], 0)
        };
        let (suffix, data) = line.get(rest + 2..)?.split_at_checked(length(rest)?)?;
        Some(Node { place: at, line, is_deleted: flags & Self::DELETED != 0, prefix, suffix, data })
    }

    /// The node whose line begins at this byte of the page.
    pub(super) fn node_at(&self, place: usize) -> Option<Node<'_>> {
        let tag =
            (self.reserved..self.tags).find(|tag| self.line(*tag).is_some_and(|(at, _, _)| at == place))?;
        self.node(tag - self.reserved)
    }

    /// A line: where it begins, its bytes, its flags.
    fn line(&self, tag: usize) -> Option<(usize, &[u8], u8)> {
        let at = self.bytes.len().checked_sub((tag + 1) * 4)?;
        let (length, offset) = (u16_at(&self.bytes, at)?, u16_at(&self.bytes, at + 2)?);
        let mask = if self.is_small() { 0x1fff } else { 0x7fff };
        let place = self.start + usize::from(offset & mask);
        let line = self.bytes.get(place..place.checked_add(usize::from(length & mask))?)?;
        let flags = if self.is_small() { offset >> 13 } else { u16_at(line, 0).unwrap_or_default() >> 13 };
        Some((place, line, u8::try_from(flags).unwrap_or_default()))
    }

    /// Whether the page's checksum is right.
    ///
    /// The second half of the new checksum only serves to mend one flipped bit; the first half, compared here, finds it.
    pub(super) fn is_whole(&self) -> bool {
        let stored = u32_at(&self.bytes, 0);
        if self.flags & Self::NEW_CHECKSUM == 0 {
            let sum = MAGIC ^ xor(&self.bytes) ^ stored.unwrap_or_default();
            return stored == Some(sum) && u32_at(&self.bytes, 4) == Some(self.number);
        }
        let own = stored.unwrap_or_default() ^ u32_at(&self.bytes, 4).unwrap_or_default();
        if self.is_small() {
            return stored == Some(xor(&self.bytes) ^ own ^ self.number);
        }
        // Four parts, each with a checksum of its own; those of the last three are in the second head.
        let quarter = self.bytes.len() / 4;
        self.bytes.chunks(quarter).enumerate().all(|(at, part)| match at {
            0 => stored == Some(xor(part) ^ own ^ self.number),
            at => u32_at(&self.bytes, 40 + (at - 1) * 8) == Some(xor(part) ^ self.number),
        })
    }
}

fn xor(bytes: &[u8]) -> u32 {
    let (wide, rest) = bytes.as_chunks::<16>();
    let sum = wide.iter().fold(0_u128, |sum, part| sum ^ u128::from_le_bytes(*part));
    let rest = rest.as_chunks::<4>().0.iter().fold(0, |sum, part| sum ^ u32::from_le_bytes(*part));
    let parts = sum.to_le_bytes();
    parts.as_chunks::<4>().0.iter().fold(rest, |sum, part| sum ^ u32::from_le_bytes(*part))
}
