//! Events of the Security channel: logons, their end and their privileges, processes, tickets, tasks.
//!
//! In: who, from where, when. Out: events with the fields of Server 2016 in Windows' order.

use crate::moment::Moment;
use crate::random::Random;
use crate::windows::{AUDITING, Event, Field, section};

/// The GUID of no logon.
pub(crate) const NO_GUID: &str = "{00000000-0000-0000-0000-000000000000}";
const FAILURE: &str = "0x8010000000000000";
const PRIVILEGES: [&str; 9] = [
    "SeSecurityPrivilege",
    "SeBackupPrivilege",
    "SeRestorePrivilege",
    "SeTakeOwnershipPrivilege",
    "SeDebugPrivilege",
    "SeSystemEnvironmentPrivilege",
    "SeLoadDriverPrivilege",
    "SeImpersonatePrivilege",
    "SeDelegateSessionUserImpersonatePrivilege",
];

/// An account in one logon session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    /// `0x3e7`
    pub(crate) logon_id: String,
}

impl Session {
    /// The computer itself.
    pub(crate) fn system(computer: &str, domain: &str) -> Self {
        Self {
            sid: "S-1-5-18".to_owned(),
            name: format!("{computer}$"),
            domain: domain.to_owned(),
            logon_id: "0x3e7".to_owned(),
        }
    }

    /// A session of an account with a number of its own.
    pub(crate) fn new(random: &mut Random, sid: String, name: &str, domain: &str) -> Self {
        let logon_id = format!("0x{:x}", random.between(0x0008_0000, 0x0fff_ffff));
        Self { sid, name: name.to_owned(), domain: domain.to_owned(), logon_id }
    }

    fn shown(&self) -> [(&'static str, &str); 4] {
        [
            ("Security ID", &self.sid),
            ("Account Name", &self.name),
            ("Account Domain", &self.domain),
            ("Logon ID", &self.logon_id),
        ]
    }

    fn subject(&self) -> [Field; 4] {
        [
            ("SubjectUserSid", self.sid.clone()),
            ("SubjectUserName", self.name.clone()),
            ("SubjectDomainName", self.domain.clone()),
            ("SubjectLogonId", self.logon_id.clone()),
        ]
    }

    fn target(&self) -> [Field; 4] {
        [
            ("TargetUserSid", self.sid.clone()),
            ("TargetUserName", self.name.clone()),
            ("TargetDomainName", self.domain.clone()),
            ("TargetLogonId", self.logon_id.clone()),
        ]
    }
}

/// How and from where somebody logs on.
#[derive(Debug, Clone)]
pub(crate) struct Logon {
    /// 2, 3, 5, 7, 8, 10
    pub(crate) kind: u8,
    /// `Kerberos`, `NTLM`, `Negotiate`
    pub(crate) package: &'static str,
    /// `-` if unknown
    pub(crate) workstation: String,
    /// `-` if none
    pub(crate) address: String,
    pub(crate) port: u32,
    /// `-` if none
    pub(crate) process: &'static str,
}

impl Logon {
    /// Over the network from a host that is a member of the domain.
    pub(crate) fn network(package: &'static str, workstation: &str, address: &str, port: u32) -> Self {
        let workstation = if package == "Kerberos" { "-" } else { workstation };
        let (workstation, address) = (workstation.to_owned(), address.to_owned());
        Self { kind: 3, package, workstation, address, port, process: "-" }
    }

    /// At the keyboard (2) or back from the lock screen (7).
    pub(crate) fn console(kind: u8, workstation: &str) -> Self {
        let workstation = workstation.to_owned();
        let address = "127.0.0.1".to_owned();
        let process = r"C:\Windows\System32\svchost.exe";
        Self { kind, package: "Negotiate", workstation, address, port: 0, process }
    }

    fn logon_process(&self) -> &'static str {
        match (self.kind, self.package) {
            (2 | 7, _) => "User32 ",
            (_, "Kerberos") => "Kerberos",
            (_, "NTLM") => "NtLmSsp ",
            _ => "Advapi  ",
        }
    }

    fn lm_package(&self) -> &'static str {
        if self.package == "NTLM" { "NTLM V2" } else { "-" }
    }
}

fn event(id: u16, task: u16, time: Moment, message: String, fields: Vec<Field>) -> Event {
    Event { provider: AUDITING, id, level: 0, task, keywords: None, time, message, fields }
}

