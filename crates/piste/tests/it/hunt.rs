//! Other rules over a case that was read before.
//!
//! In: a case, then other rules. Out: what a fresh case with those rules would hold, without the evidence.

use crate::events::three;
use crate::scratch::{CASE, Scratch, real, text};

const NO_RULE: &str = "title: Nothing\nid: 22222222-0000-4000-8000-000000000000\nstatus: test\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    selection:\n        Image: nowhere\n    condition: selection\nlevel: low\n";

#[test]
fn other_rules_need_no_evidence_and_say_what_changed() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.write("none.yml", NO_RULE);
    scratch.investigate("a.jsonl --rules none.yml --no-built-in-rules").expect(0);
    assert!(scratch.lines("detections.jsonl").is_empty());
    std::fs::remove_file(scratch.path("a.jsonl")).expect("the evidence goes away");
    let hunt = |more: &[&str]| {
        scratch.piste(&[&["hunt", "--case", CASE, "--at", "2021-03-28T09:00:00Z"], more].concat())
    };
    let run = hunt(&[]).expect(0);
    assert!(run.err.contains("Against the last hunt: 1 detections more, 0 gone"), "{}", run.err);
    let found = scratch.lines("detections.jsonl");
    assert_eq!(found.iter().map(|one| text(one, "path")).collect::<Vec<_>>(), ["a.jsonl"]);
    assert_eq!(scratch.summary()["events"], 3);
    let run = hunt(&["--rules", "none.yml", "--no-built-in-rules"]).expect(0);
    assert!(run.err.contains("0 detections more, 1 gone"), "{}", run.err);
    hunt(&["--json"]).expect(0);
    assert_eq!(scratch.lines("detections.jsonl"), found);
}

#[test]
fn a_case_that_is_not_there_or_half_read_is_refused() {
    let scratch = Scratch::new();
    let run = scratch.piste(&["hunt", "--case", CASE]).expect(2);
    assert!(run.err.contains("there is no case"), "{}", run.err);
    scratch.write("a.jsonl", three(1));
    scratch.investigate("a.jsonl").expect(0);
    let ledger = std::fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("there is a ledger");
    let cut = ledger.lines().take_while(|line| !line.contains("run.finished"));
    let cut: String = cut.flat_map(|line| [line, "\n"]).collect();
    scratch.write("case/ledger.jsonl", cut);
    let run = scratch.piste(&["hunt", "--case", CASE]).expect(4);
    assert!(run.err.contains("did not finish"), "{}", run.err);
}

#[test]
fn the_hunt_over_the_lake_is_the_hunt_over_the_evidence() {
    let names = ["sigma-regression", "security-datasets", "evtx-attack-samples", "evtx-samples"];
    let (Some(evidence), Some(rules)) =
        (names.map(real).into_iter().collect::<Option<Vec<_>>>(), real("sigma"))
    else {
        return;
    };
    let scratch = Scratch::new();
    let evidence: Vec<String> = evidence.iter().map(|path| path.display().to_string()).collect();
    let rules = rules.display().to_string();
    let run = |arguments: &[&str]| {
        let paths = evidence.iter().map(String::as_str);
        let given: Vec<&str> = if arguments.contains(&"investigate") { paths.collect() } else { Vec::new() };
        let run = scratch.piste(&[arguments, &given].concat());
        assert!(matches!(run.code, 0 | 3), "{}", run.err);
    };
    run(&["investigate", "--case", "fresh", "--rules", &rules]);
    run(&["investigate", "--case", "again"]);
    run(&["hunt", "--case", "again", "--rules", &rules, "--threads", "1"]);
    for name in ["detections.jsonl", "timeline.csv", "evidence.jsonl", "issues.jsonl", "rules_not_run.jsonl"]
    {
        let read = |case: &str| {
            std::fs::read_to_string(scratch.path(case).join("out").join(name)).expect("it is there")
        };
        assert!(read("fresh") == read("again"), "{name} differs");
    }
    let [fresh, mut again] = ["fresh", "again"].map(|case| scratch.summary_in(case));
    again["new"] = serde_json::Value::Null; // the one case has an earlier run to compare with
    assert_eq!(fresh, again);
    assert!(scratch.lines_in("again", "detections.jsonl").len() > 1_000);
}
