//! Defender's protection log: what it scanned for whom, what it found, what it leaves out.
//!
//! In: lines that begin with their time in UTC, and blocks without one (`Begin Resource Scan` … `End Scan`). Out: a row a line or
//! block: its text, what it is (`mplog_event`), and its facts under their own names and under those that rules use. A block's
//! own time is local; one that has none has the time of the line before it. Lines that are neither (the log's head, tables of
//! versions) are rows with their text.

use std::io;
use std::sync::Arc;

use piste_model::Instant;
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::dates::{self, Order};
use crate::fields::Fields;
use crate::random_access::{Companion, Opened, ReadAt};
use crate::rows::{Head, Rows};
use crate::text_pieces::{PieceText, TextFile, TextKind, TextLine, decoded, end_of};
use crate::{Context, Parsed};

/// How the names of its files begin.
const NAMES: [&str; 4] = ["mplog-", "mpdetection-", "mpscanskip-", "mpdevicecontrol-"];
/// What only this log says.
const MARKS: [&str; 7] = [
    "ProcessImageName: ",
    "MPSOURCE_",
    "BEGIN BM telemetry",
    "Begin Resource Scan",
    "DETECTION_ADD",
    "RTP Perf Log",
    "Beginning threat actions",
];
/// Lines of the longest block.
const BLOCK_LINES_MAX: usize = 10_000;
/// Letters of a row's text.
const TEXT_MAX: usize = 64 << 10;

/// How a block begins, how it ends, and what it is.
const BLOCKS: [(&str, &str, &str); 8] = [
    ("Begin Resource Scan", "End Scan", "resource-scan"),
    ("Beginning threat actions", "Finished threat actions", "threat-actions"),
    ("RTP Perf Log", "END RTP Perf Log", "real-time-protection"),
    ("BEGIN BM telemetry", "END BM telemetry", "behaviour"),
    ("Beginning threat rollback", "Finished threat rollback", "threat-rollback"),
    ("Begin Threat Detected", "End Threat Detected", "threat"),
    ("BEGIN Dynamic Signature", "END Dynamic Signature", "dynamic-signature"),
    ("BEGIN SIGNATURE STATS", "END SIGNATURE STATS", "signature-statistics"),
];

/// Words of a line and what it is, the more telling first.
const EVENTS: [(&str, &str); 20] = [
    ("DETECTION_ADD", "detection"),
    ("DETECTIONEVENT", "detection"),
    ("DETECTION_CLEANEVENT", "detection-cleaned"),
    ("ProcessImageName: ", "estimated-impact"),
    ("[Exclusion]", "exclusion"),
    ("Blocked file", "blocked-file"),
    ("Unsuccessful scan status", "scan-failed"),
    ("original file name \"", "original-file-name"),
    ("reported as lowfi: ", "suspicious"),
    ("reported as threat: ", "suspicious"),
    ("lowfi:", "suspicious"),
    ("SDN:", "cloud-query"),
    ("EMS scan for process", "memory-scan"),
    ("EMS detection", "memory-scan"),
    ("threat:", "threat"),
    ("Threat Name", "threat"),
    ("TamperProtection", "tamper-protection"),
    ("Tamper protection", "tamper-protection"),
    ("[RTP]", "real-time-protection"),
    ("MpAddDynamicSignature", "dynamic-signature"),
];

/// Names of facts in lines and blocks, and those under which they are a column.
const COLUMNS: [(&str, &str); 14] = [
    ("ProcessImageName", "ProcessImageName"),
    ("Pid", "ProcessId"),
    ("pid", "ProcessId"),
    ("ProcessID", "ProcessId"),
    ("Process", "ProcessName"),
    ("process", "ProcessName"),
    ("ImagePath", "Image"),
    ("MaxTimeFile", "TargetFilename"),
    ("Threat Name", "ThreatName"),
    ("Threat", "ThreatName"),
    ("Resource Path", "Resource"),
    ("Resource Schema", "ResourceType"),
    ("sha1", "sha1"),
    ("sha2", "sha256"),
];

