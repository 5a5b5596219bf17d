//! The nouns of an investigation: ids, time, schemas, evidence, detections, findings.
//!
//! In: nothing. Out: plain types that every other crate shares, with the names that `docs/schemas/` promises to
//! scripts. No I/O, no clock, no async here, so that the same input always gives the same bytes.

pub mod detection;
pub mod evidence;
pub mod finding;
pub mod hash;
pub mod id;
pub mod issue;
pub mod level;
pub mod schema;
pub mod sources;
pub mod summary;
pub mod time;

pub use detection::Detection;
pub use evidence::{Damage, Evidence};
pub use finding::{DayCount, Entities, Finding, FindingKind, New, RowRef};
pub use id::{EvidenceId, FindingId};
pub use issue::Issue;
pub use level::Level;
pub use time::Instant;
