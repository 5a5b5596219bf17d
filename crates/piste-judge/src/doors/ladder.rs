//! The ladder of a verdict: steps, each with the row that it rests on.
//!
//! In: facts by rung. Out: a door's reasons, rows, sources and spans. What is kept here is all that a reader has to
//! follow the verdict, so each step has its time, its log and its record.

use std::collections::BTreeSet;

use crate::clocks;
use piste_model::reason::{Counted, Witness};
use piste_model::{Door, DoorState, DoorVerdict, Instant, Opened, Reason, ReasonKind, RowRef};

use super::fact::Fact;
use super::join::key_of;
use super::known::Known;
use super::store::Facts;
use super::words::{earliest, quoted};

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
            reasons: Vec::new(),
            settle: Vec::new(),
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

    pub(crate) fn against(&mut self, kind: ReasonKind) {
        self.door.reasons.push(Reason::against(kind));
    }

    pub(crate) fn missing(&mut self, kind: Option<ReasonKind>) {
        self.door.settle.extend(kind.map(Reason::of));
    }

    /// A reason that no single row carries.
    pub(crate) fn sum(&mut self, kind: ReasonKind) {
        self.door.reasons.push(Reason::of(kind));
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
                let step = self.step(fact, again);
                self.door.reasons.push(step);
                shown += 1;
            }
        }
        self.door.count += total.max(kept);
        let more = total.max(kept).saturating_sub(shown);
        if more > 0 {
            self.sum(ReasonKind::MoreRows { more });
        }
    }

    /// One reason for many rows that say the same.
    pub(crate) fn many(&mut self, facts: &Facts, what: Counted) {
        let only = facts.sources.iter().next().filter(|_| facts.sources.len() == 1);
        let earliest = facts.kept.first().map(|fact| Box::new(self.step(fact, false)));
        self.sum(ReasonKind::Counted {
            what,
            count: facts.count,
            first: facts.first,
            last: facts.last,
            addresses: facts.sources.len() as u64,
            address: only.cloned(),
            earliest,
        });
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
        self.sum(ReasonKind::OwnClock { corrected, header: time, offset_ms: offset, samples });
    }

    /// One row as a step.
    fn step(&self, fact: &Fact, again: bool) -> Reason {
        let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let witness = Witness {
            log: fact.log.to_owned(),
            source: named(&fact.source),
            account: named(&quoted(&fact.account)),
            again,
        };
        Reason {
            kind: fact.said.clone(),
            against: false,
            time: fact.time,
            rows: vec![self.known.row(&fact.place)],
            witness: Some(witness),
        }
    }

    /// The door, its rows in the order of time.
    pub(crate) fn finish(mut self) -> Door {
        self.correct();
        for clocks in self.known.two_clocks(&self.door.host) {
            self.against(clocks);
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
