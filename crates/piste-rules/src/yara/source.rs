//! The files of YARA rules, before they are compiled.
//!
//! In: paths. Out: which files are to be compiled each on its own, which are only included by others, what rules they declare
//! and at which lines, and the hash over all of it. A file that another one includes is compiled with that one and not a
//! second time: an `index.yar` beside what it names is no set of doubles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use piste_model::hash::sha256_hex;
use piste_model::summary::RuleSetFigures;
use yara_x_parser::ast::{AST, Item, MetaValue, RuleFlags, WithSpan};

use super::built_in::{YARA_BUILT_IN, YARA_BUILT_IN_PATH};
use super::meta::Meta;
use super::{YaraOptions, YaraRule};
use crate::error::RuleError;
use crate::files::{Found, list_of};
use crate::rule::NotRun;

/// Collections that come as one file have some 20 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Files that one file may include, those within counted in.
const INCLUDED_MAX: usize = 100_000;

/// A file that is compiled in a namespace of its own.
#[derive(Debug)]
pub(crate) struct Top {
    /// Path to show.
    pub(crate) shown: String,
    /// Which set it is of.
    pub(crate) set: usize,
    pub(crate) text: Text,
}

/// Where a file's text is.
#[derive(Debug)]
pub(crate) enum Text {
    /// In the program.
    BuiltIn(&'static str),
    /// In a file, by its whole path; the paths of what it includes, each with the path to show.
    File(PathBuf, BTreeMap<PathBuf, String>),
}

impl Top {
    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self.text, Text::BuiltIn(_))
    }
}

/// All that was given.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) tops: Vec<Top>,
    pub(crate) declared: Vec<YaraRule>,
    pub(crate) not_run: Vec<NotRun>,
    pub(crate) sets: Vec<RuleSetFigures>,
}

/// A file as it was read.
struct Parsed {
    rules: Vec<YaraRule>,
    includes: Vec<PathBuf>,
    sha256: String,
}

impl Sources {
    pub(crate) fn read(options: &YaraOptions) -> Result<Self, RuleError> {
        let mut all = Self::default();
        if options.built_in {
            all.add_built_in();
        }
        for path in &options.paths {
            all.add_path(path)?;
        }
        Ok(all)
    }

    fn add_built_in(&mut self) {
        let mut listing = String::new();
        for (relative, text) in YARA_BUILT_IN {
            let shown = format!("{YARA_BUILT_IN_PATH}/{relative}");
            let _ = writeln!(listing, "{}  {relative}", sha256_hex(text.as_bytes())); // a String takes all
            let namespace = self.tops.len();
            let (rules, _) = declared(text.as_bytes(), &shown);
            self.declared.extend(rules.into_iter().map(|rule| YaraRule { namespace, ..rule }));
            self.tops.push(Top { shown, set: self.sets.len(), text: Text::BuiltIn(text) });
        }
        self.push_set(YARA_BUILT_IN_PATH.to_owned(), &listing);
    }

    fn push_set(&mut self, path: String, listing: &str) {
        let sha256 = sha256_hex(listing.as_bytes());
        self.sets.push(RuleSetFigures { path, sha256, rules: 0 });
    }

    fn add_path(&mut self, given: &Path) -> Result<(), RuleError> {
        let found = list_of(given, &is_yara_file).map_err(|error| match error {
            RuleError::NoFiles { path } => RuleError::NoYaraFiles { path },
            other => other,
        })?;
        let mut files: BTreeMap<PathBuf, Result<Parsed, String>> = BTreeMap::new();
        let mut shown: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut order = Vec::new();
        let mut listing = String::new();
        for one in &found {
            let path_shown = shown_path(given, one);
            let read = match &one.refused {
                Some(reason) => Err(reason.clone()),
                None => {
                    fs::canonicalize(&one.path).map_err(|error| format!("the file cannot be read: {error}"))
                }
            };
            match read {
                Ok(path) => {
                    shown.insert(path.clone(), path_shown);
                    files.entry(path.clone()).or_insert_with_key(|path| read_file(path, &shown));
                    order.push((path, one.relative.clone()));
                }
                Err(reason) => {
                    self.not_run.push(NotRun::new(None, &path_shown, 1, "yara-unreadable", reason));
                }
            }
        }
        read_included(&mut files, &mut shown);
        let relatives: BTreeMap<&Path, &str> =
            order.iter().map(|(path, relative)| (path.as_path(), relative.as_str())).collect();
        for (path, parsed) in &files {
            let relative = relatives.get(path.as_path()).copied();
            let sha256 = parsed.as_ref().map_or("unread", |parsed| parsed.sha256.as_str());
            // Of an included file elsewhere only the name counts: a moved folder stays the same set.
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let _ = writeln!(listing, "{sha256}  {}", relative.unwrap_or(&name));
        }
        let listed: Vec<&Path> = order.iter().map(|(path, _)| path.as_path()).collect();
        for path in tops(&files, &listed) {
            self.add_top(path, &files, &shown);
        }
        self.push_set(given.display().to_string(), &listing);
        Ok(())
    }