/// 4624: somebody logged on. `by` is who asked for it on this computer, the null SID over the network.
pub(crate) fn logged_on(time: Moment, who: &Session, how: &Logon, elevated: bool) -> Event {
    let kind = how.kind.to_string();
    let port = if how.address == "-" { "-".to_owned() } else { how.port.to_string() };
    let elevated = if elevated { ("Yes", "%%1842") } else { ("No", "%%1843") };
    let mut message = String::from("An account was successfully logged on.");
    message += &section(
        "Subject",
        &[("Security ID", "S-1-0-0"), ("Account Name", "-"), ("Account Domain", "-"), ("Logon ID", "0x0")],
    );
    message += &section("Logon Information", &[("Logon Type", &kind), ("Elevated Token", elevated.0)]);
    message += &section("New Logon", &who.shown());
    message += &section("Process Information", &[("Process ID", "0x0"), ("Process Name", how.process)]);
    message += &section(
        "Network Information",
        &[
            ("Workstation Name", &how.workstation),
            ("Source Network Address", &how.address),
            ("Source Port", &port),
        ],
    );
    message += &section(
        "Detailed Authentication Information",
        &[("Logon Process", how.logon_process()), ("Authentication Package", how.package)],
    );
    let mut fields: Vec<Field> = vec![
        ("SubjectUserSid", "S-1-0-0".into()),
        ("SubjectUserName", "-".into()),
        ("SubjectDomainName", "-".into()),
        ("SubjectLogonId", "0x0".into()),
    ];
    fields.extend(who.target());
    fields.extend([
        ("LogonType", kind),
        ("LogonProcessName", how.logon_process().into()),
        ("AuthenticationPackageName", how.package.into()),
        ("WorkstationName", how.workstation.clone()),
        ("LogonGuid", NO_GUID.into()),
        ("TransmittedServices", "-".into()),
        ("LmPackageName", how.lm_package().into()),
        ("KeyLength", if how.package == "NTLM" { "128" } else { "0" }.into()),
        ("ProcessId", "0x0".into()),
        ("ProcessName", how.process.into()),
        ("IpAddress", how.address.clone()),
        ("IpPort", port),
        ("ImpersonationLevel", "%%1833".into()),
        ("RestrictedAdminMode", "-".into()),
        ("TargetOutboundUserName", "-".into()),
        ("TargetOutboundDomainName", "-".into()),
        ("VirtualAccount", "%%1843".into()),
        ("TargetLinkedLogonId", "0x0".into()),
        ("ElevatedToken", elevated.1.into()),
    ]);
    event(4624, 12544, time, message, fields)
}

/// 4634: somebody logged off.
pub(crate) fn logged_off(time: Moment, who: &Session, kind: u8) -> Event {
    let mut message = String::from("An account was logged off.");
    message += &section("Subject", &who.shown());
    message += "\r\n\r\nLogon Type:\t\t\t";
    message += &kind.to_string();
    let mut fields = who.target().to_vec();
    fields.push(("LogonType", kind.to_string()));
    event(4634, 12545, time, message, fields)
}

/// 4625: somebody gave a wrong password.
pub(crate) fn refused(time: Moment, name: &str, domain: &str, how: &Logon) -> Event {
    let kind = how.kind.to_string();
    let port = how.port.to_string();
    let mut message = String::from("An account failed to log on.");
    message += &section(
        "Account For Which Logon Failed",
        &[("Security ID", "S-1-0-0"), ("Account Name", name), ("Account Domain", domain)],
    );
    message += &section(
        "Failure Information",
        &[
            ("Failure Reason", "Unknown user name or bad password."),
            ("Status", "0xC000006D"),
            ("Sub Status", "0xC000006A"),
        ],
    );
    message += &section(
        "Network Information",
        &[
            ("Workstation Name", &how.workstation),
            ("Source Network Address", &how.address),
            ("Source Port", &port),
        ],
    );
    let fields = vec![
        ("SubjectUserSid", "S-1-0-0".to_owned()),
        ("SubjectUserName", "-".into()),
        ("SubjectDomainName", "-".into()),
        ("SubjectLogonId", "0x0".into()),
        ("TargetUserSid", "S-1-0-0".into()),
        ("TargetUserName", name.into()),
        ("TargetDomainName", domain.into()),
        ("Status", "0xc000006d".into()),
        ("FailureReason", "%%2313".into()),
        ("SubStatus", "0xc000006a".into()),
        ("LogonType", kind),
        ("LogonProcessName", how.logon_process().into()),
        ("AuthenticationPackageName", how.package.into()),
        ("WorkstationName", how.workstation.clone()),
        ("TransmittedServices", "-".into()),
        ("LmPackageName", "-".into()),
        ("KeyLength", "0".into()),
        ("ProcessId", "0x0".into()),
        ("ProcessName", how.process.into()),
        ("IpAddress", how.address.clone()),
        ("IpPort", port),
    ];
    Event { keywords: Some(FAILURE), ..event(4625, 12544, time, message, fields) }
}

