//! Keys and values that no live key names: deleted, or cut off from the tree.
//!
//! In: the free places of a hive, and allocated keys outside the tree. Out: rows of `registry.key` with `Deleted=true`, and
//! `RecoveredFrom`: `unallocated` or `unlinked`; rows of `registry.remnant` for values whose key is gone, which have no time. The path goes as far up as the cells of its
//! parents still hold keys; where they do not, it begins with `…`. A parent's place may have been given to another key
//! since then: a path found so is a lead.

use std::ops::Range;

use piste_model::guard;
use piste_model::schema::Role;

use super::bins::number;
use super::emit::{Emit, KEY_WRITTEN};
use super::hive::{HIVE_ENTRY, Key, Value};
use super::keys::{self, Facts, Texts, push_data, push_fields, push_values};
use super::le::place;
use super::secrets::is_secret;
use super::text::kind_name;

/// Dataset of values whose key is not known.
pub(crate) const REMNANTS: &str = "registry.remnant";
/// Keys above a deleted one that are followed; Windows allows 512.
const PARENTS_MAX: usize = 512;
/// FILETIMEs between which a deleted key was written, if it is one: the years 1990 to 2100.
const YEARS: Range<u64> = 122_757_120_000_000_000..157_469_184_000_000_000;
/// Bytes of the longest name of a key, and of a value.
const KEY_NAME_MAX: usize = 512;
const VALUE_NAME_MAX: usize = 32_766;

/// Rows of allocated keys outside the tree.
pub(super) fn unlinked_rows(emit: &mut Emit<'_, '_>, which: Range<usize>) {
    let open = emit.open;
    let cells = open.spare.unlinked.get(which).unwrap_or_default();
    let mut texts = Texts::default();
    for at in cells {
        guard::check();
        if let Some(key) = open.hive.key(*at).filter(|key| is_key(*key)) {
            push_key(emit, key, "unlinked", &mut texts);
        }
    }
}

/// Rows of what lies in free places between these offsets.
pub(super) fn free_rows(emit: &mut Emit<'_, '_>, window: Range<u32>) {
    let open = emit.open;
    let first = open.spare.free.partition_point(|range| range.end <= window.start);
    let mut texts = Texts::default();
    let mut orphans = Vec::new();
    let mut claimed = std::collections::HashSet::new();
    for range in open.spare.free.iter().skip(first).take_while(|range| range.start < window.end) {
        let mut at = range.start.max(window.start);
        while at < range.end.min(window.end) {
            guard::check();
            match open.hive.bins().get(place(at) + 4..place(at) + 6) {
                Some(b"nk") => {
                    if let Some(key) = free_key(emit, at) {
                        claimed.extend(open.hive.value_cells(key).take(crate::fields::Fields::MAX));
                        push_key(emit, key, "unallocated", &mut texts);
                    }
                }
                Some(b"vk") => orphans.extend(free_value(emit, at)),
                _ => {}
            }
            at += 8;
        }
    }
    for value in orphans.into_iter().filter(|value: &Value<'_>| !claimed.contains(&value.at)) {
        push_value(emit, value);
    }
}

/// What lies at a free place, by its bytes alone: the size in front of it may be of another time.
fn bytes_from<'o>(emit: &Emit<'o, '_>, at: u32) -> &'o [u8] {
    emit.open.hive.bins().get(place(at) + 4..).unwrap_or_default()
}

fn free_key<'o>(emit: &Emit<'o, '_>, at: u32) -> Option<Key<'o>> {
    let rest = bytes_from(emit, at);
    let key = Key { at, bytes: rest };
    let bytes = rest.get(..key.length())?;
    Some(Key { at, bytes }).filter(|key| is_key(*key))
}

fn is_key(key: Key<'_>) -> bool {
    key.name_bytes() > 0
        && key.name_bytes() <= KEY_NAME_MAX
        && key.length() <= key.bytes.len()
        && YEARS.contains(&key.written_number())
        && key.parent().is_multiple_of(8)
        && !key.name().chars().any(char::is_control)
}

