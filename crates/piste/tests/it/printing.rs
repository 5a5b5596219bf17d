//! What is printed or written for the user arrives, or the command says that it did not.

use std::fs;

use piste_model::Detection;
use serde_json::json;

use crate::events::{lines, ordinary, three, web_shell, with};
use crate::scratch::{CASE, Run, Scratch};

#[cfg(target_os = "linux")]
fn to_full(scratch: &Scratch, arguments: &[&str]) -> Run {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("this device is there");
    scratch.command(arguments).stdout(full).output().expect("the binary starts").into()
}

#[cfg(target_os = "linux")]
#[test]
fn data_that_cannot_be_printed_is_an_error() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    for command in [
        "findings",
        "findings --json",
        "findings --by day",
        "findings --format jsonl",
        "findings --profile verbose",
        "findings F-1",
        "show F-1",
        "show E-1:1",
        "search whoami",
        "search whoami --json",
        "timeline",
        "timeline --events",
        "metrics",
        "metrics --json",
        "investigate a.jsonl",
        "investigate a.jsonl --json",
        "hunt",
        "rules list",
        "rules check",
    ] {
        let command: Vec<&str> = command.split(' ').collect();
        let run = to_full(&scratch, &[&command, ["--case", CASE].as_slice()].concat());
        // An option that a command does not have is no failure to print.
        assert!(!run.err.contains("unexpected argument"), "{command:?}: {}", run.err);
        let run = run.expect(4);
        assert!(run.err.contains("error[output-write]"), "{command:?}: {}", run.err);
    }
    to_full(&scratch, &["schema", "detections"]).expect(4);
    to_full(&scratch, &["schema", "no such"]).expect(2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_an_output_is_not_said_of_the_case() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let run = scratch
        .piste(&["findings", "--case", CASE, "--format", "jsonl", "--output", "/dev/full", "--force"])
        .expect(4);
    assert!(run.err.contains("error[output-write]") && !run.err.contains("--case"), "{}", run.err);
}

#[test]
fn an_interrupted_hunt_goes_by_its_name() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let before = crate::scratch::files(&scratch.path("case/out"));
    scratch.piste(&["hunt", "--case", CASE, "--level", "high"]).expect(0);
    // Results take their names after the entry that ends a run.
    for (name, bytes) in before {
        scratch.write(&format!("case/out/{name}"), bytes);
    }
    let ledger = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("there is a ledger");
    let mut all: Vec<&str> = ledger.lines().collect();
    while all.pop().is_some_and(|line| !line.contains("run.finished")) {}
    scratch.write("case/ledger.jsonl", format!("{}\n", all.join("\n")));
    let run = scratch.piste(&["findings", "--case", CASE]).expect(0);
    assert!(run.err.contains("run `piste hunt` again"), "{}", run.err);
}

#[test]
fn rules_chosen_for_a_hunt_are_those_that_it_hunted_with() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    scratch.piste(&["hunt", "--case", CASE, "--level", "high"]).expect(0);
    let run = scratch.piste(&["findings", "--case", CASE, "--profile", "verbose"]).expect(0);
    assert!(!run.err.contains("warning"), "{}", run.err);
}

#[test]
fn each_line_is_what_writing_its_detection_would_give() {
    let scratch = Scratch::new();
    let hostile = with(web_shell(3), "CommandLine", json!("cmd /c \"whoami\",\r\n=1 ü\u{1b}[2J\u{202e}"));
    let hostile = with(hostile, "Hostname", json!("MX\"\\\n.example"));
    let undated = with(web_shell(4), "TimeCreated", json!("whenever"));
    scratch.write("one/a.jsonl", lines([ordinary(1), web_shell(2), hostile, undated]));
    scratch.write("two/b.jsonl", lines([ordinary(1), web_shell(2)]));
    scratch.investigate("one two").expect(0);
    let text = fs::read_to_string(scratch.path("case/out/detections.jsonl")).expect("detections");
    assert!(text.lines().count() >= 4, "{text}");
    for line in text.lines() {
        let detection: Detection = serde_json::from_str(line).expect("a detection");
        assert_eq!(serde_json::to_string(&detection).expect("JSON"), line);
        assert_eq!(detection.places.first(), Some(&detection.path));
    }
}
