//! Which computer each file of evidence is of.
//!
//! In: the locators of all sealed files, and what collectors' own files say of their client. Out: for each file a [`Place`]: the
//! collection that it is of, the name of that computer and how it is known. All of a collection is of one computer: the root
//! of a Windows volume and what lies beside it, a container of Velociraptor with all that it holds, a zip that is named
//! after a computer. Where nothing names the computer, the name says where the files were found, so that no two unknown
//! computers are ever taken for one: rows carry it where their records name none.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::locator::volume;
use piste_model::{HostByPlace, HostKnown};

use crate::host_names::{collection_host, folder_host, named_by_tool};

/// What begins the name of a computer that nothing names; no host's name has a blank.
const UNKNOWN: &str = "unknown host of ";

/// Folders at the root of a Windows volume, and the one that IIS keeps its logs in.
const TREES: [&str; 13] = [
    "windows",
    "users",
    "inetpub",
    "program files",
    "program files (x86)",
    "programdata",
    "$extend",
    "exchangesetuplogs",
    "perflogs",
    "logfiles",
    "documents and settings",
    "$recycle.bin",
    "system volume information",
];

/// Folders below `uploads/` of Velociraptor: how a file was read.
const ACCESSORS: [&str; 10] =
    ["auto", "ntfs", "lazy_ntfs", "file", "lazy_file", "ntfs_vss", "fs", "mft", "raw_file", "windows"];

/// Files in which Velociraptor tells of its client and of what it took.
const OWN_FILES: [&str; 3] = ["client_info.json", "collection_context.json", "uploads.json"];

/// A sealed file, as far as it tells its computer.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its locator.
    pub path: &'a str,
    /// What a collector's own file says the computer is called.
    pub client: Option<&'a str>,
}

/// The computer that a file is of, by its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// What it says of the host.
    pub by_place: HostByPlace,
    /// The collection, or the logs of one kind in one folder.
    pub collection: String,
}

/// Whether a member's name is one of the files in which Velociraptor tells of its client.
pub(crate) fn tells_the_client(name: &str) -> bool {
    OWN_FILES.iter().take(2).any(|own| *own == name)
}

/// Whether a member's name is that of a file that Velociraptor took.
pub(crate) fn is_upload(name: &str) -> bool {
    name.strip_prefix("uploads/").and_then(|rest| rest.split_once('/')).is_some_and(|(accessor, _)| {
        ACCESSORS.contains(&accessor) || volume(accessor).is_some_and(|_| accessor.contains('%'))
    })
}

/// Whether a path goes through the root of a Windows volume with its drive.
pub(crate) fn in_tree(path: &str) -> bool {
    let mut parts = path.split(['/', '\\', '!']);
    let mut before = parts.next().unwrap_or_default();
    parts.any(|part| {
        let found = is_tree(part) && volume(before).is_some();
        before = part;
        found
    })
}

fn is_tree(part: &str) -> bool {
    TREES.iter().any(|tree| tree.eq_ignore_ascii_case(part))
}

/// Tells the computer of each file, in the order given.
pub fn places(files: &[Named<'_>]) -> Vec<Place> {
    let roots = Roots::of(files);
    let mut names: BTreeMap<&str, (String, HostKnown)> = BTreeMap::new();
    for root in &roots.all {
        names.insert(root, roots.name(root));
    }
    alone(&mut names);
    let place = |file: &Named<'_>| {
        let Some(root) = roots.root_of(file.path).or_else(|| roots.held_by(file.path)) else {
            let series = series(file.path);
            let host = format!("{UNKNOWN}{series}");
            return Place {
                by_place: HostByPlace { host, known: HostKnown::Unknown, stated: None },
                collection: series,
            };
        };
        let (host, known) = names.get(root).cloned().unwrap_or_default();
        Place { by_place: HostByPlace { host, known, stated: None }, collection: shown(root).to_owned() }
    };
    files.iter().map(place).collect()
}

/// A name that was guessed for two collections, or that is another's by better knowledge, is told with its folder.
fn alone(names: &mut BTreeMap<&str, (String, HostKnown)>) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (host, _) in names.values() {
        *count.entry(host.to_lowercase()).or_default() += 1;
    }
    for (root, (host, known)) in names.iter_mut() {
        if *known == HostKnown::Folder && count.get(&host.to_lowercase()).is_some_and(|count| *count > 1) {
            *host = format!("{host} (folder {})", shown(root));
        }
    }
}

/// A root without the separator at its end.
fn shown(root: &str) -> &str {
    root.trim_end_matches(['/', '\\', '!'])
}

