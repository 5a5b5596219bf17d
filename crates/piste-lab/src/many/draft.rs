//! One event while it is being told, in memory that is used again for the next.
//!
//! In: values in the order of the kind's fields. Out: the same values for a writer.

use std::ops::Range;

use crate::evtx::{Guid, Kind, Sid, Value};

/// A value; texts lie in the draft's own text.
#[derive(Debug, Clone)]
enum Held {
    Text(Range<usize>),
    Other(Value<'static>),
}

/// An event being told.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    text: String,
    held: Vec<Held>,
}

impl Draft {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, text: String::with_capacity(16_384), held: Vec::with_capacity(32) }
    }

    /// Forgets the last event and begins one of this kind.
    pub(super) fn begin(&mut self, kind: Kind) {
        self.kind = kind;
        self.text.clear();
        self.held.clear();
    }

    pub(super) fn text(&mut self, text: &str) {
        self.compose(|out| out.push_str(text));
    }

    /// A text that is put together in place.
    pub(super) fn compose(&mut self, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        self.held.push(Held::Text(start..self.text.len()));
    }

    pub(super) fn texts(&mut self, texts: &[&str]) {
        for text in texts {
            self.text(text);
        }
    }

    pub(super) fn value(&mut self, value: Value<'static>) {
        self.held.push(Held::Other(value));
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.value(Value::U32(number));
    }

    pub(super) fn hex(&mut self, number: u64) {
        self.value(Value::Hex64(number));
    }

    pub(super) fn guid(&mut self, guid: Guid) {
        self.value(Value::Guid(guid));
    }

    pub(super) fn sid(&mut self, sid: Sid) {
        self.value(Value::Sid(sid));
    }

    /// The values in order.
    pub(super) fn values(&self) -> impl Iterator<Item = Value<'_>> + Clone {
        self.held.iter().map(|held| match held {
            Held::Text(range) => Value::Text(self.text.get(range.clone()).unwrap_or_default()),
            Held::Other(value) => *value,
        })
    }
}
