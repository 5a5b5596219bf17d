//! Zeek's tables.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::parse(Format::Zeek, bytes);
    let header = b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n";
    piste_fuzz::parse(Format::Zeek, &[header.as_slice(), bytes].concat());
});
