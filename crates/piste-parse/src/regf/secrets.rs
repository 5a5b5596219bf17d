//! Values that hold a secret: a row says that they are there, and how long they are, never what they are.
//!
//! In: where a value lies and what it is called. Out: whether it is withheld. The evidence itself keeps it.

use super::identity::Kind;
use super::text::{DWORD, QWORD};

/// Keys of the hive SECURITY below which every value is a secret or the key to one.
const SECURITY_KEYS: [&str; 4] =
    [r"\Policy\Secrets", r"\Policy\PolEKList", r"\Policy\PolSecretEncryptionKey", r"\Cache"];
/// Values of the hive SAM with password hashes, or with the key that they are encrypted with.
const SAM_VALUES: [&str; 4] = ["V", "F", "SupplementalCredentials", "C"];
/// Parts of names of values in which programs keep passwords; each begins with a p.
const NAMES: [&str; 4] = ["password", "passwd", "passphrase", "privatekey"];
/// Keys of the hive SYSTEM whose classes together are the key of all secrets of the host.
const BOOT_KEYS: [&str; 4] = ["JD", "Skew1", "GBG", "Data"];

/// Whether a value's data is withheld; `path` is its key's below the root.
pub(super) fn is_secret(kind: Kind, path: &str, name: &str, value_kind: u32) -> bool {
    let by_place = match kind {
        Kind::Sam => SAM_VALUES.iter().any(|known| name.eq_ignore_ascii_case(known)),
        // Where it lay is not known: it may have been anything.
        Kind::Security if path.is_empty() || path.starts_with(r"\…") => true,
        Kind::Security => SECURITY_KEYS.iter().any(|known| starts_with(path, known)),
        _ => false,
    };
    let is_number = value_kind == DWORD || value_kind == QWORD;
    by_place || (!is_number && is_secret_name(name.as_bytes()))
}

/// All of the names begin with the same letter, which is looked for first: this is asked of every value.
fn is_secret_name(name: &[u8]) -> bool {
    memchr::memchr2_iter(b'p', b'P', name).any(|at| {
        let rest = name.get(at..).unwrap_or_default();
        let begins = |part: &&str| {
            rest.get(..part.len()).is_some_and(|head| head.eq_ignore_ascii_case(part.as_bytes()))
        };
        NAMES.iter().any(begins)
    })
}

/// Whether a key's class is withheld.
pub(super) fn is_secret_class(kind: Kind, path: &str, name: &str) -> bool {
    kind == Kind::System
        && contains(path, r"\control\lsa")
        && BOOT_KEYS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Without case; a key's name goes on with a separator or ends.
fn starts_with(path: &str, known: &str) -> bool {
    let head =
        path.as_bytes().get(..known.len()).is_some_and(|head| head.eq_ignore_ascii_case(known.as_bytes()));
    head && matches!(path.as_bytes().get(known.len()), None | Some(b'\\'))
}

/// Without case; `part` is in lower case.
fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_settings() {
        assert!(is_secret(Kind::Sam, r"\SAM\Domains\Account\Users\000001F4", "V", 3));
        assert!(is_secret(Kind::Security, r"\Policy\Secrets\NL$KM\CurrVal", "", 0));
        assert!(is_secret(Kind::Security, r"\cache", "NL$1", 3));
        assert!(is_secret(
            Kind::Software,
            r"\Microsoft\Windows NT\CurrentVersion\Winlogon",
            "DefaultPassword",
            1
        ));
        assert!(!is_secret(Kind::Software, r"\Policies", "PasswordExpiryWarning", DWORD));
        assert!(!is_secret(Kind::Security, r"\CacheOther", "x", 3));
        assert!(is_secret_class(Kind::System, r"\ControlSet001\Control\Lsa\JD", "JD"));
        assert!(!is_secret_class(Kind::System, r"\ControlSet001\Control\Print", "Data"));
    }
}
