//! Resolving correlations: names, aliases, conditions, order, and the reasons of those that cannot run.

use super::*;
use rsigma_parser::parse_sigma_yaml;

fn parsed(text: &str) -> Vec<CorrelationRule> {
    let collection = parse_sigma_yaml(text).unwrap();
    assert!(collection.errors.is_empty(), "{:?}", collection.errors);
    collection.correlations
}

fn rules(name: &str) -> Option<usize> {
    ["a", "b", "c", "recon_d"].iter().position(|one| *one == name)
}

fn all(text: &str) -> (Vec<Correlation>, Vec<(usize, Reason)>) {
    let parsed = parsed(text);
    let listed: Vec<Listed<'_>> = parsed.iter().map(|rule| Listed { rule, path: "r.yml", line: 7 }).collect();
    resolve_all(&listed, &rules)
}

fn one(body: &str) -> Result<Correlation, Reason> {
    let (mut resolved, mut failed) = all(&format!("title: T\ncorrelation:\n    timespan: 90m\n{body}"));
    resolved.pop().ok_or_else(|| failed.pop().unwrap().1)
}

#[track_caller]
fn fails(body: &str, slug: &str, says: &str) {
    let reason = one(body).unwrap_err();
    assert!(reason.slug.ends_with(slug) && reason.text.contains(says), "{reason:?}");
}

#[test]
fn a_correlation_carries_all_that_it_says() {
    let text = "title: Many failed logins\nid: 0e95725d-7320-415d-80f7-004da920fc11\nstatus: test\nlevel: high\ntags: [attack.t1110.003, attack.credential_access]\ngenerate: true\ncorrelation:\n    type: event_count\n    rules: [b, a]\n    group-by: [ComputerName, ComputerName]\n    timespan: 1h\n    condition: {gte: 100, lt: 200}\n";
    let (resolved, failed) = all(text);
    assert_eq!(failed, []);
    let found = &resolved[0];
    assert_eq!(
        (found.id.as_str(), found.level, found.status.as_str()),
        ("0e95725d-7320-415d-80f7-004da920fc11", Level::High, "test")
    );
    assert_eq!((found.path.as_str(), found.line, found.generate), ("r.yml", 7, true));
    assert_eq!(
        (found.attack.as_slice(), found.tactics.as_slice()),
        (["T1110.003".to_owned()].as_slice(), ["credential-access".to_owned()].as_slice())
    );
    assert_eq!((found.timespan, found.kind), (3_600_000_000_000, Kind::EventCount));
    assert_eq!(found.references, [Reference::Rule(1), Reference::Rule(0)]);
    assert_eq!(
        found.group_by,
        [GroupField {
            name: "ComputerName".into(),
            fields: vec!["ComputerName".into(), "ComputerName".into()]
        }]
    );
    assert_eq!(
        found.predicates,
        [Predicate { operator: Operator::Lt, value: 200 }, Predicate { operator: Operator::Gte, value: 100 }]
    );
}

#[test]
fn a_correlation_can_be_kept() {
    let text = "    type: temporal\n    rules: [a, b, recon_d]\n    group-by: [User]\n    condition: a and not b or 1 of recon_*\n";
    let found = one(text).unwrap();
    let kept = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Correlation>(&kept).unwrap(), found);
}

#[test]
fn units_of_time_are_the_specifications() {
    for (text, seconds) in [("90s", 90), ("2m", 120), ("3h", 10_800), ("1d", 86_400), ("1w", 604_800)] {
        let body = format!(
            "title: T\ncorrelation:\n    type: event_count\n    rules: a\n    timespan: {text}\n    condition: {{gte: 2}}\n"
        );
        assert_eq!(all(&body).0[0].timespan, seconds * 1_000_000_000, "{text}");
    }
    let centuries = all(
        "title: T\ncorrelation:\n    type: event_count\n    rules: a\n    timespan: 900y\n    condition: {gte: 2}\n",
    );
    assert_eq!(centuries.0[0].timespan, i64::MAX);
}

#[test]
fn aliases_are_resolved_for_each_rule() {
    let found = one("    type: temporal\n    rules: [a, b]\n    group-by: [ip, User]\n    aliases:\n        ip:\n            a: SourceIp\n            b: IpAddress\n").unwrap();
    assert_eq!(found.group_by[0].fields, ["SourceIp", "IpAddress"]);
    assert_eq!(found.group_by[1].fields, ["User", "User"]);
    fails(
        "    type: temporal\n    rules: [a, b]\n    group-by: [ip]\n    aliases: {ip: {a: SourceIp}}\n",
        "-invalid",
        "alias `ip` names no field for the rule `b`",
    );
}

#[test]
fn conditions_in_words_become_a_tree() {
    let found =
        one("    type: temporal\n    rules: [a, b, recon_d]\n    condition: a and not b or 1 of recon_*\n")
            .unwrap();
    let holds = |set: &[usize]| found.condition.as_ref().unwrap().holds(&|one| set.contains(&one));
    assert!(holds(&[0]) && holds(&[2]) && holds(&[1, 2]) && holds(&[0, 1, 2]));
    assert!(!holds(&[]) && !holds(&[1]) && !holds(&[0, 1]));
    fails("    type: temporal\n    rules: [a, b]\n    condition: a and c\n", "-reference", "`c`");
    fails(
        "    type: temporal\n    rules: [a, b]\n    condition: 3 of them\n",
        "-invalid",
        "more of its rules",
    );
    fails("    type: event_count\n    rules: [a, b]\n    condition: a and b\n", "-invalid", "temporal");
}

