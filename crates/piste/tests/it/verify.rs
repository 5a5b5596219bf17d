//! The way out, made verifiable: what was planted, what evidence of after shows of it, what that opens again.
//!
//! In: the lab's story `eviction`, one thing of each kind, and collections of after with their truth. Out: no wrong *gone*, and nearly all
//! right; a list that is released and changed; exports; what is said of bad evidence.

use std::fs;

use serde_json::Value;

use crate::schema_check::faults;
use crate::scratch::{CASE, Scratch, text};

/// A rule a planted thing: what the stories of real cases find by rules of others.
const RULES: [(&str, &str, &str); 13] = [
    ("page", "category: file_event", "TargetFilename|endswith: '.aspx'"),
    ("file", "category: file_event", "TargetFilename|endswith: '\\upd.exe'"),
    ("module", "category: process_creation", "CommandLine|contains: 'install module'"),
    ("service", "service: system", "EventID: 7045"),
    ("task", "service: security", "EventID: 4698"),
    ("run-value", "category: registry_set", "TargetObject|contains: '\\CurrentVersion\\Run\\'"),
    ("wmi-consumer", "category: wmi_event", "EventID: 20"),
    ("account", "service: security", "EventID: 4720"),
    ("group-right", "service: security", "EventID: 4732"),
    ("mailbox-right", "service: msexchange-management", ""),
    ("mailbox-rule", "service: msexchange-management", ""),
    ("certificate", "category: registry_set", "TargetObject|contains: '\\SystemCertificates\\'"),
    ("connection", "category: network_connection", "DestinationIp: '203.0.113.66'"),
];

fn rule(number: usize, name: &str, source: &str, selection: &str) -> String {
    format!(
        "title: planted {name}\nid: 22222222-2222-4222-8222-{number:012}\nstatus: test\nlogsource:\n  product: windows\n  {source}\ndetection:\n  selection:\n    {selection}\n  condition: selection\nlevel: high\n"
    )
}

/// The case of before, in which a person confirmed all that was planted.
fn confirmed(scratch: &Scratch) {
    scratch.piste(&["lab", "generate", "--scenario", "eviction", "--out", "before", "--quiet"]).expect(0);
    for (at, (name, source, selection)) in RULES.iter().enumerate() {
        let text = match *name {
            "mailbox-right" => rule_of_words(at, name, "Add-MailboxPermission"),
            "mailbox-rule" => rule_of_words(at, name, "New-InboxRule"),
            _ => rule(at, name, source, selection),
        };
        scratch.write(&format!("rules/{name}.yml"), text);
    }
    scratch.investigate("before --rules rules --no-built-in-rules --quiet").expect(0);
    for finding in scratch.lines("findings.jsonl") {
        let id = text(&finding, "id");
        scratch
            .piste(&[
                "finding",
                &id,
                "--verdict",
                "confirmed",
                "--why",
                "planted",
                "--by",
                "Ann",
                "--case",
                CASE,
                "--quiet",
            ])
            .expect(0);
    }
}

fn rule_of_words(number: usize, name: &str, word: &str) -> String {
    format!(
        "title: planted {name}\nid: 22222222-2222-4222-8222-{number:012}\nstatus: test\nlogsource:\n  product: windows\n  service: msexchange-management\ndetection:\n  keywords:\n    - '{word}'\n  condition: keywords\nlevel: high\n"
    )
}

/// The verification of a collection of after, in a case that has seen no other.
fn verified(scratch: &Scratch, outcome: &str, seed: &str) -> (Value, Value) {
    let _ = fs::remove_dir_all(scratch.path("case/after"));
    let (folder, truth) = (format!("{outcome}-{seed}/after"), format!("{outcome}-{seed}/truth.json"));
    scratch
        .piste(&[
            "lab",
            "generate",
            "--scenario",
            "eviction",
            "--after",
            outcome,
            "--seed",
            seed,
            "--out",
            &folder,
            "--truth",
            &truth,
            "--quiet",
        ])
        .expect(0);
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(scratch.path(&truth)).expect("a truth")).expect("JSON");
    let run = scratch.piste(&[
        "verify",
        "--after",
        &folder,
        "--evicted-at",
        &text(&truth, "evicted_at"),
        "--json",
        "--quiet",
        "--case",
        CASE,
        "--at",
        "2021-06-01T00:00:00Z",
    ]);
    assert!(matches!(run.code, 0 | 3), "{}", run.err);
    (
        truth,
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", run.out, run.err)),
    )
}

