//! The scope of a plan: what the last run found, as assets.
//!
//! In: doors, findings, exposure, the trail and the logs' hosts in `out/`. Out: a [`Scope`]. Only what was used, judged true or joined
//! to an intrusion makes a host compromised: a rule that matched is no intruder.

use std::collections::BTreeSet;
use std::path::Path;

use piste_case::plan::{AssetKind, Scope};
use piste_model::summary::Summary;
use piste_model::{Door, DoorState, DoorVerdict, Exposure, Finding, Level, Visibility};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::look::{Seen, unreadable};

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
/// Datasets that domain controllers alone write.
const OF_CONTROLLERS: [&str; 3] =
    ["windows.directory-service", "windows.dfs-replication", "windows.kerberos-kdc"];

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

/// Reads it.
pub(super) fn of(seen: &Seen, case: &Path) -> Result<Scope, Failure> {
    let mut scope = Scope::default();
    let summary: Summary = object(seen, case, "summary.json")?;
    for host in &summary.hosts {
        scope.add(AssetKind::Host, host, "", "its evidence");
    }
    let doors: Doors = object(seen, case, "doors.json")?;
    doors.doors.iter().for_each(|door| add_door(&mut scope, door));
    let exposure: Servers = object(seen, case, "exposure.json")?;
    exposure.servers.iter().for_each(|server| add_server(&mut scope, server));
    for finding in seen.findings(case)? {
        add_finding(&mut scope, &finding);
    }
    let trail: Trail = object(seen, case, "trail.json")?;
    for intrusion in trail.intrusions.iter().flatten() {
        add_intrusion(&mut scope, intrusion);
    }
    add_domains(&mut scope, &trail.visibility);
    Ok(scope)
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
    if door.state != DoorState::Closed {
        scope.add(AssetKind::OpenDoor, &door.place, &door.host, id);
    }
    if EXCHANGE_DOORS.contains(&door.kind.as_str()) {
        scope.add(AssetKind::ExchangeDoor, &door.place, &door.host, id);
    }
    if door.kind.starts_with("mail") {
        scope.add(AssetKind::Mailbox, &door.place, &door.host, id);
    }
    if door.verdict >= DoorVerdict::Used {
        scope.add(AssetKind::CompromisedHost, &door.host, "", id);
        door.accounts.iter().for_each(|account| add_account(scope, account, id));
        for source in &door.sources {
            scope.add(AssetKind::Address, source, "", id);
            scope.add(AssetKind::Indicator, source, "", id);
        }
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
    if confirmed || finding.level >= Level::High {
        scope.techniques.extend(finding.attack.iter().filter(|one| one.starts_with('T')).cloned());
        let stays = finding.attack.iter().any(|one| STAYS.iter().any(|stays| one.starts_with(stays)));
        let host = finding.hosts.first().map(String::as_str).unwrap_or_default();
        if stays {
            scope.add(AssetKind::Persistence, &finding.title, host, &id);
        }
    }
}

fn add_intrusion(scope: &mut Scope, intrusion: &Intrusion) {
    intrusion.hosts.iter().for_each(|host| scope.add(AssetKind::CompromisedHost, host, "", &intrusion.id));
    intrusion.accounts.iter().for_each(|account| add_account(scope, account, &intrusion.id));
    let techniques = intrusion.steps.iter().filter_map(|step| step.technique.clone());
    scope.techniques.extend(techniques.filter(|one| one.starts_with('T')));
}

/// Domains by the accounts and hosts of the scope, and their controllers: those that evidence names, or that it does not.
fn add_domains(scope: &mut Scope, logs: &[Visibility]) {
    let controllers: BTreeSet<&str> = logs
        .iter()
        .filter(|log| OF_CONTROLLERS.contains(&log.dataset.as_str()))
        .map(|log| log.host.as_str())
        .collect();
    for host in &controllers {
        scope.add(AssetKind::DomainController, host, "", "its logs");
    }
    let hosts = scope.of(AssetKind::CompromisedHost);
    let domains: BTreeSet<(String, String)> = hosts
        .iter()
        .filter_map(|host| Some((host.name.split_once('.')?.1.to_lowercase(), host.because.join(", "))))
        .filter(|(domain, _)| domain.contains('.'))
        .collect();
    for (domain, because) in domains {
        scope.add(AssetKind::Domain, &domain, "", &because);
        let known = controllers.iter().any(|host| host.to_lowercase().ends_with(&format!(".{domain}")));
        if !known {
            let name = format!("the domain controllers of {domain}, which no evidence names");
            scope.add(AssetKind::DomainController, &name, "", &because);
        }
    }
}
