//! Halves of characters.
//!
//! In: JSON in which a string may hold one half of a UTF-16 pair, as Windows' own texts may. Out: the same with U+FFFD in its
//! place: otherwise one such character would hide a whole event from every rule.

use std::borrow::Cow;

/// Replaces escapes that stand for one half without the other.
pub(super) fn paired(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (taken, shown) = match half(escape) {
            Some(high @ 0xd800..0xdc00) => match escape.get(6..).and_then(half) {
                Some(0xdc00..0xe000) => (12, None),
                _ => (6, Some(high)),
            },
            Some(low @ 0xdc00..0xe000) => (6, Some(low)),
            // Another escape: with what it escapes, so that `\\\\ud800` is text.
            _ => (1 + escape.chars().nth(1).map_or(0, char::len_utf8), None),
        };
        let (escape, after) = escape.split_at_checked(taken).unwrap_or((escape, ""));
        out.push_str(if shown.is_some() { "\\ufffd" } else { escape });
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The UTF-16 unit of an escape.
fn half(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_replaced() {
        for (given, expected) in [
            (r#"{"a":"plain"}"#, r#"{"a":"plain"}"#),
            (r#"{"a":"\ud83d\ude00 \u00e9"}"#, r#"{"a":"\ud83d\ude00 \u00e9"}"#),
            (r#"{"a":"x\ud800y"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#"{"a":"\uDC00\uD800"}"#, r#"{"a":"\ufffd\ufffd"}"#),
            (r#"{"a":"\ud800\u0041"}"#, r#"{"a":"\ufffd\u0041"}"#),
            (r#"{"a":"\\ud800 \ud8"}"#, r#"{"a":"\\ud800 \ud8"}"#),
            ("\\ud800\\", "\\ufffd\\"),
            ("\\ud", "\\ud"),
        ] {
            assert_eq!(paired(given), expected);
        }
    }
}
