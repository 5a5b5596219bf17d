//! What Defender writes of a file that it puts into quarantine.
//!
//! In: a file of `Quarantine\Entries`, whose three parts are each encrypted with one key that is the same everywhere and
//! published. Out: a row a resource: the threat, when, and where it lay. The quarantined content is another file
//! (`ResourceData`), which is not touched.

use piste_model::hash::{hex, record_hash};
use piste_model::schema::Role;
use piste_model::{Instant, guard};

use super::{guid, head, number, size, wide};
use crate::block::Block;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::{Context, Parsed};

/// Bytes of the first part.
const HEADER_BYTES: usize = 60;
/// What the first part begins with.
const MAGIC: [u8; 4] = [0xdb, 0xe8, 0xc5, 0x01];
/// Resources of one entry that are read.
const RESOURCES_MAX: usize = 65_536;

/// The key with which Defender hides its quarantine from itself: in every copy of mpengine.dll, and no secret.
const KEY: [u8; 256] = [
    0x1e, 0x87, 0x78, 0x1b, 0x8d, 0xba, 0xa8, 0x44, 0xce, 0x69, 0x70, 0x2c, 0x0c, 0x78, 0xb7, 0x86, 0xa3,
    0xf6, 0x23, 0xb7, 0x38, 0xf5, 0xed, 0xf9, 0xaf, 0x83, 0x53, 0x0f, 0xb3, 0xfc, 0x54, 0xfa, 0xa2, 0x1e,
    0xb9, 0xcf, 0x13, 0x31, 0xfd, 0x0f, 0x0d, 0xa9, 0x54, 0xf6, 0x87, 0xcb, 0x9e, 0x18, 0x27, 0x96, 0x97,
    0x90, 0x0e, 0x53, 0xfb, 0x31, 0x7c, 0x9c, 0xbc, 0xe4, 0x8e, 0x23, 0xd0, 0x53, 0x71, 0xec, 0xc1, 0x59,
    0x51, 0xb8, 0xf3, 0x64, 0x9d, 0x7c, 0xa3, 0x3e, 0xd6, 0x8d, 0xc9, 0x04, 0x7e, 0x82, 0xc9, 0xba, 0xad,
    0x97, 0x99, 0xd0, 0xd4, 0x58, 0xcb, 0x84, 0x7c, 0xa9, 0xff, 0xbe, 0x3c, 0x8a, 0x77, 0x52, 0x33, 0x55,
    0x7d, 0xde, 0x13, 0xa8, 0xb1, 0x40, 0x87, 0xcc, 0x1b, 0xc8, 0xf1, 0x0f, 0x6e, 0xcd, 0xd0, 0x83, 0xa9,
    0x59, 0xcf, 0xf8, 0x4a, 0x9d, 0x1d, 0x50, 0x75, 0x5e, 0x3e, 0x19, 0x18, 0x18, 0xaf, 0x23, 0xe2, 0x29,
    0x35, 0x58, 0x76, 0x6d, 0x2c, 0x07, 0xe2, 0x57, 0x12, 0xb2, 0xca, 0x0b, 0x53, 0x5e, 0xd8, 0xf6, 0xc5,
    0x6c, 0xe7, 0x3d, 0x24, 0xbd, 0xd0, 0x29, 0x17, 0x71, 0x86, 0x1a, 0x54, 0xb4, 0xc2, 0x85, 0xa9, 0xa3,
    0xdb, 0x7a, 0xca, 0x6d, 0x22, 0x4a, 0xea, 0xcd, 0x62, 0x1d, 0xb9, 0xf2, 0xa2, 0x2e, 0xd1, 0xe9, 0xe1,
    0x1d, 0x75, 0xbe, 0xd7, 0xdc, 0x0e, 0xcb, 0x0a, 0x8e, 0x68, 0xa2, 0xff, 0x12, 0x63, 0x40, 0x8d, 0xc8,
    0x08, 0xdf, 0xfd, 0x16, 0x4b, 0x11, 0x67, 0x74, 0xcd, 0x0b, 0x9b, 0x8d, 0x05, 0x41, 0x1e, 0xd6, 0x26,
    0x2e, 0x42, 0x9b, 0xa4, 0x95, 0x67, 0x6b, 0x83, 0x98, 0xdb, 0x2f, 0x35, 0xd3, 0xc1, 0xb9, 0xce, 0xd5,
    0x26, 0x36, 0xf2, 0x76, 0x5e, 0x1a, 0x95, 0xcb, 0x7c, 0xa4, 0xc3, 0xdd, 0xab, 0xdd, 0xbf, 0xf3, 0x82,
    0x53,
];

/// RC4: the same for hiding and showing.
pub(super) fn shown(bytes: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or_default());
    let at = |state: &[u8; 256], place: u8| state.get(usize::from(place)).copied().unwrap_or_default();
    let mut j = 0_u8;
    for (i, key) in (0..=255_u8).zip(KEY) {
        j = j.wrapping_add(at(&state, i)).wrapping_add(key);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let mut next = |byte: &u8| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(at(&state, i));
        state.swap(usize::from(i), usize::from(j));
        byte ^ at(&state, at(&state, i).wrapping_add(at(&state, j)))
    };
    bytes.iter().map(&mut next).collect()
}

/// The lengths of the two parts behind the header.
fn parts(head: &[u8]) -> Option<[usize; 2]> {
    let header = shown(head.get(..HEADER_BYTES)?);
    let empty = header.starts_with(&MAGIC) && header.get(8..40)?.iter().all(|byte| *byte == 0);
    let (first, second) = (size(&header, 40)?, size(&header, 44)?);
    let fits = (52..=1 << 20).contains(&first) && (4..=64 << 20).contains(&second);
    (empty && fits).then_some([first, second])
}

