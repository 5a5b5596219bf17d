//! What was not examined is said by kind, and no sentence, exit code or column beside it reassures.
//!
//! In: artefacts of invented hosts, a few bytes each. Out: `summary.json`, the terminal, the report and the triage agree.

use std::fs;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, three, with, zip_aes};
use crate::scratch::{Scratch, text};

/// Bytes with a signature at a place.
fn with_magic(at: usize, magic: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 5_000];
    bytes[at..at + magic.len()].copy_from_slice(magic);
    bytes
}

/// Kind and number of files of what was not examined.
fn kinds(summary: &Value) -> Vec<(String, u64)> {
    let list = summary["not_examined"].as_array().expect("a list");
    list.iter().map(|one| (text(one, "kind"), one["files"].as_u64().expect("a number"))).collect()
}

fn report(scratch: &Scratch) -> String {
    fs::read_to_string(scratch.path("case/out/report.html")).expect("there is a report")
}

#[test]
fn artefacts_that_are_not_read_are_named_everywhere_and_the_code_knows_it() {
    let scratch = Scratch::new();
    scratch.write("MX01/events.jsonl", three(1));
    let files: [(&str, usize, &[u8]); 6] = [
        ("C/Windows/System32/config/SYSTEM", 0, b"regf"),
        ("C/$MFT", 0, b"FILE0\0"),
        ("C/Windows/Prefetch/CMD.EXE-1234ABCD.pf", 4, b"SCCA"),
        ("C/Windows/System32/sru/SRUDB.dat", 4, b"\xef\xcd\xab\x89"),
        ("C/memory.dmp", 0, b"PAGEDU64"),
        ("net/out.pcap", 0, b"\xd4\xc3\xb2\xa1"),
    ];
    for (name, at, magic) in files {
        scratch.write(&format!("MX01/{name}"), with_magic(at, magic));
    }
    scratch.write("MX01/logo.png", b"\x89PNG\r\n");
    let run = scratch.investigate("MX01").expect(3);
    let summary = scratch.summary();
    let found: Vec<String> = kinds(&summary).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(found, ["memory dump", "packet capture", "file that could not be read"]);
    assert_eq!(kinds(&summary)[2].1, 4, "hives, tables and databases of which nothing could be read");
    assert_eq!(summary["reading_holes"], json!(["files-unread", "records-lost", "not-examined"]));
    assert_eq!(summary["not_examined"][0]["bytes"], 5_000);
    let page = report(&scratch);
    for one in summary["not_examined"].as_array().expect("a list") {
        for field in ["kind", "would_answer", "hint"] {
            let told = text(one, field);
            let words: Vec<&str> = told.split_whitespace().collect();
            let terminal: Vec<&str> = run.out.split_whitespace().collect();
            assert!(terminal.windows(words.len()).any(|seen| seen == words), "{told} in {}", run.out);
            assert!(page.contains(&told.replace('>', "&gt;").replace('\'', "&#39;")), "{told}");
        }
    }
    for said in [&run.out, &page] {
        assert!(!said.contains("Every record"), "{said}");
    }
    assert!(run.err.contains("exit code 3"), "{}", run.err);
    let nothing = scratch.piste(&["search", "no-such-word", "--case", "case"]).expect(0);
    assert!(nothing.err.contains("Not examined: memory dump"), "{}", nothing.err);
}

#[test]
fn programs_and_pictures_beside_logs_are_no_hole() {
    let scratch = Scratch::new();
    scratch.write("in/events.jsonl", three(1));
    scratch.write("in/tool.exe", b"MZ\x90\0");
    scratch.write("in/logo.gif", b"GIF89a\x01\0");
    let run = scratch.investigate("in").expect(0);
    assert_eq!(kinds(&scratch.summary()), []);
    assert!(run.out.contains("Every record of the one file"), "{}", run.out);
    assert!(run.out.contains("2 other files"), "{}", run.out);
}

