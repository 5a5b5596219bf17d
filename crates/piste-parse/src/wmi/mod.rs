//! The WMI repository: event filters, consumers and what binds them, which run an intruder's program at every start.
//!
//! In: `OBJECTS.DATA`, with `INDEX.BTR` and `MAPPING*.MAP` beside it. Out: a row an instance, datasets `wmi.filter`,
//! `wmi.consumer` and `wmi.binding`, under the names of Sysmon's events 19 to 21 and the class's own. Instances that the index
//! does not lead to (deleted ones in free pages, or all where index or maps lack) are rows too, with `Carved`. The row's time
//! is when the instance was last written. Facts of the format: flare-wmi's and dissect.cim's descriptions.

mod class;
mod index;
mod instance;
mod pages;
mod repository;
mod rows;
mod scan;

use std::io;
use std::sync::Arc;

use piste_model::Issue;

use crate::Context;
use crate::random_access::{Companion, Opened, ReadAt};

use index::Index;
use pages::Maps;
use repository::{Known, Repository};

/// Names of the files that belong to `OBJECTS.DATA`.
pub const COMPANIONS: [&str; 4] = ["INDEX.BTR", "MAPPING1.MAP", "MAPPING2.MAP", "MAPPING3.MAP"];

const WHOLE_FOLDER: &str = "give the whole folder C:\\Windows\\System32\\wbem\\Repository: OBJECTS.DATA, INDEX.BTR and MAPPING1 to 3.MAP, copied at one time";

/// Whether a file is `OBJECTS.DATA`: by its name, and a list of records at its start that lie within the first page.
pub fn recognise(head: &[u8], name: &str) -> bool {
    let named = crate::file::name_of(name).eq_ignore_ascii_case("objects.data");
    let first = |at| pages::count_at(head, at);
    let begins = first(4).is_some_and(|offset| (32..pages::PAGE_BYTES).contains(&offset) && offset % 16 == 0)
        && first(8).is_some_and(|bytes| bytes > 0);
    named && (begins || head.iter().take(pages::PAGE_BYTES).all(|byte| *byte == 0))
}

/// Opens a repository.
///
/// # Errors
/// What the medium answers.
pub fn open(content: Arc<dyn ReadAt>, companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let mut issues = Vec::new();
    let maps = maps(companions, cx, &mut issues);
    let index = match &maps {
        Some(maps) => index(companions, maps, cx, &mut issues)?,
        None => None,
    };
    let repository = Repository::open(content, &Known { maps, index })?;
    repository.tell(cx, &mut issues);
    Ok(Opened { file: Box::new(repository), issues })
}

fn named<'c>(companions: &'c [Companion], wanted: &str) -> Option<&'c Companion> {
    companions.iter().find(|one| crate::file::name_of(&one.path).eq_ignore_ascii_case(wanted))
}

/// The map in force: of those that can be read the one with the highest version.
fn maps(companions: &[Companion], cx: &Context<'_>, issues: &mut Vec<Issue>) -> Option<Maps> {
    let mut best: Option<Maps> = None;
    let mut any = false;
    for name in COMPANIONS.iter().skip(1) {
        let Some(companion) = named(companions, name) else { continue };
        any = true;
        match Maps::of(companion.content.as_ref()) {
            Ok(maps) if best.as_ref().is_none_or(|best| maps.version > best.version) => best = Some(maps),
            Ok(_) => {}
            Err(what) => issues.push(
                Issue::new(
                    "wmi-map",
                    &companion.path,
                    format!("this map of the repository cannot be read: {what}"),
                    "if it was the newest, the state of the repository before its last change is taken",
                    WHOLE_FOLDER,
                )
                .of(cx.evidence),
            ),
        }
    }
    if best.is_none() {
        let what = if any { "none of its maps can be read" } else { "its maps are not beside it" };
        issues.push(unknown_state(what, cx));
    }
    best
}

fn index(
    companions: &[Companion],
    maps: &Maps,
    cx: &Context<'_>,
    issues: &mut Vec<Issue>,
) -> io::Result<Option<Index>> {
    let Some(companion) = named(companions, "INDEX.BTR") else {
        issues.push(unknown_state("its index is not beside it", cx));
        return Ok(None);
    };
    let targets = class::Targets::new(maps.old);
    let index = Index::read(companion.content.as_ref(), &maps.index, &targets)?;
    if index.classes.is_empty() && index.references.is_empty() && index.others == 0 {
        issues.push(unknown_state("its index has no key that could be read", cx));
        return Ok(None);
    }
    if index.damaged > 0 || index.cut {
        let pages = index.damaged;
        let what = if index.cut {
            "the index has more instances than are kept".to_owned()
        } else {
            format!("{pages} pages of the index are damaged")
        };
        issues.push(
            Issue::new(
                "wmi-index",
                &companion.path,
                what,
                "instances that these pages lead to are marked as carved, although they may be registered",
                WHOLE_FOLDER,
            )
            .of(cx.evidence),
        );
    }
    Ok(Some(index))
}

fn unknown_state(what: &str, cx: &Context<'_>) -> Issue {
    Issue::new(
        "wmi-state-unknown",
        cx.path,
        format!("the WMI repository was searched byte by byte, since {what}"),
        "its instances are marked as carved: which of them are registered and which are deleted is unknown, and so is their namespace",
        WHOLE_FOLDER,
    )
    .of(cx.evidence)
}

#[cfg(test)]
mod tests;
