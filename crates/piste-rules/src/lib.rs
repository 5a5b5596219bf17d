//! Rule text to a checked rule set: what can be hunted, what cannot, and why.
//!
//! In: Piste's own rules, rule folders and files of the user, and `catalog/logsources.yaml`. Out: a [`RuleSet`] of parsed
//! Sigma rules, each with the [`Gate`] that says which rows it may look at, and a [`NotRun`] for everything left out. No
//! rule is dropped silently. Evaluation is the hunt's; this crate knows no rows.

pub mod catalog;
pub mod correlation;

mod built_in;
mod check;
mod documents;
mod error;
mod files;
mod gate;
mod load;
mod read;
mod rule;

pub use built_in::{BUILT_IN, BUILT_IN_PATH};
pub use error::RuleError;
pub use gate::{Conditions, Gate};
pub use load::load;
pub use rule::{Logsource, NotRun, Rule, RuleSet, logsource_label};
