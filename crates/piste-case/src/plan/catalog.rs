//! `catalog/actions.yaml`, embedded: actions, their order, what shows that they were done.
//!
//! In: the file as a person maintains it. Out: [`ActionCatalog`], checked: ids stand once, and what an action comes after is there.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use piste_model::removal::TraceKind;
use serde::{Deserialize, Serialize};

use super::scope::AssetKind;

const TEXT: &str = include_str!("../../../../catalog/actions.yaml");

/// When an action belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wave {
    /// Unseen preparation.
    W0,
    /// The eviction window.
    W1,
    /// Follow-up.
    W2,
    /// Until the case is closed.
    #[serde(rename = "continuous")]
    Continuous,
    /// The modernisation programme.
    #[serde(rename = "later")]
    Later,
}

impl Wave {
    /// As a person reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::W0 => "preparation, unseen",
            Self::W1 => "eviction window",
            Self::W2 => "follow-up",
            Self::Continuous => "monitoring",
            Self::Later => "modernisation",
        }
    }
}

/// Whether the intruder may notice an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opsec {
    /// He does not see it.
    Covert,
    /// He sees it.
    Overt,
}

/// Minutes that one target takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes(pub u32, pub u32, pub u32);

impl Minutes {
    /// Likely.
    pub fn likely(self) -> u32 {
        self.1
    }
}

/// What shows that an action was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// Evidence that is looked at.
    pub artefact: String,
    /// What of it.
    pub check: String,
    /// When that is as it should be.
    pub pass_when: String,
}

/// References to other catalogues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maps {
    /// Techniques that it answers.
    #[serde(default)]
    pub attack: Vec<String>,
    /// D3FEND.
    #[serde(default)]
    pub d3fend: Vec<String>,
    /// Countermeasures of CISA's COUN7ER.
    #[serde(default)]
    pub coun7er: Vec<String>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Action {
    /// `EV-06`.
    pub id: String,
    /// What is done.
    pub title: String,
    /// Stage of the response.
    pub stage: String,
    /// When.
    pub wave: Wave,
    /// Kinds of what it is done to.
    pub targets: Vec<AssetKind>,
    /// Kinds of the removal list that it takes away: what of them is there afterwards opens it again.
    #[serde(default)]
    pub removes: Vec<TraceKind>,
    /// It is done once all of these are gone.
    #[serde(default)]
    pub done_when_gone: bool,
    /// How long one target takes.
    pub minutes: Minutes,
    /// Whether the intruder sees it.
    pub opsec: Opsec,
    /// More on it.
    #[serde(default)]
    pub what: String,
    /// References.
    pub maps: Maps,
    /// What must hold first.
    pub preconditions: Vec<String>,
    /// Actions that come before it.
    pub after: Vec<String>,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// What it may break.
    #[serde(default)]
    pub risk: String,
    /// What shows that it was done.
    pub verify: Vec<Verify>,
}

/// A rule of order that holds for many actions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrderRule {
    /// `OC-02`.
    pub id: String,
    /// In words.
    pub rule: String,
}

/// The catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ActionCatalog {
    /// Rules of order.
    pub order_constraints: Vec<OrderRule>,
    /// Actions, in the order in which they are numbered.
    pub actions: Vec<Action>,
}

impl ActionCatalog {
    /// An action by its id, `EV-06`, or its number, `A-25`.
    pub fn action(&self, name: &str) -> Option<(usize, &Action)> {
        let number = name.strip_prefix("A-").and_then(|number| number.parse::<usize>().ok());
        let mut all = self.actions.iter().enumerate();
        all.find(|(at, action)| action.id.eq_ignore_ascii_case(name) || number == Some(at + 1))
    }

    /// A rule in words.
    pub fn rule(&self, id: &str) -> &str {
        self.order_constraints.iter().find(|rule| rule.id == id).map_or("", |rule| rule.rule.as_str())
    }

    /// What is wrong with it, in a sentence.
    fn fault(&self) -> Option<String> {
        let mut ids = BTreeSet::new();
        let twice = self.actions.iter().find(|action| !ids.insert(action.id.as_str()));
        if let Some(action) = twice {
            return Some(format!("{} stands twice", action.id));
        }
        let lost =
            |action: &Action| action.after.iter().find(|before| !ids.contains(before.as_str())).cloned();
        self.actions.iter().find_map(|action| {
            lost(action).map(|before| format!("{} comes after {before}, which is not there", action.id))
        })
    }
}

static CATALOG: LazyLock<Result<ActionCatalog, String>> = LazyLock::new(|| {
    let catalog: ActionCatalog = yaml_serde::from_str(TEXT).map_err(|error| error.to_string())?;
    match catalog.fault() {
        Some(fault) => Err(fault),
        None => Ok(catalog),
    }
});

/// The catalogue.
///
/// # Errors
/// What is wrong with it: a bug of this program.
pub fn action_catalog() -> Result<&'static ActionCatalog, &'static str> {
    CATALOG.as_ref().map_err(String::as_str)
}
