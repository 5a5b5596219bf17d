//! One pass over evidence that was collected afterwards.
//!
//! In: a collection's lake, its files and issues, the list. Out: every row that speaks of an item, and of each file what decides whether
//! it would show one: whose it is, what it lists, of when it is, whether it was read whole.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::removal::{NameSort, RemovalItem, RemovalList, TraceKind, TraceName, VerifyRow};
use piste_model::{Evidence, EvidenceId, Instant, Issue, Visibility};

use super::names::{folder, page_address, path, registry};
use super::rows::{FileName, Row, each_row};
use super::trace::{Act, Trace, is_telling, traces};

/// Rows that speak of one item and are kept; the earliest and the latest decide, and one host may log a million.
const SEEN_MAX: usize = 2_000;

/// Evidence that was collected afterwards, as a run over it left it.
pub struct Collection<'a> {
    /// Name of its case below `after/`.
    pub name: &'a str,
    /// Its rows.
    pub lake: &'a Lake,
    /// Its files.
    pub evidence: &'a [Evidence],
    /// What could not be read.
    pub issues: &'a [Issue],
    /// Which spans of which logs it has.
    pub visibility: &'a [Visibility],
    /// A host's one name in it.
    pub host: &'a dyn Fn(&str) -> String,
}

/// What a file lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lists {
    Services,
    Tasks,
    Accounts,
    Certificates,
    /// Files of a volume: a table of all of them.
    Volume,
    /// Files below folders, of which the table has nothing but names.
    Folders,
    Consumers,
    Modules,
    Directory,
    /// Members of groups are told by it.
    Members,
}

/// What a file of a collection can show.
#[derive(Debug, Clone, Default)]
pub(super) struct FileFacts {
    pub(super) path: String,
    pub(super) format: String,
    pub(super) host: String,
    pub(super) joins: bool,
    /// An older state of its computer: a shadow copy, a backup.
    pub(super) is_backup: bool,
    /// The first issue by which it is not whole.
    pub(super) issue: Option<String>,
    pub(super) lists: BTreeSet<Lists>,
    /// Hives that it holds: `hklm\software`, `hku\s-1-5-21-…`.
    pub(super) roots: BTreeSet<String>,
    /// Groups whose members it tells.
    pub(super) groups: BTreeSet<String>,
    /// Folders of the list that it holds, as paths and as addresses of pages.
    pub(super) folders: BTreeSet<String>,
    /// It is of the volume that Windows is on.
    pub(super) of_system: bool,
    pub(super) drive: Option<char>,
    /// Domains that an export of a directory is of: SIDs of domains, and their first label.
    pub(super) domains: BTreeSet<String>,
    /// The latest moment that it knows of.
    pub(super) as_of: Option<Instant>,
    /// A row of it that says what it lists.
    pub(super) anchor: Option<VerifyRow>,
}

/// A row that speaks of an item.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) act: Act,
    /// When that happened; of a list, of when it is.
    pub(super) time: Option<Instant>,
    /// It is the item by another name: what it runs or holds.
    pub(super) under: Option<String>,
    pub(super) file: u32,
    pub(super) row: VerifyRow,
    /// The address that a logon came from.
    pub(super) from: String,
}

/// What a collection shows.
pub(super) struct Scanned<'a> {
    pub(super) of: &'a Collection<'a>,
    pub(super) files: BTreeMap<u32, FileFacts>,
    /// By number of the item.
    pub(super) seen: BTreeMap<usize, Vec<Seen>>,
    /// Logs that hold connections, by host.
    pub(super) connection_logs: BTreeSet<(String, String)>,
    pub(super) last: Option<Instant>,
}

/// The list as rows are held against it.
pub(super) struct Sought<'l> {
    items: &'l [RemovalItem],
    by_name: BTreeMap<(TraceKind, &'l TraceName), Vec<usize>>,
    folders: BTreeSet<String>,
}

impl<'l> Sought<'l> {
    pub(super) fn of(list: &'l RemovalList) -> Self {
        let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut folders = BTreeSet::new();
        for (at, item) in list.items.iter().enumerate() {
            for name in &item.names {
                by_name.entry((kin(item.kind), name)).or_default().push(at);
                match name.sort {
                    NameSort::Path => folders.extend([folder(&name.value).to_owned()]),
                    NameSort::Url => folders.extend([name
                        .value
                        .rsplit_once('/')
                        .map_or("", |(front, _)| front)
                        .to_owned()]),
                    _ => {}
                }
            }
        }
        folders.remove("");
        Self { items: &list.items, by_name, folders }
    }

