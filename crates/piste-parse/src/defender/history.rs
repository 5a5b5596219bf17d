//! The history of detections: one file a detection.
//!
//! In: values one after another (bytes, type, data, filled up to eight), in sets that begin with `Magic.Version:1.2`: the
//! identifiers, the threat, then a set for each resource in which it was found. Out: a row a resource, with what is said of the
//! detection as a whole. The time is that of the first detection.

use piste_model::hash::record_hash;
use piste_model::schema::Role;
use piste_model::{Instant, guard};

use super::{guid, head, number, size, wide};
use crate::block::Block;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::{Context, Parsed};

const MAGIC: &str = "Magic.Version:1.";
/// Where the first of them stands, in UTF-16.
const MAGIC_AT: usize = 0x30;
/// Values and resources that are read.
const VALUES_MAX: usize = 65_536;

/// Microsoft's names of a threat's category (`MSFT_MpThreat.CategoryID`).
const CATEGORIES: [&str; 51] = [
    "Invalid",
    "Adware",
    "Spyware",
    "Password_Stealer",
    "Trojan_Downloader",
    "Worm",
    "Backdoor",
    "Remote_Access_Trojan",
    "Trojan",
    "Email_Flooder",
    "Keylogger",
    "Dialer",
    "Monitoring_Software",
    "Browser_Modifier",
    "Cookie",
    "Browser_Plugin",
    "AOL_Exploit",
    "Nuker",
    "Security_Disabler",
    "Joke_Program",
    "Hostile_ActiveX_Control",
    "Software_Bundler",
    "Stealth_Notifier",
    "Settings_Modifier",
    "Toolbar",
    "Remote_Control_Software",
    "Trojan_FTP",
    "Potential_Unwanted_Software",
    "ICQ_Exploit",
    "Trojan_Telnet",
    "Exploit",
    "File_Sharing_Program",
    "Malware_Creation_Tool",
    "Remote_Control_Software",
    "Tool",
    "",
    "Trojan_Denial_Of_Service",
    "Trojan_Dropper",
    "Trojan_Mass_Mailer",
    "Trojan_Monitoring_Software",
    "Trojan_Proxy_Server",
    "",
    "Virus",
    "Known",
    "Unknown",
    "SPP",
    "Behavior",
    "Vulnerability",
    "Policy",
    "Enterprise_Unwanted_Software",
    "Ransom",
];

/// Whether a file is of the history.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    head.get(MAGIC_AT..MAGIC_AT + 2 * MAGIC.len()).is_some_and(|bytes| wide(bytes) == MAGIC)
}

/// A value of a file.
#[derive(Debug, PartialEq)]
enum Value<'a> {
    Number(u64),
    Time(u64),
    Text(String),
    Guid(String),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Guid(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn time(&self) -> Option<Instant> {
        match self {
            Self::Time(ticks) | Self::Number(ticks) if *ticks > 0 => Instant::from_filetime(*ticks),
            _ => None,
        }
    }
}

/// One value, and where the next begins.
fn value(bytes: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    let (length, kind) = (size(bytes, at)?, size(bytes, at.checked_add(4)?)?);
    let from = at + 8;
    let data = bytes.get(from..from.checked_add(length)?)?;
    let value = match kind {
        0 | 5 | 6 => Value::Number(number(data, 0, 4)?),
        8 => Value::Number(number(data, 0, 8)?),
        0x0a => Value::Time(number(data, 0, 8)?),
        0x15 => Value::Text(wide(data)),
        0x1e => Value::Guid(guid(data)?),
        _ => Value::Bytes(data),
    };
    Some((value, (from + length).next_multiple_of(8)))
}

/// A place in which the threat was found.
#[derive(Debug, Default)]
struct Resource {
    kind: String,
    location: String,
    /// Names and values that Defender tracked.
    tracked: Vec<Tracked>,
}

#[derive(Debug)]
struct Tracked {
    name: String,
    value: String,
    time: Option<Instant>,
}

/// A detection.
#[derive(Debug, Default)]
struct Detection {
    threat_id: Option<u64>,
    id: Option<String>,
    threat: Option<String>,
    category: Option<u64>,
    changed: Option<Instant>,
    user: Option<String>,
    process: Option<String>,
    found: Option<Instant>,
    remedied: Option<Instant>,
    resources: Vec<Resource>,
    /// Where reading ended early.
    broken: Option<usize>,
}

impl Detection {
    fn of(bytes: &[u8]) -> Self {
        let mut detection = Self::default();
        let (mut set, mut place, mut at) = (0_usize, 0_usize, 0);
        for _ in 0..VALUES_MAX {
            guard::check();
            if bytes.get(at..).is_none_or(|rest| rest.iter().all(|byte| *byte == 0)) {
                return detection;
            }
            let Some((value, next)) = value(bytes, at) else {
                detection.broken = Some(at);
                return detection;
            };
            if value.text().is_some_and(|text| text.starts_with(MAGIC)) {
                (set, place) = ((set + 1).min(2), 0);
                if set == 2 {
                    detection.resources.push(Resource::default());
                }
            }
            detection.take(set, place, &value);
            (place, at) = (place + 1, next);
        }
        detection.broken = Some(at);
        detection
    }

