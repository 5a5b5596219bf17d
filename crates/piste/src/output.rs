//! Where a user's output may not go.
//!
//! In: the path of a file that a command is to write. Out: a refusal where that file is a case's own, or a key or a checkpoint:
//! none of them can be made again, and one wrong `-o` would cost the chain.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::failure::Failure;

/// Beginnings of files that are never written over.
const PRECIOUS: [&str; 3] = ["piste secret key", "piste public key", "{\"at\":\""];
/// What a case's folder holds.
const CASES_OWN: [&str; 10] = [
    "ledger.jsonl",
    "ledger.lock",
    "case.db",
    "lake",
    "out",
    "tmp",
    "imported",
    "indicators",
    "rules",
    "after",
];

/// Refuses a file that may not be written over.
pub(crate) fn refuse_precious(path: &Path) -> Result<(), Failure> {
    if within_case(path) {
        return Err(refused(path, "belongs to a case"));
    }
    if path.is_file() && is_precious(path) {
        return Err(refused(path, "is a key, a checkpoint or a ledger"));
    }
    Ok(())
}

/// Refuses a file in a folder that is not there, before any work is done for it.
pub(crate) fn refuse_no_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::usage(
        "output-folder",
        format!("`{}` cannot be written: there is no folder `{}`", path.display(), folder.display()),
        "nothing was written",
        "make the folder, or name a file in one that is there",
    ))
}

/// That a folder stands where a file is to be written.
pub(crate) fn is_folder(path: &Path) -> Failure {
    Failure::usage(
        "output-folder",
        format!("`{}` is a folder", path.display()),
        "nothing was written",
        "name a file in it",
    )
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::usage(
        "output-precious",
        format!("`{}` {why}, and is not written over", path.display()),
        "nothing was written",
        "give another file with -o",
    )
}

/// Whether the path is a case's own file, or lies in one of its own folders.
fn within_case(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(full) = folder.canonicalize().ok().zip(path.file_name()).map(|(folder, name)| folder.join(name))
    else {
        return false;
    };
    let own = |folder: &Path| {
        let first = full.strip_prefix(folder).ok().and_then(|rest| rest.components().next());
        first.is_some_and(|first| CASES_OWN.iter().any(|own| first.as_os_str() == *own))
    };
    full.ancestors().skip(1).any(|folder| folder.join("ledger.jsonl").is_file() && own(folder))
}

fn is_precious(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut head));
    read.is_ok() && PRECIOUS.iter().any(|front| head.starts_with(front.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_folder_that_is_not_there_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(refuse_no_folder(&folder.path().join("a.csv")).is_ok());
        assert!(refuse_no_folder(Path::new("a.csv")).is_ok());
        let failure = refuse_no_folder(&folder.path().join("none/a.csv")).expect_err("it is refused");
        assert!(failure.what().contains("there is no folder"), "{}", failure.what());
    }

    #[test]
    fn a_cases_files_keys_and_checkpoints_are_not_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let case = folder.path().join("case");
        std::fs::create_dir_all(case.join("lake/units")).expect("folders");
        for (name, text) in [
            ("case/ledger.jsonl", "{\"at\":\"2021"),
            ("case/lake/units/1", "x"),
            ("ann.key", "piste secret key 1\n"),
            ("copy.jsonl", "{\"at\":\"2021-03-27T00:00:00Z\""),
            ("report.txt", "words"),
        ] {
            std::fs::write(folder.path().join(name), text).expect("writes");
        }
        for name in ["case/ledger.jsonl", "case/lake/units/1", "case/out/new.txt", "ann.key", "copy.jsonl"] {
            let path = folder.path().join(name);
            if name != "case/out/new.txt" || case.join("out").exists() {
                assert!(refuse_precious(&path).is_err(), "{name}");
            }
        }
        for name in ["report.txt", "new.txt", "case/draft.txt"] {
            assert!(refuse_precious(&folder.path().join(name)).is_ok(), "{name}");
        }
    }
}