    /// Items that a trace is, each with whether it is the item under another name.
    fn items_of(
        &self,
        trace: &Trace,
        host: &str,
        is_same: &dyn Fn(&str, &str) -> bool,
    ) -> Vec<(usize, bool)> {
        let mut found: BTreeMap<usize, bool> = BTreeMap::new();
        for name in &trace.names {
            let loose = matches!(name.sort, NameSort::Runs | NameSort::Sha256);
            for at in self.by_name.get(&(kin(trace.kind), name)).into_iter().flatten() {
                let Some(item) = self.items.get(*at) else { continue };
                if is_of_domain(item.kind) || is_same(&item.host, host) {
                    let under = found.entry(*at).or_insert(true);
                    *under &= loose;
                }
            }
        }
        found.into_iter().collect()
    }
}

/// Pages are files too, and a file may be a page.
fn kin(kind: TraceKind) -> TraceKind {
    if kind == TraceKind::Page { TraceKind::File } else { kind }
}

/// Things that stand in the directory or in Exchange, whichever computer logs them.
pub(super) fn is_of_domain(kind: TraceKind) -> bool {
    matches!(
        kind,
        TraceKind::Account | TraceKind::GroupRight | TraceKind::MailboxRight | TraceKind::MailboxRule
    )
}

/// Whether two names are of one computer: one of them may lack the domain.
pub(super) fn is_same_host(one: &str, other: &str) -> bool {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    if one.is_empty() || other.is_empty() || one.contains(' ') || other.contains(' ') {
        return false;
    }
    one.eq_ignore_ascii_case(other)
        || (!(one.contains('.') && other.contains('.')) && short(one) == short(other))
}

/// Goes through a collection. `case_host` gives the name in the case of a computer that was renamed.
pub(super) fn scan<'a>(
    of: &'a Collection<'a>,
    sought: &Sought<'_>,
    case_host: &dyn Fn(&str) -> String,
    now: Instant,
) -> Result<Scanned<'a>, LakeError> {
    let mut scanned = Scanned {
        of,
        files: files_of(of, case_host),
        seen: BTreeMap::new(),
        connection_logs: BTreeSet::new(),
        last: of.evidence.iter().filter_map(|one| one.last).filter(|last| *last <= now).max(),
    };
    let names: BTreeMap<u32, FileName> = of
        .evidence
        .iter()
        .map(|one| (one.id.0, FileName { path: one.path.clone(), sha256: one.sha256.clone() }))
        .collect();
    let file_name = |id: EvidenceId| names.get(&id.0).cloned().unwrap_or_default();
    each_row(of.lake, &is_telling, &mut |row| {
        scanned.learn(&row, now, &file_name, sought);
        let host = case_host(&(of.host)(row.host()));
        let found = traces(&row);
        for trace in found {
            if trace.kind == TraceKind::Connection {
                let known = (host.clone(), row.dataset.to_owned());
                scanned.connection_logs.insert(known);
            }
            for (item, under) in sought.items_of(&trace, &host, &is_same_host) {
                scanned.keep(item, &trace, &row, under, &file_name);
            }
        }
    })?;
    scanned.settle_lists();
    Ok(scanned)
}

/// Issues that say something of times and cost no row.
const HARMLESS: [&str; 6] = [
    "time-missing",
    "time-zone-unknown",
    "time-local",
    "time-year-assumed",
    "date-order-assumed",
    "date-order-mixed",
];

/// What is known of the files before their rows are read.
fn files_of(of: &Collection<'_>, case_host: &dyn Fn(&str) -> String) -> BTreeMap<u32, FileFacts> {
    let mut files = BTreeMap::new();
    for one in of.evidence {
        let lower = one.path.to_lowercase().replace('\\', "/");
        let backup = ["/regback/", "/windows.old/", "/repair/", "/backup/", "/system volume information/"];
        let costs = |issue: &&Issue| issue.evidence_id == Some(one.id) && !HARMLESS.contains(&&*issue.slug);
        let issue = of.issues.iter().find(costs).map(|issue| issue.slug.to_string());
        let damage = one.damage.first().map(|damage| damage.kind.clone());
        let is_read = one.state == piste_model::evidence::EvidenceState::Read;
        let host = (of.host)(one.host.as_deref().unwrap_or_default());
        let drives = lower.split(['/', '!']);
        let facts = FileFacts {
            path: one.path.clone(),
            format: one.format.clone(),
            host: case_host(&host),
            joins: one.host_known.joins(),
            is_backup: one.shadow_copy.is_some() || backup.iter().any(|part| lower.contains(part)),
            issue: issue.or(damage).or_else(|| (!is_read).then(|| "unread".to_owned())),
            drive: drives.filter_map(drive_of).next_back(),
            lists: if one.format == "wmi" { BTreeSet::from([Lists::Consumers]) } else { BTreeSet::new() },
            ..FileFacts::default()
        };
        files.insert(one.id.0, facts);
    }
    files
}

