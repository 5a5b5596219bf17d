//! Correlations over a whole case: counted across files, units and runs, and shown as detections.

use serde_json::{Value, json};

use crate::events::lines;
use crate::scratch::{CASE, Scratch, text};

const RULES: &str = "title: Failed logon
name: failed_logon
id: 33333333-0000-4000-8000-000000000001
status: test
logsource:
    product: windows
    service: security
detection:
    selection:
        EventID: 4625
    condition: selection
level: low
---
title: Many failed logons
id: 33333333-0000-4000-8000-000000000002
status: test
correlation:
    type: event_count
    rules:
        - failed_logon
    group-by:
        - TargetUserName
    timespan: 5m
    condition:
        gte: 3
level: high
";

fn logon(record: u64, minute: u64, user: &str) -> Value {
    json!({
        "EventRecordID": record,
            "EventID": 4625,
            "Channel": "Security",
            "SourceName": "Microsoft-Windows-Security-Auditing",
            "EventTime": format!("2021-03-14 01:{minute:02}:00"),
            "TimeCreated": format!("2021-03-14T01:{minute:02}:00Z"),
            "TargetUserName": user,
    })
}

fn found(scratch: &Scratch) -> Vec<(String, String, String)> {
    let lines = scratch.lines("detections.jsonl");
    lines
        .iter()
        .map(|one| {
            let detail = |name: &str| one["details"][name].as_str().unwrap_or_default().to_owned();
            (text(one, "rule_title"), detail("TargetUserName"), detail("Count"))
        })
        .collect()
}

#[test]
fn events_are_counted_across_files_and_shown_once() {
    let scratch = Scratch::new();
    scratch.write("rules.yml", RULES);
    // Three of one account within five minutes, in two files and out of order; two of another; three too far apart.
    scratch.write(
        "a.jsonl",
        lines([logon(1, 4, "jan"), logon(2, 0, "ann"), logon(3, 1, "ann"), logon(4, 0, "far")]),
    );
    scratch.write(
        "b.jsonl",
        lines([logon(5, 0, "jan"), logon(6, 2, "jan"), logon(7, 8, "far"), logon(8, 16, "far")]),
    );
    scratch.investigate("a.jsonl b.jsonl --rules rules.yml --no-built-in-rules").expect(0);
    let expected = [("Many failed logons".to_owned(), "jan".to_owned(), "3".to_owned())];
    assert_eq!(found(&scratch), expected, "the rule that is only counted reports nothing of its own");
    let first = scratch.lines("detections.jsonl");
    assert_eq!(first[0]["time"], "2021-03-14T01:04:00Z", "when the third of them happened");

    // The same over the lake, after other rules.
    scratch.piste(&["hunt", "--case", CASE, "-q"]).expect(0);
    assert!(
        scratch.lines("detections.jsonl").iter().all(|one| text(one, "rule_title") != "Many failed logons")
    );
    scratch.piste(&["hunt", "--case", CASE, "-q", "--rules", "rules.yml", "--no-built-in-rules"]).expect(0);
    assert_eq!(scratch.lines("detections.jsonl"), first);
    let generate = RULES.replace("correlation:\n", "correlation:\n    generate: true\n");
    scratch.write("rules.yml", generate);
    scratch.piste(&["hunt", "--case", CASE, "-q", "--rules", "rules.yml", "--no-built-in-rules"]).expect(0);
    assert_eq!(found(&scratch).len(), 9, "eight logons and the correlation");
}
