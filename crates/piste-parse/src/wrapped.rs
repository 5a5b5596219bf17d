//! The records inside one large JSON answer: `{"hits":{"hits":[{…},{…}]}}`, `{"results":[{…}]}`.
//!
//! In: the bytes of such an answer, in pieces of any size. Out: where each record begins, which is an object in a list that
//! is called as services call their lists of records. What lies around them is passed over. Only the keys' first bytes and
//! one mark a level are kept, so memory is constant.

use crate::block::Encoding;

/// What services call a list of records.
const LISTS: [&str; 16] = [
    "hits",
    "results",
    "result",
    "value",
    "records",
    "events",
    "event",
    "data",
    "items",
    "rows",
    "docs",
    "logs",
    "entries",
    "messages",
    "alerts",
    "documents",
];
/// Bytes of a key that are kept: more than the longest of these.
const KEY_BYTES: usize = 12;
/// Levels that are followed; what lies deeper is passed over.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Object,
    /// An array; whether its objects are records.
    List(bool),
}

/// Walks over what lies around records; may be fed piece by piece.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrapper {
    levels: Vec<Level>,
    /// Levels beyond [`DEPTH_MAX`].
    deeper: usize,
    in_text: bool,
    escaped: bool,
    /// The last string, cut; the key of what follows once a colon came.
    text: Vec<u8>,
    keyed: bool,
}

impl Wrapper {
    /// Where the next record begins, at or after `at`, which is left there; `None` when the bytes are used up.
    pub(crate) fn next_record(&mut self, encoding: Encoding, bytes: &[u8], at: &mut usize) -> Option<usize> {
        while let Some((unit, width)) = bytes.get(*at..).and_then(|rest| encoding.unit(rest)) {
            let byte = u8::try_from(unit).unwrap_or(b'?');
            if !self.in_text
                && byte == b'{'
                && self.deeper == 0
                && self.levels.last() == Some(&Level::List(true))
            {
                return Some(*at);
            }
            self.step(byte);
            *at += width;
        }
        None
    }

    fn step(&mut self, byte: u8) {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ if self.text.len() < KEY_BYTES => self.text.push(byte),
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_text = true;
                self.text.clear();
                self.keyed = false;
            }
            b':' => self.keyed = true,
            b'{' => self.open(Level::Object),
            b'[' => {
                let named = |name: &&str| self.text.eq_ignore_ascii_case(name.as_bytes());
                let records = self.keyed && LISTS.iter().any(named);
                self.open(Level::List(records));
            }
            b'}' | b']' => {
                if self.deeper > 0 {
                    self.deeper -= 1;
                } else {
                    self.levels.pop();
                }
                self.keyed = false;
            }
            b',' => self.keyed = false,
            _ => {}
        }
    }

    fn open(&mut self, level: Level) {
        if self.levels.len() >= DEPTH_MAX {
            self.deeper += 1;
        } else {
            self.levels.push(level);
        }
        self.keyed = false;
    }
}

/// Where the first record in an answer begins, if `text` is one or the beginning of one.
pub(crate) fn first_record(text: &str) -> Option<usize> {
    let mut at = 0;
    Wrapper::default().next_record(Encoding::Utf8, text.as_bytes(), &mut at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_in_answers_of_services() {
        let found = |text: &str| first_record(text).map(|at| text[at..].to_owned());
        assert_eq!(
            found(r#"{"took":3,"hits":{"total":{"value":1},"hits":[{"a":1}]}}"#).as_deref(),
            Some(r#"{"a":1}]}}"#)
        );
        assert_eq!(
            found(r#"{"fields":[{"name":"x"}],"results":[ {"b":1}]}"#).as_deref(),
            Some(r#"{"b":1}]}"#)
        );
        assert_eq!(
            found(r#"{"@odata.context":"\"hits\":[{","value":[{"c":[{}]}]}"#).as_deref(),
            Some(r#"{"c":[{}]}]}"#)
        );
        for none in [r#"{"a":[{"b":1}]}"#, r#"[{"a":1}]"#, r#"{"hits":[1,2]}"#, "", "{"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\":,\\\\a h]{0,80}") {
            let mut wrapper = Wrapper::default();
            let (mut at, bytes) = (0, text.as_bytes());
            while let Some(found) = wrapper.next_record(Encoding::Utf8, bytes, &mut at) {
                proptest::prop_assert_eq!(bytes[found], b'{');
                at += 1;
            }
        }
    }
}
