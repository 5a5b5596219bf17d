//! Sentences that say something was not there, and the one date of the first trace.
//!
//! In: logs with holes, and a break-in that several outputs date. Out: each negative sentence names the days that it holds for;
//! every output says the same first trace.

use serde_json::Value;

use crate::doors::{doors, iis, sentences};
use crate::exposure::httpproxy;
use crate::scratch::{CASE, Scratch, text};

const SHELL: &str = "<%@ Page Language=\"Jscript\"%>\n<%eval(Request.Item[\"k\"],\"unsafe\");%>";

/// An ordinary request of a day.
fn ordinary(day: &str) -> String {
    format!("{day} 09:00:00 MX01 10.20.1.10 GET /owa/ - 443 MIN\\anna 10.20.7.21 Mozilla/5.0 - 200 0 0 30")
}

#[test]
fn a_negative_sentence_names_the_days_that_it_holds_for() {
    let scratch = Scratch::new();
    let days = ["2019-04-01", "2019-04-02", "2019-12-04", "2019-12-05"];
    let rows: Vec<String> = days.iter().map(|day| ordinary(day)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    scratch.write("MX01/C/inetpub/logs/LogFiles/W3SVC1/u_ex1904.log", iis(&rows));
    scratch.write("MX01/C/inetpub/wwwroot/aspnet_client/x.aspx", SHELL);
    scratch.investigate("MX01").expect(0);
    let found = doors(&scratch);
    let told = sentences(&found[0], "why").join("\n");
    let hole = "on the 4 days of 249 whose logs are here (from 2019-04-01T09:00:00Z to 2019-12-05T09:00:00Z; no row from 2019-04-03 to 2019-12-03, 245 days)";
    assert!(told.contains(&format!("no answered request for it {hole}")), "{told}");
    assert!(told.contains("Sysmon and Security logs: none are here"), "{told}");
    let none = scratch.piste(&["doors", "--verdict", "used", "--case", CASE]).expect(0).out;
    assert!(none.starts_with("No such door was seen on the 4 days of 249 whose logs are here"), "{none}");
    let summary = scratch.object("summary.json");
    assert_eq!((&summary["covered"]["days"], &summary["covered"]["of"]), (&4.into(), &249.into()));
    assert_eq!(summary["web_logs"]["MX01"]["days"], 4, "{summary}");
}

#[test]
fn a_hole_in_the_logs_of_an_open_server_is_not_visible() {
    let scratch = Scratch::new();
    scratch.write(
        "MX01.log",
        httpproxy(
            "MX01",
            &[
                ("2021-01-01T08:00:00.000Z", 2),
                ("2021-01-02T08:00:00.000Z", 2),
                ("2021-02-20T08:00:00.000Z", 2),
            ],
        ),
    );
    scratch.investigate("MX01.log").expect(0);
    let told = scratch.object("doors.json");
    let hidden = told["not_visible"].as_array().expect("a list");
    let gap = hidden.iter().find(|one| one["from"] == "2021-01-03T00:00:00Z").expect("the hole is told");
    assert_eq!(gap["to"], "2021-02-20T00:00:00Z");
    assert!(text(gap, "why").contains("no row from 2021-01-03 to 2021-02-19, 48 days"), "{gap}");
    assert!(gap["cve"].as_array().expect("a list").iter().any(|cve| cve == "CVE-2021-26855"), "{gap}");
    let listed = scratch.piste(&["doors", "--case", CASE]).expect(0).out;
    assert!(listed.contains("ProxyLogon (CVE-2021-26855"), "{listed}");
}

/// The first moment that a text names after some words.
fn after(text: &str, words: &str) -> String {
    let rest = text.split(words).nth(1).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    rest.trim_start().split([' ', '<', ',', '"', ';']).next().unwrap_or_default().to_owned()
}

#[test]
fn report_facts_and_triage_name_one_first_trace() {
    let scratch = Scratch::new();
    scratch.piste(&["demo"]).expect(0);
    let read = |name: &str| std::fs::read_to_string(scratch.path(name)).expect("it is written");
    let found: Value = serde_json::from_str(&read("piste-demo/case/out/doors.json")).expect("JSON");
    let earliest = found["doors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|door| door["verdict"] == "used")
        .filter_map(|door| {
            door["opened"]["not_after"].as_str().into_iter().chain(door["first_used"].as_str()).min()
        })
        .min()
        .expect("a door that was used")
        .to_owned();
    let report = after(&read("piste-demo/case/out/report.html"), "<dt>First trace</dt><dd><p>No later than");
    let asked = scratch.piste(&["fact", "ask", "--json", "--case", "piste-demo/case"]).expect(0).out;
    let fact = asked.split("t.first_trace").nth(1).expect("it is proposed");
    assert!(report <= earliest, "{report} {earliest}");
    assert!(fact.contains(&report), "{report}: {fact}");
}
