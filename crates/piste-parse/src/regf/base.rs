//! The base block of a hive or of its transaction log: what it says of the file as a whole.
//!
//! In: the first 512 bytes. Out: sequence numbers, root cell, name, and whether the checksum holds. Source of the facts:
//! Maxim Suhanov, "Windows registry file format specification".

use super::le::{bytes_at, push_utf16, u32_at, u64_at};

/// Bytes before the hive bins.
pub(super) const BASE_BYTES: usize = 4096;
/// Bytes that the checksum covers.
const SUMMED_BYTES: usize = 508;

/// A base block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    /// Raised when a write begins.
    pub(super) primary: u32,
    /// Raised when it has ended: a hive is dirty where the two differ.
    pub(super) secondary: u32,
    /// FILETIME of the last write; zero since Windows 10.
    pub(super) written: u64,
    pub(super) minor: u32,
    /// 0 of a hive, 1 and 2 of an old log, 6 of a new one.
    pub(super) file_type: u32,
    pub(super) root: u32,
    pub(super) bins_bytes: u32,
    /// Bytes of a sector divided by 512.
    pub(super) cluster: u32,
    pub(super) name: [u8; 64],
    /// Resource manager's GUID, the same in a hive and its logs.
    pub(super) manager: [u8; 16],
    pub(super) sum_holds: bool,
}

impl Base {
    /// `None` without the signature.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        if !head.starts_with(b"regf") {
            return None;
        }
        let number = |at| u32_at(head, at).unwrap_or_default();
        Some(Self {
            primary: number(4),
            secondary: number(8),
            written: u64_at(head, 12).unwrap_or_default(),
            minor: number(24),
            file_type: number(28),
            root: number(36),
            bins_bytes: number(40),
            cluster: number(44),
            name: bytes_at(head, 48).unwrap_or([0; 64]),
            manager: bytes_at(head, 112).unwrap_or_default(),
            sum_holds: checksum(head).is_some_and(|sum| u32_at(head, SUMMED_BYTES) == Some(sum)),
        })
    }

    /// Whether a write was cut off: the transaction logs then hold what lacks.
    pub(super) fn is_dirty(&self) -> bool {
        !self.sum_holds || self.primary != self.secondary
    }

    /// The end of the path under which the hive was last loaded.
    pub(super) fn loaded_as(&self) -> String {
        let end = self.name.chunks_exact(2).position(|pair| pair == [0, 0]).map_or(64, |units| units * 2);
        let mut text = String::new();
        push_utf16(self.name.get(..end).unwrap_or_default(), &mut text);
        text
    }
}

/// XOR of the first 127 words; 0 and all ones are replaced, as Windows does.
fn checksum(head: &[u8]) -> Option<u32> {
    let words = head.get(..SUMMED_BYTES)?.as_chunks::<4>().0;
    let sum = words.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    Some(match sum {
        u32::MAX => u32::MAX - 1,
        0 => 1,
        sum => sum,
    })
}
