//! Tables, journals and indexes, small ones built; real ones where they lie beside the project.

use std::io;
use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::hash::{hex, record_hash};
use piste_model::sources::Sources;
use proptest::prelude::*;

use super::built::{
    Said, TIME, change, entry, file_name, index_block, outside, record, resident, standard, to,
};
use super::raw::Reference;
use super::{open_index, open_mft, open_usn, recognise_usn};
use crate::random_access::{Companion, Opened, ReadAt};
use crate::testing::{Read, row_of};
use crate::{Context, sniff};

type Open = fn(Arc<dyn ReadAt>, &[Companion], &Context<'_>) -> io::Result<Opened>;

/// Reads a file whole, and holds every row's hash against the bytes that are read again.
pub(super) fn read_beside(open: Open, bytes: &[u8], companions: &[Companion]) -> Read {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "C/$MFT", sources: &sources, host_hint: Some("HINT") };
    let opened = open(Arc::new(bytes.to_vec()), companions, &cx).expect("a vector reads");
    let mut all = Read::default();
    let mut issues = opened.issues;
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);

        for batch in &parsed.batches {
            all.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        for damage in &parsed.damage {
            assert!(parsed.issues.iter().any(|issue| issue.slug == damage.kind), "told: {damage:?}");
        }
        all.damage.extend(parsed.damage);
        issues.extend(parsed.issues);
    }
    all.issues =
        issues.iter().map(|issue| format!("{}: {}; {}", issue.slug, issue.what, issue.effect)).collect();
    for row in &all.rows {
        let bytes = opened.file.record(row["offset"].parse().expect("a number")).expect("it is there");
        assert_eq!(row["record_hash"], hex(&record_hash(&bytes)), "{row:?}");
    }
    all
}

fn read(open: Open, bytes: &[u8]) -> Read {
    read_beside(open, bytes, &[])
}

fn folder(number: u32, sequence: u16, parent: Reference, name: &str) -> Vec<u8> {
    let attributes =
        [resident(0x10, "", &standard([TIME; 4])), resident(0x30, "", &file_name(parent, name, 1, TIME))];
    record(1_024, Said::folder(number, sequence), &attributes)
}

/// A table of nine records: the root at 5, `\inetpub` at 6, what the test brings at 7 and 8.
fn table(seven: &[u8], eight: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 5 * 1_024];
    bytes.extend(folder(5, 5, to(5, 5), "."));
    bytes.extend(folder(6, 3, to(5, 5), "inetpub"));
    bytes.extend_from_slice(seven);
    bytes.extend_from_slice(eight);
    bytes
}

fn page() -> Vec<u8> {
    let times = [TIME, TIME + 7_120_000, TIME + 20_000_000, TIME + 30_000_000];
    let attributes = [
        resident(0x10, "", &standard(times)),
        resident(0x30, "", &file_name(to(6, 3), "ERRORE~1.ASP", 2, TIME)),
        resident(0x30, "", &file_name(to(6, 3), "errorEE.aspx", 1, TIME + 50_000_000)),
        outside("", 1_362),
        resident(0x80, "Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n"),
    ];
    record(1_024, Said::file(7, 50), &attributes)
}

const SHOWN: [&str; 8] =
    ["record", "Path", "InUse", "FileSize", "NameType", "ShortName", "ZoneIdContents", "Orphan"];

#[test]
fn a_file_is_a_row_a_long_name_and_a_row_a_stream() {
    let found = read(open_mft, &table(&page(), &[0; 1_024]));
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&SHOWN),
        [
            r"5 | \ | True | 0 | Windows | ~ | ~ | ~",
            r"6 | \inetpub | True | 0 | Windows | ~ | ~ | ~",
            r"7 | \inetpub\errorEE.aspx | True | 1362 | Windows | ERRORE~1.ASP | ~ | ~",
            "7 | \\inetpub\\errorEE.aspx:Zone.Identifier | True | 26 | Windows | ~ | [ZoneTransfer]\r\nZoneId=3\r\n | ~",
        ]
    );
    insta::assert_snapshot!(format!("{:#?}", found.rows[2]));
}

