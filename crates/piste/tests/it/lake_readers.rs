//! The lake is open: another program's Parquet reader finds the same rows.
//!
//! In: a case's `lake/`. Out: row counts and values as Python's `pyarrow` reads them, where that is installed.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, three, with, zip};
use crate::scratch::Scratch;

/// Prints, for every dataset, its rows, hosts, records and the first command line.
const READER: &str = r#"
import glob, json, os, sys
import pyarrow.parquet as parquet
found = {}
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*", "*.parquet"))):
    table = parquet.ParquetFile(path).read()
    one = found.setdefault(os.path.basename(os.path.dirname(path)), {"rows": 0, "values": []})
    one["rows"] += table.num_rows
    for row in table.to_pylist():
        time = row["event_time"]
        one["values"].append([
            row["evidence_id"], row["record"], row["offset"], row["host"], row["dataset"], row["event_code"],
            time.isoformat() if time is not None else None, row.get("CommandLine"), row["record_hash"].hex(),
        ])
print(json.dumps(found))
"#;

#[test]
fn another_reader_finds_the_same_rows() {
    if !Command::new("python3")
        .args(["-c", "import pyarrow"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        println!("skipped: python3 with pyarrow is not here");
        return;
    }
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    let logon = with(with(ordinary(5), "Channel", json!("Security")), "EventID", json!(4624));
    let nowhen = with(with(ordinary(6), "TimeCreated", Value::Null), "Message", json!("naïve\u{0}text"));
    scratch.write("b.zip", zip(&[("b.jsonl", &lines([logon, nowhen]))]));
    scratch.investigate("a.jsonl b.zip").expect(0);
    let output = Command::new("python3").args(["-c", READER]).arg(scratch.path("case/lake")).output();
    let output = output.expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let rows: BTreeMap<&str, &Value> =
        found.iter().map(|(name, one)| (name.as_str(), &one["rows"])).collect();
    assert_eq!(json!(rows), scratch.summary()["events_by_dataset"]);
    let hit = scratch.lines("detections.jsonl").into_iter().next().expect("a rule finds the shell");
    let row = json!([
        hit["evidence_id"],
        2,
        hit["offset"],
        "MX01",
        "windows.sysmon",
        1,
        "2021-03-14T01:40:01.987000+00:00",
        "cmd /c whoami",
        hit["record_hash"],
    ]);
    let sysmon = found["windows.sysmon"]["values"].as_array().expect("rows");
    assert!(sysmon.contains(&row), "{row} in {sysmon:?}");
    assert!(sysmon.iter().any(|row| row[6].is_null()), "a time that is missing is null");
}
