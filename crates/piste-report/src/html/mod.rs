//! `report.html`: one page to hand to those who decide, and to those who check.
//!
//! In: a [`ReportView`]. Out: one self-contained file: inline CSS and SVG, no script, no request to anywhere, printable on
//! A4. It opens with the answers to what those who decide ask, and leads each sentence down to a file, a record and a
//! hash. Times are UTC. It holds no time of its making, so that equal runs give equal bytes.

mod answers;
mod dark;
mod doors;
mod headline;
mod pictures;
mod sightings;
mod story;
mod style;
mod tables;
mod words;

use std::io::{self, Write};

use piste_model::{Door, Exposure, Trail};

use crate::escape::html_cut;
use crate::view::{Coverage, RunView};

/// Appends formatted text to a `String`.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($arg)*); // writing to a String cannot fail
    }};
}
pub(crate) use put;

/// What the report is made from.
#[derive(Debug, Clone, Copy)]
pub struct ReportView<'a> {
    /// Name of the case for the page's head; may be empty.
    pub case: &'a str,
    /// The run.
    pub run: RunView<'a>,
    /// What each host's datasets cover, in any order.
    pub coverage: &'a [Coverage],
    /// Ways in, the gravest first.
    pub doors: &'a [Door],
    /// Which flaws were open when, by server.
    pub exposures: &'a [Exposure],
    /// What the logs cannot show of open flaws, a sentence each.
    pub not_visible: &'a [String],
    /// What was done, and which spans of which logs are here.
    pub trail: &'a Trail,
}

/// The sections: anchor, heading, and what writes the content.
type Section = (&'static str, &'static str, fn(&ReportView<'_>, &mut String));

const SECTIONS: [Section; 14] = [
    ("answers", "The answers", answers::write),
    ("story", "What he did", story::write),
    ("doors", "Ways in", doors::write),
    ("result", "What was examined and found", headline::write),
    ("time", "When and where rules matched", pictures::detections),
    ("coverage", "What the evidence covers", coverage),
    ("findings", "Findings, the gravest first", tables::findings),
    ("sightings", "Known indicators", sightings::write),
    ("numbers", "Detections by level, computer and day", tables::numbers),
    ("unread", "What could not be read, and what that costs", tables::unread),
    ("unseen", "Areas without any event in this evidence", tables::unseen),
    ("rules", "Rules", tables::rule_sets),
    ("evidence", "Evidence", tables::evidence),
    ("check", "How to check a statement", tables::how_to_check),
];

/// A section by its number, as a link.
fn section(anchor: &str) -> String {
    let number = (1..).zip(SECTIONS).find(|(_, (name, ..))| *name == anchor).map_or(0, |(number, _)| number);
    format!("<a href=\"#{anchor}\">section {number}</a>")
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn report(view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let case = html_cut(view.case, 120);
    let title = if case.is_empty() { "Report of the examination".to_owned() } else { case };
    let mut head = String::new();
    put!(
        head,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n<header>\n<p class=\"kind\">Report of a Piste \
         examination. All times are UTC.</p>\n<h1>{title}</h1>\n<nav aria-label=\"Contents\"><ol>",
        style::CSS
    );
    for (anchor, heading, _) in SECTIONS {
        put!(head, "<li><a href=\"#{anchor}\">{heading}</a></li>");
    }
    head.push_str("</ol></nav>\n</header>\n<main>\n");
    out.write_all(head.as_bytes())?;
    for (number, (anchor, heading, content)) in (1..).zip(SECTIONS) {
        let mut section = String::new();
        put!(section, "<section id=\"{anchor}\">\n<h2>{number}. {heading}</h2>\n");
        content(view, &mut section);
        section.push_str("</section>\n");
        out.write_all(section.as_bytes())?;
    }
    out.write_all(
        b"</main>\n<footer><p>Everything on this page is computed from the sealed evidence. The same evidence, rules, indicators and \
          version of Piste give this page again, byte for byte.</p></footer>\n</body>\n</html>\n",
    )
}

fn coverage(view: &ReportView<'_>, out: &mut String) {
    pictures::coverage(view, out);
    tables::coverage(view, out);
    dark::write(view, out);
}
