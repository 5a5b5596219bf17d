//! Dataset `registry.key`: one row a key, with its values in the list `Data`.
//!
//! In: the keys of one piece in the order of the tree. Out: rows whose time is the key's last write. `TargetObject` is the
//! path as Sysmon and Sigma write it, with the control set in use as `CurrentControlSet`; `Data` has each value as
//! `name=data`, so that search and indicators reach all of them.

use piste_model::schema::Role;

use super::emit::{Emit, KEY_WRITTEN};
use super::hive::{Key, NONE, is_same_name};
use super::identity::Kind;
use super::le::place;
use super::secrets::{is_secret, is_secret_class};
use super::text::{BINARY_BYTES_MAX, TEXT_BYTES_MAX, is_text, push_searched};
use crate::fields::Fields;
use crate::rows::OpenRow;

pub(super) const DATASET: &str = "registry.key";
/// Bytes of a path; a longer one is cut: Windows has none longer than 64 KB, and each row has its own.
const PATH_BYTES_MAX: usize = 16_384;

/// The path of a key as it is built from those above it.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// As rows show it.
    shown: String,
    /// Where each key on the way ends in it, with its number.
    ends: Vec<(u32, usize)>,
    /// Bytes of the root's name.
    root: usize,
    /// `current`, or the name of another control set.
    set: Option<String>,
}

impl Path {
    pub(super) fn of_root(root: &str) -> Self {
        Self { shown: root.to_owned(), ends: Vec::new(), root: root.len(), set: None }
    }

    /// Goes back to the key of this number; false where it is not on the way.
    fn back_to(&mut self, number: u32) -> bool {
        while let Some((last, end)) = self.ends.last().copied() {
            if last == number {
                self.shown.truncate(end);
                return true;
            }
            self.ends.pop();
        }
        self.shown.truncate(self.root);
        false
    }

    /// Goes down to a key; the first below the root of SYSTEM may be a control set.
    fn down(&mut self, number: u32, key: Key<'_>, emit: &Emit<'_, '_>) {
        let depth = self.ends.len();
        if depth == 0 {
            self.ends.push((number, self.shown.len())); // the root, whose own name is no part of the path
            self.set = None;
            return;
        }
        if self.shown.len() < PATH_BYTES_MAX {
            self.shown.push('\\');
            let start = self.shown.len();
            key.push_name(&mut self.shown);
            if depth == 1 && emit.open.identity.kind == Kind::System {
                self.see_control_set(start, emit);
            }
        } else if !self.shown.ends_with('…') {
            self.shown.push_str("\\…");
        }
        self.ends.push((number, self.shown.len()));
    }

    fn see_control_set(&mut self, start: usize, emit: &Emit<'_, '_>) {
        let name = self.shown.get(start..).unwrap_or_default();
        self.set = None;
        if emit.open.identity.control_set().is_some_and(|current| is_same_name(name, &current)) {
            self.shown.truncate(start);
            self.shown.push_str("CurrentControlSet");
            self.set = Some("current".to_owned());
        } else if name.len() == 13 && name.get(..10).is_some_and(|head| is_same_name(head, "ControlSet")) {
            self.set = Some(name.to_owned());
        }
    }

    /// What stands below the root's name.
    fn below(&self) -> &str {
        self.shown.get(self.root..).unwrap_or_default()
    }
}

/// The rows of the keys of these numbers.
pub(super) fn rows(emit: &mut Emit<'_, '_>, numbers: std::ops::Range<usize>) -> u64 {
    let open = emit.open;
    let mut path = Path::of_root(&open.identity.root);
    let mut texts = Texts::default();
    let mut count = 0;
    for number in numbers {
        let Some(node) = open.tree.nodes.get(number) else { break };
        let Some(key) = open.hive.key(node.at()) else { continue };
        if node.parent != NONE && !path.back_to(node.parent) {
            lead_to(&mut path, node.parent, emit);
        }
        path.down(super::bins::number(number), key, emit);
        push(emit, key, &path, &mut texts, node.owns_values());
        count += 1;
    }
    count
}

/// Builds the path of a key from the root: a piece begins anywhere in the tree.
fn lead_to(path: &mut Path, number: u32, emit: &Emit<'_, '_>) {
    let mut way = Vec::new();
    let mut next = number;
    while let Some(node) = emit.open.tree.nodes.get(place(next)) {
        way.push((next, node.at()));
        next = node.parent; // always a smaller number
    }
    path.shown.truncate(path.root);
    path.ends.clear();
    for (number, at) in way.into_iter().rev() {
        if let Some(key) = emit.open.hive.key(at) {
            path.down(number, key, emit);
        }
    }
}

