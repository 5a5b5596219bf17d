//! LDIF, as `ldifde` and `ldapsearch` write it (RFC 2849).
//!
//! In: the lines of a piece. Out: a row an object. A line that begins with a blank goes on with the one above; a value behind
//! `::` is base64, one behind `:<` lies elsewhere and only its address is taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::object::{Object, push_object};
use crate::dates::Order;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::text_pieces::{PieceText, end_of};
use crate::{Context, Parsed};

/// Whether the text begins as LDIF of a directory does.
pub(super) fn is_ldif(text: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| {
        line.trim().is_empty()
            || line.starts_with('#')
            || line.starts_with(' ')
            || line.starts_with("version:")
    });
    lines.next().is_some_and(begins)
        && lines.take(200).any(|line| {
            let name = line.split(':').next().unwrap_or_default();
            ["objectClass", "changetype", "cn", "objectGUID"].iter().any(|one| name.eq_ignore_ascii_case(one))
        })
}

/// Whether a line begins an object.
pub(super) fn begins(line: &str) -> bool {
    line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("dn:"))
}

/// Parses the lines of a piece.
pub(super) fn parse(piece: &PieceText<'_>, cx: &Context<'_>, parsed: &mut Parsed) {
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut fields, mut object) = (Fields::default(), Object::default());
    let mut open = String::new();
    let mut end = piece.from;
    let mut lost = None;
    for line in piece.lines() {
        if let Some(more) = line.text.strip_prefix(' ') {
            if !open.is_empty() {
                open.push_str(more);
            }
            end = end_of(&line);
            continue;
        }
        let whole = std::mem::take(&mut open);
        take(&whole, &mut object);
        let new = begins(&line.text);
        if new || line.text.trim().is_empty() {
            parsed.records += push_object(&mut object, piece, end, cx, &mut fields, &mut rows);
        }
        if new {
            object.begin(line.number, line.offset);
        } else if !object.is_open() {
            let remark = line.text.starts_with(['#', '-']) || line.text.starts_with("version:");
            if !remark && !line.text.trim().is_empty() {
                lost = lost.or(Some((line.number, line.offset)));
            }
            continue;
        }
        if !line.text.starts_with('#') {
            open.push_str(&line.text);
        }
        end = end_of(&line);
    }
    take(&open, &mut object);
    parsed.records += push_object(&mut object, piece, end, cx, &mut fields, &mut rows);
    if let Some((number, offset)) = lost {
        let what = format!("line {number} belongs to no object: no line `dn:` stands before it");
        let hint = format!("look at the lines there: sed -n '{number},+5p' FILE; the export was perhaps cut");
        parsed.damaged(cx, "ldif-line", offset, None, what, &hint);
    }
    parsed.take_rows(cx, piece.from, rows);
}

/// Takes in one whole line.
fn take(line: &str, object: &mut Object) {
    let Some((name, value)) = line.split_once(':') else { return };
    // What comes in changes' LDIF between attributes, and options behind a name (`cn;lang-fr`).
    let name = name.split(';').next().unwrap_or(name).trim();
    let (value, binary) = match value.strip_prefix(':') {
        Some(coded) => match STANDARD.decode(coded.trim()) {
            Ok(bytes) => (coded.trim().to_owned(), Some(bytes)),
            Err(_) => (coded.trim().to_owned(), None),
        },
        None => (value.strip_prefix('<').unwrap_or(value).trim().to_owned(), None),
    };
    if name.eq_ignore_ascii_case("dn") {
        object.name = binary.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(value);
        return;
    }
    match binary {
        Some(bytes) => object.add_bytes(name, &bytes, &value),
        None => object.add(name, &value, Order::default()),
    }
}
