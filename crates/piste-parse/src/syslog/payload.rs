//! A device's own words: CEF, LEEF, `key=value`.
//!
//! In: the text after the envelope. Out: its fields by the names that it writes; the seven of CEF's head under CEF's own.

use piste_model::Instant;
use piste_model::schema::Role;

use crate::dates::{self, Order};
use crate::doubts::MONTH_ASSUMED;
use crate::fields::Fields;

const CEF_HEAD: [&str; 7] = [
    "cefVersion",
    "deviceVendor",
    "deviceProduct",
    "deviceVersion",
    "deviceEventClassId",
    "name",
    "severity",
];
/// Pairs that make a text one of pairs.
const PAIRS_MIN: usize = 3;

/// Whether the text is of a form that is taken apart.
pub(super) fn is_known(text: &str) -> bool {
    text.contains("CEF:0|")
        || text.contains("CEF:1|")
        || text.contains("LEEF:")
        || pairs(text).len() > PAIRS_MIN
}

/// Adds the text's fields.
pub(super) fn push(text: &str, fields: &mut Fields) {
    if let Some(at) =
        text.find("CEF:").filter(|at| text.get(at + 4..).is_some_and(|rest| rest.starts_with(['0', '1'])))
    {
        push_cef(text.get(at + 4..).unwrap_or_default(), fields);
    } else if let Some((_, rest)) = text.split_once("LEEF:") {
        push_leef(rest, fields);
    } else {
        let pairs = pairs(text);
        if pairs.len() >= PAIRS_MIN {
            for (key, value) in pairs {
                fields.push(key, value, Role::Data);
            }
        }
    }
}

fn push_cef(text: &str, fields: &mut Fields) {
    let mut rest = text;
    for name in CEF_HEAD {
        let Some(end) = unescaped_at(rest, b'|') else { return };
        let value = rest.get(..end).unwrap_or_default().replace("\\|", "|").replace("\\\\", "\\");
        fields.push(name, &value, Role::Data);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    // A value runs to the last blank before the next `key=`.
    let mut key: Option<(&str, usize)> = None;
    let mut from = 0;
    while let Some(equals) = rest.get(from..).and_then(|tail| unescaped_at(tail, b'=')).map(|at| from + at) {
        let begin = rest.get(..equals).and_then(|head| head.rfind(' ')).map_or(0, |blank| blank + 1);
        let name = rest.get(begin..equals).unwrap_or_default();
        if is_key(name) {
            if let Some((key, start)) = key {
                push_cef_pair(key, rest.get(start..begin).unwrap_or_default(), fields);
            }
            key = Some((name, equals + 1));
        }
        from = equals + 1;
    }
    if let Some((key, start)) = key {
        push_cef_pair(key, rest.get(start..).unwrap_or_default(), fields);
    }
}

fn push_cef_pair(key: &str, value: &str, fields: &mut Fields) {
    let value = value.trim_end();
    if value.contains('\\') {
        let value = value.replace("\\=", "=").replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\");
        fields.push(key, &value, Role::Data);
    } else {
        fields.push(key, value, Role::Data);
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Where the byte first stands without a backslash before it.
fn unescaped_at(text: &str, wanted: u8) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == wanted => return Some(at),
            _ => {}
        }
    }
    None
}

/// `2.0|Vendor|Product|Version|EventID|delimiter|key=value...`; version 1 has tabs and no delimiter.
fn push_leef(text: &str, fields: &mut Fields) {
    let mut parts = text.splitn(6, '|');
    let version = parts.next().unwrap_or_default();
    for name in ["deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId"] {
        let Some(value) = parts.next() else { return };
        fields.push(name, value, Role::Data);
    }
    let rest = parts.next().unwrap_or_default();
    let (delimiter, rest) = match rest.split_once('|') {
        Some((mark, rest)) if version.starts_with('2') && mark.len() <= 6 && !mark.contains('=') => {
            (mark_of(mark), rest)
        }
        _ => ('\t', rest),
    };
    for (key, value) in rest.split(delimiter).filter_map(|pair| pair.split_once('=')) {
        if is_key(key.trim()) {
            fields.push(key.trim(), value.trim(), Role::Data);
        }
    }
}

/// A delimiter as itself or as `0x5E`.
fn mark_of(mark: &str) -> char {
    let hex = mark.strip_prefix("0x").or_else(|| mark.strip_prefix('x'));
    let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    code.or_else(|| mark.chars().next()).unwrap_or('\t')
}

/// `key=value key="value with blanks"`.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let head = rest.get(..equals).unwrap_or_default();
        let begin = head.rfind([' ', ',', '\t']).map_or(0, |blank| blank + 1);
        let key = head.get(begin..).unwrap_or_default();
        let after = rest.get(equals + 1..).unwrap_or_default();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            quoted.split_once('"').unwrap_or((quoted, ""))
        } else {
            after.split_at(after.find([' ', ',', '\t']).unwrap_or(after.len()))
        };
        if is_key(key) {
            found.push((key, value));
        }
        rest = next;
    }
    found
}

/// Time that the device's own fields tell.
pub(super) fn time_of(fields: &Fields) -> Option<(Instant, &'static str)> {
    let own = |name: &str| fields.get(name).filter(|value| !value.is_empty());
    if let Some(time) = own("eventtime").and_then(since_1970) {
        return Some((time, "eventtime"));
    }
    if let (Some(date), Some(clock)) = (own("date"), own("time")) {
        return match own("tz").filter(|zone| zone.len() == 5 && zone.is_ascii()) {
            Some(zone) => {
                let (hours, minutes) = zone.split_at(3);
                Instant::parse(&format!("{date}T{clock}{hours}:{minutes}"))
                    .map(|time| (time, "date, time and tz"))
            }
            None => {
                Instant::parse(&format!("{date} {clock}")).map(|time| (time, "date and time, zone unknown"))
            }
        };
    }
    for (name, basis, unknown) in [
        ("rt", "rt", "rt, zone unknown"),
        ("end", "end", "end, zone unknown"),
        ("start", "start", "start, zone unknown"),
        ("devTime", "devTime", "devTime, zone unknown"),
        ("time", "time", "time, zone unknown"),
    ] {
        let Some(text) = own(name) else { continue };
        if let Some(time) = since_1970(text) {
            return Some((time, basis));
        }
        if let Some(time) = written(text) {
            if dates::is_ambiguous(text) {
                return Some((time, MONTH_ASSUMED));
            }
            return Some((time, if text.contains("UTC") || text.ends_with('Z') { basis } else { unknown }));
        }
    }
    None
}

/// A count since 1970 in seconds, or thousandths, millionths or billionths, by its length.
fn since_1970(text: &str) -> Option<Instant> {
    let (scale, digits) = match text.len() {
        10 => (1_000_000_000, 0),
        13 => (1_000_000, 3),
        16 => (1_000, 6),
        19 => (1, 9),
        _ => return None,
    };
    let count: i64 = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
    Some(Instant { nanos: count.checked_mul(scale)?, digits })
}

/// `Mar 03 2021 05:12:31`, `2021-03-03 05:12:31`, `03/03/2021 05:12:31`.
fn written(text: &str) -> Option<Instant> {
    let text = text.trim_end_matches(" UTC");
    if let Some(time) = dates::moment(text, Order::MonthFirst) {
        return Some(time);
    }
    let mut words = text.split_ascii_whitespace();
    let (month, day, year, clock) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = 1 + months.iter().position(|name| month.eq_ignore_ascii_case(name))?;
    Instant::parse(&format!("{year}-{month:02}-{day:0>2}T{clock}Z"))
}
