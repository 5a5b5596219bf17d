//! Acts and what joins them.
//!
//! In: what findings, doors and rows speak of. Out: one node an act, whoever speaks of it (a process, a logon, a connection, a service,
//! a task, a door, else a row by itself), and typed edges, each with its reason and rows.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::EdgeClass;

use super::collect::FactId;
use super::decided::Decided;
use super::fact::Place;
use super::processes::ProcessId;

/// What an act is known by: C1 is that two rows give the same key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A process.
    Process(ProcessId),
    /// A logon of a host, by its number within a boot.
    Logon(u32, u64),
    /// A connection of SMB to a host, by address and port of the other side.
    Connection(u32, String, u64),
    /// A service of a host.
    Service(u32, String),
    /// A task of a host.
    Task(u32, String),
    /// A door, by its place in `doors.json`.
    Door(usize),
    /// A row that speaks of none of these.
    Row(Place),
}

/// One act.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// Numbers of the detections that speak of it.
    pub(crate) witnesses: BTreeSet<usize>,
    /// Rows that show it, besides those of its detections.
    pub(crate) facts: BTreeSet<FactId>,
    /// It belongs to something: what it leads to is looked for.
    pub(crate) member: bool,
}

/// Why two acts belong together.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) class: EdgeClass,
    pub(crate) reason: String,
    pub(crate) facts: Vec<FactId>,
}

/// All acts.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: BTreeMap<Key, Node>,
    /// From the earlier to the later.
    pub(crate) edges: BTreeMap<(Key, Key), Join>,
    /// Members whose surroundings were not looked at yet.
    pub(crate) open: Vec<Key>,
}

impl Graph {
    /// Makes an act a member.
    pub(crate) fn admit(&mut self, key: &Key) {
        let node = self.nodes.entry(key.clone()).or_default();
        if !node.member {
            node.member = true;
            self.open.push(key.clone());
        }
    }

    /// Joins two acts, which makes both members; the first reason stays.
    pub(crate) fn join(&mut self, from: &Key, to: &Key, join: impl FnOnce() -> Join) {
        if from == to {
            return;
        }
        self.admit(from);
        self.admit(to);
        if self.edges.contains_key(&(to.clone(), from.clone())) {
            return;
        }
        self.edges.entry((from.clone(), to.clone())).or_insert_with(join);
    }

    pub(crate) fn is_member(&self, key: &Key) -> bool {
        self.nodes.get(key).is_some_and(|node| node.member)
    }

    /// Processes that are members.
    pub(crate) fn processes(&self) -> impl Iterator<Item = ProcessId> {
        self.nodes.iter().filter(|(_, node)| node.member).filter_map(|(key, _)| match key {
            Key::Process(id) => Some(*id),
            _ => None,
        })
    }

    /// Members by what they are joined to, by the join or by a person, each group in the order of its keys.
    pub(crate) fn components(&self, decided: &Decided) -> Vec<Vec<Key>> {
        let members: Vec<&Key> =
            self.nodes.iter().filter(|(_, node)| node.member).map(|(key, _)| key).collect();
        let number = |key: &Key| members.binary_search(&key).ok();
        let mut sets = Sets::of(members.len());
        let found =
            self.edges.keys().filter(|(from, to)| !decided.is_cut(from, to)).map(|(from, to)| [from, to]);
        let by_persons = decided.joined().map(|([one, other], _)| [one, other]);
        for [from, to] in found.chain(by_persons) {
            if let (Some(from), Some(to)) = (number(from), number(to)) {
                sets.unite(from, to);
            }
        }
        let mut groups: BTreeMap<usize, Vec<Key>> = BTreeMap::new();
        for (at, key) in members.into_iter().enumerate() {
            groups.entry(sets.least(at)).or_default().push(key.clone());
        }
        groups.into_values().collect()
    }
}

/// Sets of numbers, each known by its least.
struct Sets(Vec<usize>);

impl Sets {
    fn of(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The least number of the set; the way to it is made shorter, so that a long chain costs little.
    fn least(&mut self, mut at: usize) -> usize {
        while let Some(next) = self.0.get(at).copied().filter(|next| *next != at) {
            let beyond = self.0.get(next).copied().unwrap_or(next);
            if let Some(here) = self.0.get_mut(at) {
                *here = beyond;
            }
            at = beyond;
        }
        at
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.least(one), self.least(other));
        if let Some(greater) = self.0.get_mut(one.max(other)) {
            *greater = one.min(other);
        }
    }
}
