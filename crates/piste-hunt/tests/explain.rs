//! What an explanation says, and that it says what the hunt does.
//!
//! In: Piste's own rules and the rows of the built-in scenario; rules and events written here. Out: for each rule and row the
//! same verdict as the engine's, and texts that name what did not hold.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use piste_hunt::explain::{Explanation, Part, explain};
use piste_hunt::{Engine, VectorEngine, plan};
use piste_lake::pipeline::{self, Step};
use piste_lake::{Batch, Context, Format, Sealer};
use piste_model::EvidenceId;
use piste_parse::{Splitter, parse_block};
use piste_rules::{LoadOptions, RuleSet};

/// Rows of each shape that are explained beside those that match.
const ROWS_OF_A_SHAPE: usize = 2;
/// Rows of each rule that are explained because it matches them.
const HITS_OF_A_RULE: usize = 2;

/// Batches of the built-in scenario.
fn demo() -> Vec<Batch> {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = folder.path().join("evidence");
    let scenario = piste_lab::built_in("ministry").expect("it is built in");
    piste_lab::generate(&scenario, 1, &evidence, &folder.path().join("truth.json")).expect("it is written");
    let tmp = folder.path().join("tmp");
    std::fs::create_dir(&tmp).expect("a scratch folder");
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let mut intake = Sealer::new(&tmp, Vec::new(), &|_| {}).seal(&[evidence]).expect("it seals");
    for (item, id) in intake.items.iter_mut().zip(1..) {
        item.id = EvidenceId(id);
    }
    let units = piste_lake::plan::plan(&intake.items, "test", "");
    let input = pipeline::Input {
        items: &intake.items,
        units: &units,
        done: &vec![false; units.len()],
        left_out: &std::collections::BTreeSet::new(),
        tmp: &tmp,
        passwords: &[],
        sources: &sources,
        threads: 2,
        time: piste_lake::FileTime::default(),
        stop: &AtomicBool::new(false),
        progress: &|_| {},
    };
    let batches = Mutex::new(Vec::new());
    let work = |_: &piste_lake::Item, parsed: piste_lake::Parsed| {
        batches.lock().expect("no other failed").extend(parsed.batches);
    };
    pipeline::run(&input, &work, &mut |_: Step<()>| Ok(())).expect("the evidence is read");
    batches.into_inner().expect("no other failed")
}

fn load(options: &LoadOptions) -> (RuleSet, VectorEngine) {
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let rules = piste_rules::load(options, &sources).expect("the rules load");
    let (plan, not_planned) = plan::plan(&rules);
    assert_eq!(not_planned, Vec::new());
    let engine = VectorEngine::new(&rules, plan);
    (rules, engine)
}

/// What the parts say of the whole.
fn verdict(of: &Explanation) -> bool {
    of.logsource.fits && of.logsource.met && of.conditions.iter().any(|one| one.holds)
}

#[test]
fn an_explanation_says_what_the_hunt_does() {
    let (rules, engine) = load(&LoadOptions::of(&[], true));
    let (mut of_shape, mut of_rule) = (BTreeMap::new(), BTreeMap::new());
    let (mut explained, mut matched) = (0, 0);
    for batch in demo() {
        let hits = engine.hits(&batch);
        for row in 0..batch.rows.num_rows() {
            let mut few = false;
            for hit in hits.iter().filter(|hit| hit.row == row) {
                let count: &mut usize = of_rule.entry(hit.rule).or_default();
                *count += 1;
                few |= *count <= HITS_OF_A_RULE;
            }
            let seen: &mut usize = of_shape.entry(batch.shape.clone()).or_default();
            *seen += 1;
            if *seen > ROWS_OF_A_SHAPE && !few {
                continue;
            }
            let one = batch.rows.slice(row, 1);
            for (number, rule) in rules.rules.iter().enumerate() {
                let found = explain(rule, &batch.shape.dataset, &one).expect("the rule runs");
                let hit = hits.iter().any(|hit| hit.row == row && hit.rule == number);
                assert_eq!((found.matches, verdict(&found)), (hit, hit), "{} on row {row}", rule.title);
                explained += 1;
                matched += usize::from(hit);
            }
        }
    }
    println!("{explained} explanations, {matched} of matches");
    assert!(explained > 1_000 && matched > 20, "{explained} {matched}");
}

