//! Which rules: the options that every command shares that loads rules, and those of `piste rules`.
//!
//! In: what the user typed. Out: [`LoadOptions`] and [`YaraOptions`], and one struct a command.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use piste_model::Level;
use piste_rules::yara::YaraOptions;
use piste_rules::{LoadOptions, Selection};
use serde::{Deserialize, Serialize};

/// Which rules to hunt with.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub(crate) struct RuleOptions {
    /// Sigma rules, filters and correlations beside Piste's own: a file or folder; may be given several times.
    #[arg(long, short, value_name = "PATH")]
    pub(crate) rules: Vec<PathBuf>,
    /// YARA rules for files, beside Piste's own: a file or folder (*.yar, *.yara); may be given several times.
    #[arg(long, value_name = "PATH")]
    pub(crate) yara: Vec<PathBuf>,
    /// Leave Piste's own rules out.
    #[arg(long)]
    pub(crate) no_built_in_rules: bool,
    /// A processing pipeline in pySigma's YAML; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) pipeline: Vec<PathBuf>,
    /// Values for %name% in rules: a folder of name.txt with one value a line, or a YAML file of name: [values].
    #[arg(long, value_name = "PATH")]
    pub(crate) placeholders: Vec<PathBuf>,
    /// Only rules of this level or above.
    #[arg(long, short = 'm', alias = "min-level", value_name = "LEVEL", value_parser = crate::cli::level)]
    pub(crate) level: Option<Level>,
    /// Only rules of this status; may be given several times.
    #[arg(long, value_name = "STATUS", value_parser = ["stable", "test", "experimental", "deprecated", "unsupported"])]
    pub(crate) status: Vec<String>,
    /// Only rules with this tag or one under it, as attack.t1505; may be given several times.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// Leave out the rule with this id or title; may be given several times.
    #[arg(long, value_name = "RULE")]
    pub(crate) exclude_rule: Vec<String>,
    /// Rules to leave out: lines of id,reason,YYYY-MM-DD; # begins a remark.
    #[arg(long, value_name = "FILE")]
    pub(crate) exclusions: Option<PathBuf>,
}

impl RuleOptions {
    /// The same options from wherever they are used: paths are absolute.
    pub(crate) fn anywhere(&self) -> Self {
        let full = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let all = |paths: &[PathBuf]| paths.iter().map(full).collect();
        Self {
            rules: all(&self.rules),
            yara: all(&self.yara),
            pipeline: all(&self.pipeline),
            placeholders: all(&self.placeholders),
            exclusions: self.exclusions.as_ref().map(full),
            ..self.clone()
        }
    }

    /// What to load.
    pub(crate) fn load_options(&self) -> LoadOptions {
        LoadOptions {
            paths: self.rules.iter().filter(|path| !is_yara(path)).cloned().collect(),
            built_in: !self.no_built_in_rules,
            pipelines: self.pipeline.clone(),
            placeholders: self.placeholders.clone(),
            selection: self.selection(),
        }
    }

    /// Which YARA rules to load; `more` are paths that were given without an option. A file whose name says that it holds
    /// YARA rules is taken as such wherever it is given.
    pub(crate) fn yara_options(&self, more: &[PathBuf]) -> YaraOptions {
        let elsewhere = self.rules.iter().chain(more).filter(|path| is_yara(path));
        YaraOptions {
            paths: self.yara.iter().chain(elsewhere).cloned().collect(),
            built_in: !self.no_built_in_rules,
            selection: self.selection(),
        }
    }

    fn selection(&self) -> Selection {
        Selection {
            level: self.level,
            statuses: self.status.clone(),
            tags: self.tag.clone(),
            exclude: self.exclude_rule.clone(),
            exclusions: self.exclusions.clone(),
        }
    }
}

/// Whether a path's name says that it holds YARA rules.
pub(crate) fn is_yara(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("yar") || end.eq_ignore_ascii_case("yara"))
}

/// Lists, checks, explains and updates rules.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    pub(crate) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    List(List),
    Check(Check),
    Explain(Explain),
    Update(Update),
}

/// Lists the rules, the gravest first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste rules list --rules sigma/rules --level high --tag attack.t1505")]
pub(crate) struct List {
    /// As --rules.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) which: RuleOptions,
    /// Print JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Says of each rule that will not run, or could never match, where and why.
///
/// Exits with 0 unless no rule loads; with --strict, with 2 if any rule does not.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste rules check our-rules/ --no-built-in-rules --strict")]
pub(crate) struct Check {
    /// As --rules.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) which: RuleOptions,
    /// Exit with 2 if any rule does not load.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Says why a rule matches a row of a case, or does not: each part of it, and what the row has there.
///
/// RECORD is E-1:57 (evidence and record), or a finding F-3, whose first row is taken.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste rules explain 5b1e5f5a-3f0e-4f6b-9d43-6a7f0c1d2e11 E-1:57 --rules our-rules/\n  piste rules explain \"Web Shell\" F-3 --json"
)]
pub(crate) struct Explain {
    /// A rule's id, name or title.
    #[arg(value_name = "RULE")]
    pub(crate) rule: String,
    /// E-1:57 or F-3.
    #[arg(value_name = "RECORD")]
    pub(crate) record: String,
    #[command(flatten)]
    pub(crate) which: RuleOptions,
    /// Print JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Brings a folder of rules to the state of a source, and says what changes.
///
/// SOURCE is a folder, a zip, tar or tar.gz of rules, or an https address of one. Nothing is fetched unless an address is
/// typed. Only rules and licences are taken; FOLDER/piste-rules.lock keeps source, hash and date.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste rules update sigma-master.zip --into sigma --dry-run\n  piste rules update https://github.com/SigmaHQ/sigma/archive/refs/heads/master.zip --into sigma"
)]
pub(crate) struct Update {
    /// Folder, archive or https address.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Folder to bring up to date; it is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: PathBuf,
    /// Say what would change and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the change as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
