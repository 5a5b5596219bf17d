//! Detections as a CSV that Timesketch imports as it is, and that a spreadsheet opens without harm.
//!
//! In: detections, in the order in which the lines shall stand. Out: one line each. `message`, `datetime` and
//! `timestamp_desc` are the columns that Timesketch demands; `datetime` always has six digits, since its reader guesses
//! the format from the first line. Hidden characters are shown as `\x0a`, so one detection is always one line.

use std::collections::BTreeMap;
use std::io::{self, Write};

use piste_model::{Detection, EvidenceId, Instant, Level};

use crate::escape;

/// The header line.
pub const HEADER: &str = "datetime,timestamp_desc,message,Level,Computer,Channel,EventID,MitreTags,RecordID,Details,\
                          RuleID,EvidenceID,Path";
/// `timestamp_desc` of every line: by it an analyst finds these lines among others'.
pub const TIMESTAMP_DESC: &str = "piste";
/// Longest `Details` in bytes: Timesketch does not index the keyword of a value over 32,766.
const MAX_DETAILS: usize = 32_000;

/// Writes the timeline, line by line.
#[derive(Debug)]
pub struct TimelineCsv<W: Write> {
    out: W,
    written: u64,
    undated: u64,
}

impl<W: Write> TimelineCsv<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "{HEADER}")?;
        Ok(Self { out, written: 0, undated: 0 })
    }

    /// Writes one detection. One without a time has no place on a timeline: it is counted in [`TimelineCsv::undated`].
    ///
    /// # Errors
    /// Those of the writer.
    pub fn add(&mut self, detection: &Detection) -> io::Result<()> {
        let channel = if detection.channel.is_empty() { &detection.dataset } else { &detection.channel };
        self.line(&Line {
            time: detection.time,
            title: &field(&detection.rule_title),
            level: detection.level,
            host: &field(&detection.host),
            channel: &field(channel),
            event_code: detection.event_code,
            attack: &attack_field(&detection.attack),
            record: detection.record,
            details: &details_field(&detection.details),
            rule_id: &field(&detection.rule_id),
            evidence: detection.evidence_id,
            path: &field(&detection.path),
        })
    }

    /// Writes one detection whose texts are fields already. One without a time is counted as by [`TimelineCsv::add`].
    ///
    /// # Errors
    /// Those of the writer.
    pub fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let Some(time) = line.time else {
            self.undated += 1;
            return Ok(());
        };
        let Line { title, level, host, channel, attack, record, details, rule_id, evidence, path, .. } = line;
        write!(
            self.out,
            "{},{TIMESTAMP_DESC},{title},{level},{host},{channel},",
            Instant { digits: 6, ..time }
        )?;
        if let Some(code) = line.event_code {
            write!(self.out, "{code}")?;
        }
        writeln!(self.out, ",{attack},{record},{details},{rule_id},{evidence},{path}")?;
        self.written += 1;
        Ok(())
    }

    /// Lines written, the header not counted.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Detections left out because they have no time.
    pub fn undated(&self) -> u64 {
        self.undated
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// One line of the timeline; texts are fields as [`field`] makes them.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// When.
    pub time: Option<Instant>,
    /// The rule's title.
    pub title: &'a str,
    /// Its level.
    pub level: Level,
    /// Computer.
    pub host: &'a str,
    /// Channel, else dataset.
    pub channel: &'a str,
    /// Event id.
    pub event_code: Option<i32>,
    /// As [`attack_field`] makes it.
    pub attack: &'a str,
    /// Record id or line number.
    pub record: i64,
    /// As [`details_field`] makes it.
    pub details: &'a str,
    /// The rule's id.
    pub rule_id: &'a str,
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Its locator.
    pub path: &'a str,
}

/// A text as a field of a line.
pub fn field(text: &str) -> String {
    escape::csv(&escape::visible(text)).into_owned()
}

/// Techniques as a field.
pub fn attack_field(attack: &[String]) -> String {
    field(&attack.join(" ¦ "))
}

/// Telling fields as one field of a line.
pub fn details_field(all: &BTreeMap<String, String>) -> String {
    field(&details(all))
}

/// `Name: value ¦ Name: value`, as Hayabusa joins them, made visible and cut at [`MAX_DETAILS`] bytes.
fn details(all: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (name, value) in all {
        if !text.is_empty() {
            text.push_str(" ¦ ");
        }
        for (part, end) in [(name, ": "), (value, "")] {
            let head = part.get(..part.floor_char_boundary(MAX_DETAILS)).unwrap_or(part);
            text.push_str(&escape::visible(head));
            text.push_str(end);
        }
        if text.len() > MAX_DETAILS {
            text.truncate(text.floor_char_boundary(MAX_DETAILS));
            text.push(escape::ELLIPSIS);
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use piste_model::Entities;

    fn detection() -> Detection {
        Detection {
            rule_id: "c8f5f2a3-0000-4000-8000-000000000001".into(),
            rule_title: "Shell, by w3wp".into(),
            level: Level::High,
            time: Instant::parse("2021-03-03T04:05:06Z"),
            host: "MX01.example.org".into(),
            dataset: "windows.sysmon".into(),
            channel: String::new(),
            event_code: Some(1),
            record: 571_146,
            evidence_id: EvidenceId(1),
            path: "case.zip!Sysmon.evtx".into(),
            places: Vec::new(),
            attack: vec!["T1505.003".into(), "T1059".into()],
            status: "test".into(),
            offset: 4096,
            record_hash: String::new(),
            actor: None,
            acting_process: None,
            entities: Entities::default(),
            details: [("CommandLine".to_owned(), "cmd /c \"whoami\"".to_owned())].into(),
        }
    }

    #[track_caller]
    fn csv_of(detections: &[Detection]) -> String {
        let mut csv = TimelineCsv::new(Vec::new()).unwrap();
        for one in detections {
            csv.add(one).unwrap();
        }
        assert_eq!(csv.written() + csv.undated(), detections.len() as u64);
        String::from_utf8(csv.finish().unwrap()).unwrap()
    }

    #[test]
    fn a_detection_is_one_line_with_timesketchs_columns() {
        let undated = Detection { time: None, ..detection() };
        insta::assert_snapshot!(csv_of(&[detection(), undated]), @r#"
        datetime,timestamp_desc,message,Level,Computer,Channel,EventID,MitreTags,RecordID,Details,RuleID,EvidenceID,Path
        2021-03-03T04:05:06.000000Z,piste,"Shell, by w3wp",high,MX01.example.org,windows.sysmon,1,T1505.003 ¦ T1059,571146,"CommandLine: cmd /c ""whoami""",c8f5f2a3-0000-4000-8000-000000000001,E-1,case.zip!Sysmon.evtx
        "#);
    }

    #[test]
    fn hostile_text_stays_in_its_cell() {
        let hostile = Detection {
            host: "=cmd|' /C calc'!A0".into(),
            path: "a\u{202e}\n\"b\".evtx".into(),
            details: [("-x".to_owned(), "\u{1b}[2J,".repeat(1 << 18))].into(),
            ..detection()
        };
        let csv = csv_of(&[hostile]);
        assert_eq!(csv.lines().count(), 2);
        assert!(csv.contains(",'=cmd|' /C calc'!A0,"));
        assert!(csv.contains(",\"'-x: \\x1b[2J,"));
        assert!(csv.ends_with(",E-1,\"a\\u{202e}\\x0a\"\"b\"\".evtx\"\n"));
        assert!(!csv.contains('\u{1b}') && csv.len() < 64_000);
    }
}