/// The explanation of a rule of process creation by an event with these further members.
fn explained(detection: &str, members: &str) -> Explanation {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = format!(
        "title: t\nid: 11111111-0000-4000-8000-000000000000\nstatus: test\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n{detection}\nlevel: low\n"
    );
    std::fs::write(folder.path().join("rule.yml"), rule).expect("writes");
    let (rules, engine) = load(&LoadOptions::of(&[folder.path().to_owned()], false));
    let line = format!(
        "{{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"SourceName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"H\",\"TimeCreated\":\"2021-03-14T01:40:12Z\"{members}}}\n"
    );
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let cx = Context { evidence: EvidenceId(1), path: "t.jsonl", sources: &sources, host_hint: None };
    let mut input = line.as_bytes();
    let block = Splitter::new(Format::JsonLines).next_block(&mut input).expect("it reads").expect("a block");
    let parsed = parse_block(Format::JsonLines, &block, &cx);
    let batch = parsed.batches.first().expect("a row");
    let rule = rules.rules.first().expect("a rule");
    let found = explain(rule, &batch.shape.dataset, &batch.rows).expect("the rule runs");
    assert_eq!(found.matches, !engine.hits(batch).is_empty());
    assert_eq!(found.matches, verdict(&found));
    found
}

/// Each part on a line: `+` where it holds.
fn outline(parts: &[Part], depth: usize, lines: &mut Vec<String>) {
    for part in parts {
        let sign = if part.holds { '+' } else { '-' };
        let mut line = format!("{}{sign} {}", "  ".repeat(depth), part.text);
        if let Some(value) = &part.value {
            line = format!("{line} = {value}");
        }
        if let Some(row) = &part.row {
            line = format!("{line} {row:?}");
        }
        lines.push(line);
        outline(&part.parts, depth + 1, lines);
    }
}

#[track_caller]
fn check(detection: &str, members: &str, expected: &str) {
    let found = explained(detection, members);
    let mut lines = Vec::new();
    outline(&found.conditions, 0, &mut lines);
    outline(&found.selections, 0, &mut lines);
    assert_eq!(lines.join("\n"), expected.trim_matches('\n'));
}

#[test]
fn each_part_is_told_by_itself() {
    check(
        "    selection:\n        Image|endswith: '\\w3wp.exe'\n        CommandLine|contains|all:\n            - who\n            - net\n    filter:\n        - User: x\n        - User: null\n          Other: 5\n    condition: selection and not (filter or keys)\n    keys:\n        - abc\n        - whoami",
        ",\"Image\":\"C:\\\\cmd.exe\",\"CommandLine\":\"cmd /c whoami\"",
        r#"
- selection and not (filter or keys)
  - selection
  - not (filter or keys)
    + filter or keys
      - filter
      + keys
- filter, any of
  - all of
    - User = x []
  - all of
    + User = null []
    - Other = 5 []
+ keys
  - keyword = abc
  + keyword = whoami
- selection
  - Image|endswith = \w3wp.exe ["C:\\cmd.exe"]
  - CommandLine|contains|all ["cmd /c whoami"]
    +  = who
    -  = net
"#,
    );
}

#[test]
fn values_and_modifiers_stand_as_they_are_written() {
    check(
        "    selection:\n        A|neq:\n            - x\n            - y\n        B|re|i: ^q.$\n        C|windash|contains: ' -enc'\n        D|base64offset|contains: cmd\n        E|fieldref: B\n        F|exists: true\n    condition: 1 of selec*",
        ",\"A\":\"x\",\"B\":\"QX\",\"C\":\"p /enc\",\"D\":\"xY21k\",\"E\":\"qx\",\"F\":\"\"",
        r#"
- 1 of selec*
- selection
  - A|neq ["x"]
    -  = x
    +  = y
  + B|re|i = ^q.$ ["QX"]
  + C|windash|contains =  -enc ["p /enc"]
  + D|base64offset|contains = cmd ["xY21k"]
  + E|fieldref = B ["qx"]
  + F|exists = true [""]
"#,
    );
}
