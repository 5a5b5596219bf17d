//! What several tests together mean.
//!
//! In: tests joined by AND and OR, nested. Out: alternatives, each a list of tests that must hold in one row. The hashes of
//! one file stand for each other: a row seldom has them all, and one that agrees is enough.

use super::Test;

/// Alternatives that one expression may come to.
const ALTERNATIVES_MAX: usize = 2_000;
/// Tests of one alternative.
const TESTS_MAX: usize = 32;

/// Tests joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// One test.
    Is(Test),
    /// All of these in one row.
    All(Vec<Self>),
    /// Any of these.
    Any(Vec<Self>),
}

impl Expression {
    /// Lists of tests of which one must hold whole; the reason where there are too many of them.
    pub(super) fn alternatives(self) -> Result<Vec<Vec<Test>>, String> {
        let mut out = Vec::new();
        for tests in self.product()? {
            out.extend(one_hash_each(tests));
        }
        Ok(out)
    }

    fn product(self) -> Result<Vec<Vec<Test>>, String> {
        let too_many = || format!("it comes to more than {ALTERNATIVES_MAX} alternatives");
        match self {
            Self::Is(test) => Ok(vec![vec![test]]),
            Self::Any(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(part.product()?);
                    if all.len() > ALTERNATIVES_MAX {
                        return Err(too_many());
                    }
                }
                Ok(all)
            }
            Self::All(parts) => {
                let mut all: Vec<Vec<Test>> = vec![Vec::new()];
                for part in parts {
                    let more = part.product()?;
                    if all.len() * more.len() > ALTERNATIVES_MAX {
                        return Err(too_many());
                    }
                    let joined = all.iter().flat_map(|one| more.iter().map(move |other| joined(one, other)));
                    all = joined.collect();
                    if all.iter().any(|tests| tests.len() > TESTS_MAX) {
                        return Err(format!("it asks for more than {TESTS_MAX} things at once"));
                    }
                }
                Ok(all)
            }
        }
    }
}

fn joined(one: &[Test], other: &[Test]) -> Vec<Test> {
    let mut all = one.to_vec();
    for test in other {
        if !all.contains(test) {
            all.push(test.clone());
        }
    }
    all
}

/// Where hashes of different kinds are asked for together, one alternative for each.
fn one_hash_each(tests: Vec<Test>) -> Vec<Vec<Test>> {
    let length = |test: &Test| if let Test::Hash(hash) = test { Some(hash.len()) } else { None };
    let mut lengths: Vec<usize> = tests.iter().filter_map(length).collect();
    let hashes = lengths.len();
    lengths.sort_unstable();
    lengths.dedup();
    if hashes < 2 || lengths.len() != hashes {
        return vec![tests];
    }
    let only = |kept: usize| {
        let wanted = |test: &&Test| length(test).is_none_or(|length| length == kept);
        tests.iter().filter(wanted).cloned().collect()
    };
    lengths.iter().map(|kept| only(*kept)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Expression {
        Expression::Is(Test::Domain(text.into()))
    }

    fn hash(digits: usize) -> Expression {
        Expression::Is(Test::Hash("a".repeat(digits).into()))
    }

    fn shown(expression: Expression) -> Vec<String> {
        let all = expression.alternatives().expect("few");
        all.iter().map(|tests| tests.iter().map(Test::text).collect::<Vec<_>>().join("&")).collect()
    }

    #[test]
    fn and_distributes_over_or() {
        let both = Expression::All(vec![
            Expression::Any(vec![name("a"), name("b")]),
            Expression::Any(vec![name("c"), name("a")]),
        ]);
        assert_eq!(shown(both), ["a&c", "a", "b&c", "b&a"]);
    }

    #[test]
    fn hashes_of_one_file_stand_for_each_other() {
        let file = Expression::All(vec![name("x"), hash(32), hash(64)]);
        assert_eq!(shown(file), [format!("x&{}", "a".repeat(32)), format!("x&{}", "a".repeat(64))]);
        let same = Expression::All(vec![hash(32), Expression::Is(Test::Hash("b".repeat(32).into()))]);
        assert_eq!(shown(same).len(), 1, "two hashes of one kind are two files");
    }

    #[test]
    fn an_expression_that_explodes_is_refused() {
        let two = || Expression::Any(vec![name("a"), name("b")]);
        let many = Expression::All((0..40).map(|_| two()).collect());
        assert!(many.alternatives().is_err());
    }
}
