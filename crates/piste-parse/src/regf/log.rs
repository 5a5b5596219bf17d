//! Replay of transaction logs: a dirty hive becomes the one that Windows would have loaded.
//!
//! In: the hive's bytes and its logs. Out: the same bytes with the logged pages written over them, and what was done. A
//! clean hive uses no log; an older entry is never written over a newer state; a chain of entries ends at its first gap.
//! Source of the facts: Maxim Suhanov, "Windows registry file format specification", whose rules for both formats this
//! follows.

use std::collections::BTreeMap;

use piste_model::guard;

use super::base::{BASE_BYTES, Base};
use super::le::{place, u32_at, u64_at};
use super::marvin;

/// Bytes of a page of the old format, and of the grid on which entries of the new one lie.
const SECTOR: usize = 512;
/// Bytes of an entry before its page references.
const ENTRY_HEAD: usize = 40;
/// By so much a log may make a hive longer beyond what it brings: no log of a few bytes claims half a gigabyte.
const GROWTH_MAX: usize = 64 << 20;
/// File types of logs: two of the old format, one of the new.
const LOG_TYPES: [u32; 3] = [1, 2, 6];
/// Of the new format.
const NEW_LOG: u32 = 6;

/// What became of a dirty hive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Replay {
    /// Entries (new format) or logs (old format) that were written.
    pub(super) applied: u32,
    /// Pages that were written.
    pub(super) pages: u32,
    /// Logs that are no logs, or another hive's.
    pub(super) foreign: Vec<String>,
    /// Entries that wait behind a gap in the sequence, and the number that was expected.
    pub(super) gap: Option<Gap>,
    /// The base block was damaged and taken from a log.
    pub(super) base_from_log: bool,
}

/// A gap in the sequence of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) expected: u32,
    pub(super) behind: usize,
}

/// A log, read whole.
pub(super) struct Log {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// An entry whose hashes hold.
#[derive(Clone, Copy)]
struct Entry<'l> {
    sequence: u32,
    bins_bytes: u32,
    /// Page references, and the pages behind them.
    body: &'l [u8],
    references: usize,
}

/// Writes what the logs hold over a dirty hive.
pub(super) fn replay(image: &mut Vec<u8>, base: &mut Base, logs: &[Log], bytes_max: usize) -> Replay {
    let mut replay = Replay::default();
    if !base.is_dirty() {
        return replay;
    }
    let mut valid = Vec::new();
    for log in logs {
        match Base::read(&log.bytes) {
            _ if log.bytes.is_empty() => {} // Windows keeps an empty .LOG beside the two
            Some(own) if own.sum_holds && LOG_TYPES.contains(&own.file_type) && is_of_hive(&own, base) => {
                valid.push((own, log));
            }
            _ => replay.foreign.push(log.path.clone()),
        }
    }
    let new: Vec<&Log> =
        valid.iter().filter(|(own, _)| own.file_type == NEW_LOG).map(|(_, log)| *log).collect();
    if new.is_empty() {
        replay_old(image, base, &valid, &mut replay, bytes_max);
    } else {
        replay_new(image, base, &new, &mut replay, bytes_max);
    }
    if replay.applied > 0 && !base.sum_holds {
        take_base(image, base, &valid);
        replay.base_from_log = true;
    }
    replay
}

/// A log beside a hive may be another's: both carry the GUID of their resource manager.
fn is_of_hive(log: &Base, hive: &Base) -> bool {
    let none = [0; 16];
    !hive.sum_holds || log.manager == none || hive.manager == none || log.manager == hive.manager
}

/// A hive whose base block is damaged gets the log's: root cell and version.
fn take_base(image: &mut [u8], base: &mut Base, valid: &[(Base, &Log)]) {
    let Some((own, log)) = valid.iter().max_by_key(|(own, _)| own.primary) else { return };
    if let (Some(to), Some(from)) = (image.get_mut(..SECTOR), log.bytes.get(..SECTOR)) {
        to.copy_from_slice(from);
    }
    *base = Base { file_type: 0, ..*own };
}

/// The entries of a log, up to the first that is damaged or that is none.
fn entries(bytes: &[u8]) -> Vec<Entry<'_>> {
    let mut at = SECTOR;
    let mut found = Vec::new();
    while let Some((entry, size)) = bytes.get(at..).and_then(entry) {
        found.push(entry);
        at += size;
    }
    found
}

