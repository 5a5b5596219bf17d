//! Conditions of the catalogue, in Kleene's three values: true, false, unknown.
//!
//! In: a condition and a way to look a fact up. Out: its truth and the trace of every test. What is not known makes a test
//! unknown, never false; `possible` held against `yes` or `no` is unknown; `all`, `any` and `not` follow Kleene.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::facts::{Number, Value};

/// One of three truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// What is known does not tell.
    Unknown,
}

impl Truth {
    /// `true` or `false` as a truth.
    pub fn of(is: bool) -> Self {
        if is { Self::True } else { Self::False }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What a test compares with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Operand {
    /// One word or number.
    One(String),
    /// Several words.
    Many(Vec<String>),
}

impl Operand {
    fn words(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
        }
    }
}

/// How a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Op {
    Eq,
    Ne,
    In,
    Gt,
    Gte,
    Lt,
    Lte,
    IsTrue,
    IsFalse,
    /// A value is known: never unknown itself.
    Exists,
    /// No value is known: never unknown itself.
    Unknown,
}

/// One test of one fact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The fact.
    pub fact: String,
    /// How.
    pub op: Op,
    /// With what; `is_true`, `is_false`, `exists` and `unknown` need nothing.
    #[serde(default)]
    pub value: Option<Operand>,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// Every one.
    All {
        /// Of these.
        all: Vec<Condition>,
    },
    /// At least one.
    Any {
        /// Of these.
        any: Vec<Condition>,
    },
    /// Not this one.
    Not {
        /// This one.
        not: Box<Condition>,
    },
    /// A test.
    Test(Test),
}

/// One test with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The fact.
    pub fact: String,
    /// How it was compared.
    pub op: Op,
    /// With what.
    pub with: Vec<String>,
    /// What is known of the fact.
    pub value: Option<String>,
    /// What came out.
    pub result: Truth,
}

impl Condition {
    /// Evaluates, and adds every test to `trace` in the order of the condition.
    pub fn evaluate(&self, look: &mut dyn FnMut(&str) -> Option<Value>, trace: &mut Vec<Tested>) -> Truth {
        match self {
            // Every part is evaluated: the trace must be whole.
            Self::All { all } => {
                all.iter().fold(Truth::True, |so_far, one| so_far.and(one.evaluate(look, trace)))
            }
            Self::Any { any } => {
                any.iter().fold(Truth::False, |so_far, one| so_far.or(one.evaluate(look, trace)))
            }
            Self::Not { not } => not.evaluate(look, trace).not(),
            Self::Test(test) => {
                let value = look(&test.fact);
                let result = test.result(value.as_ref());
                trace.push(Tested {
                    fact: test.fact.clone(),
                    op: test.op,
                    with: test.value.as_ref().map_or_else(Vec::new, |with| with.words().to_vec()),
                    value: value.map(|value| value.to_string()),
                    result,
                });
                result
            }
        }
    }

    /// Every fact that it tests.
    pub fn facts(&self) -> BTreeSet<&str> {
        match self {
            Self::All { all: parts } | Self::Any { any: parts } => {
                parts.iter().flat_map(Self::facts).collect()
            }
            Self::Not { not } => not.facts(),
            Self::Test(test) => [test.fact.as_str()].into(),
        }
    }
}

impl Test {
    /// The outcome for what is known of the fact.
    pub fn result(&self, value: Option<&Value>) -> Truth {
        let words = self.value.as_ref().map_or(&[][..], Operand::words);
        match (self.op, value) {
            (Op::Exists, value) => Truth::of(value.is_some()),
            (Op::Unknown, value) => Truth::of(value.is_none()),
            (_, None) => Truth::Unknown,
            (Op::IsTrue, Some(value)) => is(value, true),
            (Op::IsFalse, Some(value)) => is(value, false),
            (Op::Eq | Op::In, Some(value)) => any_equal(value, words),
            (Op::Ne, Some(value)) => any_equal(value, words).not(),
            (Op::Gt, Some(value)) => ordered(value, words, Ordering::is_gt),
            (Op::Gte, Some(value)) => ordered(value, words, Ordering::is_ge),
            (Op::Lt, Some(value)) => ordered(value, words, Ordering::is_lt),
            (Op::Lte, Some(value)) => ordered(value, words, Ordering::is_le),
        }
    }
}

/// A value that is no yes or no cannot tell.
fn is(value: &Value, wanted: bool) -> Truth {
    match value {
        Value::Bool(is) => Truth::of(*is == wanted),
        Value::Word(word) if word == "yes" => Truth::of(wanted),
        Value::Word(word) if word == "no" => Truth::of(!wanted),
        _ => Truth::Unknown,
    }
}

/// Any item of the value equals any of the words.
fn any_equal(value: &Value, words: &[String]) -> Truth {
    let items: Vec<String> = match value {
        Value::List(items) => items.clone(),
        other => vec![other.to_string()],
    };
    let pairs = items.iter().flat_map(|item| words.iter().map(move |word| (item, word)));
    pairs.fold(Truth::False, |so_far, (item, word)| so_far.or(equal(item, word)))
}

fn equal(item: &str, word: &str) -> Truth {
    if item == word {
        return Truth::True;
    }
    let open = item == "possible" && (word == "yes" || word == "no");
    if open { Truth::Unknown } else { Truth::False }
}

