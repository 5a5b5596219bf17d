//! Counts on real logs, where the folder `shared/data` lies beside the project; a line says when it does not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::sniff::HEAD_BYTES;
use piste_parse::{Context, Format, Splitter, parse_block, sniff};

#[expect(clippy::print_stdout, reason = "a test says aloud that it skips")]
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// (records, records lost where known, issue slugs with counts)
fn read(path: &Path) -> (u64, u64, BTreeMap<String, usize>) {
    read_telling(path, &mut Vec::new())
}

/// The same, with each issue as a line.
fn read_telling(path: &Path, told: &mut Vec<String>) -> (u64, u64, BTreeMap<String, usize>) {
    let bytes = std::fs::read(path).expect("the sample reads");
    let format = sniff(bytes.get(..HEAD_BYTES).unwrap_or(&bytes), &path.to_string_lossy());
    assert_eq!(format, Format::Evtx, "{}", path.display());
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "sample.evtx", sources: &sources, host_hint: None };
    let mut splitter = Splitter::new(format);
    let mut input = bytes.as_slice();
    let (mut records, mut rows, mut lost, mut slugs) = (0, 0, 0, BTreeMap::new());
    while let Some(block) = splitter.next_block(&mut input).expect("a slice reads") {
        let parsed = parse_block(format, &block, &cx);
        records += parsed.records;
        rows += parsed.batches.iter().map(|batch| batch.rows.num_rows() as u64).sum::<u64>();
        lost += parsed.damage.iter().filter_map(|damage| damage.lost).sum::<u64>();
        for damage in &parsed.damage {
            let told = parsed
                .issues
                .iter()
                .any(|issue| issue.slug == damage.kind && issue.offset == Some(damage.offset));
            assert!(told, "damage that no issue tells of: {damage:?}");
        }
        for issue in parsed.issues {
            let line = format!(
                "{} at {:#x}: {}; {}",
                issue.slug,
                issue.offset.unwrap_or(0),
                issue.what,
                issue.effect
            );
            told.push(line);
            *slugs.entry(issue.slug.to_string()).or_insert(0) += 1;
        }
    }
    assert_eq!(records, rows, "every record read is a row");
    (records, lost, slugs)
}

#[test]
fn damaged_and_ordinary_logs_give_their_known_counts() {
    let Some(folder) = data("evtx-samples") else { return };
    let mut shown = String::new();
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("lists").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "evtx")) {
        let name = path.file_name().expect("a file").to_string_lossy();
        writeln!(shown, "{name}: {:?}", read(path)).expect("a string takes all");
    }
    insta::assert_snapshot!(shown, @r#"
    2-vss_7-System.evtx: (1160, 0, {})
    Application_no_crc32.evtx: (17, 0, {})
    MSExchange_Management_wec.evtx: (1, 0, {})
    issue_201.evtx: (1, 0, {})
    sample-with-zero-data-size-event.evtx: (449, 1, {"evtx-checksum": 1, "evtx-record-damaged": 1})
    sample_with_a_bad_chunk_magic.evtx: (298, 169, {"evtx-checksum": 3, "evtx-chunk-damaged": 2, "evtx-chunks-missing": 1, "evtx-record-damaged": 3})
    security.evtx: (2261, 0, {})
    system.evtx: (1881, 0, {})
    "#);
}

/// Their chunks count 450 and 467 records: what is read and what is lost make that sum.
#[test]
fn records_that_damage_or_zeros_hide_are_counted() {
    let Some(folder) = data("evtx-samples") else { return };
    let mut told = Vec::new();
    for name in ["sample-with-zero-data-size-event.evtx", "sample_with_a_bad_chunk_magic.evtx"] {
        let (records, lost, _) = read_telling(&folder.join(name), &mut told);
        told.push(format!("{name}: {records} + {lost}"));
    }
    told.retain(|line| !line.starts_with("evtx-checksum"));
    insta::assert_snapshot!(told.join("\n"), @r"
    evtx-record-damaged at 0x1820: an EVTX record cannot be read: Failed to read the record at offset 0x820 of its chunk: Invalid EVTX record data size, should be equals or greater than 28, found `0`; 1 record is lost
    sample-with-zero-data-size-event.evtx: 449 + 1
    evtx-record-damaged at 0x2fc0: an EVTX record cannot be read: the copy of its size at its end is another than the size in its header; 117 records are lost
    evtx-chunk-damaged at 0x61000: an EVTX chunk does not start with its magic and holds no record where the first should be; the records there are lost; how many is unknown
    evtx-record-damaged at 0x72e68: an EVTX record cannot be read: the copy of its size at its end is another than the size in its header; 1 further places of this chunk cannot be read either; 35 records are lost
    evtx-record-damaged at 0x9ee40: an EVTX record cannot be read: the copy of its size at its end is another than the size in its header; 17 records are lost
    evtx-chunk-damaged at 0xa1000: an EVTX chunk does not start with its magic and holds no record where the first should be; the records there are lost; how many is unknown
    evtx-chunks-missing at 0x101000: the file's header counts 16 EVTX chunks and the file holds 6; the records of the missing or zeroed chunks are lost; how many is unknown
    sample_with_a_bad_chunk_magic.evtx: 298 + 169
    ");
}

/// Nothing is amiss with the logs of the last two folders: any issue there would be a false alarm. The first holds damaged
/// ones, each of which the tests above name.
#[test]
fn ordinary_logs_raise_no_alarm_over_their_chunks() {
    let mut shown = String::new();
    for name in ["evtx-samples", "evtx-attack-samples", "sigma-regression"] {
        let Some(folder) = data(name) else { return };
        let mut folders = vec![folder];
        let (mut files, mut slugs) = (0, BTreeMap::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("lists") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "evtx") {
                    files += 1;
                    for (slug, count) in read(&path).2 {
                        *slugs.entry(slug).or_insert(0) += count;
                    }
                }
            }
        }
        writeln!(shown, "{name}: {files} files, {slugs:?}").expect("a string takes all");
    }
    insta::assert_snapshot!(shown, @r#"
    evtx-samples: 8 files, {"evtx-checksum": 4, "evtx-chunk-damaged": 2, "evtx-chunks-missing": 1, "evtx-record-damaged": 4}
    evtx-attack-samples: 122 files, {}
    sigma-regression: 115 files, {}
    "#);
}
