//! What of the logs is in the dark: cleared, overwritten, filtered, not collected, or missing in the midst.
//!
//! In: the spans of the logs. Out: a table of those that are not covered. Only what is covered supports a sentence that nothing was
//! seen.

use std::cmp::Reverse;

use piste_model::visibility::Because;
use piste_model::{Visibility, VisibilityKind};

use super::words::{host, rest, thead};
use super::{ReportView, put};
use crate::escape::{html, html_cut};

/// Spans that are listed.
const SPANS: usize = 60;

/// Writes the table.
pub(super) fn write(view: &ReportView<'_>, out: &mut String) {
    let mut dark: Vec<&Visibility> =
        view.trail.visibility.iter().filter(|span| span.kind != VisibilityKind::Covered).collect();
    if dark.is_empty() {
        return;
    }
    // What somebody did to a log comes before what happens to every log.
    dark.sort_by_key(|span| (Reverse(gravity(span)), &span.host, &span.dataset, span.from));
    out.push_str(
        "<h3>What is in the dark</h3>\n<p>Of these spans nothing follows from silence.</p>\n<table>",
    );
    thead(out, &["Computer", "Dataset", "What", "Span (UTC)", "Why"]);
    out.push_str("<tbody>");
    for span in dark.iter().take(SPANS) {
        put!(
            out,
            "<tr><th scope=\"row\" class=\"h\">{}</th><td>{}</td><td>{}</td><td class=\"t\">{}</td><td>{}</td></tr>\n",
            host(&span.host),
            html_cut(&span.dataset, 64),
            span.kind.as_str(),
            html(&span.span_in_words()),
            html_cut(&span.because.in_words(), 200)
        );
    }
    out.push_str("</tbody></table>\n");
    rest(out, dark.len().saturating_sub(SPANS), "such spans", "trail.json");
}

fn gravity(span: &Visibility) -> u8 {
    // What a policy keeps out says more than where a log begins.
    if matches!(span.because, Because::AuditPolicy { .. }) {
        return 3;
    }
    match span.kind {
        VisibilityKind::Cleared => 6,
        VisibilityKind::Skewed => 5,
        VisibilityKind::Gap => 4,
        VisibilityKind::NotCollected => 3,
        VisibilityKind::Exported => 2,
        VisibilityKind::RolledOver | VisibilityKind::NotLogged => 1,
        VisibilityKind::Covered => 0,
    }
}
