//! Lines of firewalls, VPN gateways and their like: syslog (RFC 3164 and 5424), CEF, LEEF, `key=value`.
//!
//! In: lines, and what `catalog/devices.yaml` says of devices. Out: a row a line with the fields as written and, where a
//! device is known, `src_ip`, `user`, `action`, `outcome`, `vendor` and `product` as copies. The dataset is the device's
//! (`network.vpn`, `network.firewall`), else `syslog`. RFC 3164 writes no year: the one in the file's name is taken.
//!
//! A line may be several messages that say their lengths, and one of these may have several lines (RFC 6587). Structured data
//! (RFC 5424) are fields by the names of their parameters.
//!
//! Sources: RFC 3164, RFC 5424, RFC 6587; the Common Event Format of Micro Focus; IBM's Log Event Extended Format.

mod envelope;
pub mod frames;
mod payload;

use piste_model::devices::{Device, DeviceEvent, has_text, values_of};
use piste_model::hash::record_hash;
use piste_model::schema::Role;

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed};
use envelope::Envelope;

const WORDS: Words = Words {
    slug: "syslog-line",
    unit: "line",
    wanted: "syslog row",
    hint: "look at the line: sed -n LINEp FILE; export the device's log again if the file was cut",
};
/// Dataset of lines that no device claims.
const DATASET: &str = "syslog";

/// Whether the first lines are of this form.
pub(crate) fn is_syslog(head: &str, cut: bool) -> bool {
    let lines = frames::messages(head.as_bytes()).filter_map(|message| head.get(message));
    let mut lines = lines.filter(|line| !line.trim().is_empty()).take(4).peekable();
    let (mut seen, mut right) = (0, 0);
    while let Some(line) = lines.next() {
        if lines.peek().is_none() && cut && seen > 0 {
            break; // perhaps not whole
        }
        seen += 1;
        right += usize::from(is_line(line));
    }
    seen > 0 && right == seen
}

/// What devices write into each of their messages, whatever stands before it: relays and exports frame them in many ways.
const MARKS: [&str; 9] = [
    "%ASA-",
    "%FTD-",
    "%PIX-",
    " SSLVPN LOGIN ",
    " SSLVPN LOGOUT ",
    " SSLVPN TCPCONNSTAT ",
    " SSLVPN HTTPREQUEST ",
    " AAA LOGIN_FAILED ",
    ",GLOBALPROTECT,",
];

fn is_line(line: &str) -> bool {
    let envelope = Envelope::of(line, None);
    let is_marked = MARKS.iter().any(|mark| line.contains(mark));
    is_marked
        || payload::is_known(envelope.text)
        || (envelope.has_priority && envelope.is_timed)
        || envelope.is_framed
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    let year = envelope::year_in(cx.path);
    parsed.note_too_long(cx, block, "line");
    for line in block.messages() {
        if line.text.trim().is_empty() {
            continue;
        }
        if line.text.contains('\u{fffd}') || line.text.bytes().all(|byte| byte < b' ') {
            bad.note(&line, "it is no text");
            continue;
        }
        parsed.records += 1;
        push_row(&line, year, &mut fields, cx, &mut rows);
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn push_row(line: &Line<'_>, year: Option<i16>, fields: &mut Fields, cx: &Context<'_>, rows: &mut Rows<'_>) {
    fields.clear();
    let envelope = Envelope::of(&line.text, year);
    envelope.push(fields);
    payload::push(envelope.text, fields);
    let dataset = devices(&cx.sources.devices, &line.text, fields);
    let time = payload::time_of(fields).or(envelope.time);
    let named = ["devname", "dvchost", "dvc", "device_name"].into_iter().find_map(|name| fields.get(name));
    let host = if envelope.host.is_empty() {
        named.unwrap_or_default().to_owned()
    } else {
        envelope.host.to_owned()
    };
    let head = Head {
        dataset: Some(&dataset),
        channel: "",
        provider: "",
        event_code: None,
        time: time.map(|(time, _)| time),
        time_basis: time.map_or("", |(_, basis)| basis),
        host: cx.host_or_hint(&host),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
}

/// Adds what the catalogue says of the line; gives its dataset.
fn devices(devices: &[Device], text: &str, fields: &mut Fields) -> String {
    let Some(device) = devices.iter().find(|one| has_text(&one.has, text) && fits(&one.when, fields)) else {
        return DATASET.to_owned();
    };
    let event = device.events.iter().find(|event| {
        has_text(&event.has, text)
            && fits(&event.when, fields)
            && event.pattern.as_deref().is_none_or(|pattern| values_of(pattern, text).is_some())
    });
    if let Some(DeviceEvent { pattern: Some(pattern), .. }) = event {
        for (name, value) in values_of(pattern, text).unwrap_or_default() {
            copy(fields, name, value);
        }
    }
    for (name, value) in event.into_iter().flat_map(|event| &event.set) {
        // The device's own word for it stays under its own name.
        copy(fields, if fields.get(name).is_some() { "event.action" } else { name }, value);
    }
    for (name, others) in &device.copy {
        let value = others.iter().find_map(|other| fields.get(other).filter(|value| !value.is_empty()));
        if let Some(value) = value.map(str::to_owned) {
            copy(fields, name, &value);
        }
    }
    for (name, value, written) in
        [("vendor", &device.vendor, "deviceVendor"), ("product", &device.product, "deviceProduct")]
    {
        let value =
            if value.is_empty() { fields.get(written).unwrap_or_default().to_owned() } else { value.clone() };
        copy(fields, name, &value);
    }
    event.and_then(|event| event.dataset.clone()).unwrap_or_else(|| device.dataset.clone())
}

fn copy(fields: &mut Fields, name: &str, value: &str) {
    if !value.is_empty() && fields.get(name).is_none() {
        fields.push(name, value, Role::Copy);
    }
}

fn fits(when: &std::collections::BTreeMap<String, Vec<String>>, fields: &Fields) -> bool {
    when.iter().all(|(name, values)| {
        fields.get(name).is_some_and(|found| {
            values.is_empty() || values.iter().any(|value| value.eq_ignore_ascii_case(found))
        })
    })
}

#[cfg(test)]
mod tests;
