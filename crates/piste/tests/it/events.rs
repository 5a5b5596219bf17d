//! Evidence that the tests make: Windows events as JSON lines, and archives around them.
//!
//! In: how many, and what is special. Out: bytes. Every event is invented.

use std::io::{Cursor, Write};

use serde_json::{Value, json};
use zip::write::{FileOptions, SimpleFileOptions};
use zip::{AesMode, ZipWriter};

/// A process that a web server's worker starts: the built-in rules find it.
pub(crate) fn web_shell(second: u32) -> Value {
    json!({
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "SourceName": "Microsoft-Windows-Sysmon",
        "Hostname": "MX01",
        "TimeCreated": format!("2021-03-14T01:40:{:02}.987Z", second % 60),
        "Image": "C:\\Windows\\System32\\cmd.exe",
        "CommandLine": "cmd /c whoami",
        "ParentImage": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
        "User": "NT AUTHORITY\\SYSTEM",
    })
}

/// An ordinary process.
pub(crate) fn ordinary(number: u32) -> Value {
    json!({
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "SourceName": "Microsoft-Windows-Sysmon",
        "Hostname": "MX01",
        "TimeCreated": format!("2021-03-13T{:02}:{:02}:{:02}.123Z", number / 3600 % 24, number / 60 % 60, number % 60),
        "ProcessId": number,
        "Image": "C:\\Windows\\System32\\svchost.exe",
        "CommandLine": format!("svchost.exe -k netsvcs -p -s Schedule {number}"),
        "ParentImage": "C:\\Windows\\System32\\services.exe",
        "User": "NT AUTHORITY\\SYSTEM",
    })
}

/// The event with one field set, or taken out with `Value::Null`.
pub(crate) fn with(mut event: Value, field: &str, value: Value) -> Value {
    let object = event.as_object_mut().expect("an event is an object");
    if value.is_null() {
        object.remove(field);
    } else {
        object.insert(field.to_owned(), value);
    }
    event
}

/// Events as JSON lines.
pub(crate) fn lines(events: impl IntoIterator<Item = Value>) -> Vec<u8> {
    events.into_iter().flat_map(|event| format!("{event}\n").into_bytes()).collect()
}

/// Three events, the second of which a rule finds; `seed` makes the bytes differ.
pub(crate) fn three(seed: u32) -> Vec<u8> {
    lines([ordinary(seed * 10), web_shell(seed), ordinary(seed * 10 + 1)])
}

/// A zip of these members.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, SimpleFileOptions::default())
}

pub(crate) fn zip_with(members: &[(&str, &[u8])], options: FileOptions<'_, '_, ()>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, options).expect("a member begins");
        writer.write_all(bytes).expect("a member is written");
    }
    writer.finish().expect("a zip ends").into_inner()
}

/// As the old `zip -e` writes.
pub(crate) fn zip_crypto(password: &str, members: &[(&str, &[u8])]) -> Vec<u8> {
    use zip::unstable::write::FileOptionsExt;
    let options = SimpleFileOptions::default().with_deprecated_encryption(password.as_bytes());
    zip_with(members, options.expect("the password is not empty"))
}

/// As 7-Zip and Velociraptor write.
pub(crate) fn zip_aes(password: &str, members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, password))
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).expect("memory takes it")
}
