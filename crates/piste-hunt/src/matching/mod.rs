//! The tests of one field, ready to be asked of values.
//!
//! In: a field's tests. Out: for a value, the numbers of the tests that it meets, found in one pass over every literal of
//! every text, pattern and regular expression; what is no literal is tried only where a literal that it needs
//! was seen.

mod glob;
mod grams;
mod required;
mod times;

use std::net::IpAddr;
use std::sync::OnceLock;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use ipnet::IpNet;
use piste_model::address;
use regex::Regex;

use crate::plan::{Number, Op, Order, Piece, Test, TimePart, fold, fold_into};
use glob::Glob;
use grams::Grams;
pub(crate) use grams::Sieve;

/// Checks beside literals up to which asking costs less than remembering the answer.
const QUICK_CHECKS_MAX: usize = 16;

/// What to do where a literal ends.
#[derive(Debug, Clone, Copy)]
enum Seen {
    /// It need only be there.
    Anywhere(u32),
    /// It must begin the value.
    AtStart(u32),
    /// It must end the value.
    AtEnd(u32),
    /// Something further is to be checked.
    Check(usize),
}

/// What is checked once a literal was seen, or always.
#[derive(Debug)]
struct Check {
    test: u32,
    how: How,
}

#[derive(Debug)]
enum How {
    /// With case, in the value as written.
    Cased(Op, String),
    Glob(Glob),
    Regex(String, OnceLock<Option<Regex>>),
}

/// The tests of one field.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    /// Folded values to the tests for them alone.
    exact: HashMap<String, Vec<u32>, RandomState>,
    literals: Option<Grams>,
    /// By literal.
    seen: Vec<Vec<Seen>>,
    /// By literal: whether its first place in a value is as good as any.
    anywhere: Vec<bool>,
    /// Of the empty literal.
    empty: Vec<Seen>,
    checks: Vec<Check>,
    /// Checks for which no literal is known.
    always: Vec<usize>,
    /// Asking costs less than remembering the answer.
    quick: bool,
    numbers: Vec<(Order, Number, u32)>,
    networks: Vec<(IpNet, u32)>,
    flags: Vec<(bool, u32)>,
    times: Vec<(TimePart, Number, u32)>,
}

/// Memory for asking, used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    folded: String,
    checked: Vec<usize>,
    /// By literal: the value that it was last seen in, by number.
    last: Vec<u64>,
    value: u64,
}

impl Matcher {
    pub(crate) fn new(tests: &[Test]) -> Self {
        let mut matcher = Self::default();
        let mut literals: HashMap<String, Vec<Seen>, RandomState> = HashMap::default();
        for (number, test) in (0_u32..).zip(tests) {
            matcher.add(number, test, &mut literals);
        }
        let mut literals: Vec<(String, Vec<Seen>)> = literals.into_iter().collect();
        literals.sort_by(|a, b| a.0.cmp(&b.0));
        // The empty text is in every value, at its start and at its end.
        if literals.first().is_some_and(|(text, _)| text.is_empty()) {
            matcher.empty = literals.remove(0).1;
        }
        matcher.literals =
            (!literals.is_empty()).then(|| Grams::new(literals.iter().map(|one| one.0.as_str())));
        let placed = |seen: &Seen| matches!(seen, Seen::AtStart(_) | Seen::AtEnd(_));
        matcher.anywhere = literals.iter().map(|(_, seen)| !seen.iter().any(placed)).collect();
        matcher.seen = literals.into_iter().map(|(_, seen)| seen).collect();
        matcher.quick = matcher.always.is_empty() && matcher.checks.len() <= QUICK_CHECKS_MAX;
        matcher
    }

