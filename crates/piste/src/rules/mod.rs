//! `piste rules`: which rules there are, which will not run, why one matches, and how they are kept up to date.
//!
//! In: rule folders and options. Out: lists for people and JSON lines for scripts. One file a command.

mod archive;
pub(crate) mod arguments;
mod check;
mod explain;
mod list;
pub(crate) mod prepared;
mod update;

use std::path::PathBuf;

use piste_model::ArtefactKind;
use piste_model::sources::Sources;
use piste_rules::yara::YaraSet;
use piste_rules::{LoadOptions, RuleError, RuleSet};

use crate::cli::Common;
use crate::failure::{self, Failure};
use crate::rules::arguments::{RuleOptions, Rules, RulesCommand};

/// Runs the command.
pub(crate) fn run(arguments: &Rules, common: &Common) -> Result<u8, Failure> {
    match &arguments.command {
        RulesCommand::List(arguments) => list::run(arguments),
        RulesCommand::Check(arguments) => check::run(arguments, common),
        RulesCommand::Explain(arguments) => explain::run(arguments, common),
        RulesCommand::Update(arguments) => update::run(arguments, common),
    }
}

/// The catalogue of log sources.
pub(crate) fn sources() -> Result<Sources, Failure> {
    piste_rules::catalog::sources().map_err(|error| {
        Failure::environment("catalogue", failure::chain(&error), "nothing was read", "report this as a bug")
    })
}

/// Kinds of files that are sealed and not read.
pub(crate) fn artefacts() -> Result<Vec<ArtefactKind>, Failure> {
    piste_rules::catalog::artefacts().map_err(|error| {
        Failure::environment("catalogue", failure::chain(&error), "nothing was read", "report this as a bug")
    })
}

/// Sigma's rules and YARA's; of Sigma's none where only YARA files were asked for. `told` sees why nothing loads.
fn load_both(
    which: &RuleOptions,
    paths: &[PathBuf],
    told: &dyn Fn(&RuleError),
) -> Result<(RuleSet, YaraSet), Failure> {
    let tell = |error: RuleError| {
        told(&error);
        Failure::from(error)
    };
    let yara = YaraSet::load(&which.yara_options(paths)).map_err(tell)?;
    let options = options(which, paths);
    let only_yara = options.paths.is_empty() && !options.built_in && !yara.is_empty();
    let mut rules = if only_yara {
        prepared::no_rules()
    } else {
        piste_rules::load(&options, &sources()?).map_err(tell)?
    };
    prepared::drop_used_exclusions(&mut rules, &yara);
    Ok((rules, yara))
}

/// The options, with the paths that stand without `--rules`.
fn options(which: &RuleOptions, paths: &[PathBuf]) -> LoadOptions {
    let mut options = which.load_options();
    options.paths.extend(paths.iter().filter(|path| !arguments::is_yara(path)).cloned());
    options
}
