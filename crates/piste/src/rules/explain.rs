//! `piste rules explain`: why a rule matches a row, or does not.
//!
//! In: a rule's id or title, and a row of a case. Out: each condition, selection, item and value of the rule, whether it holds
//! in the row, and what the row has there; as a tree or as one JSON object a row.

use std::fmt::Write;

use arrow_array::RecordBatch;
use piste_hunt::explain::{Explanation, Kind, Part, explain};
use piste_lake::scan::text_at;
use piste_model::schema;
use piste_report::escape::{terminal, visible};
use piste_rules::{Given, Rule, RuleSet, logsource_label};
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;
use crate::look::rows::int_at;
use crate::rules::arguments::Explain;
use crate::{out, show};

/// Characters of one value that are shown; `--json` has more.
const VALUE_CHARS_MAX: usize = 200;
/// Values of an item that do not hold and are shown.
const UNMET_MAX: usize = 8;
/// Values of a row's field that are shown.
const ROW_VALUES_MAX: usize = 8;

/// Runs the command.
pub(crate) fn run(arguments: &Explain, common: &Common) -> Result<u8, Failure> {
    // A set from the cache has no text to explain.
    let set = Given::read(&arguments.which.load_options())?.load(&super::sources()?)?;
    let rule = find(&set, &arguments.rule)?;
    let mut text = String::new();
    for row in show::rows_named(&arguments.record, common)? {
        let found =
            explain(rule, &dataset(&row.batch), &row.batch).map_err(|reason| not_run(rule, &reason))?;
        if arguments.json {
            let place = json!({
                "rule_id": rule.id, "rule_title": rule.title, "rule_path": rule.path, "rule_line": rule.line,
                "evidence_id": row.sealed.id, "path": row.sealed.path,
                "record": int_at(&row.batch, schema::RECORD, 0), "explanation": found,
            });
            let _ = writeln!(text, "{place}"); // a String takes all
        } else {
            text += &page(rule, &row, &found);
        }
    }
    out::data(&text);
    Ok(0)
}

fn find<'s>(set: &'s RuleSet, wanted: &str) -> Result<&'s Rule, Failure> {
    let named =
        set.rules.iter().find(|rule| rule.is_called(wanted) || rule.title.eq_ignore_ascii_case(wanted));
    let unknown =
        |what: String, hint: &str| Failure::usage("rule-unknown", what, "nothing was explained", hint);
    let mut correlations = set.correlations.iter();
    if named.is_none()
        && correlations.any(|one| one.is_called(wanted) || one.rule.title.eq_ignore_ascii_case(wanted))
    {
        return Err(unknown(
            format!("`{wanted}` is a correlation: it looks at several rows, not at one"),
            "`piste show F-…` of its finding gives its details and rows; explain the rules that it names",
        ));
    }
    named.ok_or_else(|| {
        unknown(
            format!("no rule has the id, name or title `{wanted}`"),
            "name the rules' folder with --rules; `piste rules list` gives ids, `piste rules check` what does not load",
        )
    })
}

fn not_run(rule: &Rule, reason: &str) -> Failure {
    Failure::usage(
        "rule-not-compiled",
        format!("{}:{}: the rule does not run: {reason}", rule.path, rule.line),
        "nothing was explained",
        "`piste rules check` says what to change",
    )
}

fn dataset(row: &RecordBatch) -> String {
    let column = row.column_by_name(schema::DATASET);
    column.and_then(|column| text_at(column, 0)).unwrap_or_default().to_owned()
}

fn page(rule: &Rule, row: &show::Named, found: &Explanation) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{} ({}:{})", visible(&rule.title), visible(&rule.path), rule.line);
    let record = int_at(&row.batch, schema::RECORD, 0).map_or_else(String::new, |id| format!(" record {id}"));
    let place = format!("{} {}{record}, {}", row.sealed.id, row.sealed.path, what(found));
    let _ = writeln!(page, "{}", visible(&place));
    let verdict =
        if found.matches { "The rule matches this row" } else { "The rule does not match this row" };
    let _ = writeln!(page, "{verdict}\n");
    let _ = writeln!(
        page,
        "{} {}",
        mark(found.logsource.fits && found.logsource.met),
        visible(&logsource(rule, found))
    );
    if found.conditions.len() > 1 {
        let _ = writeln!(page, "    any of {} conditions", found.conditions.len());
    }
    for part in &found.conditions {
        tree(part, 0, &mut page);
    }
    for part in &found.selections {
        tree(part, 0, &mut page);
    }
    page.push('\n');
    page
}

/// `windows.sysmon, Microsoft-Windows-Sysmon/Operational, event 1`.
fn what(found: &Explanation) -> String {
    let shape = &found.logsource.row;
    let event = shape.event_code.map(|code| format!("event {code}")).unwrap_or_default();
    let parts = [shape.dataset.as_str(), &shape.channel, &event];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn logsource(rule: &Rule, found: &Explanation) -> String {
    let label = logsource_label(rule);
    if !found.logsource.fits {
        return format!("logsource {label}: does not fit, the row is of {}", what(found));
    }
    let asks = found.logsource.asks.join("; or ");
    match (asks.is_empty(), found.logsource.met) {
        (true, _) => format!("logsource {label}: fits"),
        (false, true) => format!("logsource {label}: fits, the row has {asks}"),
        (false, false) => format!("logsource {label}: does not fit, the row lacks {asks}"),
    }
}

fn mark(holds: bool) -> &'static str {
    if holds { "yes" } else { "no " }
}

fn tree(part: &Part, depth: usize, page: &mut String) {
    let kind = match part.kind {
        Kind::Condition if depth == 0 => "condition ",
        Kind::Selection if depth == 0 => "selection ",
        _ => "",
    };
    let mut line = format!("{} {}{kind}{}", mark(part.holds), "  ".repeat(depth), visible(&part.text));
    if let Some(value) = &part.value {
        let separator = if part.text.is_empty() { "" } else { ": " };
        let value = if value.is_empty() { "''".to_owned() } else { terminal(value, VALUE_CHARS_MAX) };
        let _ = write!(line, "{separator}{value}");
    }
    if part.kind == Kind::Item && !part.parts.is_empty() {
        line.push(':');
    }
    if let Some(row) = &part.row {
        let _ = write!(line, "    ({})", in_row(row));
    }
    let _ = writeln!(page, "{line}");
    let mut unmet = 0;
    for one in &part.parts {
        if one.kind == Kind::Value && !one.holds {
            unmet += 1;
            if unmet > UNMET_MAX {
                continue;
            }
        }
        tree(one, depth + 1, page);
    }
    if unmet > UNMET_MAX {
        let _ = writeln!(page, "no  {}and {} more values", "  ".repeat(depth + 1), unmet - UNMET_MAX);
    }
}

fn in_row(values: &[String]) -> String {
    if values.is_empty() {
        return "the row has no such field".to_owned();
    }
    let shown = values.iter().take(ROW_VALUES_MAX).map(|value| match value.as_str() {
        "" => "empty".to_owned(),
        value => terminal(value, VALUE_CHARS_MAX),
    });
    let mut text = format!("is {}", shown.collect::<Vec<_>>().join(" ¦ "));
    if values.len() > ROW_VALUES_MAX {
        let _ = write!(text, " and {} more", values.len() - ROW_VALUES_MAX);
    }
    text
}
