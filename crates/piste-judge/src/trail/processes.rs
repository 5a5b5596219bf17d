//! The processes of the hosts that an intrusion may reach.
//!
//! In: rows of process creation, Sysmon 1 and Security 4688. Out: one process for the rows that speak of the same one, its parent and its
//! children, and which process another row means: by its GUID, else by host, number and time within a boot. A process whose start
//! is not in the logs is one too as soon as a row names it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::fact::{Place, Row, guid, number};
use super::names::Names;
use super::programs::{self, file_name};

const SECOND: i64 = 1_000_000_000;
/// How far two logs may be apart on when one process started.
const SAME_START: i64 = 5 * SECOND;
/// How much later than its row a process may seem to start: two logs, two moments of writing.
const LATE_START: i64 = 2 * SECOND;
/// Processes that are kept: beyond that the join stops, and says so.
pub(crate) const PROCESSES_MAX: usize = 4_000_000;

/// Number of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProcessId(pub(crate) u32);

/// One process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) host: u32,
    /// Sysmon's, 0 where none is known.
    pub(crate) guid: u128,
    pub(crate) pid: Option<u32>,
    parent_guid: u128,
    parent_pid: Option<u32>,
    /// When it started, not before; `None` where its start is not in the logs.
    pub(crate) start: Option<i64>,
    /// The same, not after.
    start_to: i64,
    /// Path of its program.
    pub(crate) image: u32,
    parent_image: u32,
    /// The logon that it runs in.
    pub(crate) logon: Option<u64>,
    pub(crate) parent: Option<ProcessId>,
    /// A diagnosis of Windows, or a recorder.
    pub(crate) diagnosis: bool,
    /// Rows of its creation: Sysmon's and Security's.
    pub(crate) created: [Option<Place>; 2],
}

/// What a row says of the process that it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) host: u32,
    pub(crate) guid: u128,
    pub(crate) pid: Option<u32>,
    pub(crate) image: &'a str,
    /// When the row says so.
    pub(crate) at: i64,
}

/// All processes of some hosts.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    all: Vec<Process>,
    by_guid: HashMap<u128, ProcessId>,
    /// In the order of their start.
    by_pid: HashMap<(u32, u32), Vec<ProcessId>>,
    children: HashMap<ProcessId, Vec<ProcessId>>,
    /// By host and start.
    by_start: BTreeSet<(u32, i64, ProcessId)>,
    /// By the row of their creation: those that have neither GUID nor number.
    by_place: HashMap<Place, ProcessId>,
    pub(crate) images: Names,
    /// More were there than are kept.
    pub(crate) full: bool,
}

impl Processes {
    pub(crate) fn get(&self, id: ProcessId) -> Option<&Process> {
        usize::try_from(id.0).ok().and_then(|at| self.all.get(at))
    }

    /// Path of a process's program; empty where it is not known.
    pub(crate) fn image(&self, id: ProcessId) -> &str {
        self.get(id).map_or("", |process| self.images.text(process.image))
    }

    /// Path of the program of its parent.
    pub(crate) fn parent_image(&self, id: ProcessId) -> &str {
        let Some(process) = self.get(id) else { return "" };
        let of_parent = process.parent.map_or("", |parent| self.image(parent));
        if of_parent.is_empty() { self.images.text(process.parent_image) } else { of_parent }
    }

