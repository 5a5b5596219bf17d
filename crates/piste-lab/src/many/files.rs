//! The files of one host: one a channel, and an archive of it whenever it is full, as Windows keeps them.
//!
//! In: events in the order of time. Out: `HOST/Security.evtx` with archives beside it, or the same as JSON lines. One buffer a
//! channel is held.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Form;
use super::draft::Draft;
use crate::LabError;
use crate::evtx::{EvtxError, FileTime, Head, Value, Writer};

/// A file that has grown to this size is archived.
const FILE_BYTES_MAX: u64 = 256 << 20;
const BUFFER_BYTES: usize = 256 << 10;

enum Open {
    Evtx(Writer<BufWriter<File>>),
    Json { out: BufWriter<File>, bytes: u64, next_record: u64 },
}

struct Log {
    channel: &'static str,
    path: PathBuf,
    open: Open,
}

/// The logs of one host.
pub(super) struct Files {
    folder: PathBuf,
    form: Form,
    bytes_max: u64,
    logs: Vec<Log>,
    line: String,
    /// Bytes of the files that are complete.
    pub(super) bytes: u64,
    /// Files that are complete.
    pub(super) count: u64,
}

impl Files {
    pub(super) fn new(folder: PathBuf, form: Form) -> Result<Self, LabError> {
        fs::create_dir_all(&folder).map_err(|source| LabError::Write { path: folder.clone(), source })?;
        let (logs, line) = (Vec::new(), String::with_capacity(16_384));
        Ok(Self { folder, form, bytes_max: FILE_BYTES_MAX, logs, line, bytes: 0, count: 0 })
    }

    /// With archives of a smaller size.
    #[cfg(test)]
    pub(super) fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    pub(super) fn write(&mut self, draft: &Draft, head: &Head<'_>) -> Result<(), LabError> {
        let channel = draft.kind.source.channel;
        let known = self.logs.iter().position(|log| log.channel == channel);
        let at = known.unwrap_or(self.logs.len());
        if known.is_none() {
            self.logs.push(self.begin(channel, 1)?);
        }
        let bytes_max = self.bytes_max;
        let Some(log) = self.logs.get_mut(at) else { return Ok(()) };
        let full = match &mut log.open {
            Open::Evtx(writer) => {
                let written = writer.write(&draft.kind, head, draft.values());
                written.map_err(|error| log_failed(&log.path, error))?;
                (writer.bytes() >= bytes_max).then(|| writer.next_record())
            }
            Open::Json { out, bytes, next_record } => {
                self.line.clear();
                line(&mut self.line, draft, head, *next_record);
                out.write_all(self.line.as_bytes()).map_err(|source| failed(&log.path, source))?;
                *bytes += self.line.len() as u64;
                *next_record += 1;
                (*bytes >= bytes_max).then_some(*next_record)
            }
        };
        match full {
            Some(next_record) => self.archive(at, channel, head.time, next_record),
            None => Ok(()),
        }
    }

    /// Completes all files.
    pub(super) fn finish(&mut self) -> Result<(), LabError> {
        for log in std::mem::take(&mut self.logs) {
            self.bytes += log.finish()?;
            self.count += 1;
        }
        Ok(())
    }

    fn archive(
        &mut self,
        at: usize,
        channel: &'static str,
        time: FileTime,
        next: u64,
    ) -> Result<(), LabError> {
        let log = self.logs.swap_remove(at);
        let path = log.path.clone();
        self.bytes += log.finish()?;
        self.count += 1;
        let mut stamp = String::new();
        time.show_sysmon(&mut stamp);
        let stamp = stamp.replace([' ', ':', '.'], "-");
        let name = format!("Archive-{}-{stamp}.{}", stem(channel), self.form.ending());
        fs::rename(&path, self.folder.join(name)).map_err(|source| failed(&path, source))?;
        let begun = self.begin(channel, next)?;
        self.logs.push(begun);
        Ok(())
    }

    fn begin(&self, channel: &'static str, first_record: u64) -> Result<Log, LabError> {
        let path = self.folder.join(format!("{}.{}", stem(channel), self.form.ending()));
        let open = File::create(&path).and_then(|file| {
            let out = BufWriter::with_capacity(BUFFER_BYTES, file);
            Ok(match self.form {
                Form::Evtx => Open::Evtx(Writer::new(out, first_record)?),
                Form::Jsonl => Open::Json { out, bytes: 0, next_record: first_record },
            })
        });
        let open = open.map_err(|source| failed(&path, source))?;
        Ok(Log { channel, path, open })
    }
}

