//! A value held against a JSON schema, as far as `docs/schemas/` uses the language.
//!
//! In: schema and value. Out: every place where they do not agree, fields that the schema does not describe among them.

use regex::Regex;
use serde_json::Value;

/// Keywords that this knows; a schema that uses another fails its test.
const KNOWN: [&str; 13] = [
    "$schema",
    "title",
    "description",
    "type",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "enum",
    "pattern",
    "minimum",
    "format",
    "$defs",
];

/// What is wrong with `value`, at `place`.
pub(crate) fn faults(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, place, &mut found);
    found
}

fn check(schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        return found.push(format!("{place}: the schema is no object"));
    };
    for keyword in keywords.keys().filter(|keyword| !KNOWN.contains(&keyword.as_str())) {
        found.push(format!("{place}: keyword `{keyword}` is not known here"));
    }
    if let Some(types) = keywords.get("type")
        && !has_type(types, value)
    {
        return found.push(format!("{place}: {value} is not {types}"));
    }
    if let Some(allowed) = keywords.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        found.push(format!("{place}: {value} is none of {allowed:?}"));
    }
    if let (Some(minimum), Some(number)) = (keywords.get("minimum").and_then(Value::as_i64), value.as_i64())
        && number < minimum
    {
        found.push(format!("{place}: {number} is below {minimum}"));
    }
    if let Some(text) = value.as_str() {
        let pattern = keywords.get("pattern").and_then(Value::as_str);
        let time = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$";
        let pattern = pattern.or((keywords.get("format") == Some(&"date-time".into())).then_some(time));
        if pattern.is_some_and(|pattern| !Regex::new(pattern).expect("the pattern is one").is_match(text)) {
            found.push(format!("{place}: `{text}` does not fit {pattern:?}"));
        }
    }
    if let (Some(items), Some(values)) = (keywords.get("items"), value.as_array()) {
        for (at, value) in values.iter().enumerate() {
            check(items, value, &format!("{place}[{at}]"), found);
        }
    }
    if let Some(object) = value.as_object() {
        let required = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str).filter(|name| !object.contains_key(*name)) {
            found.push(format!("{place}: `{name}` is not there"));
        }
        for (name, value) in object {
            let described = keywords.get("properties").and_then(|properties| properties.get(name));
            match described.or(keywords.get("additionalProperties")) {
                Some(schema) => check(schema, value, &format!("{place}.{name}"), found),
                None => found.push(format!("{place}: `{name}` is not described")),
            }
        }
    }
}

fn has_type(types: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    match types {
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(one),
        name => name.as_str().is_some_and(one),
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["id", "n"],
        "properties": {
            "id": {"type": "string", "pattern": "^E-[0-9]+$"},
            "n": {"type": ["integer", "null"], "minimum": 0},
            "at": {"type": "string", "format": "date-time"},
            "of": {"type": "array", "items": {"enum": ["a", "b"]}},
        },
    });
    let check = |value: &str, expected: usize| {
        let value = serde_json::from_str(value).expect("it is JSON");
        let found = faults(&schema, &value, "x");
        assert_eq!(found.len(), expected, "{found:?}");
    };
    check(r#"{"id":"E-1","n":null,"at":"2021-03-14T01:40:12.987Z","of":["a","b"]}"#, 0);
    check(r#"{"id":"F-1","n":-1,"at":"2021-03-14 01:40","of":["c"]}"#, 4);
    check(r#"{"id":1,"m":1}"#, 3);
    check("[]", 1);
}
