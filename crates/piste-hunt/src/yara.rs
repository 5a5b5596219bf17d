//! YARA rules over the files of the evidence.
//!
//! In: the rules, and one file's bytes with what is known of it. Out: a detection for each rule that matches, with the places and
//! the text that matched, escaped; an issue where the rules could not look at the whole file or did not end in time. A match
//! binds to the file's row of `file.content`: `record` is 1, `offset` the first byte that matched.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use piste_lake::{Format, file};
use piste_model::guard::guarded;
use piste_model::{Detection, Entities, EvidenceId, Issue};
use piste_rules::yara::{YaraRule, YaraSet};
use yara_x::{MatchingRules, ScanError, Scanner};

/// Dataset of the rows that matches bind to.
const DATASET: &str = "file.content";
/// Matches of one pattern that the engine keeps, as YARA itself: rules count them.
const MATCHES_MAX: usize = 1_000_000;
/// Matches that a detection names.
const SHOWN_MAX: usize = 8;
/// Bytes of a match that are shown.
const SHOWN_BYTES_MAX: usize = 96;

/// One file to look at.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The sealed file.
    pub evidence: EvidenceId,
    /// Its locator.
    pub path: &'a str,
    /// Format by content.
    pub format: Format,
    /// Size of the whole file.
    pub size: u64,
    /// SHA-256 of the whole file.
    pub sha256: &'a str,
    /// Its beginning: as much as is looked at.
    pub bytes: &'a [u8],
    /// Host that its place hints at; empty if none.
    pub host: &'a str,
    /// Hash of its row, 32 hex digits.
    pub record_hash: &'a str,
}

/// What came of one file.
#[derive(Debug, Default)]
pub struct Scanned {
    /// One a rule that matched, in the order of the rules.
    pub detections: Vec<Detection>,
    /// What was not looked at.
    pub issues: Vec<Issue>,
    /// The rules did not end in time.
    pub timed_out: bool,
}

/// Looks at files one after another, on one thread.
pub struct FileScanner<'r> {
    set: &'r YaraSet,
    seconds: u64,
    /// Made with the first file: a run over logs needs none.
    engine: Option<Scanner<'r>>,
}

impl<'r> FileScanner<'r> {
    /// With these rules; each file has `seconds` at most, counted in whole ones.
    pub fn new(set: &'r YaraSet, seconds: u64) -> Self {
        Self { set, seconds, engine: None }
    }

    /// Whether there is any rule.
    pub fn has_rules(&self) -> bool {
        !self.set.is_empty()
    }

    /// Looks at one file.
    pub fn scan(&mut self, target: &Target<'_>) -> Scanned {
        let mut scanned = Scanned::default();
        if !self.has_rules() || target.bytes.is_empty() {
            return scanned;
        }
        let bytes = target.bytes.get(..target.bytes.len().min(file::SCANNED_BYTES_MAX)).unwrap_or_default();
        if target.size > bytes.len() as u64 {
            scanned.issues.push(in_part(target, bytes.len()));
        }
        let (set, seconds) = (self.set, self.seconds);
        let engine = self.engine.get_or_insert_with(|| {
            let mut engine = Scanner::new(set.compiled());
            engine.set_timeout(Duration::from_secs(seconds)).max_matches_per_pattern(MATCHES_MAX);
            engine
        });
        // The engine reads hostile files; where it fails, the next file gets a new one.
        let outcome = guarded(|| look(engine, set, target, bytes));
        match outcome {
            Ok(Ok(detections)) => scanned.detections = detections,
            Ok(Err(ScanError::Timeout)) => {
                scanned.timed_out = true;
                scanned.issues.push(timed_out(target, seconds));
            }
            Ok(Err(error)) => scanned.issues.push(failed(target, &error.to_string())),
            Err(broken) => {
                self.engine = None;
                scanned.issues.push(failed(target, &format!("the engine gave up on it: {broken}")));
            }
        }
        scanned
    }
}

fn look(
    engine: &mut Scanner<'_>,
    set: &YaraSet,
    target: &Target<'_>,
    bytes: &[u8],
) -> Result<Vec<Detection>, ScanError> {
    let name = file::name_of(target.path);
    let folder = target.path.strip_suffix(name).unwrap_or_default().trim_end_matches(['/', '\\', '!']);
    let extension = match file::extension_of(name) {
        none if none.is_empty() => none,
        some => format!(".{some}"),
    };
    let filetype = file::kind(target.format, bytes).filetype;
    for (variable, value) in [
        ("filename", name),
        ("filepath", folder),
        ("extension", extension.as_str()),
        ("filetype", filetype),
        ("owner", ""), // no collection says it
    ] {
        let _ = engine.set_global(variable, value); // each is defined, and text
    }
    let results = engine.scan(bytes)?;
    Ok(detections(results.matching_rules(), set, target))
}

