//! The first trace of an intrusion, as far as findings and doors tell: one source for every output that names it.
//!
//! In: findings and doors. Out: the earliest moment that one of them proves, whose it is, and the reserve that always goes with
//! it. It is a bound, never a beginning: what came earlier may have left nothing, or nothing that is here.

use std::collections::BTreeMap;

use crate::coverage::CoveredFigures;
use crate::door::{Door, DoorVerdict};
use crate::finding::{Finding, FindingKind, RowRef};
use crate::level::Level;
use crate::time::Instant;

/// The earliest trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstTrace {
    /// Somebody was in no later than this.
    pub no_later_than: Instant,
    /// What shows it: `D-1`, `F-3`.
    pub id: String,
    /// What that is, in words.
    pub what: String,
    /// The host that it is about; empty where no row names one.
    pub host: String,
    /// A row of it.
    pub row: Option<RowRef>,
}

/// The earliest of what shows that somebody came in: doors that let somebody in, and findings of level high or above that nobody
/// has called harmless.
pub fn first_trace<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    doors: impl IntoIterator<Item = &'a Door>,
) -> Option<FirstTrace> {
    let of_doors = doors.into_iter().filter(|door| door.let_somebody_in()).filter_map(of_door);
    let of_findings = findings.into_iter().filter(|one| is_grave(one)).filter_map(of_finding);
    // A door says more than a rule that matched the same row.
    of_doors.chain(of_findings).min_by_key(|trace| trace.no_later_than)
}

/// The latest trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastTrace {
    /// Somebody was in at this time.
    pub at: Instant,
    /// What shows it: `D-1`, `F-3`.
    pub id: String,
    /// A row of it.
    pub row: Option<RowRef>,
}

/// The latest of what shows that somebody was in, by the same doors and findings as [`first_trace`].
pub fn last_trace<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    doors: impl IntoIterator<Item = &'a Door>,
) -> Option<LastTrace> {
    let of_doors = doors.into_iter().filter(|door| door.let_somebody_in()).filter_map(|door| {
        Some(LastTrace { at: door.last_used?, id: door.id.clone(), row: door.rows.last().cloned() })
    });
    let of_findings = findings.into_iter().filter(|one| is_grave(one)).filter_map(|one| {
        Some(LastTrace { at: one.last?, id: one.id.to_string(), row: one.rows.last().cloned() })
    });
    of_findings.chain(of_doors).max_by_key(|trace| trace.at)
}

/// Whether a finding is one that an intrusion is dated by.
pub fn is_grave(finding: &Finding) -> bool {
    finding.level >= Level::High
        && finding.kind != FindingKind::Lead
        && !["false-positive", "benign"].contains(&finding.verdict.as_str())
}

fn of_door(door: &Door) -> Option<FirstTrace> {
    let verdict = match door.verdict {
        DoorVerdict::Used => "used",
        _ => "succeeded",
    };
    Some(FirstTrace {
        no_later_than: door.since()?,
        id: door.id.clone(),
        what: format!("{} at {} on {}, {verdict}", door.kind, door.place, door.host),
        host: door.host.clone(),
        row: door.rows.first().cloned(),
    })
}

fn of_finding(finding: &Finding) -> Option<FirstTrace> {
    Some(FirstTrace {
        no_later_than: finding.first?,
        id: finding.id.to_string(),
        what: format!("a finding of level {}: {}", finding.level, finding.title),
        host: finding.hosts.first().cloned().unwrap_or_default(),
        row: finding.rows.first().cloned(),
    })
}

impl FirstTrace {
    /// What goes with every first trace: that it is no beginning, and what could have shown an earlier one.
    pub fn reserve(
        &self,
        covered: Option<&CoveredFigures>,
        web_logs: &BTreeMap<String, CoveredFigures>,
    ) -> String {
        let earlier = "an earlier trace is not excluded";
        let all = match covered {
            Some(covered) => format!("{earlier}: this evidence has rows of any kind {}", covered.in_words()),
            None => format!("{earlier}: of which days this evidence has rows is not known"),
        };
        // Other logs may go on where those that show who came in have holes.
        let web = web_logs.iter().find(|(host, _)| host.eq_ignore_ascii_case(&self.host));
        match web {
            Some((host, web)) => format!("{all}, web logs of {host} {}", web.in_words()),
            None => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{DoorState, Opened};

    fn door(kind: &str, verdict: DoorVerdict, opened: &str, used: &str) -> Door {
        Door {
            id: "D-1".to_owned(),
            key: String::new(),
            kind: kind.to_owned(),
            cve: vec![],
            host: "MX01".to_owned(),
            host_known: crate::HostKnown::Record,
            place: "/owa/auth/x.aspx".to_owned(),
            verdict,
            state: DoorState::Unknown,
            opened: Opened { not_after: Instant::parse(opened), ..Opened::default() },
            first_used: Instant::parse(used),
            last_used: None,
            sources: vec!["203.0.113.7".to_owned()],
            accounts: vec![],
            reasons: vec![],
            settle: vec![],
            why: vec![],
            against: vec![],
            missing: vec![],
            close: String::new(),
            rows: vec![],
            count: 0,
        }
    }

    #[track_caller]
    fn check(doors: &[Door], expected: Option<&str>) {
        let found = first_trace([], doors).map(|trace| trace.no_later_than);
        assert_eq!(found, expected.and_then(Instant::parse));
    }

    #[test]
    fn doors_that_let_nobody_in_date_nothing() {
        let (early, late) = ("2019-04-09T01:00:00Z", "2019-04-16T01:00:00Z");
        let shell = door("webshell", DoorVerdict::Used, late, late);
        check(&[door("exploit", DoorVerdict::Failed, early, early), shell.clone()], Some(late));
        check(&[door("account", DoorVerdict::Succeeded, early, early), shell.clone()], Some(late));
        check(&[door("webshell", DoorVerdict::Succeeded, early, ""), shell.clone()], Some(early));
        check(&[door("account", DoorVerdict::Used, late, early), shell], Some(early));
        check(&[], None);
    }
}
