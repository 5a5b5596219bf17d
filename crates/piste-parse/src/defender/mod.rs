//! What Microsoft Defender keeps on a host: its protection log, the history of its detections, and what it says of files in
//! quarantine.
//!
//! In: `Support\MPLog-*.log` and its like (text), a file of `Scans\History\Service\DetectionHistory`, a file of
//! `Quarantine\Entries`. Out: rows of `defender.mplog`, `defender.detection` and `defender.quarantine`. Of a file in quarantine
//! only what was written about it is read, never its content. Facts: libyal's dtformats (detection history), ERNW's white paper
//! 71 and dissect.target (quarantine), Microsoft's `MSFT_MpThreat` (categories), published samples of the log.

mod history;
mod mplog;
mod quarantine;

pub use history::{parse_file as parse_history, recognise as recognise_history};
pub use mplog::{open as open_log, recognise as recognise_log};
pub use quarantine::{parse_file as parse_quarantine, recognise as recognise_quarantine};

use crate::Context;
use crate::block::Block;
use crate::rows::Head;
use piste_model::Instant;
use piste_model::hash::RecordHash;

/// The head of a row of a file that is read as a whole.
fn head<'a>(
    dataset: &'static str,
    time: Option<(Instant, &'static str)>,
    number: usize,
    block: &Block,
    hash: RecordHash,
    cx: &'a Context<'_>,
) -> Head<'a> {
    Head {
        dataset: Some(dataset),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(""),
        record: i64::try_from(number).unwrap_or(i64::MAX),
        offset: block.offset,
        hash,
    }
}

/// A little endian number at a place.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn size(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(number(bytes, at, 4)?).ok()
}

/// UTF-16 up to its first zero.
fn wide(bytes: &[u8]) -> String {
    let units =
        bytes.chunks_exact(2).map(|pair| pair.iter().rev().fold(0, |sum, byte| sum << 8 | u16::from(*byte)));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// A GUID as Defender writes it elsewhere.
fn guid(bytes: &[u8]) -> Option<String> {
    crate::identifiers::guid(bytes).map(|text| format!("{{{}}}", text.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests;
