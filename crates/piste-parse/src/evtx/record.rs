//! One rendered EVTX record to one row.
//!
//! In: the JSON that the `evtx` crate renders of a record. Out: a row with the header's fields (`EventID`, `Channel`,
//! `Provider_Name`) and the event's own, flattened by their names. `EventData` without names becomes the list `Data`.
//! Read by a streaming visitor, since a tree of values a record is what makes other tools slow.

use std::borrow::Cow;
use std::fmt;

use evtx::Timestamp;
use piste_model::Instant;
use piste_model::hash::RecordHash;
use piste_model::schema::{DATA, MESSAGE, Role};
use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::binxml::BinXml;
use crate::fields::Fields;
use crate::rows::{Head, Rows};

/// Nesting that is followed; what lies deeper is left out.
const DEPTH_MAX: u8 = 32;

/// Reads records one after another, with the memory of one.
#[derive(Debug, Default)]
pub(crate) struct RecordReader {
    fields: Fields,
    /// Takes the records of the usual shape.
    pub(super) binary: BinXml,
}

impl RecordReader {
    /// Reads one record into `rows`.
    pub(crate) fn read(
        &mut self,
        json: &[u8],
        header_id: u64,
        header_time: Timestamp,
        offset: u64,
        hash: RecordHash,
        rows: &mut Rows<'_>,
    ) -> Result<(), String> {
        self.fields.clear();
        let mut input = serde_json::Deserializer::from_slice(json);
        let seed = Element { fields: &mut self.fields, place: Place::Root, depth: 0 };
        seed.deserialize(&mut input).map_err(|error| format!("its rendering is not as expected: {error}"))?;

        crate::msexchange::name_positions(&mut self.fields);
        let known = Known::of(&self.fields);
        let time = known.time.or_else(|| from_header(header_time));
        let record = known.record.unwrap_or_else(|| i64::try_from(header_id).unwrap_or(i64::MAX));
        let head = Head {
            dataset: None,
            channel: known.channel,
            provider: known.provider,
            event_code: known.event_code,
            time: time.map(|(time, _)| time),
            time_basis: time.map_or("", |(_, basis)| basis),
            host: known.host,
            record,
            offset,
            hash,
        };
        rows.push(&head, &self.fields);
        Ok(())
    }
}

/// The header's facts of a record whose fields are named as they are here.
pub(crate) struct Known<'a> {
    pub(crate) channel: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) event_code: Option<i32>,
    /// With the words for where it is from.
    pub(crate) time: Option<(Instant, &'static str)>,
    pub(crate) host: &'a str,
    /// `EventRecordID`.
    pub(crate) record: Option<i64>,
}

impl<'a> Known<'a> {
    pub(crate) fn of(fields: &'a Fields) -> Self {
        let get = |name: &str| fields.get(name).unwrap_or_default();
        Self {
            channel: get("Channel"),
            provider: get("Provider_Name"),
            event_code: event_code(get("EventID")),
            time: Instant::parse(get(SYSTEM_TIME)).map(|time| (time, "System.TimeCreated")),
            host: get("Computer"),
            record: get("EventRecordID").parse().ok(),
        }
    }
}

/// An event id; some exporters write it as `1.0`.
pub(crate) fn event_code(text: &str) -> Option<i32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    whole.parse().ok().filter(|_| fraction.bytes().all(|byte| byte == b'0'))
}

/// Column of the header's time as written.
pub(super) const SYSTEM_TIME: &str = "TimeCreated";

fn from_header(time: Timestamp) -> Option<(Instant, &'static str)> {
    let nanos = i64::try_from(time.as_nanosecond()).ok();
    header_time(nanos.map(|nanos| Instant { nanos, digits: Instant::FILETIME_DIGITS }))
}

/// The time of a record's header, with the words for where it is from.
pub(super) fn header_time(time: Option<Instant>) -> Option<(Instant, &'static str)> {
    time.map(|time| (time, "record header"))
}

