//! Table tests of the join over small invented rows: what belongs together, and what must not.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::Lake;
use piste_model::trail::EdgeClass;

use super::clock::Shifts;
use super::closure::{Closure, SECOND};
use super::collect::{Addresses, Collector, Facts, SECURITY, SYSMON, Wanted};
use super::fact::Fact;
use super::graph::{Graph, Key};
use super::names::HostNames;
use super::processes::{ProcessId, Processes};

const SYSTEM32: &str = r"C:\Windows\System32\";

/// A start far from the beginning of time.
fn at(second: i64) -> i64 {
    (1_000_000 + second) * SECOND
}

/// A small invented world.
#[derive(Default)]
struct World {
    processes: Processes,
    facts: Facts,
    addresses: Addresses,
    seeds: Vec<Key>,
}

impl World {
    fn process(&mut self, pid: u32, parent: u32, second: i64, image: &str) -> ProcessId {
        let image = if image.contains('\\') { image.to_owned() } else { format!("{SYSTEM32}{image}") };
        self.processes.invent(pid, parent, at(second), &image)
    }

    fn row(&mut self, dataset: &str, code: i32, second: i64, texts: &[(&str, &str)]) -> &mut Self {
        self.row_on(0, dataset, code, second, texts)
    }

    fn row_on(
        &mut self,
        host: u32,
        dataset: &str,
        code: i32,
        second: i64,
        texts: &[(&str, &str)],
    ) -> &mut Self {
        let mut fact = Fact::invented(dataset, code, at(second), texts);
        fact.host = host;
        fact.place.record = i64::from(code) * 1_000
            + i64::from(host) * 100
            + i64::try_from(self.facts.iter().count()).expect("few");
        self.facts.add(fact);
        self
    }

    fn logon(&mut self, second: i64, account: &str, address: &str, id: &str) -> &mut Self {
        let texts = [
            ("IpAddress", address),
            ("IpPort", "40000"),
            ("LogonType", "3"),
            ("TargetLogonId", id),
            ("TargetUserName", account),
        ];
        self.row(SECURITY, 4624, second, &texts)
    }

    fn pipe(&mut self, second: i64, address: &str, logon: &str) -> &mut Self {
        let texts = [
            ("IpAddress", address),
            ("IpPort", "40000"),
            ("RelativeTargetName", "svcctl"),
            ("ShareName", r"\\*\IPC$"),
            ("SubjectLogonId", logon),
        ];
        self.row(SECURITY, 5145, second, &texts)
    }

    /// What belongs to the seeds, as names and edges.
    fn joined(mut self) -> Joined {
        self.processes.link();
        let folder = tempfile::tempdir().expect("a scratch folder");
        let lake = Lake::at(folder.path());
        let one_name = |name: &str| name.to_owned();
        let (shifts, mut hosts, mut graph) = (Shifts::default(), HostNames::new(&one_name), Graph::default());
        for host in ["H0", "H1"] {
            hosts.number(host);
        }
        for seed in &self.seeds {
            graph.admit(seed);
        }
        let mut closure = Closure {
            graph: &mut graph,
            collector: Collector {
                lake: &lake,
                shifts: &shifts,
                hosts: &mut hosts,
                processes: &mut self.processes,
                facts: &mut self.facts,
                addresses: &mut self.addresses,
            },
            wanted: Wanted::default(),
            hosts: BTreeSet::from([0, 1]),
            rare: BTreeSet::new(),
            witnesses: &[],
            pending: BTreeSet::new(),
            door_sources: BTreeMap::new(),
            account_doors: BTreeSet::new(),
            commanded: BTreeSet::new(),
            stopped: Vec::new(),
        };
        closure.run().expect("the lake is empty");
        let members =
            graph.nodes.iter().filter(|(_, node)| node.member).map(|(key, _)| key.clone()).collect();
        let classes = graph.edges.values().map(|join| join.class).collect();
        Joined { members, classes }
    }
}

struct Joined {
    members: BTreeSet<Key>,
    classes: BTreeSet<EdgeClass>,
}

impl Joined {
    #[track_caller]
    fn check(&self, expected: &[Key]) {
        let expected: BTreeSet<Key> = expected.iter().cloned().collect();
        assert_eq!(self.members, expected);
    }
}

fn key(id: ProcessId) -> Key {
    Key::Process(id)
}

