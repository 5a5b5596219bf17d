//! Which of Velociraptor's artefacts a result is of, and what its columns mean.
//!
//! In: a file's path (`results/Windows.System.TaskScheduler%2FAnalysis.json`), or what a row says in `_Source`. Out: the
//! artefact's name and, for those of `catalog/velociraptor-artefacts.csv`, the dataset, the columns that hold the row's time
//! and the copies under the names that rules use. Columns are those of the artefacts' published definitions, old and new.

use std::sync::LazyLock;

/// The table; its first line names the columns.
const TABLE: &str = include_str!("../../../../catalog/velociraptor-artefacts.csv");

/// First words of artefacts' names that need no folder to be known by.
const FAMILIES: [&str; 9] = [
    "Windows.",
    "Generic.",
    "Linux.",
    "MacOS.",
    "Custom.",
    "Exchange.",
    "DetectRaptor.",
    "Server.",
    "Triage.",
];
/// Bytes of a name that is believed.
const NAME_BYTES_MAX: usize = 200;

/// A column that rules know by another name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) from: &'static str,
    /// Follows the value of `from` after a blank: arguments of a command.
    pub(super) and: Option<&'static str>,
    pub(super) to: &'static str,
    /// The value is a file's name: it gets a backslash before it, since rules ask for the end of a path.
    pub(super) bare: bool,
}

/// What is known of an artefact.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Artefact {
    name: &'static str,
    pub(super) dataset: &'static str,
    /// Columns that hold its time, the surest first.
    pub(super) times: Vec<&'static str>,
    /// What happened then.
    pub(super) basis: &'static str,
    pub(super) copies: Vec<Copied>,
}

impl Artefact {
    fn of(line: &'static str) -> Option<Self> {
        let mut cells = line.split(',');
        let mut next = || cells.next();
        let (name, dataset, times, basis) = (next()?, next()?, next()?, next()?);
        let list = |text: &'static str| text.split(';').filter(|part| !part.is_empty());
        let copied = |text: &'static str| {
            let (from, to) = text.split_once('>')?;
            let (from, and) = from.split_once('+').map_or((from, None), |(from, and)| (from, Some(and)));
            let bare = to.starts_with('\\');
            Some(Copied { from, and, to: to.trim_start_matches('\\'), bare })
        };
        let copies = list(next()?).filter_map(copied).collect();
        Some(Self { name, dataset, times: list(times).collect(), basis, copies })
    }

    fn fits(&self, artefact: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(start) => artefact.starts_with(start),
            None => artefact == self.name,
        }
    }
}

static ARTEFACTS: LazyLock<Vec<Artefact>> =
    LazyLock::new(|| TABLE.lines().skip(1).filter_map(Artefact::of).collect());

/// What the table says of an artefact; the source's name behind a slash is part of its name.
pub(super) fn known(artefact: &str) -> Option<&'static Artefact> {
    ARTEFACTS.iter().find(|one| one.fits(artefact)).or_else(|| {
        let plain = artefact.split('/').next().unwrap_or(artefact);
        ARTEFACTS.iter().find(|one| one.fits(plain))
    })
}

/// Whether a name is built as those of artefacts are.
pub(super) fn is_name(name: &str) -> bool {
    let plain = name.split('/').next().unwrap_or(name);
    let mut parts = plain.split('.');
    let part = |part: &str| {
        part.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let first = parts
        .next()
        .is_some_and(|first| first.starts_with(|letter: char| letter.is_ascii_uppercase()) && part(first));
    let rest: Vec<&str> = parts.collect();
    name.len() <= NAME_BYTES_MAX && first && !rest.is_empty() && rest.iter().all(|one| part(one))
}

/// The artefact that a file holds results of, by its path: `None` where the path does not tell.
pub(super) fn named_by(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['/', '\\', '!']).collect();
    let file = unescaped(parts.last()?);
    let ends = [".json", ".jsonl", ".csv"];
    let stem = ends.iter().find_map(|end| file.strip_suffix(end))?;
    let stem = stem.strip_prefix("All ").unwrap_or(stem); // as exports of hunts call them
    let above = |name: &str| parts.iter().rev().skip(1).take(4).any(|part| part.eq_ignore_ascii_case(name));
    let family = |name: &str| FAMILIES.iter().any(|family| name.starts_with(family));
    if is_name(stem) && (family(stem) || above("results")) {
        return Some(stem.to_owned());
    }
    // A server's store, and exports: a folder is called after the artefact, the file after the flow or the source.
    let folder = parts.iter().rev().skip(1).take(3).map(|part| unescaped(part));
    let is_id = |part: &str| ["F.", "H.", "C."].iter().any(|start| part.starts_with(start));
    let mut folder = folder.filter(|part| is_name(part) && !is_id(part));
    let folder = folder.find(|part| family(part) || above("artifacts"))?;
    Some(if is_id(stem) || is_name(stem) { folder } else { format!("{folder}/{stem}") })
}

/// `%2F` and its like as they were.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        plain.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_the_artefact() {
        let check = |path: &str, name: Option<&str>| assert_eq!(named_by(path).as_deref(), name, "{path}");
        check("a.zip!results/Windows.System.Pslist.json", Some("Windows.System.Pslist"));
        check(
            "a.zip!results/Windows.System.TaskScheduler%2FAnalysis.json",
            Some("Windows.System.TaskScheduler/Analysis"),
        );
        check("results/Ministry.Odd_One.csv", Some("Ministry.Odd_One"));
        check("hunt/All Windows.Network.Netstat.csv", Some("Windows.Network.Netstat"));
        check("clients/C.1/artifacts/Windows.System.Pslist/F.BT1.json", Some("Windows.System.Pslist"));
        check(
            "clients/C.1/artifacts/Windows.Forensics.SRUM/F.BT1/Network Usage.json",
            Some("Windows.Forensics.SRUM/Network Usage"),
        );
        for path in ["Microsoft.Graph.json", "results/notes.json", "Windows.System.Pslist.txt", "x%.json", ""]
        {
            check(path, None);
        }
    }

    #[test]
    fn every_line_of_the_table_is_read_and_wildcards_come_after_names() {
        assert_eq!(ARTEFACTS.len(), TABLE.lines().count() - 1);
        for (at, one) in ARTEFACTS.iter().enumerate() {
            assert!(one.dataset.starts_with("velociraptor."), "{one:?}");
            assert_eq!(one.times.is_empty(), one.basis.is_empty(), "{one:?}");
            let before = ARTEFACTS.iter().position(|other| other.fits(one.name.trim_end_matches('*')));
            assert_eq!(before, Some(at), "another line hides {}", one.name);
        }
        assert_eq!(known("Windows.Registry.Anything").map(|one| one.dataset), Some("velociraptor.registry"));
        assert_eq!(known("Windows.System.Pslist/Source").map(|one| one.dataset), Some("velociraptor.pslist"));
        assert_eq!(known("Exchange.Odd"), None);
    }
}
