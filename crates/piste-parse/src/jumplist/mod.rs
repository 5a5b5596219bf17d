//! Jump lists: what was opened with which application, how often and when last, also on drives and hosts that are gone.
//!
//! In: `*.automaticDestinations-ms`, a compound file with a list of entries and a shortcut for each, or
//! `*.customDestinations-ms`, shortcuts one after another. Out: dataset `file.jumplist`, a row an entry, with the fields of its
//! shortcut. The row's time is the entry's last use; a custom list has none but its shortcuts' own. Sources: libyal's
//! description of jump lists, `JLECmd`'s columns.

mod applications;
mod compound;

use std::collections::BTreeMap;

use crate::block::Block;
use crate::file::name_of;
use crate::lnk::link::Link;
use crate::lnk::{self, Droid};
use crate::whole::{Bytes, Table, user_in_path, utf16};
use crate::{Context, Parsed};
use piste_model::Instant;

const DATASET: &str = "file.jumplist";
const DAMAGED: &str = "jumplist-damaged";
/// The stream with the list of entries.
const LIST: &str = "DestList";
const LIST_HEADER_BYTES: usize = 32;
/// Entries and shortcuts of one file that are read.
const ENTRIES_MAX: usize = 65_536;
/// Bytes of a custom list's header.
const HEADER_BYTES: usize = 12;
/// How a custom list ends.
const CUSTOM_END: [u8; 4] = *b"\xab\xfb\xbf\xba";

/// Whether a file that begins so is a jump list. A compound file is one by its name, or where it has the list of entries.
pub fn recognise(head: &[u8], name: &str) -> bool {
    if head.starts_with(&compound::MAGIC) {
        let named = name.to_ascii_lowercase().ends_with(".automaticdestinations-ms");
        let list: Vec<u8> = LIST.encode_utf16().flat_map(u16::to_le_bytes).collect();
        return named || memchr::memmem::find(head, &list).is_some();
    }
    is_custom(head, name)
}

/// Version 2, a small number of categories, and a shortcut or an end where one may be.
fn is_custom(head: &[u8], name: &str) -> bool {
    let bytes = Bytes(head);
    let versioned = bytes.u32(0) == Some(2) && bytes.u32(4).is_some_and(|count| count < 1_000);
    let named = name.to_ascii_lowercase().ends_with(".customdestinations-ms");
    versioned && (named || memchr::memmem::find(head, &lnk::MAGIC).is_some())
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, DATASET);
    let bytes = Bytes(&block.bytes);
    if bytes.0.starts_with(&compound::MAGIC) {
        push_automatic(bytes, &mut table);
    } else if !block.bytes.is_empty() {
        push_custom(bytes, &mut table);
    }
    table.finish()
}

/// What every row says of the list.
fn begin_row(table: &mut Table<'_>) {
    table.fields.clear();
    let name = name_of(table.cx.path);
    let id = name.split('.').next().unwrap_or_default();
    table.put("AppId", id);
    table.put("AppIdDescription", applications::application(id));
    table.put("User", user_in_path(table.cx.path).unwrap_or_default());
}

fn push_automatic(bytes: Bytes<'_>, table: &mut Table<'_>) {
    let Some(streams) = compound::streams(bytes, bytes.len().saturating_mul(2)) else {
        table.damaged(DAMAGED, 0, None, "it is a compound file that cannot be read".to_owned());
        return;
    };
    let list = streams.iter().find(|stream| stream.name == LIST);
    let (entries, whole) = list.map(|list| entries(Bytes(&list.bytes))).unwrap_or_default();
    if list.is_none_or(|list| list.cut) || !whole {
        let what = format!("its list of entries is missing or cut; {} are there", entries.len());
        table.damaged(DAMAGED, 0, None, what);
    }
    let mut by_name: BTreeMap<String, usize> =
        streams.iter().enumerate().map(|(at, stream)| (stream.name.to_lowercase(), at)).collect();
    for entry in &entries {
        begin_row(table);
        push_entry(entry, table);
        // Each shortcut belongs to one entry.
        let stream = by_name.remove(&format!("{:x}", entry.number)).and_then(|at| streams.get(at));
        if let Some(link) = stream.and_then(|stream| Link::read(Bytes(&stream.bytes))) {
            lnk::push(&link, table);
        }
        // The host that the list names is the target's, which may be a server: the list lies on the user's own.
        table.row(entry.used, "DestList LastModified", "");
    }
    // Shortcuts whose entry is gone: they are older than the list.
    let rest = by_name.values().filter_map(|at| streams.get(*at));
    for stream in rest.filter(|stream| stream.name != LIST) {
        if let Some(link) = Link::read(Bytes(&stream.bytes)) {
            begin_row(table);
            table.put("EntryNumber", &stream.name);
            table.put("Listed", "no");
            push_link(&link, table);
        }
    }
}

