//! One row for a record that lies in several logs.
//!
//! In: rows that carry a record id. Out: which of them are copies of an earlier row: computer, channel, record id, time and
//! payload agree (the rendered text, which forwarding adds, does not count). Lines without a record id are never merged.
//! Only logs that may overlap are looked at, so that memory grows with the overlap and not with the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use hashbrown::HashMap;
use piste_model::EvidenceId;
use piste_model::guard::guarded;
use piste_model::schema::{self, Role};
use piste_model::sources::Sources;
use piste_parse::block::{EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES, Encoding};
use piste_parse::sniff::HEAD_BYTES;
use piste_parse::{Batch, Block, Context, Format, Parsed, Splitter, Treatment, parse_block};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::scan::{nanos_at, text_at};
use crate::seal::Item;

/// Column of the record id that Windows gave.
const RECORD_ID: &str = "EventRecordID";

/// What tells a record from every other: the first 16 bytes of a SHA-256.
pub type Identity = u128;

/// Bytes at the start of an EVTX file that tell which log it is.
pub(crate) const FIRST_CHUNK_BYTES: usize = EVTX_HEADER_BYTES + EVTX_CHUNK_BYTES;

/// The log that a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Computer and channel of its first chunk, in lower case.
    pub name: (String, String),
    /// Record ids, from the chunks' headers.
    pub ids: (u64, u64),
}

/// Reads which log an EVTX file holds from its first chunk; `None` where that holds several, as forwarded logs do.
pub(crate) fn log_of(head: &[u8], ids: Option<(u64, u64)>) -> Option<Log> {
    let bytes = head.get(EVTX_HEADER_BYTES..FIRST_CHUNK_BYTES)?.to_vec();
    let block = Block {
        offset: EVTX_HEADER_BYTES as u64,
        first_line: 0,
        bytes,
        encoding: Encoding::Utf8,
        header: None,
        too_long: None,
    };
    let parsed = parse_head(Format::Evtx, &block)?;
    let mut names = parsed.batches.iter().flat_map(|batch| {
        let hosts = batch.rows.column_by_name(schema::HOST);
        let hosts =
            hosts.map(|hosts| (0..hosts.len()).filter_map(|row| text_at(hosts, row)).collect::<Vec<_>>());
        let channel = batch.shape.channel.to_lowercase();
        hosts
            .unwrap_or_default()
            .into_iter()
            .map(move |host| (host.to_lowercase(), channel.clone()))
            .collect::<Vec<_>>()
    });
    let first = names.next()?;
    names.all(|name| name == first).then_some(Log { name: first, ids: ids? })
}

/// Whether a file of this format begins with an event; true where its head is too short to tell.
pub(crate) fn holds_events(format: Format, mut head: &[u8]) -> bool {
    let whole_line = head.contains(&b'\n') || head.len() < HEAD_BYTES;
    let block = Splitter::new(format).next_block(&mut head).ok().flatten();
    let parsed = block.and_then(|block| parse_head(format, &block));
    !whole_line || parsed.is_none_or(|parsed| parsed.records > 0)
}

fn parse_head(format: Format, block: &Block) -> Option<Parsed> {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(0), path: "", sources: &sources, host_hint: None };
    guarded(|| parse_block(format, block, &cx)).ok()
}

/// For each item, whether records of it may lie in another item too.
pub fn suspects(items: &[Item]) -> Vec<bool> {
    let parsed = |item: &&Item| item.same_as.is_none() && matches!(item.format.treatment(), Treatment::Rows);
    let mixed = items.iter().filter(parsed).any(|item| item.log.is_none() && has_record_ids(item.format));
    let several = items.iter().filter(parsed).nth(1).is_some();
    let mut logs: BTreeMap<&(String, String), Vec<Span>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate().filter(|(_, item)| parsed(item)) {
        if let Some(Log { name, ids: (a, b) }) = &item.log {
            logs.entry(name).or_default().push(((*a).min(*b), (*a).max(*b), at));
        }
    }
    let overlapping: BTreeSet<usize> = logs.into_values().flat_map(overlapping).collect();
    items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            parsed(&item)
                && has_record_ids(item.format)
                && if item.log.is_none() { several } else { mixed || overlapping.contains(&at) }
        })
        .collect()
}

/// First record id, last, and the index of the item.
type Span = (u64, u64, usize);

/// The logs that share an id with another.
fn overlapping(mut logs: Vec<Span>) -> Vec<usize> {
    logs.sort_unstable();
    let mut shared = Vec::new();
    let mut last_before = None;
    let next_firsts = logs.iter().skip(1).map(|(first, ..)| Some(*first)).chain([None]);
    for ((first, last, at), next_first) in logs.iter().zip(next_firsts) {
        if last_before.is_some_and(|before| before >= *first) || next_first.is_some_and(|next| next <= *last)
        {
            shared.push(*at);
        }
        last_before = last_before.max(Some(*last));
    }
    shared
}

fn has_record_ids(format: Format) -> bool {
    matches!(
        format,
        Format::Evtx
            | Format::JsonLines
            | Format::JsonArray
            | Format::JsonObjects
            | Format::JsonWrapped
            | Format::EventXml
            | Format::EventCsv
    )
}

