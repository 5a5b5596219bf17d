//! The collection of after: what a triage tool brings from each computer.
//!
//! In: things and what became of each. Out: hives, a table of all files, IIS's configuration, WMI's consumers, events and requests of the
//! weeks since the eviction; and what this evidence shows of each thing, by what is in it and not by what any program makes of it.

use std::collections::BTreeSet;

use piste_model::removal::{TraceKind, VerifyResult};

use super::before::{connection, events_path, filetime, fqdn, made, ordinary, removed};
use super::hive::{Key, hive, sid};
use super::planted::{MACHINE, MACHINE_ANEW, Planted, RID};
use super::{AfterOutcome, AfterTruth, Fate, Times};
use crate::moment::{Moment, days};
use crate::random::Random;
use crate::shelf::{Layout, Shelf};

/// What a tool may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Artefact {
    System,
    Software,
    Sam,
    Files,
    Wmi,
    Iis,
    Logs,
}

/// The artefact that lists a kind.
fn artefact_of(kind: TraceKind) -> Artefact {
    match kind {
        TraceKind::Page | TraceKind::File => Artefact::Files,
        TraceKind::Module => Artefact::Iis,
        TraceKind::Service => Artefact::System,
        TraceKind::Task | TraceKind::RunValue | TraceKind::Certificate => Artefact::Software,
        TraceKind::WmiConsumer => Artefact::Wmi,
        TraceKind::Account | TraceKind::GroupRight => Artefact::Sam,
        TraceKind::MailboxRight | TraceKind::MailboxRule | TraceKind::Connection => Artefact::Logs,
    }
}

/// A collection.
pub(super) struct Collection<'t> {
    pub(super) things: &'t [Planted],
    pub(super) fates: &'t [Fate],
    pub(super) times: Times,
    pub(super) outcome: AfterOutcome,
    pub(super) seed: u64,
}

