//! Folders to files.
//!
//! In: the paths that a person gave. Out: regular files, sorted, with the name under which they are shown. Links and
//! special files are refused as issues: a link may lead out of the evidence, a pipe may never end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use piste_model::Issue;

use crate::LakeError;

/// Folders within folders that are followed.
const DEPTH_MAX: usize = 128;

/// Bytes of a ledger's first line.
const LEDGER_LINE_MAX: u64 = 64 << 10;

/// One regular file of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// Shown: the name of the folder given and the path within it, or the file's own name; with the folders above where
    /// that tells given paths apart.
    pub(crate) name: String,
    /// On disk.
    pub(crate) path: PathBuf,
}

/// Lists the regular files under `given`, sorted by shown name; of one name, those given first come first. The folder of
/// the case itself is left out, since it grows while it is read, and so are other cases inside a folder.
///
/// # Errors
/// [`LakeError::Missing`] where a path does not exist.
pub(crate) fn walk(
    given: &[PathBuf],
    case: Option<&Path>,
    issues: &mut Vec<Issue>,
) -> Result<Vec<Found>, LakeError> {
    let mut all = Vec::new();
    let mut known = BTreeSet::new();
    for (path, shown) in given.iter().zip(shown_names(given)) {
        let mut found = Vec::new();
        let kind = fs::metadata(path).map_err(|_| LakeError::Missing(path.clone()))?;
        if kind.is_dir() {
            // The folder's own name stands first, so that a locator stays the same when more is given later.
            Walk { case, found: &mut found, issues }.folder(path, &(shown + "/"), 0);
            if found.is_empty() {
                issues.push(Issue::new(
                    "evidence-empty-folder",
                    path.display().to_string(),
                    "this folder holds no file",
                    "nothing was read from it",
                    "check the path; a mounted image may not be mounted",
                ));
            }
        } else if kind.is_file() {
            found.push(Found { name: shown, path: path.clone() });
        } else {
            // What a person named and cannot be read is a gap; the same inside a folder is not.
            let mut issue = special(&path.display().to_string());
            issue.slug = "evidence-unreadable".into();
            issues.push(issue);
        }
        found.sort();
        all.extend(found.into_iter().filter(|file| known.insert(file.path.clone())));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name)); // stable: what was given first stays first
    Ok(all)
}

/// The last part of each path; of several, as many parts as tell them apart.
fn shown_names(given: &[PathBuf]) -> Vec<String> {
    let full: Vec<PathBuf> =
        given.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let parts: Vec<Vec<String>> = full.iter().map(|path| named_parts(path)).collect();
    let mut depths = vec![1; given.len()];
    loop {
        let shown: Vec<String> = full
            .iter()
            .zip(&parts)
            .zip(&depths)
            .map(|((path, parts), depth)| last_parts(path, parts, *depth))
            .collect();
        let mut by_name: BTreeMap<&str, BTreeSet<&PathBuf>> = BTreeMap::new();
        for (name, path) in shown.iter().zip(&full) {
            by_name.entry(name).or_default().insert(path);
        }
        let shared = |name: &String| by_name.get(name.as_str()).is_some_and(|paths| paths.len() > 1);
        let mut changed = false;
        for ((name, parts), depth) in shown.iter().zip(&parts).zip(&mut depths) {
            if *depth < parts.len() && shared(name) {
                *depth += 1;
                changed = true;
            }
        }
        if !changed {
            return shown;
        }
    }
}

fn named_parts(path: &Path) -> Vec<String> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    parts.collect()
}

fn last_parts(path: &Path, parts: &[String], depth: usize) -> String {
    match parts.get(parts.len().saturating_sub(depth)..) {
        Some(last) if !last.is_empty() => last.join("/"),
        _ => path.display().to_string(), // the root
    }
}

/// One folder being walked.
struct Walk<'a> {
    case: Option<&'a Path>,
    found: &'a mut Vec<Found>,
    issues: &'a mut Vec<Issue>,
}

impl Walk<'_> {
    fn unreadable(&mut self, path: &Path, what: String) {
        self.issues.push(Issue::new(
            "evidence-unreadable",
            path.display().to_string(),
            what,
            "it was neither sealed nor read",
            "check the permissions, or copy it as administrator",
        ));
    }

    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return self.unreadable(folder, format!("this folder lies deeper than {DEPTH_MAX} levels"));
        }
        if self.is_case(folder) {
            return self.issues.push(Issue::new(
                "evidence-case-folder",
                folder.display().to_string(),
                "this is the folder of this case",
                "it was left out: it is no evidence",
                "keep the case apart from the evidence, with --case",
            ));
        }
        // One that a person names is evidence all the same.
        if depth > 0 && is_another_case(folder) {
            return self.issues.push(Issue::new(
                "evidence-case-folder",
                folder.display().to_string(),
                "this is the folder of another case",
                "it was left out: it holds what Piste wrote",
                "look into it, since anyone can make such a folder; give it by its own path to have it read",
            ));
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, format!("this folder cannot be listed: {error}")),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, prefix, depth),
                Err(error) => {
                    self.unreadable(folder, format!("an entry of this folder cannot be read: {error}"));
                }
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, prefix: &str, depth: usize) {
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => self.folder(&path, &format!("{name}/"), depth + 1),
            Ok(kind) if kind.is_file() => self.found.push(Found { name, path }),
            Ok(kind) if kind.is_symlink() => self.issues.push(Issue::new(
                "evidence-link",
                name,
                "this is a symbolic link",
                "it was not followed, since it may lead out of the evidence",
                "give the file that it points to as evidence of its own, if it belongs here",
            )),
            Ok(_) => self.issues.push(special(&name)),
            Err(error) => self.unreadable(&path, format!("its kind cannot be told: {error}")),
        }
    }

    fn is_case(&self, folder: &Path) -> bool {
        self.case.is_some_and(|case| {
            folder.file_name() == case.file_name() && folder.canonicalize().is_ok_and(|full| full == case)
        })
    }
}

/// Whether the folder holds a ledger, by its first line.
fn is_another_case(folder: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Entry {
        kind: String,
    }
    let ledger = folder.join("ledger.jsonl");
    if !fs::symlink_metadata(&ledger).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let mut line = Vec::new();
    let read = fs::File::open(&ledger)
        .and_then(|file| BufReader::new(file).take(LEDGER_LINE_MAX).read_until(b'\n', &mut line));
    read.is_ok() && serde_json::from_slice::<Entry>(&line).is_ok_and(|entry| entry.kind == "case.created")
}

fn special(name: &str) -> Issue {
    Issue::new(
        "evidence-special",
        name,
        "this is no regular file but a pipe, socket or device",
        "it was not opened",
        "copy its content to a regular file, if it belongs to the evidence",
    )
}
