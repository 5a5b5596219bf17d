//! Ways in: was this server probed, hit or used, and since when was it open.
//!
//! In: the lake and what the case knows beside it. Out: candidates of doors, each with the ladder of its verdict, and
//! [`join`], which makes the candidates of all producers one door a place. Datasets are scanned one after the other with the
//! columns that are needed; facts are kept by place within bounds, so memory does not grow with the rows.

mod account_names;
mod accounts;
mod addresses;
mod agents;
mod cmdlets;
mod collected;
mod configured;
mod decode;
mod directories;
mod exploits;
mod fact;
mod flaw;
mod guesses;
mod join;
mod known;
mod ladder;
mod logons;
mod mail;
mod others;
mod pages;
mod paths;
mod processes;
mod proxies;
mod relay;
mod requests;
mod rows;
mod rung;
mod scan;
mod scene;
mod security;
mod shipped_pages;
mod store;
mod visits;
mod vpn;
mod web;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::LakeError;
use piste_model::Door;

pub use self::decode::page_key;
pub use self::flaw::{About, Flaw};
pub use self::join::{join, key_of};
pub use self::known::{Known, NotVisible, Sealed, not_visible};

use self::accounts::Accounts;
use self::collected::Collected;
use self::fact::Fact;
use self::logons::Logons;
use self::proxies::Proxies;
use self::rung::Rung;
use self::scene::Scene;
use self::store::{Facts, Store, Topic};

/// Every way in that the rows show, as candidates for [`join`].
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn find(known: &Known<'_>) -> Result<Vec<Door>, LakeError> {
    let mut store = Store::default();
    store.proxies = Proxies::new(known.proxies);
    store.sites = known.evidence.iter().filter_map(|(id, file)| Some((*id, site_of(&file.path)?))).collect();
    store.collected = Collected::read(known.lake, known.host)?;
    let (mut logons, mut accounts) = (Logons::default(), Accounts::default());
    logons.sessions.proxies = store.proxies.clone();
    cmdlets::read(known.lake, known.host, &mut store)?;
    processes::read(known.lake, known.host, &mut accounts, &mut store)?;
    security::read(known.lake, known.host, (&mut logons, &mut accounts), &mut store)?;
    accounts::read(known.lake, known.host, &mut accounts)?;
    logons::read(known.lake, known.host, &mut logons, &mut store)?;
    requests::read(known.lake, known.host, &mut logons, &mut store)?;
    let Logons { mut guesses, visits, sessions, refusals } = logons;
    refusals.tell(&mut guesses);
    let mut doors = mail::doors(known, &store, &sessions, &guesses);
    doors.extend(accounts.doors(known));
    guesses.tell(&mut store, &|_, _, _| false);
    visits.tell(&mut store);
    let mut workers = BTreeSet::new();
    doors.extend(assemble(known, &store, &mut workers));
    doors.extend(configured::configured(known, &workers)?);
    Ok(doors)
}

/// The folder that a log of IIS lies in, which is named after its site: `w3svc1`.
fn site_of(path: &str) -> Option<String> {
    let mut parts = path.rsplit(['/', '\\', '!']);
    let is_log = parts.next()?.to_ascii_lowercase().ends_with(".log");
    parts.next().filter(|_| is_log).map(str::to_lowercase)
}

/// Doors of each host; hosts whose web workers did what nothing explains go to `workers`.
fn assemble(known: &Known<'_>, store: &Store, workers: &mut BTreeSet<String>) -> Vec<Door> {
    let hosts: BTreeSet<&str> =
        store.iter().map(|(host, _, _)| host).chain(store.collected.hosts()).collect();
    let mut doors = Vec::new();
    for host in hosts {
        let scene = Scene::of(store, host);
        if of_host(known, store, &scene, host, &mut doors) {
            workers.insert(host.to_owned());
        }
    }
    doors
}

/// The doors of one host; whether its web workers ran commands that nothing explains.
fn of_host<'s>(
    known: &Known<'_>,
    store: &'s Store,
    scene: &Scene<'s>,
    host: &'s str,
    doors: &mut Vec<Door>,
) -> bool {
    let topics: Vec<(&Topic, &BTreeMap<Rung, Facts>)> =
        store.iter().filter(|(name, _, _)| *name == host).map(|(_, topic, rungs)| (topic, rungs)).collect();
    let foreign = store.of(host, &Topic::ForeignShell);
    let taker = takes_foreign_shell(&topics).filter(|_| foreign.is_some());
    let mut explained: BTreeSet<&Fact> = BTreeSet::new();
    for (topic, rungs) in &topics {
        match topic {
            Topic::Exploit(flaw) => {
                let foreign = foreign.filter(|_| taker == Some(*flaw));
                let (door, uses) = exploits::door(known, store, scene, (host, *flaw), rungs, foreign);
                explained.extend(uses);
                doors.push(door);
            }
            Topic::Directory(place) => doors.extend(others::directory(known, host, place, rungs, scene)),
            Topic::Grant(place) => doors.extend(others::grant(known, store, host, place, rungs, &explained)),
            Topic::Remote(service) if service == mail::SIGN_IN => {
                doors.push(mail::sign_in(known, host, rungs));
            }
            Topic::Remote(service) => doors.push(others::remote(known, host, service, rungs)),
            Topic::Mapped(place) => doors.extend(others::mapped(known, host, place, rungs)),
            Topic::ForeignShell if taker.is_none() => doors.push(others::foreign_shell(known, host, rungs)),
            // What they are told as depends on what the rest leaves unexplained.
            Topic::ForeignShell | Topic::Page(_) | Topic::Worker | Topic::Module(_) | Topic::Export(_) => {}
        }
    }
    let set = |topic: &Topic| matches!(topic, Topic::Directory(_));
    let directories: Vec<&Fact> =
        store.kept(host, set).filter(|(_, rung, _)| *rung == Rung::Effect).map(|(_, _, fact)| fact).collect();
    let unexplained = scene.unexplained(&explained);
    let (of_one_page, alone): (Vec<&Fact>, Vec<&Fact>) =
        unexplained.into_iter().partition(|command| scene.only_page(command).is_some());
    doors.extend(scene.pages.iter().filter_map(|(key, page)| {
        let alone = |command: &&Fact| scene.only_page(command) == Some(key);
        let likely: Vec<&Fact> = of_one_page.iter().copied().filter(alone).collect();
        pages::door(known, store, (host, key), page, &directories, &likely)
    }));
    doors.extend(others::worker(known, host, &alone));
    for (topic, rungs) in &topics {
        if let Topic::Module(name) = topic {
            doors.extend(others::module(known, host, name, rungs, !alone.is_empty()));
        }
    }
    !alone.is_empty()
}

/// Which flaw sessions of foreign clients belong to: the latest of those that reach remote PowerShell and were tried.
fn takes_foreign_shell(topics: &[(&Topic, &BTreeMap<Rung, Facts>)]) -> Option<Flaw> {
    let tried = |flaw: Flaw| {
        topics.iter().any(|(topic, rungs)| {
            **topic == Topic::Exploit(flaw) && rungs.keys().any(|rung| *rung > Rung::Refused)
        })
    };
    [Flaw::Owassrf, Flaw::ProxyNotShell, Flaw::ProxyShell].into_iter().find(|flaw| tried(*flaw))
}

#[cfg(test)]
mod tests;
