//! How rows are cut into batches changes nothing, and neither does which engine looks at them.
//!
//! In: invented events of few words, so that much is equal, and rules that use every kind of test. Out: the same hits for
//! all events in one batch, for each alone, in any order, after other batches, and from the row engine.

use piste_hunt::{Engine, RowEngine, VectorEngine, plan};
use piste_lake::{Batch, Context, Format};
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::{Splitter, parse_block};
use piste_rules::{LoadOptions, RuleSet};
use proptest::prelude::*;

/// Selections; each is a rule with the condition beside it.
const RULES: [(&str, &str); 14] = [
    ("s:\n        Image|endswith: '\\b.exe'", "s"),
    ("s:\n        Image|endswith: '\\b.exe'\n    t:\n        CommandLine|contains: 'aa'", "s and not t"),
    ("s:\n        Image|contains|all:\n            - a\n            - b", "s"),
    ("s:\n        CommandLine|startswith:\n            - 'A'\n            - 'b '", "not s"),
    ("s:\n        CommandLine|re: 'a+b'", "s"),
    ("s:\n        CommandLine|re|i: '^(aa|b )'\n    t:\n        User: null", "s or t"),
    ("s1:\n        User: a\n    s2:\n        Image: b\n    s3:\n        CommandLine: ''", "1 of s*"),
    (
        "s1:\n        User: a\n    s2:\n        Image|contains: b\n    s3:\n        CommandLine|exists: true",
        "2 of s*",
    ),
    ("s:\n        Count|gte: 10\n    t:\n        Count|lt: 3", "s or t"),
    ("s:\n        Address|cidr: 10.0.0.0/8", "s"),
    ("s:\n        Image|fieldref: User", "s"),
    ("keywords:\n        - aab\n        - 'b*b'", "keywords"),
    ("s:\n        Image: 'a*b'\n    t:\n        User: '?'", "s or t"),
    ("s:\n        User|cased: A\n    t:\n        User: 'é'", "s or t"),
];

fn rules(sources: &Sources) -> RuleSet {
    let folder = tempfile::tempdir().expect("a folder");
    let documents = RULES.iter().enumerate().map(|(number, (selection, condition))| {
        format!(
            "title: rule {number}\nid: {number:08x}-0000-4000-8000-000000000000\nstatus: test\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    {selection}\n    condition: {condition}\nlevel: low\n"
        )
    });
    std::fs::write(folder.path().join("rules.yml"), documents.collect::<Vec<_>>().join("---\n"))
        .expect("writes");
    let rules =
        piste_rules::load(&LoadOptions::of(&[folder.path().to_owned()], false), sources).expect("they load");
    assert_eq!((rules.rules.len(), rules.not_run.len()), (RULES.len(), 0), "{:?}", rules.not_run);
    rules
}

fn event() -> impl Strategy<Value = String> {
    let text =
        || proptest::option::of(prop_oneof!["[abA ]{0,4}", "[ab]{0,2}\\\\\\\\b\\.exe", Just("é".to_owned())]);
    let number =
        proptest::option::of(prop_oneof![Just("2"), Just("10"), Just("10.5"), Just("-1"), Just("x")]);
    let address = proptest::option::of(prop_oneof![Just("10.1.1.1"), Just("11.1.1.1"), Just("-")]);
    (text(), text(), text(), number, address).prop_map(|(image, command, user, count, address)| {
        let fields = [
            ("Image", image),
            ("CommandLine", command),
            ("User", user),
            ("Count", count.map(str::to_owned)),
            ("Address", address.map(str::to_owned)),
        ];
        let fields: String = fields
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| format!(",\"{name}\":\"{value}\"")))
            .collect();
        format!(
            "{{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"SourceName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"H\",\"TimeCreated\":\"2021-03-14T01:40:12Z\"{fields}}}\n"
        )
    })
}

fn batches(lines: &[&String], sources: &Sources) -> Vec<Batch> {
    let text: String = lines.iter().map(|line| line.as_str()).collect();
    let cx = Context { evidence: EvidenceId(1), path: "t.jsonl", sources, host_hint: None };
    let mut input = text.as_bytes();
    let block = Splitter::new(Format::JsonLines).next_block(&mut input).expect("it reads").expect("a block");
    parse_block(Format::JsonLines, &block, &cx).batches
}

/// (event, rule) of every hit; all events are of one shape.
fn hits(engine: &dyn Engine, lines: &[&String], sources: &Sources) -> Vec<(usize, usize)> {
    let batches = batches(lines, sources);
    assert_eq!(batches.len(), 1);
    batches.iter().flat_map(|batch| engine.hits(batch)).map(|hit| (hit.row, hit.rule)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn cutting_and_order_change_nothing(events in proptest::collection::vec(event(), 1..90), cut in 1_usize..90, seed in 0_usize..90) {
        let sources = piste_rules::catalog::sources().expect("the catalogue parses");
        let rules = rules(&sources);
        let (plan, not_planned) = plan::plan(&rules);
        prop_assert!(not_planned.is_empty());
        let engine = VectorEngine::new(&rules, plan);
        let all: Vec<&String> = events.iter().collect();
        let whole = hits(&engine, &all, &sources);
        let (by_row, _) = RowEngine::new(&rules);
        prop_assert_eq!(&whole, &hits(&by_row, &all, &sources), "the row engine");

        let mut parts = Vec::new();
        for (number, part) in all.chunks(cut).enumerate() {
            parts.extend(hits(&engine, part, &sources).into_iter().map(|(row, rule)| (number * cut + row, rule)));
        }
        prop_assert_eq!(&whole, &parts, "cut into batches of {}", cut);

        let mut turned = all.clone();
        turned.rotate_left(seed % all.len());
        let mut back: Vec<(usize, usize)> = hits(&engine, &turned, &sources)
            .into_iter()
            .map(|(row, rule)| ((row + seed % all.len()) % all.len(), rule))
            .collect();
        back.sort_unstable();
        prop_assert_eq!(&whole, &back, "in another order");
    }
}
