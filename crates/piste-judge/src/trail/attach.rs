//! Which act a detection speaks of.
//!
//! In: detections with their rows. Out: the node of each: the process, logon, connection, service or task that its row is about, else the
//! row itself. A script's row that does not say which process ran it is that of the program which PowerShell's own records name at
//! that moment, if they name one alone.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::Level;

use super::Witness;
use super::asked::session_key;
use super::closure::{Closure, SECOND};
use super::collect::{SECURITY, SYSMON, actor_in};
use super::fact::{Fact, Place};
use super::graph::Key;
use super::processes::{Named, ProcessId, pid};
use super::programs;

/// How close PowerShell's record of a command is to that of its script.
const SCRIPT: i64 = 2 * SECOND;
/// A rule that speaks of so many acts of a host says nothing of one.
const ACTS_MAX: usize = 50;
/// Logs that were cleared: by whom is seldom in them, and whoever records does it before he begins.
pub(crate) const CLEARED: [i32; 3] = [1102, 104, 517];
/// Events of the Security log that name the process which acts.
const BY_PROCESS: [i32; 16] =
    [4648, 4656, 4657, 4658, 4660, 4663, 4670, 4673, 4674, 4689, 4690, 4703, 4798, 4799, 5156, 5158];
/// Events that are about a logon or a connection themselves. Others name the logon that they were done in, which may be somebody's
/// whole day at his desk.
const OF_SESSION: [i32; 6] = [4624, 4625, 4672, 4964, 5140, 5145];
/// PowerShell in a process of any name.
const POWERSHELL: [&str; 2] = ["windows.powershell", "windows.powershell-classic"];

