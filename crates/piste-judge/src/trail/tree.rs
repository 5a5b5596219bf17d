//! Process trees: what started what on a host, with times, accounts, command lines and what rules say.
//!
//! In: the lake, which hosts, and what is looked for: a whole host, a program or number, or rows. Out: processes in the order of the
//! tree. Of a host only what rules speak of is shown with what started it and what it started, unless all is asked for; texts are
//! read of the processes that are shown, so that memory grows with a number each process and not with its command line.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::trail::ActRow;
use piste_model::{Clock, EvidenceId, Instant};
use serde::Serialize;

use super::clock::Shifts;
use super::collect::{Addresses, Collector, Facts, Wanted, actor_in};
use super::fact::{Fact, Place};
use super::names::HostNames;
use super::processes::{Named, ProcessId, Processes, pid};
use super::programs::file_name;
use super::steps::account_of;

/// Ancestors that are followed: a circle that a hostile log writes ends.
const ANCESTORS_MAX: usize = 64;
/// Depth at which a tree is cut.
const DEPTH_MAX: usize = 64;

/// A detection on a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeMark {
    /// Its row.
    pub row: ActRow,
    /// `high: Shell Spawned by IIS Worker`.
    pub text: String,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub enum TreeQuery {
    /// What rules speak of on these hosts, or everything.
    Host {
        /// Everything.
        all: bool,
    },
    /// Programs by name (`cmd.exe`), number (`4711`) or Sysmon's GUID.
    Process(String),
    /// The processes that these rows are about.
    Rows(Vec<ActRow>),
}

/// What trees are made of.
pub struct TreeInputs<'a> {
    /// The rows.
    pub lake: &'a Lake,
    /// Measured differences of clocks.
    pub clocks: &'a [Clock],
    /// A host's one name.
    pub host: &'a dyn Fn(&str) -> String,
    /// The hosts, by their one name.
    pub hosts: &'a [String],
    /// Detections on rows of these hosts.
    pub marks: &'a [TreeMark],
    /// What is looked for.
    pub query: &'a TreeQuery,
    /// From and to when a process started that is looked for.
    pub from: Option<Instant>,
    /// Not after.
    pub to: Option<Instant>,
    /// The most processes that are told.
    pub most: usize,
}

/// A process in its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeProcess {
    /// Processes above it that are told.
    pub depth: usize,
    /// Its host.
    pub host: String,
    /// Its number.
    pub pid: Option<u32>,
    /// When it started; `None` where its start is not in the logs.
    pub started: Option<Instant>,
    /// Path of its program.
    pub image: String,
    /// Its command line; empty where no row has one.
    pub command_line: String,
    /// The account that it ran as; empty where no row names one.
    pub account: String,
    /// What rules say of it.
    pub marks: Vec<String>,
    /// It is what was looked for, not what is around it.
    pub looked_for: bool,
    /// Rows of its start.
    pub rows: Vec<ActRow>,
}

/// The trees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProcessTrees {
    /// In the order of the trees, each process before what it started.
    pub processes: Vec<TreeProcess>,
    /// Processes that belong to what was looked for and are not told.
    pub left_out: usize,
    /// Processes of these hosts whose start is in the logs.
    pub of: usize,
    /// More processes are in the logs than are kept.
    pub cut: bool,
}

/// Makes them.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn process_trees(inputs: &TreeInputs<'_>) -> Result<ProcessTrees, LakeError> {
    let shifts = Shifts::of(inputs.clocks);
    let mut hosts = HostNames::new(inputs.host);
    let (mut processes, mut facts, mut addresses) =
        (Processes::default(), Facts::default(), Addresses::default());
    let mut collector = Collector {
        lake: inputs.lake,
        shifts: &shifts,
        hosts: &mut hosts,
        processes: &mut processes,
        facts: &mut facts,
        addresses: &mut addresses,
    };
    let wanted: BTreeSet<u32> = inputs.hosts.iter().map(|host| collector.hosts.number(host)).collect();
    collector.processes_of(&wanted)?;
    // Rows that are looked for, and those that rules speak of, say which process they are about.
    let mut places: BTreeSet<Place> = inputs.marks.iter().map(|mark| place_of(mark.row)).collect();
    if let TreeQuery::Rows(rows) = inputs.query {
        places.extend(rows.iter().map(|row| place_of(*row)));
    }
    collector.keep(&Wanted { places, ..Wanted::default() }, &|dataset| dataset.starts_with("windows."))?;
    let mut forest = Forest { inputs, marks: BTreeMap::new(), collector };
    forest.mark();
    forest.told()
}

