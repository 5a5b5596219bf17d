//! Steps of what was joined: an act in words, with its time, technique and rows.
//!
//! In: members of one group. Out: for a process its start, what rules say of it by technique, where it connected and what it
//! wrote; for a logon, a service, a task and a door one step each. A sentence says what the rows show and no more: a script that
//! holds the name of a tool was loaded, which is not that the tool was used.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::door::{Door, DoorVerdict};

use super::closure::{Closure, is_run};
use super::collect::{FactId, SECURITY, SYSMON, actor_in, file_of, is_an_address};
use super::fact::Fact;
use super::graph::Key;
use super::processes::ProcessId;
use super::programs::{self, file_name};
use super::{Witness, judge};

/// Characters of a command line in a sentence.
const LINE_CHARS: usize = 200;
/// After so long it is done again.
const PAUSE: i64 = 600 * super::closure::SECOND;
/// Names in a sentence.
const NAMED: usize = 3;
/// Ports of names, of time and of the domain: every process asks them.
const ASKED_BY_ALL: [u64; 9] = [53, 67, 88, 123, 137, 138, 389, 3268, 5355];

/// A step before it has its number.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) key: Key,
    /// The act itself, to which its other steps hang.
    pub(crate) main: bool,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) digits: u8,
    pub(crate) tactic: String,
    pub(crate) technique: String,
    pub(crate) host: u32,
    pub(crate) account: String,
    pub(crate) text: String,
    pub(crate) class: &'static str,
    pub(crate) facts: Vec<FactId>,
    pub(crate) witnesses: BTreeSet<usize>,
    pub(crate) door: Option<String>,
}

/// What a step is made of.
struct Made<'a> {
    key: &'a Key,
    main: bool,
    technique: (String, String),
    host: u32,
    account: String,
    text: String,
}

/// What steps are told from.
pub(crate) struct Teller<'a, 'x, 'c, 'n> {
    pub(crate) closure: &'a Closure<'x, 'c, 'n>,
    pub(crate) doors: &'a [Door],
    /// Rows by the process that acts in them.
    by_process: BTreeMap<ProcessId, Vec<FactId>>,
}

impl<'a, 'x, 'c, 'n> Teller<'a, 'x, 'c, 'n> {
    pub(crate) fn new(closure: &'a Closure<'x, 'c, 'n>, doors: &'a [Door]) -> Self {
        let mut by_process: BTreeMap<ProcessId, Vec<FactId>> = BTreeMap::new();
        for (id, fact) in closure.collector.facts.iter() {
            let acts = matches!(
                (&*fact.dataset, fact.code),
                (SYSMON, Some(3 | 8 | 10 | 11 | 15)) | (SECURITY, Some(5156))
            );
            if acts && let Some(by) = closure.processes().find(actor_in(fact)) {
                by_process.entry(by).or_default().push(id);
            }
        }
        Self { closure, doors, by_process }
    }

    /// The steps of one act.
    pub(crate) fn steps(&self, key: &Key) -> Vec<Draft> {
        match key {
            Key::Process(id) => self.of_process(key, *id),
            Key::Door(at) => self.of_door(key, *at),
            _ => self.of_other(key).into_iter().collect(),
        }
    }

    fn fact(&self, id: FactId) -> Option<&Fact> {
        self.closure.collector.facts.get(id)
    }

    /// Addresses to which processes that are members connected, by whatever port.
    pub(crate) fn reached(&self) -> BTreeSet<String> {
        let members = self.by_process.iter().filter(|(id, _)| {
            self.closure.graph.is_member(&Key::Process(**id)) && self.closure.is_an_actor(**id)
        });
        let rows = members.flat_map(|(_, rows)| rows).filter_map(|row| self.fact(*row));
        rows.filter(|fact| is_outward(fact)).map(|fact| fact.text("DestinationIp").to_owned()).collect()
    }

    fn witness_fact(&self, witness: &Witness) -> Option<(FactId, &Fact)> {
        let id = self.closure.collector.facts.at(&witness.place)?;
        Some((id, self.fact(id)?))
    }

    fn witnesses(&self, key: &Key) -> Vec<(usize, &Witness)> {
        let node = self.closure.graph.nodes.get(key);
        let all = node.into_iter().flat_map(|node| &node.witnesses);
        all.filter_map(|at| Some((*at, self.closure.witnesses.get(*at)?))).collect()
    }

