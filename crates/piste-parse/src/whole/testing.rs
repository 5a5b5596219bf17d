//! What tests of files that are read as a whole share: bytes to plain rows, and the same bytes damaged in thousands of ways.

use piste_model::EvidenceId;
use piste_model::sources::Sources;

use crate::block::{Block, Encoding};
use crate::testing::{Read, row_of};
use crate::{Context, Parsed};

/// A reader of whole files.
pub(crate) type Reader = fn(&Block, &Context<'_>) -> Parsed;

/// The file as one block.
pub(crate) fn block(bytes: &[u8]) -> Block {
    Block {
        offset: 0,
        first_line: 1,
        bytes: bytes.to_vec(),
        encoding: Encoding::Utf8,
        header: None,
        too_long: None,
    }
}

/// Reads a file of this name.
pub(crate) fn read(reader: Reader, bytes: &[u8], path: &str) -> Read {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let parsed = reader(&block(bytes), &cx);
    let mut all = Read::default();
    for batch in &parsed.batches {
        all.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
    }
    assert_eq!(parsed.records, all.rows.len() as u64, "every record read is a row");
    for damage in &parsed.damage {
        assert!(parsed.issues.iter().any(|issue| issue.slug == damage.kind), "untold damage {damage:?}");
    }
    all.damage = parsed.damage;
    let told = parsed.issues.iter();
    all.issues = told.map(|issue| format!("{}: {}; {}", issue.slug, issue.what, issue.effect)).collect();
    all.rows.sort_by_key(|row| row["record"].parse::<i64>().expect("a number"));
    all
}

/// Cuts, flips and overwrites the bytes in thousands of ways, the same in every run: nothing may panic or take long.
pub(crate) fn damage(reader: Reader, bytes: &[u8], path: &str, rounds: u64) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).expect("small")
    };
    for round in 0..rounds {
        let mut copy = bytes.to_vec();
        for _ in 0..=next(4) {
            let at = next(copy.len());
            match next(5) {
                0 => copy.truncate(at),
                1 => copy[at..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (round % 8)),
                2 => copy[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
                3 => copy[at..].iter_mut().take(4).for_each(|byte| *byte = 0),
                _ => {
                    let from = next(copy.len());
                    let part: Vec<u8> = copy[from..].iter().take(8).copied().collect();
                    copy[at..].iter_mut().zip(part).for_each(|(to, byte)| *to = byte);
                }
            }
            if copy.is_empty() {
                break;
            }
        }
        read(reader, &copy, path);
    }
}

/// A file below `shared/data/artefacts`, out of its zip; `None`, said aloud, where it is not there.
pub(crate) fn members(zip: &str) -> Option<Vec<(String, Vec<u8>)>> {
    // Beside the project, or beside the folder in which it is one of several working copies.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../../../shared/data/artefacts", "../../../../shared/data/artefacts"];
    let Some(bytes) = places.iter().find_map(|place| std::fs::read(root.join(place).join(zip)).ok()) else {
        eprintln!("skipped: no shared/data/artefacts/{zip}");
        return None;
    };
    Some(unzip(&bytes))
}

/// The members of a zip, by its central directory. The crate has no zip reader of its own, and the files are small.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    use std::io::Read as _;
    let number = |at: usize, width: usize| {
        bytes[at..at + width].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let end = (0..bytes.len() - 3).rev().find(|at| bytes[*at..].starts_with(b"PK\x05\x06")).expect("a zip");
    let (mut at, mut found) = (number(end + 16, 4), Vec::new());
    while bytes[at..].starts_with(b"PK\x01\x02") {
        let (method, packed, local) = (number(at + 10, 2), number(at + 20, 4), number(at + 42, 4));
        let (name, extra, comment) = (number(at + 28, 2), number(at + 30, 2), number(at + 32, 2));
        let start = local + 30 + number(local + 26, 2) + number(local + 28, 2);
        let data = &bytes[start..start + packed];
        let mut plain = Vec::new();
        if method == 8 {
            flate2::read::DeflateDecoder::new(data).read_to_end(&mut plain).expect("deflates");
        } else {
            plain.extend(data);
        }
        found.push((String::from_utf8_lossy(&bytes[at + 46..at + 46 + name]).into_owned(), plain));
        at += 46 + name + extra + comment;
    }
    found
}
