//! The stories about one way in, as a responder would be given them.
//!
//! In: generated evidence of every story and variant. Out: that the same seed gives the same bytes, that Piste's own
//! parsers read every line without a complaint, that truth points at lines that say what it says, and that what rolled
//! over is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use piste_lab::{DoorTruth, Telling, Truth, door_scenario, door_scenario_names, generate_doors};
use piste_model::sources::Sources;
use piste_model::{DoorVerdict, EvidenceId};
use piste_parse::{Context, Format, Splitter, parse_block, sniff};
use sha2::{Digest, Sha256};

/// Evidence in a scratch folder, its files by their locator, and the truth.
struct Made {
    folder: tempfile::TempDir,
    files: BTreeMap<String, Vec<u8>>,
    truth: Truth,
}

fn make(name: &str, variant: &str, seed: u64, evtx: bool, zip: bool) -> Made {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let story = door_scenario(name).expect("it is built in");
    let evidence = folder.path().join("evidence");
    let telling = Telling { variant, seed, evtx, zip };
    let truth =
        generate_doors(&story, telling, &evidence, &folder.path().join("truth.json")).expect("writes");
    let mut all = BTreeMap::new();
    for path in files(&evidence) {
        let name = path.strip_prefix(&evidence).expect("below").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(&path).expect("reads");
        if Path::new(&name).extension().is_some_and(|end| end == "zip") {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip");
            for index in 0..archive.len() {
                let mut member = archive.by_index(index).expect("a member");
                let mut bytes = Vec::new();
                std::io::copy(&mut member, &mut bytes).expect("inflates");
                all.insert(format!("{name}!{}", member.name().expect("UTF-8")), bytes);
            }
        } else {
            all.insert(name, bytes);
        }
    }
    Made { folder, files: all, truth }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn hash(folder: &Path) -> Vec<u8> {
    let mut hash = Sha256::new();
    for path in files(folder) {
        hash.update(path.strip_prefix(folder).expect("below").to_string_lossy().as_bytes());
        hash.update(fs::read(&path).expect("reads"));
    }
    hash.finalize().to_vec()
}

impl Made {
    fn line(&self, path: &str, record: u64) -> String {
        let bytes = self.files.get(path).unwrap_or_else(|| panic!("no file {path}"));
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().nth(usize::try_from(record).expect("small") - 1);
        line.unwrap_or_else(|| panic!("{path} has no line {record}")).to_owned()
    }

    fn lines(&self, door: &DoorTruth) -> Vec<(String, String)> {
        door.leaves.iter().map(|leaf| (leaf.path.clone(), self.line(&leaf.path, leaf.record))).collect()
    }

    fn door(&self, kind: &str, cve: Option<&str>) -> &DoorTruth {
        let is = |door: &&DoorTruth| {
            door.kind == kind && cve.is_none_or(|cve| door.cve.iter().any(|one| one == cve))
        };
        self.truth
            .doors
            .iter()
            .find(is)
            .unwrap_or_else(|| panic!("no {kind} {cve:?}: {:?}", self.truth.doors))
    }
}

/// Rows and what was complained of, of a file that Piste has a parser for.
fn read(path: &str, bytes: &[u8]) -> (Format, u64, Vec<String>) {
    let head = bytes.get(..piste_parse::sniff::HEAD_BYTES.min(bytes.len())).expect("shorter");
    let format = sniff(head, path);
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("MX02") };
    let mut splitter = Splitter::new(format);
    let (mut rows, mut complaints) = (0, Vec::new());
    let mut rest = bytes;
    while let Some(block) = splitter.next_block(&mut rest).expect("a slice reads") {
        let parsed = parse_block(format, &block, &cx);
        rows += parsed.records;
        complaints.extend(parsed.issues.iter().map(|issue| format!("{path}: {} {}", issue.slug, issue.what)));
        complaints.extend(parsed.damage.iter().map(|damage| format!("{path}: {damage:?}")));
    }
    (format, rows, complaints)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (first, second) = (
        make("proxyshell", "hit-before-patch", 3, true, true),
        make("proxyshell", "hit-before-patch", 3, true, true),
    );
    assert_eq!(hash(first.folder.path()), hash(second.folder.path()));
    let other = make("proxyshell", "hit-before-patch", 4, true, true);
    assert_ne!(hash(first.folder.path()), hash(other.folder.path()));
}

/// Every story, with every kind of log; formats without a parser are named, so that a new one is noticed.
#[test]
fn what_piste_reads_it_reads_without_complaint() {
    let mut formats = BTreeSet::new();
    for name in door_scenario_names() {
        for (variant, evtx) in [("hit-before-patch", true), ("hit-failed", false)] {
            let made = make(name, variant, 5, evtx, false);
            let bytes: usize = made.files.values().map(Vec::len).sum();
            assert!((500_000..12_000_000).contains(&bytes), "{name} {variant}: {bytes} bytes");
            for (path, bytes) in &made.files {
                let parsed = ["LogFiles/W3SVC", "HTTPERR", "/Logging/", "MessageTracking", "winevt"];
                if !parsed.iter().any(|part| path.contains(part)) {
                    continue;
                }
                let (format, rows, complaints) = read(path, bytes);
                assert_eq!(complaints, Vec::<String>::new());
                assert!(rows > 0, "{path} as {format:?}");
                formats.insert(format);
            }
        }
    }
    let wanted = [Format::Evtx, Format::JsonLines, Format::IisW3c, Format::HttpErr, Format::ExchangeLog];
    assert_eq!(formats, BTreeSet::from(wanted));
}

