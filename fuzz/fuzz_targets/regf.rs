//! Registry hives: the first two bytes say how long the hive is; what comes behind it is its transaction log.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::Context;
use piste_parse::random_access::Companion;
use piste_parse::regf::open;

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (hive, log) = rest.split_at((usize::from(u16::from_le_bytes(*length)) * 16).min(rest.len()));
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "SYSTEM", sources: &sources, host_hint: None };
    let log = Companion { path: "SYSTEM.LOG1".to_owned(), content: Arc::new(log.to_vec()) };
    let opened = open(Arc::new(hive.to_vec()), &[log], &cx).expect("memory reads");
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        for damage in &parsed.damage {
            assert!(parsed.issues.iter().any(|issue| issue.slug == damage.kind), "untold: {damage:?}");
        }
    }
});
