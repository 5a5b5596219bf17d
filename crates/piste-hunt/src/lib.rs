//! Rules over rows: detections, then findings.
//!
//! In: a checked rule set and batches of rows. Out: which rule matched which row, what the row is about, and the findings
//! that group such matches. Which engine evaluates the rules is behind [`Engine`]; the gate by logsource stands before it.

mod bits;
pub mod bundles;
mod columns;
pub mod correlate;
pub mod describe;
pub mod engine;
pub mod explain;
pub mod findings;
mod keywords;
mod matching;
pub mod plan;
mod row_event;
mod sieves;
pub mod sightings;
pub mod told;
mod values;
pub mod vector;
pub mod yara;

pub use engine::{Engine, Hit, RowEngine};
pub use findings::{Findings, Since, key_of};
pub use plan::Plan;
pub use vector::{Needs, VectorEngine};

/// Number of the engine's answers: another one where the same rules may find other rows.
pub const ENGINE: u32 = 2;
