//! Rule text to a checked rule set: what can be hunted, what cannot, and why.
//!
//! In: Piste's own rules, rule folders and files of the user, filters, pipelines, placeholders, and
//! `catalog/logsources.yaml`. Out: a [`RuleSet`] of parsed Sigma rules, each with the [`Gate`] that says which rows it may
//! look at, and a [`NotRun`] for everything left out. No rule is dropped silently. Evaluation is the hunt's; this crate
//! knows no rows.

pub mod catalog;
pub mod correlation;
pub mod indicators;
pub mod yara;

mod also;
mod built_in;
mod check;
mod documents;
mod error;
mod files;
mod filters;
mod gate;
mod given;
pub mod growth;
mod load;
mod never;
mod options;
mod parallel;
mod pipelines;
mod placeholders;
mod read;
mod references;
mod rule;

pub use built_in::{BUILT_IN, BUILT_IN_PATH};
pub use error::RuleError;
pub use gate::{Conditions, Gate};
pub use given::Given;
pub use load::load;
pub use never::could_never_match;
pub use options::{LoadOptions, Selection};
pub use rule::{About, Logsource, NotRun, ParsedCorrelation, Rule, RuleSet, logsource_label};
