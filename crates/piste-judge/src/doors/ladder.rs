//! The ladder of a verdict: steps, each with the row that it rests on.
//!
//! In: facts by rung. Out: a door's sentences, rows, sources and spans. What is written here is all that a reader has to
//! follow the verdict, so each step names its time, its log and its record.

use std::collections::BTreeSet;

use crate::clocks;
use piste_model::{Door, DoorState, DoorVerdict, Instant, Opened, RowRef};

use super::fact::Fact;
use super::join::key_of;
use super::known::Known;
use super::store::Facts;
use super::words::earliest;

/// Steps that one rung shows in full.
const STEPS: usize = 6;

/// A door being built.
pub(crate) struct Draft<'a, 'k> {
    known: &'a Known<'k>,
    door: Door,
    /// Facts that stand behind it.
    facts: BTreeSet<Fact>,
    /// The log of the fact that opened it.
    opened_log: &'static str,
}

impl<'a, 'k> Draft<'a, 'k> {
    pub(crate) fn new(known: &'a Known<'k>, kind: &str, host: &str, place: &str) -> Self {
        let door = Door {
            id: String::new(),
            key: key_of(kind, host, place),
            kind: kind.to_owned(),
            cve: Vec::new(),
            host: host.to_owned(),
            host_known: piste_model::HostKnown::default(),
            place: place.to_owned(),
            verdict: DoorVerdict::Probed,
            state: DoorState::Unknown,
            opened: Opened::default(),
            first_used: None,
            last_used: None,
            sources: Vec::new(),
            accounts: Vec::new(),
            why: Vec::new(),
            against: Vec::new(),
            missing: Vec::new(),
            close: String::new(),
            rows: Vec::new(),
            count: 0,
        };
        Self { known, door, facts: BTreeSet::new(), opened_log: "" }
    }

    pub(crate) fn known(&self) -> &'a Known<'k> {
        self.known
    }

    pub(crate) fn host(&self) -> &str {
        &self.door.host
    }

    pub(crate) fn cve(&mut self, cve: &[&str]) {
        self.door.cve.extend(cve.iter().map(|one| (*one).to_owned()));
    }

    pub(crate) fn verdict(&mut self, verdict: DoorVerdict) {
        self.door.verdict = verdict;
    }

    pub(crate) fn state(&mut self, state: DoorState) {
        self.door.state = state;
    }

    pub(crate) fn close(&mut self, close: &str) {
        close.clone_into(&mut self.door.close);
    }

    pub(crate) fn against(&mut self, text: impl Into<String>) {
        self.door.against.push(text.into());
    }

    pub(crate) fn missing(&mut self, text: Option<String>) {
        self.door.missing.extend(text);
    }

    /// A sentence of the ladder that no single row carries.
    pub(crate) fn sum(&mut self, text: impl Into<String>) {
        self.door.why.push(text.into());
    }

