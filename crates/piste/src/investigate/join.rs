//! All units' records put together.
//!
//! In: the items as sealed and what each unit counted. Out: the evidence list, all issues, the coverage and which
//! logsources had rows.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use piste_lake::seal::Intake;
use piste_lake::store::{Coverage, ItemCounts, UnitRecord};
use piste_lake::{Item, Unit};
use piste_model::evidence::EvidenceState;
use piste_model::locator::shadow_copy;
use piste_model::reading::{Asked, ReadingCompleteness};
use piste_model::sources::Shape;
use piste_model::summary::{EvidenceFigures, RuleFigures, ScanFigures, Summary, YaraFigures};
use piste_model::{Evidence, HostKnown, Issue};
use piste_parse::Format;
use piste_parse::jsonl::NOT_EXAMINED;
use piste_report::{Area, Areas};
use piste_rules::indicators::Indicators;
use piste_rules::yara::YARA_BUILT_IN_PATH;
use piste_rules::{NotRun, logsource_label};

use super::Hunt;
use super::hosts::{Hosts, Source, is_own_log};
use super::read::{earliest, merge_coverage};

/// What the outputs are written from.
pub(crate) struct Joined {
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) coverage: Vec<Coverage>,
    pub(crate) hosts: Hosts,
    /// Networks of proxies that the user named.
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) areas: Areas,
    pub(crate) not_run: Vec<NotRun>,
    pub(crate) summary: Summary,
}

impl Joined {
    /// Puts what is not looked for of indicators among the issues, in the place of what an earlier run said of them.
    pub(crate) fn tell_indicators(&mut self, indicators: &Indicators) {
        self.issues.retain(|issue| !issue.slug.starts_with("indicator-"));
        self.issues.extend(indicators.issues.iter().cloned());
        sort_issues(&mut self.issues);
        self.summary.issues = self.issues.len() as u64;
    }
}

/// What an earlier run wrote of the evidence.
pub(crate) struct Before {
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) summary: Summary,
}

impl Before {
    /// Reads `evidence.jsonl`, `issues.jsonl` and `summary.json`.
    pub(crate) fn read(evidence: &str, issues: &str, summary: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            evidence: evidence.lines().map(serde_json::from_str).collect::<Result<_, _>>()?,
            issues: issues.lines().map(serde_json::from_str).collect::<Result<_, _>>()?,
            summary: serde_json::from_str(summary)?,
        })
    }
}

/// What all units together counted of each file.
fn counts_of(records: &[UnitRecord]) -> BTreeMap<u32, ItemCounts> {
    let mut counts: BTreeMap<u32, ItemCounts> = BTreeMap::new();
    for (id, more) in records.iter().flat_map(|record| &record.items) {
        add_counts(counts.entry(*id).or_default(), more);
    }
    counts
}

fn hosts_of(evidence: &[Evidence], counts: &BTreeMap<u32, ItemCounts>) -> Hosts {
    let none = ItemCounts::default();
    let sources = evidence.iter().map(|one| Source::of(one, counts.get(&one.id.0).unwrap_or(&none)));
    Hosts::of(&sources.collect::<Vec<_>>())
}

/// The names of hosts in rows with the one that each stands for in the whole case, where that is another.
pub(crate) fn full_names(evidence: &[Evidence], records: &[UnitRecord]) -> BTreeMap<String, String> {
    let counts = counts_of(records);
    let hosts = hosts_of(evidence, &counts);
    let names: BTreeSet<&String> = counts.values().flat_map(|one| one.hosts.keys()).collect();
    let full = |name: &String| (name.clone(), hosts.full(name).to_owned());
    names.into_iter().map(full).filter(|(name, full)| name != full).collect()
}

/// Puts other rules in the place of those of an earlier run; what was read stays as it was.
pub(crate) fn rejoin(before: Before, records: &[UnitRecord], hunt: &Hunt) -> Joined {
    let Before { evidence, issues, mut summary } = before;
    let mut coverage = Vec::new();
    let mut shapes = BTreeSet::new();
    for record in records {
        merge_coverage(&mut coverage, record.coverage.clone());
        shapes.extend(record.shapes.iter().cloned());
    }
    let hosts = hosts_of(&evidence, &counts_of(records));
    let coverage = one_name_a_host(coverage, &hosts);
    let (areas, not_run) = hunted(hunt, &shapes, &mut summary);
    summary.reading = completeness(&evidence, &issues, &summary, hunt);
    Joined { evidence, issues, coverage, hosts, proxies: Vec::new(), areas, not_run, summary }
}