impl Collection<'_> {
    /// Writes it, and answers what it shows.
    pub(super) fn tell(&self, shelf: &mut Shelf) -> Vec<AfterTruth> {
        let hosts: BTreeSet<&str> = self.things.iter().map(|one| one.host.as_str()).collect();
        let mut truths = Vec::new();
        for host in &hosts {
            let mut random = Random::new(self.seed, &["left out", host]);
            let left_out: BTreeSet<Artefact> = [
                Artefact::System,
                Artefact::Software,
                Artefact::Sam,
                Artefact::Files,
                Artefact::Wmi,
                Artefact::Iis,
                Artefact::Logs,
            ]
            .into_iter()
            .filter(|_| self.outcome == AfterOutcome::Partial && random.chance(25))
            .collect();
            if self.outcome != AfterOutcome::NotCollected {
                self.tell_host(host, &left_out, shelf);
            }
            let its = self.things.iter().zip(self.fates).filter(|(one, _)| one.host == *host);
            truths.extend(its.map(|(one, fate)| AfterTruth {
                kind: one.kind,
                host: (*host).to_owned(),
                place: one.place.to_lowercase(),
                result: self.truth(one.kind, *fate, &left_out),
            }));
        }
        if self.outcome == AfterOutcome::NotCollected {
            self.tell_other(shelf);
        }
        truths
    }

    /// What the evidence shows of a thing.
    fn truth(&self, kind: TraceKind, fate: Fate, left_out: &BTreeSet<Artefact>) -> VerifyResult {
        if matches!(self.outcome, AfterOutcome::NotCollected | AfterOutcome::Older) {
            return VerifyResult::NotVisible;
        }
        let logs = !left_out.contains(&Artefact::Logs);
        match fate {
            // The events of its return are in the logs.
            Fate::Back if logs => VerifyResult::Back,
            _ if left_out.contains(&artefact_of(kind)) => VerifyResult::NotVisible,
            // A right or rule of a mailbox is seen when it is given and taken; nothing here lists those that are.
            Fate::There if matches!(kind, TraceKind::MailboxRight | TraceKind::MailboxRule) => {
                VerifyResult::NotVisible
            }
            Fate::There => VerifyResult::StillThere,
            Fate::Back => VerifyResult::StillThere,
            Fate::Gone => VerifyResult::Gone,
        }
    }

    /// Things of a kind on a computer that are there when it is collected.
    fn there<'a>(&'a self, host: &'a str, kind: TraceKind) -> impl Iterator<Item = (&'a Planted, Fate)> {
        let all = self.things.iter().zip(self.fates.iter().copied());
        all.filter(move |(one, fate)| one.host == host && one.kind == kind && *fate != Fate::Gone)
    }

    /// When the evidence is of.
    fn as_of(&self) -> Moment {
        if self.outcome == AfterOutcome::Older {
            self.times.evicted.plus_seconds(0).plus_ms(-60 * 86_400_000)
        } else {
            self.times.collected
        }
    }

    fn tell_host(&self, host: &str, left_out: &BTreeSet<Artefact>, shelf: &mut Shelf) {
        let zip = format!("{host}.zip");
        let written = filetime(self.as_of());
        let mut whole = |artefact: Artefact, path: &str, bytes: Vec<u8>| {
            if !left_out.contains(&artefact) {
                shelf.put_whole(format!("{zip}!{path}"), bytes, Vec::new());
            }
        };
        let config = r"\SystemRoot\System32\Config\";
        whole(
            Artefact::System,
            "C/Windows/System32/config/SYSTEM",
            hive(&format!("{config}SYSTEM"), &self.system(host), written),
        );
        whole(
            Artefact::Software,
            "C/Windows/System32/config/SOFTWARE",
            hive(&format!("{config}SOFTWARE"), &self.software(host), written),
        );
        let account = self.there(host, TraceKind::Account).next().is_some();
        let member = self.there(host, TraceKind::GroupRight).next().is_some();
        let machine = if self.outcome == AfterOutcome::Reinstalled { &MACHINE_ANEW } else { &MACHINE };
        whole(
            Artefact::Sam,
            "C/Windows/System32/config/SAM",
            account_hive(machine, account, member, written),
        );
        whole(Artefact::Files, "MFTECmd_MFT_Output.csv", self.files(host).into_bytes());
        whole(
            Artefact::Wmi,
            "results/Windows.Persistence.PermanentWMIEvents.json",
            self.consumers(host).into_bytes(),
        );
        whole(
            Artefact::Iis,
            "C/Windows/System32/inetsrv/config/applicationHost.config",
            self.iis(host).into_bytes(),
        );
        if !left_out.contains(&Artefact::Logs) {
            self.events(host, &zip, shelf);
        }
    }

    fn events(&self, host: &str, zip: &str, shelf: &mut Shelf) {
        let mut random = Random::new(self.seed, &["days after", host]);
        let path = events_path(zip);
        let older = self.outcome == AfterOutcome::Older;
        let from = if older {
            self.as_of().plus_ms(-10 * 86_400_000)
        } else {
            self.times.evicted.plus_ms(-86_400_000)
        };
        let its: Vec<(&Planted, Fate)> =
            self.things.iter().zip(self.fates.iter().copied()).filter(|(one, _)| one.host == host).collect();
        let mut put =
            |time: Moment, line: String| shelf.put(path.clone(), Layout::JsonLines, time, line, None);
        for day in days(from, self.as_of()) {
            let midnight = Moment::midnight(day);
            for one in ordinary(midnight, &mut random).into_iter().filter(|one| one.time <= self.as_of()) {
                put(one.time, one.line(&fqdn(host)));
            }
            for (one, fate) in its.iter().filter(|(one, _)| one.kind == TraceKind::Connection) {
                let at = midnight.plus_seconds(random.between(60, 80_000));
                let calls = match fate {
                    Fate::There => true,
                    Fate::Back => at > self.times.returned,
                    Fate::Gone => at < self.times.evicted,
                };
                if calls && at <= self.as_of() && !older {
                    put(at, connection(at, &one.place).line(&fqdn(host)));
                }
            }
        }
        for (one, fate) in its.iter().filter(|_| !older) {
            let taken = self.times.evicted.plus_seconds(random.between(60, 7_000));
            if *fate != Fate::There {
                removed(one, taken).iter().for_each(|event| put(taken, event.line(&fqdn(host))));
            }
            if *fate == Fate::Back && one.kind != TraceKind::Connection {
                let at = self.times.returned;
                made(one, at).iter().for_each(|event| put(at, event.line(&fqdn(host))));
            }
        }
        self.requests(host, zip, from, shelf);
    }

    /// A day of a web server, and what his clients ask for.
    fn requests(&self, host: &str, zip: &str, from: Moment, shelf: &mut Shelf) {
        let mut random = Random::new(self.seed, &["requests after", host]);
        for day in days(from, self.as_of()) {
            let at = Moment::midnight(day).plus_seconds(random.between(100, 80_000));
            if at > self.as_of() {
                continue;
            }
            let line = format!(
                "{} 10.20.1.20 GET /owa/auth/logon.aspx - 443 - 192.0.2.44 Mozilla/5.0 - 200 0 0 31",
                at.iis()
            );
            let folder = format!("{zip}!C");
            shelf.put(crate::iis::path(&folder, at), Layout::Iis, at, line, None);
        }
    }

    fn system(&self, host: &str) -> Key {
        let mut root = Key::new("ROOT").at("", Key::new("Select").number("Current", 1));
        root = root
            .at(r"ControlSet001\Control\ComputerName", Key::new("ComputerName").text("ComputerName", host));
        for (name, image) in [
            ("EventLog", r"%SystemRoot%\System32\svchost.exe -k LocalServiceNetworkRestricted"),
            ("RpcSs", r"%SystemRoot%\system32\svchost.exe -k rpcss"),
            ("W32Time", r"%SystemRoot%\system32\svchost.exe -k LocalService"),
        ] {
            root = root.at(
                r"ControlSet001\Services",
                service(name, image, filetime(self.times.evicted.plus_ms(-400 * 86_400_000))),
            );
        }
        for (one, fate) in self.there(host, TraceKind::Service) {
            let at = if fate == Fate::Back {
                self.times.returned
            } else {
                self.times.evicted.plus_ms(-38 * 86_400_000)
            };
            root = root.at(r"ControlSet001\Services", service(&one.place, &one.detail, filetime(at)));
        }
        root
    }

    fn software(&self, host: &str) -> Key {
        let installed = if self.outcome == AfterOutcome::Reinstalled { 1_618_300_000 } else { 1_500_000_000 };
        let mut root = software_hive(installed);
        let cache = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache";
        root = with_task(
            root,
            cache,
            r"\Defrag",
            r"C:\Windows\System32\defrag.exe",
            filetime(self.times.evicted.plus_ms(-400 * 86_400_000)),
            1,
        );
        for (at, (one, fate)) in self.there(host, TraceKind::Task).enumerate() {
            let made = if fate == Fate::Back {
                self.times.returned
            } else {
                self.times.evicted.plus_ms(-38 * 86_400_000)
            };
            root = with_task(
                root,
                cache,
                &one.place,
                &one.detail,
                filetime(made),
                2 + u32::try_from(at).unwrap_or(0),
            );
        }
        let mut run =
            Key::new("Run").text("SecurityHealth", r"C:\Windows\System32\SecurityHealthSystray.exe");
        for (one, _) in self.there(host, TraceKind::RunValue) {
            let name = one.place.rsplit('\\').next().unwrap_or_default();
            run = run.text(name, &one.detail);
        }
        root = root.at(r"Microsoft\Windows\CurrentVersion", run);
        let store = r"Microsoft\SystemCertificates\ROOT\Certificates";
        let usual = Key::new("CDD4EEAE6000AC7F40C3802C171E30148030C072").value(
            "Blob",
            3,
            &[0x20, 0, 0, 0, 1, 0, 0, 0],
        );
        root = root.at(store, usual);
        for (one, _) in self.there(host, TraceKind::Certificate) {
            root = root.at(
                store,
                Key::new(&one.place.to_uppercase()).value("Blob", 3, &[0x20, 0, 0, 0, 1, 0, 0, 0]),
            );
        }
        root
    }

    /// A table of all files in the form of `MFTECmd`.
    fn files(&self, host: &str) -> String {
        let mut text = String::from(
            "\u{feff}EntryNumber,SequenceNumber,InUse,ParentEntryNumber,ParentSequenceNumber,ParentPath,FileName,Extension,FileSize,\
             ReferenceCount,ReparseTarget,IsDirectory,HasAds,IsAds,SI<FN,uSecZeros,Copied,SiFlags,NameType,Created0x10,Created0x30,\
             LastModified0x10,LastModified0x30,LastRecordChange0x10,LastRecordChange0x30,LastAccess0x10,LastAccess0x30,\
             UpdateSequenceNumber,LogfileSequenceNumber,SecurityId,ObjectIdFileDroid,LoggedUtilStream,ZoneIdContents\r\n",
        );
        let old = self.times.evicted.plus_ms(-400 * 86_400_000);
        let (mut number, as_of) = (5_u32, self.as_of());
        let mut row = |folder: &str, name: &str, is_folder: bool, made: Moment, changed: Moment| {
            number += 1;
            let word = if is_folder { "True" } else { "False" };
            let end = name.rsplit_once('.').map_or(String::new(), |(_, end)| format!(".{end}"));
            let (made, changed) = (format!("{}.1000000", made.iis()), format!("{}.1000000", changed.iis()));
            text.push_str(&format!(
                "{number},1,True,5,5,{folder},{name},{end},100,1,,{word},False,False,False,False,False,Archive,DosWindows,{made},,{changed},,{changed},,{changed},,1,2,3,,,\r\n"
            ));
        };
        for (folder, name) in [
            (".", "Windows"),
            (r".\Windows", "System32"),
            (".", "ProgramData"),
            (".", "inetpub"),
            (r".\inetpub", "wwwroot"),
        ] {
            row(folder, name, true, old, old);
        }
        row(r".\inetpub\wwwroot", "aspnet_client", true, old, old);
        row(r".\Windows\System32", "ntoskrnl.exe", false, old, old);
        row(r".\Windows\System32\winevt\Logs", "System.evtx", false, old, as_of);
        for kind in [TraceKind::Page, TraceKind::File] {
            for (one, fate) in self.there(host, kind) {
                let made = if fate == Fate::Back {
                    self.times.returned
                } else {
                    self.times.evicted.plus_ms(-38 * 86_400_000)
                };
                let plain = one.place.get(2..).unwrap_or_default();
                let (folder, name) = plain.rsplit_once('\\').unwrap_or(("", plain));
                row(&format!(".{folder}"), name, false, made, made);
            }
        }
        text
    }

    fn consumers(&self, host: &str) -> String {
        let line = |name: &str, command: &str| {
            let object = serde_json::json!({"ConsumerDetails": {"Name": name, "CommandLineTemplate": command}, "FilterDetails": {"Name": name}});
            format!("{object}\n")
        };
        let mut text = line("SCM Event Log Consumer", "");
        for (one, _) in self.there(host, TraceKind::WmiConsumer) {
            text.push_str(&line(&one.place, &one.detail));
        }
        text
    }

    fn iis(&self, host: &str) -> String {
        let mut modules = String::from(
            "<add name=\"StaticFileModule\" image=\"%windir%\\System32\\inetsrv\\static.dll\" />\r\n",
        );
        for (one, _) in self.there(host, TraceKind::Module) {
            modules.push_str(&format!("<add name=\"{}\" image=\"{}\" />\r\n", one.place, one.detail));
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<configuration>\r\n<system.webServer>\r\n<globalModules>\r\n{modules}</globalModules>\r\n</system.webServer>\r\n</configuration>\r\n"
        )
    }

    /// A computer on which nothing was.
    fn tell_other(&self, shelf: &mut Shelf) {
        let zip = "OTHER.zip";
        let mut random = Random::new(self.seed, &["other"]);
        for day in days(self.times.evicted, self.times.collected) {
            for one in ordinary(Moment::midnight(day), &mut random) {
                shelf.put(events_path(zip), Layout::JsonLines, one.time, one.line(&fqdn("OTHER")), None);
            }
        }
    }
}

