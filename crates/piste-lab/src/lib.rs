//! The lab: small synthetic evidence with planted intrusions, and the truth about them.
//!
//! In: a [`Scenario`] and a seed. Out: a folder of logs as a responder would be given it, and beside it `truth.json`.
//! The scenario says what happens; the seed decides on the ordinary traffic around it. The same scenario and seed give
//! the same bytes, on every machine; another seed gives other traffic around the same steps.

mod after;
mod doors;
mod ecp;
pub mod evtx;
mod hosts;
mod httpproxy;
mod iis;
mod intruder;
mod many;
mod moment;
mod random;
mod request;
mod rhythm;
mod scenario;
mod score;
mod security;
mod shelf;
mod stage;
mod sysmon;
mod system;
mod traffic;
mod truth;
mod windows;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub use crate::after::{
    AfterOutcome, AfterTruth, AfterTruths, EVICTION, Planted, generate_after, generate_before,
};
pub use crate::doors::{DoorScenario, Telling, door_scenario, door_scenario_names, generate_doors};
pub use crate::many::{Form, Many, Repetition, Stats, generate_many};
pub use crate::scenario::{Scenario, built_in, built_in_names};
pub use crate::score::{DoorScore, ExposureScore, Score, TimeScore, score};
use crate::shelf::{Betrayal, Shelf};
use crate::stage::Stage;
pub use crate::truth::{BuildSpan, DoorTruth, Leaf, ServerTruth, TrueDoor, TrueIntrusion, TrueStep, Truth};

/// Why no evidence was made.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The scenario cannot be read or contradicts itself.
    #[error("this is no scenario: {0}")]
    Scenario(String),
    /// Old evidence must not be mixed with new.
    #[error("`{}` is not empty: give a new folder", .0.display())]
    NotEmpty(PathBuf),
    /// The answers would be read as evidence.
    #[error("the truth `{}` would lie inside the evidence: give a path beside it", .0.display())]
    TruthInEvidence(PathBuf),
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Writes the evidence of a scenario into the folder `evidence`, which must be new or empty, and the truth to the file
/// `truth`, which must lie outside it. Returns the truth.
pub fn generate(scenario: &Scenario, seed: u64, evidence: &Path, truth: &Path) -> Result<Truth, LabError> {
    if fs::read_dir(evidence).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(LabError::NotEmpty(evidence.to_owned()));
    }
    if truth.starts_with(evidence) {
        return Err(LabError::TruthInEvidence(truth.to_owned()));
    }
    let betrayals = tell(scenario, seed)?.write(evidence)?;
    let told = truth_of(scenario, seed, &betrayals);
    let mut json = serde_json::to_string_pretty(&told)
        .map_err(|error| LabError::Write { path: truth.to_owned(), source: error.into() })?;
    json.push('\n');
    shelf::write_file(truth, json.as_bytes())?;
    Ok(told)
}

/// Tells the whole story: every day, then every step.
fn tell(scenario: &Scenario, seed: u64) -> Result<Shelf, LabError> {
    let exchange = scenario
        .exchange()
        .ok_or_else(|| LabError::Scenario("no host has the role `exchange`".to_owned()))?;
    let mut stage = Stage { scenario, seed, exchange, step: None, shelf: Shelf::default() };
    for day in moment::days(scenario.from, scenario.to) {
        traffic::tell(&mut stage, day);
        for host in &scenario.hosts {
            hosts::tell(&mut stage, host, day);
        }
    }
    for (index, step) in scenario.steps().enumerate() {
        intruder::tell(&mut stage, index, step);
    }
    Ok(stage.shelf)
}

fn truth_of(scenario: &Scenario, seed: u64, betrayals: &[Betrayal]) -> Truth {
    let mut index = 0..;
    let intrusions = scenario
        .intrusions
        .iter()
        .map(|intrusion| {
            let mut traces = Vec::new();
            let mut steps: Vec<TrueStep> = intrusion
                .steps
                .iter()
                .zip(&mut index)
                .map(|(step, index)| {
                    let of_step = betrayals.iter().filter(|betrayal| betrayal.step == index);
                    traces.extend(of_step.clone().map(|betrayal| betrayal.time));
                    let leaves: BTreeSet<_> = of_step.map(|betrayal| betrayal.leaf.clone()).collect();
                    true_step(step, leaves.into_iter().collect())
                })
                .collect();
            steps.sort_by_key(|step| step.time);
            true_intrusion(scenario, intrusion, traces.into_iter().min(), steps)
        })
        .collect();
    Truth {
        scenario: scenario.name.clone(),
        seed,
        from: scenario.from.instant(0),
        to: scenario.to.instant(0),
        intrusions,
        doors: Vec::new(),
        servers: Vec::new(),
    }
}

fn true_step(step: &scenario::Step, leaves: Vec<Leaf>) -> TrueStep {
    TrueStep {
        id: step.id.clone(),
        time: step.time.instant(0),
        tactic: step.tactic.clone(),
        technique: step.technique.clone(),
        host: step.host.clone(),
        account: step.account.clone(),
        text: step.text.clone(),
        leaves,
    }
}

fn true_intrusion(
    scenario: &Scenario,
    intrusion: &scenario::Intrusion,
    first_trace: Option<piste_model::Instant>,
    steps: Vec<TrueStep>,
) -> TrueIntrusion {
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let start = scenario.from.instant(0);
    TrueIntrusion {
        id: intrusion.id.clone(),
        first_step: steps.first().map_or(start, |step| step.time),
        first_trace,
        last_step: steps.last().map_or(start, |step| step.time),
        actor: intrusion.actor.clone(),
        doors: intrusion
            .doors
            .iter()
            .map(|door| TrueDoor {
                kind: door.kind.clone(),
                host: door.host.clone(),
                place: door.place.clone(),
                cve: door.cve.clone(),
            })
            .collect(),
        hosts: sorted(&intrusion.hosts),
        accounts: sorted(&intrusion.accounts),
        steps,
    }
}
