//! The scope of a plan: what the last run found, as assets.
//!
//! In: doors, findings, exposure, the trail and the logs' hosts in `out/`. Out: a [`Scope`]. Only what was used, judged true or joined
//! to an intrusion makes a host compromised: a rule that matched is no intruder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use piste_case::plan::{AssetKind, Scope};
use piste_model::summary::Summary;
use piste_model::{Door, DoorState, DoorVerdict, Evidence, Exposure, Finding, Level, Visibility, address};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::look::{EVIDENCE, HostNames, Seen, unreadable};
use crate::triage::role::{self, Holds};

/// Verdict of a person who says that a finding is the intruder's.
const CONFIRMED: [&str; 1] = ["confirmed"];
/// Verdicts of a person who says that it is not.
const DISMISSED: [&str; 2] = ["false-positive", "benign"];
/// Techniques by which somebody stays. Source: ATT&CK's tactic persistence.
const STAYS: [&str; 12] = [
    "T1543", "T1053", "T1547", "T1546", "T1197", "T1505", "T1136", "T1098", "T1574", "T1556", "T1137",
    "T1037",
];
/// Ways in that are a part of Exchange or of its web server.
const EXCHANGE_DOORS: [&str; 6] =
    ["webshell", "iis-module", "oab-external-url", "virtual-directory", "transport-agent", "exploit"];
/// Techniques after which no secret of the domain is one: the directory copied, or its controllers and policies changed.
const DOMAIN_WIDE: [&str; 6] = ["T1003.003", "T1003.006", "T1207", "T1484", "T1556.001", "T1558.001"];
/// What Windows writes before the names of its own accounts.
const AUTHORITIES: [&str; 8] = [
    "nt authority",
    "nt service",
    "builtin",
    "iis apppool",
    "window manager",
    "font driver host",
    "workgroup",
    "autorite nt",
];
/// Rows of the catalogue of roles that say so are domain controllers.
const CONTROLLER: &str = "domain controller";
/// Files or programs that a target names.
const THINGS_NAMED: usize = 3;

#[derive(Deserialize)]
struct Doors {
    doors: Vec<Door>,
}

#[derive(Deserialize)]
struct Servers {
    servers: Vec<Exposure>,
}

#[derive(Deserialize, Default)]
struct Trail {
    #[serde(default)]
    intrusions: Option<Vec<Intrusion>>,
    #[serde(default)]
    visibility: Vec<Visibility>,
}

#[derive(Deserialize)]
struct Intrusion {
    id: String,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    technique: Option<String>,
}

/// What a run found, as far as a scope needs it.
#[derive(Clone, Copy)]
pub(crate) struct RunScope<'a> {
    /// Hosts that rows name.
    pub(crate) hosts: &'a [String],
    /// Ways in.
    pub(crate) doors: &'a [Door],
    /// Which flaws were open when.
    pub(crate) exposures: &'a [Exposure],
    /// Findings.
    pub(crate) findings: &'a [Finding],
    /// What was done.
    pub(crate) trail: &'a piste_model::Trail,
}

/// The scope of a run whose outputs are being written.
pub(super) fn of_run(run: &RunScope<'_>) -> Scope {
    let mut scope = Scope::default();
    add_evidence(&mut scope, run.hosts, run.doors, run.exposures);
    for one in &run.trail.intrusions {
        let technique = |step: &piste_model::trail::Step| Step { technique: Some(step.technique.clone()) };
        let intrusion = Intrusion {
            id: one.id.clone(),
            hosts: one.hosts.clone(),
            accounts: one.accounts.clone(),
            steps: one.steps.iter().map(technique).collect(),
        };
        add_intrusion(&mut scope, &intrusion);
    }
    run.findings.iter().for_each(|finding| add_finding(&mut scope, finding));
    // Which host is a controller costs a reading of its own: without it a domain would be said to have none here.
    scope
}

/// Reads it.
pub(super) fn of(seen: &Seen, case: &Path) -> Result<Scope, Failure> {
    let mut scope = Scope::default();
    let summary: Summary = object(seen, case, "summary.json")?;
    let doors: Doors = object(seen, case, "doors.json")?;
    let exposure: Servers = object(seen, case, "exposure.json")?;
    add_evidence(&mut scope, &summary.hosts, &doors.doors, &exposure.servers);
    let trail: Trail = object(seen, case, "trail.json")?;
    for intrusion in trail.intrusions.iter().flatten() {
        add_intrusion(&mut scope, intrusion);
    }
    // What stays counts more where somebody was: findings come after what says where that is.
    for finding in seen.findings(case)? {
        add_finding(&mut scope, &finding);
    }
    add_domains(&mut scope, &controllers(seen, case, &trail.visibility)?);
    Ok(scope)
}

