//! Correlations: tables of cases for each type, and properties against a naive reading of the specification.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails where it panics")]
#![expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "counts of a few dozen events")]

mod files;
mod nesting;
mod oracle;
mod support;
mod tables;
