//! A case folder that does not allow the run: exit 4, what was recorded stays, and the same command finishes the work.
//!
//! In: a case that is locked, changed, in the wrong place or on a full disk. Out: one error that names the place.

use std::fs;

use serde_json::json;

use crate::events::{lines, ordinary, three, web_shell, with, zip};
use crate::scratch::{CASE, Scratch, same_files};

#[test]
fn a_case_under_a_file_is_refused() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    scratch.write("file", "x");
    let run = scratch.investigate_in("file/case", "good.jsonl").expect(4);
    assert!(run.err.contains("error[case-write]") && run.err.contains("file/case"), "{}", run.err);
    scratch.investigate_in("file", "good.jsonl").expect(4);
    assert_eq!(fs::read(scratch.path("file")).expect("it is there"), b"x");
}

#[test]
fn a_locked_case_is_left_alone() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    scratch.investigate("good.jsonl").expect(0);
    let before = fs::read(scratch.path("case/ledger.jsonl")).expect("there is a ledger");
    let lock = fs::File::open(scratch.path("case/ledger.lock")).expect("there is a lock");
    lock.lock().expect("it is free");
    let run = scratch.investigate("good.jsonl").expect(4);
    assert!(run.err.contains("error[case-locked]"), "{}", run.err);
    assert_eq!(fs::read(scratch.path("case/ledger.jsonl")).expect("there is a ledger"), before);
    lock.unlock().expect("it was ours");
    scratch.investigate("good.jsonl").expect(0);
}

#[test]
fn a_changed_ledger_is_refused_and_the_entry_named() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    scratch.investigate("good.jsonl").expect(0);
    let path = scratch.path("case/ledger.jsonl");
    let ledger = fs::read_to_string(&path).expect("there is a ledger");
    let changed: Vec<String> = ledger
        .lines()
        .enumerate()
        .map(|(at, line)| if at == 2 { line.replacen("\"E-1\"", "\"E-9\"", 1) } else { line.to_owned() })
        .collect();
    let changed = changed.join("\n") + "\n";
    assert_ne!(changed, ledger);
    fs::write(&path, &changed).expect("it is written");
    let run = scratch.investigate("good.jsonl").expect(4);
    assert!(run.err.contains("line 3, where entry 3 should stand"), "{}", run.err);
    assert_eq!(
        fs::read_to_string(&path).expect("it is there"),
        changed,
        "a ledger that does not hold is not written"
    );
}

#[test]
fn a_torn_last_line_is_mended_and_told() {
    let scratch = Scratch::new();
    scratch.write("good.jsonl", three(1));
    scratch.investigate("good.jsonl").expect(0);
    let path = scratch.path("case/ledger.jsonl");
    let ledger = fs::read(&path).expect("there is a ledger");
    fs::write(&path, &ledger[..ledger.len() - 20]).expect("it is written");
    scratch.investigate("good.jsonl").expect(0);
    let text = fs::read_to_string(&path).expect("there is a ledger");
    assert!(text.contains("\"ledger.recovered\""), "{text}");
    piste_case::verify(&path).expect("the chain holds");
}

#[test]
fn a_crash_amid_the_seals_leaves_no_trace_in_what_is_found() {
    // A power cut may leave the first of the entries that are written together.
    let evidence = |scratch: &Scratch| {
        let numbered = |n: u32| with(web_shell(n), "RecordNumber", json!(n));
        for (name, from) in [("a", 1), ("b", 5), ("c", 9), ("d", 13), ("e", 17)] {
            scratch.write(&format!("logs/{name}.jsonl"), lines((from..from + 8).map(numbered)));
        }
    };
    let whole = Scratch::new();
    evidence(&whole);
    whole.investigate("logs").expect(0);
    for entries in 2..8 {
        let scratch = Scratch::new();
        evidence(&scratch);
        scratch.investigate("logs").expect(0);
        let path = scratch.path("case/ledger.jsonl");
        let ledger = fs::read_to_string(&path).expect("there is a ledger");
        let kept: String = ledger.split_inclusive('\n').take(entries).collect();
        fs::write(&path, kept).expect("it is written");
        fs::remove_dir_all(scratch.path("case/lake")).expect("it is removed");
        scratch.investigate("logs").expect(0);
        same_files(&whole.path("case/out"), &scratch.path("case/out"));
    }
}

