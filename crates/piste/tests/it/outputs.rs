//! What scripts rely on: schemas, equal bytes for equal runs, ids that stay, exit codes, the way back to the bytes.
//!
//! In: small evidence. Out: `out/` as documented, whatever the order of arguments and the number of threads.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::events::{gzip, lines, ordinary, three, web_shell, with, zip};
use crate::schema_check::faults;
use crate::scratch::{CASE, Scratch, same_files, text};

/// Evidence of every state: read, container, same, not parsed, unread, damaged.
fn varied(scratch: &Scratch) {
    let mut damaged = three(2);
    damaged.extend(b"no event\n");
    scratch.write("given/a.jsonl", three(1));
    scratch.write(
        "given/b.zip",
        zip(&[("a.jsonl", &three(1)), ("c.jsonl.gz", &gzip(&damaged)), ("n.txt", b"note")]),
    );
    scratch.write("given/MX01.E01", b"EVF\x09\x0d\x0a\xff\0rest");
    let numbered = |n: u32| with(web_shell(n), "RecordNumber", json!(n));
    scratch.write("given/d.jsonl", lines((1..40).map(numbered)));
    scratch.write("given/e.jsonl", lines((20..50).map(numbered)));
    let nameless = with(with(web_shell(3), "Hostname", Value::Null), "TimeCreated", Value::Null);
    scratch.write("given/f.jsonl", lines([nameless]));
}

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("a schema is JSON")
}

/// A file of `out/` that is one object.
#[test]
fn every_line_fits_its_schema() {
    let scratch = Scratch::new();
    varied(&scratch);
    scratch.write("rules/broken.yml", "title: [");
    let good = "title: Any\nid: 11111111-1111-4111-8111-111111111111\nlogsource:\n  product: windows\ndetection:\n  \
                selection:\n    EventID: 1\n  condition: selection\n";
    scratch.write("rules/good.yml", good);
    scratch.investigate("given --rules rules").expect(3);
    let mut held = Vec::new();
    for entry in fs::read_dir(scratch.path("case/out")).expect("it lists") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".jsonl").or(name.strip_suffix(".json")) else { continue };
        if stem == "run" {
            continue;
        }
        let schema = schema(&format!("{stem}.json"));
        let values =
            if name == format!("{stem}.jsonl") { scratch.lines(&name) } else { vec![scratch.object(&name)] };
        assert!(!values.is_empty(), "{name} has lines to hold against its schema");
        for (at, value) in values.iter().enumerate() {
            let found = faults(&schema, value, &format!("{name}:{}", at + 1));
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
        let shown = scratch.piste(&["schema", stem]).expect(0);
        assert_eq!(serde_json::from_str::<Value>(&shown.out).expect("it is JSON"), schema);
        held.push(stem.to_owned());
    }
    held.sort();
    let expected = [
        "clocks",
        "detections",
        "doors",
        "evidence",
        "exposure",
        "findings",
        "issues",
        "rules_not_run",
        "summary",
        "trail",
    ];
    assert_eq!(held, expected);
}

#[test]
fn the_summary_counts_what_the_files_hold() {
    let scratch = Scratch::new();
    varied(&scratch);
    scratch.investigate("given").expect(3);
    let summary = scratch.summary();
    let evidence = scratch.lines("evidence.jsonl");
    let sum = |field: &str| evidence.iter().filter_map(|one| one[field].as_u64()).sum::<u64>();
    assert_eq!(summary["events"], json!(sum("rows")));
    assert_eq!(summary["records_read"], json!(sum("records_read")));
    assert_eq!(summary["duplicates"], json!(sum("duplicates")));
    assert_eq!(sum("records_read"), sum("rows") + sum("duplicates"));
    assert_eq!(summary["duplicates"], json!(20));
    for (field, file) in
        [("detections", "detections.jsonl"), ("findings", "findings.jsonl"), ("issues", "issues.jsonl")]
    {
        assert_eq!(summary[field], json!(scratch.lines(file).len()), "{field}");
    }
    let datasets = summary["events_by_dataset"].as_object().expect("an object");
    assert_eq!(datasets.values().filter_map(Value::as_u64).sum::<u64>(), sum("rows"));
    assert!(summary["doors"].is_u64(), "looked for: {}", summary["doors"]);
    assert!(summary["intrusions"].is_u64(), "looked for: {}", summary["intrusions"]);
    assert_eq!(summary["evidence"]["files"], json!(6));
}

