//! Rules ready to hunt with, compiled once.
//!
//! In: the options that name rules. Out: the rule set, its plan and its correlations, from the cache where the same rules were
//! compiled before. The cache is the user's own folder for such things; it may be deleted at any time, and a file in it that
//! is damaged or of another build counts for nothing.

use std::fs;
use std::path::{Path, PathBuf};

use piste_hunt::{Plan, plan};
use piste_model::hash::sha256_hex;
use piste_model::sources::Sources;
use piste_model::summary::RuleFigures;
use piste_rules::correlation::{Correlation, Listed, resolve_all};
use piste_rules::yara::YaraSet;
use piste_rules::{Given, LoadOptions, NotRun, RuleSet};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Names another folder for the cache; `off` does without.
const VARIABLE: &str = "PISTE_CACHE";
/// Compiled rule sets that are kept; the oldest goes first.
const KEPT: usize = 8;
/// Length of the checksum at the end of a file.
const CHECKSUM: usize = 64;

/// Rules ready to hunt with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(crate) rules: RuleSet,
    pub(crate) plan: Plan,
    /// Inner ones before outer ones.
    pub(crate) correlations: Vec<Correlation>,
    /// Rules that loaded and have no plan.
    pub(crate) not_compiled: Vec<NotRun>,
}

impl Prepared {
    /// Loads and compiles, or takes from the cache. Where only YARA rules are asked for, there are none.
    pub(crate) fn load(options: &LoadOptions, sources: &Sources, only_yara: bool) -> Result<Self, Failure> {
        if only_yara {
            return Ok(Self::none());
        }
        let given = Given::read(options)?;
        let file = file_for(&given);
        if let Some(known) = file.as_deref().and_then(read) {
            return Ok(known);
        }
        let prepared = Self::compile(&given, sources)?;
        if let Some(file) = &file {
            let _ = write(file, &prepared); // without it the next run compiles again
        }
        Ok(prepared)
    }

    /// No rule of Sigma's.
    fn none() -> Self {
        let rules = no_rules();
        let (plan, not_compiled) = plan::plan(&rules);
        Self { rules, plan, correlations: Vec::new(), not_compiled }
    }

    fn compile(given: &Given, sources: &Sources) -> Result<Self, Failure> {
        let rules = given.load(sources)?;
        let (plan, mut not_compiled) = plan::plan(&rules);
        let (correlations, refused) = correlations(&rules);
        not_compiled.extend(refused);
        Ok(Self { rules, plan, correlations, not_compiled })
    }
}

/// Takes back the remark that an exclusion is idle where it names a YARA rule.
pub(crate) fn drop_used_exclusions(rules: &mut RuleSet, yara: &YaraSet) {
    let idle = |one: &NotRun| one.slug == "rule-exclusion-unused";
    rules.not_run.retain(|one| !(idle(one) && one.rule_id.as_deref().is_some_and(|id| yara.is_called(id))));
}

/// A set without a rule.
pub(crate) fn no_rules() -> RuleSet {
    RuleSet {
        rules: Vec::new(),
        correlations: Vec::new(),
        not_run: Vec::new(),
        figures: RuleFigures::default(),
        sha256: sha256_hex(b""),
        not_selected: 0,
    }
}

/// The set's correlations, ready to run, and those that cannot.
pub(crate) fn correlations(rules: &RuleSet) -> (Vec<Correlation>, Vec<NotRun>) {
    let listed: Vec<Listed<'_>> = rules
        .correlations
        .iter()
        .map(|one| Listed { rule: one.rule.as_ref(), path: &one.path, line: one.line })
        .collect();
    let named = |name: &str| rules.rules.iter().position(|rule| rule.is_called(name));
    let (ready, refused) = resolve_all(&listed, &named);
    let refused = refused.into_iter().filter_map(|(at, reason)| {
        let one = rules.correlations.get(at)?;
        Some(NotRun::new(Some(one.id.clone()), &one.path, one.line, reason.slug, reason.text))
    });
    (ready, refused.collect())
}

/// The file for these rules and this build of Piste.
fn file_for(given: &Given) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let metadata = fs::metadata(&program).ok()?;
    let built = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos();
    let mut text = format!("{} {} {built}\n{}\n", env!("CARGO_PKG_VERSION"), metadata.len(), given.sha256());
    for path in given.paths() {
        text += path;
        text.push('\n');
    }
    Some(folder()?.join(format!("{}.rules", sha256_hex(text.as_bytes()))))
}

fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match set(VARIABLE) {
        Some(path) if path == Path::new("off") => return None,
        Some(path) => return Some(path),
        None => {}
    }
    let base = if cfg!(windows) {
        set("LOCALAPPDATA")?
    } else {
        set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?
    };
    Some(base.join("piste"))
}

fn read(file: &Path) -> Option<Prepared> {
    let bytes = fs::read(file).ok()?;
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if sha256_hex(body).as_bytes() != checksum {
        return None;
    }
    postcard::from_bytes(body).ok()
}

fn write(file: &Path, prepared: &Prepared) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut bytes = postcard::to_stdvec(prepared).map_err(std::io::Error::other)?;
    let checksum = sha256_hex(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    let tmp = file.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&tmp, &bytes)?;
    fs::rename(&tmp, file)?;
    keep_newest(folder)
}

fn keep_newest(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_ours(&path) {
            files.push((fs::metadata(&path)?.modified()?, path));
        }
    }
    files.sort();
    for (_, path) in files.iter().rev().skip(KEPT) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// A file of this cache, by its name: the folder may hold rules of other tools, which end alike.
fn is_ours(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let digest = name.len() == CHECKSUM && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    digest && path.extension().is_some_and(|end| end == "rules")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_tools_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let theirs = folder.path().join("suricata.rules");
        fs::write(&theirs, "alert").expect("writes");
        for number in 0..=KEPT {
            fs::write(folder.path().join(format!("{number:064x}.rules")), "x").expect("writes");
        }
        keep_newest(folder.path()).expect("it clears");
        assert!(theirs.exists());
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), KEPT + 1);
    }
}
