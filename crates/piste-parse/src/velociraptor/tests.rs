//! Results as collections hold them, made up here.

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use proptest::prelude::*;

use super::*;
use crate::block::Splitter;
use crate::sniff::Format;
use crate::testing::{Row, row_of};

struct Answer {
    rows: Vec<Row>,
    damage: u64,
}

fn read(text: &str, path: &str, block_bytes: usize) -> Answer {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let csv = crate::file::extension_of(path) == "csv";
    let format = if csv { Format::EventCsv } else { Format::JsonLines };
    let mut splitter = Splitter::with_block_bytes(format, block_bytes);
    let mut answer = Answer { rows: Vec::new(), damage: 0 };
    let mut bytes = text.as_bytes();
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = if csv { parse_csv(&block, &cx) } else { parse_json(&block, &cx) };
        let before = answer.rows.len();
        for batch in &parsed.batches {
            answer.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        assert_eq!(parsed.records, (answer.rows.len() - before) as u64);
        answer.damage += parsed.damage.len() as u64;
    }
    answer
}

fn shown(rows: &[Row], names: &[&str]) -> Vec<String> {
    let line = |row: &Row| {
        names.iter().map(|name| row.get(*name).map_or("~", String::as_str)).collect::<Vec<_>>().join(" | ")
    };
    rows.iter().map(line).collect()
}

const PSLIST: &str = r#"{"Pid":612,"Ppid":4,"Name":"lsass.exe","CommandLine":"C:\\Windows\\system32\\lsass.exe","Exe":"C:\\Windows\\System32\\lsass.exe","Username":"NT AUTHORITY\\SYSTEM","CreateTime":"2021-03-01T06:00:00.1234567Z","Hash":{"MD5":"aa","SHA1":"bb","SHA256":"cc"}}
{"Pid":4,"Ppid":0,"Name":"System","CommandLine":"","Exe":"","CreateTime":"1601-01-01T00:00:00Z"}
not json
"#;

#[test]
fn processes_have_the_names_that_rules_use() {
    let path = "a.zip!results/Windows.System.Pslist.json";
    assert!(recognise_json(PSLIST.as_bytes(), path) && !recognise_csv(PSLIST.as_bytes(), path));
    for block_bytes in [1, 1 << 20] {
        let Answer { rows, damage } = read(PSLIST, path, block_bytes);
        assert_eq!(
            shown(
                &rows,
                &[
                    "dataset",
                    "host",
                    "event_time",
                    "time_basis",
                    "Image",
                    "CommandLine",
                    "User",
                    "ProcessId",
                    "Hashes"
                ]
            ),
            [
                r"velociraptor.pslist | HINT | 2021-03-01T06:00:00.123456700Z | process started | C:\Windows\System32\lsass.exe | C:\Windows\system32\lsass.exe | NT AUTHORITY\SYSTEM | 612 | MD5=aa,SHA1=bb,SHA256=cc",
                r"velociraptor.pslist | HINT | ~ |  | \System |  | ~ | 4 | ~",
            ]
        );
        assert_eq!(damage, 1);
    }
}

#[test]
fn a_table_says_the_same_as_json() {
    let path = "results/Windows.Network.Netstat.csv";
    let text = "Pid,Name,Family,Type,Status,Laddr,Raddr,Timestamp,Fqdn\r\n4242,evil.exe,IPv4,TCP,ESTAB,\"{\"\"IP\"\":\"\"10.0.0.5\"\",\"\"Port\"\":50123}\",\"{\"\"IP\"\":\"\"203.0.113.9\"\",\"\"Port\"\":443}\",2021-03-03T04:11:02Z,mx01.ministry.example\r\nshort,row\r\n";
    assert!(recognise_csv(text.as_bytes(), path) && !recognise_json(text.as_bytes(), path));
    let Answer { rows, damage } = read(text, path, 1 << 20);
    assert_eq!(
        shown(
            &rows,
            &[
                "dataset",
                "host",
                "event_time",
                "Image",
                "SourceIp",
                "SourcePort",
                "DestinationIp",
                "DestinationPort",
                "Protocol"
            ]
        ),
        [
            r"velociraptor.netstat | mx01.ministry.example | 2021-03-03T04:11:02Z | \evil.exe | 10.0.0.5 | 50123 | 203.0.113.9 | 443 | TCP"
        ]
    );
    assert_eq!(damage, 1);
}

