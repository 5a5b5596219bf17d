//! What members have in common: a server's worker, a program of nobody else, the address of the other side.
//!
//! In: members of the graph. Out: edges between those that were found apart. What many have in common joins nothing: an address of a
//! host of the estate, a program that Windows or an installer put there, a worker whose instance no row tells, save within an hour.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::EdgeClass;

use super::asked::{is_network_logon, session_key};
use super::closure::{Closure, SECOND};
use super::graph::{Join, Key};
use super::processes::ProcessId;
use super::programs::{self, file_name};

/// Requests to a worker whose instance no row tells belong together for so long: its number is used again, for years.
const ONE_INSTANCE: i64 = 3_600 * SECOND;
/// And so long where the instance is sure: another intruder may ask the same worker on another day.
const ONE_VISIT: i64 = 12 * 3_600 * SECOND;
/// Sources of a door that are few enough to mean somebody.
const SOURCES_MAX: usize = 5;

/// Accounts that one address stands for before it is taken for a proxy in front of many people.
const ACCOUNTS_MAX: usize = 8;

/// The worker that answered: its process, or where that is not told its host and program.
type Worker = (Option<ProcessId>, u32, String);

impl Closure<'_, '_, '_> {
    /// Joins what is one of these.
    pub(crate) fn in_common(&mut self) {
        self.one_worker();
        self.one_program();
        self.one_address();
    }

    /// What one instance of a server's worker started was asked of one application.
    fn one_worker(&mut self) {
        let mut by_worker: BTreeMap<Worker, Vec<(i64, ProcessId)>> = BTreeMap::new();
        for id in self.graph.processes() {
            let parent = self.processes().parent_image(id).to_owned();
            let serves = programs::hub(&parent).is_some_and(|hub| hub.serves);
            let Some(process) = self.processes().get(id).filter(|_| serves && self.is_an_actor(id)) else {
                continue;
            };
            // A number without a start or a GUID is any instance that ever had it.
            let is_sure = |parent: &ProcessId| {
                self.processes().get(*parent).is_some_and(|one| one.guid != 0 || one.start.is_some())
            };
            let worker = (process.parent.filter(is_sure), process.host, file_name(&parent));
            by_worker.entry(worker).or_default().push((process.start.unwrap_or_default(), id));
        }
        for ((instance, _, program), mut started) in by_worker {
            started.sort_unstable();
            for (one, other) in started.iter().zip(started.iter().skip(1)) {
                let within = if instance.is_some() { ONE_VISIT } else { ONE_INSTANCE };
                if other.0.saturating_sub(one.0) > within {
                    continue;
                }
                let reason = match instance {
                    Some(_) => format!("one instance of {program} started both"),
                    None => format!(
                        "{program} of this host started both within an hour; which instance no row tells"
                    ),
                };
                let join = Join { class: EdgeClass::C1, reason, facts: Vec::new() };
                self.graph.join(&Key::Process(one.1), &Key::Process(other.1), || join);
            }
        }
    }

    /// One program in a folder where everybody may write, on one host.
    fn one_program(&mut self) {
        let mut by_program: BTreeMap<(u32, String), Vec<(i64, ProcessId)>> = BTreeMap::new();
        for id in self.graph.processes() {
            let image = self.processes().image(id).to_lowercase();
            if let Some(process) = self.processes().get(id)
                && programs::is_anybodys(&image)
                && self.is_an_actor(id)
            {
                by_program
                    .entry((process.host, image))
                    .or_default()
                    .push((process.start.unwrap_or_default(), id));
            }
        }
        for ((_, image), mut started) in by_program {
            started.sort_unstable();
            for (one, other) in started.iter().zip(started.iter().skip(1)) {
                let reason = format!("both run {}, in a folder where everybody may write", file_name(&image));
                let join = Join { class: EdgeClass::C1, reason, facts: Vec::new() };
                self.graph.join(&Key::Process(one.1), &Key::Process(other.1), || join);
            }
        }
    }

    /// One address of the other side, by which logons came, doors were used or processes went out.
    fn one_address(&mut self) {
        let mut by_address: BTreeMap<String, BTreeSet<Key>> = BTreeMap::new();
        for (_, fact) in self.collector.facts.iter().filter(|(_, fact)| is_network_logon(fact)) {
            let member = session_key(fact).filter(|key| self.graph.is_member(key));
            if let Some(key) = member {
                by_address.entry(fact.text("IpAddress").to_owned()).or_default().insert(key);
            }
        }
        for (key, sources) in &self.door_sources {
            if sources.len() <= SOURCES_MAX {
                for source in sources {
                    by_address.entry(source.clone()).or_default().insert(key.clone());
                }
            }
        }
        for address in &self.rare {
            let users = self.collector.addresses.users.get(address).into_iter().flatten();
            let member = users.map(|id| Key::Process(*id)).find(|key| self.graph.is_member(key));
            by_address.entry(address.clone()).or_default().extend(member);
        }
        // An address of a host that is here is everybody's who works there.
        by_address.retain(|address, _| self.collector.addresses.host_of(address).is_none());
        let account_doors = &self.account_doors;
        let mut shared = Vec::new();
        by_address.retain(|address, keys| {
            let accounts = keys.iter().filter(|key| account_doors.contains(key)).count();
            if accounts > ACCOUNTS_MAX {
                shared.push(format!(
                    "{address} stands for {accounts} accounts: it may be a proxy in front of many people and joins nothing (`--trusted-proxy {address}` if it is yours)"
                ));
            }
            accounts <= ACCOUNTS_MAX
        });
        for one in shared {
            if !self.stopped.contains(&one) {
                self.stopped.push(one);
            }
        }
        for (address, keys) in by_address {
            let next: Vec<&Key> = keys.iter().skip(1).collect();
            for (one, other) in keys.iter().zip(next) {
                let reason = format!("both had to do with {address}");
                self.graph.join(one, other, || Join { class: EdgeClass::C3, reason, facts: Vec::new() });
            }
        }
    }
}
