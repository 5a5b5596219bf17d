//! The YAML documents of one file, and the bounds within which they are handed to the parsers.
//!
//! In: a file's text. Out: its documents with their first lines. YAML and Sigma's conditions are read by code that recurses
//! or expands on demand; the bounds here are far above any real rule and far below what hurts.

use std::cell::Cell;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use yaml_serde::Value;

/// The longest document: the longest of `SigmaHQ` is under 64 KiB.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// The most opening brackets: the scanner's time grows with the square of open flow collections.
const MAX_BRACKETS: usize = 2_000;
/// The most values after aliases are resolved.
const MAX_VALUES: u64 = 500_000;
/// Bounds of one condition: the grammar recurses on the first two, and its time grows with the square of the third.
const MAX_CONDITION_PARENTHESES: usize = 64;
const MAX_CONDITION_NOTS: usize = 256;
const MAX_CONDITION_BYTES: usize = 16 * 1024;

/// One YAML document of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    /// Its text, with the `---` that opens it.
    pub(crate) text: &'a str,
    /// Number of its first line in the file, from 1.
    pub(crate) first_line: u64,
}

/// Cuts a file into documents; those without content are left out.
///
/// `---` and `...` in the first column end a document wherever they stand, block scalars included (YAML 1.2.2, 9.1.4).
pub(crate) fn split(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let (mut start, mut first_line) = (0_usize, 1_u64);
    let mut at = 0_usize;
    let mut number = 0_u64;
    for line in text.split_inclusive('\n') {
        number += 1;
        let opens = is_marker(line, "---");
        if opens || is_marker(line, "...") {
            documents.push(Document { text: text.get(start..at).unwrap_or_default(), first_line });
            let skipped = if opens { 0 } else { line.len() };
            start = at + skipped;
            first_line = number + u64::from(!opens);
        }
        at += line.len();
    }
    documents.push(Document { text: text.get(start..).unwrap_or_default(), first_line });
    documents.retain(|document| !is_empty(document.text));
    documents
}

/// Whether the line is this marker, alone or before a blank.
fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a document has nothing but comments, directives and its marker.
fn is_empty(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line == "---" || line.starts_with('#') || line.starts_with('%')
    })
}

impl Document<'_> {
    /// The line of a key of the document's outermost mapping, in the file.
    pub(crate) fn line_of(&self, key: &str) -> Option<u64> {
        let found = self.text.lines().position(|line| is_key(line, key))?;
        Some(self.first_line + u64::try_from(found).ok()?)
    }

    /// The line to show for the document: its title, else its first line with content.
    pub(crate) fn shown_line(&self) -> u64 {
        self.line_of("title").or_else(|| self.line_of("detection")).unwrap_or_else(|| {
            let content = |line: &str| !is_empty(line);
            let skipped = self.text.lines().position(content).unwrap_or(0);
            self.first_line + u64::try_from(skipped).unwrap_or(0)
        })
    }

    /// Refuses what would cost the parsers more than any rule does; says why.
    pub(crate) fn refuse_hostile(&self) -> Result<(), String> {
        if self.text.len() > MAX_DOCUMENT_BYTES {
            return Err("the document is over 1 MiB, which no rule is".to_owned());
        }
        if self.text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MAX_BRACKETS {
            return Err(format!("the document has over {MAX_BRACKETS} opening brackets, which no rule has"));
        }
        if may_alias(self.text) {
            refuse_expansion(self.text)?;
        }
        let parentheses = self.text.bytes().filter(|&byte| byte == b'(').count();
        let nots = self.text.matches("not").count();
        let long = self.text.len() > MAX_CONDITION_BYTES;
        if long || parentheses > MAX_CONDITION_PARENTHESES || nots > MAX_CONDITION_NOTS {
            // A text that does not parse is the Sigma parser's to report.
            if let Ok(value) = yaml_serde::from_str::<Value>(self.text) {
                return refuse_conditions(&value);
            }
        }
        Ok(())
    }
}

/// Whether an unindented line opens this key, quoted or not.
fn is_key(line: &str, key: &str) -> bool {
    let line = line.strip_prefix("--- ").unwrap_or(line);
    let unquoted = line.strip_prefix(['"', '\'']).unwrap_or(line);
    unquoted
        .strip_prefix(key)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start_matches(' ').starts_with(':'))
}

/// Whether the text may hold an anchor and an alias; never false if it does.
fn may_alias(text: &str) -> bool {
    let opens = |sign: u8| {
        let mut before = b' ';
        text.as_bytes().windows(2).any(|pair| {
            let &[first, second] = pair else { return false };
            let name = second.is_ascii_alphanumeric() || matches!(second, b'_' | b'-');
            let hit = first == sign && name && !before.is_ascii_alphanumeric();
            before = first;
            hit
        })
    };
    opens(b'&') && opens(b'*')
}

