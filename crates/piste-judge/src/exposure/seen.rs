//! Builds in the rows of the lake, by server, source and day.
//!
//! In: the datasets that name a build. Out: for each (server, build, source, day) the earliest and the latest row and how many.
//! Only the columns that carry the build are read, text is compared once a batch's distinct value, and the places of the few
//! rows that are shown are read afterwards.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, RecordBatch};
use piste_lake::scan::{Table, text_at};
use piste_lake::{Lake, LakeError, LakeFile};
use piste_model::exchange::Version;
use piste_model::{EvidenceId, Instant, RowRef, schema};

use super::stem;
use piste_lake::row_view;

/// (server, build, source, day) kept; forged rows cannot ask for more.
const DAYS_MAX: usize = 200_000;

/// What named a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    HttpProxy,
    Ews,
    RemotePowerShell,
    ControlPanel,
    OtherLog,
    SetupLog,
    HealthChecker,
    /// The version of the set-up program in a listing that has versions.
    Listing,
    /// Links that clients followed; weaker than the rest, since clients keep old pages and anyone may ask for anything.
    Path,
}

impl Source {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::HttpProxy => "HttpProxy",
            Self::Ews => "EWS log",
            Self::RemotePowerShell => "remote PowerShell log",
            Self::ControlPanel => "ECP log",
            Self::OtherLog => "Exchange log",
            Self::SetupLog => "ExchangeSetup.log",
            Self::HealthChecker => "HealthChecker",
            Self::Listing => "ExSetup.exe in a file listing",
            Self::Path => "IIS path",
        }
    }

    /// A running component wrote its own version: a security update that leaves that file alone does not show in it.
    pub(super) fn is_component(self) -> bool {
        matches!(
            self,
            Self::HttpProxy | Self::Ews | Self::RemotePowerShell | Self::ControlPanel | Self::OtherLog
        )
    }

    fn of(dataset: &str) -> Option<Self> {
        Some(match dataset {
            "exchange.httpproxy" => Self::HttpProxy,
            "exchange.ews" => Self::Ews,
            "exchange.rps-http" | "exchange.rps-cmdlet" | "exchange.rps-authz" => Self::RemotePowerShell,
            "exchange.ecp-server" | "exchange.ecp-activity" => Self::ControlPanel,
            "iis.access" => Self::Path,
            "exchange.setup" => Self::SetupLog,
            "exchange.healthchecker" => Self::HealthChecker,
            "file.listing" => Self::Listing,
            name if name.starts_with("exchange.") => Self::OtherLog,
            _ => return None,
        })
    }
}

/// Where a row lies in the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) time: Instant,
    file: usize,
    group: usize,
    row: usize,
}

#[cfg(test)]
impl At {
    /// A row at a time.
    pub(super) fn of(time: Instant) -> Self {
        Self { time, file: 0, group: 0, row: 0 }
    }
}

/// The rows of one day that name one build on one server.
#[derive(Debug, Clone)]
pub(super) struct Day {
    pub(super) version: Version,
    pub(super) source: Source,
    pub(super) number: i64,
    pub(super) first: At,
    pub(super) last: At,
    pub(super) count: u64,
}

type Key = (usize, Version, Source, i64);

/// What the lake says of builds.
#[derive(Default)]
pub(super) struct Seen {
    files: Vec<LakeFile>,
    /// Names as rows give them, to the index in `hosts`.
    names: BTreeMap<String, usize>,
    hosts: Vec<String>,
    index: BTreeMap<Key, usize>,
    days: Vec<(usize, Day)>,
    /// More was there than is kept.
    pub(super) cut: bool,
}

const PARTS: [&str; 4] = ["MajorVersion", "MinorVersion", "BuildVersion", "RevisionVersion"];
const ITEM: [&str; 2] = ["BLD", "Bld"];
/// The build that a line of a setup log or a report names, and what the line is.
const BUILD: &str = "build";
const SETUP_EVENT: &str = "setup_event";
/// A listed file, and the columns in which tools write its version.
const FILE: &str = "TargetFilename";
const FILE_VERSION: [&str; 5] = [
    "FileVersion",
    "VersionInfo.FileVersion",
    "FileVersionRaw",
    "VersionInformation.FileVersion",
    "ProductVersion",
];
const STEM: &str = "cs-uri-stem";
const STATUS: &str = "sc-status";

