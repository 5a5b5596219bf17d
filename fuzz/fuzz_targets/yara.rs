//! YARA rules of a user: whatever the text is, it compiles or is named.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use piste_rules::yara::{YaraOptions, YaraSet};

fuzz_target!(|text: &[u8]| {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let path = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path().join("rules.yar");
    std::fs::write(&path, text).expect("writes");
    let _ = YaraSet::load(&YaraOptions { paths: vec![path], ..YaraOptions::default() });
});