    fn add(&mut self, test: u32, asked: &Test, literals: &mut HashMap<String, Vec<Seen>, RandomState>) {
        let mut literal = |text: &str, seen| literals.entry(text.to_owned()).or_default().push(seen);
        match asked {
            Test::Text(Op::Exact, text, false) => self.exact.entry(text.clone()).or_default().push(test),
            Test::Text(Op::Contains, text, false) => literal(text, Seen::Anywhere(test)),
            Test::Text(Op::StartsWith, text, false) => literal(text, Seen::AtStart(test)),
            Test::Text(Op::EndsWith, text, false) => literal(text, Seen::AtEnd(test)),
            Test::Text(op, text, true) => {
                let check = self.check(test, How::Cased(*op, text.clone()));
                if text.is_empty() {
                    self.always.push(check);
                } else {
                    literal(&fold(text), Seen::Check(check));
                }
            }
            Test::Glob(pieces, cased) => {
                let check = self.check(test, How::Glob(Glob::new(pieces, *cased)));
                let longest = pieces.iter().filter_map(|piece| match piece {
                    Piece::Text(text) => Some(if *cased { fold(text) } else { text.clone() }),
                    Piece::One | Piece::Any => None,
                });
                match longest.max_by_key(String::len) {
                    Some(text) => literal(&text, Seen::Check(check)),
                    None => self.always.push(check),
                }
            }
            Test::Regex(pattern) => {
                let check = self.check(test, How::Regex(pattern.clone(), OnceLock::new()));
                match required::literals(pattern) {
                    Some(any) => any.iter().for_each(|text| literal(text, Seen::Check(check))),
                    None => self.always.push(check),
                }
            }
            Test::Network(network) => {
                self.networks.extend(network.parse::<IpNet>().ok().map(|net| (net.trunc(), test)));
            }
            Test::Number(order, number) => self.numbers.push((*order, *number, test)),
            Test::Flag(flag) => self.flags.push((*flag, test)),
            Test::Time(part, number) => self.times.push((*part, *number, test)),
        }
    }

    /// No test is met by a value that holds none of the literals and is none of the exact texts.
    fn only_literals(&self) -> bool {
        self.empty.is_empty()
            && self.always.is_empty()
            && self.numbers.is_empty()
            && self.networks.is_empty()
            && self.flags.is_empty()
            && self.times.is_empty()
    }

    /// What tells the values that may meet a test; `None` where that would be most of them.
    pub(crate) fn sieve(&self) -> Option<Sieve> {
        if !self.only_literals() {
            return None;
        }
        let literals = self.literals.iter().flat_map(Grams::literals);
        let mut texts: Vec<&[u8]> = literals.chain(self.exact.keys().map(String::as_bytes)).collect();
        texts.sort_unstable();
        if texts.first().is_some_and(|text| text.is_empty()) {
            return None;
        }
        // Only values in ASCII are sieved: they hold no other text.
        texts.retain(|text| text.is_ascii());
        Sieve::new(texts.into_iter())
    }

