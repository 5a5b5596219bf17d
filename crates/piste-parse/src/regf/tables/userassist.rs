//! Dataset `registry.userassist`: programs and shortcuts that a person started from the shell.
//!
//! In: a user's hive. Out: a row an entry: name decoded (ROT13), count, focus, last run. Versions 3 (XP to Vista, counts from
//! five) and 5. The row's time is the last run. Source: libyal's winreg-kb, "User assist".

use super::super::emit::{Emit, Timed};
use super::super::hive::{Key, Value};
use super::super::le::{filetime_at, u32_at};

const DATASET: &str = "registry.userassist";
const PATH: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\UserAssist";
const GUIDS_MAX: usize = 1_024;
/// Bytes of an entry of version 3 and 5.
const THREE: usize = 16;
const FIVE: usize = 72;

/// Folders that an entry names by their GUID (Microsoft, KNOWNFOLDERID).
const FOLDERS: [(&str, &str); 12] = [
    ("{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}", r"%SystemRoot%\System32"),
    ("{D65231B0-B2F1-4857-A4CE-A8E7C6EA7D27}", r"%SystemRoot%\SysWOW64"),
    ("{F38BF404-1D43-42F2-9305-67DE0B28FC23}", "%SystemRoot%"),
    ("{6D809377-6AF0-444B-8957-A3773F02200E}", "%ProgramFiles%"),
    ("{905E63B6-C1BF-494E-B29C-65B732D3D21A}", "%ProgramFiles%"),
    ("{7C5A40EF-A0FB-4BFC-874A-C0F2E0B9FA8E}", "%ProgramFiles(x86)%"),
    ("{0139D44E-6AFE-49F2-8690-3DAFCAE6FFB8}", r"%ProgramData%\Microsoft\Windows\Start Menu\Programs"),
    ("{A77F5D77-2E2B-44C3-A6A2-ABA601054A51}", r"%AppData%\Microsoft\Windows\Start Menu\Programs"),
    (
        "{9E3995AB-1F9C-4F13-B827-48B24B6C7174}",
        r"%AppData%\Microsoft\Internet Explorer\Quick Launch\User Pinned",
    ),
    ("{B4BFCC3A-DB2C-424C-B029-7FE99A87C641}", r"%UserProfile%\Desktop"),
    ("{374DE290-123F-4565-9164-39C4925E467B}", r"%UserProfile%\Downloads"),
    ("{FDD39AD0-238F-46AF-ADB4-6C85480369C7}", r"%UserProfile%\Documents"),
];

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    let Some(assist) = emit.open.usual(PATH) else { return };
    for guid in hive.children(assist, GUIDS_MAX) {
        let Some(count) = hive.child(guid, "Count") else { continue };
        let name = guid.name();
        for value in hive.values(count) {
            push(emit, value, count, &name);
        }
    }
}

fn push<'o>(emit: &mut Emit<'o, '_>, value: Value<'o>, key: Key<'o>, guid: &str) {
    if value.size != THREE && value.size != FIVE {
        return;
    }
    let data = emit.bytes(value, FIVE);
    let name = rot13(&value.name());
    if name.starts_with("UEME_CTL") {
        return; // counters of the whole, no program
    }
    let is_five = value.size == FIVE;
    let run = filetime_at(&data, if is_five { 60 } else { 8 });
    let count = u32_at(&data, 4).unwrap_or_default();
    emit.field("ProgramName", &name);
    let folder = FOLDERS.iter().find_map(|(guid, folder)| {
        let (head, rest) = name.split_at_checked(guid.len())?;
        head.eq_ignore_ascii_case(guid).then(|| format!("{folder}{rest}"))
    });
    emit.optional("Path", folder.as_deref());
    emit.field("RunCounter", &if is_five { count } else { count.saturating_sub(5) }.to_string());
    if is_five {
        emit.field("FocusCount", &u32_at(&data, 8).unwrap_or_default().to_string());
        emit.field("FocusMilliseconds", &u32_at(&data, 12).unwrap_or_default().to_string());
    }
    emit.time("LastExecuted", run);
    emit.field("UserAssistGuid", guid);
    emit.row(DATASET, value.at, Timed::some(run, "LastExecuted"), key);
}

fn rot13(text: &str) -> String {
    let turn = |letter: char| match letter {
        'a'..='m' | 'A'..='M' => char::from_u32(u32::from(letter) + 13).unwrap_or(letter),
        'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(letter) - 13).unwrap_or(letter),
        other => other,
    };
    text.chars().map(turn).collect()
}
