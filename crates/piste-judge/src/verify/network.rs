//! Connections with the other side, and logons from there.
//!
//! In: connections as Sysmon, the filtering platform, firewalls and Zeek have them, requests of a web server, logons. Out: the address,
//! and the account that was used from it.

use piste_model::removal::{NameSort, TraceKind};

use super::names::{account, address, is_of_somebody};
use super::rows::Row;
use super::trace::{Act, Trace};

pub(super) fn read(row: &Row<'_>, found: &mut Vec<Trace>) {
    match (row.dataset, row.code()) {
        ("windows.sysmon", 3) | ("windows.security", 5156) => {
            for name in ["SourceIp", "DestinationIp", "SourceAddress", "DestAddress"] {
                push(row.text(name), found);
            }
        }
        ("windows.security", 4624 | 4625) => {
            push(row.text("IpAddress"), found);
            logon(row, row.text("TargetUserName"), found);
        }
        ("windows.terminalservices-localsessionmanager", _) => push(row.first(&["Address", "Param3"]), found),
        ("iis.access", _) => push(row.text("c-ip"), found),
        ("exchange.httpproxy", _) => push(row.text("ClientIpAddress"), found),
        ("zeek.conn", _) => {
            push(row.text("id.orig_h"), found);
            push(row.text("id.resp_h"), found);
        }
        ("windows.firewall" | "defender.network" | "velociraptor.netstat", _) => {
            for name in ["SourceIp", "DestinationIp", "src-ip", "dst-ip", "RemoteIP", "LocalIP"] {
                push(row.text(name), found);
            }
        }
        (dataset, _) if dataset.starts_with("remote-access.") => {
            push(row.first(&["SourceIp", "IpAddress"]), found);
        }
        _ => {}
    }
}

fn push(text: &str, found: &mut Vec<Trace>) {
    if let Some(address) = address(text) {
        found.push(Trace::new(TraceKind::Connection, Act::Used, text).named(NameSort::Address, address));
    }
}

/// A logon that was let in: an account that was to be gone, or whose secret was to be another.
fn logon(row: &Row<'_>, name: &str, found: &mut Vec<Trace>) {
    let plain = account(name);
    if row.code() == 4624 && is_of_somebody(&plain) {
        let trace = Trace::new(TraceKind::Account, Act::Used, name).named(NameSort::Name, plain);
        found.push(trace.named(NameSort::Sid, row.text("TargetUserSid").to_uppercase()));
    }
}