impl Seen {
    /// Reads the lake; `full` gives the one name of a host.
    pub(super) fn read(lake: &Lake, full: &dyn Fn(&str) -> String) -> Result<Self, LakeError> {
        let mut seen = Self::default();
        for file in lake.files(&|dataset| Source::of(dataset).is_some())? {
            let dataset = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
            let Some(source) = Source::of(&dataset.to_string_lossy()) else { continue };
            let table = Table::open(&file)?;
            let has = |name: &str| table.columns().any(|column| column == name);
            let carries = PARTS.iter().all(|name| has(name))
                || ITEM.iter().any(|name| has(name))
                || (has(STEM) && source == Source::Path)
                || has(BUILD)
                || (source == Source::Listing && FILE_VERSION.iter().any(|name| has(name)));
            if !carries {
                continue;
            }
            seen.files.push(file);
            let mut begun = None;
            let at = seen.files.len() - 1;
            for group in 0..table.groups() {
                let mut start = 0;
                table.read(group, &is_wanted, None, &mut |batch| {
                    let versions = Versions::of(batch, source, &mut begun);
                    seen.add(batch, &versions, source, (at, group, start), full);
                    start += batch.num_rows();
                    Ok(())
                })?;
            }
        }
        Ok(seen)
    }

    fn add(
        &mut self,
        batch: &RecordBatch,
        versions: &Versions<'_>,
        source: Source,
        (file, group, start): (usize, usize, usize),
        full: &dyn Fn(&str) -> String,
    ) {
        let host = batch.column_by_name(schema::HOST);
        let mut last: Option<(Key, usize)> = None;
        for row in 0..batch.num_rows() {
            let Some(version) = versions.at(row) else { continue };
            let Some(time) = row_view::time_of(batch, row) else { continue };
            let name = host.and_then(|host| text_at(host, row)).unwrap_or_default();
            let key = (self.host(name, full), version, source, time.day());
            let at = At { time, file, group, row: start + row };
            let slot = match last {
                Some((known, slot)) if known == key => Some(slot),
                _ => self.slot(key, at),
            };
            let Some(slot) = slot else { continue };
            last = Some((key, slot));
            if let Some((_, day)) = self.days.get_mut(slot) {
                day.count += 1;
                day.first = day.first.min(at);
                day.last = day.last.max(at);
            }
        }
    }

    fn host(&mut self, name: &str, full: &dyn Fn(&str) -> String) -> usize {
        if let Some(at) = self.names.get(name) {
            return *at;
        }
        let name_of = full(name);
        let known = self.hosts.iter().position(|host| *host == name_of);
        let at = known.unwrap_or_else(|| {
            self.hosts.push(name_of);
            self.hosts.len() - 1
        });
        if self.names.len() < DAYS_MAX {
            self.names.insert(name.to_owned(), at);
        }
        at
    }

    fn slot(&mut self, key: Key, at: At) -> Option<usize> {
        if let Some(slot) = self.index.get(&key) {
            return Some(*slot);
        }
        if self.days.len() >= DAYS_MAX {
            self.cut = true;
            return None;
        }
        let (host, version, source, day) = key;
        self.days.push((host, Day { version, source, number: day, first: at, last: at, count: 0 }));
        self.index.insert(key, self.days.len() - 1);
        Some(self.days.len() - 1)
    }

    /// Servers, each with its days in the order of time.
    pub(super) fn by_host(&self) -> BTreeMap<&str, Vec<&Day>> {
        let mut hosts: BTreeMap<&str, Vec<&Day>> = BTreeMap::new();
        for (host, day) in &self.days {
            hosts.entry(self.hosts.get(*host).map_or("", String::as_str)).or_default().push(day);
        }
        for days in hosts.values_mut() {
            days.sort_by_key(|day| (day.first, day.version, day.source));
        }
        hosts
    }

    /// The places of rows in their evidence; `file` gives the path and the hash of a sealed file.
    pub(super) fn rows(
        &self,
        wanted: impl Iterator<Item = At>,
        file: &dyn Fn(EvidenceId) -> (String, String),
    ) -> Result<BTreeMap<At, RowRef>, LakeError> {
        let mut by_group: BTreeMap<(usize, usize), BTreeSet<(usize, At)>> = BTreeMap::new();
        for at in wanted {
            by_group.entry((at.file, at.group)).or_default().insert((at.row, at));
        }
        let mut rows = BTreeMap::new();
        for ((at, group), wanted) in by_group {
            let Some(path) = self.files.get(at) else { continue };
            let mut numbers: Vec<usize> = wanted.iter().map(|(row, _)| *row).collect();
            numbers.dedup();
            let mut order = numbers.iter();
            Table::open(path)?.read(group, &row_view::is_place, Some(&numbers), &mut |batch| {
                for row in 0..batch.num_rows() {
                    let Some(number) = order.next() else { break };
                    let Some(place) = row_view::place_of(batch, row, file) else { continue };
                    let same = wanted.iter().filter(|(row, _)| row == number);
                    rows.extend(same.map(|(_, at)| (*at, place.clone())));
                }
                Ok(())
            })?;
        }
        Ok(rows)
    }
}

