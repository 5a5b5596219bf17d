//! One event in the shapes in which tools export it, and records of services.

use proptest::prelude::*;

use crate::testing::{Read, read, read_at};
use crate::{Format, sniff};

/// Reads a file by what it is, and says what it was taken for.
#[track_caller]
fn read_as(format: Format, text: &str) -> Read {
    assert_eq!(sniff(text.as_bytes(), "export.bin"), format, "{text}");
    let whole = read(format, text.as_bytes());
    for size in [1, 100] {
        assert_eq!(read_at(format, text.as_bytes(), "sample", size).rows, whole.rows, "blocks of {size}");
    }
    if format == Format::Zeek {
        return whole; // a sensor writes no UTF-16
    }
    let mut wide = vec![0xff, 0xfe];
    wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(sniff(&wide, "export.bin"), format, "in UTF-16: {text}");
    assert_eq!(read(format, &wide).rows.len(), whole.rows.len(), "in UTF-16: {text}");
    whole
}

const SHOWN: [&str; 8] = [
    "dataset",
    "host",
    "event_code",
    "Channel",
    "Provider_Name",
    "NewProcessName",
    "CommandLine",
    "SubjectLogonId",
];
const WANTED: &str = r"windows.other | H.x | 4688 | Security | Microsoft-Windows-Security-Auditing | C:\x\cmd.exe | cmd.exe /c whoami | 0x3e7";

#[track_caller]
fn check(format: Format, text: &str, time: &str) {
    let found = read_as(format, text);
    assert_eq!(found.columns(&SHOWN), [WANTED], "{text}\n{:?}\n{:?}", found.issues, found.rows);
    assert_eq!(found.columns(&["event_time", "time_basis"]), [time], "{text}");
}

const XML: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4688</EventID><Version>0</Version><TimeCreated SystemTime='2021-03-03T04:11:02.1234567Z'/><EventRecordID>77</EventRecordID><Channel>Security</Channel><Computer>H.x</Computer></System><EventData><Data Name='SubjectLogonId'>0x3e7</Data><Data Name='NewProcessName'>C:\\x\\cmd.exe</Data><Data Name='CommandLine'>cmd.exe /c whoami</Data></EventData></Event>";
const TIME: &str = "2021-03-03T04:11:02.123456700Z";
const MESSAGE: &str = "A new process has been created.\r\n\r\nCreator Subject:\r\n\tSecurity ID:\t\tS-1-5-18\r\n\tLogon ID:\t\t0x3e7\r\n\r\nProcess Information:\r\n\tNew Process Name:\tC:\\x\\cmd.exe\r\n\tProcess Command Line:\tcmd.exe /c whoami\r\n";

#[test]
fn one_event_is_the_same_row_from_every_xml() {
    let time = format!("{TIME} | System.TimeCreated");
    check(Format::EventXml, XML, &time);
    check(
        Format::EventXml,
        &format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Events>{XML}</Events>\n"),
        &time,
    );
    let found = read_as(
        Format::EventXml,
        &format!("{XML}\r\n<Event><System><EventID>1</EventID>{XML}tail</Data></Event>"),
    );
    assert_eq!(found.columns(&["record"]), ["77", "77"], "what is cut costs itself");
    assert_eq!(found.issues.len(), 2, "{:?}", found.issues);
    let clixml = format!(
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\n<Obj RefId=\"0\"><TN RefId=\"0\"><T>System.Diagnostics.Eventing.Reader.EventLogRecord</T></TN><Props><I32 N=\"Id\">4688</I32><By N=\"Version\">0</By><S N=\"ProviderName\">Microsoft-Windows-Security-Auditing</S><S N=\"LogName\">Security</S><I64 N=\"RecordId\">77</I64><S N=\"MachineName\">H.x</S><DT N=\"TimeCreated\">2021-03-03T05:11:02.1234567+01:00</DT><Obj N=\"Properties\" RefId=\"1\"><LST>{}</LST></Obj></Props><MS><S N=\"Message\">A new process_x000D__x000A_x</S></MS></Obj></Objs>",
        ["S-1-5-18", "H$", "X", "999", "444", "C:\\x\\cmd.exe", "%%1936", "4", "cmd.exe /c whoami"]
            .map(|value| format!("<Obj RefId=\"9\"><Props><S N=\"Value\">{value}</S></Props></Obj>"))
            .concat()
    );
    check(Format::CliXml, &clixml, &format!("{TIME} | TimeCreated"));
    assert_eq!(
        read(Format::CliXml, clixml.as_bytes()).columns(&["record", "Message"]),
        ["77 | A new process\r\nx"]
    );
}

