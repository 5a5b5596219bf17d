//! What he did: each intrusion with its steps in the order of time, what was kept apart, and what is too little for an intrusion.
//!
//! In: the trail. Out: a picture of steps by computer and time, and for each intrusion what is known of it as a whole and a table of
//! its steps: when, where, as whom, what the rows show, by what it is joined to others, and the rows. Leads stand by themselves.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::trail::{
    DecidedJoin, DecisionOutcome, Edge, Intrusion, ScopeHost, Step, StepRow, TimeSpan, TrailLead,
};

use super::pictures::{Axis, short, start, tenths};
use super::words::{host, list, rest, thead};
use super::{ReportView, put, section};
use crate::answers::tactic;
use crate::escape::{html, html_cut};
use crate::figures::counted;

/// Intrusions, and steps of each, that are shown.
const INTRUSIONS: usize = 20;
const STEPS: usize = 300;
/// Rows and joins of a step.
const ROWS: usize = 3;
const EDGES: usize = 3;
/// Lines of lists.
const LEADS: usize = 40;
const HOSTS: usize = 40;
/// Computers in the picture.
const LANES: usize = 24;
/// Characters of a sentence, of what a step says.
const SENTENCE: usize = 600;
const STEP_CHARS: usize = 420;

/// Intrusions that the page shows.
pub(super) fn shown_intrusions<'a>(view: &ReportView<'a>) -> impl Iterator<Item = &'a Intrusion> + use<'a> {
    view.trail.intrusions.iter().take(INTRUSIONS)
}

/// Steps of an intrusion that the page shows.
pub(super) fn shown_steps(intrusion: &Intrusion) -> impl Iterator<Item = &Step> {
    intrusion.steps.iter().take(STEPS)
}

/// Rows of a step that the page shows.
pub(super) fn shown_rows(step: &Step) -> impl Iterator<Item = &StepRow> {
    step.rows.iter().take(ROWS)
}

/// Writes the section.
pub(super) fn write(view: &ReportView<'_>, out: &mut String) {
    if view.run.summary.detections.is_none() {
        out.push_str("<p>Nothing was joined: the rules have not been run over this evidence.</p>\n");
        return;
    }
    if view.trail.intrusions.is_empty() {
        put!(
            out,
            "<p>No intrusion was made out of what rules and rows show here. What left nothing, and what is not here, cannot be \
             seen: {} shows where the logs have holes.</p>\n",
            section("coverage")
        );
    } else {
        picture(view, out);
        for intrusion in shown_intrusions(view) {
            one(intrusion, out);
        }
        rest(out, view.trail.intrusions.len().saturating_sub(INTRUSIONS), "intrusions", "trail.json");
    }
    decisions(&view.trail.decisions, out);
    leads(&view.trail.leads, out);
    let scope = &view.trail.scope;
    hosts("Computers that something points to", &scope.suspected, out);
    hosts("Computers without a sign, for the span that their logs cover", &scope.no_sign, out);
    hosts("Named by his traces and not examined", &scope.not_examined, out);
}

fn one(intrusion: &Intrusion, out: &mut String) {
    let first = &intrusion.first_trace;
    put!(
        out,
        "<h3 id=\"{id}\">{id}: in no later than {}, confidence {}</h3>\n<dl class=\"known\">",
        first.no_later_than,
        html_cut(&intrusion.confidence, 20),
        id = html_cut(&intrusion.id, 20)
    );
    let days = intrusion.dwell_days.min;
    let stay =
        if days == 0 { "less than a day".to_owned() } else { counted(days.unsigned_abs(), "day", "days") };
    let facts = [
        ("Last trace", format!("{} (at least {stay} after the first)", intrusion.last_trace)),
        ("Who", html_cut(&intrusion.actor, SENTENCE)),
        ("Computers", list(&intrusion.hosts, 20, 64)),
        ("Accounts", list(&intrusion.accounts, 20, 120)),
        ("Ways in", list(&intrusion.doors, 20, 20)),
        ("Why it is one", list(&intrusion.because, 12, 200)),
        ("Stays open", list(&intrusion.reserves, 12, SENTENCE)),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        put!(out, "<dt>{name}</dt><dd>{value}</dd>");
    }
    for (number, apart) in intrusion.separate_from.iter().take(LEADS).enumerate() {
        let name = if number == 0 { "Kept apart" } else { "" };
        put!(
            out,
            "<dt>{name}</dt><dd>{}: {}</dd>",
            html_cut(&apart.what, SENTENCE),
            html_cut(&apart.because, SENTENCE)
        );
    }
    out.push_str("</dl>\n<table class=\"steps\">");
    thead(out, &["Step", "When (UTC)", "Where and as whom", "What the rows show"]);
    let shown: BTreeSet<&str> = shown_steps(intrusion).map(|step| step.id.as_str()).collect();
    for step in shown_steps(intrusion) {
        one_step(step, &shown, out);
    }
    out.push_str("</table>\n");
    rest(out, intrusion.steps.len().saturating_sub(STEPS), "steps", "trail.json");
}