    /// Whether asking costs less than remembering the answer.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    fn check(&mut self, test: u32, how: How) -> usize {
        self.checks.push(Check { test, how });
        self.checks.len() - 1
    }

    /// The tests that a value meets, ascending, each once.
    pub(crate) fn ask(&self, value: &str, scratch: &mut Scratch, met: &mut Vec<u32>) {
        met.clear();
        fold_into(value, &mut scratch.folded);
        let Scratch { folded, checked, last, value: number } = scratch;
        if let Some(tests) = self.exact.get(folded.as_str()) {
            met.extend_from_slice(tests);
        }
        checked.clear();
        checked.extend_from_slice(&self.always);
        let mut see = |seen: &[Seen], at_start: bool, at_end: bool| {
            for seen in seen {
                match *seen {
                    Seen::Anywhere(test) => met.push(test),
                    Seen::AtStart(test) if at_start => met.push(test),
                    Seen::AtEnd(test) if at_end => met.push(test),
                    Seen::AtStart(_) | Seen::AtEnd(_) => {}
                    Seen::Check(check) => checked.push(check),
                }
            }
        };
        see(&self.empty, true, true);
        if let Some(literals) = &self.literals {
            *number += 1;
            if last.len() < self.seen.len() {
                last.resize(self.seen.len(), 0);
            }
            let last = std::cell::RefCell::new(last);
            let ends = folded.len();
            // Where else a literal stands matters only to tests at the end.
            let mut passed = |literal: usize| {
                last.borrow().get(literal) == Some(number) && self.anywhere.get(literal) == Some(&true)
            };
            literals.find(folded.as_bytes(), &mut passed, &mut |literal, start, end| {
                if let Some(last) = last.borrow_mut().get_mut(literal) {
                    *last = *number;
                }
                see(self.seen.get(literal).map_or(&[], Vec::as_slice), start == 0, end == ends);
            });
        }
        checked.sort_unstable();
        checked.dedup();
        for check in checked.iter().filter_map(|at| self.checks.get(*at)) {
            if check.how.holds(value, folded) {
                met.push(check.test);
            }
        }
        self.ask_as_other_than_text(value, met);
        met.sort_unstable();
        met.dedup();
    }

    fn ask_as_other_than_text(&self, value: &str, met: &mut Vec<u32>) {
        if !self.numbers.is_empty()
            && let Some(number) = number_in(value)
        {
            let holds = |order: Order, than: f64| match order {
                Order::Equal => number.total_cmp(&than).is_eq() || (number - than).abs() < f64::EPSILON,
                Order::Greater => number > than,
                Order::AtLeast => number >= than,
                Order::Less => number < than,
                Order::AtMost => number <= than,
            };
            met.extend(self.numbers.iter().filter(|(order, than, _)| holds(*order, than.0)).map(|one| one.2));
        }
        if !self.networks.is_empty()
            && let Some(plain) = address::parse(value)
        {
            // `::ffff:10.0.0.1` is how Windows writes 10.0.0.1 where both kinds may stand: rules may ask for either.
            let mapped = match plain {
                IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
                IpAddr::V6(_) => plain,
            };
            let holds = |net: &IpNet| net.contains(&plain) || net.contains(&mapped);
            met.extend(self.networks.iter().filter(|(net, _)| holds(net)).map(|one| one.1));
        }
        if !self.flags.is_empty()
            && let Some(flag) = flag_in(value)
        {
            met.extend(self.flags.iter().filter(|(asked, _)| *asked == flag).map(|one| one.1));
        }
        for (part, number, test) in &self.times {
            if times::part_of(value, *part).is_some_and(|found| Number(f64::from(found)) == *number) {
                met.push(*test);
            }
        }
    }
}

impl How {
    fn holds(&self, value: &str, folded: &str) -> bool {
        match self {
            Self::Cased(op, text) => compare(*op, value, text),
            Self::Glob(glob) => glob.matches(if glob.cased { value } else { folded }),
            Self::Regex(pattern, built) => {
                // That it compiles was checked when the rule was loaded.
                let built = built.get_or_init(|| Regex::new(pattern).ok());
                built.as_ref().is_some_and(|regex| regex.is_match(value))
            }
        }
    }
}

/// Compares two texts as they are.
pub(crate) fn compare(op: Op, value: &str, with: &str) -> bool {
    match op {
        Op::Exact => value == with,
        Op::Contains => value.contains(with),
        Op::StartsWith => value.starts_with(with),
        Op::EndsWith => value.ends_with(with),
    }
}

/// A decimal number; words such as `inf` are none.
fn number_in(value: &str) -> Option<f64> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    value.parse().ok()
}

