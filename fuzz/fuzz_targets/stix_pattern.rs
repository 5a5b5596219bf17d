//! Any text as a STIX pattern: parsed and lowered, or refused with a reason.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_rules::indicators::read_one;

fuzz_target!(|pattern: &str| {
    let object = serde_json::json!({"type": "indicator", "id": "indicator--1", "pattern": pattern});
    let all = read_one("a.json", object.to_string().as_bytes());
    assert!(!all.all.is_empty() || !all.issues.is_empty(), "a pattern went without a word");
});
