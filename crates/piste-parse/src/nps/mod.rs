//! Accounting logs of Microsoft's RADIUS server (NPS, IAS): who asked to come in by VPN, Wi-Fi or a gateway, and the answer.
//!
//! In: lines in any of its three forms: XML (`<Event>`), the database's columns, and pairs of attribute and value. Out: a row
//! a line, the attributes by RADIUS's names, and `user`, `src_ip`, `action` and `outcome` as copies. Times are the server's own
//! clock without a zone.
//!
//! Sources: Microsoft, "Interpret NPS Database Format Log Files" and "Interpret IAS Format Log Files"; RFC 2865.

use std::borrow::Cow;

use piste_model::hash::record_hash;
use piste_model::schema::Role;
use piste_model::{Instant, address};

use crate::bad_records::{BadRecords, Words};
use crate::block::{Block, Line};
use crate::dates::{self, Order};
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use crate::{Context, Parsed, csv};

const WORDS: Words = Words {
    slug: "nps-line",
    unit: "line",
    wanted: "NPS row",
    hint: "look at the line: sed -n LINEp FILE; ask whether the log was copied while being written",
};
const BASIS: &str = "NPS server's clock, zone unknown";

/// Columns of the database's form, in their order.
const COLUMNS: [&str; 66] = [
    "Computer-Name",
    "Service-Name",
    "Record-Date",
    "Record-Time",
    "Packet-Type",
    "User-Name",
    "Fully-Qualified-Distinguished-Name",
    "Called-Station-Id",
    "Calling-Station-Id",
    "Callback-Number",
    "Framed-IP-Address",
    "NAS-Identifier",
    "NAS-IP-Address",
    "NAS-Port",
    "Client-Vendor",
    "Client-IP-Address",
    "Client-Friendly-Name",
    "Event-Timestamp",
    "Port-Limit",
    "NAS-Port-Type",
    "Connect-Info",
    "Framed-Protocol",
    "Service-Type",
    "Authentication-Type",
    "NP-Policy-Name",
    "Reason-Code",
    "Class",
    "Session-Timeout",
    "Idle-Timeout",
    "Termination-Action",
    "EAP-Friendly-Name",
    "Acct-Status-Type",
    "Acct-Delay-Time",
    "Acct-Input-Octets",
    "Acct-Output-Octets",
    "Acct-Session-Id",
    "Acct-Authentic",
    "Acct-Session-Time",
    "Acct-Input-Packets",
    "Acct-Output-Packets",
    "Acct-Terminate-Cause",
    "Acct-Multi-Session-Id",
    "Acct-Link-Count",
    "Acct-Interim-Interval",
    "Tunnel-Type",
    "Tunnel-Medium-Type",
    "Tunnel-Client-Endpt",
    "Tunnel-Server-Endpt",
    "Acct-Tunnel-Connection",
    "Tunnel-Pvt-Group-ID",
    "Tunnel-Assignment-ID",
    "Tunnel-Preference",
    "MS-Acct-Auth-Type",
    "MS-Acct-EAP-Type",
    "MS-RAS-Version",
    "MS-RAS-Vendor",
    "MS-CHAP-Error",
    "MS-CHAP-Domain",
    "MS-MPPE-Encryption-Types",
    "MS-MPPE-Encryption-Policy",
    "Proxy-Policy-Name",
    "Provider-Type",
    "Provider-Name",
    "Remote-Server-Address",
    "MS-RAS-Client-Name",
    "MS-RAS-Client-Version",
];
/// What stands before the pairs.
const PAIR_HEAD: [&str; 6] =
    ["NAS-IP-Address", "User-Name", "Record-Date", "Record-Time", "Service-Name", "Computer-Name"];
/// Attributes of the pairs by number; others are `attribute-N`.
const ATTRIBUTES: [(&str, &str); 22] = [
    ("4", "NAS-IP-Address"),
    ("5", "NAS-Port"),
    ("6", "Service-Type"),
    ("7", "Framed-Protocol"),
    ("8", "Framed-IP-Address"),
    ("25", "Class"),
    ("30", "Called-Station-Id"),
    ("31", "Calling-Station-Id"),
    ("32", "NAS-Identifier"),
    ("40", "Acct-Status-Type"),
    ("44", "Acct-Session-Id"),
    ("46", "Acct-Session-Time"),
    ("61", "NAS-Port-Type"),
    ("66", "Tunnel-Client-Endpt"),
    ("4108", "Client-IP-Address"),
    ("4116", "Client-Vendor"),
    ("4127", "Authentication-Type"),
    ("4128", "Client-Friendly-Name"),
    ("4129", "SAM-Account-Name"),
    ("4130", "Fully-Qualified-User-Name"),
    ("4136", "Packet-Type"),
    ("4142", "Reason-Code"),
];

