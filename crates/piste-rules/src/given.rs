//! Everything that is given to load, read and not yet parsed.
//!
//! In: [`LoadOptions`]. Out: the texts of all rule files, the pipelines, the placeholders, the exclusions, and the hash over
//! all of it, which a cache can ask for before any rule is parsed.

use std::path::{Path, PathBuf};

use piste_model::hash::sha256_hex;

use crate::built_in::{BUILT_IN, BUILT_IN_PATH};
use crate::error::RuleError;
use crate::files::{Found, list, read};
use crate::options::{Exclusion, LoadOptions, Selection, exclusions};
use crate::parallel;
use crate::pipelines::Pipelines;
use crate::placeholders::Placeholders;

/// A rule file, read.
#[derive(Debug)]
pub(crate) struct FileRead {
    /// Path inside the set.
    pub(crate) relative: String,
    /// Path to show: the set's as given, and the path inside.
    pub(crate) shown: String,
    /// SHA-256 of its content; `unread` where there is none.
    pub(crate) sha256: String,
    /// Its text, or why there is none.
    pub(crate) text: Result<String, String>,
}

/// A set of rules: one path of the user, or Piste's own.
#[derive(Debug)]
pub(crate) struct SetRead {
    /// As given; `built-in` for Piste's own.
    pub(crate) path: String,
    /// As given; none for Piste's own.
    pub(crate) given: Option<PathBuf>,
    /// Sorted by path.
    pub(crate) files: Vec<FileRead>,
    /// SHA-256 over the listing of its files, as `sha256sum` would print it.
    pub(crate) sha256: String,
}

/// All that is given, with the hash over it.
#[derive(Debug)]
pub struct Given {
    pub(crate) sets: Vec<SetRead>,
    pub(crate) pipelines: Pipelines,
    pub(crate) placeholders: Placeholders,
    pub(crate) exclusions: Vec<Exclusion>,
    pub(crate) selection: Selection,
    sha256: String,
}

impl Given {
    /// Reads everything; parses pipelines and lists, and no rule.
    ///
    /// # Errors
    /// [`RuleError`] for a path that is missing, unreadable or without rule files, and for a pipeline, placeholder file or
    /// exclusions file that is wrong.
    pub fn read(options: &LoadOptions) -> Result<Self, RuleError> {
        let mut placeholders = Placeholders::read(&options.placeholders)?;
        let pipelines = Pipelines::read(&options.pipelines, &mut placeholders)?;
        let (exclusions, exclusions_text) = exclusions(&options.selection)?;
        let mut sets = Vec::new();
        if options.built_in {
            sets.push(SetRead::new(BUILT_IN_PATH.to_owned(), None, read_built_in()));
        }
        for path in &options.paths {
            let found = list(path)?;
            let files = parallel::map(&found, |one| read_file(path, one));
            sets.push(SetRead::new(path.display().to_string(), Some(path.clone()), files));
        }
        let mut parts: Vec<String> = sets.iter().map(|set| set.sha256.clone()).collect();
        parts.extend(pipelines.hashes.iter().map(|hash| format!("pipeline {hash}")));
        parts.extend(placeholders.canonical());
        parts.extend(options.selection.canonical(&exclusions_text));
        let sha256 = sha256_hex(lines(parts).as_bytes());
        let selection = options.selection.clone();
        Ok(Self { sets, pipelines, placeholders, exclusions, selection, sha256 })
    }

    /// As [`crate::RuleSet::sha256`].
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The sets' paths as given, in order: rules show them, so a cache must ask for them beside the hash.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.path.as_str())
    }
}

impl SetRead {
    fn new(path: String, given: Option<PathBuf>, mut files: Vec<FileRead>) -> Self {
        files.sort_by(|one, other| one.relative.cmp(&other.relative));
        let listing = lines(files.iter().map(|file| format!("{}  {}", file.sha256, file.relative)));
        Self { path, given, files, sha256: sha256_hex(listing.as_bytes()) }
    }
}

fn read_built_in() -> Vec<FileRead> {
    let read_one = |&(relative, text): &(&str, &str)| FileRead {
        relative: relative.to_owned(),
        shown: format!("{BUILT_IN_PATH}/{relative}"),
        sha256: sha256_hex(text.as_bytes()),
        text: Ok(text.to_owned()),
    };
    BUILT_IN.iter().map(read_one).collect()
}

fn read_file(set: &Path, found: &Found) -> FileRead {
    let text = match &found.refused {
        Some(reason) => Err(reason.clone()),
        None => read(&found.path),
    };
    let sha256 = text.as_ref().map_or_else(|_| "unread".to_owned(), |text| sha256_hex(text.as_bytes()));
    FileRead { relative: found.relative.clone(), shown: shown_path(set, found), sha256, text }
}

/// The set's path as given, with the path inside it.
fn shown_path(set: &Path, found: &Found) -> String {
    if found.path == set {
        return set.display().to_string();
    }
    format!("{}/{}", set.display().to_string().trim_end_matches(['/', '\\']), found.relative)
}

/// Each line with its end, as `sha256sum` would list them.
fn lines(all: impl IntoIterator<Item = String>) -> String {
    all.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}
