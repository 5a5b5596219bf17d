//! IIS and HTTPERR logs, small ones written out.

use proptest::prelude::*;

use crate::Format;
use crate::testing::{Read, read, read_at};

const FIELDS: &str =
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status\r\n";

fn log(rows: &str) -> String {
    format!(
        "#Software: Microsoft Internet Information Services 10.0\r\n#Date: 2021-03-03 00:04:20\r\n{FIELDS}{rows}"
    )
}

fn times(found: &Read) -> Vec<String> {
    found.columns(&["event_time", "time_digits", "time_basis"])
}

#[test]
fn the_front_ends_ids_are_columns_of_their_own() {
    let text = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-uri-stem cs-uri-query\n\
        2021-03-03 05:12:31 /ecp/y.js &CorrelationID=<empty>;&cafeReqId=287f6ba3-5da3-41f8-92f9-e105fb84e5be;\n\
        2021-03-03 05:12:32 /owa/ xcafeReqId=1&CorrelationID=9;&cafeReqId=7;\n2021-03-03 05:12:33 /x cafeReqIdentity=1\n";
    let found = read(Format::IisW3c, text.as_bytes());
    assert_eq!(
        found.columns(&["cafeReqId", "CorrelationID"]),
        ["287f6ba3-5da3-41f8-92f9-e105fb84e5be | ~", "7 | 9", "~ | ~"]
    );
}

