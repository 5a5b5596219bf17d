//! File listings: the first byte says which form, and what the sniffer makes of the rest is read too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::{Format, sniff};

const FORMATS: [Format; 4] = [Format::ListingCsv, Format::Bodyfile, Format::DirListing, Format::ListingJson];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    if let Some(format) = FORMATS.get(usize::from(*first) % FORMATS.len()) {
        piste_fuzz::parse(*format, rest);
    }
    piste_fuzz::parse(sniff(rest, "x"), rest);
});
