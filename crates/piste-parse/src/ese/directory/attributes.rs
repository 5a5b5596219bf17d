//! Attributes of the directory by the columns and numbers that `ntds.dit` knows them by, and which of them matter.
//!
//! In: nothing. Out: tables. A column is `ATT`, a letter for its kind, and the attribute's number; the number is the
//! attribute's OID with its prefix mapped to the upper 16 bits.
//!
//! Sources: MS-ADA1 to MS-ADA3 (OIDs), MS-DRSR 5.16.4 (prefixes), MS-ADTS 2.2.16 (`userAccountControl`), MS-ADTS 6.1 (links).

/// An attribute that is shown as it is.
pub(super) struct Shown {
    pub(super) column: &'static str,
    pub(super) name: &'static str,
    pub(super) form: Form,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text, one or more.
    Text,
    /// A number.
    Number,
    /// Seconds since 1601.
    Seconds,
    /// A FILETIME; zero and the largest number stand for never.
    Filetime,
    /// Flags of an account.
    AccountControl,
    /// Kind of an account.
    AccountType,
    /// A security identifier whose last number has its highest byte first.
    Sid,
    /// A GUID.
    Guid,
    /// Numbers of classes.
    Classes,
}

const fn shown(column: &'static str, name: &'static str, form: Form) -> Shown {
    Shown { column, name, form }
}

/// What a row of an object shows.
pub(super) const SHOWN: [Shown; 27] = [
    shown("ATTm590045", "sAMAccountName", Form::Text),
    shown("ATTm589825", "name", Form::Text),
    shown("ATTr589970", "objectSid", Form::Sid),
    shown("ATTk589826", "objectGUID", Form::Guid),
    shown("ATTc0", "objectClass", Form::Classes),
    shown("ATTj590126", "sAMAccountType", Form::AccountType),
    shown("ATTl131074", "whenCreated", Form::Seconds),
    shown("ATTl131075", "whenChanged", Form::Seconds),
    shown("ATTj589832", "userAccountControl", Form::AccountControl),
    shown("ATTj589974", "adminCount", Form::Number),
    shown("ATTj589922", "primaryGroupID", Form::Number),
    shown("ATTj590574", "groupType", Form::Number),
    shown("ATTq589920", "pwdLastSet", Form::Filetime),
    shown("ATTq589876", "lastLogon", Form::Filetime),
    shown("ATTq591520", "lastLogonTimestamp", Form::Filetime),
    shown("ATTq589983", "accountExpires", Form::Filetime),
    shown("ATTq590486", "lockoutTime", Form::Filetime),
    shown("ATTj589993", "logonCount", Form::Number),
    shown("ATTj589836", "badPwdCount", Form::Number),
    shown("ATTm590480", "userPrincipalName", Form::Text),
    shown("ATTm590595", "servicePrincipalName", Form::Text),
    shown("ATTm13", "description", Form::Text),
    shown("ATTm590443", "dNSHostName", Form::Text),
    shown("ATTm590187", "operatingSystem", Form::Text),
    shown("ATTm590188", "operatingSystemVersion", Form::Text),
    shown("ATTm589886", "scriptPath", Form::Text),
    shown("ATTr590433", "sIDHistory", Form::Sid),
];

/// Whether the object is deleted.
pub(super) const IS_DELETED: &str = "ATTi131120";
/// When each attribute was last changed, by which domain controller.
pub(super) const META_DATA: &str = "ATTk589827";

/// An attribute of which only is said that the object has it.
pub(super) struct Present {
    pub(super) column: &'static str,
    pub(super) name: &'static str,
    /// Its value is a secret: it is never read.
    pub(super) is_secret: bool,
}

const fn present(column: &'static str, name: &'static str, is_secret: bool) -> Present {
    Present { column, name, is_secret }
}

/// Attributes that are named and not read.
pub(super) const PRESENT: [Present; 14] = [
    present("ATTk589914", "unicodePwd", true),
    present("ATTk589879", "dBCSPwd", true),
    present("ATTk589918", "ntPwdHistory", true),
    present("ATTk589984", "lmPwdHistory", true),
    present("ATTk589949", "supplementalCredentials", true),
    present("ATTk590689", "pekList", true),
    present("ATTk591734", "unixUserPassword", true),
    present("ATTk589851", "currentValue", true),
    present("ATTk589924", "priorValue", true),
    present("ATTk589953", "trustAuthIncoming", true),
    present("ATTk589959", "trustAuthOutgoing", true),
    present("ATTm591788", "msFVE-RecoveryPassword", true),
    present("ATTk591823", "msFVE-KeyPackage", true),
    present("ATTp592006", "msDS-AllowedToActOnBehalfOfOtherIdentity", false),
];

/// A change that an investigation asks for.
pub(super) struct Watched {
    pub(super) number: u32,
    pub(super) name: &'static str,
    /// Why it matters.
    pub(super) reason: &'static str,
}

