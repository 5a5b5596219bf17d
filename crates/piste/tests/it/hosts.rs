//! Which computer a file is of, and who stands behind a proxy.
//!
//! In: collections of two computers, loose files, and logs of a server behind a balancer. Out: the hosts and sources that an
//! examiner would name; two computers are never made one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::doors::doors;
use crate::events::zip;
use crate::scratch::{CASE, Scratch, text};

const SHELL: &[u8] = b"<%@ Page Language=\"Jscript\"%>\n<%eval(Request.Item[\"q4\"],\"unsafe\");%>";
const LOG: &str = "inetpub/logs/LogFiles/W3SVC1/u_ex210305.log";
const PAGE: &str = "inetpub/wwwroot/aspnet_client/note.aspx";

fn log(header: &str, rows: &[&str]) -> Vec<u8> {
    let head = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken";
    let space = if header.is_empty() { "" } else { " " };
    format!("{head}{space}{header}\n{}\n", rows.join("\n")).into_bytes()
}

fn quiet_log() -> Vec<u8> {
    log("", &["2021-03-05 08:00:00 192.0.2.20 GET /owa/ - 443 - 198.51.100.20 Mozilla/5.0 200 0 0 12"])
}

fn log_of_use() -> Vec<u8> {
    log(
        "",
        &[
            "2021-03-05 09:00:00 192.0.2.21 POST /aspnet_client/note.aspx - 443 - 203.0.113.44 curl/7.70 200 0 0 12",
        ],
    )
}

/// The hosts of all files, each once.
fn hosts(scratch: &Scratch) -> Vec<String> {
    let evidence = scratch.evidence();
    let hosts: BTreeSet<&str> = evidence.values().filter_map(|one| one["host"].as_str()).collect();
    hosts.into_iter().map(str::to_owned).collect()
}

fn told(scratch: &Scratch) -> Vec<String> {
    let show =
        |door: &Value| format!("{} {} {}", text(door, "host"), text(door, "kind"), text(door, "verdict"));
    let mut told: Vec<String> = doors(scratch).iter().map(show).collect();
    told.sort_unstable();
    told
}

/// Whether any of the door's sentences of one kind has the words.
fn says(door: &Value, kind: &str, words: &str) -> bool {
    door[kind].as_array().into_iter().flatten().any(|one| one.as_str().unwrap_or_default().contains(words))
}

/// No door rests on both a collected page and a request.
#[track_caller]
fn check_not_joined(scratch: &Scratch) {
    for door in doors(scratch) {
        assert!(!(says(&door, "why", "collected file:") && says(&door, "why", " IIS: ")), "{door}");
    }
}

/// The page lies on one computer, and another was asked for a page of that name: two doors, each of its own computer.
#[track_caller]
fn check_apart(one: (&str, &str), other: (&str, &str), volume: &str, own: &[(&str, &[u8])]) {
    let scratch = Scratch::new();
    let (page, log) = (format!("{volume}{PAGE}"), format!("{volume}{LOG}"));
    let (quiet, busy) = (quiet_log(), log_of_use());
    let first = [own, &[(page.as_str(), SHELL), (log.as_str(), quiet.as_slice())]].concat();
    let second = [own, &[(log.as_str(), busy.as_slice())]].concat();
    scratch.write(&format!("given/{}", one.0), zip(&first));
    scratch.write(&format!("given/{}", other.0), zip(&second));
    scratch.investigate("given --quiet").expect(0);
    let mut both = [one.1, other.1];
    both.sort_unstable();
    assert_eq!(hosts(&scratch), both);
    let found = told(&scratch);
    let mut expected = [format!("{} webshell succeeded", one.1), format!("{} webshell used", other.1)];
    expected.sort_unstable();
    assert_eq!(found, expected);
    check_not_joined(&scratch);
}

#[test]
fn zips_named_after_computers_are_of_these() {
    check_apart(("NODE3.zip", "NODE3"), ("NODE4.zip", "NODE4"), "C/", &[]);
    check_apart(("SRV-NODE3.zip", "SRV-NODE3"), ("SRV-NODE4.zip", "SRV-NODE4"), "", &[]);
    check_apart(("NODE3-2021-03-06.zip", "NODE3"), ("NODE4_20210306.zip", "NODE4"), "D/", &[]);
}

#[test]
fn collections_of_velociraptor_are_of_their_clients() {
    let own: &[(&str, &[u8])] = &[("client_info.json", b"{}"), ("collection_context.json", b"{}")];
    check_apart(
        ("Collection-NODE3_lin_example-2021-03-06T10_00_00Z.zip", "NODE3.lin.example"),
        ("Collection-NODE-2019-2021-03-06T11_00_00Z.zip", "NODE-2019"),
        "uploads/ntfs/%5C%5C.%5CC%3A/",
        own,
    );
}

#[test]
fn a_shadow_copy_is_of_the_same_computer() {
    let scratch = Scratch::new();
    let shadow = "uploads/ntfs/%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy2/";
    let (live, early) = (format!("uploads/ntfs/%5C%5C.%5CC%3A/{PAGE}"), format!("{shadow}{LOG}"));
    let info: &[u8] = br#"{"hostname":"NODE5","fqdn":"node5.lin.example"}"#;
    let collection =
        zip(&[("client_info.json", info), (live.as_str(), SHELL), (early.as_str(), log_of_use().as_slice())]);
    scratch.write("given/night.zip", collection);
    scratch.investigate("given --quiet").expect(0);
    assert_eq!(hosts(&scratch), ["node5.lin.example"]);
    assert_eq!(told(&scratch), ["node5.lin.example webshell used"]);
}

