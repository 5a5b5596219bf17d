//! Addresses as logs write them, and who stands behind a proxy.
//!
//! In: a value of a log: `203.0.113.8:51240`, `[2a00::1]:443`, `fe80::1%12`, `::ffff:203.0.113.8`, a list of hops. Out: the address,
//! and of a request the client: whoever the last trusted hop spoke with. What a client writes into such a header itself
//! stands to the left of what a proxy adds, and is never taken blindly.

use std::net::{IpAddr, Ipv4Addr};

/// Hops that are looked at of one header; a hostile client could write more.
const HOPS_MAX: usize = 32;

/// The address in a value, without port, brackets, zone and quotes; an IPv4 address written as IPv6 is the former.
pub fn parse(value: &str) -> Option<IpAddr> {
    let text = value.trim().trim_matches('"');
    // RFC 7239's `for=`, in a list whose other parameters stand behind semicolons.
    let text = match text.get(..4) {
        Some(front) if front.eq_ignore_ascii_case("for=") => {
            text.get(4..)?.split(';').next()?.trim().trim_matches('"')
        }
        _ => text,
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (bare, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => match text.split_once(':') {
            Some((front, port)) if !port.contains(':') => (front, text.get(front.len()..)?),
            _ => (text, ""),
        },
    };
    let port = rest.is_empty()
        || rest
            .strip_prefix(':')
            .is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let (bare, zone) = bare.split_once('%').map_or((bare, None), |(bare, zone)| (bare, Some(zone)));
    let zone = zone.is_none_or(|zone| !zone.is_empty() && !zone.contains([' ', ',', '/', ':']));
    let address = bare.parse::<IpAddr>().ok().filter(|_| port && zone)?;
    Some(address.to_canonical())
}

/// The value as one writes an address; as it is where it holds none.
pub fn plain(value: &str) -> String {
    parse(value).map_or_else(|| value.trim().to_owned(), |address| address.to_string())
}

/// Who made a request: `peer` is who the server spoke with, `forwarded` what a header says of hops before, the nearest last.
///
/// From the server outwards each hop that is trusted hands on to the next; the first that is not is the client. Where all are
/// trusted it is the farthest. A peer that is not trusted is the client, whatever it says of itself.
pub fn client(peer: &str, forwarded: &str, trusted: &dyn Fn(IpAddr) -> bool) -> String {
    let Some(mut nearest) = parse(peer) else {
        // The log names nobody that the server spoke with: the nearest hop of the header is all there is.
        let last = hops(forwarded).next().flatten();
        return last.map_or_else(
            || plain(peer),
            |first| behind(first, hops(forwarded).skip(1), trusted).to_string(),
        );
    };
    if trusted(nearest) {
        nearest = behind(nearest, hops(forwarded), trusted);
    }
    nearest.to_string()
}

/// Goes outwards from a hop that speaks for those before it.
fn behind(
    from: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    trusted: &dyn Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut at = from;
    for hop in hops {
        // What is no address (`unknown`, `_hidden`) hides whoever stands behind it.
        let Some(hop) = hop.filter(|_| trusted(at)) else { break };
        at = hop;
    }
    at
}

/// The hops of a header, the nearest to the server first. IIS writes a blank as `+`; some write a semicolon between hops, which
/// in RFC 7239's form parts the parameters of one hop.
fn hops(forwarded: &str) -> impl Iterator<Item = Option<IpAddr>> {
    let parameter = |part: &str| {
        part.contains('=') && !part.get(..4).is_some_and(|front| front.eq_ignore_ascii_case("for="))
    };
    let hops = forwarded
        .rsplit([',', '+', ' ', ';'])
        .filter(move |hop| !matches!(*hop, "" | "-") && !parameter(hop));
    hops.take(HOPS_MAX).map(parse)
}

/// Whether the address is one of the Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => {
            let head = v6.segments().first().copied().unwrap_or_default();
            (0x2000..0x4000).contains(&head) && !(head == 0x2001 && v6.segments().get(1) == Some(&0xdb8))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || shared
        || a == 0
        || a >= 240)
}