/// `C`, `C:`, `C%3A`, as collectors name the folder of a drive.
fn drive_of(part: &str) -> Option<char> {
    let letter = part.strip_suffix("%3a").or_else(|| part.strip_suffix(':')).unwrap_or(part);
    let mut signs = letter.chars();
    let first = signs.next().filter(char::is_ascii_alphabetic)?;
    signs.next().is_none().then_some(first)
}

impl Scanned<'_> {
    /// What a row says of its file.
    fn learn(
        &mut self,
        row: &Row<'_>,
        now: Instant,
        names: &dyn Fn(EvidenceId) -> FileName,
        sought: &Sought<'_>,
    ) {
        let id = row.evidence().0;
        let collection = self.of.name;
        let Some(file) = self.files.get_mut(&id) else { return };
        let told = ["changed", "modified", "whenChanged", "pwdLastSet", "OriginatingTime"]
            .map(|name| row.time_in(name));
        let times = told.into_iter().flatten().chain(row.time()).filter(|time| *time <= now);
        file.as_of = file.as_of.into_iter().chain(times).max();
        let before = file.lists.len() + file.groups.len() + file.folders.len();
        learn_lists(file, row);
        learn_folders(file, row, sought);
        let is_more = file.lists.len() + file.groups.len() + file.folders.len() > before;
        if is_more || file.anchor.is_none() {
            file.anchor = Some(verify_row(collection, row, names));
        }
    }

    fn keep(
        &mut self,
        item: usize,
        trace: &Trace,
        row: &Row<'_>,
        under: bool,
        names: &dyn Fn(EvidenceId) -> FileName,
    ) {
        let seen = self.seen.entry(item).or_default();
        if seen.len() >= SEEN_MAX {
            // The latest of the same kind stands for those between.
            let same = seen.iter().rposition(|one| one.act == trace.act);
            let Some(at) = same else { return };
            seen.remove(at);
        }
        let is_list = matches!(trace.act, Act::Listed { .. });
        seen.push(Seen {
            act: trace.act,
            time: if is_list { None } else { trace.at.or_else(|| row.time()) },
            under: under.then(|| trace.place.clone()),
            file: row.evidence().0,
            row: verify_row(self.of.name, row, names),
            from: row.text("IpAddress").to_owned(),
        });
    }

    /// A file of older state knows of nothing later, whatever it holds; one that has nothing but old times is of when its computer's other
    /// files of this collection are, where it is one that is seldom written.
    fn settle_lists(&mut self) {
        let mut latest: BTreeMap<String, Instant> = BTreeMap::new();
        for file in self.files.values().filter(|file| file.joins && !file.is_backup) {
            if let Some(as_of) = file.as_of {
                let known = latest.entry(file.host.to_lowercase()).or_insert(as_of);
                *known = (*known).max(as_of);
            }
        }
        for file in self.files.values_mut().filter(|file| !file.is_backup && file.joins) {
            let often = [Lists::Services, Lists::Tasks, Lists::Volume, Lists::Folders, Lists::Directory];
            if !file.lists.iter().any(|lists| often.contains(lists)) {
                file.as_of = file.as_of.max(latest.get(&file.host.to_lowercase()).copied());
            }
        }
        for seen in self.seen.values_mut().flatten() {
            if matches!(seen.act, Act::Listed { .. }) {
                seen.time = self.files.get(&seen.file).and_then(|file| file.as_of);
                seen.row.time = seen.time;
            }
        }
    }
}

fn verify_row(collection: &str, row: &Row<'_>, names: &dyn Fn(EvidenceId) -> FileName) -> VerifyRow {
    VerifyRow {
        collection: collection.to_owned(),
        dataset: row.dataset.to_owned(),
        time: row.time(),
        row: row.reference(names),
    }
}

