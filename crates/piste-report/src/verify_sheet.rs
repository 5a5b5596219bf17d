//! The verification sheet: to print and to sign.
//!
//! In: a verification, the list, how the list was released, the ledger's head. Out: HTML for A4 without script or outside request: what it
//! rests on, every item with its result, the span in which it would have shown and its rows, and lines to sign. What comes from evidence
//! is escaped.

use std::fmt::Write as _;

use piste_model::removal::{
    EvictionKnown, HostState, RemovalList, Verification, VerifiedTrace, VerifyReason, VerifyResult,
    VisibleSpan,
};

use crate::escape::{html as escaped, html_cut};

/// All that is printed.
#[derive(Debug, Clone)]
pub struct Sheet<'v> {
    /// The verification.
    pub verification: &'v Verification,
    /// The list that was judged.
    pub list: &'v RemovalList,
    /// How the list was released, in a sentence.
    pub release: String,
    /// Entries of the ledger when it was printed.
    pub entries: u64,
    /// Hash of the last of them.
    pub head: String,
}

/// Characters of a place.
const PLACE_CHARS: usize = 300;
/// Lines left empty for signatures.
const SIGNATURES: usize = 3;

const CSS: &str = "
@page{size:A4 landscape;margin:12mm}
body{font:13px/1.4 'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif;color:#1a1d21;background:#fff;
 max-width:78rem;margin:1.2rem auto;padding:0 1rem}
h1{font-size:1.3rem;margin:0 0 .5rem}
h2{font-size:1.05rem;margin:1.3rem 0 .3rem}
p{margin:.3rem 0;max-width:60rem}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{border:1px solid #8a929b;padding:.25rem .4rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
tr{break-inside:avoid}
td.open{font-weight:700}
td.sign{height:2.6rem;width:25%}
.mono{font-family:ui-monospace,Consolas,'Liberation Mono',monospace;font-size:.85em}
footer{font-size:.8rem;color:#4a525b;overflow-wrap:anywhere;margin-top:1rem}
";

/// The sheet as a page.
pub fn html(sheet: &Sheet<'_>) -> String {
    let verification = sheet.verification;
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Verification of removal</title>\n<style>{CSS}</style></head><body>\n<h1>Verification of removal</h1>\n"
    );
    write_ground(sheet, &mut page);
    for (result, title) in [
        (VerifyResult::Back, "Back"),
        (VerifyResult::StillThere, "Still there"),
        (VerifyResult::NotVisible, "Not visible"),
        (VerifyResult::Gone, "Gone"),
    ] {
        write_section(verification, result, title, &mut page);
    }
    write_doors(verification, &mut page);
    write_follows(verification, &mut page);
    page.push_str("<h2>Seen and agreed</h2>\n<table><thead><tr><th>name</th><th>office</th><th>date</th><th>signature</th></tr></thead><tbody>\n");
    for _ in 0..SIGNATURES {
        page.push_str("<tr><td class=\"sign\"></td><td class=\"sign\"></td><td class=\"sign\"></td><td class=\"sign\"></td></tr>\n");
    }
    let _ = write!(
        page,
        "</tbody></table>\n<footer>Judged {}. List: SHA-256 <span class=\"mono\">{}</span>. Ledger: {} entries, head <span class=\"mono\">{}</span>.</footer>\n</body></html>\n",
        verification.at,
        escaped(&verification.list_sha256),
        sheet.entries,
        escaped(&sheet.head)
    );
    page
}

fn write_ground(sheet: &Sheet<'_>, page: &mut String) {
    let verification = sheet.verification;
    let figures = verification.figures;
    let known = match (verification.evicted_at, verification.eviction_known) {
        (Some(at), EvictionKnown::Given) => format!("The intruder was thrown out {at}, as it was given."),
        (Some(at), EvictionKnown::Claimed) => format!("The intruder was thrown out {at}, by the plan’s actions that are claimed to be done."),
        (Some(at), EvictionKnown::LastTrace) => {
            format!("Nobody said when the intruder was thrown out; the case’s last trace, {at}, stands in for it.")
        }
        (None, _) => "Nobody said when the intruder was thrown out, and no trace has a time: nothing can be called gone.".to_owned(),
    };
    let _ = write!(
        page,
        "<p>{}</p>\n<p>{}</p>\n<p>Of {} items <b>{} are back, {} still there, {} not visible, {} gone</b>. Gone means: evidence of that computer, younger than \
         the eviction and read whole, would show it and does not, at the moment that the evidence is of. It says nothing of later, nor of what left no trace.</p>\n",
        escaped(&known),
        escaped(&sheet.release),
        verification.traces.len(),
        figures.back,
        figures.still_there,
        figures.not_visible,
        figures.gone
    );
    page.push_str("<table><thead><tr><th>collection</th><th>given</th><th>files</th><th>last row</th><th>remarks</th></tr></thead><tbody>\n");
    for one in &verification.collections {
        let mut remarks = Vec::new();
        if one.older {
            remarks.push("older than the eviction or the last trace: nothing is gone by it");
        }
        if !one.whole {
            remarks.push("not all of it could be read");
        }
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&one.name),
            escaped(&one.given.join(", ")),
            one.files,
            one.last.map(|last| last.to_string()).unwrap_or_default(),
            remarks.join("; ")
        );
    }
    page.push_str("</tbody></table>\n");
    let told: Vec<_> = verification.hosts.iter().filter(|host| host.state != HostState::Same).collect();
    if !told.is_empty() {
        page.push_str("<ul>\n");
        for host in told {
            let now = if host.now.is_empty() { String::new() } else { format!(", now {}", host.now) };
            let because = if host.because.is_empty() { String::new() } else { format!(": {}", host.because) };
            let line = format!("{}: {}{now}{because}", host.host, host.state.as_str());
            let _ = writeln!(page, "<li>{}</li>", escaped(&line));
        }
        page.push_str("</ul>\n");
    }
}

