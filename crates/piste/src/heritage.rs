//! Where a case lies and which version wrote it.
//!
//! In: the entries of its ledger. Out: a word to the user where the folder is a copy of one that is still there, or was written by
//! another version; a refusal where that version is newer than this one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use piste_case::{Entry, Ledger, kind};
use piste_lake::{StoredPath, path_text};
use piste_model::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::out;

/// Kind of the entry that records that the case lies elsewhere now.
pub(crate) const LOCATED: &str = "case.located";
const HERE: &str = env!("CARGO_PKG_VERSION");

/// What the ledger says of the case's past.
#[derive(Debug, Default)]
pub(crate) struct Heritage {
    /// First line of the ledger: the same in all copies of a case.
    first: String,
    folder: Option<PathBuf>,
    version: Option<String>,
}

impl Heritage {
    /// Takes in one entry of the ledger.
    pub(crate) fn observe(&mut self, entry: &Entry) {
        if entry.seq == 1 {
            self.first = entry.to_line();
        }
        if [kind::CASE_CREATED, LOCATED].contains(&entry.kind.as_str())
            && let Some(Ok(folder)) = entry.body.get("folder").map(StoredPath::deserialize)
        {
            self.folder = Some(folder.0);
        }
        if [kind::CASE_CREATED, kind::RUN_STARTED].contains(&entry.kind.as_str())
            && let Some(version) = entry.body.get("version").and_then(Value::as_str)
        {
            self.version = Some(version.to_owned());
        }
    }

    /// Body of the entry that begins a case.
    pub(crate) fn created(folder: &Path) -> Value {
        json!({"version": HERE, "folder": StoredPath(whole(folder))})
    }

    /// Refuses a case that a newer version wrote; says what is to be said of an older one.
    pub(crate) fn check_version(&self) -> Result<(), Failure> {
        let Some(version) = self.version.as_deref().filter(|version| *version != HERE) else { return Ok(()) };
        if numbers(version) > numbers(HERE) {
            return Err(Failure::environment(
                "case-newer",
                format!("this case was last written by Piste {version}; this is Piste {HERE}"),
                "nothing was changed",
                format!("use Piste {version} or later"),
            ));
        }
        out::note(&format!(
            "This case was last written by Piste {}: its ledger goes on as it is, its rows are read anew where the form of rows has changed",
            piste_report::escape::visible(version)
        ));
        Ok(())
    }

    /// Records that the case lies elsewhere than the ledger says, and warns where it also still lies there.
    pub(crate) fn locate(&self, folder: &Path, ledger: &mut Ledger, at: Instant) -> Result<(), Failure> {
        let here = whole(folder);
        let Some(before) = self.folder.as_ref().filter(|before| **before != here) else { return Ok(()) };
        let copy = first_line(before).is_some_and(|first| first == self.first);
        ledger.append(LOCATED, json!({"folder": StoredPath(here), "copy": copy}), at)?;
        if copy {
            out::note(&format!(
                "warning: this case is a copy of `{}`, which is still there. From here on the two are two records; bring what \
                 the other finds and decides into this one with `piste case export` there and `piste case import` here",
                piste_report::escape::visible(&path_text(before))
            ));
        }
        Ok(())
    }
}

/// Refuses to begin a case where one has been: its ledger was lost, and a new one would hide that.
pub(crate) fn refuse_lost_ledger(folder: &Path) -> Result<(), Failure> {
    let traces = ["out/summary.json", "out/duties.json", "case.db", "imported", "lake/units"];
    let there = |trace: &&&str| {
        let path = folder.join(trace);
        path.is_file() || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
    };
    let Some(trace) = traces.iter().find(there) else { return Ok(()) };
    Err(Failure::environment(
        "ledger-missing",
        format!(
            "`{}` has no ledger, or an empty one, though it holds a case: `{trace}` is there",
            folder.display()
        ),
        "nothing was read or recorded",
        "put ledger.jsonl back from a copy and check it with a checkpoint; for a new case give another folder with --case",
    ))
}

fn whole(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn first_line(folder: &Path) -> Option<String> {
    let file = fs::File::open(folder.join("ledger.jsonl")).ok()?;
    let mut line = String::new();
    BufReader::new(std::io::Read::take(file, 1 << 20)).read_line(&mut line).ok()?;
    Some(line)
}

/// `1.12.0` as numbers; what is no number counts as 0.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0)).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.3"));
        assert!(numbers("1.0.0") > numbers("0.99.99"));
        assert_eq!(numbers("0.1.0-rc"), numbers("0.1.0"));
    }
}
