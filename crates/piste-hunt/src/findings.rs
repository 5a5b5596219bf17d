//! Detections grouped into findings.
//!
//! In: detections in the order of time. Out: one finding a (rule, host, account, process), the gravest first, with counts,
//! span, merged entities and the earliest rows. Memory grows with the groups, and of these there is an end: past a limit
//! they become bundles, each of which says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use piste_model::finding::DayCount;
use piste_model::hash::sha256_hex;
use piste_model::{
    Detection, Entities, EvidenceId, Finding, FindingId, FindingKind, Instant, Level, New, RowRef,
};

use crate::bundles::{About, Counted, EARLIEST_KEPT, Shared, source_of};
use crate::told::{RuleText, Told};

/// Detections of one rule on one host above which the rule tells little there.
const NOISY: u64 = 500;

/// What an earlier run had; all above is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The highest evidence id that it knew.
    pub evidence: u32,
    /// The highest number of a finding that it knew.
    pub finding: u32,
}

/// Which rules, hosts and tales were seen together, to be found again without comparing texts.
type Known = HashMap<(usize, usize, u64), usize, RandomState>;

/// Such triples that are remembered; forgetting them costs time alone.
const KNOWN_MAX: usize = 200_000;

/// Groups detections as they pass by.
#[derive(Debug, Default)]
pub struct Findings {
    groups: Vec<Group>,
    by_key: HashMap<GroupKey, usize, RandomState>,
    counted: Counted,
    /// Groups that are bundles.
    bundles: BTreeMap<Shared, usize>,
    known: Known,
    /// What the triples' first two are addresses of: so long no other can be there.
    held: Vec<(Arc<RuleText>, Arc<str>)>,
    statuses: BTreeMap<String, String>,
    /// Findings that are no detections.
    beside: Vec<Finding>,
    since: Option<Since>,
}

/// A finding that grows.
#[derive(Debug)]
struct Group {
    finding: Finding,
    days: BTreeMap<i64, (Instant, u64)>,
    rule: String,
    host: String,
    /// The address that it came from first; empty where none or several are named.
    source: String,
    /// Of a bundle.
    about: Option<Box<About>>,
}

/// Where one detection stands.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    time: Option<Instant>,
    evidence: EvidenceId,
    path: &'a str,
    record: i64,
    offset: u64,
    file_sha256: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GroupKey {
    rule: String,
    host: String,
    account: String,
    process: String,
}

impl GroupKey {
    fn of(detection: &Detection) -> Self {
        Self {
            rule: detection.rule_id.clone(),
            host: detection.host.clone(),
            account: detection.actor.clone().unwrap_or_default(),
            process: detection.acting_process.clone().unwrap_or_default(),
        }
    }

    fn hash(&self) -> String {
        let text = ["detection", &self.rule, &self.host, &self.account, &self.process].join("\u{1f}");
        sha256_hex(text.as_bytes()).chars().take(32).collect()
    }
}

/// The key of the finding that a detection belongs to.
pub fn key_of(detection: &Detection) -> String {
    GroupKey::of(detection).hash()
}

impl Findings {
    /// Groups and marks what is new since an earlier run.
    pub fn since(since: Option<Since>) -> Self {
        Self { since, ..Self::default() }
    }

    /// Adds one detection; `file_sha256` is that of its evidence.
    pub fn add(&mut self, detection: &Detection, file_sha256: &str) {
        let at = self.group(GroupKey::of(detection), &detection.status, &detection.entities, |key| {
            new_finding(key, detection)
        });
        let place = Place {
            time: detection.time,
            evidence: detection.evidence_id,
            path: &detection.path,
            record: detection.record,
            offset: detection.offset,
            file_sha256,
        };
        let since = self.since;
        let Some(group) = self.groups.get_mut(at) else { return };
        group.merge(&detection.entities);
        group.add(place, since, || detection.record_hash.clone());
    }

    /// Adds one detection of a host that goes by this name; the file it stands in has this path and SHA-256. The same rule,
    /// host and tale are the same in memory where they come again and again.
    pub fn add_told(&mut self, told: &Told, host: &Arc<str>, path: &str, file_sha256: &str) {
        let triple = (Arc::as_ptr(&told.rule).addr(), Arc::as_ptr(host).addr(), told.tale.serial());
        let at = match self.known.get(&triple) {
            Some(at) => *at,
            None => self.meet(told, host, path, triple),
        };
        let place = Place {
            time: told.time,
            evidence: told.evidence,
            path,
            record: told.record,
            offset: told.offset,
            file_sha256,
        };
        let since = self.since;
        let Some(group) = self.groups.get_mut(at) else { return };
        group.add(place, since, || told.hash_text());
    }

