//! The kinds of events of which many are made, with their fields in Windows' order and types.
//!
//! In: nothing. Out: a table, and how often each comes. Source: the providers' manifests (Sysmon 15, Windows 10 22H2).

use crate::evtx::ValueType::{self, Bool, Guid as G, Hex32, Hex64, Sid, Text, U16, U32, U64};
use crate::evtx::{Guid, Kind, Source};

const SYSMON: Source = Source {
    name: "Microsoft-Windows-Sysmon",
    guid: Some(Guid::of(0x5770385f_c22a_43e0_bf4c_06f5698ffbd9)),
    channel: "Microsoft-Windows-Sysmon/Operational",
};
const AUDITING: Source = Source {
    name: "Microsoft-Windows-Security-Auditing",
    guid: Some(Guid::of(0x54849625_5478_4994_a5ba_3e3b0328c30d)),
    channel: "Security",
};
const POWERSHELL: Source = Source {
    name: "Microsoft-Windows-PowerShell",
    guid: Some(Guid::of(0xa0c1853b_5c40_4b15_8766_3cf1c58f985a)),
    channel: "Microsoft-Windows-PowerShell/Operational",
};
const SERVICES: Source = Source {
    name: "Service Control Manager",
    guid: Some(Guid::of(0x555908d1_a6d7_4695_8e1e_26931d2012f4)),
    channel: "System",
};

type Fields = &'static [(&'static str, ValueType)];

const fn sysmon(id: u16, version: u8, fields: Fields) -> Kind {
    Kind { source: SYSMON, id, version, level: 4, task: id, opcode: 0, keywords: 1 << 63, fields }
}

const fn audit(id: u16, version: u8, task: u16, fields: Fields) -> Kind {
    Kind { source: AUDITING, id, version, level: 0, task, opcode: 0, keywords: 0x8020_0000_0000_0000, fields }
}

const fn service(id: u16, fields: Fields) -> Kind {
    Kind {
        source: SERVICES,
        id,
        version: 0,
        level: 4,
        task: 0,
        opcode: 0,
        keywords: 0x8080_0000_0000_0000,
        fields,
    }
}

