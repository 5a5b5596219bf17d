//! Which spans of which logs are here: the `visibility` of `trail.json`.
//!
//! In: the lake, the joined records, the clocks. Out: the spans, as the judge finds them.

use std::collections::BTreeMap;

use piste_judge::exposure::Names;
use piste_judge::visibility::{self, Sources};
use piste_lake::Lake;
use piste_model::{Clock, Evidence, EvidenceId, Visibility};

use super::doors::covered;
use super::join::Joined;
use crate::failure::Failure;

/// Finds them.
pub(super) fn read(lake: &Lake, joined: &Joined, clocks: &[Clock]) -> Result<Vec<Visibility>, Failure> {
    let channels = crate::rules::sources()?;
    let files: BTreeMap<u32, &Evidence> = joined.evidence.iter().map(|one| (one.id.0, one)).collect();
    let file = |id: EvidenceId| {
        files.get(&id.0).map(|one| (one.path.clone(), one.sha256.clone())).unwrap_or_default()
    };
    let host = |name: &str| joined.hosts.full(name).to_owned();
    let is_raw_log = |id: u32| files.get(&id).is_some_and(|one| one.format == "evtx");
    let dataset_of = |channel: &str| channels.dataset_of_channel(channel).to_owned();
    let coverage = covered(&joined.coverage);
    Ok(visibility::find(&Sources {
        lake,
        names: Names { host: &host, file: &file },
        is_raw_log: &is_raw_log,
        dataset_of: &dataset_of,
        coverage: &coverage,
        clocks,
    })?)
}
