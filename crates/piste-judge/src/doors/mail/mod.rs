//! Mailboxes entered with a password: who came to each, from where and with which program.
//!
//! In: requests that a logged-on account was answered for, as IIS, the Exchange front end and EWS log them, and web logons of
//! the Security log. Out: for each account its stays: one address with one family of programs, from when to when, on which
//! days and hours. Each distinct value is looked at once a batch; memory grows with accounts and addresses, not with rows.

mod door;
mod habit;
mod refused;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use piste_model::ReasonKind;

use super::account_names::plain;
use super::addresses::is_public;
use super::agents;
use super::fact::Fact;
use super::proxies::Proxies;
use super::rows::{Row, Rows};
use super::words::quoted;

pub(crate) use self::door::{doors, sign_in};
pub(crate) use self::refused::{Asked, Refusals};

/// Place of refused sign-ins.
pub(crate) const SIGN_IN: &str = "web sign-in (OWA, EWS, ActiveSync)";
/// Nanoseconds of a day and of a minute.
const DAY: i64 = 86_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;
/// Stays kept; a hostile log could name more.
const STAYS_MAX: usize = 300_000;
/// Stays of one account; whoever has more has no habit.
const STAYS_OF_ONE: usize = 400;
/// Days kept of one stay.
const DAYS_MAX: usize = 1_200;
/// Operations that one stay names.
const NAMES_MAX: usize = 12;

/// What of Exchange a request went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    /// Outlook on the web.
    Owa,
    /// The control panel.
    Ecp,
    /// Web services.
    Ews,
    /// Phones.
    ActiveSync,
    /// Outlook: MAPI, RPC, address book, Autodiscover.
    Outlook,
    /// A web logon of which only the Security log tells.
    Web,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Owa => "OWA",
            Self::Ecp => "ECP",
            Self::Ews => "EWS",
            Self::ActiveSync => "ActiveSync",
            Self::Outlook => "Outlook",
            Self::Web => "a web logon",
        }
    }

    /// The service of a path; pages before the logon are none.
    fn of(stem: &str) -> Option<Self> {
        let lower = stem.to_ascii_lowercase();
        let is = |front: &str| {
            lower.strip_prefix(front).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is("/owa/auth") || lower.starts_with("/owa/auth.owa") || lower.contains("healthcheck") {
            return None;
        }
        [
            ("/owa", Self::Owa),
            ("/ecp", Self::Ecp),
            ("/ews", Self::Ews),
            ("/microsoft-server-activesync", Self::ActiveSync),
            ("/mapi", Self::Outlook),
            ("/rpc", Self::Outlook),
            ("/oab", Self::Outlook),
            ("/autodiscover", Self::Outlook),
        ]
        .into_iter()
        .find(|(front, _)| is(front))
        .map(|(_, service)| service)
    }
}

/// Minutes of a day, first and last.
type Minutes = (u16, u16);

/// One account at one address with one family of programs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stay {
    pub(crate) days: BTreeMap<i32, Minutes>,
    pub(crate) hours: [u64; 24],
    pub(crate) count: u64,
    pub(crate) services: BTreeMap<Service, u64>,
    /// Operations of EWS that it asked for.
    pub(crate) operations: BTreeSet<String>,
    /// An agent of the family as it was logged, the least.
    pub(crate) agent: String,
    /// The earliest row of each service, and the latest of all.
    pub(crate) earliest: BTreeMap<Service, Fact>,
    pub(crate) latest: Option<Fact>,
}

impl Stay {
    pub(crate) fn first(&self) -> i64 {
        self.earliest.values().map(Fact::nanos).min().unwrap_or(i64::MAX)
    }

    /// Its telling rows, in the order of time.
    pub(crate) fn facts(&self) -> Vec<&Fact> {
        let all: BTreeSet<&Fact> = self.earliest.values().chain(&self.latest).collect();
        all.into_iter().collect()
    }

    fn see(&mut self, nanos: i64) {
        let day = i32::try_from(nanos.div_euclid(DAY)).unwrap_or(i32::MAX);
        let minute = u16::try_from(nanos.rem_euclid(DAY) / MINUTE).unwrap_or(0);
        let known = self.days.contains_key(&day) || self.days.len() < DAYS_MAX;
        if known {
            let span = self.days.entry(day).or_insert((minute, minute));
            *span = (span.0.min(minute), span.1.max(minute));
        }
        if let Some(hour) = self.hours.get_mut(usize::from(minute / 60)) {
            *hour += 1;
        }
        self.count += 1;
    }

