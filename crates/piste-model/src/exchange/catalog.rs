//! The embedded tables of builds and fixes, checked when they are first read.
//!
//! In: the CSV files of `catalog/`. Out: releases by build, and for each flaw and cumulative update the first fixed build.
//! Every fixed build must be a release of the same product and update line; a table that breaks this is refused whole.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;

use super::Version;
use super::flaws::{Fix, Flaw, Standing};
use crate::time::Instant;

const BUILDS: &str = include_str!("../../../../catalog/exchange-builds.csv");
const FIXES: &str = include_str!("../../../../catalog/exchange-cves.csv");
const FLAWS: &str = include_str!("../../../../catalog/exchange-flaws.csv");

/// A line of the catalogue that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogError {
    /// File of `catalog/`.
    pub file: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} line {}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for CatalogError {}

/// What a release is within its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Cumulative update, service pack or `RTM`: `CU23`, `SP1`; for Exchange 2010 `SP3`.
    pub line: String,
    /// `Nov22SU`, `Apr24HU`, `RU30`; `None` for the cumulative update itself.
    pub update: Option<String>,
}

/// One build that was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number.
    pub version: Version,
    /// `Exchange 2016`.
    pub product: String,
    /// Which update it is.
    pub update: Update,
    /// `KB5000871`; empty where none is known.
    pub kb: String,
    /// Day of release. For security updates before March 2021 the second Tuesday of the month, computed.
    pub released: Date,
}

impl Release {
    /// `CU23 Nov22SU`.
    pub fn name(&self) -> String {
        match &self.update.update {
            Some(update) => format!("{} {update}", self.update.line),
            None => self.update.line.clone(),
        }
    }

    /// The start of the day of release in UTC: before it nobody had this build.
    pub fn released_at(&self) -> Option<Instant> {
        start_of(self.released)
    }
}

/// The first moment of a day in UTC.
pub(super) fn start_of(day: Date) -> Option<Instant> {
    Instant::parse(&format!("{day} 00:00:00"))
}

/// All that is known of builds and flaws.
#[derive(Debug, Default)]
pub struct Catalog {
    releases: BTreeMap<Version, Release>,
    flaws: BTreeMap<String, Flaw>,
}

/// The embedded catalogue; empty if it were broken, which a test rules out.
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> =
        LazyLock::new(|| Catalog::read(BUILDS, FIXES, FLAWS).unwrap_or_default());
    &CATALOG
}

