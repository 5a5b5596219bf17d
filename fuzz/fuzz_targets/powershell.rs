//! PowerShell's transcripts and history.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::psh::transcript::parse_file, "t.txt", bytes);
    piste_fuzz::whole(piste_parse::psh::history::parse_file, "Users/ann/ConsoleHost_history.txt", bytes);
});
