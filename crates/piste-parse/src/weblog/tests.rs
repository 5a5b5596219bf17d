//! Small logs of both forms, and the same damaged.

use super::*;
use crate::whole::testing::{damage, read};

const NCSA: &str = "203.0.113.9 - MIN\\jan [05/Mar/2021:10:00:00 +0100] \"POST /aspnet_client/q.aspx?cmd=who%61mi HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X; \\\"q\\\")\"\n\
    198.51.100.7 - - [05/Mar/2021:10:00:01 +0000] \"GET / HTTP/1.0\" 404 -\n\
    198.51.100.7 - - [05/Mar/2021:10:00:02 +0000] \"-\" 408 -\nbroken\n";
const NATIVE: &str = "203.0.113.9, -, 03/05/21, 9:00:00, W3SVC1, MX01, 10.0.0.5, 15, 310, 512, 200, 0, POST, /aspnet_client/q.aspx, cmd=whoami,\r\n\
    203.0.113.9, MIN\\jan, 3/15/2021, 10:00:00, W3SVC1, MX01, 10.0.0.5, 15, 310, 512, 404, 2, GET, /x.aspx, -,\r\n\
    203.0.113.9, -, 15/03/21, 9:00:00, W3SVC1, MX01, 10.0.0.5, 15, 310, 512, 200, 0, POST, /y.aspx, -,\r\n";
const SHOWN: [&str; 9] = [
    "event_time",
    "time_basis",
    "c-ip",
    "cs-username",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "sc-status",
    "cs-user-agent",
];

#[test]
fn a_line_of_ncsa_is_a_request_in_its_own_zone() {
    assert!(recognise_ncsa(NCSA.as_bytes(), "u_nc210305.log"));
    let found = read(parse_ncsa, NCSA.as_bytes(), "u_nc210305.log");
    assert_eq!(
        found.columns(&SHOWN),
        [
            r#"2021-03-05T09:00:00Z | NCSA log | 203.0.113.9 | MIN\jan | POST | /aspnet_client/q.aspx | cmd=who%61mi | 200 | Mozilla/5.0 (X; \"q\")"#,
            "2021-03-05T10:00:01Z | NCSA log | 198.51.100.7 | ~ | GET | / | ~ | 404 | ~",
            "2021-03-05T10:00:02Z | NCSA log | 198.51.100.7 | ~ | ~ | ~ | ~ | 408 | ~",
        ]
    );
    assert_eq!(found.rows[0]["cs-uri-decoded"], "/aspnet_client/q.aspx?cmd=whoami");
    assert_eq!(found.issues.len(), 1, "{:?}", found.issues);
    damage(parse_ncsa, NCSA.as_bytes(), "x", 2_000);
}

#[test]
fn a_line_of_iis_own_form_is_a_request_in_local_time() {
    assert!(recognise_native(NATIVE.as_bytes(), "in210305.log"));
    let found = read(parse_native, NATIVE.as_bytes(), "in210305.log");
    assert_eq!(
        found.columns(&SHOWN),
        [
            "2021-03-05T09:00:00Z | IIS log, zone unknown | 203.0.113.9 | ~ | POST | /aspnet_client/q.aspx | cmd=whoami | 200 | ~",
            r"2021-03-15T10:00:00Z | IIS log, zone unknown | 203.0.113.9 | MIN\jan | GET | /x.aspx | ~ | 404 | ~",
        ]
    );
    assert_eq!(found.rows[0]["host"], "MX01");
    let slugs: Vec<_> =
        found.issues.iter().map(|issue| issue.split(':').next().unwrap_or_default()).collect();
    assert_eq!(slugs, ["web-log-line", "time-zone-unknown"], "a day that cannot be one makes no other day");
    damage(parse_native, NATIVE.as_bytes(), "x", 2_000);
}

#[test]
fn other_texts_are_no_web_logs() {
    for text in [
        "a, b, c\n",
        "",
        "2021-03-05 10:00:00 10.0.0.5 GET / - 443 - 203.0.113.9 - 200 0 0 5\n",
        "[05/Mar/2021:10:00:00 +0100] hello\n",
        "notes of a person [about] \"something\" 200 3\n",
    ] {
        assert!(!recognise_ncsa(text.as_bytes(), "x") && !recognise_native(text.as_bytes(), "x"), "{text}");
    }
}
