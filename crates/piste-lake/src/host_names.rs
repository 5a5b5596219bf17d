//! Names of hosts in the names of collections and folders.
//!
//! In: one part of a locator. Out: the host that it names, by the collector's own pattern or because it looks like what people
//! call servers; `None` for what tools and people call folders.

/// Words that tools and people use for folders and archives, alone, with a number, or beside a host's name.
const GENERIC: [&str; 74] = [
    "acquisition",
    "archive",
    "auto",
    "backup",
    "batch",
    "c",
    "case",
    "cases",
    "catalina",
    "collected",
    "collection",
    "collections",
    "copy",
    "d",
    "data",
    "day",
    "disk",
    "drive",
    "dump",
    "e",
    "ev",
    "event",
    "events",
    "evidence",
    "evtx",
    "exchange",
    "export",
    "extract",
    "extracted",
    "file",
    "files",
    "folder",
    "forensics",
    "httperr",
    "httpproxy",
    "iis",
    "image",
    "inetpub",
    "input",
    "investigation",
    "ir",
    "kape",
    "lab",
    "log",
    "logfiles",
    "logging",
    "logs",
    "mail",
    "memory",
    "mnt",
    "mount",
    "new",
    "ntfs",
    "old",
    "out",
    "output",
    "part",
    "phase",
    "results",
    "root",
    "sample",
    "samples",
    "security",
    "server",
    "servers",
    "set",
    "system",
    "target",
    "targets",
    "tdest",
    "test",
    "tmp",
    "triage",
    "uploads",
];
/// More of them.
const GENERIC_MORE: [&str; 29] = [
    "alert",
    "breach",
    "cert",
    "client",
    "csirt",
    "dfir",
    "inc",
    "incident",
    "project",
    "report",
    "request",
    "task",
    "ticket",
    "velociraptor",
    "vol",
    "volume",
    "vss",
    "w3svc",
    "web",
    "windows",
    "wwwroot",
    "x",
    "zip",
    "unzipped",
    "v",
    "version",
    "run",
    "cylr",
    "host",
];
/// What people call servers by what they do: with a short number, names of computers.
const ROLES: [&str; 6] = ["client", "exchange", "host", "mail", "server", "web"];
/// Ends of file names that are no domains.
const ENDS: [&str; 14] =
    ["zip", "gz", "zst", "tar", "log", "evtx", "bak", "old", "tmp", "txt", "csv", "json", "vhdx", "e01"];
/// The longest name that a host has.
const HOST_MAX: usize = 253;

fn is_generic(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let plain = lower.trim_end_matches(|sign: char| sign.is_ascii_digit());
    GENERIC.contains(&plain) || GENERIC_MORE.contains(&plain) || plain.is_empty()
}

/// `WEB01`, `mail2`: a year behind it is a version's.
fn is_role(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let plain = lower.trim_end_matches(|sign: char| sign.is_ascii_digit());
    ROLES.contains(&plain) && matches!(lower.len() - plain.len(), 1..=3)
}

/// The name of a container without the end of its file's name.
fn stem(part: &str) -> &str {
    let mut stem = part;
    while let Some((front, end)) = stem.rsplit_once('.')
        && ENDS.iter().any(|one| one.eq_ignore_ascii_case(end))
    {
        stem = front;
    }
    stem
}

/// The host that a collector wrote into the name of its container or folder.
pub(crate) fn named_by_tool(part: &str, container: bool) -> Option<String> {
    let name = if container { stem(part) } else { part };
    velociraptor(name).or_else(|| velociraptor_server(name)).or_else(|| kape(name).filter(|_| container))
}

/// The host after which a person named a container: `MX01.zip`, `MX01-2021-03-26.zip`, `triage_MX01.zip`.
pub(crate) fn collection_host(part: &str) -> Option<String> {
    let mut name = stem(part);
    while let Some(shorter) = without_an_end(name) {
        name = shorter;
    }
    is_like_a_host(name).then(|| name.to_owned())
}

/// The host after which a folder is named, as a guess.
pub(crate) fn folder_host(part: &str) -> Option<String> {
    is_like_a_host(part).then(|| part.to_owned())
}

