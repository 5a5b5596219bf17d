//! Where one JSON value ends and the next begins, in a stream of them.
//!
//! In: the bytes of an array of objects, or of objects one after another, in pieces of any size. Out: the edges of the
//! elements. Only strings, escapes and depth are followed, so memory is constant. A string that runs over a line's end is
//! broken: what follows is taken as one damaged element until an object begins a line, so damage does not swallow the rest.

use crate::block::Encoding;

/// What may stand between two elements besides blanks and brackets: the byte order mark of UTF-8, and the line `Record 17`
/// that `evtx_dump` puts before each object.
const BETWEEN: &[u8] = b"\xef\xbb\xbfRecord0123456789";

/// An edge of an element, as an offset in the bytes looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// An element begins here.
    Begin(usize),
    /// The element ended just before here.
    End(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Between two elements.
    #[default]
    Gap,
    /// In an object, outside its strings.
    Object,
    /// In a string of an object.
    Text,
    /// After a backslash in such a string.
    Escape,
    /// In what is no object.
    Junk,
    /// In a string of what is no object.
    JunkText,
    /// After a backslash there.
    JunkEscape,
}

/// What a unit does to the walk.
enum Step {
    On,
    Begin,
    End,
    EndBefore,
}

/// Walks over a stream; may be fed piece by piece.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scanner {
    state: State,
    depth: u32,
    /// In junk: the last unit that is not blank, newlines counted.
    before: u8,
}

impl Scanner {
    /// The next edge at or after `at`, which is moved along; `None` when the bytes are used up.
    pub(crate) fn next_edge(&mut self, encoding: Encoding, bytes: &[u8], at: &mut usize) -> Option<Edge> {
        loop {
            let start = *at;
            let rest = bytes.get(start..)?;
            if encoding == Encoding::Utf8 && matches!(self.state, State::Text | State::JunkText) {
                let skip = memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                if skip > 0 {
                    *at += skip;
                    continue;
                }
            }
            let (unit, width) = encoding.unit(rest)?;
            match self.step(unit) {
                Step::On => *at += width,
                Step::Begin => {
                    *at += width;
                    return Some(Edge::Begin(start));
                }
                Step::End => {
                    *at += width;
                    return Some(Edge::End(*at));
                }
                Step::EndBefore => return Some(Edge::End(start)),
            }
        }
    }

    fn step(&mut self, unit: u16) -> Step {
        // Only ASCII has a meaning here; a byte order mark is passed over as what its bytes are.
        let byte = match unit {
            0xfeff => b' ',
            unit => u8::try_from(unit).unwrap_or(b'x'),
        };
        match self.state {
            State::Gap => return self.step_gap(byte),
            State::Object => return self.step_object(byte),
            State::Text => match byte {
                b'"' => self.state = State::Object,
                b'\\' => self.state = State::Escape,
                b'\n' => self.break_off(),
                _ => {}
            },
            State::Escape if byte == b'\n' => self.break_off(),
            State::Escape => self.state = State::Text,
            State::Junk => return self.step_junk(byte),
            State::JunkText => match byte {
                b'"' => self.state = State::Junk,
                b'\\' => self.state = State::JunkEscape,
                b'\n' => self.break_off(),
                _ => {}
            },
            State::JunkEscape => self.state = State::JunkText,
        }
        Step::On
    }

    fn step_gap(&mut self, byte: u8) -> Step {
        match byte {
            b'{' => {
                self.state = State::Object;
                self.depth = 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | b'}' | 0 => return Step::On,
            byte if BETWEEN.contains(&byte) => return Step::On,
            b'"' => self.state = State::JunkText,
            _ => self.state = State::Junk,
        }
        self.before = byte;
        Step::Begin
    }

    fn step_object(&mut self, byte: u8) -> Step {
        match byte {
            b'"' => self.state = State::Text,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.state = State::Gap;
                    return Step::End;
                }
            }
            _ => {}
        }
        Step::On
    }

    fn step_junk(&mut self, byte: u8) -> Step {
        match byte {
            b'{' if matches!(self.before, b'\n' | b',' | b'[' | b']' | b'}') => {
                self.state = State::Gap;
                return Step::EndBefore;
            }
            b' ' | b'\t' | b'\r' => return Step::On,
            b'"' => self.state = State::JunkText,
            _ => {}
        }
        self.before = byte;
        Step::On
    }

    /// A string ran over a line's end.
    fn break_off(&mut self) {
        self.state = State::Junk;
        self.before = b'\n';
    }
}

