//! Velociraptor's listings in JSON: `Windows.NTFS.MFT`, the file finders, with hashes where they were asked for; and what it
//! wrote of the files that it copied, with their times on the host.
//!
//! In: one object a line. Out: a row a file. Times are UTC; nested members have dotted names (`Hash.SHA256`).

use super::facts::{Facts, Meaning, Words};
use super::{WORDS, push_row};
use crate::bad_records::BadRecords;
use crate::block::Block;
use crate::fields::Fields;
use crate::rows::Rows;
use crate::{Context, Parsed, jsonl};

/// Members one of which names the file.
const PATHS: [&str; 3] = ["\"OSPath\"", "\"FullPath\"", "\"FileName\""];
/// Members one of which is a time of the file.
const TIMES: [&str; 7] =
    ["\"Created0x10\"", "\"Mtime\"", "\"MTime\"", "\"Btime\"", "\"BTime\"", "\"ModTime\"", "\"Atime\""];

/// Member that names a file which was copied.
const COPIED_FROM: [&str; 1] = ["\"SourceFile\""];
/// Members that tell its times.
const COPIED_TIMES: [&str; 4] = ["\"Created\"", "\"Modified\"", "\"LastAccessed\"", "\"CreatedOnUtc\""];

/// Whether the first line is such an object.
pub(crate) fn is_listing(line: &str) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| line.contains(name));
    if line.starts_with('{') && has(&COPIED_FROM) && has(&COPIED_TIMES) {
        return true;
    }
    line.starts_with('{') && has(&PATHS) && has(&TIMES) && !has(&["\"EventID\"", "\"EventData\""])
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut fields, mut facts) = (Fields::default(), Facts::default());
    parsed.note_too_long(cx, block, "line");
    for line in block.lines() {
        if line.text.trim().is_empty() {
            continue;
        }
        fields.clear();
        if let Err(what) = jsonl::flatten(&line.text, &mut fields) {
            bad.note(&line, what);
            continue;
        }
        facts.clear();
        let words = Words::of(fields.iter().map(|(name, _, _)| name));
        for (name, value, _) in fields.iter() {
            if let Some((meaning, utc)) = words.meaning(name) {
                facts.set(meaning, value, utc);
            }
        }
        if facts.get(Meaning::Path).is_empty() && facts.get(Meaning::Name).is_empty() {
            bad.note(&line, "it names no file");
            continue;
        }
        let time = facts.push(&mut fields);
        push_row(&line, time, facts.get(Meaning::Host), &fields, cx, &mut rows);
        parsed.records += 1;
    }
    bad.tell(cx, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}
