//! A zip sealed with all that lies in it: its list, what stands beside it, and what is left where the list is lost.
#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_lake::{Limits, Sealer};
use piste_model::evidence::EvidenceState;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let (given, tmp) = (folder.path().join("given.zip"), folder.path().join("case/tmp"));
    std::fs::create_dir_all(&tmp).expect("a folder");
    std::fs::write(&given, bytes).expect("writes");
    let limits = Limits { members_free: 200, inflated_bytes_free: 1 << 20, ..Limits::default() };
    let intake = Sealer::with_limits(&tmp, Vec::new(), limits, &|_| {}).seal(&[given]).expect("damage is an issue");
    let failed = intake.issues.iter().find(|issue| issue.slug == "reader-failed");
    assert!(failed.is_none(), "{failed:?}");
    let unread = intake.items.iter().any(|item| item.state == EvidenceState::Unread);
    assert!(!unread || !intake.issues.is_empty(), "what is left out is named");
});
