//! Accounts that somebody else may have had the password of, as doors.
//!
//! In: suspects, refused sign-ins. Out: a candidate door for each account, and one for the sign-in where passwords were only
//! guessed. *Used* takes a sign that it was not the owner; what is only unusual is told as such, with its reasons.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::{Door, DoorState, DoorVerdict};

use super::habit::{Group, Suspect, suspects};
use super::{SIGN_IN, Sessions};
use crate::doors::account_names::plain;
use crate::doors::guesses::Guesses;
use crate::doors::known::Known;
use crate::doors::ladder::Draft;
use crate::doors::rung::Rung;
use crate::doors::store::{Facts, Store, Topic};
use crate::doors::words::quoted;

/// How near to a flaw's use a session belongs to it.
const AROUND: i64 = 3_600_000_000_000;
/// Accounts of a host that are told though nothing but oddities speaks against them.
const ODD_MAX: usize = 20;

/// The doors of accounts.
pub(crate) fn doors(known: &Known<'_>, store: &Store, sessions: &Sessions, guesses: &Guesses) -> Vec<Door> {
    let harm = harm(store);
    let hostile = |host: &str, address: &str| harm.get(&(host, address)).cloned();
    let told = |(host, account): (&str, &str), address: &str, group: &Group<'_>| {
        told_by_a_flaw(store, (host, account), address, group)
    };
    let mut found = suspects(sessions, guesses, &hostile, &told);
    found.sort_by_key(|suspect| {
        (suspect.host, suspect.signs.is_empty(), std::cmp::Reverse(suspect.score), suspect.account)
    });
    let mut odd: BTreeMap<&str, usize> = BTreeMap::new();
    let mut doors = Vec::new();
    for suspect in &found {
        if suspect.signs.is_empty() && !suspect.is_taken() {
            let told = odd.entry(suspect.host).or_default();
            *told += 1;
            if *told > ODD_MAX {
                continue;
            }
        }
        doors.push(account(known, suspect));
    }
    doors
}

/// What addresses of the Internet did on a host, by host and address: tried a flaw, asked for a page that is none of the
/// server's.
fn harm(store: &Store) -> BTreeMap<(&str, &str), String> {
    let mut harm: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (host, topic, rungs) in store.iter() {
        let what = match topic {
            Topic::Exploit(flaw) => format!("it tried {}", flaw.about().name),
            Topic::Page(key) => format!("it asked for {}", quoted(key)),
            _ => continue,
        };
        for (rung, facts) in rungs {
            if *rung == Rung::Looked && matches!(topic, Topic::Page(_)) {
                continue;
            }
            for fact in facts.kept.iter().filter(|fact| !fact.source.is_empty()) {
                // A flaw that takes a logon is tried by whoever has one: the first thing that he did stands.
                harm.entry((host, fact.source.as_str())).or_insert_with(|| what.clone());
            }
        }
    }
    harm
}

/// Whether all of a stay belongs to the use of a flaw that takes a logon: its door names the account.
fn told_by_a_flaw(store: &Store, (host, account): (&str, &str), address: &str, group: &Group<'_>) -> bool {
    let flaw = |topic: &Topic| matches!(topic, Topic::Exploit(_));
    let tries: BTreeSet<i64> = store
        .kept(host, flaw)
        .filter(|(_, _, fact)| fact.source == address && plain(&fact.account) == account)
        .map(|(_, _, fact)| fact.nanos())
        .collect();
    let (Some(first), Some(last)) = (tries.first(), tries.last()) else { return false };
    let mut facts = group.values().flat_map(|stay| stay.facts());
    facts.all(|fact| {
        fact.nanos() >= first.saturating_sub(AROUND) && fact.nanos() <= last.saturating_add(AROUND)
    })
}

