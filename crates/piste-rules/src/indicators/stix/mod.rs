//! STIX 2.0 and 2.1: a bundle, a TAXII envelope, or one object.
//!
//! In: JSON. Out: the patterns of its `indicator` objects, with their name, dates, confidence and marking. The bundle is
//! passed through object by object, twice: the first time for the markings that it defines itself, so that its length costs
//! little memory beside its bytes.

mod lower;
mod pattern;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::about::{About, Tlp, moment};
use super::read::{Element, each_object};
use super::sink::{Fault, Place, Sink};

/// What is read of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    pattern: Option<String>,
    pattern_type: Option<String>,
    name: Option<String>,
    description: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    confidence: Option<u8>,
    revoked: bool,
    indicator_types: Vec<String>,
    #[serde(rename = "object_marking_refs")]
    marking_refs: Vec<String>,
    definition: Value,
    extensions: Value,
}

/// Reads a file.
pub(super) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), serde_json::Error> {
    let mut markings: BTreeMap<String, Tlp> = BTreeMap::new();
    // Where it breaks off, the second time tells.
    let _ = each_object(bytes, "objects", &mut |object: Element<Object>| {
        if let Ok(object) = object
            && object.kind == "marking-definition"
            && let Some(tlp) = tlp_of(&object)
        {
            markings.insert(object.id, tlp);
        }
    });
    each_object(bytes, "objects", &mut |object: Element<Object>| match object {
        Ok(object) if object.kind == "indicator" => indicator(&object, &markings, sink),
        Ok(_) => {}
        Err((why, value)) => {
            let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("type") == "indicator" {
                let place = Place { line: 0, id: Some(text("id")), about: Arc::default() };
                sink.fault(Fault::NotUnderstood, &place, &format!("it is not as STIX has it: {why}"));
            }
        }
    })
}

fn tlp_of(object: &Object) -> Option<Tlp> {
    let extensions = object.extensions.as_object().into_iter().flat_map(serde_json::Map::values);
    let words = std::iter::once(&object.definition).chain(extensions);
    words
        .flat_map(|one| [one.get("tlp"), one.get("tlp_2_0")])
        .flatten()
        .find_map(|word| word.as_str().and_then(Tlp::parse))
}

fn indicator(object: &Object, markings: &BTreeMap<String, Tlp>, sink: &mut Sink) {
    let marking = |id: &String| Tlp::of_marking(id).or_else(|| markings.get(id).copied());
    let mut about = About {
        tlp: object.marking_refs.iter().filter_map(marking).max(),
        valid_from: object.valid_from.as_deref().and_then(moment),
        valid_until: object.valid_until.as_deref().and_then(moment),
        confidence: object.confidence.filter(|value| *value <= 100),
        text: None,
    };
    about.say(object.name.as_deref().or(object.description.as_deref()).unwrap_or_default());
    let place = Place { line: 0, id: Some(&object.id), about: Arc::new(about) };
    if object.revoked {
        return sink.fault(Fault::NotMeant, &place, "its source has revoked it");
    }
    if object.indicator_types.iter().any(|one| one == "benign") {
        return sink.fault(Fault::NotMeant, &place, "its source calls it benign");
    }
    let language = object.pattern_type.as_deref().unwrap_or("stix");
    if language != "stix" {
        let what = format!("its pattern is written in `{language}`");
        return sink.fault(Fault::NotSupported, &place, &what);
    }
    let Some(pattern) = &object.pattern else {
        return sink.fault(Fault::BadPattern, &place, "it has no pattern");
    };
    match pattern::parse(pattern) {
        Err(error) => sink.fault(Fault::BadPattern, &place, &error),
        Ok(parsed) => match lower::alternatives(&parsed) {
            Ok(expressions) => {
                for expression in expressions {
                    sink.expression(expression, &place);
                }
            }
            Err((fault, why)) => sink.fault(fault, &place, &why),
        },
    }
}
