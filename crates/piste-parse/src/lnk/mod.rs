//! Shortcuts: what a user opened or was made to open, with which arguments, and the machine and volume where it lay.
//!
//! In: a `.lnk` file. Out: one row of `file.shortcut`, its columns named as `LECmd` names them. A shortcut keeps the three times
//! of its target as they were when the shortcut was written last; the row's time is the access, since Windows writes a
//! shortcut in `Recent` when the target is opened. When the shortcut itself was made, only its own file's times say. Source:
//! Microsoft's MS-SHLLINK; the items of the target's path as libyal's libfwsi describes them.

mod item;
pub(crate) mod link;
mod target;
mod tracker;

pub(crate) use tracker::Droid;

use piste_model::Instant;

use crate::block::Block;
use crate::whole::{Bytes, Table};
use crate::{Context, Parsed};
use link::Link;

const DATASET: &str = "file.shortcut";
const DAMAGED: &str = "shortcut-damaged";
/// What every shortcut begins with: its header's size and the class of shortcuts.
pub(crate) const MAGIC: [u8; 20] = *b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";

/// Whether a file that begins so is a shortcut.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    head.starts_with(&MAGIC)
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, DATASET);
    if block.bytes.is_empty() {
        return table.finish();
    }
    let Some(link) = Link::read(Bytes(&block.bytes)) else {
        table.damaged(DAMAGED, 0, Some(1), "its header is no shortcut's, or is cut".to_owned());
        return table.finish();
    };
    if let Some(what) = &link.broken {
        table.damaged(DAMAGED, 0, Some(0), format!("{what}; what stands before that is read"));
    }
    push(&link, &mut table);
    let (time, basis) = time_of(&link);
    table.row(time, basis, "");
    table.finish()
}

/// The time of a shortcut's row, and which it is.
pub(crate) fn time_of(link: &Link) -> (Option<Instant>, &'static str) {
    let times = [
        (link.accessed, "TargetAccessed"),
        (link.modified, "TargetModified"),
        (link.created, "TargetCreated"),
    ];
    times.into_iter().find(|(time, _)| time.is_some()).unwrap_or((None, ""))
}

/// The fields of a shortcut, in the row at hand.
pub(crate) fn push(link: &Link, table: &mut Table<'_>) {
    let target = link.target();
    table.put("TargetPath", target);
    if !target.is_empty() && !link.arguments.is_empty() {
        let line = format!("{target} {}", link.arguments);
        table.fields.push("CommandLine", &line, piste_model::schema::Role::Copy);
    }
    table.put("Arguments", &link.arguments);
    table.put("WorkingDirectory", &link.working_directory);
    table.put("RelativePath", &link.relative_path);
    table.put("Description", &link.name);
    table.put("IconLocation", &link.icon_location);
    table.put("LocalPath", &link.local_path);
    table.put("NetworkPath", &link.network_path);
    table.put("TargetIDAbsolutePath", &link.id_path);
    table.put("EnvironmentPath", &link.environment_path);
    table.time("TargetCreated", link.created);
    table.time("TargetModified", link.modified);
    table.time("TargetAccessed", link.accessed);
    table.number("FileSize", Some(link.size));
    table.put("FileAttributes", &format!("0x{:08x}", link.attributes));
    table.put("HeaderFlags", &format!("0x{:08x}", link.flags));
    table.put("WindowStyle", link.window());
    table.put("HotKey", &link.hot_key.map(|key| format!("0x{key:04x}")).unwrap_or_default());
    table.put("DriveType", link.drive_type);
    table.put("VolumeSerialNumber", &link.serial.map(|serial| format!("{serial:08X}")).unwrap_or_default());
    table.put("VolumeLabel", &link.label);
    if let Some(last) = link.items.last() {
        table.number("TargetMFTEntryNumber", last.mft_entry);
        table.number("TargetMFTSequenceNumber", last.mft_sequence);
    }
    let told: Vec<String> = link.items.iter().filter_map(item::Item::told).collect();
    table.put("TargetItems", &told.join("; "));
    if let Some(tracker) = &link.tracker {
        table.put("MachineID", &tracker.machine);
        push_droid(&tracker.droid, table);
        table.put("DroidVolume", &tracker.volume);
        table.put("DroidFile", &tracker.droid.guid);
        if tracker.birth.guid != tracker.droid.guid {
            // Made on another machine or volume and moved here.
            table.put("DroidFileBirth", &tracker.birth.guid);
            table.put("BirthMACAddress", &tracker.birth.mac);
        }
    }
    table.put("ExtraBlocks", &link.extra_blocks.join(","));
}

/// Which network card's address and which time made a file's object id.
pub(crate) fn push_droid(droid: &Droid, table: &mut Table<'_>) {
    table.put("MachineMACAddress", &droid.mac);
    table.time("TrackerCreatedOn", droid.created);
}

#[cfg(test)]
pub(crate) mod tests;
