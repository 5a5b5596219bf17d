//! Text of a file whose encoding is not known: UTF-16 of either order becomes UTF-8, the rest stays as it is.
//!
//! In: the first bytes of a file. Out: its text, and the way back from a place in it to the byte of the file: what is told
//! leads to the sealed bytes. Windows' own editors write UTF-16 with its mark; tools of attack leave the mark out.

use std::borrow::Cow;

/// Text and where it came from.
#[derive(Debug)]
pub struct Text<'b> {
    /// UTF-8, or the bytes as they are.
    pub bytes: Cow<'b, [u8]>,
    /// Bytes of the mark before it.
    mark: usize,
    wide: bool,
}

impl Text<'_> {
    /// Bytes of the file that one sign of plain text takes.
    pub fn scale(&self) -> u64 {
        if self.wide { 2 } else { 1 }
    }

    /// Places in the file of places in the text, which must be asked for in their order.
    pub fn places(&self) -> Places<'_> {
        Places { text: &self.bytes, wide: self.wide, at: 0, file: self.mark as u64, line: 1 }
    }
}

/// How UTF-16 is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wide {
    /// The low byte stands first.
    pub little: bool,
    /// Bytes of the mark before the text.
    pub mark: usize,
}

/// Bytes that tell UTF-16 without a mark.
const TELLING_BYTES: usize = 512;

/// Whether a file that begins so is UTF-16: it says so by its mark, or every second byte is zero.
pub fn width(bytes: &[u8]) -> Option<Wide> {
    match bytes {
        [0xff, 0xfe, ..] => return Some(Wide { little: true, mark: 2 }),
        [0xfe, 0xff, ..] => return Some(Wide { little: false, mark: 2 }),
        _ => {}
    }
    let head = bytes.get(..bytes.len().min(TELLING_BYTES)).unwrap_or_default();
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let half = head.len() / 2;
    if half < 8 {
        return None;
    }
    let little = zeros(1) * 10 >= half * 9 && zeros(0) * 10 < half;
    let big = zeros(0) * 10 >= half * 9 && zeros(1) * 10 < half;
    (little || big).then_some(Wide { little, mark: 0 })
}

/// The text of a file that begins with `bytes`.
pub fn decoded(bytes: &[u8]) -> Text<'_> {
    if let Some(Wide { little, mark }) = width(bytes) {
        let encoding = if little { encoding_rs::UTF_16LE } else { encoding_rs::UTF_16BE };
        let text = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0;
        return Text { bytes: Cow::Owned(text.into_owned().into_bytes()), mark, wide: true };
    }
    let plain = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    Text { bytes: Cow::Borrowed(plain), mark: bytes.len() - plain.len(), wide: false }
}

/// Whether the first bytes of a file are text in UTF-16: hardly a sign that stands for nothing.
pub fn is_wide_text(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(TELLING_BYTES)).unwrap_or_default();
    width(head).is_some() && {
        let text = decoded(head);
        let strange = text.bytes.iter().filter(|byte| **byte < b' ' && !byte.is_ascii_whitespace()).count();
        strange * 50 <= text.bytes.len()
    }
}

/// Goes along a text and counts what it took in the file.
#[derive(Debug)]
pub struct Places<'t> {
    text: &'t [u8],
    wide: bool,
    at: usize,
    file: u64,
    line: u64,
}

impl Places<'_> {
    /// Byte offset in the file, and line from 1, of a place in the text; none lies before the last one asked for.
    pub fn of(&mut self, at: usize) -> (u64, u64) {
        let between = self.text.get(self.at..at.min(self.text.len())).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', between).count() as u64;
        self.file += if self.wide {
            // A sign of four bytes in UTF-8 is two units of UTF-16; bytes that go on with a sign count nothing.
            let units = |byte: &u8| match byte {
                0x80..=0xbf => 0,
                0xf0.. => 2,
                _ => 1,
            };
            2 * between.iter().map(units).sum::<u64>()
        } else {
            between.len() as u64
        };
        self.at += between.len();
        (self.file, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let marked = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        let units = marked.encode_utf16();
        if big {
            units.flat_map(u16::to_be_bytes).collect()
        } else {
            units.flat_map(u16::to_le_bytes).collect()
        }
    }

    #[test]
    fn places_lead_back_to_the_file() {
        let text = "<configuration>\n é \u{1f600} <add/>";
        for (big, mark) in [(false, true), (true, true), (false, false), (true, false)] {
            let file = wide(text, big, mark);
            let read = decoded(&file);
            assert_eq!(read.bytes.as_ref(), text.as_bytes(), "{big} {mark}");
            let mut places = read.places();
            let (at, line) = places.of(text.find("<add").expect("there"));
            assert_eq!(line, 2);
            let unit = &file[usize::try_from(at).expect("small")..][..2];
            assert_eq!(unit, if big { [0, b'<'] } else { [b'<', 0] }, "{big} {mark}");
        }
        let plain = decoded(b"\xef\xbb\xbfab\ncd");
        assert_eq!((plain.places().of(3), plain.scale()), ((6, 2), 1));
    }

    proptest::proptest! {
        #[test]
        fn the_end_of_the_text_is_the_end_of_the_file(text in "\\PC{0,60}", big in proptest::bool::ANY) {
            let file = wide(&text, big, true);
            let read = decoded(&file);
            proptest::prop_assert_eq!(read.places().of(read.bytes.len()).0, file.len() as u64);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600), at in 0_usize..700) {
            decoded(&bytes).places().of(at);
        }
    }
}
