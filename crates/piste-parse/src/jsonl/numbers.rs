//! Numbers as they are written.
//!
//! In: a JSON text. Out: the same with those numbers in quotes that would not come through a machine number unchanged:
//! with a fraction, an exponent, or more digits than 64 bits hold. What was `1.10` in the evidence is `1.10` in the lake.

use std::borrow::Cow;

/// Digits that surely fit an i64.
const DIGITS_MAX: usize = 18;

/// Puts quotes around numbers that would be altered. Text that is no JSON may stay as it is: its reader says what is wrong.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut quoted = String::new();
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = at + number_text(bytes, at).count();
                let number = text.get(at..end).unwrap_or_default();
                if is_altered(number) && is_number(number) {
                    quoted.push_str(text.get(copied..at).unwrap_or_default());
                    quoted.extend(["\"", number, "\""]);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    quoted.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(quoted)
}

/// The bytes at `at` that a number may consist of.
fn number_text(bytes: &[u8], at: usize) -> impl Iterator<Item = &u8> {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

/// Offset after the quote that closes the string.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..) {
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(found) if rest.get(found) == Some(&b'"') => return at + found + 1,
            Some(found) => at += found + 2,
            None => break,
        }
    }
    bytes.len()
}

fn is_altered(number: &str) -> bool {
    number.len() > DIGITS_MAX
        || number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
        || number == "-0"
}

/// JSON's grammar of numbers (RFC 8259, 6): what breaks it is left for the reader to refuse.
fn is_number(number: &str) -> bool {
    let number = number.strip_prefix('-').unwrap_or(number);
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (number, "0"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && digits(exponent) && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(quoted(text), expected);
    }

    #[test]
    fn only_numbers_that_would_change_are_quoted() {
        check(r#"{"a":1,"b":-9,"c":123456789012345678}"#, r#"{"a":1,"b":-9,"c":123456789012345678}"#);
        check(r"[1.10,1e3,-0,1e999]", r#"["1.10","1e3","-0","1e999"]"#);
        check(r#"{"a":123456789012345678901234567890}"#, r#"{"a":"123456789012345678901234567890"}"#);
        check(r#"{"1.5":"2.5\" 3.5","b":4.5}"#, r#"{"1.5":"2.5\" 3.5","b":"4.5"}"#);
        check(r"[01.5, 1., .5, 1e, 1.2.3, --1.5, 1.5-]", r"[01.5, 1., .5, 1e, 1.2.3, --1.5, 1.5-]");
        check("\"open 1.5 \\", "\"open 1.5 \\");
    }

    proptest! {
        #[test]
        fn valid_stays_valid_and_broken_stays_broken(text in "[\\[\\],\"\\\\ .eE+\\-019ä]{0,24}") {
            let valid = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            prop_assert_eq!(valid(&text), valid(&quoted(&text)));
        }
    }
}