impl Catalog {
    /// Reads and checks the three tables.
    ///
    /// # Errors
    /// The first line that cannot be.
    pub fn read(builds: &str, fixes: &str, flaws: &str) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        let file = "exchange-builds.csv";
        for (line, [product, update, kb, build, released]) in rows(file, builds)? {
            let error = |what: String| CatalogError { file, line, what };
            let version = full(&build).map_err(error)?;
            let released: Date = released.parse().map_err(|_| error(format!("`{released}` is no date")))?;
            let release = Release { version, product, update: update_of(&update, version), kb, released };
            if catalog.releases.insert(version, release).is_some() {
                return Err(error(format!("build {version} stands twice")));
            }
        }
        catalog.read_flaws(flaws)?;
        catalog.read_fixes(fixes)?;
        Ok(catalog)
    }

    fn read_flaws(&mut self, text: &str) -> Result<(), CatalogError> {
        let file = "exchange-flaws.csv";
        for (line, [cve, names, published, exploited, important]) in rows(file, text)? {
            let error = |what: String| CatalogError { file, line, what };
            let day = (!published.is_empty()).then(|| published.parse());
            let published = day.transpose().map_err(|_| error("the day of publication is no date".into()))?;
            let exploited = (!exploited.is_empty()).then_some(exploited);
            let important = important == "yes";
            let names: Vec<String> = names.split(';').map(|name| name.trim().to_owned()).collect();
            let name = names.first().cloned().unwrap_or_default();
            let flaw =
                Flaw { cve: cve.clone(), name, names, published, exploited, important, fixes: Vec::new() };
            self.flaws.insert(cve, flaw);
        }
        Ok(())
    }

    fn read_fixes(&mut self, text: &str) -> Result<(), CatalogError> {
        let file = "exchange-cves.csv";
        for (line, [cve, product, cu, first, note]) in rows(file, text)? {
            let error = |what: String| CatalogError { file, line, what };
            let releases = self.releases.values();
            let of_line: Vec<&Release> =
                releases.filter(|one| one.product == product && one.update.line == cu).collect();
            let Some(base) = of_line.first() else {
                return Err(error(format!("no build of {product} {cu} is known")));
            };
            let first = if first.is_empty() { None } else { Some(full(&first).map_err(error)?) };
            if let Some(first) = first
                && of_line.iter().all(|one| one.version != first)
            {
                return Err(error(format!("{first} is no build of {product} {cu}")));
            }
            let fix = Fix::read(base.version, first, &note).map_err(error)?;
            let flaw = self.flaws.get_mut(&cve).ok_or_else(|| error(format!("{cve} has no name")))?;
            flaw.fixes.push(fix);
        }
        Ok(())
    }

    /// Every release, by build.
    pub fn releases(&self) -> impl Iterator<Item = &Release> {
        self.releases.values()
    }

    /// Every flaw, by number.
    pub fn flaws(&self) -> impl Iterator<Item = &Flaw> {
        self.flaws.values()
    }

    /// One flaw.
    pub fn flaw(&self, cve: &str) -> Option<&Flaw> {
        self.flaws.get(cve)
    }

    /// The release with exactly this build.
    pub fn release(&self, version: Version) -> Option<&Release> {
        self.releases.get(&version)
    }

    /// All releases of the cumulative update that a build belongs to, the update itself first; of Exchange 2010 those of the
    /// service pack. None where the catalogue does not know the update.
    pub fn line(&self, version: Version) -> impl Iterator<Item = &Release> {
        self.releases.values().filter(move |one| same_line(one.version, version))
    }

    /// The latest release at or below a build within its cumulative update: what an interim build is based on.
    pub fn nearest(&self, version: Version) -> Option<&Release> {
        let first = self.line(version).next();
        if version.revision.is_none() {
            first
        } else {
            self.line(version).filter(|one| one.version <= version).last()
        }
    }

    /// `Exchange 2016` for any build, known or not.
    pub fn product(&self, version: Version) -> &'static str {
        match (version.major, version.minor, version.build) {
            (14, ..) => "Exchange 2010",
            (15, 0, _) => "Exchange 2013",
            (15, 1, _) => "Exchange 2016",
            (15, 2, build) if build >= 2562 => "Exchange SE",
            _ => "Exchange 2019",
        }
    }

    /// How a build stands to a flaw; a build of three parts stands as all updates of its line do, or is unknown.
    pub fn stands(&self, version: Version, cve: &str) -> Standing<'_> {
        self.flaw(cve).map_or(Standing::NOT_LISTED, |flaw| flaw.stands(self, version))
    }
}

/// Whether two builds belong to one cumulative update; of Exchange 2010, to one service pack.
pub(super) fn same_line(a: Version, b: Version) -> bool {
    if a.major == 14 { (a.major, a.minor) == (b.major, b.minor) } else { a.line() == b.line() }
}

/// `CU23 Nov22SU` is an update of `CU23`; `SP3 RU30` of `SP3`; of Exchange 2010 `RU5` is one of `RTM`.
fn update_of(text: &str, version: Version) -> Update {
    match text.split_once(' ') {
        Some((line, "RTM")) => Update { line: line.to_owned(), update: None },
        Some((line, update)) => Update { line: line.to_owned(), update: Some(update.to_owned()) },
        None if version.major == 14 && text.starts_with("RU") => {
            Update { line: "RTM".to_owned(), update: Some(text.to_owned()) }
        }
        None => Update { line: text.to_owned(), update: None },
    }
}

fn full(build: &str) -> Result<Version, String> {
    let version: Version = build.parse()?;
    if version.revision.is_none() { Err(format!("`{build}` lacks its fourth part")) } else { Ok(version) }
}

type Row = (usize, [String; 5]);

/// Rows of five values; the last may hold commas, in quotes or not.
fn rows(file: &'static str, text: &str) -> Result<Vec<Row>, CatalogError> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let values: Vec<String> =
            line.splitn(5, ',').map(|value| value.trim().trim_matches('"').to_owned()).collect();
        let values: [String; 5] = values.try_into().map_err(|_| CatalogError {
            file,
            line: at + 1,
            what: "it has fewer than five values".to_owned(),
        })?;
        rows.push((at + 1, values));
    }
    Ok(rows)
}

#[cfg(test)]
pub(super) fn read_embedded() -> Result<Catalog, CatalogError> {
    Catalog::read(BUILDS, FIXES, FLAWS)
}

#[cfg(test)]
pub(super) const TABLES: (&str, &str, &str) = (BUILDS, FIXES, FLAWS);
