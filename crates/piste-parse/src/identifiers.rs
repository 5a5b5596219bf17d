//! Identifiers of Windows in bytes, as people write them.
//!
//! In: a security identifier or a GUID as structures hold it. Out: its text (MS-DTYP 2.4.2 and 2.3.4).

use std::fmt::Write as _;

/// `S-1-5-21-…`
pub(crate) fn sid(bytes: &[u8]) -> Option<String> {
    let authority = bytes.get(2..8)?.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-{}-{authority}", bytes.first()?);
    for part in 0..usize::from(*bytes.get(1)?) {
        let part = bytes.get(8 + part * 4..)?.first_chunk()?;
        let _ = write!(text, "-{}", u32::from_le_bytes(*part)); // writing to a String cannot fail
    }
    Some(text)
}

/// `6f3d0b2e-9a1c-4f6e-8d2b-0c1a2b3c4d5e`
pub(crate) fn guid(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.first_chunk::<16>()?;
    let number = u128::from_be_bytes(*bytes);
    let part = |shift: u32, bits: u32| u64::try_from(number >> shift & ((1 << bits) - 1)).unwrap_or_default();
    // The first three parts are numbers, low byte first.
    let first = u32::try_from(part(96, 32)).unwrap_or_default().swap_bytes();
    let second = u16::try_from(part(80, 16)).unwrap_or_default().swap_bytes();
    let third = u16::try_from(part(64, 16)).unwrap_or_default().swap_bytes();
    Some(format!("{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", part(48, 16), part(0, 48)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_written_as_people_write_them() {
        let bytes = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
        assert_eq!(sid(&bytes).as_deref(), Some("S-1-5-18"));
        assert_eq!(sid(&bytes[..11]), None);
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(guid(&bytes).as_deref(), Some("03020100-0504-0706-0809-0a0b0c0d0e0f"));
        assert_eq!(guid(&bytes[..15]), None);
    }
}
