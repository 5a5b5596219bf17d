//! Paths to a rule set.
//!
//! In: folders and files of the user, Piste's own rules, the catalogue of sources. Out: a [`RuleSet`], the same for the
//! same files whatever the number of threads: files are read side by side and merged in the order of sets and paths.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use piste_model::Level;
use piste_model::hash::sha256_hex;
use piste_model::sources::Sources;
use piste_model::summary::{RuleFigures, RuleSetFigures};

use crate::built_in::{BUILT_IN, BUILT_IN_PATH};
use crate::error::RuleError;
use crate::files::{Found, list, read};
use crate::gate::Gate;
use crate::read::{Outcome, Parsed, id_of, not_run, read_text};
use crate::rule::{Logsource, NotRun, Rule, RuleSet, attack_of, status_word};

/// The grammar of conditions recurses; within the bounds of `documents` this is ample.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Loads rules: Piste's own first if `built_in`, then each path in the order given.
///
/// A path is a file or a folder, read with its subfolders (`*.yml`, `*.yaml`). Of rules with the same id the first runs; an
/// exact copy is passed over, another text under the same id is reported.
///
/// # Errors
/// [`RuleError`] for a path that is missing, unreadable, without rule files, or of which nothing is a rule that this version
/// can read; and if nothing loads at all.
pub fn load(paths: &[PathBuf], built_in: bool, sources: &Sources) -> Result<RuleSet, RuleError> {
    let mut merge =
        Merge { sources, ids: BTreeMap::new(), rules: Vec::new(), not_run: Vec::new(), sets: Vec::new() };
    if built_in {
        merge.add_set(BUILT_IN_PATH, read_built_in());
    }
    for path in paths {
        let start = merge.not_run.len();
        let found = list(path)?;
        let readable = merge.add_set(&path.display().to_string(), read_files(path, &found));
        if !readable {
            let not_run = merge.not_run.split_off(start);
            return Err(none_loads(path, not_run));
        }
    }
    merge.finish(paths)
}

/// One file, read.
struct FileRead {
    relative: String,
    /// SHA-256 of its content; `unread` where there is none.
    sha256: String,
    outcomes: Vec<(String, Outcome)>,
}

fn read_built_in() -> Vec<FileRead> {
    let read_one = |&(relative, text): &(&str, &str)| {
        let path = format!("{BUILT_IN_PATH}/{relative}");
        let outcomes = read_text(&path, text).into_iter().map(|outcome| (path.clone(), outcome)).collect();
        FileRead { relative: relative.to_owned(), sha256: sha256_hex(text.as_bytes()), outcomes }
    };
    BUILT_IN.iter().map(read_one).collect()
}

/// Reads files on all cores; the result is in the order of `found`.
fn read_files(set: &Path, found: &[Found]) -> Vec<FileRead> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(found.len()));
    let work = || {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = found.get(index) else { break };
            mine.push((index, read_file(set, one)));
        }
        if let Ok(mut done) = done.lock() {
            done.append(&mut mine);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(found.len().max(1));
    thread::scope(|scope| {
        let spawn = || thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let started = (0..threads).filter(|_| spawn().is_ok()).count();
        if started == 0 {
            work(); // no thread to be had: slower, and the same
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, file)| file).collect()
}

fn read_file(set: &Path, found: &Found) -> FileRead {
    let shown = shown_path(set, found);
    let text = match &found.refused {
        Some(reason) => Err(reason.clone()),
        None => read(&found.path),
    };
    let (sha256, outcomes) = match text {
        Ok(text) => (sha256_hex(text.as_bytes()), read_text(&shown, &text)),
        Err(reason) => {
            let one = not_run(&shown, 1, None, "rule-unreadable", &reason);
            ("unread".to_owned(), vec![Outcome::NotRun(one)])
        }
    };
    let outcomes = outcomes.into_iter().map(|outcome| (shown.clone(), outcome)).collect();
    FileRead { relative: found.relative.clone(), sha256, outcomes }
}

/// The set's path as given, with the path inside it.
fn shown_path(set: &Path, found: &Found) -> String {
    if found.path == set {
        return set.display().to_string();
    }
    format!("{}/{}", set.display().to_string().trim_end_matches(['/', '\\']), found.relative)
}

fn none_loads(path: &Path, not_run: Vec<NotRun>) -> RuleError {
    match not_run.iter().find(|one| one.is_not_loaded()).or(not_run.first()) {
        Some(first) => {
            RuleError::NoneLoads { path: path.to_owned(), first: Box::new(first.clone()), not_run }
        }
        None => RuleError::NoFiles { path: path.to_owned() },
    }
}

/// What has been loaded so far.
struct Merge<'a> {
    sources: &'a Sources,
    /// Rule id in lower case to the hash of its text and the place of the first.
    ids: BTreeMap<String, (String, String)>,
    rules: Vec<Rule>,
    not_run: Vec<NotRun>,
    sets: Vec<RuleSetFigures>,
}

