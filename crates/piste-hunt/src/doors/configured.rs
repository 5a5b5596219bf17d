//! Ways in that the web server's own files tell: modules in its configuration, and compiled copies of pages that are gone.
//!
//! In: rows of `iis.configuration` and of `file.content`. Out: a candidate door for each module, filter or handler that neither
//! Windows nor Exchange ships, and one for each page that was compiled, and so was asked for, and whose source the collection
//! no longer holds. No log is needed for either.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::LakeError;
use piste_model::{Door, DoorState, DoorVerdict, Instant};

use super::decode::{page_key, url_of_file};
use super::fact::{Fact, quoted};
use super::known::Known;
use super::ladder::Draft;
use super::requests::is_foreign;
use super::rows::{Row, scan};

/// Entries and pages kept; a hostile collection could hold more.
const KEPT_MAX: usize = 20_000;

/// Candidates for [`super::join`].
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn configured(known: &Known<'_>) -> Result<Vec<Door>, LakeError> {
    let mut doors = modules(known)?;
    doors.extend(compiled(known)?);
    Ok(doors)
}

/// Entries that no list knows, by host and what they load.
fn modules(known: &Known<'_>) -> Result<Vec<Door>, LakeError> {
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
    let mut entries: BTreeMap<(String, String), BTreeSet<Fact>> = BTreeMap::new();
    scan(known.lake, "iis.configuration", &columns, &mut |row| {
        let section = row.text("Section");
        if row.text("Shipped") != "no" || row.text("ServerWide") != "yes" || section == "virtualDirectory" {
            return;
        }
        let loads = [row.text("Image"), row.text("Type")].into_iter().find(|text| !text.is_empty());
        let Some(loads) = loads.filter(|loads| !is_a_products(loads)) else { return };
        let managed = row.text("Image").is_empty();
        if managed && !is_of_the_server(row.text("ConfigPath")) {
            return;
        }
        let at = ((known.host)(row.host()), loads.to_owned());
        if entries.len() < KEPT_MAX || entries.contains_key(&at) {
            let what = entry_in_words(row, section, loads);
            entries.entry(at).or_default().insert(Fact::new("IIS configuration", None, row.place(), what));
        }
    })?;
    let door = |((host, loads), facts): (&(String, String), &BTreeSet<Fact>)| {
        let mut draft = Draft::new(known, "iis-module", host, loads);
        draft.steps(facts.iter(), 0);
        draft.verdict(DoorVerdict::Succeeded);
        draft.state(DoorState::Open);
        draft.sum("so it is there: the configuration has IIS hand it requests, and neither Windows nor Exchange ships it; whether it was used, no log shows");
        draft.against(
            "products for protection, load balancing, rewriting and monitoring register such code too",
        );
        draft.missing(Some(
            "the file itself, its signature and the time at which the configuration was changed (IIS-Configuration 29, the copies under inetpub\\history) would show whose it is and since when"
                .to_owned(),
        ));
        draft.close("take a copy of the file as evidence, remove the entry from the configuration and restart the service");
        draft.finish()
    };
    Ok(entries.iter().map(door).collect())
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
