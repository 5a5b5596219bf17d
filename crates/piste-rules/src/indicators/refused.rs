//! Values that would be seen everywhere and prove nothing: private and reserved addresses, the Internet's top sites, Windows'
//! own files, the hash of the empty file.
//!
//! In: a test, and `catalog/indicators-refused.yaml`, which a person maintains. Out: why it is not looked for, if so.
//! Addresses and names that are reserved for documentation are taken: no ordinary traffic has them, exercises do.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;

use super::test::host_of_url;
use super::{Test, Tests};

const TEXT: &str = include_str!("../../../../catalog/indicators-refused.yaml");

/// The catalog.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    /// Sites that everyone visits; a name below one is not refused.
    domains: BTreeSet<String>,
    /// Under these anyone may register: never a value of their own.
    suffixes: BTreeSet<String>,
    /// Public servers that everyone asks.
    addresses: BTreeSet<String>,
    /// Of files that prove nothing.
    hashes: BTreeSet<String>,
    /// Of programs that every Windows has.
    file_names: BTreeSet<String>,
    /// Of every browser.
    user_agents: BTreeSet<String>,
}

static REFUSED: LazyLock<Refused> = LazyLock::new(|| yaml_serde::from_str(TEXT).unwrap_or_default());

/// Networks that lie inside of organisations, or are no one's. Documentation networks are not among them.
const RESERVED_V4: [(Ipv4Addr, u8, &str); 12] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "private to providers"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::UNSPECIFIED, 8, "reserved"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "reserved for benchmarks"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];
/// Shortest prefixes: wider networks hold too much of the Internet to tell anything.
const PREFIX_V4_MIN: u8 = 8;
const PREFIX_V6_MIN: u8 = 19;

/// Why these are not looked for; a pattern only where all its tests are such.
pub(super) fn why_of(tests: &Tests) -> Option<String> {
    let mut reasons = tests.all().iter().filter(|test| !matches!(test, Test::Port(_))).map(why);
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

/// Why this is not looked for.
pub(super) fn why(test: &Test) -> Option<String> {
    let listed = |list: &BTreeSet<String>, text: &str| list.contains(text);
    match test {
        Test::V4(address) => v4(*address),
        Test::V6(address) => v6(*address),
        Test::Net(net) => network(*net),
        Test::Domain(name) => domain(name),
        Test::Url(url) => {
            let host = host_of_url(url);
            if host.len() < url.len() {
                return None;
            }
            let name = host.split(':').next().unwrap_or_default();
            name.parse().map_or_else(|_| domain(name), v4)
        }
        Test::Mail(mail) => {
            let local = mail.split('@').next().unwrap_or_default();
            matches!(local, "noreply" | "no-reply" | "postmaster" | "abuse")
                .then(|| mail.split_once('@').and_then(|(_, host)| domain(host)))
                .flatten()
        }
        Test::Hash(hash) => listed(&REFUSED.hashes, hash)
            .then(|| "it is the hash of a file that proves nothing, as the empty file".to_owned()),
        Test::Path(path) if !path.contains('\\') => {
            listed(&REFUSED.file_names, path).then(|| "every Windows has a file of this name".to_owned())
        }
        Test::Agent(agent) => {
            listed(&REFUSED.user_agents, agent).then(|| "every browser calls itself so".to_owned())
        }
        Test::Path(_)
        | Test::Mutex(_)
        | Test::Pipe(_)
        | Test::Registry(_)
        | Test::CommandLine(_)
        | Test::Matches(..)
        | Test::Port(_) => None,
    }
}

fn v4(address: Ipv4Addr) -> Option<String> {
    let reserved = RESERVED_V4
        .iter()
        .find(|(net, prefix, _)| Ipv4Net::new(*net, *prefix).is_ok_and(|net| net.contains(&address)));
    if let Some((_, _, what)) = reserved {
        return Some(format!("the address is {what}"));
    }
    REFUSED.addresses.contains(&address.to_string()).then(|| "everyone asks this public server".to_owned())
}

fn v6(address: Ipv6Addr) -> Option<String> {
    let what = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfc00..=0xfdff, ..] => "private",
        [0xff00..=0xffff, ..] => "multicast",
        _ => {
            let known = REFUSED.addresses.contains(&address.to_string());
            return known.then(|| "everyone asks this public server".to_owned());
        }
    };
    Some(format!("the address is {what}"))
}

fn network(net: IpNet) -> Option<String> {
    let (within, least) = match net {
        IpNet::V4(net) => (v4(net.network()).filter(|_| v4(net.broadcast()).is_some()), PREFIX_V4_MIN),
        IpNet::V6(net) => (v6(net.network()).filter(|_| v6(net.broadcast()).is_some()), PREFIX_V6_MIN),
    };
    if net.prefix_len() < least {
        return Some(format!("it holds too much of the Internet: prefixes from /{least} are looked for"));
    }
    within.map(|why| why.replace("the address is", "the network is"))
}

fn domain(name: &str) -> Option<String> {
    let name = name.strip_prefix("www.").unwrap_or(name);
    if REFUSED.domains.contains(name) {
        return Some("everyone visits this site".to_owned());
    }
    if REFUSED.suffixes.contains(name) {
        return Some("anyone may register below it".to_owned());
    }
    ["localhost", "localdomain", "local", "internal", "lan", "home.arpa", "in-addr.arpa", "ip6.arpa"]
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
        .then(|| "the name is private or reserved".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::kind::Hint;
    use super::super::value;
    use super::*;

    fn refused(text: &str) -> Option<String> {
        why_of(&value::read(text, Hint::Any).unwrap_or_else(|why| panic!("{text}: {why:?}")).tests)
    }

    #[test]
    fn the_catalog_reads_and_is_in_normal_form() {
        let catalog: Refused = yaml_serde::from_str(TEXT).expect("the catalog reads");
        assert!(catalog.domains.len() > 100 && catalog.file_names.len() > 30);
        for name in catalog.domains.iter().chain(&catalog.suffixes) {
            assert!(
                name.contains('.') && *name == name.to_lowercase() && !name.starts_with("www."),
                "{name}"
            );
        }
        for hash in &catalog.hashes {
            assert!(
                matches!(hash.len(), 32 | 40 | 64) && hash.bytes().all(|b| b"0123456789abcdef".contains(&b))
            );
        }
        for address in &catalog.addresses {
            let read: std::net::IpAddr = address.parse().expect("an address");
            assert_eq!(read.to_string(), *address);
        }
    }

    #[test]
    fn what_everyone_has_is_refused_and_what_an_intruder_may_have_is_not() {
        for text in [
            "10.1.1.1",
            "172.31.0.1",
            "192.168.0.0/16",
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "8.8.8.8",
            "::1",
            "fe80::1",
            "fd00::1",
            "0.0.0.0/0",
            "2.0.0.0/7",
            "google.com",
            "www.microsoft.com",
            "windowsupdate.com",
            "http://google.com/",
            "https://192.168.1.1",
            "co.uk",
            "d41d8cd98f00b204e9800998ecf8427e",
            "svchost.exe",
            "dc01.corp.local",
            "10.1.1.1:443",
        ] {
            assert!(refused(text).is_some(), "{text}");
        }
        for text in [
            "203.0.113.7",
            "198.51.100.0/24",
            "11.0.0.1",
            "172.32.0.1",
            "evil.example",
            "evil.blogspot.com",
            "https://drive.google.com/uc?id=1",
            "2001:db8::1",
            "notgoogle.com",
            r"C:\x\svchost.exe",
            "100.128.0.1",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }
}