    fn add_top(
        &mut self,
        path: &Path,
        files: &BTreeMap<PathBuf, Result<Parsed, String>>,
        shown: &BTreeMap<PathBuf, String>,
    ) {
        let own = shown.get(path).cloned().unwrap_or_else(|| path.display().to_string());
        if let Some(Err(reason)) = files.get(path) {
            self.not_run.push(NotRun::new(None, &own, 1, "yara-unreadable", reason.clone()));
            return;
        }
        let namespace = self.tops.len();
        let mut within = BTreeMap::new();
        for file in reached(path, files) {
            let named = shown.get(file).cloned().unwrap_or_else(|| file.display().to_string());
            if let Some(Ok(parsed)) = files.get(file) {
                self.declared.extend(parsed.rules.iter().map(|rule| YaraRule { namespace, ..rule.clone() }));
            }
            within.insert(file.to_owned(), named);
        }
        let text = Text::File(path.to_owned(), within);
        self.tops.push(Top { shown: own, set: self.sets.len(), text });
    }
}

/// Reads what the files include, and what those include.
fn read_included(
    files: &mut BTreeMap<PathBuf, Result<Parsed, String>>,
    shown: &mut BTreeMap<PathBuf, String>,
) {
    let includes = |parsed: &Result<Parsed, String>| match parsed {
        Ok(parsed) => parsed.includes.clone(),
        Err(_) => Vec::new(),
    };
    let mut waiting: Vec<PathBuf> = files.values().flat_map(includes).collect();
    while let Some(path) = waiting.pop() {
        if files.contains_key(&path) || files.len() >= INCLUDED_MAX {
            continue;
        }
        shown.entry(path.clone()).or_insert_with(|| path.display().to_string());
        let parsed = read_file(&path, shown);
        waiting.extend(includes(&parsed));
        files.insert(path, parsed);
    }
}

/// The files that are to be compiled on their own: those that no other includes, and of a ring one.
fn tops<'f>(files: &'f BTreeMap<PathBuf, Result<Parsed, String>>, listed: &[&'f Path]) -> Vec<&'f Path> {
    let read = files.values().filter_map(|parsed| parsed.as_ref().ok());
    let included: BTreeSet<&Path> = read.flat_map(|parsed| &parsed.includes).map(PathBuf::as_path).collect();
    let mut tops: Vec<&Path> = Vec::new();
    let mut covered: BTreeSet<&Path> = BTreeSet::new();
    let first = listed.iter().filter(|path| !included.contains(*path));
    for path in first.chain(listed) {
        if covered.insert(path) {
            tops.push(path);
            covered.extend(reached(path, files));
        }
    }
    tops
}

/// A file and all that it includes.
fn reached<'m>(path: &Path, files: &'m BTreeMap<PathBuf, Result<Parsed, String>>) -> BTreeSet<&'m Path> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&Path> =
        files.get_key_value(path).map(|(key, _)| key.as_path()).into_iter().collect();
    while let Some(path) = waiting.pop() {
        if seen.insert(path)
            && let Some(Ok(parsed)) = files.get(path)
        {
            let keys = parsed.includes.iter().filter_map(|one| files.get_key_value(one));
            waiting.extend(keys.map(|(key, _)| key.as_path()));
        }
    }
    seen
}

fn read_file(path: &Path, shown: &BTreeMap<PathBuf, String>) -> Result<Parsed, String> {
    let failed = |error: std::io::Error| format!("the file cannot be read: {error}");
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("the file is over 64 MiB, which no rule file is".to_owned());
    }
    if path.to_str().is_none_or(|path| path.contains(['"', '\n'])) {
        return Err("the path of the file is not plain text".to_owned());
    }
    let named = shown.get(path).cloned().unwrap_or_else(|| path.display().to_string());
    let (rules, names) = declared(&bytes, &named);
    let folder = path.parent().unwrap_or(Path::new("."));
    // As the compiler looks for them: beside the file, then in the working folder.
    let found = |name: &String| {
        [folder.join(name), PathBuf::from(name)].iter().find_map(|path| fs::canonicalize(path).ok())
    };
    let includes = names.iter().filter_map(found).filter(|path| path.is_file()).collect();
    Ok(Parsed { rules, includes, sha256: sha256_hex(&bytes) })
}

