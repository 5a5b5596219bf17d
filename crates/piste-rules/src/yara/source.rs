//! The files of YARA rules, before they are compiled.
//!
//! In: paths. Out: which files are to be compiled each on its own, which are only included by others, what rules they declare
//! and at which lines, and the hash over all of it. A file that another one includes is compiled with that one and not a
//! second time: an `index.yar` beside what it names is no set of doubles. Includes are put in here and not by the compiler,
//! which would open whatever a rule file names: rules come from strangers, and only files of the set are theirs to read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use piste_model::guard::guarded;
use piste_model::hash::sha256_hex;
use piste_model::summary::RuleSetFigures;
use yara_x_parser::ast::{AST, Item, MetaValue, RuleFlags, WithSpan};

use super::built_in::{YARA_BUILT_IN, YARA_BUILT_IN_PATH};
use super::meta::Meta;
use super::nesting::too_deep;
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

/// The text of a file with what it includes, in the order in which the compiler is to see it.
#[derive(Debug)]
pub(crate) enum Text {
    /// In the program.
    BuiltIn(&'static str),
    /// In files.
    Files(Vec<Piece>),
}

/// What stands in a file between two of its includes.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Path to show.
    pub(crate) shown: String,
    /// With so many lines and blanks before it that places are those in the file.
    pub(crate) text: Vec<u8>,
}

impl Top {
    /// Once it is compiled.
    pub(crate) fn forget_text(&mut self) {
        if let Text::Files(pieces) = &mut self.text {
            pieces.clear();
        }
    }

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
    /// Without a mark of its encoding.
    text: Vec<u8>,
    rules: Vec<YaraRule>,
    includes: Vec<Include>,
    sha256: String,
}

/// A file that another one includes.
struct Include {
    /// Where in the text the statement stands.
    span: Range<usize>,
    line: u64,
    /// The file's whole path, or why it is left out.
    target: Result<PathBuf, String>,
}

/// All files of one set, by their whole paths.
struct Files {
    /// The folder that what is included must lie in.
    root: PathBuf,
    parsed: BTreeMap<PathBuf, Result<Parsed, String>>,
    /// Paths to show.
    shown: BTreeMap<PathBuf, String>,
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
        let mut files = Files::of(given);
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
                    files.shown.insert(path.clone(), path_shown);
                    order.push((path, one.relative.clone()));
                }
                Err(reason) => {
                    self.not_run.push(NotRun::new(None, &path_shown, 1, "yara-unreadable", reason));
                }
            }
        }
        files.read(order.iter().map(|(path, _)| path.clone()).collect());
        let relatives: BTreeMap<&Path, &str> =
            order.iter().map(|(path, relative)| (path.as_path(), relative.as_str())).collect();
        for (path, parsed) in &files.parsed {
            let relative = relatives.get(path.as_path()).copied();
            let sha256 = parsed.as_ref().map_or("unread", |parsed| parsed.sha256.as_str());
            // Of an included file elsewhere only the name counts: a moved folder stays the same set.
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let _ = writeln!(listing, "{sha256}  {}", relative.unwrap_or(&name));
        }
        let listed: Vec<&Path> = order.iter().map(|(path, _)| path.as_path()).collect();
        for path in files.tops(&listed) {
            self.add_top(path, &files);
        }
        self.push_set(given.display().to_string(), &listing);
        Ok(())
    }

    fn add_top(&mut self, path: &Path, files: &Files) {
        let own = files.shown_of(path);
        if let Some(Err(reason)) = files.parsed.get(path) {
            self.not_run.push(NotRun::new(None, &own, 1, "yara-unreadable", reason.clone()));
            return;
        }
        let namespace = self.tops.len();
        for file in files.reached(path) {
            if let Some(Ok(parsed)) = files.parsed.get(file) {
                self.declared.extend(parsed.rules.iter().map(|rule| YaraRule { namespace, ..rule.clone() }));
            }
        }
        let text = Text::Files(files.pieces(path, &mut self.not_run));
        self.tops.push(Top { shown: own, set: self.sets.len(), text });
    }
}

