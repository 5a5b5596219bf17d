//! `piste timeline`: detections, or all events, in the order of time, for other tools and for reading.
//!
//! In: a case. Out: CSV, JSON lines, Timesketch's JSON lines, or Parquet. Times are UTC; `--timezone` changes how CSV
//! shows them and nothing else.

use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use piste_lake::scan::Scan;
use piste_lake::table::TableWriter;
use piste_lake::{Lake, LakeError};
use piste_model::{Detection, Instant, schema};
use piste_report::escape::{self, Written};
use serde_json::{Map, Value, json};

use crate::cli::{Common, Format, Timeline};
use crate::failure::{Failure, OUTPUT};
use crate::look::rows::{RowTexts, int_at};
use crate::look::sorted::Sorted;
use crate::look::{HostNames, refuse_unknown_hosts, seen};
use crate::out;
use crate::results::Results;

/// Columns of CSV and Parquet; the first is the time.
const COLUMNS: [&str; 11] = [
    "Timestamp",
    "RuleTitle",
    "Level",
    "Computer",
    "Channel",
    "EventID",
    "RecordID",
    "Details",
    "RuleID",
    "EvidenceID",
    "Path",
];

/// Runs the command.
pub(crate) fn run(arguments: &Timeline, common: &Common) -> Result<u8, Failure> {
    let seen = seen(&common.case)?;
    refuse_unknown_hosts(&common.case, &arguments.range.host)?;
    let zone = zone(arguments.timezone.as_deref())?;
    let mut target = Target::open(arguments, zone)?;
    if arguments.events {
        events(arguments, &seen.lake, &HostNames::of(&common.case, &seen)?, &mut target)?;
    } else {
        detections(arguments, &common.case, &seen.results, &mut target)?;
    }
    let (count, undated) = (target.count, target.undated);
    target.finish()?;
    if !common.quiet {
        let what = if arguments.events { "events" } else { "detections" };
        let left_out =
            if undated > 0 { format!("; {undated} without a time were left out") } else { String::new() };
        out::note(&format!("{count} {what}{left_out}"));
    }
    Ok(0)
}

pub(crate) fn zone(name: Option<&str>) -> Result<TimeZone, Failure> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        Failure::usage(
            "timezone",
            format!("there is no time zone `{name}`"),
            "nothing was written",
            "name one as in Europe/Brussels or UTC",
        )
    })
}

fn detections(
    arguments: &Timeline,
    case: &Path,
    results: &Results,
    target: &mut Target,
) -> Result<(), Failure> {
    let path = case.join("out").join("detections.jsonl");
    for text in results.file(case, "detections.jsonl")?.lines() {
        let text = text.map_err(LakeError::read(&path))?;
        let detection: Detection = serde_json::from_str(&text)
            .map_err(|source| LakeError::Sidecar { path: path.clone(), source })?;
        let range = &arguments.range;
        let dataset = range.dataset.is_empty() || range.dataset.contains(&detection.dataset);
        if dataset && range.holds_host(&detection.host) && range.holds_time(detection.time) {
            target.push(&Entry::of(&detection, &text))?;
        }
    }
    Ok(())
}

fn events(arguments: &Timeline, lake: &Lake, names: &HostNames, target: &mut Target) -> Result<(), Failure> {
    let range = &arguments.range;
    let wanted = |dataset: &str| range.dataset.is_empty() || range.dataset.iter().any(|one| one == dataset);
    let mut sorted = Sorted::new(lake.tmp());
    let mut number = 0;
    lake.scan(Scan { datasets: &wanted, columns: None }, &mut |batch| {
        let rows = RowTexts::of(batch);
        for row in (0..batch.num_rows()).filter(|row| range.holds(batch, *row, names)) {
            number += 1;
            let id = rows.text(schema::EVIDENCE_ID, row);
            let id = id.strip_prefix("E-").and_then(|id| id.parse().ok()).unwrap_or(u32::MAX);
            let offset = int_at(batch, schema::OFFSET, row).unwrap_or_default();
            // Its line is made now: to read a row again from text takes ten times as long.
            if let Some(line) = target.event(&rows, row, names) {
                sorted.push((rows.time(row).map(|time| time.nanos), id, offset, number), line)?;
            }
        }
        Ok(true)
    })?;
    sorted.finish(&mut |line| target.made(line).map(|()| true))?;
    Ok(())
}

