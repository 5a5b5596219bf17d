//! Ways in that are no flaw: virtual directories set to script or led elsewhere, modules, rights, logons from outside, and web workers
//! that ran commands for a reason that no log names.
//!
//! In: the facts of such a place and the scene of its host. Out: a candidate door.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::reason::{Counted, Would};
use piste_model::{Door, DoorState, DoorVerdict, ReasonKind};

use super::account_names::plain;
use super::fact::Fact;
use super::known::{self, Known, MissingLog};
use super::ladder::Draft;
use super::rung::Rung;
use super::scene::{SOON, Scene};
use super::store::{Facts, Store, Topic};

type Rungs = BTreeMap<Rung, Facts>;

fn kept(rungs: &Rungs, rung: Rung) -> Vec<&Fact> {
    rungs.get(&rung).map(|facts| facts.kept.iter().collect()).unwrap_or_default()
}

/// A virtual directory whose URL was set to script.
pub(crate) fn directory(
    known: &Known<'_>,
    host: &str,
    place: &str,
    rungs: &Rungs,
    scene: &Scene<'_>,
) -> Option<Door> {
    let set = kept(rungs, Rung::Effect);
    let refused = kept(rungs, Rung::Refused);
    if set.is_empty() && refused.is_empty() {
        return None; // an administrator's change
    }
    let mut draft = Draft::new(known, "oab-external-url", host, place);
    draft.cve(&["CVE-2021-26855", "CVE-2021-27065"]);
    draft.close(
        "set the directory's URLs to what the organisation uses, and delete the pages that it was written to",
    );
    draft.steps(set.iter().chain(&refused).copied(), 0);
    let mut pages: BTreeSet<&String> = BTreeSet::new();
    let mut uses: BTreeSet<&Fact> = BTreeSet::new();
    for start in set.iter().map(|fact| fact.nanos()) {
        for (key, page) in scene.written_after(start) {
            if pages.insert(key) {
                draft.steps(page.writes.iter().copied(), 0);
                draft.steps(page.compiled.iter().copied(), 0);
                let used = page.uses();
                draft.steps(used.iter().copied(), 0);
                uses.extend(
                    page.requests.iter().chain(&page.commands).filter(|fact| used.contains(fact)).copied(),
                );
            }
        }
    }
    let first = set.first().map_or(i64::MAX, |fact| fact.nanos());
    let after: Vec<&Fact> =
        kept(rungs, Rung::CoverUp).into_iter().filter(|fact| fact.nanos() >= first).collect();
    if !after.is_empty() {
        draft.steps(after.iter().copied(), 0);
        draft.sum(ReasonKind::DirectoryCovered {});
    }
    let verdict = match (set.is_empty(), uses.is_empty()) {
        (true, _) => DoorVerdict::Failed,
        (false, true) => DoorVerdict::Succeeded,
        (false, false) => DoorVerdict::Used,
    };
    draft.verdict(verdict);
    draft.sum(match verdict {
        DoorVerdict::Used => ReasonKind::DirectoryUsed {},
        DoorVerdict::Succeeded => ReasonKind::DirectorySucceeded {},
        _ => ReasonKind::CmdletFailed {},
    });
    if verdict == DoorVerdict::Succeeded {
        draft.sum(known.looked_through(host, &[known::WEB, known::PROCESSES]));
    }
    let last_set = set.iter().map(|fact| fact.nanos()).max().unwrap_or(i64::MAX);
    // A reset leaves the directory, with its URL as it was; removed, made anew or cleared, it has none of the script.
    let is_reset = |fact: &Fact| matches!(fact.said, ReasonKind::DirectoryReset { .. });
    let clean = after.iter().any(|fact| fact.nanos() > last_set && !is_reset(fact));
    draft.state(if clean { DoorState::Closed } else { DoorState::Open });
    draft.opened_by(set.iter().copied());
    draft.used_by(uses.iter().copied());
    draft.people(set.iter().chain(&uses).copied());
    let time = set.first().or(refused.first()).and_then(|fact| fact.time);
    draft.missing(known.lacks(host, &MissingLog::HTTP_PROXY, Would::ControlPanelReached, time));
    draft.missing(known.lacks(host, &MissingLog::IIS, Would::WhoAskedPage, time));
    Some(draft.finish())
}

