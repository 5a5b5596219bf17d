//! The catalogue on the scope of a case.
//!
//! In: actions, assets, what persons did. Out: each action with its targets and all that it waits for: what its own row names, and
//! what the eleven rules of order ask. A rule that would make a circle is a bug of the catalogue and is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::catalog::{Action, ActionCatalog, Opsec, Wave};
use super::progress::{ActionState, PlanProgress};
use super::scope::{Asset, AssetKind, Scope};
use super::window::{Window, window};

/// The decision to begin: nothing that the intruder sees comes before it.
const GO: &str = "EV-01";

/// Why one action waits for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "reason", content = "rule", rename_all = "kebab-case")]
pub enum WaitReason {
    /// Its own row says so.
    Catalogue,
    /// A rule of order, `OC-02`.
    Rule(String),
}

/// What an action waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Wait {
    /// `EV-01`.
    pub action: String,
    /// Why.
    #[serde(flatten)]
    pub reason: WaitReason,
}

/// An action of this case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedAction {
    /// `A-25`: its number in the catalogue, the same in every case.
    pub id: String,
    /// `EV-06`.
    pub action: String,
    /// What is done.
    pub title: String,
    /// When.
    pub wave: Wave,
    /// To what.
    pub targets: Vec<Asset>,
    /// Actions that come before it, `A-20`.
    pub after: Vec<String>,
    /// The same with the reasons.
    pub waits: Vec<Wait>,
    /// How far it is.
    pub state: ActionState,
    /// Who has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Findings, doors and intrusions that brought its targets in.
    pub because: Vec<String>,
    /// Countermeasures of CISA's COUN7ER.
    pub countermeasures: Vec<String>,
    /// What must hold first, and nobody has said that it does.
    pub preconditions: Vec<String>,
    /// What is in its way now: actions that are not done yet.
    pub blocked_by: Vec<String>,
    /// Whether the intruder may notice it.
    pub overt: bool,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// Likely minutes, over all targets.
    pub minutes: u32,
}

/// The plan of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In an order in which they can be done.
    pub actions: Vec<PlannedAction>,
    /// The eviction window by the minute.
    pub window: Window,
    /// Techniques of the case that no action answers.
    pub unanswered: Vec<String>,
}

/// Makes the plan.
///
/// # Errors
/// Where the rules of order make a circle: the ids of actions on it.
pub fn plan(catalog: &ActionCatalog, scope: &Scope, progress: &PlanProgress) -> Result<Plan, Vec<String>> {
    let waits: BTreeMap<&str, BTreeSet<Wait>> =
        catalog.actions.iter().map(|action| (action.id.as_str(), waits_of(catalog, action))).collect();
    let order = in_order(catalog, &waits)?;
    let targets: BTreeMap<&str, Vec<Asset>> =
        catalog.actions.iter().map(|action| (action.id.as_str(), targets_of(action, scope))).collect();
    // An action without a target in this case has nothing to be done and is in nobody's way.
    let is_live = |id: &str| targets.get(id).is_some_and(|targets| !targets.is_empty());
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut actions = Vec::new();
    for action in order {
        let Some(targets) = targets.get(action.id.as_str()).filter(|targets| !targets.is_empty()) else {
            done.insert(&action.id);
            continue;
        };
        let waits: Vec<Wait> = waits.get(action.id.as_str()).into_iter().flatten().cloned().collect();
        let blocked_by: Vec<String> = waits
            .iter()
            .map(|wait| wait.action.clone())
            .filter(|before| !done.contains(before.as_str()))
            .collect();
        let standing = progress.of(&action.id);
        let state = match standing {
            Some(standing) => standing.state,
            None if blocked_by.is_empty() => ActionState::Ready,
            None => ActionState::Planned,
        };
        if state.lets_go_on() {
            done.insert(&action.id);
        }
        let number = |id: &str| catalog.action(id).map(|(at, _)| format!("A-{}", at + 1)).unwrap_or_default();
        let because: BTreeSet<&String> = targets.iter().flat_map(|target| &target.because).collect();
        let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
        actions.push(PlannedAction {
            id: number(&action.id),
            action: action.id.clone(),
            title: action.title.clone(),
            wave: action.wave,
            targets: targets.clone(),
            after: waits
                .iter()
                .filter(|wait| is_live(&wait.action))
                .map(|wait| number(&wait.action))
                .collect(),
            waits: waits.into_iter().filter(|wait| is_live(&wait.action)).collect(),
            state,
            owner: standing.map(|standing| standing.owner.clone()).unwrap_or_default(),
            because: because.into_iter().cloned().collect(),
            countermeasures: action.maps.coun7er.clone(),
            preconditions: action.preconditions.clone(),
            blocked_by,
            overt: action.opsec == Opsec::Overt,
            reversible: action.reversible,
            minutes: action.minutes.likely().saturating_mul(count),
        });
    }
    let window = window(&actions);
    Ok(Plan { window, unanswered: unanswered(catalog, scope), actions })
}

