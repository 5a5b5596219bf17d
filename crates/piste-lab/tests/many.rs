//! Many rows: the same in both forms, the same every time, with what was planted.
//!
//! In: generated logs. Out: their rows by Piste's own parser, compared and counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use piste_lab::{Form, LabError, Many, Stats, generate_many};
use piste_model::EvidenceId;
use piste_model::schema::{EVENT_CODE, EVENT_TIME, HOST, ROLE_KEY, Role};
use piste_model::sources::Sources;
use piste_parse::{Context, Format, Splitter, parse_block};
use sha2::{Digest, Sha256};

type Row = BTreeMap<String, String>;

const ROWS: u64 = 6_000;
const MANY: Many = Many { rows: ROWS, seed: 7, form: Form::Evtx, unique: false, threads: 2 };

struct Made {
    folder: tempfile::TempDir,
    stats: Stats,
}

fn make(many: &Many) -> Made {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let stats = generate_many(many, folder.path()).expect("writes");
    Made { folder, stats }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The rows of all files by `HOST/channel`, in the order of time.
fn rows(folder: &Path) -> BTreeMap<String, Vec<Row>> {
    let mut all = BTreeMap::new();
    for path in files(folder) {
        let evtx = path.extension().is_some_and(|end| end == "evtx");
        let format = if evtx { Format::Evtx } else { Format::JsonLines };
        let name =
            path.with_extension("").strip_prefix(folder).expect("below").to_string_lossy().into_owned();
        all.insert(name, rows_of(format, &fs::read(&path).expect("reads")));
    }
    all
}

fn rows_of(format: Format, mut bytes: &[u8]) -> Vec<Row> {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let mut splitter = Splitter::new(format);
    let mut all = Vec::new();
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = parse_block(format, &block, &cx);
        assert!(parsed.issues.is_empty() && parsed.damage.is_empty(), "{:?}", parsed.issues);
        for batch in parsed.batches {
            let schema = batch.rows.schema();
            let wanted: Vec<_> = schema
                .fields()
                .iter()
                .zip(batch.rows.columns())
                .filter(|(field, _)| {
                    let header =
                        ["Channel", "Provider_Name", "Provider_Guid", "Keywords", "Level", "Task", "Version"];
                    let role = Role::parse(field.metadata().get(ROLE_KEY).map(String::as_str));
                    let name = field.name().as_str();
                    let common = [EVENT_CODE, EVENT_TIME, HOST].contains(&name);
                    let place =
                        ["evidence_id", "record", "offset", "record_hash", "time_digits"].contains(&name);
                    header.contains(&name)
                        || common
                        || (role == Role::Data && !place && !name.starts_with("time_"))
                })
                .collect();
            for at in 0..batch.rows.num_rows() {
                all.push(
                    wanted
                        .iter()
                        .filter_map(|(field, array)| Some((field.name().clone(), cell(array, at)?)))
                        .collect(),
                );
            }
        }
    }
    all.sort_by(|a: &Row, b: &Row| a[EVENT_TIME].cmp(&b[EVENT_TIME]));
    all
}

fn cell(array: &ArrayRef, at: usize) -> Option<String> {
    if array.is_null(at) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Dictionary(_, _) => {
            let array = array.as_dictionary::<Int32Type>();
            array.values().as_string::<i32>().value(array.key(at)?).to_owned()
        }
        DataType::Timestamp(_, _) => {
            format!("{:020}", array.as_primitive::<TimestampNanosecondType>().value(at))
        }
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).to_string(),
        other => format!("{other:?}"),
    })
}

fn hash(folder: &Path) -> Vec<u8> {
    let mut hash = Sha256::new();
    for path in files(folder) {
        hash.update(path.strip_prefix(folder).expect("below").to_string_lossy().as_bytes());
        hash.update(fs::read(&path).expect("reads"));
    }
    hash.finalize().to_vec()
}