    fn absorb(&mut self, other: Self) {
        for (day, span) in other.days {
            if self.days.contains_key(&day) || self.days.len() < DAYS_MAX {
                let known = self.days.entry(day).or_insert(span);
                *known = (known.0.min(span.0), known.1.max(span.1));
            }
        }
        for (hour, more) in self.hours.iter_mut().zip(other.hours) {
            *hour += more;
        }
        self.count += other.count;
        for (service, count) in other.services {
            *self.services.entry(service).or_default() += count;
        }
        for operation in other.operations {
            self.name(operation);
        }
        if self.agent.is_empty() || (!other.agent.is_empty() && other.agent < self.agent) {
            self.agent = other.agent;
        }
        for (service, fact) in other.earliest {
            self.keep(service, fact);
        }
        if let Some(fact) = other.latest.filter(|fact| self.latest.as_ref().is_none_or(|known| known < fact))
        {
            self.latest = Some(fact);
        }
    }

    fn name(&mut self, operation: String) {
        self.operations.insert(operation);
        if self.operations.len() > NAMES_MAX {
            self.operations.pop_last();
        }
    }

    fn keep(&mut self, service: Service, fact: Fact) {
        match self.earliest.get(&service) {
            Some(known) if *known <= fact => {}
            _ => _ = self.earliest.insert(service, fact),
        }
    }
}

/// An address and a family of programs.
pub(crate) type At = (String, String);

/// Every account's stays, by host and account.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) accounts: BTreeMap<(String, String), BTreeMap<At, Stay>>,
    stays: usize,
    pub(crate) proxies: Proxies,
    /// Accounts with more addresses than are kept.
    pub(crate) unsteady: BTreeSet<(String, String)>,
}

/// Names of a log's columns.
pub(crate) struct Log {
    name: &'static str,
    user: &'static str,
    source: &'static str,
    forwarded: &'static str,
    agent: &'static str,
    status: &'static str,
    stem: &'static str,
    port: &'static str,
    operation: &'static str,
}

/// IIS.
pub(crate) const IIS: Log = Log {
    name: "IIS",
    user: "cs-username",
    source: "c-ip",
    forwarded: "X-Forwarded-For",
    agent: "cs-user-agent",
    status: "sc-status",
    stem: "cs-uri-stem",
    port: "s-port",
    operation: "",
};
/// The Exchange front end.
pub(crate) const FRONT_END: Log = Log {
    name: "HttpProxy",
    user: "AuthenticatedUser",
    source: "ClientIpAddress",
    forwarded: "",
    agent: "UserAgent",
    status: "HttpStatus",
    stem: "UrlStem",
    port: "",
    operation: "",
};
/// Web services.
pub(crate) const EWS: Log = Log {
    name: "EWS log",
    user: "AuthenticatedUser",
    source: "ClientIpAddress",
    forwarded: "",
    agent: "UserAgent",
    status: "HttpStatus",
    stem: "",
    port: "",
    operation: "SoapAction",
};

/// Numbers of a row's values: host, account, address, forwarded address, agent, and the service.
type Combination = ([Option<usize>; 5], Service);

/// One combination of values in a batch.
struct Run {
    first: (i64, usize),
    last: (i64, usize),
    stay: Stay,
}

