//! The removal list for what acts on it: blocklists, rules, threat intelligence, a removal script, a playbook.
//!
//! In: the list, what is one's own, a marking, a moment. Out: one text a format, each of its lines tied to an item and its traces, and
//! what was left out with the reason. Names in the list were written by the intruder: each is quoted for where it stands, and what cannot
//! be quoted there is left out and said. Nothing is carried out.

mod blocklists;
mod cacao;
mod intelligence;
mod powershell;
mod rules;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use piste_model::Instant;
use piste_model::address::is_public;
use piste_model::hash::sha256_hex;
use piste_model::removal::{Measure, NameSort, RemovalItem, RemovalList, TraceKind};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A table of nftables.
    Nftables,
    /// Rules of Windows' firewall, as PowerShell.
    WindowsFirewall,
    /// A response policy zone for DNS servers.
    Rpz,
    /// Rules of Suricata.
    Suricata,
    /// Lines of a hosts file.
    Hosts,
    /// Sigma rules.
    Sigma,
    /// YARA rules.
    Yara,
    /// STIX 2.1.
    Stix,
    /// An event of MISP.
    Misp,
    /// A script that removes what is on the list; it shows what it would do unless it is told to.
    Powershell,
    /// A CACAO 2.0 playbook.
    Cacao,
}

impl ExportFormat {
    /// Whether it acts on systems: then the list must be released.
    pub fn acts(self) -> bool {
        matches!(
            self,
            Self::Nftables
                | Self::WindowsFirewall
                | Self::Rpz
                | Self::Suricata
                | Self::Hosts
                | Self::Powershell
        )
    }
}

/// How a text is marked (TLP 2.0), the widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Marking {
    /// For everybody.
    Clear,
    /// For the community.
    Green,
    /// For the organisation and its clients.
    Amber,
    /// For the organisation alone.
    AmberStrict,
    /// For those named.
    Red,
}

impl Marking {
    /// As the standard writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }

    /// Reads the word of a source; what is not understood is the strictest.
    pub fn parse(text: &str) -> Self {
        match text.trim().to_uppercase().trim_start_matches("TLP:") {
            "CLEAR" | "WHITE" => Self::Clear,
            "GREEN" => Self::Green,
            "AMBER" => Self::Amber,
            "AMBER+STRICT" => Self::AmberStrict,
            _ => Self::Red,
        }
    }
}

/// A name of the other side that was seen, with its source's marking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenName {
    /// The domain name.
    pub name: String,
    /// Its source's marking.
    pub marking: Marking,
}

/// What an export is made of.
#[derive(Debug, Clone)]
pub struct ExportGround<'a> {
    /// The list.
    pub list: &'a RemovalList,
    /// How it was released, in a sentence.
    pub release: &'a str,
    /// Names of one's own computers.
    pub own_hosts: &'a [String],
    /// Domain names of the other side.
    pub names: &'a [SeenName],
    /// The marking of the export.
    pub marking: Marking,
    /// The moment that it is made at.
    pub at: Instant,
    /// What tells this case from others: ids are the same over runs.
    pub case_key: &'a str,
}

/// A text, and what is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// Items in it.
    pub items: usize,
    /// What was left out and why, a sentence each.
    pub left_out: Vec<String>,
}

/// Writes it.
pub fn export(format: ExportFormat, ground: &ExportGround<'_>) -> Exported {
    match format {
        ExportFormat::Nftables => blocklists::nftables(ground),
        ExportFormat::WindowsFirewall => blocklists::windows_firewall(ground),
        ExportFormat::Rpz => blocklists::rpz(ground),
        ExportFormat::Suricata => blocklists::suricata(ground),
        ExportFormat::Hosts => blocklists::hosts(ground),
        ExportFormat::Sigma => rules::sigma(ground),
        ExportFormat::Yara => rules::yara(ground),
        ExportFormat::Stix => intelligence::stix(ground),
        ExportFormat::Misp => intelligence::misp(ground),
        ExportFormat::Powershell => powershell::script(ground),
        ExportFormat::Cacao => cacao::playbook(ground),
    }
}

/// Addresses that many depend on: blocking one cuts off more than an intruder. Resolvers that are known by their address.
const SHARED: [&str; 12] = [
    "1.1.1.1",
    "1.0.0.1",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2620:fe::fe",
    "168.63.129.16",
];
/// Domains under which everybody has names: a whole one is never blocked.
const SHARED_DOMAINS: [&str; 26] = [
    "microsoft.com",
    "windows.net",
    "azure.com",
    "azurewebsites.net",
    "cloudapp.net",
    "office.com",
    "office365.com",
    "outlook.com",
    "sharepoint.com",
    "live.com",
    "google.com",
    "googleapis.com",
    "appspot.com",
    "amazonaws.com",
    "cloudfront.net",
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "dropbox.com",
    "dropboxusercontent.com",
    "cloudflare.com",
    "workers.dev",
    "telegram.org",
    "discord.com",
    "pastebin.com",
    "akamaized.net",
];

