//! Stories about one way in, told so that an investigation of it can be scored.
//!
//! In: a [`DoorScenario`], one of its variants and a seed. Out: a collection of a mail server and its neighbours, and the
//! truth: which doors there are, how far their use went, when, whether what is left of the logs could show it, and which
//! builds were in force.

mod days;
mod exchange_flaws;
mod exchange_logs;
mod files;
mod intruder;
mod nps;
mod passwords;
mod plan;
mod story;
mod strangers;
mod windows_logs;
mod wire;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use piste_model::{DoorVerdict, Instant};

use self::plan::Plan;
pub use self::story::{DoorScenario, door_scenario, door_scenario_names};
use self::story::{Flaw, Variant};
use self::world::{DoorDraft, StepDraft, World};
use crate::LabError;
use crate::moment;
use crate::shelf::{self, Betrayal, Shelf};
use crate::truth::{BuildSpan, DoorTruth, Leaf, ServerTruth, TrueDoor, TrueIntrusion, TrueStep, Truth};

/// How a story is told.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// Name of the variant.
    pub variant: &'a str,
    /// Decides on all that the variant leaves open, and on the traffic.
    pub seed: u64,
    /// Windows events as `.evtx` files instead of JSON lines.
    pub evtx: bool,
    /// One zip a server instead of a folder.
    pub zip: bool,
}

/// Writes the evidence of a story into the folder `evidence`, which must be new or empty, and the truth to the file
/// `truth`, which must lie outside it. Returns the truth.
pub fn generate_doors(
    story: &DoorScenario,
    telling: Telling<'_>,
    evidence: &Path,
    truth: &Path,
) -> Result<Truth, LabError> {
    if fs::read_dir(evidence).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(LabError::NotEmpty(evidence.to_owned()));
    }
    if truth.starts_with(evidence) {
        return Err(LabError::TruthInEvidence(truth.to_owned()));
    }
    let variant = story.variants.get(telling.variant).ok_or_else(|| {
        let names: Vec<_> = story.variants.keys().map(String::as_str).collect();
        LabError::Scenario(format!(
            "`{}` has no variant `{}`; it has {}",
            story.name,
            telling.variant,
            names.join(", ")
        ))
    })?;
    let mut world = tell(story, variant, telling);
    world.shelve_events(telling.evtx)?;
    let shelf = std::mem::take(&mut world.shelf);
    let betrayals = shelf.write(evidence)?;
    let told = truth_of(&world, telling, &betrayals);
    let mut json = serde_json::to_string_pretty(&told)
        .map_err(|error| LabError::Write { path: truth.to_owned(), source: error.into() })?;
    json.push('\n');
    shelf::write_file(truth, json.as_bytes())?;
    Ok(told)
}

fn tell<'s>(story: &'s DoorScenario, variant: &'s Variant, telling: Telling<'_>) -> World<'s> {
    let mut world = World {
        story,
        variant,
        plan: Plan::draw(story, variant, telling.seed),
        seed: telling.seed,
        zip: telling.zip,
        step: None,
        shelf: Shelf::default(),
        events: Vec::new(),
        doors: Vec::new(),
        steps: Vec::new(),
    };
    for day in moment::days(story.from, story.to) {
        days::tell(&mut world, day);
        strangers::tell(&mut world, day);
        if story.flaw == Flaw::Vpn {
            nps::tell(&mut world, day);
        }
    }
    intruder::tell(&mut world);
    days::update(&mut world);
    // Where the logs rolled over and nobody came back, the page is gone too: else the listing would still tell of it.
    let stays = variant.kept_days.is_empty() || !world.plan.uses.is_empty();
    let page = world.doors.iter().position(|door| door.kind == "webshell");
    let written = page.filter(|_| stays).and_then(|page| Some((page, world.doors.get(page)?.opened?)));
    let shell = written.map(|(page, at)| {
        let text = "The page lies on the disk".to_owned();
        world.begin(intruder::step(vec![page], at, ("persistence", "T1505.003"), text));
        world.end();
        (at, world.steps.len() - 1)
    });
    files::tell(&mut world, shell);
    world
}

