//! What each modifier answers for each kind of value, by the words of the Sigma specification.
//!
//! In: a modifier with a value, and a field that is missing, null, empty, a dash, a list, a number, non-ASCII. Out: the
//! answer, written by hand. `None` in a row means that the field is missing; a list is the event's `Data`.

use piste_hunt::{Engine, VectorEngine, plan};
use piste_lake::{Context, Format};
use piste_model::EvidenceId;
use piste_parse::{Splitter, parse_block};
use piste_rules::LoadOptions;

/// The values of the columns below, as JSON members of one event.
const VALUES: [(&str, &str); 9] = [
    ("missing", ""),
    ("null", r#","F":null"#),
    ("empty", r#","F":"""#),
    ("dash", r#","F":"-""#),
    ("number", r#","F":42"#),
    ("text", r#","F":"Net user /ADD""#),
    ("accent", r#","F":"ÉCOLE-Ångström""#),
    ("address", r#","F":"::ffff:10.1.2.3""#),
    ("time", r#","F":"2021-03-14 23:40:12.987""#),
];

fn rule(selection: &str, condition: &str) -> String {
    format!(
        "title: t\nid: 11111111-0000-4000-8000-000000000000\nstatus: test\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n{selection}\n    condition: {condition}\nlevel: low\n"
    )
}

/// Whether a rule matches an event with these further members.
fn holds(selection: &str, condition: &str, members: &str) -> Result<bool, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rule.yml"), rule(selection, condition)).expect("writes");
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let rules = piste_rules::load(&LoadOptions::of(&[folder.path().to_owned()], false), &sources)
        .map_err(|error| error.to_string())?;
    let (plan, not_planned) = plan::plan(&rules);
    if let Some(one) = not_planned.first() {
        return Err(one.reason.clone());
    }
    let engine = VectorEngine::new(&rules, plan);
    let line = format!(
        "{{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"SourceName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"H\",\"TimeCreated\":\"2021-03-14T01:40:12Z\",\"Other\":\"net USER\"{members}}}\n"
    );
    let cx = Context { evidence: EvidenceId(1), path: "t.jsonl", sources: &sources, host_hint: None };
    let mut input = line.as_bytes();
    let block = Splitter::new(Format::JsonLines).next_block(&mut input).expect("it reads").expect("a block");
    let parsed = parse_block(Format::JsonLines, &block, &cx);
    assert_eq!(parsed.records, 1, "{:?}", parsed.issues);
    Ok(parsed.batches.iter().any(|batch| !engine.hits(batch).is_empty()))
}

/// `F|modifiers: value` holds for exactly these of [`VALUES`].
#[track_caller]
fn check(item: &str, expected: &str) {
    let selection = format!("    selection:\n        {item}");
    let found: Vec<&str> = VALUES
        .iter()
        .filter(|(_, members)| holds(&selection, "selection", members).expect("the rule runs"))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(found.join(" "), expected, "{item}");
    // What does not hold holds inverted: two values, never a third.
    let not: Vec<&str> = VALUES
        .iter()
        .filter(|(_, members)| holds(&selection, "not selection", members).expect("the rule runs"))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(found.len() + not.len(), VALUES.len(), "{item}: {found:?} {not:?}");
}

#[test]
fn comparing_texts() {
    check("F: net USER /add", "text");
    check("F|cased: net USER /add", "");
    check("F|cased: Net user /ADD", "text");
    check("F: ''", "empty");
    check("F: '-'", "dash");
    check("F: école-ångström", "accent");
    check("F: ''", "empty");
    check("F|contains: USER", "text");
    check("F|contains|cased: USER", "");
    check("F|contains: gStr", "accent");
    check("F|startswith: é", "accent");
    check("F|endswith: 'Add'", "text");
    check("F|contains|all:\n            - net\n            - add", "text");
    check("F|contains|all:\n            - net\n            - nothing", "");
    check("F:\n            - ''\n            - '-'\n            - 42", "empty dash number");
    check("F|contains: 4", "number time");
    check("F|endswith: 2", "number");
}

#[test]
fn wildcards_and_escapes() {
    check("F: 'net*add'", "text");
    check("F: '*'", "empty dash number text accent address time");
    check("F: '?'", "dash");
    check("F: '??'", "number");
    check("F: '*user*'", "text");
    check(r"F: '\*'", "");
    check("F|startswith: 'n?t'", "text");
    check("F|endswith: 'a?d'", "text");
    check("F|contains: 'e?t?u'", "");
    check("F|contains: 'e??u'", "text");
}

#[test]
fn regular_expressions() {
    check("F|re: '^Net'", "text");
    check("F|re: '^net'", "");
    check("F|re|i: '^net'", "text");
    check("F|re: '^$'", "empty");
    check("F|re: '^.*$'", "empty dash number text accent address time");
    check("F|re: '^\\d+$'", "number");
    check("F|re|i: 'école'", "accent");
}

#[test]
fn numbers_networks_and_times() {
    check("F: 42", "number");
    check("F: 42.0", "number");
    check("F|gt: 41", "number");
    check("F|gte: 42", "number");
    check("F|lt: 42", "");
    check("F|lte: 42", "number");
    check("F|cidr: 10.0.0.0/8", "address");
    check("F|cidr: 11.0.0.0/8", "");
    check("F|cidr: '::/0'", "address");
    check("F|hour: 23", "time");
    check("F|minute: 40", "time");
    check("F|day: 14", "time");
    check("F|week: 10", "time");
    check("F|month: 3", "time");
    check("F|year: 2021", "time");
    check("F|hour: 22", "");
}

#[test]
fn presence_and_absence() {
    check("F: null", "missing null");
    check("F|exists: true", "empty dash number text accent address time");
    check("F|exists: false", "missing null");
    check("F:\n            - null\n            - ''", "missing null empty");
    check("F|neq: 42", "empty dash text accent address time");
    check("F|neq:\n            - 42\n            - '-'", "empty text accent address time");
    check("F|contains|neq: e", "empty dash number address time");
}

#[test]
fn other_fields_and_encodings() {
    check("F|fieldref: Other", "");
    check("F|fieldref|startswith: Other", "text");
    check("F|fieldref|startswith|cased: Other", "");
    check("F|fieldref: F", "empty dash number text accent address time");
    check("F|contains|windash: ' -add'", "text");
    let encoded =
        |members: &str, item: &str| holds(&format!("    selection:\n        {item}"), "selection", members);
    let member = r#","F":"powershell -enc SQBFAFgAKABuAGUA""#;
    assert_eq!(encoded(member, "F|wide|base64offset|contains: IEX"), Ok(true));
    assert_eq!(encoded(member, "F|base64offset|contains: IEX"), Ok(false));
    assert_eq!(encoded(r#","F":"x Zm9vYmFy""#, "F|base64|contains: foobar"), Ok(true));
    assert_eq!(encoded(r#","F":"a Zvb2Jhcg==""#, "F|base64offset|contains: foobar"), Ok(true));
    assert_eq!(encoded(r#","F":"%unknown%""#, "F|expand: '%unknown%'"), Ok(false), "it has no values");
}

#[test]
fn lists_hold_by_any_of_their_elements() {
    let list = r#","Data":["alpha","Beta","7",""]"#;
    let list =
        |item: &str| holds(&format!("    selection:\n        {item}"), "selection", list).expect("it runs");
    assert!(list("Data: beta"));
    assert!(list("Data|gt: 6"));
    assert!(list("Data: ''"));
    assert!(list("Data|contains|all:\n            - lph\n            - eta"), "each by some element");
    assert!(!list("Data|contains|all:\n            - lph\n            - gamma"));
    assert!(!list("Data|neq: alpha"), "some element is");
    assert!(list("Data|neq: gamma"), "no element is");
    assert!(!list("Data: null"));
    assert!(list("Data|exists: true"));
}

#[test]
fn a_field_with_several_values_holds_by_any_of_them() {
    let list = r#","F":["alpha","Beta",7],"G":"seven""#;
    let list =
        |item: &str| holds(&format!("    selection:\n        {item}"), "selection", list).expect("it runs");
    assert!(list("F: alpha"));
    assert!(list("F: beta"));
    assert!(list("F|gt: 6"));
    assert!(list("F|contains|all:\n            - lph\n            - eta"), "each by some element");
    assert!(!list("F|neq: beta"), "some element is");
    assert!(list("F|neq: gamma"), "no element is");
    assert!(!list("F: null"));
    assert!(list("F|fieldref|cased: F"));
    assert!(!list("F: seven"), "of another field");
}

#[test]
fn encodings_are_bounded() {
    let values = |count: usize| {
        let one = |number| format!("\n            - '-a -b -c -d -e{number}'");
        format!("    selection:\n        F|windash|contains:{}", (0..count).map(one).collect::<String>())
    };
    assert_eq!(holds(&values(3), "selection", r#","F":"x /a -b /c -d /e2""#), Ok(true));
    let refused = holds(&values(200), "selection", "").expect_err("it is too large");
    assert!(refused.contains("over 10000 texts"), "{refused}");
}

#[test]
fn keywords_and_conditions() {
    let two = "    keywords:\n        - USER\n        - nothing\n    other:\n        F|contains: add\n    other_2:\n        F: x";
    let text = r#","F":"Net user /ADD""#;
    let holds = |condition: &str| holds(two, condition, text);
    assert_eq!(holds("keywords"), Ok(true));
    assert_eq!(holds("keywords and other"), Ok(true));
    assert_eq!(holds("1 of other*"), Ok(true));
    assert_eq!(holds("all of other*"), Ok(false));
    assert_eq!(holds("2 of them"), Ok(true));
    assert_eq!(holds("all of them"), Ok(false));
    assert_eq!(holds("not (other_2 or not keywords)"), Ok(true));
    assert_eq!(holds("keywords and not 1 of other_*"), Ok(true));
    assert!(holds("1 of nothing*").is_err(), "a condition about nothing does not run");
    let all = "    keywords:\n        '|all':\n            - user\n            - H\n            - 'net*add'";
    assert_eq!(self::holds(all, "keywords", text), Ok(false), "the host is no text of the event");
    let all = "    keywords:\n        '|all':\n            - user\n            - 'net*add'";
    assert_eq!(self::holds(all, "keywords", text), Ok(true));
}
