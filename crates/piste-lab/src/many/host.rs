//! One host: what runs on it, and the events that this leaves.
//!
//! In: the fleet's pools and a stream of chance of its own. Out: one event after another, in the order of time. What is
//! remembered is a fixed number of running processes.

use std::fmt::Write as _;

use super::draft::Draft;
use super::fleet::{Account, DOMAIN, Fleet, Program, push_hashes};
use super::planted::{Planted, Start};
use super::text;
use super::words;
use crate::evtx::{FileTime, Guid, Kind, Sid, Value};
use crate::random::Random;

/// Processes of which later events speak.
const RUNNING: u32 = 96;
/// The first of them never end.
const LASTING: u32 = 12;

/// Files of which scripts come; none for what is typed.
const SCRIPT_PATHS: [&str; 3] = ["", r"C:\ops\scripts\inventory.ps1", r"C:\ops\monitor\check.ps1"];

/// A running process.
#[derive(Debug, Clone)]
pub(super) struct Running {
    guid: Guid,
    pid: u32,
    image: String,
    command: String,
    account: Account,
}

/// A host.
pub(super) struct Host<'f> {
    pub(super) fleet: &'f Fleet,
    pub(super) random: Random,
    name: &'static str,
    address: &'static str,
    machine: u32,
    unique: bool,
    running: Vec<Running>,
}

impl<'f> Host<'f> {
    pub(super) fn new(
        fleet: &'f Fleet,
        name: &'static str,
        address: &'static str,
        unique: bool,
        boot: FileTime,
    ) -> Self {
        let mut random = Random::new(fleet.seed, &["many", "host", name]);
        let machine = random.below(u32::MAX);
        let mut host = Self { fleet, random, name, address, machine, unique, running: Vec::new() };
        while host.running.len() < RUNNING as usize {
            let program = fleet.programs.pick(&mut host.random);
            let running = host.child(program, boot, None, false);
            host.running.push(running);
        }
        host
    }

    /// Tells one ordinary event of this kind.
    pub(super) fn tell(&mut self, draft: &mut Draft, kind: Kind, time: FileTime) {
        draft.begin(kind);
        match (kind.source.channel, kind.id) {
            (_, 1) => self.process(draft, time, None),
            (_, 3) => self.connection(draft, time),
            (_, 7) => self.library(draft, time),
            (_, 10) => self.access(draft, time, None),
            (_, 11) => self.file(draft, time),
            (_, 12 | 13) => self.key(draft, time),
            (_, 22) => self.query(draft, time),
            (_, 4104) => self.script(draft, None),
            (_, 7036) => {
                let state = *self.random.pick(&["running", "stopped"]);
                draft.texts(&[self.fleet.services.pick(&mut self.random), state]);
            }
            (_, 7045) => self.service(draft, None),
            _ => self.audit(draft),
        }
    }

    /// Tells a planted event.
    pub(super) fn plant(&mut self, draft: &mut Draft, planted: &Planted, time: FileTime) {
        draft.begin(planted.kind());
        match planted {
            Planted::Process(start) => self.process(draft, time, Some(start)),
            Planted::Lsass(image) => self.access(draft, time, Some(image)),
            Planted::Script(text) => self.script(draft, Some(text)),
            Planted::Service(name, path) => self.service(draft, Some((name, path))),
        }
    }

    fn process_guid(&mut self, time: FileTime, pid: u32) -> Guid {
        let seconds = time.unix_seconds();
        let half = |shift: u32| u16::try_from(seconds >> shift & 0xffff).unwrap_or(0);
        let tail = u64::from(pid & 0xffff) << 48 | self.random.bits() >> 32 << 8;
        Guid(self.machine, half(0), half(16), tail.to_be_bytes())
    }

    fn slot(&mut self) -> usize {
        // Half of all events are of the few processes that last.
        let lasting = self.random.chance(50);
        let slot =
            if lasting { self.random.below(LASTING) } else { self.random.between(LASTING, RUNNING - 1) };
        slot as usize
    }

