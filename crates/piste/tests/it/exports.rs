//! Events as other tools export them: the same detections as from the log, and no record passed over without a word.
//!
//! In: one invented event in the shapes of a dozen tools, and records of services. Out: detections, and issues that name what
//! a file holds and that it was not examined.

use serde_json::json;

use crate::scratch::{Scratch, text};

const RULE: &str = "title: Shell of a web server\nid: r-1\nstatus: test\nlevel: high\nlogsource: {product: windows, category: process_creation}\n\
    detection:\n  selection:\n    Image|endswith: '\\cmd.exe'\n    ParentImage|endswith: '\\w3wp.exe'\n    CommandLine|contains: whoami\n  condition: selection\n";

/// The rule fires once on this file, at this record.
#[track_caller]
fn check(name: &str, bytes: &str, record: u64) {
    let scratch = Scratch::new();
    scratch.write("rules/r.yml", RULE);
    scratch.write(name, bytes);
    scratch.investigate(&format!("{name} --rules rules")).expect(0);
    let hits = scratch.lines("detections.jsonl");
    let own: Vec<_> = hits.iter().filter(|hit| text(hit, "rule_id") == "r-1").collect();
    assert_eq!(own.len(), 1, "{name}: {hits:?}\n{:?}", scratch.lines("issues.jsonl"));
    assert_eq!(
        (text(own[0], "host"), &own[0]["record"]),
        ("MX01.min.example".to_owned(), &json!(record)),
        "{name}"
    );
    // What is shown of the row is what lies in the file.
    let id = text(&scratch.lines("findings.jsonl")[0], "id");
    let shown = scratch.piste(&["show", &id, "--proof", "--case", "case"]).expect(0);
    assert!(!shown.out.contains("no longer"), "{name}: {}", shown.out);
}

const XML: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4688</EventID><Version>2</Version><TimeCreated SystemTime='2021-03-03T04:11:02.1234567Z'/><EventRecordID>77</EventRecordID><Channel>Security</Channel><Computer>MX01.min.example</Computer></System><EventData><Data Name='NewProcessName'>C:\\Windows\\cmd.exe</Data><Data Name='CommandLine'>cmd.exe /c whoami</Data><Data Name='ParentProcessName'>C:\\Windows\\w3wp.exe</Data></EventData></Event>";

