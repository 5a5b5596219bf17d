//! The same events give the same detections, whatever holds them and however they are read.
//!
//! In: invented Windows logs as EVTX and as JSON lines. Out: equal detections, for one thread and for two, for files in any
//! order.

use std::collections::BTreeSet;

use crate::scratch::{Scratch, real, same_files, text};

/// What a detection says, without where it lies.
fn told(scratch: &Scratch, case: &str) -> BTreeSet<String> {
    let lines = scratch.lines_in(case, "detections.jsonl");
    lines
        .iter()
        .map(|one| {
            let code = &one["event_code"];
            format!(
                "{} {} {} {} {code}",
                text(one, "rule_id"),
                text(one, "time"),
                text(one, "host"),
                one["details"]
            )
        })
        .collect()
}

#[test]
fn evtx_and_json_of_the_same_events_are_found_alike() {
    let scratch = Scratch::new();
    let rules = real("sigma").map(|path| path.display().to_string());
    for format in ["evtx", "jsonl"] {
        let generate =
            ["lab", "generate", "--rows", "12000", "--seed", "7", "--out", format, "--format", format];
        scratch.piste(&generate).expect(0);
        let mut arguments =
            vec!["investigate", format, "--case", if format == "evtx" { "one" } else { "other" }];
        if let Some(rules) = &rules {
            arguments.extend(["--rules", rules]);
        }
        scratch.piste(&arguments).expect(0);
    }
    let (one, other) = (told(&scratch, "one"), told(&scratch, "other"));
    assert!(!one.is_empty());
    let difference: Vec<_> = one.symmetric_difference(&other).take(4).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}

#[test]
fn threads_and_the_order_of_files_change_nothing() {
    let scratch = Scratch::new();
    scratch
        .piste(&["lab", "generate", "--rows", "6000", "--seed", "3", "--out", "logs", "--format", "jsonl"])
        .expect(0);
    let mut files: Vec<String> = std::fs::read_dir(scratch.path("logs"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .collect();
    files.sort();
    let run = |case: &str, threads: &str, files: &[String]| {
        let mut all =
            vec!["investigate", "--case", case, "--at", "2021-03-27T09:00:00Z", "--threads", threads];
        all.extend(files.iter().map(String::as_str));
        scratch.piste(&all).expect(0);
    };
    run("one", "1", &files);
    files.reverse();
    run("two", "2", &files);
    same_files(&scratch.path("one/out"), &scratch.path("two/out"));
    assert!(!scratch.lines_in("one", "detections.jsonl").is_empty());
}
