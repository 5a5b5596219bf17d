//! What belongs to what is sure: the closure over identities, in rounds.
//!
//! In: members of the graph, processes and kept rows. Out: further members and why: what a process started and what started it (up
//! to just below a hub), files it wrote that were run, threads it made, services, the logon and the connection by which a tree came
//! to start, and who else had to do with a rare address. Time alone joins nothing; where two other sides are possible, none is taken.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::LakeError;
use piste_model::trail::EdgeClass;

use super::asked::{ASKED, Asked, LATE, is_connection, is_network_logon, moment, session_key};
use super::collect::{
    Collector, FactId, Facts, SECURITY, SYSMON, Wanted, actor_in, file_of, is_an_address, is_remote_pipe,
    logon_of,
};
use super::commanded::Commanded;
use super::fact::Fact;
use super::graph::{Graph, Join, Key};
use super::processes::{Named, ProcessId, Processes, pid};
use super::programs::{self, file_name};

pub(crate) const SECOND: i64 = 1_000_000_000;
/// A service that was made is started so soon, or it is another start.
const SERVICE_STARTS: i64 = 60 * SECOND;
/// A service's program was written so shortly before.
const SERVICE_WRITTEN: i64 = 600 * SECOND;
/// Passes over the lake: then the join stops, and says so.
pub(crate) const ROUNDS_MAX: usize = 6;
/// Members: beyond that it is no one's trail any more.
pub(crate) const MEMBERS_MAX: usize = 20_000;
/// Processes that connect to an address that is still rare.
const RARE_USERS: usize = 8;
/// Ports that everybody of an estate talks to: an address is not rare by them.
const COMMON_PORTS: [u64; 14] = [53, 67, 88, 123, 135, 137, 138, 139, 389, 445, 464, 636, 3268, 5355];

/// What the closure works on.
pub(crate) struct Closure<'a, 'c, 'n> {
    pub(crate) graph: &'a mut Graph,
    pub(crate) collector: Collector<'c, 'n>,
    pub(crate) wanted: Wanted,
    /// Hosts whose processes are known.
    pub(crate) hosts: BTreeSet<u32>,
    /// Addresses that members connected to and few others.
    pub(crate) rare: BTreeSet<String>,
    /// Detections, and the rows that they are of.
    pub(crate) witnesses: &'a [super::Witness],
    /// Detections that speak of no act yet: their hosts are not known, or which program ran a script.
    pub(crate) pending: BTreeSet<usize>,
    /// Doors that are members, with the addresses that used them.
    pub(crate) door_sources: BTreeMap<Key, Vec<String>>,
    /// Those of them that are accounts.
    pub(crate) account_doors: BTreeSet<Key>,
    /// Commands of members to other computers.
    pub(crate) commanded: BTreeSet<Commanded>,
    pub(crate) stopped: Vec<String>,
}

