//! Hits in the forms of other tools, from evidence to file; and the findings as one works through them.

use std::fs;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, web_shell, with};
use crate::scratch::{CASE, Scratch, real, text};

/// Hits on two hosts and two days, one of them with what an intruder would write.
fn case() -> Scratch {
    let scratch = Scratch::new();
    let hostile = with(web_shell(20), "CommandLine", json!("cmd /c \"whoami\",\r\n=1 ü\u{1b}[2J"));
    let hostile = with(hostile, "TimeCreated", json!("2021-03-15T00:00:01Z"));
    let elsewhere = with(web_shell(30), "Hostname", json!("DC01.min.example"));
    scratch
        .write("a.jsonl", lines([ordinary(1), web_shell(1), web_shell(2), hostile, elsewhere, ordinary(2)]));
    scratch.investigate("a.jsonl").expect(0);
    scratch
}

fn findings(scratch: &Scratch, arguments: &[&str]) -> String {
    let all = [&["findings", "--case", CASE], arguments].concat();
    scratch.piste(&all).expect(0).out
}

/// The rows of a CSV, quotes taken off.
fn cells(csv: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for line in csv.lines() {
        let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                other => cell.push(other),
            }
        }
        row.push(cell);
        rows.push(row);
    }
    rows
}

#[test]
fn each_profile_writes_every_hit_with_its_row() {
    let scratch = case();
    let hits = scratch.lines("detections.jsonl").len();
    assert!(hits >= 4, "{hits}");
    for profile in [
        "minimal",
        "standard",
        "verbose",
        "all-field-info",
        "all-field-info-verbose",
        "super-verbose",
        "timesketch-minimal",
        "timesketch-verbose",
    ] {
        let csv = findings(&scratch, &["--profile", profile]);
        let rows = cells(&csv);
        assert_eq!(rows.len(), hits + 1, "{profile}: {csv}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{profile}: {csv}");
        assert!(csv.contains("cmd /c whoami") && !csv.contains('\u{1b}'), "{csv}");
        let json = findings(&scratch, &["--profile", profile, "--format", "jsonl"]);
        for line in json.lines() {
            let object: Value = serde_json::from_str(line).expect("each line is an object");
            assert_eq!(object.as_object().expect("an object").len(), rows[0].len(), "{line}");
        }
    }
    let all = findings(&scratch, &["--profile", "super-verbose"]);
    let rows = cells(&all);
    let column = |name: &str| rows[0].iter().position(|one| one == name).expect("the column is there");
    for row in &rows[1..] {
        assert_eq!(row[column("Channel")], "Sysmon");
        assert_eq!(row[column("Provider")], "Sysmon");
        assert_ne!(row[column("RuleAuthor")], "-", "the rules of the run are read again");
        assert!(row[column("Details")].contains("CommandLine: cmd /c"), "{row:?}");
        assert!(row[column("Timestamp")].ends_with(" +00:00"), "{row:?}");
    }
    let times: Vec<&String> = rows[1..].iter().map(|row| &row[0]).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_file_is_not_written_over_unless_asked() {
    let scratch = case();
    let write = |more: &[&str]| {
        let all = [&["findings", "--case", CASE, "-o", "hits.csv"], more].concat();
        scratch.piste(&all)
    };
    let run = write(&[]).expect(0);
    assert!(run.out.is_empty() && run.err.contains(" detections"), "{run:?}");
    let first = fs::read_to_string(scratch.path("hits.csv")).expect("it is written");
    assert!(first.starts_with("Timestamp,RuleTitle,Level,"), "{first}");
    assert!(write(&[]).expect(2).err.contains("error[output-exists]"));
    write(&["-C", "--level", "critical", "--host", "nowhere"]).expect(2);
    write(&["-C", "--level", "critical"]).expect(0);
    let second = fs::read_to_string(scratch.path("hits.csv")).expect("it is written");
    assert!(second.lines().count() < first.lines().count(), "the file was written anew: {second}");
    write(&["-C", "--format", "chainsaw-json", "--profile", "minimal"]).expect(2);
    write(&["-C", "--format", "xml"]).expect(2);
    assert!(write(&["-C", "--profile", "max"]).expect(2).err.contains("super-verbose"));
}

#[test]
fn files_of_the_case_are_never_replaced() {
    let scratch = case();
    let ledger = format!("{CASE}/ledger.jsonl");
    let before = fs::read(scratch.path(&ledger)).expect("it is there");
    let run = scratch.piste(&["findings", "--case", CASE, "-C", "-o", &ledger]).expect(2);
    assert!(run.err.contains("error[output-in-case]"), "{run:?}");
    assert_eq!(fs::read(scratch.path(&ledger)).expect("it is there"), before);
    let run = scratch.piste(&["hunt", "--case", CASE, "-o", &ledger]).expect(2);
    assert!(run.err.contains("error[output-exists]"), "{run:?}");
    assert_eq!(fs::read(scratch.path(&ledger)).expect("it is there"), before, "no run was begun");
}

#[test]
fn the_other_tools_forms_hold_the_same_hits() {
    let scratch = case();
    let hits = scratch.lines("detections.jsonl");
    let whole = findings(&scratch, &["--format", "chainsaw-json"]);
    let array: Vec<Value> = serde_json::from_str(&whole).expect("one array");
    assert_eq!(array.len(), hits.len());
    for (object, hit) in array.iter().zip(&hits) {
        assert_eq!(object["name"], hit["rule_title"]);
        let event = &object["document"]["data"]["Event"];
        assert_eq!(event["System"]["Channel"], hit["channel"]);
        assert_eq!(event["System"]["Provider_attributes"]["Name"], json!("Microsoft-Windows-Sysmon"));
        assert!(event["EventData"]["CommandLine"].is_string(), "{event}");
        let time = text(object, "timestamp");
        assert!(time.ends_with("+00:00"), "{time}");
    }
    let events: std::collections::BTreeSet<String> =
        hits.iter().map(|hit| hit["offset"].to_string()).collect();
    let csv = findings(&scratch, &["--format", "chainsaw-csv"]);
    assert_eq!(csv.lines().count(), events.len() + 1, "an event is a line: {csv}");
    let tle = findings(&scratch, &["--format", "tle-csv", "--profile", "verbose"]);
    assert!(tle.starts_with("\"Timestamp\",\"RuleTitle\"") && !tle.contains("\"RuleID\""), "{tle}");
    for line in findings(&scratch, &["--format", "timesketch-jsonl"]).lines() {
        let object: Value = serde_json::from_str(line).expect("each line is an object");
        for name in ["message", "datetime", "timestamp_desc", "CommandLine"] {
            assert!(object[name].as_str().is_some_and(|text| !text.is_empty()), "{name} in {line}");
        }
    }
    let tokyo = findings(&scratch, &["--profile", "minimal", "--timezone", "Asia/Tokyo"]);
    assert!(tokyo.contains("2021-03-14 10:40:01.987 +09:00,"), "{tokyo}");
}

#[test]
fn findings_are_listed_divided_by_day_and_opened_to_their_rows() {
    let scratch = case();
    let all = scratch.lines("findings.jsonl");
    let listed = findings(&scratch, &["--json"]);
    assert_eq!(listed.lines().count(), all.len());
    let one = findings(&scratch, &["--json", "--host", "dc01"]);
    assert!(one.lines().count() < all.len() && one.contains("DC01"), "{one}");
    let days = findings(&scratch, &["--by", "day", "--json"]);
    let of_days: u64 = days
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an object"))
        .map(|line| line["count"].as_u64().expect("a count"))
        .sum();
    assert_eq!(of_days, scratch.lines("detections.jsonl").len() as u64);
    assert!(findings(&scratch, &["--by", "day"]).contains("2021-03-15: "), "{days}");
    for finding in &all {
        let id = text(finding, "id");
        let rows = findings(&scratch, &[&id, "--json"]);
        assert_eq!(rows.lines().count() as u64, finding["count"].as_u64().expect("a count"), "{id}");
        assert_eq!(findings(&scratch, &[&text(finding, "key"), "--json"]), rows);
    }
    let opened = findings(&scratch, &[&text(&all[0], "id")]);
    let command = opened.lines().find_map(|line| line.trim().strip_prefix("piste ")).expect("a command");
    let arguments: Vec<&str> = command.split(' ').collect();
    assert!(
        scratch.piste(&arguments).expect(0).out.contains("the same as when the row was made"),
        "{command}"
    );
    scratch.piste(&["findings", "F-999", "--case", CASE]).expect(2);
}

#[test]
fn the_hits_of_proxylogon_fit_every_form() {
    let Some(zip) = real("security-datasets/proxylogon_ssrf_rce_poc.zip") else { return };
    let Some(rules) = real("sigma") else { return };
    let scratch = Scratch::new();
    let (zip, rules) = (zip.to_string_lossy().into_owned(), rules.to_string_lossy().into_owned());
    scratch.investigate(&format!("{zip} --rules {rules}")).expect(0);
    let hits = scratch.lines("detections.jsonl");
    let rows = cells(&findings(&scratch, &["--profile", "super-verbose"]));
    assert_eq!(rows.len(), hits.len() + 1);
    let column = |name: &str| rows[0].iter().position(|one| one == name).expect("the column is there");
    let found = rows
        .iter()
        .find(|row| row[column("RuleTitle")] == "ProxyLogon MSExchange OabVirtualDirectory")
        .expect("the rule that is named after it fires");
    assert_eq!(found[column("Channel")], "Exchange");
    assert_eq!(found[column("Level")], "crit");
    assert_eq!(found[column("MitreTags")], "T1587.001");
    assert!(rows[1..].iter().all(|row| row[column("Provider")] != "-"), "each hit has its row");
    let whole = findings(&scratch, &["--format", "chainsaw-json"]);
    let array: Vec<Value> = serde_json::from_str(&whole).expect("one array");
    assert_eq!(array.len(), hits.len());
    assert!(array.iter().all(|one| one["authors"].as_array().is_some_and(|authors| !authors.is_empty())));
}
