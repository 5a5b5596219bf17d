//! Any text as the value of a field, held against indicators of every kind: nothing may panic, nothing may be found twice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_hunt::sightings::shown_by;
use piste_rules::indicators::read_one;

const LIST: &str = "indicator,type\n203.0.113.7,ip\n2001:db8::7,ip\n198.51.100.0/24,ip\nevil.example,domain\n\
    http://evil.example/x?y,url\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,md5\na@evil.example,email\nC:\\a b\\x.exe,path\nx.exe,filename\n\
    antSword/v2.1,user-agent\nGlobal\\evil,mutex\nevil-01,named pipe\nHKLM\\Software\\Evil,regkey\nx -y,command line\n";

fuzz_target!(|input: (u8, &str)| {
    let fields = ["CommandLine", "Image", "c-ip", "cs-user-agent", "PipeName", "TargetObject", "Hashes", "cs-uri-query"];
    let all = read_one("a.csv", LIST.as_bytes());
    let found = shown_by(&all, fields[usize::from(input.0) % fields.len()], input.1);
    let mut once = found.clone();
    once.dedup();
    assert_eq!(found, once);
});
