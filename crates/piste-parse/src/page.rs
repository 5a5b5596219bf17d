//! A page of a web server: what the structural reader says of it, for its row of `file.content`.
//!
//! In: the first bytes of a page, a handler, a configuration file, or a `.compiled` file that the compiler left. Out: the
//! fields of [`crate::file`]'s row that only pages have: language, score, verdict with reasons and lines, and what a compiled
//! copy says it was made of.

use std::fmt::Write;

use piste_model::hash::hex;
use sha2::{Digest, Sha256};

use crate::block::Block;
use crate::file::{self, FileFacts};
use crate::webshell::{self, Reading};
use crate::{Context, Format, Parsed};

/// Bytes of a file that are read; the rest is named in an issue.
pub const BYTES_MAX: usize = webshell::WINDOW_BYTES;
/// Dataset of the rows.
pub const DATASET: &str = "file.content";
/// Kind of a configuration file, whose entries are rows too.
pub(crate) const CONFIGURATION: &str = "configuration";
/// Reasons that a row lists.
const REASONS_MAX: usize = 12;

/// Reads the one block of a page of which nothing else is known.
pub fn parse(block: &Block, cx: &Context<'_>) -> Parsed {
    let whole = block.bytes.len() <= BYTES_MAX;
    let facts = FileFacts {
        bytes: whole.then_some(block.bytes.len() as u64),
        sha256: if whole { hex(&Sha256::digest(&block.bytes)) } else { String::new() },
        ..FileFacts::default()
    };
    file::parse(Format::WebPage, block, cx, &facts)
}

/// Adds what a page says to its row; answers what kind of file it is.
pub(crate) fn read(
    block: &Block,
    cx: &Context<'_>,
    name: &str,
    parsed: &mut Parsed,
    push: &mut dyn FnMut(&str, &str),
) -> &'static str {
    let bytes = block.bytes.get(..block.bytes.len().min(BYTES_MAX)).unwrap_or_default();
    if bytes.len() < block.bytes.len() {
        parsed.damaged(
            cx,
            "page-too-long",
            BYTES_MAX as u64,
            Some(0),
            format!(
                "the file is longer than {BYTES_MAX} bytes; what lies behind them was not read as a page"
            ),
            "look at its end by hand: `tail -c 4096 FILE | strings`",
        );
    }
    let reading = webshell::read(bytes, name);
    push("Language", reading.language.map_or("", |language| language.name()));
    push("Score", &reading.score.to_string());
    push("Verdict", reading.verdict().name());
    push("Reasons", &reasons(&reading));
    if kind(bytes, &reading) == CONFIGURATION {
        push("RewriteRules", &rewrite_rules(bytes));
    }
    for (field, key) in [("VirtualPath", "virtualPath"), ("Assembly", "assembly"), ("CompiledType", "type")] {
        if name.to_ascii_lowercase().ends_with(".compiled") {
            push(field, &attribute(bytes, key));
        }
    }
    kind(bytes, &reading)
}

/// What the page is.
fn kind(bytes: &[u8], reading: &Reading) -> &'static str {
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let has = |mark: &[u8]| memchr::memmem::find(head, mark).is_some();
    match head {
        [b'!', b'B', b'D', b'N', ..] => "mailbox file with a page",
        [b'G', b'I', b'F', b'8', ..] | [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] => {
            "picture with a page"
        }
        _ if has(b"<preserve") => "compiled page",
        _ if has(b"<configuration") => CONFIGURATION,
        _ if reading.language.is_some() => "page",
        _ => "text",
    }
}

/// `line 3: the request reaches code that is evaluated (+100); ...`
fn reasons(reading: &Reading) -> String {
    let mut out = String::new();
    for reason in reading.reasons.iter().take(REASONS_MAX) {
        let separator = if out.is_empty() { "" } else { "; " };
        let _ = write!(out, "{separator}line {}: {} (+{})", reason.line, reason.what, reason.points);
    }
    out
}