/// Where in the record's tree a value stands.
#[derive(Debug, Clone)]
pub(crate) enum Place<'n> {
    /// The document, with `Event` as its one member.
    Root,
    /// `Event`: `System`, `EventData`, `UserData`, `RenderingInfo`.
    Event,
    /// `System` and its children.
    System,
    /// An element of `System`: its text is the field, its attributes are named.
    SystemChild(Cow<'n, str>),
    /// What forwarding added.
    Rendering,
    /// The rendered text.
    Message,
    /// `EventData`, `UserData` or another payload.
    Body,
    /// A leaf or a wrapper within the payload.
    BodyChild(Cow<'n, str>),
}

/// Visits one value at its place.
pub(crate) struct Element<'f, 'n> {
    fields: &'f mut Fields,
    place: Place<'n>,
    depth: u8,
}

impl<'f, 'n> Element<'f, 'n> {
    /// A visitor that adds to `fields`.
    pub(crate) fn at(place: Place<'n>, fields: &'f mut Fields) -> Self {
        Self { fields, place, depth: 1 }
    }
}

impl Element<'_, '_> {
    fn leaf(self, text: &str) {
        match &self.place {
            Place::SystemChild(name) => self.fields.push(name, text, Role::System),
            Place::BodyChild(name) if name == DATA => self.fields.push_data(text),
            Place::BodyChild(name) => self.fields.push(name, text, Role::Data),
            Place::Body => self.fields.push_data(text),
            Place::Message => self.fields.push(MESSAGE, text, Role::Message),
            Place::Root | Place::Event | Place::System | Place::Rendering => true,
        };
    }

    /// The place of a member of this value; `None` for what is not wanted.
    fn member<'k>(&self, key: &'k str) -> Option<Place<'k>> {
        let place = match &self.place {
            Place::Root => Place::Event,
            Place::Event => match key {
                "System" => Place::System,
                "RenderingInfo" => Place::Rendering,
                "#attributes" | "Event_attributes" | "EventData_attributes" | "UserData_attributes" => {
                    return None;
                }
                _ if key.starts_with('@') => return None,
                _ => Place::Body,
            },
            // Some tools write attributes beside their element.
            Place::System => {
                Place::SystemChild(Cow::Borrowed(key.strip_suffix("_attributes").unwrap_or(key)))
            }
            Place::SystemChild(parent) => match key {
                "#attributes" | "#text" | "Value" => Place::SystemChild(parent.clone().into_owned().into()),
                _ => Place::SystemChild(Cow::Borrowed(system_attribute(parent, key)?)),
            },
            Place::Rendering if key == MESSAGE => Place::Message,
            Place::Rendering | Place::Message => return None,
            Place::Body => match key {
                "#attributes" => return None,
                _ if key.starts_with('@') => return None,
                _ => Place::BodyChild(Cow::Borrowed(key)),
            },
            Place::BodyChild(parent) => match key {
                "#attributes" => return None,
                _ if key.starts_with('@') => return None,
                "#text" => Place::BodyChild(parent.clone().into_owned().into()),
                _ => Place::BodyChild(Cow::Borrowed(key)),
            },
        };
        Some(place)
    }
}

/// The column of an attribute of an element of `System`.
pub(crate) fn system_attribute(element: &str, attribute: &str) -> Option<&'static str> {
    Some(match (element, attribute) {
        ("Provider", "Name") => "Provider_Name",
        ("Provider", "Guid") => "Provider_Guid",
        ("Provider", "EventSourceName") => "Provider_EventSourceName",
        ("EventID", "Qualifiers") => "Qualifiers",
        ("TimeCreated", "SystemTime") => SYSTEM_TIME,
        ("Correlation", "ActivityID") => "ActivityID",
        ("Correlation", "RelatedActivityID") => "RelatedActivityID",
        ("Execution", "ProcessID") => "Execution_ProcessID",
        ("Execution", "ThreadID") => "Execution_ThreadID",
        ("Security", "UserID") => "Security_UserID",
        _ => return None,
    })
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        if self.depth > DEPTH_MAX {
            self.fields.leave_out();
            return IgnoredAny::deserialize(input).map(|_| ());
        }
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
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

    /// An element without content: there, and empty. In `System` it says nothing.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if matches!(self.place, Place::BodyChild(_)) {
            self.leaf("");
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            let next =
                Element { fields: &mut *self.fields, place: self.place.clone(), depth: self.depth + 1 };
            if items.next_element_seed(next)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        // `{"@Name": "Image", "#text": "x"}`, as tools write it that go from XML to JSON.
        let mut named: Option<String> = None;
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            if key == "@Name" && matches!(self.place, Place::BodyChild(_)) {
                named = Some(members.next_value::<Cow<'de, str>>()?.into_owned());
                continue;
            }
            let place = match named.take_if(|_| key == "#text") {
                Some(name) => Some(Place::BodyChild(Cow::Owned(name))),
                None => self.member(&key),
            };
            match place {
                Some(place) => {
                    members.next_value_seed(Element {
                        fields: &mut *self.fields,
                        place,
                        depth: self.depth + 1,
                    })?;
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let Some(name) = named {
            self.fields.push(&name, "", Role::Data);
        }
        Ok(())
    }
}
