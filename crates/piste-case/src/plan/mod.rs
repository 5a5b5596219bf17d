//! The plan: what is to be done about the intruder, on what, in which order, and how far it is.
//!
//! In: `catalog/actions.yaml`, the scope of the case and the ledger's entries `plan.*`. Out: a [`Plan`]: every action with its
//! targets, its wave, what it waits for and why, its state, and the eviction window by the minute. Nothing here is carried out.

mod build;
mod catalog;
mod progress;
mod scope;
#[cfg(test)]
mod tests;
mod window;

pub use build::{Plan, PlannedAction, Wait, WaitReason, plan};
pub use catalog::{Action, ActionCatalog, Minutes, OrderRule, Wave, action_catalog};
pub use progress::{ActionState, PlanDecision, PlanProgress};
pub use scope::{Asset, AssetKind, Scope};
pub use window::{Window, WindowStep};