impl Files {
    fn of(given: &Path) -> Self {
        let whole = fs::canonicalize(given).unwrap_or_else(|_| given.to_owned());
        let root = if whole.is_dir() { whole } else { whole.parent().unwrap_or(&whole).to_owned() };
        Self { root, parsed: BTreeMap::new(), shown: BTreeMap::new() }
    }

    fn shown_of(&self, path: &Path) -> String {
        self.shown.get(path).cloned().unwrap_or_else(|| path.display().to_string())
    }

    /// Reads files, what they include, and what those include.
    fn read(&mut self, mut waiting: Vec<PathBuf>) {
        while let Some(path) = waiting.pop() {
            if self.parsed.contains_key(&path) || self.parsed.len() >= INCLUDED_MAX {
                continue;
            }
            let parsed = self.read_one(&path);
            if let Ok(parsed) = &parsed {
                waiting.extend(parsed.includes.iter().filter_map(|one| one.target.clone().ok()));
            }
            self.parsed.insert(path, parsed);
        }
    }

    fn read_one(&self, path: &Path) -> Result<Parsed, String> {
        let failed = |error: std::io::Error| format!("the file cannot be read: {error}");
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(failed)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err("the file is over 64 MiB, which no rule file is".to_owned());
        }
        let sha256 = sha256_hex(&bytes);
        // Windows' editors put a mark before the text, which the compiler does not take.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
        if let Some(line) = too_deep(&text) {
            return Err(format!("line {line}: brackets or negations stand too deep within each other"));
        }
        let (rules, names) = declared(&text, &self.shown_of(path));
        let folder = path.parent().unwrap_or(Path::new("."));
        let include =
            |(name, span, line): Named| Include { span, line, target: self.included(&name, folder) };
        let includes = names.into_iter().map(include).collect();
        Ok(Parsed { text, rules, includes, sha256 })
    }

    /// The whole path of a file that another in `folder` includes: beside that one, and within the set.
    fn included(&self, name: &str, folder: &Path) -> Result<PathBuf, String> {
        let path = fs::canonicalize(folder.join(name)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("the file `{name}` that it includes is not there"),
            _ => format!("the file `{name}` that it includes cannot be read: {error}"),
        })?;
        if !path.starts_with(&self.root) {
            return Err(format!("it includes `{name}`, which lies outside of the folder that was given"));
        }
        if !path.is_file() {
            return Err(format!("it includes `{name}`, which is no file"));
        }
        Ok(path)
    }

    /// The files that are to be compiled on their own: those that no other includes, and of a ring one.
    fn tops<'f>(&'f self, listed: &[&'f Path]) -> Vec<&'f Path> {
        let read = self.parsed.values().filter_map(|parsed| parsed.as_ref().ok());
        let targets = read.flat_map(|parsed| &parsed.includes).filter_map(|one| one.target.as_deref().ok());
        let included: BTreeSet<&Path> = targets.collect();
        let mut tops: Vec<&Path> = Vec::new();
        let mut covered: BTreeSet<&Path> = BTreeSet::new();
        let first = listed.iter().filter(|path| !included.contains(*path));
        for path in first.chain(listed) {
            if covered.insert(path) {
                tops.push(path);
                covered.extend(self.reached(path));
            }
        }
        tops
    }

    /// A file and all that it includes.
    fn reached(&self, path: &Path) -> BTreeSet<&Path> {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<&Path> =
            self.parsed.get_key_value(path).map(|(key, _)| key.as_path()).into_iter().collect();
        while let Some(path) = waiting.pop() {
            if seen.insert(path)
                && let Some(Ok(parsed)) = self.parsed.get(path)
            {
                let targets = parsed.includes.iter().filter_map(|one| one.target.as_ref().ok());
                let keys = targets.filter_map(|one| self.parsed.get_key_value(one));
                waiting.extend(keys.map(|(key, _)| key.as_path()));
            }
        }
        seen
    }

    /// The text of a file with what it includes, each once; what is left out is named where it is included.
    fn pieces(&self, top: &Path, not_run: &mut Vec<NotRun>) -> Vec<Piece> {
        let mut out = Vec::new();
        let mut seen = BTreeSet::from([top.to_owned()]);
        // Open files: which include comes next, and from which byte on the text was not taken.
        let mut open = vec![(top.to_owned(), 0, 0)];
        while let Some((path, next, from)) = open.pop() {
            let Some(Ok(parsed)) = self.parsed.get(&path) else { continue };
            let Some(include) = parsed.includes.get(next) else {
                out.extend(self.piece(&path, &parsed.text, from..parsed.text.len()));
                continue;
            };
            out.extend(self.piece(&path, &parsed.text, from..include.span.start));
            let mut refuse = |reason: String| {
                let shown = self.shown_of(&path);
                not_run.push(NotRun::new(None, &shown, include.line, "yara-include", reason));
            };
            let mut inner = None;
            match &include.target {
                Err(reason) => refuse(reason.clone()),
                Ok(target) => match self.parsed.get(target) {
                    Some(Err(reason)) => refuse(format!("{}: {reason}", self.shown_of(target))),
                    None => refuse("more files are included than are read".to_owned()),
                    Some(Ok(_)) if *target == path || open.iter().any(|(path, ..)| path == target) => {
                        refuse(format!("{} includes this file: that is a ring", self.shown_of(target)));
                    }
                    Some(Ok(_)) => inner = seen.insert(target.clone()).then(|| (target.clone(), 0, 0)),
                },
            }
            open.push((path, next + 1, include.span.end));
            open.extend(inner);
        }
        out
    }

    fn piece(&self, path: &Path, text: &[u8], range: Range<usize>) -> Option<Piece> {
        let own = text.get(range.clone())?;
        if own.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let before = text.get(..range.start)?;
        let lines = memchr::memchr_iter(b'\n', before).count();
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let mut text = vec![b'\n'; lines];
        text.resize(lines + column, b' ');
        text.extend_from_slice(own);
        Some(Piece { shown: self.shown_of(path), text })
    }
}

