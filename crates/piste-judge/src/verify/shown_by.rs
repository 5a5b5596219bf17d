//! What would show an item: the only ground on which it is called gone.
//!
//! In: an item, and what each file of a collection lists. Out: the files that would show it, each with of when it is; or what lacks, is
//! damaged or is too old, and so what to collect.

use piste_model::removal::{NameSort, RemovalItem, TraceKind, VerifyReason, VerifyRow};
use piste_model::{Instant, VisibilityKind};

use super::names::{drive, folder, is_a_place, registry};
use super::scan::{FileFacts, Lists, Scanned, is_same_host};

/// A file that would show an item.
#[derive(Debug, Clone)]
pub(super) struct Lamp {
    pub(super) artefact: String,
    pub(super) path: String,
    pub(super) as_of: Instant,
    pub(super) row: Option<VerifyRow>,
}

/// A span of a log that would show an item.
#[derive(Debug, Clone)]
pub(super) struct LogSpan {
    pub(super) dataset: String,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// What the evidence that was collected afterwards can show of an item.
#[derive(Debug, Default)]
pub(super) struct Light {
    pub(super) lamps: Vec<Lamp>,
    pub(super) lacks: Vec<VerifyReason>,
}

/// What would show a kind of thing, in the words of who collects it.
pub(super) fn artefact(item: &RemovalItem, local: bool) -> String {
    match item.kind {
        TraceKind::File | TraceKind::Page => "$MFT".to_owned(),
        TraceKind::Module => "applicationHost.config".to_owned(),
        TraceKind::Service => "hive SYSTEM".to_owned(),
        TraceKind::Task => "hive SOFTWARE (TaskCache)".to_owned(),
        TraceKind::RunValue | TraceKind::Certificate => format!("hive {}", hive_name(&root_of(item))),
        TraceKind::WmiConsumer => "WMI repository".to_owned(),
        TraceKind::Account if item.measure == piste_model::removal::Measure::Reset => {
            "export of the directory with pwdLastSet".to_owned()
        }
        TraceKind::Account | TraceKind::GroupRight if local => "hive SAM".to_owned(),
        TraceKind::Account => "export of the directory".to_owned(),
        TraceKind::GroupRight => "export of the directory with members".to_owned(),
        TraceKind::MailboxRight | TraceKind::MailboxRule => "log of Exchange's cmdlets".to_owned(),
        TraceKind::Connection => "log of connections".to_owned(),
    }
}

/// The first two parts of a place in the registry.
fn root_of(item: &RemovalItem) -> String {
    let place = registry(&item.place);
    let mut parts = place.splitn(3, '\\');
    format!(r"{}\{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn hive_name(root: &str) -> String {
    match root.split_once('\\') {
        Some(("hklm", hive)) => hive.to_uppercase(),
        Some(("hku", user)) => format!("NTUSER.DAT of {}", user.to_uppercase()),
        _ => "of the user".to_owned(),
    }
}

/// Whether an account or group of an item is one of its computer alone.
pub(super) fn is_local(item: &RemovalItem) -> bool {
    let domain = item.place.split_once('\\').map(|(front, _)| front).unwrap_or_default();
    let is_host = |name: &str| is_same_host(name, &item.host);
    match item.kind {
        TraceKind::Account => is_host(domain),
        // Windows keeps these in SAM, save on a domain controller.
        TraceKind::GroupRight => item.seen_in.iter().any(|dataset| dataset == LOCAL_GROUPS),
        _ => false,
    }
}

/// How the list marks a membership that an event of local groups told.
pub(super) const LOCAL_GROUPS: &str = "registry.account";

/// The files of a collection that would show an item.
pub(super) fn light(item: &RemovalItem, scanned: &Scanned<'_>, cutoff: Option<Instant>) -> Light {
    let mut light = Light::default();
    let what = artefact(item, is_local(item));
    if !can_be_looked_for(item) {
        light.lacks.push(VerifyReason::PlaceUnknown);
        return light;
    }
    let of_host = |file: &&FileFacts| is_same_host(&file.host, &item.host);
    let of_directory = |file: &&FileFacts| file.lists.contains(&Lists::Directory);
    let candidates =
        scanned.files.values().filter(|file| of_host(file) || (is_of_directory(item) && of_directory(file)));
    let mut guessed = false;
    for file in candidates.filter(|file| would_list(item, file)) {
        if !file.joins && !of_directory(&file) {
            guessed = true;
            continue;
        }
        if let Some(lack) = lack_of(file, &what, cutoff) {
            light.lacks.push(lack);
        } else if let Some(as_of) = file.as_of {
            let row = file.anchor.clone().map(|row| VerifyRow { time: file.as_of, ..row });
            light.lamps.push(Lamp { artefact: what.clone(), path: file.path.clone(), as_of, row });
        }
    }
    if light.lamps.is_empty() && light.lacks.is_empty() {
        let collected = scanned.files.values().any(|file| of_host(&file));
        light.lacks.push(if guessed {
            VerifyReason::HostUnknown
        } else if collected || is_of_directory(item) {
            VerifyReason::ArtefactLacks { artefact: what }
        } else {
            VerifyReason::HostNotCollected
        });
    }
    light
}

fn lack_of(file: &FileFacts, what: &str, cutoff: Option<Instant>) -> Option<VerifyReason> {
    let (artefact, path) = (what.to_owned(), file.path.clone());
    if file.is_backup || file.as_of.is_none() || cutoff.is_none() || file.as_of <= cutoff {
        return Some(VerifyReason::ArtefactOlder { artefact, path, as_of: file.as_of });
    }
    let issue = file.issue.clone()?;
    Some(VerifyReason::ArtefactNotWhole { artefact, path, issue })
}

/// Whether the place of an item says where to look.
fn can_be_looked_for(item: &RemovalItem) -> bool {
    match item.kind {
        TraceKind::File => item.name(NameSort::Path).is_some_and(is_a_place),
        TraceKind::Page => {
            item.name(NameSort::Url).is_some() || item.name(NameSort::Path).is_some_and(is_a_place)
        }
        TraceKind::RunValue | TraceKind::Certificate => {
            let root = root_of(item);
            root.starts_with(r"hklm\") || root.starts_with(r"hku\s-1-5-")
        }
        TraceKind::Connection => item.name(NameSort::Address).is_some(),
        TraceKind::GroupRight => {
            item.names.iter().any(|name| matches!(name.sort, NameSort::Name | NameSort::Sid))
        }
        // What is known by what it runs alone is not told from what took its place.
        _ => item.name(NameSort::Name).is_some(),
    }
}

fn is_of_directory(item: &RemovalItem) -> bool {
    matches!(item.kind, TraceKind::Account | TraceKind::GroupRight) && !is_local(item)
}

/// Whether a file lists things of this kind and place.
fn would_list(item: &RemovalItem, file: &FileFacts) -> bool {
    match item.kind {
        TraceKind::Service => file.lists.contains(&Lists::Services),
        TraceKind::Task => file.lists.contains(&Lists::Tasks),
        TraceKind::RunValue => file.roots.contains(&root_of(item)),
        TraceKind::Certificate => {
            file.roots.contains(&root_of(item)) && file.lists.contains(&Lists::Certificates)
        }
        TraceKind::WmiConsumer => file.lists.contains(&Lists::Consumers),
        TraceKind::Module => file.lists.contains(&Lists::Modules),
        TraceKind::File | TraceKind::Page => would_list_file(item, file),
        TraceKind::Account if is_local(item) => file.lists.contains(&Lists::Accounts),
        TraceKind::Account => file.lists.contains(&Lists::Directory) && is_of_its_domain(item, file),
        TraceKind::GroupRight => {
            let group = item.name(NameSort::Name).or(item.name(NameSort::Sid)).unwrap_or_default();
            let group = group.split(" <- ").next().unwrap_or_default();
            let listed = file.groups.contains(group);
            if is_local(item) {
                listed && file.lists.contains(&Lists::Accounts)
            } else {
                listed && file.lists.contains(&Lists::Directory) && file.lists.contains(&Lists::Members)
            }
        }
        TraceKind::MailboxRight | TraceKind::MailboxRule | TraceKind::Connection => false,
    }
}

fn is_of_its_domain(item: &RemovalItem, file: &FileFacts) -> bool {
    let sid = item.name(NameSort::Sid).and_then(|sid| sid.rsplit_once('-')).map(|(domain, _)| domain);
    let label = item.place.split_once('\\').map(|(domain, _)| domain.to_uppercase());
    let by_sid = sid.is_some_and(|sid| file.domains.contains(&sid.to_uppercase()));
    by_sid
        || label.is_some_and(|label| file.domains.contains(&label))
        || (sid.is_none() && !item.place.contains('\\'))
}

/// A table of a volume, or a listing of folders, in which the item's folder lies.
fn would_list_file(item: &RemovalItem, file: &FileFacts) -> bool {
    let volume = file.lists.contains(&Lists::Volume);
    let listing =
        file.lists.contains(&Lists::Folders) && matches!(file.format.as_str(), "bodyfile" | "dir-listing");
    if !volume && !listing {
        return false; // a tool that was asked for some files says nothing of others
    }
    let by_path = item.name(NameSort::Path).filter(|path| is_a_place(path)).is_some_and(|path| {
        let stream = path.contains(':');
        let own_drive = drive(&item.place);
        let other_drive = own_drive.is_some() && file.drive.is_some() && own_drive != file.drive;
        let usual = [r"\windows\", r"\program files", r"\programdata\", r"\users\", r"\inetpub\"];
        let on_system = own_drive == Some('c')
            || (own_drive.is_none() && usual.iter().any(|front| path.starts_with(front)));
        let in_volume =
            volume && ((file.drive.is_some() && own_drive == file.drive) || (file.of_system && on_system));
        !(other_drive || stream && listing) && (in_volume || file.folders.contains(folder(path)))
    });
    let by_url = || {
        let folder =
            item.name(NameSort::Url).and_then(|url| url.rsplit_once('/')).map_or("", |(front, _)| front);
        file.folders.contains(folder)
    };
    by_path || (item.name(NameSort::Path).is_none() && by_url())
}

/// The spans of logs of the item's computer that would show that it is made, or used, again: those in which it was seen before.
pub(super) fn log_spans(item: &RemovalItem, scanned: &Scanned<'_>, cutoff: Instant) -> Vec<LogSpan> {
    let covered = scanned.of.visibility.iter().filter(|span| {
        span.kind == VisibilityKind::Covered
            && item.seen_in.contains(&span.dataset)
            && is_same_host(&(scanned.of.host)(&span.host), &item.host)
    });
    let spans = covered.filter_map(|span| {
        let (from, to) = (span.from?.max(cutoff), span.to?);
        (from < to).then(|| LogSpan { dataset: span.dataset.clone(), from, to })
    });
    spans.collect()
}

/// Hours of a span.
pub(super) fn hours(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.nanos.saturating_sub(from.nanos) / 3_600_000_000_000).unwrap_or_default()
}

/// What to collect so that an item would show.
pub(super) fn to_collect(item: &RemovalItem, lacks: &[VerifyReason]) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for lack in lacks {
        let one = match lack {
            VerifyReason::HostNotCollected => format!("{} of {}", artefact(item, is_local(item)), item.host),
            VerifyReason::ArtefactLacks { artefact } | VerifyReason::ArtefactOlder { artefact, .. } => {
                format!("{artefact} of {}, taken after the eviction", item.host)
            }
            VerifyReason::ArtefactNotWhole { artefact, .. } => {
                format!("{artefact} of {} once more, undamaged", item.host)
            }
            VerifyReason::HostUnknown => format!("the same evidence with --as-host {}", item.host),
            VerifyReason::LogTooShort { dataset, needed, .. } => {
                format!("{dataset} of {} for {} days after the eviction", item.host, needed.div_ceil(24))
            }
            VerifyReason::PlaceUnknown => {
                "a look at the computer itself: the trace does not tell the place".to_owned()
            }
            _ => continue,
        };
        if !list.contains(&one) {
            list.push(one);
        }
    }
    list
}