/// Names of the rewrite rules in a configuration file, in its order: mitigations are such rules.
fn rewrite_rules(bytes: &[u8]) -> String {
    const RULES_MAX: usize = 50;
    const CHARS_MAX: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    let Some((_, rest)) = text.split_once("<rewrite") else { return String::new() };
    let inside = rest.split("</rewrite").next().unwrap_or_default();
    let name = |rule: &str| {
        let (_, value) = rule.split('>').next()?.split_once("name=\"")?;
        Some(value.split('"').next()?.chars().take(CHARS_MAX).collect::<String>())
    };
    let rules: Vec<String> = inside.split("<rule ").skip(1).filter_map(name).take(RULES_MAX).collect();
    rules.join("; ")
}

/// The value of an attribute of a `.compiled` file, which is one short element.
fn attribute(bytes: &[u8], key: &str) -> String {
    let head = bytes.get(..bytes.len().min(8_192)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    let Some((_, rest)) = text.split_once(&format!(" {key}=\"")) else { return String::new() };
    rest.split('"').next().unwrap_or_default().chars().take(1_024).collect()
}

#[cfg(test)]
mod tests {
    use piste_model::EvidenceId;
    use piste_model::sources::Sources;

    use crate::{Context, Format, Splitter, parse_block, sniff};

    fn row(name: &str, mut text: &[u8]) -> (usize, String) {
        assert_eq!(sniff(text, name), Format::WebPage, "{name}");
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: name, sources: &sources, host_hint: Some("MX01") };
        let mut splitter = Splitter::new(Format::WebPage);
        let block = splitter.next_block(&mut text).expect("reads").expect("one block");
        let mut rest: &[u8] = b"more";
        assert!(splitter.next_block(&mut rest).expect("reads").is_none());
        let parsed = parse_block(Format::WebPage, &block, &cx);
        let rows: Vec<_> = parsed.batches.iter().map(|batch| &batch.rows).collect();
        let shown = format!("{rows:?}");
        (parsed.issues.len(), shown)
    }

    #[test]
    fn a_shell_is_one_row_with_its_reasons() {
        let (issues, shown) = row(
            "inetpub/x.aspx",
            b"<%@ Page Language=\"Jscript\"%>\n<%eval(Request.Item[\"k\"],\"unsafe\");%>",
        );
        assert_eq!(issues, 0);
        for word in
            ["accused", "jscript", "line 2: the request reaches code that is evaluated (+100)", "x.aspx"]
        {
            assert!(shown.contains(word), "{word} in {shown}");
        }
    }

    #[test]
    fn a_compiled_page_names_the_page_it_was_made_of() {
        let text = b"<?xml version=\"1.0\"?>\n<preserve resultType=\"3\" virtualPath=\"/owa/auth/ohyeah.aspx\" hash=\"1\" filehash=\"2\" flags=\"110000\" assembly=\"App_Web_8q1fnmli\" type=\"ASP.ohyeah_aspx\">";
        let (_, shown) = row("ohyeah.aspx.cdcab7d2.compiled", text);
        for word in ["/owa/auth/ohyeah.aspx", "App_Web_8q1fnmli", "compiled page", "clean"] {
            assert!(shown.contains(word), "{word} in {shown}");
        }
    }

    #[test]
    fn rewrite_rules_of_a_configuration_are_named() {
        let text = b"<?xml version=\"1.0\"?>\n<configuration><system.webServer><rewrite><rules>\
            <rule name=\"X-BEResource Abort - inbound\" patternSyntax=\"ECMAScript\"/><rule enabled=\"true\" name=\"to https\"></rule>\
            </rules></rewrite></system.webServer></configuration>";
        let (_, shown) = row("web.config", text);
        assert!(shown.contains("X-BEResource Abort - inbound; to https"), "{shown}");
    }

    #[test]
    fn a_long_file_costs_its_window_and_is_named() {
        let mut text = b"<?php echo 1;".to_vec();
        text.resize(super::BYTES_MAX + 10_000, 0);
        let (issues, shown) = row("x.php", &text);
        assert_eq!(issues, 1);
        assert!(!shown.contains("SHA256"), "a hash of a part is no hash of the file");
    }
}
