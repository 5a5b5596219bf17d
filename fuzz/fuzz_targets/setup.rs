//! Logs of Exchange's Setup and of the mitigation tools.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::parse(Format::ExchangeSetup, bytes);
    piste_fuzz::parse(Format::MitigationLog, bytes);
});
