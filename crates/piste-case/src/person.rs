//! Who did it: the `by` of an entry that a person made.
//!
//! In: a name and, where the person has one, a key. Out: `"by": {"name", "key", "signature"}` in the entry's body; without
//! a key only the name, which anyone could have typed and which is therefore shown as unsigned.
//!
//! The signature is over the text `piste entry 1`, a line feed, and the canonical JSON of the entry's `at`, `body` (with
//! `by` but without `by.signature`), `kind`, `prev` and `seq`. `prev` binds it to this place of this ledger.

use piste_model::Instant;
use serde_json::{Map, Value, json};

use crate::canonical;
use crate::key::{PublicKey, SecretKey};
use crate::ledger::Entry;

/// Field of a body that says who.
pub const BY: &str = "by";
const SIGNATURE: &str = "signature";

/// Who makes an entry.
#[derive(Debug, Clone)]
pub struct Person {
    /// As it is shown.
    pub name: String,
    /// To sign with.
    pub key: Option<SecretKey>,
}

/// What an entry says of who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Piste itself, in the course of a command.
    Piste,
    /// A name without a signature.
    Unsigned {
        /// As typed.
        name: String,
    },
    /// A signature that holds.
    Signed {
        /// As the entry says.
        name: String,
        /// Public key, 64 hex digits.
        key: String,
    },
    /// A signature that does not hold.
    Wrong {
        /// As the entry says.
        name: String,
    },
}

/// Puts `by` into `body` and signs it, for an entry that will stand at `seq` after `prev`.
pub(crate) fn sign(
    body: Value,
    person: &Person,
    kind: &str,
    at: Instant,
    (prev, seq): (&str, u64),
) -> Result<Value, String> {
    let Value::Object(mut body) = body else {
        return Err("the body of a person's entry is an object".to_owned());
    };
    let mut by = Map::new();
    by.insert("name".to_owned(), json!(person.name));
    if let Some(key) = &person.key {
        by.insert("key".to_owned(), json!(key.public().hex()));
    }
    body.insert(BY.to_owned(), Value::Object(by));
    let mut body = Value::Object(body);
    if let Some(key) = &person.key {
        let signature = key.sign(message(&body, kind, at, prev, seq)?.as_bytes());
        if let Some(by) = body.get_mut(BY).and_then(Value::as_object_mut) {
            by.insert(SIGNATURE.to_owned(), json!(signature));
        }
    }
    Ok(body)
}

/// The name of the person who made an entry with this body.
pub fn name_in(body: &Value) -> Option<&str> {
    let by = body.get(BY)?;
    by.as_str().or_else(|| by.get("name")?.as_str()).filter(|name| !name.is_empty())
}

/// The body with the person's name alone in place of name, key and signature, as those read it who only ask who it was.
pub(crate) fn named(body: &Value) -> Value {
    let mut body = body.clone();
    let name = name_in(&body).map(str::to_owned);
    if let (Some(name), Some(fields)) = (name, body.as_object_mut()) {
        fields.insert(BY.to_owned(), json!(name));
    }
    body
}

/// Whether the entry is signed, and the signature holds.
pub fn is_signed(entry: &Entry) -> bool {
    matches!(origin(entry), Origin::Signed { .. })
}

/// Who made this entry, and whether the signature holds.
pub fn origin(entry: &Entry) -> Origin {
    if let Some(checked) = &entry.checked.0 {
        return checked.clone();
    }
    let Some(by) = entry.body.get(BY) else { return Origin::Piste };
    if let Some(name) = by.as_str() {
        return Origin::Unsigned { name: name.to_owned() };
    }
    let text = |field: &str| by.get(field).and_then(Value::as_str);
    let name = text("name").unwrap_or_default().to_owned();
    let (key, signature) = match (text("key"), text(SIGNATURE)) {
        (None, None) => return Origin::Unsigned { name },
        (Some(key), Some(signature)) => (key, signature),
        _ => return Origin::Wrong { name },
    };
    let mut body = entry.body.clone();
    if let Some(by) = body.get_mut(BY).and_then(Value::as_object_mut) {
        by.remove(SIGNATURE);
    }
    let message = message(&body, &entry.kind, entry.at, &entry.prev, entry.seq);
    let public = PublicKey::of(&name, key);
    match (message, public) {
        (Ok(message), Some(public)) if public.holds(message.as_bytes(), signature) => {
            Origin::Signed { name, key: key.to_owned() }
        }
        _ => Origin::Wrong { name },
    }
}

fn message(body: &Value, kind: &str, at: Instant, prev: &str, seq: u64) -> Result<String, String> {
    let mut text = String::from("piste entry 1\n");
    let entry = json!({"at": at.to_string(), "body": body, "kind": kind, "prev": prev, "seq": seq});
    canonical::write(&entry, &mut text)?;
    Ok(text)
}