/// One line of the timeline.
struct Entry {
    time: Option<Instant>,
    /// As in [`COLUMNS`], without the time.
    values: Vec<String>,
    message: String,
    /// All that is known of it, as a JSON object.
    json: String,
}

impl Entry {
    fn of(detection: &Detection, json: &str) -> Self {
        let details: Vec<String> = detection
            .details
            .iter()
            .map(|(name, value)| format!("{name}: {}", escape::visible(value)))
            .collect();
        let details = details.join(" ¦ ");
        let Detection {
            rule_title,
            level,
            host,
            dataset,
            channel,
            event_code,
            record,
            rule_id,
            evidence_id,
            path,
            ..
        } = detection;
        let code = event_code.map_or_else(String::new, |code| code.to_string());
        let channel = if channel.is_empty() { dataset } else { channel }.clone();
        Self {
            time: detection.time,
            message: format!("{rule_title} ({level}) on {host}: {details}"),
            values: vec![
                rule_title.clone(),
                level.short().to_owned(),
                host.clone(),
                channel,
                code,
                record.to_string(),
                details,
                rule_id.clone(),
                evidence_id.to_string(),
                path.clone(),
            ],
            json: json.to_owned(),
        }
    }

    /// Timesketch asks for these three names; a line without a time has no place there.
    fn timesketch(&self) -> Option<String> {
        let time = self.time?;
        let mut object: Map<String, Value> = serde_json::from_str(&self.json).ok()?;
        object.remove("details");
        object.insert("message".to_owned(), json!(self.message));
        object.insert("datetime".to_owned(), json!(timesketch_time(time)));
        object.insert("timestamp_desc".to_owned(), json!("piste detection"));
        Some(Value::Object(object).to_string())
    }
}

fn timesketch_time(time: Instant) -> Instant {
    Instant { digits: time.digits.max(6), ..time }
}

