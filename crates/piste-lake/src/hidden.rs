//! What a zip holds beside what its list names.
//!
//! In: a zip's file, and where the members of its list lie. Out: members that stand in the gaps between them, found by their
//! own headers, and in what the list is not to be trusted: another name at the member itself, members that lie over each
//! other, bytes that belong to no member. Programs differ in which list they believe: an archive put behind another, a count
//! that was cut, a member left out of the list are shown by one program and not by the next.

use std::fs::File;
use std::io;

use piste_model::guard;

use crate::archive::{Member, Step};
use crate::salvage::{Finder, Most};

/// Bytes between members that are worth a word.
const GAP_BYTES: u64 = 4_096;
/// A member of the list.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Where its own header starts.
    pub(crate) header: u64,
    /// Packed size, as the list says.
    pub(crate) packed: u64,
    /// As the list says.
    pub(crate) name: String,
}

/// What was found beside the list.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// In the order of their places.
    pub(crate) members: Vec<Member>,
    /// Members with another name at their own place, and the first: (list's name, own name).
    pub(crate) renamed: usize,
    pub(crate) first_renamed: Option<(String, String)>,
    /// Members that begin before the one before them ends, and the first.
    pub(crate) overlapping: usize,
    pub(crate) first_overlapping: Option<String>,
    /// Bytes between members that belong to none, and where they begin.
    pub(crate) gap: Option<(u64, u64)>,
    /// Bytes after the zip's end, and where they begin.
    pub(crate) after: Option<(u64, u64)>,
}

/// Looks at what lies between the listed members.
pub(crate) fn look(
    file: File,
    mut listed: Vec<Listed>,
    directory: u64,
    mut most: Most,
) -> io::Result<Beside> {
    let length = file.metadata()?.len();
    let mut finder = Finder::new(file);
    let mut beside = Beside::default();
    listed.sort_by_key(|one| one.header);
    let mut free_from = 0;
    for one in &listed {
        guard::check();
        if let Some(gap) = one.header.checked_sub(free_from).filter(|gap| *gap > 0) {
            let before = beside.members.len();
            finder.members(free_from, one.header, &mut most, &mut beside.members)?;
            // One that holds members is told with them.
            let empty = beside.members.len() == before && gap >= GAP_BYTES;
            if empty && beside.gap.is_none_or(|(_, bytes)| gap > bytes) {
                beside.gap = Some((free_from, gap));
            }
        } else if one.header < free_from {
            beside.overlapping += 1;
            beside.first_overlapping.get_or_insert_with(|| one.name.clone());
        }
        let own = finder.header(one.header)?;
        let data = own.as_ref().map_or(0, |own| own.data);
        if let Some(own) = own.filter(|own| plain(&own.name) != plain(&one.name)) {
            beside.renamed += 1;
            beside.first_renamed.get_or_insert_with(|| (one.name.clone(), own.name));
        }
        free_from = free_from.max(one.header.saturating_add(data).saturating_add(one.packed));
    }
    finder.members(free_from, length, &mut most, &mut beside.members)?;
    let end = finder.end_of_zip(directory.max(free_from))?;
    let holds_members =
        |end: u64| beside.members.iter().any(|one| matches!(one.step, Step::Local(at) if at >= end));
    if let Some(end) = end.filter(|end| *end < length && !holds_members(*end))
        && finder.is_more_than_zeros(end)?
    {
        beside.after = Some((end, length - end));
    }
    Ok(beside)
}

/// Some programs write the one separator in the list and the other at the member.
fn plain(name: &str) -> String {
    name.replace('\\', "/")
}
