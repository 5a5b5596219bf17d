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

/// Whether the disk, or what its user may have of it, is full.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        let error = match error {
            LakeError::Ledger(source) => match source.downcast::<LedgerError>() {
                Ok(ledger) => return Self::from(*ledger),
                Err(other) => LakeError::Ledger(other),
            },
            other => other,
        };
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
            LakeError::Write { ref source, .. } if is_full(source) => Self::environment(
                "disk-full",
                format!("the disk is full: {what}"),
                "the command ended here; what was done before is kept",
                "make room, or choose another folder, then run the same command again",
            ),
            LakeError::Write { .. } => Self::environment(
                "case-write",
                what,
                "the run ended here; what is done is kept",
                "make room or choose another folder with --case, then run the same command again",
            ),
            LakeError::Unvouched(_) => Self::environment(
                "lake-unvouched",
                what,
                "nothing was shown: nobody could tell whether somebody edited them",
                "run `piste investigate` again: it reads the evidence anew and notes the hashes",
            ),
            LakeError::Changed { .. } => Self::environment(
                "lake-changed",
                what,
                "nothing is said from what was changed: what this command shows would not be what the evidence says",
                "run `piste investigate` again: it reads what no longer fits anew from the evidence; ask what took or changed the \
                 file (an antivirus does so too)",
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
            LedgerError::Forged { ref kind, .. } => {
                let effect = rests_on(kind);
                Self::environment(
                    "entry-forged",
                    what,
                    effect,
                    "look at it with `piste ledger show`, and compare with a copy of the ledger or a checkpoint from elsewhere: \
                     `piste ledger verify --checkpoint FILE`; the case goes on once the entry is as it was signed",
                )
            }
            LedgerError::Append { ref source, .. } if is_full(source) => Self::environment(
                "disk-full",
                format!("the disk is full: {what}"),
                "nothing further was recorded; what was done before is kept",
                "make room, then run the same command again",
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

/// What can no longer be relied on where an entry of this kind was forged.
fn rests_on(kind: &str) -> &'static str {
    match kind.split('.').next().unwrap_or_default() {
        "fact" => {
            "the facts of this case, and the duties, deadlines and drafts that follow from them, cannot be relied on; nothing was shown or recorded"
        }
        "duty" => {
            "what was sent, acknowledged or waived in this case cannot be relied on; nothing was shown or recorded"
        }
        "custody" => "who held the evidence of this case cannot be relied on; nothing was shown or recorded",
        "finding" => {
            "the verdicts on findings of this case cannot be relied on; nothing was shown or recorded"
        }
        "case" => "what came from or went to another team cannot be relied on; nothing was shown or recorded",
        _ => "somebody changed this case after it was signed; nothing was shown or recorded",
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
