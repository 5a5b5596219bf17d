//! Pages as doors: written, collected, listed, asked for, and what ran for them.
//!
//! In: a page of a host with all that is known of it. Out: one door. What the file reads as and what the logs show of its use are two
//! questions: a shell that no log shows in use is there all the same, and a page that was only asked for may be none.

use piste_model::reason::Would;
use piste_model::{Covered, Door, DoorState, DoorVerdict, Instant, ReasonKind};

use super::collected::Reading;
use super::decode::is_page;
use super::fact::Fact;
use super::known::{Known, MissingLog, PROCESSES, WEB};
use super::ladder::Draft;
use super::scene::{Page, SOON};
use super::store::Store;

/// Files by which a folder tells its server what to run; they may hold code themselves.
const SETTINGS: [&str; 3] = ["web.config", ".htaccess", ".user.ini"];

/// A page. `likely` are commands that can have run for no other page, though no request stands beside them.
pub(crate) fn door(
    known: &Known<'_>,
    store: &Store,
    (host, key): (&str, &str),
    page: &Page<'_>,
    directories: &[&Fact],
    likely: &[&Fact],
) -> Option<Door> {
    if is_ordinary(page) || is_out_of_reach(page, key) {
        return None;
    }
    let mut draft = Draft::new(known, "webshell", host, &place(page, key));
    draft.close("take a copy and its hash as evidence, then delete the page and its compiled form and end the worker's process");
    draft.steps(page.content.iter().map(|content| &content.fact), 0);
    draft.steps(page.writes.iter().copied(), 0);
    draft.steps(page.compiled.iter().copied(), 0);
    draft.steps(page.requests.iter().copied(), page.request_count);
    draft.steps(page.commands.iter().copied(), 0);
    draft.steps(likely.iter().copied(), 0);
    for said in store.visits(host, key).map(super::visits::Visits::reasons).unwrap_or_default() {
        draft.sum(said);
    }
    unanswered(&mut draft, page, known.covers(host, WEB.datasets));
    by_directory(&mut draft, page, directories);
    let used = page.is_used() || !likely.is_empty();
    draft.verdict(if used { DoorVerdict::Used } else { DoorVerdict::Succeeded });
    draft.state(state(page));
    conclude(&mut draft, known, host, page, likely);
    doubts(&mut draft, page, likely);
    bounds(&mut draft, page, likely);
    Some(draft.finish())
}

/// A collected page that reads as an ordinary one, and was only asked for.
fn is_ordinary(page: &Page<'_>) -> bool {
    let clean = page.content.is_some_and(|content| content.reading == Reading::Clean);
    let only_listed = page.writes.iter().all(|fact| fact.log == "file listing");
    let nothing = page.writes.is_empty()
        && page.compiled.is_empty()
        && page.requests.is_empty()
        && page.commands.is_empty()
        && page.listed.is_empty()
        && !page.is_shell();
    nothing || (clean && only_listed && page.commands.is_empty())
}

/// A shell that no server hands requests to where it lies: a copy on a desktop, a picture with code that nobody asked for. A
/// finding names it; it is no way in.
fn is_out_of_reach(page: &Page<'_>, key: &str) -> bool {
    let shown = !page.requests.is_empty()
        || !page.unanswered.is_empty()
        || !page.commands.is_empty()
        || !page.compiled.is_empty()
        || !page.writes.is_empty();
    let Some(content) = page.content.filter(|content| !shown && content.reading == Reading::Accused) else {
        return false;
    };
    let place = content.place.to_lowercase();
    let served = is_page(&place) || SETTINGS.iter().any(|name| place.ends_with(name));
    let of_a_person = place.contains("\\users\\") && !place.contains("\\users\\public\\");
    !served || (of_a_person && !key.starts_with('/'))
}

/// The file's path where any source tells it, else the URL.
fn place(page: &Page<'_>, key: &str) -> String {
    let collected = page.content.map(|content| content.place.as_str()).filter(|place| place.contains(":\\"));
    let written = page.writes.iter().find_map(|fact| match &fact.said {
        ReasonKind::PageWritten { path, .. } | ReasonKind::PageOpenedOverShare { path, .. } => {
            Some(path.as_str()).filter(|path| path.contains(":\\"))
        }
        _ => None,
    });
    let listed = page.listed.first().map(|listed| listed.path.as_str());
    let loose = page.content.map(|content| content.place.as_str()).filter(|_| !key.starts_with('/'));
    collected.or(written).or(listed).or(loose).unwrap_or(key).to_owned()
}

