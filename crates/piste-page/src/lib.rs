//! Whether a page of a web server is a shell: a structural reader.
//!
//! In: the bytes of a page, a handler, a configuration file or what claims to be a picture, and its name. Out: the
//! language, a score, and reasons with their places. Code is cut into tokens, values are followed from the request to
//! what evaluates, starts, loads or writes; encodings and concatenations are undone to a bounded depth. A word in a comment
//! counts nothing. Linear in the bytes read, of which there are [`BYTES_MAX`] at most; the steps of a page are counted.

#![deny(clippy::indexing_slicing)]
#![expect(
    clippy::match_same_arms,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "tables of names read best as one match, and values are cheap handles"
)]

mod basic;
mod calls;
pub mod charset;
mod config;
mod created;
mod decode;
mod dense;
mod dotnet;
mod each;
mod encoded;
mod expr;
mod found;
mod guards;
mod java;
mod language;
mod lists;
mod names;
mod php;
mod remarks;
mod score;
mod segment;
mod settings;
mod sinks;
mod sources;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_harmless;
#[cfg(test)]
mod tests_kinds;
#[cfg(test)]
mod tests_net;
#[cfg(test)]
mod tests_php;
#[cfg(test)]
mod tests_services;
mod token;
mod value;
mod variables;
mod walk;
mod windows;
mod work;

use std::borrow::Cow;

use found::Found;
pub use settings::is_settings;
use walk::Walk;
use work::Work;

/// Bytes of a file that are read: a page is smaller, a mailbox dump with a page in it seldom larger.
pub const BYTES_MAX: usize = 32 << 20;
/// Filler from which a page is taken to hide behind it.
const FILLER_BYTES: usize = 1 << 20;
/// Score from which a page is accused.
pub const ACCUSED: u32 = 70;
/// Score from which a page is suspicious.
pub const SUSPICIOUS: u32 = 35;
/// The most that a document scores: a person should look, no more.
const DOCUMENT_MAX: u32 = ACCUSED - 1;
/// Code of one page that is cut into tokens.
const CODE_BYTES_MAX: usize = 4 << 20;
/// Pages within pages that are opened.
const NESTED_MAX: u32 = 3;

/// Language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// PHP.
    Php,
    /// Classic ASP in `VBScript`.
    VbScript,
    /// `JScript`, classic or .NET.
    JScript,
    /// C#.
    CSharp,
    /// Visual Basic .NET.
    VbNet,
    /// Java, in JSP.
    Java,
    /// `web.config` and style sheets.
    Config,
}

impl Language {
    /// The name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Php => "php",
            Self::VbScript => "vbscript",
            Self::JScript => "jscript",
            Self::CSharp => "csharp",
            Self::VbNet => "vbnet",
            Self::Java => "java",
            Self::Config => "config",
        }
    }

    fn is_basic(self) -> bool {
        matches!(self, Self::VbScript | Self::VbNet)
    }

    fn is_server_page(self) -> bool {
        matches!(self, Self::VbScript | Self::JScript | Self::CSharp | Self::VbNet)
    }

    fn is_braced(self) -> bool {
        !self.is_basic()
    }
}

/// What a page is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing of note.
    Clean,
    /// A person should look.
    Suspicious,
    /// A shell.
    Accused,
}

impl Verdict {
    /// The word in rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Suspicious => "suspicious",
            Self::Accused => "accused",
        }
    }
}

/// One reason for a score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What it counts.
    pub points: u32,
    /// In words.
    pub what: String,
    /// Byte offset in the file, near which to look.
    pub offset: u64,
    /// Line, from 1.
    pub line: u64,
}

/// What the reader says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// `None` where the file holds no code of a page.
    pub language: Option<Language>,
    /// 0 to 100.
    pub score: u32,
    /// The weightiest first.
    pub reasons: Vec<Reason>,
    /// What was not read, where the page makes more work than one page is given.
    pub unread: Option<Unread>,
}

/// Where the reading of a page ended before the page did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// Byte offset in the file, behind which code was not followed to its end.
    pub offset: u64,
    /// Line, from 1.
    pub line: u64,
}

impl Reading {
    /// What the score means.
    pub fn verdict(&self) -> Verdict {
        match self.score {
            ACCUSED.. => Verdict::Accused,
            SUSPICIOUS.. => Verdict::Suspicious,
            _ => Verdict::Clean,
        }
    }
}

