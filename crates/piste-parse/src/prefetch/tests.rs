//! Prefetch files that the tests write, and real ones where they are.

use crate::prefetch::{parse_file, recognise};
use crate::whole::testing::{damage, members, read};

/// 2021-03-03 01:02:03 UTC as FILETIME.
const RUN: u64 = 132_592_069_230_000_000;
const NAMES: [&str; 2] = [r"\VOLUME{1}\WINDOWS\SYSTEM32\NTDLL.DLL", r"\VOLUME{1}\WINDOWS\TEMP\EVIL.EXE"];

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A file of this version, whose metrics begin at `metrics`.
fn file(version: u32, metrics: u32, runs: usize, run_count_at: usize, volume_bytes: usize) -> Vec<u8> {
    let mut file = vec![0; 400];
    put(&mut file, 0, &version.to_le_bytes());
    put(&mut file, 4, b"SCCA");
    put(&mut file, 16, &wide("EVIL.EXE"));
    put(&mut file, 76, &0xbeef_u32.to_le_bytes());
    put(&mut file, 84, &metrics.to_le_bytes());
    let at = if version == 17 { 120 } else { 128 };
    for run in 0..runs {
        put(&mut file, at + 8 * run, &(RUN - 600_000_000 * run as u64).to_le_bytes());
    }
    put(&mut file, run_count_at, &41_u32.to_le_bytes());
    let names: Vec<u8> = NAMES.iter().flat_map(|name| wide(&format!("{name}\0"))).collect();
    let number = |value: usize| u32::try_from(value).expect("small").to_le_bytes();
    let names_at = file.len();
    file.extend(&names);
    let volumes_at = file.len();
    file.resize(volumes_at + volume_bytes, 0);
    for (at, value) in [(100, names_at), (104, names.len()), (108, volumes_at), (112, 1)] {
        put(&mut file, at, &number(value));
    }
    put(&mut file, volumes_at, &number(volume_bytes));
    put(&mut file, volumes_at + 4, &number(10));
    put(&mut file, volumes_at + 8, &RUN.to_le_bytes());
    put(&mut file, volumes_at + 16, &0x00c0_ffee_u32.to_le_bytes());
    file.extend(wide(r"\VOLUME{1}"));
    file
}

const SHOWN: [&str; 9] = [
    "event_time",
    "time_basis",
    "Image",
    "Path",
    "Hash",
    "RunCount",
    "RunsBack",
    "Volume0Serial",
    "Volume0Name",
];

#[test]
fn every_version_gives_a_row_a_run() {
    let first = r"2021-03-03T01:02:03Z | RunTime | EVIL.EXE | \VOLUME{1}\WINDOWS\TEMP\EVIL.EXE | 0000BEEF | 41 | 0 | 00C0FFEE | \VOLUME{1}";
    for (version, metrics, runs, count_at, volume_bytes) in [
        (17, 152, 1, 144, 40),
        (23, 240, 1, 152, 104),
        (26, 304, 8, 208, 104),
        (30, 304, 8, 208, 96),
        (30, 296, 8, 200, 96),
        (31, 296, 3, 200, 96),
    ] {
        let bytes = file(version, metrics, runs, count_at, volume_bytes);
        assert!(recognise(&bytes, "x"));
        let found = read(parse_file, &bytes, "x.pf");
        assert_eq!(found.issues, [""; 0], "{version}");
        assert_eq!(found.rows.len(), runs);
        assert_eq!(found.columns(&SHOWN)[0], first, "{version}");
        assert_eq!(found.rows[0]["Data"], NAMES.join("|"));
        assert_eq!(found.rows[runs - 1]["RunsBack"], (runs - 1).to_string());
        assert_eq!(found.rows[0]["Volume0Created"], "2021-03-03T01:02:03.0000000Z");
    }
}

#[test]
fn a_program_that_never_ran_by_its_file_is_a_row_without_time() {
    let found = read(parse_file, &file(30, 296, 0, 200, 96), "x.pf");
    assert_eq!(found.columns(&["event_time", "Image"]), ["~ | EVIL.EXE"]);
}

#[test]
fn what_is_packed_alike_and_is_no_prefetch_is_not_taken() {
    // 512 codes of nine bits, and words that decode to zeros: a database of superfetch, not a program's file.
    let other = [b"MAM\x04\0\x10\0\0".to_vec(), vec![0x99; 256], vec![0; 64]].concat();
    assert!(!recognise(&other, "AgGlFaultHistory.db"));
    assert!(!recognise(b"MAM\x04", "x.pf") && !recognise(b"", "x.pf"));
}

