//! Every form over the same three hits: an ordinary one, one that an intruder wrote, and one that is no Windows event.

use std::collections::BTreeMap;

use piste_model::{Entities, EvidenceId, Instant, Level};

use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn detection() -> Detection {
    Detection {
        rule_id: "c8f5f2a3-0000-4000-8000-000000000001".into(),
        rule_title: "Shell by Web Server".into(),
        level: Level::High,
        time: Instant::parse("2021-03-14T01:40:12.987Z"),
        host: "MX01.min.example".into(),
        dataset: "windows.sysmon".into(),
        channel: "Microsoft-Windows-Sysmon/Operational".into(),
        event_code: Some(1),
        record: 571_146,
        evidence_id: EvidenceId(1),
        path: "case.zip!Sysmon.evtx".into(),
        places: Vec::new(),
        attack: vec!["T1505.003".into()],
        status: "test".into(),
        offset: 4096,
        record_hash: String::new(),
        actor: None,
        acting_process: None,
        entities: Entities::default(),
        details: BTreeMap::from([
            ("CommandLine".into(), "cmd /c whoami".into()),
            ("Image".into(), "C:\\Windows\\System32\\cmd.exe".into()),
        ]),
    }
}

fn rule() -> RuleText {
    let text = |text: &str| text.to_owned();
    RuleText {
        id: text("c8f5f2a3-0000-4000-8000-000000000001"),
        title: text("Shell by Web Server"),
        level: text("high"),
        status: text("test"),
        authors: vec![text("A. Author"), text("B. Author")],
        date: text("2021-03-15"),
        modified: text("2022-01-02"),
        description: text("A shell"),
        references: vec![text("https://example.org/a")],
        falsepositives: vec![text("Unknown")],
        tags: vec![text("attack.persistence"), text("attack.t1505.003"), text("cve.2021-26855")],
        product: text("windows"),
        category: text("process_creation"),
        service: String::new(),
        path: text("rules/windows/proc_shell.yml"),
    }
}

type Fields = Vec<(String, String)>;

