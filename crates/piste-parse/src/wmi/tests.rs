//! Repositories that are built here, byte by byte, and the real one of `shared/data` where it lies beside the project.

use std::io::Read as _;

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use proptest::prelude::*;

use super::class::{Layout, Target, hash};
use super::pages::PAGE_BYTES;
use super::*;
use crate::testing::{Row, row_of};

/// 2021-03-04T07:12:31.25Z.
const WRITTEN: u64 = 132_593_155_512_500_000;

/// A value that a test sets.
enum Set<'a> {
    Text(&'a str),
    Sid(&'a [u8]),
    Number(u32),
}

/// The bytes of an instance of these values; others are not set.
fn instance(target: Target, old: bool, values: &[(&str, Set<'_>)]) -> Vec<u8> {
    let Layout(layout) = target.shipped();
    let mut heap = [b"\0", target.class().as_bytes(), b"\0"].concat();
    let (mut states, mut row) = (vec![0_u8; layout.len().div_ceil(4)], Vec::new());
    for (number, property) in layout.iter().enumerate() {
        let set = values.iter().find(|(name, _)| *name == property.name).map(|(_, set)| set);
        let mut cell = vec![0; property.width()];
        match set {
            // The class's default where it has one, else not set.
            None => {
                let state = if property.name == "CreatorSID" { 2 } else { 3 };
                states[number / 4] |= state << (2 * (number % 4));
            }
            Some(Set::Number(value)) => cell.copy_from_slice(&value.to_le_bytes()[..property.width()]),
            Some(Set::Text(text)) => {
                cell = u32::try_from(heap.len()).unwrap().to_le_bytes().to_vec();
                if text.is_ascii() {
                    heap.push(0);
                    heap.extend(text.bytes().chain([0]));
                } else {
                    heap.push(1);
                    heap.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
                }
            }
            Some(Set::Sid(sid)) => {
                cell = u32::try_from(heap.len()).unwrap().to_le_bytes().to_vec();
                heap.extend(u32::try_from(sid.len()).unwrap().to_le_bytes());
                heap.extend(*sid);
            }
        }
        row.extend(cell);
    }
    let mut rest = vec![0; 5]; // where the class's name is, and a byte
    rest.extend(states);
    rest.extend(row);
    rest.extend(4_u32.to_le_bytes());
    rest.push(1);
    rest.extend((u32::try_from(heap.len()).unwrap() | 0x8000_0000).to_le_bytes());
    rest.extend(heap);
    let mut bytes: Vec<u8> = hash(target.class(), old).encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.extend(WRITTEN.to_le_bytes());
    bytes.extend((WRITTEN - 600_000_000).to_le_bytes());
    bytes.extend(u32::try_from(rest.len() + 4).unwrap().to_le_bytes());
    bytes.extend(rest);
    bytes
}

/// A repository of one object page after another, with a map that mixes them and an index of one page.
#[derive(Default)]
struct Built {
    old: bool,
    /// Logical pages, each of whole records.
    pages: Vec<Vec<Vec<u8>>>,
    keys: Vec<String>,
    /// What stands in a page that no map knows.
    free: Vec<u8>,
}

impl Built {
    /// Adds a page with one record that the index knows.
    fn add(&mut self, namespace: &str, target: Target, values: &[(&str, Set<'_>)]) {
        let record = instance(target, self.old, values);
        let bytes = record.len();
        let (space, class) = (hash(namespace, self.old), hash(target.class(), self.old));
        let page = self.pages.len();
        self.keys.push(format!("NS_{space}/CI_{class}/IL_{class}.{page}.7.{bytes}"));
        self.pages.push(vec![record.clone()]);
        // A record that is longer than a page goes on in the pages after it.
        for _ in 0..(32 + bytes).saturating_sub(1) / PAGE_BYTES {
            self.pages.push(Vec::new());
        }
    }

    fn files(&self) -> (Vec<u8>, Vec<Companion>) {
        let count = self.pages.len();
        // Physical pages in the opposite order, the free one last.
        let mut objects = vec![0; (count + 1) * PAGE_BYTES];
        let physical = |logical: usize| count - 1 - logical;
        for (logical, records) in self.pages.iter().enumerate() {
            let Some(record) = records.first() else { continue };
            let mut bytes = Vec::new();
            for number in [7, 32, u32::try_from(record.len()).unwrap(), 1] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend([0; 16]);
            bytes.extend(record);
            for (more, part) in bytes.chunks(PAGE_BYTES).enumerate() {
                let at = physical(logical + more) * PAGE_BYTES;
                objects[at..at + part.len()].copy_from_slice(part);
            }
        }
        objects[count * PAGE_BYTES + 77..][..self.free.len()].copy_from_slice(&self.free);
        let order: Vec<u32> = (0..count).map(|page| u32::try_from(physical(page)).unwrap()).collect();
        let maps = [3_u32, 9, 4].map(|version| self.map(version, &order));
        let mut companions = vec![companion("INDEX.BTR", self.index())];
        for (number, map) in maps.into_iter().enumerate() {
            companions.push(companion(&format!("mapping{}.map", number + 1), map));
        }
        (objects, companions)
    }

    fn map(&self, version: u32, order: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let entries = u32::try_from(order.len()).unwrap();
        for order in [order, &[1][..]] {
            let count = u32::try_from(order.len()).unwrap();
            let head = if self.old {
                vec![0xABCD, version, entries * 20, count]
            } else {
                vec![0xABCD, version, 8, 7, entries, count]
            };
            bytes.extend(head.into_iter().flat_map(u32::to_le_bytes));
            for page in order {
                let entry = if self.old { vec![*page] } else { vec![*page | 0x8000_0000, 0, 0, 0, 1, 1] };
                bytes.extend(entry.into_iter().flat_map(u32::to_le_bytes));
            }
            bytes.extend([1, 0xFFFF_FFFF, 0xDCBA].into_iter().flat_map(u32::to_le_bytes));
        }
        bytes
    }

    /// Page 0 is not in force; page 1 holds the keys, their parts shared as far as they are alike.
    fn index(&self) -> Vec<u8> {
        let mut strings: Vec<&str> = Vec::new();
        let (mut parts, mut firsts) = (Vec::new(), Vec::new());
        for key in &self.keys {
            firsts.push(u16::try_from(parts.len()).unwrap());
            let names: Vec<&str> = key.split('/').collect();
            parts.push(u16::try_from(names.len()).unwrap());
            for name in names {
                let at = strings.iter().position(|one| *one == name).unwrap_or_else(|| {
                    strings.push(name);
                    strings.len() - 1
                });
                parts.push(u16::try_from(at).unwrap());
            }
        }
        let count = self.keys.len();
        let mut page: Vec<u8> =
            [0xACCC, 1, 0, 1, u32::try_from(count).unwrap()].into_iter().flat_map(u32::to_le_bytes).collect();
        page.extend(vec![0; count * 8 + 4]);
        let (mut offsets, mut data) = (Vec::new(), Vec::new());
        for text in &strings {
            offsets.push(u16::try_from(data.len()).unwrap());
            data.extend(text.bytes().chain([0]));
        }
        offsets.push(u16::try_from(data.len()).unwrap());
        let numbers = firsts.into_iter().chain([u16::try_from(parts.len()).unwrap()]).chain(parts);
        let numbers = numbers.chain([u16::try_from(strings.len()).unwrap()]).chain(offsets);
        page.extend(numbers.flat_map(u16::to_le_bytes));
        page.extend(data);
        page.resize(PAGE_BYTES, 0);
        [vec![0; PAGE_BYTES], page].concat()
    }
}

fn companion(name: &str, bytes: Vec<u8>) -> Companion {
    Companion { path: format!("C/Windows/System32/wbem/Repository/{name}"), content: Arc::new(bytes) }
}

struct Answer {
    rows: Vec<Row>,
    issues: Vec<String>,
    damage: usize,
}

fn read(objects: &[u8], companions: &[Companion]) -> Answer {
    let sources = Sources::default();
    let cx =
        Context { evidence: EvidenceId(1), path: "OBJECTS.DATA", sources: &sources, host_hint: Some("HINT") };
    let opened = open(Arc::new(objects.to_vec()), companions, &cx).expect("memory reads");
    let mut answer = Answer {
        rows: Vec::new(),
        issues: opened.issues.iter().map(|issue| format!("{}: {}", issue.slug, issue.what)).collect(),
        damage: 0,
    };
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        let before = answer.rows.len();
        for batch in &parsed.batches {
            answer.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        assert_eq!(parsed.records, (answer.rows.len() - before) as u64);
        answer.damage += parsed.damage.len();
    }
    for row in &answer.rows {
        let offset: u64 = row["offset"].parse().unwrap();
        let bytes = opened.file.record(offset).expect("it was read before");
        let hash = piste_model::hash::record_hash(&bytes);
        assert_eq!(row["record_hash"], piste_model::hash::hex(&hash));
    }
    assert!(opened.file.record(u64::MAX).is_err());
    answer.rows.sort_by_key(|row| (row["dataset"].clone(), row["offset"].clone()));
    answer
}

fn sample(old: bool) -> Built {
    let long = "x = 1;\n".repeat(3_000);
    let admin = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
    let mut built = Built { old, ..Built::default() };
    built.add("root", Target::Namespace, &[("Name", Set::Text("subscription"))]);
    built.add(
        "root\\subscription",
        Target::Filter,
        &[
            ("Name", Set::Text("Überwachung")),
            ("Query", Set::Text("SELECT * FROM __InstanceModificationEvent WITHIN 60")),
            ("EventNamespace", Set::Text("root\\cimv2")),
            ("CreatorSID", Set::Sid(&admin)),
        ],
    );
    built.add(
        "root\\subscription",
        Target::Script,
        &[
            ("Name", Set::Text("long")),
            ("ScriptingEngine", Set::Text("JScript")),
            ("ScriptText", Set::Text(&long)),
            ("KillTimeout", Set::Number(45)),
        ],
    );
    built.add(
        "root\\subscription",
        Target::Binding,
        &[
            ("Filter", Set::Text("__EventFilter.Name=\"a\"")),
            ("Consumer", Set::Text("\\\\.\\root\\subscription:OddConsumer.Name=\"a.b\"")),
        ],
    );
    built.free = instance(
        Target::CommandLine,
        old,
        &[("Name", Set::Text("gone")), ("CommandLineTemplate", Set::Text("powershell -enc AAAA"))],
    );
    built
}

fn shown(row: &Row, names: &[&str]) -> String {
    names.iter().map(|name| row.get(*name).map_or("~", String::as_str)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn instances_are_read_by_index_and_deleted_ones_are_found() {
    for old in [false, true] {
        let (objects, companions) = sample(old).files();
        assert!(recognise(&objects, "x.zip!C/OBJECTS.DATA"));
        let Answer { rows, issues, damage } = read(&objects, &companions);
        assert_eq!(damage, 0);
        assert_eq!(
            issues,
            [
                "wmi-consumer-class: bindings name consumers of classes that are not read: `OddConsumer` (of 0 instances of other classes in the repository)"
            ]
        );
        let lines: Vec<String> = rows
            .iter()
            .map(|row| {
                shown(
                    row,
                    &[
                        "dataset",
                        "Namespace",
                        "Name",
                        "Query",
                        "Type",
                        "CreatorSID",
                        "Carved",
                        "InFreePage",
                        "SameNameRegistered",
                        "event_time",
                        "host",
                    ],
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "wmi.binding | root\\subscription | ~ | ~ | ~ | S-1-5-18 | ~ | ~ | ~ | 2021-03-04T07:12:31.250000000Z | HINT",
                "wmi.consumer | root\\subscription | long | ~ | Script | S-1-5-18 | ~ | ~ | ~ | 2021-03-04T07:12:31.250000000Z | HINT",
                "wmi.consumer | ~ | gone | ~ | Command Line | S-1-5-18 | true | true | false | 2021-03-04T07:12:31.250000000Z | HINT",
                "wmi.filter | root\\subscription | Überwachung | SELECT * FROM __InstanceModificationEvent WITHIN 60 | ~ | S-1-5-32-544 | ~ | ~ | ~ | 2021-03-04T07:12:31.250000000Z | HINT",
            ],
        );
        assert_eq!(rows[1]["Destination"].len(), 21_000, "over the pages' borders");
        assert_eq!(
            (rows[1]["KillTimeout"].as_str(), rows[1]["ClassWritten"].as_str()),
            ("45", "2021-03-04T07:11:31.2500000Z")
        );
        assert_eq!(rows[2]["Destination"], "powershell -enc AAAA");
    }
}

#[test]
fn without_index_or_maps_all_are_carved_and_it_is_said() {
    let (objects, companions) = sample(false).files();
    for (left, said) in
        [(&companions[..0], "its maps are not beside it"), (&companions[1..], "its index is not beside it")]
    {
        let Answer { rows, issues, .. } = read(&objects, left);
        assert!(rows.iter().all(|row| row["Carved"] == "true" && !row.contains_key("SameNameRegistered")));
        assert!(issues[0].contains("wmi-state-unknown") && issues[0].contains(said), "{issues:?}");
        assert!(rows.iter().any(|row| row.get("Name").is_some_and(|name| name == "Überwachung")));
    }
}

#[test]
fn an_old_copy_is_no_row_and_a_lost_record_is_told() {
    let mut built = sample(false);
    built.free = built.pages[1][0].clone();
    let (objects, mut companions) = built.files();
    let Answer { rows, .. } = read(&objects, &companions);
    assert_eq!((rows.len(), rows[2]["OlderCopies"].as_str(), rows[2].get("Carved")), (3, "1", None));
    built.keys.push(built.keys[1].replace(".7.", ".8."));
    (_, companions) = built.files();
    let Answer { issues, .. } = read(&objects, &companions);
    assert!(
        issues.iter().any(|issue| issue.contains("wmi-record-missing: the index leads to 1 event")),
        "{issues:?}"
    );
}

#[test]
fn a_damaged_newest_map_gives_way_to_the_one_before() {
    let (objects, mut companions) = sample(false).files();
    let damaged: Vec<u8> = vec![0; 40];
    companions[2].content = Arc::new(damaged);
    let Answer { rows, issues, .. } = read(&objects, &companions);
    assert!(issues[0].starts_with("wmi-map"), "{issues:?}");
    assert_eq!(rows.iter().filter(|row| !row.contains_key("Carved")).count(), 3);
}

/// A class definition as a repository holds it, whose own order is another than the one that Windows ships.
fn definition(above: &str, properties: &[(&str, u8, u16)]) -> Vec<u8> {
    let mut heap = Vec::new();
    let mut references: Vec<u8> = Vec::new();
    for (name, kind, number) in properties {
        references.extend(u32::try_from(heap.len()).unwrap().to_le_bytes());
        heap.push(0);
        heap.extend(name.bytes().chain([0]));
        references.extend(u32::try_from(heap.len()).unwrap().to_le_bytes());
        heap.extend([*kind, 0, 0, 0]);
        heap.extend(number.to_le_bytes());
        heap.extend([0; 8]);
        heap.extend(4_u32.to_le_bytes());
    }
    let mut bytes = u32::try_from(above.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(above.encode_utf16().flat_map(u16::to_le_bytes));
    bytes.extend([0; 8 + 4 + 1 + 4]);
    for number in [0, 8, 0, 4, u32::try_from(properties.len()).unwrap()] {
        bytes.extend(number.to_le_bytes()); // defaults, name of the class, qualifiers, properties
    }
    bytes.extend(references);
    bytes.extend((u32::try_from(heap.len()).unwrap() | 0x8000_0000).to_le_bytes());
    bytes.extend(heap);
    bytes
}

#[test]
fn the_repository_s_own_definition_says_how_values_lie() {
    let above = super::class::Definition::of(&definition("", &[("Zone", 0x12, 1)])).expect("it is sound");
    let own = super::class::Definition::of(&definition("__Above", &[("Query", 8, 0), ("Name", 8, 2)]))
        .expect("too");
    assert_eq!(own.above, "__Above");
    let Layout(layout) = Layout::of(&[own, above]).expect("no gap");
    let names: Vec<_> = layout.iter().map(|one| (one.name.as_str(), one.width())).collect();
    assert_eq!(names, [("Query", 4), ("Zone", 2), ("Name", 4)]);
    let gap = super::class::Definition::of(&definition("", &[("Zone", 0x12, 1)])).expect("it is sound");
    assert_eq!(Layout::of(&[gap]), None);
}

/// One file of a zip, unpacked.
fn unzipped(zip: &[u8], wanted: &str) -> Option<Vec<u8>> {
    let number = |at: usize, bytes: usize| {
        zip[at..at + bytes].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let end = zip.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let mut at = number(end + 16, 4);
    for _ in 0..number(end + 10, 2) {
        let (name, extra, comment) = (number(at + 28, 2), number(at + 30, 2), number(at + 32, 2));
        if zip[at + 46..at + 46 + name].ends_with(wanted.as_bytes()) {
            let local = number(at + 42, 4);
            let data = local + 30 + number(local + 26, 2) + number(local + 28, 2);
            let packed = &zip[data..data + number(at + 20, 4)];
            let mut bytes = Vec::new();
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
        at += 46 + name + extra + comment;
    }
    None
}

#[test]
fn the_real_repository_has_what_independent_readers_count() {
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data/artefacts/wmi.zip")).find(|path| path.exists());
    let Some(zip) = found.map(|path| std::fs::read(path).expect("it can be read")) else {
        println!("skipped: shared/data/artefacts/wmi.zip is not beside the project");
        return;
    };
    let objects = unzipped(&zip, "OBJECTS.DATA").expect("it is in the zip");
    let companions: Vec<Companion> = COMPANIONS
        .iter()
        .map(|name| Companion {
            path: (*name).to_owned(),
            content: Arc::new(unzipped(&zip, name).expect("it too")),
        })
        .collect();
    // The repository's own definitions are those that Windows ships.
    let map = Maps::of(companions[2].content.as_ref()).expect("it is sound");
    let index = Index::read(companions[0].content.as_ref(), &map.index, &class::Targets::new(false))
        .expect("memory reads");
    assert!(index.others > 1_000 && index.damaged == 0, "{} {}", index.others, index.damaged);
    let known = Known { maps: Some(map), index: Some(index) };
    let repository = Repository::open(Arc::new(objects.clone()), &known).expect("memory reads");
    let space = hash("root\\subscription", false);
    for target in class::TARGETS {
        assert_eq!(repository.layouts.get(&(space.clone(), target)), Some(&target.shipped()), "{target:?}");
    }
    let began = std::time::Instant::now();
    let Answer { rows, issues, damage } = read(&objects, &companions);
    println!("{} bytes in {:?}", objects.len(), began.elapsed());
    assert_eq!((issues, damage), (Vec::<String>::new(), 0));
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            shown(
                row,
                &[
                    "dataset",
                    "Namespace",
                    "Name",
                    "Query",
                    "EventNamespace",
                    "QueryLanguage",
                    "Consumer",
                    "Filter",
                    "Type",
                    "SourceName",
                    "NameOfUserSIDProperty",
                    "CreatorSID",
                    "event_time",
                    "ClassWritten",
                    "Carved",
                ],
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            r#"wmi.binding | root\subscription | ~ | ~ | ~ | ~ | NTEventLogEventConsumer.Name="SCM Event Log Consumer" | __EventFilter.Name="SCM Event Log Filter" | ~ | ~ | ~ | S-1-5-32-544 | 2021-06-05T12:14:02.952806400Z | 2021-06-05T12:14:02.9523640Z | ~"#,
            r"wmi.consumer | root\subscription | SCM Event Log Consumer | ~ | ~ | ~ | ~ | ~ | Event Log | Service Control Manager | sid | S-1-5-32-544 | 2021-06-05T12:14:02.952806200Z | 2021-06-05T12:14:02.9527794Z | ~",
            r"wmi.filter | root\subscription | SCM Event Log Filter | select * from MSFT_SCMEventLogEvent | root\cimv2 | WQL | ~ | ~ | ~ | ~ | ~ | S-1-5-32-544 | 2021-06-05T12:14:02.952806300Z | 2021-06-05T12:14:02.9523639Z | ~",
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn no_damage_makes_it_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..5), 1..24),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let (mut objects, mut companions) = sample(false).files();
        for (at, value, file) in changes {
            if file == 0 {
                let at = at.index(objects.len());
                objects[at] = value;
            } else if let Some(companion) = companions.get_mut(file - 1) {
                let mut bytes = vec![0; usize::try_from(companion.content.bytes()).unwrap()];
                companion.content.read_at(0, &mut bytes).unwrap();
                let at = at.index(bytes.len());
                bytes[at] = value;
                companion.content = Arc::new(bytes);
            }
        }
        if let Some(cut) = cut {
            objects.truncate(cut.index(objects.len()));
        }
        read(&objects, &companions);
    }
}