#[test]
fn every_event_of_evidence_and_detection_leads_back_to_a_file() {
    let scratch = Scratch::new();
    varied(&scratch);
    scratch.investigate("given").expect(3);
    let ids: Vec<(String, String)> =
        scratch.lines("evidence.jsonl").iter().map(|one| (text(one, "id"), text(one, "path"))).collect();
    for hit in scratch.lines("detections.jsonl") {
        assert!(ids.contains(&(text(&hit, "evidence_id"), text(&hit, "path"))), "{hit}");
    }
    for issue in scratch.lines("issues.jsonl") {
        assert!(ids.iter().any(|(id, _)| issue["evidence_id"] == json!(id)), "{issue}");
    }
    // Ids are given in the order of (SHA-256, path).
    let order: Vec<(String, String)> =
        scratch.lines("evidence.jsonl").iter().map(|one| (text(one, "sha256"), text(one, "path"))).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn equal_runs_write_equal_bytes() {
    let first = Scratch::new();
    varied(&first);
    first
        .investigate("given/a.jsonl given/b.zip given/d.jsonl given/e.jsonl given/f.jsonl --threads 1")
        .expect(3);
    for arguments in [
        "given/a.jsonl given/b.zip given/d.jsonl given/e.jsonl given/f.jsonl --threads 1",
        "given/f.jsonl given/e.jsonl given/b.zip given/d.jsonl given/a.jsonl --threads 4",
    ] {
        let other = Scratch::new();
        varied(&other);
        other.investigate(arguments).expect(3);
        same_files(&first.path("case/out"), &other.path("case/out"));
        // The same command once more in the same case changes nothing.
        other.investigate(arguments).expect(3);
        same_files(&first.path("case/out"), &other.path("case/out"));
    }
}

#[test]
fn the_clock_and_the_environment_leave_no_trace() {
    let scratch = Scratch::new();
    varied(&scratch);
    scratch.investigate("given").expect(3);
    let other = Scratch::new();
    varied(&other);
    let mut command = other.command(&["investigate", "given", "--case", CASE]);
    command.env("TZ", "Asia/Kathmandu").env("LC_ALL", "tr_TR.UTF-8").env("LANG", "tr_TR.UTF-8");
    crate::scratch::Run::from(command.output().expect("the binary starts")).expect(3);
    same_files(&scratch.path("case/out"), &other.path("case/out"));
}

#[test]
fn more_evidence_keeps_the_ids_of_earlier_evidence_and_findings() {
    let scratch = Scratch::new();
    scratch.write("m/logs/a.jsonl", three(1));
    scratch.write("z.jsonl", lines([with(web_shell(5), "Hostname", json!("DC01"))]));
    scratch.investigate("m/logs z.jsonl").expect(0);
    let ids = |scratch: &Scratch| -> Vec<(String, String)> {
        scratch.lines("evidence.jsonl").iter().map(|one| (text(one, "sha256"), text(one, "id"))).collect()
    };
    let found = |scratch: &Scratch| -> Vec<(String, String)> {
        scratch.lines("findings.jsonl").iter().map(|one| (text(one, "key"), text(one, "id"))).collect()
    };
    let (evidence, findings) = (ids(&scratch), found(&scratch));
    assert!(!findings.is_empty());
    // The new folder has the same name as the old one and comes before it in every order but that of time.
    for seed in 10..20 {
        scratch.write(
            &format!("a/logs/{seed}.jsonl"),
            lines([with(web_shell(seed), "Hostname", json!("AA01"))]),
        );
    }
    scratch.write("a/logs/a.jsonl", three(9));
    scratch.investigate("a/logs").expect(0);
    let (evidence_now, findings_now) = (ids(&scratch), found(&scratch));
    assert_eq!(scratch.summary()["evidence"]["files"], json!(13));
    for one in &evidence {
        assert!(evidence_now.contains(one), "{one:?} in {evidence_now:?}");
    }
    for one in &findings {
        assert!(findings_now.contains(one), "{one:?} in {findings_now:?}");
    }
    assert!(scratch.slugs().is_empty(), "nothing changed: {:?}", scratch.lines("issues.jsonl"));
}

#[test]
fn a_record_is_shown_down_to_its_bytes_and_a_changed_file_is_noticed() {
    let scratch = Scratch::new();
    let path = scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let record = "E-1:2";
    let shown = scratch.piste(&["show", record, "--case", CASE]).expect(0);
    assert!(shown.out.contains("the same as when the row was made"), "{}", shown.out);
    let shown = scratch.piste(&["show", record, "--proof", "--json", "--case", CASE]).expect(0);
    let object: Value = serde_json::from_str(&shown.out).expect("it is JSON");
    assert_eq!(object["original"]["unchanged"], json!(true));
    assert_eq!(object["original"]["file_unchanged"], json!(true));
    let hex = text(&object["original"], "bytes_hex");
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    assert_eq!([bytes.as_slice(), b"\n"].concat(), lines([web_shell(1)]));
    let finding = scratch.piste(&["show", "F-1", "--case", CASE]).expect(0);
    assert!(finding.out.contains("a.jsonl"), "{}", finding.out);

    // Another record is changed: this one stays as it was, the file does not.
    let whole = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, whole.replacen("Schedule 11", "Schedule 12", 1)).expect("it is written");
    scratch.piste(&["show", record, "--case", CASE]).expect(0);
    let proof = scratch.piste(&["show", record, "--proof", "--case", CASE]).expect(3);
    assert!(proof.out.contains("NOT as sealed"), "{}", proof.out);
    // This record is changed, its length is not.
    fs::write(&path, whole.replacen("whoami", "WHOAMI", 1)).expect("it is written");
    let changed = scratch.piste(&["show", record, "--case", CASE]).expect(3);
    assert!(changed.out.contains("NOT the same"), "{}", changed.out);
    fs::remove_file(&path).expect("it is removed");
    let gone = scratch.piste(&["show", record, "--case", CASE]).expect(3);
    assert!(gone.out.contains("cannot be read again"), "{}", gone.out);
    for unknown in ["E-1:9", "E-9:1", "F-99", "x", "E-1:99999999999999999999"] {
        scratch.piste(&["show", unknown, "--case", CASE]).expect(2);
    }
}

