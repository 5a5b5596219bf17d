//! Logons from outside, the doors that need no flaw.
//!
//! In: Remote Desktop logons and refusals of Windows, granted accesses of a network policy server. Out: facts by service,
//! where the other side is an address of the Internet.

use std::net::IpAddr;

use piste_lake::{Lake, LakeError};

use super::fact::{Fact, Rung, Store, Topic, quoted};
use super::processes::scan;
use super::rows::Row;

/// Service name of Remote Desktop.
pub(crate) const REMOTE_DESKTOP: &str = "Remote Desktop";

/// Reads the datasets.
pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let security = [
        "LogonType",
        "IpAddress",
        "TargetUserName",
        "TargetDomainName",
        "CallingStationID",
        "SubjectUserName",
        "FullyQualifiedSubjectUserName",
    ];
    scan(lake, "windows.security", &security, &[4624, 4625, 6272, 6273], &mut |row| {
        of_security(row, host, store);
    })?;
    let session = ["Address", "User"];
    let sessions = "windows.terminalservices-localsessionmanager";
    scan(lake, sessions, &session, &[21, 25], &mut |row| {
        let (address, user) = (row.text("Address"), row.text("User"));
        let what = format!("session of {} from {}", quoted(user), quoted(address));
        desktop(row, Rung::Used, address, user, what, "TerminalServices 21/25", host, store);
    })?;
    let connection = ["Param1", "Param2", "Param3"];
    let connections = "windows.terminalservices-remoteconnectionmanager";
    scan(lake, connections, &connection, &[1149], &mut |row| {
        let user = account(row.text("Param2"), row.text("Param1"));
        let address = row.text("Param3");
        let what = format!(
            "connection accepted for {} from {}; a logon need not have followed",
            quoted(&user),
            quoted(address)
        );
        desktop(row, Rung::Passed, address, &user, what, "TerminalServices 1149", host, store);
    })
}

fn account(domain: &str, user: &str) -> String {
    if matches!(domain, "" | "-") { user.to_owned() } else { format!("{domain}\\{user}") }
}

fn of_security(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    match row.code() {
        Some(4624) if row.text("LogonType") == "10" => {
            let (address, user) =
                (row.text("IpAddress"), account(row.text("TargetDomainName"), row.text("TargetUserName")));
            let what = format!("logon of {} from {}", quoted(&user), quoted(address));
            desktop(row, Rung::Used, address, &user, what, "Security 4624", host, store);
        }
        Some(4625) if row.text("LogonType") == "10" => {
            let address = row.text("IpAddress");
            let what = format!(
                "logon of {} from {} was refused",
                quoted(row.text("TargetUserName")),
                quoted(address)
            );
            // Guessed names are no accounts that the door acted as.
            desktop(row, Rung::Looked, address, "", what, "Security 4625", host, store);
        }
        Some(6272) => {
            let caller = row.text("CallingStationID");
            let user = row.text("SubjectUserName");
            if is_public(caller) {
                let what = format!(
                    "the network policy server granted {} access from {}",
                    quoted(user),
                    quoted(caller)
                );
                let fact = Fact::new("Security 6272", row.time(), row.place(), what).from(caller).by(user);
                store.add(
                    &host(row.host()),
                    Topic::Remote("VPN (network policy server)".to_owned()),
                    Rung::Used,
                    fact,
                );
            }
        }
        _ => {}
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one fact, each of its own source")]
fn desktop(
    row: Row<'_, '_>,
    rung: Rung,
    address: &str,
    user: &str,
    what: String,
    log: &'static str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    if !is_public(address) {
        return;
    }
    let fact = Fact::new(log, row.time(), row.place(), what).from(address).by(user);
    store.add(&host(row.host()), Topic::Remote(REMOTE_DESKTOP.to_owned()), rung, fact);
}

/// Whether the address is one of the Internet.
pub(crate) fn is_public(text: &str) -> bool {
    let text = text.trim().trim_start_matches('[').split(']').next().unwrap_or_default();
    let Ok(address) = text.parse::<IpAddr>() else { return false };
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                is_public_v4(v4)
            } else {
                let head = v6.segments().first().copied().unwrap_or_default();
                (0x2000..0x4000).contains(&head) && !(head == 0x2001 && v6.segments().get(1) == Some(&0xdb8))
            }
        }
    }
}

fn is_public_v4(address: std::net::Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || shared
        || a == 0
        || a >= 240)
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn addresses_of_the_internet() {
        for inside in [
            "10.0.0.1",
            "192.168.2.5",
            "172.16.9.9",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "-",
            "",
            "LOCAL",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(inside), "{inside}");
        }
        for outside in ["203.0.113.7", "8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(is_public(outside), "{outside}");
        }
    }
}
