//! The text of `dir /s`, in any language of Windows.
//!
//! In: lines. A folder's line is indented and ends in its path, whatever the words before it; a file's line begins with a
//! date. Out: a row a file or folder. `dir` shows one time in the host's own zone: the last write, unless it was asked with
//! `/T:C` or `/T:A`, which the text does not tell.

use piste_model::schema::Role;

use super::facts::{Facts, Meaning};
use super::{WORDS, push_row};
use crate::bad_records::BadRecords;
use crate::block::Block;
use crate::fields::Fields;
use crate::header::Header;
use crate::rows::Rows;
use crate::{Context, Parsed};

/// Lines of a file's beginning that must show what it is.
const HEAD_LINES: usize = 40;
/// What some languages write after the path.
const AFTER_PATH: [&str; 3] = [
    " \u{306e}\u{30c7}\u{30a3}\u{30ec}\u{30af}\u{30c8}\u{30ea}",
    " \u{7684}\u{76ee}\u{5f55}",
    " \u{76ee}\u{9304}",
];

/// Whether the first lines are of this form: a folder's line, and after it a file's.
pub(crate) fn is_listing(head: &str) -> bool {
    let mut lines = head.lines().take(HEAD_LINES);
    lines.any(|line| folder(line).is_some()) && lines.any(|line| entry(line).is_some())
}

/// The folder that an indented line names.
fn folder(line: &str) -> Option<&str> {
    if !line.starts_with([' ', '\t']) || line.starts_with("   ") {
        return None;
    }
    let drive = line.find(":\\").and_then(|at| at.checked_sub(1)).filter(|at| {
        line.as_bytes().get(*at).is_some_and(u8::is_ascii_alphabetic)
            && at
                .checked_sub(1)
                .and_then(|before| line.as_bytes().get(before))
                .is_some_and(u8::is_ascii_whitespace)
    });
    let at = drive.or_else(|| line.find(" \\\\").map(|at| at + 1))?;
    let mut path = line.get(at..)?.trim_end();
    for after in AFTER_PATH {
        path = path.strip_suffix(after).unwrap_or(path);
    }
    Some(path)
}

/// One entry of a folder.
struct Entry<'a> {
    time: &'a str,
    /// `<DIR>` and its like, or the size as written.
    size: &'a str,
    name: &'a str,
}

fn entry(line: &str) -> Option<Entry<'_>> {
    if !line.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let (date, rest) = line.split_once([' ', '\t'])?;
    let body = rest.trim_start();
    let (clock, mut after) = body.split_once([' ', '\t'])?;
    if !clock.contains(':') || !date.contains(['.', '/', '-']) {
        return None;
    }
    // `AM`, `p.m.`, `a. m.`
    loop {
        let next = after.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let word = next.split([' ', '\u{a0}', '\u{202f}']).next()?;
        let letters: String = word.chars().filter(char::is_ascii_alphabetic).collect();
        if !matches!(letters.to_ascii_lowercase().as_str(), "am" | "pm" | "a" | "p" | "m") || word.len() > 4 {
            break;
        }
        after = next.get(word.len()..)?;
    }
    let time = line.get(..line.len() - after.len())?.trim_end();
    let after = after.trim_start_matches([' ', '\t']);
    let (size, name) = if after.starts_with('<') {
        let (kind, name) = after.split_once('>')?;
        (kind, name.trim_start())
    } else {
        // Thousands stand apart by a comma, a dot, or a blank that does not break.
        let end = after.find(|letter: char| {
            !letter.is_ascii_digit()
                && !matches!(letter, ',' | '.' | '\u{a0}' | '\u{202f}' | '\u{2019}' | '\u{ff}')
        })?;
        let (size, name) = after.split_at(end);
        (size, name.strip_prefix(' ').filter(|_| !size.is_empty())?)
    };
    (!name.is_empty()).then_some(Entry { time, size, name })
}

/// Takes in one line for the blocks after it.
pub(crate) fn follow(header: &mut Header, line: &str) {
    if let Some(path) = folder(line) {
        header.set_list(path);
    }
}

/// Parses the lines of one block.
pub fn parse_lines(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut bad = BadRecords::new(&WORDS);
    let mut header = block.header.as_deref().cloned().unwrap_or_default();
    let mut rows = Rows::new(cx.sources, cx.evidence);
    let (mut fields, mut facts) = (Fields::default(), Facts::written(header.dates.order));
    parsed.note_too_long(cx, block, "line");
    for line in block.lines() {
        follow(&mut header, &line.text);
        let Some(entry) = entry(&line.text) else {
            // Sums, the volume's name, blank lines: what is no entry says nothing of a file.
            if line.text.starts_with(|letter: char| letter.is_ascii_digit()) {
                bad.note(&line, "it has not the date, time, size and name of an entry");
            }
            continue;
        };
        if matches!(entry.name, "." | "..") {
            continue;
        }
        let Some(folder) = header.fields.as_deref() else {
            bad.note(&line, "no folder's line stands before it");
            continue;
        };
        take_facts(&entry, folder, &mut facts);
        fields.clear();
        fields.push("Directory", folder, Role::Data);
        fields.push("Time", entry.time, Role::Data);
        fields.push("Size", entry.size.trim_start_matches('<'), Role::Data);
        fields.push("Name", entry.name, Role::Data);
        let time = facts.push(&mut fields).map(|(time, _)| (time, "dir: last write unless /T, zone unknown"));
        push_row(&line, time, "", &fields, cx, &mut rows);
        parsed.records += 1;
    }
    bad.tell(cx, &mut parsed);
    if block.offset == 0 {
        header.dates.tell(cx, &mut parsed);
    }
    facts.exchanged.tell(cx, header.dates.order, block.offset, &mut parsed);
    parsed.take_rows(cx, block.offset, rows);
    parsed
}

fn take_facts(entry: &Entry<'_>, folder: &str, facts: &mut Facts) {
    facts.clear();
    let kind = entry.size.starts_with('<');
    // A link shows its target after its name: `x [C:\y]`.
    let name = match entry.name.rsplit_once(" [") {
        Some((name, target)) if kind && target.ends_with(']') && entry.size != "<DIR" => name,
        _ => entry.name,
    };
    facts.set(Meaning::Path, &format!("{}\\{name}", folder.trim_end_matches('\\')), true);
    facts.set(Meaning::IsDirectory, if kind { "true" } else { "false" }, true);
    if !kind {
        let digits: String = entry.size.chars().filter(char::is_ascii_digit).collect();
        facts.set(Meaning::Size, &digits, true);
    }
    if let Some(time) = facts.read(entry.time) {
        facts.set(Meaning::Modified, &time.to_string(), false);
    }
}
