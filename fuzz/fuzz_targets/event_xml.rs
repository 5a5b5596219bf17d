//! Events in XML, and objects of PowerShell's `Export-Clixml`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::EventXml, Format::CliXml] {
        piste_fuzz::parse(format, bytes);
    }
});
