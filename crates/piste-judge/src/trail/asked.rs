//! What other hosts asked for, by the moment at which it was asked.
//!
//! In: kept rows. Out: network logons, uses of the pipes of services and tasks, and connections about a moment, and which act such a row
//! speaks of.

use std::collections::BTreeSet;

use super::closure::SECOND;
use super::collect::{FactId, Facts, SECURITY, SYSMON, is_an_address, is_remote_pipe, logon_of};
use super::fact::Fact;
use super::graph::Key;

/// What was asked for over the network starts so soon.
pub(super) const ASKED: i64 = 10 * SECOND;
/// Two hosts' clocks, and a row that is written late.
pub(super) const LATE: i64 = 2 * SECOND;

/// Rows that tell what other hosts asked for, by moment.
pub(super) struct Asked {
    /// Network logons and uses of the pipes of services and tasks, by host.
    on_host: BTreeSet<(u32, i64, FactId)>,
    connections: BTreeSet<(i64, FactId)>,
}

impl Asked {
    pub(super) fn of(facts: &Facts) -> Self {
        let asks = |fact: &Fact| {
            is_network_logon(fact)
                || (fact.is(SECURITY, 5145) && is_remote_pipe(fact.text("RelativeTargetName")))
        };
        let on_host =
            facts.iter().filter(|(_, fact)| asks(fact)).map(|(id, fact)| (fact.host, fact.from, id));
        let connections =
            facts.iter().filter(|(_, fact)| is_connection(fact)).map(|(id, fact)| (fact.from, id));
        Self { on_host: on_host.collect(), connections: connections.collect() }
    }

    /// What is asked for comes before the start, by the same host's clock.
    pub(super) fn on_host(&self, host: u32, start: i64) -> impl Iterator<Item = FactId> {
        let (from, to) = (moment(start).0, start);
        self.on_host.range((host, from, FactId::FIRST)..=(host, to, FactId::LAST)).map(|(_, _, id)| *id)
    }

    pub(super) fn connections(&self, start: i64) -> impl Iterator<Item = FactId> {
        let (from, to) = moment(start);
        self.connections.range((from, FactId::FIRST)..=(to, FactId::LAST)).map(|(_, id)| *id)
    }
}

/// The span about a start in which it may have been asked for. Where times are whole seconds, a row is of any moment of its second;
/// two hosts' clocks differ a little.
pub(super) fn moment(start: i64) -> (i64, i64) {
    (start.saturating_sub(ASKED + SECOND), start.saturating_add(LATE))
}

pub(super) fn is_connection(fact: &Fact) -> bool {
    fact.is(SYSMON, 3) || fact.is(SECURITY, 5156)
}

/// The act that a row of a logon or of a share speaks of.
pub(crate) fn session_key(fact: &Fact) -> Option<Key> {
    let logon = logon_of(fact.code, fact.number("TargetLogonId"), fact.number("SubjectLogonId"));
    if let Some(logon) = logon {
        return Some(Key::Logon(fact.host, logon));
    }
    let port = fact.number("IpPort").filter(|port| *port != 0)?;
    Some(Key::Connection(fact.host, fact.text("IpAddress").to_owned(), port))
}

/// A logon over the network by somebody who is no machine.
pub(crate) fn is_network_logon(fact: &Fact) -> bool {
    let account = fact.text("TargetUserName");
    fact.is(SECURITY, 4624)
        && matches!(fact.text("LogonType"), "3" | "10")
        && !account.ends_with('$')
        && !account.eq_ignore_ascii_case("ANONYMOUS LOGON")
        && is_an_address(fact.text("IpAddress"))
}
