//! The indicators of a case: those given now, and those that earlier runs were given.
//!
//! In: paths, and what the ledger says of earlier runs. Out: [`Indicators`] of all of them. Each file is kept in the case
//! under its SHA-256, so that a later run looks for the same and needs no stick to be plugged in again. Indicators add up, as
//! evidence does.

use std::fs;
use std::path::{Path, PathBuf};

use piste_lake::StoredPath;
use piste_lake::store::write_durably;
use piste_model::hash::sha256_hex;
use piste_rules::indicators::{GivenFile, IndicatorError, Indicators, read};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::case::Case;
use crate::failure::{self, Failure};

/// Folder of the case that keeps the files.
const FOLDER: &str = "indicators";

/// A file as the ledger's run names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// As it was given: what sightings name as their source.
    pub(crate) name: String,
    /// Where it was.
    pub(crate) path: StoredPath,
    pub(crate) sha256: String,
    /// What it is, and how much of it is looked for.
    #[serde(default)]
    pub(crate) format: String,
    #[serde(default)]
    pub(crate) understood: u64,
    #[serde(default)]
    pub(crate) left_out: u64,
}

/// Files given now, read and found usable.
#[derive(Debug, Default)]
pub(crate) struct Given {
    paths: Vec<PathBuf>,
    indicators: Indicators,
    without_earlier: bool,
}

/// All that a run looks for.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) indicators: Indicators,
    files: Vec<Kept>,
    /// What the ledger is to be told.
    told: bool,
}

impl From<IndicatorError> for Failure {
    fn from(error: IndicatorError) -> Self {
        Self::usage(error.slug(), failure::chain(&error), "nothing was looked for", error.hint())
    }
}

impl Given {
    /// Reads what is given now, before anything is written.
    pub(crate) fn read(paths: &[PathBuf], without_earlier: bool) -> Result<Self, Failure> {
        let files: Vec<GivenFile> = paths.iter().map(|path| of_path(path)).collect();
        let indicators = read(&files)?;
        Ok(Self { paths: paths.to_vec(), indicators, without_earlier })
    }

    /// Puts those of earlier runs before them, and keeps the new ones in the case.
    pub(crate) fn with_earlier(self, case: &Case) -> Result<Known, Failure> {
        let folder = case.folder.join(FOLDER);
        let mut files: Vec<Kept> = Vec::new();
        let told = !case.indicators().is_empty() || !self.paths.is_empty();
        if !self.without_earlier {
            files.extend(case.indicators().iter().cloned());
        }
        let earlier = files.len();
        for (path, read) in self.paths.iter().zip(&self.indicators.files) {
            let full = path.canonicalize().unwrap_or_else(|_| path.clone());
            keep(&folder, path, &read.sha256)?;
            let kept = Kept {
                name: read.path.clone(),
                path: StoredPath(full),
                sha256: read.sha256.clone(),
                format: String::new(),
                understood: 0,
                left_out: 0,
            };
            // The same place anew takes the place of what it held before.
            let same = |one: &&mut Kept| one.path == kept.path || one.sha256 == kept.sha256;
            match files.iter_mut().find(same) {
                Some(one) => *one = kept,
                None => files.push(kept),
            }
        }
        let indicators = if earlier == 0 && files.len() == self.paths.len() {
            self.indicators
        } else {
            drop(self.indicators);
            kept(&folder, &files)?
        };
        for (kept, read) in files.iter_mut().zip(&indicators.files) {
            kept.format = read.format.to_string();
            (kept.understood, kept.left_out) = (read.understood, read.left_out);
        }
        Ok(Known { indicators, files, told })
    }
}

impl Known {
    /// Adds the files to the body of a run's first entry.
    pub(crate) fn tell(&self, body: &mut Value) {
        if let Some(body) = body.as_object_mut().filter(|_| self.told) {
            body.insert("indicators".to_owned(), json!(self.files));
        }
    }

    /// Whether MD5 or SHA-1 of files is asked for.
    pub(crate) fn asks_older_hashes(&self) -> bool {
        use piste_rules::indicators::Test;
        let older = |test: &Test| matches!(test, Test::Hash(hash) if hash.len() < 64);
        self.indicators.all.iter().any(|one| one.tests.all().iter().any(older))
    }
}

/// A file by the name under which it was given.
pub(super) fn of_path(path: &Path) -> GivenFile {
    GivenFile { name: piste_lake::path_text(path), path: path.to_owned() }
}

/// Reads the case's copies.
fn kept(folder: &Path, files: &[Kept]) -> Result<Indicators, Failure> {
    let given: Vec<GivenFile> = files
        .iter()
        .map(|kept| GivenFile { name: kept.name.clone(), path: folder.join(&kept.sha256) })
        .collect();
    let gone = |what: String| {
        Failure::environment(
            "indicators-gone",
            what,
            "nothing was looked for",
            "give the file again with --indicators, or leave earlier ones out: --no-earlier-indicators",
        )
    };
    let indicators = read(&given).map_err(|error| gone(failure::chain(&error)))?;
    for (kept, read) in files.iter().zip(&indicators.files) {
        if kept.sha256 != read.sha256 {
            let copy = folder.join(&kept.sha256);
            return Err(gone(format!("`{}` is no longer what was given as `{}`", copy.display(), kept.name)));
        }
    }
    Ok(indicators)
}

fn keep(folder: &Path, path: &Path, sha256: &str) -> Result<(), Failure> {
    let to = folder.join(sha256);
    if to.exists() {
        return Ok(());
    }
    let failed = |error: &std::io::Error| {
        Failure::environment(
            "case-write",
            format!("`{}` cannot be kept in the case: {error}", path.display()),
            "nothing was looked for",
            "make room or mend the permissions, then run the same command again",
        )
    };
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let bytes = fs::read(path).map_err(|error| failed(&error))?;
    if sha256_hex(&bytes) != sha256 {
        return Err(failed(&std::io::Error::other("it changed while it was read")));
    }
    Ok(write_durably(&to, &bytes)?)
}
