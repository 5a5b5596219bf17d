//! What is to be removed, and whether it is gone.
//!
//! In: the trail, doors and findings of a case; evidence that was collected after the eviction, read by the same engine. Out: the removal
//! list, and of each item and door *gone*, *still there*, *back* or *not visible*, with the rows and the span in which it would have
//! shown. An item is gone only where evidence of its computer, younger than the eviction and read whole, would show it: never by silence.

mod accounts;
mod autostart;
mod commands;
mod computers;
mod files;
mod judge;
mod list;
mod mail;
mod names;
mod network;
mod rows;
mod scan;
mod shown_by;
mod trace;

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::LakeError;
use piste_model::removal::{
    NameSort, RemovalList, VerifiedCollection, VerifiedDoor, VerifiedFlaw, VerifiedHost, VerifiedTrace,
    VerifyResult, VisibleSpan,
};
use piste_model::{Door, DoorState, Exposure, Instant};

pub use computers::{Identity, identities};
pub use list::{Ground, hash_of, removal_list};
pub use rows::FileName;
pub use scan::Collection;

use computers::Computers;
use judge::{Moment, judge};
use names::page_address;
use scan::{Scanned, Sought, is_same_host, scan};

/// What a collection's own run found of doors and flaws.
pub struct Afterwards<'a> {
    /// The collection.
    pub collection: Collection<'a>,
    /// Ways in that its evidence shows.
    pub doors: &'a [Door],
    /// Builds and flaws.
    pub exposures: &'a [Exposure],
    /// As it was given.
    pub given: Vec<String>,
    /// Whether all of it could be read.
    pub whole: bool,
}

/// What is asked.
pub struct Question<'a> {
    /// The removal list.
    pub list: &'a RemovalList,
    /// The case's doors.
    pub doors: &'a [Door],
    /// What came before was expected: the eviction, else the case's last trace.
    pub cutoff: Option<Instant>,
    /// Computers of the case, by what tells one installation from another.
    pub before: &'a BTreeMap<String, Identity>,
    /// Names of the case's computers.
    pub hosts: &'a BTreeSet<String>,
    /// Collections in the order in which they were made.
    pub afterwards: &'a [Afterwards<'a>],
    /// No time later than this is believed.
    pub now: Instant,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    /// The collections.
    pub collections: Vec<VerifiedCollection>,
    /// Computers.
    pub hosts: Vec<VerifiedHost>,
    /// The items, in the order of the list.
    pub traces: Vec<VerifiedTrace>,
    /// The doors.
    pub doors: Vec<VerifiedDoor>,
}

/// Judges every item and door.
///
/// # Errors
/// Where a file of a lake cannot be read.
pub fn verify(question: &Question<'_>) -> Result<Answer, LakeError> {
    let mut identities_after = Vec::new();
    let mut named_after = BTreeSet::new();
    for one in question.afterwards {
        identities_after.push(identities(one.collection.lake, one.collection.host)?);
        let known = one.collection.evidence.iter().filter(|file| file.host_known.joins());
        let names = known.filter_map(|file| file.host.as_deref()).map(|name| (one.collection.host)(name));
        named_after.extend(names.filter(|name| !name.is_empty()));
    }
    let computers = Computers {
        before: question.before,
        after: &identities_after,
        named_after: &named_after,
        named_before: question.hosts,
    };
    let renamed = computers.renamed();
    let case_host = |name: &str| renamed.get(name).cloned().unwrap_or_else(|| name.to_owned());
    let sought = Sought::of(question.list);
    let mut scanned = Vec::new();
    for one in question.afterwards {
        scanned.push(scan(&one.collection, &sought, &case_host, question.now)?);
    }
    let addresses: BTreeSet<String> = question
        .list
        .items
        .iter()
        .filter_map(|item| item.name(NameSort::Address).map(str::to_owned))
        .collect();
    let moment = Moment { cutoff: question.cutoff, addresses: &addresses };
    let traces: Vec<VerifiedTrace> =
        question.list.items.iter().enumerate().map(|(at, item)| judge(item, at, &scanned, &moment)).collect();
    let doors = question.doors.iter().filter(|door| door.let_somebody_in() && !door.is_daily());
    let doors = doors.map(|door| judge_door(door, &traces, question)).collect();
    Ok(Answer {
        collections: question
            .afterwards
            .iter()
            .zip(&scanned)
            .map(|(one, scanned)| told(one, scanned, question))
            .collect(),
        hosts: computers.told(question.list, &renamed),
        traces,
        doors,
    })
}

