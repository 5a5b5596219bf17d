//! Windows events as JSON, to rows.
//!
//! In: one object a line, an array, or objects one after another. Each record is known by its own keys: flat ones as NXLog
//! and Security-Datasets write them, Winlogbeat's `winlog.*`, `evtx_dump`'s `Event`, `EvtxECmd`'s `Payload`. Out: one row a
//! record, with the same columns as the same event has from EVTX. What is no event is named; three broken lines cost three.

mod names;
mod numbers;
mod surrogates;
mod times;

use std::borrow::Cow;
use std::fmt;

use piste_model::hash::record_hash;
use piste_model::schema::{DATA, MESSAGE, Role};
use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::evtx::record::{Element, Known, Place, event_code};
use crate::fields::{Fields, NewName};
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Nesting that is followed; what lies deeper is left out.
const DEPTH_MAX: u8 = 16;

const LINE_WORDS: Words = Words {
    slug: "json-line",
    unit: "line",
    wanted: "Windows event",
    hint: "look at the line: sed -n LINEp FILE; if the file is no export of Windows events, leave it out",
};
const ELEMENT_WORDS: Words = Words {
    slug: "json-element",
    unit: "element",
    wanted: "Windows event",
    hint: "look at the bytes there: tail -c +OFFSET FILE | head -c 400; if the file is no export of Windows events, leave it out",
};

/// Parses the lines of one block, an object each.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    parse(block, block.lines(), &LINE_WORDS, cx)
}

/// Parses the elements of one block of an array, or of objects one after another.
pub fn parse_elements(block: &Block, cx: &Context<'_>) -> Parsed {
    parse(block, block.elements(), &ELEMENT_WORDS, cx)
}

fn parse<'b>(
    block: &Block,
    records: impl Iterator<Item = Line<'b>>,
    words: &'static Words,
    cx: &Context<'_>,
) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let mut bad = BadRecords::new(words);
    parsed.note_too_long(cx, block, words.unit);
    for line in records {
        if line.text.trim().is_empty() {
            continue;
        }
        match parse_record(&line, &mut fields, cx, &mut rows) {
            Ok(()) => parsed.records += 1,
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

/// Reads one JSON object of any kind into flat fields, nested members under dotted names; tells whether it has the shape of
/// an EVTX record rendered.
pub(crate) fn flatten(text: &str, fields: &mut Fields) -> Result<bool, String> {
    let mut rendered = false;
    let text = surrogates::paired(text);
    let text = numbers::quoted(&text);
    let mut input = serde_json::Deserializer::from_str(&text);
    let seed = Member { fields, rendered: &mut rendered, name: "", depth: 0 };
    seed.deserialize(&mut input).and_then(|()| input.end()).map_err(|error| error.to_string())?;
    Ok(rendered)
}

fn parse_record(
    line: &Line<'_>,
    fields: &mut Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), String> {
    fields.clear();
    let rendered = flatten(&line.text, fields)?;
    if !rendered {
        name_columns(fields);
    }
    crate::msexchange::name_positions(fields);
    let mut known = Known::of(fields);
    known.time =
        known.time.or_else(|| Some((times::since_1970(fields.get("TimeCreated")?)?, "System.TimeCreated")));
    if !rendered {
        known.record = None; // these files have no order of their own: the line's number finds the record
        known.time = times::first(fields);
        known.event_code = known.event_code.or_else(|| event_code(fields.get("event.code")?));
        known.host =
            [known.host, fields.get("host.name").unwrap_or_default(), fields.get("host").unwrap_or_default()]
                .into_iter()
                .find(|host| !host.is_empty())
                .unwrap_or_default();
    }
    if known.event_code.is_none() || (known.channel.is_empty() && known.provider.is_empty()) {
        return Err("it has no event id with a channel or a provider".to_owned());
    }
    let head = Head {
        dataset: None,
        channel: known.channel,
        provider: known.provider,
        event_code: known.event_code,
        time: known.time.map(|(time, _)| time),
        time_basis: known.time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(known.host),
        record: known.record.unwrap_or_else(|| i64::try_from(line.number).unwrap_or(i64::MAX)),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
    Ok(())
}

/// Gives flat fields the columns that the same event has from EVTX.
fn name_columns(fields: &mut Fields) {
    if fields.get("Payload").is_some()
        && (fields.get("ChunkNumber").is_some() || fields.get("ExtraDataOffset").is_some())
    {
        fields.rename(names::of_evtxecmd);
        unpack(fields);
        fields.sort_by_role();
        return;
    }
    let beats = fields.iter().any(|(name, _, _)| name.starts_with("winlog."));
    fields.rename(names::of_flat);
    if fields.get("EventID").is_none()
        && let Some(code) = fields.get("event.code").map(str::to_owned)
    {
        fields.push("EventID", &code, Role::System);
    }
    if beats {
        fields.sort_by_role();
    }
}

/// Reads the event's own fields from `EvtxECmd`'s `Payload`, which is JSON in a string.
fn unpack(fields: &mut Fields) {
    let Some(payload) = fields.take("Payload").filter(|payload| !payload.is_empty()) else { return };
    let text = surrogates::paired(&payload);
    let text = numbers::quoted(&text);
    let mut input = serde_json::Deserializer::from_str(&text);
    let read = Element::at(Place::Event, fields).deserialize(&mut input);
    if read.is_err() {
        fields.push("Payload", &payload, Role::Data);
    }
}

/// Visits one value of the object.
struct Member<'f, 'n> {
    fields: &'f mut Fields,
    /// Set once a part is met that has the shape of an EVTX record rendered.
    rendered: &'f mut bool,
    name: &'n str,
    depth: u8,
}

impl Member<'_, '_> {
    fn leaf(self, text: &str) {
        if self.name == DATA {
            self.fields.push_data(text);
        } else {
            let role = if self.name == MESSAGE { Role::Message } else { Role::Data };
            self.fields.push(self.name, text, role);
        }
    }

    /// Where this value stands in a rendered EVTX record, if it is a part of one.
    fn rendered_place(&self) -> Option<Place<'static>> {
        match self.name {
            _ if self.depth != 1 => None,
            "Event" => Some(Place::Event),
            "System" => Some(Place::System),
            "EventData" | "UserData" => Some(Place::Body),
            _ => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        if self.depth > DEPTH_MAX {
            self.fields.leave_out();
            return IgnoredAny::deserialize(input).map(|_| ());
        }
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with an event's fields")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.leaf(text);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.leaf(&number.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.leaf(&number.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.leaf(&number.to_string());
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.leaf(if value { "true" } else { "false" });
        Ok(())
    }

    /// `null` is an absent field.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            let next = Member {
                fields: &mut *self.fields,
                rendered: &mut *self.rendered,
                name: self.name,
                depth: self.depth + 1,
            };
            if items.next_element_seed(next)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if let Some(place) = self.rendered_place() {
            *self.rendered |= matches!(place, Place::Event | Place::System);
            return Element::at(place, self.fields).visit_map(members);
        }
        // Elasticsearch's exports wrap what was stored.
        let outermost = self.name.is_empty() || (self.name == "_source" && self.depth == 1);
        let depth = if outermost { 1 } else { self.depth + 1 };
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            let name = if outermost { key } else { Cow::Owned(format!("{}.{key}", self.name)) };
            members.next_value_seed(Member {
                fields: &mut *self.fields,
                rendered: &mut *self.rendered,
                name: &name,
                depth,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
