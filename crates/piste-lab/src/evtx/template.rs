//! The two templates of a record, and the names that they use.
//!
//! In: a kind of event and the computer's name. Out: definitions in `BinXml`. `System` has the elements, the order and the
//! numbering of values that Windows' own template has; what may be missing hangs on its value and goes with it.

use super::chunk::{counted, here, put};
use super::value::{Guid, Value, ValueType};
use super::{Head, Kind};

/// Version 1.1 of `BinXml`, without flags.
pub(super) const FRAGMENT: [u8; 4] = [0x0f, 1, 1, 0];
/// Token of a template's instance.
pub(super) const INSTANCE: u8 = 0x0c;
/// Type of a value that is a fragment itself.
pub(super) const BINXML: u8 = 0x21;

const OPEN: u8 = 0x01;
const CLOSE_START: u8 = 0x02;
const CLOSE_EMPTY: u8 = 0x03;
const CLOSE: u8 = 0x04;
const VALUE: u8 = 0x05;
const ATTRIBUTE: u8 = 0x06;
const SUBSTITUTION: u8 = 0x0d;
const OPTIONAL: u8 = 0x0e;
/// Says that attributes, or further attributes, follow.
const MORE: u8 = 0x40;
/// The element hangs on no value.
const NO_DEPENDENCY: u16 = 0xffff;

const NAME_BUCKETS: usize = 64;

/// A name's place in the chunk.
#[derive(Debug)]
struct Name {
    text: &'static str,
    hash: u16,
    offset: u32,
}

/// The names that a chunk holds.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<Name>);

impl Names {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// The latest name of each bucket; 0 where it is empty.
    pub(super) fn buckets(&self) -> [u32; NAME_BUCKETS] {
        let mut buckets = [0; NAME_BUCKETS];
        for name in &self.0 {
            if let Some(bucket) = buckets.get_mut(usize::from(name.hash) % NAME_BUCKETS) {
                *bucket = name.offset;
            }
        }
        buckets
    }

    /// Refers to a name, which follows at once where the chunk has it not yet.
    fn refer(&mut self, text: &'static str, bytes: &mut Vec<u8>) {
        if let Some(name) = self.0.iter().find(|name| name.text == text) {
            bytes.extend_from_slice(&name.offset.to_le_bytes());
            return;
        }
        let offset = here(bytes) + 4;
        let hash = hash(text);
        let bucket = usize::from(hash) % NAME_BUCKETS;
        let next = self.0.iter().rev().find(|name| usize::from(name.hash) % NAME_BUCKETS == bucket);
        let next = next.map_or(0, |name| name.offset);
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&next.to_le_bytes());
        bytes.extend_from_slice(&hash.to_le_bytes());
        counted(text, bytes);
        bytes.extend_from_slice(&[0; 2]);
        self.0.push(Name { text, hash, offset });
    }
}

/// The hash of a name: the lower half of a polynomial over its UTF-16 units.
fn hash(name: &str) -> u16 {
    let hash =
        name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(u32::from(unit)));
    u16::try_from(hash & 0xffff).unwrap_or(0)
}

