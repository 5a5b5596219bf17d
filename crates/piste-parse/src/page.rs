//! A page of a web server: what the structural reader says of it, for its row of `file.content`.
//!
//! In: the first bytes of a page, a handler, a configuration file, or a `.compiled` file that the compiler left. Out: the
//! fields of [`crate::file`]'s row that only pages have: language, score, verdict with reasons and lines, and what a compiled
//! copy says it was made of.

use std::fmt::Write;

use piste_model::Issue;
use piste_model::hash::hex;
use piste_page::{Reading, Unread, Verdict, charset};
use sha2::{Digest, Sha256};

use crate::block::Block;
use crate::file::{self, FileFacts};
use crate::{Context, Format, Parsed};

/// Bytes of a file that are read; the rest is named in an issue.
pub const BYTES_MAX: usize = piste_page::BYTES_MAX;
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
        parsed.issues.push(too_long(cx));
    }
    let reading = piste_page::read(bytes, name);
    parsed.issues.extend(reading.unread.map(|unread| too_much_work(cx, unread)));
    say(&reading, push);
    let text = charset::decoded(bytes).bytes;
    let kind = kind(&text, &reading);
    if kind == CONFIGURATION {
        push("RewriteRules", &rewrite_rules(&text));
    }
    for (field, key) in [("VirtualPath", "virtualPath"), ("Assembly", "assembly"), ("CompiledType", "type")] {
        if name.to_ascii_lowercase().ends_with(".compiled") {
            push(field, &attribute(&text, key));
        }
    }
    kind
}

/// Marks of code that a server runs, whatever the file is called.
const CODE_MARKS: [&[u8]; 4] = [b"<?php", b"<%@", b"runat=\"server\"", b"msxsl:script"];

/// The code of a page further back in a file that is none by its beginning and its name: behind a picture, say. Only what
/// reads as a shell is told: a text that quotes harmless code stays what it is.
pub(crate) fn hidden_in(
    block: &Block,
    cx: &Context<'_>,
    name: &str,
    parsed: &mut Parsed,
    push: &mut dyn FnMut(&str, &str),
) -> Option<&'static str> {
    let bytes = block.bytes.get(..block.bytes.len().min(BYTES_MAX)).unwrap_or_default();
    if !CODE_MARKS.iter().any(|mark| memchr::memmem::find(bytes, mark).is_some()) {
        return None;
    }
    let reading = piste_page::read(bytes, name);
    parsed.issues.extend(reading.unread.map(|unread| too_much_work(cx, unread)));
    if reading.verdict() == Verdict::Clean {
        return None;
    }
    say(&reading, push);
    Some(kind(bytes, &reading))
}

fn say(reading: &Reading, push: &mut dyn FnMut(&str, &str)) {
    push("Language", reading.language.map_or("", |language| language.name()));
    push("Score", &reading.score.to_string());
    push("Verdict", reading.verdict().name());
    push("Reasons", &reasons(reading));
}

/// A page of which only the beginning was read.
fn too_long(cx: &Context<'_>) -> Issue {
    Issue::new(
        "page-too-long",
        cx.path,
        format!("the file is longer than {BYTES_MAX} bytes; what lies behind them was not read as a page"),
        "a web shell that stands behind them was not seen: the file's verdict is that of its beginning",
        "look at its end by hand: `tail -c 65536 FILE | strings`",
    )
    .of(cx.evidence)
    .at(BYTES_MAX as u64)
}

/// A page that makes more work than one page is given.
fn too_much_work(cx: &Context<'_>, unread: Unread) -> Issue {
    Issue::new(
        "page-too-much-work",
        cx.path,
        format!(
            "the page makes more work than is given to one; from line {} on its code was not followed to its end",
            unread.line
        ),
        "a web shell in that part may not have been seen: the file's verdict is that of what was read before",
        "look at the page by hand from there on: pages are made so to keep tools from reading them",
    )
    .of(cx.evidence)
    .at(unread.offset)
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
        assert!(!shown.contains("accused"), "{shown}");
        assert!(!shown.contains("SHA256"), "a hash of a part is no hash of the file");
    }

    #[test]
    fn code_behind_a_picture_is_told_and_a_text_about_code_is_not() {
        let sources = Sources::default();
        let cx = Context { evidence: EvidenceId(1), path: "a/logo.png", sources: &sources, host_hint: None };
        let shown = |bytes: &[u8], format: Format| {
            assert_eq!(sniff(&bytes[..bytes.len().min(crate::sniff::HEAD_BYTES)], cx.path), format);
            let block = Splitter::of_file(crate::Format::WebPage)
                .next_block(&mut &*bytes)
                .expect("reads")
                .expect("a block");
            let facts = crate::file::FileFacts::default();
            format!("{:?}", crate::file::parse(format, &block, &cx, &facts).batches)
        };
        let mut picture = b"\x89PNG\r\n\x1a\n\0".to_vec();
        picture.resize(40_000, 0x9c);
        let format = Format::Artefact(crate::artefact::Artefact::Media);
        assert!(!shown(&picture, format).contains("accused"));
        picture.extend(b"<?php eval($_POST['k']); ?>");
        let row = shown(&picture, format);
        assert!(row.contains("accused") && row.contains("picture with a page"), "{row}");
        let mut text = b"How to write a page:\n".repeat(1_000);
        text.extend(b"<?php echo 'hello'; ?>");
        assert!(!shown(&text, Format::Text).contains("Verdict"));
    }
}
