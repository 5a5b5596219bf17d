//! Looking at a case: search, timeline, metrics, and the summary on the terminal.

use std::fs;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, three, web_shell, with};
use crate::scratch::{CASE, Scratch};

/// Two hosts, three events each, and one event without a time.
fn case() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    let elsewhere =
        [web_shell(30), ordinary(7)].map(|event| with(event, "Hostname", json!("DC01.min.example")));
    scratch.write("b.jsonl", lines(elsewhere));
    scratch.write("c.jsonl", lines([with(web_shell(40), "TimeCreated", json!("whenever"))]));
    scratch.investigate("a.jsonl b.jsonl c.jsonl");
    scratch
}

fn look(scratch: &Scratch, arguments: &[&str]) -> String {
    let all = [arguments, &["--case", CASE]].concat();
    scratch.piste(&all).expect(0).out
}

#[test]
fn search_finds_by_text_field_and_expression_in_the_order_of_time() {
    let scratch = case();
    let found = |arguments: &[&str]| look(&scratch, &[&["search"], arguments].concat()).lines().count();
    assert_eq!(found(&["WHOAMI"]), 3);
    assert_eq!(found(&["ParentImage=*\\w3wp.exe", "whoami"]), 3);
    assert_eq!(found(&["parentimage=w3wp.exe"]), 0, "a field's whole value is asked");
    assert_eq!(found(&["/Schedule 1[01]$/"]), 2);
    assert_eq!(found(&["whoami", "--host", "dc01"]), 1);
    assert_eq!(found(&["whoami", "--from", "2021-03-14", "--to", "2021-03-14T01:40:20Z"]), 1);
    assert_eq!(found(&["EventID=1", "--limit", "2"]), 2);
    assert_eq!(found(&["EventID=1", "--dataset", "windows.security"]), 0);
    let json = look(&scratch, &["search", "whoami", "--json", "--host", "MX01", "--from", "2021-01-01"]);
    let row: Value = serde_json::from_str(&json).expect("one row");
    assert_eq!(row["event_time"], json!("2021-03-14T01:40:01.987Z"));
    let times: Vec<String> = look(&scratch, &["search", "exe"])
        .lines()
        .filter_map(|line| line.split(" · ").next().map(str::to_owned))
        .collect();
    let mut sorted = times.clone();
    sorted.sort_by_key(|time| time.starts_with('2').then(|| time.clone()));
    assert_eq!(times, sorted);
    scratch.piste(&["search", "/(/", "--case", CASE]).expect(2);
}

#[test]
fn the_timeline_has_the_forms_that_other_tools_read() {
    let scratch = case();
    let csv = look(&scratch, &["timeline"]);
    let header = csv.lines().next().expect("a header");
    assert!(
        header.starts_with("Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details"),
        "{header}"
    );
    assert!(csv.contains(",Microsoft-Windows-Sysmon/Operational,"), "{csv}");
    let brussels = look(&scratch, &["timeline", "--timezone", "Europe/Brussels", "--from", "2021-01-01"]);
    assert!(brussels.contains("2021-03-14 02:40:01.987 +01:00,"), "{brussels}");
    let events = look(&scratch, &["timeline", "--events", "--format", "jsonl", "--host", "DC01"]);
    assert_eq!(events.lines().count(), 2);
    for line in look(&scratch, &["timeline", "--events", "--format", "timesketch"]).lines() {
        let row: Value = serde_json::from_str(line).expect("each line is an object");
        for name in ["message", "datetime", "timestamp_desc"] {
            assert!(row[name].as_str().is_some_and(|text| !text.is_empty()), "{name} in {line}");
        }
    }
    let told = scratch.piste(&["timeline", "--events", "--format", "timesketch", "--case", CASE]).expect(0);
    assert!(told.err.contains("5 events; 1 without a time were left out"), "{}", told.err);
    scratch.piste(&["timeline", "--format", "parquet", "--case", CASE]).expect(2);
    look(&scratch, &["timeline", "--format", "parquet", "--output", "t.parquet"]);
    assert!(fs::read(scratch.path("t.parquet")).expect("it is written").starts_with(b"PAR1"));
    scratch.piste(&["timeline", "--timezone", "Mars/Olympus", "--case", CASE]).expect(2);
}

