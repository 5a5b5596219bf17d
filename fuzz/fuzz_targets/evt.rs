//! Event logs of XP: the bytes behind a header and alone. Each row's record can be read again.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::Context;

fuzz_target!(|bytes: &[u8]| {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "SecEvent.Evt", sources: &sources, host_hint: Some("HOST") };
    let mut header = b"\x30\0\0\0LfLe".to_vec();
    header.resize(48, 0);
    for file in [bytes.to_vec(), [header.as_slice(), bytes].concat()] {
        let opened = piste_parse::evt::open(Arc::new(file), &[], &cx).expect("a slice reads");
        for piece in 0..opened.file.pieces() {
            let parsed = opened.file.parse(piece, &cx);
            let rows: usize = parsed.batches.iter().map(|batch| batch.rows.num_rows()).sum();
            assert_eq!(parsed.records, rows as u64, "every record read is a row");
        }
        let _ = opened.file.record(48);
    }
});
