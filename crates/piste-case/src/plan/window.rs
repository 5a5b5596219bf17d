//! The eviction window by the minute.
//!
//! In: the planned actions. Out: when each action of the window can begin and end, counted from the decision to go, and the chain
//! that decides how long it all takes. Durations are planning figures: likely minutes for one target, targets one after another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::build::PlannedAction;
use super::catalog::Wave;

/// One action of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowStep {
    /// `A-20`.
    pub id: String,
    /// `EV-01`.
    pub action: String,
    /// Minutes after the window opens.
    pub begins: u32,
    /// Minutes after the window opens.
    pub ends: u32,
    /// Whether a delay here delays the end.
    pub critical: bool,
}

/// The window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Window {
    /// In the order of time.
    pub steps: Vec<WindowStep>,
    /// Minutes in all.
    pub minutes: u32,
}

/// Makes it.
pub(super) fn window(actions: &[PlannedAction]) -> Window {
    let mut steps: Vec<WindowStep> = Vec::new();
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    // The actions are in order: what one waits for is there before it.
    for action in actions.iter().filter(|action| action.wave == Wave::W1) {
        let begins =
            action.after.iter().filter_map(|before| ends.get(before.as_str())).max().copied().unwrap_or(0);
        let end = begins.saturating_add(action.minutes);
        ends.insert(&action.id, end);
        steps.push(WindowStep {
            id: action.id.clone(),
            action: action.action.clone(),
            begins,
            ends: end,
            critical: false,
        });
    }
    let minutes = steps.iter().map(|step| step.ends).max().unwrap_or(0);
    mark_critical(actions, &mut steps, minutes);
    steps.sort_by_key(|step| (step.begins, step.ends));
    Window { steps, minutes }
}

/// Walks back from what ends last.
fn mark_critical(actions: &[PlannedAction], steps: &mut [WindowStep], minutes: u32) {
    let mut at = minutes;
    let mut wanted: Option<Vec<String>> = None;
    while let Some(step) = steps.iter_mut().find(|step| {
        step.ends == at && !step.critical && wanted.as_ref().is_none_or(|wanted| wanted.contains(&step.id))
    }) {
        step.critical = true;
        at = step.begins;
        let action = actions.iter().find(|action| action.id == step.id);
        wanted = Some(action.map(|action| action.after.clone()).unwrap_or_default());
    }
}
