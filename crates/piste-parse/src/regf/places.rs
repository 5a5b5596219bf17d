//! Dataset `registry.value`: the values at the places that an investigation asks for, one row each.
//!
//! In: a hive and `catalog/registry-places.csv`. Out: `TargetObject` (key and value name) and `Details` as Sysmon's event 13
//! writes them, what the place is, and the time of the key's last write: a value has no time of its own, and `time_basis`
//! says so.

use std::ops::Range;
use std::sync::LazyLock;

use piste_model::schema::Role;

use super::emit::{Emit, OF_KEY};
use super::hive::{Key, Value, is_same_name};
use super::identity::Kind;
use super::secrets::is_secret;
use super::text::{
    BINARY_BYTES_MAX, BINARY_DATA, TEXT_BYTES_MAX, is_text, kind_name, push_details, push_hex,
};

pub(super) const DATASET: &str = "registry.value";
/// The places, as a person maintains them.
const CATALOG: &str = include_str!("../../../../catalog/registry-places.csv");
/// Where 32-bit programs have their own settings.
const OF_32_BIT: &str = "Wow6432Node";

/// A place.
#[derive(Debug)]
struct Place {
    kind: Kind,
    /// Names of keys; `*` is any.
    path: Vec<&'static str>,
    /// Names of values; `*` is any, `(Default)` the one without a name.
    values: Vec<&'static str>,
    what: &'static str,
}

static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| CATALOG.lines().filter_map(place_of).collect());

fn place_of(line: &'static str) -> Option<Place> {
    if line.starts_with('#') {
        return None;
    }
    let mut cells = line.split(',');
    let kind = match cells.next()? {
        "SYSTEM" => Kind::System,
        "SOFTWARE" => Kind::Software,
        "USER" => Kind::User,
        "CLASSES" => Kind::Classes,
        _ => return None,
    };
    let path = cells.next()?.split('\\').collect();
    let values = cells.next()?.split('|').collect();
    Some(Place { kind, path, values, what: cells.next()? })
}

/// How many places the catalogue has for a kind of hive.
pub(super) fn count(kind: Kind) -> usize {
    PLACES.iter().filter(|place| place.kind == kind).count()
}

/// Where a place was found.
struct Found<'p> {
    place: &'p Place,
    /// The key's path as rows show it.
    path: String,
    set: Option<&'static str>,
}

/// Rows of these places of the hive's kind.
pub(super) fn rows(emit: &mut Emit<'_, '_>, which: Range<usize>) {
    let Some(root) = emit.open.root() else { return };
    let kind = emit.open.identity.kind;
    let places = PLACES.iter().filter(|place| place.kind == kind);
    for place in places.skip(which.start).take(which.len()) {
        let mut starts = vec![place.path.clone()];
        if let [first, rest @ ..] = place.path.as_slice() {
            match kind {
                Kind::Software => starts.push([&[OF_32_BIT], place.path.as_slice()].concat()),
                Kind::User if is_same_name(first, "Software") => {
                    starts.push([&[*first, OF_32_BIT], rest].concat());
                }
                _ => {}
            }
        }
        for path in starts {
            let Some((root_name, path)) = from_root(emit, &path) else { continue };
            let mut budget = emit.open.tree.nodes.len() + 1;
            let found = Found { place, path: root_name, set: None };
            descend(emit, root, path, &found, &mut budget);
        }
    }
}

/// The path without what this hive's root stands for.
fn from_root<'p>(emit: &Emit<'_, '_>, path: &'p [&'static str]) -> Option<(String, &'p [&'static str])> {
    let identity = &emit.open.identity;
    if identity.below.is_empty() {
        return Some((identity.root.clone(), path));
    }
    let (first, rest) = path.split_first()?;
    is_same_name(first, identity.below).then(|| (identity.root.clone(), rest))
}

/// Follows a path down, through every key where it has a `*`. No key is met twice in an honest hive.
fn descend<'o>(
    emit: &mut Emit<'o, '_>,
    key: Key<'o>,
    path: &[&'static str],
    found: &Found<'_>,
    budget: &mut usize,
) {
    let hive = emit.hive();
    let Some(left) = budget.checked_sub(1) else { return };
    *budget = left;
    let Some((first, rest)) = path.split_first() else { return push_values(emit, key, found) };
    if *first == "*" {
        for child in hive.children(key, left) {
            let path = format!(r"{}\{}", found.path, child.name());
            descend(emit, child, rest, &Found { path, place: found.place, set: found.set }, budget);
        }
    } else if *first == "CurrentControlSet" && emit.open.identity.kind == Kind::System {
        let Some(set) = emit.open.identity.control_set() else { return };
        if let Some(child) = hive.child(key, &set) {
            let path = format!(r"{}\CurrentControlSet", found.path);
            descend(emit, child, rest, &Found { path, set: Some("current"), place: found.place }, budget);
        }
    } else if let Some(child) = hive.child(key, first) {
        let path = format!(r"{}\{}", found.path, child.name());
        descend(emit, child, rest, &Found { path, place: found.place, set: found.set }, budget);
    }
}

fn push_values(emit: &mut Emit<'_, '_>, key: Key<'_>, found: &Found<'_>) {
    let open = emit.open;
    for at in open.hive.value_cells(key) {
        piste_model::guard::check();
        let Some(value) = open.hive.value(at) else { continue };
        let name = value.name();
        let shown = if name.is_empty() { "(Default)" } else { &name };
        let is_wanted = |wanted: &&str| *wanted == "*" || is_same_name(wanted, shown);
        if found.place.values.iter().any(is_wanted) {
            push_value(emit, key, value, shown, found);
        }
    }
}

fn push_value(emit: &mut Emit<'_, '_>, key: Key<'_>, value: Value<'_>, name: &str, found: &Found<'_>) {
    let open = emit.open;
    let data_max = if is_text(value.kind) { TEXT_BYTES_MAX } else { BINARY_BYTES_MAX };
    let data = open.hive.data(value, data_max);
    let mut details = String::new();
    let mut binary = String::new();
    let below = found.path.get(open.identity.root.len()..).unwrap_or_default();
    match &data {
        _ if is_secret(open.identity.kind, below, name, value.kind) => details.push_str("(withheld)"),
        Some(data) => {
            if !push_details(value.kind, data, value.size, &mut details) {
                details.push_str(BINARY_DATA);
                push_hex(data, &mut binary);
            }
        }
        None => details.push_str("(lost)"),
    }
    let target = format!(r"{}\{name}", found.path);
    emit.fields.push("TargetObject", &target, Role::Data);
    emit.fields.push("Details", &details, Role::Data);
    emit.field("ValueName", name);
    emit.field("ValueType", &kind_name(value.kind).map_or_else(|| value.kind.to_string(), str::to_owned));
    emit.field("Place", found.place.what);
    emit.field("Hive", &open.identity.hive);
    emit.field("Deleted", "false");
    emit.optional("ControlSet", found.set);
    emit.field("Binary", &binary);
    let own = super::emit::Timed::some(key.written(), OF_KEY);
    emit.row(DATASET, value.at, own, key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_catalogue_is_a_place() {
        let lines = CATALOG.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            assert_eq!(line.split(',').count(), 5, "{line}");
            assert!(place_of(line).is_some(), "{line}");
        }
        assert!(PLACES.len() > 100);
        let mut seen = std::collections::BTreeSet::new();
        for place in PLACES.iter() {
            let of =
                (format!("{:?}", place.kind), place.path.join("\\").to_lowercase(), place.values.join("|"));
            assert!(seen.insert(of.clone()), "twice: {of:?}");
        }
    }
}
