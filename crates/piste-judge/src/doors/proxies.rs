//! Who made a request that came through a proxy.
//!
//! In: the networks of proxies that the user named, and a row's columns. Out: the client's address, without its port. Besides
//! the named ones those addresses are trusted that are none of the Internet: a load balancer stands beside its server.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use piste_model::address::{self, is_public};

use super::rows::Row;

/// Networks whose hosts may hand on whom they spoke with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Arc<[IpNet]>);

impl Proxies {
    pub(crate) fn new(named: &[IpNet]) -> Self {
        Self(named.into())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        !is_public(address) || self.0.iter().any(|net| net.contains(&address))
    }

    /// The client of a peer and a header's text.
    pub(crate) fn client(&self, peer: &str, forwarded: &str) -> String {
        if matches!(forwarded, "" | "-") {
            return address::plain(peer);
        }
        address::client(peer, forwarded, &|address| self.trusts(address))
    }

    /// The client of a row of IIS.
    pub(crate) fn of_iis(&self, row: Row<'_, '_>) -> String {
        self.client(row.text("c-ip"), row.text("X-Forwarded-For"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_believed_from_trusted_hops_alone() {
        let proxies = Proxies::new(&["198.51.100.0/24".parse().expect("a network")]);
        assert_eq!(proxies.client("10.1.1.5", "203.0.113.8:20001"), "203.0.113.8");
        assert_eq!(proxies.client("198.51.100.9", "192.0.2.7, 203.0.113.8"), "203.0.113.8");
        assert_eq!(proxies.client("203.0.113.9", "192.0.2.7"), "203.0.113.9");
        assert_eq!(proxies.client("203.0.113.9:80", "-"), "203.0.113.9");
    }
}
