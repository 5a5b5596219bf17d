//! Which stays of an account its habit does not explain, and what speaks for a stranger.
//!
//! In: the stays of every account, refused sign-ins, and what addresses did elsewhere in the case. Out: suspects: for an account
//! the addresses that came with a program of their own, the signs that it was not the owner, and the oddities that an
//! owner with a new device away from home shows as well. A sign decides; oddities only add up to a question.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::ReasonKind;

use super::{DAY, SIGN_IN, Service, Sessions, Stay};
use crate::doors::addresses::is_public;
use crate::doors::agents::{is_library, is_script};
use crate::doors::fact::Fact;
use crate::doors::guesses::Guesses;
use crate::doors::vpn::network;
use crate::doors::words::quoted;

/// Days of use that make a habit.
const HABIT_DAYS: usize = 3;
/// Requests from which on hours of the day are a habit.
const HABIT_REQUESTS: u64 = 30;
/// Accounts from which on it says something that nobody else has a program.
const ACCOUNTS: usize = 3;
/// Programs at one address up to which it is one person's: more are an institution's way out, whose own tests do no harm.
const PROGRAMS: usize = 3;
/// Networks from which on a phone is on the way.
const ROAMING: usize = 3;
/// Half a working day's pause: who sat at the desk on both sides of it was not far.
const PAUSE: i64 = 14 * 3_600_000_000_000;
/// Oddities from which on a stay is told, and from which on somebody is taken to have come in.
const TOLD: u32 = 3;
const TAKEN: u32 = 5;

/// All stays at one address.
pub(crate) type Group<'s> = BTreeMap<&'s str, &'s Stay>;

/// An account whose habit does not explain some of its stays.
#[derive(Debug)]
pub(crate) struct Suspect<'s> {
    pub(crate) host: &'s str,
    pub(crate) account: &'s str,
    /// By address.
    pub(crate) groups: BTreeMap<&'s str, Group<'s>>,
    /// Signs that it was not the owner.
    pub(crate) signs: BTreeSet<ReasonKind>,
    /// What an owner could explain.
    pub(crate) oddities: BTreeSet<ReasonKind>,
    pub(crate) score: u32,
}

impl Suspect<'_> {
    /// Whether so much is odd that somebody is taken to have come in.
    pub(crate) fn is_taken(&self) -> bool {
        self.score >= TAKEN
    }

    /// The telling rows, in the order of time.
    pub(crate) fn facts(&self) -> Vec<&Fact> {
        let stays = self.groups.values().flat_map(BTreeMap::values);
        let facts: BTreeSet<&Fact> = stays.flat_map(|stay| stay.facts()).collect();
        facts.into_iter().collect()
    }
}

/// One account's stays, told apart.
struct Habit<'s> {
    /// By address: those that a program of the owner's, or her desk, explains.
    own: BTreeMap<&'s str, Group<'s>>,
    strange: BTreeMap<&'s str, Group<'s>>,
}

/// What the whole host's accounts have.
struct Everybody<'s> {
    /// (host, family) to the accounts that use it.
    families: BTreeMap<(&'s str, &'s str), BTreeSet<&'s str>>,
    /// (host, address) to accounts that are at home there.
    homes: BTreeMap<(&'s str, &'s str), BTreeSet<&'s str>>,
    /// (host, address) to accounts that are strangers there, with the families.
    strangers: BTreeMap<(&'s str, &'s str), BTreeSet<(&'s str, &'s str)>>,
    /// Accounts by host.
    accounts: BTreeMap<&'s str, usize>,
}

/// What an address did elsewhere on a host, as the sign that it is, or nothing.
pub(crate) type Hostile<'h> = dyn Fn(&str, &str) -> Option<ReasonKind> + 'h;

/// Whether another door tells the stays of (host, account) at an address already.
pub(crate) type Explained<'e> = dyn Fn((&str, &str), &str, &Group<'_>) -> bool + 'e;

