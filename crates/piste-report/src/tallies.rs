//! Detections counted as they stream by, for the summary and the pictures.
//!
//! In: detections sorted by (time, evidence, record), as `detections.jsonl` has them. Out: totals by level, host, day,
//! rule and time, in bounded memory: rules are bounded by what was loaded, days by the range of the clock, hosts and the
//! cells of the picture by the constants below.

use std::collections::BTreeMap;

use piste_model::{Detection, EvidenceId, Instant, Level};

/// Hosts that are counted by name; detections on others are counted together.
pub const MAX_HOSTS: usize = 10_000;
/// Cells (host, slot of time) that the picture keeps before it takes longer slots.
pub const MAX_CELLS: usize = 50_000;
/// Bytes of a host name that tell hosts apart.
const MAX_HOST_NAME: usize = 256;
/// Offsets remembered within one (time, evidence, record).
const MAX_OFFSETS: usize = 64;
/// The finest slot of the picture: one hour.
const FINEST_SLOT: i64 = 3_600_000_000_000;

/// One count a level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelCounts {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    informational: u64,
}

impl LevelCounts {
    /// The count at `level`.
    pub fn get(&self, level: Level) -> u64 {
        match level {
            Level::Critical => self.critical,
            Level::High => self.high,
            Level::Medium => self.medium,
            Level::Low => self.low,
            Level::Informational => self.informational,
        }
    }

    /// All levels together.
    pub fn total(&self) -> u64 {
        Level::DESCENDING.into_iter().map(|level| self.get(level)).sum()
    }

    /// Counts, the gravest level first: comparing these orders by gravity.
    pub fn by_gravity(&self) -> [u64; 5] {
        Level::DESCENDING.map(|level| self.get(level))
    }

    /// Adds `count` at `level`.
    pub fn add(&mut self, level: Level, count: u64) {
        *match level {
            Level::Critical => &mut self.critical,
            Level::High => &mut self.high,
            Level::Medium => &mut self.medium,
            Level::Low => &mut self.low,
            Level::Informational => &mut self.informational,
        } += count;
    }

    fn merge(&mut self, other: &Self) {
        for level in Level::DESCENDING {
            self.add(level, other.get(level));
        }
    }
}

/// One rule's detections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTally {
    /// The rule's title.
    pub title: String,
    /// Its detections.
    pub count: u64,
}

/// What is counted of a detection.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The rule's id.
    pub rule_id: &'a str,
    /// Its title.
    pub rule_title: &'a str,
    /// Its level.
    pub level: Level,
    /// When; `None` where the row has no time.
    pub time: Option<Instant>,
    /// Computer that the row names.
    pub host: &'a str,
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Record id or line number.
    pub record: i64,
    /// Byte offset of the record.
    pub offset: u64,
    /// Whether it is an event; a file that is no log is none.
    pub event: bool,
}

/// All detections of a run, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Detections by level.
    pub levels: LevelCounts,
    /// Detections by host and level; an empty name stands for records that name no host.
    pub hosts: BTreeMap<String, LevelCounts>,
    /// Detections on hosts beyond the first [`MAX_HOSTS`].
    pub other_hosts: LevelCounts,
    /// Detections by day since 1970-01-01 UTC and level.
    pub days: BTreeMap<i64, LevelCounts>,
    /// Detections by level and rule id.
    pub rules: BTreeMap<Level, BTreeMap<String, RuleTally>>,
    /// Detections without a time.
    pub undated: u64,
    /// Earliest and latest detection.
    pub span: Option<(Instant, Instant)>,
    /// Distinct records with at least one detection.
    pub events_with_hits: u64,
    /// Detections over time by host.
    pub picture: Picture,
    current: Option<LastSeen>,
}

/// The record last seen; several rules may match it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LastSeen {
    time: Option<Instant>,
    evidence: EvidenceId,
    record: i64,
    offsets: Vec<u64>,
}

/// Detections by host and slot of time. Slots start at an hour and grow when there are too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Nanoseconds of one slot.
    pub slot: i64,
    /// Host, then slot (time divided by `slot`, rounded down), then counts.
    pub cells: BTreeMap<String, BTreeMap<i64, LevelCounts>>,
    used: usize,
}

impl Default for Picture {
    fn default() -> Self {
        Self { slot: FINEST_SLOT, cells: BTreeMap::new(), used: 0 }
    }
}

