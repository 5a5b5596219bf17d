//! Compound files: streams within a file, as Office and jump lists use them.
//!
//! In: the whole file. Out: its streams by name, each with its bytes. Chains of sectors are followed only as far as the file
//! has sectors, and all streams together have at most as many bytes as are allowed. Source: Microsoft's MS-CFB.

use piste_model::guard;

use crate::whole::{Bytes, utf16};

/// What every compound file begins with.
pub(super) const MAGIC: [u8; 8] = *b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Numbers of sectors above this are none.
const NO_SECTOR: u32 = 0xffff_fffa;
/// Bytes of an entry of the directory.
const ENTRY_BYTES: usize = 128;
/// Tables of sectors that the header names itself.
const HEADER_TABLES: usize = 109;

/// One stream.
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// It has fewer bytes than its entry says.
    pub(super) cut: bool,
}

/// Where the file's sectors lie.
struct Layout<'b> {
    bytes: Bytes<'b>,
    sector_bytes: usize,
    /// The next sector of each.
    next: Vec<u32>,
}

impl<'b> Layout<'b> {
    fn of(bytes: Bytes<'b>) -> Option<Self> {
        if !bytes.0.starts_with(&MAGIC) {
            return None;
        }
        let sector_bytes = match bytes.u16(30)? {
            9 => 512,
            12 => 4_096,
            _ => return None,
        };
        let mut layout = Self { bytes, sector_bytes, next: Vec::new() };
        let mut tables: Vec<u32> = (0..HEADER_TABLES).filter_map(|at| bytes.u32(76 + 4 * at)).collect();
        let mut list = bytes.u32(68)?;
        let per_sector = sector_bytes / 4;
        for _ in 0..layout.sectors() {
            let Some(sector) = layout.sector(list) else { break };
            tables.extend((0..per_sector - 1).filter_map(|at| sector.u32(4 * at)));
            list = sector.u32(sector_bytes - 4).unwrap_or(NO_SECTOR);
        }
        for table in tables.into_iter().filter(|table| *table < NO_SECTOR) {
            guard::check();
            // The file has no more sectors than that, whatever it says.
            if layout.next.len() >= layout.sectors() {
                break;
            }
            let sector = layout.sector(table).unwrap_or(Bytes(&[]));
            layout.next.extend((0..per_sector).map(|at| sector.u32(4 * at).unwrap_or(NO_SECTOR)));
        }
        Some(layout)
    }

    /// How many sectors there are at most.
    fn sectors(&self) -> usize {
        self.bytes.len() / self.sector_bytes + 1
    }

    fn sector(&self, number: u32) -> Option<Bytes<'b>> {
        let at = usize::try_from(number).ok()?.checked_add(1)?.checked_mul(self.sector_bytes)?;
        let sector = self.bytes.slice_or_less(at, self.sector_bytes);
        (!sector.is_empty()).then_some(Bytes(sector))
    }

    /// The bytes of a chain, `most` at most.
    fn chain(&self, start: u32, most: usize) -> Vec<u8> {
        let (mut found, mut number) = (Vec::new(), start);
        for _ in 0..self.sectors() {
            let Some(sector) = self.sector(number).filter(|_| found.len() < most) else { break };
            found.extend_from_slice(sector.0);
            number = self.next_of(number);
        }
        found.truncate(most);
        found
    }

    fn next_of(&self, number: u32) -> u32 {
        usize::try_from(number).ok().and_then(|at| self.next.get(at)).copied().unwrap_or(NO_SECTOR)
    }
}

/// Small streams lie together in one, in pieces of 64 bytes.
struct Small {
    bytes: Vec<u8>,
    next: Vec<u32>,
    piece_bytes: usize,
}

impl Small {
    fn chain(&self, start: u32, most: usize) -> Vec<u8> {
        let (mut found, mut number) = (Vec::new(), start);
        for _ in 0..=self.next.len() {
            let Some(place) = usize::try_from(number).ok().filter(|_| found.len() < most) else { break };
            let piece =
                Bytes(&self.bytes).slice_or_less(place.saturating_mul(self.piece_bytes), self.piece_bytes);
            if piece.is_empty() {
                break;
            }
            found.extend_from_slice(piece);
            number = self.next.get(place).copied().unwrap_or(NO_SECTOR);
        }
        found.truncate(most);
        found
    }
}

/// The streams of a compound file that together have at most `most` bytes; `None` where it is none.
pub(super) fn streams(bytes: Bytes<'_>, most: usize) -> Option<Vec<Stream>> {
    let layout = Layout::of(bytes)?;
    let directory = layout.chain(bytes.u32(48)?, bytes.len());
    let entries: Vec<Bytes<'_>> = directory.chunks_exact(ENTRY_BYTES).map(Bytes).collect();
    let root = entries.iter().find(|entry| entry.u8(66) == Some(5));
    let small_table = layout.chain(bytes.u32(60)?, bytes.len());
    let small = Small {
        bytes: root
            .and_then(|root| root.u32(116))
            .map(|at| layout.chain(at, bytes.len()))
            .unwrap_or_default(),
        next: small_table.chunks_exact(4).filter_map(|one| Bytes(one).u32(0)).collect(),
        piece_bytes: 1 << bytes.u16(32)?.min(9),
    };
    let cutoff = bytes.size(56)?;
    let (mut found, mut left) = (Vec::new(), most);
    for entry in entries.iter().filter(|entry| entry.u8(66) == Some(2)) {
        guard::check();
        let (Some(start), Some(size)) = (entry.u32(116), entry.size(120)) else { continue };
        let wanted = size.min(left);
        let bytes = if size < cutoff { small.chain(start, wanted) } else { layout.chain(start, wanted) };
        left -= bytes.len();
        let name_bytes = entry.u16(64).map_or(0, usize::from).saturating_sub(2);
        let name = utf16(entry.slice_or_less(0, name_bytes.min(64)));
        found.push(Stream { name, cut: bytes.len() < size, bytes });
    }
    Some(found)
}
