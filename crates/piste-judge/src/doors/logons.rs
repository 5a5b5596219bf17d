//! Logons from outside, the doors that need no flaw.
//!
//! In: Remote Desktop logons and refusals of Windows, granted and refused accesses of a network policy server, logons that web
//! workers asked for. Out: facts by service, where the other side is an address of the Internet.

use piste_lake::{Lake, LakeError};

use piste_model::ReasonKind;

use super::account_names::account;
use super::addresses::is_public;
use super::fact::Fact;
use super::guesses::Guesses;
use super::mail::{Refusals, SIGN_IN, Sessions};
use super::rows::Row;
use super::rung::Rung;
use super::scan::scan;
use super::store::{Store, Topic};
use super::vpn::{self, Attempt, Visits};
use super::words::quoted;

/// Service name of Remote Desktop.
pub(crate) const REMOTE_DESKTOP: &str = "Remote Desktop";

/// Columns of the Security log that logons are read from.
pub(crate) const SECURITY: [&str; 10] = [
    "LogonType",
    "IpAddress",
    "IpPort",
    "AuthenticationPackageName",
    "TargetUserName",
    "TargetDomainName",
    "ProcessName",
    "CallingStationID",
    "SubjectUserName",
    "FullyQualifiedSubjectUserName",
];

/// What is known of logons from outside while logs are read.
#[derive(Debug, Default)]
pub(crate) struct Logons {
    pub(crate) guesses: Guesses,
    pub(crate) visits: Visits,
    pub(crate) sessions: Sessions,
    pub(crate) refusals: Refusals,
}

impl Logons {
    /// Takes a row of the Security log.
    pub(crate) fn of_security(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
        match row.code() {
            Some(4624) if is_web_logon(row) => {
                let (user, address) = (row.text("TargetUserName"), row.text("IpAddress"));
                self.sessions.web_logon(row, host(row.host()), user, address);
            }
            Some(4624) => granted(row, host, store),
            Some(4625) => refused(row, host, &mut self.guesses),
            Some(code @ (6272 | 6273)) => {
                let log = if code == 6272 { "Security 6272" } else { "Security 6273" };
                let (source, account) = (row.text("CallingStationID"), row.text("SubjectUserName"));
                let granted = code == 6272;
                self.visits.add(row, &Attempt { log, host: host(row.host()), source, account, granted });
            }
            _ => {}
        }
    }
}

/// Reads the datasets beside the Security log.
pub(crate) fn read(
    lake: &Lake,
    host: &dyn Fn(&str) -> String,
    logons: &mut Logons,
    store: &mut Store,
) -> Result<(), LakeError> {
    let core = "windows.remotedesktopservices-rdpcorets";
    scan(lake, core, &["IPString", "ClientIP"], &[131, 140], &mut |row| connection(row, host, store))?;
    terminal(lake, host, store)?;
    vpn::read(lake, host, &mut logons.visits)
}

/// Sessions of Remote Desktop.
fn terminal(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let session = ["Address", "User"];
    let sessions = "windows.terminalservices-localsessionmanager";
    scan(lake, sessions, &session, &[21, 25], &mut |row| {
        let (address, user) = (row.text("Address"), row.text("User"));
        let said = ReasonKind::DesktopSession { account: quoted(user), address: quoted(address) };
        desktop(row, Rung::Used, address, user, said, "TerminalServices 21/25", host, store);
    })?;
    let connection = ["Param1", "Param2", "Param3"];
    let connections = "windows.terminalservices-remoteconnectionmanager";
    scan(lake, connections, &connection, &[1149], &mut |row| {
        let user = account(row.text("Param2"), row.text("Param1"));
        let address = row.text("Param3");
        let said = ReasonKind::DesktopAccepted { account: quoted(&user), address: quoted(address) };
        desktop(row, Rung::Passed, address, &user, said, "TerminalServices 1149", host, store);
    })
}

fn granted(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    if row.text("LogonType") != "10" {
        return;
    }
    let (address, user) =
        (row.text("IpAddress"), account(row.text("TargetDomainName"), row.text("TargetUserName")));
    let said = ReasonKind::DesktopLogon { account: quoted(&user), address: quoted(address) };
    desktop(row, Rung::Used, address, &user, said, "Security 4624", host, store);
}

/// A refused logon of Remote Desktop. Where the network asks first (NLA), it is of type 3 by NTLM and names no port; those of
/// web sites and shares name one.
fn refused(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, guesses: &mut Guesses) {
    let web = is_web_logon(row);
    let network_first = row.text("LogonType") == "3"
        && matches!(row.text("IpPort"), "0" | "-")
        && row.text("AuthenticationPackageName").eq_ignore_ascii_case("NTLM");
    let address = row.text("IpAddress");
    if !(web || row.text("LogonType") == "10" || network_first) || !is_public(address) {
        return;
    }
    let user = row.text("TargetUserName");
    let said = ReasonKind::LogonRefused { account: quoted(user), address: quoted(address) };
    // Guessed names are no accounts that the door acted as.
    let fact = Fact::new("Security 4625", row.time(), row.place(), said).from(address);
    guesses.add(&host(row.host()), if web { SIGN_IN } else { REMOTE_DESKTOP }, user, fact);
}

/// A logon that a web server's worker asked for: of type 8 where somebody filled in a form or sent the password by HTTP.
fn is_web_logon(row: Row<'_, '_>) -> bool {
    let process = row.text("ProcessName").rsplit('\\').next().unwrap_or_default();
    process.eq_ignore_ascii_case("w3wp.exe") && matches!(row.text("LogonType"), "3" | "8")
}

/// What the transport of Remote Desktop says: 131 somebody connected, 140 name or password were wrong.
fn connection(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let failed = row.code() == Some(140);
    let address = if failed { row.text("IPString") } else { row.text("ClientIP") };
    let said = if failed {
        ReasonKind::DesktopWrongPassword { address: quoted(address) }
    } else {
        ReasonKind::DesktopConnected { address: quoted(address) }
    };
    let log = if failed { "RdpCoreTS 140" } else { "RdpCoreTS 131" };
    desktop(row, Rung::Looked, address, "", said, log, host, store);
}

#[expect(clippy::too_many_arguments, reason = "the parts of one fact, each of its own source")]
fn desktop(
    row: Row<'_, '_>,
    rung: Rung,
    address: &str,
    user: &str,
    said: ReasonKind,
    log: &'static str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    if !is_public(address) {
        return;
    }
    let fact = Fact::new(log, row.time(), row.place(), said).from(address).by(user);
    store.add(&host(row.host()), Topic::Remote(REMOTE_DESKTOP.to_owned()), rung, fact);
}