    fn draft(
        &self,
        made: Made<'_>,
        facts: impl IntoIterator<Item = FactId>,
        witnesses: BTreeSet<usize>,
    ) -> Option<Draft> {
        let mut facts: Vec<FactId> = facts.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        facts.sort_by_key(|id| (self.fact(*id).map(|fact| (fact.from, fact.place)), *id));
        let first = self.fact(*facts.first()?)?;
        let (tactic, technique) = made.technique;
        Some(Draft {
            key: made.key.clone(),
            main: made.main,
            from: first.from,
            to: facts.iter().filter_map(|id| self.fact(*id)).map(|fact| fact.to).max()?,
            digits: first.digits,
            tactic,
            technique,
            host: made.host,
            account: made.account,
            text: made.text,
            class: "S",
            facts,
            witnesses,
            door: None,
        })
    }

    fn of_process(&self, key: &Key, id: ProcessId) -> Vec<Draft> {
        let Some(process) = self.closure.processes().get(id) else { return Vec::new() };
        let created = self.creation(id);
        let account = self.account(id, &created);
        let beside = self.with_helpers(id, created.clone());
        let (start, mut rest): (Vec<_>, Vec<_>) = self
            .witnesses(key)
            .into_iter()
            .partition(|(_, one)| self.witness_fact(one).is_some_and(|(row, _)| beside.contains(&row)));
        let mut steps = Vec::new();
        let host = process.host;
        // A hub that somebody used is not his: what rules say of it is told, not what it does for everybody.
        let his = self.closure.is_an_actor(id);
        if process.start.is_some() && his {
            let technique = technique(start.iter().map(|(_, one)| *one)).unwrap_or_else(|| self.of_start(id));
            let text = self.start_in_words(id, &created);
            let made = Made { key, main: true, technique, host, account: account.clone(), text };
            steps.extend(self.draft(made, beside, numbers(&start)));
        }
        // What is told of where it connected stands with the connections.
        let (network, others): (Vec<_>, Vec<_>) = rest.drain(..).partition(|(_, one)| is_connection(one));
        steps.extend(self.by_technique(key, id, &account, others));
        if his {
            steps.extend(self.connections(key, id, &account, &network));
            steps.extend(self.writings(key, id, &account));
        }
        if let Some(first) = steps.iter_mut().min_by_key(|step| (!step.main, step.from)) {
            first.main = true; // a process whose start is not in the logs is known by what it did first
        }
        steps
    }

    /// Rows of a process's creation.
    fn creation(&self, id: ProcessId) -> BTreeSet<FactId> {
        let Some(process) = self.closure.processes().get(id) else { return BTreeSet::new() };
        process.created.iter().flatten().filter_map(|place| self.closure.collector.facts.at(place)).collect()
    }

    /// The console that Windows starts beside a program is a witness of its start.
    fn with_helpers(&self, id: ProcessId, mut rows: BTreeSet<FactId>) -> BTreeSet<FactId> {
        for child in self.closure.processes().children(id) {
            if programs::is_helper(self.closure.processes().image(*child)) {
                rows.extend(self.creation(*child));
            }
        }
        rows
    }

    fn account(&self, id: ProcessId, created: &BTreeSet<FactId>) -> String {
        let rows = created.iter().copied().chain(self.by_process.get(&id).into_iter().flatten().copied());
        rows.filter_map(|row| self.fact(row))
            .map(account_of)
            .find(|account| !account.is_empty())
            .unwrap_or_default()
    }

    fn of_start(&self, id: ProcessId) -> (String, String) {
        let image = self.closure.processes().image(id);
        let parent = self.closure.processes().parent_image(id);
        let found = programs::technique_of(image);
        let (tactic, technique) = match found {
            Some(found) => found,
            None if file_name(parent) == "explorer.exe" || programs::is_anybodys(image) => {
                ("execution", "T1204.002")
            }
            None => ("execution", "T1059"),
        };
        (tactic.to_owned(), technique.to_owned())
    }

    fn start_in_words(&self, id: ProcessId, created: &BTreeSet<FactId>) -> String {
        let (image, parent) = (self.closure.processes().image(id), self.closure.processes().parent_image(id));
        let line = created.iter().filter_map(|row| self.fact(*row)).map(|fact| fact.text("CommandLine"));
        let line = line.max_by_key(|line| line.len()).unwrap_or_default();
        let by = match programs::hub(parent) {
            _ if parent.is_empty() => String::new(),
            // Who stands behind it is not told by a parent that does so for everybody.
            Some(hub) => format!(" by {} ({})", file_name(parent), hub.because),
            None => format!(" by {}", file_name(parent)),
        };
        let line = if line.is_empty() { image.to_owned() } else { cut(line) };
        format!("{} was started{by}: {line}", file_name(image))
    }