#[test]
fn each_run_of_a_program_is_a_row() {
    let text = r#"{"Executable":"CMD.EXE","LastRunTimes":["2021-03-03T04:11:02Z","2021-03-02T04:11:02Z"],"PrefetchFileName":"CMD.EXE-0BD30981.pf"}"#;
    let Answer { rows, .. } = read(text, "results/Windows.Forensics.Prefetch.json", 1 << 20);
    assert_eq!(
        shown(&rows, &["event_time", "time_basis", "Image", "record"]),
        [r"2021-03-03T04:11:02Z | run | \CMD.EXE | 1", r"2021-03-02T04:11:02Z | run | \CMD.EXE | 1"]
    );
}

#[test]
fn tasks_and_wmi_events_have_their_commands() {
    let text = r#"{"OSPath":"C:\\Windows\\System32\\Tasks\\Up","Mtime":"2021-03-03T04:11:02Z","Command":"powershell","Arguments":"-enc AAAA","UserId":"SYSTEM"}"#;
    let Answer { rows, .. } = read(text, "results/Windows.System.TaskScheduler%2FAnalysis.json", 1 << 20);
    assert_eq!(
        shown(&rows, &["dataset", "artefact", "CommandLine", "event_time", "time_basis"]),
        [
            "velociraptor.tasks | Windows.System.TaskScheduler/Analysis | powershell -enc AAAA | 2021-03-03T04:11:02Z | task file last modified"
        ]
    );
    let text = r#"{"ConsumerDetails":[{"Name":"up","ScriptText":"x=1"}],"FilterDetails":[{"Name":"f","Query":"SELECT 1"}],"Namespace":"root/subscription"}"#;
    let Answer { rows, .. } = read(text, "results/Windows.Persistence.PermanentWMIEvents.json", 1 << 20);
    assert_eq!(
        shown(&rows, &["Name", "Destination", "Filter", "Query", "event_time"]),
        ["up | x=1 | f | SELECT 1 | ~"]
    );
}

#[test]
fn an_unknown_artefact_has_a_time_only_where_a_column_plainly_is_one() {
    let text = "{\"Found\":\"2021-03-03T04:11:02Z\",\"Path\":\"x\"}\n{\"Timestamp\":\"2021-03-03T04:11:02Z\"}\n{\"_Source\":\"Windows.System.Services\",\"Name\":\"svc\",\"PathName\":\"c:\\\\x.exe\"}\n";
    let path = "results/Ministry.Odd.json";
    assert!(recognise_json(text.as_bytes(), path));
    let Answer { rows, .. } = read(text, path, 1 << 20);
    assert_eq!(
        shown(&rows, &["dataset", "event_time", "time_basis", "Found", "ImagePath"]),
        [
            "velociraptor.result | ~ |  | 2021-03-03T04:11:02Z | ~",
            "velociraptor.result | 2021-03-03T04:11:02Z | Timestamp | ~ | ~",
            r"velociraptor.services | ~ |  | ~ | c:\x.exe",
        ]
    );
}

#[test]
fn events_and_listings_are_left_to_their_readers() {
    let path = "results/Windows.EventLogs.Evtx.json";
    assert!(!recognise_json(
        br#"{"EventTime":"2021-03-03T04:11:02Z","EventID":4624,"Channel":"Security"}"#,
        path
    ));
    let path = "results/Windows.NTFS.MFT.json";
    assert!(!recognise_json(br#"{"OSPath":"C:\\x","Created0x10":"2021-03-03T04:11:02Z"}"#, path));
    assert!(!recognise_csv(
        b"OSPath,Created0x10\r\nC:\\x,2021-03-03T04:11:02Z\r\n",
        "results/Windows.NTFS.MFT.csv"
    ));
    assert!(!recognise_json(br#"{"a":1}"#, "config/settings.json"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_damage_makes_it_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), "[\\PC\"{},:\n]"), 1..12),
        csv in any::<bool>(),
    ) {
        let mut text: Vec<char> = PSLIST.chars().collect();
        for (at, with) in changes {
            let at = at.index(text.len());
            text[at] = with.chars().next().unwrap_or(' ');
        }
        let text: String = text.into_iter().collect();
        let path = if csv { "results/Windows.System.Pslist.csv" } else { "results/Windows.System.Pslist.json" };
        recognise_csv(text.as_bytes(), path);
        recognise_json(text.as_bytes(), path);
        read(&text, path, 64);
    }
}
