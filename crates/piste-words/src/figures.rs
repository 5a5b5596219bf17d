//! Figures, and what a message chooses its words by.
//!
//! In: numbers and records of a reason. Out: functions for messages (`GROUPED`, `SIGNED`, `TWO`), and for a few records a name of
//! their shape, so that a file of a language needs no arithmetic.

use fluent_bundle::{FluentBundle, FluentResource, FluentValue};
use serde_json::{Map, Value};

/// Adds the functions.
pub(crate) fn add(bundle: &mut FluentBundle<FluentResource>, thousands: String) {
    // A name that stands twice is the only error, and these stand once.
    let _ = bundle.add_function("GROUPED", move |given, _| number(given, |text| grouped(text, &thousands)));
    let _ = bundle.add_function("SIGNED", |given, _| {
        number(given, |text| if text.starts_with('-') { text.to_owned() } else { format!("+{text}") })
    });
    let _ = bundle.add_function("TWO", |given, _| number(given, |text| format!("{text:0>2}")));
}

fn number(given: &[FluentValue<'_>], write: impl Fn(&str) -> String) -> FluentValue<'static> {
    match given.first() {
        Some(FluentValue::Number(number)) => FluentValue::from(write(&number.as_string())),
        Some(FluentValue::String(text)) => FluentValue::from(text.clone().into_owned()),
        _ => FluentValue::Error,
    }
}

/// `2,776`.
fn grouped(digits: &str, between: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push_str(between);
        }
        text.push(digit);
    }
    text
}

/// Names of shapes, by the message that chooses by them.
pub(crate) fn hints(id: &str, values: &Map<String, Value>) -> Vec<(&'static str, FluentValue<'static>)> {
    let figure = |name: &str| values.get(name).and_then(Value::as_u64).unwrap_or_default();
    let alike =
        |one: &str, other: &str| FluentValue::from((values.get(one) == values.get(other)).to_string());
    let there = |name: &str| values.get(name).is_some_and(|value| !value.is_null());
    let count = |name: &str| values.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    match id {
        "part-days" => {
            let shape = match (figure("days"), figure("of")) {
                (_, 0 | 1) => "moment",
                (days, of) if days >= of => "whole",
                (1, _) => "one",
                _ => "some",
            };
            vec![
                ("shape", FluentValue::from(shape)),
                ("same", alike("first", "last")),
                ("named", FluentValue::from(count("gaps"))),
            ]
        }
        "page-sizes" => vec![
            ("sent_alike", alike("sent_least", "sent_most")),
            ("received_alike", alike("received_least", "received_most")),
            ("both", FluentValue::from((there("sent_least") && there("received_least")).to_string())),
        ],
        "page-not-seen" => {
            let is = |name: &str| values.get(name).and_then(Value::as_bool).unwrap_or_default();
            let seen = match (is("written"), is("compiled")) {
                (true, _) => "written",
                (false, true) => "compiled",
                (false, false) => "requests",
            };
            vec![("seen", FluentValue::from(seen))]
        }
        "host-stated" => {
            let single = count("files") == 1 && figure("more") == 0;
            vec![("single", FluentValue::from(single.to_string()))]
        }
        "counted" => {
            // One moment is told as a moment.
            let once = values.get("first") == values.get("last");
            vec![("no_last", FluentValue::from(if once || !there("last") { "yes" } else { "no" }))]
        }
        _ => Vec::new(),
    }
}