fn add_evidence(scope: &mut Scope, hosts: &[String], doors: &[Door], exposures: &[Exposure]) {
    for host in hosts {
        scope.add(AssetKind::Host, host, "", "its evidence");
    }
    doors.iter().for_each(|door| add_door(scope, door));
    exposures.iter().for_each(|server| add_server(scope, server));
}

fn object<T: DeserializeOwned>(seen: &Seen, case: &Path, name: &str) -> Result<T, Failure> {
    let text = seen.results.text(case, name)?;
    serde_json::from_str(&text).map_err(|error| unreadable(name, &error))
}

fn add_door(scope: &mut Scope, door: &Door) {
    let id = door.id.as_str();
    if door.verdict < DoorVerdict::Succeeded {
        return;
    }
    scope.add(AssetKind::Door, &door.place, &door.host, id);
    if door.kind == "account" {
        add_account_door(scope, door);
    } else if door.state != DoorState::Closed {
        scope.add(AssetKind::OpenDoor, &door.place, &door.host, id);
    }
    if EXCHANGE_DOORS.contains(&door.kind.as_str()) {
        scope.add(AssetKind::ExchangeDoor, &door.place, &door.host, id);
    }
    if door.verdict >= DoorVerdict::Used {
        scope.add(AssetKind::CompromisedHost, &door.host, "", id);
        door.accounts.iter().for_each(|account| add_account(scope, account, id));
        // An address of the house is a proxy, a balancer or a colleague: to block it cuts the house off.
        let outside = |source: &&String| address::parse(source).is_none_or(address::is_public);
        for source in door.sources.iter().filter(outside) {
            scope.add(AssetKind::Address, source, "", id);
            scope.add(AssetKind::Indicator, source, "", id);
        }
        if EXCHANGE_DOORS.contains(&door.kind.as_str()) {
            scope.add(AssetKind::Mailbox, &format!("every mailbox of {}", door.host), &door.host, id);
        }
    }
}

/// A way in that is an account: it is disabled, not taken off the Internet. Its name may be one that a computer would have: that
/// hides it.
fn add_account_door(scope: &mut Scope, door: &Door) {
    let id = door.id.as_str();
    // A right is told before the name of whom it was given to.
    let (right, name) = match door.place.rsplit_once(": ") {
        Some((right, name)) => (Some(right), name),
        None => (None, door.place.as_str()),
    };
    let is_name = !name.is_empty() && !name.contains(' ');
    if is_name {
        scope.add(AssetKind::Account, name, "", id);
    }
    if let Some(right) = right {
        scope.add(
            AssetKind::Mailbox,
            &format!("every mailbox that {name} reaches by {right}"),
            &door.host,
            id,
        );
    } else if is_name && door.verdict >= DoorVerdict::Used {
        scope.add(AssetKind::Mailbox, name, &door.host, id);
    }
}

/// Accounts of the system are nobody's: they are not disabled.
fn add_account(scope: &mut Scope, account: &str, because: &str) {
    let plain = account.rsplit('\\').next().unwrap_or(account).to_lowercase();
    let of_system = ["system", "local service", "network service", "anonymous logon", "-", ""];
    let of_machine =
        plain.ends_with('$') || plain.starts_with("s-1-5-18") || account.starts_with("IIS APPPOOL");
    if !of_system.contains(&plain.as_str()) && !of_machine {
        scope.add(AssetKind::Account, account, "", because);
    }
}

fn add_server(scope: &mut Scope, server: &Exposure) {
    let because = "its builds";
    scope.add(AssetKind::ExchangeServer, &server.host, "", because);
    for span in server.open.iter().filter(|span| span.to.is_none()) {
        scope.add(AssetKind::Flaw, &span.cve, &server.host, because);
    }
}

