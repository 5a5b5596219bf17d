//! IIS's configuration: every entry a row, whatever the XML.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    let mut text = b"<configuration><system.webServer>".to_vec();
    text.extend_from_slice(bytes);
    piste_fuzz::parse(Format::WebPage, &text);
});
