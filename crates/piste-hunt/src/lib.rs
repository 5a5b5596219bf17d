//! Rules over rows: detections, then findings.
//!
//! In: a checked rule set and batches of rows. Out: which rule matched which row, what the row is about, and the findings
//! that group such matches. Which engine evaluates the rules is behind [`Engine`]; the gate by logsource stands before it.

pub mod correlate;
pub mod describe;
pub mod engine;
pub mod findings;
mod keywords;
mod row_event;

pub use engine::{Engine, Hit, RowEngine};
pub use findings::Findings;
