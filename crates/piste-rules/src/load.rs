//! Paths to a rule set.
//!
//! In: what is given, and the catalogue of sources. Out: a [`RuleSet`], the same for the same files whatever the number of
//! threads. The order: files are parsed side by side; duplicates and exclusions go; the selection is made; filters,
//! pipelines and placeholders are applied to what is left; correlations look for their rules.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;

use piste_model::sources::Sources;
use piste_model::summary::{RuleFigures, RuleSetFigures};
use rsigma_parser::{CorrelationRule, FilterRule, SigmaRule};

use crate::also;
use crate::check::{self, Fault};
use crate::error::RuleError;
use crate::filters;
use crate::gate::Gate;
use crate::given::{FileRead, Given};
use crate::options::LoadOptions;
use crate::parallel;
use crate::read::{Outcome, Parsed, read_text};
use crate::references;
use crate::rule::{
    About, Logsource, NotRun, ParsedCorrelation, Rule, RuleSet, attack_of, level_of, status_word,
};

/// Loads rules: Piste's own first if so asked, then each path in the order given.
///
/// A path is a file or a folder, read with its subfolders (`*.yml`, `*.yaml`). Of rules with the same id the first runs; an
/// exact copy is passed over, another text under the same id is reported.
///
/// # Errors
/// [`RuleError`] for a path that is missing, unreadable, without rule files, or of which nothing is a rule that this version
/// can read; for options that cannot be followed; and if nothing loads at all.
pub fn load(options: &LoadOptions, sources: &Sources) -> Result<RuleSet, RuleError> {
    Given::read(options)?.load(sources)
}

/// A document with its place in the order of all documents.
struct Draft<T> {
    order: usize,
    set: usize,
    path: String,
    parsed: Parsed<T>,
}

/// A rule on its way into the set.
struct RuleDraft {
    draft: Draft<SigmaRule>,
    /// Whether level, status and tags take it; the others are kept for the correlations that need them.
    selected: bool,
    /// Indices of the filters that fit it.
    filters: Vec<usize>,
}

/// What has been gathered from all sets.
#[derive(Default)]
struct Gathered {
    rules: Vec<RuleDraft>,
    correlations: Vec<Draft<CorrelationRule>>,
    filters: Vec<Draft<FilterRule>>,
    not_run: Vec<(usize, NotRun)>,
    /// Rule id in lower case to the hash of its text and the place of the first.
    ids: BTreeMap<String, (String, String)>,
    /// How often each exclusion was used.
    excluded: Vec<u64>,
    not_selected: u64,
    order: usize,
}

impl Given {
    /// Parses, selects, rewrites and checks.
    ///
    /// # Errors
    /// [`RuleError`] if a set holds no rule that can be read, or nothing is left.
    pub fn load(&self, sources: &Sources) -> Result<RuleSet, RuleError> {
        let mut all = Gathered { excluded: vec![0; self.exclusions.len()], ..Gathered::default() };
        for (number, set) in self.sets.iter().enumerate() {
            let before = all.not_run.len();
            let outcomes = parallel::map(&set.files, read_one);
            let mut readable = false;
            for (path, outcome) in outcomes.into_iter().flatten() {
                readable |= !matches!(outcome, Outcome::NotRun(_));
                all.add(self, number, path, outcome);
            }
            if let (false, Some(path)) = (readable, &set.given) {
                return Err(none_loads(path, all.not_run.split_off(before)));
            }
        }
        all.note_unused_exclusions(self);
        all.choose_filters();
        all.drop_unwanted();
        self.finish(all, sources)
    }

