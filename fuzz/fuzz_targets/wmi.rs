//! WMI repositories: the first bytes say how long index and map are.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::open_random(bytes, piste_parse::wmi::open, &["INDEX.BTR", "MAPPING1.MAP"]);
});
