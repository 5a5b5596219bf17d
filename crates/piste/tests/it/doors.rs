//! Ways in: `doors.json`, `piste doors` and `piste why`.
//!
//! In: logs that the tests write as servers do, and the recorded `ProxyLogon` attack. Out: the verdict that an examiner would
//! give, with what it rests on.

use serde_json::{Value, json};

use crate::scratch::{CASE, Scratch, real, text};

pub(crate) fn doors(scratch: &Scratch) -> Vec<Value> {
    let text = std::fs::read_to_string(scratch.path("case/out/doors.json")).expect("it was written");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    value["doors"].as_array().expect("a list").clone()
}

pub(crate) fn sentences(door: &Value, field: &str) -> Vec<String> {
    let list = door[field].as_array().expect("a list");
    list.iter().map(|one| one.as_str().expect("text").to_owned()).collect()
}

#[track_caller]
pub(crate) fn has(door: &Value, field: &str, parts: &[&str]) {
    let all = sentences(door, field);
    assert!(all.iter().any(|one| parts.iter().all(|part| one.contains(part))), "{parts:?} in {all:#?}");
}

#[test]
fn the_recorded_proxylogon_attack_is_told_step_by_step() {
    let Some(zip) = real("security-datasets/proxylogon_ssrf_rce_poc.zip") else { return };
    let scratch = Scratch::new();
    let zip = zip.to_str().expect("UTF-8");
    let run = scratch.piste(&["investigate", zip, "--case", CASE, "--at", "2021-03-27T09:00:00Z", "--quiet"]);
    run.expect(0);
    let found = doors(&scratch);
    assert_eq!(scratch.summary()["doors"], json!(found.len()));
    let kinds: Vec<(String, String)> =
        found.iter().map(|door| (text(door, "kind"), text(door, "verdict"))).collect();
    assert_eq!(
        kinds,
        [("oab-external-url".to_owned(), "used".to_owned()), ("webshell".to_owned(), "used".to_owned())]
    );
    let oab = &found[0];
    assert_eq!(oab["host"], json!("MXS01.azsentinel.local"));
    assert_eq!(oab["place"], json!("OAB (Default Web Site)"));
    assert_eq!(oab["opened"]["not_after"], json!("2021-03-14T01:40:12.987Z"));
    assert_eq!(oab["first_used"], json!("2021-03-14T01:40:15.338Z"));
    has(oab, "why", &["2021-03-14T01:40:12.987Z MSExchange Management", "set to script", "[E-2:10485]"]);
    has(oab, "why", &["2021-03-14T01:40:13.660Z Sysmon 11", r"\owa\auth\ohyeah.aspx was written by system"]);
    has(
        oab,
        "why",
        &[
            "2021-03-14T01:40:15.342Z Sysmon 1",
            "w3wp.exe of pool msexchangeowaapppool started cmd.exe: cmd /c whoami",
        ],
    );
    has(oab, "why", &["2021-03-14T01:40:14.768Z", "`OAB (Default Web Site)` was removed"]);
    has(oab, "why", &["2021-03-14T01:40:17.518Z", "`OAB (Default Web Site)` was made anew"]);
    // The records carry two clocks, five hours apart; the times shown are the headers'.
    has(
        oab,
        "why",
        &["2021-03-14T01:40:13.660Z Sysmon 11", "its UtcTime says 2021-03-14T06:40:13.659Z, +17999 s"],
    );
    has(oab, "missing", &["HttpProxy logs"]);
    has(&found[1], "why", &["by the event's own clock it was open no later than 2021-03-14T06:40:13."]);
    let page = &found[1];
    assert!(text(page, "place").ends_with(r"\FrontEnd\HttpProxy\owa\auth\ohyeah.aspx"), "{page}");
    assert_eq!(page["opened"]["not_after"], json!("2021-03-14T01:40:13.660Z"));

    let told = scratch.piste(&["why", "D-1", "--case", CASE]).expect(0).out;
    for part in
        ["For it", "Against it", "What would settle it", "2021-03-14T01:40:14.768Z", "piste show E-2:10485"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    let list = scratch.piste(&["doors", "--case", CASE]).expect(0).out;
    assert!(
        list.contains("D-2") && list.contains("CVE-2021-27065") && list.contains("ohyeah.aspx"),
        "{list}"
    );
    let json = scratch.piste(&["doors", "--json", "--case", CASE]).expect(0).out;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["doors"].as_array().map(Vec::len), Some(2));
    scratch.piste(&["why", "D-9", "--case", CASE]).expect(2);
}