/// Services without which no Windows is: a list that has them is not one of chosen ones.
const ALWAYS: [&str; 2] = ["eventlog", "rpcss"];

fn learn_lists(file: &mut FileFacts, row: &Row<'_>) {
    match row.dataset {
        "registry.key" if row.text("Deleted") != "true" => {
            let key = registry(row.text("TargetObject"));
            let mut parts = key.splitn(3, '\\');
            if let (Some(root), Some(hive)) = (parts.next(), parts.next()) {
                file.roots.insert(format!(r"{root}\{hive}"));
            }
            for (end, lists) in [
                (r"\system\currentcontrolset\services", Lists::Services),
                (r"\schedule\taskcache\tasks", Lists::Tasks),
                (r"\sam\domains\account\users", Lists::Accounts),
                (r"\microsoft\systemcertificates", Lists::Certificates),
            ] {
                if key.ends_with(end) {
                    file.lists.insert(lists);
                }
            }
        }
        "registry.account" => {
            file.lists.insert(Lists::Accounts);
            if row.text("AccountType") == "group" {
                file.groups.insert(super::names::account(row.text("User")));
            }
            if let Some((machine, _)) =
                row.text("UserSid").rsplit_once('-').filter(|(front, _)| front.starts_with("S-1-5-21-"))
            {
                file.domains.insert(machine.to_uppercase());
            }
        }
        "velociraptor.services" if ALWAYS.contains(&row.text("ServiceName").to_lowercase().as_str()) => {
            file.lists.insert(Lists::Services);
        }
        "velociraptor.wmi-events" => {
            file.lists.insert(Lists::Consumers);
        }
        "iis.configuration"
            if row.text("Section") == "globalModules"
                && row.text("ConfigPath").to_lowercase().ends_with("applicationhost.config") =>
        {
            file.lists.insert(Lists::Modules);
        }
        "directory.object" => learn_directory(file, row),
        _ => {}
    }
}

/// An export that has krbtgt was not made of chosen accounts.
fn learn_directory(file: &mut FileFacts, row: &Row<'_>) {
    let name = row.first(&["sAMAccountName", "SamAccountName"]).to_lowercase();
    if name == "krbtgt" {
        file.lists.insert(Lists::Directory);
        if let Some((domain, _)) = row.text("objectSid").rsplit_once('-') {
            file.domains.insert(domain.to_uppercase());
        }
    }
    if !row.first(&["member", "Members", "memberOf", "MemberOf"]).is_empty() {
        file.lists.insert(Lists::Members);
    }
    let class = row.text("objectClass").to_lowercase();
    if class.ends_with("group") || !row.text("groupType").is_empty() {
        file.groups.insert(name);
    }
    let label = row.text("DistinguishedName").to_lowercase();
    if let Some((_, rest)) = label.split_once("dc=") {
        file.domains.insert(rest.split(',').next().unwrap_or_default().to_uppercase());
    }
}

fn learn_folders(file: &mut FileFacts, row: &Row<'_>, sought: &Sought<'_>) {
    let table = match row.dataset {
        "file.mft" => Lists::Volume,
        "file.listing" if !row.text("EntryNumber").is_empty() => Lists::Volume,
        "file.listing" => Lists::Folders,
        _ => return,
    };
    file.lists.insert(table);
    let plain = path(row.first(&["TargetFilename", "Path"]));
    if table == Lists::Folders && file.drive.is_none() {
        file.drive = super::names::drive(row.text("TargetFilename"));
    }
    if plain == r"\windows\system32\ntoskrnl.exe" {
        file.of_system = true;
    }
    let deleted = row.text("deleted") == "true" || row.text("InUse") == "False";
    let is_folder = row.text("is_directory") == "true";
    let lies_in = if is_folder { plain.as_str() } else { folder(&plain) };
    if !deleted && sought.folders.contains(lies_in) {
        file.folders.insert(lies_in.to_owned());
    }
    if table == Lists::Volume && !is_folder {
        return; // a volume's table has a row of each folder
    }
    let address = page_address(&format!(r"{lies_in}\x.aspx"));
    let address = address.strip_suffix("/x.aspx").unwrap_or_default();
    if !deleted && !address.is_empty() && sought.folders.contains(address) {
        file.folders.insert(address.to_owned());
    }
}
