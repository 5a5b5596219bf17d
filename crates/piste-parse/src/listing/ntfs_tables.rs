//! Tables in CSV that tools made of NTFS's own: `MFTECmd` of `$J` and `$I30`, DFIR-ORC's `NTFSInfo`, `USNInfo` and `I30Info`.
//!
//! In: the columns of a table, and the values of a row. Out: the columns under the names that the readers of [`crate::ntfs`]
//! give theirs, and the dataset: a row means the same whoever took it from the volume. DFIR-ORC's file numbers (`FRN`) stay as
//! written and stand beside as record and sequence number.
//!
//! Sources: `MFTECmd` (`JEntryOut`, `I30Out`), DFIR-ORC (`NTFSInfoSqlSchema.xml`, `USNInfoSqlSchema.xml`): times are UTC.

use std::borrow::Cow;

use piste_model::Instant;
use piste_model::schema::Role;

use super::DATASET;
use super::facts::{Facts, Meaning, Words};
use crate::fields::Fields;
use crate::ntfs::{self, Reference};

/// Which table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Files; the words are those of any tool.
    Files(Words),
    /// DFIR-ORC's `NTFSInfo`.
    OrcFiles,
    /// `MFTECmd` of the change journal.
    Journal,
    /// DFIR-ORC's `USNInfo`.
    OrcJournal,
    /// `MFTECmd` of folder indexes.
    Index,
    /// DFIR-ORC's `I30Info`.
    OrcIndex,
}

/// A column of DFIR-ORC, and what it is called here.
type Names = &'static [(&'static str, &'static str)];

const ORC_FILES: Names = &[
    ("File", "FileName"),
    ("ParentName", "ParentPath"),
    ("FullName", "Path"),
    ("SizeInBytes", "FileSize"),
    ("CreationDate", "Created0x10"),
    ("LastModificationDate", "LastModified0x10"),
    ("LastAccessDate", "LastAccess0x10"),
    ("LastAttrChangeDate", "LastRecordChange0x10"),
    ("FileNameCreationDate", "Created0x30"),
    ("FileNameLastModificationDate", "LastModified0x30"),
    ("FileNameLastAccessDate", "LastAccess0x30"),
    ("FileNameLastAttrModificationDate", "LastRecordChange0x30"),
    ("USN", "UpdateSequenceNumber"),
    ("RecordInUse", "InUse"),
    ("SecDescrID", "SecurityId"),
    ("FilenameFlags", "NameType"),
];
const ORC_JOURNAL: Names = &[
    ("TimeStamp", "UpdateTimestamp"),
    ("File", "Name"),
    ("FullPath", "Path"),
    ("USN", "UpdateSequenceNumber"),
    ("Reason", "UpdateReasons"),
];
const ORC_INDEX: Names = &[
    ("CarvedEntry", "FromSlack"),
    ("Name", "FileName"),
    ("FilenameFlags", "NameType"),
    ("FileNameCreationDate", "CreatedOn"),
    ("FileNameLastModificationDate", "ContentModifiedOn"),
    ("FileNameLastAccessDate", "LastAccessedOn"),
    ("FileNameLastAttrModificationDate", "RecordModifiedOn"),
    ("DataSize", "LogicalSize"),
];

/// Times of an index's entry and what listings call them.
const INDEX_COPIES: [(&str, &str); 4] = [
    ("CreatedOn", "created"),
    ("ContentModifiedOn", "modified"),
    ("RecordModifiedOn", "changed"),
    ("LastAccessedOn", "accessed"),
];