    /// The group of a rule, host and tale that come for the first time, with what the tale names.
    fn meet(&mut self, told: &Told, host: &Arc<str>, path: &str, triple: (usize, usize, u64)) -> usize {
        let telling = told.tale.telling();
        let key = GroupKey {
            rule: told.rule.id.clone(),
            host: host.to_string(),
            account: telling.actor.clone().unwrap_or_default(),
            process: telling.acting_process.clone().unwrap_or_default(),
        };
        let at = self.group(key, &told.rule.status, &telling.entities, |key| {
            let mut detection = told.detection(path);
            detection.host = host.to_string();
            new_finding(key, &detection)
        });
        if let Some(group) = self.groups.get_mut(at) {
            group.merge(&telling.entities);
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.held.clear();
        }
        self.known.insert(triple, at);
        self.held.push((Arc::clone(&told.rule), Arc::clone(host)));
        at
    }

    /// Puts findings of other kinds beside those of detections: they are ranked, numbered and marked as new like these.
    pub fn beside(&mut self, findings: Vec<Finding>) {
        self.beside.extend(findings);
    }

    fn group(
        &mut self,
        key: GroupKey,
        status: &str,
        entities: &Entities,
        new: impl FnOnce(&GroupKey) -> Finding,
    ) -> usize {
        if let Some(at) = self.by_key.get(&key) {
            return *at;
        }
        let source = source_of(entities);
        let bundle = self.counted.add(&key.rule, &key.host, source);
        if let Some(at) = bundle.as_ref().and_then(|bundle| self.bundles.get(bundle)) {
            return *at;
        }
        if !self.statuses.contains_key(&key.rule) {
            self.statuses.insert(key.rule.clone(), status.to_owned());
        }
        let mut group = Group {
            finding: new(&key),
            days: BTreeMap::new(),
            rule: key.rule.clone(),
            host: key.host.clone(),
            source: source.to_owned(),
            about: None,
        };
        let at = self.groups.len();
        if let Some(shared) = bundle {
            group.become_bundle(&shared);
            self.bundles.insert(shared, at);
        } else {
            self.by_key.insert(key, at);
        }
        self.groups.push(group);
        at
    }

    /// Puts into each bundle, the closest first, what stands apart and belongs to it: of one source all, of others what was
    /// seen once, save the earliest.
    fn gather_bundles(&mut self) {
        for (shared, to) in self.bundles.iter().rev() {
            let mut kept = if shared.source.is_some() { 0 } else { EARLIEST_KEPT };
            for at in 0..self.groups.len() {
                let Some(group) = self.groups.get(at).filter(|group| group.belongs_to(shared)) else {
                    continue;
                };
                if shared.source.is_none() && (group.finding.count > 1 || kept > 0) {
                    kept = kept.saturating_sub(1);
                    continue;
                }
                let Some(group) = self.groups.get_mut(at).map(Group::take) else { continue };
                if let Some(bundle) = self.groups.get_mut(*to) {
                    bundle.swallow(group);
                }
            }
            if let Some(bundle) = self.groups.get_mut(*to) {
                bundle.name(shared);
            }
        }
        self.by_key.clear();
        self.groups.retain(|group| group.finding.count > 0);
    }

    /// The findings, the gravest first: by level, confidence, first trace, key. `number` gives each key its F-n.
    pub fn finish(mut self, mut number: impl FnMut(&str) -> FindingId) -> Vec<Finding> {
        self.gather_bundles();
        let Self { groups, statuses, since, beside, .. } = self;
        let counts = detections_by_place(&groups);
        let mut findings: Vec<Finding> = groups
            .into_iter()
            .zip(counts)
            .map(|(group, count)| {
                let status = statuses.get(&group.rule).map_or("", String::as_str);
                let word = confidence(status, count, group.finding.level);
                let mut finding = group.finish();
                word.clone_into(&mut finding.confidence);
                finding
            })
            .collect();
        findings.extend(beside);
        findings.sort_by(|a, b| {
            let rank = |finding: &Finding| CONFIDENCES.iter().position(|word| *word == finding.confidence);
            (b.level.cmp(&a.level))
                .then_with(|| rank(a).cmp(&rank(b)))
                .then_with(|| a.first.cmp(&b.first))
                .then_with(|| a.key.cmp(&b.key))
        });
        for finding in &mut findings {
            finding.id = number(&finding.key);
            finding.new = since.and_then(|since| {
                let rows = (finding.new_rows > 0).then_some(New::Rows);
                if finding.id.0 > since.finding { Some(New::Finding) } else { rows }
            });
        }
        findings
    }
}

impl Group {
    fn merge(&mut self, entities: &Entities) {
        self.finding.entities.merge(entities);
        if let Some(about) = &mut self.about {
            about.add(entities);
        }
    }