impl Closure<'_, '_, '_> {
    /// Runs until nothing more belongs to it.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read.
    pub(crate) fn run(&mut self) -> Result<(), LakeError> {
        let mut own = None;
        for round in 0..=ROUNDS_MAX {
            self.settle();
            let wanted = self.asks();
            // Which addresses are a host's own is learnt by reading: what it means for connections comes with the next.
            let learnt = Some(self.collector.addresses.own.clone());
            if wanted == self.wanted && self.new_hosts().is_empty() && own == learnt {
                return Ok(());
            }
            own = learnt;
            if round == ROUNDS_MAX {
                self.stopped.push(format!("the join ended after {ROUNDS_MAX} readings of the rows, and more would have belonged to it"));
                return Ok(());
            }
            let hosts = self.new_hosts();
            if !hosts.is_empty() {
                self.collector.processes_of(&hosts)?;
                self.hosts.extend(hosts);
                self.attach();
            }
            let datasets =
                [SYSMON, SECURITY, "windows.system", "windows.powershell", "windows.taskscheduler"];
            self.collector.keep(&wanted, &|dataset| datasets.contains(&dataset))?;
            self.wanted = wanted;
        }
        Ok(())
    }

    fn new_hosts(&self) -> BTreeSet<u32> {
        let of = |key: &Key| match key {
            Key::Process(id) => self.processes().get(*id).map(|one| one.host),
            Key::Logon(host, _) | Key::Connection(host, ..) | Key::Service(host, _) | Key::Task(host, _) => {
                Some(*host)
            }
            Key::Door(_) | Key::Row(_) => None,
        };
        let members = self.graph.nodes.iter().filter(|(_, node)| node.member).filter_map(|(key, _)| of(key));
        // From where connections to a host came as something began there: whose they are is asked next.
        let sources = self.facts().iter().filter(|(_, fact)| is_connection(fact)).filter_map(|(_, fact)| {
            let target = self.collector.addresses.host_of(fact.text("DestinationIp"))?;
            (target != fact.host && self.wanted.moments.contains_key(&target)).then_some(fact.host)
        });
        let commanded = self.commanded.iter().map(|command| command.host);
        members.chain(sources).chain(commanded).filter(|host| !self.hosts.contains(host)).collect()
    }

    pub(crate) fn processes(&self) -> &Processes {
        self.collector.processes
    }

    fn facts(&self) -> &Facts {
        self.collector.facts
    }

    /// Follows every edge that what is known gives.
    fn settle(&mut self) {
        loop {
            while let Some(key) = self.graph.open.pop() {
                if self.graph.nodes.len() > MEMBERS_MAX {
                    self.graph.open.clear();
                    self.stopped.push(format!("the join ended at {MEMBERS_MAX} acts"));
                    return;
                }
                if let Key::Process(id) = key {
                    self.relatives(id);
                }
            }
            self.join_facts();
            if self.graph.open.is_empty() {
                return;
            }
        }
    }

    /// Whether a process can be somebody's act: not what everybody's work runs in, not an agent, not a recorder.
    pub(crate) fn is_an_actor(&self, id: ProcessId) -> bool {
        let image = self.processes().image(id);
        !image.is_empty() && !self.is_hub(id) && !programs::is_agent(image) && !self.is_diagnosis(id)
    }

    /// Whether a process does what everybody asks of it. What is called like a part of Windows and was started by something else is
    /// somebody's.
    pub(crate) fn is_hub(&self, id: ProcessId) -> bool {
        let Some(hub) = programs::hub(self.processes().image(id)) else { return false };
        let parent = self.processes().parent_image(id);
        hub.reads || parent.is_empty() || programs::hub(parent).is_some() || programs::is_agent(parent)
    }

    /// Whether it is a diagnosis, or runs below one.
    pub(crate) fn is_diagnosis(&self, id: ProcessId) -> bool {
        let mut at = Some(id);
        for _ in 0..16 {
            let Some(one) = at else { return false };
            let Some(process) = self.processes().get(one) else { return false };
            if process.diagnosis {
                return true;
            }
            at = process.parent;
        }
        false
    }

    fn relatives(&mut self, id: ProcessId) {
        let own = Key::Process(id);
        let parent = self.processes().get(id).and_then(|one| one.parent);
        if let Some(parent) = parent.filter(|parent| self.is_an_actor(*parent)) {
            let reason = self.started(parent, id);
            self.graph.join(&Key::Process(parent), &own, || reason);
        }
        if self.is_hub(id) {
            return; // what a hub starts is not the doing of who once used it
        }
        let children: Vec<ProcessId> = self.processes().children(id).to_vec();
        for child in children {
            let image = self.processes().image(child);
            if programs::is_helper(image) || programs::is_agent(image) || self.is_diagnosis(child) {
                continue;
            }
            let reason = self.started(id, child);
            self.graph.join(&own, &Key::Process(child), || reason);
        }
    }

    fn started(&self, parent: ProcessId, child: ProcessId) -> Join {
        let (parent, child_name) = (self.processes().image(parent), self.processes().image(child));
        let rows = self.processes().get(child).map(|one| one.created).unwrap_or_default();
        let facts = rows.iter().flatten().filter_map(|place| self.facts().at(place)).collect();
        let reason = format!("{} started {}", file_name(parent), file_name(child_name));
        Join { class: EdgeClass::C1, reason, facts }
    }

    /// What the kept rows join.
    fn join_facts(&mut self) {
        let joins = |fact: &Fact| {
            matches!(fact.code, Some(1 | 8 | 4688 | 4697 | 7045 | 4624 | 4672 | 4964 | 5140 | 5145))
        };
        let ids: Vec<FactId> =
            self.facts().iter().filter(|(_, fact)| joins(fact)).map(|(id, _)| id).collect();
        let written = self.written();
        for id in ids {
            let Some(fact) = self.facts().get(id).cloned() else { continue };
            match (&*fact.dataset, fact.code) {
                (SYSMON, Some(8)) => self.thread(id, &fact),
                (SYSMON, Some(1)) | (SECURITY, Some(4688)) => self.names_a_file(id, &fact, &written),
                (SECURITY, Some(4697)) | ("windows.system", Some(7045)) => self.service(id, &fact, &written),
                (SECURITY, Some(4624 | 4672 | 4964 | 5140 | 5145)) => self.session(id, &fact),
                _ => {}
            }
        }
        self.run_files(&written);
        self.commands();
        self.answers();
        self.attach();
        self.arrivals();
        self.trees();
        self.rare_addresses();
        self.in_common();
    }

    /// Programs and scripts that members wrote: (host, path) with who and when.
    fn written(&self) -> BTreeMap<(u32, String), (ProcessId, i64, FactId)> {
        let mut written = BTreeMap::new();
        for (id, fact) in self.facts().iter().filter(|(_, fact)| fact.is(SYSMON, 11)) {
            let path = file_of(fact.text("TargetFilename"));
            if !is_run(&path) {
                continue;
            }
            let by = self.processes().find(actor_in(fact));
            if let Some(by) =
                by.filter(|by| self.graph.is_member(&Key::Process(*by)) && self.is_an_actor(*by))
            {
                written.entry((fact.host, path)).or_insert((by, fact.from, id));
            }
        }
        written
    }

    fn thread(&mut self, id: FactId, fact: &Fact) {
        let Some(by) = self.processes().find(actor_in(fact)).map(Key::Process) else { return };
        if !self.graph.is_member(&by) {
            return;
        }
        let target = Named {
            host: fact.host,
            guid: super::fact::guid(fact.text("TargetProcessGuid")),
            pid: pid(fact.text("TargetProcessId")),
            image: fact.text("TargetImage"),
            at: fact.from,
        };
        let Some(target) = self.collector.processes.find_or_add(target) else { return };
        // A thread in a hub is his; what the hub goes on to do for everybody is not.
        if programs::is_helper(fact.text("TargetImage")) || programs::hub(fact.text("TargetImage")).is_some()
        {
            return;
        }
        let reason = format!(
            "{} made a thread in {}",
            file_name(fact.text("SourceImage")),
            file_name(fact.text("TargetImage"))
        );
        self.graph.join(&by, &Key::Process(target), || Join {
            class: EdgeClass::C1,
            reason,
            facts: vec![id],
        });
    }

    fn names_a_file(&mut self, id: FactId, fact: &Fact, written: &Written) {
        let line = fact.text("CommandLine").to_lowercase();
        let found = written.iter().find(|((host, path), (_, at, _))| {
            *host == fact.host && *at <= fact.to.saturating_add(SECOND) && line.contains(path.as_str())
        });
        let Some(((_, path), (by, _, wrote))) = found else { return };
        let Some(process) =
            self.created_by(fact).filter(|process| process != by && self.is_an_actor(*process))
        else {
            return;
        };
        let reason = format!(
            "its command line names {}, which {} wrote",
            file_name(path),
            file_name(self.processes().image(*by))
        );
        let join = Join { class: EdgeClass::C1, reason, facts: vec![*wrote, id] };
        self.graph.join(&Key::Process(*by), &Key::Process(process), || join);
    }

    /// The process whose creation a row tells.
    pub(crate) fn created_by(&self, fact: &Fact) -> Option<ProcessId> {
        let security = fact.is(SECURITY, 4688);
        let named = Named {
            host: fact.host,
            guid: super::fact::guid(fact.text("ProcessGuid")),
            pid: pid(fact.text(if security { "NewProcessId" } else { "ProcessId" })),
            image: fact.text(if security { "NewProcessName" } else { "Image" }),
            at: fact.to,
        };
        self.processes().find(named)
    }

    /// Processes whose program a member wrote.
    fn run_files(&mut self, written: &Written) {
        if written.is_empty() {
            return;
        }
        let by_image: BTreeMap<u32, String> = {
            let paths: BTreeSet<&str> = written.keys().map(|(_, path)| path.as_str()).collect();
            let images = self.processes().images.iter().map(|(number, path)| (number, path.to_lowercase()));
            images.filter(|(_, path)| paths.contains(path.as_str())).collect()
        };
        let mut found = Vec::new();
        for (id, one) in self.processes().iter() {
            let Some(path) = by_image.get(&one.image) else { continue };
            if let Some((by, at, wrote)) = written.get(&(one.host, path.clone()))
                && one.start.is_some_and(|start| start.saturating_add(SECOND) >= *at)
                && *by != id
            {
                found.push((*by, id, *wrote));
            }
        }
        for (by, id, wrote) in found {
            let reason = format!(
                "{} wrote {}, which was run",
                file_name(self.processes().image(by)),
                file_name(self.processes().image(id))
            );
            let join = Join { class: EdgeClass::C1, reason, facts: vec![wrote] };
            self.graph.join(&Key::Process(by), &Key::Process(id), || join);
        }
    }

    /// A service: whose program a member wrote, and what it started.
    fn service(&mut self, id: FactId, fact: &Fact, written: &Written) {
        let path = service_path(fact);
        let key = Key::Service(fact.host, fact.text("ServiceName").to_lowercase());
        let by = written.iter().find(|((host, file), (_, at, _))| {
            *host == fact.host && (fact.from - at).abs() <= SERVICE_WRITTEN && path.contains(file.as_str())
        });
        if let Some(((_, file), (by, _, wrote))) = by {
            let reason = format!(
                "the service runs {}, which {} wrote",
                file_name(file),
                file_name(self.processes().image(*by))
            );
            let join = Join { class: EdgeClass::C1, reason, facts: vec![*wrote, id] };
            self.graph.join(&Key::Process(*by), &key, || join);
        }
        // What starts a program that is a member's, while it starts, is his.
        for process in self.started_by_service(fact, &path) {
            let own = Key::Process(process);
            if !self.graph.is_member(&key) && !self.graph.is_member(&own) {
                continue;
            }
            let reason = format!("the service started {}", file_name(self.processes().image(process)));
            self.graph.join(&key, &own, || Join { class: EdgeClass::C1, reason, facts: vec![id] });
        }
        if let Some(node) = self.graph.nodes.get_mut(&key).filter(|node| node.member) {
            node.facts.insert(id);
        }
    }

    fn started_by_service(&self, fact: &Fact, path: &str) -> Vec<ProcessId> {
        let (from, to) = (fact.from.saturating_sub(LATE), fact.to.saturating_add(SERVICE_STARTS));
        let fits = |(id, one): &(ProcessId, &super::processes::Process)| {
            let image = self.processes().images.text(one.image).to_lowercase();
            let name = file_name(&image);
            let parent = file_name(self.processes().parent_image(*id));
            matches!(parent.as_str(), "services.exe" | "")
                && !name.is_empty()
                && programs::hub(&image).is_none()
                && !programs::is_agent(&image)
                && (path.contains(&image) || names_program(path, &name))
        };
        let started = self.processes().started_within(fact.host, from, to);
        started.filter(fits).map(|(id, _)| id).take(16).collect()
    }

    /// A logon or a use of a share: which connection it came by, and what goes on in the same connection.
    fn session(&mut self, id: FactId, fact: &Fact) {
        let logon = logon_of(fact.code, fact.number("TargetLogonId"), fact.number("SubjectLogonId"));
        let logon = logon.map(|logon| Key::Logon(fact.host, logon));
        let port = fact.number("IpPort").filter(|port| *port != 0);
        let address = fact.text("IpAddress");
        let connection = port.map(|port| Key::Connection(fact.host, address.to_owned(), port));
        if let (Some(logon), Some(connection)) = (&logon, &connection)
            && (self.graph.is_member(logon) || self.graph.is_member(connection))
        {
            let reason = format!("one connection, from port {} of {address}", port.unwrap_or_default());
            self.graph.join(logon, connection, || Join { class: EdgeClass::C1, reason, facts: vec![id] });
        }
        // What the connection does as the system itself is its own act; what it does in a logon is that logon's.
        let key = logon.or(connection);
        if let Some(node) =
            key.as_ref().and_then(|key| self.graph.nodes.get_mut(key)).filter(|node| node.member)
        {
            node.facts.insert(id);
        }
        let Some(key) = key.filter(|key| self.graph.is_member(key)) else { return };
        if fact.is(SECURITY, 5145) && is_remote_pipe(fact.text("RelativeTargetName")) {
            self.by_pipe(&key, id, fact);
        }
    }

    /// What the service manager started as somebody used its pipe.
    fn by_pipe(&mut self, session: &Key, id: FactId, fact: &Fact) {
        let fits = |(process, one): &(ProcessId, &super::processes::Process)| {
            let parent = file_name(self.processes().parent_image(*process));
            matches!(one.logon, Some(0x3e7) | None)
                && matches!(parent.as_str(), "services.exe" | "")
                && self.is_an_actor(*process)
        };
        let started =
            self.processes().started_within(fact.host, fact.from, fact.to.saturating_add(ASKED / 2));
        let found: Vec<ProcessId> = started.filter(fits).map(|(id, _)| id).take(16).collect();
        for process in found {
            let reason = format!(
                "{} started within seconds of the use of the pipe {} from {}",
                file_name(self.processes().image(process)),
                file_name(fact.text("RelativeTargetName")),
                fact.text("IpAddress")
            );
            let join = Join { class: EdgeClass::C2, reason, facts: vec![id] };
            self.graph.join(session, &Key::Process(process), || join);
        }
    }

    /// Members that a hub started which does what other hosts ask for.
    fn tops(&self) -> Vec<(ProcessId, u32, i64)> {
        let top = |id: ProcessId| {
            let one = self.processes().get(id)?;
            let parent = self.processes().parent_image(id);
            let asked = parent.is_empty() || programs::hub(parent).is_some_and(|hub| hub.remote);
            Some((id, one.host, one.start?)).filter(|_| asked && self.is_an_actor(id))
        };
        self.graph.processes().filter_map(top).collect()
    }

    /// Records of a member's own that were made in a logon: by host and logon.
    fn rows_by_logon(&self) -> BTreeMap<(u32, u64), Vec<Key>> {
        let mut rows: BTreeMap<(u32, u64), Vec<Key>> = BTreeMap::new();
        for (key, _) in self.graph.nodes.iter().filter(|(_, node)| node.member) {
            let Key::Row(place) = key else { continue };
            let fact = self.facts().at(place).and_then(|id| self.facts().get(id));
            if let Some(fact) = fact.filter(|fact| &*fact.dataset == SECURITY)
                && let Some(logon) = logon_of(fact.code, None, fact.number("SubjectLogonId"))
            {
                rows.entry((fact.host, logon)).or_default().push(key.clone());
            }
        }
        rows
    }

    /// Network logons of members: what was done in them, and who on the other host connected as they began.
    fn arrivals(&mut self) {
        let asked = Asked::of(self.facts());
        let rows = self.rows_by_logon();
        let logons: Vec<(FactId, Fact)> = self
            .facts()
            .iter()
            .filter(|(_, fact)| is_network_logon(fact))
            .map(|(id, fact)| (id, fact.clone()))
            .collect();
        for (id, fact) in logons {
            let Some(Key::Logon(host, logon)) = session_key(&fact) else { continue };
            let session = Key::Logon(host, logon);
            for row in rows.get(&(host, logon)).into_iter().flatten() {
                let reason = format!("it was done in the network logon of {}", fact.text("TargetUserName"));
                self.graph.join(&session, row, || Join { class: EdgeClass::C1, reason, facts: vec![id] });
            }
            let read = self.wanted.moments.get(&host).is_some_and(|spans| spans.contains(&moment(fact.from)));
            if !read || !self.graph.is_member(&session) {
                continue;
            }
            let sources = self.connections(fact.text("IpAddress"), host, asked.connections(fact.from));
            let by: BTreeSet<ProcessId> = sources.iter().map(|(_, by)| *by).collect();
            // Two programs of that host connected: which of them logged on cannot be told.
            let images: BTreeSet<String> =
                by.iter().map(|by| file_name(self.processes().image(*by))).collect();
            if images.len() != 1 {
                continue;
            }
            for (row, by) in sources {
                let reason = format!(
                    "{} connected from {} as the logon began",
                    file_name(self.processes().image(by)),
                    fact.text("IpAddress")
                );
                let join = Join { class: EdgeClass::C2, reason, facts: vec![row, id] };
                self.graph.join(&Key::Process(by), &session, || join);
            }
        }
    }

    /// How the tops of trees came to start.
    fn trees(&mut self) {
        let asked = Asked::of(self.facts());
        for (id, host, start) in self.tops() {
            // Before the rows about a moment were read it would look as if there were but one other side.
            let read = self.wanted.moments.get(&host).is_some_and(|spans| spans.contains(&moment(start)));
            if !read {
                continue;
            }
            let facts: Vec<(FactId, Fact)> = asked
                .on_host(host, start)
                .filter_map(|row| Some((row, self.facts().get(row)?.clone())))
                .collect();
            self.by_network_logon(id, start, &facts, &asked);
            self.after_pipe(id, &facts);
        }
    }

    fn after_pipe(&mut self, id: ProcessId, facts: &[(FactId, Fact)]) {
        let parent = file_name(self.processes().parent_image(id));
        if !matches!(parent.as_str(), "services.exe" | "svchost.exe" | "taskeng.exe" | "") {
            return;
        }
        let pipes: Vec<&(FactId, Fact)> = facts
            .iter()
            .filter(|(_, fact)| fact.is(SECURITY, 5145) && is_remote_pipe(fact.text("RelativeTargetName")))
            .collect();
        let from: BTreeSet<&str> = pipes.iter().map(|(_, fact)| fact.text("IpAddress")).collect();
        if from.len() != 1 {
            return; // two other sides: which of them cannot be told
        }
        for (row, fact) in pipes {
            let Some(session) = session_key(fact) else { continue };
            let reason = format!(
                "{} started within seconds of the use of the pipe {} from {}",
                file_name(self.processes().image(id)),
                file_name(fact.text("RelativeTargetName")),
                fact.text("IpAddress")
            );
            let join = Join { class: EdgeClass::C2, reason, facts: vec![*row] };
            self.graph.join(&session, &Key::Process(id), || join);
        }
    }

    fn by_network_logon(&mut self, id: ProcessId, start: i64, facts: &[(FactId, Fact)], asked: &Asked) {
        let logons: Vec<&(FactId, Fact)> = facts.iter().filter(|(_, fact)| is_network_logon(fact)).collect();
        let from: BTreeSet<&str> = logons.iter().map(|(_, fact)| fact.text("IpAddress")).collect();
        let Some(address) = from.first().filter(|_| from.len() == 1).map(|one| (*one).to_owned()) else {
            return;
        };
        let Some(process) = self.processes().get(id) else { return };
        let host = process.host;
        let sources = self.connections(&address, host, asked.connections(start));
        let desktop = file_name(self.processes().parent_image(id)) == "explorer.exe";
        if desktop && sources.is_empty() {
            return; // people start programs on their desktop while others log on over the network
        }
        let own = Key::Process(id);
        for (row, fact) in logons {
            let Some(session) = session_key(fact) else { continue };
            let reason = format!(
                "{} started within seconds of the network logon of {} from {address}",
                file_name(self.processes().image(id)),
                fact.text("TargetUserName")
            );
            let join = Join { class: EdgeClass::C2, reason, facts: vec![*row] };
            self.graph.join(&session, &own, || join);
        }
        for (row, by) in sources {
            let fact = self.facts().get(row);
            let port = fact.map(|fact| fact.text("DestinationPort").to_owned()).unwrap_or_default();
            let reason = format!(
                "{} connected from {address} to port {port} of this host within seconds of the start of {}",
                file_name(self.processes().image(by)),
                file_name(self.processes().image(id))
            );
            let join = Join { class: EdgeClass::C2, reason, facts: vec![row] };
            self.graph.join(&Key::Process(by), &own, || join);
        }
    }

    /// Those connections that go from an address to a host, by processes that are somebody's act.
    fn connections(
        &mut self,
        address: &str,
        host: u32,
        near: impl Iterator<Item = FactId>,
    ) -> Vec<(FactId, ProcessId)> {
        let Some(own) = self.collector.addresses.own.get(&host).cloned() else { return Vec::new() };
        let mut found = Vec::new();
        for id in near {
            let Some(fact) = self.facts().get(id).cloned() else { continue };
            let fits = fact.host != host
                && self.hosts.contains(&fact.host)
                && fact.text("SourceIp") == address
                && own.contains(fact.text("DestinationIp"));
            if !fits {
                continue;
            }
            let by = self.collector.processes.find_or_add(actor_in(&fact));
            if let Some(by) = by.filter(|by| self.is_an_actor(*by)) {
                found.push((id, by));
            }
        }
        found.truncate(64);
        found
    }

    /// Addresses that members connected to and few others: who else did belongs to it.
    fn rare_addresses(&mut self) {
        self.rare = self.far_addresses();
        let users = &self.collector.addresses.users;
        let mut found: Vec<(ProcessId, ProcessId, String)> = Vec::new();
        for address in &self.rare {
            let all = users.get(address).cloned().unwrap_or_default();
            if !is_rare(&all, self.collector.processes) {
                continue;
            }
            let member = all.iter().find(|id| self.graph.is_member(&Key::Process(**id)));
            let Some(member) = member else { continue };
            for other in all.iter().filter(|other| *other != member && self.is_an_actor(**other)) {
                found.push((*member, *other, address.clone()));
            }
        }
        for (member, other, address) in found {
            let users = users_in_words(&self.collector.addresses.users, &address);
            let reason = format!("both connected to {address}, to which {users}");
            let facts = self.to_address(&address, &[member, other]);
            let join = Join { class: EdgeClass::C3, reason, facts };
            self.graph.join(&Key::Process(member), &Key::Process(other), || join);
        }
    }

    fn to_address(&self, address: &str, by: &[ProcessId]) -> Vec<FactId> {
        let fits = |fact: &Fact| {
            fact.text("DestinationIp") == address
                && self.processes().find(actor_in(fact)).is_some_and(|one| by.contains(&one))
        };
        self.facts().iter().filter(|(_, fact)| fits(fact)).map(|(id, _)| id).take(4).collect()
    }

    /// Addresses outside of the hosts that are here to which members connected, not by what an estate talks to by itself.
    fn far_addresses(&self) -> BTreeSet<String> {
        let mut far = BTreeSet::new();
        for (_, fact) in self.facts().iter().filter(|(_, fact)| fact.is(SYSMON, 3) || fact.is(SECURITY, 5156))
        {
            let address = fact.text("DestinationIp");
            let port = fact.number("DestinationPort").unwrap_or_default();
            if !is_an_address(address)
                || COMMON_PORTS.contains(&port)
                || self.collector.addresses.host_of(address).is_some()
            {
                continue;
            }
            let by = self.processes().find(actor_in(fact));
            if by.is_some_and(|by| self.graph.is_member(&Key::Process(by)) && self.is_an_actor(by)) {
                far.insert(address.to_owned());
            }
        }
        far
    }

    /// What the next reading is to keep.
    fn asks(&self) -> Wanted {
        let mut wanted = Wanted { scripts: self.wanted.scripts.clone(), ..Wanted::default() };
        wanted.addresses.clone_from(&self.rare);
        for (key, _) in self.graph.nodes.iter().filter(|(_, node)| node.member) {
            match key {
                Key::Process(id) => {
                    wanted.processes.insert(*id);
                    self.ask_of(*id, &mut wanted);
                }
                Key::Logon(host, logon) => _ = wanted.logons.insert((*host, *logon)),
                Key::Connection(host, address, port) => {
                    wanted.connections.insert((*host, address.clone(), *port));
                }
                Key::Service(..) | Key::Task(..) | Key::Door(_) | Key::Row(_) => {}
            }
        }
        for (_, host, start) in self.tops() {
            wanted.moments.entry(host).or_default().insert(moment(start));
        }
        wanted.logons.extend(self.rows_by_logon().into_keys());
        for (_, fact) in self.facts().iter().filter(|(_, fact)| is_network_logon(fact)) {
            if session_key(fact).is_some_and(|key| self.graph.is_member(&key)) {
                wanted.moments.entry(fact.host).or_default().insert(moment(fact.from));
            }
        }
        wanted.files.extend(self.written().into_keys());
        for command in &self.commanded {
            wanted.moments.entry(command.host).or_default().insert(command.moment());
        }
        wanted
    }

    fn ask_of(&self, id: ProcessId, wanted: &mut Wanted) {
        let Some(one) = self.processes().get(id) else { return };
        wanted.places.extend(one.created.iter().flatten());
        // The console that Windows starts beside it is a witness of it.
        for child in self.processes().children(id).iter().filter_map(|child| self.processes().get(*child)) {
            if programs::is_helper(self.processes().images.text(child.image)) {
                wanted.places.extend(child.created.iter().flatten());
            }
        }
        let image = self.processes().images.text(one.image);
        if programs::is_anybodys(image) {
            wanted.files.insert((one.host, image.to_lowercase()));
        }
    }
}

