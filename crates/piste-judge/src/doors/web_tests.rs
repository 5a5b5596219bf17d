//! Requests as logs write them, and what they show.

use super::*;

fn request(line: &str) -> Request<'_> {
    let mut parts = line.split(' ');
    let mut next = || parts.next().unwrap_or("-");
    let (method, stem, query, user, status) = (next(), next(), next(), next(), next());
    Request { method, stem, query, user, status: status.parse().ok(), ..Request::default() }
}

#[track_caller]
fn check(line: &str, expected: Option<(Flaw, Rung)>) {
    let found = classify(&request(line)).map(|seen| (seen.flaw, seen.rung));
    assert_eq!(found, expected, "{line}");
}

#[test]
fn ordinary_requests_show_nothing() {
    for line in [
        "GET /autodiscover/autodiscover.json Email=anna@min.example&Protocol=ActiveSync&RedirectCount=1 - 200",
        "GET /autodiscover/autodiscover.json/v1.0/anna@min.example Protocol=AutodiscoverV1 - 200",
        "POST /autodiscover/autodiscover.xml &CorrelationID=<empty>;&cafeReqId=1; MIN\\anna 200",
        "POST /powershell serializationLevel=Full;ExchClientVer=15.1.2176.2;PSVersion=5.1 MIN\\adm 200",
        "POST /owa/service.svc action=FindItem&ID=-32 MIN\\anna 200",
        "GET /owa/auth/15.1.2176/themes/resources/logo.png - - 200",
        "POST /ecp/anna@min.example/RulesEditor/InboxRules.svc/NewObject msExchEcpCanary=x MIN\\anna 200",
        "POST /ecp/DDI/DDIService.svc/SetObject schema=OABVirtualDirectory&msExchEcpCanary=x MIN\\adm 200",
        "GET /owa/auth/frowny.aspx app=owa&refurl=https:%2f%2fmail.min.example%2fowa MIN\\anna 200",
        "GET /favicon.ico - - 200",
    ] {
        check(line, None);
    }
}

#[test]
fn scanners_of_autodiscover_look_and_exploits_pass() {
    let scan =
        "/autodiscover/autodiscover.json @test.com/owa/?&Email=autodiscover/autodiscover.json%3F@test.com";
    check(&format!("GET {scan} - 401"), Some((Flaw::ProxyShell, Rung::Looked)));
    check(&format!("GET {scan} - 302"), Some((Flaw::ProxyShell, Rung::Looked)));
    check(&format!("GET {scan} - 200"), Some((Flaw::ProxyShell, Rung::OpenAnswer)));
    let mapi = "/autodiscover/autodiscover.json @foo.com/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@foo.com";
    check(&format!("POST {mapi} - 200"), Some((Flaw::ProxyShell, Rung::Passed)));
    check(&format!("POST {mapi} - 404"), Some((Flaw::ProxyShell, Rung::Looked)));
    check(&format!("GET {mapi} - 302"), Some((Flaw::ProxyShell, Rung::OpenAnswer)));
    let shell = "/autodiscover/autodiscover.json a=evil@x.example/powershell/?X-Rps-CAT=VgEAVAdXaW5kb3dz";
    check(&format!("POST {shell} - 200"), Some((Flaw::ProxyShell, Rung::Passed)));
    check(&format!("POST {shell} - 401"), Some((Flaw::ProxyShell, Rung::Refused)));
    check(&format!("POST {shell} - 500"), Some((Flaw::ProxyShell, Rung::Unclear)));
}

#[test]
fn the_later_chain_needs_a_logon() {
    let path = "/autodiscover/autodiscover.json @x.example/owa/&Email=autodiscover/autodiscover.json?@x.example&Protocol=XYZ&FooProtocol=Powershell";
    check(&format!("GET {path} - 401"), Some((Flaw::ProxyNotShell, Rung::Looked)));
    check(&format!("GET {path} - 200"), Some((Flaw::ProxyNotShell, Rung::OpenAnswer)));
    check(&format!("POST {path} MIN\\anna 200"), Some((Flaw::ProxyNotShell, Rung::Passed)));
    check(&format!("POST {path} MIN\\anna 403"), Some((Flaw::ProxyNotShell, Rung::Refused)));
    check(
        "GET /autodiscover/admin@localhost/powershell/autodiscover.json x=a - 401",
        Some((Flaw::ProxyShell, Rung::Looked)),
    );
    check(
        "POST /owa/mastermailbox%40outlook.com/powershell - MIN\\anna 200",
        Some((Flaw::Owassrf, Rung::Passed)),
    );
    check("POST /owa/mastermailbox%2540outlook.com/powershell - - 401", Some((Flaw::Owassrf, Rung::Looked)));
}

#[test]
fn a_view_state_by_get_is_never_proof_by_itself() {
    let long = "a".repeat(400);
    let path = format!("GET /ecp/default.aspx __VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE={long}");
    check(&format!("{path} MIN\\anna 500"), Some((Flaw::ViewState, Rung::Unclear)));
    check(&format!("{path} - 302"), Some((Flaw::ViewState, Rung::Refused)));
    check(&format!("{path} - 500"), Some((Flaw::ViewState, Rung::Looked)));
    check("GET /ecp/default.aspx __VIEWSTATE=x MIN\\anna 500", Some((Flaw::ViewState, Rung::Looked)));
}