    /// Makes a bundle of a group that has nothing yet but its names.
    fn become_bundle(&mut self, shared: &Shared) {
        let finding = &mut self.finding;
        finding.key = bundle_key(shared);
        (finding.actor, finding.acting_process) = (None, None);
        if shared.host.is_none() {
            self.host.clear();
        }
        self.about = Some(Box::default());
    }

    fn belongs_to(&self, shared: &Shared) -> bool {
        self.about.is_none()
            && self.finding.count > 0
            && self.rule == shared.rule
            && shared.host.as_ref().is_none_or(|host| *host == self.host)
            && shared.source.as_ref().is_none_or(|source| *source == self.source)
    }

    /// What it holds; nothing is left.
    fn take(&mut self) -> Self {
        let empty = Finding { count: 0, rows: Vec::new(), ..self.finding.clone() };
        Self {
            finding: std::mem::replace(&mut self.finding, empty),
            days: std::mem::take(&mut self.days),
            rule: self.rule.clone(),
            host: self.host.clone(),
            source: self.source.clone(),
            about: None,
        }
    }

    /// Takes in a group that was met before the bundle was begun: its rows are the earlier ones.
    fn swallow(&mut self, group: Self) {
        self.merge(&group.finding.entities);
        let (finding, other) = (&mut self.finding, group.finding);
        finding.count += other.count;
        finding.new_rows += other.new_rows;
        finding.first = finding.first.into_iter().chain(other.first).min();
        finding.last = finding.last.max(other.last);
        for host in other.hosts {
            if !finding.hosts.contains(&host) && finding.hosts.len() < Entities::MAX {
                finding.hosts.push(host);
            }
        }
        finding.rows.extend(other.rows);
        for (day, (time, count)) in group.days {
            self.days.entry(day).or_insert((time, 0)).1 += count;
            if self.days.len() > Finding::MAX_DAYS {
                self.days.pop_last();
            }
        }
    }

    /// Says what the bundle is, once all is in it.
    fn name(&mut self, shared: &Shared) {
        let finding = &mut self.finding;
        finding.rows.sort_by_key(|row| (row.evidence_id, row.offset, row.record));
        finding.rows.truncate(Finding::MAX_ROWS);
        let Some(about) = &self.about else { return };
        let words = about.words(finding.count, finding.rows.len(), shared);
        finding.title = format!("{} (bundle: {words})", finding.title);
        finding.details = BTreeMap::from([("Bundle".to_owned(), words)]);
    }

    fn add(&mut self, place: Place<'_>, since: Option<Since>, record_hash: impl FnOnce() -> String) {
        let finding = &mut self.finding;
        finding.count += 1;
        finding.new_rows += u64::from(since.is_some_and(|since| place.evidence.0 > since.evidence));
        if let Some(time) = place.time {
            self.days.entry(time.day()).or_insert((time, 0)).1 += 1;
            if self.days.len() > Finding::MAX_DAYS {
                self.days.pop_last();
            }
        }
        finding.last = finding.last.max(place.time);
        finding.first = match (finding.first, place.time) {
            (Some(first), Some(time)) => Some(first.min(time)),
            (first, time) => first.or(time),
        };
        if finding.rows.len() < Finding::MAX_ROWS {
            finding.rows.push(RowRef {
                evidence_id: place.evidence,
                path: place.path.to_owned(),
                record: place.record,
                offset: place.offset,
                file_sha256: place.file_sha256.to_owned(),
                record_hash: record_hash(),
            });
        }
    }

    fn finish(self) -> Finding {
        let days = self.days.into_values().map(|(time, count)| DayCount { day: time.date(), count });
        Finding { days: days.collect(), ..self.finding }
    }
}

/// For each group, the detections of its rule on its host.
fn detections_by_place(groups: &[Group]) -> Vec<u64> {
    let place = |group: &Group| (group.rule.clone(), group.host.clone());
    let mut counts: HashMap<(String, String), u64, RandomState> = HashMap::default();
    for group in groups {
        *counts.entry(place(group)).or_default() += group.finding.count;
    }
    groups.iter().map(|group| counts.get(&place(group)).copied().unwrap_or_default()).collect()
}

