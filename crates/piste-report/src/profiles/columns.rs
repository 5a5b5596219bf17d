//! The columns of Hayabusa's profiles and what stands in them.
//!
//! In: a profile, a hit. Out: the columns in Hayabusa's order (its `profiles.yaml`, version 4.0.0), each as a cell of text
//! or as a JSON value. `-` stands for what the record or the rule does not say.

use jiff::tz::TimeZone;
use piste_model::Detection;
use serde_json::Value;

use super::abbreviations::{self, Tags};
use super::ordered::{Object, scalar};
use super::{HitRow, Profile, times};
use crate::escape;

/// Between two values of one cell.
const SEPARATOR: &str = " ¦ ";
/// Stands for nothing.
const NOTHING: &str = "-";

/// A column of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Timestamp,
    /// `timestamp` under the name that Timesketch asks for.
    Datetime,
    TimestampDesc,
    Message,
    RuleTitle,
    Level,
    Computer,
    Channel,
    EventId,
    RecordId,
    Details,
    ExtraFieldInfo,
    AllFieldInfo,
    MitreTactics,
    MitreTags,
    OtherTags,
    RuleAuthor,
    RuleModifiedDate,
    RuleCreationDate,
    Status,
    Provider,
    RuleFile,
    RuleId,
    EvtxFile,
}

use Column as C;

const MINIMAL: [Column; 8] =
    [C::Timestamp, C::RuleTitle, C::Level, C::Computer, C::Channel, C::EventId, C::RecordId, C::Details];
const STANDARD: [Column; 10] = [
    C::Timestamp,
    C::RuleTitle,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::RecordId,
    C::Details,
    C::ExtraFieldInfo,
    C::RuleId,
];
const VERBOSE: [Column; 15] = [
    C::Timestamp,
    C::RuleTitle,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::MitreTactics,
    C::MitreTags,
    C::OtherTags,
    C::RecordId,
    C::Details,
    C::ExtraFieldInfo,
    C::RuleFile,
    C::RuleId,
    C::EvtxFile,
];
const ALL_FIELD_INFO: [Column; 11] = [
    C::Timestamp,
    C::RuleTitle,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::RecordId,
    C::AllFieldInfo,
    C::RuleFile,
    C::RuleId,
    C::EvtxFile,
];
const ALL_FIELD_INFO_VERBOSE: [Column; 14] = [
    C::Timestamp,
    C::RuleTitle,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::MitreTactics,
    C::MitreTags,
    C::OtherTags,
    C::RecordId,
    C::AllFieldInfo,
    C::RuleFile,
    C::RuleId,
    C::EvtxFile,
];
const SUPER_VERBOSE: [Column; 20] = [
    C::Timestamp,
    C::RuleTitle,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::RuleAuthor,
    C::RuleModifiedDate,
    C::Status,
    C::RecordId,
    C::Details,
    C::ExtraFieldInfo,
    C::MitreTactics,
    C::MitreTags,
    C::OtherTags,
    C::Provider,
    C::RuleCreationDate,
    C::RuleFile,
    C::RuleId,
    C::EvtxFile,
];
const TIMESKETCH_MINIMAL: [Column; 15] = [
    C::Datetime,
    C::TimestampDesc,
    C::Message,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::MitreTactics,
    C::MitreTags,
    C::OtherTags,
    C::RecordId,
    C::Details,
    C::RuleFile,
    C::RuleId,
    C::EvtxFile,
];
const TIMESKETCH_VERBOSE: [Column; 16] = [
    C::Datetime,
    C::TimestampDesc,
    C::Message,
    C::Level,
    C::Computer,
    C::Channel,
    C::EventId,
    C::MitreTactics,
    C::MitreTags,
    C::OtherTags,
    C::RecordId,
    C::Details,
    C::ExtraFieldInfo,
    C::RuleFile,
    C::RuleId,
    C::EvtxFile,
];

