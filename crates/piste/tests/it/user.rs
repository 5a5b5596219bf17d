//! What stands in a user's way: the wrong case, leftovers of a refused run, flags of another tool, output that is refused late.

use std::fs;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, three, with};
use crate::scratch::{CASE, Run, Scratch};

#[test]
fn the_default_case_of_other_evidence_is_not_taken_for_this_one() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.write("b.jsonl", three(2));
    let first = scratch.piste(&["investigate", "a.jsonl"]).expect(0);
    assert!(first.err.contains("Case: piste-case (the default"), "{}", first.err);
    let before = fs::read(scratch.path("piste-case/ledger.jsonl")).expect("there is a ledger");
    let refused = scratch.piste(&["investigate", "b.jsonl"]).expect(2);
    assert!(refused.err.contains("a.jsonl") && refused.err.contains("--case piste-case"), "{}", refused.err);
    assert_eq!(
        fs::read(scratch.path("piste-case/ledger.jsonl")).expect("a ledger"),
        before,
        "nothing was written"
    );
    // The same evidence again, more beside it, or by name: that is meant.
    scratch.piste(&["investigate", "a.jsonl"]).expect(0);
    scratch.piste(&["investigate", "a.jsonl", "b.jsonl"]).expect(0);
    scratch.piste(&["investigate", "b.jsonl", "--case", "piste-case"]).expect(0);
}

#[test]
fn the_case_is_named_by_the_environment_or_by_the_folder_at_hand() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    let named: Run = scratch
        .command(&["investigate", "a.jsonl"])
        .env("PISTE_CASE", "ministry")
        .output()
        .expect("the binary starts")
        .into();
    let named = named.expect(0);
    assert!(named.err.contains("Case: ministry (from PISTE_CASE)"), "{}", named.err);
    assert!(scratch.path("ministry/out/summary.json").exists() && !scratch.path("piste-case").exists());
    let inside: Run = scratch
        .command(&["findings"])
        .current_dir(scratch.path("ministry/out"))
        .output()
        .expect("the binary starts")
        .into();
    let inside = inside.expect(0);
    assert!(inside.err.contains("(the folder at hand)") && inside.out.contains("F-1"), "{inside:?}");
}

#[test]
fn a_refused_run_leaves_no_case_behind() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.write("bad/x.yml", "title: [");
    for arguments in [
        &["investigate", "gone.zip"][..],
        &["investigate"],
        &["investigate", "a.jsonl", "--rules", "nowhere"],
        &["investigate", "a.jsonl", "--rules", "bad", "--no-built-in-rules"],
        &["investigate", "a.jsonl", "--password-file", "gone.txt"],
        &["investigate", "a.jsonl", "--indicators", "gone.csv"],
        &["investigate", "a.jsonl", "--withdraw", "b.jsonl"],
        &["investigate", "a.jsonl", "-o", "no/folder.csv"],
        &["hunt", "gone.zip"],
        &["findings"],
        &["search", "x"],
    ] {
        let run = scratch.piste(&[arguments, &["--case", CASE]].concat()).expect(2);
        assert!(!scratch.path(CASE).exists(), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn short_flags_of_hayabusa_are_taken() {
    let scratch = Scratch::new();
    scratch.write("logs/a.jsonl", three(1));
    scratch.write("b.jsonl", three(2));
    let run = scratch.piste(&[
        "investigate",
        "-d",
        "logs",
        "-f",
        "b.jsonl",
        "-m",
        "high",
        "-o",
        "hits.csv",
        "-p",
        "minimal",
        "--no-color",
        "--case",
        CASE,
    ]);
    run.expect(0);
    assert_eq!(scratch.summary()["evidence"]["files"], 2);
    let hits = fs::read_to_string(scratch.path("hits.csv")).expect("it is written");
    assert!(hits.lines().next().is_some_and(|head| head.starts_with("Timestamp")), "{hits}");
    scratch.piste(&["findings", "--min-level", "critical", "--case", CASE]).expect(0);
    scratch.piste(&["hunt", "-m", "low", "--case", CASE, "-q"]).expect(0);
}

#[test]
fn shells_complete_every_command_and_the_manual_has_it() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = scratch.piste(&["completions", shell]).expect(0).out;
        assert!(
            script.contains("investigate") && script.contains("min-level") | script.contains("level"),
            "{shell}"
        );
    }
    scratch.piste(&["completions", "cmd"]).expect(2);
    let page = scratch.piste(&["man"]).expect(0).out;
    assert!(page.contains(".TH") && page.contains("investigate"), "{page}");
    let page = scratch.piste(&["man", "rules", "check"]).expect(0).out;
    assert!(page.contains("piste\\-rules\\-check"), "{page}");
    scratch.piste(&["man", "nothing"]).expect(2);
}

