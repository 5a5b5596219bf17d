//! JSON lines that Timesketch imports as they are.
//!
//! In: a hit. Out: `message`, `datetime` and `timestamp_desc`, which Timesketch demands, `tag`, and every field of the
//! event. Timesketch does not index the keyword of a value over 32,766 bytes: longer ones are cut.

use piste_model::Instant;

use super::HitRow;
use super::columns::{details, joined};
use super::ordered::Object;
use crate::escape::ELLIPSIS;
use crate::timeline::TIMESTAMP_DESC;

/// Longest value in bytes.
const MAX_VALUE: usize = 32_000;

/// The hit as an object; `None` without a time, since it has no place on a timeline.
pub(super) fn object(row: &HitRow<'_>) -> Option<Object> {
    let detection = row.detection;
    let time = detection.time?;
    let mut object = Object::default();
    let message = format!(
        "{} ({}) on {}: {}",
        detection.rule_title,
        detection.level,
        detection.host,
        joined(&details(row))
    );
    object.put("message", cut(message));
    object.put("datetime", Instant { digits: 6, ..time }.to_string());
    object.put("timestamp_desc", TIMESTAMP_DESC);
    object.put("tag", detection.attack.clone());
    object.put("rule_title", detection.rule_title.as_str());
    object.put("rule_id", detection.rule_id.as_str());
    object.put("level", detection.level.as_str());
    object.put("computer", detection.host.as_str());
    let channel = if detection.channel.is_empty() { &detection.dataset } else { &detection.channel };
    object.put("channel", channel.as_str());
    object.put("event_id", detection.event_code);
    object.put("record_id", detection.record);
    object.put("evidence_id", detection.evidence_id.to_string());
    object.put("path", detection.path.as_str());
    let details = detection.details.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = row.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<(&str, &str)> = if row.fields.is_empty() { details.collect() } else { fields.collect() };
    for (name, value) in all {
        // A field that is called as one of ours would end that one's meaning; `timestamp` Timesketch keeps for itself.
        let taken = object.has(name) || name == "timestamp";
        let name = if taken { format!("field_{name}") } else { name.to_owned() };
        object.put(&name, cut(value.to_owned())); // always text: an index takes one type a field
    }
    Some(object)
}

/// The text, cut at [`MAX_VALUE`] bytes.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > MAX_VALUE {
        text.truncate(text.floor_char_boundary(MAX_VALUE));
        text.push(ELLIPSIS);
    }
    text
}
