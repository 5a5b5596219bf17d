//! A row of the lake as the join keeps it, and the batch that it is read from.
//!
//! In: record batches with the columns of [`COLUMNS`]. Out: of the rows that are wanted, their place, corrected time and texts. Only
//! what an intrusion may be made of is kept, so that memory grows with that and not with the rows.

use std::collections::HashMap;
use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use piste_lake::scan::{nanos_at, text_at};
use piste_model::hash::hex;
use piste_model::{Instant, schema};

/// The texts that the join looks at.
pub(crate) const COLUMNS: [&str; 53] = [
    "AuthenticationPackageName",
    "CommandLine",
    "Computer",
    "ContextInfo",
    "DestinationIp",
    "DestinationPort",
    "Direction",
    "EventRecordID",
    "EventTime",
    "ExecutionProcessID",
    "Execution_ProcessID",
    "GrantedAccess",
    "Image",
    "ImagePath",
    "Initiated",
    "IpAddress",
    "IpPort",
    "LogonId",
    "LogonType",
    "NewProcessId",
    "NewProcessName",
    "ParentImage",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentProcessName",
    "ProcessGuid",
    "ProcessId",
    "ProcessName",
    "RelativeTargetName",
    "ScriptBlockText",
    "ServiceFileName",
    "ServiceName",
    "ShareName",
    "SourceImage",
    "SourceIp",
    "SourceProcessGUID",
    "SourceProcessGuid",
    "SourceProcessId",
    "SubjectDomainName",
    "SubjectLogonId",
    "SubjectUserName",
    "SubjectUserSid",
    "TargetDomainName",
    "TargetFilename",
    "TargetImage",
    "TargetLogonId",
    "TargetProcessGuid",
    "TargetProcessId",
    "TargetUserName",
    "TaskName",
    "User",
    "UtcTime",
    "WorkstationName",
];

/// Columns of every row besides.
const COMMON: [&str; 9] = [
    schema::EVENT_TIME,
    schema::TIME_DIGITS,
    schema::TIME_BASIS,
    schema::HOST,
    schema::EVENT_CODE,
    schema::EVIDENCE_ID,
    schema::RECORD,
    schema::OFFSET,
    schema::RECORD_HASH,
];

/// Bytes of one text that are kept.
const TEXT_BYTES_MAX: usize = 4_096;

/// Whether the join reads a column.
pub(crate) fn is_read(name: &str) -> bool {
    COLUMNS.binary_search(&name).is_ok() || COMMON.contains(&name)
}

/// Where a row lies: evidence and offset are one row's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) evidence: u32,
    pub(crate) offset: u64,
    /// Two records of one line, or of one chunk, share an offset.
    pub(crate) record: i64,
}

/// A row that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) place: Place,
    pub(crate) hash: String,
    pub(crate) dataset: Rc<str>,
    /// Number of the host in [`super::names::HostNames`].
    pub(crate) host: u32,
    pub(crate) code: Option<i32>,
    /// Corrected, in nanoseconds: not before and not after.
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) digits: u8,
    /// What the record's header says.
    pub(crate) recorded: Option<Instant>,
    texts: Vec<(u8, Box<str>)>,
}

impl Fact {
    /// A text; empty where the row has none.
    pub(crate) fn text(&self, name: &str) -> &str {
        let Ok(at) = COLUMNS.binary_search(&name) else { return "" };
        let found = self.texts.iter().find(|(column, _)| usize::from(*column) == at);
        found.map_or("", |(_, text)| text)
    }

    /// A number as logs write it, `0x1f` or `31`.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        number(self.text(name))
    }

    pub(crate) fn is(&self, dataset: &str, code: i32) -> bool {
        &*self.dataset == dataset && self.code == Some(code)
    }
}

/// A number as logs write it.
pub(crate) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A GUID as a number; 0 where there is none.
pub(crate) fn guid(text: &str) -> u128 {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    if digits.len() == 32 { u128::from_str_radix(&digits, 16).unwrap_or_default() } else { 0 }
}

/// A batch whose columns are found by name.
pub(crate) struct Batch<'a> {
    columns: HashMap<&'a str, &'a ArrayRef>,
    rows: usize,
    /// By key of the dictionary: the number of the evidence.
    evidence: Vec<u32>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> Self {
        let names = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
        let columns: HashMap<&str, &ArrayRef> = names.zip(batch.columns()).collect();
        let ids = columns.get(schema::EVIDENCE_ID).and_then(|ids| ids.as_dictionary_opt::<Int32Type>());
        let values = ids.and_then(|ids| ids.values().as_string_opt::<i32>());
        let id = |text: Option<&str>| {
            text.and_then(|text| text.strip_prefix("E-")?.parse().ok()).unwrap_or_default()
        };
        let evidence = values.map(|values| values.iter().map(id).collect()).unwrap_or_default();
        Self { columns, rows: batch.num_rows(), evidence }
    }

    pub(crate) fn count(&self) -> usize {
        self.rows
    }

    pub(crate) fn rows<'b>(&'b self) -> impl Iterator<Item = Row<'a, 'b>> {
        (0..self.rows).map(move |row| Row { batch: self, row })
    }
}