fn account(known: &Known<'_>, suspect: &Suspect<'_>) -> Door {
    let mut draft = Draft::new(known, "account", suspect.host, suspect.account);
    let facts = suspect.facts();
    let verdict = match (suspect.signs.is_empty(), suspect.is_taken()) {
        (false, _) => DoorVerdict::Used,
        (true, true) => DoorVerdict::Succeeded,
        (true, false) => DoorVerdict::Probed,
    };
    draft.verdict(verdict);
    draft.state(if verdict == DoorVerdict::Probed { DoorState::Unknown } else { DoorState::Open });
    let total = suspect.groups.values().flat_map(BTreeMap::values).map(|stay| stay.count).sum();
    draft.steps(facts.iter().copied(), total);
    draft.people(facts.iter().copied());
    for (address, group) in &suspect.groups {
        for stay in group.values() {
            draft.sum(stayed(address, stay));
        }
    }
    for sign in &suspect.signs {
        draft.sum(format!("a sign that it was not the owner: {sign}"));
    }
    for odd in &suspect.oddities {
        draft.sum(format!("unusual: {odd}"));
    }
    draft.sum(match verdict {
        DoorVerdict::Used => "so it was used: the password was right, and who had it was not the account's owner",
        DoorVerdict::Succeeded => {
            "so somebody came in whom the account's habit does not explain; nothing proves that it was not the owner"
        }
        _ => "so it is only unusual: an owner with a new device away from home looks the same",
    });
    if verdict == DoorVerdict::Probed {
        draft.against("nothing but oddities speaks for a stranger");
    } else {
        draft.opened_by(facts.iter().copied());
        draft.used_by(facts.iter().copied());
    }
    draft.against("the owner can tell: ask where the account's owner was then, and with what");
    let time = facts.iter().filter_map(|fact| fact.time).min();
    let reads = "which mailboxes and folders were opened then";
    draft.missing(known.lacks(
        suspect.host,
        &["exchange.ews", "exchange.mapi-http"],
        "EWS and MAPI logs",
        reads,
        time,
    ));
    let front = "each request's account, program and address, beside those of IIS";
    draft.missing(known.lacks(suspect.host, &["exchange.httpproxy"], "HttpProxy logs", front, time));
    draft.close("change the account's password, end its sessions, look at its rules, permissions and devices, and ask for a second factor");
    draft.finish()
}

/// `203.0.113.77 with ...: 41 requests on 2 days, OWA 3, EWS 38 (FindItem, GetItem)`
fn stayed(address: &str, stay: &super::Stay) -> String {
    let services: Vec<String> =
        stay.services.iter().map(|(service, count)| format!("{} {count}", service.name())).collect();
    let operations: Vec<String> = stay.operations.iter().cloned().collect();
    let asked = if operations.is_empty() { String::new() } else { format!(" ({})", operations.join(", ")) };
    let agent =
        if stay.agent.is_empty() { "no named program".to_owned() } else { format!("`{}`", stay.agent) };
    let days = stay.days.len();
    format!(
        "{} with {agent}: {} requests on {days} day{}, {}{asked}",
        quoted(address),
        stay.count,
        if days == 1 { "" } else { "s" },
        services.join(", ")
    )
}

/// Sign-ins that were only refused.
pub(crate) fn sign_in(known: &Known<'_>, host: &str, rungs: &BTreeMap<Rung, Facts>) -> Door {
    let mut draft = Draft::new(known, "account", host, SIGN_IN);
    if let Some(facts) = rungs.get(&Rung::Looked) {
        draft.many(facts, "sign-ins refused");
    }
    let refused = rungs.get(&Rung::Refused);
    if let Some(facts) = refused {
        draft.many(facts, "times one address went on at one account");
        draft.steps(facts.kept.iter(), facts.count);
    }
    for facts in rungs.values() {
        draft.all_people(facts);
    }
    draft.verdict(if refused.is_some() { DoorVerdict::Failed } else { DoorVerdict::Probed });
    draft.sum(if refused.is_some() {
        "so it failed: somebody went on at one account, and was refused each time that is told here; an account that was let in stands as a door of its own"
    } else {
        "so passwords were guessed, as the Internet does with every server; an account that was let in stands as a door of its own"
    });
    draft.close("ask for a second factor, or take OWA and ECP off the Internet; lock accounts out after a few wrong passwords");
    let time = rungs.values().filter_map(|facts| facts.first).min();
    let names = "which accounts were guessed at (4625)";
    draft.missing(known.lacks(host, &["windows.security"], "Security logs", names, time));
    draft.finish()
}
