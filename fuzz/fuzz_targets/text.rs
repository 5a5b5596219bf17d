//! Lines of files that no parser takes apart: every row's bytes are found again from its offset.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::file::{self, FileFacts};
use piste_parse::{Context, Format, Splitter, sniff, text};

fuzz_target!(|bytes: &[u8]| {
    sniff(bytes, "notes.txt");
    let sources = Sources::default();
    let cx = Context { evidence: EvidenceId(1), path: "notes.txt", sources: &sources, host_hint: None };
    let facts = FileFacts { lines: true, ..FileFacts::default() };
    let mut rest = bytes;
    let mut splitter = Splitter::of_file(Format::Text);
    while let Some(block) = splitter.next_block(&mut rest).expect("a slice reads") {
        file::parse(Format::Text, &block, &cx, &facts);
    }
    if let Some(encoding) = text::encoding_of(bytes) {
        assert!(text::piece_bytes(bytes, encoding) <= text::PIECE_BYTES);
    }
});
