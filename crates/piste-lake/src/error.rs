//! What stops the lake: the case folder cannot be written, or evidence that was given is not there.
//!
//! In: I/O errors with their path. Out: one line that names the path; the cause stays behind `source`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::errors::ParquetError;
use thiserror::Error;

/// An error that stops a run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LakeError {
    /// A file or folder that the user named does not exist.
    #[error("there is no file or folder `{0}`")]
    Missing(PathBuf),
    /// A folder of the case cannot be made or written.
    #[error("cannot write `{path}`")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the lake cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the lake is not what was written.
    #[error("the lake's file `{path}` {what}")]
    Changed {
        /// Where.
        path: PathBuf,
        /// What became of it.
        what: &'static str,
    },
    /// The lake was filled by a version that noted no hash of its files.
    #[error(
        "the ledger has no hash of the files in `{0}`: an older version of Piste stored them, or a run was cut off"
    )]
    Unvouched(PathBuf),
    /// A Parquet file of the lake cannot be written or read.
    #[error("the lake's file `{path}` cannot be {verb}")]
    Parquet {
        /// Where.
        path: PathBuf,
        /// `written` or `read`.
        verb: &'static str,
        /// Why.
        source: ParquetError,
    },
    /// Columns do not fit together: a bug.
    #[error("columns of `{dataset}` do not fit together")]
    Columns {
        /// Dataset.
        dataset: String,
        /// Why.
        source: arrow_schema::ArrowError,
    },
    /// A sidecar of the lake is not what this version writes.
    #[error("`{path}` is not what this version of Piste writes")]
    Sidecar {
        /// Where.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The files of correlations cannot be written or read.
    #[error("the files of correlations cannot be used")]
    Correlations(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The case's ledger cannot be written.
    #[error("the ledger cannot be written")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A part of Piste failed on one block: a bug. Holds what it said.
    #[error("a part of Piste failed: {0}")]
    Panicked(String),
    /// The user asked to stop.
    #[error("stopped as asked")]
    Stopped,
}

impl LakeError {
    /// For `map_err`: writing a Parquet file failed. What the disk said is kept in `failure`: the library may have put it into
    /// words of its own, and a full disk is no fault of the lake.
    pub(crate) fn parquet_write(
        path: &Path,
        failure: &Arc<Mutex<Option<io::Error>>>,
    ) -> impl Fn(ParquetError) -> Self + use<> {
        let (path, failure) = (path.to_owned(), Arc::clone(failure));
        move |source| match failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(source) => Self::Write { path: path.clone(), source },
            // Its columns fit, or they would not have been made: what is left is the disk, told in words only.
            None => Self::Write { path: path.clone(), source: io::Error::other(source) },
        }
    }

    /// For `map_err`: a write to `path` failed.
    pub fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }

    /// For `map_err`: a read of `path` failed.
    pub fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }
}