/// The columns of a profile, in order.
pub(super) fn of(profile: Profile) -> &'static [Column] {
    match profile {
        Profile::Minimal => &MINIMAL,
        Profile::Standard => &STANDARD,
        Profile::Verbose => &VERBOSE,
        Profile::AllFieldInfo => &ALL_FIELD_INFO,
        Profile::AllFieldInfoVerbose => &ALL_FIELD_INFO_VERBOSE,
        Profile::SuperVerbose => &SUPER_VERBOSE,
        Profile::TimesketchMinimal => &TIMESKETCH_MINIMAL,
        Profile::TimesketchVerbose => &TIMESKETCH_VERBOSE,
    }
}

impl Column {
    /// As it stands in the header.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "Timestamp",
            Self::Datetime => "datetime",
            Self::TimestampDesc => "timestamp_desc",
            Self::Message => "message",
            Self::RuleTitle => "RuleTitle",
            Self::Level => "Level",
            Self::Computer => "Computer",
            Self::Channel => "Channel",
            Self::EventId => "EventID",
            Self::RecordId => "RecordID",
            Self::Details => "Details",
            Self::ExtraFieldInfo => "ExtraFieldInfo",
            Self::AllFieldInfo => "AllFieldInfo",
            Self::MitreTactics => "MitreTactics",
            Self::MitreTags => "MitreTags",
            Self::OtherTags => "OtherTags",
            Self::RuleAuthor => "RuleAuthor",
            Self::RuleModifiedDate => "RuleModifiedDate",
            Self::RuleCreationDate => "RuleCreationDate",
            Self::Status => "Status",
            Self::Provider => "Provider",
            Self::RuleFile => "RuleFile",
            Self::RuleId => "RuleID",
            Self::EvtxFile => "EvtxFile",
        }
    }

    /// Whether its values are numbers or times of ours, which no spreadsheet takes for a formula.
    pub(super) fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Timestamp
                | Self::Datetime
                | Self::TimestampDesc
                | Self::Level
                | Self::EventId
                | Self::RecordId
        )
    }

    /// The value as the text of a cell, on one line.
    pub(super) fn text(self, row: &HitRow<'_>, zone: &TimeZone) -> String {
        match self {
            Self::Details => joined(&details(row)),
            Self::ExtraFieldInfo => joined(&extra(row)),
            Self::AllFieldInfo => joined(&all(row)),
            Self::MitreTactics => Tags::of(&row.about.tags).tactics.join(SEPARATOR),
            Self::MitreTags => Tags::of(&row.about.tags).mitre.join(SEPARATOR),
            Self::OtherTags => flat(&Tags::of(&row.about.tags).others.join(SEPARATOR)),
            other => flat(&other.plain(row, zone)),
        }
    }

    /// The value in JSON.
    pub(super) fn put(self, row: &HitRow<'_>, zone: &TimeZone, into: &mut Object) {
        let name = self.name();
        match self {
            Self::Details => into.put_object(name, object(&details(row))),
            Self::ExtraFieldInfo => into.put_object(name, object(&extra(row))),
            Self::AllFieldInfo => into.put_object(name, object(&all(row))),
            Self::MitreTactics => into.put(name, Tags::of(&row.about.tags).tactics),
            Self::MitreTags => into.put(name, Tags::of(&row.about.tags).mitre),
            Self::OtherTags => into.put(name, Tags::of(&row.about.tags).others),
            Self::EventId => {
                into.put(name, row.detection.event_code.map_or(Value::from(NOTHING), Value::from));
            }
            Self::RecordId => into.put(name, row.detection.record),
            other => into.put(name, other.plain(row, zone)),
        }
    }

    fn plain(self, row: &HitRow<'_>, zone: &TimeZone) -> String {
        let HitRow { detection, about, .. } = row;
        match self {
            Self::Timestamp | Self::Datetime => {
                detection.time.map_or_else(String::new, |time| times::shown(time, zone))
            }
            Self::TimestampDesc => "hayabusa".to_owned(), // the word that imports of this profile look for
            Self::Message | Self::RuleTitle => detection.rule_title.clone(),
            Self::Level => detection.level.short().to_owned(),
            Self::Computer => or_nothing(&detection.host),
            Self::Channel => or_nothing(&channel(detection)),
            Self::EventId => detection.event_code.map_or_else(|| NOTHING.to_owned(), |code| code.to_string()),
            Self::RecordId => detection.record.to_string(),
            Self::RuleAuthor => or_nothing(&about.authors.join(", ")),
            Self::RuleModifiedDate => or_nothing(&about.modified),
            Self::RuleCreationDate => or_nothing(&about.date),
            Self::Status => or_nothing(&about.status),
            Self::Provider => or_nothing(&abbreviations::provider(row.provider)),
            Self::RuleFile => or_nothing(about.path.rsplit(['/', '\\']).next().unwrap_or_default()),
            Self::RuleId => or_nothing(&detection.rule_id),
            Self::EvtxFile => detection.path.clone(),
            // Written by `text` and `put`.
            Self::Details
            | Self::ExtraFieldInfo
            | Self::AllFieldInfo
            | Self::MitreTactics
            | Self::MitreTags
            | Self::OtherTags => String::new(),
        }
    }
}

