//! A value's data as text: for `Details` as Sysmon writes it, and for searching.
//!
//! In: a type and bytes. Out: `DWORD (0x00000001)`, `QWORD (0x00000000-0x00000001)`, the text, or the bytes in hex with
//! their number. Long data is cut, and its length named.

use std::fmt::Write as _;

use super::le::{push_utf16, u32_at, u64_at};

/// Bytes of text data that a row takes in.
pub(super) const TEXT_BYTES_MAX: usize = 8_192;
/// Bytes of binary data that a row shows in hex.
pub(super) const BINARY_BYTES_MAX: usize = 256;

pub(super) const SZ: u32 = 1;
pub(super) const EXPAND_SZ: u32 = 2;
pub(super) const BINARY: u32 = 3;
pub(super) const DWORD: u32 = 4;
pub(super) const DWORD_BIG_ENDIAN: u32 = 5;
pub(super) const LINK: u32 = 6;
pub(super) const MULTI_SZ: u32 = 7;
pub(super) const QWORD: u32 = 11;

/// What Sysmon writes for data that is neither number nor text.
pub(super) const BINARY_DATA: &str = "Binary Data";

/// Whether data of this type is text.
pub(super) fn is_text(kind: u32) -> bool {
    matches!(kind, SZ | EXPAND_SZ | LINK | MULTI_SZ)
}

/// Name of a type, where it has one.
pub(super) fn kind_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "REG_NONE",
        SZ => "REG_SZ",
        EXPAND_SZ => "REG_EXPAND_SZ",
        BINARY => "REG_BINARY",
        DWORD => "REG_DWORD",
        DWORD_BIG_ENDIAN => "REG_DWORD_BIG_ENDIAN",
        LINK => "REG_LINK",
        MULTI_SZ => "REG_MULTI_SZ",
        8 => "REG_RESOURCE_LIST",
        9 => "REG_FULL_RESOURCE_DESCRIPTOR",
        10 => "REG_RESOURCE_REQUIREMENTS_LIST",
        QWORD => "REG_QWORD",
        _ => return None,
    })
}

/// Adds the data as a row shows it; false where it is binary, of which nothing is added. `size` is what the value claims.
pub(super) fn push_details(kind: u32, data: &[u8], size: usize, to: &mut String) -> bool {
    match kind {
        DWORD | DWORD_BIG_ENDIAN if data.len() >= 4 => {
            let number = u32_at(data, 0).unwrap_or_default();
            let number = if kind == DWORD { number } else { number.swap_bytes() };
            let _ = write!(to, "DWORD (0x{number:08x})");
        }
        QWORD if data.len() >= 8 => {
            let number = u64_at(data, 0).unwrap_or_default();
            let _ = write!(to, "QWORD (0x{:08x}-0x{:08x})", number >> 32, number & 0xFFFF_FFFF);
        }
        SZ | EXPAND_SZ | LINK => {
            push_text(data, to);
            push_cut(data.len().min(TEXT_BYTES_MAX), size, to);
        }
        MULTI_SZ => {
            push_several(data, to);
            push_cut(data.len().min(TEXT_BYTES_MAX), size, to);
        }
        _ => return false,
    }
    true
}

/// The data as it is searched: as [`push_details`], binary in hex.
pub(super) fn push_searched(kind: u32, data: &[u8], size: usize, to: &mut String) {
    if push_details(kind, data, size, to) {
        return;
    }
    let shown = data.get(..BINARY_BYTES_MAX).unwrap_or(data);
    push_hex(shown, to);
    push_cut(shown.len(), size, to);
}

pub(super) fn push_hex(bytes: &[u8], to: &mut String) {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    to.reserve(bytes.len() * 2);
    for byte in bytes {
        to.push(digit(byte >> 4));
        to.push(digit(byte & 15));
    }
}

fn push_cut(shown: usize, size: usize, to: &mut String) {
    if size > shown {
        let _ = write!(to, "… ({size} bytes)");
    }
}

/// Text without the NULs at its end; one within, behind which something may be hidden, becomes a blank.
fn push_text(data: &[u8], to: &mut String) {
    let data = data.get(..TEXT_BYTES_MAX).unwrap_or(data);
    let mut end = data.len() & !1;
    while end >= 2 && data.get(end - 2..end) == Some(&[0, 0]) {
        end -= 2;
    }
    let start = to.len();
    push_utf16(data.get(..end).unwrap_or_default(), to);
    if to.get(start..).is_some_and(|text| text.contains('\0')) {
        let shown = to.split_off(start).replace('\0', " ");
        to.push_str(&shown);
    }
}

/// Several texts, each after a semicolon and a blank.
fn push_several(data: &[u8], to: &mut String) {
    let mut all = String::new();
    push_utf16(data.get(..TEXT_BYTES_MAX).unwrap_or(data), &mut all);
    let mut first = true;
    for text in all.split('\0').filter(|text| !text.is_empty()) {
        if !first {
            to.push_str("; ");
        }
        to.push_str(text);
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u32, data: &[u8], shown: &str) {
        let mut text = String::new();
        push_searched(kind, data, data.len(), &mut text);
        assert_eq!(text, shown);
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn data_is_written_as_sysmon_does() {
        check(DWORD, &[1, 0, 0, 0], "DWORD (0x00000001)");
        check(DWORD_BIG_ENDIAN, &[0, 0, 0, 1], "DWORD (0x00000001)");
        check(QWORD, &[1, 0, 0, 0, 2, 0, 0, 0], "QWORD (0x00000002-0x00000001)");
        check(SZ, &wide("C:\\a.exe\0\0"), "C:\\a.exe");
        check(SZ, &wide("a\0hidden\0"), "a hidden");
        check(MULTI_SZ, &wide("a\0b c\0\0"), "a; b c");
        check(BINARY, &[0, 0xAB], "00ab");
        check(DWORD, &[1, 0], "0100");
        check(SZ, &[0x41, 0, 0x42], "A");
    }

    #[test]
    fn what_is_cut_says_how_long_it_is() {
        let long = wide(&"x".repeat(5_000));
        let mut text = String::new();
        push_searched(SZ, &long, long.len(), &mut text);
        assert!(text.ends_with("x… (10000 bytes)") && text.len() < 4_200);
        text.clear();
        push_searched(BINARY, &[7; 300], 300, &mut text);
        assert!(text.ends_with("07… (300 bytes)") && text.len() < 600);
    }
}
