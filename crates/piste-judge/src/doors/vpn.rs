//! Logons at a VPN: which of them were guesses, and which broke an account's habit.
//!
//! In: accounting rows of a RADIUS server (NPS), its events in the Security log, lines of VPN gateways. Out: facts of the
//! service. Staff come by VPN every day, so a logon alone says nothing: *used* takes a source that had guessed before. One that
//! breaks an account's habit while strangers were guessing has come in, and the log does not tell who it was.
//!
//! Source: Microsoft, "Interpret NPS Database Format Log Files": request and answer are rows of their own, only the request
//! names the caller, and `Class` is the same in both.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};

use piste_model::ReasonKind;
use piste_model::reason::VpnOddity;

use super::account_names::plain;
use super::addresses::is_public;
use super::fact::Fact;
use super::guesses::Guesses;
use super::rows::{Row, scan};
use super::rung::Rung;
use super::store::{Store, Topic};
use super::words::quoted;

/// Place of the door.
pub(crate) const VPN: &str = "VPN";
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;
/// How long a RADIUS server takes at most to answer; a second factor is asked for in between.
const ANSWER: i64 = 120_000_000_000;
/// Slack for the order in which rows of one second are written.
const SLACK: i64 = 1_000_000_000;
/// Requests and networks kept; a hostile log could have more.
const KEPT_MAX: usize = 200_000;
/// Accounts kept, and addresses of one.
const ACCOUNTS_MAX: usize = 20_000;
const ADDRESSES_MAX: usize = 64;
/// Networks of one account; who has more has no habit.
const NETWORKS_MAX: usize = 8;
/// Days that make a habit.
const HABIT_DAYS: usize = 3;
/// Strange networks of one account; more are a traveller's.
const STRANGE_MAX: usize = 2;
/// Facts of one network of one account.
const FACTS_MAX: usize = 50;

/// A logon or a refusal, from whichever log.
pub(crate) struct Attempt<'a> {
    pub(crate) log: &'static str,
    pub(crate) host: String,
    pub(crate) source: &'a str,
    pub(crate) account: &'a str,
    pub(crate) granted: bool,
}

/// An account's logons from one address or network.
#[derive(Debug, Default)]
struct Stay {
    days: BTreeSet<i64>,
    facts: BTreeSet<Fact>,
}

impl Stay {
    fn first(&self) -> i64 {
        self.facts.first().map_or(i64::MAX, Fact::nanos)
    }
}

/// What is known of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    /// (host, account) to address.
    stays: BTreeMap<(String, String), BTreeMap<String, Stay>>,
    guesses: Guesses,
}

impl Visits {
    /// Takes one attempt; those from inside are nobody's way in.
    pub(crate) fn add(&mut self, row: Row<'_, '_>, attempt: &Attempt<'_>) {
        if !is_public(attempt.source) {
            return;
        }
        let (user, source) = (quoted(attempt.account), quoted(attempt.source));
        if !attempt.granted {
            let said = ReasonKind::AccessRefused { account: user, address: source };
            let fact = Fact::new(attempt.log, row.time(), row.place(), said).from(attempt.source);
            self.guesses.add(&attempt.host, VPN, attempt.account, fact);
            return;
        }
        let said = ReasonKind::AccessGranted { account: user, address: source, odd: None };
        let fact =
            Fact::new(attempt.log, row.time(), row.place(), said).from(attempt.source).by(attempt.account);
        self.grant(&attempt.host, attempt.account, fact);
    }

    fn grant(&mut self, host: &str, account: &str, fact: Fact) {
        let key = (host.to_owned(), plain(account));
        if self.stays.len() >= ACCOUNTS_MAX && !self.stays.contains_key(&key) {
            return;
        }
        let stays = self.stays.entry(key).or_default();
        if stays.len() >= ADDRESSES_MAX && !stays.contains_key(&fact.source) {
            return;
        }
        let stay = stays.entry(fact.source.clone()).or_default();
        stay.days.insert(fact.nanos() / DAY);
        stay.facts.insert(fact);
        if stay.facts.len() > FACTS_MAX {
            stay.facts.pop_last();
        }
    }