#[test]
fn a_relayed_logon_that_changed_the_domain_succeeded() {
    let Some(log) = real("evtx-attack-samples/Privilege Escalation/privexchange_dirkjan.evtx") else {
        return;
    };
    let scratch = Scratch::new();
    let log = log.to_str().expect("UTF-8");
    scratch.piste(&["investigate", log, "--case", CASE, "--at", "2021-03-27T09:00:00Z", "--quiet"]).expect(0);
    let found = doors(&scratch);
    assert_eq!(verdicts(&found), ["succeeded exploit /ews/exchange.asmx (Subscribe)"]);
    assert_eq!(found[0]["cve"], json!(["CVE-2018-8581"]));
    assert_eq!(found[0]["sources"], json!(["192.168.111.87"]));
    assert_eq!(found[0]["accounts"], json!(["EXCHANGE$"]));
    has(&found[0], "why", &["Security 5136", "the same session", "[E-1:65972]"]);
}

/// A front end's log of the columns that doors are read from.
pub(crate) fn front_end(rows: &[&str]) -> String {
    let mut log = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.002\r\n#Log-type: HttpProxy Logs\r\n#Date: 2021-03-02T10:00:00.000Z\r\n\
                   #Fields: DateTime,RequestId,Protocol,UrlStem,AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,Method,RoutingHint,UrlQuery\r\n"
        .to_owned();
    for row in rows {
        log.push_str(row);
        log.push_str("\r\n");
    }
    log
}

pub(crate) fn iis(rows: &[&str]) -> String {
    let mut log = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-02 00:00:01\r\n\
                   #Fields: date time s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n"
        .to_owned();
    for row in rows {
        log.push_str(row);
        log.push_str("\r\n");
    }
    log
}

pub(crate) fn verdicts(found: &[Value]) -> Vec<String> {
    found
        .iter()
        .map(|door| format!("{} {} {}", text(door, "verdict"), text(door, "kind"), text(door, "place")))
        .collect()
}