#[test]
fn a_tree_goes_up_to_just_below_a_hub_and_down_over_all_children() {
    let mut world = World::default();
    world.process(10, 1, 0, r"C:\Windows\explorer.exe");
    let loader = world.process(20, 10, 10, r"C:\Users\ann\Downloads\invoice.exe");
    let shell = world.process(30, 20, 20, "cmd.exe");
    let asked = world.process(40, 30, 30, "whoami.exe");
    world.process(50, 30, 31, "conhost.exe");
    world.process(60, 10, 40, "notepad.exe");
    world.seeds.push(key(shell));
    world.joined().check(&[key(loader), key(shell), key(asked)]);
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let mut world = World::default();
    world.process(10, 1, 0, r"C:\Windows\explorer.exe");
    let shell = world.process(30, 10, 20, "cmd.exe");
    let later = world.process(30, 10, 900, "notepad.exe");
    let child = world.process(40, 30, 950, "calc.exe");
    world.seeds.push(key(shell));
    world.joined().check(&[key(shell)]);
    let _ = (later, child);
}

#[test]
fn two_parties_with_one_account_are_kept_apart() {
    let mut world = World::default();
    world.process(5, 1, 0, "services.exe");
    let shell = world.process(30, 5, 102, "cmd.exe");
    world.logon(100, "adm", "10.0.0.66", "0x111").pipe(101, "10.0.0.66", "0x111");
    world.logon(101, "adm", "10.0.0.9", "0x222");
    world.seeds.push(key(shell));
    let joined = world.joined();
    joined.check(&[key(shell), Key::Logon(0, 0x111), Key::Connection(0, "10.0.0.66".to_owned(), 40_000)]);
    assert!(joined.classes.contains(&EdgeClass::C2));
}

#[test]
fn of_two_that_may_have_asked_neither_is_taken() {
    let mut world = World::default();
    world.process(5, 1, 0, "services.exe");
    let shell = world.process(30, 5, 102, "cmd.exe");
    world.pipe(100, "10.0.0.66", "0x111").pipe(101, "10.0.0.9", "0x222");
    world.seeds.push(key(shell));
    world.joined().check(&[key(shell)]);
}

#[test]
fn what_happens_on_the_desktop_while_somebody_logs_on_is_not_his() {
    let mut world = World::default();
    world.process(10, 1, 0, r"C:\Windows\explorer.exe");
    let shell = world.process(30, 10, 102, "cmd.exe");
    world.logon(101, "backup", "10.0.0.7", "0x333");
    world.seeds.push(key(shell));
    world.joined().check(&[key(shell)]);
}