fn truth_of(world: &World<'_>, telling: Telling<'_>, betrayals: &[Betrayal]) -> Truth {
    let story = world.story;
    let doors = world.doors.iter().enumerate().map(|(index, door)| door_truth(world, index, door, betrayals));
    let doors: Vec<DoorTruth> = doors.collect();
    let came = world.steps.iter().any(|step| !step.noise) && world.plan.succeeds;
    Truth {
        scenario: format!("{}/{}", story.name, telling.variant),
        seed: telling.seed,
        from: story.from.instant(0),
        to: story.to.instant(0),
        intrusions: if came { vec![intrusion(world, &doors, betrayals)] } else { Vec::new() },
        doors,
        servers: vec![server(world)],
    }
}

/// Lines of the steps that show a door.
fn of_door<'b>(
    world: &'b World<'_>,
    index: usize,
    betrayals: &'b [Betrayal],
    grave: bool,
) -> impl Iterator<Item = &'b Betrayal> {
    let shows = move |step: &StepDraft| step.doors.contains(&index) && !(grave && step.noise);
    betrayals.iter().filter(move |one| world.steps.get(one.step).is_some_and(shows))
}

fn door_truth(world: &World<'_>, index: usize, door: &DoorDraft, betrayals: &[Betrayal]) -> DoorTruth {
    let grave = door.verdict > DoorVerdict::Probed; // then the lines of those who only looked do not count
    let leaves: BTreeSet<Leaf> =
        of_door(world, index, betrayals, grave).map(|one| one.leaf.clone()).collect();
    let first_visible = of_door(world, index, betrayals, grave).map(|one| one.time).min();
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    DoorTruth {
        id: format!("TD-{}", index + 1),
        kind: door.kind.to_owned(),
        cve: door.cve.clone(),
        host: door.host.clone(),
        place: door.place.clone(),
        verdict: door.verdict,
        also: door.also.clone(),
        optional: door.optional,
        opened: door.opened.map(|at| at.instant(3)),
        first_used: door.used.map(|(from, _)| from.instant(3)),
        last_used: door.used.map(|(_, to)| to.instant(3)),
        visible: !leaves.is_empty(),
        first_visible,
        sources: sorted(&door.sources),
        accounts: sorted(&door.accounts),
        leaves: leaves.into_iter().collect(),
    }
}

fn intrusion(world: &World<'_>, doors: &[DoorTruth], betrayals: &[Betrayal]) -> TrueIntrusion {
    let mut steps = Vec::new();
    let mut traces: Vec<Instant> = Vec::new();
    for (index, step) in world.steps.iter().enumerate().filter(|(_, step)| !step.noise) {
        let lines = betrayals.iter().filter(|one| one.step == index);
        traces.extend(lines.clone().map(|one| one.time));
        let leaves: BTreeSet<_> = lines.map(|one| one.leaf.clone()).collect();
        steps.push(TrueStep {
            id: format!("T-1.{:02}", steps.len() + 1),
            time: step.time.instant(3),
            tactic: step.tactic.to_owned(),
            technique: step.technique.to_owned(),
            host: Some(world.mx().to_owned()),
            account: step.account.clone(),
            text: step.text.clone(),
            leaves: leaves.into_iter().collect(),
        });
    }
    steps.sort_by_key(|step| step.time);
    let graves = doors.iter().filter(|door| door.verdict >= DoorVerdict::Succeeded);
    let start = world.story.from.instant(0);
    TrueIntrusion {
        id: "T-1".to_owned(),
        first_step: steps.first().map_or(start, |step| step.time),
        first_trace: traces.into_iter().min(),
        last_step: steps.last().map_or(start, |step| step.time),
        actor: "an intruder drawn from the seed".to_owned(),
        doors: graves
            .clone()
            .map(|door| TrueDoor {
                kind: door.kind.clone(),
                host: door.host.clone(),
                place: door.place.clone(),
                cve: door.cve.clone(),
            })
            .collect(),
        hosts: graves.clone().map(|door| door.host.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
        accounts: graves
            .flat_map(|door| door.accounts.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        steps,
    }
}

fn server(world: &World<'_>) -> ServerTruth {
    let story = world.story;
    let patch = world.plan.patch.map(|(_, to)| to.instant(0));
    let span = |build: &str, from, to| BuildSpan { build: build.to_owned(), from, to };
    let mut builds = vec![span(&story.builds.open, None, patch)];
    builds.extend(patch.map(|at| span(&story.builds.fixed, Some(at), None)));
    ServerTruth {
        host: story.server.name.clone(),
        product: story.server.product.clone(),
        builds,
        cve: story.cve.clone(),
    }
}