fn one_step(step: &Step, shown: &BTreeSet<&str>, out: &mut String) {
    let account =
        if step.account.is_empty() { "no account named".to_owned() } else { html_cut(&step.account, 80) };
    put!(
        out,
        "<tbody class=\"finding\" id=\"{id}\"><tr><th scope=\"row\" class=\"step\">{id}</th><td class=\"t\">{}</td><td \
         class=\"where\">{}<br>{account}</td><td><span class=\"deed\">{}</span> <span class=\"technique\">{}</span><br>{}\
         <dl class=\"joined\">",
        times(step.time),
        host(&step.host),
        html_cut(tactic(&step.tactic).1, 40),
        html_cut(&step.technique, 20),
        html_cut(&step.text, STEP_CHARS),
        id = html_cut(&step.id, 20),
    );
    if !step.findings.is_empty() || step.door.is_some() {
        let mut speaks: Vec<String> = step.door.iter().cloned().collect();
        speaks.extend(step.findings.iter().cloned());
        put!(out, "<dt>Spoken of by</dt><dd>{}</dd>", list(&speaks, 8, 20));
    }
    for (number, edge) in step.edges.iter().take(EDGES).enumerate() {
        put!(out, "<dt>{}</dt><dd>{}</dd>", if number == 0 { "Joined to" } else { "" }, joined(edge, shown));
    }
    if step.edges.is_empty() {
        out.push_str("<dt>Joined to</dt><dd>no other step: it stands by itself</dd>");
    } else if step.edges.len() > EDGES {
        put!(
            out,
            "<dt></dt><dd>and {} more: <code>piste why {}</code></dd>",
            step.edges.len() - EDGES,
            html_cut(&step.id, 20)
        );
    }
    put!(out, "<dt>Rows</dt><dd>{}</dd></dl></td></tr></tbody>\n", rows(step));
}

fn joined(edge: &Edge, shown: &BTreeSet<&str>) -> String {
    let id = html_cut(&edge.to, 20);
    // A step that the page does not show has no place to lead to.
    let to = if shown.contains(edge.to.as_str()) { format!("<a href=\"#{id}\">{id}</a>") } else { id };
    format!("{to}, {} ({}): {}", edge.class, edge.class.meaning(), html_cut(&edge.reason, SENTENCE))
}

fn rows(step: &Step) -> String {
    let mut text = String::new();
    for (number, row) in shown_rows(step).enumerate() {
        let code = row.event_code.map(|code| format!(", event {code}")).unwrap_or_default();
        put!(
            text,
            "{}<a href=\"#{id}\">{id}</a>:{} ({}{code})",
            if number == 0 { "" } else { "; " },
            row.record,
            html_cut(&row.dataset, 60),
            id = row.evidence_id
        );
    }
    let more = step.count.saturating_sub(shown_rows(step).count() as u64);
    if more > 0 {
        put!(text, "; and {more} more");
    }
    text
}

/// A step's time with all its digits: a bound that is cut would be too early.
fn times(time: TimeSpan) -> String {
    let (from, to) = (moment(&time.from.to_string()), moment(&time.to.to_string()));
    if from == to { from } else { format!("{from}<br>to {to}") }
}

/// Day and time of day over two lines.
fn moment(text: &str) -> String {
    let text = html(text.trim_end_matches('Z'));
    text.split_once('T')
        .map_or_else(|| text.clone(), |(day, hour)| format!("<span>{day}</span> <span>{hour}</span>"))
}

/// Persons' words about what belongs together, with what became of each.
fn decisions(decisions: &[DecidedJoin], out: &mut String) {
    if decisions.is_empty() {
        return;
    }
    out.push_str(
        "<h3>What persons joined or cut</h3>\n<p>Steps are named as they were when it was said.</p>\n<ul>\n",
    );
    for told in decisions.iter().take(LEADS) {
        let became = match told.outcome {
            DecisionOutcome::Kept => "the trail above is so",
            DecisionOutcome::StillJoined => "other edges still join the two",
            DecisionOutcome::NotFound => "without effect: one of the two is not in this run",
        };
        put!(out, "<li>{}; {became}.</li>\n", html_cut(&told.in_words(), SENTENCE));
    }
    out.push_str("</ul>\n");
    rest(out, decisions.len().saturating_sub(LEADS), "such words", "trail.json");
}

