//! Hives as they are handed in: clean, dirty, damaged, and real ones where they lie beside the project.

use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::hash::{hex, record_hash};
use piste_model::sources::Sources;

use super::building::{K, base, entry, hive, k, number};
use super::open;
use crate::Context;
use crate::random_access::{Companion, Opened};
use crate::testing::{Read, row_of};

/// Rows, damage and issues of all pieces, and how many live keys there are.
pub(super) struct Whole {
    pub(super) read: Read,
    pub(super) keys: u64,
}

impl Whole {
    pub(super) fn of(&self, dataset: &str) -> Read {
        let rows = self.read.rows.iter().filter(|row| row["dataset"] == dataset).cloned().collect();
        Read { rows, ..Read::default() }
    }

    /// Keys and values that are not live.
    pub(super) fn deleted(&self) -> usize {
        self.read.rows.iter().filter(|row| row.get("Deleted").is_some_and(|is| is == "true")).count()
    }

    /// Values of live keys.
    pub(super) fn values(&self) -> u64 {
        let live = self.read.rows.iter().filter(|row| row.get("Deleted").is_some_and(|is| is == "false"));
        live.filter(|row| row["dataset"] == "registry.key")
            .map(|row| row["ValueCount"].parse::<u64>().unwrap())
            .sum()
    }
}

fn open_with(path: &str, bytes: &[u8], logs: &[(&str, &[u8])]) -> Opened {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let companions: Vec<Companion> = logs
        .iter()
        .map(|(path, bytes)| Companion { path: (*path).to_owned(), content: Arc::new(bytes.to_vec()) })
        .collect();
    open(Arc::new(bytes.to_vec()), &companions, &cx).expect("memory reads")
}

/// Reads all of a hive; each row's bytes are read again and compared.
pub(super) fn read_with(path: &str, bytes: &[u8], logs: &[(&str, &[u8])]) -> Whole {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let opened = open_with(path, bytes, logs);
    let mut whole = Whole { read: Read::default(), keys: 0 };
    let tell = |issue: &piste_model::Issue| format!("{}: {}; {}", issue.slug, issue.what, issue.effect);
    whole.read.issues.extend(opened.issues.iter().map(tell));
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        whole.keys += parsed.records;
        for batch in &parsed.batches {
            whole.read.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
        whole.read.damage.extend(parsed.damage);
        whole.read.issues.extend(parsed.issues.iter().map(tell));
    }
    for row in &whole.read.rows {
        let again = opened.file.record(row["offset"].parse().unwrap()).expect("a cell is there");
        assert_eq!(hex(&record_hash(&again)), row["record_hash"], "{row:?}");
    }
    whole
}

/// Time that this thread had on a processor, where the system tells: others may be at work.
fn on_processor() -> std::time::Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    std::time::Duration::from_nanos(nanos.unwrap_or_default())
}

/// Says how long opening and each kind of piece takes.
#[expect(clippy::cast_precision_loss, reason = "a speed is shown to a few digits")]
pub(super) fn measure(name: &str, bytes: &[u8]) {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: name, sources: &sources, host_hint: None };
    for _ in 0..3 {
        let begun = on_processor();
        let opened = open_with(name, bytes, &[]);
        let opened_after = on_processor().saturating_sub(begun);
        let (mut keys, mut rows) = (0, 0);
        let mut of_keys = std::time::Duration::ZERO;
        for piece in 0..opened.file.pieces() {
            let begun = on_processor();
            let parsed = opened.file.parse(piece, &cx);
            keys += parsed.records;
            rows += parsed.batches.iter().map(|batch| batch.rows.num_rows()).sum::<usize>();
            if parsed.records > 0 {
                of_keys += on_processor().saturating_sub(begun);
            }
        }
        let all = on_processor().saturating_sub(begun);
        let speed = |time: std::time::Duration| bytes.len() as f64 / 1e6 / time.as_secs_f64();
        eprintln!(
            "{name}: {keys} keys, {rows} rows; open {opened_after:?}, keys {of_keys:?} ({:.0} MB/s with opening), all {all:?} ({:.0} MB/s)",
            speed(opened_after + of_keys),
            speed(all)
        );
    }
}

pub(super) fn read(path: &str, bytes: &[u8]) -> Whole {
    read_with(path, bytes, &[])
}

