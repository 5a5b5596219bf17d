//! Chainsaw's forms: its JSON of a detection, and the lines of its `sigma.csv`.
//!
//! In: hits. Out: objects with Chainsaw's keys, the event nested as `Event.System` and `Event.EventData` for Windows rows;
//! and one CSV line an event with the titles of all rules that matched it.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use piste_model::{EvidenceId, Level};

use super::columns::{all, flat, joined};
use super::ordered::{Object, scalar};
use super::{HitRow, times};
use crate::escape;

/// Header of `sigma.csv`, by which Timeline Explorer knows the file.
pub(super) const HEADER: [&str; 9] = [
    "timestamp",
    "detections",
    "path",
    "count",
    "Event.System.Provider",
    "Event ID",
    "Record ID",
    "Computer",
    "Event Data",
];
/// Stands before each rule's title.
const BULLET: &str = "‣";
/// Elements of `System` whose attributes are columns of their own here: `Provider_Name`.
const WITH_ATTRIBUTES: [&str; 6] =
    ["Provider", "EventID", "TimeCreated", "Execution", "Security", "Correlation"];

/// One detection in Chainsaw's JSON.
pub(super) fn object(row: &HitRow<'_>, zone: &TimeZone) -> Object {
    let HitRow { detection, about, .. } = row;
    let mut object = Object::default();
    object.put("group", "Sigma");
    object.put("kind", "individual");
    let windows = is_windows(row);
    let mut document = Object::default();
    let evtx = windows && detection.path.to_ascii_lowercase().ends_with(".evtx");
    document.put("kind", if evtx { "evtx" } else { "json" });
    document.put("path", detection.path.as_str());
    document.put_object("data", if windows { event(row, zone) } else { flat_event(row) });
    object.put_object("document", document);
    object.put("name", detection.rule_title.as_str());
    object.put("timestamp", detection.time.map(|time| times::rfc3339(time, zone)));
    object.put("authors", about.authors.clone());
    let level = if detection.level == Level::Informational { "info" } else { detection.level.as_str() };
    object.put("level", level);
    object.put("source", "sigma");
    object.put("status", about.status.as_str());
    object.put("falsepositives", about.falsepositives.clone());
    object.put("id", detection.rule_id.as_str());
    let mut logsource = Object::default();
    let parts = [("category", &about.category), ("product", &about.product), ("service", &about.service)];
    for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        logsource.put(name, value.as_str());
    }
    object.put_object("logsource", logsource);
    object.put("references", about.references.clone());
    object.put("tags", about.tags.clone());
    object
}

fn is_windows(row: &HitRow<'_>) -> bool {
    !row.detection.channel.is_empty() || row.detection.dataset.starts_with("windows.")
}

fn event(row: &HitRow<'_>, zone: &TimeZone) -> Object {
    let detection = row.detection;
    let mut system = Object::default();
    let mut attributes: Vec<(&str, Object)> = Vec::new();
    for (name, value) in row.system {
        match name.split_once('_').filter(|(element, _)| WITH_ATTRIBUTES.contains(element)) {
            None => system.put(name, scalar(value)),
            Some((element, attribute)) => {
                let at = attributes.iter().position(|(known, _)| *known == element).unwrap_or_else(|| {
                    attributes.push((element, Object::default()));
                    attributes.len() - 1
                });
                if let Some((_, object)) = attributes.get_mut(at) {
                    object.put(attribute, scalar(value));
                }
            }
        }
    }
    for (name, value) in [("Channel", &detection.channel), ("Computer", &detection.host)] {
        if !system.has(name) && !value.is_empty() {
            system.put(name, value.as_str());
        }
    }
    if let Some(code) = detection.event_code.filter(|_| !system.has("EventID")) {
        system.put("EventID", code);
    }
    if !system.has("EventRecordID") {
        system.put("EventRecordID", detection.record);
    }
    if let Some(time) = detection.time.filter(|_| !attributes.iter().any(|(name, _)| *name == "TimeCreated"))
    {
        let mut created = Object::default();
        created.put("SystemTime", times::rfc3339(time, zone));
        attributes.push(("TimeCreated", created));
    }
    for (element, object) in attributes {
        system.put_object(&format!("{element}_attributes"), object);
    }
    let mut event = Object::default();
    event.put_object("System", system);
    event.put_object("EventData", flat_event(row));
    let mut data = Object::default();
    data.put_object("Event", event);
    data
}

/// The event's own fields, side by side.
fn flat_event(row: &HitRow<'_>) -> Object {
    let mut data = Object::default();
    for (name, value) in all(row) {
        data.put(name, scalar(value));
    }
    if row.fields.is_empty() {
        for (name, value) in &row.detection.details {
            data.put(name, scalar(value));
        }
    }
    data
}

/// A line of `sigma.csv` that further rules may still join.
#[derive(Debug)]
pub(super) struct Line {
    evidence: EvidenceId,
    offset: u64,
    detections: String,
    cells: [String; 8],
}

impl Line {
    /// The line of an event that one rule matched.
    pub(super) fn of(row: &HitRow<'_>, zone: &TimeZone) -> Self {
        let detection = row.detection;
        let fields = all(row);
        let data = if fields.is_empty() {
            let details = detection.details.iter();
            joined(&details.map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
        } else {
            joined(&fields)
        };
        let mut line = Self {
            evidence: detection.evidence_id,
            offset: detection.offset,
            detections: String::new(),
            cells: [
                detection.time.map_or_else(String::new, |time| times::rfc3339(time, zone)),
                flat(&detection.path),
                "1".to_owned(),
                flat(row.provider),
                detection.event_code.map_or_else(String::new, |code| code.to_string()),
                detection.record.to_string(),
                flat(&detection.host),
                data,
            ],
        };
        line.join(row);
        line
    }

    /// Whether the hit is of the same event.
    pub(super) fn is_of(&self, row: &HitRow<'_>) -> bool {
        (self.evidence, self.offset) == (row.detection.evidence_id, row.detection.offset)
    }

    /// Adds a rule that matched the same event.
    pub(super) fn join(&mut self, row: &HitRow<'_>) {
        let blank = if self.detections.is_empty() { "" } else { " " };
        let _ = write!(self.detections, "{blank}{BULLET} {}", flat(&row.detection.rule_title)); // to a String
    }

    /// The cells in the order of [`HEADER`], quoted where they must be; numbers and times are ours and stay as they are.
    pub(super) fn cells(&self) -> Vec<Cow<'_, str>> {
        let [time, path, count, provider, code, record, host, data] = &self.cells;
        let text = |text| escape::csv(text);
        let ours = |text| Cow::Borrowed(text);
        vec![
            ours(time.as_str()),
            text(&self.detections),
            text(path),
            ours(count),
            text(provider),
            ours(code),
            ours(record),
            text(host),
            text(data),
        ]
    }
}
