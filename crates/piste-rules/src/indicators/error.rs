//! What stops a command that was given indicators: a file that cannot be used at all.
//!
//! In: paths and what the system said. Out: what is wrong, its effect and one step to take. A bad line is no error: it is an
//! issue.

use std::path::PathBuf;

/// A file of indicators that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndicatorError {
    /// There is nothing at the path.
    #[error("there are no indicators at `{path}`: no such file")]
    Missing {
        /// As given.
        path: PathBuf,
    },
    /// It cannot be opened or read.
    #[error("cannot read the indicators at `{path}`")]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is too long to be held.
    #[error("`{path}` has {bytes} bytes; files of indicators are read up to {limit}")]
    TooLong {
        /// As given.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// Nothing in it is an indicator.
    #[error("no indicator of `{path}` is understood{first}")]
    NoneUnderstood {
        /// As given.
        path: PathBuf,
        /// `; feed.csv:1: …`, the first reason; empty if there is none.
        first: String,
    },
}

impl IndicatorError {
    /// Stable name.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "indicators-missing",
            Self::Unreadable { .. } => "indicators-unreadable",
            Self::TooLong { .. } => "indicators-too-long",
            Self::NoneUnderstood { .. } => "indicators-none-understood",
        }
    }

    /// One step to take.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "check the path given to --indicators; quote it if it has blanks".to_owned()
            }
            Self::Unreadable { .. } => "check that it is a file and that you may read it".to_owned(),
            Self::TooLong { .. } => "split the file and give its parts".to_owned(),
            Self::NoneUnderstood { path, .. } => {
                format!("see each reason: piste indicators check {}", path.display())
            }
        }
    }
}
