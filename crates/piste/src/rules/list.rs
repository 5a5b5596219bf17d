//! `piste rules list`: the rules that would run.
//!
//! In: rule folders and a selection. Out: a line a rule, the gravest first, then by title.

use std::collections::BTreeMap;
use std::fmt::Write;

use piste_model::Level;
use piste_report::escape::visible;
use piste_rules::yara::YaraSet;
use piste_rules::{RuleSet, logsource_label};
use serde::Serialize;

use crate::failure::Failure;
use crate::out;
use crate::rules::arguments::List;

/// A rule as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    level: Level,
    status: String,
    /// `windows/process_creation`; `correlation` for one, `yara` for one that looks at files.
    logsource: String,
    attack: Vec<String>,
    title: String,
    id: String,
    path: String,
    line: u64,
    kind: &'static str,
    tags: Vec<String>,
    /// Whether it makes detections of its own.
    reports: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &List) -> Result<u8, Failure> {
    let (set, yara) = super::load_both(&arguments.which, &arguments.paths, &|_| {})?;
    let lines = lines(&set, &yara);
    let mut page = String::new();
    if arguments.json {
        for line in &lines {
            page += &serde_json::to_string(line).unwrap_or_default();
            page.push('\n');
        }
        out::data(&page);
        return Ok(0);
    }
    for line in &lines {
        let attack = if line.attack.is_empty() { "-".to_owned() } else { line.attack.join(",") };
        let status = if line.status.is_empty() { "-" } else { &line.status };
        let text = format!(
            "{:<5} {:<12} {:<30} {:<20} {}  {}  {}:{}",
            line.level.short(),
            status,
            line.logsource,
            attack,
            line.title,
            line.id,
            line.path,
            line.line
        );
        let _ = writeln!(page, "{}", visible(&text)); // a String takes all
    }
    page += &totals((&set, &yara), &lines);
    out::data(&page);
    Ok(0)
}

fn lines(set: &RuleSet, yara: &YaraSet) -> Vec<Listed> {
    let rules = set.rules.iter().map(|rule| Listed {
        level: rule.level,
        status: rule.status.clone(),
        logsource: logsource_label(rule),
        attack: rule.attack.clone(),
        title: rule.title.clone(),
        id: rule.id.clone(),
        path: rule.path.clone(),
        line: rule.line,
        kind: "rule",
        tags: rule.tags.clone(),
        reports: rule.reports,
    });
    let correlations = set.correlations.iter().map(|one| Listed {
        level: one.level(),
        status: one.status(),
        logsource: "correlation".to_owned(),
        attack: one.attack(),
        title: one.rule.title.clone(),
        id: one.id.clone(),
        path: one.path.clone(),
        line: one.line,
        kind: "correlation",
        tags: one.rule.tags.clone(),
        reports: one.reports,
    });
    let of_files = yara.rules.iter().filter(|rule| rule.reports).map(|rule| Listed {
        level: rule.level,
        status: rule.status.clone(),
        logsource: "yara".to_owned(),
        attack: rule.attack.clone(),
        title: rule.title.clone(),
        id: rule.id.clone(),
        path: rule.path.clone(),
        line: rule.line,
        kind: "yara",
        tags: rule.tags.clone(),
        reports: rule.reports,
    });
    let mut lines: Vec<Listed> = rules.chain(correlations).chain(of_files).collect();
    lines.sort_by(|a, b| {
        b.level.cmp(&a.level).then_with(|| (&a.title, &a.path, a.line).cmp(&(&b.title, &b.path, b.line)))
    });
    lines
}

/// The counts at the end.
fn totals((set, yara): (&RuleSet, &YaraSet), lines: &[Listed]) -> String {
    let mut by_level: BTreeMap<Level, u64> = BTreeMap::new();
    for line in lines {
        *by_level.entry(line.level).or_default() += 1;
    }
    let counts = Level::DESCENDING
        .iter()
        .filter_map(|level| Some(format!("{} {level}", by_level.get(level)?)))
        .collect::<Vec<_>>()
        .join(", ");
    let mut text = format!("\n{} rules: {counts}\n", lines.len());
    let not_selected = set.not_selected + yara.not_selected;
    if not_selected > 0 {
        let _ = writeln!(text, "{not_selected} more are left out by --level, --status or --tag");
    }
    let remarks = set.not_run.len() + yara.not_run.len();
    if remarks > 0 {
        let _ = writeln!(text, "{remarks} remarks on rules that do not run: piste rules check");
    }
    text
}