#[test]
fn both_forms_give_the_same_rows() {
    let (evtx, json) = (make(&MANY), make(&Many { form: Form::Jsonl, ..MANY }));
    let (left, right) = (rows(evtx.folder.path()), rows(json.folder.path()));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    assert_eq!(left.values().map(Vec::len).sum::<usize>() as u64, ROWS);
    for (name, rows) in &left {
        assert_eq!(rows.len(), right[name].len(), "{name}");
        for (one, other) in rows.iter().zip(&right[name]) {
            assert_eq!(one, other, "{name}");
        }
    }
    let security = &left["DC01/Security"][0];
    assert!(security.contains_key("Provider_Guid") && security[HOST] == "DC01.min.example", "{security:?}");
    assert_eq!(Stats { format: "", bytes: 0, ..evtx.stats }, Stats { format: "", bytes: 0, ..json.stats });
}

#[test]
fn the_seed_alone_decides() {
    let one = make(&MANY);
    let same = make(&Many { threads: 1, ..MANY });
    assert_eq!(hash(one.folder.path()), hash(same.folder.path()), "threads change nothing");
    assert_eq!(one.stats, same.stats);
    let other = make(&Many { seed: 8, ..MANY });
    assert_ne!(hash(one.folder.path()), hash(other.folder.path()));
    assert_eq!(other.stats.rows, ROWS);
}

#[test]
fn each_planted_event_is_there() {
    let made = make(&MANY);
    let all: Vec<Row> = rows(made.folder.path()).into_values().flatten().collect();
    let count = |wanted: &[(&str, &str)]| {
        let fits = |row: &&Row| {
            wanted.iter().all(|(name, part)| row.get(*name).is_some_and(|value| value.contains(part)))
        };
        all.iter().filter(fits).count() as u64
    };
    for (name, wanted) in [
        ("whoami-as-system", [("Image", r"\whoami.exe"), ("User", "AUTHORITY")]),
        ("powershell-encoded", [("Image", r"\powershell.exe"), ("CommandLine", " -Enc SQBFAFg")]),
        ("rundll32-script", [("Image", r"\rundll32.exe"), ("CommandLine", "RunHTMLApplication")]),
        ("rundll32-minidump", [("Image", r"\rundll32.exe"), ("CommandLine", "comsvcs.dll, MiniDump")]),
        ("certutil-download", [("Image", r"\certutil.exe"), ("CommandLine", "-urlcache ")]),
        ("lsass-access", [("TargetImage", r"\lsass.exe"), ("GrantedAccess", "0x1438")]),
        ("powershell-mimikatz", [("ScriptBlockText", "sekurlsa::logonpasswords"), ("Channel", "PowerShell")]),
        ("service-psexec", [("ServiceName", "PSEXESVC"), ("ImagePath", "PSEXESVC")]),
    ] {
        let planted = made.stats.planted[name];
        assert!(planted >= 1, "{name}");
        // A process that was planted may show again in 4688.
        assert!(count(&[wanted[0], wanted[1], (EVENT_CODE, "")]) >= planted, "{name}");
    }
    assert_eq!(made.stats.planted.len(), 8);
}

#[test]
fn values_repeat_themselves_as_they_are_told_to() {
    let usual = make(&Many { rows: 40_000, form: Form::Jsonl, ..MANY }).stats;
    let unique = make(&Many { rows: 20_000, unique: true, form: Form::Jsonl, ..MANY }).stats;
    let ratio = |stats: &Stats, name: &str| stats.columns[name].ratio;
    assert!((0.08..0.35).contains(&ratio(&usual, "CommandLine")), "{:?}", usual.columns["CommandLine"]);
    assert!((0.1..0.5).contains(&ratio(&usual, "ScriptBlockText")), "{:?}", usual.columns["ScriptBlockText"]);
    assert!(ratio(&usual, "Image") < 0.03, "{:?}", usual.columns["Image"]);
    assert!(ratio(&usual, "User") < 0.01, "{:?}", usual.columns["User"]);
    for name in ["CommandLine", "ParentCommandLine", "ScriptBlockText"] {
        let column = &unique.columns[name];
        assert_eq!(column.values, column.distinct, "{name}");
    }
    let share = |key: &str| usual.events[key] * 1_000 / usual.rows;
    assert!((230..270).contains(&share("Microsoft-Windows-Sysmon/Operational 1")));
    assert_eq!(usual.events.len(), 18);
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    fs::write(folder.path().join("old"), "x").expect("writes");
    assert!(matches!(generate_many(&MANY, folder.path()), Err(LabError::NotEmpty(_))));
    assert_eq!(files(folder.path()).len(), 1);
}
