//! Who stands behind a proxy, and addresses as logs write them.
//!
//! In: logs of a server behind a balancer, and logons with zones and ports in their addresses. Out: the sources that an examiner
//! would name: whom the last trusted hop spoke with, never the balancer and never what a client wrote itself.

use serde_json::{Value, json};

use crate::doors::doors;
use crate::scratch::{CASE, Scratch, text};

/// Twenty accounts are tried from behind the balancer, and the last is signed in to; `{n}` is another number in each row.
fn log_of_guesses(column: &str, peer: &str, forwarded: &str) -> String {
    let mut log = format!(
        "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2021-03-05 04:00:00\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken {column}\n"
    );
    for at in 0..40 {
        let status = if at < 39 { "401 1 1326" } else { "200 0 0" };
        let forwarded = forwarded.replace("{n}", &(21000 + at).to_string());
        let line = format!(
            "2021-03-05 04:00:{at:02} 192.0.2.30 POST /EWS/Exchange.asmx - 443 LIN\\p{at:03} {peer} python-requests/2.25 - {status} 31 {forwarded}\n"
        );
        log.push_str(&line);
    }
    log
}

/// Kinds, verdicts and sources of the doors.
fn told(log: &str, more: &str) -> Vec<(String, String, Value)> {
    let scratch = Scratch::new();
    scratch.write("given/NODE3/inetpub/logs/LogFiles/W3SVC1/u_ex210305.log", log);
    scratch.investigate(&format!("given --quiet {more}")).expect(0);
    let of = |door: &Value| (text(door, "kind"), text(door, "verdict"), door["sources"].clone());
    doors(&scratch).iter().map(of).collect()
}

#[test]
fn the_header_is_read_with_ports_and_in_any_spelling() {
    let plain = told(&log_of_guesses("X-Forwarded-For", "10.9.9.5", "203.0.113.61"), "");
    assert!(!plain.is_empty());
    assert!(plain.iter().all(|door| door.2 == json!(["203.0.113.61"])), "{plain:?}");
    for (column, forwarded) in [
        ("X-Forwarded-For", "203.0.113.61:{n}"),
        ("x-forwarded-for", "203.0.113.61"),
        ("cs(X-Forwarded-For)", "203.0.113.61:{n}"),
        ("X_FORWARDED_FOR", "[::ffff:203.0.113.61]:{n}"),
        ("X-Forwarded-For", "192.0.2.99,+203.0.113.61"),
        ("X-Forwarded-For", "203.0.113.61,10.9.9.8"),
    ] {
        assert_eq!(told(&log_of_guesses(column, "10.9.9.5", forwarded), ""), plain, "{column} {forwarded}");
    }
}

#[test]
fn a_peer_of_the_internet_is_believed_only_where_it_was_named() {
    let log = log_of_guesses("X-Forwarded-For", "198.51.100.77", "203.0.113.61");
    let own = told(&log, "");
    assert!(!own.is_empty() && own.iter().all(|door| door.2 == json!(["198.51.100.77"])), "{own:?}");
    let behind = told(&log, "--trusted-proxy 198.51.100.64/26");
    assert!(!behind.is_empty() && behind.iter().all(|door| door.2 == json!(["203.0.113.61"])), "{behind:?}");
    let scratch = Scratch::new();
    let run = scratch.piste(&["investigate", ".", "--case", CASE, "--trusted-proxy", "balancer"]);
    assert!(run.expect(2).err.contains("balancer"));
}

#[test]
fn a_later_run_of_the_case_takes_the_same_proxies() {
    let scratch = Scratch::new();
    let log = log_of_guesses("X-Forwarded-For", "198.51.100.77", "203.0.113.61");
    scratch.write("given/NODE3/inetpub/logs/LogFiles/W3SVC1/u_ex210305.log", log);
    scratch.investigate("given --quiet --trusted-proxy 198.51.100.64/26").expect(0);
    let sources = || doors(&scratch).iter().map(|door| door["sources"].clone()).collect::<Vec<_>>();
    let behind = sources();
    assert!(!behind.is_empty() && behind.iter().all(|one| *one == json!(["203.0.113.61"])), "{behind:?}");
    scratch.write("more/note.txt", "a later log\n");
    scratch.investigate("more --quiet").expect(0);
    assert_eq!(sources(), behind, "the word on the balancer stands");
    scratch.investigate("more --quiet --no-earlier-proxies").expect(0);
    assert!(sources().iter().all(|one| *one == json!(["198.51.100.77"])), "{:?}", sources());
}

#[test]
fn an_address_with_a_zone_is_of_the_network_that_it_is_in() {
    let scratch = Scratch::new();
    let addresses =
        ["203.0.113.62", "fe80::77%12", "fe80::5c1:9%ethernet0", "10.9.9.6:50112", "[2a00::62]:50113"];
    let rows: Vec<String> = (0..)
        .zip(addresses)
        .map(|(at, address)| {
            json!({"EventTime": format!("2024-08-09 11:00:0{at}"), "Channel": "Security",
                   "SourceName": "Microsoft-Windows-Security-Auditing", "EventID": 4624, "Hostname": "PC7",
                   "LogonType": "10", "TargetUserName": format!("p{at}"), "IpAddress": address})
            .to_string()
        })
        .collect();
    scratch.write("e.jsonl", rows.join("\n"));
    scratch.write(
        "rules/outside.yml",
        "title: From outside\nid: 1f0a5c52-8d1e-4e0b-9a53-3a1d4c1f7b62\nstatus: test\nlevel: low\nlogsource:\n  product: windows\n  service: security\ndetection:\n  logon:\n    EventID: 4624\n  inside:\n    IpAddress|cidr:\n      - 10.0.0.0/8\n      - fe80::/10\n  condition: logon and not inside\n",
    );
    scratch.investigate("e.jsonl --no-built-in-rules --rules rules").expect(0);
    let mut hit: Vec<u64> = scratch
        .lines("detections.jsonl")
        .iter()
        .filter(|one| one["rule_title"] == json!("From outside"))
        .filter_map(|one| one["record"].as_u64())
        .collect();
    hit.sort_unstable();
    assert_eq!(hit, [1, 5]);
}