fn write_section(verification: &Verification, result: VerifyResult, title: &str, page: &mut String) {
    let its: Vec<&VerifiedTrace> = verification.traces.iter().filter(|one| one.result == result).collect();
    if its.is_empty() {
        return;
    }
    let last = if result == VerifyResult::NotVisible { "to collect" } else { "rows" };
    let _ = write!(
        page,
        "<h2>{title}</h2>\n<table><thead><tr><th>no.</th><th>what</th><th>computer</th><th>place</th><th>from</th><th>result</th><th>would have shown</th><th>because</th><th>{last}</th></tr></thead><tbody>\n"
    );
    for one in its {
        let because: Vec<String> = one.because.iter().map(VerifyReason::in_words).collect();
        let rows = if result == VerifyResult::NotVisible { one.collect.join("; ") } else { rows_of(one) };
        let class = if result.is_open() { " class=\"open\"" } else { "" };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"mono\">{}</td><td>{}</td><td{class}>{}</td><td>{}</td><td>{}</td><td class=\"mono\">{}</td></tr>",
            escaped(&one.id),
            one.kind.as_str(),
            escaped(&one.host),
            html_cut(&one.place, PLACE_CHARS),
            escaped(&one.traces.join(", ")),
            one.result.as_str(),
            span(one.visible),
            escaped(&because.join("; ")),
            escaped(&rows)
        );
    }
    page.push_str("</tbody></table>\n");
}

fn span(visible: Option<VisibleSpan>) -> String {
    match visible {
        None => "at no time".to_owned(),
        Some(span) if span.from == span.to => span.to.to_string(),
        Some(span) => format!("{} to {}", span.from, span.to),
    }
}

fn rows_of(one: &VerifiedTrace) -> String {
    let named =
        one.rows.iter().map(|row| format!("{} {}:{}", row.collection, row.row.evidence_id, row.row.record));
    named.collect::<Vec<_>>().join(", ")
}

fn write_doors(verification: &Verification, page: &mut String) {
    if verification.doors.is_empty() {
        return;
    }
    page.push_str("<h2>Ways in</h2>\n<table><thead><tr><th>no.</th><th>kind</th><th>computer</th><th>place</th><th>result</th><th>items</th><th>flaws</th><th>to collect</th></tr></thead><tbody>\n");
    for door in &verification.doors {
        let flaws: Vec<String> = door
            .flaws
            .iter()
            .map(|flaw| {
                format!(
                    "{} {}",
                    flaw.cve,
                    flaw.open.map_or("not known", |open| if open { "open" } else { "closed" })
                )
            })
            .collect();
        let class = if door.result.is_open() { " class=\"open\"" } else { "" };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"mono\">{}</td><td{class}>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&door.id),
            escaped(&door.kind),
            escaped(&door.host),
            html_cut(&door.place, PLACE_CHARS),
            door.result.as_str(),
            escaped(&door.items.join(", ")),
            escaped(&flaws.join(", ")),
            escaped(&door.collect.join("; "))
        );
    }
    page.push_str("</tbody></table>\n");
}

fn write_follows(verification: &Verification, page: &mut String) {
    for (title, ids) in [
        ("Actions of the plan that are open again", &verification.reopened_actions),
        ("Actions that the evidence shows to be done", &verification.done_actions),
        ("Findings to be judged again", &verification.reopened_findings),
    ] {
        if !ids.is_empty() {
            let _ = writeln!(page, "<p>{title}: {}</p>", escaped(&ids.join(", ")));
        }
    }
    for fact in &verification.proposed_facts {
        let line = format!("Proposed fact {} = {}, by {}", fact.fact, fact.value, fact.because.join(", "));
        let _ = writeln!(page, "<p>{}</p>", escaped(&line));
    }
}
