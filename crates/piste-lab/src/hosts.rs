//! Ordinary days of the Windows hosts: logons, services, updates, page compilations, programs.
//!
//! In: a host and a day. Out: events on the stage, each only if its channel still has the day. The benign twins of an
//! intruder's doings are here on purpose: compilers below IIS's workers, an updater that installs a service, a monitor
//! that looks into LSASS, an administrator who exports a leaver's mailbox.

use jiff::civil::{Date, Weekday};

use crate::moment::Moment;
use crate::random::Random;
use crate::rhythm;
use crate::scenario::{Host, Role, Source};
use crate::security::{self, Logon, Session};
use crate::stage::Stage;
use crate::sysmon::{self, Process, Runner};
use crate::system;

const MONITOR: &str = r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\MSExchangeHMWorker.exe";
const ANTIVIRUS: &str = r"C:\Program Files\Windows Defender\MsMpEng.exe";
const FRAMEWORK: &str = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319";
const SERVICES: [&str; 5] = [
    "WMI Performance Adapter",
    "Software Protection",
    "Windows Modules Installer",
    "Background Intelligent Transfer Service",
    "Windows Update",
];
/// Cmdlets that change something and mean nothing; `%` is a mailbox.
const CMDLETS: [(&str, &str); 5] = [
    ("Set-Mailbox", "-Identity \"%\" -ProhibitSendQuota \"2 GB (2,147,483,648 bytes)\""),
    ("Set-CASMailbox", "-Identity \"%\" -ActiveSyncEnabled \"True\""),
    ("Add-MailboxPermission", "-Identity \"secretariat\" -User \"MIN\\%\" -AccessRights \"FullAccess\""),
    ("Set-DistributionGroup", "-Identity \"All staff\" -ManagedBy \"%\""),
    ("New-InboxRule", "-Mailbox \"%\" -Name \"Newsletters\" -MoveToFolder \"%:\\News\""),
];

/// Tells a day of a host.
pub(crate) fn tell(stage: &mut Stage<'_>, host: &Host, day: Date) {
    let mut random = stage.random(&["host", &host.name, &day.to_string()]);
    let quiet = stage.scenario.is_quiet(day);
    if host.keeps_of_day(&[Source::System], day) {
        services(stage, &mut random, host, day);
    }
    if host.keeps_of_day(&[Source::Management, Source::Application], day) {
        administration(stage, &mut random, host, day, quiet);
    }
    if !host.keeps_of_day(&[Source::Security, Source::Sysmon], day) {
        return;
    }
    maintenance(stage, &mut random, host, day);
    match host.role {
        Role::Exchange => exchange(stage, &mut random, host, day, quiet),
        Role::DomainController => domain_controller(stage, &mut random, host, day, quiet),
        Role::Workstation => workstation(stage, &mut random, host, day, quiet),
    }
}

/// The System channel: states of services, the nightly uptime, updates.
fn services(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date) {
    let noon = Moment::midnight(day).plus_seconds(12 * 3600);
    let boots = stage.scenario.patch_days.iter().filter(|patched| **patched < day).max();
    let up =
        boots.map_or(8_640_000, |boot| noon.unix_seconds() - Moment::midnight(*boot).unix_seconds() - 70_000);
    stage.event(host, &system::uptime(noon.plus_ms(i64::from(random.below(900))), up));
    for at in rhythm::scattered(random, day, 1) {
        let service = *random.pick(&SERVICES);
        stage.event(host, &system::service_state(at, service, "running"));
        let later = at.plus_seconds(random.between(30, 600));
        stage.event(host, &system::service_state(later, service, "stopped"));
    }
    if stage.scenario.patch_days.contains(&day) {
        patch_day(stage, random, host, day);
    }
}

fn patch_day(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date) {
    let start = Moment::midnight(day).plus_seconds(19 * 3600 + random.below(600));
    let product =
        if host.role == Role::Workstation { "Windows 10 Version 1607" } else { "Windows Server 2016" };
    let title = format!(
        "{:04}-{:02} Cumulative Update for {product} for x64-based Systems (KB4{})",
        day.year(),
        day.month(),
        random.between(480_000, 599_999)
    );
    stage.event(host, &system::update_installed(start, &title, &random.guid()));
    let version = format!("4.18.{:02}{:02}.4", day.year() % 100, day.month());
    let driver = format!(r"C:\ProgramData\Microsoft\Windows Defender\Platform\{version}-0\MsMpEng.exe");
    let install = system::service_installed(start.plus_seconds(80), "WinDefend", &driver, "auto start");
    stage.event(host, &install);
    stage.event(host, &system::event_log(start.plus_seconds(640), false));
    stage.event(host, &system::event_log(start.plus_seconds(701), true));
    let trusted =
        Process::lasting(&host.name, r"C:\Windows\servicing\TrustedInstaller.exe", "TrustedInstaller.exe");
    let image = r"C:\Windows\WinSxS\amd64_microsoft-windows-servicingstack_31bf3856ad364e35\TiWorker.exe";
    start_process(
        stage,
        random,
        host,
        start.plus_seconds(20),
        &trusted,
        image,
        &format!("{image} -Embedding"),
        None,
    );
}