/// Whether a column of a log, as it spells it, holds the address before a proxy.
pub fn is_forwarded_column(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace(['_', ' '], "-");
    let bare = lower.strip_prefix("cs(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&lower);
    let bare = bare.strip_prefix("cs-").unwrap_or(bare);
    let bare = bare.strip_prefix("http-").unwrap_or(bare);
    FORWARDED.contains(&bare)
}

/// Headers in which proxies hand on who spoke with them.
const FORWARDED: [&str; 23] = [
    "x-forwarded-for",
    "xforwardedfor",
    "x-forwardedfor",
    "x-forwarded",
    "forwarded",
    "forwarded-for",
    "x-original-forwarded-for",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-azure-clientip",
    "x-original-ip",
    "x-originalip",
    "originalip",
    "original-ip",
    "clientip",
    "client-ip",
    "incap-client-ip",
    "x-envoy-external-address",
    "x-forwarded-client-ip",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_logs_write_them() {
        for (value, address) in [
            ("203.0.113.8", "203.0.113.8"),
            ("203.0.113.8:51240", "203.0.113.8"),
            (" \"[2a00::1]:443\" ", "2a00::1"),
            ("[2a00::1]", "2a00::1"),
            ("2a00::1", "2a00::1"),
            ("fe80::1%12", "fe80::1"),
            ("[fe80::1%eth0]:443", "fe80::1"),
            ("::ffff:203.0.113.8", "203.0.113.8"),
            ("[::ffff:203.0.113.8]:80", "203.0.113.8"),
            ("for=\"[2a00::1]:4711\";proto=https", "2a00::1"),
            ("For=192.0.2.60", "192.0.2.60"),
        ] {
            assert_eq!(parse(value).map(|one| one.to_string()).as_deref(), Some(address), "{value}");
        }
        for value in [
            "",
            "-",
            "unknown",
            "203.0.113",
            "203.0.113.8:",
            "203.0.113.8:x",
            "1.2.3.4/8",
            "fe80::1%",
            "[::1",
            "é",
        ] {
            assert_eq!(parse(value), None, "{value}");
        }
    }

    #[test]
    fn the_client_is_whom_the_last_trusted_hop_spoke_with() {
        let inside = |address: IpAddr| !is_public(address) || address.to_string() == "198.51.100.7";
        let check = |peer: &str, forwarded: &str, who: &str| {
            assert_eq!(client(peer, forwarded, &inside), who, "{peer} {forwarded}");
        };
        check("10.1.1.5", "203.0.113.8:20000", "203.0.113.8");
        check("10.1.1.5", "-", "10.1.1.5");
        check("10.1.1.5", "192.0.2.1,+203.0.113.8", "203.0.113.8"); // the left one was forged
        check("10.1.1.5", "10.9.9.9, 203.0.113.8, 10.2.2.2", "203.0.113.8");
        check("10.1.1.5", "203.0.113.8, 198.51.100.7", "203.0.113.8"); // a proxy that was named
        check("203.0.113.9", "198.51.100.1", "203.0.113.9"); // nobody vouches for it
        check("10.1.1.5", "10.3.3.3, 10.2.2.2", "10.3.3.3");
        check("10.1.1.5", "unknown, 10.2.2.2", "10.2.2.2");
        check("10.1.1.5", "203.0.113.8;10.2.2.2", "203.0.113.8");
        check("10.1.1.5", "for=203.0.113.8;proto=https;by=10.2.2.2", "203.0.113.8");
        check("203.0.113.8:443", "-", "203.0.113.8"); // a module put the header in the column
        check("-", "203.0.113.8:1", "203.0.113.8");
        check("-", "-", "-");
    }

    #[test]
    fn columns_by_any_spelling() {
        for name in [
            "X-Forwarded-For",
            "x-forwarded-for",
            "cs(X-Forwarded-For)",
            "CS(X-FORWARDED-FOR)",
            "x_forwarded_for",
            "cs-x-forwarded-for",
            "XForwardedFor",
            "True-Client-IP",
            "cs(X-Real-IP)",
            "HTTP_X_FORWARDED_FOR",
            "X-Original-IP",
            "OriginalIP",
            "ClientIP",
        ] {
            assert!(is_forwarded_column(name), "{name}");
        }
        for name in ["X-Forwarded-Proto", "c-ip", "X-Forwarded-Host", "cs(Cookie)", ""] {
            assert!(!is_forwarded_column(name), "{name}");
        }
    }
}
