//! Files of events in XML, and of objects as PowerShell's `Export-Clixml` writes them.
//!
//! In: the elements of one block. Out: a row an event, under its own record id. An event that is cut off costs itself; the end
//! of one whose beginning is missing is named too.

use piste_model::schema::Role;
use quick_xml::events::Event as Token;

use super::times::{self, TimeField};
use super::{Facts, message, push_facts, windows, xml};
use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::fields::Fields;
use crate::rows::Rows;
use crate::tags::Tag;
use crate::{Context, Parsed};

/// Events.
pub(crate) const EVENT: Tag = Tag { name: "Event", nests: false };
/// Objects of PowerShell.
pub(crate) const OBJECT: Tag = Tag { name: "Obj", nests: true };
/// Nesting that is followed.
const DEPTH_MAX: usize = 64;

const EVENT_WORDS: Words = Words {
    slug: "event-xml",
    unit: "element",
    wanted: "Windows event",
    hint: "look at the bytes there: tail -c +OFFSET FILE | head -c 400; the file was perhaps cut, so ask for a fresh export",
};
const OBJECT_WORDS: Words = Words {
    slug: "clixml-object",
    unit: "object",
    wanted: "Windows event",
    hint: "look at the bytes there: tail -c +OFFSET FILE | head -c 400; objects of another kind are not read",
};

/// Parses the events of one block.
pub(crate) fn parse_events(block: &Block, cx: &Context<'_>) -> Parsed {
    parse(block, cx, EVENT, &EVENT_WORDS, &|line, fields| {
        xml::read(&line.text, fields)?;
        Ok(Facts::windows(times::first(
            fields,
            &[TimeField::utc("TimeCreated", "System.TimeCreated")],
            times::Written::default(),
        )))
    })
}

/// Parses the objects of one block, of `Get-WinEvent`.
pub(crate) fn parse_clixml(block: &Block, cx: &Context<'_>) -> Parsed {
    parse(block, cx, OBJECT, &OBJECT_WORDS, &|line, fields| {
        let values = read_object(&line.text, fields)?;
        fields.rename(windows::of_get_winevent);
        let unnamed = windows::name_values(fields, &values);
        let bare = values.is_empty() && !message::tell_fields(fields);
        let time = times::first(
            fields,
            &[TimeField::local("TimeCreated", "TimeCreated, zone unknown")],
            times::Written::default(),
        );
        Ok(Facts { bare, unnamed, ..Facts::windows(time) })
    })
}

type Read<'a> = dyn Fn(&Line<'_>, &mut Fields) -> Result<Facts, String> + 'a;

fn parse(block: &Block, cx: &Context<'_>, tag: Tag, words: &'static Words, read: &Read<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let mut bad = BadRecords::new(words);
    parsed.note_too_long(cx, block, "element");
    let mut offset = block.offset;
    for (between, line) in block.tagged(tag) {
        let text = block.encoding.decode(between);
        if text.contains("</System>") || text.contains(&format!("</{}>", tag.name)) {
            let number = line.as_ref().map_or(block.first_line, |line| line.number);
            let lost = Line { number, offset, raw: between, text };
            bad.note(&lost, "the beginning of an event is missing before this one");
        }
        let Some(line) = line else { break };
        offset = line.offset + line.raw.len() as u64;
        fields.clear();
        let outcome = read(&line, &mut fields);
        match outcome.and_then(|facts| push_facts(&line, &facts, &mut fields, cx, &mut rows)) {
            Ok(()) => parsed.records += 1,
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Reads the members of an object into fields; gives the values of its list `Properties`.
fn read_object(text: &str, fields: &mut Fields) -> Result<Vec<String>, String> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut values = Vec::new();
    let (mut value, mut leaf) = (String::new(), false);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Token::Start(start) => {
                if path.len() >= DEPTH_MAX {
                    return Err(format!("its elements are nested deeper than {DEPTH_MAX}"));
                }
                let named = start.attributes().flatten().find(|attribute| attribute.key.as_ref() == "N");
                path.push(named.map(|name| decoded(&xml::unescaped(&name.value))).unwrap_or_default());
                value.clear();
                leaf = true;
            }
            Token::Text(part) => value.push_str(&part),
            Token::GeneralRef(name) => xml::push_reference(&name, &mut value),
            Token::End(_) => {
                let named: Vec<&str> =
                    path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                if leaf {
                    match named.as_slice() {
                        ["Properties", "Value"] => values.push(decoded(&value)),
                        [name @ ("Message" | "TimeCreated")] => {
                            let role = if *name == "Message" { Role::Message } else { Role::System };
                            fields.push(name, &decoded(&value), role);
                        }
                        // `UserId` is an object whose text is in its `Value`.
                        [name] | [name, "Value"] if !value.is_empty() && fields.get(name).is_none() => {
                            fields.push(name, &decoded(&value), Role::System);
                        }
                        _ => {}
                    }
                }
                path.pop();
                leaf = false;
                value.clear();
            }
            Token::Eof => break,
            _ => {}
        }
    }
    if path.is_empty() { Ok(values) } else { Err("it ends too early".to_owned()) }
}

/// PowerShell writes characters that XML cannot hold as `_x000D_`.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let code = from.get(2..6).filter(|_| from.get(6..7) == Some("_"));
        let unit = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        if let Some(letter) = unit {
            out.push(letter);
            rest = from.get(7..).unwrap_or_default();
        } else {
            out.push_str("_x");
            rest = from.get(2..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}