fn service(name: &str, image: &str, written: u64) -> Key {
    Key::new(name)
        .written(written)
        .text("ImagePath", image)
        .number("Start", 2)
        .number("Type", 0x10)
        .text("ObjectName", "LocalSystem")
}

/// What every SOFTWARE has.
pub(super) fn software_hive(installed: u32) -> Key {
    let windows = Key::new("CurrentVersion")
        .text("ProductName", "Windows Server 2016 Standard")
        .number("InstallDate", installed);
    Key::new("ROOT").at(r"Microsoft\Windows NT", windows)
}

fn with_task(root: Key, cache: &str, path: &str, command: &str, made: u64, number: u32) -> Key {
    let id = format!("{{00000000-0000-4000-8000-{number:012x}}}");
    let mut info = 3_u32.to_le_bytes().to_vec();
    info.extend(made.to_le_bytes());
    info.extend([0; 24]);
    let mut actions = vec![3, 0];
    let text = |text: &str, to: &mut Vec<u8>| {
        let bytes = super::hive::wide(text);
        to.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
        to.extend(bytes);
    };
    text("Author", &mut actions);
    actions.extend([0x66, 0x66]);
    for part in ["", command, "", ""] {
        text(part, &mut actions);
    }
    actions.extend([0, 0]);
    let own = Key::new(&id).text("Path", path).value("DynamicInfo", 3, &info).value("Actions", 3, &actions);
    let folder = path.rsplit_once('\\').map_or("", |(folder, _)| folder);
    let name = path.rsplit('\\').next().unwrap_or_default();
    let in_tree = Key::new(name).text("Id", &id).value("SD", 3, &[1, 0, 4, 0x80]);
    root.at(&format!(r"{cache}\Tasks"), own).at(&format!(r"{cache}\Tree{folder}"), in_tree)
}

