//! The hunt's engine against the `SQLite` backend of `pySigma`.
//!
//! In: rules and rows of process creation, invented here; SigmaHQ's rules where they lie beside the project. Out: no
//! difference but those that are listed, each with its reason. Needs Python with `pysigma` and
//! `pysigma-backend-sqlite`; without them the tests say that they skip.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use piste_hunt::{Engine, VectorEngine, plan};
use piste_lake::{Context, Format};
use piste_model::EvidenceId;
use piste_parse::{Splitter, parse_block};
use piste_rules::LoadOptions;
use rsigma_parser::{Detection, Modifier, SigmaValue};
use serde_json::{Map, Value, json};

/// Rule by name, rows that Piste alone finds, rows that `SQLite` alone finds, and why: what the
/// specification says, or where it says nothing, what Piste does.
const DIFFERENCES: [(&str, &[usize], &[usize], &str); 3] = [
    ("neq", &[], &[3, 9, 15, 21, 27, 33], NEQ),
    ("accent", &[34], &[], ASCII),
    ("accent contains", &[33], &[], ASCII),
];
const NEQ: &str = "a row without the field has no value that could differ; the modifiers' appendix 2.0.0 has no `neq`, so \
                   that this is Piste's choice";
const ASCII: &str = "values are compared without case, of any script; SQLite folds ASCII alone";

