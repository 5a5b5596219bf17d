//! `piste rules update`: a folder of rules brought to the state of a source, pinned by its hash.
//!
//! In: a folder, an archive or a typed address. Out: the folder, its lock file, and what changes by rule. The new state is
//! written beside the folder and takes its place by renaming: a failure leaves the folder as it was.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use piste_model::Level;
use piste_model::sources::Sources;
use piste_report::escape::visible;
use piste_rules::{LoadOptions, RuleError, RuleSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::Common;
use crate::failure::Failure;
use crate::rules::archive::{self, Holding, MAX_ARCHIVE_BYTES};
use crate::rules::arguments::Update;
use crate::{clock, out};

/// The lock's name in the folder.
const LOCK: &str = "piste-rules.lock";
const UNCHANGED: &str = "the folder is as it was";

/// Where a folder's rules come from.
#[derive(Debug, Serialize, Deserialize)]
struct Lock {
    /// As typed.
    source: String,
    /// SHA-256 of the archive, or of the source folder's listing.
    sha256: String,
    /// SHA-256 of the listing of what was written, to notice changes by hand.
    files_sha256: String,
    /// When.
    date: String,
    /// Rules and correlations that load.
    rules: u64,
}

/// A rule that comes, goes or changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Named {
    id: String,
    title: String,
    level: Level,
}

/// What an update changes.
#[derive(Debug, Default, Serialize)]
struct Change {
    source: String,
    sha256: String,
    rules: u64,
    added: Vec<Named>,
    removed: Vec<Named>,
    changed: Vec<Named>,
    written: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Update, common: &Common) -> Result<u8, Failure> {
    let into = whole(&arguments.into)?;
    let beside = Beside::new(&into)?;
    let path = fetch(&arguments.source, &beside)?;
    let holding = archive::read(&path).map_err(|what| {
        Failure::usage(
            "rules-source",
            format!("the source `{}` cannot be used: {what}", arguments.source),
            UNCHANGED,
            "give a folder, a zip, a tar or a tar.gz of rules",
        )
    })?;
    refuse_own_files(&into)?;
    beside.write(&holding).map_err(|error| write_failed(&into, &error))?;
    let sources = super::sources()?;
    let new = piste_rules::load(&LoadOptions::of(std::slice::from_ref(&beside.staged), false), &sources)?;
    let mut change = compare(old_rules(&into, &sources)?.as_ref(), &new);
    change.source.clone_from(&arguments.source);
    change.sha256.clone_from(&holding.sha256);
    change.rules = new.figures.loaded;
    if !arguments.dry_run {
        let lock = Lock {
            source: arguments.source.clone(),
            sha256: holding.sha256.clone(),
            files_sha256: holding.listing(),
            date: clock::now(common).to_string(),
            rules: change.rules,
        };
        beside.put_in_place(&into, &lock).map_err(|error| write_failed(&into, &error))?;
        change.written = true;
    }
    let text = if arguments.json {
        format!("{}\n", serde_json::to_string(&change).unwrap_or_default())
    } else {
        in_words(&change, &arguments.into)
    };
    out::data(&text);
    Ok(0)
}

/// The folder's whole path; its parent must be there.
fn whole(into: &Path) -> Result<PathBuf, Failure> {
    let fault = |what: String| {
        let hint = "give a folder whose parent folder is there";
        Failure::usage("rules-folder", what, UNCHANGED, hint)
    };
    if let Ok(path) = into.canonicalize() {
        let what = || format!("`{}` is no folder", into.display());
        return if path.is_dir() { Ok(path) } else { Err(fault(what())) };
    }
    let parent = match into.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = into.file_name().ok_or_else(|| fault(format!("`{}` has no name", into.display())))?;
    let parent = parent.canonicalize().map_err(|error| fault(format!("`{}`: {error}", parent.display())))?;
    Ok(parent.join(name))
}

fn write_failed(into: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "rules-write",
        format!("the rules cannot be written beside `{}`: {error}", into.display()),
        UNCHANGED,
        "make room or mend the permissions, then run the same command again",
    )
}

