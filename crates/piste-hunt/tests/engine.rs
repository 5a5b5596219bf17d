//! The row engine on rows as the parsers make them: the gate, missing fields, keywords.

use std::path::Path;

use piste_hunt::{Engine, RowEngine};
use piste_lake::{Context, Format};
use piste_model::EvidenceId;
use piste_parse::{Splitter, parse_block};

/// Titles of the rules that match the lines, each once.
fn matched(rules: &str, lines: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rules.yml"), rules).expect("writes");
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let rules =
        piste_rules::load(&piste_rules::LoadOptions::of(&[folder.path().to_owned()], false), &sources)
            .expect("the rules load");
    assert!(rules.not_run.iter().all(|rule| rule.slug == "rule-no-source"), "{:?}", rules.not_run);
    let (engine, not_compiled) = RowEngine::new(&rules);
    assert!(not_compiled.is_empty(), "{not_compiled:?}");
    let cx = Context { evidence: EvidenceId(1), path: "t.jsonl", sources: &sources, host_hint: None };
    let mut splitter = Splitter::new(Format::JsonLines);
    let mut input = lines.as_bytes();
    let mut titles = Vec::new();
    while let Some(block) = splitter.next_block(&mut input).expect("a slice reads") {
        let parsed = parse_block(Format::JsonLines, &block, &cx);
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        for batch in parsed.batches {
            titles.extend(
                engine
                    .hits(&batch)
                    .iter()
                    .map(|hit| rules.rules.get(hit.rule).expect("a rule of the set").title.clone()),
            );
        }
    }
    titles.sort();
    titles.dedup();
    titles
}

fn rule(title: &str, logsource: &str, detection: &str) -> String {
    let id = format!(
        "{:08x}-0000-4000-8000-000000000000",
        title.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte))
    );
    format!(
        "title: {title}\nid: {id}\nstatus: test\nlogsource:\n{logsource}\ndetection:\n{detection}\n    condition: selection\nlevel: low\n---\n"
    )
}

const PROCESS: &str = "    product: windows\n    category: process_creation";

#[track_caller]
fn check(detection: &str, line: &str, expected: bool) {
    let rules = rule("one", PROCESS, detection);
    assert_eq!(!matched(&rules, line).is_empty(), expected, "{detection} on {line}");
}

fn sysmon(fields: &str) -> String {
    format!(
        "{{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"SourceName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"H\",\"TimeCreated\":\"2021-03-14T01:40:12Z\"{fields}}}\n"
    )
}

#[test]
fn a_rule_of_another_channel_or_product_never_matches() {
    let selection = "    selection:\n        CommandLine|contains: whoami";
    let rules = [
        rule("process", PROCESS, selection),
        rule("linux", "    product: linux\n    category: process_creation", selection),
        rule("security", "    product: windows\n    service: security", selection),
        rule("file", "    product: windows\n    category: file_event", selection),
    ]
    .concat();
    assert_eq!(matched(&rules, &sysmon(",\"CommandLine\":\"cmd /c whoami\"")), ["process"]);
    let elsewhere = sysmon(",\"CommandLine\":\"cmd /c whoami\"")
        .replace("Microsoft-Windows-Sysmon/Operational", "Application");
    assert!(matched(&rules, &elsewhere).is_empty(), "event id 1 of another channel is no process creation");
}

#[test]
fn the_4688_of_security_has_the_taxonomys_names() {
    let line = "{\"EventID\":4688,\"Channel\":\"Security\",\"SourceName\":\"Microsoft-Windows-Security-Auditing\",\"Hostname\":\"H\",\"TimeCreated\":\"2021-03-14T01:40:12Z\",\"NewProcessName\":\"C:\\\\Windows\\\\System32\\\\cmd.exe\",\"ParentProcessName\":\"C:\\\\x\\\\w3wp.exe\"}\n";
    check(
        "    selection:\n        Image|endswith: '\\cmd.exe'\n        ParentImage|endswith: '\\w3wp.exe'",
        line,
        true,
    );
}