fn told(one: &Afterwards<'_>, scanned: &Scanned<'_>, question: &Question<'_>) -> VerifiedCollection {
    VerifiedCollection {
        name: one.collection.name.to_owned(),
        given: one.given.clone(),
        files: one.collection.evidence.len() as u64,
        last: scanned.last,
        older: scanned.last.is_none() || question.cutoff.is_none() || scanned.last <= question.cutoff,
        whole: one.whole,
    }
}

/// A door by its items, by the same door seen afterwards, and by the flaws that it goes through.
fn judge_door(door: &Door, traces: &[VerifiedTrace], question: &Question<'_>) -> VerifiedDoor {
    let address = page_address(&door.place);
    let is_its = |trace: &&VerifiedTrace| {
        // An address or an account that came through a door is not what it is made of.
        let made_of = !matches!(trace.kind, piste_model::removal::TraceKind::Connection)
            && trace.measure == piste_model::removal::Measure::Remove;
        made_of && trace.traces.contains(&door.id)
            || (!address.is_empty()
                && page_address(&trace.place) == address
                && is_same_host(&trace.host, &door.host))
    };
    let items: Vec<&VerifiedTrace> = traces.iter().filter(is_its).collect();
    let mut seen_as = Vec::new();
    let mut used_again = false;
    for one in question.afterwards {
        let same = |other: &&Door| {
            is_same_host(&(one.collection.host)(&other.host), &door.host)
                && other.kind == door.kind
                && (other.place.eq_ignore_ascii_case(&door.place)
                    || (!address.is_empty() && page_address(&other.place) == address))
        };
        for other in one.doors.iter().filter(same).filter(|other| other.state != DoorState::Closed) {
            let later = other.last_used.or(other.opened.not_after).zip(question.cutoff);
            if later.is_some_and(|(used, cutoff)| used > cutoff) {
                used_again = true;
                seen_as.push(format!("{}/{}", one.collection.name, other.id));
            }
        }
    }
    let flaws: Vec<VerifiedFlaw> = door.cve.iter().map(|cve| flaw(cve, door, question)).collect();
    let mut results: Vec<VerifyResult> = items.iter().map(|trace| trace.result).collect();
    results.extend(flaws.iter().map(|flaw| match flaw.open {
        Some(true) => VerifyResult::StillThere,
        Some(false) => VerifyResult::Gone,
        None => VerifyResult::NotVisible,
    }));
    results.extend(used_again.then_some(VerifyResult::Back));
    let order = [VerifyResult::Back, VerifyResult::StillThere, VerifyResult::NotVisible, VerifyResult::Gone];
    let worst = order.into_iter().find(|result| results.contains(result)).unwrap_or(VerifyResult::NotVisible);
    let spans = items.iter().filter_map(|trace| trace.visible);
    let visible =
        spans.reduce(|one, other| VisibleSpan { from: one.from.max(other.from), to: one.to.max(other.to) });
    let mut collect: Vec<String> = items.iter().flat_map(|trace| trace.collect.iter().cloned()).collect();
    if flaws.iter().any(|flaw| flaw.open.is_none()) {
        collect.push(format!(
            "the build of {} after the eviction: ExchangeSetup.log, HttpProxy logs or a listing of its files",
            door.host
        ));
    }
    if items.is_empty() && flaws.is_empty() {
        collect.push(format!("what shows {} of {}: {}", door.kind, door.host, door.close));
    }
    collect.dedup();
    if worst != VerifyResult::NotVisible {
        collect.clear();
    }
    VerifiedDoor {
        id: door.id.clone(),
        kind: door.kind.clone(),
        host: door.host.clone(),
        place: door.place.clone(),
        result: worst,
        visible: visible.filter(|span| span.from <= span.to),
        items: items.iter().map(|trace| trace.id.clone()).collect(),
        seen_as,
        flaws,
        collect,
    }
}

/// Whether a flaw is open by the build that was in force after the eviction.
fn flaw(cve: &str, door: &Door, question: &Question<'_>) -> VerifiedFlaw {
    let mut open = None;
    for one in question.afterwards {
        let servers = one
            .exposures
            .iter()
            .filter(|server| is_same_host(&(one.collection.host)(&server.host), &door.host));
        for server in servers {
            let latest = server.builds.iter().filter_map(|build| build.last.or(build.first)).max();
            let is_of_after = latest.zip(question.cutoff).is_some_and(|(latest, cutoff)| latest > cutoff);
            if server.build.is_none() || !is_of_after {
                continue;
            }
            let is_open = |spans: &[piste_model::OpenSpan]| {
                spans.iter().any(|span| span.cve == cve && span.to.is_none())
            };
            open = if is_open(&server.open) {
                Some(true)
            } else if is_open(&server.unknown_spans) {
                None
            } else {
                Some(false)
            };
        }
    }
    VerifiedFlaw { cve: cve.to_owned(), open }
}
