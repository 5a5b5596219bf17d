//! What a matched row is about, for a person.
//!
//! In: a row that a rule matched. Out: who and what it is about, and its telling fields.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use foldhash::fast::RandomState;
use piste_lake::scan::text_at;
use piste_model::{Entities, schema};

use crate::told::Telling;

pub use piste_lake::row_view::{Times, hash_of, is_place, place_in, place_of, time_of};

/// Characters of one detail.
const DETAIL_CHARS_MAX: usize = 1_000;
/// Details of one row.
const DETAILS_MAX: usize = 16;

/// (domain, name) of accounts; the first that is there is the one that acted, and a finding is grouped by.
pub(crate) const ACCOUNTS: [(&str, &str); 6] = [
    ("", "User"),
    ("SubjectDomainName", "SubjectUserName"),
    ("TargetDomainName", "TargetUserName"),
    ("", "cs-username"),
    ("", "AuthenticatedUser"),
    ("", "AccountName"),
];
/// Executables; the first that is there is the one that acted.
pub(crate) const PROCESSES: [&str; 6] =
    ["Image", "NewProcessName", "SourceImage", "ProcessName", "ParentImage", "TargetImage"];
pub(crate) const FILES: [&str; 8] = [
    "TargetFilename",
    "ImageLoaded",
    "ImagePath",
    "ServiceFileName",
    "RelativeTargetName",
    "FileName",
    "Path",
    "cs-uri-stem",
];
pub(crate) const ADDRESSES: [&str; 8] = [
    "IpAddress",
    "SourceIp",
    "DestinationIp",
    "SourceAddress",
    "DestAddress",
    "c-ip",
    "ClientIpAddress",
    "ClientAddress",
];
/// Fields worth showing besides the entities, the most telling first.
const DETAILS: [&str; 48] = [
    "CommandLine",
    "ParentCommandLine",
    "Image",
    "ParentImage",
    "User",
    "TargetFilename",
    "TargetObject",
    "Details",
    "ImageLoaded",
    "SourceImage",
    "TargetImage",
    "GrantedAccess",
    "QueryName",
    "PipeName",
    "DestinationIp",
    "DestinationHostname",
    "DestinationPort",
    "SourceIp",
    "ScriptBlockText",
    "Payload",
    "ServiceName",
    "ImagePath",
    "ServiceFileName",
    "TaskName",
    "TaskContent",
    "SubjectUserName",
    "TargetUserName",
    "MemberName",
    "LogonType",
    "IpAddress",
    "WorkstationName",
    "ShareName",
    "RelativeTargetName",
    "ObjectName",
    "Properties",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "sc-status",
    "c-ip",
    "cs-user-agent",
    "AnchorMailbox",
    "UrlStem",
    "HttpStatus",
    "UserAgent",
    "CMD",
    "URL",
    "Signature",
];

/// A batch whose columns are found by name at once.
pub struct Named<'a>(HashMap<&'a str, &'a ArrayRef, RandomState>);

impl<'a> Named<'a> {
    /// Of a batch.
    pub fn new(rows: &'a RecordBatch) -> Self {
        let names = rows.schema_ref().fields().iter().map(|field| field.name().as_str());
        Self(names.zip(rows.columns()).collect())
    }

    pub(crate) fn of(&self, name: &str) -> Option<&'a ArrayRef> {
        self.0.get(name).copied()
    }
}

/// Every column that a detection is written from.
pub fn columns() -> BTreeSet<&'static str> {
    let accounts =
        ACCOUNTS.iter().flat_map(|(domain, name)| [*domain, *name]).filter(|name| !name.is_empty());
    let lists =
        [schema::COMMON.as_slice(), &PROCESSES, &FILES, &ADDRESSES, &DETAILS].into_iter().flatten().copied();
    accounts.chain(lists).chain([schema::DATA, schema::MESSAGE, "Channel"]).collect()
}

/// The text columns that [`telling`] looks at, each once; a row's `Data` list besides.
pub(crate) fn told_columns() -> impl Iterator<Item = &'static str> {
    let accounts =
        ACCOUNTS.iter().flat_map(|(domain, name)| [*domain, *name]).filter(|name| !name.is_empty());
    let lists = [PROCESSES.as_slice(), &FILES, &ADDRESSES, &DETAILS].into_iter().flatten().copied();
    let all: BTreeSet<&str> = accounts.chain(lists).chain([schema::MESSAGE]).collect();
    all.into_iter()
}

/// What one row tells.
pub(crate) fn telling(rows: &Named<'_>, row: usize) -> Telling {
    Telling {
        actor: accounts(rows, row).next(),
        acting_process: PROCESSES.iter().find_map(|name| said(rows, name, row)).map(cut),
        entities: entities(rows, row),
        details: details(rows, row),
    }
}

/// A field's text, unless it says nothing.
fn said<'a>(rows: &'a Named<'_>, name: &str, row: usize) -> Option<&'a str> {
    let text = text_at(rows.of(name)?, row)?;
    (!matches!(text.trim(), "" | "-" | "N/A" | "NULL")).then_some(text)
}

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(DETAIL_CHARS_MAX).collect()
}

/// Accounts with their domain, who acted first.
fn accounts(rows: &Named<'_>, row: usize) -> impl Iterator<Item = String> {
    ACCOUNTS.iter().filter_map(move |(domain, name)| {
        let account = said(rows, name, row)?;
        let domain = if domain.is_empty() { None } else { said(rows, domain, row) };
        Some(cut(&domain.map_or_else(|| account.to_owned(), |domain| format!("{domain}\\{account}"))))
    })
}

fn entities(rows: &Named<'_>, row: usize) -> Entities {
    let mut entities = Entities { account: accounts(rows, row).collect(), ..Entities::default() };
    for (names, list) in [
        (PROCESSES.as_slice(), &mut entities.process),
        (FILES.as_slice(), &mut entities.file),
        (ADDRESSES.as_slice(), &mut entities.address),
    ] {
        list.extend(names.iter().filter_map(|name| said(rows, name, row)).map(cut));
    }
    // A loopback address is no one on the other side.
    entities.address.retain(|address| !matches!(address.as_str(), "::1" | "127.0.0.1" | "LOCAL"));
    for list in [&mut entities.account, &mut entities.process, &mut entities.file, &mut entities.address] {
        list.sort();
        list.dedup();
    }
    entities
}

fn details(rows: &Named<'_>, row: usize) -> BTreeMap<String, String> {
    let mut details: BTreeMap<String, String> = DETAILS
        .iter()
        .filter_map(|name| Some((*name, said(rows, name, row)?)))
        .take(DETAILS_MAX)
        .map(|(name, text)| (name.to_owned(), text.chars().take(DETAIL_CHARS_MAX).collect()))
        .collect();
    if details.is_empty() {
        let data = rows.of(schema::DATA).and_then(|column| column.as_list_opt::<i32>());
        if let Some(list) = data.filter(|list| row < list.len() && !list.is_null(row)) {
            let values = list.value(row);
            let texts: Vec<&str> = values.as_string_opt::<i32>().into_iter().flatten().flatten().collect();
            let text = texts.join(" | ").chars().take(DETAIL_CHARS_MAX).collect();
            details.insert(schema::DATA.to_owned(), text);
        } else if let Some(message) = said(rows, schema::MESSAGE, row) {
            let text = message.chars().take(DETAIL_CHARS_MAX).collect();
            details.insert(schema::MESSAGE.to_owned(), text);
        }
    }
    details
}
