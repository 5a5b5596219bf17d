//! Logs that are cut, carved or shifted. The whole one is a sample where it lies beside the project.

use std::path::Path;

use piste_model::hash::{hex, record_hash};

use crate::Format;
use crate::block::{EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES};
use crate::testing::{Read, read};

const CHUNKS_AT: usize = EVTX_HEADER_BYTES;

fn sample() -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evtx-samples/security.evtx");
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {} is not here", path.display());
    }
    bytes
}

/// Reads, and holds every row's hash against the bytes of the file.
fn read_checked(bytes: &[u8]) -> Read {
    let found = read(Format::Evtx, bytes);
    for row in &found.rows {
        let start: usize = row["offset"].parse().expect("a number");
        let size = u32::from_le_bytes(bytes[start + 4..start + 8].try_into().expect("four bytes")) as usize;
        assert_eq!(row["record_hash"], hex(&record_hash(&bytes[start..start + size])));
    }
    found
}

#[test]
fn a_record_that_the_cut_goes_through_is_lost_and_counted() {
    let Some(whole) = sample() else { return };
    let all = read_checked(&whole);
    assert_eq!(all.issues, [""; 0]);
    for cut in [72_632, 175_168] {
        let found = read_checked(&whole[..cut]);
        let of_whole: Vec<_> = all
            .rows
            .iter()
            .filter(|row| found.rows.iter().any(|one| one["offset"] == row["offset"]))
            .collect();
        assert_eq!(found.rows.iter().collect::<Vec<_>>(), of_whole, "no row is invented");
        let chunk = CHUNKS_AT + (cut - CHUNKS_AT) / EVTX_CHUNK_BYTES * EVTX_CHUNK_BYTES;
        let end = chunk + EVTX_CHUNK_BYTES;
        let due =
            all.rows.iter().filter(|row| row["offset"].parse::<usize>().expect("a number") < end).count();
        let damage = &found.damage[0];
        assert_eq!((damage.kind.as_str(), damage.offset), ("evtx-chunk-truncated", chunk as u64));
        assert_eq!(damage.lost, Some((due - found.rows.len()) as u64));
    }
}

#[test]
fn a_record_whose_sizes_differ_is_lost() {
    let Some(mut bytes) = sample() else { return };
    let whole = read_checked(&bytes);
    let second: usize = whole.rows[1]["offset"].parse().expect("a number");
    bytes[second - 4] ^= 1;
    let found = read_checked(&bytes);
    assert_eq!(found.rows, whole.rows[1..]);
    assert_eq!(found.damage.iter().filter_map(|one| one.lost).sum::<u64>(), 1);
}

#[test]
fn chunks_that_the_header_counts_and_the_file_has_not_are_named() {
    let Some(whole) = sample() else { return };
    let mut told = read_checked(&whole[..CHUNKS_AT + 2 * EVTX_CHUNK_BYTES]).issues;
    told.extend(read_checked(&whole[..CHUNKS_AT]).issues);
    told.extend(read_checked(&whole[..CHUNKS_AT - 1]).issues);
    insta::assert_snapshot!(told.join("\n"), @r"
    evtx-chunks-missing: the file's header counts 26 EVTX chunks and the file holds 2; the records of the missing or zeroed chunks are lost; how many is unknown
    evtx-chunks-missing: the file's header counts 26 EVTX chunks and the file holds 0; the records of the missing or zeroed chunks are lost; how many is unknown
    evtx-header-truncated: an EVTX file ends within its header: need 4,096 bytes, have 4095; all its records are lost; how many is unknown
    ");
}

#[test]
fn carved_and_displaced_chunks_are_read() {
    let Some(whole) = sample() else { return };
    let all = read_checked(&whole).rows.len();
    let carved = read_checked(&whole[CHUNKS_AT..]);
    let mut shifted = whole.clone();
    shifted.splice(CHUNKS_AT..CHUNKS_AT, *b"xyz");
    let at = CHUNKS_AT + 3 + 17 * EVTX_CHUNK_BYTES;
    shifted.splice(at..at, [7; 700]);
    let shifted = read_checked(&shifted);
    assert_eq!((carved.rows.len(), shifted.rows.len()), (all, all));
    insta::assert_snapshot!([carved.issues, shifted.issues].concat().join("\n"), @r"
    evtx-header-missing: the file has EVTX chunks and no file header that can be read; its chunks are read; whether further ones are missing cannot be told
    evtx-chunk-displaced: an EVTX chunk lies 3 bytes after its place; what lies between is no chunk; the chunk is read; records that lay in the bytes before it are lost, how many is unknown
    evtx-chunk-displaced: an EVTX chunk lies 700 bytes after its place; what lies between is no chunk; the chunk is read; records that lay in the bytes before it are lost, how many is unknown
    ");
}

#[test]
fn a_magic_in_the_text_of_a_chunk_is_no_chunk() {
    let mut bytes = b"ElfFile\0".to_vec();
    bytes.resize(CHUNKS_AT + 600, 0);
    bytes.extend(b"ElfChnk\0 written by an intruder");
    bytes.resize(CHUNKS_AT + EVTX_CHUNK_BYTES, 1);
    assert_eq!(read_checked(&bytes).damage.len(), 1);
}
