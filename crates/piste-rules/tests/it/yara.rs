//! YARA rules as users give them: good and broken files, includes, collections with an index.
//!
//! In: folders of rules written here. Out: nothing but failures.

use std::fs;
use std::path::Path;

use piste_model::Level;
use piste_rules::RuleError;
use piste_rules::yara::{YARA_BUILT_IN, YaraOptions, YaraSet};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("has one")).expect("made");
    fs::write(path, text).expect("written");
}

fn load(folder: &Path) -> Result<YaraSet, RuleError> {
    YaraSet::load(&YaraOptions { paths: vec![folder.to_owned()], ..YaraOptions::default() })
}

/// Names of the rules that match.
fn matching(set: &YaraSet, bytes: &[u8]) -> Vec<String> {
    let mut scanner = yara_x::Scanner::new(set.compiled());
    let results = scanner.scan(bytes).expect("it ends");
    let named =
        |rule: yara_x::Rule<'_, '_>| Some(set.rule(rule.namespace(), rule.identifier())?.name.clone());
    let mut names: Vec<String> = results.matching_rules().filter_map(named).collect();
    names.sort();
    names
}

/// `file:line:column slug reason`, with the folder's path cut off.
fn told(set: &YaraSet, folder: &Path) -> Vec<String> {
    let root = format!("{}/", folder.display());
    let all = set.not_run.iter().map(|one| {
        let place = format!("{}:{}", one.path.replace(&root, ""), one.line);
        format!("{place} {} {}", one.slug, one.reason.replace(&root, ""))
    });
    all.collect()
}

#[test]
fn a_broken_file_is_named_and_the_rest_run() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "good.yar", "rule good { strings: $a = \"abc\" condition: $a }");
    write(
        folder.path(),
        "sub/half.yara",
        "rule works { condition: true }\n\nrule fails {\n  condition: nothing_there > 1\n}\n",
    );
    write(folder.path(), "sub/syntax.yar", "rule broken {\n  strings:\n    $a = \"abc\n  condition: $a\n}\n");
    write(
        folder.path(),
        "module.yar",
        "import \"cuckoo\"\nrule sandbox { condition: cuckoo.network.http_get(/x/) }",
    );
    write(folder.path(), "readme.md", "no rule");
    let set = load(folder.path()).expect("some load");
    assert_eq!(matching(&set, b"xabcx"), ["good", "works"]);
    let names: Vec<&str> = set.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["good", "works"]);
    insta::assert_snapshot!(told(&set, folder.path()).join("\n"), @"
    module.yar:2 yara-module it needs YARA's module `cuckoo`, which Piste is built without
    sub/half.yara:4 yara-rule unknown identifier `nothing_there`: this identifier has not been declared
    sub/syntax.yar:3 yara-rule syntax error: unclosed literal string
    ");
    assert_eq!(set.sets[0].rules, 2);
}

#[test]
fn included_files_are_found_beside_the_file_and_compiled_once() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "index.yar", "include \"./family/one.yar\"\ninclude \"family/two.yar\"\n");
    write(
        folder.path(),
        "family/one.yar",
        "include \"base/common.yar\"\nrule one { condition: base and true }\n",
    );
    write(folder.path(), "family/base/common.yar", "private rule base { condition: filesize > 1 }\n");
    write(folder.path(), "family/two.yar", "\n\nrule two { condition: one }\n");
    let set = load(folder.path()).expect("they load");
    assert_eq!(told(&set, folder.path()), Vec::<String>::new());
    assert_eq!(matching(&set, b"abc"), ["one", "two"], "each once");
    let two = set.rules.iter().find(|rule| rule.name == "two").expect("it is there");
    assert_eq!((two.path.rsplit('/').next(), two.line), (Some("two.yar"), 3));
    let before = set.sha256.clone();
    write(folder.path(), "family/base/common.yar", "private rule base { condition: filesize > 2 }\n");
    assert_ne!(load(folder.path()).expect("they load").sha256, before, "what is included counts");
}

#[test]
fn includes_that_lead_in_a_ring_or_nowhere_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.yar", "include \"b.yar\"\nrule a { condition: true }\n");
    write(folder.path(), "b.yar", "include \"a.yar\"\nrule b { condition: true }\n");
    write(folder.path(), "c.yar", "include \"gone.yar\"\nrule c { condition: true }\n");
    let set = load(folder.path()).expect("some load");
    assert_eq!(matching(&set, b"x"), ["a", "b", "c"]);
    insta::assert_snapshot!(told(&set, folder.path()).join("\n"), @"
    b.yar:1 yara-include a.yar includes this file: that is a ring
    c.yar:1 yara-include the file `gone.yar` that it includes is not there
    ");
}

#[test]
fn an_include_opens_nothing_outside_of_the_folder() {
    let outer = tempfile::tempdir().expect("a folder");
    write(outer.path(), "secret.yar", "rule secret { condition: true }\n");
    let folder = outer.path().join("rules");
    let whole = outer.path().join("secret.yar");
    write(
        &folder,
        "a.yar",
        &format!(
            "include \"../secret.yar\"\ninclude \"{}\"\ninclude \"/dev/zero\"\nrule a {{ condition: true }}\nrule wrong {{ condition: nothing }}\n",
            whole.display().to_string().replace('\\', "/")
        ),
    );
    let set = load(&folder).expect("a loads");
    assert_eq!(matching(&set, b"x"), ["a"]);
    let lines: Vec<(u64, &str)> = set.not_run.iter().map(|one| (one.line, one.slug.as_ref())).collect();
    assert_eq!(
        lines,
        [(1, "yara-include"), (2, "yara-include"), (3, "yara-include"), (5, "yara-rule")],
        "{:?}",
        set.not_run
    );
    assert!(set.not_run.iter().all(|one| one.path.ends_with("a.yar")), "{:?}", set.not_run);
}