#[test]
fn of_two_files_with_the_programs_name_none_is_claimed() {
    let mut bytes = file(30, 296, 1, 200, 96);
    let (from, to) = (wide("NTDLL.DLL"), wide("EVIL.EXE\0"));
    let at = bytes.windows(from.len()).position(|part| part == from).expect("there");
    put(&mut bytes, at, &to);
    let found = read(parse_file, &bytes, "x.pf");
    assert_eq!(
        found.columns(&["Path", "PathCandidates"]),
        [r"~ | \VOLUME{1}\WINDOWS\SYSTEM32\EVIL.EXE; \VOLUME{1}\WINDOWS\TEMP\EVIL.EXE"]
    );
}

#[test]
fn damage_costs_what_it_covers() {
    let whole = file(30, 296, 2, 200, 96);
    let found = read(parse_file, &whole[..420], "x.pf");
    assert_eq!(found.rows.len(), 2, "the times stand before what is cut");
    assert!(
        found.issues[0].starts_with("prefetch-damaged: of its list of loaded files"),
        "{:?}",
        found.issues
    );
    let found = read(parse_file, b"MAM\x04\xff\xff\xff\xffshort", "x.pf");
    assert!(found.rows.is_empty() && found.issues.len() == 2, "{:?}", found.issues);
    let mut unknown = whole.clone();
    unknown[0] = 99;
    assert_eq!(read(parse_file, &unknown, "x.pf").damage[0].lost, Some(1));
    damage(parse_file, &whole, "x.pf", 3_000);
}

/// As libscca reads them: file, version, runs of it, times kept, files loaded, last run, first volume.
const LIBSCCA: [&str; 10] = [
    "Vista/DLLHOST.EXE-893DDF55.pf|23|2|1|71|2016-01-16T20:02:43.488924|E8EAB8B5",
    "Win10/CALC.EXE-3FBEF7FD.pf|30|2|2|63|2016-01-11T22:08:20.985330|8C9F49EC",
    "Win10/CHROME.EXE-B3BA7868.pf|30|20|8|282|2016-01-13T18:06:55.334457|8C9F49EC",
    "Win10/CMD.EXE-D269B812.pf|30|55|8|62|2016-01-12T20:07:03.981069|66F451BC",
    "Win10/DEVENV.EXE-854D7862.pf|30|54|8|403|2016-01-13T16:50:34.657841|8C9F49EC",
    "Win2012/MSCORSVW.EXE-57D17DAF.pf|26|10|8|78|2016-01-16T21:36:09.859323|2E25F20A",
    "Win2k3/CMD.EXE-087B4001.pf|17|3|1|16|2016-01-15T23:01:40.875000|64BB3469",
    "Win7/WUAUCLT.EXE-830BCC14.pf|23|25|1|103|2012-03-15T21:17:39.807996|AC036525",
    "Win8x/TASKHOST.EXE-3AE259FC.pf|26|4|4|51|2013-10-04T15:40:09.037833|686C4249",
    "XPPro/EXPLORER.EXE-082F38A9.pf|17|2|1|159|2016-01-13T22:05:21.718750|E0F7E847",
];

#[test]
fn real_files_say_what_libscca_reads() {
    let Some(files) = members("prefetch.zip") else { return };
    let (mut seen, mut rows, mut compared) = (0, 0, 0);
    for (name, bytes) in files.iter().filter(|(name, _)| crate::file::extension_of(name) == "pf") {
        if !recognise(bytes, name) {
            assert!(name.contains("notAPrefetch"), "{name}");
            continue;
        }
        let found = read(parse_file, bytes, name);
        assert_eq!(found.issues, [""; 0], "{name}");
        let row = &found.rows[0];
        let file_name = name.rsplit('/').next().expect("a name");
        assert!(file_name.trim_start_matches('_').starts_with(row["Image"].as_str()), "{name}");
        assert!(file_name.contains(&row["Hash"]), "{name} {}", row["Hash"]);
        assert!(row.contains_key("Path"), "{name}");
        let last = row["LastRun"].get(..26).expect("seven digits");
        let (version, runs, loaded) = (&row["Version"], &row["RunCount"], &row["FilesLoaded"]);
        let ours =
            format!("{name}|{version}|{runs}|{}|{loaded}|{last}|{}", found.rows.len(), row["Volume0Serial"]);
        if let Some(theirs) = LIBSCCA.iter().find(|line| line.starts_with(name.as_str())) {
            assert_eq!(ours, *theirs);
            compared += 1;
        }
        (seen, rows) = (seen + 1, rows + found.rows.len());
        damage(parse_file, bytes, name, 40);
    }
    assert_eq!((seen, rows, compared), (54, 103, 10));
}
