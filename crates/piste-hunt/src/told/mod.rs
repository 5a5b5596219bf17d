//! Detections as a unit's hunt keeps them.
//!
//! In: matches of rules on rows. Out: each match in a few numbers; what its rule says, where its log comes from and what its
//! row tells are shared by all matches that say the same. Whole [`Detection`]s are made of them only where one is asked for:
//! of a hundred thousand matches most differ in time and place alone.

mod file;
mod teller;

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use piste_model::hash::hex;
use piste_model::{Detection, Entities, EvidenceId, Instant, Level};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use file::{Interner, Reader, Writer};
pub use teller::Teller;

/// What a detection says of its rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleText {
    /// The rule's UUID, else its title.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// Its status.
    pub status: String,
}

/// The log that a row comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Computer that the record names; empty if it names none.
    pub host: String,
    /// Dataset of the row.
    pub dataset: String,
    /// Windows channel; empty elsewhere.
    pub channel: String,
}

/// What a row tells a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// The account that acted.
    pub actor: Option<String>,
    /// The executable that acted.
    pub acting_process: Option<String>,
    /// Who and what it is about.
    pub entities: Entities,
    /// Its telling fields.
    pub details: BTreeMap<String, String>,
}

/// A [`Telling`] as it is stored, read only where it is needed.
#[derive(Debug)]
pub struct Tale {
    serial: u64,
    json: Box<str>,
    telling: OnceLock<Telling>,
    shown: OnceLock<Box<str>>,
}

impl Tale {
    fn of_json(json: &str) -> Self {
        static SERIALS: AtomicU64 = AtomicU64::new(0);
        // Serials tell tales apart within a run; they are in nothing that is written.
        let serial = SERIALS.fetch_add(1, Ordering::Relaxed);
        Self { serial, json: json.into(), telling: OnceLock::new(), shown: OnceLock::new() }
    }

    fn of(telling: &Telling) -> Self {
        Self::of_json(&serde_json::to_string(telling).unwrap_or_else(|_| "{}".to_owned()))
    }

    /// Another number for each tale of a run: the same number is the same tale.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The members of the JSON object that a detection ends with: `"actor":...,"details":{...}`.
    pub fn members(&self) -> &str {
        self.json.strip_prefix('{').and_then(|json| json.strip_suffix('}')).unwrap_or_default()
    }

    /// What it tells. What is stored was written by this program and is under a checksum; anything else tells nothing.
    pub fn telling(&self) -> &Telling {
        self.telling.get_or_init(|| serde_json::from_str(&self.json).unwrap_or_default())
    }

    /// A form of the details that is made once.
    pub fn shown(&self, make: impl FnOnce(&BTreeMap<String, String>) -> String) -> &str {
        self.shown.get_or_init(|| make(&self.telling().details).into())
    }
}

/// Tales are found by their text.
#[derive(Debug, Clone)]
struct ByText(Arc<Tale>);

impl std::borrow::Borrow<str> for ByText {
    fn borrow(&self) -> &str {
        &self.0.json
    }
}

impl Hash for ByText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.json.hash(state);
    }
}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.0.json == other.0.json
    }
}

impl Eq for ByText {}

/// One (rule, event) match.
#[derive(Debug, Clone)]
pub struct Told {
    /// The rule.
    pub rule: Arc<RuleText>,
    /// The log.
    pub origin: Arc<Origin>,
    /// What the row tells.
    pub tale: Arc<Tale>,
    /// When; `None` where its time cannot be read.
    pub time: Option<Instant>,
    /// Event id, for sources that have one.
    pub event_code: Option<i32>,
    /// Record id or line number.
    pub record: i64,
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
    /// First bytes of the hash of the record's bytes, where it has one.
    pub record_hash: Option<[u8; 16]>,
}

impl Told {
    /// The order of detections wherever they are listed: by time, then place, then rule.
    pub fn order(&self) -> (Option<Instant>, u32, u64, i64, &str) {
        (self.time, self.evidence.0, self.offset, self.record, &self.rule.id)
    }

    /// 32 hex digits, or nothing.
    pub fn hash_text(&self) -> String {
        self.record_hash.map(|hash| hex(&hash)).unwrap_or_default()
    }

    /// The whole detection; `path` is the locator of its evidence and its only place.
    pub fn detection(&self, path: &str) -> Detection {
        let Self { rule, origin, tale, .. } = self;
        let telling = tale.telling().clone();
        Detection {
            rule_id: rule.id.clone(),
            rule_title: rule.title.clone(),
            level: rule.level,
            time: self.time,
            host: origin.host.clone(),
            dataset: origin.dataset.clone(),
            channel: origin.channel.clone(),
            event_code: self.event_code,
            record: self.record,
            evidence_id: self.evidence,
            path: path.to_owned(),
            places: vec![path.to_owned()],
            attack: rule.attack.clone(),
            status: rule.status.clone(),
            offset: self.offset,
            record_hash: self.hash_text(),
            actor: telling.actor,
            acting_process: telling.acting_process,
            entities: telling.entities,
            details: telling.details,
        }
    }

    /// Of a whole detection; its path and places are left out, since the evidence's id gives them.
    pub fn of(detection: Detection) -> Self {
        let record_hash = unhex(&detection.record_hash);
        let telling = Telling {
            actor: detection.actor,
            acting_process: detection.acting_process,
            entities: detection.entities,
            details: detection.details,
        };
        Self {
            rule: Arc::new(RuleText {
                id: detection.rule_id,
                title: detection.rule_title,
                level: detection.level,
                attack: detection.attack,
                status: detection.status,
            }),
            origin: Arc::new(Origin {
                host: detection.host,
                dataset: detection.dataset,
                channel: detection.channel,
            }),
            tale: Arc::new(Tale::of(&telling)),
            time: detection.time,
            event_code: detection.event_code,
            record: detection.record,
            evidence: detection.evidence_id,
            offset: detection.offset,
            record_hash,
        }
    }
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut hash = [0; 16];
    if text.len() != 2 * hash.len() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}
