//! What tools that ask a directory over LDAP write: `BloodHound`'s collectors and `ldapdomaindump`.
//!
//! In: the elements of one block, an object of the directory each: `{"Properties": …, "ObjectIdentifier": …}` in a list of an
//! answer, or `{"attributes": {…: […]}, "dn": …}` in an array. Out: rows of `directory.object`. Such a file may be the
//! responders' own or what an intruder left behind. `BloodHound` writes times as seconds since 1970; rights (`Aces`) are not read.

use piste_model::Instant;

use super::attributes::{canonical, is_time};
use super::object::{Object, push_raw};
use crate::bad_records::{BadRecords, Words};
use crate::block::Block;
use crate::dates::Order;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::sniff::Format;
use crate::text_pieces::decoded;
use crate::{Context, Parsed, jsonl};

const WORDS: Words = Words {
    slug: "directory-element",
    unit: "element",
    wanted: "object of a directory",
    hint: "look at the bytes there: tail -c +OFFSET FILE | head -c 400; the file was perhaps cut, so ask for it again",
};

/// How a file of such a dump is cut into objects; `None` where it is none.
pub fn recognise(head: &[u8], _name: &str) -> Option<Format> {
    let text = decoded(head);
    let has = |names: &[&str]| names.iter().all(|name| text.contains(name));
    let start = text.trim_start();
    // The identifier may stand behind more rights than a beginning holds.
    let told = has(&["\"ObjectIdentifier\""]) || has(&["\"domainsid\""]);
    if start.starts_with('{') && told && has(&["\"data\"", "\"Properties\""]) {
        return Some(Format::JsonWrapped);
    }
    let named = has(&["\"dn\""]) || has(&["\"distinguishedName\""]);
    (start.starts_with('[') && named && has(&["\"attributes\""])).then_some(Format::JsonArray)
}

/// Parses the elements of one block.
pub fn parse_elements(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut members, mut fields) = (Fields::default(), Fields::default());
    parsed.note_too_long(cx, block, "element");
    for line in block.elements() {
        members.clear();
        if let Err(what) = jsonl::flatten(&line.text, &mut members) {
            bad.note(&line, what);
            continue;
        }
        let mut object = Object::default();
        object.begin(line.number, line.offset);
        if fill(&members, &mut object) == 0 {
            bad.note(&line, "it has no properties and no attributes");
            continue;
        }
        push_raw(&object, line.raw, cx, &mut fields, &mut rows);
        parsed.records += 1;
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Takes in the attributes; how many there are.
fn fill(members: &Fields, object: &mut Object) -> usize {
    let mut count = 0;
    for (name, value, _) in members.iter() {
        if let Some(own) = name.strip_prefix("Properties.") {
            count += 1;
            let own = match own {
                "serviceprincipalnames" => "servicePrincipalName",
                "objectid" => "objectSid",
                own => canonical(own),
            };
            match value.parse::<i64>().ok().filter(|_| is_time(own)) {
                // -1 and 0 stand for never.
                Some(seconds) if seconds <= 0 => {}
                Some(seconds) => {
                    let time = seconds.checked_mul(1_000_000_000).map(|nanos| Instant { nanos, digits: 0 });
                    object.add(own, &time.map(|time| time.to_string()).unwrap_or_default(), Order::default());
                }
                None => object.add(own, value, Order::default()),
            }
        } else if let Some(own) = name.strip_prefix("attributes.") {
            count += 1;
            object.add(own, value, Order::default());
        } else if name == "ObjectIdentifier" && value.starts_with("S-1-") {
            object.add("objectSid", value, Order::default());
        } else if name == "dn" {
            value.clone_into(&mut object.name);
        }
    }
    count
}