#[test]
fn what_lies_under_a_case_is_derived_and_comes_back() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let out = scratch.path("case/out");
    fs::rename(&out, scratch.path("before")).expect("it is moved");
    fs::remove_dir_all(scratch.path("case/lake")).expect("it is removed");
    scratch.write("case/tmp/spool-7", "left by a run that was cut off");
    scratch.investigate("a.jsonl").expect(0);
    same_files(&scratch.path("before"), &out);
    assert!(!scratch.path("case/tmp/spool-7").exists());
}

#[test]
fn a_damaged_lake_is_made_anew() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let before = scratch.lines("findings.jsonl");
    for entry in fs::read_dir(scratch.path("case/lake/units")).expect("it lists") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "json") {
            fs::write(path, "{").expect("it is written");
        }
    }
    let run = scratch.piste(&["metrics", "--case", CASE]).expect(4);
    assert!(run.err.contains("error[lake-changed]") && run.err.contains("investigate"), "{}", run.err);
    let run = scratch.investigate("a.jsonl").expect(0);
    assert!(run.err.contains("is read anew from the evidence"), "{}", run.err);
    assert_eq!(scratch.lines("findings.jsonl"), before);
}

#[test]
fn evidence_that_is_gone_stops_the_next_run_and_changes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.write("a.jsonl", three(1));
    scratch.write("b.jsonl", three(2));
    scratch.investigate("a.jsonl").expect(0);
    fs::remove_file(path).expect("it is removed");
    let run = scratch.investigate("b.jsonl").expect(4);
    assert!(run.err.contains("error[evidence-gone]") && run.err.contains("a.jsonl"), "{}", run.err);
    assert_eq!(scratch.summary()["events"], json!(3));
}

/// Evidence with a zip inside a zip, which is copied into the case while it is read.
fn evidence(scratch: &Scratch) {
    let inner = zip(&[("a.jsonl", &lines((0..3_000).map(ordinary))), ("b.jsonl", &three(7))]);
    scratch.write("a.zip", zip(&[("inner.zip", &inner)]));
}

/// As if the disk filled at the n-th byte of any file: each failure is told, and with room the same command finishes.
#[cfg(unix)]
#[test]
fn wherever_a_write_fails_the_same_command_finishes_later() {
    use std::process::Command;

    let whole = Scratch::new();
    evidence(&whole);
    whole.investigate("a.zip").expect(0);
    let scratch = Scratch::new();
    evidence(&scratch);
    let mut failed = 0;
    // Blocks of 512 bytes that a file may have; a write beyond them answers with an error.
    for blocks in [0, 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128] {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.current_dir(scratch.path(".")).args(["-c", &script, env!("CARGO_BIN_EXE_piste")]);
        command.args(["investigate", "a.zip", "--case", CASE, "--at", "2021-03-27T09:00:00Z"]);
        let run = crate::scratch::Run::from(command.output().expect("sh starts"));
        if run.code != 0 {
            failed += 1;
            assert_eq!(run.code, 4, "{blocks} blocks: {}", run.err);
            assert!(run.err.contains("hint:") && !run.err.contains("remove"), "{blocks} blocks: {}", run.err);
            assert!(run.err.contains("room"), "{blocks} blocks: the hint tells to make room: {}", run.err);
        }
    }
    assert!(failed >= 4, "only {failed} runs met the limit");
    scratch.investigate("a.zip").expect(0);
    same_files(&whole.path("case/out"), &scratch.path("case/out"));
    piste_case::verify(&scratch.path("case/ledger.jsonl")).expect("the chain holds");
}

/// A disk that is really full, where this may mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_room_finishes_it() {
    use std::process::Command;

    let scratch = Scratch::new();
    evidence(&scratch);
    let disk = scratch.path("disk");
    fs::create_dir(&disk).expect("a folder is made");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=96k", "tmpfs"]).arg(&disk).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let full = scratch.investigate_in("disk/case", "a.zip");
    let room = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&disk).status();
    let again = scratch.investigate_in("disk/case", "a.zip");
    let events = scratch.summary_in("disk/case")["events"].clone();
    let _ = Command::new("umount").arg(&disk).status();
    assert!(room.is_ok_and(|status| status.success()));
    let full = full.expect(4);
    assert!(full.err.contains("room"), "{}", full.err);
    again.expect(0);
    assert_eq!(events, json!(3_003));
}
