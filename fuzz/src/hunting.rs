//! What the targets of the hunt share.
//!
//! In: rule text, events as lines of JSON. Out: a rule set loaded as from a file, batches parsed as from a log.

use std::sync::OnceLock;

use piste_hunt::{Engine, Hit};
use piste_lake::Batch;
use piste_model::EvidenceId;
use piste_model::sources::Sources;
use piste_parse::{Context, Format, Splitter, parse_block};
use piste_rules::{LoadOptions, RuleSet};

/// The catalogue of log sources.
pub fn sources() -> &'static Sources {
    static SOURCES: OnceLock<Sources> = OnceLock::new();
    SOURCES.get_or_init(|| piste_rules::catalog::sources().expect("the catalogue parses"))
}

/// Loads a text as the only rule file; `None` where the set as a whole is refused.
pub fn load(text: &[u8]) -> Option<RuleSet> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("rules.yml");
    std::fs::write(&path, text).expect("writes");
    piste_rules::load(&LoadOptions::of(&[path], false), sources()).ok()
}

/// Events of process creation with these fields.
pub fn batches(events: &[Vec<(&str, String)>]) -> Vec<Batch> {
    let mut text = String::new();
    for event in events {
        text += "{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"SourceName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"H\",\"TimeCreated\":\"2021-03-14T01:40:12Z\"";
        for (name, value) in event {
            text += &format!(",{}:{}", serde_json::json!(name), serde_json::json!(value));
        }
        text += "}\n";
    }
    let cx = Context { evidence: EvidenceId(1), path: "t.jsonl", sources: sources(), host_hint: None };
    let mut input = text.as_bytes();
    let mut splitter = Splitter::new(Format::JsonLines);
    let Some(block) = splitter.next_block(&mut input).expect("a slice reads") else { return Vec::new() };
    parse_block(Format::JsonLines, &block, &cx).batches
}

/// (row, rule) of every hit, batch after batch.
pub fn hits(engine: &dyn Engine, batches: &[Batch]) -> Vec<Vec<Hit>> {
    batches.iter().map(|batch| engine.hits(batch)).collect()
}
