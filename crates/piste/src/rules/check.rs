//! `piste rules check`: each rule that will not run or could never match.
//!
//! In: rule folders. Out: place, reason and one step to take for each; a line of counts; an exit code for a pipeline of
//! checks.

use std::fmt::Write;

use piste_report::escape::visible;
use piste_rules::yara::YaraSet;
use piste_rules::{NotRun, RuleError, RuleSet, could_never_match};

use crate::cli::Common;
use crate::failure::{Failure, USAGE};
use crate::out;
use crate::rules::arguments::Check;
use crate::rules::prepared::correlations;

/// Runs the command.
pub(crate) fn run(arguments: &Check, common: &Common) -> Result<u8, Failure> {
    let (mut set, yara) = super::load_both(&arguments.which, &arguments.paths, &|error| {
        // The reasons are what was asked for, so they come before the error.
        if let RuleError::NoneLoads { not_run, .. } | RuleError::NoYaraLoads { not_run, .. } = error {
            out::data(&page(not_run, arguments.json));
        }
    })?;
    let never = could_never_match(&set.rules);
    // What loads may still be refused by the hunt.
    let (_, mut not_compiled) = piste_hunt::plan::plan(&set);
    not_compiled.extend(correlations(&set).1);
    let refused = not_compiled.len() as u64;
    set.figures.loaded = set.figures.loaded.saturating_sub(refused);
    set.figures.not_loaded += refused;
    let mut all = set.not_run.clone();
    all.extend(yara.not_run.iter().cloned());
    all.extend(not_compiled);
    all.extend(never.iter().cloned());
    all.sort_by(|a, b| (&a.path, a.line, a.column, &a.slug).cmp(&(&b.path, b.line, b.column, &b.slug)));
    let mut text = page(&all, arguments.json);
    if !arguments.json && !common.quiet {
        text += &summary(&set, &never);
        if !yara.sets.is_empty() {
            text += &yara_summary(&yara);
        }
    }
    out::data(&text);
    let not_loaded = set.figures.not_loaded > 0 || yara.not_run.iter().any(NotRun::is_not_loaded);
    Ok(if arguments.strict && not_loaded { USAGE } else { 0 })
}

fn yara_summary(yara: &YaraSet) -> String {
    let loaded = yara.rules.iter().filter(|rule| rule.reports).count();
    let not_loaded = yara.not_run.iter().filter(|one| one.is_not_loaded()).count();
    format!("{loaded} YARA rules load, {not_loaded} do not\n")
}

fn page(list: &[NotRun], json: bool) -> String {
    let mut page = String::new();
    for one in list {
        if json {
            page += &serde_json::to_string(one).unwrap_or_default();
            page.push('\n');
            continue;
        }
        let column = one.column.map(|column| format!(":{column}")).unwrap_or_default();
        let id = one.rule_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let text = format!("{}:{}{column}: {}: {}{id}", one.path, one.line, one.slug, one.reason);
        let _ = writeln!(page, "{}", visible(&text)); // a String takes all
        if let Some(hint) = &one.hint {
            let _ = writeln!(page, "  hint: {hint}");
        }
    }
    page
}

fn summary(set: &RuleSet, never: &[NotRun]) -> String {
    let no_source = set.not_run.iter().filter(|one| one.slug == "rule-no-source").count();
    let excluded = set.not_run.iter().filter(|one| one.slug == "rule-excluded").count();
    let unknown = set.not_run.iter().filter(|one| one.slug == "rule-placeholder-unknown").count();
    let by_field = never.iter().filter(|one| one.slug == "rule-field-never").count();
    let mut text = format!(
        "{} rules load, {} do not, {} can never match ({no_source} without a source, {by_field} by their fields)",
        set.figures.loaded,
        set.figures.not_loaded,
        no_source + by_field
    );
    if unknown > 0 {
        let _ = write!(text, ", {unknown} wait for placeholders");
    }
    if never.len() > by_field {
        let _ = write!(text, ", {} look for a path where IIS writes none", never.len() - by_field);
    }
    if excluded > 0 {
        let _ = write!(text, ", {excluded} are excluded");
    }
    if set.not_selected > 0 {
        let _ = write!(text, ", {} are not selected", set.not_selected);
    }
    text.push('\n');
    text
}
