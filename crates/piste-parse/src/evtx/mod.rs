//! EVTX chunks to rows.
//!
//! In: a block of up to 48 chunks of 64 KiB. Out: one row a record. Records of the usual shape go from their binary form to
//! columns (`binxml`); of any other the `evtx` crate renders the `BinXml` to JSON, and a streaming visitor takes the fields
//! from it; no tree of values is built. Damage costs the records that it hit: what the
//! chunk's header counts and the walk did not find is named with its offset, even where zeros hide it.
//!
//! Source: MS-EVEN6 2.2.12 (`BinXml`); libyal's notes on EVTX for file, chunk and record headers.

pub(crate) mod binxml;
mod notes;
pub(crate) mod places;
pub(crate) mod record;

use std::sync::Arc;

use evtx::err::EvtxError;
use evtx::{EvtxChunkData, ParserSettings};
use piste_model::Issue;
use piste_model::hash::record_hash;

use crate::block::{Block, EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES};
use crate::rows::Rows;
use crate::{Context, Parsed};
use binxml::{Bounds, Taken};
use places::{CHUNK_HEADER_BYTES, CHUNK_MAGIC, RECORD_MAGIC};
use record::RecordReader;

/// Header and trailing size of a record.
const RECORD_BYTES_MIN: usize = 28;
/// More records than fit into a chunk: a header that counts more is damaged.
const RECORDS_MAX: u64 = 4_096;

/// Range of record ids of one chunk, from its header, for finding logs that overlap.
///
/// `None` where the bytes are no chunk, or its header names no range.
pub fn chunk_record_ids(chunk: &[u8]) -> Option<(u64, u64)> {
    let field = |at: usize| Some(u64::from_le_bytes(chunk.get(at..at + 8)?.try_into().ok()?));
    let (first, last) = (field(24)?, field(32)?);
    (chunk.starts_with(CHUNK_MAGIC) && first <= last && last != u64::MAX).then_some((first, last))
}

/// Parses the chunks of one block.
pub fn parse_chunks(block: &Block, cx: &Context<'_>) -> Parsed {
    parse_with(block, cx, true)
}

/// The same with every record rendered: what [`parse_chunks`] is held against in tests.
pub fn parse_chunks_rendered(block: &Block, cx: &Context<'_>) -> Parsed {
    parse_with(block, cx, false)
}

fn parse_with(block: &Block, cx: &Context<'_>, binary: bool) -> Parsed {
    let mut parsed = Parsed::default();
    notes::tell(block, cx, &mut parsed);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let settings = Arc::new(ParserSettings::new().num_threads(1).indent(false));
    let mut reader = RecordReader::default();
    for (at, chunk) in block.bytes.chunks(EVTX_CHUNK_BYTES).enumerate() {
        let offset = block.offset + (at * EVTX_CHUNK_BYTES) as u64;
        let walk = Walk { cx, offset, settings: &settings, binary };
        walk.chunk(chunk, &mut reader, &mut rows, &mut parsed);
    }
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// One chunk's walk: where it lies and how it is read.
struct Walk<'a> {
    cx: &'a Context<'a>,
    offset: u64,
    settings: &'a Arc<ParserSettings>,
    /// Records of the usual shape are not rendered.
    binary: bool,
}

