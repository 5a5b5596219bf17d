//! Events as exporters write them, small ones written out.

use proptest::prelude::*;

use crate::Format;
use crate::testing::{read, read_at};

const SHOWN: [&str; 12] = [
    "dataset",
    "event_time",
    "time_basis",
    "host",
    "event_code",
    "record",
    "Channel",
    "Provider_Name",
    "EventRecordID",
    "Image",
    "ProcessId",
    "Message",
];

/// The same event as each of five exporters writes it, and what differs between the rows.
const FLAT: &str = r#"{"SourceName":"P","Channel":"C","Hostname":"H.x","TimeCreated":"2021-03-03T05:12:31.417Z","EventID":1,"RecordNumber":77,"Message":"m","Image":"a.exe","ProcessId":"9"}"#;
const BEATS: &str = r#"{"@timestamp":"2021-03-03T05:12:31.417Z","agent":{"name":"A"},"event":{"code":"1","provider":"P"},"host":{"name":"collector"},"message":"m","process":{"executable":"a.exe"},"winlog":{"channel":"C","computer_name":"H.x","event_data":{"Channel":"evil","Image":"a.exe","ProcessId":"9"},"event_id":1,"keywords":["K"],"process":{"pid":4},"provider_name":"P","record_id":77}}"#;
const DUMP: &str = r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":1,"TimeCreated":{"#attributes":{"SystemTime":"2021-03-03T05:12:31.417Z"}},"EventRecordID":77,"Channel":"C","Computer":"H.x"},"EventData":{"Image":"a.exe","ProcessId":9}}}"##;
const SEPARATE: &str = r#"{"Event":{"System":{"Provider_attributes":{"Name":"P"},"EventID":1,"TimeCreated_attributes":{"SystemTime":"2021-03-03T05:12:31.417Z"},"EventRecordID":77,"Channel":"C","Computer":"H.x"},"EventData":{"Image":"a.exe","ProcessId":9},"Event_attributes":{"xmlns":"x"}}}"#;
const ECMD: &str = r##"{"PayloadData1":"a.exe","MapDescription":"Started","ChunkNumber":0,"Computer":"H.x","Payload":"{\"EventData\":{\"Data\":[{\"@Name\":\"Image\",\"#text\":\"a.exe\"},{\"@Name\":\"ProcessId\",\"#text\":\"9\"},{\"@Name\":\"Empty\"}]}}","UserName":"u","Channel":"C","Provider":"P","EventId":1,"EventRecordId":"77","ProcessId":4,"ThreadId":5,"TimeCreated":"2021-03-03T05:12:31.4170000+00:00","RecordNumber":3}"##;

