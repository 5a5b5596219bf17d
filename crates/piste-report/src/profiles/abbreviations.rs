//! Hayabusa's short words for channels, providers and tactics, so that its users and their tools read what they know.
//!
//! In: a Windows channel or provider, or a Sigma tag. Out: the short word. Source: Hayabusa's public lists of
//! abbreviations (channel, provider, generic, ATT&CK tactics), as of version 4.0.0.

/// Channel and short word, for channels that the list names.
const CHANNELS: [(&str, &str); 44] = [
    ("Application", "App"),
    ("DNS Server", "DNS-Svr"),
    ("Key Management Service", "KeyMgtSvc"),
    ("MSExchange Management", "Exchange"),
    ("Microsoft-ServiceBus-Client", "SvcBusCli"),
    ("Microsoft-Windows-AppLocker/EXE and DLL", "AppLocker"),
    ("Microsoft-Windows-AppLocker/MSI and Script", "AppLocker"),
    ("Microsoft-Windows-AppLocker/Packaged app-Deployment", "AppLocker"),
    ("Microsoft-Windows-AppLocker/Packaged app-Execution", "AppLocker"),
    ("Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant", "ProgCompatAssist"),
    ("Microsoft-Windows-Bits-Client/Operational", "BitsCli"),
    ("Microsoft-Windows-CodeIntegrity/Operational", "CodeInteg"),
    ("Microsoft-Windows-DHCP-Server/Operational", "DHCP-Svr"),
    ("Microsoft-Windows-DriverFrameworks-UserMode/Operational", "DvrFmwk"),
    ("Microsoft-Windows-Forwarding/Operational", "Forwarding"),
    ("Microsoft-Windows-GroupPolicy/Operational", "GroupPolicy"),
    ("Microsoft-Windows-Kernel-WHEA/Operational", "KernelWHEA"),
    ("Microsoft-Windows-LDAP-Client/Debug", "LDAP-Cli"),
    ("Microsoft-Windows-NTLM/Operational", "NTLM"),
    ("Microsoft-Windows-PowerShell/Operational", "PwSh"),
    ("Microsoft-Windows-PrintService/Admin", "PrintAdm"),
    ("Microsoft-Windows-PrintService/Operational", "PrintOp"),
    ("Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational", "RDP-CoreTS"),
    ("Microsoft-Windows-Security-Mitigations/KernelMode", "SecMitig"),
    ("Microsoft-Windows-Security-Mitigations/UserMode", "SecMitig"),
    ("Microsoft-Windows-SmbClient/Security", "SmbCliSec"),
    ("Microsoft-Windows-Sysmon/Operational", "Sysmon"),
    ("Microsoft-Windows-TaskScheduler/Operational", "TaskSch"),
    ("Microsoft-Windows-TerminalServices-Gateway/Operational", "RDS-GTW"),
    ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational", "RDS-LSM"),
    ("Microsoft-Windows-TerminalServices-RDPClient/Operational", "RDP-Cli"),
    ("Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational", "RDS-RCM"),
    ("Microsoft-Windows-User Profile Service/Operational", "UserProfileSvc"),
    ("Microsoft-Windows-WMI-Activity/Operational", "WMI"),
    ("Microsoft-Windows-WinRM/Operational", "WinRM"),
    ("Microsoft-Windows-Windows Defender/Operational", "Defender"),
    ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall", "Firewall"),
    ("Microsoft-Windows-WindowsSystemAssessmentTool/Operational", "WinSysAssessmentTool"),
    ("Microsoft-Windows-Winsock-WS2HELP/Operational", "Winsock-WS2HTLP"),
    ("OpenSSH/Operational", "OpenSSH"),
    ("PowerShellCore", "PwShCore"),
    ("Security", "Sec"),
    ("System", "Sys"),
    ("Windows PowerShell", "PwShClassic"),
];

/// Provider and short word, for providers that the list names.
const PROVIDERS: [(&str, &str); 12] = [
    ("Microsoft-Windows-Security-Auditing", "Sec"),
    ("Microsoft-Windows-Sysmon", "Sysmon"),
    ("Microsoft-Windows-TaskScheduler", "TaskScheduler"),
    ("Microsoft-Windows-TerminalServices-Gateway/Operational", "RDS-GTW"),
    ("Microsoft-Windows-TerminalServices-LocalSessionManager", "RDS-LSM"),
    ("Microsoft-Windows-TerminalServices-RemoteConnectionManager", "RDS-RCM"),
    ("Microsoft-Windows-WMI-Activity", "WMI-Activity"),
    ("Microsoft-Windows-WinRM", "WinRM"),
    ("Microsoft-Windows-Windows Defender", "Defender"),
    ("Microsoft-Windows-Windows Firewall With Advanced Security", "Firewall"),
    ("Microsoft-Windows-WindowsUpdateClient", "WinUpdate"),
    ("Service Control Manager", "SCM"),
];