/// Finds the suspects. `explained` tells (host, account), address and stays that another door tells already.
pub(crate) fn suspects<'s>(
    sessions: &'s Sessions,
    guesses: &Guesses,
    hostile: &Hostile<'_>,
    explained: &Explained<'_>,
) -> Vec<Suspect<'s>> {
    let mut habits: BTreeMap<(&str, &str), Habit<'s>> = BTreeMap::new();
    let mut programs: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for ((host, _), stays) in &sessions.accounts {
        for (address, family) in stays.keys() {
            programs.entry((host, address)).or_default().insert(family);
        }
    }
    for (who, stays) in &sessions.accounts {
        if !sessions.unsteady.contains(who) {
            let harmful = |address: &str, group: &Group<'_>| {
                (hostile(&who.0, address).is_some()
                    && programs.get(&(who.0.as_str(), address)).is_none_or(|seen| seen.len() <= PROGRAMS))
                    || group
                        .values()
                        .flat_map(|stay| stay.facts())
                        .any(|fact| guesses.guessed(&who.0, SIGN_IN, &who.1, fact))
            };
            habits.insert((&who.0, &who.1), told_apart(grouped(stays), &harmful));
        }
    }
    let everybody = Everybody::of(&habits);
    let mut found = Vec::new();
    for ((host, account), habit) in &habits {
        let mut suspect = Suspect {
            host,
            account,
            groups: BTreeMap::new(),
            signs: BTreeSet::new(),
            oddities: BTreeSet::new(),
            score: 0,
        };
        let mut settled = false;
        for (address, group) in &habit.strange {
            let others = everybody.homes.get(&(*host, *address));
            if others.is_some_and(|others| others.iter().any(|other| other != account)) {
                continue; // where colleagues are at home
            }
            if explained((host, account), address, group) || everybody.have(host, group) {
                continue;
            }
            let mut signs = signs(&everybody, guesses, hostile, (host, account), (address, group));
            let odd = oddities(&everybody, guesses, (host, account), habit, (address, group));
            if signs.is_empty() && odd.values().sum::<u32>() < TOLD {
                continue;
            }
            suspect.signs.append(&mut signs);
            let points: u32 = odd.values().sum();
            // A habit of a day or two is too young to be broken: what is unusual then stays a question.
            let is_young =
                |odd: &ReasonKind| matches!(odd, ReasonKind::OddAddress { habit_known: false, .. });
            let young = odd.keys().any(is_young);
            settled |= !young;
            suspect.score = suspect.score.max(if young { points.min(TAKEN - 1) } else { points });
            suspect.oddities.extend(odd.into_keys());
            suspect.groups.insert(address, group.clone());
        }
        if suspect.groups.len() > 1 && settled {
            suspect.score += several_networks(&mut suspect);
        }
        if !suspect.groups.is_empty() {
            found.push(suspect);
        }
    }
    found
}

/// One program of a stranger's from several networks.
fn several_networks(suspect: &mut Suspect<'_>) -> u32 {
    let mut by_family: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (address, group) in &suspect.groups {
        for family in group.keys().filter(|family| !family.is_empty()) {
            by_family.entry(family).or_default().insert(network(address));
        }
    }
    let several = by_family.values().any(|networks| networks.len() > 1);
    if several {
        suspect.oddities.insert(ReasonKind::OddSeveralNetworks {});
    }
    u32::from(several)
}

fn grouped(stays: &BTreeMap<super::At, Stay>) -> BTreeMap<&str, Group<'_>> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for ((address, family), stay) in stays {
        groups.entry(address).or_default().insert(family, stay);
    }
    groups
}

fn first(group: &Group<'_>) -> i64 {
    group.values().map(|stay| stay.first()).min().unwrap_or(i64::MAX)
}

/// Whether an address, with what came from it, did harm.
type Harmful<'h> = dyn Fn(&str, &Group<'_>) -> bool + 'h;