/// Counts the values that a document becomes once its aliases are resolved, without keeping them.
fn refuse_expansion(text: &str) -> Result<(), String> {
    let left = Cell::new(MAX_VALUES);
    // An error besides the bound is the Sigma parser's to report.
    let _ = Count(&left).deserialize(yaml_serde::Deserializer::from_str(text));
    if left.get() == 0 {
        return Err(format!("its aliases expand to over {MAX_VALUES} values"));
    }
    Ok(())
}

/// Refuses a condition whose nesting would cost the grammar its stack.
fn refuse_conditions(value: &Value) -> Result<(), String> {
    let within = |condition: &str| {
        if condition.len() > MAX_CONDITION_BYTES {
            return Err(format!("a condition is over {MAX_CONDITION_BYTES} bytes"));
        }
        let parentheses = condition.bytes().filter(|&byte| byte == b'(').count();
        if parentheses > MAX_CONDITION_PARENTHESES {
            return Err(format!("a condition has over {MAX_CONDITION_PARENTHESES} parentheses"));
        }
        if condition.matches("not").count() > MAX_CONDITION_NOTS {
            return Err(format!("a condition has over {MAX_CONDITION_NOTS} negations"));
        }
        Ok(())
    };
    let mut open = vec![(value, false)];
    while let Some((value, is_condition)) = open.pop() {
        match value {
            Value::String(text) if is_condition => within(text)?,
            Value::Sequence(list) => open.extend(list.iter().map(|one| (one, is_condition))),
            Value::Mapping(map) => {
                open.extend(map.iter().map(|(key, one)| (one, key.as_str() == Some("condition"))));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A value that is counted and thrown away; the cell holds how many more are allowed.
#[derive(Clone, Copy)]
struct Count<'a>(&'a Cell<u64>);

impl Count<'_> {
    fn one<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.0.get().saturating_sub(1);
        self.0.set(left);
        if left == 0 { Err(E::custom("too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.one()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.one()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.one()
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<(), E> {
        self.one()
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<(), E> {
        self.one()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.one()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.one()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.one()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.one()
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        self.one()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(self)?.is_some() {
            map.next_value_seed(self)?;
        }
        self.one()
    }

    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        use serde::de::VariantAccess;
        let ((), content) = tagged.variant_seed(self)?;
        content.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(text: &str, expected: &[(u64, &str)]) {
        let found: Vec<_> = split(text).iter().map(|one| (one.first_line, one.text)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn documents_are_cut_at_markers_with_their_lines() {
        check_split("title: a\n", &[(1, "title: a\n")]);
        check_split("# x\n---\ntitle: a\n---\ntitle: b", &[(2, "---\ntitle: a\n"), (4, "---\ntitle: b")]);
        check_split("a: 1\r\n...\r\nb: 2\r\n---\r\n", &[(1, "a: 1\r\n"), (3, "b: 2\r\n")]);
        check_split("----\n--- a\n", &[(1, "----\n"), (2, "--- a\n")]);
        check_split("", &[]);
    }

    #[test]
    fn a_title_is_found_however_it_is_written() {
        let line = |text: &str| split(text).first().expect("one").shown_line();
        assert_eq!(line("# c\n\ntitle: a\n"), 3);
        assert_eq!(line("---\n# c\n\"title\" : a\n"), 3);
        assert_eq!(line("# c\nlogsource:\n  title: x\n"), 2);
        assert_eq!(line("--- title: x\n"), 1);
    }

    #[track_caller]
    fn check_refused(text: &str, reason: &str) {
        assert_eq!(Document { text, first_line: 1 }.refuse_hostile(), Err(reason.to_owned()));
    }

    #[test]
    fn bombs_are_refused_before_they_are_parsed() {
        // Nested aliases run into the YAML reader's own bound; wide ones would not.
        let bomb = format!("a: &a [{}]\nb: [{}]\n", "1, ".repeat(2000), "*a, ".repeat(500));
        check_refused(&bomb, "its aliases expand to over 500000 values");
        check_refused(&"[".repeat(20_000), "the document has over 2000 opening brackets, which no rule has");
        check_refused(&"#".repeat(2 << 20), "the document is over 1 MiB, which no rule is");
        check_refused(
            &format!("detection: {{condition: '{}a'}}", "(".repeat(500)),
            "a condition has over 64 parentheses",
        );
        check_refused(
            &format!("detection: {{condition: '{}a'}}", "a or ".repeat(4000)),
            "a condition is over 16384 bytes",
        );
        check_refused(
            &format!("detection: {{condition: ['{}a']}}", "not ".repeat(1000)),
            "a condition has over 256 negations",
        );
    }

    #[test]
    fn ordinary_aliases_pass() {
        let text = "a: &x [1, 2]\nb: *x\nc: '*x'\n";
        assert_eq!(Document { text, first_line: 1 }.refuse_hostile(), Ok(()));
    }
}