/// Cmdlets of administrators and the channel Application.
fn administration(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date, quiet: bool) {
    let scenario = stage.scenario;
    for at in rhythm::clockwork(random, day, 1, 3_000_000) {
        stage.event(host, &system::policy_applied(at));
    }
    if host.role != Role::Exchange {
        return;
    }
    for at in rhythm::people(random, day, quiet, 2) {
        let (name, parameters) = *random.pick(&CMDLETS);
        let mailbox = &random.pick(&scenario.users).name;
        stage.event(host, &system::cmdlet(at, name, &parameters.replace('%', mailbox)));
    }
    if day.day() == 12 {
        // Personnel ask for the mailbox of who has left: to the file server, by name, in office hours.
        let at = Moment::midnight(day).plus_seconds(9 * 3600 + random.below(7_200));
        let leaver = format!("leaver{:02}{:02}", day.year() % 100, day.month());
        let parameters = format!("-Mailbox \"{leaver}\" -FilePath \"\\\\FS01\\leavers$\\{leaver}.pst\"");
        stage.event(host, &system::cmdlet(at, "New-MailboxExportRequest", &parameters));
    }
}

/// Jobs that every host has.
fn maintenance(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date) {
    let tasks = Process::services(&host.name, "netsvcs -p -s Schedule");
    let jobs = [
        (2 * 3600, r"C:\Windows\System32\wsqmcons.exe", r"C:\Windows\System32\wsqmcons.exe"),
        (3 * 3600 + 900, r"C:\Windows\System32\taskhostw.exe", "taskhostw.exe SYSTEM"),
        (11 * 3600, r"C:\Windows\System32\taskhostw.exe", "taskhostw.exe Install $(Arg0)"),
        (
            17 * 3600 + 60,
            r"C:\Windows\System32\wuauclt.exe",
            r"C:\Windows\system32\wuauclt.exe /RunHandlerComServer",
        ),
    ];
    for (second, image, command) in jobs {
        let at = Moment::midnight(day).plus_seconds(second).plus_ms(i64::from(random.below(240_000)));
        start_process(stage, random, host, at, &tasks, image, command, None);
    }
    let antivirus = Process::lasting(&host.name, ANTIVIRUS, ANTIVIRUS);
    let lsass = lsass(&host.name);
    for at in rhythm::clockwork(random, day, 4, 900_000) {
        let through = r"C:\Program Files\Windows Defender\MPSVC.DLL+3b1c6";
        stage.event(host, &sysmon::accessed(at, &antivirus, &lsass, "0x1000", through));
    }
}

/// The process that holds the secrets.
pub(crate) fn lsass(host: &str) -> Process {
    Process::lasting(host, r"C:\Windows\System32\lsass.exe", r"C:\Windows\system32\lsass.exe")
}