fn entry(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    if !bytes.starts_with(b"HvLE") {
        return None;
    }
    let size = place(u32_at(bytes, 4)?);
    let (sequence, bins_bytes) = (u32_at(bytes, 12)?, u32_at(bytes, 16)?);
    let references = place(u32_at(bytes, 20)?);
    let body = bytes.get(ENTRY_HEAD..size)?;
    guard::check();
    let holds = size.is_multiple_of(SECTOR)
        && place(bins_bytes).is_multiple_of(BASE_BYTES)
        && u64_at(bytes, 32) == Some(marvin::hash(bytes.get(..32)?))
        && u64_at(bytes, 24) == Some(marvin::hash(body));
    holds.then_some((Entry { sequence, bins_bytes, body, references }, size))
}

/// New format: all logs' entries by their sequence number, from the hive's own on, to the first that lacks.
fn replay_new(image: &mut Vec<u8>, base: &mut Base, logs: &[&Log], replay: &mut Replay, bytes_max: usize) {
    let mut by_sequence: BTreeMap<u32, Entry<'_>> = BTreeMap::new();
    for entry in logs.iter().flat_map(|log| entries(&log.bytes)) {
        by_sequence.entry(entry.sequence).or_insert(entry);
    }
    let first = if base.sum_holds { base.secondary } else { chain_to_last(&by_sequence) };
    let mut next = first;
    while let Some(entry) = by_sequence.get(&next) {
        replay.pages += write_pages(image, entry, bytes_max);
        replay.applied += 1;
        (base.primary, base.secondary) = (next, next);
        base.bins_bytes = entry.bins_bytes;
        next = next.wrapping_add(1);
    }
    let behind = by_sequence.range(next..).count();
    if behind > 0 {
        replay.gap = Some(Gap { expected: next, behind });
    }
}

/// Where the unbroken chain begins that ends with the highest number: what a damaged base block does not tell.
fn chain_to_last(entries: &BTreeMap<u32, Entry<'_>>) -> u32 {
    let mut first = entries.keys().next_back().copied().unwrap_or_default();
    while first > 0 && entries.contains_key(&(first - 1)) {
        first -= 1;
    }
    first
}

fn write_pages(image: &mut Vec<u8>, entry: &Entry<'_>, bytes_max: usize) -> u32 {
    let mut from = entry.references.saturating_mul(8);
    let references = entry.body.get(..from).unwrap_or_default().as_chunks::<8>().0;
    let mut written = 0;
    for reference in references {
        let (Some(offset), Some(size)) = (u32_at(reference, 0), u32_at(reference, 4)) else { break };
        let Some(page) = from.checked_add(place(size)).and_then(|end| entry.body.get(from..end)) else {
            break;
        };
        from += page.len();
        written += u32::from(write_page(image, place(offset), page, bytes_max));
    }
    written
}

/// Writes a page at an offset from the first bin; the image grows where it must and may.
fn write_page(image: &mut Vec<u8>, offset: usize, page: &[u8], bytes_max: usize) -> bool {
    let start = BASE_BYTES.saturating_add(offset);
    let end = start.saturating_add(page.len());
    if end > image.len() {
        if end > bytes_max || start > image.len().saturating_add(GROWTH_MAX) {
            return false;
        }
        image.resize(end, 0);
    }
    let Some(to) = image.get_mut(start..end) else { return false };
    to.copy_from_slice(page);
    true
}

/// Old format: the one log that was written for the hive's last state.
fn replay_old(
    image: &mut Vec<u8>,
    base: &mut Base,
    valid: &[(Base, &Log)],
    replay: &mut Replay,
    bytes_max: usize,
) {
    let written =
        if base.sum_holds { base.written } else { u64_at(image, BASE_BYTES + 20).unwrap_or_default() };
    let applicable = valid.iter().filter(|(own, _)| {
        own.primary == own.secondary
            && own.written == written
            && (!base.sum_holds || own.primary >= base.secondary)
    });
    let Some((own, log)) = applicable.max_by_key(|(own, _)| own.primary) else { return };
    let sector = SECTOR * place(own.cluster).clamp(1, 8);
    let vector_at = [sector, SECTOR]
        .into_iter()
        .find(|at| log.bytes.get(*at..).is_some_and(|rest| rest.starts_with(b"DIRT")));
    let Some(vector_at) = vector_at else { return };
    let vector_bytes = place(own.bins_bytes) / SECTOR / 8;
    let vector = log.bytes.get(vector_at + 4..(vector_at + 4).saturating_add(vector_bytes));
    let Some(vector) = vector else { return };
    let mut from = (vector_at + 4 + vector_bytes).next_multiple_of(sector);
    for (byte_at, byte) in vector.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
            let Some(page) = log.bytes.get(from..from + SECTOR) else { break };
            from += SECTOR;
            replay.pages += u32::from(write_page(image, (byte_at * 8 + bit) * SECTOR, page, bytes_max));
        }
    }
    replay.applied = 1;
    if base.sum_holds {
        (base.primary, base.secondary) = (own.primary, own.secondary);
        base.bins_bytes = own.bins_bytes;
    }
}
