//! `piste trail --estate`: which hosts and accounts are compromised, suspected, without a sign, and not examined, each with why.
//!
//! In: the trail and findings of the last run, and where it is given a list of the estate's hosts. Out: a line each. A host of the list of
//! which no row is here was not examined, which is no good sign.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use piste_model::trail::{ScopeHost, Trail};
use piste_model::{Finding, FindingKind, Level};
use piste_report::columns::Table;
use piste_report::escape::terminal;
use serde::Serialize;

use crate::failure::Failure;
use crate::look::is_host;
use crate::out;

/// Hosts of a list: a longer one is no list of hosts.
const HOSTS_MAX: usize = 1_000_000;
/// Characters of a reason.
const BECAUSE_CHARS: usize = 220;
/// Heads of the column that names hosts, in lower case.
const HEADS: [&str; 8] =
    ["host", "hostname", "computer", "computername", "name", "dnshostname", "device", "asset"];

/// What is said of a host or an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Compromised,
    Suspected,
    NoSign,
    NotExamined,
}

impl Standing {
    fn words(&self) -> &'static str {
        match self {
            Self::Compromised => "compromised",
            Self::Suspected => "suspected",
            Self::NoSign => "no sign",
            Self::NotExamined => "not examined",
        }
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct EstateLine {
    standing: Standing,
    name: String,
    because: String,
}

/// The whole.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Estate {
    hosts: Vec<EstateLine>,
    accounts: Vec<EstateLine>,
}

impl Estate {
    /// Of the last run; `listed` are the hosts of the estate, where a list was given.
    pub(crate) fn of(trail: &Trail, findings: &[Finding], listed: &[String]) -> Self {
        let scope = &trail.scope;
        let line = |standing: Standing, one: &ScopeHost| EstateLine {
            standing,
            name: one.host.clone(),
            because: one.because.clone(),
        };
        let mut hosts: Vec<EstateLine> = Vec::new();
        hosts.extend(scope.compromised.iter().map(|one| line(Standing::Compromised, one)));
        hosts.extend(scope.suspected.iter().map(|one| line(Standing::Suspected, one)));
        hosts.extend(scope.no_sign.iter().map(|one| line(Standing::NoSign, one)));
        hosts.extend(scope.not_examined.iter().map(|one| line(Standing::NotExamined, one)));
        // Short names are looked up once: a list may hold a hundred thousand.
        let known: BTreeSet<String> = hosts.iter().flat_map(|one| names_of(&one.name)).collect();
        let missing = listed.iter().filter(|host| !names_of(host).iter().any(|name| known.contains(name)));
        hosts.extend(missing.map(|host| EstateLine {
            standing: Standing::NotExamined,
            name: host.clone(),
            because: "it is on the list of the estate, and no log of it is here".to_owned(),
        }));
        hosts.sort();
        Self { hosts, accounts: accounts(trail, findings) }
    }

    /// As text.
    pub(crate) fn print(&self) {
        for (title, lines) in [("host", &self.hosts), ("account", &self.accounts)] {
            let mut table = Table::new(&[title, "standing", "why"]);
            for line in lines {
                table.rows.push(vec![
                    terminal(&line.name, 80),
                    line.standing.words().to_owned(),
                    terminal(&line.because, BECAUSE_CHARS),
                ]);
            }
            out::data(&table.text(out::table_width()));
            out::data("\n");
        }
        let count = |standing: &Standing| self.hosts.iter().filter(|one| one.standing == *standing).count();
        out::data(&format!(
            "{} hosts compromised, {} suspected, {} without a sign in the span of their logs, {} not examined\n",
            count(&Standing::Compromised),
            count(&Standing::Suspected),
            count(&Standing::NoSign),
            count(&Standing::NotExamined)
        ));
        out::data(
            "Accounts that no step and no grave finding names are not listed: that they were not used is not shown.\n",
        );
    }
}

