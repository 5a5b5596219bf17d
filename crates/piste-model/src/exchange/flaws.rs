//! How a build stands to a flaw.
//!
//! In: for each flaw and cumulative update the first fixed build and the note beside it. Out: open, closed, unknown or not
//! listed, with the condition that a build number cannot show. The trap: the update of March 2021 for updates already out of
//! support (2013 SP1, 2016 CU8 to CU17, 2019 RTM to CU6) has the highest revision of its line but holds only the four
//! `ProxyLogon` fixes, so that at it an older flaw may be open: the tables mark it `AMBIGUOUS at`, and it is unknown here.

use jiff::civil::Date;

use super::catalog::{Catalog, Release, same_line, start_of};
use super::version::Version;
use crate::time::Instant;

/// One flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// `CVE-2021-26855`.
    pub cve: String,
    /// What people call it; several flaws of one chain share a name.
    pub name: String,
    /// Every name, that one first: a flaw may be a link of more than one chain.
    pub names: Vec<String>,
    /// Day on which it became public; `None` where no source names one.
    pub published: Option<Date>,
    /// Earliest month of known use, as `2021-01`: before publication where that was a zero-day.
    pub exploited: Option<String>,
    /// Whether it is known as a way in, or led to one.
    pub important: bool,
    pub(super) fixes: Vec<Fix>,
}

/// The fix of one flaw for one cumulative update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fix {
    /// First build of the update line.
    base: Version,
    /// First fixed build; `None` where no build of the line has the fix.
    first: Option<Version>,
    /// A build above `first` that does not prove the fix.
    ambiguous: Option<Version>,
    /// A build below `first` from which another source counts the fix.
    disputed: Option<Version>,
    /// The fixed build makes a setting available that closes the flaw, and no more.
    needs_setting: bool,
    caveat: Option<String>,
}

impl Fix {
    pub(super) fn read(base: Version, first: Option<Version>, note: &str) -> Result<Self, String> {
        let build_after = |words: &str| -> Result<Option<Version>, String> {
            let Some((_, rest)) = note.split_once(words) else { return Ok(None) };
            let end =
                rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default().trim_end_matches('.').parse().map(Some)
        };
        // What only says where the number comes from is no condition.
        let conditions = note.split("; ").filter(|part| {
            [
                "NOT sufficient",
                "AMBIGUOUS",
                "medium confidence",
                "depends on",
                "only if",
                "may not contain",
                "can be re-opened",
                "build alone",
                "verify",
            ]
            .iter()
            .any(|word| part.contains(word))
        });
        let conditions: Vec<&str> = conditions.collect();
        Ok(Self {
            base,
            first,
            ambiguous: build_after("AMBIGUOUS at ")?,
            disputed: build_after("CSS-Exchange lists ")?,
            needs_setting: note.contains("NOT sufficient") || note.contains("build alone does not prove"),
            caveat: (!conditions.is_empty()).then(|| conditions.join("; ")),
        })
    }

    fn stands(&self, version: Version) -> Stands {
        let Some(first) = self.first else { return Stands::Open };
        if version < first {
            let disputed = self.disputed.is_some_and(|from| version >= from);
            return if disputed { Stands::Unknown } else { Stands::Open };
        }
        let ambiguous = self.ambiguous.is_some_and(|at| version >= at);
        if ambiguous || self.needs_setting { Stands::Unknown } else { Stands::Closed }
    }
}

/// Whether a flaw is in a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stands {
    /// It is.
    Open,
    /// The build has the fix.
    Closed,
    /// The build does not tell.
    Unknown,
    /// The flaw is not listed for this product: not affected, or released after the fix.
    NotListed,
}

/// How a build stands to a flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The answer.
    pub stands: Stands,
    /// What a build number cannot show, in the words of the catalogue.
    pub caveat: Option<&'a str>,
}

impl Standing<'_> {
    pub(super) const NOT_LISTED: Self = Self { stands: Stands::NotListed, caveat: None };
}

impl Flaw {
    /// How a build stands to it.
    pub(super) fn stands<'a>(&'a self, catalog: &Catalog, version: Version) -> Standing<'a> {
        let Some(fix) = self.fixes.iter().find(|fix| same_line(fix.base, version)) else {
            return self.without_line(catalog, version);
        };
        let caveat = fix.caveat.as_deref();
        // Exchange 2010 counts its rollups in the third part.
        let revision = version.revision.or((version.major == 14).then_some(0));
        if revision.is_some() {
            return Standing { stands: fix.stands(Version { revision, ..version }), caveat };
        }
        // Three parts: what every update of the line agrees on.
        let mut all = catalog.line(version).map(|release| fix.stands(release.version));
        let stands = match all.next() {
            Some(first) if all.all(|other| other == first) => first,
            _ => Stands::Unknown,
        };
        Standing { stands, caveat }
    }

    /// A product that the flaw is not listed for is not affected; an update that the catalogue does not know says nothing.
    fn without_line(&self, catalog: &Catalog, version: Version) -> Standing<'_> {
        let product = catalog.product(version);
        let affected = self.fixes.iter().any(|fix| catalog.product(fix.base) == product);
        if affected { Standing { stands: Stands::Unknown, caveat: None } } else { Standing::NOT_LISTED }
    }

    /// The first fixed builds of a product from `version` on: what a server with it can be updated to.
    fn closing<'a>(&'a self, catalog: &'a Catalog, version: Version) -> impl Iterator<Item = &'a Release> {
        catalog.releases().filter(move |release| {
            (release.version.major, release.version.minor) == (version.major, version.minor)
                && matches!(self.stands(catalog, release.version).stands, Stands::Closed | Stands::NotListed)
        })
    }

    /// When a build without the flaw was first to be had for a server between `from` and `to` (both inclusive, `None` no bound):
    /// before it every such server had the flaw. `None` where no build is known.
    pub fn first_fix(&self, catalog: &Catalog, from: Version, to: Option<Version>) -> Option<Instant> {
        let ranged = self.closing(catalog, from).filter(|release| {
            let above = release.version >= from;
            above && to.is_none_or(|to| release.version <= to)
        });
        ranged.filter_map(Release::released_at).min()
    }

    /// When the fix for the cumulative update of a build came out; `None` where that update never had one.
    pub fn fix_released(&self, catalog: &Catalog, version: Version) -> Option<Instant> {
        let fix = self.fixes.iter().find(|fix| same_line(fix.base, version))?;
        catalog.release(fix.first?)?.released_at()
    }

    /// Start of the day on which it became public; where no source names one, of the day of its earliest fix.
    pub fn published_at(&self, catalog: &Catalog) -> Option<Instant> {
        let fixes = self.fixes.iter().filter_map(|fix| catalog.release(fix.first?).map(|one| one.released));
        self.published.or_else(|| fixes.min()).and_then(start_of)
    }
}