/// Whether a file is of the quarantine's entries.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    parts(head).is_some()
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    parsed.note_too_long(cx, block, "file");
    if block.bytes.is_empty() {
        return parsed;
    }
    let mut rows = Rows::new(cx.sources, cx.evidence);
    if let Some(lost) = read(block, cx, &mut rows, &mut parsed.records) {
        parsed.damaged(
            cx,
            "defender-quarantine",
            block.offset,
            Some(lost),
            "what Defender wrote of a file in quarantine cannot be read to its end".to_owned(),
            "collect the file again: C:\\ProgramData\\Microsoft\\Windows Defender\\Quarantine\\Entries",
        );
    }
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// What an entry says of the threat.
struct Threat {
    id: Option<String>,
    scan: Option<String>,
    number: u64,
    name: String,
    time: Option<(Instant, &'static str)>,
}

impl Threat {
    fn of(part: &[u8]) -> Option<Self> {
        let name = part.get(52..)?;
        let end = memchr::memchr(0, name).unwrap_or(name.len());
        let time = number(part, 32, 8).filter(|ticks| *ticks > 0).and_then(Instant::from_filetime);
        Some(Self {
            id: guid(part.get(..16)?),
            scan: guid(part.get(16..32)?),
            number: number(part, 40, 8)?,
            name: String::from_utf8_lossy(name.get(..end)?).into_owned(),
            time: time.map(|time| (time, "quarantined")),
        })
    }
}

/// Adds the rows; how many resources are lost, if any is.
fn read(block: &Block, cx: &Context<'_>, rows: &mut Rows<'_>, records: &mut u64) -> Option<u64> {
    let bytes = block.bytes.as_slice();
    let Some([first, second]) = parts(bytes) else { return Some(1) };
    let (after, end) = (HEADER_BYTES + first, HEADER_BYTES + first + second);
    let threat = bytes.get(HEADER_BYTES..after).and_then(|part| Threat::of(&shown(part)));
    let Some(threat) = threat else { return Some(1) };
    let part = shown(bytes.get(after..end.min(bytes.len())).unwrap_or_default());
    let count = size(&part, 0).unwrap_or_default();
    let hash = record_hash(bytes);
    let mut fields = Fields::default();
    let mut lost = 0;
    for number in 0..count.min(RESOURCES_MAX).min(part.len() / 4) {
        guard::check();
        fields.clear();
        fill_threat(&threat, &mut fields);
        let place = size(&part, 4 + number * 4);
        if place.and_then(|place| fill_resource(part.get(place..)?, place, &mut fields)).is_none() {
            lost += 1;
            continue;
        }
        rows.push(&head("defender.quarantine", threat.time, number + 1, block, hash, cx), &fields);
        *records += 1;
    }
    if *records == 0 {
        // The threat is known, though not where it lay.
        fields.clear();
        fill_threat(&threat, &mut fields);
        rows.push(&head("defender.quarantine", threat.time, 1, block, hash, cx), &fields);
        *records += 1;
        return Some(lost);
    }
    (lost > 0 || end > bytes.len()).then_some(lost)
}

fn fill_threat(threat: &Threat, fields: &mut Fields) {
    fields.push("ThreatName", &threat.name, Role::Data);
    fields.push("ThreatId", &threat.number.to_string(), Role::Data);
    for (name, id) in [("QuarantineId", &threat.id), ("ScanId", &threat.scan)] {
        if let Some(id) = id {
            fields.push(name, id, Role::Data);
        }
    }
}

/// Reads a resource: its path, its type, and fields that each begin at a multiple of four of the part.
fn fill_resource(bytes: &[u8], place: usize, fields: &mut Fields) -> Option<()> {
    let mut path = wide(bytes);
    let letters = bytes.chunks_exact(2).position(|pair| pair == [0, 0])?;
    let at = (letters + 1) * 2;
    let count = number(bytes, at, 2)?;
    let kind = bytes.get(at + 2..)?;
    let length = memchr::memchr(0, kind)?;
    let kind = String::from_utf8_lossy(kind.get(..length)?).into_owned();
    let mut next = place + at + 2 + length + 1;
    let mut times = Vec::new();
    for _ in 0..count {
        next = next.next_multiple_of(4);
        let at = next.checked_sub(place)?;
        let Some((length, code)) = number(bytes, at, 2).zip(number(bytes, at + 2, 2)) else { break };
        let length = usize::try_from(length).ok()?;
        let Some(data) = bytes.get(at + 4..at + 4 + length) else { break };
        let time = || number(data, 0, 8).and_then(Instant::from_filetime).map(|time| time.to_string());
        match code & 0x0fff {
            0x02 => times.push(("ResourceId", Some(hex(data).to_ascii_uppercase()))),
            0x0c => path = wide(data),
            0x0f => times.push(("CreationTime", time())),
            0x10 => times.push(("LastAccessTime", time())),
            0x11 => times.push(("LastWriteTime", time())),
            0x12 => times.push(("FileSize", number(data, 0, length.min(8)).map(|size| size.to_string()))),
            _ => {}
        }
        next += 4 + length;
    }
    fields.push("ResourceType", &kind, Role::Data);
    fields.push("Resource", &path, Role::Data);
    for (name, value) in times {
        if let Some(value) = value {
            fields.push(name, &value, Role::Data);
        }
    }
    if kind.contains("file") {
        fields.push("TargetFilename", path.strip_prefix("\\\\?\\").unwrap_or(&path), Role::Copy);
    }
    Some(())
}
