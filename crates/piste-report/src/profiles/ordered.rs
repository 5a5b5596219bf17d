//! JSON objects whose keys stay in the order in which they were put.
//!
//! In: names and values. Out: something that serde writes in that order, which other tools' readers and people expect.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// A value of an [`Object`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Leaf(Value),
    Object(Object),
}

/// Keys and values, each key once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object(Vec<(String, Node)>);

impl Object {
    /// Adds a value; a second value under the same name makes an array of both.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let Some((_, node)) = self.0.iter_mut().find(|(known, _)| known == name) else {
            self.0.push((name.to_owned(), Node::Leaf(value)));
            return;
        };
        match node {
            Node::Leaf(Value::Array(values)) => values.push(value),
            Node::Leaf(first) => {
                *first = Value::Array(vec![first.take(), value]);
            }
            Node::Object(_) => {} // a name of ours: what evidence says under it has no place
        }
    }

    /// Adds an object; where the name is taken, it is left out.
    pub(super) fn put_object(&mut self, name: &str, object: Self) {
        if !self.has(name) {
            self.0.push((name.to_owned(), Node::Object(object)));
        }
    }

    /// Whether a value has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// On one line.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // names are text, so this cannot fail
    }

    /// Over several lines, with four blanks a level.
    pub(super) fn pretty(&self) -> String {
        let mut text = Vec::new();
        let form = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let written = self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, form));
        debug_assert!(written.is_ok(), "names are text");
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for (name, node) in &self.0 {
            match node {
                Node::Leaf(value) => map.serialize_entry(name, value)?,
                Node::Object(object) => map.serialize_entry(name, object)?,
            }
        }
        map.end()
    }
}

/// A field's text as a value: a number where the text is how JSON would write that number, else the text.
pub(super) fn scalar(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}
