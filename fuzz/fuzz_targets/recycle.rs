//! What the recycle bin knows of a deleted file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::recycle::parse_file, "$IABCDEF.txt", bytes);
});