/// Length of the JSON object that `bytes` begin with; `None` if they begin with none, or it does not end in them.
///
/// UTF-16 (little endian) is recognised by the second byte.
pub fn element_bytes(bytes: &[u8]) -> Option<usize> {
    let encoding = if bytes.get(1) == Some(&0) { Encoding::Utf16Le } else { Encoding::Utf8 };
    let mut scanner = Scanner::default();
    let mut at = 0;
    match (scanner.next_edge(encoding, bytes, &mut at)?, scanner.next_edge(encoding, bytes, &mut at)?) {
        (Edge::Begin(0), Edge::End(end)) => Some(end),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn elements(text: &str) -> Vec<&str> {
        let (mut scanner, mut at, mut begun, mut found) = (Scanner::default(), 0, None, Vec::new());
        while let Some(edge) = scanner.next_edge(Encoding::Utf8, text.as_bytes(), &mut at) {
            match edge {
                Edge::Begin(start) => begun = Some(start),
                Edge::End(end) => found.push(&text[begun.take().unwrap()..end]),
            }
        }
        found.extend(begun.map(|start| &text[start..]));
        found
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(elements(text), expected);
    }

    #[test]
    fn elements_end_where_their_braces_close() {
        check("[{\"a\":1},{\"b\":[{}]}]", &["{\"a\":1}", "{\"b\":[{}]}"]);
        check("{\n \"a\": \"}\"\n}\n{ }", &["{\n \"a\": \"}\"\n}", "{ }"]);
        check(r#"[{"a":"\"}"}]"#, &[r#"{"a":"\"}"}"#]);
        check("Record 1\n{\"a\":1}\nRecord 22\n{\"b\":1}\n", &["{\"a\":1}", "{\"b\":1}"]);
        check("[]", &[]);
        check("{\"cut", &["{\"cut"]);
    }

    #[test]
    fn what_is_no_object_is_one_element_and_the_next_object_is_found() {
        check("[null, true, {\"a\":1}]", &["null, true, ", "{\"a\":1}"]);
        check("[x,{}\"a\"{}", &["x,", "{}", "\"a\"{}"]);
        check("[\"a{b\", {\"a\":1}]", &["\"a{b\", ", "{\"a\":1}"]);
    }

    #[test]
    fn a_broken_string_costs_its_own_element() {
        check("[{\"a\":\"x},\n{\"b\":\"y\"}]", &["{\"a\":\"x},\n", "{\"b\":\"y\"}"]);
    }

    #[test]
    fn an_element_is_measured_in_both_encodings() {
        assert_eq!(element_bytes(b"{\"a\":\"}\"}, {"), Some(9));
        assert_eq!(element_bytes(b" {}"), None);
        assert_eq!(element_bytes(b"{"), None);
        let wide: Vec<u8> = "{\"a\":\"\u{10d}}\"} ".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(element_bytes(&wide), Some(wide.len() - 2));
    }

    proptest! {
        #[test]
        fn edges_do_not_depend_on_the_pieces(text in "[\\[\\]{},\"\\\\\n a-c]{0,80}", cut in 0_usize..80) {
            let bytes = text.as_bytes();
            let walk = |pieces: &[&[u8]]| {
                let (mut scanner, mut base, mut edges) = (Scanner::default(), 0, Vec::new());
                for piece in pieces {
                    let mut at = 0;
                    while let Some(edge) = scanner.next_edge(Encoding::Utf8, piece, &mut at) {
                        edges.push(match edge {
                            Edge::Begin(at) => Edge::Begin(base + at),
                            Edge::End(at) => Edge::End(base + at),
                        });
                    }
                    base += piece.len();
                }
                edges
            };
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(walk(&[bytes]), walk(&[head, tail]));
        }
    }
}
