//! Shortcuts: the bytes behind what every shortcut begins with, and alone.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::lnk::parse_file, "a.lnk", bytes);
    let file = [b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46".as_slice(), bytes].concat();
    piste_fuzz::whole(piste_parse::lnk::parse_file, "a.lnk", &file);
});