#[test]
fn a_mark_before_the_text_costs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "a.yar",
        "\u{feff}rule a { condition: base }\n  include \"b.yar\"  rule c {\n condition: base }",
    );
    write(folder.path(), "b.yar", "\u{feff}rule base { condition: true }");
    let set = load(folder.path()).expect("they load");
    assert_eq!(matching(&set, b"x"), ["base", "c"], "a stands before what it needs");
    insta::assert_snapshot!(told(&set, folder.path()).join("\n"), @"a.yar:1 yara-rule unknown identifier `base`: this identifier has not been declared");
}

#[test]
fn two_collections_may_use_the_same_names() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.yar", "rule same { meta: id = \"first\" condition: true }");
    write(folder.path(), "b.yar", "rule same { meta: id = \"second\" condition: true }");
    let set = load(folder.path()).expect("they load");
    let ids: Vec<&str> = set.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["first", "second"]);
    assert_eq!(matching(&set, b"x"), ["same", "same"]);
}

#[test]
fn nothing_to_load_is_an_error_and_so_is_nothing_that_compiles() {
    let folder = tempfile::tempdir().expect("a folder");
    let slug = |outcome: Result<YaraSet, RuleError>| outcome.expect_err("refused").slug();
    assert_eq!(slug(load(&folder.path().join("none"))), "rules-missing");
    assert_eq!(slug(load(folder.path())), "yara-no-files");
    write(folder.path(), "a.yar", "// nothing\n");
    assert_eq!(slug(load(folder.path())), "yara-no-files");
    write(folder.path(), "b.yar", "rule b { condition: nowhere }");
    assert_eq!(slug(load(folder.path())), "yara-none-loads");
}

#[test]
fn level_tags_and_exclusions_choose_among_them() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "a.yar",
        "rule low { meta: level = \"low\" condition: true }\nrule web { meta: attack = \"T1505.003\" condition: low }\nrule out { condition: true }",
    );
    let selection = piste_rules::Selection {
        level: Some(Level::Medium),
        exclude: vec!["OUT".to_owned()],
        ..piste_rules::Selection::default()
    };
    let options = YaraOptions { paths: vec![folder.path().to_owned()], built_in: false, selection };
    let set = YaraSet::load(&options).expect("they load");
    assert_eq!(matching(&set, b"x"), ["web"], "a rule that does not report still serves others");
    assert_eq!(set.not_selected, 1);
    assert_eq!(told(&set, folder.path()), ["a.yar:3 rule-excluded left out by --exclude-rule"]);
    let tagged =
        piste_rules::Selection { tags: vec!["attack.t1505".to_owned()], ..piste_rules::Selection::default() };
    let set = YaraSet::load(&YaraOptions { selection: tagged, ..options }).expect("they load");
    assert_eq!(matching(&set, b"x"), ["web"]);
}

#[test]
fn the_built_in_rules_compile_and_say_what_people_need() {
    let set = YaraSet::load(&YaraOptions { built_in: true, ..YaraOptions::default() }).expect("they load");
    assert!(set.not_run.is_empty());
    let compiled = set.compiled().iter().count();
    assert_eq!(compiled, set.rules.len(), "each declared rule compiles");
    let mut ids = std::collections::BTreeSet::new();
    for rule in &set.rules {
        assert!(ids.insert(rule.id.clone()), "{} has the id of another", rule.name);
        assert_eq!(rule.id.len(), 36, "{}", rule.name);
        assert!(!rule.attack.is_empty() && !rule.references.is_empty(), "{}", rule.name);
        assert!(rule.description.ends_with('.') && !rule.title.ends_with('.'), "{}", rule.name);
        assert!(["test", "experimental"].contains(&rule.status.as_str()), "{}", rule.name);
        assert_ne!(rule.title, rule.name);
    }
    assert_eq!(set.sets[0].rules, u64::try_from(set.rules.len()).expect("few"));
    assert!(YARA_BUILT_IN.len() >= 4);
}

/// Signs that end a line elsewhere make the compiler fail as it draws the line of an error.
#[test]
fn an_error_that_cannot_be_drawn_costs_its_file_alone() {
    for sign in ["\u{2028}", "\u{85}", "\u{2029}", "\u{b}", "\u{c}"] {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "good.yar", "rule good { strings: $a = \"abc\" condition: $a }");
        write(folder.path(), "bad.yar", &format!("rule bad {{ condition: filesize > {sign}500KB }}"));
        write(folder.path(), "unknown.yar", &format!("rule unknown {{ condition: nothing{sign} > 1 }}"));
        let set = load(folder.path()).expect("some load");
        assert_eq!(matching(&set, b"abc"), ["good"]);
        let told = told(&set, folder.path());
        for file in ["bad.yar:1 yara-rule", "unknown.yar:1 yara-rule"] {
            // A sign that the language takes for a blank is no error.
            let runs = set.rules.iter().any(|rule| file.starts_with(&rule.name));
            assert!(runs || told.iter().any(|one| one.starts_with(file)), "{sign:?}: {told:?}");
        }
    }
}
