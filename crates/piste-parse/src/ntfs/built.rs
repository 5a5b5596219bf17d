//! Records of NTFS, built for tests.

use super::raw::Reference;

/// FILETIME of 2021-03-03T04:10:59.3260600Z.
pub(super) const TIME: u64 = 132_592_182_593_260_600;

/// A reference as stored.
pub(super) fn number(of: Reference) -> u64 {
    of.entry | u64::from(of.sequence) << 48
}

pub(super) fn to(entry: u64, sequence: u16) -> Reference {
    Reference { entry, sequence }
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// `$FILE_NAME` content with all its times alike.
pub(super) fn file_name(parent: Reference, name: &str, kind: u8, time: u64) -> Vec<u8> {
    let mut bytes = number(parent).to_le_bytes().to_vec();
    for value in [time, time, time, time, 4_096, 77] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0x20, 0, 0, 0, 0, 0, 0, 0]);
    let units = wide(name);
    bytes.extend([u8::try_from(units.len() / 2).expect("short"), kind]);
    bytes.extend(units);
    bytes
}

/// `$STANDARD_INFORMATION` content.
pub(super) fn standard(times: [u64; 4]) -> Vec<u8> {
    let mut bytes: Vec<u8> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
    bytes.extend(0x2020_u32.to_le_bytes());
    bytes.extend([0; 16]);
    bytes.extend(1_936_u32.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(1_808_725_272_u64.to_le_bytes());
    bytes
}

/// A resident attribute.
pub(super) fn resident(kind: u32, name: &str, content: &[u8]) -> Vec<u8> {
    let name_bytes = wide(name);
    let content_at = (24 + name_bytes.len()).next_multiple_of(8);
    let length = (content_at + content.len()).next_multiple_of(8);
    let mut bytes = vec![0; length];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes[4..8].copy_from_slice(&u32::try_from(length).expect("short").to_le_bytes());
    bytes[9] = u8::try_from(name_bytes.len() / 2).expect("short");
    bytes[10] = 24;
    bytes[16..20].copy_from_slice(&u32::try_from(content.len()).expect("short").to_le_bytes());
    bytes[20..22].copy_from_slice(&u16::try_from(content_at).expect("short").to_le_bytes());
    bytes[24..24 + name_bytes.len()].copy_from_slice(&name_bytes);
    bytes[content_at..content_at + content.len()].copy_from_slice(content);
    bytes
}

/// A `$DATA` of so many bytes that lie elsewhere.
pub(super) fn outside(name: &str, size: u64) -> Vec<u8> {
    let name_bytes = wide(name);
    let length = (72 + name_bytes.len()).next_multiple_of(8);
    let mut bytes = vec![0; length];
    bytes[0] = 0x80;
    bytes[4..8].copy_from_slice(&u32::try_from(length).expect("short").to_le_bytes());
    bytes[8] = 1;
    bytes[9] = u8::try_from(name_bytes.len() / 2).expect("short");
    bytes[10] = 64;
    for at in [40, 48, 56] {
        bytes[at..at + 8].copy_from_slice(&size.to_le_bytes());
    }
    bytes[64..64 + name_bytes.len()].copy_from_slice(&name_bytes);
    bytes
}

/// What a record's header says.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) number: u32,
    pub(super) sequence: u16,
    pub(super) flags: u16,
    pub(super) base: Reference,
}

impl Said {
    /// A file in use.
    pub(super) fn file(number: u32, sequence: u16) -> Self {
        Self { number, sequence, flags: 1, base: Reference::default() }
    }

    pub(super) fn folder(number: u32, sequence: u16) -> Self {
        Self { flags: 3, ..Self::file(number, sequence) }
    }

    pub(super) fn freed(self) -> Self {
        Self { flags: self.flags & !1, ..self }
    }
}

