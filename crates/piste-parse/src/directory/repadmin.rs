//! What `repadmin` prints: `/showattr` the attributes of objects, `/showobjmeta` when each attribute was changed, where, and
//! how often.
//!
//! In: the lines of a piece. Out: a row an object, or a row a change. The tables are read by their structure (numbers, dates,
//! rulers), which is the same in every language. Times are those of the machine on which the tool ran; only `/showattr` says
//! in which zone, by a name that no table has, so that all but UTC are of unknown zone. `/showobjmeta` does not name the
//! object: its command line, where the text has it, or a line that is a distinguished name does.

use super::attributes::{moment, without_zone};
use super::object::{Change, Object, push_change, push_object};
use crate::bad_records::{BadRecords, Words};
use crate::block::Line;
use crate::dates::Order;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::text_pieces::{PieceText, TextLine, end_of};
use crate::{Context, Parsed};

const WORDS: Words = Words {
    slug: "repadmin-line",
    unit: "line",
    wanted: "line of repadmin's table",
    hint: "look at the line: sed -n LINEp FILE; the text was perhaps cut or wrapped by a console: redirect the tool's output into a file",
};

/// What an object's lines begin with: `DN: CN=…`, or of `/showchanges` `(0) add CN=…`.
pub(super) fn object_of(line: &str) -> Option<&str> {
    if let Some(name) = line.trim_start().strip_prefix("DN: ") {
        return Some(name.trim()).filter(|name| is_name(name));
    }
    let (number, rest) = line.trim_start().strip_prefix('(')?.split_once(") ")?;
    let (_, name) = rest.split_once(' ')?;
    (number.bytes().all(|byte| byte.is_ascii_digit()) && is_name(name.trim())).then_some(name.trim())
}

/// Whether a text is a distinguished name.
fn is_name(text: &str) -> bool {
    let (kind, rest) = text.split_once('=').unwrap_or((text, ""));
    let kinds = ["CN", "OU", "DC", "O", "L", "C"];
    kinds.iter().any(|one| one.eq_ignore_ascii_case(kind)) && !rest.is_empty() && !rest.starts_with(' ')
}

/// An attribute's line: how many values, its name, and what follows.
fn attribute(line: &str) -> Option<(usize, &str, &str)> {
    let (count, rest) = line.trim_start().split_once("> ")?;
    let (name, value) = rest.split_once(':')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let count = count.parse().ok().filter(|_| count.len() <= 6 && plain && !name.is_empty())?;
    Some((count, name, value.trim()))
}

/// The value of an attribute's line that may be a date.
pub(super) fn date_in(line: &str) -> Option<&str> {
    let (_, _, value) = attribute(line)?;
    value.starts_with(|one: char| one.is_ascii_digit()).then(|| without_zone(value))
}

/// Whether the text begins as the attributes of objects do.
pub(super) fn is_attributes(text: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| object_of(line).is_none()).skip(1);
    lines.find(|line| !line.trim().is_empty()).is_some_and(|line| attribute(line).is_some())
}

/// Parses the lines of a piece of `/showattr`.
pub(super) fn parse_attributes(piece: &PieceText<'_>, order: Order, cx: &Context<'_>, parsed: &mut Parsed) {
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut fields, mut object) = (Fields::default(), Object::default());
    let mut open = Values::default();
    let mut end = piece.from;
    for line in piece.lines() {
        if line.text.trim().is_empty() {
            continue;
        }
        if let Some(name) = object_of(&line.text) {
            open.close(&mut object, order);
            parsed.records += push_object(&mut object, piece, end, cx, &mut fields, &mut rows);
            object.begin(line.number, line.offset);
            name.clone_into(&mut object.name);
        } else if let Some((count, name, value)) = attribute(&line.text) {
            open.close(&mut object, order);
            open = Values { count, name: name.to_owned(), text: value.to_owned() };
        } else if line.text.starts_with("      ") && open.count > 1 {
            open.text.push(' ');
            open.text.push_str(line.text.trim());
        }
        end = end_of(&line);
    }
    open.close(&mut object, order);
    parsed.records += push_object(&mut object, piece, end, cx, &mut fields, &mut rows);
    parsed.take_rows(cx, piece.from, rows);
}

/// The values of an attribute that may go on over lines.
#[derive(Debug, Default)]
struct Values {
    count: usize,
    name: String,
    text: String,
}

impl Values {
    /// Hands them to the object. Where a value has a semicolon of its own, all are taken as one.
    fn close(&mut self, object: &mut Object, order: Order) {
        let Self { count, name, text } = std::mem::take(self);
        if name.is_empty() || !object.is_open() {
            return;
        }
        let parts: Vec<&str> = text.split(';').map(str::trim).collect();
        if count > 1 && parts.len() == count {
            for part in parts {
                object.add(&name, part, order);
            }
        } else {
            object.add(&name, &text, order);
        }
    }
}

/// Whether a line is only there to divide: groups of `=`.
pub(super) fn is_ruler(line: &str) -> bool {
    let mut groups = 0;
    let all = line.split_whitespace().all(|group| {
        groups += 1;
        group.len() >= 3 && group.bytes().all(|byte| byte == b'=')
    });
    all && groups >= 5
}

