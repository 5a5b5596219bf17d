//! What happens, to whom and when: the story that the lab tells in logs.
//!
//! In: YAML, see `scenarios/ministry.yaml`. Out: a checked [`Scenario`]. How a step looks in logs stands in
//! `intruder.rs`; a scenario says only that it was taken.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::LabError;
use crate::moment::Moment;

const BUILT_IN: [(&str, &str); 1] = [("ministry", include_str!("../scenarios/ministry.yaml"))];

/// Days that a story may last.
const DAYS_MAX: i64 = 3_660;
/// What one thing may be counted a day, and requests or seconds in a step.
const COUNT_MAX: u32 = 5_000;

/// The names of the scenarios that are built in, sorted.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// A scenario that is built in; `None` if there is none of this name.
pub fn built_in(name: &str) -> Option<Scenario> {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Scenario::from_yaml(text).ok() // a test reads every one of them
}

/// A story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One word.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Start of the story.
    pub(crate) from: Moment,
    /// When the evidence was collected.
    pub(crate) to: Moment,
    pub(crate) domain: Domain,
    /// Days on which nobody works.
    #[serde(default, deserialize_with = "dates")]
    pub(crate) quiet_days: Vec<Date>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) mail: Mail,
    /// Days of updates and restarts.
    #[serde(default, deserialize_with = "dates")]
    pub(crate) patch_days: Vec<Date>,
    pub(crate) users: Vec<User>,
    pub(crate) admins: Vec<Admin>,
    #[serde(default)]
    pub(crate) service_accounts: Vec<Admin>,
    pub(crate) scanners: Scanners,
    pub(crate) intrusions: Vec<Intrusion>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Domain {
    pub(crate) dns: String,
    pub(crate) netbios: String,
    pub(crate) sid: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Exchange,
    DomainController,
    Workstation,
}

/// A log, or a family of logs that is kept for the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Iis,
    HttpProxy,
    Ecp,
    Security,
    Sysmon,
    System,
    Application,
    Management,
    Terminal,
    Ews,
    Oab,
    CmdletInfra,
    Tracking,
    HttpErr,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) address: String,
    /// Who sits at a workstation.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// The zip that its logs were collected in; a folder of its name if absent.
    #[serde(default)]
    pub(crate) collection: Option<String>,
    /// What is left of its logs; a source that is absent was never kept.
    pub(crate) kept: BTreeMap<Source, Vec<Span>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    from: Moment,
    to: Moment,
}

impl Host {
    pub(crate) fn spans(&self, source: Source) -> &[Span] {
        self.kept.get(&source).map_or(&[], Vec::as_slice)
    }

    /// Whether a line of this source and time is still there.
    pub(crate) fn keeps(&self, source: Source, time: Moment) -> bool {
        self.spans(source).iter().any(|span| span.from <= time && time <= span.to)
    }

