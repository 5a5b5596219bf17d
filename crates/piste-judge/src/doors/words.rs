//! Values as a sentence shows them, and the earlier of two times.
//!
//! In: a value from evidence. Out: one line of it, cut and without control characters.

use std::fmt::Write;

use piste_model::Instant;

/// Characters of a value that a fact quotes.
const QUOTED_CHARS: usize = 160;

/// A value as a sentence quotes it: one line, cut.
pub(crate) fn quoted(value: &str) -> String {
    let mut text = String::new();
    for letter in value.chars().take(QUOTED_CHARS) {
        if letter.is_control() {
            let _ = write!(text, "\\x{:02x}", u32::from(letter)); // a String takes all
        } else {
            text.push(letter);
        }
    }
    if value.chars().nth(QUOTED_CHARS).is_some() {
        text.push('…');
    }
    text
}

/// The earlier of two times; one that is missing counts nothing.
pub(crate) fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_one_line_and_cut() {
        assert_eq!(quoted("a\r\n\u{1b}b"), r"a\x0d\x0a\x1bb", "as the terminal and the report show it");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), QUOTED_CHARS + 1);
    }
}