impl Walk<'_> {
    fn chunk(&self, bytes: &[u8], reader: &mut RecordReader, rows: &mut Rows<'_>, parsed: &mut Parsed) {
        if bytes.iter().all(|byte| *byte == 0) {
            return; // allocated, not yet written
        }
        let real = bytes.len();
        if real <= CHUNK_HEADER_BYTES {
            return self.truncated(real, None, parsed);
        }
        // The reader takes whole chunks only; what it makes of the zeros after the real end is refused below.
        let mut bytes = bytes.to_vec();
        bytes.resize(EVTX_CHUNK_BYTES, 0);
        let mended = self.mend_magic(&mut bytes, parsed);
        let Some(mended) = mended else { return };
        let mut data = match EvtxChunkData::new(bytes, false) {
            Ok(data) => data,
            Err(error) => return self.lost_chunk(&error, parsed),
        };
        let (first, last) = (data.header.first_event_record_number, data.header.last_event_record_number);
        // Records are numbered from 1; a chunk without any has other numbers here.
        let counted = first >= 1 && last != u64::MAX;
        let expected = last.checked_sub(first).filter(|_| counted).map(|count| count.saturating_add(1));
        self.check_sums(&data, real, mended, parsed);
        let used = data.header.free_space_offset as usize;
        let before = parsed.records;
        if let Some(faults) = self.records(&mut data, real, reader, rows, parsed) {
            // A chunk that is still being written may hold more records than its header counts, never fewer.
            let missing = expected
                .filter(|count| *count <= RECORDS_MAX)
                .map(|count| count.saturating_sub(parsed.records - before).max(faults.unread));
            if real < EVTX_CHUNK_BYTES {
                // Zero lost is only believed where the header says that nothing lay beyond the cut.
                let count = missing.filter(|count| *count > 0 || (faults.count == 0 && used <= real));
                return self.truncated(real, count, parsed);
            }
            self.name_loss(&faults, missing, parsed.records - before, parsed);
        }
    }

    /// Reads the records and tells what was in the way; `None` if the chunk cannot be read at all.
    fn records(
        &self,
        data: &mut EvtxChunkData,
        real: usize,
        reader: &mut RecordReader,
        rows: &mut Rows<'_>,
        parsed: &mut Parsed,
    ) -> Option<Faults> {
        let mut faults = Faults::default();
        let bounds =
            Bounds { end: data.header.free_space_offset as usize, last_id: data.header.last_event_record_id };
        let mut taken = Taken::default();
        if real == EVTX_CHUNK_BYTES && self.binary {
            taken = reader.binary.take_all(&data.data, bounds, self.offset, rows);
            parsed.records += taken.records;
            if taken.whole {
                faults.end = taken.end;
                return Some(faults);
            }
        }
        let mut raw = data.data.clone();
        raw.truncate(real);
        let mut chunk = match data.parse(Arc::clone(self.settings)) {
            Ok(chunk) => chunk,
            Err(error) => {
                self.lost_chunk(&error, parsed);
                return None;
            }
        };
        let mut end = taken.end;
        for record in chunk.iter() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    faults.note(&error, &raw, end);
                    continue;
                }
            };
            let start = usize::try_from(record.binxml_offset).unwrap_or(usize::MAX).saturating_sub(24);
            if start < taken.end {
                continue;
            }
            if real == EVTX_CHUNK_BYTES
                && self.binary
                && let Some((size, _)) = reader.binary.take(&raw, start, self.offset, rows)
            {
                end = start + size;
                parsed.records += 1;
                continue;
            }
            let outcome = stored_record(&raw, start).map_err(str::to_owned).and_then(|bytes| {
                end = start + bytes.len();
                let (id, time) = (record.event_record_id, record.timestamp);
                let json = record.into_json_bytes().map_err(|error| chain(&error))?;
                reader.read(&json.data, id, time, self.offset + start as u64, record_hash(bytes), rows)
            });
            match outcome {
                Ok(()) => parsed.records += 1,
                Err(what) => faults.add(start, what, 1),
            }
        }
        faults.end = end;
        Some(faults)
    }

    /// Names what the chunk's header counts and the walk did not read.
    fn name_loss(&self, faults: &Faults, missing: Option<u64>, read: u64, parsed: &mut Parsed) {
        let (at, what) = match &faults.first {
            Some((at, what)) => (*at, format!("an EVTX record cannot be read: {what}")),
            None if missing.unwrap_or(0) > 0 => {
                let count = read + missing.unwrap_or(0);
                (faults.end, format!("an EVTX chunk counts {count} records in its header and holds {read}"))
            }
            None => return,
        };
        let what = match faults.count {
            0 | 1 => what,
            count => format!("{what}; {} further places of this chunk cannot be read either", count - 1),
        };
        parsed.damaged(
            self.cx,
            "evtx-record-damaged",
            self.offset + at as u64,
            missing,
            what,
            "ask for a fresh copy of the log, or for the same period from a backup",
        );
    }

    fn truncated(&self, real: usize, lost: Option<u64>, parsed: &mut Parsed) {
        let number = (self.offset.saturating_sub(EVTX_HEADER_BYTES as u64)) / EVTX_CHUNK_BYTES as u64;
        parsed.damaged(
            self.cx,
            "evtx-chunk-truncated",
            self.offset,
            lost,
            format!("EVTX chunk {number} is cut short: need 65,536 bytes, have {real}"),
            "ask for a fresh copy of the log",
        );
    }

    fn lost_chunk(&self, error: &dyn std::error::Error, parsed: &mut Parsed) {
        parsed.damaged(
            self.cx,
            "evtx-chunk-damaged",
            self.offset,
            None,
            format!("an EVTX chunk cannot be read: {}", chain(error)),
            "ask for a fresh copy of the log, or for the same period from a backup",
        );
    }

    /// A chunk whose magic alone is overwritten is read all the same. `None` if there is no record to read.
    fn mend_magic(&self, bytes: &mut [u8], parsed: &mut Parsed) -> Option<bool> {
        if bytes.starts_with(CHUNK_MAGIC) {
            return Some(false);
        }
        if bytes.get(CHUNK_HEADER_BYTES..CHUNK_HEADER_BYTES + 4) != Some(RECORD_MAGIC.as_slice()) {
            parsed.damaged(
                self.cx,
                "evtx-chunk-damaged",
                self.offset,
                None,
                "an EVTX chunk does not start with its magic and holds no record where the first should be"
                    .into(),
                "ask for a fresh copy of the log, or for the same period from a backup",
            );
            return None;
        }
        for (byte, right) in bytes.iter_mut().zip(CHUNK_MAGIC) {
            *byte = *right;
        }
        parsed.damaged(
            self.cx,
            "evtx-chunk-magic",
            self.offset,
            Some(0),
            "an EVTX chunk does not start with its magic; its records were read as if it did".into(),
            "compare with another copy of the log before relying on these records",
        );
        Some(true)
    }

    /// A checksum that does not fit costs nothing but tells that bytes changed after Windows wrote them.
    fn check_sums(&self, data: &EvtxChunkData, real: usize, mended: bool, parsed: &mut Parsed) {
        let dirty_end = data.header.free_space_offset as usize >= real;
        let header = mended || data.validate_header_checksum();
        if header && (dirty_end || data.validate_data_checksum()) {
            return;
        }
        let part = if header { "records" } else { "header" };
        parsed.issues.push(
            Issue::new(
                "evtx-checksum",
                self.cx.path,
                format!("the checksum of an EVTX chunk's {part} does not fit"),
                "no record is lost by this alone; the log was copied while being written, damaged, or changed",
                "compare with another copy of the log before relying on these records",
            )
            .of(self.cx.evidence)
            .at(self.offset),
        );
    }
}