    /// What rules say of a process, a step a technique.
    fn by_technique(
        &self,
        key: &Key,
        id: ProcessId,
        account: &str,
        told: Vec<(usize, &Witness)>,
    ) -> Vec<Draft> {
        let mut groups: BTreeMap<String, Vec<(usize, &Witness)>> = BTreeMap::new();
        for (at, witness) in told {
            groups.entry(technique_of(witness)).or_default().push((at, witness));
        }
        let groups = groups.into_iter().flat_map(|(technique, group)| {
            self.bursts(group).into_iter().map(move |burst| (technique.clone(), burst))
        });
        let Some(process) = self.closure.processes().get(id) else { return Vec::new() };
        let name = file_name(self.closure.processes().image(id));
        let step = |(technique, group): (String, Vec<(usize, &Witness)>)| {
            let rows: BTreeSet<FactId> =
                group.iter().filter_map(|(_, one)| self.witness_fact(one)).map(|(row, _)| row).collect();
            let more = if technique.starts_with("T1003") { self.accesses(id, &rows) } else { Vec::new() };
            let made = Made {
                key,
                main: false,
                technique: (programs::tactic_of(&technique).to_owned(), technique),
                host: process.host,
                account: account.to_owned(),
                text: format!("{name}: {}", self.told_in_words(&group)),
            };
            self.draft(made, rows.into_iter().chain(more), numbers(&group))
        };
        groups.filter_map(step).collect()
    }