#[test]
fn a_time_of_the_name_is_told_where_it_differs_and_decides_where_there_is_no_other() {
    let names =
        ["time_basis", "event_time", "Created0x10", "Created0x30", "LastModified0x30", "SI<FN", "uSecZeros"];
    let found = read(open_mft, &table(&page(), &[0; 1_024]));
    assert_eq!(
        found.columns(&names)[2],
        "file created | 2021-03-03T04:10:59.326060000Z | 2021-03-03T04:10:59.3260600Z | 2021-03-03T04:11:04.3260600Z | 2021-03-03T04:11:04.3260600Z | True | False"
    );
    let bare = record(1_024, Said::file(7, 1), &[resident(0x30, "", &file_name(to(6, 3), "x", 3, TIME))]);
    let found = read(open_mft, &table(&bare, &[0; 1_024]));
    assert_eq!(
        found.columns(&names)[2],
        "file created by $FILE_NAME | 2021-03-03T04:10:59.326060000Z | ~ | 2021-03-03T04:10:59.3260600Z | 2021-03-03T04:10:59.3260600Z | ~ | ~"
    );
}

#[test]
fn a_parent_that_was_used_again_makes_an_orphan_and_a_deleted_one_does_not() {
    let file = |parent| {
        let attributes = [
            resident(0x10, "", &standard([TIME; 4])),
            resident(0x30, "", &file_name(parent, "x.aspx", 3, TIME)),
        ];
        record(1_024, Said::file(8, 1).freed(), &attributes)
    };
    let shown = |seven: Vec<u8>, parent| {
        let found = read(open_mft, &table(&seven, &file(parent)));
        found.columns(&["InUse", "deleted", "ParentPath", "Path", "Orphan"]).pop().expect("a row")
    };
    let gone = {
        let attributes = [
            resident(0x10, "", &standard([TIME; 4])),
            resident(0x30, "", &file_name(to(6, 3), "wwwroot", 3, TIME)),
        ];
        record(1_024, Said::folder(7, 10).freed(), &attributes)
    };
    let deleted = r"False | true | .\inetpub\wwwroot | \inetpub\wwwroot\x.aspx | ~";
    assert_eq!(shown(gone.clone(), to(7, 9)), deleted);
    assert_eq!(
        shown(gone, to(7, 8)),
        r"False | true | .\PathUnknown\Directory with ID 0x00000007-00000008 | \PathUnknown\Directory with ID 0x00000007-00000008\x.aspx | True"
    );
    let circle = folder(7, 10, to(7, 10), "round");
    assert!(shown(circle, to(7, 10)).ends_with("| True"), "a circle ends");
}

#[test]
fn what_extension_records_say_is_told_with_the_file() {
    let list = resident(0x20, "", &[0; 32]);
    let base = record(1_024, Said::file(7, 50), &[resident(0x10, "", &standard([TIME; 4])), list]);
    let extending = |sequence| {
        let attributes = [
            resident(0x30, "", &file_name(to(6, 3), "far.aspx", 0, TIME)),
            resident(0x30, "", &file_name(to(5, 5), "link.aspx", 0, TIME)),
            outside("hidden", 9),
        ];
        record(1_024, Said { base: to(7, sequence), ..Said::file(8, 2) }, &attributes)
    };
    let found = read(open_mft, &table(&base, &extending(50)));
    let shown = ["record", "Path", "ReferenceCount", "HasAds", "BaseEntryNumber"];
    assert_eq!(
        found.columns(&shown)[2..],
        [
            r"7 | \inetpub\far.aspx | 2 | True | ~",
            r"7 | \link.aspx | 2 | True | ~",
            r"7 | \inetpub\far.aspx:hidden | 2 | False | ~"
        ]
    );
    // One whose base was used again since is what remains of another file.
    let found = read(open_mft, &table(&base, &extending(49)));
    assert_eq!(
        found.columns(&shown)[2..],
        [
            r"7 | ~ | 0 | False | ~",
            r"8 | \inetpub\far.aspx | 2 | True | 7",
            r"8 | \link.aspx | 2 | True | 7",
            r"8 | \inetpub\far.aspx:hidden | 2 | False | 7"
        ]
    );
}