#[test]
fn the_internets_scanners_only_probe() {
    let scratch = Scratch::new();
    let scan = "GET /autodiscover/autodiscover.json @test.com/owa/?&Email=autodiscover/autodiscover.json%3F@test.com 443 - 203.0.113.9 Mozilla/5.0 - 401 0 0 3";
    let rows = [
        format!("2021-09-02 05:12:31 MX01 10.20.1.10 {scan}"),
        "2021-09-02 05:12:40 MX01 10.20.1.10 POST /ecp/y.js - 443 - 203.0.113.9 python-requests/2.25.1 - 404 0 2 1".to_owned(),
        "2021-09-02 05:12:41 MX01 10.20.1.10 GET /owa/auth/OutlookEN.aspx - 443 - 203.0.113.9 - - 404 0 2 1".to_owned(),
        "2021-09-02 08:00:00 MX01 10.20.1.10 GET /owa/ &CorrelationID=<empty>;&cafeReqId=1; 443 MIN\\anna 198.51.100.4 Mozilla/5.0 - 200 0 0 20".to_owned(),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    scratch.write("given/u_ex210902.log", iis(&rows));
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    assert_eq!(verdicts(&found), ["probed exploit /autodiscover/autodiscover.json", "probed exploit /ecp"]);
    for door in &found {
        assert_eq!(door["first_used"], Value::Null, "a probe is no use");
        assert_eq!(door["sources"], json!(["203.0.113.9"]));
    }
    has(&found[0], "missing", &["no HttpProxy logs of MX01 were read"]);
}

#[test]
fn a_forged_back_end_a_page_and_its_use_are_used_and_two_logs_are_one_request() {
    let scratch = Scratch::new();
    let chain = [
        "2021-03-02T10:00:01.100Z,11111111-aaaa-4aaa-8aaa-000000000001,Ecp,/ecp/y.js,,ServerInfo~a]@mx01.min.example:444/autodiscover/autodiscover.xml?#,python-requests/2.25.1,203.0.113.77,MX01,200,POST,X-BEResource-Cookie,",
        "2021-03-02T10:00:02.100Z,11111111-aaaa-4aaa-8aaa-000000000002,Ecp,/ecp/y.js,,ServerInfo~a]@mx01.min.example:444/ecp/proxyLogon.ecp?#,python-requests/2.25.1,203.0.113.77,MX01,241,POST,X-BEResource-Cookie,",
        "2021-03-02T10:00:04.100Z,11111111-aaaa-4aaa-8aaa-000000000004,Ecp,/ecp/y.js,,ServerInfo~a]@mx01.min.example:444/ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#,python-requests/2.25.1,203.0.113.77,MX01,200,POST,X-BEResource-Cookie,",
    ];
    scratch.write("given/HttpProxy_2021030210-1.LOG", front_end(&chain));
    let web = [
        "2021-03-02 10:00:01 MX01 10.20.1.10 POST /ecp/y.js &CorrelationID=<empty>;&cafeReqId=11111111-aaaa-4aaa-8aaa-000000000001; 443 - 203.0.113.77 python-requests/2.25.1 - 200 0 0 90",
        "2021-03-02 10:00:30 MX01 10.20.1.10 POST /aspnet_client/discover.aspx - 443 - 203.0.113.77 python-requests/2.25.1 - 200 0 0 90",
        "2021-03-05 11:00:00 MX01 10.20.1.10 POST /aspnet_client/discover.aspx - 443 - 198.51.100.66 Mozilla/5.0 - 200 0 0 90",
    ];
    scratch.write("given/u_ex210302.log", iis(&web));
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    assert_eq!(verdicts(&found), ["used exploit /ecp", "used webshell /aspnet_client/discover.aspx"]);
    let exploit = &found[0];
    assert_eq!(exploit["cve"], json!(["CVE-2021-26855", "CVE-2021-27065"]));
    assert_eq!(exploit["first_used"], json!("2021-03-02T10:00:01Z"));
    assert_eq!(exploit["sources"], json!(["198.51.100.66", "203.0.113.77"]));
    has(exploit, "why", &["(the same request in a second log)"]);
    has(exploit, "against", &["all of it rests on web logs"]);
    let page = &found[1];
    assert_eq!(
        (&page["first_used"], &page["last_used"]),
        (&json!("2021-03-02T10:00:30Z"), &json!("2021-03-05T11:00:00Z"))
    );
}

#[test]
fn the_back_end_that_a_cookie_names_is_proxylogon_whatever_the_answer() {
    let log = |status: &str| {
        format!(
            "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2106.002\r\n#Log-type: HttpProxy Logs\r\n#Date: 2021-03-02T10:00:00.000Z\r\n\
             #Fields: DateTime,RequestId,Protocol,UrlStem,AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,Method,RoutingHint,BackEndCookie,UrlQuery\r\n\
             2021-03-02T10:11:12.345Z,q1,Ecp,/ecp/y.js,,,Mozilla/5.0,203.0.113.8,MX01,{status},POST,,Server~a]@mx01.min.example:444/ecp/proxyLogon.ecp?#~1942062522~2021-03-02T10:21:12,\r\n\
             2021-03-02T10:12:12.345Z,q2,Owa,/owa/,anna,,Mozilla/5.0,203.0.113.9,MX01,200,GET,,Server~mx01.min.example~1942062522~2021-03-02T10:22:12,\r\n"
        )
    };
    for (status, verdict) in
        [("241", "succeeded"), ("200", "succeeded"), ("403", "failed"), ("404", "failed")]
    {
        let scratch = Scratch::new();
        scratch.write("given/HttpProxy_1.LOG", log(status));
        scratch.investigate("given").expect(0);
        let found = doors(&scratch);
        assert_eq!(verdicts(&found), [format!("{verdict} exploit /ecp")], "{status}");
        assert_eq!(found[0]["cve"], json!(["CVE-2021-26855", "CVE-2021-27065"]));
        assert_eq!(found[0]["count"], 1, "the other row is Exchange's own");
        has(&found[0], "why", &["BackEndCookie Server~a]@mx01"]);
        let listed = scratch.piste(&["doors", "--case", CASE]).expect(0).out;
        assert!(listed.contains("ProxyLogon (CVE-2021-26855, CVE-2021-27065)"), "{listed}");
        let titles: Vec<String> =
            scratch.lines("findings.jsonl").iter().map(|one| text(one, "title")).collect();
        assert!(titles.iter().any(|title| title.contains("Back End Of The Client's Choice")), "{titles:?}");
    }
}

#[test]
fn a_refused_token_failed_and_an_error_proves_nothing() {
    let scratch = Scratch::new();
    let rows = [
        "2021-08-12 05:12:31 MX01 10.20.1.10 POST /autodiscover/autodiscover.json a=x@y.example/powershell/?X-Rps-CAT=VgEAVAdXaW5kb3dz 443 - 203.0.113.5 - - 401 0 0 3",
        "2021-08-12 05:12:31 MX02 10.20.1.11 POST /autodiscover/autodiscover.json a=x@y.example/powershell/?X-Rps-CAT=VgEAVAdXaW5kb3dz 443 - 203.0.113.5 - - 500 0 0 3",
        "2021-08-12 05:12:31 MX03 10.20.1.12 POST /autodiscover/autodiscover.json a=x@y.example/powershell/?X-Rps-CAT=VgEAVAdXaW5kb3dz 443 - 203.0.113.5 - - 200 0 0 3",
    ];
    scratch.write("given/u_ex210812.log", iis(&rows));
    scratch.investigate("given").expect(0);
    let found = doors(&scratch);
    let hosts: Vec<String> =
        found.iter().map(|door| format!("{} {}", text(door, "host"), text(door, "verdict"))).collect();
    assert_eq!(hosts, ["MX03 succeeded", "MX01 failed", "MX02 probed"]);
    has(&found[2], "why", &["the answers alone cannot tell"]);
}

#[test]
fn the_log_of_the_radius_server_tells_staff_guessers_and_strangers_apart() {
    let row = |date: &str, time: &str, packet: u8, user: &str, source: &str, class: &str| {
        let (user, source) = if packet == 1 { (user, source) } else { ("", "") };
        let reason = if packet == 3 { 16 } else { 0 };
        format!(
            "\"NPS01\",\"IAS\",{date},{time},{packet},\"{user}\",\"min.example/Users/x\",,\"{source}\",,,\"GW\",\"10.0.0.1\",,0,\"10.0.0.1\",\"GW\",,,5,,1,2,4,\"VPN\",{reason},\"311 1 10.0.0.2 {class}\",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"
        )
    };
    let mut rows = Vec::new();
    for day in 10..18 {
        let date = format!("05/{day}/2024");
        for packet in [1, 2] {
            rows.push(row(&date, "08:00:00", packet, "MIN\\anna", "91.176.4.20", &day.to_string()));
        }
    }
    let write = |rows: &[String]| {
        let scratch = Scratch::new();
        scratch.write("given/IN2405.log", rows.join("\r\n") + "\r\n");
        scratch.investigate("given").expect(0);
        doors(&scratch)
    };
    assert_eq!(verdicts(&write(&rows)), Vec::<String>::new(), "staff at work");
    for packet in [1, 3] {
        rows.push(row("05/14/2024", "03:00:00", packet, "MIN\\admin", "203.0.114.9", "900"));
    }
    assert_eq!(verdicts(&write(&rows)), ["probed remote-access VPN"]);
    let mut tried = rows.clone();
    for second in 10..19 {
        for packet in [1, 3] {
            let (time, class) = (format!("04:00:{second}"), format!("8{second}"));
            tried.push(row("05/15/2024", &time, packet, "MIN\\anna", "203.0.114.77", &class));
        }
    }
    assert_eq!(verdicts(&write(&tried)), ["failed remote-access VPN"]);
    for packet in [1, 2] {
        rows.push(row("05/16/2024", "02:00:00", packet, "MIN\\anna", "185.220.101.7", "901"));
    }
    let found = write(&rows);
    assert_eq!(verdicts(&found), ["succeeded remote-access VPN"]);
    has(&found[0], "why", &["nothing proves that it was not the owner"]);
    assert_eq!(found[0]["sources"], json!(["185.220.101.7"]));
    assert_eq!(found[0]["accounts"], json!(["MIN\\anna"]));
}

#[test]
fn refusals_from_outside_probe_remote_desktop_and_fail_at_one_account() {
    let refusal = |number: usize, user: &str, port: &str| {
        let event = json!({
            "Channel": "Security", "EventID": 4625, "Provider_Name": "Microsoft-Windows-Security-Auditing",
            "EventRecordID": number, "Computer": "MX01", "@timestamp": format!("2024-05-14T03:00:{number:02}Z"),
            "TargetUserName": user, "TargetDomainName": "MIN", "LogonType": "3", "IpAddress": "203.0.114.9",
            "IpPort": port, "AuthenticationPackageName": "NTLM"
        });
        format!("{event}\n")
    };
    let found = |rows: &[String]| {
        let scratch = Scratch::new();
        scratch.write("given/security.json", rows.concat());
        scratch.investigate("given").expect(0);
        verdicts(&doors(&scratch))
    };
    let names = ["admin", "test", "scanner"];
    let spray: Vec<String> = (1..).zip(names).map(|(number, name)| refusal(number, name, "0")).collect();
    assert_eq!(found(&spray), ["probed remote-access Remote Desktop"]);
    let tried: Vec<String> = (1..9).map(|number| refusal(number, "adm", "0")).collect();
    assert_eq!(found(&tried), ["failed remote-access Remote Desktop"]);
    // A port is named where a web site or a share asked for the password.
    let web: Vec<String> = (1..9).map(|number| refusal(number, "adm", "51240")).collect();
    assert_eq!(found(&web), Vec::<String>::new());
}

#[test]
fn a_published_rule_that_looks_for_a_path_in_the_query_sees_iis() {
    let scratch = Scratch::new();
    scratch.write(
        "rules/web.yml",
        "title: Path In The Query\nid: 1c2d3e4f-0000-4000-8000-00000000abcd\nstatus: test\nlevel: high\nlogsource: {category: webserver}\n\
         detection:\n  auto: {'cs-uri-query|contains': '/autodiscover.json'}\n  uri: {'cs-uri-query|contains': ['/mapi/nspi', '/powershell']}\n  ok: {sc-status: [200, 301]}\n  condition: all of them\n",
    );
    let rows = [
        "2021-08-12 05:12:31 MX01 10.20.1.10 POST /autodiscover/autodiscover.json a=x%2540y.example%252fpowershell/ 443 - 203.0.113.5 - - 200 0 0 3",
        "2021-08-12 05:12:32 MX01 10.20.1.10 GET /autodiscover/autodiscover.json Email=anna@min.example 443 - 203.0.113.5 - - 200 0 0 3",
    ];
    scratch.write("given/u_ex210812.log", iis(&rows));
    scratch.investigate("given --rules rules --no-built-in-rules").expect(0);
    let hits = scratch.lines("detections.jsonl");
    let records: Vec<&Value> = hits.iter().map(|hit| &hit["record"]).collect();
    assert_eq!(records, [&json!(5)], "the encoded path to another service, and not the ordinary request");
}
