//! NTFS: the first byte says which of the table, the journal and the index the rest is. Each row's record can be read again.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::Context;
use piste_parse::ntfs::{open_index, open_mft, open_usn};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "C/$MFT", sources: &sources, host_hint: Some("HOST") };
    let content = Arc::new(rest.to_vec());
    let opened = match first % 3 {
        0 => open_mft(content, &[], &cx),
        1 => open_usn(content, &[], &cx),
        _ => open_index(content, &[], &cx),
    };
    let file = opened.expect("a vector reads").file;
    for piece in 0..file.pieces() {
        let parsed = file.parse(piece, &cx);
        let rows: usize = parsed.batches.iter().map(|batch| batch.rows.num_rows()).sum();
        assert!(first % 3 == 0 || parsed.records == rows as u64, "every record read is a row");
    }
    for offset in (0..rest.len() as u64).step_by(512) {
        let _ = file.record(offset);
    }
});
