//! MISP's JSON: events as exported, as the API answers, or as a feed holds them.
//!
//! In: JSON. Out: the attributes, those of objects too, that are meant for detection (`to_ids`), with the event's or their
//! own TLP, their comment and when they were seen. A composite type holds two values: `domain|ip` is both, each for itself;
//! `ip-dst|port` is the address with that port; of `filename|sha256` the hash is looked for, since it says
//! more, and the name is kept in its words.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::about::{About, Tlp, moment};
use super::kind::Hint;
use super::sink::{Fault, Place, Sink};
use super::{Kind, value};

/// What holds events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Holder {
    #[serde(rename = "Event")]
    event: Option<Event>,
    response: Option<Box<Many>>,
    #[serde(flatten)]
    bare: Event,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Many {
    List(Vec<Holder>),
    One(Box<Holder>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(deserialize_with = "plain")]
    info: String,
    #[serde(rename = "Tag", alias = "EventTag")]
    tags: Vec<Tag>,
    #[serde(rename = "Attribute")]
    attributes: Vec<Attribute>,
    #[serde(rename = "Object")]
    objects: Vec<Object>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(rename = "Attribute")]
    attributes: Vec<Attribute>,
    #[serde(deserialize_with = "plain")]
    deleted: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tag {
    #[serde(deserialize_with = "plain")]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    #[serde(rename = "type", deserialize_with = "plain")]
    kind: String,
    #[serde(deserialize_with = "plain")]
    value: String,
    #[serde(deserialize_with = "plain")]
    uuid: String,
    #[serde(deserialize_with = "plain")]
    comment: String,
    #[serde(deserialize_with = "plain")]
    to_ids: String,
    #[serde(deserialize_with = "plain")]
    deleted: String,
    #[serde(deserialize_with = "plain")]
    first_seen: String,
    #[serde(deserialize_with = "plain")]
    last_seen: String,
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

/// Any scalar as text; what is none is empty.
fn plain<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(input)? {
        Value::String(text) => text,
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    })
}

/// MISP's word for yes, in JSON and in CSV.
pub(super) fn yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes")
}

/// Reads a file.
pub(super) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), serde_json::Error> {
    let all: Many = serde_json::from_slice(bytes)?;
    many(&all, 0, sink);
    Ok(())
}

fn many(all: &Many, depth: usize, sink: &mut Sink) {
    let holders = match all {
        Many::List(list) => list.as_slice(),
        Many::One(one) => std::slice::from_ref(&**one),
    };
    for Holder { event: inner, response, bare } in holders {
        for one in inner.iter().chain([bare]) {
            event(one, sink);
        }
        if let Some(more) = response.as_ref().filter(|_| depth < 4) {
            many(more, depth + 1, sink);
        }
    }
}

fn tlp(tags: &[Tag]) -> Option<Tlp> {
    tags.iter().filter(|tag| tag.name.len() > 4).filter_map(|tag| Tlp::parse(&tag.name)).max()
}

fn event(event: &Event, sink: &mut Sink) {
    let of_event = tlp(&event.tags);
    let objects = event.objects.iter().filter(|object| !yes(&object.deleted));
    for attribute in event.attributes.iter().chain(objects.flat_map(|object| &object.attributes)) {
        let mut about = About {
            tlp: tlp(&attribute.tags).or(of_event),
            valid_from: moment(&attribute.first_seen),
            valid_until: moment(&attribute.last_seen),
            ..About::default()
        };
        let words = [event.info.trim(), attribute.comment.trim()];
        about.say(&words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": "));
        let id = (!attribute.uuid.is_empty()).then_some(attribute.uuid.as_str());
        let place = Place { line: 0, id, about: Arc::new(about) };
        if yes(&attribute.deleted) {
            continue;
        }
        if yes(&attribute.to_ids) {
            one(&attribute.kind, &attribute.value, &place, sink);
        } else {
            not_meant(&attribute.kind, &attribute.value, &place, sink);
        }
    }
}

/// Names a value that its source keeps for the record and not for detection.
pub(super) fn not_meant(kind: &str, value: &str, place: &Place<'_>, sink: &mut Sink) {
    let value: String = value.chars().take(100).collect();
    let what = format!("{kind} `{value}`: its source does not mean it for detection (to_ids)");
    sink.fault(Fault::NotMeant, place, &what);
}

/// An attribute of this type; a composite type and its value have a bar between their parts.
pub(super) fn one(kind: &str, text: &str, place: &Place<'_>, sink: &mut Sink) {
    let (Some((first_kind, second_kind)), Some((first, second))) =
        (kind.split_once('|'), text.split_once('|'))
    else {
        return sink.value(text, Hint::of(kind), place);
    };
    match (first_kind, second_kind) {
        ("filename" | "malware-sample", _) => match hash(second_kind) {
            // A hash that is not looked for leaves the name.
            Hint::Not => sink.value(first, Hint::Is(Kind::FileName), place),
            hint => sink.value(second, hint, &named(first, place)),
        },
        (_, "port") => {
            let host = value::read(first, Hint::of(first_kind)).ok().and_then(|host| match host.tests {
                super::Tests::One(test) => value::with_port(test, second),
                super::Tests::All(_) => None,
            });
            match host {
                Some(value) => sink.add(value, place),
                None => sink.fault(Fault::NotUnderstood, place, &format!("`{text}` is no {kind}")),
            }
        }
        ("domain" | "hostname", "ip") => {
            sink.value(first, Hint::Is(Kind::DomainName), place);
            sink.value(second, Hint::Address, place);
        }
        ("regkey", _) => sink.value(first, Hint::Is(Kind::WindowsRegistryKey), place),
        _ => sink.value(first, Hint::of(first_kind), place),
    }
}

/// The place of a hash, with what its file was called in its words.
fn named<'a>(name: &str, place: &Place<'a>) -> Place<'a> {
    let mut about = About::clone(&place.about);
    let words = [name.trim(), about.text.as_deref().unwrap_or_default()];
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ");
    about.say(&words);
    Place { about: Arc::new(about), ..place.clone() }
}

/// `malware-sample` does not say of what kind its hash is.
fn hash(kind: &str) -> Hint {
    match Hint::of(kind) {
        Hint::Any => Hint::Is(Kind::FileHash),
        hint => hint,
    }
}
