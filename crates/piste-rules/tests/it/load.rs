//! Sets of the user's own: what loads, what is reported, what stops.
//!
//! In: scratch folders. Out: the reports and errors as a user reads them.

use std::fs;
use std::path::{Path, PathBuf};

use piste_rules::{LoadOptions, RuleError, RuleSet, load, logsource_label};

use crate::sources;

fn rule(id: &str, logsource: &str) -> String {
    format!("title: T{id}\nid: {id}\nlogsource: {{{logsource}}}\ndetection: {{a: {{b: c}}, condition: a}}\n")
}

const WINDOWS: &str = "product: windows, category: process_creation";

/// Writes files into a scratch folder.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a scratch folder");
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, content).expect("written");
    }
    root
}

fn load_all(paths: &[&Path]) -> Result<RuleSet, RuleError> {
    let paths: Vec<PathBuf> = paths.iter().map(|&path| path.to_owned()).collect();
    load(&LoadOptions::of(&paths, false), &sources())
}

/// The set as a user sees it, without the scratch folder's name.
fn shown(set: &RuleSet, root: &Path) -> String {
    let rules = set
        .rules
        .iter()
        .map(|rule| format!("{} {}:{} {}", rule.id, rule.path, rule.line, logsource_label(rule)));
    let not_run = set.not_run.iter().map(|one| {
        let column = one.column.map(|column| format!(":{column}")).unwrap_or_default();
        let id = one.rule_id.as_deref().unwrap_or("-");
        assert!(one.hint.is_some(), "{} has no hint", one.slug);
        format!("{} {}:{}{column} {id}: {}", one.slug, one.path, one.line, one.reason)
    });
    let figures = &set.figures;
    let sets = figures.sets.iter().map(|one| format!("set {} {}", one.path, one.rules));
    let counts = format!("loaded {}, not loaded {}", figures.loaded, figures.not_loaded);
    let lines: Vec<String> = rules.chain(not_run).chain(sets).chain([counts]).collect();
    lines.join("\n").replace(&root.display().to_string(), "SET")
}

fn message(result: Result<RuleSet, RuleError>, root: &Path) -> String {
    let error = result.expect_err("refused");
    format!("error[{}]: {error}\neffect: {}\nhint: {}", error.slug(), error.effect(), error.hint())
        .replace(&root.display().to_string(), "SET")
}

