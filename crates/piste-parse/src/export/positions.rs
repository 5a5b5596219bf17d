//! The names of an event's own fields where an export has only their values, in order.
//!
//! In: provider, event id, version and the number of values; the values of `Get-WinEvent`'s `Properties`. Out: the names that
//! the provider's manifest gives them, and each value as an event log shows it: .NET writes as a plain number what the
//! manifest calls hexadecimal.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

/// `provider,event id,version,names with bars between`; `:x` is shown in hexadecimal, `:t` is a time.
const TEXT: &str = include_str!("../../../../catalog/event-fields.csv");

/// What a field's value is in its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Hexadecimal,
    Time,
}

/// A field's name, and how its value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: &'static str,
    form: Form,
}

impl Name {
    fn of(word: &'static str) -> Self {
        match word.rsplit_once(':') {
            Some((name, "x")) => Self { name, form: Form::Hexadecimal },
            Some((name, "t")) => Self { name, form: Form::Time },
            _ => Self { name: word, form: Form::Plain },
        }
    }

    /// A value as the log shows it.
    pub(crate) fn shown(&self, value: &str) -> String {
        match self.form {
            Form::Hexadecimal => {
                // A signed number of 32 bits is one of HRESULT's kin.
                let number = value.parse::<u64>().ok().or_else(|| {
                    let signed = value.parse::<i64>().ok()?;
                    i32::try_from(signed).map_or_else(
                        |_| Some(u64::from_ne_bytes(signed.to_ne_bytes())),
                        |short| Some(u64::from(u32::from_ne_bytes(short.to_ne_bytes()))),
                    )
                });
                number.map_or_else(|| value.to_owned(), |number| format!("{number:#x}"))
            }
            Form::Time => {
                let time = super::times::read(value, crate::dates::Order::DayFirst);
                time.map_or_else(|| value.to_owned(), |(time, _)| time.to_string())
            }
            Form::Plain => value.to_owned(),
        }
    }
}

/// By version and number of values: Sysmon adds fields without another version.
type Versions = BTreeMap<(u32, usize), Vec<Name>>;

/// By provider in lower case, then by event id.
type Catalogue = BTreeMap<String, BTreeMap<&'static str, Versions>>;

fn catalogue() -> &'static Catalogue {
    static ALL: OnceLock<Catalogue> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Catalogue::new();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.splitn(4, ',');
            let (Some(provider), Some(event), Some(version), Some(names)) =
                (parts.next(), parts.next(), parts.next().and_then(|text| text.parse().ok()), parts.next())
            else {
                continue;
            };
            let names: Vec<Name> = names.split('|').filter(|word| !word.is_empty()).map(Name::of).collect();
            let events = all.entry(provider.to_ascii_lowercase()).or_default();
            events.entry(event).or_default().insert((version, names.len()), names);
        }
        all
    })
}

/// The names of an event's values: of its version, of another version with as many, or the part that all versions share.
pub(crate) fn names(provider: &str, event: &str, version: &str, count: usize) -> &'static [Name] {
    let events = catalogue().get(&provider.to_ascii_lowercase());
    let Some(versions) = events.and_then(|events| events.get(event)) else { return &[] };
    let wanted: Option<u32> = version.parse().ok();
    let exact = wanted.and_then(|version| versions.get(&(version, count)));
    let as_many = || versions.values().rev().find(|names| names.len() == count);
    // Microsoft adds fields at the end.
    let fewer = || versions.values().rev().find(|names| names.len() < count);
    exact.or_else(as_many).or_else(fewer).map_or(&[], Vec::as_slice)
}

/// `Get-WinEvent`'s object as far as its values go.
#[derive(Debug, Deserialize)]
struct Object {
    #[serde(rename = "Properties", default)]
    properties: Vec<Property>,
}

#[derive(Debug, Deserialize)]
struct Property {
    #[serde(rename = "Value", default)]
    value: Value,
}

/// The values of the list `Properties` of an object, none where it has none.
pub(crate) fn listed(text: &str) -> Vec<String> {
    let object: Result<Object, _> = serde_json::from_str(text);
    object
        .map_or_else(|_| Vec::new(), |object| object.properties.iter().map(|one| plain(&one.value)).collect())
}

/// A value as text: an account's id is an object with its value in it, bytes are a list of numbers.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(members) => {
            members.get("Value").or_else(|| members.get("value")).map(plain).unwrap_or_default()
        }
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> =
                items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => piste_model::hash::hex(&bytes).to_ascii_uppercase(),
                None => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            }
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sound() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        let read: usize = catalogue().values().flat_map(BTreeMap::values).map(BTreeMap::len).sum();
        assert_eq!(read, lines, "each line is read, and none stands twice");
        for names in catalogue().values().flat_map(BTreeMap::values).flat_map(BTreeMap::values) {
            let mut seen: Vec<&str> = names.iter().map(|name| name.name).collect();
            seen.sort_unstable();
            let count = seen.len();
            seen.dedup();
            assert_eq!(seen.len(), count, "{names:?}");
        }
    }

    #[test]
    fn values_get_the_names_of_their_manifest() {
        let of = |count| {
            let names = names("Microsoft-Windows-Security-Auditing", "4625", "0", count);
            names.iter().map(|name| name.name).collect::<Vec<_>>()
        };
        assert_eq!(of(21).get(5), Some(&"TargetUserName"));
        assert_eq!(of(22).len(), 21, "what a later version adds has no name");
        assert_eq!(of(3), [""; 0]);
        assert_eq!(names("Other", "1", "0", 3), []);
    }

    #[test]
    fn values_are_shown_as_the_log_shows_them() {
        let shown = |word: &'static str, value: &str| Name::of(word).shown(value);
        assert_eq!(shown("SubjectLogonId:x", "999"), "0x3e7");
        assert_eq!(shown("Status:x", "-1073741715"), "0xc000006d");
        assert_eq!(shown("Status:x", "0x0"), "0x0");
        assert_eq!(shown("LogonType", "3"), "3");
        assert_eq!(shown("When:t", "/Date(1614848452123)/"), "2021-03-04T09:00:52.123Z");
        let object = r#"{"Properties":[{"Value":"S-1-0-0"},{"Value":null},{"Value":{"BinaryLength":12,"Value":"S-1-5-18"}},{"Value":[1,255]},{"Value":true},{}]}"#;
        assert_eq!(listed(object), ["S-1-0-0", "", "S-1-5-18", "01FF", "true", ""]);
        assert_eq!(listed("{"), [""; 0]);
    }
}