/// Joins the units' records.
pub(super) fn join(intake: &Intake, units: &[Unit], records: &[UnitRecord], hunt: &Hunt) -> Joined {
    debug_assert_eq!(units.len(), records.len());
    let mut counts: BTreeMap<u32, ItemCounts> = BTreeMap::new();
    let mut issues = intake.issues.clone();
    let mut coverage = Vec::new();
    let mut shapes = BTreeSet::new();
    let mut summary = Summary::default();
    let mut files = ScanFigures::default();
    for record in records {
        files.add(&record.scanned);
        for (id, more) in &record.items {
            add_counts(counts.entry(*id).or_default(), more);
        }
        issues.extend(record.issues.iter().cloned());
        merge_coverage(&mut coverage, record.coverage.clone());
        shapes.extend(record.shapes.iter().cloned());
        for (dataset, rows) in &record.datasets {
            *summary.events_by_dataset.entry(dataset.clone()).or_default() += rows;
        }
    }
    let none = ItemCounts::default();
    let sources = intake.items.iter().map(|item| source_of(item, counts.get(&item.id.0).unwrap_or(&none)));
    let hosts = Hosts::of(&sources.collect::<Vec<_>>());
    issues.extend(hosts.issues.iter().cloned());
    let coverage = one_name_a_host(coverage, &hosts);
    let mut evidence: Vec<Evidence> = intake
        .items
        .iter()
        .map(|item| evidence_of(item, counts.remove(&item.id.0).unwrap_or_default(), &hosts, &mut issues))
        .collect();
    evidence.sort_by_key(|one| one.id);
    place_issues(&mut issues, &evidence);
    let (areas, not_run) = hunted(hunt, &shapes, &mut summary);
    summary.yara = Some(YaraFigures {
        loaded: hunt.yara.rules.iter().filter(|rule| rule.reports).count() as u64,
        not_loaded: hunt.yara.not_run.iter().filter(|one| one.is_not_loaded()).count() as u64,
        sets: hunt.yara.sets.clone(),
        files,
    });
    let unread = evidence.iter().filter(|one| one.state == EvidenceState::Unread).count() as u64;
    summary.evidence = EvidenceFigures { files: intake.files, bytes: intake.bytes, unread };
    summary.issues = issues.len() as u64;
    summary.events = evidence.iter().map(|one| one.rows).sum();
    summary.records_read = evidence.iter().map(|one| one.records_read).sum();
    summary.duplicates = evidence.iter().map(|one| one.duplicates).sum();
    let is_known = |host: &&str| !host.is_empty() && hosts.known(host) > HostKnown::Unknown;
    let names: BTreeSet<&str> = coverage.iter().map(|one| one.host.as_str()).filter(is_known).collect();
    summary.hosts = names.into_iter().map(str::to_owned).collect();
    let unknown = coverage.iter().map(|one| one.host.as_str()).filter(|host| hosts.is_unknown(host));
    summary.unknown_hosts = unknown.collect::<BTreeSet<&str>>().len() as u64;
    summary.reading = completeness(&evidence, &issues, &summary, hunt);
    Joined { evidence, issues, coverage, hosts, proxies: Vec::new(), areas, not_run, summary }
}

/// Which areas the rules looked at, and the rules that do not run.
fn hunted(hunt: &Hunt, shapes: &BTreeSet<Shape>, summary: &mut Summary) -> (Areas, Vec<NotRun>) {
    let (areas, no_rows) = areas(hunt, shapes);
    let not_compiled = hunt.not_compiled.len() as u64;
    let figures = &hunt.rules.figures;
    summary.rules = RuleFigures {
        loaded: figures.loaded.saturating_sub(not_compiled),
        not_loaded: figures.not_loaded + not_compiled,
        sets: figures.sets.clone(),
    };
    let mut not_run =
        [hunt.rules.not_run.clone(), hunt.yara.not_run.clone(), hunt.not_compiled.clone(), no_rows].concat();
    not_run.sort_by(|a, b| (&a.path, a.line, &a.slug).cmp(&(&b.path, b.line, &b.slug)));
    (areas, not_run)
}

/// How completely the evidence was read.
fn completeness(
    evidence: &[Evidence],
    issues: &[Issue],
    summary: &Summary,
    hunt: &Hunt,
) -> ReadingCompleteness {
    // Who gives YARA rules may want files looked at and nothing else.
    let files_looked_at = summary.yara.as_ref().is_some_and(|yara| {
        yara.files.scanned > 0 && yara.sets.iter().any(|set| set.path != YARA_BUILT_IN_PATH)
    });
    let asked = Asked {
        files_looked_at,
        is_searched: piste_parse::text::is_searched,
        gave_nothing: piste_parse::readers::gave_nothing,
    };
    ReadingCompleteness::of(evidence, issues, &hunt.artefacts, asked)
}

fn one_name_a_host(coverage: Vec<Coverage>, hosts: &Hosts) -> Vec<Coverage> {
    let mut joined = Vec::new();
    for one in coverage {
        let host = hosts.full(&one.host).to_owned();
        merge_coverage(&mut joined, vec![Coverage { host, ..one }]);
    }
    joined
}

fn add_counts(to: &mut ItemCounts, more: &ItemCounts) {
    to.records += more.records;
    to.rows += more.rows;
    to.duplicates += more.duplicates;
    to.first = earliest(to.first, more.first);
    to.last = to.last.max(more.last);
    to.damage.extend(more.damage.iter().cloned());
    to.failed |= more.failed;
    for (host, rows) in &more.hosts {
        *to.hosts.entry(host.clone()).or_default() += rows;
    }
}

