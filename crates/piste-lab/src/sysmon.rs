//! Events of Sysmon: processes, connections, files, looks into other processes' memory.
//!
//! In: a process and what it does. Out: events with Sysmon 10's fields in their order, and the message that repeats
//! them. Hashes are made up, one for each image, and the same in every run.

use crate::moment::Moment;
use crate::random::Random;
use crate::windows::{Event, Field, SYSMON};

/// A running process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) guid: String,
    pub(crate) pid: u32,
    pub(crate) image: String,
    pub(crate) command: String,
}

/// As whom a process runs.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    /// `NT AUTHORITY\SYSTEM`
    pub(crate) user: String,
    pub(crate) logon_id: String,
    pub(crate) terminal: u8,
    pub(crate) integrity: &'static str,
}

impl Runner {
    pub(crate) fn system() -> Self {
        Self {
            user: r"NT AUTHORITY\SYSTEM".to_owned(),
            logon_id: "0x3e7".to_owned(),
            terminal: 0,
            integrity: "System",
        }
    }

    /// A person at the keyboard.
    pub(crate) fn person(domain: &str, name: &str) -> Self {
        Self {
            user: format!(r"{domain}\{name}"),
            logon_id: "0x4a1f3".to_owned(),
            terminal: 1,
            integrity: "Medium",
        }
    }
}

impl Process {
    /// A process that was started at `time` on `host`.
    pub(crate) fn new(random: &mut Random, host: &str, time: Moment, image: &str, command: &str) -> Self {
        let pid = random.between(300, 8000) * 4;
        let machine = Random::new(0, &["machine", host]).hex(8).to_uppercase();
        let seconds = time.unix_seconds();
        let guid = format!(
            "{{{machine}-{:04X}-{:04X}-{:04X}-000000000900}}",
            seconds & 0xffff,
            (seconds >> 16) & 0xffff,
            pid & 0xffff
        );
        Self { guid, pid, image: image.to_owned(), command: command.to_owned() }
    }

    /// A process that has run since long before, the same whenever it is asked for.
    pub(crate) fn lasting(host: &str, image: &str, command: &str) -> Self {
        let booted = Moment::midnight(jiff::civil::Date::constant(2019, 1, 7));
        Self::new(&mut Random::new(0, &["lasting", host, image, command]), host, booted, image, command)
    }

    /// The worker of one of IIS's application pools.
    pub(crate) fn pool(host: &str, pool: &str) -> Self {
        let command = format!(
            r#"c:\windows\system32\inetsrv\w3wp.exe -ap "{pool}" -v "v4.0" -c "C:\Program Files\Microsoft\Exchange Server\V15\bin\GenericAppPoolConfigWithGCServerEnabledFalse.config" -a \\.\pipe\iisipm{} -h "C:\inetpub\temp\apppools\{pool}\{pool}.config" -w "" -m 0"#,
            Random::new(0, &["pipe", host, pool]).guid()
        );
        Self::lasting(host, r"C:\Windows\System32\inetsrv\w3wp.exe", &command)
    }

    /// A group of services.
    pub(crate) fn services(host: &str, group: &str) -> Self {
        let command = format!(r"C:\Windows\system32\svchost.exe -k {group}");
        Self::lasting(host, r"C:\Windows\System32\svchost.exe", &command)
    }
}

fn event(id: u16, title: &str, time: Moment, mut fields: Vec<Field>) -> Event {
    fields.insert(0, ("RuleName", "-".to_owned()));
    let shown: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let message = format!("{title}:\r\n{}", shown.join("\r\n"));
    Event { provider: SYSMON, id, level: 4, task: id, keywords: None, time: time.plus_ms(2), message, fields }
}

