//! Which case a command works on.
//!
//! In: `--case`, `PISTE_CASE`, the folder at hand. Out: the case's folder and how it was chosen: what the user did not name
//! is said aloud, and is not written to where it may be another client's.

use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::cli::Cli;
use crate::cli::Command;
use crate::failure::Failure;
use crate::out;

/// The case where nothing names another.
pub(crate) const DEFAULT: &str = "piste-case";
/// Names the case where `--case` does not.
const VARIABLE: &str = "PISTE_CASE";

/// How the case was chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// `--case`, or by the command itself.
    #[default]
    Named,
    /// `PISTE_CASE`.
    Variable,
    /// The working folder is the case's, or lies in it.
    Around,
    /// Nothing named one: `./piste-case`.
    Default,
}

/// A case's folder and how it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) case: PathBuf,
    pub(crate) chosen: Chosen,
}

/// The case that a command line means.
pub(crate) fn place(named: Option<&Path>) -> Place {
    if let Some(case) = named {
        return Place { case: case.to_owned(), chosen: Chosen::Named };
    }
    if let Some(case) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return Place { case: case.into(), chosen: Chosen::Variable };
    }
    let around = std::env::current_dir().ok().and_then(|folder| case_around(&folder));
    match around {
        Some(case) => Place { case, chosen: Chosen::Around },
        None => Place { case: DEFAULT.into(), chosen: Chosen::Default },
    }
}

/// The nearest folder above that holds a case, the folder itself first.
fn case_around(folder: &Path) -> Option<PathBuf> {
    let is_case = |folder: &&Path| folder.join("ledger.jsonl").is_file() && folder.join("lake").is_dir();
    folder.ancestors().find(is_case).map(Path::to_owned)
}

/// Says which case is used where the command line does not name it.
pub(crate) fn announce(cli: &Cli) {
    let common = &cli.common;
    let shown = piste_report::escape::visible(&common.case.display().to_string()).into_owned();
    let without_case = matches!(
        &cli.command,
        Command::Demo(_)
            | Command::Triage(_)
            | Command::Rules(_)
            | Command::Schema(_)
            | Command::Lab(_)
            | Command::Key(_)
            | Command::Indicators(_)
            | Command::Completions(_)
            | Command::Man(_)
    );
    if common.quiet || without_case {
        return;
    }
    match common.chosen {
        Chosen::Variable => out::note(&format!("Case: {shown} (from {VARIABLE})")),
        Chosen::Around => out::note(&format!("Case: {shown} (the folder at hand)")),
        // The default is said where it is written to: most commands find none there and say so.
        Chosen::Named | Chosen::Default => {}
    }
}

/// Says that evidence goes to the case that nobody named.
pub(crate) fn announce_default(case: &Path, chosen: Chosen) {
    if chosen == Chosen::Default {
        let shown = piste_report::escape::visible(&case.display().to_string()).into_owned();
        out::note(&format!("Case: {shown} (the default; --case or {VARIABLE} names another)"));
    }
}

/// Refuses evidence for a case that nobody named and that holds other evidence: it may be another client's.
pub(crate) fn refuse_others(case: &Case, chosen: Chosen, evidence: &[PathBuf]) -> Result<(), Failure> {
    let earlier = case.given();
    let again = |path: &PathBuf| {
        let full = path.canonicalize().unwrap_or_else(|_| path.clone());
        earlier.iter().any(|given| full.starts_with(given) || given.starts_with(&full))
    };
    if chosen != Chosen::Default || earlier.is_empty() || evidence.iter().any(again) {
        return Ok(());
    }
    let shown: Vec<String> = earlier.iter().take(3).map(|path| piste_lake::path_text(path)).collect();
    let more = earlier.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Failure::usage(
        "case-of-other-evidence",
        format!("`./{DEFAULT}` is the case of other evidence: {}{more}", shown.join(", ")),
        "nothing was read: two clients' evidence in one case could not be told apart again",
        format!(
            "name a new case with --case NAME; if this evidence belongs to that case, add it: --case {DEFAULT}"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_case_around_a_folder_is_found() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let case = folder.path().join("ministry");
        std::fs::create_dir_all(case.join("lake")).expect("folders");
        std::fs::create_dir_all(case.join("out")).expect("folders");
        assert_eq!(case_around(&case.join("out")), None);
        std::fs::write(case.join("ledger.jsonl"), "").expect("it is written");
        assert_eq!(case_around(&case.join("out")).as_deref(), Some(case.as_path()));
        assert_eq!(case_around(folder.path()), None);
    }

    #[test]
    fn a_named_case_goes_before_all_else() {
        let named = place(Some(Path::new("x")));
        assert_eq!(named, Place { case: "x".into(), chosen: Chosen::Named });
    }
}