fn flag_in(value: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is(["true", "1", "yes"]) { Some(true) } else { is(["false", "0", "no"]).then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(op: Op, text: &str, cased: bool) -> Test {
        Test::Text(op, if cased { text.to_owned() } else { fold(text) }, cased)
    }

    /// Every test is asked alone and among all others.
    #[track_caller]
    fn check(test: &Test, yes: &[&str], no: &[&str]) {
        let among: Vec<Test> = [
            text(Op::Contains, "e", false),
            text(Op::EndsWith, ".exe", false),
            Test::Regex("(?i)x+y".into()),
            Test::Number(Order::Greater, Number(3.0)),
            test.clone(),
        ]
        .into();
        for tests in [std::slice::from_ref(test), &among] {
            let matcher = Matcher::new(tests);
            let last = u32::try_from(tests.len() - 1).expect("few tests");
            for (values, expected) in [(yes, true), (no, false)] {
                for value in values {
                    let mut met = Vec::new();
                    matcher.ask(value, &mut Scratch::default(), &mut met);
                    assert_eq!(met.contains(&last), expected, "{test:?} of {value:?} among {}", tests.len());
                }
            }
        }
    }

    #[test]
    fn texts_are_compared_without_case_unless_asked() {
        check(&text(Op::Contains, r"\WhoAmI", false), &[r"C:\WHOAMI.exe", r"\whoami"], &["whoami", "", "-"]);
        check(&text(Op::StartsWith, "é", false), &["Élan", "é"], &["xé", "e\u{301}x"]);
        check(&text(Op::EndsWith, "ß.EXE", false), &["aß.exe"], &["ß.exe ", "ss.exe"]);
        check(&text(Op::Exact, "", false), &[""], &[" ", "-"]);
        check(&text(Op::Exact, "A", true), &["A"], &["a", "AA"]);
        check(&text(Op::Contains, "aB", true), &["xaBx", "ABaB"], &["AB", "ab"]);
        check(&text(Op::Contains, "ΟΔΟΣ", false), &["x οδοσ", "ΟΔΟΣΟΔ"], &["οδος"]);
    }

    #[test]
    fn wildcards_stand_for_any_text() {
        let glob = |pieces: &[Piece]| Test::Glob(pieces.to_vec(), false);
        let word = |text: &str| Piece::Text(text.to_owned());
        let pattern = glob(&[word("a"), Piece::Any, word("b"), Piece::One, word("c")]);
        check(&pattern, &["A--Bxc", "ab\nc", "abbéc", "abbbxbbc"], &["abc", "abxcd", "xabxc", ""]);
        check(&glob(&[Piece::One]), &["a", "é", "\n"], &["", "ab"]);
        check(
            &Test::Glob(vec![word("A"), Piece::Any, word("B"), Piece::Any], true),
            &["AxB"],
            &["axB", "Axb"],
        );
    }

    #[test]
    fn regular_expressions_are_as_written() {
        check(&Test::Regex("ab+c".into()), &["xabbc"], &["ABC", "ac"]);
        check(&Test::Regex("(?i)(foo|bar)baz".into()), &["FOObaz", "xBarBaz"], &["foo baz"]);
        check(&Test::Regex("^.{3}$".into()), &["abc", "éàü"], &["abcd", "ab\n"]);
        check(&Test::Regex("(?i)Kelvin".into()), &["\u{212a}elvin", "KELVIN"], &["elvin"]);
        check(&Test::Regex(r"(?s)a.*b".into()), &["a\nb"], &["b a"]);
    }

    #[test]
    fn numbers_networks_flags_and_times_are_read_from_text() {
        check(
            &Test::Number(Order::Equal, Number(10.0)),
            &["10", "10.0", "+10", "010"],
            &["10a", "", "0x10", "1 0"],
        );
        check(&Test::Number(Order::Less, Number(0.0)), &["-1", "-0.5"], &["0", "-", "-inf", "x"]);
        check(
            &Test::Network("10.0.0.0/8".into()),
            &["10.1.2.3", "::ffff:10.0.0.9", "10.1.2.3:49152"],
            &["11.0.0.1", "10.0.0", "-"],
        );
        check(
            &Test::Network("fe80::/10".into()),
            &["fe80::1", "fe80::8d3:1%12", "[fe80::1%3]:88"],
            &["::1", "10.0.0.1"],
        );
        check(&Test::Flag(true), &["true", "TRUE", "1", "yes"], &["false", "0", "", "truee"]);
        let hour = Test::Time(TimePart::Hour, Number(1.0));
        check(&hour, &["2021-03-14 01:40:12.987", "2021-03-14T01:00:00Z"], &["2021-03-14 02:40:12", "1", ""]);
    }
}
