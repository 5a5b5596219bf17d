//! Why no rules can be hunted with: what stops the command, as against a [`crate::NotRun`], which costs one rule.
//!
//! In: a rules path that gives nothing. Out: what is wrong and where, its effect and one step to take; the binary
//! prints them and ends with exit code 2.

use std::path::PathBuf;

use crate::rule::NotRun;

/// A rules path that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// There is nothing at the path.
    #[error("there are no rules at `{path}`: no such file or folder")]
    Missing {
        /// As given.
        path: PathBuf,
    },
    /// The path is there and cannot be opened.
    #[error("cannot read the rules at `{path}`")]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder without rule files.
    #[error("there is no rule file (*.yml, *.yaml) in `{path}`")]
    NoFiles {
        /// As given.
        path: PathBuf,
    },
    /// Files, and no rule among them loads.
    #[error("no rule of `{path}` loads; {at}: {reason}", at = place(.first), reason = .first.reason)]
    NoneLoads {
        /// As given.
        path: PathBuf,
        /// The first that did not load.
        first: Box<NotRun>,
        /// All that did not.
        not_run: Vec<NotRun>,
    },
    /// A path for YARA rules without any.
    #[error("there is no YARA file (*.yar, *.yara) with a rule in `{path}`")]
    NoYaraFiles {
        /// As given.
        path: PathBuf,
    },
    /// YARA files, and no rule among them compiles.
    #[error("no YARA rule of `{path}` compiles; {at}: {reason}", at = place(.first), reason = .first.reason)]
    NoYaraLoads {
        /// As given, the first of them.
        path: PathBuf,
        /// The first that did not compile.
        first: Box<NotRun>,
        /// All that did not.
        not_run: Vec<NotRun>,
    },
    /// No rules were asked for.
    #[error("no rules were given, and the built-in ones are left out")]
    Nothing,
    /// The selection leaves nothing.
    #[error("no rule is left by --level, --status, --tag, --exclude-rule and --exclusions")]
    NoneSelected,
    /// A processing pipeline that cannot be applied as it is meant.
    #[error("the pipeline `{path}` cannot be used: {reason}")]
    Pipeline {
        /// As given.
        path: PathBuf,
        /// One line.
        reason: String,
    },
    /// Placeholder values that cannot be read.
    #[error("the placeholder values at `{path}` cannot be read: {reason}")]
    Placeholders {
        /// As given, or the file in the folder given.
        path: PathBuf,
        /// One line.
        reason: String,
    },
    /// A bad line of the exclusions file.
    #[error("the exclusions file cannot be read: {path}:{line}: {reason}")]
    Exclusions {
        /// As given.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// One line.
        reason: String,
    },
}

fn place(first: &NotRun) -> String {
    format!("{}:{}", first.path, first.line)
}

impl RuleError {
    /// Stable name.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "rules-missing",
            Self::Unreadable { .. } => "rules-unreadable",
            Self::NoFiles { .. } => "rules-no-files",
            Self::NoneLoads { .. } => "rules-none-load",
            Self::NoYaraFiles { .. } => "yara-no-files",
            Self::NoYaraLoads { .. } => "yara-none-loads",
            Self::Nothing => "rules-none-given",
            Self::NoneSelected => "rules-none-selected",
            Self::Pipeline { .. } => "rules-pipeline",
            Self::Placeholders { .. } => "rules-placeholders",
            Self::Exclusions { .. } => "rules-exclusions",
        }
    }

    /// What the investigation lost.
    pub fn effect(&self) -> &'static str {
        "nothing was hunted"
    }

    /// One step to take.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => "check the path given to --rules or --yara".to_owned(),
            Self::Unreadable { .. } => "check that you may read it".to_owned(),
            Self::NoFiles { .. } => "give a folder that holds Sigma rules, or a rule file itself".to_owned(),
            Self::NoneLoads { path, .. } => format!("see each reason: piste rules check {}", path.display()),
            Self::NoYaraFiles { .. } => {
                "give a folder that holds YARA rules, or a rule file itself".to_owned()
            }
            Self::NoYaraLoads { path, .. } => {
                format!("see each reason: piste rules check --yara {}", path.display())
            }
            Self::Nothing => "give a folder of Sigma rules with --rules".to_owned(),
            Self::NoneSelected => "widen the selection, or give more rules with --rules".to_owned(),
            Self::Pipeline { .. } => {
                "remove that step from the pipeline, or write it by steps that Piste applies".to_owned()
            }
            Self::Placeholders { .. } => {
                "give a folder of name.txt files with one value a line, or a YAML file of name: [values]"
                    .to_owned()
            }
            Self::Exclusions { .. } => "correct the line, or begin it with # to leave it out".to_owned(),
        }
    }
}