const fn watched(number: u32, name: &'static str, reason: &'static str) -> Watched {
    Watched { number, name, reason }
}

/// Attributes whose changes become rows, by number.
pub(super) const WATCHED: [Watched; 33] = [
    watched(589_914, "unicodePwd", "the password was set"),
    watched(589_879, "dBCSPwd", "the password was set"),
    watched(589_918, "ntPwdHistory", "the password was set"),
    watched(589_949, "supplementalCredentials", "the password was set"),
    watched(589_920, "pwdLastSet", "the password was set, or must be changed"),
    watched(
        589_832,
        "userAccountControl",
        "enabled, disabled, no preauthentication, delegation, no password",
    ),
    watched(589_974, "adminCount", "the account came under the protection of administrators"),
    watched(590_595, "servicePrincipalName", "a service name lets anybody ask for a ticket to crack"),
    watched(590_433, "sIDHistory", "a former identity grants its rights"),
    watched(589_922, "primaryGroupID", "membership that the group does not list"),
    watched(590_045, "sAMAccountName", "renamed; a name without $ was used against domain controllers"),
    watched(590_443, "dNSHostName", "changed before a certificate is asked for in another's name"),
    watched(590_480, "userPrincipalName", "changed before a certificate is asked for in another's name"),
    watched(590_691, "altSecurityIdentities", "a certificate is bound to the account"),
    watched(36, "userCertificate", "a certificate was published for the account"),
    watched(592_006, "msDS-AllowedToActOnBehalfOfOtherIdentity", "others may act for anybody on it"),
    watched(591_611, "msDS-AllowedToDelegateTo", "it may act for others on these services"),
    watched(591_787, "msDS-SupportedEncryptionTypes", "weak tickets may be asked for"),
    watched(131_353, "nTSecurityDescriptor", "rights on the object were changed"),
    watched(589_886, "scriptPath", "a script runs at logon"),
    watched(589_963, "profilePath", "a folder is loaded at logon"),
    watched(590_715, "gPLink", "policies that apply were changed"),
    watched(590_718, "gPCFileSysPath", "the files of a policy"),
    watched(589_965, "versionNumber", "a policy was edited"),
    watched(591_172, "gPCMachineExtensionNames", "what a policy does to computers"),
    watched(591_173, "gPCUserExtensionNames", "what a policy does to users"),
    watched(590_486, "lockoutTime", "the account was locked by wrong passwords"),
    watched(589_983, "accountExpires", "the account's end was moved"),
    watched(589_888, "logonHours", "the hours of logon were changed"),
    watched(131_284, "dSHeuristics", "anonymous access and other switches of the forest"),
    watched(591_235, "ms-DS-MachineAccountQuota", "how many computers anybody may add"),
    watched(131_120, "isDeleted", "the object was deleted or restored"),
    watched(31, "member", "members, in the form from before single values were replicated"),
];

/// A link between two objects that an investigation asks for.
pub(super) struct WatchedLink {
    /// Half of the link's number.
    pub(super) base: i64,
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
}

/// Links whose changes become rows.
pub(super) const WATCHED_LINKS: [WatchedLink; 2] = [
    WatchedLink { base: MEMBER, name: "member", reason: "membership of a group" },
    WatchedLink {
        base: KEY_CREDENTIAL,
        name: "msDS-KeyCredentialLink",
        reason: "a key with which anybody who has it logs on",
    },
];

/// Half the number of `member` and `memberOf`.
pub(super) const MEMBER: i64 = 1;
/// Half the number of `msDS-KeyCredentialLink`.
pub(super) const KEY_CREDENTIAL: i64 = 1_110;

/// Numbers of classes that are named.
pub(super) const CLASSES: [(i64, &str); 14] = [
    (65_536, "top"),
    (65_542, "person"),
    (65_543, "organizationalPerson"),
    (65_541, "organizationalUnit"),
    (655_369, "user"),
    (655_390, "computer"),
    (655_368, "group"),
    (655_375, "contact"),
    (655_394, "trustedDomain"),
    (655_436, "foreignSecurityPrincipal"),
    (655_427, "domainDNS"),
    (655_517, "groupPolicyContainer"),
    (655_624, "msDS-ManagedServiceAccount"),
    (655_642, "msDS-GroupManagedServiceAccount"),
];

/// Kinds of accounts.
pub(super) const ACCOUNT_TYPES: [(i64, &str); 7] = [
    (0x1000_0000, "group"),
    (0x1000_0001, "distribution group"),
    (0x2000_0000, "local group"),
    (0x2000_0001, "local distribution group"),
    (0x3000_0000, "user"),
    (0x3000_0001, "computer"),
    (0x3000_0002, "trust account"),
];

/// How the last part of a name is called, by the number of its attribute.
pub(super) fn name_kind(number: i64) -> &'static str {
    match number {
        6 => "C",
        7 => "L",
        10 => "O",
        11 => "OU",
        1_376_281 => "DC",
        _ => "CN",
    }
}
