//! Dataset `registry.shellbag`: folders that a person opened in the shell, also of shares and sticks that are gone.
//!
//! In: a user's hives. Out: a row a folder of `BagMRU` with its whole path. Its own times are FAT's, the host's local time,
//! as the folder had them when it was first opened. The row's time is the key's last write, which for the newest folder of
//! its parent is its last use; `time_basis` says when that is so. Sources: libyal's libfwsi; Joachim Metz, "Shellbags".

use super::super::emit::{Emit, KEY_WRITTEN, Timed};
use super::super::hive::Key;
use super::super::identity::{Kind, number};
use super::items::{Item, one, order};

const DATASET: &str = "registry.shellbag";
/// Where they lie, in the hive of a user and in that of their classes.
const OF_USER: [&str; 2] =
    [r"Software\Microsoft\Windows\Shell\BagMRU", r"Software\Microsoft\Windows\ShellNoRoam\BagMRU"];
const OF_CLASSES: [&str; 3] = [
    r"Local Settings\Software\Microsoft\Windows\Shell\BagMRU",
    r"Local Settings\Software\Microsoft\Windows\ShellNoRoam\BagMRU",
    r"Wow6432Node\Local Settings\Software\Microsoft\Windows\Shell\BagMRU",
];
const ITEM_BYTES_MAX: usize = 65_536;
/// Folders below each other; a path of Windows has fewer.
const DEEP: u8 = 64;

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let places: &[&str] = if emit.open.identity.kind == Kind::User { &OF_USER } else { &OF_CLASSES };
    for place in places {
        let Some(root) = emit.open.usual(place) else { continue };
        let mut left = emit.open.tree.nodes.len();
        descend(emit, root, place, "", DEEP, &mut left);
    }
}

fn descend<'o>(emit: &mut Emit<'o, '_>, key: Key<'o>, bag: &str, path: &str, deep: u8, left: &mut usize) {
    let hive = emit.hive();
    let (Some(deeper), Some(fewer)) = (deep.checked_sub(1), left.checked_sub(1)) else { return };
    *left = fewer;
    let used = hive
        .named(key, "MRUListEx")
        .map(|value| order(&emit.bytes(value, ITEM_BYTES_MAX)))
        .unwrap_or_default();
    for value in hive.values(key) {
        let name = value.name();
        let Ok(slot) = name.parse::<u32>() else { continue };
        let data = emit.bytes(value, ITEM_BYTES_MAX);
        let length = super::super::le::u16_at(&data, 0).map_or(0, usize::from);
        let item = one(data.get(..length).unwrap_or(&data));
        let below = if path.is_empty() {
            item.name.clone()
        } else {
            format!(r"{}\{}", path.trim_end_matches('\\'), item.name)
        };
        let child = hive.child(key, &name);
        let position = used.iter().position(|used| *used == slot);
        push(
            emit,
            &Folder { key, child, item: &item, path: &below, bag, slot: &name, position, at: value.at },
        );
        if let Some(child) = child {
            descend(emit, child, &format!(r"{bag}\{name}"), &below, deeper, left);
        }
    }
}

/// A folder, and where it was found.
struct Folder<'b, 'o> {
    key: Key<'o>,
    /// The key of what lies below it.
    child: Option<Key<'o>>,
    item: &'b Item,
    path: &'b str,
    bag: &'b str,
    slot: &'b str,
    position: Option<usize>,
    at: u32,
}

fn push<'o>(emit: &mut Emit<'o, '_>, bag: &Folder<'_, 'o>) {
    let item = bag.item;
    emit.field("AbsolutePath", bag.path);
    emit.field("ShellType", item.kind);
    emit.field("BagPath", &format!(r"{}\{}", bag.bag, bag.slot));
    emit.optional("CreatedLocal", item.created.as_deref());
    emit.optional("ModifiedLocal", item.modified.as_deref());
    emit.optional("AccessedLocal", item.accessed.as_deref());
    emit.optional("MftEntry", item.mft_entry.map(|entry| entry.to_string()).as_deref());
    emit.optional("MftSequence", item.mft_sequence.map(|number| number.to_string()).as_deref());
    emit.optional("MruPosition", bag.position.map(|position| position.to_string()).as_deref());
    let slot = bag.child.and_then(|child| number(emit.hive(), child, "NodeSlot"));
    emit.optional("NodeSlot", slot.map(|slot| slot.to_string()).as_deref());
    emit.time(
        "FirstInteracted",
        bag.child.and_then(Key::written).filter(|_| bag.child.is_some_and(|child| child.subkeys() == 0)),
    );
    let own = if bag.position == Some(0) {
        Timed::some(bag.key.written(), "LastWriteTime of the parent, whose newest folder this is")
    } else {
        let written = bag.child.and_then(Key::written);
        Timed::some(written, KEY_WRITTEN).or_else(|| {
            Timed::some(bag.key.written(), "LastWriteTime of the parent, later than this folder's use")
        })
    };
    emit.row(DATASET, bag.at, own, bag.key);
}
