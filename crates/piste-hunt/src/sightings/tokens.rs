//! Where words end.
//!
//! In: bytes of a text in lower case. Out: which of them belong to host names, which part words of paths and commands, and
//! percent-encoding undone.

/// Bytes of host names, addresses of version 4, hashes; letters outside of ASCII are part of names.
pub(super) fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || !byte.is_ascii()
}

/// Bytes between words: separators of paths and what a command line puts around a path.
pub(super) fn is_break(byte: u8) -> bool {
    byte <= b' '
        || matches!(
            byte,
            b'\\'
                | b'"'
                | b'\''
                | b'`'
                | b','
                | b';'
                | b'='
                | b'('
                | b')'
                | b'<'
                | b'>'
                | b'|'
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b':'
                | b'&'
                | b'?'
                | b'*'
                | b'^'
                | b'!'
                | b'@'
                | b'#'
        )
}

/// Bytes at which a web address ends.
pub(super) fn ends_url(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'|' | b'^' | b'`' | b'{' | b'}' | b'\\')
}

/// Bytes of the part of a mail address before the `@`.
pub(super) fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'-' | b'_' | b'%' | b'+' | b'&' | b'~' | b'!' | b'#')
        || !byte.is_ascii()
}

/// `%2e` is `.`: undone as often as three times; `None` where there is nothing to undo.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = once(text)?;
    for _ in 1..3 {
        match once(&decoded) {
            Some(more) => decoded = more,
            None => break,
        }
    }
    Some(decoded)
}

fn once(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut changed = false;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%'
            && let [high, low, after @ ..] = after
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            out.push(high << 4 | low);
            rest = after;
            changed = true;
            continue;
        }
        out.push(*first);
        rest = after;
    }
    changed.then(|| String::from_utf8_lossy(&out).into_owned())
}
