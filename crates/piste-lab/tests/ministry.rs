//! The built-in scenario, as a responder would be given it.
//!
//! In: generated evidence. Out: that it is the same every time, that every line has its format's shape, and that the
//! truth points at lines that say what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use piste_lab::{LabError, Truth, built_in, generate};
use piste_model::Instant;
use sha2::{Digest, Sha256};

/// Evidence in a scratch folder, its files as text by their locator, and the truth.
struct Made {
    folder: tempfile::TempDir,
    texts: BTreeMap<String, String>,
    truth: Truth,
}

fn make(seed: u64) -> Made {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let scenario = built_in("ministry").expect("it is built in");
    let evidence = folder.path().join("evidence");
    let truth = generate(&scenario, seed, &evidence, &folder.path().join("truth.json")).expect("writes");
    let mut texts = BTreeMap::new();
    for path in files(&evidence) {
        let name = path.strip_prefix(&evidence).expect("below").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(&path).expect("reads");
        if name.contains("collection") {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip");
            for index in 0..zip.len() {
                let mut member = zip.by_index(index).expect("a member");
                let mut text = String::new();
                member.read_to_string(&mut text).expect("inflates");
                texts.insert(format!("{name}!{}", member.name().expect("UTF-8")), text);
            }
        } else {
            texts.insert(name, String::from_utf8(bytes).expect("UTF-8"));
        }
    }
    Made { folder, texts, truth }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// One hash of all files' names and bytes.
fn hash(folder: &Path) -> Vec<u8> {
    let mut hash = Sha256::new();
    for path in files(folder) {
        hash.update(path.strip_prefix(folder).expect("below").to_string_lossy().as_bytes());
        hash.update(fs::read(&path).expect("reads"));
    }
    hash.finalize().to_vec()
}

impl Made {
    fn line(&self, path: &str, record: u64) -> &str {
        let text = self.texts.get(path).unwrap_or_else(|| panic!("no file {path}"));
        text.lines()
            .nth(usize::try_from(record).expect("small") - 1)
            .unwrap_or_else(|| panic!("{path} has no line {record}"))
    }

    fn leaves(&self, step: &str) -> Vec<&str> {
        let step =
            self.truth.intrusions.iter().flat_map(|one| &one.steps).find(|one| one.id == step).expect(step);
        step.leaves.iter().map(|leaf| self.line(&leaf.path, leaf.record)).collect()
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_the_same_steps() {
    let (first, second, other) = (make(1), make(1), make(2));
    assert_eq!(hash(first.folder.path()), hash(second.folder.path()));
    assert_ne!(hash(first.folder.path()), hash(other.folder.path()));
    let planted = |made: &Made| -> Vec<_> {
        let steps = made.truth.intrusions.iter().flat_map(|one| &one.steps);
        steps.map(|step| (step.id.clone(), step.time, !step.leaves.is_empty())).collect()
    };
    assert_eq!(planted(&first), planted(&other));
}

#[test]
fn it_is_small_and_covers_what_the_story_needs() {
    let made = make(1);
    let bytes: usize = made.texts.values().map(String::len).sum();
    let lines: usize =
        made.texts.values().map(|text| text.lines().filter(|line| !line.starts_with('#')).count()).sum();
    assert!((12_000_000..27_000_000).contains(&bytes), "{bytes} bytes");
    assert!((40_000..62_000).contains(&lines), "{lines} lines");
    assert!(made.texts.len() < 600, "{} files", made.texts.len());
    assert!(!made.texts.keys().any(|path| path.contains("truth")));
}

#[test]
fn every_json_line_is_a_windows_event_of_its_host_in_order() {
    let made = make(1);
    let mut seen = BTreeSet::new();
    for (path, text) in made.texts.iter().filter(|(path, _)| path.contains("windows-events")) {
        let host = path.get(..4).expect("a host");
        let mut last = String::new();
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let time = event["TimeCreated"].as_str().expect("a time");
            assert_eq!(event["@timestamp"], event["TimeCreated"]);
            assert!(Instant::parse(time).is_some(), "{time}");
            assert!(*last <= *time, "{path}: {last} before {time}");
            time.clone_into(&mut last);
            assert_eq!(event["Hostname"].as_str(), Some(format!("{host}.min.example").as_str()));
            assert!(event["EventID"].is_u64(), "{line}");
            seen.insert((
                event["Channel"].as_str().expect("a channel").to_owned(),
                event["EventID"].as_u64(),
            ));
        }
    }
    for (channel, id) in [
        ("Security", 4624),
        ("Security", 4625),
        ("Security", 4634),
        ("Security", 4672),
        ("Security", 4688),
        ("Security", 4698),
        ("Microsoft-Windows-Sysmon/Operational", 1),
        ("Microsoft-Windows-Sysmon/Operational", 3),
        ("Microsoft-Windows-Sysmon/Operational", 10),
        ("Microsoft-Windows-Sysmon/Operational", 11),
        ("System", 7045),
        ("MSExchange Management", 1),
        ("Application", 4),
    ] {
        assert!(seen.contains(&(channel.to_owned(), Some(id))), "{channel} {id}");
    }
}

#[test]
fn every_iis_row_has_the_fields_of_its_header_in_order() {
    let made = make(1);
    let mut restarts = 0;
    for (path, text) in made.texts.iter().filter(|(path, _)| path.contains("W3SVC1")) {
        let (mut fields, mut last) = (0, String::new());
        assert!(text.starts_with(
            "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: "
        ));
        for line in text.split_terminator("\r\n") {
            if let Some(names) = line.strip_prefix("#Fields: ") {
                restarts += usize::from(fields > 0);
                fields = names.split(' ').count();
            } else if !line.starts_with('#') {
                assert_eq!(line.split(' ').count(), fields, "{path}: {line}");
                let time = line.get(..19).expect("a time").to_owned();
                assert!(last <= time, "{path}: {last} before {time}");
                assert_eq!(
                    path.get(path.len() - 10..path.len() - 4),
                    Some(time.get(2..10).unwrap().replace('-', "").as_str())
                );
                last = time;
            }
        }
    }
    assert!(restarts > 2, "IIS starts again on patch days");
}

#[test]
fn every_exchange_row_has_the_columns_of_its_header_in_order() {
    let made = make(1);
    let exchange = |path: &&String| path.contains("/HttpProxy/") || path.contains("/ECP/");
    assert!(made.texts.keys().filter(exchange).count() > 200);
    for path in made.texts.keys().filter(exchange) {
        let text = &made.texts[path];
        let (mut columns, mut last) = (0, String::new());
        for line in text.split_terminator("\r\n") {
            if let Some(names) = line.strip_prefix("#Fields: ") {
                columns = names.split(',').count();
            } else if !line.starts_with('#') {
                assert_eq!(csv(line).len(), columns, "{path}: {line}");
                let time = line.get(..24).expect("a time").to_owned();
                assert!(last <= time && time.ends_with('Z'), "{path}: {last} before {time}");
                last = time;
            }
        }
    }
}

/// The values of one row as RFC 4180 has them.
fn csv(line: &str) -> Vec<String> {
    let (mut values, mut value, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(one) = chars.next() {
        match one {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                value.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    values.push(value);
    values
}

#[test]
fn requests_of_both_logs_meet_by_their_id() {
    let made = make(1);
    let iis: String = made
        .texts
        .iter()
        .filter(|(path, _)| path.contains("u_ex2103"))
        .map(|(_, text)| text.as_str())
        .collect();
    let mut joined = 0;
    for (_, text) in made.texts.iter().filter(|(path, _)| path.contains("HttpProxy")) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let id = line.split(',').nth(1).expect("an id");
            assert!(iis.contains(&format!("&cafeReqId={id};")), "{line}");
            joined += 1;
        }
    }
    assert!(joined > 300, "{joined}");
}

#[test]
fn the_truth_points_at_lines_that_say_it() {
    #[track_caller]
    fn check(made: &Made, step: &str, wanted: &[&str]) {
        let leaves = made.leaves(step);
        assert!(!leaves.is_empty(), "{step} left nothing");
        for text in wanted {
            assert!(
                leaves.iter().any(|line| line.contains(text)),
                "{step}: no line has `{text}`:\n{}",
                leaves.join("\n")
            );
        }
    }
    let made = make(1);
    check(&made, "T-1.02", &["2019-04-09 19:42:10", r"POST /owa/auth.owa", r"MIN\e.maes 203.0.113.77"]);
    check(&made, "T-1.03", &["POST /EWS/Exchange.asmx", "ExchangeServicesClient/15.00.0847.030"]);
    check(&made, "T-1.05", &["GET /owa/auth/errorEE.aspx"]);
    check(&made, "T-1.06", &["POST /owa/auth/errorEE.aspx"]);
    check(&made, "T-1.08", &[" - 302 0 0 "]);
    check(
        &made,
        "T-1.09",
        &[
            "GET /ecp/default.aspx __VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE=",
            "500 0 0",
            "\"EventID\":4,",
            "MSExchangeECPAppPool",
            "OutlookDN.aspx",
        ],
    );
    check(&made, "T-1.10", &["nltest /domain_trusts", "OutlookDN.aspx", "w3wp.exe"]);
    check(&made, "T-1.11", &["comsvcs.dll MiniDump", "0x1FFFFF", "lsass.exe"]);
    check(
        &made,
        "T-1.12",
        &["\"EventID\":7045", "WinNetSvc", "\"IpAddress\":\"10.20.1.10\"", "\"EventID\":4672"],
    );
    check(&made, "T-1.13", &["schtasks /create /s WS07", "\"EventID\":4698", "AdobeFlashSync"]);
    check(&made, "T-1.14", &["-hpQ7r!m2", "arm.part3.rar"]);
    check(&made, "T-1.15", &["GET /owa/auth/Current/themes/resources/lgnbg3.png"]);
    check(&made, "T-1.16", &["New-MailboxExportRequest", "Mailbox Import Export", "-Confirm \\\"False\\\""]);
    check(&made, "T-1.17", &["POST /owa/auth/Current/themes/resources/OutlookDN.aspx", "\"EventID\":4688"]);
    check(
        &made,
        "T-2.01",
        &[
            "ServerInfo~a]@mx01.min.example:444/ecp/proxyLogon.ecp?#",
            ",241,",
            "X-BEResource-Cookie",
            "POST /ecp/y.js",
        ],
    );
    check(
        &made,
        "T-2.02",
        &[
            "'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<script language=\"\"JScript\"\" runat=\"\"server\"\">",
            "Cmdlet suceeded. Cmdlet Set-OabVirtualDirectory, parameters -ExternalUrl",
            "schema=ResetOABVirtualDirectory#",
            "OutlookEN.aspx",
        ],
    );
    check(&made, "T-2.03", &["POST /owa/auth/OutlookEN.aspx", "/owa/auth/OutlookEN.aspx,,FBA"]);
    check(&made, "T-2.04", &["procdump64.exe -accepteula -ma lsass.exe"]);
}

#[test]
fn rolled_over_steps_leave_nothing_and_the_rest_is_the_first_trace() {
    let made = make(1);
    let silent: Vec<_> = made
        .truth
        .intrusions
        .iter()
        .flat_map(|one| &one.steps)
        .filter(|step| step.leaves.is_empty())
        .collect();
    let ids: Vec<_> = silent.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["T-1.01", "T-1.04"]);
    let shown: Vec<_> = made
        .truth
        .intrusions
        .iter()
        .map(|one| {
            let trace = one.first_trace.expect("a trace");
            format!("{}: {} {} {}", one.id, one.first_step, trace, one.last_step)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    T-1: 2019-03-28T08:14:00Z 2019-04-09T19:42:10Z 2021-03-01T19:20:44Z
    T-2: 2021-03-03T05:12:31Z 2021-03-03T05:12:31Z 2021-03-04T03:02:26Z
    ");
}

#[test]
fn nobody_else_uses_the_intruders_addresses_and_pages() {
    let made = make(1);
    let planted: BTreeSet<_> = made
        .truth
        .intrusions
        .iter()
        .flat_map(|one| &one.steps)
        .flat_map(|step| &step.leaves)
        .map(|leaf| (leaf.path.as_str(), leaf.record))
        .collect();
    let words = [
        "203.0.113.77",
        "203.0.113.142",
        "192.0.2.201",
        "errorEE.aspx",
        "OutlookDN.aspx",
        "OutlookEN.aspx",
        "WinNetSvc",
        "Page_Load",
    ];
    for (path, text) in &made.texts {
        for (number, line) in (1..).zip(text.lines()) {
            if words.iter().any(|word| line.contains(word)) {
                assert!(planted.contains(&(path.as_str(), number)), "{path} line {number}: {line}");
            }
        }
    }
}

#[test]
fn old_evidence_is_not_written_over_and_the_truth_stays_outside() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let scenario = built_in("ministry").expect("it is built in");
    let evidence = folder.path().join("evidence");
    let inside = generate(&scenario, 1, &evidence, &evidence.join("truth.json"));
    assert!(matches!(inside, Err(LabError::TruthInEvidence(_))), "{inside:?}");
    fs::create_dir(&evidence).expect("a folder");
    fs::write(evidence.join("real.log"), "x").expect("a file");
    let full = generate(&scenario, 1, &evidence, &folder.path().join("truth.json"));
    assert!(matches!(full, Err(LabError::NotEmpty(_))), "{full:?}");
}