#[test]
fn a_row_has_sigmas_columns_and_keeps_its_dashes() {
    let found = read(
        Format::IisW3c,
        log("2021-03-03 05:12:31 10.20.1.10 POST /ecp/y.js a=b&c 203.0.113.77 python/2.25+(x) 200\r\n\
             2021-03-03 05:12:32 10.20.1.10 GET / - ::1 - 304\r\n")
        .as_bytes(),
    );
    assert_eq!(found.issues, [""; 0]);
    insta::assert_snapshot!(format!("{:#?}", found.rows[0]), @r#"
    {
        "c-ip": "203.0.113.77",
        "cs-method": "POST",
        "cs-uri": "/ecp/y.js?a=b&c",
        "cs-uri-query": "a=b&c",
        "cs-uri-stem": "/ecp/y.js",
        "cs-user-agent": "python/2.25+(x)",
        "dataset": "iis.access",
        "date": "2021-03-03",
        "event_time": "2021-03-03T05:12:31Z",
        "evidence_id": "E-1",
        "host": "HINT",
        "offset": "175",
        "record": "4",
        "record_hash": "d1e9663c10802e1b4216423b5cd91129",
        "s-ip": "10.20.1.10",
        "sc-status": "200",
        "time": "05:12:31",
        "time_basis": "IIS date time (UTC)",
        "time_digits": "0",
    }
    "#);
    assert_eq!(
        found.columns(&["cs-uri-query", "cs-uri", "cs-user-agent"]),
        ["a=b&c | /ecp/y.js?a=b&c | python/2.25+(x)", "- | / | -"]
    );
}

#[test]
fn an_encoded_address_stands_decoded_beside_what_was_sent() {
    let found = read(
        Format::IisW3c,
        log("2021-08-12 05:12:31 10.20.1.10 POST /autodiscover/autodiscover.json a=x%2540y.example%2fpowershell&b=%zz 203.0.113.77 - 200\r\n\
             2021-08-12 05:12:32 10.20.1.10 GET /owa/ - ::1 - 200\r\n\
             2021-08-12 05:12:33 10.20.1.10 GET /%25252561 - ::1 - 404\r\n")
        .as_bytes(),
    );
    assert_eq!(
        found.columns(&["cs-uri-decoded"]),
        ["/autodiscover/autodiscover.json?a=x@y.example/powershell&b=%zz", "~", "/%61"]
    );
}

#[test]
fn the_column_list_may_change_inside_a_file() {
    let text = "#Fields: date time cs-method cs(Host)\n2021-03-03 00:00:01 GET mail\n\
                #Fields: date time cs-method s-computername cs(Cookie) X-Forwarded-For\n2021-03-03 00:00:02 PUT MX01 c=1 192.0.2.1\n";
    let shown = ["record", "cs-method", "cs-host", "cs-cookie", "X-Forwarded-For", "host"];
    for size in [1, 40, 1 << 20] {
        let found = read_at(Format::IisW3c, text.as_bytes(), "x", size);
        assert_eq!(
            found.columns(&shown),
            ["2 | GET | mail | ~ | ~ | HINT", "4 | PUT | ~ | c=1 | 192.0.2.1 | MX01"],
            "blocks of {size}"
        );
    }
}

#[test]
fn without_a_date_column_the_header_tells_the_day_and_midnight_passes() {
    let text = "#Date: 2021-03-03 22:00:00\n#Fields: time c-ip\n23:59:59 a\n23:59:58 b\n00:00:03 c\n25:00:00 d\n\
                #Date: 2021-04-01 10:00:00\n10:00:01 e\n";
    for size in [1, 1 << 20] {
        assert_eq!(
            times(&read_at(Format::IisW3c, text.as_bytes(), "u_ex990101.log", size)),
            [
                "2021-03-03T23:59:59Z | 0 | IIS time, date from #Date",
                "2021-03-03T23:59:58Z | 0 | IIS time, date from #Date",
                "2021-03-04T00:00:03Z | 0 | IIS time, date from #Date",
                "~ | 0 | ",
                "2021-04-01T10:00:01Z | 0 | IIS time, date from #Date",
            ]
        );
    }
}

#[test]
fn without_any_date_the_files_name_tells_the_day_or_nothing_does() {
    let text = b"#Fields: time c-ip\n23:59:59 a\n00:00:01 b\n";
    assert_eq!(
        times(&read_at(Format::IisW3c, text, "a.zip!W3SVC1/u_ex210303.log", 1)),
        [
            "2021-03-03T23:59:59Z | 0 | IIS time, date from file name",
            "2021-03-04T00:00:01Z | 0 | IIS time, date from file name"
        ]
    );
    assert_eq!(times(&read(Format::IisW3c, text)), ["~ | 0 | ", "~ | 0 | "]);
}

#[test]
fn rows_of_another_clock_are_told_once_and_left_as_they_are() {
    let found = read(
        Format::IisW3c,
        log("2021-03-03 02:04:21 a GET / - b c 200\n2021-03-03 02:04:22 a GET / - b c 200\n").as_bytes(),
    );
    insta::assert_snapshot!(found.issues.join("\n"), @"iis-local-time: the first row is +2 h from the header's #Date; rows may be in local time; times are read as UTC, as IIS writes them; all of this file may be off by that much");
    assert!(times(&found)[0].starts_with("2021-03-03T02:04:21Z"));
    let honest = read(Format::IisW3c, log("2021-03-03 02:14:21 a GET / - b c 200\n").as_bytes());
    assert_eq!(honest.issues, [""; 0]);
}

#[test]
fn rows_that_do_not_fit_are_damage_and_the_first_three_are_named() {
    let found = read(
        Format::IisW3c,
        log("too short\n2021-03-03 05:12:32 10.20.1.10 GET / - ::1 - 200 more\n2021-03-03 05:12:32 a GET / - b c 200\nx\nx\nx\n")
            .as_bytes(),
    );
    assert_eq!(found.rows.len(), 1);
    assert_eq!(found.damage.iter().filter_map(|one| one.lost).sum::<u64>(), 5);
    insta::assert_snapshot!(found.issues.join("\n"), @r"
    iis-line: line 4 is no IIS row: #Fields names 9 values, it has 2; 1 record is lost
    iis-line: line 5 is no IIS row: #Fields names 9 values, it has 10; 1 record is lost
    iis-line: line 7 is no IIS row: #Fields names 9 values, it has 1; 1 record is lost
    iis-line: 2 further lines of this block are no IIS rows; 2 records are lost
    ");
    let headless = read(Format::IisW3c, b"2021-03-03 05:12:32 x\n");
    insta::assert_snapshot!(headless.issues.join("\n"), @"iis-line: line 1 is no IIS row: no #Fields line stands before it; 1 record is lost");
}

#[test]
fn legacy_bytes_and_reserved_space_are_read() {
    let mut bytes = log("2021-03-03 05:12:31 a GET /caf").into_bytes();
    bytes.extend(b"\xe9 - b c 200\r\n\0\0\0\0#Date: 2021-03-03 06:00:00\r\n\0\x002021-03-03 06:00:01 a GET /d - b c 200\r\n\0\0\0\0");
    let found = read(Format::IisW3c, &bytes);
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(found.columns(&["cs-uri-stem"]), ["/café", "/d"]);
    let offset: usize = found.rows[1]["offset"].parse().unwrap();
    let line = &bytes[offset..bytes.len() - 6];
    assert!(line.starts_with(b"2021-03-03 06:00:01"));
    assert_eq!(found.rows[1]["record_hash"], piste_model::hash::hex(&piste_model::hash::record_hash(line)));
}

#[test]
fn httperr_has_its_own_dataset_and_its_own_address_column() {
    let text = "#Software: Microsoft HTTP API 2.0\r\n#Version: 1.0\r\n#Date: 2021-03-03 05:00:00\r\n\
                #Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason s-queuename\r\n\
                2021-03-03 05:12:31 203.0.113.77 5121 10.20.1.10 443 HTTP/1.1 POST /ecp/x?y - 503 1 AppOffline MSExchangeECPAppPool\r\n";
    let found = read(Format::HttpErr, text.as_bytes());
    assert_eq!(
        found.columns(&["dataset", "time_basis", "cs-uri", "s-reason", "s-queuename"]),
        ["iis.httperr | HTTPERR date time (UTC) | /ecp/x?y | AppOffline | MSExchangeECPAppPool"]
    );
}

#[test]
fn a_time_that_is_none_stays_text() {
    let found = read(
        Format::IisW3c,
        b"#Fields: date time c-ip\n2021-02-30 05:12:31 a\n2021-03-03 +5:12:31 a\n2021-03-03 05:12:31+02:00 a\n- - a\n",
    );
    assert_eq!(times(&found), ["~ | 0 | "; 4]);
    assert_eq!(found.columns(&["time"])[1], "+5:12:31");
}

/// Lines that a log is made of, and some that it is not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("#Fields: date time c-ip".to_owned()),
        Just("#Fields: time cs-uri-stem cs-uri-query".to_owned()),
        Just("#Date: 2021-03-03 23:00:00".to_owned()),
        "2021-03-0[1-9] 1[0-9]:00:0[0-9] x",
        "[02][0-3]:00:0[0-9] /a (-|q)",
        "[ -~]{0,20}",
    ]
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(lines in proptest::collection::vec(line(), 0..30), size in 1_usize..200) {
        let text = lines.join("\r\n");
        let whole = read_at(Format::IisW3c, text.as_bytes(), "u_ex210303.log", 1 << 20);
        let cut = read_at(Format::IisW3c, text.as_bytes(), "u_ex210303.log", size);
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
        read_at(Format::IisW3c, &bytes, "u_ex210303.log", size);
        bytes.splice(..0, [0xff, 0xfe]);
        read_at(Format::HttpErr, &bytes, "", size);
    }
}