/// A `FILE` record of `size` bytes, with its fixups.
pub(super) fn record(size: usize, said: Said, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let first = (48 + 2 * (size / 512 + 1)).next_multiple_of(8);
    bytes[..4].copy_from_slice(b"FILE");
    bytes[8..16].copy_from_slice(&609_575_211_u64.to_le_bytes());
    bytes[16..18].copy_from_slice(&said.sequence.to_le_bytes());
    bytes[18] = 1;
    bytes[20..22].copy_from_slice(&u16::try_from(first).expect("short").to_le_bytes());
    bytes[22..24].copy_from_slice(&said.flags.to_le_bytes());
    bytes[28..32].copy_from_slice(&u32::try_from(size).expect("short").to_le_bytes());
    bytes[32..40].copy_from_slice(&number(said.base).to_le_bytes());
    bytes[44..48].copy_from_slice(&said.number.to_le_bytes());
    let mut body = attributes.concat();
    body.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    bytes[24..28].copy_from_slice(&u32::try_from(first + body.len()).expect("short").to_le_bytes());
    bytes[first..first + body.len()].copy_from_slice(&body);
    fix(&mut bytes, 48);
    bytes
}

/// Keeps the end of each sector aside, as writing to disk does.
pub(super) fn fix(block: &mut [u8], array_at: usize) {
    let sectors = block.len() / 512;
    block[4..6].copy_from_slice(&u16::try_from(array_at).expect("short").to_le_bytes());
    block[6..8].copy_from_slice(&u16::try_from(sectors + 1).expect("short").to_le_bytes());
    block[array_at] = 7;
    for sector in 1..=sectors {
        let kept = [block[sector * 512 - 2], block[sector * 512 - 1]];
        block[array_at + 2 * sector..array_at + 2 * sector + 2].copy_from_slice(&kept);
        block[sector * 512 - 2..sector * 512].copy_from_slice(&[7, 0]);
    }
}

/// A record of the change journal.
pub(super) fn change(version: u16, usn: u64, reason: u32, name: &str) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes[4..6].copy_from_slice(&version.to_le_bytes());
    for reference in [to(273_729, 50), to(265_340, 5)] {
        bytes.extend(number(reference).to_le_bytes());
        if version > 2 {
            bytes.extend([0; 8]);
        }
    }
    bytes.extend(usn.to_le_bytes());
    if version != 4 {
        bytes.extend(TIME.to_le_bytes());
    }
    bytes.extend(reason.to_le_bytes());
    bytes.extend([0; 4]);
    if version == 4 {
        bytes.extend([0, 0, 0, 0, 1, 0, 16, 0]);
        bytes.extend(8_192_u64.to_le_bytes());
        bytes.extend(512_u64.to_le_bytes());
    } else {
        bytes.extend([0; 4]);
        bytes.extend(0x2020_u32.to_le_bytes());
        let units = wide(name);
        bytes.extend(u16::try_from(units.len()).expect("short").to_le_bytes());
        bytes.extend(u16::try_from(bytes.len() + 2).expect("short").to_le_bytes());
        bytes.extend(units);
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let length = u32::try_from(bytes.len()).expect("short");
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// An entry of a folder's index.
pub(super) fn entry(file: Reference, content: &[u8]) -> Vec<u8> {
    let length = (16 + content.len()).next_multiple_of(8);
    let mut bytes = number(file).to_le_bytes().to_vec();
    bytes.extend(u16::try_from(length).expect("short").to_le_bytes());
    bytes.extend(u16::try_from(content.len()).expect("short").to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(content);
    bytes.resize(length, 0);
    bytes
}

/// An `INDX` block of 4,096 bytes: entries in force, and what lies behind them.
pub(super) fn index_block(live: &[Vec<u8>], slack: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 4_096];
    bytes[..4].copy_from_slice(b"INDX");
    let mut body = live.concat();
    body.extend([0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0]);
    bytes[24..28].copy_from_slice(&40_u32.to_le_bytes());
    bytes[28..32].copy_from_slice(&u32::try_from(40 + body.len()).expect("short").to_le_bytes());
    bytes[32..36].copy_from_slice(&4_072_u32.to_le_bytes());
    body.extend(slack);
    bytes[64..64 + body.len()].copy_from_slice(&body);
    fix(&mut bytes, 40);
    bytes
}