    /// `None` never: there are always processes.
    fn running(&mut self) -> Option<&Running> {
        let slot = self.slot();
        self.running.get(slot)
    }

    /// Which process it is: the first fields of most of Sysmon's events.
    fn who(&mut self, draft: &mut Draft, time: FileTime, kind: Option<&str>) -> usize {
        let slot = self.slot();
        draft.text("-");
        draft.texts(kind.as_slice());
        draft.compose(|out| time.show_sysmon(out));
        if let Some(running) = self.running.get(slot) {
            draft.guid(running.guid);
            draft.u32(running.pid);
        }
        slot
    }

    fn image(&self, draft: &mut Draft, slot: usize) {
        draft.text(self.running.get(slot).map_or("-", |running| &running.image));
    }

    fn user(&self, draft: &mut Draft, slot: usize) {
        draft.text(self.running.get(slot).map_or("-", |running| &running.account.full));
    }

    fn process(&mut self, draft: &mut Draft, time: FileTime, planted: Option<&Start>) {
        let parent = self.slot();
        let fleet = self.fleet;
        let program = fleet.programs.pick(&mut self.random);
        // An installer that unpacks itself under a name of its own.
        let rare = planted.is_none() && self.random.below(4_000) == 0;
        let started = self.child(program, time, planted, rare);
        draft.text("-");
        draft.compose(|out| time.show_sysmon(out));
        draft.guid(started.guid);
        draft.u32(started.pid);
        draft.text(&started.image);
        match planted {
            Some(start) => {
                draft.texts(&[
                    "10.0.19041.1",
                    start.original,
                    text::WINDOWS,
                    text::MICROSOFT,
                    start.original,
                ]);
            }
            None if rare => draft.texts(&["1.0.0.0", "Setup", "-", "-", "-"]),
            None => {
                draft.text(&program.version);
                program.about.iter().for_each(|text| draft.text(text));
            }
        }
        let (account, person) = (&started.account, started.account.domain == "MIN");
        draft.text(&started.command);
        draft.text(if person { r"C:\Users\Public\" } else { r"C:\Windows\system32\" });
        draft.text(&account.full);
        draft.guid(Guid(self.machine, 7, 9, account.logon_id.to_be_bytes()));
        draft.hex(account.logon_id);
        draft.u32(u32::from(person));
        draft.text(if person { "Medium" } else { "System" });
        if rare {
            let random = &mut self.random;
            draft.compose(|out| push_hashes(random, out));
        } else {
            draft.text(&program.hashes);
        }
        self.parent(draft, parent, planted, &started);
        let slot = self.random.between(LASTING, RUNNING - 1) as usize;
        if let Some(place) = self.running.get_mut(slot) {
            *place = started;
        }
    }

    fn child(&mut self, program: &Program, time: FileTime, planted: Option<&Start>, rare: bool) -> Running {
        let account = match (planted, self.fleet.accounts.items().first()) {
            (Some(Start { system: true, .. }), Some(system)) => system,
            _ => self.fleet.accounts.pick(&mut self.random),
        };
        let random = &mut self.random;
        let (mut image, mut command) = (String::with_capacity(120), String::with_capacity(480));
        match planted {
            Some(start) => {
                image.push_str(start.image);
                text::expand(start.command, self.fleet, &account.name, random, &mut command);
            }
            None if rare => {
                let folder = random.bits() >> 16;
                let _ =
                    write!(image, r"C:\Users\{}\AppData\Local\Temp\{folder:012x}\setup.exe", account.name);
                let _ = write!(command, "{image} /quiet /norestart"); // a string takes all text
            }
            None => {
                image.push_str(&program.image);
                let pattern = program.commands.pick(random);
                text::expand(pattern, self.fleet, &account.name, random, &mut command);
                if random.chance(13) {
                    text::vary(random, &mut command);
                }
            }
        }
        if self.unique {
            text::unique_tail(random, &mut command);
        }
        let pid = random.between(100, 16_000) * 4;
        Running { guid: self.process_guid(time, pid), pid, image, command, account: account.clone() }
    }

    fn parent(&mut self, draft: &mut Draft, parent: usize, planted: Option<&Start>, child: &Running) {
        let Some(running) = self.running.get(parent) else { return };
        draft.guid(running.guid);
        draft.u32(running.pid);
        let usual = words::usual_parent(&child.image, &running.image);
        let (image, command) = match (planted, usual) {
            (Some(start), _) => (start.parent, start.parent),
            (None, Some(usual)) => usual,
            (None, None) => (running.image.as_str(), running.command.as_str()),
        };
        draft.text(image);
        let random = &mut self.random;
        let unique = self.unique;
        draft.compose(|out| {
            out.push_str(command);
            if unique {
                text::unique_tail(random, out);
            }
        });
        // Programs of a person are started by the person, services by the system.
        let person = child.account.domain == "MIN";
        draft.text(if person { &child.account.full } else { r"NT AUTHORITY\SYSTEM" });
    }

    fn connection(&mut self, draft: &mut Draft, time: FileTime) {
        let slot = self.who(draft, time, None);
        self.image(draft, slot);
        self.user(draft, slot);
        let outward = self.random.chance(80);
        draft.text(if self.random.chance(85) { "tcp" } else { "udp" });
        draft.value(Value::Bool(outward));
        let (other, port) = (self.fleet.addresses.pick(&mut self.random), self.port());
        let ephemeral = self.ephemeral();
        let own = self.address;
        let (from, to) = if outward { (own, other.as_str()) } else { (other.as_str(), own) };
        draft.value(Value::Bool(false));
        draft.texts(&[from, "-"]);
        draft.value(Value::U16(ephemeral));
        draft.text("-");
        draft.value(Value::Bool(false));
        draft.texts(&[to, "-"]);
        draft.value(Value::U16(port));
        draft.text("-");
    }

    fn port(&mut self) -> u16 {
        *self.random.pick(&[443, 443, 443, 443, 80, 389, 445, 53, 88, 135, 5985, 49_667, 3_268, 8_080, 25])
    }

    fn ephemeral(&mut self) -> u16 {
        u16::try_from(self.random.between(49_152, 65_535)).unwrap_or(u16::MAX)
    }

    fn library(&mut self, draft: &mut Draft, time: FileTime) {
        let slot = self.who(draft, time, None);
        self.image(draft, slot);
        let library = self.fleet.libraries.pick(&mut self.random);
        draft.texts(&[&library.path, "10.0.19041.3636 (WinBuild.160101.0800)", &library.name, text::WINDOWS]);
        draft.texts(&[text::MICROSOFT, &library.name, &library.hashes, "true", "Microsoft Windows", "Valid"]);
        self.user(draft, slot);
    }

    fn access(&mut self, draft: &mut Draft, time: FileTime, planted: Option<&str>) {
        draft.text("-");
        draft.compose(|out| time.show_sysmon(out));
        let (from, to) = (self.slot(), self.slot());
        let thread = self.random.between(100, 4_000) * 4;
        let granted = *self.random.pick(&[0x1000, 0x1000, 0x1000, 0x1400, 0x1410, 0x101_000, 0x1f_ffff]);
        let trace = self.random.bits();
        let (Some(source), Some(target)) = (self.running.get(from), self.running.get(to)) else { return };
        draft.guid(source.guid);
        draft.u32(source.pid);
        draft.u32(thread);
        draft.text(planted.unwrap_or(&source.image));
        draft.guid(target.guid);
        draft.u32(target.pid);
        draft.text(if planted.is_some() { r"C:\Windows\system32\lsass.exe" } else { &target.image });
        draft.value(Value::Hex32(if planted.is_some() { 0x1438 } else { granted }));
        draft.compose(|out| {
            let _ = write!(
                out,
                r"C:\Windows\SYSTEM32\ntdll.dll+9{:03x}4|C:\Windows\System32\KERNELBASE.dll+2{:02x}4e|{}+{:x}",
                trace & 0x3f,
                trace >> 8 & 0x1f,
                source.image,
                (trace >> 16 & 0xff) * 64 + 0x1000
            );
        });
        draft.texts(&[&source.account.full, &target.account.full]);
    }

    fn file(&mut self, draft: &mut Draft, time: FileTime) {
        let slot = self.who(draft, time, None);
        self.image(draft, slot);
        let account = self.fleet.accounts.pick(&mut self.random);
        let (random, document) =
            (&mut self.random, self.fleet.documents.pick(&mut Random::new(time.0, &["file"])));
        draft.compose(|out| {
            let _ = match random.below(10) {
                0..=2 => write!(
                    out,
                    r"C:\Users\{}\AppData\Local\Temp\{:08x}.tmp",
                    account.name,
                    random.bits() >> 32
                ),
                3..=5 => write!(out, r"C:\Users\{}\Documents\{document}", account.name),
                6 => write!(out, r"C:\Windows\Prefetch\{:04X}.pf", random.below(3_000)),
                7 => write!(
                    out,
                    r"C:\ProgramData\Microsoft\Windows\WER\Temp\WER{:04X}.tmp.xml",
                    random.bits() >> 48
                ),
                8 => write!(out, r"C:\Windows\Logs\WindowsUpdate\WindowsUpdate.{:03}.etl", random.below(400)),
                _ => write!(
                    out,
                    r"C:\Users\{}\AppData\Local\Microsoft\Office\16.0\Cache\{document}",
                    account.name
                ),
            }; // a string takes all text
        });
        draft.compose(|out| time.show_sysmon(out));
        self.user(draft, slot);
    }

    fn key(&mut self, draft: &mut Draft, time: FileTime) {
        let setting = draft.kind.id == 13;
        let kind =
            if setting { "SetValue" } else { *self.random.pick(&["CreateKey", "DeleteValue", "CreateKey"]) };
        let slot = self.who(draft, time, Some(kind));
        self.image(draft, slot);
        let key = self.fleet.keys.pick(&mut self.random);
        let random = &mut self.random;
        draft.compose(|out| {
            let _ = write!(out, r"{key}\{{{:08x}-{:04x}}}", random.below(300), random.below(3)); // as above
        });
        if setting {
            draft.compose(|out| {
                let _ = match random.below(4) {
                    0 => write!(out, "DWORD (0x{:08x})", random.below(2)),
                    1 => write!(
                        out,
                        "QWORD (0x{:08x}-0x{:08x})",
                        0x01da_0000 + random.below(500),
                        random.bits() >> 32
                    ),
                    2 => write!(out, "Binary Data"),
                    _ => write!(out, r"C:\Program Files\Contoso\{}.dll", random.below(2_000)),
                }; // as above
            });
        }
        self.user(draft, slot);
    }

    fn query(&mut self, draft: &mut Draft, time: FileTime) {
        let slot = self.who(draft, time, None);
        let found = self.random.chance(95);
        draft.text(self.fleet.sites.pick(&mut self.random));
        draft.text(if found { "0" } else { "9003" });
        let address = self.fleet.addresses.pick(&mut self.random);
        draft.compose(|out| {
            if found {
                let _ = write!(out, "::ffff:{address};"); // as above
            } else {
                out.push('-');
            }
        });
        self.image(draft, slot);
        self.user(draft, slot);
    }

    fn script(&mut self, draft: &mut Draft, planted: Option<&str>) {
        draft.u32(1);
        draft.u32(1);
        let script = self.fleet.scripts.pick(&mut self.random);
        let (random, unique) = (&mut self.random, self.unique);
        draft.compose(|out| {
            out.push_str(planted.unwrap_or(script));
            if random.chance(20) {
                let _ = write!(out, "# run {:016x}\r\n$run = '{:016x}'", random.bits(), random.bits()); // as above
            }
            if unique {
                text::unique_tail(random, out);
            }
        });
        draft.compose(|out| out.push_str(&random.guid()));
        let path: &&str = random.pick(&SCRIPT_PATHS);
        draft.text(path);
    }

    fn service(&mut self, draft: &mut Draft, planted: Option<(&str, &str)>) {
        if let Some((name, path)) = planted {
            draft.texts(&[name, path]);
        } else {
            let program = self.fleet.programs.pick(&mut self.random);
            draft.text(self.fleet.services.pick(&mut self.random));
            draft.text(&program.image);
        }
        draft.texts(&["user mode service", "demand start", "LocalSystem"]);
    }

    fn audit(&mut self, draft: &mut Draft) {
        match draft.kind.id {
            4624 => self.logon(draft),
            4625 => self.failed_logon(draft),
            4634 => {
                let logon = self.logon_id();
                self.account(draft, logon);
                draft.u32(3);
            }
            4672 => {
                let logon = self.logon_id();
                self.account(draft, logon);
                draft.text(text::PRIVILEGES);
            }
            4688 => self.started(draft),
            5156 => self.allowed(draft),
            _ => self.object(draft),
        }
    }

    fn logon_id(&mut self) -> u64 {
        u64::from(self.random.between(0x0008_0000, 0x0fff_ffff))
    }

    /// SID, name, domain and logon of an account.
    fn account(&mut self, draft: &mut Draft, logon_id: u64) {
        let account = self.fleet.accounts.pick(&mut self.random);
        draft.sid(account.sid);
        draft.texts(&[&account.name, account.domain]);
        draft.hex(if account.domain == "MIN" { logon_id } else { account.logon_id });
    }

    /// The computer's own account.
    fn computer(&self, draft: &mut Draft) {
        draft.sid(Sid::SYSTEM);
        let name = self.name;
        draft.compose(|out| {
            let _ = write!(out, "{name}$"); // as above
        });
        draft.text("MIN");
        draft.hex(0x3e7);
    }

    fn logon(&mut self, draft: &mut Draft) {
        self.computer(draft);
        let logon = self.logon_id();
        self.account(draft, logon);
        let kind = *self.random.pick(&[3, 3, 3, 3, 3, 3, 5, 5, 2, 7, 10]);
        draft.u32(kind);
        let kerberos = self.random.chance(75);
        draft.texts(if kerberos { &["Kerberos", "Kerberos", "-"] } else { &["NtLmSsp ", "NTLM", "WS001"] });
        let guid = Guid(self.random.below(u32::MAX), 0x11ee, 0x4ace, self.random.bits().to_be_bytes());
        draft.guid(if kerberos { guid } else { Guid::of(0) });
        draft.texts(&["-", if kerberos { "-" } else { "NTLM V2" }]);
        draft.u32(if kerberos { 0 } else { 128 });
        draft.hex(0);
        let port = self.ephemeral();
        draft.texts(&["-", self.fleet.inside.pick(&mut self.random)]);
        draft.compose(|out| Value::U16(port).show(out));
        draft.texts(&["%%1833", "-", "-", "-", "%%1843"]);
        draft.hex(0);
        draft.text(if self.random.chance(30) { "%%1842" } else { "%%1843" });
    }

    fn failed_logon(&mut self, draft: &mut Draft) {
        draft.sid(Sid::NULL);
        draft.texts(&["-", "-"]);
        draft.hex(0);
        draft.sid(Sid::NULL);
        draft.texts(&[&self.fleet.accounts.pick(&mut self.random).name, "MIN"]);
        draft.value(Value::Hex32(0xc000_006d));
        draft.text("%%2313");
        draft.value(Value::Hex32(*self.random.pick(&[0xc000_006a, 0xc000_0064])));
        draft.u32(3);
        draft.texts(&["NtLmSsp ", "NTLM", "WS002", "-", "-"]);
        draft.u32(0);
        draft.hex(0);
        let port = self.ephemeral();
        draft.texts(&["-", self.fleet.inside.pick(&mut self.random)]);
        draft.compose(|out| Value::U16(port).show(out));
    }

    fn started(&mut self, draft: &mut Draft) {
        let logon = self.logon_id();
        self.account(draft, logon);
        let (child, parent) = (self.slot(), self.slot());
        let (Some(child), Some(parent)) = (self.running.get(child), self.running.get(parent)) else { return };
        draft.hex(u64::from(child.pid));
        draft.texts(&[&child.image, "%%1936"]);
        draft.hex(u64::from(parent.pid));
        let (random, unique) = (&mut self.random, self.unique);
        draft.compose(|out| {
            out.push_str(&child.command);
            if unique {
                text::unique_tail(random, out);
            }
        });
        draft.sid(Sid::NULL);
        draft.texts(&["-", "-"]);
        draft.hex(0);
        let usual = words::usual_parent(&child.image, &parent.image);
        draft.text(usual.map_or(parent.image.as_str(), |usual| usual.0));
        draft.sid(Sid::label(if child.account.domain == "MIN" { 8_192 } else { 16_384 }));
    }

    fn allowed(&mut self, draft: &mut Draft) {
        let outward = self.random.chance(70);
        let (port, ephemeral) = (self.port(), self.ephemeral());
        let own = self.address;
        let other = self.fleet.addresses.pick(&mut self.random);
        let Some(running) = self.running() else { return };
        draft.value(Value::U64(u64::from(running.pid)));
        let image = &running.image;
        draft.compose(|out| {
            out.push_str(r"\device\harddiskvolume3\");
            out.extend(image.chars().skip(3).map(|letter| letter.to_ascii_lowercase()));
        });
        draft.text(if outward { "%%14593" } else { "%%14592" });
        let (from, to) = if outward { (own, other.as_str()) } else { (other.as_str(), own) };
        draft.text(from);
        draft.compose(|out| Value::U16(ephemeral).show(out));
        draft.text(to);
        draft.compose(|out| Value::U16(port).show(out));
        draft.u32(6);
        draft.value(Value::U64(if outward { 71_512 } else { 71_510 }));
        draft.text(if outward { "%%14611" } else { "%%14610" });
        draft.value(Value::U64(if outward { 48 } else { 44 }));
        draft.sid(Sid::NULL);
        draft.sid(Sid::NULL);
    }

    fn object(&mut self, draft: &mut Draft) {
        let logon = self.logon_id();
        self.account(draft, logon);
        let account = self.fleet.accounts.pick(&mut self.random);
        let document = self.fleet.documents.pick(&mut self.random);
        draft.texts(&["Security", "File"]);
        draft.compose(|out| {
            let _ = write!(out, r"D:\home\{}\{document}", account.name); // as above
        });
        draft.hex(u64::from(self.random.between(0x100, 0x2fff) * 4));
        let (access, mask) = *self.random.pick(&[
            ("%%4416\r\n\t\t\t\t", 1),
            ("%%4417\r\n\t\t\t\t", 2),
            ("%%1537\r\n\t\t\t\t", 0x1_0000),
        ]);
        draft.text(access);
        draft.value(Value::Hex32(mask));
        let Some(running) = self.running() else { return };
        draft.hex(u64::from(running.pid));
        draft.text(&running.image);
        draft.text("S:AI");
    }

    /// Who wrote the event: process, thread, account.
    pub(super) fn writer(kind: &Kind) -> (u32, u32, Option<Sid>) {
        match kind.source.channel {
            "Security" => (4, 88, None),
            "System" => (712, 4_804, None),
            "Microsoft-Windows-PowerShell/Operational" => (6_120, 7_004, Some(Sid::account(DOMAIN, 1_104))),
            _ => (3_016, 4_228, Some(Sid::SYSTEM)),
        }
    }
}
