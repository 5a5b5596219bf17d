//! Patterns with wildcards, for whole values.
//!
//! In: pieces. Out: whether a value is of that form, in time that grows with value times pattern at worst.

use crate::plan::Piece;

/// A run of text and single characters between two `*`.
#[derive(Debug, Clone, Default)]
struct Segment {
    pieces: Vec<Option<String>>,
    /// Characters of it.
    chars: usize,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Glob {
    pub(super) cased: bool,
    first: Segment,
    middle: Vec<Segment>,
    /// `None` where the pattern has no `*`.
    last: Option<Segment>,
}

impl Glob {
    pub(super) fn new(pieces: &[Piece], cased: bool) -> Self {
        let mut segments = vec![Segment::default()];
        for piece in pieces {
            let (one, chars) = match piece {
                Piece::Any => {
                    segments.push(Segment::default());
                    continue;
                }
                Piece::Text(text) => (Some(text.clone()), text.chars().count()),
                Piece::One => (None, 1),
            };
            if let Some(segment) = segments.last_mut() {
                segment.pieces.push(one);
                segment.chars += chars;
            }
        }
        let mut segments = segments.into_iter();
        let first = segments.next().unwrap_or_default();
        let mut middle: Vec<Segment> = segments.collect();
        let last = middle.pop();
        middle.retain(|segment| !segment.pieces.is_empty());
        Self { cased, first, middle, last }
    }

    pub(super) fn matches(&self, value: &str) -> bool {
        let Some(rest) = self.first.strip(value) else { return false };
        let Some(last) = &self.last else { return rest.is_empty() };
        let Some(mut rest) = last.strip_end(rest) else { return false };
        // The leftmost place of each leaves the most room for those that follow.
        for segment in &self.middle {
            match segment.find_end(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        true
    }
}

impl Segment {
    /// What follows it, where the text begins with it.
    fn strip<'a>(&self, text: &'a str) -> Option<&'a str> {
        let mut rest = text;
        for piece in &self.pieces {
            rest = if let Some(text) = piece {
                rest.strip_prefix(text.as_str())?
            } else {
                let mut chars = rest.chars();
                chars.next()?;
                chars.as_str()
            };
        }
        Some(rest)
    }

    /// What stands before it, where the text ends with it.
    fn strip_end<'a>(&self, text: &'a str) -> Option<&'a str> {
        if self.chars == 0 {
            return Some(text);
        }
        let (at, _) = text.char_indices().rev().nth(self.chars - 1)?;
        let (before, end) = text.split_at_checked(at)?;
        self.strip(end).filter(|rest| rest.is_empty()).map(|_| before)
    }

    /// What follows its first place in the text.
    fn find_end<'a>(&self, text: &'a str) -> Option<&'a str> {
        let mut rest = text;
        loop {
            if let Some(Some(start)) = self.pieces.first() {
                rest = rest.get(rest.find(start.as_str())?..)?;
            }
            if let Some(after) = self.strip(rest) {
                return Some(after);
            }
            let mut chars = rest.chars();
            chars.next()?;
            rest = chars.as_str();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The regular expression of the same meaning answers alike.
        #[test]
        fn a_pattern_is_the_regular_expression_it_stands_for(pattern in "[ab?*]{0,8}", value in "[ab\\né]{0,10}") {
            let piece = |one: char| match one {
                '*' => Piece::Any,
                '?' => Piece::One,
                text => Piece::Text(text.to_string()),
            };
            let pieces: Vec<Piece> = pattern.chars().map(piece).collect();
            let regex = format!("(?s)^{}$", pattern.replace('*', ".*").replace('?', "."));
            let regex = regex::Regex::new(&regex.replace('$', r"\z").replace('^', r"\A")).expect("it compiles");
            prop_assert_eq!(Glob::new(&pieces, true).matches(&value), regex.is_match(&value));
        }
    }
}