#[test]
fn loose_files_are_of_no_known_computer_and_of_no_common_one() {
    let scratch = Scratch::new();
    scratch.write("given/a/note.aspx", SHELL);
    scratch.write("given/b/u_ex210305.log", log_of_use());
    scratch.investigate("given --quiet").expect(0);
    assert_eq!(hosts(&scratch), Vec::<String>::new());
    let unknown = |place: &str, end: &str| format!("unknown host of given/{place} webshell {end}");
    assert_eq!(told(&scratch), [unknown("a/note.aspx", "succeeded"), unknown("b/u_ex*.log", "used")]);
    check_not_joined(&scratch);
    let doors = doors(&scratch);
    let of_page = doors.iter().find(|door| text(door, "verdict") == "succeeded").expect("the page's door");
    assert_eq!(text(of_page, "host_known"), "unknown");
    let issue = scratch.issue("host-unknown");
    assert!(text(&issue, "hint").contains("--as-host NAME"), "{issue}");
    assert!(scratch.slugs().contains(&"host-unknown".to_owned()), "{:?}", scratch.slugs());
}

/// Two loose files of one server, which only a person can know.
fn loose(arguments: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("given/a/aspnet_client/note.aspx", SHELL);
    scratch.write("given/b/u_ex210305.log", log_of_use());
    scratch.investigate(&format!("given --quiet {arguments}")).expect(0);
    scratch
}

#[test]
fn a_persons_word_joins_loose_files_and_stays_with_the_case() {
    let scratch = loose("--as-host NODE7");
    let check = |host: &str| {
        assert_eq!(hosts(&scratch), [host]);
        assert_eq!(told(&scratch), [format!("{host} webshell used")]);
        let door = doors(&scratch).remove(0);
        assert_eq!(text(&door, "host_known"), "stated");
        assert!(says(&door, "against", "E-1, E-2 are of") && says(&door, "against", "--as-host"), "{door}");
        let issue = scratch.issue("host-stated");
        assert!(
            text(&issue, "what").contains(&format!("--as-host {host}: given/a/aspnet_client/note.aspx")),
            "{issue}"
        );
        assert!(!scratch.slugs().contains(&"host-unknown".to_owned()), "{:?}", scratch.slugs());
    };
    check("NODE7");
    scratch.investigate("given --quiet").expect(0);
    check("NODE7");
    scratch.piste(&["hunt", "--case", CASE, "--quiet"]).expect(0);
    check("NODE7");
    scratch.investigate("given --quiet --as-host NODE8").expect(0);
    check("NODE8");
    scratch.investigate("given --quiet --withdraw given").expect(0);
    assert_eq!(hosts(&scratch), Vec::<String>::new());
    check_not_joined(&scratch);
    assert!(scratch.slugs().contains(&"host-unknown".to_owned()));
}

#[test]
fn a_persons_word_names_nothing_that_names_itself() {
    let scratch = Scratch::new();
    scratch.write("given/NODE3.zip", zip(&[(format!("C/{PAGE}").as_str(), SHELL)]));
    scratch.write("given/b/u_ex210305.log", log_of_use());
    scratch.investigate("given --quiet --as-host NODE4").expect(0);
    assert_eq!(hosts(&scratch), ["NODE3", "NODE4"]);
    check_not_joined(&scratch);
}

#[test]
fn rows_are_found_under_the_name_of_their_computer() {
    let scratch = loose("--as-host NODE7");
    let run = |arguments: &str| {
        let all: Vec<&str> =
            arguments.split_whitespace().chain(["--case", CASE, "--host", "node7"]).collect();
        scratch.piste(&all).expect(0).out
    };
    for command in [
        "search curl/7.70",
        "search curl/7.70 --json",
        "timeline --events",
        "timeline --events --format jsonl",
        "timeline --events --format timesketch",
        "metrics hosts",
    ] {
        let out = run(command);
        assert!(out.contains("NODE7") && !out.contains("unknown host"), "{command}: {out}");
    }
    let other = scratch.piste(&["search", "curl/7.70", "--case", CASE, "--host", "NODE8"]).expect(2);
    assert!(other.out.is_empty() && other.err.contains("hosts of this case: NODE7"), "{}", other.err);
}

#[test]
fn a_word_without_evidence_or_without_a_name_is_refused() {
    let scratch = loose("");
    let run = scratch.piste(&["hunt", "--case", CASE, "--as-host", "NODE7"]).expect(2);
    assert!(run.err.contains("--as-host NODE7"), "{}", run.err);
    scratch.piste(&["investigate", "given", "--case", CASE, "--as-host", "two words"]).expect(2);
}

#[test]
fn the_volume_may_be_escaped_twice() {
    check_apart(
        ("Collection-NODE3-2021-03-06T10_00_00Z.zip", "NODE3"),
        ("Collection-NODE4-2021-03-06T11_00_00Z.zip", "NODE4"),
        "uploads/ntfs/%255C%255C.%255CC%253A/",
        &[],
    );
}

#[test]
fn folders_of_logs_and_programs_are_no_computers() {
    let scratch = Scratch::new();
    let (page, log) = (format!("given/security/C/{PAGE}"), format!("given/catalina/C/{LOG}"));
    scratch.write(&page, SHELL);
    scratch.write(&log, log_of_use());
    scratch.investigate("given --quiet").expect(0);
    assert_eq!(hosts(&scratch), Vec::<String>::new());
    let unknown = |place: &str, end: &str| format!("unknown host of given/{place} webshell {end}");
    assert_eq!(told(&scratch), [unknown("catalina", "used"), unknown("security", "succeeded")]);
    check_not_joined(&scratch);
}
