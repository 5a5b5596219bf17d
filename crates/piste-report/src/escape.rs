//! Text from evidence, made safe for where it is shown.
//!
//! In: any text; the intruder may have written it. Out: text that cannot move a cursor, turn the reading direction, end
//! an HTML element or start a formula. What was taken out stays visible, as `\x1b` or `\u{202e}`.
//!
//! A backslash stays as it is, since Windows paths are full of them: evidence that spells out `\x1b` looks like an
//! escaped ESC. `piste show` gives the record's own bytes.

use std::borrow::Cow;
use std::fmt::Write;

/// Ends a text that was cut.
pub const ELLIPSIS: char = '…';

/// Whether `c` is not shown as itself: control characters, bidirectional controls, invisible ones, other line ends.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Replaces hidden characters by visible escapes: `\x1b` below U+0100, `\u{202e}` above.
pub fn visible(text: &str) -> Cow<'_, str> {
    // Most texts are plain ASCII, which is seen at once.
    let plain = text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte));
    if plain || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match u32::from(c) {
            _ if !is_hidden(c) => shown.push(c),
            code @ 0..=0xff => drop(write!(shown, "\\x{code:02x}")), // writing to a String cannot fail
            code => drop(write!(shown, "\\u{{{code:x}}}")),
        }
    }
    Cow::Owned(shown)
}

/// What a text as a whole is, and so how a sign in it that a terminal would act on is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// JSON, or JSON lines: `\u009b`, which reads as the same value.
    Json,
    /// Lines that a script may read, as CSV: `\x9b`.
    Lines,
    /// Made for people: as lines, and its own colours stay.
    Styled,
}

/// A whole output as a terminal may have it: line ends and tabs stay, and where it is styled the colours that this program
/// writes; of all else that is hidden nothing arrives raw.
pub fn for_terminal(text: &str, written: Written) -> Cow<'_, str> {
    let stays = |c: char| matches!(c, '\n' | '\t') || !is_hidden(c);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = if written == Written::Styled { colour_at(rest) } else { 0 };
        let (this, after) = rest.split_at_checked(colour.max(c.len_utf8())).unwrap_or((rest, ""));
        if colour > 0 || stays(c) {
            shown.push_str(this);
        } else if written == Written::Json {
            // Outside of a string JSON has no such sign but the carriage return, which may go.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}"); // writing to a String cannot fail
            }
        } else {
            shown.push_str(&visible(this));
        }
        rest = after;
    }
    Cow::Owned(shown)
}

/// Bytes of the colour (`ESC [ 1 ; 31 m`) that a text begins with; 0 where it begins with none.
fn colour_at(text: &str) -> usize {
    let Some(numbers) = text.strip_prefix("\x1b[") else { return 0 };
    let end = numbers.bytes().position(|byte| !byte.is_ascii_digit() && byte != b';');
    match end {
        Some(end) if numbers.as_bytes().get(end) == Some(&b'm') => end + 3,
        _ => 0,
    }
}

/// Escapes `text` for a terminal and cuts it to `width` characters, the last of them `…` where something is missing.
///
/// Reads no more of `text` than it shows, so that a megabyte costs no more than a line.
pub fn terminal(text: &str, width: usize) -> String {
    let head = text.char_indices().nth(width).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let shown = visible(head);
    if head.len() == text.len() && shown.chars().count() <= width {
        return shown.into_owned();
    }
    let mut cut: String = shown.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        cut.push(ELLIPSIS);
    }
    cut
}

/// Escapes `text` for HTML content and quoted attributes, hidden characters made visible.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// As [`html`], after `max` characters cut with a word on how much is missing.
pub fn html_cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => html(text),
        Some((end, _)) => {
            let (head, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            format!(
                "{}{ELLIPSIS} ({} more characters)",
                html(head),
                crate::figures::thousands(rest.chars().count() as u64)
            )
        }
    }
}