/// A bundle's key hangs on what its groups share, not on which of them came first.
fn bundle_key(shared: &Shared) -> String {
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    let text = ["bundle", &shared.rule, &of(&shared.host), &of(&shared.source)].join("\u{1f}");
    sha256_hex(text.as_bytes()).chars().take(32).collect()
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
    Finding {
        id: FindingId(0),
        key: key.hash(),
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
        actor: detection.actor.clone(),
        acting_process: detection.acting_process.clone(),
        days: Vec::new(),
        new: None,
        new_rows: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_an_earlier_run_did_not_have_is_new() {
        let since = Some(Since { evidence: 1, finding: 2 });
        let found = |since| {
            let mut findings = Findings::since(since);
            for (rule, evidence) in [("a", 1), ("b", 1), ("b", 2), ("b", 2), ("c", 1), ("d", 2)] {
                let mut one = detection(rule, Level::High, "test", "bob", 5);
                one.evidence_id = EvidenceId(evidence);
                findings.add(&one, "00");
            }
            let numbers = |key: &str| {
                let rules =
                    ["a", "b", "c", "d"].map(|rule| key_of(&detection(rule, Level::Low, "", "bob", 0)));
                let at = rules.iter().position(|known| known == key).expect("the key is of the detection");
                FindingId(u32::try_from(at).expect("few") + 1)
            };
            let mut found = findings.finish(numbers);
            found.sort_by_key(|finding| finding.id);
            found.iter().map(|finding| (finding.new, finding.new_rows)).collect::<Vec<_>>()
        };
        let expected = [(None, 0), (Some(New::Rows), 2), (Some(New::Finding), 0), (Some(New::Finding), 1)];
        assert_eq!(found(since), expected);
        assert_eq!(found(None), [(None, 0); 4], "a first run has nothing to compare with");
    }

    #[test]
    fn days_are_counted_and_bounded() {
        let mut findings = Findings::default();
        let days = i64::try_from(Finding::MAX_DAYS).expect("few") + 5;
        for day in (0..days).rev().chain([3]) {
            findings.add(&detection("a", Level::High, "test", "bob", day * 86_400 + 7), "00");
        }
        let mut undated = detection("a", Level::High, "test", "bob", 0);
        undated.time = None;
        findings.add(&undated, "00");
        let found = findings.finish(|_| FindingId(1));
        let finding = found.first().expect("one group");
        assert_eq!(finding.count, days.unsigned_abs() + 2);
        assert_eq!(finding.days.len(), Finding::MAX_DAYS);
        let shown: Vec<_> = finding.days.iter().take(5).map(|day| (day.day.as_str(), day.count)).collect();
        assert_eq!(
            shown,
            [("1970-01-01", 1), ("1970-01-02", 1), ("1970-01-03", 1), ("1970-01-04", 2), ("1970-01-05", 1)]
        );
    }

    /// A scanner with very many names, and what others did at the same time.
    #[test]
    fn a_scanner_is_one_finding_and_others_stand_beside_it() {
        let mut findings = Findings::default();
        let mut real = detection("a", Level::High, "test", "bob", 3);
        real.entities.address = vec!["203.0.113.9".into()];
        for second in 0..2_000 {
            let mut one = detection("a", Level::High, "test", &format!("user{second}"), second);
            one.entities.address = vec!["198.51.100.7".into()];
            findings.add(&one, "00");
            if second == 1_500 {
                findings.add(&real, "00");
            }
        }
        let found = findings.finish(|_| FindingId(1));
        let told: Vec<_> = found.iter().map(|one| (one.title.as_str(), one.count, one.rows.len())).collect();
        let bundle = "A (bundle: 2000 detections of 2000 accounts, from 198.51.100.7; 20 shown)";
        assert_eq!(told, [(bundle, 2_000, Finding::MAX_ROWS), ("A", 1, 1)]);
        assert_eq!(found[0].rows[0].record, 0, "its earliest rows are shown");
        assert_eq!(found[0].first.map(|time| time.nanos), Some(0));
        assert_eq!((found[0].days.len(), found[0].days[0].count), (1, 2_000));
        assert_eq!(found[1].key, key_of(&real), "and keeps its key");
    }

    #[test]
    fn very_many_names_from_nowhere_are_bounded_and_the_earliest_and_the_busy_stay() {
        let mut findings = Findings::default();
        let busy = detection("a", Level::High, "test", "bob", 30);
        for second in 0..5_000 {
            findings.add(&detection("a", Level::High, "test", &format!("user{second}"), second), "00");
            if second == 30 || second == 4_000 {
                findings.add(&busy, "00");
            }
        }
        let found = findings.finish(|_| FindingId(1));
        assert_eq!(found.len(), EARLIEST_KEPT + 2);
        assert_eq!(found.iter().map(|one| one.count).sum::<u64>(), 5_002, "no detection is lost");
        assert!(found.iter().any(|one| one.key == key_of(&busy) && one.count == 2));
        assert!(found.iter().any(|one| one.actor.as_deref() == Some("user0")));
    }

    #[test]
    fn a_rule_that_fires_all_the_time_says_less() {
        assert_eq!(confidence("stable", NOISY, Level::High), "high");
        assert_eq!(confidence("stable", NOISY + 1, Level::High), "medium");
        assert_eq!(confidence("experimental", NOISY + 1, Level::Informational), "low");
    }
}