    /// Hands over what is no day's work.
    pub(crate) fn tell(mut self, store: &mut Store) {
        self.stays =
            std::mem::take(&mut self.stays).into_iter().map(|(who, stays)| (who, settled(stays))).collect();
        let mut owners: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut habits: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
        for ((host, account), stays) in &self.stays {
            for network in stays.keys() {
                *owners.entry((host, network)).or_default() += 1;
            }
            habits.extend(main(stays).map(|network| (host.as_str(), account.as_str(), network)));
        }
        let own = |host: &str, source: &str| {
            owners.contains_key(&(host, source)) || owners.contains_key(&(host, network(source).as_str()))
        };
        for ((host, account), stays) in &self.stays {
            let alone = |network: &str| owners.get(&(host.as_str(), network)) == Some(&1);
            let usual = main(stays);
            for (network, stay) in stays.iter().filter(|(network, _)| usual != Some(network.as_str())) {
                let guessed = stay.facts.iter().any(|fact| self.guesses.guessed(host, VPN, account, fact));
                let (rung, oddity) = if guessed {
                    (Rung::Used, VpnOddity::Guessed)
                } else if alone(network)
                    && (breaks(stays, usual, network, stay) || is_flanked(stays, usual, stay))
                    && self.guesses.seen_before(host, VPN, stay.first(), &|source| own(host, source))
                {
                    (Rung::Effect, VpnOddity::NewWhileGuessing)
                } else {
                    continue;
                };
                for mut fact in stay.facts.iter().cloned() {
                    if let ReasonKind::AccessGranted { odd, .. } = &mut fact.said {
                        *odd = Some(oddity);
                    }
                    store.add(host, Topic::Remote(VPN.to_owned()), rung, fact);
                }
            }
        }
        // Who is let in from there else, mistyped.
        let mistyped = |host: &str, source: &str, account: &str| {
            habits.contains(&(host, account, source))
                || habits.contains(&(host, account, network(source).as_str()))
        };
        self.guesses.tell(store, &mistyped);
    }
}

/// Stays by network, for providers give out other addresses; but an address that stays for days is one of its own, and so are
/// its neighbours: a provider does not go to and fro between two.
fn settled(stays: BTreeMap<String, Stay>) -> BTreeMap<String, Stay> {
    let steady: BTreeSet<String> = stays
        .iter()
        .filter(|(_, stay)| stay.days.len() >= HABIT_DAYS)
        .map(|(address, _)| network(address))
        .collect();
    let mut settled: BTreeMap<String, Stay> = BTreeMap::new();
    for (address, stay) in stays {
        let around = network(&address);
        let key = if steady.contains(&around) { address } else { around };
        let known = settled.entry(key).or_default();
        known.days.extend(stay.days);
        known.facts.extend(stay.facts);
        while known.facts.len() > FACTS_MAX {
            known.facts.pop_last();
        }
    }
    settled
}

/// The place that an account comes from on most days, where that is a habit.
fn main(stays: &BTreeMap<String, Stay>) -> Option<&str> {
    let (network, stay) = stays.iter().max_by_key(|(_, stay)| stay.days.len())?;
    (stay.days.len() >= HABIT_DAYS && stays.len() <= NETWORKS_MAX).then_some(network.as_str())
}

/// Whether logons from this place break the account's habit; from another address of the same provider only where the account
/// went on at its own in between.
fn breaks(stays: &BTreeMap<String, Stay>, usual: Option<&str>, place: &str, stay: &Stay) -> bool {
    let Some((home, habit)) = usual.and_then(|home| Some((home, stays.get(home)?))) else { return false };
    if network(home) == network(place) && !is_flanked(stays, usual, stay) {
        return false;
    }
    stays.len() <= STRANGE_MAX + 1
        && stay.days.len() * 2 <= habit.days.len().max(HABIT_DAYS)
        && habit.first() < stay.first()
}

