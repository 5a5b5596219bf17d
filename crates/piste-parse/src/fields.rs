//! One record's fields, in an arena that is used again for the next.
//!
//! In: names and values as a parser meets them. Out: spans over one text buffer, so that a record costs no allocation
//! once the arena has grown to the size of the largest.

use std::ops::Range;

use piste_model::schema::Role;

/// One field: where its name and value lie in the arena.
#[derive(Debug, Clone)]
struct Span {
    name: Range<usize>,
    value: Range<usize>,
    role: Role,
}

/// What becomes of a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewName {
    /// It stays.
    Same,
    /// It loses this many bytes at its front.
    Without(usize),
    /// Another takes its place.
    Other(&'static str),
}

/// The fields of one record, and its list of unnamed or repeated `Data`.
#[derive(Debug, Default)]
pub struct Fields {
    text: String,
    spans: Vec<Span>,
    data: Vec<Range<usize>>,
    /// Values that were left out.
    left_out: u64,
}

impl Fields {
    /// The most fields of one record; what comes after is left out and counted.
    pub const MAX: usize = 4_096;

    /// Forgets the record, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.data.clear();
        self.left_out = 0;
    }

    /// Adds a field; false when the record has too many.
    pub fn push(&mut self, name: &str, value: &str, role: Role) -> bool {
        if self.spans.len() >= Self::MAX {
            self.leave_out();
            return false;
        }
        let name = self.store(name);
        let value = self.store(value);
        self.spans.push(Span { name, value, role });
        true
    }

    /// Counts a value that the record has and that is not taken in.
    pub(crate) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Values of this record that were left out.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Gives fields the name and role that `column` says; a name may be cut at its front or be replaced.
    pub(crate) fn rename(&mut self, column: impl Fn(&str) -> (NewName, Role)) {
        for span in &mut self.spans {
            let (name, role) = column(self.text.get(span.name.clone()).unwrap_or_default());
            span.role = role;
            match name {
                NewName::Same => {}
                NewName::Without(head) => span.name.start = (span.name.start + head).min(span.name.end),
                NewName::Other(name) => {
                    let start = self.text.len();
                    self.text.push_str(name);
                    span.name = start..self.text.len();
                }
            }
        }
    }

    /// Takes the first field of this name out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.iter().position(|(this, _, _)| this == name)?;
        let span = self.spans.remove(at);
        Some(self.slice(&span.value).to_owned())
    }

    /// Takes out the fields of which this is so, by name and value.
    pub(crate) fn drop_where(&mut self, meant: impl Fn(&str, &str) -> bool) {
        let slice = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        self.spans.retain(|span| !meant(slice(&span.name), slice(&span.value)));
    }

    /// Puts the header's fields first, then the event's own, then copies: the first of a name is the column.
    pub(crate) fn sort_by_role(&mut self) {
        self.spans.sort_by_key(|span| match span.role {
            Role::System => 0,
            Role::Data | Role::Message => 1,
            Role::Copy => 2,
        });
    }

    /// Adds one element of the list `Data`.
    pub fn push_data(&mut self, value: &str) -> bool {
        if self.data.len() >= Self::MAX {
            self.leave_out();
            return false;
        }
        let value = self.store(value);
        self.data.push(value);
        true
    }

    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(this, _, _)| *this == name).map(|(_, value, _)| value)
    }

    /// Fields in the order in which they were met: name, value, role.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, Role)> {
        self.spans.iter().map(|span| (self.slice(&span.name), self.slice(&span.value), span.role))
    }

    /// The list `Data` in order.
    pub fn data(&self) -> impl ExactSizeIterator<Item = &str> {
        self.data.iter().map(|range| self.slice(range))
    }

    fn store(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}