/// The update replaces the folder, so there must be nothing in it that it did not write.
fn refuse_own_files(into: &Path) -> Result<(), Failure> {
    let is_empty = fs::read_dir(into).map_or(true, |mut list| list.next().is_none());
    if is_empty {
        return Ok(());
    }
    let refuse = |what: String| {
        let hint = "keep rules of your own in another folder, and give --into a new one";
        Err(Failure::usage("rules-folder", what, UNCHANGED, hint))
    };
    let lock: Option<Lock> =
        fs::read(into.join(LOCK)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(lock) = lock else {
        return refuse(format!("`{}` has files that no update wrote: it has no {LOCK}", into.display()));
    };
    match archive::read_folder(into) {
        Ok(now) if now.sha256 == lock.files_sha256 => Ok(()),
        Ok(_) => refuse(format!("the rules in `{}` were changed since the last update", into.display())),
        Err(what) => refuse(format!("`{}` cannot be read: {what}", into.display())),
    }
}

/// The rules of the folder as it is; none if it is new or none loads.
fn old_rules(into: &Path, sources: &Sources) -> Result<Option<RuleSet>, Failure> {
    if !into.join(LOCK).is_file() {
        return Ok(None);
    }
    match piste_rules::load(&LoadOptions::of(&[into.to_owned()], false), sources) {
        Ok(set) => Ok(Some(set)),
        Err(RuleError::NoFiles { .. } | RuleError::NoneLoads { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Fetches an address with the system's curl; anything else is a path.
fn fetch(source: &str, beside: &Beside) -> Result<PathBuf, Failure> {
    let Some((scheme, rest)) = source.split_once("://") else { return Ok(PathBuf::from(source)) };
    let near = scheme.eq_ignore_ascii_case("http") && is_this_machine(rest);
    if !near && !scheme.eq_ignore_ascii_case("https") {
        return Err(Failure::usage(
            "rules-source",
            format!("`{source}` is no https address"),
            UNCHANGED,
            "give an address that begins with https://, or with http:// and this machine's own name, or a file",
        ));
    }
    let by_hand = "fetch the file with a browser and give its path in place of the address";
    let failed = |what: String| Failure::environment("rules-fetch", what, UNCHANGED, by_hand);
    let file = beside.file("download");
    let limit = MAX_ARCHIVE_BYTES.to_string();
    let mut command = Command::new("curl");
    command.args(["--disable", "--globoff", "--silent", "--show-error", "--fail", "--location"]);
    let scheme = if near { "=http" } else { "=https" };
    command.args(["--proto", scheme, "--proto-redir", "=https", "--max-redirs", "5"]);
    if near {
        command.args(["--noproxy", "*"]);
    }
    command.args(["--connect-timeout", "30", "--max-time", "600", "--max-filesize", &limit]);
    command.arg("--output").arg(&file).arg("--url").arg(source).stdin(Stdio::null());
    let output = command.output().map_err(|error| {
        failed(format!("the system's curl, which fetches addresses, cannot be started: {error}"))
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("curl could not fetch `{source}`: {}", said.trim())));
    }
    Ok(file)
}

/// Whether what follows `http://` names this machine: what a mirror on it sends crosses no network.
fn is_this_machine(rest: &str) -> bool {
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|one| one.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

/// The folders beside the one to update; they are gone when this is.
struct Beside {
    root: PathBuf,
    staged: PathBuf,
}

impl Beside {
    fn new(into: &Path) -> Result<Self, Failure> {
        let name = into.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let root = into.with_file_name(format!(".{name}.piste-update-{}", std::process::id()));
        fs::create_dir(&root).map_err(|error| write_failed(into, &error))?;
        Ok(Self { staged: root.join("new"), root })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, holding: &Holding) -> std::io::Result<()> {
        fs::create_dir(&self.staged)?;
        for (name, bytes) in &holding.files {
            let path = self.staged.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::File::create_new(&path).and_then(|mut file| std::io::Write::write_all(&mut file, bytes))?;
        }
        Ok(())
    }

    /// Renames the old state away and the new one into its place; back again if that fails.
    fn put_in_place(&self, into: &Path, lock: &Lock) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(lock).unwrap_or_default();
        fs::write(self.staged.join(LOCK), format!("{text}\n"))?;
        let old = self.file("old");
        let had = into.exists();
        if had {
            fs::rename(into, &old)?;
        }
        fs::rename(&self.staged, into).inspect_err(|_| {
            if had {
                let _ = fs::rename(&old, into); // the error that is returned says that it failed
            }
        })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Should the old state still lie here because it could not be put back, it is kept.
        if self.file("old").exists() && self.staged.exists() {
            return;
        }
        let _ = fs::remove_dir_all(&self.root); // a hidden folder beside is no harm
    }
}

/// Rules by id in lower case, with what tells one text from another.
fn by_id(set: &RuleSet) -> BTreeMap<String, (Named, String)> {
    let rules = set.rules.iter().map(|rule| {
        let named = Named { id: rule.id.clone(), title: rule.title.clone(), level: rule.level };
        (named, rule.sigma.as_deref().map(serde_json::to_value))
    });
    let correlations = set.correlations.iter().map(|one| {
        let named = Named { id: one.id.clone(), title: one.rule.title.clone(), level: one.level() };
        (named, Some(serde_json::to_value(one.rule.as_ref())))
    });
    let text = |value: Option<Result<Value, serde_json::Error>>| {
        value.and_then(Result::ok).map(|value| sorted(value).to_string()).unwrap_or_default()
    };
    rules.chain(correlations).map(|(named, value)| (named.id.to_lowercase(), (named, text(value)))).collect()
}

/// The value with the keys of every object in one order: a parsed rule keeps its attributes in hash maps, whose order is
/// another in each reading, and equal rules are to give equal text.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain => plain,
    }
}

fn compare(old: Option<&RuleSet>, new: &RuleSet) -> Change {
    let (old, new) = (old.map(by_id).unwrap_or_default(), by_id(new));
    let mut change = Change::default();
    for (id, (named, text)) in &new {
        match old.get(id) {
            None => change.added.push(named.clone()),
            Some((_, before)) if before != text => change.changed.push(named.clone()),
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|(id, _)| !new.contains_key(*id));
    change.removed = gone.map(|(_, (named, _))| named.clone()).collect();
    for list in [&mut change.added, &mut change.removed, &mut change.changed] {
        list.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| (&a.title, &a.id).cmp(&(&b.title, &b.id))));
    }
    change
}

fn in_words(change: &Change, into: &Path) -> String {
    let mut text = String::new();
    for (sign, list) in [('+', &change.added), ('-', &change.removed), ('~', &change.changed)] {
        for one in list {
            let line = format!("{sign} {:<5} {}  {}", one.level.short(), one.title, one.id);
            let _ = writeln!(text, "{}", visible(&line)); // a String takes all
        }
    }
    let state = if change.written { "updated" } else { "not changed (--dry-run)" };
    let counts = format!(
        "{} rules, {} added, {} removed, {} changed; `{}` is {state}, pinned to {}",
        change.rules,
        change.added.len(),
        change.removed.len(),
        change.changed.len(),
        into.display(),
        change.sha256
    );
    let _ = writeln!(text, "{}", visible(&counts));
    text
}
