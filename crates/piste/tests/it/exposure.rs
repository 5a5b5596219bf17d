//! Exposure and clocks, from logs to the words on the terminal.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::scratch::{CASE, Run, Scratch, real};

/// HttpProxy rows of one server: (time, revision of 15.1.2176).
pub(crate) fn httpproxy(host: &str, rows: &[(&str, u32)]) -> String {
    let mut text = "#Software: Microsoft Exchange Server\n#Version: 15.01.2176.009\n#Log-type: HttpProxy Logs\n\
                    #Date: 2021-02-01T00:00:00.000Z\n\
                    #Fields: DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,UrlStem,AnchorMailbox,ServerHostName,HttpStatus,RoutingHint\n"
        .to_owned();
    for (at, (time, revision)) in rows.iter().enumerate() {
        let _ = writeln!(
            text,
            "{time},5e58f5e5-1ddc-48d3-82c6-{at:012},15,1,2176,{revision},/owa/,x@min.example,{host},200,"
        );
    }
    text
}

fn iis(rows: &[(&str, &str, &str, u32)]) -> String {
    let mut text = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n\
                    #Fields: date time cs-method cs-uri-stem cs-uri-query c-ip sc-status\n"
        .to_owned();
    for (time, stem, query, status) in rows {
        let _ = writeln!(text, "{time} GET {stem} {query} 198.51.100.7 {status}");
    }
    text
}

fn server<'a>(servers: &'a Value, host: &str) -> &'a Value {
    let list = servers["servers"].as_array().expect("a list");
    list.iter().find(|one| one["host"] == host).unwrap_or_else(|| panic!("no {host} in {servers}"))
}

fn span<'a>(server: &'a Value, cve: &str) -> &'a Value {
    let list = server["open"].as_array().expect("a list");
    list.iter().find(|one| one["cve"] == cve).unwrap_or_else(|| panic!("no {cve} in {server}"))
}

#[test]
fn an_update_ends_the_exposure_and_the_command_says_so() {
    let scratch = Scratch::new();
    let log = httpproxy(
        "MX01",
        &[
            ("2021-02-01T08:00:00.000Z", 2),
            ("2021-03-08T20:00:00.000Z", 2),
            ("2021-03-09T06:00:00.125Z", 9),
            ("2021-03-20T06:00:00.000Z", 9),
        ],
    );
    scratch.write("given/MX01/HttpProxy/HttpProxy_2021.LOG", log);
    scratch.investigate("given").expect(0);
    let servers = scratch.object("exposure.json");
    let mx = server(&servers, "MX01");
    assert_eq!((&mx["cu"], &mx["build"]), (&json!("CU19"), &json!("15.1.2176.9")));
    let logon = span(mx, "CVE-2021-26855");
    assert_eq!(logon["from"], "2021-02-01T08:00:00.000Z");
    assert_eq!(logon["to"], "2021-03-09T06:00:00.125Z");
    assert_eq!(logon["proven"], true);
    assert_eq!(span(mx, "CVE-2021-34473")["to"], Value::Null);
    // The row behind the first sighting of the update leads back to its bytes.
    let row = &mx["builds"][1]["row"];
    let shown = scratch
        .piste(&[
            "show",
            &format!("{}:{}", row["evidence_id"].as_str().expect("an id"), row["record"]),
            "--case",
            CASE,
        ])
        .expect(0);
    assert!(shown.out.contains("2021-03-09T06:00:00.125Z"), "{}", shown.out);
    let told = scratch.piste(&["exposure", "--case", CASE, "--host", "mx01"]).expect(0).out;
    insta::assert_snapshot!(told);
    // Nothing is said of a computer that no evidence is of.
    let other = scratch.piste(&["exposure", "--case", CASE, "--host", "other", "--json"]).expect(2);
    assert!(other.out.is_empty() && other.err.contains("error[host-not-in-case]"), "{}", other.err);
}

#[test]
fn paths_alone_leave_the_security_update_unknown() {
    let scratch = Scratch::new();
    let favicon = "/owa/auth/15.1.2176/themes/resources/favicon.ico";
    let log = iis(&[
        ("2021-02-01 08:00:00", favicon, "-", 200),
        ("2021-02-02 08:00:00", "/owa/auth/15.1.2507/themes/resources/favicon.ico", "-", 404),
        ("2021-06-01 08:00:00", favicon, "-", 304),
    ]);
    scratch.write("given/MX02/inetpub/logs/LogFiles/W3SVC1/u_ex210201.log", log);
    scratch.investigate("given").expect(0);
    let servers = scratch.object("exposure.json");
    let mx = server(&servers, "MX02");
    assert_eq!(mx["build"], "15.1.2176");
    let logon = span(mx, "CVE-2021-26855");
    assert_eq!((&logon["to"], &logon["proven"]), (&Value::Null, &json!(false)));
    assert_eq!(logon["to_not_before"], "2021-03-02T00:00:00Z");
    let unknown = mx["unknown_spans"].as_array().expect("a list");
    assert!(unknown.iter().any(|span| span["cve"] == "CVE-2021-26855"), "{unknown:?}");
    assert!(mx["unknown"][0].as_str().expect("a sentence").contains("ExchangeSetup.log"));
}