/// What a sealed file tells of hosts.
fn source_of<'a>(item: &'a Item, counts: &'a ItemCounts) -> Source<'a> {
    Source {
        path: &item.path,
        collection: &item.computer.collection,
        by_place: &item.computer.by_place,
        own_log: is_own_log(item.format.name(), &item.path),
        relayed: item.format == Format::Syslog,
        rows: &counts.hosts,
    }
}

fn evidence_of(item: &Item, counts: ItemCounts, hosts: &Hosts, issues: &mut Vec<Issue>) -> Evidence {
    let mut state = if counts.failed { EvidenceState::Unread } else { item.state };
    if state == EvidenceState::Read
        && counts.records == 0
        && counts.damage.iter().any(|one| one.lost != Some(0))
    {
        state = EvidenceState::Unread;
        // What is sound and of another kind is no better in a fresh copy.
        let other_kind = counts.damage.iter().all(|one| one.kind == NOT_EXAMINED);
        let hint = if other_kind {
            "if it holds events, ask for them as EVTX or in one of the exports that docs/formats/rows.md lists"
        } else {
            "check that it is what its name says; ask for a fresh copy"
        };
        let what = format!("no record of this {} file could be read", item.format.name());
        issues.push(
            Issue::new(
                "evidence-not-understood",
                item.path.clone(),
                what,
                "nothing in it was examined",
                hint,
            )
            .of(item.id),
        );
    }
    // The host that most rows name; among equals the first by name.
    let named = counts
        .hosts
        .iter()
        .filter(|(host, _)| !host.is_empty())
        .max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
    let said = named.map_or(item.computer.by_place.host.as_str(), |(host, _)| host);
    let known = hosts.known(said);
    Evidence {
        id: item.id,
        path: item.path.clone(),
        format: item.format.name().to_owned(),
        bytes: item.bytes,
        sha256: item.sha256.clone(),
        host: (known > HostKnown::Unknown).then(|| hosts.full(said).to_owned()),
        host_known: known,
        collection: item.computer.collection.clone(),
        host_by_place: item.computer.by_place.clone(),
        shadow_copy: shadow_copy(&item.path),
        records_read: counts.records,
        rows: counts.rows,
        duplicates: counts.duplicates,
        first: counts.first,
        last: counts.last,
        damage: item.damage.iter().cloned().chain(counts.damage).collect(),
        state,
        same_as: item.same_as,
        origin: item.origin.clone(),
        md5: item.older.as_ref().map(|older| older.md5.clone()),
        sha1: item.older.as_ref().map(|older| older.sha1.clone()),
    }
}

/// Gives the issues of sealing the id of their evidence, and puts all in the order of place.
fn place_issues(issues: &mut Vec<Issue>, evidence: &[Evidence]) {
    let by_path: BTreeMap<&str, _> = evidence.iter().map(|one| (one.path.as_str(), one.id)).collect();
    for issue in issues.iter_mut() {
        issue.evidence_id = issue.evidence_id.or_else(|| by_path.get(issue.path.as_str()).copied());
    }
    sort_issues(issues);
}

/// In the order of place.
fn sort_issues(issues: &mut Vec<Issue>) {
    issues.sort_by(|a, b| {
        (a.evidence_id, &a.path, a.offset, &a.slug, &a.what).cmp(&(
            b.evidence_id,
            &b.path,
            b.offset,
            &b.slug,
            &b.what,
        ))
    });
    issues.dedup(); // a medium that fails amid a large file is met once a unit
}

/// Which areas had rows for their rules, and the rules that had none.
fn areas(hunt: &Hunt, shapes: &BTreeSet<Shape>) -> (Areas, Vec<NotRun>) {
    let mut seen: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    let mut no_rows = Vec::new();
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let no_source: BTreeSet<(&str, u64)> =
        hunt.rules.not_run.iter().map(|one| (one.path.as_str(), one.line)).collect();
    for rule in &hunt.rules.rules {
        if no_source.contains(&(rule.path.as_str(), rule.line)) {
            continue;
        }
        let label = logsource_label(rule);
        let ran =
            *known.entry(label.clone()).or_insert_with(|| shapes.iter().any(|shape| rule.gate.fits(shape)));
        let area = seen.entry(label.clone()).or_insert((0, ran));
        area.0 += 1;
        if !ran {
            no_rows.push(NotRun::of(
                rule,
                "rule-no-evidence",
                format!("this evidence holds no event of {label}"),
            ));
        }
    }
    let pick = |wanted: bool| {
        let areas = seen.iter().filter(|(_, (_, ran))| *ran == wanted);
        areas.map(|(label, (rules, _))| Area { label: label.clone(), rules: *rules }).collect()
    };
    (Areas { ran: pick(true), unseen: pick(false) }, no_rows)
}
