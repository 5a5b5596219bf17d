//! Dataset `registry.recent`: what a person typed, opened and searched for.
//!
//! In: a user's hive. Out: a row an entry of `RecentDocs`, `RunMRU`, `TypedPaths`, `TypedURLs`, `WordWheelQuery`, the lists of
//! the file dialogs. Lists have one time, that of their last change: it is the newest entry's own, and for the others an
//! upper bound; `time_basis` says which. Source: libyal's winreg-kb, "Most recently used", "Typed paths".

use super::super::emit::{Emit, Timed};
use super::super::hive::{Key, Value};
use super::super::le::{filetime_at, utf16_text};
use super::super::text::is_text;
use super::items::{behind_text, list, order, path};

const DATASET: &str = "registry.recent";
const EXPLORER: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer";
const LISTS_MAX: usize = 65_536;
const BYTES_MAX: usize = 65_536;

/// How the values of a list are to be read.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A UTF-16 text, then perhaps an item of the shell.
    Text,
    /// A text value; one of `RunMRU` ends with `\1`.
    Plain,
    /// A list of items of the shell.
    Items,
    /// A program's name, then the items of the folder.
    ProgramAndItems,
}

/// A list below the key of the Explorer.
struct List {
    name: &'static str,
    key: &'static str,
    form: Form,
    /// Lists by file type below it.
    with_below: bool,
}

const LISTS: [List; 10] = [
    List { name: "RecentDocs", key: "RecentDocs", form: Form::Text, with_below: true },
    List { name: "RunMRU", key: "RunMRU", form: Form::Plain, with_below: false },
    List { name: "TypedPaths", key: "TypedPaths", form: Form::Plain, with_below: false },
    List { name: "WordWheelQuery", key: "WordWheelQuery", form: Form::Text, with_below: true },
    List { name: "OpenSavePidlMRU", key: r"ComDlg32\OpenSavePidlMRU", form: Form::Items, with_below: true },
    List { name: "OpenSaveMRU", key: r"ComDlg32\OpenSaveMRU", form: Form::Plain, with_below: true },
    List {
        name: "LastVisitedPidlMRU",
        key: r"ComDlg32\LastVisitedPidlMRU",
        form: Form::ProgramAndItems,
        with_below: false,
    },
    List {
        name: "LastVisitedPidlMRULegacy",
        key: r"ComDlg32\LastVisitedPidlMRULegacy",
        form: Form::ProgramAndItems,
        with_below: false,
    },
    List { name: "LastVisitedMRU", key: r"ComDlg32\LastVisitedMRU", form: Form::Text, with_below: false },
    List { name: "StreamMRU", key: "StreamMRU", form: Form::Items, with_below: false },
];

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    if let Some(explorer) = emit.open.usual(EXPLORER) {
        for of in &LISTS {
            let Some(key) = hive.below(explorer, of.key) else { continue };
            push_list(emit, key, of, "");
            for below in hive.children(key, LISTS_MAX).into_iter().filter(|_| of.with_below) {
                push_list(emit, below, of, &below.name());
            }
        }
    }
    let internet = |name| emit.open.usual(&format!(r"Software\Microsoft\Internet Explorer\{name}"));
    if let Some(key) = internet("TypedURLs") {
        push_urls(emit, key, internet("TypedURLsTime"));
    }
}

/// Names of the values in the order of their use, newest first, where the list has one.
fn used(emit: &Emit<'_, '_>, key: Key<'_>) -> Vec<String> {
    let hive = emit.hive();
    if let Some(value) = hive.named(key, "MRUListEx") {
        return order(&emit.bytes(value, BYTES_MAX)).iter().map(u32::to_string).collect();
    }
    emit.shown(key, "MRUList").map(|text| text.chars().map(String::from).collect()).unwrap_or_default()
}

fn push_list<'o>(emit: &mut Emit<'o, '_>, key: Key<'o>, of: &List, below: &str) {
    let used = used(emit, key);
    for value in emit.hive().values(key) {
        let name = value.name();
        if name.starts_with("MRUList") || name.is_empty() {
            continue;
        }
        // `url1` of the typed paths is the newest, without a list.
        let position = used.iter().position(|used| used.eq_ignore_ascii_case(&name)).or_else(|| {
            name.strip_prefix("url").and_then(|number| number.parse::<usize>().ok()?.checked_sub(1))
        });
        if !push_entry(emit, value, of.form) {
            emit.fields.clear();
            continue;
        }
        emit.field("List", of.name);
        emit.field("FileType", below);
        emit.field("ValueName", &name);
        emit.optional("MruPosition", position.map(|position| position.to_string()).as_deref());
        emit.row(DATASET, value.at, time_of(key, position), key);
    }
}

fn time_of(key: Key<'_>, position: Option<usize>) -> Option<Timed> {
    let basis = if position == Some(0) {
        "LastWriteTime of the list, whose newest entry this is"
    } else {
        "LastWriteTime of the list, later than this entry's use"
    };
    Timed::some(key.written(), basis)
}

/// The entry's own text; false where it has none.
fn push_entry<'o>(emit: &mut Emit<'o, '_>, value: Value<'o>, form: Form) -> bool {
    let data = emit.bytes(value, BYTES_MAX);
    let text = match form {
        Form::Plain if is_text(value.kind) => {
            let text = utf16_text(&data);
            text.strip_suffix(r"\1").map_or_else(|| text.clone(), str::to_owned)
        }
        Form::Plain | Form::Text => utf16_text(&data),
        Form::Items => path(&list(&data)),
        Form::ProgramAndItems => {
            emit.field("Program", &utf16_text(&data));
            path(&list(behind_text(&data)))
        }
    };
    emit.field("Entry", &text);
    emit.fields.iter().next().is_some()
}

/// Addresses that were typed, each with its own time since Windows 8.
fn push_urls<'o>(emit: &mut Emit<'o, '_>, key: Key<'o>, times: Option<Key<'o>>) {
    let hive = emit.hive();
    for value in hive.values(key).filter(|value| is_text(value.kind)) {
        let name = value.name();
        let data = emit.bytes(value, BYTES_MAX);
        let typed = times
            .and_then(|times| hive.named(times, &name))
            .and_then(|value| filetime_at(&emit.bytes(value, 8), 0));
        let position =
            name.strip_prefix("url").and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
        emit.field("Entry", &utf16_text(&data));
        emit.field("List", "TypedURLs");
        emit.field("ValueName", &name);
        emit.time("LastTyped", typed);
        emit.optional("MruPosition", position.map(|position| position.to_string()).as_deref());
        let own = Timed::some(typed, "LastTyped").or_else(|| time_of(key, position));
        emit.row(DATASET, value.at, own, key);
    }
}
