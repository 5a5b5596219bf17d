//! Event logs of XP and 2003, `*.evt`.
//!
//! In: a file that is read at random. Out: rows as those of Windows events in EVTX: provider, event id (the low 16 bits), computer,
//! user's SID, texts as the list `Data`, the channel by the file's name. Records are found by their signature wherever they
//! stand, so a log that was not closed, that begins in its middle or whose header is gone is read all the same; one that wraps
//! goes on behind the header. Sources: Microsoft's EVENTLOGRECORD, libyal's description of the format.

mod record;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use piste_model::hash::record_hash;
use piste_model::{Issue, guard};

use crate::fields::Fields;
use crate::random_access::{Companion, OpenFile, Opened, ReadAt};
use crate::rows::Rows;
use crate::whole::Bytes;
use crate::{Context, Parsed};

/// Stands behind each record's length.
const SIGNATURE: &[u8] = b"LfLe";
/// Bytes of the header.
const HEADER_BYTES: u64 = 48;
/// Bytes of the shortest record.
const RECORD_BYTES_MIN: usize = 56;
/// Bytes of the longest record that is read; Windows writes less than 256 kB.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// Bytes of a record that are looked at where its end is not its own.
const HEAD_BYTES_MAX: usize = 4_096;
/// Bytes of a piece.
const PIECE_BYTES: u64 = 4 << 20;
const PIECE_SIZE: usize = 4 << 20;

/// Whether a file that begins so is such a log: its header, or records where the header is gone.
pub fn recognise(head: &[u8], name: &str) -> bool {
    let plausible = |at: usize| {
        let length = at.checked_sub(4).and_then(|start| Bytes(head).size(start)).unwrap_or_default();
        (0x28..=RECORD_BYTES_MAX).contains(&length) && length.is_multiple_of(4)
    };
    head.starts_with(b"\x30\0\0\0LfLe")
        || (name.to_ascii_lowercase().ends_with(".evt")
            && memchr::memmem::find_iter(head, SIGNATURE).any(plausible))
}

/// Opens a log.
///
/// # Errors
/// What the medium answers.
pub fn open(content: Arc<dyn ReadAt>, _companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let mut header = [0; 8];
    content.read_at(0, &mut header)?;
    let mut issues = Vec::new();
    if !header.ends_with(SIGNATURE) {
        issues.push(
            Issue::new(
                "evt-header",
                cx.path,
                "its header is no event log's",
                "no record is lost for that: records were looked for in the whole file",
                "ask for a fresh copy of the log if records are missing",
            )
            .of(cx.evidence)
            .at(0),
        );
    }
    Ok(Opened { file: Box::new(Log { content }), issues })
}

struct Log {
    content: Arc<dyn ReadAt>,
}

impl Log {
    /// Fills a buffer from a place on, as far as there are bytes.
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let left = self.content.bytes().saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(length)];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.content.read_at(offset + filled as u64, rest)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Bytes of the log from a place on; at the end of the file a log goes on behind its header.
    fn read_wrapped(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = self.read(offset, length)?;
        let missing = length - bytes.len();
        if missing > 0 {
            bytes.extend(self.read(HEADER_BYTES, missing)?);
        }
        Ok(bytes)
    }

    /// The record that starts here; `None` where none does.
    fn record_at(&self, offset: u64, length: usize) -> io::Result<Option<Found<'static>>> {
        let tail_at = offset + length as u64 - 4;
        let end = self.content.bytes();
        let tail_at = if tail_at >= end { HEADER_BYTES + (tail_at - end) } else { tail_at };
        let tail = self.read_wrapped(tail_at, 4)?;
        if Bytes(&tail).size(0) == Some(length) {
            let bytes = self.read_wrapped(offset, length)?;
            return Ok(Some(Found { whole: bytes.len() == length, bytes: bytes.into() }));
        }
        let bytes = self.read(offset, length.min(HEAD_BYTES_MAX))?;
        Ok(record::is_head(Bytes(&bytes), length).then_some(Found { bytes: bytes.into(), whole: false }))
    }
}

/// A record's bytes.
struct Found<'b> {
    bytes: Cow<'b, [u8]>,
    /// Its length stands at both its ends; else only its head is sure, and newer records may have taken the rest.
    whole: bool,
}

impl OpenFile for Log {
    fn pieces(&self) -> usize {
        usize::try_from(self.content.bytes().div_ceil(PIECE_BYTES)).unwrap_or(usize::MAX)
    }

    fn parse(&self, piece: usize, cx: &Context<'_>) -> Parsed {
        let mut parsed = Parsed::default();
        let from = piece as u64 * PIECE_BYTES;
        let mut rows = Rows::new(cx.sources, cx.evidence);
        if let Err(error) = self.parse_from(from, cx, &mut parsed, &mut rows) {
            parsed.damaged(
                cx,
                "evt-unreadable",
                from,
                None,
                format!("the file cannot be read here: {error}"),
                "look whether the medium is sound, and copy the file again",
            );
        }
        parsed.take_rows(cx, from, rows);
        parsed
    }

    fn record(&self, offset: u64) -> io::Result<Vec<u8>> {
        let head = self.read(offset, 8)?;
        let length =
            Bytes(&head).size(0).filter(|length| is_record_length(*length) && head.ends_with(SIGNATURE));
        let record = length.map(|length| self.record_at(offset, length)).transpose()?.flatten();
        let bytes = record.map(|found| found.bytes.into_owned());
        bytes.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no record starts here"))
    }
}

fn is_record_length(length: usize) -> bool {
    (RECORD_BYTES_MIN..=RECORD_BYTES_MAX).contains(&length)
}

impl Log {
    fn parse_from(
        &self,
        from: u64,
        cx: &Context<'_>,
        parsed: &mut Parsed,
        rows: &mut Rows<'_>,
    ) -> io::Result<()> {
        // A record belongs to the piece in which it starts; its signature may lie in the next.
        let bytes = self.read(from, PIECE_SIZE + 7)?;
        let channel = record::channel_in(cx.path);
        let (mut fields, mut next) = (Fields::default(), 0);
        let (mut broken, mut first) = (0_u64, None);
        for at in memchr::memmem::find_iter(&bytes, SIGNATURE) {
            guard::check();
            let Some(start) = at.checked_sub(4).filter(|start| *start >= next && *start < PIECE_SIZE) else {
                continue;
            };
            let length = Bytes(&bytes).size(start).unwrap_or_default();
            // The header, and the mark behind the last record.
            if !is_record_length(length) {
                continue;
            }
            let offset = from + start as u64;
            // Nearly all records lie in the piece as a whole.
            let here =
                bytes.get(start..start + length).filter(|here| Bytes(here).size(length - 4) == Some(length));
            let record = match here {
                Some(here) => Some(Found { bytes: here.into(), whole: true }),
                None => self.record_at(offset, length)?,
            };
            let Some(record) = record else { continue };
            if record.whole {
                next = start + length;
            } else {
                broken += 1;
                first.get_or_insert(offset);
            }
            fields.clear();
            let place = record::Place { offset, hash: record_hash(&record.bytes), channel };
            record::push(&record, &place, &mut fields, cx, rows);
            parsed.records += 1;
        }
        if let Some(first) = first {
            let what = format!(
                "{broken} records are cut or partly written over: their heads are read, their texts are not"
            );
            let hint =
                "look at the bytes there: newer records took their place, as in every log that is full";
            parsed.damaged(cx, "evt-record", first, Some(0), what, hint);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
