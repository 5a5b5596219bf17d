//! Literals without which a regular expression cannot match.
//!
//! In: an expression. Out: texts, folded, of which at least one stands in every folded value that it matches; `None` where
//! none worth looking for is known. Only ASCII counts, where folding a part is folding the whole.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter texts are met too often to save anything.
const LENGTH_MIN: usize = 3;
/// Texts of one expression.
const TEXTS_MAX: usize = 24;
/// Nesting looked into.
const DEPTH_MAX: usize = 40;

/// See the module.
pub(super) fn literals(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut any = needed(&hir, 0)?;
    any.sort();
    any.dedup();
    Some(any)
}

/// Any of these is needed.
fn needed(hir: &Hir, depth: usize) -> Option<Vec<String>> {
    if depth > DEPTH_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Capture(capture) => needed(&capture.sub, depth + 1),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub, depth + 1),
        HirKind::Concat(parts) => best(parts, depth),
        HirKind::Alternation(parts) => {
            let mut any = Vec::new();
            for part in parts {
                any.extend(needed(part, depth + 1)?);
            }
            (any.len() <= TEXTS_MAX).then_some(any)
        }
        HirKind::Literal(_) | HirKind::Class(_) => best(std::slice::from_ref(hir), depth),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// Of the parts of a sequence, the choice whose shortest text is the longest: runs of characters are one text.
fn best(parts: &[Hir], depth: usize) -> Option<Vec<String>> {
    let mut choices = Vec::new();
    let mut run = String::new();
    let mut end_run = |run: &mut String| {
        let text = std::mem::take(run);
        if text.len() >= LENGTH_MIN {
            choices.push(vec![text]);
        }
    };
    for part in parts {
        if !extend_run(part, &mut run) {
            end_run(&mut run);
        }
    }
    end_run(&mut run);
    for part in parts {
        if !matches!(part.kind(), HirKind::Literal(_) | HirKind::Class(_)) {
            choices.extend(needed(part, depth + 1));
        }
    }
    choices.into_iter().max_by_key(|any| any.iter().map(String::len).min())
}

/// Adds what a part surely is, folded; false where it may be several things.
fn extend_run(part: &Hir, run: &mut String) -> bool {
    match part.kind() {
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) if text.is_ascii() => {
                run.push_str(&text.to_ascii_lowercase());
                true
            }
            _ => false,
        },
        HirKind::Class(Class::Unicode(class)) => {
            let mut folded = None;
            let members = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            for (at, member) in members.enumerate() {
                let mut lower = member.to_lowercase();
                let (one, more) = (lower.next(), lower.next());
                let same = folded.is_none() || folded == one;
                if at > 4 || more.is_some() || !same || !one.is_some_and(|one| one.is_ascii()) {
                    return false;
                }
                folded = one;
            }
            run.extend(folded);
            folded.is_some()
        }
        HirKind::Empty | HirKind::Look(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: Option<&[&str]>) {
        let found = literals(pattern);
        assert_eq!(
            found.as_deref(),
            expected.map(|all| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>()).as_deref()
        );
    }

    #[test]
    fn what_every_match_holds_is_found() {
        check("abc.*Defg", Some(&["defg"]));
        check("(?i)abc[0-9]", Some(&["abc"]));
        check("(foo|barx)+y", Some(&["barx", "foo"]));
        check("(foo|ba)", None);
        check("(foo)?x", None);
        check(r"\bwhoami\b", Some(&["whoami"]));
        check("[a-z]{4}", None);
        check("(?i)net user", Some(&["net u"])); // s is also the long s, which does not fold to s
        check("été", None);
    }
}
