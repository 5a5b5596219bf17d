//! What is done to rules before they are hunted with: filters, pipelines, placeholders, selection, correlations.
//!
//! In: scratch folders. Out: which events the rules match afterwards, by `rsigma-eval` as the independent engine.

use std::fs;
use std::path::{Path, PathBuf};

use piste_model::Level;
use piste_rules::{LoadOptions, RuleError, RuleSet, Selection, load};
use rsigma_eval::{Engine, event::JsonEvent};
use serde_json::{Value, json};

use crate::sources;

/// A scratch folder of rules, and what is asked for besides.
struct Case {
    root: tempfile::TempDir,
    options: LoadOptions,
}

impl Case {
    fn new(rules: &[&str]) -> Self {
        let root = tempfile::tempdir().expect("a scratch folder");
        fs::create_dir(root.path().join("rules")).expect("made");
        let case = Self { options: LoadOptions::of(&[root.path().join("rules")], false), root };
        for (number, rule) in rules.iter().enumerate() {
            case.write(&format!("rules/{number}.yml"), rule);
        }
        case
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    fn load(&self) -> Result<RuleSet, RuleError> {
        load(&self.options, &sources())
    }

    fn loaded(&self) -> RuleSet {
        self.load().expect("loads")
    }

    /// `slug reason`, a line each.
    fn not_run(&self) -> Vec<String> {
        self.loaded().not_run.iter().map(|one| format!("{} {}", one.slug, one.reason)).collect()
    }
}

/// Whether the first rule matches.
#[track_caller]
fn matches(set: &RuleSet, event: &Value) -> bool {
    let mut engine = Engine::new();
    let sigma = set.rules.first().expect("a rule").sigma.as_deref().expect("just parsed");
    engine.add_rule(sigma).expect("compiles");
    !engine.evaluate(&JsonEvent::borrow(event)).is_empty()
}

const RULE: &str = "title: T\nid: r1\nname: rule_one\nlogsource: {product: windows, category: process_creation}\n\
                    detection: {selection: {Image: a}, condition: selection}\n";

fn filter(rules: &str, logsource: &str, detections: &str) -> String {
    format!("title: F\nid: f1\nlogsource: {{{logsource}}}\nfilter:\n  rules: {rules}\n  {detections}\n")
}

const USER: &str = "selection: {User: svc}\n  condition: not selection";

/// The rule with the filter: which of the events match, `I` for Image a, `U` for User svc.
#[track_caller]
fn check(rule: &str, filter: &str, matching: &[Value], other: &[Value]) {
    // The order of files must not matter.
    for files in [[rule, filter], [filter, rule]] {
        let case = Case::new(&files);
        let set = case.loaded();
        for event in matching {
            assert!(matches(&set, event), "should match: {event}\n{:?}", set.not_run);
        }
        for event in other {
            assert!(!matches(&set, event), "should not match: {event}");
        }
    }
}

#[test]
fn a_filter_is_applied_to_the_rules_that_it_is_for() {
    let (plain, by_svc) = (json!({"Image": "a"}), json!({"Image": "a", "User": "svc"}));
    let both = [plain.clone()];
    let without = [by_svc.clone(), json!({"Image": "b"})];
    // By id, by name, in any case of the id, for any rule, with less of a log source, with none.
    check(RULE, &filter("[r1]", "product: windows, category: process_creation", USER), &both, &without);
    check(RULE, &filter("[rule_one]", "category: process_creation", USER), &both, &without);
    check(RULE, &filter("[other, R1]", "product: Windows", USER), &both, &without);
    check(RULE, &filter("r1", "product: windows", USER), &both, &without);
    check(RULE, &filter("any", "product: windows", USER), &both, &without);
    let unbound = filter("[r1]", "", USER).replace("logsource: {}\n", "");
    check(RULE, &unbound, &both, &without);
}

#[test]
fn a_filter_leaves_other_rules_alone_and_says_that_it_is_idle() {
    let all = [json!({"Image": "a"}), json!({"Image": "a", "User": "svc"})];
    for (rules, logsource) in [
        ("[r2]", "product: windows"),
        ("[Rule_One]", "product: windows"),
        ("[r1]", "product: linux"),
        ("[r1]", "product: windows, service: security"),
        ("any", "category: dns_query"),
        ("[any]", "product: windows"),
    ] {
        let idle = filter(rules, logsource, USER);
        check(RULE, &idle, &all, &[json!({"Image": "b", "User": "x"})]);
        assert_eq!(
            Case::new(&[RULE, &idle]).not_run(),
            ["rule-filter-unused a filter that fits none of the rules given"],
            "{rules} {logsource}"
        );
    }
}

#[test]
fn selectors_of_rule_and_filter_keep_apart() {
    let (plain, by_svc) = (json!({"Image": "a"}), json!({"Image": "a", "User": "svc"}));
    for condition in
        ["1 of them", "all of them", "1 of sel*", "all of sel*", "1 of *", "all of *", "not 1 of x*"]
    {
        let rule = RULE.replace("condition: selection", &format!("condition: {condition}"));
        let rule = if condition.contains('x') {
            rule.replace("{Image: a}", "{Image: a}, xx: {Image: c}")
        } else {
            rule
        };
        for other in ["not 1 of them", "not all of sel*", "not 1 of sel*", "not 1 of *", "not selection"] {
            let detections = format!("selection: {{User: svc}}\n  condition: {other}");
            check(
                &rule,
                &filter("[r1]", "product: windows", &detections),
                std::slice::from_ref(&plain),
                std::slice::from_ref(&by_svc),
            );
        }
    }
    // A selection of the same name in both, and one that looks like a name that filters are given.
    let rule = RULE.replace(
        "{Image: a}, condition: selection",
        "{Image: a}, filter_1_selection: {User: svc}, condition: 1 of filter_1* or selection",
    );
    check(&rule, &filter("[r1]", "product: windows", USER), &[plain], &[by_svc, json!({"User": "svc"})]);
}

#[test]
fn counted_selectors_count_their_own() {
    let rule = RULE.replace(
        "{selection: {Image: a}, condition: selection}",
        "{s1: {A: 1}, s2: {B: 1}, s3: {C: 1}, condition: 2 of s*}",
    );
    let detections = "s4: {D: 1}\n  s5: {E: 1}\n  s6: {F: 1}\n  condition: not 2 of s*";
    check(
        &rule,
        &filter("[r1]", "product: windows", detections),
        &[json!({"A": 1, "B": 1}), json!({"A": 1, "C": 1, "D": 1})],
        &[json!({"A": 1, "D": 1}), json!({"A": 1, "B": 1, "D": 1, "E": 1}), json!({"D": 1, "E": 1})],
    );
}

#[test]
fn several_conditions_and_several_filters() {
    let rule = RULE.replace("condition: selection", "other: {Image: b}, condition: [selection, other]");
    check(
        &rule,
        &filter("[r1]", "product: windows", USER),
        &[json!({"Image": "a"}), json!({"Image": "b"})],
        &[json!({"Image": "a", "User": "svc"}), json!({"Image": "b", "User": "svc"})],
    );
    let second = filter("any", "product: windows", "selection: {Host: h}\n  condition: not selection")
        .replace("f1", "f2");
    let set = Case::new(&[RULE, &filter("[r1]", "product: windows", USER), &second]).loaded();
    assert!(matches(&set, &json!({"Image": "a", "User": "x", "Host": "g"})));
    assert!(!matches(&set, &json!({"Image": "a", "User": "svc", "Host": "g"})));
    assert!(!matches(&set, &json!({"Image": "a", "User": "x", "Host": "h"})));
}

const EXPAND: &str = "title: E\nid: e1\nlogsource: {product: windows}\n\
                      detection: {a: {'User|expand': '%admins%'}, condition: a}\n";

#[test]
fn placeholders_are_spelt_out_or_named() {
    let mut case = Case::new(&[EXPAND, RULE]);
    assert_eq!(
        case.not_run(),
        ["rule-placeholder-unknown no file given with --placeholders defines the placeholder `%admins%`"]
    );
    case.write("expand/admins.txt", "root\r\n\nadm-*\n");
    case.options.placeholders = vec![case.root.path().join("expand")];
    let set = case.loaded();
    assert!(set.not_run.is_empty() && set.figures.loaded == 2, "{:?}", set.not_run);
    for (user, expected) in [("root", true), ("ADM-jd", true), ("%admins%", false), ("x", false)] {
        assert_eq!(matches(&set, &json!({"User": user})), expected, "{user}");
    }
    let before = set.sha256;
    case.options.placeholders = vec![case.write("list.yaml", "admins: [root, 7]\n")];
    let set = case.loaded();
    assert!(matches(&set, &json!({"User": "7"})) && !matches(&set, &json!({"User": "adm-x"})));
    assert_ne!(set.sha256, before);
    case.options.placeholders = vec![case.write("bad.yaml", "admins: {a: b}\n")];
    assert_eq!(case.load().expect_err("refused").slug(), "rules-placeholders");
}

#[test]
fn under_all_each_value_is_a_list_of_its_own() {
    let rule = EXPAND.replace("'User|expand': '%admins%'", "'C|expand|contains|all': ['%x%', '-%y%-']");
    let mut case = Case::new(&[&rule]);
    case.options.placeholders = vec![case.write("list.yaml", "x: [a1, a2]\ny: [b1, b2]\n")];
    let set = case.loaded();
    assert!(matches(&set, &json!({"C": "zz a2 -b1-"})));
    assert!(!matches(&set, &json!({"C": "a1 a2"})) && !matches(&set, &json!({"C": "a1 b1"})));
}

#[test]
fn pipelines_run_by_priority_and_refuse_what_they_would_not_do() {
    let mut case = Case::new(&[RULE]);
    let first =
        "name: one\npriority: 10\ntransformations:\n  - {type: field_name_mapping, mapping: {Image: Path}}\n";
    let second = "name: two\npriority: 20\ntransformations:\n  - {type: field_name_prefix, prefix: p.}\n  \
                  - {type: add_condition, conditions: {EventID: 1}}\n  - {type: change_logsource, service: sysmon}\n";
    case.options.pipelines = vec![case.write("2.yml", second), case.write("1.yml", first)];
    let set = case.loaded();
    assert!(matches(&set, &json!({"p.Path": "a", "EventID": 1})));
    assert!(!matches(&set, &json!({"p.Path": "a"})) && !matches(&set, &json!({"Image": "a", "EventID": 1})));
    assert_eq!(set.rules[0].logsource.service.as_deref(), Some("sysmon"));
    for (step, what) in [
        ("{type: nosuch}", "step 1: Piste does not apply `nosuch`"),
        ("{type: regex}", "step 1: Piste does not apply `regex`"),
        (
            "{type: add_condition, conditions: {a: b}, template: true}",
            "step 1: Piste does not apply `template` with `add_condition`",
        ),
        (
            "{type: change_logsource, product: x, field_name_conditions: []}",
            "step 1: Piste does not apply `field_name_conditions` with `change_logsource`",
        ),
        (
            "{type: field_name_prefix, prefix: x, rule_cond_op: or}",
            "step 1: Piste does not apply `rule_cond_op` with `field_name_prefix`",
        ),
        ("{type: case, case: camel}", "step 1: `camel` is no `case` that Piste knows"),
    ] {
        let path = case.write("bad.yml", &format!("name: x\ntransformations:\n  - {step}\n"));
        case.options.pipelines = vec![path.clone()];
        let message = case.load().expect_err("refused").to_string();
        assert_eq!(message, format!("the pipeline `{}` cannot be used: {what}", path.display()));
    }
}

#[test]
fn a_pipeline_may_refuse_a_rule_and_not_the_hunt() {
    let mut case = Case::new(&[RULE, &RULE.replace("r1", "r2").replace("process_creation", "image_load")]);
    let step =
        "{type: rule_failure, message: not here, rule_conditions: [{type: logsource, category: image_load}]}";
    case.options.pipelines = vec![case.write("p.yml", &format!("name: x\ntransformations:\n  - {step}\n"))];
    assert_eq!(case.loaded().figures.loaded, 1);
    assert!(case.not_run()[0].starts_with("rule-pipeline ") && case.not_run()[0].contains("not here"));
    // A detection that a step adds is not caught by the rule's own selectors.
    let mut case = Case::new(&[&RULE.replace("condition: selection", "condition: 1 of *")]);
    let step = "{type: add_condition, conditions: {EventID: 1}}";
    case.options.pipelines = vec![case.write("p.yml", &format!("name: x\ntransformations:\n  - {step}\n"))];
    assert!(!matches(&case.loaded(), &json!({"Image": "b", "EventID": 1})));
}

#[test]
fn a_pipeline_that_would_blow_a_rule_up_costs_the_rule() {
    let twice = "  - {type: field_name_mapping, mapping: {Image: [Image, Image]}}\n".repeat(40);
    let longer = "  - {type: replace_string, regex: '(.+)', replacement: '$1$1'}\n".repeat(40);
    let wider = "  - {type: map_string, mapping: {a: [a, a, a, a]}}\n".repeat(20);
    let nested = format!(
        "  - type: nest\n    items:\n{}",
        "      - {type: field_name_mapping, mapping: {Image: [Image, Image]}}\n".repeat(40)
    );
    let prefixed = format!("  - {{type: field_name_prefix, prefix: {}}}\n", "p".repeat(900_000)).repeat(6);
    for steps in [twice, longer, wider, nested, prefixed] {
        let mut case =
            Case::new(&[RULE, &RULE.replace("r1", "r2").replace("Image", "Other").replace(": a", ": b")]);
        case.options.pipelines = vec![case.write("p.yml", &format!("name: x\ntransformations:\n{steps}"))];
        let told = match case.load() {
            Ok(set) => set
                .not_run
                .iter()
                .map(|one| format!("{} {}", one.slug, one.reason))
                .collect::<Vec<_>>()
                .join("\n"),
            Err(error) => error.to_string(),
        };
        assert!(
            told.contains("would make over")
                || told.contains("could make its texts longer")
                || told.contains("1 MiB"),
            "{told}"
        );
    }
    // Steps beyond what anybody writes are refused as a whole.
    let mut case = Case::new(&[RULE]);
    let steps = "  - {type: add_condition, conditions: {a: b}}\n".repeat(1_001);
    case.options.pipelines = vec![case.write("p.yml", &format!("name: x\ntransformations:\n{steps}"))];
    let told = case.load().expect_err("refused").to_string();
    assert!(told.contains("1001 steps") || told.contains("brackets"), "{told}");
    // What people write passes: several fields with alternatives, one step after the other.
    let mut case = Case::new(&[RULE]);
    let steps = "  - {type: field_name_mapping, mapping: {Image: [Path, Exe]}}\n\
                 \x20 - {type: field_name_mapping, mapping: {Exe: [X, Y]}}\n";
    case.options.pipelines = vec![case.write("p.yml", &format!("name: x\ntransformations:\n{steps}"))];
    let set = case.loaded();
    for field in ["Path", "X", "Y"] {
        assert!(matches(&set, &json!({field: "a"})), "{field}");
    }
}

#[test]
fn the_selection_counts_what_it_leaves_out() {
    let rule = |id: &str, more: &str| RULE.replace("r1", id).replace("name: rule_one\n", more);
    let mut case = Case::new(&[
        &rule("r1", "level: high\nstatus: test\ntags: [attack.t1505.003]\n"),
        &rule("r2", "level: low\nstatus: stable\ntags: [attack.t1003]\n"),
        &rule("r3", ""),
    ]);
    let mut check = |selection: Selection, expected: &[&str]| {
        case.options.selection = selection;
        let set = case.loaded();
        assert_eq!(set.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(set.not_selected, 3 - u64::try_from(expected.len()).expect("few"));
        set.sha256
    };
    let all = check(Selection::default(), &["r1", "r2", "r3"]);
    let high = check(Selection { level: Some(Level::Medium), ..Selection::default() }, &["r1"]);
    assert_ne!(all, high);
    check(
        Selection { statuses: vec!["stable".into(), "TEST".into()], ..Selection::default() },
        &["r1", "r2"],
    );
    check(Selection { tags: vec!["attack.t1505".into()], ..Selection::default() }, &["r1"]);
    case.options.selection = Selection { level: Some(Level::Critical), ..Selection::default() };
    assert_eq!(case.load().expect_err("nothing is left").slug(), "rules-none-selected");
}

#[test]
fn exclusions_are_listed_with_their_reason() {
    let mut case = Case::new(&[RULE, &RULE.replace("r1", "r2").replace("title: T", "title: U")]);
    let file = case.write("x.csv", "# ours\nR1,noisy here,2024-05-01\ngone,was noisy,2023-05-01\n");
    case.options.selection = Selection { exclusions: Some(file), ..Selection::default() };
    assert_eq!(
        case.not_run(),
        [
            "rule-excluded noisy here (2024-05-01)",
            "rule-exclusion-unused no rule is called `gone`, which is to be left out"
        ]
    );
    assert_eq!(case.loaded().figures.not_loaded, 0);
    case.options.selection = Selection { exclude: vec!["u".into()], ..Selection::default() };
    assert_eq!(case.not_run(), ["rule-excluded left out by --exclude-rule"]);
    let bad = case.write("bad.csv", "r1,x,2024-05-01\nr2\n");
    case.options.selection = Selection { exclusions: Some(bad.clone()), ..Selection::default() };
    let said = case.load().expect_err("refused").to_string();
    let place = format!("{}:2: ", bad.display());
    assert!(said.contains(&place), "{said}");
}

fn correlation(id: &str, rules: &str, more: &str) -> String {
    format!(
        "title: {id}\nid: {id}\nlevel: high\n{more}correlation: {{type: event_count, rules: {rules}, group-by: [User], \
         timespan: 5m, condition: {{gte: 10}}}}\n"
    )
}

#[test]
fn correlations_find_their_rules_in_any_file() {
    let reports = |texts: &[&str]| {
        let set = Case::new(texts).loaded();
        assert_eq!(set.not_run, [], "{:?}", set.not_run);
        assert_eq!(set.figures.loaded, u64::try_from(set.rules.len() + set.correlations.len()).expect("few"));
        (set.rules[0].reports, set.correlations.iter().map(|one| one.reports).collect::<Vec<_>>())
    };
    let by_name = correlation("c1", "[rule_one]", "");
    assert_eq!(reports(&[RULE, &by_name]), (false, vec![true]));
    assert_eq!(reports(&[&by_name, RULE]), (false, vec![true]));
    assert_eq!(reports(&[&format!("{by_name}---\n{RULE}")]), (false, vec![true]));
    let loud = correlation("c2", "[R1]", "generate: true\n");
    assert_eq!(reports(&[RULE, &loud]), (true, vec![true]));
    assert_eq!(reports(&[RULE, &by_name, &loud]), (true, vec![true, true]));
    let nested = correlation("c3", "[c1]", "");
    assert_eq!(reports(&[RULE, &nested, &by_name]), (false, vec![true, false]));
}

#[test]
fn a_correlation_without_its_rules_is_named_and_silences_nothing() {
    let check = |texts: &[&str], expected: &[&str]| {
        let case = Case::new(texts);
        let found: Vec<String> = case.not_run();
        assert_eq!(
            found,
            expected.iter().map(|one| format!("rule-correlation-reference {one}")).collect::<Vec<_>>()
        );
        assert!(case.loaded().rules.iter().all(|rule| rule.reports));
    };
    check(
        &[RULE, &correlation("c1", "[r1, r9]", "")],
        &["no rule has the id or name `r9` that it refers to"],
    );
    check(&[RULE, &correlation("c1", "[]", "")], &["it names no rule"]);
    let back = "the correlation `c2` that it refers to is not run, or leads back to it";
    check(
        &[RULE, &correlation("c1", "[c2]", ""), &correlation("c2", "[c1, r1]", "")],
        &[back, "the correlation `c1` that it refers to is not run, or leads back to it"],
    );
}

#[test]
fn a_selected_correlation_keeps_the_rules_that_it_needs() {
    let mut case = Case::new(&[RULE, &correlation("c1", "[rule_one]", "generate: true\n")]);
    case.options.selection = Selection { level: Some(Level::High), ..Selection::default() };
    let set = case.loaded();
    assert_eq!((set.rules.len(), set.correlations.len(), set.not_selected), (1, 1, 1));
    assert!(!set.rules[0].reports, "it is not selected itself");
    case.options.selection = Selection { exclude: vec!["r1".into()], ..Selection::default() };
    case.write("rules/9.yml", &RULE.replace("r1", "r9").replace("name: rule_one\n", ""));
    assert_eq!(case.loaded().correlations.len(), 0);
}

#[test]
fn a_set_survives_being_written_and_read_again() {
    let set = Case::new(&[RULE, "title: x\ndetection: [\n"]).loaded();
    let text = serde_json::to_string(&set).expect("serialises");
    let again: RuleSet = serde_json::from_str(&text).expect("reads back");
    assert_eq!((again.not_run, again.sha256), (set.not_run, set.sha256));
    assert!(again.rules[0].sigma.is_none() && again.rules[0].gate == set.rules[0].gate);
    assert!(Path::new(&again.rules[0].path).ends_with("rules/0.yml"));
}
