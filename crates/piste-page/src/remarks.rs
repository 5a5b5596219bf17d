//! A page without its remarks: what stands in them counts nothing.
//!
//! In: a page's text and where the lexer met remarks. Out: a text as long, blanks in their place.

/// Bytes of a remark of the markup.
const MARKUP_BYTES_MAX: usize = 4_096;

/// The text without the remarks of its code.
pub(super) fn without(text: &[u8], remarks: &[(usize, usize)]) -> Vec<u8> {
    let mut out = text.to_vec();
    for (from, to) in remarks {
        let to = (*to).min(out.len());
        out.get_mut(*from..to).unwrap_or_default().fill(b' ');
    }
    out
}

/// The same without the remarks of its markup, `<!-- ... -->`; those that bring in a file are none.
pub(super) fn without_markup(text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    let mut at = 0;
    while let Some(open) = memchr::memmem::find(text.get(at..).unwrap_or_default(), b"<!--") {
        let from = at + open;
        let most = text.get(from..text.len().min(from + MARKUP_BYTES_MAX)).unwrap_or_default();
        let end = memchr::memmem::find(most, b"-->").filter(|_| !most.starts_with(b"<!--#"));
        if let Some(end) = end {
            out.get_mut(from..from + end).unwrap_or_default().fill(b' ');
        }
        at = from + end.unwrap_or(4).max(4);
    }
    out
}
