//! Reasons put into words.
//!
//! In: a [`Reason`] as data. Out: its sentence in a language. Each language is one file of messages (`locales/LANG/reasons.ftl`): a
//! kind's slug names its message, its values are the message's variables. Code that judges knows none of these words, so a new
//! language is a new file.

#![deny(clippy::indexing_slicing)]

mod figures;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use piste_model::reason::Reason;
use piste_model::{Door, EvidenceId};
use serde_json::{Map, Value};
use unic_langid::LanguageIdentifier;

/// The messages in English.
const ENGLISH: &str = include_str!("../locales/en/reasons.ftl");
/// Records within records that are put into words.
const DEPTH_MAX: usize = 6;

/// The words of one language.
pub struct Words(FluentBundle<FluentResource>);

impl Words {
    /// English.
    pub fn english() -> Self {
        let language: LanguageIdentifier = "en".parse().unwrap_or_default();
        // What cannot be read is left out, and a test says so.
        let resource = FluentResource::try_new(ENGLISH.to_owned()).unwrap_or_else(|(read, _)| read);
        let mut bundle = FluentBundle::new(vec![language]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        let thousands = message(&bundle, "thousands", None).unwrap_or_default();
        figures::add(&mut bundle, thousands);
        Self(bundle)
    }

    /// The sentence of a reason; a step names its time, its log and its row.
    pub fn sentence(&self, reason: &Reason) -> String {
        serde_json::to_value(reason)
            .map_or_else(|_| reason.kind.slug().to_owned(), |value| self.told(&value, 0))
    }

    /// Fills in the sentences of a door from its reasons.
    pub fn put(&self, door: &mut Door) {
        let words = |against: bool| {
            let chosen = door.reasons.iter().filter(|reason| reason.against == against);
            chosen.map(|reason| self.sentence(reason)).collect::<Vec<String>>()
        };
        let (why, against) = (words(false), words(true));
        door.why = why;
        door.against = against;
        door.missing = door.settle.iter().map(|reason| self.sentence(reason)).collect();
    }

    /// A reason, or a bare kind, as it is serialised.
    fn told(&self, reason: &Value, depth: usize) -> String {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(slug) = text(reason, "reason") else { return String::new() };
        let empty = Map::new();
        let values = reason.get("values").and_then(Value::as_object).unwrap_or(&empty);
        let what = self.said(&slug, values, depth).unwrap_or_else(|| bare(&slug, values));
        let Some(witness) = reason.get("witness").and_then(Value::as_object) else { return what };
        let mut frame = witness.clone();
        let time = text(reason, "time").or_else(|| message(&self.0, "no-time", None)).unwrap_or_default();
        let row = reason.get("rows").and_then(|rows| rows.get(0));
        let evidence = row.and_then(|row| text(row, "evidence_id"));
        let record = row.and_then(|row| row.get("record")).map(ToString::to_string);
        for (name, value) in [
            ("time", time),
            ("what", what),
            ("evidence", evidence.unwrap_or_else(|| EvidenceId(0).to_string())),
            ("record", record.unwrap_or_default()),
        ] {
            frame.insert(name.to_owned(), Value::String(value));
        }
        self.said("step", &frame, depth).unwrap_or_default()
    }

    /// A message with these values; `None` where the language has none of that name.
    fn said(&self, id: &str, values: &Map<String, Value>, depth: usize) -> Option<String> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            let missing = matches!(value, Value::Null) || value.as_array().is_some_and(Vec::is_empty);
            arguments.set(format!("no_{name}"), if missing { "yes" } else { "no" });
            arguments.set(name.clone(), self.value(name, value, depth));
        }
        for (name, value) in figures::hints(id, values) {
            arguments.set(name, value);
        }
        message(&self.0, id, Some(&arguments))
    }

    fn value(&self, name: &str, value: &Value, depth: usize) -> FluentValue<'static> {
        match value {
            Value::Null => FluentValue::from(String::new()),
            Value::Bool(yes) => FluentValue::from(yes.to_string()),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| FluentValue::from(number.as_f64().unwrap_or_default()), FluentValue::from),
            Value::String(text) => FluentValue::from(text.clone()),
            Value::Object(map) if map.contains_key("reason") => {
                FluentValue::from(self.told(value, depth + 1))
            }
            Value::Object(map) => FluentValue::from(self.part(&format!("part-{name}"), map, depth)),
            Value::Array(items) => {
                let each = items.iter().map(|item| match item {
                    Value::Object(map) => self.part(&format!("item-{name}"), map, depth),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                let between = message(&self.0, &format!("list-{name}"), None)
                    .or_else(|| message(&self.0, "list", None))
                    .unwrap_or_default();
                FluentValue::from(each.collect::<Vec<String>>().join(&between))
            }
        }
    }

    fn part(&self, id: &str, values: &Map<String, Value>, depth: usize) -> String {
        self.said(id, values, depth + 1).unwrap_or_else(|| bare(id, values))
    }
}

/// A message of a bundle; `None` where it has none of that name.
fn message(
    bundle: &FluentBundle<FluentResource>,
    id: &str,
    arguments: Option<&FluentArgs<'_>>,
) -> Option<String> {
    let pattern = bundle.get_message(id)?.value()?;
    let mut errors = Vec::new();
    Some(bundle.format_pattern(pattern, arguments, &mut errors).into_owned())
}

/// What is shown where a language lacks a message: nothing is lost, though it reads badly.
fn bare(slug: &str, values: &Map<String, Value>) -> String {
    if values.is_empty() { slug.to_owned() } else { format!("{slug} {}", Value::Object(values.clone())) }
}

#[cfg(test)]
mod tests;