#[test]
fn absent_empty_and_dash_are_three_things() {
    let absent = sysmon("");
    let empty = sysmon(",\"ParentImage\":\"\"");
    let dash = sysmon(",\"ParentImage\":\"-\"");
    let cases = [
        ("    selection:\n        ParentImage: null", [true, false, false]),
        ("    selection:\n        ParentImage: ''", [false, true, false]),
        ("    selection:\n        ParentImage: '-'", [false, false, true]),
        ("    selection:\n        ParentImage|exists: true", [false, true, true]),
        ("    selection:\n        ParentImage|exists: false", [true, false, false]),
    ];
    for (detection, expected) in cases {
        for (line, expected) in [&absent, &empty, &dash].into_iter().zip(expected) {
            check(detection, line, expected);
        }
    }
}

#[test]
fn numbers_and_case() {
    let line = sysmon(",\"ProcessId\":\"42\",\"Image\":\"C:\\\\WINDOWS\\\\Cmd.EXE\"");
    check("    selection:\n        EventID: 1", &line, true);
    check("    selection:\n        ProcessId|gte: 42", &line, true);
    check("    selection:\n        Image|endswith: '\\cmd.exe'", &line, true);
    check("    selection:\n        Image|endswith|cased: '\\cmd.exe'", &line, false);
}

#[test]
fn keywords_look_into_the_events_texts_and_nowhere_else() {
    let exchange = "    product: windows\n    service: msexchange-management";
    let all =
        "    selection:\n        '|all':\n            - Set-OabVirtualDirectory\n            - ExternalUrl";
    let any = "    selection:\n        - 'externalurl'";
    let rules = [rule("all", exchange, all), rule("any", exchange, any)].concat();
    let event = |rest: &str| {
        format!(
            "{{\"EventID\":1,\"Channel\":\"MSExchange Management\",\"SourceName\":\"MSExchange CmdletLogs\",\"Hostname\":\"ExternalUrl\",\"TimeCreated\":\"2021-03-14T01:40:12Z\"{rest}}}\n"
        )
    };
    // Two texts of one event, as the positional data of EVTX has them.
    let list = event(",\"Data\":[\"Set-OabVirtualDirectory\",\"-ExternalUrl x\"]");
    assert_eq!(matched(&rules, &list), ["all", "any"]);
    // The rendered text counts where the record has nothing else.
    let message = event(",\"Message\":\"Cmdlet Set-OabVirtualDirectory, parameters -ExternalUrl x\"");
    assert_eq!(matched(&rules, &message), ["all", "any"]);
    let both = event(",\"Data\":[\"Get-Mailbox\"],\"Message\":\"Set-OabVirtualDirectory -ExternalUrl\"");
    assert!(matched(&rules, &both).is_empty(), "the message only repeats what the data says");
    assert!(
        matched(&rules, &event(",\"Data\":[\"Get-Mailbox\"]")).is_empty(),
        "the host's name is no keyword"
    );
}

#[test]
fn real_rules_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sigma");
    if !folder.exists() {
        println!("skipped: {} is not here", folder.display());
        return;
    }
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let rules =
        piste_rules::load(&piste_rules::LoadOptions::of(&[folder], true), &sources).expect("the rules load");
    let (_, not_compiled) = RowEngine::new(&rules);
    assert_eq!(not_compiled.len(), 0, "{not_compiled:?}");
}

#[test]
fn encodings_of_a_whole_set_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let document = |number: usize| {
        let values = (0..3).map(|value| format!("            - '-a{number} -b -c -d -e{value}'\n"));
        let values = values.collect::<Vec<_>>().concat();
        format!(
            "title: rule {number}\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    s:\n        CommandLine|windash|contains:\n{values}    condition: s\n---\n"
        )
    };
    std::fs::write(folder.path().join("rules.yml"), (0..30).map(document).collect::<String>())
        .expect("writes");
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let options = piste_rules::LoadOptions::of(&[folder.path().to_owned()], false);
    let rules = piste_rules::load(&options, &sources).expect("the rules load");
    let (plan, refused) = piste_hunt::plan::plan(&rules);
    assert_eq!(plan.rules.iter().filter(|rule| rule.is_some()).count(), 21, "of 9,375 texts each");
    assert_eq!(refused.len(), 9);
    assert!(refused.iter().all(|one| one.reason.contains("200000 texts together")), "{refused:?}");
}
