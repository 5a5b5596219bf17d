//! ESE databases: the first byte says what the file is called, since the name decides on the year of a user access log. Every
//! row's record must be found again.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::Context;
use piste_parse::ese::open;

const NAMES: [&str; 4] = ["SRUDB.dat", "Current.mdb", "ntds.dit", "WebCacheV01.dat"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let path = NAMES[usize::from(*first) % NAMES.len()];
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HOST") };
    let Ok(opened) = open(Arc::new(rest.to_vec()), &[], &cx) else { return };
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        for damage in &parsed.damage {
            let told = parsed.issues.iter().any(|issue| issue.slug == damage.kind);
            assert!(told, "damage that no issue tells of: {damage:?}");
        }
    }
});
