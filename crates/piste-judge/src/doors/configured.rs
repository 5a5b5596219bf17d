//! Ways in that the web server's own files tell: modules in its configuration, and compiled copies of pages that are gone.
//!
//! In: rows of `iis.configuration` and of `file.content`. Out: a candidate door for each module, filter or handler that no
//! list knows, told as unknown unless a second sign speaks against it, and one for each page that was compiled, and so was asked for, and whose source the collection
//! no longer holds. No log is needed for either.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::LakeError;
use piste_model::iis::{Borrowed, Entry, anybody_writes, borrowed};
use piste_model::reason::ModuleKind;
use piste_model::{Door, DoorState, DoorVerdict, Instant, ReasonKind};

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
    signs: BTreeSet<ReasonKind>,
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
            let said = registered(row, section, loads);
            let entry = entries.entry(at).or_default();
            entry.facts.insert(Fact::new("IIS configuration", None, row.place(), said));
            entry.signs.extend(signs);
        }
    })?;
    let door = |((host, loads), mut entry): ((String, String), Unknown)| {
        if workers.contains(&host) {
            entry.signs.insert(ReasonKind::WorkerUnexplained {});
        }
        module(known, &host, &loads, &entry)
    };
    Ok(entries.into_iter().map(door).collect())
}

/// An entry that no list knows is told as unknown: no list is whole. Only with a second sign is it taken for a way in.
fn module(known: &Known<'_>, host: &str, loads: &str, entry: &Unknown) -> Door {
    let mut draft = Draft::new(known, "iis-module", host, loads);
    draft.steps(entry.facts.iter(), 0);
    draft.sum(ReasonKind::ModuleUnknown {});
    for sign in &entry.signs {
        draft.sum(sign.clone());
    }
    if entry.signs.is_empty() {
        draft.verdict(DoorVerdict::Probed);
        draft.sum(ReasonKind::ModuleToLookAt {});
        draft.close("find out whose it is before anything is removed: its publisher's signature, the product that it came with, who put it there");
    } else {
        draft.verdict(DoorVerdict::Succeeded);
        draft.state(DoorState::Open);
        draft.sum(ReasonKind::ModuleThere {});
        draft.close("take a copy of the file as evidence and see whose it is; if it is nobody's, remove the entry from the configuration and restart the service");
    }
    draft.against(ReasonKind::ProductsRegister {});
    draft.missing(Some(ReasonKind::SettleEntryFile {}));
    draft.finish()
}

/// What an entry itself says against it beside its being unknown: where its file lies, and whose name it has.
fn signs(section: &str, loads: &str, managed: bool) -> Vec<ReasonKind> {
    let entry = match section {
        _ if managed => Entry::Type(loads),
        "globalModules" => Entry::Native(loads),
        "isapiFilters" => Entry::Filter(loads),
        _ => Entry::Script(loads),
    };
    let mut signs = Vec::new();
    let lower = loads.to_lowercase().replace('/', "\\");
    if !managed && anybody_writes(loads) {
        signs.push(ReasonKind::ModuleAnybodyWrites {});
    }
    if !managed && lower.contains("\\inetpub\\wwwroot\\") {
        signs.push(ReasonKind::ModuleAmongPages {});
    }
    if !managed && lower.starts_with("\\\\") && !lower.starts_with("\\\\?\\") {
        signs.push(ReasonKind::ModuleFromElsewhere {});
    }
    let of_others = |one: &Borrowed| one.of_exchange || !is_a_products(loads);
    if let Some(name) = borrowed(entry).filter(of_others) {
        signs.push(if managed {
            ReasonKind::ModuleNamedAsSigned { known: name.known.to_owned() }
        } else {
            ReasonKind::ModuleNamedAsFile { by: name.by.to_owned(), known: name.known.to_owned() }
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

/// What a row of the configuration registers.
fn registered(row: Row<'_, '_>, section: &str, loads: &str) -> ReasonKind {
    let module = match section {
        "globalModules" => ModuleKind::Native,
        "isapiFilters" => ModuleKind::Filter,
        "modules" | "httpModules" => ModuleKind::Managed,
        _ => ModuleKind::Handler,
    };
    let named = |column: &str| Some(row.text(column)).filter(|text| !text.is_empty()).map(quoted);
    ReasonKind::ModuleRegistered {
        config: quoted(row.text("ConfigPath")),
        line: row.text("Line").to_owned(),
        module,
        entry: quoted(row.text("EntryName")),
        url: named("UrlPath"),
        location: named("Location"),
        loads: quoted(loads),
    }
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
        let (page, assembly) = (quoted(url), quoted(row.text("Assembly")));
        let said = ReasonKind::CompiledCopyRan { page, assembly };
        let fact = Fact::new("compiled page", time, row.place(), said).page(url);
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
        draft.sum(ReasonKind::PageRemoved {});
    } else {
        draft.sum(ReasonKind::PageFolderMissing {});
    }
    draft.sum(ReasonKind::PageWasThere {});
    draft.against(ReasonKind::CompiledCopyAlone {});
    draft.missing(Some(ReasonKind::SettleAssembly {}));
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