    fn take(&mut self, set: usize, place: usize, value: &Value<'_>) {
        let text = || value.text().map(str::to_owned);
        match (set, place) {
            (0, 0) => {
                if let Value::Number(id) = value {
                    self.threat_id = Some(*id);
                }
            }
            (0, 1) => self.id = text(),
            (1, 1) => self.threat = text(),
            (1, 4) => {
                if let Value::Number(category) = value {
                    self.category = Some(*category);
                }
            }
            // Of the last resource's set what follows its data is said of the whole detection.
            (2, 6) => self.changed = value.time(),
            (2, 12) => self.user = text(),
            (2, 14) => self.process = text(),
            (2, 18) => self.found = value.time(),
            (2, 20) => self.remedied = value.time(),
            (2, 24) => self.user = self.user.take().or_else(text),
            (2, 1 | 2 | 5) => {
                let Some(resource) = self.resources.last_mut() else { return };
                match (place, value) {
                    (1, _) => resource.kind = text().unwrap_or_default(),
                    (2, _) => resource.location = text().unwrap_or_default(),
                    (_, Value::Bytes(bytes)) => resource.tracked = tracked(bytes),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Reads what Defender tracked of a resource: name, type, value.
fn tracked(bytes: &[u8]) -> Vec<Tracked> {
    let mut all = Vec::new();
    let first = size(bytes, 0).unwrap_or_default();
    // One version begins with a header that says how long it is, the other with the length of the values.
    let mut at = if first == 1 { size(bytes, 4).unwrap_or(usize::MAX).saturating_add(4) } else { 4 };
    while all.len() < 1_024 {
        let Some((one, next)) = tracked_at(bytes, at) else { break };
        all.push(one);
        at = next;
    }
    all
}

fn tracked_at(bytes: &[u8], at: usize) -> Option<(Tracked, usize)> {
    let length = size(bytes, at)?;
    let from = at.checked_add(4)?;
    let name = wide(bytes.get(from..from.checked_add(length)?)?);
    let kind = size(bytes, from + length)?;
    let from = from + length + 4;
    let (value, width) = match kind {
        3 => (number(bytes, from, 4)?.to_string(), 4),
        4 => (number(bytes, from, 8)?.to_string(), 8),
        5 => (number(bytes, from, 1)?.to_string(), 1),
        6 => {
            let length = size(bytes, from)?;
            (wide(bytes.get(from + 4..(from + 4).checked_add(length)?)?), 4 + length)
        }
        7 => (piste_model::hash::hex(bytes.get(from..from + 5)?), 5),
        _ => return None,
    };
    let ticks = number(bytes, from, 8).filter(|_| kind == 4 && name.ends_with("Time"));
    let time = ticks.and_then(Instant::from_filetime);
    (!name.is_empty()).then_some((Tracked { name, value, time }, from + width))
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    parsed.note_too_long(cx, block, "file");
    if block.bytes.is_empty() {
        return parsed;
    }
    let detection = Detection::of(&block.bytes);
    if let Some(at) = detection.broken {
        parsed.damaged(
            cx,
            "defender-history",
            at as u64,
            Some(u64::from(detection.threat.is_none())),
            "its values cannot be read to the end".to_owned(),
            "collect the file again: C:\\ProgramData\\Microsoft\\Windows Defender\\Scans\\History\\Service\\DetectionHistory",
        );
    }
    if detection.threat.is_none() && detection.resources.is_empty() {
        return parsed;
    }
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let hash = record_hash(&block.bytes);
    let none = [Resource::default()];
    let resources = if detection.resources.is_empty() { none.as_slice() } else { &detection.resources };
    for (number, resource) in resources.iter().enumerate() {
        fields.clear();
        fill(&detection, resource, &mut fields);
        let started = resource.tracked.iter().find(|one| one.name == "ThreatTrackingStartTime");
        let started = started.and_then(|one| one.time).map(|time| (time, "threat tracking start"));
        let time = detection.found.map(|time| (time, "initial detection")).or(started);
        rows.push(&head("defender.detection", time, number + 1, block, hash, cx), &fields);
        parsed.records += 1;
    }
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn fill(detection: &Detection, resource: &Resource, fields: &mut Fields) {
    let category = detection.category.map(|number| {
        let name =
            usize::try_from(number).ok().and_then(|at| CATEGORIES.get(at)).filter(|name| !name.is_empty());
        name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
    });
    let time = |time: Option<Instant>| time.map(|time| time.to_string());
    let file = resource.kind.contains("file") && resource.kind != "webfile";
    let process = detection.process.clone().filter(|process| process != "Unknown");
    for (name, value, role) in [
        ("ThreatName", detection.threat.clone(), Role::Data),
        ("ThreatId", detection.threat_id.map(|id| id.to_string()), Role::Data),
        ("DetectionId", detection.id.clone(), Role::Data),
        ("Category", category, Role::Data),
        ("ResourceType", Some(resource.kind.clone()), Role::Data),
        ("Resource", Some(resource.location.clone()), Role::Data),
        ("User", detection.user.clone(), Role::Data),
        ("ProcessName", detection.process.clone(), Role::Data),
        ("InitialDetectionTime", time(detection.found), Role::Data),
        ("RemediationTime", time(detection.remedied), Role::Data),
        ("LastThreatStatusChangeTime", time(detection.changed), Role::Data),
        ("TargetFilename", file.then(|| resource.location.clone()), Role::Copy),
        ("Image", process, Role::Copy),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            fields.push(name, &value, role);
        }
    }
    let mut hashes = Vec::new();
    for Tracked { name, value, time } in &resource.tracked {
        let shown = time.map(|time| time.to_string());
        fields.push(name, shown.as_deref().unwrap_or(value), Role::Data);
        for (ends, word) in [("Sha256", "SHA256"), ("Sha1", "SHA1"), ("MD5", "MD5")] {
            if name.ends_with(ends) && !value.is_empty() {
                hashes.push(format!("{word}={value}"));
            }
        }
    }
    if !hashes.is_empty() {
        fields.push("Hashes", &hashes.join(","), Role::Copy);
    }
}