/// The identity of each row; `None` for rows without a record id or a computer.
pub fn identities(batch: &Batch) -> Vec<Option<Identity>> {
    let rows = &batch.rows;
    let Some(ids) = rows.column_by_name(RECORD_ID) else { return vec![None; rows.num_rows()] };
    let fields = rows.schema_ref().fields();
    let payload: Vec<(&str, &Arc<dyn Array>)> = fields
        .iter()
        .zip(rows.columns())
        .skip(schema::COMMON.len())
        .filter(|(field, _)| {
            Role::parse(field.metadata().get(schema::ROLE_KEY).map(AsRef::as_ref)) == Role::Data
        })
        .map(|(field, column)| (field.name().as_str(), column))
        .collect();
    (0..rows.num_rows())
        .map(|row| {
            let id = text_at(ids, row).filter(|id| !id.is_empty())?;
            let host = rows.column_by_name(schema::HOST).and_then(|column| text_at(column, row))?;
            let time = rows.column_by_name(schema::EVENT_TIME).and_then(|column| nanos_at(column, row))?;
            let mut hasher = Sha256::new();
            for part in [&host.to_lowercase(), &batch.shape.channel.to_lowercase(), id] {
                part_of(&mut hasher, part);
            }
            hasher.update(time.to_le_bytes());
            for (name, column) in &payload {
                add(&mut hasher, name, column.as_ref(), row);
            }
            let digest = hasher.finalize();
            digest.first_chunk::<16>().map(|bytes| Identity::from_le_bytes(*bytes))
        })
        .collect()
}

/// Each part with its length, so that no two lists of parts give the same bytes.
fn part_of(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn add(hasher: &mut Sha256, name: &str, column: &dyn Array, row: usize) {
    if column.is_null(row) {
        return;
    }
    part_of(hasher, name);
    match text_at(column, row) {
        Some(text) => part_of(hasher, text),
        None => part_of(hasher, &format!("{:?}", column.slice(row, 1))), // the list `Data` and the map `extra`
    }
}

/// Where the row that stands for a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// Evidence.
    pub evidence: EvidenceId,
    /// Byte offset there.
    pub offset: u64,
}

/// A row that was left out, and the one that stands for it: one line of the side table of places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Where the copy lies.
    pub evidence_id: EvidenceId,
    /// Its byte offset there.
    pub offset: u64,
    /// Its record id.
    pub record: i64,
    /// The row in the lake.
    pub of: Original,
}

/// Records seen so far in logs that may overlap.
#[derive(Debug, Default)]
pub struct Seen {
    first: HashMap<Identity, Original, foldhash::fast::RandomState>,
    /// Those of the unit at hand, to be written with it.
    fresh: Vec<(Identity, Original)>,
}

impl Seen {
    /// The row that stands for this record already; otherwise this one will.
    pub fn original(&mut self, identity: Identity, place: Original) -> Option<Original> {
        match self.first.entry(identity) {
            hashbrown::hash_map::Entry::Occupied(there) => Some(*there.get()),
            hashbrown::hash_map::Entry::Vacant(free) => {
                free.insert(place);
                self.fresh.push((identity, place));
                None
            }
        }
    }

    /// The identities of the unit at hand as bytes, 28 each; the next unit begins.
    pub fn take_unit(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.fresh.len() * Self::ENTRY_BYTES);
        for (identity, place) in self.fresh.drain(..) {
            bytes.extend(identity.to_le_bytes());
            bytes.extend(place.evidence.0.to_le_bytes());
            bytes.extend(place.offset.to_le_bytes());
        }
        bytes
    }

    /// Takes in the identities of a unit that was done before.
    pub fn load(&mut self, bytes: &[u8]) {
        for entry in bytes.chunks_exact(Self::ENTRY_BYTES) {
            if let Some((identity, rest)) = entry.split_first_chunk::<16>()
                && let Some((evidence, offset)) = rest.split_first_chunk::<4>()
                && let Some(offset) = offset.first_chunk::<8>()
            {
                let evidence = EvidenceId(u32::from_le_bytes(*evidence));
                let place = Original { evidence, offset: u64::from_le_bytes(*offset) };
                self.first.insert(Identity::from_le_bytes(*identity), place);
            }
        }
    }

    const ENTRY_BYTES: usize = 16 + 4 + 8;
}

/// The rows that `keep` marks.
///
/// # Errors
/// Where the lengths differ.
pub fn keep_rows(rows: &RecordBatch, keep: &[bool]) -> Result<RecordBatch, ArrowError> {
    arrow_select::filter::filter_record_batch(rows, &BooleanArray::from(keep.to_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn logs_that_share_an_id_are_found(
            logs in proptest::collection::vec((0_u64..40, 0_u64..8), 0..12)
        ) {
            let logs: Vec<Span> =
                logs.into_iter().enumerate().map(|(at, (first, more))| (first, first + more, at)).collect();
            let meets = |one: &&Span| {
                logs.iter().any(|other| other.2 != one.2 && one.0 <= other.1 && other.0 <= one.1)
            };
            let expected: Vec<usize> = logs.iter().filter(meets).map(|one| one.2).collect();
            let mut found = overlapping(logs.clone());
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
