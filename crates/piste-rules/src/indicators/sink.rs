//! Where every format puts what it reads.
//!
//! In: values with their place. Out: [`Indicators`]: each once, whatever the number of its sources, and an issue for each
//! that is not looked for. Of very many faults of one kind in one file the first are named and the rest counted.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use piste_model::Issue;
use regex::RegexBuilder;

use super::expression::Expression;
use super::kind::Hint;
use super::value::{self, Value, Why};
use super::{About, Format, Indicator, Indicators, Kind, Origin, SourceFile, Test, Tests, refused};

/// Issues of one kind that are named for one file.
const NAMED_MAX: u64 = 100;
/// Sources of one indicator that are kept.
const ORIGINS_MAX: usize = 100;
/// Values of one cell.
const SEVERAL_MAX: usize = 1_000;
/// Regular expressions of all files.
const PATTERNS_MAX: usize = 2_000;
/// Bytes of one compiled expression.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why something is not looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A line, an element or a value that is none.
    NotUnderstood,
    /// Everyone has it.
    Refused,
    /// A kind that Piste does not look for.
    NotSupported,
    /// A pattern that is no pattern.
    BadPattern,
    /// A pattern that no single row can show.
    NotInOneRow,
    /// The source says that it is not meant for detection, or takes it back.
    NotMeant,
}

impl Fault {
    fn slug(self) -> &'static str {
        match self {
            Self::NotUnderstood => "indicator-not-understood",
            Self::Refused => "indicator-refused",
            Self::NotSupported => "indicator-not-supported",
            Self::BadPattern => "indicator-pattern",
            Self::NotInOneRow => "indicator-not-in-one-row",
            Self::NotMeant => "indicator-not-meant",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::NotUnderstood => "correct the value, or give its type in a CSV column `type`",
            Self::Refused => {
                "ask the source for something more telling; `piste search` finds the value all the same"
            }
            Self::NotSupported => "look for it with `piste search`, or write a Sigma rule",
            Self::BadPattern => "ask the source for a pattern after STIX 2.1, section 9",
            Self::NotInOneRow => "write it as a Sigma correlation, or look for its parts one by one",
            Self::NotMeant => "set to_ids, or give the value in a list, if it is to be looked for",
        }
    }
}

/// Where a value stands and what the source says of it.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    /// From 1; 0 where the format has no lines.
    pub(super) line: u32,
    /// The source's identifier.
    pub(super) id: Option<&'a str>,
    pub(super) about: Arc<About>,
}

/// Takes in what files hold.
#[derive(Default)]
pub(super) struct Sink {
    out: Indicators,
    known: HashTable<u32>,
    named: BTreeMap<Fault, u64>,
    /// Remarks of this file.
    remarks: u64,
    patterns: usize,
    hasher: FixedState,
}

impl Sink {
    /// Begins a file.
    pub(super) fn begin(&mut self, path: &str, sha256: String, format: Format) {
        let path = path.to_owned();
        let file = SourceFile { path, sha256, format, understood: 0, repeated: 0, left_out: 0 };
        self.out.files.push(file);
        self.named.clear();
        self.remarks = 0;
    }

    /// Ends a file; answers what was understood of it, and the first reason for what was not.
    pub(super) fn end(&mut self) -> (u64, Option<String>) {
        let Some(file) = self.out.files.last() else { return (0, None) };
        let (path, understood) = (file.path.clone(), file.understood);
        let of_file = |issue: &&Issue| issue.path == path || issue.path.starts_with(&format!("{path}:"));
        let first =
            self.out.issues.iter().find(of_file).map(|issue| format!("{}: {}", issue.path, issue.what));
        for (fault, count) in std::mem::take(&mut self.named) {
            let more = count.saturating_sub(NAMED_MAX);
            if more > 0 {
                self.out.issues.push(Issue::new(
                    fault.slug(),
                    path.clone(),
                    format!("{more} more of this kind are in the file"),
                    "these indicators are not looked for",
                    fault.hint(),
                ));
            }
        }
        (understood, first)
    }

    /// What was read.
    pub(super) fn finish(self) -> Indicators {
        self.out
    }

    /// A value; `hint` is what the source calls it.
    pub(super) fn value(&mut self, text: &str, hint: Hint, place: &Place<'_>) {
        match value::read(text, hint) {
            Ok(value) => self.add(value, place),
            Err(Why::NotUnderstood(why)) => match several(text, hint) {
                Some(values) => values.into_iter().for_each(|value| self.add(value, place)),
                None => self.fault(Fault::NotUnderstood, place, &why),
            },
            Err(Why::NotSupported(why)) => {
                let text: String = text.chars().take(100).collect();
                self.fault(Fault::NotSupported, place, &format!("`{text}`: {why}"));
            }
        }
    }

    /// Tests that belong together.
    pub(super) fn expression(&mut self, expression: Expression, place: &Place<'_>) {
        let alternatives = match expression.alternatives() {
            Ok(alternatives) => alternatives,
            Err(why) => return self.fault(Fault::NotInOneRow, place, &why),
        };
        for mut tests in alternatives {
            let value = match (tests.pop(), tests.is_empty()) {
                (None, _) => continue,
                (Some(Test::Port(port)), true) => {
                    self.fault(Fault::Refused, place, &format!("port {port} alone proves nothing"));
                    continue;
                }
                (Some(test), true) => Value::of(test),
                (Some(test), false) => {
                    tests.push(test);
                    together(tests)
                }
            };
            self.add(value, place);
        }
    }

