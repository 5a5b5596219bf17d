//! Which crate may know which: the layout that `ARCHITECTURE.md` draws.
//!
//! In: `cargo metadata`. Out: every edge between Piste's crates that is not in the drawing. Tests may reach further.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Crate, and those it may use; `piste` may use all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("piste-model", &[]),
    ("piste-page", &["piste-model"]),
    ("piste-parse", &["piste-model", "piste-page"]),
    ("piste-rules", &["piste-model"]),
    ("piste-lake", &["piste-parse", "piste-model"]),
    ("piste-hunt", &["piste-lake", "piste-rules", "piste-model"]),
    ("piste-words", &["piste-model"]),
    ("piste-judge", &["piste-lake", "piste-model"]),
    ("piste-case", &["piste-model"]),
    ("piste-report", &["piste-case", "piste-model"]),
    ("piste-lab", &["piste-model"]),
];

#[test]
fn crates_use_only_those_that_the_layout_allows() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let mut seen = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        seen.insert(name.to_owned());
        let Some((_, allowed)) = ALLOWED.iter().find(|(one, _)| *one == name) else {
            assert_eq!(name, "piste", "a crate that the layout does not know");
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = dependency["name"].as_str().expect("a name");
            let ordinary = dependency["kind"].is_null();
            let refused =
                used == "piste" || (used.starts_with("piste-") && ordinary && !allowed.contains(&used));
            assert!(!refused, "{name} uses {used}, which the layout does not allow");
        }
    }
    let known: BTreeSet<String> =
        ALLOWED.iter().map(|(name, _)| (*name).to_owned()).chain(["piste".to_owned()]).collect();
    assert_eq!(seen, known, "the layout names every crate");
}
