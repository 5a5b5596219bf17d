//! Results of Velociraptor's artefacts, JSON lines and tables.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::{Format, velociraptor};

fuzz_target!(|bytes: &[u8]| {
    let name = "results/Windows.System.Pslist.json";
    velociraptor::recognise_json(bytes, name);
    velociraptor::recognise_csv(bytes, name);
    piste_fuzz::parse_with(Format::JsonLines, bytes, velociraptor::parse_json);
    piste_fuzz::parse_with(Format::EventCsv, bytes, velociraptor::parse_csv);
});