type Written = BTreeMap<(u32, String), (ProcessId, i64, FactId)>;

fn users_in_words(users: &BTreeMap<String, BTreeSet<ProcessId>>, address: &str) -> String {
    let count = users.get(address).map_or(0, BTreeSet::len);
    format!("{count} processes of all the logs here connected")
}

fn is_rare(users: &BTreeSet<ProcessId>, processes: &Processes) -> bool {
    let shared = |id: &ProcessId| {
        let image = processes.image(*id);
        programs::hub(image).is_some_and(|hub| !hub.reads && !hub.serves) || programs::is_agent(image)
    };
    users.len() <= RARE_USERS && !users.iter().any(shared)
}

/// What a service runs, in lower case.
pub(crate) fn service_path(fact: &Fact) -> String {
    let path = fact.text("ImagePath");
    let path = if path.is_empty() { fact.text("ServiceFileName") } else { path };
    path.to_lowercase()
}

/// Whether a service's command line begins with this program.
fn names_program(path: &str, name: &str) -> bool {
    let stem = name.strip_suffix(".exe").unwrap_or(name);
    let first = path.trim_start_matches('"').split([' ', '"']).next().unwrap_or_default();
    let first = file_name(first);
    first == name || first == stem || (first == "%comspec%" && name == "cmd.exe")
}

/// Ends of files that are run, loaded or read as a script.
const RUN: [&str; 20] = [
    ".exe", ".dll", ".sys", ".scr", ".com", ".cpl", ".ps1", ".psm1", ".bat", ".cmd", ".vbs", ".vbe", ".js",
    ".jse", ".wsf", ".hta", ".sct", ".msi", ".xsl", ".inf",
];

/// Whether a path ends as something that is run.
pub(crate) fn is_run(path: &str) -> bool {
    RUN.iter().any(|end| path.ends_with(end))
}
