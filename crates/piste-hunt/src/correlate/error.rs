//! What stops a correlation: its run files cannot be written or read, or are not what was written.
//!
//! In: I/O errors with their path. Out: one line that names the path; the cause stays behind `source`.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

/// An error that stops the sweep.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorrelateError {
    /// A run file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A run file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A run file does not hold what was written.
    #[error(
        "`{path}` is damaged at byte {offset}: {what}; correlations need it: delete the lake and run again"
    )]
    Damaged {
        /// Where.
        path: PathBuf,
        /// Byte at which it shows.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Whoever takes the hits could not.
    #[error("a correlation's hit could not be taken")]
    Emit(#[source] Box<dyn StdError + Send + Sync>),
}

impl CorrelateError {
    pub(super) fn write(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Write { path: path.to_owned(), source }
    }

    pub(super) fn read(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Read { path: path.to_owned(), source }
    }
}
