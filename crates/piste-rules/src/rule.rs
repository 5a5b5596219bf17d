//! A loaded rule and a rule that does not run.
//!
//! In: a parsed Sigma rule with its place. Out: the values that the hunt, `piste rules` and `rules_not_run.jsonl` read.

use std::borrow::Cow;
use std::sync::Arc;

use piste_model::Level;
use piste_model::summary::RuleFigures;
use rsigma_parser::{CorrelationRule, SigmaRule, Status};
use serde::{Deserialize, Serialize};

use crate::gate::Gate;

/// Everything that was loaded to hunt with.
///
/// What was parsed (`correlations`, [`Rule::sigma`]) is not serialised: a rule set that comes from a cache has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleSet {
    /// Rules that loaded, in the order of sets, then paths, then documents. Those whose [`Gate::Nothing`] fits no row, for
    /// want of a source or of a placeholder's values, are among them, and in `not_run` too.
    pub rules: Vec<Rule>,
    /// Correlations whose references are all there, in the same order. Empty in a set from a cache.
    #[serde(skip)]
    pub correlations: Vec<ParsedCorrelation>,
    /// What does not run, and why, in the same order.
    pub not_run: Vec<NotRun>,
    /// Counts for `summary.json`. `loaded` counts `rules` and `correlations`; `not_loaded` counts the rules among `not_run` that did not
    /// load. A rule without a source loaded, and a YAML file of something else is no rule: neither is counted there.
    pub figures: RuleFigures,
    /// SHA-256 over all sets' hashes in order, the pipelines, the placeholders and the selection; 64 hex digits. The same
    /// hash means the same hunt.
    pub sha256: String,
    /// Rules and correlations that `--level`, `--status` or `--tag` leave out.
    pub not_selected: u64,
}

/// One Sigma rule that parsed and whose patterns compile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    /// The rule's UUID as written, else its title.
    pub id: String,
    /// Sigma's `name`, by which correlations and filters may call it.
    pub name: Option<String>,
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
    /// What people read about it.
    pub about: About,
    /// File, as the set's path was given; `built-in/...` for Piste's own.
    pub path: String,
    /// Line of the rule's title in that file, from 1.
    pub line: u64,
    /// What it says it looks at.
    pub logsource: Logsource,
    /// Which rows it may look at.
    pub gate: Gate,
    /// Whether its hits are detections of their own; false where only correlations without `generate: true` want them.
    pub reports: bool,
    /// The rule after filters, pipelines and placeholders; none in a set from a cache.
    #[serde(skip)]
    pub sigma: Option<Arc<SigmaRule>>,
}

impl Rule {
    /// Whether a correlation or filter that refers to `reference` means this rule: by id without case, or by name.
    pub fn is_called(&self, reference: &str) -> bool {
        self.id.eq_ignore_ascii_case(reference) || self.name.as_deref() == Some(reference)
    }
}

/// What a rule says about itself for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// `description`; empty if it gives none.
    pub description: String,
    /// `author`, split at its commas.
    pub authors: Vec<String>,
    /// `date` as written; empty if it gives none.
    pub date: String,
    /// `modified` as written; empty if it gives none.
    pub modified: String,
    /// `references`.
    pub references: Vec<String>,
    /// `falsepositives`.
    pub falsepositives: Vec<String>,
}

impl About {
    /// Of a parsed rule.
    pub(crate) fn of(sigma: &SigmaRule) -> Self {
        let text = |given: &Option<String>| given.as_deref().unwrap_or_default().trim().to_owned();
        let author = sigma.author.as_deref().unwrap_or_default();
        let authors = author.split(',').map(str::trim).filter(|one| !one.is_empty());
        Self {
            description: text(&sigma.description),
            authors: authors.map(str::to_owned).collect(),
            date: text(&sigma.date),
            modified: text(&sigma.modified),
            references: sigma.references.clone(),
            falsepositives: sigma.falsepositives.clone(),
        }
    }
}

/// A correlation whose references are all there.
#[derive(Debug, Clone)]
pub struct ParsedCorrelation {
    /// Its UUID as written, else its title.
    pub id: String,
    /// The correlation as parsed, after pipelines.
    pub rule: Arc<CorrelationRule>,
    /// File, as the set's path was given.
    pub path: String,
    /// Line of its title in that file, from 1.
    pub line: u64,
    /// As [`Rule::reports`]: false where only correlations without `generate: true` want it.
    pub reports: bool,
}

impl ParsedCorrelation {
    /// As [`Rule::is_called`].
    pub fn is_called(&self, reference: &str) -> bool {
        self.id.eq_ignore_ascii_case(reference) || self.rule.name.as_deref() == Some(reference)
    }

