//! What is known of Exchange's builds and flaws: embedded data, read and checked once.
//!
//! In: `catalog/exchange-builds.csv`, `exchange-cves.csv` and `exchange-flaws.csv`. Out: which build is which update and
//! from when, and how a build stands to a flaw. A version says when code was fixed, never that a server was not entered before.

mod catalog;
mod flaws;
mod names;
mod version;

pub use catalog::{Catalog, CatalogError, Release, Update, catalog};
pub use flaws::{Flaw, Standing, Stands};
pub use names::{Named, in_words, named};
pub use version::Version;

#[cfg(test)]
mod tests;