/// Whether the first line is of one of these forms.
pub(crate) fn is_nps(head: &str) -> bool {
    let line = head.lines().next().unwrap_or_default().trim();
    if line.starts_with("<Event>") {
        return line.contains("<Timestamp data_type=") || line.contains("<Packet-Type data_type=");
    }
    let mut values = Vec::new();
    if csv::split(line, &mut values).is_err() {
        return false;
    }
    let has =
        |at: usize, wanted: &[&str]| values.get(at).is_some_and(|value| wanted.contains(&value.as_ref()));
    let date =
        |at: usize| values.get(at).is_some_and(|value| value.len() == 10 && value.matches('/').count() == 2);
    (values.len() >= 26 && has(1, &["IAS", "RAS"]) && date(2))
        || (values.len() >= 8 && has(4, &["IAS", "RAS"]) && date(2))
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let mut fields = Fields::default();
    parsed.note_too_long(cx, block, "line");
    for line in block.log_lines() {
        let text = line.text.trim();
        if text.is_empty() {
            continue;
        }
        fields.clear();
        match read(text, &mut fields) {
            Ok(()) => {
                push_row(&line, &mut fields, cx, &mut rows);
                parsed.records += 1;
            }
            Err(what) => bad.note(&line, what),
        }
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn read(text: &str, fields: &mut Fields) -> Result<(), String> {
    if text.starts_with('<') {
        return read_xml(text, fields);
    }
    let mut values: Vec<Cow<'_, str>> = Vec::new();
    csv::split(text, &mut values)?;
    let is_service = |at: usize| values.get(at).is_some_and(|value| matches!(value.as_ref(), "IAS" | "RAS"));
    if is_service(1) {
        for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
            match COLUMNS.get(at) {
                Some(name) => fields.push(name, value, Role::Data),
                None => fields.push(&format!("column-{}", at + 1), value, Role::Data),
            };
        }
        return Ok(());
    }
    if !is_service(4) {
        return Err(
            "it is neither XML nor has it the service's name where the other forms have it".to_owned()
        );
    }
    for (name, value) in PAIR_HEAD.iter().zip(&values) {
        fields.push(name, value, Role::Data);
    }
    for pair in values.get(PAIR_HEAD.len()..).unwrap_or_default().chunks_exact(2) {
        let [number, value] = pair else { continue };
        match ATTRIBUTES.iter().find(|(known, _)| known == number) {
            Some((_, name)) => fields.push(name, value, Role::Data),
            None => fields.push(&format!("attribute-{number}"), value, Role::Data),
        };
    }
    Ok(())
}

/// `<Event><Name data_type="1">value</Name>...</Event>`.
fn read_xml(text: &str, fields: &mut Fields) -> Result<(), String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut name, mut value, mut depth) = (String::new(), String::new(), 0_usize);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                depth += 1;
                start.name().as_ref().clone_into(&mut name);
                value.clear();
            }
            Event::Empty(start) if depth == 1 => {
                fields.push(start.name().as_ref(), "", Role::Data);
            }
            Event::Text(part) => value.push_str(&part),
            Event::GeneralRef(entity) => value.push_str(crate::healthchecker::entity(&entity)),
            Event::End(_) => {
                if depth == 2 {
                    fields.push(&name, &value, Role::Data);
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if depth > 0 { Err("its <Event> is not closed".to_owned()) } else { Ok(()) }
}

/// Kinds of packets: what was done, and how it ended.
const PACKETS: [(&str, &str, &str); 5] = [
    ("1", "access-request", ""),
    ("2", "logon", "success"),
    ("3", "logon", "failure"),
    ("4", "accounting", ""),
    ("11", "access-challenge", ""),
];

fn push_row(line: &Line<'_>, fields: &mut Fields, cx: &Context<'_>, rows: &mut Rows<'_>) {
    let first = |names: &[&str], fields: &Fields| {
        let found = names.iter().find_map(|name| fields.get(name).filter(|value| !value.is_empty()));
        found.map(str::to_owned)
    };
    let user = first(
        &[
            "User-Name",
            "SAM-Account-Name",
            "Fully-Qualified-Distinguished-Name",
            "Fully-Qualifed-User-Name",
            "Fully-Qualified-User-Name",
        ],
        fields,
    );
    let source = first(&["Calling-Station-Id", "Calling-Station-ID", "Tunnel-Client-Endpt"], fields);
    let source = source.filter(|address| address::parse(address).is_some());
    for (name, value) in [("user", user), ("src_ip", source)] {
        if let Some(value) = value {
            fields.push(name, &value, Role::Copy);
        }
    }
    let packet = PACKETS.iter().find(|(code, _, _)| fields.get("Packet-Type") == Some(code));
    if let Some((_, action, outcome)) = packet {
        fields.push("action", action, Role::Copy);
        if !outcome.is_empty() {
            fields.push("outcome", outcome, Role::Copy);
        }
    }
    let time = time_of(fields);
    let host = fields.get("Computer-Name").unwrap_or_default().to_owned();
    let head = Head {
        dataset: Some("nps.accounting"),
        channel: "",
        provider: "",
        event_code: None,
        time,
        time_basis: if time.is_some() { BASIS } else { "" },
        host: cx.host_or_hint(&host),
        record: i64::try_from(line.number).unwrap_or(i64::MAX),
        offset: line.offset,
        hash: record_hash(line.raw),
    };
    rows.push(&head, fields);
}

fn time_of(fields: &Fields) -> Option<Instant> {
    let text = match fields.get("Timestamp") {
        Some(stamp) => stamp.to_owned(),
        None => format!("{} {}", fields.get("Record-Date")?, fields.get("Record-Time")?),
    };
    // Month first in every country.
    dates::moment(&text, Order::MonthFirst)
}

#[cfg(test)]
mod tests;
