//! Manners that no compiler holds us to.
//!
//! In: the sources. Out: files that do not say what they are for, are too long, or use a word that says nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of the longest file.
const LINES_MAX: usize = 800;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_source_says_what_it_is_for_and_is_short() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    assert!(found.len() > 50, "the sources are there");
    let mut faults = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("a source is text");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !text.starts_with("//!") {
            faults.push(format!("{} does not start with //!", path.display()));
        }
        if text.lines().count() > LINES_MAX {
            faults.push(format!("{} has more than {LINES_MAX} lines", path.display()));
        }
        if ["utils", "util", "helpers", "manager", "common", "misc"].contains(&name.as_str()) {
            faults.push(format!("{} has a name that says nothing", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What code that judges has no business with: the sentences of a door, which are made after it.
#[test]
fn no_judge_asks_a_sentence() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../piste-judge/src"), &mut found);
    assert!(found.len() > 40, "the sources are there");
    let sentences = ["door.why", "door.against", "door.missing", "piste_words::"];
    let mut faults = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("a source is text");
        let judged = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        faults.extend(
            sentences
                .iter()
                .filter(|one| judged.contains(**one))
                .map(|one| format!("{}: {one}", path.display())),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The index of decisions has a line for each note, and none for a note that is not there.
#[test]
fn every_decision_stands_in_the_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/decisions");
    let index = fs::read_to_string(folder.join("README.md")).expect("an index");
    let mut notes = Vec::new();
    for entry in fs::read_dir(&folder).expect("the notes") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if name != "README.md" {
            notes.push(name);
        }
    }
    notes.sort();
    let listed: Vec<&str> = index
        .lines()
        .filter_map(|line| line.split_once("](")?.1.split_once(')').map(|(name, _)| name))
        .collect();
    assert_eq!(listed, notes);
}