    /// A value that was understood.
    pub(super) fn add(&mut self, value: Value, place: &Place<'_>) {
        if let Some(why) = refused::why_of(&value.tests) {
            let shown = value.shown.as_deref().map_or_else(|| texts(&value.tests), str::to_owned);
            return self.fault(Fault::Refused, place, &format!("{} `{shown}`: {why}", value.kind));
        }
        if let Some(why) = self.pattern_fault(&value.tests) {
            return self.fault(Fault::BadPattern, place, &why);
        }
        let file = self.out.files.len().saturating_sub(1);
        let origin = Origin {
            file: u32::try_from(file).unwrap_or(u32::MAX),
            line: place.line,
            id: place.id.map(Into::into),
            about: Arc::clone(&place.about),
        };
        if let Some(file) = self.out.files.last_mut() {
            file.understood += 1;
        }
        let Self { out, known, hasher, .. } = self;
        let tests = |at: u32| usize::try_from(at).ok().and_then(|at| out.all.get(at)).map(|one| &one.tests);
        let hash = hasher.hash_one(&value.tests);
        let found = known.find(hash, |at| tests(*at) == Some(&value.tests)).copied();
        if let Some(at) = found.and_then(|at| usize::try_from(at).ok()) {
            if let Some(one) = out.all.get_mut(at)
                && one.further.len() + 1 < ORIGINS_MAX
            {
                one.further.push(origin);
            }
            if let Some(file) = out.files.last_mut() {
                file.repeated += 1;
            }
            return;
        }
        let Ok(at) = u32::try_from(out.all.len()) else { return };
        known.insert_unique(hash, at, |at| tests(*at).map_or(0, |tests| hasher.hash_one(tests)));
        let Value { kind, tests, shown } = value;
        out.all.push(Indicator { kind, tests, shown, origin, further: Vec::new() });
    }

    /// Why an expression among the tests cannot be run.
    fn pattern_fault(&mut self, tests: &Tests) -> Option<String> {
        for test in tests.all() {
            let Test::Matches(_, pattern, _) = test else { continue };
            if self.patterns >= PATTERNS_MAX {
                return Some(format!("there are more than {PATTERNS_MAX} regular expressions"));
            }
            let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
            if let Err(error) = built {
                let last = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                return Some(format!("the regular expression cannot be run: {last}"));
            }
            self.patterns += 1;
        }
        None
    }

    /// Names what a source says of a value that is looked for, and that is not understood.
    pub(super) fn remark(&mut self, place: &Place<'_>, what: &str) {
        let Some(file) = self.out.files.last() else { return };
        self.remarks += 1;
        if self.remarks > NAMED_MAX {
            return;
        }
        self.out.issues.push(Issue::new(
            "indicator-remark",
            if place.line == 0 { file.path.clone() } else { format!("{}:{}", file.path, place.line) },
            what,
            "the indicator is looked for without it",
            "write dates as 2021-03-02 and markings as TLP:AMBER",
        ));
    }

    /// Names something that is not looked for.
    pub(super) fn fault(&mut self, fault: Fault, place: &Place<'_>, what: &str) {
        let Some(file) = self.out.files.last_mut() else { return };
        file.left_out += 1;
        let count = self.named.entry(fault).or_default();
        *count += 1;
        if *count > NAMED_MAX {
            return;
        }
        let path = if place.line == 0 { file.path.clone() } else { format!("{}:{}", file.path, place.line) };
        let what = place.id.map_or_else(|| what.to_owned(), |id| format!("{id}: {what}"));
        self.out.issues.push(Issue::new(
            fault.slug(),
            path,
            what,
            "this indicator is not looked for",
            fault.hint(),
        ));
    }
}

/// The values of a cell that holds several, each of which must be one.
fn several(text: &str, hint: Hint) -> Option<Vec<Value>> {
    let parts: Vec<&str> =
        text.split([',', ';', '|', ' ', '\t', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() < 2 || parts.len() > SEVERAL_MAX {
        return None;
    }
    parts.into_iter().map(|part| value::read(part, hint).ok()).collect()
}

fn together(mut tests: Vec<Test>) -> Value {
    tests.sort_by_key(|test| matches!(test, Test::Port(_)));
    if let [host, Test::Port(port)] = tests.as_slice()
        && let Some(value) = value::with_port(host.clone(), &port.to_string())
    {
        return value;
    }
    let mut hosts = tests.iter().filter(|test| !matches!(test, Test::Port(_)));
    let kind = match (hosts.next(), hosts.next()) {
        (Some(only), None) => only.kind(),
        _ => Kind::Pattern,
    };
    let part = |test: &Test| match test {
        Test::Port(_) => test.text(),
        test => format!("{} {}", test.kind(), test.text()),
    };
    let shown = tests.iter().map(part).collect::<Vec<_>>().join(" AND ");
    Value { kind, tests: Tests::All(tests.into()), shown: Some(shown.into()) }
}

fn texts(tests: &Tests) -> String {
    tests.all().iter().map(Test::text).collect::<Vec<_>>().join(" AND ")
}