    /// The facts open the door: the earliest is when it was open at the latest.
    pub(crate) fn opened_by<'f>(&mut self, facts: impl IntoIterator<Item = &'f Fact>) {
        for fact in facts {
            let known = self.door.opened.not_after;
            self.door.opened.not_after = earliest(known, fact.time);
            if self.door.opened.not_after != known {
                self.opened_log = fact.log;
            }
        }
    }

    /// The facts are uses.
    pub(crate) fn used_by<'f>(&mut self, facts: impl IntoIterator<Item = &'f Fact>) {
        for fact in facts {
            self.used_at(fact.time, fact.time);
        }
    }

    /// It was used from then to then.
    pub(crate) fn used_at(&mut self, first: Option<Instant>, last: Option<Instant>) {
        self.door.first_used = earliest(self.door.first_used, first);
        self.door.last_used = self.door.last_used.max(last);
    }

    /// Adds the sources and accounts of these facts.
    pub(crate) fn people<'f>(&mut self, facts: impl IntoIterator<Item = &'f Fact>) {
        for fact in facts {
            self.name(&fact.source, &fact.account);
        }
    }

    fn name(&mut self, source: &str, account: &str) {
        for (list, name) in [(&mut self.door.sources, source), (&mut self.door.accounts, account)] {
            if let Err(at) = list.binary_search_by(|known| known.as_str().cmp(name))
                && !name.is_empty()
            {
                list.insert(at, name.to_owned());
            }
        }
    }

    /// Adds all sources and accounts that these facts had, kept or not.
    pub(crate) fn all_people(&mut self, facts: &Facts) {
        for source in &facts.sources {
            self.name(source, "");
        }
        for account in &facts.accounts {
            self.name("", account);
        }
    }

    /// One step a fact, the earliest [`STEPS`] of them, and how many more there were. Two logs of one request are one step.
    pub(crate) fn steps<'f>(&mut self, facts: impl IntoIterator<Item = &'f Fact>, total: u64) {
        let mut shown = 0_u64;
        let mut requests: BTreeSet<&str> = BTreeSet::new();
        let mut sorted: Vec<&Fact> = facts.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let kept = u64::try_from(sorted.len()).unwrap_or(u64::MAX);
        for fact in sorted {
            self.facts.insert(fact.clone());
            let again = !fact.request.is_empty() && !requests.insert(&fact.request);
            if usize::try_from(shown).is_ok_and(|shown| shown < STEPS) {
                let again = if again { " (the same request in a second log)" } else { "" };
                let text = format!("{}{again}", step(fact));
                self.door.why.push(text);
                shown += 1;
            }
        }
        self.door.count += total.max(kept);
        let more = total.max(kept).saturating_sub(shown);
        if more > 0 {
            self.door.why.push(format!("and {more} more rows of that kind"));
        }
    }

    /// One sentence for many rows that say the same.
    pub(crate) fn many(&mut self, facts: &Facts, what: &str) {
        let span = match (facts.first, facts.last) {
            (Some(first), Some(last)) if first != last => format!(" from {first} to {last}"),
            (Some(first), _) => format!(" at {first}"),
            _ => String::new(),
        };
        let from = match facts.sources.len() {
            0 => String::new(),
            1 => format!(" from {}", facts.sources.iter().next().map_or("", String::as_str)),
            many => format!(" from {many} addresses"),
        };
        let example = facts
            .kept
            .iter()
            .next()
            .map(|fact| format!("; the earliest: {}", step(fact)))
            .unwrap_or_default();
        self.door.why.push(format!("{} {what}{span}{from}{example}", facts.count));
        self.door.count += facts.count;
        self.facts.extend(facts.kept.iter().take(STEPS).cloned());
    }

    /// The bound by the event's own clock, where it was measured to differ from the header's. Both are kept.
    fn correct(&mut self) {
        let Some(time) = self.door.opened.not_after.filter(|_| self.opened_log.starts_with("Sysmon")) else {
            return;
        };
        let (clocks, dataset) = (self.known.clocks, "windows.sysmon");
        let Some(corrected) = clocks::corrected(clocks, &self.door.host, dataset, time) else { return };
        self.door.opened.not_after_corrected = Some(corrected);
        let measured = clocks::correction(clocks, &self.door.host, dataset);
        let offset = measured.map_or(0, |clock| clock.offset_ms);
        let samples = measured.map_or(0, |clock| clock.samples);
        self.sum(format!(
            "by the event's own clock it was open no later than {corrected}, by its header's {time}: the two are {offset:+} ms apart, measured over {samples} records"
        ));
    }

    /// The door, its rows in the order of time.
    pub(crate) fn finish(mut self) -> Door {
        self.correct();
        for text in self.known.clock_words(&self.door.host) {
            self.door.against.push(text);
        }
        let mut places = BTreeSet::new();
        let rows = self
            .facts
            .iter()
            .filter(|fact| places.insert(fact.place))
            .map(|fact| self.known.row(&fact.place));
        self.door.rows = rows.take(Door::MAX_ROWS).collect::<Vec<RowRef>>();
        self.door
    }
}

/// `2021-03-14T01:40:12.987Z MSExchange Management: … [E-1:10485]`
fn step(fact: &Fact) -> String {
    let time = fact.time.map_or_else(|| "no time".to_owned(), |time| time.to_string());
    let source = if fact.source.is_empty() { String::new() } else { format!(", from {}", fact.source) };
    let account = if fact.account.is_empty() {
        String::new()
    } else {
        format!(", as {}", super::words::quoted(&fact.account))
    };
    format!(
        "{time} {}: {}{source}{account} [E-{}:{}]",
        fact.log, fact.what, fact.place.evidence, fact.place.record
    )
}