/// The channel's short word; the dataset's name where there is no channel.
fn channel(detection: &Detection) -> String {
    if detection.channel.is_empty() {
        detection.dataset.clone()
    } else {
        abbreviations::channel(&detection.channel)
    }
}

fn or_nothing(text: &str) -> String {
    if text.trim().is_empty() { NOTHING.to_owned() } else { text.to_owned() }
}

/// Whitespace of any kind becomes one blank, as Hayabusa writes cells; other hidden characters become visible.
pub(super) fn flat(text: &str) -> String {
    if !text.chars().any(|c| c.is_whitespace() && c != ' ') && !text.contains("  ") && text.trim() == text {
        return escape::visible(text).into_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    escape::visible(&words.join(" ")).into_owned()
}

/// `Name: value ¦ Name: value`.
pub(super) fn joined(pairs: &[(&str, &str)]) -> String {
    let values: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}: {}", flat(name), flat(value)).trim_end().to_owned())
        .collect();
    if values.is_empty() { NOTHING.to_owned() } else { values.join(SEPARATOR) }
}

fn object(pairs: &[(&str, &str)]) -> Object {
    let mut object = Object::default();
    for (name, value) in pairs {
        object.put(name, scalar(value));
    }
    object
}

/// The telling fields: in the row's order and whole, where the row has them.
pub(super) fn details<'a>(row: &HitRow<'a>) -> Vec<(&'a str, &'a str)> {
    let telling = &row.detection.details;
    let mut pairs: Vec<(&str, &str)> = all(row);
    if !row.fields.is_empty() {
        pairs.retain(|(name, _)| {
            telling.contains_key(*name) || (is_data(name) && telling.contains_key("Data"))
        });
    }
    let others = telling.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let known: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    let listed = known.iter().any(|name| is_data(name));
    pairs.extend(others.filter(|(name, _)| !(known.contains(name) || listed && *name == "Data")));
    pairs
}

/// All other fields of the event.
fn extra<'a>(row: &HitRow<'a>) -> Vec<(&'a str, &'a str)> {
    let details = details(row);
    let mut pairs = all(row);
    pairs.retain(|(name, _)| !details.iter().any(|(known, _)| known == name));
    pairs
}

/// All fields of the event.
pub(super) fn all<'a>(row: &HitRow<'a>) -> Vec<(&'a str, &'a str)> {
    row.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// `Data[1]`: an item of a list without names.
fn is_data(name: &str) -> bool {
    name.starts_with("Data[")
}