    /// Its level; informational if it gives none.
    pub fn level(&self) -> Level {
        level_of(self.rule.level)
    }

    /// As [`Rule::status`].
    pub fn status(&self) -> String {
        status_word(self.rule.status)
    }

    /// As [`Rule::attack`].
    pub fn attack(&self) -> Vec<String> {
        attack_of(&self.rule.tags).0
    }

    /// As [`Rule::tactics`].
    pub fn tactics(&self) -> Vec<String> {
        attack_of(&self.rule.tags).1
    }
}

/// Sigma's level as Piste's; informational for none.
pub(crate) fn level_of(level: Option<rsigma_parser::Level>) -> Level {
    level.and_then(|level| Level::parse(level.as_str())).unwrap_or(Level::Informational)
}

/// Sigma's `logsource`, without its remarks.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotRun {
    /// The rule's UUID or title, where it could be read.
    pub rule_id: Option<String>,
    /// File, as the set's path was given.
    pub path: String,
    /// Line of the fault where it is known, else of the rule's title, else of the document's beginning; from 1.
    pub line: u64,
    /// Column of the fault in that line, from 1, in bytes.
    pub column: Option<u64>,
    /// Stable name: see [`NotRun::hint_of`].
    pub slug: Cow<'static, str>,
    /// One line, without a final period.
    pub reason: String,
    /// One step to take.
    pub hint: Option<String>,
}

impl NotRun {
    /// With the slug's own hint and without a column.
    pub fn new(
        rule_id: Option<String>,
        path: &str,
        line: u64,
        slug: &'static str,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            rule_id,
            path: path.to_owned(),
            line,
            column: None,
            slug: Cow::Borrowed(slug),
            reason: reason.into(),
            hint: Self::hint_of(slug).map(str::to_owned),
        }
    }

    /// Of a rule that loaded.
    pub fn of(rule: &Rule, slug: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Some(rule.id.clone()), &rule.path, rule.line, slug, reason)
    }

    /// The step to take for each slug.
    pub fn hint_of(slug: &str) -> Option<&'static str> {
        Some(match slug {
            "rule-unreadable" => "correct the file there; the rule is left out until then",
            "rule-not-sigma" => "nothing to do, unless a rule should be there",
            "rule-duplicate" => "give one of the two another id, or leave one out",
            "rule-no-source" => "nothing to do: Piste has no such events to look at",
            "rule-no-evidence" => "collect logs of this kind, if they exist",
            "rule-look-around" | "rule-backreference" => {
                "write it as several patterns without, or as contains, startswith and endswith"
            }
            "rule-regex" => "correct the regular expression",
            "rule-not-compiled" => "report this rule as one that Piste should compile",
            "rule-excluded" => "take the exclusion back, if the rule should run",
            "rule-exclusion-unused" => "remove the line, or correct its id: no rule has it",
            "rule-filter-unused" => {
                "check the ids or names and the log source of the filter against the rules that should be filtered"
            }
            "rule-filter-size" => "shorten the filters that fit this rule",
            "rule-pipeline" => "leave the pipeline out for this rule, by a rule condition",
            "rule-placeholder-unknown" => {
                "give a folder with a file of that name, or a YAML file that lists it, with --placeholders"
            }
            "rule-placeholder-size" => "shorten the lists of the placeholders",
            "rule-correlation-reference" => {
                "add the rule that is missing to the rules given, or correct the id or name"
            }
            "rule-correlation" => "correct the correlation",
            "yara-unreadable" => "correct the file; its rules are left out until then",
            "yara-include" => {
                "correct the include, or give the file's folder with --yara; rules that need it are left out"
            }
            "yara-rule" => "correct the rule there; it is left out until then",
            "yara-module" => "scan with `yr` beside, if this rule matters",
            "rule-field-never" => "check the field's name against the source's own",
            _ => return None,
        })
    }

    /// The same at another line and column.
    #[must_use]
    pub fn at(mut self, line: u64, column: Option<u64>) -> Self {
        self.line = line;
        self.column = column;
        self
    }

    /// Whether this is a rule that did not load, as against one that loaded and has no source or placeholder, one that was left out
    /// on purpose, or no rule at all.
    pub fn is_not_loaded(&self) -> bool {
        !matches!(
            self.slug.as_ref(),
            "rule-no-source"
                | "rule-no-evidence"
                | "rule-placeholder-unknown"
                | "rule-not-sigma"
                | "rule-excluded"
                | "rule-exclusion-unused"
                | "rule-filter-unused"
                | "rule-field-never"
        )
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