fn exchange(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date, quiet: bool) {
    let scenario = stage.scenario;
    let domain = &scenario.domain;
    let monitor = Process::lasting(&host.name, MONITOR, &format!("\"{MONITOR}\" -workerListening"));
    for at in rhythm::clockwork(random, day, 36, 400_000) {
        let probe = &scenario.mail.health_mailbox;
        let who = Session::new(random, scenario.sid(&probe.name), &probe.name, &domain.netbios);
        let how = Logon::network("NTLM", &host.name, &probe.seat, random.between(20_000, 60_000));
        session(stage, random, host, at, &who, &how, false);
    }
    for at in rhythm::clockwork(random, day, 10, 900_000) {
        let system = Session::system(&host.name, &domain.netbios);
        let (probe, server) = (&scenario.mail.health_mailbox.name, stage.fqdn(host));
        stage.event(host, &security::explicit_credentials(at, &system, probe, &server, MONITOR));
        let netsh = r"C:\Windows\System32\netsh.exe";
        start_process(stage, random, host, at, &monitor, netsh, "\"netsh\" interface tcp show global", None);
        let ends = (("127.0.0.1", random.between(20_000, 60_000)), ("127.0.0.1", 443));
        let user = r"NT AUTHORITY\SYSTEM";
        stage.event(host, &sysmon::connected(at.plus_ms(700), &monitor, user, ends.0, ends.1, true));
    }
    for at in rhythm::people(random, day, quiet, 30) {
        let user = random.pick(&scenario.users);
        let who = Session::new(random, scenario.sid(&user.name), &user.name, &domain.netbios);
        let package = if random.chance(80) { "Kerberos" } else { "NTLM" };
        let how = Logon::network(package, "WS", &user.seat, random.between(49_152, 65_535));
        if random.chance(5) {
            stage.event(host, &security::refused(at.plus_ms(-4_000), &user.name, &domain.netbios, &how));
        }
        session(stage, random, host, at, &who, &how, false);
        let worker = Process::pool(&host.name, "MSExchangeMapiFrontEndAppPool");
        let (from, to) = ((user.seat.as_str(), how.port), (host.address.as_str(), 443));
        stage.event(host, &sysmon::connected(at, &worker, r"NT AUTHORITY\SYSTEM", from, to, false));
    }
    for at in rhythm::clockwork(random, day, 3, 9_000_000) {
        page_compiled(stage, random, host, at);
    }
}