fn is_wanted(name: &str) -> bool {
    matches!(name, schema::EVENT_TIME | schema::TIME_DIGITS | schema::HOST | STEM | STATUS)
        || PARTS.contains(&name)
        || ITEM.contains(&name)
        || matches!(name, BUILD | SETUP_EVENT | FILE)
        || FILE_VERSION.contains(&name)
}

/// The builds of a batch's rows.
enum Versions<'a> {
    Parts([&'a DictionaryArray<Int32Type>; 4]),
    /// Of each distinct value of a column, and which values count in another (all if `None`).
    Values(
        &'a DictionaryArray<Int32Type>,
        Vec<Option<Version>>,
        Option<(&'a DictionaryArray<Int32Type>, Vec<bool>)>,
    ),
    /// Of each row.
    Rows(Vec<Option<Version>>),
    Nothing,
}

impl<'a> Versions<'a> {
    /// `begun` is the build that a setup which has not ended is bringing.
    fn of(batch: &'a RecordBatch, source: Source, begun: &mut Option<Version>) -> Self {
        if source == Source::SetupLog {
            return Self::Rows(finished_setups(batch, begun));
        }
        let text = |name: &str| batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>();
        if source == Source::Listing {
            let version = FILE_VERSION.iter().find_map(|name| text(name));
            return match (version, text(FILE)) {
                (Some(version), Some(file)) => {
                    let counted = Some((file, distinct(file, is_setup)));
                    Self::Values(version, distinct(version, Version::parse), counted)
                }
                _ => Self::Nothing,
            };
        }
        if let [Some(a), Some(b), Some(c), Some(d)] = PARTS.map(text) {
            return Self::Parts([a, b, c, d]);
        }
        if let (Some(stem), Some(status)) = (text(STEM), text(STATUS)) {
            let versions = distinct(stem, stem::version_in);
            return Self::Values(stem, versions, Some((status, distinct(status, stem::is_answered))));
        }
        let item = ITEM.iter().find_map(|name| text(name));
        let item = item.or_else(|| text(BUILD).filter(|_| source == Source::HealthChecker));
        item.map_or(Self::Nothing, |item| Self::Values(item, distinct(item, Version::parse), None))
    }

    fn at(&self, row: usize) -> Option<Version> {
        match self {
            Self::Parts(parts) => {
                let [a, b, c, d] = parts.map(|part| text_at(part, row));
                Version::of_parts(a?, b?, c?, d?)
            }
            Self::Values(column, versions, status) => {
                let version = (*versions.get(key_at(column, row)?)?)?;
                let counts = status.as_ref().is_none_or(|(column, answered)| {
                    key_at(column, row).and_then(|key| answered.get(key)).is_some_and(|yes| *yes)
                });
                counts.then_some(version)
            }
            Self::Rows(versions) => *versions.get(row)?,
            Self::Nothing => None,
        }
    }
}

/// Whether a listed file is Exchange's set-up program, whose version every update raises.
fn is_setup(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with("\\bin\\exsetup.exe")
}

/// A build is in force when the setup that brings it has completed, not when it starts.
fn finished_setups(batch: &RecordBatch, begun: &mut Option<Version>) -> Vec<Option<Version>> {
    let text = |name: &str, row| batch.column_by_name(name).and_then(|column| text_at(column, row));
    let of_row = |row| match text(SETUP_EVENT, row) {
        Some("version") => {
            *begun = text(BUILD, row).and_then(Version::parse);
            None
        }
        Some("start" | "failed") => {
            *begun = None;
            None
        }
        Some("completed") => begun.take(),
        _ => None,
    };
    (0..batch.num_rows()).map(of_row).collect()
}

fn key_at(column: &DictionaryArray<Int32Type>, row: usize) -> Option<usize> {
    if column.is_null(row) {
        return None;
    }
    usize::try_from(column.keys().value(row)).ok()
}

fn distinct<T>(column: &DictionaryArray<Int32Type>, of: impl Fn(&str) -> T) -> Vec<T> {
    let values = column.values().as_string_opt::<i32>();
    values
        .map(|values| values.iter().map(|value| of(value.unwrap_or_default())).collect())
        .unwrap_or_default()
}