    /// What one technique was told of, where it was told again after a pause.
    fn bursts<'w>(&self, mut group: Vec<(usize, &'w Witness)>) -> Vec<Vec<(usize, &'w Witness)>> {
        let at = |one: &Witness| self.witness_fact(one).map(|(_, fact)| fact.from);
        group.sort_by_key(|(number, one)| (at(one), *number));
        let mut bursts: Vec<Vec<(usize, &Witness)>> = Vec::new();
        let mut last = None;
        for (number, one) in group {
            let now = at(one);
            let goes_on =
                last.zip(now).is_some_and(|(last, now): (i64, i64)| now.saturating_sub(last) <= PAUSE);
            match bursts.last_mut().filter(|_| goes_on) {
                Some(burst) => burst.push((number, one)),
                None => bursts.push(vec![(number, one)]),
            }
            last = now;
        }
        bursts
    }

    /// Where a process opened the one that holds the passwords.
    fn accesses(&self, id: ProcessId, told: &BTreeSet<FactId>) -> Vec<FactId> {
        let times: Vec<i64> = told.iter().filter_map(|row| self.fact(*row)).map(|fact| fact.from).collect();
        let near = |fact: &Fact| times.iter().any(|time| (fact.from - time).abs() <= PAUSE);
        let rows = self.by_process.get(&id).into_iter().flatten().copied();
        rows.filter(|row| self.fact(*row).is_some_and(|fact| fact.is(SYSMON, 10) && near(fact)))
            .take(20)
            .collect()
    }

    /// What the gravest rules say, and what the row of the first names.
    fn told_in_words(&self, group: &[(usize, &Witness)]) -> String {
        let mut all: Vec<&Witness> = group.iter().map(|(_, one)| *one).collect();
        all.sort_by_key(|one| (std::cmp::Reverse(one.rule.level), one.place));
        let mut titles: Vec<&str> = Vec::new();
        for one in &all {
            if !titles.contains(&one.rule.title.as_str()) && titles.len() < NAMED {
                titles.push(&one.rule.title);
            }
        }
        let titles = titles.join("; ");
        let fact = all.first().and_then(|one| self.witness_fact(one)).map(|(_, fact)| fact);
        let Some(fact) = fact else { return titles };
        if is_script(fact) {
            return format!(
                "a script or command of PowerShell in it met: {titles}. That it was loaded does not say that all of it ran"
            );
        }
        let about = ["TargetImage", "TargetFilename", "RelativeTargetName"];
        let about = about.iter().map(|name| fact.text(name)).find(|text| !text.is_empty());
        about.map_or_else(|| titles.clone(), |about| format!("{titles} ({})", cut(about)))
    }

    fn connections(&self, key: &Key, id: ProcessId, account: &str, told: &[(usize, &Witness)]) -> Vec<Draft> {
        let Some(process) = self.closure.processes().get(id) else { return Vec::new() };
        let mut by_address: BTreeMap<&str, Vec<FactId>> = BTreeMap::new();
        for row in self.by_process.get(&id).into_iter().flatten() {
            let Some(fact) = self.fact(*row).filter(|fact| is_outward(fact)) else { continue };
            let port = fact.number("DestinationPort").unwrap_or_default();
            if is_an_address(fact.text("DestinationIp")) && !ASKED_BY_ALL.contains(&port) {
                by_address.entry(fact.text("DestinationIp")).or_default().push(*row);
            }
        }
        let name = file_name(self.closure.processes().image(id));
        let step = |(address, rows): (&str, Vec<FactId>)| {
            let inside = self.closure.collector.addresses.host_of(address).is_some();
            let ports: BTreeSet<u64> =
                rows.iter().filter_map(|row| self.fact(*row)?.number("DestinationPort")).collect();
            let ports: Vec<String> = ports.iter().take(NAMED).map(u64::to_string).collect();
            let kind =
                if inside { ("lateral-movement", "T1021") } else { ("command-and-control", "T1071.001") };
            let here = told
                .iter()
                .filter(|(_, one)| self.witness_fact(one).is_some_and(|(row, _)| rows.contains(&row)));
            let made = Made {
                key,
                main: false,
                technique: (kind.0.to_owned(), kind.1.to_owned()),
                host: process.host,
                account: account.to_owned(),
                text: format!("{name} connected to {address}, port {}", ports.join(", ")),
            };
            self.draft(made, rows.iter().copied(), here.map(|(at, _)| *at).collect())
        };
        by_address.into_iter().filter_map(step).collect()
    }

    /// Programs, scripts and dumps that a process wrote.
    fn writings(&self, key: &Key, id: ProcessId, account: &str) -> Option<Draft> {
        let process = self.closure.processes().get(id)?;
        let known: BTreeSet<FactId> = self
            .witnesses(key)
            .iter()
            .filter_map(|(_, one)| self.witness_fact(one))
            .map(|(row, _)| row)
            .collect();
        let wrote = |row: &&FactId| {
            self.fact(**row).is_some_and(|fact| {
                let path = file_of(fact.text("TargetFilename"));
                fact.is(SYSMON, 11) && (is_run(&path) || is_kept(&path)) && !is_byproduct(&path)
            })
        };
        let rows: Vec<FactId> = self.by_process.get(&id)?.iter().filter(wrote).copied().collect();
        if rows.is_empty() || rows.iter().all(|row| known.contains(row)) {
            return None;
        }
        let paths: BTreeSet<&str> =
            rows.iter().filter_map(|row| Some(self.fact(*row)?.text("TargetFilename"))).collect();
        let named: Vec<String> = paths.iter().take(NAMED).map(|path| cut(path)).collect();
        let more =
            if paths.len() > NAMED { format!(" and {} more", paths.len() - NAMED) } else { String::new() };
        let name = file_name(self.closure.processes().image(id));
        let made = Made {
            key,
            main: false,
            technique: ("command-and-control".to_owned(), "T1105".to_owned()),
            host: process.host,
            account: account.to_owned(),
            text: format!("{name} wrote {}{more}", named.join(", ")),
        };
        self.draft(made, rows, BTreeSet::new())
    }

    /// How the program of a process came: who wrote it, and from where where that is a browser or a mail program.
    pub(crate) fn origin(&self, id: ProcessId) -> Option<Draft> {
        let process = self.closure.processes().get(id)?;
        let image = self.closure.processes().images.text(process.image).to_lowercase();
        let start = process.start?;
        let writes = |fact: &Fact| {
            (fact.is(SYSMON, 11) || fact.is(SYSMON, 15))
                && fact.host == process.host
                && file_of(fact.text("TargetFilename")) == image
                && fact.from <= start
        };
        let mut rows: Vec<FactId> = Vec::new();
        let mut by = None;
        for (row, fact) in self.closure.collector.facts.iter().filter(|(_, fact)| writes(fact)) {
            let writer = self.closure.processes().find(actor_in(fact)).filter(|writer| *writer != id);
            if let Some(writer) =
                writer.filter(|writer| !self.closure.graph.is_member(&Key::Process(*writer)))
            {
                by.get_or_insert(writer);
                rows.push(row);
            }
        }
        let by = by?;
        let writer = self.closure.processes().image(by);
        let from = self.downloads(process.host, writer, &rows);
        let addresses: BTreeSet<&str> =
            from.iter().filter_map(|row| Some(self.fact(*row)?.text("DestinationIp"))).collect();
        let where_from = if addresses.is_empty() {
            String::new()
        } else {
            format!(", after it connected to {}", addresses.into_iter().collect::<Vec<_>>().join(", "))
        };
        let account =
            rows.iter().filter_map(|row| self.fact(*row)).map(account_of).find(|one| !one.is_empty());
        let reads = programs::hub(writer).is_some_and(|hub| hub.reads);
        let made = Made {
            key: &Key::Process(id),
            main: false,
            technique: if reads {
                ("initial-access".to_owned(), "T1204.002".to_owned())
            } else {
                ("command-and-control".to_owned(), "T1105".to_owned())
            },
            host: process.host,
            account: account.unwrap_or_default(),
            text: format!("{} wrote {}{where_from}", file_name(writer), cut(&image)),
        };
        self.draft(made, rows.into_iter().chain(from), BTreeSet::new())
    }

    /// Connections of the program that wrote a file, to an address that the intruder's own processes used, shortly before it did.
    fn downloads(&self, host: u32, writer: &str, wrote: &[FactId]) -> Vec<FactId> {
        const BEFORE: i64 = 120 * super::closure::SECOND;
        let Some(at) = wrote.iter().filter_map(|row| self.fact(*row)).map(|fact| fact.from).min() else {
            return Vec::new();
        };
        let name = file_name(writer);
        let fits = |fact: &Fact| {
            is_outward(fact)
                && fact.host == host
                && self.closure.rare.contains(fact.text("DestinationIp"))
                && file_name(fact.text("Image")) == name
                && (at.saturating_sub(BEFORE)..=at.saturating_add(super::closure::SECOND))
                    .contains(&fact.from)
        };
        self.closure
            .collector
            .facts
            .iter()
            .filter(|(_, fact)| fits(fact))
            .map(|(row, _)| row)
            .take(40)
            .collect()
    }

    fn of_other(&self, key: &Key) -> Option<Draft> {
        let told = self.witnesses(key);
        let node = self.closure.graph.nodes.get(key)?;
        let rows: BTreeSet<FactId> = told
            .iter()
            .filter_map(|(_, one)| self.witness_fact(one))
            .map(|(row, _)| row)
            .chain(node.facts.iter().copied())
            .collect();
        let first = self.fact(*rows.first()?)?;
        let facts: Vec<&Fact> = rows.iter().filter_map(|row| self.fact(*row)).collect();
        let found = technique(told.iter().map(|(_, one)| *one));
        let of = |tactic: &str, technique: &str| (tactic.to_owned(), technique.to_owned());
        let (fallback, text) = match key {
            Key::Logon(..) => {
                let shares = facts.iter().any(|fact| matches!(fact.code, Some(5140 | 5145)));
                let network = facts.iter().any(|fact| matches!(fact.text("LogonType"), "3" | "10"));
                let kind = match (shares, network) {
                    (true, _) => of("lateral-movement", "T1021.002"),
                    (false, true) => of("lateral-movement", "T1021"),
                    (false, false) => of("initial-access", "T1078"),
                };
                (kind, session_in_words(&facts))
            }
            Key::Connection(_, address, port) => {
                (of("lateral-movement", "T1021.002"), connection_in_words(&facts, address, *port))
            }
            Key::Service(..) => (of("persistence", "T1543.003"), service_in_words(first)),
            Key::Task(..) => {
                (of("persistence", "T1053.005"), format!("a task: {}", cut(first.text("TaskName"))))
            }
            _ => (of("execution", "T1059"), String::new()),
        };
        let text = match (text.is_empty(), told.is_empty()) {
            (true, _) => self.told_in_words(&told),
            (false, true) => text,
            (false, false) => format!("{text} ({})", self.told_in_words(&told)),
        };
        let account =
            facts.iter().map(|fact| account_of(fact)).find(|account| !account.is_empty()).unwrap_or_default();
        let technique = match key {
            Key::Row(_) if is_script(first) => of("execution", "T1059.001"),
            // A rule may say what a session was for; that it was one from another host is sure.
            Key::Logon(..) | Key::Connection(..) => fallback,
            _ => found.unwrap_or(fallback),
        };
        let made = Made { key, main: true, technique, host: first.host, account, text };
        self.draft(made, rows, numbers(&told))
    }

    /// What opened a door and what used it.
    fn of_door(&self, key: &Key, at: usize) -> Vec<Draft> {
        let Some(door) = self.doors.get(at) else { return Vec::new() };
        let rows: Vec<(FactId, &Fact)> = door
            .rows
            .iter()
            .filter_map(|row| self.closure.collector.facts.at(&judge::place_of(row)))
            .filter_map(|id| Some((id, self.fact(id)?)))
            .collect();
        // The door's own times are of the header's clock; rows by theirs.
        let used = |fact: &Fact| door.first_used.zip(fact.recorded).is_some_and(|(used, at)| at >= used);
        let (using, opening): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, fact)| used(fact));
        let cve = if door.cve.is_empty() { String::new() } else { format!(" ({})", door.cve.join(", ")) };
        let account = door.accounts.first().cloned().unwrap_or_default();
        let from = match door.sources.as_slice() {
            [] => String::new(),
            [one] => format!(" from {one}"),
            [one, rest @ ..] => format!(" from {one} and {} more addresses", rest.len()),
        };
        let (opened_by, used_by) = door_techniques(&door.kind);
        let verdict = if door.verdict == DoorVerdict::Used { "used" } else { "succeeded" };
        let parts = [
            (
                opening,
                opened_by,
                format!("{}: {} at {}{cve}, {verdict}{from}", door.id, door.kind, cut(&door.place)),
            ),
            (using, used_by, format!("{}: {} at {} was used{from}", door.id, door.kind, cut(&door.place))),
        ];
        let mut steps = Vec::new();
        for (rows, (tactic, technique), text) in parts {
            let Some((_, first)) = rows.first() else { continue };
            let made = Made {
                key,
                main: steps.is_empty(),
                technique: (tactic.to_owned(), technique.to_owned()),
                host: first.host,
                account: account.clone(),
                text,
            };
            let told: BTreeSet<usize> =
                self.closure.graph.nodes.get(key).map(|node| node.witnesses.clone()).unwrap_or_default();
            if let Some(mut step) = self.draft(made, rows.iter().map(|(id, _)| *id), told) {
                step.door = Some(door.id.clone());
                steps.push(step);
            }
        }
        steps
    }
}