fn free_value<'o>(emit: &Emit<'o, '_>, at: u32) -> Option<Value<'o>> {
    let rest = bytes_from(emit, at);
    let kind = super::le::u32_at(rest, 12)?;
    let size = place(super::le::u32_at(rest, 4)? & 0x7FFF_FFFF);
    let name_bytes = usize::from(super::le::u16_at(rest, 2)?);
    let bytes = rest.get(..20 + name_bytes)?;
    let value = Value { at, bytes, kind, size };
    let flags = super::le::u16_at(rest, 16)?;
    let plausible = name_bytes <= VALUE_NAME_MAX
        && kind_name(kind).is_some()
        && flags <= 1
        && size < emit.open.hive.image.len()
        && !value.name().chars().any(char::is_control);
    plausible.then_some(value)
}

/// The path of a key that is not live, as far as its parents hold; whether it reaches the root.
fn path_of(emit: &Emit<'_, '_>, key: Key<'_>) -> String {
    let hive = &emit.open.hive;
    let mut names = vec![key.name()];
    let mut above = key;
    let mut whole = false;
    for _ in 0..PARENTS_MAX {
        let parent = hive.key(above.parent()).or_else(|| free_key(emit, above.parent()));
        let Some(parent) = parent else { break };
        if parent.at == hive.base.root || parent.flags() & HIVE_ENTRY != 0 {
            whole = true;
            break;
        }
        if !is_key(parent) || parent.at == above.at {
            break;
        }
        names.push(parent.name());
        above = parent;
    }
    let mut path = emit.open.identity.root.clone();
    if !whole {
        path.push_str(r"\…");
    }
    for (depth, name) in names.iter().rev().enumerate() {
        path.push('\\');
        let current = emit.open.identity.control_set();
        let is_current = whole && depth == 0 && current.is_some_and(|set| name.eq_ignore_ascii_case(&set));
        path.push_str(if is_current { "CurrentControlSet" } else { name });
    }
    path
}

fn push_key(emit: &mut Emit<'_, '_>, key: Key<'_>, place: &'static str, texts: &mut Texts) {
    let path = path_of(emit, key);
    let open = emit.open;
    texts.take_name(key);
    let head = emit.head(keys::DATASET, key.at, key.written(), KEY_WRITTEN);
    let Some(mut row) = emit.rows.open(&head, 0) else { return };
    let below = path.get(open.identity.root.len()..).unwrap_or_default();
    let set = (below.starts_with(r"\CurrentControlSet")).then_some("current");
    push_fields(open, key, &Facts { path: &path, below, set, recovered: Some(place) }, texts, &mut row);
    // What a live key has taken since then is its own.
    let list_is_free = !open.tree.taken.has(key.value_list());
    if list_is_free {
        push_values(open, key, below, texts, &mut row, &|at| !open.tree.taken.has(at));
    }
    row.close();
}

/// A value whose key is not known.
fn push_value(emit: &mut Emit<'_, '_>, value: Value<'_>) {
    let open = emit.open;
    let name = value.name();
    let shown_name = if name.is_empty() { "(Default)" } else { &name };
    let path = format!(r"{}\…\{shown_name}", open.identity.root);
    let mut details = String::new();
    push_data(&open.hive, value, is_secret(open.identity.kind, "", &name, value.kind), &mut details);
    let head = emit.head(REMNANTS, value.at, None, "");
    let Some(mut row) = emit.rows.open(&head, 0) else { return };
    row.field(0, "TargetObject", &path, Role::Data);
    row.field(1, "Details", &details, Role::Data);
    row.field(2, "ValueName", shown_name, Role::Data);
    row.field(3, "Hive", &open.identity.hive, Role::Data);
    row.field(4, "Deleted", "true", Role::Data);
    row.field(5, "RecoveredFrom", "unallocated", Role::Data);
    row.close();
}

/// The windows in which free places are looked through.
pub(super) fn windows(bytes: usize, step: usize) -> impl Iterator<Item = Range<u32>> {
    (0..bytes).step_by(step.max(8)).map(move |from| number(from)..number(from + step))
}
