//! `HealthChecker`'s objects as PowerShell's `Export-Clixml` writes them.
//!
//! In: the XML. Out: those members as fields that speak of the server, its build, its updates, its mitigations and when the
//! script ran, under their dotted path; and each pair of `Name` and `DetailValue` of what the script shows.

use piste_model::schema::Role;
use quick_xml::events::{BytesStart, Event};

use crate::fields::Fields;

/// Nesting that is followed.
const DEPTH_MAX: usize = 64;
/// Fields that are kept.
const FIELDS_MAX: usize = 1_000;
/// Bytes of a value.
const VALUE_BYTES_MAX: usize = 4_096;
/// Words one of which a member's path has.
const WANTED: [&str; 17] = [
    "servername",
    "fqdn",
    "buildinformation",
    "versioninformation",
    "buildnumber",
    "exchangesetup",
    "exsetup",
    "friendlyname",
    "generationtime",
    "healthcheckerversion",
    "mitigation",
    "kbsinstalled",
    "kbs",
    "serverrole",
    "exchangebuild",
    "hotfix",
    "installtime",
];
/// Elements that hold a plain value: text, numbers, times, versions, what an object calls itself.
const LEAVES: [&str; 15] =
    ["S", "I32", "I64", "U32", "U64", "I16", "U16", "DT", "B", "Version", "G", "Db", "D", "ToString", "By"];

/// Reads the members.
pub(super) fn read(text: &str, fields: &mut Fields) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => walk.open(&start)?,
            Event::Text(part) => walk.add(&part),
            Event::GeneralRef(name) => walk.add(super::entity(&name)),
            Event::End(_) => walk.close(fields),
            Event::Eof => break,
            _ => {}
        }
        if fields.iter().count() >= FIELDS_MAX {
            fields.leave_out();
            break;
        }
    }
    if walk.path.is_empty() || fields.iter().count() >= FIELDS_MAX {
        Ok(())
    } else {
        Err("it ends too early".to_owned())
    }
}

#[derive(Default)]
struct Walk {
    /// Names of the members that are open; empty for elements without one.
    path: Vec<String>,
    leaf: bool,
    value: String,
    /// The last `Name` of what the script shows.
    shown: String,
}

impl Walk {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.path.len() >= DEPTH_MAX {
            return Err(format!("its elements are nested deeper than {DEPTH_MAX}"));
        }
        let mut name = String::new();
        for attribute in start.attributes().flatten() {
            if attribute.key.as_ref() == "N" {
                name = attribute.value.into_owned();
            }
        }
        self.leaf = LEAVES.contains(&start.name().as_ref());
        self.path.push(name);
        self.value.clear();
        Ok(())
    }

    fn add(&mut self, text: &str) {
        if self.leaf && self.value.len() + text.len() <= VALUE_BYTES_MAX {
            self.value.push_str(text);
        }
    }

    fn close(&mut self, fields: &mut Fields) {
        let leaf = std::mem::take(&mut self.leaf);
        if leaf && !self.value.trim().is_empty() {
            self.take(fields);
        }
        self.path.pop();
    }

    fn take(&mut self, fields: &mut Fields) {
        let value = self.value.trim();
        let last = self.path.last().map(String::as_str).unwrap_or_default();
        match last {
            "Name" => self.shown = value.to_owned(),
            "DetailValue" | "DisplayValue" | "TestingValue"
                if (1..=100).contains(&self.shown.len()) && fields.get(&self.shown).is_none() =>
            {
                fields.push(&self.shown, value, Role::Data);
            }
            _ => {}
        }
        let named: Vec<&str> = self.path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let path = named.join(".");
        let lower = path.to_ascii_lowercase();
        if WANTED.iter().any(|word| lower.contains(word)) && path.len() <= 250 {
            fields.push(&path, value, Role::Data);
        }
    }
}
