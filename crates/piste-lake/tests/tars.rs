//! Tape archives, programs that unpack themselves, and streams that begin with what readers pass over: their content is read,
//! and what is not is named.
//!
//! In: small archives, written byte by byte. Out: the items that sealing makes of them, and the slugs of its issues.

#![expect(clippy::indexing_slicing, reason = "this is a test: it fails where that fails")]

use std::io::{Cursor, Write};

use piste_lake::seal::Intake;
use piste_lake::{Limits, Record, Sealer, reread};
use piste_model::evidence::EvidenceState;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A header, its checksum right.
fn header(name: &str, kind: u8, size: usize, link: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"14020000000\0");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, kind, content.len(), "");
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn ended(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.resize(bytes.len() + 1_024, 0);
    bytes
}

fn seal_with(name: &str, bytes: &[u8], limits: Limits) -> (tempfile::TempDir, Intake) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("it is written");
    let tmp = folder.path().join("case/tmp");
    std::fs::create_dir_all(&tmp).expect("a folder");
    let intake = Sealer::with_limits(&tmp, Vec::new(), limits, &|_| {}).seal(&[path]).expect("sealing ends");
    (folder, intake)
}

fn seal(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Intake) {
    seal_with(name, bytes, Limits::default())
}

fn shown(intake: &Intake) -> Vec<(&str, &str, u64)> {
    intake.items.iter().map(|item| (item.path.as_str(), item.format.name(), item.bytes)).collect()
}

fn slugs(intake: &Intake) -> Vec<&str> {
    intake.issues.iter().map(|issue| issue.slug.as_ref()).collect()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("a vector takes all");
    writer.finish().expect("it ends")
}

#[test]
fn members_of_a_tape_archive_are_read_in_any_wrapping() {
    let long = format!("MX01/C/inetpub/logs/{}/u_ex210303.log", "d".repeat(120));
    let pax = format!("path={long}\n");
    let record = format!("{} {pax}", pax.len() + 4);
    let tar = ended(&[
        member("MX01/", b'5', b""),
        member("./a.txt", b'0', b"hello\nworld\n"),
        member("././@LongLink", b'L', format!("{long}\0").as_bytes()),
        member("cut", b'0', b"first"),
        member("x", b'x', record.as_bytes()),
        member("cut", b'0', b"second!"),
        header("twin.txt", b'1', 0, "./a.txt"),
    ]);
    let expected = |container: &str| {
        vec![
            (format!("{container}!./a.txt"), 12),
            (format!("{container}!{long}"), 5),
            (format!("{container}!{long}#2"), 7),
            (format!("{container}!twin.txt"), 12),
        ]
    };
    for (name, bytes, inner) in [
        ("x.tar", tar.clone(), "x.tar"),
        ("x.tar.gz", gzipped(&tar), "x.tar.gz!x.tar"),
        ("x.tgz", gzipped(&tar), "x.tgz!x"),
        ("x.tar.zst", zstd::encode_all(tar.as_slice(), 1).expect("it packs"), "x.tar.zst!x.tar"),
    ] {
        let (_folder, intake) = seal(name, &bytes);
        let read: Vec<(String, u64)> = intake
            .items
            .iter()
            .filter(|item| item.state != EvidenceState::Container)
            .map(|item| (item.path.clone(), item.bytes))
            .collect();
        assert_eq!(read, expected(inner), "{name}: {:?}", intake.issues);
        assert_eq!(slugs(&intake), [""; 0], "{name}");
        assert!(
            intake.items.iter().any(|item| item.modified == "2021-03-03T21:30:40Z"),
            "{:?}",
            intake.items
        );
    }
}

#[test]
fn a_members_line_is_read_again_from_its_place() {
    let tar = ended(&[member("other", b'0', &[7; 700]), member("a.txt", b'0', b"hello\nworld\n")]);
    let (folder, mut intake) = seal("x.tgz", &gzipped(&tar));
    let item = intake.items.pop().expect("the last member");
    let record = Record { dataset: "file.text", offset: 6 };
    let again = reread(&item.seal(), &[], record, true, &folder.path().join("case/tmp"), Vec::new())
        .expect("it is there");
    assert_eq!(again.bytes, b"world");
    assert_eq!(again.file_sha256, Some(item.sha256));
}