#[test]
#[expect(clippy::needless_raw_string_hashes, reason = "a doubled quote stands before a `#` in it")]
fn the_same_event_gives_the_same_detection_from_every_export() {
    check("events.xml", &format!("<Events>{XML}</Events>"), 77);
    check("qe.txt", &format!("{XML}\r\n"), 77);
    let payload = r##"{""EventData"":{""Data"":[{""@Name"":""NewProcessName"",""#text"":""C:\\Windows\\cmd.exe""},{""@Name"":""CommandLine"",""#text"":""cmd.exe /c whoami""},{""@Name"":""ParentProcessName"",""#text"":""C:\\Windows\\w3wp.exe""}]}}"##;
    check(
        "20210303_EvtxECmd_Output.csv",
        &format!(
            "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,Computer,ChunkNumber,PayloadData1,Payload\n1,77,2021-03-03 04:11:02.1234567,4688,LogAlways,Microsoft-Windows-Security-Auditing,Security,MX01.min.example,0,\"x\ny\",\"{payload}\"\n"
        ),
        77,
    );
    check(
        "query_data.csv",
        "TimeGenerated [UTC],Computer,EventID,Channel,Activity,NewProcessName,CommandLine,ParentProcessName\n\"3/3/2021, 4:11:02.123 AM\",MX01.min.example,4688,Security,4688 - A new process has been created.,C:\\Windows\\cmd.exe,cmd.exe /c whoami,C:\\Windows\\w3wp.exe\n",
        2,
    );
    check(
        "hunting.csv",
        "Timestamp,DeviceName,ActionType,FileName,ProcessCommandLine,InitiatingProcessFileName\n2021-03-03T04:11:02.123Z,MX01.min.example,ProcessCreated,cmd.exe,cmd.exe /c whoami,w3wp.exe\n",
        2,
    );
    let values = [
        "\"S-1-5-18\"",
        "\"H\"",
        "\"X\"",
        "999",
        "444",
        r#""C:\\Windows\\cmd.exe""#,
        "\"%%1936\"",
        "4",
        "\"cmd.exe /c whoami\"",
        "\"S-1-0-0\"",
        "\"-\"",
        "\"-\"",
        "0",
        r#""C:\\Windows\\w3wp.exe""#,
        "\"S-1-16-1\"",
    ]
    .map(|value| format!("{{\"Value\":{value}}}"))
    .join(",");
    check(
        "get.json",
        &format!(
            "[\n{{\"Id\":4688,\"Version\":2,\"RecordId\":77,\"ProviderName\":\"Microsoft-Windows-Security-Auditing\",\"LogName\":\"Security\",\"MachineName\":\"MX01.min.example\",\"TimeCreated\":\"\\/Date(1614744662123)\\/\",\"Properties\":[{values}]}}\n]"
        ),
        77,
    );
    let raw = serde_json::Value::from(XML);
    check(
        "splunk.json",
        &format!(
            "{{\"preview\":false,\"result\":{{\"_raw\":{raw},\"_time\":\"2021-03-03T05:11:02.000+0100\"}}}}\n"
        ),
        77,
    );
    check(
        "alerts.json",
        &format!(
            "{}\n",
            json!({"timestamp": "2021-03-03T04:11:03.000+0000", "data": {"win": {"system": {"eventID": "4688", "channel": "Security", "providerName": "Microsoft-Windows-Security-Auditing", "computer": "MX01.min.example", "systemTime": "2021-03-03T04:11:02.1Z", "eventRecordID": "77"}, "eventdata": {"newProcessName": "C:\\Windows\\cmd.exe", "commandLine": "cmd.exe /c whoami", "parentProcessName": "C:\\Windows\\w3wp.exe"}}}})
        ),
        77,
    );
    check("hits.json", &json!({"took": 3, "hits": {"hits": [{"_source": {"@timestamp": "2021-03-03T04:11:02.123Z", "winlog": {"channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing", "computer_name": "MX01.min.example", "event_id": "4688", "event_data": {"NewProcessName": "C:\\Windows\\cmd.exe", "CommandLine": "cmd.exe /c whoami", "ParentProcessName": "C:\\Windows\\w3wp.exe"}}}}]}}).to_string(), 1);
}

#[test]
fn a_field_of_the_event_is_meant_before_the_header_of_that_name() {
    let scratch = Scratch::new();
    scratch.write("rules/r.yml", "title: T\nid: r-1\nlevel: high\nlogsource: {product: windows, service: windefend}\ndetection:\n  selection: {EventID: 1119, SourceName: Real-Time Protection, 'ThreatName|endswith': Test_File}\n  condition: selection\n");
    let event = |own: &str| {
        json!({"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Windows Defender"}}, "EventID": 1119, "TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T04:14:33Z"}}, "EventRecordID": 8, "Channel": "Microsoft-Windows-Windows Defender/Operational", "Computer": "WS01.min.example"}, "EventData": {"Source Name": own, "Threat Name": "Virus:DOS/EICAR_Test_File"}}}).to_string()
    };
    scratch.write("d.jsonl", format!("{}\n{}\n", event("Real-Time Protection"), event("User")));
    scratch.investigate("d.jsonl --rules rules").expect(0);
    let hits = scratch.lines("detections.jsonl");
    assert_eq!(hits.iter().filter(|hit| text(hit, "rule_id") == "r-1").count(), 1, "{hits:?}");
}

#[test]
fn json_of_another_kind_is_said_to_be_not_examined() {
    let scratch = Scratch::new();
    scratch.write("a.json", "{\"name\":\"x\",\"size\":1}\n{\"name\":\"y\",\"size\":2}\n");
    scratch.investigate("a.json").expect(3);
    let issues = scratch.lines("issues.jsonl");
    let one = issues.iter().find(|one| text(one, "slug") == "json-not-examined").expect("it is named");
    assert!(text(one, "what").contains("`name`, `size`"), "{one}");
    assert_eq!(text(one, "effect"), "2 records were not examined");
    assert!(issues.iter().all(|one| !text(one, "hint").contains("fresh copy")), "{issues:?}");
}