/// A URL that leads to a folder where no product serves pages.
pub(crate) fn mapped(known: &Known<'_>, host: &str, place: &str, rungs: &Rungs) -> Option<Door> {
    let made = kept(rungs, Rung::Effect);
    let mut draft = Draft::new(known, "virtual-directory", host, place);
    draft.steps(made.iter().copied(), 0);
    let stands = made.iter().any(|fact| fact.log == "IIS configuration");
    draft.state(if stands { DoorState::Open } else { DoorState::Unknown });
    draft.verdict(DoorVerdict::Succeeded);
    draft.sum(ReasonKind::MappedThere {});
    draft.against(ReasonKind::InstallersMake {});
    draft.missing(Some(ReasonKind::SettleFolder {}));
    draft.close(
        "take a copy of the folder as evidence, then remove the virtual directory and what lies in it",
    );
    draft.opened_by(made.iter().copied());
    draft.people(made.iter().copied());
    (!made.is_empty()).then(|| draft.finish())
}

/// A module given to IIS. By its name alone it is unknown; its file's place, or commands of web workers that nothing else explains,
/// make it a way in.
pub(crate) fn module(
    known: &Known<'_>,
    host: &str,
    name: &str,
    rungs: &Rungs,
    workers_alone: bool,
) -> Option<Door> {
    let odd = kept(rungs, Rung::Passed);
    let added: Vec<&Fact> = kept(rungs, Rung::Effect).into_iter().chain(odd.iter().copied()).collect();
    let theirs = rungs.contains_key(&Rung::Looked) && odd.is_empty();
    if added.is_empty() || theirs {
        return None;
    }
    let mut draft = Draft::new(known, "iis-module", host, name);
    draft.steps(added.iter().copied(), 0);
    draft.sum(ReasonKind::ModuleNameUnknown {});
    if !odd.is_empty() {
        draft.sum(ReasonKind::ModuleOddPlace {});
    }
    if workers_alone {
        draft.sum(ReasonKind::WorkerUnexplained {});
    }
    if odd.is_empty() && !workers_alone {
        draft.verdict(DoorVerdict::Probed);
        draft.sum(ReasonKind::AddedModuleToLookAt {});
        draft.close("find out whose it is before anything is removed: its file, its publisher's signature, the product that it came with");
    } else {
        draft.verdict(DoorVerdict::Succeeded);
        draft.sum(ReasonKind::AddedModuleThere {});
        draft.close("take a copy of the module's file as evidence and see whose it is; if it is nobody's, remove the module from the configuration and restart the service");
    }
    draft.against(ReasonKind::ProductsAdd {});
    draft.missing(Some(ReasonKind::SettleModuleFile {}));
    draft.opened_by(added.iter().copied());
    Some(draft.finish())
}

