//! What rules say of themselves, for outputs that show it.
//!
//! In: loaded rules, or the case's ledger, which names the rules of the last run. Out: their texts by rule id.

use std::collections::BTreeMap;
use std::path::PathBuf;

use piste_model::summary::RuleSetFigures;
use piste_report::profiles::RuleText;
use piste_rules::{BUILT_IN_PATH, LoadOptions, Rule};
use serde_json::Value;

use crate::failure;
use crate::out;

/// What a rule says of itself.
pub(crate) fn rule_text(rule: &Rule) -> RuleText {
    let about = rule.about.clone();
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    RuleText {
        id: rule.id.clone(),
        title: rule.title.clone(),
        level: rule.level.as_str().to_owned(),
        status: rule.status.clone(),
        authors: about.authors,
        date: about.date,
        modified: about.modified,
        description: about.description,
        references: about.references,
        falsepositives: about.falsepositives,
        tags: rule.tags.clone(),
        product: said(&rule.logsource.product),
        category: said(&rule.logsource.category),
        service: said(&rule.logsource.service),
        path: rule.path.clone(),
    }
}

/// The rules of the case's last run, read again from where they were. Where that cannot be, a warning says so and what the
/// detections tell of their rules must do.
///
/// `run` is the body of the entry that began it.
pub(crate) fn rules_of_last_run(run: &Value) -> BTreeMap<String, RuleText> {
    let rules = run.get("rules").cloned().unwrap_or_default();
    let sets: Vec<RuleSetFigures> = serde_json::from_value(rules).unwrap_or_default();
    let built_in = sets.iter().any(|set| set.path == BUILT_IN_PATH);
    let given = sets.iter().filter(|set| set.path != BUILT_IN_PATH);
    let paths: Vec<PathBuf> = given.map(|set| PathBuf::from(&set.path)).collect();
    let Ok(sources) = piste_rules::catalog::sources() else { return BTreeMap::new() };
    match piste_rules::load(&LoadOptions::of(&paths, built_in), &sources) {
        Ok(loaded) => {
            // Pipelines and selections change which rules run and how, not what they say of themselves.
            let texts = |sets: &[RuleSetFigures]| -> Vec<String> {
                sets.iter().map(|set| set.sha256.clone()).collect()
            };
            if texts(&loaded.figures.sets) != texts(&sets) {
                out::note(
                    "warning: the rules are not what the last run hunted with: their texts are today's",
                );
            }
            loaded.rules.iter().map(|rule| (rule.id.clone(), rule_text(rule))).collect()
        }
        Err(error) => {
            let why = failure::chain(&error);
            out::note(&format!(
                "warning: the rules of the last run cannot be read again: {}; authors, dates and files of rules are left out",
                piste_report::escape::visible(&why)
            ));
            BTreeMap::new()
        }
    }
}
