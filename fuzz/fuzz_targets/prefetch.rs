//! Prefetch, plain and compressed.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::prefetch::parse_file, "CMD.EXE-1.pf", bytes);
    let packed = [b"MAM\x04\0\0\x01\0".as_slice(), bytes].concat();
    piste_fuzz::whole(piste_parse::prefetch::parse_file, "CMD.EXE-1.pf", &packed);
});