impl Merge<'_> {
    /// Adds a set; false if nothing in it is a rule that can be read.
    fn add_set(&mut self, path: &str, mut files: Vec<FileRead>) -> bool {
        files.sort_by(|one, other| one.relative.cmp(&other.relative));
        let listing = lines(files.iter().map(|file| format!("{}  {}", file.sha256, file.relative)));
        let before = self.rules.len();
        let mut readable = false;
        for (shown, outcome) in files.into_iter().flat_map(|file| file.outcomes) {
            match outcome {
                Outcome::Rule(parsed) => {
                    readable = true;
                    self.add_rule(shown, *parsed);
                }
                Outcome::NotRun(one) => {
                    readable |= matches!(one.slug, "rule-correlation-later" | "rule-filter-later");
                    self.not_run.push(one);
                }
            }
        }
        self.sets.push(RuleSetFigures {
            path: path.to_owned(),
            sha256: sha256_hex(listing.as_bytes()),
            rules: count(self.rules.len() - before),
        });
        readable
    }

    fn add_rule(&mut self, path: String, parsed: Parsed) {
        let Parsed { sigma, line, sha256 } = parsed;
        let id = id_of(&sigma);
        match self.ids.entry(id.to_lowercase()) {
            Entry::Occupied(first) => {
                let (text, place) = first.get();
                if *text != sha256 {
                    let reason = format!("its id is that of {place}, which runs");
                    self.not_run.push(not_run(&path, line, Some(id), "rule-duplicate", &reason));
                }
                return;
            }
            Entry::Vacant(free) => {
                free.insert((sha256, format!("{path}:{line}")));
            }
        }
        let given = &sigma.logsource;
        let part = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let logsource = Logsource {
            product: part(&given.product),
            category: part(&given.category),
            service: part(&given.service),
        };
        let gate = Gate::of(&logsource, self.sources);
        if gate == Gate::Nothing {
            let reason = match logsource.in_words() {
                words if words.is_empty() => "the rule names no log source".to_owned(),
                words => format!("Piste reads no source for {words}"),
            };
            self.not_run.push(not_run(&path, line, Some(id.clone()), "rule-no-source", &reason));
        }
        let (attack, tactics) = attack_of(&sigma.tags);
        let level =
            sigma.level.and_then(|level| Level::parse(level.as_str())).unwrap_or(Level::Informational);
        let (title, tags, status) = (sigma.title.clone(), sigma.tags.clone(), status_word(sigma.status));
        self.rules.push(Rule {
            id,
            title,
            level,
            status,
            tags,
            attack,
            tactics,
            path,
            line,
            logsource,
            gate,
            sigma,
        });
    }

    fn finish(self, paths: &[PathBuf]) -> Result<RuleSet, RuleError> {
        if self.rules.is_empty() {
            return Err(match paths.first() {
                Some(path) => none_loads(path, self.not_run),
                None => RuleError::Nothing,
            });
        }
        let hashes = lines(self.sets.iter().map(|set| set.sha256.clone()));
        let not_loaded = self.not_run.iter().filter(|one| one.is_not_loaded()).count();
        let figures =
            RuleFigures { loaded: count(self.rules.len()), not_loaded: count(not_loaded), sets: self.sets };
        Ok(RuleSet {
            rules: self.rules,
            not_run: self.not_run,
            figures,
            sha256: sha256_hex(hashes.as_bytes()),
        })
    }
}

/// Each line with its end, as `sha256sum` would list them.
fn lines(all: impl Iterator<Item = String>) -> String {
    all.flat_map(|line| [line, "\n".to_owned()]).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
