//! The `Data` of Exchange's admin audit log: one JSON object a row.
//!
//! In: the object as text. Out: its members as fields (`ObjectId`, `UserId`, `OriginatingServer` ...), and its list of
//! parameters as one text as a person would type it: `-Mailbox "a" -FilePath "b"`. The names are those of the rows that
//! stand in Windows' log of cmdlets, so that one rule reads both.

use piste_model::schema::Role;
use serde_json::Value;

use crate::fields::Fields;

/// Adds the members of `data` that the row does not say already; text that is no object adds nothing.
pub(super) fn unpack(data: &str, fields: &mut Fields) {
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(data) else { return };
    for (name, value) in &members {
        let text = match (name.as_str(), value) {
            ("Parameters", Value::Array(list)) => parameters(list),
            (_, Value::String(text)) => text.clone(),
            (_, Value::Null) => continue,
            (_, value) => value.to_string(),
        };
        if fields.get(name) != Some(&text) {
            fields.push(name, &text, Role::Data);
        }
    }
}

fn parameters(list: &[Value]) -> String {
    let mut text = String::new();
    for one in list {
        let word = |key: &str| match one.get(key) {
            Some(Value::String(word)) => word.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(["-", &word("Name"), " \"", &word("Value"), "\""]);
    }
    text
}