/// Parts of any other channel's or provider's name.
const PARTS: [(&str, &str); 11] = [
    ("Microsoft", "MS"),
    ("Windows", "Win"),
    ("Operational", "Op"),
    ("Diagnosis", "Diag"),
    ("Package", "Pkg"),
    ("Server", "Svr"),
    ("Client", "Cli"),
    ("Management", "Mgmt"),
    ("Security", "Sec"),
    ("Connection", "Conn"),
    ("Application", "App"),
];

/// Tactics as Sigma tags them (with hyphens) and their short word.
const TACTICS: [(&str, &str); 14] = [
    ("reconnaissance", "Recon"),
    ("resource-development", "ResDev"),
    ("initial-access", "InitAccess"),
    ("execution", "Exec"),
    ("persistence", "Persis"),
    ("privilege-escalation", "PrivEsc"),
    ("defense-evasion", "Evas"),
    ("credential-access", "CredAccess"),
    ("discovery", "Disc"),
    ("lateral-movement", "LatMov"),
    ("collection", "Collect"),
    ("command-and-control", "C2"),
    ("exfiltration", "Exfil"),
    ("impact", "Impact"),
];

/// `Sec` for `Security`; a channel that is not listed has its common parts cut short: `MS-Win-Kernel-PnP/Op`.
pub(super) fn channel(name: &str) -> String {
    short(&CHANNELS, name)
}

/// `SCM` for `Service Control Manager`; others as for [`channel`].
pub(super) fn provider(name: &str) -> String {
    short(&PROVIDERS, name)
}

fn short(listed: &[(&str, &str)], name: &str) -> String {
    match listed.iter().find(|(long, _)| long.eq_ignore_ascii_case(name)) {
        Some((_, short)) => (*short).to_owned(),
        None => PARTS.iter().fold(name.to_owned(), |name, (long, short)| name.replace(long, short)),
    }
}

/// The tags of a rule, sorted into Hayabusa's three columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    /// `InitAccess`.
    pub(super) tactics: Vec<String>,
    /// Techniques, groups and software: `T1190`, `G0125`.
    pub(super) mitre: Vec<String>,
    /// All others as written.
    pub(super) others: Vec<String>,
}

impl Tags {
    pub(super) fn of(tags: &[String]) -> Self {
        let mut sorted = Self::default();
        for tag in tags {
            let lower = tag.to_ascii_lowercase();
            let name = lower.strip_prefix("attack.").map(|name| name.replace('_', "-"));
            let tactic = name.as_ref().and_then(|name| TACTICS.iter().find(|(long, _)| long == name));
            let (list, value) = match (tactic, name) {
                (Some((_, short)), _) => (&mut sorted.tactics, (*short).to_owned()),
                (None, Some(name)) if is_mitre_id(&name) => (&mut sorted.mitre, name.to_ascii_uppercase()),
                _ => (&mut sorted.others, tag.clone()),
            };
            if !list.contains(&value) {
                list.push(value);
            }
        }
        sorted
    }
}

/// `t1505.003`, `g0125`, `s0002`.
fn is_mitre_id(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| "tgs".contains(first))
        && letters.next().is_some_and(|second| second.is_ascii_digit())
        && letters.all(|c| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_cut_short_as_hayabusa_does() {
        for (long, short) in [
            ("Security", "Sec"),
            ("Microsoft-Windows-Sysmon/Operational", "Sysmon"),
            ("microsoft-windows-powershell/operational", "PwSh"),
            ("Microsoft-Windows-Kernel-PnP/Operational", "MS-Win-Kernel-PnP/Op"),
            ("iis.access", "iis.access"),
        ] {
            assert_eq!(channel(long), short);
        }
        assert_eq!(provider("Service Control Manager"), "SCM");
        assert_eq!(provider("Microsoft-Windows-Security-SPP"), "MS-Win-Sec-SPP");
    }

    #[test]
    fn tags_go_into_three_columns() {
        let tags = [
            "attack.initial_access",
            "attack.initial-access",
            "attack.t1190",
            "attack.G0125",
            "cve.2021-26855",
            "attack.stealth",
        ];
        let tags = Tags::of(&tags.map(str::to_owned));
        assert_eq!(tags.tactics, ["InitAccess"]);
        assert_eq!(tags.mitre, ["T1190", "G0125"]);
        assert_eq!(tags.others, ["cve.2021-26855", "attack.stealth"]);
    }
}
