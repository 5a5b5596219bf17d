//! Scheduled tasks, XML and the files of XP.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::task::parse_file, "Windows/System32/Tasks/A", bytes);
    piste_fuzz::whole(piste_parse::task::parse_job, "At1.job", bytes);
});
