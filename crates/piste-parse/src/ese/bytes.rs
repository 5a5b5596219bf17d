//! Numbers at a place in bytes that somebody else wrote.
//!
//! In: bytes and an offset. Out: the little-endian number there, or none where the bytes end before it; identifiers and
//! security identifiers as Windows writes them.

use std::fmt::Write;

/// Two bytes.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|head| u16::from_le_bytes(*head))
}

/// Four bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|head| u32::from_le_bytes(*head))
}

/// Eight bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|head| u64::from_le_bytes(*head))
}

/// A GUID as Windows writes it, without braces, in lower case.
pub(super) fn push_guid(bytes: &[u8], out: &mut String) -> Option<()> {
    let (first, second, third) = (u32_at(bytes, 0)?, u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let (_, tail) = bytes.get(..16)?.split_first_chunk::<8>()?;
    let (fourth, fifth) = tail.split_first_chunk::<2>()?;
    let _ = write!(out, "{first:08x}-{second:04x}-{third:04x}-{:04x}-", u16::from_be_bytes(*fourth));
    push_hex(fifth, out);
    Some(())
}

/// Lower-case hex.
pub(super) fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}"); // writing to a String cannot fail
    }
}

/// How a security identifier ends: the directory keeps the last number with its highest byte first, so that an index sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastNumber {
    /// As everywhere else.
    LittleEndian,
    /// As in the directory.
    BigEndian,
}

/// A security identifier, `S-1-5-21-…`; nothing where the bytes are none.
pub(super) fn push_sid(bytes: &[u8], last: LastNumber, out: &mut String) -> Option<()> {
    let (&[revision, count, authority @ ..], numbers) = bytes.split_first_chunk::<8>()?;
    if revision != 1 || count > 15 || numbers.len() < usize::from(count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let _ = write!(out, "S-{revision}-{authority}");
    for place in 0..usize::from(count) {
        let number = u32_at(numbers, place * 4)?;
        let turned = last == LastNumber::BigEndian && place + 1 == usize::from(count);
        let _ = write!(out, "-{}", if turned { number.swap_bytes() } else { number });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_and_sids_are_written_as_windows_does() {
        let mut out = String::new();
        let guid: Vec<u8> = (0..16).collect();
        assert_eq!(push_guid(&guid, &mut out), Some(()));
        assert_eq!(out, "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(push_guid(&guid[..15], &mut out), None);

        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0, 0, 1, 244];
        out.clear();
        push_sid(&sid, LastNumber::BigEndian, &mut out).unwrap();
        assert_eq!(out, "S-1-5-21-500");
        assert_eq!(push_sid(&sid[..15], LastNumber::BigEndian, &mut out), None);
    }
}
