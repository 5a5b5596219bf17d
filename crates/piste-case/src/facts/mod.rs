//! Facts: what persons have stated of the case, typed, in versions, each with who, when, why and rows.
//!
//! In: entries `fact.set` and `fact.unset` of the ledger. Out: the value in force of each fact and every earlier one. A fact
//! that is not set, or was set to `unknown`, is unknown; unknown never means no.

mod catalog;
mod history;
mod value;

pub use catalog::{Content, FactCatalog, FactDef, FactType, Lang, Words, fact_catalog};
pub use history::{Facts, Stated, Statement};
pub use value::{Moment, Number, Value, ValueError};
