//! Tape archives, whatever their headers say: sealing ends within its limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_lake::{Limits, Sealer};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, tmp) = (folder.path().join("x.tar"), folder.path().join("case/tmp"));
    std::fs::write(&path, bytes).expect("it is written");
    std::fs::create_dir_all(&tmp).expect("a folder");
    let limits = Limits { members_max: 1_000, inflated_bytes_free: 1 << 20, ..Limits::default() };
    let sealed = Sealer::with_limits(&tmp, Vec::new(), limits, &|_| {}).seal(&[path]);
    sealed.expect("only the case's own faults end a run");
});