/// (kind, true, said) of each planted thing.
fn compared(truth: &Value, said: &Value) -> Vec<(String, String, String)> {
    let items = said["traces"].as_array().expect("traces");
    let true_items = truth["items"].as_array().expect("items");
    true_items
        .iter()
        .map(|one| {
            let (kind, place) = (text(one, "kind"), text(one, "place"));
            let its = items.iter().find(|item| {
                text(item, "kind") == kind
                    && (text(item, "place").to_lowercase().contains(&place) || kind == "module")
            });
            let said = its.map_or_else(|| "not on the list".to_owned(), |item| text(item, "result"));
            (kind, text(one, "result"), said)
        })
        .collect()
}

#[test]
fn each_kind_is_on_the_list_with_its_trace() {
    let scratch = Scratch::new();
    confirmed(&scratch);
    let run = scratch.piste(&["plan", "removal", "--json", "--quiet", "--case", CASE]).expect(0);
    let list: Value = serde_json::from_str(&run.out).expect("JSON");
    for (kind, ..) in RULES {
        let item = list["items"].as_array().expect("items").iter().find(|item| text(item, "kind") == kind);
        let item = item.unwrap_or_else(|| panic!("{kind} is not on the list: {list:#}"));
        assert!(!item["traces"].as_array().expect("traces").is_empty(), "{kind} has no trace");
        assert!(!item["rows"].as_array().expect("rows").is_empty(), "{kind} has no row");
    }
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/schemas/removal.json")).expect("a schema");
    assert_eq!(faults(&schema, &list, "removal"), Vec::<String>::new());
    let run = scratch.piste(&["watchlist", "--json", "--quiet", "--case", CASE]).expect(0);
    let watch: Value = serde_json::from_str(&run.out).expect("JSON");
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/schemas/watchlist.json")).expect("a schema");
    assert_eq!(faults(&schema, &watch, "watchlist"), Vec::<String>::new());
    assert!(watch["entries"].as_array().is_some_and(|entries| entries.len() >= 13), "{watch:#}");
}

#[test]
fn nothing_is_called_gone_that_is_not_and_nearly_all_is_right() {
    let scratch = Scratch::new();
    confirmed(&scratch);
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/schemas/verify.json")).expect("a schema");
    let (mut all, mut right, mut wrong) = (0_usize, 0_usize, Vec::new());
    for outcome in ["complete", "partial", "returned", "reinstalled", "not-collected", "older"] {
        for seed in ["1", "2"] {
            let (truth, said) = verified(&scratch, outcome, seed);
            assert_eq!(faults(&schema, &said, outcome), Vec::<String>::new());
            for (kind, is, said) in compared(&truth, &said) {
                assert!(
                    said != "gone" || is == "gone",
                    "{outcome} {seed}: {kind} is {is} and was called gone"
                );
                all += 1;
                right += usize::from(is == said);
                if is != said {
                    wrong.push(format!("{outcome} {seed}: {kind} is {is} and was called {said}"));
                }
            }
        }
    }
    assert!(right * 100 >= all * 99, "{right} of {all} right:\n{}", wrong.join("\n"));
}

