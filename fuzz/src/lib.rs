//! What the fuzz targets of parsers do.
//!
//! In: a format and the fuzzer's bytes. Out: nothing, or a panic: where a parser fails, or where its counts do not agree.

pub mod hunting;

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::{Context, Format, Splitter, parse_block};

/// Cuts the bytes into blocks and parses each.
pub fn parse(format: Format, mut bytes: &[u8]) {
    let sources = Sources::default();
    let cx = Context {
        evidence: EvidenceId(1),
        path: "u_ex210303.log",
        sources: &sources,
        host_hint: Some("HOST"),
    };
    let mut splitter = Splitter::new(format);
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let parsed = parse_block(format, &block, &cx);
        let rows: usize = parsed.batches.iter().map(|batch| batch.rows.num_rows()).sum();
        assert_eq!(parsed.records, rows as u64, "every record read is a row");
        for damage in &parsed.damage {
            let told = parsed.issues.iter().any(|issue| issue.slug == damage.kind);
            assert!(told, "damage that no issue tells of: {damage:?}");
        }
    }
}
