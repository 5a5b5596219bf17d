//! Rendering for people: the summary on the terminal, the report to hand on, the timeline for other tools.
//!
//! In: the figures, evidence, issues and findings of a run, and a stream of its detections (see [`Tallies`]). Out: text
//! for a terminal, one self-contained HTML page, CSV, and other tools' forms of a hit. Nothing here prints, reads a clock or looks at the environment, so
//! that equal runs give equal bytes. What comes from evidence was written by the intruder: it is escaped for the place
//! where it is shown, and cut.

pub mod answers;
pub mod calendar;
pub mod columns;
pub mod custody_sheet;
pub mod escape;
pub mod exports;
mod figures;
pub mod html;
pub mod notice;
pub mod profiles;
pub mod reading;
pub mod tallies;
pub mod terminal;
pub mod timeline;
pub mod trail_exports;
pub mod verify_sheet;
pub mod view;

pub use answers::{AnswerSources, CaseAnswer, answers};
pub use tallies::Tallies;
pub use timeline::TimelineCsv;
pub use view::{Area, Areas, Coverage, RunView, Style};