/// Texts that are used again from row to row.
#[derive(Debug, Default)]
pub(super) struct Texts {
    name: String,
    number: String,
    value: String,
}

impl Texts {
    pub(super) fn take_name(&mut self, key: Key<'_>) {
        self.name.clear();
        key.push_name(&mut self.name);
    }
}

fn push(emit: &mut Emit<'_, '_>, key: Key<'_>, path: &Path, texts: &mut Texts, owns_values: bool) {
    texts.take_name(key);
    let head = emit.head(DATASET, key.at, key.written(), KEY_WRITTEN);
    let open = emit.open;
    let left_out = u64::from(key.values()).saturating_sub(Fields::MAX as u64);
    let Some(mut row) = emit.rows.open(&head, left_out) else { return };
    let facts = Facts { path: &path.shown, below: path.below(), set: path.set.as_deref(), recovered: None };
    push_fields(open, key, &facts, texts, &mut row);
    if owns_values {
        push_values(open, key, path.below(), texts, &mut row, &|_| true);
    }
    row.close();
}

/// What is known of a key besides its node.
pub(super) struct Facts<'f> {
    pub(super) path: &'f str,
    pub(super) below: &'f str,
    pub(super) set: Option<&'f str>,
    /// Where a key that is not live was found.
    pub(super) recovered: Option<&'f str>,
}

/// The columns of a key. `texts.name` is its name.
pub(super) fn push_fields(
    open: &super::OpenHive,
    key: Key<'_>,
    facts: &Facts<'_>,
    texts: &mut Texts,
    row: &mut OpenRow<'_>,
) {
    row.field(0, "TargetObject", facts.path, Role::Data);
    row.field(1, "Key", &texts.name, Role::Data);
    row.field(2, "Hive", &open.identity.hive, Role::Data);
    row.field(3, "SubkeyCount", decimal(key.subkeys(), &mut texts.number), Role::Data);
    row.field(4, "ValueCount", decimal(key.values(), &mut texts.number), Role::Data);
    let deleted = if facts.recovered.is_some() { "true" } else { "false" };
    row.field(5, "Deleted", deleted, Role::Data);
    if let Some(user) = &open.identity.user {
        row.field(6, "User", user, Role::Data);
    }
    if let Some(set) = facts.set {
        row.field(6, "ControlSet", set, Role::Data);
    }
    if let Some(class) = open.hive.class(key) {
        let secret = is_secret_class(open.identity.kind, facts.below, &texts.name);
        row.field(7, "Class", if secret { "(withheld)" } else { &class }, Role::Data);
    }
    if let Some(place) = facts.recovered {
        row.field(7, "RecoveredFrom", place, Role::Data);
    }
}

fn decimal(number: u32, to: &mut String) -> &str {
    use std::fmt::Write as _;
    to.clear();
    let _ = write!(to, "{number}");
    to
}

/// The values of a key as `name=data`, those that `wanted` takes by their cell.
pub(super) fn push_values(
    open: &super::OpenHive,
    key: Key<'_>,
    below: &str,
    texts: &mut Texts,
    row: &mut OpenRow<'_>,
    wanted: &dyn Fn(u32) -> bool,
) {
    let hive = &open.hive;
    for at in hive.value_cells(key).take(Fields::MAX).filter(|at| wanted(*at)) {
        let Some(value) = hive.value(at) else { continue };
        texts.value.clear();
        value.push_name(&mut texts.value);
        let is_secret = is_secret(open.identity.kind, below, &texts.value, value.kind);
        if texts.value.is_empty() {
            texts.value.push_str("(Default)");
        }
        texts.value.push('=');
        push_data(hive, value, is_secret, &mut texts.value);
        row.list(&texts.value);
    }
}

/// The data as it is searched, or that it is withheld or lost.
pub(super) fn push_data(
    hive: &super::hive::Hive,
    value: super::hive::Value<'_>,
    is_secret: bool,
    to: &mut String,
) {
    use std::fmt::Write as _;
    if is_secret {
        let _ = write!(to, "(withheld: {} bytes)", value.size);
        return;
    }
    let most = if is_text(value.kind) { TEXT_BYTES_MAX } else { BINARY_BYTES_MAX };
    match hive.data(value, most) {
        Some(data) => push_searched(value.kind, &data, value.size, to),
        None => {
            let _ = write!(to, "(lost: {} bytes)", value.size);
        }
    }
}
