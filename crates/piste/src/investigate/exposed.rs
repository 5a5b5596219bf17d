//! What the servers were open to, and their clocks: `exposure.json` and `clocks.json`.
//!
//! In: the lake, the evidence and the names of hosts. Out: both lists, as the hunt's crate makes them. A read of few columns.

use std::collections::BTreeMap;

use piste_judge::exposure::{self, Names};
use piste_judge::{clocks, exposure::words};
use piste_lake::{Lake, LakeError};
use piste_model::{Clock, Evidence, EvidenceId, Exposure};

use super::hosts::Hosts;

/// Reads both.
pub(super) fn read(
    lake: &Lake,
    evidence: &[Evidence],
    hosts: &Hosts,
) -> Result<(Vec<Exposure>, Vec<Clock>), LakeError> {
    let files: BTreeMap<u32, &Evidence> = evidence.iter().map(|one| (one.id.0, one)).collect();
    let file = |id: EvidenceId| {
        files.get(&id.0).map(|one| (one.path.clone(), one.sha256.clone())).unwrap_or_default()
    };
    let host = |name: &str| hosts.full(name).to_owned();
    let names = Names { host: &host, file: &file };
    let mut servers = exposure::read(lake, names)?;
    servers.iter_mut().for_each(words::explain);
    Ok((servers, clocks::measure(lake, names)?))
}
