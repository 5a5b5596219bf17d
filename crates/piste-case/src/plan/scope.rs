//! What the plan is about: hosts, accounts, doors and what else the intruder touched or could use.
//!
//! In: what other parts of the case found. Out: assets, each with the findings, doors or intrusions that brought it in: a target of
//! which nobody can say why it is one is none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssetKind {
    /// The institution: of what is done once.
    Organisation,
    /// A computer that evidence names.
    Host,
    /// A computer on which the intruder was.
    CompromisedHost,
    /// A domain controller.
    DomainController,
    /// An Exchange server.
    ExchangeServer,
    /// A domain of the directory.
    Domain,
    /// An account that he used.
    Account,
    /// An address or name of his.
    Address,
    /// A way in.
    Door,
    /// A way in that is not known to be closed.
    OpenDoor,
    /// A page, module, rule or right in Exchange by which he came in.
    ExchangeDoor,
    /// A flaw that is open.
    Flaw,
    /// A service, task, Run value or the like of his.
    Persistence,
    /// A mailbox that he reached.
    Mailbox,
    /// A hash, path or name by which he is known.
    Indicator,
}

/// One thing, and why it is in the scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asset {
    /// What it is.
    pub kind: AssetKind,
    /// Its name: `MX01`, `MIN\svc-sql`, `203.0.113.7`.
    pub name: String,
    /// The computer that it is on, where it is on one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// `D-1`, `F-3`, `I-1`: what brought it in.
    pub because: Vec<String>,
}

/// All that the plan is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    assets: BTreeMap<(AssetKind, String, String), BTreeSet<String>>,
    /// Techniques that were seen.
    pub techniques: BTreeSet<String>,
}

impl Scope {
    /// Takes in an asset; the same one may be brought in by several things.
    pub fn add(&mut self, kind: AssetKind, name: &str, host: &str, because: &str) {
        if name.is_empty() {
            return;
        }
        let key = (kind, name.to_owned(), host.to_owned());
        self.assets.entry(key).or_default().insert(because.to_owned());
    }

    /// The assets of a kind, by name.
    pub fn of(&self, kind: AssetKind) -> Vec<Asset> {
        let of_kind = self.assets.iter().filter(|((one, ..), _)| *one == kind);
        of_kind
            .map(|((kind, name, host), because)| Asset {
                kind: *kind,
                name: name.clone(),
                host: host.clone(),
                because: because.iter().cloned().collect(),
            })
            .collect()
    }
}
