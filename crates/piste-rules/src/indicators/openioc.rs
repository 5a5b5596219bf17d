//! OpenIOC 1.0 and 1.1.
//!
//! In: XML. Out: its items with the AND and OR that joins them. AND means one host there; in one row only what is of one
//! kind of thing (`FileItem`, `Network`) can stand, so an AND over several of them is named and not looked for.

use std::sync::Arc;

use quick_xml::events::{BytesStart, Event};

use super::about::{About, moment};
use super::expression::Expression;
use super::kind::Hint;
use super::sink::{Fault, Place, Sink};
use super::value::{self, Why};
use super::{Kind, Test};

/// Nesting that is followed.
const DEPTH_MAX: usize = 48;
/// Bytes of one text.
const TEXT_BYTES_MAX: usize = 8_192;

/// Reads a file.
pub(super) fn read(text: &str, sink: &mut Sink) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => walk.open(&start)?,
            Event::Empty(start) => {
                walk.open(&start)?;
                walk.close(sink);
            }
            Event::Text(part) => walk.add(&part),
            Event::CData(part) => walk.add(&part),
            Event::GeneralRef(name) => walk.add(entity(&name)),
            Event::End(_) => walk.close(sink),
            Event::Eof => break,
            _ => {}
        }
    }
    if walk.names.is_empty() { Ok(()) } else { Err("it ends too early".to_owned()) }
}

fn entity(name: &str) -> &str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "\u{fffd}",
    }
}

/// An `Indicator` that is open.
#[derive(Debug, Default)]
struct Group {
    all: bool,
    parts: Vec<(Expression, String)>,
}

/// An `IndicatorItem` that is open.
#[derive(Debug, Default)]
struct Item {
    id: String,
    condition: String,
    negate: bool,
    search: String,
    content_type: String,
    content: String,
}

#[derive(Default)]
struct Walk {
    names: Vec<String>,
    groups: Vec<Group>,
    item: Option<Item>,
    text: String,
    about: About,
    id: String,
    said: String,
    /// Groups of which a part is not looked for.
    refused: Vec<bool>,
}

fn attribute(start: &BytesStart<'_>, wanted: &str) -> String {
    let mut found = start.attributes().flatten().filter(|one| one.key.as_ref() == wanted);
    found.next().map(|one| one.value.into_owned()).unwrap_or_default()
}

impl Walk {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.names.len() >= DEPTH_MAX {
            return Err(format!("its elements are nested deeper than {DEPTH_MAX}"));
        }
        let name = start.local_name().as_ref().to_owned();
        match name.as_str() {
            "ioc" | "OpenIOC" => {
                self.id = attribute(start, "id");
                let modified = attribute(start, "published-date");
                let modified = if modified.is_empty() { attribute(start, "last-modified") } else { modified };
                self.about.valid_from = moment(&modified).filter(|at| at.nanos > 0);
            }
            "Indicator" => {
                let all = attribute(start, "operator").eq_ignore_ascii_case("and");
                self.groups.push(Group { all, parts: Vec::new() });
                self.refused.push(false);
            }
            "IndicatorItem" => {
                self.item = Some(Item {
                    id: attribute(start, "id"),
                    condition: attribute(start, "condition").to_ascii_lowercase(),
                    negate: attribute(start, "negate").eq_ignore_ascii_case("true"),
                    ..Item::default()
                });
            }
            "Context" => {
                if let Some(item) = &mut self.item {
                    item.search = attribute(start, "search");
                }
            }
            "Content" => {
                if let Some(item) = &mut self.item {
                    item.content_type = attribute(start, "type");
                }
            }
            _ => {}
        }
        self.text.clear();
        self.names.push(name);
        Ok(())
    }

    fn add(&mut self, text: &str) {
        if self.text.len() + text.len() <= TEXT_BYTES_MAX {
            self.text.push_str(text);
        }
    }

    fn close(&mut self, sink: &mut Sink) {
        let name = self.names.pop().unwrap_or_default();
        let text = std::mem::take(&mut self.text);
        match name.as_str() {
            "short_description" | "description" if self.said.is_empty() => {
                text.trim().clone_into(&mut self.said);
                self.about.say(&text);
            }
            "Content" => {
                if let Some(item) = &mut self.item {
                    item.content = text;
                }
            }
            "IndicatorItem" => self.end_item(sink),
            "Indicator" => self.end_group(sink),
            _ => {}
        }
    }

    fn fault(&self, fault: Fault, id: &str, what: &str, sink: &mut Sink) {
        let place = Place { line: 0, id: Some(id), about: Arc::new(self.about.clone()) };
        sink.fault(fault, &place, what);
    }

    fn end_item(&mut self, sink: &mut Sink) {
        let Some(item) = self.item.take() else { return };
        let document = item.search.split('/').next().unwrap_or_default().to_owned();
        match expression(&item) {
            Ok(expression) => {
                if let Some(group) = self.groups.last_mut() {
                    group.parts.push((expression, document));
                }
            }
            Err((fault, why)) => {
                self.fault(fault, &item.id, &why, sink);
                if let Some(refused) = self.refused.last_mut() {
                    *refused = true;
                }
            }
        }
    }

    /// The outermost OR is as many indicators; an AND that lacks a part is not looked for, since less would match more.
    fn end_group(&mut self, sink: &mut Sink) {
        let Some(group) = self.groups.pop() else { return };
        let lacks = self.refused.pop().unwrap_or_default();
        let id = self.id.clone();
        if group.all {
            let documents = |(_, document): &(Expression, String)| document.clone();
            let mut names: Vec<String> = group.parts.iter().map(documents).collect();
            names.sort();
            names.dedup();
            let why = if lacks {
                Some("an AND has a part that is not looked for".to_owned())
            } else if names.len() > 1 {
                Some(format!("an AND joins {}, which do not stand in one row", names.join(", ")))
            } else {
                None
            };
            if let Some(why) = why {
                self.fault(Fault::NotInOneRow, &id, &why, sink);
                if let Some(refused) = self.refused.last_mut() {
                    *refused = true;
                }
                return;
            }
        }
        let place = Place { line: 0, id: Some(&id), about: Arc::new(self.about.clone()) };
        let top = self.groups.is_empty();
        match (self.groups.last_mut(), group.all) {
            (None, false) => {
                for (expression, _) in group.parts {
                    sink.expression(expression, &place);
                }
            }
            (None, true) if top && !group.parts.is_empty() => {
                let parts = group.parts.into_iter().map(|(expression, _)| expression).collect();
                sink.expression(Expression::All(parts), &place);
            }
            (Some(outer), all) if !group.parts.is_empty() => {
                if !all && !outer.all {
                    outer.parts.extend(group.parts);
                    return;
                }
                let mut documents: Vec<String> =
                    group.parts.iter().map(|(_, document)| document.clone()).collect();
                documents.sort();
                documents.dedup();
                let document = documents.join("+");
                let parts: Vec<Expression> =
                    group.parts.into_iter().map(|(expression, _)| expression).collect();
                let joined = if all { Expression::All(parts) } else { Expression::Any(parts) };
                outer.parts.push((joined, document));
            }
            // Nothing is left of it: an AND around it lacks a part.
            (Some(_), _) => {
                if let Some(refused) = self.refused.last_mut() {
                    *refused = true;
                }
            }
            (None, _) => {}
        }
    }
}