#[test]
#[expect(clippy::needless_raw_string_hashes, reason = "a doubled quote stands before a `#` in it")]
fn one_event_is_the_same_row_from_every_table() {
    let payload = r##"{""EventData"":{""Data"":[{""@Name"":""SubjectLogonId"",""#text"":""0x3e7""},{""@Name"":""NewProcessName"",""#text"":""C:\\x\\cmd.exe""},{""@Name"":""CommandLine"",""#text"":""cmd.exe /c whoami""}]}}"##;
    let ecmd = format!(
        "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,ChunkNumber,UserId,MapDescription,PayloadData1,ExtraDataOffset,Payload\r\n1,77,2021-03-03 04:11:02.1234567,4688,LogAlways,Microsoft-Windows-Security-Auditing,Security,4,8,H.x,0,,Made,\"a\nb\",0,\"{payload}\"\r\n"
    );
    check(Format::EventCsv, &ecmd, &format!("{TIME} | TimeCreated"));
    assert_eq!(read(Format::EventCsv, ecmd.as_bytes()).columns(&["record"]), ["77"]);
    let quoted = |text: &str| text.replace('"', "\"\"");
    let objects = format!(
        "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"MachineName\",\"TimeCreated\",\"RecordId\",\"Properties\"\r\n\"{}\",\"4688\",\"Microsoft-Windows-Security-Auditing\",\"Security\",\"H.x\",\"3/13/2021 4:11:02 PM\",\"77\",\"System.Collections.Generic.List`1[x]\"\r\n",
        quoted(MESSAGE)
    );
    check(Format::EventCsv, &objects, "2021-03-13T16:11:02Z | TimeCreated, zone unknown");
    let sentinel = "TimeGenerated [UTC],Computer,EventID,Channel,EventSourceName,Activity,NewProcessName,CommandLine,SubjectLogonId,Account\n\"3/4/2021, 4:11:02.123 AM\",H.x,4688,Security,Microsoft-Windows-Security-Auditing,4688 - A new process has been created.,C:\\x\\cmd.exe,cmd.exe /c whoami,0x3e7,\n";
    check(Format::EventCsv, sentinel, "2021-03-04T04:11:02.123000000Z | TimeGenerated of Log Analytics");
    check(
        Format::EventCsv,
        &sentinel.replace("[UTC]", "[Local Time]"),
        "2021-03-04T04:11:02.123000000Z | export's local time, zone unknown",
    );
    let lacking = sentinel
        .replace("Channel,EventSourceName,", "")
        .replace("Security,Microsoft-Windows-Security-Auditing,", "");
    check(Format::EventCsv, &lacking, "2021-03-04T04:11:02.123000000Z | TimeGenerated of Log Analytics");
    let own = "TimeGenerated,TimeCreated,Computer,EventID,Channel,Provider,EventData\n2021-03-09T00:00:00Z,2021-03-03T04:11:02.1234567Z,H.x,4688,Security,Microsoft-Windows-Security-Auditing,";
    let json = r#""{""SubjectLogonId"":""0x3e7"",""NewProcessName"":""C:\\x\\cmd.exe"",""CommandLine"":""cmd.exe /c whoami""}""#;
    check(Format::EventCsv, &format!("{own}{json}\n"), &format!("{TIME} | TimeCreated"));
    let data = XML.split_once("<EventData>").expect("there").1.split_once("</EventData>").expect("there").0;
    let item = format!("\"<DataItem type=\"\"System.XmlData\"\"><EventData>{data}</EventData></DataItem>\"");
    check(Format::EventCsv, &format!("{own}{item}\n"), &format!("{TIME} | TimeCreated"));
    let splunk = format!(
        "\"_time\",\"_raw\",host,source\n\"2021-03-03T05:11:02.000+0100\",\"{}\",idx,XmlWinEventLog:Security\n",
        quoted(XML)
    );
    check(Format::EventCsv, &splunk, &format!("{TIME} | TimeCreated"));
}

