//! Files of indicators, whatever their format.
//!
//! In: paths, or bytes with the name they go by. Out: [`Indicators`]. What a file is, its content decides. A file that
//! breaks off gives what came before.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use piste_model::hash::sha256_hex;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::sink::{Fault, Place, Sink};
use super::{About, IndicatorError, Indicators, csv, list, misp, openioc, stix};

/// The longest file that is read.
const BYTES_MAX: u64 = 1 << 30;

/// What a file of indicators is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// STIX 2.0 or 2.1.
    Stix,
    /// MISP's JSON.
    Misp,
    /// OpenIOC 1.0 or 1.1.
    OpenIoc,
    /// Columns.
    Csv,
    /// A value a line.
    List,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stix => "STIX",
            Self::Misp => "MISP",
            Self::OpenIoc => "OpenIOC",
            Self::Csv => "CSV",
            Self::List => "list",
        })
    }
}

/// A file and the name that its indicators are said to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenFile {
    /// Name to show.
    pub name: String,
    /// Where its bytes are.
    pub path: PathBuf,
}

/// Reads files of indicators, in their order.
///
/// # Errors
/// [`IndicatorError`], by the first file that cannot be used at all.
pub fn read(files: &[GivenFile]) -> Result<Indicators, IndicatorError> {
    let mut sink = Sink::default();
    for file in files {
        let bytes = bytes_of(&file.path)?;
        let (understood, first) = read_bytes(&file.name, &bytes, &mut sink);
        if understood == 0 {
            let first = first.map_or_else(String::new, |first| format!("; {first}"));
            return Err(IndicatorError::NoneUnderstood { path: PathBuf::from(&file.name), first });
        }
    }
    Ok(sink.finish())
}

/// What one file's bytes hold, whether anything is understood or not.
pub fn read_one(name: &str, bytes: &[u8]) -> Indicators {
    let mut sink = Sink::default();
    read_bytes(name, bytes, &mut sink);
    sink.finish()
}

/// One file's bytes; answers as [`Sink::end`].
pub(super) fn read_bytes(name: &str, bytes: &[u8], sink: &mut Sink) -> (u64, Option<String>) {
    let text = decoded(bytes);
    let format = format_of(name, &text);
    sink.begin(name, sha256_hex(bytes), format);
    let broken = match format {
        Format::Stix => stix::read(text.as_bytes(), sink).err().map(|error| error.to_string()),
        Format::Misp => misp::read(text.as_bytes(), sink).err().map(|error| error.to_string()),
        Format::OpenIoc => openioc::read(&text, sink).err(),
        Format::Csv => {
            csv::read(&text, sink);
            None
        }
        Format::List => {
            list::read(&text, sink);
            None
        }
    };
    if let Some(why) = broken {
        let place = Place { line: 0, id: None, about: Arc::new(About::default()) };
        let what = format!("the {format} file breaks off: {why}; what stands after that is not read");
        sink.fault(Fault::NotUnderstood, &place, &what);
    }
    sink.end()
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, IndicatorError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => IndicatorError::Missing { path: path.to_owned() },
        _ => IndicatorError::Unreadable { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let length = bytes.len() as u64;
    if length > BYTES_MAX {
        return Err(IndicatorError::TooLong { path: path.to_owned(), bytes: length, limit: BYTES_MAX });
    }
    Ok(bytes)
}

/// UTF-8 or, by its mark, UTF-16; what is neither keeps its place as `�`.
fn decoded(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(unit);
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn format_of(name: &str, text: &str) -> Format {
    let head = text.trim_start();
    match head.chars().next() {
        Some('{' | '[') if is_json(head) => {
            if is_misp(head.as_bytes()) {
                Format::Misp
            } else {
                Format::Stix
            }
        }
        Some('<')
            if head.starts_with("<?xml") || head.starts_with("<ioc") || head.starts_with("<OpenIOC") =>
        {
            Format::OpenIoc
        }
        _ => {
            let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
            let named = ending.is_some_and(|ending| ending == "csv" || ending == "tsv");
            if named || csv::has_header(text) { Format::Csv } else { Format::List }
        }
    }
}

/// `[.` or `{.}` may begin a defanged value; JSON goes on with a quote, a brace or a bracket.
fn is_json(head: &str) -> bool {
    let next = head.chars().skip(1).find(|c| !c.is_whitespace());
    matches!(next, Some('"' | '{' | '[' | '}' | ']'))
}

/// Whether the outermost object, or the first of a list, has a key of MISP's.
fn is_misp(bytes: &[u8]) -> bool {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or a list")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if matches!(key.as_str(), "Event" | "response" | "Attribute" | "Object") {
                    return Ok(true);
                }
                if matches!(key.as_str(), "objects" | "pattern" | "spec_version") {
                    return Ok(false);
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(false)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
            Ok(list.next_element_seed(self)?.unwrap_or(false))
        }
    }
    impl<'de> DeserializeSeed<'de> for Keys {
        type Value = bool;

        fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
            input.deserialize_any(self)
        }
    }
    // What is left unread after the answer is an error to the deserializer, so the answer is carried out by hand.
    let mut input = serde_json::Deserializer::from_slice(bytes);
    let found = Keys.deserialize(&mut input);
    found.unwrap_or_else(|_| {
        let head = bytes.get(..bytes.len().min(4_096)).unwrap_or_default();
        ["\"Event\"", "\"response\"", "\"Attribute\""]
            .iter()
            .any(|key| memchr::memmem::find(head, key.as_bytes()).is_some())
            && memchr::memmem::find(head, b"\"objects\"").is_none()
    })
}

/// Hands each element of the list `key` of the outermost object to `each`; an outermost object without that list is itself
/// the one element, and of an outermost list each element. Of an element of another shape `each` gets the reason and the
/// element itself.
///
/// # Errors
/// Where it is no JSON; what came before was handed out.
pub(super) fn each_object<T: DeserializeOwned>(
    bytes: &[u8],
    key: &str,
    each: &mut dyn FnMut(Element<T>),
) -> Result<(), serde_json::Error> {
    let mut found = false;
    let mut input = serde_json::Deserializer::from_slice(bytes);
    Objects { key, each, found: &mut found }.deserialize(&mut input)?;
    if !found {
        each(element(serde_json::from_slice(bytes)?));
    }
    Ok(())
}

/// An element, or why it is none and what it is.
pub(super) type Element<T> = Result<T, (String, serde_json::Value)>;

fn element<T: DeserializeOwned>(value: serde_json::Value) -> Element<T> {
    T::deserialize(&value).map_err(|error| (error.to_string(), value))
}

struct Objects<'f, T> {
    key: &'f str,
    each: &'f mut dyn FnMut(Element<T>),
    found: &'f mut bool,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Objects<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Objects<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                *self.found = true;
                map.next_value_seed(Each(&mut *self.each))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        *self.found = true;
        Each(self.each).visit_seq(list)
    }
}

struct Each<'f, T>(&'f mut dyn FnMut(Element<T>));

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Each<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Each<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<serde_json::Value>()? {
            (self.0)(element(value));
        }
        Ok(())
    }
}