/// Processes, and what is said of them.
struct Forest<'a, 'c, 'n> {
    inputs: &'a TreeInputs<'a>,
    marks: BTreeMap<ProcessId, BTreeSet<String>>,
    collector: Collector<'c, 'n>,
}

impl Forest<'_, '_, '_> {
    fn process_of(&self, place: &Place) -> Option<ProcessId> {
        let facts = &self.collector.facts;
        let fact = facts.get(facts.at(place)?)?;
        let created = self.collector.processes.created_at(place);
        created.or_else(|| self.collector.processes.find(subject_of(fact)))
    }

    fn mark(&mut self) {
        for mark in self.inputs.marks {
            if let Some(id) = self.process_of(&place_of(mark.row)) {
                self.marks.entry(id).or_default().insert(mark.text.clone());
            }
        }
    }

    /// The processes that are looked for.
    fn looked_for(&self) -> BTreeSet<ProcessId> {
        let all = || self.collector.processes.iter().filter(|(_, one)| one.start.is_some());
        let in_time = |id: &ProcessId| {
            let start = self.collector.processes.get(*id).and_then(|one| one.start);
            let begins = |from: Instant| start.is_some_and(|start| start >= from.nanos);
            let ends = |to: Instant| start.is_some_and(|start| start <= to.nanos);
            self.inputs.from.is_none_or(begins) && self.inputs.to.is_none_or(ends)
        };
        let found: BTreeSet<ProcessId> = match self.inputs.query {
            TreeQuery::Host { all: true } => all().map(|(id, _)| id).collect(),
            TreeQuery::Host { all: false } => self.marks.keys().copied().collect(),
            TreeQuery::Rows(rows) => rows.iter().filter_map(|row| self.process_of(&place_of(*row))).collect(),
            TreeQuery::Process(name) => {
                let (number, guid, name) = (pid(name), super::fact::guid(name), name.to_lowercase());
                let fits = |id: ProcessId, one: &super::processes::Process| {
                    let image = self.collector.processes.image(id);
                    (guid != 0 && one.guid == guid)
                        || (number.is_some() && one.pid == number)
                        || file_name(image) == name
                        || image.to_lowercase() == name
                };
                all().filter(|(id, one)| fits(*id, one)).map(|(id, _)| id).collect()
            }
        };
        found.into_iter().filter(in_time).collect()
    }

    /// What is shown: what is looked for, what started it, and what it started.
    fn shown(&self, looked_for: &BTreeSet<ProcessId>) -> BTreeSet<ProcessId> {
        let mut shown = BTreeSet::new();
        let mut below: Vec<ProcessId> = looked_for.iter().copied().collect();
        // What a service host or a shell of the desktop started is not shown for its sake, unless it is what is looked for.
        while let Some(id) = below.pop() {
            if shown.insert(id) {
                below.extend(self.collector.processes.children(id));
            }
        }
        for id in looked_for {
            let mut at = self.collector.processes.get(*id).and_then(|one| one.parent);
            for _ in 0..ANCESTORS_MAX {
                let Some(parent) = at.filter(|parent| shown.insert(*parent)) else { break };
                at = self.collector.processes.get(parent).and_then(|one| one.parent);
            }
        }
        shown
    }

    fn told(mut self) -> Result<ProcessTrees, LakeError> {
        let looked_for = self.looked_for();
        let shown = self.shown(&looked_for);
        let order = self.order(&shown);
        let left_out = shown.len().saturating_sub(self.inputs.most.min(order.len()));
        let order: Vec<(ProcessId, usize)> = order.into_iter().take(self.inputs.most).collect();
        // Command lines and accounts are read of what is told alone.
        let created = order.iter().filter_map(|(id, _)| self.collector.processes.get(*id));
        let places: BTreeSet<Place> = created.flat_map(|one| one.created.iter().flatten().copied()).collect();
        let wanted = Wanted { places, ..Wanted::default() };
        self.collector
            .keep(&wanted, &|dataset| matches!(dataset, super::collect::SYSMON | super::collect::SECURITY))?;
        let of = self.collector.processes.iter().filter(|(_, one)| one.start.is_some()).count();
        let processes = order.iter().filter_map(|(id, depth)| self.one(*id, *depth, looked_for.contains(id)));
        Ok(ProcessTrees { processes: processes.collect(), left_out, of, cut: self.collector.processes.full })
    }

    /// The shown processes, each before what it started, children in the order of their start.
    fn order(&self, shown: &BTreeSet<ProcessId>) -> Vec<(ProcessId, usize)> {
        let processes = &self.collector.processes;
        let start = |id: &ProcessId| (processes.get(*id).and_then(|one| one.start), *id);
        let parent = |id: &ProcessId| processes.get(*id).and_then(|one| one.parent);
        let mut roots: Vec<ProcessId> = shown
            .iter()
            .filter(|id| parent(id).is_none_or(|above| !shown.contains(&above)))
            .copied()
            .collect();
        roots.sort_by_key(start);
        let mut open: Vec<(ProcessId, usize)> = roots.into_iter().rev().map(|id| (id, 0)).collect();
        let (mut order, mut done) = (Vec::new(), BTreeSet::new());
        while let Some((id, depth)) = open.pop() {
            if !done.insert(id) {
                continue; // a circle that a hostile log writes
            }
            order.push((id, depth));
            let mut children: Vec<ProcessId> =
                processes.children(id).iter().filter(|child| shown.contains(child)).copied().collect();
            children.sort_by_key(start);
            open.extend(children.into_iter().rev().map(|child| (child, (depth + 1).min(DEPTH_MAX))));
        }
        // What only a circle joins has no root: it stands by itself.
        order.extend(shown.iter().filter(|id| !done.contains(id)).map(|id| (*id, 0)));
        order
    }

    fn one(&self, id: ProcessId, depth: usize, looked_for: bool) -> Option<TreeProcess> {
        let one = self.collector.processes.get(id)?;
        let facts: Vec<&Fact> = one
            .created
            .iter()
            .flatten()
            .filter_map(|place| self.collector.facts.get(self.collector.facts.at(place)?))
            .collect();
        let lines = facts.iter().map(|fact| fact.text("CommandLine"));
        let account = facts.iter().map(|fact| account_of(fact)).find(|account| !account.is_empty());
        let digits = facts.iter().map(|fact| fact.digits).max().unwrap_or(9);
        Some(TreeProcess {
            depth,
            host: self.collector.hosts.name(one.host).to_owned(),
            pid: one.pid,
            started: one.start.map(|nanos| super::judge::instant(nanos, digits)),
            image: self.collector.processes.image(id).to_owned(),
            command_line: lines.max_by_key(|line| line.len()).unwrap_or_default().to_owned(),
            account: account.unwrap_or_default(),
            marks: self.marks.get(&id).into_iter().flatten().cloned().collect(),
            looked_for,
            rows: one.created.iter().flatten().map(|place| row_of(*place)).collect(),
        })
    }
}

/// The process that a row is about: the one that it says was created, else the one that acts.
fn subject_of(fact: &Fact) -> Named<'_> {
    if fact.is(super::collect::SECURITY, 4688) {
        let (number, image) = (pid(fact.text("NewProcessId")), fact.text("NewProcessName"));
        return Named { host: fact.host, guid: 0, pid: number, image, at: fact.to };
    }
    actor_in(fact)
}

fn place_of(row: ActRow) -> Place {
    super::decided::place_of(row)
}

fn row_of(place: Place) -> ActRow {
    ActRow { evidence_id: EvidenceId(place.evidence), record: place.record, offset: place.offset }
}