fn targets_of(action: &Action, scope: &Scope) -> Vec<Asset> {
    let mut targets = Vec::new();
    for kind in &action.targets {
        if *kind == AssetKind::Organisation {
            targets.push(Asset {
                kind: *kind,
                name: "the organisation".to_owned(),
                host: String::new(),
                because: Vec::new(),
            });
        }
        targets.extend(scope.of(*kind));
    }
    // A thing may be brought in as several kinds.
    let mut seen = BTreeSet::new();
    targets.retain(|target| seen.insert((target.name.clone(), target.host.clone())));
    targets
}

/// What an action waits for: its row, and the rules of order that are about whole classes of actions.
fn waits_of(catalog: &ActionCatalog, action: &Action) -> BTreeSet<Wait> {
    let mut waits: BTreeSet<Wait> = action
        .after
        .iter()
        .map(|before| Wait { action: before.clone(), reason: WaitReason::Catalogue })
        .collect();
    let mut rule = |id: &str, before: &str| {
        let known = catalog.action(before).is_some() && before != action.id;
        if known && !waits.iter().any(|wait| wait.action == before) {
            waits.insert(Wait { action: before.to_owned(), reason: WaitReason::Rule(id.to_owned()) });
        }
    };
    let overt = action.opsec == Opsec::Overt;
    let of = |prefix: &str| action.id.starts_with(prefix);
    if overt {
        rule("OC-01", "SE-05");
        rule("OC-02", GO);
    }
    if overt && !action.reversible {
        rule("OC-01", "SE-04");
        rule("OC-01", "SE-06");
    }
    if action.id == GO {
        rule("OC-03", "SE-11");
    }
    if overt && (of("EV-") || of("ER-")) {
        rule("OC-06", "CO-03");
    }
    match action.id.as_str() {
        "EV-12" | "EV-13" | "ER-01" => rule("OC-05", "EV-05"),
        "EV-14" => {
            rule("OC-05", "EV-13");
            rule("OC-07", "EV-07");
            rule("OC-07", "ER-01");
        }
        "EV-07" => rule("OC-07", "EV-06"),
        "EV-09" => rule("OC-07", "EV-07"),
        "RE-01" => {
            rule("OC-08", "EV-03");
            rule("OC-08", "EV-07");
        }
        _ => {}
    }
    if action.wave == Wave::Later {
        rule("OC-11", "ER-09");
    }
    waits
}

/// The actions in an order in which each comes after what it waits for: by wave, then by number.
fn in_order<'c>(
    catalog: &'c ActionCatalog,
    waits: &BTreeMap<&str, BTreeSet<Wait>>,
) -> Result<Vec<&'c Action>, Vec<String>> {
    let mut left: Vec<(Wave, usize, &Action)> =
        catalog.actions.iter().enumerate().map(|(at, action)| (action.wave, at, action)).collect();
    left.sort_by_key(|(wave, at, _)| (*wave, *at));
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut order = Vec::new();
    while !left.is_empty() {
        let free = |action: &Action| {
            waits
                .get(action.id.as_str())
                .is_none_or(|waits| waits.iter().all(|wait| placed.contains(wait.action.as_str())))
        };
        let Some(at) = left.iter().position(|(_, _, action)| free(action)) else {
            return Err(left.into_iter().map(|(_, _, action)| action.id.clone()).collect());
        };
        let (_, _, action) = left.remove(at);
        placed.insert(&action.id);
        order.push(action);
    }
    Ok(order)
}

/// Techniques of the case that neither an action's nor a wider one of the same technique answers.
fn unanswered(catalog: &ActionCatalog, scope: &Scope) -> Vec<String> {
    let answered: BTreeSet<&str> =
        catalog.actions.iter().flat_map(|action| &action.maps.attack).map(|one| parent(one)).collect();
    scope.techniques.iter().filter(|one| !answered.contains(parent(one))).cloned().collect()
}

fn parent(technique: &str) -> &str {
    technique.split('.').next().unwrap_or(technique)
}
