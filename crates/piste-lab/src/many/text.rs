//! Commands from their patterns, and tails that nobody else has.
//!
//! In: a pattern and a stream of chance. Out: text, appended in place.

use std::fmt::Write as _;

use super::fleet::{Fleet, HOSTS};
use crate::random::Random;

pub(super) const WINDOWS: &str = "Microsoft® Windows® Operating System";
pub(super) const MICROSOFT: &str = "Microsoft Corporation";
pub(super) const PRIVILEGES: &str = "SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\t\t\tSeRestorePrivilege\r\n\t\t\t\
    SeTakeOwnershipPrivilege\r\n\t\t\tSeDebugPrivilege\r\n\t\t\tSeSystemEnvironmentPrivilege\r\n\t\t\tSeLoadDriverPrivilege\
    \r\n\t\t\tSeImpersonatePrivilege";

/// Length of a unique tail.
const TAIL: std::ops::RangeInclusive<u32> = 80..=300;

/// Appends a pattern: `{u}` an account, `{h}` a host, `{s}` a service, `{f}` a document, `{x}` eight hexadecimal digits.
pub(super) fn expand(pattern: &str, fleet: &Fleet, account: &str, random: &mut Random, out: &mut String) {
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mark = tail.get(..3).unwrap_or_default();
        match mark {
            "{u}" => out.push_str(account),
            "{h}" => out.push_str(random.pick(&HOSTS).0),
            "{s}" => out.push_str(fleet.services.pick(random)),
            "{f}" => out.push_str(fleet.documents.pick(random)),
            "{x}" => {
                let _ = write!(out, "{:08x}", random.bits() >> 32); // a string takes all text
            }
            _ => out.push('{'),
        }
        let placeholder = mark.len() == 3 && mark.ends_with('}');
        rest = tail.get(if placeholder { 3 } else { 1 }..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Appends what makes ordinary commands differ from run to run.
pub(super) fn vary(random: &mut Random, out: &mut String) {
    let (bits, number) = (random.bits(), random.below(20_000));
    let _ = match random.below(4) {
        0 => write!(out, " --field-trial-handle={number},i,{bits},262144 --variations-seed-version"),
        1 => write!(out, " -s Global\\UsGthrCtrlFltPipeMssGthrPipe{number} {:x}", bits >> 32),
        2 => write!(out, " /config \"C:\\ProgramData\\ops\\{bits:016x}.ini\""),
        _ => write!(out, " --session={bits:016x} --parent-pid={number}"),
    }; // as above
}

/// Appends 80 to 300 characters that come only once: options, paths and values in small letters and digits.
pub(super) fn unique_tail(random: &mut Random, out: &mut String) {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    const BETWEEN: [&str; 8] = [" --", "=", r"\", "/", " -", ".", "_", ";"];
    let length = random.between(*TAIL.start(), *TAIL.end()) as usize;
    let end = out.len() + length;
    out.push_str(" --");
    while out.len() < end {
        let mut bits = random.bits();
        let word = 4 + usize::from((bits & 7) != 0) * 5;
        for _ in 0..word.min(end - out.len()) {
            bits >>= 5;
            out.push(LETTERS.get((bits & 31) as usize).map_or('a', |letter| char::from(*letter)));
        }
        if out.len() + 4 < end {
            let between: &&str = random.pick(&BETWEEN);
            out.push_str(between);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_filled_in() {
        let (fleet, mut random) = (Fleet::new(1), Random::new(1, &["text"]));
        let mut out = String::new();
        expand("a {u} {AB8902B4} {x", &fleet, "e.maes", &mut random, &mut out);
        assert_eq!(out, "a e.maes {AB8902B4} {x");
    }

    #[test]
    fn tails_have_their_length() {
        let mut random = Random::new(1, &["tails"]);
        for _ in 0..2_000 {
            let mut out = "x".to_owned();
            unique_tail(&mut random, &mut out);
            assert!((81..=301).contains(&out.len()), "{}", out.len());
        }
    }
}
