//! Events as JSON, in all four layouts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::JsonLines, Format::JsonArray, Format::JsonObjects, Format::JsonWrapped] {
        piste_fuzz::parse(format, bytes);
    }
});
