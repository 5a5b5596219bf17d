//! Windows events inside what search services and agents wrap around them.
//!
//! In: the flat fields of a record of Splunk, Wazuh, Graylog, Logstash and their like. Out: the event's columns; what the
//! service added keeps its dotted name as header. Where Splunk kept the event as the log wrote it (`_raw`), that is read
//! before anything that was made of it.

use std::collections::BTreeSet;

use piste_model::schema::{MESSAGE, Role};

use super::times::{self, TimeField};
use super::{Facts, Record, message, xml};
use crate::fields::Fields;
use crate::jsonl;

/// Prefixes of one record that are tried.
const ENVELOPES_MAX: usize = 32;
/// Bytes of a prefix.
const PREFIX_BYTES_MAX: usize = 200;
/// Levels of an envelope.
const LEVELS_MAX: usize = 4;

const SPLUNK_TIMES: [TimeField; 4] = [
    TimeField::utc("TimeCreated", "TimeCreated"),
    TimeField::utc("SystemTime", "SystemTime"),
    TimeField::utc("UtcTime", "UtcTime"),
    TimeField::local("_time", "_time, zone unknown"),
];

/// A result of Splunk.
pub(super) fn splunk(record: &Record<'_>, fields: &mut Fields, spare: &mut Fields) -> Result<Facts, String> {
    without_prefix(fields, spare, "result.");
    let taken = fields.get("_time").map(str::to_owned);
    let raw = fields.get("_raw").unwrap_or_default().trim().to_owned();
    if raw.starts_with('<') {
        spare.clear();
        if xml::read(&raw, spare).is_ok() && spare.get("EventID").is_some() {
            std::mem::swap(fields, spare);
            keep_service_fields(spare, fields);
            return Ok(Facts::windows(splunk_time(record, fields, taken.as_deref())));
        }
    }
    if raw.starts_with('{') {
        spare.clear();
        if let Ok(rendered) = jsonl::flatten(&raw, spare) {
            jsonl::name_flat(rendered, spare);
            if is_event(spare) {
                std::mem::swap(fields, spare);
                keep_service_fields(spare, fields);
                return Ok(Facts::windows(splunk_time(record, fields, taken.as_deref())));
            }
        }
    }
    if fields.get("EventCode").is_none() && fields.get("EventID").is_none() {
        tell_pairs(&raw, fields);
    }
    let channel = channel_of_source(fields);
    spare.clear();
    for (name, value, role) in fields.iter() {
        let (name, role) = of_splunk(name, role);
        spare.push(name, if name == "Provider_Name" { provider_of(value) } else { value }, role);
    }
    for value in fields.data() {
        spare.push_data(value);
    }
    std::mem::swap(fields, spare);
    if let Some(channel) = channel.filter(|_| fields.get("Channel").is_none()) {
        fields.push("Channel", &channel, Role::System);
    }
    if !is_event(fields) {
        return Err("it is a result of Splunk that holds no Windows event".to_owned());
    }
    let told = message::tell_fields(fields);
    fields.sort_by_role();
    let own = fields.iter().any(|(_, _, role)| role == Role::Data);
    let time = splunk_time(record, fields, taken.as_deref());
    Ok(Facts { bare: !told && !own, ..Facts::windows(time) })
}

/// The event's own time; `_time` is what Splunk made of it.
fn splunk_time(
    record: &Record<'_>,
    fields: &mut Fields,
    taken: Option<&str>,
) -> Option<(piste_model::Instant, &'static str)> {
    if let Some(taken) = taken.filter(|_| fields.get("_time").is_none()) {
        fields.push("_time", taken, Role::System);
    }
    times::first(fields, &SPLUNK_TIMES, record.written)
}

/// What Splunk added to an event that was kept whole.
fn keep_service_fields(from: &Fields, into: &mut Fields) {
    const KEPT: [&str; 5] = ["host", "source", "sourcetype", "index", "_indextime"];
    for name in KEPT {
        if let Some(value) = from.get(name).filter(|_| into.get(name).is_none()) {
            into.push(name, value, Role::System);
        }
    }
}

