//! Many collections, one of them broken: one line a server, and what is done is not done again.

use std::fs;

use serde_json::Value;

use crate::exposure::httpproxy;
use crate::scratch::Scratch;

fn lines(scratch: &Scratch) -> Vec<Value> {
    let text = fs::read_to_string(scratch.path("sorted/triage.json")).expect("it is written");
    let read: Value = serde_json::from_str(&text).expect("it is JSON");
    read["lines"].as_array().expect("a list").clone()
}

#[test]
fn one_bad_collection_stops_nothing() {
    let scratch = Scratch::new();
    let hostile = "MX<b>1";
    scratch.write(
        "a/MX01.log",
        httpproxy(hostile, &[("2021-02-01T08:00:00.000Z", 2), ("2021-03-01T08:00:00.000Z", 2)]),
    );
    scratch.write("b.zip", b"PK\x03\x04 this is no zip");
    scratch.write(
        "c/MX03.log",
        httpproxy("MX03", &[("2021-03-10T08:00:00.000Z", 9), ("2021-03-11T08:00:00.000Z", 9)]),
    );
    let triage = ["triage", "a", "b.zip", "gone.zip", "c", "--out", "sorted", "--at", "2021-03-27T09:00:00Z"];
    let run = scratch.piste(&triage).expect(3);
    let found = lines(&scratch);
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!((&found[0]["host"], &found[0]["flaw"]), (&hostile.into(), &"ProxyLogon".into()));
    assert_eq!(found[0]["exposed_from"], "2021-02-01T08:00:00.000Z");
    assert_eq!(found[0]["last_log"], "2021-03-01T08:00:00.000Z");
    assert_ne!(found[1]["status"], "read");
    assert_eq!(found[2]["status"], "failed");
    assert!(found[2]["unknown"][0].as_str().expect("a sentence").contains("gone.zip"));
    // The update of March 2021 ended ProxyLogon and not ProxyShell.
    assert_eq!((&found[3]["host"], &found[3]["flaw"]), (&"MX03".into(), &"ProxyShell".into()));
    assert!(run.out.contains("MX03  15.1.2176.9  ProxyShell"), "{}", run.out);
    let page = fs::read_to_string(scratch.path("sorted/triage.html")).expect("it is written");
    assert!(page.contains("MX&lt;b&gt;1") && !page.contains("MX<b>1"), "{page}");
    let csv = fs::read_to_string(scratch.path("sorted/triage.csv")).expect("it is written");
    assert_eq!(csv.lines().count(), 5, "{csv}");

    // Again: what was read is taken from the record, equal to the byte.
    let before = fs::read(scratch.path("sorted/triage.json")).expect("it is written");
    scratch.piste(&triage).expect(3);
    assert_eq!(fs::read(scratch.path("sorted/triage.json")).expect("it is written"), before);
    let cases: Vec<_> = fs::read_dir(scratch.path("sorted/cases")).expect("it lists").flatten().collect();
    let ledger =
        cases.iter().find(|one| one.file_name().to_string_lossy().starts_with("a-")).expect("a case");
    let ledger = fs::read_to_string(ledger.path().join("ledger.jsonl")).expect("there is a ledger");
    assert_eq!(ledger.lines().filter(|line| line.contains("run.started")).count(), 1, "{ledger}");
}