/// A host's name, and that without its domain, in lower case.
fn names_of(host: &str) -> Vec<String> {
    let lower = host.to_lowercase();
    if lower.parse::<std::net::IpAddr>().is_ok() {
        return vec![lower];
    }
    let short = lower.split('.').next().unwrap_or_default().to_owned();
    if short == lower { vec![lower] } else { vec![lower, short] }
}

/// Accounts that the intruder acted as, then those that grave findings name besides.
fn accounts(trail: &Trail, findings: &[Finding]) -> Vec<EstateLine> {
    let mut used: BTreeMap<String, EstateLine> = BTreeMap::new();
    for intrusion in &trail.intrusions {
        for account in &intrusion.accounts {
            let mut steps = intrusion.steps.iter().filter(|step| step.account.eq_ignore_ascii_case(account));
            let first = steps.next();
            let more = steps.count();
            let because = first.map_or_else(
                || format!("a way in of {} acts as it", intrusion.id),
                |step| {
                    format!(
                        "{} and {more} more steps of {} were done as it: {}",
                        step.id, intrusion.id, step.text
                    )
                },
            );
            let line = EstateLine { standing: Standing::Compromised, name: account.clone(), because };
            used.entry(account.to_lowercase()).or_insert(line);
        }
    }
    let grave = findings.iter().filter(|one| {
        one.level >= Level::High
            && one.kind != FindingKind::Lead
            && !["false-positive", "benign"].contains(&one.verdict.as_str())
    });
    for finding in grave {
        for account in finding.entities.account.iter().filter(|account| is_somebody(account)) {
            used.entry(account.to_lowercase()).or_insert_with(|| EstateLine {
                standing: Standing::Suspected,
                name: account.clone(),
                because: format!("{} names it: {}", finding.id, finding.title),
            });
        }
    }
    let mut lines: Vec<EstateLine> = used.into_values().collect();
    lines.sort();
    lines
}

/// Whether an account is one that somebody could have taken.
fn is_somebody(account: &str) -> bool {
    const OF_SYSTEM: [&str; 6] = ["system", "local service", "network service", "anonymous logon", "-", ""];
    let plain = account.rsplit('\\').next().unwrap_or(account).to_lowercase();
    !plain.ends_with('$') && !OF_SYSTEM.contains(&plain.as_str()) && !plain.starts_with("s-1-5-18")
}

/// The hosts of a list: a CSV with a column that its head names, else the first; or one name a line.
pub(crate) fn listed(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read(path).map_err(|error| {
        Failure::usage(
            "estate-unreadable",
            format!("the list of hosts `{}` cannot be read: {error}", path.display()),
            "nothing was shown",
            "check the path and the permissions",
        )
    })?;
    let text = String::from_utf8_lossy(&text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lines =
        text.lines().map(cells).filter(|cells| cells.iter().any(|cell| !cell.is_empty())).peekable();
    let head: Vec<String> = lines.peek().into_iter().flatten().map(|cell| cell.to_lowercase()).collect();
    let column = HEADS.iter().find_map(|name| head.iter().position(|cell| cell == name));
    let rows = lines.skip(usize::from(column.is_some()));
    let hosts: BTreeSet<String> = rows
        .filter_map(|cells| cells.get(column.unwrap_or(0)).map(|cell| (*cell).to_owned()))
        .filter(|host| !host.is_empty())
        .take(HOSTS_MAX)
        .collect();
    if hosts.is_empty() {
        return Err(Failure::usage(
            "estate-empty",
            format!("the list of hosts `{}` names none", path.display()),
            "nothing was shown",
            "give one host a line, or a CSV with a column called host",
        ));
    }
    Ok(hosts.into_iter().collect())
}

/// The cells of a line, by comma or semicolon, without their quotes.
fn cells(line: &str) -> Vec<&str> {
    let separator = if line.contains(';') { ';' } else { ',' };
    line.split(separator).map(|cell| cell.trim().trim_matches('"').trim()).collect()
}

/// Whether a line is of one of these hosts.
pub(crate) fn retain_hosts(estate: &mut Estate, wanted: &[String]) {
    if !wanted.is_empty() {
        estate.hosts.retain(|one| wanted.iter().any(|host| is_host(host, &one.name)));
    }
}
