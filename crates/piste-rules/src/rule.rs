//! A loaded rule and a rule that does not run.
//!
//! In: a parsed Sigma rule with its place. Out: the values that the hunt, `piste rules` and `rules_not_run.jsonl` read.

use piste_model::Level;
use piste_model::summary::RuleFigures;
use rsigma_parser::{SigmaRule, Status};
use serde::Serialize;

use crate::gate::Gate;

/// Everything that was loaded to hunt with.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// Rules that loaded, in the order of sets, then paths, then documents. Those whose [`Gate::Nothing`] fits no row
    /// are among them, and in `not_run` too.
    pub rules: Vec<Rule>,
    /// What does not run, and why, in the same order.
    pub not_run: Vec<NotRun>,
    /// Counts for `summary.json`. `loaded` counts `rules`; `not_loaded` counts the rules among `not_run` that did not
    /// load. A rule without a source loaded, and a YAML file of something else is no rule: neither is counted there.
    pub figures: RuleFigures,
    /// SHA-256 over all sets' hashes, in order, 64 hex digits.
    pub sha256: String,
}

/// One Sigma rule that parsed and whose patterns compile.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rule's UUID as written, else its title.
    pub id: String,
    /// The rule's title.
    pub title: String,
    /// The rule's level; informational if it gives none.
    pub level: Level,
    /// `stable`, `test`, `experimental`, `deprecated` or `unsupported`; empty if it gives none.
    pub status: String,
    /// All tags as written.
    pub tags: Vec<String>,
    /// ATT&CK technique ids of the tags, upper-case: `T1505.003`.
    pub attack: Vec<String>,
    /// ATT&CK tactics of the tags, with hyphens: `initial-access`.
    pub tactics: Vec<String>,
    /// File, as the set's path was given; `built-in/...` for Piste's own.
    pub path: String,
    /// Line of the rule's title in that file, from 1.
    pub line: u64,
    /// What it says it looks at.
    pub logsource: Logsource,
    /// Which rows it may look at.
    pub gate: Gate,
    /// The rule as parsed.
    pub sigma: SigmaRule,
}

/// Sigma's `logsource`, without its remarks.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Logsource {
    /// `windows`.
    pub product: Option<String>,
    /// `process_creation`.
    pub category: Option<String>,
    /// `security`.
    pub service: Option<String>,
}

impl Logsource {
    /// The three parts in words: `product aws, service cloudtrail`.
    pub fn in_words(&self) -> String {
        let parts: Vec<String> =
            [("product", &self.product), ("category", &self.category), ("service", &self.service)]
                .into_iter()
                .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
                .collect();
        parts.join(", ")
    }
}

/// A rule, or a file where one was looked for, that is not hunted with: one line of `rules_not_run.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotRun {
    /// The rule's UUID or title, where it could be read.
    pub rule_id: Option<String>,
    /// File, as the set's path was given.
    pub path: String,
    /// Line of the rule's title, else of the document's beginning, from 1.
    pub line: u64,
    /// Stable name: `rule-unreadable`, `rule-not-sigma`, `rule-correlation-later`, `rule-filter-later`,
    /// `rule-duplicate`, `rule-no-source`, `rule-look-around`, `rule-backreference`, `rule-regex`.
    pub slug: &'static str,
    /// One line, without a final period.
    pub reason: String,
}

impl NotRun {
    /// Whether this is a rule that did not load, as against one that loaded and has no source, or no rule at all.
    pub fn is_not_loaded(&self) -> bool {
        !matches!(self.slug, "rule-no-source" | "rule-not-sigma")
    }
}

/// `windows/process_creation`, `webserver`: the area that a rule looks at, for saying which had no evidence.
pub fn logsource_label(rule: &Rule) -> String {
    let Logsource { product, category, service } = &rule.logsource;
    label(product.as_deref(), category.as_deref(), service.as_deref())
}

/// The given parts joined by `/`.
pub(crate) fn label(product: Option<&str>, category: Option<&str>, service: Option<&str>) -> String {
    let parts: Vec<&str> = [product, category, service].into_iter().flatten().collect();
    parts.join("/")
}

/// Sigma's word for a status; empty for none.
pub(crate) fn status_word(status: Option<Status>) -> String {
    let word = match status {
        None => "",
        Some(Status::Stable) => "stable",
        Some(Status::Test) => "test",
        Some(Status::Experimental) => "experimental",
        Some(Status::Deprecated) => "deprecated",
        Some(Status::Unsupported) => "unsupported",
    };
    word.to_owned()
}

/// Splits `attack.` tags into technique ids and tactics, each once, in the rule's order.
pub(crate) fn attack_of(tags: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut techniques, mut tactics) = (Vec::new(), Vec::new());
    for tag in tags {
        let tag = tag.to_ascii_lowercase();
        let Some(name) = tag.strip_prefix("attack.") else { continue };
        let (list, value) = if is_technique(name) {
            (&mut techniques, name.to_ascii_uppercase())
        } else if name.bytes().any(|byte| byte.is_ascii_digit()) {
            continue; // groups and software: attack.g0125, attack.s0002
        } else {
            (&mut tactics, name.replace('_', "-"))
        };
        if !list.contains(&value) {
            list.push(value);
        }
    }
    (techniques, tactics)
}

/// `t1505` or `t1505.003`.
fn is_technique(name: &str) -> bool {
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = name.strip_prefix('t') else { return false };
    match rest.split_once('.') {
        None => digits(rest, 4),
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tags: &[&str], techniques: &[&str], tactics: &[&str]) {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let (found, under) = attack_of(&tags);
        assert_eq!(
            (found, under),
            (
                techniques.iter().map(|&one| one.to_owned()).collect(),
                tactics.iter().map(|&one| one.to_owned()).collect()
            )
        );
    }

    #[test]
    fn technique_ids_come_from_attack_tags_alone() {
        check(
            &["attack.t1505.003", "attack.T1190", "attack.t1190", "cve.2021-26855", "t1003", "attack.g0125"],
            &["T1505.003", "T1190"],
            &[],
        );
        check(&["attack.initial_access", "attack.initial-access", "attack.s0002"], &[], &["initial-access"]);
        check(&["attack.t15", "attack.t1505.3", "attack.t1505.0031"], &[], &[]);
    }
}