/// The name without a date or a common word at its begin or end.
fn without_an_end(name: &str) -> Option<&str> {
    if let Some(front) = without_a_date(name) {
        return Some(front);
    }
    // `mail2` of `srv-mail2` is the host's own.
    let is_extra = |word: &str| is_generic(word) && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let last = name.rsplit_once(['_', '-', ' ']).filter(|(front, word)| !front.is_empty() && is_extra(word));
    let first = name.split_once(['_', '-', ' ']).filter(|(word, rest)| !rest.is_empty() && is_extra(word));
    last.map(|(front, _)| front).or(first.map(|(_, rest)| rest))
}

/// `MX01` of `MX01-2021-03-26`, `MX01_20210326T142000Z`. The number of `EXCH-2016` is its own: a date has six digits.
fn without_a_date(name: &str) -> Option<&str> {
    let front = name.trim_end_matches(|sign: char| {
        sign.is_ascii_digit() || matches!(sign, '-' | '_' | ':' | ' ' | 'T' | 'Z')
    });
    // What was cut off begins with the separator behind the host, or within the host's own number.
    let cut = name.get(front.len()..)?;
    let from = cut.find(['-', '_', ' '])?;
    let digits = cut.get(from..)?.bytes().filter(u8::is_ascii_digit).count();
    let front = name.get(..front.len() + from)?;
    (digits >= 6 && !front.is_empty()).then_some(front)
}

/// `MX01`, `srv-ex1`, `mx01.min.example`: what people call servers and seldom folders.
fn is_like_a_host(name: &str) -> bool {
    let signs = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if !signs || !begins || name.len() < 3 || name.len() > HOST_MAX || name.ends_with(['-', '.', '_']) {
        return false;
    }
    let words: Vec<&str> = name.split(['-', '_', '.']).collect();
    let labels: Vec<&str> = name.split('.').collect();
    let end = labels.last().copied().unwrap_or_default();
    if labels.len() > 1 {
        // A domain's last part has letters alone, and is no end of a file's name.
        let domain = end.len() >= 2 && end.bytes().all(|byte| byte.is_ascii_alphabetic());
        return domain && !ENDS.contains(&end.to_ascii_lowercase().as_str());
    }
    let first = words.first().copied().unwrap_or_default();
    let common = |word: &str| is_generic(word) && !is_role(word);
    if common(first) || words.iter().all(|word| common(word)) {
        return false;
    }
    let digit = name.bytes().any(|byte| byte.is_ascii_digit());
    let letters = name.bytes().filter(u8::is_ascii_alphabetic).count();
    let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    letters >= 2 && (digit || (name.contains('-') && upper))
}

/// `Collection-MX01_min_example-2021-03-26T14_20_00Z`: the name stands between the first dash and the date.
fn velociraptor(stem: &str) -> Option<String> {
    let rest = stem.strip_prefix("Collection-")?;
    let is_date = |at: &[u8]| {
        at.iter()
            .zip(b"-0000-00-00")
            .all(|(byte, like)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like })
    };
    let end = rest.as_bytes().windows(11).rposition(is_date)?;
    rest.get(..end).filter(|host| !host.is_empty()).map(dotted)
}

/// `MX01.min.example-C.4f1c9d0a7be2d3f1-F.C0A1B2C3`: what a server of Velociraptor hands out.
fn velociraptor_server(stem: &str) -> Option<String> {
    let (host, rest) = stem.split_once("-C.")?;
    let (client, _) = rest.split_once("-F.")?;
    let hexadecimal = client.len() >= 8 && client.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hexadecimal && !host.is_empty()).then(|| dotted(host))
}

/// A name whose dots were written as underscores; one underscore may be the host's own.
fn dotted(host: &str) -> String {
    host.replace('_', ".")
}

/// KAPE's own zips: `2021-03-26T142000_MX01`, `2021-03-26T14_20_00_MX01_triage`.
fn kape(stem: &str) -> Option<String> {
    let year = stem.get(..4)?;
    let date = stem.get(4..)?;
    let dated = year.starts_with("20") && year.bytes().all(|byte| byte.is_ascii_digit());
    let time =
        date.find(|sign: char| !(sign.is_ascii_digit() || matches!(sign, '-' | '_' | ':' | 'T' | 'Z')));
    // The name may begin with a letter that dates have too.
    let from = time.unwrap_or(date.len());
    let cut = date.get(..from)?.rfind('_')?;
    let digits = date.get(..cut)?.bytes().filter(u8::is_ascii_digit).count();
    let mut name = date.get(cut + 1..)?;
    while let Some((front, word)) = name.rsplit_once(['_', '-'])
        && (is_generic(word) && !word.bytes().all(|byte| byte.is_ascii_digit()))
    {
        name = front;
    }
    let host = !name.is_empty() && !is_generic(name) && name.bytes().any(|byte| byte.is_ascii_alphabetic());
    (dated && digits >= 4 && host).then(|| name.to_owned())
}

