//! A folder that lives as long as one test, and the binary run in it.
//!
//! In: files by name and a command line. Out: exit code, both streams, and the files of `out/` as JSON. The clock is set, so
//! that equal runs write equal ledgers.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The case that tests use unless they need several.
pub(crate) const CASE: &str = "case";

/// A scratch folder.
pub(crate) struct Scratch(TempDir);

/// What a run answered.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The run, if it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a scratch folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it lies in the scratch folder")).expect("folders are made");
        let mut file = fs::File::create(&path).expect("a file is made");
        file.write_all(bytes.as_ref()).expect("a file is written");
        path
    }

    /// The binary, with the scratch folder as its working folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piste"));
        command.current_dir(self.0.path()).args(arguments);
        command
            .env_remove("RUST_BACKTRACE")
            .env_remove("COLUMNS")
            .env_remove("PISTE_CASE")
            .env("NO_COLOR", "1");
        // What one test compiles, others may use: the cache is part of what is tested.
        command.env("PISTE_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command
    }

    pub(crate) fn piste(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// `piste investigate` into [`CASE`], the arguments split at blanks.
    pub(crate) fn investigate(&self, arguments: &str) -> Run {
        self.investigate_in(CASE, arguments)
    }

    pub(crate) fn investigate_in(&self, case: &str, arguments: &str) -> Run {
        let mut all = vec!["investigate", "--case", case, "--at", "2021-03-27T09:00:00Z"];
        all.extend(arguments.split_whitespace());
        self.piste(&all)
    }

    /// A file of the case's `out/`, one object a line.
    #[track_caller]
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        self.lines_in(CASE, name)
    }

    #[track_caller]
    pub(crate) fn lines_in(&self, case: &str, name: &str) -> Vec<Value> {
        let path = self.path(case).join("out").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
    }

    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        self.summary_in(CASE)
    }

    #[track_caller]
    pub(crate) fn summary_in(&self, case: &str) -> Value {
        let text = fs::read_to_string(self.path(case).join("out/summary.json")).expect("there is a summary");
        serde_json::from_str(&text).expect("the summary is an object")
    }

    /// A file of the case's `out/` that is one object.
    #[track_caller]
    pub(crate) fn object(&self, name: &str) -> Value {
        let path = self.path(CASE).join("out").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `evidence.jsonl` by path.
    #[track_caller]
    pub(crate) fn evidence(&self) -> BTreeMap<String, Value> {
        self.lines("evidence.jsonl").into_iter().map(|one| (text(&one, "path"), one)).collect()
    }

    /// Slugs of `issues.jsonl`, sorted.
    #[track_caller]
    pub(crate) fn slugs(&self) -> Vec<String> {
        let mut slugs: Vec<String> =
            self.lines("issues.jsonl").iter().map(|issue| text(issue, "slug")).collect();
        slugs.sort();
        slugs
    }

    /// The one issue of this slug.
    #[track_caller]
    pub(crate) fn issue(&self, slug: &str) -> Value {
        let mut found: Vec<Value> =
            self.lines("issues.jsonl").into_iter().filter(|issue| text(issue, "slug") == slug).collect();
        assert_eq!(found.len(), 1, "issues {slug}: {:?}", self.lines("issues.jsonl"));
        found.pop().expect("there is one")
    }
}

/// A text field of an object.
#[track_caller]
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {object}")).to_owned()
}

/// Every file under `folder` that two equal runs share, by name: all but `run.json`.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if name != "run.json" {
            files.insert(name, fs::read(&path).expect("it reads"));
        }
    }
    files
}

/// Asserts that two `out/` folders are the same, byte for byte.
#[track_caller]
pub(crate) fn same_files(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        if *bytes != other[name] {
            let lines =
                |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
            let (one, other) = (lines(bytes), lines(&other[name]));
            let at = one.iter().zip(&other).position(|(a, b)| a != b).unwrap_or(one.len().min(other.len()));
            panic!("{name} differs from line {}: {:?} and {:?}", at + 1, one.get(at), other.get(at));
        }
    }
}

/// Evidence that lies beside the project; says aloud that the test skips where it does not.
pub(crate) fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let found = path.canonicalize().ok();
    if found.is_none() {
        println!("skipped: {} is not here", path.display());
    }
    found
}
