//! The public rules of `SigmaHQ`: all of them load, and every Windows log source among them is supplied or known to be absent.
//!
//! In: the rule folder beside the project, if it is there. Out: counts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use piste_rules::{Gate, LoadOptions, Rule, RuleSet, could_never_match, load, logsource_label};

use crate::sources;

/// Windows log sources that no event log holds: kernel ETW.
const ABSENT: [&str; 2] = ["windows/file_access", "windows/file_rename"];
/// Other log sources that Piste does not read yet.
const ABSENT_ELSEWHERE: [&str; 4] = ["proxy", "database", "apache", "nginx"];

#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sigma");
    if !folder.is_dir() {
        println!("skipped: SigmaHQ's rules are not beside the project");
        return None;
    }
    Some(folder)
}

fn loaded() -> Option<RuleSet> {
    Some(load(&LoadOptions::of(&[folder()?], false), &sources()).expect("SigmaHQ's rules load"))
}

#[test]
fn all_rules_load() {
    let Some(set) = loaded() else { return };
    let broken: Vec<_> = set.not_run.iter().filter(|one| one.is_not_loaded()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!((set.figures.loaded, set.figures.not_loaded), (3754, 0));
    assert_eq!(set.rules.len(), 3754);
    // Two rules of 2026 leave a list to the institution.
    let unknown: Vec<_> = set.not_run.iter().filter(|one| one.slug == "rule-placeholder-unknown").collect();
    assert!(
        unknown.iter().all(|one| one.reason.contains("%known_cdcs%")) && unknown.len() == 2,
        "{unknown:#?}"
    );
    assert!(set.not_run.iter().all(|one| one.slug == "rule-no-source" || unknown.contains(&one)));
    assert_eq!(set.rules.iter().filter(|rule| rule.gate == Gate::Nothing).count(), set.not_run.len());
    assert!(
        set.rules
            .iter()
            .all(|rule| rule.line > 0 && rule.sigma.as_ref().is_some_and(|sigma| sigma.title == rule.title))
    );
}

#[test]
fn every_windows_log_source_is_supplied_or_known_to_be_absent() {
    let Some(set) = loaded() else { return };
    let is_windows =
        |rule: &&Rule| rule.logsource.product.as_deref().is_none_or(|product| product == "windows");
    let absent: BTreeSet<String> = set
        .rules
        .iter()
        .filter(is_windows)
        .filter(|rule| rule.gate == Gate::Nothing && !rule.path.contains("CVE-2026-54121"))
        .map(logsource_label)
        .collect();
    let expected: BTreeSet<String> =
        ABSENT.iter().chain(&ABSENT_ELSEWHERE).map(|&one| one.to_owned()).collect();
    assert_eq!(absent, expected);
}

#[test]
fn other_products_fit_no_row_of_the_catalogue() {
    let Some(set) = loaded() else { return };
    let foreign = set.rules.iter().filter(|rule| {
        rule.logsource.product.as_deref().is_some_and(|product| product != "windows")
            && rule.gate != Gate::Nothing
    });
    // Lines of sshd come by syslog, beside those of VPN gateways and firewalls; the rest as exports of clouds and of Zeek.
    let foreign: BTreeSet<String> = foreign.map(logsource_label).collect();
    let expected = [
        "azure/activitylogs",
        "azure/auditlogs",
        "azure/signinlogs",
        "linux/sshd",
        "m365/audit",
        "m365/exchange",
        "zeek/dce_rpc",
        "zeek/dns",
        "zeek/http",
        "zeek/kerberos",
        "zeek/rdp",
        "zeek/smb_files",
        "zeek/x509",
    ];
    assert_eq!(foreign, expected.map(str::to_owned).into());
}

#[test]
fn rules_that_could_never_match_are_few_and_known() {
    let Some(set) = loaded() else { return };
    let never = could_never_match(&set.rules);
    // 38 more, which look for a path in the query, could not match before such tests were put to the whole address too.
    assert_eq!(
        never.iter().map(|one| one.slug.as_ref()).collect::<Vec<_>>(),
        ["rule-field-never"],
        "{never:#?}"
    );
}

#[test]
fn two_runs_give_the_same_set() {
    let (Some(one), Some(other)) = (loaded(), loaded()) else { return };
    assert_eq!((&one.sha256, &one.figures, &one.not_run), (&other.sha256, &other.figures, &other.not_run));
    let places = |set: &RuleSet| {
        set.rules.iter().map(|rule| format!("{}:{}", rule.path, rule.line)).collect::<Vec<_>>()
    };
    assert_eq!(places(&one), places(&other));
    assert!(places(&one).is_sorted());
}

#[test]
fn a_real_rule_is_read_as_it_stands() {
    let Some(set) = loaded() else { return };
    let rule = set
        .rules
        .iter()
        .find(|rule| rule.id == "06d71506-7beb-4f22-8888-e2e5e2ca7fd8")
        .expect("Mimikatz Use");
    assert_eq!(
        (rule.title.as_str(), rule.level.as_str(), rule.status.as_str()),
        ("Mimikatz Use", "high", "test")
    );
    assert_eq!(rule.attack, ["T1003.002", "T1003.004", "T1003.001", "T1003.006"]);
    assert_eq!(rule.tactics, ["lateral-movement", "credential-access"]);
    assert_eq!((rule.line, logsource_label(rule).as_str()), (1, "windows"));
    assert!(rule.path.ends_with("/rules/windows/builtin/win_alert_mimikatz_keywords.yml"));
}