/// Rules by name: what stands under `detection`, in YAML's short form.
const RULES: [(&str, &str); 68] = [
    ("exact", r"s: {Image: 'C:\Windows\System32\cmd.exe'}, condition: s"),
    ("exact other case", r"s: {Image: 'c:\windows\SYSTEM32\CMD.EXE'}, condition: s"),
    ("exact cased", r"s: {Image|cased: 'C:\Windows\System32\cmd.exe'}, condition: s"),
    ("exact cased other", r"s: {Image|cased: 'c:\windows\system32\cmd.exe'}, condition: s"),
    ("list", r"s: {User: [alice, BOB]}, condition: s"),
    ("star", r"s: {Image: '*\cmd.exe'}, condition: s"),
    ("star inside", r"s: {Image: 'C:\*\cmd.exe'}, condition: s"),
    ("two stars", r"s: {CommandLine: '*-enc*JAB*'}, condition: s"),
    ("question marks", r"s: {Image: 'C:\Windows\System32\???.exe'}, condition: s"),
    ("escaped star", r"s: {CommandLine|contains: '\*.dmp'}, condition: s"),
    ("escaped question mark", r"s: {CommandLine|contains: 'x\?y'}, condition: s"),
    ("escaped backslash and star", r"s: {CommandLine: 'dir C:\\*'}, condition: s"),
    ("double backslash", r"s: {CommandLine|contains: '\\\\srv01\\'}, condition: s"),
    ("percent", r"s: {CommandLine|contains: '%temp%'}, condition: s"),
    ("underscore", r"s: {CommandLine|contains: 'a_b'}, condition: s"),
    ("quote", r#"s: {CommandLine|contains: "it's"}, condition: s"#),
    ("bracket cased", r"s: {CommandLine|contains|cased: '[Convert]'}, condition: s"),
    ("empty", r"s: {CommandLine: ''}, condition: s"),
    ("dash", r"s: {CommandLine: '-'}, condition: s"),
    ("any value", r"s: {ParentImage: '*'}, condition: s"),
    ("one or more", r"s: {ParentImage: '?*'}, condition: s"),
    ("contains", r"s: {CommandLine|contains: WHOAMI}, condition: s"),
    ("contains cased", r"s: {CommandLine|contains|cased: whoami}, condition: s"),
    ("contains list", r"s: {CommandLine|contains: [whoami, ipconfig]}, condition: s"),
    ("contains all", r"s: {CommandLine|contains|all: [net, user, /add]}, condition: s"),
    ("contains wildcard", r"s: {CommandLine|contains: 'net*user'}, condition: s"),
    ("startswith", r"s: {Image|startswith: 'c:\windows'}, condition: s"),
    ("startswith cased", r"s: {Image|startswith|cased: 'c:\windows'}, condition: s"),
    ("endswith", r"s: {Image|endswith: '\powershell.exe'}, condition: s"),
    ("endswith cased", r"s: {Image|endswith|cased: '\PowerShell.exe'}, condition: s"),
    ("endswith list", r"s: {ParentImage|endswith: ['\w3wp.exe', '\explorer.exe']}, condition: s"),
    ("windash", r"s: {CommandLine|windash|contains: ' -enc'}, condition: s"),
    ("windash all", r"s: {CommandLine|windash|contains|all: [' -ma ', ' -accepteula']}, condition: s"),
    ("base64", r"s: {CommandLine|base64|contains: 'IEX ('}, condition: s"),
    ("base64offset", r"s: {CommandLine|base64offset|contains: 'whoami'}, condition: s"),
    ("wide base64offset", r"s: {CommandLine|wide|base64offset|contains: 'DownloadString'}, condition: s"),
    ("wide base64", r"s: {CommandLine|wide|base64|contains: '$a'}, condition: s"),
    ("re", r"s: {CommandLine|re: 'who.mi$'}, condition: s"),
    ("re anchored", r"s: {CommandLine|re: '^net1? '}, condition: s"),
    ("re i", r"s: {CommandLine|re|i: '^NET1? USER'}, condition: s"),
    ("re s", r"s: {CommandLine|re|s: 'first.+second'}, condition: s"),
    ("re m", r"s: {CommandLine|re|m: '^second'}, condition: s"),
    ("re class", r"s: {CommandLine|re: '[A-Za-z0-9+/]{24,}={0,2}'}, condition: s"),
    ("cidr 8", r"s: {SourceIp|cidr: 10.0.0.0/8}, condition: s"),
    ("cidr 24", r"s: {SourceIp|cidr: 192.168.7.0/24}, condition: s"),
    ("cidr list", r"s: {SourceIp|cidr: [10.1.0.0/16, 172.16.0.0/12]}, condition: s"),
    ("exists", r"s: {ParentImage|exists: true}, condition: s"),
    ("not exists", r"s: {ParentImage|exists: false}, condition: s"),
    ("null alone", r"s: {ParentImage: null}, condition: s"),
    ("null or empty", r"s: {ParentImage: [null, '']}, condition: s"),
    ("number", r"s: {ProcessId: 42}, condition: s"),
    ("number list", r"s: {ProcessId: [4, 42, 4242]}, condition: s"),
    ("gt", r"s: {ProcessId|gt: 42}, condition: s"),
    ("gte", r"s: {ProcessId|gte: 42}, condition: s"),
    ("lt", r"s: {ProcessId|lt: 42}, condition: s"),
    ("lte and gte", r"s: {ProcessId|lte: 4242, ParentProcessId|gte: 100}, condition: s"),
    ("fieldref", r"s: {User|fieldref: TargetUser}, condition: s"),
    ("fieldref startswith", r"s: {CommandLine|fieldref|startswith: User}, condition: s"),
    ("neq", r"s: {User|neq: alice}, condition: s"),
    ("not", r"s: {Image|endswith: .exe}, f: {User: [alice, bob]}, condition: s and not f"),
    (
        "not missing",
        r"s: {ProcessId|gte: 0}, f: {ParentImage|endswith: '\explorer.exe'}, condition: s and not f",
    ),
    ("maps in a list", r"s: [{User: alice, Image|endswith: '\cmd.exe'}, {User: bob}], condition: s"),
    ("accent", r"s: {CommandLine: 'éCole'}, condition: s"),
    ("accent contains", r"s: {CommandLine|contains: 'ÉCOL'}, condition: s"),
    (
        "1 of",
        r"a1: {User: bob}, a2: {Image|endswith: '\powershell.exe'}, b: {User: alice}, condition: 1 of a*",
    ),
    ("all of", r"a1: {User: alice}, a2: {Image|endswith: '\cmd.exe'}, condition: all of a*"),
    (
        "and before or",
        r"a: {User: alice}, b: {Image|endswith: '\cmd.exe'}, c: {CommandLine|contains: who}, condition: (a and b) or (b and c)",
    ),
    (
        "parentheses",
        r"a: {User: alice}, b: {User: bob}, c: {CommandLine|contains: net}, condition: not (a or b) and c",
    ),
];

/// Command lines, each a row.
const LINES: [&str; 30] = [
    "whoami",
    "cmd /c WHOAMI /all",
    "cmd /c whoami",
    "ipconfig /all",
    "net user eve Passw0rd /add",
    "NET1 USER eve /ADD",
    "net  localgroup administrators",
    "powershell -enc JABhAD0AMQA=",
    "powershell /enc JABhAD0AMQA=",
    "powershell \u{2013}enc abcd",
    "powershell \u{2014}Enc abcd",
    "procdump -ma lsass.exe -accepteula",
    "procdump /ma lsass.exe /accepteula x.dmp",
    "procdump *.dmp",
    "find x?y",
    "find xzy",
    "dir C:\\*",
    "dir C:\\Users",
    "copy a.txt \\\\srv01\\share",
    "copy a.txt \\srv01\\share",
    "echo %temp%",
    "echo temp",
    "type a_b",
    "type axb",
    "echo it's me",
    "[Convert]::FromBase64String",
    "first line\nsecond line",
    "echo SUVYIChOZXctT2JqZWN0KQ== d2hvYW1p x3aG9hbWk",
    "",
    "-",
];

/// The rows: one for each of [`LINES`], then some of which fields differ or are missing.
fn rows() -> Vec<Map<String, Value>> {
    let images = [
        r"C:\Windows\System32\cmd.exe",
        r"c:\windows\system32\CMD.EXE",
        r"C:\Windows\System32\WindowsPowerShell\v1.0\PowerShell.exe",
        r"D:\tools\net.exe",
    ];
    let parents = [Some(r"C:\Windows\explorer.exe"), Some(r"C:\inetsrv\w3wp.exe"), None, Some(""), Some("-")];
    let users = [Some("alice"), Some("Bob"), Some("ALICE"), None, Some("alice2"), Some("cmd")];
    let addresses = ["10.1.2.3", "192.168.7.9", "192.168.70.9", "172.20.1.1", "110.0.0.1", "-", "100.10.0.1"];
    let wide = "powershell RABvAHcAbgBsAG8AYQBkAFMAdAByAGkAbgBnAA== xEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcA";
    let more =
        [wide, "alice was here", "cmd.exe alone", "éCOLE", "École", "user net", "x -encode", "net", "a*b"];
    let lines = LINES.iter().chain(&more);
    let rows = lines.enumerate().map(|(number, line)| {
        let mut row = Map::new();
        let mut set = |name: &str, value: Option<&str>| {
            row.extend(value.map(|value| (name.to_owned(), json!(value))));
        };
        set("Image", images.iter().cycle().nth(number).copied());
        set("CommandLine", Some(line));
        set("ParentImage", parents.iter().cycle().nth(number).copied().flatten());
        set("User", users.iter().cycle().nth(number).copied().flatten());
        set("TargetUser", users.iter().cycle().nth(number * 2).copied().flatten());
        set("SourceIp", addresses.iter().cycle().nth(number).copied());
        row.insert("ProcessId".to_owned(), json!([4, 42, 43, 4242, 100_000].iter().cycle().nth(number)));
        if number % 3 > 0 {
            row.insert("ParentProcessId".to_owned(), json!(number * 10));
        }
        row
    });
    rows.collect()
}

/// Whether Python has what the tests need.
#[expect(clippy::print_stdout, reason = "who runs the tests is told what was left out")]
fn python() -> bool {
    let mut command = Command::new("python3");
    let found = command.args(["-c", "import sigma.backends.sqlite"]).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        println!("skipped: python3 has no pysigma with pysigma-backend-sqlite");
    }
    there
}

