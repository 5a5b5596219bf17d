//! Ways in that the web server's own files tell: modules in its configuration, and compiled copies of pages that are gone.
//!
//! In: rows of `iis.configuration` and of `file.content`. Out: a candidate door for each module, filter or handler that no
//! list knows, told as unknown unless a second sign speaks against it, and one for each page that was compiled, and so was asked for, and whose source the collection
//! no longer holds. No log is needed for either.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::LakeError;
use piste_model::iis::{Borrowed, Entry, anybody_writes, borrowed};
use piste_model::{Door, DoorState, DoorVerdict, Instant};

use super::decode::{page_key, url_of_file};
use super::fact::Fact;
use super::known::Known;
use super::ladder::Draft;
use super::rows::{Row, scan};
use super::shipped_pages::is_foreign;
use super::words::quoted;

/// Entries and pages kept; a hostile collection could hold more.
const KEPT_MAX: usize = 20_000;

/// Candidates for [`super::join`]. `workers` are the hosts whose web workers ran commands that nothing known explains.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub(super) fn configured(known: &Known<'_>, workers: &BTreeSet<String>) -> Result<Vec<Door>, LakeError> {
    let mut doors = modules(known, workers)?;
    doors.extend(compiled(known)?);
    Ok(doors)
}

/// An entry that no list knows.
#[derive(Default)]
struct Unknown {
    facts: BTreeSet<Fact>,
    /// What speaks against it beside its being unknown.
    signs: BTreeSet<String>,
}

/// Entries that no list knows, by host and what they load.
fn modules(known: &Known<'_>, workers: &BTreeSet<String>) -> Result<Vec<Door>, LakeError> {
    let columns = [
        "Section",
        "EntryName",
        "Image",
        "Type",
        "UrlPath",
        "Location",
        "Shipped",
        "ServerWide",
        "ConfigPath",
        "Line",
    ];
    let mut entries: BTreeMap<(String, String), Unknown> = BTreeMap::new();
    scan(known.lake, "iis.configuration", &columns, &mut |row| {
        let section = row.text("Section");
        if row.text("Shipped") != "no" || row.text("ServerWide") != "yes" || section == "virtualDirectory" {
            return;
        }
        let managed = row.text("Image").is_empty();
        let loads = if managed { row.text("Type") } else { row.text("Image") };
        if loads.is_empty() || (managed && !is_of_the_server(row.text("ConfigPath"))) {
            return;
        }
        let signs = signs(section, loads, managed);
        if signs.is_empty() && is_a_products(loads) {
            return;
        }
        let at = ((known.host)(row.host()), loads.to_owned());
        if entries.len() < KEPT_MAX || entries.contains_key(&at) {
            let what = entry_in_words(row, section, loads);
            let entry = entries.entry(at).or_default();
            entry.facts.insert(Fact::new("IIS configuration", None, row.place(), what));
            entry.signs.extend(signs);
        }
    })?;
    let door = |((host, loads), mut entry): ((String, String), Unknown)| {
        if workers.contains(&host) {
            entry.signs.insert(
                "a web worker of this server ran commands that no page and no request explains".to_owned(),
            );
        }
        module(known, &host, &loads, &entry)
    };
    Ok(entries.into_iter().map(door).collect())
}

/// An entry that no list knows is told as unknown: no list is whole. Only with a second sign is it taken for a way in.
fn module(known: &Known<'_>, host: &str, loads: &str, entry: &Unknown) -> Door {
    let mut draft = Draft::new(known, "iis-module", host, loads);
    draft.steps(entry.facts.iter(), 0);
    draft.sum("unknown: no list that is looked into has it, and no list is whole");
    for sign in &entry.signs {
        draft.sum(sign.clone());
    }
    if entry.signs.is_empty() {
        draft.verdict(DoorVerdict::Probed);
        draft.sum("so it is told to be looked at, and nothing beside its being unknown speaks against it; whether it was used, no log shows");
        draft.close("find out whose it is before anything is removed: its publisher's signature, the product that it came with, who put it there");
    } else {
        draft.verdict(DoorVerdict::Succeeded);
        draft.state(DoorState::Open);
        draft.sum(
            "so it is there: the configuration has IIS hand it requests; whether it was used, no log shows",
        );
        draft.close("take a copy of the file as evidence and see whose it is; if it is nobody's, remove the entry from the configuration and restart the service");
    }
    draft.against("products for protection, load balancing, rewriting and monitoring register such code too");
    draft.missing(Some(
        "the file itself, its signature and the time at which the configuration was changed (IIS-Configuration 29, the copies under inetpub\\history) would show whose it is and since when"
            .to_owned(),
    ));
    draft.finish()
}

/// What an entry itself says against it beside its being unknown: where its file lies, and whose name it has.
fn signs(section: &str, loads: &str, managed: bool) -> Vec<String> {
    let entry = match section {
        _ if managed => Entry::Type(loads),
        "globalModules" => Entry::Native(loads),
        "isapiFilters" => Entry::Filter(loads),
        _ => Entry::Script(loads),
    };
    let mut signs = Vec::new();
    let lower = loads.to_lowercase().replace('/', "\\");
    if !managed && anybody_writes(loads) {
        signs.push("its file lies in a folder that anybody may write to".to_owned());
    }
    if !managed && lower.contains("\\inetpub\\wwwroot\\") {
        signs.push("its file lies among the pages that the server serves".to_owned());
    }
    if !managed && lower.starts_with("\\\\") && !lower.starts_with("\\\\?\\") {
        signs.push("its file is loaded from another computer".to_owned());
    }
    let of_others = |one: &Borrowed| one.of_exchange || !is_a_products(loads);
    if let Some(name) = borrowed(entry).filter(of_others) {
        signs.push(if managed {
            format!(
                "it is named as those that begin with `{}`, and is not signed or put together as they are",
                name.known
            )
        } else {
            format!(
                "it has the name of a file of {} and lies elsewhere: theirs is at `{}`",
                name.by, name.known
            )
        });
    }
    signs
}