/// A role that reads every mailbox. No door of its own is one that an account gave itself in a session that came through a
/// flaw, which tells it already; nor the role to export mailboxes where a person gave it in the daily run of things, for it
/// lets nobody in.
pub(crate) fn grant(
    known: &Known<'_>,
    store: &Store,
    host: &str,
    place: &str,
    rungs: &Rungs,
    explained: &BTreeSet<&Fact>,
) -> Option<Door> {
    let (name, holder) = place.split_once(": ").unwrap_or((place, ""));
    let exports = name == "Mailbox Import Export";
    let stands = |fact: &&Fact| {
        let linked = explained.contains(*fact);
        let itself = plain(&fact.account) == plain(holder);
        if linked { !itself } else { !exports || !is_person(&fact.account) }
    };
    let given: Vec<&Fact> = kept(rungs, Rung::Effect).into_iter().filter(stands).collect();
    let refused = kept(rungs, Rung::Refused);
    let mut draft = Draft::new(known, "account", host, place);
    draft.steps(given.iter().chain(&refused).copied(), 0);
    let done = !given.is_empty();
    let used: Vec<&Fact> = given
        .first()
        .filter(|_| exports)
        .map(|first| exported(store, host, &plain(holder), first.nanos()))
        .unwrap_or_default();
    draft.steps(used.iter().copied(), 0);
    draft.verdict(match (done, used.is_empty()) {
        (true, false) => DoorVerdict::Used,
        (true, true) => DoorVerdict::Succeeded,
        (false, _) => DoorVerdict::Failed,
    });
    draft.sum(match (done, used.is_empty()) {
        (true, false) => ReasonKind::RoleUsed {},
        (true, true) => ReasonKind::RoleOpen {},
        (false, _) => ReasonKind::CmdletFailed {},
    });
    draft.used_by(used.iter().copied());
    if !used.is_empty() && used.iter().all(|fact| fact.account.is_empty()) {
        draft.against(ReasonKind::ExportUnnamed {});
    }
    draft.against(ReasonKind::RolesOnPurpose {});
    draft.close("take the role assignment back (Remove-ManagementRoleAssignment) once it is on record, and change the holder's password");
    draft.opened_by(given.iter().copied());
    draft.people(given.iter().chain(&refused).copied());
    let time = given.first().or(refused.first()).and_then(|fact| fact.time);
    draft.missing(known.lacks(host, &MissingLog::EWS, Would::MailboxesOpened, time));
    (done || !refused.is_empty()).then(|| draft.finish())
}

/// Exports that an account asked for after it had been given the right; and those soon after of which no record names who asked.
fn exported<'s>(store: &'s Store, host: &str, holder: &str, since: i64) -> Vec<&'s Fact> {
    let by = |account: &str| {
        let rungs = store.of(host, &Topic::Export(account.to_owned()));
        let facts = rungs.and_then(|rungs| rungs.get(&Rung::Used));
        facts.into_iter().flat_map(|facts| &facts.kept).filter(move |fact| {
            let near = !fact.account.is_empty() || fact.nanos() <= since.saturating_add(SOON);
            fact.time.is_some() && fact.nanos() >= since && near
        })
    };
    let mut all: Vec<&Fact> = by("").collect();
    if !holder.is_empty() {
        all.extend(by(holder));
    }
    all.sort_unstable();
    all
}

/// Whether a caller is a person's account, and not a machine's, the system's or nobody's.
fn is_person(account: &str) -> bool {
    let name = plain(account);
    !matches!(name.as_str(), "" | "-" | "system" | "s-1-5-18" | "network service" | "local service")
        && !name.ends_with('$')
        && !name.starts_with("w3wp")
}

