//! What a matched row is about, for a person.
//!
//! In: a row that a rule matched. Out: who and what it is about, and its telling fields.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use foldhash::fast::RandomState;
use piste_lake::scan::{nanos_at, text_at};
use piste_model::hash::hex;
use piste_model::{Entities, EvidenceId, Instant, RowRef, schema};

use crate::told::Telling;

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

/// The row's time with the precision of its source.
pub fn time_of(rows: &RecordBatch, row: usize) -> Option<Instant> {
    time(rows.column_by_name(schema::EVENT_TIME)?, rows.column_by_name(schema::TIME_DIGITS)?, row)
}

/// The times of a batch's rows, with the columns looked up once.
pub struct Times<'a>(Option<(&'a ArrayRef, &'a ArrayRef)>);

impl<'a> Times<'a> {
    /// Of a batch.
    pub fn of(rows: &'a RecordBatch) -> Self {
        Self(rows.column_by_name(schema::EVENT_TIME).zip(rows.column_by_name(schema::TIME_DIGITS)))
    }

    /// The time of a row, where it has one.
    pub fn at(&self, row: usize) -> Option<Instant> {
        self.0.and_then(|(times, digits)| time(times, digits, row))
    }
}

fn time(times: &ArrayRef, digits: &ArrayRef, row: usize) -> Option<Instant> {
    let nanos = nanos_at(times, row)?;
    let digits = digits.as_primitive_opt::<Int8Type>()?;
    let digits = if row < digits.len() { u8::try_from(digits.value(row)).unwrap_or(9) } else { 9 };
    Some(Instant { nanos, digits })
}

/// The row's hash as 32 hex digits; empty where the column is missing.
pub fn hash_of(rows: &RecordBatch, row: usize) -> String {
    rows.column_by_name(schema::RECORD_HASH).map(|hashes| hash(hashes, row)).unwrap_or_default()
}

fn hash(hashes: &ArrayRef, row: usize) -> String {
    let hashes = hashes.as_fixed_size_binary_opt().filter(|hashes| row < hashes.len());
    hashes.map(|hashes| hex(hashes.value(row))).unwrap_or_default()
}

fn int64(rows: &Named<'_>, name: &str, row: usize) -> Option<i64> {
    let column = rows.of(name)?.as_primitive_opt::<Int64Type>()?;
    (row < column.len() && !column.is_null(row)).then(|| column.value(row))
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

/// Whether a column is one that [`place_of`] reads.
pub fn is_place(name: &str) -> bool {
    matches!(name, schema::EVIDENCE_ID | schema::RECORD | schema::OFFSET | schema::RECORD_HASH)
}

/// The way back to a row's bytes; `file` gives the path and the SHA-256 of a sealed file.
pub fn place_of(
    rows: &RecordBatch,
    row: usize,
    file: &dyn Fn(EvidenceId) -> (String, String),
) -> Option<RowRef> {
    let named = Named::new(rows);
    let evidence_id: EvidenceId = text_at(rows.column_by_name(schema::EVIDENCE_ID)?, row)?.parse().ok()?;
    let (path, file_sha256) = file(evidence_id);
    Some(RowRef {
        evidence_id,
        path,
        record: int64(&named, schema::RECORD, row).unwrap_or_default(),
        offset: int64(&named, schema::OFFSET, row)
            .and_then(|offset| u64::try_from(offset).ok())
            .unwrap_or_default(),
        file_sha256,
        record_hash: hash_of(rows, row),
    })
}

/// The way back to the bytes of one row of a file of the lake.
///
/// # Errors
/// Where the file cannot be read.
pub fn place_in(
    table: &piste_lake::LakeFile,
    group: usize,
    row: usize,
    file: &dyn Fn(EvidenceId) -> (String, String),
) -> Result<Option<RowRef>, piste_lake::LakeError> {
    let mut place = None;
    piste_lake::scan::Table::open(table)?.read(group, &is_place, Some(&[row]), &mut |batch| {
        place = place.take().or_else(|| place_of(batch, 0, file));
        Ok(())
    })?;
    Ok(place)
}
