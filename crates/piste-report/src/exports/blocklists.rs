//! Blocklists: nftables, Windows' firewall, response policy zones, Suricata, hosts files.
//!
//! In: addresses and names of the other side. Out: one entry each, with what it is tied to. An address is parsed and written anew, a name
//! has nothing but letters, digits and dashes: neither can end a line.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::powershell::quoted;
use super::{Blocked, ExportGround, Exported, blocked, names, remark, traces};

/// First number of Suricata's rules: those from a million on are local.
const SID_FIRST: usize = 1_900_000;

fn head(ground: &ExportGround<'_>, sign: &str) -> String {
    format!(
        "{sign} {} - made {} by Piste from the removal list {}\n{sign} {}\n",
        ground.marking.as_str(),
        ground.at,
        ground.list.sha256,
        remark(ground.release)
    )
}

/// A table that drops traffic in both directions.
pub(super) fn nftables(ground: &ExportGround<'_>) -> Exported {
    let mut left_out = Vec::new();
    let all = blocked(ground, &mut left_out);
    let mut text = head(ground, "#");
    text.push_str("table inet piste_block {\n");
    let of = |v4: bool| all.iter().filter(move |one| one.address.is_ipv4() == v4);
    for (name, kind, v4) in [("his_v4", "ipv4_addr", true), ("his_v6", "ipv6_addr", false)] {
        let _ = writeln!(text, "  set {name} {{\n    type {kind}");
        if of(v4).next().is_some() {
            text.push_str("    elements = {\n");
            for one in of(v4) {
                let _ = writeln!(text, "      {}, # {}", one.address, remark(&traces(one.item)));
            }
            text.push_str("    }\n");
        }
        text.push_str("  }\n");
    }
    for (chain, side) in
        [("input", "saddr"), ("output", "daddr"), ("forward", "saddr"), ("forward_out", "daddr")]
    {
        let hook = chain.strip_suffix("_out").unwrap_or(chain);
        let _ = write!(
            text,
            "  chain {chain} {{\n    type filter hook {hook} priority -10; policy accept;\n    ip {side} @his_v4 counter drop\n    ip6 {side} @his_v6 counter drop\n  }}\n"
        );
    }
    text.push_str("}\n");
    Exported { text, items: all.len(), left_out }
}

/// Rules of Windows' firewall; the script shows what it would do unless it is told to.
pub(super) fn windows_firewall(ground: &ExportGround<'_>) -> Exported {
    let mut left_out = Vec::new();
    let all = blocked(ground, &mut left_out);
    let mut text = head(ground, "#");
    text.push_str(
        "#Requires -RunAsAdministrator\n[CmdletBinding()] param([switch]$Execute)\n$dry = -not $Execute\n",
    );
    for one in &all {
        for direction in ["Outbound", "Inbound"] {
            let _ = writeln!(
                text,
                "New-NetFirewallRule -DisplayName {} -Direction {direction} -RemoteAddress {} -Action Block -WhatIf:$dry # {}",
                quoted(&format!("Piste {} {direction}", one.item.id)),
                quoted(&one.address.to_string()),
                remark(&traces(one.item))
            );
        }
    }
    Exported { text, items: all.len(), left_out }
}

/// A zone that answers that a name does not exist, also where the answer would be one of the addresses.
pub(super) fn rpz(ground: &ExportGround<'_>) -> Exported {
    let mut left_out = Vec::new();
    let (all, names) = (blocked(ground, &mut left_out), names(ground, &mut left_out));
    let serial = ground.at.nanos / 1_000_000_000 % 4_294_967_295;
    let mut text = head(ground, ";");
    let _ = write!(
        text,
        "$TTL 300\n@ IN SOA localhost. root.localhost. {serial} 3600 600 86400 300\n@ IN NS localhost.\n"
    );
    for name in &names {
        let _ = writeln!(text, "{name} CNAME .\n*.{name} CNAME .");
    }
    for one in &all {
        let _ = writeln!(text, "{} CNAME . ; {}", rpz_address(one.address), remark(&traces(one.item)));
    }
    Exported { text, items: all.len() + names.len(), left_out }
}

/// `32.7.113.0.203.rpz-ip`; of IPv6 the longest run of zeros is `zz`.
fn rpz_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("32.{d}.{c}.{b}.{a}.rpz-ip")
        }
        IpAddr::V6(six) => {
            let text = six.to_string();
            let parts: Vec<String> = match text.split_once("::") {
                Some((front, back)) => {
                    let list = |part: &str| {
                        part.split(':').filter(|one| !one.is_empty()).map(str::to_owned).collect::<Vec<_>>()
                    };
                    list(front).into_iter().chain(["zz".to_owned()]).chain(list(back)).collect()
                }
                None => text.split(':').map(str::to_owned).collect(),
            };
            let turned: Vec<String> = parts.into_iter().rev().collect();
            format!("128.{}.rpz-ip", turned.join("."))
        }
    }
}

/// Rules that alert on any packet from or to an address, and on a query for a name.
pub(super) fn suricata(ground: &ExportGround<'_>) -> Exported {
    let mut left_out = Vec::new();
    let (all, names) = (blocked(ground, &mut left_out), names(ground, &mut left_out));
    let mut text = head(ground, "#");
    for (at, one) in all.iter().enumerate() {
        let _ = writeln!(
            text,
            "alert ip any any <> {} any (msg:\"Piste {}\"; classtype:trojan-activity; sid:{}; rev:1;)",
            suricata_address(one),
            message(&traces(one.item)),
            SID_FIRST + at
        );
    }
    for (at, name) in names.iter().enumerate() {
        let _ = writeln!(
            text,
            "alert dns any any -> any any (msg:\"Piste name seen {name}\"; dns.query; content:\"{name}\"; nocase; endswith; classtype:trojan-activity; sid:{}; rev:1;)",
            SID_FIRST + all.len() + at
        );
    }
    Exported { text, items: all.len() + names.len(), left_out }
}

fn suricata_address(one: &Blocked<'_>) -> String {
    one.address.to_string()
}

/// A message has no signs that end it.
fn message(text: &str) -> String {
    text.chars()
        .map(|sign| if sign.is_ascii_alphanumeric() || matches!(sign, ' ' | '-' | '.') { sign } else { '_' })
        .collect()
}

/// Names that lead nowhere.
pub(super) fn hosts(ground: &ExportGround<'_>) -> Exported {
    let mut left_out = Vec::new();
    let names = names(ground, &mut left_out);
    let blocked = blocked(ground, &mut left_out).len();
    if blocked > 0 {
        left_out.push(format!("{blocked} addresses: a hosts file blocks names alone"));
    }
    let mut text = head(ground, "#");
    for name in &names {
        let _ = writeln!(text, "0.0.0.0 {name}");
    }
    Exported { text, items: names.len(), left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_backwards_in_a_policy_zone() {
        assert_eq!(rpz_address("203.0.113.7".parse().expect("an address")), "32.7.113.0.203.rpz-ip");
        assert_eq!(rpz_address("2001:db8::7".parse().expect("an address")), "128.7.zz.db8.2001.rpz-ip");
    }
}
