//! What findings and rows mean together: flaws that were open, ways in, and what somebody did.
//!
//! In: the rows of the lake, what rules matched, and what the case knows beside it. Out: which builds were in force when and
//! which flaws that left open, how far clocks are apart, ways in with the ladder of their verdict, the trail of each intrusion,
//! and which spans of which logs are here, each with the rows that it rests on. Formats make rows, the engine says what
//! matches, this crate says what it means.

#![deny(clippy::indexing_slicing)]

pub mod clocks;
pub mod doors;
pub mod exposure;
pub mod trail;
pub mod verify;
pub mod visibility;
