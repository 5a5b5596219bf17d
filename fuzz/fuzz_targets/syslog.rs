//! Syslog, CEF, LEEF and pairs of network devices.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::parse(Format::Syslog, bytes);
});