fn software() -> K {
    let version = k("CurrentVersion").text("ProductName", "Windows Server 2019").dword("InstallDate", 7);
    k("ROOT")
        .at("Microsoft\\Windows NT\\CurrentVersion", k("ProfileList"))
        .at("Microsoft\\Windows\\CurrentVersion", k("Run").text("updater", r"C:\x\u.exe -q"))
        .at("Microsoft\\Other", version)
}

#[test]
fn keys_are_rows_with_their_values() {
    let whole = read("SOFTWARE", &hive("SOFTWARE", &software()));
    let keys = whole.of("registry.key");
    assert_eq!(keys.rows.len() as u64, whole.keys);
    let shown = keys.columns(&["TargetObject", "SubkeyCount", "ValueCount", "Deleted", "Data", "event_time"]);
    let time = "2021-03-12T10:40:12.987000000Z";
    let run = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    assert!(
        shown.contains(&format!(r"{run} | 0 | 1 | false | updater=C:\x\u.exe -q | {time}")),
        "{shown:#?}"
    );
    assert!(shown.contains(&format!(
        r"HKLM\SOFTWARE\Microsoft\Other\CurrentVersion | 0 | 2 | false | ProductName=Windows Server 2019|InstallDate=DWORD (0x00000007) | {time}"
    )));
    assert!(whole.read.issues.is_empty(), "{:?}", whole.read.issues);
    let values = whole.of("registry.value").columns(&["TargetObject", "Details", "Place", "time_basis"]);
    assert_eq!(values, [format!(r"{run}\updater | C:\x\u.exe -q | run key | LastWriteTime of the key")]);
}