fn add_finding(scope: &mut Scope, finding: &Finding) {
    let id = finding.id.to_string();
    if DISMISSED.contains(&finding.verdict.as_str()) {
        return;
    }
    let confirmed = CONFIRMED.contains(&finding.verdict.as_str());
    if confirmed {
        finding.hosts.iter().for_each(|host| scope.add(AssetKind::CompromisedHost, host, "", &id));
        finding.entities.account.iter().for_each(|account| add_account(scope, account, &id));
    }
    let telling = confirmed || finding.level >= Level::High;
    let has = |techniques: &[&str]| {
        finding.attack.iter().any(|one| techniques.iter().any(|technique| one.starts_with(technique)))
    };
    if telling {
        scope.techniques.extend(finding.attack.iter().filter(|one| one.starts_with('T')).cloned());
    }
    if telling && has(&DOMAIN_WIDE) {
        for host in &finding.hosts {
            scope.add(AssetKind::Domain, &domain_of(host).unwrap_or_else(|| unnamed_domain(host)), "", &id);
        }
    }
    if has(&STAYS) {
        let compromised = scope.of(AssetKind::CompromisedHost);
        let somebody_was = |host: &String| compromised.iter().any(|one| one.name.eq_ignore_ascii_case(host));
        let hosts = finding
            .hosts
            .iter()
            .filter(|host| telling || (finding.level >= Level::Medium && somebody_was(host)));
        for host in hosts {
            scope.add(AssetKind::Persistence, &what_stays(finding), host, &id);
        }
    }
}

/// What the rule says, with the files or programs that its rows name: a title alone cannot be removed.
fn what_stays(finding: &Finding) -> String {
    let things =
        if finding.entities.file.is_empty() { &finding.entities.process } else { &finding.entities.file };
    let named: Vec<&str> = things.iter().map(String::as_str).take(THINGS_NAMED).collect();
    let more = things.len().saturating_sub(named.len());
    match (named.is_empty(), more) {
        (true, _) => finding.title.clone(),
        (false, 0) => format!("{}: {}", finding.title, named.join(", ")),
        (false, more) => format!("{}: {} and {more} more", finding.title, named.join(", ")),
    }
}

fn add_intrusion(scope: &mut Scope, intrusion: &Intrusion) {
    intrusion.hosts.iter().for_each(|host| scope.add(AssetKind::CompromisedHost, host, "", &intrusion.id));
    intrusion.accounts.iter().for_each(|account| add_account(scope, account, &intrusion.id));
    let techniques = intrusion.steps.iter().filter_map(|step| step.technique.clone());
    scope.techniques.extend(techniques.filter(|one| one.starts_with('T')));
}

/// Hosts that the catalogue of roles takes for domain controllers, by their logs, their Security log's events and their files.
fn controllers(seen: &Seen, case: &Path, logs: &[Visibility]) -> Result<BTreeSet<String>, Failure> {
    let roles = role::catalogue()?;
    let names = HostNames::of(case, seen)?;
    let evidence = seen.results.text(case, EVIDENCE)?;
    let evidence: Vec<Evidence> =
        evidence.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut holds: BTreeMap<String, Holds<'_>> = BTreeMap::new();
    for log in logs {
        holds.entry(log.host.clone()).or_default().datasets.insert(&log.dataset);
    }
    for (host, codes) in crate::triage::security_events(&seen.lake, &roles)? {
        holds.entry(names.full(&host).to_owned()).or_default().security_events.extend(codes);
    }
    for file in &evidence {
        let host = file.host.as_deref().map(|host| names.full(host));
        if let Some(one) = host.and_then(|host| holds.get_mut(host)) {
            one.paths.push(&file.path);
        }
    }
    let is_controller =
        |holds: &Holds<'_>| role::role(&roles, holds).names.iter().any(|name| name == CONTROLLER);
    Ok(holds
        .into_iter()
        .filter(|(host, holds)| !host.is_empty() && is_controller(holds))
        .map(|(host, _)| host)
        .collect())
}

/// Domains by the accounts and hosts of the scope, and their controllers: those that evidence names, or that it does not.
fn add_domains(scope: &mut Scope, controllers: &BTreeSet<String>) {
    for host in controllers {
        scope.add(AssetKind::DomainController, host, "", "its logs");
    }
    for (domain, because) in domains(scope) {
        because.iter().for_each(|one| scope.add(AssetKind::Domain, &domain, "", one));
        let is_of = |host: &String| domain_of(host).is_none_or(|own| own == domain || !domain.contains('.'));
        if !controllers.iter().any(is_of) {
            let whole = if domain.contains(' ') { domain } else { format!("the domain {domain}") };
            let name = format!("the controllers of {whole}, of which no evidence is here");
            because.iter().for_each(|one| scope.add(AssetKind::DomainController, &name, "", one));
        }
    }
}