fn ordered(value: &Value, words: &[String], holds: fn(Ordering) -> bool) -> Truth {
    let (Value::Number(number), [word]) = (value, words) else { return Truth::Unknown };
    let ordering = Number::parse(word).and_then(|other| number.partial_cmp(&other));
    ordering.map_or(Truth::Unknown, |ordering| Truth::of(holds(ordering)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use Truth::{False as F, True as T, Unknown as U};

    const ALL: [Truth; 3] = [T, F, U];

    /// The tables of Kleene's strong logic, written out.
    const AND: [[Truth; 3]; 3] = [[T, F, U], [F, F, F], [U, F, U]];
    const OR: [[Truth; 3]; 3] = [[T, T, T], [T, F, U], [T, U, U]];
    const NOT: [Truth; 3] = [F, T, U];

    fn at(truth: Truth) -> usize {
        ALL.iter().position(|one| *one == truth).expect("one of three")
    }

    fn test(fact: &str, op: Op, with: &[&str]) -> Test {
        let words: Vec<String> = with.iter().map(|word| (*word).to_owned()).collect();
        let value = match words.as_slice() {
            [] => None,
            [one] if op != Op::In => Some(Operand::One(one.clone())),
            _ => Some(Operand::Many(words)),
        };
        Test { fact: fact.to_owned(), op, value }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the table has None beside it")]
    fn word(text: &str) -> Option<Value> {
        Some(Value::Word(text.to_owned()))
    }

    #[test]
    fn each_operation_by_a_table() {
        let number = |text| Some(Value::Number(Number::parse(text).expect("a number")));
        let list = |items: &[&str]| Some(Value::List(items.iter().map(|one| (*one).to_owned()).collect()));
        let table: &[(Op, &[&str], Option<Value>, Truth)] = &[
            (Op::Eq, &["BE"], word("BE"), T),
            (Op::Eq, &["BE"], word("FR"), F),
            (Op::Eq, &["BE"], None, U),
            (Op::Ne, &["BE"], word("FR"), T),
            (Op::Ne, &["BE"], None, U),
            (Op::Eq, &["yes"], word("yes"), T),
            (Op::Eq, &["yes"], word("no"), F),
            (Op::Eq, &["yes"], word("possible"), U),
            (Op::Ne, &["yes"], word("possible"), U),
            (Op::Eq, &["no"], word("possible"), U),
            (Op::In, &["possible", "yes"], word("possible"), T),
            (Op::In, &["possible", "yes"], word("no"), F),
            (Op::In, &["possible", "yes"], None, U),
            (Op::In, &["EU", "NATO"], list(&["BE", "NATO"]), T),
            (Op::In, &["EU", "NATO"], list(&["BE"]), F),
            (Op::In, &["EU", "NATO"], None, U),
            (Op::IsTrue, &[], Some(Value::Bool(true)), T),
            (Op::IsTrue, &[], Some(Value::Bool(false)), F),
            (Op::IsTrue, &[], word("possible"), U),
            (Op::IsTrue, &[], None, U),
            (Op::IsFalse, &[], Some(Value::Bool(false)), T),
            (Op::IsFalse, &[], None, U),
            (Op::Exists, &[], Some(Value::Bool(false)), T),
            (Op::Exists, &[], None, F),
            (Op::Unknown, &[], None, T),
            (Op::Unknown, &[], Some(Value::Bool(true)), F),
            (Op::Gte, &["0.2"], number("0.20"), T),
            (Op::Gt, &["0.2"], number("0.2"), F),
            (Op::Lt, &["60"], number("9"), T),
            (Op::Lte, &["60"], number("61"), F),
            (Op::Gte, &["60"], None, U),
        ];
        for (op, with, value, wanted) in table {
            assert_eq!(test("f", *op, with).result(value.as_ref()), *wanted, "{op:?} {with:?} {value:?}");
        }
    }

    /// A condition over facts `0`, `1`, `2` whose truth is given.
    fn condition() -> impl Strategy<Value = Condition> {
        let leaf = (0..3_u8).prop_map(|fact| Condition::Test(test(&fact.to_string(), Op::IsTrue, &[])));
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|all| Condition::All { all }),
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|any| Condition::Any { any }),
                inner.prop_map(|not| Condition::Not { not: Box::new(not) }),
            ]
        })
    }

    /// The same by the tables alone.
    fn by_table(condition: &Condition, truths: [Truth; 3]) -> Truth {
        match condition {
            Condition::All { all } => {
                all.iter().fold(T, |so_far, one| AND[at(so_far)][at(by_table(one, truths))])
            }
            Condition::Any { any } => {
                any.iter().fold(F, |so_far, one| OR[at(so_far)][at(by_table(one, truths))])
            }
            Condition::Not { not } => NOT[at(by_table(not, truths))],
            Condition::Test(test) => truths[test.fact.parse::<usize>().expect("a number")],
        }
    }

    fn known(truths: [Truth; 3]) -> impl FnMut(&str) -> Option<Value> {
        move |fact| match truths[fact.parse::<usize>().expect("a number")] {
            T => Some(Value::Bool(true)),
            F => Some(Value::Bool(false)),
            U => None,
        }
    }

    proptest! {
        #[test]
        fn evaluation_agrees_with_the_tables(condition in condition(), a in 0..3_usize, b in 0..3_usize, c in 0..3_usize) {
            let truths = [ALL[a], ALL[b], ALL[c]];
            let mut trace = Vec::new();
            let result = condition.evaluate(&mut known(truths), &mut trace);
            prop_assert_eq!(result, by_table(&condition, truths));
        }

        /// What is decided stays decided when more becomes known.
        #[test]
        fn knowing_more_never_turns_an_answer_round(condition in condition(), a in 0..3_usize, b in 0..3_usize, learned in any::<bool>()) {
            let before = condition.evaluate(&mut known([ALL[a], ALL[b], U]), &mut Vec::new());
            let after = condition.evaluate(&mut known([ALL[a], ALL[b], Truth::of(learned)]), &mut Vec::new());
            prop_assert!(before == U || before == after, "{:?} became {:?}", before, after);
        }
    }
}
