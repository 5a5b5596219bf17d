//! The trail: what somebody did, step by step, joined by edges that say why.
//!
//! In: detections, findings, doors, clocks, what the logs cover, and the lake. Out: [`Trail`]. It begins with what is sure (rules of level
//! high and above on what can be somebody's act, doors that let somebody in, what a person confirmed) and follows identities:
//! processes, logons, connections, services, files, addresses that are rare. An account, a well-known program or nearness in time
//! joins nothing. `docs/decisions/0045-the-join.md` says why in this order.

mod apart;
mod asked;
mod attach;
mod clock;
mod closure;
mod collect;
mod commanded;
mod commands;
mod decided;
mod fact;
mod graph;
mod judge;
mod names;
mod processes;
mod programs;
mod rarity;
mod scope;
mod steps;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use piste_lake::{Lake, LakeError};
use piste_model::coverage::Coverage;
use piste_model::trail::{DecidedJoin, EdgeClass, Trail};
use piste_model::{Clock, Door, EvidenceId, Finding, Level};

use self::clock::Shifts;
use self::closure::Closure;
use self::collect::{Addresses, Collector, Facts, Wanted};
use self::fact::Place;
use self::graph::{Graph, Join, Key};
use self::judge::{Judge, place_of};
use self::names::HostNames;
use self::processes::Processes;
use self::steps::Teller;
pub use self::tree::{ProcessTrees, TreeInputs, TreeMark, TreeProcess, TreeQuery, process_trees};

/// Detections that are looked at: of more, those of the rules that speak least often.
pub const WITNESSES_MAX: usize = 200_000;

/// What a detection says of its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
}

/// A detection as the trail needs it.
#[derive(Debug, Clone)]
pub struct Witness {
    rule: Arc<Rule>,
    place: Place,
    dataset: Arc<str>,
    code: Option<i32>,
    acting_process: Option<Arc<str>>,
}

impl Witness {
    /// Of a rule that matched a row.
    pub fn new(rule: Arc<Rule>, dataset: Arc<str>, code: Option<i32>, at: RowAt) -> Self {
        let place = Place { evidence: at.evidence.0, offset: at.offset, record: at.record };
        Self { rule, place, dataset, code, acting_process: None }
    }

    /// The executable that acted, as the row names it.
    #[must_use]
    pub fn by(mut self, program: Option<&str>) -> Self {
        self.acting_process = program.map(Arc::from);
        self
    }
}

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowAt {
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Record id or line number.
    pub record: i64,
    /// Byte offset in the decompressed innermost stream.
    pub offset: u64,
}

/// What a trail is made of.
pub struct Inputs<'a> {
    /// The rows.
    pub lake: &'a Lake,
    /// Detections of level medium and above.
    pub witnesses: &'a [Witness],
    /// Findings, with the words of persons.
    pub findings: &'a [Finding],
    /// The ways in.
    pub doors: &'a [Door],
    /// Measured differences of clocks.
    pub clocks: &'a [Clock],
    /// What the logs cover.
    pub coverage: &'a [Coverage],
    /// What persons joined or cut: the last word on each pair of acts.
    pub decisions: &'a [DecidedJoin],
    /// A host's one name.
    pub host: &'a dyn Fn(&str) -> String,
    /// The locator of a sealed file.
    pub file: &'a dyn Fn(EvidenceId) -> String,
}

/// Makes the trail.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn trail(inputs: &Inputs<'_>) -> Result<Trail, LakeError> {
    let shifts = Shifts::of(inputs.clocks);
    let mut hosts = HostNames::new(inputs.host);
    hosts.with_logs(inputs.coverage.iter().map(|one| one.host.as_str()));
    let (mut processes, mut facts, mut addresses) =
        (Processes::default(), Facts::default(), Addresses::default());
    let said = Said::of(inputs);
    let pending: BTreeSet<usize> = (0..inputs.witnesses.len())
        .filter(|at| inputs.witnesses.get(*at).is_some_and(|one| said.counts(one)))
        .collect();
    let (mut reached, mut commanded) = (BTreeSet::new(), BTreeMap::new());
    let mut trail = if begins(inputs, &pending, &said) {
        let mut graph = Graph::default();
        let mut closure = Closure {
            graph: &mut graph,
            collector: Collector {
                lake: inputs.lake,
                shifts: &shifts,
                hosts: &mut hosts,
                processes: &mut processes,
                facts: &mut facts,
                addresses: &mut addresses,
            },
            wanted: Wanted::default(),
            hosts: BTreeSet::new(),
            rare: BTreeSet::new(),
            witnesses: inputs.witnesses,
            pending,
            door_sources: BTreeMap::new(),
            account_doors: BTreeSet::new(),
            commanded: BTreeSet::new(),
            stopped: Vec::new(),
        };
        join(&mut closure, inputs, &said)?;
        commanded = closure.commanded_hosts();
        let teller = Teller::new(&closure, inputs.doors);
        reached = teller.reached();
        Judge::new(&teller, inputs).trail()
    } else {
        Trail::default()
    };
    let named = scope::Named { addresses: &addresses, reached: &reached, commanded: &commanded };
    trail.scope = scope::scope(&trail, inputs, &named, &shifts);
    Ok(trail)
}