/// An address to block.
pub(crate) struct Blocked<'a> {
    pub(crate) address: IpAddr,
    pub(crate) item: &'a RemovalItem,
}

/// The addresses to block, each once.
pub(crate) fn blocked<'a>(ground: &ExportGround<'a>, left_out: &mut Vec<String>) -> Vec<Blocked<'a>> {
    let mut blocked: Vec<Blocked<'a>> = Vec::new();
    for item in ground.list.items.iter().filter(|item| item.measure == Measure::Block) {
        let Some(address) = item.name(NameSort::Address).and_then(|text| text.parse::<IpAddr>().ok()) else {
            continue;
        };
        if blocked.iter().any(|one| one.address == address) {
            continue;
        }
        let text = address.to_string();
        if !is_public(address) && !is_for_examples(address) {
            left_out.push(format!("{}: {text} is none of the Internet: it may be your own", item.id));
        } else if SHARED.contains(&text.as_str()) {
            left_out.push(format!("{}: {text} is a service that many depend on", item.id));
        } else {
            blocked.push(Blocked { address, item });
        }
    }
    blocked
}

/// Addresses set aside for documentation, which invented evidence has.
fn is_for_examples(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_documentation(),
        IpAddr::V6(six) => six.segments().starts_with(&[0x2001, 0xdb8]),
    }
}

/// The domain names to block: plain names, not one's own, no whole shared service, not marked more strictly than the export.
pub(crate) fn names(ground: &ExportGround<'_>, left_out: &mut Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    for one in ground.names {
        let name = one.name.trim_end_matches('.').to_lowercase();
        let part = |part: &str| {
            let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            plain && !part.is_empty() && part.len() < 64
        };
        if name.len() > 253 || !name.contains('.') || !name.split('.').all(part) {
            left_out.push(format!("`{}` is no name of a domain", crate::escape::visible(&one.name)));
        } else if one.marking > ground.marking {
            left_out.push(format!(
                "a name is {} and this is {}",
                one.marking.as_str(),
                ground.marking.as_str()
            ));
        } else if SHARED_DOMAINS.contains(&name.as_str()) {
            left_out.push(format!(
                "{name} is a service that many depend on: block the names below it that he used"
            ));
        } else if ground.own_hosts.iter().any(|host| is_own(host, &name)) {
            left_out.push(format!("{name} is your own"));
        } else if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_own(host: &str, name: &str) -> bool {
    let host = host.to_lowercase();
    let domain = host.split_once('.').map_or("", |(_, domain)| domain);
    name == host || (!domain.is_empty() && (name == domain || name.ends_with(&format!(".{domain}"))))
}

/// `R-3 S-4 D-1`: what a line is tied to.
pub(crate) fn traces(item: &RemovalItem) -> String {
    let mut text = item.id.clone();
    for trace in item.traces.iter().take(6) {
        text.push(' ');
        text.push_str(trace);
    }
    text
}

/// A text for a remark of one line.
pub(crate) fn remark(text: &str) -> String {
    crate::escape::visible(text).chars().take(300).collect()
}

/// An id in the form of a UUID of version 4 that is the same over runs: made of a hash, not of chance.
pub(crate) fn uuid(ground: &ExportGround<'_>, what: &str) -> String {
    let hash = sha256_hex(format!("{}\u{1f}{what}", ground.case_key).as_bytes());
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or("0").to_owned();
    let variant = ["8", "9", "a", "b"]
        .get(hash.as_bytes().get(16).copied().map_or(0, |byte| usize::from(byte % 4)))
        .copied()
        .unwrap_or("8");
    format!("{}-{}-4{}-{variant}{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Milliseconds and `Z`, as STIX and CACAO want a time.
pub(crate) fn milliseconds(at: Instant) -> String {
    let plain = Instant { nanos: at.nanos - at.nanos.rem_euclid(1_000_000), digits: 3 };
    plain.to_string()
}

/// What an item is, in a few words.
pub(crate) fn title(item: &RemovalItem) -> String {
    format!("{} {} on {}", item.kind.as_str(), remark(&item.place), remark(&item.host))
}

/// Whether an item is a file of one kind or the other.
pub(crate) fn is_file(item: &RemovalItem) -> bool {
    matches!(item.kind, TraceKind::File | TraceKind::Page)
}