/// Whether a file is a log of Defender: by its name, or by what it says.
pub fn recognise(head: &[u8], name: &str) -> bool {
    let name = crate::file::name_of(name).to_ascii_lowercase();
    let named =
        NAMES.iter().any(|start| name.starts_with(start)) && crate::file::extension_of(&name) == "log";
    let text = decoded(head);
    let plain = !text.chars().take(512).any(|letter| letter == '\0' || letter == '\u{fffd}');
    let told = MARKS.iter().any(|mark| text.contains(mark));
    plain
        && !text.is_empty()
        && ((named && text.lines().any(|line| time_of(line).is_some() || told))
            || (told && text.lines().filter(|line| time_of(line).is_some()).count() >= 2))
}

/// Opens a log.
///
/// # Errors
/// What the medium answers.
pub fn open(content: Arc<dyn ReadAt>, _companions: &[Companion], _cx: &Context<'_>) -> io::Result<Opened> {
    Ok(Opened { file: Box::new(TextFile::open(content, ProtectionLog)?), issues: Vec::new() })
}

/// The time that a line begins with, and what follows it.
fn time_of(line: &str) -> Option<(Instant, &str)> {
    let line = line.trim_start();
    let (stamp, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let right = (20..=30).contains(&stamp.len()) && stamp.ends_with('Z') && stamp.get(10..11) == Some("T");
    Some((Instant::parse(stamp).filter(|_| right)?, rest))
}

/// How a block ends that begins with this line, and what it is.
fn block_of(line: &str) -> Option<(&'static str, &'static str)> {
    let line = time_of(line).map_or(line, |(_, rest)| rest).trim().trim_matches('*').trim();
    BLOCKS.iter().find(|(begin, _, _)| line.starts_with(begin)).map(|(_, end, kind)| (*end, *kind))
}

/// The kind of text.
#[derive(Debug)]
struct ProtectionLog;

impl TextKind for ProtectionLog {
    fn begins(&self, line: &str) -> bool {
        time_of(line).is_some() || block_of(line).is_some()
    }

    fn says(&self, line: &str) -> Option<String> {
        time_of(line)?;
        line.split_whitespace().next().map(str::to_owned)
    }

    fn parse(&self, piece: &PieceText<'_>, cx: &Context<'_>, parsed: &mut Parsed) {
        let mut rows = Rows::new(cx.sources, cx.evidence);
        let mut fields = Fields::default();
        let mut before = Instant::parse(piece.before);
        let mut lines = piece.lines().peekable();
        while let Some(line) = lines.next() {
            if line.text.trim_matches(['\0', ' ', '\t']).is_empty() {
                continue;
            }
            fields.clear();
            let mut end = end_of(&line);
            let time = if let Some((bottom, kind)) = block_of(&line.text) {
                let mut block = vec![line.text.clone()];
                while let Some(next) = lines.next_if(|next| !ends_block(&next.text, block.len())) {
                    end = end_of(&next);
                    let over = is_bottom(&next.text, bottom);
                    block.push(next.text);
                    if over {
                        break;
                    }
                }
                let own = fill_block(&block, kind, before, &mut fields);
                let stamped = time_of(&line.text).map(|(time, _)| (time, "MPLog line"));
                before = stamped.map(|(time, _)| time).or(before);
                stamped.or(own)
            } else if let Some((time, text)) = time_of(&line.text) {
                before = Some(time);
                fill_line(text, &mut fields);
                Some((time, "MPLog line"))
            } else {
                fill_line(line.text.trim_end_matches('\0'), &mut fields);
                None
            };
            let time = time.or(before.map(|time| (time, "MPLog line before it")));
            let raw = piece.between(line.offset, end);
            push(&line, raw, time, cx, &fields, &mut rows);
            parsed.records += 1;
        }
        parsed.take_rows(cx, piece.from, rows);
    }

    fn record_end(&self, lines: &mut dyn Iterator<Item = TextLine<'_>>) -> u64 {
        let Some(first) = lines.next() else { return 0 };
        let mut end = end_of(&first);
        let Some((bottom, _)) = block_of(&first.text) else { return end };
        for (number, line) in lines.enumerate() {
            if ends_block(&line.text, number + 1) {
                break;
            }
            end = end_of(&line);
            if is_bottom(&line.text, bottom) {
                break;
            }
        }
        end
    }
}

/// Whether a block of so many lines ends before this one, without its last line: it was cut, and nothing else is to be lost
/// in it.
fn ends_block(line: &str, lines: usize) -> bool {
    lines >= BLOCK_LINES_MAX || time_of(line).is_some() || block_of(line).is_some()
}

fn is_bottom(line: &str, bottom: &str) -> bool {
    line.trim().trim_matches('*').trim().starts_with(bottom)
}

fn push(
    line: &TextLine<'_>,
    raw: &[u8],
    time: Option<(Instant, &'static str)>,
    cx: &Context<'_>,
    fields: &Fields,
    rows: &mut Rows<'_>,
) {
    let head = Head {
        dataset: Some("defender.mplog"),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(""),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(raw),
    };
    rows.push(&head, fields);
}

/// Text that a row holds: no more than it may.
fn bounded(text: &str) -> &str {
    let end = (0..=TEXT_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// What a line says.
fn fill_line(text: &str, fields: &mut Fields) {
    let text = text.trim();
    fields.push("Text", bounded(text), Role::Message);
    let Some((words, event)) = EVENTS.iter().find(|(words, _)| text.contains(words)) else { return };
    fields.push("mplog_event", event, Role::Copy);
    let after = text.split_once(words).map_or("", |(_, after)| after);
    match *event {
        "detection" | "detection-cleaned" => fill_detection(after, fields),
        "exclusion" => {
            let (path, device) = after.split_once(" -> ").unwrap_or((after, ""));
            fields.push("ExclusionPath", path.trim(), Role::Data);
            fields.push("ExclusionDevicePath", device.trim(), Role::Data);
        }
        "original-file-name" => {
            let (name, rest) = after.split_once('"').unwrap_or((after, ""));
            fields.push("OriginalFileName", name, Role::Data);
            if let Some(path) = rest.split('"').nth(1) {
                fields.push("TargetFilename", path, Role::Copy);
            }
        }
        "suspicious" => fill_command(after.trim(), fields),
        "blocked-file" | "scan-failed" => fill_blocked(after, fields),
        "cloud-query" => fill_query(after, fields),
        "memory-scan" => fill_memory_scan(after, fields),
        "threat" => {
            fields.push("ThreatName", after.trim_start_matches([':', ' ']), Role::Data);
        }
        "estimated-impact" => {
            let whole = text.get(text.len() - after.len() - words.len()..).unwrap_or_default();
            fill_pairs(whole, fields);
            if let Some(name) = fields.get("ProcessImageName").map(str::to_owned) {
                let bare = if name.contains('\\') { "" } else { "\\" };
                fields.push("Image", &format!("{bare}{name}"), Role::Copy);
            }
        }
        _ => {}
    }
}

/// `C:\Windows\System32\reg.exe(reg add …)`, or the command line alone.
fn fill_command(text: &str, fields: &mut Fields) {
    let inner = text.split_once(".exe(").and_then(|(image, rest)| Some((image, rest.strip_suffix(')')?)));
    let Some((image, command)) = inner else {
        fields.push("CommandLine", text, Role::Copy);
        return;
    };
    fields.push("Image", &format!("{image}.exe"), Role::Copy);
    fields.push("CommandLine", command, Role::Copy);
}

/// `: C:\x.exe Process: C:\y.exe, Status: …`, or with a number and a full stop `(#4): C:\x.exe. Process: …`
fn fill_blocked(text: &str, fields: &mut Fields) {
    let path = text.split_once(": ").map_or(text, |(_, path)| path);
    let (path, rest) = path.split_once(" Process: ").unwrap_or((path, ""));
    let path = if text.starts_with("(#") { path.strip_suffix('.').unwrap_or(path) } else { path };
    fields.push("TargetFilename", path.trim(), Role::Copy);
    let image = rest.split(", ").next().unwrap_or_default();
    let image = image.trim_start_matches("(null)").trim();
    if !image.is_empty() {
        fields.push("Image", image, Role::Copy);
    }
    fill_pairs(rest, fields);
}

/// `Issuing SDN query for \\?\C:\x.exe (x.exe) (sha1=…, sha2=…)`
fn fill_query(text: &str, fields: &mut Fields) {
    if let Some((_, path)) = text.split_once(" for ") {
        let path = path.split(" (").next().unwrap_or(path);
        fields.push("TargetFilename", path.trim().trim_start_matches("\\\\?\\"), Role::Copy);
    }
    for part in text.split(['(', ')', ',', ' ']) {
        if let Some((name @ ("sha1" | "sha2" | "sha256"), value)) = part.split_once('=') {
            fields.push(if name == "sha1" { "sha1" } else { "sha256" }, value, Role::Data);
        }
    }
}

/// `: svchost pid: 4044, sigseq: 0x1, …`
fn fill_memory_scan(text: &str, fields: &mut Fields) {
    let process = text.trim_start_matches(':').split_whitespace().next().unwrap_or_default();
    fields.push("ProcessName", process, Role::Data);
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    if words.any(|word| word == "pid:")
        && let Some(pid) = words.next()
    {
        fields.push("ProcessId", pid, Role::Data);
    }
}

/// `HackTool:Win32/Mimikatz!MTB file:C:\x.exe;process:pid:4`, with words before it.
fn fill_detection(text: &str, fields: &mut Fields) {
    let is_threat = |word: &&str| {
        word.split_once(':').is_some_and(|(_, rest)| rest.contains('/')) && !word.contains('\\')
    };
    let Some(threat) = text.split_whitespace().find(is_threat) else { return };
    fields.push("ThreatName", threat, Role::Data);
    let Some((_, resources)) = text.split_once(threat) else { return };
    let resources = resources.split(" PropBag [").next().unwrap_or(resources).trim();
    for (start, column) in [("MPSOURCE_", "DetectionSource"), ("MP_THREAT_ACTION_", "Action")] {
        if let Some(word) = text.split_whitespace().find(|word| word.starts_with(start)) {
            fields.push(column, word, Role::Data);
        }
    }
    if resources.is_empty() {
        return;
    }
    fields.push("Resource", resources, Role::Data);
    let part = |kind: &str| resources.split(';').find_map(|part| part.trim().strip_prefix(kind));
    if let Some(file) = part("file:").or_else(|| part("containerfile:")) {
        fields.push("TargetFilename", file.trim_start_matches('_'), Role::Copy);
    }
    if let Some(command) = part("CmdLine:") {
        fields.push("CommandLine", command.trim_start_matches('_'), Role::Copy);
    }
    if let Some(pid) = part("process:").and_then(|process| process.strip_prefix("pid:")) {
        let digits = pid.split(|one: char| !one.is_ascii_digit()).next().unwrap_or_default();
        fields.push("ProcessId", digits, Role::Data);
    }
}

/// `Name: value, Name: value`; a value may have commas of its own.
fn fill_pairs(text: &str, fields: &mut Fields) {
    let mut open: Option<(&str, String)> = None;
    for part in text.split(", ") {
        let pair = part.split_once(':').filter(|(name, _)| is_label(name.trim()));
        match (pair, &mut open) {
            (Some((name, value)), _) => {
                if let Some((name, value)) = open.take() {
                    add(name, &value, fields);
                }
                open = Some((name.trim(), value.trim().to_owned()));
            }
            (None, Some((_, value))) => {
                value.push_str(", ");
                value.push_str(part);
            }
            (None, None) => {}
        }
    }
    if let Some((name, value)) = open {
        add(name, &value, fields);
    }
}

/// A name of letters, as facts have; a drive is none.
fn is_label(name: &str) -> bool {
    (2..=40).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_'))
}

fn add(name: &str, value: &str, fields: &mut Fields) {
    let column = COLUMNS.iter().find(|(own, _)| *own == name).map_or(name, |(_, column)| column);
    if !value.is_empty() && fields.get(column).is_none() {
        fields.push(column, value, Role::Data);
    }
}

/// What a block says; its own time, if it has one.
fn fill_block(
    block: &[std::borrow::Cow<'_, str>],
    kind: &str,
    before: Option<Instant>,
    fields: &mut Fields,
) -> Option<(Instant, &'static str)> {
    fields.push("Text", bounded(&block.join("\n")), Role::Message);
    fields.push("mplog_event", kind, Role::Copy);
    let mut time = None;
    let mut all: Vec<(&str, String)> = Vec::new();
    let mut list: Option<&str> = None;
    for line in block.iter().skip(1) {
        let (name, value) = match line.split_once(':').filter(|(name, _)| is_label(name.trim())) {
            Some((name, value)) => (name.trim(), value.trim()),
            // Exclusions stand below their heading, one a line.
            None => match list.filter(|_| line.starts_with([' ', '\t'])) {
                Some(name) => (name, line.trim()),
                None => continue,
            },
        };
        list = Some(name).filter(|_| value.is_empty() || list == Some(name));
        if matches!(name, "Start Time" | "Start time" | "RTP Start" | "CreationTime") {
            time = time.or_else(|| own_time(value, before));
        }
        let column = COLUMNS.iter().find(|(own, _)| *own == name).map_or(name, |(_, column)| column);
        match all.iter_mut().find(|(one, _)| *one == column) {
            _ if value.is_empty() => {}
            Some((_, values)) if values.len() < TEXT_MAX => {
                if !values.split(';').any(|one| one == value) {
                    values.push(';');
                    values.push_str(value);
                }
            }
            Some(_) => {}
            None => all.push((column, value.to_owned())),
        }
    }
    for (name, value) in &all {
        fields.push(name, value, Role::Data);
    }
    fill_process(fields);
    let file =
        fields.get("Resource").map(|resources| resources.split(';').next().unwrap_or_default().to_owned());
    if let Some(file) = file.filter(|file| file.contains('\\')) {
        fields.push("TargetFilename", file.strip_prefix("\\\\?\\").unwrap_or(&file), Role::Copy);
    }
    time
}

/// What a block says of a process: when it began, in ticks that are UTC, and the program before it in `Parents: C:\a.exe:4:1,…`.
fn fill_process(fields: &mut Fields) {
    let began =
        fields.get("ProcessCreationTime").and_then(|ticks| Instant::from_filetime(ticks.parse().ok()?));
    if let Some(began) = began {
        fields.push("ProcessStartTime", &began.to_string(), Role::Copy);
    }
    let parents = fields.get("Taint Info").and_then(|info| info.split_once("Parents: "));
    let parent = parents.and_then(|(_, parents)| parents.split(',').next()?.rsplitn(3, ':').nth(2));
    if let Some(parent) = parent.map(str::to_owned) {
        fields.push("ParentImage", &parent, Role::Copy);
    }
}

/// Hours that lie between a block's own time, which is local, and the line before it: at most a day and the block's length.
const NEAR_NANOS: i64 = 2 * 24 * 3_600 * 1_000_000_000;

/// `03-04-2021 05:12:31`, with the month first; where the line before shows that it is not, with the day first.
fn own_time(text: &str, before: Option<Instant>) -> Option<(Instant, &'static str)> {
    let basis = "block's own time, zone unknown";
    if let Some((time, _)) = time_of(text) {
        return Some((time, "block's own time"));
    }
    let plain: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(['(', ')'])).collect();
    let from = plain.iter().position(|word| word.starts_with(|one: char| one.is_ascii_digit()))?;
    let text = plain.get(from..)?.join(" ");
    let near = |time: &Instant| before.is_none_or(|before| (time.nanos - before.nanos).abs() <= NEAR_NANOS);
    let (month, day) = (dates::moment(&text, Order::MonthFirst), dates::moment(&text, Order::DayFirst));
    if let Some(day) = day.filter(|day| before.is_some() && near(day) && !month.as_ref().is_some_and(near)) {
        return Some((day, basis));
    }
    month.or(day).map(|time| (time, basis))
}
