//! Members' commands to other computers, and the rows there that say it came about.
//!
//! In: command lines of members, and kept rows of services, tasks and processes of the computers that they name. Out: edges of class C2.
//! The name of computer and thing must both agree; time bounds it and joins nothing by itself.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::EdgeClass;

use super::closure::{Closure, SECOND};
use super::collect::{FactId, SECURITY, SYSMON, logon_of};
use super::commands::{Asks, remote};
use super::fact::Fact;
use super::graph::{Join, Key};
use super::processes::ProcessId;
use super::programs::{self, file_name};

/// What is named by both ends may be so far apart: two clocks, and a tool that waits for an answer.
const ANSWERED: i64 = 300 * SECOND;
/// What is known by its file name alone starts so soon.
const STARTED: i64 = 10 * SECOND;

/// One command of a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Commanded {
    pub(crate) by: ProcessId,
    /// The row of its start, which has the command line.
    row: FactId,
    /// The computer that it names.
    pub(crate) host: u32,
    pub(crate) at: i64,
    asks: Asks,
}

impl Commanded {
    /// The span in which its answer is looked for.
    pub(crate) fn moment(&self) -> (i64, i64) {
        let within = if matches!(self.asks, Asks::Program(_) | Asks::Anything) { STARTED } else { ANSWERED };
        (self.at.saturating_sub(within), self.at.saturating_add(within))
    }
}

impl Closure<'_, '_, '_> {
    /// Looks through the command lines of members.
    pub(crate) fn commands(&mut self) {
        let mut found = BTreeSet::new();
        let lines: Vec<(FactId, Fact)> = self
            .collector
            .facts
            .iter()
            .filter(|(_, fact)| fact.is(SYSMON, 1) || fact.is(SECURITY, 4688))
            .map(|(id, fact)| (id, fact.clone()))
            .collect();
        for (row, fact) in lines {
            let Some(command) = remote(fact.text("CommandLine")) else { continue };
            let Some(by) = self.created_by(&fact).filter(|by| self.graph.is_member(&Key::Process(*by)))
            else {
                continue;
            };
            let host = self.collector.hosts.called(&command.host);
            if host != fact.host {
                found.insert(Commanded { by, row, host, at: fact.from, asks: command.asks });
            }
        }
        self.commanded = found;
    }

    /// The computers that members' commands name, with who named them.
    pub(crate) fn commanded_hosts(&self) -> BTreeMap<String, String> {
        let mut hosts = BTreeMap::new();
        for command in &self.commanded {
            let (tool, from) =
                (file_name(self.processes().image(command.by)), self.host_of_process(command.by));
            let name = self.collector.hosts.name(command.host).to_owned();
            hosts.entry(name).or_insert_with(|| format!("{tool} of {from} gave it a command"));
        }
        hosts
    }

    /// Joins commands with what came of them.
    pub(crate) fn answers(&mut self) {
        for command in self.commanded.clone() {
            match &command.asks {
                Asks::Service(name) => {
                    let is = |fact: &Fact| fact.is(SECURITY, 4697) || fact.is("windows.system", 7045);
                    self.made(&command, &is, "ServiceName", name);
                }
                Asks::Task(name) => {
                    let is = |fact: &Fact| fact.is(SECURITY, 4698) || fact.is("windows.taskscheduler", 106);
                    self.made(&command, &is, "TaskName", name);
                }
                Asks::Program(name) => self.started_there(&command, name),
                Asks::Anything => {}
            }
        }
    }

    fn made(&mut self, command: &Commanded, is: &dyn Fn(&Fact) -> bool, column: &str, name: &str) {
        let (from, to) = command.moment();
        let fits = |fact: &Fact| {
            fact.host == command.host
                && (from..=to).contains(&fact.from)
                && is(fact)
                && fact.text(column).trim_start_matches('\\').to_lowercase() == name
        };
        let made: Vec<(FactId, Fact)> = self
            .collector
            .facts
            .iter()
            .filter(|(_, fact)| fits(fact))
            .map(|(id, fact)| (id, fact.clone()))
            .collect();
        for (id, fact) in made {
            let key = match command.asks {
                Asks::Task(_) => Key::Task(command.host, name.to_owned()),
                _ => Key::Service(command.host, name.to_owned()),
            };
            let reason = format!(
                "{} of {} asked {} for `{}`, which was made there",
                file_name(self.processes().image(command.by)),
                self.host_of_process(command.by),
                self.collector.hosts.name(command.host),
                fact.text(column)
            );
            let facts = vec![command.row, id];
            self.graph.join(&Key::Process(command.by), &key, || Join { class: EdgeClass::C2, reason, facts });
            if let Some(node) = self.graph.nodes.get_mut(&key) {
                node.facts.insert(id);
            }
            self.by_its_logon(&key, id, &fact);
        }
    }

    /// The logon in which it was made is of who asked for it.
    fn by_its_logon(&mut self, key: &Key, id: FactId, fact: &Fact) {
        let logon =
            logon_of(fact.code, None, fact.number("SubjectLogonId")).filter(|_| &*fact.dataset == SECURITY);
        let Some(logon) = logon else { return };
        let reason = format!("it was made in the logon of {}", fact.text("SubjectUserName"));
        let join = || Join { class: EdgeClass::C1, reason, facts: vec![id] };
        self.graph.join(&Key::Logon(fact.host, logon), key, join);
    }

    fn started_there(&mut self, command: &Commanded, name: &str) {
        let (_, to) = command.moment();
        let from = command.at.saturating_sub(super::asked::LATE);
        let fits = |(id, one): &(ProcessId, &super::processes::Process)| {
            one.host == command.host
                && one.start.is_some_and(|start| (from..=to).contains(&start))
                && file_name(self.processes().image(*id)) == name
                && programs::hub(self.processes().parent_image(*id)).is_some_and(|hub| hub.remote)
        };
        let found: Vec<ProcessId> = self.processes().iter().filter(fits).map(|(id, _)| id).take(2).collect();
        // Two of that name within seconds: which of them was asked for cannot be told.
        let [started] = found.as_slice() else { return };
        let reason = format!(
            "{} of {} asked {} to start {name}, which started there within seconds",
            file_name(self.processes().image(command.by)),
            self.host_of_process(command.by),
            self.collector.hosts.name(command.host)
        );
        let join = Join { class: EdgeClass::C2, reason, facts: vec![command.row] };
        self.graph.join(&Key::Process(command.by), &Key::Process(*started), || join);
    }

    fn host_of_process(&self, id: ProcessId) -> &str {
        self.processes().get(id).map_or("", |one| self.collector.hosts.name(one.host))
    }
}