impl Picture {
    fn add(&mut self, host: &str, time: Instant, level: Level) {
        let slots = entry_of(&mut self.cells, host);
        let before = slots.len();
        slots.entry(time.nanos.div_euclid(self.slot)).or_default().add(level, 1);
        self.used += slots.len() - before;
        while self.used > MAX_CELLS && self.slot < i64::MAX / 100 {
            self.coarsen();
        }
    }

    /// An hour becomes a day, a day 24 days, and so on.
    fn coarsen(&mut self) {
        const FACTOR: i64 = 24;
        self.slot *= FACTOR;
        self.used = 0;
        for slots in self.cells.values_mut() {
            let mut wider: BTreeMap<i64, LevelCounts> = BTreeMap::new();
            for (slot, counts) in &*slots {
                wider.entry(slot.div_euclid(FACTOR)).or_default().merge(counts);
            }
            self.used += wider.len();
            *slots = wider;
        }
    }
}

impl Tallies {
    /// Counts one detection; see [`Tallies::count`].
    pub fn add(&mut self, detection: &Detection) {
        self.count(&Counted {
            rule_id: &detection.rule_id,
            rule_title: &detection.rule_title,
            level: detection.level,
            time: detection.time,
            host: &detection.host,
            evidence: detection.evidence_id,
            record: detection.record,
            offset: detection.offset,
            event: true,
        });
    }

    /// Counts one detection.
    ///
    /// Events with hits are told apart without a set of all of them: the stream is sorted, so the rules that matched one
    /// record follow each other, and only the record last seen is remembered (with up to 64 offsets, for the rare
    /// copies of a record within one damaged file).
    pub fn count(&mut self, detection: &Counted<'_>) {
        let Counted { level, time, host, .. } = *detection;
        let host = host.get(..host.floor_char_boundary(MAX_HOST_NAME)).unwrap_or(host);
        self.levels.add(level, 1);
        let known_host = self.hosts.len() < MAX_HOSTS || self.hosts.contains_key(host);
        if known_host {
            entry_of(&mut self.hosts, host).add(level, 1);
        } else {
            self.other_hosts.add(level, 1);
        }
        self.add_time(time, level, known_host.then_some(host));
        self.add_rule(detection);
        if detection.event {
            self.add_record(detection);
        }
    }

    fn add_time(&mut self, time: Option<Instant>, level: Level, host: Option<&str>) {
        let Some(time) = time else {
            self.undated += 1;
            return;
        };
        self.days.entry(time.day()).or_default().add(level, 1);
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
        if let Some(host) = host {
            self.picture.add(host, time, level);
        }
    }

    fn add_rule(&mut self, detection: &Counted<'_>) {
        let rules = self.rules.entry(detection.level).or_default();
        if let Some(rule) = rules.get_mut(detection.rule_id) {
            rule.count += 1;
        } else {
            let rule = RuleTally { title: detection.rule_title.to_owned(), count: 1 };
            rules.insert(detection.rule_id.to_owned(), rule);
        }
    }

    fn add_record(&mut self, detection: &Counted<'_>) {
        let Counted { time, evidence, record, offset, .. } = *detection;
        if let Some(current) = &mut self.current
            && (current.time, current.evidence, current.record) == (time, evidence, record)
        {
            if current.offsets.contains(&offset) || current.offsets.len() >= MAX_OFFSETS {
                return;
            }
            current.offsets.push(offset);
        } else {
            self.current = Some(LastSeen { time, evidence, record, offsets: vec![offset] });
        }
        self.events_with_hits += 1;
    }

    /// All detections.
    pub fn total(&self) -> u64 {
        self.levels.total()
    }

    /// Rules of `level` that matched at least once.
    pub fn unique(&self, level: Level) -> u64 {
        self.rules.get(&level).map_or(0, |rules| rules.len() as u64)
    }

    /// Rules that matched at least once.
    pub fn unique_total(&self) -> u64 {
        Level::DESCENDING.into_iter().map(|level| self.unique(level)).sum()
    }

    /// The rules of `level` with most detections, at most `most`.
    pub fn top_rules(&self, level: Level, most: usize) -> Vec<&RuleTally> {
        let rules = self.rules.get(&level).into_iter().flatten();
        top(rules.map(|(id, rule)| ((&rule.title, id), rule.count, rule)), most)
    }

    /// The hosts with most detections of `level`, at most `most`.
    pub fn top_hosts(&self, level: Level, most: usize) -> Vec<(&str, u64)> {
        let counted = self.hosts.iter().map(|(host, counts)| {
            let count = counts.get(level);
            (host, count, (host.as_str(), count))
        });
        top(counted, most)
    }

