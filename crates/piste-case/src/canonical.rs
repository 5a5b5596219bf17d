//! Canonical JSON: one text for one value, so that a hash of the text is a hash of the value.
//!
//! In: a JSON value. Out: its text with keys sorted by their UTF-8 bytes, no spaces, the shortest escapes. Fractions are
//! refused, because two readers of one fraction may write it back differently; so is depth that a reader would refuse.

use serde_json::Value;

/// Deepest nesting that is written; `serde_json` reads 128 levels, and the entry around the body takes one.
pub(crate) const MAX_DEPTH: usize = 100;

/// Appends the canonical text of `value` to `out`; says what cannot be written.
pub(crate) fn write(value: &Value, out: &mut String) -> Result<(), String> {
    write_at(value, 0, out)
}

/// Appends `text` as a JSON string.
pub(crate) fn write_text(text: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c)); // writing to a String cannot fail
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn write_at(value: &Value, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => out.push_str(&number.to_string()),
        Value::Number(number) => {
            return Err(format!("{number} is not a whole number of 64 bits; write it as text"));
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_at(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // Sorted here too: whether serde_json's map sorts hangs on a feature that any crate may switch on.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (index, (name, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_at(item, depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: &Value, expected: Result<&str, &str>) {
        let mut text = String::new();
        let got = write(value, &mut text).map(|()| text);
        assert_eq!(got.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn keys_are_sorted_and_escapes_are_shortest() {
        check(
            &json!({"b": [1, -2, null, true], "a": {"z": "", "é": 1}}),
            Ok(r#"{"a":{"z":"","é":1},"b":[1,-2,null,true]}"#),
        );
        check(&json!("\"\\\n\u{1b}\u{7f}/é"), Ok("\"\\\"\\\\\\n\\u001b\u{7f}/é\""));
        check(&json!(u64::MAX), Ok("18446744073709551615"));
    }

    #[test]
    fn fractions_and_depth_are_refused() {
        check(&json!([0.5]), Err("0.5 is not a whole number of 64 bits; write it as text"));
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        check(&deep, Err("nested deeper than 100 levels"));
    }
}
