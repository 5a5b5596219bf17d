//! What stops a command: what, where, its effect, one step to take, and the exit code.
//!
//! In: errors of the crates below. Out: the text on stderr and one of the promised codes: 0 done, 1 findings at or above
//! `--fail-on`, 2 wrong usage or rules that cannot be read, 3 not all evidence could be read, 4 the case or the environment
//! does not allow it, 70 a bug in Piste.

use std::error::Error;
use std::fmt;

use piste_case::LedgerError;
use piste_lake::LakeError;
use piste_rules::RuleError;

/// Exit code where a finding reaches `--fail-on`.
pub(crate) const FOUND: u8 = 1;
/// Exit code of wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Exit code where not all evidence could be read.
pub(crate) const UNREAD: u8 = 3;
/// Exit code where the case or the environment does not allow it.
pub(crate) const ENVIRONMENT: u8 = 4;
/// Exit code of a bug.
pub(crate) const BUG: u8 = 70;

/// What stops a command.
#[derive(Debug)]
pub(crate) struct Failure {
    slug: &'static str,
    what: String,
    effect: String,
    hint: String,
    code: u8,
}

impl Failure {
    /// A failure of the user's input.
    pub(crate) fn usage(
        slug: &'static str,
        what: impl Into<String>,
        effect: &str,
        hint: impl Into<String>,
    ) -> Self {
        Self { slug, what: what.into(), effect: effect.to_owned(), hint: hint.into(), code: USAGE }
    }

    /// A failure of the case or the environment.
    pub(crate) fn environment(
        slug: &'static str,
        what: impl Into<String>,
        effect: &str,
        hint: impl Into<String>,
    ) -> Self {
        Self { slug, what: what.into(), effect: effect.to_owned(), hint: hint.into(), code: ENVIRONMENT }
    }

    /// What went wrong, in one sentence.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

/// Name, in place of a path, of what a command writes for its user outside the case.
pub(crate) const OUTPUT: &str = "the output";

impl Failure {
    /// Where a command's own output cannot be written.
    pub(crate) fn output(what: String) -> Self {
        let hint = "make room, or name another file; the case is as it was";
        Self::environment("output-write", what, "the output is cut off or missing", hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = piste_report::escape::visible;
        writeln!(f, "error[{}]: {}", self.slug, escape(&self.what))?;
        writeln!(f, "  = effect: {}", escape(&self.effect))?;
        write!(f, "hint: {}", escape(&self.hint))
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        let what = chain(&error);
        match error {
            LakeError::Missing(_) => Self::usage(
                "evidence-missing",
                what,
                "nothing was read",
                "check the path; quote it if it has blanks",
            ),
            LakeError::Panicked(_) => Self {
                slug: "bug",
                what,
                effect: "the run ended here; what is done is kept".to_owned(),
                hint: "report this as a bug, with the file if it may be shared".to_owned(),
                code: BUG,
            },
            LakeError::Stopped => Self::environment(
                "stopped",
                what,
                "what is done is kept",
                "run the same command again to finish the work",
            ),
            LakeError::Write { ref path, .. } if path == std::path::Path::new(OUTPUT) => Self::output(what),
            LakeError::Write { .. } => Self::environment(
                "case-write",
                what,
                "the run ended here; what is done is kept",
                "make room or choose another folder with --case, then run the same command again",
            ),
            LakeError::Sidecar { ref path, .. } => Self::environment(
                "lake-damaged",
                what,
                "the run ended here",
                format!("remove `{}`: it is derived, and the next run writes it anew", path.display()),
            ),
            _ => Self::environment(
                "lake-damaged",
                what,
                "the run ended here",
                "remove the case's folder `lake`: it is derived, and the next run writes it anew",
            ),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let what = chain(&error);
        match error {
            LedgerError::Locked { .. } => Self::environment(
                "case-locked",
                what,
                "nothing was changed",
                "wait until it has ended, or give another folder with --case",
            ),
            LedgerError::Append { .. } | LedgerError::Io { .. } => Self::environment(
                "ledger-write",
                what,
                "the run ended here; what is done is kept",
                "make room or mend the permissions, then run the same command again",
            ),
            _ => Self::environment(
                "ledger",
                what,
                "nothing further was recorded",
                "keep the file as it is, and look at the entry that is named; a copy of the ledger may help",
            ),
        }
    }
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        Self::usage(error.slug(), chain(&error), error.effect(), error.hint())
    }
}

/// The text for a panic.
pub(crate) fn bug(text: &str) -> String {
    format!(
        "error[bug]: Piste failed: {}\n  = effect: the command ended; what was recorded before is kept\nhint: run it again with RUST_BACKTRACE=1 and report what it prints",
        piste_report::escape::visible(text)
    )
}