/// Whether there is anything that a trail could begin with.
fn begins(inputs: &Inputs<'_>, pending: &BTreeSet<usize>, said: &Said) -> bool {
    let sure = |at: &usize| {
        let one = inputs.witnesses.get(*at);
        one.is_some_and(|one| {
            let grave = one.rule.level >= Level::High && one.dataset.starts_with("windows.");
            grave || said.confirmed.contains(&one.place)
        })
    };
    pending.iter().any(sure) || inputs.doors.iter().any(piste_model::Door::let_somebody_in)
}

fn join(closure: &mut Closure<'_, '_, '_>, inputs: &Inputs<'_>, said: &Said) -> Result<(), LakeError> {
    let doors: Vec<(usize, &Door)> =
        inputs.doors.iter().enumerate().filter(|(_, door)| door.let_somebody_in()).collect();
    let mut first = Wanted::default();
    first
        .places
        .extend(closure.pending.iter().filter_map(|at| inputs.witnesses.get(*at)).map(|one| one.place));
    first.places.extend(doors.iter().flat_map(|(_, door)| &door.rows).map(place_of));
    let datasets: BTreeSet<&str> = inputs.witnesses.iter().map(|one| &*one.dataset).collect();
    // Which dataset a door's row is of is not told: any may be.
    let any = !doors.is_empty();
    closure.collector.keep(&first, &|dataset| any || datasets.contains(dataset))?;
    let sure = |at: &usize| {
        inputs
            .witnesses
            .get(*at)
            .filter(|one| one.rule.level >= Level::High || said.confirmed.contains(&one.place))
    };
    let rows = closure.pending.iter().filter_map(sure).map(|one| one.place);
    let rows = rows.chain(doors.iter().flat_map(|(_, door)| &door.rows).map(place_of));
    let hosts: BTreeSet<u32> = rows
        .filter_map(|place| closure.collector.facts.get(closure.collector.facts.at(&place)?))
        .map(|fact| fact.host)
        .collect();
    closure.collector.processes_of(&hosts)?;
    closure.hosts = hosts;
    let scripts = Wanted { scripts: closure.script_moments(), ..Wanted::default() };
    closure.collector.keep(&scripts, &|dataset| dataset == "windows.powershell")?;
    closure.wanted = scripts;
    closure.attach();
    closure.seed(&said.confirmed);
    for (at, door) in doors {
        admit_door(closure, at, door);
    }
    closure.run()?;
    closure.attach_rest();
    closure.seed(&said.confirmed);
    closure.run()
}

/// A door is an act; what a detection says of one of its rows is the same act, and so is what its server started by it.
fn admit_door(closure: &mut Closure<'_, '_, '_>, at: usize, door: &Door) {
    let key = Key::Door(at);
    closure.graph.admit(&key);
    closure.door_sources.insert(key.clone(), door.sources.clone());
    if door.kind == "account" {
        closure.account_doors.insert(key.clone());
    }
    let places: BTreeSet<Place> = door.rows.iter().map(place_of).collect();
    let mut found: Vec<(Key, Place)> = Vec::new();
    for (other, node) in &closure.graph.nodes {
        let told = node.witnesses.iter().filter_map(|at| closure.witnesses.get(*at)).map(|one| one.place);
        found.extend(told.filter(|place| places.contains(place)).map(|place| (other.clone(), place)));
    }
    let created = closure
        .processes()
        .iter()
        .flat_map(|(id, one)| one.created.iter().flatten().map(move |place| (id, *place)));
    found.extend(
        created.filter(|(_, place)| places.contains(place)).map(|(id, place)| (closure.beside(id), place)),
    );
    for (other, place) in found.into_iter().filter(|(other, _)| *other != key) {
        if matches!(other, Key::Row(_)) {
            // A record that is of no other act is the door's own.
            let told = closure.graph.nodes.remove(&other).map(|node| node.witnesses).unwrap_or_default();
            closure.graph.nodes.entry(key.clone()).or_default().witnesses.extend(told);
            closure.graph.open.retain(|open| *open != other);
            continue;
        }
        let facts = closure.collector.facts.at(&place).into_iter().collect();
        let reason = format!("the same record speaks of {} and of this", door.id);
        closure.graph.join(&key, &other, || Join { class: EdgeClass::C1, reason, facts });
    }
}

/// What persons said of findings.
struct Said {
    /// Rows of what was confirmed.
    confirmed: BTreeSet<Place>,
    /// Rows, and rules, of what was called harmless.
    harmless: BTreeSet<(Place, String)>,
}

impl Said {
    fn of(inputs: &Inputs<'_>) -> Self {
        let mut said = Self { confirmed: BTreeSet::new(), harmless: BTreeSet::new() };
        // What a person joins to something is somebody's act by that word.
        let joined = inputs.decisions.iter().map(|told| &told.decision).filter(|one| one.joins);
        let rows = joined.flat_map(|one| one.one.rows.iter().chain(&one.other.rows));
        said.confirmed.extend(rows.map(|row| decided::place_of(*row)));
        for finding in inputs.findings {
            let places = finding.rows.iter().map(place_of);
            match finding.verdict.as_str() {
                "confirmed" => said.confirmed.extend(places),
                "false-positive" | "benign" => {
                    let rule = finding.rule_id.clone().unwrap_or_default();
                    said.harmless.extend(places.map(|place| (place, rule.clone())));
                }
                _ => {}
            }
        }
        said
    }

    fn counts(&self, witness: &Witness) -> bool {
        attach::speaks(witness) && !self.harmless.contains(&(witness.place, witness.rule.id.clone()))
    }
}