/// Tells stays that the habit explains from those that it does not. What was there on the first day that the evidence has of
/// an account, and what comes from inside, is the owner's; so is an address at which a program of hers is used, and a
/// program that is used at such an address. An address that did harm elsewhere is nobody's home.
fn told_apart<'s>(groups: BTreeMap<&'s str, Group<'s>>, harmful: &Harmful<'_>) -> Habit<'s> {
    let start = groups.values().map(first).min().unwrap_or(i64::MAX) / DAY;
    let mut own: BTreeSet<&str> = groups
        .iter()
        .filter(|(address, group)| {
            (!is_public(address) || first(group) / DAY == start) && !harmful(address, group)
        })
        .map(|(address, _)| *address)
        .collect();
    let mut programs: BTreeSet<&str> = BTreeSet::new();
    loop {
        let at = own.iter().filter_map(|address| groups.get(*address));
        programs.extend(at.flat_map(|group| group.keys().copied()).filter(|family| !family.is_empty()));
        let more: Vec<&str> = groups
            .iter()
            .filter(|(address, group)| {
                !own.contains(*address)
                    && !harmful(address, group)
                    && group.keys().any(|family| programs.contains(family))
            })
            .map(|(address, _)| *address)
            .collect();
        if more.is_empty() {
            break;
        }
        own.extend(more);
    }
    let roaming = new_phones(&groups, &own);
    let (own, strange) = groups
        .into_iter()
        .partition(|(address, group)| own.contains(address) || group.keys().all(|one| roaming.contains(one)));
    Habit { own, strange }
}

/// Phones that change networks as phones do: a new one of the owner's.
fn new_phones<'s>(groups: &BTreeMap<&'s str, Group<'s>>, own: &BTreeSet<&str>) -> BTreeSet<&'s str> {
    let mut networks: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (address, group) in groups.iter().filter(|(address, _)| !own.contains(*address)) {
        for (family, stay) in group {
            // Phones ask for their settings as Outlook does; their apps come from their makers' servers.
            let phone = stay.services.contains_key(&Service::ActiveSync)
                || family.contains("on ios")
                || family.contains("android");
            let mail = |service: &Service| matches!(service, Service::ActiveSync | Service::Outlook);
            if phone && stay.services.keys().all(mail) {
                networks.entry(family).or_default().insert(network(address));
            }
        }
    }
    networks.into_iter().filter(|(_, seen)| seen.len() >= ROAMING).map(|(family, _)| family).collect()
}

impl<'s> Everybody<'s> {
    fn of(habits: &BTreeMap<(&'s str, &'s str), Habit<'s>>) -> Self {
        let mut all = Self {
            families: BTreeMap::new(),
            homes: BTreeMap::new(),
            strangers: BTreeMap::new(),
            accounts: BTreeMap::new(),
        };
        for ((host, account), habit) in habits {
            *all.accounts.entry(host).or_default() += 1;
            for (address, group) in &habit.own {
                let days: BTreeSet<i32> = group.values().flat_map(|stay| stay.days.keys().copied()).collect();
                if days.len() > 1 {
                    all.homes.entry((host, address)).or_default().insert(account);
                }
                for family in group.keys() {
                    all.families.entry((host, family)).or_default().insert(account);
                }
            }
            for (address, group) in &habit.strange {
                for family in group.keys() {
                    all.families.entry((host, family)).or_default().insert(account);
                    all.strangers.entry((host, address)).or_default().insert((account, family));
                }
            }
        }
        all
    }

    /// Whether so many accounts have these programs, none of which is for people, that the organisation gave them out.
    fn have(&self, host: &str, group: &Group<'_>) -> bool {
        let many =
            |family: &&str| self.families.get(&(host, *family)).is_some_and(|all| all.len() >= ACCOUNTS);
        !is_person(group) && group.keys().all(|family| !family.is_empty() && many(family))
    }
}

/// Whether somebody sat before it, or wrote a script: a page for people was asked for.
fn is_person(group: &Group<'_>) -> bool {
    group.values().any(|stay| {
        let pages = [Service::Owa, Service::Ecp].iter().any(|page| stay.services.contains_key(page));
        pages || is_script(&stay.agent)
    })
}

