//! Regular expressions of indicators: `LIKE` and `MATCHES`.
//!
//! In: an expression and the kind of value it is about. Out: which expressions a value meets. They are few; all of a kind go
//! into one automaton. They are held against fields that carry that kind and nothing else, whole; of a file's name against the
//! last part of a path.

use std::collections::BTreeMap;

use piste_rules::indicators::Kind;
use piste_rules::indicators::fields::Carries;
use regex::{RegexSet, RegexSetBuilder};

use super::index::Slot;

/// Bytes of one automaton; beyond, the expressions of a kind are run in several.
const SET_BYTES_MAX: usize = 64 << 20;
/// Expressions of one automaton.
const SET_MAX: usize = 200;

/// The expressions.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    given: BTreeMap<Kind, Vec<(Slot, String)>>,
    sets: Vec<(Kind, RegexSet, Vec<Slot>)>,
}

/// The fields that an expression is held against.
fn fields_of(kind: Kind) -> Carries {
    match kind {
        Kind::Ipv4Addr | Kind::Ipv6Addr | Kind::Network => Carries::ADDRESS,
        Kind::DomainName => Carries::DOMAIN,
        Kind::Url => Carries::URL,
        Kind::FileHash => Carries::HASH,
        Kind::FilePath | Kind::FileName => Carries::PATH,
        Kind::EmailAddr => Carries::MAIL,
        Kind::UserAgent => Carries::AGENT,
        Kind::Mutex => Carries::INSIDE,
        Kind::NamedPipe => Carries::PIPE,
        Kind::WindowsRegistryKey => Carries::REGISTRY,
        Kind::ProcessCommandLine | Kind::Pattern => Carries::COMMAND,
    }
}

impl Patterns {
    pub(super) fn push(&mut self, slot: Slot, kind: Kind, pattern: &str) {
        self.given.entry(kind).or_default().push((slot, pattern.to_owned()));
    }

    /// Builds the automatons; each expression was tried when it was read.
    pub(super) fn finish(&mut self) {
        for (kind, all) in std::mem::take(&mut self.given) {
            for some in all.chunks(SET_MAX) {
                let texts = some.iter().map(|(_, text)| text);
                match RegexSetBuilder::new(texts).size_limit(SET_BYTES_MAX).build() {
                    Ok(set) => self.sets.push((kind, set, some.iter().map(|(slot, _)| *slot).collect())),
                    Err(_) => self.one_by_one(kind, some),
                }
            }
        }
    }

    /// Together they are too large for one automaton.
    fn one_by_one(&mut self, kind: Kind, some: &[(Slot, String)]) {
        for (slot, text) in some {
            if let Ok(set) = RegexSetBuilder::new([text]).size_limit(SET_BYTES_MAX).build() {
                self.sets.push((kind, set, vec![*slot]));
            }
        }
    }

    /// The expressions that the value of a field meets.
    pub(super) fn find(&self, value: &str, carries: Carries, found: &mut Vec<Slot>) {
        for (kind, set, slots) in &self.sets {
            let text_only = carries.any(Carries::INSIDE);
            let fits = carries.any(fields_of(*kind))
                && (!text_only || matches!(kind, Kind::ProcessCommandLine | Kind::Mutex | Kind::Pattern));
            if !fits {
                continue;
            }
            let held = match kind {
                Kind::FileName => value.rsplit(['\\', '/']).next().unwrap_or(value),
                _ => value,
            };
            found.extend(set.matches(held).iter().filter_map(|at| slots.get(at)));
        }
    }
}
