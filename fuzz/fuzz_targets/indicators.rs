//! Any bytes as a file of indicators: STIX, MISP, OpenIOC, CSV or a list. Nothing may panic, and what is not looked for is said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_rules::indicators::read_one;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let name = ["a.json", "a.ioc", "a.csv", "a.txt"][usize::from(*first) % 4];
    let all = read_one(name, bytes);
    let file = all.files.first().expect("one file was read");
    assert!(file.understood >= all.all.len() as u64, "no indicator comes from nowhere");
    assert!(file.left_out == 0 || !all.issues.is_empty(), "what is left out is said");
    for one in &all.all {
        assert!(!one.value().is_empty(), "an indicator has a value: {one:?}");
    }
});
