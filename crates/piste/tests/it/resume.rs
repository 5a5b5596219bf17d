//! A run that is killed at any moment is finished by the same command, to the same bytes.
//!
//! In: evidence of several units, and `kill -9`. Out: `out/` as an undisturbed run writes it, a ledger whose chain holds, and
//! units that were done are not done again.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::events::{ordinary, web_shell};
use crate::scratch::{CASE, Scratch, same_files};

/// Bytes of evidence: more than two units of 64 MB.
const BYTES: usize = 150 << 20;

fn evidence(path: &Path) {
    let mut file = BufWriter::new(fs::File::create(path).expect("a file is made"));
    let mut written = 0;
    for number in 0_u32.. {
        let event = if number % 9_973 == 0 { web_shell(number) } else { ordinary(number) };
        // Long values fill the units with few rows.
        let line =
            format!("{event}\n").replacen("-s Schedule", &format!("-s {}", "Schedule ".repeat(200)), 1);
        file.write_all(line.as_bytes()).expect("a line is written");
        written += line.len();
        if written > BYTES {
            break;
        }
    }
    file.flush().expect("it is written");
}

fn start(scratch: &Scratch, evidence: &str) -> Child {
    let arguments = ["investigate", evidence, "--case", CASE, "--at", "2021-03-27T09:00:00Z", "--quiet"];
    scratch
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts")
}

fn kill(mut child: Child) -> bool {
    let running = child.try_wait().expect("it is ours").is_none();
    child.kill().expect("it is ours"); // SIGKILL on Unix
    child.wait().expect("it is ours");
    running
}

fn units_done(scratch: &Scratch) -> Vec<(String, std::time::SystemTime)> {
    let Ok(entries) = fs::read_dir(scratch.path("case/lake/units")) else { return Vec::new() };
    let mut units: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let written = entry.metadata().and_then(|data| data.modified()).ok()?;
            Path::new(&name).extension().is_some_and(|end| end == "json").then_some((name, written))
        })
        .collect();
    units.sort();
    units
}

#[test]
fn a_killed_run_is_finished_by_the_same_command() {
    let shared = Scratch::new();
    let path = shared.path("mx01.jsonl");
    evidence(&path);
    let path = path.to_string_lossy().into_owned();
    let begun = Instant::now();
    let whole = Scratch::new();
    assert!(start(&whole, &path).wait().expect("it ends").success());
    let length = begun.elapsed();
    assert_eq!(units_done(&whole).len(), 3, "the evidence spans units");

    // Killed early, in sealing, reading and writing, each time in the same case.
    let scratch = Scratch::new();
    let mut killed = 0;
    for hundredth in [1, 4, 10, 18, 27, 35, 43, 52] {
        let child = start(&scratch, &path);
        std::thread::sleep(length * hundredth / 100);
        killed += u32::from(kill(child));
    }
    assert!(killed >= 5, "only {killed} runs were still running");
    assert!(start(&scratch, &path).wait().expect("it ends").success());
    same_files(&whole.path("case/out"), &scratch.path("case/out"));
    piste_case::verify(&scratch.path("case/ledger.jsonl")).expect("the chain holds");

    // Killed once the first unit is done: the next run leaves that unit as it is.
    let scratch = Scratch::new();
    let child = start(&scratch, &path);
    let patience = Instant::now() + length * 3 + Duration::from_secs(10);
    let is_stored = || {
        let ledger = fs::read_to_string(scratch.path("case/ledger.jsonl")).unwrap_or_default();
        ledger.contains("\"kind\":\"unit.stored\"")
    };
    while !is_stored() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(child);
    let done = units_done(&scratch);
    assert!(!done.is_empty(), "a unit is done before the run ends");
    assert!(start(&scratch, &path).wait().expect("it ends").success());
    for unit in &done {
        assert!(units_done(&scratch).contains(unit), "{unit:?} was done again");
    }
    same_files(&whole.path("case/out"), &scratch.path("case/out"));
    let left: Vec<_> = fs::read_dir(scratch.path("case/tmp")).expect("it lists").collect();
    assert!(left.is_empty(), "{left:?}");
}
