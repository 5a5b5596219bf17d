//! One record of an event log of XP to a row.
//!
//! In: the record's bytes, whole. Out: the row. Offsets within the record that lead out of it cost what they lead to.

use std::fmt::Write as _;

use piste_model::Instant;
use piste_model::hash::{RecordHash, hex};
use piste_model::schema::Role;

use super::Found;
use crate::Context;
use crate::fields::Fields;
use crate::file::name_of;
use crate::rows::{Head, Rows};
use crate::whole::Bytes;

/// Bytes of a record's own data that are shown.
const DATA_BYTES_MAX: usize = 1_024;

/// Channels by the start of their files' names. Source: the registry of XP and 2003, `Services\Eventlog\…\File`.
const CHANNELS: [(&str, &str); 12] = [
    ("secevent", "Security"),
    ("sysevent", "System"),
    ("appevent", "Application"),
    ("dnsevent", "DNS Server"),
    ("ntds", "Directory Service"),
    ("ntfrs", "File Replication Service"),
    ("internet", "Internet Explorer"),
    ("osession", "Microsoft Office Sessions"),
    ("odiag", "Microsoft Office Diagnostics"),
    ("security", "Security"),
    ("system", "System"),
    ("application", "Application"),
];

/// The channel that a file's name says; empty where it says none.
pub(super) fn channel_in(path: &str) -> &'static str {
    let name = name_of(path).to_ascii_lowercase();
    CHANNELS.iter().find(|(start, _)| name.starts_with(start)).map_or("", |(_, channel)| channel)
}

/// The channel of a provider that writes to one alone, for files whose name was changed.
fn channel_of(provider: &str) -> &'static str {
    match provider {
        "Security" | "SECURITY" => "Security",
        "EventLog" | "Service Control Manager" => "System",
        _ => "",
    }
}

/// Whether bytes are the head of a record of this length: what it says of its parts agrees.
pub(super) fn is_head(record: Bytes<'_>, length: usize) -> bool {
    let within = |at: usize, size: usize| {
        let part = record.size(at).zip(record.size(size));
        part.is_some_and(|(at, size)| {
            size == 0 || (at >= 56 && at.checked_add(size).is_some_and(|end| end < length))
        })
    };
    let texts = record.size(36).is_some_and(|at| (56..=length).contains(&at));
    let name = record.utf16(56);
    texts && within(44, 40) && within(52, 48) && !name.is_empty() && !name.contains(char::is_control)
}

/// Where a record stands, and in which channel.
pub(super) struct Place<'c> {
    pub(super) offset: u64,
    pub(super) hash: RecordHash,
    pub(super) channel: &'c str,
}

/// Adds the row of a record.
pub(super) fn push(
    found: &Found<'_>,
    place: &Place<'_>,
    fields: &mut Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) {
    let Place { offset, hash, channel } = *place;
    let bytes = found.bytes.as_ref();
    let record = Bytes(bytes);
    let seconds = |at: usize| {
        let seconds = record.u32(at).filter(|seconds| *seconds != 0)?;
        Some(Instant { nanos: i64::from(seconds) * 1_000_000_000, digits: 0 })
    };
    let number = |at: usize| record.u32(at).unwrap_or_default();
    let provider = record.utf16(56);
    let computer = record.utf16(56 + 2 * (provider.encode_utf16().count() + 1));
    let channel = if channel.is_empty() { channel_of(&provider) } else { channel };
    let event_id = number(20);
    let time = seconds(12);
    let kind = record.u16(24).unwrap_or_default();
    let mut system = |name: &str, value: &str| {
        if !value.is_empty() {
            fields.push(name, value, Role::System);
        }
    };
    system("Provider_Name", &provider);
    system("EventID", &(event_id & 0xffff).to_string());
    system("Qualifiers", &(event_id >> 16).to_string());
    let (level, keywords) = level(kind);
    system("Level", level);
    system("Task", &record.u16(28).unwrap_or_default().to_string());
    system("Keywords", keywords);
    system("TimeCreated", &time.map(|time| time.to_string()).unwrap_or_default());
    system("TimeWritten", &seconds(16).map(|time| time.to_string()).unwrap_or_default());
    system("EventRecordID", &number(8).to_string());
    system("Channel", channel);
    system("Computer", &computer);
    system("Security_UserID", &sid(record).unwrap_or_default());
    if found.whole {
        push_texts(record, fields);
    } else {
        fields.push("RecordState", "head only", Role::System);
    }
    let head = Head {
        dataset: None,
        channel,
        provider: &provider,
        event_code: i32::try_from(event_id & 0xffff).ok(),
        time,
        time_basis: if time.is_some() { "TimeGenerated" } else { "" },
        host: cx.host_or_hint(&computer),
        record: i64::from(number(8)),
        offset,
        hash,
    };
    rows.push(&head, fields);
}

/// A type as level and keywords of later Windows.
fn level(kind: u16) -> (&'static str, &'static str) {
    match kind {
        1 => ("2", "0x80000000000000"),
        2 => ("3", "0x80000000000000"),
        8 => ("0", "0x8020000000000000"),
        16 => ("0", "0x8010000000000000"),
        _ => ("4", "0x80000000000000"),
    }
}

/// The user's identifier: revision, count, authority, and the parts.
fn sid(record: Bytes<'_>) -> Option<String> {
    let sid = Bytes(record.slice(record.size(44)?, record.size(40).filter(|length| *length >= 8)?)?);
    let authority = sid.slice(2, 6)?.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-{}-{authority}", sid.u8(0)?);
    for part in 0..usize::from(sid.u8(1)?) {
        let _ = write!(text, "-{}", sid.u32(8 + 4 * part)?);
    }
    Some(text)
}

fn push_texts(record: Bytes<'_>, fields: &mut Fields) {
    let mut at = record.size(36).unwrap_or(usize::MAX);
    // The length at the record's end is no text.
    let end = record.len().saturating_sub(4);
    for _ in 0..record.u16(26).unwrap_or_default() {
        let Some(rest) = record.0.get(at..end).filter(|rest| !rest.is_empty()) else { break };
        let text = Bytes(rest).utf16(0);
        at += 2 * (text.encode_utf16().count() + 1);
        fields.push_data(&text);
    }
    let data = record.size(52).zip(record.size(48)).and_then(|(at, length)| record.slice(at, length));
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        fields.push(
            "Binary",
            &hex(data.get(..data.len().min(DATA_BYTES_MAX)).unwrap_or_default()),
            Role::Data,
        );
    }
}
