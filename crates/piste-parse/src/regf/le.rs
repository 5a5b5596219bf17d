//! Little-endian numbers and texts out of foreign bytes.
//!
//! In: bytes and a place. Out: the number there, or nothing where the bytes end before it.

use piste_model::Instant;

pub(super) fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}

/// A place in memory: hives are held to 512 MB, so that all of theirs fit.
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The FILETIME there; none where it is zero or all ones, which stand for never.
pub(super) fn filetime_at(bytes: &[u8], at: usize) -> Option<Instant> {
    filetime(u64_at(bytes, at)?)
}

/// A FILETIME that says a moment.
pub(super) fn filetime(number: u64) -> Option<Instant> {
    if number == 0 || number >= i64::MAX.unsigned_abs() { None } else { Instant::from_filetime(number) }
}

/// Adds UTF-16 to a text; half pairs become U+FFFD, an odd byte at the end is left out.
pub(super) fn push_utf16(bytes: &[u8], to: &mut String) {
    let pairs = bytes.as_chunks::<2>().0;
    to.reserve(pairs.len());
    // Nearly all of it is ASCII.
    let mut plain = 0;
    for pair in pairs {
        let [low @ ..=0x7F, 0] = *pair else { break };
        to.push(char::from(low));
        plain += 1;
    }
    let units = pairs.get(plain..).unwrap_or_default().iter().map(|pair| u16::from_le_bytes(*pair));
    for letter in char::decode_utf16(units) {
        to.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}

/// Adds Latin-1, which is how a compressed name is stored.
pub(super) fn push_latin1(bytes: &[u8], to: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => to.push_str(text),
        _ => to.extend(bytes.iter().map(|byte| char::from(*byte))),
    }
}

/// UTF-16 up to its first NUL.
pub(super) fn utf16_text(bytes: &[u8]) -> String {
    let end = bytes.chunks_exact(2).position(|pair| pair == [0, 0]).map_or(bytes.len(), |units| units * 2);
    let mut text = String::new();
    push_utf16(bytes.get(..end).unwrap_or_default(), &mut text);
    text
}

/// Latin-1 up to its first NUL.
pub(super) fn latin1_text(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let mut text = String::new();
    push_latin1(bytes.get(..end).unwrap_or_default(), &mut text);
    text
}

/// A GUID as Windows writes it: `{01020304-0506-0708-090A-0B0C0D0E0F10}`.
pub(super) fn guid_at(bytes: &[u8], at: usize) -> Option<String> {
    use std::fmt::Write as _;
    let (first, second, third) = (u32_at(bytes, at)?, u16_at(bytes, at + 4)?, u16_at(bytes, at + 6)?);
    let mut text = format!("{{{first:08X}-{second:04X}-{third:04X}-");
    for (number, byte) in bytes_at::<8>(bytes, at + 8)?.iter().enumerate() {
        let _ = write!(text, "{}{byte:02X}", if number == 2 { "-" } else { "" });
    }
    text.push('}');
    Some(text)
}

/// A binary SID as text; none where the bytes are no SID.
pub(super) fn sid_at(bytes: &[u8], at: usize) -> Option<String> {
    use std::fmt::Write as _;
    let [revision, count, authority @ ..] = bytes_at::<8>(bytes, at)?;
    if revision != 1 || count > 15 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for number in 0..usize::from(count) {
        let _ = write!(text, "-{}", u32_at(bytes, at + 8 + number * 4)?);
    }
    Some(text)
}

/// Bytes of a SID of so many parts.
pub(super) fn sid_bytes(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at + 1).map(|count| 8 + usize::from(*count) * 4)
}