/// Tactic and technique of what opens a kind of door, and of what uses it.
fn door_techniques(kind: &str) -> ((&'static str, &'static str), (&'static str, &'static str)) {
    match kind {
        "webshell" => (("persistence", "T1505.003"), ("persistence", "T1505.003")),
        "iis-module" => (("persistence", "T1505.004"), ("persistence", "T1505.004")),
        "oab-external-url" => (("initial-access", "T1190"), ("persistence", "T1505.003")),
        "account" => (("persistence", "T1098"), ("initial-access", "T1078")),
        "remote-access" => (("initial-access", "T1133"), ("initial-access", "T1133")),
        _ => (("initial-access", "T1190"), ("initial-access", "T1190")),
    }
}

/// A rule's technique; what a script holds is a script.
fn technique_of(witness: &Witness) -> String {
    if witness.dataset.starts_with("windows.powershell") {
        return "T1059.001".to_owned();
    }
    let of_kind = match witness.code {
        Some(11 | 15 | 29) => "T1105",
        Some(12..=14) => "T1112",
        _ => "T1059",
    };
    witness.rule.attack.first().cloned().unwrap_or_else(|| of_kind.to_owned())
}

/// Tactic and technique that the gravest rule gives.
fn technique<'w>(told: impl Iterator<Item = &'w Witness>) -> Option<(String, String)> {
    let best = told
        .filter(|one| !one.rule.attack.is_empty())
        .max_by_key(|one| (one.rule.level, std::cmp::Reverse(one.place)))?;
    let technique = technique_of(best);
    Some((programs::tactic_of(&technique).to_owned(), technique))
}