fn by_sqlite(rules: &BTreeMap<String, String>, rows: &[Map<String, Value>]) -> BTreeMap<String, Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pysigma/ask.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let asked = json!({"rows": rows, "rules": rules}).to_string();
    child.stdin.take().expect("a pipe").write_all(asked.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the script fails");
    serde_json::from_slice(&output.stdout).expect("it answers in JSON")
}

/// Rows by the title of the rule that matches them, and the titles that load.
fn by_piste(
    rules: &BTreeMap<String, String>,
    rows: &[Map<String, Value>],
) -> (BTreeMap<String, BTreeSet<usize>>, BTreeSet<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (number, text) in rules.values().enumerate() {
        std::fs::write(folder.path().join(format!("{number:04}.yml")), text).expect("writes");
    }
    let sources = piste_rules::catalog::sources().expect("the catalogue parses");
    let set = piste_rules::load(&LoadOptions::of(&[folder.path().to_owned()], false), &sources);
    let set = set.expect("the rules load");
    let (plan, not_planned) = plan::plan(&set);
    assert_eq!(not_planned, Vec::new());
    let engine = VectorEngine::new(&set, plan);
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let mut event = json!({
            "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "H",
            "SourceName": "Microsoft-Windows-Sysmon", "TimeCreated": "2021-03-14T01:40:12Z",
        });
        event.as_object_mut().expect("an object").extend(row.clone());
        let line = format!("{event}\n");
        let cx = Context { evidence: EvidenceId(1), path: "t.jsonl", sources: &sources, host_hint: None };
        let mut input = line.as_bytes();
        let block = Splitter::new(Format::JsonLines).next_block(&mut input).expect("it reads");
        let parsed = parse_block(Format::JsonLines, &block.expect("a block"), &cx);
        assert_eq!(parsed.records, 1, "{:?}", parsed.issues);
        for hit in parsed.batches.iter().flat_map(|batch| engine.hits(batch)) {
            let rule = set.rules.get(hit.rule).expect("a rule of the set");
            found.entry(rule.title.clone()).or_default().insert(number);
        }
    }
    (found, set.rules.into_iter().map(|rule| rule.title).collect())
}