    /// Whether any of these sources still has something of the day.
    pub(crate) fn keeps_of_day(&self, sources: &[Source], day: Date) -> bool {
        let any = |span: &Span| span.from.date() <= day && day <= span.to.date();
        sources.iter().any(|source| self.spans(*source).iter().any(any))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mail {
    pub(crate) names: Vec<String>,
    pub(crate) builds: Vec<Build>,
    pub(crate) health_mailbox: Admin,
    pub(crate) health_probes_a_day: Probes,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probes {
    pub(crate) owa: u32,
    pub(crate) ecp: u32,
    pub(crate) autodiscover: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    #[serde(deserialize_with = "date")]
    from: Date,
    build: String,
}

impl Mail {
    /// The four numbers of Exchange's build on a day, as text: `["15", "1", "1847", "10"]`.
    pub(crate) fn build(&self, day: Date) -> Vec<&str> {
        let newest = self.builds.iter().filter(|build| build.from <= day).max_by_key(|build| build.from);
        newest.or(self.builds.first()).map(|build| build.build.split('.').collect()).unwrap_or_default()
    }

    /// The name that clients know the server by.
    pub(crate) fn public_name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) rid: u32,
    pub(crate) seat: String,
    pub(crate) home: String,
    /// OWA sessions on a working day.
    pub(crate) owa: u32,
    /// Requests of Outlook and EWS on a working day that the lab writes.
    pub(crate) outlook: u32,
    #[serde(default)]
    pub(crate) phone: Option<Phone>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phone {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) agent: String,
    pub(crate) polls: u32,
}

/// An account that does no mail: an administrator or a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    pub(crate) name: String,
    pub(crate) rid: u32,
    pub(crate) seat: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scanners {
    pub(crate) a_day: u32,
    pub(crate) addresses: Vec<String>,
    pub(crate) agents: Vec<String>,
    pub(crate) paths: Vec<String>,
    /// From when on they try the flaw of March 2021, in vain.
    #[serde(default)]
    pub(crate) proxylogon_from: Option<Moment>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Intrusion {
    pub(crate) id: String,
    pub(crate) actor: String,
    pub(crate) accounts: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) doors: Vec<Door>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Door {
    pub(crate) kind: String,
    pub(crate) host: String,
    pub(crate) place: String,
    #[serde(default)]
    pub(crate) cve: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) time: Moment,
    pub(crate) tactic: String,
    pub(crate) technique: String,
    #[serde(default)]
    pub(crate) host: Option<String>,
    #[serde(default)]
    pub(crate) account: Option<String>,
    pub(crate) text: String,
    pub(crate) does: Act,
}

/// What a step does. The step's `host` is where it takes effect.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Act {
    /// Nothing that any log of the institution could hold.
    Unlogged,
    /// Signs in to OWA as the step's account.
    OwaLogon { address: String, agent: String },
    /// Reads a mailbox through EWS.
    EwsSession { address: String, agent: String, requests: u32 },
    /// Looks at a page.
    ShellVisit { page: String, address: String, agent: String, status: u16 },
    /// Runs commands through a web shell.
    ShellCommands {
        page: String,
        address: String,
        agent: String,
        pool: String,
        every_seconds: u32,
        commands: Vec<String>,
    },
    /// CVE-2020-0688: a command that writes a file.
    Viewstate { address: String, agent: String, command: String, file: String },
    /// A process writes a file.
    FileWritten { image: String, file: String },
    /// Dumps the memory of LSASS through a web shell.
    DumpLsass { page: String, address: String, agent: String, pool: String, command: String, file: String },
    /// Installs a service on the step's host from another.
    ServiceInstall { from: String, pool: String, name: String, image_path: String },
    /// Creates a scheduled task on the step's host from another, whose implant is `service`.
    TaskInstall { from: String, service: String, name: String, command: String },
    /// A scheduled script packs files.
    Archive { script: String, tool: String, command: String, files: Vec<String> },
    /// Fetches files from the web server.
    Download { pages: Vec<String>, address: String, agent: String, seconds: u32 },
    /// Runs Exchange cmdlets in remote `PowerShell` as the step's account.
    Cmdlets { cmdlets: Vec<Cmdlet> },
    /// CVE-2021-26855 up to a session of ECP.
    Proxylogon { address: String, page: String },
    /// CVE-2021-27065: the offline address book's URL becomes a file.
    OabShell { address: String, page: String, url: String, file: String },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cmdlet {
    pub(crate) name: String,
    pub(crate) parameters: String,
}

/// Reads `2021-03-03`.
fn date<'de, D: Deserializer<'de>>(input: D) -> Result<Date, D::Error> {
    let text = String::deserialize(input)?;
    text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not a day like 2021-03-03")))
}

fn dates<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Date>, D::Error> {
    #[derive(Deserialize)]
    struct Day(#[serde(deserialize_with = "date")] Date);
    Ok(Vec::<Day>::deserialize(input)?.into_iter().map(|Day(day)| day).collect())
}

impl Scenario {
    /// Reads and checks a scenario.
    pub fn from_yaml(text: &str) -> Result<Self, LabError> {
        let scenario: Self =
            yaml_serde::from_str(text).map_err(|error| LabError::Scenario(error.to_string()))?;
        match scenario.fault() {
            Some(fault) => Err(LabError::Scenario(fault)),
            None => Ok(scenario),
        }
    }

    /// The first thing that is wrong with it.
    fn fault(&self) -> Option<String> {
        if self.from >= self.to {
            return Some(format!("`from` {} is not before `to` {}", self.from.iis(), self.to.iis()));
        }
        let lists = [
            ("mail.names", self.mail.names.len()),
            ("mail.builds", self.mail.builds.len()),
            ("users", self.users.len()),
            ("admins", self.admins.len()),
            ("scanners.addresses", self.scanners.addresses.len()),
            ("scanners.agents", self.scanners.agents.len()),
            ("scanners.paths", self.scanners.paths.len()),
        ];
        if let Some((name, _)) = lists.iter().find(|(_, len)| *len == 0) {
            return Some(format!("`{name}` is empty"));
        }
        if self.exchange().is_none() {
            return Some("no host has the role `exchange`".to_owned());
        }
        if let Some(fault) = self.limit_fault() {
            return Some(fault);
        }
        self.steps().find_map(|step| self.fault_of(step))
    }

    /// What would take too long, or would be written outside the folder.
    fn limit_fault(&self) -> Option<String> {
        let days = (self.to.unix_seconds() - self.from.unix_seconds()) / 86_400;
        if days > DAYS_MAX {
            return Some(format!("the story lasts {days} days; the limit is {DAYS_MAX}"));
        }
        let probes = self.mail.health_probes_a_day;
        let people = self
            .users
            .iter()
            .flat_map(|user| [user.owa, user.outlook, user.phone.as_ref().map_or(0, |phone| phone.polls)]);
        let counts = people.chain([self.scanners.a_day, probes.owa, probes.ecp, probes.autodiscover]);
        let steps = self.steps().filter_map(|step| match step.does {
            Act::EwsSession { requests: count, .. }
            | Act::ShellCommands { every_seconds: count, .. }
            | Act::Download { seconds: count, .. } => Some(count),
            _ => None,
        });
        if let Some(count) = counts.chain(steps).find(|count| *count > COUNT_MAX) {
            return Some(format!("a count of {count}; the limit is {COUNT_MAX}"));
        }
        let plain = |name: &&str| {
            name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
                && !name.starts_with('.')
        };
        let names = self.hosts.iter().flat_map(|host| [Some(host.name.as_str()), host.collection.as_deref()]);
        let bad = names.flatten().find(|name| name.is_empty() || !plain(name));
        bad.map(|name| {
            format!("`{name}` cannot be the name of a folder: letters, digits, `-`, `_` and `.` only")
        })
    }

    fn fault_of(&self, step: &Step) -> Option<String> {
        if step.time < self.from || step.time > self.to {
            return Some(format!("step {}: {} lies outside the story", step.id, step.time.iis()));
        }
        let from = match &step.does {
            Act::ServiceInstall { from, .. } | Act::TaskInstall { from, .. } => Some(from),
            _ => None,
        };
        let unknown = step.host.iter().chain(from).find(|name| self.host(name).is_none());
        if let Some(name) = unknown {
            return Some(format!("step {}: there is no host `{name}`", step.id));
        }
        let needs_host = !matches!(step.does, Act::Unlogged);
        if needs_host && step.host.is_none() {
            return Some(format!("step {}: it needs a `host`", step.id));
        }
        let needs_account = matches!(
            step.does,
            Act::OwaLogon { .. }
                | Act::EwsSession { .. }
                | Act::Viewstate { .. }
                | Act::ServiceInstall { .. }
                | Act::TaskInstall { .. }
                | Act::Cmdlets { .. }
        );
        if needs_account && step.account.as_ref().is_none_or(|name| self.rid(name).is_none()) {
            return Some(format!("step {}: it needs an `account` that the scenario knows", step.id));
        }
        None
    }

    /// All steps, intrusion by intrusion: the order that step indices count in.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.intrusions.iter().flat_map(|intrusion| &intrusion.steps)
    }

    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The mail server.
    pub(crate) fn exchange(&self) -> Option<&Host> {
        self.hosts.iter().find(|host| host.role == Role::Exchange)
    }

    /// The relative id of an account.
    pub(crate) fn rid(&self, account: &str) -> Option<u32> {
        let users = self.users.iter().map(|user| (&user.name, user.rid));
        let health = std::iter::once(&self.mail.health_mailbox);
        let others = self
            .admins
            .iter()
            .chain(&self.service_accounts)
            .chain(health)
            .map(|admin| (&admin.name, admin.rid));
        users.chain(others).find(|(name, _)| *name == account).map(|(_, rid)| rid)
    }

    /// The SID of an account, of nobody if the scenario does not know it.
    pub(crate) fn sid(&self, account: &str) -> String {
        self.rid(account).map_or_else(|| "S-1-0-0".to_owned(), |rid| format!("{}-{rid}", self.domain.sid))
    }

    pub(crate) fn is_quiet(&self, day: Date) -> bool {
        self.quiet_days.contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_can_be_read() {
        for (name, text) in BUILT_IN {
            let scenario = Scenario::from_yaml(text).expect(name);
            assert_eq!(scenario.name, name);
        }
        assert!(built_in("none").is_none());
    }

    #[test]
    fn a_fault_names_its_place() {
        let text = BUILT_IN[0].1;
        let check = |from: &str, to: &str, expected: &str| {
            assert!(text.contains(from), "{from}");
            let error = Scenario::from_yaml(&text.replacen(from, to, 1)).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("host: DC01\n", "host: DC09\n", "step T-1.12: there is no host `DC09`");
        check("time: 2019-03-28T08:14:00Z", "time: 2018-03-28T08:14:00Z", "step T-1.01: 2018-03-28");
        check("role: exchange", "role: workstation", "no host has the role `exchange`");
        check("kind: ews-session", "kind: ews-sessions", "ews-sessions");
        check("summary:", "sumary:", "sumary");
        check("- name: WS07", "- name: ../WS07", "`../WS07` cannot be the name of a folder");
        check("from: 2019-03-25", "from: 1919-03-25", "the limit is 3660");
        check("requests: 38", "requests: 3800000", "a count of 3800000");
    }

    #[test]
    fn the_build_is_the_one_installed_last() {
        let scenario = built_in("ministry").expect("built in");
        let on = |day: Date| scenario.mail.build(day).join(".");
        assert_eq!(on(Date::constant(2019, 4, 1)), "15.1.1713.5");
        assert_eq!(on(Date::constant(2020, 2, 7)), "15.1.1713.5");
        assert_eq!(on(Date::constant(2020, 2, 8)), "15.1.1847.3");
        assert_eq!(on(Date::constant(2021, 3, 3)), "15.1.1847.10");
    }
}