/// One row of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, 'b> {
    batch: &'b Batch<'a>,
    row: usize,
}

impl<'a> Row<'a, '_> {
    /// A text; empty where the row has none, or writes `-` for none.
    pub(crate) fn text(&self, name: &str) -> &'a str {
        let text = self.batch.columns.get(name).and_then(|column| text_at(*column, self.row));
        text.filter(|text| *text != "-").unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        number(self.text(name))
    }

    pub(crate) fn code(&self) -> Option<i32> {
        let column = self.batch.columns.get(schema::EVENT_CODE)?.as_primitive_opt::<Int32Type>()?;
        (self.row < column.len() && column.is_valid(self.row)).then(|| column.value(self.row))
    }

    pub(crate) fn time(&self) -> Option<Instant> {
        let nanos = nanos_at(*self.batch.columns.get(schema::EVENT_TIME)?, self.row)?;
        let digits = self.batch.columns.get(schema::TIME_DIGITS);
        let digits = digits.and_then(|column| column.as_primitive_opt::<Int8Type>());
        let digits = digits.filter(|digits| self.row < digits.len());
        let digits = digits.map_or(9, |digits| u8::try_from(digits.value(self.row)).unwrap_or(9));
        Some(Instant { nanos, digits })
    }

    pub(crate) fn place(&self) -> Place {
        let key = self.batch.columns.get(schema::EVIDENCE_ID);
        let key = key.and_then(|ids| ids.as_dictionary_opt::<Int32Type>());
        let key = key.filter(|ids| self.row < ids.len() && ids.is_valid(self.row));
        let key = key.and_then(|ids| usize::try_from(ids.keys().value(self.row)).ok());
        Place {
            evidence: key.and_then(|key| self.batch.evidence.get(key).copied()).unwrap_or_default(),
            offset: u64::try_from(self.int(schema::OFFSET)).unwrap_or_default(),
            record: self.int(schema::RECORD),
        }
    }

    fn int(&self, name: &str) -> i64 {
        let column = self.batch.columns.get(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let column = column.filter(|column| self.row < column.len() && column.is_valid(self.row));
        column.map_or(0, |column| column.value(self.row))
    }

    fn hash(&self) -> String {
        let column = self.batch.columns.get(schema::RECORD_HASH);
        let column = column.and_then(|column| column.as_fixed_size_binary_opt());
        let column = column.filter(|column| self.row < column.len() && column.is_valid(self.row));
        column.map(|column| hex(column.value(self.row))).unwrap_or_default()
    }

    /// The row, kept.
    pub(crate) fn keep(&self, dataset: &Rc<str>, host: u32, (from, to): (i64, i64)) -> Fact {
        let texts = COLUMNS.iter().enumerate().filter_map(|(at, name)| {
            let text = self.text(name);
            (!text.is_empty()).then(|| (u8::try_from(at).unwrap_or(u8::MAX), Box::from(cut(text))))
        });
        let recorded = self.time();
        Fact {
            place: self.place(),
            hash: self.hash(),
            dataset: Rc::clone(dataset),
            host,
            code: self.code(),
            from,
            to,
            digits: recorded.map_or(9, |time| time.digits),
            recorded,
            texts: texts.collect(),
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
impl Fact {
    /// An invented row.
    pub(crate) fn invented(dataset: &str, code: i32, nanos: i64, texts: &[(&str, &str)]) -> Self {
        let texts = texts.iter().map(|(name, text)| {
            let at = COLUMNS.binary_search(name).expect("a column that is read");
            (u8::try_from(at).expect("few columns"), Box::from(*text))
        });
        Self {
            place: Place { evidence: 1, offset: nanos.unsigned_abs(), record: code.into() },
            hash: String::new(),
            dataset: dataset.into(),
            host: 0,
            code: Some(code),
            from: nanos,
            to: nanos,
            digits: 9,
            recorded: Some(Instant { nanos, digits: 9 }),
            texts: texts.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_sorted_and_numbers_read_as_logs_write_them() {
        assert!(COLUMNS.is_sorted());
        assert_eq!(number("0x3E7"), Some(999));
        assert_eq!(number(" 999 "), Some(999));
        assert_eq!(number("-"), None);
        assert_eq!(guid("{00000000-0000-0000-0000-00000000000a}"), 10);
        assert_eq!(guid("{0}"), 0);
    }
}
