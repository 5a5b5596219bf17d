//! Numbers, names, times and fixups as NTFS stores them.
//!
//! In: bytes of a record. Out: values, and their text as `MFTECmd` writes it (names of flags joined by a bar), times in RFC
//! 3339. Every place is asked for: a lying length answers `None`.

use std::fmt::Write as _;

use crate::artefact::{u16_at, u64_at};
use crate::evtx::binxml::value::filetime;

/// Bytes of a stride whose last two are kept aside in the update sequence array.
const STRIDE: usize = 512;

/// Which record of the table, and which use of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Reference {
    pub(crate) entry: u64,
    pub(crate) sequence: u16,
}

impl Reference {
    /// Number of the root folder's record.
    pub(crate) const ROOT: u64 = 5;

    /// 48 bits of the record's number and 16 of its sequence.
    pub(crate) fn of(number: u64) -> Self {
        Self { entry: number & 0xffff_ffff_ffff, sequence: u16::try_from(number >> 48).unwrap_or(0) }
    }

    pub(super) fn at(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Self::of(u64_at(bytes, at)?))
    }

    /// Whether a record with this sequence is the one that is meant; freeing a record counts its sequence up.
    pub(super) fn is_to(self, sequence: u16, in_use: bool) -> bool {
        self.sequence == sequence || (!in_use && next_sequence(self.sequence) == sequence)
    }
}

/// Zero is passed over.
fn next_sequence(sequence: u16) -> u16 {
    sequence.wrapping_add(1).max(1)
}

/// What a record's fixups said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fixups {
    /// All of it was written at once.
    Whole,
    /// Some sector is of another time.
    Torn,
    /// The array lies where none can be.
    Impossible,
}

/// Puts back the last two bytes of each sector of a `FILE` or `INDX` block.
pub(super) fn apply_fixups(block: &mut [u8]) -> Fixups {
    let (Some(at), Some(count)) = (u16_at(block, 4), u16_at(block, 6)) else { return Fixups::Impossible };
    let (at, count) = (usize::from(at), usize::from(count));
    let fits = at >= 40 && count >= 2 && (count - 1) * STRIDE <= block.len() && at + count * 2 <= STRIDE - 2;
    let Some(number) = u16_at(block, at).filter(|_| fits) else { return Fixups::Impossible };
    let mut state = Fixups::Whole;
    for sector in 1..count {
        let (end, kept) = (sector * STRIDE, at + sector * 2);
        if u16_at(block, end - 2) != Some(number) {
            state = Fixups::Torn; // its own bytes are left as they are
            continue;
        }
        let (low, high) = (block.get(kept).copied(), block.get(kept + 1).copied());
        if let (Some(low), Some(high), Some(to)) = (low, high, block.get_mut(end - 2..end)) {
            to.copy_from_slice(&[low, high]);
        }
    }
    state
}

/// Units that are turned into bytes in one go where all are ASCII.
const UNITS: usize = 16;

/// Appends UTF-16; half a pair becomes U+FFFD.
pub(super) fn push_wide(bytes: &[u8], out: &mut String) {
    let mut rest = bytes;
    let mut narrow = [0_u8; UNITS];
    while !rest.is_empty() {
        let (block, after) = rest.split_at(rest.len().min(2 * UNITS));
        let mut high = 0;
        for (to, pair) in narrow.iter_mut().zip(block.chunks_exact(2)) {
            let (&[low, above] | &[low, above, ..]) = pair else { continue };
            *to = low;
            high |= above | (low & 0x80);
        }
        let text = narrow
            .get(..block.len() / 2)
            .filter(|_| high == 0)
            .and_then(|ascii| std::str::from_utf8(ascii).ok());
        let Some(text) = text else { break };
        out.push_str(text);
        rest = after;
    }
    let units = rest.chunks_exact(2).map(|pair| u16_at(pair, 0).unwrap_or(0));
    out.extend(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

/// Bits and their names, in the order of the bits.
pub(crate) type Flags = &'static [(u32, &'static str)];

/// Appends the names of the bits that are set, as .NET joins them; what has no name stands as a number.
pub(crate) fn push_flags(bits: u32, names: Flags, out: &mut String) {
    let start = out.len();
    let mut rest = bits;
    for (bit, name) in names {
        if bits & bit == 0 {
            continue;
        }
        rest &= !bit;
        if out.len() > start {
            out.push('|');
        }
        out.push_str(name);
    }
    if rest != 0 {
        let bar = if out.len() > start { "|" } else { "" };
        let _ = write!(out, "{bar}0x{rest:x}");
    }
}

/// Attributes of a file.
pub(crate) const ATTRIBUTES: Flags = &[
    (0x1, "ReadOnly"),
    (0x2, "Hidden"),
    (0x4, "System"),
    (0x8, "VolumeLabel"),
    (0x10, "Directory"),
    (0x20, "Archive"),
    (0x40, "Device"),
    (0x80, "Normal"),
    (0x100, "Temporary"),
    (0x200, "SparseFile"),
    (0x400, "ReparsePoint"),
    (0x800, "Compressed"),
    (0x1000, "Offline"),
    (0x2000, "NotContentIndexed"),
    (0x4000, "Encrypted"),
    (0x8000, "IntegrityStream"),
    (0x1_0000, "Virtual"),
    (0x2_0000, "NoScrubData"),
    (0x4_0000, "HasEa"),
    (0x8_0000, "Pinned"),
    (0x10_0000, "Unpinned"),
    (0x40_0000, "RecallOnDataAccess"),
    (0x1000_0000, "IsDirectory"),
    (0x2000_0000, "IsIndexView"),
];

/// The namespaces of names.
pub(crate) fn name_type(kind: u8) -> &'static str {
    match kind {
        0 => "Posix",
        1 => "Windows",
        2 => "Dos",
        _ => "DosWindows",
    }
}

/// Appends a FILETIME; nothing for none.
pub(super) fn push_time(ticks: u64, out: &mut String) {
    if ticks != 0 {
        let _ = filetime(ticks, out);
    }
}

/// A file's extension with its dot, as .NET cuts it off.
pub(super) fn extension(name: &str) -> &str {
    let tail = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
    if tail.len() > 1 { tail } else { "" }
}

/// The bytes of a GUID in the order in which Windows writes them: its first three parts are numbers.
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// Appends a GUID as Windows writes it, without braces.
pub(super) fn push_guid(bytes: &[u8; 16], out: &mut String) {
    for (at, from) in GUID_ORDER.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{:02x}", bytes.get(from).copied().unwrap_or(0));
    }
}
