//! The case: what was done with the evidence, in a record that shows any change made to it.
//!
//! In: values of `piste-model` and moments given by the caller. Out: `ledger.jsonl`, the ground state of a case beside the
//! sealed evidence. Nothing here reads a clock.

mod append;
mod canonical;
pub mod checkpoint;
pub mod custody;
pub mod database;
pub mod duties;
pub mod facts;
mod joins;
pub mod key;
pub mod ledger;
pub mod merge;
mod numbers;
pub mod person;
pub mod plan;
pub mod proof;
pub mod removal;
pub mod verdicts;

pub use joins::TrailJoins;
pub use key::{KeyError, PublicKey, SecretKey};
pub use ledger::{
    Entry, Ledger, LedgerError, Opened, Verified, kind, read_any, read_signed, read_with, verify,
};
pub use numbers::FindingNumbers;
pub use person::{Origin, Person};
