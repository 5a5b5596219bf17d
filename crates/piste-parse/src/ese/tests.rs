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