fn numbers(told: &[(usize, &Witness)]) -> BTreeSet<usize> {
    told.iter().map(|(at, _)| *at).collect()
}

fn is_connection(witness: &Witness) -> bool {
    matches!((&*witness.dataset, witness.code), (SYSMON, Some(3)) | (SECURITY, Some(5156)))
}

fn is_script(fact: &Fact) -> bool {
    fact.dataset.starts_with("windows.powershell")
}

fn is_outward(fact: &Fact) -> bool {
    (fact.is(SYSMON, 3) && fact.text("Initiated") != "false")
        || (fact.is(SECURITY, 5156) && fact.text("Direction") == "%%14593")
}

/// Ends of files that are worth telling besides what is run: pages, dumps, archives.
const KEPT: [&str; 14] = [
    ".aspx", ".ashx", ".asmx", ".asp", ".jsp", ".php", ".dmp", ".kirbi", ".zip", ".7z", ".rar", ".cab",
    ".lnk", ".hiv",
];

fn is_kept(path: &str) -> bool {
    KEPT.iter().any(|end| path.ends_with(end))
}

/// What PowerShell, .NET and Windows write by themselves as a program runs.
fn is_byproduct(path: &str) -> bool {
    const PARTS: [&str; 7] = [
        "__psscriptpolicytest",
        "startupprofiledata",
        "\\assembly\\nativeimages",
        "\\windows\\prefetch\\",
        "\\microsoft\\windows\\recent\\",
        "\\appdata\\local\\microsoft\\clr_",
        "modulanalysiscache",
    ];
    PARTS.iter().any(|part| path.contains(part))
}