#[test]
fn where_nothing_was_read_no_sentence_says_that_every_record_was() {
    for (name, bytes) in [("note.txt", &b"abc"[..]), ("logo.png", b"\x89PNG\r\n"), ("x.bin", b"\x01\x02\0\0")]
    {
        let scratch = Scratch::new();
        scratch.write(name, bytes);
        let run = scratch.investigate(name).expect(3);
        let holes = scratch.summary()["reading_holes"].clone();
        assert!(holes.as_array().expect("a list").contains(&json!("nothing-read")), "{name}: {holes}");
        for said in [&run.out, &report(&scratch)] {
            assert!(!said.contains("Every record"), "{name}: {said}");
            assert!(said.contains("No record was read"), "{name}: {said}");
        }
    }
}

#[test]
fn an_empty_file_with_the_name_of_a_hive_is_a_hole_and_an_empty_log_is_named() {
    let scratch = Scratch::new();
    scratch.write("in/events.jsonl", three(1));
    scratch.write("in/Security.evtx", b"");
    scratch.investigate("in").expect(0);
    assert_eq!(kinds(&scratch.summary()), [("empty log".to_owned(), 1)]);
    scratch.write("in/C/Windows/System32/config/SAM", b"");
    scratch.investigate("in").expect(3);
    let hole = ("empty file where an artefact was expected".to_owned(), 1);
    assert_eq!(kinds(&scratch.summary()), [hole, ("empty log".to_owned(), 1)]);
}

fn triage(scratch: &Scratch, collections: &[&str]) -> (Vec<Value>, String) {
    let arguments = [&["triage"], collections, &["--out", "sorted", "--at", "2021-03-27T09:00:00Z"]].concat();
    let run = scratch.piste(&arguments);
    let read = fs::read_to_string(scratch.path("sorted/triage.json")).expect("it is written");
    let read: Value = serde_json::from_str(&read).expect("it is JSON");
    (read["lines"].as_array().expect("a list").clone(), run.out)
}

#[test]
fn an_encrypted_collection_was_not_read_and_nothing_is_said_of_its_doors() {
    let scratch = Scratch::new();
    scratch.write("MX07.zip", zip_aes("secret", &[("a.jsonl", &three(1)), ("b.jsonl", &three(2))]));
    let (lines, out) = triage(&scratch, &["MX07.zip"]);
    assert_eq!(
        (lines.len(), &lines[0]["status"], &lines[0]["verdict"]),
        (1, &json!("not read"), &Value::Null)
    );
    let why = &lines[0]["not_read"][0];
    assert_eq!(text(why, "what"), "encrypted file × 2");
    assert!(text(why, "step").contains("--password-file"), "{why}");
    let first = out.lines().next().expect("a line");
    assert!(first.contains("[not read: encrypted file × 2"), "{out}");
    assert!(!out.contains("none") && out.contains("doors not examined"), "{out}");
}

#[test]
fn a_domain_controller_is_asked_for_what_it_has() {
    let scratch = Scratch::new();
    let ticket = |number| {
        let ticket = with(ordinary(number), "EventID", json!(4_769));
        let ticket = with(ticket, "Channel", json!("Security"));
        with(ticket, "Hostname", json!("DC01.min.example"))
    };
    scratch.write("DC01/security.jsonl", lines((1..4).map(ticket)));
    scratch.write("DC01/C/Windows/NTDS/ntds.dit", with_magic(4, b"\xef\xcd\xab\x89"));
    let (lines, out) = triage(&scratch, &["DC01"]);
    assert_eq!(lines[0]["role"], json!(["domain controller"]), "{lines:?}");
    assert_eq!(
        (&lines[0]["status"], &lines[0]["verdict"]),
        (&json!("partly read"), &json!("none in what was read"))
    );
    assert!(!out.contains("Exchange") && !out.contains("HttpProxy"), "{out}");
    assert!(out.contains("collect: ") && out.contains("Directory Service"), "{out}");
    assert!(
        out.lines().next().is_some_and(|line| line.contains("[partly read: file that could not be read × 1")),
        "{out}"
    );
}