#[test]
fn output_that_cannot_be_written_is_refused_before_the_work() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    scratch.write("there.csv", "mine");
    for file in ["there.csv", "no/folder/x.csv", "."] {
        // What would be read is not there: a command that began to work would end with another code.
        let findings = scratch.path("case/out/findings.jsonl");
        let aside = scratch.path("aside");
        fs::rename(&findings, &aside).expect("it moves");
        let run = scratch.piste(&["findings", "-o", file, "--case", CASE]).expect(2);
        assert!(run.err.contains("nothing was written"), "{}", run.err);
        fs::rename(&aside, &findings).expect("it moves");
    }
    assert_eq!(fs::read_to_string(scratch.path("there.csv")).expect("it is there"), "mine");
}

/// A Security event of a logon.
fn logon(number: u32, code: u32, account: &str, kind: &str, source: &str) -> Value {
    let mut event = with(ordinary(number), "EventID", json!(code));
    for (name, value) in [
        ("Channel", "Security"),
        ("Hostname", "MX01.min.example"),
        ("TargetUserName", account),
        ("TargetDomainName", "MIN"),
        ("LogonType", kind),
        ("IpAddress", source),
    ] {
        event = with(event, name, json!(value));
    }
    event
}

#[test]
fn metrics_count_logons_failed_ones_and_users() {
    let scratch = Scratch::new();
    let events = [
        logon(1, 4_624, "ann", "3", "192.0.2.7"),
        logon(2, 4_624, "ann", "3", "192.0.2.7"),
        logon(3, 4_624, "bo", "10", "203.0.113.9"),
        logon(4, 4_625, "ann", "3", "203.0.113.9"),
        logon(5, 4_634, "ann", "3", "-"),
    ];
    scratch.write("a.jsonl", lines(events));
    scratch.investigate("a.jsonl");
    let metrics = |by: &str| -> Vec<Value> {
        let out = scratch.piste(&["metrics", by, "--json", "--case", CASE]).expect(0).out;
        out.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    };
    let logons = metrics("logons");
    assert_eq!(logons.len(), 2, "{logons:?}");
    assert_eq!(
        (&logons[0]["account"], &logons[0]["logon_type"], &logons[0]["source"], &logons[0]["count"]),
        (&json!("MIN\\ann"), &json!("3 network"), &json!("192.0.2.7"), &json!(2))
    );
    let failed = metrics("failed-logons");
    assert_eq!((failed.len(), &failed[0]["source"]), (1, &json!("203.0.113.9")));
    let users = metrics("users");
    assert_eq!(
        (&users[0]["account"], &users[0]["logons"], &users[0]["failed"]),
        (&json!("MIN\\ann"), &json!(2), &json!(1))
    );
    let shown = scratch
        .command(&["metrics", "logons", "--case", CASE])
        .env("COLUMNS", "80")
        .output()
        .expect("it runs");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains("203.0.113.9") && shown.contains("10 remote desktop"), "{shown}");
}

#[test]
fn a_collection_has_one_custody_form() {
    let scratch = Scratch::new();
    for number in 1..9 {
        scratch.write(&format!("MX01/{number}.jsonl"), three(number));
    }
    scratch.write("note.txt", "from the ICT service");
    scratch.investigate("MX01 note.txt");
    let sheet = |arguments: &[&str]| {
        scratch.piste(&[&["custody", "sheet", "-o", "c.html", "--case", CASE], arguments].concat()).expect(0);
        fs::read_to_string(scratch.path("c.html")).expect("it is written")
    };
    let page = sheet(&[]);
    assert_eq!(page.matches("<section>").count(), 2, "{page}");
    assert!(page.contains("MX01/8.jsonl") && page.contains("SHA-256 of the list"), "{page}");
    scratch
        .piste(&[
            "custody",
            "add",
            "MX01",
            "received",
            "--from",
            "ICT",
            "--to",
            "Ann",
            "--why",
            "asked for",
            "--by",
            "Ann",
            "--case",
            CASE,
        ])
        .expect(0);
    let page = sheet(&["MX01"]);
    assert_eq!(page.matches("<section>").count(), 1, "{page}");
    assert!(page.contains("asked for") && page.contains("MX01/8.jsonl"), "{page}");
}

#[test]
fn a_wrong_pattern_names_the_place() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let run = scratch.piste(&["search", "/who(/", "--case", CASE]).expect(2);
    assert!(run.err.contains("unclosed group, at character 5: `(`"), "{}", run.err);
}