/// What a file of Velociraptor, or the beginning of one, says that its client is called: the full name before the short one.
pub(crate) fn client_name(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let value = |key: &str| {
        let lower = text.to_ascii_lowercase();
        let mut from = 0;
        while let Some(at) = lower.get(from..)?.find(key) {
            let rest = text.get(from + at + key.len()..)?.trim_start();
            from += at + key.len();
            let Some(rest) = rest.strip_prefix(':') else { continue };
            let name = rest.trim_start().strip_prefix('"')?.split('"').next()?;
            let fits =
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
            if fits && !name.is_empty() && name.len() <= HOST_MAX {
                return Some(name.to_owned());
            }
        }
        None
    };
    value("\"fqdn\"").or_else(|| value("\"hostname\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_patterns() {
        let of = |name: &str| named_by_tool(name, true);
        let check = |name: &str, host: Option<&str>| assert_eq!(of(name).as_deref(), host, "{name}");
        check("Collection-MX01_corp_example-2021-03-26T14_20_00Z.zip", Some("MX01.corp.example"));
        check("Collection-EXCH-2016-2021-03-26T14_20_00Z.zip", Some("EXCH-2016"));
        check("Collection-SRV-2019-01-2021-03-26T14_20_00Z.zip", Some("SRV-2019-01"));
        check("mx01.min.example-C.4f1c9d0a7be2d3f1-F.C0A1B2C3D4E5F.zip", Some("mx01.min.example"));
        check("2021-03-26T142000_MX01.zip", Some("MX01"));
        check("2021-03-26T142000_TERM-01.zip", Some("TERM-01"));
        check("2021-03-26T14_20_00_EXCH-2016_triage.zip", Some("EXCH-2016"));
        check("20210326142000_mx01.zip", Some("mx01"));
        check("2021-03-26T142000_C.zip", None);
        check("2021-03-26.zip", None);
        check("2021.zip", None);
        check("Collection-.zip", None);
        check("é.zip", None);
    }

    #[test]
    fn peoples_names() {
        for (name, host) in [
            ("MX01.zip", "MX01"),
            ("MX01-2021-03-26.zip", "MX01"),
            ("triage_MX01.zip", "MX01"),
            ("EXCH-2016.zip", "EXCH-2016"),
            ("mx01.min.example.zip", "mx01.min.example"),
            ("MX01_20210326.zip", "MX01"),
            ("srv-mail2-collection.zip", "srv-mail2"),
            ("WEB01.zip", "WEB01"),
            ("triage_server2.zip", "server2"),
        ] {
            assert_eq!(collection_host(name).as_deref(), Some(host), "{name}");
        }
        for name in [
            "logs.zip",
            "logs2.zip",
            "case-02.zip",
            "evidence.zip",
            "W3SVC1.zip",
            "catalina.zip",
            "security.zip",
            "u.zip",
            "2021-03-26.zip",
            "exchange-logs.zip",
            "a b.zip",
            ".zip",
            "day1.zip",
            "inetpub.zip",
            "C.zip",
            "iis10.zip",
            "notes.txt.zip",
            "v15.zip",
            "exchange2016.zip",
            "INC0012345.zip",
            "ticket-4711.zip",
            "CERT-2021-03.zip",
        ] {
            assert_eq!(collection_host(name), None, "{name}");
        }
    }

    #[test]
    fn clients_name_themselves() {
        let of = |text: &str| client_name(text.as_bytes());
        assert_eq!(
            of(r#"{"Hostname":"MX01","Fqdn" : "MX01.min.example"}"#).as_deref(),
            Some("MX01.min.example")
        );
        assert_eq!(of(r#"{"os_info":{"hostname":"DC-2"}, "x"#).as_deref(), Some("DC-2"));
        assert_eq!(of(r#"{"hostname":"<b>"}"#), None);
        assert_eq!(of(r#"{"hostname":"#), None);
        assert_eq!(of("[]"), None);
    }
}
