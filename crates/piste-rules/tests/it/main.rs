//! The rule loader from outside: real rule sets, Piste's own rules, broken sets.
//!
//! In: folders of rules. Out: counts, gates and messages that users and scripts rely on.

mod built_in;
mod load;
mod rewrite;
mod sigmahq;
mod yara;
mod yara_built_in;

use piste_model::sources::Sources;

/// The built-in catalogue.
fn sources() -> Sources {
    piste_rules::catalog::sources().expect("the embedded catalogue parses")
}