#[test]
fn one_event_is_the_same_row_from_every_json() {
    let properties = [
        "\"S-1-5-18\"",
        "\"H$\"",
        "\"X\"",
        "999",
        "444",
        r#""C:\\x\\cmd.exe""#,
        "\"%%1936\"",
        "4",
        "\"cmd.exe /c whoami\"",
    ]
    .map(|value| format!("{{\"Value\":{value}}}"))
    .join(",");
    let object = format!(
        r#"{{"Id":4688,"Version":0,"RecordId":77,"ProviderName":"Microsoft-Windows-Security-Auditing","LogName":"Security","MachineName":"H.x","UserId":{{"BinaryLength":12,"Value":"S-1-5-18"}},"TimeCreated":"\/Date(1614744662123)\/","Properties":[{properties}],"Message":"m"}}"#
    );
    let time = "2021-03-03T04:11:02.123000000Z";
    check(Format::JsonArray, &format!("[{object}]"), &format!("{time} | TimeCreated"));
    check(Format::JsonLines, &object, &format!("{time} | TimeCreated"));
    check(Format::JsonWrapped, &format!("{{\"value\":[{object}]}}"), &format!("{time} | TimeCreated"));
    let raw = serde_json::Value::from(XML);
    let result = format!(
        r#"{{"preview":false,"offset":0,"result":{{"_raw":{raw},"_time":"2021-03-09T05:11:02.000+0100","host":"idx"}}}}"#
    );
    check(Format::JsonLines, &result, &format!("{TIME} | TimeCreated"));
    let pairs = serde_json::Value::from(format!(
        "03/03/2021 05:11:02 AM\nLogName=Security\nEventCode=4688\nComputerName=H.x\nSourceName=Microsoft Windows security auditing.\nMessage={}",
        MESSAGE.replace("\r\n", "\n")
    ));
    let result = format!(r#"{{"result":{{"_raw":{pairs},"_time":"2021-03-03T05:11:02.123+0100"}}}}"#);
    check(Format::JsonLines, &result, &format!("{time} | _time"));
    let wazuh = r#"{"timestamp":"2021-03-03T09:00:00.000+0000","data":{"win":{"system":{"eventID":"4688","channel":"Security","providerName":"Microsoft-Windows-Security-Auditing","computer":"H.x","systemTime":"2021-03-03T04:11:02.1234567Z","message":"\"m\""},"eventdata":{"subjectLogonId":"0x3e7","newProcessName":"C:\\x\\cmd.exe","commandLine":"cmd.exe /c whoami"}}}}"#;
    check(Format::JsonLines, wazuh, &format!("{TIME} | SystemTime"));
    let flat = r#""EventID":4688,"Channel":"Security","SourceName":"Microsoft-Windows-Security-Auditing","Hostname":"H.x","SubjectLogonId":"0x3e7","NewProcessName":"C:\\x\\cmd.exe","CommandLine":"cmd.exe /c whoami""#;
    let results = format!(
        "{{\"preview\":false,\"fields\":[{{\"name\":\"EventID\"}},{{\"name\":\"_raw\"}}],\"results\":[\n{{{flat},\"TimeCreated\":\"2021-03-03T04:11:02.1234567Z\"}}\n],\"highlighted\":{{}}}}"
    );
    check(Format::JsonWrapped, &results, &format!("{TIME} | TimeCreated"));
    check(
        Format::JsonLines,
        &format!(
            "{{\"index\":\"g\",\"message\":{{{flat},\"@timestamp\":\"2021-03-03T04:11:02.1234567Z\"}}}}"
        ),
        &format!("{TIME} | @timestamp"),
    );
    check(
        Format::JsonLines,
        &format!(
            "{{\"TimeGenerated\":\"2021-03-09T00:00:00Z\",\"Empty\":\"\",{flat},\"TimeCreated\":\"2021-03-03T04:11:02.1234567Z\"}}"
        ),
        &format!("{TIME} | TimeCreated"),
    );
    let beats = r#"{"@timestamp":"2021-03-03T04:11:02.123Z","winlog":{"channel":"Security","provider_name":"Microsoft-Windows-Security-Auditing","computer_name":"H.x","event_id":"4688","event_data":{"SubjectLogonId":"0x3e7","NewProcessName":"C:\\x\\cmd.exe","CommandLine":"cmd.exe /c whoami"}}}"#;
    let hits = format!(
        "{{\"took\":3,\"hits\":{{\"total\":{{\"value\":1}},\"hits\":[{{\"_index\":\"w\",\"_source\":{beats}}}]}},\"aggregations\":{{}}}}"
    );
    check(Format::JsonWrapped, &hits, &format!("{time} | @timestamp"));
    let twice = read(Format::JsonWrapped, format!("{hits}\n{hits}").as_bytes());
    assert_eq!((twice.rows.len(), twice.issues.len()), (2, 0), "{:?}", twice.issues);
    assert_eq!(twice.columns(&["record"]), ["1", "2"]);
}

#[test]
fn several_events_in_one_record_are_never_one_row() {
    let flat = r#"{"EventID":1,"Channel":"C","Hostname":"H"}"#;
    let found = read_as(Format::JsonLines, &format!("{{\"mine\":[{flat},{flat}]}}\n{{\"mine\":{flat}}}"));
    assert_eq!(found.columns(&["event_code"]), ["1"]);
    assert_eq!(found.issues.len(), 2, "one not examined, one without a time: {:?}", found.issues);
}

#[test]
fn an_export_with_the_text_alone_says_what_is_missing() {
    let table = "\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"MachineName\",\"TimeCreated\"\n\"Ein Konto konnte sich nicht anmelden.\",\"4625\",\"Microsoft-Windows-Security-Auditing\",\"Security\",\"H.x\",\"03.04.2021 05:12:31\"\n";
    let found = read_as(Format::EventCsv, table);
    assert_eq!(
        found.columns(&["event_code", "event_time", "Message"]),
        ["4625 | 2021-04-03T05:12:31Z | Ein Konto konnte sich nicht anmelden."]
    );
    let slugs: Vec<&str> =
        found.issues.iter().map(|issue| issue.split(':').next().unwrap_or_default()).collect();
    assert_eq!(slugs, ["time-zone-unknown", "event-fields-missing"]);
    let open = read(Format::EventCsv, table.replace("03.04.2021", "03/04/2021").as_bytes());
    assert!(open.issues.iter().any(|issue| issue.starts_with("date-order-unknown")), "{:?}", open.issues);
}

#[test]
fn values_that_no_catalogue_names_are_told() {
    let event = |provider: &str| {
        format!(
            r#"{{"Id":9999,"Version":0,"RecordId":77,"ProviderName":"{provider}","LogName":"X/Operational","MachineName":"H.x","TimeCreated":"\/Date(1614744662123)\/","Properties":[{{"Value":"a"}}],"Message":"m"}}"#
        )
    };
    let slugs = |text: &str| {
        let found = read_as(Format::JsonLines, text);
        found
            .issues
            .iter()
            .map(|issue| issue.split(':').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(slugs(&event("Microsoft-Windows-Something")), ["event-values-unnamed"]);
    assert_eq!(slugs(&event("MsiInstaller")), [""; 0], "its events have no names in the log itself");
}

#[test]
fn a_quote_that_never_closes_costs_its_own_record() {
    let row = |text: &str| format!("2021-03-03T04:11:02Z,H.x,1,C,{text}\n");
    let text = format!(
        "TimeGenerated,Computer,EventID,Channel,A\n{}{}{}{}",
        row("one"),
        row("\"two\nlines\""),
        row("\"open"),
        row("four")
    );
    let found = read_as(Format::EventCsv, &text);
    assert_eq!(found.columns(&["record", "A"]), ["2 | one", "3 | two\nlines", "6 | four"]);
    assert_eq!(found.issues.len(), 1, "{:?}", found.issues);
}

#[test]
fn rows_of_defender_have_the_names_that_rules_use() {
    let text = "Timestamp,DeviceName,ActionType,FileName,FolderPath,ProcessCommandLine,InitiatingProcessFileName,InitiatingProcessCommandLine,AccountDomain,AccountName,SHA1,RegistryKey,RegistryValueName\n\
        2021-03-03T04:11:02.123Z,mx01.x,ProcessCreated,cmd.exe,C:\\Windows\\cmd.exe,\"cmd.exe /c whoami\",w3wp.exe,\"w3wp.exe -ap X\",X,adm,aa,,\n\
        2021-03-03T04:11:03.123Z,mx01.x,RegistryValueSet,,,,reg.exe,reg add,,,,HKEY_LOCAL_MACHINE\\SOFTWARE\\Run,a\n";
    let found = read_as(Format::EventCsv, text);
    assert_eq!(
        found.columns(&[
            "dataset",
            "host",
            "Image",
            "CommandLine",
            "ParentImage",
            "ParentCommandLine",
            "User",
            "Hashes",
            "TargetObject"
        ]),
        [
            r"defender.process | mx01.x | C:\Windows\cmd.exe | cmd.exe /c whoami | \w3wp.exe | w3wp.exe -ap X | X\adm | SHA1=aa | ~",
            r"defender.registry | mx01.x | \reg.exe | ~ | ~ | ~ | ~ | ~ | HKLM\SOFTWARE\Run\a",
        ]
    );
    assert_eq!(found.columns(&["event_time", "time_basis"])[0], "2021-03-03T04:11:02.123000000Z | Timestamp");
}

#[test]
fn records_of_the_cloud_are_rows_of_their_own_datasets() {
    let shown =
        ["dataset", "event_time", "time_basis", "host", "Operation", "ClientIP", "Parameters.ForwardTo"];
    let wanted = "m365.audit | 2021-03-03T04:11:02Z | CreationTime | ~ | New-InboxRule | 203.0.113.8:1024 | x@evil.example";
    let data = r#"{"CreationTime":"2021-03-03T04:11:02","Operation":"New-InboxRule","Workload":"Exchange","ClientIP":"203.0.113.8:1024","Parameters":[{"Name":"ForwardTo","Value":"x@evil.example"}]}"#;
    let table = format!(
        "CreationDate,UserIds,Operations,AuditData\n2021-03-03T05:00:00.0000000Z,a@x.example,New-InboxRule,\"{}\"\n",
        data.replace('"', "\"\"")
    );
    assert_eq!(read_as(Format::EventCsv, &table).columns(&shown), [wanted.replace("| ~ |", "|  |")]);
    assert_eq!(read_as(Format::JsonLines, data).columns(&shown), [wanted.replace("| ~ |", "|  |")]);
    let sign_in = r#"{"id":"1","createdDateTime":"2021-03-03T04:11:02Z","userPrincipalName":"a@x.example","appDisplayName":"Portal","ipAddress":"203.0.113.8","status":{"errorCode":50126}}"#;
    let found = read_as(Format::JsonWrapped, &format!("{{\"@odata.context\":\"x\",\"value\":[{sign_in}]}}"));
    assert_eq!(
        found.columns(&["dataset", "event_time", "UserPrincipalName", "ResultType"]),
        ["azure.signinlogs | 2021-03-03T04:11:02Z | a@x.example | 50126"]
    );
}

#[test]
fn zeeks_logs_are_read_from_tables_and_json() {
    let table = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tquery\tanswers\n1614744662.123456\tC1\t192.0.2.1\tevil.example\t-\n1614744662.5\tC2\t192.0.2.1\tx\t(empty)\nbroken\n#close\t2021\n";
    let found = read_as(Format::Zeek, table);
    let shown = ["dataset", "event_time", "id.orig_h", "query", "answers"];
    assert_eq!(
        found.columns(&shown),
        [
            "zeek.dns | 2021-03-03T04:11:02.123456000Z | 192.0.2.1 | evil.example | ~",
            "zeek.dns | 2021-03-03T04:11:02.500000000Z | 192.0.2.1 | x | "
        ]
    );
    assert_eq!(found.issues.len(), 1, "{:?}", found.issues);
    let json = r#"{"ts":1614744662.123456,"uid":"C1","id.orig_h":"192.0.2.1","query":"evil.example","qtype_name":"A"}"#;
    assert_eq!(
        read_as(Format::JsonLines, json).columns(&shown),
        ["zeek.dns | 2021-03-03T04:11:02.123456000Z | 192.0.2.1 | evil.example | ~"]
    );
}

#[test]
fn an_event_of_a_log_in_xml_is_the_row_that_the_log_has() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evtx-samples");
    let Ok(bytes) = std::fs::read(path.join("security.evtx")) else {
        println!("skipped: {} is not here", path.display());
        return;
    };
    let mut parser = evtx::EvtxParser::from_buffer(bytes.clone()).expect("a log");
    let text: String = parser.records().map(|record| record.expect("sound").data).collect();
    let (of_log, of_xml) = (read(Format::Evtx, &bytes), read(Format::EventXml, text.as_bytes()));
    assert_eq!(of_xml.issues, [""; 0]);
    assert_eq!(of_xml.rows.len(), of_log.rows.len());
    let plain = |read: &Read| {
        let mut rows = read.rows.clone();
        for row in &mut rows {
            for name in ["offset", "record_hash", "TimeCreated", "event_time", "time_digits"] {
                row.remove(name);
            }
            // XML has no control characters: who wrote it put another sign in their place.
            for value in row.values_mut() {
                *value = value.replace(char::is_control, "_");
            }
        }
        rows.sort_by_key(|row| row["record"].parse::<u64>().expect("a number"));
        rows
    };
    for (xml, log) in plain(&of_xml).iter().zip(plain(&of_log)) {
        assert_eq!(*xml, log);
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(XML.to_owned()),
        Just("\n".to_owned()),
        Just("<Event>".to_owned()),
        Just("2021-03-03T04:11:02Z,H.x,1,C,\"a\nb\"\n".to_owned()),
        Just("{\"hits\":[{\"EventID\":1,\"Channel\":\"C\"},".to_owned()),
        "[,\";\n<>\\[\\]{}:a1]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(pieces in proptest::collection::vec(piece(), 0..10), size in 1_usize..900) {
        let text = pieces.concat();
        let table = format!("TimeGenerated,Computer,EventID,Channel,A\n{text}");
        for (format, text) in [(Format::EventXml, &text), (Format::CliXml, &text), (Format::EventCsv, &table), (Format::JsonWrapped, &text), (Format::Zeek, &text)] {
            let whole = read(format, text.as_bytes());
            let cut = read_at(format, text.as_bytes(), "sample", size);
            prop_assert_eq!(whole.rows, cut.rows, "{:?}", format);
        }
    }
}