/// The rules that a text declares, and the names of what it includes. Text that is no YARA declares nothing.
fn declared(bytes: &[u8], path: &str) -> (Vec<YaraRule>, Vec<String>) {
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    let line = |at: usize| ends.partition_point(|end| *end < at) as u64 + 1;
    // A fault of the parser costs the file; the compiler then says what it thinks of it.
    let parse = || {
        let (mut rules, mut includes) = (Vec::new(), Vec::new());
        for item in AST::from(bytes).items() {
            match item {
                Item::Rule(rule) => rules.push(rule_of(rule, path, line(rule.identifier.span().start()))),
                Item::Include(include) => includes.push(include.file_name.to_owned()),
                Item::Import(_) => {}
            }
        }
        (rules, includes)
    };
    std::panic::catch_unwind(parse).unwrap_or_default()
}

fn rule_of(rule: &yara_x_parser::ast::Rule<'_>, path: &str, line: u64) -> YaraRule {
    let text = |value: &MetaValue<'_>| match value {
        MetaValue::String((text, _)) => (*text).to_owned(),
        MetaValue::Bytes((bytes, _)) => String::from_utf8_lossy(bytes).into_owned(),
        MetaValue::Integer((number, _)) => number.to_string(),
        MetaValue::Float((number, _)) => number.to_string(),
        MetaValue::Bool((value, _)) => value.to_string(),
    };
    let meta = Meta(
        rule.meta.iter().flatten().map(|one| (one.identifier.name.to_owned(), text(&one.value))).collect(),
    );
    let name = rule.identifier.name.to_owned();
    let mut attack = meta.attack();
    let mut tags: Vec<String> = rule.tags.iter().flatten().map(|tag| tag.name.to_owned()).collect();
    let plain = |text: &str| text.len() == 5 && text.starts_with(['T', 't']);
    let of_tags =
        tags.iter().filter(|tag| plain(tag) && tag.bytes().skip(1).all(|byte| byte.is_ascii_digit()));
    attack.extend(of_tags.map(|tag| tag.to_ascii_uppercase()));
    attack.dedup();
    tags.extend(attack.iter().map(|one| format!("attack.{}", one.to_ascii_lowercase())));
    YaraRule {
        id: meta.id().unwrap_or_else(|| name.clone()),
        title: meta.title().unwrap_or_else(|| name.clone()),
        level: meta.level(),
        status: meta.status(),
        tags,
        attack,
        description: meta.description(),
        references: meta.references(),
        path: path.to_owned(),
        line,
        reports: !rule.flags.contains(RuleFlags::Private),
        namespace: 0,
        name,
    }
}

/// Whether a file's name says that it holds YARA rules.
pub(crate) fn is_yara_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yar") || extension.eq_ignore_ascii_case("yara")
    })
}

/// The set's path as given, with the path inside it.
fn shown_path(set: &Path, found: &Found) -> String {
    if found.path == set {
        return set.display().to_string();
    }
    format!("{}/{}", set.display().to_string().trim_end_matches(['/', '\\']), found.relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_known_by_line_and_meta_without_compiling() {
        let text = b"import \"pe\"\ninclude \"other.yar\"\n\nprivate rule base { condition: true }\nrule shell : web T1505 {\n meta:\n  description = \"A shell. More.\"\n  score = 80\n condition:\n  base\n}\n";
        let (rules, includes) = declared(text, "x.yar");
        assert_eq!(includes, ["other.yar"]);
        let shown: Vec<_> = rules.iter().map(|rule| (rule.name.as_str(), rule.line, rule.reports)).collect();
        assert_eq!(shown, [("base", 4, false), ("shell", 5, true)]);
        let shell = &rules[1];
        assert_eq!((shell.title.as_str(), shell.id.as_str()), ("A shell", "shell"));
        assert_eq!(shell.attack, ["T1505"]);
        assert_eq!(shell.tags, ["web", "T1505", "attack.t1505"]);
        assert_eq!(declared(b"\xff\xfe no yara {{{", "x.yar").0.len(), 0);
    }
}