    /// Rewrites and checks the rules, resolves the correlations and counts.
    fn finish(&self, all: Gathered, sources: &Sources) -> Result<RuleSet, RuleError> {
        let Gathered { rules: drafts, correlations, filters, mut not_run, not_selected, .. } = all;
        let some_left_out = not_selected > 0 || not_run.iter().any(|(_, one)| one.slug == "rule-excluded");
        let made = parallel::map(&drafts, |draft| self.make(draft, &filters, sources));
        let (mut rules, mut sets) = (Vec::new(), vec![0_u64; self.sets.len()]);
        for (draft, made) in drafts.iter().zip(made) {
            let RuleDraft { draft: Draft { order, set, path, parsed }, .. } = draft;
            match made {
                Ok((rule, unknown)) => {
                    if let Some(fault) = unknown {
                        not_run.push((*order, NotRun::of(&rule, fault.slug, fault.reason)));
                    } else if rule.gate == Gate::Nothing {
                        not_run.push((*order, no_source(&rule)));
                    }
                    rules.push(rule);
                    if let Some(count) = sets.get_mut(*set) {
                        *count += 1;
                    }
                }
                Err(fault) => {
                    let id = Some(parsed.id.clone());
                    not_run.push((*order, NotRun::new(id, path, parsed.line, fault.slug, fault.reason)));
                }
            }
        }
        let parsed = correlations.into_iter().filter_map(|draft| self.make_correlation(draft, &mut not_run));
        let parsed: Vec<_> = parsed.collect();
        let left_out = |reference: &str| {
            not_run
                .iter()
                .any(|(_, one)| one.rule_id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(reference)))
        };
        let (correlations, missing) = references::resolve(&mut rules, parsed, left_out);
        not_run.extend(missing);
        not_run.sort_by_key(|(order, _)| *order);
        let not_run: Vec<NotRun> = not_run.into_iter().map(|(_, one)| one).collect();
        if rules.is_empty() {
            return Err(match self.sets.iter().find_map(|set| set.given.as_ref()) {
                _ if some_left_out => RuleError::NoneSelected,
                Some(path) => none_loads(path, not_run.into_iter().map(|one| (0, one)).collect()),
                None => RuleError::Nothing,
            });
        }
        let not_loaded = not_run.iter().filter(|one| one.is_not_loaded()).count();
        let figures = RuleFigures {
            loaded: count(rules.len() + correlations.len()),
            not_loaded: count(not_loaded),
            sets: self.set_figures(&sets, &correlations),
        };
        let sha256 = self.sha256().to_owned();
        Ok(RuleSet { rules, correlations, not_run, figures, sha256, not_selected })
    }

    fn set_figures(&self, rules: &[u64], correlations: &[ParsedCorrelation]) -> Vec<RuleSetFigures> {
        let of_set = |set: &crate::given::SetRead, rules: u64| {
            let paths: std::collections::BTreeSet<&str> =
                set.files.iter().map(|file| file.shown.as_str()).collect();
            let others = correlations.iter().filter(|one| paths.contains(one.path.as_str())).count();
            RuleSetFigures {
                path: set.path.clone(),
                sha256: set.sha256.clone(),
                rules: rules + count(others),
            }
        };
        self.sets.iter().zip(rules).map(|(set, rules)| of_set(set, *rules)).collect()
    }

    /// A rule after filters, pipelines and placeholders, in that order: fields that a filter brings are mapped too. One
    /// with an unknown placeholder loads, may look at no row, and comes with the reason.
    fn make(
        &self,
        draft: &RuleDraft,
        filters: &[Draft<FilterRule>],
        sources: &Sources,
    ) -> Result<(Rule, Option<Fault>), Fault> {
        let RuleDraft { draft: Draft { path, parsed, .. }, selected, filters: fitting } = draft;
        let mut sigma = parsed.sigma.clone();
        let fitting: Vec<_> = fitting.iter().filter_map(|&index| Some(&filters.get(index)?.parsed)).collect();
        filters::apply(&mut sigma, &fitting)?;
        if !self.pipelines.is_empty() {
            self.pipelines.apply(&mut sigma)?;
        }
        let before = sigma.detection.clone();
        let (filled, unknown) = match self.placeholders.apply(&mut sigma) {
            Ok(filled) => (filled, None),
            Err(fault) if fault.slug == "rule-placeholder-unknown" => {
                sigma.detection = before; // as the author wrote it, for whoever shows it
                (false, Some(fault))
            }
            Err(fault) => return Err(fault),
        };
        if filled || !fitting.is_empty() || !self.pipelines.is_empty() {
            check::check(&sigma)?;
        }
        let part = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let given = &sigma.logsource;
        let logsource = Logsource {
            product: part(&given.product),
            category: part(&given.category),
            service: part(&given.service),
        };
        let (attack, tactics) = attack_of(&sigma.tags);
        let gate = if unknown.is_some() { Gate::Nothing } else { Gate::of(&logsource, sources) };
        also::apply(&mut sigma, &gate, sources);
        let rule = Rule {
            id: parsed.id.clone(),
            name: sigma.name.clone(),
            title: sigma.title.clone(),
            level: level_of(sigma.level),
            status: status_word(sigma.status),
            tags: sigma.tags.clone(),
            attack,
            tactics,
            about: About::of(&sigma),
            path: path.clone(),
            line: parsed.line,
            gate,
            logsource,
            reports: *selected,
            sigma: Some(Arc::new(sigma)),
        };
        Ok((rule, unknown))
    }

    fn make_correlation(
        &self,
        draft: Draft<CorrelationRule>,
        not_run: &mut Vec<(usize, NotRun)>,
    ) -> Option<references::Ordered> {
        let Draft { order, path, parsed: Parsed { mut sigma, id, line, .. }, .. } = draft;
        if let Err(fault) = self.pipelines.apply_to_correlation(&mut sigma) {
            not_run.push((order, NotRun::new(Some(id), &path, line, fault.slug, fault.reason)));
            return None;
        }
        Some((order, ParsedCorrelation { id, rule: Arc::new(sigma), path, line, reports: true }))
    }
}

