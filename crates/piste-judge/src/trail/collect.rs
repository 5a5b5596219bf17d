//! The rows that an intrusion may be made of.
//!
//! In: the lake and what is wanted of it: rows by their place, what some processes did, logons, connections, files, addresses, and
//! what happened close to some moments. Out: those rows, and which addresses are a host's own. Each pass reads few columns of
//! every row and all columns of the few rows that are wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use piste_lake::scan::Table;
use piste_lake::{Lake, LakeError, LakeFile};
use piste_model::{guard, schema};

use super::clock::Shifts;
use super::fact::{Batch, Fact, Place, Row, guid, is_read};
use super::names::HostNames;
use super::processes::{Named, ProcessId, Processes, pid};

pub(crate) const SYSMON: &str = "windows.sysmon";
pub(crate) const SECURITY: &str = "windows.security";
/// Rows that are kept: beyond that the join stops, and says so.
const FACTS_MAX: usize = 400_000;
/// Rows that one process, logon, connection, file or address may add.
const FACTS_EACH: u32 = 3_000;
/// Addresses of its own that a host is known by.
const OWN_MAX: usize = 64;
/// Command lines are looked through for so many files.
const FILES_MAX: usize = 64;
/// Texts that can be long: they are read of the rows that are kept.
const LONG: [&str; 2] = ["ScriptBlockText", "ContextInfo"];

/// Number of a kept row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FactId(u32);

impl FactId {
    pub(crate) const FIRST: Self = Self(0);
    pub(crate) const LAST: Self = Self(u32::MAX);
}

/// The rows that are kept.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    all: Vec<Fact>,
    by_place: HashMap<Place, FactId>,
    /// More were wanted than are kept.
    pub(crate) full: bool,
}

impl Facts {
    pub(crate) fn get(&self, id: FactId) -> Option<&Fact> {
        usize::try_from(id.0).ok().and_then(|at| self.all.get(at))
    }

    pub(crate) fn at(&self, place: &Place) -> Option<FactId> {
        self.by_place.get(place).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FactId, &Fact)> {
        self.all.iter().enumerate().map(|(at, fact)| (FactId(u32::try_from(at).unwrap_or(u32::MAX)), fact))
    }

    pub(crate) fn add(&mut self, fact: Fact) {
        if self.all.len() >= FACTS_MAX {
            self.full = true;
            return;
        }
        let id = FactId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.by_place.insert(fact.place, id);
        self.all.push(fact);
    }
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Single rows.
    pub(crate) places: BTreeSet<Place>,
    /// What these processes did.
    pub(crate) processes: BTreeSet<ProcessId>,
    /// Logons, by host and number.
    pub(crate) logons: BTreeSet<(u32, u64)>,
    /// Connections of SMB, by host, address and port of the other side.
    pub(crate) connections: BTreeSet<(u32, String, u64)>,
    /// Files by host and path in lower case: who wrote them, and which command lines name them.
    pub(crate) files: BTreeSet<(u32, String)>,
    /// Addresses: who connected to them.
    pub(crate) addresses: BTreeSet<String>,
    /// By host: moments around which logons, services and remote commands are wanted.
    pub(crate) moments: BTreeMap<u32, BTreeSet<(i64, i64)>>,
    /// By host: moments around which is wanted which program ran a script.
    pub(crate) scripts: BTreeMap<u32, BTreeSet<(i64, i64)>>,
}

impl Wanted {
    fn is_moment(moments: &BTreeMap<u32, BTreeSet<(i64, i64)>>, host: u32, (from, to): (i64, i64)) -> bool {
        moments.get(&host).is_some_and(|spans| {
            spans.range(..=(to, i64::MAX)).rev().take(NEAR_MAX).any(|(_, end)| *end >= from)
        })
    }
}

/// Spans of a host that may overlap a moment, looked at backwards: they are of about one length.
const NEAR_MAX: usize = 32;

/// What a pass learns besides.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    /// Addresses from which a host itself connected.
    pub(crate) own: BTreeMap<u32, BTreeSet<String>>,
    /// By wanted address: the programs, by host and process, that connected to it.
    pub(crate) users: BTreeMap<String, BTreeSet<ProcessId>>,
}

impl Addresses {
    /// The host that an address is one of.
    pub(crate) fn host_of(&self, address: &str) -> Option<u32> {
        self.own.iter().find(|(_, own)| own.contains(address)).map(|(host, _)| *host)
    }
}

/// What is read with.
pub(crate) struct Collector<'a, 'n> {
    pub(crate) lake: &'a Lake,
    pub(crate) shifts: &'a Shifts,
    pub(crate) hosts: &'a mut HostNames<'n>,
    pub(crate) processes: &'a mut Processes,
    pub(crate) facts: &'a mut Facts,
    pub(crate) addresses: &'a mut Addresses,
}

