//! Invented rules on invented events: the plan and the row engine find the same.
//!
//! Rules are drawn from what both understand alike; where they are known to differ (`docs/decisions/0005`) nothing is drawn:
//! no wildcards, no `windash`, no null beside values.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_fuzz::hunting::{batches, hits, load};
use piste_hunt::{RowEngine, VectorEngine, plan};

const FIELDS: [&str; 4] = ["Image", "CommandLine", "User", "Count"];
const MODIFIERS: [&str; 14] = [
    "", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|cased", "|re", "|re|i", "|gte",
    "|lt", "|exists", "|cidr", "|base64offset|contains",
];
const WORDS: [&str; 16] = [
    "a", "b", "ab", "A", "aB", "abab", "é", "É", "10", "9.5", "-1", "b.exe", "\\\\b.exe", "10.1.2.3", "true", "x y",
];
const CONDITIONS: [&str; 8] = [
    "s1", "s1 and s2", "s1 or s2", "s1 and not s2", "not s1", "1 of s*", "all of s*", "2 of s*",
];

/// Choices drawn from the fuzzer's bytes; zeros at their end.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn below(&mut self, most: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % most
    }

    fn of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }

    fn item(&mut self) -> String {
        let (field, modifier) = (self.of(&FIELDS), self.of(&MODIFIERS));
        let value = match modifier {
            "|exists" => self.of(&["true", "false"]).to_owned(),
            "|cidr" => self.of(&["10.0.0.0/8", "0.0.0.0/0", "fe80::/10"]).to_owned(),
            "|gte" | "|lt" => self.of(&["10", "9", "-1"]).to_owned(),
            "|re" | "|re|i" => format!("'{}'", self.of(&["a+b", "^a", "b$", "(a|b)x?", "[^a]b", "a.b"])),
            _ => {
                let count = 1 + self.below(3);
                let words: Vec<String> =
                    (0..count).map(|_| format!("\n            - '{}'", self.of(&WORDS))).collect();
                words.concat()
            }
        };
        format!("\n        {field}{modifier}: {value}")
    }

    fn selection(&mut self) -> String {
        let mut seen = std::collections::BTreeSet::new();
        let count = 1 + self.below(3);
        // A key twice in one map is refused.
        (0..count)
            .map(|_| self.item())
            .filter(|item| seen.insert(item.split(':').next().unwrap_or_default().to_owned()))
            .collect()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut draw = Draw(bytes);
    let mut text = String::new();
    for number in 0..=draw.below(3) {
        let (one, other, condition) = (draw.selection(), draw.selection(), draw.of(&CONDITIONS));
        text += &format!(
            "---\ntitle: rule {number}\nid: {number:08x}-0000-4000-8000-000000000000\nstatus: test\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    s1:{one}\n    s2:{other}\n    condition: {condition}\nlevel: low\n"
        );
    }
    let mut events = Vec::new();
    for _ in 0..=draw.below(6) {
        let mut event = Vec::new();
        for field in FIELDS {
            if draw.below(4) > 0 {
                let words: String = (0..draw.below(4)).map(|_| draw.of(&WORDS).replace("\\\\", "\\")).collect();
                event.push((field, words));
            }
        }
        events.push(event);
    }
    let rules = load(text.as_bytes()).expect("a set is read");
    let (plan, not_planned) = plan::plan(&rules);
    if !not_planned.is_empty() || !rules.not_run.is_empty() {
        return;
    }
    let (by_row, _) = RowEngine::new(&rules);
    let engine = VectorEngine::new(&rules, plan);
    let batches = batches(&events);
    assert_eq!(hits(&engine, &batches), hits(&by_row, &batches), "{text}\n{events:?}");
});
