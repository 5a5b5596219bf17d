//! The doors of a run.
//!
//! In: the lake and the joined records. Out: `doors.json`: every producer's candidates, joined and numbered. A producer
//! gives `Vec<Door>`; [`piste_judge::doors::join`] makes them one door a place.

use std::collections::{BTreeMap, BTreeSet};

use piste_judge::doors::{Known, NotVisible, Sealed, find, join, not_visible, page_key};
use piste_lake::Lake;
use piste_model::coverage::is_log;
use piste_model::{
    Clock, Coverage, Covered, Door, Evidence, EvidenceId, Exposure, HostKnown, Reason, ReasonKind, Visibility,
};
use piste_words::Words;
use serde::{Deserialize, Serialize};

use super::exposed;
use super::join::Joined;
use crate::failure::Failure;

/// Other doors that one names.
const OTHERS_MAX: usize = 5;

/// `doors.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Doors {
    pub(crate) doors: Vec<Door>,
    /// Flaws that were open while no log of the server that is here was being written.
    #[serde(default)]
    pub(crate) not_visible: Vec<NotVisible>,
}

/// What other steps found that doors are judged by.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) exposures: Vec<Exposure>,
    pub(crate) clocks: Vec<Clock>,
    /// Candidates of other producers.
    pub(crate) candidates: Vec<Door>,
    /// Which spans of which logs are here.
    pub(crate) visibility: Vec<Visibility>,
}

impl Beside {
    /// Reads which flaws were open when, and how far clocks were apart.
    pub(super) fn read(lake: &Lake, joined: &Joined) -> Result<Self, Failure> {
        let (exposures, clocks) = exposed::read(lake, &joined.evidence, &joined.hosts)?;
        let visibility = super::visible::read(lake, joined, &clocks)?;
        Ok(Self { exposures, clocks, candidates: Vec::new(), visibility })
    }
}

/// What the logs cover, by host and dataset.
pub(crate) fn covered(all: &[piste_lake::store::Coverage]) -> Vec<Coverage> {
    let one = |one: &piste_lake::store::Coverage| {
        let covered =
            Covered { first: one.first?, last: one.last?, days: one.days.keys().copied().collect() };
        Some(Coverage { host: one.host.clone(), dataset: one.dataset.clone(), covered })
    };
    all.iter().filter(|one| is_log(&one.dataset)).filter_map(one).collect()
}

/// Finds, joins and numbers the doors.
pub(super) fn of(lake: &Lake, joined: &Joined, beside: &Beside) -> Result<Doors, Failure> {
    let sealed = |one: &Evidence| Sealed { path: one.path.clone(), sha256: one.sha256.clone() };
    let evidence: BTreeMap<u32, Sealed> = joined.evidence.iter().map(|one| (one.id.0, sealed(one))).collect();
    let coverage = covered(&joined.coverage);
    let host = |name: &str| joined.hosts.full(name).to_owned();
    let known = Known {
        lake,
        host: &host,
        proxies: &joined.proxies,
        evidence: &evidence,
        coverage: &coverage,
        exposures: &beside.exposures,
        clocks: &beside.clocks,
    };
    let mut candidates = find(&known)?;
    let not_visible = not_visible(&known);
    candidates.extend(beside.candidates.iter().cloned());
    let mut doors = join(candidates);
    tell_hosts(&mut doors, joined);
    let words = Words::english();
    doors.iter_mut().for_each(|door| words.put(door));
    Ok(Doors { doors, not_visible })
}

/// Says of a door which of its files are of its host on a person's word alone: it is known no better than these.
fn tell_stated(door: &mut Door, stated: &BTreeMap<EvidenceId, &str>) {
    let of_rows: BTreeSet<EvidenceId> = door.rows.iter().map(|row| row.evidence_id).collect();
    let all_rows = door.count <= door.rows.len() as u64;
    // Of rows that a door does not keep, any file of its host may be the one.
    let is_its =
        |(id, host): &(&EvidenceId, &&str)| of_rows.contains(id) || (!all_rows && **host == door.host);
    let its: Vec<String> = stated.iter().filter(is_its).map(|(id, _)| id.to_string()).collect();
    if its.is_empty() {
        return;
    }
    let more = its.len().saturating_sub(OTHERS_MAX) as u64;
    let files: Vec<String> = its.into_iter().take(OTHERS_MAX).collect();
    door.host_known = door.host_known.min(HostKnown::Stated);
    let host = door.host.clone();
    door.reasons.push(Reason::against(ReasonKind::HostStated { files, more, host }));
}

/// Says of each door how its host is known, and where the same place of another computer may be the same door.
fn tell_hosts(doors: &mut [Door], joined: &Joined) {
    let hosts = &joined.hosts;
    let on_word = joined.evidence.iter().filter(|one| one.host_known == HostKnown::Stated);
    let stated: BTreeMap<EvidenceId, &str> =
        on_word.filter_map(|one| Some((one.id, one.host.as_deref()?))).collect();
    let mut places: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for door in doors.iter_mut() {
        door.host_known = hosts.known(&door.host);
        tell_stated(door, &stated);
        let at = (door.id.clone(), door.host.clone());
        places.entry(page_key(&door.place)).or_default().push(at);
    }
    for door in doors.iter_mut().filter(|door| !door.host_known.joins()) {
        door.reasons.push(Reason::against(match door.host_known {
            HostKnown::Folder => ReasonKind::HostGuessed { host: door.host.clone() },
            _ => ReasonKind::HostUnknown {},
        }));
        let others = places.get(&page_key(&door.place)).into_iter().flatten();
        let others: Vec<String> = others
            .filter(|(id, _)| *id != door.id)
            .take(OTHERS_MAX)
            .map(|(id, host)| format!("{id} ({host})"))
            .collect();
        if !others.is_empty() {
            door.settle.push(Reason::of(ReasonKind::SettleSamePlace { others }));
        }
    }
}