#[test]
fn metrics_count_what_search_finds() {
    let scratch = case();
    let hosts = look(&scratch, &["metrics", "hosts", "--json"]);
    let counted: Vec<(String, u64)> = hosts
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an object"))
        .map(|row| {
            (row["host"].as_str().unwrap_or_default().to_owned(), row["count"].as_u64().unwrap_or_default())
        })
        .collect();
    assert_eq!(counted, [("MX01".to_owned(), 4), ("DC01.min.example".to_owned(), 2)]);
    let events = look(&scratch, &["metrics"]);
    assert!(events.contains("Microsoft-Windows-Sysmon/Operational"), "{events}");
    assert_eq!(look(&scratch, &["metrics", "files", "--json"]).lines().count(), 3);
}

#[test]
fn a_case_whose_run_did_not_end_says_so() {
    let scratch = case();
    let path = scratch.path("case/ledger.jsonl");
    let ledger = fs::read_to_string(&path).expect("there is a ledger");
    let cut: String =
        ledger.split_inclusive('\n').filter(|line| !line.contains("\"run.finished\"")).collect();
    fs::write(&path, cut).expect("it is written");
    fs::remove_file(scratch.path("case/out/detections.jsonl")).expect("it is removed");
    let run = scratch.piste(&["metrics", "--case", CASE]).expect(0);
    assert!(run.err.contains("did not finish"), "{}", run.err);
    let run = scratch.piste(&["timeline", "--case", CASE]).expect(4);
    assert!(run.err.contains("error[out-missing]") && !run.err.contains("remove"), "{}", run.err);
}

#[test]
fn a_path_that_was_given_is_read_again_until_it_is_withdrawn() {
    let scratch = Scratch::new();
    let gone = scratch.write("a.jsonl", three(1));
    scratch.write("b.jsonl", three(2));
    scratch.investigate("a.jsonl").expect(0);
    let run = scratch.investigate("b.jsonl").expect(0);
    assert!(run.err.contains("Also reading"), "{}", run.err);
    assert_eq!(scratch.summary()["events"], json!(6));
    fs::remove_file(gone).expect("it is removed");
    scratch.investigate("b.jsonl").expect(4);
    scratch.investigate("b.jsonl --withdraw x.jsonl").expect(2);
    scratch.investigate("b.jsonl --withdraw a.jsonl").expect(2);
    let full = scratch.path("a.jsonl");
    scratch.investigate(&format!("b.jsonl --withdraw {}", full.display())).expect(0);
    assert_eq!(scratch.summary()["events"], json!(3));
    scratch.investigate("b.jsonl").expect(0);
}

#[test]
fn the_demo_finds_what_it_planted_and_runs_again() {
    let scratch = Scratch::new();
    scratch.piste(&["demo"]).expect(0);
    let folder = "piste-demo/case";
    let truth = fs::read_to_string(scratch.path("piste-demo/truth.json")).expect("the truth is told");
    let truth: Value = serde_json::from_str(&truth).expect("it is an object");
    assert!(scratch.summary_in(folder)["events"].as_u64().is_some_and(|events| events > 40_000));
    assert_eq!(scratch.summary_in(folder)["issues"], json!(0));
    // Every planted intrusion has steps among the detections' records.
    let seen: Vec<(String, i64)> = scratch
        .lines_in(folder, "detections.jsonl")
        .iter()
        .map(|one| {
            (one["path"].as_str().unwrap_or_default().to_owned(), one["record"].as_i64().unwrap_or_default())
        })
        .collect();
    for intrusion in truth["intrusions"].as_array().expect("a list") {
        let leaves = intrusion["steps"].as_array().into_iter().flatten();
        let leaves = leaves.flat_map(|step| step["leaves"].as_array().into_iter().flatten());
        let found = leaves.filter(|leaf| {
            let path = leaf["path"].as_str().unwrap_or_default();
            let record = leaf["record"].as_i64().unwrap_or_default();
            seen.iter().any(|(at, number)| at.ends_with(path) && *number == record)
        });
        assert!(found.count() >= 5, "{}", intrusion["id"]);
    }
    scratch.piste(&["demo"]).expect(0);
}