/// 4672: a new logon has the privileges of an administrator.
pub(crate) fn privileged(time: Moment, who: &Session) -> Event {
    let mut message = String::from("Special privileges assigned to new logon.");
    message += &section("Subject", &who.shown());
    message += "\r\n\r\nPrivileges:\t\t";
    message += &PRIVILEGES.join("\r\n\t\t\t");
    let mut fields = who.subject().to_vec();
    fields.push(("PrivilegeList", PRIVILEGES.join("\n\t\t\t")));
    event(4672, 12548, time, message, fields)
}

/// 4648: a process logged on as somebody else.
pub(crate) fn explicit_credentials(
    time: Moment,
    who: &Session,
    used: &str,
    server: &str,
    process: &str,
) -> Event {
    let mut message = String::from("A logon was attempted using explicit credentials.");
    message += &section("Subject", &who.shown());
    message +=
        &section("Account Whose Credentials Were Used", &[("Account Name", used), ("Logon GUID", NO_GUID)]);
    message +=
        &section("Target Server", &[("Target Server Name", server), ("Additional Information", server)]);
    message += &section("Process Information", &[("Process Name", process)]);
    let mut fields = who.subject().to_vec();
    fields.extend([
        ("LogonGuid", NO_GUID.to_owned()),
        ("TargetUserName", used.to_owned()),
        ("TargetDomainName", who.domain.clone()),
        ("TargetLogonGuid", NO_GUID.to_owned()),
        ("TargetServerName", server.to_owned()),
        ("TargetInfo", server.to_owned()),
        ("ProcessId", "0x2fdc".to_owned()),
        ("ProcessName", process.to_owned()),
        ("IpAddress", "-".to_owned()),
        ("IpPort", "-".to_owned()),
    ]);
    event(4648, 12544, time, message, fields)
}

/// 4688: a process was started.
pub(crate) fn process_started(
    time: Moment,
    who: &Session,
    (pid, image, command): (u32, &str, &str),
    (parent_pid, parent): (u32, &str),
) -> Event {
    let (pid, parent_pid) = (format!("0x{pid:x}"), format!("0x{parent_pid:x}"));
    let label = if who.sid == "S-1-5-18" { "S-1-16-16384" } else { "S-1-16-8192" };
    let mut message = String::from("A new process has been created.");
    message += &section("Creator Subject", &who.shown());
    message += &section(
        "Process Information",
        &[
            ("New Process ID", &pid),
            ("New Process Name", image),
            ("Token Elevation Type", "%%1936"),
            ("Mandatory Label", label),
            ("Creator Process ID", &parent_pid),
            ("Creator Process Name", parent),
            ("Process Command Line", command),
        ],
    );
    let mut fields = who.subject().to_vec();
    fields.extend([
        ("NewProcessId", pid.clone()),
        ("NewProcessName", image.to_owned()),
        ("TokenElevationType", "%%1936".to_owned()),
        ("ProcessId", parent_pid.clone()),
        ("CommandLine", command.to_owned()),
        ("TargetUserSid", "S-1-0-0".to_owned()),
        ("TargetUserName", "-".to_owned()),
        ("TargetDomainName", "-".to_owned()),
        ("TargetLogonId", "0x0".to_owned()),
        ("ParentProcessName", parent.to_owned()),
        ("MandatoryLabel", label.to_owned()),
    ]);
    event(4688, 13312, time, message, fields)
}

/// 4698: a scheduled task was created.
pub(crate) fn task_created(time: Moment, who: &Session, name: &str, content: &str) -> Event {
    let mut message = String::from("A scheduled task was created.");
    message += &section("Subject", &who.shown());
    message += &section("Task Information", &[("Task Name", name), ("Task Content", content)]);
    let mut fields = who.subject().to_vec();
    fields.extend([("TaskName", name.to_owned()), ("TaskContent", content.to_owned())]);
    event(4698, 12804, time, message, fields)
}

/// 4769: a ticket for a service was asked for.
pub(crate) fn ticket(
    time: Moment,
    account: &str,
    domain: &str,
    service: (&str, &str),
    address: &str,
) -> Event {
    let address = format!("::ffff:{address}");
    let mut message = String::from("A Kerberos service ticket was requested.");
    message += &section("Account Information", &[("Account Name", account), ("Account Domain", domain)]);
    message += &section("Service Information", &[("Service Name", service.0), ("Service ID", service.1)]);
    message += &section("Network Information", &[("Client Address", &address)]);
    let fields = vec![
        ("TargetUserName", account.to_owned()),
        ("TargetDomainName", domain.to_owned()),
        ("ServiceName", service.0.to_owned()),
        ("ServiceSid", service.1.to_owned()),
        ("TicketOptions", "0x40810000".to_owned()),
        ("TicketEncryptionType", "0x12".to_owned()),
        ("IpAddress", address),
        ("IpPort", "0".to_owned()),
        ("Status", "0x0".to_owned()),
        ("LogonGuid", NO_GUID.to_owned()),
        ("TransmittedServices", "-".to_owned()),
    ];
    event(4769, 14337, time, message, fields)
}
