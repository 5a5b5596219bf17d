//! Acts and what joins them.
//!
//! In: what findings, doors and rows speak of. Out: one node an act, whoever speaks of it (a process, a logon, a connection, a service,
//! a task, a door, else a row by itself), and typed edges, each with its reason and rows.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::EdgeClass;

use super::collect::FactId;
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

    /// Members by what they are joined to, each group in the order of its keys.
    pub(crate) fn components(&self) -> Vec<Vec<Key>> {
        let mut of: BTreeMap<&Key, &Key> =
            self.nodes.iter().filter(|(_, node)| node.member).map(|(key, _)| (key, key)).collect();
        for (from, to) in self.edges.keys() {
            let (one, other) = (root(&of, from), root(&of, to));
            if let (Some(one), Some(other)) = (one, other)
                && one != other
            {
                of.insert(one.max(other), one.min(other));
            }
        }
        let mut groups: BTreeMap<&Key, Vec<Key>> = BTreeMap::new();
        for key in of.keys() {
            if let Some(root) = root(&of, key) {
                groups.entry(root).or_default().push((*key).clone());
            }
        }
        groups.into_values().collect()
    }
}

fn root<'a>(of: &BTreeMap<&'a Key, &'a Key>, key: &'a Key) -> Option<&'a Key> {
    let mut at = *of.get(key)?;
    // Each step goes to a lesser key: it ends.
    while let Some(next) = of.get(at).filter(|next| **next != at) {
        at = next;
    }
    Some(at)
}