#[test]
fn one_request_in_two_logs_shows_their_clocks() {
    let scratch = Scratch::new();
    let times =
        [("2021-02-01T08:00:01.500Z", 2), ("2021-02-01T08:00:02.500Z", 2), ("2021-02-01T08:00:03.500Z", 2)];
    scratch.write("given/MX01/HttpProxy/HttpProxy_2021.LOG", httpproxy("MX01", &times));
    let query = |at: u32| format!("&CorrelationID=<empty>;&cafeReqId=5e58f5e5-1ddc-48d3-82c6-{at:012};");
    let (a, b, c) = (query(0), query(1), query(2));
    let log = iis(&[
        ("2021-02-01 07:58:01", "/owa/", &a, 200),
        ("2021-02-01 07:58:02", "/owa/", &b, 200),
        ("2021-02-01 07:58:03", "/owa/", &c, 200),
    ]);
    scratch.write("given/MX01/inetpub/logs/LogFiles/W3SVC1/u_ex210201.log", log);
    scratch.investigate("given").expect(0);
    let clocks = scratch.object("clocks.json");
    let clock = &clocks["clocks"][0];
    assert_eq!(clock["between"], "HttpProxy DateTime minus IIS time");
    assert_eq!(
        (&clock["offset_ms"], &clock["samples"], &clock["spread_ms"]),
        (&json!(120_500), &json!(3), &json!(0))
    );
}

#[test]
fn the_recorded_proxylogon_has_clocks_five_hours_apart() {
    let Some(zip) = real("security-datasets/proxylogon_ssrf_rce_poc.zip") else { return };
    let scratch = Scratch::new();
    let mut command =
        scratch.command(&["investigate", "--case", CASE, "--at", "2021-03-27T09:00:00Z", "--quiet"]);
    Run::from(command.arg(&zip).output().expect("the binary starts")).expect(0);
    let clocks = scratch.object("clocks.json");
    let list = clocks["clocks"].as_array().expect("a list");
    let sysmon = list.iter().find(|one| one["between"] == "Sysmon UtcTime minus System.TimeCreated");
    let sysmon = sysmon.unwrap_or_else(|| panic!("{clocks}"));
    assert_eq!(sysmon["host"], "MXS01.azsentinel.local");
    let offset = sysmon["offset_ms"].as_i64().expect("a number");
    assert!((offset - 5 * 3_600_000).abs() < 5_000, "{clocks}");
    assert!(sysmon["samples"].as_u64().expect("a number") > 1_000, "{clocks}");
}

#[test]
fn a_listing_with_versions_names_the_build_and_mitigations_are_told() {
    let scratch = Scratch::new();
    scratch.write(
        "given/MX04/C/listing.csv",
        "FullName,Length,CreationTimeUtc,LastWriteTimeUtc,FileVersion\r\n\
         \"C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\ExSetup.exe\",35240,2021-03-09T20:00:00Z,2021-03-02T04:00:00Z,15.01.2176.009\r\n\
         \"C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\Other.exe\",35240,2021-03-09T20:00:00Z,2021-03-02T04:00:00Z,15.01.2176.002\r\n",
    );
    scratch.write(
        "given/MX04/C/Program Files/Microsoft/Exchange Server/V15/Logging/MitigationService/MitigationService_1.LOG",
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.009\r\n#Log-type: Mitigation Service Logs\r\n#Date: 2021-10-01T00:00:00.000Z\r\n#Fields: DateTime,Message\r\n\
         2021-10-01T00:00:01.000Z,Mitigation M1.1 applied\r\n2021-10-01T00:00:02.000Z,Heartbeat\r\n",
    );
    let event = json!({"Channel": "Microsoft-IIS-Configuration/Operational", "EventID": 29, "Provider_Name": "Microsoft-Windows-IIS-Configuration",
        "EventRecordID": 1, "Computer": "MX04", "@timestamp": "2021-03-05T05:00:00Z", "NewValue": "X-BEResource Abort - inbound",
        "Configuration": "MACHINE/WEBROOT/APPHOST/Default Web Site/system.webServer/rewrite/rules/rule[@name='X-BEResource Abort - inbound']/@name"});
    scratch.write("given/MX04/events.jsonl", format!("{event}\n"));
    scratch.write(
        "given/MX04/C/inetpub/wwwroot/web.config",
        "<?xml version=\"1.0\"?>\n<configuration><system.webServer><rewrite><rules><rule name=\"EEMS M1.1 PowerShell - inbound\"/></rules></rewrite></system.webServer></configuration>",
    );
    scratch.investigate("given").expect(0);
    let servers = scratch.object("exposure.json");
    let mx = server(&servers, "MX04");
    assert_eq!((&mx["cu"], &mx["build"]), (&json!("CU19"), &json!("15.1.2176.9")));
    assert_eq!(mx["builds"][0]["source"], "ExSetup.exe in a file listing");
    let told: Vec<&str> =
        mx["mitigations"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[2].contains("a collected configuration has rewrite rules of a mitigation: EEMS M1.1"),
        "{told:?}"
    );
    assert!(
        told[0].contains("2021-03-05T05:00:00Z: IIS was given a rewrite rule of a mitigation"),
        "{told:?}"
    );
    assert!(told[1].contains("Mitigation M1.1 applied"), "{told:?}");
}