/// Compares; `rules` are by title. Returns how many rules matched some row by both.
fn compare(rules: &BTreeMap<String, String>, rows: &[Map<String, Value>]) -> usize {
    let (found, loaded) = by_piste(rules, rows);
    let (mut both, mut wrong) = (0, Vec::new());
    for (title, theirs) in by_sqlite(rules, rows) {
        let known = DIFFERENCES.iter().find(|one| one.0 == title);
        let Some(theirs) = theirs.as_array() else {
            wrong.push(format!("{title}: the backend says {theirs}"));
            continue;
        };
        assert!(loaded.contains(&title), "{title} does not load");
        let theirs: BTreeSet<usize> = theirs
            .iter()
            .map(|row| row.as_u64().and_then(|row| row.try_into().ok()).expect("a number"))
            .collect();
        let ours = found.get(&title).cloned().unwrap_or_default();
        both += usize::from(!ours.is_disjoint(&theirs));
        let ours_alone: Vec<usize> = ours.difference(&theirs).copied().collect();
        let theirs_alone: Vec<usize> = theirs.difference(&ours).copied().collect();
        let expected = known.map_or((&[][..], &[][..]), |one| (one.1, one.2));
        if (&*ours_alone, &*theirs_alone) != expected {
            wrong.push(format!("{title}: Piste alone {ours_alone:?}, SQLite alone {theirs_alone:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    both
}

#[test]
fn invented_rules_match_the_same_rows() {
    if !python() {
        return;
    }
    let rules: BTreeMap<String, String> = RULES
        .iter()
        .enumerate()
        .map(|(number, (title, detection))| {
            let text = format!(
                "title: {title}\nid: 11111111-0000-4000-8000-{number:012}\nstatus: test\nlogsource: {{product: windows, category: process_creation}}\ndetection: {{{detection}}}\nlevel: low\n"
            );
            ((*title).to_owned(), text)
        })
        .collect();
    assert_eq!(rules.len(), RULES.len(), "each has its own title");
    let both = compare(&rules, &rows());
    println!("{both} of {} rules match rows by both", rules.len());
    assert!(both > 45, "{both}");
}

/// Adds values to a row, so that the rule's selections hold where they can: of each item the value at `place`.
fn add_values(of: &Detection, place: usize, row: &mut Map<String, Value>) {
    match of {
        Detection::And(all) => all.iter().for_each(|one| add_values(one, place, row)),
        Detection::AnyOf(any) => {
            any.iter().cycle().nth(place).into_iter().for_each(|one| add_values(one, place, row));
        }
        Detection::AllOf(items) => {
            for item in items {
                let Some(name) = &item.field.name else { continue };
                let all = item.field.has_modifier(Modifier::All);
                let texts = item.values.iter().filter_map(|value| match value {
                    SigmaValue::String(text) => {
                        Some(text.original.replace(r"\\", r"\").replace(['*', '?'], "z"))
                    }
                    SigmaValue::Integer(number) => Some(number.to_string()),
                    _ => None,
                });
                let texts: Vec<String> = texts.collect();
                let chosen = if all {
                    texts.join(" ")
                } else {
                    texts.iter().cycle().nth(place).cloned().unwrap_or_default()
                };
                let before = row.get(name).and_then(Value::as_str).unwrap_or_default();
                // What is asked of an end stands at the end.
                let whole = if item.field.has_modifier(Modifier::EndsWith) || item.field.modifiers.is_empty()
                {
                    format!("{before}{chosen}")
                } else {
                    format!("{chosen}{before}")
                };
                row.insert(name.clone(), json!(whole));
            }
        }
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

#[test]
fn rules_of_sigmahq_match_the_same_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/sigma/rules/windows/process_creation");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not here", folder.display());
        return;
    };
    if !python() {
        return;
    }
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let (mut rules, mut rows) = (BTreeMap::new(), rows());
    for path in paths.iter().step_by(40) {
        let text = std::fs::read_to_string(path).expect("it reads");
        let parsed = rsigma_parser::parse_sigma_yaml(&text).expect("it parses");
        let rule = parsed.rules.first().expect("a rule");
        let named: BTreeMap<&String, &Detection> = rule.detection.named.iter().collect();
        for (place, with_filters) in [(0, false), (1, false), (2, false), (0, true)] {
            let mut row = Map::new();
            for (name, one) in &named {
                if with_filters || !name.starts_with("filter") {
                    add_values(one, place, &mut row);
                }
            }
            rows.push(row);
        }
        rules.insert(rule.title.clone(), text);
    }
    let both = compare(&rules, &rows);
    println!("{both} of {} rules match rows by both", rules.len());
    assert!(both * 4 > rules.len() * 3, "{both} of {}", rules.len());
}
