//! The nouns of an investigation: ids, time, schemas, evidence, detections, findings.
//!
//! In: nothing. Out: plain types that every other crate shares, with the names that `docs/schemas/` promises to
//! scripts. No I/O, no clock, no async here, so that the same input always gives the same bytes.

pub mod address;
pub mod clock;
pub mod coverage;
pub mod detection;
pub mod devices;
pub mod door;
pub mod evidence;
pub mod exchange;
pub mod exposure;
pub mod finding;
pub mod first_trace;
pub mod guard;
pub mod hash;
pub mod host;
pub mod id;
pub mod iis;
pub mod issue;
pub mod level;
pub mod locator;
pub mod reading;
pub mod reason;
pub mod removal;
pub mod schema;
pub mod sighting;
pub mod sources;
pub mod summary;
pub mod time;
pub mod trail;
pub mod visibility;
pub mod watchlist;

pub use clock::Clock;
pub use coverage::{Coverage, Covered, CoveredFigures, Days};
pub use detection::Detection;
pub use door::{Door, DoorState, DoorVerdict, Opened};
pub use evidence::{Damage, Evidence};
pub use exposure::{BuildSeen, Exposure, OpenSpan};
pub use finding::{DayCount, Entities, Finding, FindingKind, New, RowRef};
pub use first_trace::{FirstTrace, LastTrace, first_trace, last_trace};
pub use host::{HostByPlace, HostKnown};
pub use id::{EvidenceId, FindingId};
pub use issue::Issue;
pub use level::Level;
pub use reading::{ArtefactKind, NotExamined, ReadingCompleteness, ReadingHole};
pub use reason::{Reason, ReasonKind};
pub use sighting::Sighting;
pub use time::Instant;
pub use trail::Trail;
pub use visibility::{Because, Visibility, VisibilityKind};