fn detections(matching: MatchingRules<'_, '_>, set: &YaraSet, target: &Target<'_>) -> Vec<Detection> {
    let mut all: Vec<Detection> = Vec::new();
    for matched in matching {
        let Some(rule) = set.rule(matched.namespace(), matched.identifier()) else { continue };
        let mut hits: Vec<Hit> = Vec::new();
        let mut count = 0;
        for pattern in matched.patterns() {
            let matches = pattern.matches();
            count += matches.len();
            for one in matches.take(SHOWN_MAX) {
                let text = shown(one.data(), one.xor_key());
                hits.push(Hit {
                    at: one.range().start,
                    length: one.range().len(),
                    name: pattern.identifier(),
                    text,
                });
            }
        }
        hits.sort_by(|a, b| (a.at, a.name).cmp(&(b.at, b.name)));
        let one = detection(rule, target, &hits, count);
        // Collections share rules: the same rule from two files is told once.
        let same = |known: &Detection| known.rule_id == one.rule_id && known.details == one.details;
        if !all.iter().any(same) {
            all.push(one);
        }
    }
    all
}

/// One match of a pattern.
struct Hit<'p> {
    at: usize,
    length: usize,
    name: &'p str,
    text: String,
}

fn detection(rule: &YaraRule, target: &Target<'_>, hits: &[Hit<'_>], count: usize) -> Detection {
    let mut details = BTreeMap::from([
        ("Path".to_owned(), target.path.to_owned()),
        ("SHA256".to_owned(), target.sha256.to_owned()),
        ("Size".to_owned(), target.size.to_string()),
        ("Rule".to_owned(), format!("{} ({}:{})", rule.name, rule.path, rule.line)),
        ("Matches".to_owned(), places(hits, count)),
    ]);
    if let Some(reference) = rule.references.first() {
        details.insert("Reference".to_owned(), reference.clone());
    }
    if !rule.description.is_empty() && rule.description != rule.title {
        details.insert("Description".to_owned(), rule.description.chars().take(500).collect());
    }
    Detection {
        rule_id: rule.id.clone(),
        rule_title: rule.title.clone(),
        level: rule.level,
        time: None,
        host: target.host.to_owned(),
        dataset: DATASET.to_owned(),
        channel: String::new(),
        event_code: None,
        record: 1,
        evidence_id: target.evidence,
        path: target.path.to_owned(),
        places: vec![target.path.to_owned()],
        attack: rule.attack.clone(),
        status: rule.status.clone(),
        offset: hits.first().map_or(0, |hit| hit.at as u64),
        record_hash: target.record_hash.to_owned(),
        actor: None,
        acting_process: None,
        entities: Entities { file: vec![target.path.to_owned()], ..Entities::default() },
        details,
    }
}

