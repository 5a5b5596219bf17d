//! ESE databases, real ones where the shared data is at hand, and written ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::hash::{hex, record_hash};
use piste_model::sources::Sources;

use super::*;
use crate::testing::{Row, row_of};

/// What all pieces of a database gave.
#[derive(Default)]
struct Everything {
    tables: usize,
    records: u64,
    rows: Vec<Row>,
    /// `slug: what; effect`
    issues: Vec<String>,
}

impl Everything {
    /// These columns of the rows of one dataset, absent ones as `~`.
    fn columns(&self, dataset: &str, names: &[&str]) -> Vec<String> {
        let show = |row: &Row| {
            let values = names.iter().map(|name| row.get(*name).map_or("~", String::as_str));
            values.collect::<Vec<_>>().join(" | ")
        };
        self.rows.iter().filter(|row| row["dataset"] == dataset).map(show).collect()
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(row["dataset"].clone()).or_default() += 1;
        }
        counts
    }
}

/// Reads a database whole, and each row's record again.
fn read(path: &str, bytes: Vec<u8>, companions: &[Companion]) -> io::Result<Everything> {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HINT") };
    let content: Arc<dyn ReadAt> = Arc::new(bytes);
    let opened = open(Arc::clone(&content), companions, &cx)?;
    let mut all = Everything { tables: Database::open(content)?.catalog.tables.len(), ..Everything::default() };
    let told = |issue: &Issue| format!("{}: {}; {}", issue.slug, issue.what, issue.effect);
    all.issues.extend(opened.issues.iter().map(told));
    for piece in 0..opened.file.pieces() {
        let parsed = opened.file.parse(piece, &cx);
        all.records += parsed.records;
        all.issues.extend(parsed.issues.iter().map(told));
        for batch in &parsed.batches {
            all.rows.extend((0..batch.rows.num_rows()).map(|at| row_of(&batch.rows, at)));
        }
    }
    for row in &all.rows {
        let record = opened.file.record(row["offset"].parse().unwrap()).unwrap();
        assert_eq!(hex(&record_hash(&record)), row["record_hash"], "{row:?}");
    }
    Ok(all)
}

#[track_caller]
fn counts_as(name: &str, tables: usize, records: u64) -> Option<Everything> {
    let all = read(name, testing::real(name)?, &[]).unwrap();
    assert_eq!((all.tables, all.records), (tables, records), "{name}: {:?}", all.issues);
    Some(all)
}

#[test]
fn real_databases_have_the_tables_and_records_that_two_other_readers_count() {
    for (name, tables, records) in [
        ("qmgr.db", 6, 183),
        ("SUM/Current.mdb", 8, 992),
        ("SRU/SRUDB.dat", 12, 683),
        ("odd/basic.edb", 5, 190),
        ("odd/binary.edb", 5, 190),
        ("odd/default.edb", 5, 201),
        ("odd/index.edb", 5, 259),
        ("odd/large.edb", 5, 130_166),
        ("odd/multi.edb", 5, 211),
        ("odd/text.edb", 5, 220),
    ] {
        if let Some(all) = counts_as(name, tables, records) {
            println!("{name}: {:?} {:#?}", all.counts(), all.issues);
        }
    }
}

#[test]
fn accesses_and_usage_say_what_another_reader_says() {
    let Some(all) = counts_as("SUM/Current.mdb", 8, 992) else { return };
    let counts = [("ual.access", 106), ("ual.client", 37), ("ual.dns", 12), ("ual.role", 6)];
    assert_eq!(all.counts(), counts.map(|(name, count)| (name.to_owned(), count)).into());
    let accesses = all.columns("ual.access", &["event_time", "User", "SourceIp", "RoleName", "AccessCount", "time_basis"]);
    for wanted in [
        r"2021-07-23T00:00:00Z | blackclover\administrator | 10.10.10.100 | Active Directory Domain Services | 4 | UAL day",
        r"2021-07-23T00:00:00Z | blackclover\administrator | 10.10.10.120 | File Server | 2 | UAL day",
        r"2021-08-06T00:00:00Z | blackclover\blackclover-dc$ | ::1 | Active Directory Domain Services | 89 | UAL day",
    ] {
        assert!(accesses.iter().any(|row| row == wanted), "{wanted}\n{accesses:#?}");
    }
    assert!(all.issues.is_empty(), "{:?}", all.issues);

    let Some(all) = counts_as("SRU/SRUDB.dat", 12, 683) else { return };
    let links = ["event_time", "ConnectStartTime", "ConnectedTime", "InterfaceType", "time_basis"];
    assert_eq!(
        all.columns("srum.network_connectivity", &links)[0],
        "2021-11-16T19:18:00Z | 2021-11-16T18:17:44.2009395Z | 3615 | Ethernet | TimeStamp"
    );
    let programs = all.columns("srum.application", &["event_time", "ExeInfo", "Sid", "ForegroundCycleTime"]);
    let wanted = "2021-11-16T19:18:00Z | Registry | S-1-5-18 | 163208054";
    assert!(programs.iter().any(|row| row == wanted), "{programs:#?}");
}

#[test]
fn a_transfer_has_its_address_program_and_times() {
    let Some(all) = counts_as("qmgr.db", 6, 183) else { return };
    let job = &all.columns("bits.job", &["event_time", "DisplayName", "Owner", "State", "Image", "LocalName"])[0];
    assert!(job.starts_with("2022-12-21T02:18:03.120465400Z | Chrome Component Updater | S-1-5-21-"), "{job}");
    assert!(job.contains(r"| transferred | C:\Program Files\Chromium\Application\chrome.exe | C:\Users\bob\"), "{job}");
    let url = &all.columns("bits.job", &["Url"])[0];
    assert!(url.starts_with("http://edgedl.me.gvt1.com/edgedl/release2/chrome_component/"), "{url}");
    // The database was not closed: it says so, and is read.
    assert_eq!(all.issues.len(), 1, "{:?}", all.issues);
    assert!(all.issues[0].starts_with("ese-not-closed: "), "{:?}", all.issues);
}