    /// What it started.
    pub(crate) fn children(&self, id: ProcessId) -> &[ProcessId] {
        self.children.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The process that a row tells the creation of, where nothing else names it.
    pub(crate) fn created_at(&self, place: &Place) -> Option<ProcessId> {
        self.by_place.get(place).copied()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        self.all.iter().enumerate().map(|(at, one)| (ProcessId(u32::try_from(at).unwrap_or(u32::MAX)), one))
    }

    /// Those of a host that started within a span, in the order of their start.
    pub(crate) fn started_within(
        &self,
        host: u32,
        from: i64,
        to: i64,
    ) -> impl Iterator<Item = (ProcessId, &Process)> {
        let span = (host, from, ProcessId(0))..=(host, to.max(from), ProcessId(u32::MAX));
        self.by_start.range(span).filter_map(|(_, _, id)| Some((*id, self.get(*id)?)))
    }

    fn push(&mut self, process: Process) -> ProcessId {
        let id = ProcessId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        if process.guid != 0 {
            self.by_guid.insert(process.guid, id);
        }
        self.by_start.extend(process.start.map(|start| (process.host, start, id)));
        if let Some(pid) = process.pid {
            self.by_pid.entry((process.host, pid)).or_default().push(id);
        } else if process.guid == 0 {
            self.by_place.extend(process.created.iter().flatten().map(|place| (*place, id)));
        }
        self.all.push(process);
        id
    }

    fn at(&mut self, id: ProcessId) -> Option<&mut Process> {
        usize::try_from(id.0).ok().and_then(|at| self.all.get_mut(at))
    }

    /// Takes in a row of Sysmon 1.
    pub(crate) fn add_sysmon(&mut self, row: &Row<'_, '_>, host: u32, (from, to): (i64, i64)) {
        let own = guid(row.text("ProcessGuid"));
        let known = self.by_guid.get(&own).copied().filter(|_| own != 0);
        if self.is_full() {
            return;
        }
        let process = Process {
            host,
            guid: own,
            pid: pid(row.text("ProcessId")),
            parent_guid: guid(row.text("ParentProcessGuid")),
            parent_pid: pid(row.text("ParentProcessId")),
            start: Some(from),
            start_to: to,
            image: self.images.number(row.text("Image")),
            parent_image: self.images.number(row.text("ParentImage")),
            logon: number(row.text("LogonId")),
            parent: None,
            diagnosis: is_diagnosis(row.text("Image"), row.text("CommandLine")),
            created: [Some(row.place()), None],
        };
        match known {
            None => _ = self.push(process),
            // Another host's rows named it before the rows of its own were read.
            Some(id) => {
                let (host, start) = (process.host, process.start);
                if let Some(one) = self.at(id).filter(|one| one.start.is_none()) {
                    *one = process;
                    self.by_start.extend(start.map(|start| (host, start, id)));
                }
            }
        }
    }

    /// Takes in a row of Security 4688. All of Sysmon's come before.
    pub(crate) fn add_security(&mut self, row: &Row<'_, '_>, host: u32, (from, to): (i64, i64)) {
        let own = pid(row.text("NewProcessId"));
        let image = row.text("NewProcessName");
        let parent_pid = pid(row.text("ProcessId"));
        let same = self.same_start(host, own, parent_pid, image, (from, to));
        if let Some(known) = same.and_then(|id| self.at(id)) {
            let second = known.created.last_mut();
            if let Some(second) = second {
                *second = Some(row.place());
            }
            let unnumbered = known.pid.is_none();
            known.pid = known.pid.or(own);
            if let (true, Some(own), Some(id)) = (unnumbered, own, same) {
                self.by_pid.entry((host, own)).or_default().push(id);
            }
            return;
        }
        if self.is_full() {
            return;
        }
        // A row of Windows 10 names the account that it runs as beside the one that asked.
        let logon = number(row.text("TargetLogonId")).filter(|id| *id != 0);
        let process = Process {
            host,
            guid: 0,
            pid: own,
            parent_guid: 0,
            parent_pid,
            start: Some(from),
            start_to: to,
            image: self.images.number(image),
            parent_image: self.images.number(row.text("ParentProcessName")),
            logon: logon.or_else(|| number(row.text("SubjectLogonId"))),
            parent: None,
            diagnosis: is_diagnosis(image, row.text("CommandLine")),
            created: [None, Some(row.place())],
        };
        self.push(process);
    }

    fn is_full(&mut self) -> bool {
        self.full |= self.all.len() >= PROCESSES_MAX;
        self.full
    }

    /// The process of Sysmon's that a row of Security speaks of. Exports that lose Sysmon's number of the process still have
    /// its parent's.
    fn same_start(
        &self,
        host: u32,
        own: Option<u32>,
        parent: Option<u32>,
        image: &str,
        (from, to): (i64, i64),
    ) -> Option<ProcessId> {
        let name = file_name(image);
        let fits = |id: &ProcessId| {
            self.get(*id).is_some_and(|known| {
                known.host == host
                    && known.created.last().is_some_and(Option::is_none)
                    && known.start.is_some_and(|start| {
                        start.saturating_sub(SAME_START) <= to
                            && from <= known.start_to.saturating_add(SAME_START)
                    })
                    && file_name(self.images.text(known.image)) == name
            })
        };
        if let Some(found) =
            self.by_pid.get(&(host, own?)).and_then(|ids| ids.iter().rev().find(|id| fits(id)))
        {
            return Some(*found);
        }
        let unnumbered = self.by_pid.get(&(host, NO_PID))?.iter();
        let of_parent = |id: &&ProcessId| self.get(**id).is_some_and(|known| known.parent_pid == parent);
        unnumbered.filter(of_parent).find(|id| fits(id)).copied()
    }

    /// Puts processes without a number of their own where [`Self::same_start`] finds them.
    pub(crate) fn file_unnumbered(&mut self) {
        let unnumbered: Vec<(u32, ProcessId)> =
            self.iter().filter(|(_, one)| one.pid.is_none()).map(|(id, one)| (one.host, id)).collect();
        for (host, id) in unnumbered {
            let filed = self.by_pid.entry((host, NO_PID)).or_default();
            if !filed.contains(&id) {
                filed.push(id);
            }
        }
    }

    /// Finds everybody's parent; called when all rows of some hosts were taken in.
    pub(crate) fn link(&mut self) {
        let started: BTreeMap<ProcessId, i64> =
            self.iter().map(|(id, one)| (id, one.start.unwrap_or(i64::MIN))).collect();
        #[expect(clippy::iter_over_hash_type, reason = "each list is put in order by itself")]
        for ids in self.by_pid.values_mut() {
            ids.sort_by_key(|id| (started.get(id).copied(), *id));
        }
        let orphans: Vec<ProcessId> = self
            .iter()
            .filter(|(_, one)| one.parent.is_none() && one.start.is_some())
            .map(|(id, _)| id)
            .collect();
        for id in orphans {
            let Some(one) = self.get(id) else { continue };
            let image = self.images.text(one.parent_image).to_owned();
            let named = Named {
                host: one.host,
                guid: one.parent_guid,
                pid: one.parent_pid,
                image: &image,
                at: one.start.unwrap_or_default(),
            };
            let Some(parent) = self.find_or_add(named).filter(|parent| *parent != id) else { continue };
            if let Some(one) = self.at(id) {
                one.parent = Some(parent);
            }
            self.children.entry(parent).or_default().push(id);
        }
    }

    /// The process that a row means, where it is known.
    pub(crate) fn find(&self, named: Named<'_>) -> Option<ProcessId> {
        if let Some(known) = self.by_guid.get(&named.guid).filter(|_| named.guid != 0) {
            return Some(*known);
        }
        let name = file_name(named.image);
        let latest = self.by_pid.get(&(named.host, named.pid?))?.iter().rev().find(|id| {
            self.get(**id).is_some_and(|one| {
                let own = self.images.text(one.image);
                let before = one.start.is_none_or(|start| start <= named.at.saturating_add(LATE_START));
                before && (name.is_empty() || own.is_empty() || file_name(own) == name)
            })
        })?;
        // A number is used again: another GUID is another process.
        let other =
            self.get(*latest).is_some_and(|one| named.guid != 0 && one.guid != 0 && one.guid != named.guid);
        (!other).then_some(*latest)
    }

    /// The process that a row means; one whose start is not in the logs is added.
    pub(crate) fn find_or_add(&mut self, named: Named<'_>) -> Option<ProcessId> {
        let found = self.find(named);
        if let Some(id) = found {
            let image = if self.image(id).is_empty() { self.images.number(named.image) } else { u32::MAX };
            if let Some(one) = self.at(id) {
                if one.guid == 0 && named.guid != 0 {
                    one.guid = named.guid;
                    self.by_guid.insert(named.guid, id);
                }
                if image != u32::MAX
                    && let Some(one) = self.at(id)
                {
                    one.image = image;
                }
            }
            return found;
        }
        if (named.guid == 0 && named.pid.is_none()) || self.is_full() {
            return None;
        }
        let process = Process {
            host: named.host,
            guid: named.guid,
            pid: named.pid,
            parent_guid: 0,
            parent_pid: None,
            start: None,
            start_to: 0,
            image: self.images.number(named.image),
            parent_image: self.images.number(""),
            logon: None,
            parent: None,
            diagnosis: false,
            created: [None, None],
        };
        let id = self.push(process);
        if let Some(ids) = named.pid.and_then(|pid| self.by_pid.get_mut(&(named.host, pid))) {
            ids.rotate_right(1); // it was there before any whose start is known
        }
        Some(id)
    }
}

/// Command lines of few programs are looked at: those that diagnostics run in.
fn is_diagnosis(image: &str, command_line: &str) -> bool {
    const RUN_IN: [&str; 6] =
        ["netsh.exe", "net.exe", "net1.exe", "cscript.exe", "wscript.exe", "pktmon.exe"];
    RUN_IN.contains(&file_name(image).as_str()) && programs::is_diagnosis(command_line)
}

/// Stands for processes whose number no row gives.
const NO_PID: u32 = u32::MAX;

/// The number of a process; 0 and 4 are the kernel's.
pub(crate) fn pid(text: &str) -> Option<u32> {
    number(text).and_then(|number| u32::try_from(number).ok()).filter(|pid| *pid != 0 && *pid != NO_PID)
}

#[cfg(test)]
impl Processes {
    /// An invented process of host 0.
    pub(crate) fn invent(&mut self, pid: u32, parent: u32, start: i64, image: &str) -> ProcessId {
        let process = Process {
            host: 0,
            guid: 0,
            pid: Some(pid),
            parent_guid: 0,
            parent_pid: Some(parent),
            start: Some(start),
            start_to: start,
            image: self.images.number(image),
            parent_image: self.images.number(""),
            logon: Some(0x3e7),
            parent: None,
            diagnosis: false,
            created: [None, None],
        };
        self.push(process)
    }

    /// The same on another host.
    pub(crate) fn move_to(&mut self, id: ProcessId, host: u32) {
        let pid = self.get(id).and_then(|one| one.pid).expect("an invented process");
        if let Some(one) = self.at(id) {
            one.host = host;
        }
        let start = self.get(id).and_then(|one| one.start);
        if let Some(start) = start {
            self.by_start.remove(&(0, start, id));
            self.by_start.insert((host, start, id));
        }
        self.by_pid.remove(&(0, pid));
        self.by_pid.entry((host, pid)).or_default().push(id);
    }
}