/// The account that a row says acted.
pub(crate) fn account_of(fact: &Fact) -> String {
    let pair = |domain: &str, name: &str| {
        let (domain, name) = (fact.text(domain), fact.text(name));
        if name.is_empty() || domain.is_empty() { name.to_owned() } else { format!("{domain}\\{name}") }
    };
    let user = fact.text("User");
    if !user.is_empty() {
        return user.to_owned();
    }
    let logs_on = matches!(fact.code, Some(4624 | 4964 | 4688));
    let target = if logs_on { pair("TargetDomainName", "TargetUserName") } else { String::new() };
    if target.is_empty() { pair("SubjectDomainName", "SubjectUserName") } else { target }
}

fn session_in_words(facts: &[&Fact]) -> String {
    let logon = facts.iter().find(|fact| fact.code == Some(4624));
    let mut text = if let Some(fact) = logon {
        let package = fact.text("AuthenticationPackageName");
        let workstation = fact.text("WorkstationName");
        let from = fact.text("IpAddress");
        let from = if from.is_empty() { String::new() } else { format!(" from {from}") };
        let named = if workstation.is_empty() {
            String::new()
        } else {
            format!(", workstation {}", cut(workstation))
        };
        format!("logon of {} of type {}{from} ({package}{named})", account_of(fact), fact.text("LogonType"))
    } else {
        let account =
            facts.iter().map(|fact| account_of(fact)).find(|one| !one.is_empty()).unwrap_or_default();
        format!("a logon of {account} whose beginning is not in the logs")
    };
    text.push_str(&shares_in_words(facts));
    text
}

fn connection_in_words(facts: &[&Fact], address: &str, port: u64) -> String {
    let account = facts.iter().map(|fact| account_of(fact)).find(|one| !one.is_empty()).unwrap_or_default();
    let shares = shares_in_words(facts);
    format!("the connection from {address} port {port} acts as {account}{shares}")
}

fn shares_in_words(facts: &[&Fact]) -> String {
    let mut named: Vec<String> = Vec::new();
    for fact in facts.iter().filter(|fact| matches!(fact.code, Some(5140 | 5145))) {
        let share = fact.text("ShareName").trim_start_matches("\\\\*\\");
        let file = fact.text("RelativeTargetName");
        let one = if file.is_empty() { cut(share) } else { format!("{}\\{}", cut(share), cut(file)) };
        if !one.is_empty() && !named.contains(&one) {
            named.push(one);
        }
    }
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    match (named.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; reached {}", named.join(", ")),
        (false, more) => format!("; reached {} and {more} more", named.join(", ")),
    }
}

fn service_in_words(fact: &Fact) -> String {
    let path = fact.text("ImagePath");
    let path = if path.is_empty() { fact.text("ServiceFileName") } else { path };
    format!("the service `{}` was made, which runs {}", cut(fact.text("ServiceName")), cut(path))
}

/// A text for a sentence.
pub(crate) fn cut(text: &str) -> String {
    if text.chars().count() <= LINE_CHARS {
        return text.trim().to_owned();
    }
    let begin: String = text.chars().take(LINE_CHARS).collect();
    format!("{}…", begin.trim())
}