/// What all forms are tried on: detection, rule, provider, fields, header.
struct Hits {
    hits: Vec<(Detection, RuleText, &'static str, Fields, Fields)>,
}

fn hits() -> Hits {
    let system = pairs(&[
        ("EventID", "1"),
        ("Provider_Name", "Microsoft-Windows-Sysmon"),
        ("Provider_Guid", "{5770385F}"),
        ("Channel", "Microsoft-Windows-Sysmon/Operational"),
        ("Level", "4"),
    ]);
    let fields = pairs(&[
        ("ProcessId", "4711"),
        ("Image", "C:\\Windows\\System32\\cmd.exe"),
        ("CommandLine", "cmd /c whoami"),
        ("User", "NT AUTHORITY\\SYSTEM"),
    ]);
    let second = Detection {
        rule_title: "Whoami, \"as\" SYSTEM".into(),
        rule_id: "Whoami, \"as\" SYSTEM".into(),
        level: Level::Informational,
        ..detection()
    };
    let hostile = Detection {
        rule_title: "=HYPERLINK(\"http://x\")".into(),
        host: "-MX\u{202e}é文".into(),
        offset: 9999,
        record: -1,
        path: "+a,b\n\"c\".evtx".into(),
        details: BTreeMap::from([("CommandLine".into(), "x".into())]),
        ..detection()
    };
    let hostile_fields = pairs(&[
        ("CommandLine", "one,\r\n\ttwo  \"three\" \u{1b}[2J ünï"),
        ("Data[1]", "=cmd|' /C calc'!A0"),
        ("datetime", "mine"),
    ]);
    let web = Detection {
        rule_title: "Web".into(),
        level: Level::Medium,
        time: Instant::parse("2021-03-14T01:40:13Z"),
        channel: String::new(),
        dataset: "iis.access".into(),
        event_code: None,
        offset: 7,
        details: BTreeMap::from([("cs-uri-stem".into(), "/owa/".into())]),
        path: "u_ex210314.log".into(),
        ..detection()
    };
    let nothing = RuleText::of(&web);
    let undated = Detection { time: None, offset: 8, ..web.clone() };
    let none = Vec::new;
    Hits {
        hits: vec![
            (detection(), rule(), "Microsoft-Windows-Sysmon", fields.clone(), system.clone()),
            (second.clone(), RuleText::of(&second), "Microsoft-Windows-Sysmon", fields, system),
            (hostile, rule(), "", hostile_fields, none()),
            (
                web,
                nothing.clone(),
                "",
                pairs(&[("cs-uri-stem", "/owa/"), ("sc-status", "200"), ("port", "0443")]),
                none(),
            ),
            (undated, nothing, "", none(), none()),
        ],
    }
}

fn write(profile: Profile, format: Format, zone: TimeZone) -> String {
    let mut writer = HitWriter::new(Vec::new(), profile, format, zone).unwrap();
    let hits = hits();
    for (detection, about, provider, fields, system) in &hits.hits {
        writer.add(&HitRow { detection, about, provider, fields, system, message: "" }).unwrap();
    }
    assert_eq!(writer.written() + writer.undated(), hits.hits.len() as u64);
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn each_profile_has_hayabusas_header() {
    let tags = "MitreTactics,MitreTags,OtherTags";
    let headers = [
        "Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details".to_owned(),
        "Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details,ExtraFieldInfo,RuleID"
            .to_owned(),
        format!(
            "Timestamp,RuleTitle,Level,Computer,Channel,EventID,{tags},RecordID,Details,ExtraFieldInfo,RuleFile,RuleID,EvtxFile"
        ),
        "Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,AllFieldInfo,RuleFile,RuleID,EvtxFile"
            .to_owned(),
        format!(
            "Timestamp,RuleTitle,Level,Computer,Channel,EventID,{tags},RecordID,AllFieldInfo,RuleFile,RuleID,EvtxFile"
        ),
        format!(
            "Timestamp,RuleTitle,Level,Computer,Channel,EventID,RuleAuthor,RuleModifiedDate,Status,RecordID,Details,ExtraFieldInfo,{tags},Provider,RuleCreationDate,RuleFile,RuleID,EvtxFile"
        ),
        format!(
            "datetime,timestamp_desc,message,Level,Computer,Channel,EventID,{tags},RecordID,Details,RuleFile,RuleID,EvtxFile"
        ),
        format!(
            "datetime,timestamp_desc,message,Level,Computer,Channel,EventID,{tags},RecordID,Details,ExtraFieldInfo,RuleFile,RuleID,EvtxFile"
        ),
    ];
    for (profile, header) in Profile::ALL.into_iter().zip(headers) {
        let csv = write(profile, Format::Csv, TimeZone::UTC);
        assert_eq!(csv.lines().next(), Some(header.as_str()), "{}", profile.name());
        assert_eq!(csv.lines().count(), 6, "a hit is a line: {csv}");
        assert_eq!(Profile::parse(profile.name()), Ok(profile));
        let tle = write(profile, Format::TleCsv, TimeZone::UTC);
        let names: Vec<String> =
            header.split(',').filter(|name| *name != "RuleID").map(|name| format!("\"{name}\"")).collect();
        assert_eq!(tle.lines().next(), Some(names.join(",").as_str()));
    }
}

#[test]
fn profiles_as_csv() {
    for profile in Profile::ALL {
        insta::assert_snapshot!(
            format!("csv-{}", profile.name()),
            write(profile, Format::Csv, TimeZone::UTC)
        );
    }
}

#[test]
fn the_other_forms() {
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Csv) {
        let written = write(Profile::Verbose, format, TimeZone::UTC);
        insta::assert_snapshot!(format!("verbose-{}", format.name()), written);
        assert_eq!(Format::parse(format.name()), Ok(format));
    }
}

#[test]
fn times_are_shown_in_the_zone_that_is_asked_for() {
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    let csv = write(Profile::Minimal, Format::Csv, zone.clone());
    assert!(csv.contains("\n2021-03-14 10:40:12.987 +09:00,Shell by Web Server,high,"), "{csv}");
    let json = write(Profile::Minimal, Format::ChainsawJson, zone);
    assert!(json.contains("\"timestamp\":\"2021-03-14T10:40:12.987+09:00\""), "{json}");
}

#[test]
fn every_object_of_every_json_form_parses() {
    for format in [Format::Jsonl, Format::TimesketchJsonl] {
        for profile in Profile::ALL {
            for line in write(profile, format, TimeZone::UTC).lines() {
                let object: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(object.is_object());
            }
        }
    }
    let whole = write(Profile::Standard, Format::ChainsawJson, TimeZone::UTC);
    let array: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(array.as_array().map(Vec::len), Some(5));
    let pretty = write(Profile::Standard, Format::Json, TimeZone::UTC);
    let objects = serde_json::Deserializer::from_str(&pretty).into_iter::<serde_json::Value>();
    assert_eq!(objects.flatten().count(), 5);
}

#[test]
fn no_cell_starts_a_formula_or_leaves_its_line() {
    for profile in Profile::ALL {
        for format in [Format::Csv, Format::TleCsv, Format::ChainsawCsv] {
            let csv = write(profile, format, TimeZone::UTC);
            assert!(!csv.contains(",=") && !csv.contains(",\"="), "{csv}");
            assert!(!csv.chars().any(|c| escape::is_hidden(c) && c != '\n'), "{csv:?}");
        }
    }
}
