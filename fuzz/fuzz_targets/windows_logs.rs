//! Text logs of Windows: setup of devices, crashes, the firewall, servicing.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::whole(piste_parse::setupapi::parse_file, "setupapi.dev.log", bytes);
    piste_fuzz::whole(piste_parse::wer::parse_file, "Report.wer", bytes);
    piste_fuzz::whole(piste_parse::pfirewall::parse_lines, "pfirewall.log", bytes);
    piste_fuzz::whole(piste_parse::cbs::parse_lines, "CBS.log", bytes);
});