fn unanswered(draft: &mut Draft<'_, '_>, page: &Page<'_>, logs: Option<Covered>) {
    if let Some(gone) = page.gone {
        let at = Instant { nanos: gone, digits: 0 };
        draft.sum(ReasonKind::PageTakenAway { at, logs_end: logs.map(|logs| logs.last) });
    }
    if let (Some(first), Some(last)) = (page.unanswered.first(), page.unanswered.last()) {
        let earliest = first.min(last);
        let request = Box::new(earliest.said.clone());
        draft.sum(ReasonKind::PageAskedInVain { at: earliest.time, request });
    }
}

/// The virtual directory that was set to script within ten minutes before it was written.
fn by_directory(draft: &mut Draft<'_, '_>, page: &Page<'_>, directories: &[&Fact]) {
    let written = page.writes.first().map(|fact| fact.nanos());
    let near = |set: &&Fact| {
        written.is_some_and(|at| {
            at >= set.nanos().saturating_sub(SOON / 60) && at <= set.nanos().saturating_add(SOON)
        })
    };
    let by: Vec<&Fact> = directories.iter().copied().filter(near).collect();
    if !by.is_empty() {
        draft.steps(by.iter().copied(), 0);
        draft.cve(&["CVE-2021-27065"]);
        draft.sum(ReasonKind::PageAfterScript {});
    }
}

/// Whether the file is still there.
fn state(page: &Page<'_>) -> DoorState {
    if page.content.is_some_and(|content| content.live) || page.listed.iter().any(|listed| !listed.deleted) {
        DoorState::Open
    } else if page.listed.is_empty() && page.gone.is_none() {
        DoorState::Unknown
    } else {
        DoorState::Closed
    }
}

fn conclude(draft: &mut Draft<'_, '_>, known: &Known<'_>, host: &str, page: &Page<'_>, likely: &[&Fact]) {
    let ran = !page.commands.is_empty();
    draft.sum(match (page.is_used(), ran, likely.is_empty()) {
        (true, true, _) => ReasonKind::PageUsedCommands {},
        (true, false, _) => ReasonKind::PageUsedAnswered {},
        (false, _, false) => ReasonKind::PageUsedAlone {},
        (false, _, true) if page.is_shell() => ReasonKind::PageThereShell {},
        _ => ReasonKind::PageThere {},
    });
    let used = page.is_used() || !likely.is_empty();
    if page.requests.is_empty()
        && let Some(logs) = known.covers(host, WEB.datasets)
    {
        draft.sum(ReasonKind::NoAnsweredRequest { host: host.to_owned(), days: logs.log_days() });
    } else if !used {
        draft.sum(known.looked_through(host, &[WEB]));
    }
    if !used {
        draft.sum(known.looked_through(host, &[PROCESSES]));
    }
}

fn doubts(draft: &mut Draft<'_, '_>, page: &Page<'_>, likely: &[&Fact]) {
    match page.content.map(|content| content.reading) {
        Some(Reading::Accused) => {}
        Some(Reading::Suspicious) => {
            draft.against(ReasonKind::FileSuspicious {});
        }
        Some(Reading::Clean) => draft.against(ReasonKind::FileClean {}),
        None => {
            let (written, compiled) = (!page.writes.is_empty(), !page.compiled.is_empty());
            draft.against(ReasonKind::PageNotSeen { written, compiled });
            draft.missing(Some(ReasonKind::SettlePageFile {}));
        }
    }
    if page.content.is_some_and(|content| !content.live) {
        draft.against(ReasonKind::ShadowCopyAlone {});
    }
    if page.listed.iter().any(|listed| listed.altered) {
        draft.sum(ReasonKind::FileTimesAltered {});
    }
    if !likely.is_empty() {
        draft.against(ReasonKind::CommandsWithoutRequest {});
    }
}

fn bounds(draft: &mut Draft<'_, '_>, page: &Page<'_>, likely: &[&Fact]) {
    let all: Vec<&Fact> = page.writes.iter().chain(&page.compiled).chain(&page.requests).copied().collect();
    draft.opened_by(all.iter().copied());
    let uses = page.uses();
    draft.used_by(uses.iter().copied().chain(likely.iter().copied()));
    draft.people(page.requests.iter().chain(&page.writes).copied());
    let time = all.iter().chain(likely).filter_map(|fact| fact.time).min();
    let (known, host) = (draft.known(), draft.host().to_owned());
    draft.missing(known.lacks(&host, &MissingLog::IIS, Would::WhoAsked, time));
    draft.missing(known.lacks(&host, &MissingLog::PROCESSES, Would::PageCommands, time));
}
