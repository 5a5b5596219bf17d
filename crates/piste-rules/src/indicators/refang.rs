//! Defanged values made whole: `hxxp://evil[.]example` is `http://evil.example`.
//!
//! In: a value as reports and mails write it, so that nobody clicks on it. Out: the value itself. What is not defanged comes
//! back as it is.

use std::borrow::Cow;

/// What stands for what; longer ones first. All in lower case.
const FORMS: &[(&str, &str)] = &[
    ("[://]", "://"),
    ("(://)", "://"),
    ("[:]//", "://"),
    ("[:\\\\]", "://"),
    ("[//]", "//"),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[dot", "."),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("<.>", "."),
    ("[.", "."),
    (".]", "."),
    ("[@]", "@"),
    ("(@)", "@"),
    ("{@}", "@"),
    ("[:]", ":"),
    ("(:)", ":"),
    ("{:}", ":"),
    ("[/]", "/"),
    ("(/)", "/"),
];
/// Schemes as people spoil them.
const SCHEMES: &[(&str, &str)] = &[
    ("hxxps", "https"),
    ("hxxp", "http"),
    ("hxtps", "https"),
    ("hxtp", "http"),
    ("h**ps", "https"),
    ("h**p", "http"),
    ("htxps", "https"),
    ("htxp", "http"),
    ("fxp", "ftp"),
];

/// The value itself, blanks and quotes around it taken off.
pub fn refang(text: &str) -> Cow<'_, str> {
    let text = unquoted(text.trim());
    let lower = text.to_ascii_lowercase();
    let scheme = SCHEMES
        .iter()
        .find(|(spoilt, _)| lower.strip_prefix(spoilt).is_some_and(|rest| rest.starts_with([':', '[', '('])));
    let escaped = is_escaped(text);
    if scheme.is_none() && !escaped && !text.contains(['[', '(', '{', ']', '<']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    if let Some((spoilt, whole)) = scheme {
        out.push_str(whole);
        at = spoilt.len();
    }
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let low = lower.get(at..).unwrap_or_default();
        if let Some((form, stands_for)) = FORMS.iter().find(|(form, _)| low.starts_with(form)) {
            // `evil [.] example`: blanks belong to the spoiling.
            while out.ends_with(' ') {
                out.pop();
            }
            out.push_str(stands_for);
            at += form.len();
            at += text.get(at..).map_or(0, |rest| rest.len() - rest.trim_start_matches(' ').len());
            continue;
        }
        if escaped && rest.starts_with("\\.") {
            at += 1;
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        out.push(c);
        at += c.len_utf8();
    }
    Cow::Owned(out)
}

/// `evil\.example`: each backslash stands between a letter or digit and a dot, which no path is.
fn is_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\\').peekable();
    slashes.peek().is_some()
        && slashes.all(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            before.is_some_and(u8::is_ascii_alphanumeric) && bytes.get(at + 1) == Some(&b'.')
        })
}

fn unquoted(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('\'', '\''), ('`', '`'), ('<', '>')] {
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner {
            return inner.trim();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(spoilt: &str, whole: &str) {
        assert_eq!(refang(spoilt), whole);
    }

    #[test]
    fn every_spelling_of_the_field_is_understood() {
        check("hxxp://evil[.]example/a", "http://evil.example/a");
        check("hXXps[://]evil(.)example", "https://evil.example");
        check("h**p[:]//evil{.}example", "http://evil.example");
        check("fxp://203.0.113[.]7/x", "ftp://203.0.113.7/x");
        check("203[.]0[.]113[.]7", "203.0.113.7");
        check("203.0.113[.7", "203.0.113.7");
        check("evil [dot] example", "evil.example");
        check("evil[DOT]example", "evil.example");
        check("someone[@]evil[.]example", "someone@evil.example");
        check("someone(at)evil(dot)example", "someone@evil.example");
        check("2001[:]db8[:][:]7", "2001:db8::7");
        check("evil\\.example", "evil.example");
        check(" \"evil[.]example\" ", "evil.example");
        check("<https://evil.example/>", "https://evil.example/");
    }

    #[test]
    fn what_is_whole_stays_as_it_is() {
        for text in [
            "http://evil.example/a?b=c",
            "C:\\Users\\a\\x[1].htm",
            "C:\\Program Files (x86)\\a.exe",
            "\\\\.\\pipe\\evil",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
            "Global\\{8F9A-1}",
            "d41d8cd98f00b204e9800998ecf8427e",
            "é[x",
        ] {
            check(text, text);
        }
    }

    fn spoilt(value: &str, dot: &str, at: &str, scheme: &str) -> String {
        let (head, rest) = match value.split_once("://") {
            Some(("http", rest)) => (scheme.to_owned(), rest),
            Some((other, rest)) => (format!("{other}://"), rest),
            None => (String::new(), value),
        };
        head + &rest.replace('.', dot).replace('@', at)
    }

    proptest! {
        #[test]
        fn refanging_undoes_defanging(
            value in "(http://)?[a-z0-9]{1,8}(\\.[a-z]{2,6}){1,3}(/[a-z0-9]{0,5})?|[a-z]{1,8}@[a-z]{2,8}\\.[a-z]{2,5}|[0-9]{1,3}(\\.[0-9]{1,3}){3}",
            dot in prop::sample::select(vec![".", "[.]", "(.)", "{.}", "[dot]", "(dot)", "[DOT]", " [.] "]),
            at in prop::sample::select(vec!["@", "[@]", "[at]", "(at)", "{@}"]),
            scheme in prop::sample::select(vec!["http://", "hxxp://", "hXXp://", "hxxp[://]", "h**p[:]//", "hxxp[:]//"]),
        ) {
            let spoilt = spoilt(&value, dot, at, scheme);
            prop_assert_eq!(refang(&spoilt), value);
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,60}") {
            let once = refang(&text).into_owned();
            prop_assert!(once.len() <= text.len() + 2);
        }
    }
}