/// What a page's first request after a restart does: the benign child of IIS's worker.
fn page_compiled(stage: &mut Stage<'_>, random: &mut Random, host: &Host, at: Moment) {
    let pool = random.pick(&["MSExchangeOWAAppPool", "MSExchangeECPAppPool"]);
    let worker = Process::pool(&host.name, pool);
    let name = random.hex(8);
    let folder = format!(r"{FRAMEWORK}\Temporary ASP.NET Files\owa\{}\{}", random.hex(8), random.hex(8));
    let command = format!(r#""{FRAMEWORK}\csc.exe" /noconfig /fullpaths @"{folder}\{name}.cmdline""#);
    let csc =
        start_process(stage, random, host, at, &worker, &format!(r"{FRAMEWORK}\csc.exe"), &command, None);
    let temp = random.hex(4).to_uppercase();
    let command = format!(
        r#"{FRAMEWORK}\cvtres.exe /NOLOGO /READONLY /MACHINE:IX86 "/OUT:C:\Windows\TEMP\RES{temp}.tmp""#
    );
    let image = format!(r"{FRAMEWORK}\cvtres.exe");
    start_process(stage, random, host, at.plus_ms(240), &csc, &image, &command, None);
    let assembly = format!(r"{folder}\App_Web_{name}.dll");
    stage.event(host, &sysmon::file_created(at.plus_ms(600), &csc, &assembly));
}

fn domain_controller(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date, quiet: bool) {
    let scenario = stage.scenario;
    let domain = &scenario.domain;
    for other in scenario.hosts.iter().filter(|other| other.name != host.name) {
        let name = format!("{}$", other.name);
        for at in rhythm::clockwork(random, day, 10, 600_000) {
            let who = Session::new(random, format!("{}-1001", domain.sid), &name, &domain.netbios);
            let how = Logon::network("Kerberos", "-", &other.address, random.between(49_152, 65_535));
            session(stage, random, host, at, &who, &how, false);
            let service = (format!("{}$", host.name), format!("{}-1000", domain.sid));
            let ticket = security::ticket(
                at.plus_ms(-3),
                &name,
                &domain.dns,
                (&service.0, &service.1),
                &other.address,
            );
            stage.event(host, &ticket);
        }
    }
    for at in rhythm::people(random, day, quiet, 60) {
        let user = random.pick(&scenario.users);
        let service = (format!("{}$", stage.exchange.name), format!("{}-1002", domain.sid));
        let ticket = security::ticket(at, &user.name, &domain.dns, (&service.0, &service.1), &user.seat);
        stage.event(host, &ticket);
    }
    for at in rhythm::people(random, day, quiet, 2) {
        let admin = random.pick(&scenario.admins);
        let who = Session::new(random, scenario.sid(&admin.name), &admin.name, &domain.netbios);
        let how = Logon::network("Kerberos", "-", &admin.seat, random.between(49_152, 65_535));
        session(stage, random, host, at, &who, &how, true);
    }
    for backup in &scenario.service_accounts {
        // The nightly backup: always from its own server, always with Kerberos.
        let at = Moment::midnight(day).plus_seconds(3_600).plus_ms(i64::from(random.below(60_000)));
        let who = Session::new(random, scenario.sid(&backup.name), &backup.name, &domain.netbios);
        let how = Logon::network("Kerberos", "-", &backup.seat, random.between(49_152, 65_535));
        session(stage, random, host, at, &who, &how, true);
    }
}

fn workstation(stage: &mut Stage<'_>, random: &mut Random, host: &Host, day: Date, quiet: bool) {
    const PROGRAMS: [(&str, &str); 4] = [
        (r"C:\Program Files\Microsoft Office\Office16\OUTLOOK.EXE", "OUTLOOK.EXE"),
        (
            r"C:\Program Files\Microsoft Office\Office16\WINWORD.EXE",
            "WINWORD.EXE /n C:\\Users\\%\\Documents\\note.docx",
        ),
        (
            r"C:\Program Files\Microsoft Office\Office16\EXCEL.EXE",
            "EXCEL.EXE C:\\Users\\%\\Documents\\budget.xlsx",
        ),
        (r"C:\Program Files\Mozilla Firefox\firefox.exe", "firefox.exe -osint -url https://news.example/"),
    ];
    let scenario = stage.scenario;
    let domain = &scenario.domain;
    let resting = quiet || matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let Some(user) = host.user.as_deref().filter(|_| !resting) else { return };
    let person = Runner::person(&domain.netbios, user);
    let shell = Process::lasting(&host.name, r"C:\Windows\explorer.exe", r"C:\Windows\Explorer.EXE");
    let arrival = Moment::midnight(day).plus_seconds(6 * 3600 + 1800 + random.below(2_400));
    let who = Session::new(random, scenario.sid(user), user, &domain.netbios);
    stage.event(host, &security::logged_on(arrival, &who, &Logon::console(2, &host.name), false));
    for at in rhythm::people(random, day, false, 24) {
        let (image, command) = *random.pick(&PROGRAMS);
        let command = command.replace('%', user);
        let program = start_process(stage, random, host, at, &shell, image, &command, Some(&person));
        let port = random.between(49_152, 65_535);
        let mx01 = (stage.exchange.address.as_str(), 443);
        let connected =
            sysmon::connected(at.plus_ms(900), &program, &person.user, (&host.address, port), mx01, true);
        stage.event(host, &connected);
        if random.chance(25) {
            let file =
                format!(r"C:\Users\{user}\AppData\Local\Temp\~DF{}.TMP", random.hex(16).to_uppercase());
            stage.event(host, &sysmon::file_created(at.plus_ms(1_400), &program, &file));
        }
        if random.chance(10) {
            let back = Session::new(random, scenario.sid(user), user, &domain.netbios);
            let how = Logon::console(7, &host.name);
            stage.event(host, &security::logged_on(at.plus_ms(-9_000), &back, &how, false));
        }
    }
}

/// A logon, its privileges if it has any, and its end.
fn session(
    stage: &mut Stage<'_>,
    random: &mut Random,
    host: &Host,
    at: Moment,
    who: &Session,
    how: &Logon,
    privileged: bool,
) {
    stage.event(host, &security::logged_on(at, who, how, privileged));
    if privileged {
        stage.event(host, &security::privileged(at.plus_ms(1), who));
    }
    let end = at.plus_ms(i64::from(random.between(900, 240_000)));
    stage.event(host, &security::logged_off(end, who, how.kind));
}

/// A process starts: Sysmon says so, and the audit of processes. As the computer itself if `runner` is absent.
#[expect(
    clippy::too_many_arguments,
    reason = "a process start has this many facts, and all differ from call to call"
)]
pub(crate) fn start_process(
    stage: &mut Stage<'_>,
    random: &mut Random,
    host: &Host,
    at: Moment,
    parent: &Process,
    image: &str,
    command: &str,
    runner: Option<&Runner>,
) -> Process {
    let child = Process::new(random, &host.name, at, image, command);
    let system = Runner::system();
    let runner = runner.unwrap_or(&system);
    stage.event(host, &sysmon::process_created(at, &child, parent, runner));
    let domain = &stage.scenario.domain;
    let who = match runner.user.split_once('\\') {
        Some((netbios, name)) if netbios == domain.netbios => Session {
            sid: stage.scenario.sid(name),
            name: name.to_owned(),
            domain: netbios.to_owned(),
            logon_id: runner.logon_id.clone(),
        },
        _ => Session::system(&host.name, &domain.netbios),
    };
    let started = (child.pid, child.image.as_str(), child.command.as_str());
    stage.event(host, &security::process_started(at.plus_ms(1), &who, started, (parent.pid, &parent.image)));
    child
}
