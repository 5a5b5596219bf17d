//! A case that grows: what is new since the run before, and that a repeat says the same.

use std::fs;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, web_shell, with};
use crate::scratch::{Scratch, same_files, text};

/// The marks of `findings.jsonl` by number: (what is new, rows that are).
fn marks(scratch: &Scratch) -> Vec<(String, Value, u64)> {
    let mut marks: Vec<_> = scratch
        .lines("findings.jsonl")
        .iter()
        .map(|one| (text(one, "id"), one["new"].clone(), one["new_rows"].as_u64().expect("a count")))
        .collect();
    marks.sort_by_key(|(id, _, _)| id.trim_start_matches("F-").parse::<u32>().expect("a number"));
    marks
}

/// A first run with one host, then more of it and another host.
fn grown() -> (Scratch, usize) {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", lines([ordinary(1), web_shell(1)]));
    scratch.investigate("a.jsonl").expect(0);
    let known = marks(&scratch);
    assert!(!known.is_empty() && known.iter().all(|(_, new, rows)| new.is_null() && *rows == 0), "{known:?}");
    assert_eq!(scratch.summary()["new"], Value::Null, "a first run has nothing to compare with");
    let elsewhere = with(web_shell(3), "Hostname", json!("DC01"));
    scratch.write("b.jsonl", lines([web_shell(2), elsewhere]));
    (scratch, known.len())
}

#[test]
fn more_evidence_marks_new_findings_and_new_rows() {
    let (scratch, known) = grown();
    let run = scratch.investigate("b.jsonl").expect(0);
    let marks = marks(&scratch);
    assert_eq!(marks.len(), known * 2, "the same rules on another host");
    for (at, (id, new, rows)) in marks.iter().enumerate() {
        let expected = if at < known { json!("rows") } else { json!("finding") };
        assert_eq!((new, *rows), (&expected, 1), "{id}");
    }
    let figures = json!({"findings": known, "with_new_rows": known});
    assert_eq!(scratch.summary()["new"], figures);
    let heading = format!("New since the run of 2021-03-27 09:00:00: {known} finding");
    assert!(run.out.contains(&heading), "{}", run.out);
    assert!(run.out.find("New since") < run.out.find("Findings, the gravest first"), "{}", run.out);
    let report = fs::read_to_string(scratch.path("case/out/report.html")).expect("there is a report");
    assert_eq!(report.matches("<span class=\"new\">").count(), known * 2);
    let new = scratch.piste(&["findings", "--case", "case", "--new", "--json"]).expect(0).out;
    assert_eq!(new.lines().count(), known * 2);
}

#[test]
fn a_repeat_and_a_resumed_run_say_the_same() {
    let (scratch, known) = grown();
    scratch.investigate("b.jsonl").expect(0);
    let kept = scratch.path("kept");
    fs::create_dir(&kept).expect("a folder");
    for (name, bytes) in crate::scratch::files(&scratch.path("case/out")) {
        fs::write(kept.join(name), bytes).expect("it is written");
    }
    for _ in 0..2 {
        scratch.investigate("b.jsonl").expect(0);
        same_files(&kept, &scratch.path("case/out"));
    }
    // Killed before its end: the second run's last entries, its end among them, were never written.
    let (cut, _) = grown();
    cut.investigate("b.jsonl").expect(0);
    let path = cut.path("case/ledger.jsonl");
    let ledger = fs::read_to_string(&path).expect("there is a ledger");
    let mut entries: Vec<&str> = ledger.split_inclusive('\n').collect();
    assert!(entries.pop().is_some_and(|last| last.contains("\"run.finished\"")));
    entries.pop();
    fs::write(&path, entries.concat()).expect("it is written");
    fs::remove_dir_all(cut.path("case/out")).expect("it is removed");
    cut.investigate("b.jsonl").expect(0);
    same_files(&kept, &cut.path("case/out"));
    assert_eq!(marks(&cut).len(), known * 2);
}

#[test]
fn other_rules_mark_what_they_find() {
    let (scratch, known) = grown();
    let rule = "title: Any start\nid: 11111111-1111-4111-8111-111111111111\nlevel: low\nlogsource:\n  product: windows\n\
                detection:\n  selection:\n    EventID: 1\n  condition: selection\n";
    scratch.write("rules/any.yml", rule);
    scratch.investigate("a.jsonl --rules rules").expect(0);
    let new: Vec<_> = marks(&scratch).into_iter().filter(|(_, new, _)| !new.is_null()).collect();
    assert!(
        !new.is_empty() && new.iter().all(|(_, new, rows)| *new == json!("finding") && *rows == 0),
        "{new:?}"
    );
    assert_eq!(marks(&scratch).len(), known + new.len());
}