/// What was in the way of a chunk's walk.
#[derive(Debug, Default)]
struct Faults {
    /// Offset in the chunk of the first, and what is wrong there.
    first: Option<(usize, String)>,
    /// Places.
    count: u64,
    /// Records that are there and cannot be read.
    unread: u64,
    /// Where the last record that was read ends.
    end: usize,
}

impl Faults {
    fn add(&mut self, at: usize, what: String, unread: u64) {
        self.first.get_or_insert((at, what));
        self.count += 1;
        self.unread += unread;
    }

    /// Notes what the walk met after the record that ends at `end`.
    fn note(&mut self, error: &EvtxError, raw: &[u8], end: usize) {
        match error {
            EvtxError::FailedToReadRecordAt { offset, .. } => {
                self.add(usize::try_from(*offset).unwrap_or(end), chain(error), 0);
            }
            EvtxError::FailedToParseRecord { record_id, .. } => {
                self.add(find_record(raw, *record_id).unwrap_or(end), chain(error), 1);
            }
            _ => self.add(end, chain(error), 0),
        }
    }
}

/// Offset of the record with this id in its header.
fn find_record(chunk: &[u8], id: u64) -> Option<usize> {
    memchr::memmem::find_iter(chunk, RECORD_MAGIC)
        .find(|at| chunk.get(at + 8..).and_then(|rest| rest.first_chunk()) == Some(&id.to_le_bytes()))
}

/// The record's bytes as stored, by the size in its header; `None` where they are not all there, or the copy of the size
/// at the record's end says otherwise.
pub fn record_bytes(chunk: &[u8], start: usize) -> Option<&[u8]> {
    stored_record(chunk, start).ok()
}

fn stored_record(chunk: &[u8], start: usize) -> Result<&[u8], &'static str> {
    const NO_HEADER: &str = "its header does not lie where it should";
    let rest = chunk.get(start..).ok_or(NO_HEADER)?;
    let (magic, after) = rest.split_first_chunk::<4>().ok_or(NO_HEADER)?;
    let size = after.first_chunk::<4>().filter(|_| magic == RECORD_MAGIC).ok_or(NO_HEADER)?;
    let record = usize::try_from(u32::from_le_bytes(*size)).ok().and_then(|length| rest.get(..length));
    let record = record.ok_or("it goes on beyond the end of its chunk")?;
    if record.ends_with(size) && record.len() >= RECORD_BYTES_MIN {
        Ok(record)
    } else {
        Err("the copy of its size at its end is another than the size in its header")
    }
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