/// `$eval at 31 (26 bytes): eval(...)`, one after another.
fn places(hits: &[Hit<'_>], count: usize) -> String {
    if count == 0 {
        return "the rule's condition holds without a pattern".to_owned();
    }
    let mut text = String::new();
    for hit in hits.iter().take(SHOWN_MAX) {
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{separator}{} at {} ({} bytes): {}", hit.name, hit.at, hit.length, hit.text);
    }
    let more = count.saturating_sub(hits.len().min(SHOWN_MAX));
    if more > 0 {
        let _ = write!(text, "; {more} further matches");
    }
    text
}

/// The text that matched: one that is UTF-16 without its zeros, every byte that is no plain text as `\xNN`.
fn shown(data: &[u8], xor_key: Option<u8>) -> String {
    let cut = data.get(..data.len().min(SHOWN_BYTES_MAX)).unwrap_or_default();
    let wide = cut.len() >= 4 && cut.chunks_exact(2).all(|pair| matches!(pair, [low, 0] if *low != 0));
    let bytes: Vec<u8> = if wide { cut.iter().step_by(2).copied().collect() } else { cut.to_vec() };
    let mut text = String::new();
    if let Some(key) = xor_key.filter(|key| *key != 0) {
        let _ = write!(text, "(xor {key:#04x}) ");
    }
    for byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    if cut.len() < data.len() {
        text.push_str("...");
    }
    text
}

fn in_part(target: &Target<'_>, looked_at: usize) -> Issue {
    Issue::new(
        "file-scanned-in-part",
        target.path,
        format!("the file is {} bytes long; YARA rules looked at its first {looked_at}", target.size),
        "a rule for what lies behind, or for the file's whole size or hash, may have missed it",
        "scan it beside with `yr scan RULES FILE`, or cut it and give the parts as evidence",
    )
    .of(target.evidence)
    .at(looked_at as u64)
}

fn timed_out(target: &Target<'_>, seconds: u64) -> Issue {
    Issue::new(
        "yara-timeout",
        target.path,
        format!("the YARA rules did not come to an end on this file within {seconds} s"),
        "what they would have found in it is not known; its row and hashes are there",
        "give them more time: --yara-timeout 600; or leave out the slow rule",
    )
    .of(target.evidence)
}

fn failed(target: &Target<'_>, said: &str) -> Issue {
    Issue::new(
        "yara-failed",
        target.path,
        format!("the YARA rules could not look at this file: {said}"),
        "what they would have found in it is not known; its row and hashes are there",
        "report this as a bug, with the file and the rules if they may be shared",
    )
    .of(target.evidence)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use piste_rules::yara::YaraOptions;

    use super::*;

    fn set(folder: &Path, text: &str) -> YaraSet {
        let path = folder.join("rules.yar");
        std::fs::write(&path, text).expect("written");
        YaraSet::load(&YaraOptions { paths: vec![path], ..YaraOptions::default() }).expect("compiles")
    }

    fn target<'a>(path: &'a str, bytes: &'a [u8]) -> Target<'a> {
        Target {
            evidence: EvidenceId(7),
            path,
            format: Format::Text,
            size: bytes.len() as u64,
            sha256: "aa",
            bytes,
            host: "MX01",
            record_hash: "00",
        }
    }

    #[test]
    fn matches_come_with_place_and_escaped_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = "rule one { meta: description = \"Found it\" level = \"medium\" strings: $a = \"secret\" wide ascii $b = { 00 1b 3c } condition: any of them }";
        let set = set(folder.path(), rules);
        let mut scanner = FileScanner::new(&set, 5);
        let found =
            scanner.scan(&target("c.zip!a/b.txt", b"xx\0\x1b<\x20secret s\0e\0c\0r\0e\0t\0")).detections;
        assert_eq!(found.len(), 1);
        let one = &found[0];
        assert_eq!(
            (one.rule_id.as_str(), one.rule_title.as_str(), one.offset, one.record),
            ("one", "Found it", 2, 1)
        );
        assert_eq!(
            one.details["Matches"],
            "$b at 2 (3 bytes): \\x00\\x1b<; $a at 6 (6 bytes): secret; $a at 13 (12 bytes): secret"
        );
        assert!(scanner.scan(&target("x", b"nothing")).detections.is_empty());
    }

    #[test]
    fn the_variables_of_the_field_tell_where_a_file_lies() {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = r#"rule one { condition: filename == "b.aspx" and filepath iendswith "owa/auth" and extension == ".aspx" and filetype == "ASCII" and owner == "" }"#;
        let set = set(folder.path(), rules);
        let mut scanner = FileScanner::new(&set, 5);
        let found = scanner.scan(&target("c.zip!D/owa/auth/b.aspx", b"x")).detections;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].details["Matches"], "the rule's condition holds without a pattern");
        assert!(
            scanner.scan(&target("c.zip!D/owa/b.aspx", b"x")).detections.is_empty(),
            "the same engine, another file"
        );
    }

    #[test]
    fn a_rule_without_end_is_stopped_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = "rule endless { condition: for all i in (0..1000000000000) : ( i + uint8(0) != 200000000000000 ) }\nrule quick { condition: true }";
        let set = set(folder.path(), rules);
        let mut scanner = FileScanner::new(&set, 1);
        let scanned = scanner.scan(&target("x", b"abc"));
        assert!(scanned.timed_out);
        assert_eq!(scanned.issues.len(), 1);
        assert_eq!(
            (scanned.issues[0].slug.as_ref(), scanned.issues[0].evidence_id),
            ("yara-timeout", Some(EvidenceId(7)))
        );
    }

    #[test]
    fn a_file_longer_than_what_is_looked_at_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let set = set(folder.path(), "rule one { strings: $a = \"abc\" condition: $a }");
        let scanned = FileScanner::new(&set, 5).scan(&Target { size: 1 << 40, ..target("x", b"abc") });
        assert_eq!(scanned.detections.len(), 1);
        let issues: Vec<_> = scanned.issues.iter().map(|one| (one.slug.as_ref(), one.offset)).collect();
        assert_eq!(issues, [("file-scanned-in-part", Some(3))]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_plain_text(data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let text = shown(&data, None);
            proptest::prop_assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            proptest::prop_assert!(text.len() <= 4 * SHOWN_BYTES_MAX + 3);
        }
    }
}
