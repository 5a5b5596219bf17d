//! Pages of a WMI repository and the maps that say where each lies.
//!
//! In: `OBJECTS.DATA`, and the bytes of a `MAPPING*.MAP`. Out: logical to physical page numbers for the objects and for the
//! index, and the bytes of a record that goes on over pages. Facts: the descriptions of flare-wmi and dissect.cim; a map holds
//! the objects' pages first, then the index's, and the map with the highest version is in force.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crate::random_access::ReadAt;

/// Bytes of a page, of objects and of the index.
pub(super) const PAGE_BYTES: usize = 8_192;
/// Bytes of a map that are read at most.
const MAP_BYTES_MAX: u64 = 256 << 20;

const MAP_START: u32 = 0xABCD;
const MAP_END: u32 = 0xDCBA;
const PAGE_NUMBER: u32 = 0x3FFF_FFFF;

/// Reads as many of `bytes` from `offset` as there are.
pub(super) fn read(content: &dyn ReadAt, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let rest = content.bytes().saturating_sub(offset);
    let mut buffer = vec![0; bytes.min(usize::try_from(rest).unwrap_or(usize::MAX))];
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        let got = content.read_at(offset + filled as u64, free)?;
        if got == 0 {
            break;
        }
        filled += got;
    }
    buffer.truncate(filled);
    Ok(buffer)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn count_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, at)?).ok()
}

/// One map in force.
#[derive(Debug)]
pub(super) struct Maps {
    /// As XP and 2003 wrote it: hashes are MD5.
    pub(super) old: bool,
    pub(super) version: u32,
    pub(super) objects: Vec<u32>,
    pub(super) index: Vec<u32>,
}

impl Maps {
    /// Reads a map.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn of(content: &dyn ReadAt) -> Result<Self, String> {
        if content.bytes() > MAP_BYTES_MAX {
            return Err(format!("it is {} bytes long", content.bytes()));
        }
        let length = usize::try_from(content.bytes()).unwrap_or_default();
        let bytes = read(content, 0, length).map_err(|error| error.to_string())?;
        let guess = is_old(&bytes).ok_or("it has no map's signature")?;
        // What looks like one of the two forms may be the other; only the right one ends where its end mark stands.
        let whole = |old: bool| {
            let (objects, end) = one(&bytes, 0, old)?;
            let marked = u32_at(&bytes, end) == Some(MAP_END);
            marked.then_some((old, objects, end + 4))
        };
        let (old, objects, end) = whole(guess)
            .or_else(|| whole(!guess))
            .ok_or("the objects' pages do not end with their end mark")?;
        let (index, _) = one(&bytes, end, old).ok_or("the index's pages are cut off")?;
        Ok(Self { old, version: u32_at(&bytes, 4).unwrap_or_default(), objects, index })
    }
}

/// The header of XP's maps has two numbers less; where the later ones stand, two revisions follow each other.
fn is_old(bytes: &[u8]) -> Option<bool> {
    if u32_at(bytes, 0)? != MAP_START {
        return None;
    }
    let (first, second) = (u32_at(bytes, 8)?, u32_at(bytes, 12)?);
    let (pages, entries) = (u32_at(bytes, 16)?, u32_at(bytes, 20)?);
    Some(entries < pages / 10 || first.wrapping_sub(1) != second)
}

/// One half of a map, and where it ends.
fn one(bytes: &[u8], at: usize, old: bool) -> Option<(Vec<u32>, usize)> {
    if u32_at(bytes, at)? != MAP_START {
        return None;
    }
    let (header, width) = if old { (16, 4) } else { (24, 24) };
    let count = count_at(bytes, at + header - 4)?;
    let from = at + header;
    let to = from.checked_add(count.checked_mul(width)?)?;
    let entries = bytes.get(from..to)?.chunks_exact(width);
    let pages = entries.map(|entry| u32_at(entry, 0).unwrap_or(PAGE_NUMBER) & PAGE_NUMBER).collect();
    let free = count_at(bytes, to)?.checked_mul(4)?;
    Some((pages, to.checked_add(4)?.checked_add(free)?))
}

/// The objects' file and where its pages belong.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) content: Arc<dyn ReadAt>,
    to_physical: Vec<u32>,
    to_logical: HashMap<u32, u32>,
}

impl Pages {
    pub(super) fn new(content: Arc<dyn ReadAt>, maps: Option<&Maps>) -> Self {
        let to_physical = maps.map(|maps| maps.objects.clone()).unwrap_or_default();
        let mapped = to_physical.iter().enumerate().filter(|(_, physical)| **physical != PAGE_NUMBER);
        let to_logical = mapped
            .filter_map(|(logical, physical)| Some((*physical, u32::try_from(logical).ok()?)))
            .collect();
        Self { content, to_physical, to_logical }
    }

    /// Whether the map in force knows the page that `offset` lies in.
    pub(super) fn is_mapped(&self, offset: u64) -> bool {
        u32::try_from(offset / PAGE_BYTES as u64).is_ok_and(|page| self.to_logical.contains_key(&page))
    }

    fn physical(&self, logical: u32) -> Option<u32> {
        let page = *self.to_physical.get(usize::try_from(logical).ok()?)?;
        (page != PAGE_NUMBER).then_some(page)
    }

    /// Where the record of this number lies, which the list at the page's start tells.
    pub(super) fn place(&self, page: u32, id: u32) -> io::Result<Option<u64>> {
        let Some(physical) = self.physical(page) else { return Ok(None) };
        let start = u64::from(physical) * PAGE_BYTES as u64;
        let bytes = read(self.content.as_ref(), start, PAGE_BYTES)?;
        let entries = bytes.chunks_exact(16).take_while(|entry| entry.iter().any(|byte| *byte != 0));
        let mut offsets =
            entries.filter(|entry| u32_at(entry, 0) == Some(id)).filter_map(|entry| u32_at(entry, 4));
        let within = |offset: &u32| usize::try_from(*offset).is_ok_and(|offset| offset < PAGE_BYTES);
        Ok(offsets.find(within).map(|offset| start + u64::from(offset)))
    }

    /// Bytes from `offset`: to the page's end, then the pages after it by the map, or as they lie where it knows none.
    pub(super) fn record(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let page_bytes = PAGE_BYTES as u64;
        let first = usize::try_from(page_bytes - offset % page_bytes).unwrap_or(PAGE_BYTES);
        let mut record = read(self.content.as_ref(), offset, bytes.min(first))?;
        let mut page = offset / page_bytes;
        while record.len() < bytes {
            piste_model::guard::check();
            let logical = u32::try_from(page).ok().and_then(|page| self.to_logical.get(&page));
            page = match logical {
                Some(logical) => match self.physical(logical.saturating_add(1)) {
                    Some(physical) => u64::from(physical),
                    None => break,
                },
                None => page + 1,
            };
            let more = read(self.content.as_ref(), page * page_bytes, PAGE_BYTES.min(bytes - record.len()))?;
            if more.is_empty() {
                break;
            }
            record.extend_from_slice(&more);
        }
        Ok(record)
    }
}