/// Reads a file. `bytes` are its first [`BYTES_MAX`] or fewer; more are not looked at.
pub fn read(bytes: &[u8], name: &str) -> Reading {
    let bytes = bytes.get(..bytes.len().min(BYTES_MAX)).unwrap_or_default();
    if bytes.starts_with(b"\x7fELF") {
        // A program of the system, whatever texts stand in it.
        return Reading { language: None, score: 0, reasons: Vec::new(), unread: None };
    }
    let decoded = charset::decoded(bytes);
    let dense = dense::Dense::of(&decoded.bytes);
    let plain = encoded::plain(&dense.text);
    let mut reading = windows::read(&plain.text, name);
    scrambled(&plain, &mut reading);
    wrapped(bytes, &plain.text, &mut reading);
    if reading.language.is_some() && dense.left_out() >= FILLER_BYTES && !reading.reasons.is_empty() {
        reading.reasons.push(Reason {
            points: 20,
            what: format!("{} bytes of filler stand in the page", dense.left_out()),
            offset: dense.first_gap() as u64,
            line: 0,
        });
    }
    for reason in &mut reading.reasons {
        let (at, lines) = dense.place(usize::try_from(reason.offset).unwrap_or(0));
        reason.line = lines + 1;
        reason.offset = at * decoded.scale();
    }
    if let Some(unread) = &mut reading.unread {
        let (at, lines) = dense.place(usize::try_from(unread.offset).unwrap_or(0));
        *unread = Unread { offset: at * decoded.scale(), line: lines + 1 };
    }
    reading.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
    reading.score = points(&reading.reasons).min(if is_document(name) { DOCUMENT_MAX } else { 100 });
    reading
}

/// Whether a file is by its name a text about code, or rules that look for it: what it quotes it does not run.
fn is_document(name: &str) -> bool {
    const ENDINGS: [&str; 9] = ["md", "markdown", "rst", "adoc", "yar", "yara", "yml", "yaml", "diff"];
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.iter().any(|one| one.eq_ignore_ascii_case(ending))
}

/// The sum of what reasons count.
fn points(reasons: &[Reason]) -> u32 {
    reasons.iter().map(|reason| reason.points).sum()
}

/// The text of one page, and pages within it, in the language in which it says the most.
fn read_text(text: &[u8], name: &str, nested: u32, work: &Work) -> Reading {
    let lower = text.to_ascii_lowercase();
    let mut worst = Reading { language: None, score: 0, reasons: Vec::new(), unread: None };
    for language in language::languages_of(&lower, name) {
        let one = read_as(Page { text, lower: &lower, name, nested }, language, work);
        if worst.language.is_none() || points(&one.reasons) > points(&worst.reasons) {
            worst = one;
        }
        if points(&worst.reasons) >= ACCUSED {
            break;
        }
    }
    worst
}

/// A page, or one within another.
#[derive(Clone, Copy)]
struct Page<'t> {
    text: &'t [u8],
    /// The same in lower case.
    lower: &'t [u8],
    name: &'t str,
    /// How deep pages within it are opened.
    nested: u32,
}

/// The text of one page in one language.
fn read_as(page: Page<'_>, language: Language, work: &Work) -> Reading {
    let Page { text, lower, name, nested } = page;
    let mut found = Found::default();
    let settings = settings::is_settings(name);
    if settings {
        settings::read(lower, &mut found);
    }
    let code_bytes = if language == Language::Config {
        if !settings {
            config::read(page, &mut found, work);
        }
        text.len()
    } else {
        walk(page, language, &mut found, work)
    };
    let mut reasons = score::reasons(&found, text, lower, language, code_bytes);
    if nested > 0 {
        for (inner, at) in std::mem::take(&mut found.embedded) {
            let inner = value::bytes_of(&inner);
            let mut reading = work.within(at, || read_text(&inner, name, nested - 1, work));
            if points(&reading.reasons) < ACCUSED && language.is_server_page() && !has_directive(&inner) {
                reading = work.within(at, || read_text(&inner, "page.asp", nested - 1, work));
            }
            if points(&reading.reasons) >= ACCUSED {
                let what = reading.reasons.first().map_or_else(String::new, |reason| reason.what.clone());
                reasons.push(Reason {
                    points: 75,
                    what: format!("holds a page in a text: {what}"),
                    offset: at as u64,
                    line: 0,
                });
                break;
            }
        }
    }
    dumped(lower, &mut reasons);
    Reading { language: Some(language), score: 0, reasons, unread: None }
}

/// Whether a page says its language itself.
fn has_directive(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"<%@").is_some()
}

/// A page that the Script Encoder made unreadable is looked at by a person, whatever it does.
fn scrambled(plain: &encoded::Plain<'_>, reading: &mut Reading) {
    let Some(at) = plain.encoded.filter(|_| reading.language.is_some()) else { return };
    let (points, what) = if plain.damaged {
        (70, "its script is encoded and damaged, so that nobody can read it")
    } else {
        (35, "its script is encoded so that a person cannot read it")
    };
    reading.reasons.push(Reason { points, what: what.into(), offset: at as u64, line: 0 });
}