/// The lines `LogName=Security` of an event as Splunk's agent writes it; `Message` comes last and has lines of its own.
fn tell_pairs(raw: &str, fields: &mut Fields) {
    let (head, message) = match raw.split_once("\nMessage=") {
        Some((head, message)) => (head, Some(message)),
        None => (raw, None),
    };
    for line in head.lines() {
        if let Some((name, value)) = line.trim_end_matches('\r').split_once('=')
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && fields.get(name).is_none()
        {
            fields.push(name, value, Role::Data);
        }
    }
    if let Some(message) = message.filter(|_| fields.get(MESSAGE).is_none()) {
        fields.push(MESSAGE, message, Role::Message);
    }
}

/// `WinEventLog:Security`, `XmlWinEventLog:Security` name the channel.
fn channel_of_source(fields: &Fields) -> Option<String> {
    let channel = |name: &str| {
        let (kind, channel) = fields.get(name)?.split_once(':')?;
        (kind.ends_with("WinEventLog") && !channel.is_empty()).then(|| channel.to_owned())
    };
    channel("source").or_else(|| channel("sourcetype"))
}

fn of_splunk(name: &str, role: Role) -> (&str, Role) {
    match name {
        "EventCode" => ("EventID", Role::System),
        "LogName" => ("Channel", Role::System),
        "SourceName" => ("Provider_Name", Role::System),
        "ComputerName" | "Hostname" => ("Computer", Role::System),
        "RecordNumber" => ("EventRecordID", Role::System),
        MESSAGE => (MESSAGE, Role::Message),
        "Channel"
        | "Provider_Name"
        | "EventID"
        | "Computer"
        | "EventRecordID"
        | "Type"
        | "EventType"
        | "TaskCategory"
        | "OpCode"
        | "Keywords"
        | "Sid"
        | "SidType"
        | "User"
        | "host"
        | "source"
        | "sourcetype"
        | "index"
        | "linecount"
        | "splunk_server"
        | "splunk_server_group"
        | "punct"
        | "timestamp"
        | "timestartpos"
        | "timeendpos"
        | "eventtype"
        | "tag"
        | "EventTime"
        | "TimeCreated"
        | "Level"
        | "Task"
        | "Opcode"
        | "Version" => (name, Role::System),
        _ if name.starts_with('_') || name.starts_with("date_") || name.starts_with("tag::") => {
            (name, Role::System)
        }
        // Made of the rendered text by Splunk, under names of its own.
        _ if name.contains('_') => (name, Role::Copy),
        _ => (name, role),
    }
}

/// An alert of Wazuh: its agent writes the event's names with a small first letter.
pub(super) fn wazuh(fields: &mut Fields, spare: &mut Fields) -> Facts {
    spare.clear();
    for (name, value, role) in fields.iter() {
        let Some((_, rest)) = name.split_once("win.") else {
            spare.push(name, value, if role == Role::Message { role } else { Role::System });
            continue;
        };
        if let Some(own) = rest.strip_prefix("eventdata.") {
            if own == "data" {
                spare.push_data(value);
            } else {
                spare.push(&with_capital(own), value, Role::Data);
            }
            continue;
        }
        let (name, role) = match rest {
            "system.eventID" => ("EventID", Role::System),
            "system.channel" => ("Channel", Role::System),
            "system.providerName" => ("Provider_Name", Role::System),
            "system.providerGuid" => ("Provider_Guid", Role::System),
            "system.computer" => ("Computer", Role::System),
            "system.eventRecordID" => ("EventRecordID", Role::System),
            "system.systemTime" => ("SystemTime", Role::System),
            "system.processID" => ("Execution_ProcessID", Role::System),
            "system.threadID" => ("Execution_ThreadID", Role::System),
            "system.level" => ("Level", Role::System),
            "system.task" => ("Task", Role::System),
            "system.opcode" => ("Opcode", Role::System),
            "system.keywords" => ("Keywords", Role::System),
            "system.version" => ("Version", Role::System),
            "system.message" => (MESSAGE, Role::Message),
            _ => (name, Role::System),
        };
        // The agent puts the text in quotes.
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        spare.push(name, quoted.filter(|_| role == Role::Message).unwrap_or(value), role);
    }
    std::mem::swap(fields, spare);
    let names = [
        TimeField::utc("SystemTime", "SystemTime"),
        TimeField::utc("UtcTime", "UtcTime"),
        TimeField::utc("timestamp", "timestamp of the alert"),
    ];
    Facts::windows(times::first(fields, &names, times::Written::default()))
}

