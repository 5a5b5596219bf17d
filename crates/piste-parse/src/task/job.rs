//! Scheduled tasks of XP and 2003, `Windows\Tasks\*.job`.
//!
//! In: the whole file. Out: one row of `task.definition`; its time is the last run, in the host's own zone. Source: MS-TSCH 2.4.

use std::fmt::Write as _;

use piste_model::Instant;
use piste_model::schema::Role;

use super::{DAMAGED, DATASET};
use crate::block::Block;
use crate::file::name_of;
use crate::whole::{Bytes, Table, utf16};
use crate::{Context, Parsed};

/// Bytes of the fixed part.
const FIXED_BYTES: usize = 68;
/// Bytes of a trigger.
const TRIGGER_BYTES: usize = 48;
/// Triggers that are told.
const TRIGGERS_MAX: usize = 256;
const DISABLED: u32 = 0x4;
const HIDDEN: u32 = 0x200;

/// Whether a file that begins so is such a task: a product version of Windows, the fixed version, and the fixed place of the
/// application's name.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let bytes = Bytes(head);
    let windows = matches!(bytes.u16(0), Some(0x0400 | 0x0500..=0x0502 | 0x0600..=0x0603 | 0x0a00));
    windows && bytes.u16(2) == Some(1) && bytes.u16(20) == Some(70)
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, DATASET);
    let bytes = Bytes(&block.bytes);
    if block.bytes.is_empty() {
        return table.finish();
    }
    if bytes.len() < FIXED_BYTES {
        table.damaged(DAMAGED, 0, Some(1), format!("it has {} bytes, fewer than a task needs", bytes.len()));
        return table.finish();
    }
    let end = push_texts(bytes, &mut table);
    push_fixed(bytes, &mut table);
    if let Some(at) = end {
        push_triggers(bytes, at, &mut table);
    }
    let time = system_time(bytes.from(52));
    table.time("LastRun", time);
    table.row(time, "LastRun, zone unknown", "");
    table.finish()
}

/// The texts, and where the triggers begin.
fn push_texts(bytes: Bytes<'_>, table: &mut Table<'_>) -> Option<usize> {
    let name = name_of(table.cx.path);
    let name = name.strip_suffix(".job").unwrap_or(name).to_owned();
    table.fields.push("TaskName", &name, Role::Copy);
    let mut at = usize::from(bytes.u16(20)?);
    for column in ["Command", "Arguments", "WorkingDirectory", "Author", "Description"] {
        let length = bytes.u16(at).map(|signs| usize::from(signs) * 2);
        let Some(text) = length.and_then(|length| bytes.slice(at + 2, length)) else {
            table.damaged(DAMAGED, at, Some(0), format!("it ends within `{column}`"));
            return None;
        };
        table.put(column, utf16(text).trim_end_matches('\0'));
        at += 2 + text.len();
    }
    super::push_command_line(table);
    // Data of the user and reserved data.
    for _ in 0..2 {
        at += 2 + usize::from(bytes.u16(at)?);
    }
    Some(at)
}

fn push_fixed(bytes: Bytes<'_>, table: &mut Table<'_>) {
    let hex = |number: u32| format!("0x{number:08x}");
    let flags = bytes.u32(48).unwrap_or_default();
    table.put("JobId", &bytes.guid(4).unwrap_or_default());
    table.put("ExitCode", &bytes.u32(40).map(hex).unwrap_or_default());
    table.put("Status", &bytes.u32(44).map(hex).unwrap_or_default());
    table.put("Flags", &hex(flags));
    table.put("Enabled", if flags & DISABLED == 0 { "true" } else { "false" });
    table.put("Hidden", if flags & HIDDEN == 0 { "false" } else { "true" });
}

fn push_triggers(bytes: Bytes<'_>, at: usize, table: &mut Table<'_>) {
    let count = usize::from(bytes.u16(at).unwrap_or_default());
    let mut told = Vec::new();
    for number in 0..count.min(TRIGGERS_MAX) {
        let Some(trigger) = bytes.slice(at + 2 + number * TRIGGER_BYTES, TRIGGER_BYTES) else {
            table.damaged(DAMAGED, at, Some(0), format!("of {count} triggers {number} are there"));
            break;
        };
        told.push(words(Bytes(trigger)));
    }
    table.put("Triggers", &told.join("; "));
}

/// A trigger in words, with its data.
fn words(trigger: Bytes<'_>) -> String {
    let number = |at: usize| trigger.u16(at).unwrap_or_default();
    let kind = trigger.u32(32).unwrap_or_default();
    let words = match kind {
        0 => "at a time: once".to_owned(),
        1 => format!("on a calendar: every {} days", number(36)),
        2 => format!("on a calendar: every {} weeks, days 0x{:02x}", number(36), number(38)),
        3 => {
            let days = u32::from(number(38)) << 16 | u32::from(number(36));
            format!("on a calendar: days 0x{days:08x} of months 0x{:03x}", number(40))
        }
        4 => format!(
            "on a calendar: week {}, days 0x{:02x}, months 0x{:03x}",
            number(36),
            number(38),
            number(40)
        ),
        5 => "when the system is idle".to_owned(),
        6 => "when the system starts".to_owned(),
        7 => "at logon".to_owned(),
        _ => format!("by another trigger: {kind}"),
    };
    let date = |at: usize| format!("{:04}-{:02}-{:02}", number(at), number(at + 2), number(at + 4));
    let mut words = format!("{words}, from {}", date(4));
    if trigger.u32(28).is_some_and(|flags| flags & 1 > 0) {
        let _ = write!(words, " to {}", date(10));
    }
    let _ = write!(words, " at {:02}:{:02}", number(16), number(18));
    let (duration, interval) = (trigger.u32(20).unwrap_or_default(), trigger.u32(24).unwrap_or_default());
    if interval > 0 {
        let _ = write!(words, ", every {interval} minutes for {duration} minutes");
    }
    words
}

/// A SYSTEMTIME: year, month, day of the week, day, hour, minute, second, milliseconds.
fn system_time(bytes: Bytes<'_>) -> Option<Instant> {
    let number = |at: usize| bytes.u16(2 * at);
    let (year, month, day) = (number(0)?, number(1)?, number(3)?);
    let (hour, minute, second, milli) = (number(4)?, number(5)?, number(6)?, number(7)?);
    Instant::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"))
}