pub(super) const PROCESS: Kind = sysmon(
    1,
    5,
    &[
        ("RuleName", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("Image", Text),
        ("FileVersion", Text),
        ("Description", Text),
        ("Product", Text),
        ("Company", Text),
        ("OriginalFileName", Text),
        ("CommandLine", Text),
        ("CurrentDirectory", Text),
        ("User", Text),
        ("LogonGuid", G),
        ("LogonId", Hex64),
        ("TerminalSessionId", U32),
        ("IntegrityLevel", Text),
        ("Hashes", Text),
        ("ParentProcessGuid", G),
        ("ParentProcessId", U32),
        ("ParentImage", Text),
        ("ParentCommandLine", Text),
        ("ParentUser", Text),
    ],
);
pub(super) const CONNECTION: Kind = sysmon(
    3,
    5,
    &[
        ("RuleName", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("Image", Text),
        ("User", Text),
        ("Protocol", Text),
        ("Initiated", Bool),
        ("SourceIsIpv6", Bool),
        ("SourceIp", Text),
        ("SourceHostname", Text),
        ("SourcePort", U16),
        ("SourcePortName", Text),
        ("DestinationIsIpv6", Bool),
        ("DestinationIp", Text),
        ("DestinationHostname", Text),
        ("DestinationPort", U16),
        ("DestinationPortName", Text),
    ],
);
pub(super) const LIBRARY: Kind = sysmon(
    7,
    3,
    &[
        ("RuleName", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("Image", Text),
        ("ImageLoaded", Text),
        ("FileVersion", Text),
        ("Description", Text),
        ("Product", Text),
        ("Company", Text),
        ("OriginalFileName", Text),
        ("Hashes", Text),
        ("Signed", Text),
        ("Signature", Text),
        ("SignatureStatus", Text),
        ("User", Text),
    ],
);
pub(super) const ACCESS: Kind = sysmon(
    10,
    3,
    &[
        ("RuleName", Text),
        ("UtcTime", Text),
        ("SourceProcessGUID", G),
        ("SourceProcessId", U32),
        ("SourceThreadId", U32),
        ("SourceImage", Text),
        ("TargetProcessGUID", G),
        ("TargetProcessId", U32),
        ("TargetImage", Text),
        ("GrantedAccess", Hex32),
        ("CallTrace", Text),
        ("SourceUser", Text),
        ("TargetUser", Text),
    ],
);
pub(super) const FILE: Kind = sysmon(
    11,
    2,
    &[
        ("RuleName", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("Image", Text),
        ("TargetFilename", Text),
        ("CreationUtcTime", Text),
        ("User", Text),
    ],
);
pub(super) const KEY: Kind = sysmon(
    12,
    2,
    &[
        ("RuleName", Text),
        ("EventType", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("Image", Text),
        ("TargetObject", Text),
        ("User", Text),
    ],
);
pub(super) const SETTING: Kind = sysmon(
    13,
    2,
    &[
        ("RuleName", Text),
        ("EventType", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("Image", Text),
        ("TargetObject", Text),
        ("Details", Text),
        ("User", Text),
    ],
);
pub(super) const QUERY: Kind = sysmon(
    22,
    5,
    &[
        ("RuleName", Text),
        ("UtcTime", Text),
        ("ProcessGuid", G),
        ("ProcessId", U32),
        ("QueryName", Text),
        ("QueryStatus", Text),
        ("QueryResults", Text),
        ("Image", Text),
        ("User", Text),
    ],
);
pub(super) const LOGON: Kind = audit(
    4624,
    2,
    12544,
    &[
        ("SubjectUserSid", Sid),
        ("SubjectUserName", Text),
        ("SubjectDomainName", Text),
        ("SubjectLogonId", Hex64),
        ("TargetUserSid", Sid),
        ("TargetUserName", Text),
        ("TargetDomainName", Text),
        ("TargetLogonId", Hex64),
        ("LogonType", U32),
        ("LogonProcessName", Text),
        ("AuthenticationPackageName", Text),
        ("WorkstationName", Text),
        ("LogonGuid", G),
        ("TransmittedServices", Text),
        ("LmPackageName", Text),
        ("KeyLength", U32),
        ("ProcessId", Hex64),
        ("ProcessName", Text),
        ("IpAddress", Text),
        ("IpPort", Text),
        ("ImpersonationLevel", Text),
        ("RestrictedAdminMode", Text),
        ("TargetOutboundUserName", Text),
        ("TargetOutboundDomainName", Text),
        ("VirtualAccount", Text),
        ("TargetLinkedLogonId", Hex64),
        ("ElevatedToken", Text),
    ],
);
pub(super) const LOGOFF: Kind = audit(
    4634,
    0,
    12545,
    &[
        ("TargetUserSid", Sid),
        ("TargetUserName", Text),
        ("TargetDomainName", Text),
        ("TargetLogonId", Hex64),
        ("LogonType", U32),
    ],
);
pub(super) const FAILED_LOGON: Kind = Kind {
    keywords: 0x8010_0000_0000_0000,
    ..audit(
        4625,
        0,
        12544,
        &[
            ("SubjectUserSid", Sid),
            ("SubjectUserName", Text),
            ("SubjectDomainName", Text),
            ("SubjectLogonId", Hex64),
            ("TargetUserSid", Sid),
            ("TargetUserName", Text),
            ("TargetDomainName", Text),
            ("Status", Hex32),
            ("FailureReason", Text),
            ("SubStatus", Hex32),
            ("LogonType", U32),
            ("LogonProcessName", Text),
            ("AuthenticationPackageName", Text),
            ("WorkstationName", Text),
            ("TransmittedServices", Text),
            ("LmPackageName", Text),
            ("KeyLength", U32),
            ("ProcessId", Hex64),
            ("ProcessName", Text),
            ("IpAddress", Text),
            ("IpPort", Text),
        ],
    )
};
pub(super) const PRIVILEGES: Kind = audit(
    4672,
    0,
    12548,
    &[
        ("SubjectUserSid", Sid),
        ("SubjectUserName", Text),
        ("SubjectDomainName", Text),
        ("SubjectLogonId", Hex64),
        ("PrivilegeList", Text),
    ],
);
pub(super) const STARTED: Kind = audit(
    4688,
    2,
    13312,
    &[
        ("SubjectUserSid", Sid),
        ("SubjectUserName", Text),
        ("SubjectDomainName", Text),
        ("SubjectLogonId", Hex64),
        ("NewProcessId", Hex64),
        ("NewProcessName", Text),
        ("TokenElevationType", Text),
        ("ProcessId", Hex64),
        ("CommandLine", Text),
        ("TargetUserSid", Sid),
        ("TargetUserName", Text),
        ("TargetDomainName", Text),
        ("TargetLogonId", Hex64),
        ("ParentProcessName", Text),
        ("MandatoryLabel", Sid),
    ],
);
pub(super) const ALLOWED: Kind = audit(
    5156,
    1,
    12810,
    &[
        ("ProcessID", U64),
        ("Application", Text),
        ("Direction", Text),
        ("SourceAddress", Text),
        ("SourcePort", Text),
        ("DestAddress", Text),
        ("DestPort", Text),
        ("Protocol", U32),
        ("FilterRTID", U64),
        ("LayerName", Text),
        ("LayerRTID", U64),
        ("RemoteUserID", Sid),
        ("RemoteMachineID", Sid),
    ],
);
pub(super) const OBJECT: Kind = audit(
    4663,
    1,
    12800,
    &[
        ("SubjectUserSid", Sid),
        ("SubjectUserName", Text),
        ("SubjectDomainName", Text),
        ("SubjectLogonId", Hex64),
        ("ObjectServer", Text),
        ("ObjectType", Text),
        ("ObjectName", Text),
        ("HandleId", Hex64),
        ("AccessList", Text),
        ("AccessMask", Hex32),
        ("ProcessId", Hex64),
        ("ProcessName", Text),
        ("ResourceAttributes", Text),
    ],
);
pub(super) const SCRIPT: Kind = Kind {
    source: POWERSHELL,
    id: 4104,
    version: 1,
    level: 5,
    task: 2,
    opcode: 15,
    keywords: 0,
    fields: &[
        ("MessageNumber", U32),
        ("MessageTotal", U32),
        ("ScriptBlockText", Text),
        ("ScriptBlockId", Text),
        ("Path", Text),
    ],
};
pub(super) const SERVICE_STATE: Kind = service(7036, &[("param1", Text), ("param2", Text)]);
pub(super) const SERVICE_INSTALLED: Kind = service(
    7045,
    &[
        ("ServiceName", Text),
        ("ImagePath", Text),
        ("ServiceType", Text),
        ("StartType", Text),
        ("AccountName", Text),
    ],
);

/// Each kind, and how many of 1,000 events are of it.
pub(super) const MIX: [(Kind, u32); 18] = [
    (PROCESS, 250),
    (CONNECTION, 60),
    (LIBRARY, 140),
    (ACCESS, 50),
    (FILE, 70),
    (KEY, 20),
    (SETTING, 50),
    (QUERY, 40),
    (LOGON, 60),
    (LOGOFF, 50),
    (FAILED_LOGON, 6),
    (PRIVILEGES, 30),
    (STARTED, 50),
    (ALLOWED, 70),
    (OBJECT, 29),
    (SCRIPT, 20),
    (SERVICE_STATE, 4),
    (SERVICE_INSTALLED, 1),
];
