//! One chunk of 64 KiB while it is being filled.
//!
//! In: records. Out: the chunk's bytes with both checksums. A record that does not fit leaves the chunk as it was.

use super::template::{self, Names};
use super::value::{Value, utf16};
use super::{EvtxError, Head, Kind};

/// Bytes of a chunk.
pub(super) const BYTES: usize = 65_536;
/// Bytes of its header with the tables of names and templates.
const HEADER_BYTES: usize = 512;
/// Where the checksum of the header lies; itself and the flags before it are not summed.
const HEADER_SUM: std::ops::Range<usize> = 120..128;
/// Windows starts records at multiples of this.
const ALIGNMENT: usize = 8;

/// Templates by the lowest bits of their identifier, as the header's table has them.
const TEMPLATE_BUCKETS: usize = 32;

/// A template that the chunk holds.
#[derive(Debug)]
struct Held {
    key: Key<String>,
    guid: u128,
    offset: u32,
}

/// What a template is for: `System` of a provider on a computer, or `EventData` of an event and its version.
#[derive(Debug)]
struct Key<T> {
    provider: &'static str,
    computer: T,
    event: Option<(u16, u8)>,
}

impl Key<String> {
    fn is(&self, other: &Key<&str>) -> bool {
        self.event == other.event && self.provider == other.provider && self.computer == other.computer
    }
}

/// The header's tables and what they point to.
#[derive(Debug, Default)]
struct Tables {
    names: Names,
    templates: Vec<Held>,
}

/// A chunk being filled.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    tables: Tables,
    first: u64,
    count: u64,
    last_at: usize,
}