/// One field of a CSV line (RFC 4180): quoted where it holds a comma, a quote or a line end, quotes doubled.
///
/// A spreadsheet takes a field that begins with `= + - @`, a tab or a line end for a formula, and the intruder may have
/// written it. Such a field gets a leading apostrophe, which a spreadsheet hides and a script must take off. Use this for
/// text columns only; numbers and times are written as they are.
pub fn csv(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quote = text.contains([',', '"', '\n', '\r']);
    if !formula && !quote {
        return Cow::Borrowed(text);
    }
    let apostrophe = if formula { "'" } else { "" };
    if quote {
        Cow::Owned(format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Owned(format!("{apostrophe}{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible() {
        for (text, shown) in [
            ("plain é 文", "plain é 文"),
            ("\u{1b}[31mred\u{7}", "\\x1b[31mred\\x07"),
            ("a\nb\tc\r\0\u{9b}", "a\\x0ab\\x09c\\x0d\\x00\\x9b"),
            ("invoice\u{202e}fdp.exe", "invoice\\u{202e}fdp.exe"),
            ("\u{2066}\u{200b}\u{feff}\u{e0041}", "\\u{2066}\\u{200b}\\u{feff}\\u{e0041}"),
            ("C:\\x1b", "C:\\x1b"),
        ] {
            assert_eq!(visible(text), shown);
            assert!(!visible(text).chars().any(is_hidden));
        }
    }

    #[test]
    fn every_bidirectional_control_is_hidden() {
        for code in (0x202a..=0x202e).chain(0x2066..=0x2069).chain([0x200e, 0x200f, 0x61c]) {
            assert!(is_hidden(char::from_u32(code).unwrap()), "{code:x}");
        }
    }

    #[test]
    fn no_output_moves_a_terminal() {
        let hostile = "a\u{1b}[31mb\u{9b}2J\u{7f}\u{202e}c\r\n\td\u{e0041}";
        let lines = "a\\x1b[31mb\\x9b2J\\x7f\\u{202e}c\\x0d\n\td\\u{e0041}";
        assert_eq!(for_terminal(hostile, Written::Lines), lines);
        assert_eq!(for_terminal(hostile, Written::Styled), lines.replacen("\\x1b[31m", "\u{1b}[31m", 1));
        for text in ["\u{1b}[2J", "\u{1b}[31", "\u{1b}]0;x\u{7}", "\u{1b}[3\u{1b}[mm"] {
            let shown = for_terminal(text, Written::Styled);
            assert!(!shown.replace("\u{1b}[m", "").chars().any(is_hidden), "{shown:?}");
        }
        // The same value, whatever signs it has.
        let value = "\u{9b}\u{7f}\u{202e}\u{e0041}\u{feff}\\";
        let json = format!("{{\"a\":\"{}\"}}", value.replace('\\', "\\\\"));
        let shown = for_terminal(&json, Written::Json);
        assert!(!shown.chars().any(is_hidden));
        assert!(shown.contains("\\u009b\\u007f\\u202e\\udb40\\udc41\\ufeff"), "{shown}");
    }

    #[test]
    fn terminal_text_is_cut_by_characters() {
        for (text, width, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("ééé", 2, "é…"),
            ("\u{1b}", 4, "\\x1b"),
            ("\u{1b}", 3, "\\x…"),
            ("abc", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(terminal(text, width), shown, "{text:?} to {width}");
        }
        let long = "\u{1b}".repeat(1 << 20);
        assert_eq!(terminal(&long, 40).chars().count(), 40);
    }

    #[test]
    fn html_cannot_be_left() {
        assert_eq!(html("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
        assert_eq!(html("\" onload='x' & \u{1b}\n"), "&quot; onload=&#39;x&#39; &amp; \\x1b\\x0a");
        let long = "<".repeat(1 << 20);
        assert_eq!(html_cut(&long, 2), "&lt;&lt;… (1,048,574 more characters)");
        assert_eq!(html_cut("ab", 2), "ab");
    }

    #[test]
    fn csv_quotes_and_disarms_formulas() {
        for (text, field) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("", ""),
        ] {
            assert_eq!(csv(text), field);
        }
    }
}