/// Logons from the Internet.
pub(crate) fn remote(known: &Known<'_>, host: &str, service: &str, rungs: &Rungs) -> Door {
    let mut draft = Draft::new(known, "remote-access", host, service);
    let used = rungs.get(&Rung::Used);
    let passed = rungs.get(&Rung::Passed);
    let refused = rungs.get(&Rung::Refused);
    if let Some(facts) = rungs.get(&Rung::Looked) {
        draft.many(facts, Counted::LogonsRefused);
    }
    if let Some(facts) = refused {
        draft.many(facts, Counted::WentOn);
    }
    if let Some(facts) = passed {
        draft.many(facts, Counted::Connections);
    }
    let odd = rungs.get(&Rung::Effect);
    for facts in used.into_iter().chain(odd) {
        draft.steps(facts.kept.iter(), facts.count);
        draft.used_at(facts.first, facts.last);
        draft.all_people(facts);
        draft.opened_by(facts.kept.iter().take(1));
    }
    if used.is_none() && odd.is_none() {
        for facts in rungs.values() {
            draft.all_people(facts);
        }
    }
    let verdict = match (used.is_some(), odd.is_some(), refused.is_some()) {
        (true, ..) => DoorVerdict::Used,
        (false, true, _) => DoorVerdict::Succeeded,
        (false, false, true) => DoorVerdict::Failed,
        (false, false, false) => DoorVerdict::Probed,
    };
    draft.verdict(verdict);
    draft.state(if verdict >= DoorVerdict::Succeeded { DoorState::Open } else { DoorState::Unknown });
    draft.sum(match verdict {
        DoorVerdict::Used => ReasonKind::RemoteUsed {},
        DoorVerdict::Succeeded => ReasonKind::CameInUnexplained {},
        DoorVerdict::Failed => ReasonKind::RemoteFailed {},
        DoorVerdict::Probed => ReasonKind::RemoteInReach {},
    });
    if verdict < DoorVerdict::Succeeded {
        let logs = [known::VPN, known::REMOTE_DESKTOP];
        let there: Vec<_> =
            logs.into_iter().filter(|log| known.covers(host, log.datasets).is_some()).collect();
        draft.sum(known.looked_through(host, if there.is_empty() { &logs } else { &there }));
    }
    draft.against(ReasonKind::OwnersFromInternet {});
    draft.close("close the service to the Internet, or put it behind a gateway with a second factor, and change the accounts' passwords");
    draft.finish()
}

/// Exchange's remote PowerShell used by a client that is nobody's own.
pub(crate) fn foreign_shell(known: &Known<'_>, host: &str, rungs: &Rungs) -> Door {
    let mut draft = Draft::new(known, "remote-access", host, "Exchange remote PowerShell");
    for rung in [Rung::Refused, Rung::Passed] {
        if let Some(facts) = rungs.get(&rung) {
            draft.steps(facts.kept.iter(), facts.count);
            draft.all_people(facts);
        }
    }
    let passed = rungs.get(&Rung::Passed);
    if let Some(facts) = passed {
        draft.used_at(facts.first, facts.last);
        draft.opened_by(facts.kept.iter().take(1));
    }
    draft.verdict(if passed.is_some() { DoorVerdict::Succeeded } else { DoorVerdict::Failed });
    draft.sum(ReasonKind::ForeignClient {});
    draft.against(ReasonKind::NoRequestBeside {});
    draft.close("change the password of the account that was used and allow remote PowerShell to administrators alone");
    let time = passed.and_then(|facts| facts.first);
    draft.missing(known.lacks(host, &MissingLog::IIS, Would::RemotePath, time));
    draft.missing(known.lacks(host, &MissingLog::REMOTE_CMDLETS, Would::CmdletsRun, time));
    draft.finish()
}

/// Commands of web workers that no page and no flaw explains.
pub(crate) fn worker(known: &Known<'_>, host: &str, commands: &[&Fact]) -> Option<Door> {
    let pools: BTreeSet<&str> =
        commands.iter().map(|fact| fact.pool.as_str()).filter(|pool| !pool.is_empty()).collect();
    let place = match pools.into_iter().collect::<Vec<_>>().as_slice() {
        [] => "a web worker (w3wp.exe)".to_owned(),
        pools => format!("a web worker (w3wp.exe, {})", pools.join(", ")),
    };
    let mut draft = Draft::new(known, "exploit", host, &place);
    draft.steps(commands.iter().copied(), 0);
    draft.verdict(DoorVerdict::Used);
    draft.sum(ReasonKind::WorkerUsed {});
    draft.sum(known.looked_through(host, &[known::WEB]));
    draft.against(ReasonKind::MonitoringStarts {});
    draft.used_by(commands.iter().copied());
    draft.opened_by(commands.iter().copied());
    draft.people(commands.iter().copied());
    draft.close("find the page or module behind it before anything is deleted");
    let time = commands.iter().filter_map(|fact| fact.time).min();
    draft.missing(known.lacks(host, &MissingLog::IIS, Would::RequestOfCommand, time));
    draft.missing(Some(ReasonKind::SettleListing {}));
    (!commands.is_empty()).then(|| draft.finish())
}
