//! Kinds of indicators, and the many names that sources have for them.
//!
//! In: the type column of a CSV, a MISP type, an OTX type. Out: the kind, by STIX's name where there is one.

use serde::{Deserialize, Serialize};

/// What an indicator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One address of version 4.
    Ipv4Addr,
    /// One address of version 6.
    Ipv6Addr,
    /// Addresses by prefix.
    Network,
    /// A host name and all below it.
    DomainName,
    /// An address on the web.
    Url,
    /// MD5, SHA-1 or SHA-256 of a file.
    FileHash,
    /// A file or folder with at least two parts of its path.
    FilePath,
    /// One part of a path.
    FileName,
    /// A mail address.
    EmailAddr,
    /// What a client calls itself.
    UserAgent,
    /// A mutex.
    Mutex,
    /// A named pipe.
    NamedPipe,
    /// A key of the registry.
    WindowsRegistryKey,
    /// A whole command line.
    ProcessCommandLine,
    /// Several of these that must stand in one row.
    Pattern,
}

impl Kind {
    /// `ipv4-addr`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4Addr => "ipv4-addr",
            Self::Ipv6Addr => "ipv6-addr",
            Self::Network => "network",
            Self::DomainName => "domain-name",
            Self::Url => "url",
            Self::FileHash => "file-hash",
            Self::FilePath => "file-path",
            Self::FileName => "file-name",
            Self::EmailAddr => "email-addr",
            Self::UserAgent => "user-agent",
            Self::Mutex => "mutex",
            Self::NamedPipe => "named-pipe",
            Self::WindowsRegistryKey => "windows-registry-key",
            Self::ProcessCommandLine => "process-command-line",
            Self::Pattern => "pattern",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a source's word for a type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing: the value's form decides.
    Any,
    /// An address of either version, or a network.
    Address,
    /// This kind.
    Is(Kind),
    /// A type that Piste does not look for.
    Not,
}

impl Hint {
    /// Reads a type's name; case, blanks and dashes do not count.
    pub(super) fn of(name: &str) -> Self {
        let plain: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match plain.as_str() {
            "ip" | "ips" | "ipaddr" | "ipaddress" | "ipv4" | "ipv6" | "ipv4addr" | "ipv6addr" | "ipsrc"
            | "ipdst" | "ipv4address" | "ipv6address" | "address" | "srcip" | "dstip" | "cidr"
            | "ipv4cidr" | "ipv6cidr" | "ipport" | "ipdstport" | "ipv4range" | "iprange" | "network"
            | "subnet" | "netblock" | "cidrrule" => Self::Address,
            "domain" | "domains" | "domainname" | "hostname" | "host" | "fqdn" | "dns" | "dnsname" => {
                Self::Is(Kind::DomainName)
            }
            "url" | "urls" | "uri" | "link" | "httpurl" => Self::Is(Kind::Url),
            "hash" | "hashes" | "filehash" | "md5" | "sha1" | "sha256" | "md5hash" | "sha1hash"
            | "sha256hash" | "filehashmd5" | "filehashsha1" | "filehashsha256" | "filemd5" | "filesha1"
            | "filesha256" => Self::Is(Kind::FileHash),
            "path" | "filepath" | "fullpath" | "directory" | "folder" | "filefullpath" => {
                Self::Is(Kind::FilePath)
            }
            "filename" | "name" | "file" => Self::Is(Kind::FileName),
            "email"
            | "mail"
            | "emailaddr"
            | "emailaddress"
            | "emailsrc"
            | "emaildst"
            | "emailreplyto"
            | "sender"
            | "targetemail"
            | "mailaddress"
            | "whoisregistrantemail" => Self::Is(Kind::EmailAddr),
            "useragent" | "httpuseragent" | "agent" | "ua" => Self::Is(Kind::UserAgent),
            "mutex" | "mutexname" => Self::Is(Kind::Mutex),
            "pipe" | "namedpipe" | "pipename" => Self::Is(Kind::NamedPipe),
            "regkey" | "registry" | "registrykey" | "windowsregistrykey" => {
                Self::Is(Kind::WindowsRegistryKey)
            }
            "commandline" | "processcommandline" | "cmdline" => Self::Is(Kind::ProcessCommandLine),
            "" | "ioc" | "indicator" | "other" | "unknown" | "observable" => Self::Any,
            _ => Self::Not,
        }
    }
}
