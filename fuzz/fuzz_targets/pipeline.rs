//! A processing pipeline over a rule: it is applied, or the rule or the pipeline is refused; nothing grows without an end.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use piste_rules::LoadOptions;

const RULE: &str = "title: T\nid: r1\nlogsource: {product: windows, category: process_creation}\n\
                    detection: {selection: {Image: a, CommandLine|contains: [b, c]}, condition: selection}\n";

fuzz_target!(|text: &[u8]| {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path();
    let (rule, pipeline) = (folder.join("rule.yml"), folder.join("pipeline.yml"));
    std::fs::write(&rule, RULE).expect("writes");
    std::fs::write(&pipeline, text).expect("writes");
    let options = LoadOptions { pipelines: vec![pipeline], ..LoadOptions::of(&[rule], false) };
    let _ = piste_rules::load(&options, piste_fuzz::hunting::sources());
});