/// Each domain with what brought it in: by the names of hosts and accounts, and where neither names one, as that of the host.
fn domains(scope: &Scope) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add =
        |domain: String, because: &[String]| found.entry(domain).or_default().extend(because.iter().cloned());
    for domain in scope.of(AssetKind::Domain) {
        add(domain.name, &domain.because);
    }
    let hosts = scope.of(AssetKind::CompromisedHost);
    for host in &hosts {
        if let Some(domain) = domain_of(&host.name) {
            add(domain, &host.because);
        }
    }
    let known = scope.of(AssetKind::Host);
    for account in scope.of(AssetKind::Account) {
        let Some((front, _)) = account.name.split_once('\\') else { continue };
        let front = front.to_lowercase();
        let is_host = known.iter().chain(&hosts).any(|host| short(&host.name).eq_ignore_ascii_case(&front));
        if front.is_empty() || front == "." || is_host || AUTHORITIES.contains(&front.as_str()) {
            continue;
        }
        // `MIN` is `min.example` where that is there.
        let long = found.keys().find(|domain| short(domain) == front).cloned();
        found.entry(long.unwrap_or(front)).or_default().extend(account.because);
    }
    if found.is_empty() {
        for host in &hosts {
            found.entry(unnamed_domain(&host.name)).or_default().extend(host.because.iter().cloned());
        }
    }
    found
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// `min.example` of `MX01.min.example`.
fn domain_of(host: &str) -> Option<String> {
    let (_, domain) = host.split_once('.').filter(|_| !host.contains(' '))?;
    domain.contains('.').then(|| domain.to_lowercase())
}

/// Of a host whose name has no domain in it: that there is none is not shown.
fn unnamed_domain(host: &str) -> String {
    format!("the domain of {host}, which no evidence names")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(scope: &Scope, kind: AssetKind) -> Vec<String> {
        scope.of(kind).into_iter().map(|asset| asset.name).collect()
    }

    fn door(kind: &str, host: &str, place: &str, verdict: &str, sources: &[&str]) -> Door {
        serde_json::from_value(json!({
            "id": "D-1", "key": "k", "kind": kind, "cve": [], "host": host, "place": place, "verdict": verdict,
            "state": "open", "opened": {"not_before": null, "not_after": null}, "first_used": null, "last_used": null,
            "sources": sources, "accounts": [], "why": [], "close": "", "rows": []
        }))
        .expect("a door")
    }

    #[test]
    fn an_account_is_disabled_and_not_taken_off_the_internet() {
        let mut scope = Scope::default();
        add_door(&mut scope, &door("account", "DC1", "helpdesk$", "succeeded", &[]));
        add_door(&mut scope, &door("account", "MX1", r"Mailbox Import Export: MIN\svc", "used", &[]));
        assert_eq!(names(&scope, AssetKind::Account), [r"MIN\svc", "helpdesk$"]);
        assert_eq!(names(&scope, AssetKind::OpenDoor), [] as [&str; 0]);
        assert_eq!(
            names(&scope, AssetKind::Mailbox),
            [r"every mailbox that MIN\svc reaches by Mailbox Import Export"]
        );
    }

    #[test]
    fn an_address_of_the_house_is_not_blocked() {
        let mut scope = Scope::default();
        add_door(&mut scope, &door("webshell", "MX1", "/x.aspx", "used", &["10.0.0.2", "203.0.113.7"]));
        assert_eq!(names(&scope, AssetKind::Address), ["203.0.113.7"]);
        assert_eq!(names(&scope, AssetKind::Mailbox), ["every mailbox of MX1"]);
    }

    #[test]
    fn a_domain_is_one_whoever_names_it_and_is_never_left_out() {
        let of = |hosts: &[&str], accounts: &[&str], controllers: &[&str]| {
            let mut scope = Scope::default();
            hosts.iter().for_each(|host| scope.add(AssetKind::CompromisedHost, host, "", "D-1"));
            accounts.iter().for_each(|account| scope.add(AssetKind::Account, account, "", "D-2"));
            add_domains(&mut scope, &controllers.iter().map(|host| (*host).to_owned()).collect());
            (names(&scope, AssetKind::Domain), names(&scope, AssetKind::DomainController))
        };
        let found =
            of(&["MX1.min.example"], &[r"MIN\jan", r"NT AUTHORITY\SYSTEM", r"MX1\adm"], &["DC1.min.example"]);
        assert_eq!(found, (vec!["min.example".to_owned()], vec!["DC1.min.example".to_owned()]));
        let found = of(&["MAIL2"], &[r"CORP\jan"], &[]);
        assert_eq!(found.0, ["corp"]);
        assert_eq!(found.1, ["the controllers of the domain corp, of which no evidence is here"]);
        let found = of(&["MAIL2"], &[], &[]);
        assert_eq!(found.0, ["the domain of MAIL2, which no evidence names"]);
        assert_eq!(of(&[], &[], &[]), (vec![], vec![]));
    }
}
