//! The tests of one field, ready to be asked of values.
//!
//! In: a field's tests. Out: for a value, the numbers of the tests that it meets, found in one pass: one automaton holds every
//! literal of every text, pattern and regular expression; what is no literal is tried only where a literal that it needs
//! was seen.

mod glob;
mod required;
mod times;

use std::net::IpAddr;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use ipnet::IpNet;
use regex::Regex;

use crate::plan::{Number, Op, Order, Piece, Test, TimePart, fold, fold_into};
use glob::Glob;

/// Bytes of literals up to which the automaton is a table: several times as fast, and larger (some 500 bytes for each).
const TABLE_BYTES_MAX: usize = 16_000;

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
    literals: Option<AhoCorasick>,
    /// By literal.
    seen: Vec<Vec<Seen>>,
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
        let bytes: usize = literals.iter().map(|(text, _)| text.len()).sum();
        let table = bytes <= TABLE_BYTES_MAX;
        let kind = Some(if table { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA });
        matcher.quick = table && matcher.always.is_empty();
        let texts = literals.iter().map(|(text, _)| text);
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(kind).build(texts);
        match built {
            Ok(automaton) if !literals.is_empty() => {
                matcher.literals = Some(automaton);
                matcher.seen = literals.into_iter().map(|(_, seen)| seen).collect();
            }
            _ => matcher.look_one_by_one(literals),
        }
        matcher
    }

    /// Where the automaton would be too large, every text is looked for on its own: slower, and the same.
    fn look_one_by_one(&mut self, literals: Vec<(String, Vec<Seen>)>) {
        for (text, seen) in literals {
            for one in seen {
                let (test, op) = match one {
                    Seen::Anywhere(test) => (test, Op::Contains),
                    Seen::AtStart(test) => (test, Op::StartsWith),
                    Seen::AtEnd(test) => (test, Op::EndsWith),
                    Seen::Check(at) => {
                        self.always.push(at);
                        continue;
                    }
                };
                let pieces = match op {
                    Op::Contains => vec![Piece::Any, Piece::Text(text.clone()), Piece::Any],
                    Op::StartsWith => vec![Piece::Text(text.clone()), Piece::Any],
                    Op::EndsWith | Op::Exact => vec![Piece::Any, Piece::Text(text.clone())],
                };
                self.always.push(self.checks.len());
                self.checks.push(Check { test, how: How::Glob(Glob::new(&pieces, false)) });
            }
        }
        self.always.sort_unstable();
        self.always.dedup();
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
        let Scratch { folded, checked } = scratch;
        if let Some(tests) = self.exact.get(folded.as_str()) {
            met.extend_from_slice(tests);
        }
        checked.clear();
        checked.extend_from_slice(&self.always);
        if let Some(automaton) = &self.literals {
            for found in automaton.find_overlapping_iter(folded.as_str()) {
                for seen in self.seen.get(found.pattern().as_usize()).into_iter().flatten() {
                    match *seen {
                        Seen::Anywhere(test) => met.push(test),
                        Seen::AtStart(test) if found.start() == 0 => met.push(test),
                        Seen::AtEnd(test) if found.end() == folded.len() => met.push(test),
                        Seen::AtStart(_) | Seen::AtEnd(_) => {}
                        Seen::Check(check) => checked.push(check),
                    }
                }
            }
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
            && let Ok(address) = value.trim().parse::<IpAddr>()
        {
            // `::ffff:10.0.0.1` is how Windows writes 10.0.0.1 where both kinds may stand.
            let plain = address.to_canonical();
            let holds = |net: &IpNet| net.contains(&address) || net.contains(&plain);
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
            &["10.1.2.3", "::ffff:10.0.0.9"],
            &["11.0.0.1", "10.0.0", "-"],
        );
        check(&Test::Network("fe80::/10".into()), &["fe80::1"], &["::1", "10.0.0.1"]);
        check(&Test::Flag(true), &["true", "TRUE", "1", "yes"], &["false", "0", "", "truee"]);
        let hour = Test::Time(TimePart::Hour, Number(1.0));
        check(&hour, &["2021-03-14 01:40:12.987", "2021-03-14T01:00:00Z"], &["2021-03-14 02:40:12", "1", ""]);
    }
}