/// What a row is in the lake.
pub(super) struct Placed {
    pub(super) dataset: &'static str,
    pub(super) time: Option<(Instant, &'static str)>,
}

impl Table {
    /// The table that has these columns.
    pub(super) fn of<'a>(names: &[impl AsRef<str> + 'a]) -> Self {
        let has =
            |wanted: &[&str]| wanted.iter().all(|one| names.iter().any(|name| name.as_ref().trim() == *one));
        if has(&["UpdateTimestamp", "UpdateReasons", "Name"]) {
            Self::Journal
        } else if has(&["FromSlack", "SelfMftEntry", "FileName"]) {
            Self::Index
        } else if has(&["FRN", "ParentFRN", "CarvedEntry", "Name"]) {
            Self::OrcIndex
        } else if has(&["FRN", "ParentFRN", "Reason", "TimeStamp", "File"]) {
            Self::OrcJournal
        } else if has(&["FRN", "File"]) && (has(&["CreationDate"]) || has(&["FileNameCreationDate"])) {
            Self::OrcFiles
        } else {
            Self::Files(Words::of(names.iter().map(|name| name.as_ref().trim())))
        }
    }

    fn words(self) -> Words {
        match self {
            Self::Files(words) => words,
            Self::OrcFiles | Self::OrcJournal | Self::OrcIndex => Words::Orc,
            Self::Journal | Self::Index => Words::Common,
        }
    }

    /// What a column holds, and whether its times are surely UTC.
    pub(super) fn meaning(self, column: &str) -> Option<(Meaning, bool)> {
        self.words().meaning(column)
    }

    /// Its columns alone tell what it is.
    pub(super) fn is_sure(self) -> bool {
        !matches!(self, Self::Files(_))
    }

    fn names(self) -> Names {
        match self {
            Self::OrcFiles => ORC_FILES,
            Self::OrcJournal => ORC_JOURNAL,
            Self::OrcIndex => ORC_INDEX,
            Self::Files(_) | Self::Journal | Self::Index => &[],
        }
    }

    /// What a column is called here.
    pub(super) fn column(self, name: &str) -> &str {
        self.names().iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| to)
    }

    /// A value as the readers of the binary forms write it; `column` is the name here.
    pub(super) fn value<'v>(self, column: &str, value: &'v str) -> Cow<'v, str> {
        if self.names().is_empty() {
            return Cow::Borrowed(value);
        }
        match (column, value) {
            ("InUse" | "FromSlack", "Y") => Cow::Borrowed("True"),
            ("InUse" | "FromSlack", "N") => Cow::Borrowed("False"),
            ("NameType", number) => {
                number.parse().map_or(Cow::Borrowed(value), |kind| ntfs::name_type(kind).into())
            }
            ("UpdateSequenceNumber", number) => {
                file_number(number).map_or(Cow::Borrowed(value), |usn| usn.to_string().into())
            }
            ("UpdateReasons", words) => {
                ntfs::reason_bits(words).map_or(Cow::Borrowed(value), |bits| ntfs::reasons(bits).into())
            }
            _ => Cow::Borrowed(value),
        }
    }

    /// Adds what the row says beside its columns, and tells where it belongs.
    pub(super) fn place(self, facts: &mut Facts, fields: &mut Fields) -> Placed {
        if let Self::Files(_) = self {
            return Placed { dataset: DATASET, time: facts.push(fields) };
        }
        push_numbers(fields, ["FRN", "SelfMftEntry"], ["EntryNumber", "SequenceNumber"]);
        push_numbers(fields, ["ParentFRN", "ParentMftEntry"], ["ParentEntryNumber", "ParentSequenceNumber"]);
        match self {
            Self::Files(_) | Self::OrcFiles => Placed { dataset: DATASET, time: facts.push(fields) },
            Self::Journal | Self::OrcJournal => {
                // A journal knows its file's folder by number; only some tools look it up.
                if !facts.get(Meaning::Folder).is_empty() || !facts.get(Meaning::Path).is_empty() {
                    fields.push("TargetFilename", &facts.path(), Role::Copy);
                }
                Placed {
                    dataset: ntfs::USN,
                    time: time_of(facts, fields, "UpdateTimestamp", "UpdateTimestamp"),
                }
            }
            Self::Index | Self::OrcIndex => {
                for (from, to) in INDEX_COPIES {
                    if let Some((time, _)) = time_of(facts, fields, from, "") {
                        fields.push(to, &time.to_string(), Role::Copy);
                    }
                }
                Placed { dataset: ntfs::INDEX, time: time_of(facts, fields, "CreatedOn", "CreatedOn") }
            }
        }
    }
}

/// The moment that a column holds, and what a row's time is called that is it.
fn time_of(
    facts: &mut Facts,
    fields: &Fields,
    column: &str,
    basis: &'static str,
) -> Option<(Instant, &'static str)> {
    let text = fields.get(column)?;
    let time = Instant::parse(text).or_else(|| facts.read(text))?;
    Some((time, basis))
}

/// `0x00DB00000002442B`, or the same in decimal.
fn file_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Record and sequence number of a file: DFIR-ORC has both in one number, `MFTECmd` calls them otherwise for an index.
fn push_numbers(fields: &mut Fields, from: [&str; 2], to: [&str; 2]) {
    let ([orc, index], [entry, sequence]) = (from, to);
    if let Some(number) = fields.get(orc).and_then(file_number) {
        let reference = Reference::of(number);
        fields.push(entry, &reference.entry.to_string(), Role::Copy);
        fields.push(sequence, &reference.sequence.to_string(), Role::Copy);
    } else if let Some(number) = fields.get(index).map(str::to_owned) {
        let other = fields.get(&index.replace("Entry", "Sequence")).map(str::to_owned);
        fields.push(entry, &number, Role::Copy);
        fields.push(sequence, &other.unwrap_or_default(), Role::Copy);
    }
}