#[test]
fn every_exporter_gives_the_same_columns() {
    let text = [FLAT, BEATS, DUMP, SEPARATE, ECMD].join("\n");
    let found = read(Format::JsonLines, text.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    insta::assert_snapshot!(found.columns(&SHOWN).join("\n"), @r"
    windows.other | 2021-03-03T05:12:31.417000000Z | TimeCreated | H.x | 1 | 1 | C | P | 77 | a.exe | 9 | m
    windows.other | 2021-03-03T05:12:31.417000000Z | @timestamp | H.x | 1 | 2 | C | P | 77 | a.exe | 9 | m
    windows.other | 2021-03-03T05:12:31.417000000Z | System.TimeCreated | H.x | 1 | 77 | C | P | 77 | a.exe | 9 | ~
    windows.other | 2021-03-03T05:12:31.417000000Z | System.TimeCreated | H.x | 1 | 77 | C | P | 77 | a.exe | 9 | ~
    windows.other | 2021-03-03T05:12:31.417000000Z | TimeCreated | H.x | 1 | 5 | C | P | 77 | a.exe | 9 | ~
    ");
}

#[test]
fn what_exporters_add_stands_beside_the_events_own_fields() {
    let found = read(Format::JsonLines, [BEATS, ECMD].join("\n").as_bytes());
    insta::assert_snapshot!(format!("{:#?}", found.rows), @r#"
    [
        {
            "@timestamp": "2021-03-03T05:12:31.417Z",
            "Channel": "C",
            "Computer": "H.x",
            "EventID": "1",
            "EventRecordID": "77",
            "Execution_ProcessID": "4",
            "Image": "a.exe",
            "Keywords": "K",
            "Message": "m",
            "ProcessId": "9",
            "Provider_Name": "P",
            "agent.name": "A",
            "dataset": "windows.other",
            "event.code": "1",
            "event.provider": "P",
            "event_code": "1",
            "event_time": "2021-03-03T05:12:31.417000000Z",
            "evidence_id": "E-1",
            "extra": "Channel=evil",
            "host": "H.x",
            "host.name": "collector",
            "offset": "0",
            "process.executable": "a.exe",
            "record": "1",
            "record_hash": "54be5e621fd4a2f571bd732c995e84cb",
            "time_basis": "@timestamp",
            "time_digits": "3",
        },
        {
            "Channel": "C",
            "ChunkNumber": "0",
            "Computer": "H.x",
            "Empty": "",
            "EventID": "1",
            "EventRecordID": "77",
            "Execution_ProcessID": "4",
            "Execution_ThreadID": "5",
            "Image": "a.exe",
            "MapDescription": "Started",
            "PayloadData1": "a.exe",
            "ProcessId": "9",
            "Provider_Name": "P",
            "RecordNumber": "3",
            "TimeCreated": "2021-03-03T05:12:31.4170000+00:00",
            "UserName": "u",
            "dataset": "windows.other",
            "event_code": "1",
            "event_time": "2021-03-03T05:12:31.417000000Z",
            "evidence_id": "E-1",
            "host": "H.x",
            "offset": "370",
            "record": "2",
            "record_hash": "2f23d17dfed7d339c3788c4850e6c494",
            "time_basis": "TimeCreated",
            "time_digits": "7",
        },
    ]
    "#);
}

#[test]
fn payloads_without_names_are_lists_and_broken_ones_stay_text() {
    let head = r#""ChunkNumber":0,"Computer":"H","Channel":"C","Provider":"P","EventId":1"#;
    let row = |payload: &str| {
        let line = format!("{{{head},\"Payload\":{}}}", serde_json::Value::from(payload));
        read(Format::JsonLines, line.as_bytes()).columns(&["Data", "Payload", "A"]).concat()
    };
    assert_eq!(row(r#"{"EventData":{"Data":["x","y"]}}"#), "x|y | ~ | ~");
    assert_eq!(row(r#"{"EventData":{"Data":"x","Binary":""}}"#), "x | ~ | ~");
    assert_eq!(row(r#"{"UserData":{"EventXML":{"@xmlns":"u","A":"b"}}}"#), "~ | ~ | b");
    assert_eq!(row("not json"), "~ | not json | ~");
}

#[test]
fn arrays_and_objects_are_read_whatever_their_layout() {
    let pretty = FLAT.replace(',', ",\n  ").replace('{', "{\n  ");
    let shown = ["record", "offset", "Image"];
    let array = format!("[{FLAT},\n{pretty} , {FLAT}]");
    let second = (FLAT.len() + 3).to_string();
    let third = (FLAT.len() + pretty.len() + 6).to_string();
    let wanted =
        ["1 | 1 | a.exe".to_owned(), format!("2 | {second} | a.exe"), format!("3 | {third} | a.exe")];
    for size in [1, 100, 1 << 20] {
        assert_eq!(
            read_at(Format::JsonArray, array.as_bytes(), "x", size).columns(&shown),
            wanted,
            "blocks of {size}"
        );
    }
    let dump = format!("Record 1\n{pretty}\nRecord 2\n{pretty}\n");
    let found = read(Format::JsonObjects, dump.as_bytes());
    assert_eq!((found.rows.len(), found.issues.len()), (2, 0));
    let wide: Vec<u8> = format!("\u{feff}{array}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = read_at(Format::JsonArray, &wide, "x", 101);
    assert_eq!(found.columns(&["record", "Image"]), ["1 | a.exe", "2 | a.exe", "3 | a.exe"]);
    for row in &found.rows {
        let at: usize = row["offset"].parse().unwrap();
        let element = &wide[at..at + crate::block::element_bytes(&wide[at..]).unwrap()];
        assert_eq!(row["record_hash"], piste_model::hash::hex(&piste_model::hash::record_hash(element)));
    }
}

#[test]
fn what_is_no_event_is_named_and_counted() {
    let found = read(
        Format::JsonLines,
        format!("{{\"a\":1}}\n{FLAT}\nnonsense\n\n[]\n{{}}\n{{\"EventID\":\n").as_bytes(),
    );
    assert_eq!(found.rows.len(), 1);
    insta::assert_snapshot!(found.issues.join("\n"), @r"
    json-line: line 3 is no sound JSON object: expected ident at line 1 column 2; 1 record is lost
    json-line: line 7 is no sound JSON object: EOF while parsing a value at line 1 column 11; 1 record is lost
    json-not-examined: 3 lines are JSON of a kind that Piste does not read; the first is line 1, with `a`; 3 records were not examined
    ");
    let found = read(Format::JsonArray, format!("[true, {{\"a\":1}}, {FLAT}, {{\"Event").as_bytes());
    assert_eq!(found.columns(&["record"]), ["3"]);
    insta::assert_snapshot!(found.issues.join("\n"), @r"
    json-element: element 1 is no sound JSON object: trailing characters at line 1 column 5; 1 record is lost
    json-element: element 4 is no sound JSON object: EOF while parsing a string at line 1 column 7; 1 record is lost
    json-not-examined: 1 element is JSON of a kind that Piste does not read; the first is element 2, with `a`; 1 record was not examined
    ");
}

#[test]
fn parts_of_a_record_without_their_event_are_read() {
    let line = r#"{"System":{"Provider":{"Name":"P","Guid":"g"},"EventID":{"Value":4624},"TimeCreated":{"SystemTime":1614748351.417},"EventRecordID":7,"Channel":"Security","Computer":"H"},"EventData":{"A":"b"},"Message":"m"}"#;
    let found =
        read(Format::JsonLines, format!("{line}\n{{\"_index\":\"i\",\"_source\":{BEATS}}}").as_bytes());
    assert_eq!(
        found.columns(&["event_code", "record", "event_time", "A", "Message", "Image"]),
        [
            "4624 | 7 | 2021-03-03T05:12:31.417000000Z | b | m | ~",
            "1 | 2 | 2021-03-03T05:12:31.417000000Z | ~ | m | a.exe"
        ]
    );
}

/// A flat event with these further members.
fn with(members: &str) -> String {
    format!("{},{members}}}", FLAT.strip_suffix('}').expect("an object"))
}

#[test]
fn numbers_keep_their_text() {
    let line = with(r#""a":123456789012345678901234567890,"b":1e3,"c":1.10,"d":1e999,"e":[-0.0]"#);
    let found = read(Format::JsonLines, line.as_bytes());
    assert_eq!(
        found.columns(&["a", "b", "c", "d", "e"]),
        ["123456789012345678901234567890 | 1e3 | 1.10 | 1e999 | -0.0"]
    );
    assert_eq!(found.issues, [""; 0]);
}

#[test]
fn an_event_id_may_be_written_with_a_fraction_of_zero() {
    let lines =
        [FLAT.replace("\"EventID\":1", "\"EventID\":1.0"), FLAT.replace("\"EventID\":1", "\"EventID\":1.5")];
    let found = read(Format::JsonLines, lines.join("\n").as_bytes());
    assert_eq!(found.columns(&["event_code", "EventID"]), ["1 | 1.0"]);
}

#[test]
fn what_is_nested_too_deep_or_too_much_is_left_out_and_told() {
    let arrays = format!("\"deep\":{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let objects = format!("\"deep\":{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    let many: Vec<_> = (0..5_000).map(|at| format!("\"f{at}\":1")).collect();
    let dump = DUMP.replace("\"ProcessId\":9", &objects);
    let lines = [
        with(&arrays),
        with(&objects),
        dump,
        DUMP.replace('9', &format!("{}{}", "[".repeat(500), "]".repeat(500))),
    ];
    for line in lines.into_iter().chain([with(&many.join(","))]) {
        let found = read(Format::JsonLines, format!("{FLAT}\n{line}").as_bytes());
        assert_eq!(found.columns(&["Image"]), ["a.exe", "a.exe"], "the record is kept");
        let at = FLAT.len() as u64 + 1;
        let damage =
            found.damage.iter().map(|one| (one.kind.as_str(), one.offset, one.lost)).collect::<Vec<_>>();
        assert_eq!(damage, [("record-too-many-fields", at, Some(0))]);
        assert_eq!(found.issues.len(), 1);
    }
}

#[test]
fn rows_without_a_time_or_its_zone_are_told_of() {
    let event = |time: &str| FLAT.replace("\"TimeCreated\":\"2021-03-03T05:12:31.417Z\"", time);
    let lines = [
        event("\"@timestamp\":1615686015000"),
        event("\"EventTime\":\"1615686015\""),
        event("\"EventTime\":\"2021-03-14T03:40:15+02:00\""),
        event("\"EventTime\":\"2021-03-14 01:40:15\""),
        event("\"@timestamp\":\"garbage\""),
        event("\"@timestamp\":\"9999-12-31T23:59:59Z\""),
    ];
    let found = read(Format::JsonLines, lines.join("\n").as_bytes());
    let mut shown = found.columns(&["event_time", "time_basis"]);
    shown.extend(found.issues);
    insta::assert_snapshot!(shown.join("\n"), @r"
    2021-03-14T01:40:15Z | @timestamp
    2021-03-14T01:40:15Z | EventTime
    2021-03-14T01:40:15Z | EventTime
    2021-03-14T01:40:15Z | EventTime, zone unknown
    ~ | 
    ~ | 
    time-missing: 2 rows have no time that can be read; the first is record 5; they are outside every time range and not on the timeline
    time-zone-unknown: 1 row has a time without a zone, taken as UTC; the first is record 4; their times may be off by the host's distance from UTC
    ");
}

#[test]
fn a_hint_names_the_line_and_the_file() {
    let sources = piste_model::sources::Sources::default();
    let cx = crate::Context {
        evidence: piste_model::EvidenceId(1),
        path: "a.zip!logs/x.json",
        sources: &sources,
        host_hint: None,
    };
    let mut bytes = "{}\n{\"a\":\n".as_bytes();
    let block =
        crate::Splitter::new(Format::JsonLines).next_block(&mut bytes).expect("reads").expect("a block");
    let parsed = crate::parse_block(Format::JsonLines, &block, &cx);
    assert!(parsed.issues[0].hint.contains("sed -n 2p x.json;"), "{}", parsed.issues[0].hint);
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(FLAT.to_owned()),
        Just(DUMP.to_owned()),
        Just(ECMD.replace(',', ",\n")),
        Just(",".to_owned()),
        Just("\n".to_owned()),
        "[\\[\\]{}\",:a1 \\\\]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(pieces in proptest::collection::vec(piece(), 0..12), size in 1_usize..2000) {
        let text = pieces.concat();
        for format in [Format::JsonLines, Format::JsonArray, Format::JsonObjects] {
            let whole = read(format, text.as_bytes());
            let cut = read_at(format, text.as_bytes(), "sample", size);
            prop_assert_eq!(whole.rows, cut.rows);
            let lost = |damage: &[piste_model::Damage]| damage.iter().filter_map(|one| one.lost).sum::<u64>();
            prop_assert_eq!(lost(&whole.damage), lost(&cut.damage));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        pieces in proptest::collection::vec(piece(), 0..3),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
        size in 1_usize..200,
    ) {
        let mut bytes = pieces.concat().into_bytes();
        bytes.extend(rest);
        read_at(Format::JsonLines, &bytes, "x", size);
        read_at(Format::JsonObjects, &bytes, "x", size);
        bytes.splice(..0, [0xff, 0xfe]);
        read_at(Format::JsonArray, &bytes, "x", size);
    }
}

#[test]
fn a_field_with_blanks_is_found_without_them() {
    let line = with(r#""Source Name":"Real-Time Protection","Threat Name":"T""#);
    let own = with(r#""Threat Name":"T","ThreatName":"own""#);
    let found = read(Format::JsonLines, format!("{FLAT}\n{line}\n{own}\n{FLAT}").as_bytes());
    assert_eq!(
        found.columns(&["Provider_Name", "SourceName", "Source Name", "ThreatName", "Threat Name"]),
        [
            "P | ~ | ~ | ~ | ~",
            "P | Real-Time Protection | Real-Time Protection | T | T",
            "P | ~ | ~ | own | T",
            "P | ~ | ~ | ~ | ~"
        ]
    );
}
