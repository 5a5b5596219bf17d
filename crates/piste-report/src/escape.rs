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
