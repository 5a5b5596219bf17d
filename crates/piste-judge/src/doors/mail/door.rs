//! Accounts that somebody else may have had the password of, as doors.
//!
//! In: suspects, refused sign-ins. Out: a candidate door for each account, and one for the sign-in where passwords were only
//! guessed. *Used* takes a sign that it was not the owner; what is only unusual is told as such, with its reasons.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use piste_model::reason::{Counted, ServiceCount, Would};
use piste_model::{Door, DoorState, DoorVerdict, ReasonKind};

use super::habit::{Group, Suspect, suspects};
use super::{SIGN_IN, Sessions};
use crate::doors::account_names::plain;
use crate::doors::guesses::Guesses;
use crate::doors::known::{Known, MissingLog};
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
fn harm(store: &Store) -> BTreeMap<(&str, &str), ReasonKind> {
    let mut harm: BTreeMap<(&str, &str), ReasonKind> = BTreeMap::new();
    for (host, topic, rungs) in store.iter() {
        if sign(topic, "").is_none() {
            continue;
        }
        for (rung, facts) in rungs {
            if *rung == Rung::Looked && matches!(topic, Topic::Page(_)) {
                continue;
            }
            for fact in facts.kept.iter().filter(|fact| !fact.source.is_empty()) {
                // A flaw that takes a logon is tried by whoever has one: the first thing that he did stands.
                if let (Entry::Vacant(first), Some(sign)) =
                    (harm.entry((host, fact.source.as_str())), sign(topic, &fact.source))
                {
                    first.insert(sign);
                }
            }
        }
    }
    harm
}

/// The sign that an address did such a thing on the same server; `None` where it says nothing of its bearer.
fn sign(topic: &Topic, address: &str) -> Option<ReasonKind> {
    let address = quoted(address);
    match topic {
        Topic::Exploit(flaw) => {
            Some(ReasonKind::SignTriedFlaw { address, flaw: flaw.about().name.to_owned() })
        }
        Topic::Page(key) => Some(ReasonKind::SignAskedForPage { address, page: quoted(key) }),
        _ => None,
    }
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
    for said in suspect.signs.iter().chain(&suspect.oddities) {
        draft.sum(said.clone());
    }
    draft.sum(match verdict {
        DoorVerdict::Used => ReasonKind::MailboxUsed {},
        DoorVerdict::Succeeded => ReasonKind::CameInUnexplained {},
        _ => ReasonKind::MailboxUnusual {},
    });
    if verdict == DoorVerdict::Probed {
        draft.against(ReasonKind::OnlyOddities {});
    } else {
        draft.opened_by(facts.iter().copied());
        draft.used_by(facts.iter().copied());
    }
    draft.against(ReasonKind::OwnerCanTell {});
    let time = facts.iter().filter_map(|fact| fact.time).min();
    draft.missing(known.lacks(suspect.host, &MissingLog::EWS_AND_MAPI, Would::FoldersOpened, time));
    draft.missing(known.lacks(suspect.host, &MissingLog::HTTP_PROXY, Would::AccountProgramAddress, time));
    draft.close("change the account's password, end its sessions, look at its rules, permissions and devices, and ask for a second factor");
    draft.finish()
}

/// What one address asked for with one program.
fn stayed(address: &str, stay: &super::Stay) -> ReasonKind {
    let service = |(service, count): (&super::Service, &u64)| ServiceCount {
        service: service.name().to_owned(),
        count: *count,
    };
    ReasonKind::MailboxStay {
        address: quoted(address),
        agent: (!stay.agent.is_empty()).then(|| stay.agent.clone()),
        requests: stay.count,
        days: stay.days.len() as u64,
        services: stay.services.iter().map(service).collect(),
        operations: stay.operations.iter().cloned().collect(),
    }
}

/// Sign-ins that were only refused.
pub(crate) fn sign_in(known: &Known<'_>, host: &str, rungs: &BTreeMap<Rung, Facts>) -> Door {
    let mut draft = Draft::new(known, "account", host, SIGN_IN);
    if let Some(facts) = rungs.get(&Rung::Looked) {
        draft.many(facts, Counted::SignInsRefused);
    }
    let refused = rungs.get(&Rung::Refused);
    if let Some(facts) = refused {
        draft.many(facts, Counted::WentOn);
        draft.steps(facts.kept.iter(), facts.count);
    }
    for facts in rungs.values() {
        draft.all_people(facts);
    }
    draft.verdict(if refused.is_some() { DoorVerdict::Failed } else { DoorVerdict::Probed });
    draft.sum(if refused.is_some() {
        ReasonKind::GuessingFailed {}
    } else {
        ReasonKind::PasswordsGuessed {}
    });
    draft.close("ask for a second factor, or take OWA and ECP off the Internet; lock accounts out after a few wrong passwords");
    let time = rungs.values().filter_map(|facts| facts.first).min();
    draft.missing(known.lacks(host, &MissingLog::SECURITY, Would::AccountsGuessed, time));
    draft.finish()
}