#[test]
fn a_folder_whose_name_lies_in_an_extension_record_has_its_path() {
    let list = resident(0x20, "", &[0; 32]);
    let base = record(1_024, Said::folder(7, 50), &[resident(0x10, "", &standard([TIME; 4])), list]);
    let name = resident(0x30, "", &file_name(to(6, 3), "wide", 3, TIME));
    let extending = record(1_024, Said { base: to(7, 50), ..Said::file(8, 2) }, &[name]);
    let mut bytes = table(&base, &extending);
    bytes.extend(folder(9, 1, to(7, 50), "below"));
    let found = read(open_mft, &bytes);
    assert_eq!(found.columns(&["Path"])[2..], [r"\inetpub\wide", r"\inetpub\wide\below"]);
}

#[test]
fn records_of_four_kilobytes_are_known_by_what_they_say() {
    let at = |number: u32, sequence, name: &str| {
        let attributes = [
            resident(0x10, "", &standard([TIME; 4])),
            resident(0x30, "", &file_name(to(5, 5), name, 3, TIME)),
        ];
        record(4_096, Said::folder(number, sequence), &attributes)
    };
    let mut bytes = vec![0; 5 * 4_096];
    bytes.extend(at(5, 5, "."));
    bytes.extend(at(6, 1, "a"));
    let found = read(open_mft, &bytes);
    assert_eq!(found.columns(&["record", "offset", "Path"]), [r"5 | 20480 | \", r"6 | 24576 | \a"]);
}

#[test]
fn damage_costs_the_damaged_record_and_is_told() {
    let mut torn = page();
    torn[1_022] = 9;
    let mut junk = page();
    junk[..4].copy_from_slice(b"JUNK");
    let found = read(open_mft, &table(&torn, &junk));
    assert_eq!(
        found.issues,
        [
            "mft-record-torn: 1 record of this piece with sectors of another time than their first; the first is record 7; no record is lost; their rows say FixupMismatch, and values in these sectors may be of an older state",
            "mft-record: record 8 is no FILE record: it does not begin with FILE; 1 record is lost"
        ]
    );
    assert_eq!(found.columns(&["record", "FixupMismatch"])[1..], ["6 | ~", "7 | True", "7 | True"]);
    let mut bytes = table(&page(), &page());
    bytes.truncate(8 * 1_024 + 100);
    let found = read(open_mft, &bytes);
    assert!(
        found.issues[0].starts_with("mft-truncated: the table ends within a record: 100 bytes"),
        "{:?}",
        found.issues
    );
    assert_eq!(found.rows.len(), 4);
}

#[test]
fn links_tell_where_they_lead() {
    let target = r"\??\C:\inetpub";
    let units: Vec<u8> = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut content = 0xa000_0003_u32.to_le_bytes().to_vec();
    content.extend([0; 6]);
    content.extend(u16::try_from(units.len()).expect("short").to_le_bytes());
    content.extend([0; 4]);
    content.extend(units);
    let attributes = [
        resident(0x30, "", &file_name(to(6, 3), "old", 3, TIME)),
        resident(0x40, "", &(1..=16).collect::<Vec<u8>>()),
        resident(0xc0, "", &content),
        resident(0x100, "$EFS", b"x"),
    ];
    let found = read(open_mft, &table(&record(1_024, Said::file(7, 1), &attributes), &[0; 1_024]));
    assert_eq!(
        found.columns(&["ReparseTag", "ReparseTarget", "ObjectIdFileDroid", "LoggedUtilStream"])[2],
        r"MountPoint | C:\inetpub | 04030201-0605-0807-090a-0b0c0d0e0f10 | $EFS"
    );
}

const CHANGE: [&str; 9] = [
    "event_time",
    "Name",
    "Extension",
    "EntryNumber",
    "SequenceNumber",
    "ParentEntryNumber",
    "UpdateReasons",
    "FileAttributes",
    "offset",
];

#[test]
fn changes_of_each_version_are_rows() {
    let bytes = [
        vec![0; 4_096],
        change(2, 4_096, 0x8000_0102, "x.aspx"),
        change(3, 4_184, 0x200, "ä"),
        change(4, 4_280, 0x8000_0000, ""),
    ];
    let found = read(open_usn, &bytes.concat());
    assert_eq!(
        found.columns(&CHANGE),
        [
            "2021-03-03T04:10:59.326060000Z | x.aspx | .aspx | 273729 | 50 | 265340 | DataExtend|FileCreate|Close | Archive|NotContentIndexed | 4096",
            "2021-03-03T04:10:59.326060000Z | ä | ~ | 273729 | 50 | 265340 | FileDelete | Archive|NotContentIndexed | 4168",
            "~ | ~ | ~ | 273729 | 50 | 265340 | Close | ~ | 4248",
        ]
    );
    assert_eq!(found.columns(&["record", "Extents", "time_basis"])[2], "4280 | 8192+512 | ");
    assert_eq!(found.issues.len(), 1, "version 4 has no time: {:?}", found.issues);
}

#[test]
fn a_journal_goes_on_after_damage() {
    let mut bytes = vec![0; 64];
    bytes.extend(change(2, 1, 0x100, "first.txt"));
    bytes.extend([0x55; 24]);
    bytes.extend(change(2, 2, 0x200, "second.txt"));
    let mut cut = change(2, 3, 0x200, "third.txt");
    cut.truncate(40);
    bytes.extend(cut);
    let found = read(open_usn, &bytes);
    assert_eq!(found.columns(&["Name"]), ["first.txt", "second.txt"]);
    let places: Vec<_> = found.damage.iter().map(|damage| (damage.offset, damage.lost)).collect();
    assert_eq!(places, [(144, None), (248, None)]);
    assert!(found.issues[0].starts_with("usn-damaged: 24 bytes are no records"), "{:?}", found.issues);
}

#[test]
fn no_row_depends_on_where_a_piece_of_the_journal_ends() {
    // Records that go over every MB, since these are not laid into pages.
    let names = ["a", "a name of some length.txt", "another one.aspx"];
    let mut bytes = vec![0; 8];
    let mut count = 0_u64;
    for (name, version) in names.iter().zip([2, 3, 3]).cycle() {
        if bytes.len() >= (2 << 20) + 4_000 {
            break;
        }
        bytes.extend(change(version, count, 0x100, name));
        count += 1;
    }
    let found = read(open_usn, &bytes);
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(found.rows.len() as u64, count);
    assert!(found.rows.iter().zip(0_u64..).all(|(row, at)| row["record"] == at.to_string()));
}

#[test]
fn paths_of_changes_come_from_the_table_beside_the_journal() {
    let mut bytes = change(2, 1, 0x100, "x.aspx");
    bytes[16..24].copy_from_slice(&(6_u64 | 3 << 48).to_le_bytes());
    let companion = Companion { path: "C/$MFT".to_owned(), content: Arc::new(table(&page(), &[0; 1_024])) };
    let found = read_beside(open_usn, &bytes, &[companion]);
    assert_eq!(found.columns(&["ParentPath"]), [r".\inetpub"]);
    assert_eq!(read(open_usn, &bytes).columns(&["ParentPath"]), ["~"]);
}

#[test]
fn a_journal_is_known_by_a_record_or_where_it_begins_with_zeros_by_its_name() {
    let record = change(3, 1, 0x100, "x.aspx");
    assert!(recognise_usn(&record, "carved.bin"));
    let zeros = [0; 16_384];
    for name in
        ["C/$Extend/$J", "$UsnJrnl%3A$J", "UsnJrnl-$J", "%24UsnJrnl%3A%24J", "$UsnJrnl_$J.bin", "%24J"]
    {
        assert!(recognise_usn(&zeros, name), "{name}");
        assert_eq!(sniff(&zeros, name).name(), "usn", "{name}");
    }
    for name in ["zeros.bin", "J", "$MFT", "x.j"] {
        assert!(!recognise_usn(&zeros, name), "{name}");
    }
    assert!(!recognise_usn(b"", "$J"));
    assert_eq!(sniff(&change(4, 1, 0x100, ""), "carved.bin").name(), "usn");
    assert_ne!(sniff(b"a text of a few lines\n", "$J").name(), "usn");
    let wide: Vec<u8> = "Name,Extension\r\n".repeat(40).encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_ne!(sniff(&[&[0xff, 0xfe], wide.as_slice()].concat(), "UsnJrnl.csv").name(), "usn");
}

#[test]
fn an_index_tells_its_entries_and_those_behind_them() {
    let parent = to(6, 3);
    let live = [
        entry(to(7, 50), &file_name(parent, "a.txt", 3, TIME)),
        entry(to(8, 1), &file_name(parent, "errorEE.aspx", 1, TIME)),
    ];
    let gone = entry(to(9, 2), &file_name(parent, "gone.aspx", 1, TIME));
    // The mark at the end has been written over the head of another.
    let headless = &entry(to(10, 1), &file_name(parent, "headless.aspx", 1, TIME))[16..];
    let slack = [headless, &[0; 8], &gone, &[0x41; 40]].concat();
    let mut bytes = index_block(&live, &slack);
    bytes.extend([0; 4_096]);
    bytes.extend(index_block(&[], &[]));
    let found = read(open_index, &bytes);
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&[
            "FileName",
            "FromSlack",
            "SelfMftEntry",
            "EntryNumber",
            "created",
            "LogicalSize",
            "time_basis"
        ]),
        [
            "a.txt | False | 7 | 7 | 2021-03-03T04:10:59.3260600Z | 77 | CreatedOn",
            "errorEE.aspx | False | 8 | 8 | 2021-03-03T04:10:59.3260600Z | 77 | CreatedOn",
            "headless.aspx | True | ~ | ~ | 2021-03-03T04:10:59.3260600Z | 77 | CreatedOn",
            "gone.aspx | True | 9 | 9 | 2021-03-03T04:10:59.3260600Z | 77 | CreatedOn",
        ]
    );
    assert_eq!(sniff(&bytes, "x").name(), "ntfs-index");
    bytes[4_096..4_100].copy_from_slice(b"JUNK");
    let found = read(open_index, &bytes);
    assert_eq!(found.rows.len(), 4);
    assert!(found.issues[0].starts_with("index-block: "), "{:?}", found.issues);
}

