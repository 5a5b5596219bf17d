//! What attributes of a directory are called, hold and hide.
//!
//! In: an attribute's name as a tool wrote it, and its value as text or bytes. Out: the name as LDAP writes it, the value as
//! people read it, and whether it is a secret. Sources: MS-ADA1 to 3, MS-ADTS 2.2.16 (userAccountControl), MS-ADTS 3.1.1.3.

use piste_model::Instant;

use crate::account_control;
use crate::dates::{self, Order};
use crate::identifiers::{guid, sid};

/// Attributes by LDAP's name, with the names that PowerShell's cmdlets give them.
const NAMES: [(&str, &str); 44] = [
    ("accountExpires", ""),
    ("adminCount", "AdminCount"),
    ("badPasswordTime", ""),
    ("badPwdCount", "BadLogonCount"),
    ("cn", "CN"),
    ("description", "Description"),
    ("displayName", "DisplayName"),
    ("distinguishedName", "DistinguishedName"),
    ("dNSHostName", "DNSHostName"),
    ("gPLink", "LinkedGroupPolicyObjects"),
    ("homeDirectory", "HomeDirectory"),
    ("isDeleted", "Deleted"),
    ("lastKnownParent", "LastKnownParent"),
    ("lastLogoff", ""),
    ("lastLogon", ""),
    ("lastLogonTimestamp", ""),
    ("lockoutTime", ""),
    ("logonCount", ""),
    ("mail", "EmailAddress"),
    ("managedBy", "ManagedBy"),
    ("manager", "Manager"),
    ("member", "Members"),
    ("memberOf", "MemberOf"),
    ("msDS-AllowedToActOnBehalfOfOtherIdentity", "PrincipalsAllowedToDelegateToAccount"),
    ("msDS-AllowedToDelegateTo", ""),
    ("msDS-KeyCredentialLink", ""),
    ("name", "Name"),
    ("objectCategory", "ObjectCategory"),
    ("objectClass", "ObjectClass"),
    ("objectGUID", "ObjectGUID"),
    ("objectSid", "SID"),
    ("operatingSystem", "OperatingSystem"),
    ("operatingSystemVersion", "OperatingSystemVersion"),
    ("primaryGroupID", "PrimaryGroupID"),
    ("pwdLastSet", ""),
    ("sAMAccountName", "SamAccountName"),
    ("scriptPath", "ScriptPath"),
    ("servicePrincipalName", "ServicePrincipalNames"),
    ("sIDHistory", "SIDHistory"),
    ("userAccountControl", ""),
    ("userPrincipalName", "UserPrincipalName"),
    ("userWorkstations", "LogonWorkstations"),
    ("whenChanged", "Modified"),
    ("whenCreated", "Created"),
];

/// Attributes that hold passwords, keys or what they can be worked out from.
const SECRETS: [&str; 28] = [
    "unicodePwd",
    "dBCSPwd",
    "userPassword",
    "unixUserPassword",
    "msSFU30Password",
    "os400-password",
    "clearTextPassword",
    "lmPwdHistory",
    "ntPwdHistory",
    "supplementalCredentials",
    "ms-Mcs-AdmPwd",
    "msLAPS-Password",
    "msLAPS-EncryptedPassword",
    "msLAPS-EncryptedPasswordHistory",
    "msLAPS-EncryptedDSRMPassword",
    "msLAPS-EncryptedDSRMPasswordHistory",
    "msDS-ManagedPassword",
    "msDS-ManagedPasswordPreviousId",
    "msFVE-RecoveryPassword",
    "msFVE-KeyPackage",
    "trustAuthIncoming",
    "trustAuthOutgoing",
    "initialAuthIncoming",
    "initialAuthOutgoing",
    "currentValue",
    "priorValue",
    "msPKI-AccountCredentials",
    "msPKIDPAPIMasterKeys",
];
/// Two that are named for what they are in tables of other tools.
const SECRET_WORDS: [&str; 4] = ["mslaps-encrypted", "admpwd", "nthash", "lmhash"];