/// Follows the code of a page; gives its bytes.
fn walk(page: Page<'_>, language: Language, found: &mut Found, work: &Work) -> usize {
    let cut = segment::cut(page.text, page.lower, language, page.name);
    if let Some(at) = cut.left_at {
        work.cut(at);
    }
    stretches(&cut.code, language, &cut, found, work);
    for own in [Language::VbScript, Language::JScript] {
        let code: Vec<(usize, Vec<u8>)> = cut
            .other
            .iter()
            .filter(|(_, _, other)| *other == own)
            .map(|(at, code, _)| (*at, code.clone()))
            .collect();
        if !code.is_empty() {
            stretches(&code, own, &cut, found, work);
        }
    }
    cut.code_bytes
}

/// Follows stretches of one language.
fn stretches(
    stretches: &[(usize, Vec<u8>)],
    language: Language,
    cut: &segment::Cut,
    found: &mut Found,
    work: &Work,
) {
    let mut tokens = Vec::new();
    let mut left = CODE_BYTES_MAX;
    for (at, code) in stretches {
        if code.len() > left {
            work.cut(at + left);
        }
        let code = code.get(..code.len().min(left)).unwrap_or_default();
        if !work.take(code.len() / 8) {
            work.end(*at);
            break;
        }
        left -= code.len();
        let code = if language == Language::Java { unescaped(code) } else { Cow::Borrowed(code) };
        tokens.append(&mut token::tokens(&code, *at, language, &mut found.remarks));
        let end = if language.is_basic() { token::Kind::Newline } else { token::Kind::Op };
        let text = if language.is_basic() { "\n" } else { ";" };
        tokens.push(token::Token { kind: end, text: token::Text::Fixed(text), at: *at });
        if tokens.len() >= token::TOKENS_MAX {
            work.cut(tokens.iter().rev().nth(1).map_or(*at, |token| token.at));
            break;
        }
    }
    let mut walk = Walk::new(language, found, work);
    for id in &cut.controls {
        walk.controls.insert(id.as_str().into(), ());
    }
    for (id, class) in &cut.objects {
        walk.placed(id, class);
    }
    walk.page(tokens);
}

/// Java undoes `\u0065` before it reads anything.
fn unescaped(code: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(code, b"\\u").is_none() {
        return Cow::Borrowed(code);
    }
    let (mut out, mut at) = (Vec::with_capacity(code.len()), 0);
    while let Some(byte) = code.get(at) {
        let rest = code.get(at..).unwrap_or_default();
        if let Some((letter, length)) = token::unicode_escape(rest).filter(|_| rest.starts_with(b"\\u")) {
            let mut buffer = [0; 4];
            out.extend(letter.encode_utf8(&mut buffer).as_bytes());
            at += length;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    Cow::Owned(out)
}

/// Script in what Exchange writes when a virtual directory is reset.
fn dumped(lower: &[u8], reasons: &mut Vec<Reason>) {
    let fields = [
        "externalurl",
        "internalurl",
        "internalauthenticationmethods",
        "extendedprotectiontokenchecking",
        "basicauthentication",
    ];
    let known = fields.iter().filter(|field| segment::has(lower, field)).count();
    let script = segment::place(lower, "<script").or_else(|| segment::place(lower, "<%"));
    if let Some(at) = script.filter(|_| known >= 3) {
        reasons.push(Reason {
            points: 80,
            what: "a dump of a virtual directory's settings holds script".into(),
            offset: at as u64,
            line: 0,
        });
    }
}

/// Code of a page behind bytes that are no text: a mailbox file, a certificate request, a picture.
fn wrapped(bytes: &[u8], text: &[u8], reading: &mut Reading) {
    if reading.language.is_none() || bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return;
    }
    let lower = text.get(..text.len().min(1 << 20)).unwrap_or_default().to_ascii_lowercase();
    let page = ["<%@ page", "<%@page", "runat=\"server\"", "runat=server", "<?php"]
        .iter()
        .find_map(|word| segment::place(&lower, word));
    let mut add = |points: u32, at: usize, what: &str| {
        reading.reasons.push(Reason { points, what: what.to_owned(), offset: at as u64, line: 0 });
    };
    if bytes.starts_with(b"!BDN") {
        add(80, page.unwrap_or(0), "a mailbox file holds code of a page");
    } else if bytes.starts_with(&[0x30, 0x82]) {
        add(80, page.unwrap_or(0), "a certificate request holds code of a page");
    } else if (bytes.starts_with(b"GIF8")
        || bytes.starts_with(&[0xff, 0xd8, 0xff])
        || bytes.starts_with(b"\x89PNG")
        || bytes.starts_with(b"%PDF"))
        && let Some(at) = page
    {
        add(40, at, "a picture or document holds code of a page");
    }
}
