//! What the fuzz targets of parsers do.
//!
//! In: a format and the fuzzer's bytes. Out: nothing, or a panic: where a parser fails, or where its counts do not agree.

pub mod hunting;

use std::io;
use std::sync::Arc;

use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::block::Encoding;
use piste_parse::evtx::{parse_chunks, parse_chunks_rendered};
use piste_parse::random_access::{Companion, Opened, ReadAt};
use piste_parse::{Block, Context, Format, Parsed, Splitter, parse_block};

/// Cuts the bytes into blocks and parses each.
pub fn parse(format: Format, bytes: &[u8]) {
    parse_with(format, bytes, |block, cx| parse_block(format, block, cx));
}

/// The same with a parser that is given.
pub fn parse_with(format: Format, mut bytes: &[u8], parser: impl Fn(&Block, &Context<'_>) -> Parsed) {
    let sources = Sources::default();
    let cx = Context {
        evidence: EvidenceId(1),
        path: "u_ex210303.log",
        sources: &sources,
        host_hint: Some("HOST"),
    };
    let mut splitter = Splitter::new(format);
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        check(&parser(&block, &cx));
    }
}

fn check(parsed: &Parsed) {
    let rows: usize = parsed.batches.iter().map(|batch| batch.rows.num_rows()).sum();
    assert_eq!(parsed.records, rows as u64, "every record read is a row");
    for damage in &parsed.damage {
        let told = parsed.issues.iter().any(|issue| issue.slug == damage.kind);
        assert!(told, "damage that no issue tells of: {damage:?}");
    }
}

/// Parses the bytes as one file.
pub fn parse_whole(bytes: &[u8], parser: impl Fn(&Block, &Context<'_>) -> Parsed) {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let block = Block {
        offset: 0,
        first_line: 0,
        bytes: bytes.to_vec(),
        encoding: Encoding::Utf8,
        header: None,
        too_long: None,
    };
    check(&parser(&block, &cx));
}

/// Opens a file that is read at random, with companions that the bytes hold too: two bytes each say how long it is.
pub fn open_random(
    mut bytes: &[u8],
    open: impl Fn(Arc<dyn ReadAt>, &[Companion], &Context<'_>) -> io::Result<Opened>,
    names: &[&str],
) {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let mut companions = Vec::new();
    for name in names {
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (content, rest) = rest.split_at(length);
        companions.push(Companion { path: (*name).to_owned(), content: Arc::new(content.to_vec()) });
        bytes = rest;
    }
    let Ok(opened) = open(Arc::new(bytes.to_vec()), &companions, &cx) else { return };
    for piece in 0..opened.file.pieces() {
        check(&opened.file.parse(piece, &cx));
    }
    let _ = opened.file.record(0); // any answer is right
}

/// Reads the chunks from their binary form and by rendering each record.
pub fn both_ways(mut bytes: &[u8]) {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "x", sources: &sources, host_hint: None };
    let mut splitter = Splitter::new(Format::Evtx);
    while let Some(block) = splitter.next_block(&mut bytes).expect("a slice reads") {
        let (ours, theirs) = (parse_chunks(&block, &cx), parse_chunks_rendered(&block, &cx));
        assert_eq!(ours.records, theirs.records);
        assert_eq!(ours.damage, theirs.damage);
        assert_eq!(ours.issues, theirs.issues);
        let rows = |batches: Vec<piste_parse::Batch>| -> Vec<_> {
            batches.into_iter().map(|batch| (batch.shape, batch.rows)).collect()
        };
        assert_eq!(rows(ours.batches), rows(theirs.batches));
    }
}

/// A reader of files that are one block.
pub type FileReader = fn(&Block, &Context<'_>) -> Parsed;

/// Reads the bytes as a whole file of this name.
pub fn whole(reader: FileReader, path: &str, bytes: &[u8]) {
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path, sources: &sources, host_hint: Some("HOST") };
    let block = Block {
        offset: 0,
        first_line: 1,
        bytes: bytes.to_vec(),
        encoding: Encoding::Utf8,
        header: None,
        too_long: None,
    };
    let parsed = reader(&block, &cx);
    let rows: usize = parsed.batches.iter().map(|batch| batch.rows.num_rows()).sum();
    assert_eq!(parsed.records, rows as u64, "every record read is a row");
    for damage in &parsed.damage {
        let told = parsed.issues.iter().any(|issue| issue.slug == damage.kind);
        assert!(told, "damage that no issue tells of: {damage:?}");
    }
}
