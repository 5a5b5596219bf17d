//! What a file is by its first bytes, and its parser on top.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let format = piste_parse::sniff(bytes, "x.evtx");
    piste_fuzz::parse(format, bytes);
});