/// All documents of one file.
fn read_one(file: &FileRead) -> Vec<(String, Outcome)> {
    let outcomes = match &file.text {
        Ok(text) => read_text(&file.shown, text),
        Err(reason) => vec![Outcome::NotRun(NotRun::new(None, &file.shown, 1, "rule-unreadable", reason))],
    };
    outcomes.into_iter().map(|outcome| (file.shown.clone(), outcome)).collect()
}

fn no_source(rule: &Rule) -> NotRun {
    let reason = match rule.logsource.in_words() {
        words if words.is_empty() => "the rule names no log source".to_owned(),
        words => format!("Piste reads no source for {words}"),
    };
    NotRun::of(rule, "rule-no-source", reason)
}

fn none_loads(path: &Path, not_run: Vec<(usize, NotRun)>) -> RuleError {
    let not_run: Vec<NotRun> = not_run.into_iter().map(|(_, one)| one).collect();
    match not_run.iter().find(|one| one.is_not_loaded()).or(not_run.first()) {
        Some(first) => {
            RuleError::NoneLoads { path: path.to_owned(), first: Box::new(first.clone()), not_run }
        }
        None => RuleError::NoFiles { path: path.to_owned() },
    }
}

impl Gathered {
    /// Adds what became of one document, unless it is there already or is excluded.
    fn add(&mut self, given: &Given, set: usize, path: String, outcome: Outcome) {
        self.order += 1;
        let order = self.order;
        let selection = &given.selection;
        match outcome {
            Outcome::NotRun(one) => self.not_run.push((order, one)),
            Outcome::Rule(parsed) => {
                let title = parsed.sigma.title.clone();
                let Some(draft) = self.admit(given, Draft { order, set, path, parsed: *parsed }, &title)
                else {
                    return;
                };
                let sigma = &draft.parsed.sigma;
                let selected =
                    selection.takes(level_of(sigma.level), &status_word(sigma.status), &sigma.tags);
                self.not_selected += u64::from(!selected);
                self.rules.push(RuleDraft { draft, selected, filters: Vec::new() });
            }
            Outcome::Correlation(parsed) => {
                let title = parsed.sigma.title.clone();
                let Some(draft) = self.admit(given, Draft { order, set, path, parsed: *parsed }, &title)
                else {
                    return;
                };
                let sigma = &draft.parsed.sigma;
                if selection.takes(level_of(sigma.level), &status_word(sigma.status), &sigma.tags) {
                    self.correlations.push(draft);
                } else {
                    self.not_selected += 1;
                }
            }
            Outcome::Filter(parsed) => {
                let title = parsed.sigma.title.clone();
                let draft = self.admit(given, Draft { order, set, path, parsed: *parsed }, &title);
                self.filters.extend(draft);
            }
        }
    }