/// Event 1: `child` was started by `parent`.
pub(crate) fn process_created(time: Moment, child: &Process, parent: &Process, runner: &Runner) -> Event {
    let [version, description, product, company, original] = about(&child.image);
    let machine = child.guid.get(1..9).unwrap_or_default();
    let directory = if runner.terminal == 0 { r"C:\Windows\system32\" } else { r"C:\" };
    let fields = vec![
        ("UtcTime", time.sysmon()),
        ("ProcessGuid", child.guid.clone()),
        ("ProcessId", child.pid.to_string()),
        ("Image", child.image.clone()),
        ("FileVersion", version.to_owned()),
        ("Description", description.to_owned()),
        ("Product", product.to_owned()),
        ("Company", company.to_owned()),
        ("OriginalFileName", original.to_owned()),
        ("CommandLine", child.command.clone()),
        ("CurrentDirectory", directory.to_owned()),
        ("User", runner.user.clone()),
        ("LogonGuid", format!("{{{machine}-FD95-604C-E703-000000000000}}")),
        ("LogonId", runner.logon_id.clone()),
        ("TerminalSessionId", runner.terminal.to_string()),
        ("IntegrityLevel", runner.integrity.to_owned()),
        ("Hashes", hashes(&child.image)),
        ("ParentProcessGuid", parent.guid.clone()),
        ("ParentProcessId", parent.pid.to_string()),
        ("ParentImage", parent.image.clone()),
        ("ParentCommandLine", parent.command.clone()),
    ];
    event(1, "Process Create", time, fields)
}

/// Event 3: a connection by TCP. Ends are (address, port).
pub(crate) fn connected(
    time: Moment,
    process: &Process,
    user: &str,
    from: (&str, u32),
    to: (&str, u32),
    initiated: bool,
) -> Event {
    let fields = vec![
        ("UtcTime", time.sysmon()),
        ("ProcessGuid", process.guid.clone()),
        ("ProcessId", process.pid.to_string()),
        ("Image", process.image.clone()),
        ("User", user.to_owned()),
        ("Protocol", "tcp".to_owned()),
        ("Initiated", initiated.to_string()),
        ("SourceIsIpv6", "false".to_owned()),
        ("SourceIp", from.0.to_owned()),
        ("SourceHostname", "-".to_owned()),
        ("SourcePort", from.1.to_string()),
        ("SourcePortName", "-".to_owned()),
        ("DestinationIsIpv6", "false".to_owned()),
        ("DestinationIp", to.0.to_owned()),
        ("DestinationHostname", "-".to_owned()),
        ("DestinationPort", to.1.to_string()),
        ("DestinationPortName", "-".to_owned()),
    ];
    event(3, "Network connection detected", time, fields)
}

/// Event 11: a file was created.
pub(crate) fn file_created(time: Moment, process: &Process, file: &str) -> Event {
    let fields = vec![
        ("UtcTime", time.sysmon()),
        ("ProcessGuid", process.guid.clone()),
        ("ProcessId", process.pid.to_string()),
        ("Image", process.image.clone()),
        ("TargetFilename", file.to_owned()),
        ("CreationUtcTime", time.sysmon()),
    ];
    event(11, "File created", time, fields)
}

/// Event 10: a process opened another. `through` is the last library of the call trace.
pub(crate) fn accessed(
    time: Moment,
    from: &Process,
    target: &Process,
    granted: &str,
    through: &str,
) -> Event {
    let trace =
        format!(r"C:\Windows\SYSTEM32\ntdll.dll+a6084|C:\Windows\System32\KERNELBASE.dll+2b6a4|{through}");
    let fields = vec![
        ("UtcTime", time.sysmon()),
        ("SourceProcessGUID", from.guid.clone()),
        ("SourceProcessId", from.pid.to_string()),
        ("SourceThreadId", (from.pid + 24).to_string()),
        ("SourceImage", from.image.clone()),
        ("TargetProcessGUID", target.guid.clone()),
        ("TargetProcessId", target.pid.to_string()),
        ("TargetImage", target.image.clone()),
        ("GrantedAccess", granted.to_owned()),
        ("CallTrace", trace),
    ];
    event(10, "Process accessed", time, fields)
}

/// Version, description, product, company and original name, as the image's resources have them.
fn about(image: &str) -> [&'static str; 5] {
    const WINDOWS: &str = "Microsoft® Windows® Operating System";
    const MICROSOFT: &str = "Microsoft Corporation";
    let windows = |description, original| {
        ["10.0.14393.0 (rs1_release.160715-1616)", description, WINDOWS, MICROSOFT, original]
    };
    let name = image.rsplit('\\').next().unwrap_or(image).to_ascii_lowercase();
    match name.as_str() {
        "cmd.exe" => windows("Windows Command Processor", "Cmd.Exe"),
        "whoami.exe" => windows("whoami - displays logged on user information", "whoami.exe"),
        "ipconfig.exe" => windows("IP Configuration Utility", "ipconfig.exe"),
        "net.exe" => windows("Net Command", "net.exe"),
        "net1.exe" => windows("Net Command", "net1.exe"),
        "nltest.exe" => windows("Microsoft® Logon Server Test Utility", "nltestrk.exe"),
        "ping.exe" => windows("TCP/IP Ping Command", "ping.exe"),
        "tasklist.exe" => windows("Lists the current running tasks", "tasklist.exe"),
        "quser.exe" => windows("Query User Utility", "quser.exe"),
        "certutil.exe" => windows("CertUtil.exe", "CertUtil.exe"),
        "rundll32.exe" => windows("Windows host process (Rundll32)", "RUNDLL32.EXE"),
        "schtasks.exe" => windows("Task Scheduler Configuration Tool", "schtasks.exe"),
        "sc.exe" => windows("Service Control Manager Configuration Tool", "sc.exe"),
        "netsh.exe" => windows("Network Command Shell", "netsh.exe"),
        "conhost.exe" => windows("Console Window Host", "CONHOST.EXE"),
        "taskhostw.exe" => windows("Host Process for Windows Tasks", "taskhostw.exe"),
        "tiworker.exe" => windows("Windows Modules Installer Worker", "TiWorker.exe"),
        "wuauclt.exe" => windows("Windows Update", "wuauclt.exe"),
        "wsqmcons.exe" => windows("Windows SQM Consolidator", "wsqmcons.exe"),
        "gpupdate.exe" => windows("Microsoft® Group Policy Update Utility", "GPUpdate.exe"),
        "csc.exe" | "cvtres.exe" => [
            "14.7.3190.0 built by: NETFXREL3STAGE",
            if name == "csc.exe" {
                "Visual C# Command Line Compiler"
            } else {
                "Microsoft® Resource File To COFF Object Conversion Utility"
            },
            "Microsoft® .NET Framework",
            MICROSOFT,
            if name == "csc.exe" { "csc.exe" } else { "CVTRES.EXE" },
        ],
        "procdump64.exe" => [
            "10.0",
            "Sysinternals process dump utility",
            "ProcDump",
            "Sysinternals - www.sysinternals.com",
            "procdump",
        ],
        "r.exe" => ["5.91.0", "Command line RAR", "WinRAR", "Alexander Roshal", "-"],
        "outlook.exe" => {
            ["16.0.4266.1001", "Microsoft Outlook", "Microsoft Outlook", MICROSOFT, "Outlook.exe"]
        }
        "winword.exe" => {
            ["16.0.4266.1001", "Microsoft Word", "Microsoft Office 2016", MICROSOFT, "WinWord.exe"]
        }
        "excel.exe" => ["16.0.4266.1001", "Microsoft Excel", "Microsoft Office 2016", MICROSOFT, "Excel.exe"],
        "firefox.exe" => ["68.12.0", "Firefox", "Firefox", "Mozilla Corporation", "firefox.exe"],
        _ => ["-", "-", "-", "-", "-"],
    }
}

fn hashes(image: &str) -> String {
    let mut random = Random::new(0, &["hashes", &image.to_ascii_lowercase()]);
    let mut digest = |digits| random.hex(digits).to_uppercase();
    let (sha1, md5, sha256, imphash) = (digest(40), digest(32), digest(64), digest(32));
    format!("SHA1={sha1},MD5={md5},SHA256={sha256},IMPHASH={imphash}")
}