/// A name after `include`: where the statement stands, and its line.
type Named = (String, Range<usize>, u64);

/// The rules that a text declares, and the names of what it includes with place and line. Text that is no YARA declares nothing.
fn declared(bytes: &[u8], path: &str) -> (Vec<YaraRule>, Vec<Named>) {
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    let line = |at: usize| ends.partition_point(|end| *end < at) as u64 + 1;
    // A fault of the parser costs the file; the compiler then says what it thinks of it.
    let parse = || {
        let (mut rules, mut includes) = (Vec::new(), Vec::new());
        for item in AST::from(bytes).items() {
            match item {
                Item::Rule(rule) => rules.push(rule_of(rule, path, line(rule.identifier.span().start()))),
                Item::Include(include) => {
                    let span = include.span().start()..include.span().end();
                    includes.push((include.file_name.to_owned(), span.clone(), line(span.start)));
                }
                Item::Import(_) => {}
            }
        }
        (rules, includes)
    };
    guarded(parse).unwrap_or_default()
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
        assert_eq!(includes, [("other.yar".to_owned(), 12..31, 2)]);
        let shown: Vec<_> = rules.iter().map(|rule| (rule.name.as_str(), rule.line, rule.reports)).collect();
        assert_eq!(shown, [("base", 4, false), ("shell", 5, true)]);
        let shell = &rules[1];
        assert_eq!((shell.title.as_str(), shell.id.as_str()), ("A shell", "shell"));
        assert_eq!(shell.attack, ["T1505"]);
        assert_eq!(shell.tags, ["web", "T1505", "attack.t1505"]);
        assert_eq!(declared(b"\xff\xfe no yara {{{", "x.yar").0.len(), 0);
    }
}