#[test]
fn what_comes_back_opens_the_plan_and_the_findings_again() {
    let scratch = Scratch::new();
    confirmed(&scratch);
    let (_, said) = verified(&scratch, "returned", "1");
    let reopened = said["reopened_actions"].as_array().expect("actions");
    assert!(!reopened.is_empty(), "{said:#}");
    assert!(said["reopened_findings"].as_array().is_some_and(|list| !list.is_empty()), "{said:#}");
    let facts: Vec<String> =
        said["proposed_facts"].as_array().expect("facts").iter().map(|one| text(one, "fact")).collect();
    assert!(facts.contains(&"incident.ongoing".to_owned()), "{facts:?}");
    let run = scratch.piste(&["plan", "--json", "--quiet", "--case", CASE]).expect(0);
    let plan: Value = serde_json::from_str(&run.out).expect("JSON");
    let failed = plan["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .filter(|action| text(action, "state") == "FAILED");
    assert!(failed.count() > 0, "an action of the plan is open again");
    let ledger = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("a ledger");
    assert!(ledger.lines().any(|line| line.contains("\"kind\":\"verify.judged\"")), "the ledger has it");
    // A row of the collection leads to its bytes.
    let back = said["traces"]
        .as_array()
        .expect("traces")
        .iter()
        .find(|one| text(one, "result") == "back")
        .expect("one is back");
    let row = &back["rows"][0];
    let record = format!("{}:{}", text(row, "evidence_id"), row["record"]);
    let case = format!("{CASE}/after/{}", text(row, "collection"));
    scratch.piste(&["show", &record, "--case", &case, "--quiet"]).expect(0);
}

#[test]
fn an_older_collection_and_one_installed_anew_are_told() {
    let scratch = Scratch::new();
    confirmed(&scratch);
    let (_, said) = verified(&scratch, "older", "1");
    assert_eq!(said["collections"][0]["older"], Value::Bool(true), "{:#}", said["collections"]);
    assert_eq!(said["figures"]["gone"], 0, "nothing is gone by evidence of before");
    let (_, said) = verified(&scratch, "reinstalled", "1");
    let states: Vec<String> =
        said["hosts"].as_array().expect("hosts").iter().map(|one| text(one, "state")).collect();
    assert!(states.contains(&"reinstalled".to_owned()), "{states:?}");
    let (_, said) = verified(&scratch, "not-collected", "1");
    let states: Vec<String> =
        said["hosts"].as_array().expect("hosts").iter().map(|one| text(one, "state")).collect();
    assert!(states.contains(&"not-collected".to_owned()) && states.contains(&"new".to_owned()), "{states:?}");
    let collect = said["traces"][0]["collect"].as_array().expect("what to collect");
    assert!(!collect.is_empty(), "{:#}", said["traces"][0]);
}

#[test]
fn what_acts_is_written_of_a_released_list_alone() {
    let scratch = Scratch::new();
    confirmed(&scratch);
    let export = |format: &str, more: &[&str]| {
        let mut all = vec!["plan", "export", "--format", format, "--quiet", "--case", CASE];
        all.extend(more);
        scratch.piste(&all)
    };
    let refused = export("powershell", &[]);
    assert_eq!((refused.code, refused.err.contains("not released")), (4, true), "{}", refused.err);
    export("powershell", &["--draft"]).expect(0);
    for format in ["sigma", "yara", "stix", "misp", "cacao"] {
        export(format, &[]).expect(0);
    }
    scratch.piste(&["key", "new", "--name", "Ann", "-o", "ann.key"]).expect(0);
    let release = |who: &[&str]| {
        let mut all = vec!["plan", "removal", "--release", "--why", "agreed on", "--quiet", "--case", CASE];
        all.extend(who);
        scratch.piste(&all)
    };
    let unsigned = release(&["--by", "Ben"]).expect(0);
    assert!(unsigned.err.contains("not signed"), "{}", unsigned.err);
    assert_eq!(export("nftables", &[]).code, 4, "a name that was typed releases nothing");
    release(&["--key", "ann.key"]).expect(0);
    let script = export("powershell", &[]).expect(0).out;
    assert!(script.contains("'UpdSvc'") && script.contains("[switch]$Execute"), "{script}");
    // One more thing is confirmed away: the list is another.
    let finding = scratch
        .lines("findings.jsonl")
        .into_iter()
        .find(|one| text(one, "title").contains("service"))
        .expect("a finding");
    scratch
        .piste(&[
            "finding",
            &text(&finding, "id"),
            "--verdict",
            "false-positive",
            "--why",
            "ours",
            "--by",
            "Ann",
            "--case",
            CASE,
            "--quiet",
        ])
        .expect(0);
    let refused = export("powershell", &[]);
    assert!(refused.code == 4 && refused.err.contains("changed since"), "{}", refused.err);
}

/// Words of a command line; quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for sign in line.chars() {
        match sign {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            sign => words.last_mut().expect("there is one").push(sign),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_walk_through_runs_as_it_is_written() {
    let scratch = Scratch::new();
    let document = include_str!("../../../../docs/walkthrough-out.md");
    let commands: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("$ piste ")).collect();
    assert!(commands.len() >= 15, "{} commands", commands.len());
    for command in commands {
        let words = words(command);
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        scratch.piste(&arguments).expect(0);
    }
    let read =
        |name: &str| fs::read_to_string(scratch.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read("block.nft").contains("203.0.113.142"), "{}", read("block.nft"));
    assert!(read("remove.ps1").contains("'WinNetSvc'"), "{}", read("remove.ps1"));
    assert!(read("sheet.html").contains("Seen and agreed"));
    let truth: Value = serde_json::from_str(&read("after-truth.json")).expect("JSON");
    let said: Value = serde_json::from_str(&read("piste-demo/case/out/verify.json")).expect("JSON");
    let (mut met, mut back) = (0, 0);
    for one in truth["items"].as_array().expect("items") {
        let its = said["traces"].as_array().expect("traces").iter().find(|item| {
            text(item, "kind") == text(one, "kind")
                && text(item, "place").to_lowercase().contains(&text(one, "place"))
        });
        let Some(its) = its else { continue };
        let (is, said) = (text(one, "result"), text(its, "result"));
        assert!(said != "gone" || is == "gone", "{one} was called gone: {its:#}");
        met += 1;
        back += usize::from(is == "back" && said == "back");
    }
    assert!(
        met >= 8 && back >= 2,
        "{met} planted things are on the list, {back} are seen to be back: {said:#}"
    );
}

/// The Python that has validators: `PISTE_VALIDATORS`, or the one at hand.
fn python_with(module: &str) -> Option<String> {
    let python = std::env::var("PISTE_VALIDATORS").unwrap_or_else(|_| "python3".to_owned());
    let run = std::process::Command::new(&python).args(["-c", &format!("import {module}")]).output().ok()?;
    if !run.status.success() {
        println!("skipped: {python} has no {module}");
        return None;
    }
    Some(python)
}

#[test]
fn exports_pass_the_validators_of_others() {
    let scratch = Scratch::new();
    confirmed(&scratch);
    for (format, file) in [
        ("nftables", "block.nft"),
        ("stix", "out.stix.json"),
        ("misp", "out.misp.json"),
        ("cacao", "out.cacao.json"),
        ("sigma", "own/sigma.yml"),
        ("yara", "own.yar"),
        ("suricata", "out.rules"),
        ("rpz", "out.zone"),
    ] {
        fs::create_dir_all(scratch.path("own")).expect("a folder");
        scratch
            .piste(&["plan", "export", "--format", format, "--draft", "-o", file, "--quiet", "--case", CASE])
            .expect(0);
    }
    // Our own loader takes the Sigma rules, and they find what was planted.
    let run = scratch.piste(&["rules", "check", "--rules", "own", "--no-built-in-rules"]);
    assert!(run.code == 0, "{}{}", run.out, run.err);
    scratch.investigate_in("again", "before --rules own --no-built-in-rules --quiet").expect(0);
    assert!(
        scratch.lines_in("again", "findings.jsonl").len() >= 8,
        "rules of the case's traces find them again"
    );
    // A file whose content was not collected has no hash, and so no rule of YARA.
    if fs::read_to_string(scratch.path("own.yar")).expect("it is written").contains("\nrule ") {
        scratch.investigate_in("yara", "before --yara own.yar --no-built-in-rules --quiet").expect(0);
    }
    match std::process::Command::new("nft").args(["-c", "-f"]).arg(scratch.path("block.nft")).output() {
        Ok(run) if String::from_utf8_lossy(&run.stderr).contains("Operation not permitted") => {
            println!("skipped: nft may not ask the kernel here");
        }
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr)),
        Err(_) => println!("skipped: there is no nft"),
    }
    let python = |module: &str, script: &str| {
        let Some(python) = python_with(module) else { return };
        let run = std::process::Command::new(python)
            .current_dir(scratch.path(""))
            .args(["-c", script])
            .output()
            .expect("it runs");
        let told =
            format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{module}: {told}");
    };
    python(
        "stix2validator",
        "import stix2validator as v; r=v.validate_file('out.stix.json', v.ValidationOptions(version='2.1')); print(r.object_results and [e for o in r.object_results for e in (o.errors or [])]); raise SystemExit(0 if r.is_valid else 1)",
    );
    python(
        "pymisp",
        "from pymisp import MISPEvent; e=MISPEvent(); e.load_file('out.misp.json'); print(len(e.attributes)); raise SystemExit(0 if len(e.attributes)>5 else 1)",
    );
}
