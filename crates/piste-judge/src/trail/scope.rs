//! Which hosts the intrusions reach, and what the logs cover.
//!
//! In: intrusions, leads, coverage and what rows name. Out: hosts as compromised, suspected, without a sign for the span that their logs
//! cover, and not examined. A host without a sign is said to have none only together with that span.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::{Scope, ScopeHost, Trail};
use piste_model::{Coverage, Finding, Instant, Level};

use super::Inputs;
use super::clock::Shifts;
use super::collect::{Addresses, is_an_address};

/// Addresses that rows name.
pub(crate) struct Named<'a> {
    /// Which are of the hosts that are here.
    pub(crate) addresses: &'a Addresses,
    /// To which processes of intrusions connected.
    pub(crate) reached: &'a BTreeSet<String>,
    /// Computers that commands of intrusions name, and which command.
    pub(crate) commanded: &'a BTreeMap<String, String>,
}

/// The hosts.
pub(crate) fn scope(trail: &Trail, inputs: &Inputs<'_>, named: &Named<'_>, shifts: &Shifts) -> Scope {
    let mut scope = Scope { compromised: compromised(trail), ..Scope::default() };
    let mut known: BTreeSet<String> = scope.compromised.iter().map(|one| one.host.to_lowercase()).collect();
    for lead in &trail.leads {
        for host in lead.hosts.iter().filter(|host| !host.is_empty()) {
            if known.insert(host.to_lowercase()) {
                scope.suspected.push(ScopeHost {
                    host: host.clone(),
                    because: format!("{} ({})", lead.text, lead.because),
                    from: Some(lead.first),
                    to: None,
                });
            }
        }
    }
    let mut suspect = |host: &str, because: String, from: Option<Instant>| {
        if !host.is_empty() && known.insert(host.to_lowercase()) {
            scope.suspected.push(ScopeHost { host: host.to_owned(), because, from, to: None });
        }
    };
    let has_logs = |host: &str| inputs.coverage.iter().any(|one| one.host.eq_ignore_ascii_case(host));
    for (host, why) in named.commanded.iter().filter(|(host, _)| has_logs(host)) {
        suspect(host, format!("{why}; what came of it is not joined"), None);
    }
    // That something was found on a host and joins with nothing is no sign that nothing was there.
    for finding in inputs.findings.iter().filter(|finding| speaks(finding)) {
        for host in &finding.hosts {
            suspect(
                host,
                format!("{} is of it, which nothing joins to an intrusion: {}", finding.id, finding.title),
                finding.first,
            );
        }
    }
    let mut examined: BTreeMap<String, (Instant, Instant)> = BTreeMap::new();
    for one in inputs.coverage.iter().filter(|one| !one.host.is_empty()) {
        let (first, last) =
            (shifts.of_header(&one.host, one.covered.first), shifts.of_header(&one.host, one.covered.last));
        let span = examined.entry(one.host.clone()).or_insert((first, last));
        *span = (span.0.min_by_time(first), span.1.max_by_time(last));
    }
    for (host, (from, to)) in &examined {
        if !known.contains(&host.to_lowercase()) {
            scope.no_sign.push(ScopeHost {
                host: host.clone(),
                because: format!("the logs that are here show no step on it between {from} and {to}; of other times and of logs that are not here nothing is said"),
                from: Some(*from),
                to: Some(*to),
            });
        }
    }
    scope.not_examined = not_examined(trail, named, inputs.coverage);
    scope
}

trait ByTime {
    fn min_by_time(self, other: Self) -> Self;
    fn max_by_time(self, other: Self) -> Self;
}

impl ByTime for Instant {
    fn min_by_time(self, other: Self) -> Self {
        if other.nanos < self.nanos { other } else { self }
    }

    fn max_by_time(self, other: Self) -> Self {
        if other.nanos > self.nanos { other } else { self }
    }
}

fn compromised(trail: &Trail) -> Vec<ScopeHost> {
    let mut found: BTreeMap<String, (String, Instant, Instant)> = BTreeMap::new();
    for intrusion in &trail.intrusions {
        for step in intrusion.steps.iter().filter(|step| !step.host.is_empty()) {
            let entry = found
                .entry(step.host.clone())
                .or_insert_with(|| (format!("{}: {}", step.id, step.text), step.time.from, step.time.to));
            entry.1 = entry.1.min_by_time(step.time.from);
            entry.2 = entry.2.max_by_time(step.time.to);
        }
    }
    let one = |(host, (because, from, to))| ScopeHost { host, because, from: Some(from), to: Some(to) };
    found.into_iter().map(one).collect()
}

/// Whether a finding says something of a host: not what is for information, nor what a person called harmless.
fn speaks(finding: &Finding) -> bool {
    finding.level >= Level::Medium && !matches!(finding.verdict.as_str(), "false-positive" | "benign")
}

/// Private addresses that the intruder's logons came from or that his processes went to, of which no log is here.
fn not_examined(trail: &Trail, named: &Named<'_>, coverage: &[Coverage]) -> Vec<ScopeHost> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for intrusion in &trail.intrusions {
        for address in intrusion.addresses.iter().filter(|address| is_inside(address)) {
            let why = format!("processes or logons of {} had to do with it", intrusion.id);
            found.entry(address.clone()).or_insert(why);
        }
        for other in &intrusion.separate_from {
            for address in other.addresses.iter().filter(|address| is_inside(address)) {
                found.entry(address.clone()).or_insert_with(|| other.what.clone());
            }
        }
    }
    for address in named.reached.iter().filter(|address| is_inside(address)) {
        found
            .entry(address.clone())
            .or_insert_with(|| "processes of an intrusion connected to it".to_owned());
    }
    found.retain(|address, _| named.addresses.host_of(address).is_none());
    for (host, why) in named.commanded {
        if !coverage.iter().any(|one| one.host.eq_ignore_ascii_case(host)) {
            found.entry(host.clone()).or_insert_with(|| why.clone());
        }
    }
    let one = |(host, why): (String, String)| ScopeHost {
        host,
        because: format!("{why}, and no log of it is here"),
        from: None,
        to: None,
    };
    found.into_iter().map(one).collect()
}

/// Whether an address is one of an estate's own.
fn is_inside(text: &str) -> bool {
    if !is_an_address(text) {
        return false;
    }
    match text.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(four)) => four.is_private(),
        Ok(std::net::IpAddr::V6(six)) => six.is_unique_local(),
        Err(_) => false,
    }
}
