//! Zips that programs read in more than one way: what another one would unpack is examined too, and said.
//!
//! In: small zips, changed by hand. Out: every member that stands in them, and the issues about them.

#![expect(clippy::indexing_slicing, reason = "this is a test: it fails where that fails")]

use std::io::{Cursor, Write};

use piste_lake::{Lake, Limits, Sealer};
use piste_model::Issue;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const LINE: &[u8] = b"{\"EventID\":1,\"Channel\":\"Security\",\"Hostname\":\"MX01\"}\n";
/// Bytes of the record at a zip's end.
const END: usize = 22;

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in members {
        writer.start_file(*name, options).expect("a member begins");
        writer.write_all(bytes).expect("a member is written");
    }
    writer.finish().expect("a zip ends").into_inner()
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 4].copy_from_slice(&u32::try_from(value).expect("small").to_le_bytes());
}

fn get32(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize
}

/// Where the list of members lies: its start and its end.
fn directory(bytes: &[u8]) -> (usize, usize) {
    let end = bytes.len() - END;
    (get32(bytes, end + 16), end)
}

/// The paths sealed, and each issue's name with its place.
fn sealed(name: &str, bytes: &[u8], limits: Limits) -> (Vec<String>, Vec<Issue>) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    Lake::open(&folder.path().join("case")).expect("a lake");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file is written");
    let tmp = folder.path().join("case/tmp");
    let intake = Sealer::with_limits(&tmp, Vec::new(), limits, &|_| {}).seal(&[path]).expect("it is sealed");
    (intake.items.into_iter().map(|item| item.path).collect(), intake.issues)
}

#[track_caller]
fn check(bytes: &[u8], members: &[&str], slugs: &[&str]) -> Vec<Issue> {
    let (paths, issues) = sealed("z.zip", bytes, Limits::default());
    let expected: Vec<String> = members.iter().map(|name| format!("z.zip!{name}")).collect();
    assert_eq!(paths.get(1..), Some(expected.as_slice()), "{issues:?}");
    assert_eq!(issues.iter().map(|issue| issue.slug.as_ref()).collect::<Vec<_>>(), slugs);
    issues
}

#[test]
fn an_archive_before_another_is_read_too() {
    let (first, second) = (zip(&[("a.jsonl", LINE)]), zip(&[("b.jsonl", LINE), ("c.jsonl", LINE)]));
    let issues =
        check(&[first, second].concat(), &["b.jsonl", "c.jsonl", "a.jsonl"], &["zip-hidden-members"]);
    assert_eq!(issues[0].offset, Some(0));
    assert!(issues[0].what.starts_with("1 members stand in this zip that its list does not name"));
}

#[test]
fn members_beyond_the_count_are_read_too() {
    let mut bytes = zip(&[("a.jsonl", LINE), ("b.jsonl", LINE), ("c.jsonl", LINE)]);
    let (_, end) = directory(&bytes);
    put16(&mut bytes, end + 8, 1);
    put16(&mut bytes, end + 10, 1);
    check(&bytes, &["a.jsonl", "b.jsonl", "c.jsonl"], &["zip-hidden-members"]);
}

#[test]
fn a_member_that_the_list_leaves_out_is_read_too() {
    for left_out in [0, 1] {
        let whole = zip(&[("a.jsonl", LINE), ("b.jsonl", LINE)]);
        let (start, end) = directory(&whole);
        let half = (end - start) / 2; // both names have the same length
        let mut bytes = whole[..start].to_vec();
        let kept = 1 - left_out;
        bytes.extend_from_slice(&whole[start + kept * half..start + (kept + 1) * half]);
        bytes.extend_from_slice(&whole[end..]);
        let at = bytes.len() - END;
        put16(&mut bytes, at + 8, 1);
        put16(&mut bytes, at + 10, 1);
        put32(&mut bytes, at + 12, half);
        let names = ["a.jsonl", "b.jsonl"];
        check(&bytes, &[names[kept], names[left_out]], &["zip-hidden-members"]);
    }
}

