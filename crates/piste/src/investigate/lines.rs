//! Detections as lines of `detections.jsonl` and `timeline.csv`.
//!
//! In: detections that share what they have in common. Out: the lines that serialising each whole would give. What a rule, a
//! log, a file and a row say is written once into text and copied from there.

use std::io::{self, Write};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use piste_hunt::told::{Origin, RuleText, Told};
use piste_report::timeline::{Line, attack_field, details_field, field};
use serde_json::json;

use super::places::Places;

/// Texts that are kept of logs and files; beyond, they are made anew.
const KEPT_MAX: usize = 10_000;

/// Something kept in memory, so that its address names it, and the texts made of it.
struct Kept<T, M>(HashMap<usize, (Arc<T>, M), RandomState>);

impl<T, M> Default for Kept<T, M> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T, M> Kept<T, M> {
    fn of(&mut self, one: &Arc<T>, make: impl FnOnce(&T) -> M) -> &M {
        if self.0.len() >= KEPT_MAX {
            self.0.clear();
        }
        let kept = self.0.entry(Arc::as_ptr(one).addr());
        &kept.or_insert_with(|| (Arc::clone(one), make(one))).1
    }
}

struct RuleLines {
    /// `{"rule_id":...,"level":...`
    head: String,
    /// `,"attack":...,"status":...`
    tail: String,
    id: String,
    title: String,
    attack: String,
}

struct OriginLines {
    /// By this name the host goes in the whole case.
    host: Arc<str>,
    /// `,"host":...,"channel":...`
    json: String,
    host_field: String,
    channel_field: String,
}

struct FileLines {
    /// `,"path":...,"places":`
    path: String,
    places: String,
    field: String,
}

/// Makes lines.
#[derive(Default)]
pub(super) struct Lines {
    rules: Kept<RuleText, RuleLines>,
    origins: Kept<Origin, OriginLines>,
    files: HashMap<u32, FileLines, RandomState>,
    line: Vec<u8>,
}

impl Lines {
    /// Writes a detection as one line of JSON, in the order of its fields; answers its host's name in the whole case.
    pub(super) fn json(
        &mut self,
        told: &Told,
        places: &mut Places<'_>,
        out: &mut dyn Write,
    ) -> io::Result<Arc<str>> {
        let rule = self.rules.of(&told.rule, rule_lines);
        let origin = self.origins.of(&told.origin, |origin| origin_lines(origin, places));
        if self.files.len() >= KEPT_MAX {
            self.files.clear();
        }
        let id = told.evidence.0;
        let file = self.files.entry(id).or_insert_with(|| {
            let path = places.file(id).0;
            // Of a record without copies; those of a record with some are made each time.
            let own =
                if places.has_copies(told) { String::new() } else { json!(places.of(told)).to_string() };
            FileLines {
                path: format!(",\"path\":{},\"places\":", json!(path)),
                places: own,
                field: field(path),
            }
        });
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(rule.head.as_bytes());
        match told.time {
            Some(time) => write!(line, ",\"time\":\"{time}\"")?,
            None => line.extend_from_slice(b",\"time\":null"),
        }
        line.extend_from_slice(origin.json.as_bytes());
        match told.event_code {
            Some(code) => write!(line, ",\"event_code\":{code}")?,
            None => line.extend_from_slice(b",\"event_code\":null"),
        }
        write!(line, ",\"record\":{},\"evidence_id\":\"E-{id}\"", told.record)?;
        line.extend_from_slice(file.path.as_bytes());
        if file.places.is_empty() || places.has_copies(told) {
            serde_json::to_writer(&mut *line, &places.of(told))?;
        } else {
            line.extend_from_slice(file.places.as_bytes());
        }
        line.extend_from_slice(rule.tail.as_bytes());
        write!(line, ",\"offset\":{},\"record_hash\":\"", told.offset)?;
        if let Some(hash) = told.record_hash {
            push_hex(line, &hash);
        }
        line.extend_from_slice(b"\",");
        line.extend_from_slice(told.tale.members().as_bytes());
        line.extend_from_slice(b"}\n");
        let host = Arc::clone(&origin.host);
        out.write_all(line)?;
        Ok(host)
    }

    /// What the timeline shows of a detection; [`Lines::json`] came before.
    pub(super) fn timeline<'l>(&'l mut self, told: &'l Told, places: &mut Places<'_>) -> Line<'l> {
        let rule = self.rules.of(&told.rule, rule_lines);
        let origin = self.origins.of(&told.origin, |origin| origin_lines(origin, places));
        Line {
            time: told.time,
            title: &rule.title,
            level: told.rule.level,
            host: &origin.host_field,
            channel: &origin.channel_field,
            event_code: told.event_code,
            attack: &rule.attack,
            record: told.record,
            details: told.tale.shown(details_field),
            rule_id: &rule.id,
            evidence: told.evidence,
            path: self.files.get(&told.evidence.0).map_or("", |file| &file.field),
        }
    }
}

fn rule_lines(rule: &RuleText) -> RuleLines {
    RuleLines {
        head: format!(
            "{{\"rule_id\":{},\"rule_title\":{},\"level\":{}",
            json!(rule.id),
            json!(rule.title),
            json!(rule.level)
        ),
        tail: format!(",\"attack\":{},\"status\":{}", json!(rule.attack), json!(rule.status)),
        id: field(&rule.id),
        title: field(&rule.title),
        attack: attack_field(&rule.attack),
    }
}

fn origin_lines(origin: &Origin, places: &mut Places<'_>) -> OriginLines {
    let host = places.host(&origin.host);
    let channel = if origin.channel.is_empty() { &origin.dataset } else { &origin.channel };
    OriginLines {
        json: format!(
            ",\"host\":{},\"dataset\":{},\"channel\":{}",
            json!(&*host),
            json!(origin.dataset),
            json!(origin.channel)
        ),
        host_field: field(&host),
        channel_field: field(channel),
        host,
    }
}

fn push_hex(line: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    line.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}