/// What Timesketch asks for, in the place of the row's own.
fn timesketch_members(time: Instant, message: &str, what: &str) -> [(&'static str, Option<String>); 4] {
    [
        ("details", None),
        ("message", Some(json!(message).to_string())),
        ("datetime", Some(json!(timesketch_time(time)).to_string())),
        ("timestamp_desc", Some(json!(what).to_string())),
    ]
}

/// Where the timeline goes.
struct Target {
    format: Format,
    zone: TimeZone,
    sink: Sink,
    count: u64,
    /// Left out, since Timesketch asks for a time.
    undated: u64,
}

enum Sink {
    Text(Box<dyn Write>),
    Table(Box<TableWriter>),
}

impl Target {
    fn open(arguments: &Timeline, zone: TimeZone) -> Result<Self, Failure> {
        let sink = match (arguments.format, &arguments.output) {
            (Format::Parquet, None) => {
                return Err(Failure::usage(
                    "output-needed",
                    "Parquet is no text and needs a file",
                    "nothing was written",
                    "name it: --output timeline.parquet",
                ));
            }
            (Format::Parquet, Some(path)) => {
                let (time, names) =
                    COLUMNS.split_first().map_or(("Timestamp", &[][..]), |(time, names)| (*time, names));
                Sink::Table(Box::new(TableWriter::create(path, time, names)?))
            }
            (_, Some(path)) => {
                let file = File::create(path).map_err(LakeError::write(path))?;
                Sink::Text(Box::new(BufWriter::new(file)))
            }
            (Format::Csv, None) => Sink::Text(out::lines(Written::Lines)),
            (_, None) => Sink::Text(out::lines(Written::Json)),
        };
        let mut target = Self { format: arguments.format, zone, sink, count: 0, undated: 0 };
        if target.format == Format::Csv {
            target.line(&COLUMNS.join(","))?;
        }
        Ok(target)
    }

    /// An event as the line that is to be written; `None` where it has no place there.
    fn event(&mut self, rows: &RowTexts<'_>, row: usize, names: &HostNames) -> Option<String> {
        let time = rows.time(row);
        let mut line = String::new();
        let (said, code) = (rows.text(schema::HOST, row), rows.text(schema::EVENT_CODE, row));
        let host = names.full(&said);
        let other = (*host != *said).then(|| (schema::HOST, Some(json!(host).to_string())));
        if self.format == Format::Jsonl {
            rows.json(row, other.as_slice(), &mut line);
            return Some(line);
        }
        let channel = rows.text("Channel", row);
        let channel = if channel.is_empty() { rows.text(schema::DATASET, row) } else { channel };
        let mut details = String::new();
        rows.line(row, &mut details);
        if self.format == Format::Timesketch {
            let Some(time) = time else {
                self.undated += 1;
                return None;
            };
            let message = format!("{channel} {code} on {host}: {details}");
            let instead = timesketch_members(time, &message, "piste event");
            let instead: Vec<_> = instead.into_iter().chain(other).collect();
            rows.json(row, &instead, &mut line);
            return Some(line);
        }
        let (record, evidence) = (rows.text(schema::RECORD, row), rows.text(schema::EVIDENCE_ID, row));
        let values = ["", "", host, &channel, &code, &record, &details, "", &evidence, ""];
        if self.format == Format::Parquet {
            return Some(json!([time.map(|time| time.nanos), values]).to_string());
        }
        let when = time.map_or_else(String::new, |time| self.shown(time));
        line.push_str(&escape::csv(&when));
        for value in values {
            line.push(',');
            line.push_str(&escape::csv(value));
        }
        Some(line)
    }

    /// Writes a line that [`Self::event`] made.
    fn made(&mut self, line: &str) -> Result<(), LakeError> {
        self.count += 1;
        let Sink::Table(table) = &mut self.sink else { return self.line(line) };
        let row = serde_json::from_str::<(Option<i64>, Vec<String>)>(line);
        let Ok((nanos, values)) = row else { return Ok(()) }; // never: it was written above
        let values = values.into_iter().map(|value| Some(value).filter(|value| !value.is_empty()));
        table.push(nanos, values.collect())
    }

    fn push(&mut self, entry: &Entry) -> Result<(), LakeError> {
        self.count += 1;
        match self.format {
            Format::Csv => {
                let when = entry.time.map_or_else(String::new, |time| self.shown(time));
                let values = std::iter::once(escape::csv(&when))
                    .chain(entry.values.iter().map(|value| escape::csv(value)));
                let values: Vec<_> = values.collect();
                self.line(&values.join(","))
            }
            Format::Jsonl => self.line(&entry.json),
            Format::Timesketch => {
                if let Some(line) = entry.timesketch() {
                    return self.line(&line);
                }
                self.count -= 1;
                self.undated += 1;
                Ok(())
            }
            Format::Parquet => match &mut self.sink {
                Sink::Table(table) => {
                    let values = entry
                        .values
                        .iter()
                        .map(|value| Some(value.clone()).filter(|value| !value.is_empty()));
                    table.push(entry.time.map(|time| time.nanos), values.collect())
                }
                Sink::Text(_) => Ok(()),
            },
        }
    }

    /// In UTC as RFC 3339; in another zone with its offset.
    fn shown(&self, time: Instant) -> String {
        let stamp = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_nanos(time.nanos));
        match stamp {
            Ok(stamp) if self.zone != TimeZone::UTC => {
                let zoned = stamp.to_zoned(self.zone.clone());
                let precision = usize::from(time.digits);
                let fraction = if precision == 0 {
                    String::new()
                } else {
                    zoned.strftime(&format!("%.{precision}f")).to_string()
                };
                format!("{}{fraction} {}", zoned.strftime("%Y-%m-%d %H:%M:%S"), zoned.strftime("%:z"))
            }
            _ => time.to_string(),
        }
    }

    fn line(&mut self, text: &str) -> Result<(), LakeError> {
        match &mut self.sink {
            Sink::Text(out) => writeln!(out, "{text}").or_else(closed).map_err(LakeError::write(OUTPUT)),
            Sink::Table(_) => Ok(()),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self.sink {
            Sink::Text(mut out) => out.flush().or_else(closed).map_err(LakeError::write(OUTPUT))?,
            Sink::Table(table) => table.finish()?,
        }
        Ok(())
    }
}

/// A closed pipe is the reader's choice.
fn closed(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
