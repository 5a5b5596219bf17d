//! Exports of a directory: LDIF and repadmin's texts, and tables.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::{Format, directory};

fuzz_target!(|bytes: &[u8]| {
    directory::recognise(bytes, "x");
    directory::recognise_table(bytes, "x");
    piste_fuzz::open_random(bytes, directory::open, &[]);
    piste_fuzz::parse_with(Format::EventCsv, bytes, directory::parse_records);
});
