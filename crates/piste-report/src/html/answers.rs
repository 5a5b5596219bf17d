//! The first page: each question with its answer in plain sentences that lead to their rows.
//!
//! In: the answers. Out: a list of questions and sentences. What a sentence names is a link where the page shows it.

use std::collections::BTreeSet;

use super::{ReportView, doors, put, section, story, tables};
use crate::answers::{CaseAnswer, Piece, Sentence};
use crate::escape::html_cut;

/// Characters of a piece of a sentence.
const PIECE_CHARS: usize = 600;

/// Writes the section.
pub(super) fn write(view: &ReportView<'_>, out: &mut String) {
    let shown = shown(view);
    out.push_str("<dl class=\"answers\">\n");
    for CaseAnswer { question, sentences } in view.run.answers {
        put!(out, "<dt>{}</dt><dd>", question.words());
        let Some((first, others)) = sentences.split_first() else { continue };
        put!(out, "<p><b>{}</b></p>", sentence(first, &shown));
        if !others.is_empty() {
            out.push_str("<ul>");
            for one in others {
                put!(out, "<li>{}</li>", sentence(one, &shown));
            }
            out.push_str("</ul>");
        }
        out.push_str("</dd>\n");
    }
    out.push_str("</dl>\n");
}

/// What has an anchor on the page.
fn shown(view: &ReportView<'_>) -> BTreeSet<String> {
    let mut shown: BTreeSet<String> = doors::shown(view).map(|door| door.id.clone()).collect();
    shown.extend(tables::shown_findings(view).map(|finding| finding.id.to_string()));
    for intrusion in story::shown_intrusions(view) {
        shown.insert(intrusion.id.clone());
        shown.extend(story::shown_steps(intrusion).map(|step| step.id.clone()));
    }
    shown
}

fn sentence(sentence: &Sentence, shown: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for piece in &sentence.0 {
        match piece {
            Piece::Words(words) => text.push_str(&html_cut(words, PIECE_CHARS)),
            Piece::Leads(id) if shown.contains(id) => {
                let id = html_cut(id, 20);
                put!(text, "<a href=\"#{id}\">{id}</a>");
            }
            Piece::Leads(id) => text.push_str(&html_cut(id, 20)),
            Piece::Section { anchor, .. } => text.push_str(&section(anchor)),
        }
    }
    text
}
