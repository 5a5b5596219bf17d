//! What the evidence already says of unknown facts.
//!
//! In: what the last run found, as far as it is there. Out: proposals, each with its reason and rows. They are never taken without a person's yes; where the evidence says nothing
//! nothing is proposed, least of all a no.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use piste_model::{Door, DoorVerdict, Finding, Level, RowRef, first_trace, last_trace};
use serde::Serialize;

use super::found::Found;

/// Rows that a proposal names.
const ROWS_MAX: usize = 5;
/// Items of a proposed list.
const ITEMS_MAX: usize = 30;
/// Techniques of reading or exporting mail.
const MAIL: [&str; 3] = ["T1114", "T1114.002", "T1114.003"];
/// Techniques that need, or give, control of the domain.
const DOMAIN: [&str; 4] = ["T1003.003", "T1003.006", "T1484", "T1558.001"];

/// A value that the evidence supports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Proposal {
    /// As a person would type it.
    pub(crate) value: String,
    /// Why.
    pub(crate) because: String,
    /// Rows behind it, `E-1:57`.
    pub(crate) rows: Vec<String>,
}

/// Proposals by fact.
pub(crate) fn proposals(case: &Path) -> BTreeMap<&'static str, Proposal> {
    proposals_of(&Found::of(case))
}

/// Proposals by fact, of what was read.
pub(crate) fn proposals_of(found: &Found) -> BTreeMap<&'static str, Proposal> {
    let mut proposals = BTreeMap::new();
    of_findings(found, &mut proposals);
    of_doors(found, &mut proposals);
    of_flaws(found, &mut proposals);
    proposals
}

fn rows<'a>(rows: impl Iterator<Item = &'a RowRef>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        let name = format!("{}:{}", row.evidence_id, row.record);
        if !names.contains(&name) && names.len() < ROWS_MAX {
            names.push(name);
        }
    }
    names
}

fn of_findings(found: &Found, proposals: &mut BTreeMap<&'static str, Proposal>) {
    let findings = &found.findings;
    if let Some(first) = first_trace(findings, &found.doors) {
        let because = format!(
            "{} ({}) is the earliest that shows somebody in; {}",
            first.id,
            first.what,
            first.reserve(found.summary.covered.as_ref(), &found.summary.web_logs)
        );
        let value = first.no_later_than.to_string();
        proposals.insert("t.first_trace", Proposal { value, because, rows: rows(first.row.iter()) });
    }
    if let Some(last) = last_trace(findings, &found.doors) {
        let because = format!("{} is the latest that shows somebody in", last.id);
        proposals.insert(
            "t.last_trace",
            Proposal { value: last.at.to_string(), because, rows: rows(last.row.iter()) },
        );
    }
    let hosts: BTreeSet<&str> =
        findings.iter().flat_map(|one| one.hosts.iter().map(String::as_str)).collect();
    if !hosts.is_empty() {
        let because = format!("hosts with findings of level high or above: {}", shown(&hosts));
        let rows = rows(findings.iter().filter_map(|one| one.rows.first()));
        proposals.insert(
            "incident.hosts_affected",
            Proposal { value: hosts.len().to_string(), because: because.clone(), rows: rows.clone() },
        );
        proposals.insert("incident.systems_affected", Proposal { value: shown(&hosts), because, rows });
    }
    let by_technique = |techniques: &[&str]| -> Vec<&Finding> {
        findings.iter().filter(|one| one.attack.iter().any(|id| techniques.contains(&id.as_str()))).collect()
    };
    let mut propose = |fact, value: &str, hits: Vec<&Finding>, what: &str| {
        if let Some(first) = hits.first() {
            let because = format!("{what}: {} ({}){}", first.id, first.title, more(hits.len()));
            let rows = rows(hits.iter().filter_map(|one| one.rows.first()));
            proposals.insert(fact, Proposal { value: value.to_owned(), because, rows });
        }
    };
    propose("personal_data.affected", "possible", by_technique(&MAIL), "mailboxes seem to have been read");
    propose("incident.control_plane", "true", by_technique(&DOMAIN), "techniques of domain control");
    let intrusive: Vec<&Finding> = findings.iter().filter(|one| one.level >= Level::High).collect();
    propose("incident.suspected_malicious", "true", intrusive, "findings that no ordinary work explains");
}

fn more(count: usize) -> String {
    if count > 1 { format!(" and {} more", count - 1) } else { String::new() }
}

fn shown(items: &BTreeSet<&str>) -> String {
    // A `;` divides items; a name that holds one would become two.
    let items: Vec<String> = items.iter().take(ITEMS_MAX).map(|item| item.replace(';', ",")).collect();
    items.join("; ")
}

fn of_doors(found: &Found, proposals: &mut BTreeMap<&'static str, Proposal>) {
    let open: Vec<&Door> = found.doors.iter().filter(|door| door.verdict >= DoorVerdict::Succeeded).collect();
    let Some(first) = open.first() else { return };
    let because =
        format!("door {}: {} at {} on {}{}", first.id, first.kind, first.place, first.host, more(open.len()));
    let rows = rows(open.iter().filter_map(|door| door.rows.first()));
    for fact in ["incident.unauthorised_access", "incident.confirmed", "crime.suspected"] {
        let proposal = Proposal { value: "true".into(), because: because.clone(), rows: rows.clone() };
        proposals.insert(fact, proposal);
    }
    if open.iter().any(|door| !door.cve.is_empty()) {
        let proposal = Proposal { value: "true".into(), because: because.clone(), rows: rows.clone() };
        proposals.insert("incident.product_vuln_exploited", proposal);
    }
    let sources: BTreeSet<&str> =
        open.iter().flat_map(|door| door.sources.iter().map(String::as_str)).collect();
    if !sources.is_empty() {
        let because = "addresses that used the doors".to_owned();
        proposals.insert("incident.iocs", Proposal { value: shown(&sources), because, rows });
    }
}

fn of_flaws(found: &Found, proposals: &mut BTreeMap<&'static str, Proposal>) {
    let used = found
        .doors
        .iter()
        .filter(|door| door.verdict >= DoorVerdict::Succeeded)
        .flat_map(|door| door.cve.iter());
    let open = found.servers.iter().flat_map(|server| server.open.iter().map(|span| &span.cve));
    let flaws: BTreeSet<&str> = used.chain(open).map(String::as_str).collect();
    if !flaws.is_empty() {
        let rows = rows(found.servers.iter().filter_map(|server| server.evidence.first()));
        let because = "flaws that were open by the builds seen, or that a door went through".to_owned();
        proposals.insert("incident.flaws", Proposal { value: shown(&flaws), because, rows });
    }
}