impl Sessions {
    /// Takes the rows of a batch that a logged-on account was answered for.
    pub(crate) fn take(&mut self, rows: &Rows<'_>, log: &Log, host: &dyn Fn(&str) -> String) {
        let users = rows.coded(log.user, account);
        let hosts = rows.coded(piste_model::schema::HOST, host);
        let sources = rows.coded(log.source, str::to_owned);
        let forwarded = rows.coded(log.forwarded, str::to_owned);
        let agents = rows.coded(log.agent, str::to_owned);
        let answered = rows.coded(log.status, |status| status.len() == 3 && status.starts_with('2'));
        let stems = rows.coded(log.stem, Service::of);
        let back = rows.coded(log.port, |port| matches!(port, "444" | "81"));
        let operations = rows.coded(log.operation, quoted);
        // A map for looking up alone: the runs stand in the order of their first row.
        let mut known: HashMap<Combination, usize> = HashMap::new();
        let mut runs: Vec<(Combination, Run)> = Vec::new();
        for row in rows.iter() {
            let at = row.number();
            if !matches!(users.of(at), Some(Some(_)))
                || answered.of(at) != Some(&true)
                || back.of(at) == Some(&true)
            {
                continue;
            }
            let service =
                if log.stem.is_empty() { Some(Service::Ews) } else { stems.of(at).copied().flatten() };
            let (Some(service), Some(time)) = (service, row.time()) else { continue };
            let keys = [hosts.key(at), users.key(at), sources.key(at), forwarded.key(at), agents.key(at)];
            let slot = *known.entry((keys, service)).or_insert_with(|| {
                let start = (time.nanos, at);
                runs.push(((keys, service), Run { first: start, last: start, stay: Stay::default() }));
                runs.len() - 1
            });
            let Some((_, run)) = runs.get_mut(slot) else { continue };
            run.first = run.first.min((time.nanos, at));
            run.last = run.last.max((time.nanos, at));
            run.stay.see(time.nanos);
            if let Some(operation) = operations.of(at).filter(|name| !matches!(name.as_str(), "" | "-")) {
                run.stay.name(operation.clone());
            }
        }
        for (([host, user, source, proxy, agent], service), run) in runs {
            let user = users.value(user).cloned().flatten().unwrap_or_default();
            let text = |value: Option<&String>| value.map(String::as_str).unwrap_or_default().to_owned();
            let client = self.proxies.client(&text(sources.value(source)), &text(forwarded.value(proxy)));
            let agent = agents.value(agent).map(String::as_str).unwrap_or_default();
            let host = hosts.value(host).cloned().unwrap_or_default();
            let who = (host, user, client);
            self.add_run(rows, log.name, (who, agent, service), run);
        }
    }

    fn add_run(
        &mut self,
        rows: &Rows<'_>,
        log: &'static str,
        ((host, user, client), agent, service): ((String, String, String), &str, Service),
        run: Run,
    ) {
        let Run { first, last, mut stay } = run;
        stay.services.insert(service, stay.count);
        agents::shown(agent).clone_into(&mut stay.agent);
        let fact = |number: usize| {
            let row = rows.row(number);
            let said = answered(service, agent);
            Fact::new(log, row.time(), row.place(), said).from(&client).by(&user)
        };
        stay.earliest.insert(service, fact(first.1));
        stay.latest = Some(fact(last.1));
        self.add((host, user), (client, agents::family(agent)), stay);
    }

    /// A web logon of the Security log: no program is named.
    pub(crate) fn web_logon(&mut self, row: Row<'_, '_>, host: String, user: &str, source: &str) {
        let (Some(user), Some(time)) = (account(user), row.time()) else { return };
        if !is_public(source) {
            return;
        }
        let mut stay = Stay::default();
        stay.see(time.nanos);
        stay.services.insert(Service::Web, 1);
        let said = ReasonKind::WorkerLoggedOn {};
        let fact = Fact::new("Security 4624", row.time(), row.place(), said).from(source).by(&user);
        stay.earliest.insert(Service::Web, fact.clone());
        stay.latest = Some(fact);
        self.add((host, user), (source.to_owned(), String::new()), stay);
    }

    fn add(&mut self, who: (String, String), at: At, stay: Stay) {
        let full = self.stays >= STAYS_MAX;
        if full && !self.accounts.contains_key(&who) {
            return;
        }
        let stays = self.accounts.entry(who.clone()).or_default();
        if !stays.contains_key(&at) {
            if full || stays.len() >= STAYS_OF_ONE {
                self.unsteady.insert(who);
                return;
            }
            self.stays += 1;
        }
        stays.entry(at).or_default().absorb(stay);
    }
}

/// An account as it is compared; `None` for nobody, for machines and for Exchange's own mailboxes.
fn account(user: &str) -> Option<String> {
    let name = plain(user);
    let own = ["healthmailbox", "systemmailbox", "extest_", "federatedemail", "migration."];
    let nobody = matches!(name.as_str(), "" | "-" | "system" | "anonymous" | "network service");
    (!nobody && !name.ends_with('$') && !own.iter().any(|front| name.starts_with(front))).then_some(name)
}

fn answered(service: Service, agent: &str) -> ReasonKind {
    let named = (!matches!(agent, "" | "-")).then(|| agents::shown(agent).clone());
    ReasonKind::MailboxAnswered { service: service.name().to_owned(), agent: named }
}

#[cfg(test)]
mod tests;
