//! A Sigma string to a test.
//!
//! In: pieces of text and wildcards with an operator. Out: the plainest test that means the same: `*evil*` is a search for
//! `evil`, a pattern without wildcards is a comparison.

use rsigma_ir::{IrPattern, IrPatternPart, IrStrOp};

use super::{Op, Piece, Test, fold};

/// What a pattern asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A test of the value.
    Test(Test),
    /// Any value does.
    AnyValue,
}

pub(crate) fn op_of(op: IrStrOp) -> Op {
    match op {
        IrStrOp::Exact => Op::Exact,
        IrStrOp::Contains => Op::Contains,
        IrStrOp::StartsWith => Op::StartsWith,
        IrStrOp::EndsWith => Op::EndsWith,
    }
}

/// The test of a plain text.
pub(crate) fn text(op: Op, text: &str, cased: bool) -> Asked {
    if text.is_empty() && op != Op::Exact {
        return Asked::AnyValue; // every value contains nothing
    }
    Asked::Test(Test::Text(op, if cased { text.to_owned() } else { fold(text) }, cased))
}

/// The test of a pattern under an operator.
pub(crate) fn pattern(op: Op, pattern: &IrPattern, cased: bool) -> Asked {
    let mut pieces = Vec::new();
    if matches!(op, Op::Contains | Op::EndsWith) {
        pieces.push(Piece::Any);
    }
    for part in &pattern.parts {
        match part {
            IrPatternPart::Literal(text) => push_text(&mut pieces, text, cased),
            IrPatternPart::WildcardMulti => pieces.push(Piece::Any),
            IrPatternPart::WildcardSingle => pieces.push(Piece::One),
        }
    }
    if matches!(op, Op::Contains | Op::StartsWith) {
        pieces.push(Piece::Any);
    }
    pieces.dedup_by(|a, b| *a == Piece::Any && *b == Piece::Any);
    plainest(pieces, cased)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, cased: bool) {
    let text = if cased { text.to_owned() } else { fold(text) };
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(&text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Text(text)),
    }
}

fn plainest(pieces: Vec<Piece>, cased: bool) -> Asked {
    let text = |op, text: &String| Asked::Test(Test::Text(op, text.clone(), cased));
    match pieces.as_slice() {
        [] => Asked::Test(Test::Text(Op::Exact, String::new(), cased)),
        [Piece::Any] => Asked::AnyValue,
        [Piece::Text(one)] => text(Op::Exact, one),
        [Piece::Text(one), Piece::Any] => text(Op::StartsWith, one),
        [Piece::Any, Piece::Text(one)] => text(Op::EndsWith, one),
        [Piece::Any, Piece::Text(one), Piece::Any] => text(Op::Contains, one),
        _ => Asked::Test(Test::Glob(pieces, cased)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(op: Op, given: &str, expected: &Asked) {
        let part = |one: char| match one {
            '*' => IrPatternPart::WildcardMulti,
            '?' => IrPatternPart::WildcardSingle,
            other => IrPatternPart::Literal(other.to_string()),
        };
        assert_eq!(pattern(op, &IrPattern { parts: given.chars().map(part).collect() }, false), *expected);
    }

    fn asked(op: Op, text: &str) -> Asked {
        Asked::Test(Test::Text(op, text.to_owned(), false))
    }

    #[test]
    fn a_pattern_becomes_the_plainest_test() {
        check(Op::Exact, "AbC", &asked(Op::Exact, "abc"));
        check(Op::Exact, "*AbC*", &asked(Op::Contains, "abc"));
        check(Op::Exact, "**a", &asked(Op::EndsWith, "a"));
        check(Op::StartsWith, "a*", &asked(Op::StartsWith, "a"));
        check(Op::EndsWith, "*a*", &asked(Op::Contains, "a"));
        check(Op::Contains, "*", &Asked::AnyValue);
        check(Op::Exact, "", &asked(Op::Exact, ""));
        let glob = [Piece::Text("a".into()), Piece::Any, Piece::One, Piece::Text("b".into()), Piece::Any];
        check(Op::StartsWith, "a*?b", &Asked::Test(Test::Glob(glob.to_vec(), false)));
    }
}