/// Whether each of these logons lies between two from the usual network within a day: nobody goes to and fro like that night by
/// night. It asks for no long habit.
fn is_flanked(stays: &BTreeMap<String, Stay>, usual: Option<&str>, stay: &Stay) -> bool {
    let busiest =
        || stays.iter().max_by_key(|(_, other)| other.facts.len()).map(|(network, _)| network.as_str());
    let Some(habit) = usual.or_else(busiest).and_then(|network| stays.get(network)) else { return false };
    let times: BTreeSet<i64> = habit.facts.iter().map(Fact::nanos).collect();
    let flanked = |fact: &Fact| {
        let at = fact.nanos();
        times.range(at.saturating_sub(DAY)..at).next().is_some()
            && times.range(at..=at.saturating_add(DAY)).next().is_some()
    };
    let between = stay.facts.iter().filter(|fact| flanked(fact)).count();
    stays.len() <= STRANGE_MAX + 1 && habit.days.len() > stay.days.len() && between > 0
}

/// The part of an address that stays when a provider gives out another.
pub(crate) fn network(source: &str) -> String {
    if source.contains(':') {
        return source.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
    }
    source.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// Reads the datasets that are no events of Windows.
pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String, visits: &mut Visits) -> Result<(), LakeError> {
    let mut asked = Asked::default();
    let accounting = ["user", "src_ip", "action", "outcome", "Class"];
    scan(lake, "nps.accounting", &accounting, &mut |row| asked.request(row))?;
    scan(lake, "nps.accounting", &accounting, &mut |row| {
        let Some(granted) = outcome(row) else { return };
        let (caller, user) = asked.of(row);
        let source = if row.text("src_ip").is_empty() { caller } else { row.text("src_ip") };
        let account = if user.is_empty() { row.text("user") } else { user };
        visits.add(row, &Attempt { log: "NPS", host: host(row.host()), source, account, granted });
    })?;
    scan(lake, "network.vpn", &["user", "src_ip", "action", "outcome"], &mut |row| {
        let Some(granted) = outcome(row) else { return };
        let (source, account) = (row.text("src_ip"), row.text("user"));
        visits.add(row, &Attempt { log: "VPN gateway", host: host(row.host()), source, account, granted });
    })
}

/// How a logon ended; `None` where the row is none.
fn outcome(row: Row<'_, '_>) -> Option<bool> {
    match (row.text("action"), row.text("outcome")) {
        ("logon", "success") => Some(true),
        ("logon", "failure") => Some(false),
        _ => None,
    }
}

/// Requests of RADIUS, which alone name the caller: by host, class and time.
#[derive(Debug, Default)]
struct Asked(BTreeMap<(String, String, i64), (String, String)>);

impl Asked {
    fn request(&mut self, row: Row<'_, '_>) {
        let (class, source) = (row.text("Class"), row.text("src_ip"));
        let Some(time) = row.time().filter(|_| row.text("action") == "access-request") else { return };
        if class.is_empty() || !is_public(source) || self.0.len() >= KEPT_MAX {
            return;
        }
        let key = (row.host().to_owned(), class.to_owned(), time.nanos);
        self.0.insert(key, (source.to_owned(), row.text("user").to_owned()));
    }

    /// Caller and account of the latest request that the row answers.
    fn of(&self, row: Row<'_, '_>) -> (&str, &str) {
        let Some(time) = row.time() else { return ("", "") };
        let key = |nanos: i64| (row.host().to_owned(), row.text("Class").to_owned(), nanos);
        let from = key(time.nanos.saturating_sub(ANSWER));
        let until = key(time.nanos.saturating_add(SLACK));
        self.0.range(from..=until).next_back().map_or(("", ""), |(_, (source, user))| (source, user))
    }
}

#[cfg(test)]
mod tests {
    use piste_model::Instant;

    use super::super::rows::Place;
    use super::*;

    const HOME: &str = "91.176.4.20";
    const STRANGER: &str = "185.220.101.7";

