//! Jump lists: compound files, and shortcuts one after another.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::jumplist::parse_file, "1b4dd67f29cb1962.automaticDestinations-ms", bytes);
    let file = [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), bytes].concat();
    piste_fuzz::whole(piste_parse::jumplist::parse_file, "1b4dd67f29cb1962.automaticDestinations-ms", &file);
});
