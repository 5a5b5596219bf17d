//! Where one XML element of a name ends and the next begins, in a stream of them.
//!
//! In: the bytes of a document, or of elements one after another without a root, in pieces of any size. Out: the edges of the
//! elements, by [`Edge`]. Only the element's own tags are followed, so memory is constant; what stands between two elements
//! is left to the caller. Where elements do not nest, one that begins within another cuts it off: damage costs one.

use crate::block::Encoding;
use crate::elements::Edge;

/// Which elements are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Its name, without a prefix.
    pub(crate) name: &'static str,
    /// Whether elements of this name stand within one another.
    pub(crate) nests: bool,
}

/// Walks over a stream; may be fed piece by piece.
#[derive(Debug, Clone)]
pub(crate) struct TagScanner {
    tag: Tag,
    depth: u32,
}

/// What begins at a bracket.
enum Found {
    /// The element's opening tag.
    Opening,
    /// Its closing tag, with its length.
    Closing(usize),
    /// Something else.
    Other,
    /// The bytes end before it can be told.
    Unknown,
}

impl TagScanner {
    pub(crate) fn new(tag: Tag) -> Self {
        Self { tag, depth: 0 }
    }

    /// The next edge at or after `at`, which is moved along; `None` when the bytes are used up.
    pub(crate) fn next_edge(&mut self, encoding: Encoding, bytes: &[u8], at: &mut usize) -> Option<Edge> {
        let width = if encoding == Encoding::Utf8 { 1 } else { 2 };
        loop {
            let Some(start) = bracket(encoding, bytes, *at) else {
                // An odd byte may be the first half of a unit.
                *at = bytes.len() - (bytes.len() - *at) % width;
                return None;
            };
            *at = start;
            match self.look(encoding, bytes.get(start..).unwrap_or_default(), width) {
                Found::Unknown => return None,
                Found::Other => *at = start + width,
                Found::Opening if self.depth == 0 => {
                    self.depth = 1;
                    *at = start + width;
                    return Some(Edge::Begin(start));
                }
                Found::Opening if self.tag.nests => {
                    self.depth = self.depth.saturating_add(1);
                    *at = start + width;
                }
                Found::Opening => {
                    self.depth = 0;
                    return Some(Edge::End(start));
                }
                Found::Closing(length) => {
                    *at = start + length;
                    let was = self.depth;
                    self.depth = self.depth.saturating_sub(1);
                    if was == 1 {
                        return Some(Edge::End(*at));
                    }
                }
            }
        }
    }

    /// Says what stands at a bracket.
    fn look(&self, encoding: Encoding, bytes: &[u8], width: usize) -> Found {
        let unit = |place: usize| {
            let at = place * width;
            let unit = bytes.get(at..).and_then(|rest| encoding.unit(rest)).map(|(unit, _)| unit);
            unit.map(|unit| u8::try_from(unit).unwrap_or(b'?'))
        };
        let Some(first) = unit(1) else { return Found::Unknown };
        let from = if first == b'/' { 2 } else { 1 };
        for (place, wanted) in self.tag.name.bytes().enumerate() {
            match unit(from + place) {
                None => return Found::Unknown,
                Some(byte) if byte == wanted => {}
                Some(_) => return Found::Other,
            }
        }
        let end = from + self.tag.name.len();
        match (unit(end), from) {
            (None, _) => Found::Unknown,
            (Some(b'>'), 2) => Found::Closing((end + 1) * width),
            // `<Obj RefId="1"/>` is rare, and Windows writes no event so.
            (Some(b'>' | b' ' | b'\t' | b'\r' | b'\n'), 1) => Found::Opening,
            _ => Found::Other,
        }
    }
}

/// The next `<` at or after `from`.
fn bracket(encoding: Encoding, bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    match encoding {
        Encoding::Utf8 => memchr::memchr(b'<', rest).map(|at| from + at),
        Encoding::Utf16Le => {
            rest.chunks_exact(2).position(|pair| pair == [b'<', 0]).map(|pair| from + pair * 2)
        }
        Encoding::Utf16Be => {
            rest.chunks_exact(2).position(|pair| pair == [0, b'<']).map(|pair| from + pair * 2)
        }
    }
}

/// Length of the element that `bytes` begin with; `None` if they begin with none, or it does not end in them.
pub fn tagged_bytes(bytes: &[u8], name: &'static str, nests: bool) -> Option<usize> {
    let encoding = if bytes.get(1) == Some(&0) { Encoding::Utf16Le } else { Encoding::Utf8 };
    let mut scanner = TagScanner::new(Tag { name, nests });
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

    fn elements(text: &[u8], encoding: Encoding, tag: Tag) -> Vec<(usize, usize)> {
        let (mut scanner, mut at, mut begun, mut found) = (TagScanner::new(tag), 0, None, Vec::new());
        while let Some(edge) = scanner.next_edge(encoding, text, &mut at) {
            match edge {
                Edge::Begin(start) => begun = Some(start),
                Edge::End(end) => found.push((begun.take().unwrap(), end)),
            }
        }
        found.extend(begun.map(|start| (start, text.len())));
        found
    }

    const EVENT: Tag = Tag { name: "Event", nests: false };

    #[track_caller]
    fn check(text: &str, tag: Tag, expected: &[&str]) {
        let found = elements(text.as_bytes(), Encoding::Utf8, tag);
        let shown: Vec<&str> = found.iter().map(|(start, end)| &text[*start..*end]).collect();
        assert_eq!(shown, expected);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let doubled: Vec<(usize, usize)> = found.iter().map(|(start, end)| (start * 2, end * 2)).collect();
        assert_eq!(elements(&wide, Encoding::Utf16Le, tag), doubled);
    }

    #[test]
    fn elements_are_found_with_and_without_a_root() {
        check(
            "<?xml?><Events><Event x='1'><EventID>1</EventID></Event>\n<Event>2</Event></Events>",
            EVENT,
            &["<Event x='1'><EventID>1</EventID></Event>", "<Event>2</Event>"],
        );
        check("<Event>cut<Event>whole</Event>", EVENT, &["<Event>cut", "<Event>whole</Event>"]);
        check("</Event><EventData/><Event>cut", EVENT, &["<Event>cut"]);
        let object = Tag { name: "Obj", nests: true };
        check(
            "<Objs><Obj a><Obj b>x</Obj></Obj><Obj>y</Obj></Objs>",
            object,
            &["<Obj a><Obj b>x</Obj></Obj>", "<Obj>y</Obj>"],
        );
        assert_eq!(tagged_bytes(b"<Event></Event> ", "Event", false), Some(15));
        assert_eq!(tagged_bytes(b" <Event></Event>", "Event", false), None);
    }

    proptest! {
        #[test]
        fn edges_do_not_depend_on_the_pieces(text in "(<Event>|</Event>|<Event a|<E|[<>/ aE]){0,12}", cut in 0_usize..90) {
            let bytes = text.as_bytes();
            let whole = elements(bytes, Encoding::Utf8, EVENT);
            let mut scanner = TagScanner::new(EVENT);
            let (mut at, mut begun, mut found) = (0, None, Vec::new());
            for end in [cut.min(bytes.len()), bytes.len()] {
                while let Some(edge) = scanner.next_edge(Encoding::Utf8, &bytes[..end], &mut at) {
                    match edge {
                        Edge::Begin(start) => begun = Some(start),
                        Edge::End(end) => found.push((begun.take().unwrap(), end)),
                    }
                }
            }
            found.extend(begun.map(|start: usize| (start, bytes.len())));
            prop_assert_eq!(found, whole);
        }
    }
}