    /// The day with most detections of `level`, the earliest among equals, and how many.
    pub fn top_day(&self, level: Level) -> Option<(i64, u64)> {
        let counted =
            self.days.iter().map(|(&day, counts)| (day, counts.get(level), (day, counts.get(level))));
        top(counted, 1).into_iter().next()
    }
}

/// The `most` items with the highest counts above 0, by name among equals; input is (name, count, item).
fn top<N: Ord, T>(items: impl Iterator<Item = (N, u64, T)>, most: usize) -> Vec<T> {
    let mut sorted: Vec<_> = items.filter(|(_, count, _)| *count > 0).collect();
    sorted
        .sort_by(|(a_name, a_count, _), (b_name, b_count, _)| b_count.cmp(a_count).then(a_name.cmp(b_name)));
    sorted.into_iter().take(most).map(|(_, _, item)| item).collect()
}

/// The value of `name`, made if need be; copies the name only then.
fn entry_of<'a, V: Default>(map: &'a mut BTreeMap<String, V>, name: &str) -> &'a mut V {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
    }
    map.get_mut(name).expect("it was there or has just been put there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use piste_model::Entities;

    fn detection(host: &str, level: Level, second: i64, record: i64, offset: u64, rule: &str) -> Detection {
        Detection {
            rule_id: rule.into(),
            rule_title: format!("Rule {rule}"),
            level,
            time: Some(Instant { nanos: second * 1_000_000_000, digits: 0 }),
            host: host.into(),
            dataset: "windows.security".into(),
            channel: String::new(),
            event_code: Some(4688),
            record,
            evidence_id: EvidenceId(1),
            path: "Security.evtx".into(),
            places: Vec::new(),
            attack: Vec::new(),
            status: "test".into(),
            offset,
            record_hash: String::new(),
            actor: None,
            acting_process: None,
            entities: Entities::default(),
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn rules_that_match_one_record_make_one_event() {
        let mut tallies = Tallies::default();
        for (record, offset, rule) in [(1, 10, "a"), (1, 10, "b"), (1, 99, "a"), (1, 10, "c"), (2, 20, "a")] {
            tallies.add(&detection("H", Level::High, 5, record, offset, rule));
        }
        assert_eq!((tallies.total(), tallies.unique(Level::High), tallies.events_with_hits), (5, 3, 3));
        let titles: Vec<_> =
            tallies.top_rules(Level::High, 2).iter().map(|rule| rule.title.as_str()).collect();
        assert_eq!(titles, ["Rule a", "Rule b"]);
    }

    #[test]
    fn hosts_beyond_the_bound_are_counted_together() {
        let mut tallies = Tallies::default();
        for n in 0..=MAX_HOSTS {
            tallies.add(&detection(&format!("H{n:05}"), Level::Low, 0, 1, 0, "a"));
        }
        tallies.add(&detection("H00000", Level::Low, 0, 1, 0, "a"));
        assert_eq!(tallies.hosts.len(), MAX_HOSTS);
        assert_eq!(tallies.other_hosts.get(Level::Low), 1);
        assert_eq!(tallies.top_hosts(Level::Low, 2), [("H00000", 2), ("H00001", 1)]);
        assert_eq!(tallies.top_hosts(Level::High, 2), []);
    }

    #[test]
    fn the_picture_takes_longer_slots_and_loses_none() {
        let mut tallies = Tallies::default();
        let total = i64::try_from(MAX_CELLS).unwrap() + 10;
        for n in 0..total {
            tallies.add(&detection("H", Level::Medium, n * 3600, n, 0, "a"));
        }
        let picture = &tallies.picture;
        assert_eq!(picture.slot, 24 * FINEST_SLOT);
        let counted: u64 = picture.cells["H"].values().map(LevelCounts::total).sum();
        assert_eq!(counted, total.unsigned_abs());
        assert!(picture.cells["H"].len() <= MAX_CELLS);
    }

    #[test]
    fn a_detection_without_a_time_is_counted_apart() {
        let mut tallies = Tallies::default();
        tallies.add(&Detection { time: None, ..detection("", Level::Low, 0, 1, 0, "a") });
        assert_eq!((tallies.undated, tallies.span, tallies.days.len()), (1, None, 0));
        assert_eq!(tallies.top_day(Level::Low), None);
    }
}