    /// Lets a document in if its id is new and nothing excludes it.
    fn admit<T>(&mut self, given: &Given, draft: Draft<T>, title: &str) -> Option<Draft<T>> {
        let Parsed { id, line, sha256, .. } = &draft.parsed;
        match self.ids.entry(id.to_lowercase()) {
            Entry::Occupied(first) => {
                let (text, place) = first.get();
                if text != sha256 {
                    let reason = format!("its id is that of {place}, which runs");
                    let one = NotRun::new(Some(id.clone()), &draft.path, *line, "rule-duplicate", reason);
                    self.not_run.push((draft.order, one));
                }
                return None;
            }
            Entry::Vacant(free) => {
                free.insert((sha256.clone(), format!("{}:{line}", draft.path)));
            }
        }
        let mut excluded = None;
        for (exclusion, used) in given.exclusions.iter().zip(&mut self.excluded) {
            if exclusion.means(id, title) {
                *used += 1;
                excluded.get_or_insert(&exclusion.reason);
            }
        }
        if let Some(reason) = excluded {
            let one = NotRun::new(Some(id.clone()), &draft.path, *line, "rule-excluded", reason);
            self.not_run.push((draft.order, one));
            return None;
        }
        Some(draft)
    }

    /// An exclusion that excludes nothing is stale: after a renaming upstream the rule runs again.
    fn note_unused_exclusions(&mut self, given: &Given) {
        for (exclusion, used) in given.exclusions.iter().zip(&self.excluded) {
            if *used == 0 {
                let (path, line) = &exclusion.place;
                let id = Some(exclusion.id.clone());
                let reason = format!("no rule is called `{}`, which is to be left out", exclusion.id);
                self.order += 1;
                self.not_run
                    .push((self.order, NotRun::new(id, path, *line, "rule-exclusion-unused", reason)));
            }
        }
    }

    /// Finds the rules of each filter, before any is left out by level: a filter of such a rule is not idle.
    fn choose_filters(&mut self) {
        for (index, filter) in self.filters.iter().enumerate() {
            let mut idle = true;
            for rule in &mut self.rules {
                if filters::fits(&filter.parsed.sigma, &rule.draft.parsed.sigma) {
                    rule.filters.push(index);
                    idle = false;
                }
            }
            if idle {
                let Parsed { id, line, .. } = &filter.parsed;
                let reason = "a filter that fits none of the rules given";
                let id = Some(id.clone());
                let one = NotRun::new(id, &filter.path, *line, "rule-filter-unused", reason);
                self.not_run.push((filter.order, one));
            }
        }
    }

    /// Drops what the selection leaves out, but for the rules that a selected correlation refers to.
    fn drop_unwanted(&mut self) {
        let wanted: std::collections::BTreeSet<String> = self
            .correlations
            .iter()
            .flat_map(|one| &one.parsed.sigma.rules)
            .map(|reference| reference.to_ascii_lowercase())
            .collect();
        self.rules.retain(|rule| {
            let sigma = &rule.draft.parsed;
            let named = |name: &str| wanted.contains(&name.to_ascii_lowercase());
            rule.selected || named(&sigma.id) || sigma.sigma.name.as_deref().is_some_and(named)
        });
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