/// What a search term looks at, by its last words.
fn hint(item: &Item) -> Option<Hint> {
    let search = item.search.to_ascii_lowercase();
    let is = |kind| Some(Hint::Is(kind));
    let last = search.rsplit('/').next().unwrap_or_default();
    match last {
        "md5sum" | "sha1sum" | "sha256sum" | "md5" | "sha1" | "sha256" => is(Kind::FileHash),
        "filename" | "origfilename" => is(Kind::FileName),
        "fullpath" | "filepath" | "devicepath" | "servicedll" | "servicepath" => is(Kind::FilePath),
        "remoteip" | "localip" | "ipv4address" | "ipv6address" | "recorddata" => Some(Hint::Address),
        "dns" | "host" | "recordname" | "hostname" => is(Kind::DomainName),
        "uri" | "url" => is(Kind::Url),
        "useragent" => is(Kind::UserAgent),
        "from" | "to" | "replyto" if search.starts_with("email") => is(Kind::EmailAddr),
        "name" if search.contains("handle") || item.content_type.eq_ignore_ascii_case("mutex") => {
            is(Kind::Mutex)
        }
        "name" if search.contains("pipe") => is(Kind::NamedPipe),
        "name" | "path" if search.starts_with("processitem") => is(Kind::FileName),
        "arguments" if search.starts_with("processitem") => is(Kind::ProcessCommandLine),
        "path" | "keypath" if search.starts_with("registryitem") => is(Kind::WindowsRegistryKey),
        _ => None,
    }
}

fn expression(item: &Item) -> Result<Expression, (Fault, String)> {
    if item.negate || item.condition.contains("not") {
        return Err((
            Fault::NotInOneRow,
            "it asks for what is not, and a row that lacks it proves nothing".to_owned(),
        ));
    }
    let Some(hint) = hint(item) else {
        return Err((Fault::NotSupported, format!("no row has what `{}` names", item.search)));
    };
    let text = item.content.trim();
    let kind = match hint {
        Hint::Is(kind) => kind,
        _ => Kind::Ipv4Addr,
    };
    let escaped = || regex::escape(text);
    let pattern = match item.condition.as_str() {
        "is" | "" => None,
        "contains" => Some((format!("(?is){}", escaped()), format!("contains {text}"))),
        "starts-with" => Some((format!("(?is)^{}", escaped()), format!("starts with {text}"))),
        "ends-with" => Some((format!("(?is){}$", escaped()), format!("ends with {text}"))),
        "matches" => Some((text.to_owned(), format!("/{text}/"))),
        other => return Err((Fault::NotSupported, format!("the condition `{other}` is not known"))),
    };
    if let Some((pattern, shown)) = pattern {
        if text.chars().count() < 3 {
            return Err((Fault::Refused, format!("`{text}` is in almost everything")));
        }
        return Ok(Expression::Is(Test::Matches(kind, pattern.into(), shown.into())));
    }
    match value::read(text, hint) {
        Ok(value) => Ok(Expression::All(value.tests.all().iter().cloned().map(Expression::Is).collect())),
        Err(Why::NotUnderstood(why)) => Err((Fault::NotUnderstood, why)),
        Err(Why::NotSupported(why)) => Err((Fault::NotSupported, why)),
    }
}