#[test]
fn ordered_conditions_have_alternatives() {
    let ways = |condition: &str| {
        let found =
            one(&format!("    type: temporal_ordered\n    rules: [a, b, c]\n    condition: {condition}\n"));
        let ways = found.unwrap().alternatives();
        let shown = ways.iter().map(|way| format!("{:?}{:?}", way.steps, way.absent)).collect::<Vec<_>>();
        shown.join(" ")
    };
    assert_eq!(ways("all of them"), "{0, 1, 2}{}");
    assert_eq!(ways("(a or b) and c"), "{0, 2}{} {1, 2}{}");
    assert_eq!(ways("a and not (b or c)"), "{0}{1, 2}");
    assert_eq!(ways("a and not (b and c)"), "{0}{1} {0}{2}");
    assert_eq!(ways("2 of them"), "{0, 1}{} {0, 2}{} {1, 2}{}");
    assert_eq!(ways("a and not a"), "");
}

#[test]
fn temporal_counts_mean_all_the_rules_unless_written() {
    let unwritten = one("    type: temporal\n    rules: [a, b, c]\n").unwrap();
    assert_eq!((unwritten.predicates.len(), unwritten.condition), (0, None));
    let two = one("    type: temporal\n    rules: [a, b, c]\n    condition: {gte: 2}\n").unwrap();
    assert_eq!(two.predicates.len(), 1);
    let ordered = one("    type: temporal_ordered\n    rules: [a, b, c]\n    condition: {gte: 3}\n").unwrap();
    assert_eq!(ordered.predicates, []);
    fails(
        "    type: temporal_ordered\n    rules: [a, b, c]\n    condition: {gte: 2}\n",
        "-unsupported",
        "all",
    );
}

#[test]
fn what_cannot_run_says_why() {
    fails("    type: event_count\n    rules: []\n    condition: {gte: 2}\n", "-invalid", "no rules");
    fails("    type: event_count\n    rules: [zz]\n    condition: {gte: 2}\n", "-reference", "`zz`");
    fails("    type: event_count\n    rules: [a, a]\n    condition: {gte: 2}\n", "-invalid", "twice");
    fails("    type: event_count\n    rules: [a]\n    condition: {gte: -2}\n", "-invalid", "negative");
    fails("    type: event_count\n    rules: [a]\n    condition: {gte: 2, field: X}\n", "-invalid", "none");
    fails("    type: value_count\n    rules: [a]\n    condition: {gte: 2}\n", "-invalid", "needs one");
    fails(
        "    type: value_sum\n    rules: [a]\n    condition: {gte: 2, field: [X, Y]}\n",
        "-invalid",
        "several",
    );
    fails(
        "    type: value_percentile\n    rules: [a]\n    condition: {gte: 2, field: X, percentile: 101}\n",
        "-invalid",
        "percentile",
    );
    fails(
        "    type: event_count\n    rules: [a]\n    window: tumbling\n    condition: {gte: 2}\n",
        "-unsupported",
        "tumbling",
    );
}

const NEST: &str = "title: Outer\nname: outer\ncorrelation:\n    type: temporal\n    rules: [inner, b]\n    timespan: 1m\n---\ntitle: Inner\nname: inner\ncorrelation:\n    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: {gte: 2}\n";

#[test]
fn inner_correlations_come_first_and_are_silent() {
    let (resolved, failed) = all(NEST);
    assert_eq!(failed, []);
    assert_eq!(resolved.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Inner", "Outer"]);
    assert_eq!(resolved[1].references, [Reference::Correlation(0), Reference::Rule(1)]);
    let quiet = [Reference::Rule(0), Reference::Rule(1), Reference::Correlation(0)];
    assert_eq!(silent(&resolved), quiet.into());
    let (shown, _) = all(&NEST.replacen("name: outer\n", "name: outer\ngenerate: true\n", 1));
    assert_eq!(silent(&shown), [Reference::Rule(0)].into());
}

#[test]
fn circles_are_found_and_what_hangs_on_them() {
    let link = |title: &str, to: &str| {
        format!(
            "title: {title}\nname: {title}\ncorrelation:\n    type: temporal\n    rules: [{to}]\n    timespan: 1m\n"
        )
    };
    let text =
        [link("x", "y, a"), link("y", "z"), link("z", "x"), link("w", "x"), link("v", "v")].join("---\n");
    let (resolved, failed) = all(&text);
    assert_eq!(resolved, []);
    assert!(failed.iter().all(|(_, reason)| reason.slug == "rule-correlation-cycle"));
    let texts: Vec<&str> = failed.iter().map(|(_, reason)| reason.text.as_str()).collect();
    assert_eq!(texts[0], "it refers to itself: `x` → `y` → `z` → `x`");
    assert_eq!(texts[3], "it refers to correlations that refer to each other: `x` → `y` → `z` → `x`");
    assert_eq!(texts[4], "it refers to itself: `v` → `v`");
    let (resolved, failed) = all(&[link("p", "nothing"), link("q", "p"), link("r", "a")].join("---\n"));
    assert_eq!(resolved.len(), 1);
    assert_eq!(failed[1].1.text, "it refers to the correlation `p`, which cannot run");
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let chain: Vec<String> = (0..3_000)
        .map(|n| {
            let to = if n == 2_999 { "a".to_owned() } else { format!("n{}", n + 1) };
            format!("title: n{n}\nname: n{n}\ncorrelation:\n    type: temporal\n    rules: [{to}]\n    timespan: 1m\n")
        })
        .collect();
    let (resolved, failed) = all(&chain.join("---\n"));
    assert_eq!((resolved.len(), failed.len()), (3_000, 0));
}
