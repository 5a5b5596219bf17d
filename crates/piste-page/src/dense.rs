//! A page without its filler.
//!
//! In: the text of a file. Out: the same text with long runs of one byte, or of white space, cut short, and the way back to the
//! place in the file. Megabytes of blanks before the code are a way to hide it from tools that read the beginning only.

use std::borrow::Cow;

/// Bytes from which a run is filler.
const RUN_BYTES: usize = 1_024;
/// Bytes that are left of it.
const LEFT_BYTES: usize = 16;
/// In texts longer than this, which are not read as one, long remarks are filler too.
const LONG_BYTES: usize = 6 << 20;
/// Texts shorter than this are read as they are.
const SHORT_BYTES: usize = 64 << 10;

/// A text and what was left out of it.
pub(super) struct Dense<'t> {
    pub(super) text: Cow<'t, [u8]>,
    whole: &'t [u8],
    /// Where in `text` something was left out, and how many bytes up to there; in order.
    gaps: Vec<(usize, usize)>,
}

impl<'t> Dense<'t> {
    pub(super) fn of(whole: &'t [u8]) -> Self {
        if whole.len() < SHORT_BYTES {
            return Self { text: Cow::Borrowed(whole), whole, gaps: Vec::new() };
        }
        let (mut text, mut gaps, mut kept, mut left_out) = (Vec::new(), Vec::new(), 0, 0);
        let long = whole.len() > LONG_BYTES;
        // Behind a remark that is not closed none is: each is looked for once.
        let (mut at, mut closed) = (0, true);
        while at < whole.len() {
            let rest = whole.get(at..).unwrap_or_default();
            let begins = long && closed && rest.starts_with(b"/*");
            let comment = if begins { remark(rest) } else { 0 };
            closed &= !begins || comment > 0;
            let end = at + comment.max(run(rest));
            if end - at >= RUN_BYTES {
                text.extend_from_slice(whole.get(kept..at + LEFT_BYTES).unwrap_or_default());
                left_out += end - at - LEFT_BYTES;
                gaps.push((text.len(), left_out));
                kept = end;
            }
            at = end;
        }
        if gaps.is_empty() {
            return Self { text: Cow::Borrowed(whole), whole, gaps };
        }
        text.extend_from_slice(whole.get(kept..).unwrap_or_default());
        Self { text: Cow::Owned(text), whole, gaps }
    }

    /// Bytes that were left out.
    pub(super) fn left_out(&self) -> usize {
        self.gaps.last().map_or(0, |(_, bytes)| *bytes)
    }

    /// Where in `text` the first gap is.
    pub(super) fn first_gap(&self) -> usize {
        self.gaps.first().map_or(0, |(at, _)| *at)
    }

    /// The place in the whole text of a place in `text`, and the lines before it.
    pub(super) fn place(&self, at: usize) -> (u64, u64) {
        let gaps = self.gaps.partition_point(|(gap, _)| *gap <= at);
        let before = gaps.checked_sub(1).and_then(|last| self.gaps.get(last)).map_or(0, |(_, bytes)| *bytes);
        let place = (at + before).min(self.whole.len());
        let lines = memchr::memchr_iter(b'\n', self.whole.get(..place).unwrap_or_default()).count();
        (place as u64, lines as u64)
    }
}

/// How many bytes, one at least, begin a text and are the same, or all white.
fn run(text: &[u8]) -> usize {
    let Some(first) = text.first() else { return 1 };
    let white = first.is_ascii_whitespace();
    let same = |byte: &&u8| *byte == first || (white && byte.is_ascii_whitespace());
    text.iter().take_while(same).count().max(1)
}

/// Bytes of a remark up to where it is closed; 0 where it is not.
fn remark(text: &[u8]) -> usize {
    text.get(2..).and_then(|rest| memchr::memmem::find(rest, b"*/")).map_or(0, |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_is_cut_and_places_lead_back() {
        let mut whole = b"<?php\n".to_vec();
        whole.extend(b" \r\n".repeat(40_000));
        whole.extend(b"/*");
        whole.resize(whole.len() + 50_000, b'A');
        whole.extend(b"*/ eval(1);");
        let dense = Dense::of(&whole);
        assert!(dense.text.len() < 200, "{}", dense.text.len());
        assert_eq!(dense.left_out() + dense.text.len(), whole.len());
        let at = memchr::memmem::find(&dense.text, b"eval").expect("kept");
        let (place, lines) = dense.place(at);
        assert_eq!(memchr::memmem::find(&whole, b"eval"), usize::try_from(place).ok());
        assert_eq!(lines, 40_001);
    }

    #[test]
    fn an_ordinary_text_is_as_it_was() {
        let whole = b"let x = 1;\n".repeat(10_000);
        assert_eq!(Dense::of(&whole).text.as_ref(), whole);
        assert_eq!(Dense::of(&whole).place(11), (11, 1));
    }
}