/// Attributes whose whole number is a time.
const TICKS: [&str; 12] = [
    "pwdLastSet",
    "lastLogon",
    "lastLogonTimestamp",
    "lastLogoff",
    "badPasswordTime",
    "accountExpires",
    "lockoutTime",
    "msDS-LastSuccessfulInteractiveLogonTime",
    "msDS-LastFailedInteractiveLogonTime",
    "msDS-UserPasswordExpiryTimeComputed",
    "ms-Mcs-AdmPwdExpirationTime",
    "msLAPS-PasswordExpirationTime",
];
/// Attributes whose text is a time.
const DATES: [&str; 9] = [
    "whenCreated",
    "whenChanged",
    "createTimeStamp",
    "modifyTimeStamp",
    "dSCorePropagationData",
    "PasswordLastSet",
    "LastLogonDate",
    "AccountExpirationDate",
    "LastBadPasswordAttempt",
];

/// The name as LDAP writes it; one that is not known stays.
pub(super) fn canonical(name: &str) -> &str {
    let known = NAMES.iter().find(|(ldap, shell)| {
        ldap.eq_ignore_ascii_case(name) || (!shell.is_empty() && shell.eq_ignore_ascii_case(name))
    });
    known.map_or(name, |(ldap, _)| ldap)
}

/// Whether an attribute's value is withheld.
pub(super) fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let time = lower.ends_with("expirationtime") || lower.ends_with("version");
    SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
        || (!time && SECRET_WORDS.iter().any(|word| lower.contains(word)))
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// Whether an attribute is a time.
pub(super) fn is_time(name: &str) -> bool {
    is_one_of(&TICKS, name) || is_one_of(&DATES, name)
}

/// A value as people read it, and the moment that it is.
pub(super) fn readable(name: &str, value: &str, order: Order) -> (Option<String>, Option<Moment>) {
    if is_one_of(&TICKS, name) && !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Nought and the largest number stand for never.
        let ticks = value.parse::<u64>().ok().filter(|ticks| *ticks > 0 && *ticks < i64::MAX as u64);
        let time = ticks.and_then(Instant::from_filetime);
        return (time.map(|time| time.to_string()), time.map(Moment::utc));
    }
    if is_one_of(&DATES, name) || is_one_of(&TICKS, name) {
        let moment = moment(value, order);
        let text = moment.filter(|moment| moment.zoned).map(|moment| moment.time.to_string());
        return (text, moment);
    }
    (None, None)
}

/// A moment, and whether its text tells the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) time: Instant,
    pub(super) zoned: bool,
}

impl Moment {
    fn utc(time: Instant) -> Self {
        Self { time, zoned: true }
    }
}

/// Reads a time in the forms of LDIF, `ADTimeline`, repadmin and PowerShell.
pub(super) fn moment(text: &str, order: Order) -> Option<Moment> {
    let text = text.trim();
    if let Some(time) = generalized(text) {
        return Some(Moment::utc(time));
    }
    if let Some(time) = Instant::parse(text) {
        let zoned = text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
        return Some(Moment { time, zoned });
    }
    let zoned = text.ends_with(" UTC") || text.ends_with("Coordinated Universal Time");
    dates::moment(without_zone(text), order).map(|time| Moment { time, zoned })
}

/// A date and its clock without the zone's name behind them, whose letters would be taken for those of a twelve-hour clock.
pub(super) fn without_zone(text: &str) -> &str {
    let mut end = 0;
    for (number, word) in text.split_inclusive(char::is_whitespace).enumerate() {
        let letters: String = word.chars().filter(char::is_ascii_alphabetic).collect();
        let half = ["a", "m", "p", "am", "pm"].iter().any(|half| letters.eq_ignore_ascii_case(half));
        if number >= 2 && !half {
            break;
        }
        end += word.len();
    }
    text.get(..end).unwrap_or(text).trim_end()
}

