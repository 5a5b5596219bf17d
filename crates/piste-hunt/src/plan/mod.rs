//! The plan of a hunt: what is asked of each field, and each rule as an expression over the answers.
//!
//! In: lowered rules. Out: a value that can be written and read back, so that a rule set is compiled once. Equal questions
//! of different rules are one: the hunt asks each once of each distinct value.

pub mod compile;
mod encode;
mod pattern;
mod weight;

use piste_rules::{Gate, NotRun, RuleSet};
use rsigma_ir::{LowerOptions, lower_rule};
use serde::{Deserialize, Serialize};

/// A hunt's questions and rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Fields that rules name, each with what is asked of its values.
    pub fields: Vec<Field>,
    /// What is asked of every text of an event.
    pub keywords: Vec<Test>,
    /// In the order of the rule set; `None` for a rule that could not be compiled.
    pub rules: Vec<Option<RulePlan>>,
}

/// A field and what is asked of its values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// As rules name it.
    pub name: String,
    /// Each once.
    pub tests: Vec<Test>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RulePlan {
    /// When it matches.
    pub matches: Expr,
    /// At least one of these holds in every row that matches; `None` where no such list is known.
    pub wake: Option<Vec<Leaf>>,
}

/// A question asked of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Leaf {
    /// Test of a field, both by index.
    Field(u32, u32),
    /// Test of keywords, by index.
    Keyword(u32),
}

/// What must be so in a row. A question about a field that the row lacks is answered no; `Not` inverts afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// Some value of the field meets the test, or some text of the event.
    Holds(Leaf),
    /// The row has the field.
    Present(u32),
    /// Two fields of the row compared.
    Same {
        /// Whose value is looked at.
        field: u32,
        /// Whose value is looked for.
        other: u32,
        /// How.
        op: Op,
        /// With case.
        cased: bool,
    },
    /// All of them; true of none.
    And(Vec<Expr>),
    /// Any of them; false of none.
    Or(Vec<Expr>),
    /// At least so many of them.
    AtLeast(u64, Vec<Expr>),
    /// Not so.
    Not(Box<Expr>),
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Op {
    /// The whole value.
    Exact,
    /// Anywhere in it.
    Contains,
    /// At its start.
    StartsWith,
    /// At its end.
    EndsWith,
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Order {
    /// Equal.
    Equal,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Day of the month.
    Day,
    /// ISO week.
    Week,
    /// 1 to 12.
    Month,
    /// Four digits.
    Year,
}

/// A piece of a pattern with wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Piece {
    /// These characters.
    Text(String),
    /// One character.
    One,
    /// Any run of characters, line breaks too.
    Any,
}

/// A finite number, ordered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What is asked of one value. Texts without case are folded already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Test {
    /// A text, not empty save for [`Op::Exact`].
    Text(Op, String, /* cased */ bool),
    /// A pattern for the whole value.
    Glob(Vec<Piece>, /* cased */ bool),
    /// A regular expression, flags included, looked for anywhere.
    Regex(String),
    /// An address of this network, `10.0.0.0/8`.
    Network(String),
    /// A number.
    Number(Order, Number),
    /// A truth value as it is written: true, 1, yes.
    Flag(bool),
    /// Part of a time.
    Time(TimePart, Number),
}

/// The plan of a rule set, and the rules that cannot be expressed with the reason.
pub fn plan(rules: &RuleSet) -> (Plan, Vec<NotRun>) {
    let mut compiler = compile::Compiler::default();
    let mut not_run = Vec::new();
    for rule in &rules.rules {
        let lowered = rule.sigma.as_ref().map(|sigma| lower_rule(sigma, &LowerOptions::default()));
        let reason = match lowered {
            // A rule that can look at no row has its reason already.
            _ if rule.gate == Gate::Nothing => {
                compiler.add_none();
                None
            }
            Some(Ok(lowered)) => compiler.add(&lowered),
            Some(Err(error)) => {
                compiler.add_none();
                Some(error.to_string())
            }
            None => {
                compiler.add_none();
                Some("the rule's text is not here".to_owned())
            }
        };
        not_run.extend(reason.map(|reason| NotRun::of(rule, "rule-not-compiled", reason)));
    }
    (compiler.finish(), not_run)
}

/// Text without case: each character in lower case, one by one, so that parts of a text fold as the whole does.
pub fn fold(text: &str) -> String {
    let mut folded = String::new();
    fold_into(text, &mut folded);
    folded
}

/// As [`fold`], into a buffer.
pub(crate) fn fold_into(text: &str, folded: &mut String) {
    folded.clear();
    if text.is_ascii() {
        folded.push_str(text);
        folded.make_ascii_lowercase();
    } else {
        folded.extend(text.chars().flat_map(char::to_lowercase));
    }
}
