//! Real evidence, where it lies beside the project: counts and detections that are known from elsewhere.
//!
//! In: recorded attacks and SigmaHQ's rules. Out: the same records that independent readers count, and the rules that must
//! fire. Each test says aloud when it skips.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::scratch::{CASE, Scratch, real, text};

/// Records a file, as an independent reader counts them; the file says how it was made.
const COUNTS: &str = include_str!("evtx_counts.csv");

/// The arguments of a run over real evidence with SigmaHQ's rules.
fn investigate(scratch: &Scratch, evidence: &[&std::path::Path], rules: &[&str]) -> Option<i32> {
    let mut command =
        scratch.command(&["investigate", "--case", CASE, "--at", "2021-03-27T09:00:00Z", "--quiet"]);
    command.args(evidence);
    for set in rules {
        command.arg("--rules").arg(real(&format!("sigma/{set}"))?);
    }
    let run = crate::scratch::Run::from(command.output().expect("the binary starts"));
    assert!([0, 3].contains(&run.code), "{run:?}");
    Some(run.code)
}

#[test]
fn proxylogon_is_found_on_the_exchange_server() {
    let Some(zip) = real("security-datasets/proxylogon_ssrf_rce_poc.zip") else { return };
    let scratch = Scratch::new();
    let Some(code) = investigate(&scratch, &[&zip], &["rules", "rules-emerging-threats"]) else { return };
    assert_eq!(code, 0);
    let summary = scratch.summary();
    assert_eq!(summary["events"], json!(10_487));
    assert_eq!(summary["records_read"], json!(10_487));
    assert_eq!(summary["duplicates"], json!(0));
    assert_eq!(summary["issues"], json!(0));
    assert_eq!(summary["hosts"], json!(["MXS01.azsentinel.local"]));
    assert_eq!(summary["evidence"], json!({"files": 1, "bytes": 378_892, "unread": 0}));
    let titles: BTreeSet<String> =
        scratch.lines("detections.jsonl").iter().map(|hit| text(hit, "rule_title")).collect();
    for title in [
        "ProxyLogon MSExchange OabVirtualDirectory",
        "Suspicious Process By Web Server Process",
        "Whoami.EXE Execution From Privileged Process",
    ] {
        assert!(titles.contains(title), "{title} in {titles:?}");
    }
    only_rules_for_windows(&scratch);
}

/// Every rule that fired is for Windows, or for any product.
fn only_rules_for_windows(scratch: &Scratch) {
    let fired: BTreeSet<String> =
        scratch.lines("detections.jsonl").iter().map(|hit| text(hit, "rule_id")).collect();
    let products = products();
    let known: Vec<&String> = fired.iter().filter(|id| products.contains_key(*id)).collect();
    assert!(known.len() >= 5, "{fired:?}");
    for id in known {
        let product = products[id].as_deref();
        assert!(matches!(product, None | Some("windows")), "{id} is for {product:?}");
    }
}

/// Product by rule id, read from SigmaHQ's files without a YAML reader: one rule a file, `product:` indented.
fn products() -> BTreeMap<String, Option<String>> {
    let mut products = BTreeMap::new();
    let mut folders: Vec<_> = real("sigma").into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let field = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
            };
            if let Some(id) = field("id:") {
                products.insert(id, field("    product:"));
            }
        }
    }
    products
}

#[test]
fn every_regression_sample_fires_its_rule() {
    let Some(folder) = real("sigma-regression") else { return };
    let scratch = Scratch::new();
    let sets = ["rules", "rules-emerging-threats", "rules-threat-hunting"];
    if investigate(&scratch, &[&folder], &sets).is_none() {
        return;
    }
    // A sample may be a copy of another: every place of a hit counts.
    let mut fired: BTreeMap<(String, String), u64> = BTreeMap::new();
    for hit in scratch.lines("detections.jsonl") {
        for place in hit["places"].as_array().expect("places").iter().filter_map(Value::as_str) {
            *fired.entry((text(&hit, "rule_id"), place.to_owned())).or_default() += 1;
        }
    }
    let expected = std::fs::read_to_string(folder.join("expected.csv")).expect("it is text");
    let mut missing = Vec::new();
    let mut samples = 0;
    for line in expected.lines().skip(1) {
        // Only the title, between the id and the count, may hold commas.
        let (id, rest) = line.split_once(',').expect("an id");
        let fields: Vec<&str> = rest.rsplitn(4, ',').collect();
        let (file, least) = (fields[1], fields[2].parse().unwrap_or(1).max(1));
        let found = fired.get(&(id.to_owned(), format!("sigma-regression/{file}"))).copied().unwrap_or(0);
        samples += 1;
        if found < least {
            missing.push(format!("{line}: fired {found} times"));
        }
    }
    assert_eq!(samples, 115);
    assert!(missing.is_empty(), "{} of {samples}:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn records_are_those_that_independent_readers_count() {
    let (Some(attacks), Some(samples)) = (real("evtx-attack-samples"), real("evtx-samples")) else { return };
    let scratch = Scratch::new();
    investigate(&scratch, &[&attacks, &samples], &[]).expect("no rules are asked for");
    let evidence = scratch.lines("evidence.jsonl");
    let by_id: BTreeMap<String, &Value> = evidence.iter().map(|one| (text(one, "id"), one)).collect();
    let by_path: BTreeMap<String, &Value> = evidence.iter().map(|one| (text(one, "path"), one)).collect();
    let mut wrong = Vec::new();
    let mut files = 0;
    for line in COUNTS.lines().filter(|line| !line.starts_with('#')) {
        let (path, counts) = line.rsplit_once('"').expect("a quoted path");
        let path = path.trim_start_matches('"');
        let mut counts =
            counts.trim_start_matches(',').split(',').map(|count| count.parse::<u64>().expect("a count"));
        let (records, lost) = (counts.next().expect("records"), counts.next().expect("lost"));
        let Some(mut found) = by_path.get(path).copied() else {
            wrong.push(format!("{path} was not sealed"));
            continue;
        };
        if let Some(same) = found.get("same_as").and_then(Value::as_str) {
            found = by_id[same];
        }
        let named: u64 =
            found["damage"].as_array().expect("a list").iter().filter_map(|one| one["lost"].as_u64()).sum();
        if found["records_read"] != json!(records) || named != lost {
            wrong.push(format!(
                "{path}: {records} records and {lost} lost; read {}, lost {named}",
                found["records_read"]
            ));
        }
        files += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        files,
        by_path.keys().filter(|path| path.to_lowercase().ends_with(".evtx")).count(),
        "the table has every file"
    );
}
