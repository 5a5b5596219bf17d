//! Defender's protection log, detection history and quarantine entries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::defender;

fuzz_target!(|bytes: &[u8]| {
    defender::recognise_log(bytes, "MPLog-1.log");
    defender::recognise_history(bytes, "x");
    defender::recognise_quarantine(bytes, "x");
    piste_fuzz::open_random(bytes, defender::open_log, &[]);
    piste_fuzz::parse_whole(bytes, defender::parse_history);
    piste_fuzz::parse_whole(bytes, defender::parse_quarantine);
});
