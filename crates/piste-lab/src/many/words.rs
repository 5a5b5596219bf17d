//! Words of an ordinary fleet: programs, libraries, keys, names, lines of scripts.
//!
//! In: nothing. Out: tables, the most usual first. In commands, `{u}` stands for an account, `{h}` for a host, `{s}` for a
//! service, `{f}` for a document.

/// Image, description, product, company, original name, commands.
pub(super) type Program = (&'static str, [&'static str; 4], &'static [&'static str]);

const WINDOWS: &str = "Microsoft® Windows® Operating System";
const MICROSOFT: &str = "Microsoft Corporation";

/// Programs by how often they start.
pub(super) const PROGRAMS: &[Program] = &[
    (
        r"C:\Windows\System32\conhost.exe",
        ["Console Window Host", WINDOWS, MICROSOFT, "CONHOST.EXE"],
        &[
            r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1",
            r"\??\C:\Windows\system32\conhost.exe 0x4",
        ],
    ),
    (
        r"C:\Windows\System32\svchost.exe",
        ["Host Process for Windows Services", WINDOWS, MICROSOFT, "svchost.exe"],
        &[
            r"C:\Windows\system32\svchost.exe -k netsvcs -p -s {s}",
            r"C:\Windows\System32\svchost.exe -k LocalServiceNetworkRestricted -p -s {s}",
            r"C:\Windows\system32\svchost.exe -k wsappx -p -s ClipSVC",
            r"C:\Windows\System32\svchost.exe -k WerSvcGroup",
            r"C:\Windows\system32\svchost.exe -k UnistackSvcGroup -s WpnUserService",
        ],
    ),
    (
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        ["Google Chrome", "Google Chrome", "Google LLC", "chrome.exe"],
        &[
            r#""C:\Program Files\Google\Chrome\Application\chrome.exe""#,
            r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=utility --utility-sub-type=network.mojom.NetworkService --lang=en-US"#,
            r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=crashpad-handler "--user-data-dir=C:\Users\{u}\AppData\Local\Google\Chrome\User Data""#,
        ],
    ),
    (
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
        ["Microsoft Edge", "Microsoft Edge", MICROSOFT, "msedge.exe"],
        &[
            r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --no-startup-window --win-session-start"#,
            r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --single-argument https://intranet.min.example/{u}"#,
        ],
    ),
    (
        r"C:\Windows\System32\backgroundTaskHost.exe",
        ["Background Task Host", WINDOWS, MICROSOFT, "backgroundTaskHost.exe"],
        &[
            r#""C:\Windows\system32\backgroundTaskHost.exe" -ServerName:App.AppXmtcan0h2tfbfy7k9kn8hbxb6dmzz1zh0.mca"#,
            r#""C:\Windows\system32\backgroundTaskHost.exe" -ServerName:CortanaUI.AppXy7vb4pc2dr3kc93kfc509b1d0arkfb2x.mca"#,
        ],
    ),
    (
        r"C:\Windows\System32\taskhostw.exe",
        ["Host Process for Windows Tasks", WINDOWS, MICROSOFT, "taskhostw.exe"],
        &[
            "taskhostw.exe",
            "taskhostw.exe Install $(Arg0)",
            "taskhostw.exe {222A245B-E637-4AE9-A93F-A59CA119A75E}",
        ],
    ),
    (
        r"C:\Windows\System32\RuntimeBroker.exe",
        ["Runtime Broker", WINDOWS, MICROSOFT, "RuntimeBroker.exe"],
        &[r"C:\Windows\System32\RuntimeBroker.exe -Embedding"],
    ),
    (
        r"C:\Windows\System32\cmd.exe",
        ["Windows Command Processor", WINDOWS, MICROSOFT, "Cmd.Exe"],
        &[
            r"C:\Windows\system32\cmd.exe /c C:\ops\scripts\inventory.cmd",
            r"C:\Windows\system32\cmd.exe /d /c C:\ops\scripts\collect.cmd {h}",
            r#"cmd.exe /c "robocopy \\FS01\home\{u} D:\backup\{u} /MIR /R:1""#,
            r"C:\Windows\system32\cmd.exe /c ver",
        ],
    ),
    (
        r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
        ["Windows PowerShell", WINDOWS, MICROSOFT, "PowerShell.EXE"],
        &[
            r"powershell.exe -NoLogo -NonInteractive -File C:\ops\scripts\inventory.ps1",
            r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile -File C:\ops\monitor\check.ps1 -ComputerName {h}",
        ],
    ),
    (
        r"C:\Windows\System32\SearchProtocolHost.exe",
        ["Microsoft Windows Search Protocol Host", WINDOWS, MICROSOFT, "SearchProtocolHost.exe"],
        &[
            r#""C:\Windows\system32\SearchProtocolHost.exe" Global\UsGthrFltPipeMssGthrPipe1_ Global\UsGthrCtrlFltPipeMssGthrPipe1 1 -2147483646"#,
        ],
    ),
    (
        r"C:\Windows\System32\SearchFilterHost.exe",
        ["Microsoft Windows Search Filter Host", WINDOWS, MICROSOFT, "SearchFilterHost.exe"],
        &[r#""C:\Windows\system32\SearchFilterHost.exe" 0 804 808 816 8192 812 788"#],
    ),
    (
        r"C:\Windows\System32\wbem\WmiPrvSE.exe",
        ["WMI Provider Host", WINDOWS, MICROSOFT, "Wmiprvse.exe"],
        &[
            r"C:\Windows\system32\wbem\wmiprvse.exe -secured -Embedding",
            r"C:\Windows\system32\wbem\wmiprvse.exe -Embedding",
        ],
    ),
    (
        r"C:\Windows\System32\dllhost.exe",
        ["COM Surrogate", WINDOWS, MICROSOFT, "dllhost.exe"],
        &[
            r"C:\Windows\system32\DllHost.exe /Processid:{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}",
            r"C:\Windows\system32\DllHost.exe /Processid:{973D20D7-562D-44B9-B70B-5A0F49CCDF3F}",
        ],
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
        ["Microsoft Outlook", "Microsoft Office", MICROSOFT, "Outlook.exe"],
        &[
            r#""C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE""#,
            r#""C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE" /recycle"#,
        ],
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE",
        ["Microsoft Word", "Microsoft Office", MICROSOFT, "WinWord.exe"],
        &[
            r#""C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "C:\Users\{u}\Documents\{f}" /o """#,
        ],
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE",
        ["Microsoft Excel", "Microsoft Office", MICROSOFT, "Excel.exe"],
        &[r#""C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "\\FS01\finance\{f}""#],
    ),
    (
        r"C:\Windows\System32\gpupdate.exe",
        ["Microsoft® Group Policy Update Utility", WINDOWS, MICROSOFT, "GPUpdate.exe"],
        &["gpupdate.exe /target:computer", "gpupdate.exe /target:user"],
    ),
    (
        r"C:\Windows\System32\net.exe",
        ["Net Command", WINDOWS, MICROSOFT, "net.exe"],
        &[r"net use H: \\FS01\home\{u} /persistent:no", "net time /querysntp"],
    ),
    (
        r"C:\Windows\System32\wevtutil.exe",
        ["Eventing Command Line Utility", WINDOWS, MICROSOFT, "wevtutil.exe"],
        &["wevtutil.exe gl Security"],
    ),
    (
        r"C:\Windows\System32\MusNotification.exe",
        ["MusNotification.exe", WINDOWS, MICROSOFT, "MusNotification.exe"],
        &[r"C:\Windows\system32\MusNotification.exe Display"],
    ),
    (
        r"C:\Windows\System32\rundll32.exe",
        ["Windows host process (Rundll32)", WINDOWS, MICROSOFT, "RUNDLL32.EXE"],
        &[
            r"C:\Windows\system32\rundll32.exe C:\Windows\system32\inetcpl.cpl,ClearMyTracksByProcess Flags:276824072 WinX:0 WinY:0 IEFrame:0000000000000000",
            r"C:\Windows\System32\rundll32.exe shell32.dll,SHCreateLocalServerRunDll {c82192ee-6cb5-4bc0-9ef0-fb818773790a} -Embedding",
        ],
    ),
    (
        r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\ngen.exe",
        [
            "Microsoft Common Language Runtime native compiler",
            "Microsoft® .NET Framework",
            MICROSOFT,
            "ngen.exe",
        ],
        &[
            r#""C:\Windows\Microsoft.NET\Framework64\v4.0.30319\ngen.exe" ExecuteQueuedItems /LegacyServiceBehavior"#,
        ],
    ),
    (
        r"C:\Program Files\Windows Defender\MpCmdRun.exe",
        ["Microsoft Malware Protection Command Line Utility", WINDOWS, MICROSOFT, "MpCmdRun.exe"],
        &[
            r#""C:\Program Files\Windows Defender\MpCmdRun.exe" SignatureUpdate -ScheduleJob -RestrictPrivileges"#,
        ],
    ),
    (
        r"C:\Windows\System32\sppsvc.exe",
        ["Microsoft Software Protection Platform Service", WINDOWS, MICROSOFT, "sppsvc.exe"],
        &[r"C:\Windows\system32\sppsvc.exe"],
    ),
];

/// Makers and products of which further programs are made up.
pub(super) const MAKERS: &[&str] = &[
    "Contoso",
    "Fabrikam",
    "Northwind",
    "Tailspin",
    "Woodgrove",
    "Litware",
    "Proseware",
    "Lucerne",
    "Adatum",
    "Wingtip",
    "Margie",
    "Humongous",
    "Trey",
    "Graphic",
    "Coho",
    "Alpine",
    "Consolidated",
    "Fourth",
    "Relecloud",
    "VanArsdel",
    "Wide World",
    "Munson",
    "Liberty",
    "Nod",
];
pub(super) const PRODUCTS: &[&str] = &[
    "Updater",
    "Agent",
    "Backup",
    "Viewer",
    "Sync",
    "Scanner",
    "Print",
    "Monitor",
    "Ledger",
    "Archive",
    "Notes",
    "Meeting",
    "Payroll",
    "Inventory",
    "Signing",
    "Gateway",
    "Catalog",
    "Planner",
    "Survey",
    "Reader",
    "Console",
    "Bridge",
];

/// Libraries that every process loads, by how often.
pub(super) const LIBRARIES: &[&str] = &[
    "ntdll",
    "kernel32",
    "KernelBase",
    "ucrtbase",
    "rpcrt4",
    "combase",
    "advapi32",
    "sechost",
    "msvcrt",
    "user32",
    "gdi32",
    "gdi32full",
    "win32u",
    "msvcp_win",
    "imm32",
    "ole32",
    "oleaut32",
    "shlwapi",
    "shell32",
    "bcrypt",
    "bcryptprimitives",
    "crypt32",
    "ws2_32",
    "uxtheme",
    "clbcatq",
    "propsys",
    "windows.storage",
    "profapi",
    "wldp",
    "cryptsp",
    "rsaenh",
    "cryptbase",
    "mswsock",
    "dnsapi",
    "iphlpapi",
    "nsi",
    "winhttp",
    "wininet",
    "urlmon",
    "iertutil",
    "netutils",
    "srvcli",
    "userenv",
    "version",
    "winmm",
    "powrprof",
    "umpdc",
    "dwmapi",
    "d3d11",
    "dxgi",
    "dcomp",
    "coremessaging",
    "textinputframework",
    "twinapi.appcore",
    "wtsapi32",
    "winsta",
    "secur32",
    "sspicli",
    "schannel",
    "ncrypt",
    "ntasn1",
    "kerberos",
    "msv1_0",
    "samlib",
    "netapi32",
    "logoncli",
    "wkscli",
    "dsrole",
    "wbemcomn",
    "fastprox",
    "wbemprox",
    "amsi",
    "mpoav",
    "taskschd",
    "xmllite",
    "mscoree",
    "mscoreei",
    "clr",
    "clrjit",
    "mscorlib.ni",
    "system.ni",
    "system.core.ni",
    "psapi",
    "setupapi",
    "cfgmgr32",
    "devobj",
    "wintrust",
];

/// Services by name and title.
pub(super) const SERVICES: &[&str] = &[
    "wuauserv",
    "BITS",
    "Schedule",
    "gpsvc",
    "Winmgmt",
    "Dnscache",
    "LanmanServer",
    "LanmanWorkstation",
    "W32Time",
    "CryptSvc",
    "TrustedInstaller",
    "AppXSvc",
    "ClipSVC",
    "WinRM",
    "Spooler",
    "UsoSvc",
    "TokenBroker",
    "DPS",
    "WdiServiceHost",
    "SENS",
    "Themes",
    "EventLog",
    "lmhosts",
    "dot3svc",
    "camsvc",
    "StateRepository",
    "iphlpsvc",
];

/// Keys of the registry below `HKLM` and `HKU\SID`.
pub(super) const KEYS: &[&str] = &[
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run32",
    r"HKLM\System\CurrentControlSet\Services\bam\State\UserSettings",
    r"HKLM\System\CurrentControlSet\Services\Tcpip\Parameters\Interfaces",
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree",
    r"HKLM\System\CurrentControlSet\Control\Class",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update",
    r"HKLM\System\CurrentControlSet\Services\W32Time\Config",
    r"HKLM\SOFTWARE\Microsoft\SystemCertificates\AuthRoot\Certificates",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData",
    r"HKLM\SOFTWARE\Microsoft\Windows Defender\Signature Updates",
    r"HKLM\System\CurrentControlSet\Services\DnsCache\Parameters",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore",
];

/// Names of which accounts, documents and sites are made.
pub(super) const NAMES: &[&str] = &[
    "maes",
    "peeters",
    "janssens",
    "dubois",
    "lambert",
    "martin",
    "simon",
    "laurent",
    "leroy",
    "claes",
    "goossens",
    "wouters",
    "desmet",
    "jacobs",
    "mertens",
    "willems",
    "dupont",
    "renard",
    "bodart",
    "vermeulen",
];
pub(super) const TOPICS: &[&str] = &[
    "budget", "minutes", "contract", "roster", "invoice", "letter", "agenda", "report", "decree", "answer",
    "survey", "tender", "note", "plan", "register",
];

/// Names that are asked for, by how often.
pub(super) const SITES: &[&str] = &[
    "dc01.min.example",
    "mx01.min.example",
    "intranet.min.example",
    "wpad.min.example",
    "fs01.min.example",
    "update.vendor.example",
    "time.vendor.example",
    "cdn.vendor.example",
    "login.cloud.example",
    "settings.cloud.example",
    "telemetry.cloud.example",
    "www.news.example",
    "maps.cloud.example",
    "ocsp.trust.example",
    "crl.trust.example",
    "mail.partner.example",
];

/// Lines of scripts.
pub(super) const SCRIPT_LINES: &[&str] = &[
    "    [CmdletBinding()] param([Parameter(Mandatory)][string]$ComputerName, [int]$Days = 30)",
    "    $session = New-CimSession -ComputerName $ComputerName -ErrorAction Stop",
    "    Get-CimInstance -CimSession $session -ClassName Win32_LogicalDisk | Where-Object DriveType -eq 3",
    "    $free = [math]::Round($disk.FreeSpace / 1GB, 1)",
    "    if ($free -lt 10) { Write-Warning \"$ComputerName has $free GB left on $($disk.DeviceID)\" }",
    "    $result = [pscustomobject]@{ Host = $ComputerName; Free = $free; Time = Get-Date -Format o }",
    "    Export-Csv -InputObject $result -Path \\\\FS01\\ops\\inventory.csv -Append -NoTypeInformation",
    "    foreach ($service in Get-Service | Where-Object StartType -eq 'Automatic') {",
    "        if ($service.Status -ne 'Running') { Start-Service -Name $service.Name -ErrorAction Continue }",
    "    }",
    "    $updates = Get-HotFix | Sort-Object InstalledOn -Descending | Select-Object -First 5",
    "    try { Test-Connection -ComputerName $ComputerName -Count 1 -Quiet } catch { return $false }",
    "    $log = Get-WinEvent -FilterHashtable @{ LogName = 'System'; Level = 2; StartTime = (Get-Date).AddDays(-$Days) }",
    "    $log | Group-Object ProviderName | Sort-Object Count -Descending | Format-Table -AutoSize",
    "    Write-Verbose -Message ('{0} of {1} checked' -f $done, $total)",
    "    $printers = Get-Printer -ComputerName $ComputerName | Where-Object Shared",
    "    Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'",
    "    $mailbox = Get-Mailbox -ResultSize 50 | Select-Object DisplayName, Database, WhenChanged",
    "    Remove-Item -Path \"$env:TEMP\\inventory\" -Recurse -Force -ErrorAction SilentlyContinue",
    "    $null = Register-EngineEvent -SourceIdentifier PowerShell.Exiting -Action { $session | Remove-CimSession }",
];

const SERVICES_EXE: (&str, &str) = (r"C:\Windows\System32\services.exe", r"C:\Windows\system32\services.exe");
const DCOM: (&str, &str) =
    (r"C:\Windows\System32\svchost.exe", r"C:\Windows\system32\svchost.exe -k DcomLaunch -p");
const SCHEDULE: (&str, &str) =
    (r"C:\Windows\System32\svchost.exe", r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule");
const CMD: (&str, &str) = (r"C:\Windows\System32\cmd.exe", r#"cmd.exe /c "C:\Ops\inventory.cmd""#);
const EXPLORER: (&str, &str) = (r"C:\Windows\explorer.exe", r"C:\Windows\Explorer.EXE");

/// Image and command line of the process that usually starts a program; `None` where the running one may have done so.
pub(super) fn usual_parent(child: &str, running: &str) -> Option<(&'static str, &'static str)> {
    let name = |path: &str| path.rsplit('\\').next().unwrap_or(path).to_ascii_lowercase();
    match name(child).as_str() {
        "conhost.exe" => Some(CMD),
        "svchost.exe" => Some(SERVICES_EXE),
        "runtimebroker.exe" | "backgroundtaskhost.exe" | "wmiprvse.exe" | "dllhost.exe" => Some(DCOM),
        "taskhostw.exe" => Some(SCHEDULE),
        _ if running.starts_with(r"C:\Windows") => Some(EXPLORER),
        _ => None, // a product's own programs start each other
    }
}
