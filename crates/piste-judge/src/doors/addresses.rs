//! Whether an address that a log names is one of the Internet.
//!
//! In: the text of an address. Out: yes or no; what is no address is none of the Internet.

use piste_model::address;

/// Whether the address is one of the Internet.
pub(crate) fn is_public(text: &str) -> bool {
    address::parse(text).is_some_and(address::is_public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet() {
        for inside in [
            "10.0.0.1",
            "192.168.2.5",
            "172.16.9.9",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "-",
            "",
            "LOCAL",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(inside), "{inside}");
        }
        for outside in ["203.0.113.7", "8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(is_public(outside), "{outside}");
        }
    }
}
