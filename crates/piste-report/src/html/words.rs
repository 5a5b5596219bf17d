//! Small pieces of the page that several sections write.
//!
//! In: values of the model. Out: escaped HTML. Whatever returns a `String` here can be put into the page as it is.

use piste_model::{Instant, Level};

use super::put;
use crate::escape::html_cut;
use crate::figures::minute_hand;

/// A level as a labelled badge.
pub(super) fn badge(level: Level) -> String {
    format!("<span class=\"level {level}\">{level}</span>")
}

/// A host's name, or the words for none.
pub(super) fn host(name: &str) -> String {
    if name.is_empty() { "(no host named)".to_owned() } else { html_cut(name, 64) }
}

/// A span of time over two lines, the same moment once.
pub(super) fn span(first: Option<Instant>, last: Option<Instant>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first != last => {
            format!("<span>{}</span><br><span>to {}</span>", minute_hand(first), minute_hand(last))
        }
        (Some(one), _) | (None, Some(one)) => format!("<span>{}</span>", minute_hand(one)),
        (None, None) => "no time".to_owned(),
    }
}

/// The head row of a table; a leading `#` on a name makes it a column of numbers.
pub(super) fn thead(out: &mut String, names: &[&str]) {
    out.push_str("<thead><tr>");
    for name in names {
        if let Some(name) = name.strip_prefix('#') {
            put!(out, "<th scope=\"col\" class=\"n\">{name}</th>");
        } else {
            put!(out, "<th scope=\"col\">{name}</th>");
        }
    }
    out.push_str("</tr></thead>\n");
}

/// Says how many are not shown and where they are; nothing if all are.
pub(super) fn rest(out: &mut String, rest: usize, what: &str, place: &str) {
    if rest > 0 {
        let text = crate::figures::more(rest, what, place);
        put!(out, "<p class=\"rest\">{text}.</p>\n");
    }
}

/// Values of a list joined by commas, at most `most` of them.
pub(super) fn list(values: &[String], most: usize, cut: usize) -> String {
    let mut text: Vec<_> = values.iter().take(most).map(|value| html_cut(value, cut)).collect();
    if values.len() > most {
        text.push(format!("and {} more", values.len() - most));
    }
    text.join(", ")
}
