//! What a row is held against.
//!
//! In: a value that was understood. Out: its normal form: addresses as numbers, names in lower case, paths with one kind of
//! slash, web addresses without scheme. Values of rows are brought to the same form when they are looked up.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Kind;

/// One test on one value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// This address.
    V4(Ipv4Addr),
    /// This address.
    V6(Ipv6Addr),
    /// An address within.
    Net(IpNet),
    /// This name or one below it; lower case.
    Domain(Box<str>),
    /// This web address: `evil.example/gate.php?a=1`, without `http://` or `https://`, the host in lower case.
    Url(Box<str>),
    /// 32, 40 or 64 hex digits, lower case.
    Hash(Box<str>),
    /// Lower case.
    Mail(Box<str>),
    /// Parts of a path, in lower case, joined by `\`, without one at its ends.
    Path(Box<str>),
    /// The whole text, or if it has no blank, one product of it; lower case.
    Agent(Box<str>),
    /// The name as a word of its own; lower case.
    Mutex(Box<str>),
    /// The name after `\pipe\`; lower case.
    Pipe(Box<str>),
    /// Key without its hive, as a path.
    Registry(Box<str>),
    /// The whole text; lower case.
    CommandLine(Box<str>),
    /// A regular expression over the whole values of fields that carry this kind, and what the source wrote.
    Matches(Kind, Box<str>, Box<str>),
    /// A port; never alone. A row that names no port does not contradict it.
    Port(u16),
}

impl Test {
    /// What it is a test of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::V4(_) => Kind::Ipv4Addr,
            Self::V6(_) => Kind::Ipv6Addr,
            Self::Net(_) => Kind::Network,
            Self::Domain(_) => Kind::DomainName,
            Self::Url(_) => Kind::Url,
            Self::Hash(_) => Kind::FileHash,
            Self::Mail(_) => Kind::EmailAddr,
            Self::Path(path) if path.contains('\\') => Kind::FilePath,
            Self::Path(_) => Kind::FileName,
            Self::Agent(_) => Kind::UserAgent,
            Self::Mutex(_) => Kind::Mutex,
            Self::Pipe(_) => Kind::NamedPipe,
            Self::Registry(_) => Kind::WindowsRegistryKey,
            Self::CommandLine(_) => Kind::ProcessCommandLine,
            Self::Matches(kind, ..) => *kind,
            Self::Port(_) => Kind::Pattern,
        }
    }

    /// Its value.
    pub fn text(&self) -> String {
        match self {
            Self::V4(address) => address.to_string(),
            Self::V6(address) => address.to_string(),
            Self::Net(net) => net.to_string(),
            Self::Domain(text)
            | Self::Url(text)
            | Self::Hash(text)
            | Self::Mail(text)
            | Self::Path(text)
            | Self::Agent(text)
            | Self::Mutex(text)
            | Self::Pipe(text)
            | Self::Registry(text)
            | Self::CommandLine(text)
            | Self::Matches(_, _, text) => text.to_string(),
            Self::Port(port) => format!("port {port}"),
        }
    }
}

/// A path in its normal form: lower case, `\` between parts, none doubled, none at the ends.
pub fn normal_path(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '/') {
            if !out.is_empty() && !out.ends_with('\\') {
                out.push('\\');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    while out.ends_with('\\') {
        out.pop();
    }
    out
}

/// A web address in its normal form, and where its host ends; `None` where it has no host.
///
/// `http://` and `https://`, the ports 80 and 443, the part after `#` and a user's name are taken off; the host is in lower
/// case, the rest as written; an empty path is none.
pub(super) fn normal_url(text: &str) -> Option<String> {
    let rest = match text.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
        {
            rest
        }
        Some((scheme, rest)) => {
            let plain = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
            return (plain && !scheme.is_empty())
                .then(|| normal_url(rest))
                .flatten()
                .map(|url| format!("{}://{url}", scheme.to_ascii_lowercase()));
        }
        None => text,
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host = authority.rsplit('@').next().unwrap_or_default().to_lowercase();
    let host = host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(&host);
    let host = host.trim_end_matches('.');
    if host.is_empty() || host.contains(char::is_whitespace) {
        return None;
    }
    Some(format!("{host}{}", if path == "/" { "" } else { path }))
}

/// Host, and port if any, of a web address in its normal form.
pub fn host_of_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_have_one_form() {
        assert_eq!(normal_path(r"C:\\Windows/Temp\Evil.EXE\"), r"c:\windows\temp\evil.exe");
        assert_eq!(normal_path(r"\\FS01\c$\x"), r"fs01\c$\x");
        assert_eq!(normal_path("///"), "");
        for (text, normal) in [
            ("HTTP://Evil.Example/", Some("evil.example")),
            ("https://evil.example:443/A?b=C#d", Some("evil.example/A?b=C")),
            ("http://u:p@evil.example:8080/x", Some("evil.example:8080/x")),
            ("evil.example/gate.php", Some("evil.example/gate.php")),
            ("ftp://Evil.example/x", Some("ftp://evil.example/x")),
            ("http:///x", None),
            ("javascript://", None),
        ] {
            assert_eq!(normal_url(text).as_deref(), normal, "{text}");
        }
        assert_eq!(host_of_url("evil.example:8080/x"), "evil.example:8080");
        assert_eq!(host_of_url("ftp://evil.example?x"), "evil.example");
    }
}