/// One byte written over, a stretch of them, or a cut.
#[derive(Debug, Clone)]
enum Harm {
    Byte(usize, u8),
    Stretch(usize, usize, u8),
    Cut(usize),
}

fn harm() -> impl Strategy<Value = Vec<Harm>> {
    let one = prop_oneof![
        4 => (0_usize..16_384, any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        1 => (0_usize..16_384, 1_usize..600, any::<u8>()).prop_map(|(at, length, byte)| Harm::Stretch(at, length, byte)),
        1 => (0_usize..16_384).prop_map(Harm::Cut),
    ];
    proptest::collection::vec(one, 1..12)
}

fn harmed(bytes: &[u8], harms: &[Harm]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for harm in harms {
        let size = bytes.len().max(1);
        match *harm {
            Harm::Byte(at, byte) => {
                if let Some(to) = bytes.get_mut(at % size) {
                    *to = byte;
                }
            }
            Harm::Stretch(at, length, byte) => {
                bytes.iter_mut().skip(at % size).take(length).for_each(|to| *to = byte);
            }
            Harm::Cut(at) => bytes.truncate(at % size),
        }
    }
    bytes
}

fn sample_table() -> Vec<u8> {
    let list = resident(0x20, "", &[0; 32]);
    let base = record(1_024, Said::folder(9, 50), &[resident(0x10, "", &standard([TIME; 4])), list]);
    let name = resident(0x30, "", &file_name(to(6, 3), "wide", 3, TIME));
    let extending = record(1_024, Said { base: to(9, 50), ..Said::file(10, 2) }, &[name, outside("s", 9)]);
    [table(&page(), &page()), base, extending].concat()
}

fn sample_journal() -> Vec<u8> {
    let versions = [2, 3, 4].into_iter().cycle();
    (0..60)
        .zip(versions)
        .flat_map(|(at, version)| change(version, at, 0x100 << (at % 8), "name.aspx"))
        .collect()
}

fn sample_index() -> Vec<u8> {
    let at = |number: u64| entry(to(number, 1), &file_name(to(6, 3), "name.aspx", 1, TIME));
    let live: Vec<_> = (7..20).map(at).collect();
    [index_block(&live, &at(30)), index_block(&live[..2], &at(31))].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_harm_makes_it_panic_and_every_row_can_be_read_again(harms in harm()) {
        read(open_mft, &harmed(&sample_table(), &harms));
        read(open_usn, &harmed(&sample_journal(), &harms));
        read(open_index, &harmed(&sample_index(), &harms));
    }
}
