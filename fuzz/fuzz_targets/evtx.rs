//! EVTX: the bytes after the file's header. Read from the binary form and by rendering, which must agree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;
use piste_parse::block::EVTX_HEADER_BYTES;

fuzz_target!(|bytes: &[u8]| {
    let mut file = vec![0; EVTX_HEADER_BYTES];
    file.extend(bytes);
    piste_fuzz::parse(Format::Evtx, &file);
    piste_fuzz::both_ways(&file);
});
