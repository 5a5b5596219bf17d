//! Records read from their binary form and rendered first: the same rows, damage and issues. Needs `shared/data` beside the
//! project; what the lab generates is held against the rendering in `piste-lab`.

use std::path::{Path, PathBuf};

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::block::{EVTX_CHUNK_BYTES, EVTX_HEADER_BYTES};
use piste_parse::evtx::{parse_chunks, parse_chunks_rendered};
use piste_parse::{Block, Context, Format, Parsed, Splitter};

/// Every log below `shared/data`.
#[expect(clippy::print_stdout, reason = "a test says aloud that it skips")]
fn logs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !root.exists() {
        println!("skipped: {} is not here", root.display());
    }
    let (mut folders, mut logs) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("evtx")) {
                logs.push(path);
            }
        }
    }
    logs.sort();
    logs
}

#[track_caller]
fn hold(block: &Block, name: &Path) {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let Parsed { batches, records, damage, issues } = parse_chunks(block, &cx);
    let rendered = parse_chunks_rendered(block, &cx);
    let place = format!("{} at {:#x}", name.display(), block.offset);
    assert_eq!(
        (records, &damage, &issues),
        (rendered.records, &rendered.damage, &rendered.issues),
        "{place}"
    );
    assert_eq!(batches.len(), rendered.batches.len(), "{place}");
    for (ours, theirs) in batches.iter().zip(&rendered.batches) {
        assert_eq!(ours.shape, theirs.shape, "{place}");
        assert_eq!(ours.rows.schema(), theirs.rows.schema(), "{place}");
        for (field, (one, other)) in
            ours.rows.schema().fields().iter().zip(ours.rows.columns().iter().zip(theirs.rows.columns()))
        {
            assert_eq!(one, other, "{place}: {}", field.name());
        }
    }
}

#[test]
fn every_log_reads_the_same_both_ways() {
    for path in logs() {
        let bytes = std::fs::read(&path).expect("the log reads");
        let mut splitter = Splitter::new(Format::Evtx);
        let mut input = bytes.as_slice();
        while let Some(block) = splitter.next_block(&mut input).expect("a slice reads") {
            hold(&block, &path);
        }
    }
}

#[test]
fn damaged_chunks_read_the_same_both_ways() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state).unwrap_or(0) % below
    };
    for path in logs() {
        let bytes = std::fs::read(&path).expect("the log reads");
        let Some(chunk) = bytes.get(EVTX_HEADER_BYTES..EVTX_HEADER_BYTES + EVTX_CHUNK_BYTES) else {
            continue;
        };
        for _ in 0..8 {
            let mut chunk = chunk.to_vec();
            for _ in 0..=draw(6) {
                // Near the front there is always something to hit.
                let within = if draw(2) == 0 { 8_192 } else { EVTX_CHUNK_BYTES };
                let at = draw(within);
                let byte = u8::try_from(draw(256)).unwrap_or(0);
                if let Some(old) = chunk.get_mut(at) {
                    *old = if draw(2) == 0 { byte } else { *old ^ (1 << (byte % 8)) };
                }
            }
            let block = Block {
                offset: 4_096,
                first_line: 0,
                bytes: chunk,
                encoding: piste_parse::block::Encoding::Utf8,
                header: None,
                too_long: None,
            };
            hold(&block, &path);
        }
    }
}
