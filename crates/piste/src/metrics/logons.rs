//! Who logged on where, from where, and who tried in vain.
//!
//! In: a row. Out: whether it is a logon or a failed one, with account, host, way and source, as Windows (4624, 4625, 4771,
//! 4776) and gateways for remote access tell it.

use arrow_array::RecordBatch;
use piste_lake::scan::text_at;
use piste_model::schema;

use crate::look::rows::int_at;

/// Datasets that hold logons.
pub(crate) const DATASETS: [&str; 2] = [SECURITY, VPN];
const SECURITY: &str = "windows.security";
const VPN: &str = "network.vpn";

/// Columns that are looked at, beside those that every row has.
pub(crate) const COLUMNS: [&str; 12] = [
    "TargetUserName",
    "TargetDomainName",
    "LogonType",
    "IpAddress",
    "WorkstationName",
    "Workstation",
    "Status",
    "user",
    "src_ip",
    "action",
    "outcome",
    "group",
];

/// One logon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logon {
    pub(crate) succeeded: bool,
    pub(crate) account: String,
    /// `3 network`.
    pub(crate) way: String,
    /// Address, else the name of the other computer.
    pub(crate) source: String,
}

/// The logon that a row tells of, if it tells of one.
pub(crate) fn logon(batch: &RecordBatch, row: usize) -> Option<Logon> {
    let text = |name: &str| {
        let text = batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default();
        if text == "-" { "" } else { text }
    };
    if text(schema::DATASET) == VPN {
        let succeeded = match (text("action"), text("outcome")) {
            ("logon", "success") => true,
            ("logon", "failure") => false,
            _ => return None,
        };
        let (account, source) = (text("user").to_owned(), text("src_ip").to_owned());
        return Some(Logon { succeeded, account, way: "remote access".to_owned(), source });
    }
    let code = int_at(batch, schema::EVENT_CODE, row)?;
    let (succeeded, way) = match code {
        4624 => (true, way_of(text("LogonType"))),
        4625 => (false, way_of(text("LogonType"))),
        4771 => (false, "Kerberos".to_owned()),
        4776 => (matches!(text("Status"), "0x0" | "0x00000000"), "NTLM".to_owned()),
        _ => return None,
    };
    // That a password was right the controller tells by 4776; the logon itself is the target's 4624.
    if code == 4_776 && succeeded {
        return None;
    }
    let name = text("TargetUserName");
    let account = match text("TargetDomainName") {
        "" => name.to_owned(),
        domain => format!("{domain}\\{name}"),
    };
    let places = [text("IpAddress"), text("WorkstationName"), text("Workstation")];
    let source = places.into_iter().find(|place| !place.is_empty()).unwrap_or_default();
    Some(Logon { succeeded, account, way, source: source.to_owned() })
}

/// A logon type with its word. Source: Microsoft, event 4624.
fn way_of(number: &str) -> String {
    let word = match number {
        "2" => "interactive",
        "3" => "network",
        "4" => "batch",
        "5" => "service",
        "7" => "unlock",
        "8" => "network, password in clear",
        "9" => "new credentials",
        "10" => "remote desktop",
        "11" => "cached",
        "12" => "cached remote desktop",
        "13" => "cached unlock",
        _ => return number.to_owned(),
    };
    format!("{number} {word}")
}
