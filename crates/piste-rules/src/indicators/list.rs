//! A value a line.
//!
//! In: text; `#`, `;` and `//` begin remarks, and a hosts file's `0.0.0.0 evil.example` names the host. Out: the values.

use std::sync::Arc;

use super::kind::Hint;
use super::sink::{Place, Sink};
use super::{About, csv, value};

/// Reads a list.
pub(super) fn read(text: &str, sink: &mut Sink) {
    let about = Arc::new(About::default());
    for (line, text) in (1..).zip(text.lines()) {
        let text = without_remark(text);
        if text.is_empty() {
            continue;
        }
        let place = Place { line, id: None, about: Arc::clone(&about) };
        match value::read(text, Hint::Any) {
            Ok(value) => sink.add(value, &place),
            Err(_) => match cell(text) {
                Some(value) => sink.add(value, &place),
                None => sink.value(text, Hint::Any, &place),
            },
        }
    }
}

/// The first cell of a line of several that is a value.
fn cell(text: &str) -> Option<value::Value> {
    let cells = csv::cells(text, csv::delimiter_of(text)?);
    cells.iter().find_map(|cell| value::read(cell, Hint::Any).ok())
}

fn without_remark(text: &str) -> &str {
    let text = text.trim();
    if text.starts_with(['#', ';']) || text.starts_with("//") {
        return "";
    }
    let text = text.split(" #").next().unwrap_or_default().split("\t#").next().unwrap_or_default().trim();
    for sink in ["0.0.0.0", "127.0.0.1", "::1", "::"] {
        if let Some(host) = text.strip_prefix(sink).filter(|rest| rest.starts_with([' ', '\t'])) {
            return host.trim();
        }
    }
    text
}
