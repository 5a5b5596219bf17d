//! Indicators: what others know of an intruder, as they hand it on.
//!
//! In: files of STIX 2.1, MISP, OpenIOC, CSV, or one value a line; what a file is, its content decides. Out: one
//! [`Indicators`]: each value once, normalised, with all its sources, its TLP and its dates; and an issue for everything that
//! is not looked for, with file, place and reason. Nothing is dropped silently, and one bad line costs that line. Looking for
//! them in rows is the hunt's.

mod about;
mod csv;
mod error;
mod expression;
pub mod fields;
mod kind;
mod list;
mod misp;
mod openioc;
mod read;
mod refang;
mod refused;
mod sink;
mod stix;
mod test;
mod value;

#[cfg(test)]
mod tests;

pub use about::{About, Tlp};
pub use error::IndicatorError;
pub use kind::Kind;
pub use read::{Format, GivenFile, read, read_one};
pub use refang::refang;
pub use test::{Test, host_of_url, normal_path};
pub use value::VARIABLES;

use std::sync::Arc;

use piste_model::sighting::Source;
use piste_model::{Issue, Sighting};

/// One thing to look for. Several sources may name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// What it is.
    pub kind: Kind,
    /// What a row must show: all of these.
    pub tests: Tests,
    /// The text to show, where the test's own does not tell it whole.
    pub shown: Option<Box<str>>,
    /// Where it comes from, first.
    pub origin: Origin,
    /// Where else.
    pub further: Vec<Origin>,
}

/// One test, or several that must hold in the same row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tests {
    /// Almost always.
    One(Test),
    /// At least two.
    All(Box<[Test]>),
}

impl Tests {
    /// The tests.
    pub fn all(&self) -> &[Test] {
        match self {
            Self::One(test) => std::slice::from_ref(test),
            Self::All(tests) => tests,
        }
    }
}

/// A place that names an indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Index into [`Indicators::files`].
    pub file: u32,
    /// Line, from 1; 0 where the format has no lines.
    pub line: u32,
    /// The source's own identifier, `indicator--…`.
    pub id: Option<Box<str>>,
    /// TLP, dates, confidence and what the source says.
    pub about: Arc<About>,
}

impl Indicator {
    /// The text to show and to count by.
    pub fn value(&self) -> String {
        match (&self.shown, &self.tests) {
            (Some(shown), _) => shown.to_string(),
            (None, tests) => tests.all().iter().map(Test::text).collect::<Vec<_>>().join(" AND "),
        }
    }

    /// Every place that names it.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        std::iter::once(&self.origin).chain(&self.further)
    }

    /// The strictest marking of any source.
    pub fn tlp(&self) -> Option<Tlp> {
        self.origins().filter_map(|origin| origin.about.tlp).max()
    }

    /// From when the first source holds it valid; `None` where one names no date.
    pub fn valid_from(&self) -> Option<piste_model::Instant> {
        let dates: Option<Vec<_>> = self.origins().map(|origin| origin.about.valid_from).collect();
        dates.and_then(|dates| dates.into_iter().min())
    }

    /// Until when the last source holds it valid; `None` where one names no end.
    pub fn valid_until(&self) -> Option<piste_model::Instant> {
        let dates: Option<Vec<_>> = self.origins().map(|origin| origin.about.valid_until).collect();
        dates.and_then(|dates| dates.into_iter().max())
    }

    /// The highest confidence, 0 to 100, that a source gives.
    pub fn confidence(&self) -> Option<u8> {
        self.origins().filter_map(|origin| origin.about.confidence).max()
    }

    /// What the first source that says something says.
    pub fn description(&self) -> Option<&str> {
        self.origins().find_map(|origin| origin.about.text.as_deref())
    }
}

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As given.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What it is.
    pub format: Format,
    /// Values and patterns that are looked for; those that an earlier file had too are counted.
    pub understood: u64,
    /// Of these, such as were known already.
    pub repeated: u64,
    /// What is not looked for: refused, not understood, or not meant for detection.
    pub left_out: u64,
}

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indicators {
    /// In the order given.
    pub files: Vec<SourceFile>,
    /// Each once, in the order of their first source.
    pub all: Vec<Indicator>,
    /// What is not looked for and why.
    pub issues: Vec<Issue>,
}

impl Indicators {
    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `feed.csv:17`, or the file with the source's identifier; further sources are counted.
    pub fn source_of(&self, indicator: &Indicator) -> String {
        const SHOWN: usize = 5;
        let mut sources: Vec<String> =
            indicator.origins().take(SHOWN).map(|origin| self.place_of(origin)).collect();
        let more = (indicator.further.len() + 1).saturating_sub(SHOWN);
        if more > 0 {
            sources.push(format!("and {more} more"));
        }
        sources.join("; ")
    }

    fn place_of(&self, origin: &Origin) -> String {
        let path = usize::try_from(origin.file).ok().and_then(|at| self.files.get(at));
        let path = path.map_or("", |file| file.path.as_str());
        match (&origin.id, origin.line) {
            (Some(id), 0) => format!("{path} {id}"),
            (Some(id), line) => format!("{path}:{line} {id}"),
            (None, 0) => path.to_owned(),
            (None, line) => format!("{path}:{line}"),
        }
    }

    /// What each source says of an indicator, the first of many.
    pub fn said_of(&self, indicator: &Indicator) -> Vec<Source> {
        let one = |origin: &Origin| {
            let about = &origin.about;
            Source {
                source: self.place_of(origin),
                tlp: about.tlp.map(|tlp| tlp.as_str().to_owned()),
                valid_from: about.valid_from,
                valid_until: about.valid_until,
                confidence: about.confidence,
                description: about.text.as_deref().map(str::to_owned),
            }
        };
        indicator.origins().take(Sighting::MAX_SOURCES).map(one).collect()
    }

    /// Digest of what decides on sightings: the files' contents in their order.
    pub fn digest(&self) -> String {
        let all: Vec<&str> = self.files.iter().map(|file| file.sha256.as_str()).collect();
        piste_model::hash::sha256_hex(all.join("\n").as_bytes())
    }
}
