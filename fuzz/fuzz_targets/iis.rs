//! W3C logs of IIS and http.sys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::parse(Format::IisW3c, bytes);
    piste_fuzz::parse(Format::HttpErr, bytes);
});
