//! Files as Defender writes them, made up here.

use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use proptest::prelude::*;

use super::*;
use crate::Parsed;
use crate::block::Encoding;
use crate::testing::{Row, row_of};

fn rows_of(parsed: &Parsed) -> Vec<Row> {
    let rows: Vec<Row> = parsed
        .batches
        .iter()
        .flat_map(|batch| (0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)))
        .collect();
    assert_eq!(parsed.records, rows.len() as u64);
    rows
}

fn whole(bytes: &[u8], parse: fn(&Block, &Context<'_>) -> Parsed) -> Parsed {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: Some("HINT") };
    let block = Block {
        offset: 0,
        first_line: 0,
        bytes: bytes.to_vec(),
        encoding: Encoding::Utf8,
        header: None,
        too_long: None,
    };
    parse(&block, &cx)
}

fn log(bytes: &[u8]) -> Vec<Row> {
    let sources = Sources::default();
    let cx =
        Context { evidence: EvidenceId(1), path: "MPLog-1.log", sources: &sources, host_hint: Some("HINT") };
    let opened = open_log(Arc::new(bytes.to_vec()), &[], &cx).expect("memory reads");
    let mut rows = Vec::new();
    for piece in 0..opened.file.pieces() {
        rows.extend(rows_of(&opened.file.parse(piece, &cx)));
    }
    for row in &rows {
        let record = opened.file.record(row["offset"].parse().unwrap()).expect("it was read before");
        let hash = piste_model::hash::hex(&piste_model::hash::record_hash(&record));
        assert_eq!(row["record_hash"], hash, "{}", String::from_utf8_lossy(&record));
    }
    rows
}

fn shown(rows: &[Row], names: &[&str]) -> Vec<String> {
    let line = |row: &Row| {
        names.iter().map(|name| row.get(*name).map_or("~", String::as_str)).collect::<Vec<_>>().join(" | ")
    };
    rows.iter().map(line).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

const LOG: &str = "Product supports installation: true\r
2021-03-04T05:12:31.123Z ProcessImageName: rclone.exe, Pid: 4242, TotalTime: 6070, Count: 24, MaxTime: 828, MaxTimeFile: \\Device\\HarddiskVolume3\\Finance, secret\\a.docx, EstimatedImpact: 73%\r
2021-03-04T05:12:32.000Z DETECTION_ADD#1 HackTool:Win32/Mimikatz!MTB file:C:\\Temp\\m.exe;process:pid:612,ProcessStart:1 PropBag [length: 0, data: (null)]\r
2021-03-04T05:12:33.000Z [Exclusion] C:\\Temp -> \\Device\\HarddiskVolume3\\Temp\r
2021-03-04T05:12:34.000Z [Mini-filter] Blocked file(#74): \\Device\\HarddiskVolume3\\Temp\\x.exe. Process: C:\\Windows\\cmd.exe, Status: 0xc0000906, State: 0\r
2021-03-04T05:12:35.000Z SDN:Issuing SDN query for \\\\?\\C:\\Temp\\x.exe (x.exe) (sha1=aa, sha2=bb)\r
2021-03-04T05:12:36.000Z Engine:command line reported as lowfi: C:\\Windows\\powershell.exe(powershell -enc AAAA)\r
\r
Begin Resource Scan\r
Scan ID:{11111111-2222-3333-4444-555555555555}\r
Scan Source:2\r
Start Time:03-04-2021 06:12:40\r
End Time:03-04-2021 06:12:41\r
Resource Schema:file\r
Resource Path:C:\\Temp\\m.exe\r
Result Count:1\r
Threat Name:HackTool:Win32/Mimikatz!MTB\r
ID:2147686744\r
End Scan\r
************************************************************\r
*************************RTP Perf Log*************************\r
RTP Start:(Thu) 03-04-2021 06:00:00\r
Process Exclusions:\r
    C:\\tools\\a.exe\r
    C:\\tools\\b.exe\r
Path Exclusions:\r
    C:\\Temp\r
*************************END RTP Perf Log*************************\r
BEGIN BM telemetry\r
ProcessID:652\r
ProcessCreationTime:132593155512500000\r
CreationTime:03-04-2021 06:12:49\r
ImagePath:C:\\Windows\\a.exe\r
Taint Info:Friendly: Y; Reason: ; Modules: ; Parents: C:\\b.exe:2504:3,\r
2021-03-04T05:12:50.000Z EMS scan for process: svchost pid: 4044, sigseq: 0x1, sendMemoryScanReport: 0, source: 1\r
";

#[test]
fn lines_and_blocks_of_the_log_are_rows() {
    for bytes in [utf16(LOG), LOG.replace('\r', "").into_bytes()] {
        assert!(recognise_log(&bytes, "MPLog-20210304-051231.log") && recognise_log(&bytes, "copy.txt"));
        let rows = log(&bytes);
        assert_eq!(
            shown(
                &rows,
                &[
                    "event_time",
                    "time_basis",
                    "mplog_event",
                    "Image",
                    "TargetFilename",
                    "ThreatName",
                    "CommandLine"
                ]
            ),
            [
                "~ |  | ~ | ~ | ~ | ~ | ~",
                r"2021-03-04T05:12:31.123000000Z | MPLog line | estimated-impact | \rclone.exe | \Device\HarddiskVolume3\Finance, secret\a.docx | ~ | ~",
                r"2021-03-04T05:12:32Z | MPLog line | detection | ~ | C:\Temp\m.exe | HackTool:Win32/Mimikatz!MTB | ~",
                r"2021-03-04T05:12:33Z | MPLog line | exclusion | ~ | ~ | ~ | ~",
                r"2021-03-04T05:12:34Z | MPLog line | blocked-file | C:\Windows\cmd.exe | \Device\HarddiskVolume3\Temp\x.exe | ~ | ~",
                r"2021-03-04T05:12:35Z | MPLog line | cloud-query | ~ | C:\Temp\x.exe | ~ | ~",
                r"2021-03-04T05:12:36Z | MPLog line | suspicious | C:\Windows\powershell.exe | ~ | ~ | powershell -enc AAAA",
                r"2021-03-04T06:12:40Z | block's own time, zone unknown | resource-scan | ~ | C:\Temp\m.exe | HackTool:Win32/Mimikatz!MTB | ~",
                r"2021-03-04T05:12:36Z | MPLog line before it | ~ | ~ | ~ | ~ | ~",
                r"2021-03-04T06:00:00Z | block's own time, zone unknown | real-time-protection | ~ | ~ | ~ | ~",
                r"2021-03-04T06:12:49Z | block's own time, zone unknown | behaviour | C:\Windows\a.exe | ~ | ~ | ~",
                r"2021-03-04T05:12:50Z | MPLog line | memory-scan | ~ | ~ | ~ | ~",
            ]
        );
        assert_eq!(
            shown(&rows[1..2], &["ProcessId", "Count", "EstimatedImpact", "record"]),
            ["4242 | 24 | 73% | 2"]
        );
        assert_eq!(
            shown(&rows[3..4], &["ExclusionPath", "ExclusionDevicePath"]),
            [r"C:\Temp | \Device\HarddiskVolume3\Temp"]
        );
        assert_eq!(shown(&rows[5..6], &["sha1", "sha256"]), ["aa | bb"]);
        assert_eq!(
            shown(&rows[9..10], &["Process Exclusions", "Path Exclusions"]),
            [r"C:\tools\a.exe;C:\tools\b.exe | C:\Temp"]
        );
        assert_eq!(shown(&rows[11..], &["ProcessName", "ProcessId"]), ["svchost | 4044"]);
    }
    assert!(!recognise_log(b"2021-03-04T05:12:31.123Z hello\n", "app.log"));
}

#[test]
fn a_block_without_end_ends_where_the_next_begins() {
    let rows = log(b"Begin Resource Scan\nThreat Name:A:W/x\nBegin Resource Scan\nThreat Name:B:W/x\n");
    assert_eq!(shown(&rows, &["ThreatName", "record"]), ["A:W/x | 1", "B:W/x | 3"]);
}

fn value(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn zero_ended(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// 2021-03-04T07:12:31.25Z.
const TICKS: u64 = 132_593_155_512_500_000;

fn history() -> Vec<u8> {
    let text = |text: &str| value(0x15, &zero_ended(text));
    let number = |number: u32| value(6, &number.to_le_bytes());
    let time = |ticks: u64| value(0x0a, &ticks.to_le_bytes());
    let mut tracked = Vec::new();
    for (name, kind, data) in [
        ("ThreatTrackingStartTime", 4_u32, TICKS.to_le_bytes().to_vec()),
        ("ThreatTrackingSha256", 6, {
            let hash = zero_ended("abcd");
            [u32::try_from(hash.len()).unwrap().to_le_bytes().to_vec(), hash].concat()
        }),
    ] {
        let name = zero_ended(name);
        tracked.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        tracked.extend(name);
        tracked.extend(kind.to_le_bytes());
        tracked.extend(data);
    }
    let tracked = [u32::try_from(tracked.len() + 4).unwrap().to_le_bytes().to_vec(), tracked].concat();
    let mut bytes = [value(8, &2_147_686_744_u64.to_le_bytes()), value(0x1e, &[7; 16])].concat();
    bytes.extend(
        [text("Magic.Version:1.2"), text("HackTool:Win32/Mimikatz"), number(0), number(4), number(34)]
            .concat(),
    );
    for (kind, place) in [("containerfile", r"C:\Temp\a.zip"), ("file", r"C:\Temp\a.zip->m.exe")] {
        bytes.extend([text("Magic.Version:1.2"), text(kind), text(place), number(0), number(9)].concat());
        bytes.extend(value(0x28, &tracked));
    }
    bytes.extend(time(TICKS + 30_000_000)); // 6
    (7..12).for_each(|_| bytes.extend(number(0)));
    bytes.extend([text(r"MINISTRY\ann"), number(0), text(r"C:\Windows\explorer.exe")].concat()); // 12 to 14
    (15..18).for_each(|_| bytes.extend(number(0)));
    bytes.extend([time(TICKS), number(0), time(TICKS + 10_000_000)].concat()); // 18 to 20
    bytes
}

#[test]
fn each_resource_of_a_detection_is_a_row() {
    let bytes = history();
    assert!(recognise_history(&bytes, "x") && !recognise_history(&bytes[8..], "x"));
    let parsed = whole(&bytes, parse_history);
    assert!(parsed.damage.is_empty(), "{:?}", parsed.issues);
    assert_eq!(
        shown(
            &rows_of(&parsed),
            &[
                "dataset",
                "host",
                "event_time",
                "time_basis",
                "ThreatName",
                "ThreatId",
                "DetectionId",
                "Category",
                "ResourceType",
                "TargetFilename",
                "User",
                "Image",
                "RemediationTime",
                "Hashes"
            ]
        ),
        [
            r"defender.detection | HINT | 2021-03-04T07:12:31.250000000Z | initial detection | HackTool:Win32/Mimikatz | 2147686744 | {07070707-0707-0707-0707-070707070707} | Tool | containerfile | C:\Temp\a.zip | MINISTRY\ann | C:\Windows\explorer.exe | 2021-03-04T07:12:32.2500000Z | SHA256=abcd",
            r"defender.detection | HINT | 2021-03-04T07:12:31.250000000Z | initial detection | HackTool:Win32/Mimikatz | 2147686744 | {07070707-0707-0707-0707-070707070707} | Tool | file | C:\Temp\a.zip->m.exe | MINISTRY\ann | C:\Windows\explorer.exe | 2021-03-04T07:12:32.2500000Z | SHA256=abcd",
        ]
    );
    let cut = whole(&bytes[..bytes.len() - 100], parse_history);
    let rows = rows_of(&cut);
    assert_eq!((rows.len(), cut.damage.len(), cut.damage[0].lost), (2, 1, Some(0)));
    assert_eq!(rows[0]["time_basis"], "threat tracking start");
}

fn entry() -> Vec<u8> {
    let mut first = [[7; 16], [8; 16]].concat();
    first.extend(TICKS.to_le_bytes());
    first.extend(2_147_686_744_u64.to_le_bytes());
    first.extend(1_u32.to_le_bytes());
    first.extend(b"HackTool:Win32/Mimikatz\0");
    let resource = |kind: &str, path: &str, at: usize| {
        let mut bytes = zero_ended(path);
        bytes.extend(3_u16.to_le_bytes());
        bytes.extend(kind.bytes().chain([0]));
        for (code, data) in [
            (0x5002_u16, vec![0xAB; 20]),
            (0x600f, TICKS.to_le_bytes().to_vec()),
            (0x6012, 77_u64.to_le_bytes().to_vec()),
        ] {
            let place = at + bytes.len();
            bytes.resize(bytes.len() + place.next_multiple_of(4) - place, 0);
            bytes.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
            bytes.extend(code.to_le_bytes());
            bytes.extend(data);
        }
        bytes
    };
    let one = resource("file", r"C:\Temp\m.exe", 12);
    let other = resource("regkey", r"HKLM\SOFTWARE\x", 12 + one.len());
    let mut second = 2_u32.to_le_bytes().to_vec();
    second.extend(12_u32.to_le_bytes());
    second.extend(u32::try_from(12 + one.len()).unwrap().to_le_bytes());
    second.extend(one);
    second.extend(other);
    let mut header = vec![0xdb, 0xe8, 0xc5, 0x01, 1, 0, 0, 0];
    header.resize(40, 0);
    for part in [&first, &second] {
        header.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
    }
    header.resize(60, 9);
    [header, first, second].iter().flat_map(|part| quarantine::shown(part)).collect()
}

#[test]
fn what_is_written_of_a_file_in_quarantine_is_read() {
    let bytes = entry();
    assert!(recognise_quarantine(&bytes, "x"));
    let parsed = whole(&bytes, parse_quarantine);
    assert!(parsed.damage.is_empty(), "{:?}", parsed.issues);
    assert_eq!(
        shown(
            &rows_of(&parsed),
            &[
                "dataset",
                "event_time",
                "time_basis",
                "ThreatName",
                "ThreatId",
                "QuarantineId",
                "ResourceType",
                "Resource",
                "TargetFilename",
                "CreationTime",
                "FileSize",
                "ResourceId",
                "record"
            ]
        ),
        [
            r"defender.quarantine | 2021-03-04T07:12:31.250000000Z | quarantined | HackTool:Win32/Mimikatz | 2147686744 | {07070707-0707-0707-0707-070707070707} | file | C:\Temp\m.exe | C:\Temp\m.exe | 2021-03-04T07:12:31.2500000Z | 77 | ABABABABABABABABABABABABABABABABABABABAB | 1",
            r"defender.quarantine | 2021-03-04T07:12:31.250000000Z | quarantined | HackTool:Win32/Mimikatz | 2147686744 | {07070707-0707-0707-0707-070707070707} | regkey | HKLM\SOFTWARE\x | ~ | 2021-03-04T07:12:31.2500000Z | 77 | ABABABABABABABABABABABABABABABABABABABAB | 2",
        ]
    );
    // Without the part of its resources the threat is still told.
    let cut = whole(&bytes[..140], parse_quarantine);
    let rows = rows_of(&cut);
    assert_eq!(
        (rows.len(), rows[0]["ThreatName"].as_str(), cut.damage.len()),
        (1, "HackTool:Win32/Mimikatz", 1)
    );
}

#[test]
fn the_cipher_is_rc4() {
    // The first bytes of RC4's stream under Defender's key, made with an independent implementation.
    assert_eq!(quarantine::shown(&[0; 8]), [8, 173, 0, 152, 147, 253, 222, 104]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn no_damage_makes_it_panic(
        which in 0_usize..4,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..16),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = [history(), entry(), LOG.as_bytes().to_vec(), utf16(LOG)][which].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        rows_of(&whole(&bytes, parse_history));
        rows_of(&whole(&bytes, parse_quarantine));
        log(&bytes);
        recognise_log(&bytes, "mplog-1.log");
        recognise_history(&bytes, "");
        recognise_quarantine(&bytes, "");
    }
}