/// A template's GUID: 128 bits over what it is for. Windows draws them by chance.
pub(super) fn guid(provider: &str, computer: &str, event: Option<(u16, u8)>) -> u128 {
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let event = event.map_or([0; 3], |(id, version)| {
        let [low, high] = id.to_le_bytes();
        [low, high, version]
    });
    let words = provider.bytes().chain([0xff]).chain(computer.bytes()).chain([0xff]).chain(event);
    words.fold(START, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// The GUID as it is stored.
pub(super) fn guid_bytes(guid: u128) -> [u8; 16] {
    Guid::of(guid).bytes()
}

/// A template's identifier: the first part of its GUID.
pub(super) fn id(guid: u128) -> u32 {
    Guid::of(guid).0
}

/// Writes a definition with its names.
struct Definition<'c> {
    bytes: &'c mut Vec<u8>,
    names: &'c mut Names,
}

/// What an attribute or element says.
#[derive(Clone, Copy)]
enum Content<'t> {
    Text(&'t str),
    Value(u16, ValueType),
    Optional(u16, u8),
}

impl Definition<'_> {
    fn content(&mut self, content: Content<'_>) {
        let (token, number, code) = match content {
            Content::Text(text) => {
                self.bytes.extend_from_slice(&[VALUE, ValueType::Text as u8]);
                return counted(text, self.bytes);
            }
            Content::Value(number, of) => (SUBSTITUTION, number, of as u8),
            Content::Optional(number, code) => (OPTIONAL, number, code),
        };
        self.bytes.push(token);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.push(code);
    }

    /// An element up to its content; `inside` writes the rest with the token that closes it.
    fn element(
        &mut self,
        name: &'static str,
        depends_on: u16,
        attributes: &[(&'static str, Content<'_>)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.bytes.push(if attributes.is_empty() { OPEN } else { OPEN | MORE });
        self.bytes.extend_from_slice(&depends_on.to_le_bytes());
        let size_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.names.refer(name, self.bytes);
        if !attributes.is_empty() {
            let list_at = self.bytes.len();
            self.bytes.extend_from_slice(&[0; 4]);
            for (at, (name, content)) in attributes.iter().enumerate() {
                self.bytes.push(if at + 1 < attributes.len() { ATTRIBUTE | MORE } else { ATTRIBUTE });
                self.names.refer(name, self.bytes);
                self.content(*content);
            }
            self.sized(list_at);
        }
        inside(self);
        self.sized(size_at);
    }

    /// Fills in the size of all after the four bytes at `at`.
    fn sized(&mut self, at: usize) {
        let size = u32::try_from(self.bytes.len() - at - 4).unwrap_or(u32::MAX);
        put(self.bytes, at, &size.to_le_bytes());
    }

    fn empty(&mut self, name: &'static str, attributes: &[(&'static str, Content<'_>)]) {
        self.element(name, NO_DEPENDENCY, attributes, |inside| inside.bytes.push(CLOSE_EMPTY));
    }

    fn leaf(
        &mut self,
        name: &'static str,
        depends_on: u16,
        attributes: &[(&'static str, Content<'_>)],
        content: Content<'_>,
    ) {
        self.element(name, depends_on, attributes, |inside| {
            inside.bytes.push(CLOSE_START);
            inside.content(content);
            inside.bytes.push(CLOSE);
        });
    }

    /// An element of `System` that goes if its value is missing.
    fn optional(&mut self, name: &'static str, number: u16, of: ValueType) {
        self.leaf(name, number, &[], Content::Optional(number, of as u8));
    }
}

/// Number of the nested `EventData`.
const EVENT_DATA: u16 = 17;

/// Defines the template with `System` for this computer.
pub(super) fn system(bytes: &mut Vec<u8>, names: &mut Names, computer: &str) {
    const SCHEMA: Content<'_> = Content::Text("http://schemas.microsoft.com/win/2004/08/events/event");
    bytes.extend_from_slice(&FRAGMENT);
    let mut event = Definition { bytes, names };
    event.element("Event", NO_DEPENDENCY, &[("xmlns", SCHEMA)], |event| {
        event.bytes.push(CLOSE_START);
        event.element("System", NO_DEPENDENCY, &[], |system| {
            system.bytes.push(CLOSE_START);
            header(system, computer);
            system.bytes.push(CLOSE);
        });
        event.content(Content::Optional(EVENT_DATA, BINXML));
        event.bytes.push(CLOSE);
    });
    event.bytes.push(0);
}

fn header(system: &mut Definition<'_>, computer: &str) {
    use ValueType::{Guid, Hex64, Sid, Text, Time, U8, U16, U32, U64};
    let given = |number, of: ValueType| Content::Optional(number, of as u8);
    system.empty("Provider", &[("Name", given(14, Text)), ("Guid", given(15, Guid))]);
    system.leaf("EventID", 3, &[("Qualifiers", given(4, U16))], given(3, U16));
    system.optional("Version", 11, U8);
    system.optional("Level", 0, U8);
    system.optional("Task", 2, U16);
    system.optional("Opcode", 1, U8);
    system.optional("Keywords", 5, Hex64);
    system.empty("TimeCreated", &[("SystemTime", given(6, Time))]);
    system.optional("EventRecordID", 10, U64);
    system.empty("Correlation", &[("ActivityID", given(7, Guid)), ("RelatedActivityID", given(13, Guid))]);
    system.empty("Execution", &[("ProcessID", given(8, U32)), ("ThreadID", given(9, U32))]);
    system.optional("Channel", 16, Text);
    system.leaf("Computer", NO_DEPENDENCY, &[], Content::Text(computer));
    system.empty("Security", &[("UserID", given(12, Sid))]);
}

/// The values of `System` by the template's numbers.
pub(super) fn system_values<'a>(kind: &Kind, head: &Head<'a>, number: u64) -> [Value<'a>; 17] {
    [
        Value::U8(kind.level),
        Value::U8(kind.opcode),
        Value::U16(kind.task),
        Value::U16(kind.id),
        Value::Null, // qualifiers of classic providers
        Value::Hex64(kind.keywords),
        Value::Time(head.time),
        Value::Null, // activity
        Value::U32(head.process_id),
        Value::U32(head.thread_id),
        Value::U64(number),
        Value::U8(kind.version),
        head.user.map_or(Value::Null, Value::Sid),
        Value::Null, // related activity
        Value::Text(kind.source.name),
        kind.source.guid.map_or(Value::Null, Value::Guid),
        Value::Text(kind.source.channel),
    ]
}

/// Defines the template with `EventData` of a kind of event.
pub(super) fn event_data(bytes: &mut Vec<u8>, names: &mut Names, kind: &Kind) {
    bytes.extend_from_slice(&FRAGMENT);
    let mut data = Definition { bytes, names };
    data.element("EventData", NO_DEPENDENCY, &[], |data| {
        data.bytes.push(CLOSE_START);
        for (number, (name, of)) in (0_u16..).zip(kind.fields) {
            let named = [("Name", Content::Text(name))];
            let attributes = if name.is_empty() { &[] } else { named.as_slice() }; // classic providers name none
            data.leaf("Data", NO_DEPENDENCY, attributes, Content::Value(number, *of));
        }
        data.bytes.push(CLOSE);
    });
    data.bytes.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Windows' own logs have them.
    #[test]
    fn names_have_the_hashes_of_windows() {
        let hashes = ["Event", "xmlns", "Provider", "Name", "EventData"].map(hash);
        assert_eq!(hashes, [0x0cba, 0x0fbc, 0x7bf1, 0x954b, 0x8244]);
    }
}