#[test]
fn other_doors() {
    check(
        "POST /ecp/y.js &CorrelationID=<empty>;&cafeReqId=1; - 200",
        Some((Flaw::ProxyLogon, Rung::OpenAnswer)),
    );
    check("POST /ecp/y.js - - 241", Some((Flaw::ProxyLogon, Rung::Passed)));
    check("POST /owa/auth/x.js - - 404", Some((Flaw::ProxyLogon, Rung::Looked)));
    check("GET /owa/auth/x.js - - 404", Some((Flaw::ProxyLogon, Rung::Looked)));
    check("GET /ecp/y.js - - 500", Some((Flaw::ProxyLogon, Rung::Looked)));
    check("POST /ecp/proxyLogon.ecp - - 302", Some((Flaw::ProxyLogon, Rung::Looked)));
    check("POST /ecp/proxyLogon.ecp - - 241", Some((Flaw::ProxyLogon, Rung::Passed)));
    check("GET /ecp/15.1.2176.2/scripts/a.js - - 200", None);
    check("GET /owa/auth/15.1.2176/scripts/premium/flogon.js - - 200", None);
    check(
        "POST /ecp/DDI/DDIService.svc/SetObject schema=ResetOABVirtualDirectory&x=y MIN\\MX01$ 200",
        Some((Flaw::ProxyLogon, Rung::Effect)),
    );
    check(
        "POST /ecp/a@x.example/RulesEditor/InboxRules.svc/NewObject msExchEcpCanary=x - 200",
        Some((Flaw::ProxyToken, Rung::Passed)),
    );
    check(
        "POST /ecp/a@x.example/RulesEditor/InboxRules.svc/NewObject msExchEcpCanary=x - 500",
        Some((Flaw::ProxyToken, Rung::Unclear)),
    );
    check(
        "POST /_layouts/15/Picker.aspx PickerDialogType=Microsoft.SharePoint.WebControls.ItemPickerDialog - 200",
        Some((Flaw::SharePointPicker, Rung::Unclear)),
    );
    let toolpane = Request {
        referer: "/_layouts/SignOut.aspx",
        ..request("POST /_layouts/15/ToolPane.aspx DisplayMode=Edit&a=/ToolPane.aspx - 200")
    };
    assert_eq!(classify(&toolpane).map(|seen| seen.rung), Some(Rung::Passed));
}

#[track_caller]
fn check_anchor(anchor: &str, method: &str, status: u16, expected: Option<Rung>) {
    let request = Request { method, stem: "/ecp/y.js", status: Some(status), anchor, ..Request::default() };
    assert_eq!(super::named_back_end(&request).map(|seen| seen.rung), expected, "{anchor}");
}

#[track_caller]
fn check_cookie(cookie: &str, status: u16, expected: Option<Rung>) {
    let request =
        Request { method: "POST", stem: "/ecp/y.js", status: Some(status), cookie, ..Request::default() };
    assert_eq!(super::named_back_end(&request).map(|seen| seen.rung), expected, "{cookie}");
}

#[test]
fn back_end_cookies_of_the_front_end() {
    let step = "a]@mx01.min.example:444/ecp/proxyLogon.ecp?#~1942062522~2021-03-03T13:49:38";
    for spelling in [
        format!("Server~{step}"),
        format!("server~{step}"),
        format!("X-BEResource=Server~{step}"),
        format!("\"Server~{step}\""),
        format!("Server%7E{}", step.replace('/', "%2F")),
        format!("Server~mx02.min.example~1942062522~2021-03-03T13:49:38;Server~{step}"),
    ] {
        check_cookie(&spelling, 241, Some(Rung::Passed));
        check_cookie(&spelling, 200, Some(Rung::Passed));
        check_cookie(&spelling, 403, Some(Rung::Refused));
        check_cookie(&spelling, 500, Some(Rung::Unclear));
    }
    check_cookie("Server~localhost/ecp/default.flt?~1942062522~2021-03-03T13:49:38", 500, Some(Rung::Looked));
    for own in [
        "Server~mx02.min.example~1942062522~2021-03-03T13:49:38",
        "Server~mx02.min.example~1942062522~03/03/2021 13:49:38",
        "Database~5f0fb5f4-5bd9-4cd6-9d25-4e6e3d7f2a01~~2021-03-03T13:49:38",
        "WebServer~a/b~1~2",
        "",
    ] {
        check_cookie(own, 200, None);
    }
}

#[test]
fn anchors_of_the_front_end() {
    let host = "ServerInfo~a]@mx01.min.example:444";
    check_anchor(&format!("{host}/autodiscover/autodiscover.xml?#"), "POST", 200, Some(Rung::Passed));
    check_anchor(&format!("{host}/mapi/emsmdb/?#"), "POST", 200, Some(Rung::Passed));
    check_anchor(&format!("{host}/ecp/proxyLogon.ecp?#"), "POST", 241, Some(Rung::Passed));
    check_anchor(
        &format!("{host}/ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#"),
        "POST",
        200,
        Some(Rung::Effect),
    );
    check_anchor(&format!("{host}/mapi/emsmdb/?#"), "POST", 403, Some(Rung::Refused));
    check_anchor(&format!("{host}/mapi/emsmdb/?#"), "POST", 500, Some(Rung::Unclear));
    check_anchor(&format!("{host}/autodiscover/autodiscover.xml?#"), "POST", 404, Some(Rung::Looked));
    check_anchor("ServerInfo~localhost/ecp/default.flt?", "GET", 500, Some(Rung::Looked));
    check_anchor("ServerInfo~oast.example/ecp/default.flt", "GET", 200, Some(Rung::OpenAnswer));
    check_anchor("ServerInfo~mx02.min.example/autodiscover/autodiscover.xml", "POST", 200, None);
    check_anchor("ServerInfo~mx02.min.example", "POST", 200, None);
    check_anchor("Sid~S-1-5-21-1", "POST", 200, None);
}
