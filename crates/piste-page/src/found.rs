//! What the walk over a page notes: flows from the request, and what the page can do.
//!
//! In: notes as the walk makes them, some of them several times. Out: each once, with its first place.

use std::collections::BTreeMap;

use super::Language;

/// One flow or trait that speaks for a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Find {
    /// What it counts towards the score.
    pub points: u32,
    /// Where, in the page's text.
    pub at: usize,
    /// In words.
    pub what: String,
}

/// All that was noted.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By kind; of one kind the weightiest, and of these the first.
    pub finds: BTreeMap<&'static str, Find>,
    /// What the page can do, with the first place and how often.
    pub caps: BTreeMap<&'static str, (usize, u32)>,
    /// Text that looked like a page within a page.
    pub embedded: Vec<(String, usize)>,
    /// Paths of files that the page writes, in lower case.
    pub written: Vec<String>,
    /// From where to where remarks stand.
    pub remarks: Vec<(usize, usize)>,
}

impl Found {
    /// Notes a find.
    pub(super) fn find(&mut self, kind: &'static str, points: u32, at: usize, what: impl Into<String>) {
        let known = self.finds.get(kind);
        if known
            .is_none_or(|known| (known.points, std::cmp::Reverse(known.at)) < (points, std::cmp::Reverse(at)))
        {
            self.finds.insert(kind, Find { points, at, what: what.into() });
        }
    }

    /// Notes that the page can do something.
    pub(super) fn cap(&mut self, cap: &'static str, at: usize) {
        let entry = self.caps.entry(cap).or_insert((at, 0));
        entry.0 = entry.0.min(at);
        entry.1 = entry.1.saturating_add(1);
    }

    /// Whether it can.
    pub(super) fn can(&self, cap: &str) -> bool {
        self.caps.contains_key(cap)
    }

    /// Where it can; 0 where it cannot.
    pub(super) fn place(&self, cap: &str) -> usize {
        self.caps.get(cap).map_or(0, |(at, _)| *at)
    }

    /// A name that was put together from pieces.
    pub(super) fn hidden(&mut self, name: &str, at: usize) {
        let name: String = name.chars().take(60).filter(|letter| !letter.is_control()).collect();
        let mild = name.to_ascii_lowercase().starts_with("scripting.")
            || name.to_ascii_lowercase().starts_with("adodb.");
        self.find(
            if mild { "hidden-component" } else { "hidden-name" },
            if mild { 15 } else { 55 },
            at,
            format!("the name `{name}` is put together from pieces"),
        );
    }

    /// Keeps a path that the page writes to.
    pub(super) fn wrote(&mut self, path: &str) {
        let path = path.trim().to_ascii_lowercase();
        let new = path.len() > 4 && path.len() < 260 && !self.written.contains(&path);
        if new && self.written.len() < 32 {
            self.written.push(path);
        }
    }

    /// Keeps text that may be a page of its own.
    pub(super) fn embed(&mut self, text: &str, at: usize) {
        let small = self.embedded.iter().map(|(text, _)| text.len()).sum::<usize>() + text.len() < 2 << 20;
        if small && self.embedded.len() < 16 && !self.embedded.iter().any(|(_, known)| *known == at) {
            self.embedded.push((text.to_owned(), at));
        }
    }
}

/// Names that pages have no reason to put together from pieces, in lower case.
const HIDDEN_PHP: [&str; 30] = [
    "assert",
    "eval",
    "base64_decode",
    "create_function",
    "gzinflate",
    "gzuncompress",
    "system",
    "shell_exec",
    "passthru",
    "str_rot13",
    "call_user_func",
    "call_user_func_array",
    "array_map",
    "preg_replace",
    "proc_open",
    "popen",
    "_post",
    "_get",
    "_request",
    "_cookie",
    "_server",
    "file_put_contents",
    "move_uploaded_file",
    "pcntl_exec",
    "$_post",
    "hex2bin",
    "php://input",
    "phpinfo",
    "func_get_args",
    "ob_start",
];
/// The same for the other languages.
const HIDDEN_OTHER: [&str; 22] = [
    "wscript.shell",
    "wscript.shell.1",
    "shell.application",
    "scripting.filesystemobject",
    "adodb.stream",
    "scriptcontrol",
    "msscriptcontrol.scriptcontrol",
    "cmd.exe",
    "unsafe",
    "eval",
    "execute",
    "executeglobal",
    "request",
    "java.lang.runtime",
    "getruntime",
    "java.lang.processbuilder",
    "defineclass",
    "java.lang.processimpl",
    "load",
    "system.reflection.assembly",
    "cmd.exe /c",
    "exec",
];

/// Whether a text that was put together is such a name.
pub(super) fn is_hidden_name(text: &str, language: Language) -> bool {
    if text.len() < 4 || text.len() > 40 {
        return false;
    }
    let text = text.trim().to_ascii_lowercase();
    if language == Language::Php {
        HIDDEN_PHP.contains(&text.as_str())
    } else {
        HIDDEN_OTHER.contains(&text.as_str())
    }
}