#[test]
fn a_copy_is_shown_too() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.write("b.jsonl", three(1));
    scratch.investigate("a.jsonl b.jsonl").expect(0);
    for id in ["E-1", "E-2"] {
        scratch.piste(&["show", &format!("{id}:2"), "--case", CASE]).expect(0);
    }
}

#[test]
fn evidence_that_changed_between_runs_is_named() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    scratch.write("a.jsonl", lines([ordinary(1), ordinary(2)]));
    scratch.investigate("a.jsonl");
    let issue = scratch.issue("evidence-changed");
    assert!(text(&issue, "what").contains("E-1"), "{issue}");
    assert_eq!(scratch.summary()["events"], json!(2));
    let evidence = scratch.lines("evidence.jsonl");
    assert_eq!((evidence.len(), text(&evidence[0], "id")), (1, "E-2".to_owned()));
}

#[test]
fn the_exit_code_tells_what_was_found_and_what_was_not_read() {
    let check = |arguments: &str, code: i32| {
        let scratch = Scratch::new();
        scratch.write("shell.jsonl", three(1));
        scratch.write("quiet.jsonl", lines([ordinary(1)]));
        scratch.write("image.E01", b"EVF\x09\x0d\x0a\xff\0rest");
        scratch.investigate(arguments).expect(code);
    };
    check("shell.jsonl", 0);
    check("shell.jsonl --fail-on high", 1);
    check("shell.jsonl --fail-on informational", 1);
    check("quiet.jsonl --fail-on informational", 0);
    check("shell.jsonl image.E01 --fail-on low", 3);
    check("quiet.jsonl image.E01", 3);
    check("shell.jsonl --fail-on grave", 2);
    check("shell.jsonl --thread 1", 2);
    check("", 2);
}

#[test]
fn json_is_the_summary_and_nothing_else() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    let run = scratch.investigate("a.jsonl --json").expect(0);
    assert_eq!(serde_json::from_str::<Value>(&run.out).expect("stdout is one object"), scratch.summary());
    let run = scratch.investigate("a.jsonl --quiet").expect(0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let object: Value =
        serde_json::from_slice(&fs::read(scratch.path("case/out/run.json")).expect("there is a run"))
            .expect("JSON");
    assert!(object["seconds"].is_number() && object["peak_memory_bytes"].is_number(), "{object}");
}