#[test]
fn the_control_set_in_use_is_the_current_one() {
    let root = k("ROOT")
        .with(k("ControlSet001").at("Control", k("Lsa").dword("RunAsPPL", 1)))
        .with(k("ControlSet002").at("Control", k("Lsa").dword("RunAsPPL", 0)))
        .with(k("Select").dword("Current", 2));
    let whole = read("x", &hive("SYSTEM", &root));
    let keys = whole.of("registry.key").columns(&["TargetObject", "ControlSet"]);
    assert!(keys.contains(&r"HKLM\SYSTEM\ControlSet001\Control\Lsa | ControlSet001".to_owned()), "{keys:#?}");
    assert!(keys.contains(&r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa | current".to_owned()));
    assert!(keys.contains(&r"HKLM\SYSTEM\Select | ~".to_owned()));
    let values = whole.of("registry.value").columns(&["TargetObject", "Details"]);
    assert!(
        values
            .contains(&r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\RunAsPPL | DWORD (0x00000000)".to_owned())
    );
}

#[test]
fn secrets_are_named_and_not_taken() {
    let lsa = K { class: Some("a1b2c3d4".to_owned()), ..k("JD") };
    let root = k("ROOT")
        .with(k("ControlSet001").at("Control\\Lsa", lsa))
        .with(k("Select").dword("Current", 1))
        .with(k("Program").text("ProxyPassword", "hunter2"));
    let whole = read("x", &hive("SYSTEM", &root));
    let all = format!("{:?}", whole.read.rows);
    assert!(!all.contains("hunter2") && !all.contains("a1b2c3d4"));
    assert!(all.contains("ProxyPassword=(withheld: 16 bytes)"));
}

/// A hive, the page that a later write changed, and what the key was called before and after.
fn changed() -> (Vec<u8>, Vec<u8>) {
    let before = hive("SOFTWARE", &software());
    let mut after = before.clone();
    let at = before.windows(7).position(|bytes| bytes == b"updater").unwrap();
    after[at..at + 7].copy_from_slice(b"renamed");
    (before, after[4096..8192].to_vec())
}

fn names(whole: &Whole) -> String {
    format!("{:?}", whole.of("registry.key").columns(&["Data"]))
}

#[test]
fn logs_are_replayed_in_order_whichever_comes_first() {
    let (mut file, page) = changed();
    let bins = u32::try_from(file.len() - 4096).unwrap();
    let old = file[4096..8192].to_vec();
    number(&mut file, 8, 7);
    let log = |entries: &[Vec<u8>]| {
        let mut log = base("SOFTWARE", 7, 7, 6, 32, bins);
        log.extend(entries.concat());
        log
    };
    let older = log(&[entry(6, bins, &[(0, &old)]), entry(7, bins, &[(0, &old)])]);
    let newer = log(&[entry(8, bins, &[(0, &page)])]);
    for logs in [[("a.LOG1", &*older), ("a.LOG2", &*newer)], [("a.LOG1", &*newer), ("a.LOG2", &*older)]] {
        let whole = read_with("SOFTWARE", &file, &logs);
        assert!(names(&whole).contains("renamed=") && !names(&whole).contains("updater="));
        assert!(whole.read.issues.is_empty(), "{:?}", whole.read.issues);
    }
    // Without the entry between, the later one would be written over a state that it does not know.
    let gap = log(&[entry(8, bins, &[(0, &page)])]);
    let whole = read_with("SOFTWARE", &file, &[("a.LOG1", &gap)]);
    assert!(names(&whole).contains("updater="));
    let issues = whole.read.issues.join("\n");
    assert!(issues.contains("registry-hive-dirty") && issues.contains("registry-log-gap"), "{issues}");
    // A changed byte of an entry ends the chain before it.
    let mut damaged = newer.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let whole = read_with("SOFTWARE", &file, &[("a.LOG1", &older), ("a.LOG2", &damaged)]);
    assert!(names(&whole).contains("updater="));
}

#[test]
fn a_clean_hive_uses_no_log_and_a_dirty_one_without_says_so() {
    let (mut file, page) = changed();
    let bins = u32::try_from(file.len() - 4096).unwrap();
    let mut log = base("SOFTWARE", 5, 5, 6, 32, bins);
    log.extend(entry(5, bins, &[(0, &page)]));
    let whole = read_with("SOFTWARE", &file, &[("a.LOG1", &log)]);
    assert!(names(&whole).contains("updater=") && whole.read.issues.is_empty());
    number(&mut file, 6, 5);
    assert!(names(&read_with("SOFTWARE", &file, &[("a.LOG1", &log)])).contains("renamed="));
    let whole = read("SOFTWARE", &file);
    assert!(
        whole.read.issues[0].starts_with("registry-hive-dirty: the hive is dirty: a write was under way")
    );
}

#[test]
fn a_log_of_the_old_format_is_replayed() {
    let (mut file, page) = changed();
    number(&mut file, 6, 5);
    let bins = u32::try_from(file.len() - 4096).unwrap();
    let mut log = base("SOFTWARE", 6, 6, 1, 32, bins);
    log.extend(b"DIRT");
    let mut vector = vec![0_u8; bins as usize / 4096];
    vector[0] = 0xFF;
    log.extend(vector);
    log.resize(log.len().next_multiple_of(512), 0);
    log.extend(&page);
    let whole = read_with("SOFTWARE", &file, &[("a.LOG", &[]), ("a.LOG1", &log)]);
    assert!(names(&whole).contains("renamed=") && whole.read.issues.is_empty(), "{:?}", whole.read.issues);
    // One that was written for another state is not applied.
    log[12] = 1;
    super::building::sign(&mut log);
    assert!(names(&read_with("SOFTWARE", &file, &[("a.LOG1", &log)])).contains("updater="));
}

#[test]
fn a_damaged_base_block_comes_from_the_log() {
    let (mut file, page) = changed();
    let bins = u32::try_from(file.len() - 4096).unwrap();
    file[36] ^= 0xF0; // the root
    let root = u32::from_le_bytes([0x20, 0, 0, 0]);
    let mut log = base("SOFTWARE", 9, 9, 6, root, bins);
    log.extend(entry(9, bins, &[(0, &page)]));
    let whole = read_with("SOFTWARE", &file, &[("a.LOG1", &log)]);
    assert!(names(&whole).contains("renamed="));
    assert!(whole.read.issues[0].starts_with("registry-base-damaged"), "{:?}", whole.read.issues);
}

#[test]
fn deleted_keys_are_found_and_never_count_as_live() {
    let mut file = hive("SOFTWARE", &software());
    let live = read("SOFTWARE", &file).keys;
    // Taken out of its parent's list, its cells freed: as Windows deletes a key.
    let at = file.windows(4).enumerate().filter(|(_, bytes)| *bytes == b"nk\x20\0").map(|(at, _)| at);
    let at = at.into_iter().find(|at| file[at + 76..].starts_with(b"Run")).unwrap();
    let cell = u32::try_from(at - 4 - 4096).unwrap().to_le_bytes();
    let list =
        file.windows(8).position(|bytes| bytes.starts_with(b"lh\x01\0") && bytes[4..] == cell).unwrap();
    let parent =
        file.windows(4).position(|bytes| bytes == u32::try_from(list - 4 - 4096).unwrap().to_le_bytes());
    let parent = parent.unwrap();
    file[parent - 8..parent - 4].copy_from_slice(&[0; 4]);
    let size = i32::from_le_bytes(file[at - 4..at].try_into().unwrap());
    file[at - 4..at].copy_from_slice(&(-size).to_le_bytes());
    let whole = read("SOFTWARE", &file);
    assert_eq!(whole.keys, live - 1);
    let deleted: Vec<_> =
        whole.read.rows.iter().filter(|row| row.get("Deleted").is_some_and(|is| is == "true")).collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0]["TargetObject"], r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run");
    assert_eq!(deleted[0]["RecoveredFrom"], "unallocated");
    assert_eq!(deleted[0]["Data"], r"updater=C:\x\u.exe -q");
}

#[test]
fn long_data_is_put_together_of_its_segments() {
    let long: Vec<u8> = (0..40_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let root = k("ROOT").at("a", k("b").value("long", 3, &long));
    let file = hive("x", &root);
    let whole = read("x", &file);
    let keys = whole.of("registry.key").columns(&["Data"]);
    assert!(keys[2].starts_with("long=00010203") && keys[2].ends_with("… (40000 bytes)"), "{}", keys[2]);
}

#[test]
fn a_cycle_ends_and_a_shared_cell_is_read_for_both() {
    let file = hive("x", &k("ROOT").with(k("a").with(k("b"))).with(k("c").dword("v", 1)));
    let root = file.windows(4).position(|bytes| bytes == b"nk\x24\0").unwrap();
    let key_b = file.windows(80).position(|bytes| bytes.starts_with(b"nk") && bytes[76] == b'b').unwrap();
    let mut cyclic = file.clone();
    let list: [u8; 4] = file[root + 28..root + 32].try_into().unwrap();
    cyclic[key_b + 20] = 1;
    cyclic[key_b + 28..key_b + 32].copy_from_slice(&list);
    let whole = read("x", &cyclic);
    // `a` lies above `b` and is not read again below it; `c` is.
    let keys = whole.of("registry.key").columns(&["TargetObject"]);
    assert_eq!(keys, ["x", r"x\a", r"x\a\b", r"x\a\b\c", r"x\c"]);
    assert!(whole.read.issues[0].starts_with("registry-cell-shared"), "{:?}", whole.read.issues);
}

#[test]
fn no_damage_ends_the_reading() {
    let long = software().at("Microsoft", k("long").value("x", 3, &vec![7; 40_000]));
    let mut files = vec![hive("SOFTWARE", &long)];
    files.extend(super::tests_tables::all().iter().map(|(name, root)| hive(name, root)));
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for round in 0..4_000 {
        let mut damaged = files[round % files.len()].clone();
        for _ in 0..=round % 7 {
            let at = random(damaged.len());
            match random(4) {
                0 => damaged[at] ^= 1 << random(8),
                1 => damaged[at] = 0xFF,
                2 => {
                    let number = u32::try_from(random(1 << 20)).unwrap().to_le_bytes();
                    if let Some(word) = damaged.get_mut(at & !3..(at & !3) + 4) {
                        word.copy_from_slice(&number);
                    }
                }
                _ => damaged.truncate(at.max(4)),
            }
            if damaged.len() < 8 {
                break;
            }
        }
        read("x", &damaged);
    }
}

#[test]
fn no_damage_of_a_log_ends_the_reading() {
    let (mut file, page) = changed();
    number(&mut file, 8, 7);
    let bins = u32::try_from(file.len() - 4096).unwrap();
    let mut log = base("SOFTWARE", 7, 7, 6, 32, bins);
    log.extend([entry(7, bins, &[(0, &page)]), entry(8, bins, &[(0, &page), (4096, &page)])].concat());
    for at in (0..log.len()).step_by(61) {
        let mut damaged = log.clone();
        damaged[at] ^= 0x81;
        read_with("SOFTWARE", &file, &[("a.LOG1", &damaged)]);
        read_with("SOFTWARE", &file, &[("a.LOG1", &log[..at])]);
    }
    // A log that claims a page far behind the hive's end makes it no half gigabyte long.
    let mut far = base("SOFTWARE", 7, 7, 6, 32, bins);
    far.extend(entry(7, bins, &[(0x1800_0000, &page)]));
    read_with("SOFTWARE", &file, &[("a.LOG1", &far)]);
}