/// `targetUserName` is `TargetUserName`; `param1` is written so by Windows.
fn with_capital(name: &str) -> String {
    let numbered =
        name.strip_prefix("param").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let mut letters = name.chars();
    match letters.next().filter(|_| !numbered) {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => name.to_owned(),
    }
}

/// An event with plain names, or one whose members all lie under one name: `{"message":{"EventID":1,…}}`.
pub(super) fn enveloped(
    record: &Record<'_>,
    fields: &mut Fields,
    spare: &mut Fields,
) -> Result<Facts, String> {
    let own: Fields = copied(fields, "");
    for prefix in prefixes(&own) {
        if is_list(&own, &prefix) {
            continue; // several events in one record: one row cannot stand for them
        }
        *fields = copied(&own, &prefix);
        jsonl::name_flat(false, fields);
        if is_event(fields) {
            for (name, value, _) in own.iter().filter(|(name, _, _)| !name.starts_with(&prefix)) {
                fields.push(name, value, Role::System);
            }
            let time = jsonl::first_time(fields).or_else(|| {
                times::first(fields, &[TimeField::utc("TimeGenerated", "TimeGenerated")], record.written)
            });
            return Ok(Facts::windows(time));
        }
        // The whole record once more, of another kind.
        let inner = copied(&own, &prefix);
        let kind = super::Kind::of(&|name| inner.get(name).is_some());
        if !prefix.is_empty() && !matches!(kind, super::Kind::Enveloped | super::Kind::Splunk) {
            *fields = inner;
            return kind.shape(&Record { kind, ..*record }, fields, spare);
        }
    }
    *fields = own;
    Err("it has no event id with a channel or a provider".to_owned())
}

/// Whether the members under a prefix are those of several events.
fn is_list(fields: &Fields, prefix: &str) -> bool {
    const ONCE: [&str; 7] =
        ["EventID", "EventCode", "Id", "TimeCreated", "CreationTime", "createdDateTime", "winlog.event_id"];
    ONCE.iter().any(|name| {
        let here = |one: &str| one.strip_prefix(prefix) == Some(name);
        fields.iter().filter(|(one, _, _)| here(one)).nth(1).is_some()
    })
}

/// The fields under a prefix, without it.
fn copied(from: &Fields, prefix: &str) -> Fields {
    let mut into = Fields::default();
    for (name, value, role) in from.iter() {
        if let Some(name) = name.strip_prefix(prefix).filter(|name| !name.is_empty()) {
            let role = if matches!(name, MESSAGE | "message") { Role::Message } else { role };
            into.push(name, value, role);
        }
    }
    for value in from.data() {
        into.push_data(value);
    }
    into
}

/// The prefixes of dotted names, the shortest first; the empty one before all.
fn prefixes(fields: &Fields) -> Vec<String> {
    let mut all = BTreeSet::from([(0, String::new())]);
    for (name, _, _) in fields.iter() {
        for (level, (at, _)) in name.match_indices('.').take(LEVELS_MAX).enumerate() {
            if at < PREFIX_BYTES_MAX && all.len() < ENVELOPES_MAX {
                all.insert((level + 1, name.get(..=at).unwrap_or_default().to_owned()));
            }
        }
    }
    all.into_iter().map(|(_, prefix)| prefix).collect()
}

/// Takes a prefix off the names that have it; the others are what the service says beside.
fn without_prefix(fields: &mut Fields, spare: &mut Fields, prefix: &str) {
    if !fields.iter().any(|(name, _, _)| name.starts_with(prefix)) {
        return;
    }
    spare.clear();
    for (name, value, role) in fields.iter() {
        match name.strip_prefix(prefix) {
            Some(name) => spare.push(name, value, if name == MESSAGE { Role::Message } else { role }),
            None => spare.push(name, value, Role::System),
        };
    }
    for value in fields.data() {
        spare.push_data(value);
    }
    std::mem::swap(fields, spare);
}

fn is_event(fields: &Fields) -> bool {
    let known = crate::evtx::record::Known::of(fields);
    known.event_code.is_some() && !(known.channel.is_empty() && known.provider.is_empty())
}

/// The provider's name, where the exporter wrote what the viewer shows for it.
fn provider_of(shown: &str) -> &str {
    match shown {
        "Microsoft Windows security auditing." => "Microsoft-Windows-Security-Auditing",
        other => other,
    }
}
