//! Conditions so nested that they would cost the program its stack.
//!
//! In: the text of a rule file. Out: the line at which brackets or negations stand deeper than any person writes. The compiler
//! walks conditions by calling itself and has no bound of its own: one hostile file would end the run.

/// Brackets within brackets, or negations of negations.
const DEPTH_MAX: usize = 1_000;

/// The line, from 1, at which a text is too deep; `None` for every rule of the field.
pub(super) fn too_deep(text: &[u8]) -> Option<u64> {
    let (mut depth, mut negations, mut line) = (0_usize, 0_usize, 1_u64);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let taken = match byte {
            b'"' => quoted(rest),
            b'/' if rest.starts_with(b"//") => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => {
                memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2)
            }
            b'\\' => 2, // in a regular expression
            _ => 1,
        };
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'{' | b'}' => depth = 0,
            _ => {}
        }
        if matches!(byte, b'-' | b'~') {
            negations += 1;
        } else if byte.is_ascii_alphabetic() {
            let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            negations = if rest.get(..word) == Some(b"not") { negations + 1 } else { 0 };
            if depth > DEPTH_MAX || negations > DEPTH_MAX {
                return Some(line);
            }
            at += word;
            continue;
        } else if !byte.is_ascii_whitespace() && *byte != b'(' {
            negations = 0;
        }
        if depth > DEPTH_MAX || negations > DEPTH_MAX {
            return Some(line);
        }
        let end = (at + taken).min(text.len());
        line += memchr::memchr_iter(b'\n', text.get(at..end).unwrap_or_default()).count() as u64;
        at = end;
    }
    None
}

/// Bytes of a string with its quotes, to the end of the line at most.
fn quoted(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_writes_is_too_deep() {
        let rule = |condition: &str| format!("rule a {{\n condition:\n  {condition}\n}}\n");
        assert_eq!(too_deep(rule(&"not ".repeat(50_000)).as_bytes()), Some(3));
        assert_eq!(too_deep(rule(&"(".repeat(3_000)).as_bytes()), Some(3));
        assert_eq!(too_deep(rule(&"not (".repeat(3_000)).as_bytes()), Some(3));
        assert_eq!(too_deep(rule(&format!("1 == {}1", "-".repeat(3_000))).as_bytes()), Some(3));
        assert_eq!(too_deep(rule(&"not a or ".repeat(5_000)).as_bytes()), None);
        assert_eq!(too_deep(rule(&"(a) or ".repeat(5_000)).as_bytes()), None);
        let strings = format!(
            "rule a {{ strings: $a = \"{}\" $b = /{}/ // {}\n condition: a }}",
            "(".repeat(2_000),
            "\\(".repeat(2_000),
            "(".repeat(2_000)
        );
        assert_eq!(too_deep(strings.as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            too_deep(&text);
        }
    }
}