impl Chunk {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::with_capacity(2 * BYTES);
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, tables: Tables::default(), first: 0, count: 0, last_at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.tables.names.truncate(0);
        self.tables.templates.clear();
        (self.first, self.count, self.last_at) = (0, 0, 0);
    }

    /// Adds a record with this number.
    pub(super) fn push<'v>(
        &mut self,
        kind: &Kind,
        head: &Head<'_>,
        number: u64,
        values: impl Iterator<Item = Value<'v>>,
    ) -> Result<(), EvtxError> {
        let start = self.bytes.len();
        let (names, templates) = (self.tables.names.len(), self.tables.templates.len());
        let outcome = self.record(kind, head, number, values);
        let length = self.bytes.len() - start;
        let outcome = match outcome {
            Ok(()) if self.bytes.len() > BYTES => Err(EvtxError::TooLarge(length)),
            other => other,
        };
        if outcome.is_err() {
            self.bytes.truncate(start);
            self.tables.names.truncate(names);
            self.tables.templates.truncate(templates);
            return outcome;
        }
        if self.count == 0 {
            self.first = number;
        }
        self.count += 1;
        self.last_at = start;
        Ok(())
    }

    fn record<'v>(
        &mut self,
        kind: &Kind,
        head: &Head<'_>,
        number: u64,
        values: impl Iterator<Item = Value<'v>>,
    ) -> Result<(), EvtxError> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"**\0\0");
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.extend_from_slice(&head.time.0.to_le_bytes());
        let key = Key { provider: kind.source.name, computer: head.computer, event: None };
        self.instance(&key, |bytes, names| template::system(bytes, names, head.computer));
        let system = template::system_values(kind, head, number);
        let mut table = Descriptors::begin(&mut self.bytes, system.len() + 1);
        for value in &system {
            table.value(&mut self.bytes, value)?;
        }
        if kind.fields.is_empty() {
            table.add(&mut self.bytes, 0, 0)?;
        } else {
            let nested = self.bytes.len();
            self.event_data(kind, values)?;
            let length = self.bytes.len() - nested;
            table.add(&mut self.bytes, length, template::BINXML)?;
        }
        self.bytes.push(0); // end of the fragment
        let unpadded = self.bytes.len() - start + 4;
        let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
        self.bytes.resize(self.bytes.len() + padding, 0);
        let size = u32::try_from(self.bytes.len() - start + 4).unwrap_or(u32::MAX).to_le_bytes();
        self.bytes.extend_from_slice(&size);
        put(&mut self.bytes, start + 4, &size);
        Ok(())
    }

    /// The nested fragment with the event's own values.
    fn event_data<'v>(
        &mut self,
        kind: &Kind,
        values: impl Iterator<Item = Value<'v>>,
    ) -> Result<(), EvtxError> {
        let key = Key { provider: kind.source.name, computer: "", event: Some((kind.id, kind.version)) };
        self.instance(&key, |bytes, names| template::event_data(bytes, names, kind));
        let mut table = Descriptors::begin(&mut self.bytes, kind.fields.len());
        let mut given = 0;
        for value in values {
            given += 1;
            if given <= kind.fields.len() {
                table.value(&mut self.bytes, &value)?;
            }
        }
        if given != kind.fields.len() {
            return Err(EvtxError::Fields { values: given, fields: kind.fields.len() });
        }
        self.bytes.push(0); // end of the fragment
        Ok(())
    }

    /// A fragment's header and the start of a template's instance, with the definition where the chunk has it not yet.
    fn instance(&mut self, key: &Key<&str>, define: impl FnOnce(&mut Vec<u8>, &mut Names)) {
        self.bytes.extend_from_slice(&template::FRAGMENT);
        self.bytes.extend_from_slice(&[template::INSTANCE, 1]);
        if let Some(held) = self.tables.templates.iter().find(|held| held.key.is(key)) {
            self.bytes.extend_from_slice(&template::id(held.guid).to_le_bytes());
            self.bytes.extend_from_slice(&held.offset.to_le_bytes());
            return;
        }
        let guid = template::guid(key.provider, key.computer, key.event);
        let id = template::id(guid);
        self.bytes.extend_from_slice(&id.to_le_bytes());
        let offset = here(&self.bytes) + 4;
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        let bucket = id as usize % TEMPLATE_BUCKETS;
        let mut before = self.tables.templates.iter().rev();
        let next = before.find(|held| template::id(held.guid) as usize % TEMPLATE_BUCKETS == bucket);
        self.bytes.extend_from_slice(&next.map_or(0, |held| held.offset).to_le_bytes());
        self.bytes.extend_from_slice(&template::guid_bytes(guid));
        let size_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        define(&mut self.bytes, &mut self.tables.names);
        let size = here(&self.bytes).saturating_sub(u32::try_from(size_at + 4).unwrap_or(u32::MAX));
        put(&mut self.bytes, size_at, &size.to_le_bytes());
        let key = Key { provider: key.provider, computer: key.computer.to_owned(), event: key.event };
        self.tables.templates.push(Held { key, guid, offset });
    }

    /// Fills in the header and gives the whole chunk.
    pub(super) fn close(&mut self) -> &[u8] {
        let free = here(&self.bytes);
        let sum = crc32fast::hash(self.bytes.get(HEADER_BYTES..).unwrap_or_default());
        // A chunk without records names none: the last is before the first.
        let (first, last) =
            if self.count == 0 { (1, u64::MAX) } else { (self.first, self.first + self.count - 1) };
        let mut header = b"ElfChnk\0".to_vec();
        for number in [first, last, first, last] {
            header.extend(number.to_le_bytes());
        }
        header.extend(128_u32.to_le_bytes());
        header.extend(u32::try_from(self.last_at).unwrap_or(0).to_le_bytes());
        header.extend(free.to_le_bytes());
        header.extend(sum.to_le_bytes());
        header.resize(HEADER_SUM.end, 0);
        for offset in self.tables.names.buckets() {
            header.extend(offset.to_le_bytes());
        }
        let mut buckets = [0_u32; TEMPLATE_BUCKETS];
        for held in &self.tables.templates {
            if let Some(bucket) = buckets.get_mut(template::id(held.guid) as usize % TEMPLATE_BUCKETS) {
                *bucket = held.offset;
            }
        }
        header.extend(buckets.iter().flat_map(|offset| offset.to_le_bytes()));
        let mut hash = crc32fast::Hasher::new();
        hash.update(header.get(..HEADER_SUM.start).unwrap_or_default());
        hash.update(header.get(HEADER_SUM.end..).unwrap_or_default());
        put(&mut header, HEADER_SUM.start + 4, &hash.finalize().to_le_bytes());
        put(&mut self.bytes, 0, &header);
        self.bytes.resize(BYTES, 0);
        &self.bytes
    }
}

/// The table of types and sizes before a template instance's values, filled while the values are written.
struct Descriptors {
    next: usize,
}

impl Descriptors {
    fn begin(bytes: &mut Vec<u8>, count: usize) -> Self {
        bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        let next = bytes.len();
        bytes.resize(next + 4 * count, 0);
        Self { next }
    }

    fn value(&mut self, bytes: &mut Vec<u8>, value: &Value<'_>) -> Result<(), EvtxError> {
        let start = bytes.len();
        value.write(bytes);
        let length = bytes.len() - start;
        self.add(bytes, length, value.code())
    }

    fn add(&mut self, bytes: &mut [u8], length: usize, code: u8) -> Result<(), EvtxError> {
        let [low, high] = u16::try_from(length).map_err(|_| EvtxError::TooLarge(length))?.to_le_bytes();
        put(bytes, self.next, &[low, high, code, 0]);
        self.next += 4;
        Ok(())
    }
}

/// The offset at which the next byte will lie.
pub(super) fn here(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Writes over bytes that are there.
pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + new.len()) {
        place.copy_from_slice(new);
    }
}

/// Appends a text with its length in UTF-16 units before it.
pub(super) fn counted(text: &str, bytes: &mut Vec<u8>) {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; 2]);
    utf16(text, bytes);
    let units = u16::try_from((bytes.len() - at - 2) / 2).unwrap_or(u16::MAX);
    put(bytes, at, &units.to_le_bytes());
}