impl Closure<'_, '_, '_> {
    /// Gives every pending detection that can be told its act.
    pub(crate) fn attach(&mut self) {
        let mut told = Vec::new();
        for at in &self.pending {
            let Some(witness) = self.witnesses.get(*at) else { continue };
            let Some(fact) =
                self.collector.facts.at(&witness.place).and_then(|id| self.collector.facts.get(id))
            else {
                continue;
            };
            if self.hosts.contains(&fact.host) {
                told.push((*at, fact.clone()));
            }
        }
        if told.is_empty() {
            return;
        }
        let applications = self.all_applications();
        for (at, fact) in told {
            if let Some(key) = self.key_of(&fact, &applications) {
                self.pending.remove(&at);
                self.graph.nodes.entry(key).or_default().witnesses.insert(at);
            }
        }
    }

    /// What no program can be told for is an act by itself.
    pub(crate) fn attach_rest(&mut self) {
        for at in std::mem::take(&mut self.pending) {
            if let Some(witness) = self.witnesses.get(at)
                && self.collector.facts.at(&witness.place).is_some()
            {
                self.graph.nodes.entry(Key::Row(witness.place)).or_default().witnesses.insert(at);
            }
        }
    }

    /// Begins with what is sure: graver detections of what can be somebody's act, and what a person confirmed.
    pub(crate) fn seed(&mut self, confirmed: &BTreeSet<Place>) {
        let mut acts: BTreeMap<(&str, u32), usize> = BTreeMap::new();
        for node in self.graph.nodes.values() {
            let rules: BTreeSet<(&str, u32)> =
                node.witnesses.iter().filter_map(|at| self.rule_on(*at)).collect();
            for rule in rules {
                *acts.entry(rule).or_default() += 1;
            }
        }
        let sure = |at: &usize| {
            let Some(witness) = self.witnesses.get(*at) else { return false };
            let common =
                self.rule_on(*at).and_then(|rule| acts.get(&rule)).is_some_and(|count| *count > ACTS_MAX);
            // What is asked of a server from outside the doors judge: that something was tried is no act on the host.
            let on_host = witness.dataset.starts_with("windows.");
            confirmed.contains(&witness.place) || (witness.rule.level >= Level::High && on_host && !common)
        };
        let seeds: Vec<Key> = self
            .graph
            .nodes
            .iter()
            .filter(|(key, node)| node.witnesses.iter().any(sure) && self.may_be_an_act(key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in seeds {
            self.graph.admit(&key);
        }
    }

    fn rule_on(&self, at: usize) -> Option<(&str, u32)> {
        let witness = self.witnesses.get(at)?;
        let fact = self.collector.facts.get(self.collector.facts.at(&witness.place)?)?;
        Some((witness.rule.id.as_str(), fact.host))
    }

    fn may_be_an_act(&self, key: &Key) -> bool {
        match key {
            Key::Process(id) => self.is_an_actor(*id),
            _ => true,
        }
    }

    /// The act that a row is about; `None` where that may be told later.
    fn key_of(&mut self, fact: &Fact, applications: &Applications) -> Option<Key> {
        let row = Key::Row(fact.place);
        let code = fact.code.unwrap_or_default();
        match &*fact.dataset {
            SYSMON => {
                let unnamed = self.processes().created_at(&fact.place).map(Key::Process);
                Some(self.acting(actor_in(fact)).or(unnamed).unwrap_or(row))
            }
            SECURITY if code == 4688 => Some(self.created_by(fact).map_or(row, |id| self.beside(id))),
            SECURITY if BY_PROCESS.contains(&code) => Some(self.acting(actor_in(fact)).unwrap_or(row)),
            SECURITY if code == 4697 => Some(service(fact)),
            SECURITY if matches!(code, 4698..=4702) => Some(task(fact)),
            SECURITY if OF_SESSION.contains(&code) => Some(session_key(fact).unwrap_or(row)),
            "windows.system" if code == 7045 => Some(service(fact)),
            "windows.taskscheduler" if !fact.text("TaskName").is_empty() => Some(task(fact)),
            dataset if POWERSHELL.contains(&dataset) => self.by_script(fact, applications),
            _ => Some(row),
        }
    }

    fn acting(&mut self, named: Named<'_>) -> Option<Key> {
        let id = self.collector.processes.find_or_add(named)?;
        Some(self.beside(id))
    }

    /// What Windows starts beside a program is a witness of that program.
    pub(crate) fn beside(&self, id: ProcessId) -> Key {
        let parent = self.processes().get(id).and_then(|one| one.parent);
        match parent.filter(|_| programs::is_helper(self.processes().image(id))) {
            Some(parent) => Key::Process(parent),
            None => Key::Process(id),
        }
    }

    fn by_script(&mut self, fact: &Fact, applications: &Applications) -> Option<Key> {
        let own = [fact.text("Execution_ProcessID"), fact.text("ExecutionProcessID")];
        if let Some(own) = own.into_iter().find_map(pid) {
            let named = Named { host: fact.host, guid: 0, pid: Some(own), image: "", at: fact.to };
            return self.acting(named);
        }
        let apps = applications_about(fact, applications);
        let app = apps.first().filter(|_| apps.len() == 1)?;
        self.running(fact, app).map(Key::Process)
    }

    /// The programs that PowerShell's records name, by host and moment.
    fn all_applications(&self) -> Applications {
        let of_powershell = |fact: &Fact| POWERSHELL.contains(&&*fact.dataset);
        let facts = self.collector.facts.iter().filter(|(_, fact)| of_powershell(fact));
        facts.filter_map(|(_, fact)| Some((fact.host, fact.from, application(fact)?))).collect()
    }

    /// The one process that ran an application at a moment.
    fn running(&self, fact: &Fact, app: &str) -> Option<ProcessId> {
        let runs = |(id, one): &(ProcessId, &super::processes::Process)| {
            let image = self.processes().images.text(one.image).to_lowercase();
            let line = one.created.iter().flatten().find_map(|place| self.collector.facts.at(place));
            let line = line.and_then(|id| self.collector.facts.get(id)).map(|fact| fact.text("CommandLine"));
            let line = line.unwrap_or_default().trim().trim_matches('"').to_lowercase();
            let _ = id;
            one.host == fact.host
                && one.start.is_none_or(|start| start <= fact.to.saturating_add(SCRIPT))
                && !image.is_empty()
                && (image == app || line == app)
        };
        let mut found: Vec<ProcessId> = self.processes().iter().filter(runs).map(|(id, _)| id).collect();
        // Of several runs of one program the latest before the script; none of them where one is a member and others are not.
        found.sort_by_key(|id| self.processes().get(*id).and_then(|one| one.start));
        found.last().copied()
    }

    /// Moments at which it is not known which program ran a script.
    pub(crate) fn script_moments(&self) -> BTreeMap<u32, BTreeSet<(i64, i64)>> {
        let mut moments: BTreeMap<u32, BTreeSet<(i64, i64)>> = BTreeMap::new();
        for witness in self.witnesses {
            let fact = self.collector.facts.at(&witness.place).and_then(|id| self.collector.facts.get(id));
            let Some(fact) = fact.filter(|fact| POWERSHELL.contains(&&*fact.dataset)) else { continue };
            let own = [fact.text("Execution_ProcessID"), fact.text("ExecutionProcessID")];
            if own.into_iter().all(|text| pid(text).is_none()) {
                let span = (fact.from.saturating_sub(SCRIPT), fact.to.saturating_add(SCRIPT));
                moments.entry(fact.host).or_default().insert(span);
            }
        }
        moments
    }
}

/// Programs that PowerShell's records name, by host and moment.
type Applications = BTreeSet<(u32, i64, String)>;

/// Those about the moment of a script.
fn applications_about(fact: &Fact, all: &Applications) -> BTreeSet<String> {
    if let Some(own) = application(fact) {
        return BTreeSet::from([own]);
    }
    let from = (fact.host, fact.from.saturating_sub(SCRIPT), String::new());
    let to = (fact.host, fact.from.saturating_add(SCRIPT + 1), String::new());
    all.range(from..to).map(|(_, _, app)| app.clone()).collect()
}

/// The program that a record of PowerShell's names as its own, in lower case.
fn application(fact: &Fact) -> Option<String> {
    let context = fact.text("ContextInfo");
    let line = context.lines().find_map(|line| line.trim().strip_prefix("Host Application"))?;
    let app = line.trim_start().strip_prefix('=')?.trim().trim_matches('"');
    (!app.is_empty()).then(|| app.to_lowercase())
}

fn service(fact: &Fact) -> Key {
    Key::Service(fact.host, fact.text("ServiceName").to_lowercase())
}

fn task(fact: &Fact) -> Key {
    Key::Task(fact.host, fact.text("TaskName").trim_start_matches('\\').to_lowercase())
}

/// Whether a detection can say anything of an act: not that a log was cleared, not by an agent.
pub(crate) fn speaks(witness: &Witness) -> bool {
    let cleared = witness.code.is_some_and(|code| CLEARED.contains(&code));
    let by_agent = witness.acting_process.as_deref().is_some_and(programs::is_agent);
    !cleared && !by_agent
}