#[test]
fn a_member_with_two_names_is_told_with_both() {
    let mut bytes = zip(&[("a.jsonl", LINE), ("b.jsonl", LINE)]);
    bytes[30] = b'x';
    let issues = check(&bytes, &["a.jsonl", "b.jsonl"], &["zip-name-differs"]);
    assert!(issues[0].what.contains("`a.jsonl` is `x.jsonl` there"), "{}", issues[0].what);
}

#[test]
fn what_lies_behind_or_between_is_told_and_zeros_are_not() {
    let bytes = zip(&[("a.jsonl", LINE)]);
    let issues = check(&[bytes.clone(), b"more".to_vec()].concat(), &["a.jsonl"], &["zip-bytes-behind"]);
    assert_eq!(issues[0].offset, Some(bytes.len() as u64));
    assert!(issues[0].what.starts_with("4 bytes "));
    check(&[bytes.clone(), vec![0; 512]].concat(), &["a.jsonl"], &[]);
    // A zip whose first bytes were written over is still one.
    check(&[vec![7; 10_000], bytes.clone()].concat(), &["a.jsonl"], &["zip-behind"]);
    let second = zip(&[("b.jsonl", LINE)]);
    let between = [bytes, vec![7; 10_000], second].concat();
    check(&between, &["b.jsonl", "a.jsonl"], &["zip-hidden-members"]);
}

#[test]
fn members_that_lie_over_each_other_are_told() {
    let mut bytes = zip(&[("a.jsonl", LINE), ("b.jsonl", LINE)]);
    let (start, end) = directory(&bytes);
    let half = (end - start) / 2;
    put32(&mut bytes, start + half + 42, 0); // the second begins where the first does
    let (_, issues) = sealed("z.zip", &bytes, Limits::default());
    let slugs: Vec<&str> = issues.iter().map(|issue| issue.slug.as_ref()).collect();
    assert!(slugs.contains(&"zip-overlap") && slugs.contains(&"zip-hidden-members"), "{slugs:?}");
}

#[test]
fn a_zip_behind_a_program_is_read() {
    let program = [b"MZ".to_vec(), vec![0x90; 5_000]].concat();
    let bytes = [program.clone(), zip(&[("a.jsonl", LINE)])].concat();
    let (paths, issues) = sealed("setup.exe", &bytes, Limits::default());
    assert_eq!(paths, ["setup.exe", "setup.exe!a.jsonl"]);
    assert!(issues.iter().any(|issue| issue.slug == "zip-behind"), "{issues:?}");
    // Four bytes that only look like a zip's end say nothing.
    let (paths, issues) =
        sealed("setup.exe", &[program, b"PK\x05\x06".repeat(20)].concat(), Limits::default());
    assert_eq!((paths.len(), issues.len()), (1, 0), "{issues:?}");
}

#[test]
fn names_are_counted_over_all_archives_within() {
    let name = "n".repeat(3_000);
    let names: Vec<String> = (0..10).map(|n| format!("{n}{name}")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"x".as_slice())).collect();
    let inner = zip(&members);
    let bytes = zip(&[("a.zip", &inner), ("b.zip", &inner)]);
    let limits = Limits { names_bytes_free: 40_000, names_factor: 0, ..Limits::default() };
    let (paths, issues) = sealed("z.zip", &bytes, limits);
    assert!(paths.len() > 10 && paths.len() < 20, "{}", paths.len());
    assert_eq!(issues.last().map(|issue| issue.slug.as_ref()), Some("archive-names"));
}

#[test]
fn a_stream_of_false_headers_ends_soon() {
    // Each looks like a stored member of one byte with a name of one byte.
    let header =
        [b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0a".as_slice(), b"x"]
            .concat();
    let bytes = header.repeat(200_000);
    let limits = Limits { members_free: 1_000, bytes_a_member: u64::MAX, ..Limits::default() };
    let (paths, issues) = sealed("z.zip", &bytes, limits);
    assert!(paths.len() <= 1_001, "{}", paths.len());
    assert!(issues.iter().any(|issue| issue.slug == "zip-damaged"));
}