const EXCHANGE_FIELDS: &str = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n";

#[track_caller]
fn check_blanks(row: &str, shown: &str) {
    let found = read(Format::IisW3c, format!("{EXCHANGE_FIELDS}{row}\n").as_bytes());
    let columns = [
        "cs-uri-query",
        "cs-username",
        "cs-user-agent",
        "cs-referer",
        "sc-status",
        "blank_in",
        "blank_certain",
    ];
    assert_eq!(found.columns(&columns), [shown], "{:?}", found.issues);
}

#[test]
fn a_row_with_a_blank_inside_a_value_is_one_request() {
    check_blanks(
        r"2021-03-03 05:12:31 ::1 POST /powershell PSVersion=5.1 444  corp\bob 203.0.113.7 WinRM - 200 0 0 15",
        r"PSVersion=5.1 | corp\bob | WinRM | - | 200 | cs-username | true",
    );
    check_blanks(
        r"2021-03-03 05:12:31 ::1 POST /powershell PSVersion=5.1 444 corp\bob smith jr 203.0.113.7 WinRM - 200 0 0 15",
        r"PSVersion=5.1 | corp\bob smith jr | WinRM | - | 200 | cs-username | true",
    );
    check_blanks(
        r"2021-03-03 05:12:31 10.0.0.1 POST /EWS/Exchange.asmx a=1; b=2; c 443 corp\bob 203.0.113.7 UA - 500 0 64 15",
        r"a=1; b=2; c | corp\bob | UA | - | 500 | cs-uri-query | true",
    );
    check_blanks(
        r"2021-03-03 05:12:31 10.0.0.1 GET /x - 443 - 203.0.113.7 Mozilla/5.0 (Windows NT 10.0) https://a.test/b 304 0 0 1",
        r"- | - | Mozilla/5.0 (Windows NT 10.0) | https://a.test/b | 304 | cs-user-agent | true",
    );
    check_blanks(
        r"2021-03-03 05:12:31 10.0.0.1 GET /x a b 443  corp\eve 2001:db8::7%12 U A - 200 0 0 1",
        r"a b | corp\eve | U A | - | 200 | cs-uri-query,cs-username,cs-user-agent | true",
    );
}

