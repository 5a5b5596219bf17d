//! Syslog messages that say their own length: no byte belongs to two of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;
use piste_parse::syslog::frames::messages;

fuzz_target!(|bytes: &[u8]| {
    let mut end = 0;
    for message in messages(bytes) {
        assert!(message.start >= end && message.end >= message.start && message.end <= bytes.len());
        end = message.end;
    }
    piste_fuzz::parse(Format::Syslog, bytes);
});
