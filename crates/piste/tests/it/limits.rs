//! `docs/limits.md` says what the program does: each number is the constant's, each name is one that is said.
//!
//! In: the page and the sources. Out: nothing but failures.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `1 << 30`, `8 * 1024`, `1_000`.
fn value_of(expression: &str) -> Option<u64> {
    let plain = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    if let Some((left, right)) = expression.split_once("<<") {
        return plain(left)?.checked_shl(u32::try_from(plain(right)?).ok()?);
    }
    expression.split('*').map(plain).try_fold(1, |product: u64, one| Some(product * one?))
}

/// The value that the source gives a constant or a field of limits.
fn value_in(source: &str, name: &str) -> Option<u64> {
    source.lines().find_map(|line| {
        let line = line.trim();
        let constant = line.contains(&format!("const {name}:")).then(|| line.split_once('=')).flatten();
        let field = line.strip_prefix(&format!("{name}: ")).map(|rest| ("", rest));
        let (_, value) = constant.or(field)?;
        value_of(value.trim().trim_end_matches([';', ',']))
    })
}

/// Text in backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn rust_sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("it lists") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&fs::read_to_string(path).expect("it reads"));
        }
    }
}

#[test]
fn every_limit_in_the_docs_is_the_one_in_force() {
    let page = fs::read_to_string(root().join("docs/limits.md")).expect("the page reads");
    let mut sources = String::new();
    for krate in fs::read_dir(root().join("crates")).expect("it lists") {
        rust_sources(&krate.expect("a crate").path().join("src"), &mut sources);
    }
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && line.contains("`crates/")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, number, place, said] = cells.as_slice() else { panic!("a row of four cells: {line}") };
        let place = quoted(place);
        let [file, name] = place.as_slice() else { panic!("a file and a name: {line}") };
        let source = fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{file} reads"));
        let told = number.replace(',', "").parse::<u64>().ok();
        assert_eq!(told, value_in(&source, name), "{what}: `{name}` in {file}");
        for one in quoted(said) {
            assert!(one == "extra" || one == "detections.jsonl" || sources.contains(one), "{what}: {one}");
        }
        rows += 1;
    }
    assert!(rows >= 30, "{rows} rows");
}

#[test]
fn one_place_runs_foreign_bytes() {
    let mut bad = Vec::new();
    for krate in fs::read_dir(root().join("crates")).expect("it lists") {
        let mut sources = String::new();
        let folder = krate.expect("a crate").path();
        rust_sources(&folder.join("src"), &mut sources);
        let calls = sources.matches("catch_unwind(").count();
        let allowed = usize::from(folder.ends_with("piste-model"));
        if calls > allowed {
            bad.push((folder, calls));
        }
    }
    assert!(bad.is_empty(), "use piste_model::guard: {bad:?}");
}
