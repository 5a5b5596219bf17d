//! Instances in `OBJECTS.DATA`, wherever they lie.
//!
//! In: the file, from its first byte to its last. Out: the places where an instance of one of the classes begins. An instance
//! begins with the hash of its class in UTF-16, so a page that is free, or that no map knows any more, gives up what it still
//! holds. Every 32nd byte is looked at: no hash, not even XP's, lies between two of them.

use std::io;

use piste_model::guard;

use super::class::{Target, Targets, instance_bytes};
use super::pages::read;
use crate::random_access::ReadAt;

/// Bytes that are read at once.
const STEP_BYTES: usize = 1 << 20;
/// Bytes between two looks: half of XP's hash, so that one look at least has two whole letters.
const STRIDE: usize = 32;
/// Bytes of the longest head of an instance: hash, times, lengths.
const HEAD_BYTES: usize = 128 + 32;
/// Instances that are looked at, at most.
const FOUND_MAX: usize = 1 << 20;

/// The beginning of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) offset: u64,
    pub(super) target: Target,
    /// Bytes of its hash: 64 as XP writes it, 128 since.
    pub(super) hash_bytes: usize,
    /// How long it says that it is.
    pub(super) bytes: usize,
}

/// What a scan gave.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) hits: Vec<Hit>,
    /// There were more than are kept.
    pub(super) cut: bool,
}

struct Mark {
    /// The first bytes of the hash: nearly all that is looked at differs there.
    first: [u8; 8],
    hash: Vec<u8>,
    target: Target,
}

/// Looks through the whole file for hashes of these kinds.
///
/// # Errors
/// What the medium answers.
pub(super) fn scan(content: &dyn ReadAt, kinds: &[Targets]) -> io::Result<Scan> {
    let marks = kinds.iter().flat_map(Targets::marks);
    let marks = marks.filter_map(|(hash, target)| Some(Mark { first: *hash.first_chunk()?, hash, target }));
    let marks: Vec<Mark> = marks.collect();
    let mut scan = Scan::default();
    let mut offset = 0;
    while offset < content.bytes() && !scan.cut {
        guard::check();
        let bytes = read(content, offset, STEP_BYTES + HEAD_BYTES)?;
        look(&bytes, offset, &marks, &mut scan);
        offset += STEP_BYTES as u64;
    }
    // A hash is met by several looks.
    scan.hits.sort_by_key(|hit| hit.offset);
    scan.hits.dedup_by_key(|hit| hit.offset);
    Ok(scan)
}

fn look(bytes: &[u8], offset: u64, marks: &[Mark], scan: &mut Scan) {
    let mut seen = None;
    for (number, window) in bytes.chunks_exact(STRIDE).enumerate() {
        let Some([a, b, c, d]) = window.first_chunk() else { return };
        let shift = match (a, b, c, d) {
            (a, 0, c, 0) if is_hex(*a) && is_hex(*c) => 0,
            (0, b, 0, d) if is_hex(*b) && is_hex(*d) => 1,
            _ => continue,
        };
        let at = number * STRIDE + shift;
        for start in (at.saturating_sub(126)..=at).filter(|start| (at - start).is_multiple_of(2)) {
            if seen.is_some_and(|seen| start <= seen) || start >= STEP_BYTES {
                continue;
            }
            let Some(rest) = bytes.get(start..) else { continue };
            let Some(first) = rest.first_chunk() else { continue };
            let mark = marks.iter().find(|mark| mark.first == *first && rest.starts_with(&mark.hash));
            let Some(mark) = mark else { continue };
            seen = Some(start);
            let hash_bytes = mark.hash.len();
            let Some(bytes) = instance_bytes(rest, hash_bytes) else { continue };
            if scan.hits.len() >= FOUND_MAX {
                scan.cut = true;
                return;
            }
            let offset = offset + start as u64;
            scan.hits.push(Hit { offset, target: mark.target, hash_bytes, bytes });
        }
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}
