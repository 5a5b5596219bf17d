//! Who made a collection, and of which host, by the names inside it.
//!
//! In: a container's name and its members' names. Out: a hint: `velociraptor` or `kape`, and a host. Records name their
//! host themselves; the hint serves for files whose records do not. A file whose own path tells no host has that of the
//! files around it, where these agree.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::evidence::LOCATOR_SEPARATOR;

/// What a container's names tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// `velociraptor`, `kape`.
    pub tool: Option<&'static str>,
    /// The host collected from.
    pub host: Option<String>,
    /// The folder that holds the collection, with a slash at its end; empty for a container.
    pub root: String,
}

impl Origin {
    /// Whether the member with this locator is one that the tool wrote itself, and not a file of the host.
    pub(crate) fn wrote(&self, locator: &str) -> bool {
        let member = locator.rsplit_once(LOCATOR_SEPARATOR).map_or_else(
            || locator.strip_prefix(self.root.as_str()).unwrap_or(locator),
            |(_, member)| member,
        );
        self.tool == Some("velociraptor") && !member.starts_with("uploads/")
    }
}

/// Collections of Velociraptor that were unpacked: the folders, with a slash at their ends, in which its own files lie beside
/// what it collected.
pub(crate) fn unpacked<'a>(names: impl Iterator<Item = &'a str> + Clone) -> BTreeSet<&'a str> {
    let own = ["client_info.json", "collection_context.json"];
    let folder = |name: &'a str, end: &str| name.strip_suffix(end).filter(|folder| folder.ends_with('/'));
    let marked: BTreeSet<&str> =
        names.clone().filter_map(|name| own.iter().find_map(|end| folder(name, end))).collect();
    let collected: BTreeSet<&str> =
        names.filter_map(|name| Some(name.split_at(name.find("/uploads/")? + 1).0)).collect();
    marked.intersection(&collected).copied().collect()
}

/// The collection of Velociraptor whose folder this is.
pub(crate) fn of_folder(folder: &str) -> Origin {
    let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Origin { tool: Some("velociraptor"), host: velociraptor_host(name), root: folder.to_owned() }
}

/// Reads the hints from a container's name and its members' names.
pub fn origin_of(container: &str, members: &[&str]) -> Origin {
    let stem = container.rsplit(['/', '\\', '!']).next().unwrap_or(container);
    let stem = stem.strip_suffix(".zip").unwrap_or(stem);
    let any = |wanted: &dyn Fn(&str) -> bool| members.iter().any(|name| wanted(name));
    if any(&|name| {
        name == "collection_context.json" || name == "client_info.json" || name.starts_with("uploads/auto/")
    }) {
        return Origin { tool: Some("velociraptor"), host: velociraptor_host(stem), root: String::new() };
    }
    let windows_tree = |name: &str| drive_at(name).is_some();
    if any(&windows_tree) {
        let host = members.iter().find_map(|name| kape_host(name)).or_else(|| kape_stem(stem));
        return Origin { tool: Some("kape"), host, root: String::new() };
    }
    Origin::default()
}

/// The host for each path that has no hint of its own: that of the nearest folder or container around it in which all hints
/// agree. The outermost folder is what the user gave, not a collection, and says nothing.
pub fn shared_hosts<'a>(items: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> BTreeMap<String, String> {
    let mut hinted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut lacking: Vec<&str> = Vec::new();
    for (path, hint) in items {
        let Some(hint) = hint else {
            lacking.push(path);
            continue;
        };
        for folder in around(path) {
            let seen = hinted.entry(folder).or_default();
            if seen.len() < 2 {
                seen.insert(hint);
            }
        }
    }
    let host = |path: &str| {
        let near = around(path).find_map(|folder| hinted.get(folder))?;
        near.first().filter(|_| near.len() == 1).map(|host| (*host).to_owned())
    };
    lacking.into_iter().filter_map(|path| Some((path.to_owned(), host(path)?))).collect()
}

/// The folders and containers around a path but the outermost, the nearest first.
fn around(path: &str) -> impl Iterator<Item = &str> {
    let outermost = path.find(['/', '!']).unwrap_or(path.len());
    let mut end = path.len();
    std::iter::from_fn(move || {
        end = path.get(..end)?.rfind(['/', '!'])?;
        path.get(..end).filter(|_| end > outermost)
    })
}

/// The host that a path within a folder names: `MX01/C/Windows/...`.
pub fn host_in_path(path: &str) -> Option<String> {
    kape_host(path)
}

/// `Collection-MX01_min_example-2021-03-26T14_20_00Z`: the name stands between the first and the date's dash.
fn velociraptor_host(stem: &str) -> Option<String> {
    let rest = stem.strip_prefix("Collection-")?;
    let end = rest
        .as_bytes()
        .windows(5)
        .position(|at| at.first() == Some(&b'-') && at.iter().skip(1).all(u8::is_ascii_digit))?;
    rest.get(..end).filter(|host| !host.is_empty()).map(|host| host.replace('_', "."))
}

/// Folders at the root of a Windows drive.
const TREES: [&str; 9] = [
    "windows",
    "users",
    "inetpub",
    "program files",
    "program files (x86)",
    "programdata",
    "$extend",
    "exchangesetuplogs",
    "perflogs",
];