/// Signs that it was not the owner.
fn signs(
    everybody: &Everybody<'_>,
    guesses: &Guesses,
    hostile: &Hostile<'_>,
    (host, account): (&str, &str),
    (address, group): (&str, &Group<'_>),
) -> BTreeSet<ReasonKind> {
    let mut signs = BTreeSet::new();
    let shown = quoted(address);
    let facts: BTreeSet<&Fact> = group.values().flat_map(|stay| stay.facts()).collect();
    if facts.iter().any(|fact| guesses.guessed(host, SIGN_IN, account, fact)) {
        signs.insert(ReasonKind::SignRefusedBefore { address: shown.clone() });
    }
    if let Some(harm) = hostile(host, address) {
        signs.insert(harm);
    }
    let same: BTreeSet<&str> = everybody
        .strangers
        .get(&(host, address))
        .into_iter()
        .flatten()
        .filter(|(_, family)| !family.is_empty() && group.contains_key(family))
        .map(|(account, _)| *account)
        .collect();
    // Services in the cloud come for many accounts with one program too, but not to pages for people.
    if same.len() > 1 && is_person(group) {
        let names: Vec<String> = same.iter().take(6).map(|name| quoted(name)).collect();
        let accounts = same.len() as u64;
        signs.insert(ReasonKind::SignSeveralAccounts { address: shown.clone(), accounts, names });
    }
    for stay in group.values().filter(|stay| is_script(&stay.agent)) {
        signs.insert(ReasonKind::SignScript { agent: quoted(&stay.agent), address: shown.clone() });
    }
    signs
}

/// What is odd about a stay, with what it counts.
fn oddities(
    everybody: &Everybody<'_>,
    guesses: &Guesses,
    (host, account): (&str, &str),
    habit: &Habit<'_>,
    (address, group): (&str, &Group<'_>),
) -> BTreeMap<ReasonKind, u32> {
    let mut odd = BTreeMap::new();
    let own: Vec<&Stay> = habit.own.values().flat_map(BTreeMap::values).copied().collect();
    let days: BTreeSet<i32> = own.iter().flat_map(|stay| stay.days.keys().copied()).collect();
    let begins = first(group);
    let before = days.iter().filter(|day| i64::from(**day) * DAY < begins.saturating_sub(DAY / 2)).count();
    let named = group.keys().any(|family| !family.is_empty());
    // Without a habit, or a program, there is nothing that it could break.
    if days.len() < HABIT_DAYS || before == 0 || !named {
        return odd;
    }
    let shown = quoted(address);
    let habit_known = before >= HABIT_DAYS;
    odd.insert(ReasonKind::OddAddress { address: shown.clone(), days: before as u64, habit_known }, 1);
    let networks: BTreeSet<String> = habit.own.keys().map(|one| network(one)).collect();
    if !networks.contains(&network(address)) {
        odd.insert(ReasonKind::OddNetwork { address: shown }, 1);
    }
    let programs = || group.iter().filter(|(family, _)| !family.is_empty());
    let names: BTreeSet<String> = programs().map(|(_, stay)| quoted(&stay.agent)).collect();
    let names: Vec<String> = names.into_iter().collect();
    odd.insert(ReasonKind::OddProgram { programs: names.clone() }, 1);
    let alone = programs().all(|(family, _)| {
        everybody.families.get(&(host, *family)).is_none_or(|users| users.iter().all(|user| *user == account))
    });
    if alone && everybody.accounts.get(host).is_some_and(|count| *count >= ACCOUNTS) {
        odd.insert(ReasonKind::OddProgramOnServer { programs: names }, 1);
    }
    let services: BTreeSet<Service> = own.iter().flat_map(|stay| stay.services.keys().copied()).collect();
    let new =
        group.values().flat_map(|stay| stay.services.keys()).find(|service| !services.contains(service));
    if let Some(service) = new.filter(|service| **service != Service::Web) {
        odd.insert(ReasonKind::OddService { service: service.name().to_owned() }, 1);
    }
    if let Some(stay) = group.values().find(|stay| is_library(&stay.agent)) {
        odd.insert(ReasonKind::OddLibrary { agent: quoted(&stay.agent) }, 2);
    }
    // A service keeps no hours, and is at work while its owner is.
    if is_person(group) {
        at_odd_hours(&own, group, &mut odd);
        at_two_places(habit, group, &mut odd);
    }
    if guesses.tried(host, SIGN_IN, account, begins) {
        odd.insert(ReasonKind::OddGuessed {}, 1);
    }
    odd
}

/// Whether most of it lies in hours, or on days of the week, at which the account rests.
fn at_odd_hours(own: &[&Stay], group: &Group<'_>, odd: &mut BTreeMap<ReasonKind, u32>) {
    let sum = |stays: &mut dyn Iterator<Item = &Stay>| {
        stays.fold([0_u64; 24], |mut hours, stay| {
            hours.iter_mut().zip(stay.hours).for_each(|(sum, more)| *sum += more);
            hours
        })
    };
    let usual = sum(&mut own.iter().copied());
    let all: u64 = usual.iter().sum();
    let strange = sum(&mut group.values().copied());
    let total: u64 = strange.iter().sum();
    // Phones ask at all hours; an hour is one of rest where it has less than a fiftieth of the account's requests.
    let resting: u64 =
        usual.iter().zip(strange).filter(|(usual, _)| **usual * 50 < all).map(|(_, count)| count).sum();
    if all >= HABIT_REQUESTS && resting * 2 > total {
        odd.insert(ReasonKind::OddHours {}, 1);
        return;
    }
    let weekday = |day: &i32| day.rem_euclid(7);
    let worked: BTreeSet<i32> = own.iter().flat_map(|stay| stay.days.keys().map(weekday)).collect();
    let days: BTreeSet<i32> = own.iter().flat_map(|stay| stay.days.keys().copied()).collect();
    let span = days.last().zip(days.first()).map_or(0, |(last, first)| last - first);
    let came: BTreeSet<i32> = group.values().flat_map(|stay| stay.days.keys().map(weekday)).collect();
    if span >= 7 && worked.is_disjoint(&came) {
        odd.insert(ReasonKind::OddWeekdays {}, 1);
    }
}

/// Whether the owner was elsewhere at the time: in a session at the same hour, or at the desk shortly before and after.
fn at_two_places(habit: &Habit<'_>, group: &Group<'_>, odd: &mut BTreeMap<ReasonKind, u32>) {
    let at_once = |service: Service| {
        habit.own.values().flat_map(BTreeMap::values).any(|own| {
            own.services.contains_key(&service)
                && group.values().any(|stay| {
                    stay.days.iter().any(|(day, (from, to))| {
                        own.days.get(day).is_some_and(|(begin, end)| begin <= to && from <= end)
                    })
                })
        })
    };
    if at_once(Service::Owa) {
        odd.insert(ReasonKind::OddAtOnceOwa {}, 2);
    } else if at_once(Service::Outlook) {
        odd.insert(ReasonKind::OddAtOnceOutlook {}, 1);
    }
    let desk: BTreeSet<i64> = habit
        .own
        .iter()
        .filter(|(address, _)| !is_public(address))
        .flat_map(|(_, group)| group.values())
        .flat_map(|stay| {
            stay.days.iter().flat_map(|(day, (from, to))| {
                [from, to].map(|minute| i64::from(*day) * DAY + i64::from(*minute) * super::MINUTE)
            })
        })
        .collect();
    let phone = group.keys().all(|family| family.contains("on ios") || family.contains("on android"));
    let between = group.values().any(|stay| {
        stay.days.iter().any(|(day, (from, to))| {
            let at = |minute: &u16| i64::from(*day) * DAY + i64::from(*minute) * super::MINUTE;
            let (begin, end) = (at(from), at(to));
            desk.range(begin.saturating_sub(PAUSE)..=begin).next().is_some()
                && desk.range(end..=end.saturating_add(PAUSE)).next().is_some()
        })
    });
    if between && !phone {
        odd.insert(ReasonKind::OddInside {}, 1);
    }
}