#[test]
fn everything_that_does_not_run_is_said() {
    let root = folder(&[
        ("a/good.yml", rule("r1", WINDOWS).as_bytes()),
        ("a/copy.yml", rule("r1", WINDOWS).as_bytes()),
        ("b/same-id.yml", rule("r1", "product: windows, service: security").as_bytes()),
        ("b/cloud.yml", rule("r2", "product: aws, service: cloudtrail").as_bytes()),
        ("b/nowhere.yml", rule("r3", "").as_bytes()),
        ("broken.yml", b"title: x\ndetection: [\n"),
        ("compose.yaml", b"services: {web: {image: nginx}}\n"),
        ("empty.yml", b""),
        ("latin.yml", b"title: caf\xe9\n"),
        ("look.yml", rule("r4", WINDOWS).replace("{b: c}", "{'b|re': 'c(?=d)'}").as_bytes()),
    ]);
    let set = load_all(&[root.path()]).expect("loads");
    insta::assert_snapshot!(shown(&set, root.path()), @r#"
    r1 SET/a/copy.yml:1 windows/process_creation
    r2 SET/b/cloud.yml:1 aws/cloudtrail
    r3 SET/b/nowhere.yml:1 
    rule-no-source SET/b/cloud.yml:1 r2: Piste reads no source for product aws, service cloudtrail
    rule-no-source SET/b/nowhere.yml:1 r3: the rule names no log source
    rule-duplicate SET/b/same-id.yml:1 r1: its id is that of SET/a/copy.yml:1, which runs
    rule-unreadable SET/broken.yml:3:1 -: did not find expected node content
    rule-not-sigma SET/compose.yaml:1 -: a YAML document without detection: no Sigma rule
    rule-not-sigma SET/empty.yml:1 -: the file has no YAML document
    rule-unreadable SET/latin.yml:1 -: the file is not UTF-8 text, from byte 10
    rule-look-around SET/look.yml:4:26 r4: the regular expression `c(?=d)` does not compile: look-around is not supported
    set SET 3
    loaded 3, not loaded 4
    "#);
}

#[test]
fn the_first_set_wins_and_the_hash_follows_the_content() {
    let one = folder(&[("x.yml", rule("r1", WINDOWS).as_bytes())]);
    let two = folder(&[
        ("y.yml", rule("r1", "product: windows").as_bytes()),
        ("z.yml", rule("r2", WINDOWS).as_bytes()),
    ]);
    let both = load_all(&[one.path(), two.path()]).expect("loads");
    assert_eq!(both.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(both.not_run.iter().map(|one| one.slug.as_ref()).collect::<Vec<_>>(), ["rule-duplicate"]);
    assert_eq!(both.figures.sets.iter().map(|set| set.rules).collect::<Vec<_>>(), [1, 1]);

    let again = load_all(&[one.path(), two.path()]).expect("loads");
    assert_eq!((&again.sha256, &again.figures), (&both.sha256, &both.figures));
    fs::write(two.path().join("z.yml"), rule("r3", WINDOWS)).expect("written");
    assert_ne!(load_all(&[one.path(), two.path()]).expect("loads").sha256, both.sha256);
    // The set's hash does not depend on where the folder lies, and can be computed with sha256sum.
    let content = piste_model::hash::sha256_hex(rule("r1", WINDOWS).as_bytes());
    let expected = piste_model::hash::sha256_hex(format!("{content}  x.yml\n").as_bytes());
    assert_eq!(both.figures.sets[0].sha256, expected);
}

#[test]
fn a_file_is_a_set_and_the_same_set_twice_is_one() {
    let root = folder(&[("x.sigma", rule("r1", WINDOWS).as_bytes())]);
    let file = root.path().join("x.sigma");
    let set = load_all(&[&file, &file]).expect("loads");
    insta::assert_snapshot!(shown(&set, root.path()), @r"
    r1 SET/x.sigma:1 windows/process_creation
    set SET/x.sigma 1
    set SET/x.sigma 0
    loaded 1, not loaded 0
    ");
}

#[test]
fn paths_that_give_nothing_stop_the_command() {
    let root = folder(&[
        ("readme.md", b"x"),
        ("bad/x.yml", b"title: x\ndetection: {a: {b: c}}\n"),
        ("bad/y.yml", b"- 1\n"),
    ]);
    let at = |name: &str| message(load_all(&[&root.path().join(name)]), root.path());
    insta::assert_snapshot!(at("nosuch"), @r"
    error[rules-missing]: there are no rules at `SET/nosuch`: no such file or folder
    effect: nothing was hunted
    hint: check the path given to --rules or --yara
    ");
    insta::assert_snapshot!(at("bad"), @r"
    error[rules-none-load]: no rule of `SET/bad` loads; SET/bad/x.yml:1: Missing required field 'condition'
    effect: nothing was hunted
    hint: see each reason: piste rules check SET/bad
    ");
    insta::assert_snapshot!(at("bad/y.yml"), @r"
    error[rules-none-load]: no rule of `SET/bad/y.yml` loads; SET/bad/y.yml:1: a YAML document without detection: no Sigma rule
    effect: nothing was hunted
    hint: see each reason: piste rules check SET/bad/y.yml
    ");
    fs::remove_dir_all(root.path().join("bad")).expect("removed");
    insta::assert_snapshot!(message(load_all(&[root.path()]), root.path()), @r"
    error[rules-no-files]: there is no rule file (*.yml, *.yaml) in `SET`
    effect: nothing was hunted
    hint: give a folder that holds Sigma rules, or a rule file itself
    ");
    insta::assert_snapshot!(message(load_all(&[]), root.path()), @r"
    error[rules-none-given]: no rules were given, and the built-in ones are left out
    effect: nothing was hunted
    hint: give a folder of Sigma rules with --rules
    ");
}