/// Parts of a path that tools and people put there, and that name no host.
const GENERIC: [&str; 37] = [
    "uploads",
    "auto",
    "ntfs",
    "file",
    "kape",
    "target",
    "targets",
    "tdest",
    "collection",
    "vss0",
    "evidence",
    "data",
    "logs",
    "export",
    "files",
    "case",
    "ev",
    "cases",
    "collected",
    "collections",
    "dump",
    "extract",
    "extracted",
    "image",
    "input",
    "investigation",
    "ir",
    "mnt",
    "mount",
    "out",
    "output",
    "root",
    "samples",
    "test",
    "tmp",
    "triage",
    "unzipped",
];

/// Index of the path part that is a drive letter followed by a Windows tree: `C/Windows`, `C%3A/inetpub`.
fn drive_at(path: &str) -> Option<usize> {
    let parts: Vec<&str> = path.split(['/', '\\', '!']).collect();
    parts.windows(2).position(|pair| {
        let [drive, folder] = pair else { return false };
        is_drive(drive) && TREES.contains(&folder.to_ascii_lowercase().as_str())
    })
}

fn is_drive(part: &str) -> bool {
    let letter = part.trim_end_matches("%3A").trim_end_matches(':').trim_end_matches('_');
    letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The part before the drive, or before the Windows tree where no drive is named, unless it is a generic one.
fn kape_host(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['/', '\\', '!']).collect();
    let tree = parts.iter().position(|part| TREES.contains(&part.to_ascii_lowercase().as_str()))?;
    let before = parts.get(..tree)?;
    let part = match before.split_last() {
        Some((drive, rest)) if is_drive(drive) => rest.last()?,
        Some((part, _)) => part,
        None => return None,
    };
    let archive = part.rsplit_once('.').is_some_and(|(_, end)| ["zip", "gz", "zst"].contains(&end));
    let ordinary = part.len() > 1 && !archive && !GENERIC.contains(&part.to_ascii_lowercase().as_str());
    ordinary.then(|| (*part).to_owned())
}

/// KAPE's own zips: `2021-03-26T142000_MX01`.
fn kape_stem(stem: &str) -> Option<String> {
    let (date, host) = stem.split_once('_')?;
    (date.len() >= 10 && date.starts_with("20") && !host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_host_has_that_of_the_files_around_it() {
        let items = [
            ("given/MX01/C/inetpub/u_ex.log", Some("MX01")),
            ("given/MX01/Modules/FileSystem/mft.csv", None),
            ("given/DC01.zip!C/Windows/x.evtx", Some("DC01")),
            ("given/DC01.zip!listing.csv", None),
            ("given/notes.log", None),
            ("given/both/MX01/C/x", Some("MX01")),
            ("given/both/DC01/C/x", Some("DC01")),
            ("given/both/loose.log", None),
        ];
        let found = shared_hosts(items.into_iter());
        let shown: Vec<(&str, &str)> =
            found.iter().map(|(path, host)| (path.as_str(), host.as_str())).collect();
        assert_eq!(
            shown,
            [("given/DC01.zip!listing.csv", "DC01"), ("given/MX01/Modules/FileSystem/mft.csv", "MX01")]
        );
        assert_eq!(host_in_path("given/MX02/C/ExchangeSetupLogs/ExchangeSetup.log").as_deref(), Some("MX02"));
    }

    #[track_caller]
    fn check(container: &str, members: &[&str], tool: Option<&'static str>, host: Option<&str>) {
        let origin = origin_of(container, members);
        assert_eq!(origin, Origin { tool, host: host.map(str::to_owned), root: String::new() });
    }

    #[test]
    fn a_tools_own_files_are_told_from_the_hosts() {
        let velociraptor = Origin { tool: Some("velociraptor"), ..Origin::default() };
        assert!(velociraptor.wrote("a.zip!uploads.json") && velociraptor.wrote("a.zip!results/x.json"));
        assert!(!velociraptor.wrote("a.zip!uploads/auto/C%3A/x.json"));
        assert!(!Origin::default().wrote("a.zip!uploads.json"));
        let names = [
            "x/Collection-MX01_corp-2021-03-05T00_00_00Z/client_info.json",
            "x/Collection-MX01_corp-2021-03-05T00_00_00Z/uploads/auto/C%3A/a",
            "y/client_info.json",
        ];
        let folders = unpacked(names.into_iter());
        let folder = "x/Collection-MX01_corp-2021-03-05T00_00_00Z/";
        assert_eq!(folders.into_iter().collect::<Vec<_>>(), [folder]);
        let origin = of_folder(folder);
        assert_eq!(origin.host.as_deref(), Some("MX01.corp"));
        assert!(origin.wrote(names[0]) && !origin.wrote(names[1]));
    }

    #[test]
    fn names_hint_at_tool_and_host() {
        check(
            "Collection-MX01_min_example-2021-03-26T14_20_00Z.zip",
            &["collection_context.json", "uploads/auto/C%3A/Windows/x.evtx"],
            Some("velociraptor"),
            Some("MX01.min.example"),
        );
        check("2021-03-26T142000_MX01.zip", &["C/Windows/System32/x.evtx"], Some("kape"), Some("MX01"));
        check("case.zip", &["MX01\\C\\Windows\\x.evtx"], Some("kape"), Some("MX01"));
        assert_eq!(
            host_in_path("evidence/MX01/inetpub/logs/LogFiles/W3SVC1/u_ex.log").as_deref(),
            Some("MX01")
        );
        assert_eq!(host_in_path("evidence/inetpub/logs/LogFiles/W3SVC1/u_ex.log"), None);
        assert_eq!(host_in_path("inetpub/logs/u_ex.log"), None);
        check("case.zip", &["tdest/C/Windows/x.evtx"], Some("kape"), None);
        check("logs.zip", &["Security.evtx"], None, None);
    }
}
