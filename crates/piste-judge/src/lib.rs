//! What findings, doors and rows mean together.
//!
//! In: what rules matched, the ways in, measured clocks, and the rows of the lake. Out: the trail of each intrusion, and which spans of
//! which logs are here, each with the rows that it rests on. Formats make rows, the engine says what matches, this crate says what it
//! means.

#![deny(clippy::indexing_slicing)]

pub mod trail;
pub mod verify;
pub mod visibility;