/// `20210304051231.0Z`.
fn generalized(text: &str) -> Option<Instant> {
    let digits = text.get(..14).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let rest = text.get(14..)?;
    let fraction = rest.strip_suffix('Z')?.trim_end_matches('0').trim_end_matches(['.', ',']);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let (date, clock) =
        ([part(0, 4), part(4, 6), part(6, 8)].join("-"), [part(8, 10), part(10, 12), part(12, 14)].join(":"));
    let written: String = fraction.replace(',', ".");
    Instant::parse(&format!("{date}T{clock}{written}Z"))
}

/// What the bits of userAccountControl say; the number may be in hex, with words behind it.
pub(super) fn control(value: &str) -> Option<String> {
    let word = value.split_whitespace().next()?;
    let bits = match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => word.parse().ok()?,
    };
    let names = account_control::names(bits);
    (!names.is_empty()).then(|| names.join(","))
}

/// Bytes of an attribute as people write them; `None` where they are no text.
pub(super) fn of_bytes(name: &str, bytes: &[u8]) -> Option<String> {
    match name {
        "objectSid" | "sIDHistory" | "mS-DS-CreatorSID" | "securityIdentifier" => sid(bytes),
        "objectGUID" | "schemaIDGUID" | "invocationId" => guid(bytes),
        _ => {
            let text = std::str::from_utf8(bytes).ok()?;
            let plain =
                text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t'));
            plain.then(|| text.to_owned())
        }
    }
}

/// `X'0105…'`, as `csvde` writes bytes.
pub(super) fn hex_bytes(value: &str) -> Option<Vec<u8>> {
    let digits = value.strip_prefix("X'")?.strip_suffix('\'')?;
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_tool_s_form() {
        let check = |text: &str, shown: Option<(&str, bool)>| {
            let found = moment(text, Order::MonthFirst).map(|one| (one.time.to_string(), one.zoned));
            assert_eq!(found, shown.map(|(time, zoned)| (time.to_owned(), zoned)), "{text}");
        };
        check("20210304051231.0Z", Some(("2021-03-04T05:12:31Z", true)));
        check("20210304051231.25Z", Some(("2021-03-04T05:12:31.25Z", true)));
        check("2021-03-04T05:12:31Z", Some(("2021-03-04T05:12:31Z", true)));
        check("3/4/2021 5:12:31 AM Pacific Daylight Time", Some(("2021-03-04T05:12:31Z", false)));
        check("8/30/2021 4:43:02 PM Coordinated Universal Time", Some(("2021-08-30T16:43:02Z", true)));
        check("3/4/2021 5:12:31 PM Romance Standard Time", Some(("2021-03-04T17:12:31Z", false)));
        check("4/3/2021 5:12:31 p. m. CET", Some(("2021-04-03T17:12:31Z", false)));
        check("04.03.2021 17:12:31 Mitteleuropäische Zeit", Some(("2021-04-03T17:12:31Z", false)));
        check("2021-03-04 05:12:31", Some(("2021-03-04T05:12:31Z", false)));
        for text in ["", "(never)", "20211304051231.0Z", "é"] {
            check(text, None);
        }
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        assert_eq!(
            control("0x10222 = ( X )").as_deref(),
            Some("ACCOUNTDISABLE,PASSWD_NOTREQD,NORMAL_ACCOUNT,DONT_EXPIRE_PASSWORD")
        );
        assert_eq!(control("514").as_deref(), Some("ACCOUNTDISABLE,NORMAL_ACCOUNT"));
        assert_eq!(
            readable("pwdLastSet", "132593155512500000", Order::DayFirst).0.as_deref(),
            Some("2021-03-04T07:12:31.2500000Z")
        );
        assert_eq!(readable("accountExpires", "9223372036854775807", Order::DayFirst), (None, None));
        assert_eq!(hex_bytes("X'01ff'"), Some(vec![1, 255]));
        assert_eq!(hex_bytes("X'0'"), Some(vec![0]));
    }

    #[test]
    fn secrets_are_known_by_any_spelling_and_their_times_are_none() {
        for name in ["unicodepwd", "ms-Mcs-AdmPwd", "msLAPS-EncryptedPasswordHistory", "NTHash"] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["pwdLastSet", "ms-Mcs-AdmPwdExpirationTime", "msLAPS-PasswordExpirationTime", "badPwdCount"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }
}
