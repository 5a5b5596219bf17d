//! Logs of XP that the tests write, and a real one where it is.

use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::hash::{hex, record_hash};
use piste_model::sources::Sources;

use super::{HEADER_BYTES, open, recognise};
use crate::Context;
use crate::testing::{Read, row_of};
use crate::whole::testing::members;

fn wide(text: &str) -> Vec<u8> {
    format!("{text}\0").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A logon of `ann`, as 2003's Security log has it.
fn record(number: u32) -> Vec<u8> {
    let mut body = [wide("Security"), wide("SRV-OLD")].concat();
    let sid_at = 56 + body.len();
    body.extend(b"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0");
    let texts_at = 56 + body.len();
    body.extend([wide("ann"), wide(""), wide("CONTOSO")].concat());
    let data_at = 56 + body.len();
    body.extend(b"\xde\xad");
    body.resize(body.len().div_ceil(4) * 4, 0);
    let length = 56 + body.len() + 4;
    let place = |at: usize| u32::try_from(at).expect("short");
    let mut record: Vec<u8> = Vec::new();
    for number in [
        place(length),
        0x654c_664c,
        number,
        1_614_733_323,
        1_614_733_324,
        0x4000_0210,
        0x0003_0008,
        2,
        0,
        place(texts_at),
        16,
        place(sid_at),
        2,
        place(data_at),
    ] {
        record.extend(number.to_le_bytes());
    }
    record.extend(body);
    record.extend(place(length).to_le_bytes());
    record
}

fn header() -> Vec<u8> {
    let mut header = b"\x30\0\0\0LfLe\x01\0\0\0\x01\0\0\0".to_vec();
    header.resize(44, 0);
    header.extend(48_u32.to_le_bytes());
    header
}

fn read(bytes: &[u8], path: &str) -> Read {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let opened = open(Arc::new(bytes.to_vec()), &[], &cx).expect("a slice reads");
    let mut all = Read::default();
    all.issues.extend(opened.issues.iter().map(|issue| issue.slug.to_string()));
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        let before = all.rows.len();
        for batch in &parsed.batches {
            all.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        assert_eq!(parsed.records, (all.rows.len() - before) as u64);
        all.issues.extend(parsed.issues.iter().map(|issue| issue.slug.to_string()));
        all.damage.extend(parsed.damage);
    }
    for row in &all.rows {
        let again = opened.file.record(row["offset"].parse().expect("a number")).expect("a record");
        assert_eq!(hex(&record_hash(&again)), row["record_hash"]);
    }
    all
}

const SHOWN: [&str; 11] = [
    "event_time",
    "time_basis",
    "host",
    "dataset",
    "event_code",
    "record",
    "Channel",
    "Provider_Name",
    "Security_UserID",
    "Keywords",
    "Data",
];

#[test]
fn a_record_is_a_row_like_those_of_later_windows() {
    let file = [header(), record(1), record(2)].concat();
    assert!(recognise(&file, "x"));
    let found = read(&file, "C/WINDOWS/system32/config/SecEvent.Evt");
    assert_eq!(found.issues, [""; 0]);
    let row = "2021-03-03T01:02:03Z | TimeGenerated | SRV-OLD | windows.other | 528 | 1 | Security | Security | S-1-5-32-544 | 0x8020000000000000 | ann||CONTOSO";
    assert_eq!(found.columns(&SHOWN), [row.to_owned(), row.replace("| 1 |", "| 2 |")]);
    assert_eq!((found.rows[0]["Binary"].as_str(), found.rows[0]["Qualifiers"].as_str()), ("dead", "16384"));
    assert_eq!(read(&file, "renamed.evt").rows[0]["Channel"], "Security");
}

#[test]
fn a_log_that_wraps_goes_on_behind_its_header() {
    let one = record(7);
    let (tail, head) = one.split_at(60);
    let file = [header(), head.to_vec(), record(8), tail.to_vec()].concat();
    let found = read(&file, "SecEvent.Evt");
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(found.columns(&["record"]), ["8", "7"]);
    assert_eq!(found.rows[1]["Data"], "ann||CONTOSO");
}

#[test]
fn records_without_a_header_are_found_and_a_cut_one_is_named() {
    let file = [vec![7; 12], record(1), record(2)].concat();
    assert!(recognise(&file, "part.evt") && !recognise(&file, "part.bin"));
    let found = read(&file[..file.len() - 9], "part.evt");
    assert_eq!(
        found.columns(&["record", "host", "event_code", "Data", "RecordState"]),
        ["1 | SRV-OLD | 528 | ann||CONTOSO | ~", "2 | SRV-OLD | 528 | ~ | head only"]
    );
    assert_eq!(found.issues, ["evt-header", "evt-record"]);
    assert_eq!(found.damage[0].lost, Some(0));
}

#[test]
fn records_on_the_seam_of_two_pieces_are_read_once() {
    let one = record(1);
    let count = super::PIECE_SIZE / one.len() + 40;
    let file =
        [header(), (0..count).flat_map(|number| record(u32::try_from(number).expect("few"))).collect()]
            .concat();
    let found = read(&file, "SysEvent.Evt");
    assert_eq!((found.rows.len(), found.issues.len()), (count, 0));
}

#[test]
fn damage_of_any_kind_makes_no_panic() {
    let file = [header(), record(1), record(2), record(3)].concat();
    let mut state = 1_u64;
    for round in 0..4_000_u64 {
        let mut copy = file.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(state >> 33).expect("small") % copy.len();
            match round % 3 {
                0 => copy[at] ^= 1 << (state % 8),
                1 => copy.truncate(at.max(1)),
                _ => copy[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            }
        }
        read(&copy, "SecEvent.Evt");
    }
    let lies: Vec<u8> = b"\0\0\x0f\0LfLe".repeat(200_000);
    read(&lies, "x.evt");
    assert_eq!(HEADER_BYTES, 48);
}

/// As plaso counts them: of one only the head is left.
#[test]
fn a_real_log_has_as_many_records_as_others_count() {
    let Some(files) = members("small.zip") else { return };
    let (name, bytes) = files.iter().find(|(name, _)| name.ends_with("SysEvent.Evt")).expect("there");
    let found = read(bytes, name);
    assert_eq!(found.rows.len(), 6_501, "{:?}", found.issues);
    assert!(found.rows.iter().all(|row| row["Channel"] == "System"));
}