fn dataset_of(file: &LakeFile) -> Rc<str> {
    let folder = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
    folder.to_string_lossy().into()
}

impl Collector<'_, '_> {
    /// Takes in the processes of these hosts.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read.
    pub(crate) fn processes_of(&mut self, wanted: &BTreeSet<u32>) -> Result<(), LakeError> {
        self.created(SYSMON, 1, wanted)?;
        self.processes.file_unnumbered();
        self.created(SECURITY, 4688, wanted)?;
        self.processes.link();
        Ok(())
    }

    fn created(&mut self, dataset: &str, code: i32, wanted: &BTreeSet<u32>) -> Result<(), LakeError> {
        let narrow = |name: &str| is_read(name) && !LONG.contains(&name);
        for file in self.lake.files(&|one| one == dataset)? {
            let table = Table::open(&file)?;
            for group in 0..table.groups() {
                guard::check();
                table.read(group, &narrow, None, &mut |batch| {
                    let batch = Batch::new(batch);
                    for row in batch.rows().filter(|row| row.code() == Some(code)) {
                        self.add_process(&row, dataset, wanted);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn add_process(&mut self, row: &Row<'_, '_>, dataset: &str, wanted: &BTreeSet<u32>) {
        let host = self.hosts.number(row.text(schema::HOST));
        if !wanted.contains(&host) {
            return;
        }
        let Some(when) = self.shifts.when(self.hosts.name(host), dataset, row) else { return };
        if dataset == SYSMON {
            self.processes.add_sysmon(row, host, when);
        } else {
            self.processes.add_security(row, host, when);
        }
    }

    /// Keeps the rows that are wanted, of the datasets that `of` accepts.
    ///
    /// # Errors
    /// As for [`Self::processes_of`].
    pub(crate) fn keep(&mut self, wanted: &Wanted, of: &dyn Fn(&str) -> bool) -> Result<(), LakeError> {
        let mut asking = Asking::new(wanted, self.addresses);
        let narrow = |name: &str| {
            is_read(name) && !LONG.contains(&name) && (name != "CommandLine" || !wanted.files.is_empty())
        };
        for file in self.lake.files(of)? {
            let (dataset, table) = (dataset_of(&file), Table::open(&file)?);
            for group in 0..table.groups() {
                guard::check();
                let (mut found, mut start) = (Vec::new(), 0);
                table.read(group, &narrow, None, &mut |batch| {
                    let batch = Batch::new(batch);
                    for (at, row) in batch.rows().enumerate() {
                        if self.is_wanted(&row, &dataset, &mut asking) {
                            found.push(start + at);
                        }
                    }
                    start += batch.count();
                    Ok(())
                })?;
                self.take(&table, group, &found, &dataset)?;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        table: &Table,
        group: usize,
        rows: &[usize],
        dataset: &Rc<str>,
    ) -> Result<(), LakeError> {
        if rows.is_empty() {
            return Ok(());
        }
        table.read(group, &is_read, Some(rows), &mut |batch| {
            for row in Batch::new(batch).rows() {
                let host = self.hosts.number(row.text(schema::HOST));
                let when = self.shifts.when(self.hosts.name(host), dataset, &row);
                // A row without a time is no step: it cannot be put in order.
                if let Some(when) = when {
                    self.facts.add(row.keep(dataset, host, when));
                }
            }
            Ok(())
        })
    }

    fn is_wanted(&mut self, row: &Row<'_, '_>, dataset: &str, asking: &mut Asking<'_>) -> bool {
        let place = asking.has_places().then(|| row.place());
        if let Some(place) = place
            && asking.wanted.places.contains(&place)
        {
            return self.facts.at(&place).is_none();
        }
        if !asking.looks_at(dataset, row.code()) {
            return false;
        }
        let host = self.hosts.number(row.text(schema::HOST));
        let Some(when) = self.shifts.when(self.hosts.name(host), dataset, row) else { return false };
        let seen = Seen { host, when, code: row.code().unwrap_or_default() };
        let wanted = match dataset {
            SYSMON => self.of_sysmon(row, seen, asking),
            SECURITY => self.of_security(row, seen, asking),
            "windows.system" | "windows.taskscheduler" => asking.is_known(host),
            "windows.powershell" | "windows.powershell-classic" => {
                Wanted::is_moment(&asking.wanted.scripts, host, when)
                    && asking.may_add(&Budget::Scripts(host))
            }
            _ => false,
        };
        wanted && self.facts.at(&row.place()).is_none()
    }

    fn of_sysmon(&mut self, row: &Row<'_, '_>, seen: Seen, asking: &mut Asking<'_>) -> bool {
        if seen.code == 1 {
            return asking.names_a_file(row, seen.host);
        }
        let outward = seen.code == 3 && row.text("Initiated") != "false";
        if outward && self.of_connection(row, seen, asking) {
            return true;
        }
        if seen.code == 10 && super::programs::file_name(row.text("TargetImage")) != "lsass.exe" {
            return false;
        }
        if matches!(seen.code, 11 | 15) && asking.is_file(seen.host, row.text("TargetFilename")) {
            return true;
        }
        let by = self.processes.find(actor_of(row, seen.host, seen.when.0));
        by.is_some_and(|by| {
            asking.wanted.processes.contains(&by) && asking.may_add(&Budget::Process(by, seen.code))
        })
    }

    fn of_security(&mut self, row: &Row<'_, '_>, seen: Seen, asking: &mut Asking<'_>) -> bool {
        match seen.code {
            4688 => asking.names_a_file(row, seen.host),
            // Outbound: `%%14593`.
            5156 => {
                let outward = row.text("Direction") == "%%14593";
                if outward && self.of_connection(row, seen, asking) {
                    return true;
                }
                let by = self.processes.find(actor_of(row, seen.host, seen.when.0));
                outward
                    && by.is_some_and(|by| {
                        asking.wanted.processes.contains(&by)
                            && asking.may_add(&Budget::Process(by, seen.code))
                    })
            }
            4697 | 4698 => asking.is_known(seen.host),
            4624 | 4672 | 4964 | 5140 | 5145 => asking.is_session(row, seen),
            _ => false,
        }
    }

    /// Learns from where a host connects, and whether it connected to what is wanted.
    fn of_connection(&mut self, row: &Row<'_, '_>, seen: Seen, asking: &mut Asking<'_>) -> bool {
        let source = row.text("SourceIp");
        if is_an_address(source) {
            let own = self.addresses.own.entry(seen.host).or_default();
            if own.len() < OWN_MAX && !own.contains(source) {
                own.insert(source.to_owned());
            }
        }
        let target = row.text("DestinationIp");
        if asking.wanted.addresses.contains(target) {
            let named = actor_of(row, seen.host, seen.when.0);
            if let Some(by) = self.processes.find_or_add(named) {
                self.addresses.users.entry(target.to_owned()).or_default().insert(by);
            }
            return asking.may_add(&Budget::Address(target.to_owned()));
        }
        let Some(host) = asking.host_of(target).filter(|host| *host != seen.host) else { return false };
        Wanted::is_moment(&asking.wanted.moments, host, seen.when) && asking.may_add(&Budget::Towards(host))
    }
}

/// What is known of a row before its texts are looked at.
#[derive(Debug, Clone, Copy)]
struct Seen {
    host: u32,
    when: (i64, i64),
    code: i32,
}

/// What a row was kept for: each may add so many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Budget {
    Process(ProcessId, i32),
    Address(String),
    Towards(u32),
    Scripts(u32),
    Host(u32),
    Session(u32, u64),
}

/// What is wanted, in the form in which each row asks.
struct Asking<'a> {
    wanted: &'a Wanted,
    evidence_wanted: bool,
    /// Hosts of wanted processes.
    file_names: Vec<(u32, String)>,
    own: HashMap<String, u32>,
    hosts: HashSet<u32>,
    spent: HashMap<Budget, u32>,
}

impl<'a> Asking<'a> {
    fn new(wanted: &'a Wanted, addresses: &Addresses) -> Self {
        let own = addresses.own.iter().flat_map(|(host, own)| own.iter().map(|one| (one.clone(), *host)));
        let hosts = wanted.moments.keys().chain(wanted.files.iter().map(|(host, _)| host)).copied();
        Self {
            wanted,
            evidence_wanted: !wanted.places.is_empty(),
            file_names: wanted.files.iter().take(FILES_MAX).cloned().collect(),
            own: own.collect(),
            hosts: hosts.collect(),
            spent: HashMap::new(),
        }
    }

    fn has_places(&self) -> bool {
        self.evidence_wanted
    }

    /// Whether rows of this kind can be wanted for anything but their place.
    fn looks_at(&self, dataset: &str, code: Option<i32>) -> bool {
        match dataset {
            SYSMON => matches!(code, Some(1 | 3 | 8 | 10 | 11 | 15)),
            SECURITY => matches!(code, Some(4624 | 4672 | 4688 | 4697 | 4698 | 4964 | 5140 | 5145 | 5156)),
            "windows.system" => code == Some(7045),
            "windows.taskscheduler" => code == Some(106),
            "windows.powershell" => code == Some(4103) && !self.wanted.scripts.is_empty(),
            _ => false,
        }
    }

    fn host_of(&self, address: &str) -> Option<u32> {
        self.own.get(address).copied()
    }

    fn is_known(&mut self, host: u32) -> bool {
        self.hosts.contains(&host) && self.may_add(&Budget::Host(host))
    }

    fn may_add(&mut self, budget: &Budget) -> bool {
        let spent = match self.spent.get_mut(budget) {
            Some(spent) => spent,
            None => self.spent.entry(budget.clone()).or_default(),
        };
        *spent += 1;
        *spent <= FACTS_EACH
    }

    fn is_file(&self, host: u32, path: &str) -> bool {
        if self.wanted.files.is_empty() || path.is_empty() {
            return false;
        }
        self.wanted.files.contains(&(host, file_of(path)))
    }

    fn names_a_file(&mut self, row: &Row<'_, '_>, host: u32) -> bool {
        if self.file_names.is_empty() {
            return false;
        }
        let line = row.text("CommandLine").to_lowercase();
        self.file_names.iter().any(|(of, path)| *of == host && line.contains(path.as_str()))
    }

    fn is_session(&mut self, row: &Row<'_, '_>, seen: Seen) -> bool {
        let logon = logon_of(row.code(), row.number("TargetLogonId"), row.number("SubjectLogonId"));
        if let Some(logon) = logon
            && self.wanted.logons.contains(&(seen.host, logon))
        {
            return self.may_add(&Budget::Session(seen.host, logon));
        }
        let (address, port) = (row.text("IpAddress"), row.number("IpPort").unwrap_or_default());
        if port != 0 && self.wanted.connections.contains(&(seen.host, address.to_owned(), port)) {
            return self.may_add(&Budget::Session(seen.host, port));
        }
        let telling = match seen.code {
            4624 => matches!(row.text("LogonType"), "3" | "10"),
            5145 => is_remote_pipe(row.text("RelativeTargetName")),
            _ => false,
        };
        telling
            && Wanted::is_moment(&self.wanted.moments, seen.host, seen.when)
            && self.may_add(&Budget::Host(seen.host))
    }
}

/// A file without the stream that a browser writes beside it.
pub(crate) fn file_of(path: &str) -> String {
    let lower = path.to_lowercase();
    lower.strip_suffix(":zone.identifier").unwrap_or(&lower).to_owned()
}

/// The pipes by which services and tasks are made from elsewhere.
pub(crate) fn is_remote_pipe(name: &str) -> bool {
    matches!(super::programs::file_name(name).as_str(), "svcctl" | "atsvc")
}

/// The logon that a row of the Security log is about; none of those that the system itself runs in.
pub(crate) fn logon_of(code: Option<i32>, target: Option<u64>, subject: Option<u64>) -> Option<u64> {
    let logon = if matches!(code, Some(4624 | 4964)) { target } else { subject };
    logon.filter(|id| !matches!(id, 0 | 0x3e4 | 0x3e5 | 0x3e7))
}

/// Whether a text is an address that tells one host from another.
pub(crate) fn is_an_address(text: &str) -> bool {
    let Ok(address) = text.parse::<std::net::IpAddr>() else { return false };
    let link_local = match address {
        std::net::IpAddr::V4(four) => four.is_link_local() || four.is_broadcast(),
        std::net::IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || link_local)
}

/// The process that acts in a row.
pub(crate) fn actor_of<'a>(row: &Row<'a, '_>, host: u32, at: i64) -> Named<'a> {
    actor(&|name| row.text(name), row.code(), host, at)
}

/// The process that acts in a kept row.
pub(crate) fn actor_in(fact: &Fact) -> Named<'_> {
    actor(&|name| fact.text(name), fact.code, fact.host, fact.from)
}

fn actor<'a>(text: &dyn Fn(&str) -> &'a str, code: Option<i32>, host: u32, at: i64) -> Named<'a> {
    let first = |names: &[&str]| {
        names.iter().map(|name| text(name)).find(|text| !text.is_empty()).unwrap_or_default()
    };
    if matches!(code, Some(8 | 10)) && !first(&["SourceProcessGUID", "SourceProcessGuid"]).is_empty() {
        let guid = guid(first(&["SourceProcessGUID", "SourceProcessGuid"]));
        return Named { host, guid, pid: pid(text("SourceProcessId")), image: text("SourceImage"), at };
    }
    Named {
        host,
        guid: guid(text("ProcessGuid")),
        pid: pid(text("ProcessId")),
        image: first(&["ProcessName", "Image"]),
        at,
    }
}
