//! Real hives, where the folder `shared/data` lies beside the project: counts as other readers have them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::le::{place, u16_at, u32_at};
use super::tests::{Whole, read, read_with};

/// The folder with the artefacts; says aloud where it is not here.
fn folder() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../../../shared/data/artefacts", "../../../../shared/data/artefacts"];
    let found =
        places.iter().map(|place| project.join(place)).find(|folder| folder.join("hives.zip").is_file());
    if found.is_none() {
        eprintln!("skipped: shared/data/artefacts/hives.zip is not here");
    }
    found
}

/// The files of a zip by their names: stored or deflated, as this one is.
fn unzipped(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let end = zip.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    let count = u16_at(zip, end + 10).unwrap();
    let mut at = place(u32_at(zip, end + 16).unwrap());
    let mut files = BTreeMap::new();
    for _ in 0..count {
        let length = |offset: usize| usize::from(u16_at(zip, at + offset).unwrap());
        let name = String::from_utf8_lossy(&zip[at + 46..at + 46 + length(28)]).into_owned();
        let size = place(u32_at(zip, at + 20).unwrap());
        let local = place(u32_at(zip, at + 42).unwrap());
        let start = local
            + 30
            + usize::from(u16_at(zip, local + 26).unwrap())
            + usize::from(u16_at(zip, local + 28).unwrap());
        let packed = &zip[start..start + size];
        let mut bytes = Vec::new();
        if length(10) == 0 {
            bytes.extend(packed);
        } else {
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        }
        files.insert(name, bytes);
        at += 46 + length(28) + length(30) + length(32);
    }
    files
}

/// Keys and values as a line of `expected.csv` has them; `None` where that reader failed.
fn counts(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split([' ', ',']);
    words.find(|word| *word == "keys")?;
    let keys = words.next()?.parse().ok()?;
    words.find(|word| *word == "values")?;
    Some((keys, words.next()?.parse().ok()?))
}

fn shown(whole: &Whole) -> String {
    format!("keys {} values {}", whole.keys, whole.values())
}

#[test]
fn counts_are_those_of_the_best_other_reader() {
    let Some(folder) = folder() else { return };
    let files = unzipped(&std::fs::read(folder.join("hives.zip")).unwrap());
    let expected = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        let best = expected
            .lines()
            .filter(|line| line.starts_with(&format!("hives.zip!{name},")))
            .filter_map(counts)
            .max();
        let ours = super::recognise(bytes, name).then(|| read(name, bytes));
        let ours_shown = ours.as_ref().map_or("no hive".to_owned(), shown);
        let deleted = ours.as_ref().map_or(0, crate::regf::tests::Whole::deleted);
        eprintln!("{name}: {ours_shown}, best other {best:?}, deleted {deleted}");
        for issue in ours.iter().flat_map(|whole| &whole.read.issues) {
            eprintln!("    {issue}");
        }
        // A log of the old format begins as a hive does; libregf takes it for one.
        let is_log = super::base::Base::read(bytes).is_some_and(|base| base.file_type != 0);
        if let Some((keys, values)) = best.filter(|_| !is_log)
            && ours.as_ref().is_none_or(|whole| whole.keys < keys || whole.values() < values)
        {
            wrong.push(name.clone());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_dirty_hive_with_its_logs_has_the_counts_of_yarp_and_notatin() {
    let Some(folder) = folder() else { return };
    let files = unzipped(&std::fs::read(folder.join("hives.zip")).unwrap());
    let name = "dirty/NTUSER.DAT";
    let logs: Vec<(&str, &[u8])> = ["dirty/NTUSER.DAT.LOG2", "dirty/NTUSER.DAT.LOG1"]
        .into_iter()
        .map(|log| (log, files[log].as_slice()))
        .collect();
    let whole = read_with(name, &files[name], &logs);
    assert_eq!(shown(&whole), "keys 3105 values 4695");
    assert!(whole.read.issues.is_empty(), "{:?}", whole.read.issues);
}

/// Writes all rows as lines of JSON, to be compared with another reader: `PISTE_DUMP` names the folder.
#[test]
#[ignore = "writes files for a comparison by hand"]
fn dump() {
    let Some(folder) = folder() else { return };
    let Some(to) = std::env::var_os("PISTE_DUMP").map(PathBuf::from) else { return };
    let files = unzipped(&std::fs::read(folder.join("hives.zip")).unwrap());
    for (name, bytes) in files.iter().filter(|(name, bytes)| super::recognise(bytes, name)) {
        let whole = read(name, bytes);
        let rows: Vec<String> =
            whole.read.rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
        std::fs::write(to.join(format!("{}.jsonl", name.replace('/', "_"))), rows.join("\n")).unwrap();
    }
}

/// How fast keys come into batches: `cargo test … speed -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn speed() {
    let Some(folder) = folder() else { return };
    let files = unzipped(&std::fs::read(folder.join("hives.zip")).unwrap());
    for name in ["SYSTEM", "UsrClass.dat", "Amcache.hve", "ntuser_software_partial"] {
        super::tests::measure(name, &files[name]);
    }
}