fn leads(leads: &[TrailLead], out: &mut String) {
    if leads.is_empty() {
        return;
    }
    out.push_str(
        "<h3>Leads: too little for an intrusion</h3>\n<p>Each is to be judged by a person; none is counted above.</p>\n<table>",
    );
    thead(out, &["When (UTC)", "Computer", "What", "Why it is none"]);
    out.push_str("<tbody>");
    for lead in leads.iter().take(LEADS) {
        put!(
            out,
            "<tr><td class=\"t\">{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>\n",
            moment(&lead.first.to_string()),
            if lead.hosts.is_empty() { host("") } else { list(&lead.hosts, 3, 64) },
            html_cut(&lead.text, STEP_CHARS),
            if lead.findings.is_empty() {
                String::new()
            } else {
                format!(" ({})", list(&lead.findings, 5, 20))
            },
            html_cut(&lead.because, SENTENCE)
        );
    }
    out.push_str("</tbody></table>\n");
    rest(out, leads.len().saturating_sub(LEADS), "leads", "trail.json");
}

fn hosts(title: &str, hosts: &[ScopeHost], out: &mut String) {
    if hosts.is_empty() {
        return;
    }
    put!(out, "<h3>{title}</h3>\n<ul>\n");
    for one in hosts.iter().take(HOSTS) {
        put!(out, "<li><b>{}</b>: {}</li>\n", host(&one.host), html_cut(&one.because, SENTENCE));
    }
    out.push_str("</ul>\n");
    rest(out, hosts.len().saturating_sub(HOSTS), "computers", "trail.json");
}

/// Lanes of computers over time, a mark a step; the number in a mark is the intrusion's, so that it reads without colour.
fn picture(view: &ReportView<'_>, out: &mut String) {
    const LANE: i64 = 26;
    let steps = || {
        view.trail
            .intrusions
            .iter()
            .enumerate()
            .flat_map(|(at, one)| one.steps.iter().map(move |step| (at, step)))
    };
    let Some(axis) = Axis::over(steps().flat_map(|(_, step)| [step.time.from.nanos, step.time.to.nanos]))
    else {
        return;
    };
    let mut lanes: BTreeMap<&str, BTreeSet<(i64, usize)>> = BTreeMap::new();
    for (at, step) in steps() {
        lanes.entry(&step.host).or_default().insert((axis.x(step.time.from.nanos), at + 1));
    }
    let mut shown: Vec<_> = lanes.iter().collect();
    // The computer that he was on first comes first.
    shown.sort_by_key(|(name, marks)| (marks.first().map(|(x, _)| *x), **name));
    shown.truncate(LANES);
    let height = LANE * i64::try_from(shown.len()).unwrap_or(0) + 34;
    out.push_str(
        "<figure><figcaption><b>Picture 1.</b> Steps by computer over time; the number in a mark is that of the intrusion. Steps that \
         lie closer than a mark are one mark. No mark is no sign of quiet: see what is in the dark.</figcaption>\n",
    );
    let desc = format!(
        "{} steps on {} computers; the tables below have the same as text.",
        steps().count(),
        lanes.len()
    );
    start(out, &axis, "p-steps", "Steps by computer over time", &desc, height);
    let mut y = 6;
    for (name, marks) in shown {
        put!(
            out,
            "<g><title>{}</title><text x=\"0\" y=\"{}\">{}</text>\n",
            host(name),
            y + 15,
            short(name, 32)
        );
        let mut last: BTreeMap<usize, i64> = BTreeMap::new();
        for (x, intrusion) in marks {
            if last.get(intrusion).is_some_and(|before| x - before < 60) {
                continue;
            }
            last.insert(*intrusion, *x);
            put!(
                out,
                "<circle cx=\"{x}\" cy=\"{}\" r=\"7\" fill=\"#8f1313\" stroke=\"#fff\"/><text x=\"{x}\" y=\"{}\" font-size=\"10\" \
                 fill=\"#fff\" text-anchor=\"middle\">{}</text>\n",
                y + 11,
                y + 15,
                if *intrusion < 100 { intrusion.to_string() } else { "…".to_owned() },
                x = tenths(*x)
            );
        }
        out.push_str("</g>\n");
        y += LANE;
    }
    out.push_str("</svg></figure>\n");
    rest(out, lanes.len().saturating_sub(LANES), "computers with steps", "trail.json");
}
