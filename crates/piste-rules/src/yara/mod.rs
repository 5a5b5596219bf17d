//! YARA rules: text to a compiled set with diagnostics.
//!
//! In: Piste's own rules, and files and folders of the user. Out: a [`YaraSet`]: what each rule says of itself, the compiled
//! rules, and a [`NotRun`] with file and line for everything that does not compile. A file that does not compile costs its
//! own rules. Scanning is the hunt's; this crate opens no evidence.

mod built_in;
mod compile;
mod meta;
mod nesting;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use piste_model::Level;
use piste_model::hash::sha256_hex;
use piste_model::summary::RuleSetFigures;

use crate::error::RuleError;
use crate::options::{Exclusion, Selection, exclusions};
use crate::rule::NotRun;
use source::{Sources, Top};

pub use built_in::{YARA_BUILT_IN, YARA_BUILT_IN_PATH};

/// Variables that rules in the field use beside YARA's own: text, set for each file that is scanned.
pub const EXTERNALS: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// Modules that this build of YARA knows.
pub const MODULES: [&str; 8] = ["console", "dotnet", "elf", "hash", "math", "pe", "string", "time"];

/// What to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct YaraOptions {
    /// Rule files and folders, in the order given.
    pub paths: Vec<PathBuf>,
    /// Whether Piste's own rules come first.
    pub built_in: bool,
    /// Which of the rules report.
    pub selection: Selection,
}

/// What a rule says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YaraRule {
    /// `meta: id`, or `uuid`; else its name.
    pub id: String,
    /// The name after `rule`.
    pub name: String,
    /// `meta: title`, else the first sentence of `description`, else the name.
    pub title: String,
    /// `meta: level` or `severity`, or by `score`; [`Level::High`] where it says nothing, as scanners of the field take it.
    pub level: Level,
    /// `meta: status`; empty if it gives none.
    pub status: String,
    /// Its tags, and `attack.` tags of its ATT&CK techniques.
    pub tags: Vec<String>,
    /// ATT&CK technique ids, `T1505.003`.
    pub attack: Vec<String>,
    /// `meta: description`.
    pub description: String,
    /// `meta: reference` and its like.
    pub references: Vec<String>,
    /// File, as the set's path was given; `built-in/yara/...` for Piste's own.
    pub path: String,
    /// Line of its name, from 1.
    pub line: u64,
    /// False for a private rule, and for one that the selection leaves out.
    pub reports: bool,
    /// Which files were compiled together: a rule is known by this and its name.
    pub(crate) namespace: usize,
}

/// YARA rules, ready or to be compiled when they are first needed.
#[derive(Debug)]
pub struct YaraSet {
    /// Rules that compile, in the order of sets, then files, then lines.
    pub rules: Vec<YaraRule>,
    /// What does not run, and why.
    pub not_run: Vec<NotRun>,
    /// The sets, in the order given.
    pub sets: Vec<RuleSetFigures>,
    /// Over the texts of all files, the selection and the engine's version: the same hash means the same findings.
    pub sha256: String,
    /// Rules that the selection leaves out.
    pub not_selected: u64,
    tops: Vec<Top>,
    by_name: BTreeMap<(usize, String), usize>,
    compiled: OnceLock<Compiled>,
}

/// What the engine takes.
struct Compiled(yara_x::Rules);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled")
    }
}

impl YaraSet {
    /// Reads, parses and, where there are rules of the user, compiles. Piste's own alone are compiled when they are first
    /// needed: a case of logs has no file to scan.
    ///
    /// # Errors
    /// [`RuleError`] for a path that is missing or without rule files, for a wrong exclusions file, and where none of the
    /// user's rules compiles.
    pub fn load(options: &YaraOptions) -> Result<Self, RuleError> {
        let (exclusions, exclusions_text) = exclusions(&options.selection)?;
        let read = Sources::read(options)?;
        let mut parts: Vec<String> = read.sets.iter().map(|set| set.sha256.clone()).collect();
        parts.extend(options.selection.canonical(&exclusions_text));
        parts.push(format!("yara-x {}", yara_x::VERSION));
        let Sources { tops, declared, not_run, sets } = read;
        let mut set = Self {
            rules: declared,
            not_run,
            sets,
            sha256: sha256_hex(parts.join("\n").as_bytes()),
            not_selected: 0,
            tops,
            by_name: BTreeMap::new(),
            compiled: OnceLock::new(),
        };
        if set.tops.iter().any(|top| !top.is_built_in()) {
            set.compile_now();
            set.refuse_none(options)?;
        }
        set.select(&options.selection, &exclusions);
        set.count();
        Ok(set)
    }