#[test]
fn what_a_tape_archive_holds_and_is_not_read_is_named() {
    let mut torn =
        ended(&[member("a", b'0', b"one"), member("b", b'0', b"two"), member("c", b'0', b"three")]);
    torn[1_024] ^= 0xff;
    let (_folder, intake) = seal("x.tar", &torn);
    assert_eq!(slugs(&intake), ["tar-damaged"]);
    assert_eq!(shown(&intake).len(), 3, "{:?}", shown(&intake));

    let odd = ended(&[
        member("holes", b'S', b"x"),
        member("dev", b'3', b""),
        header("link", b'2', 0, "/etc/passwd"),
        member("../../up", b'0', b"x"),
        member("c", b'0', b"c"),
    ]);
    let (_folder, intake) = seal("x.tar", &odd);
    assert_eq!(slugs(&intake), ["tar-sparse", "evidence-special", "evidence-link", "zip-slip"]);
    assert!(intake.issues[0].what.contains("holes"));
    assert_eq!(shown(&intake).last(), Some(&("x.tar!c", "text", 1)));

    let two = [ended(&[member("a", b'0', b"a")]), ended(&[member("b", b'0', b"b")])].concat();
    let (_folder, intake) = seal("x.tar", &two);
    assert_eq!((slugs(&intake), shown(&intake).len()), (vec!["tar-behind-end"], 3));

    let whole = member("big.txt", b'0', &[b'x'; 4_000]);
    let (_folder, intake) = seal("x.tar", &whole[..2_512]);
    assert_eq!(shown(&intake)[1], ("x.tar!big.txt", "text", 2_000));
    assert_eq!(slugs(&intake), ["evidence-unreadable"]);
}

#[test]
fn a_tape_archive_keeps_to_the_limits() {
    let small = Limits {
        depth_max: 2,
        members_max: 3,
        inflated_bytes_free: 1 << 16,
        inflation_max: 10,
        ..Limits::default()
    };
    let many: Vec<Vec<u8>> = (0..9).map(|at| member(&at.to_string(), b'0', b"x")).collect();
    let (_folder, intake) = seal_with("x.tar", &ended(&many), small);
    assert_eq!((slugs(&intake), intake.items.len()), (vec!["archive-members"], 4));
    let bomb = gzipped(&ended(&[member("zeros", b'0', &vec![b'0'; 5 << 20])]));
    let (_folder, intake) = seal_with("x.tgz", &bomb, small);
    assert_eq!(slugs(&intake), ["archive-bomb"]);
    // One member whose bytes are those of the archive itself, again and again, costs no more than it may.
    let inner = ended(&[member(
        "in.tar",
        b'0',
        &ended(&[member("deep.tar", b'0', &ended(&[member("z", b'0', b"z")]))]),
    )]);
    let (_folder, intake) = seal_with("x.tar", &inner, small);
    assert_eq!(slugs(&intake), ["archive-depth"]);
}

#[test]
fn a_program_that_unpacks_itself_is_opened_too() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("inside.txt", SimpleFileOptions::default()).expect("a member begins");
    writer.write_all(b"hello").expect("a vector takes all");
    let zip = writer.finish().expect("it ends").into_inner();
    let mut program = b"MZ".to_vec();
    program.resize(300_000, 0x90);
    program.extend(&zip);
    let (_folder, intake) = seal("setup.exe", &program);
    assert_eq!(
        shown(&intake),
        [("setup.exe", "pe", program.len() as u64), ("setup.exe!inside.txt", "text", 5)],
        "{:?}",
        intake.issues
    );
    assert_eq!(intake.items[0].state, EvidenceState::NotParsed, "it is a program all the same");
    let (_folder, intake) = seal("plain.exe", &program[..300_000]);
    assert_eq!(intake.items.len(), 1);
}

#[test]
fn a_stream_that_begins_with_a_skippable_frame_is_read() {
    let mut bytes = b"\x50\x2a\x4d\x18\x04\0\0\0note".to_vec();
    bytes.extend(zstd::encode_all(b"hello\n".as_slice(), 1).expect("it packs"));
    let (_folder, intake) = seal("x.log.zst", &bytes);
    assert_eq!(shown(&intake)[1], ("x.log.zst!x.log", "text", 6), "{:?}", intake.issues);
    let (_folder, intake) = seal("x.tar.xz", b"\xfd7zXZ\0rest");
    assert_eq!((slugs(&intake), intake.issues[0].hint.contains("xz -dk")), (vec!["evidence-not-read"], true));
}