fn push_link(link: &Link, table: &mut Table<'_>) {
    lnk::push(link, table);
    let (time, basis) = lnk::time_of(link);
    table.row(time, basis, "");
}

/// One entry of the list.
#[derive(Debug, Default)]
struct Entry {
    number: u32,
    host: String,
    droid: Droid,
    used: Option<Instant>,
    /// Its place among those that the user pinned; -1 for none.
    pin: u32,
    /// How often it was used, in lists that say it.
    count: Option<u32>,
    path: String,
}

/// The entries, and whether the list was read to its end.
fn entries(list: Bytes<'_>) -> (Vec<Entry>, bool) {
    let (Some(version), Some(claimed)) = (list.u32(0), list.size(4)) else { return (Vec::new(), false) };
    // Version 1 is Windows 7's and 8's; later ones count uses and have a number behind the path.
    let (path_at, behind) = if version == 1 { (112, 0) } else { (128, 4) };
    let (mut found, mut at) = (Vec::new(), LIST_HEADER_BYTES);
    while found.len() < claimed.min(ENTRIES_MAX) {
        let entry = list.from(at);
        let Some(length) = entry.u16(path_at).map(|signs| usize::from(signs) * 2) else { break };
        let Some(path) = entry.slice(path_at + 2, length) else { break };
        found.push(Entry {
            number: entry.u32(88).unwrap_or_default(),
            host: Bytes(entry.slice_or_less(72, 16)).text(0),
            droid: Droid::of(entry.slice_or_less(24, 16)),
            used: entry.filetime(100),
            pin: entry.u32(108).unwrap_or_default(),
            count: entry.u32(116).filter(|_| version > 1),
            path: utf16(path),
        });
        at += path_at + 2 + length + behind;
    }
    let whole = found.len() == claimed;
    (found, whole)
}

fn push_entry(entry: &Entry, table: &mut Table<'_>) {
    table.put("EntryNumber", &format!("{:x}", entry.number));
    table.put("Path", &entry.path);
    table.put("Hostname", &entry.host);
    table.put("PinStatus", if entry.pin == u32::MAX { "not pinned" } else { "pinned" });
    table.number("InteractionCount", entry.count);
    table.put("MacAddress", &entry.droid.mac);
    table.time("CreationTime", entry.droid.created);
}

fn push_custom(bytes: Bytes<'_>, table: &mut Table<'_>) {
    let starts = memchr::memmem::find_iter(bytes.0, &lnk::MAGIC);
    let (mut end, mut spent) = (0, 0);
    for (number, at) in starts.filter(|at| *at >= HEADER_BYTES).take(ENTRIES_MAX).enumerate() {
        if at < end {
            continue;
        }
        let Some(link) = Link::read(bytes.from(at)) else { continue };
        // What lies about its length may cover others, and they each other: that costs a limited time.
        spent += link.end;
        if spent > bytes.len().saturating_mul(4) {
            table.damaged(DAMAGED, at, None, "its shortcuts cover each other".to_owned());
            return;
        }
        if link.broken.is_none() {
            end = at + link.end;
        }
        begin_row(table);
        table.number("EntryNumber", Some(number));
        push_link(&link, table);
    }
    // An empty list is its header alone.
    if bytes.len() > HEADER_BYTES && !bytes.0.ends_with(&CUSTOM_END) {
        table.damaged(
            DAMAGED,
            bytes.len(),
            None,
            "it does not end as such a list ends: it is cut".to_owned(),
        );
    }
}

#[cfg(test)]
mod tests;