    /// Whether there is any rule to scan with.
    pub fn is_empty(&self) -> bool {
        !self.rules.iter().any(|rule| rule.reports)
    }

    /// The compiled rules.
    pub fn compiled(&self) -> &yara_x::Rules {
        &self.compiled.get_or_init(|| Compiled(compile::compile(&self.tops, &self.rules).0)).0
    }

    /// The rule that a match names; `None` for one that the selection leaves out.
    pub fn rule(&self, namespace: &str, name: &str) -> Option<&YaraRule> {
        let namespace = namespace.parse().ok()?;
        let at = self.by_name.get(&(namespace, name.to_owned()))?;
        self.rules.get(*at).filter(|rule| rule.reports)
    }

    /// Compiles, and drops what does not.
    fn compile_now(&mut self) {
        let (compiled, faults) = compile::compile(&self.tops, &self.rules);
        let there: std::collections::BTreeSet<(usize, &str)> = compiled
            .iter()
            .filter_map(|rule| Some((rule.namespace().parse().ok()?, rule.identifier())))
            .collect();
        let (kept, lost): (Vec<_>, Vec<_>) = std::mem::take(&mut self.rules)
            .into_iter()
            .partition(|rule| there.contains(&(rule.namespace, rule.name.as_str())));
        for rule in lost {
            let named = |fault: &NotRun| fault.path == rule.path && fault.rule_id.as_ref() == Some(&rule.id);
            if !faults.iter().any(named) {
                let reason = "it needs a rule or a module that is not there";
                self.not_run.push(NotRun::new(Some(rule.id), &rule.path, rule.line, "yara-rule", reason));
            }
        }
        drop(there);
        self.not_run.extend(faults);
        self.not_run.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
        self.not_run.dedup();
        self.rules = kept;
        for top in &mut self.tops {
            top.forget_text();
        }
        let _ = self.compiled.set(Compiled(compiled)); // it is set once, here
    }

    /// Only where none of the user's rules compiles there is nothing to go on with.
    fn refuse_none(&self, options: &YaraOptions) -> Result<(), RuleError> {
        let own = |path: &str| path.starts_with(YARA_BUILT_IN_PATH);
        if self.rules.iter().any(|rule| !own(&rule.path)) {
            return Ok(());
        }
        let path = options.paths.first().cloned().unwrap_or_default();
        Err(match self.not_run.first() {
            Some(first) => {
                RuleError::NoYaraLoads { path, first: Box::new(first.clone()), not_run: self.not_run.clone() }
            }
            None => RuleError::NoYaraFiles { path },
        })
    }

    fn select(&mut self, selection: &Selection, exclusions: &[Exclusion]) {
        for rule in self.rules.iter_mut().filter(|rule| rule.reports) {
            let excluded = exclusions
                .iter()
                .find(|one| one.means(&rule.id, &rule.title) || one.means(&rule.name, &rule.title));
            if let Some(exclusion) = excluded {
                rule.reports = false;
                let id = Some(rule.id.clone());
                self.not_run.push(NotRun::new(id, &rule.path, rule.line, "rule-excluded", &exclusion.reason));
            } else if !selection.takes(rule.level, &rule.status, &rule.tags) {
                rule.reports = false;
                self.not_selected += 1;
            }
        }
    }

    fn count(&mut self) {
        for (at, rule) in self.rules.iter().enumerate() {
            self.by_name.insert((rule.namespace, rule.name.clone()), at);
        }
        for (number, set) in self.sets.iter_mut().enumerate() {
            let of_set =
                |rule: &&YaraRule| self.tops.get(rule.namespace).is_some_and(|top| top.set == number);
            set.rules = self.rules.iter().filter(of_set).count() as u64;
        }
    }

    /// Whether an exclusion names one of these rules, so that it is not idle.
    pub fn is_called(&self, name: &str) -> bool {
        let is = |text: &str| text.eq_ignore_ascii_case(name);
        self.rules.iter().any(|rule| is(&rule.id) || is(&rule.name) || is(&rule.title))
    }
}
