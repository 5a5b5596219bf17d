//! A long page, window by window.
//!
//! In: a page's text without its filler. Out: the worst reading of its beginning and of each window behind it. A page is read
//! as one up to a bound of code and tokens; what lies behind the bound is read too, in windows so small that none meets a
//! bound of its own.

use super::work::Work;
use super::{Language, NESTED_MAX, Reading, Unread, points, read_text, segment};

/// Bytes of the beginning that are read as one.
const BEGINNING_BYTES: usize = 6 << 20;
/// Bytes of a window: it has fewer tokens than are looked at.
const WINDOW_BYTES: usize = 512 << 10;
/// Bytes that a window shares with the one before it.
const SHARED_BYTES: usize = 8 << 10;
/// Bytes in which a file shows that it is no text.
const HEAD_BYTES: usize = 8 << 10;
/// What code begins with, and hardly a picture's bytes.
const MARKS: [&[u8]; 5] = [b"<?php", b"<%@", b"<%eval", b"<script", b"<jsp:"];
/// Places of one file that are read.
const MARKS_MAX: usize = 16;

/// The worst of all.
pub(super) fn read(text: &[u8], name: &str) -> Reading {
    let beginning = text.get(..text.len().min(BEGINNING_BYTES)).unwrap_or_default();
    let work = Work::of(beginning.len());
    let mut worst = read_text(beginning, name, NESTED_MAX, &work);
    let (language, mut unread) = (worst.language, work.ended());
    for at in behind_binary(text) {
        let window = text.get(at..text.len().min(at + WINDOW_BYTES)).unwrap_or_default();
        unread = weighed(&mut worst, read_window(window, at, name, None), unread);
    }
    // What was read as one, to its end, is not read again.
    let read = work.cut_at().into_iter().chain(work.ended()).min().unwrap_or(beginning.len());
    let mut from = read.saturating_sub(SHARED_BYTES);
    while from + SHARED_BYTES < text.len() {
        let window = text.get(from..text.len().min(from + WINDOW_BYTES)).unwrap_or_default();
        unread = weighed(&mut worst, read_window(window, from, name, language), unread);
        from += WINDOW_BYTES - SHARED_BYTES;
    }
    worst.unread = unread.map(|at| Unread { offset: at as u64, line: 0 });
    worst
}

/// Keeps the worse of two readings in `worst`; answers where the first ended that did not reach its end.
fn weighed(
    worst: &mut Reading,
    (one, ended): (Reading, Option<usize>),
    unread: Option<usize>,
) -> Option<usize> {
    if points(&one.reasons) > points(&worst.reasons) {
        *worst = one;
    }
    unread.into_iter().chain(ended).min()
}

/// Where code begins in a file that is none: what a picture's own bytes look like must not lead the reader astray.
fn behind_binary(text: &[u8]) -> Vec<usize> {
    let head = text.get(..text.len().min(HEAD_BYTES)).unwrap_or_default();
    if !head.contains(&0) {
        return Vec::new();
    }
    let mut all: Vec<usize> = MARKS
        .iter()
        .flat_map(|mark| memchr::memmem::find_iter(text, mark).take(MARKS_MAX))
        .filter(|at| *at > 0)
        .collect();
    all.sort_unstable();
    all.truncate(MARKS_MAX);
    all
}

/// A window that begins within code gets the bracket that opened it.
fn read_window(
    window: &[u8],
    from: usize,
    name: &str,
    language: Option<Language>,
) -> (Reading, Option<usize>) {
    let opening: &[u8] = match language {
        Some(language) if begins_within(window, language) => match language {
            Language::Php => b"<?php ",
            _ => b"<% ",
        },
        _ => b"",
    };
    let work = Work::of_part(window.len());
    let mut reading = read_text(&[opening, window].concat(), name, NESTED_MAX, &work);
    for reason in &mut reading.reasons {
        reason.offset = reason.offset.saturating_sub(opening.len() as u64) + from as u64;
    }
    (reading, work.ended().map(|at| at.saturating_sub(opening.len()) + from))
}

/// Whether code ends in a text before any begins.
fn begins_within(text: &[u8], language: Language) -> bool {
    let (open, close) = match language {
        Language::Php => ("<?", "?>"),
        Language::Config => return false,
        _ => ("<%", "%>"),
    };
    match (segment::place(text, open), segment::place(text, close)) {
        (Some(open), Some(close)) => close < open,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::{Verdict, read};

    /// Statements that mean nothing, and no two alike.
    fn filler(bytes: usize) -> String {
        let mut text = String::new();
        for number in 0.. {
            if text.len() >= bytes {
                break;
            }
            writeln!(text, "$a{number}={number};").expect("a String takes all");
        }
        text
    }

    #[test]
    fn a_shell_behind_megabytes_of_code_is_found_with_its_place() {
        let mut page = format!("<?php\n{}", filler(7 << 20));
        let at = page.len();
        page.push_str("eval($_POST['k']);");
        page.push_str(&filler(1 << 20).replace('a', "b"));
        let reading = read(page.as_bytes(), "x.php");
        assert_eq!(reading.verdict(), Verdict::Accused, "{:?}", reading.reasons);
        let worst = &reading.reasons[0];
        assert!((at..at + 40).contains(&usize::try_from(worst.offset).expect("small")), "{worst:?}");
        assert_eq!(worst.line, page[..at].matches('\n').count() as u64 + 1);
    }

    #[test]
    fn a_shell_behind_blanks_is_found_and_the_blanks_are_named() {
        for blank in [" ", "\r\n", "\n \t"] {
            let page = format!(
                "<%@ Page Language=\"Jscript\"%>{}<%eval(Request.Item[\"k\"],\"unsafe\");%>",
                blank.repeat(7 << 20)
            );
            let reading = read(page.as_bytes(), "x.aspx");
            assert_eq!(reading.verdict(), Verdict::Accused);
            assert!(
                reading.reasons.iter().any(|one| one.what.ends_with("bytes of filler stand in the page"))
            );
            assert!(reading.reasons[0].offset > 7 << 20, "{:?}", reading.reasons);
        }
    }

    #[test]
    fn a_flow_around_megabytes_of_remark_is_followed() {
        let remark = filler(7 << 20);
        let page = format!("<?php $x = $_POST['k']; /* {remark} */ system($x);");
        assert_eq!(read(page.as_bytes(), "x.php").verdict(), Verdict::Accused);
    }

    #[test]
    fn code_behind_bytes_that_look_like_code_is_found() {
        let mut state = 7_u32;
        for code in [
            "<?php system($_GET['c']); ?>",
            "<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"k\"],\"unsafe\");%>",
        ] {
            for _ in 0..4 {
                let mut picture = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
                for _ in 0..300_000 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    picture.push(state.to_be_bytes()[0]);
                }
                picture.extend(b"<? ' <% \" /*");
                picture.extend(code.as_bytes());
                assert_eq!(read(&picture, "a.jpg").verdict(), Verdict::Accused);
            }
        }
    }

    #[test]
    fn a_long_page_of_nothing_is_clean() {
        let page = format!("<?php\n{}", filler(2 << 20));
        assert_eq!(read(page.as_bytes(), "x.php").verdict(), Verdict::Clean);
        let blank = format!("<?php\n{}echo 1;", " ".repeat(9 << 20));
        assert_eq!(read(blank.as_bytes(), "x.php").verdict(), Verdict::Clean);
    }
}