/// The object that a line names: alone, or at the end of the command.
pub(super) fn named_object(line: &str) -> Option<&str> {
    let text = line.trim().trim_matches('"');
    if let Some(name) = object_of(line) {
        return Some(name);
    }
    if is_name(text) && !line.starts_with("        ") && text.to_ascii_uppercase().contains("DC=") {
        return Some(text);
    }
    let lower = text.to_ascii_lowercase();
    if !lower.contains("/showobjmeta") && !lower.contains("/showmeta") {
        return None;
    }
    let quoted = line.split('"').skip(1).step_by(2).find(|part| is_name(part));
    quoted.or_else(|| text.split_whitespace().find(|word| is_name(word)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-')
}

/// A table's line, its words apart.
struct Words7<'a> {
    words: Vec<&'a str>,
    line: &'a str,
}

impl<'a> Words7<'a> {
    fn of(line: &'a str) -> Self {
        Self { words: line.split_whitespace().take(64).collect(), line }
    }

    fn get(&self, at: usize) -> &'a str {
        self.words.get(at).copied().unwrap_or_default()
    }

    /// The text from one word to before another, as it stands: names have blanks.
    fn between(&self, from: usize, to: usize) -> &'a str {
        let base = self.line.as_ptr() as usize;
        let place = |at: usize| self.words.get(at).map(|word| word.as_ptr() as usize - base);
        let (Some(from), Some(to)) = (place(from), place(to)) else { return "" };
        self.line.get(from..to).unwrap_or_default().trim()
    }
}

/// A line of the table of attributes: local number, server, its number, date, time, version, attribute.
fn change(line: &str) -> Option<Change<'_>> {
    let words = Words7::of(line);
    let date = (3..words.words.len()).rev().find(|at| is_date(words.get(*at)))?;
    let (local, usn, version) = (words.get(0), words.get(date - 1), words.get(date + 2));
    if !is_number(local) || !is_number(usn) || !is_number(version) || words.words.len() > date + 4 {
        return None;
    }
    Some(Change {
        attribute: words.get(date + 3),
        version,
        time: moment(words.between(date, date + 2), Order::default()),
        server: words.between(1, date - 1),
        originating_usn: usn,
        local_usn: local,
        ..Change::default()
    })
}

/// A line of the table of links: state, attribute, date, time, server, local number, its number, version.
fn link(line: &str) -> Option<Change<'_>> {
    let words = Words7::of(line);
    let state = match words.get(0) {
        "PRESENT" => "present",
        "ABSENT" => "absent",
        "LEGACY" => "legacy",
        // Other languages have other words; the rest tells that it is such a line.
        word if word.chars().all(|letter| letter.is_uppercase() || !letter.is_alphabetic()) => word,
        _ => return None,
    };
    if state == "legacy" && words.words.len() == 2 {
        return Some(Change { attribute: words.get(1), state, ..Change::default() });
    }
    let last = words.words.len().checked_sub(1).filter(|last| *last >= 7)?;
    let numbers = (last - 2..=last).all(|at| is_number(words.get(at)));
    if !is_date(words.get(2)) || !numbers || is_number(words.get(0)) {
        return None;
    }
    Some(Change {
        attribute: words.get(1),
        version: words.get(last),
        time: moment(words.between(2, 4), Order::default()),
        server: words.between(4, last - 2),
        originating_usn: words.get(last - 1),
        local_usn: words.get(last - 2),
        state,
        ..Change::default()
    })
}

fn is_link(line: &str) -> bool {
    change(line).is_none() && link(line).is_some()
}

/// Whether a line says what a link points to.
fn is_target(line: &str) -> bool {
    line.starts_with([' ', '\t']) && is_name(line.trim())
}

/// Whether the text has a table of changes.
pub(super) fn is_metadata(text: &str) -> bool {
    text.lines().any(is_ruler) && text.lines().any(|line| change(line).is_some() || is_link(line))
}

/// Parses the lines of a piece of `/showobjmeta`.
pub(super) fn parse_metadata(piece: &PieceText<'_>, cx: &Context<'_>, parsed: &mut Parsed) {
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut object = piece.before.to_owned();
    let mut lines = piece.lines().peekable();
    while let Some(line) = lines.next() {
        let mut push = |change: &Change<'_>, raw: &[u8]| {
            fields.clear();
            push_change(change, line.number, line.offset, raw, cx, &mut fields, &mut rows);
            parsed.records += 1;
        };
        if let Some(change) = change(&line.text) {
            push(&Change { object: &object, ..change }, line.raw);
        } else if let Some(link) = link(&line.text) {
            let target = lines.next_if(|next| is_target(&next.text));
            let end = target.as_ref().map_or_else(|| end_of(&line), end_of);
            let member = target.as_ref().map_or("", |target| target.text.trim());
            push(&Change { object: &object, member, ..link }, piece.between(line.offset, end));
        } else if let Some(name) = named_object(&line.text) {
            name.clone_into(&mut object);
        } else if begins_as_change(&line.text) {
            let place =
                Line { number: line.number, offset: line.offset, raw: line.raw, text: line.text.clone() };
            bad.note(&place, "its numbers, date and name are not those of a change");
        }
    }
    bad.tell(cx, parsed);
    parsed.take_rows(cx, piece.from, rows);
}

/// Where a change ends: with its line, or of a link with the line that says what it points to.
pub(super) fn change_end(lines: &mut dyn Iterator<Item = TextLine<'_>>) -> u64 {
    let Some(first) = lines.next() else { return 0 };
    let link = is_link(&first.text);
    let target = lines.next().filter(|line| link && is_target(&line.text));
    target.as_ref().map_or_else(|| end_of(&first), end_of)
}

/// Whether a line was meant as one of the table: a number and, further on, a date.
fn begins_as_change(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(is_number) && words.any(is_date)
}