#[test]
fn a_connection_from_another_host_that_started_a_program_joins_both() {
    let mut world = World::default();
    world.process(10, 1, 0, r"C:\Windows\explorer.exe");
    let shell = world.process(30, 10, 102, "cmd.exe");
    let there = world.process(77, 1, 5, r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe");
    world.processes.move_to(there, 1);
    world.logon(101, "ann", "10.0.0.5", "0x333");
    let texts = [
        ("DestinationIp", "10.0.0.6"),
        ("DestinationPort", "49913"),
        ("Image", r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"),
        ("Initiated", "true"),
        ("ProcessId", "77"),
        ("SourceIp", "10.0.0.5"),
    ];
    world.row_on(1, SYSMON, 3, 101, &texts);
    world.addresses.own.entry(0).or_default().insert("10.0.0.6".to_owned());
    world.addresses.own.entry(1).or_default().insert("10.0.0.5".to_owned());
    world.seeds.push(key(shell));
    let joined = world.joined();
    assert!(joined.members.contains(&key(there)), "{:?}", joined.members);
    assert!(joined.members.contains(&Key::Logon(0, 0x333)));
}

#[test]
fn what_is_done_in_a_day_at_the_desk_does_not_make_the_day_an_act() {
    for (kind, address, expected) in [("2", "127.0.0.1", false), ("3", "10.0.0.66", true)] {
        let mut world = World::default();
        let texts = [
            ("IpAddress", address),
            ("LogonType", kind),
            ("TargetLogonId", "0x5555"),
            ("TargetUserName", "ann"),
        ];
        world.row(SECURITY, 4624, 10, &texts).row(SECURITY, 4720, 900, &[("SubjectLogonId", "0x5555")]);
        let made = world.facts.iter().last().map(|(_, fact)| fact.place).expect("a row");
        world.seeds.push(Key::Row(made));
        let joined = world.joined();
        assert_eq!(joined.members.contains(&Key::Logon(0, 0x5555)), expected, "type {kind}");
    }
}

#[test]
fn a_service_belongs_to_who_wrote_its_program() {
    let mut world = World::default();
    world.process(5, 1, 0, "services.exe");
    let dropper = world.process(20, 1, 10, r"C:\Users\ann\Downloads\invoice.exe");
    let run = world.process(40, 5, 101, r"C:\Windows\Temp\x.exe");
    let other = world.process(41, 5, 101, r"C:\Program Files\Backup\agent.exe");
    let wrote = [
        ("Image", r"C:\Users\ann\Downloads\invoice.exe"),
        ("ProcessId", "20"),
        ("TargetFilename", r"C:\Windows\Temp\x.exe"),
    ];
    world.row(SYSMON, 11, 99, &wrote);
    world.row(
        "windows.system",
        7045,
        100,
        &[("ImagePath", r"C:\Windows\Temp\x.exe"), ("ServiceName", "Updater")],
    );
    world.row(
        "windows.system",
        7045,
        100,
        &[("ImagePath", r"C:\Program Files\Backup\agent.exe"), ("ServiceName", "Backup")],
    );
    world.seeds.push(key(dropper));
    world.joined().check(&[key(dropper), key(run), Key::Service(0, "updater".to_owned())]);
    let _ = other;
}

#[test]
fn a_rare_address_joins_and_one_that_the_system_asks_does_not() {
    for (shared, expected) in [(false, true), (true, false)] {
        let mut world = World::default();
        world.process(10, 1, 0, r"C:\Windows\explorer.exe");
        world.process(5, 1, 0, "services.exe");
        let one = world.process(20, 10, 10, r"C:\Users\ann\Downloads\invoice.exe");
        let other = world.process(21, 5, 10, "rundll32.exe");
        let system = world.process(22, 5, 10, "svchost.exe");
        for pid in ["20", "21"] {
            let texts = [
                ("DestinationIp", "203.0.113.5"),
                ("DestinationPort", "443"),
                ("Initiated", "true"),
                ("ProcessId", pid),
                ("SourceIp", "10.0.0.5"),
            ];
            world.row(SYSMON, 3, 50, &texts);
        }
        let mut users = BTreeSet::from([one, other]);
        if shared {
            users.insert(system);
        }
        world.addresses.users.insert("203.0.113.5".to_owned(), users);
        world.seeds.push(key(one));
        let joined = world.joined();
        assert_eq!(joined.members.contains(&key(other)), expected, "shared: {shared}");
        assert!(!joined.members.contains(&key(system)));
    }
}

#[test]
fn what_a_recorder_starts_is_the_recorders() {
    assert!(super::programs::is_diagnosis("netsh trace stop"));
    assert!(super::programs::is_diagnosis(r"cscript //nologo C:\Windows\system32\gatherNetworkInfo.vbs"));
    assert!(!super::programs::is_diagnosis("netsh advfirewall set allprofiles state off"));
}

fn commanded(line: &str, other: &[(&str, &str)], dataset: &str, code: i32, second: i64) -> Joined {
    let mut world = World::default();
    let tool = world.process(10, 1, 0, "sc.exe");
    world.seeds.push(key(tool));
    let image = format!("{SYSTEM32}sc.exe");
    let started = [("NewProcessId", "10"), ("NewProcessName", image.as_str()), ("CommandLine", line)];
    world.row(SECURITY, 4688, 0, &started).row_on(1, dataset, code, second, other);
    world.joined()
}

#[test]
fn a_command_that_names_computer_and_service_is_joined_with_what_came_of_it() {
    let made = [("ServiceName", "WinNetSvc"), ("ImagePath", r"C:\ProgramData\w.exe")];
    let service = Key::Service(1, "winnetsvc".to_owned());
    let line = r"sc \\H1 create WinNetSvc binPath= C:\ProgramData\w.exe";
    let joined = commanded(line, &made, "windows.system", 7045, 90);
    assert!(joined.members.contains(&service), "{:?}", joined.members);
    assert!(joined.classes.contains(&EdgeClass::C2));
    for (line, second) in [
        (r"sc \\H1 create Other binPath= C:\ProgramData\w.exe", 90),
        (r"sc \\H0 create WinNetSvc binPath= C:\ProgramData\w.exe", 90),
        (r"sc create WinNetSvc binPath= C:\ProgramData\w.exe", 90),
        (line, 900),
    ] {
        let joined = commanded(line, &made, "windows.system", 7045, second);
        assert!(!joined.members.contains(&service), "{line} {second}");
    }
}

#[test]
fn a_task_and_the_logon_that_made_it_are_of_who_asked() {
    let made = [("TaskName", r"\Sync"), ("SubjectLogonId", "0x5552"), ("SubjectUserName", "svc5")];
    let joined = commanded(r"schtasks /create /s H1 /tn Sync /tr C:\t.exe", &made, SECURITY, 4698, 2);
    let expected = [Key::Task(1, "sync".to_owned()), Key::Logon(1, 0x5552)];
    assert!(expected.iter().all(|one| joined.members.contains(one)), "{:?}", joined.members);
}