/// Whether a configuration is that of the server or of Exchange. Applications that are put into the default site bring
/// managed modules of their own: a finding names those, they are no doors by themselves.
fn is_of_the_server(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace('\\', "/");
    path.ends_with("applicationhost.config") || path.contains("/microsoft/exchange server/")
}

/// Whether a library lies where products are installed, which takes an administrator: a finding names it, it is no door by
/// itself. Exchange's own folders are none of those: implants are put there.
fn is_a_products(loads: &str) -> bool {
    let path = loads.to_lowercase().replace('/', "\\");
    let installed = path.starts_with("%programfiles")
        || path.get(1..).is_some_and(|rest| rest.starts_with(":\\program files"));
    installed && !path.contains("\\microsoft\\exchange server\\")
}

fn entry_in_words(row: Row<'_, '_>, section: &str, loads: &str) -> String {
    let kind = match section {
        "globalModules" => "native module",
        "isapiFilters" => "ISAPI filter",
        "modules" | "httpModules" => "managed module",
        _ => "handler",
    };
    let location = match row.text("Location") {
        "" => String::new(),
        path => format!(" for {}", quoted(path)),
    };
    let url = match row.text("UrlPath") {
        "" => String::new(),
        path => format!(" of {}", quoted(path)),
    };
    format!(
        "{} line {} registers the {kind} {}{url}{location}: {}",
        quoted(row.text("ConfigPath")),
        row.text("Line"),
        quoted(row.text("EntryName")),
        quoted(loads)
    )
}

/// What the collection tells of the pages of a host.
#[derive(Default)]
struct Pages {
    /// Keys of the pages that lie in it.
    there: BTreeSet<String>,
    /// Their folders: what lay in them was collected.
    folders: BTreeSet<String>,
    /// Compiled copies, by the key of their page, with the page's URL.
    compiled: BTreeMap<String, (String, BTreeSet<Fact>)>,
}

/// Pages that were compiled and are gone.
fn compiled(known: &Known<'_>) -> Result<Vec<Door>, LakeError> {
    let columns = ["Path", "Kind", "VirtualPath", "Assembly", "FileModified"];
    let mut hosts: BTreeMap<String, Pages> = BTreeMap::new();
    let mut kept = 0;
    scan(known.lake, "file.content", &columns, &mut |row| {
        kept += 1;
        if kept > 50 * KEPT_MAX {
            return;
        }
        let pages = hosts.entry((known.host)(row.host())).or_default();
        if row.text("Kind") == "compiled page" {
            pages.add_compiled(row);
        } else if let Some(url) = url_of_file(&on_server(row.text("Path"))) {
            pages.folders.extend(url.rsplit_once('/').map(|(folder, _)| format!("{folder}/")));
            pages.there.insert(url);
        }
    })?;
    let mut doors = Vec::new();
    for (host, pages) in &hosts {
        for (key, (url, facts)) in &pages.compiled {
            if !pages.there.contains(key) && is_foreign(key) {
                doors.push(gone(
                    known,
                    host,
                    url,
                    facts,
                    key.rsplit_once('/')
                        .is_some_and(|(folder, _)| pages.folders.contains(&format!("{folder}/"))),
                ));
            }
        }
    }
    Ok(doors)
}

impl Pages {
    fn add_compiled(&mut self, row: Row<'_, '_>) {
        let url = row.text("VirtualPath");
        if url.is_empty() || self.compiled.len() >= KEPT_MAX {
            return;
        }
        // The compiler wrote the file when the page was first asked for; a time without a zone bounds nothing.
        let time = Instant::parse(row.text("FileModified"));
        let what = format!(
            "a compiled copy of {} lies in the collection (assembly {}): the page was asked for, and ran, at least once",
            quoted(url),
            quoted(row.text("Assembly"))
        );
        let fact = Fact::new("compiled page", time, row.place(), what).page(url);
        let known = self.compiled.entry(page_key(url)).or_insert_with(|| (url.to_owned(), BTreeSet::new()));
        known.1.insert(fact);
    }
}

fn gone(known: &Known<'_>, host: &str, url: &str, facts: &BTreeSet<Fact>, collected: bool) -> Door {
    let mut draft = Draft::new(known, "webshell", host, url);
    draft.steps(facts.iter(), 0);
    draft.verdict(DoorVerdict::Succeeded);
    draft.opened_by(facts.iter());
    if collected {
        draft.state(DoorState::Closed);
        draft.sum("the page itself is not among the files of its folder: it was removed before they were collected, its compiled copy stayed");
    } else {
        draft.sum(
            "the folder of the page is not in the collection: whether the page is still there is not known",
        );
    }
    draft.sum("so it was there and was asked for: its name is none that the server ships in that folder");
    draft.against("only its compiled copy shows it: what the page held was not seen");
    draft.missing(Some(
        "the assembly that it was compiled to (App_Web_*.dll) holds its code: decompile it, it tells what the page did"
            .to_owned(),
    ));
    draft.close(
        "keep the compiled copy and its assembly as evidence, then delete both and restart the worker",
    );
    draft.finish()
}

/// The path that a file had on its server, with Windows' slashes: what follows the drive in a locator.
fn on_server(locator: &str) -> String {
    let inner = locator.rsplit('!').next().unwrap_or_default();
    format!("\\{}", inner.replace('/', "\\").trim_start_matches('\\'))
}
