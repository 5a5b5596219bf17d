//! Detections grouped into findings.
//!
//! In: detections in the order of time. Out: one finding a (rule, host, account, process), the gravest first, with counts,
//! span, merged entities and the earliest rows. Memory grows with the groups, not with the detections.

use std::collections::BTreeMap;

use piste_model::hash::sha256_hex;
use piste_model::{Detection, Entities, Finding, FindingId, FindingKind, Level};

/// Detections of one rule on one host above which the rule tells little there.
const NOISY: u64 = 500;

/// Groups detections as they pass by.
#[derive(Debug, Default)]
pub struct Findings {
    groups: BTreeMap<GroupKey, Finding>,
    /// Detections of each (rule, host).
    counts: BTreeMap<(String, String), u64>,
    statuses: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    rule: String,
    host: String,
    account: String,
    process: String,
}

impl Findings {
    /// Adds one detection; `file_sha256` is that of its evidence.
    pub fn add(&mut self, detection: &Detection, file_sha256: &str) {
        let key = GroupKey {
            rule: detection.rule_id.clone(),
            host: detection.host.clone(),
            account: detection.actor.clone().unwrap_or_default(),
            process: detection.acting_process.clone().unwrap_or_default(),
        };
        *self.counts.entry((key.rule.clone(), key.host.clone())).or_default() += 1;
        self.statuses.entry(key.rule.clone()).or_insert_with(|| detection.status.clone());
        let finding = self.groups.entry(key).or_insert_with_key(|key| new_finding(key, detection));
        finding.count += 1;
        finding.last = finding.last.max(detection.time);
        finding.first = match (finding.first, detection.time) {
            (Some(first), Some(time)) => Some(first.min(time)),
            (first, time) => first.or(time),
        };
        finding.entities.merge(&detection.entities);
        if finding.rows.len() < Finding::MAX_ROWS {
            finding.rows.push(detection.row(file_sha256));
        }
    }

    /// The findings, the gravest first: by level, confidence, first trace, key. `number` gives each key its F-n.
    pub fn finish(self, mut number: impl FnMut(&str) -> FindingId) -> Vec<Finding> {
        let Self { groups, counts, statuses } = self;
        let mut findings: Vec<Finding> = groups
            .into_iter()
            .map(|(key, mut finding)| {
                let count = counts.get(&(key.rule.clone(), key.host)).copied().unwrap_or_default();
                let status = statuses.get(&key.rule).map_or("", String::as_str);
                confidence(status, count, finding.level).clone_into(&mut finding.confidence);
                finding
            })
            .collect();
        findings.sort_by(|a, b| {
            let rank = |finding: &Finding| CONFIDENCES.iter().position(|word| *word == finding.confidence);
            (b.level.cmp(&a.level))
                .then_with(|| rank(a).cmp(&rank(b)))
                .then_with(|| a.first.cmp(&b.first))
                .then_with(|| a.key.cmp(&b.key))
        });
        for finding in &mut findings {
            finding.id = number(&finding.key);
        }
        findings
    }
}

/// The gravest first.
const CONFIDENCES: [&str; 3] = ["high", "medium", "low"];

/// How far a rule's match supports the statement: its authors' word for it, less one step where it fires all the time.
fn confidence(status: &str, count: u64, level: Level) -> &'static str {
    let authors = match status {
        "stable" => 0,
        "test" => 1,
        _ => 2,
    };
    let noisy = usize::from(count > NOISY) + usize::from(level == Level::Informational);
    CONFIDENCES.get(authors + noisy).copied().unwrap_or("low")
}

fn new_finding(key: &GroupKey, detection: &Detection) -> Finding {
    let text = ["detection", &key.rule, &key.host, &key.account, &key.process].join("\u{1f}");
    Finding {
        id: FindingId(0),
        key: sha256_hex(text.as_bytes()).chars().take(32).collect(),
        kind: FindingKind::Detection,
        title: detection.rule_title.clone(),
        level: detection.level,
        confidence: String::new(),
        verdict: "unreviewed".to_owned(),
        first: detection.time,
        last: detection.time,
        count: 0,
        hosts: vec![detection.host.clone()],
        entities: Entities::default(),
        attack: detection.attack.clone(),
        rows: Vec::new(),
        rule_id: Some(detection.rule_id.clone()),
        details: detection.details.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use piste_model::{EvidenceId, Instant};

    fn detection(rule: &str, level: Level, status: &str, account: &str, second: i64) -> Detection {
        Detection {
            rule_id: rule.into(),
            rule_title: rule.to_uppercase(),
            level,
            time: Some(Instant { nanos: second * 1_000_000_000, digits: 0 }),
            host: "MX01".into(),
            dataset: "windows.sysmon".into(),
            event_code: Some(1),
            record: second,
            evidence_id: EvidenceId(1),
            path: "a.evtx".into(),
            places: vec!["a.evtx".into()],
            attack: vec![],
            status: status.into(),
            offset: 0,
            record_hash: String::new(),
            channel: String::new(),
            actor: Some(account.into()),
            acting_process: None,
            entities: Entities { account: vec![account.into()], ..Entities::default() },
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn groups_by_rule_host_and_account_and_ranks_by_level_then_confidence() {
        let mut findings = Findings::default();
        for one in [
            detection("a", Level::High, "experimental", "bob", 5),
            detection("a", Level::High, "experimental", "bob", 9),
            detection("a", Level::High, "experimental", "eve", 7),
            detection("b", Level::High, "stable", "bob", 8),
            detection("c", Level::Critical, "test", "bob", 9),
        ] {
            findings.add(&one, "00");
        }
        let mut next = 0;
        let found = findings.finish(|_| {
            next += 1;
            FindingId(next)
        });
        let shown: Vec<String> = found
            .iter()
            .map(|f| {
                format!(
                    "{} {} {} {} x{} {:?}",
                    f.id, f.title, f.level, f.confidence, f.count, f.entities.account
                )
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        F-1 C critical medium x1 ["bob"]
        F-2 B high high x1 ["bob"]
        F-3 A high low x2 ["bob"]
        F-4 A high low x1 ["eve"]
        "#);
    }

    #[test]
    fn a_rule_that_fires_all_the_time_says_less() {
        assert_eq!(confidence("stable", NOISY, Level::High), "high");
        assert_eq!(confidence("stable", NOISY + 1, Level::High), "medium");
        assert_eq!(confidence("experimental", NOISY + 1, Level::Informational), "low");
    }
}