impl Log {
    /// Completes the file and gives its size.
    fn finish(self) -> Result<u64, LabError> {
        let path = self.path;
        let out = match self.open {
            Open::Evtx(writer) => writer.finish(),
            Open::Json { out, .. } => Ok(out),
        };
        out.and_then(|mut out| {
            out.flush()?;
            Ok(out.get_ref().metadata()?.len())
        })
        .map_err(|source| failed(&path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> LabError {
    LabError::Write { path: path.to_owned(), source }
}

fn log_failed(path: &Path, error: EvtxError) -> LabError {
    failed(
        path,
        match error {
            EvtxError::Io(error) => error,
            other => io::Error::other(other),
        },
    )
}

/// A channel's file as Windows names it: `/` is written `%4`.
fn stem(channel: &str) -> String {
    channel.replace('/', "%4")
}

/// The event as a flat line, as [`crate::windows`] writes it, without the rendered message.
fn line(out: &mut String, draft: &Draft, head: &Head<'_>, record: u64) {
    let kind = &draft.kind;
    out.push_str("{\"EventID\":");
    Value::U16(kind.id).show(out);
    out.push_str(",\"SourceName\":\"");
    out.push_str(kind.source.name);
    if let Some(guid) = kind.source.guid {
        member(out, "ProviderGuid", &Value::Guid(guid));
    }
    for (name, value) in [
        ("Level", Value::U8(kind.level)),
        ("Keywords", Value::Hex64(kind.keywords)),
        ("Channel", Value::Text(kind.source.channel)),
        ("Hostname", Value::Text(head.computer)),
        ("TimeCreated", Value::Time(head.time)),
        ("@timestamp", Value::Time(head.time)),
        ("Task", Value::U16(kind.task)),
        ("Version", Value::U8(kind.version)),
        ("OpcodeValue", Value::U8(kind.opcode)),
        ("RecordNumber", Value::U64(record)),
    ] {
        member(out, name, &value);
    }
    for ((name, _), value) in kind.fields.iter().zip(draft.values()) {
        member(out, name, &value);
    }
    out.push_str("\"}\n");
}

/// Ends the value before and writes the next, whose end is left to what follows.
fn member(out: &mut String, name: &str, value: &Value<'_>) {
    out.push_str("\",\"");
    out.push_str(name); // names are constants without quotes
    out.push_str("\":\"");
    match value {
        Value::Text(text) => escaped(out, text),
        other => other.show(out),
    }
}

fn escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut tail = tail.chars();
        match tail.next() {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(mark @ ('"' | '\\')) => {
                out.push('\\');
                out.push(mark);
            }
            _ => out.push_str("\\u0020"), // no generated text has other controls
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    #[test]
    fn a_full_log_is_archived_and_its_numbers_go_on() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut files =
            Files::new(folder.path().to_owned(), Form::Jsonl).expect("writes").with_bytes_max(2_000);
        let mut draft = Draft::new(kinds::SERVICE_STATE);
        for second in 0..20 {
            draft.begin(kinds::SERVICE_STATE);
            draft.texts(&["a \"quoted\" \\ name\r\n\t", "running"]);
            let time = FileTime::of_unix_ms(1_700_000_000_000 + second * 1_000);
            let head = Head { time, process_id: 1, thread_id: 2, user: None, computer: "A" };
            files.write(&draft, &head).expect("writes");
        }
        files.finish().expect("writes");
        let mut names = Vec::new();
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder.path()).expect("reads") {
            let path = entry.expect("reads").path();
            names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            for line in fs::read_to_string(&path).expect("text").lines() {
                let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(event["param1"], "a \"quoted\" \\ name\r\n\t");
                numbers.push(event["RecordNumber"].as_str().expect("text").parse::<u64>().expect("a number"));
            }
        }
        names.sort();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        assert!(names.len() > 2 && files.count == names.len() as u64, "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("Archive-System-2023-11-14-22-13-2")), "{names:?}");
        assert!(names.contains(&"System.jsonl".to_owned()));
    }
}