/// SAM: the built-in administrator, and the account and membership that were made.
pub(super) fn account_hive(machine: &[u32; 4], account: bool, member: bool, written: u64) -> Vec<u8> {
    let user = |rid: u32| {
        let mut facts = vec![0; 80];
        for (at, number) in [(48, rid), (56, 0x10)] {
            if let Some(place) = facts.get_mut(at..at + 4) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        Key::new(&format!("{rid:08X}")).value("F", 3, &facts)
    };
    let name = |name: &str, rid: u32| Key::new(name).value("", rid, &[]);
    let mut of_account = vec![0; 40];
    of_account.extend(sid(machine));
    let with_rid = |rid: u32| {
        let mut numbers = machine.to_vec();
        numbers.push(rid);
        sid(&numbers)
    };
    let mut members = vec![with_rid(500)];
    members.extend(member.then(|| with_rid(RID)));
    let users = r"SAM\Domains\Account\Users";
    let mut root = Key::new("SAM")
        .at(r"SAM\Domains", Key::new("Account").value("V", 3, &of_account))
        .at(users, user(500))
        .at(&format!(r"{users}\Names"), name("Administrator", 500))
        .at(
            r"SAM\Domains\Builtin\Aliases",
            Key::new("00000220").value("C", 3, &group("Administrators", &members)),
        );
    if account {
        root = root.at(users, user(RID)).at(&format!(r"{users}\Names"), name("updhelp", RID));
    }
    hive(r"\SystemRoot\System32\Config\SAM", &root, written)
}

/// A local group: a head, its name, its members.
fn group(name: &str, members: &[Vec<u8>]) -> Vec<u8> {
    let wide = super::hive::wide(name);
    let sids: Vec<u8> = members.iter().flatten().copied().collect();
    let number = |length: usize| u32::try_from(length).unwrap_or(0).to_le_bytes();
    let mut head = vec![0; 52];
    for (at, bytes) in [
        (16, number(0)),
        (20, number(wide.len())),
        (40, number(wide.len())),
        (44, number(sids.len())),
        (48, number(members.len())),
    ] {
        if let Some(place) = head.get_mut(at..at + 4) {
            place.copy_from_slice(&bytes);
        }
    }
    head.extend(wide);
    head.extend(sids);
    head
}