#[test]
fn a_blank_that_may_be_in_two_values_is_told() {
    let text = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username sc-status\n\
        2021-03-03 05:12:31 GET /x a=1 b corp\\bob 200\n";
    let found = read(Format::IisW3c, text.as_bytes());
    assert_eq!(found.columns(&["sc-status", "blank_certain"]), ["200 | false"]);
    assert!(found.issues[0].starts_with("iis-blank: 1 of 1 rows"), "{:?}", found.issues);
    assert_eq!(found.damage, []);
}

#[test]
fn a_row_that_does_not_fit_is_lost_and_said() {
    for row in [
        "2021-03-03 05:12:31 ::1 POST /x",
        "2021-03-03 05:12:31 ::1 POST /x - 444 - 203.0.113.7 UA - 200 0 zero extra 15",
        "garbage of many words that fit no column and that are more than there are columns in this list of them",
    ] {
        let found = read(Format::IisW3c, format!("{EXCHANGE_FIELDS}{row}\n").as_bytes());
        assert_eq!(found.rows.len(), 0, "{row}");
        assert!(found.issues[0].starts_with("iis-line"), "{:?}", found.issues);
    }
    let long =
        format!("{EXCHANGE_FIELDS}2021-03-03 05:12:31 ::1 POST /x {} 200 0 0 1\n", "a ".repeat(100_000));
    assert_eq!(read(Format::IisW3c, long.as_bytes()).rows.len(), 0);
}

#[test]
fn advanced_logging_is_read_with_its_quotes_and_names() {
    let text = "#Software: IIS Advanced Logging Module\n#Version: 1.0\n#Start-Date: 2021-03-03 00:00:00.128\n\
        #Fields:  date time s-ip cs-method cs-uri-stem cs-uri-query cs-username c-ip cs(User-Agent) cs(Host) X-Forwarded-For sc-status TimeTakenMS\n\
        2021-03-03 04:11:00.363 10.0.0.1 POST /ecp/y.js - - \"203.0.113.8\" \"Mozilla/5.0 (X; \"\"q\"\")\" \"mail.test\" \"198.51.100.9, 10.0.0.2\" 200 109\n";
    assert_eq!(crate::sniff(text.as_bytes(), "x"), Format::IisW3c);
    for size in [40, 1 << 20] {
        let found = read_at(Format::IisW3c, text.as_bytes(), "sample", size);
        assert_eq!(found.issues, [""; 0]);
        assert_eq!(
            found.columns(&[
                "event_time",
                "c-ip",
                "cs-user-agent",
                "cs-host",
                "X-Forwarded-For",
                "time-taken",
                "dataset"
            ]),
            [
                "2021-03-03T04:11:00.363000000Z | 203.0.113.8 | Mozilla/5.0 (X; \"\"q\"\") | mail.test | 198.51.100.9, 10.0.0.2 | 109 | iis.access"
            ]
        );
    }
    let local = "#Software: IIS Advanced Logging Module\n#Fields:  date-local time-local cs-uri-stem sc-status\n2021-03-03 05:11:00 /x 200\n";
    let found = read(Format::IisW3c, local.as_bytes());
    assert_eq!(found.columns(&["event_time"]), ["2021-03-03T05:11:00Z"]);
    assert!(found.issues[0].starts_with("time-zone-unknown"), "{:?}", found.issues);
}