/// A log of several files is one: the folder with the file's name up to its date or number.
fn series(path: &str) -> String {
    let name = path.rfind(['/', '\\', '!']).map_or(0, |at| at + 1);
    let (folder, file) = path.split_at(name);
    let (stem, end) = file.rsplit_once('.').map_or((file, ""), |(stem, end)| (stem, end));
    let front = stem.trim_end_matches(|sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '_'));
    let log = ["log", "txt", "csv"].iter().any(|one| end.eq_ignore_ascii_case(one));
    if log && !front.is_empty() && front.len() < stem.len() {
        format!("{folder}{front}*.{end}")
    } else {
        path.to_owned()
    }
}

/// Where collections begin: prefixes of locators, each with its separator at the end.
#[derive(Default)]
struct Roots<'a> {
    /// Containers and folders of Velociraptor and of KAPE, by their own files or name.
    tools: BTreeSet<&'a str>,
    /// Where the volumes of a computer lie.
    trees: BTreeSet<&'a str>,
    /// Containers that are named after a computer.
    zips: BTreeSet<&'a str>,
    all: BTreeSet<&'a str>,
    /// What collectors say of their client, by the folder of the file that says so.
    clients: BTreeMap<&'a str, &'a str>,
}

impl<'a> Roots<'a> {
    fn of(files: &[Named<'a>]) -> Self {
        let mut roots = Self::default();
        let mut own: BTreeSet<&str> = BTreeSet::new();
        let mut holds: BTreeSet<&str> = BTreeSet::new();
        for file in files {
            roots.see(file, &mut own, &mut holds);
        }
        roots.tools.extend(own.intersection(&holds).filter(|root| !root.is_empty()));
        let zips = std::mem::take(&mut roots.zips);
        let inner: BTreeSet<&str> = roots.tools.iter().chain(&roots.trees).chain(&zips).copied().collect();
        let wraps = |zip: &str| {
            inner.range(zip..).take_while(|root| root.starts_with(zip)).any(|root| root.len() > zip.len())
        };
        roots.zips = zips.into_iter().filter(|zip| roots.trees.contains(zip) || !wraps(zip)).collect();
        for file in files {
            if let Some(root) = roots.root_of(file.path) {
                roots.all.insert(root);
            }
        }
        roots
    }

    fn see(&mut self, file: &Named<'a>, own: &mut BTreeSet<&'a str>, holds: &mut BTreeSet<&'a str>) {
        for (before, part, separator) in parts(file.path) {
            let prefix = file.path.get(..before + part.len() + separator.len()).unwrap_or_default();
            let root = file.path.get(..before).unwrap_or_default();
            let container = separator == "!";
            if (container || separator == "/") && named_by_tool(part, container).is_some() {
                self.tools.insert(prefix);
            }
            if container && collection_host(part).is_some() {
                self.zips.insert(prefix);
            }
            if separator.is_empty() && OWN_FILES.contains(&part) {
                own.insert(root);
                if let Some(client) = file.client {
                    self.clients.insert(root, client);
                }
            }
            if separator == "/" && (part == "uploads" || part == "results") {
                holds.insert(root);
                if file.path.get(before..).is_some_and(is_upload) {
                    // The folder `uploads` alone was given: what else was given is not of it.
                    self.tools.insert(if root.is_empty() { prefix } else { root });
                }
            }
        }
        if let Some(root) = tree_root(file.path) {
            self.trees.insert(root);
        }
    }

    /// The collection that a path is of.
    fn root_of(&self, path: &'a str) -> Option<&'a str> {
        let prefixes =
            || parts(path).filter_map(|(before, part, end)| path.get(..before + part.len() + end.len()));
        if let Some(root) = prefixes().find(|at| self.tools.contains(at)) {
            return Some(root);
        }
        let zip = prefixes().find(|at| self.zips.contains(at));
        if let Some(tree) = tree_root(path) {
            // A copy of a volume inside a zip that is named after its computer is no other computer.
            return Some(zip.filter(|zip| tree.starts_with(zip)).unwrap_or(tree));
        }
        let beside = |at: &&str| self.trees.contains(at) && self.is_alone(at) && is_named(at);
        zip.or_else(|| prefixes().rfind(beside))
    }

    /// The collection that a container is, whole.
    fn held_by(&self, path: &str) -> Option<&'a str> {
        self.all.get(format!("{path}!").as_str()).copied()
    }

    /// Whether no other collection lies below.
    fn is_alone(&self, root: &str) -> bool {
        let below = |set: &BTreeSet<&str>| {
            set.range(root..).take_while(|one| one.starts_with(root)).any(|one| *one != root)
        };
        !below(&self.tools) && !below(&self.trees) && !below(&self.zips)
    }

    /// What the computer of a collection is called.
    fn name(&self, root: &str) -> (String, HostKnown) {
        // A file of that name among what was collected is the host's, and tells nothing of the collector.
        let own = |at: &str| at.get(root.len()..).is_some_and(|rest| !rest.contains("uploads/"));
        let mut clients = self.clients.range(root..).take_while(|(at, _)| at.starts_with(root));
        if self.tools.contains(root)
            && let Some((_, client)) = clients.find(|(at, _)| own(at))
        {
            return ((*client).to_owned(), HostKnown::Collection);
        }
        let around: Vec<(usize, &str, &str)> = parts(root).collect();
        for (before, part, separator) in around.into_iter().rev() {
            let container = separator == "!";
            let here = root.get(..before + part.len() + separator.len()).unwrap_or_default();
            if let Some(host) = named_by_tool(part, container) {
                return (host, HostKnown::Collection);
            }
            if container && let Some(host) = collection_host(part).filter(|_| self.holds_one(here)) {
                return (host, HostKnown::Collection);
            }
            if let Some(host) = folder_host(part).filter(|_| !container && !separator.is_empty()) {
                return (host, HostKnown::Folder);
            }
        }
        (format!("{UNKNOWN}{}", shown(root)), HostKnown::Unknown)
    }

    /// Whether a container holds no more than one collection.
    fn holds_one(&self, container: &str) -> bool {
        let below = |set: &BTreeSet<&str>| {
            set.range(container..).take_while(|one| one.starts_with(container)).take(2).count()
        };
        below(&self.tools).max(below(&self.trees)) <= 1
    }
}

/// Whether the last folder or container of a root is named after a computer.
fn is_named(root: &str) -> bool {
    parts(root).last().is_some_and(
        |(_, part, separator)| {
            if separator == "!" { true } else { folder_host(part).is_some() }
        },
    )
}

/// Parts of a locator: where each begins, the part, and the separator behind it.
fn parts(path: &str) -> impl DoubleEndedIterator<Item = (usize, &str, &str)> {
    path.split_inclusive(['/', '\\', '!']).map(move |piece| {
        let part = piece.trim_end_matches(['/', '\\', '!']);
        let before = piece.as_ptr() as usize - path.as_ptr() as usize;
        (before, part, piece.get(part.len()..).unwrap_or_default())
    })
}

/// The prefix of a path before the first volume, or before the first Windows tree where no volume is named. Where nothing
/// stands before it, the first part itself: two folders that were given are not known to be of one computer.
fn tree_root(path: &str) -> Option<&str> {
    let mut volumes: Option<usize> = None;
    for (before, part, separator) in parts(path) {
        let end = before + part.len() + separator.len();
        if is_tree(part) && !separator.is_empty() {
            let start = volumes.unwrap_or(before);
            let first = path.find(['/', '\\', '!']).map_or(end, |at| at + 1);
            return path.get(..if start == 0 { first } else { start });
        }
        // `VSS1/C/Windows`: the root is before both.
        volumes = volume(part).and(volumes.or(Some(before)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(paths: &[&str]) -> Vec<String> {
        let files: Vec<Named<'_>> = paths.iter().map(|path| Named { path, client: None }).collect();
        let show = |place: Place| {
            format!("{} ({:?}, {})", place.by_place.host, place.by_place.known, place.collection)
        };
        places(&files).into_iter().map(show).collect()
    }

    #[track_caller]
    fn check(path: &str, host: &str, known: HostKnown) {
        let files = [Named { path, client: None }];
        let place = places(&files).remove(0);
        assert_eq!((place.by_place.host.as_str(), place.by_place.known), (host, known), "{path}: {place:?}");
    }

    #[test]
    fn the_collections_name_tells() {
        use HostKnown::Collection;
        check("MX01.zip!C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log", "MX01", Collection);
        check("night.zip!MX01.zip!C/inetpub/logs/x.log", "MX01", Collection);
        check("MX01.zip!export/C/Windows/x.evtx", "MX01", Collection);
        check("2021-03-26T142000_MX01.zip!C/Windows/x.evtx", "MX01", Collection);
        check("MX-01.zip!u_ex210303.log", "MX-01", Collection);
        let found = told(&["40/MX01.zip", "40/MX01.zip!C/inetpub/x.log", "40/night.zip"]);
        let of_zip = "MX01 (Collection, 40/MX01.zip)";
        assert_eq!(found[..2], [of_zip, of_zip], "the container too is of its computer");
        assert!(found[2].starts_with("unknown host"), "{found:?}");
        let uploads = "uploads/ntfs/%5C%5C.%5CC%3A/inetpub/wwwroot/aspnet_client/x.aspx";
        let collection = "Collection-EXCH-2016-2021-03-26T14_20_00Z.zip";
        check(&format!("{collection}!{uploads}"), "EXCH-2016", Collection);
        check(&format!("{collection}!data.zip!{uploads}"), "EXCH-2016", Collection);
        check(&format!("{collection}!metadata.json"), "EXCH-2016", Collection);
        check(
            "ev/Collection-MX01_corp_example-2021-03-26T14_20_00Z/uploads/auto/C%3A/Windows/x",
            "MX01.corp.example",
            Collection,
        );
        let shadow = "%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy1/inetpub/logs/x.log";
        check(&format!("{collection}!uploads/ntfs/{shadow}"), "EXCH-2016", Collection);
    }

    #[test]
    fn a_collector_says_whose_client_it_is() {
        let files = [
            Named { path: "night.zip!uploads/auto/C%3A/inetpub/x.aspx", client: None },
            Named { path: "night.zip!client_info.json", client: Some("mx07.min.example") },
            Named { path: "other.zip!client_info.json", client: Some("no.collection.example") },
        ];
        let hosts: Vec<String> = places(&files).into_iter().map(|place| place.by_place.host).collect();
        let loose = "unknown host of other.zip!client_info.json";
        assert_eq!(hosts, ["mx07.min.example", "mx07.min.example", loose]);
    }

    #[test]
    fn a_folder_is_a_guess_and_common_words_are_none() {
        use HostKnown::{Folder, Unknown};
        check("evidence/MX01/inetpub/logs/LogFiles/W3SVC1/u_ex.log", "MX01", Folder);
        check("evidence/srv-mail2/D%3A/Program Files/x", "srv-mail2", Folder);
        for (path, root) in [
            ("ev/catalina/C/Windows/x.evtx", "ev/catalina"),
            ("security/Windows/x.evtx", "security"),
            ("logs/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log", "logs"),
            ("LogFiles/W3SVC1/u_ex210303.log", "LogFiles"),
            ("C/inetpub/wwwroot/x.aspx", "C"),
            ("evidence.zip!C/Windows/x", "evidence.zip"),
            ("case-02.zip!tdest/C/Windows/x", "case-02.zip!tdest"),
        ] {
            check(path, &format!("unknown host of {root}"), Unknown);
        }
    }

    #[test]
    fn unknown_hosts_are_never_one() {
        let found = told(&[
            "ev/u_ex210301.log",
            "ev/u_ex210302.log",
            "ev/x.aspx",
            "b/u_ex210301.log",
            "a.zip!x.aspx",
        ]);
        let hosts: BTreeSet<&String> = found.iter().collect();
        assert_eq!(hosts.len(), 4, "the two days are of one log: {found:?}");
        // Two collections for which a person took the same folder name.
        let found = told(&["a/MX01/C/inetpub/x.aspx", "b/MX01/C/inetpub/logs/x.log"]);
        assert_eq!(found, ["MX01 (folder a/MX01) (Folder, a/MX01)", "MX01 (folder b/MX01) (Folder, b/MX01)"]);
    }

    #[test]
    fn what_lies_beside_a_volume_is_of_its_computer() {
        let found = told(&["given/MX01/C/inetpub/x", "given/MX01/Modules/mft.csv", "given/loose.csv"]);
        assert_eq!(
            found,
            [
                "MX01 (Folder, given/MX01)",
                "MX01 (Folder, given/MX01)",
                "unknown host of given/loose.csv (Unknown, given/loose.csv)"
            ]
        );
        let found = told(&["SRV-farm1.zip!web/C/Windows/x", "SRV-farm1.zip!db/C/Windows/x"]);
        assert_eq!(
            found,
            [
                "unknown host of SRV-farm1.zip!web (Unknown, SRV-farm1.zip!web)",
                "unknown host of SRV-farm1.zip!db (Unknown, SRV-farm1.zip!db)"
            ]
        );
        let found =
            told(&["CERT-2021-03.zip!MX01.zip!Security.evtx", "CERT-2021-03.zip!MX02.zip!Security.evtx"]);
        assert!(
            found[0].starts_with("MX01 (Collection") && found[1].starts_with("MX02 (Collection"),
            "{found:?}"
        );
    }
}
