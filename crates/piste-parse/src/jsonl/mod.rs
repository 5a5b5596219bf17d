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
use piste_model::{Damage, Instant, Issue};
use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
pub(crate) use times::since_1970;

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::evtx::record::{Element, Known, Place, event_code};
use crate::export::{self, Kind, Record, Written};
use crate::fields::{Fields, NewName};
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};

/// Nesting that is followed; what lies deeper is left out.
const DEPTH_MAX: u8 = 16;

const LINE_WORDS: Words = Words {
    slug: "json-line",
    unit: "line",
    wanted: "sound JSON object",
    hint: "look at the line: sed -n LINEp FILE; it was perhaps cut, so ask for a fresh copy of the file",
};
const ELEMENT_WORDS: Words = Words {
    slug: "json-element",
    unit: "element",
    wanted: "sound JSON object",
    hint: "look at the bytes there: tail -c +OFFSET FILE | head -c 400; it was perhaps cut, so ask for a fresh copy of the file",
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
    let mut spare = Fields::default();
    let mut bad = BadRecords::new(words);
    let mut foreign = Foreign::default();
    parsed.note_too_long(cx, block, words.unit);
    for line in records {
        if line.text.trim().is_empty() {
            continue;
        }
        match parse_record(&line, &mut fields, cx, &mut rows) {
            Ok(true) => parsed.records += 1,
            Ok(false) => match parse_other(&line, &mut fields, &mut spare, cx, &mut rows) {
                Ok(()) => parsed.records += 1,
                Err(_) => foreign.note(&line, &mut spare),
            },
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    foreign.tell(words, cx, &mut parsed);
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

/// Reads a Windows event that has plain names; false where the record is none of these.
fn parse_record(
    line: &Line<'_>,
    fields: &mut Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) -> Result<bool, String> {
    fields.clear();
    let rendered = flatten(&line.text, fields)?;
    if !rendered {
        if fields.get("TimeGenerated").is_some() {
            return Ok(false);
        }
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
        return Ok(false);
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
    Ok(true)
}

/// Reads a record of another kind: a service's, or an event within what a service put around it.
fn parse_other(
    line: &Line<'_>,
    fields: &mut Fields,
    spare: &mut Fields,
    cx: &Context<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), String> {
    fields.clear();
    flatten(&line.text, fields)?;
    let kind = Kind::of(&|name| fields.get(name).is_some());
    let record = Record { line, kind, written: Written::default(), path: cx.path };
    export::push(&record, fields, spare, cx, rows)
}

/// Kind of damage: sound JSON that is not read, since it is none of the exports that are known.
pub const NOT_EXAMINED: &str = "json-not-examined";
/// Names of a record of an unknown kind that are told.
const NAMES_MAX: usize = 6;

/// JSON of a block that is sound and of a kind that is not read.
#[derive(Debug, Default)]
struct Foreign {
    records: u64,
    /// Number and offset of the first.
    first: (u64, u64),
    /// What its members are called.
    names: Vec<String>,
}

impl Foreign {
    fn note(&mut self, line: &Line<'_>, spare: &mut Fields) {
        if self.records == 0 {
            self.first = (line.number, line.offset);
            spare.clear();
            if flatten(&line.text, spare).is_ok() {
                let roots = spare.iter().map(|(name, _, _)| name.split('.').next().unwrap_or(name));
                for root in roots {
                    let root: String = root.chars().take(40).collect();
                    if self.names.len() < NAMES_MAX && !root.is_empty() && !self.names.contains(&root) {
                        self.names.push(root);
                    }
                }
            }
        }
        self.records += 1;
    }

    fn tell(self, words: &Words, cx: &Context<'_>, parsed: &mut Parsed) {
        let Self { records, first: (number, offset), names } = self;
        if records == 0 {
            return;
        }
        let (count, effect) = match records {
            1 => (format!("1 {} is", words.unit), "1 record was not examined".to_owned()),
            _ => (format!("{records} {}s are", words.unit), format!("{records} records were not examined")),
        };
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let with = if names.is_empty() { String::new() } else { format!(", with {}", names.join(", ")) };
        let issue = Issue::new(
            NOT_EXAMINED,
            cx.path,
            format!(
                "{count} JSON of a kind that Piste does not read; the first is {} {number}{with}",
                words.unit
            ),
            effect,
            "if these are events, ask for them as EVTX or in one of the exports that docs/formats/rows.md lists",
        );
        parsed.damage.push(Damage { kind: NOT_EXAMINED.to_owned(), offset, lost: Some(records) });
        parsed.issues.push(issue.of(cx.evidence).at(offset));
    }
}

/// Gives the fields of one flat event the columns that the same event has from EVTX; of one rendered they have them.
pub(crate) fn name_flat(rendered: bool, fields: &mut Fields) {
    if !rendered {
        name_columns(fields);
    }
}

/// The same for a row of `EvtxECmd`.
pub(crate) fn name_evtxecmd(fields: &mut Fields) {
    fields.rename(names::of_evtxecmd);
    unpack(fields);
    fields.sort_by_role();
}

/// The first field that is the time of a flat event.
pub(crate) fn first_time(fields: &Fields) -> Option<(Instant, &'static str)> {
    times::first(fields)
}

/// Gives flat fields the columns that the same event has from EVTX.
fn name_columns(fields: &mut Fields) {
    if fields.get("Payload").is_some()
        && (fields.get("ChunkNumber").is_some() || fields.get("ExtraDataOffset").is_some())
    {
        name_evtxecmd(fields);
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