#[test]
fn truth_points_at_the_lines_that_say_so() {
    let made = make("proxylogon", "hit-before-patch", 1, false, false);
    let lines = made.lines(made.door("exploit", Some("CVE-2021-26855")));
    let has =
        |path: &str, text: &str| lines.iter().any(|(of, line)| of.contains(path) && line.contains(text));
    assert!(
        has("HttpProxy/Ecp", "ServerInfo~a]@mx02.prov.example:444/autodiscover/autodiscover.xml?#"),
        "{lines:#?}"
    );
    assert!(has("ECP/Server", "Set-OabVirtualDirectory.ExternalUrl=''http://f/<script"), "{lines:#?}");
    assert!(has("W3SVC2", "schema=ResetOABVirtualDirectory"), "{lines:#?}");
    assert!(has("winevt", "MSExchange CmdletLogs"), "{lines:#?}");
    for (path, line) in &lines {
        assert!(!line.starts_with('#'), "{path}: {line}");
    }
}

/// Every leaf of every story is there, and an opened door has a web shell's page where it says so.
#[test]
fn verdicts_follow_the_variant() {
    for name in door_scenario_names() {
        for (variant, gravest) in [
            ("scanned-patched", Some(DoorVerdict::Probed)),
            ("hit-failed", Some(DoorVerdict::Failed)),
            ("quiet", None),
        ] {
            let seed = 1;
            {
                let made = make(name, variant, seed, false, true);
                assert_eq!(
                    made.truth.doors.iter().map(|door| door.verdict).max(),
                    gravest,
                    "{name} {variant} {seed}"
                );
                assert!(made.truth.intrusions.is_empty(), "{name} {variant}");
            }
        }
        let made = make(name, "hit-before-patch", 2, false, false);
        let opened = made.truth.doors.iter().filter(|door| door.verdict >= DoorVerdict::Succeeded);
        for door in opened {
            assert!(door.visible && door.first_used.is_some() || door.kind == "webshell", "{name}: {door:?}");
            assert!(!made.lines(door).is_empty());
            if door.kind == "webshell" {
                let page = door.place.replacen("C:", "MX", 1).replace('\\', "/");
                let end = page.split_once('/').map_or("", |(_, rest)| rest);
                assert!(made.files.keys().any(|path| path.ends_with(end)), "{name}: {end}");
            }
        }
        assert_eq!(made.truth.intrusions.len(), 1, "{name}");
    }
}

#[test]
fn what_rolled_over_is_not_there() {
    let mut unseen = 0;
    for seed in 1..=6 {
        let made = make("proxylogon", "rolled-over", seed, false, false);
        let door = made.door("exploit", Some("CVE-2021-26855"));
        let shell = made.door("webshell", None);
        unseen += usize::from(!shell.visible);
        let anchors = made.files.iter().filter(|(path, _)| path.contains("HttpProxy/"));
        for (path, bytes) in anchors {
            assert!(!String::from_utf8_lossy(bytes).contains("ServerInfo~a]@"), "{path}");
        }
        assert_eq!(shell.visible, shell.verdict == DoorVerdict::Used, "{shell:?}");
        assert!(!door.visible, "{door:?}");
    }
    assert!((1..6).contains(&unseen), "{unseen} of 6");
}

/// The build in the logs is that of the day.
#[test]
fn the_update_shows_in_every_log() {
    let made = make("proxylogon", "scanned-patched", 1, false, false);
    let server = &made.truth.servers[0];
    let at = server.builds[0].to.expect("patched").to_string();
    let (mut before, mut after) = (0, 0);
    for (path, bytes) in made.files.iter().filter(|(path, _)| path.contains("HttpProxy/")) {
        for line in String::from_utf8_lossy(bytes).lines().filter(|line| line.starts_with("20")) {
            let cells: Vec<_> = line.split(',').collect();
            let build = cells[2..6].join(".");
            let patched = cells[0] >= at.as_str();
            assert_eq!(build, if patched { "15.1.2176.9" } else { "15.1.2176.2" }, "{path}: {line}");
            if patched { after += 1 } else { before += 1 }
        }
    }
    assert!(before > 50 && after > 500, "{before} {after}");
    let setup = made.files.iter().find(|(path, _)| path.ends_with("ExchangeSetup.log")).expect("a setup log");
    assert!(String::from_utf8_lossy(setup.1).contains("Setup version: 15.1.2176.9."));
}

/// One line of each kind, as it stands in the files.
#[test]
fn lines_of_each_kind() {
    let made = make("proxyshell", "hit-before-patch", 1, false, false);
    let kinds = [
        "W3SVC1/",
        "W3SVC2/",
        "HTTPERR",
        "HttpProxy/Autodiscover",
        "HttpProxy/Eas",
        "HttpProxy/PowerShell",
        "ECP/Server",
        "OABGeneratorLog",
        "Logging/Ews",
        "Powershell-Proxy/Http",
        "Powershell-Proxy/Cmdlet",
        "MessageTracking",
        "windows-events",
        "ExchangeSetup",
        "MFTECmd",
    ];
    let mut shown = Vec::new();
    for kind in kinds {
        let (path, bytes) = made.files.iter().find(|(path, _)| path.contains(kind)).expect(kind);
        let text = String::from_utf8_lossy(bytes).into_owned();
        let header = ["DateTime", "\u{feff}", "#", "EntryNumber"];
        let line = text.lines().find(|line| !header.iter().any(|start| line.starts_with(start))).expect(kind);
        shown.push(format!("{path}\n{line}"));
    }
    insta::assert_snapshot!(shown.join("\n\n"));
}