    fn fact(day: i64, source: &str, record: i64) -> Fact {
        let place = Place { evidence: 1, offset: 0, record, hash: [0; 16] };
        let time = Instant { nanos: day * DAY + record, digits: 9 };
        let said =
            ReasonKind::AccessGranted { account: "anna".to_owned(), address: source.to_owned(), odd: None };
        Fact::new("NPS", Some(time), place, said).from(source).by("anna")
    }

    fn visits(days: i64) -> Visits {
        let mut visits = Visits::default();
        for day in 100..100 + days {
            visits.grant("NPS01", "MIN\\anna", fact(day, HOME, day));
        }
        visits
    }

    fn rungs(visits: Visits) -> Vec<(Rung, u64)> {
        let mut store = Store::default();
        visits.tell(&mut store);
        let topic = Topic::Remote(VPN.to_owned());
        let rungs = store.of("NPS01", &topic);
        rungs.into_iter().flatten().map(|(rung, facts)| (*rung, facts.count)).collect()
    }

    #[test]
    fn staff_at_work_are_no_door() {
        let mut visits = visits(8);
        visits.guesses.add("NPS01", VPN, "anna", fact(104, HOME, 1));
        assert_eq!(rungs(visits), []);
    }

    #[test]
    fn a_new_address_counts_where_strangers_guess_and_a_habit_breaks() {
        let mut calm = visits(8);
        calm.grant("NPS01", "anna", fact(108, STRANGER, 9));
        assert_eq!(rungs(calm), [], "a new address alone is a journey");
        let mut sprayed = visits(8);
        sprayed.guesses.add("NPS01", VPN, "admin", fact(103, "203.0.113.8", 1));
        sprayed.grant("NPS01", "anna", fact(108, STRANGER, 9));
        assert_eq!(rungs(sprayed), [(Rung::Looked, 1), (Rung::Effect, 1)]);
        let mut to_and_fro = visits(3);
        to_and_fro.guesses.add("NPS01", VPN, "admin", fact(99, "203.0.113.8", 1));
        to_and_fro.grant("NPS01", "anna", fact(101, STRANGER, 9));
        assert_eq!(rungs(to_and_fro), [(Rung::Looked, 1), (Rung::Effect, 1)], "home, elsewhere, home");
        let mut young = visits(2);
        young.guesses.add("NPS01", VPN, "admin", fact(100, "203.0.113.8", 1));
        young.grant("NPS01", "anna", fact(108, STRANGER, 9));
        assert_eq!(rungs(young), [(Rung::Looked, 1)], "two days are no habit");
    }

    #[test]
    fn a_neighbour_of_the_same_provider_is_told_from_another_address_of_the_owner() {
        let neighbour = "91.176.9.9";
        let sprayed = || {
            let mut visits = visits(8);
            visits.guesses.add("NPS01", VPN, "admin", fact(99, "203.0.113.8", 1));
            visits
        };
        let mut between = sprayed();
        between.grant("NPS01", "anna", fact(104, neighbour, 900));
        assert_eq!(rungs(between), [(Rung::Looked, 1), (Rung::Effect, 1)], "home, a neighbour, home");
        let mut renumbered = sprayed();
        for day in 108..110 {
            renumbered.grant("NPS01", "anna", fact(day, neighbour, day));
        }
        assert_eq!(rungs(renumbered), [(Rung::Looked, 1)], "the provider gave out another address");
    }

    #[test]
    fn who_guessed_and_came_in_used_it() {
        let mut visits = Visits::default();
        for record in 0..6 {
            visits.guesses.add("NPS01", VPN, "anna", fact(103, STRANGER, record));
        }
        visits.grant("NPS01", "anna", fact(103, STRANGER, 9));
        assert_eq!(rungs(visits), [(Rung::Looked, 6), (Rung::Refused, 1), (Rung::Used, 1)]);
    }

    #[test]
    fn a_provider_gives_out_another_address_of_the_same_network() {
        assert_eq!(network("91.176.4.20"), network("91.176.200.3"));
        assert_ne!(network("91.176.4.20"), network(STRANGER));
        assert_eq!(network("2a02:a03f:1::5"), "2a02:a03f");
    }
}
