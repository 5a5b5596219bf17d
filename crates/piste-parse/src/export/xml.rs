//! One event as Windows writes it in XML: `wevtutil qe`, `Get-WinEvent`'s `ToXml()`, the viewer's "save as XML".
//!
//! In: the text of one `Event` element. Out: the fields that the same event has from EVTX: the header's under their names,
//! the event's own by theirs, `Data` without a name as the list, the text that a rendering added.

use piste_model::schema::{DATA, MESSAGE, Role};
use quick_xml::events::{BytesStart, Event};

use crate::evtx::record::system_attribute;
use crate::fields::Fields;

/// Nesting that is followed.
const DEPTH_MAX: usize = 32;

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Event,
    System,
    SystemChild,
    Rendering,
    Message,
    Body,
    BodyChild,
    /// What says nothing of the event.
    Aside,
}

/// An element that is open.
#[derive(Debug)]
struct Open {
    place: Place,
    /// What its value is called; empty for `Data` without a name.
    name: String,
    /// It is an element of the list `Data`.
    datum: bool,
    /// It has attributes that are no name.
    attributes: bool,
    /// It holds elements.
    parent: bool,
}

/// Reads one event.
///
/// # Errors
/// What is wrong with the XML, in words.
pub(crate) fn read(text: &str, fields: &mut Fields) -> Result<(), String> {
    read_at(text, Place::Event, fields)
}

/// Reads the event's own part alone, an `EventData` or `UserData`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_body(text: &str, fields: &mut Fields) -> Result<(), String> {
    read_at(text, Place::Body, fields)
}

fn read_at(text: &str, root: Place, fields: &mut Fields) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = Vec::new();
    let mut value = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX {
                    return Err(format!("its elements are nested deeper than {DEPTH_MAX}"));
                }
                let next = entered(&start, open.last_mut(), root, fields);
                open.push(next);
                value.clear();
            }
            Event::Text(part) => value.push_str(&part),
            Event::CData(part) => value.push_str(&part),
            Event::GeneralRef(name) => push_reference(&name, &mut value),
            Event::End(_) => {
                if let Some(closed) = open.pop() {
                    leave(closed, &value, fields);
                }
                value.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if open.is_empty() { Ok(()) } else { Err("it ends too early".to_owned()) }
}

/// The element that begins, within this one.
fn entered(start: &BytesStart<'_>, parent: Option<&mut Open>, root: Place, fields: &mut Fields) -> Open {
    let name = start.local_name().as_ref().to_owned();
    let place = match parent {
        None => root,
        Some(parent) => {
            parent.parent = true;
            match parent.place {
                Place::Event => match name.as_str() {
                    "System" => Place::System,
                    "RenderingInfo" => Place::Rendering,
                    _ => Place::Body,
                },
                Place::System => Place::SystemChild,
                Place::Rendering if name == MESSAGE => Place::Message,
                Place::Body | Place::BodyChild => Place::BodyChild,
                _ => Place::Aside,
            }
        }
    };
    let mut next = Open { place, name, datum: false, attributes: false, parent: false };
    if place == Place::BodyChild && matches!(next.name.as_str(), "Data" | "ComplexData") {
        next.datum = true;
        next.name.clear();
    }
    for attribute in start.attributes().flatten() {
        let key = attribute.key.local_name();
        let value = || unescaped(&attribute.value);
        match place {
            Place::SystemChild => {
                let value = value();
                if let Some(name) = system_attribute(&next.name, key.as_ref()).filter(|_| !value.is_empty()) {
                    fields.push(name, &value, Role::System);
                }
            }
            Place::BodyChild if next.datum && key.as_ref() == "Name" => next.name = value(),
            Place::BodyChild => next.attributes = true,
            _ => {}
        }
    }
    next
}

/// Takes in what an element held.
fn leave(closed: Open, value: &str, fields: &mut Fields) {
    let Open { place, name, datum, attributes, parent } = closed;
    if parent {
        return; // the text between its elements is layout
    }
    match place {
        Place::SystemChild if !value.is_empty() => {
            fields.push(&name, value, Role::System);
        }
        Place::Message if !value.is_empty() => {
            fields.push(MESSAGE, value, Role::Message);
        }
        Place::BodyChild if datum && name.is_empty() => {
            fields.push_data(value);
        }
        Place::BodyChild if datum || !value.is_empty() || !attributes => {
            if name == DATA {
                fields.push_data(value);
            } else {
                fields.push(&name, value, Role::Data);
            }
        }
        Place::Body if !value.trim().is_empty() => {
            fields.push_data(value);
        }
        _ => {}
    }
}

/// Adds what `&name;` stands for.
pub(crate) fn push_reference(name: &str, out: &mut String) {
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    match number.and_then(char::from_u32) {
        Some(letter) => out.push(letter),
        None => out.push_str(crate::healthchecker::entity(name)),
    }
}

/// An attribute's value.
pub(crate) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        if let Some((name, after)) = after.split_once(';').filter(|(name, _)| name.len() <= 10) {
            push_reference(name, &mut out);
            rest = after;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let mut fields = Fields::default();
        read(text, &mut fields).expect("an event");
        let named = fields.iter().map(|(name, value, role)| format!("{} {name}={value}", role.as_str()));
        named.chain(fields.data().map(|value| format!("list {value}"))).collect()
    }

    #[test]
    fn header_body_and_rendering_are_told_apart() {
        assert_eq!(
            shown(
                "<Event xmlns='x'>\n <System>\n  <Provider Name='P' Guid='{g}'/>\n  <EventID Qualifiers=''>1</EventID><Security/>\n <Execution ProcessID='4' ThreadID='8'/></System>\n \
                 <EventData><Data Name='A'>x &lt;y&gt;&#13;&#10;&amp;</Data><Data Name=\"B\"/><Data>one</Data><Binary/></EventData>\
                 <RenderingInfo Culture='en-US'><Message>said</Message><Level>Information</Level></RenderingInfo></Event>"
            ),
            [
                "system Provider_Name=P",
                "system Provider_Guid={g}",
                "system EventID=1",
                "system Execution_ProcessID=4",
                "system Execution_ThreadID=8",
                "data A=x <y>\r\n&",
                "data B=",
                "data Binary=",
                "message Message=said",
                "list one",
            ]
        );
    }

    #[test]
    fn user_data_is_read_at_any_depth() {
        assert_eq!(
            shown(
                "<e:Event xmlns:e='x'><e:UserData><LogFileCleared xmlns='y'><SubjectUserName>adm</SubjectUserName><In><C a='1'/><D/></In></LogFileCleared></e:UserData></e:Event>"
            ),
            ["data SubjectUserName=adm", "data D="]
        );
    }

    #[test]
    fn what_is_cut_or_too_deep_is_refused() {
        for text in ["<Event><System>", &"<a>".repeat(100), "<Event></System></Event>"] {
            assert!(read(text, &mut Fields::default()).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<Event>|<System>|</System>|<Data Name='a'>|&#x41;|&lt|[<>/&;a ='])*") {
            let _ = read(&text, &mut Fields::default());
        }
    }
}
